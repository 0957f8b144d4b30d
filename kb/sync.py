"""The use-case sync: read every source into the catalog, then index what is pending. None that fails stops the others."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from kb.catalog import Catalog, Stored
from kb.errors import KbError
from kb.protocols import Progress, Source, silent
from kb.types import Batch, LedgerRow

_log = logging.getLogger(__name__)


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
    catalog: Catalog, sources: Sequence[Source], indexer: Indexer | None = None, *, progress: Progress = silent
) -> SyncReport:
    """Pull every source in turn, each from its cursor on, then index. Failures are in the ledger and the report.

    ``progress`` gets the stage "sync <source>" with the number of records fetched and, where known, expected.

    Raises:
        CatalogError: another sync is running, or the store cannot be written.
    """
    started = time.monotonic()
    with catalog.exclusive():
        runs = tuple(_run(catalog, source, progress) for source in sources)
        indexed, index_error = _index(indexer, progress)
    return SyncReport(runs, indexed, index_error, time.monotonic() - started)


def _run(catalog: Catalog, source: Source, progress: Progress) -> SourceRun:
    started = time.monotonic()
    name = source.name
    catalog.begin(name, use=type(source).__module__.rpartition(".")[2], repo=source.repo)
    stored, error = Stored(), ""
    try:
        with contextlib.closing(_pull(catalog, source, progress)) as pulled:
            for done in pulled:
                stored += done
    except Exception as failure:
        error = _explain(failure, name)
    except BaseException:  # the person, or the system, ends the run
        catalog.finish(name, interrupted=True)
        raise
    row = catalog.finish(name, error=error)
    return SourceRun(row, stored, time.monotonic() - started)


def _pull(catalog: Catalog, source: Source, progress: Progress) -> Generator[Stored, None, None]:
    fetched, expected, stage = 0, None, f"sync {source.name}"
    batches: Iterator[Batch] = source.pull(catalog.cursor(source.name))
    try:
        for batch in batches:
            yield catalog.store(source.name, batch)
            fetched += len(batch.records)
            expected = expected if batch.expected is None else batch.expected
            progress(stage, fetched, expected)
    finally:
        close = getattr(batches, "close", None)  # a plain iterator has none
        if close:
            close()


def _index(indexer: Indexer | None, progress: Progress) -> tuple[Indexed | None, str]:
    if indexer is None:
        return None, ""
    try:
        return indexer.index(progress), ""
    except Exception as failure:
        return None, _explain(failure, "index")


def _explain(failure: Exception, subject: str) -> str:
    """The failure in one line; what no one foresaw is logged with its traceback."""
    if isinstance(failure, KbError):
        parts = [failure.message, failure.remedy]
    else:
        _log.error("%s: internal error", subject, exc_info=failure)
        parts = [f"internal error: {type(failure).__name__}: {failure}"]
    return "; ".join(" ".join(part.split()) for part in parts if part)
