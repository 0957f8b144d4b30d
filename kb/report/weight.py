"""How much an entry of a report matters, and which entries are told in detail. Pure; every figure stands below by name.

An entry's score is a sum of points, times what the profile says of its topics and its repository. A change has points for what
kind it is (a release, a revert or a breaking change has most), for its size (logarithm of its changed lines, where tests,
documents, generated and vendored files count little), for how many directories of code it reaches and whether these are the
core, and for what makes it news to users: new files, new interfaces, a fixed issue, labels, a measured gain. A revert has more
the sooner it followed; a merge has the points of the weightiest change that it brought, and some for the others. A thread has
points for its heat: comments, people, labels, words such as "regression"; a paper for how much it speaks of the field.

Told in detail are all releases, reverts and breaking changes, then the other changes by score: each repository has seats by the
square root of how much happened in it, so that a quiet one's only feature is told and a busy one leaves room; what is left goes
to the best. Below a floor nothing is told, nor of tests, documents, continuous integration, dependencies and refactorings but
for giants; where that leaves nothing at all, the best of the rest. Of threads the hottest of each repository are told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil, sqrt

from kb.releases import is_nightly
from kb.report.gist import gist
from kb.report.heat import Points, label_points, paper_points, thread_points, total
from kb.report.hunk import telling_hunk
from kb.report.points import change_points, is_announcement, talk_points
from kb.report.topics import topic_factors
from kb.report.types import Entry, Weight

_ROUNDED = 3  # digits of a score: so that equal things weigh the same on every machine
_NEUTRAL = 1.0

_PER_MORE_DAY = 1 / 6  # seven days have twice the entries of one
_MOST_ROOM = 3  # times the entries of a day, however long the window is
_HEAVY = 36.0  # what weighs so much is told also where there are no words for it,
_FOREMOST = 5  # and so are the best changes of a window
_FLOOR = 11.0  # what a change has to have at least to be told
_FLOOR_OF_OTHER = 21.0  # of what nobody says to be a feature or a fix
_FLOOR_OF_TIDYING = 28.0
_SHARE_OF_BEST = 0.2  # and of what the best change of the window has
_BEST_OF = 3  # the third best: one giant is no measure
_USUAL_ROOM = 30
_HEADLINES = ("releases", "reverts")
_CHANGES = ("features", "fixes", "performance", "models", "versions")
_ON_QUIET_DAYS = ("other", "refactoring")
_TIDYING = ("refactoring", "docs", "tests", "ci", "dependencies")


@dataclass(frozen=True, slots=True)
class _Table:
    """How many of some groups may be told: of each repository, in all where there is room for _USUAL_ROOM entries (of more
    room more, of less less), and from which score on."""

    groups: tuple[str, ...]
    floor: float
    of_repo: int
    in_all: int


_TABLES = (
    _Table(("opened issues",), 5.0, 5, 12),
    _Table(("closed issues", "closed pulls"), 11.0, 2, 4),
    _Table(("opened pulls",), 11.0, 3, 6),
    _Table(("papers",), 6.0, 8, 8),
    _Table(("posts", "hub"), 4.0, 3, 4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a reader cares for.

    ``topics`` maps words or phrases to how much an entry that names them weighs, ``repos`` "owner/name" to how much what
    happens there does: 1.0 as any other, 0 not at all. ``detail``: about how many entries a day are told in detail.
    """

    topics: Mapping[str, float] = field(default_factory=dict)
    repos: Mapping[str, float] = field(default_factory=dict)
    detail: int = 30


def weigh(entry: Entry, profile: Profile) -> Weight:
    """The weight of an entry: ``score`` is 0 or more, ``reasons`` are machine words, the weightiest first.

    Of several topics the one that raises the score most decides; where none raises it, the one that lowers it most.
    """
    points = _points(entry)
    base = max(total(points), 0.0)
    factors = topic_factors(entry, profile.topics)
    factor = _decisive(factors)
    of_repo = profile.repos.get(entry.view.record.repo, _NEUTRAL)
    named = [Points(base * abs(value - 1), f"topic:{topic}") for topic, value in factors.items() if value != _NEUTRAL]
    if of_repo != _NEUTRAL:
        named.append(Points(base * abs(of_repo - 1), "repo"))
    return Weight(round(base * factor * of_repo, _ROUNDED), _reasons([*points, *named]))


def _points(entry: Entry) -> list[Points]:
    record = entry.view.record
    if record.kind == "issue" or (record.kind == "pull" and record.state != "merged"):
        return thread_points(entry.view)
    if record.kind in ("commit", "pull", "release"):
        of_pull = label_points(entry.also.record) if entry.also else []
        own = change_points(entry.view, entry.group, relanded=bool(entry.relanded))
        return [*own, *talk_points((entry.also or entry.view).record), *of_pull]
    return paper_points(record)


def _decisive(factors: Mapping[str, float]) -> float:
    if not factors:
        return _NEUTRAL
    return max(factors.values()) if max(factors.values()) >= _NEUTRAL else min(factors.values())


def _reasons(points: Iterable[Points]) -> tuple[str, ...]:
    """Each reason once, by the points that it has in all; a topic that sets the score to zero is a reason as well."""
    sums: defaultdict[str, float] = defaultdict(float)
    for point in points:
        sums[point.reason] += point.value
    return tuple(sorted((reason for reason in sums if sums[reason] > 0), key=lambda reason: (-sums[reason], reason)))


# --- choosing ----------------------------------------------------------------------------------------------------------------


def choose(entries: Sequence[Entry], profile: Profile, *, days: int = 1) -> frozenset[str]:
    """Ids of the entries that are told in detail, of entries that have been weighed; ``days`` is the length of the window.

    About ``profile.detail`` a day, at most twice as many for a week and three times as many for longer; fewer where little
    happened. A change of which there is nothing to tell but its title and its files is a row, unless it is a release, a revert,
    a breaking change, very heavy or among the best. The same for any order of entries.
    """
    room = max(round(profile.detail * min(1 + (days - 1) * _PER_MORE_DAY, _MOST_ROOM)), 1)
    ranked = sorted((entry for entry in entries if entry.weight.score > 0), key=_rank)
    headlines = [entry for entry in ranked if entry.group in _HEADLINES][:room]
    tables = [entry for table in _TABLES for entry in _of_table(ranked, table, room)]
    seats = max(room - len(headlines) - len(tables), room // 3 - len(headlines), 0)
    changes = _seated(_substantive(ranked), seats)
    return frozenset(entry.id for entry in [*headlines, *changes, *tables][:room])


def _rank(entry: Entry) -> tuple[float, float, str]:
    """Best first; of equal weight the latest, then by id."""
    at = entry.view.event.at if entry.view.event else entry.view.record.at
    return -entry.weight.score, -at.timestamp(), entry.id


def _substantive(ranked: Sequence[Entry]) -> list[Entry]:
    """The changes that are worth a sentence in this window; not the commit that sets the version of a release or a tag beside
    it."""
    released = {entry.view.record.repo for entry in ranked if entry.view.record.kind == "release"}
    changes = [
        entry
        for entry in ranked
        if entry.group in (*_CHANGES, "other", *_TIDYING)
        and not (entry.group == "versions" and is_announcement(entry.view) and _is_tagged(entry, released))
    ]
    best = changes[min(_BEST_OF, len(changes)) - 1].weight.score if changes else 0.0
    found = [entry for entry in changes if entry.weight.score >= max(_floor(entry), _SHARE_OF_BEST * best)]
    # On a quiet day the best of what is usually not told is the news.
    quiet = [entry for entry in changes if entry.group in _ON_QUIET_DAYS and entry.weight.score >= _FLOOR]
    return found or quiet[:1]


def _floor(entry: Entry) -> float:
    if entry.group in _TIDYING:
        return _FLOOR_OF_TIDYING
    return _FLOOR_OF_OTHER if entry.group == "other" else _FLOOR


def _is_tagged(entry: Entry, released: Collection[str]) -> bool:
    tag = entry.view.tag
    return entry.view.record.repo in released or bool(tag and not is_nightly(tag))


def _seated(ranked: Sequence[Entry], seats: int) -> list[Entry]:
    """The best changes of which there is something to tell, each repository having seats by the square root of how much
    happened in it. Words and hunks are looked for only where a seat is free."""
    by_repo: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in ranked:
        by_repo[entry.view.record.repo].append(entry)
    whole = sum(sqrt(len(own)) for own in by_repo.values())
    foremost = {entry.id for entry in ranked[:_FOREMOST]}

    def is_worth_it(entry: Entry) -> bool:
        return entry.id in foremost or entry.weight.score >= _HEAVY or _has_news(entry)

    first = [
        entry
        for own in by_repo.values()
        for entry in islice(filter(is_worth_it, own), max(int(seats * sqrt(len(own)) / whole), 1))
    ]
    first.sort(key=_rank)
    taken = {entry.id for entry in first}
    others = (entry for entry in ranked if entry.id not in taken)
    return [*first, *islice(filter(is_worth_it, others), max(seats - len(first), 0))][:seats]


def _has_news(entry: Entry) -> bool:
    """Whether a sentence or a hunk says more of it than its title does."""
    return bool(gist(entry)) or telling_hunk(entry.view.changed) is not None


def _of_table(ranked: Sequence[Entry], table: _Table, room: int) -> list[Entry]:
    """The hottest of some groups, at most so many of a repository."""
    count: defaultdict[str, int] = defaultdict(int)
    found = []
    for entry in ranked:
        repo = entry.view.record.repo
        if entry.group in table.groups and entry.weight.score >= table.floor and count[repo] < table.of_repo:
            count[repo] += 1
            found.append(entry)
    return found[: ceil(table.in_all * room / _USUAL_ROOM)]
