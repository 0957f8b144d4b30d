"""Papers of arXiv that match a query, with abstracts, versions and dates; their full text by page if that is wanted.

Cost: one request for a hundred papers, latest update first: 500 papers take 5 requests, a run that finds nothing new takes 1.
With ``full_text`` it is one for ten papers and one more for each PDF, which is read once and then kept as text in the source's
folder. Requests are 3 seconds apart, as arXiv's terms of use want it.

A later run goes down to what the last one stored, and two days further, as papers are announced after the date they bear; one
that a moderator held back for longer is found only if it stands on the same page. arXiv announces on five evenings a week: a
weekend without papers is no failure, and the run's notes tell the date of the feed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

import arxiv

from ingest import _arxiv_cursor as cursors
from ingest import _arxiv_record as records
from ingest._arxiv_feed import Client, Page
from ingest._arxiv_query import check_server, combined
from ingest._arxiv_server import AnswerError, PassingError, Server, UnavailableError
from ingest._arxiv_text import Library, Text
from ingest._history import begin, check_history
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.types import Batch, Record

PAGE = 100
_EXAMPLES = 3  # of what is noted
PAGE_WITH_TEXTS = 10  # a batch is stored when its texts are there, and each of those takes seconds


@dataclass(frozen=True, kw_only=True)
class Source:
    """A query of arXiv.

    ``query`` (in arXiv's language), ``categories`` (any of them) and ``authors`` (any of them) are joined by AND; at least one
    is needed. ``since``: how far back to begin, by the date of the latest version: "90 days", "6 weeks", a date, or "all".
    ``max_papers``: at most so many in one run; the rest is left for the next ones. ``delay``: seconds between two requests.
    ``timeout``: seconds without any answer.

    Raises:
        ConfigError: a value that cannot be right.
    """

    kinds: ClassVar[tuple[str, ...]] = ("paper",)
    lane: ClassVar[str] = "arxiv"
    repo: ClassVar[str] = ""

    query: str = ""
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    name: str = "arxiv"
    since: str = "90 days"
    max_papers: int = 2000
    full_text: bool = False
    base_url: str = "https://export.arxiv.org/api/query"
    delay: float = 3.0
    timeout: float = 30.0
    context: SourceContext = field(repr=False)

    def __post_init__(self) -> None:
        combined(self.query, self.categories, self.authors)
        check_history(self.since, key="since")
        check_server(self.base_url, self.delay)
        if self.max_papers < 1:
            raise ConfigError(f"max_papers = {self.max_papers} leaves nothing to read", remedy="use 1 or more")
        if not 0 < self.timeout <= 3600:
            raise ConfigError(f"timeout = {self.timeout:g} is no time to wait", remedy="use seconds, up to 3600")

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield papers published or revised since ``cursor`` (None: in the configured time), latest update first.

        What stands on a page with them comes again. A changed query is read from the beginning.

        Raises:
            SourceError: arXiv could not be read, or what came is not its feed; batches yielded so far stay stored.
        """
        try:
            with Server(self.base_url, delay=self.delay, timeout=self.timeout, context=self.context) as server:
                yield from _Pull(self, server).batches(self._stored(cursor))
        except AnswerError as error:
            raise SourceError(f"{self.name}: {self.base_url}: {error.reason}", remedy=_remedy(error)) from error
        except OSError as error:
            where = error.filename or self.context.folder
            raise SourceError(f"{self.name}: {where}: {error.strerror}", remedy="check the data folder and its disk") from error

    def begins(self, cursor: str | None) -> datetime | None:
        """From when on papers are stored, by the stored cursor; None for all of them."""
        stored = cursors.loads(cursor)
        return None if stored is None or stored.begins is None else datetime.fromtimestamp(stored.begins, UTC)

    def _stored(self, text: str | None) -> cursors.Cursor:
        """Where the last run left off; where there was none, or it asked for something else, or for less: the beginning."""
        wanted = json.dumps([combined(self.query, self.categories, self.authors), self.full_text])
        digest = hashlib.sha256(wanted.encode()).hexdigest()[:16]
        stored = cursors.loads(text)
        if stored is not None and stored.query != digest:
            stored = None
        since, wider = begin(stored, self.since, self.context.clock())
        if stored is None or wider:
            return cursors.Cursor(query=digest, history=self.since, since=since)
        return replace(stored, history=self.since)


class _Pull:
    """One pull."""

    def __init__(self, source: Source, server: Server) -> None:
        self._source = source
        self._meter = source.context.meter
        self._now = int(source.context.clock().timestamp())
        self._client = Client(server, combined(source.query, source.categories, source.authors))
        self._library = Library(server=server, folder=source.context.folder / "texts") if source.full_text else None
        self._left = source.max_papers

    def batches(self, stored: cursors.Cursor) -> Iterator[Batch]:
        """A batch for each page, of each walk (see ``_arxiv_cursor``) that is due."""
        walk: cursors.Cursor | None = cursors.begin(stored, self._now)
        while walk is not None:
            page = self._client.page(walk.position, min(PAGE_WITH_TEXTS if self._library else PAGE, self._left))
            self._tell(page, walk)
            expected = self._expected(walk, page)
            papers, found, stopped = self._records(page.papers, walk.since)
            taken = len(papers) if stopped else page.feed.size
            self._left = max(self._left - taken, 0)  # a server may give more than it was asked for
            cursor, following = self._after(walk, walk.position + taken, papers, ended=not stopped and self._ended(walk, page))
            truncated = stopped or (self._cut_short(page) if following and not self._left else "")
            yield Batch(records=found, cursor=cursor.dumps(), expected=expected, truncated=truncated)
            walk = None if truncated else following

    @property
    def _read(self) -> int:
        return self._source.max_papers - self._left

    def _expected(self, walk: cursors.Cursor, page: Page) -> int | None:
        """How many papers this pull will give; None where that depends on their dates."""
        if walk.floor is not None:
            return None
        return min(self._read + page.feed.total - walk.position, self._source.max_papers)

    def _ended(self, walk: cursors.Cursor, page: Page) -> bool:
        reached = walk.floor is not None and page.papers and _epoch(page.papers[-1]) < walk.floor
        return bool(reached) or walk.position + page.feed.size >= page.feed.total

    def _after(
        self, walk: cursors.Cursor, position: int, papers: Sequence[arxiv.Result], *, ended: bool
    ) -> tuple[cursors.Cursor, cursors.Cursor | None]:
        """What to store after these papers, and the walk to go on with."""
        updates = [min(_epoch(paper), self._now) for paper in papers]  # a date in the future must not hide what comes till then
        after = cursors.advance(
            walk, position=position, newest=max(updates, default=None), oldest=updates[-1] if updates else None
        )
        if ended:
            finished = cursors.finish(after)
            return finished, cursors.following(finished, walk.begun, self._now)
        return (after if self._left else cursors.park(after)), after

    def _records(
        self, papers: Sequence[arxiv.Result], since: int | None
    ) -> tuple[Sequence[arxiv.Result], tuple[Record, ...], str]:
        """(the papers that were dealt with, the records of those not older than ``since``, why not all were)."""
        found: list[Record] = []
        missing: list[str] = []
        stopped = ""
        for position, paper in enumerate(papers):
            if since is not None and _epoch(paper) < since:
                continue
            try:
                text = self._text(paper)
            except UnavailableError as error:
                papers = papers[:position]
                stopped = f"full texts cannot be had now ({error.reason}); the next run goes on at this place"
                break
            if text and text.error:
                missing.append(f"{records.name(paper)} ({text.error})")
            found.append(records.record(paper, text))
        self._note(missing, "without full text")
        return papers, tuple(found), stopped

    def _text(self, paper: arxiv.Result) -> Text | None:
        if self._library is None:
            return None
        if not paper.pdf_url:
            return Text(error="it has no PDF")
        return self._library.text(records.name(paper), paper.pdf_url)

    def _tell(self, page: Page, walk: cursors.Cursor) -> None:
        """Notes for people: of what day the feed is, and what was wrong with single entries."""
        if page.feed.date and self._read == 0:
            newest = ""
            if walk.position == 0 and page.papers:
                newest = f"; the latest paper that matches is of {page.papers[0].updated:%Y-%m-%d}"
            self._meter.note(f"arXiv's feed is of {page.feed.date:%Y-%m-%d}{newest}")
        if page.feed.mended:
            self._meter.note("arXiv's feed held bytes that are no text; they are shown as \ufffd")
        self._note(page.feed.skipped, "skipped")

    def _note(self, items: Sequence[str], what: str) -> None:
        if items:
            more = f" and {len(items) - _EXAMPLES} more" if len(items) > _EXAMPLES else ""
            self._meter.note(f"{what}: {'; '.join(items[:_EXAMPLES])}{more}")

    def _cut_short(self, page: Page) -> str:
        down = f" with papers from before {page.papers[-1].updated:%Y-%m-%d}" if page.papers else ""
        return (
            f"stopped at max_papers = {self._source.max_papers} of {page.feed.total:,} that match; the next run goes on{down}"
        )


def _epoch(paper: arxiv.Result) -> int:
    return int(paper.updated.timestamp())


def _remedy(error: AnswerError) -> str:
    if isinstance(error, UnavailableError) and error.wait:
        return f"sync again in {error.wait:.0f} seconds or later"
    if isinstance(error, PassingError):
        return "check the network, or sync again later: what was stored stays"
    return 'check "query", "categories", "authors" and "base_url" in kb.toml, or sync again later'
