"""Whose turn it is: jobs of one lane run one after the other, jobs of different lanes side by side."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence


class Lanes:
    """Hands jobs out to threads, in order, each as soon as its lane is free; jobs without a lane ("") share ``open`` places."""

    def __init__(self, lanes: Sequence[str], *, open: int) -> None:
        self._waiting = list(enumerate(lanes))
        self._open = open
        self._busy: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self) -> Iterator[int | None]:
        """Wait for the next job's turn: its position, whose lane is busy within the block; None when no job waits any more."""
        taken = self._take()
        if taken is None:
            yield None
            return
        position, lane = taken
        try:
            yield position
        finally:
            with self._changed:
                self._busy[lane] -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Hand no more jobs out."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _take(self) -> tuple[int, str] | None:
        with self._changed:
            while self._waiting:
                for job in self._waiting:
                    if self._busy[job[1]] < (1 if job[1] else self._open):
                        self._waiting.remove(job)
                        self._busy[job[1]] += 1
                        return job
                self._changed.wait()
            return None
