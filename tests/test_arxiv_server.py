"""The local arXiv itself: its query language, its order and its pages, as the service's manual describes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import arxiv
import httpx
import pytest

from tests.arxiv_search import NEWEST
from tests.arxiv_server import ArxivServer, populate


@pytest.fixture
def server() -> Iterator[ArxivServer]:
    with ArxivServer() as running:
        running.add_paper(
            "2602.00001", "Draft trees", "Fast decoding.", authors=["Ada Lovelace"], categories=["cs.LG", "cs.DC"]
        )
        running.add_paper("2602.00002", "Paged attention", "Draft of a cache.", authors=["Alan Turing"], categories=["cs.OS"])
        running.add_paper(
            "cs/0112017", "Old trees", "Roots.", authors=["Ada Byron"], published=NEWEST - timedelta(days=9), version=2
        )
        running.revise("cs/0112017", NEWEST + timedelta(hours=1))
        yield running


def ids(server: ArxivServer, search: arxiv.Search) -> list[str]:
    client = arxiv.Client(page_size=2, delay_seconds=0, num_retries=0)
    client.query_url_format = f"{server.url}?{{}}"
    return [result.get_short_id() for result in client.results(search)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("all:draft", ["2602.00001v1", "2602.00002v1"]),
        ("draft", ["2602.00001v1", "2602.00002v1"]),
        ("ti:draft", ["2602.00001v1"]),
        ("abs:draft", ["2602.00002v1"]),
        ('ti:"draft trees"', ["2602.00001v1"]),
        ('ti:"trees draft"', []),
        ('au:"Ada Lovelace"', ["2602.00001v1"]),
        ("au:ada", ["2602.00001v1", "cs/0112017v3"]),
        ("cat:cs.DC", ["2602.00001v1"]),
        ("cat:cs.*", ["2602.00001v1", "2602.00002v1", "cs/0112017v3"]),
        ("ti:trees AND au:ada", ["2602.00001v1", "cs/0112017v3"]),
        ("ti:trees ANDNOT ti:draft", ["cs/0112017v3"]),
        ("ti:paged OR ti:trees AND ti:old", ["2602.00002v1", "cs/0112017v3"]),
        ("(ti:paged OR ti:trees) AND ti:old", ["cs/0112017v3"]),
        ("ti:paged ti:old", ["2602.00002v1", "cs/0112017v3"]),
    ],
)
def test_the_query_language(server: ArxivServer, query: str, found: list[str]) -> None:
    assert ids(server, arxiv.Search(query)) == found


@pytest.mark.parametrize("query", ["(ti:a", "ti:a)", "ti:a AND", "OR ti:a", "()"])
def test_a_query_that_is_malformed_gets_an_error_entry(server: ArxivServer, query: str) -> None:
    feed = httpx.get(server.url, params={"search_query": query}).text
    assert "http://arxiv.org/api/errors#" in feed
    assert "<title>Error</title>" in feed


def test_ids_order_and_pages(server: ArxivServer) -> None:
    assert ids(server, arxiv.Search(id_list=["2602.00002v1", "cs/0112017"])) == ["2602.00002v1", "cs/0112017v3"]
    by_update = arxiv.Search("cat:cs.*", sort_by=arxiv.SortCriterion.LastUpdatedDate)
    assert ids(server, by_update) == ["cs/0112017v3", "2602.00002v1", "2602.00001v1"]
    by_date = arxiv.Search("cat:cs.*", sort_by=arxiv.SortCriterion.SubmittedDate, sort_order=arxiv.SortOrder.Ascending)
    assert ids(server, by_date) == ["cs/0112017v3", "2602.00001v1", "2602.00002v1"]
    assert [asked.start for asked in server.asked] == [0, 0, 2, 0, 2]


def test_a_population_is_the_same_every_time() -> None:
    with ArxivServer() as one, ArxivServer() as other:
        populate(one, 500)
        populate(other, 500)
        assert one.papers == other.papers
        assert len(one.papers) == 500
