"""An answer as it comes in, piece by piece, fetched in the thread of whoever takes the pieces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TypeVar

from kb.llm.http import AskError

Piece = TypeVar("Piece")
Failure = Callable[[Exception], AskError]


def pieces(
    coming: AsyncGenerator[Piece, None], *, whole: float, silence: float, failure: Failure
) -> Generator[Piece, None, None]:
    """What ``coming`` gives, within ``whole`` seconds of waiting for it, and ``silence`` from one piece to the next.

    No event loop runs between two pieces, so that whoever takes them may ask the model again meanwhile. Closing this closes
    ``coming``, and with it the request; so does an interrupt.

    Raises:
        AskError: it took too long, or what ``failure`` makes of an error.
    """
    left, limit = whole, whole
    with asyncio.Runner() as runner:
        while True:
            began = time.monotonic()
            slow = f"no whole answer within {whole:g} s" if limit == left else f"nothing more came for {silence:g} s"
            piece = runner.run(_next(coming, limit, slow, failure))
            if piece is None:
                return
            left -= time.monotonic() - began
            limit = min(left, silence)
            try:
                yield piece
            except BaseException:  # not around all: a piece that is waited for is cancelled first, which the runner does
                runner.run(coming.aclose())
                raise


async def _next(coming: AsyncGenerator[Piece, None], limit: float, slow: str, failure: Failure) -> Piece | None:
    try:
        async with asyncio.timeout(limit) as clock:
            return await anext(coming, None)
    except Exception as error:  # whatever a library makes of a hostile answer
        raise AskError(slow) if clock.expired() else failure(error) from error
