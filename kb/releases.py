"""Versions, the tag before each tag, and releases as intervals, from a repository's tags. Pure.

A release is what its tag contains and the tag before it does not. By dates it spans what came after that tag, up to and
including its own. Git dates have whole seconds, and a lightweight tag carries its commit's own date, so that the interval runs
from one second after the older tag to one second after the newer.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from operator import attrgetter
from typing import TypeAlias

from kb.periods import Interval, UnresolvableError
from kb.types import Tag

Version: TypeAlias = tuple[tuple[int, ...], bool, tuple[tuple[int, str], ...]]

_SECOND = timedelta(seconds=1)
_VERSION = re.compile(r"(?:^|[^0-9.])([0-9]{1,6}(?:\.[0-9]{1,9}){1,3})(.*)$", re.S)
_WHOLE = re.compile(r"v([0-9]{1,6})()$", re.I)
_PRERELEASE = re.compile(
    r"(?<![a-z])(?:rc|alpha|beta|nightly|dev|pre|prerelease|post|preview|snapshot)(?![a-z])|^[-._]?[ab][0-9]", re.I
)
_NIGHTLY = re.compile(r"nightly|snapshot", re.I)
_NO_SERIES = frozenset({"release", "releases", "rel", "version", "ver"})


def version_key(name: str) -> Version | None:
    """Sort key (numbers, final rather than prerelease, suffix) of a tag's name; None where it holds no version."""
    match = _VERSION.search(name) or _WHOLE.match(name)
    if match is None:
        return None
    numbers = tuple(int(part) for part in match[1].split("."))
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    suffix = match[2]
    early = bool(_PRERELEASE.search(suffix) and not re.search("post", suffix, re.I))
    parts = re.findall(r"([0-9]{1,18})|([^0-9]+)", suffix.lower())
    return numbers, not early, tuple((int(digits) if digits else -1, text) for digits, text in parts)


def is_prerelease(name: str) -> bool:
    """Whether a tag is a release candidate, nightly, post-release or the like."""
    match = _VERSION.search(name)
    before = name[: match.start(1)] if match else name
    return bool(_PRERELEASE.search((match[2] if match else "") + " " + before))


def is_nightly(name: str) -> bool:
    """Whether a tag is one of a series that is made by the clock."""
    return _NIGHTLY.search(name) is not None


def is_release(name: str) -> bool:
    """Whether a tag's name is one of a release: it holds a version, or says nightly."""
    return version_key(name) is not None or is_nightly(name)


def release_id(repo: str, tag: str) -> str:
    """The id of a release's record, whether or not one is stored."""
    return f"release:{repo}@{tag}"


def previous(tags: Sequence[Tag]) -> dict[str, Tag]:
    """The tag before each tag, by the tag's name; the very first ones have none.

    A final release follows the final release before it in version order, a prerelease or post-release whatever comes right
    before it, a nightly the nightly before it. What was tagged later is passed over: v0.6.0 does not follow a later v0.5.9.
    Names that differ before the version ("v2.8.3", "fa4-v4.0.0") are series of their own. The first of a series follows the
    latest final release of the others at that time, and a tag that holds no version the latest final release.
    """
    series: dict[str, list[tuple[Version | None, Tag]]] = defaultdict(list)
    loose = []
    for tag in tags:
        key = version_key(tag.name)
        if not is_release(tag.name):
            loose.append(tag)
        else:
            series[_series(tag.name)].append((key, tag))
    found: dict[str, Tag | None] = {}
    for members in series.values():
        found |= _within(members)
    finals = sorted(_finals(tags), key=attrgetter("at"))
    found |= {tag.name: _latest_before(tag, finals) for tag in loose}
    for name, members in series.items():
        for _, tag in members:
            if found[tag.name] is None:
                found[tag.name] = _latest_before(tag, finals, outside=None if is_nightly(tag.name) else name)
    return {name: tag for name, tag in found.items() if tag is not None}


def chain(older: str, newer: str, tags: Mapping[str, Sequence[Tag]]) -> tuple[str, ...]:
    """Ids of the releases after ``older`` up to ``newer`` (ids), latest first; none where one does not lead to the other."""
    for repo, group in tags.items():
        before = {release_id(repo, name): release_id(repo, tag.name) for name, tag in previous(group).items()}
        ids = []
        at = newer
        while at in before and at != older:
            ids.append(at)
            at = before[at]
        if ids and at == older:
            return tuple(ids)
    return ()


def last(tags: Mapping[str, Sequence[Tag]], *, back: int = 0, count: int = 1) -> Interval:
    """The ``count`` newest releases by date, or those ``back`` before them; prereleases count only where there is nothing else.

    Raises:
        UnresolvableError: no tags, or tags of several repositories, so that "the last release" is not one thing.
    """
    groups = [(repo, group) for repo, group in tags.items() if group]
    if len(groups) != 1:
        raise UnresolvableError("no single repository with releases")
    ((repo, group),) = groups
    finals = sorted(_finals(group), key=attrgetter("at"), reverse=True)[back:]
    if count > len(finals):
        raise UnresolvableError("not that many releases")
    chosen = [_interval(repo, tag, group) for tag in finals[:count]]
    ids = tuple(id for interval in chosen for id in interval.releases)
    return Interval(chosen[-1].start, chosen[0].end, release=True, releases=ids)


def named(text: str, tags: Mapping[str, Sequence[Tag]]) -> Interval:
    """The release that a version names ("v0.6.2", "0.6.2"; "v0.6": v0.6.0 or the first v0.6.*), or a tag by its whole name.

    Raises:
        UnresolvableError: no repository has it, or several have.
    """
    found = [(repo, tag, group) for repo, group in tags.items() for tag in [_find(text, group)] if tag is not None]
    if len(found) != 1:
        raise UnresolvableError(text)
    return _interval(*found[0])


def _find(text: str, tags: Sequence[Tag]) -> Tag | None:
    low = text.lower()
    exact = {tag.name.lower(): tag for tag in tags}
    for name in (low, f"v{low}", low.removeprefix("v")):
        if name in exact:
            return exact[name]
    wanted = version_key(text)
    if wanted is None or not re.fullmatch(r"v?[0-9.]+", low):
        return None
    keyed = [(key, tag) for tag in tags if (key := version_key(tag.name)) is not None and not is_prerelease(tag.name)]
    same = [tag for key, tag in keyed if key[0] == wanted[0]]
    length = low.count(".") + 1
    series = sorted(((key, tag.at, tag) for key, tag in keyed if key[0][:length] == wanted[0]), key=lambda item: item[:2])
    return same[0] if same else series[0][2] if series and length < 3 else None


def _finals(tags: Sequence[Tag]) -> list[Tag]:
    versions = [tag for tag in tags if version_key(tag.name) is not None]
    return [tag for tag in versions if not is_prerelease(tag.name)] or versions or list(tags)


def _interval(repo: str, tag: Tag, tags: Sequence[Tag]) -> Interval:
    older = previous(tags).get(tag.name)
    # Two tags of one second: the interval still holds the newer one's commit.
    start = min(older.at, tag.at - _SECOND) + _SECOND if older else None
    end = tag.at + _SECOND
    return Interval(start and start.astimezone(UTC), end.astimezone(UTC), release=True, releases=(release_id(repo, tag.name),))


def _series(name: str) -> str:
    """What stands before the version, or before the date of a nightly; "" for "v0.6.2", "0.6.2" and "release-0.6.2"."""
    match = _VERSION.search(name) or _WHOLE.match(name) or re.search(r"([0-9])", name)
    word = name[: match.start(1) if match else None].lower().rstrip("v-_/@=. ")
    return "" if word in _NO_SERIES else word


def _within(members: Sequence[tuple[Version | None, Tag]]) -> dict[str, Tag | None]:
    """The tag before each of one series."""
    nightlies = sorted((tag for _, tag in members if is_nightly(tag.name)), key=attrgetter("at", "name"))
    versions = sorted(
        ((key, tag.at, tag.name, tag) for key, tag in members if key is not None and not is_nightly(tag.name)),
        key=lambda item: item[:3],
    )
    ordered = [tag for *_, tag in versions]
    finals = [tag for tag in ordered if not is_prerelease(tag.name)]
    return {**_neighbours(nightlies), **_neighbours(ordered), **_neighbours(finals)}


def _neighbours(ordered: Sequence[Tag]) -> dict[str, Tag | None]:
    """For each tag the nearest before it that is not younger."""
    found: dict[str, Tag | None] = {}
    for place, tag in enumerate(ordered):
        earlier = (ordered[at] for at in range(place - 1, -1, -1) if ordered[at].at <= tag.at)
        found[tag.name] = next(earlier, None)
    return found


def _latest_before(tag: Tag, by_date: Sequence[Tag], *, outside: str | None = None) -> Tag | None:
    """The latest of ``by_date`` that is older than ``tag`` and not of the series ``outside``."""
    for place in range(bisect_left(by_date, tag.at, key=attrgetter("at")) - 1, -1, -1):
        if outside is None or _series(by_date[place].name) != outside:
            return by_date[place]
    return None
