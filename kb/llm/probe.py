"""What of a configured model works, told by asking its server: for its models, a structured answer, and a streamed one."""

from __future__ import annotations

import difflib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from kb.config import LlmTable
from kb.errors import LlmError
from kb.llm.attempt import LIMIT
from kb.llm.http import AskError, Patience
from kb.llm.listing import Listing, listing
from kb.llm.providers import OLLAMA
from kb.llm.server import Server, key_of, remedy_of
from kb.protocols import Completion, Progress, silent
from kb.safe import one_line

Verdict = Literal["ok", "warning", "failed", "unknown"]

_LONGEST = 1024  # tokens of an answer: some models think before the first word of it
_SMALLEST = 1024  # tokens that [llm].context may be at least
_NAMED = 5
_COMPARED = 1000
_SYSTEM = "Answer briefly."
_ASKED = "What colour is the sky on a clear day?"  # says nothing of JSON: only the schema does
_COLOURS = ("green", "blue")
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["colour"],
    "properties": {"colour": {"type": "string", "enum": list(_COLOURS)}},
}
_COUNTED = "Write the numbers from one to thirty in English words, separated by commas."


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried. ``failed``: the model cannot be used so. ``warning``: it can, but see ``remedy``. ``unknown``:
    the server does not tell."""

    name: str
    verdict: Verdict
    told: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Of a streamed answer: seconds until its first piece was heard; ``tokens`` (pieces, where ``counted`` is False) and the
    seconds that the whole took."""

    first: float
    tokens: int
    counted: bool
    seconds: float

    @property
    def per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All that was tried. ``server`` is its host and port. ``models`` are those that it lists."""

    provider: str
    model: str = ""
    server: str = ""
    checks: tuple[Check, ...] = ()
    models: tuple[str, ...] = ()
    context: int = 0
    server_context: int = 0
    speed: Speed | None = None

    @property
    def ok(self) -> bool:
        return all(check.verdict != "failed" for check in self.checks)


def probe(
    table: LlmTable,
    *,
    environment: Mapping[str, str] = os.environ,
    patience: Patience | None = None,
    progress: Progress = silent,
) -> Health:
    """Try the model of ``[llm]``, with a handful of requests to its server, and none to any other.

    Raises:
        ConfigError: the variable that should hold the key is empty.
    """
    if table.provider == "none":
        return Health(provider="none")
    key = key_of(table, environment)
    return _Probe(table.model_copy(update={"retries": 0}), key, patience or Patience(), progress).run()


@dataclass(frozen=True)
class _Probe:
    table: LlmTable
    key: str
    patience: Patience
    progress: Progress

    def run(self) -> Health:
        table = self.table
        health = Health(provider=table.provider, model=table.model, server=_host(table), context=table.context)
        self._tell("looking for it")
        try:
            known = listing(table, key=self.key, patience=self.patience)
        except AskError as failure:
            return replace(health, checks=_unreached(failure, table))
        health = replace(health, models=known.models or (), server_context=known.context)
        reached = _passed("reachable", f"{health.server} answers")
        model = Server(table, key=self.key, patience=self.patience, longest=_LONGEST)
        self._tell("a structured answer")
        try:
            answer = model.complete(_SYSTEM, _ASKED, schema=_SCHEMA)
        except LlmError as error:
            failed = _unanswered(error)
            return replace(health, checks=(reached, _model(known, table, answers=False), _context(known, table), failed))
        key = [_passed("key", f"the one in {table.api_key_env} is taken")] if self.key else []
        found = [reached, *key, _model(known, table, answers=True), _context(known, table)]
        self._tell("a streamed answer")
        streaming, speed = _streamed(model)
        answered = _passed("answer", f"in {answer.seconds:.1f} s")
        return replace(health, checks=(*found, answered, _schema(answer), streaming), speed=speed)

    def _tell(self, stage: str) -> None:
        self.progress(f"checking the model: {stage}", 0, None)


def _host(table: LlmTable) -> str:
    parts = urlsplit(table.base_url or OLLAMA)
    return one_line(parts.netloc.rpartition("@")[2], limit=80)


def _passed(name: str, told: str) -> Check:
    return Check(name=name, verdict="ok", told=told)


def _unreached(failure: AskError, table: LlmTable) -> tuple[Check, ...]:
    remedy = remedy_of(failure, table)
    if failure.status in (401, 403):
        reached = _passed("reachable", f"{_host(table)} answers")
        return (reached, Check(name="key", verdict="failed", told=failure.reason, remedy=remedy))
    return (Check(name="reachable", verdict="failed", told=failure.reason, remedy=remedy),)


def _unanswered(error: LlmError) -> Check:
    refused = isinstance(error.__cause__, AskError) and error.__cause__.status in (401, 403)
    return Check(name="key" if refused else "answer", verdict="failed", told=error.message, remedy=error.remedy)


def _model(known: Listing, table: LlmTable, *, answers: bool) -> Check:
    if known.models is None:
        return Check(name="model", verdict="unknown", told="the server does not list its models")
    if known.found:
        return _passed("model", f"{one_line(known.found, limit=80)} is there")
    told = f"{one_line(table.model, limit=80)} is not among the models of the server: {_names(known.models, table.model)}"
    if answers:
        told += "; it answers all the same"
    pull = f"ollama pull {one_line(table.model, limit=80)}, or " if table.provider == "ollama" else ""
    remedy = f'{pull}set "model" in [llm] to one that is there'
    return Check(name="model", verdict="warning" if answers else "failed", told=told, remedy=remedy)


def _names(models: tuple[str, ...], like: str) -> str:
    """The names most like the one that is not there, and how many more there are."""
    close = difflib.get_close_matches(like, models[:_COMPARED], n=_NAMED, cutoff=0.3) or models[:_NAMED]
    more = len(models) - len(close)
    return (", ".join(close) + (f" and {more:,} more" if more else "")) or "there is none"


def _context(known: Listing, table: LlmTable) -> Check:
    if not known.context:
        return Check(name="context", verdict="unknown", told="the server does not tell how many tokens it takes")
    told = f"{table.context:,} tokens in kb.toml, {known.context:,} at the server"
    if table.context <= known.context:
        return _passed("context", told)
    lower = f"set context = {known.context} in [llm], or " if known.context >= _SMALLEST else ""
    remedy = f"{lower}start the server with room for {table.context:,}: longer questions are refused or cut"
    return Check(name="context", verdict="warning", told=told, remedy=remedy)


def _schema(answer: Completion) -> Check:
    try:
        value: Any = json.loads(answer.text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and list(value) == ["colour"] and value["colour"] in _COLOURS:
        return _passed("schema", "answers follow a JSON schema")
    remedy = (
        "use a server that takes response_format (llama.cpp, vLLM, SGLang, Ollama 0.5): more of what it says can be used then"
    )
    return Check(name="schema", verdict="warning", told="answers do not follow a JSON schema", remedy=remedy)


def _streamed(model: Server) -> tuple[Check, Speed | None]:
    began = time.monotonic()
    heard: list[float] = []
    try:
        answer = model.complete(_SYSTEM, _COUNTED, heard=lambda piece: heard.append(time.monotonic() - began))
    except LlmError as error:
        return Check(name="streaming", verdict="warning", told=error.message, remedy=error.remedy), None
    tokens = answer.completion_tokens or len(heard)
    speed = Speed(first=heard[0], tokens=tokens, counted=bool(answer.completion_tokens), seconds=answer.seconds)
    if answer.cut and answer.cut != LIMIT:
        return Check(name="streaming", verdict="warning", told=f"the answer broke off: {answer.cut}"), speed
    if len(heard) == 1:
        return Check(name="streaming", verdict="warning", told="answers come in one piece"), speed
    return _passed("streaming", f"answers come in pieces, here {len(heard):,}"), speed
