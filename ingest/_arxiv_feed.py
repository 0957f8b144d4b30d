"""Pages of arXiv's feed, each looked at before the arxiv package reads it.

The package takes an HTML page, an empty body, garbage and arXiv's own error entries for "no results", reads a feed that was cut
short as if it were whole, and one bad date costs it the page. Here each of these is told from a page that is really empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice

import arxiv
from lxml import etree

from ingest._arxiv_server import AnswerError, PassingError, Server, gist
from kb.safe import one_line

MOST_BYTES = 64_000_000  # a page of a hundred papers with 3,000 authors each has 20 MB
_ATOM = "{http://www.w3.org/2005/Atom}"
_TOTAL = "{http://a9.com/-/spec/opensearch/1.1/}totalResults"
_ERROR = re.compile(r"https?://(?:[\w-]+\.)*arxiv\.org/api/errors")
_NAME = re.compile(
    r"https?://(?:[\w-]+\.)*arxiv\.org/abs/(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v(?P<version>\d{1,4}))?"
)
# What no XML may hold, as it is or as a character reference: a control character in one abstract must not cost the page.
_NOT_XML = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcef]|1[0-9a-f]));",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed that can be trusted: ``body`` holds ``good`` entries, each with what a paper must have, of ``size`` that came.

    ``skipped`` says what the others lack; ``total`` papers match the query; ``date`` is the feed's own; ``mended`` whether
    characters had to be replaced.
    """

    body: bytes
    good: int
    size: int
    total: int
    skipped: tuple[str, ...]
    date: datetime | None
    mended: bool


@dataclass(frozen=True)
class Page:
    """A feed and the papers in it, in its order."""

    feed: Feed
    papers: tuple[arxiv.Result, ...]


class Client:
    """Asks for pages of one query, latest update first."""

    def __init__(self, server: Server, query: str) -> None:
        self._server = server
        self._search = arxiv.Search(query, max_results=None, sort_by=arxiv.SortCriterion.LastUpdatedDate)

    def page(self, start: int, size: int) -> Page:
        """The entries from position ``start`` on, at most ``size``.

        Raises:
            PassingError, AnswerError: see Server.get; also for what is not a page of arXiv's feed.
        """
        client = arxiv.Client(page_size=size, delay_seconds=0, num_retries=0)
        client.query_url_format = f"{self._server.base_url}?{{}}"
        client._session = session = _Session(self._server, start)  # the package offers no other way to see what it is given
        found = client.results(self._search, offset=start)
        first = list(islice(found, 1))
        rest = islice(found, max(session.feed.good - 1, 0))  # one more would make it ask for the next page
        return Page(session.feed, (*first, *rest))


class _Session:
    """Stands where the package has its requests.Session, and answers with sound feeds only."""

    feed: Feed

    def __init__(self, server: Server, start: int) -> None:
        self._server = server
        self._start = start

    def get(self, url: str, headers: Mapping[str, str]) -> _Response:
        self.feed = self._server.get(url, partial(_checked, start=self._start), most=MOST_BYTES)
        return _Response(self.feed.body)


@dataclass(frozen=True)
class _Response:
    """As much of a requests.Response as the package looks at."""

    content: bytes
    status_code: int = 200


def identity(entry_id: str) -> tuple[str, int] | None:
    """("2602.02061", version) of an entry's id; version 0 where it names none; None for what is no paper's."""
    match = _NAME.fullmatch(entry_id.strip())
    return (match["id"], int(match["version"] or 0)) if match else None


def _checked(body: bytes, *, start: int) -> Feed:
    root, mended = _parsed(body)
    if root.tag != f"{_ATOM}feed":
        raise PassingError(f"no Atom feed but {_said(body)}")
    entries = root.findall(f"{_ATOM}entry")
    for entry in entries:
        if _ERROR.match(_text(entry, f"{_ATOM}id")):
            raise AnswerError(f"an error: {one_line(_text(entry, f'{_ATOM}summary'), limit=200)}")
    total = _text(root, _TOTAL)
    if not total.isdecimal() or len(total) > 12:
        raise PassingError("a feed that does not say how many papers match (totalResults)")
    if not entries and start < int(total):
        raise PassingError(f"an empty page at position {start:,}, though {int(total):,} papers match")
    lacking = [(entry, what) for entry in entries if (what := _lacks(entry))]
    for entry, _ in lacking:
        root.remove(entry)
    return Feed(
        body=etree.tostring(root),
        good=len(entries) - len(lacking),
        size=len(entries),
        total=int(total),
        skipped=tuple(f"{one_line(_text(entry, f'{_ATOM}id'), limit=80) or 'an entry'} has {what}" for entry, what in lacking),
        date=_instant(_text(root, f"{_ATOM}updated")),
        mended=mended,
    )


def _parsed(body: bytes) -> tuple[etree._Element, bool]:
    """The document, and whether characters had to be replaced."""
    if not body.strip():
        raise PassingError("an empty answer")
    try:
        return _root(body), False
    except etree.XMLSyntaxError:
        text = _NOT_XML.sub("\ufffd", body.decode("utf-8", "replace"))
    try:
        return _root(text.encode()), True
    except etree.XMLSyntaxError as error:
        what = "a feed that is cut short or damaged" if b"<feed" in body[:1000] else f"no Atom feed but {_said(body)}"
        raise PassingError(what) from error


def _root(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False))


def _said(body: bytes) -> str:
    form = "an HTML page" if re.search(rb"<(?:!doctype )?html", body[:1000], re.IGNORECASE) else "something else"
    return f"{form}: {gist(body)}"


def _lacks(entry: etree._Element) -> str:
    """What makes an entry no paper, or ""."""
    checks: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("id", "no arXiv id", identity),
        ("title", "no title", str),
        ("published", "no date of publication", _instant),
        ("updated", "no date of its update", _instant),
    )
    return next((what for tag, what, read in checks if not read(_text(entry, f"{_ATOM}{tag}"))), "")


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
