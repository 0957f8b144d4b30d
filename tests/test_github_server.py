"""The local GitHub does what GitHub does: pages, orders, filters, limits, moves and errs like it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests import github_faults as faults
from tests.github_data import Repo, UnknownError
from tests.github_generate import BEGIN, HOSTILE_TEXTS, add_hostile, populate
from tests.github_server import GitHubServer

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


@pytest.fixture
def repo(server: GitHubServer) -> Repo:
    return server.add_repo("acme/kernels")


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = "token secret"
        yield session


@pytest.fixture
def get(server: GitHubServer, session: requests.Session) -> Any:
    """A GET below the repository, whichever name it has there."""

    def get(rest: str = "", *, where: str = "/repos/acme/kernels", **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return session.get(f"{server.url}{where}{rest}", headers=named, timeout=5, allow_redirects=False)

    return get


def numbers(reply: requests.Response) -> list[int]:
    return [item["number"] for item in reply.json()]


def walked(session: requests.Session, url: str) -> list[requests.Response]:
    """All pages, by the links."""
    pages = [session.get(url, timeout=5)]
    while "next" in pages[-1].links:
        pages.append(session.get(pages[-1].links["next"]["url"], timeout=5))
    return pages


class TestListings:
    def test_pages_are_linked_and_hold_at_most_a_hundred(
        self, get: Any, repo: Repo, server: GitHubServer, session: requests.Session
    ) -> None:
        for number in range(250):
            repo.add_issue(title=f"issue {number}", created=day(number))
        first = get("/issues?state=all&per_page=500")
        assert numbers(first) == list(range(250, 150, -1))
        assert {rel: link["url"].rpartition("&")[2] for rel, link in first.links.items()} == {
            "next": "page=2",
            "last": "page=3",
        }
        assert first.links["next"]["url"].startswith(f"{server.url}/repositories/{repo.id}/issues?state=all&per_page=500")
        middle = session.get(first.links["next"]["url"], timeout=5)
        assert list(middle.links) == ["prev", "next", "last", "first"]
        pages = walked(session, f"{server.url}/repos/acme/kernels/issues?state=all&per_page=100")
        assert [number for page in pages for number in numbers(page)] == list(range(250, 0, -1))
        assert len(get("/issues").json()) == 30
        assert get("/issues?page=99").json() == []

    def test_issues_by_state_since_and_order(self, get: Any, repo: Repo) -> None:
        repo.add_issue(title="old", created=day(0), updated=day(9))
        repo.add_issue(title="closed", created=day(1), closed=day(2), comments=[("ada", day(1), "hm")])
        repo.add_pull(title="pull", created=day(3))
        assert numbers(get("/issues")) == [3, 1]
        assert numbers(get("/issues?state=closed")) == [2]
        assert numbers(get("/issues?state=all&sort=updated")) == [1, 3, 2]
        assert numbers(get("/issues?state=all&sort=updated&direction=asc")) == [2, 3, 1]
        assert numbers(get("/issues?state=all&sort=comments")) == [2, 3, 1]
        assert numbers(get("/issues?state=all&since=2026-01-04T00:00:00Z")) == [3, 1]
        assert ["pull_request" in item for item in get("/issues?state=all").json()] == [True, False, False]

    @pytest.mark.parametrize("query", ["state=opened", "sort=name", "direction=up", "since=yesterday", "after=nonsense"])
    def test_a_wrong_value_is_refused(self, get: Any, repo: Repo, query: str) -> None:
        assert get(f"/issues?{query}").status_code == 422

    def test_what_is_not_served_says_so(self, get: Any, repo: Repo) -> None:
        assert get("/issues?labels=bug").status_code == 501

    def test_pulls_have_no_since_and_an_order_of_their_own(self, get: Any, repo: Repo) -> None:
        repo.add_pull(title="first", created=day(0), updated=day(9), base="release")
        repo.add_pull(title="second", created=day(1), merged=day(2), head="feature")
        repo.add_issue(title="issue", created=day(2))
        assert numbers(get("/pulls?state=all&since=2027-01-01T00:00:00Z")) == [2, 1]
        assert numbers(get("/pulls?state=all&sort=updated")) == [2, 1]
        assert numbers(get("/pulls?state=all&sort=updated&direction=desc")) == [1, 2]
        assert numbers(get("/pulls?state=all&base=release")) == [1]
        assert numbers(get("/pulls?state=all&head=acme:feature")) == [2]
        assert get("/pulls/3").status_code == 404

    def test_large_repositories_page_by_cursor(self, get: Any, server: GitHubServer, session: requests.Session) -> None:
        large = server.add_repo("acme/large", cursors_above=100)
        for number in range(250):
            large.add_issue(title=f"issue {number}", created=day(number // 7))  # many of one moment
        url = f"{server.url}/repos/acme/large/issues?state=all&sort=created&direction=asc&per_page=60"
        pages = walked(session, url)
        assert [number for page in pages for number in numbers(page)] == list(range(1, 251))
        assert list(pages[0].links) == ["next"]
        assert "after=" in pages[0].links["next"]["url"]
        back = session.get(pages[2].links["prev"]["url"], timeout=5)
        assert numbers(back) == numbers(pages[1])
        refused = get("/issues?state=all&page=3&per_page=60", where="/repos/acme/large")
        assert refused.status_code == 422
        assert "cursor based pagination" in refused.json()["message"]

    def test_a_cursor_stays_where_it_was_while_entries_come_and_go(
        self, server: GitHubServer, session: requests.Session
    ) -> None:
        large = server.add_repo("acme/large", cursors_above=2)
        for number in range(6):
            large.add_issue(title=f"issue {number}", created=day(number))
        url = f"{server.url}/repos/acme/large/issues?sort=created&direction=asc&per_page=2"
        first = session.get(url, timeout=5)
        large.delete(2)
        assert numbers(session.get(first.links["next"]["url"], timeout=5)) == [3, 4]

    def test_comments_of_a_thread_and_of_all(self, get: Any, repo: Repo) -> None:
        repo.add_issue(title="one", created=day(0), comments=[("ada", day(1), "a"), ("bob", day(5), "b")])
        repo.add_issue(title="two", created=day(0), comments=[(None, day(3), "c")])
        texts = [comment["body"] for comment in get("/issues/1/comments").json()]
        assert texts == ["a", "b"]
        assert [comment["body"] for comment in get("/issues/1/comments?since=2026-01-04T00:00:00Z").json()] == ["b"]
        assert [comment["body"] for comment in get("/issues/comments?direction=desc").json()] == ["a", "b", "c"]
        newest = get("/issues/comments?sort=updated&direction=desc&since=2026-01-03T00:00:00Z").json()
        assert [(comment["body"], comment["user"]) for comment in newest][1] == ("c", None)
        assert [comment["issue_url"].rpartition("/")[2] for comment in newest] == ["1", "2"]

    def test_events_newest_first(self, get: Any, repo: Repo) -> None:
        issue = repo.add_issue(title="one", created=day(0), closed=day(1)).number
        repo.reopen(issue, at=day(2))
        repo.edit(issue, at=day(3), title="uno")
        pull = repo.add_pull(title="two", created=day(0)).number
        repo.merge(pull, at=day(4), sha="ab" * 20)
        happened = get("/issues/events").json()
        assert [event["event"] for event in happened] == ["closed", "merged", "renamed", "reopened", "closed"]
        assert happened[1]["commit_id"] == "ab" * 20
        assert happened[2]["rename"] == {"from": "one", "to": "uno"}
        assert happened[4]["issue"]["number"] == issue

    def test_releases_and_tags(self, get: Any, repo: Repo) -> None:
        repo.add_release("v1", created=day(1), name="One")
        repo.add_release("v2/rc", created=day(2), prerelease=True)
        repo.add_release("v3", created=day(3), draft=True)
        assert [release["tag_name"] for release in get("/releases").json()] == ["v2/rc", "v1"]
        assert get("/releases/tags/v2%2Frc").json()["prerelease"] is True
        assert get("/releases/tags/v3").status_code == 404
        repo.drafts_visible = True
        assert get("/releases").json()[0]["published_at"] is None
        repo.publish_release("v3", at=day(5))
        assert get("/releases/tags/v3").json()["published_at"] == "2026-01-06T00:00:00Z"
        repo.delete_release("v1")
        assert [tag["name"] for tag in get("/tags").json()] == ["v3", "v2/rc", "v1"]


class TestChanges:
    def test_every_change_moves_updated_but_a_deleted_comment(self, get: Any, repo: Repo) -> None:
        issue = repo.add_issue(title="one", created=day(0)).number
        said = repo.comment(issue, "ada", day(1), "text")
        repo.close(issue, at=day(2), state_reason="not_planned")
        assert get("/issues/1").json()["state_reason"] == "not_planned"
        repo.reopen(issue, at=day(3))
        repo.edit(issue, at=day(4), body="new", labels=("bug",))
        repo.edit_comment(said, "text, edited", at=day(5))
        assert get("/issues/1").json()["updated_at"] == "2026-01-06T00:00:00Z"
        repo.delete_comment(said)
        after = get("/issues/1").json()
        assert (after["updated_at"], after["comments"], after["state"]) == ("2026-01-06T00:00:00Z", 0, "open")

    def test_a_pull_request_is_reviewed_and_merged(self, get: Any, repo: Repo) -> None:
        pull = repo.add_pull(title="one", created=day(0)).number
        tried = get(f"/pulls/{pull}").json()["merge_commit_sha"]
        repo.review(pull, None, day(1), "APPROVED")
        repo.merge(pull, at=day(2), sha="cd" * 20)
        merged = get(f"/pulls/{pull}").json()
        assert (merged["merged"], merged["state"], merged["merged_at"]) == (True, "closed", "2026-01-03T00:00:00Z")
        assert (merged["merge_commit_sha"], len(tried)) == ("cd" * 20, 40)
        assert get("/issues?state=all").json()[0]["pull_request"]["merged_at"] == "2026-01-03T00:00:00Z"
        assert get(f"/pulls/{pull}/reviews").json()[0]["state"] == "APPROVED"

    def test_a_deleted_thread_is_gone(self, get: Any, repo: Repo) -> None:
        number = repo.add_issue(title="one", created=day(0), closed=day(1)).number
        repo.delete(number)
        assert get(f"/issues/{number}").status_code == 410
        assert (get("/issues?state=all").json(), get("/issues/events").json()) == ([], [])
        assert repo.add_issue(title="two", created=day(0)).number == 2
        with pytest.raises(UnknownError):
            repo.add_issue(title="three", created=day(0), number=number)

    def test_raw_fields_are_sent_as_they_are(self, get: Any, repo: Repo) -> None:
        repo.add_issue(title="one", created=day(0), raw={"user": [], "labels": "none", "number": "x"})
        assert get("/issues").json()[0] | {"user": [], "labels": "none", "number": "x"} == get("/issues").json()[0]


class TestRepositories:
    def test_a_renamed_one_answers_by_number(self, get: Any, repo: Repo, server: GitHubServer) -> None:
        repo.add_issue(title="one", created=day(0))
        repo.rename("acme/new")
        moved = get("/issues?state=all")
        assert moved.status_code == 301
        assert moved.headers["Location"] == f"{server.url}/repositories/{repo.id}/issues?state=all"
        assert moved.json()["message"] == "Moved Permanently"
        assert numbers(get("/issues?state=all", where=f"/repositories/{repo.id}")) == [1]
        assert get(where="/repos/ACME/New").json()["full_name"] == "acme/new"

    def test_private_and_deleted_ones_are_not_found(self, get: Any, repo: Repo, server: GitHubServer) -> None:
        repo.make_private("another")
        assert get("/issues").json()["message"] == "Not Found"
        assert get("/issues", Authorization="Bearer another").status_code == 200
        server.add_repo("acme/deleted")
        server.remove_repo("acme/deleted")
        assert get(where="/repos/acme/deleted").status_code == 404

    def test_issues_disabled_and_repository_blocked(self, get: Any, repo: Repo) -> None:
        repo.add_pull(title="one", created=day(0))
        repo.disable_issues()
        assert (get("/issues").status_code, get("/pulls").status_code) == (410, 200)
        assert get().json()["has_issues"] is False
        repo.block("dmca")
        assert get("/pulls").status_code == 451
        assert get("/pulls").json()["block"]["reason"] == "dmca"

    def test_an_enterprise_server_answers_below_its_prefix(self, server: GitHubServer, repo: Repo, get: Any) -> None:
        repo.add_issue(title="one", created=day(0))
        found = get("/issues?per_page=1&state=all", where="/api/v3/repos/acme/kernels").json()[0]
        assert found["url"].startswith(f"{server.enterprise_url}/repos/")
        assert found["html_url"] == f"{server.url}/acme/kernels/issues/1"

    @pytest.mark.parametrize("where", ["/", "/repos/acme", "/repositories/7/issues", "/graphql", "/repos/acme/kernels/nothing"])
    def test_nothing_else_is_there(self, get: Any, repo: Repo, where: str) -> None:
        assert get(where=where).status_code == 404


class TestLimits:
    def test_conditional_requests(self, get: Any, repo: Repo) -> None:
        repo.add_issue(title="one", created=day(0))
        first = get("/issues")
        assert first.headers["ETag"].startswith('W/"')
        same = get("/issues", If_None_Match=first.headers["ETag"])
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"] == "1"
        repo.edit(1, at=day(1), title="uno")
        changed = get("/issues", If_None_Match=first.headers["ETag"])
        assert (changed.status_code, changed.headers["x-ratelimit-remaining"]) == (200, "4998")
        assert get("/issues/1", If_Modified_Since="Fri, 02 Jan 2026 00:00:00 GMT").status_code == 304

    def test_without_a_token_even_unchanged_answers_count(self, server: GitHubServer, repo: Repo) -> None:
        url = f"{server.url}/repos/acme/kernels/issues"
        tag = requests.get(url, timeout=5).headers["ETag"]
        same = requests.get(url, headers={"If-None-Match": tag}, timeout=5)
        assert (same.status_code, same.headers["x-ratelimit-used"], same.headers["x-ratelimit-limit"]) == (304, "2", "60")

    def test_the_primary_limit(self, repo: Repo, server: GitHubServer, get: Any) -> None:
        server.token_limit = 2
        assert [get("/issues").status_code for _ in range(3)] == [200, 200, 403]
        refused = get("/issues")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert 3500 <= int(refused.headers["x-ratelimit-reset"]) - time.time() <= 3601
        assert refused.json()["message"].startswith("API rate limit exceeded for user ID 1")
        assert get(where="/rate_limit").json()["resources"]["core"]["remaining"] == 0
        server.next_hour()
        assert get("/issues").status_code == 200

    def test_tokens(self, repo: Repo, server: GitHubServer, get: Any) -> None:
        server.require_token("right")
        assert get("/issues").json()["message"] == "Bad credentials"
        assert get("/issues", Authorization="Bearer right").status_code == 200
        without = requests.get(f"{server.url}/repos/acme/kernels/issues", timeout=5)
        assert (without.status_code, without.json()["message"]) == (401, "Requires authentication")

    def test_requests_are_logged(self, repo: Repo, server: GitHubServer, get: Any) -> None:
        get("/issues?page=2&state=all", X_Test="yes")
        (request,) = server.requests
        assert (request.method, request.path, request.status) == ("GET", "/repos/acme/kernels/issues", 200)
        assert (request.query, request.headers["x-test"]) == ({"page": "2", "state": "all"}, "yes")
        server.clear()
        assert server.requests == []


def broken(server: GitHubServer, fault: faults.Fault, *, timeout: float = 5) -> requests.Response:
    """The reply to a request that meets a fault; the one after it is well."""
    server.fail("/issues", fault)
    url = f"{server.url}/repos/acme/kernels/issues"
    try:
        return requests.get(url, timeout=(5, timeout))
    finally:
        server.heal()
        assert requests.get(url, timeout=5).status_code == 200


class TestFaults:
    @pytest.fixture(autouse=True)
    def _one_page(self, repo: Repo) -> None:
        for number in range(30):
            repo.add_issue(title=f"issue {number}", body="text " * 100, created=day(number))

    def test_turn_and_times(self, server: GitHubServer, get: Any) -> None:
        server.fail(r"/issues\?page=\d", faults.status(502, html=True), after=1, times=2)
        seen = [get("/issues?page=1").status_code for _ in range(4)]
        assert (seen, get("/pulls").status_code) == ([200, 502, 502, 200], 200)
        assert [request.status for request in server.requests] == [200, 502, 502, 200, 200]
        server.fail("/pulls", faults.status(500), times=None)
        assert [get("/pulls").status_code for _ in range(3)] == [500, 500, 500]

    def test_pages_for_people(self, server: GitHubServer) -> None:
        page = broken(server, faults.html)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "ETag" not in page.headers
        failed = broken(server, faults.status(503, html=True, headers={"Retry-After": "3"}))
        assert (failed.status_code, failed.headers["Retry-After"], failed.text[:9]) == (503, "3", "<!DOCTYPE")
        assert broken(server, faults.status(500)).json()["message"] == "Server Error"

    def test_broken_deliveries(self, server: GitHubServer) -> None:
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            broken(server, faults.truncated)
        with pytest.raises(requests.exceptions.ContentDecodingError):
            broken(server, faults.broken_gzip)
        with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
            broken(server, faults.reset)
        with pytest.raises(requests.exceptions.ReadTimeout):
            broken(server, faults.hang(30), timeout=0.05)
        with pytest.raises(requests.exceptions.JSONDecodeError):
            broken(server, faults.half_json).json()
        assert broken(server, faults.empty).content == b""
        assert broken(server, faults.body(b"\xff\xfe[")).content == b"\xff\xfe["

    def test_a_slow_drip_comes_whole(self, server: GitHubServer) -> None:
        started = time.monotonic()
        assert len(broken(server, faults.drip(500, 0.01)).json()) == 30
        assert time.monotonic() - started > 0.05

    def test_wrong_shapes(self, server: GitHubServer) -> None:
        assert broken(server, faults.shape({"message": "?"})).json() == {"message": "?"}
        assert broken(server, faults.changed(faults.null_item)).json()[15] is None
        assert "user" not in broken(server, faults.changed(faults.without("user", at=2))).json()[2]
        item = broken(server, faults.changed(faults.with_fields(number=None, labels="x"))).json()[0]
        assert (item["number"], item["labels"]) == (None, "x")

    def test_redirects(self, server: GitHubServer) -> None:
        found = broken(server, faults.redirect("/repos/acme/kernels/issues?state=closed", 307))
        assert (found.json(), [reply.status_code for reply in found.history]) == ([], [307])
        server.fail("/pulls", faults.redirect_loop, times=None)
        with pytest.raises(requests.exceptions.TooManyRedirects):
            requests.get(f"{server.url}/repos/acme/kernels/pulls", timeout=5)

    def test_limits(self, server: GitHubServer) -> None:
        used_up = broken(server, faults.primary_limit(90))
        assert (used_up.status_code, used_up.headers["x-ratelimit-remaining"]) == (403, "0")
        assert 89 <= int(used_up.headers["x-ratelimit-reset"]) - time.time() <= 91
        slow = broken(server, faults.secondary_limit(429, retry_after=2))
        assert (slow.status_code, slow.headers["Retry-After"]) == (429, "2")
        untold = broken(server, faults.secondary_limit())
        assert (untold.status_code, "Retry-After" in untold.headers) == (403, False)
        assert "secondary rate limit" in untold.json()["message"]
        assert untold.headers["x-ratelimit-remaining"] != "0"


class TestTexts:
    def test_hostile_ones_arrive_as_they_are(self, repo: Repo, get: Any) -> None:
        placed = add_hostile(repo)
        reply = get("/issues?per_page=100&state=all")
        found = {issue["number"]: issue for issue in reply.json()}
        assert {name: found[number]["body"] for name, number in placed.items() if name in HOSTILE_TEXTS} == HOSTILE_TEXTS
        assert b"\\ud83d" in reply.content
        assert (found[placed["nobody"]]["user"], found[placed["nobody"]]["body"]) == (None, None)
        assert len(found[placed["10,000 labels"]]["labels"]) == 10_000

    def test_a_generated_repository_is_the_same_every_time(self, server: GitHubServer, repo: Repo, get: Any) -> None:
        populate(repo, issues=120, pulls=90, releases=7, seed=3)
        threads = list(repo.threads.values())
        assert sum(thread.is_pull for thread in threads) == 90
        assert (len(threads), len(repo.releases)) == (210, 7)
        assert {thread.state for thread in threads} == {"open", "closed"}
        assert all(BEGIN <= thread.created < thread.updated for thread in threads)
        with GitHubServer() as other:
            twin = other.add_repo("acme/kernels")
            populate(twin, issues=120, pulls=90, releases=7, seed=3)
            theirs = requests.get(f"{other.url}/repos/acme/kernels/issues?state=all&per_page=100", timeout=5).text
        assert theirs.replace(other.url, server.url) == get("/issues?state=all&per_page=100").text


def test_nothing_is_left_running() -> None:
    before = threading.active_count()
    with requests.Session() as session:
        with GitHubServer() as server:
            server.fail("/slow", faults.hang(60))
            with pytest.raises(requests.exceptions.ReadTimeout):
                session.get(f"{server.url}/slow", timeout=(5, 0.05))
            assert session.get(f"{server.url}/kept", timeout=5).status_code == 404
        assert threading.active_count() == before
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(f"{server.url}/kept", timeout=5)
