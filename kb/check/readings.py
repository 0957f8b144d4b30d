"""The sources of a report of ours against the ledger: each line is one that some reading of its source would have given.

The ledger is of now; the page was made when its own lines say. It reads the catalog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kb.catalog import Catalog, Run
from kb.check.desk import judged
from kb.check.forms import fields, moments, without_moments
from kb.check.parse import is_readable, parse
from kb.check.types import EXACT, UNKNOWN, WRONG_FIGURE, Finding, Statement
from kb.check.verbatim import as_shown, letters
from kb.escape import inert
from kb.ledger import RUNS_KEPT
from kb.lines import Line
from kb.report.markdown import markdown
from kb.report.types import Entry, Frame, Report, Section, Told
from kb.report.wording import ReportWords, report_words
from kb.types import LedgerRow, Record
from kb.wording import Words

_MOST_LINES = 500  # of sources that are looked at
_ONE_SYNC = timedelta(hours=1)  # within which all sources are read
_TRIES = 3  # lines for one source


@dataclass(frozen=True)
class Readings:
    """``findings`` on the lines of the sources, ``lacking`` are lines that are not there; ``ledger`` as the page tells it, with
    what it leaves out."""

    findings: tuple[Finding, ...]
    lacking: tuple[str, ...]
    ledger: tuple[LedgerRow, ...]


def readings(
    lines: Sequence[Statement],
    about: str,
    *,
    frame: Frame,
    entries: Sequence[Entry],
    catalog: Catalog,
    ledger: Sequence[LedgerRow] | None,
) -> Readings:
    """What the lines of sources say. ``about`` is the page's line with its repositories; ``ledger`` has the rows of the
    configured sources, and None where these are not known.

    Raises:
        CatalogError: the record store cannot be read.
    """
    known = tuple(row for row in (catalog.ledger() if ledger is None else ledger) if _concerns(row, frame))
    reader = _Reader(frame, entries, known, {row.source: catalog.runs(row.source, RUNS_KEPT) for row in known})
    findings = tuple(reader.read(lines))
    rows = tuple(reader.ledger(letters(about), configured=ledger is not None))
    return Readings(findings, tuple(reader.lacking(rows)), rows)


def _concerns(row: LedgerRow, frame: Frame) -> bool:
    return not frame.repos or row.repo in frame.repos or not row.repo


class _Reader:
    def __init__(
        self, frame: Frame, entries: Sequence[Entry], rows: Sequence[LedgerRow], runs: dict[str, tuple[Run, ...]]
    ) -> None:
        self.frame = frame
        self.words: ReportWords = report_words(frame.language)
        self.rows = {row.source: row for row in rows}
        self.runs = runs
        self.names = {row.source: letters(as_shown(inert(row.source))) for row in rows}
        self.records = [record for entry in entries for record in entry.records]
        self.sections = tuple(_sections(entries))
        self.told: dict[str, LedgerRow] = {}
        self.tries: defaultdict[str, int] = defaultdict(int)
        self.begun: set[str] = set()
        self.shown: dict[LedgerRow, Sequence[str]] = {}
        self.moments: list[datetime] = []  # that the page tells of its sources
        self.until = frame.as_of  # the page was made then, or later

    @property
    def base(self) -> Words:
        return self.words.base

    def read(self, lines: Sequence[Statement]) -> Iterator[Finding]:
        """A finding for each line; where history begins is read first, as it bears upon the other lines."""
        told = [(letters(said.text[:1_000]), self._moments(said)) for said in lines[:_MOST_LINES]]
        self.moments = [at for _, found in told for at in found]
        self.until = max(
            [
                self.until,
                *(
                    at
                    for name in self.rows
                    for at in self._ends(name)
                    for text, found in told
                    if _minute(at) in found and self.names[name] in text
                ),
            ]
        )
        rest = []
        for said in lines:
            begins = fields(self.base.statuses["begins"], said.text) if len(said.text) < 1_000 else None
            if begins:
                yield self._begins(said, begins["source"], begins["since"])
            else:
                rest.append(said)
        for at, said in enumerate(rest):
            if at >= _MOST_LINES or said.links or not is_readable(said):
                yield judged(said, [(UNKNOWN, "it is no line on a source")])
            else:
                yield self._line(said)

    def _moments(self, said: Statement) -> list[datetime]:
        return moments(said.text[:1_000], self.frame.zone, self.base)

    def _ends(self, name: str) -> list[datetime]:
        """When the readings of a source ended."""
        return [run.ended for run in self.runs[name] if run.ended]

    def _begins(self, said: Statement, source: str, since: str) -> Finding:
        name = next((name for name, shown in self.names.items() if shown == letters(source)), "")
        times = moments(since, self.frame.zone, self.base)
        if not name or not times or letters(without_moments(since, self.base)) != "\0" or said.links:
            return judged(said, [(UNKNOWN, "it is no line on a source that is known")])
        at = times[0]
        row = self.rows[name]
        if row.since and at < _minute(row.since):
            return judged(said, [(WRONG_FIGURE, f"it is stored from {self.base.moment(row.since, self.frame.zone)} on")])
        self.begun.add(name)
        same = row.since and self.base.moment(row.since, self.frame.zone) == since
        self.rows[name] = replace(row, since=row.since if same else at)
        return judged(said, [] if same else [(EXACT, "how far back a source was asked then is not stored")])

    def _line(self, said: Statement) -> Finding:
        text = letters(said.text)
        named = sorted((name for name, shown in self.names.items() if shown and shown in text), key=len, reverse=True)
        for name in named:
            if self.tries[name] >= _TRIES:
                continue
            self.tries[name] += 1
            reading = self._reading_of(name, said.text)
            if reading and name not in self.told:
                self.told[name] = reading
                return judged(said, [])
        name = next((name for name in named if name not in self.told), "")
        if not name:
            return judged(said, [(UNKNOWN, "it is told twice" if named else "no source of that name is known")])
        now = self._then(name)
        self.told[name] = now
        return judged(said, [(WRONG_FIGURE, f"no reading of it gave that; it is: {self._shown(now)}")])

    def _reading_of(self, name: str, line: str) -> LedgerRow | None:
        """The state of a source in which its line was as it is shown; None for none."""
        text, states = letters(line), self._states(name)
        found = next((row for row, at in states if letters(self._shown(row)) == text and not self._is_past(name, at)), None)
        if found or not self._is_before_history(name, line):
            return found
        masked = letters(without_moments(line, self.base))
        return next((row for row, _ in states if letters(without_moments(self._shown(row), self.base)) == masked), None)

    def _is_past(self, name: str, at: datetime | None) -> bool:
        """Whether the source had been read again before the page was made."""
        return any(ended <= self.until for ended in self._ends(name) if at is None or ended > at)

    def _is_before_history(self, name: str, line: str) -> bool:
        """Whether a line tells of a time of which no run is kept: of an older store, or too many runs ago."""
        every = [ended for source in self.runs for ended in self._ends(source)]
        told = moments(line[:1_000], self.frame.zone, self.base)
        if len(self.runs[name]) >= RUNS_KEPT and told and max(told) < _minute(min(self._ends(name))):
            return True
        return bool(every and told and self.moments) and max(self.moments) < _minute(min(every))

    def _states(self, name: str) -> list[tuple[LedgerRow, datetime | None]]:
        """The states that the ledger's row of a source has been in, the latest first, each with when it came about."""
        row, runs = self.rows[name], self.runs[name]
        blank = replace(row, status="never", started=None, ended=None, last_success=None, error="", truncated="")
        found: list[tuple[LedgerRow, datetime | None]] = [] if len(runs) >= RUNS_KEPT else [(blank, None)]
        last: datetime | None = None
        for run in reversed(runs):
            found.append((replace(blank, status="running", started=run.started, last_success=last), run.started))
            last = run.ended if run.status == "ok" else last
            ran = {key: getattr(run, key) for key in ("status", "started", "ended", "truncated", "error")}
            found.append((replace(blank, **ran, last_success=last), run.ended or run.started))
        found.append((row, row.ended or row.started))
        return found[::-1]

    def _then(self, name: str) -> LedgerRow:
        """A source as it stood when the page was made, as far as that is known; else as it stands."""
        states = self._states(name)
        return next((row for row, at in states if at and at <= self.until + _ONE_SYNC), states[0][0])

    def _shown(self, row: LedgerRow) -> str:
        """The line of a source in that state; "" where it has none."""
        return next((line for line in self._lines(row) if not self._tells_beginning(line)), "")

    def _lines(self, row: LedgerRow) -> Sequence[str]:
        if row not in self.shown:
            page = parse(markdown(Report(frame=self.frame, sections=self.sections, top=(), evidence={}, ledger=(row,))))
            self.shown[row] = [said.text for said in page.regions()[self.words.headings["sources"]] if said.kind == "item"]
        return self.shown[row]

    def _tells_beginning(self, line: str) -> bool:
        return fields(self.base.statuses["begins"], line) is not None

    # --- all of them ------------------------------------------------------------------------------------------------------

    def ledger(self, about: str, *, configured: bool) -> Iterator[LedgerRow]:
        """The rows of the sources in the order of the page, then those that it leaves out, each before the next one of those
        repositories that the page names behind its own."""
        rows = list(self.told.values())
        for name, row in self.rows.items():
            if name not in self.told and (name in self.begun or self._belongs(row, about, configured=configured)):
                later = (at for at, other in enumerate(rows) if _place(other, about) > _place(row, about))
                rows.insert(next(later, len(rows)), self._then(name))
        yield from rows

    def lacking(self, rows: Sequence[LedgerRow]) -> Iterator[str]:
        """Lines that a page with these rows would have, and this one has not."""
        for row in rows:
            told = {True: row.source in self.begun, False: row.source in self.told}
            yield from (line for line in self._lines(row) if not told[self._tells_beginning(line)])

    def _belongs(self, row: LedgerRow, about: str, *, configured: bool) -> bool:
        """Whether a page of then had to tell of a source: one that had been read, or the only one of what the page tells."""
        if configured and any(at <= self.until + _ONE_SYNC for at in self._ends(row.source)):
            return True
        beside = [other for other in self.told.values() if other.repo == row.repo]
        if row.repo and not beside and letters(row.repo) in about:
            return True
        kinds = {record.kind for record in self.records if record.repo == row.repo}
        told = {kind for other in beside for kind in other.kinds or kinds}
        return not configured and bool((kinds & set(row.kinds) if row.kinds else kinds) - told)


def _place(row: LedgerRow, about: str) -> int:
    return about.find(letters(row.repo)) if row.repo else -1


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _sections(entries: Sequence[Entry]) -> Iterator[Section]:
    """As little of a report as its lines on sources need: the records of each repository."""
    by_repo: defaultdict[str, list[Record]] = defaultdict(list)
    for entry in entries:
        for record in entry.records:
            by_repo[record.repo].append(record)
    first = {entry.view.record.repo: entry for entry in reversed(entries)}
    for repo, records in by_repo.items():
        one = Told(entry=replace(first[repo], records=tuple(records)), head=Line((), ()))
        yield Section(repo=repo, group="other", detail=False, told=(one,))
