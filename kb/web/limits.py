"""How often one may ask, a token bucket for each client and one for all of them together; and how many are served at once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_CLIENTS = 4096  # remembered; the one that asked longest ago is forgotten first, when its bucket is long full again


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` requests at once, and ``per_second`` more each second."""

    per_second: float
    burst: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float

    def missing(self, rate: Rate, now: float) -> float:
        """How many seconds from now there is a whole token."""
        self.tokens = min(rate.burst, self.tokens + (now - self.at) * rate.per_second)
        self.at = now
        return max(0.0, (1 - self.tokens) / rate.per_second)


class Limits:
    """Usable from any thread. A client "" is held to the common rate only."""

    def __init__(self, each: Rate, all: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = each
        self._all = all
        self._clock = clock
        self._mutex = threading.Lock()
        self._common = _Bucket(all.burst, clock())
        self._clients: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, client: str) -> float:
        """0 where the request may go ahead, and it is counted; else after how many seconds it may be tried again."""
        with self._mutex:
            now = self._clock()
            own = self._bucket(client, now) if client else None
            missing = max(self._common.missing(self._all, now), own.missing(self._each, now) if own else 0.0)
            if not missing:
                self._common.tokens -= 1
                if own:
                    own.tokens -= 1
            return missing

    def give_back(self, client: str) -> None:
        """A request that went ahead is not counted after all."""
        with self._mutex:
            self._common.tokens += 1  # more than a burst is cut when it is looked at
            if client:
                self._bucket(client, self._clock()).tokens += 1

    def _bucket(self, client: str, now: float) -> _Bucket:
        bucket = self._clients.setdefault(client, _Bucket(self._each.burst, now))
        self._clients.move_to_end(client)
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return bucket


class FairSemaphore:
    """Lets ``places`` threads in at once and the others after them in the order in which they came.

    ``threading.Semaphore`` lets a thread that comes overtake those that wait: under load most answers are then quick and some
    very late, where in turn all take about as long.
    """

    def __init__(self, places: int) -> None:
        self._mutex = threading.Lock()
        self._free = places
        self._waiting: deque[threading.Lock] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place; it is free again when the block ends."""
        with self._mutex:
            turn = threading.Lock() if self._waiting or not self._free else None
            if turn is None:
                self._free -= 1
            else:
                turn.acquire()
                self._waiting.append(turn)
        if turn is not None:
            turn.acquire()  # until whoever leaves hands over the place
        try:
            yield
        finally:
            with self._mutex:
                if self._waiting:
                    self._waiting.popleft().release()
                else:
                    self._free += 1
