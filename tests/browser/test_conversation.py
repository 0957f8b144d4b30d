"""A conversation over its turns: none is sent twice, a reload keeps them, two tabs do not forget each other's questions."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import Visit
from tests.browser.world import FEBRUARY

NEEDLE = "Which commit fixed issue #1?"
KEPT = "JSON.parse(localStorage.getItem('kb-asked')).length"


def asked(page: Page) -> list[str]:
    return page.locator("article.kb-turn .kb-asked").all_text_contents()


def test_turns_stay_over_a_reload_and_a_new_conversation_begins_without_them(visit: Visit) -> None:
    page = visit()
    questions = [FEBRUARY, NEEDLE, "What changed in rocket from 2026-02-02 to 2026-02-06?"]
    for question in questions:
        driving.ask(page, question)
    assert asked(page) == questions
    assert page.locator("#kb-past article.kb-turn .kb-body .kb-chip").count() > 20
    page.reload()
    driving.ready(page)
    expect(page.locator("article.kb-turn")).to_have_count(3)
    driving.answered(page.locator(driving.LATEST))
    assert asked(page) == questions
    driving.open_chip(page, page.locator("#kb-past .kb-body .kb-chip").first)
    page.locator("#kb-drawer-close").click()
    page.locator("#kb-new").click()
    expect(page.locator("article.kb-turn")).to_have_count(0)
    expect(page.locator("#kb-history")).to_contain_text(NEEDLE)
    page.reload()
    driving.ready(page)
    expect(page.locator("#kb-welcome")).to_be_visible()
    assert asked(page) == []


def test_two_tabs_remember_each_others_questions(visit: Visit) -> None:
    first = visit()
    other = first.context.new_page()
    other.goto(first.url)
    driving.ready(other)
    driving.ask(first, NEEDLE)
    driving.ask(other, FEBRUARY)
    assert first.evaluate(KEPT) == 2
    expect(first.locator("#kb-history")).to_contain_text(FEBRUARY, use_inner_text=False)


def test_a_question_that_is_too_long_stays_in_the_field(visit: Visit) -> None:
    page = visit()
    driving.question(page).fill("a" * 3_000)
    driving.question(page).press("Enter")
    expect(page.locator(driving.LATEST)).to_have_attribute("data-state", "failed")
    expect(driving.question(page)).to_have_value("a" * 3_000)


def test_a_reload_right_after_sending_asks_again(visit: Visit) -> None:
    page = visit()
    driving.send(page, FEBRUARY)
    page.wait_for_function("location.search.startsWith('?q=')")
    page.reload()
    driving.answered(page.locator(driving.LATEST))
    assert asked(page) == [FEBRUARY]
    assert page.evaluate(KEPT) == 1
