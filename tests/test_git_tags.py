"""What each tag of a real repository has anew: the tag before it, its commits on the branch, and how many lie beyond."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest import _git_cursor as cursors
from kb.types import Batch, Tag
from tests.gitrepo import GitRepo, Store, day


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.create(tmp_path / "repo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "own"


def released(repo: GitRepo) -> None:
    """v0.2.0 on main; v0.3.0 on a branch that was cut before main went on, with a pick and a fix of its own."""
    for number in range(1, 5):
        repo.commit(f"commit {number}", {"a": f"{number}\n"}, when=day(number))
    repo.git("tag", "v0.2.0", "HEAD~2")
    repo.git("branch", "release-v0.3")
    repo.commit("commit 5", {"b": "5\n"}, when=day(5))
    repo.commit("commit 6", {"c": "6\n"}, when=day(6))
    repo.git("checkout", "--quiet", "release-v0.3")
    repo.git("cherry-pick", "main", when=day(6.5))
    repo.commit("only for the release", {"d": "7\n"}, when=day(7))
    repo.git("tag", "v0.3.0")
    repo.git("checkout", "--quiet", "main")
    repo.commit("commit 8", {"b": "8\n"}, when=day(8))


def told(store: Store, batch: Batch) -> dict[str, tuple[str, list[str], int]]:
    """By tag: the tag before it, the titles of its commits, how many lie beyond the branch."""
    assert batch.tags is not None

    def titles(tag: Tag) -> list[str]:
        return [store.records[f"commit:acme/widget@{sha}"].title for sha in tag.commits]

    return {tag.name: (tag.previous, titles(tag), tag.beyond) for tag in batch.tags}


def test_a_release_branch_cut_before_its_tag(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    (batch,) = store.sync(repo.source(folder))
    assert told(store, batch) == {
        "v0.2.0": ("", ["commit 2", "commit 1"], 0),
        "v0.3.0": ("v0.2.0", ["commit 4", "commit 3"], 2),
    }


def test_prereleases_nightlies_and_tags_without_a_version(repo: GitRepo, folder: Path) -> None:
    names = ["v1.0", "nightly-1", "v1.1rc1", "nightly-2", "v1.1", "checked", "v1.0.1", "v1.1.post1", "v1.2rc1", "v1.2"]
    for number, name in enumerate(names):
        repo.commit(f"commit {number}", {"a": f"{number}\n"}, when=day(number))
        repo.git("tag", name)
    (batch,) = Store.empty().sync(repo.source(folder))
    assert batch.tags is not None
    assert {tag.name: (tag.previous, len(tag.commits)) for tag in batch.tags} == {
        "v1.0": ("", 1),
        "nightly-1": ("v1.0", 1),
        "v1.1rc1": ("v1.0", 2),
        "nightly-2": ("nightly-1", 2),
        "v1.1": ("v1.0", 4),
        "checked": ("v1.1", 1),
        "v1.0.1": ("v1.0", 6),
        "v1.1.post1": ("v1.1", 3),
        "v1.2rc1": ("v1.1.post1", 1),
        "v1.2": ("v1.1", 5),
    }


def test_what_lies_before_the_history_is_beyond(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    (batch,) = store.sync(repo.source(folder, history=day(3.5).date().isoformat()))
    assert told(store, batch) == {"v0.2.0": ("", [], 2), "v0.3.0": ("v0.2.0", ["commit 4"], 3)}
    (batch,) = store.sync(repo.source(folder))
    assert told(store, batch)["v0.3.0"] == ("v0.2.0", ["commit 4", "commit 3"], 2)


def test_a_release_branch_that_is_merged_back(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    repo.commit("commit 9", {"b": "9\n"}, when=day(9))
    (batch,) = store.sync(repo.source(folder))
    assert batch.tags is None
    repo.merge("release-v0.3", when=day(10))
    (batch,) = store.sync(repo.source(folder))
    assert told(store, batch)["v0.3.0"] == ("v0.2.0", ["only for the release", "commit 6", "commit 4", "commit 3"], 0)


def test_a_rewritten_branch(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    repo.git("reset", "--quiet", "--hard", "v0.2.0")
    repo.commit("another 3", {"a": "x\n"}, when=day(11))
    (batch,) = store.sync(repo.source(folder))
    assert told(store, batch)["v0.3.0"] == ("v0.2.0", [], 4)


def test_a_store_from_before_there_were_ranges_gets_them_once(
    repo: GitRepo, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    stored = cursors.loads(store.cursor)
    assert stored is not None
    # The digest of names and SHAs alone, as it was.
    store.cursor = replace(stored, tags="09b58c4dd3b95a4c").dumps()
    (batch,) = store.sync(repo.source(folder))
    assert batch.records == ()
    assert told(store, batch)["v0.3.0"] == ("v0.2.0", ["commit 4", "commit 3"], 2)
    assert store.sync(repo.source(folder)) == []
