"""Several processes on one data directory: any number read while one syncs; a second sync is told who is in its way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kb.catalog import Catalog, Filter
from kb.errors import CatalogError
from tests.records import REPO, commit, put

ROOT = Path(__file__).parent.parent

HOLDS_A_TRANSACTION = """
import sys, pathlib
from kb.catalog import Catalog
from tests.records import commit, put
with Catalog.open(pathlib.Path(sys.argv[1])) as catalog:
    with catalog._writing() as connection:
        connection.execute("UPDATE records SET title = 'not committed'")
        print("ready", flush=True)
        sys.stdin.readline()
"""

SYNCS = """
import sys, pathlib
from kb.catalog import Catalog
with Catalog.open(pathlib.Path(sys.argv[1])) as catalog, catalog.exclusive():
    catalog.begin("git", use="git_commits", repo="acme/kernels")
    print("ready", flush=True)
    sys.stdin.readline()
"""

OPENS = """
import sys, pathlib
from kb.catalog import Catalog, Filter
with Catalog.open(pathlib.Path(sys.argv[1])) as catalog:
    print(catalog.count(Filter()))
"""


@contextmanager
def process(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs ``script`` and is ready; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.kill()


def test_a_reader_never_waits_for_a_writer_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, *(commit(number, "moe") for number in range(20)))
    with process(HOLDS_A_TRANSACTION, path), Catalog.open(path, read_only=True) as reader:
        started = time.monotonic()
        for _ in range(20):
            docs = reader.select(Filter())
            assert {record.title for record in reader.records(docs)} == {"moe"}
            assert len(reader.lexical("subject", ["moe"])) == 20
            assert reader.ledger()[0].status == "ok"
        assert time.monotonic() - started < 5  # a wait would be schema.BUSY_SECONDS


def test_a_writer_never_waits_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog, Catalog.open(path, read_only=True) as reader:
        put(catalog, commit(1))
        with reader._reading() as connection:
            assert connection.execute("SELECT count(*) FROM records").fetchone() == (1,)
            put(catalog, commit(2))
            assert connection.execute("SELECT count(*) FROM records").fetchone() == (1,)
        assert reader.count(Filter()) == 2


def test_a_second_sync_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog, process(SYNCS, path) as other:
        assert catalog.ledger()[0].status == "running"
        with pytest.raises(CatalogError, match=rf"another sync is running \(pid {other.pid}\)"), catalog.exclusive():
            pass
        with pytest.raises(CatalogError, match=rf"another sync is running \(pid {other.pid}\)"):
            put(catalog, commit(1))
        assert catalog.ledger()[0].status == "running"


def test_the_lock_and_the_running_row_die_with_the_process(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        with process(SYNCS, path) as other:
            os.kill(other.pid, signal.SIGKILL)
            other.wait()
        assert catalog.ledger()[0].status == "interrupted"
        with Catalog.open(path, read_only=True) as reader:
            assert reader.ledger()[0].status == "interrupted"
        put(catalog, commit(1), source="another")
        assert {row.source: row.status for row in catalog.ledger()} == {"another": "ok", "git": "interrupted"}
        with catalog.exclusive():  # the dead run is not taken for this one
            assert {row.source: row.status for row in catalog.ledger()} == {"another": "ok", "git": "interrupted"}


def test_two_threads_of_a_process_do_not_sync_at_once(tmp_path: Path) -> None:
    refused: list[CatalogError] = []

    def attempt() -> None:
        try:
            with catalog.exclusive():
                pass
        except CatalogError as error:
            refused.append(error)

    with Catalog.open(tmp_path / "catalog.db") as catalog:
        with catalog.exclusive():
            thread = threading.Thread(target=attempt)
            thread.start()
            thread.join()
        assert [error.message for error in refused] == [f"another sync is running (pid {os.getpid()}) on {tmp_path}"]
        with catalog.exclusive():
            catalog.begin("git", use="git_commits", repo=REPO)
            catalog.finish("git")


def test_runs_without_a_sync_around_them_hold_the_lock_between_begin_and_finish(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog, Catalog.open(path) as other:
        catalog.begin("a", use="x", repo="")
        catalog.begin("b", use="x", repo="")
        catalog.finish("a")
        with pytest.raises(CatalogError, match="another sync"):
            other.begin("c", use="x", repo="")
        catalog.finish("b")
        other.begin("c", use="x", repo="")
        other.finish("c")


def test_many_processes_make_one_store_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPENS, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    assert [child.communicate(timeout=60) for child in children] == [("0\n", "")] * 6
