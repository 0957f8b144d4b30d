"""Runs of the threads source from a local GitHub into a store, as often and as briefly as a test wants."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest.github_threads import Source
from kb.catalog import Catalog, Filter
from kb.meter import Reading
from kb.protocols import SourceContext
from kb.types import Record
from tests.github_data import Repo
from tests.github_server import GitHubServer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = "ghp_0123456789abcdefghij"
REPO = "acme/kernels"


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@dataclass(frozen=True)
class Quick(SourceContext):
    """Does not wait."""

    def pause(self, seconds: float) -> None:
        super().pause(0)


@dataclass
class Desk:
    """A server, a store, and runs of one source from the one into the other."""

    server: GitHubServer
    catalog: Catalog
    folder: Path
    now: datetime = NOW
    options: dict[str, Any] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    truncated: str = ""

    def source(self) -> Source:
        context = Quick(self.folder, now=self.now)
        return Source(**{"repo": REPO, "base_url": self.server.url, "since": "all", "context": context, **self.options})

    def run(self, batches: int | None = None) -> int:
        """Pull and store, at most so many batches, then as if killed; returns the number of requests."""
        before, source = len(self.server.requests), self.source()
        self.catalog.begin(source.name, use="github_threads", repo=source.repo)
        self.truncated = ""
        pulled = source.pull(self.catalog.cursor(source.name))
        try:
            for batch in itertools.islice(pulled, batches):
                self.catalog.store(source.name, batch)
                self.truncated = batch.truncated
        finally:
            pulled.close()  # type: ignore[attr-defined]
            self.reading = source.context.meter.reading
            self.catalog.finish(source.name)
        return len(self.server.requests) - before

    def records(self) -> dict[str, Record]:
        docs = self.catalog.select(Filter())
        return {record.id: record for record in self.catalog.records(docs)}

    def numbers(self) -> set[int]:
        return {int(record.ref) for record in self.records().values()}

    def gone(self) -> set[str]:
        """Ids of what was there once."""
        return {record.id for record in self.catalog.records(self.catalog.select(Filter(include_gone=True)))} - set(
            self.records()
        )

    @property
    def cursor(self) -> str:
        return self.catalog.cursor("kernels-threads") or ""


def fill(repo: Repo, issues: int, pulls: int = 0) -> None:
    """Issues, then pull requests, each a minute after the one before, the last an hour ago."""
    begin = ago(hours=1, minutes=issues + pulls)
    for number in range(issues):
        repo.add_issue(title=f"Issue {number}", created=begin + timedelta(minutes=number))
    for number in range(issues, issues + pulls):
        repo.add_pull(title=f"Change {number}", created=begin + timedelta(minutes=number))
