"""One attempt at an answer: a request, what comes of it, and what is said of it where nothing does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from kb.llm.http import AskError, Patience, failure_in, shown
from kb.llm.providers import Options, Provider
from kb.llm.stream import pieces
from kb.llm.thoughts import Spoken
from kb.protocols import Completion

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatResponse

LIMIT = "it reached its limit of tokens"


class _Piece(NamedTuple):
    """``end`` is why the answer ends here, None where it goes on."""

    text: str
    end: str | None
    usage: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What to ask whom, and how long to wait for it: ``seconds`` for the whole. With ``schema`` the answer should be JSON."""

    provider: Provider
    system: str
    prompt: str
    schema: bool
    options: Options
    seconds: float
    patience: Patience
    key: str

    def whole(self) -> Completion:
        """The answer in one piece. Raises AskError."""
        return asyncio.run(self._whole())

    def heard(self, heard: Callable[[str], None]) -> Completion:
        """The answer, of which ``heard`` is told piece by piece; what breaks it off is an error only where nothing can be used.

        Raises:
            AskError: as said; another attempt may help only where nothing was heard.
        """
        began = time.monotonic()
        spoken, told, end = Spoken(json=self.schema), False, None
        usage: Mapping[str, Any] = {}
        coming = pieces(self._pieces(), whole=self.seconds, silence=self.patience.silence, failure=self._failure)
        try:
            with closing(coming):
                for piece in coming:
                    end, usage = piece.end or end, piece.usage or usage
                    if text := spoken.hear(piece.text):
                        told = True
                        heard(text)
        except AskError as failure:
            if not told:
                raise
            return _completion(spoken.text, usage, cut=failure.reason, began=began)
        if text := spoken.end():
            heard(text)
        cut = LIMIT if end == "length" else "" if end or not spoken.text else "its end is missing"
        return _completion(spoken.text, usage, cut=cut, began=began)

    async def _whole(self) -> Completion:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.seconds), self.provider.open() as llm:
                response = await llm.achat(self.provider.messages(self.system, self.prompt), **self.options)
            _, end, usage = _piece(response)
            spoken = Spoken(json=self.schema)
            spoken.hear(response.message.content or "")
            spoken.end()
            return _completion(spoken.text, usage, cut=LIMIT if end == "length" else "", began=began)
        except Exception as error:  # whatever a library makes of a hostile answer
            raise self._failure(error) from error

    async def _pieces(self) -> AsyncGenerator[_Piece, None]:
        messages = self.provider.messages(self.system, self.prompt)
        async with (
            self.provider.open(streamed=True) as llm,
            aclosing(await llm.astream_chat(messages, **self.options)) as coming,
        ):
            async for response in coming:
                yield _piece(response)

    def _failure(self, error: BaseException) -> AskError:
        if known := failure_in(error, seconds=self.seconds, connect=self.patience.connect):
            return known
        if told := self.provider.told(error):
            return AskError(f"it reports an error: {shown(told, self.key)}")
        return AskError(f"its answer cannot be read ({type(error).__name__})")


def _piece(response: ChatResponse) -> _Piece:
    raw: Any = response.raw
    if isinstance(raw, dict):  # Ollama's
        end = (raw.get("done_reason") or "stop") if raw.get("done") else None
        return _Piece(response.delta or "", end, raw.get("usage") or {})
    end = raw.choices[0].finish_reason if raw.choices else None
    return _Piece(response.delta or "", end, response.additional_kwargs)


def _completion(text: str, usage: Mapping[str, Any], *, cut: str, began: float) -> Completion:
    if not text:
        raise AskError(f"{cut} before it had said anything" if cut else "its answer is empty")
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt_tokens, completion_tokens = (count if isinstance(count, int) and count > 0 else 0 for count in counts)
    return Completion(
        text=text,
        complete=not cut,
        cut=cut,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=time.monotonic() - began,
    )
