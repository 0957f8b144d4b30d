"""With a language model: sentences as they pass, stopping, and doing without."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import driving, model
from tests.browser.conftest import Visit
from tests.browser.server import Server, serving
from tests.browser.world import World
from tests.llm_server import LlmServer, Reply
from tests.llm_server import serving as a_model

WEEK = "What changed in rocket from 2026-02-02 to 2026-02-06?"
ANOTHER = "What changed in rocket from 2026-02-09 to 2026-02-13?"
THIRD = "What changed in rocket from 2026-02-15 to 2026-02-19?"


@pytest.fixture(scope="module")
def llm() -> Iterator[LlmServer]:
    with a_model(model.speaks) as server:
        yield server


@pytest.fixture(scope="module")
def told(world: World, llm: LlmServer) -> Iterator[Server]:
    """``kb serve`` with that model."""
    with serving(world.again("model.toml", model.table(llm)), world.home / "model.log") as server:
        yield server


def test_sentences_come_one_after_the_other_and_the_model_is_named(visit: Visit, told: Server) -> None:
    page = visit(server=told)
    expect(page.locator("#kb-model")).to_contain_text(model.NAME)
    turn = driving.send(page, WEEK)
    expect(turn).to_have_attribute("data-state", "streaming")
    expect(turn).to_contain_text("7 of 7")  # the head, before any sentence
    seen = set()
    while turn.get_attribute("data-state") != "done":
        seen.add(turn.locator(".kb-body li").count())
        page.wait_for_timeout(50)
    assert len(seen) > 1  # it grew while it was watched
    expect(turn).to_contain_text(model.NAME)
    driving.open_chip(page)


def test_stop_ends_what_is_asked_of_the_model(visit: Visit, told: Server, llm: LlmServer) -> None:
    page = visit(server=told)
    llm.left.clear()
    turn = driving.send(page, ANOTHER)
    expect(turn).to_have_attribute("data-state", "streaming")
    page.locator("#kb-stop").click()
    expect(turn).to_have_attribute("data-state", re.compile("done|failed|stopped"))
    assert llm.left.wait(10)
    expect(page.locator("#kb-stop")).to_be_hidden()
    driving.ask(page, "Which commit fixed issue #1?")


def test_a_page_that_is_closed_ends_what_is_asked_of_the_model(visit: Visit, told: Server, llm: LlmServer) -> None:
    page = visit(server=told)
    llm.left.clear()
    turn = driving.send(page, "What changed in hostile from 2026-02-03 to 2026-02-09?")
    expect(turn).to_have_attribute("data-state", "streaming")
    page.close()
    assert llm.left.wait(15)


def test_the_model_can_be_switched_off(visit: Visit, told: Server, llm: LlmServer) -> None:
    page = visit(server=told)
    page.locator("#kb-model input").first.click()
    before = len(llm.asked)
    turn = driving.ask(page, THIRD)
    assert len(llm.asked) == before
    expect(turn).not_to_contain_text(model.NAME)
    page.reload()  # the address asks again; the choice is kept
    driving.answered(page.locator(driving.LATEST))
    expect(page.locator(driving.LATEST)).to_contain_text("5 of 5")
    assert len(llm.asked) == before


def test_a_report_that_is_cancelled_is_not_written(visit: Visit, told: Server, llm: LlmServer, world: World) -> None:
    page = visit(server=told)
    driving.tab(page, "reports")
    before, llm.script = len(llm.asked), lambda asked: Reply(end="hang")
    try:
        page.locator("#kb-make-day").fill("2026-02-16")
        page.locator("form.kb-making button[type=submit]").click()
        page.locator("#kb-report-job button[data-do=cancel]").click()
        expect(page.locator("#kb-report-job .kb-ended")).to_contain_text("No report was written")
    finally:
        llm.script = model.speaks
    assert len(llm.asked) > before
    assert not list((world.home / "reports").glob("2026-02-16*"))


def test_a_model_that_goes_away_leaves_the_answer(visit: Visit, told: Server, llm: LlmServer) -> None:
    page = visit(server=told)
    llm.script = lambda asked: Reply(end="close")
    try:
        turn = driving.ask(page, "What changed in rocket from 2026-02-20 to 2026-02-24?")
    finally:
        llm.script = model.speaks
    expect(turn).to_contain_text("5 of 5")
    expect(turn).not_to_contain_text("Traceback")
