"""The GitHub client: one page at a time, whatever the server does, and the token for nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest import _github, _github_wire
from ingest._github import ATTEMPTS, Client, LimitError, RequestError
from kb.errors import SourceStoppedError
from kb.protocols import SourceContext
from tests import github_faults as faults
from tests.github_data import Repo
from tests.github_server import GitHubServer

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ISSUES = "/repos/acme/kernels/issues"
TOKEN = "ghp_0123456789abcdefghij"
VARIABLES = ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN")


@dataclass(frozen=True)
class Quick(SourceContext):
    """Notes how long it was to wait, and does not wait."""

    waits: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        super().pause(0)
        if seconds:
            self.waits.append(seconds)


@pytest.fixture(autouse=True)
def _no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer(anonymous_limit=1000) as running:
        yield running


@pytest.fixture
def repo(server: GitHubServer) -> Repo:
    made = server.add_repo("acme/kernels")
    for number in range(120):
        made.add_issue(title=f"Issue {number}", created=DAY + timedelta(minutes=number))
    return made


@pytest.fixture
def context(tmp_path: Path) -> Quick:
    return Quick(tmp_path)


def client(server: GitHubServer, context: SourceContext, patience: float = 60.0) -> Client:
    return Client(server.url, context, source="kernels", patience=patience)


# -- pages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("repo")
def test_pages_follow_one_another(server: GitHubServer, context: Quick) -> None:
    reader = client(server, context)
    first = reader.page(ISSUES, params={"per_page": "100", "sort": "updated"})
    second = reader.page(first.next)
    assert [item["number"] for item in (*first.items, *second.items)] == list(range(120, 0, -1))
    assert second.next == ""
    assert first.next.startswith("/repositories/")  # a path: the host is not the server's to choose
    assert context.meter.reading.requests == len(server.requests) == 2


@pytest.mark.usefixtures("repo")
def test_pages_of_an_enterprise_server(server: GitHubServer, context: Quick) -> None:
    reader = Client(server.enterprise_url, context, source="kernels")
    first = reader.page(ISSUES, params={"per_page": "100"})
    assert len(reader.page(first.next).items) == 20
    assert all(request.path.startswith("/api/v3/") for request in server.requests)
    assert not any(request.path.startswith("/api/v3/api/v3") for request in server.requests)


def test_an_unchanged_page_is_told_from_an_empty_one(server: GitHubServer, repo: Repo, context: Quick) -> None:
    reader = client(server, context)
    page = reader.page(ISSUES)
    assert page.etag
    assert reader.page(ISSUES, etag=page.etag).unchanged
    repo.edit(120, at=DAY + timedelta(days=1), title="Still broken")
    changed = reader.page(ISSUES, etag=page.etag)
    assert not changed.unchanged
    assert changed.items
    assert not server.add_repo("acme/empty").threads
    empty = reader.page("/repos/acme/empty/issues")
    assert (empty.items, empty.unchanged) == ((), False)


@pytest.mark.usefixtures("repo")
def test_what_is_no_object_is_left_out_and_told(server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, faults.changed(faults.null_item))
    page = client(server, context).page(ISSUES)
    assert (len(page.items), page.left_out) == (30, 1)
    assert context.meter.reading.notes == (f"{ISSUES}: 1 entries are no objects and were left out",)


@pytest.mark.usefixtures("repo")
def test_a_page_without_any_object_is_a_failure(server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, lambda request, reply: faults.Reply(200, {"Content-Type": "application/json"}, b'[1, "two", null]'))
    with pytest.raises(RequestError, match="none of its 3 entries is an object"):
        client(server, context).page(ISSUES)


def test_one_item(server: GitHubServer, repo: Repo, context: Quick) -> None:
    reader = client(server, context)
    found = reader.item(f"{ISSUES}/7")
    assert found is not None
    assert found["number"] == 7
    repo.delete(7)
    assert reader.item(f"{ISSUES}/7") is None
    server.fail(f"{ISSUES}/8", faults.redirect("/repos/acme/kernels/issues/9", 301))
    assert reader.item(f"{ISSUES}/8") is None, "another number: it was moved to another repository"
    server.fail(f"{ISSUES}/8", faults.shape([]))
    with pytest.raises(RequestError, match="came where an object was due"):
        reader.item(f"{ISSUES}/8")
    server.fail(f"{ISSUES}/8", faults.status(403, message="Forbidden"))
    with pytest.raises(RequestError, match="access is refused"):
        reader.item(f"{ISSUES}/8")


@pytest.mark.parametrize("code", [301, 302, 307, 308])
@pytest.mark.usefixtures("repo")
def test_a_redirect_keeps_the_query(code: int, server: GitHubServer, context: Quick) -> None:
    server.fail("kernels/issues", faults.redirect("/repositories/1001/issues", code))
    assert len(client(server, context).page(ISSUES, params={"per_page": "7"}).items) == 7
    assert [request.query for request in server.requests] == [{"per_page": "7"}] * 2


def test_a_renamed_repository_is_followed_and_told(server: GitHubServer, repo: Repo, context: Quick) -> None:
    repo.rename("acme/engines")
    page = client(server, context).page(ISSUES, params={"state": "all"})
    assert len(page.items) == 30
    assert context.meter.reading.notes == ("acme/kernels is now acme/engines: change repo in kb.toml",)
    assert context.meter.reading.requests == 2


# -- what may pass, and what does not -------------------------------------------------------------------------------------

PASSING = {
    "502": (faults.status(502, html=True), "the server failed (502)"),
    "503": (faults.status(503), "the server failed (503)"),
    "202": (faults.status(202), "the server failed (202)"),
    "reset": (faults.reset, "the connection broke"),
    "truncated": (faults.truncated, "the answer broke off"),
    "half": (faults.half_json, "is not JSON"),
    "empty": (faults.empty, "the answer is empty"),
    "gzip": (faults.broken_gzip, "cannot be decompressed"),
    "deep": (faults.body(b"[" * 100_000), "is not JSON"),
}
LASTING = {
    "html": (faults.html, "a page of HTML came where JSON was due"),
    "object": (faults.shape({"message": "hello"}), "an object came where a list was due"),
    "null": (faults.shape(None), "null came where a list was due"),
    "number": (faults.shape(7), "a number came where a list was due"),
    "401": (faults.status(401, message="Bad credentials"), "a token is needed (401) Bad credentials"),
    "403": (faults.status(403, message="Resource not accessible"), "access is refused (403) Resource not accessible"),
    "404": (faults.status(404, message="Not Found"), "not found: deleted, private, or misspelt (404)"),
    "410": (faults.status(410, message="Issues are disabled"), "switched off in this repository (410) Issues are disabled"),
    "451": (faults.status(451), "blocked for legal reasons (451)"),
    "422": (faults.status(422, message="Validation Failed"), "unexpected answer (422) Validation Failed"),
    "304": (faults.status(304), "unexpected answer (304)"),
    "escapes": (faults.status(404, message="\x1b[31mred\nline"), "(404) red line"),
}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.usefixtures("repo")
def test_what_passes_is_tried_again(name: str, server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, PASSING[name][0], times=2)
    assert len(client(server, context).page(ISSUES).items) == 30
    assert context.waits == [1.0, 2.0]
    assert context.meter.reading.requests == len(server.requests) == 3


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.usefixtures("repo")
def test_what_does_not_pass_is_given_up(
    name: str, server: GitHubServer, context: Quick, capfd: pytest.CaptureFixture[str]
) -> None:
    server.fail(ISSUES, PASSING[name][0], times=None)
    with pytest.raises(RequestError) as raised:
        client(server, context).page(ISSUES)
    assert raised.value.message.startswith(f"kernels: {ISSUES}: ")
    assert PASSING[name][1] in raised.value.message
    assert raised.value.remedy
    assert context.waits == [1.0, 2.0, 4.0, 8.0]
    assert context.meter.reading.requests == len(server.requests) == ATTEMPTS
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", LASTING)
@pytest.mark.usefixtures("repo")
def test_what_will_not_pass_is_not_tried_again(name: str, server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, LASTING[name][0], times=None)
    with pytest.raises(RequestError) as raised:
        client(server, context).page(ISSUES)
    assert LASTING[name][1] in raised.value.message
    assert raised.value.remedy
    assert "\n" not in raised.value.message
    assert len(server.requests) == 1


@pytest.mark.usefixtures("repo")
def test_a_server_that_is_not_there(server: GitHubServer, context: Quick) -> None:
    reader = Client("http://127.0.0.1:9", context, source="kernels")
    with pytest.raises(RequestError, match="the server cannot be reached"):
        reader.page(ISSUES)
    assert context.meter.reading.requests == ATTEMPTS


@pytest.mark.usefixtures("repo")
def test_silence_ends_by_itself(server: GitHubServer, context: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_github, "TIMEOUT", 0.05)
    server.fail(ISSUES, faults.hang(1), times=None)
    with pytest.raises(RequestError, match=r"no answer within 0\.05 seconds"):
        client(server, context).page(ISSUES)


@pytest.mark.usefixtures("repo")
def test_an_answer_that_trickles_ends_too(server: GitHubServer, context: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_github_wire, "MOST_SECONDS", 0.05)
    server.fail(ISSUES, faults.drip(100, 0.02), times=1)
    with pytest.raises(RequestError, match="not complete after"):
        client(server, context).page(ISSUES)
    assert context.meter.reading.requests == 1  # minutes were spent on it: asking again would cost as many


@pytest.mark.usefixtures("repo")
def test_an_answer_without_end_is_not_read(server: GitHubServer, context: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_github_wire, "MOST_BYTES", 10_000)
    with pytest.raises(RequestError, match=r"too big: more than 10,000 bytes"):
        client(server, context).page(ISSUES)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("repo")
def test_redirects_end(server: GitHubServer, context: Quick) -> None:
    server.fail("issues", faults.redirect("/api/v3evil"))
    with pytest.raises(RequestError, match="is not of this API"):
        Client(server.enterprise_url, context, source="kernels").page(ISSUES)
    server.clear()
    server.fail("issues", faults.redirect_loop, times=None)
    with pytest.raises(RequestError, match="redirected more than 3 times"):
        client(server, context).page(ISSUES)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/api/v3{path}", "followed by itself"), ("/api/v3evil", "followed by a page that is none"), ("", "none of")],
)
@pytest.mark.usefixtures("repo")
def test_a_next_page_that_cannot_be(path: str, problem: str, server: GitHubServer, context: Quick) -> None:
    def fault(request: faults.Request, reply: faults.Reply) -> faults.Reply:
        link = f'<{server.url}{path.format(path=ISSUES)}>; rel="next"'
        return faults.Reply(200, {**reply.headers, "Link": link}, reply.body)

    server.fail(ISSUES, fault)
    with pytest.raises(RequestError, match=problem):
        Client(server.enterprise_url, context, source="kernels").page(ISSUES)


# -- limits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [403, 429])
@pytest.mark.usefixtures("repo")
def test_the_hours_limit_is_waited_for_where_it_ends_soon(code: int, server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, faults.primary_limit(30, code=code))
    assert client(server, context).page(ISSUES).items
    assert len(context.waits) == 1
    assert 29 < context.waits[0] <= 33


@pytest.mark.parametrize("code", [403, 429])
@pytest.mark.usefixtures("repo")
def test_the_hours_limit_is_told_where_it_ends_late(code: int, server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, faults.primary_limit(1800, code=code), times=None)
    with pytest.raises(RequestError) as raised:
        client(server, context).page(ISSUES)
    assert not isinstance(raised.value, LimitError)
    assert "limit of 1,000 requests an hour without a token is used up until 20" in raised.value.message
    assert raised.value.message.endswith(" UTC")
    assert "set GITHUB_TOKEN" in raised.value.remedy
    assert (context.waits, len(server.requests)) == ([], 1)
    assert context.meter.reading.remaining == 0
    assert context.meter.reading.reset is not None


@pytest.mark.usefixtures("repo")
def test_a_limit_that_is_known_is_a_place_to_stop_and_not_asked_for(tmp_path: Path) -> None:
    with GitHubServer(anonymous_limit=2) as server:
        server.add_repo("acme/kernels").add_issue(title="One", created=DAY)
        reader = client(server, Quick(tmp_path))
        reader.page(ISSUES)
        reader.page(ISSUES)
        with pytest.raises(LimitError) as raised:
            reader.page(ISSUES)
        assert raised.value.line.startswith("GitHub's limit of 2 requests an hour without a token is used up until ")
        assert len(server.requests) == 2


def test_a_limit_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    context = Quick(tmp_path)
    with GitHubServer(anonymous_limit=1, window=1.0) as server:
        server.add_repo("acme/kernels").add_issue(title="One", created=DAY)
        reader = client(server, context, patience=5)
        reader.page(ISSUES)
        with pytest.raises(RequestError):  # the test does not really wait, so the server refuses
            reader.page(ISSUES)
        assert 0 < context.waits[0] <= 3


def test_the_clock_of_this_machine_does_not_matter(server: GitHubServer, repo: Repo, tmp_path: Path) -> None:
    context = Quick(tmp_path, now=datetime(2001, 1, 1, tzinfo=UTC))
    server.fail(ISSUES, faults.primary_limit(30))
    assert client(server, context).page(ISSUES).items
    assert 29 < context.waits[0] <= 33


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (faults.secondary_limit(), [60.0]),
        (faults.secondary_limit(429), [60.0]),
        (faults.secondary_limit(retry_after=7), [7.0]),
        (faults.secondary_limit(429, retry_after=7), [7.0]),
        (faults.status(503, headers={"Retry-After": "11"}), [11.0]),
        (faults.status(429, message="slow down", headers={"Retry-After": "soon"}), [60.0]),
    ],
)
@pytest.mark.usefixtures("repo")
def test_a_server_that_asks_to_wait_is_heard(
    fault: faults.Fault, waits: list[float], server: GitHubServer, context: Quick
) -> None:
    server.fail(ISSUES, fault)
    assert client(server, context).page(ISSUES).items
    assert context.waits == waits


@pytest.mark.parametrize(
    "fault",
    [
        faults.secondary_limit(retry_after=4000),
        faults.secondary_limit(429, retry_after=4000),
        faults.status(503, headers={"Retry-After": "4000"}),
        faults.status(503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
    ],
)
@pytest.mark.usefixtures("repo")
def test_a_long_wait_is_not_waited(fault: faults.Fault, server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, fault, times=None)
    with pytest.raises(RequestError) as raised:
        client(server, context).page(ISSUES)
    assert "what is stored stays" in raised.value.remedy
    assert (context.waits, len(server.requests)) == ([], 1)


@pytest.mark.parametrize(("asked", "most"), [(4000, timedelta(seconds=4000)), (10**14, timedelta(days=366))])
@pytest.mark.usefixtures("repo")
def test_the_end_of_a_limit_in_quick_succession_is_known(
    asked: int, most: timedelta, server: GitHubServer, context: Quick
) -> None:
    server.fail(ISSUES, faults.secondary_limit(retry_after=asked), times=None)
    before = datetime.now(UTC)
    with pytest.raises(RequestError):
        client(server, context).page(ISSUES)
    reset = context.meter.reading.reset
    assert reset is not None
    assert before + most <= reset <= datetime.now(UTC) + most


@pytest.mark.usefixtures("repo")
def test_the_limit_of_the_hour_is_called_so_without_headers(server: GitHubServer, context: Quick) -> None:
    body = b'{"message": "API rate limit exceeded for 192.0.2.1."}'
    server.fail(ISSUES, lambda request, reply: faults.Reply(403, {"Content-Type": "application/json"}, body), times=None)
    with pytest.raises(RequestError, match="requests an hour without a token is used up"):
        client(server, context).page(ISSUES)
    assert context.waits == [60.0]


@pytest.mark.usefixtures("repo")
def test_a_limit_that_is_told_again_and_again_has_an_end(server: GitHubServer, context: Quick) -> None:
    server.fail(ISSUES, faults.secondary_limit(retry_after=25), times=None)
    with pytest.raises(RequestError, match="quick succession"):
        client(server, context).page(ISSUES)
    assert context.waits == [25.0, 25.0]


@pytest.mark.parametrize("value", ["many", "1e400", "-1", "9" * 30, ""])
@pytest.mark.usefixtures("repo")
def test_limits_that_are_no_numbers_are_not_heard(value: str, server: GitHubServer, context: Quick) -> None:
    def fault(request: faults.Request, reply: faults.Reply) -> faults.Reply:
        told = dict.fromkeys(("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"), value)
        return faults.Reply(200, {**reply.headers, **told}, reply.body)

    server.fail(ISSUES, fault)
    assert client(server, context).page(ISSUES).items
    assert context.meter.reading.reset is None


@pytest.mark.usefixtures("repo")
def test_a_person_can_stop_while_it_waits(server: GitHubServer, tmp_path: Path) -> None:
    context = SourceContext(tmp_path)
    server.fail(ISSUES, faults.secondary_limit(retry_after=50), times=None)
    timer = threading.Timer(0.2, context.stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(SourceStoppedError):
        client(server, context).page(ISSUES)
    assert time.monotonic() - started < 10
    timer.join()


@pytest.mark.usefixtures("repo")
def test_a_person_can_stop_while_an_answer_trickles_in(server: GitHubServer, tmp_path: Path) -> None:
    context = SourceContext(tmp_path)
    server.fail(ISSUES, faults.drip(10, 0.05), times=None)
    timer = threading.Timer(0.2, context.stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(SourceStoppedError):
        client(server, context).page(ISSUES)
    assert time.monotonic() - started < 10
    timer.join()
