"""How far a git source has been read, and what is left: the cursor, and the plan that follows from it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingest import _cursor
from ingest._git_graph import Landings
from ingest._history import begin as begin
from ingest._history import check_history as check_history
from ingest._history import horizon as horizon
from kb.types import Tag

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """``base`` is a tip whose whole history is stored; towards ``tip`` everything up to ``done`` is stored as well.

    ``since`` (epoch seconds, None for everything) is where the stored history begins, ``history`` the text that it was resolved
    from; ``tags`` is a digest of the tags that were given. ``off_branch`` is how many commits that only tags reach are stored,
    ``off_digest`` says which: the first so many of their list.
    """

    branch: str
    history: str
    since: int | None
    tip: str
    base: str = ""
    done: str = ""
    tags: str = ""
    off_branch: int = 0
    off_digest: str = ""

    @property
    def complete(self) -> bool:
        return self.tip == self.base

    def dumps(self) -> str:
        return _cursor.dumps(self, version=VERSION)


@dataclass(frozen=True)
class Plan:
    """``todo``: what to read, in order. ``stored``: commits that the store has had. ``rewritten``: stored ones may be gone.

    ``base`` and ``done`` are the cursor's that the plan goes on from.
    """

    todo: tuple[str, ...]
    stored: tuple[str, ...]
    base: str = ""
    done: str = ""
    rewritten: bool = False


def loads(text: str | None) -> Cursor | None:
    """The cursor, or None for none and for what is not one."""
    return _cursor.loads(Cursor, text, version=VERSION)


def plan(
    cursor: Cursor | None, *, found: Landings, dates: Mapping[str, int], branch: str, since: int | None, wider: bool
) -> Plan:
    """What to read of ``found``. A stored tip that is no longer on the mainline means a rewritten branch: all is read again."""
    everything = tuple(sha for sha in found.order if since is None or dates[found.by[sha]] >= since)
    if cursor is None:
        return Plan(everything, ())
    if cursor.branch != branch or any(sha not in found.mainline for sha in (cursor.base, cursor.tip) if sha):
        return Plan(everything, (), rewritten=True)
    if wider:
        return Plan(everything, ())
    start = found.order.index(cursor.base) + 1 if cursor.base else 0
    todo = found.order[start:] if cursor.base else everything
    if cursor.done:
        if cursor.done not in todo:
            return Plan(everything, (), rewritten=True)
        todo = todo[todo.index(cursor.done) + 1 :]
    left = set(todo)
    return Plan(todo, tuple(sha for sha in everything if sha not in left), cursor.base, cursor.done)


def plan_off_branch(cursor: Cursor | None, found: tuple[str, ...], *, wider: bool) -> Plan:
    """What to read of ``found``, the commits that only tags reach. All of it where it does not begin with what is stored: a
    tag was deleted or moved, or its branch merged; and for a longer history, whose copy may have the files of more."""
    if cursor is None:
        return Plan(found, ())
    at = max(cursor.off_branch, 0)
    rewritten = off_branch_stored(cursor, found[:at]) != cursor
    if rewritten or wider:
        return Plan(found, (), rewritten=rewritten)
    return Plan(found[at:], found[:at])


def off_branch_stored(cursor: Cursor, stored: Sequence[str]) -> Cursor:
    """The cursor once these commits that only tags reach are stored."""
    text = "\n".join(stored)
    return replace(cursor, off_branch=len(stored), off_digest=hashlib.sha256(text.encode()).hexdigest()[:16] if text else "")


def after(cursor: Cursor, last: str) -> Cursor:
    """The cursor once everything up to ``last`` is stored."""
    return replace(cursor, done=last)


def completed(cursor: Cursor) -> Cursor:
    """The cursor once nothing is left of its tip."""
    return replace(cursor, base=cursor.tip, done="")


def digest(tags: Iterable[Tag]) -> str:
    """Changes when a tag is added, moved or deleted, and when more is told about tags than before."""
    text = "\n".join(["with commits off the branch", *sorted(f"{tag.name}\t{tag.sha}" for tag in tags)])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
