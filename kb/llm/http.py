"""What holds the HTTP clients of the model libraries within bounds: size, kind of answer, headers that leave, redirects."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from kb.llm.events import OneEvent, OnlyData
from kb.safe import one_line, without_secrets

for _name in ("httpx", "openai"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below that they log whole requests

_WHOLE = "application/json"
_JSON = (_WHOLE, "application/x-ndjson", "text/event-stream")
_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
_FOR_GOOD = frozenset((401, 403, 404, 405))
# Everything else that the libraries add tells the server about this machine.
_LEAVE = ("host", "content-type", "content-length", "accept", "transfer-encoding", "connection")
_LONGEST_REASON = 200
_MOST_OF_AN_ERROR = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to try, in seconds: ``connect`` for a connection, ``first_wait`` and ``longest_wait`` between two attempts,
    ``silence`` between two pieces of a streamed answer.

    A server that asks for a longer wait is not asked again for that answer. ``most`` is the size of an answer in bytes. After
    ``failures`` failures in a row nothing more is asked for ``rest`` seconds.
    """

    connect: float = 10.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    silence: float = 30.0
    most: int = 8 * 1024 * 1024
    failures: int = 3
    rest: float = 60.0


class AskError(Exception):
    """No usable answer: ``reason`` in one line; ``status`` is 0 where the server gave none.

    ``again``: another attempt may help. ``after``: seconds that the server asks to wait, where it does. ``counts``: it says
    something of the server, not of this one request. ``for_good``: every other request would be refused as well.
    """

    def __init__(self, reason: str, *, status: int = 0, again: bool = False, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.again = again or status in _AGAIN
        self.after = after
        self.for_good = status in _FOR_GOOD
        self.counts = status not in (400, 413, 422)


def failure_in(error: BaseException, *, seconds: float, connect: float) -> AskError | None:
    """What went wrong on the way, also where a library has wrapped it in an error of its own; None where nothing did."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, AskError):
            return found
        if isinstance(found, httpx.ConnectTimeout):
            return AskError(f"no connection within {min(connect, seconds):g} s")
        if isinstance(found, (TimeoutError, httpx.TimeoutException)):
            return AskError(f"no whole answer within {seconds:g} s")
        if isinstance(found, httpx.ConnectError):
            return AskError("it cannot be reached", again=True)
        if isinstance(found, httpx.TransportError):
            return AskError("the connection broke", again=True)
        found = found.__cause__ or found.__context__
    return None


Hooks = dict[str, list[Callable[..., Awaitable[None]]]]


def hooks(*, key: str, most: int, as_events: bool = False) -> Hooks:
    """Event hooks for an ``httpx.AsyncClient`` that must not follow redirects itself.

    Requests leave with the headers they need and ``key``, and no other. Of a response only JSON comes through, at most ``most``
    bytes of it; everything else is a AskError. ``as_events``: what comes is made server-sent events of chat completions.
    """

    async def leave(request: httpx.Request) -> None:
        kept = {name: value for name, value in request.headers.items() if name in _LEAVE}
        kept |= {"user-agent": "infra-kb", "accept-encoding": "identity"}
        request.headers = httpx.Headers({**kept, "authorization": f"Bearer {key}"} if key else kept)

    async def arrive(response: httpx.Response) -> None:
        if 300 <= response.status_code < 400:
            raise AskError(f"HTTP {response.status_code}: it redirects elsewhere, which is not followed")
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("only asynchronous clients can be held within bounds")
        if response.status_code >= 400:
            response.stream = _Bounded(response.stream, _MOST_OF_AN_ERROR, cut=True)
            raise _refusal(response, await response.aread(), key)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _JSON:
            raise AskError(f"it answered with {one_line(kind, limit=60) or 'no content type'}, not with JSON")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise AskError("it answered with a compressed body that was not asked for")
        response.stream = _Bounded(response.stream, most)
        if as_events:
            response.stream = (OneEvent if kind == _WHOLE else OnlyData)(response.stream)

    return {"request": [leave], "response": [arrive]}


class _Bounded(httpx.AsyncByteStream):
    """A body of at most ``most`` bytes: more is a AskError, or with ``cut`` left out."""

    def __init__(self, stream: httpx.AsyncByteStream, most: int, *, cut: bool = False) -> None:
        self._stream = stream
        self._most = most
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > self._most:
                if self._cut:
                    return
                raise AskError(f"its answer is longer than {self._most:,} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _refusal(response: httpx.Response, body: bytes, key: str) -> AskError:
    said = shown(_message(body), key)
    reason = f"HTTP {response.status_code} {one_line(response.reason_phrase, limit=60)}".rstrip()
    return AskError(f"{reason}: {said}" if said else reason, status=response.status_code, after=_asked_wait(response))


def _message(body: bytes) -> str:
    """What a server says was wrong, in the forms that are usual: {"error": {"message": …}}, {"error": …}, {"message": …}."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and name in value:
            value = value[name]
    return value if isinstance(value, str) else ""


def _asked_wait(response: httpx.Response) -> float | None:
    asked = response.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return float(asked)
    try:
        at = parsedate_to_datetime(asked)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def shown(text: str, key: str) -> str:
    """``text`` of a server on one line, without secrets: some repeat the key that they were given."""
    safe = without_secrets(text.replace(key, "***") if key else text)
    return one_line(safe, limit=_LONGEST_REASON)
