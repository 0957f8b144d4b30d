"""What was reverted and brought back within one window: the two belong together, and neither is what mattered most. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kb.classify import category
from kb.lines import shown_title
from kb.report.types import Entry
from kb.text import query_tokens

_ALIKE = 0.8  # share of the words of two titles
_FEWEST = 3  # words that a title has to have, to be known by them
_BRINGS_BACK = re.compile(
    r"\bre-?(?:land|appl(?:y|ies|ied)|introduc|instat|enabl)\w*|\bbring\w* back\b|\brestor\w+|重新合入", re.I
)
_AROUND = re.compile(
    r"^\W*(?:re-?land(?:s|ed|ing)?|re-?appl(?:y|ies|ied))\b\W*|\(#\d+\)"
    r"|[,(]?\s*\b(?:fixed|again|take \d|v\d|re-?land(?:ed)?)\)?\s*$",
    re.I,
)
_REVERT = re.compile(r"^\W*(?:\[[^\]]*\]\s*)?revert(?:s|ed)?\b[\s:]*", re.I)


def with_relands(entries: Sequence[Entry]) -> list[Entry]:
    """The entries in their order; a revert and the later change of the window that brings back what it took out name each
    other, and the latter is no revert."""
    found = {entry.id: entry for entry in entries}
    by_time = sorted(entries, key=_at)
    for at, revert in enumerate(by_time):
        if revert.group != "reverts":
            continue
        later = (found[entry.id] for entry in by_time[at + 1 :] if entry.view.record.repo == revert.view.record.repo)
        if back := next((entry for entry in later if not entry.relands and _brings_back(entry, revert)), None):
            found[revert.id] = replace(found[revert.id], relanded=back.view.key)
            found[back.id] = replace(back, relands=revert.view.key, group=_own_group(back))
    return [found[entry.id] for entry in entries]


def _at(entry: Entry) -> tuple[float, str]:
    event = entry.view.event
    return (event.at if event else entry.view.record.at).timestamp(), entry.id


def _brings_back(entry: Entry, revert: Entry) -> bool:
    """Whether a change reverts the revert, says so, or has the title of what it had reverted."""
    subject = entry.view.subject
    if any(
        other.id in revert.ids for other in (*entry.view.reverts, *(entry.view.commit.reverts if entry.view.commit else ()))
    ):
        return True
    if _BRINGS_BACK.search(subject.title) and any(
        _names(f"{subject.title}\n{subject.body}", name) for name in _known_as(revert)
    ):
        return True
    words = _words(subject.title)
    return any(_alike(words, _words(title)) for title in _undone(revert))


def _known_as(revert: Entry) -> Iterable[str]:
    """By what a text can name the revert: its pull request, or the beginning of its commit's name."""
    pull = revert.view.pull or (revert.view.commit.pull if revert.view.commit else "")
    return [*([f"#{pull}"] if pull else []), revert.view.subject.ref[:7]]


def _names(text: str, name: str) -> bool:
    end = r"(?!\d)" if name.startswith("#") else ""
    return re.search(rf"(?<!\w){re.escape(name)}{end}", text) is not None


def _undone(revert: Entry) -> Iterable[str]:
    """Titles of what was reverted: as it is stored, and as the revert's own title quotes it."""
    yield from (other.record.title for other in revert.view.reverts if other.record)
    yield _REVERT.sub("", shown_title(revert.view.subject, revert.view.pull))


def _words(title: str) -> frozenset[str]:
    bare = _REVERT.sub("", _AROUND.sub("", title.strip()))
    return frozenset(query_tokens(_AROUND.sub("", bare)))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return min(len(one), len(other)) >= _FEWEST and len(one & other) >= _ALIKE * len(one | other)


def _own_group(entry: Entry) -> str:
    """What a change that brings something back would be, had it been the first."""
    if entry.group != "reverts":
        return entry.group
    subject = entry.view.subject
    title = re.sub(r"[\"“”]", "", _REVERT.sub("", _REVERT.sub("", subject.title).lstrip("\"'“")))
    group = category(replace(subject, title=title, links=()))
    return "versions" if group == "releases" else group
