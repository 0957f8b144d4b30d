"""Bodies of streamed chat completions, made fit for the library, which takes a keep-alive for an event without data."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx


class OnlyData(httpx.AsyncByteStream):
    """Server-sent events without comments, names, ids and events of no data; also the last one has its end."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        rest = b""
        async for piece in self._stream:
            *lines, rest = (rest + piece).split(b"\n")
            yield b"".join(_data(line) for line in lines)
        yield _data(rest) + b"\n\n"

    async def aclose(self) -> None:
        await self._stream.aclose()


def _data(line: bytes) -> bytes:
    line = line.strip()
    return line + b"\n" if not line or (line.startswith(b"data:") and line != b"data:") else b""


class OneEvent(httpx.AsyncByteStream):
    """A chat completion that came whole, as the one event that it would be if it had been streamed."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        value: Any = json.loads(b"".join([piece async for piece in self._stream]))
        for choice in value.get("choices", ()):
            choice["delta"] = choice.pop("message")
        yield b"data: " + json.dumps(value).encode() + b"\n\n"

    async def aclose(self) -> None:
        await self._stream.aclose()
