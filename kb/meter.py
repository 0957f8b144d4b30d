"""What a source uses and learns while it is read: requests, the server's limit, notes for the ledger. Thread-safe."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Reading:
    """Where a meter stands: ``reset`` is when the server takes more requests, ``remaining`` how many until then, if it says."""

    requests: int = 0
    remaining: int | None = None
    reset: datetime | None = None
    notes: tuple[str, ...] = ()


class Meter:
    """Counts for one run of one source; ``kb.sync`` resets it before the run and reads it after."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._reading = Reading()

    @property
    def reading(self) -> Reading:
        """Where it stands now."""
        with self._mutex:
            return self._reading

    def reset(self) -> None:
        """Start again at nothing."""
        with self._mutex:
            self._reading = Reading()

    def count(self, requests: int = 1) -> None:
        """So many more requests were sent, repeated ones included."""
        with self._mutex:
            now = self._reading
            self._reading = Reading(now.requests + requests, now.remaining, now.reset, now.notes)

    def limit(self, *, remaining: int | None, reset: datetime | None) -> None:
        """What the server says of its limit (``reset`` is aware)."""
        with self._mutex:
            now = self._reading
            self._reading = Reading(now.requests, remaining, reset, now.notes)

    def note(self, text: str) -> None:
        """Tell a person something in one line, once; it is no failure ("acme/old is now acme/new: change repo")."""
        with self._mutex:
            now = self._reading
            notes = now.notes if text in now.notes else (*now.notes, text)
            self._reading = Reading(now.requests, now.remaining, now.reset, notes)
