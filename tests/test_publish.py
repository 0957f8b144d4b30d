"""Publishing: real repositories of every form; other people's files and commits stay; nothing hangs or tells a secret."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from kb.catalog import Catalog
from kb.errors import ReportError
from kb.publish import Published, publish
from kb.report.archive import Archive
from kb.report.sidecar import edition
from kb.report.types import Edition
from tests.gitrepo import GitRepo
from tests.records import commit
from tests.reporting import at, report

FILES = {"2026-02-02.md", "2026-02-02.json", "README.md", "index.json", "feed.xml"}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Edition]:
    with Catalog.open(tmp_path / "data" / "catalog.db") as catalog:
        yield edition(report(catalog, at(1), commit(1, "Add a kernel")))


@pytest.fixture
def first(archive: Archive, made: Edition) -> Archive:
    """An archive with one report."""
    archive.write(made)
    return archive


@pytest.fixture
def server(tmp_path: Path) -> GitRepo:
    """A bare repository with one commit of somebody else's on main."""
    person = GitRepo.create(tmp_path / "person")
    person.commit("their own", {"notes.md": "theirs\n", "src/main.py": "print()\n"})
    person.git("clone", "--quiet", "--bare", str(person.path), str(tmp_path / "server.git"))
    return GitRepo(tmp_path / "server.git")


def sent(archive: Archive, to: GitRepo | str, tmp_path: Path, **more: Any) -> Published:
    where = str(to.path) if isinstance(to, GitRepo) else to
    options = {"work": tmp_path / "work", "pause": 0.001, "timeout": 20.0, **more}
    return publish(archive.folder, repository=where, **options)


def files(repo: GitRepo, ref: str = "main", folder: str = "reports/") -> set[str]:
    names = repo.git("ls-tree", "-r", "--name-only", ref, folder or ".").splitlines()
    return {name.removeprefix(folder) for name in names}


def shown(repo: GitRepo, path: str, ref: str = "main") -> str:
    return repo.git("cat-file", "blob", f"{ref}:{path}")


def theirs(server: GitRepo, tmp_path: Path, files: dict[str, str | None], name: str = "colleague") -> None:
    """A colleague commits and pushes."""
    place = tmp_path / name
    if not place.exists():
        server.git("clone", "--quiet", str(server.path), str(place))
    clone = GitRepo(place)
    clone.git("pull", "--quiet", "--ff-only")
    clone.commit("a colleague's", files)
    clone.git("push", "--quiet")


def another(made: Edition, text: str) -> Edition:
    """The same report with other facts."""
    return replace(made, markdown=f"{made.markdown}\n{text}\n", fingerprint=text)


# --- a server ----------------------------------------------------------------------------------------------------------------


def test_reports_are_pushed_beside_what_is_there(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    before = server.git("rev-parse", "main")
    done = sent(first, server, tmp_path, message="Report of\n2026-02-02\x1b[31m")
    assert (done.status, done.notes) == ("pushed", ())
    assert done.commit == server.git("rev-parse", "main")
    assert server.git("rev-parse", "main^") == before
    assert files(server) == FILES
    assert shown(server, "reports/2026-02-02.md") == (first.folder / "2026-02-02.md").read_text().removesuffix("\n")
    assert shown(server, "notes.md") == "theirs"
    assert server.git("log", "-1", "--format=%B", "main").strip() == "Report of 2026-02-02"
    assert server.git("diff", "--name-only", "main^", "main", "--", ".", ":!reports") == ""


def test_publishing_again_makes_no_commit(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    done = sent(first, server, tmp_path)
    again = sent(first, server, tmp_path)
    assert (again.status, again.commit) == ("unchanged", done.commit)
    assert server.git("rev-list", "--count", "main") == "2"


def test_only_what_changed_is_committed(first: Archive, server: GitRepo, tmp_path: Path, made: Edition) -> None:
    sent(first, server, tmp_path)
    first.write(another(made, "More."))
    assert sent(first, server, tmp_path).status == "pushed"
    changed = set(server.git("diff", "--name-only", "main^", "main").splitlines())
    assert changed == {"reports/2026-02-02.md", "reports/2026-02-02.json", "reports/README.md"}


def test_an_empty_repository_and_a_branch_that_is_not_there_begin_with_the_reports(
    first: Archive, server: GitRepo, tmp_path: Path
) -> None:
    empty = GitRepo.create(tmp_path / "empty.git", "--bare")
    assert sent(first, empty, tmp_path).status == "pushed"
    assert files(empty) == FILES
    assert sent(first, server, tmp_path, branch="daily/reports").status == "pushed"
    assert files(server, "daily/reports") == FILES
    assert server.git("rev-list", "--count", "daily/reports") == "1"
    assert server.git("rev-list", "--count", "main") == "1"
    assert sent(first, server, tmp_path, branch="daily/reports").status == "unchanged"


def test_by_a_url_as_by_a_path(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    assert sent(first, f"file://{server.path}", tmp_path).status == "pushed"
    assert sent(first, server, tmp_path).status == "unchanged"


@pytest.mark.parametrize("folder", [".", "docs/reports/daily", "日报 ü"])
def test_any_folder_of_the_repository_will_do(first: Archive, server: GitRepo, tmp_path: Path, folder: str) -> None:
    assert sent(first, server, tmp_path, folder_in_repo=folder).status == "pushed"
    names = set(server.git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "main").splitlines())
    assert names == {"notes.md", "src/main.py", *(name if folder == "." else f"{folder}/{name}" for name in FILES)}
    assert sent(first, server, tmp_path, folder_in_repo=folder).status == "unchanged"


def test_only_the_archives_own_files_are_published(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    for name in ("notes.md", ".env", "2026-02-03.txt", "secrets.json"):
        (first.folder / name).write_text("mine")
    (first.folder / "2026-02-04.md").symlink_to(tmp_path / "elsewhere")
    sent(first, server, tmp_path)
    assert files(server) == FILES


def test_a_branch_that_moved_meanwhile_is_built_upon(first: Archive, server: GitRepo, tmp_path: Path, made: Edition) -> None:
    sent(first, server, tmp_path)
    theirs(server, tmp_path, {"notes.md": "newer\n", "reports/own.md": "a colleague's\n"})
    first.write(another(made, "More."))
    assert sent(first, server, tmp_path).status == "pushed"
    assert shown(server, "notes.md") == "newer"
    assert files(server) == {*FILES, "own.md"}
    assert server.git("rev-list", "--merges", "--count", "main") == "0"


def hook(server: GitRepo, name: str, script: str) -> None:
    place = server.path / "hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)


MOVES = """
test -e moved{number} && exit 0
touch moved{number}
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
tree=$(git rev-parse main^{{tree}})
git update-ref refs/heads/main $(git commit-tree $tree -p main -m 'somebody was faster')
"""


def test_a_race_that_somebody_else_wins_is_run_again(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    hook(server, "pre-receive", MOVES.format(number=1))
    assert sent(first, server, tmp_path).status == "pushed"
    assert server.git("log", "--format=%s", "main").splitlines() == ["Update reports", "somebody was faster", "their own"]


def test_a_race_that_is_always_lost_ends(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    hook(server, "pre-receive", MOVES.format(number="$$"))
    with pytest.raises(ReportError, match="moved 3 times") as caught:
        sent(first, server, tmp_path, attempts=3)
    assert caught.value.remedy
    assert files(server) == set()


def test_several_publish_at_once(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    outcomes: list[str] = []

    def one(number: int) -> None:
        outcomes.append(sent(first, server, tmp_path, folder_in_repo=f"r{number}", work=tmp_path / f"w{number % 2}").status)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["pushed"] * 4
    assert server.git("rev-list", "--count", "main") == "5"


def test_what_a_person_changed_in_the_repository_stays(first: Archive, server: GitRepo, tmp_path: Path, made: Edition) -> None:
    sent(first, server, tmp_path)
    edited = shown(server, "reports/2026-02-02.md") + "\nA colleague's remark.\n"
    theirs(server, tmp_path, {"reports/2026-02-02.md": edited, "reports/README.md": "# Ours\n"})
    first.write(another(made, "More."))
    done = sent(first, server, tmp_path)
    assert done.status == "unchanged"
    assert [note.partition(" ")[0] for note in done.notes] == [
        "reports/2026-02-02.json",
        "reports/2026-02-02.md",
        "reports/README.md",
    ]
    assert shown(server, "reports/2026-02-02.md") == edited.removesuffix("\n")
    theirs(server, tmp_path, {"reports/2026-02-02.md": None, "reports/2026-02-02.json": None})
    assert sent(first, server, tmp_path).status == "pushed"
    assert shown(server, "reports/README.md") == "# Ours"
    assert "More." in shown(server, "reports/2026-02-02.md")


def test_a_repositorys_own_front_page_is_not_ours(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    theirs(server, tmp_path, {"README.md": "# The project\n"})
    done = sent(first, server, tmp_path, folder_in_repo=".")
    assert shown(server, "README.md") == "# The project"
    assert done.notes == ("README.md was changed in the repository and is left as it is; delete it there to have ours",)


@pytest.mark.parametrize("folder", ["notes.md", "notes.md/below", "link"])
def test_a_file_does_not_make_way_for_a_folder(first: Archive, server: GitRepo, tmp_path: Path, folder: str) -> None:
    place = tmp_path / "colleague"
    server.git("clone", "--quiet", str(server.path), str(place))
    (place / "link").symlink_to("src")
    theirs(server, tmp_path, {})
    with pytest.raises(ReportError, match="no folder in that repository") as caught:
        sent(first, server, tmp_path, folder_in_repo=folder)
    assert "[report] folder" in caught.value.remedy
    assert shown(server, "notes.md") == "theirs"


def test_a_copy_that_a_killed_run_left_broken_is_made_anew(first: Archive, server: GitRepo, tmp_path: Path) -> None:
    sent(first, server, tmp_path)
    (copy,) = (tmp_path / "work").glob("*/repository.git")
    (copy / "shallow.lock").write_text("")
    for pack in copy.glob("objects/pack/*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(b"broken")
    for loose in copy.glob("objects/??/*"):
        loose.chmod(0o644)
        loose.write_bytes(b"broken")
    theirs(server, tmp_path, {"notes.md": "newer\n"})
    (first.folder / "feed.xml").unlink()
    first.rebuild()
    assert sent(first, server, tmp_path).status == "unchanged"
    assert sent(first, server, tmp_path, folder_in_repo="other").status == "pushed"


# --- a folder with a work tree -----------------------------------------------------------------------------------------------


@pytest.fixture
def person(tmp_path: Path) -> GitRepo:
    """Somebody's repository, with staged, changed and untracked files."""
    repo = GitRepo.create(tmp_path / "theirs")
    repo.commit("their own", {"notes.md": "theirs\n", "staged.md": "1\n"})
    repo.write({"notes.md": "being written\n", "staged.md": "2\n", "untracked.md": "x\n"})
    repo.git("add", "staged.md")
    return repo


def dirty(repo: GitRepo) -> set[str]:
    """Paths that are not as they were committed."""
    return {line[3:] for line in repo.git("status", "--porcelain", "--untracked-files=all").splitlines()}


def test_a_folder_without_a_remote_is_committed_to_and_its_owners_work_stays(
    first: Archive, person: GitRepo, tmp_path: Path
) -> None:
    before = person.git("status", "--porcelain")
    done = sent(first, person, tmp_path)
    assert (done.status, done.commit) == ("committed", person.head)
    assert person.git("diff", "--name-only", "HEAD^", "HEAD").splitlines() == sorted(f"reports/{name}" for name in FILES)
    assert person.git("status", "--porcelain") == before
    assert {path.name for path in (person.path / "reports").iterdir()} == FILES
    assert sent(first, person, tmp_path).status == "unchanged"


def test_a_repository_without_a_commit_gets_its_first(first: Archive, tmp_path: Path) -> None:
    fresh = GitRepo.create(tmp_path / "fresh")
    assert sent(first, fresh, tmp_path).status == "committed"
    assert files(fresh) == FILES
    assert fresh.git("status", "--porcelain") == ""


def test_an_archive_inside_the_work_tree_is_committed_where_it_is(person: GitRepo, tmp_path: Path, made: Edition) -> None:
    inside = Archive(person.path / "reports")
    inside.write(made)
    assert sent(inside, person, tmp_path).status == "committed"
    assert files(person) == FILES
    assert dirty(person) == {"notes.md", "staged.md", "untracked.md", "reports/.kb-lock"}
    inside.write(another(made, "More."))
    assert sent(inside, person, tmp_path).status == "committed"
    assert "More." in shown(person, "reports/2026-02-02.md")


def test_uncommitted_changes_to_a_published_file_are_a_conflict(
    first: Archive, person: GitRepo, tmp_path: Path, made: Edition
) -> None:
    sent(first, person, tmp_path)
    page = person.path / "reports" / "2026-02-02.md"
    page.write_text("being edited")
    head = person.head
    first.write(another(made, "More."))
    with pytest.raises(ReportError, match="not committed") as caught:
        sent(first, person, tmp_path)
    assert str(page) in caught.value.message
    assert (page.read_text(), person.head) == ("being edited", head)
    (person.path / "other" / "2026-02-02.md").parent.mkdir()
    (person.path / "other" / "2026-02-02.md").write_text("never committed")
    with pytest.raises(ReportError, match="not committed"):
        sent(first, person, tmp_path, folder_in_repo="other")


def test_a_link_in_the_work_tree_is_not_followed_out_of_it(first: Archive, person: GitRepo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (person.path / "reports").symlink_to(tmp_path / "outside")
    with pytest.raises(ReportError, match="is no folder"):
        sent(first, person, tmp_path)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_branch_that_is_not_checked_out_gets_the_commit_and_the_work_tree_nothing(
    first: Archive, person: GitRepo, tmp_path: Path
) -> None:
    head, status = person.head, person.git("status", "--porcelain")
    assert sent(first, person, tmp_path, branch="reports").status == "committed"
    assert files(person, "reports") == FILES
    assert (person.head, person.git("status", "--porcelain")) == (head, status)


def test_a_branch_that_somebody_works_on_elsewhere_does_not_move(first: Archive, person: GitRepo, tmp_path: Path) -> None:
    person.git("worktree", "add", "--quiet", "-b", "reports", str(tmp_path / "second"))
    tip = person.git("rev-parse", "reports")
    with pytest.raises(ReportError, match=r"checked out in .*second") as caught:
        sent(first, person, tmp_path, branch="reports")
    assert "publish to that folder" in caught.value.remedy
    assert person.git("rev-parse", "reports") == tip
    second = GitRepo(tmp_path / "second")
    assert sent(first, second, tmp_path, branch="reports").status == "committed"
    assert second.git("status", "--porcelain") == ""


@pytest.fixture
def clone(server: GitRepo, tmp_path: Path) -> GitRepo:
    server.git("clone", "--quiet", str(server.path), str(tmp_path / "clone"))
    return GitRepo(tmp_path / "clone")


def test_a_clone_is_pushed_from_and_stays_in_step(first: Archive, server: GitRepo, clone: GitRepo, tmp_path: Path) -> None:
    done = sent(first, clone, tmp_path)
    assert (done.status, done.notes) == ("pushed", ())
    assert server.git("rev-parse", "main") == clone.head == done.commit
    assert clone.git("status", "--porcelain", "--branch") == "## main...origin/main"
    assert sent(first, clone, tmp_path).status == "unchanged"


def test_a_clones_own_commits_are_not_pushed(first: Archive, server: GitRepo, clone: GitRepo, tmp_path: Path) -> None:
    own = clone.commit("not for others yet", {"notes.md": "draft\n"})
    done = sent(first, clone, tmp_path)
    assert done.status == "pushed"
    assert "git pull" in done.notes[0]
    assert clone.head == own
    assert server.git("log", "--format=%s", "main").splitlines() == ["Update reports", "their own"]


def test_a_clone_that_is_behind_is_left_to_its_owner(first: Archive, server: GitRepo, clone: GitRepo, tmp_path: Path) -> None:
    head = clone.head
    theirs(server, tmp_path, {"notes.md": "newer\n"})
    done = sent(first, clone, tmp_path)
    assert (done.status, clone.head) == ("pushed", head)
    assert "git pull" in done.notes[0]
    clone.git("pull", "--quiet", "--ff-only")
    assert files(clone) == FILES


def test_a_shallow_clone_with_the_archive_in_it_is_what_a_workflow_has(server: GitRepo, tmp_path: Path, made: Edition) -> None:
    theirs(server, tmp_path, {"notes.md": "newer\n"})
    server.git("clone", "--quiet", "--depth=1", f"file://{server.path}", str(tmp_path / "checkout"))
    checkout = GitRepo(tmp_path / "checkout")
    inside = Archive(checkout.path / "reports")
    inside.write(made)
    assert sent(inside, checkout, tmp_path).status == "pushed"
    assert files(server) == FILES
    assert dirty(checkout) == {"reports/.kb-lock"}
    assert sent(inside, checkout, tmp_path, branch="daily").status == "pushed"
    assert files(server, "daily") == FILES
    assert checkout.git("branch", "--format=%(refname:short)") == "main"


# --- what goes wrong ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"to": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"to": "file:///nowhere/at/all"}, "/nowhere/at/all"),
        ({"to": "ext::sh -c 'touch /tmp/run-by-kb'"}, "not allowed"),
        ({"to": "--upload-pack=touch"}, "no such folder"),
        ({"branch": "a b"}, "no name of a branch"),
        ({"branch": "-x..y"}, "no name of a branch"),
        ({"branch": "a\x1b[31m"}, "no name of a branch"),
        ({"folder_in_repo": "../up"}, "no folder of a repository"),
        ({"folder_in_repo": "/etc"}, "no folder of a repository"),
        ({"folder_in_repo": ".git/hooks"}, "no folder of a repository"),
        ({"folder_in_repo": "a\x00b"}, "no folder of a repository"),
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
    begun = time.monotonic()
    with pytest.raises(ReportError, match=r"no answer within 0\.5 seconds"):
        sent(first, "git@example.org:a/b.git", tmp_path, timeout=0.5)
    assert time.monotonic() - begun < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


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
    thread = threading.Thread(target=server.serve_forever, daemon=True)
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
