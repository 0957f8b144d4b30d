"""One browser, one store and one server for all browser tests; a context of its own for each.

These fixtures end with this package, not with the session: while Playwright is there, its event loop counts as running in this
thread, and a test elsewhere could not run one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium, driving
from tests.browser.guard import Guard
from tests.browser.server import Server, serving
from tests.browser.world import World
from tests.browser.world import world as a_world

PATIENCE = 10_000  # ms: two busy cores, not what a person waits


@dataclass
class Visit:
    """Opens addresses of a server, each in a context of its own with a guard."""

    browser: Browser
    server: Server
    guards: dict[BrowserContext, Guard] = field(default_factory=dict)

    def __call__(
        self,
        path: str = "",
        *,
        server: Server | None = None,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        locale: str = "en-US",
        expected: tuple[str, ...] = (),
        wait: bool = True,
        **options: Any,
    ) -> Page:
        """The page at ``path``, once the app is drawn. ``expected``: patterns of problems that the test is about; without
        ``wait`` something else than the app is there. More options are those of a Playwright context."""
        given: dict[str, Any] = {"reduced_motion": "reduce", **options}  # what slides in is at once where it will be
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=locale,
            timezone_id="UTC",
            **given,
        )
        context.set_default_timeout(PATIENCE)
        self.guards[context] = Guard.of(context)
        self.guards[context].expected.extend(expected)
        page = context.new_page()
        page.goto(f"{(server or self.server).url}/{path}")
        if wait:
            driving.ready(page)
        return page

    def guard(self, page: Page) -> Guard:
        return self.guards[page.context]

    def end(self) -> None:
        """Close all; each must have been without a problem."""
        try:
            for context, guard in self.guards.items():
                guard.check(context.pages)
        finally:
            for context in self.guards:
                context.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.found()
    if path is None:
        (pytest.fail if chromium.required() else pytest.skip)(chromium.MISSING)
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
def visit(browser: Browser, app: Server) -> Iterator[Visit]:
    visits = Visit(browser, app)
    yield visits
    visits.end()
