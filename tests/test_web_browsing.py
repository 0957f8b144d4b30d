"""Browse, Activity and the page for programs, as far as they are pure: addresses, filters, chips, pages, tables, samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from inspect import Parameter
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import HtmlElement, fragment_fromstring
from markupsafe import Markup

from kb.catalog import Catalog, Filter
from kb.errors import QueryError
from kb.types import FileChange, Window
from kb.web.activity import Activity
from kb.web.activity_html import above_html, bar_label, nothing_html, table_of
from kb.web.bounds import LONGEST, Cut, bounded, cut_text, without_paths
from kb.web.browse import LONGEST_QUERY, SIZES, SORTS, Browser, Wanted
from kb.web.browse_page import record_page, table_html, wrong_html
from kb.web.browsing import Behind, Browsing, browsing_address, browsing_by
from kb.web.filters import Filters
from kb.web.narrow_html import active_html, narrow_html
from kb.web.pictures import NAMES, Pictures, steady
from kb.web.programs import parameters
from kb.web.programs_html import base_url, programs_html
from tests.records import REPO, commit, day, put, thread
from tests.web_pages import EN, HOSTILE, NOW, ZH, by_class, said

EVENT_HANDLERS = ("on", "style", "srcdoc", "formaction")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(
            opened,
            *(commit(n, f"fix: routing of part {n}") for n in range(1, 61)),
            thread("issue", 9, "Crash", opened=5, closed=6),
        )
        yield opened


def tree_of(page: Markup | None) -> HtmlElement:
    """The page as a tree, without any element or attribute that could run."""
    tree = fragment_fromstring(str(page or ""), create_parent="main")
    for element in tree.iterdescendants():
        assert element.tag not in ("script", "iframe", "img", "object", "base", "meta")
        assert not any(name.startswith(EVENT_HANDLERS) for name in element.attrib), element.attrib
    return tree


def field(tree: HtmlElement, name: str) -> HtmlElement:
    (found,) = tree.xpath(f'.//*[@name="{name}"]')
    return found


# --- addresses ---------------------------------------------------------------------------------------------------------------


def test_an_address_shows_the_same_again() -> None:
    shown = Browsing(
        filters=Filters(since="2026-02-01", until="2026-02-03", repos=("acme/kernels", "acme/other"), kinds=("commit",)),
        text="top_k & paged",
        states=("open", "closed"),
        sort="size",
        descending=False,
        page=3,
    )
    address = browsing_address("browse", shown)
    assert browsing_by(address) == shown
    assert parse_qs(address.removeprefix("?"))["tab"] == ["browse"]


def test_what_changed_no_line_says_how_many_files(tmp_path: Path) -> None:
    picture, moved = FileChange(path="logo.png", binary=True), FileChange(path="b.py", old_path="a.py", status="R100")
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, commit(1, files=(picture,)), commit(2, files=(picture, moved)), commit(3, files=()), commit(4))
        tree = tree_of(table_html(Browser(catalog).page(Wanted(sort="date")), Browsing(), None, EN))
        shown = tree_of(record_page(catalog, commit(1).id, EN))
    assert [said(cell) for cell in by_class(tree, "kb-col-size")[1:]] == ["+1 −0", "", "2 files", "1 file"]
    assert "+0" not in said(by_class(shown, "kb-facts")[0])


def test_a_length_takes_the_place_of_days() -> None:
    assert browsing_by("?window=30d&since=2026-01-01&until=2026-01-02").filters == Filters(since="30d")
    assert browsing_by("?window=&since=2026-01-01").filters == Filters()
    assert browsing_by("?window=nonsense&since=2026-01-01").filters == Filters(since="2026-01-01")


@pytest.mark.parametrize(
    "address",
    [
        "?sort=nonsense&order=up&part=0&size=7&state=x&kind=y",
        "?part=99999999999999999999",
        "?part=٣",
        "?part=-1",
        "?text=" + "x" * 100_000,
        "?" + "&".join(f"repo=r{n}" for n in range(500)),
        "?%ff=%fe&=&&&",
        "",
    ],
)
def test_what_an_address_cannot_ask_for_is_left_out(address: str) -> None:
    shown = browsing_by(address)
    assert (shown.sort, shown.descending, shown.states, shown.filters.kinds, shown.size) == ("relevance", True, (), (), 50)
    assert 0 <= shown.page <= 100_000
    assert len(shown.text) <= LONGEST_QUERY


@given(st.text(max_size=300))
def test_any_address_can_be_read(address: str) -> None:
    shown = browsing_by(address)
    assert shown.sort in SORTS
    assert shown.size in SIZES
    assert browsing_by(browsing_address("browse", shown)) == browsing_by(browsing_address("browse", browsing_by(address)))


# --- filters -----------------------------------------------------------------------------------------------------------------


def test_the_form_shows_what_is_set() -> None:
    shown = Browsing(
        filters=Filters(since="30d", repos=("acme/other",), kinds=("issue",)), text="top_k", states=("open",), sort="size"
    )
    tree = tree_of(narrow_html(shown, [REPO, "acme/other"], EN, tab="browse", records=True))
    assert field(tree, "text").get("value") == "top_k"
    assert [option.get("value") for option in field(tree, "window") if option.get("selected") is not None] == ["30d"]
    assert [option.get("value") for option in field(tree, "sort") if option.get("selected") is not None] == ["size"]
    ticked = [(box.get("name"), box.get("value")) for box in tree.iter("input") if box.get("checked") is not None]
    assert ticked == [("repo", "acme/other"), ("kind", "issue"), ("state", "open")]
    assert [value[0].text for value in by_class(tree, "kb-value")] == ["acme/other", "Issue", "open"]


def test_days_are_only_asked_for_where_they_are_meant() -> None:
    tree = tree_of(narrow_html(Browsing(), [], EN, tab="activity", records=False))
    assert all(field(tree, name).get("disabled") is not None for name in ("since", "until"))
    assert not tree.xpath('.//*[@name="text" or @name="sort" or @name="state"]')
    own = Browsing(filters=Filters(since="2026-02-01", until="2026-02-03T09:00:00+0000"))
    tree = tree_of(narrow_html(own, [], EN, tab="browse", records=True))
    assert [(field(tree, name).get("type"), field(tree, name).get("value")) for name in ("since", "until")] == [
        ("date", "2026-02-01"),
        ("text", "2026-02-03T09:00:00+0000"),
    ]


def test_every_field_has_a_name_to_read_aloud() -> None:
    tree = tree_of(narrow_html(Browsing(), [REPO], ZH, tab="browse", records=True))
    labelled = {label.get("for") for label in tree.iter("label")}
    for element in [*tree.iter("select"), *tree.iter("input")]:
        inside = element.getparent().tag == "label"
        assert inside or element.get("aria-label") or element.get("id") in labelled
    ids = [element.get("id") for element in tree.iterdescendants() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert "kb-browse-order" not in ids  # the hidden field's


def test_each_filter_that_is_set_can_be_taken_away_by_one_click() -> None:
    shown = Browsing(filters=Filters(since="2026-02-01", repos=(REPO,), kinds=("commit",)), states=("merged",))
    tree = tree_of(active_html(shown, EN))
    buttons = [(one.get("data-clear"), one.get("data-value") or "") for one in tree.iter("button")]
    assert buttons == [("since", "2026-02-01"), ("repo", REPO), ("kind", "commit"), ("state", "merged"), ("all", "")]
    assert active_html(Browsing(text="top_k"), EN) is None
    assert "Last 7 days" in said(tree_of(active_html(Browsing(filters=Filters(since="7d")), EN)))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_filter_does_anything(hostile: str) -> None:
    shown = Browsing(filters=Filters(since=hostile, until=hostile, repos=(hostile,)), text=hostile)
    tree_of(narrow_html(shown, [hostile], EN, tab="browse", records=True))
    tree_of(active_html(shown, ZH))
    tree_of(wrong_html(QueryError(hostile, remedy=hostile), shown, EN))


# --- the table and the page of a record --------------------------------------------------------------------------------------


def test_pages_are_turned_by_buttons(catalog: Catalog) -> None:
    browser = Browser(catalog)
    tree = tree_of(table_html(browser.page(Wanted(size=25, page=2)), Browsing(page=2, size=25), None, EN))
    turns = [(one.get("data-page"), one.get("disabled") is not None) for one in by_class(tree, "kb-pages")[0].iter("button")]
    assert turns == [("1", False), ("3", False)]
    last = tree_of(table_html(browser.page(Wanted(size=25, page=3)), Browsing(page=3, size=25), None, EN))
    assert [one.get("disabled") is not None for one in by_class(last, "kb-pages")[0].iter("button")] == [False, True]
    one = tree_of(table_html(browser.page(Wanted(size=100)), Browsing(size=100), None, EN))
    assert not by_class(one, "kb-pages")


def test_the_records_behind_a_bar_have_a_way_back(catalog: Catalog) -> None:
    behind = Behind("Changes per day: <b>kernels</b>", tuple(catalog.docs([commit(1).id]).values()))
    tree = tree_of(table_html(Browser(catalog).page(Wanted(docs=behind.docs)), Browsing(), behind, EN))
    (told,) = by_class(tree, "kb-behind")
    assert "Changes per day: <b>kernels</b>" in said(told)
    assert [one.get("data-clear") or one.get("data-tab") for one in told.iter("button")] == ["docs", "activity"]
    assert "1–1 of 1" in said(tree)


def test_a_record_has_a_page_of_its_own(catalog: Catalog) -> None:
    tree = tree_of(record_page(catalog, commit(3).id, EN))
    assert "fix: routing of part 3" in said(tree)
    assert by_class(tree, "kb-record")[0].get("data-id") == commit(3).id
    missing = said(tree_of(record_page(catalog, "<script>" * 1_000, EN)))
    assert "There is no record" in missing
    assert len(missing) < 500


# --- activity ----------------------------------------------------------------------------------------------------------------


def test_a_picture_is_worked_out_once_for_each_state_of_the_store(catalog: Catalog) -> None:
    pictures, activity = Pictures(), Activity(catalog, UTC)
    first = pictures.picture("changes", activity, catalog, Filter(), EN)
    assert pictures.picture("changes", activity, catalog, Filter(), EN) is first
    assert pictures.picture("changes", activity, catalog, Filter(), ZH) is not first
    put(catalog, commit(99, "feat: one more"))
    after = pictures.picture("changes", activity, catalog, Filter(), EN)
    assert sum(bar.count for bar in after.tally.bars) == sum(bar.count for bar in first.tally.bars) + 1


def test_a_window_until_now_is_the_same_window_a_moment_later() -> None:
    def of(seconds: int) -> Filter:
        end = NOW + timedelta(seconds=seconds)
        return steady(Filter(window=Window(end - timedelta(days=7), end)))

    assert of(3) == of(30)
    assert of(3).window.end is not None
    assert of(3).window.end > NOW + timedelta(seconds=3)
    whole = Filter(window=Window(day(1) - timedelta(hours=12), day(2) - timedelta(hours=12)))
    assert steady(whole) == whole
    assert steady(Filter()) == Filter()


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_also_a_table_with_a_way_to_the_records(catalog: Catalog, name: str) -> None:
    picture = Pictures().picture(name, Activity(catalog, UTC), catalog, Filter(), EN)
    if name == "papers":
        assert picture.figure == ""
        return
    assert json.loads(picture.figure)["config"]["displayModeBar"] is False
    tree = tree_of(table_of(picture, EN))
    buttons = list(tree.iter("button"))
    assert [int(one.get("data-bar")) for one in buttons] == list(range(len(picture.tally.bars)))
    assert {one.get("data-picture") for one in buttons} == {name}
    for one, bar in zip(buttons, picture.tally.bars, strict=True):
        assert one.get("aria-label") == f"{bar_label(picture, bar, EN)}: {bar.count:,}"


def test_a_bar_is_called_by_what_it_counts(catalog: Catalog) -> None:
    picture = Pictures().picture("changes", Activity(catalog, UTC), catalog, Filter(), EN)
    assert bar_label(picture, picture.tally.bars[0], EN) == f"Changes per day: {REPO}, {picture.tally.bars[0].place}"
    kinds = Pictures().picture("kinds", Activity(catalog, UTC), catalog, Filter(), EN)
    assert bar_label(kinds, kinds.tally.bars[0], EN).startswith("Kinds of change per day: Fixes, 2026-")


def test_what_stands_above_the_pictures(catalog: Catalog) -> None:
    shown = Browsing(filters=Filters(repos=(REPO,)))
    assert "Choose a bar" in said(tree_of(above_html(shown, EN)))
    nothing = tree_of(nothing_html(shown, EN))
    assert "Nothing happened here" in said(nothing)
    assert [one.get("data-clear") for one in nothing.iter("button")] == ["repo", "all"]


# --- for programs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "root", "expected"),
    [
        ({"host": "127.0.0.1:7860"}, "", "http://127.0.0.1:7860"),
        ({"host": "[::1]:7860"}, "", "http://[::1]:7860"),
        ({"host": "kb.example.org", "x-forwarded-proto": "https"}, "/kb/", "https://kb.example.org/kb"),
        ({"host": "inner:1", "x-forwarded-host": "kb.example.org, inner"}, "", "http://kb.example.org"),
        ({"host": 'x"><script>alert(1)</script>'}, "", "http://127.0.0.1:7860"),
        ({"host": "kb.example.org", "x-forwarded-proto": "javascript"}, "/<b>", "http://kb.example.org"),
        ({}, "", "http://127.0.0.1:7860"),
    ],
)
def test_the_address_is_the_one_that_is_seen(headers: dict[str, str], root: str, expected: str) -> None:
    assert base_url(headers, scheme="http", root=root) == expected


@pytest.mark.parametrize("password", [False, True])
def test_the_samples_can_be_pasted(password: bool) -> None:
    question = 'What\'s new in "flashinfer"? <b>'
    tree = tree_of(programs_html("http://127.0.0.1:7860", parameters(), EN, example=question, password=password))
    configuration, address, python, curl = ("".join(block.itertext()) for block in tree.iter("pre"))
    server = json.loads(configuration)["mcpServers"]["infra-kb"]
    assert server["url"] == address == "http://127.0.0.1:7860/gradio_api/mcp/"
    assert ("headers" in server, "auth=" in python, "/login" in curl) == (password,) * 3
    compile(python, "sample", "exec")
    assert json.dumps(question) in python
    assert "'\\''" in curl
    assert len([one for one in tree.iter("button") if one.get("data-copy") is not None]) == 4


def test_the_page_lists_every_function_with_its_arguments() -> None:
    told = said(by_class(tree_of(programs_html("http://h", parameters(), ZH)), "kb-functions")[0])
    for name, arguments in parameters().items():
        assert name in told
        assert all(argument in told for argument in arguments)
    assert parameters()["record"] == {"id": Parameter.empty, "characters": 40_000}


def test_results_are_bounded_and_say_what_is_missing() -> None:
    cut = Cut()
    found = bounded(
        {"a": ["x"] * 7, "b": {"c": "y" * (LONGEST + 1)}, "whole": "z" * 9_000, "n": 1}, cut, most=5, whole=("whole",)
    )
    assert found == {"a": ["x"] * 5, "b": {"c": "y" * LONGEST}, "whole": "z" * 9_000, "n": 1}
    assert cut.sentences() == ["a: the first 5 of 7", f"b.c: texts of more than {LONGEST:,} characters are cut"]


def test_a_text_is_cut_at_the_end_of_a_line() -> None:
    cut = Cut()
    assert cut_text("one\ntwo\nthree", 9, "text", cut, remedy="ask for more") == "one\ntwo\n"
    assert cut_text("onetwothree", 6, "text", cut, remedy="ask for more") == "onetwo"
    assert cut.sentences() == [
        "text: the first 9 of 13 characters; ask for more",
        "text: the first 6 of 11 characters; ask for more",
    ]
    assert cut_text("one", 3, "text", Cut(), remedy="") == "one"


def test_nothing_that_is_given_back_looks_like_a_file_to_fetch() -> None:
    assert without_paths({"path": "a", "files": [{"path": "b", "n": 1}]}) == {"file": "a", "files": [{"file": "b", "n": 1}]}
