"""Which records: a filter as SQL, and a reference that a person typed as record numbers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kb.errors import QueryError
from kb.rows import clean, instant, json_list
from kb.types import Tag, Window


@dataclass(frozen=True)
class Filter:
    """Records whose window event lies in ``window``, of these ``repos`` ("owner/name") and ``kinds``; empty means all.

    ``events``: instead of its window event one of these has to lie there. ``as_of`` (aware): events from then on are not known,
    so that a pull request merged later is placed by what had happened to it. Where the window names ``releases`` whose commits
    are known, these commits pass whatever their date, also those off the branch, and no others; records of other kinds pass
    by the interval. ``states``: of issues and pull requests only those in one of these states (open, closed, merged), as of
    then. ``once``: each change once, without the pull requests that stand in the store as the commit they landed as.
    """

    window: Window = field(default_factory=Window)
    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    include_gone: bool = False
    events: tuple[str, ...] = ()
    as_of: datetime | None = None
    states: tuple[str, ...] = ()
    once: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out besides what is gone or off the branch."""
        window = self.window
        bounded = window.start or window.end or window.releases
        return bool(bounded or self.repos or self.kinds or self.events or self.states)

    @property
    def there(self) -> str:
        """The values of ``gone`` that count: what is off the branch is there in a release that has it."""
        return "(0, 2)" if self.window.releases else "(0)"


def where(chosen: Filter) -> tuple[str, list[object]]:
    """The filter as a condition over ``records`` and its parameters. Raises QueryError for a window without time zone."""
    conditions: list[str] = []
    values: list[object] = []
    if not chosen.include_gone:
        conditions.append(f"gone IN {chosen.there}")
    placed, bounds = _placed(chosen)
    conditions += placed
    values += bounds
    for column, allowed in (("repo", chosen.repos), ("kind", chosen.kinds)):
        if allowed:
            conditions.append(f"{column} IN ({', '.join('?' * len(allowed))})")
            values += map(clean, allowed)
    for condition, more in _of_threads(chosen):
        conditions.append(condition)
        values += more
    return " AND ".join(conditions) or "1", values


def _of_threads(chosen: Filter) -> Iterable[tuple[str, list[object]]]:
    """What is asked of issues and pull requests alone."""
    state, moment = _state_at(chosen.as_of)
    if chosen.states:
        wanted = f"(kind NOT IN ('issue', 'pull') OR {state} IN (SELECT value FROM json_each(?)))"  # noqa: S608 (no input)
        yield wanted, [*moment, json_list(map(clean, chosen.states))]
    if chosen.once:
        before, end = ("", []) if chosen.as_of is None else (" AND other.at < ?", [_seconds(chosen.as_of)])
        carried = (
            "(kind <> 'pull' OR NOT EXISTS (SELECT 1 FROM links JOIN records AS other ON other.doc = links.doc"  # noqa: S608
            " WHERE target = records.id AND rel = 'pull' AND other.kind = 'commit'"
            f" AND other.gone IN {chosen.there}{before})"
            " AND NOT EXISTS (SELECT 1 FROM links JOIN records AS other ON other.id = links.target"
            " WHERE links.doc = records.doc AND rel = 'landed-as'"
            f" AND other.gone IN {chosen.there}{before}))"
        )
        yield carried, [*end, *end]


def _state_at(as_of: datetime | None) -> tuple[str, list[object]]:
    """A thread's state as SQL: what its source says, or by the last of its events that was known."""
    if as_of is None:
        return "state", []
    last = (
        "(SELECT CASE events.kind WHEN 'reopened' THEN 'open' WHEN 'opened' THEN 'open' ELSE events.kind END FROM events"
        " WHERE events.doc = records.doc AND events.kind IN ('opened', 'reopened', 'closed', 'merged') AND events.at < ?"
        " ORDER BY events.at DESC, events.kind = 'merged' DESC LIMIT 1)"
    )
    return last, [_seconds(as_of)]


def _placed(chosen: Filter) -> tuple[list[str], list[object]]:
    """What the window asks of a record."""
    by_time, values = _in_time(chosen)
    if not chosen.window.releases:
        return ([by_time] if by_time else []), values
    named = (json_list(map(clean, chosen.window.releases)),)
    # A release whose commits are not known, as no git source reads its repository, goes by time.
    return [_RELEASED.format(by_time=by_time or "1")], [*named, *named, *named, *values]


_OF_RELEASE = "'release:' || repo || '@' || {} IN (SELECT value FROM json_each(?))"
# A tag of which nothing is known has neither; one that has nothing on the branch has what lies beyond it, or a tag before it.
_KNOWN = "(previous <> '' OR beyond > 0 OR EXISTS (SELECT 1 FROM tag_commits AS new WHERE new.repo = tags.repo AND tag = name))"
_RELEASED = (
    "(CASE WHEN kind = 'release' THEN id IN (SELECT value FROM json_each(?))"  # noqa: S608 (no input)
    f" WHEN gone = 2 OR (kind = 'commit' AND EXISTS (SELECT 1 FROM tags WHERE {_OF_RELEASE.format('name')} AND {_KNOWN}))"
    f" THEN id IN (SELECT 'commit:' || repo || '@' || sha FROM tag_commits WHERE {_OF_RELEASE.format('tag')})"
    " ELSE {by_time} END)"
)


def _in_time(chosen: Filter) -> tuple[str, list[object]]:
    window, known = chosen.window, chosen.as_of
    if chosen.events:
        inner, values = _between("events.at", window.start, _earlier(window.end, known))
        kinds = json_list(map(clean, chosen.events))
        where_in = " AND ".join(["kind IN (SELECT value FROM json_each(?))", *inner])
        return f"doc IN (SELECT doc FROM events WHERE {where_in})", [kinds, *values]  # noqa: S608 (no input)
    own, values = _between("at", window.start, _earlier(window.end, known))
    if known is None:
        return " AND ".join(own), values
    # Pull requests that were closed or merged later: placed by the last of their events that was known.
    last, bounds = _between("max(events.at)", window.start, window.end)
    later = (
        "SELECT doc FROM events JOIN records USING (doc) WHERE records.kind = 'pull' AND records.at >= ?"  # noqa: S608 (no input)
        f" AND events.at < ? AND events.kind IN ('opened', 'closed', 'merged') GROUP BY doc HAVING {' AND '.join(last) or '1'}"
    )
    seconds = _seconds(known)
    return f"(({' AND '.join(own)}) OR doc IN ({later}))", [*values, seconds, seconds, *bounds]


def _between(column: str, start: datetime | None, end: datetime | None) -> tuple[list[str], list[object]]:
    bounds = [(f"{column} >= ?", start), (f"{column} < ?", end)]
    return [text for text, bound in bounds if bound], [_seconds(bound) for _, bound in bounds if bound]


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((bound for bound in (one, other) if bound), default=None)


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


_CARRIED = """
WITH pulls (doc, thread) AS (
    SELECT links.doc, records.doc FROM links JOIN records ON records.id = links.target
    WHERE links.rel = 'pull' AND records.kind = 'pull' AND records.gone = 0
    UNION
    SELECT records.doc, links.doc FROM links JOIN records ON records.id = links.target
    WHERE links.rel = 'landed-as' AND records.kind = 'commit' AND records.gone = 0
), fixes (doc, thread) AS (
    SELECT said.doc, issues.doc
    FROM (SELECT doc, rel, target FROM links UNION ALL SELECT doc, rel, target FROM mentions) AS said
    JOIN records AS issues ON issues.id = said.target
    WHERE said.rel = 'fixes' AND issues.kind = 'issue' AND issues.gone = 0
)
SELECT doc, thread, 'pull' FROM pulls
UNION SELECT pulls.doc, fixes.thread, 'issue' FROM pulls JOIN fixes ON fixes.doc = pulls.thread
UNION SELECT fixes.doc, fixes.thread, 'issue' FROM fixes JOIN records USING (doc) WHERE records.kind = 'commit'
"""


def carried(connection: sqlite3.Connection) -> list[tuple[int, int, str]]:
    """(commit, thread, thread's kind) for each commit's pull request and for each issue that either fixes."""
    return connection.execute(_CARRIED).fetchall()


def passing(connection: sqlite3.Connection, chosen: Filter, docs: Iterable[int]) -> set[int]:
    """Those of ``docs`` that pass."""
    condition, values = where(chosen)
    query = f"SELECT doc FROM records WHERE doc IN (SELECT value FROM json_each(?)) AND {condition}"  # noqa: S608 (no input)
    return {doc for (doc,) in connection.execute(query, (json_list(docs), *values))}


def tags(connection: sqlite3.Connection, repo: str) -> tuple[Tag, ...]:
    """A repository's tags, latest first, without their commits."""
    found = connection.execute(
        "SELECT name, sha, at, previous, beyond FROM tags WHERE repo = ? ORDER BY at DESC, name DESC", (repo,)
    )
    return tuple(Tag(name, sha, instant(at), previous, beyond=beyond) for name, sha, at, previous, beyond in found)


def released(connection: sqlite3.Connection, repo: str) -> tuple[Tag, ...]:
    """A repository's releases as tags without a commit, latest first."""
    found = connection.execute(
        "SELECT ref, at FROM records WHERE kind = 'release' AND repo = ? AND gone = 0 ORDER BY at DESC, ref DESC", (repo,)
    )
    return tuple(Tag(ref, "", instant(at)) for ref, at in found)


def tag_commits(connection: sqlite3.Connection, release: str) -> tuple[str, ...]:
    """SHAs that are new in a release, latest first."""
    repo, _, tag = release.removeprefix("release:").partition("@")
    found = connection.execute("SELECT sha FROM tag_commits WHERE repo = ? AND tag = ? ORDER BY position", (repo, tag))
    return tuple(sha for (sha,) in found)


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
    """Numbers of the records that ``reference`` names: what is there, what is off the branch, what is gone; of each commits,
    pulls, issues, the rest; latest first."""
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
        " ORDER BY gone = 1, gone = 2, CASE kind WHEN 'commit' THEN 0 WHEN 'pull' THEN 1 WHEN 'issue' THEN 2 ELSE 3 END,"
        " at DESC, doc",
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
        # What is off the branch is mostly picked from what landed: that is meant.
        yield (
            "SELECT doc FROM links JOIN records USING (doc) WHERE rel = 'pull' AND gone <> 2"
            " AND target IN (SELECT value FROM json_each(?))",
            (targets,),
        )
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
