"""Pages of records: what typing finds, how they are sorted, and the table; addresses that ask again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.catalog import Catalog, Filter, Size
from kb.errors import QueryError
from kb.scope import ScopeContext, parse_instant
from kb.types import Event, FileChange, Scope, Window
from kb.web.browse import Browser, Page, Wanted
from kb.web.browse_html import browse_html
from kb.web.filters import Filters, asked_by, filters_of, question_address
from tests.records import REPO, commit, day, put, sha, thread
from tests.web_pages import EN, HOSTILE, NOW, ZH, by_class, inert, said

RECORDS = (
    commit(1, "Fix the routing table (#41)", body="Tokens of an empty batch."),
    commit(2, "feat: paged decode", author="Grace", files=(FileChange(path="src/mla/top_k.py", additions=400, deletions=5),)),
    commit(3, "Release v10", repo="acme/other"),
    commit(4, "Release v2", repo="acme/other", files=()),
    thread("issue", 9, "Crash while routing", opened=5, closed=6),
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(opened, *RECORDS)
        yield opened


@pytest.fixture
def browser(catalog: Catalog) -> Browser:
    return Browser(catalog)


def titles(page: Page) -> list[str]:
    return [row.title for row in page.rows]


def test_without_words_the_latest_come_first(browser: Browser) -> None:
    page = browser.page(Wanted())
    assert titles(page) == [record.title for record in reversed(RECORDS)]
    assert (page.total, page.first, page.last, page.page, page.pages) == (5, 1, 5, 1, 1)


def test_a_row_says_what_a_table_shows(browser: Browser) -> None:
    row = browser.page(Wanted(text="paged")).rows[0]
    assert (row.id, row.key, row.kind, row.repo, row.author) == (commit(2).id, f"kernels@{sha(2)[:7]}", "commit", REPO, "Grace")
    assert (row.at, row.size, row.state) == (day(2), Size(1, 400, 5), "")
    assert browser.page(Wanted(text="crash")).rows[0].state == "closed"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("rout", ["Fix the routing table (#41)", "Crash while routing"]),  # half a word
        ("ROUTING", ["Fix the routing table (#41)", "Crash while routing"]),
        ("routing tab", ["Fix the routing table (#41)"]),  # every word
        ("tokens", ["Fix the routing table (#41)"]),  # of the text
        ("token batches", ["Fix the routing table (#41)"]),  # however it is inflected
        ("top_k.py", ["feat: paged decode"]),  # of a path
        ("value_1", ["Fix the routing table (#41)"]),  # of a changed line
        ("#9", ["Crash while routing"]),
        ("#41", ["Fix the routing table (#41)"]),
        (sha(2)[:7], ["feat: paged decode"]),
        ("grace", ["feat: paged decode"]),
        ("acme/other", ["Release v2", "Release v10"]),
        ("nothing at all", []),
        ("<script>", []),
    ],
)
def test_what_is_typed_is_found(browser: Browser, typed: str, found: list[str]) -> None:
    assert sorted(titles(browser.page(Wanted(text=typed)))) == sorted(found)


def test_what_fits_best_comes_first(browser: Browser) -> None:
    assert titles(browser.page(Wanted(text="table")))[0] == "Fix the routing table (#41)"


@pytest.mark.parametrize(
    ("sort", "descending", "first", "last"),
    [
        ("date", False, "Fix the routing table (#41)", "Crash while routing"),
        ("title", False, "Crash while routing", "Release v10"),  # v2 before v10
        ("size", True, "feat: paged decode", "Release v2"),
        ("kind", True, "Crash while routing", "Fix the routing table (#41)"),
        ("repo", False, "Crash while routing", "Release v10"),
    ],
)
def test_each_sort_orders(browser: Browser, sort: str, descending: bool, first: str, last: str) -> None:
    found = titles(browser.page(Wanted(sort=sort, descending=descending)))
    assert (found[0], found[-1]) == (first, last)


def test_filters_and_the_records_behind_a_bar_bound_what_is_shown(browser: Browser, catalog: Catalog) -> None:
    assert titles(browser.page(Wanted(filter=Filter(kinds=("issue",))))) == ["Crash while routing"]
    assert titles(browser.page(Wanted(text="release", filter=Filter(window=Window(day(3.5)))))) == ["Release v2"]
    docs = tuple(catalog.docs([commit(1).id, commit(2).id]).values())
    assert titles(browser.page(Wanted(docs=docs))) == ["feat: paged decode", "Fix the routing table (#41)"]
    assert browser.page(Wanted(docs=())).total == 0


def test_pages_are_counted_and_one_that_is_not_there_is_the_last(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "many.db") as catalog:
        put(catalog, *(commit(n) for n in range(1, 61)))
        browser = Browser(catalog)
        page = browser.page(Wanted(size=25, page=3))
        assert (len(page.rows), page.first, page.last, page.pages) == (10, 51, 60, 3)
        assert browser.page(Wanted(size=25, page=99)) == page
        assert browser.page(Wanted(size=25, page=-1)).first == 1


def test_what_is_synced_meanwhile_is_found(browser: Browser, catalog: Catalog) -> None:
    assert browser.page(Wanted(text="brandnew")).total == 0
    put(catalog, commit(7, "A brandnew thing"))
    assert titles(browser.page(Wanted(text="brandnew"))) == ["A brandnew thing"]


@pytest.mark.parametrize("wanted", [Wanted(sort="rank"), Wanted(size=1_000_000)])
def test_what_cannot_be_asked_for_is_told(browser: Browser, wanted: Wanted) -> None:
    with pytest.raises(QueryError, match="cannot"):
        browser.page(wanted)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(max_size=40))
def test_anything_may_be_typed(catalog: Catalog, typed: str) -> None:
    page = Browser(catalog).page(Wanted(text=typed))
    inert(browse_html(page, EN))


def test_ten_thousand_records_are_searched_as_somebody_types(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "many.db") as catalog:
        put(catalog, *(commit(n, f"fix: routing of part {n}", body="Tokens " * 20) for n in range(1, 10_001)))
        browser = Browser(catalog)
        browser.page(Wanted())
        for typed in ("r", "routing", "routing of part 77", "tokens"):
            started = time.process_time()
            browser.page(Wanted(text=typed))
            assert time.process_time() - started < 0.5, typed


# --- the table -------------------------------------------------------------------------------------------------------------


def test_the_table_leads_to_each_record(browser: Browser) -> None:
    tree = inert(browse_html(browser.page(Wanted(text="rout", sort="date")), EN))
    rows = [said(row) for row in by_class(tree, "kb-records")[0].find("tbody")]
    assert rows == [
        "2026-02-06 kernels#9 Crash while routing closed Issue Ada",
        f"2026-02-02 kernels@{sha(1)[:7]} Fix the routing table (#41) Commit Ada +1 −0",
    ]
    links = [link.get("href") for link in tree.iter("a")]
    assert links[0] == "?record=issue%3Aacme%2Fkernels%239"
    assert "1–2 of 2" in said(tree)


def test_an_empty_table_says_what_to_do(browser: Browser) -> None:
    assert "Take a filter away" in said(inert(browse_html(browser.page(Wanted(text="zzz")), EN)))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_row_does_anything(tmp_path: Path, hostile: str) -> None:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, commit(1, hostile, author=hostile, url=hostile), thread("issue", 2, hostile, opened=1))
        html = browse_html(Browser(catalog).page(Wanted(text=hostile[:50])), ZH)
        inert(html)
        inert(browse_html(Browser(catalog).page(Wanted()), EN))


# --- addresses -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("America/New_York")], ids=str)
def test_filters_resolve_to_the_window_that_they_were_made_of(zone: ZoneInfo) -> None:
    context = ScopeContext(now=NOW, tz=zone, repos=(), tags={})
    midnight = parse_instant("2026-02-03", context)
    for window in (Window(midnight, parse_instant("2026-02-09", context, end=True)), Window(day(2.375), day(3.8125))):
        made = filters_of(Scope(question="", window=window), zone)
        assert parse_instant(made.since, context) == window.start
        assert parse_instant(made.until, context, end=True) == window.end
    assert filters_of(Scope(question=""), zone) == Filters()


def test_an_open_end_stays_open() -> None:
    scope = Scope(question="", window=Window(day(1), NOW), resolved_at=NOW, repos=(REPO,), kinds=("commit",), topic="moe")
    assert filters_of(scope, UTC) == Filters("2026-02-02", "", (REPO,), ("commit",), "moe")


def test_an_address_asks_the_same_again() -> None:
    filters = Filters("2026-02-01", "2026-02-07", (REPO, "acme/other"), ("pull", "issue"))
    question = "What changed & why? 为什么 #12 +1"
    address = question_address(question, filters)
    assert asked_by(address) == (question, replace(filters, kinds=("pull", "issue")))
    assert question_address("q", Filters()) == "?q=q"


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_address_is_read(address: str) -> None:
    question, filters = asked_by(f"?{address}&kind=<b>&since={address}")
    assert len(question) <= 2_000
    assert set(filters.kinds) <= {"commit", "pull", "issue", "release", "paper", "post", "model"}


def test_an_address_of_too_many_fields_asks_nothing() -> None:
    assert asked_by("?" + "repo=a&" * 5_000) == ("", Filters())
    assert asked_by("?q=" + "a" * 50_000)[0].endswith("…")


def test_a_record_of_an_unknown_time_is_still_listed(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, commit(1, events=()), commit(2, events=(Event("landed", day(1)),)))
        assert Browser(catalog).page(Wanted(sort="date")).total == 2
