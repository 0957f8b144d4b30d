"""What each tag of a real repository has anew: the tag before it, its commits on the branch, and how many lie beyond."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest import _git_clone
from ingest import _git_cursor as cursors
from ingest.git_commits import Source
from kb.types import Batch, Tag
from tests.gitrepo import GitRepo, Store, day, source


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


class TestCopies:
    """A branch brings only the tags that it reaches."""

    @pytest.fixture(autouse=True)
    def _shallow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_git_clone, "FIRST_DEPTH", 1)

    def remote(self, repo: GitRepo, folder: Path, *, history: str = "all") -> Source:
        return source(f"file://{repo.path}", folder, history=history)

    def recent(self, repo: GitRepo, folder: Path) -> Source:
        return self.remote(repo, folder, history=day(3.5).date().isoformat())

    @pytest.fixture
    def repo(self, repo: GitRepo) -> GitRepo:
        for number in range(20):
            repo.commit(f"old {number}", {"a": f"old {number}\n"}, when=day(number - 30))
        repo.git("tag", "v0.1.0")
        released(repo)
        repo.git("config", "uploadpack.allowFilter", "true")
        return repo

    def test_a_whole_copy_has_the_releases_off_the_branch(self, repo: GitRepo, folder: Path) -> None:
        store = Store.empty()
        (batch,) = store.sync(self.remote(repo, folder))
        assert told(store, batch) == {
            "v0.1.0": ("", [f"old {number}" for number in reversed(range(20))], 0),
            "v0.2.0": ("v0.1.0", ["commit 2", "commit 1"], 0),
            "v0.3.0": ("v0.2.0", ["commit 4", "commit 3"], 2),
        }
        assert store.sync(self.remote(repo, folder)) == []
        assert not (folder / "graph.git").exists()
        repo.git("tag", "--force", "v0.3.0", "release-v0.3~1")
        (batch,) = store.sync(self.remote(repo, folder))
        assert told(store, batch)["v0.3.0"] == ("v0.2.0", ["commit 4", "commit 3"], 1)
        repo.git("tag", "-d", "v0.3.0")
        (batch,) = store.sync(self.remote(repo, folder))
        assert store.tags == ("v0.1.0", "v0.2.0")

    def test_a_shallow_copy_has_them_with_their_whole_history(self, repo: GitRepo, folder: Path) -> None:
        store = Store.empty()
        (batch,) = store.sync(self.recent(repo, folder))
        assert told(store, batch) == {
            "v0.1.0": ("", [], 20),
            "v0.2.0": ("v0.1.0", [], 2),
            "v0.3.0": ("v0.2.0", ["commit 4"], 3),
        }
        assert store.sync(self.recent(repo, folder)) == []
        graph = GitRepo(folder / "graph.git")
        assert int(graph.git("rev-list", "--count", "v0.3.0")) == 26
        assert set(graph.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()) == {"commit"}
        assert str(repo.path) not in (folder / "graph.git" / "config").read_text()

    def test_a_shallow_copy_follows_what_becomes_of_them(self, repo: GitRepo, folder: Path) -> None:
        store = Store.empty()
        store.sync(self.recent(repo, folder))
        repo.git("checkout", "--quiet", "release-v0.3")
        repo.commit("another fix", {"d": "8\n"}, when=day(9))
        repo.git("tag", "v0.3.1")
        repo.git("tag", "-d", "v0.2.0")
        repo.git("checkout", "--quiet", "main")
        (batch,) = store.sync(self.recent(repo, folder))
        assert told(store, batch) == {
            "v0.1.0": ("", [], 20),
            "v0.3.0": ("v0.1.0", ["commit 4"], 5),
            "v0.3.1": ("v0.3.0", [], 1),
        }
        (batch,) = store.sync(self.remote(repo, folder))
        assert told(store, batch)["v0.3.0"] == ("v0.1.0", ["commit 4", "commit 3", "commit 2", "commit 1"], 2)
        assert not (folder / "graph.git").exists()

    @pytest.mark.parametrize("harm", ["objects", "shallow"])
    def test_a_graph_that_is_damaged_or_was_broken_off_is_made_anew(self, repo: GitRepo, folder: Path, harm: str) -> None:
        store = Store.empty()
        store.sync(self.recent(repo, folder))
        if harm == "objects":
            for pack in (folder / "graph.git" / "objects" / "pack").iterdir():
                pack.chmod(0o600)
                pack.write_bytes(b"")
        else:
            (folder / "graph.git" / "shallow").write_text(repo.git("rev-parse", "v0.3.0") + "\n")
        repo.commit("commit 9", {"b": "9\n"}, when=day(9))
        repo.git("tag", "v0.4.0")
        (batch,) = store.sync(self.recent(repo, folder))
        expected = {"v0.3.0": ["commit 4"], "v0.4.0": ["commit 9", "commit 8", "commit 6", "commit 5"]}
        found = told(store, batch)
        assert {name: found[name][1] for name in expected} == expected

    def test_a_server_that_gives_no_commits_alone_is_told(self, repo: GitRepo, folder: Path) -> None:
        repo.git("config", "uploadpack.allowFilter", "false")
        repo.git("tag", "v0.3.1", "main")
        store = Store.empty()
        for _ in range(2):
            source = self.recent(repo, folder)
            store.sync(source)
            (note,) = source.context.meter.reading.notes
            assert note.startswith("releases that are not tagged on the branch are not known")
        assert "v0.3.1" in store.tags
        assert "v0.3.0" not in store.tags
        assert not (folder / "graph.git").exists()
        whole = self.remote(repo, folder)
        store.sync(whole)
        assert (store.tags, whole.context.meter.reading.notes) == (("v0.1.0", "v0.2.0", "v0.3.0", "v0.3.1"), ())
