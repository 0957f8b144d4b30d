"""How far a query of arXiv has been read, and where to go on: the cursor. Pure.

The feed has the latest update first, so what is stored is always the upper end: everything between a date and the newest paper
seen. A *walk* goes down from the top, page by page, to a floor: where the history begins, or what an earlier walk has stored.
A position stays right while papers are added above it: it then repeats some, and misses none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from ingest import _cursor

VERSION = 1
OVERLAP = int(timedelta(days=2).total_seconds())  # papers are announced up to some days after the date they bear
_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Times are epoch seconds. ``query`` is a digest of what is asked for, ``history`` and ``since`` where it is to begin.

    ``done``: the newest update of the last complete walk. ``position``: where the walk under way goes on, 0 for none;
    ``top`` its newest update, ``begun`` when it began, ``floor`` where it ends. ``parked``: the position at which a walk
    towards ``since`` was left because of ``max_papers``. ``low``: the oldest update stored while ``since`` is not reached.
    """

    query: str
    history: str
    since: int | None
    done: int | None = None
    position: int = 0
    top: int | None = None
    begun: int = 0
    floor: int | None = None
    parked: int = 0
    low: int | None = None

    def dumps(self) -> str:
        return _cursor.dumps(self, version=VERSION)

    @property
    def begins(self) -> int | None:
        """From when on all is stored; None for everything."""
        return self.since if self.low is None else self.low


def loads(text: str | None) -> Cursor | None:
    """The cursor, or None for none and for what is not one."""
    cursor = _cursor.loads(Cursor, text, version=VERSION)
    return cursor if cursor and min(cursor.position, cursor.begun, cursor.parked) >= 0 else None


def begin(cursor: Cursor, now: int) -> Cursor:
    """The cursor with a walk under way: the one that was broken off, or a new one from the top."""
    if cursor.position:
        return cursor
    floor = cursor.since if cursor.done is None else max(cursor.done - OVERLAP, cursor.since or 0)
    return replace(cursor, begun=now, floor=floor)


def advance(cursor: Cursor, *, position: int, newest: int | None, oldest: int | None) -> Cursor:
    """After a page with updates from ``newest`` to ``oldest`` (None: no paper could be read) that ends before ``position``."""
    low = cursor.low if oldest is None or cursor.floor != cursor.since else oldest
    return replace(cursor, position=position, top=_later(cursor.top, newest), low=low)


def finish(cursor: Cursor) -> Cursor:
    """The walk has reached its floor."""
    low = None if cursor.floor == cursor.since else cursor.low
    return replace(_ended(cursor), low=low)


def park(cursor: Cursor) -> Cursor:
    """The walk ends before its floor. If that is the beginning of the history, what is newer than here goes first from now on;
    a walk over what is new has to go on where it was, as there must be no gap."""
    return replace(_ended(cursor), parked=cursor.position) if cursor.floor == cursor.since else cursor


def following(cursor: Cursor, begun: int, now: int) -> Cursor | None:
    """The next walk, after one that began at ``begun`` has finished: over what is newer, if that was on an earlier day (arXiv's
    results change once a day), then on with what was parked."""
    if begun // _DAY < now // _DAY:
        return begin(cursor, now)
    if cursor.parked:
        return replace(cursor, position=cursor.parked, parked=0, begun=now, floor=cursor.since)
    return None


def _ended(cursor: Cursor) -> Cursor:
    return replace(cursor, done=_later(cursor.done, cursor.top), position=0, top=None, begun=0, floor=None)


def _later(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
