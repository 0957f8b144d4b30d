"""Releases of a GitHub repository with their notes. What each has anew is in the repository's clone: add a git_commits source.

A listing costs one request for every 100 releases, one that has not changed one request in all (GitHub answers 304). That
answer is about the first page alone: of a longer listing the later pages are read again once a week, for what was edited there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from ingest import _cursor
from ingest import _github_auth as auth
from ingest._github import PER_PAGE, Client, LimitError, Page
from ingest._history import begin, check_history
from kb.errors import SourceError
from kb.protocols import SourceContext
from kb.releases import release_id
from kb.types import Batch, Event, Record, Snapshot

BODY_LIMIT = 200_000  # characters; GitHub takes 125,000
VERSION = 1
_DAY = 86_400
_AGAIN_AFTER = 7 * _DAY
_RESUME_WITHIN = _DAY  # the pages of a listing move when a release is added
_LONGEST_TAG = 1000
_MOST_PAGES = 200  # GitHub lists 10,000 releases


@dataclass(frozen=True, kw_only=True)
class Source:
    """The releases of ``repo`` ("owner/name"); drafts are not given, prereleases are marked.

    ``since``: those published from then on ("1 year", a date, or "all"). ``base_url``: of the API, for GitHub Enterprise
    "https://<host>/api/v3". A token is taken from GITHUB_TOKEN or from the ``gh`` program.

    Raises:
        ConfigError: a value that cannot be right.
    """

    repo: str
    name: str = ""
    base_url: str = auth.DEFAULT_URL
    since: str = "all"
    context: SourceContext = field(repr=False)

    kinds: ClassVar[tuple[str, ...]] = ("release",)

    def __post_init__(self) -> None:
        auth.server(self.base_url)
        check_history(self.since, key="since")
        object.__setattr__(self, "repo", auth.repo_name(self.repo))
        object.__setattr__(self, "name", self.name or f"{self.repo.partition('/')[2]}-releases")

    @property
    def lane(self) -> str:
        """GitHub asks for one request at a time."""
        return f"github:{auth.server(self.base_url).host}"

    def begins(self, cursor: str | None) -> datetime | None:
        """From when on releases are stored, by the stored cursor; None for all of them."""
        stored = self._stored(cursor)
        return None if stored is None or stored.since is None else datetime.fromtimestamp(stored.since, UTC)

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the listing page by page where it has changed since ``cursor``; its last batch tells what there is now.

        Raises:
            SourceError: the releases cannot be read; batches yielded so far stay stored.
        """
        now = self.context.clock()
        stored = self._stored(cursor)
        since, wider = begin(stored, self.since, now)
        state = replace(stored or _Cursor(of=self._of), history=self.since, since=since)
        age = now.timestamp() - state.started
        if wider or (state.next and age > _RESUME_WITHIN) or (state.pages > 1 and age > _AGAIN_AFTER):
            state = replace(state, etag="", next="")
        with closing(Client(self.base_url, self.context, source=self.name)) as client:
            yield from _Listing(self, client, state, int(now.timestamp())).batches()

    @property
    def _of(self) -> str:
        return f"{self.base_url} {self.repo}"

    def _stored(self, text: str | None) -> _Cursor | None:
        stored = _cursor.loads(_Cursor, text, version=VERSION)
        return stored if stored is not None and stored.of == self._of else None


@dataclass(frozen=True, kw_only=True)
class _Cursor:
    """``of``: what is listed. ``history`` and ``since`` (epoch seconds): from when on, see ingest._history.

    Of the latest listing: when it ``started`` (epoch seconds), the ``etag`` of its first page, how many ``pages`` were read,
    and the ``next`` one where it was broken off.
    """

    of: str
    history: str = ""
    since: int | None = None
    started: int = 0
    etag: str = ""
    pages: int = 0
    next: str = ""

    def dumps(self) -> str:
        return _cursor.dumps(self, version=VERSION)


@dataclass(frozen=True)
class _Read:
    """A page as far as it could be read: ids of what is published, records of what is wanted, how many entries were not."""

    ids: frozenset[str]
    records: tuple[Record, ...]
    unread: int


@dataclass(frozen=True)
class _Listing:
    """One listing, from its first page, or from where the last run was broken off."""

    source: Source
    client: Client
    state: _Cursor
    now: int

    def batches(self) -> Iterator[Batch]:
        state, resumed = self.state, bool(self.state.next)
        pages: list[_Read] = []
        while state.next or not pages:
            if state.next and state.pages >= _MOST_PAGES:
                problem = f"the list of releases does not end after {state.pages} pages"
                raise SourceError(f"{self.source.name}: {problem}", remedy="check base_url")
            try:
                page = self._page(state)
            except LimitError as error:
                left = f"the releases after the first {state.pages * PER_PAGE}" if state.next else "whatever is new"
                yield Batch(records=(), cursor=state.dumps(), truncated=f"{error.line}; left for the next run: {left}")
                return
            if page.unchanged:
                return
            if not state.next:
                state = replace(state, started=self.now, etag=page.etag, pages=0)
            state = replace(state, next=page.next, pages=state.pages + 1)
            pages.append(self._read(page))
            self.source.context.progress("reading releases", sum(len(read.records) for read in pages), None)
            yield self._batch(state, pages, resumed=resumed)

    def _batch(self, state: _Cursor, pages: list[_Read], *, resumed: bool) -> Batch:
        batch = Batch(records=pages[-1].records, cursor=state.dumps())
        if state.next:
            return batch
        batch = replace(batch, expected=sum(len(read.records) for read in pages))
        if resumed:
            # The pages may have moved between the two runs, so that one release was missed: the next run lists them all again.
            return replace(batch, cursor=replace(state, etag="").dumps())
        if any(read.unread for read in pages):
            return batch
        return replace(batch, snapshot=Snapshot(frozenset(id for read in pages for id in read.ids)))

    def _page(self, state: _Cursor) -> Page:
        if state.next:
            return self.client.page(state.next)
        return self.client.page(f"/repos/{self.source.repo}/releases", params={"per_page": str(PER_PAGE)}, etag=state.etag)

    def _read(self, page: Page) -> _Read:
        published = [item for item in page.items if item.get("draft") is not True]
        tagged = {tag: item for item in published if (tag := _tag(item))}
        dated = [(tag, event, item) for tag, item in tagged.items() if (event := _event(item))]
        nameless = sum(not _tag(item) for item in published)
        if without := nameless + len(tagged) - len(dated):
            self.source.context.meter.note(f"releases without a tag or a date were left out: {without}")
        since = self.state.since
        wanted = [item for item in dated if since is None or item[1].at.timestamp() >= since]
        return _Read(
            ids=frozenset(map(self._id, tagged)),
            records=tuple(self._record(item, tag, event) for tag, event, item in wanted),
            unread=page.left_out + nameless,
        )

    def _record(self, item: dict[str, Any], tag: str, event: Event) -> Record:
        notes = _text(item.get("body")).replace("\r\n", "\n")
        early, cut = item.get("prerelease") is True, len(notes) > BODY_LIMIT
        author, target = item.get("author"), _text(item.get("target_commitish"))
        return Record(
            id=self._id(tag),
            kind="release",
            repo=self.source.repo,
            ref=tag,
            title=" ".join(_text(item.get("name")).split()) or tag,
            body=notes[:BODY_LIMIT],
            url=f"{_site(self.source.base_url)}/{self.source.repo}/releases/tag/{quote(tag)}",
            author=_text(author.get("login")) if isinstance(author, dict) else "",
            state="prerelease" if early else "released",
            events=(event,),
            marks=tuple(mark for mark, holds in (("prerelease", early), ("truncated", cut)) if holds),
            meta=(("target", target),) if target else (),
        )

    def _id(self, tag: str) -> str:
        return release_id(self.source.repo, tag)


def _tag(item: dict[str, Any]) -> str:
    tag = _text(item.get("tag_name")).strip()
    return tag if len(tag) <= _LONGEST_TAG else ""


def _event(item: dict[str, Any]) -> Event | None:
    """Its publication, or else the date of its commit; None where neither can be read."""
    for key, kind in (("published_at", "released"), ("created_at", "tagged")):
        try:
            at = datetime.fromisoformat(_text(item.get(key)))
            return Event(kind, (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC))
        except (ValueError, OverflowError):
            continue
    return None


def _site(base_url: str) -> str:
    server = auth.server(base_url)
    parts = urlsplit(server.url)
    return "https://github.com" if server.host == "github.com" else f"{parts.scheme}://{parts.netloc}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
