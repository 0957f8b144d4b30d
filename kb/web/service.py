"""What one process that serves the web app holds: the knowledge base that all its pages share, and what is counted of it."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from kb.background import Background
from kb.catalog import Filter
from kb.config import load_config
from kb.errors import KbError
from kb.web.activity import Activity
from kb.web.browse import Browser
from kb.web.browsing import stored
from kb.web.examples import Example, examples
from kb.web.limits import FairSemaphore, Limits, Rate
from kb.web.reader import Reader
from kb.wiring import Asked, KnowledgeBase, open_kb

_LOG = logging.getLogger(__name__)
_GRACE = 60.0  # seconds for what uses a replaced knowledge base without having said so
_EACH = Rate(per_second=1.0, burst=20)
_ALL = Rate(per_second=25.0, burst=100)
_AT_WORK = max(2, os.cpu_count() or 1)  # requests of programs that compute at once; the others wait in order


@dataclass(eq=False)
class _Opened:
    """A knowledge base with what counts in its catalog; ``users`` is how many are at it."""

    base: KnowledgeBase
    users: int = 0
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def activity(self) -> Activity:
        return Activity(self.base.catalog, self.base.config.zone)

    @cached_property
    def browse(self) -> Browser:
        return Browser(self.base.catalog)


class Service:
    """One for a process; usable from any thread. Close it when the process ends.

    ``background`` has the jobs that run meanwhile. ``trusted``: whoever reaches it may change what is read (see
    ``kb.cli_serve``). ``grace``: seconds for which a replaced knowledge base stays open, whether or not it is in use.

    Raises:
        ConfigError: the configuration cannot be used.
    """

    def __init__(self, config: Path, *, data_dir: Path | None = None, trusted: bool = True, grace: float = _GRACE) -> None:
        self.trusted = trusted
        self.limits = Limits(_EACH, _ALL)
        self.work = FairSemaphore(_AT_WORK)
        self._path = config
        self._data_dir = data_dir
        self._grace = grace
        self._mutex = threading.Lock()
        self._retired: list[_Opened] = []
        self._timers: list[threading.Timer] = []
        self._examples: dict[tuple[str, int], tuple[Example, ...]] = {}
        self._current = self._open()
        self.background = Background(self.base.config, data_dir, synced=self._synced)

    def _open(self) -> _Opened:
        base = open_kb(load_config(self._path), data_dir=self._data_dir)
        _ = base.sources  # what is wrong with them is said now
        return _Opened(base)

    @property
    def base(self) -> KnowledgeBase:
        """The knowledge base, for a call of seconds; what takes longer goes through ``using``."""
        return self._latest().base

    @property
    def activity(self) -> Activity:
        """Raises CatalogError: nothing has been read yet."""
        return self._latest().activity

    @property
    def browse(self) -> Browser:
        """Raises CatalogError: nothing has been read yet."""
        return self._latest().browse

    @contextlib.contextmanager
    def using(self) -> Iterator[KnowledgeBase]:
        """The knowledge base, open until the block ends, also where it is replaced meanwhile."""
        opened = self._latest(users=1)
        try:
            yield opened.base
        finally:
            with self._mutex:
                opened.users -= 1

    def _latest(self, *, users: int = 0) -> _Opened:
        """What is open; opened anew where the store's file was replaced or taken away, as nobody else sees the old one."""
        with self._mutex:
            before = self._current
            if before.base.is_stale:
                self._current = _Opened(open_kb(before.base.config, data_dir=self._data_dir))
                self._retired.append(before)
                self._examples.clear()
            opened = self._current
            opened.users += users
        if opened is not before:
            _LOG.warning("the store's file was replaced or taken away: what is there now is read")
            self._later()
        return opened

    def reload(self) -> None:
        """Take up a changed kb.toml. The old knowledge base is closed when nothing uses it any more.

        Raises:
            ConfigError: it cannot be used; the old one stays.
        """
        opened = self._open()
        with self._mutex:
            self._retired.append(self._current)
            self._current = opened
            self._examples.clear()
        self.background.use(opened.base.config)
        self._later()

    def _synced(self) -> None:
        """After a sync there may be repositories that the knowledge base did not know when it was opened."""
        with self._mutex:
            self._examples.clear()
        try:
            if not set(self.base.catalog.repos()) <= set(self.base.repos):
                self.reload()
        except KbError as error:
            _LOG.info("not reloaded after a sync: %s", error.message)

    def _later(self) -> None:
        timer = threading.Timer(self._grace, self._close_retired)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _close_retired(self) -> None:
        with self._mutex:
            done = [opened for opened in self._retired if not opened.users]
            self._retired = [opened for opened in self._retired if opened.users]
        for opened in done:
            opened.base.__exit__(None, None, None)
        if self._retired:
            self._later()

    def close(self) -> None:
        """Close everything, whoever is still at it; what runs in the background ends where it can be taken up again."""
        self.background.close()
        for timer in self._timers:
            timer.cancel()
        for opened in (*self._retired, self._current):
            opened.base.__exit__(None, None, None)

    # --- who reads -----------------------------------------------------------------------------------------------------------

    def reader(self, language: str) -> Reader:
        """Who reads now, in "en" or "zh"."""
        return Reader(datetime.now(UTC), self.base.config.zone, language)

    @staticmethod
    def language(accept_language: str) -> str:
        """The language of the pages, by what a browser says that its user reads.

        >>> Service.language("de, zh-CN;q=0.8, en;q=0.5")
        'zh'
        """
        best, chosen = 0.0, "en"
        for part in accept_language[:400].split(","):
            name, _, weight = part.strip().partition(";")
            language = name.strip().casefold().partition("-")[0]
            found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", weight)
            quality = float(found[1]) if found else 0.0 if weight else 1.0
            if language in ("en", "zh") and quality > best:
                best, chosen = quality, language
        return chosen

    def delay(self, host: str, user: str = "") -> float:
        """Seconds for which a client has to wait before it may ask; 0: it may, and that is counted.

        Clients of this machine are one person, who is held to the rate of all only.
        """
        return self.limits.wait(user or ("" if _is_loopback(host) else host))

    # --- what is ready -------------------------------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """The name of the configured language model, "" for none."""
        chosen = self.base.config.llm
        return chosen.model if chosen.provider != "none" else ""

    def offered(self, reader: Reader) -> tuple[Example, ...]:
        """Questions that the store has answers to.

        Raises:
            CatalogError: it has no records, or cannot be read.
        """
        with self.using() as base:
            catalog = stored(base)
            key = (reader.language, catalog.size())
            if key not in self._examples:
                self._examples[key] = examples(catalog, lambda text: base.scope(Asked(text))[0], reader)
            return self._examples[key]

    def examples(self, reader: Reader) -> tuple[Example, ...]:
        """The same; none while the store is empty or cannot be read."""
        try:
            return self.offered(reader)
        except KbError as error:
            _LOG.info("no examples: %s", error.message)
            return ()

    def warm(self) -> threading.Thread:
        """Load what the first question would have to wait for, in the background, and begin to keep the sources fresh."""
        self.background.start()
        thread = threading.Thread(target=self._warm, name="kb-warm", daemon=True)
        thread.start()
        return thread

    def _warm(self) -> None:
        try:
            with self.using() as base:
                base.search(Asked("warm up"), limit=1)
            for language in ("en", "zh"):
                self.examples(self.reader(language))
            self.activity.kinds(Filter())
        except KbError as error:
            _LOG.info("not warmed up: %s", error.message)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")
