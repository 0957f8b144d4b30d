"""Publishing to a folder: what its owner has staged, changed or not pushed stays theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.errors import ReportError
from kb.report.archive import Archive
from kb.report.types import Edition
from tests.gitrepo import GitRepo
from tests.publishing import (
    FILES,
    a_clone,
    a_persons,
    a_report,
    a_server,
    an_archive,
    another,
    dirty,
    files,
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


@pytest.fixture
def person(tmp_path: Path) -> GitRepo:
    return a_persons(tmp_path)


@pytest.fixture
def clone(server: GitRepo, tmp_path: Path) -> GitRepo:
    return a_clone(server, tmp_path)


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


def test_a_clone_is_pushed_from_and_stays_in_step(first: Archive, server: GitRepo, clone: GitRepo, tmp_path: Path) -> None:
    done = sent(first, clone, tmp_path)
    assert (done.status, done.notes) == ("pushed", ())
    assert server.git("rev-parse", "main") == clone.head == done.commit
    assert clone.git("status", "--porcelain", "--branch") == "## main...origin/main"
    assert sent(first, clone, tmp_path).status == "unchanged"


def test_a_branch_may_follow_one_of_another_name_or_of_a_url(
    first: Archive, server: GitRepo, clone: GitRepo, tmp_path: Path
) -> None:
    clone.git("config", "branch.main.merge", "refs/heads/daily")
    assert sent(first, clone, tmp_path).status == "pushed"
    assert files(server, "daily") == FILES
    assert server.git("rev-list", "--count", "main") == "1"
    clone.git("config", "branch.main.merge", "refs/heads/main")
    clone.git("config", "branch.main.remote", f"file://{server.path}")
    assert sent(first, clone, tmp_path).status == "pushed"
    assert server.git("rev-parse", "main") == clone.head


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
    checkout = a_clone(server, tmp_path, "--depth=1")
    inside = Archive(checkout.path / "reports")
    inside.write(made)
    assert sent(inside, checkout, tmp_path).status == "pushed"
    assert files(server) == FILES
    assert dirty(checkout) == {"reports/.kb-lock"}
    assert sent(inside, checkout, tmp_path, branch="daily").status == "pushed"
    assert files(server, "daily") == FILES
    assert checkout.git("branch", "--format=%(refname:short)") == "main"
