"""Comments, reviews and reopenings of threads, and texts and fields as nobody should send them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import _threads_record as told
from ingest._threads_state import numbers_of, ranges
from kb.catalog import Catalog
from kb.errors import SourceError
from kb.types import Event, Note
from tests import github_faults as faults
from tests.github_data import Repo
from tests.github_desk import NOW, REPO, TOKEN, Desk, ago, fill
from tests.github_generate import HOSTILE_TEXTS, add_hostile
from tests.github_server import GitHubServer


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer() as running:
        yield running


@pytest.fixture
def repo(server: GitHubServer) -> Repo:
    return server.add_repo(REPO)


@pytest.fixture
def desk(server: GitHubServer, tmp_path: Path) -> Iterator[Desk]:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        yield Desk(server, catalog, tmp_path / "folder")


def notes(desk: Desk, id: str) -> list[str]:
    return [note.text for note in desk.records()[f"{id.partition('#')[0]}:{REPO}#{id.partition('#')[2]}"].notes]


# -- comments -------------------------------------------------------------------------------------------------------------


def test_comments_of_issues_and_pull_requests(desk: Desk, repo: Repo) -> None:
    repo.add_issue(title="NaN", created=ago(days=3), comments=[("ada", ago(days=2), "Me too"), (None, ago(days=1), "Gone")])
    repo.add_pull(title="Fix", created=ago(days=3), comments=[("grace", ago(days=1), "Looks good")])
    desk.options = {"comments": "all"}
    assert desk.run() == 3
    first, second = desk.records()[f"issue:{REPO}#1"].notes
    assert first.url.startswith("https://github.com/")
    assert (first.kind, first.author, first.at, first.text) == ("comment", "ada", ago(days=2), "Me too")
    assert (second.author, second.text) == ("ghost", "Gone")
    assert notes(desk, "pull#2") == ["Looks good"]
    assert desk.run() == 3
    assert list(desk.source().pull(desk.cursor)) == []


def test_without_comments_nothing_is_kept_beside_the_store(desk: Desk, repo: Repo) -> None:
    repo.add_issue(title="NaN", created=ago(days=3), comments=[("ada", ago(days=2), "Me too")])
    assert desk.run() == 2
    assert notes(desk, "issue#1") == []
    assert not desk.folder.exists()


def test_the_first_comments_of_each_thread(desk: Desk, repo: Repo) -> None:
    said = [("ada", ago(hours=50 - number), f"Comment {number}") for number in range(5)]
    repo.add_issue(title="Long", created=ago(days=3), comments=said)
    desk.options = {"comments": 2}
    desk.run()
    assert notes(desk, "issue#1") == ["Comment 0", "Comment 1"]
    desk.options = {"comments": 3}
    desk.run()
    assert notes(desk, "issue#1") == ["Comment 0", "Comment 1", "Comment 2"]
    desk.options = {}
    desk.run()
    assert notes(desk, "issue#1") == []


def test_comments_that_are_added_edited_and_deleted(desk: Desk, repo: Repo) -> None:
    fill(repo, 30)
    comment = repo.comment(4, "ada", ago(minutes=50), "Frist")
    desk.options = {"comments": "all"}
    desk.run()
    repo.edit_comment(comment, "First", at=ago(minutes=40))
    repo.comment(4, "grace", ago(minutes=30), "Second")
    desk.run()
    assert notes(desk, "issue#4") == ["First", "Second"]
    repo.delete_comment(comment)
    repo.edit(4, at=ago(minutes=20), title="Less said")
    assert desk.run() == 3 + 1, "the comments of this thread are asked for alone"
    assert notes(desk, "issue#4") == ["Second"]
    assert desk.run() == 3


def test_comments_that_are_older_than_the_history(desk: Desk, repo: Repo) -> None:
    old = [("ada", ago(days=200), "Long ago")]
    repo.add_issue(title="Alive again", created=ago(days=300), comments=old, updated=ago(days=1))
    desk.options = {"comments": "all", "since": "90 days"}
    assert desk.run() == 3 + 1
    assert notes(desk, "issue#1") == ["Long ago"]
    repo.comment(1, "grace", ago(hours=1), "Lately")
    assert desk.run() == 3
    assert notes(desk, "issue#1") == ["Long ago", "Lately"]


def test_a_thread_with_more_comments_than_are_wanted_is_asked_for_once(desk: Desk, repo: Repo) -> None:
    said = [("ada", ago(days=200, minutes=-number), f"Comment {number}") for number in range(250)]
    repo.add_issue(title="Endless", created=ago(days=300), comments=said, updated=ago(days=1))
    desk.options = {"comments": 3, "since": "90 days"}
    assert desk.run() == 3 + 1
    assert notes(desk, "issue#1") == ["Comment 0", "Comment 1", "Comment 2"]
    assert desk.run() == 3
    repo.comment(1, "grace", ago(hours=1), "Lately")
    assert desk.run() == 3


@pytest.mark.parametrize("killed", range(1, 9))
def test_a_killed_run_loses_no_note(killed: int, desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 60, 60)
    for number in range(1, 121):
        repo.comment(number, "ada", ago(minutes=50), f"To {number}")
        if number > 115:
            repo.review(number, "grace", ago(minutes=45), "APPROVED", "Good")
    desk.options = {"comments": "all", "reviews": True, "reopened": True}
    desk.run(batches=killed)
    desk.run()
    desk.run()
    found = desk.records()
    assert len(found) == 120
    assert all([note.text for note in record.notes][:1] == [f"To {record.ref}"] for record in found.values())
    assert sum(len(record.notes) for record in found.values()) == 125
    reviews = [request.target for request in server.requests if "/reviews" in request.target]
    assert len(reviews) == len(set(reviews)) == 60


def test_a_folder_that_is_lost_is_filled_again(desk: Desk, repo: Repo) -> None:
    fill(repo, 5)
    repo.comment(2, "ada", ago(minutes=50), "Hello")
    desk.options = {"comments": "all"}
    desk.run()
    for path in desk.folder.iterdir():
        path.unlink()
    repo.comment(3, "ada", ago(minutes=10), "Again")
    desk.run()
    assert (notes(desk, "issue#2"), notes(desk, "issue#3")) == (["Hello"], ["Again"])


def test_a_damaged_folder_is_filled_again(desk: Desk, repo: Repo) -> None:
    fill(repo, 5)
    repo.comment(2, "ada", ago(minutes=50), "Hello")
    desk.options = {"comments": "all"}
    desk.folder.mkdir()
    (desk.folder / "threads.db").write_bytes(b"this is no database" * 1000)
    desk.run()
    assert notes(desk, "issue#2") == ["Hello"]


def test_a_folder_that_cannot_be_used(desk: Desk, repo: Repo, tmp_path: Path) -> None:
    fill(repo, 1)
    (tmp_path / "file").write_text("")
    desk.folder = tmp_path / "file" / "folder"
    desk.options = {"comments": 1}
    with pytest.raises(SourceError, match="cannot be used"):
        desk.run()


def test_a_folder_that_breaks_while_it_is_used(desk: Desk, repo: Repo) -> None:
    fill(repo, 150)
    desk.options = {"comments": 1}
    pulled = desk.source().pull(None)
    next(pulled)
    with sqlite3.connect(desk.folder / "threads.db") as other:
        other.execute("DROP TABLE threads")
    other.close()
    with pytest.raises(SourceError, match=r"threads\.db"):
        list(pulled)


# -- reviews and reopenings -----------------------------------------------------------------------------------------------


def test_verdicts_of_reviews(desk: Desk, repo: Repo) -> None:
    reviews = [
        ("ada", ago(hours=9), "CHANGES_REQUESTED", "Please test"),
        ("ken", ago(hours=8), "COMMENTED", ""),
        ("ken", ago(hours=7), "COMMENTED", "A thought"),
        ("ada", ago(hours=6), "APPROVED", ""),
        (None, ago(hours=5), "DISMISSED", "Stale"),
        ("eve", ago(hours=4), "PENDING", "Not sent"),
    ]
    repo.add_pull(title="Fix", created=ago(days=1), reviews=reviews)
    repo.add_pull(title="Other", created=ago(days=1))
    desk.options = {"reviews": True}
    assert desk.run() == 2 + 2
    found = desk.records()[f"pull:{REPO}#1"].notes
    assert [(note.kind, note.author, note.verdict, note.text) for note in found] == [
        ("review", "ada", "changes_requested", "Please test"),
        ("review", "ken", "commented", "A thought"),
        ("review", "ada", "approved", ""),
        ("review", "ghost", "dismissed", "Stale"),
    ]
    assert desk.run() == 2
    repo.review(2, "ada", ago(minutes=1), "APPROVED")
    assert desk.run() == 2 + 1
    assert len(desk.records()[f"pull:{REPO}#2"].notes) == 1


def test_when_threads_were_closed_before_and_reopened(desk: Desk, repo: Repo) -> None:
    repo.add_issue(title="Flaky", created=ago(days=9), closed=ago(days=8))
    desk.options = {"reopened": True}
    assert desk.run() == 3
    repo.reopen(1, at=ago(days=7))
    repo.close(1, at=ago(days=6))
    repo.reopen(1, at=ago(days=5))
    desk.run()
    assert desk.records()[f"issue:{REPO}#1"].events == (
        Event("opened", ago(days=9)),
        Event("closed", ago(days=8)),
        Event("reopened", ago(days=7)),
        Event("closed", ago(days=6)),
        Event("reopened", ago(days=5)),
        Event("updated", ago(days=5)),
    )
    assert desk.run() == 3


def test_what_a_limit_leaves_is_told_and_read_later(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 2, 4)
    repo.comment(2, "ada", ago(minutes=1), "Hello")
    server.token_limit = 4
    desk.options = {"comments": "all", "reviews": True}
    desk.run()
    assert desk.truncated.endswith("left for the next run: reviews")
    server.token_limit = 100
    assert desk.run() == 3 + 3, "the lists, and the reviews that were left"
    assert desk.truncated == ""


# -- hostile fields -------------------------------------------------------------------------------------------------------


def test_texts_as_nobody_should_send_them(desk: Desk, repo: Repo) -> None:
    numbers = add_hostile(repo, at=ago(days=1))
    desk.options = {"comments": "all"}
    desk.run()
    found = desk.records()
    assert {record.ref for record in found.values()} == {str(number) for number in numbers.values()}
    long = found[f"issue:{REPO}#{numbers['60 kB']}"]
    assert long.body == HOSTILE_TEXTS["60 kB"]
    assert len(long.notes) == 2
    assert found[f"issue:{REPO}#{numbers['nobody']}"].author == "ghost"
    assert len(found[f"issue:{REPO}#{numbers['10,000 labels']}"].labels) == 100


@pytest.mark.parametrize(
    "values",
    [{"number": None}, {"number": "7"}, {"number": True}, {"number": -1}, {"created_at": None}, {"created_at": "yesterday"}],
    ids=str,
)
def test_an_entry_that_cannot_be_used_is_told_and_loses_no_other(
    values: dict[str, Any], desk: Desk, repo: Repo, server: GitHubServer
) -> None:
    fill(repo, 5, 5)
    for listing in (r"/issues\?", r"/pulls\?"):
        server.fail(listing, faults.changed(faults.with_fields(at=1 if "pulls" in listing else 6, **values)))
    desk.run()
    assert len(desk.records()) == 8
    assert len(desk.reading.notes) == 2
    assert all("was left out" in note for note in desk.reading.notes)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-01-01T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["login", "name", "ref", "title"]), inner),
    max_leaves=5,
)
FIELDS = (
    "number", "title", "body", "html_url", "user", "state", "labels", "created_at", "updated_at", "closed_at", "merged_at",
    "merge_commit_sha", "draft", "base", "head", "state_reason", "milestone", "assignees", "pull_request",
    "event", "issue", "issue_url", "submitted_at", "id",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from(["issue", "pull"]))
def test_any_field_may_hold_anything(item: dict[str, Any], kind: str) -> None:
    usable = {"number": 1, "created_at": "2026-01-01T00:00:00Z"}
    found = told.record(REPO, kind, {**item, **usable})
    assert found == told.record(REPO, kind, told.slim({**item, **usable})), "what is kept aside gives the same record"
    assert found.events[0].at.tzinfo is not None
    assert found.content_hash
    told.comment(item)
    told.reviews([item])
    told.happening(item)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x/\n<script>", 'https://x/"onclick="', "//github.com/x", "ftp://x", 7, None]
)
def test_an_address_that_is_none_is_not_kept(url: object) -> None:
    item = {"number": 1, "created_at": "2026-01-01T00:00:00Z", "html_url": url}
    assert told.record(REPO, "issue", item).url == ""


def test_a_text_beyond_all_bounds_is_cut_and_marked() -> None:
    item = {"number": 1, "created_at": "2026-01-01T00:00:00Z", "title": "t" * 10**6, "body": "b" * 10**6}
    record = told.record(REPO, "issue", item)
    assert (len(record.title), len(record.body), record.marks) == (1024, told.MOST_TEXT, ("truncated",))


def test_a_comment_that_cannot_be_used_is_told(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    repo.add_issue(title="NaN", created=ago(days=3), comments=[("ada", ago(days=2), "One"), ("ada", ago(days=1), "Two")])
    server.fail("/issues/comments", faults.changed(faults.with_fields(created_at=None)))
    server.fail("/issues/1/comments", faults.changed(faults.with_fields(created_at=None)))
    desk.options = {"comments": "all"}
    desk.run()
    assert len(notes(desk, "issue#1")) == 1
    assert any("1 comments cannot be read" in note for note in desk.reading.notes)


@given(st.frozensets(st.integers(1, 400)))
def test_ranges_of_numbers(numbers: frozenset[int]) -> None:
    assert numbers_of(ranges(numbers)) == numbers


def test_ranges_are_short() -> None:
    assert ranges(range(1, 100_001)) == "1-100000"
    assert ranges([5, 3, 1, 2]) == "1-3,5"
    for text in ("1-", "a", "1,,2", "-3", "1-2-3"):
        with pytest.raises(ValueError, match="not a range"):
            numbers_of(text)


def test_notes_do_not_depend_on_when_they_came(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 3)
    for number in (1, 2, 3):
        repo.comment(number, "ada", ago(minutes=30 - number), f"To {number}")
    desk.options = {"comments": "all"}
    server.fail("/issues/comments", faults.status(404, message="Not Found"))
    with pytest.raises(SourceError):
        desk.run()
    assert notes(desk, "issue#1") == []
    desk.now = NOW + timedelta(hours=3)
    desk.run()
    assert desk.records()[f"issue:{REPO}#1"].notes == (
        Note(
            kind="comment",
            at=ago(minutes=29),
            author="ada",
            text="To 1",
            url=desk.records()[f"issue:{REPO}#1"].notes[0].url,
        ),
    )
