"""Events of an answer from a thread of their own, so that whoever waits for the next one can still be told to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from queue import Empty, SimpleQueue

from kb.answering.types import Event

_GRACE = 2.0  # seconds after a stop in which the answer may still end by itself


def aloud(events: Iterator[Event], stop: threading.Event, *, tick: float) -> Generator[Event | None, None, None]:
    """``events``, and None each ``tick`` seconds in which there is none.

    Ends some seconds after ``stop`` was set, also where the last event is still to come; closing it sets ``stop``. What
    they raise is raised here.
    """
    coming: SimpleQueue[Event | BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            for event in events:
                coming.put(event)
            coming.put(None)
        except BaseException as error:
            coming.put(error)

    threading.Thread(target=run, name="kb-answer", daemon=True).start()
    left = _GRACE
    with contextlib.ExitStack() as stack:
        stack.callback(stop.set)
        while left > 0:
            try:
                event = coming.get(timeout=tick)
            except Empty:
                left -= tick if stop.is_set() else 0
                yield None
                continue
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
