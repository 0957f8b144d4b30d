"""Waiting for what another thread does, and counting how many do it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

SOON = 30.0  # seconds within which what must happen has happened, on a machine that does much else


def until(ready: Callable[[], bool]) -> None:
    """Come back once it is so; fail where it is not so soon."""
    end = time.monotonic() + SOON
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.002)


class Inside:
    """Counts who is within its ``with``: ``now``, and the ``most`` that were there at once. For any thread."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._mutex = threading.Lock()

    def __enter__(self) -> None:
        with self._mutex:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._mutex:
            self.now -= 1
