"""Who brought what into a branch, which tag has what anew, and what of that is not on the branch: pure functions over a graph.

A commit lands when the first-parent chain of the branch (the mainline) first reaches it. Mainline commits land by themselves; a
merge on the mainline lands everything that its other parents bring. This is by the graph alone, as ``git log --first-parent``
sees it: after a foxtrot merge (the branch merged into local work, then pushed) the former mainline counts as brought by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kb.types import Tag


@dataclass(frozen=True)
class Graph:
    """Commits by SHA: committer dates in epoch seconds, and parents, first parent first (none at a shallow boundary)."""

    dates: Mapping[str, int]
    parents: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Landings:
    """``order``: every commit of the branch, oldest landing first and what a merge brought before the merge.

    For a longer branch with the same mainline the order only grows at its end. ``by``: the mainline commit that brought each.
    ``brought``: for each merge what it brought. ``reached``: everything that the branch reaches. ``cut``: where a shallow clone
    cut the mainline, in epoch seconds.
    """

    order: tuple[str, ...]
    by: Mapping[str, str]
    brought: Mapping[str, tuple[str, ...]]
    mainline: frozenset[str]
    reached: frozenset[str]
    cut: int | None


@dataclass(frozen=True)
class Ranges:
    """What tags have anew: what each contains and the tag before it does not.

    ``told``: the tags of which that is known, with the tag before each, oldest first. ``new`` maps a commit to the places in
    ``told`` of the tags that have it anew.
    """

    told: tuple[Tag, ...]
    new: Mapping[str, tuple[int, ...]]


def graph(rows: Iterable[tuple[str, int, Sequence[str]]]) -> Graph:
    """A graph from (sha, committer date, parents)."""
    dates: dict[str, int] = {}
    parents: dict[str, Sequence[str]] = {}
    for sha, date, above in rows:
        dates[sha] = date
        parents[sha] = above
    return Graph(dates, parents)


def mainline(known: Graph, tip: str) -> list[str]:
    """The first-parent chain of ``tip``, oldest first."""
    chain = []
    sha: str | None = tip
    while sha is not None:
        chain.append(sha)
        sha = next(iter(known.parents[sha]), None)
    chain.reverse()
    return chain


def landings(known: Graph, tip: str, boundary: frozenset[str] = frozenset()) -> Landings:
    """What landed on the branch of ``tip``, and with which mainline commit.

    Where a shallow clone (``boundary``) cut the mainline, a commit that is not newer than the cut may be an old mainline commit
    that a late merge of an old branch reaches by its side: nothing tells when it landed, so it is left out.
    """
    chain = mainline(known, tip)
    on_mainline = frozenset(chain)
    cut = known.dates[chain[0]] if chain[0] in boundary else None
    order: list[str] = []
    by: dict[str, str] = {}
    brought: dict[str, tuple[str, ...]] = {}
    seen = set(on_mainline)
    for merge in chain:
        side = [
            sha
            for parent in known.parents[merge][1:]
            for sha in _unseen_ancestors(known, parent, seen)
            if cut is None or known.dates[sha] > cut
        ]
        for sha in side:
            by[sha] = merge
        if side:
            brought[merge] = tuple(side)
        by[merge] = merge
        order += [*side, merge]
    return Landings(tuple(order), by, brought, on_mainline, frozenset(seen), cut)


def first_tags(known: Graph, tags: Iterable[Tag]) -> dict[str, str]:
    """For each commit that a tag contains, the name of the first such tag; ``tags`` are oldest first."""
    first: dict[str, str] = {}
    for tag in tags:
        waiting = [tag.sha]
        while waiting:
            sha = waiting.pop()
            if sha not in first and sha in known.parents:
                first[sha] = tag.name
                waiting.extend(known.parents[sha])
    return first


def reached(known: Graph, tip: str) -> frozenset[str]:
    """``tip`` and all of its ancestors."""
    return frozenset(_unseen_ancestors(known, tip, set()))


def ranges(known: Graph, tags: Iterable[Tag], previous: Mapping[str, str]) -> Ranges:
    """What ``tags`` (oldest first) have anew; ``previous`` maps each name to that of the tag before it.

    Of a tag whose commit, or that of the tag before it, is not in the graph nothing is known.
    """
    shas = {tag.name: tag.sha for tag in tags if tag.sha in known.parents}
    told = tuple(
        replace(tag, previous=previous.get(tag.name, ""))
        for tag in tags
        if tag.name in shas and (tag.name not in previous or previous[tag.name] in shas)
    )
    return Ranges(told, _new_in(known, [(tag.sha, shas.get(tag.previous)) for tag in told]))


def off_branch(
    known: Graph, found: Ranges, on_branch: Collection[str], *, since: int | None, cut: int | None
) -> tuple[str, ...]:
    """Commits that tags made at or after ``since`` (epoch seconds, None for all) have anew and that are not ``on_branch``.

    By the first of these tags, oldest first, and parents before children: a later tag only adds at the end. What is not newer
    than ``cut``, where a shallow clone cut the branch, may be on it: nothing tells, so it is left out.
    """
    begin = sum(since is not None and tag.at.timestamp() < since for tag in found.told)
    seen = set(on_branch)
    first: dict[str, int] = {}
    for sha in [sha for tag in found.told[begin:] for sha in _unseen_ancestors(known, tag.sha, seen)]:
        places = [place for place in found.new.get(sha, ()) if place >= begin]
        if places and (cut is None or known.dates[sha] > cut):
            first[sha] = places[0]
    return tuple(sorted(first, key=first.__getitem__))


def with_commits(found: Ranges, tags: Iterable[Tag], stored: Sequence[str]) -> tuple[Tag, ...]:
    """``tags``, each with what it has anew, as far as that is known; ``stored`` are the commits that are kept, latest last."""
    commits: list[list[str]] = [[] for _ in found.told]
    for sha in reversed(stored):
        for place in found.new.get(sha, ()):
            commits[place].append(sha)
    sizes = Counter(place for places in found.new.values() for place in places)
    filled = {
        tag.name: replace(tag, commits=tuple(own), beyond=sizes[place] - len(own))
        for place, (tag, own) in enumerate(zip(found.told, commits, strict=True))
    }
    return tuple(filled.get(tag.name, tag) for tag in tags)


def _new_in(known: Graph, ranges: Sequence[tuple[str, str | None]]) -> dict[str, tuple[int, ...]]:
    """For each commit the places of the ``ranges`` (newer, older) of which the newer end reaches it and the older does not.

    All ranges in one walk: of two bits for each, the even one says that the newer end reaches a commit, the odd one that the
    older does.
    """
    reached: dict[str, int] = {}
    for place, (newer, older) in enumerate(ranges):
        reached[newer] = reached.get(newer, 0) | 1 << 2 * place
        if older is not None:
            reached[older] = reached.get(older, 0) | 2 << 2 * place
    even = sum(1 << 2 * place for place in range(len(ranges)))
    found = {}
    for sha in _children_first(known):
        bits = reached.pop(sha, 0)
        if not bits:
            continue
        for parent in known.parents[sha]:
            reached[parent] = reached.get(parent, 0) | bits
        if own := bits & even & ~(bits >> 1):
            found[sha] = tuple(_places(own))
    return found


def _places(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() // 2
        bits ^= lowest


def _children_first(known: Graph) -> Iterator[str]:
    """Every commit, each after all of its children: dates cannot be trusted for that."""
    children = dict.fromkeys(known.parents, 0)
    for parents in known.parents.values():
        for parent in parents:
            children[parent] += 1
    ready = [sha for sha, count in children.items() if not count]
    while ready:
        sha = ready.pop()
        yield sha
        for parent in known.parents[sha]:
            children[parent] -= 1
            if not children[parent]:
                ready.append(parent)


def _unseen_ancestors(known: Graph, tip: str, seen: set[str]) -> list[str]:
    """``tip`` and its ancestors that are not in ``seen``, parents before children; adds them to ``seen``."""
    found: list[str] = []
    waiting = [(tip, False)]
    while waiting:
        sha, parents_done = waiting.pop()
        if parents_done:
            found.append(sha)
        elif sha not in seen:
            seen.add(sha)
            waiting.append((sha, True))
            waiting.extend((parent, False) for parent in reversed(known.parents[sha]))
    return found
