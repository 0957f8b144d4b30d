"""What a server says of itself: the models that it has, and how many tokens the one that is meant takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kb.config import LlmTable
from kb.llm.http import AskError, Patience, failure_in
from kb.llm.providers import OLLAMA, client_options
from kb.safe import one_line

_MOST = 10_000  # models of a listing
_LARGEST = 10**9
_UNLISTED = (404, 405, 501)  # how servers answer that list no models, or do not tell their state
_SIZES = ("max_model_len", "context_length", "context_window")  # vLLM and SGLang; OpenRouter and Together; Groq


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """``models`` is None where the server lists none; ``found`` is the name that it has for the configured one, "" for none;
    ``context`` is 0 where it does not tell."""

    models: tuple[str, ...] | None = None
    found: str = ""
    context: int = 0


def listing(table: LlmTable, *, key: str, patience: Patience) -> Listing:
    """Ask the server what it has: a request or two, each tried once.

    Raises:
        AskError: it cannot be reached, takes no such key, or is not well.
    """
    return asyncio.run(_listing(_Server(table, key, patience)))


async def _listing(server: _Server) -> Listing:
    return await (_of_ollama(server) if server.table.provider == "ollama" else _of_openai_like(server))


@dataclass(frozen=True)
class _Server:
    table: LlmTable
    key: str
    patience: Patience

    async def get(self, url: str, *, send: Mapping[str, Any] | None = None) -> Any:
        """The JSON at ``url``, None where the server has no such page. Raises AskError."""
        seconds = min(self.table.timeout.total_seconds(), self.patience.silence)
        options = client_options(self.table, key=self.key, patience=self.patience)
        try:
            async with asyncio.timeout(seconds), httpx.AsyncClient(**options) as client:
                return (await (client.post(url, json=send) if send else client.get(url))).json()
        except (ValueError, RecursionError):
            return None  # a page, but not one that tells anything
        except Exception as error:
            failure = failure_in(error, seconds=seconds, connect=self.patience.connect)
            if failure is None:
                raise
            if failure.status in _UNLISTED:
                return None
            raise failure from error


async def _of_openai_like(server: _Server) -> Listing:
    base = server.table.base_url.rstrip("/")
    known = _by_name(await server.get(f"{base}/models"), "data", "id")
    if known is None:
        return Listing()
    found = server.table.model if server.table.model in known else ""
    # llama.cpp has one model, and answers to any name.
    meant = known.get(found) or (next(iter(known.values())) if len(known) == 1 else {})
    context = next((size for name in _SIZES if (size := _size(meant.get(name)))), 0)
    return Listing(models=tuple(known), found=found, context=context or await _of_llama_cpp(server, base))


async def _of_llama_cpp(server: _Server, base: str) -> int:
    try:
        props = await server.get(f"{base.removesuffix('/v1')}/props")
    except AskError:
        return 0  # other servers have no such page
    return _size(_in(props, "default_generation_settings", "n_ctx"))


async def _of_ollama(server: _Server) -> Listing:
    base = (server.table.base_url or OLLAMA).rstrip("/")
    known = _by_name(await server.get(f"{base}/api/tags"), "models", "name")
    if known is None:
        return Listing()
    names = (server.table.model, f"{server.table.model}:latest")
    found = next((name for name in names if name in known), "")
    shown = await server.get(f"{base}/api/show", send={"model": found}) if found else None
    details = _in(shown, "model_info")
    sizes = details.items() if isinstance(details, dict) else ()
    context = next((_size(size) for name, size in sizes if re.fullmatch(r"[\w-]+\.context_length", name)), 0)
    return Listing(models=tuple(known), found=found, context=context)


def _by_name(page: Any, of: str, name: str) -> dict[str, Mapping[str, Any]] | None:
    """The entries of a listing by their names, as far as they have one; None where it is no listing."""
    entries = _in(page, of)
    if not isinstance(entries, list):
        return None
    named = [entry for entry in entries[:_MOST] if isinstance(_in(entry, name), str)]
    return {one_line(entry[name], limit=200): entry for entry in named}


def _in(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _size(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST else 0
