"""What records say of themselves, whatever the question: remembered until the record store changes, as questions over a whole
store ask it of every record again."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kb.catalog import Catalog
from kb.classify import labels

_FIX = re.compile(
    r"\b(fix\w*|bug\w*|hotfix|revert\w*|correct\w*|workaround|resolve\w*|avoid\w*|prevent\w*|handle\w*|don't|guard\w*)\b", re.I
)
_UNKNOWN = -1.0


class Traits:
    """Traits by document number; usable from any thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._mutex = threading.Lock()
        self._stamp = ""
        self._marks = np.zeros((0, 2))
        self._labels: dict[int, frozenset[str]] = {}

    def fix_and_merge(self, docs: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """1 where a title says that something was put right, and 1 where a record is a merge; (n,) each."""
        numbers = np.asarray(docs, dtype=np.int64)
        with self._mutex:
            self._renew()
            missing = int(numbers.max(initial=-1)) + 1 - len(self._marks)
            if missing > 0:
                self._marks = np.pad(self._marks, ((0, missing), (0, 0)), constant_values=_UNKNOWN)
            unknown = numbers[self._marks[numbers, 0] == _UNKNOWN]
            if len(unknown):
                titles = self._catalog.titles(unknown.tolist())
                self._marks[unknown] = [[bool(_FIX.search(title)), "merge" in marks] for title, marks in titles]
            found = self._marks[numbers]
        return found[:, 0], found[:, 1]

    def of_kind(self, docs: Sequence[int], kinds: Sequence[str]) -> NDArray[np.float64]:
        """1 where a record is a change of one of ``kinds`` (see kb/classify.py); (n,)."""
        wanted = frozenset(kinds)
        with self._mutex:
            self._renew()
            unknown = [doc for doc in docs if doc not in self._labels]
            for doc, record in zip(unknown, self._catalog.records(unknown, patches=False), strict=True):
                self._labels[doc] = frozenset(labels(record))
            return np.array([float(not wanted.isdisjoint(self._labels[doc])) for doc in docs])

    def _renew(self) -> None:
        stamp = self._catalog.stamp()
        if stamp != self._stamp:
            self._stamp, self._marks, self._labels = stamp, np.zeros((0, 2)), {}
