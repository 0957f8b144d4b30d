"""A table of records, page by page: searched as somebody types, filtered, sorted; rows as plain values."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kb.catalog import Brief, Catalog, Filter, Size
from kb.citations import keys
from kb.errors import QueryError
from kb.safe import one_line
from kb.text import tokens
from kb.types import Record

SORTS = ("relevance", "date", "kind", "repo", "size", "title")
SIZES = (25, 50, 100)
LONGEST_QUERY = 200
_MOST_WORDS = 8
_WEIGHTS = {"message": 1.0, "paths": 0.6, "diff": 0.3}  # of the lexical fields
_IN_TITLE = 12.0  # what is typed stands in the title, the number, the author: about the highest score of a common word
_AT_START = 6.0
_EVERY = 1_000_000
_REMEMBERED = 32
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Wanted:
    """What to show. ``docs``, where not None, are the only records that may be: those behind a bar, say.

    ``sort`` is one of SORTS; relevance is by date where nothing is searched for. ``page`` counts from 1.
    """

    text: str = ""
    filter: Filter = field(default_factory=Filter)
    docs: tuple[int, ...] | None = None
    sort: str = "relevance"
    descending: bool = True
    page: int = 1
    size: int = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A record in the table; ``key`` is its citation key among those of the page, ``at`` aware UTC."""

    id: str
    key: str
    kind: str
    repo: str
    title: str
    author: str
    state: str
    at: datetime
    url: str
    labels: tuple[str, ...]
    size: Size


@dataclass(frozen=True, slots=True)
class Page:
    """``rows`` are the records ``first`` to ``last`` (from 1; 0 for none) of ``total``; ``page`` of ``pages`` is the one that
    there is, where a later one was asked for."""

    rows: tuple[Row, ...]
    total: int
    page: int
    pages: int
    first: int
    last: int


@dataclass
class _Memory:
    """What is read once for each state of the store: every record in short, in lower case what is typed most, sizes."""

    stamp: str
    briefs: dict[int, Brief]
    shown: dict[int, str]
    sizes: dict[int, Size]
    found: dict[object, dict[int, float]] = field(default_factory=dict)


class Browser:
    """Pages through the records of a catalog; usable from any thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._memory: _Memory | None = None
        self._mutex = threading.Lock()

    def page(self, wanted: Wanted) -> Page:
        """One page of the records that pass and hold every word that is typed, the last one as far as it is.

        Raises:
            QueryError: an unknown sort, or a page's size that is none of SIZES.
            CatalogError: the record store cannot be read.
        """
        if wanted.sort not in SORTS:
            raise QueryError(f"records cannot be sorted by {wanted.sort!r}", remedy=f"sorts: {', '.join(SORTS)}")
        if wanted.size not in SIZES:
            raise QueryError(f"a page cannot have {wanted.size} rows", remedy=f"sizes: {', '.join(map(str, SIZES))}")
        memory = self._current()
        docs = self._passing(wanted, memory)
        scores = self._scores(wanted.text, memory)
        if scores is not None:
            docs = [doc for doc in docs if doc in scores]
        ordered = _sorted(docs, wanted, memory, scores or {})
        pages = max(-(-len(ordered) // wanted.size), 1)
        page = min(max(wanted.page, 1), pages)
        chosen = ordered[(page - 1) * wanted.size : page * wanted.size]
        first = (page - 1) * wanted.size + 1 if chosen else 0
        last = first + len(chosen) - 1 if chosen else 0
        return Page(self._rows(chosen, memory), len(ordered), page, pages, first, last)

    def _passing(self, wanted: Wanted, memory: _Memory) -> list[int]:
        """Latest first."""
        passing = [doc for doc in self._catalog.select(wanted.filter) if doc in memory.briefs]
        if wanted.docs is None:
            return passing
        only = set(wanted.docs)
        return [doc for doc in passing if doc in only]

    def _rows(self, docs: Sequence[int], memory: _Memory) -> tuple[Row, ...]:
        records = self._catalog.records(docs, patches=False)
        named = keys(records)
        return tuple(
            _row(record, named[record.id], memory.sizes.get(doc, Size())) for doc, record in zip(docs, records, strict=True)
        )

    def _current(self) -> _Memory:
        stamp = self._catalog.stamp()
        with self._mutex:
            memory = self._memory
            if memory is None or memory.stamp != stamp:
                briefs = {brief.doc: brief for brief in self._catalog.briefs(self._catalog.select(Filter()))}
                shown = {doc: _shown(brief) for doc, brief in briefs.items()}
                self._memory = memory = _Memory(stamp, briefs, shown, self._catalog.sizes())
            return memory

    # --- searching --------------------------------------------------------------------------------------------------------

    def _scores(self, text: str, memory: _Memory) -> dict[int, float] | None:
        """number -> how well the record fits what is typed; None where nothing is."""
        words = one_line(text, limit=LONGEST_QUERY).casefold().split()[:_MOST_WORDS]
        if not words:
            return None
        found: dict[int, float] | None = None
        for word in words:
            scored = self._word(word, memory)
            found = scored if found is None else {doc: found[doc] + score for doc, score in scored.items() if doc in found}
        return found

    def _word(self, word: str, memory: _Memory) -> dict[int, float]:
        """The records that show the word, or a part of a word, and those whose text holds it."""
        if word in memory.found:
            return memory.found[word]
        scores: dict[int, float] = {}
        for doc, shown in memory.shown.items():
            at = shown.find(word)
            if at >= 0:
                scores[doc] = _IN_TITLE + (_AT_START if at == 0 or not shown[at - 1].isalnum() else 0.0)
        for field_name, weight in _WEIGHTS.items():
            for doc, score in self._holding(field_name, word):
                scores[doc] = scores.get(doc, 0.0) + weight * score
        if len(memory.found) >= _REMEMBERED:
            memory.found.clear()
        memory.found[word] = scores
        return scores

    def _holding(self, field_name: str, word: str) -> Iterable[tuple[int, float]]:
        """The records with every token of the word in a field: "top_k" is one word of two."""
        found: dict[int, float] | None = None
        for token in dict.fromkeys(tokens(word)):
            scored = dict(self._catalog.lexical(field_name, [token], limit=_EVERY))
            found = scored if found is None else {doc: found[doc] + score for doc, score in scored.items() if doc in found}
        return (found or {}).items()


def _shown(brief: Brief) -> str:
    """What somebody who looks for the record would type first."""
    reference = f"#{brief.ref}" if brief.kind in ("issue", "pull") else brief.ref
    return f"{brief.title} {reference} {brief.author} {brief.repo}".casefold()


def _row(record: Record, key: str, size: Size) -> Row:
    return Row(
        id=record.id,
        key=key,
        kind=record.kind,
        repo=record.repo,
        title=record.title,
        author=record.author,
        state=record.state if record.kind in ("issue", "pull") else "",
        at=record.at,
        url=record.url,
        labels=record.labels,
        size=size,
    )


def _sorted(docs: Sequence[int], wanted: Wanted, memory: _Memory, scores: dict[int, float]) -> list[int]:
    """The numbers in order; those that are alike stay latest first."""
    by: dict[str, Callable[[int], Any]] = {
        "kind": lambda doc: memory.briefs[doc].kind,
        "repo": lambda doc: memory.briefs[doc].repo.casefold(),
        "size": lambda doc: _lines(memory.sizes.get(doc, Size())),
        "title": lambda doc: _natural(memory.briefs[doc].title),
        "date": lambda doc: memory.briefs[doc].at,
        "relevance": lambda doc: scores.get(doc, 0.0),
    }
    if wanted.sort == "relevance" and not scores:
        return sorted(docs, key=by["date"], reverse=wanted.descending)
    return sorted(docs, key=by[wanted.sort], reverse=wanted.descending)


def _lines(size: Size) -> int:
    return size.additions + size.deletions


def _natural(title: str) -> list[tuple[int, str]]:
    """ "v2" before "v10"."""
    parts = _DIGITS.split(title[:80].casefold())
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts]
