"""Models read from a server that answers as the Hub does: paged listings, cards by revision, and every fault on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.huggingface_models import Source
from kb.catalog import Catalog
from kb.config import load_config
from kb.errors import ConfigError, SourceError
from kb.plugins import build_sources
from kb.protocols import SourceContext
from kb.sync import sync
from kb.types import Batch, Event, Link, Record
from tests.feed_server import QUICK, Answer, Request, WebServer, moved

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CARD = """---
license: mit
tags: [moe]
---
# Rocket

Trained as in https://arxiv.org/abs/2601.00001.

---
A ruler is not front matter.
"""


def stamp(day: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def entry(name: str, *, day: int = 1, sha: str = "", **more: Any) -> dict[str, Any]:
    return {"_id": "x", "id": name, "sha": sha or f"{day:040x}", "createdAt": stamp(0), "lastModified": stamp(day), **more}


@dataclass
class Hub:
    """The Hub with these models; ``page`` entries a page. ``cards`` holds what is answered for a model's README."""

    server: WebServer
    models: list[Any] = field(default_factory=list)
    cards: dict[str, Answer] = field(default_factory=dict)
    page: int = 1000
    react: Callable[[Request], Answer | None] = lambda request: None

    def __post_init__(self) -> None:
        self.server.serve("/api/models", self._list)

    def add(self, *entries: Any) -> None:
        for item in entries:
            name = item["id"] if isinstance(item, dict) else ""
            self.models = [other for other in self.models if not isinstance(other, dict) or other["id"] != name] + [item]
            for revision in (item.get("sha"), "main") if isinstance(item, dict) else ():
                self.server.serve(
                    f"/{name}/resolve/{revision}/README.md", lambda _, name=name: self.cards.get(name, Answer(CARD))
                )

    @property
    def asked(self) -> list[str]:
        """What was asked for since this was last read."""
        paths = self.server.paths()
        self.server.requests.clear()
        return paths

    def _list(self, request: Request) -> Answer:
        if (special := self.react(request)) is not None:
            return special
        author, query = request.query.get("author", [""])[0], request.query
        mine = [item for item in self.models if not isinstance(item, dict) or item["id"].startswith(author)]
        mine.sort(key=lambda item: str(item.get("lastModified")) if isinstance(item, dict) else "", reverse=True)
        start, size = int(query.get("cursor", ["0"])[0]), min(int(query.get("limit", ["1000"])[0]), self.page)
        headers = {"Content-Type": "application/json"}
        if start + size < len(mine):
            following = f"https://huggingface.co/api/models?author={author}&limit={size}&cursor={start + size}"
            headers["Link"] = f'<{following}>; rel="next"'
        return Answer(json.dumps(mine[start : start + size]), headers=headers)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(Source, "patience", QUICK)
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with WebServer() as server:
        yield Hub(server)


def source(hub: Hub, **keys: Any) -> Source:
    keys.setdefault("authors", ("acme",))
    return Source(base_url=hub.server.url, context=SourceContext(Path("unused"), now=NOW), **keys)


def pulled(models: Source, cursor: str | None = None) -> tuple[list[Record], str | None]:
    batches: list[Batch] = list(models.pull(cursor))
    return [record for batch in batches for record in batch.records], batches[-1].cursor if batches else cursor


def failing(models: Source, cursor: str | None = None) -> tuple[list[Record], str | None, str]:
    """What was given before it failed, the last cursor, and the message."""
    batches: list[Batch] = []
    with pytest.raises(SourceError) as caught:
        batches.extend(models.pull(cursor))
    assert caught.value.remedy
    records = [record for batch in batches for record in batch.records]
    return records, batches[-1].cursor if batches else cursor, caught.value.message


# --- what becomes of a model ----------------------------------------------------------------------------------------------


def test_a_model_in_full(hub: Hub) -> None:
    tags = [
        "moe",
        "arxiv:2601.00002",
        "arxiv:nonsense",
        "license:mit",
        "base_model:acme/base",
        "base_model:quantized:acme/base",
    ]
    hub.add(entry("acme/Rocket-7B", day=3, tags=tags, pipeline_tag="text-generation", library_name="transformers", downloads=9))
    (record,), _ = pulled(source(hub))
    assert (record.id, record.kind, record.repo) == ("model:huggingface/acme/Rocket-7B", "model", "")
    assert (record.ref, record.title, record.author) == ("acme/Rocket-7B", "acme/Rocket-7B", "acme")
    assert record.url == f"{hub.server.url}/acme/Rocket-7B"
    assert record.body.startswith("# Rocket\n")
    assert record.body.endswith("not front matter.")
    assert record.labels == (
        "text-generation", "transformers", "license:mit", "base_model:acme/base", "base_model:quantized:acme/base",
    )  # fmt: skip
    assert record.links == (Link("paper", "paper:arxiv:2601.00002"), Link("mentions", "model:huggingface/acme/base"))
    assert record.events == (
        Event("published", datetime(2026, 1, 1, tzinfo=UTC)),
        Event("revised", datetime(2026, 1, 4, tzinfo=UTC)),
    )
    assert record.meta == (("sha", f"{3:040x}"),)


def test_how_often_it_is_downloaded_changes_nothing(hub: Hub) -> None:
    hub.add(entry("acme/a", downloads=1, likes=1))
    before, _ = pulled(source(hub))
    hub.add(entry("acme/a", downloads=2, likes=2))
    after, _ = pulled(source(hub))
    assert before[0].content_hash == after[0].content_hash


@pytest.mark.parametrize(
    ("card", "body"),
    [
        ("no front matter", "no front matter"),
        ("---\r\nlicense: mit\r\n---\r\ntext", "text"),
        ("---\nnever closed: ", "---\nnever closed:"),
        ("\ufeff---\na: 1\n---", ""),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_a_card_without_its_front_matter(hub: Hub, card: str | bytes, body: str) -> None:
    hub.add(entry("acme/a"))
    hub.cards["acme/a"] = Answer(card)
    assert pulled(source(hub))[0][0].body == body


@pytest.mark.parametrize(
    ("answer", "marks"),
    [
        (Answer(status=404), ("no-card",)),
        (Answer(status=403), ("no-access",)),
        (Answer("x" * 600_000), ("truncated",)),
    ],
)
def test_a_card_that_is_not_there_or_not_for_everybody_or_too_long_is_marked(
    hub: Hub, answer: Answer, marks: tuple[str, ...]
) -> None:
    hub.add(entry("acme/a"))
    hub.cards["acme/a"] = answer
    (record,), cursor = pulled(source(hub))
    assert (record.marks, len(record.body)) == (marks, 500_000 if marks == ("truncated",) else 0)
    assert list(source(hub).pull(cursor)) == []


def test_odd_entries_lose_nothing_but_themselves(hub: Hub) -> None:
    hub.add(
        entry("acme/good", day=5),
        entry("acme/undated", createdAt=None, lastModified="yesterday"),
        entry("acme/../../etc/passwd"),
        entry("acme/bare", day=2, sha=None, createdAt=[], tags={"a": 1}, pipeline_tag=7, library_name=None),
        {"id": "acme/none"},
        None, 7, "acme/text", [],
    )  # fmt: skip
    models = source(hub)
    records, _ = pulled(models)
    assert [record.ref for record in records] == ["acme/bare", "acme/good"]
    assert (records[0].labels, records[0].meta) == ((), (("sha", f"{2:040x}"),))
    assert models.context.meter.reading.notes == ("huggingface: 7 entries of the listing have no usable id or date: left out",)


# --- what it costs --------------------------------------------------------------------------------------------------------


def test_a_pull_costs_a_page_for_1000_models_and_a_card_for_each_changed_one(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at % 50) for at in range(120)))
    models = source(hub, limit=1000)
    batches = list(models.pull(None))
    assert [len(batch.records) for batch in batches] == [50, 50, 20]
    assert {batch.expected for batch in batches} == {120}
    assert models.context.meter.reading.requests == len(hub.asked) == 121
    assert list(models.pull(batches[-1].cursor)) == []
    assert hub.asked == ["/api/models"]
    hub.add(entry("acme/m7", day=60))
    assert [record.ref for record in pulled(models, batches[-1].cursor)[0]] == ["acme/m7"]
    assert hub.asked == ["/api/models", f"/acme/m7/resolve/{60:040x}/README.md"]


def test_without_cards_a_pull_costs_its_pages(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}") for at in range(25)))
    hub.page = 10
    records, _ = pulled(source(hub, card=False))
    assert (len(records), hub.asked) == (25, ["/api/models"] * 3)


def test_a_killed_pull_goes_on_where_it_was(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at) for at in range(120)))
    first = next(iter(source(hub).pull(None)))
    hub.asked  # noqa: B018
    rest, cursor = pulled(source(hub), first.cursor)
    assert len(hub.asked) == 71
    assert sorted(record.ref for record in (*first.records, *rest)) == sorted(f"acme/m{at}" for at in range(120))
    assert list(source(hub).pull(cursor)) == []


def test_the_limit_keeps_those_changed_last_and_says_what_it_left(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at) for at in range(10)))
    models = source(hub, limit=4)
    (batch,) = models.pull(None)
    assert [record.ref for record in batch.records] == ["acme/m6", "acme/m7", "acme/m8", "acme/m9"]
    assert batch.truncated == "limit = 4: models of acme last changed before 2026-01-07 were not read"
    assert models.begins(batch.cursor) == datetime(2026, 1, 7, tzinfo=UTC)
    hub.add(entry("acme/m0", day=20))
    (after,) = models.pull(batch.cursor)  # joins what was read before, so nothing is missing between
    assert ([record.ref for record in after.records], after.truncated, after.snapshot) == (["acme/m0"], "", None)
    assert models.begins(after.cursor) == datetime(2026, 1, 7, tzinfo=UTC)
    assert models.begins(None) is None
    whole, cursor = pulled(source(hub, limit=50), after.cursor)
    assert len(whole) == 6  # 1 to 5, and 6, which had left the four changed last
    assert models.begins(cursor) is None


def test_a_model_that_is_gone_is_told_and_one_of_several_pages_is_not(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at) for at in range(4)))
    _, cursor = pulled(source(hub))
    del hub.models[0]
    (batch,) = source(hub).pull(cursor)
    assert batch.records == ()
    assert batch.snapshot is not None
    assert batch.snapshot.ids == {f"model:huggingface/acme/m{at}" for at in (1, 2, 3)}
    hub.page = 2
    del hub.models[0]
    hub.add(entry("acme/m9"))
    (paged,) = source(hub).pull(batch.cursor)
    assert paged.snapshot is None


def test_several_authors_a_search_and_tags_are_asked_for(hub: Hub) -> None:
    hub.add(entry("acme/a"), entry("zeta/z"))
    records, _ = pulled(source(hub, authors=("acme", "zeta"), search="7b", tags=("moe", "fp8"), card=False))
    assert [record.ref for record in records] == ["acme/a", "zeta/z"]
    first, second = (request.query for request in hub.server.requests)
    assert (first["author"], second["author"]) == (["acme"], ["zeta"])
    assert (first["search"], first["filter"], first["sort"]) == (["7b"], ["moe", "fp8"], ["lastModified"])


def test_the_listing_is_asked_for_as_the_hubs_own_library_does(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, close_session, constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.add(entry("acme/a"))
    pulled(source(hub, search="7b", tags=("moe",), limit=5, card=False))
    api = HfApi(endpoint=hub.server.url, token=False)
    ours = hub.server.requests[-1]
    found = api.list_models(
        author="acme", search="7b", filter=["moe"], sort="last_modified", limit=5, expand=ours.query["expand"],  # type: ignore[arg-type]
    )  # fmt: skip
    assert [model.id for model in found] == ["acme/a"]
    close_session()
    theirs = hub.server.requests[-1]
    assert (theirs.path, theirs.query) == (ours.path, ours.query)


# --- faults ---------------------------------------------------------------------------------------------------------------


def test_an_empty_listing_is_a_note_at_first_and_a_failure_where_there_were_models(hub: Hub) -> None:
    models = source(hub)
    assert pulled(models) == ([], None)
    assert models.context.meter.reading.notes == ("huggingface: no models of acme are listed: check the name",)
    hub.add(entry("acme/a"))
    _, cursor = pulled(source(hub))
    hub.models.clear()
    assert "lists no models of acme any more" in failing(source(hub), cursor)[2]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("<html>sign in</html>", headers={"Content-Type": "text/html"}), "the listing of models is not JSON"),
        (Answer("{}"), "the listing of models is not a list of models"),
        (Answer('{"error": "no"}'), "the listing of models is not a list of models"),
        (Answer("[null, 1]"), "the listing of models is not a list of models"),
        (Answer("[" * 200_000), "the listing of models is not JSON"),
        (Answer(""), "the listing of models is not JSON"),
        (Answer("[{", lost=7), "peer closed connection"),
        (Answer(status=500), "HTTP 500"),
        (Answer(status=401), "HTTP 401"),
        (
            Answer(status=429, headers={"RateLimit": '"api";r=0;t=250'}),
            "HTTP 429 Too Many Requests; the server asks to wait 250 s",
        ),
        (Answer(silent=True), "no answer within 0.3 s"),
    ],
)
def test_a_listing_that_cannot_be_read_is_a_failure(hub: Hub, answer: Answer, reason: str) -> None:
    hub.react = lambda request: answer
    records, cursor, message = failing(source(hub))
    assert (records, cursor) == ([], None)
    assert message.startswith(f"huggingface: {hub.server.url}: {reason}")


def test_a_second_page_that_fails_gives_nothing(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}") for at in range(4)))
    hub.page = 2
    hub.react = lambda request: Answer(status=502) if "cursor" in request.query else None
    assert failing(source(hub))[0] == []


def test_a_card_that_fails_loses_no_other_and_is_tried_again(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at) for at in range(3)))
    hub.cards["acme/m1"] = Answer(status=500)
    records, cursor, message = failing(source(hub))
    assert [(record.ref, record.marks) for record in records] == [
        ("acme/m0", ()),
        ("acme/m1", ("card-unread",)),
        ("acme/m2", ()),
    ]
    assert message == "huggingface: a card cannot be read: acme/m1: HTTP 500 Internal Server Error"
    hub.cards["acme/m1"] = Answer("<html>", headers={"Content-Type": "text/html; charset=utf-8"})
    _, cursor, message = failing(source(hub), cursor)
    assert message.endswith("acme/m1: an HTML page came instead of the card")
    del hub.cards["acme/m1"]
    hub.asked  # noqa: B018
    (again,), cursor = pulled(source(hub), cursor)
    assert (again.marks, len(hub.asked)) == ((), 2)
    hub.add(entry("acme/m1", day=9))
    hub.cards["acme/m1"] = Answer(status=500)
    for _ in range(2):  # what is stored has a card, if an older one: it stays
        records, cursor, _ = failing(source(hub), cursor)
        assert records == []


def test_a_hub_that_is_down_is_not_asked_for_every_card(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at) for at in range(40)))
    hub.cards = {f"acme/m{at}": Answer(status=503) for at in range(40)}
    models = source(hub)
    _, _, message = failing(models)
    assert message.endswith("acme/m0: HTTP 503 Service Unavailable and 4 more")
    assert models.context.meter.reading.requests == 1 + 5 * 3


def test_the_rate_limit_leaves_the_rest_to_the_next_sync_and_is_no_failure(hub: Hub) -> None:
    hub.add(*(entry(f"acme/m{at}", day=at) for at in range(4)))
    hub.cards["acme/m2"] = Answer(status=429, headers={"Retry-After": "300", "RateLimit": '"resolvers";r=0;t=300'})
    models = source(hub)
    (batch,) = models.pull(None)
    assert [record.ref for record in batch.records] == ["acme/m0", "acme/m1"]
    assert batch.truncated == "rate limit: 2 of 4 changed models wait for the next sync"
    assert models.context.meter.reading.remaining == 0
    assert models.context.meter.reading.reset == NOW + timedelta(seconds=300)
    hub.cards.clear()
    assert [record.ref for record in pulled(models, batch.cursor)[0]] == ["acme/m2", "acme/m3"]


def test_a_redirected_card_is_followed_and_the_token_stays_with_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_hunter2")
    hub.add(entry("acme/a"))
    with WebServer() as elsewhere:
        hub.cards["acme/a"] = moved(elsewhere.serve("/card", Answer("from elsewhere")), 302)
        models = source(hub)
        (record,), cursor = pulled(models)
        assert record.body == "from elsewhere"
        assert "authorization" not in elsewhere.requests[0].headers
    assert [request.headers.get("authorization") for request in hub.server.requests] == ["Bearer hf_hunter2"] * 2
    assert "hunter2" not in f"{models!r} {cursor} {record}"
    hub.react = lambda request: Answer(status=401)
    assert "hunter2" not in failing(models)[2]
    monkeypatch.setenv("HF_TOKEN", "hf\u00e9\nx")
    assert failing(models)[2] == "huggingface: HF_TOKEN holds characters that no token has"


def test_offline_is_said_and_nothing_is_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert failing(source(hub))[2] == "huggingface: HF_HUB_OFFLINE is set, so the Hub was not asked"
    assert hub.asked == []


# --- configuration and the store ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"authors": ()}, "no models are named"),
        ({"authors": ("a/b",)}, "'a/b' is no name of the Hub's"),
        ({"limit": 0}, "limit = 0: must be 1 or more"),
    ],
)
def test_wrong_keys_are_told_before_anything_is_read(hub: Hub, keys: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        source(hub, **keys)


@pytest.mark.parametrize("address", ["huggingface.co", "ftp://h", "https://", "https://ann:pw@h", "https://h/?token=x"])
def test_a_base_url_is_a_plain_web_address(address: str) -> None:
    with pytest.raises(ConfigError, match="base_url is not a plain web address") as caught:
        Source(authors=("acme",), base_url=address, context=SourceContext(Path("unused")))
    assert "pw" not in str(caught.value)


def test_it_is_configured_and_stored(hub: Hub, tmp_path: Path) -> None:
    hub.add(entry("acme/a"), entry("acme/b", day=2))
    table = f'[[sources]]\nuse = "huggingface_models"\nauthors = ["acme"]\nbase_url = "{hub.server.url}"\n'
    (tmp_path / "kb.toml").write_text(table, encoding="utf-8")
    sources = build_sources(load_config(tmp_path / "kb.toml"), tmp_path / "data")
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        assert sync(catalog, sources).runs[0].stored.new == 2
        assert sync(catalog, sources).runs[0].row.fetched == 0
        del hub.models[0]
        assert sync(catalog, sources).runs[0].row.gone == 1
        hub.react = lambda request: Answer(status=500)
        row = sync(catalog, sources).runs[0].row
        assert (row.status, row.requests) == ("failed", 3)
