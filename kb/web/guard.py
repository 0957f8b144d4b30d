"""What stands before every request of the web app: who may ask this server, what is never taken, what the browser may load."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kb.web.bodies import body_of, replayed

_REFUSED = ("/gradio_api/upload", "/gradio_api/proxy=", "/proxy=", "/upload", "/gradio_api/stream/", "/gradio_api/vibe")
_LARGEST = 2 * 2**20  # bytes of a request
_PORTS = {"http": ":80", "https": ":443"}  # left out of an address
_OTHERS = "access-control-"  # headers by which a server lets pages of elsewhere read it
_TOO_LARGE = (413, "That is more than this server reads.")
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
    """ASGI middleware: nothing but this server's own pages, and programs that are no browser, may ask it.

    ``hosts``: the names by which this server may be asked (so that no other site's name, pointed here, can read it); empty for
    any, and then TLS may end before this server.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if not refusal and "transfer-encoding" in headers:  # a length that is told is held to by the server
            try:
                body = await body_of(Request(scope, receive), most=_LARGEST)
            except ClientDisconnect:
                return
            refusal = _TOO_LARGE if len(body) > _LARGEST else None
            receive = replayed(body, receive)
        if refusal:
            status, said = refusal
            # Whoever is still sending is not listened to any longer.
            await PlainTextResponse(said, status, headers={"connection": "close"})(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name in [name for name in answered if name.startswith(_OTHERS)]:
                    del answered[name]
                for name, value in _HEADERS.items():
                    answered[name] = value
            await send(message)

        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "").casefold()
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        if self._hosts and name not in self._hosts:
            return 400, "This server answers to its own address only."
        if not all(self._is_own(origin, host, scope["scheme"]) for origin in headers.getlist("origin")):
            return 403, "This server answers to its own pages only."
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not _follows_link(scope, headers):
            return 403, "This server answers to its own pages only."
        if scope["path"].startswith(_REFUSED):
            return 403, "This server takes no files, and fetches none from elsewhere."
        length = headers.get("content-length", "0")
        return None if length.isdecimal() and int(length) <= _LARGEST else _TOO_LARGE

    def _is_own(self, origin: str, host: str, spoken: str) -> bool:
        schemes = {spoken} if self._hosts else {spoken, "https"}
        return any(
            origin.casefold().removesuffix(port) == f"{scheme}://{host.removesuffix(port)}"
            for scheme, port in _PORTS.items()
            if scheme in schemes
        )


def _follows_link(scope: Scope, headers: Headers) -> bool:
    """Whether a browser opens a page, by a link that may stand anywhere."""
    is_page = scope["path"] == "/" or scope["path"].startswith("/reports/")
    return is_page and scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
