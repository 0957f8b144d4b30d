"""The command line's filters: texts to instants, names to repositories, both laid over what the question says. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from kb.errors import QueryError
from kb.safe import one_line
from kb.types import KINDS, Scope, Window

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What was asked for beside the question. Instants are aware UTC; ``repos`` are "owner/name"; empty means no filter."""

    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None


def instant(text: str, *, option: str, zone: tzinfo, closing: bool = False) -> datetime:
    """A date or a date and time as an instant in UTC; without an offset it is meant in ``zone``.

    A bare day is its first moment or, where ``closing``, the first moment after it.

    Raises:
        QueryError: it is neither; names ``option``.
    """
    try:
        value = datetime.fromisoformat(text.strip())
        if _DAY.fullmatch(text.strip()):
            day = value.date() + timedelta(days=1 if closing else 0)
            value = datetime.combine(day, time(), tzinfo=zone)
        elif value.tzinfo is None:
            value = value.replace(tzinfo=zone)
        return value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{option} {one_line(text, limit=60)!r}: not a date or a time"
        remedy = "write it like 2026-02-02, 2026-02-02T09:30, or 2026-02-02T09:30:00Z"
        raise QueryError(message, remedy=remedy) from error


def repositories(names: Iterable[str], *, known: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Each name ("owner/name", the name alone, or an alias, in any case) as the repositories it stands for.

    Raises:
        QueryError: a name stands for nothing that is known; lists what is.
    """
    found: dict[str, None] = {}
    for name in names:
        wanted = name.strip().casefold()
        matches = [
            repo
            for repo in known
            if wanted in {repo.casefold(), repo.casefold().rpartition("/")[2], *(a.casefold() for a in aliases.get(repo, ()))}
        ]
        if not matches:
            raise _unknown("--repo", name, known)
        found.update(dict.fromkeys(matches))
    return tuple(found)


def kinds(names: Iterable[str]) -> tuple[str, ...]:
    """Each name as a kind of record; "commits" is "commit".

    Raises:
        QueryError: there is no such kind; lists those there are.
    """
    found: dict[str, None] = {}
    for name in names:
        kind = name.strip().lower().removesuffix("s")
        if kind not in KINDS:
            raise _unknown("--kind", name, KINDS)
        found[kind] = None
    return tuple(found)


def source_names(names: Iterable[str], *, known: Sequence[str]) -> tuple[str, ...]:
    """The names, each of which must be a configured source's.

    Raises:
        QueryError: one is not; lists those that are.
    """
    for name in names:
        if name not in known:
            raise _unknown("--source", name, known)
    return tuple(dict.fromkeys(names))


def narrowed(scope: Scope, filters: Filters) -> Scope:
    """The question's scope within the filters. Where the two exclude each other the filter counts, as the more deliberate.

    Nothing after ``as_of`` is ever in the result's window.
    """
    repos = scope.repos
    if filters.repos:
        repos = tuple(repo for repo in scope.repos if repo in filters.repos) or filters.repos
    named = filters.kinds and (tuple(kind for kind in scope.kinds if kind in filters.kinds) or filters.kinds)
    return replace(scope, window=_window(scope.window, filters), repos=repos, kinds=named or scope.kinds)


def _window(asked: Window, filters: Filters) -> Window:
    wanted = Window(filters.since, filters.until)
    start = max((at for at in (asked.start, wanted.start) if at), default=None)
    end = min((at for at in (asked.end, wanted.end) if at), default=None)
    if start and end and start >= end and (wanted.start or wanted.end):
        start, end = wanted.start, wanted.end
    if filters.as_of:
        end = min(end or filters.as_of, filters.as_of)
    return Window(start, end, asked.label)


def _unknown(option: str, name: str, known: Iterable[str]) -> QueryError:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    listed = ", ".join(names) or "none yet: run kb sync"
    return QueryError(f"{option} {one_line(name, limit=80)}: not known{hint}", remedy=f"known: {listed}")
