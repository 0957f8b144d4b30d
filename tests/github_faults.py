"""What can go wrong between a program and GitHub: each fault turns the right reply into the one that is sent.

server.fail(r"/issues\\?", faults.status(502, html=True), times=2)
server.fail(r"/releases", faults.changed(faults.null_item), times=None)
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

DOCS = "https://docs.github.com/rest"
JSON_TYPE = "application/json; charset=utf-8"
HTML_PAGE = b"""<!DOCTYPE html>
<html><head><title>Unicorn! &middot; GitHub</title></head>
<body><h1>We had issues producing the response to your request.</h1><script>alert("unicorn")</script></body></html>
"""


@dataclass(frozen=True)
class Request:
    """What was asked: ``path`` as it was sent, without the query; header names in lower case; ``status`` of the reply.

    ``at`` is monotonic seconds.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    target: str
    at: float
    status: int = 0


@dataclass(frozen=True)
class Reply:
    """What is sent. ``length`` is the Content-Length told, None for the true one.

    ``wait`` seconds pass before it, ``drip`` after each piece of so many bytes; ``reset`` breaks the connection instead.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = None
    wait: float = 0.0
    drip: tuple[int, float] | None = None
    reset: bool = False


Fault = Callable[[Request, Reply], Reply]


def reply_json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """As GitHub writes JSON: UTF-8 as it is, but a lone surrogate, which UTF-8 cannot hold, as an escape."""
    try:
        body = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        body = json.dumps(value).encode()
    return Reply(status, {"Content-Type": JSON_TYPE, **(headers or {})}, body)


def reply_error(status: int, message: str, docs: str = DOCS, **more: Any) -> Reply:
    """The body that GitHub gives its errors."""
    return reply_json(status, {"message": message, **more, "documentation_url": docs, "status": str(status)})


# -- another answer -----------------------------------------------------------------------------------------------------


def status(code: int, *, message: str = "Server Error", html: bool = False, headers: Mapping[str, str] | None = None) -> Fault:
    """An error, with a JSON body as GitHub's, or with a page as its front gives one."""

    def fault(request: Request, reply: Reply) -> Reply:
        kept = _without(reply, "etag", "link", "last-modified")
        error = _page(kept, code) if html else reply_error(code, message)
        return replace(error, headers={**kept.headers, **error.headers, **(headers or {})})

    return fault


def html(request: Request, reply: Reply) -> Reply:
    """A page for people with status 200, as captive portals and proxies send."""
    return _page(_without(reply, "etag", "link", "last-modified"), 200)


def empty(request: Request, reply: Reply) -> Reply:
    """Nothing at all with status 200."""
    return replace(_without(reply, "etag", "link"), body=b"")


def body(content: bytes, content_type: str = JSON_TYPE) -> Fault:
    """Other bytes with status 200: what is no JSON, what is no UTF-8."""

    def fault(request: Request, reply: Reply) -> Reply:
        return replace(reply, body=content, headers={**reply.headers, "Content-Type": content_type})

    return fault


def redirect(location: str, code: int = 302) -> Fault:
    """To another address."""

    def fault(request: Request, reply: Reply) -> Reply:
        moved = reply_json(code, {"message": "Moved", "url": location, "documentation_url": DOCS})
        return replace(moved, headers={**moved.headers, "Location": location})

    return fault


def redirect_loop(request: Request, reply: Reply) -> Reply:
    """To itself, for ever where the fault stays."""
    return redirect(request.target)(request, reply)


# -- a broken delivery --------------------------------------------------------------------------------------------------


def truncated(request: Request, reply: Reply) -> Reply:
    """Half of the body, then the connection ends; the length told is that of the whole."""
    return replace(reply, body=reply.body[: len(reply.body) // 2], length=len(reply.body))


def half_json(request: Request, reply: Reply) -> Reply:
    """Half of the body, as if that were all: the length is right, the JSON is not."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def broken_gzip(request: Request, reply: Reply) -> Reply:
    """A compressed body with its middle overwritten."""
    packed = bytearray(gzip.compress(reply.body))
    middle = len(packed) // 2
    packed[middle : middle + 8] = b"\xff" * 8
    return replace(reply, body=bytes(packed), headers={**reply.headers, "Content-Encoding": "gzip"})


def hang(seconds: float) -> Fault:
    """No byte for so long."""
    return lambda request, reply: replace(reply, wait=seconds)


def drip(size: int, seconds: float) -> Fault:
    """``size`` bytes of the body at a time, with pauses between: no single read times out."""
    return lambda request, reply: replace(reply, drip=(size, seconds))


def reset(request: Request, reply: Reply) -> Reply:
    """The connection breaks without an answer."""
    return replace(reply, reset=True)


# -- another shape ------------------------------------------------------------------------------------------------------


def shape(value: Any) -> Fault:
    """Any JSON value in place of the right one: an object for a list, a text, null."""
    return lambda request, reply: replace(reply, body=reply_json(200, value).body)


def changed(change: Callable[[Any], Any]) -> Fault:
    """The value that was to be sent, changed: one of those below, or a function of the test's own."""

    def fault(request: Request, reply: Reply) -> Reply:
        return replace(reply, body=reply_json(200, change(json.loads(reply.body))).body)

    return fault


def null_item(values: list[Any]) -> list[Any]:
    """One item in the middle is null."""
    return [*values[: len(values) // 2], None, *values[len(values) // 2 :]]


def without(*fields: str, at: int = 0) -> Callable[[list[Any]], list[Any]]:
    """The item at a position lacks these fields."""
    return lambda values: [
        {key: value for key, value in item.items() if index != at or key not in fields} for index, item in enumerate(values)
    ]


def with_fields(*, at: int = 0, **fields: Any) -> Callable[[list[Any]], list[Any]]:
    """The item at a position has these values in place of the right ones (null, a number for a text, …)."""
    return lambda values: [{**item, **fields} if index == at else item for index, item in enumerate(values)]


# -- limits -------------------------------------------------------------------------------------------------------------


def primary_limit(reset_in: float = 1800.0, *, code: int = 403) -> Fault:
    """The hour's requests are used up; ``x-ratelimit-reset`` is so many seconds ahead."""

    def fault(request: Request, reply: Reply) -> Reply:
        error = limit_error("user ID 1", code)
        told = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time() + reset_in + 0.999))}
        return replace(error, headers={**_without(reply, "etag", "link").headers, **error.headers, **told})

    return fault


def secondary_limit(code: int = 403, *, retry_after: float | None = None) -> Fault:
    """Too many at once; GitHub tells the seconds to wait, or nothing (then it asks for a minute)."""

    def fault(request: Request, reply: Reply) -> Reply:
        message = (
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
            "If you reach out to GitHub Support for help, please include the request ID 1A2B:3C4D."
        )
        error = reply_error(
            code, message, f"{DOCS}/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
        )
        told = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        return replace(error, headers={**_without(reply, "etag", "link").headers, **error.headers, **told})

    return fault


def limit_error(who: str, code: int = 403) -> Reply:
    """The answer to one whose requests are used up; ``who`` is an address or "user ID 1"."""
    if who.startswith("user"):
        advice = ". If you reach out to GitHub Support for help, please include the request ID 1A2B:3C4D."
    else:
        advice = (
            ". (But here's the good news: Authenticated requests get a higher rate limit. "
            "Check out the documentation for more details.)"
        )
    docs = f"{DOCS}/using-the-rest-api/rate-limits-for-the-rest-api"
    return reply_error(code, f"API rate limit exceeded for {who}{advice}", docs)


def _page(reply: Reply, code: int) -> Reply:
    headers = {**reply.headers, "Content-Type": "text/html; charset=utf-8"}
    return replace(reply, status=code, body=HTML_PAGE, headers=headers)


def _without(reply: Reply, *names: str) -> Reply:
    return replace(reply, headers={name: value for name, value in reply.headers.items() if name.lower() not in names})
