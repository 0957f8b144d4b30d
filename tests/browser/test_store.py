"""A store that is empty, taken away under the server, or damaged: every tab says so and what to do, and Sources mends it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import Visit
from tests.browser.server import Server, serving
from tests.browser.world import at
from tests.gitrepo import GitRepo

EMPTY, DAMAGED = "Nothing has been read yet", "The store of records is damaged"
INDEXED = 40_000  # ms
PLACES = {"ask": "#kb-welcome", "reports": "#kb-report", "activity": "#kb-activity", "browse": "#kb-browse"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one source that was never read."""
    home = tmp_path_factory.mktemp("bare")
    repo = GitRepo.create(home / "rocket")
    for day in range(1, 8):
        repo.commit(f"Mend valve {day} of the pump", {"pump.py": f"n = {day}\n"}, when=at(day))
    source = '[[sources]]\nuse = "git_commits"\nhistory = "all"\nurl = "rocket"\nrepo = "acme/rocket"\n'
    (home / "kb.toml").write_text(f'timezone = "UTC"\ndata_dir = "data"\n{source}', encoding="utf-8")
    with serving(home / "kb.toml", home / "serve.log") as server:
        yield server


def data_of(server: Server) -> Path:
    return server.log.parent / "data"


def told_everywhere(page: Page, sentence: str) -> None:
    """Each tab that shows records says it, without a path and without a command."""
    for name, place in PLACES.items():
        page.locator(f"#kb-tab-{name}-button").click()
        store = page.locator(f"{place} .kb-store")
        expect(store).to_contain_text(sentence)
        expect(store).not_to_contain_text("kb sync")
        expect(store).not_to_contain_text("/")


def test_an_empty_store_leads_to_the_sources_where_it_is_read(visit: Visit, bare: Server) -> None:
    page = visit(server=bare)
    expect(driving.question(page)).to_have_attribute("placeholder", "")
    told_everywhere(page, EMPTY)
    page.locator("#kb-browse .kb-store button").click()
    expect(page.locator(".kb-source")).to_have_count(1)
    page.locator("button[data-do=sync]").first.click()
    expect(page.locator(".kb-ended")).to_contain_text("7 new", timeout=INDEXED)
    again = visit(server=bare)
    example = again.locator(".kb-example").first
    expect(driving.question(again)).to_have_attribute("placeholder", example.get_attribute("data-ask") or "missing")


def test_a_store_that_is_taken_away_is_empty_and_is_read_anew(visit: Visit, bare: Server) -> None:
    page = visit(server=bare)
    page.locator(".kb-example").first.wait_for()
    shutil.rmtree(data_of(bare))
    page.reload()
    driving.ready(page)
    told_everywhere(page, EMPTY)
    driving.tab(page, "sources")
    page.locator("button[data-do=sync]").first.click()
    expect(page.locator(".kb-ended")).to_contain_text("7 new", timeout=INDEXED)
    assert (data_of(bare) / "catalog.db").exists()
    driving.tab(page, "browse")
    expect(page.locator("#kb-browse .kb-records tbody tr")).to_have_count(7)


def test_a_damaged_store_is_told_as_such_and_is_read_anew_once_it_is_moved_away(visit: Visit, bare: Server) -> None:
    catalog = data_of(bare) / "catalog.db"
    for name in ("catalog.db-wal", "catalog.db-shm"):
        (data_of(bare) / name).unlink(missing_ok=True)
    catalog.unlink()
    catalog.write_bytes(b"garbage\n" * 2_000)
    page = visit(server=bare)
    told_everywhere(page, DAMAGED)
    page.locator("#kb-tab-sources-button").click()
    expect(page.locator("#kb-sources .kb-store")).to_contain_text("move the file catalog.db")
    catalog.unlink()
    page.reload()
    driving.ready(page)
    told_everywhere(page, EMPTY)
