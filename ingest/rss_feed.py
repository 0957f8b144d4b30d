"""Posts, or releases, from an RSS or Atom feed. A feed is a window on what was written last: what leaves it stays stored.

A changed feed costs one request, an unchanged one too (the server answers 304 where it keeps an ETag or a date). An entry is
known by its guid (RSS) or id (Atom), else by its link, so that a new title or a new address does not make it another one.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit
from xml.parsers.expat import errors as expat
from xml.sax import SAXException, SAXParseException

import feedparser
import httpx

from ingest import _cursor
from ingest._feed_entry import Entry
from ingest._http import Fetcher, HttpError, Patience, shown
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.safe import one_line
from kb.types import Batch, Event, Record

MOST_BYTES = 20 * 1024 * 1024
VERSION = 1  # of the cursor
BATCH_RECORDS = 100
BODY_LIMIT = 200_000  # characters

_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")
_TAG = re.compile(r"/(?:releases/tag|-/releases|-/tags)/(.+)$")  # GitHub and Gitea; GitLab
_UNFIT = re.compile(r"[^\w.-]+")
_CUT_OFF = (
    expat.XML_ERROR_NO_ELEMENTS,
    expat.XML_ERROR_UNCLOSED_TOKEN,
    expat.XML_ERROR_UNCLOSED_CDATA_SECTION,
    expat.XML_ERROR_PARTIAL_CHAR,
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A feed.

    ``url``: http(s), or a local file. ``name``: by default the host, or the file's name. ``kind``: "post", or "release" for the
    release feed of ``repo`` ("owner/name"), whose ids are then those of its releases.

    Raises:
        ConfigError: a value that cannot be right.
    """

    url: str = field(repr=False)  # may hold a token
    name: str = ""
    repo: str = ""
    kind: Literal["post", "release"] = "post"
    context: SourceContext = field(repr=False)

    patience: ClassVar[Patience] = Patience()

    def __post_init__(self) -> None:
        if self.repo and not _REPO.fullmatch(self.repo):
            raise ConfigError(f"repo {self.repo!r} is not of the form owner/name", remedy='for example repo = "owner/name"')
        if self.kind == "release" and not self.repo:
            raise ConfigError('kind = "release" needs repo', remedy='add repo = "owner/name": whose releases they are')
        if "://" in self.url and not self._host:
            raise ConfigError(f"url {shown(self.url)!r} is not a web address", remedy="give http://… or https://…, or a file")
        object.__setattr__(self, "name", self.name or self._host.removeprefix("www.") or Path(self.url).stem or "feed")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of record it gives."""
        return (self.kind,)

    @property
    def lane(self) -> str:
        """Feeds of one server are read one after the other; "" for a file."""
        return self._host

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the feed's entries where it has changed since ``cursor``, in its own order. Unchanged: no batch.

        Raises:
            SourceError: it cannot be had, is no feed, or ends in the middle (the whole entries are yielded first).
        """
        known = _Cursor.loads(cursor, self._settings)
        page = self._page(known)
        if page is None or page.digest == known.digest:
            return
        feed = self._parsed(page.body)
        cut_off = _is_cut_off(feed)
        entries = list(feed.entries[:-1] if cut_off else feed.entries)
        records, undated = self._records(entries, known.undated)
        seen = _Cursor(settings=self._settings, undated=undated)
        read = seen if cut_off else _Cursor(page.etag, page.modified, page.digest, self._settings, undated)
        for start in range(0, max(len(records), 1), BATCH_RECORDS):
            some = records[start : start + BATCH_RECORDS]
            last = start + BATCH_RECORDS >= len(records)
            yield Batch(records=some, cursor=(read if last else seen).dumps(), expected=len(records))
        if cut_off:
            raise SourceError(
                f"{self.name}: {shown(self.url)}: the feed ends in the middle, after {len(records)} whole entries",
                remedy="the next sync reads it again; if that does not help, tell whoever publishes it",
            )

    # --- reading ----------------------------------------------------------------------------------------------------------

    def _page(self, known: _Cursor) -> _Page | None:
        """What the feed is now; None where the server says that it has not changed."""
        if not self._host:
            return self._file()
        conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
        parts = httpx.URL(self.url)
        auth = (parts.username, parts.password) if parts.userinfo else None
        with Fetcher(self.context, self.patience, headers={"Accept": _ACCEPTED}, auth=auth) as fetcher:
            try:
                reply = fetcher.get(
                    str(parts.copy_with(userinfo=b"")),
                    most=MOST_BYTES,
                    also=(304,),
                    headers={key: value for key, value in conditions.items() if value},
                )
            except HttpError as error:
                remedy = "the next sync tries again" if error.again and error.status else "check url and the network"
                raise SourceError(f"{self.name}: {shown(self.url)}: {error.reason}", remedy=remedy) from error
        if reply.moved:
            self.context.meter.note(f"{self.name}: the feed has moved for good to {reply.moved}: change url")
        if reply.status == 304:
            return None
        return self._checked(reply.body, reply.headers.get("ETag", ""), reply.headers.get("Last-Modified", ""), cut=reply.cut)

    def _file(self) -> _Page:
        try:
            with Path(self.url).open("rb") as file:
                body = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise SourceError(f"{self.name}: {self.url}: {error.strerror}", remedy="check url") from error
        return self._checked(body, cut=len(body) > MOST_BYTES)

    def _checked(self, body: bytes, etag: str = "", modified: str = "", *, cut: bool) -> _Page:
        if cut:
            raise SourceError(
                f"{self.name}: {shown(self.url)}: more than {MOST_BYTES >> 20} MB", remedy="check that url is a feed"
            )
        return _Page(body, one_line(etag), one_line(modified), hashlib.sha256(body).hexdigest()[:16])

    def _parsed(self, body: bytes) -> feedparser.FeedParserDict:
        """The feed; what is odd about it is noted.

        Raises:
            SourceError: it is none.
        """
        if not body.strip():
            raise self._no_feed("it is empty")
        # The configured address also where it moved: guids may be relative, and ids must not change.
        headers = {"content-type": "application/xml", "content-location": self._base}
        try:
            feed = feedparser.parse(
                io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
            )
        except Exception as error:  # what hostile text brings out of a parser is not foreseeable
            raise self._no_feed(f"{type(error).__name__}: {one_line(str(error), limit=120)}") from error
        problem = feed.get("bozo_exception")
        if not feed.get("version") or (problem is not None and not feed.entries):
            reason = one_line(str(problem), limit=120) if problem else "it is something else"
            raise self._no_feed("it is an HTML page" if _looks_like_html(body) else reason)
        if problem is not None:
            reason = problem.getMessage() if isinstance(problem, SAXException) else str(problem)
            self.context.meter.note(
                f"{self.name}: the feed is malformed ({one_line(reason, limit=120)}): read as well as it can be"
            )
        return feed

    def _no_feed(self, reason: str) -> SourceError:
        return SourceError(
            f"{self.name}: {shown(self.url)} is not an RSS or Atom feed: {reason}", remedy="open url in a browser and check it"
        )

    # --- entries ----------------------------------------------------------------------------------------------------------

    def _records(self, raw: list[Mapping[str, Any]], undated: Mapping[str, int]) -> tuple[tuple[Record, ...], dict[str, int]]:
        """Each entry once, and since when those without a date are known (id -> epoch seconds)."""
        now = int(self.context.clock().timestamp())
        entries = [Entry(dict(entry), self._base) for entry in raw]
        told = {self._id(entry): entry for entry in reversed(entries) if not entry.says_nothing}
        if mute := sum(entry.says_nothing for entry in entries):
            self.context.meter.note(f"{self.name}: {mute} entries of the feed have neither title nor text nor link: left out")
        seen = {id: undated.get(id, now) for id, entry in told.items() if not entry.dates}
        records = (self._record(id, entry, seen.get(id)) for id, entry in reversed(told.items()))
        return tuple(records), seen

    def _record(self, id: str, entry: Entry, since: int | None) -> Record:
        first = "released" if self.kind == "release" else "published"
        if since is None:
            published, *later = entry.dates
            events = (Event(first, published), *(Event("revised", at) for at in later))
        else:
            events = (Event(first, datetime.fromtimestamp(since, UTC)),)
        body = entry.body
        marks = (("undated",) if since is not None else ()) + (("truncated",) if len(body) > BODY_LIMIT else ())
        return Record(
            id=id,
            kind=self.kind,
            repo=self.repo,
            ref=self._ref(entry),
            title=entry.title or one_line(body, limit=100) or entry.url,
            body=body[:BODY_LIMIT],
            url=entry.url,
            author=entry.author,
            labels=entry.labels,
            events=events,
            marks=marks,
        )

    def _id(self, entry: Entry) -> str:
        if self.kind == "release":
            return f"release:{self.repo}@{self._ref(entry)}"
        return f"post:{self._host or self.name}/{entry.key}"

    def _ref(self, entry: Entry) -> str:
        """A release's tag; of a post its host and the last part of its address, as a person would name it."""
        path = unquote(urlsplit(entry.url).path).rstrip("/")
        if self.kind == "release":
            tag = _TAG.search(path)
            return one_line(tag[1] if tag else path.rpartition("/")[2], limit=100) or entry.key
        slug = _UNFIT.sub("-", path.rpartition("/")[2]).strip("-.")[:60]
        return f"{self._host or self.name}/{slug or entry.key}"

    @cached_property
    def _host(self) -> str:
        """The server's name; "" for a local file, and for what is no address."""
        try:
            parts = httpx.URL(self.url)
        except httpx.InvalidURL:
            return ""
        return parts.host if parts.scheme in ("http", "https") else ""

    @property
    def _base(self) -> str:
        return str(httpx.URL(self.url).copy_with(userinfo=b"")) if self._host else ""

    @property
    def _settings(self) -> str:
        """Stands for the keys that decide what is read and how; a change of them has the feed read again."""
        return hashlib.sha256("\n".join((self.url, self.kind, self.repo)).encode()).hexdigest()[:16]


_ACCEPTED = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"


@dataclass(frozen=True)
class _Page:
    body: bytes
    etag: str
    modified: str
    digest: str


@dataclass(frozen=True)
class _Cursor:
    """What the server said of the version that was read, and since when its undated entries are known (id -> epoch seconds)."""

    etag: str = ""
    modified: str = ""
    digest: str = ""
    settings: str = ""
    undated: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def loads(cls, text: str | None, settings: str) -> _Cursor:
        """The stored cursor; the undated entries only, where it was written with other settings."""
        stored = _cursor.loads(cls, text, version=VERSION) or cls()
        return stored if stored.settings == settings else cls(undated=stored.undated)

    def dumps(self) -> str:
        return _cursor.dumps(self, version=VERSION)


def _is_cut_off(feed: feedparser.FeedParserDict) -> bool:
    problem = feed.get("bozo_exception")
    return isinstance(problem, SAXParseException) and problem.getMessage() in _CUT_OFF


def _looks_like_html(body: bytes) -> bool:
    return bool(re.match(rb"\s*(?:<!doctype html|<html)", body[:1000], re.IGNORECASE))
