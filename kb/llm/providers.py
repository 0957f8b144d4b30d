"""How each kind of server is asked: llama-index's class for it, over a connection that is held within bounds."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from kb.config import LlmTable
from kb.llm.http import Patience, hooks

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.llms import LLM

OLLAMA = "http://localhost:11434"
_NO_KEY = "none"  # the libraries want some text; it never leaves

Options = Mapping[str, Any]


class Opener(Protocol):
    def __call__(self, *, streamed: bool = False) -> AbstractAsyncContextManager[LLM]: ...


@dataclass(frozen=True, kw_only=True)
class Provider:
    """How to ask. ``open`` gives llama-index's class over a connection that ends with the block.

    ``form`` gives the options that ask for an answer by a JSON schema, ``counts`` are those that ask how many tokens a streamed
    one had: servers may refuse either. ``told`` is the error that a server reports in the middle of a stream, "" for any other.
    """

    open: Opener
    form: Callable[[Mapping[str, Any]], Options]
    told: Callable[[BaseException], str]
    counts: Options = field(default_factory=dict)

    @staticmethod
    def messages(system: str, prompt: str) -> Sequence[ChatMessage]:
        from llama_index.core.base.llms.types import ChatMessage, MessageRole

        return [ChatMessage(content=system, role=MessageRole.SYSTEM), ChatMessage(content=prompt, role=MessageRole.USER)]


def provider(table: LlmTable, *, key: str, patience: Patience, longest: int) -> Provider:
    """The provider that ``[llm]`` names; answers have at most ``longest`` tokens."""
    build = {"openai-like": _openai_like, "ollama": _ollama}[table.provider]
    return build(table, key, patience, longest)


def client_options(table: LlmTable, *, key: str, patience: Patience, as_events: bool = False) -> dict[str, Any]:
    """What an ``httpx.AsyncClient`` is made with that asks the configured server, and no other."""
    seconds = table.timeout.total_seconds()
    return {
        "timeout": httpx.Timeout(seconds, connect=min(patience.connect, seconds)),
        "follow_redirects": False,
        "event_hooks": hooks(key=key, most=patience.most, as_events=as_events),
        "verify": _certificates(),
    }


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes longer than a connection."""
    return httpx.create_ssl_context()


def _openai_like(table: LlmTable, key: str, patience: Patience, longest: int) -> Provider:
    from llama_index.llms.openai_like import OpenAILike
    from openai import APIError

    @contextlib.asynccontextmanager
    async def open(*, streamed: bool = False) -> AsyncIterator[LLM]:
        options = client_options(table, key=key, patience=patience, as_events=streamed)
        async with httpx.AsyncClient(**options) as client:
            yield OpenAILike(
                model=table.model,
                api_base=table.base_url,
                api_key=_NO_KEY,  # the hook sets the header
                is_chat_model=True,
                context_window=table.context,
                max_tokens=longest,
                temperature=0.0,
                max_retries=0,
                async_http_client=client,  # type: ignore[call-arg]  # its parent's
            )

    def form(schema: Mapping[str, Any]) -> Options:
        wanted = {"name": "answer", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}

    def told(error: BaseException) -> str:
        return error.message if type(error) is APIError else ""

    return Provider(open=open, form=form, told=told, counts={"stream_options": {"include_usage": True}})


def _ollama(table: LlmTable, key: str, patience: Patience, longest: int) -> Provider:
    from llama_index.llms.ollama import Ollama
    from ollama import AsyncClient, ResponseError

    @contextlib.asynccontextmanager
    async def open(*, streamed: bool = False) -> AsyncIterator[LLM]:
        options = client_options(table, key=key, patience=patience)
        async with AsyncClient(host=table.base_url or OLLAMA, **options) as client:
            yield Ollama(
                model=table.model,
                temperature=0.0,
                context_window=table.context,
                additional_kwargs={"num_predict": longest},
                async_client=client,
            )

    def told(error: BaseException) -> str:
        return error.error if isinstance(error, ResponseError) else ""

    return Provider(open=open, form=lambda schema: {"format": schema}, told=told)
