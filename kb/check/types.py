"""What a check of a report gives: its statements, a verdict for each, and what the page as a whole lacks. Frozen values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kb.report.types import Frame

EXACT = "exact"
MISLABELLED = "mislabelled"
WRONG_FIGURE = "wrong figure"
NOT_IN_WINDOW = "not in window"
UNKNOWN = "unknown"
VERDICTS = (EXACT, MISLABELLED, WRONG_FIGURE, NOT_IN_WINDOW, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page: the text that it shows, which is ``statement.text[start:end]``, and where it leads.

    ``url`` is "" for a record's key without a link ("kernels@9329fb4").
    """

    text: str
    url: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A piece of a page with its line (1-based).

    ``kind``: heading, prose, item (the head of a list item), columns (what those of a table are called), row (of a table),
    fence (code; its line is its first row's), html.
    ``text`` is as shown, code in backticks, LF where the source has a new line. ``within`` are the numbers of the containers
    that it stands in, outermost first (see Page). ``strong`` are the spans of the text in bold. A row has ``cells`` under
    ``columns``; a fence has its ``info``.
    """

    line: int
    kind: str
    text: str
    links: tuple[Link, ...] = ()
    within: tuple[int, ...] = ()
    strong: tuple[tuple[int, int], ...] = ()
    cells: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    info: str = ""

    def line_of(self, at: int) -> int:
        """The line of the character at a place in ``text``."""
        return self.line + self.text.count("\n", 0, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as statements, in order. ``kinds`` maps a container's number to page, section, list, item or quote; ``headings`` a
    section's number to its heading and its level (7 for a paragraph in bold that serves as one). ``markup`` is what shows, or
    hides, something by other means than text: raw HTML and images."""

    statements: tuple[Statement, ...]
    kinds: Mapping[int, str]
    headings: Mapping[int, tuple[Statement, int]]
    markup: tuple[Fault, ...] = ()

    def titles(self, statement: Statement) -> list[str]:
        """The headings that a statement stands under, outermost first."""
        return [self.headings[at][0].text for at in statement.within if at in self.headings]

    def level(self, statement: Statement) -> int:
        """The level of a heading; 0 for anything else, and for a heading within a list."""
        last = statement.within[-1] if statement.within else 0
        heading, level = self.headings.get(last, (None, 0))
        return level if heading == statement else 0

    def regions(self) -> dict[str, list[Statement]]:
        """Heading of the second level -> the statements below it, itself first; "" for those above the first."""
        found: dict[str, list[Statement]] = {}
        for said in self.statements:
            headings = [self.headings[at] for at in said.within if at in self.headings]
            name = next((heading.text for heading, level in headings if level == 2), "")
            found.setdefault(name, []).append(said)
        return found


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict on a statement: ``reason`` says what is wrong, or of what is exact how little could be checked, else "";
    ``ids`` are the records it was held to."""

    line: int
    verdict: str
    text: str
    reason: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the page rather than with a claim: a heading with nothing below it, say. Line 0 is the whole page."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A record that is the subject of several entries, with their lines."""

    id: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What was found, in the order of the page. ``own``: it is a report of infra-kb, and was checked for completeness too.

    ``frame`` is what the page says it is about; None where it does not, and then no record is held to a window. ``missing`` are
    the ids of records of the window that the page does not have. ``counts`` maps a verdict to how many statements have it;
    ``unchecked`` are those of the exact ones that nothing but their link was checked of, which are not among ``counts``.
    """

    frame: Frame | None
    own: bool
    findings: tuple[Finding, ...]
    faults: tuple[Fault, ...] = ()
    missing: tuple[str, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every statement is exact and nothing is missing, repeated or at fault."""
        wrong = any(finding.verdict != EXACT for finding in self.findings)
        return not (wrong or self.faults or self.missing or self.repeated)

    @property
    def unchecked(self) -> int:
        return sum(finding.verdict == EXACT and bool(finding.reason) for finding in self.findings)


def count(findings: tuple[Finding, ...]) -> dict[str, int]:
    """verdict -> how many statements have it, each verdict present; without those that are exact as far as anybody can tell."""
    found = Counter(finding.verdict for finding in findings if finding.verdict != EXACT or not finding.reason)
    return {verdict: found[verdict] for verdict in VERDICTS}
