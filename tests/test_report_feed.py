"""The feed of an archive, read with a feed reader's parser: order, ids, times and links; hostile texts; no clock in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import feedparser
import pytest

from kb.report.archived import Archived, Identity
from kb.report.feed import LONGEST, atom

DAY = datetime(2026, 2, 2, tzinfo=UTC)


def archived(days: int = 0, *, length: str = "1d", language: str = "en", repos: tuple[str, ...] = ()) -> Archived:
    """The report of a day counted from DAY."""
    since = DAY + timedelta(days=days)
    until = since + timedelta(days=1)
    return Archived(
        name=f"{since:%Y-%m-%d}",
        identity=Identity(since.date(), length, language, repos),
        title=f"Daily report: {since:%Y-%m-%d}",
        summary="From 3 records, 1 in detail.",
        since=since,
        until=until,
        as_of=until,
    )


def test_a_reader_sees_every_report_newest_first() -> None:
    read = feedparser.parse(atom([archived(), archived(-1)]))
    assert not read.bozo
    assert read.version == "atom10"
    assert [entry.title for entry in read.entries] == ["Daily report: 2026-02-02", "Daily report: 2026-02-01"]
    assert [entry.link for entry in read.entries] == ["2026-02-02.md", "2026-02-01.md"]
    assert [entry.updated for entry in read.entries] == ["2026-02-03T00:00:00+00:00", "2026-02-02T00:00:00+00:00"]
    assert read.feed.updated == "2026-02-03T00:00:00+00:00"
    assert read.entries[0].summary == "From 3 records, 1 in detail."
    assert read.feed.author == "infra-kb"


def test_the_same_reports_give_the_same_bytes() -> None:
    assert atom([archived(), archived(-1)]) == atom([archived(), archived(-1)])


def test_an_id_is_that_of_the_report_whatever_becomes_of_its_text_name_and_address() -> None:
    def ids(report: Archived, base_url: str = "") -> list[str]:
        return [entry.id for entry in feedparser.parse(atom([report], base_url=base_url)).entries]

    first = archived()
    other = replace(first, title="Another title", summary="More.", name="2026-02-02-1d-en", as_of=DAY)
    assert ids(first) == ids(other, "https://example.org/reports") == ["urn:uuid:8fcd0e35-44a4-5c0c-9b54-69c4ba198a12"]
    unlike = [archived(-1), archived(length="7d"), archived(language="zh"), archived(repos=("a/b",))]
    assert len({id for report in [first, *unlike] for id in ids(report)}) == 5


@pytest.mark.parametrize("base_url", ["https://example.org/r", "https://example.org/r/"])
def test_links_are_absolute_where_the_address_is_known(base_url: str) -> None:
    read = feedparser.parse(atom([archived()], base_url=base_url))
    assert read.entries[0].link == "https://example.org/r/2026-02-02.md"
    assert {link["href"] for link in read.feed.links} == {"https://example.org/r/README.md", "https://example.org/r/feed.xml"}


def test_a_report_that_is_not_whole_was_updated_when_it_was_made() -> None:
    made = DAY + timedelta(hours=9)
    read = feedparser.parse(atom([replace(archived(), as_of=made)]))
    assert read.entries[0].updated == made.isoformat()


def test_a_report_of_newer_facts_was_updated_when_these_had_been_read() -> None:
    read = feedparser.parse(atom([replace(archived(), read_at=DAY + timedelta(days=3))]))
    assert read.entries[0].updated == read.feed.updated == (DAY + timedelta(days=3)).isoformat()


def test_the_latest_hundred_are_enough() -> None:
    reports = [archived(-number) for number in range(LONGEST + 50)]
    read = feedparser.parse(atom(reports))
    assert len(read.entries) == LONGEST
    assert read.entries[-1].title.endswith((date(2026, 2, 2) - timedelta(days=LONGEST - 1)).isoformat())


def test_hostile_texts_are_text() -> None:
    hostile = "</title><script>alert(1)</script> & ]]> \x00\x1b[31m\u202e\ufffe\uffff\udcff 报告"
    page = atom([replace(archived(), title=hostile, summary=hostile)])
    read = feedparser.parse(page, sanitize_html=False)
    assert not read.bozo
    assert read.entries[0].title_detail.type == "text/plain"
    assert "<script>" not in page.decode()
    assert read.entries[0].title.startswith("</title><script>alert(1)</script> & ]]>")
    assert read.entries[0].title.endswith("报告")
