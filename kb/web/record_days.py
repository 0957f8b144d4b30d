"""The days on which something happened, the latest first: what a report could be made of."""

from __future__ import annotations

from collections import Counter
from datetime import date, tzinfo

from kb.catalog import Catalog, Filter

_LOOKED_AT = 1_000  # records
_SHOWN = 12


def record_days(catalog: Catalog, zone: tzinfo, *, before: date) -> list[tuple[date, int]]:
    """Days up to ``before`` with the number of records of each, by the latest records there are.

    Raises:
        CatalogError: the record store cannot be read.
    """
    briefs = catalog.briefs(catalog.select(Filter())[:_LOOKED_AT])
    found = Counter(brief.at.astimezone(zone).date() for brief in briefs)
    if len(briefs) == _LOOKED_AT:
        found.pop(min(found))  # some of its records were not looked at
    return sorted(((day, count) for day, count in found.items() if day <= before), reverse=True)[:_SHOWN]
