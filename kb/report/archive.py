"""The archive: a folder with each report as a page and a sidecar, a front page, an index and a feed.

A report that is made again from the same facts is not written again. What a person changed is left as it is, unless forced.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import filelock

from kb.errors import ReportError
from kb.report.archived import (
    FEED,
    INDEX,
    README,
    Archived,
    Identity,
    archived,
    identity_of,
    index,
    is_name,
    is_ours,
    marked_identity,
    names,
    newest_first,
    readme,
)
from kb.report.feed import atom
from kb.report.frame import SINCE_LAST
from kb.report.swap import explained, finish, is_regular, read, replace_all
from kb.report.types import Edition
from kb.safe import json_text

_LOCK = ".kb-lock"
_MOST_REMARKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How a report stands in the archive.

    ``status``: written (it is new), rewritten, unchanged (the same facts as on the disk), or kept (a person changed the page,
    or what has its name is no report: it was left alone). ``files`` are those that were written, listings included; ``notes``
    are sentences for the person.
    """

    status: str
    name: str
    markdown: Path
    sidecar: Path
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Shelf:
    """What is in the folder: ``reports`` by name, and ``others``: names that are taken without a sidecar that can be read,
    with what the page says that it is, if it does."""

    reports: Mapping[str, Archived]
    others: Mapping[str, Identity | None]

    def identity(self, name: str) -> Identity | None:
        """Which report has this name; None where none has, or what has it does not say."""
        return self.reports[name].identity if name in self.reports else self.others.get(name)

    def name_of(self, wanted: Identity) -> str | None:
        return next((name for name in (*self.reports, *self.others) if self.identity(name) == wanted), None)

    def name_for(self, wanted: Identity) -> str:
        """The name that it has, else the shortest that no other report has. It may be taken by what is no report."""
        return self.name_of(wanted) or next(
            name for name in names(wanted, self.identity(wanted.day.isoformat())) if self.identity(name) is None
        )


@dataclass(frozen=True)
class Archive:
    """The reports in ``folder``, which need not exist yet.

    ``base_url`` is where the folder can be read on the web, for the feed. ``patience``: how many seconds to wait for another
    process that writes into the folder. Every method may raise ReportError: the folder cannot be read, or written.
    """

    folder: Path
    base_url: str = ""
    patience: float = 30.0

    def write(self, edition: Edition, *, force: bool = False) -> Stored:
        """Store a report, and bring the listings up to date; ``force`` writes also where nothing has changed, or a person has.

        Raises:
            ReportError: the folder cannot be written; or, without ``force``, the report that is there tells of other hours, or
                until a later moment. It holds what it held before.
        """
        with self._writing():
            shelf = self._shelf()
            name = shelf.name_for(identity_of(edition))
            if not force and name in shelf.reports:
                self._refuse_less(edition, shelf.reports[name])
            status, notes = self._status(edition, name, shelf, force=force)
            files = _files(edition, name) if status in ("written", "rewritten") else {}
            listings, remarks = self._listings(shelf, files)
            remarks += self._unlisted(shelf, name)
            replace_all(self.folder, {**files, **listings})
        return Stored(
            status=status,
            name=name,
            markdown=self.folder / f"{name}.md",
            sidecar=self.folder / f"{name}.json",
            files=tuple(self.folder / file for file in (*files, *listings)),
            notes=(*notes, *remarks),
        )

    def rebuild(self) -> tuple[Path, ...]:
        """Write front page, index and feed anew from the sidecars; gives those that changed.

        Raises:
            ReportError: the folder cannot be read or written.
        """
        with self._writing():
            listings, _ = self._listings(self._shelf(), {})
            replace_all(self.folder, listings)
        return tuple(self.folder / name for name in listings)

    def entries(self) -> list[Archived]:
        """The reports, newest first; those without a page are left out."""
        with explained(self.folder):
            return self._entries(self._shelf())

    def find(self, *, day: date, length: str, language: str, repos: tuple[str, ...] = ()) -> str | None:
        """The name of a report's files, without their ending; None where it is not there."""
        with explained(self.folder):
            return self._shelf().name_of(Identity(day, length, language, tuple(sorted(repos))))

    def last_end(self, *, language: str, repos: tuple[str, ...], day: date) -> datetime | None:
        """Until when the last whole report before ``day`` tells, of the same language and repositories; None for no such one.

        Reports of the day itself do not count: made again, it begins where it began before. Nor do those that were made before
        every source was read: what they lack belongs to the next.
        """
        wanted = (language, tuple(sorted(repos)))
        reports = [report for report in self.entries() if (report.identity.language, report.identity.repos) == wanted]
        return max((report.end for report in reports if report.identity.day < day and not report.provisional), default=None)

    # --- reading --------------------------------------------------------------------------------------------------------------

    def _shelf(self) -> _Shelf:
        reports: dict[str, Archived] = {}
        others: dict[str, Identity | None] = {}
        for name in self._names():
            sidecar = read(self.folder / f"{name}.json")
            report = archived(name, sidecar) if sidecar is not None else None
            if report:
                reports[name] = report
            else:
                others[name] = marked_identity(read(self.folder / f"{name}.md") or b"")
        return _Shelf(reports=reports, others=others)

    def _names(self) -> list[str]:
        try:
            found = {Path(name).stem for name in os.listdir(self.folder) if name.endswith((".md", ".json"))}
        except FileNotFoundError:
            return []
        return sorted(name for name in found if is_name(name))

    def _entries(self, shelf: _Shelf) -> list[Archived]:
        return newest_first(report for report in shelf.reports.values() if is_regular(self.folder / f"{report.name}.md"))

    def _status(self, edition: Edition, name: str, shelf: _Shelf, *, force: bool) -> tuple[str, list[str]]:
        """What is to be done with a report, and why, where that may surprise."""
        page, report = self.folder / f"{name}.md", shelf.reports.get(name)
        if name not in shelf.reports and name not in shelf.others:
            return "written", []
        if report and not os.path.lexists(page):
            return "written", []
        if force:
            return "rewritten", []
        if report is None:
            return "kept", [f"{page} was left as it is: {name}.json beside it is no sidecar; --force writes both anew"]
        if _digest(read(page) or b"") != report.markdown_sha256:
            return "kept", [f"{page} was left as it is: it was changed by hand; --force writes it anew"]
        return ("unchanged" if edition.fingerprint == report.fingerprint else "rewritten"), []

    def _refuse_less(self, edition: Edition, there: Archived) -> None:
        """Raise ReportError where ``edition`` tells of other hours than the report that is there, or less far."""
        new = archived(there.name, json_text(edition.sidecar).encode())
        if new is None:
            return
        page = self.folder / f"{there.name}.md"
        hours = edition.length != SINCE_LAST and (new.since, new.until) != (there.since, there.until)
        if hours or new.end < there.end:
            what = f"tells of {_span(there)}, and this one would of {_span(new)}"
            raise ReportError(f"{page}: {what}", remedy="write it elsewhere with --out, or replace it with --force")

    def _unlisted(self, shelf: _Shelf, written: str) -> list[str]:
        """A remark on each page that is left out of the listings, as nothing says what it is."""
        pages = [self.folder / f"{name}.md" for name in shelf.others if name != written]
        return [
            f"{page} is not listed: there is no sidecar beside it that can be read; make the report again with --force"
            for page in pages
            if is_regular(page)
        ][:_MOST_REMARKS]

    # --- writing --------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """The folder for this process alone; what a killed run left in it is brought to an end first."""
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with filelock.FileLock(self.folder / _LOCK, timeout=self.patience):
                    finish(self.folder)
                    yield
            except filelock.Timeout as error:
                raise ReportError(
                    f"{self.folder}: another process writes a report there", remedy="let it finish, then try again"
                ) from error

    def _listings(self, shelf: _Shelf, files: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
        """The listings that have to change once ``files`` are written, and a remark on each that is a person's own."""
        new = {name.removesuffix(".json"): content for name, content in files.items() if name.endswith(".json")}
        written = [report for name, content in new.items() if (report := archived(name, content))]
        reports = newest_first([*written, *(report for report in self._entries(shelf) if report.name not in new)])
        if not reports:
            return {}, []
        latest = f"{reports[0].name}.md"
        page = files[latest] if latest in files else read(self.folder / latest) or b""
        listings = {
            README: readme(reports, _without_mark(page.decode("utf-8", "replace"))).encode(),
            INDEX: index(reports).encode(),
            FEED: atom(reports, base_url=self.base_url),
        }
        own = [name for name in listings if not self._may_be_written(name)]
        remarks = [f"{self.folder / name} is not infra-kb's and was left as it is; move it away to have one" for name in own]
        changed = {
            name: content for name, content in listings.items() if name not in own and read(self.folder / name) != content
        }
        return changed, remarks

    def _may_be_written(self, listing: str) -> bool:
        path = self.folder / listing
        content = read(path)
        return is_ours(listing, content) if content is not None else not os.path.lexists(path)


def _files(edition: Edition, name: str) -> dict[str, bytes]:
    page = edition.markdown.encode("utf-8", "replace")
    sidecar = {**edition.sidecar, "markdown_sha256": _digest(page)}
    return {f"{name}.md": page, f"{name}.json": f"{json_text(sidecar, indent=1)}\n".encode()}


def _span(report: Archived) -> str:
    return f"{report.since:%Y-%m-%d %H:%M} to {report.end:%Y-%m-%d %H:%M} (UTC)"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _without_mark(page: str) -> str:
    """A page without the comment that says which report it is: the front page is none."""
    first, _, rest = page.partition("\n")
    return rest if first.startswith("<!--") else page
