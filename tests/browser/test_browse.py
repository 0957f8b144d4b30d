"""Browse and Activity: searched as one types, filtered, sorted, paged; a bar leads to its records."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import Visit
from tests.browser.world import World


def rows(page: Page) -> Locator:
    return page.locator("#kb-browse .kb-records tbody tr")


def browse(page: Page) -> Page:
    driving.tab(page, "browse")
    rows(page).first.wait_for()
    return page


def search(page: Page, text: str) -> None:
    page.locator("#kb-browse-text").fill("")
    page.locator("#kb-browse-text").press_sequentially(text, delay=5)


def test_typing_finds_and_a_row_opens_its_record(visit: Visit, world: World) -> None:
    page = browse(visit())
    every = rows(page).count()
    search(page, "page table before")
    expect(rows(page)).not_to_have_count(every)
    expect(rows(page).first).to_contain_text("Check the page table before it is read")
    rows(page).first.locator(".kb-col-date").click()
    expect(driving.drawer(page).locator("article.kb-record")).to_contain_text("Check the page table")
    assert "text=page+table+before" in page.url
    page.reload()
    expect(rows(page).first).to_contain_text("Check the page table before it is read")


def test_filters_narrow_and_are_taken_away_by_one_click(visit: Visit) -> None:
    page = browse(visit())
    every = rows(page).count()
    page.locator("#kb-browse-form summary", has_text=re.compile("Kind")).click()
    page.locator("#kb-browse-form input[name=kind][value=issue]").check()
    expect(rows(page)).to_have_count(14)
    for kind in rows(page).locator(".kb-col-kind").all():
        expect(kind).to_have_text("Issue")
    page.locator("#kb-browse [data-clear=kind]").click()
    expect(rows(page)).to_have_count(every)


def test_what_is_found_by_nothing_is_told(visit: Visit) -> None:
    page = browse(visit())
    search(page, "zzzzqqqq")
    expect(page.locator("#kb-browse .kb-empty")).to_be_visible()
    expect(rows(page)).to_have_count(0)


def test_the_table_is_used_by_keyboard(visit: Visit, world: World) -> None:
    page = browse(visit())
    page.keyboard.press("/")
    expect(page.locator("#kb-browse-text")).to_be_focused()
    page.keyboard.type("split-K")
    expect(rows(page).first).to_contain_text("split-K")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    second = rows(page).nth(1).locator("a.kb-link")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    driving.shown(page, second.get_attribute("data-id") or "?")
    page.keyboard.press("Escape")
    expect(driving.drawer(page)).to_have_attribute("data-state", "closed")
    expect(second).to_be_focused()


def test_pages_turn_and_the_order_can_be_chosen(visit: Visit) -> None:
    page = browse(visit())
    page.locator("#kb-browse-form select[name=sort]").select_option("date")
    page.locator("#kb-browse-form select[name=order]").select_option("ascending")
    expect(rows(page).first).to_contain_text("2025-12-01")
    first = rows(page).first.inner_text()
    page.locator("#kb-browse [data-page='2']").click()
    expect(rows(page).first).not_to_have_text(first)


def test_a_bar_leads_to_its_records_and_back(visit: Visit) -> None:
    page = visit("?tab=activity&repo=acme%2Frocket")
    picture = page.locator("#kb-picture-changes")
    picture.locator(".barlayer path").first.wait_for()
    picture.locator("details.kb-as-table summary").click()
    count = picture.locator("[data-picture][data-bar]").first
    wanted = int(count.inner_text().replace(",", ""))
    count.click()
    expect(page.locator("#kb-browse .kb-behind")).to_be_visible()
    expect(rows(page)).to_have_count(wanted)
    page.locator("#kb-browse [data-tab=activity]").click()
    expect(picture).to_be_visible()


def test_a_drawn_bar_can_be_clicked(visit: Visit) -> None:
    page = visit("?tab=activity&repo=acme%2Frocket")
    bar = page.locator("#kb-picture-changes .barlayer path").first
    bar.wait_for()
    driving.settled(page)
    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#kb-browse .kb-behind")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_column_is_out_of_sight(visit: Visit, width: int) -> None:
    page = browse(visit(width=width))
    table = page.locator("#kb-browse .kb-scroll")
    assert table.evaluate("(element) => element.scrollWidth - element.clientWidth") <= 0


def test_filters_are_shared_by_ask_activity_and_browse(visit: Visit) -> None:
    page = visit(driving.asked_by_address("What changed in rocket from 2026-02-02 to 2026-02-06?"))
    driving.answered(page.locator(driving.LATEST))
    browse(page)
    expect(page.locator("#kb-browse .kb-active")).to_contain_text("acme/rocket")
    for repo in rows(page).locator(".kb-col-key").all():
        expect(repo).to_contain_text("rocket")


def test_a_window_in_which_nothing_happened_is_told(visit: Visit) -> None:
    page = visit("?tab=activity&since=2020-01-01&until=2020-01-31")
    expect(page.locator("#kb-activity .kb-empty")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
