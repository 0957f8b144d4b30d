"""A password in front of the app cannot be found by trying: after some wrong ones, who tries has to wait."""

from __future__ import annotations

import asyncio
import base64

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kb.web.limits import Limits, Rate
from kb.web.passwords import Passwords

AUTH = ("ada", "love:läce")


async def login(request: Request) -> Response:
    """As that of Gradio."""
    right = (await request.body()).decode() == AUTH[1]
    reply = PlainTextResponse("in" if right else "Incorrect", 200 if right else 400)
    if right:
        reply.set_cookie("token", "t", httponly=True, samesite="none", secure=True)
        reply.set_cookie("token-unsecure", "t", httponly=True)
    return reply


async def page(request: Request) -> Response:
    return PlainTextResponse("in")


class Door:
    """Asked by clients of several addresses, at a time that the test sets; three wrong passwords at once, one more in ten s."""

    def __init__(self) -> None:
        self.now = 0.0
        everybody = Rate(per_second=1.0, burst=100)
        wrong = Limits(Rate(per_second=0.1, burst=3), everybody, clock=lambda: self.now)
        routes = [Route("/login", login, methods=["POST"]), Route("/{path:path}", page, methods=["GET", "POST"])]
        self._app = Passwords(Starlette(routes=routes), auth=AUTH, wrong=wrong)

    def ask(self, path: str, password: str | None = None, *, client: str = "10.0.0.7", times: int = 1) -> list[httpx.Response]:
        """All at once; a password goes into the body of a login, into the header elsewhere."""
        content = (password or "") if path == "/login" else None
        basic = base64.b64encode(f"{AUTH[0]}:{password}".encode()).decode()
        headers = {} if content is not None or password is None else {"authorization": f"Basic {basic}"}
        transport = httpx.ASGITransport(self._app, client=(client, 1))

        async def asked() -> list[httpx.Response]:
            async with httpx.AsyncClient(transport=transport, base_url="http://kb.example") as http:
                method = "GET" if content is None else "POST"
                one = [http.request(method, path, content=content, headers=headers) for _ in range(times)]
                return list(await asyncio.gather(*one))

        return asyncio.run(asked())

    def codes(self, path: str, password: str | None = None, *, client: str = "10.0.0.7", times: int = 1) -> list[int]:
        return sorted(reply.status_code for reply in self.ask(path, password, client=client, times=times))


@pytest.mark.parametrize(("path", "wrong"), [("/login", 400), ("/gradio_api/mcp/", 401), ("/reports/feed.xml", 401)])
def test_after_some_wrong_passwords_one_has_to_wait(path: str, wrong: int) -> None:
    door = Door()
    assert door.codes(path, "guess", times=60) == sorted([wrong] * 3 + [429] * 57)
    (refused,) = door.ask(path, AUTH[1])  # else the right one would still be found by trying
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert refused.json()["error"] == {
        "type": "BusyError",
        "message": "too many wrong passwords",
        "remedy": "wait 10 seconds, then try again",
    }
    assert door.codes(path, AUTH[1], client="10.0.0.8") == [200]
    door.now = 10.1
    assert door.codes(path, AUTH[1]) == [200]


@pytest.mark.parametrize("path", ["/login", "/gradio_api/mcp/", "/reports/feed.xml"])
def test_who_knows_the_password_never_waits(path: str) -> None:
    door = Door()
    for _ in range(50):
        assert door.codes(path, AUTH[1]) == [200]


def test_wrong_passwords_count_together_wherever_they_are_tried() -> None:
    door = Door()
    tried = [door.codes(path, "guess") for path in ("/login", "/gradio_api/mcp/", "/reports/feed.xml", "/login")]
    assert tried == [[400], [401], [401], [429]]


def test_who_gives_no_password_is_asked_for_one_as_often_as_he_comes() -> None:
    assert Door().codes("/gradio_api/mcp/", times=50) == [401] * 50
    assert Door().codes("/", times=50) == [200] * 50


def test_no_cookie_of_the_login_is_sent_along_by_pages_of_elsewhere() -> None:
    (reply,) = Door().ask("/login", AUTH[1])
    cookies = [cookie.casefold() for cookie in reply.headers.get_list("set-cookie")]
    assert len(cookies) == 2
    assert all("samesite=lax" in cookie and "httponly" in cookie for cookie in cookies)
