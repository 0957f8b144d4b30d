"""What every check of a page needs at hand: its statements, its links as records, and what these say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kb.check.resolve import Found, Resolved
from kb.check.targets import Target, of_link
from kb.check.types import EXACT, VERDICTS, Finding, Link, Page, Statement
from kb.facts import Facts, Said
from kb.safe import one_line
from kb.types import Record

_MOST_SHOWN = 160


@dataclass(frozen=True)
class Desk:
    """A page and the store's side of it. ``aliases`` maps what else leads to a record, an address or a key as shown, to its
    id."""

    page: Page
    found: Found
    facts: Facts
    aliases: Mapping[str, str]

    @cached_property
    def _said(self) -> dict[tuple[str, ...], Said]:
        return {}

    def ids(self, link: Link) -> tuple[str, ...]:
        """Ids of the records that speak for a link."""
        alias = self.aliases.get(link.url or link.text)
        resolved = self.resolved(link)
        return (alias,) if alias else resolved.ids if resolved else ()

    def resolved(self, link: Link) -> Resolved | None:
        """What a link was found to name; None for one to no record."""
        target = of_link(link)
        return self.found.of.get(target) if target else None

    def all_ids(self, links: Iterable[Link]) -> tuple[str, ...]:
        """Ids of the records that speak for some links, each once."""
        return tuple(dict.fromkeys(id for link in links for id in self.ids(link)))

    def records(self, ids: Iterable[str]) -> list[Record]:
        return [self.found.records[id] for id in ids]

    def said(self, ids: Iterable[str]) -> Said:
        """What some records say together."""
        key = tuple(sorted(set(ids)))
        if key not in self._said:
            self._said[key] = Said(self.records(key), self.facts)
        return self._said[key]

    def kind_of(self, target: Target) -> str:
        """What the store knows a target to be, which for a thread may differ from its address."""
        resolved = self.found.of.get(target)
        if target.kind in ("pull", "issue") and resolved and resolved.ids and not resolved.through:
            return self.found.records[resolved.ids[0]].kind
        return target.kind

    def record_links(self, container: int) -> Sequence[Link]:
        """The links to records in a container of the page."""
        if container not in self._linked:
            inside = self._inside.get(container, ())
            self._linked[container] = [link for said in inside for link in said.links if of_link(link)]
        return self._linked[container]

    @cached_property
    def _linked(self) -> dict[int, list[Link]]:
        return {}

    def inside(self, container: int) -> Sequence[Statement]:
        """The statements in a container of the page."""
        return self._inside.get(container, ())

    @cached_property
    def _inside(self) -> dict[int, list[Statement]]:
        found: dict[int, list[Statement]] = {}
        for statement in self.page.statements:
            for container in statement.within:
                found.setdefault(container, []).append(statement)
        return found


# From the worst to the best, as a reader has to know of them.
_ORDER = (*VERDICTS[1:], EXACT)


def judged(statement: Statement, problems: Sequence[tuple[str, str]], ids: Iterable[str] = ()) -> Finding:
    """The verdict of a statement by what is wrong with it, as (verdict, reason): the worst, or the first of several alike."""
    verdict, reason = min(problems, key=lambda problem: _ORDER.index(problem[0]), default=(EXACT, ""))
    return Finding(statement.line, verdict, one_line(statement.text, limit=_MOST_SHOWN), reason, tuple(ids))
