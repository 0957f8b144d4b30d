"""Which records: a filter as SQL, and a reference that a person typed as record numbers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kb.errors import QueryError
from kb.rows import clean, json_list
from kb.types import Window


@dataclass(frozen=True)
class Filter:
    """Records whose window event lies in ``window``, of these ``repos`` ("owner/name") and ``kinds``; empty means all."""

    window: Window = field(default_factory=Window)
    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    include_gone: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out besides what is gone."""
        return bool(self.window.start or self.window.end or self.repos or self.kinds)


def where(chosen: Filter) -> tuple[str, list[object]]:
    """The filter as a condition over ``records`` and its parameters. Raises QueryError for a window without time zone."""
    conditions: list[str] = []
    values: list[object] = []
    if not chosen.include_gone:
        conditions.append("gone = 0")
    for condition, bound in (("at >= ?", chosen.window.start), ("at < ?", chosen.window.end)):
        if bound:
            conditions.append(condition)
            values.append(_seconds(bound))
    for column, allowed in (("repo", chosen.repos), ("kind", chosen.kinds)):
        if allowed:
            conditions.append(f"{column} IN ({', '.join('?' * len(allowed))})")
            values += map(clean, allowed)
    return " AND ".join(conditions) or "1", values


def _seconds(bound: datetime) -> float:
    if bound.tzinfo is None:
        raise QueryError(f"the window's bound {bound} has no time zone", remedy="give an aware datetime")
    return bound.timestamp()


def select(connection: sqlite3.Connection, chosen: Filter) -> list[int]:
    """Numbers of the records that pass, latest window event first."""
    condition, values = where(chosen)
    rows = connection.execute(f"SELECT doc FROM records WHERE {condition} ORDER BY at DESC, doc", values)  # noqa: S608 (no input)
    return [doc for (doc,) in rows]


def count(connection: sqlite3.Connection, chosen: Filter) -> int:
    """How many records pass."""
    condition, values = where(chosen)
    return int(connection.execute(f"SELECT count(*) FROM records WHERE {condition}", values).fetchone()[0])  # noqa: S608 (no input)


# --- references -----------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"#?(\d{1,9})")
_SHA = re.compile(r"[0-9a-f]{6,64}")
_ARXIV = re.compile(
    r"(?:https?://)?(?:arxiv(?:\.org/(?:abs|pdf)/|:))?(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?", re.I
)
_QUALIFIED = re.compile(r"([\w.-]+(?:/[\w.-]+)?)([@#])(.+)")


def repositories(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Every repository that a record names, in alphabetical order."""
    return tuple(repo for (repo,) in connection.execute("SELECT DISTINCT repo FROM records WHERE repo <> '' ORDER BY repo"))


def find(connection: sqlite3.Connection, reference: str, *, repos: Sequence[str]) -> list[int]:
    """Numbers of the records that ``reference`` names: gone ones last; commits, pulls, issues, the rest; latest first."""
    wanted = clean(reference.strip())
    exact = connection.execute("SELECT doc FROM records WHERE id = ?", (wanted,)).fetchone()
    if exact:
        return [exact[0]]
    known = repositories(connection)
    allowed = [repo for repo in known if not repos or repo in repos]
    wanted, qualified = _unqualify(wanted, known)
    if qualified is not None:
        allowed = [repo for repo in allowed if repo in qualified]
    found = {doc for query, values in _lookups(wanted, allowed) for (doc,) in connection.execute(query, values)}
    rows = connection.execute(
        "SELECT doc FROM records WHERE doc IN (SELECT value FROM json_each(?))"
        " AND (repo = '' OR repo IN (SELECT value FROM json_each(?)))"
        " ORDER BY gone, CASE kind WHEN 'commit' THEN 0 WHEN 'pull' THEN 1 WHEN 'issue' THEN 2 ELSE 3 END, at DESC, doc",
        (json_list(found), json_list(allowed)),
    )
    return [doc for (doc,) in rows]


def _unqualify(wanted: str, known: Iterable[str]) -> tuple[str, list[str] | None]:
    """ "name#123", "owner/name@sha": what follows the repository, and those it may be (None: it names none)."""
    match = _QUALIFIED.fullmatch(wanted)
    if not match:
        return wanted, None
    name = match[1].casefold()
    named = [repo for repo in known if name in (repo.casefold(), repo.casefold().rpartition("/")[2])]
    if not named and match[2] == "@":
        return wanted, None  # a tag may hold an @
    return match[3] if match[2] == "@" else f"#{match[3]}", named


def _lookups(wanted: str, repos: Sequence[str]) -> Iterable[tuple[str, tuple[object, ...]]]:
    by_tail = "SELECT doc FROM records WHERE tail = ?"
    if number := _NUMBER.fullmatch(wanted):
        yield f"{by_tail} AND kind IN ('pull', 'issue')", (number[1],)
        targets = json_list(f"pull:{repo}#{number[1]}" for repo in repos)
        yield "SELECT doc FROM links WHERE rel = 'pull' AND target IN (SELECT value FROM json_each(?))", (targets,)
    if _SHA.fullmatch(wanted.lower()):
        prefix = wanted.lower()
        yield "SELECT doc FROM records WHERE kind = 'commit' AND tail >= ? AND tail < ? || 'g'", (prefix, prefix)
    if paper := _ARXIV.fullmatch(wanted):
        yield f"{by_tail} AND kind = 'paper'", (paper[1],)
    if not wanted.startswith("#"):
        yield f"{by_tail} AND kind NOT IN ('commit', 'pull', 'issue')", (wanted,)
        yield (
            "SELECT doc FROM tags JOIN records ON id = 'commit:' || tags.repo || '@' || sha WHERE name = ?",
            (wanted,),
        )
