"""Records of real repositories: what every kind of commit becomes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest import git_commits
from kb.types import Link
from tests.gitrepo import GitRepo, Store, day, landed, read, source, varied


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.create(tmp_path / "repo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "own"


def test_a_plain_commit(repo: GitRepo, folder: Path) -> None:
    first = repo.commit("Add a kernel (#7)", {"k.cu": "__global__ void f() {}\n"}, when=day(1))
    text = "Make it fast\n\nTwice as fast.\n\nCo-authored-by: Bob <b@x.org>\nCo-authored-by: Ada <ada@example.org>\n"
    committer = {"GIT_COMMITTER_NAME": "Merge Bot"}
    second = repo.commit(text, {"k.cu": "__global__ void f() { g(); }\n"}, when=day(3), authored=day(2), env=committer)
    records = read(repo.source(folder))
    record = records["Make it fast"]
    assert record.id == f"commit:acme/widget@{second}"
    assert (record.kind, record.repo, record.ref, record.author) == ("commit", "acme/widget", second, "Ada")
    assert record.url == f"https://github.com/acme/widget/commit/{second}"
    assert record.body.startswith("Twice as fast.\n\nCo-authored-by")
    assert {event.kind: event.at for event in record.events} == {"authored": day(2), "committed": day(3), "landed": day(3)}
    assert record.links == (Link("parent", f"commit:acme/widget@{first}"),)
    assert record.meta == (("co-author", "Bob"), ("committer", "Merge Bot"))
    assert record.marks == ()
    (file,) = record.files
    assert (file.path, file.status, file.additions, file.deletions, file.truncated) == ("k.cu", "M", 1, 1, False)
    assert file.patch == "@@ -1 +1 @@\n-__global__ void f() {}\n+__global__ void f() { g(); }"
    assert records["Add a kernel (#7)"].linked("pull") == ("pull:acme/widget#7",)
    assert records["Add a kernel (#7)"].marks == ("root",)
    assert "ada@example.org" not in repr(records["Add a kernel (#7)"])


def test_merge_lands_what_was_written_earlier(repo: GitRepo, folder: Path) -> None:
    repo.commit("base", {"a": "1\n"}, when=day(1))
    repo.git("checkout", "--quiet", "-b", "work")
    one = repo.commit("one", {"b": "1\n"}, when=day(4))
    two = repo.commit("two", {"b": "2\n"}, when=day(5))
    repo.git("checkout", "--quiet", "main")
    repo.commit("meanwhile", {"a": "2\n"}, when=day(6))
    merge = repo.merge("work", "Merge pull request #12 from acme/work", when=day(13))
    store = Store.empty()
    (batch,) = store.sync(repo.source(folder))
    assert [record.title for record in batch.records][:2] == ["base", "meanwhile"]
    assert [record.ref for record in batch.records][2:] == [one, two, merge]
    assert landed(store.titled("one")) == landed(store.titled("two")) == day(13)
    assert store.titled("one").linked("landed-by") == (f"commit:acme/widget@{merge}",)
    assert store.titled("one").files[0].path == "b"
    record = store.titled("Merge pull request #12 from acme/work")
    assert record.marks == ("merge",)
    assert record.linked("brought") == (f"commit:acme/widget@{one}", f"commit:acme/widget@{two}")
    assert record.linked("pull") == ("pull:acme/widget#12",)
    assert [(file.path, file.status, file.additions) for file in record.files] == [("b", "A", 1)]
    assert len(record.linked("parent")) == 2


def test_side_merge_does_not_repeat_the_mainline(repo: GitRepo, folder: Path) -> None:
    repo.commit("base", {"a": "1\n"}, when=day(1))
    repo.git("checkout", "--quiet", "-b", "work")
    repo.commit("one", {"b": "1\n"}, when=day(2))
    repo.git("checkout", "--quiet", "main")
    repo.commit("mainline work", {"a": "2\n"}, when=day(3))
    repo.git("checkout", "--quiet", "work")
    repo.merge("main", "catch up", when=day(4))
    repo.git("checkout", "--quiet", "main")
    repo.merge("work", "deliver", when=day(5))
    records = read(repo.source(folder))
    assert (records["catch up"].files, records["catch up"].marks) == ((), ("merge",))
    assert [file.path for file in records["deliver"].files] == ["b"]
    assert landed(records["mainline work"]) == day(3)
    assert landed(records["catch up"]) == day(5)


def test_foxtrot_merge_goes_by_the_first_parents(repo: GitRepo, folder: Path) -> None:
    """Local work that merged the branch and was then pushed as the branch: what the branch was counts as brought by it."""
    repo.commit("base", {"a": "1\n"}, when=day(1))
    repo.git("checkout", "--quiet", "-b", "upstream")
    repo.commit("upstream", {"b": "1\n"}, when=day(2))
    store = Store.empty()
    store.sync(repo.source(folder, branch="upstream"))
    assert landed(store.titled("upstream")) == day(2)
    repo.git("checkout", "--quiet", "main")
    repo.commit("local", {"c": "1\n"}, when=day(3))
    repo.merge("upstream", "foxtrot", when=day(4))
    repo.git("branch", "--force", "upstream", "main")
    batches = store.sync(repo.source(folder, branch="upstream"))
    assert landed(store.titled("upstream")) == day(4)
    assert landed(store.titled("local")) == day(3)
    assert batches[0].snapshot is not None
    assert store.gone == set()


def test_renames_copies_types_modes_and_binaries(repo: GitRepo, folder: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(30))
    repo.commit("start", {"old/name.py": text, "mode.sh": "#!/bin/sh\n", "link": "target\n", "gone": "1\n", "blob": b"\0\1"})
    repo.git("mv", "old/name.py", "moved.py")
    repo.commit("rename", {"moved.py": text + "more\n"})
    repo.commit("copy", {"copied.py": text + "more\n"})
    (repo.path / "mode.sh").chmod(0o755)
    repo.commit("mode")
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("target")
    repo.commit("type")
    repo.commit("binary and deletion", {"blob": b"\0\2\3", "gone": None})
    records = read(repo.source(folder))
    (renamed,) = records["rename"].files
    assert (renamed.status, renamed.old_path, renamed.path) == ("R", "old/name.py", "moved.py")
    assert (renamed.additions, renamed.deletions) == (1, 0)
    assert renamed.patch.endswith("+more")
    assert [(file.status, file.path, file.additions) for file in records["copy"].files] == [("A", "copied.py", 31)]
    assert [(file.status, file.patch, file.additions) for file in records["mode"].files] == [("M", "", 0)]
    assert [(file.status, file.additions, file.deletions) for file in records["type"].files] == [("T", 1, 1)]
    blob, gone = records["binary and deletion"].files
    assert (blob.binary, blob.additions, blob.patch) == (True, 0, "")
    assert (gone.status, gone.deletions, gone.binary) == ("D", 1, False)


def test_names_and_texts_that_are_not_utf8(repo: GitRepo, folder: Path) -> None:
    odd = {"sp ace": "1\n", 'quo"te': "2\n", "tab\there": "3\n", "new\nline": "4\n", "back\\slash": "5\n", "ключ": "6\n"}
    repo.commit("names", odd)
    with open(os.fsencode(repo.path) + b"/latin\xe9.txt", "wb") as file:
        file.write(b"caf\xe9\n\xff\xfe\n")
    repo.commit("bytes")
    repo.commit(
        "Grüße\n\nÄrger".encode("latin-1"),
        env={"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "i18n.commitEncoding", "GIT_CONFIG_VALUE_0": "ISO-8859-1"},
    )
    who = "Ada <ada@example.org> 1767268800 +0000"
    head = f"tree {repo.git('rev-parse', 'HEAD^{tree}')}\nparent {repo.head}\nauthor {who}\ncommitter {who}\n\n"
    raw = head.encode() + b"raw \xff bytes\n\nred \x1b[31m\x07 bell\r\nend\r\n"
    repo.git("update-ref", "HEAD", repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw))
    records = read(repo.source(folder))
    assert {file.path for file in records["names"].files} == set(odd)
    (file,) = records["bytes"].files
    assert (file.path, file.patch) == ("latin\ufffd.txt", "@@ -0,0 +1,2 @@\n+caf\ufffd\n+\ufffd\ufffd")
    assert records["Grüße"].body == "Ärger"
    assert records["raw \ufffd bytes"].body == "red \ufffd[31m\ufffd bell\nend"
    for record in records.values():
        repr(record).encode("utf-8")


def test_empty_commits_and_several_roots(repo: GitRepo, folder: Path) -> None:
    repo.commit("root", {"a": "1\n"})
    repo.commit("nothing")
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.git("rm", "--quiet", "-rf", ".")
    repo.commit("other root", {"b": "1\n"}, when=day(2))
    repo.git("checkout", "--quiet", "main")
    repo.merge("other", "join", when=day(3), options=("--allow-unrelated-histories",))
    records = read(repo.source(folder))
    assert records["root"].marks == ("root",)
    assert records["nothing"].marks == ("empty",)
    assert records["other root"].marks == ("root",)
    assert [file.path for file in records["other root"].files] == ["b"]
    assert landed(records["other root"]) == day(3)


def test_submodule(repo: GitRepo, folder: Path) -> None:
    repo.commit("root", {"a": "1\n"})
    for target in ("1" * 40, "2" * 40):
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{target},third_party/lib")
        repo.git("commit", "--quiet", "-m", f"pin {target[0]}")
    record = read(repo.source(folder))["pin 2"]
    assert record.marks == ("submodule",)
    (file,) = record.files
    assert (file.path, file.status, file.additions, file.deletions) == ("third_party/lib", "M", 1, 1)
    assert file.patch == f"@@ -1 +1 @@\n-Subproject commit {'1' * 40}\n+Subproject commit {'2' * 40}"


def test_reverts_fixes_and_picks(repo: GitRepo, folder: Path) -> None:
    good = repo.commit("Speed up (#4)", {"a": "1\n"}, when=day(1))
    repo.commit(f'Revert "Speed up (#4)" (#5)\n\nThis reverts commit {good}.\n', {"a": "0\n"}, when=day(2))
    again = repo.commit("Speed up (#4)", {"a": "1\n"}, when=day(3))
    repo.commit('Revert "Speed up (#4)"', {"a": "0\n"}, when=day(4))
    repo.commit("Undo\n\nReverts acme/widget#4", {"b": "0\n"}, when=day(5))
    repo.commit(f"Pick\n\nFixes #8, acme/other#9\n(cherry picked from commit {good})", {"c": "1\n"}, when=day(6))
    store = Store.empty()
    store.sync(repo.source(folder))
    assert store.titled('Revert "Speed up (#4)" (#5)').linked("reverts") == (f"commit:acme/widget@{good}",)
    assert store.titled('Revert "Speed up (#4)" (#5)').linked("pull") == ("pull:acme/widget#5",)
    assert store.titled('Revert "Speed up (#4)"').linked("reverts") == (f"commit:acme/widget@{again}",)
    assert store.titled("Undo").linked("reverts") == (f"commit:acme/widget@{again}",)
    assert store.titled("Pick").linked("fixes") == ("issue:acme/widget#8", "issue:acme/other#9")
    assert store.titled("Pick").linked("cherry-picked-from") == (f"commit:acme/widget@{good}",)
    repo.commit('Revert "Speed up (#4)" once more\n', {"a": "2\n"}, when=day(7))
    repo.commit('Revert "Pick"', {"c": None}, when=day(8))
    (batch,) = store.sync(repo.source(folder))
    assert batch.records[1].linked("reverts") == (store.titled("Pick").id,)


def test_tags(repo: GitRepo, folder: Path) -> None:
    repo.commit("one", {"a": "1\n"}, when=day(1))
    repo.commit("two", {"a": "2\n"}, when=day(2))
    repo.git("tag", "light")
    repo.commit("three", {"a": "3\n"}, when=day(3))
    repo.git("tag", "-a", "-m", "annotated", "v1", when=day(9))
    repo.git("tag", "-a", "-m", "of a tag", "nested", "v1", when=day(10))
    repo.git("tag", "of-a-tree", "HEAD^{tree}")
    repo.commit("four", {"a": "4\n"}, when=day(4))
    store = Store.empty()
    (batch,) = store.sync(repo.source(folder))
    assert batch.tags is not None
    assert [(tag.name, tag.at) for tag in batch.tags] == [("light", day(2)), ("v1", day(9)), ("nested", day(10))]
    assert batch.tags[2].sha == batch.tags[1].sha
    assert {store.records[key].title: tag for key, tag in store.first_tags.items()} == {
        "one": "light",
        "two": "light",
        "three": "v1",
    }
    assert store.sync(repo.source(folder)) == []
    repo.git("tag", "v2")
    (batch,) = store.sync(repo.source(folder))
    assert batch.records == ()
    assert store.tags == ("light", "v2", "v1", "nested")
    assert store.first_tags[store.titled("four").id] == "v2"
    repo.git("tag", "-d", "light")
    store.sync(repo.source(folder))
    assert store.first_tags[store.titled("two").id] == "v2"
    assert store.sync(repo.source(folder)) == []


def test_history_begins_where_it_is_told(repo: GitRepo, folder: Path) -> None:
    for number in (1, 20, 40, 58):
        repo.commit(f"day {number}", {"a": f"{number}\n"}, when=day(number))
    assert list(read(repo.source(folder, history="30 days"))) == ["day 40", "day 58"]
    assert list(read(repo.source(folder, history="2026-01-21"))) == ["day 20", "day 40", "day 58"]
    assert list(read(repo.source(folder, history="1 day"))) == ["day 58"]
    store = Store.empty()
    (batch,) = store.sync(repo.source(folder, history="30 days"))
    assert batch.expected == 2
    store.sync(source(str(repo.path), folder, history="30 days", now=day(200)))
    repo.commit("skewed clock", {"a": "x\n"}, when=day(3))
    store.sync(source(str(repo.path), folder, history="30 days", now=day(200)))
    assert [record.title for record in store.records.values()] == ["day 40", "day 58", "skewed clock"]
    (batch,) = store.sync(repo.source(folder, history="all"))
    assert len(store.records) == 5
    assert batch.snapshot is None


def test_window_goes_by_landing_not_by_writing(repo: GitRepo, folder: Path) -> None:
    repo.commit("base", {"a": "1\n"}, when=day(1))
    repo.git("checkout", "--quiet", "-b", "work")
    repo.commit("written long ago", {"b": "1\n"}, when=day(2))
    repo.git("checkout", "--quiet", "main")
    repo.merge("work", "late merge", when=day(57))
    assert list(read(repo.source(folder, history="30 days"))) == ["written long ago", "late merge"]


def test_nothing_in_the_window_still_completes(repo: GitRepo, folder: Path) -> None:
    repo.commit("old", {"a": "1\n"}, when=day(1))
    store = Store.empty()
    (batch,) = store.sync(repo.source(folder, history="1 day"))
    assert (batch.records, batch.expected) == ((), 0)
    assert store.sync(repo.source(folder, history="1 day")) == []
    repo.commit("new", {"a": "2\n"}, when=day(58))
    store.sync(repo.source(folder, history="1 day"))
    assert [record.title for record in store.records.values()] == ["new"]


def test_force_push_marks_what_is_gone(repo: GitRepo, folder: Path) -> None:
    repo.commit("base", {"a": "1\n"}, when=day(1))
    repo.commit("dropped", {"a": "2\n"}, when=day(2))
    store = Store.empty()
    store.sync(repo.source(folder))
    dropped = store.titled("dropped").id
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.commit("kept", {"a": "3\n"}, when=day(3))
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    (batch,) = store.sync(repo.source(folder))
    assert batch.snapshot is not None
    assert store.gone == {dropped}
    assert len(store.records) == 3
    assert store.sync(repo.source(folder)) == []
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    store.sync(repo.source(folder))
    assert store.gone == {dropped, store.titled("kept").id}


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_commits, "BATCH_RECORDS", 2)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("moved", [False, True])
def test_stopped_after_any_batch_it_goes_on(repo: GitRepo, folder: Path, moved: bool) -> None:
    varied(repo, 0, 8)
    total = len(list(repo.source(folder).pull(None)))
    undisturbed_half = repo.git("rev-parse", "HEAD")
    varied(repo, 8, 13)
    newest = repo.git("rev-parse", "HEAD")
    whole = Store.empty()
    whole.sync(repo.source(folder))
    assert total > 4
    for stop in range(total + 1):
        repo.git("reset", "--quiet", "--hard", undisturbed_half if moved else newest)
        store = Store.empty()
        running = repo.source(folder).pull(None)
        for _, batch in zip(range(stop), running, strict=False):
            store.apply(batch)
        running.close()
        repo.git("reset", "--quiet", "--hard", newest)
        seen = set(store.records)
        batches = store.sync(repo.source(folder))
        again = {record.id for batch in batches for record in batch.records}
        assert not seen & again
        assert sum(len(batch.records) for batch in batches) == (batches[0].expected if batches else 0)
        assert (store.records, store.first_tags, store.tags) == (whole.records, whole.first_tags, whole.tags)
        assert store.sync(repo.source(folder)) == []


@pytest.mark.usefixtures("small_batches")
def test_stopped_then_rewritten(repo: GitRepo, folder: Path) -> None:
    varied(repo, 0, 6)
    store = Store.empty()
    running = repo.source(folder).pull(None)
    for _ in range(3):
        store.apply(next(running))
    running.close()
    repo.git("checkout", "--quiet", "-B", "main", "HEAD~4")
    repo.git("tag", "-d", "v5")
    repo.commit("another way", {"z": "1\n"}, when=day(30))
    batches = list(repo.source(folder).pull(store.cursor))
    store.apply(batches[0])
    for batch in repo.source(folder).pull(store.cursor):
        store.apply(batch)
    fresh = Store.empty()
    fresh.sync(repo.source(folder))
    assert {key: record for key, record in store.records.items() if key not in store.gone} == fresh.records
    assert store.gone


def test_closing_leaves_no_process_and_no_file(
    repo: GitRepo, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_commits, "BATCH_RECORDS", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    repo.commit("small", {"a": "1\n"})
    repo.commit("large", {"a": "x\n" * 2_000_000})
    running = repo.source(folder).pull(None)
    next(running)
    running.close()
    assert list((tmp_path / "temporary").iterdir()) == []
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if children.exists():
        assert b"git" not in b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children.read_text().split())
