"""What stands before every request of the web app: who may ask this server, what is never taken, what the browser may load."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REFUSED = ("/gradio_api/upload", "/gradio_api/proxy=", "/proxy=", "/upload", "/gradio_api/stream/", "/gradio_api/vibe")
_LARGEST = 2 * 2**20  # bytes of a request
# Everything comes from this server; the styles and scripts of the page stand in it.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """ASGI middleware. ``hosts``: the names by which this server may be asked (so that no other site's name, pointed here,
    can read it); empty for any."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").casefold()
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        if self._hosts and name not in self._hosts:
            return 400, "This server answers to its own address only."
        if scope["path"].startswith(_REFUSED):
            return 403, "This server takes no files, and fetches none from elsewhere."
        if b"transfer-encoding" in headers:
            return 411, "This server reads only what says its length."
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > _LARGEST:
            return 413, "That is more than this server reads."
        return None
