"""Groups of an answer's records, and what is counted of them: by group, their authors, the lines that they changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kb.classify import GROUPS, category
from kb.facts import totals
from kb.lines import View


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted of the records that an answer lists.

    ``groups`` maps group (of kb.classify.GROUPS) to how many records stand in it, those that a merge brought included.
    ``authors`` are different names; ``additions`` and ``deletions`` count lines, a merge's once, not again for what it brought.
    """

    groups: Mapping[str, int]
    authors: int = 0
    additions: int = 0
    deletions: int = 0


def grouped(views: Sequence[View]) -> dict[str, list[View]]:
    """Group to its views, in the order of GROUPS; without empty ones."""
    groups: dict[str, list[View]] = {group: [] for group in GROUPS}
    for view in views:
        groups[_group(view)].append(view)
    return {group: members for group, members in groups.items() if members}


def _group(view: View) -> str:
    """A merge is listed by what it brought, where it does not say itself what it is."""
    own = category(view.subject)
    if own != "other" or not view.brought:
        return own
    return min((category(child.record) for child in view.brought), key=GROUPS.index)


def count(members: Sequence[View], ids: Collection[str]) -> int:
    """How many of the records ``ids`` stand in these views."""
    return sum(id in ids for view in members for id in view.ids)


def figures(groups: Mapping[str, Sequence[View]], ids: Collection[str]) -> Figures:
    """What is counted of the records ``ids``, each once, as far as the views have them."""
    shown = [view for members in groups.values() for view in members if any(id in ids for id in view.ids)]
    authors = {name.casefold() for view in shown for name in _authors(view) if name}
    sizes = [totals(record) for record in {view.changed.id: view.changed for view in shown}.values()]
    return Figures(
        {group: found for group, members in groups.items() if (found := count(members, ids))},
        len(authors),
        sum(added for added, _ in sizes),
        sum(deleted for _, deleted in sizes),
    )


def _authors(view: View) -> list[str]:
    """Who wrote it: of a merge, the authors of what it brought."""
    return [child.subject.author.strip() for child in view.brought] or [view.subject.author.strip()]
