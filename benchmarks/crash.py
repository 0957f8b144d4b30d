"""Kill a real sync with SIGKILL at random moments, finish it, and compare what is stored with an undisturbed sync.

    python -m benchmarks.crash --repo PATH [--kills 50] [--history all] [--records-only] [--seed 1] [--json]

Every kill hits a running ``kb sync`` of the git source with the real index (``--records-only``: without). Where a sync is done
before all kills are spent, its store is compared, and the next one begins from nothing. Exit code 1 if any store differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Times and counts of runs, and the identity of the store: all that two equal stores may differ in.
_RUN_TABLES = {"runs"}
_RUN_COLUMNS = {
    "sources": {
        *("pid", "started", "ended", "last_success", "fetched", "expected", "new", "changed", "gone"),
        *("requests", "limit_reset", "notes"),
    }
}
_RUN_KEYS = {"uuid", "stamp", "sync_pid"}
_LIKE_FTS_DATA = ("_data", "_idx", "_docsize", "_config", "_content")


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a catalog as sorted rows, record numbers replaced by ids, without what belongs to single runs.

    FTS5's internal tables depend on the order of writing; in their place stands what they hold: each term with its counts.
    """
    with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as connection:
        ids = dict(connection.execute("SELECT doc, id FROM records"))
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        names = [name for name in names if name not in _RUN_TABLES]
        kept = [name for name in names if not (name.startswith("lexical_") and name.endswith(_LIKE_FTS_DATA))]
        contentless = [name for name in kept if name.startswith("lexical_")]
        return {name: sorted(_rows(connection, name, ids), key=repr) for name in kept if name not in contentless}


def _rows(connection: sqlite3.Connection, table: str, ids: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    cursor = connection.execute(f'SELECT * FROM "{table}"')
    columns = [column[0] for column in cursor.description]
    counted: dict[int, int] = {}
    for row in cursor:
        values = dict(zip(columns, row, strict=True))
        if table == "meta" and values["key"] in _RUN_KEYS:
            continue
        for column in _RUN_COLUMNS.get(table, set()):
            values.pop(column)
        if table == "files":  # numbered over the whole store: what counts is the order within a record
            counted[values["doc"]] = values["file"] = counted.get(values["doc"], 0) + 1
        if "doc" in values and not table.startswith("vocabulary_"):
            values["doc"] = ids[values["doc"]]
        yield tuple(values.values())


def dump_index(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The vector index in a data directory: ids of the cards in Chroma, and each record's hash and cards beside it."""
    import chromadb

    current = json.loads((folder / "index" / "current.json").read_text())
    client = chromadb.PersistentClient(str(folder / "chroma"))
    collection = client.get_collection(f"cards-{current['generation']}", embedding_function=None)
    with closing(sqlite3.connect(folder / "index" / f"vectors-{current['generation']}.db")) as connection:
        indexed = connection.execute("SELECT record, hash FROM indexed").fetchall()
        cards = connection.execute("SELECT record, part FROM cards JOIN indexed USING (doc)").fetchall()
        tokens = connection.execute("SELECT record, part, length(vectors) FROM tokens JOIN indexed USING (doc)").fetchall()
    in_chroma = [(card,) for card in collection.get(include=[])["ids"]]
    tables = {"chroma": in_chroma, "indexed": indexed, "cards": cards, "tokens": tokens}
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


def differences(
    left: dict[str, list[tuple[Any, ...]]], right: dict[str, list[tuple[Any, ...]]], *, shown: int = 3
) -> list[str]:
    """What differs between two dumps, in words; nothing where they are equal."""
    found = [f"{name}: only in one of them" for name in sorted(left.keys() ^ right.keys())]
    for name in sorted(left.keys() & right.keys()):
        if left[name] == right[name]:
            continue
        mine, other = set(map(repr, left[name])), set(map(repr, right[name]))
        found.append(f"{name}: {len(left[name])} rows against {len(right[name])}")
        found += [f"{name}: - {row[:200]}" for row in sorted(mine - other)[:shown]]
        found += [f"{name}: + {row[:200]}" for row in sorted(other - mine)[:shown]]
    return found


@dataclass(frozen=True)
class Setup:
    """What every sync of the benchmark shares."""

    config: Path
    records_only: bool

    def start(self, data: Path) -> subprocess.Popen[bytes]:
        """A sync of its own process."""
        if self.records_only:
            command = ["-m", "benchmarks.crash", "--child", str(self.config), str(data)]
        else:
            command = ["-m", "kb", "sync", "--json", "--config", str(self.config), "--data-dir", str(data)]
        return subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def finish(self, data: Path) -> None:
        """Sync to the end. Raises SystemExit with its output where it fails."""
        _end(self.start(data))

    def dump(self, data: Path) -> dict[str, list[tuple[Any, ...]]]:
        """All that is stored."""
        return dump(data / "catalog.db") | ({} if self.records_only else dump_index(data))


def _end(child: subprocess.Popen[bytes]) -> None:
    _, errors = child.communicate()
    if child.returncode:
        raise SystemExit(f"sync failed ({child.returncode}): {errors.decode(errors='replace')[-2000:]}")


def measure(repo: Path, *, kills: int = 50, history: str = "all", records_only: bool = False, seed: int = 1) -> dict[str, Any]:
    """Kill ``kills`` syncs of the repository at ``repo``; returns counts, and the differences found (an empty list: none)."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "kb.toml"
        keys = {"use": "git_commits", "url": str(repo.absolute()), "repo": "bench/crash", "history": history}
        config.write_text("[[sources]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
        setup = Setup(config, records_only)
        started = time.monotonic()
        setup.finish(Path(folder) / "undisturbed")
        seconds = time.monotonic() - started
        wanted = setup.dump(Path(folder) / "undisturbed")
        started = time.monotonic()
        setup.finish(Path(folder) / "undisturbed")
        nothing_new = time.monotonic() - started  # what a process needs before it can get anywhere
        # Each life gets about a tenth of the work done, so that kills fall everywhere in it.
        longest = nothing_new + max(seconds - nothing_new, 0.5) / 5
        spent, rounds, found = 0, 0, list[str]()
        while spent < kills:
            data = Path(folder) / f"killed-{rounds}"
            spent += _torture(setup, data, kills - spent, longest, chance)
            found += differences(wanted, setup.dump(data))
            rounds += 1
        digest = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:16]
        return {
            "kills": spent,
            "syncs_finished": rounds,
            "records": len(wanted["records"]),
            "cards": len(wanted.get("chroma", [])),
            "undisturbed_s": round(seconds, 1),
            "nothing_new_s": round(nothing_new, 1),
            "differences": found,
            "digest": digest,
        }


def _torture(setup: Setup, data: Path, kills: int, longest: float, chance: random.Random) -> int:
    """Kill syncs into one data directory until one is done before its time, or ``kills`` are spent; then finish it."""
    for spent in range(kills):
        child = setup.start(data)
        try:
            child.wait(timeout=chance.uniform(0, longest))
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            continue
        _end(child)
        return spent
    setup.finish(data)
    return kills


def _child(config: Path, data: Path) -> None:
    """Sync without an index."""
    from kb.catalog import Catalog
    from kb.config import load_config
    from kb.plugins import build_sources
    from kb.sync import sync

    with Catalog.open(data / "catalog.db") as catalog:
        report = sync(catalog, build_sources(load_config(config), data))
    if not report.ok:
        raise SystemExit("; ".join(run.row.error for run in report.runs))


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, required=True, help="a git repository on this machine")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--history", default="all", help='as in kb.toml: "90 days", a date, or "all"')
    parser.add_argument("--records-only", action="store_true", help="without the vector index")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    result = measure(told.repo, kills=told.kills, history=told.history, records_only=told.records_only, seed=told.seed)
    if told.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:16} {value if not isinstance(value, list) else '; '.join(value) or 'none'}")
    sys.exit(bool(result["differences"]))


if __name__ == "__main__":
    main()
