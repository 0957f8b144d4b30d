"""What goes on while questions are answered: reading the sources, now and at an interval; writing reports; trying a source.

One job of each sort at a time, each with a knowledge base of its own, so that it shares no connection with those who ask.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from kb.config import Config
from kb.errors import KbError, QueryError, ReportError, SyncRunningError
from kb.jobs import Job, Work
from kb.reports import Made, Wanted, archive_of, configured_ledger, make_report
from kb.sources_file import Draft
from kb.sync import SyncReport
from kb.trial import Trial, try_source
from kb.wiring import open_kb

_log = logging.getLogger(__name__)

SYNC, REPORT, TRIAL = "sync", "report", "trial"
_LONGEST_NAP = 60.0  # seconds: the clock of a machine that slept has moved on meanwhile
_PATIENCE = 4.0  # seconds that a cancelled job may take to end by itself
_TO_BATCH_END = 60.0  # seconds: a sync ends by itself, at the latest when the cards of its last batch are embedded
_GOODBYE = 5.0  # seconds that closing waits for what runs

Result = TypeVar("Result")


def _nothing() -> None:
    """Nobody wants to know."""


class Background:
    """The jobs of one process over one configuration; a context manager. Every method may be called from any thread.

    ``synced`` is called in the job's thread after each sync that has ended well or in part: what is kept in memory of the store
    may be stale.
    """

    def __init__(self, config: Config, data_dir: Path | None = None, *, synced: Callable[[], None] = _nothing) -> None:
        self._config = config
        self._data_dir = data_dir
        self._synced = synced
        self._mutex = threading.Lock()
        self._jobs: dict[str, Job[Any]] = {}
        self._tried: datetime | None = None
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep_fresh, name="sync-every", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Begin to keep the sources fresh, where the configuration says how often; a second call does nothing."""
        with self._mutex:
            if self._keeper.ident is None:
                self._keeper.start()

    def use(self, config: Config) -> None:
        """What begins from now on goes by this configuration."""
        with self._mutex:
            self._config = config
        self._wake.set()

    def close(self) -> None:
        """Begin nothing more, cancel what runs, and wait some seconds for its end."""
        with self._mutex:
            self._closed.set()
            jobs = list(self._jobs.values())
        self._wake.set()
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait(_GOODBYE)
        if self._keeper.is_alive():
            self._keeper.join(_GOODBYE)

    # --- jobs -------------------------------------------------------------------------------------------------------------

    def sync(self, names: tuple[str, ...] = ()) -> Job[SyncReport]:
        """Read the named sources, or all, and index what is new.

        Raises:
            SyncRunningError: one is running in this process; one that another process runs ends the job with this error.
        """
        config = self._config

        def work(progress: Any, stop: threading.Event) -> SyncReport:
            try:
                with open_kb(config, data_dir=self._data_dir, progress=progress) as base:
                    return base.sync(names, stop=stop)
            finally:
                self._tried = datetime.now(UTC)
                self._synced()

        busy = SyncRunningError("the sources are being read already", remedy="let it finish, or cancel it")
        return self._begin(SYNC, work, about=", ".join(names), busy=busy, patience=_TO_BATCH_END)

    def report(self, wanted: Wanted, *, force: bool = False) -> Job[Made]:
        """Write a report into the archive; ``force`` replaces also one that a person changed.

        Raises:
            ReportError: another one is being written.
        """
        config = self._config

        def work(progress: Any, stop: threading.Event) -> Made:
            with open_kb(config, data_dir=self._data_dir, progress=progress) as base:
                return make_report(base, wanted, archive_of(base.config), force=force, progress=progress)

        busy = ReportError("another report is being written", remedy="let it finish, or cancel it")
        return self._begin(REPORT, work, about=wanted.day, busy=busy)

    def trial(self, draft: Draft) -> Job[Trial]:
        """Read the beginning of the source that a draft adds, and store nothing.

        Raises:
            QueryError: another one is being tried.
        """
        busy = QueryError("another source is being tried", remedy="let it finish, or cancel it")
        return self._begin(
            TRIAL, lambda progress, stop: try_source(draft, progress=progress, stop=stop), about=draft.name, busy=busy
        )

    def latest(self, sort: str) -> Job[Any] | None:
        """The job of this sort (SYNC, REPORT, TRIAL) that runs, or that ran last; None where there was none."""
        with self._mutex:
            return self._jobs.get(sort)

    def cancel(self, sort: str) -> None:
        """Cancel the job of this sort, where one runs."""
        job = self.latest(sort)
        if job:
            job.cancel()

    def _begin(self, sort: str, work: Work[Result], *, about: str, busy: KbError, patience: float = _PATIENCE) -> Job[Result]:
        with self._mutex:
            if self._closed.is_set():
                raise QueryError("the server is being shut down")
            before = self._jobs.get(sort)
            if before and before.state.active:
                raise busy
            job = Job(work, about=about or sort, patience=patience)
            self._jobs[sort] = job
            return job

    # --- the interval -----------------------------------------------------------------------------------------------------

    def _keep_fresh(self) -> None:
        """Sync whenever the last success is older than ``sync_every``; what goes wrong stands in the ledger, or in the log."""
        while not self._closed.is_set():
            try:
                wait = self._due_in()
                if wait <= 0:
                    self.sync().wait()
                    continue
            except SyncRunningError:
                wait = 1.0  # somebody was faster: what that brings counts as well
            except Exception:  # the next interval may go better, and without this thread there is none
                if self._closed.is_set():
                    return
                _log.exception("the sources could not be kept fresh")
                self._tried, wait = datetime.now(UTC), _LONGEST_NAP
            self._wake.wait(min(wait, _LONGEST_NAP))
            self._wake.clear()

    def _due_in(self) -> float:
        """Seconds until the next sync by the interval; infinite without one."""
        config = self._config
        every = config.sync_every
        if every is None or not config.sources:
            return float("inf")
        times = [at for at in (self._last_success(config), self._tried) if at]
        return (max(times) + every - datetime.now(UTC)) / timedelta(seconds=1) if times else 0.0

    def _last_success(self, config: Config) -> datetime | None:
        """Until when every source was read; None where one never was."""
        with open_kb(config, data_dir=self._data_dir) as base:
            ends = [row.last_success for row in configured_ledger(base)]
        return min((end for end in ends if end), default=None) if all(ends) else None
