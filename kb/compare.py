"""A comparison's answer: a table of what is counted on each side, then every side told whole, as a set question's answer is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import TypeVar

from kb import render
from kb.asked import CHANGES
from kb.catalog import Catalog
from kb.classify import GROUPS
from kb.draft import refusal
from kb.escape import inert, shorten
from kb.figures import Figures
from kb.render import Context
from kb.sets import Judge, Searcher, find_set, tell_set, views_of
from kb.types import Answer, Coverage, LedgerRow, Scope
from kb.wording import Words, words

_LONGEST_LABEL = 60
_BEST_FIRST = ("answered", "partial", "abstained")  # a side on which nothing matches is an answer, beside one that has matches
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SideAnswer:
    """One side of a comparison: ``name`` is plain text, ``figures`` are counted of the records that ``answer`` lists."""

    name: str
    answer: Answer
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Answer):
    """The answer to a question that compares; ``coverage`` and all else is of every side together."""

    sides: tuple[SideAnswer, ...] = ()


def compare(
    scope: Scope,
    *,
    catalog: Catalog,
    searcher: Searcher,
    judge: Judge,
    now: datetime,
    zone: tzinfo,
    language: str = "en",
    ledger: Sequence[LedgerRow] | None = None,
) -> Answer:
    """Answer a scope whose intent is compare, from the catalog; the arguments are those of ``kb.answer.answer``.

    Raises:
        CatalogError: the record store cannot be read.
    """
    context = Context(now, zone, words(language))
    if not scope.sides:
        return refusal(scope, context)
    rows = tuple(catalog.ledger() if ledger is None else ledger)
    found = [find_set(side, searcher, judge) for side in scope.sides]
    seen = views_of(found, catalog, context)
    names = _names(scope.sides, context)
    told = [SideAnswer(name, *tell_set(one, seen, catalog, rows, context)) for name, one in zip(names, found, strict=True)]
    return _together(scope, told, context)


def _names(sides: Sequence[Scope], context: Context) -> list[str]:
    """What each side is called: by its repositories and its window, as far as they tell it from the others."""
    in_words = context.words
    by_repo = len({side.repos for side in sides}) > 1
    by_window = len({side.window for side in sides}) > 1 or not by_repo
    found = []
    for side in sides:
        repos = in_words.comma.join(side.repos) or in_words.header["all"]
        when = side.window.label or in_words.window(side.window, now=context.now, zone=context.zone)
        found.append(in_words.line["sep"].join([repos] * by_repo + [when] * by_window))
    return found


def _together(scope: Scope, told: Sequence[SideAnswer], context: Context) -> Comparison:
    answers = [side.answer for side in told]
    totals = [answer.coverage for answer in answers]
    coverage = Coverage(*(sum(getattr(one, name) for one in totals) for name in ("matched", "listed", "in_window")))
    in_words = context.words
    names = [_shown(side.name) for side in told]
    head = [
        f"**{in_words.header['compared']}** {in_words.line['dot'].join([*names, *map(_shown, scope.unknown_repos)])}",
        *render.notes(replace(scope, unresolved=()), "", 0, in_words),  # each side says what it could not resolve
        in_words.notes["in all"].format(matched=coverage.matched, listed=coverage.listed, in_window=coverage.in_window),
        _table(told, in_words),
    ]
    blocks = [block for side in told for block in (render.heading(_shown(side.name), 2), side.answer.text.strip())]
    return Comparison(
        question=scope.question,
        scope=scope,
        status=next((status for status in _BEST_FIRST if any(answer.status == status for answer in answers)), "abstained"),
        text=render.page([*head, *blocks]),
        head=render.page(head),
        claims=tuple(claim for answer in answers for claim in answer.claims),
        evidence=_once((item for answer in answers for item in answer.evidence), lambda item: item.key),
        coverage=coverage,
        removed=sum(answer.removed for answer in answers),
        ledger=_once((row for answer in answers for row in answer.ledger), lambda row: row.source),
        confidence=min(answer.confidence for answer in answers),
        degraded="; ".join(dict.fromkeys(answer.degraded for answer in answers if answer.degraded)),
        language=in_words.language,
        matched=_once((id for answer in answers for id in answer.matched), lambda id: id),
        sides=tuple(told),
    )


def _once(items: Iterable[T], key: Callable[[T], object]) -> tuple[T, ...]:
    return tuple({key(item): item for item in items}.values())


def _shown(name: str) -> str:
    return inert(shorten(name, _LONGEST_LABEL))


def _table(told: Sequence[SideAnswer], in_words: Words) -> str:
    """A row for each side; a column for each group that any side has."""
    groups = [group for group in GROUPS if any(group in side.figures.groups for side in told)]
    kinds = {
        evidence.record.kind for side in told for evidence in side.answer.evidence if evidence.record.id in side.answer.matched
    }
    every = "changes" if kinds <= set(CHANGES) else "records"
    header = in_words.header
    columns = [header["side"], header[every], *(in_words.groups[group] for group in groups), header["authors"], header["lines"]]
    rows = [_row(side, groups, in_words) for side in told]
    return render.table(columns, rows)


def _row(side: SideAnswer, groups: Sequence[str], in_words: Words) -> list[str]:
    counted = side.figures
    lines = in_words.line["whole"].format(added=counted.additions, deleted=counted.deletions)
    return [
        _shown(side.name),
        str(side.answer.coverage.listed),
        *(str(counted.groups.get(group, 0)) for group in groups),
        str(counted.authors),
        lines,
    ]
