"""How far the listings of a repository's threads have been read, and what is left: the cursor. Pure.

A listing is read newest first, in passes. A pass goes from the newest entry down to its floor, page by page, and where it
stands is kept after each page. What is updated meanwhile moves to the top and is found by the next pass, whose floor is the
newest time that this one began with. An unfinished pass that has grown old has a fresh one put on top of it, so that what is
new comes first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

VERSION = 1
OVERLAP = 300  # seconds: entries of one listing can become visible a little out of order
OLD = 3600  # seconds after which an unfinished pass waits for a fresh one
FULL_EVERY = 30 * 86_400
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Times are epoch seconds. ``floor``: where it ends, None for the very end. ``begun``: by our clock, or when a later pass
    began that was put on top and is through. ``top``: the newest entry's time, 0 before its first page. ``next``: the page to
    ask for, "" for the first. ``full``: counts what is there.
    """

    floor: int | None
    begun: int
    top: int = 0
    next: str = ""
    etag: str = ""
    full: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """``done``: every entry up to this time has been read. ``passes``: unfinished ones, the one to go on with last.

    ``etag`` is that of the first page of ``tagged`` (path and query), when the last pass over it began.
    """

    done: int | None = None
    passes: tuple[Pass, ...] = ()
    etag: str = ""
    tagged: str = ""

    def planned(self, *, since: int | None, now: int, full: bool) -> Listing:
        """With a pass to read now. ``since`` is where the history begins; ``full``: read all of it once more."""
        if not self.passes:
            low = since if full or self.done is None else _lower(self.done, since)
            return replace(self, passes=(Pass(floor=low, begun=now, full=full),))
        last = self.passes[-1]
        if last.top and now - last.begun >= OLD:
            return replace(self, passes=(*self.passes, Pass(floor=_lower(last.top, since), begun=now)))
        return self

    def advanced(self, changed: Pass) -> Listing:
        """With the current pass as ``changed``."""
        return replace(self, passes=(*self.passes[:-1], changed))

    def finished(self, first: str) -> Listing:
        """Without the current pass, which is through; ``first`` is the address of its first page."""
        *below, last = self.passes
        if below:
            below[-1] = replace(below[-1], top=max(below[-1].top, last.top), begun=last.begun)
            return replace(self, passes=tuple(below))
        done = max(self.done or 0, last.top) or None
        return replace(self, done=done, passes=(), etag=last.etag, tagged=first)


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """``since`` is where the stored history begins (None for everything), ``history`` the text that it was resolved from.

    ``options`` names all that decides what a record holds. ``known``: numbers of all threads that were ever listed and are not
    known to be gone; ``seen``: those that the full pass under way has come by; ``missing``: those that the last one has not,
    to be asked for one by one. ``full_at``: when the last full pass ended.
    """

    options: str
    history: str
    since: int | None
    listings: Mapping[str, Listing] = field(default_factory=dict)
    known: frozenset[int] = frozenset()
    seen: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    full_at: int | None = None

    def listing(self, name: str) -> Listing:
        return self.listings.get(name, Listing())

    def with_listing(self, name: str, listing: Listing) -> Cursor:
        return replace(self, listings={**self.listings, name: listing})

    def with_numbers(self, numbers: Iterable[int], *, counting: bool) -> Cursor:
        """These threads are there; ``counting``: a full pass is under way."""
        there = frozenset(numbers)
        seen = self.seen | there if counting else self.seen
        return replace(self, known=self.known | there, seen=seen, missing=self.missing - there)

    def without(self, number: int) -> Cursor:
        """This thread is gone."""
        return replace(self, known=self.known - {number}, missing=self.missing - {number})

    def is_full_due(self, now: int) -> bool:
        return self.full_at is None or now - self.full_at >= FULL_EVERY

    def dumps(self) -> str:
        numbers = {name: ranges(getattr(self, name)) for name in ("known", "seen", "missing")}
        listings = {name: asdict(listing) for name, listing in self.listings.items()}
        values = {**{name: getattr(self, name) for name in ("options", "history", "since", "full_at")}, **numbers}
        return json.dumps({"v": VERSION, **values, "listings": listings}, sort_keys=True)


def loads(text: str | None) -> Cursor | None:
    """The cursor, or None for none and for what is not one: then everything is read again, which changes nothing stored."""
    try:
        values = json.loads(text or "null")
        if not isinstance(values, dict) or values.pop("v", None) != VERSION:
            return None
        listings = {str(name): _listing(listing) for name, listing in values.pop("listings").items()}
        numbers = {name: numbers_of(values.pop(name)) for name in ("known", "seen", "missing")}
        cursor = Cursor(**{**values, **numbers, "listings": listings})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    sound = isinstance(cursor.options, str) and isinstance(cursor.history, str)
    return cursor if sound and _is_time(cursor.since) and _is_time(cursor.full_at) else None


def ranges(numbers: Iterable[int]) -> str:
    """ "1-300,305" for the numbers 1 to 300 and 305."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in found)


def numbers_of(text: str) -> frozenset[int]:
    """The numbers that ``ranges`` wrote.

    Raises:
        ValueError: it did not write this.
    """
    numbers: set[int] = set()
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"not a range of numbers: {part!r}")
        numbers.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(numbers)


def _lower(time: int, since: int | None) -> int:
    return max(0, time - OVERLAP) if since is None else max(since, time - OVERLAP)


def _listing(values: Mapping[str, Any]) -> Listing:
    passes = tuple(Pass(**one) for one in values["passes"])
    listing = Listing(**{**values, "passes": passes})
    texts = (listing.etag, listing.tagged, *(one.next for one in passes), *(one.etag for one in passes))
    times = (listing.done, *(one.floor for one in passes))
    counts = (*(one.begun for one in passes), *(one.top for one in passes))
    if not all(isinstance(text, str) for text in texts) or not all(map(_is_time, (*times, *counts))) or None in counts:
        raise ValueError("not a listing")
    return listing


def _is_time(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))
