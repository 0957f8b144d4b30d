"""Issues and pull requests of a GitHub repository, with everything that GitHub's API tells of their dates and states.

What it asks for, a hundred entries a request, newest first, and no more than has changed since the last run:

- the list of issues, which has the pull requests too: 1,000 issues are 10 requests;
- the list of pull requests, which alone has merge commits and branches: one request where there are none;
- with ``comments`` the list of all comments, and one request for each thread whose number of comments does not agree with it;
- with ``reopened`` the list of everything that ever happened to threads, which is long;
- with ``reviews`` one request for each pull request that changed.

An unchanged repository costs one request for each list. Each page is stored with the address of the next, so a run that was
killed goes on there. Every 30 days the whole list of issues is read again: threads that are not in it are asked for one by
one, and those that are not there (deleted, transferred, made a discussion) are gone.

A deleted comment moves no date: it goes when its thread changes or is listed again. Files and line counts of a pull request are
those of the commit that it landed as.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from ingest import _github_auth as auth
from ingest import _threads_record as told
from ingest import _threads_state as states
from ingest._github import PER_PAGE, Client, LimitError, Page, RequestError
from ingest._history import begin, check_history
from ingest._threads_cache import Cache
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.types import Batch, Note, Record, Snapshot

_RECORDS = "1"  # what a record holds: another one has every thread read again


@dataclass(frozen=True)
class _List:
    """A list of the API, newest first by ``key``. ``filters``: whether it takes ``since``."""

    name: str
    path: str
    key: str = "updated_at"
    filters: bool = True
    sort: tuple[tuple[str, str], ...] = (("direction", "desc"), ("sort", "updated"))


_ISSUES = _List("issues", "/issues", sort=(("direction", "desc"), ("sort", "updated"), ("state", "all")))
_PULLS = _List("pull requests", "/pulls", filters=False, sort=_ISSUES.sort)
_COMMENTS = _List("comments", "/issues/comments")
_EVENTS = _List("events", "/issues/events", key="created_at", filters=False, sort=())
_OF_ISSUES = (_ISSUES, _COMMENTS, _EVENTS)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Issues and pull requests of one repository.

    ``repo``: "owner/name", or the address of its page. ``base_url``: that of the API, for GitHub Enterprise
    "https://<host>/api/v3". ``since``: how far back to begin, by the last change of a thread: "90 days", "6 weeks", a date, or
    "all". ``comments``: how many of each thread to keep, from the first on, or "all". ``reviews``: keep the verdicts of
    reviews. ``reopened``: keep when threads were closed before and reopened. ``patience``: seconds that may be waited for
    GitHub's limit to end; a longer wait is left to the next run.

    The token is GITHUB_TOKEN, GH_TOKEN or that of ``gh``; without one GitHub takes 60 requests an hour.

    Raises:
        ConfigError: a value that cannot be right.
    """

    repo: str
    name: str = ""
    base_url: str = auth.DEFAULT_URL
    since: str = "90 days"
    comments: int | str = 0
    reviews: bool = False
    reopened: bool = False
    patience: float = 60.0
    context: SourceContext = field(repr=False)

    kinds: ClassVar[tuple[str, ...]] = ("issue", "pull")

    def __post_init__(self) -> None:
        auth.server(self.base_url)
        check_history(self.since, key="since")
        if self.comments != "all" and not (type(self.comments) is int and self.comments >= 0):
            raise ConfigError(f"comments {self.comments!r} is not a number", remedy='comments = 0, or 20, or "all"')
        if not (math.isfinite(self.patience) and self.patience >= 0):
            raise ConfigError(f"patience {self.patience!r} is not a number of seconds", remedy="for example patience = 60")
        object.__setattr__(self, "repo", auth.repo_name(self.repo))
        object.__setattr__(self, "name", self.name or f"{self.repo.partition('/')[2]}-threads")

    @property
    def lane(self) -> str:
        """GitHub asks that its API be read by one request at a time."""
        return f"github:{auth.server(self.base_url).host}"

    def begins(self, cursor: str | None) -> datetime | None:
        """From when on every thread that was touched is stored, by the stored cursor; None for all of them."""
        stored = states.loads(cursor)
        return None if stored is None or stored.since is None else datetime.fromtimestamp(stored.since, UTC)

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield threads that changed since ``cursor`` (None: in the configured history), the latest change first.

        Where GitHub's limit is used up the last batch says so in ``truncated``. Nothing new: no batch.

        Raises:
            SourceError: GitHub refuses, or cannot be reached; batches yielded so far stay stored.
        """
        with closing(Client(self.base_url, self.context, source=self.name, patience=self.patience)) as client:
            if not (self.comments or self.reviews or self.reopened):
                yield from _Pull(self, client, None, cursor).batches()
                return
            path = self.context.folder / "threads.db"
            try:
                with closing(Cache(path, subject=f"{self.base_url} {self.repo}")) as cache:
                    yield from _Pull(self, client, cache, cursor).batches()
            except sqlite3.Error as error:
                remedy = "check the room on the disk, or delete it: it is filled again from GitHub"
                raise SourceError(f"{self.name}: {path}: {error}", remedy=remedy) from error


class _Pull:
    """One pull. ``cursor`` moves with every page; ``cache`` is None where a record holds no more than one list tells."""

    def __init__(self, source: Source, client: Client, cache: Cache | None, stored: str | None) -> None:
        self.source = source
        self.client = client
        self.cache = cache
        self.context = source.context
        self.stored = stored
        self.cursor = self._begin(states.loads(stored))
        self.left: tuple[str, ...] = ()
        self.trail: set[str] = set()  # pages of the current pass: a list that leads in a circle has no end

    def batches(self) -> Iterator[Batch]:
        lists = (
            _ISSUES,
            _PULLS,
            *((_COMMENTS,) if self.source.comments else ()),
            *((_EVENTS,) if self.source.reopened else ()),
        )
        try:
            yield from self._flushed()  # what a killed run had read and not stored
            for index, listing in enumerate(lists):
                self.left = tuple(one.name for one in lists[index:])
                yield from self._read(listing)
                if listing is _ISSUES:
                    yield from self._missing()
            yield from self._singly()
        except LimitError as limit:
            left = ", ".join(self.left)
            yield Batch(records=(), cursor=self.cursor.dumps(), truncated=f"{limit.line}; left for the next run: {left}")
            return
        yield from self._store()

    def _begin(self, stored: states.Cursor | None) -> states.Cursor:
        """The cursor to go on from. Where it does not fit what is asked for, all is read again."""
        source = self.source
        kept = f"comments={source.comments} reviews={source.reviews} reopened={source.reopened}"
        options = f"{_RECORDS} {source.base_url} {source.repo} {kept} {self.cache.stamp if self.cache else ''}"
        since, wider = begin(stored, source.since, self.context.clock())
        if stored is None or stored.options != options or wider:
            known = stored.known if stored else frozenset()
            return states.Cursor(options=options, history=source.since, since=since, known=known)
        return replace(stored, history=source.since)

    # -- lists ------------------------------------------------------------------------------------------------------------

    def _read(self, listing: _List) -> Iterator[Batch]:
        """Read what is new in a list, and what earlier runs have left of it."""
        state, now = self.cursor.listing(listing.name), self._now()
        full = listing is _ISSUES and self.cursor.is_full_due(now)
        if full and not state.passes:
            self.cursor = replace(self.cursor, seen=frozenset())
        self._keep(listing, state.planned(since=self.cursor.since, now=now, full=full))
        while self.cursor.listing(listing.name).passes:
            yield from self._page(listing)

    def _page(self, listing: _List) -> Iterator[Batch]:
        """Read one page of the current pass."""
        state = self.cursor.listing(listing.name)
        current = state.passes[-1]
        self._walk(current.next)
        first = self._first(listing, current.floor)
        tag = state.etag if state.tagged == first and not current.next and not current.full else ""
        page = self._asked(listing, current.next or first, resumed=bool(current.next), tag=tag)
        if page is None:
            self._keep(listing, state.advanced(replace(current, next="")))
            return
        if page.unchanged:
            self._keep(listing, state.advanced(replace(current, etag=tag)).finished(first))
            return
        if not current.next:
            current = replace(current, etag=page.etag, top=max(current.top, self._top(listing, page)))
        current = replace(current, next=self._following(listing, page, current.floor))
        records = self._taken(listing, page, current.floor)
        if current.next:
            self._keep(listing, state.advanced(current))
        else:
            self.trail.clear()
            self._keep(listing, state.advanced(current).finished(first))
            if current.full:
                missing = self.cursor.known - self.cursor.seen
                self.cursor = replace(self.cursor, missing=missing, seen=frozenset(), full_at=self._now())
        yield from self._store(records)

    def _walk(self, target: str) -> None:
        if not target:
            self.trail.clear()
        elif target in self.trail:
            raise SourceError(
                f"{self.source.name}: {target.partition('?')[0]}: its pages lead in a circle", remedy="check base_url"
            )
        self.trail.add(target)

    def _asked(self, listing: _List, target: str, *, resumed: bool, tag: str) -> Page | None:
        """The page; None where the place to resume at is refused. Switched off issues are nothing new, and told."""
        try:
            return self.client.page(target, etag=tag)
        except RequestError as error:
            if resumed and error.status in (400, 404, 410, 422):
                return None
            if error.status == 410 and listing in _OF_ISSUES:
                self.context.meter.note(f"{self.source.repo}: issues are switched off; there are only pull requests")
                return Page(unchanged=True)
            raise

    def _first(self, listing: _List, floor: int | None) -> str:
        """Path and query of a list's first page: the same as long as nothing is new, so that its ETag serves."""
        params = {**dict(listing.sort), "per_page": str(PER_PAGE)}
        if listing.filters and floor is not None:
            params["since"] = datetime.fromtimestamp(floor, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = "&".join(f"{key}={value}" for key, value in sorted(params.items()))
        return f"/repos/{self.source.repo}{listing.path}?{query}"

    def _top(self, listing: _List, page: Page) -> int:
        """The newest time on a page. A time to come is not believed: the next run would find nothing after it."""
        now = self._now()
        times = [at for item in page.items if (at := told.seconds(item, listing.key)) is not None]
        return max((at for at in times if at <= now), default=now if times else 0)

    def _following(self, listing: _List, page: Page, floor: int | None) -> str:
        """The page to read next, "" where the floor is reached."""
        times = [at for item in page.items if (at := told.seconds(item, listing.key)) is not None]
        return "" if floor is not None and times and times[-1] < floor else page.next

    def _keep(self, listing: _List, state: states.Listing) -> None:
        self.cursor = self.cursor.with_listing(listing.name, state)

    def _now(self) -> int:
        return int(self.context.clock().timestamp())

    # -- what a page holds ------------------------------------------------------------------------------------------------

    def _taken(self, listing: _List, page: Page, floor: int | None) -> tuple[Record, ...]:
        """Records to store; where there is a cache, what the page says goes there, and records are made from it."""
        items = [item for item in page.items if floor is None or (told.seconds(item, listing.key) or floor) >= floor]
        if listing is _COMMENTS and self.cache:
            self.cache.say("comment", self._comments(items))
            return ()
        if listing is _EVENTS and self.cache:
            self.cache.happen(found for item in items if (found := told.happening(item)))
            return ()
        counting = any(one.full for one in self.cursor.listing(_ISSUES.name).passes)
        numbers = [number for item in items if (number := told.number(item)) is not None]
        self.cursor = self.cursor.with_numbers(numbers, counting=counting)
        if listing is _PULLS:
            return self._records("pull", items)
        if self.cache:
            self.cache.count(items)
        return self._records("issue", [item for item in items if not told.is_pull(item)])

    def _records(self, kind: str, items: Iterable[dict[str, Any]]) -> tuple[Record, ...]:
        made: list[tuple[dict[str, Any], Record]] = []
        for item in items:
            try:
                made.append((item, told.record(self.source.repo, kind, item)))
            except told.UnusableError as why:
                self.context.meter.note(f"{self.source.name}: an entry of the list of {kind}s was left out: {why}")
        if self.cache is None:
            return tuple(record for _, record in made)
        self.cache.put(kind, [item for item, _ in made])
        return ()

    def _comments(self, items: list[dict[str, Any]]) -> list[tuple[int, int, Note]]:
        found = [comment for item in items if (comment := told.comment(item))]
        if len(found) < len(items):
            self.context.meter.note(f"{self.source.name}: {len(items) - len(found)} comments cannot be read and were left out")
        return found

    def _store(self, records: tuple[Record, ...] = (), snapshot: Snapshot | None = None) -> Iterator[Batch]:
        """What was read, and where reading stands now."""
        yield from self._flushed()
        if records or snapshot or self.cursor.dumps() != self.stored:
            yield self._batch(records, snapshot)

    def _flushed(self) -> Iterator[Batch]:
        """Records that the cache has news of."""
        comments = self.source.comments if isinstance(self.source.comments, int) else None
        while self.cache and (fresh := tuple(self.cache.fresh(self.source.repo, most=PER_PAGE, comments=comments))):
            yield self._batch(fresh)
            self.cache.stored(fresh)

    def _batch(self, records: tuple[Record, ...], snapshot: Snapshot | None = None) -> Batch:
        self.stored = self.cursor.dumps()
        return Batch(records=records, cursor=self.stored, snapshot=snapshot)

    # -- threads one by one -----------------------------------------------------------------------------------------------

    def _missing(self) -> Iterator[Batch]:
        """Ask for each thread that the full pass has not come by: it may be gone, or have changed its place meanwhile."""
        for number in sorted(self.cursor.missing):
            item = self.client.item(f"/repos/{self.source.repo}/issues/{number}")
            if item is not None:
                self.cursor = self.cursor.with_numbers([number], counting=False)
                yield from self._store(() if told.is_pull(item) else self._records("issue", [item]))
                continue
            self.cursor = self.cursor.without(number)
            if self.cache:
                self.cache.forget(number)
            ids = (f"{kind}:{self.source.repo}#{one}" for one in self.cursor.known for kind in self.source.kinds)
            yield from self._store(snapshot=Snapshot(frozenset(ids)))

    def _singly(self) -> Iterator[Batch]:
        """Ask for what no list has: reviews, and the comments of threads whose number of comments does not agree."""
        if self.cache and self.source.reviews:
            for number in self.cache.unreviewed():
                self.left = ("reviews",)
                self.cache.replace("review", number, told.reviews(self._all(f"/pulls/{number}/reviews")))
                yield from self._store()
        if self.cache and self.source.comments:
            pages = math.ceil(self.source.comments / PER_PAGE) if isinstance(self.source.comments, int) else None
            for number in self.cache.miscounted():
                self.left = ("comments",)
                found = self._comments(self._all(f"/issues/{number}/comments", pages))
                self.cache.replace("comment", number, [(id, note) for id, _, note in found])
                yield from self._store()

    def _all(self, path: str, pages: int | None = None) -> list[dict[str, Any]]:
        """Every entry of a list of one thread, at most of so many pages; none where the thread is gone."""
        found: list[dict[str, Any]] = []
        target, read = f"/repos/{self.source.repo}{path}?per_page={PER_PAGE}", 0
        while target and (pages is None or read < pages):
            try:
                page = self.client.page(target)
            except RequestError as error:
                if error.status in (404, 410):
                    return []
                raise
            found += page.items
            target, read = page.next, read + 1
        return found
