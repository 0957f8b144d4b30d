"""Any llama-index reader by its name: the real SimpleDirectoryReader on a folder, and small readers that misbehave."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ingest.llama_index_reader import Source
from kb.catalog import Catalog
from kb.config import load_config
from kb.errors import ConfigError, SourceError
from kb.plugins import build_sources
from kb.protocols import SourceContext
from kb.sync import sync
from kb.types import Batch, Event, Record

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WRITTEN = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
DIRECTORY = "llama_index.core:SimpleDirectoryReader"
SHELF = f"{__name__}:Shelf"


@dataclass
class Leaf:
    """A document as llama-index has it."""

    text: Any = "text"
    metadata: Any = field(default_factory=dict)
    doc_id: Any = "6b0e6f3c-1df6-4b4e-8a1f-0b0f3a1c2d3e"


class Shelf:
    """A reader that gives what a test put there."""

    leaves: ClassVar[Sequence[Any]] = ()
    says: ClassVar[str] = ""

    def __init__(self, *, token: str = "", folder: str = "") -> None:
        if token == "wrong":
            raise ValueError(f"401 for token {token} at https://ann:pw@h.example/x?api_key=1")
        self.token = token

    def load_data(self, *, limit: int = 1000) -> list[Any]:
        if self.says:
            print(self.says)
        if limit < 0:
            raise KeyError(f"limit {limit} with {self.token}")
        return list(self.leaves[:limit])


class NoReader:
    """Has no load_data."""


class Leaver:
    """A reader that ends the program."""

    def load_data(self) -> list[Any]:
        raise SystemExit("no credentials")


@pytest.fixture(autouse=True)
def _empty_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "leaves", ())
    monkeypatch.setattr(Shelf, "says", "")


def source(reader: str = SHELF, *, now: datetime = NOW, **keys: Any) -> Source:
    return Source(reader=reader, name=keys.pop("name", "notes"), context=SourceContext(Path("unused"), now=now), **keys)


def pulled(notes: Source, cursor: str | None = None) -> tuple[list[Record], str | None]:
    batches: list[Batch] = list(notes.pull(cursor))
    return [record for batch in batches for record in batch.records], batches[-1].cursor if batches else cursor


def one(leaf: Leaf, **keys: Any) -> Record:
    Shelf.leaves = (leaf,)
    (record,), _ = pulled(source(**keys))
    return record


def failing(notes: Source, cursor: str | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(notes.pull(cursor))
    assert caught.value.remedy
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Notes on disk, all written on the same day."""
    notes = tmp_path / "notes"
    (notes / "deep").mkdir(parents=True)
    (notes / "intro.txt").write_text("What we know of MoE, see https://github.com/acme/rocket/pull/12", encoding="utf-8")
    (notes / "deep" / "kernels.md").write_text("# Kernels\n\nThey are fast.\n", encoding="utf-8")
    (notes / "a\n<b> \u202e.txt").write_text("odd name", encoding="utf-8")
    for file in notes.rglob("*.*"):
        os.utime(file, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return notes


# --- the real directory reader --------------------------------------------------------------------------------------------


def test_a_folder_of_files(folder: Path) -> None:
    records, _ = pulled(source(DIRECTORY, arguments={"input_dir": str(folder), "recursive": True}))
    by_title = {record.title: record for record in records}
    intro = by_title["intro.txt"]
    assert set(by_title) == {"intro.txt", "kernels.md", "a <b> .txt"}
    assert (intro.kind, intro.repo, intro.ref, intro.url) == ("post", "", "intro.txt", "")
    assert by_title["kernels.md"].ref == "deep/kernels.md"
    assert intro.body.endswith("https://github.com/acme/rocket/pull/12")
    assert intro.id.startswith("post:notes/")
    assert intro.at == datetime(2026, 2, 3, tzinfo=UTC)


def test_ids_and_contents_are_the_same_each_time_wherever_the_folder_lies(folder: Path) -> None:
    def read(place: Path) -> list[Record]:
        return pulled(source(DIRECTORY, arguments={"input_dir": str(place), "recursive": True}))[0]

    before = read(folder)
    (folder / "intro.txt").read_text(encoding="utf-8")
    elsewhere = folder.rename(folder.parent / "moved")
    assert read(elsewhere) == before


def test_it_is_configured_synced_and_knows_what_changed_and_went(folder: Path) -> None:
    table = f"""[[sources]]
use = "llama_index_reader"
reader = "{DIRECTORY}"
name = "notes"
arguments = {{ input_dir = "./notes", recursive = true }}
"""
    (folder.parent / "kb.toml").write_text(table, encoding="utf-8")
    sources = build_sources(load_config(folder.parent / "kb.toml"), folder.parent / "data")
    with Catalog.open(folder.parent / "catalog.db") as catalog:
        first = sync(catalog, sources).runs[0]
        assert (first.row.status, first.row.use, first.stored.new) == ("ok", "llama_index_reader", 3)
        assert sync(catalog, sources).runs[0].row.fetched == 0
        (folder / "intro.txt").write_text("Rewritten.", encoding="utf-8")
        (folder / "deep" / "kernels.md").unlink()
        (folder / "new.txt").write_text("New.", encoding="utf-8")
        stored = sync(catalog, sources).runs[0].stored
        assert (stored.new, stored.changed, stored.unchanged, stored.gone) == (1, 1, 1, 1)
        for file in folder.glob("*.txt"):
            file.unlink()
        row = sync(catalog, sources).runs[0].row
        assert (row.status, row.gone) == ("failed", 0)
        assert row.error.startswith(f"notes: {DIRECTORY} failed: ValueError: No files found")


# --- what becomes of a document -------------------------------------------------------------------------------------------


def test_metadata_is_mapped_by_its_usual_names_or_by_those_that_are_given() -> None:
    usual = one(
        Leaf("t", {"title": "T", "url": "https://h.example/a?b=1", "published": "2026-02-03T01:00:00+01:00", "author": "Ann"})
    )
    assert (usual.title, usual.url, usual.author, usual.ref) == ("T", "https://h.example/a?b=1", "Ann", "h.example/a")
    assert (usual.events, usual.marks) == ((Event("published", datetime(2026, 2, 3, tzinfo=UTC)),), ())
    given = {"title": "no", "subject": "S", "where": "https://h.example/w", "when": "2025-01-01", "number": 7}
    keys = {"title_key": "subject", "url_key": "where", "published_key": "when", "id_key": "number"}
    named = one(Leaf("t", given), **keys)
    assert (named.title, named.url, named.at.year, named.ref) == ("S", "https://h.example/w", 2025, "7")
    assert one(Leaf("other", {"number": 7}), **keys).id == named.id != one(Leaf("other", {"number": 8}), **keys).id


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-02-03", datetime(2026, 2, 3, tzinfo=UTC)),
        ("Tue, 03 Feb 2026 10:00:00 GMT", WRITTEN),
        (WRITTEN, WRITTEN),
        (WRITTEN.replace(tzinfo=None), WRITTEN),
        (date(2026, 2, 3), datetime(2026, 2, 3, tzinfo=UTC)),
        (int(WRITTEN.timestamp()), WRITTEN),
        ("yesterday", None),
        (10**40, None),
        (True, None),
        ([], None),
    ],
)
def test_dates_in_many_forms(value: object, at: datetime | None) -> None:
    record = one(Leaf(metadata={"date": value}))
    assert (record.at, record.marks) == (at or NOW, () if at else ("undated",))


def test_a_copied_file_was_published_when_it_was_written() -> None:
    record = one(Leaf(metadata={"creation_date": "2026-02-20", "last_modified_date": "2026-02-03"}))
    assert record.events == (Event("published", datetime(2026, 2, 3, tzinfo=UTC)),)
    edited = one(Leaf(metadata={"creation_date": "2026-02-03", "last_modified_date": "2026-02-20"}))
    assert [event.kind for event in edited.events] == ["published", "revised"]


def test_an_undated_document_keeps_the_day_it_was_first_seen() -> None:
    Shelf.leaves = (Leaf("a", {"path": "a"}),)
    (first,), cursor = pulled(source())
    Shelf.leaves = (Leaf("a", {"path": "a"}), Leaf("b", {"path": "b"}))
    again, _ = pulled(source(now=NOW + timedelta(days=2)), cursor)
    assert again[0] == first
    assert again[1].at == NOW + timedelta(days=2)


def test_documents_of_one_place_are_told_apart_and_a_random_id_is_not_kept() -> None:
    Shelf.leaves = (Leaf("page 1", {"file_path": "/x/a.pdf"}), Leaf("page 2", {"file_path": "/x/a.pdf"}), Leaf("no place"))
    before, _ = pulled(source(arguments={"folder": "/x"}))
    assert [record.ref for record in before] == ["a.pdf", "a.pdf (2)", "notes"]
    assert len({record.id for record in before}) == 3
    Shelf.leaves = [Leaf(leaf.text, leaf.metadata, "00000000-1df6-4b4e-8a1f-0b0f3a1c2d3e") for leaf in Shelf.leaves]
    assert pulled(source(arguments={"folder": "/x"}))[0] == before
    assert one(Leaf("a", doc_id="page-7")).id == one(Leaf("b", doc_id="page-7")).id


@pytest.mark.parametrize(("kind", "event"), [("release", "released"), ("paper", "published"), ("issue", "opened")])
def test_any_kind_of_record_can_be_given(kind: str, event: str) -> None:
    record = one(Leaf(metadata={"date": "2026-02-03"}), kind=kind, repo="acme/rocket")
    assert (record.kind, record.repo, record.at, record.events[0].kind) == (
        kind,
        "acme/rocket",
        datetime(2026, 2, 3, tzinfo=UTC),
        event,
    )
    assert record.id.startswith(f"{kind}:notes/")


def test_hostile_documents_lose_nothing_but_themselves() -> None:
    Shelf.leaves = (
        Leaf("good"), None, 7, Leaf(None), Leaf(b"bytes"), Leaf("odd", None),
        Leaf("# \x1b[31mRed\u202e", {"title": ["a"], "url": "javascript:alert(1)", "file_path": {"a": 1}, "date": {}}),
        Leaf("x" * 300_000, {"path": "a\ud800b"}), Leaf("", {}, None),
    )  # fmt: skip
    notes = source()
    records, _ = pulled(notes)
    assert [record.title for record in records] == ["good", "odd", "Red", "x" * 199 + "…", "(no title)"]
    assert records[2].url == ""
    assert (len(records[3].body), records[3].ref, "truncated" in records[3].marks) == (200_000, "ab", True)
    assert notes.context.meter.reading.notes == ("notes: 4 of 9 documents have no text: left out",)


# --- pulling --------------------------------------------------------------------------------------------------------------


def test_many_documents_come_in_batches_and_only_the_last_one_says_that_all_was_read() -> None:
    Shelf.leaves = [Leaf(f"text {at}", {"path": f"p{at}"}) for at in range(120)]
    batches = list(source().pull(None))
    assert [len(batch.records) for batch in batches] == [50, 50, 20]
    assert [batch.snapshot is not None for batch in batches] == [False, False, True]
    assert len(pulled(source(), batches[0].cursor)[0]) == 120
    assert list(source().pull(batches[-1].cursor)) == []
    assert len(pulled(source(), '["of another version"]')[0]) == 120


def test_what_a_reader_prints_is_noted_and_what_is_missing_then_is_not_gone(capsys: pytest.CaptureFixture[str]) -> None:
    Shelf.leaves = (Leaf("a", {"path": "a"}), Leaf("b", {"path": "b"}))
    _, cursor = pulled(source())
    Shelf.leaves = Shelf.leaves[:1]
    Shelf.says = "Failed to load file b. Skipping...\n" + "\n".join(f"line {at}" for at in range(7))
    notes = source()
    (batch,) = notes.pull(cursor)
    assert (len(batch.records), batch.snapshot) == (1, None)
    told = notes.context.meter.reading.notes
    assert (told[0], told[-1]) == (
        "notes: the reader says: Failed to load file b. Skipping...",
        "notes: the reader says 3 lines more",
    )
    assert capsys.readouterr().out == ""


def test_no_documents_is_read_at_first_and_a_failure_where_there_were_some() -> None:
    (batch,) = source().pull(None)
    assert (batch.records, batch.expected) == ((), 0)
    Shelf.leaves = (Leaf(),)
    _, cursor = pulled(source(), batch.cursor)
    Shelf.leaves = ()
    assert failing(source(), cursor).message == f"notes: {SHELF} gave no documents, and 1 the last time"


# --- faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "message", "remedy"),
    [
        (
            "llama_index.readers.no_such_place:Reader",
            "needs the module llama_index.readers.no_such_place, which is not installed",
            "pip install llama-index-readers-no-such-place",
        ),
        (
            "no_such_package.web:Reader",
            "needs the module no_such_package.web, which is not installed",
            "pip install no-such-package",
        ),
        ("llama_index.core:NoSuchReader", "there is no NoSuchReader in llama_index.core", "check reader in kb.toml"),
        (
            f"{__name__}:NoReader",
            "failed: AttributeError: 'NoReader' object has no attribute 'load_data'",
            "check load in kb.toml",
        ),
        (f"{__name__}:NOW", "failed: TypeError: 'datetime.datetime' object is not callable", "check arguments in kb.toml"),
        (f"{__name__}:Leaver", "failed: SystemExit: no credentials", "check load in kb.toml"),
    ],
)
def test_a_reader_that_is_none_is_a_failure_that_says_what_to_do(reader: str, message: str, remedy: str) -> None:
    error = failing(source(reader))
    assert message in error.message
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"arguments": {"colour": "red"}}, "TypeError: Shelf.__init__() got an unexpected keyword argument 'colour'"),
        ({"load": {"colour": "red"}}, "TypeError: Shelf.load_data() got an unexpected keyword argument 'colour'"),
        ({"arguments": {"token": "hunter2"}, "load": {"limit": -1}}, "KeyError: 'limit -1 with …'"),
        ({"arguments": {"token": "wrong"}}, "ValueError: 401 for token … at https://h.example/x?…"),
    ],
)
def test_what_goes_wrong_inside_a_reader_is_told_without_its_secrets(keys: dict[str, Any], message: str) -> None:
    assert failing(source(**keys)).message == f"notes: {SHELF} failed: {message}"
    assert "hunter" not in repr(source(**keys))


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"arguments": {"token_env": "SHELF_TOKEN"}, "load": {"limit": -1}}
    assert failing(source(**keys)).message == "notes: arguments.token_env names a variable that is not set"
    monkeypatch.setenv("SHELF_TOKEN", "hunter2")
    assert failing(source(**keys)).message == f"notes: {SHELF} failed: KeyError: 'limit -1 with …'"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"reader": "llama_index.core.SimpleDirectoryReader"}, "is not of the form module:Class"),
        ({"reader": "os:system; x"}, "is not of the form module:Class"),
        ({"kind": "memo"}, "there is no such kind of record"),
        ({"name": " "}, "name is empty"),
        ({"repo": "rocket"}, "is not of the form owner/name"),
    ],
)
def test_wrong_keys_are_told_before_anything_is_read(keys: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        source(**keys)
