"""What joining commits with their pull requests is worth: a copy of a store in which every commit of a pull request says its
subject only, and the rest of its message stands in the pull request, or nowhere.

    python -m benchmarks.moved_messages --data-dir FROM --to DIR [--drop]

Then `kb sync` indexes the copy, and `python -m benchmarks.retrieval --data-dir DIR` asks it what it asks the whole store.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kb.catalog import Catalog, Filter
from kb.types import Batch, Event, Record

_CHUNK = 500


def moved(record: Record, *, drop: bool) -> Iterator[Record]:
    """The commit without its body, and its pull request with it; other records as they are."""
    pulls = record.linked("pull")
    if not pulls:
        yield record
        return
    yield replace(record, body="")
    if not drop:
        yield Record(
            id=pulls[0],
            kind="pull",
            repo=record.repo,
            ref=pulls[0].rpartition("#")[2],
            title=record.title.rpartition(" (#")[0] or record.title,
            body=record.body,
            author=record.author,
            state="merged",
            events=(Event("opened", record.at), Event("merged", record.at)),
        )


def copy(source: Catalog, target: Catalog, *, drop: bool) -> int:
    """Write every source's records, moved, with its cursor and tags, so that a sync finds nothing new; returns how many."""
    docs, written = source.select(Filter()), 0
    for row in source.ledger():
        target.begin(row.source, use=row.use, repo=row.repo)
        cursor, tags = source.cursor(row.source) or "", source.tags(row.repo)
        for start in range(0, len(docs), _CHUNK):
            read = [record for record in source.records(docs[start : start + _CHUNK]) if record.repo == row.repo]
            records = {new.id: new for record in read for new in moved(record, drop=drop)}
            target.store(row.source, Batch(records=tuple(records.values()), cursor=cursor, tags=tags))
            written += len(records)
        target.finish(row.source)
    return written


def main() -> None:
    """Make the copy."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.moved_messages", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="a synced data directory")
    parser.add_argument("--to", type=Path, required=True, help="where the copy is made; must not be there yet")
    parser.add_argument("--drop", action="store_true", help="leave the messages out instead of giving them to pull requests")
    options = parser.parse_args()
    options.to.mkdir(parents=True)
    with (
        Catalog.open(options.data_dir / "catalog.db", read_only=True) as source,
        Catalog.open(options.to / "catalog.db") as target,
    ):
        print(f"{copy(source, target, drop=options.drop):,} records")


if __name__ == "__main__":
    main()
