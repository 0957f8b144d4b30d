"""A model on a server, asked through llama-index: bounded in time and size, patient within limits, given up where it fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_exponential

from kb.config import LlmTable
from kb.errors import ConfigError, LlmError
from kb.llm.breaker import Breaker
from kb.llm.http import AskError, Patience, hooks
from kb.protocols import Completion, LanguageModel
from kb.safe import one_line

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse
    from llama_index.core.llms import LLM

_OLLAMA = "http://localhost:11434"
_MOST_ANSWERED = 4096  # tokens; of a small context a quarter
_NO_SCHEMA = (400, 422, 501)  # how servers refuse a response format that they do not know
_NO_KEY = "none"  # the libraries want some text; it never leaves
_THOUGHTS = re.compile(r"<(think(?:ing)?|thought)>.*?(?:</\1>|\Z)|\A.*</think(?:ing)?>", re.S | re.I)


def language_model(
    table: LlmTable, *, environment: Mapping[str, str] = os.environ, patience: Patience | None = None
) -> LanguageModel | None:
    """The model of ``[llm]``; None where the provider is "none". Nothing is asked yet, and no llama-index loaded.

    Raises:
        ConfigError: the variable that should hold the key is empty.
    """
    if table.provider == "none":
        return None
    key = environment.get(table.api_key_env, "").strip() if table.api_key_env else ""
    if table.api_key_env and not key:
        raise ConfigError(
            f"[llm].api_key_env: the environment variable {table.api_key_env} is not set",
            remedy=f"export {table.api_key_env}=… before kb is started, or take the line out where no key is needed",
        )
    if not key.isprintable() or not key.isascii():
        raise ConfigError(f"[llm].api_key_env: what {table.api_key_env} holds cannot be a key: it has control characters")
    return Server(table, key=key, patience=patience or Patience())


class Server:
    """A LanguageModel. Each answer is asked for over a connection of its own, so that it can be cut off at any moment."""

    def __init__(self, table: LlmTable, *, key: str, patience: Patience) -> None:
        self._table = table
        self._key = key
        self._patience = patience
        self._seconds = table.timeout.total_seconds()
        self._structured = True
        self._breaker = Breaker(failures=patience.failures, rest=patience.rest)

    @cached_property
    def _provider(self) -> Provider:
        return _PROVIDERS[self._table.provider](self._table, self._key, self._patience)

    @property
    def name(self) -> str:
        return f"{self._table.model} ({self._table.provider})"

    @property
    def context(self) -> int:
        return self._table.context

    @property
    def concurrency(self) -> int:
        return self._table.concurrency

    def complete(self, system: str, prompt: str, *, schema: Mapping[str, Any] | None = None) -> Completion:
        """See ``LanguageModel``. Takes ``timeout`` for each attempt, and no attempt begins later than that."""
        self._breaker.check()
        try:
            completion = self._complete(system, prompt, schema)
        except AskError as failure:
            reason = f"the model {one_line(self.name, limit=80)}: {failure.reason}"
            if failure.counts:
                self._breaker.failed(reason, for_good=failure.for_good)
            raise LlmError(reason, remedy=_remedy(failure, self._table)) from failure
        self._breaker.succeeded()
        return completion

    def _complete(self, system: str, prompt: str, schema: Mapping[str, Any] | None) -> Completion:
        if schema is not None and self._structured:
            try:
                return self._patiently(system, prompt, self._provider.form(schema))
            except AskError as failure:
                if failure.status not in _NO_SCHEMA:
                    raise
            completion = self._patiently(system, prompt, {})
            self._structured = False  # only now is it known that the schema was what it refused
            return completion
        return self._patiently(system, prompt, {})

    def _patiently(self, system: str, prompt: str, options: Mapping[str, Any]) -> Completion:
        provider = self._provider  # loads llama-index, which must not count as the server's time
        retrying = Retrying(
            retry=retry_if_exception(self._is_worth_another),
            stop=stop_after_attempt(self._table.retries + 1) | stop_after_delay(self._seconds),
            wait=self._wait,
            reraise=True,
        )
        return retrying(lambda: asyncio.run(self._once(provider, system, prompt, options)))

    def _is_worth_another(self, error: BaseException) -> bool:
        return isinstance(error, AskError) and error.again and (error.after or 0.0) <= self._patience.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, AskError) and error.after is not None:
            return error.after
        return wait_exponential(multiplier=self._patience.first_wait, max=self._patience.longest_wait)(state)

    async def _once(self, provider: Provider, system: str, prompt: str, options: Mapping[str, Any]) -> Completion:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._seconds), provider.open() as llm:
                response = await llm.achat(provider.messages(system, prompt), **options)
            return replace(_completion(response), seconds=time.monotonic() - began)
        except Exception as error:  # whatever a library makes of a hostile answer
            raise self._failure(error) from error

    def _failure(self, error: BaseException) -> AskError:
        """The reason of an error that a library has wrapped in its own."""
        found: BaseException | None = error
        while found is not None:
            if isinstance(found, AskError):
                return found
            if isinstance(found, httpx.ConnectTimeout):
                return AskError(f"no connection within {min(self._patience.connect, self._seconds):g} s")
            if isinstance(found, (TimeoutError, httpx.TimeoutException)):
                return AskError(f"no whole answer within {self._seconds:g} s")
            if isinstance(found, httpx.ConnectError):
                return AskError("it cannot be reached", again=True)
            if isinstance(found, httpx.TransportError):
                return AskError("the connection broke", again=True)
            found = found.__cause__ or found.__context__
        return AskError(f"its answer cannot be read ({type(error).__name__})")


# --- answers -----------------------------------------------------------------------------------------------------------------


def _completion(response: ChatResponse) -> Completion:
    """The text of an answer without what the model thought aloud."""
    raw: Any = response.raw
    if isinstance(raw, dict):
        reason, usage = raw.get("done_reason"), raw.get("usage") or {}
    else:
        reason, usage = raw.choices[0].finish_reason, response.additional_kwargs
    text = _THOUGHTS.sub("", response.message.content or "").strip()
    complete = reason != "length"
    if not text:
        raise AskError("its answer is empty" if complete else "it reached its limit of tokens before it had said anything")
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt_tokens, completion_tokens = (count if isinstance(count, int) and count > 0 else 0 for count in counts)
    return Completion(text=text, complete=complete, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def _remedy(failure: AskError, table: LlmTable) -> str:
    """What to do; only this names the server's host, which is nobody's business where a report is published."""
    host = one_line(urlsplit(table.base_url or _OLLAMA).hostname or "", limit=80)
    if failure.status in (401, 403):
        name = f"the variable {table.api_key_env}" if table.api_key_env else "[llm].api_key_env, which is not set,"
        return f"check the key: {name} has to hold one that the server takes"
    if failure.status == 404:
        return 'check "base_url" and "model" in [llm]: the server does not know one of them'
    if failure.status == 0 and failure.again:
        return f'check that a server runs at {host}, and "base_url" in [llm]'
    return f"the server at {host} may be too busy, or the model too large for it" if failure.status == 0 else ""


# --- providers ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Provider:
    """How to ask: ``open`` gives llama-index's class over a connection that ends with the block, ``form`` the options that ask
    for an answer by a JSON schema."""

    open: Callable[[], AbstractAsyncContextManager[LLM]]
    form: Callable[[Mapping[str, Any]], Mapping[str, Any]]

    @staticmethod
    def messages(system: str, prompt: str) -> Sequence[ChatMessage]:
        from llama_index.core.base.llms.types import ChatMessage, MessageRole

        return [ChatMessage(content=system, role=MessageRole.SYSTEM), ChatMessage(content=prompt, role=MessageRole.USER)]


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes longer than a connection."""
    return httpx.create_ssl_context()


def _client_options(table: LlmTable, key: str, patience: Patience) -> dict[str, Any]:
    seconds = table.timeout.total_seconds()
    return {
        "timeout": httpx.Timeout(seconds, connect=min(patience.connect, seconds)),
        "follow_redirects": False,
        "event_hooks": hooks(key=key, most=patience.most),
        "verify": _certificates(),
    }


def _longest_answer(table: LlmTable) -> int:
    return min(_MOST_ANSWERED, table.context // 4)


def _openai_like(table: LlmTable, key: str, patience: Patience) -> Provider:
    from llama_index.llms.openai_like import OpenAILike

    options = _client_options(table, key, patience)

    @contextlib.asynccontextmanager
    async def open() -> AsyncIterator[LLM]:
        async with httpx.AsyncClient(**options) as client:
            yield OpenAILike(
                model=table.model,
                api_base=table.base_url,
                api_key=_NO_KEY,  # the hook sets the header
                is_chat_model=True,
                context_window=table.context,
                max_tokens=_longest_answer(table),
                temperature=0.0,
                max_retries=0,
                async_http_client=client,  # type: ignore[call-arg]  # its parent's
            )

    def form(schema: Mapping[str, Any]) -> Mapping[str, Any]:
        wanted = {"name": "answer", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}

    return Provider(open, form)


def _ollama(table: LlmTable, key: str, patience: Patience) -> Provider:
    from llama_index.llms.ollama import Ollama
    from ollama import AsyncClient

    options = _client_options(table, key, patience)

    @contextlib.asynccontextmanager
    async def open() -> AsyncIterator[LLM]:
        async with AsyncClient(host=table.base_url or _OLLAMA, **options) as client:
            yield Ollama(
                model=table.model,
                temperature=0.0,
                context_window=table.context,
                additional_kwargs={"num_predict": _longest_answer(table)},
                async_client=client,
            )

    return Provider(open, lambda schema: {"format": schema})


_PROVIDERS: Mapping[str, Callable[[LlmTable, str, Patience], Provider]] = {"openai-like": _openai_like, "ollama": _ollama}
