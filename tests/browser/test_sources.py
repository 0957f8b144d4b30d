"""Sources: how they stand, reading them while questions are answered, cancelling, adding one. These come last: they change
what the other tests read."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import Visit
from tests.browser.world import FEBRUARY, World, at
from tests.github_faults import hang

SLOW = 4.0  # seconds of an answer of the local GitHub
INDEXED = 40_000  # ms: what is new is embedded before a sync is over


def card(page: Page, name: str) -> Locator:
    return page.locator(".kb-source", has=page.locator("h3", has_text=name))


def sources(page: Page) -> Page:
    driving.tab(page, "sources")
    card(page, "lost").first.wait_for()
    return page


def test_what_failed_is_told_with_what_to_do(visit: Visit) -> None:
    page = sources(visit())
    lost = card(page, "lost").first
    expect(lost).to_contain_text("does not exist")
    expect(lost).to_contain_text("check url")
    expect(lost).not_to_contain_text("Traceback")
    page.locator("button[data-do=runs][data-of=lost]").click()
    expect(page.locator(".kb-runs")).to_contain_text("does not exist")


def test_the_sources_are_read_while_questions_are_answered(visit: Visit, world: World) -> None:
    page, other = sources(visit()), visit()
    world.github.fail(r"/repos/acme/rocket/issues", hang(SLOW))
    page.locator("button[data-do=sync][data-of=rocket-threads]").click()
    job = page.locator(".kb-job")
    expect(job).to_have_attribute("data-state", "running")
    driving.ask(other, FEBRUARY)
    expect(job).to_be_visible()  # the question did not wait for it
    expect(page.locator(".kb-ended").first).to_be_visible(timeout=INDEXED)
    expect(job).to_have_count(0)


def test_reading_can_be_cancelled_and_goes_on_later(visit: Visit, world: World) -> None:
    page = sources(visit())
    world.github.fail(r"/repos/acme/rocket/issues", hang(SLOW))
    page.locator("button[data-do=sync][data-of=rocket-threads]").click()
    page.locator(".kb-job button[data-do=cancel]").click()
    expect(page.locator(".kb-ended").first).to_be_visible(timeout=INDEXED)
    expect(page.locator(".kb-job")).to_have_count(0)
    page.locator("button[data-do=sync][data-of=rocket-threads]").click()
    expect(card(page, "rocket-threads").locator(".kb-good").first).to_be_visible()


def test_what_a_sync_brings_is_found_at_once(visit: Visit, world: World) -> None:
    page = sources(visit())
    world.rocket.add_issue(title="The antenna vibrates", created=at(10), body="It hums at 40 Hz.")
    page.locator("button[data-do=sync][data-of=rocket-threads]").click()
    expect(page.locator(".kb-ended").first).to_contain_text("1 new", timeout=INDEXED)
    driving.tab(page, "ask")
    expect(driving.ask(page, "Which issue says that the antenna vibrates?")).to_contain_text("The antenna vibrates")


def choose(page: Page, use: str) -> None:
    page.locator("#kb-use").select_option(use)
    page.locator("form[data-do=check]").wait_for()


def test_a_source_is_added_by_form_after_a_trial(visit: Visit, world: World) -> None:
    before = world.config.read_text(encoding="utf-8")
    page = sources(visit())
    choose(page, "git_commits")
    page.locator("#kb-key-url").fill("no/such/repository")
    page.locator("form[data-do=check] button[type=submit]").click()
    expect(page.get_by_text("no/such/repository").last).to_be_visible()
    expect(page.locator("button[data-do=add]")).to_have_count(0)
    assert world.config.read_text(encoding="utf-8") == before
    page.locator("#kb-key-url").fill("hostile")
    page.locator("#kb-key-repo").fill("acme/again")
    details = page.locator("form[data-do=check] details")
    if details.count() and not page.locator("#kb-key-name").is_visible():
        details.locator("summary").click()
    page.locator("#kb-key-name").fill("again")
    page.locator("form[data-do=check] button[type=submit]").click()
    page.locator("button[data-do=add]").wait_for()
    assert world.config.read_text(encoding="utf-8") == before  # a trial writes nothing
    page.locator("button[data-do=add]").click()
    expect(card(page, "again").first).to_be_visible()
    after = world.config.read_text(encoding="utf-8")
    assert after.startswith("# Made by the browser tests.")
    assert 'name = "again"' in after
    page.locator("button[data-do=sync][data-of=again]").last.click()
    expect(page.locator(".kb-ended").last).to_be_visible(timeout=INDEXED)


def test_a_wrong_key_is_named(visit: Visit, world: World) -> None:
    before = world.config.read_bytes()
    page = sources(visit())
    choose(page, "github_threads")
    page.locator("#kb-key-repo").fill("not a repository")
    page.locator("form[data-do=check] button[type=submit]").click()
    expect(page.get_by_text("not a repository").last).to_be_visible()
    expect(page.locator("button[data-do=add]")).to_have_count(0)
    assert world.config.read_bytes() == before
