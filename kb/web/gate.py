"""What stands before the functions: a sentence where arguments do not fit.

Gradio answers a call whose arguments do not fit with an empty failure, and a traceback in the log. What is private can be
called by its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kb.web.bodies import body_of, refusal, replayed

_CALL = re.compile(r".*/gradio_api/(?P<how>run|api|call|call/v2)/(?P<name>[^/]+)/?")
_PAGES = re.compile(r".*/gradio_api/(run/predict|queue/join)/?")  # what the pages call, with the number of a function
_LARGEST = 2**20  # bytes of arguments
_INFO = "GET /gradio_api/info lists the arguments of each function"

Parameters = Mapping[str, Any]  # name -> default; Parameter.empty for none


class Gate:
    """ASGI middleware. ``functions``: the name of each function and its parameters; ``pages``: the number of each function that
    the pages call, and how many arguments it has."""

    def __init__(self, app: ASGIApp, *, functions: Mapping[str, Parameters], pages: Mapping[int, int]) -> None:
        self._app = app
        self._functions = functions
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "query_string": _without_page(scope["query_string"])}
        path = scope["path"] if scope["type"] == "http" else ""
        called = _CALL.fullmatch(path) if scope.get("method") == "POST" else None
        if scope.get("method") == "POST" and _PAGES.fullmatch(path):
            await self._by_number(scope, receive, send)
        elif called and called["name"] in self._functions:
            await self._call(called["how"], called["name"], scope, receive, send)
        elif called:
            there_are = f"there are {', '.join(self._functions)}"
            await refusal(404, f"there is no function {called['name'][:60]!r}", there_are)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _call(self, how: str, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a call whose arguments are complete and named as they should be."""
        body = await body_of(Request(scope, receive), most=_LARGEST)
        try:
            content = _completed(body, self._functions[name], named=how == "call/v2")
        except ValueError as error:
            await refusal(400, f"{name}: {error}", _INFO)(scope, receive, send)
            return
        length = (b"content-length", str(len(content)).encode())
        others = [(key, value) for key, value in scope["headers"] if key not in (b"content-length", b"transfer-encoding")]
        await self._app({**scope, "headers": [*others, length]}, replayed(content, receive), send)

    async def _by_number(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a call of the pages, which name a function that there is by its number."""
        body = await body_of(Request(scope, receive), most=_LARGEST)
        try:
            self._check_number(_object_of(body))
        except ValueError as error:
            await refusal(400, str(error), _INFO)(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)

    def _check_number(self, given: Mapping[str, Any]) -> None:
        number, values = given.get("fn_index"), given.get("data")
        if type(number) is not int or number not in self._pages:
            raise ValueError('"fn_index" is no number of a function of the pages')
        if not isinstance(values, list):
            raise ValueError('"data" is no list of arguments')
        if len(values) != self._pages[number]:
            raise ValueError(f"{len(values)} arguments, of {self._pages[number]}")


def _without_page(query: bytes) -> bytes:
    """A query without "page": Gradio takes it for the name of one of several pages, of which the app has none, and fails."""
    return b"&".join(part for part in query.split(b"&") if unquote_to_bytes(part.partition(b"=")[0]) != b"page")


def _completed(body: bytes, parameters: Parameters, *, named: bool) -> bytes:
    """The body of a call with every argument that was left out. Raises ValueError: it is none, or the arguments do not fit."""
    given = _object_of(body)
    values = given if named else _by_name(given.get("data"), list(parameters))
    for name in values:
        if name not in parameters:
            raise ValueError(f"there is no argument {str(name)[:60]!r}; there are {', '.join(parameters)}")
    complete = {**parameters, **values}
    missing = [name for name, value in complete.items() if value is Parameter.empty]
    if missing:
        raise ValueError(f"the argument {missing[0]!r} is missing")
    return json.dumps(complete if named else {**given, "fn_index": None, "data": list(complete.values())}).encode()


def _object_of(body: bytes) -> dict[str, Any]:
    if len(body) > _LARGEST:
        raise ValueError(f"more than {_LARGEST:,} bytes")
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(given, dict):
        raise ValueError("the body is no JSON object")
    return given


def _by_name(values: Any, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(values, list):
        raise ValueError('"data" is no list of arguments')
    if len(values) > len(names):
        raise ValueError(f"{len(values)} arguments, of {len(names)} at most: {', '.join(names)}")
    return dict(zip(names, values, strict=False))
