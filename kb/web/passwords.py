"""What stands before a server with a password: who does not know it waits after some tries.

Gradio closes its pages and its HTTP API where there is a password, but not its MCP server, nor what stands beside it; at its
login it may be tried as often as one likes.
"""

from __future__ import annotations

import base64
import math
import re
import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kb.web.bodies import refusal
from kb.web.limits import Limits, Rate

_OURS = re.compile(r".*/gradio_api/mcp(/.*)?|/reports/.*")  # what Gradio does not ask a password for
_LOGIN = re.compile(r".*/login/?")
_EACH = Rate(per_second=0.1, burst=10)  # wrong ones
_ALL = Rate(per_second=2.0, burst=200)


class Passwords:
    """ASGI middleware. ``auth`` are a name and a password; ``wrong`` says how often a wrong one may be tried."""

    def __init__(self, app: ASGIApp, *, auth: tuple[str, str], wrong: Limits | None = None) -> None:
        self._app = app
        self._expected = base64.b64encode(":".join(auth).encode())
        self._wrong = wrong or Limits(_EACH, _ALL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        given = _basic(Headers(scope=scope)) if _OURS.fullmatch(path) else ""
        tries = bool(given) or (_LOGIN.fullmatch(path) and scope["method"] == "POST")
        client = scope["client"][0] if scope.get("client") else ""
        wait = self._wrong.wait(client) if tries else 0.0  # each try counts until it was right: many may come at once
        if wait:
            seconds = math.ceil(wait)
            refused = refusal(429, "too many wrong passwords", f"wait {seconds} seconds, then try again", kind="BusyError")
            refused.headers["retry-after"] = str(seconds)
            await refused(scope, receive, send)
        elif not _OURS.fullmatch(path):
            await self._app(scope, receive, self._watched(send, client) if tries else send)
        elif given and secrets.compare_digest(given.encode(), self._expected):
            self._wrong.give_back(client)
            await self._app(scope, receive, send)
        else:
            refused = refusal(401, "this server asks for a name and a password", "send them as HTTP Basic authorization")
            refused.headers["www-authenticate"] = 'Basic realm="infra-kb", charset="UTF-8"'
            await refused(scope, receive, send)

    def _watched(self, send: Send, client: str) -> Send:
        """The login's answer: a right password was no wrong try; no page of elsewhere sends its cookie along."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] < 400:
                    self._wrong.give_back(client)
                message = {**message, "headers": [(name, _lax(name, value)) for name, value in message["headers"]]}
            await send(message)

        return watched


def _basic(headers: Headers) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "basic" else ""


def _lax(name: bytes, value: bytes) -> bytes:
    return re.sub(rb"(?i)samesite=none", b"SameSite=lax", value) if name.lower() == b"set-cookie" else value
