"""What fits on a phone and what fills a large screen."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser import driving
from tests.browser.conftest import Visit

ONE_LINE = 36  # px


def test_a_long_name_that_is_chosen_stays_in_its_box(visit: Visit) -> None:
    page = visit("?tab=activity&repo=acme/rocket&kind=commit&kind=pull&kind=issue&kind=release", width=360, height=780)
    driving.settled(page)
    for value in page.locator("#kb-activity-form .kb-value").all():
        shown = value.evaluate("(box) => [box.scrollHeight, box.firstElementChild.getBoundingClientRect().height]")
        assert max(shown) <= ONE_LINE, value.text_content()


def test_tabs_beyond_the_edge_of_a_phone_are_hinted_at(visit: Visit) -> None:
    page = visit(width=360, height=780)
    strip = page.locator("#kb-tabs .tab-container[role=tablist]")
    assert strip.evaluate("(strip) => strip.scrollWidth > strip.clientWidth")
    assert "local" in strip.evaluate("(strip) => getComputedStyle(strip).backgroundAttachment")


def test_pictures_fill_a_large_screen(visit: Visit) -> None:
    page = visit(width=3840, height=2160)
    driving.tab(page, "activity")
    last = page.locator("#kb-pictures .kb-picture:has(.js-plotly-plot)").last
    expect(last).to_be_visible()
    page.wait_for_function("() => document.querySelector('.kb-picture .main-svg')?.getBoundingClientRect().height > 450")
    assert (last.bounding_box() or {"y": 0})["y"] > 1000
