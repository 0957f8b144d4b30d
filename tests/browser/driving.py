"""What a person does in the app, by the elements that kb/web/tabs/shell.py promises."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

from playwright.sync_api import Locator, Page

TABS = ("ask", "reports", "activity", "browse", "sources", "connect")
LATEST = "article.kb-turn >> nth=-1"


def ready(page: Page) -> None:
    """Drawn, and taking input."""
    question(page).wait_for(state="attached")
    page.locator("#kb-head h1").wait_for()
    page.locator("#kb-welcome .kb, article.kb-turn").first.wait_for(state="attached")


def question(page: Page) -> Locator:
    """The field for questions."""
    return page.locator("#kb-question textarea, #kb-question input, textarea#kb-question, input#kb-question").first


def send(page: Page, text: str) -> Locator:
    """Ask, and do not wait for the answer; its turn in the conversation."""
    turns = page.locator("article.kb-turn").count()
    question(page).fill(text)
    question(page).press("Enter")
    turn = page.locator("article.kb-turn").nth(turns)
    turn.wait_for()
    return turn


def ask(page: Page, text: str) -> Locator:
    """Ask, and wait until the answer is there."""
    return answered(send(page, text))


def answered(turn: Locator) -> Locator:
    turn.and_(turn.page.locator("[data-state=done]")).wait_for()  # looks more often than expect() does
    return turn


def asked_by_address(text: str, **filters: str) -> str:
    """What stands behind the server's address for a question."""
    return "?" + "&".join(f"{name}={quote_plus(value)}" for name, value in {"q": text, **filters}.items())


def tab(page: Page, name: str) -> Locator:
    """Show a tab; its panel."""
    page.locator(f"#kb-tab-{name}-button").click()
    panel = page.locator(f"#kb-tab-{name}")
    panel.wait_for()
    if name == "activity":
        panel.locator(".barlayer path").first.wait_for(state="attached")  # the drawing comes after what is drawn
    settled(page)
    return panel


def search(page: Page, text: str) -> None:
    """Show the table of records, and search in it."""
    tab(page, "browse")
    page.locator("#kb-browse-text").fill(text)
    page.locator("#kb-browse .kb-records mark, #kb-browse .kb-records tbody tr").first.wait_for()


def drawer(page: Page) -> Locator:
    return page.locator("#kb-drawer")


def open_chip(page: Page, chip: Locator | None = None) -> str:
    """Open the drawer by a chip, the first of the latest answer by default; returns the record's id."""
    chosen = chip or page.locator(LATEST).locator(".kb-chip[data-id]").first
    id = chosen.get_attribute("data-id") or ""
    chosen.click()
    shown(page, id)
    return id


def shown(page: Page, id: str) -> Locator:
    """The record in the drawer, once it is this one."""
    record = page.locator(f"#kb-drawer[data-state=open] article.kb-record[data-id={json.dumps(id)}]")
    record.wait_for()
    return record


def settled(page: Page) -> None:
    """Nothing is on its way any more: no skeleton is seen, no handler runs."""
    page.wait_for_function(
        """() => ![...document.querySelectorAll('.kb-skeleton, .generating, .progress-text, .eta-bar, .kb-picture .empty')]
            .some((element) => element.checkVisibility({ visibilityProperty: true }))"""
    )


def overflow(page: Page) -> list[str]:
    """What is wider than the page, the widest last; nothing where the page does not scroll sideways."""
    return list(
        page.evaluate(
            """() => {
                const width = window.innerWidth
                if (document.documentElement.scrollWidth <= width) return []
                return [...document.querySelectorAll('body *')]
                    .map((element) => [element.getBoundingClientRect().right, element])
                    .filter(([right]) => right > width + 1)
                    .sort(([one], [other]) => one - other)
                    .slice(-8)
                    .map(([right, element]) => `${Math.round(right)}: ${element.outerHTML.slice(0, 140)}`)
            }"""
        )
    )
