"""Run as a program: searches a library again and again until a file named "stop" appears, then says how often it did."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC
from pathlib import Path

from index.search import Search
from kb.catalog import Catalog
from kb.scope import ScopeContext, parse
from tests.indexing import LATER, new_index


def main() -> None:
    folder = Path(sys.argv[1])
    scope = parse("memory leak in the KV cache", ScopeContext(now=LATER, tz=UTC))
    counts = {"searches": 0, "right": 0}
    degraded: set[str] = set()
    with Catalog.open(folder / "catalog.db", read_only=True) as catalog:
        search = Search(catalog, new_index(folder))
        end = time.monotonic() + 120
        while time.monotonic() < end:
            last = (folder / "stop").exists()
            found = search.find(scope)
            counts["searches"] += 1
            counts["right"] += found.hits[0].record.title == "Fix a memory leak in the KV cache"
            degraded.add(found.degraded)
            (folder / "searching").touch()
            if last:
                break
    print(json.dumps({**counts, "degraded": sorted(degraded)}))


if __name__ == "__main__":
    main()
