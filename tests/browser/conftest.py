"""One browser, one store and one server for all browser tests; a context of its own for each.

These fixtures end with this package, not with the session: while Playwright is there, its event loop counts as running in this
thread, and a test elsewhere could not run one of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.guard import Guard
from tests.browser.server import Server, serving
from tests.browser.world import World
from tests.browser.world import world as a_world

PATIENCE = 20_000  # ms: two busy cores, not what a person waits
Visit = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.found()
    if path is None:
        (pytest.fail if os.environ.get("CI") == "1" else pytest.skip)(chromium.MISSING)
    expect.set_options(timeout=PATIENCE)
    # No name is resolved, so nothing can leave this machine even where a page tries, which its guard tells.
    rules = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=[f"--host-resolver-rules={rules}", "--disable-background-networking", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="package")
def app(world: World) -> Iterator[Server]:
    """``kb serve`` without a language model. Its end is a test, too: no traceback in the whole log."""
    with serving(world.config, world.home / "serve.log") as server:
        yield server


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens an address of a server (``app`` by default) in a context of its own, and waits until the app is drawn.

    ``visit("?q=…", width=360, dark=True, locale="zh-CN", expected=[…])``; more options are those of a Playwright context.
    ``expected``: patterns of problems that the test is about. At the end each context must be without any other.
    """
    opened: list[tuple[BrowserContext, Guard]] = []

    def open_page(
        path: str = "",
        *,
        server: Server | None = None,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        locale: str = "en-US",
        expected: tuple[str, ...] = (),
        ready: str = "#kb-question",
        **options: object,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=locale,
            timezone_id="UTC",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        guard = Guard.of(context)
        guard.expected.extend(expected)
        opened.append((context, guard))
        page = context.new_page()
        url = (server or request.getfixturevalue("app")).url
        page.goto(f"{url}/{path}")
        if ready:
            page.locator(ready).first.wait_for(state="attached")
        return page

    yield open_page
    try:
        for context, guard in opened:
            guard.check(context.pages)
    finally:
        for context, _ in opened:
            context.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return tmp_path
