"""Models on the Hugging Face Hub, with their cards: those of some authors, or those that a search or tags find.

A pull costs one request for each page of the listing (up to 1,000 models) and one for the card of each model that is new or has
another revision than when it was read (and what the Hub redirects). The listing is not left to huggingface_hub: its own has no
timeout, sleeps as long as a server says with no way to stop it, and one bad entry loses the rest. What is asked is the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote, urlsplit

from ingest import _cursor
from ingest._http import Fetcher, HttpError, Patience, Reply
from ingest._hub_model import Model, parse
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.types import Batch, Record, Snapshot

PAGE = 1000
VERSION = 1  # of the cursor
BATCH_RECORDS = 50
CARD_BYTES = 500_000
PAGE_BYTES = 50 * 1024 * 1024
FAILURES = 5  # cards in a row that cannot be had, after which the Hub is taken to be down

_EXPAND = ["author", "createdAt", "lastModified", "library_name", "pipeline_tag", "sha", "tags"]
_NAME = re.compile(r"[\w.-]+", re.ASCII)
_NO_CARD = {401: "no-access", 403: "no-access", 404: "no-card", 451: "no-access"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Models of each of ``authors``, narrowed by ``search`` (part of the name) and ``tags`` (all of them).

    ``limit``: at most so many for each author, those changed last. ``card``: read the model cards. ``base_url``: the Hub or a
    mirror of it. The token is the variable HF_TOKEN's, if it is set.

    Raises:
        ConfigError: a value that cannot be right.
    """

    authors: tuple[str, ...] = ()
    search: str = ""
    tags: tuple[str, ...] = ()
    limit: int = 500
    card: bool = True
    name: str = "huggingface"
    base_url: str = "https://huggingface.co"
    context: SourceContext = field(repr=False)

    repo: ClassVar[str] = ""
    kinds: ClassVar[tuple[str, ...]] = ("model",)
    patience: ClassVar[Patience] = Patience()

    def __post_init__(self) -> None:
        if not (self.authors or self.search or self.tags):
            raise ConfigError("no models are named", remedy='give authors = ["…"], search = "…" or tags = ["…"]')
        for author in self.authors:
            if not _NAME.fullmatch(author):
                raise ConfigError(f"author {author!r} is no name of the Hub's", remedy='for example authors = ["deepseek-ai"]')
        if self.limit < 1:
            raise ConfigError(f"limit = {self.limit}: must be 1 or more")
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
            raise ConfigError("base_url is not a plain web address", remedy='for example base_url = "https://huggingface.co"')

    @property
    def lane(self) -> str:
        """What is read from one Hub is read one after the other."""
        return urlsplit(self.base_url).hostname or ""

    def begins(self, cursor: str | None) -> datetime | None:
        """From when on every model is stored that was changed since then; None for all of them."""
        cuts = _Cursor.loads(cursor, self._settings).since.values()
        return max((datetime.fromisoformat(cut) for cut in cuts), default=None)

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield models that are new or changed since ``cursor``, the longest unchanged first. Nothing new: no batch.

        Raises:
            SourceError: the listing cannot be read, or some cards cannot (all else is yielded first).
        """
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise SourceError(
                f"{self.name}: HF_HUB_OFFLINE is set, so the Hub was not asked", remedy="unset it to read the Hub"
            )
        known = _Cursor.loads(cursor, self._settings)
        with Fetcher(self.context, self.patience, headers=self._authorization()) as fetcher:
            try:
                listing = self._listing(fetcher, known)
            except HttpError as error:
                remedy = (
                    "check HF_TOKEN" if error.status in (401, 403) else "check base_url and the network, or try again later"
                )
                raise SourceError(f"{self.name}: {self.base_url}: {error.reason}", remedy=remedy) from error
            yield from self._batches(fetcher, known, listing)

    # --- listing ----------------------------------------------------------------------------------------------------------

    def _listing(self, fetcher: Fetcher, known: _Cursor) -> _Listing:
        models: dict[str, Model] = {}
        since: dict[str, str] = {}
        cut: list[str] = []
        whole = True
        for author in self.authors or ("",):
            pages = list(self._pages(fetcher, author))
            found = {model.id: model for page in pages for model in page.models}
            self._check(author, found, known)
            kept = dict(list(found.items())[: self.limit])
            more = len(found) > len(kept) or pages[-1].more
            models |= kept
            # What changes between two requests moves from a later page to the first: of several, a missing model is not gone.
            whole &= not more and len(pages) == 1
            if more and not kept.keys() & known.models.keys():  # nothing joins it to what was read before
                since[author] = min(model.changed for model in kept.values()).isoformat()
                cut.append(f"limit = {self.limit}: models{_by(author)} last changed before {since[author][:10]} were not read")
            elif more and author in known.since:
                since[author] = known.since[author]
        return _Listing(models, since, whole, "; ".join(cut))

    def _pages(self, fetcher: Fetcher, author: str) -> Iterator[_Page]:
        """An author's models, those changed last first, until there are ``limit``."""
        url = f"{self.base_url.rstrip('/')}/api/models"
        asked: dict[str, str | int | list[str]] = {
            "author": author, "search": self.search, "filter": list(self.tags),
            "sort": "lastModified", "limit": min(self.limit, PAGE), "expand": _EXPAND,
        }  # fmt: skip
        reply = fetcher.get(url, most=PAGE_BYTES, params={key: value for key, value in asked.items() if value})
        listed: set[str] = set()
        while True:
            page = self._page(reply)
            yield page
            new = {model.id for model in page.models} - listed
            listed |= new
            if not page.more or not new or len(listed) >= self.limit:
                return
            # Only the query of the next page's address: a token goes to no other server, and a mirror is not left.
            reply = fetcher.get(f"{url}?{urlsplit(reply.next).query}", most=PAGE_BYTES)

    def _page(self, reply: Reply) -> _Page:
        if reply.cut:
            raise HttpError(f"a page of the listing has more than {PAGE_BYTES >> 20} MB")
        try:
            items = json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            raise HttpError("the listing of models is not JSON") from error
        models = [model for item in items if (model := parse(item)) is not None] if isinstance(items, list) else []
        if items != [] and not models:
            raise HttpError("the listing of models is not a list of models")
        if odd := len(items) - len(models):
            self.context.meter.note(f"{self.name}: {odd} entries of the listing have no usable id or date: left out")
        return _Page(tuple(models), bool(models and reply.next))

    def _check(self, author: str, found: Mapping[str, Model], known: _Cursor) -> None:
        """An empty listing is told, and not believed where there were models before."""
        if found:
            return
        if any(id.casefold().startswith(f"{author}/".casefold()) or not author for id in known.models):
            raise SourceError(
                f"{self.name}: {self.base_url} lists no models{_by(author)} any more",
                remedy="if that is so, change authors, search or tags",
            )
        self.context.meter.note(f"{self.name}: no models{_by(author)} are listed: check the name")

    # --- models -----------------------------------------------------------------------------------------------------------

    def _batches(self, fetcher: Fetcher, known: _Cursor, listing: _Listing) -> Iterator[Batch]:
        models = listing.models
        done = {id: read for id, read in known.models.items() if id in models}
        changed = (model for id, model in models.items() if done.get(id) != model.revision)
        wanted = sorted(changed, key=lambda model: (model.changed, model.id))
        if not wanted and len(done) == len(known.models) and known.since == listing.since:
            return
        records: list[Record] = []
        failed: list[str] = []
        in_a_row = 0
        truncated = [listing.cut] if listing.cut else []
        for place, model in enumerate(wanted):
            try:
                record = self._record(fetcher, model)
            except HttpError as error:
                if error.limited:
                    truncated.append(
                        f"rate limit: {len(wanted) - place} of {len(wanted)} changed models wait for the next sync"
                    )
                    break
                failed.append(f"{model.id}: {error.reason}")
                in_a_row += 1
                if in_a_row == FAILURES:
                    break
                if model.id not in known.models:  # better without its card than not at all
                    records.append(model.record(self.base_url, "", ("card-unread",)))
            else:
                in_a_row = 0
                done[model.id] = model.revision
                records.append(record)
            if len(records) == BATCH_RECORDS:
                cursor = _Cursor(self._settings, done, {**known.since, **listing.since}).dumps()
                yield Batch(records=tuple(records), cursor=cursor, expected=len(wanted))
                records = []
        yield Batch(
            records=tuple(records),
            cursor=_Cursor(self._settings, done, listing.since).dumps(),
            expected=len(wanted),
            snapshot=Snapshot(frozenset(model.record_id for model in models.values())) if listing.whole else None,
            truncated="; ".join(truncated),
        )
        if failed:
            more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
            raise SourceError(f"{self.name}: a card cannot be read: {failed[0]}{more}", remedy="the next sync tries them again")

    def _record(self, fetcher: Fetcher, model: Model) -> Record:
        """Raises HttpError where its card cannot be read now, although there may be one."""
        if not self.card:
            return model.record(self.base_url, "", ())
        url = f"{self.base_url.rstrip('/')}/{quote(model.id)}/resolve/{model.sha or 'main'}/README.md"
        reply = fetcher.get(url, most=CARD_BYTES, also=tuple(_NO_CARD))
        if reply.status in _NO_CARD:
            return model.record(self.base_url, "", (_NO_CARD[reply.status],))
        if reply.headers.get("Content-Type", "").startswith("text/html"):
            raise HttpError("an HTML page came instead of the card")
        text = reply.body.decode("utf-8", "replace").replace("\r\n", "\n")
        return model.record(self.base_url, text, ("truncated",) * reply.cut)

    def _authorization(self) -> dict[str, str]:
        token = os.environ.get("HF_TOKEN", "").strip()
        if not token:
            return {}
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise SourceError(f"{self.name}: HF_TOKEN holds characters that no token has", remedy="set it again, or unset it")
        return {"Authorization": f"Bearer {token}"}

    @property
    def _settings(self) -> str:
        """What a stored revision stands for; after a change of it every card is read again."""
        return hashlib.sha256(f"{self.base_url} {self.card}".encode()).hexdigest()[:16]


def _by(author: str) -> str:
    return f" of {author}" if author else ""


@dataclass(frozen=True)
class _Page:
    models: tuple[Model, ...]
    more: bool


@dataclass(frozen=True)
class _Listing:
    """``since``: author -> from when on all is listed, where ``limit`` cut it, which ``cut`` tells. ``whole``: nothing was."""

    models: Mapping[str, Model]
    since: Mapping[str, str]
    whole: bool
    cut: str


@dataclass(frozen=True)
class _Cursor:
    """``models``: id -> the revision that was read. ``since``: author -> from when on changed models are stored (ISO 8601)."""

    settings: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def loads(cls, text: str | None, settings: str) -> _Cursor:
        """The stored cursor; an empty one, where it was written with other settings."""
        stored = _cursor.loads(cls, text, version=VERSION) or cls()
        return stored if stored.settings == settings else cls()

    def dumps(self) -> str:
        return _cursor.dumps(self, version=VERSION)
