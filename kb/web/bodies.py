"""The body of a request, read before the app reads it: as much as is allowed, and then given again; and that of a refusal."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive


async def body_of(request: Request, *, most: int) -> bytes:
    """As many bytes of a request's body as are looked at; more than ``most`` where it has more.

    Raises:
        ClientDisconnect: the client went away meanwhile.
    """
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            break
    return bytes(read)


def replayed(body: bytes, receive: Receive) -> Receive:
    """The body as if it came now; after it whatever comes (that the client went away)."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def refusal(status: int, message: str, remedy: str, *, kind: str = "QueryError") -> JSONResponse:
    """In the form of ``kb --json``."""
    return JSONResponse({"error": {"type": kind, "message": message, "remedy": remedy}}, status)
