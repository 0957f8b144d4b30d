"""Publishing to a server: what is there stays, nothing is forced, and whoever is faster is built upon."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from kb.errors import ReportError
from kb.report.archive import Archive
from kb.report.types import Edition
from tests.gitrepo import GitRepo
from tests.publishing import (
    FILES,
    a_report,
    a_server,
    an_archive,
    another,
    files,
    hook,
    sent,
    shown,
    theirs,
)


@pytest.fixture
def first(tmp_path: Path) -> Archive:
    """An archive with one report."""
    return an_archive(tmp_path)


@pytest.fixture
def made(tmp_path: Path) -> Edition:
    return a_report(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> GitRepo:
    return a_server(tmp_path)


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
