"""What stands before the functions for programs: a password for MCP and feeds, a sentence where arguments do not fit.

Gradio closes its pages and its HTTP API where there is a password, but not its MCP server, nor what stands beside it. It
answers a call whose arguments do not fit with an empty failure, and a traceback in the log. What is private can be called by
its name.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kb.web.bodies import body_of, replayed

_OURS = re.compile(r".*/gradio_api/mcp(/.*)?|/reports/.*")  # what Gradio does not ask a password for
_CALL = re.compile(r".*/gradio_api/(?P<how>run|api|call|call/v2)/(?P<name>[^/]+)/?")
_PAGE = "predict"  # what the pages call, by number
_LARGEST = 2**20  # bytes of arguments

Parameters = Mapping[str, Any]  # name -> default; Parameter.empty for none


class Gate:
    """ASGI middleware. ``functions`` maps the name of each function to its parameters; ``auth`` are a name and a password."""

    def __init__(self, app: ASGIApp, *, functions: Mapping[str, Parameters], auth: tuple[str, str] | None = None) -> None:
        self._app = app
        self._functions = functions
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "query_string": _without_page(scope["query_string"])}
        path = scope["path"] if scope["type"] == "http" else ""
        called = _CALL.fullmatch(path) if scope.get("method") == "POST" else None
        if _OURS.fullmatch(path) and not self._may_enter(scope):
            refused = _error(401, "this server asks for a name and a password", "send them as HTTP Basic authorization")
            refused.headers["www-authenticate"] = 'Basic realm="infra-kb", charset="UTF-8"'
            await refused(scope, receive, send)
        elif called and called["name"] in self._functions:
            await self._call(called["how"], called["name"], scope, receive, send)
        elif called and called["name"] != _PAGE:
            there_are = f"there are {', '.join(self._functions)}"
            await _error(404, f"there is no function {called['name'][:60]!r}", there_are)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        if self._auth is None:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        expected = base64.b64encode(":".join(self._auth).encode())
        kind, _, value = given.partition(b" ")
        return kind.lower() == b"basic" and secrets.compare_digest(value.strip(), expected)

    async def _call(self, how: str, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a call whose arguments are complete and named as they should be."""
        body = await body_of(Request(scope, receive), most=_LARGEST)
        try:
            content = _completed(body, self._functions[name], named=how == "call/v2")
        except ValueError as error:
            await _error(400, f"{name}: {error}", "GET /gradio_api/info lists the arguments of each function")(
                scope, receive, send
            )
            return
        length = (b"content-length", str(len(content)).encode())
        others = [(key, value) for key, value in scope["headers"] if key not in (b"content-length", b"transfer-encoding")]
        await self._app({**scope, "headers": [*others, length]}, replayed(content, receive), send)


def _without_page(query: bytes) -> bytes:
    """A query without "page": Gradio takes it for the name of one of several pages, of which the app has none, and fails."""
    return b"&".join(part for part in query.split(b"&") if unquote_to_bytes(part.partition(b"=")[0]) != b"page")


def _completed(body: bytes, parameters: Parameters, *, named: bool) -> bytes:
    """The body of a call with every argument that was left out. Raises ValueError: it is none, or the arguments do not fit."""
    if len(body) > _LARGEST:
        raise ValueError(f"more than {_LARGEST:,} bytes")
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(given, dict):
        raise ValueError("the body is no JSON object")
    values = given if named else _by_name(given.get("data"), list(parameters))
    for name in values:
        if name not in parameters:
            raise ValueError(f"there is no argument {str(name)[:60]!r}; there are {', '.join(parameters)}")
    complete = {**parameters, **values}
    missing = [name for name, value in complete.items() if value is Parameter.empty]
    if missing:
        raise ValueError(f"the argument {missing[0]!r} is missing")
    return json.dumps(complete if named else {**given, "data": list(complete.values())}).encode()


def _by_name(values: Any, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(values, list):
        raise ValueError('"data" is no list of arguments')
    if len(values) > len(names):
        raise ValueError(f"{len(values)} arguments, of {len(names)} at most: {', '.join(names)}")
    return dict(zip(names, values, strict=False))


def _error(status: int, message: str, remedy: str) -> JSONResponse:
    """In the form of ``kb --json``."""
    return JSONResponse({"error": {"type": "QueryError", "message": message, "remedy": remedy}}, status)
