"""Versions and "the last release" as intervals, from a repository's tags. Pure.

A release spans what came after the release before it, by version order, up to and including its own tag. Git dates
have whole seconds, and a
lightweight tag carries its commit's own date, so that a release's interval runs from one second after the older tag
to one second after the newer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta

from kb.periods import Interval, UnresolvableError
from kb.types import Tag

_SECOND = timedelta(seconds=1)
_VERSION = re.compile(r"(?:^|[^0-9.])([0-9]{1,6}(?:\.[0-9]{1,9}){1,3})(.*)$", re.S)
_WHOLE = re.compile(r"v([0-9]{1,6})()$", re.I)
_PRERELEASE = re.compile(r"rc|alpha|beta|nightly|dev|pre|post|preview|snapshot|^[-._]?[ab][0-9]", re.I)


def version_key(name: str) -> tuple[tuple[int, ...], bool, str] | None:
    """Sort key (numbers, final rather than prerelease, suffix) of a tag's name; None where it holds no version."""
    match = _VERSION.search(name) or _WHOLE.match(name)
    if match is None:
        return None
    numbers = tuple(int(part) for part in match[1].split("."))
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    suffix = match[2]
    early = bool(_PRERELEASE.search(suffix) and not re.search("post", suffix, re.I))
    return numbers, not early, suffix


def is_prerelease(name: str) -> bool:
    """Whether a tag is a release candidate, nightly, post-release or the like."""
    match = _VERSION.search(name)
    before = name[: match.start(1)] if match else name
    return bool(_PRERELEASE.search((match[2] if match else "") + " " + before))


def last(tags: Mapping[str, Sequence[Tag]], *, back: int = 0) -> Interval:
    """The newest release by date, or the one ``back`` before it; prereleases count only where there is nothing else.

    Raises:
        UnresolvableError: no tags, or tags of several repositories, so that "the last release" is not one thing.
    """
    repo_tags = [list(group) for group in tags.values() if group]
    if len(repo_tags) != 1:
        raise UnresolvableError("no single repository with releases")
    finals = sorted(_finals(repo_tags[0]), key=lambda tag: tag.at)
    if back >= len(finals):
        raise UnresolvableError("not that many releases")
    return _interval(finals[-1 - back], repo_tags[0])


def named(text: str, tags: Mapping[str, Sequence[Tag]]) -> Interval:
    """The release that a version names ("v0.6.2", "0.6.2", "v0.6".

    V0.6.0 or the first of its series), or a tag by its whole name.

    Raises:
        UnresolvableError: no repository has it, or several have.
    """
    found = [(tag, group) for group in tags.values() for tag in [_find(text, group)] if tag is not None]
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
    series = sorted((key, tag.at, tag) for key, tag in keyed if key[0][:length] == wanted[0])
    return same[0] if same else series[0][2] if series and length < 3 else None


def _finals(tags: Sequence[Tag]) -> list[Tag]:
    versions = [tag for tag in tags if version_key(tag.name) is not None]
    return [tag for tag in versions if not is_prerelease(tag.name)] or versions or list(tags)


def _interval(tag: Tag, tags: Sequence[Tag]) -> Interval:
    end = tag.at.astimezone(UTC) + _SECOND
    earlier = _predecessors(tag, tags)
    start = earlier[-1].at.astimezone(UTC) + _SECOND if earlier else None
    return Interval(start if start is None or start < end else None, end, release=True)


def _predecessors(tag: Tag, tags: Sequence[Tag]) -> list[Tag]:
    own = version_key(tag.name)
    finals = _finals(tags)
    if own is None:
        return sorted((other for other in finals if other.at < tag.at), key=lambda other: other.at)
    keyed = [(key, other.at, other) for other in finals if (key := version_key(other.name)) is not None]
    older = [item for item in keyed if item[0] < own and item[1] < tag.at]
    return [other for _, _, other in sorted(older, key=lambda item: item[:2])]
