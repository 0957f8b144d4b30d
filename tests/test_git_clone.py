"""Copies of remote repositories: shallow, fetched into, rewritten, broken, refused, unreachable."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ingest import _git_clone
from ingest._git_run import GitError, reason, redact, start
from ingest.git_commits import Source
from kb.errors import SourceError
from kb.protocols import SourceContext
from tests.gitrepo import NOW, GitRepo, Store, day, landed, source


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo.create(tmp_path / "upstream")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "own"


@pytest.fixture(autouse=True)
def _shallow_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_git_clone, "FIRST_DEPTH", 1)


def remote(repo: GitRepo, folder: Path, **keys: str) -> Source:
    return source(f"file://{repo.path}", folder, **keys)


def in_clone(folder: Path, *args: str) -> str:
    args = ("git", "--git-dir", str(folder / "repository.git"), *args)
    return subprocess.run(args, check=True, capture_output=True).stdout.decode().strip()


def titles(store: Store) -> list[str]:
    return [record.title for record in store.records.values()]


def fill(repo: GitRepo, *days: int) -> None:
    for number in days:
        repo.commit(f"day {number}", {"a": f"{number}\n", f"f{number}": "x\n"}, when=day(number))


def test_clone_then_fetch(repo: GitRepo, folder: Path) -> None:
    fill(repo, 1, 2)
    repo.git("branch", "other")
    repo.git("tag", "v1")
    store = Store.empty()
    store.sync(remote(repo, folder))
    assert (titles(store), store.tags) == (["day 1", "day 2"], ("v1",))
    assert in_clone(folder, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main", "refs/tags/v1"]
    assert in_clone(folder, "rev-parse", "--is-bare-repository") == "true"
    assert store.sync(remote(repo, folder)) == []
    fill(repo, 3)
    repo.git("tag", "-a", "-m", "two", "v2", when=day(3))
    store.sync(remote(repo, folder))
    assert (titles(store), store.tags) == (["day 1", "day 2", "day 3"], ("v1", "v2"))
    assert store.first_tags[store.titled("day 3").id] == "v2"


def test_tag_on_an_old_commit_moved_and_deleted(repo: GitRepo, folder: Path) -> None:
    fill(repo, 1, 2)
    store = Store.empty()
    store.sync(remote(repo, folder))
    repo.git("tag", "nightly", "HEAD~1")
    store.sync(remote(repo, folder))
    assert store.first_tags[store.titled("day 1").id] == "nightly"
    assert store.first_tags[store.titled("day 2").id] == ""
    repo.git("tag", "--force", "nightly")
    store.sync(remote(repo, folder))
    assert store.first_tags[store.titled("day 2").id] == "nightly"
    repo.git("tag", "-d", "nightly")
    store.sync(remote(repo, folder))
    assert (store.tags, set(store.first_tags.values())) == ((), {""})


def test_shallow_by_date_with_real_patches(repo: GitRepo, folder: Path) -> None:
    """No record of the window is a boundary: the clone reaches further back than they do."""
    fill(repo, 1, 5, 10, 40, 50, 58)
    store = Store.empty()
    store.sync(remote(repo, folder, history="30 days"))
    assert titles(store) == ["day 40", "day 50", "day 58"]
    assert all(record.marks == () for record in store.records.values())
    assert [(file.path, file.status) for file in store.titled("day 40").files] == [("a", "M"), ("f40", "A")]
    assert in_clone(folder, "rev-list", "--count", "main") == "4"
    assert (folder / "repository.git" / "shallow").exists()
    fill(repo, 59)
    store.sync(remote(repo, folder, history="30 days"))
    assert titles(store)[-1] == "day 59"
    assert in_clone(folder, "rev-list", "--count", "main") == "5"
    store.sync(remote(repo, folder, history="2026-01-06"))
    assert sorted(titles(store)) == ["day 10", "day 40", "day 5", "day 50", "day 58", "day 59"]
    store.sync(remote(repo, folder, history="all"))
    assert len(titles(store)) == 7
    assert store.gone == set()
    assert not (folder / "repository.git" / "shallow").exists()


def test_quiet_repository_has_no_commit_in_the_window(repo: GitRepo, folder: Path) -> None:
    fill(repo, 1, 2)
    store = Store.empty()
    store.sync(remote(repo, folder, history="1 day"))
    assert titles(store) == []
    fill(repo, 58)
    store.sync(remote(repo, folder, history="1 day"))
    assert titles(store) == ["day 58"]
    assert store.titled("day 58").marks == ()
    assert [file.path for file in store.titled("day 58").files] == ["a", "f58"]


def test_late_merge_of_an_old_branch_hides_nothing(repo: GitRepo, folder: Path) -> None:
    """git cuts a shallow history in front of a merge with one old parent: the mainline behind it must still be there."""
    fill(repo, 1, 2)
    repo.git("checkout", "--quiet", "-b", "old", "HEAD~1")
    repo.commit("written early", {"o": "1\n"}, when=day(3))
    repo.git("checkout", "--quiet", "main")
    fill(repo, 10, 40, 45, 50)
    repo.merge("old", "late merge", when=day(55))
    fill(repo, 58)
    store = Store.empty()
    store.sync(remote(repo, folder, history="30 days"))
    assert [title for title in titles(store) if title != "written early"] == [
        "day 40",
        "day 45",
        "day 50",
        "late merge",
        "day 58",
    ]
    assert all("boundary" not in record.marks for record in store.records.values())
    assert [file.path for file in store.titled("late merge").files] == ["o"]
    assert landed(store.titled("day 45")) == day(45)


def test_old_branch_merged_after_the_clone_brings_no_old_mainline(repo: GitRepo, folder: Path) -> None:
    fill(repo, 1, 2, 3)
    repo.git("branch", "old", "HEAD~1")
    fill(repo, 40, 50)
    store = Store.empty()
    store.sync(remote(repo, folder, history="30 days"))
    repo.git("checkout", "--quiet", "old")
    repo.commit("fresh work on an old base", {"o": "1\n"}, when=day(56))
    repo.git("checkout", "--quiet", "main")
    repo.merge("old", "late merge", when=day(57))
    store.sync(remote(repo, folder, history="30 days"))
    assert titles(store) == ["day 40", "day 50", "fresh work on an old base", "late merge"]
    assert store.titled("late merge").linked("brought") == (store.titled("fresh work on an old base").id,)


def test_force_push_to_the_remote(repo: GitRepo, folder: Path) -> None:
    fill(repo, 1, 2, 3, 4, 5, 6, 40, 50)
    store = Store.empty()
    store.sync(remote(repo, folder, history="30 days"))
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    fill(repo, 51)
    (batch,) = store.sync(remote(repo, folder, history="30 days"))
    assert batch.snapshot is not None
    assert batch.snapshot.since is not None
    assert {store.records[key].title for key in store.gone} == {"day 50"}
    assert titles(store) == ["day 40", "day 50", "day 51"]


def test_lost_clone_is_made_again(repo: GitRepo, folder: Path) -> None:
    fill(repo, 40, 50)
    store = Store.empty()
    store.sync(remote(repo, folder, history="30 days"))
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    fill(repo, 58)
    (batch,) = store.sync(source(f"file://{repo.path}", folder, history="30 days", now=day(100)))
    assert [record.title for record in batch.records] == ["day 58"]
    assert batch.snapshot is None


@pytest.mark.parametrize("damage", ["half", "lock", "objects", "no config"])
def test_what_a_killed_run_leaves_blocks_nothing(repo: GitRepo, folder: Path, damage: str) -> None:
    fill(repo, 1, 2)
    store = Store.empty()
    store.sync(remote(repo, folder))
    clone = folder / "repository.git"
    fill(repo, 3)
    if damage == "half":
        subprocess.run(["rm", "-rf", str(clone / "refs"), str(clone / "packed-refs"), str(folder / "state.json")], check=True)
    elif damage == "lock":
        (clone / "refs" / "heads" / "main.lock").touch()
        (clone / "shallow.lock").touch()
    elif damage == "objects":
        for pack in (clone / "objects" / "pack").iterdir():
            pack.chmod(0o644)
            pack.write_bytes(b"garbage")
    else:
        (clone / "config").unlink()
    store.sync(remote(repo, folder))
    assert titles(store) == ["day 1", "day 2", "day 3"]
    assert store.gone == set()


def test_another_url_makes_another_clone(repo: GitRepo, folder: Path, tmp_path: Path) -> None:
    fill(repo, 1)
    store = Store.empty()
    store.sync(remote(repo, folder))
    other = GitRepo.create(tmp_path / "other")
    fill(other, 7)
    store.sync(remote(other, folder))
    assert titles(store) == ["day 1", "day 7"]
    assert {store.records[key].title for key in store.gone} == {"day 1"}


def test_default_branch_that_was_renamed(repo: GitRepo, folder: Path) -> None:
    fill(repo, 1)
    store = Store.empty()
    store.sync(remote(repo, folder))
    repo.git("branch", "--move", "trunk")
    fill(repo, 2)
    store.sync(remote(repo, folder))
    assert titles(store) == ["day 1", "day 2"]
    assert store.gone == set()


def test_empty_remote_and_missing_branch(repo: GitRepo, folder: Path) -> None:
    assert list(remote(repo, folder).pull(None)) == []
    assert list(remote(repo, folder, branch="main").pull(None)) == []
    fill(repo, 1)
    with pytest.raises(SourceError) as caught:
        list(remote(repo, folder, branch="nowhere").pull(None))
    assert "no branch 'nowhere'" in caught.value.message
    assert "main" in caught.value.remedy


def test_progress_is_told(repo: GitRepo, folder: Path) -> None:
    fill(repo, *range(30))
    told: list[tuple[str, int, int | None]] = []
    context = SourceContext(folder, lambda stage, done, total: told.append((stage, done, total)), NOW)
    list(Source(url=f"file://{repo.path}", repo="acme/widget", history="all", context=context).pull(None))
    stages = {stage for stage, _, _ in told}
    assert {"asking the server", "receiving objects"} <= stages
    assert any(done == total for stage, done, total in told if stage == "receiving objects")


def test_shallow_server_ends_the_deepening(repo: GitRepo, folder: Path, tmp_path: Path) -> None:
    fill(repo, 40, 45, 50)
    shallow = tmp_path / "shallow.git"
    repo.git("clone", "--quiet", "--bare", "--depth=2", f"file://{repo.path}", str(shallow))
    store = Store.empty()
    store.sync(source(f"file://{shallow}", folder, history="30 days"))
    assert titles(store) == ["day 45", "day 50"]
    assert store.titled("day 45").marks == ("boundary",)


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def silent_server() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def failure(url: str, folder: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(source(url, folder).pull(None))
    assert "\n" not in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_password_is_never_asked_for_nor_shown(refusing: str, folder: Path) -> None:
    assert "could not read Username" in failure(f"http://{refusing}/acme/widget", folder).message
    error = failure(f"http://bob:s3cret@{refusing}/acme/widget?token=s3cret", folder)
    shown = f"{error}{error!r}{error.__cause__}{source('https://bob:s3cret@x.org/a/b', folder)!r}"
    assert "s3cret" not in shown
    assert "bob" not in shown
    assert not any(b"s3cret" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_offline_is_told_at_once(folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        began = time.monotonic()
        error = failure(f"https://127.0.0.1:{unused.getsockname()[1]}/acme/widget", folder)
    assert time.monotonic() - began < 10
    assert "onnect" in error.message


def test_dead_network_is_given_up(silent_server: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_git_clone, "ANSWER_WITHIN", 0.5)
    assert "no answer within 0.5 seconds" in failure(f"http://{silent_server}/acme/widget", folder).message
    assert "no answer within 0.5 seconds" in failure(f"git://{silent_server}/acme/widget", folder).message


def test_fetch_that_falls_silent_is_given_up(silent_server: str, folder: Path) -> None:
    with start(["ls-remote", f"git://{silent_server}/x"], env={}, cwd="/", talk=True) as running:
        with pytest.raises(GitError, match=r"no answer for 0\.2 seconds"):
            list(running.lines(silence=0.2))
        process = running.process
    assert process.poll() is not None


def test_missing_remote_repository(folder: Path, tmp_path: Path) -> None:
    error = failure(f"file://{tmp_path}/nothing-here", folder)
    assert "nothing-here" in error.message


def test_git_that_is_not_installed(repo: GitRepo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(repo, 1)
    made = remote(repo, folder)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="git program was not found"):
        list(made.pull(None))


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        (b"fatal: repository 'https://u:p@h/x' not found\n", "repository 'https://***@h/x' not found"),
        (b"remote: hi\nerror: one\nfatal: the reason\n", "the reason"),
        (
            b"ssh: Could not resolve hostname h\r\nfatal: Could not read from remote repository.\n",
            "ssh: Could not resolve hostname h",
        ),
        (b"just this\x1b[31m\n", "just this [31m"),
        (b"", "git ended with exit status 128"),
    ],
)
def test_reason_is_one_clean_line(stderr: bytes, told: str) -> None:
    assert reason(stderr, 128) == told


def test_redact() -> None:
    assert redact("https://user:pw@h/x?private_token=1 and ssh://git@h/y") == "https://***@h/x?*** and ssh://***@h/y"
