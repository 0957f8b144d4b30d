"""arXiv's papers: what they become, what a query asks for, what a run costs, and where it goes on."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.arxiv_papers import Source
from kb.catalog import Catalog
from kb.errors import ConfigError, SourceError, SourceStoppedError
from kb.protocols import SourceContext
from kb.sync import sync
from kb.types import Event
from tests.arxiv_reading import NOW, source
from tests.arxiv_search import NEWEST
from tests.arxiv_server import ArxivServer, populate
from tests.gitrepo import Store


@pytest.fixture
def server() -> Iterator[ArxivServer]:
    with ArxivServer() as running:
        yield running


def refs(store: Store) -> set[str]:
    return {record.ref for record in store.records.values()}


# --- records --------------------------------------------------------------------------------------------------------------


def test_a_paper(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper(
        "2602.02061",
        "Draft trees  for\n  speculative decoding",
        "We draft.\nWe verify <b>twice</b> & fast.",
        authors=("Ada Lovelace", "李明", "Zoë Müller"),
        categories=("cs.LG", "cs.DC"),
        published=NEWEST - timedelta(days=5),
        updated=NEWEST,
        version=3,
        comment="12 pages,\n  4 figures",
        journal_ref="J. Kernels 3 (2026)",
        doi="10.1000/kernels",
    )
    store = Store.empty()
    store.sync(source(server, tmp_path))
    (record,) = store.records.values()
    assert (record.id, record.kind, record.repo, record.ref) == ("paper:arxiv:2602.02061", "paper", "", "2602.02061")
    assert record.title == "Draft trees for speculative decoding"
    assert record.body == "We draft.\nWe verify <b>twice</b> & fast."
    assert record.url == "https://arxiv.org/abs/2602.02061"
    assert record.author == "Ada Lovelace"
    assert record.labels == ("cs.LG", "cs.DC")
    assert record.events == (Event("published", NEWEST - timedelta(days=5)), Event("revised", NEWEST))
    assert record.meta == (
        ("author", "Ada Lovelace"),
        ("author", "李明"),
        ("author", "Zoë Müller"),
        ("version", "3"),
        ("comment", "12 pages, 4 figures"),
        ("journal_ref", "J. Kernels 3 (2026)"),
        ("doi", "10.1000/kernels"),
        ("pdf", f"{server.root}/pdf/2602.02061v3"),
        ("primary_category", "cs.LG"),
    )
    assert (record.marks, record.notes) == ((), ())


@pytest.mark.parametrize("id", ["cs/0112017", "math.GT/0309136", "0704.0001"])
def test_ids_of_every_age(server: ArxivServer, tmp_path: Path, id: str) -> None:
    server.add_paper(id, "An old one", categories=("math.GT",), published=NEWEST)
    (batch,) = source(server, tmp_path).pull(None)
    (record,) = batch.records
    assert (record.id, record.ref, record.url) == (f"paper:arxiv:{id}", id, f"https://arxiv.org/abs/{id}")
    assert [event.kind for event in record.events] == ["published"]


def entry(id: str = "http://arxiv.org/abs/2602.00009v1", *, title: str = "Sound", updated: str = "2026-02-05T00:00:00Z") -> str:
    return f"<entry><id>{id}</id><title>{title}</title><updated>{updated}</updated><published>{updated}</published></entry>"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (entry().replace("published>", "planned>"), "2602.00009v1 has no date of publication"),
        (entry(updated="yesterday"), "no date of publication"),
        (entry(updated="0001-01-01T00:00:00+14:00"), "no date"),
        (entry(title=" "), "no title"),
        (entry(id="http://evil.example/abs/2602.00009v1"), "no arXiv id"),
        (entry(id="http://arxiv.org/abs/../../etc/passwd"), "no arXiv id"),
        (entry().replace("<id>", "<name>").replace("</id>", "</name>"), "an entry has no arXiv id"),
        ("<entry/>", "an entry has no arXiv id"),
        ("<entry><entry/>&#x41;<![CDATA[<id>]]></entry>", "an entry has no arXiv id"),
    ],
)
def test_an_entry_that_is_no_paper_is_left_out_and_told(server: ArxivServer, tmp_path: Path, raw: str, told: str) -> None:
    populate(server, 3)
    server.add_paper("2602.00009", "Broken", raw=raw, published=NEWEST - timedelta(minutes=90))
    arxiv, store = source(server, tmp_path), Store.empty()
    store.sync(arxiv)
    assert refs(store) == {"2602.00001", "2602.00002", "2602.00003"}
    (note,) = [note for note in arxiv.context.meter.reading.notes if note.startswith("skipped")]
    assert told in note
    assert len(server.asked) == 1


def test_a_bare_entry_is_a_paper(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("2602.00009", "Bare", raw=entry(id="http://arxiv.org/abs/2602.00009"))
    (batch,) = source(server, tmp_path).pull(None)
    (record,) = batch.records
    assert (record.title, record.body, record.author, record.labels, record.meta) == ("Sound", "", "", (), ())


def test_hostile_texts_are_kept_as_data_and_within_bounds(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper(
        "2602.00001",
        "T" * 5_000,
        "<script>alert(1)</script>" + "x" * 100_000,
        authors=[f"Author {number}" for number in range(3_000)],
        categories=[f"cs.{number}" for number in range(300)],
        comment="c" * 10_000,
    )
    server.add_paper("2602.00002", "Bell &#7; and \u202e turn", authors=["", "  ", "One"], published=NEWEST - timedelta(days=1))
    store = Store.empty()
    store.sync(source(server, tmp_path))
    big, odd = (store.records[f"paper:arxiv:2602.0000{number}"] for number in (1, 2))
    assert (len(big.title), len(big.body), len(big.labels)) == (2_000, 50_000, 50)
    assert big.body.startswith("<script>")
    assert big.marks == ("authors-cut", "truncated")
    assert [value for key, value in big.meta if key == "author"] == [f"Author {number}" for number in range(200)]
    assert dict(big.meta)["authors"] == "3000"
    assert (odd.title, odd.author) == ("Bell &#7; and \u202e turn", "One")


def test_it_goes_through_the_store(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 250)
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        first = sync(catalog, [source(server, tmp_path / "own")])
        again = sync(catalog, [source(server, tmp_path / "own")])
        (found,) = catalog.records(catalog.find_ref("arXiv:2602.00250v2"))
    assert [(run.row.status, run.row.new, run.row.changed, run.row.requests) for run in (*first.runs, *again.runs)] == [
        ("ok", 250, 0, 3),
        ("ok", 0, 0, 1),
    ]
    assert found.title == "Speculative decoding by fused kernels, part 250"
    assert first.runs[0].row.kinds == ("paper",)


# --- configuration --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "query"),
    [
        ({"query": ' all:"speculative  decoding"\n'}, 'all:"speculative decoding"'),
        ({"categories": ("cs.LG",)}, "cat:cs.LG"),
        ({"categories": ("cs.LG", "cond-mat.mes-hall", "hep-ph")}, "cat:cs.LG OR cat:cond-mat.mes-hall OR cat:hep-ph"),
        ({"authors": ("Tri  Dao", "Zoë Müller")}, 'au:"Tri Dao" OR au:"Zoë Müller"'),
        (
            {"query": "ti:a OR ti:b", "categories": ("cs.LG", "cs.DC"), "authors": ("李明",)},
            '(ti:a OR ti:b) AND (cat:cs.LG OR cat:cs.DC) AND (au:"李明")',
        ),
    ],
)
def test_what_is_asked(server: ArxivServer, tmp_path: Path, keys: dict[str, Any], query: str) -> None:
    list(source(server, tmp_path, **keys).pull(None))
    (asked,) = server.asked
    assert asked.query == {
        "search_query": query,
        "sortBy": "lastUpdatedDate",
        "sortOrder": "descending",
        "start": "0",
        "max_results": "100",
    }
    assert asked.agent.startswith("infra-kb/")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "none of query, categories and authors"),
        ({"query": " "}, "none of query, categories and authors"),
        ({"query": 'all:"open'}, "without its partner"),
        ({"query": "all:x) OR (all:y"}, "without its partner"),
        ({"categories": ("cs.LG OR cat:math",)}, "is no category"),
        ({"categories": ("",)}, "is no category"),
        ({"authors": ('A" OR au:"B',)}, "is no name"),
        ({"authors": (" ",)}, "is no name"),
        ({"query": "x", "since": "lately"}, "since 'lately'"),
        ({"query": "x", "max_papers": 0}, "max_papers = 0"),
        ({"query": "x", "timeout": 0.0}, "timeout = 0"),
        ({"query": "x", "timeout": float("nan")}, "timeout = nan"),
        ({"query": "x", "delay": 2.9}, "delay = 2.9"),
        ({"query": "x", "delay": 0.0, "base_url": "https://ARXIV.org/api/query"}, "delay = 0"),
        ({"query": "x", "delay": float("nan"), "base_url": "http://localhost/"}, "delay = nan"),
        ({"query": "x", "base_url": "ftp://export.arxiv.org/api/query"}, "base_url"),
        ({"query": "x", "base_url": "https://host/{0}"}, "base_url"),
        ({"query": "x", "base_url": "https://host/?key=1"}, "base_url"),
        ({"query": "x", "base_url": "https://[host/"}, "base_url"),
    ],
)
def test_keys_that_cannot_be_right(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")) as caught:
        Source(context=SourceContext(tmp_path), **keys)
    assert caught.value.remedy


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Source(query="x", base_url="https://ada:hunter2@host/api", context=SourceContext(tmp_path))
    assert "hunter2" not in str(caught.value)


def test_defaults_keep_the_terms_of_use(tmp_path: Path) -> None:
    arxiv = Source(query="x", context=SourceContext(tmp_path))
    assert (arxiv.name, arxiv.repo, arxiv.lane, arxiv.kinds) == ("arxiv", "", "arxiv", ("paper",))
    assert (arxiv.delay, arxiv.base_url) == (3.0, "https://export.arxiv.org/api/query")


# --- what a run costs, and where it goes on -------------------------------------------------------------------------------


def test_five_hundred_papers_cost_five_requests_and_nothing_new_costs_one(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 500)
    arxiv, store = source(server, tmp_path), Store.empty()
    batches = store.sync(arxiv)
    assert [len(batch.records) for batch in batches] == [100] * 5
    assert [asked.start for asked in server.asked] == [0, 100, 200, 300, 400]
    assert len(store.records) == 500
    cursor, before = store.cursor, dict(store.records)
    (batch,) = store.sync(arxiv)
    assert (store.cursor, store.records, batch.truncated) == (cursor, before, "")
    assert len(server.asked) == 6
    assert arxiv.context.meter.reading.requests == 6


def test_new_and_revised_papers_of_a_later_day(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 250)
    store = Store.empty()
    store.sync(source(server, tmp_path))
    server.add_paper("2602.09000", "News", published=NEWEST + timedelta(days=1))
    server.revise("2601.00002", NEWEST + timedelta(days=1, hours=1), title="Revised")
    store.sync(source(server, tmp_path))
    assert len(server.asked) == 3 + 1
    assert len(store.records) == 251
    assert store.titled("News").events == (Event("published", NEWEST + timedelta(days=1)),)
    assert store.titled("Revised").events[-1] == Event("revised", NEWEST + timedelta(days=1, hours=1))


def test_a_later_run_goes_down_two_days_below_the_last_and_no_further(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 900, apart=timedelta(minutes=10))
    store = Store.empty()
    store.sync(source(server, tmp_path))
    server.add_paper("2602.09001", "Announced late", published=NEWEST - timedelta(days=1, hours=23))
    store.sync(source(server, tmp_path))
    assert store.titled("Announced late").ref == "2602.09001"
    assert [asked.start for asked in server.asked[9:]] == [0, 100, 200]


@pytest.mark.parametrize("kept", [0, 1, 2, 4])
def test_a_run_that_was_killed_goes_on_at_its_page(server: ArxivServer, tmp_path: Path, kept: int) -> None:
    populate(server, 500)
    whole, store = Store.empty(), Store.empty()
    whole.sync(source(server, tmp_path))
    for batch in itertools.islice(source(server, tmp_path).pull(None), kept):
        store.apply(batch)
    store.sync(source(server, tmp_path))
    assert store.records == whole.records
    assert store.cursor == whole.cursor
    assert len(server.asked) == 5 + 5


def test_what_came_while_a_run_was_broken_off_for_days_is_read_too(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 300)
    store = Store.empty()
    store.apply(next(iter(source(server, tmp_path).pull(None))))
    for number in range(30):
        server.add_paper(f"2602.09{number:03}", f"News {number}", published=NEWEST + timedelta(days=1))
    later = source(server, tmp_path, now=NOW + timedelta(days=3))
    store.sync(later)
    assert refs(store) == set(server.papers)
    assert [asked.start for asked in server.asked] == [0, 100, 200, 300, 0]
    store.sync(later)
    assert len(server.asked) == 6


def test_max_papers_takes_the_newest_first_and_leaves_the_rest_for_the_next_runs(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 250)
    store, limited = Store.empty(), source(server, tmp_path, max_papers=120)
    batches = store.sync(limited)
    assert [len(batch.records) for batch in batches] == [100, 20]
    oldest = NEWEST - timedelta(hours=119)
    assert batches[0].truncated == ""
    assert batches[1].truncated == (
        f"stopped at max_papers = 120 of 250 that match; the next run goes on with papers from before {oldest:%Y-%m-%d}"
    )
    assert limited.begins(store.cursor) == oldest
    server.add_paper("2602.09000", "News", published=NEWEST + timedelta(days=1))
    second = store.sync(limited)
    assert "News" in {record.title for record in second[0].records}
    assert second[-1].truncated
    for _ in range(9):
        last = store.sync(limited)
        if not last[-1].truncated:
            break
    assert refs(store) == set(server.papers)
    assert limited.begins(store.cursor) == datetime(2025, 11, 10, 17, 59, 59, tzinfo=UTC)
    asked = len(server.asked)
    store.sync(limited)
    assert len(server.asked) == asked + 1


def test_max_papers_while_there_is_much_that_is_new_leaves_no_gap(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 50)
    store = Store.empty()
    store.sync(source(server, tmp_path))
    for number in range(230):
        server.add_paper(f"2602.1{number:04}", f"News {number}", published=NEWEST + timedelta(days=3, minutes=number))
    limited = source(server, tmp_path, now=NOW + timedelta(days=5), max_papers=100)
    runs = [store.sync(limited) for _ in range(3)]
    assert [bool(run[-1].truncated) for run in runs] == [True, True, False]
    assert refs(store) == set(server.papers)


def test_the_history_begins_where_since_says(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 400, apart=timedelta(days=1))
    store = Store.empty()
    store.sync(source(server, tmp_path, since="150 days"))
    assert len(store.records) == 149
    assert len(server.asked) == 2
    assert source(server, tmp_path).begins(store.cursor) == NOW - timedelta(days=150)
    store.sync(source(server, tmp_path, since="30 days"))
    assert len(server.asked) == 3
    store.sync(source(server, tmp_path, since="all"))
    assert len(store.records) == 400
    assert source(server, tmp_path, since="all").begins(store.cursor) is None
    assert source(server, tmp_path).begins(None) is None


def test_all_of_a_history_says_how_much_that_is(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 250)
    assert [batch.expected for batch in source(server, tmp_path, since="all").pull(None)] == [250, 250, 250]
    assert [batch.expected for batch in source(server, tmp_path, since="all", max_papers=120).pull(None)] == [120, 120]
    assert [batch.expected for batch in source(server, tmp_path).pull(None)] == [None] * 3


@pytest.mark.parametrize("changed", [{"query": "all:by OR all:part"}, {"categories": ("cs.*",)}, {"full_text": True}])
def test_a_changed_query_is_read_from_the_beginning(server: ArxivServer, tmp_path: Path, changed: dict[str, Any]) -> None:
    populate(server, 120)
    store = Store.empty()
    store.sync(source(server, tmp_path, query="all:by"))
    batches = list(source(server, tmp_path, **{"query": "all:by", **changed}).pull(store.cursor))
    assert sum(len(batch.records) for batch in batches) == 120


@pytest.mark.parametrize("cursor", ["", "null", "[]", "{", '{"v": 1}', '{"v": 2, "query": "x"}', "0" * 10_000])
def test_a_cursor_that_is_none_means_the_beginning(server: ArxivServer, tmp_path: Path, cursor: str) -> None:
    populate(server, 3)
    (batch,) = source(server, tmp_path).pull(cursor)
    assert len(batch.records) == 3


def test_a_date_in_the_future_hides_nothing_that_comes_later(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 150)
    server.add_paper("2602.08000", "From the future", published=datetime(2999, 1, 1, tzinfo=UTC))
    store = Store.empty()
    store.sync(source(server, tmp_path))
    for number in range(120):
        server.add_paper(f"2602.1{number:04}", f"News {number}", published=NOW + timedelta(days=3, minutes=number))
    store.sync(source(server, tmp_path, now=NOW + timedelta(days=5)))
    assert refs(store) == set(server.papers)


# --- quiet, polite, interruptible -----------------------------------------------------------------------------------------


def test_no_match_is_quiet_and_tells_the_date_of_the_feed(server: ArxivServer, tmp_path: Path) -> None:
    arxiv = source(server, tmp_path, query="all:nothing")
    (batch,) = arxiv.pull(None)
    assert batch.records == ()
    assert arxiv.context.meter.reading.notes == ("arXiv's feed is of 2026-02-07",)
    (batch,) = arxiv.pull(batch.cursor)
    assert len(server.asked) == 2


def test_a_quiet_weekend_tells_of_what_day_the_feed_and_its_latest_paper_are(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 3)
    arxiv = source(server, tmp_path)
    list(arxiv.pull(None))
    note = "arXiv's feed is of 2026-02-07; the latest paper that matches is of 2026-02-06"
    assert arxiv.context.meter.reading.notes == (note,)


def test_a_feed_without_a_date_is_a_feed(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 3)
    server.feed_date = None
    arxiv = source(server, tmp_path)
    (batch,) = arxiv.pull(None)
    assert (len(batch.records), arxiv.context.meter.reading.notes) == (3, ())


def test_requests_are_apart_over_one_connection_also_between_two_sources(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 150)
    for name in ("one", "two"):
        list(source(server, tmp_path, name=name, delay=0.1).pull(None))
    times = [asked.at for asked in server.asked]
    assert len(times) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.1
    assert len({asked.port for asked in server.asked}) == 2


def test_an_interrupt_ends_a_wait(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 150)
    arxiv, store = source(server, tmp_path, delay=60.0), Store.empty()
    pages = arxiv.pull(None)
    store.apply(next(pages))
    threading.Timer(0.1, arxiv.context.stop.set).start()
    started = time.monotonic()
    with pytest.raises(SourceStoppedError):
        next(pages)
    assert time.monotonic() - started < 30
    assert len(store.records) == 100
    store.sync(source(server, tmp_path))
    assert len(store.records) == 150
    assert len(server.asked) == 2


def test_a_folder_that_cannot_be_written_is_told(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("2602.00001", "With text", pdf=b"%PDF-1.4 nonsense")
    (tmp_path / "own").write_text("a file")
    with pytest.raises(SourceError, match="own") as caught:
        list(source(server, tmp_path / "own", full_text=True).pull(None))
    assert "data folder" in caught.value.remedy
