"""Who brought what into a branch: pure functions over a commit graph.

A commit lands when the first-parent chain of the branch (the mainline) first reaches it. Mainline commits land by themselves; a
merge on the mainline lands everything that its other parents bring. This is by the graph alone, as ``git log --first-parent``
sees it: after a foxtrot merge (the branch merged into local work, then pushed) the former mainline counts as brought by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
