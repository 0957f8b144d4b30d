"""The archive of reports as the pages need it: which there are, and one with what it cites. Foreign files do no harm."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kb.errors import ReportError
from kb.report.archive import Archive
from kb.report.archived import Archived
from kb.report.feed import atom
from kb.report.swap import explained, read
from kb.web.prose import Cited

LONGEST = 1_000_000  # bytes of a page that is shown; a longer one can be downloaded
_LARGEST = 50_000_000  # bytes of a file that is read at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A report of the archive: its two files; by its sidecar what it cites, and which language ``model`` wrote its sentences
    ("": none); and whether a person has changed its page since."""

    entry: Archived
    page: bytes
    sidecar: bytes
    cited: tuple[Cited, ...]
    model: str
    edited: bool

    @property
    def markdown(self) -> str:
        return self.page.decode("utf-8", "replace")


class Shelf:
    """The reports of ``archive()``, usable from any thread. What their sidecars say is read again only when a file changed."""

    def __init__(self, archive: Callable[[], Archive]) -> None:
        self._archive = archive
        self._mutex = threading.Lock()
        self._state: object = None
        self._entries: tuple[Archived, ...] = ()

    def entries(self) -> tuple[Archived, ...]:
        """Every report, newest first. Raises ReportError: the folder cannot be read."""
        archive = self._archive()
        with explained(archive.folder):
            state = (archive.folder, tuple(_files(archive)))
        with self._mutex:
            if state != self._state:
                self._entries, self._state = tuple(archive.entries()), state
            return self._entries

    def find(self, day: date, *, language: str, length: str = "", name: str = "") -> Archived | None:
        """The report of a day that fits best: called ``name``, else of this length, language, and all repositories."""

        def fit(entry: Archived) -> tuple[bool, ...]:
            about = entry.identity
            wanted = about.length == length if length else about.length == "1d"
            return entry.name == name, wanted, about.language == language, not about.repos

        return max((entry for entry in self.entries() if entry.identity.day == day), key=fit, default=None)

    def open(self, name: str) -> Opened:
        """The report called ``name``. Raises ReportError: there is none, or it cannot be read."""
        entry = next((entry for entry in self.entries() if entry.name == name), None)
        if entry is None:
            raise ReportError(f"there is no report {name[:60]!r}", remedy="choose another day")
        folder = self._archive().folder
        with explained(folder):
            page, sidecar = (_content(folder, f"{entry.name}.{ending}") for ending in ("md", "json"))
        values = _values(sidecar)
        return Opened(
            entry=entry,
            page=page,
            sidecar=sidecar,
            cited=tuple(_cited(values.get("citations"))),
            model=_model(values.get("writer")),
            edited=bool(entry.markdown_sha256) and hashlib.sha256(page).hexdigest() != entry.markdown_sha256,
        )

    def feed(self, base_url: str) -> bytes:
        """The latest reports as an Atom feed, whose links begin with ``base_url``."""
        return atom(self.entries(), base_url=base_url)


def _files(archive: Archive) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of what may be a report's file; nothing where there is no folder."""
    try:
        with os.scandir(archive.folder) as found:
            for entry in sorted(found, key=lambda one: one.name):
                if entry.name.endswith((".md", ".json")) and entry.is_file(follow_symlinks=False):
                    state = entry.stat(follow_symlinks=False)
                    yield entry.name, state.st_mtime_ns, state.st_size
    except FileNotFoundError:
        return


def _content(folder: Any, name: str) -> bytes:
    path = folder / name
    content = read(path) if path.is_file() and path.stat().st_size <= _LARGEST else None
    if content is None:
        raise ReportError(f"{name}: it is not there, or too large", remedy="make the report again")
    return content


def _values(sidecar: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(sidecar)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _cited(citations: object) -> Iterator[Cited]:
    for citation in citations if isinstance(citations, Sequence) else ():
        if isinstance(citation, dict):
            key, id, url = (citation.get(name) for name in ("key", "id", "url"))
            if isinstance(key, str) and isinstance(id, str) and isinstance(url, str):
                yield Cited(key, id, url)


def _model(writer: object) -> str:
    name = writer.get("model") if isinstance(writer, dict) else None
    return name if isinstance(name, str) else ""
