"""A source tried before it is added: its first batch is read in a folder of its own, and nothing is stored."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kb.errors import KbError, SourceError, SourceStoppedError
from kb.meter import Reading
from kb.plugins import build_sources
from kb.protocols import Progress, Source, SourceContext, silent
from kb.safe import one_line, without_secrets
from kb.sources_file import Draft
from kb.types import Batch, Record

_SHOWN = 5  # titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the beginning of a source gave: ``records`` in its first batch, by kind in ``kinds``, and the first few of them.

    ``expected``: how many there are in all, where the source knows. ``requests`` were sent in ``seconds``.
    """

    name: str
    records: int = 0
    expected: int | None = None
    kinds: Mapping[str, int] = field(default_factory=dict)
    first: tuple[Record, ...] = ()
    notes: tuple[str, ...] = ()
    requests: int = 0
    seconds: float = 0.0


def try_source(draft: Draft, *, progress: Progress = silent, stop: threading.Event | None = None) -> Trial:
    """Read the first batch of the source that a draft adds; what it downloads for that is deleted again.

    Raises:
        SourceError: it cannot be read.
        SourceStoppedError: ``stop`` was set.
    """
    began, stopped = time.monotonic(), stop or threading.Event()
    with tempfile.TemporaryDirectory(prefix="infra-kb-trial-", ignore_cleanup_errors=True) as folder:
        source = build_sources(draft.config, Path(folder), progress=progress, stop=stopped)[-1]
        batch = _first_batch(source, stopped)
    context = getattr(source, "context", None)
    reading = context.meter.reading if isinstance(context, SourceContext) else Reading()
    records = batch.records if batch else ()
    return Trial(
        name=source.name,
        records=len(records),
        expected=batch.expected if batch else 0,
        kinds=Counter(record.kind for record in records),
        first=records[:_SHOWN],
        notes=reading.notes,
        requests=reading.requests,
        seconds=time.monotonic() - began,
    )


def _first_batch(source: Source, stopped: threading.Event) -> Batch | None:
    batches = source.pull(None)
    try:
        return next(batches, None)
    except KbError:
        raise
    except Exception as failure:
        if stopped.is_set():  # then its failure is only how it ended
            raise SourceStoppedError(f"{source.name}: interrupted") from failure
        told = without_secrets(one_line(f"{type(failure).__name__}: {failure}", limit=300))
        raise SourceError(f"{source.name}: internal error: {told}") from failure
    finally:
        close = getattr(batches, "close", None)  # a plain iterator has none
        if close:
            close()
