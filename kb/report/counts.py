"""What a report counts: entries by group, records, lines, files, authors. Pure; the summary and the check agree on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kb.facts import totals
from kb.report.types import GROUPS, Entry

_NO_CHANGES = frozenset({"opened pulls", "closed pulls", "opened issues", "closed issues", "papers", "posts", "hub"})


@dataclass(frozen=True, kw_only=True)
class Counts:
    """``records`` of the window in all; ``groups`` maps group to how many entries; ``changes`` counts those of them that
    changed the code, ``authors``, ``files`` (different paths), ``added`` and ``deleted`` lines are theirs."""

    records: int = 0
    changes: int = 0
    authors: int = 0
    files: int = 0
    added: int = 0
    deleted: int = 0
    groups: dict[str, int] = field(default_factory=dict)


def counts(entries: Sequence[Entry]) -> Counts:
    """The counts of some entries, of a repository's or of all."""
    changed = [entry for entry in entries if is_change(entry)]
    sizes = [totals(entry.view.changed) for entry in changed]
    found = Counter(entry.group for entry in entries)
    return Counts(
        records=sum(len(entry.records) for entry in entries),
        changes=len(changed),
        authors=len({entry.view.subject.author for entry in changed} - {""}),
        files=len({(entry.view.record.repo, file.path) for entry in changed for file in entry.view.changed.files}),
        added=sum(added for added, _ in sizes),
        deleted=sum(deleted for _, deleted in sizes),
        groups={group: found[group] for group in GROUPS if found[group]},
    )


def is_change(entry: Entry) -> bool:
    """Whether it is a change of the code: a commit, a merge or a merged pull request."""
    return entry.view.record.kind in ("commit", "pull") and entry.group not in _NO_CHANGES
