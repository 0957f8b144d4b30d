"""A program for tests/test_crash.py to kill: ``python -m tests.slow_sync CATALOG`` syncs a slow source and a slow index.

The source gives 120 batches, changes what it gave before, moves tags, and loses records at the end: all a function of the
cursor, so that two complete syncs give the same store however often they were broken off.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kb.catalog import Catalog
from kb.protocols import Progress
from kb.sync import Indexed, sync
from kb.types import Batch, FileChange, Snapshot, Tag
from tests.records import REPO, commit, day, sha

BATCHES, SIZE, PAUSE = 120, 4, 0.004


def batch(number: int) -> Batch:
    """Batch ``number`` of 0..BATCHES - 1."""
    fresh = range(number * SIZE, (number + 1) * SIZE)
    records = [commit(n, f"kernel {n}", body=f"speeds up case {n} " * 30, files=_files(n)) for n in fresh]
    if number % 3 == 2:  # something that was there has changed
        records.append(commit(number * SIZE // 2, f"kernel reworded in batch {number}"))
    last = number == BATCHES - 1
    return Batch(
        records=tuple(records),
        cursor=str(number + 1),
        expected=BATCHES * SIZE,
        tags=tuple(Tag(f"v{n}", sha(n * 10), day(n * 10)) for n in range(1, number // 10)) if number % 10 == 0 else None,
        first_tags={commit(n).id: f"v{number}" for n in fresh if number % 5 == 0},
        snapshot=Snapshot(frozenset(commit(n).id for n in range(BATCHES * SIZE) if n % 50)) if last else None,
    )


def _files(number: int) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path=f"src/f{number}_{n}.cu", additions=9, patch=f"@@ -1 +1 @@\n+tile_{number} = {n}\n" * 9)
        for n in range(4)
    )


@dataclass(frozen=True)
class SlowSource:
    name: str = "slow"
    repo: str = REPO

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        for number in range(int(cursor or 0), BATCHES):
            time.sleep(PAUSE)
            yield batch(number)


@dataclass(frozen=True)
class SlowIndexer:
    """Writes a card for each record into a database of its own: card first, then the mark, as a vector index does."""

    catalog: Catalog
    path: Path

    def index(self, progress: Progress) -> Indexed:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as cards:
            cards.execute("PRAGMA synchronous = OFF")  # a kill is not a power cut
            cards.execute("CREATE TABLE IF NOT EXISTS cards (doc INTEGER PRIMARY KEY, id TEXT, hash TEXT)")
            gone = self.catalog.unindexed_gone()
            cards.executemany("DELETE FROM cards WHERE doc = ?", [(doc,) for doc in gone])
            self.catalog.mark_unindexed(gone)
            while docs := self.catalog.pending(10):
                time.sleep(PAUSE)
                records = self.catalog.records(docs)
                rows = [(doc, record.id, record.content_hash) for doc, record in zip(docs, records, strict=True)]
                cards.executemany("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", rows)
                self.catalog.mark_indexed((doc, content_hash) for doc, _, content_hash in rows)
        return Indexed()


def main() -> None:
    path = Path(sys.argv[1])
    print("ready", flush=True)
    with Catalog.open(path) as catalog:
        report = sync(catalog, [SlowSource()], SlowIndexer(catalog, path.with_name("cards.db")))
    sys.exit(not report.ok)


if __name__ == "__main__":
    main()
