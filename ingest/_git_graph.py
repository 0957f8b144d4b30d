"""Who brought what into a branch, and which tag has what anew: pure functions over a commit graph.

A commit lands when the first-parent chain of the branch (the mainline) first reaches it. Mainline commits land by themselves; a
merge on the mainline lands everything that its other parents bring. This is by the graph alone, as ``git log --first-parent``
sees it: after a foxtrot merge (the branch merged into local work, then pushed) the former mainline counts as brought by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


def with_commits(known: Graph, tags: Sequence[Tag], previous: Mapping[str, str], stored: Sequence[str]) -> tuple[Tag, ...]:
    """``tags``, each with what it contains and the tag before it does not; ``previous`` maps name to name.

    ``stored`` are the commits of the branch that are kept, oldest first. A tag whose commit, or that of the tag before it, is
    not in the graph is left as it is: what it has anew is not known.
    """
    shas = {tag.name: tag.sha for tag in tags if tag.sha in known.parents}
    told = [tag for tag in tags if tag.name in shas and (tag.name not in previous or previous[tag.name] in shas)]
    new = _new_in(known, [(tag.sha, shas[previous[tag.name]] if tag.name in previous else None) for tag in told])
    commits: list[list[str]] = [[] for _ in told]
    beyond = [0] * len(told)
    for sha in reversed(stored):
        for place in new.pop(sha, ()):
            commits[place].append(sha)
    for places in new.values():
        for place in places:
            beyond[place] += 1
    ranges = {
        tag.name: replace(tag, previous=previous.get(tag.name, ""), commits=tuple(own), beyond=off)
        for tag, own, off in zip(told, commits, beyond, strict=True)
    }
    return tuple(ranges.get(tag.name, tag) for tag in tags)


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
