"""Publishing under faults: nothing hangs, asks, or tells a secret, and each failure says what to do."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kb.errors import ReportError
from kb.report.archive import Archive
from tests.gitrepo import GitRepo
from tests.publishing import (
    FILES,
    a_clone,
    a_persons,
    a_server,
    an_archive,
    files,
    hook,
    sent,
)


@pytest.fixture
def first(tmp_path: Path) -> Archive:
    """An archive with one report."""
    return an_archive(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> GitRepo:
    return a_server(tmp_path)


@pytest.fixture
def person(tmp_path: Path) -> GitRepo:
    return a_persons(tmp_path)


@pytest.fixture
def clone(server: GitRepo, tmp_path: Path) -> GitRepo:
    return a_clone(server, tmp_path)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"to": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"to": "file:///nowhere/at/all"}, "/nowhere/at/all"),
        ({"to": "ext::sh -c 'touch /tmp/run-by-kb'"}, "not allowed"),
        ({"to": "--upload-pack=touch"}, "no such folder"),
        ({"branch": "a b"}, "no name of a branch"),
        ({"branch": "-x..y"}, "no name of a branch"),
        ({"branch": "a\x1b[31m"}, "control character"),
        ({"branch": "a\x00b"}, "control character"),
        ({"to": "https://example.org/\x00"}, "control character"),
        ({"folder_in_repo": "../up"}, "no folder of a repository"),
        ({"folder_in_repo": "/etc"}, "no folder of a repository"),
        ({"folder_in_repo": ".git/hooks"}, "no folder of a repository"),
        ({"folder_in_repo": "a\x00b"}, "control character"),
    ],
)
def test_what_cannot_be_published_to_is_named_with_the_remedy(
    first: Archive, server: GitRepo, tmp_path: Path, options: dict[str, str], named: str
) -> None:
    to = options.pop("to", str(server.path))
    with pytest.raises(ReportError, match=named) as caught:
        sent(first, to, tmp_path, **options)
    assert caught.value.remedy
    assert "\x1b" not in str(caught.value)
    assert server.git("rev-list", "--all", "--count") == "1"


def test_a_folder_that_is_no_repository_is_named(first: Archive, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for place in (tmp_path / "plain", tmp_path / "half"):
        (place / ".git").mkdir(parents=True, exist_ok=place.name == "half") if place.name == "half" else None
        with pytest.raises(ReportError, match="not a git repository") as caught:
            sent(first, str(place), tmp_path)
        assert "git init" in caught.value.remedy


def test_nothing_to_publish_is_said(tmp_path: Path, server: GitRepo) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "notes.md").write_text("mine")
    for folder in ("archive", "missing"):
        with pytest.raises(ReportError, match="no report to publish"):
            sent(Archive(tmp_path / folder), server, tmp_path)


def test_a_protected_branch_is_told_in_the_servers_own_words(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    hook(server, "pre-receive", "echo 'main is protected, ask Ada' >&2; exit 1")
    with pytest.raises(ReportError, match="ask Ada") as caught:
        sent(first, server, tmp_path)
    assert "protected" in caught.value.remedy
    assert "[report] branch" in caught.value.remedy


def test_hooks_of_the_person_do_not_run(first: Archive, person: GitRepo, clone: GitRepo, tmp_path: Path) -> None:
    for repo in (person, clone):
        for name in ("pre-commit", "commit-msg", "pre-push", "post-commit", "reference-transaction"):
            hook(GitRepo(repo.path / ".git"), name, f"touch {tmp_path}/ran; exit 1")
    assert sent(first, person, tmp_path).status == "committed"
    assert sent(first, clone, tmp_path).status == "pushed"
    assert not (tmp_path / "ran").exists()


def test_a_server_that_says_nothing_is_given_up(first: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "ssh"
    script.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    with pytest.raises(ReportError, match=r"no answer within 1\.5 seconds"):
        sent(first, "git@example.org:a/b.git", tmp_path, timeout=1.5)
    pid = (tmp_path / "pid").read_text().strip()
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(pid)


def alive(pid: str) -> bool:
    """Whether a process runs; one that has ended may still be in the table, as a zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_over_ssh_nobody_is_asked(first: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "ssh"
    script.write_text('#!/bin/sh\necho "git@example.org: Permission denied (publickey), given $*" >&2\nexit 255\n')
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    with pytest.raises(ReportError, match="Permission denied") as caught:
        sent(first, "git@example.org:a/b.git", tmp_path)
    assert "credentials" in caught.value.remedy
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{script} -marked")
    with pytest.raises(ReportError, match="publickey"):
        sent(first, "git@example.org:a/b.git", tmp_path)


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A web server that gives every request the same answer; its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "advice"), [(401, "credentials"), (403, "credentials"), (404, "publish"), (500, "archive")])
def test_a_token_is_told_nowhere(
    first: Archive, tmp_path: Path, status: int, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for proxy in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    with answering(status) as host, pytest.raises(ReportError) as caught:
        sent(first, f"http://someone:s3cr3t-token@{host}/a/b.git", tmp_path)
    told = str(caught.value)
    assert "s3cr3t" not in told
    assert advice in caught.value.remedy
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cr3t" not in f"{error}{error.args}"
        error = error.__cause__
    for path in (tmp_path / "work").rglob("*"):
        assert not path.is_file() or b"s3cr3t" not in path.read_bytes()


def test_a_lock_that_another_git_holds_is_told(first: Archive, person: GitRepo, tmp_path: Path) -> None:
    (person.path / ".git" / "index.lock").write_text("")
    with pytest.raises(ReportError, match=r"index\.lock") as caught:
        sent(first, person, tmp_path)
    assert "another git" in caught.value.remedy
    (person.path / ".git" / "index.lock").unlink()
    assert sent(first, person, tmp_path).status == "committed"


def test_within_a_hook_of_another_repository_it_is_still_the_right_one(
    first: Archive, person: GitRepo, server: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitRepo.create(tmp_path / "other")
    head = other.commit("other", {"a": "1\n"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git" / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / ".git" / "objects"))
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    statuses = sent(first, person, tmp_path).status, sent(first, server, tmp_path).status
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
        monkeypatch.delenv(name)
    assert statuses == ("committed", "pushed")
    assert files(person) == files(server) == FILES
    assert (other.head, other.git("status", "--porcelain")) == (head, "")


def test_where_git_knows_nobody_infra_kb_commits(
    first: Archive, server: GitRepo, person: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{part}")
    sent(first, server, tmp_path)
    assert server.git("log", "-1", "--format=%an <%ae> %cn <%ce>", "main") == (
        "infra-kb <infra-kb@localhost> infra-kb <infra-kb@localhost>"
    )
    person.git("config", "user.name", "Grace")
    person.git("config", "user.email", "grace@example.org")
    sent(first, person, tmp_path)
    assert person.git("log", "-1", "--format=%an <%ae> %cn <%ce>") == "Grace <grace@example.org> Grace <grace@example.org>"


def test_a_thousand_reports_are_published_in_seconds(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    for number in range(1000):
        (first.folder / f"2025-01-01-{number}.md").write_text(f"{number}\n")
        (first.folder / f"2025-01-01-{number}.json").write_text(f"{number}\n")
    begun = time.monotonic()
    assert sent(first, server, tmp_path).status == "pushed"
    assert sent(first, server, tmp_path).status == "unchanged"
    assert time.monotonic() - begun < 10
    assert len(files(server)) == 2005


def test_killed_while_it_pushes_it_publishes_the_next_time(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    hook(server, "pre-receive", f"test -e {tmp_path}/again && exit 0; touch {tmp_path}/pushing; sleep 60")
    script = (
        "import sys; from pathlib import Path; from kb.publish import publish; a, r, w = sys.argv[1:]; "
        "publish(Path(a), repository=r, work=Path(w))"
    )
    command = [sys.executable, "-c", script, str(first.folder), str(server.path), str(tmp_path / "work")]
    running = subprocess.Popen(command, start_new_session=True)
    while not (tmp_path / "pushing").exists():
        time.sleep(0.01)
    running.kill()
    running.wait()
    (tmp_path / "again").touch()
    assert sent(first, server, tmp_path).status == "pushed"
    assert files(server) == FILES
