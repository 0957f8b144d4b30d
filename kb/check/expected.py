"""The page that a report of ours would be, had it chosen as the page at hand: to hold one against the other, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from kb.catalog import Catalog
from kb.check.desk import judged
from kb.check.parse import is_readable, parse
from kb.check.types import UNKNOWN, WRONG_FIGURE, Fault, Finding, Page, Statement
from kb.check.verbatim import letters
from kb.protocols import Progress, silent
from kb.report.compose import Choice, compose
from kb.report.markdown import markdown
from kb.report.types import Entry, Frame, Weight, Written
from kb.safe import one_line
from kb.types import Evidence, LedgerRow

NOT_OURS = "no report has such a line, and it cites nothing"
_ALIKE = 0.5  # from which on a line is meant to be another one
_COMPARED = 300  # characters of a line that are
_MOST_STRAYS = 60  # lines for which a likely one is looked for


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a page chose, as far as it shows it. ``detail`` are the ids of entries that it tells in detail, ``top`` those that
    it calls the weightiest, best first; ``removed`` and ``written`` are what it says of how it was written."""

    detail: frozenset[str]
    top: Sequence[str]
    removed: int
    written: Written


class _Silent:
    """A writer that says nothing, and of itself what a page says."""

    def __init__(self, written: Written) -> None:
        self.written = written

    def write(
        self,
        entries: Sequence[Entry],
        evidence: Mapping[str, Evidence],
        *,
        language: str = "en",
        progress: Progress = silent,
    ) -> Written:
        return self.written


def expected_page(frame: Frame, chosen: Chosen, *, catalog: Catalog, ledger: Sequence[LedgerRow]) -> Page:
    """The page without sentences and hunks, from what the store knows now of the time that it tells.

    Raises:
        CatalogError: the record store cannot be read.
    """
    weights = {id: float(len(chosen.top) - at) for at, id in enumerate(chosen.top)}
    report = compose(
        frame,
        catalog=catalog,
        ledger=ledger,
        choice=Choice(
            weigh=lambda entry: Weight(weights.get(entry.id, 0.0)),
            choose=lambda entries: chosen.detail,
            hunk=lambda record: None,
        ),
        writer=_Silent(chosen.written),
    )
    return parse(markdown(replace(report, removed=max(report.removed, chosen.removed))))


def same(one: Statement, other: Statement) -> bool:
    """Whether two statements show the same, and lead to the same."""
    return _form(one) == _form(other)


def _form(said: Statement) -> tuple[str, tuple[str, ...]]:
    return letters(said.text), tuple(link.url for link in said.links if link.url)


def compared(
    shown: Sequence[Statement], wanted: Sequence[Statement], *, first: Callable[[Statement], Finding | None]
) -> Iterator[Finding | Fault]:
    """A finding for each statement that is shown: exact where it is wanted, else what ``first`` finds wrong with it, else
    what it should be, if anything; then a fault for each that is wanted and not shown."""
    left = list(wanted)
    strays = []
    for said in shown:
        twin = next((one for one in left if same(one, said)), None)
        if twin:
            left.remove(twin)
            yield judged(said, [])
        else:
            strays.append(said)
    for at, said in enumerate(strays):
        meant = _meant(said, left) if at < _MOST_STRAYS else None
        if meant:
            left.remove(meant)
        problem = (WRONG_FIGURE, f"it should read: {_told(meant)}") if meant else (UNKNOWN, NOT_OURS)
        yield first(said) or judged(said, [problem])
    yield from (Fault(0, f"it lacks: {_told(said)}") for said in left)


def _meant(said: Statement, left: Sequence[Statement]) -> Statement | None:
    if not is_readable(said):
        return None
    alike = {at: SequenceMatcher(None, said.text[:_COMPARED], one.text[:_COMPARED]).ratio() for at, one in enumerate(left)}
    best = max(alike, key=lambda at: alike[at], default=-1)
    return left[best] if best >= 0 and alike[best] >= _ALIKE else None


def _told(said: Statement) -> str:
    return one_line(said.text, limit=160)
