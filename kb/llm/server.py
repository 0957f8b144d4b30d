"""A model on a server, asked through llama-index: bounded in time and size, patient within limits, given up where it fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_exponential

from kb.config import LlmTable
from kb.errors import ConfigError, LlmError
from kb.llm.attempt import Attempt
from kb.llm.breaker import Breaker
from kb.llm.http import AskError, Patience
from kb.llm.providers import OLLAMA, Options, Provider, provider
from kb.protocols import Completion, LanguageModel
from kb.safe import one_line

_LONGEST = 4096  # tokens of an answer
_REFUSES = (400, 422, 501)  # how servers refuse an option that they do not know

Heard = Callable[[str], None]


def language_model(
    table: LlmTable, *, environment: Mapping[str, str] = os.environ, patience: Patience | None = None
) -> LanguageModel | None:
    """The model of ``[llm]``; None where the provider is "none". Nothing is asked yet, and no llama-index loaded.

    Raises:
        ConfigError: the variable that should hold the key is empty.
    """
    if table.provider == "none":
        return None
    return Server(table, key=key_of(table, environment), patience=patience or Patience())


def key_of(table: LlmTable, environment: Mapping[str, str]) -> str:
    """The key that ``[llm]`` names; "" where it names none.

    Raises:
        ConfigError: the variable that should hold it is empty.
    """
    key = environment.get(table.api_key_env, "").strip() if table.api_key_env else ""
    if table.api_key_env and not key:
        raise ConfigError(
            f"[llm].api_key_env: the environment variable {table.api_key_env} is not set",
            remedy=f"export {table.api_key_env}=… before kb is started, or take the line out where no key is needed",
        )
    if not key.isprintable() or not key.isascii():
        raise ConfigError(f"[llm].api_key_env: what {table.api_key_env} holds cannot be a key: it has control characters")
    return key


class Server:
    """A LanguageModel. Each answer is asked for over a connection of its own, so that it can be cut off at any moment.

    ``longest``: tokens of an answer at most; of a small context a quarter.
    """

    def __init__(self, table: LlmTable, *, key: str, patience: Patience, longest: int = _LONGEST) -> None:
        self._table = table
        self._key = key
        self._patience = patience
        self._longest = min(longest, table.context // 4)
        self._seconds = table.timeout.total_seconds()
        self._refused: set[str] = set()
        self._breaker = Breaker(failures=patience.failures, rest=patience.rest)

    @cached_property
    def _provider(self) -> Provider:
        return provider(self._table, key=self._key, patience=self._patience, longest=self._longest)

    @property
    def name(self) -> str:
        return f"{self._table.model} ({self._table.provider})"

    @property
    def context(self) -> int:
        return self._table.context

    @property
    def concurrency(self) -> int:
        return self._table.concurrency

    def complete(
        self, system: str, prompt: str, *, schema: Mapping[str, Any] | None = None, heard: Heard | None = None
    ) -> Completion:
        """See ``LanguageModel``. Takes ``timeout`` for each attempt, and no attempt begins later than that."""
        self._breaker.check()
        try:
            completion = self._complete(system, prompt, schema, heard)
        except AskError as failure:
            reason = f"the model {one_line(self.name, limit=80)}: {failure.reason}"
            if failure.counts:
                self._breaker.failed(reason, for_good=failure.for_good)
            raise LlmError(reason, remedy=remedy_of(failure, self._table)) from failure
        self._breaker.succeeded()
        return completion

    def _complete(self, system: str, prompt: str, schema: Mapping[str, Any] | None, heard: Heard | None) -> Completion:
        """Ask, and once more without each option that a server may refuse, where it refuses the request."""
        optional = {
            "counts": {} if heard is None else self._provider.counts,
            "schema": self._provider.form(schema) if schema is not None else {},
        }
        wanted = [name for name, options in optional.items() if options and name not in self._refused]
        dropped = ""
        while True:
            options = {key: value for name in wanted for key, value in optional[name].items()}
            try:
                completion = self._patiently(self._attempt(system, prompt, schema is not None, options), heard)
            except AskError as failure:
                if not wanted or failure.status not in _REFUSES:
                    raise
                dropped = wanted.pop(0)
            else:
                if dropped:  # only now is it known that this was what it refused
                    self._refused.add(dropped)
                return completion

    def _attempt(self, system: str, prompt: str, schema: bool, options: Options) -> Attempt:
        return Attempt(
            provider=self._provider,  # loads llama-index, which must not count as the server's time
            system=system,
            prompt=prompt,
            schema=schema,
            options=options,
            seconds=self._seconds,
            patience=self._patience,
            key=self._key,
        )

    def _patiently(self, attempt: Attempt, heard: Heard | None) -> Completion:
        retrying = Retrying(
            retry=retry_if_exception(self._is_worth_another),
            stop=stop_after_attempt(self._table.retries + 1) | stop_after_delay(self._seconds),
            wait=self._wait,
            reraise=True,
        )
        return retrying(attempt.whole) if heard is None else retrying(attempt.heard, heard)

    def _is_worth_another(self, error: BaseException) -> bool:
        return isinstance(error, AskError) and error.again and (error.after or 0.0) <= self._patience.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, AskError) and error.after is not None:
            return error.after
        return wait_exponential(multiplier=self._patience.first_wait, max=self._patience.longest_wait)(state)


def remedy_of(failure: AskError, table: LlmTable) -> str:
    """What to do; only this names the server's host, which is nobody's business where a report is published."""
    host = one_line(urlsplit(table.base_url or OLLAMA).hostname or "", limit=80)
    if failure.status in (401, 403):
        name = f"the variable {table.api_key_env}" if table.api_key_env else "[llm].api_key_env, which is not set,"
        return f"check the key: {name} has to hold one that the server takes"
    if failure.status == 404:
        return 'check "base_url" and "model" in [llm]: the server does not know one of them'
    if failure.status == 0 and failure.again:
        return f'check that a server runs at {host}, and "base_url" in [llm]'
    return f"the server at {host} may be too busy, or the model too large for it" if failure.status == 0 else ""
