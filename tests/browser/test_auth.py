"""With --auth nobody reads anything before the password; it is nowhere to be seen."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import driving
from tests.browser.access import violations
from tests.browser.conftest import Visit
from tests.browser.server import Server, serving
from tests.browser.world import FEBRUARY, World

USER, PASSWORD = "ada", "correct horse: battery"


@pytest.fixture(scope="module")
def closed(world: World) -> Iterator[Server]:
    (world.home / "password").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    with serving(world.config, world.home / "auth.log", "--auth", "@password") as server:
        yield server
    assert PASSWORD not in server.said


def test_a_wrong_password_does_not_let_in_and_the_right_one_does(visit: Visit, closed: Server) -> None:
    page = visit(server=closed, wait=False, expected=(r"console: .*40[01]",))
    name, password = page.locator("input").first, page.locator("input[type=password]")
    password.wait_for()
    expect(page.locator("#kb-question")).to_have_count(0)
    assert "\n".join(violations(page)) == ""
    name.fill(USER)
    password.fill("wrong")
    password.press("Enter")
    expect(page.get_by_text("Incorrect")).to_be_visible()
    name.fill(USER)
    password.fill(PASSWORD)
    password.press("Enter")
    driving.ready(page)
    driving.ask(page, FEBRUARY)


@pytest.mark.parametrize(
    "path", ["config", "gradio_api/info", "gradio_api/call/status", "gradio_api/mcp/", "gradio_api/queue/data"]
)
def test_nothing_is_answered_without_it(closed: Server, path: str) -> None:
    for reply in (httpx.get(f"{closed.url}/{path}"), httpx.post(f"{closed.url}/{path}", json={"data": []})):
        assert reply.status_code < 500
        assert "rocket" not in reply.text
        assert "components" not in reply.text
