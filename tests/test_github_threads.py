"""Issues and pull requests from GitHub: complete, at the stated cost, resumed wherever a run ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.github_threads import Source
from kb.catalog import Catalog
from kb.errors import ConfigError, SourceError, SourceStoppedError
from kb.protocols import SourceContext
from kb.types import Batch, Event, Link, Record
from tests import github_faults as faults
from tests.github_data import Repo, sha_of
from tests.github_desk import NOW, REPO, TOKEN, Desk, ago, fill
from tests.github_server import GitHubServer


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
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


# -- what a record holds --------------------------------------------------------------------------------------------------


def test_an_issue(desk: Desk, repo: Repo) -> None:
    opened, closed = ago(days=5), ago(days=2)
    repo.add_issue(
        title="NaN in softmax", body="See #7", created=opened, closed=closed, updated=ago(days=1), labels=["bug"], user="ada"
    )
    desk.run()
    assert desk.records() == {
        f"issue:{REPO}#1": Record(
            id=f"issue:{REPO}#1",
            kind="issue",
            repo=REPO,
            ref="1",
            title="NaN in softmax",
            body="See #7",
            url=f"https://github.com/{REPO}/issues/1",
            author="ada",
            state="closed",
            labels=("bug",),
            events=(Event("opened", opened), Event("closed", closed), Event("updated", ago(days=1))),
            meta=(("state_reason", "completed"),),
        )
    }


def test_a_merged_pull_request_names_the_commit_it_landed_as(desk: Desk, repo: Repo) -> None:
    sha, merged = sha_of("landed"), ago(days=2)
    repo.add_pull(title="Fix softmax", created=ago(days=3), merged=merged, merge_sha=sha, head="fix", user=None, body=None)
    desk.run()
    record = desk.records()[f"pull:{REPO}#1"]
    assert (record.state, record.author, record.body) == ("merged", "ghost", "")
    assert record.links == (Link("landed-as", f"commit:{REPO}@{sha}"),)
    assert {event.kind: event.at for event in record.events} == {
        "opened": ago(days=3),
        "merged": merged,
        "closed": merged,
        "updated": merged,
    }
    assert ("base", "main") in record.meta
    assert record.at == merged
    assert record.as_known(NOW) == record


def test_pull_requests_that_are_open_or_were_refused(desk: Desk, repo: Repo) -> None:
    repo.add_pull(title="Draft", created=ago(days=3), draft=True)
    repo.add_pull(title="Refused", created=ago(days=3), closed=ago(days=1), merge_sha=sha_of("test merge"))
    desk.run()
    draft, refused = (desk.records()[f"pull:{REPO}#{number}"] for number in (1, 2))
    assert (draft.state, refused.state) == ("open", "closed")
    assert ("draft", "true") in draft.meta
    assert draft.links == refused.links == ()


def test_a_thread_that_was_reopened(desk: Desk, repo: Repo) -> None:
    repo.add_issue(title="Flaky", created=ago(days=9), closed=ago(days=8))
    repo.reopen(1, at=ago(days=7))
    desk.run()
    record = desk.records()[f"issue:{REPO}#1"]
    assert record.state == "open"
    assert record.meta == (("state_reason", "reopened"),)
    assert [event.kind for event in record.events] == ["opened", "updated"]


def test_only_the_history_that_is_asked_for(desk: Desk, repo: Repo) -> None:
    repo.add_issue(title="Old", created=ago(days=200))
    repo.add_issue(title="Old but alive", created=ago(days=200), updated=ago(days=3))
    repo.add_pull(title="Old change", created=ago(days=100))
    repo.add_pull(title="New change", created=ago(days=4))
    desk.options = {"since": "90 days"}
    desk.run()
    assert desk.numbers() == {2, 4}
    assert desk.source().begins(desk.cursor) == ago(days=90)
    desk.now = NOW + timedelta(days=10)
    desk.run()
    assert desk.source().begins(desk.cursor) == ago(days=90), "the beginning stays where the first run put it"
    desk.options = {"since": "all"}
    desk.run()
    assert desk.numbers() == {1, 2, 3, 4}
    assert desk.source().begins(desk.cursor) is None


# -- what it costs --------------------------------------------------------------------------------------------------------


def test_a_thousand_issues_are_eleven_requests(desk: Desk, repo: Repo) -> None:
    fill(repo, 1_000)
    assert desk.run() == 11
    assert len(desk.records()) == 1_000
    assert desk.reading.requests == 11


def test_an_unchanged_repository_is_two_requests_and_no_batch(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 150, 150)
    desk.run()
    for later in (1, 2, 3):
        desk.now = NOW + timedelta(days=later)
        assert desk.run() == 2
    source = desk.source()
    assert list(source.pull(desk.cursor)) == []
    assert [request.status for request in server.requests[-2:]] == [304, 304]


def test_a_large_repository(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    repo.cursors_above = 500
    fill(repo, 2_000, 1_500)
    ids = [record.id for batch in desk.source().pull(None) for record in batch.records]
    assert len(ids) == len(set(ids)) == 3_500
    assert len(server.requests) == 35 + 15
    assert len({request.target for request in server.requests}) == 50, "no request twice"


def test_an_empty_repository_is_read_and_has_nothing(desk: Desk, repo: Repo) -> None:
    assert desk.run() == 2
    assert desk.run() == 2
    assert desk.records() == {}
    repo.add_issue(title="First", created=NOW)
    desk.run()
    assert desk.numbers() == {1}


# -- what changes ---------------------------------------------------------------------------------------------------------


def test_what_changed_is_read_and_no_more(desk: Desk, repo: Repo) -> None:
    fill(repo, 250, 250)
    desk.run()
    repo.close(3, at=ago(minutes=2))
    repo.merge(260, at=ago(minutes=1))
    assert desk.run() == 2
    assert desk.records()[f"issue:{REPO}#3"].state == "closed"
    assert desk.records()[f"pull:{REPO}#260"].state == "merged"


def test_what_becomes_visible_late_is_found(desk: Desk, repo: Repo) -> None:
    fill(repo, 5)
    desk.run()
    repo.add_issue(title="Written four minutes before the latest, listed after it", created=ago(minutes=65))
    desk.run()
    assert 6 in desk.numbers()


def test_a_thread_that_is_updated_while_pages_are_read_is_not_lost(desk: Desk, repo: Repo) -> None:
    fill(repo, 350)
    desk.run(batches=2)
    repo.edit(5, at=ago(minutes=1), title="Moved from the last page to the first")
    desk.run()
    desk.run()
    assert len(desk.numbers()) == 350
    assert desk.records()[f"issue:{REPO}#5"].title == "Moved from the last page to the first"


def test_a_time_to_come_hides_nothing(desk: Desk, repo: Repo) -> None:
    repo.add_issue(title="From a broken clock", created=ago(days=1), updated=NOW + timedelta(days=20_000))
    repo.add_issue(title="As it should be", created=ago(days=2))
    desk.run()
    repo.add_issue(title="Next, and told late", created=ago(minutes=20))
    desk.run()
    assert desk.numbers() == {1, 2, 3}


def test_an_old_unfinished_pass_waits_for_what_is_new(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 450)
    desk.run(batches=2)
    repo.add_issue(title="New", created=NOW)
    desk.now = NOW + timedelta(hours=2)
    server.clear()
    desk.run(batches=1)
    assert len(server.requests) == 1
    assert 451 in desk.numbers()
    assert desk.run() == 3 + 1, "the three pages that were left, and the pull requests"
    assert len(desk.numbers()) == 451
    assert desk.run() == 2


# -- killed and resumed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cursors", [None, 0], ids=["page numbers", "page cursors"])
@pytest.mark.parametrize("killed", range(1, 8))
def test_a_killed_run_goes_on_at_the_next_page(
    killed: int, cursors: int | None, desk: Desk, repo: Repo, server: GitHubServer
) -> None:
    repo.cursors_above = cursors
    fill(repo, 150, 250)
    desk.run(batches=killed)
    desk.run()
    pages = [request.target for request in server.requests if request.status == 200]
    assert len(pages) == len(set(pages)), "no page is asked for twice"
    news = (killed >= 4) + (killed >= 7)  # a list that was through is asked what is new
    assert len(server.requests) == 4 + 3 + news
    assert len(desk.records()) == 400
    assert desk.run() == 2


def test_a_run_that_is_killed_after_every_batch_is_complete_in_the_end(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 320, 180)
    for _ in range(20):
        desk.run(batches=1)
    assert len(desk.records()) == 500
    pages = [request.target for request in server.requests if request.status == 200 and "page=" in request.target]
    assert len([page for page in pages if "&page=" in page]) == len({page for page in pages if "&page=" in page})


def test_a_place_that_is_refused_later_is_read_from_the_start(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 250)
    desk.run(batches=1)
    server.fail(r"&page=2", faults.status(422, message="The cursor is not valid"))
    desk.run()
    assert len(desk.numbers()) == 250


def test_a_cursor_that_cannot_be_read_means_from_the_start(desk: Desk, repo: Repo) -> None:
    fill(repo, 20)
    desk.run()
    for broken in ("", "null", "[]", '{"v": 1}', '{"v": 99}', desk.cursor.replace('"done"', '"over"'), desk.cursor[:-9]):
        batches = list(desk.source().pull(broken))
        assert sum(len(batch.records) for batch in batches) == 20


def test_another_server_or_repository_under_the_same_name_begins_anew(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 3)
    desk.run()
    other = server.add_repo("acme/other")
    other.add_issue(title="Elsewhere", created=ago(days=3))
    desk.options = {"repo": "acme/other", "name": "kernels-threads"}
    desk.run()
    assert "issue:acme/other#1" in desk.records()


# -- gone -----------------------------------------------------------------------------------------------------------------


def test_what_vanished_is_gone_after_a_full_pass(desk: Desk, repo: Repo) -> None:
    fill(repo, 120, 30)
    desk.run()
    repo.delete(3)
    repo.delete(130)
    desk.now = NOW + timedelta(days=29)
    desk.run()
    assert desk.gone() == set()
    desk.now = NOW + timedelta(days=31)
    assert desk.run() == 2 + 2 + 1, "all issues, the two that are missing, and the pull requests"
    assert desk.gone() == {f"issue:{REPO}#3", f"pull:{REPO}#130"}
    assert desk.run() == 2


def test_what_only_changed_its_place_during_a_full_pass_is_not_gone(desk: Desk, repo: Repo) -> None:
    fill(repo, 250)
    desk.run()
    desk.now = NOW + timedelta(days=31)
    desk.run(batches=1)
    repo.edit(2, at=desk.now, title="Moved to a page that was read already")
    desk.run()
    assert desk.gone() == set()
    assert desk.records()[f"issue:{REPO}#2"].title == "Moved to a page that was read already"


def test_a_deletion_that_moves_others_during_a_full_pass_takes_only_its_own(desk: Desk, repo: Repo) -> None:
    fill(repo, 250)
    desk.run()
    desk.now = NOW + timedelta(days=31)
    desk.run(batches=1)
    repo.delete(240)  # on the page that was read: the first of the next page moves to where nobody looks
    desk.run()
    assert desk.gone() == set(), "240 was there when it was listed"
    desk.now = NOW + timedelta(days=62)
    desk.run()
    assert desk.gone() == {f"issue:{REPO}#240"}


# -- limits ---------------------------------------------------------------------------------------------------------------


def test_within_the_anonymous_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    with GitHubServer(anonymous_limit=3) as server, Catalog.open(tmp_path / "catalog.db") as catalog:
        repo = server.add_repo(REPO)
        fill(repo, 350, 150)
        desk = Desk(server, catalog, tmp_path / "folder")
        assert desk.run() == 3
        assert len(desk.records()) == 150
        assert desk.truncated.startswith("GitHub's limit of 3 requests an hour without a token is used up until ")
        assert desk.truncated.endswith(" UTC; left for the next run: issues, pull requests")
        with pytest.raises(SourceError, match="refused") as raised:
            desk.run()
        assert "set GITHUB_TOKEN" in raised.value.remedy
        for asked in (3, 3):
            server.anonymous_limit += asked + 1  # as if hours had passed; the refused request was counted too
            desk.run()
        assert desk.truncated == ""
        assert len(desk.records()) == 500


def test_a_refusal_keeps_what_is_stored(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 250)
    server.fail("page=2", faults.primary_limit(1800))
    with pytest.raises(SourceError, match="used up until"):
        desk.run()
    assert len(desk.numbers()) == 100
    assert desk.run() == 2 + 1
    assert len(desk.numbers()) == 250


@pytest.mark.parametrize(
    "fault",
    [faults.status(502, html=True), faults.html, faults.truncated, faults.empty, faults.reset, faults.shape({})],
    ids=["502", "html", "truncated", "empty", "reset", "object"],
)
def test_what_cannot_be_read_is_never_quiet(fault: faults.Fault, desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 250)
    server.fail("page=3", fault, times=None)
    with pytest.raises(SourceError) as raised:
        desk.run()
    assert raised.value.remedy
    assert len(desk.numbers()) == 200
    server.heal()
    assert desk.run() == 1 + 1
    assert len(desk.numbers()) == 250


def test_a_person_stops_it(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 250)
    source = desk.source()
    pulled = source.pull(None)
    assert next(pulled).records
    source.context.stop.set()
    with pytest.raises(SourceStoppedError):
        next(pulled)
    assert len(server.requests) == 1


def test_pages_that_lead_in_a_circle_have_an_end(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 350)

    def back(request: faults.Request, reply: faults.Reply) -> faults.Reply:
        link = f'<{server.url}{request.target.replace("page=3", "page=2")}>; rel="next"'
        return faults.Reply(200, {**reply.headers, "Link": link}, reply.body)

    server.fail("page=3", back, times=None)
    with pytest.raises(SourceError, match="lead in a circle"):
        desk.run()


# -- repositories ---------------------------------------------------------------------------------------------------------


def test_a_renamed_repository_keeps_its_ids(desk: Desk, repo: Repo) -> None:
    fill(repo, 150)
    desk.run()
    before = set(desk.records())
    repo.rename("acme/engines")
    repo.edit(7, at=ago(minutes=1), title="After the move")
    desk.run()
    assert set(desk.records()) == before
    assert desk.records()[f"issue:{REPO}#7"].title == "After the move"
    assert f"{REPO} is now acme/engines: change repo in kb.toml" in desk.reading.notes
    repo.delete(9)
    desk.now = NOW + timedelta(days=31)
    desk.run()
    assert desk.gone() == {f"issue:{REPO}#9"}


@pytest.mark.parametrize("act", [lambda server, repo: server.remove_repo(REPO), lambda server, repo: repo.make_private()])
def test_a_deleted_or_private_repository_is_a_failure_and_nothing_is_gone(
    act: Callable[[GitHubServer, Repo], None], desk: Desk, repo: Repo, server: GitHubServer
) -> None:
    fill(repo, 3)
    desk.run()
    act(server, repo)
    desk.now = NOW + timedelta(days=40)
    with pytest.raises(SourceError, match="not found: deleted, private, or misspelt"):
        desk.run()
    assert len(desk.records()) == 3


def test_a_blocked_repository(desk: Desk, repo: Repo) -> None:
    repo.block()
    with pytest.raises(SourceError, match="blocked for legal reasons"):
        desk.run()


def test_issues_that_are_switched_off(desk: Desk, repo: Repo) -> None:
    fill(repo, 2, 3)
    desk.run()
    repo.disable_issues()
    repo.edit(4, at=ago(minutes=1), title="Still read")
    desk.run()
    assert desk.records()[f"pull:{REPO}#4"].title == "Still read"
    assert any("issues are switched off" in note for note in desk.reading.notes)
    assert desk.gone() == set()


def test_an_enterprise_server(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 150)
    desk.options = {"base_url": server.enterprise_url}
    assert desk.run() == 3
    assert len(desk.records()) == 150


# -- the token ------------------------------------------------------------------------------------------------------------


def test_the_token_is_nowhere_but_in_requests(desk: Desk, repo: Repo, server: GitHubServer, tmp_path: Path) -> None:
    fill(repo, 150, 20)
    desk.options = {"comments": "all", "reviews": True}
    desk.run()
    server.fail("issues", faults.status(401, message=f"bad: {TOKEN}"), times=None)
    with pytest.raises(SourceError) as raised:
        desk.run()
    assert TOKEN not in str(raised.value)
    assert all(request.headers["authorization"] == f"token {TOKEN}" for request in server.requests)
    desk.catalog.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)


# -- configuration --------------------------------------------------------------------------------------------------------


def test_names_and_lanes(tmp_path: Path) -> None:
    context = SourceContext(tmp_path)
    source = Source(repo="https://github.com/acme/kernels", context=context)
    assert (source.repo, source.name, source.lane) == ("acme/kernels", "kernels-threads", "github:github.com")
    assert source.kinds == ("issue", "pull")
    enterprise = Source(repo="acme/kernels", name="ours", base_url="https://git.example/api/v3", context=context)
    assert (enterprise.name, enterprise.lane) == ("ours", "github:git.example")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("repo", "kernels"),
        ("base_url", "http://git.example"),
        ("since", "a while"),
        ("comments", -1),
        ("comments", "some"),
        ("comments", True),
        ("patience", -1.0),
        ("patience", float("nan")),
    ],
)
def test_values_that_cannot_be_right(key: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=key):
        Source(**{"repo": REPO, "context": SourceContext(tmp_path), key: value})  # type: ignore[arg-type]


def test_nothing_is_asked_before_it_is_pulled(desk: Desk, repo: Repo, server: GitHubServer) -> None:
    fill(repo, 1)
    pulled: Iterator[Batch] = desk.source().pull(None)
    assert server.requests == []
    assert next(pulled).records
