"""The filters above an answer, and the address that asks the same again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from urllib.parse import parse_qs, urlencode

from kb.safe import one_line
from kb.types import KINDS, Scope

LONGEST_QUESTION = 2_000  # characters
LONGEST_FILTER = 200
MOST_REPOS = 50


@dataclass(frozen=True)
class Filters:
    """What a person may change of a resolved scope and ask again with; the fields of ``kb.wiring.Asked`` have the same names.

    ``since`` and ``until`` are days (the last one included) or moments, "" for open; ``topic`` is only shown: it is changed by
    changing the question.
    """

    since: str = ""
    until: str = ""
    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    topic: str = ""


def filters_of(scope: Scope, zone: tzinfo) -> Filters:
    """What a question was resolved to, as ``Filters`` that resolve to the same; an end that is now stays open."""
    window = scope.window
    end = None if window.end is None or window.end == scope.resolved_at else window.end
    return Filters(
        since=_instant(window.start, zone) if window.start else "",
        until=_instant(end, zone, last=True) if end else "",
        repos=scope.repos,
        kinds=scope.kinds,
        topic=scope.topic,
    )


def _instant(at: datetime, zone: tzinfo, *, last: bool = False) -> str:
    """A bound as kb.scope.parse_instant reads it: a day where it is midnight, of an end the day before, else the moment."""
    local = at.astimezone(zone)
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        return local.strftime("%Y-%m-%dT%H:%M:%S%z")
    return ((local - timedelta(hours=1)) if last else local).date().isoformat()


def question_address(question: str, filters: Filters) -> str:
    """``?q=…&since=…``: the address, from the app's root, that asks a question with these filters."""
    pairs = [("q", question), ("since", filters.since), ("until", filters.until)]
    pairs += [("repo", repo) for repo in filters.repos] + [("kind", kind) for kind in filters.kinds]
    return "?" + urlencode([(name, value) for name, value in pairs if value])


def asked_by(address: str) -> tuple[str, Filters]:
    """The question and the filters of such an address; what is no value of theirs is left out, what is too long cut.

    >>> asked_by("?q=what+changed&kind=commit&kind=nonsense")
    ('what changed', Filters(since='', until='', repos=(), kinds=('commit',), topic=''))
    """
    try:
        values: Mapping[str, list[str]] = parse_qs(address.removeprefix("?"), max_num_fields=200)
    except ValueError:
        return "", Filters()

    def first(name: str) -> str:
        return one_line(values.get(name, [""])[0], limit=LONGEST_FILTER)

    return one_line(values.get("q", [""])[0], limit=LONGEST_QUESTION), Filters(
        since=first("since"),
        until=first("until"),
        repos=tuple(one_line(repo, limit=LONGEST_FILTER) for repo in values.get("repo", [])[:MOST_REPOS]),
        kinds=tuple(kind for kind in KINDS if kind in values.get("kind", [])),
    )
