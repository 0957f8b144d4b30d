"""The entries of our own reports: what belongs to each, and which records it is the entry of. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kb.check.desk import Desk
from kb.check.types import Link, Statement

CODE = re.compile(r"(?<!`)(`+)(?!`)(?P<text>.+?)(?<!`)\1(?!`)")
_CLOSE = re.compile(r"[)）]")
OPEN = re.compile(r"\s*[(（]\s*\Z")
NUMBER = re.compile(r"(?<![\w/])#(\d{1,9})\b")
CHILD = "↳"


@dataclass
class Told:
    """An entry as the page has it: its head or row, what stands below it, and its records."""

    head: Statement
    subjects: tuple[str, ...] = ()
    parts: list[Statement] = field(default_factory=list)
    children: list[tuple[Statement, tuple[str, ...]]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [*self.subjects, *(id for _, ids in self.children for id in ids)]


def told_entries(desk: Desk, statements: Iterable[Statement]) -> list[Told]:
    """The entries among the statements of a repository's part of the page, with what belongs to each."""
    found: list[Told] = []
    by_item: dict[int, Told] = {}
    for statement in statements:
        items = [at for at in statement.within if desk.page.kinds[at] == "item"]
        if statement.kind == "row":
            said = with_keys(statement, desk)
            if statement.text.startswith(CHILD) and found:
                found[-1].children.append((said, subjects(said, desk)))
            else:
                found.append(Told(said, subjects(said, desk)))
        elif len(items) == 1 and statement.kind == "item":
            said = with_keys(statement, desk)
            by_item[items[0]] = Told(said, subjects(said, desk))
            found.append(by_item[items[0]])
        elif items and items[0] in by_item:
            told = by_item[items[0]]
            said = with_keys(statement, desk)
            if statement.kind == "item":
                told.children.append((said, subjects(said, desk)))
            else:
                told.parts.append(said)
    return found


def with_keys(statement: Statement, desk: Desk) -> Statement:
    """The statement with the keys of records that have no address as links."""
    if statement.kind == "fence":
        return statement
    taken = [(link.start, link.end) for link in statement.links]
    own = [
        Link(match["text"], "", *match.span())
        for match in CODE.finditer(statement.text)
        if match["text"] in desk.aliases and not any(start <= match.start() < end for start, end in taken)
    ]
    return replace(statement, links=tuple(sorted([*statement.links, *own], key=lambda link: link.start))) if own else statement


def subject_links(statement: Statement) -> tuple[Link, ...]:
    """The links that say what an entry is of: those up to the bracket that closes behind its title."""
    links = statement.links
    if not links or not OPEN.search(statement.text[: links[0].start]):
        return links[:1]
    ends = [*(link.start for link in links[1:]), len(statement.text)]
    for at, (link, end) in enumerate(zip(links, ends, strict=True)):
        if _CLOSE.search(statement.text, link.end, end):
            return links[: at + 1]
    return links


def subjects(statement: Statement, desk: Desk) -> tuple[str, ...]:
    """Ids of the records that an entry or a line of what a merge brought is of."""
    links = subject_links(statement)
    ids = [id for link in links for id in desk.ids(link) if not _through(link, desk)]
    if links and ids:
        behind = statement.text[links[-1].end :]
        number = NUMBER.search(_CLOSE.split(behind, maxsplit=1)[0])
        repo = desk.found.records[ids[0]].repo
        if number and f"pull:{repo}#{number[1]}" in desk.found.records:
            ids.append(f"pull:{repo}#{number[1]}")
    return tuple(dict.fromkeys(ids))


def _through(link: Link, desk: Desk) -> bool:
    resolved = desk.resolved(link)
    return bool(resolved and resolved.through)
