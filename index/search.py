"""Hybrid search over changes: filter by scope, then fuse lexical and dense scores by kind of question.

Scores are fused, not ranks: a convex combination of BM25 by field and the best card's cosine, with weights by kind of question, set by hand on
development questions (learned fusion overfits at this size). A described change ("needle") is ranked with late interaction on top; a set question ("window")
by its topic alone; an exact identifier comes before everything else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from index import features, identifiers
from index.features import Question, Scores
from index.indexer import Index
from index.late import maxsim
from index.manifest import Manifest
from index.quotes import best_quote
from kb.catalog import Brief, Catalog, Filter
from kb.errors import VectorError
from kb.types import Found, Hit, Scope

NEEDLE: Mapping[str, float] = {
    "subject": 0.25, "message": 1.0, "paths": 0.1, "diff": 0.3, "dense": 1.3, "fix": 0.2, "merge": -0.2, "late": 2.0, "named": 1.0,
}  # fmt: skip
WINDOW: Mapping[str, float] = {
    "subject": 0.5, "message": 1.0, "paths": 0.5, "diff": 0.5, "dense": 1.25, "fix": 0.0, "merge": -0.2, "late": 0.0, "named": 0.5,
}  # fmt: skip
IDENTIFIER: Mapping[str, float] = {
    "subject": 0.5, "message": 0.5, "paths": 0.2, "diff": 0.5, "dense": 0.3, "fix": 0.0, "merge": -0.2, "late": 0.0, "named": 10.0,
}  # fmt: skip
WEIGHTS = {"needle": NEEDLE, "window": WINDOW, "identifier": IDENTIFIER}

_WHOLE = 1_500  # up to so many records every one is scored; beyond, the best of each list
_NEAREST = 400  # cards taken from Chroma
_LATE = 30  # records that late interaction looks at
_LATE_CARDS = 2


@dataclass
class _Clock:
    """Milliseconds by stage."""

    stages: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = round(self.stages.get(stage, 0.0) + 1000 * (now - self.last), 2)
        self.last = now


@dataclass(frozen=True)
class Scored:
    """Candidates with their features, best first; arrays are (n,)."""

    docs: list[int]
    briefs: list[Brief]
    total: Scores
    columns: Mapping[str, Scores]


class Search:
    """Searches a catalog, with the vector index where there is one that fits the configuration."""

    def __init__(self, catalog: Catalog, index: Index | None) -> None:
        self._catalog = catalog
        self._index = index

    def find(self, scope: Scope, *, limit: int = 10) -> Found:
        """The records that answer a scope best, each once, with the words that match.

        Raises:
            CatalogError: the record store cannot be read.
        """
        clock = _Clock()
        filter = Filter(window=scope.window, repos=scope.repos, kinds=scope.kinds)
        allowed = self._catalog.select(filter)
        clock.lap("filter")
        scored, degraded = self.score(scope, allowed, clock)
        hits = self._hits(scope, scored, limit)
        clock.lap("quote")
        timings = {**clock.stages, "total": round(sum(clock.stages.values()), 2)}
        return Found(hits=hits, in_window=len(allowed), timings_ms=timings, degraded=degraded)

    def score(self, scope: Scope, allowed: Sequence[int], clock: _Clock | None = None) -> tuple[Scored, str]:
        """Rank the allowed records; also says what could not be used."""
        clock = clock or _Clock()
        weights = WEIGHTS.get(scope.intent, NEEDLE)
        filter = Filter(window=scope.window, repos=scope.repos, kinds=scope.kinds)
        named = {item.doc: item.score for item in identifiers.named(self._catalog, scope.question, scope.identifiers, filter)}
        clock.lap("identifiers")
        manifest, degraded = self._manifest()
        only_named = (
            bool(named) and all(identifiers.is_reference(name) for name in scope.identifiers) and scope.intent == "identifier"
        )
        question = Question(
            scope.topic or scope.question, self._index.embedder if self._index and manifest and not only_named else None
        )
        if only_named:
            return self._ranked(list(named), {"named": named}, weights, question, None, clock), degraded
        lists = features.lexical(self._catalog, question, filter, None)
        clock.lap("lexical")
        docs = self._candidates(allowed, lists, named, question, manifest)
        clock.lap("nearest")
        return self._ranked(docs, {**lists, "named": named}, weights, question, manifest, clock), degraded

    def _manifest(self) -> tuple[Manifest | None, str]:
        if self._index is None:
            return None, "no vector index is configured"
        try:
            manifest = self._index.current()
        except VectorError as error:
            return None, error.message
        return manifest, "" if manifest else "no vectors yet for this embedding model: run `kb sync` or `kb reindex`"

    def _candidates(
        self,
        allowed: Sequence[int],
        lists: Mapping[str, Mapping[int, float]],
        named: Mapping[int, float],
        question: Question,
        manifest: Manifest | None,
    ) -> list[int]:
        if len(allowed) <= _WHOLE:
            return list(dict.fromkeys([*named, *allowed]))
        near: list[int] = []
        if manifest is not None and self._index is not None and question.embedder is not None:
            ids = self._index.chroma.nearest(manifest.collection, question.direction, _NEAREST)
            near = list(self._catalog.docs(list(dict.fromkeys(id.rpartition("#")[0] for id in ids))).values())
        best = [doc for scores in lists.values() for doc in list(scores)[:300]]
        within = set(allowed)
        return list(dict.fromkeys([*named, *(doc for doc in [*best, *near] if doc in within)]))

    def _ranked(
        self,
        docs: list[int],
        lists: Mapping[str, Mapping[int, float]],
        weights: Mapping[str, float],
        question: Question,
        manifest: Manifest | None,
        clock: _Clock,
    ) -> Scored:
        briefs = self._catalog.briefs(docs)
        columns = {name: features.column(scores, docs) for name, scores in lists.items()}
        columns["fix"] = features.is_fix([brief.title for brief in briefs]) * question.about_failure
        columns["merge"] = np.array([float("merge" in brief.marks) for brief in briefs])
        columns["named"] = np.array([lists["named"].get(doc, 0.0) for doc in docs])
        order: dict[int, list[str]] = {}
        if manifest is not None and self._index is not None and question.embedder is not None:
            columns["cosine"], order = features.dense(self._index.vectors(manifest), question, docs)
            best = columns["cosine"].max(initial=0.0)
            columns["dense"] = np.maximum(columns["cosine"], 0) / best if best > 0 else columns["cosine"]
        clock.lap("score")
        total = sum((weights[name] * columns[name] for name in weights if name in columns), np.zeros(len(docs)))
        if weights["late"] and order and manifest is not None:
            total, columns["late"] = self._with_late(docs, total, weights["late"], question, manifest, order)
            clock.lap("late interaction")
        # Newest first between equals: briefs come in the filter's order, which is that.
        rank = np.argsort(-total, kind="stable")
        return Scored(
            [docs[at] for at in rank],
            [briefs[at] for at in rank],
            total[rank],
            {name: values[rank] for name, values in columns.items()},
        )

    def _with_late(
        self,
        docs: Sequence[int],
        total: Scores,
        weight: float,
        question: Question,
        manifest: Manifest,
        order: Mapping[int, list[str]],
    ) -> tuple[Scores, Scores]:
        """Total and late-interaction scores: the top is reranked, the rest keeps its order below it."""
        assert self._index is not None
        top = np.argsort(-total, kind="stable")[:_LATE]
        vectors = self._index.vectors(manifest)
        query = question.expanded
        weights = features.idf(self._catalog, query.words).astype(np.float32)
        late = np.zeros(len(docs))
        for at in top:
            cards = [(docs[at], part) for part in order.get(docs[at], [])[:_LATE_CARDS]]
            late[at] = maxsim(query, weights, vectors.token_vectors(cards))
        spread = total[top].max() - total[top].min()
        scale = np.ptp(late[top]) or 1.0
        result = total.copy()
        result[top] += weight * 0.5 * (spread or 1.0) * (late[top] - late[top].min()) / scale
        return result, late

    def _hits(self, scope: Scope, scored: Scored, limit: int) -> tuple[Hit, ...]:
        docs = scored.docs[:limit]
        records = self._catalog.records(docs)
        question = Question(scope.topic or scope.question, None)
        words = [*question.own, *question.added]
        frequencies = self._catalog.document_frequency("message", words)
        size = max(self._catalog.size(), 1)
        weights = {token: np.log((size + 1) / (frequencies[token] + 0.5)) for token in words}
        best = max(float(scored.total.max(initial=0.0)), 1e-9)
        return tuple(
            Hit(
                record,
                round(max(float(scored.total[at]), 0.0) / best, 4),
                best_quote(record, weights, exact=scope.identifiers),
                {name: float(values[at]) for name, values in scored.columns.items()},
            )
            for at, record in enumerate(records)
        )
