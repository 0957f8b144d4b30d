"""``kill -9`` at any moment of a sync loses nothing and doubles nothing: the next one completes it."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crash import differences, dump
from kb.catalog import Catalog, Filter
from kb.sync import sync
from tests.slow_sync import BATCHES, SIZE, SlowIndexer, SlowSource

ROOT = Path(__file__).parent.parent


def cards(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT id, hash FROM cards ORDER BY id").fetchall()


def killed_after(path: Path, seconds: float) -> bool:
    """Start a sync, kill it ``seconds`` after it began; False when it was done by then."""
    with subprocess.Popen([sys.executable, "-m", "tests.slow_sync", str(path)], cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        child.kill()
        child.wait()
    return child.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("undisturbed") / "catalog.db"
    with Catalog.open(path) as catalog:
        assert sync(catalog, [SlowSource()], SlowIndexer(catalog, path.with_name("cards.db"))).ok
        assert catalog.counts() == {"slow": {"commit": BATCHES * SIZE * 49 // 50, "gone": 10}}
    return path


def test_a_sync_killed_twelve_times_and_then_finished_equals_an_undisturbed_one(tmp_path: Path, undisturbed: Path) -> None:
    path = tmp_path / "catalog.db"
    chance = random.Random(12)
    progress: list[str] = []
    kills = 0
    for _ in range(12):
        kills += killed_after(path, chance.uniform(0.0, 0.25))
        with Catalog.open(path) as catalog:  # whatever was killed, the store can be read, and is whole up to its cursor
            cursor = catalog.cursor("slow")
            records = catalog.records(catalog.select(Filter(include_gone=True)))
            assert len(records) == int(cursor or 0) * SIZE
            assert [row.status for row in catalog.ledger()] in ([], ["interrupted"], ["ok"])
        progress.append(cursor or "")
    assert kills >= 8
    assert len(set(progress)) >= 4  # they hit the work in different places

    with Catalog.open(path) as catalog:
        assert sync(catalog, [SlowSource()], SlowIndexer(catalog, path.with_name("cards.db"))).ok
    assert differences(dump(undisturbed), dump(path)) == []
    assert cards(path.with_name("cards.db")) == cards(undisturbed.with_name("cards.db"))


def test_the_comparison_sees_a_single_different_row(tmp_path: Path, undisturbed: Path) -> None:
    copy = tmp_path / "catalog.db"
    for statement in (
        "UPDATE files SET path = 'x' WHERE file = 9",
        "DELETE FROM holders WHERE doc = 3",
        "UPDATE sources SET cursor = 'x'",
        "INSERT INTO lexical_subject (rowid, tokens) VALUES (9999, 'kernel')",
    ):
        copy.write_bytes(undisturbed.read_bytes())
        assert differences(dump(undisturbed), dump(copy)) == []
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute(statement)
        assert differences(dump(undisturbed), dump(copy)) != [], statement
