"""What is happening, counted: changes over time, their kinds, where they are, issues and papers; each bar with its records.

A filter says what is counted; the calendar is the reader's. Merges are not counted beside what they brought, nor a pull request
beside the commit that it landed as.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from kb.catalog import Brief, Catalog, Filter
from kb.classify import GROUPS, category
from kb.types import Window

CHANGES = ("commit", "pull")
OTHERS = ""  # the series of what is too small for one of its own
TOP = "."  # the place of files in no folder
_SERIES = 7
_LONGEST_BY_DAY = 92  # days; then weeks, then months
_LONGEST_BY_WEEK = 730
_REMEMBERED = 200_000  # records' categories
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Bar:
    """``docs`` are the numbers of the records behind it. ``place`` is a day (ISO; the first of its week or month) or a path;
    ``series`` a repository, a group of kb.classify.GROUPS, opened, closed or open."""

    series: str
    place: str
    docs: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.docs)


@dataclass(frozen=True, slots=True)
class Tally:
    """Bars, by place and then by series; ``step`` is day, week or month, "" where places are no days."""

    bars: tuple[Bar, ...]
    step: str = ""


class Activity:
    """Counts records of a catalog; usable from any thread. What a change is about is worked out once for each version of it."""

    def __init__(self, catalog: Catalog, zone: tzinfo) -> None:
        self._catalog = catalog
        self._zone = zone
        self._groups: dict[str, str] = {}
        self._mutex = threading.Lock()

    def changes(self, chosen: Filter) -> Tally:
        """Changes over time by repository; the busiest ones have a series of their own.

        Raises:
            CatalogError: the record store cannot be read.
        """
        found = self._changes(chosen)
        largest = _largest(brief.repo for brief in found)
        return self._over_time(found, lambda brief: brief.repo if brief.repo in largest else OTHERS, largest)

    def kinds(self, chosen: Filter) -> Tally:
        """Changes over time by what they are: fixes, features, …"""
        found = self._changes(chosen)
        groups = self._categories([brief.doc for brief in found])
        largest = _largest(groups[brief.doc] for brief in found)
        ordered = [group for group in GROUPS if group in largest]
        return self._over_time(found, lambda brief: _own(groups[brief.doc], largest), ordered)

    def papers(self, chosen: Filter) -> Tally:
        """Papers over time, never by day: there are few."""
        kinds = _passing(chosen, ("paper",))
        docs = self._catalog.select(replace(chosen, kinds=kinds, repos=(), states=())) if kinds else []
        return self._over_time(self._catalog.briefs(docs), lambda brief: "paper", ["paper"], shortest="week")

    def folders(self, chosen: Filter, *, depth: int = 2, most: int = 15) -> Tally:
        """The folders, down to ``depth`` names, that most changes touch; most first. A file at the top is under TOP."""
        return self._places(chosen, lambda path: "/".join(path.split("/")[:-1][:depth]) or TOP, most)

    def files(self, chosen: Filter, *, most: int = 15) -> Tally:
        """The files that most changes touch; most first."""
        return self._places(chosen, lambda path: path, most)

    def issues(self, chosen: Filter) -> Tally:
        """Issues opened and closed in each step of the window, and those that are open at its end."""
        kinds = _passing(chosen, ("issue",))
        of_issues = replace(chosen, kinds=kinds, states=(), window=Window(), events=())
        told = self._catalog.events(self._catalog.select(of_issues)) if kinds else []
        window = chosen.window
        moments = [at for _, kind, at in told if kind in _ISSUE_EVENTS and _within(at, window)]
        if not moments:
            return Tally(())
        step = _step(min(moments), max(moments), "day")
        days = list(_days(self._day(min(moments)), self._day(max(moments)), step))
        happened: dict[tuple[str, date], dict[int, None]] = defaultdict(dict)
        for doc, kind, at in told:
            if kind in _ISSUE_EVENTS and _within(at, window):
                happened[_ISSUE_EVENTS[kind], _start(self._day(at), step)][doc] = None
        bars = [Bar(series, day.isoformat(), tuple(docs)) for (series, day), docs in happened.items()]
        bars += self._open(told, days, step)
        return Tally(tuple(sorted(bars, key=lambda bar: (bar.place, _ISSUE_SERIES.index(bar.series)))), step)

    # --- counting ---------------------------------------------------------------------------------------------------------

    def _changes(self, chosen: Filter) -> list[Brief]:
        kinds = _passing(chosen, CHANGES)
        docs = self._catalog.select(replace(chosen, kinds=kinds, once=True)) if kinds else []
        briefs = self._catalog.briefs(docs)
        # Of pull requests only the merged ones changed anything, and each merge counts as what it brought.
        merged = self._catalog.passing(Filter(kinds=("pull",), states=("merged",)), docs)
        return [brief for brief in briefs if "merge" not in brief.marks and (brief.kind != "pull" or brief.doc in merged)]

    def _over_time(
        self, found: Sequence[Brief], series: Callable[[Brief], str], order: Sequence[str], *, shortest: str = "day"
    ) -> Tally:
        if not found:
            return Tally(())
        moments = [brief.at for brief in found]
        step = _step(min(moments), max(moments), shortest)
        docs: defaultdict[tuple[date, str], list[int]] = defaultdict(list)
        for brief in found:
            docs[_start(self._day(brief.at), step), series(brief)].append(brief.doc)
        rank = {name: at for at, name in enumerate(order)}
        bars = [Bar(name, day.isoformat(), tuple(numbers)) for (day, name), numbers in docs.items()]
        return Tally(tuple(sorted(bars, key=lambda bar: (bar.place, rank.get(bar.series, len(rank))))), step)

    def _places(self, chosen: Filter, place: Callable[[str], str], most: int) -> Tally:
        found = self._changes(chosen)
        docs: defaultdict[str, dict[int, None]] = defaultdict(dict)  # in the order of the records, each once
        one = len({brief.repo for brief in found}) == 1
        repo = {brief.doc: "" if one else brief.repo.rpartition("/")[2] + ":" for brief in found}
        places: dict[str, str] = {}  # most paths come again and again
        for doc, path in self._catalog.paths(list(repo)):
            if path not in places:
                places[path] = place(path)
            docs[repo[doc] + places[path]][doc] = None
        largest = sorted(docs, key=lambda name: (-len(docs[name]), name))[:most]
        return Tally(tuple(Bar("", name, tuple(docs[name])) for name in largest))

    def _open(self, told: Sequence[tuple[int, str, datetime]], days: Sequence[date], step: str) -> Iterator[Bar]:
        """The issues that are open at the end of each step."""
        changes = sorted(
            ((self._day(at), kind, doc) for doc, kind, at in told if kind in _ISSUE_EVENTS), key=lambda item: item[0]
        )
        is_open: dict[int, None] = {}
        at = 0
        for day in days:
            after = _next(day, step)
            while at < len(changes) and changes[at][0] < after:
                _, kind, doc = changes[at]
                if kind == "closed":
                    is_open.pop(doc, None)
                else:
                    is_open[doc] = None
                at += 1
            yield Bar("open", day.isoformat(), tuple(is_open))

    def _categories(self, docs: Sequence[int]) -> dict[int, str]:
        """number -> its group; of a record that was seen before nothing is read but its hash."""
        hashes = self._catalog.hashes(docs)
        with self._mutex:
            known = {doc: self._groups[hash] for doc, hash in hashes.items() if hash in self._groups}
        missing = [doc for doc in docs if doc not in known]
        for start in range(0, len(missing), _CHUNK):
            chunk = missing[start : start + _CHUNK]
            records = self._catalog.records(chunk, patches=False)
            known |= {doc: category(record) for doc, record in zip(chunk, records, strict=True)}
        with self._mutex:
            if len(self._groups) + len(missing) > _REMEMBERED:
                self._groups.clear()
            self._groups |= {hashes[doc]: known[doc] for doc in missing}
        return known

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()


_ISSUE_EVENTS = {"opened": "opened", "reopened": "opened", "closed": "closed"}
_ISSUE_SERIES = ("opened", "closed", "open")


def _passing(chosen: Filter, kinds: Sequence[str]) -> tuple[str, ...]:
    """Those of the kinds that the filter lets through."""
    return tuple(kind for kind in kinds if not chosen.kinds or kind in chosen.kinds)


def _largest(names: Iterable[str]) -> list[str]:
    """The names that most have, most first; all but what would not fit beside "others"."""
    counted = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    return [name for name, _ in counted[: _SERIES if len(counted) <= _SERIES else _SERIES - 1]]


def _own(name: str, largest: Sequence[str]) -> str:
    return name if name in largest else OTHERS


def _within(at: datetime, window: Window) -> bool:
    return (window.start is None or at >= window.start) and (window.end is None or at < window.end)


def _step(first: datetime, last: datetime, shortest: str) -> str:
    days = (last - first).days
    fitting = "day" if days <= _LONGEST_BY_DAY else "week" if days <= _LONGEST_BY_WEEK else "month"
    return "week" if fitting == "day" and shortest == "week" else fitting


def _start(day: date, step: str) -> date:
    """The first day of the step that ``day`` lies in; weeks begin on Monday."""
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def _next(day: date, step: str) -> date:
    if step == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if step == "week" else 1)


def _days(first: date, last: date, step: str) -> Iterator[date]:
    """The first day of each step from that of ``first`` to that of ``last``."""
    day = _start(first, step)
    while day <= last:
        yield day
        day = _next(day, step)


def totals(tally: Tally) -> Mapping[str, int]:
    """series -> how many records, each once."""
    docs: defaultdict[str, set[int]] = defaultdict(set)
    for bar in tally.bars:
        docs[bar.series] |= set(bar.docs)
    return {name: len(found) for name, found in docs.items()}
