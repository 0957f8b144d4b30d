"""Opening: a new file, an older one, a newer one, and what is no catalog at all."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from kb import schema
from kb.catalog import Catalog, Filter
from kb.errors import CatalogError
from kb.types import Batch
from tests.records import REPO, commit, put


def write(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_store_makes_its_folder_and_is_a_catalog(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "ü%20?#" / "catalog.db"
    with Catalog.open(path) as catalog:
        assert catalog.select(Filter()) == []
        assert (catalog.ledger(), catalog.counts(), catalog.pending(5), catalog.cursor("git")) == ((), {}, [], None)
        assert catalog._writer is not None
        modes = [
            catalog._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        assert modes == ["wal", 1, 1]
    assert path.exists()
    assert not path.with_name("catalog.db-wal").exists()  # folded in by the last to close


def test_what_was_stored_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, commit(1), cursor="page 2")
        stamp = catalog.stamp()
    with Catalog.open(path) as catalog:
        assert catalog.record(commit(1).id) == commit(1)
        assert (catalog.cursor("git"), catalog.stamp()) == ("page 2", stamp)


@pytest.mark.parametrize("statements", [(), ("PRAGMA journal_mode = WAL", "PRAGMA user_version = 0")])
def test_a_file_that_was_only_just_begun_is_completed(tmp_path: Path, statements: tuple[str, ...]) -> None:
    """As a kill in the first moment of the first sync leaves it."""
    path = tmp_path / "catalog.db"
    path.touch()
    write(path, *statements)
    with pytest.raises(CatalogError, match="run `kb sync`"):
        Catalog.open(path, read_only=True)
    with Catalog.open(path) as catalog:
        put(catalog, commit(1))
        assert catalog.count(Filter()) == 1


def test_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with pytest.raises(CatalogError, match=r"no catalog at .*catalog.db yet\n  run `kb sync`"):
        Catalog.open(path, read_only=True)
    with Catalog.open(path) as catalog:
        put(catalog, commit(1))
    before = path.read_bytes()
    with Catalog.open(path, read_only=True) as catalog:
        assert catalog.count(Filter()) == 1
        for forbidden in (
            lambda: catalog.begin("git", use="x", repo=REPO),
            lambda: catalog.store("git", Batch(records=(), cursor="")),
            lambda: catalog.finish("git"),
            lambda: catalog.mark_indexed([]),
            catalog.mark_all_pending,
        ):
            with pytest.raises(CatalogError, match="read-only"):
                forbidden()
    assert path.read_bytes() == before


def test_a_closed_catalog_says_so(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        pass
    with pytest.raises(CatalogError, match="closed"):
        catalog.count(Filter())
    with pytest.raises(CatalogError, match="closed"):
        put(catalog, commit(1))


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_not_sqlite(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(b"not a database at all " * 100)
    with pytest.raises(CatalogError, match=r"catalog.db: file is not a database\n  .*move it away"):
        Catalog.open(path, read_only=read_only)
    assert path.read_bytes() == b"not a database at all " * 100


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_left_alone(tmp_path: Path, read_only: bool, version: int) -> None:
    path = tmp_path / "catalog.db"
    write(path, "CREATE TABLE bookmarks (url TEXT)", f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="of another program"):
        Catalog.open(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, commit(1))
    write(path, f"PRAGMA user_version = {len(schema.STEPS) + 1}")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match=r"newer infra-kb \(schema \d+, this one knows \d+\)\n  upgrade"):
        Catalog.open(path, read_only=read_only)
    assert path.read_bytes() == before


def _add_stars(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE records ADD COLUMN stars INTEGER NOT NULL DEFAULT 5")


def test_an_older_store_is_brought_up_to_date_with_all_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, commit(1), commit(2), cursor="kept")
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, _add_stars))
    with pytest.raises(CatalogError, match=r"older infra-kb\n  run `kb sync`"):
        Catalog.open(path, read_only=True)
    with Catalog.open(path) as catalog:
        assert catalog.records(catalog.select(Filter())) == [commit(2), commit(1)]
        assert catalog.cursor("git") == "kept"
        assert len(catalog.lexical("subject", ["chang"])) == 2
        with catalog._reading() as connection:
            assert schema.version(connection) == len(schema.STEPS)
            assert connection.execute("SELECT sum(stars) FROM records").fetchone() == (10,)
    with Catalog.open(path, read_only=True) as catalog:
        assert catalog.count(Filter()) == 2


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, commit(1))

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE files")
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", (*schema.STEPS, _add_stars, fail))
        with pytest.raises(RuntimeError, match="no"):
            Catalog.open(path)
    with Catalog.open(path) as catalog:
        assert catalog.record(commit(1).id) == commit(1)


def test_a_damaged_file_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, *(commit(number, body="text " * 500) for number in range(200)))
    content = bytearray(path.read_bytes())
    content[4096:] = b"0123456789abcdef" * ((len(content) - 4096) // 16)
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"malformed|not a database"), Catalog.open(path, read_only=True) as catalog:
        catalog.records(catalog.select(Filter()))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match=r"file.*\n  set a data_dir"):
        Catalog.open(tmp_path / "file" / "sub" / "catalog.db")
    (tmp_path / "catalog.db").mkdir()
    with pytest.raises(CatalogError, match="unable to open"):
        Catalog.open(tmp_path / "catalog.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CatalogError, match="you may write"):
            Catalog.open(tmp_path / "catalog.db")
    finally:
        tmp_path.chmod(0o700)
