"""Calling the functions for programs as programs do: by MCP, and over bare HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from tests.browser.server import Server


@asynccontextmanager
async def session(url: str, headers: Mapping[str, str] | None = None) -> Any:
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(f"{url}/gradio_api/mcp/", http_client=http) as (read, write, _),
        ClientSession(read, write) as opened,
    ):
        await opened.initialize()
        yield opened


def by_mcp(server: Server, do: Callable[[ClientSession], Awaitable[Any]], headers: Mapping[str, str] | None = None) -> Any:
    async def run() -> Any:
        async with session(server.url, headers) as opened:
            return await do(opened)

    return asyncio.run(run())


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def post(server: Server, path: str, content: bytes | str, **options: Any) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return httpx.post(f"{server.url}/gradio_api/{path}", content=content, headers=headers, timeout=60, **options)
