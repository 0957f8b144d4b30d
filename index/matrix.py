"""The sentence vectors of a whole index in memory: scoring every record of a long window is then one multiplication."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Parts = NDArray[np.str_]
Floats = NDArray[np.float32]

Row = tuple[int, str, bytes]  # document number, part, sentence vector in float16

_SHARE = 3  # from 1 / 3 of the cards on, multiplying all costs less than copying those wanted


@dataclass(frozen=True)
class Cards:
    """Cards by document: ``numbers`` (n,), ascending; ``parts`` (n,); ``vectors`` (n, dimension)."""

    numbers: Numbers
    parts: Parts
    vectors: Floats

    def similar(self, docs: Sequence[int], direction: Floats) -> tuple[Numbers, Parts, Floats]:
        """Of the cards of these documents: numbers (m,), ascending, parts (m,), and cosines (m,) with ``direction``."""
        if not len(self.numbers) or not len(docs):
            return self.numbers[:0], self.parts[:0], np.zeros(0, np.float32)
        wanted = np.unique(np.asarray(docs, dtype=np.int64))
        first, last = np.searchsorted(self.numbers, wanted, "left"), np.searchsorted(self.numbers, wanted, "right")
        counts = last - first
        before = np.cumsum(counts) - counts
        rows = np.repeat(first - before, counts) + np.arange(counts.sum())
        many = _SHARE * len(rows) > len(self.numbers)
        cosines = (self.vectors @ direction)[rows] if many else self.vectors[rows] @ direction
        return self.numbers[rows], self.parts[rows], cosines


def cards_of(rows: Iterable[Row]) -> Cards:
    """Cards from stored rows, which come by document number."""
    found = list(rows)
    if not found:
        return Cards(np.zeros(0, np.int64), np.zeros(0, np.str_), np.zeros((0, 1), np.float32))
    numbers, parts, blobs = zip(*found, strict=True)
    matrix = np.frombuffer(b"".join(blobs), np.float16).reshape(len(blobs), -1).astype(np.float32)
    return Cards(np.array(numbers, np.int64), np.array(parts), matrix)
