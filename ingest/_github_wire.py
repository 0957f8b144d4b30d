"""One request on its way to GitHub and back, in PyGithub's connection: counted, bounded in size and time, interruptible."""

from __future__ import annotations

import time
from collections.abc import Callable, ItemsView

import requests
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, RequestsResponse

MOST_BYTES = 64 * 1024 * 1024  # GitHub's largest page, 100 bodies of 65,536 characters all escaped, has 40 MB
MOST_SECONDS = 300.0  # for a whole answer, however steadily it trickles in
_CHUNK = 256 * 1024


class OversizeError(Exception):
    """An answer has more bytes than any right one."""


class SlowError(Exception):
    """An answer did not end in time."""


class DivertedError(Exception):
    """An answer that PyGithub would act upon itself: it follows a 301 without its query, and sleeps on a 202."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(status)
        self.status = status
        self.location = location


class _Answer(RequestsResponse):
    def __init__(self, response: requests.Response, body: str) -> None:
        super().__init__(response)
        self._body = body

    def read(self) -> str:
        return self._body

    def getheaders(self) -> ItemsView[str, str]:
        """PyGithub takes every rate limit header for a number."""
        rates = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
        return {
            name: value for name, value in self.headers.items() if name.lower() not in rates or value.strip().isdecimal()
        }.items()


class _Bounded:
    """What PyGithub's two connection classes, for https and for http, get in addition."""

    protocol: str
    host: str
    port: int
    url: str
    headers: dict[str, str]
    session: requests.Session

    def prepare(self, *, timeout: float, sending: Callable[[], None], check: Callable[[], None]) -> None:
        """``sending`` is told of every request, ``check`` is called while an answer comes and raises to end it."""
        self._timeout, self._sending, self._check = timeout, sending, check

    def getresponse(self) -> RequestsResponse:
        """Send the request, and read all of the answer.

        Raises:
            DivertedError, OversizeError, SlowError, requests.RequestException, urllib3.exceptions.HTTPError.
        """
        self._sending()
        address = f"{self.protocol}://{self.host}:{self.port}{self.url}"
        with self.session.get(
            address, headers=self.headers, timeout=self._timeout, allow_redirects=False, stream=True
        ) as response:
            if response.status_code in (202, 301):
                raise DivertedError(response.status_code, response.headers.get("location", ""))
            return _Answer(response, self._body(response))

    def _body(self, response: requests.Response) -> str:
        deadline = time.monotonic() + MOST_SECONDS
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):  # what is there, where others wait for a whole chunk
            body += chunk
            self._check()
            if len(body) > MOST_BYTES:
                raise OversizeError(f"more than {MOST_BYTES:,} bytes")
            if time.monotonic() > deadline:
                raise SlowError(f"not complete after {MOST_SECONDS:.0f} seconds")
        return body.decode("utf-8", "replace")


class Https(_Bounded, HTTPSRequestsConnectionClass):
    """To any host."""


class Http(_Bounded, HTTPRequestsConnectionClass):
    """To this machine."""
