"""The records of a long answer in pieces: of each section the first ones, the others when they are asked for. Pure.

A browser draws some hundred records at once, and is busy for half a minute with five thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONG = 200  # records; with no more of them an answer is drawn whole
FIRST = 20  # of each section of a longer one
MOST = 400  # of a longer one in all
NEXT = 200  # that are drawn when more are asked for


@dataclass(frozen=True, slots=True)
class Part:
    """Some Markdown. ``left`` items of its last list are not in it, the first of them is in line ``line`` of the whole."""

    markdown: str
    line: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class _List:
    items: tuple[int, ...]  # the line where each begins
    end: int  # the line after the last one


def folded(markdown: str, *, offset: int = 0) -> Iterator[Part]:
    """Markdown that kb.render wrote, without what of a long one is not drawn at once. ``offset``: lines before it."""
    lines = markdown.split("\n")
    lists = list(_lists(lines))
    drawn = at = 0
    if sum(len(each.items) for each in lists) > LONG:
        for each in lists:
            count = min(FIRST, MOST - drawn, len(each.items))
            drawn += count
            left = len(each.items) - count
            if left:
                line = each.items[count]
                yield Part("\n".join(lines[at:line]), line + offset, left)
                at = each.end
    yield Part("\n".join(lines[at:]))


def unfolded(markdown: str, line: int) -> Part:
    """What stands in a list from its item in that line on, but no more than NEXT items; empty where none begins there."""
    lines = markdown.split("\n")
    for each in _lists(lines):
        if line in each.items:
            items = each.items[each.items.index(line) :]
            end = items[NEXT] if len(items) > NEXT else each.end
            return Part("\n".join(lines[line:end]), end, max(len(items) - NEXT, 0))
    return Part("")


def _lists(lines: Sequence[str]) -> Iterator[_List]:
    """The lists at the margin; what is indented belongs to the item above it."""
    items: list[int] = []
    fence = False
    for number, line in enumerate(lines):
        if line.startswith("```"):
            fence = not fence
        if line.startswith("- ") and not fence:
            items.append(number)
        elif items and line and not line.startswith(" "):
            yield _List(tuple(items), number)
            items = []
    if items:
        yield _List(tuple(items), len(lines))
