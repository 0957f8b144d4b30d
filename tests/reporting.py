"""Helpers for tests of reports: frames, ledgers, a choice of one line, and the whole way from records to a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from kb.catalog import Catalog
from kb.protocols import Progress, silent
from kb.report.compose import Choice, compose
from kb.report.frame import frame
from kb.report.hunk import telling_hunk
from kb.report.types import Entry, Frame, Report, Sentence, Weight, Written
from kb.report.weight import Profile, choose, weigh
from kb.types import Evidence, LedgerRow, Record
from tests.records import REPO, START, day, put

NOW = day(40)


def at(
    number: float, length: str = "1d", *, zone: tzinfo = UTC, language: str = "en", now: datetime = NOW, **more: object
) -> Frame:
    """The frame whose last day is ``number`` days after the first of February 2026."""
    text = day(number).astimezone(zone).date().isoformat()
    return frame(now=now, zone=zone, day=text, length=length, language=language, **more)  # type: ignore[arg-type]


def row(source: str = "kernels", *, repo: str = REPO, read: float | None = 39.5, **more: object) -> LedgerRow:
    """A source that was read well after every window of these tests, unless ``read`` says otherwise."""
    last = None if read is None else day(read)
    values = {"status": "ok", "started": last, "ended": last, "last_success": last, "kinds": ("commit",), **more}
    return LedgerRow(source=source, use="git_commits", repo=repo, **values)  # type: ignore[arg-type]


class Titles:
    """A writer that says nothing."""

    def write(
        self,
        entries: Sequence[Entry],
        evidence: Mapping[str, Evidence],
        *,
        language: str = "en",
        progress: Progress = silent,
    ) -> Written:
        return Written(sentences={})


class Says(Titles):
    """A writer that says the same of every entry."""

    def __init__(self, *sentences: Sentence, **more: object) -> None:
        self.sentences = sentences
        self.more = more

    def write(
        self,
        entries: Sequence[Entry],
        evidence: Mapping[str, Evidence],
        *,
        language: str = "en",
        progress: Progress = silent,
    ) -> Written:
        told = {
            entry.id: tuple(replace(sentence, keys=sentence.keys or (entry.view.key,)) for sentence in self.sentences)
            for entry in entries
        }
        return Written(sentences=told, **self.more)  # type: ignore[arg-type]


def everything(hunks: bool = False) -> Choice:
    """Tells all in detail."""
    return Choice(
        weigh=lambda entry: Weight(1.0),
        choose=lambda entries: [entry.id for entry in entries],
        hunk=telling_hunk if hunks else lambda record: None,
    )


def nothing() -> Choice:
    """Tells all in tables."""
    return replace(everything(), choose=lambda entries: [])


def usual(days: int = 1, **profile: object) -> Choice:
    """Chooses as ``kb report`` does."""
    chosen = Profile(**{"topics": {}, "repos": {}, **profile})  # type: ignore[arg-type]
    return Choice(
        weigh=lambda entry: weigh(entry, chosen), choose=lambda entries: choose(entries, chosen, days=days), hunk=telling_hunk
    )


def report(
    catalog: Catalog,
    framed: Frame,
    *records: Record,
    choice: Choice | None = None,
    writer: object = None,
    ledger: Sequence[LedgerRow] | None = None,
) -> Report:
    """Store the records and make the report."""
    if records:
        put(catalog, *records)
    return compose(
        framed,
        catalog=catalog,
        ledger=(row(),) if ledger is None else ledger,
        choice=choice or everything(),
        writer=writer or Titles(),  # type: ignore[arg-type]
    )


__all__ = ["NOW", "START", "Says", "Titles", "at", "everything", "nothing", "report", "row", "usual"]
