"""The threads that a commit carries: its pull request, and the issues that either of them fixes.

A squashed commit often has a title only, and what was wrong stands in the pull request or in the issue: so a commit is found by
their words too. They are folded in when a question is asked, by feature, the best of each; nothing is copied in the store.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from index.features import Scores
from kb.catalog import Catalog

ISSUE = 0.8  # what an issue says of the symptom is farther from the change than its pull request's words


class Carried:
    """Commits and their threads by document number, remembered until the record store changes; usable from any thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._mutex = threading.Lock()
        self._stamp = ""
        self._threads: dict[int, dict[int, float]] = {}
        self._commits: dict[int, dict[int, float]] = {}

    def threads(self, commits: Iterable[int]) -> dict[int, dict[int, float]]:
        """commit -> thread -> how much its words count for the commit; commits without any are left out."""
        self._renew()
        return {doc: self._threads[doc] for doc in commits if doc in self._threads}

    def commits(self, threads: Iterable[int]) -> list[int]:
        """The commits that carry these threads."""
        self._renew()
        return list(dict.fromkeys(commit for doc in threads for commit in self._commits.get(doc, ())))

    def folded(self, scores: Mapping[int, float]) -> dict[int, float]:
        """``scores`` of records with each commit's raised to the best of its threads'."""
        self._renew()
        result = dict(scores)
        for thread, score in scores.items():
            for commit, weight in self._commits.get(thread, {}).items():
                result[commit] = max(result.get(commit, 0.0), weight * score)
        return result

    @property
    def is_empty(self) -> bool:
        """Whether no commit carries any thread, as where only git is read."""
        self._renew()
        return not self._threads

    def _renew(self) -> None:
        with self._mutex:
            stamp = self._catalog.stamp()
            if stamp == self._stamp:
                return
            threads: dict[int, dict[int, float]] = {}
            commits: dict[int, dict[int, float]] = {}
            for commit, thread, kind in self._catalog.carried():
                weight = ISSUE if kind == "issue" else 1.0
                threads.setdefault(commit, {})[thread] = weight
                commits.setdefault(thread, {})[commit] = weight
            self._threads, self._commits, self._stamp = threads, commits, stamp


def fold(values: Scores, docs: Sequence[int], threads: Mapping[int, Mapping[int, float]]) -> Scores:
    """``values`` (n,) of ``docs`` (n,), each commit's raised to the best of its threads' among them."""
    at = {doc: position for position, doc in enumerate(docs)}
    result = np.array(values)
    for commit, own in threads.items():
        best = max((weight * values[at[thread]] for thread, weight in own.items() if thread in at), default=0.0)
        if commit in at:
            result[at[commit]] = max(result[at[commit]], best)
    return result
