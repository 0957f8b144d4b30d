"""GitHub's REST API, one page at a time: PyGithub's requester with retries, limits and errors told as infra-kb tells them.

What one request can cost: up to ``ATTEMPTS`` requests (5xx, connections that break, truncated answers, told limits), and one
more for each redirect of a renamed repository. Every request that goes out is counted in ``context.meter``.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import tenacity
import urllib3
from github import Auth, Github
from github.Requester import Requester

from ingest import _github_auth as auth
from ingest import _github_told as told
from ingest import _github_wire as wire
from kb.errors import SourceError
from kb.protocols import SourceContext
from kb.safe import one_line

PER_PAGE = 100
ATTEMPTS = 5
BACKOFF = 1.0  # seconds before the second attempt, then twice as long each time
MOST_BACKOFF = 30.0
TIMEOUT = 30.0  # seconds without a byte
SECONDARY_WAIT = 60.0  # what GitHub asks for where a limit tells no time
API_VERSION = "2022-11-28"
_LONGEST_WAIT = 366 * 86_400.0  # seconds; what asks for more cannot be told as a date
_HOPS = 3
_REDIRECTS = (301, 302, 307, 308)
_STAYS = "what is stored stays, and the next sync goes on from there"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a listing.

    ``items`` are its objects; ``left_out`` entries were none, and are noted. ``next`` is the path and query of the following
    page, "" at the end. ``etag`` makes a later request conditional; ``unchanged``: that request was, and nothing has changed.
    """

    items: tuple[dict[str, Any], ...] = ()
    left_out: int = 0
    next: str = ""
    etag: str = ""
    unchanged: bool = False


class RequestError(SourceError):
    """A request failed for good; ``status`` is the answer's, 0 where there was none that could be read."""

    def __init__(self, message: str, *, remedy: str = "", status: int = 0) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class LimitError(SourceError):
    """The server's limit is known to be used up, and no request was sent: a place to stop, not a failure.

    ``line`` says in one line which limit and when it ends: for ``Batch.truncated``.
    """

    def __init__(self, message: str, *, remedy: str, line: str) -> None:
        super().__init__(message, remedy=remedy)
        self.line = line


class _AgainError(Exception):
    """An attempt failed in a way that may pass; ``error`` is what to say if it does not.

    ``wait``: how long the server asks for, in seconds, if it does. ``limited``: by a rate limit.
    """

    def __init__(self, error: RequestError, *, wait: float | None = None, limited: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait
        self.limited = limited


@dataclass(frozen=True)
class _Answer:
    """``data`` is the JSON of an answer with status 200."""

    status: int
    headers: dict[str, str]
    text: str
    data: Any = None


@dataclass(frozen=True)
class _Limit:
    """What the server says of its limit. ``until`` is on the monotonic clock: this machine's date may be wrong."""

    most: int | None = None
    remaining: int | None = None
    reset: datetime | None = None
    until: float = 0.0

    @property
    def wait(self) -> float:
        return max(0.0, self.until - time.monotonic())


class Client:
    """Reads from one GitHub server, as one source."""

    def __init__(self, base_url: str, context: SourceContext, *, source: str, patience: float = 60.0) -> None:
        """``source`` is the name that messages begin with; ``patience``: seconds that may be waited for a limit to end.

        Raises:
            ConfigError: ``base_url`` is no address of an API.
            SourceError: a variable of the environment holds what cannot be a token.
        """
        server = auth.server(base_url)
        self._context = context
        self._source = source
        self._patience = patience
        self._token = auth.token(server.host)
        self._server = server
        self._limit = _Limit()
        self._requester = self._connect()
        self._connection = self._wire()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._requester.close()

    def page(self, path: str, *, params: dict[str, str] | None = None, etag: str = "") -> Page:
        """One page of a listing: ``path`` ("/repos/acme/kernels/issues", or a page's ``next``) with ``params`` in its query.

        Raises:
            LimitError: the limit is used up, and its end is further away than ``patience``. Nothing was sent.
            RequestError: it cannot be read.
            SourceStoppedError: the person interrupted.
        """
        target = Requester.add_parameters_to_url(path, dict(params or {}))
        answer, moved = self._followed(target, {"If-None-Match": etag} if etag else {})
        if answer.status == 304:
            return Page(etag=etag, unchanged=True)
        found = self._list(answer, path)
        items = tuple(item for item in found if isinstance(item, dict))
        left_out = len(found) - len(items)
        if left_out and not items:
            raise self._error(path, f"none of its {left_out} entries is an object", remedy=self._between())
        if left_out:
            self._context.meter.note(f"{_bare(path)}: {left_out} entries are no objects and were left out")
        if moved:
            self._tell_move(path, items)
        return Page(items=items, left_out=left_out, next=self._next(answer, target), etag=answer.headers.get("etag", ""))

    def item(self, path: str) -> dict[str, Any] | None:
        """One object, by its number say; None where it is not there (any more), or was moved elsewhere.

        Raises:
            LimitError, RequestError, SourceStoppedError: as ``page``.
        """
        try:
            answer, moved = self._followed(path, {})
        except RequestError as error:
            if error.status in (404, 410):
                return None
            raise
        if moved and _bare(moved).rpartition("/")[2] != _bare(path).rpartition("/")[2]:
            return None
        if not isinstance(answer.data, dict):
            raise self._error(path, f"{_kind(answer.data)} came where an object was due", remedy=self._between())
        return answer.data

    # -- one request ------------------------------------------------------------------------------------------------------

    def _followed(self, target: str, headers: dict[str, str]) -> tuple[_Answer, str]:
        """The answer, and where it was found if the server sent us on ("" if not)."""
        here, moved = target, ""
        for _ in range(_HOPS + 1):
            answer = self._patiently(here, headers)
            if answer.status not in _REDIRECTS:
                return answer, moved
            here = moved = self._redirected(here, answer.headers.get("location", ""))
        raise self._error(target, f"is redirected more than {_HOPS} times", remedy="check repo and base_url")

    def _patiently(self, target: str, headers: dict[str, str]) -> _Answer:
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_AgainError),
            wait=_wait,
            stop=self._is_enough,
            sleep=self._context.pause,
            reraise=True,
        )
        try:
            return attempts(self._attempt, target, headers)
        except _AgainError as again:
            raise again.error from again.__cause__

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        """Whether to give up: after ``ATTEMPTS``, or where the server asks for a longer wait than ``patience`` in all."""
        again = state.outcome.exception() if state.outcome else None
        asked = isinstance(again, _AgainError) and again.wait is not None
        return state.attempt_number >= ATTEMPTS or (asked and state.idle_for + state.upcoming_sleep > self._patience)

    def _attempt(self, target: str, headers: dict[str, str]) -> _Answer:
        self._make_room()
        self._context.pause(0)
        accept = {"Accept": "application/vnd.github+json"}
        try:
            status, got, text = self._requester.requestJson("GET", target, headers={**headers, **accept}, cnx=self._connection)
            answer = _Answer(status, {name.lower(): str(value) for name, value in got.items()}, text)
        except wire.DivertedError as diverted:
            answer = _Answer(diverted.status, {"location": diverted.location}, "")
        except wire.OversizeError as error:
            raise self._error(target, f"the answer is too big: {error}") from error
        except wire.SlowError as error:  # it took minutes, and would again
            raise self._error(target, told.broken(error, timeout=TIMEOUT), remedy=_STAYS) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            remedy = f"check the network and base_url ({self._server.url}); {_STAYS}"
            raise _AgainError(self._error(target, told.broken(error, timeout=TIMEOUT), remedy=remedy)) from error
        self._learn(answer)
        self._check(target, answer, conditional="If-None-Match" in headers)
        return replace(answer, data=self._json(target, answer.text)) if answer.status == 200 else answer

    def _check(self, target: str, answer: _Answer, *, conditional: bool) -> None:
        """Raises what the answer's status calls for."""
        status, message = answer.status, self._message(answer)
        asked = told.retry_after(answer.headers)
        if status in (403, 429):
            self._check_limit(target, answer, message, asked)
        if status == 202 or status >= 500:
            error = self._error(target, f"the server failed ({status}) {message}".rstrip(), remedy=_STAYS, status=status)
            raise _AgainError(error, wait=asked)
        if status not in (200, *_REDIRECTS) and not (status == 304 and conditional):
            problem, remedy = told.explained(status, anonymous=not self._token)
            raise self._error(target, f"{problem} ({status}) {message}".rstrip(), remedy=remedy, status=status)

    def _check_limit(self, target: str, answer: _Answer, message: str, asked: float | None) -> None:
        """Raises _AgainError where the refusal is one of a limit: the hour's, or the one on requests in quick succession."""
        primary = self._limit.remaining == 0 or Requester.isPrimaryRateLimitError(message)
        if not (primary or asked is not None or answer.status == 429 or Requester.isSecondaryRateLimitError(message)):
            return
        if primary and asked is None:
            line, wait = self._limit_line(), self._limit.wait if self._limit.reset else SECONDARY_WAIT
        else:
            wait = SECONDARY_WAIT if asked is None else asked
            line = f"GitHub's limit on requests in quick succession asks to wait {math.ceil(wait)} s"
            reset = self._context.clock() + timedelta(seconds=min(wait, _LONGEST_WAIT))
            self._context.meter.limit(remaining=self._limit.remaining, reset=reset)
        error = self._error(target, f"refused ({answer.status}): {line}", remedy=self._limit_remedy(), status=answer.status)
        self._limit = _Limit(self._limit.most)  # this one is dealt with here; what comes next says anew
        raise _AgainError(error, wait=wait, limited=True)

    # -- the limit --------------------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Wait, where the server has said that it takes no more requests for now; raises LimitError where that is too long."""
        wait = self._limit.wait
        if self._limit.remaining != 0 or not wait:
            return
        if wait > self._patience:
            line = self._limit_line()
            raise LimitError(f"{self._source}: {line}", remedy=self._limit_remedy(), line=line)
        self._context.pause(wait)
        self._limit = _Limit(self._limit.most)

    def _learn(self, answer: _Answer) -> None:
        remaining = told.whole(answer.headers.get("x-ratelimit-remaining"))
        epoch = told.whole(answer.headers.get("x-ratelimit-reset"))
        if remaining is None or epoch is None or epoch > 253402300799:  # the last second of the year 9999
            return
        reset = datetime.fromtimestamp(epoch, UTC)
        now = told.date(answer.headers.get("date", "")) or self._context.clock()
        wait = (reset - now).total_seconds() + 1  # it is not told when within that second
        self._limit = _Limit(
            told.whole(answer.headers.get("x-ratelimit-limit")), remaining, reset, time.monotonic() + max(0.0, wait)
        )
        self._context.meter.limit(remaining=remaining, reset=reset)

    def _limit_line(self) -> str:
        most = f"{self._limit.most:,} " if self._limit.most is not None else ""
        who = "" if self._token else " without a token"
        end = f" until {self._limit.reset:%Y-%m-%d %H:%M} UTC" if self._limit.reset else ""
        return f"GitHub's limit of {most}requests an hour{who} is used up{end}"

    def _limit_remedy(self) -> str:
        return _STAYS if self._token else f"set GITHUB_TOKEN: with a token GitHub takes 5,000 requests an hour; {_STAYS}"

    # -- what came --------------------------------------------------------------------------------------------------------

    def _list(self, answer: _Answer, path: str) -> list[Any]:
        if not isinstance(answer.data, list):
            raise self._error(path, f"{_kind(answer.data)} came where a list was due", remedy=self._between())
        return answer.data

    def _json(self, target: str, text: str) -> Any:
        start = text[:100].lstrip()[:1]
        if start == "<":
            raise self._error(target, "a page of HTML came where JSON was due", remedy=self._between())
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:  # cut off on its way, which may pass
            problem = f"what came is not JSON ({len(text):,} characters)" if start else "the answer is empty"
            raise _AgainError(self._error(target, problem, remedy=self._between())) from error

    def _between(self) -> str:
        return f"check base_url ({self._server.url}), and whether a proxy or a login page stands between"

    def _next(self, answer: _Answer, target: str) -> str:
        """Path and query of the page that the Link header calls next. Its host does not matter: only ours is ever asked."""
        links = requests.utils.parse_header_links(answer.headers.get("link", ""))
        url = next((link["url"] for link in links if link.get("rel") == "next"), "")
        if not url:
            return ""
        found = self._own(url)
        if found in ("", target):
            problem = "itself" if found else "a page that is none of this server"
            raise self._error(target, f"the page is said to be followed by {problem}", remedy="check base_url")
        return found

    def _redirected(self, target: str, location: str) -> str:
        """Where ``location`` is on this server; raises RequestError for any other server, as it must not get the token."""
        absolute = urljoin(self._server.url + target, location)
        there, here = urlsplit(absolute), urlsplit(self._server.url)
        if not location or (there.scheme, there.netloc) != (here.scheme, here.netloc):
            host = one_line(there.hostname or "nowhere", limit=100)
            raise self._error(target, f"is redirected to {host}, which is not asked", remedy="check repo and base_url")
        query, path = there.query or urlsplit(target).query, self._own(there.path)
        if not path:
            raise self._error(target, "is redirected to what is not of this API", remedy="check base_url")
        return path + (f"?{query}" if query else "")

    def _own(self, url: str) -> str:
        """Path and query of a URL on this server, without the path that base_url has itself."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        path = parts.path.removeprefix(urlsplit(self._server.url).path)
        return path + (f"?{parts.query}" if parts.query else "") if path.startswith("/") else ""

    def _tell_move(self, path: str, items: tuple[dict[str, Any], ...]) -> None:
        old = "/".join(path.split("/")[2:4])
        page = items[0].get("html_url") if items else ""
        new = "/".join(urlsplit(page).path.split("/")[1:3]) if isinstance(page, str) else ""
        if new != old:
            self._context.meter.note(f"{old} is now {one_line(new, limit=200) or 'elsewhere'}: change repo in kb.toml")

    def _message(self, answer: _Answer) -> str:
        """What the server says of its refusal, in one line."""
        if answer.status < 400:
            return ""
        try:
            found = json.loads(answer.text)
            said = found.get("message") if isinstance(found, dict) else ""
        except (ValueError, RecursionError):
            said = ""
        return one_line(self._hidden(said), limit=200) if isinstance(said, str) else ""

    def _error(self, target: str, problem: str, *, remedy: str = "", status: int = 0) -> RequestError:
        where = self._hidden(one_line(_bare(target), limit=200))
        return RequestError(f"{self._source}: {where}: {problem}", remedy=remedy, status=status)

    def _hidden(self, text: str) -> str:
        return text.replace(self._token, "***") if self._token else text

    # -- the connection ---------------------------------------------------------------------------------------------------

    def _connect(self) -> Requester:
        return Github(
            auth=Auth.Token(self._token) if self._token else None,
            base_url=self._server.url,
            user_agent="infra-kb",
            per_page=PER_PAGE,
            retry=0,
            seconds_between_requests=None,
            lazy=True,
            api_version=API_VERSION,
        ).requester

    def _wire(self) -> wire.Https | wire.Http:
        parts = urlsplit(self._server.url)
        kind = wire.Https if parts.scheme == "https" else wire.Http
        connection = kind(parts.hostname or "", parts.port, retry=0)
        connection.prepare(timeout=TIMEOUT, sending=self._context.meter.count, check=lambda: self._context.pause(0))
        return connection


def _wait(state: tenacity.RetryCallState) -> float:
    again = state.outcome.exception() if state.outcome else None
    if isinstance(again, _AgainError) and again.wait is not None:
        return again.wait
    return tenacity.wait_exponential(multiplier=BACKOFF, max=MOST_BACKOFF)(state)


def _bare(target: str) -> str:
    return target.partition("?")[0]


def _kind(value: Any) -> str:
    """What a JSON value is, to a person."""
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "null")
