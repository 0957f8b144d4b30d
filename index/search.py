"""Hybrid search over changes: filter by scope, then fuse lexical and dense scores by kind of question.

Scores are fused, not ranks: a convex combination of BM25 by field and the best card's cosine. A described change ("needle") is
ranked with late interaction on top; a set question ("window") by its topic alone; an exact identifier comes before all else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from index import features, identifiers
from index.carried import Carried, fold
from index.coverage import covered
from index.features import Question, Scores
from index.indexer import Index
from index.late import maxsim
from index.quotes import best_quote
from index.traits import Traits
from index.vectors import Vectors
from index.weights import WEIGHTS
from kb.catalog import Catalog, Filter
from kb.errors import VectorError
from kb.text import FIELDS
from kb.types import Found, Hit, Record, Scope

_THREADS = 3
_WHOLE = 1_500  # a needle: up to so many records every one is scored; beyond, the best of each list
_FEW_TOKENS = 16  # a topic; longer is a story, and each token costs a query of each field
_FEW_RECORDS = 3_000  # … and beyond, what is rare here is what is rare everywhere
_LISTED = 300  # of each lexical list
_NEAREST = 400  # cards taken from Chroma
_LATE = 20  # records that late interaction looks at
_LATE_CARDS = 2
_NO_VECTORS = "no vectors yet for this embedding model: run `kb sync` or `kb reindex`"
_JUDGED = 6  # hits whose coverage is worked out: enough to tell whether the best stands out


@dataclass
class Clock:
    """Milliseconds by stage."""

    stages: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """Book the time since the last call under ``stage``."""
        now = time.perf_counter()
        self.stages[stage] = round(self.stages.get(stage, 0.0) + 1000 * (now - self.last), 2)
        self.last = now


@dataclass(frozen=True)
class Ranked:
    """Record numbers, best first, with their total and their features; all arrays are (n,) in that order."""

    docs: list[int]
    total: Scores
    columns: Mapping[str, Scores]


@dataclass(frozen=True)
class _Run:
    """One search: what it was asked, and what it may use. ``vectors`` is None where there are none to use."""

    scope: Scope
    filter: Filter
    question: Question
    vectors: Vectors | None
    collection: str
    named: Mapping[int, float]
    clock: Clock


class Search:
    """Searches a catalog, with the vector index where there is one that fits the configuration."""

    def __init__(self, catalog: Catalog, index: Index | None) -> None:
        self._catalog = catalog
        self._index = index
        self._traits = Traits(catalog)
        self._carried = Carried(catalog)

    def find(self, scope: Scope, *, limit: int = 10) -> Found:
        """The records that answer a scope best, each once, with the words that match.

        Where the vectors, Chroma or the model fail, the search is lexical, and ``Found.degraded`` says why.

        Raises:
            CatalogError: the record store cannot be read.
        """
        try:
            return self._find(scope, limit)
        except VectorError as error:
            return replace(Search(self._catalog, None).find(scope, limit=limit), degraded=error.message)

    def _find(self, scope: Scope, limit: int) -> Found:
        clock = Clock()
        filter = self._filter(scope)
        allowed = self._catalog.select(filter)
        clock.lap("filter")
        run, degraded = self._prepared(scope, filter, clock)
        ranked = self._ranked(run, self._candidates(run, allowed))
        hits = self._hits(run, ranked, limit)
        clock.lap("quote")
        timings = {**clock.stages, "total": round(sum(clock.stages.values()), 2)}
        return Found(hits=hits, in_window=len(allowed), timings_ms=timings, degraded=degraded)

    def _filter(self, scope: Scope) -> Filter:
        """What may answer. Where pull requests are not asked for, one that is there as its commit is that commit."""
        stored = {kind for kinds in self._catalog.counts().values() for kind in kinds} if scope.implied_kinds else set()
        return Filter(
            window=scope.window,
            repos=scope.repos,
            kinds=scope.kinds or tuple(kind for kind in scope.implied_kinds if kind in stored),
            events=scope.events,
            as_of=scope.as_of,
            states=scope.states,
            once="pull" not in scope.kinds,
        )

    def _prepared(self, scope: Scope, filter: Filter, clock: Clock) -> tuple[_Run, str]:
        """What this search uses, and what it cannot use. A question that names its record, or has no topic, needs no model."""
        named = {item.doc: item.score for item in identifiers.named(self._catalog, scope, filter)}
        clock.lap("identifiers")
        topic = "" if _names_only(scope, named) else _topic(scope)
        vectors, collection, degraded = self._vectors() if topic else (None, "", "")
        embedder = self._index.embedder if self._index and vectors else None
        question = Question(topic, embedder, features.used_acronyms(self._catalog, topic))
        return _Run(scope, filter, question, vectors, collection, named, clock), degraded

    def _vectors(self) -> tuple[Vectors | None, str, str]:
        if self._index is None:
            return None, "", "no vector index is configured"
        manifest = self._index.current(self._catalog)
        if manifest is None:
            return None, "", _NO_VECTORS
        vectors = self._index.vectors(manifest)
        return (None, "", _NO_VECTORS) if vectors.is_empty else (vectors, manifest.collection, "")

    def _candidates(self, run: _Run, allowed: Sequence[int]) -> tuple[list[int], dict[str, dict[int, float]]]:
        """Numbers to rank and the lexical lists. A set question ranks every record of its window: none may be missed."""
        named = list(run.named)
        if not run.question.text:
            return (named if run.scope.intent == "identifier" else list(dict.fromkeys([*named, *allowed]))), {}
        whole = run.scope.intent == "window" or len(allowed) <= _WHOLE
        embedding = None if whole or run.vectors is None else self._pool.submit(getattr, run.question, "direction")
        lists = self._lexical(run, len(allowed), whole=whole)
        run.clock.lap("lexical")
        if whole:
            return list(dict.fromkeys([*named, *allowed])), lists
        near: list[int] = []
        if embedding is not None and self._index is not None:
            ids = self._index.chroma.nearest(run.collection, embedding.result(), _NEAREST)
            near = list(self._catalog.docs(list(dict.fromkeys(id.rpartition("#")[0] for id in ids))).values())
            near += self._carried.commits(near)
        best = [doc for scores in lists.values() for doc in sorted(scores, key=scores.__getitem__, reverse=True)[:_LISTED]]
        run.clock.lap("nearest")
        within = set(allowed)
        return list(dict.fromkeys([*named, *(doc for doc in [*best, *near] if doc in within)])), lists

    def _lexical(self, run: _Run, size: int, *, whole: bool) -> dict[str, dict[int, float]]:
        few = len(run.question.own) + len(run.question.added) <= _FEW_TOKENS
        if run.scope.intent == "window" and few and size <= _FEW_RECORDS:
            return features.lexical_within(self._catalog, run.question, run.filter, size=size)
        pool = self._pool if size > _WHOLE else None
        limit = size if whole else 1_000
        lists = features.lexical(self._catalog, run.question, run.filter, limit=limit, pool=pool)
        if run.scope.intent == "window" or self._carried.is_empty:
            return lists
        threads = Filter(repos=run.filter.repos, kinds=("pull", "issue"), as_of=run.filter.as_of)
        said = features.lexical(self._catalog, run.question, threads, limit=1_000, pool=pool)
        return {name: self._carried.folded({**said[name], **scores}) for name, scores in lists.items()}

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """Threads for what a broad search can do side by side; a narrow one is done before they have started."""
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="search")

    def _ranked(self, run: _Run, candidates: tuple[list[int], Mapping[str, Mapping[int, float]]]) -> Ranked:
        docs, lists = candidates
        weights = WEIGHTS[run.scope.intent]
        columns = {name: features.column(scores, docs) for name, scores in lists.items()}
        columns |= self._own_features(run, docs)
        order: features.Order | None = None
        if run.vectors is not None:
            carried = self._threads(run, docs)
            everything = list(dict.fromkeys([*docs, *(thread for own in carried.values() for thread in own)]))
            cosine, order = features.dense(run.vectors, run.question, everything)
            columns["cosine"] = fold(cosine, everything, carried)[: len(docs)]
            best = columns["cosine"].max(initial=0.0)
            columns["dense"] = np.maximum(columns["cosine"], 0) / best if best > 0 else columns["cosine"]
            waiting = ~order.known(docs)
            columns["dense"] = _stood_in(columns["dense"], columns["message"], waiting)
        total = sum((weight * columns[name] for name, weight in weights.of().items() if name in columns), np.zeros(len(docs)))
        run.clock.lap("score")
        if weights.late and order and run.vectors is not None:
            top = np.argsort(-total, kind="stable")[:_LATE].tolist()
            columns["late"] = _stood_in(self._late(run, run.vectors, docs, top, order, carried), columns["message"], waiting)
            total = _reranked(total, top, columns["late"], weights.late)
            run.clock.lap("late interaction")
        rank = np.argsort(-total, kind="stable")  # candidates come latest first: so do equals
        return Ranked([docs[at] for at in rank], total[rank], {name: values[rank] for name, values in columns.items()})

    def _threads(self, run: _Run, docs: Sequence[int]) -> dict[int, dict[int, float]]:
        """What the commits among ``docs`` carry. Of a set question each change speaks for itself."""
        return {} if run.scope.intent == "window" else self._carried.threads(docs)

    def _own_features(self, run: _Run, docs: Sequence[int]) -> dict[str, Scores]:
        """What a record says of itself, whatever the words of the question."""
        fix, merge = self._traits.fix_and_merge(docs)
        facets = run.scope.facets
        unsaid = features.unsaid(self._catalog, run.question, run.filter) if run.scope.intent == "needle" else {}
        return {
            "unsaid": np.fromiter(map(unsaid.get, docs, repeat(0.0)), np.float64, len(docs)),
            "fix": fix * run.question.about_failure,
            "merge": merge,
            "facet": self._traits.of_kind(docs, facets) if facets else np.zeros(len(docs)),
            "named": np.fromiter(map(run.named.get, docs, repeat(0.0)), np.float64, len(docs)),
        }

    def _late(
        self,
        run: _Run,
        vectors: Vectors,
        docs: Sequence[int],
        top: Sequence[int],
        order: Mapping[int, list[str]],
        carried: Mapping[int, Mapping[int, float]],
    ) -> Scores:
        query = run.question.expanded
        weights = features.idf(self._catalog, query.words).astype(np.float32)
        late = np.zeros(len(docs))
        for at in top:
            words = [docs[at], *carried.get(docs[at], ())]
            cards = [(doc, part) for doc in words for part in order.get(doc, [])[:_LATE_CARDS]]
            late[at] = maxsim(query, weights, vectors.token_vectors(cards))
        return late

    def _hits(self, run: _Run, ranked: Ranked, limit: int) -> tuple[Hit, ...]:
        records = [_known(record, run.scope) for record in self._catalog.records(ranked.docs[:limit])]
        words = [*run.question.own, *run.question.added]
        frequencies = self._catalog.document_frequency("message", words)
        size = max(self._catalog.size(), 1)
        weights = {token: features.rarity(frequencies[token], size) for token in words}
        best = max(float(ranked.total.max(initial=0.0)), 1e-9)
        held = self._held(run, ranked.docs[:_JUDGED]) if self._catalog.lexical_is_current else {}
        hits = []
        for at, record in enumerate(records):
            values = {name: float(column[at]) for name, column in ranked.columns.items()}
            if at < _JUDGED and run.question.text:
                said = covered(run.question.text, record, frequencies, size, fields=held.get(ranked.docs[at]))
                values |= said._asdict()
            quote = best_quote(record, weights, exact=run.scope.identifiers)
            hits.append(Hit(record, round(max(float(ranked.total[at]), 0.0) / best, 4), quote, values))
        return tuple(hits)

    def _held(self, run: _Run, docs: Sequence[int]) -> dict[int, dict[str, str]]:
        """The tokens of records by field, a commit's with those of what it carries."""
        carried = self._threads(run, docs)
        held = self._catalog.lexical_tokens([*docs, *(thread for own in carried.values() for thread in own)])
        joined = {doc: [held[doc], *(held[thread] for thread in carried.get(doc, ()))] for doc in docs}
        return {
            doc: {name: " ".join(fields.get(name, "") for fields in parts) for name in FIELDS} for doc, parts in joined.items()
        }


def _known(record: Record, scope: Scope) -> Record:
    """The record as it was when the question is asked as of then; the filter has let only such through as were there."""
    return (record.as_known(scope.as_of) or record) if scope.as_of else record


def _names_only(scope: Scope, named: Mapping[int, float]) -> bool:
    """Whether the question is answered by the record it names: a number or a SHA that is there."""
    return scope.intent == "identifier" and bool(named) and all(identifiers.is_reference(name) for name in scope.identifiers)


def _topic(scope: Scope) -> str:
    if scope.intent == "window":
        return features.positive(scope.topic)
    return scope.topic or scope.question


def _stood_in(scores: Scores, words: Scores, waiting: NDArray[np.bool_]) -> Scores:
    """Of records that wait for their vectors the words stand in, else what was just read would rank below all else."""
    return np.where(waiting, words * scores.max(initial=0.0), scores)


def _reranked(total: Scores, top: Sequence[int], late: Scores, weight: float) -> Scores:
    """The top's totals raised by up to half of ``weight`` times their spread; the rest keeps its order below."""
    result = total.copy()
    of_top = total[top]
    spread = float(np.ptp(of_top)) or 1.0
    scale = float(np.ptp(late[top])) or 1.0
    result[top] += weight * 0.5 * spread * (late[top] - late[top].min()) / scale
    return result
