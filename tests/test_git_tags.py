"""What each tag of a real repository has anew: the tag before it, its commits on and off the branch, how many lie beyond."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest import _git_clone, git_commits
from ingest import _git_cursor as cursors
from ingest.git_commits import Source
from kb.types import Batch, Tag
from tests.gitrepo import GitRepo, Store, day, landed, source


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


# What v0.3.0 has and main has not, latest first.
PICKED = ["only for the release", "commit 6"]


def told(store: Store, batches: list[Batch]) -> dict[str, tuple[str, list[str], int]]:
    """By tag: the tag before it, the titles of its commits, how many lie beyond. The first batch tells."""
    tags = batches[0].tags
    assert tags is not None

    def titles(tag: Tag) -> list[str]:
        return [store.records[f"commit:acme/widget@{sha}"].title for sha in tag.commits]

    return {tag.name: (tag.previous, titles(tag), tag.beyond) for tag in tags}


def off_branch(store: Store) -> list[str]:
    """Titles of the records with that mark, of those that are not gone, by date."""
    there = [record for key, record in store.records.items() if key not in store.gone and "off-branch" in record.marks]
    return [record.title for record in sorted(there, key=lambda record: record.at)]


def given(batches: list[Batch]) -> list[str]:
    """Titles of what was read, in this order."""
    return [record.title for batch in batches for record in batch.records]


def test_a_release_branch_cut_before_its_tag(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    assert told(store, store.sync(repo.source(folder))) == {
        "v0.2.0": ("", ["commit 2", "commit 1"], 0),
        "v0.3.0": ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0),
    }


def test_a_commit_off_the_branch_never_landed(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    fix = store.titled("only for the release")
    assert fix.marks == ("off-branch",)
    assert [(event.kind, event.at) for event in fix.events] == [("authored", day(7)), ("committed", day(7))]
    assert [(file.path, file.additions) for file in fix.files] == [("d", 1)]
    assert (fix.kind, fix.at, store.first_tags[fix.id]) == ("commit", day(7), "v0.3.0")
    assert fix.linked("parent") == tuple(f"commit:acme/widget@{sha}" for sha in [repo.git("rev-parse", "v0.3.0~1")])
    assert fix.linked("landed-by") == ()


def test_merges_and_reverts_off_the_branch(repo: GitRepo, folder: Path) -> None:
    """A merge on a release branch has no files: they are those of what it merged; a revert there undoes the pick."""
    released(repo)
    repo.git("checkout", "--quiet", "release-v0.3")
    pick = repo.git("rev-parse", "HEAD~1")
    repo.git("revert", "--no-edit", pick, when=day(8))
    repo.merge("main~1", "take main", when=day(9))
    repo.git("tag", "v0.3.1")
    repo.git("checkout", "--quiet", "main")
    store = Store.empty()
    store.sync(repo.source(folder))
    merge = store.titled("take main")
    assert (merge.marks, merge.files, merge.linked("brought")) == (("off-branch", "merge"), (), ())
    assert store.titled('Revert "commit 6"').linked("reverts") == (f"commit:acme/widget@{pick}",)


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
    batches = store.sync(repo.source(folder, history=day(3.5).date().isoformat()))
    assert told(store, batches) == {"v0.2.0": ("", [], 2), "v0.3.0": ("v0.2.0", [*PICKED, "commit 4"], 1)}
    batches = store.sync(repo.source(folder))
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0)


def test_releases_from_before_the_history_are_not_read(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    batches = store.sync(repo.source(folder, history=day(7.5).date().isoformat()))
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", [], 4)
    assert given(batches) == ["commit 8"]
    batches = store.sync(repo.source(folder))
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0)


def test_a_release_branch_that_is_merged_back(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    repo.commit("commit 9", {"b": "9\n"}, when=day(9))
    (batch,) = store.sync(repo.source(folder))
    assert (batch.tags, given([batch])) == (None, ["commit 9"])
    merged = repo.merge("release-v0.3", when=day(10))
    batches = store.sync(repo.source(folder))
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0)
    assert (off_branch(store), store.gone) == ([], set())
    fix = store.titled("only for the release")
    assert (fix.marks, landed(fix), fix.linked("landed-by")) == ((), day(10), (f"commit:acme/widget@{merged}",))
    assert store.sync(repo.source(folder)) == []


def test_a_rewritten_branch(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    repo.git("reset", "--quiet", "--hard", "v0.2.0")
    repo.commit("another 3", {"a": "x\n"}, when=day(11))
    batches = store.sync(repo.source(folder))
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0)
    assert off_branch(store) == ["commit 3", "commit 4", *reversed(PICKED)]
    assert {store.records[key].title for key in store.gone} == {"commit 5", "commit 6", "commit 8"}
    assert store.sync(repo.source(folder)) == []


def test_further_releases_are_read_alone(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    repo.git("tag", "nightly")
    assert given(store.sync(repo.source(folder))) == []
    repo.git("checkout", "--quiet", "release-v0.3")
    repo.commit("another fix", {"d": "8\n"}, when=day(9))
    repo.git("tag", "v0.3.1")
    repo.git("checkout", "--quiet", "main")
    batches = store.sync(repo.source(folder))
    assert (given(batches), batches[0].snapshot, store.gone) == (["another fix"], None, set())
    assert told(store, batches)["v0.3.1"] == ("v0.3.0", ["another fix"], 0)
    assert store.sync(repo.source(folder)) == []


def test_a_tag_that_is_moved_or_deleted(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    repo.git("tag", "--force", "v0.3.0", "release-v0.3~1")
    batches = store.sync(repo.source(folder))
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", ["commit 6", "commit 4", "commit 3"], 0)
    assert [store.records[key].title for key in store.gone] == ["only for the release"]
    repo.git("tag", "-d", "v0.3.0")
    store.sync(repo.source(folder))
    assert off_branch(store) == []
    assert {store.records[key].title for key in store.gone} == set(PICKED)
    repo.git("tag", "v0.3.0", "release-v0.3")
    store.sync(repo.source(folder))
    assert (off_branch(store), store.gone) == ([*reversed(PICKED)], set())
    assert store.sync(repo.source(folder)) == []


@pytest.mark.parametrize("then", ["nothing", "commit", "tag", "move", "merge"])
def test_stopped_after_any_batch_it_goes_on(repo: GitRepo, folder: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """Whatever happens in the repository before the next pull, the store ends as that of an undisturbed pull."""
    monkeypatch.setattr(git_commits, "BATCH_RECORDS", 1)
    released(repo)
    stopped = [Store.empty() for _ in range(10)]
    for count, store in enumerate(stopped):
        running = repo.source(folder).pull(None)
        for _, batch in zip(range(count), running, strict=False):
            store.apply(batch)
        running.close()
    if then == "commit":
        repo.commit("commit 9", {"b": "9\n"}, when=day(9))
    elif then == "tag":
        repo.git("tag", "v0.2.1", "release-v0.3~1")
    elif then == "move":
        repo.git("tag", "--force", "v0.3.0", "release-v0.3~1")
    elif then == "merge":
        repo.merge("release-v0.3", when=day(10))
    whole = Store.empty()
    whole.sync(repo.source(folder))
    for store in stopped:
        seen = set(store.records)
        again = {record.id for batch in store.sync(repo.source(folder)) for record in batch.records}
        assert then not in ("nothing", "commit") or not seen & again
        assert {key: record for key, record in store.records.items() if key not in store.gone} == whole.records
        assert {key: store.first_tags[key] for key in whole.first_tags} == whole.first_tags
        assert store.sync(repo.source(folder)) == []


def test_a_store_from_before_there_were_ranges_gets_them_once(repo: GitRepo, folder: Path) -> None:
    released(repo)
    store = Store.empty()
    store.sync(repo.source(folder))
    stored = cursors.loads(store.cursor)
    assert stored is not None
    # The digest of names and SHAs alone, as it was, and nothing from off the branch.
    store.cursor = replace(stored, tags="09b58c4dd3b95a4c", off_branch=0, off_digest="").dumps()
    batches = store.sync(repo.source(folder))
    assert given(batches) == [*reversed(PICKED)]
    assert told(store, batches)["v0.3.0"] == ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0)
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
        batches = store.sync(self.remote(repo, folder))
        assert told(store, batches) == {
            "v0.1.0": ("", [f"old {number}" for number in reversed(range(20))], 0),
            "v0.2.0": ("v0.1.0", ["commit 2", "commit 1"], 0),
            "v0.3.0": ("v0.2.0", [*PICKED, "commit 4", "commit 3"], 0),
        }
        fix = store.titled("only for the release")
        assert (fix.marks, [file.path for file in fix.files]) == (("off-branch",), ["d"])
        assert store.sync(self.remote(repo, folder)) == []
        assert not (folder / "graph.git").exists()
        repo.git("tag", "--force", "v0.3.0", "release-v0.3~1")
        batches = store.sync(self.remote(repo, folder))
        assert told(store, batches)["v0.3.0"] == ("v0.2.0", ["commit 6", "commit 4", "commit 3"], 0)
        repo.git("tag", "-d", "v0.3.0")
        store.sync(self.remote(repo, folder))
        assert (store.tags, off_branch(store)) == (("v0.1.0", "v0.2.0"), [])

    def test_a_shallow_copy_has_them_with_their_whole_history(self, repo: GitRepo, folder: Path) -> None:
        store = Store.empty()
        batches = store.sync(self.recent(repo, folder))
        assert told(store, batches) == {
            "v0.1.0": ("", [], 20),
            "v0.2.0": ("v0.1.0", [], 2),
            "v0.3.0": ("v0.2.0", [*PICKED, "commit 4"], 1),
        }
        fix = store.titled("only for the release")
        assert (fix.marks, fix.files, fix.at) == (("off-branch", "no-patch"), (), day(7))
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
        batches = store.sync(self.recent(repo, folder))
        assert given(batches) == ["another fix"]
        assert told(store, batches) == {
            "v0.1.0": ("", [], 20),
            "v0.3.0": ("v0.1.0", [*PICKED, "commit 4"], 3),
            "v0.3.1": ("v0.3.0", ["another fix"], 0),
        }
        repo.git("tag", "-d", "v0.3.1")
        store.sync(self.recent(repo, folder))
        assert [store.records[key].title for key in store.gone] == ["another fix"]
        batches = store.sync(self.remote(repo, folder))
        commits = [*PICKED, "commit 4", "commit 3", "commit 2", "commit 1"]
        assert told(store, batches)["v0.3.0"] == ("v0.1.0", commits, 0)
        assert not (folder / "graph.git").exists()
        fix = store.titled("only for the release")
        assert (fix.marks, [file.path for file in fix.files]) == (("off-branch",), ["d"])

    def test_a_shallow_copy_whose_release_branch_is_merged_back(self, repo: GitRepo, folder: Path) -> None:
        store = Store.empty()
        store.sync(self.recent(repo, folder))
        repo.merge("release-v0.3", when=day(10))
        batches = store.sync(self.recent(repo, folder))
        assert (off_branch(store), store.gone) == ([], set())
        assert [file.path for file in store.titled("only for the release").files] == ["d"]
        assert store.sync(self.recent(repo, folder)) == []
        assert told(store, batches)["v0.3.0"][1:] == ([*PICKED, "commit 4"], 1)

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
        batches = store.sync(self.recent(repo, folder))
        expected = {"v0.3.0": [*PICKED, "commit 4"], "v0.4.0": ["commit 9", "commit 8", "commit 6", "commit 5"]}
        found = told(store, batches)
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
