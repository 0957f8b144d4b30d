"""The use-case sync: read every source into the catalog, then index what is pending. None that fails stops the others.

Sources are read side by side in daemon threads: one that sits in a slow request must not hold the process when the person ends
it. Each batch is one transaction, so such a thread may be lost at any moment; what it brings after the stop is not stored.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from kb.catalog import Catalog, Stored
from kb.errors import CatalogError, KbError, SourceStoppedError
from kb.lanes import Lanes
from kb.meter import Meter
from kb.protocols import Progress, Source, SourceContext, silent
from kb.safe import without_secrets
from kb.types import Batch, LedgerRow

_log = logging.getLogger(__name__)

_THREADS = 8
_PATIENCE = 3.0  # seconds that an interrupted sync waits for its sources to end by themselves
_GLANCE = 0.1  # seconds after which the thread that waits for them looks whether it is told to stop
_LONGEST_CAUSE = 200


@dataclass(frozen=True)
class Indexed:
    """What an indexer did: ``records`` it brought up to date, and ``cards`` it wrote for them."""

    cards: int = 0
    records: int = 0


class Indexer(Protocol):
    """Brings the vector index up to date with the catalog."""

    def index(self, progress: Progress) -> Indexed:
        """Index every pending record and remove the cards of those that are gone; resumable at any moment.

        Raises:
            VectorError: the index or the embedding model cannot be used.
        """
        ...


@dataclass(frozen=True)
class SourceRun:
    """One source's run: its ledger row as it ended, what it did to the store, and the seconds it took."""

    row: LedgerRow
    stored: Stored
    seconds: float


@dataclass(frozen=True)
class SyncReport:
    """What a sync did. ``indexed`` is None without an indexer, or where it failed: then ``index_error`` says how."""

    runs: tuple[SourceRun, ...]
    indexed: Indexed | None = None
    index_error: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every source was read and everything was indexed."""
        return not self.index_error and all(run.row.status == "ok" for run in self.runs)


def sync(
    catalog: Catalog,
    sources: Sequence[Source],
    indexer: Indexer | None = None,
    *,
    progress: Progress = silent,
    patience: float = _PATIENCE,
    stop: threading.Event | None = None,
) -> SyncReport:
    """Pull every source, each from its cursor on, then index. Failures are in the ledger and the report, in the given order.

    Sources of one ``lane`` are read one after the other, others side by side. ``progress`` is called from several threads; it
    gets the stage "sync <source>" with the number of records fetched and, where known, expected. When the person interrupts,
    or another thread sets ``stop``, sources end at their next batch; one that has not ended after ``patience`` seconds is left
    behind. What was stored stays.

    Raises:
        SyncRunningError: another sync is running.
        CatalogError: the store cannot be written.
        SourceStoppedError: ``stop`` was set.
    """
    started = time.monotonic()
    stopped = stop or threading.Event()
    with catalog.exclusive():
        runs = _Readers(catalog, sources, progress, stopped).read(patience)
        _heed(stopped)
        indexed, index_error = _index(indexer, _until(stopped, progress))
    return SyncReport(runs, indexed, index_error, time.monotonic() - started)


def unread(source: Source) -> LedgerRow:
    """The ledger row of a source that was never read."""
    use = type(source).__module__.rpartition(".")[2]
    return LedgerRow(source=source.name, use=use, repo=source.repo, kinds=tuple(getattr(source, "kinds", ())))


class _Readers:
    """The threads that read sources; ``read`` is called once."""

    def __init__(self, catalog: Catalog, sources: Sequence[Source], progress: Progress, told_to_stop: threading.Event) -> None:
        self._catalog = catalog
        self._sources = sources
        self._progress = progress
        self._told_to_stop = told_to_stop
        # Without a lane are those that work on this machine: git.
        self._lanes = Lanes([getattr(source, "lane", "") for source in sources], open=os.cpu_count() or 1)
        self._stopped = threading.Event()
        self._left_behind = threading.Event()
        self._threads: list[threading.Thread] = []
        self._outcomes: queue.SimpleQueue[tuple[int, SourceRun | BaseException]] = queue.SimpleQueue()

    def read(self, patience: float) -> tuple[SourceRun, ...]:
        """Read every source; what is no source's own failure ends all of them and is raised."""
        for source in self._sources:
            if context := _context(source):
                context.stop.clear()
        try:
            for _ in range(min(_THREADS, len(self._sources))):
                thread = threading.Thread(target=self._work, daemon=True)
                thread.start()
                self._threads.append(thread)
            return self._collected()
        except BaseException:
            self._stop(patience)
            raise

    def _collected(self) -> tuple[SourceRun, ...]:
        runs: dict[int, SourceRun] = {}
        while len(runs) < len(self._sources):
            _heed(self._told_to_stop)
            try:
                position, outcome = self._outcomes.get(timeout=_GLANCE)
            except queue.Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            runs[position] = outcome
        return tuple(runs[position] for position in range(len(self._sources)))

    def _stop(self, patience: float) -> None:
        """Begin no more, let those that run end, and note as interrupted what has not ended by then."""
        self._stopped.set()
        self._lanes.close()
        for source in self._sources:
            if context := _context(source):
                context.stop.set()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        self._left_behind.set()
        for source in self._sources:
            # Most were not begun, or have ended. Where it cannot be written, the next sync finds out by itself.
            with contextlib.suppress(CatalogError):
                self._catalog.finish(source.name, interrupted=True, reading=_meter(source).reading)

    def _work(self) -> None:
        while True:
            with self._lanes.turn() as position:
                if position is None:
                    return
                try:
                    self._outcomes.put((position, self._run(self._sources[position])))
                except BaseException as error:  # a thread has nobody to raise it to
                    self._lanes.close()
                    self._outcomes.put((position, error))

    def _run(self, source: Source) -> SourceRun:
        started = time.monotonic()
        name, blank = source.name, unread(source)
        _meter(source).reset()
        self._catalog.begin(name, use=blank.use, repo=blank.repo, kinds=blank.kinds)
        stored, error, interrupted = Stored(), "", False
        try:
            with contextlib.closing(self._pull(source)) as pulled:
                for done in pulled:
                    stored += done
        except SourceStoppedError:
            interrupted = True
        except Exception as failure:
            interrupted = self._stopped.is_set()  # then its failure is only how it ended
            error = "" if interrupted else _explain(failure, name)
        except BaseException:  # the person, or the system, ends the run
            self._finish(source, interrupted=True)
            raise
        row = self._finish(source, error=error, interrupted=interrupted)
        return SourceRun(row, stored, time.monotonic() - started)

    def _finish(self, source: Source, *, error: str = "", interrupted: bool = False) -> LedgerRow:
        if self._left_behind.is_set():  # its run was ended, and another may have begun
            raise SourceStoppedError(f"{source.name}: left behind")
        return self._catalog.finish(source.name, error=error, interrupted=interrupted, reading=_meter(source).reading)

    def _pull(self, source: Source) -> Generator[Stored, None, None]:
        fetched, expected, stage = 0, None, f"sync {source.name}"
        batches: Iterator[Batch] = source.pull(self._catalog.cursor(source.name))
        try:
            for batch in batches:
                if self._stopped.is_set():
                    raise SourceStoppedError(f"{source.name}: interrupted")
                yield self._catalog.store(source.name, batch, reading=_meter(source).reading)
                fetched += len(batch.records)
                expected = expected if batch.expected is None else batch.expected
                self._progress(stage, fetched, expected)
        finally:
            close = getattr(batches, "close", None)  # a plain iterator has none
            if close:
                close()


def _context(source: Source) -> SourceContext | None:
    context = getattr(source, "context", None)
    return context if isinstance(context, SourceContext) else None


def _meter(source: Source) -> Meter:
    context = _context(source)
    return context.meter if context else Meter()


def _index(indexer: Indexer | None, progress: Progress) -> tuple[Indexed | None, str]:
    if indexer is None:
        return None, ""
    try:
        return indexer.index(progress), ""
    except SourceStoppedError:
        raise
    except Exception as failure:
        return None, _explain(failure, "index")


def _until(stopped: threading.Event, progress: Progress) -> Progress:
    """``progress``, which also ends what reports to it once it is told to stop."""

    def told(stage: str, done: int, total: int | None) -> None:
        _heed(stopped)
        progress(stage, done, total)

    return told


def _heed(stopped: threading.Event) -> None:
    if stopped.is_set():
        raise SourceStoppedError("interrupted")


def _explain(failure: Exception, subject: str) -> str:
    """The failure in one line; what no one foresaw is logged with its traceback."""
    if isinstance(failure, KbError):
        told = "; ".join(part for part in (failure.message, failure.remedy) if part) + _cause(failure)
    else:
        _log.error("%s: internal error\n%s", subject, without_secrets("".join(traceback.format_exception(failure))))
        told = f"internal error: {type(failure).__name__}: {failure}"
    return without_secrets(" ".join(told.split()))


def _cause(failure: KbError) -> str:
    """The foreign exception behind a failure, in brackets, where it says more than the failure does."""
    cause: BaseException = failure
    while behind := cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__):
        cause = behind  # the first of a chain says what happened, the others where
    if isinstance(cause, KbError):
        return ""
    told = (isinstance(cause, OSError) and cause.strerror) or str(cause)
    first = next(iter(told.strip().splitlines()), "")[:_LONGEST_CAUSE]
    if first and first in failure.message:
        return ""
    return f" ({type(cause).__name__}{': ' if first else ''}{first})"
