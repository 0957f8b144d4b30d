"""Progress on stderr: bars on a terminal, a plain line now and then elsewhere; with rate and time left on both."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from kb.safe import one_line

_FIRST_LINE_AFTER = 1.0  # seconds: what takes less needs no progress
_LINE_EVERY = 5.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")


class Bars:
    """A ``Progress`` (see kb/protocols.py) for any thread, and a context manager; what it drew is gone when it closes.

    Once closed it says nothing more: a source that an interrupted sync left behind may still report.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}
        self._said: dict[str, float] = {}
        self._closed = False
        self._mutex = threading.Lock()

    def __enter__(self) -> Self:
        if self._stream.isatty():
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate())
            console = Console(file=self._stream)
            self._bars = RichProgress(*columns, TimeRemainingColumn(compact=True), console=console, transient=True)
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._mutex:
            self._closed = True
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        with self._mutex:
            if self._closed:
                return
            if self._bars is not None:
                self._draw(self._bars, stage, done, total)
            else:
                self._say(stage, done, total)

    def _draw(self, bars: RichProgress, stage: str, done: int, total: int | None) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = bars.add_task(escape(one_line(stage, limit=60)), total=total)
        bars.update(self._tasks[stage], completed=done, total=total)

    def _say(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        began, from_count = self._began.setdefault(stage, (now, done))
        spent = now - began
        last = total is not None and done >= total and stage in self._said
        if not last and (spent < _FIRST_LINE_AFTER or now - self._said.get(stage, -_LINE_EVERY) < _LINE_EVERY):
            return
        self._said[stage] = now
        rate = (done - from_count) / spent if spent else 0.0
        share = f"/{total:,} ({done / total:.0%})" if total else ""
        left = f", {(total - done) / rate:,.0f} s left" if total and rate and done < total else ""
        speed = f", {rate:,.0f}/s" if rate else ""
        print(f"{one_line(stage, limit=60)}: {done:,}{share}{speed}{left}", file=self._stream, flush=True)
