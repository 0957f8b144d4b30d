"""What the use-cases ask of adapters. Adapters implement these; use-cases take them as arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from kb.types import Batch


class Progress(Protocol):
    """Told how far a slow stage has come; ``total`` is None where it is not known. Must return quickly."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


def silent(stage: str, done: int, total: int | None) -> None:
    """A Progress that shows nothing."""


@dataclass(frozen=True)
class SourceContext:
    """What a source is given beside its config keys: a folder of its own for clones and caches, and where to tell progress."""

    folder: Path
    progress: Progress = silent
    now: datetime | None = None

    def clock(self) -> datetime:
        """Now, in UTC."""
        return self.now or datetime.now(UTC)


class Source(Protocol):
    """One place that records come from. Its class is a frozen dataclass whose fields are its keys in ``kb.toml``.

    Every field but ``context`` (a SourceContext, keyword-only, given by wiring) is a config key, and a field without a default
    is a required one.
    ``repo`` ("owner/name", or "" where there is none) is what its records' ``repo`` will be.

    A source with a configured history may also have ``begins(cursor: str | None) -> datetime | None``: from when on it was
    read, by its stored cursor (None for everything). Answers about an earlier time then say that nothing of it was read.
    """

    @property
    def name(self) -> str: ...

    @property
    def repo(self) -> str: ...

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield records new or changed since ``cursor`` (None: the configured history).

        Each batch is stored together with its cursor in one transaction, so that a killed run resumes at the last batch.
        The iterator is closed (``close()``) when the run is interrupted: release processes and files in ``finally``.

        Raises:
            SourceError: the source could not be read; batches yielded so far stay stored.
        """
        ...
