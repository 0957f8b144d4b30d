"""Stops asking a server that does not answer: what is waited for in vain once is waited for in vain again."""

from __future__ import annotations

import threading
import time

from kb.errors import LlmError


class Breaker:
    """Opens after ``failures`` failures in a row; from then on one request tries again every ``rest`` seconds. Thread-safe."""

    def __init__(self, *, failures: int, rest: float) -> None:
        self._most = failures
        self._rest = rest
        self._failed = 0
        self._closed_until = 0.0
        self._last = ""
        self._mutex = threading.Lock()

    def check(self) -> None:
        """Pass, or say at once that the server is not asked.

        Raises:
            LlmError: it has failed too often.
        """
        with self._mutex:
            if self._failed < self._most:
                return
            if time.monotonic() < self._closed_until:
                raise LlmError(f"{self._last} (not asked again: it failed {self._failed} times in a row)")
            self._closed_until = time.monotonic() + self._rest  # one tries, the others wait for what becomes of it

    def failed(self, reason: str, *, for_good: bool = False) -> None:
        """Count a failure; ``for_good``: the next request would be refused for the same reason."""
        with self._mutex:
            self._failed = max(self._failed + 1, self._most if for_good else 0)
            self._last = reason
            self._closed_until = time.monotonic() + self._rest

    def succeeded(self) -> None:
        """An answer came: all is well again."""
        with self._mutex:
            self._failed = 0
