"""arXiv when it is not well: what comes instead of a feed is never taken for "no papers"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.arxiv_papers import Source
from kb.catalog import Catalog
from kb.errors import SourceError
from kb.sync import sync
from tests.arxiv_reading import NOW, source
from tests.arxiv_search import NEWEST
from tests.arxiv_server import ArxivServer, populate
from tests.gitrepo import Store

RSS = b'<?xml version="1.0"?><rss version="2.0"><channel><title>cs.LG updates</title></channel></rss>'
BOMB = (
    b'<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    b'<feed xmlns="http://www.w3.org/2005/Atom"><title>&c;</title></feed>'
)
# What is served, what the error says, how often is asked.
FAULTS: list[tuple[str, dict[str, Any], str, int]] = [
    ("html", {}, "no Atom feed but an HTML page: arXiv is down", 4),
    ("body", {}, "an empty answer", 4),
    ("body", {"body": b" \n\n"}, "an empty answer", 4),
    ("body", {"body": b"Rate exceeded."}, "no Atom feed but something else: Rate exceeded.", 4),
    ("body", {"body": bytes(range(256)) * 40}, "no Atom feed but something else", 4),
    ("body", {"body": b"\x1f\x8b\x08"}, "no Atom feed but something else", 4),
    ("body", {"body": RSS}, "no Atom feed but something else: cs.LG updates", 4),
    ("body", {"body": BOMB}, "does not say how many papers match", 4),
    ("body", {"body": b'<feed xmlns="http://www.w3.org/2005/Atom"/>'}, "does not say how many papers match", 4),
    ("body", {"body": b"<feed><entry/></feed>"}, "no Atom feed but something else", 4),
    ("truncated", {}, "cut short or damaged", 4),
    ("no_total", {}, "does not say how many papers match", 4),
    ("no_entries", {}, "an empty page at position 0, though 3 papers match", 4),
    ("error_entry", {"status": 200}, "an error: incorrect id format for 1234", 1),
    ("error_entry", {"status": 400}, "HTTP 400: incorrect id format for 1234", 1),
    ("status", {"status": 403}, "HTTP 403", 1),
    ("status", {"status": 404}, "HTTP 404", 1),
    ("status", {"status": 429}, "HTTP 429", 4),
    ("status", {"status": 500}, "HTTP 500", 4),
    ("status", {"status": 503}, "HTTP 503", 4),
    ("status", {"status": 503, "retry_after": "soon"}, "HTTP 503", 4),
    ("status", {"status": 503, "retry_after": "9" * 5000}, "HTTP 503", 4),
    ("hang", {}, r"no answer within 0\.1 s", 4),
    ("stall", {}, r"no answer within 0\.1 s", 4),
    ("drip", {}, "not complete after 1 s", 1),
    ("reset", {}, "127.0.0.1", 4),
]


@pytest.fixture
def server() -> Iterator[ArxivServer]:
    with ArxivServer() as running:
        populate(running, 3)
        yield running


def read(arxiv: Source, store: Store) -> None:
    """As the program does: batch by batch, until something is wrong."""
    for batch in arxiv.pull(store.cursor):
        store.apply(batch)


def failure(arxiv: Source) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(arxiv.pull(None))
    return caught.value


@pytest.mark.parametrize(("kind", "details", "message", "asked"), FAULTS, ids=lambda value: str(value)[:30])
def test_what_is_no_feed_is_a_failure_that_says_what_came(
    server: ArxivServer, tmp_path: Path, kind: str, details: dict[str, Any], message: str, asked: int
) -> None:
    server.fail(kind, times=None, **details)
    arxiv = source(server, tmp_path, timeout=0.1)
    with pytest.raises(SourceError, match=message) as caught:
        list(arxiv.pull(None))
    assert caught.value.message.startswith(f"arxiv: {server.url}: ")
    assert len(caught.value.message) < 400
    assert caught.value.remedy
    assert (len(server.asked), arxiv.context.meter.reading.requests) == (asked, asked)


@pytest.mark.parametrize(
    ("kind", "details"), [(kind, details) for kind, details, _, asked in FAULTS if asked > 1], ids=lambda value: str(value)[:30]
)
def test_what_passes_is_tried_again(server: ArxivServer, tmp_path: Path, kind: str, details: dict[str, Any]) -> None:
    server.fail(kind, times=2, **details)
    arxiv = source(server, tmp_path, timeout=0.1)
    (batch,) = arxiv.pull(None)
    assert len(batch.records) == 3
    assert arxiv.context.meter.reading.requests == len(server.asked) == 3


def test_an_empty_page_in_the_middle_ends_the_run_there(server: ArxivServer, tmp_path: Path) -> None:
    server.papers.clear()
    populate(server, 250)
    server.fail("no_entries", times=None, of=lambda asked: asked.start == 100)
    store = Store.empty()
    with pytest.raises(SourceError, match="an empty page at position 100, though 250 papers match"):
        read(source(server, tmp_path), store)
    assert len(store.records) == 100
    server.heal()
    store.sync(source(server, tmp_path))
    assert len(store.records) == 250
    assert [asked.start for asked in server.asked] == [0, *[100] * 4, 100, 200]


def test_bytes_that_are_no_text_cost_neither_the_page_nor_the_paper(server: ArxivServer, tmp_path: Path) -> None:
    server.fail("encoding", times=None)
    arxiv = source(server, tmp_path)
    server.add_paper("2602.00009", "Fine", published=NEWEST + timedelta(hours=1))
    (batch,) = arxiv.pull(None)
    assert len(batch.records) == 4
    assert batch.records[0].body == "We m\ufffd\ufffdsure a kernel."
    assert "arXiv's feed held bytes that are no text; they are shown as \ufffd" in arxiv.context.meter.reading.notes


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_server_asks_for_is_kept(server: ArxivServer, tmp_path: Path, status: int) -> None:
    server.fail("status", status=status, retry_after="1")
    (batch,) = source(server, tmp_path).pull(None)
    assert len(batch.records) == 3
    first, second = server.asked
    assert second.at - first.at >= 1


@pytest.mark.parametrize("when", ["3600", format_datetime(NOW + timedelta(hours=1), usegmt=True)])
def test_a_wait_beyond_patience_ends_the_run_and_is_told(server: ArxivServer, tmp_path: Path, when: str) -> None:
    server.fail("status", status=429, retry_after=when, times=None)
    arxiv = source(server, tmp_path)
    started = time.monotonic()
    error = failure(arxiv)
    assert time.monotonic() - started < 10
    assert "HTTP 429" in error.message
    assert error.remedy == "sync again in 3600 seconds or later"
    reading = arxiv.context.meter.reading
    assert (reading.requests, reading.remaining, reading.reset) == (1, 0, NOW + timedelta(hours=1))


def test_a_redirect_within_the_service_is_followed_and_counted(server: ArxivServer, tmp_path: Path) -> None:
    server.fail("redirect", location="/api/query?search_query=cat:cs.LG")
    arxiv = source(server, tmp_path)
    (batch,) = arxiv.pull(None)
    assert len(batch.records) == 2
    assert arxiv.context.meter.reading.requests == len(server.asked) == 2


def test_a_redirect_to_https_where_there_is_none_is_a_failure(server: ArxivServer, tmp_path: Path) -> None:
    server.fail("redirect", times=None, location=server.url.replace("http:", "https:"))
    assert failure(source(server, tmp_path, timeout=0.5)).message.startswith(f"arxiv: {server.url}: ")


@pytest.mark.parametrize("location", ["/api/query", "http://[", "ftp://127.0.0.1/", ""])
def test_redirects_to_nowhere_are_a_failure(server: ArxivServer, tmp_path: Path, location: str) -> None:
    server.fail("redirect", times=None, location=location)
    assert failure(source(server, tmp_path)).message.startswith(f"arxiv: {server.url}: ")


def test_nobody_there(server: ArxivServer, tmp_path: Path) -> None:
    arxiv = source(server, tmp_path)
    server.__exit__()
    assert "refused" in failure(arxiv).message
    assert arxiv.context.meter.reading.requests == 4


def test_the_ledger_has_what_happened_and_the_next_run_mends_it(server: ArxivServer, tmp_path: Path) -> None:
    server.fail("html", times=None)
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        (failed,) = sync(catalog, [source(server, tmp_path)]).runs
        server.heal()
        (mended,) = sync(catalog, [source(server, tmp_path)]).runs
    assert (failed.row.status, failed.row.requests, failed.row.fetched) == ("failed", 4, 0)
    assert "an HTML page: arXiv is down" in failed.row.error
    assert (mended.row.status, mended.row.new, mended.row.error) == ("ok", 3, "")
