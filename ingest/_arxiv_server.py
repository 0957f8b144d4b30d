"""arXiv's server, asked as its terms want it: one request at a time, seconds apart; what may pass is tried again.

The arxiv package's own client waits with no way to stop it, knows no timeout, and ignores Retry-After; so it is not let near
the network (see ``_arxiv_feed``).
"""

from __future__ import annotations

import html
import math
import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Self, TypeVar
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay, wait_exponential

from ingest._http import Fetcher, HttpError, Patience
from kb.protocols import SourceContext
from kb.safe import one_line

T = TypeVar("T")

ATTEMPTS = 4
PATIENCE = 300.0  # seconds that one answer may cost with all its attempts: what arXiv asks for is seconds or minutes
_WHOLE = 10  # an answer has to be complete within so many timeouts, however steadily it trickles in
_GIST = 120


class AnswerError(Exception):
    """No usable answer, and no use in asking again; ``reason`` says in a few words what came instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PassingError(AnswerError):
    """The same request may well succeed later."""


class UnavailableError(PassingError):
    """No answer, or that no requests are taken now: for ``wait`` seconds if the server says so.

    ``told``: it was the server that said it; else nothing came, or what came broke off.
    """

    def __init__(self, reason: str, *, wait: float = 0.0, told: bool) -> None:
        super().__init__(reason)
        self.wait = wait
        self.told = told


class _Pace:
    """When each host was last asked, by any source of this process."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._last: dict[str, float] = {}

    def left(self, host: str, delay: float) -> float:
        """Seconds to wait before the next request; negative where none need be."""
        with self._mutex:
            return self._last.get(host, -math.inf) + delay - time.monotonic()

    def asked(self, host: str) -> None:
        """A request to it has just ended."""
        with self._mutex:
            self._last[host] = time.monotonic()


_pace = _Pace()


class Server:
    """The server behind ``base_url``; a context manager. ``delay`` and ``timeout`` are seconds."""

    def __init__(self, base_url: str, *, delay: float, timeout: float, context: SourceContext) -> None:
        self.base_url = base_url
        self._delay = delay
        self._context = context
        agent = f"infra-kb/{version('infra-kb')} arxiv.py/{version('arxiv')}"
        patience = Patience(attempts=1, longest_wait=PATIENCE, silence=timeout, whole=timeout * _WHOLE)
        self._fetcher = Fetcher(context, patience, headers={"User-Agent": agent})

    def __enter__(self) -> Self:
        self._fetcher.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._fetcher.__exit__(*details)

    def get(self, url: str, check: Callable[[bytes], T], *, most: int) -> T:
        """What ``check`` makes of the body, of at most ``most`` bytes; a PassingError that it raises leads to another attempt.

        Raises:
            UnavailableError, PassingError: still no answer after the last attempt.
            AnswerError: a clear no, or an answer that is not for us.
            SourceStoppedError: the person interrupted.
        """
        attempts = Retrying(
            retry=retry_if_exception_type(PassingError),
            stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(PATIENCE),
            wait=self._wait,
            sleep=self._context.pause,
            reraise=True,
        )
        try:
            answer: T = attempts(self._ask, url, check, most)
        except UnavailableError as error:
            if error.wait:
                self._context.meter.limit(remaining=0, reset=self._context.clock() + timedelta(seconds=error.wait))
            raise
        return answer

    def own_url(self, link: str) -> str:
        """Where this server has the file that ``link`` names.

        Raises:
            AnswerError: the link leads to another host than arXiv's and this one.
        """
        own = urlsplit(self.base_url)
        try:
            address = urlsplit(link)
            ours = address.netloc == own.netloc or is_arxiv(address.hostname or "")
        except ValueError:
            ours = False
        if not ours:
            raise AnswerError(f"a link to {one_line(link, limit=_GIST)!r}")
        return own._replace(path=address.path, query="", fragment="").geturl()

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_for = error.wait if isinstance(error, UnavailableError) else 0.0
        return max(asked_for, wait_exponential(multiplier=self._delay)(state))

    def _ask(self, url: str, check: Callable[[bytes], T], most: int) -> T:
        host = urlsplit(url).netloc
        self._context.pause(_pace.left(host, self._delay))
        try:
            reply = self._fetcher.get(url, most=most, also=(400,))
        except HttpError as error:
            raise _trouble(error) from error
        finally:
            _pace.asked(host)
        if reply.status == 400:
            raise AnswerError(f"HTTP 400: {gist(reply.body)}")
        if reply.cut:
            raise AnswerError(f"more than {most // 1_000_000} MB")
        return check(reply.body)


def is_arxiv(host: str) -> bool:
    """Whether arXiv's terms apply to this host."""
    return host.lower() == "arxiv.org" or host.lower().endswith(".arxiv.org")


def gist(body: bytes) -> str:
    """What a page says to people, in one line: its summary (an error of arXiv's), its title, or how it begins."""
    text = body[:65_536].decode("utf-8", "replace")
    for tag in ("summary", "title"):
        if found := re.search(rf"<{tag}\b[^>]*>([^<]+)</{tag}>", text, re.IGNORECASE):
            return one_line(html.unescape(found[1]), limit=_GIST)
    return one_line(re.sub(r"<[^>]*>", " ", text), limit=_GIST)


def _trouble(error: HttpError) -> AnswerError:
    if error.again and error.status in (0, 429, 503):
        return UnavailableError(error.reason, wait=error.after or 0.0, told=error.status != 0)
    return PassingError(error.reason) if error.again else AnswerError(error.reason)
