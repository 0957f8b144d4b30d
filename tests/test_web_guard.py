"""What stands before every request: who may ask, what is too large, what the browser may load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kb.web.guard import Guard

LOCAL = ("127.0.0.1", "localhost", "[::1]")
HERE = "http://127.0.0.1:7860"
CORS = {"access-control-allow-origin": HERE, "access-control-allow-credentials": "true"}


async def answer(request: Request) -> Response:
    """As an app that lets everybody read it, with how much it was sent."""
    return PlainTextResponse(str(len(await request.body())), headers=CORS)


def reply(
    path: str,
    *,
    hosts: tuple[str, ...] = (),
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: AsyncIterator[bytes] | None = None,
) -> httpx.Response:
    app = Guard(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "OPTIONS"])]), hosts=hosts)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
            return await client.request(method, path, headers=headers, content=content)

    return asyncio.run(asked())


def test_nothing_is_loaded_from_elsewhere_and_nobody_is_told_where_a_reader_was() -> None:
    headers = reply("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("localhost", 200),
        ("[::1]:7860", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:7860", 400),
        ("", 400),
    ],
)
def test_a_name_that_somebody_else_pointed_here_is_refused(host: str, status: int) -> None:
    assert reply("/", hosts=LOCAL, headers={"host": host}).status_code == status
    assert reply("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/mcp/", "/gradio_api/run/ask", "/login"])
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (HERE, 200),
        ("http://127.0.0.1:8079", 403),
        ("http://127.0.0.1", 403),
        ("http://localhost:7860", 403),
        ("https://127.0.0.1:7860", 403),
        ("http://evil.example", 403),
        ("http://127.0.0.1:7860.evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_only_pages_of_this_very_server_may_ask_it(path: str, method: str, origin: str, status: int) -> None:
    assert reply(path, hosts=LOCAL, method=method, headers={"origin": origin}).status_code == status


def test_of_two_origins_both_have_to_be_this_server() -> None:
    async def asked() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Guard(Starlette())), base_url=HERE) as client:
            return (await client.get("/", headers=[("origin", "http://evil.example"), ("origin", HERE)])).status_code

    assert asyncio.run(asked()) == 403


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("kb.example", "https://kb.example", 200),
        ("KB.example", "http://kb.example", 200),
        ("kb.example:443", "https://kb.example", 200),
        ("kb.example:80", "http://kb.example", 200),
        ("kb.example:8443", "https://kb.example:8443", 200),
        ("kb.example", "https://kb.example:8443", 403),
        ("kb.example", "https://other.example", 403),
        ("kb.example", "https://kb.example.evil.example", 403),
    ],
)
def test_behind_a_proxy_the_name_that_was_asked_for_is_the_servers(host: str, origin: str, status: int) -> None:
    assert reply("/gradio_api/queue/join", method="POST", headers={"host": host, "origin": origin}).status_code == status


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_elsewhere_may_link_here_and_do_nothing_else(site: str) -> None:
    follows = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    for path in ("/", "/?q=What+changed", "/reports/2026-02-05.md"):
        assert reply(path, headers=follows).status_code == 200
        assert reply(path, headers={**follows, "sec-fetch-mode": "no-cors"}).status_code == 403
        assert reply(path, method="POST", headers=follows).status_code == 403
    for path in ("/logout", "/gradio_api/queue/data?session_hash=s", "/gradio_api/call/ask/1"):
        assert reply(path, headers=follows).status_code == 403
    for own in ("same-origin", "none"):
        assert reply("/gradio_api/queue/join", method="POST", headers={"sec-fetch-site": own}).status_code == 200


def test_no_page_of_elsewhere_is_let_read() -> None:
    assert [name for name in reply("/", headers={"origin": HERE}).headers if name.startswith("access-control")] == []


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/upload_progress", "/gradio_api/proxy=https://evil.example/x"]
)
def test_files_are_neither_taken_nor_fetched(path: str) -> None:
    assert reply(path, method="POST").status_code == 403


def test_a_request_is_bounded() -> None:
    assert reply("/", method="POST", headers={"content-length": str(3 * 2**20)}).status_code == 413
    assert reply("/", method="POST", headers={"content-length": "-1"}).status_code == 413


def test_a_request_that_does_not_say_its_length_is_counted_while_it_comes() -> None:
    came: list[int] = []

    async def chunks(mebibytes: int) -> AsyncIterator[bytes]:
        for number in range(mebibytes):
            came.append(number)
            yield b"a" * 2**20

    assert reply("/", method="POST", content=chunks(2)).text == str(2 * 2**20)
    came.clear()
    refused = reply("/", method="POST", content=chunks(100))
    assert (refused.status_code, refused.headers["connection"], len(came)) == (413, "close", 3)
