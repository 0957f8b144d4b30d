"""Releases from a local GitHub: what a record holds, what a listing costs, and how each fault ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest import _github
from ingest.github_releases import Source
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.types import Batch, Event
from tests import github_faults as faults
from tests.github_data import Repo
from tests.github_server import GitHubServer
from tests.gitrepo import NOW, Store, day

TOKEN = "ghp_" + "s" * 36


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_github, "BACKOFF", 0.001)
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


@pytest.fixture
def repo(server: GitHubServer) -> Repo:
    return server.add_repo("acme/widget")


@pytest.fixture
def source(server: GitHubServer, tmp_path: Path) -> Callable[..., Source]:
    def make(*, now: datetime = NOW, **keys: str) -> Source:
        return Source(**{"repo": "acme/widget", "base_url": server.url, **keys}, context=SourceContext(tmp_path, now=now))

    return make


def fill(repo: Repo, count: int) -> None:
    for number in range(count):
        repo.add_release(f"v0.{number}", created=day(number / 10), body=f"notes {number}")


def refs(store: Store) -> set[str]:
    return {record.ref for id, record in store.records.items() if id not in store.gone}


def test_what_a_record_holds(source: Callable[..., Source], repo: Repo) -> None:
    repo.add_release(
        "v0.6.3", name="  Widget\n0.6.3 ", body="# New\r\n- faster", created=day(1), published=day(2), target="release-v0.6"
    )
    repo.add_release("v0.7.0rc1", created=day(3), prerelease=True, user=None)
    repo.add_release("v0.7.0", created=day(4), draft=True)
    repo.drafts_visible = True
    store = Store.empty()
    (batch,) = store.sync(source())
    early, final = batch.records
    assert (final.id, final.kind, final.repo, final.ref) == ("release:acme/widget@v0.6.3", "release", "acme/widget", "v0.6.3")
    assert (final.title, final.body, final.author) == ("Widget 0.6.3", "# New\n- faster", "ada")
    assert (final.state, final.marks, final.meta) == ("released", (), (("target", "release-v0.6"),))
    assert final.events == (Event("released", day(2)),)
    assert final.url.endswith("/acme/widget/releases/tag/v0.6.3")
    assert (early.ref, early.title, early.author, early.state, early.marks) == (
        "v0.7.0rc1", "v0.7.0rc1", "", "prerelease", ("prerelease",),
    )  # fmt: skip
    assert batch.expected == 2
    assert batch.snapshot is not None
    assert batch.snapshot.ids == {final.id, early.id}


def test_names_links_and_lanes(tmp_path: Path) -> None:
    context = SourceContext(tmp_path)
    public = Source(repo="https://github.com/acme/widget", context=context)
    own = Source(repo="acme/widget", base_url="https://git.example.org/api/v3", context=context)
    assert (public.repo, public.name, public.kinds) == ("acme/widget", "widget-releases", ("release",))
    assert (public.lane, own.lane) == ("github:github.com", "github:git.example.org")


def test_an_enterprise_server(source: Callable[..., Source], repo: Repo, server: GitHubServer) -> None:
    repo.add_release("v1/2 3", created=day(1))
    (batch,) = source(base_url=server.enterprise_url).pull(None)
    assert batch.records[0].url == f"{server.url}/acme/widget/releases/tag/v1/2%203"


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (60, 1), (100, 1), (101, 2), (250, 3)])
def test_a_listing_costs_a_request_for_every_hundred_and_an_unchanged_one_costs_one(
    source: Callable[..., Source], repo: Repo, server: GitHubServer, count: int, requests: int
) -> None:
    fill(repo, count)
    store = Store.empty()
    first = source()
    batches = store.sync(first)
    assert (len(store.records), len(batches)) == (count, requests)
    assert len(server.requests) == first.context.meter.reading.requests == requests
    server.clear()
    assert store.sync(source()) == []
    assert [request.status for request in server.requests] == [304]


def test_new_edited_deleted_and_published(source: Callable[..., Source], repo: Repo) -> None:
    fill(repo, 3)
    repo.add_release("v0.9", created=day(9), draft=True)
    store = Store.empty()
    store.sync(source())
    repo.edit_release("v0.1", at=day(10), body="better notes")
    repo.delete_release("v0.2")
    repo.publish_release("v0.9", at=day(10))
    repo.add_release("v0.10", created=day(11))
    store.sync(source())
    assert refs(store) == {"v0.0", "v0.1", "v0.9", "v0.10"}
    assert store.gone == {"release:acme/widget@v0.2"}
    assert store.records["release:acme/widget@v0.1"].body == "better notes"


def test_what_was_edited_far_back_is_seen_within_a_week(
    source: Callable[..., Source], repo: Repo, server: GitHubServer
) -> None:
    fill(repo, 150)
    store = Store.empty()
    store.sync(source())
    repo.edit_release("v0.1", at=day(60), body="better notes")
    assert store.sync(source(now=NOW + timedelta(days=6))) == []
    assert len(store.sync(source(now=NOW + timedelta(days=8)))) == 2
    assert store.records["release:acme/widget@v0.1"].body == "better notes"
    server.clear()
    assert store.sync(source(now=NOW + timedelta(days=9))) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("pages", [1, 2])
def test_a_listing_that_was_broken_off_goes_on(
    source: Callable[..., Source], repo: Repo, server: GitHubServer, pages: int
) -> None:
    fill(repo, 250)
    store = Store.empty()
    pulled = source().pull(None)
    for _ in range(pages):
        store.apply(next(pulled))
    pulled.close()  # type: ignore[attr-defined]
    server.clear()
    assert len(store.sync(source())) == len(server.requests) == 3 - pages
    assert len(refs(store)) == 250
    repo.delete_release("v0.7")
    # Between the two runs a release may have moved from one page to another: only a whole listing tells what is gone.
    assert store.sync(source())[-1].snapshot is not None
    assert store.gone == {"release:acme/widget@v0.7"}
    assert store.sync(source()) == []


def test_a_listing_that_was_broken_off_long_ago_begins_anew(
    source: Callable[..., Source], repo: Repo, server: GitHubServer
) -> None:
    fill(repo, 150)
    store = Store.empty()
    store.apply(next(iter(source().pull(None))))
    server.clear()
    store.sync(source(now=NOW + timedelta(days=2)))
    assert len(server.requests) == 2
    assert len(refs(store)) == 150


def test_since(source: Callable[..., Source], repo: Repo) -> None:
    fill(repo, 30)
    store = Store.empty()
    first = source(since=day(2).date().isoformat())
    store.sync(first)
    assert len(refs(store)) == 15
    assert first.begins(store.cursor) == datetime(2026, 1, 3, tzinfo=UTC)
    assert store.sync(first) == []
    store.sync(source(since=day(1).date().isoformat()))
    assert len(refs(store)) == 25
    store.sync(source(since="all"))
    assert (len(refs(store)), source().begins(store.cursor)) == (30, None)
    assert store.sync(source(since="10 days")) == []
    assert len(refs(store)) == 30


def test_another_repository_or_no_cursor_is_read_from_its_beginning(
    source: Callable[..., Source], server: GitHubServer
) -> None:
    fill(server.add_repo("acme/widget"), 2)
    fill(server.add_repo("acme/gadget"), 3)
    (batch,) = source().pull(None)
    (other,) = source(repo="acme/gadget").pull(batch.cursor)
    assert len(other.records) == 3
    values = json.loads(batch.cursor)
    for text in ("", "{", "[]", "7", '{"v": 1}', json.dumps({**values, "v": 0}), json.dumps({**values, "started": "x"})):
        (again,) = source().pull(text)
        assert again.records == batch.records


class TestItems:
    def one(self, source: Source) -> Batch:
        (batch,) = source.pull(None)
        return batch

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": None, "body": None, "author": None, "target_commitish": None},
            {"name": 7, "body": ["x"], "author": "ada", "target_commitish": {}, "prerelease": None},
            {"name": "\x1b[31m\u202eevil", "body": "<script>\x00\ud800" + "x" * 60_000, "author": {"login": 3}},
            {"draft": None, "html_url": "javascript:alert(1)", "published_at": "yesterday"},
        ],
    )
    def test_a_wrong_field_loses_no_release(self, source: Callable[..., Source], repo: Repo, fields: dict[str, Any]) -> None:
        fill(repo, 2)
        repo.add_release("v1", created=day(5), raw=fields)
        batch = self.one(source())
        assert [record.ref for record in batch.records] == ["v1", "v0.1", "v0.0"]
        assert batch.records[0].at == day(5)
        assert batch.records[0].url.startswith("http")
        assert batch.snapshot is not None

    @pytest.mark.parametrize("fields", [{"tag_name": None}, {"tag_name": ""}, {"tag_name": 3}, {"tag_name": "x" * 5000}])
    def test_what_has_no_tag_loses_only_itself_and_then_nothing_is_gone(
        self, source: Callable[..., Source], repo: Repo, fields: dict[str, Any]
    ) -> None:
        fill(repo, 3)
        store = Store.empty()
        store.sync(source())
        repo.add_release("v1", created=day(5), raw=fields)
        broken = source()
        (batch,) = store.sync(broken)
        assert [record.ref for record in batch.records] == ["v0.2", "v0.1", "v0.0"]
        assert batch.snapshot is None
        assert broken.context.meter.reading.notes == ("releases without a tag or a date were left out: 1",)

    def test_what_has_no_date_is_left_out_but_not_gone(self, source: Callable[..., Source], repo: Repo) -> None:
        fill(repo, 2)
        store = Store.empty()
        store.sync(source())
        repo.releases["v0.1"].raw = {"published_at": None, "created_at": "0001-01-01T00:00:00+23:00"}
        (batch,) = store.sync(source())
        assert [record.ref for record in batch.records] == ["v0.0"]
        assert refs(store) == {"v0.0", "v0.1"}

    def test_an_entry_that_is_null(self, source: Callable[..., Source], repo: Repo, server: GitHubServer) -> None:
        fill(repo, 2)
        server.fail("/releases", faults.changed(faults.null_item))
        batch = self.one(source())
        assert len(batch.records) == 2
        assert batch.snapshot is None

    def test_notes_without_end_are_cut(self, source: Callable[..., Source], repo: Repo) -> None:
        repo.add_release("v1", created=day(1), body="x" * 300_000)
        (record,) = self.one(source()).records
        assert (len(record.body), record.marks) == (200_000, ("truncated",))


LASTING: dict[str, tuple[faults.Fault, str]] = {
    "5xx": (faults.status(502, html=True), "502"),
    "html": (faults.html, "HTML"),
    "empty": (faults.empty, "empty"),
    "not json": (faults.half_json, "not JSON"),
    "cut off": (faults.truncated, "broke off"),
    "reset": (faults.reset, "broke"),
    "an object": (faults.shape({"message": "hm"}), "an object came where a list was due"),
    "null": (faults.shape(None), "null came where a list was due"),
    "404": (faults.status(404, message="Not Found"), "deleted, private, or misspelt"),
    "401": (faults.status(401, message="Bad credentials"), "401"),
    "loop": (faults.redirect_loop, "redirected"),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_fails_for_good_is_a_failure_and_never_quiet(
    source: Callable[..., Source], repo: Repo, server: GitHubServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    fill(repo, 3)
    store = Store.empty()
    store.sync(source())
    before = (refs(store), store.cursor)
    fault, said = LASTING[name]
    server.fail("/releases", fault, times=None)
    repo.add_release("v9", created=day(9))
    failing = source()
    with pytest.raises(SourceError) as caught:
        store.sync(failing)
    assert caught.value.message.startswith("widget-releases: ")
    assert said in caught.value.message
    assert TOKEN not in f"{caught.value}{failing.context.meter.reading}{store.cursor}"
    assert (refs(store), store.cursor) == before
    server.heal()
    store.sync(source())
    assert "v9" in refs(store)


@pytest.mark.parametrize("fault", [faults.status(503), faults.truncated, faults.half_json, faults.reset, faults.broken_gzip])
def test_what_passes_is_tried_again(
    source: Callable[..., Source], repo: Repo, server: GitHubServer, fault: faults.Fault
) -> None:
    fill(repo, 150)
    server.fail("/releases", fault, times=1, after=1)
    store = Store.empty()
    told = source()
    store.sync(told)
    assert len(refs(store)) == 150
    assert told.context.meter.reading.requests == len(server.requests) == 3


def test_a_page_that_fails_keeps_the_ones_before(source: Callable[..., Source], repo: Repo, server: GitHubServer) -> None:
    fill(repo, 250)
    store = Store.empty()
    server.fail("page=3", faults.status(500), times=None)
    pulled = source().pull(None)
    store.apply(next(pulled))
    store.apply(next(pulled))
    with pytest.raises(SourceError):
        next(pulled)
    server.heal()
    server.clear()
    store.sync(source())
    assert (len(refs(store)), len(server.requests)) == (250, 1)


def test_the_limit_leaves_the_rest_for_the_next_run(
    tmp_path: Path, source: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    with GitHubServer(anonymous_limit=2) as server:
        fill(server.add_repo("acme/widget"), 250)
        store = Store.empty()
        *_, last = store.sync(source(base_url=server.url))
        assert (last.records, len(refs(store))) == ((), 200)
        assert last.truncated.startswith("GitHub's limit of 2 requests an hour without a token is used up until ")
        assert last.truncated.endswith("left for the next run: the releases after the first 200")
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        store.sync(source(base_url=server.url))
        assert len(refs(store)) == 250


def test_a_renamed_repository_is_noted(source: Callable[..., Source], repo: Repo) -> None:
    fill(repo, 150)
    repo.former_names.add("acme/old")
    old = source(repo="acme/old")
    store = Store.empty()
    store.sync(old)
    assert (len(refs(store)), {record.repo for record in store.records.values()}) == (150, {"acme/old"})
    assert old.context.meter.reading.notes == ("acme/old is now acme/widget: change repo in kb.toml",)


def test_a_repository_that_was_deleted(source: Callable[..., Source], repo: Repo, server: GitHubServer) -> None:
    fill(repo, 1)
    store = Store.empty()
    store.sync(source())
    server.remove_repo("acme/widget")
    with pytest.raises(SourceError, match="not found: deleted, private, or misspelt"):
        store.sync(source())
    assert refs(store) == {"v0.0"}


def test_pages_without_end(source: Callable[..., Source], repo: Repo, server: GitHubServer) -> None:
    fill(repo, 1)

    def onwards(request: faults.Request, reply: faults.Reply) -> faults.Reply:
        page = int(request.query.get("page", "1")) + 1
        link = f'<{server.url}{request.path}?per_page=100&page={page}>; rel="next"'
        return replace(reply, headers={**reply.headers, "Link": link})

    server.fail("/releases", onwards, times=None)
    server.anonymous_limit = 5000
    with pytest.raises(SourceError, match="does not end after 200 pages"):
        list(source().pull(None))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"repo": "widget"}, "repo 'widget'"),
        ({"base_url": "http://git.example.org/api/v3"}, "https://"),
        ({"since": "last spring"}, "since 'last spring'"),
    ],
)
def test_wrong_keys_are_named(source: Callable[..., Source], keys: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        source(**keys)
    assert said in caught.value.message
    assert caught.value.remedy
