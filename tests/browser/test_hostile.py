"""Texts from outside are shown and never run, wherever they are shown; the server gives away no file."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import Visit
from tests.browser.server import Server
from tests.browser.world import HOSTILE_REPO, LONGEST, World

EVERYTHING = "What changed in hostile in February 2026?"
FILES = ("/etc/passwd", "kb.toml", "data/catalog.db", "reports/index.json")


def inert(page: Page) -> None:
    """Nothing in the page that a record could have brought: no handler, no frame, no picture from elsewhere, no such link."""
    found = page.evaluate(
        """() => {
            const faults = []
            const ours = (element) => element.closest('.kb, article.kb-record, article.kb-turn') !== null
            for (const element of document.querySelectorAll('body *')) {
                const shown = () => element.outerHTML.slice(0, 200)
                for (const { name, value } of element.attributes) {
                    if (ours(element) && name.startsWith('on')) faults.push(`handler: ${shown()}`)
                    if (['href', 'src', 'action', 'srcdoc', 'formaction'].includes(name)
                        && /^[\\s\\u0000-\\u001f]*(javascript|data:text|vbscript)/i.test(value)) faults.push(`link: ${shown()}`)
                }
                const drawn = element.id.startsWith('plotly.js-style')
                const foreign = ['SCRIPT', 'IFRAME', 'IMG', 'OBJECT', 'EMBED', 'STYLE', 'LINK', 'BASE', 'META', 'MATH']
                if (ours(element) && !drawn && foreign.includes(element.tagName)) faults.push(`element: ${shown()}`)
            }
            return faults
        }"""
    )
    assert found == []
    assert page.evaluate("window.__pwned") is None


def test_an_answer_about_hostile_records_is_inert(visit: Visit) -> None:
    page = visit()
    turn = driving.ask(page, EVERYTHING)
    expect(turn).to_contain_text("window.__pwned")
    inert(page)
    assert driving.overflow(page) == []


def test_every_hostile_record_can_be_opened(visit: Visit, world: World) -> None:
    page = visit()
    turn = driving.ask(page, EVERYTHING)
    ids = {chip.get_attribute("data-id") or "" for chip in turn.locator(".kb-chip[data-id]").all()}
    assert len(ids) >= 10
    for id in sorted(ids):
        driving.open_chip(page, turn.locator(f'.kb-chip[data-id="{id}"]').first)
        inert(page)
        page.keyboard.press("Escape")


@pytest.mark.parametrize("number", [3, 4, 8, 12, 15])
def test_a_hostile_thread_is_inert(visit: Visit, number: int) -> None:
    page = visit(f"?record=issue%3Aacme%2Frocket%23{number}", width=360)
    expect(page.locator("article.kb-record").first).to_be_visible()
    inert(page)
    assert driving.overflow(page) == []


def test_a_wall_of_text_is_cut_and_stays_within_the_page(visit: Visit, world: World) -> None:
    page = visit()
    driving.ask(page, "What changed in hostile on 2026-02-20?")
    driving.open_chip(page)
    expect(driving.drawer(page)).to_contain_text("One long line")
    assert len(driving.drawer(page).inner_text()) < LONGEST
    assert driving.overflow(page) == []


@pytest.mark.parametrize(
    "address",
    [
        "?q=<script>window.__pwned=1</script>",
        "?q=x&since=<img src=x onerror=window.__pwned=1>&repo=<svg/onload=window.__pwned=1>&kind='\"><b>",
        "?record=<img src=x onerror=window.__pwned=1>",
        "?record=" + "x" * 4_000,
        "?tab=<script>window.__pwned=1</script>",
        "?tab=reports&day=../../../../etc/passwd&lang=<b>",
        "?tab=browse&text=<img src=x onerror=window.__pwned=1>",
        "?q=" + "%00%0a" * 100 + "&q=2&q=3&tab[]=1&__proto__=1",
        "?%ff=%fe&=&&&",
    ],
)
def test_an_address_cannot_bring_anything_in(visit: Visit, address: str) -> None:
    page = visit(quote(address, safe="?&=%'()/.[]"))
    driving.settled(page)
    inert(page)
    expect(driving.question(page)).to_be_attached()


def test_every_tab_is_inert(visit: Visit) -> None:
    page = visit()
    for name in driving.TABS:
        driving.tab(page, name)
        inert(page)


@pytest.mark.parametrize(
    "route", ["gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/stream/", "gradio_api/deep_link?session_hash="]
)
@pytest.mark.parametrize("name", FILES)
def test_no_file_of_the_server_can_be_read(app: Server, world: World, route: str, name: str) -> None:
    secret = (world.home / name).read_bytes()[:24]
    for path in (name, str(world.home / name), quote(str(world.home / name), safe="")):
        assert secret not in httpx.get(f"{app.url}/{route}{path}").content


def test_nothing_large_can_be_uploaded(app: Server) -> None:
    reply = httpx.post(f"{app.url}/gradio_api/upload", files={"files": ("a.txt", b"w" * 100_000)})
    assert 400 <= reply.status_code < 500


def test_no_record_of_the_hostile_repository_is_missing(visit: Visit, world: World) -> None:
    page = visit(f"?record=commit%3A{quote(HOSTILE_REPO, safe='')}%40{world.hostile}")
    expect(page.locator("article.kb-record").first).to_have_attribute("data-id", f"commit:{HOSTILE_REPO}@{world.hostile}")
    inert(page)
