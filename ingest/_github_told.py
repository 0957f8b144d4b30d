"""What GitHub's answers, and those that did not come, mean: statuses, headers, broken connections. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
import urllib3

from ingest import _github_wire as wire


def explained(status: int, *, anonymous: bool) -> tuple[str, str]:
    """What a status means, and what to do."""
    if status == 401:
        given = "unset GITHUB_TOKEN, or set it to a token that is valid (gh auth login renews the one of gh)"
        return ("a token is needed", "set GITHUB_TOKEN") if anonymous else ("the token was not accepted", given)
    if status == 403:
        return "access is refused", "the token needs read access to this repository"
    if status == 404:
        return "not found: deleted, private, or misspelt", "check repo, or set GITHUB_TOKEN to a token that may read it"
    if status == 410:
        return "not there any more, or switched off in this repository", "check the repository's page"
    if status == 451:
        return "blocked for legal reasons", "remove this source from kb.toml"
    return "unexpected answer", "check repo and base_url"


def broken(error: Exception, *, timeout: float) -> str:
    """Why no whole answer came, without what the libraries put around it (addresses, proxies with passwords)."""
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return f"no answer within {timeout:g} seconds"
    if isinstance(error, wire.SlowError):
        return f"the answer was {error}"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection can be made (TLS)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be used"
    if isinstance(error, (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError)):
        return "the answer is damaged: it cannot be decompressed"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError)):
        return "the answer broke off"
    if error.args and isinstance(error.args[0], urllib3.exceptions.ProtocolError):
        return "the connection broke"
    return "the server cannot be reached" if isinstance(error, requests.ConnectionError) else "the request failed"


def retry_after(headers: dict[str, str]) -> float | None:
    """Seconds that a Retry-After asks for; None where there is none that can be read."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        at, now = date(text), date(headers.get("date", ""))
        return max(0.0, (at - (now or datetime.now(UTC))).total_seconds()) if at else None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def date(text: str) -> datetime | None:
    """A date of HTTP; None where it is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def whole(text: str | None) -> int | None:
    """A number in decimal digits; None where it is none."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 16 else None
