"""Reading in place: nothing is written, no setting matters, and what is damaged is told or marked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kb.errors import ConfigError, SourceError
from kb.types import Record
from tests.gitrepo import GitRepo, day, landed, read, source, varied


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.create(tmp_path / "repo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "own"


def state(path: Path) -> dict[str, tuple[int, int]]:
    """Every file below, with its size and time of change: equal states mean that nothing was written."""
    found = {}
    for place, _, names in os.walk(path):
        for name in [".", *names]:
            status = os.lstat(Path(place) / name)
            found[f"{place}/{name}"] = (status.st_size, status.st_mtime_ns)
    return found


def test_local_repository_is_never_written_to(repo: GitRepo, folder: Path, tmp_path: Path) -> None:
    varied(repo, 0, 4)
    bare = tmp_path / "bare.git"
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(bare))
    (bare / "config").unlink()
    expected = read(repo.source(folder))
    for path in (repo.path, bare, repo.path / ".git"):
        before = state(path)
        assert read(source(str(path), folder)) == expected
        assert state(path) == before
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "HEAD")
    assert read(source(str(tmp_path / "linked"), folder)) == expected
    assert not folder.exists()


def test_settings_of_user_and_repository_change_nothing(
    repo: GitRepo, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit("one", {"a.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "b.py": "def f():\n    pass\n"}, when=day(1))
    repo.git("mv", "b.py", "c.py")
    repo.commit("two", {"a.txt": "1\n2\n3\n4\nX\n6\n7\n8\n\n"}, when=day(2))
    expected = read(repo.source(folder))
    settings = (
        "diff.noprefix=true diff.renames=false diff.context=0 diff.algorithm=patience color.ui=always diff.external=false "
        "log.showSignature=true log.follow=true diff.relative=true log.date=relative diff.mnemonicPrefix=true "
        "diff.orderFile=order core.quotePath=false "
        "diff.suppressBlankEmpty=true diff.submodule=log diff.ignoreSubmodules=all log.showRoot=false "
        "i18n.logOutputEncoding=UTF-16 diff.txt.textconv=rev diff.txt.binary=true core.abbrev=4 format.pretty=oneline"
    )
    for key, value in (setting.split("=") for setting in settings.split()):
        repo.git("config", key, value)
    (repo.path / ".gitattributes").write_text("*.txt diff=txt\n*.py -diff\n")
    (repo.path / ".git" / "info" / "attributes").write_text("*.txt -diff\n*.py binary\n")
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text("[diff]\n\tcontext = 9\n\tnoprefix = true\n[core]\n\tattributesFile = ~/attributes\n")
    (home / "attributes").write_text("* -diff\n")
    (home / ".config" / "git" / "attributes").write_text("* -diff\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    for name, value in {
        "GIT_DIFF_OPTS": "--unified=0",
        "GIT_EXTERNAL_DIFF": "false",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "diff.context",
        "GIT_CONFIG_VALUE_0": "0",
        "GIT_DIR": "/nowhere",
        "GIT_WORK_TREE": str(repo.path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(repo.path)
    assert read(repo.source(folder)) == expected


def test_replaced_objects_are_not_believed(repo: GitRepo, folder: Path) -> None:
    first = repo.commit("first", {"a": "1\n"}, when=day(1))
    second = repo.commit("second", {"a": "2\n"}, when=day(2))
    repo.git("replace", second, first)
    assert list(read(repo.source(folder))) == ["first", "second"]


def test_boundary_of_a_shallow_clone_has_no_patch(repo: GitRepo, folder: Path, tmp_path: Path) -> None:
    for number in range(4):
        repo.commit(f"commit {number}", {"a": f"{number}\n", f"f{number}": "x\n"}, when=day(number))
    shallow = tmp_path / "shallow"
    repo.git("clone", "--quiet", "--depth=2", f"file://{repo.path}", str(shallow))
    records = read(source(str(shallow), folder))
    assert list(records) == ["commit 2", "commit 3"]
    assert (records["commit 2"].marks, records["commit 2"].files) == (("boundary",), ())
    assert [file.path for file in records["commit 3"].files] == ["a", "f3"]


def test_missing_blobs_do_not_stop_the_run(repo: GitRepo, folder: Path, tmp_path: Path) -> None:
    for number in range(5):
        repo.commit(f"commit {number}", {f"f{number}": f"{number}\n"}, when=day(number))
    lost = tmp_path / "lost"
    shutil.copytree(repo.path, lost)
    blob = repo.git("rev-parse", "HEAD~2:f2")
    (lost / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    whole, records = read(repo.source(folder)), read(source(str(lost), folder))
    assert records["commit 2"].marks == ("missing-blobs",)
    assert [(file.path, file.status, file.patch) for file in records["commit 2"].files] == [("f2", "A", "")]
    assert {title for title in whole if whole[title] == records[title]} == set(whole) - {"commit 2"}


def test_blobless_clone_is_read_without_the_network(repo: GitRepo, folder: Path, tmp_path: Path) -> None:
    for number in range(5):
        repo.commit(f"commit {number}", {"a": f"{number}\n"}, when=day(number))
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial.git"
    repo.git("clone", "--quiet", "--bare", "--filter=blob:none", f"file://{repo.path}", str(partial))
    before = state(partial)
    records = read(source(str(partial), folder))
    assert [record.marks for record in records.values()] == [("root", "missing-blobs"), *[("missing-blobs",)] * 4]
    assert all([file.path for file in record.files] == ["a"] for record in records.values())
    assert state(partial) == before


def test_huge_commit_costs_little_memory(repo: GitRepo, folder: Path) -> None:
    """84 MB of patch in one commit, read in a process of its own."""
    repo.commit("huge", {"big.txt": "".join(f"{number:019}\n" for number in range(2_000_000)), "after": "1\n"})
    repo.commit("huge again", {"big.txt": "".join(f"{number:018}x\n" for number in range(2_000_000))})
    script = (
        "import sys\nfrom pathlib import Path\nfrom git.cmd import Git\nfrom benchmarks.ingest_reading import own_peak\n"
        "from tests.gitrepo import read, source\nbefore = own_peak()\n"
        "record = read(source(sys.argv[1], Path(sys.argv[2])))['huge again']\n"
        "print(own_peak() - before, record.files[0].additions, record.files[0].deletions, record.marks)\n"
    )
    command = [sys.executable, "-c", script, str(repo.path), str(folder)]
    told = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[1]).stdout.decode()
    extra, rest = told.split(" ", 1)
    assert rest == "2000000 2000000 ('truncated',)\n"
    assert float(extra) < 40


def test_strange_dates(repo: GitRepo, folder: Path) -> None:
    first = repo.commit("first", {"a": "1\n"}, when=day(1))
    tree = repo.git("rev-parse", "HEAD^{tree}")
    text = (
        f"tree {tree}\nparent {first}\nauthor A <a> 99999999999999 +0000\ncommitter C <c> 99999999999999 +0000\n\nfar future\n"
    )
    sha = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode())
    repo.git("update-ref", "refs/heads/main", sha)
    records = read(repo.source(folder))
    assert set(records) == {"first", "far future"}
    assert landed(records["far future"]).year in (1970, 9999)


def test_empty_repository_gives_nothing(repo: GitRepo, folder: Path) -> None:
    assert list(repo.source(folder).pull(None)) == []


def test_detached_head_is_read(repo: GitRepo, folder: Path) -> None:
    first = repo.commit("first", {"a": "1\n"})
    repo.commit("second", {"a": "2\n"})
    repo.git("checkout", "--quiet", first)
    assert list(read(repo.source(folder))) == ["first"]
    assert list(read(repo.source(folder, branch="main"))) == ["first", "second"]


def test_missing_branch_names_the_others(repo: GitRepo, folder: Path) -> None:
    repo.commit("first", {"a": "1\n"})
    repo.git("branch", "release/1")
    with pytest.raises(SourceError) as caught:
        list(repo.source(folder, branch="nowhere").pull(None))
    assert "'nowhere'" in caught.value.message
    assert "main, release/1" in caught.value.remedy


@pytest.mark.parametrize(("name", "problem"), [("missing", "does not exist"), ("inner", "is not a git repository")])
def test_what_is_no_repository(repo: GitRepo, folder: Path, name: str, problem: str) -> None:
    repo.commit("outer", {"inner/file": "1\n"})
    with pytest.raises(SourceError, match=problem) as caught:
        list(source(str(repo.path / name), folder).pull(None))
    assert str(repo.path / name) in caught.value.message


def test_corrupt_repository_is_one_clear_line(repo: GitRepo, folder: Path) -> None:
    repo.commit("first", {"a": "1\n"})
    second = repo.commit("second", {"a": "2\n"})
    third = repo.commit("third", {"a": "3\n"})
    (repo.path / ".git" / "objects" / second[:2] / second[2:]).unlink()
    with pytest.raises(SourceError, match=f"{second}|{third}") as caught:
        list(repo.source(folder).pull(None))
    assert "\n" not in caught.value.message
    assert "git fsck" in caught.value.remedy


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"history": "soon"}, "'soon'"),
        ({"repo": "widget"}, "'widget'"),
        ({"repo": "a/b/c"}, "'a/b/c'"),
        ({"branch": "--upload-pack=x"}, "'--upload-pack=x'"),
        ({"branch": "a..b"}, "'a..b'"),
        ({"branch": "ma*in"}, "'ma*in'"),
    ],
)
def test_bad_keys_are_named(repo: GitRepo, folder: Path, keys: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        repo.source(folder, **keys)
    assert told in caught.value.message
    assert caught.value.remedy


def test_name_and_repo_of_a_local_path(repo: GitRepo, folder: Path) -> None:
    repo.commit("first", {"a": "1\n"})
    plain = source(str(repo.path), folder, repo="")
    assert (plain.name, plain.repo, plain.web) == ("repo", "local/repo", "")
    repo.git("remote", "add", "origin", "git@gitlab.example.org:group/thing.git")
    known = source(str(repo.path), folder, repo="")
    assert (known.name, known.repo) == ("thing", "group/thing")
    (record,) = known.pull(None).__next__().records
    assert record.url == f"https://gitlab.example.org/group/thing/-/commit/{record.ref}"
    assert repo.source(folder).web == "https://github.com/acme/widget"


def test_cursor_that_is_none_means_everything_again(repo: GitRepo, folder: Path) -> None:
    varied(repo, 0, 5)
    whole = read(repo.source(folder))
    again: list[Record] = [record for batch in repo.source(folder).pull("not a cursor") for record in batch.records]
    assert again == list(whole.values())
