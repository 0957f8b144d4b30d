"""What a report is made of: frozen values, without behaviour beyond what follows from their own fields.

Every record of the window stands in exactly one ``Entry``: a change with its pull request and what its merge brought, a
release, a thread, a paper. An entry is told in detail or is a row of a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Protocol

from kb.lines import Line, View
from kb.protocols import Progress, silent
from kb.types import Evidence, LedgerRow, Quote, Record, Window

# What an entry is listed under within its repository, in this order.
GROUPS = (
    "releases",
    "reverts",
    "features",
    "fixes",
    "performance",
    "models",
    "refactoring",
    "docs",
    "tests",
    "ci",
    "dependencies",
    "versions",
    "other",
    "opened pulls",
    "closed pulls",
    "opened issues",
    "closed issues",
    "papers",
    "posts",
    "hub",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a report is about, resolved: ``day`` names it and is the last day of the window, by the calendar of ``zone``.

    ``length`` is "1d", "7d" or "since-last". ``as_of`` is the window's end, or now where that comes first: nothing later is
    told, so that the report of a past day is the same whenever it is made. Empty ``repos`` mean all.
    """

    day: date
    length: str
    window: Window
    zone: tzinfo
    as_of: datetime
    language: str = "en"
    repos: tuple[str, ...] = ()

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in the window, and had come when it was told."""
        start, end = self.window.start, self.window.end
        return (start is None or at >= start) and (end is None or at < end) and at <= self.as_of


@dataclass(frozen=True, slots=True)
class Weight:
    """How much an entry matters; ``reasons`` are short words that say by what, weightiest first ("revert", "topic:moe")."""

    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of an entry.

    ``verbatim``: it stands in a record that it cites, white space apart; else a model wrote it, and every figure, name and
    quote in it has to. ``role``: what (changed), why (it matters), problem (what was so before the change, in words that could
    be taken for what is so now), reason (a clause without what it is the reason of: "As it slows the decode down"), asks (what
    a thread wants), finds (what a paper claims).
    """

    text: str
    keys: tuple[str, ...]
    role: str = "what"
    verbatim: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a report: ``view`` is its record with all that stands beside it, ``also`` the pull request of a commit
    where both are stored. ``records`` are the records of the window that it stands for, itself first.

    ``relanded``: of a revert the key of the entry of this window that brings back what it took out, whose ``relands`` is the
    revert's key.
    """

    view: View
    group: str
    records: tuple[Record, ...]
    also: View | None = None
    weight: Weight = Weight(0.0)
    detail: bool = False
    sentences: tuple[Sentence, ...] = ()
    hunk: Quote | None = None
    relanded: str = ""
    relands: str = ""

    @property
    def id(self) -> str:
        return self.view.record.id

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records that it stands for, its own first."""
        return tuple(record.id for record in self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a writer gives back: the sentences of each entry by its id; "" is the outlook's.

    ``removed`` counts sentences that failed verification twice; ``fallen_back`` are the ids of entries that the extractive
    writer had to tell instead. ``usage`` says what it cost: requests, prompt_tokens, completion_tokens, cached, seconds.
    """

    sentences: Mapping[str, tuple[Sentence, ...]]
    removed: int = 0
    fallen_back: tuple[str, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    problems: tuple[str, ...] = ()


class Writer(Protocol):
    """Tells entries in sentences. It never sees more of an entry than the entry and the evidence for its keys."""

    def write(
        self,
        entries: Sequence[Entry],
        evidence: Mapping[str, Evidence],
        *,
        language: str = "en",
        progress: Progress = silent,
    ) -> Written:
        """Sentences for each entry; an entry that nothing can be said of beyond its title has none. Never raises for one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An entry as it stands on the page: each part has been verified, and what failed is not here.

    ``head`` says what it is called and where it is, ``cells`` are the further columns of a row, ``facts`` the line below the
    sentences, ``children`` what a merge brought.
    """

    entry: Entry
    head: Line
    cells: tuple[Line, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    facts: Line | None = None
    hunk: Quote | None = None
    children: tuple[Line, ...] = ()

    @property
    def records(self) -> int:
        """How many records of the window it stands for."""
        return len(self.entry.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading of a report with what stands below it; ``repo`` is "" for what belongs to none. Of ``group`` "smaller" the
    rows are of several groups."""

    repo: str
    group: str
    detail: bool
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """A version that was tagged, and has no release that could tell of it: ``commits`` it has that ``previous`` has not.

    ``at`` is when it was tagged where ``dated``, else when its commit was made: a lightweight tag has no date. ``early``: it
    is a prerelease; ``also`` are the earlier ones of the same version, latest first, whose commits are counted with it.
    ``same`` is the tag that stands at the same commit, where there is one; nothing is then to be counted.
    """

    repo: str
    name: str
    at: datetime
    previous: str
    commits: int
    url: str
    dated: bool = True
    early: bool = False
    also: tuple[str, ...] = ()
    same: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report as values. ``sections`` are in the order of the page; ``top`` are the weightiest entries, best first.

    ``provisional`` says that the window, or the reading of a source, had not ended when it was made. ``removed`` counts
    statements that failed verification and stand nowhere. ``outlook`` is a model's, and empty without one.
    """

    frame: Frame
    sections: tuple[Section, ...]
    top: tuple[Told, ...]
    evidence: Mapping[str, Evidence]
    ledger: tuple[LedgerRow, ...]
    tagged: tuple[Tagged, ...] = ()
    provisional: bool = False
    removed: int = 0
    outlook: tuple[Sentence, ...] = ()
    written: Written | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A report as it goes into the archive: its texts, and what tells it from the others of its day.

    ``sidecar`` is the JSON object with every claim. ``provisional`` as in Report: such an edition may be replaced by the next.
    ``fingerprint`` is equal for two editions of the same facts (see kb.report.fingerprint).
    """

    day: date
    length: str
    language: str
    repos: tuple[str, ...]
    title: str
    summary: str  # some sentences of plain text
    markdown: str
    sidecar: Mapping[str, Any]
    window: Window
    fingerprint: str
    provisional: bool = False
