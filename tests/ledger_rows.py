"""Readings of sources in the ledger of a store, as the rows of a test say that they went."""

from __future__ import annotations

from collections.abc import Iterable

from kb.catalog import Catalog
from kb.types import Batch, LedgerRow

ELSEWHERE = "git"  # as which tests.records.put stores: no source that a report tells of


def stored(catalog: Catalog, rows: Iterable[LedgerRow]) -> tuple[LedgerRow, ...]:
    """Let each source be read now, as its row says; the rows of the ledger after that, in the same order."""
    rows = tuple(rows)
    for row in rows:
        if row.status == "never":
            continue
        catalog.begin(row.source, use=row.use, repo=row.repo, kinds=row.kinds)
        if row.truncated:
            catalog.store(row.source, Batch(records=(), cursor="c", truncated=row.truncated))
        catalog.finish(row.source, error=row.error)
    return ledger(catalog, rows)


def ledger(catalog: Catalog, rows: Iterable[LedgerRow] = ()) -> tuple[LedgerRow, ...]:
    """The ledger's rows of these sources, by default of all that tell of a source."""
    found = {row.source: row for row in catalog.ledger() if row.source != ELSEWHERE}
    return tuple(found.get(row.source, row) for row in rows) or tuple(found.values())
