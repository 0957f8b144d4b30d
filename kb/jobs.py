"""One job in a thread of its own: how far it is, a way to stop it, and what has become of it. Any thread may look."""

from __future__ import annotations

import itertools
import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from kb.errors import KbError, SourceStoppedError
from kb.protocols import Progress
from kb.safe import one_line, without_secrets

_log = logging.getLogger(__name__)

_numbers = itertools.count(1)

Result = TypeVar("Result")
Work = Callable[[Progress, threading.Event], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage of a job. ``total`` is None where it is not known; ``rate`` is per second since the stage began, 0.0 where
    nothing can be said yet; ``left`` are seconds to its end at that rate."""

    stage: str
    done: int
    total: int | None = None
    rate: float = 0.0
    left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState(Generic[Result]):
    """A job at one moment.

    ``status``: running, stopping (it was cancelled and has not ended yet), done, failed (``error`` says why) or cancelled.
    ``steps`` are in the order in which they began. ``result`` is there once it is done. Moments are aware.
    """

    status: str
    started: datetime
    ended: datetime | None = None
    steps: tuple[Step, ...] = ()
    result: Result | None = None
    error: KbError | None = None

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.ended is None


class Paces:
    """A Progress (see kb/protocols.py) for any thread that remembers every stage and measures how fast it goes."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._steps: dict[str, Step] = {}
        self._began: dict[str, tuple[float, int]] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        with self._mutex:
            began, from_count = self._began.get(stage, (now, done))
            if done < from_count:  # it has begun anew
                began, from_count = now, done
            self._began[stage] = (began, from_count)
            rate = (done - from_count) / (now - began) if now > began else 0.0
            left = max(total - done, 0) / rate if total is not None and rate else None
            self._steps[stage] = Step(stage=stage, done=done, total=total, rate=rate, left=left)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every stage as it was told last."""
        with self._mutex:
            return tuple(self._steps.values())


class Job(Generic[Result]):
    """``work`` in a daemon thread, begun at once. It is given a Progress and an Event: both tell it to stop, the first by
    raising SourceStoppedError. One that has not ended ``patience`` seconds after it was cancelled is left behind, and what it
    brings is dropped.

    ``about`` says what it works on, for a person; ``number`` tells jobs apart.
    """

    def __init__(self, work: Work[Result], *, about: str = "", patience: float = 5.0) -> None:
        self.about = about
        self._patience = patience
        self.number = next(_numbers)
        self._paces = Paces()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._mutex = threading.Lock()
        self._state: JobState[Result] = JobState(status="running", started=datetime.now(UTC))
        self._thread = threading.Thread(target=self._run, args=(work,), name=f"job-{self.number}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> JobState[Result]:
        """Where it stands now."""
        with self._mutex:
            state = self._state
        if not state.active:
            return state
        status = "stopping" if self._stop.is_set() else "running"
        return JobState(status=status, started=state.started, steps=self._paces.steps)

    def cancel(self) -> None:
        """Tell it to stop; nothing where it has ended."""
        if self._stop.is_set() or self._ended.is_set():
            return
        self._stop.set()
        patience = threading.Timer(self._patience, self._leave_behind)
        patience.daemon = True
        patience.start()

    def wait(self, timeout: float | None = None) -> JobState[Result]:
        """Its state once it has ended, or after ``timeout`` seconds."""
        self._ended.wait(timeout)
        return self.state

    def _run(self, work: Work[Result]) -> None:
        try:
            result = work(self._told, self._stop)
        except SourceStoppedError:
            self._end("cancelled")
        except KbError as error:
            self._end("cancelled" if self._stop.is_set() else "failed", error=error)
        except Exception as failure:  # a thread has nobody to raise it to
            _log.error("%s: internal error\n%s", self.about, without_secrets("".join(traceback.format_exception(failure))))
            told = without_secrets(one_line(f"internal error: {type(failure).__name__}: {failure}", limit=300))
            self._end("failed", error=KbError(told, remedy="the log of the server has more"))
        else:
            self._end("done", result=result)

    def _told(self, stage: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise SourceStoppedError(f"{self.about}: cancelled")
        self._paces(stage, done, total)

    def _leave_behind(self) -> None:
        self._end("cancelled")

    def _end(self, status: str, *, result: Result | None = None, error: KbError | None = None) -> None:
        with self._mutex:
            if self._state.active:
                self._state = JobState(
                    status=status,
                    started=self._state.started,
                    ended=datetime.now(UTC),
                    steps=self._paces.steps,
                    result=result,
                    error=error if status == "failed" else None,
                )
        self._ended.set()
