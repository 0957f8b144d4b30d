"""Reports: the archive as a calendar, a report with its citations and its check, making one, taking it along."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
from lxml import etree
from playwright.sync_api import Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import Visit
from tests.browser.server import Server
from tests.browser.world import REPORT_DAY, World

CHECKED = re.compile(r"(\d+) of \1 claims checked")


def report(page: Page) -> Locator:
    return page.locator("#kb-report article[data-report]")


def make(page: Page, day: str, *, length: str = "1d", language: str = "en") -> None:
    page.locator("#kb-make-day").fill(day)
    page.locator("#kb-make-length").select_option(length)
    page.locator("#kb-make-language").select_option(language)
    page.locator("form.kb-making button[type=submit]").click()


def test_the_latest_report_is_open_and_checked_and_its_chips_open_records(visit: Visit, world: World) -> None:
    page = visit()
    driving.tab(page, "reports")
    expect(report(page)).to_contain_text(CHECKED)
    page.locator(f".kb-calendar button.kb-day[aria-label^='{REPORT_DAY}']").click()
    expect(report(page)).to_have_attribute("data-address", re.compile(REPORT_DAY))
    expect(report(page)).to_contain_text("Check the page table before it is read")
    chip = report(page).locator(f'.kb-chip[data-id="{world.fix_id}"]').first
    driving.open_chip(page, chip)
    page.keyboard.press("Escape")
    expect(chip).to_be_focused()


def test_a_report_has_an_address(visit: Visit) -> None:
    page = visit(f"?tab=reports&day={REPORT_DAY}&lang=en")
    expect(report(page)).to_contain_text("Check the page table before it is read")
    page.reload()
    expect(report(page)).to_contain_text("Check the page table before it is read")


def test_a_day_without_a_report_is_told(visit: Visit) -> None:
    page = visit("?tab=reports&day=2026-01-02")
    expect(page.locator("#kb-report .kb-empty")).to_contain_text("2026-01-02")


def test_a_report_is_made_while_it_is_watched(visit: Visit, world: World) -> None:
    page = visit()
    driving.tab(page, "reports")
    make(page, "2026-02-12")
    expect(page.locator("#kb-report-job section")).to_be_visible()
    expect(report(page)).to_have_attribute("data-report", "2026-02-12")
    expect(report(page)).to_contain_text(CHECKED)
    expect(page.locator("#kb-report-job .kb-ended")).to_contain_text("written")
    assert (world.home / "reports" / "2026-02-12.md").exists()
    page.locator("#kb-report button[data-do=again]").click()
    expect(page.locator("#kb-report-job .kb-ended")).to_contain_text("Nothing has changed")


def test_a_week_in_chinese_can_be_made(visit: Visit) -> None:
    page = visit(locale="zh-CN")
    driving.tab(page, "reports")
    make(page, "2026-02-14", length="7d", language="zh")
    expect(report(page)).to_have_attribute("data-address", re.compile("2026-02-14"))
    expect(report(page).locator(".kb-report")).to_have_attribute("lang", "zh")


def test_a_report_can_be_taken_along(visit: Visit, world: World) -> None:
    page = visit(f"?tab=reports&day={REPORT_DAY}", accept_downloads=True)
    expect(report(page)).to_contain_text(CHECKED)
    with page.expect_download() as markdown:
        page.locator("#kb-report-markdown").click()
    assert markdown.value.suggested_filename == f"{REPORT_DAY}.md"
    assert Path(markdown.value.path()).read_bytes() == (world.home / "reports" / f"{REPORT_DAY}.md").read_bytes()
    with page.expect_download() as data:
        page.locator("#kb-report-json").click()
    assert json.loads(Path(data.value.path()).read_text(encoding="utf-8"))["date"] == REPORT_DAY


def test_the_feed_is_linked_and_can_be_read(visit: Visit, app: Server) -> None:
    page = visit()
    driving.tab(page, "reports")
    href = page.locator("a.kb-feed").get_attribute("href")
    feed = etree.fromstring(httpx.get(f"{app.url}/{href}").content)
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"


def test_a_page_that_a_person_changed_is_told_and_not_written_over(visit: Visit, world: World) -> None:
    path = world.home / "reports" / "2026-02-08.md"
    path.write_text(path.read_text(encoding="utf-8") + "\n<script>window.__pwned = 1</script> by hand\n", encoding="utf-8")
    page = visit("?tab=reports&day=2026-02-08&length=7d")
    expect(report(page)).to_contain_text("Changed by hand")
    expect(report(page)).to_contain_text("by hand")
    page.locator("#kb-report button[data-do=again]").click()
    expect(page.locator("#kb-report-job .kb-ended")).to_contain_text("a person changed it")
    assert "by hand" in path.read_text(encoding="utf-8")
