"""Pages over HTTP, politely: bounded in size, time and patience, every request counted, and stoppable at any moment."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Self

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from kb.errors import SourceStoppedError
from kb.protocols import SourceContext
from kb.safe import one_line

_BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))
_SECRET = re.compile(r"(?<=://)[^/@\s]*@|(?<=\?)[^\s'\"]+")
_LIMIT = re.compile(r"\br\s*=\s*(\d{1,9})\s*;\s*t\s*=\s*(\d{1,9})")  # "api";r=0;t=55, as the IETF draft has it

logging.getLogger("httpx").setLevel(logging.WARNING)  # below that it logs whole addresses, and a query may hold a token


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to try, in seconds: ``silence`` between two bytes, ``whole`` for an answer, ``longest_wait`` between attempts.

    A server that asks for a longer wait than that is not asked again in this run.
    """

    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 60.0
    silence: float = 30.0
    whole: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer.

    ``cut``: there was more than was asked for. ``moved``: the new address, where the server says that it is for good. ``next``:
    the address of the next page, as the server's Link header has it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    moved: str = ""
    next: str = ""


class HttpError(Exception):
    """No usable answer: ``reason`` in one line, without secrets; ``status`` is 0 where the server said nothing.

    ``again``: another attempt may help. ``after``: seconds that the server asks to wait, where it does.
    """

    def __init__(self, reason: str, *, status: int = 0, again: bool = False, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.again = again
        self.after = after

    @property
    def limited(self) -> bool:
        """Whether the server refuses because it was asked too much."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS


def shown(url: str) -> str:
    """``url`` for people: without the user part and the query, which may hold a token."""
    return _SECRET.sub(lambda match: "" if match[0].endswith("@") else "…", one_line(url))


class Fetcher:
    """A client for one pull of one source; a context manager."""

    def __init__(
        self,
        context: SourceContext,
        patience: Patience,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> None:
        self._context = context
        self._patience = patience
        self._client = httpx.Client(
            headers={"User-Agent": "infra-kb", **(headers or {})},
            auth=auth,
            timeout=patience.silence,
            follow_redirects=True,
            max_redirects=5,
            event_hooks={"request": [lambda _: context.meter.count()]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(
        self,
        url: str,
        *,
        most: int,
        also: tuple[int, ...] = (),
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int | list[str]] | None = None,
    ) -> Reply:
        """The page at ``url``, at most ``most`` bytes of it. Redirects are followed; a busy server is asked again.

        Raises:
            HttpError: no answer, or one with a status other than 200 and ``also``.
            SourceStoppedError: the person interrupted.
        """
        retrying = Retrying(
            retry=retry_if_exception(self._worth_another),
            stop=stop_after_attempt(self._patience.attempts),
            wait=self._wait,
            sleep=self._context.pause,
            reraise=True,
        )
        return retrying(self._once, url, most=most, also=also, headers=headers, params=params)

    def _once(
        self,
        url: str,
        *,
        most: int,
        also: tuple[int, ...],
        headers: Mapping[str, str] | None,
        params: Mapping[str, str | int | list[str]] | None,
    ) -> Reply:
        try:
            with self._client.stream("GET", url, headers=headers, params=params) as response:
                self._note_limit(response)
                if response.status_code not in (200, *also):
                    raise self._refusal(response)
                body = self._body(response, most)
        except httpx.HTTPError as error:
            again = isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)
            raise HttpError(self._told(error), again=again) from error
        for_good = response.history and all(hop.status_code in (301, 308) for hop in response.history)
        return Reply(
            status=response.status_code,
            headers=response.headers,
            body=body[:most],
            cut=len(body) > most,
            moved=shown(str(response.url)) if for_good else "",
            next=response.links.get("next", {}).get("url", ""),
        )

    def _body(self, response: httpx.Response, most: int) -> bytes:
        """The body, one piece beyond ``most`` bytes at the most."""
        ends = time.monotonic() + self._patience.whole
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if self._context.stop.is_set():
                raise SourceStoppedError("interrupted while reading")
            if len(body) > most:
                break
            if time.monotonic() > ends:
                raise HttpError(f"the answer was not complete after {self._patience.whole:g} s")
        return bytes(body)

    def _refusal(self, response: httpx.Response) -> HttpError:
        status = response.status_code
        after = self._asked_wait(response)
        reason = f"HTTP {status} {one_line(response.reason_phrase, limit=60)}".rstrip()
        if after is not None and after > self._patience.longest_wait:
            reason += f"; the server asks to wait {after:g} s"
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                self._context.meter.limit(remaining=0, reset=self._context.clock() + timedelta(seconds=after))
        return HttpError(reason, status=status, again=status in _BUSY, after=after)

    def _asked_wait(self, response: httpx.Response) -> float | None:
        asked = response.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"\d{1,9}", asked):
            return float(asked)
        try:
            at = parsedate_to_datetime(asked)
            return max((at.replace(tzinfo=at.tzinfo or UTC) - self._context.clock()).total_seconds(), 0.0)
        except ValueError:
            limit = _LIMIT.search(response.headers.get("RateLimit", ""))
            return float(limit[2]) if limit and limit[1] == "0" else None

    def _note_limit(self, response: httpx.Response) -> None:
        if limit := _LIMIT.search(response.headers.get("RateLimit", "")):
            reset = self._context.clock() + timedelta(seconds=int(limit[2]))
            self._context.meter.limit(remaining=int(limit[1]), reset=reset)

    def _worth_another(self, error: BaseException) -> bool:
        return isinstance(error, HttpError) and error.again and (error.after or 0.0) <= self._patience.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, HttpError) and error.after is not None:
            return error.after
        return wait_exponential(multiplier=self._patience.first_wait, max=self._patience.longest_wait)(state)

    def _told(self, error: httpx.HTTPError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"no answer within {self._patience.silence:g} s"
        plain = re.sub(r"^\[Errno -?\d+\] ", "", one_line(str(error), limit=200))
        return shown(plain) or type(error).__name__
