"""Records that a question names exactly: by number, SHA or path, or by an identifier that their message or diff holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from kb.catalog import Catalog, Filter
from kb.neighbours import neighbours
from kb.text import FIELDS, tokens
from kb.types import Record, Scope

_REFERENCE = re.compile(r"(?:[\w.-]+/[\w.-]+)?#\d+|[0-9a-f]{7,40}|arxiv:.+|[\w.-]+/[\w.-]+@\S+", re.I)
_NUMBERED = re.compile(r"([\w.-]+/[\w.-]+)?#(\d+)")
_WANTED: Mapping[str, tuple[str, ...]] = {
    "fixed-by": ("fixed-by",),
    "reverted-by": ("reverted-by",),
    "implemented-by": ("mentioned-by",),
    "fixes": ("fixes",),
    "reverts": ("reverts",),
    "paper": ("paper",),
}
_CANDIDATES = 150  # of each field; an identifier in more commits than that is a common word
_READ = 80  # records whose diffs are looked through

_ADDED = re.compile(
    r"\b(introduc\w*|c[oa]mes? (?:from|in)|br(?:ought|ings?) in|add(?:s|ed)?|first|new|appear(?:s|ed)?|origin\w*|born|creat\w*"
    r"|start(?:s|ed)?)\b|引入|新增|添加|加[入进上了的]|来自|最早|首次|创建",
    re.I,
)
_REMOVED = re.compile(
    r"\b(disappear\w*|remov\w*|no longer|gone|drop(?:s|ped)?|replac\w*|renam\w*|delet\w*|deprecat\w*|vanish\w*|instead|went)\b"
    r"|不见|移除|删|去掉|替[代换]|取代|改名|没有?了",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A record that holds an identifier; ``score`` in 0..1 tells how much it is about it."""

    doc: int
    score: float


def is_reference(identifier: str) -> bool:
    """Whether it names a record by itself: #123, owner/name#123, a SHA, an arXiv id or owner/name@tag."""
    return bool(_REFERENCE.fullmatch(identifier))


def named(catalog: Catalog, scope: Scope, filter: Filter) -> list[Named]:
    """Records that the scope's identifiers name, best first: references exactly, then what adds, removes or mentions the rest.

    A question of where something comes from wants the earliest commit that adds it; one of where it went, the latest that
    takes it away; and one of what fixed an issue wants what is linked to it, before the issue itself.
    """
    scores: dict[int, float] = {}
    for identifier in scope.identifiers:
        found = (
            [*_related(catalog, identifier, scope.relation, filter), *_referenced(catalog, identifier, filter)]
            if is_reference(identifier) or _is_release(catalog, scope, identifier)
            else _holding(catalog, scope.question, identifier, filter)
        )
        for item in found:
            scores[item.doc] = max(scores.get(item.doc, 0.0), item.score) + (0.01 if item.doc in scores else 0.0)
    return [Named(doc, min(score, 1.0)) for doc, score in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))]


def _is_release(catalog: Catalog, scope: Scope, identifier: str) -> bool:
    """Whether a version is asked for as a release that is there ("when was v0.6.2 released?"), not as a word of messages."""
    return "release" in (*scope.kinds, *scope.implied_kinds) and bool(catalog.find_ref(identifier, repos=scope.repos))


def _related(catalog: Catalog, identifier: str, relation: str, filter: Filter) -> list[Named]:
    """What the scope's relation wants of the named record: what fixed it, say. First what the store links most directly."""
    wanted = _WANTED.get(relation, ())
    if not wanted:
        return []
    named = catalog.briefs(catalog.find_ref(identifier, repos=filter.repos))
    ids = dict.fromkeys([*(brief.id for brief in named), *_numbered(identifier, filter.repos or catalog.repos())])
    beside = neighbours(catalog, list(ids), as_of=filter.as_of)
    linked = [item.id for items in beside.values() for item in items if item.rel in wanted and item.record]
    docs = catalog.docs(linked)
    allowed = _allowed(catalog, list(docs.values()), filter)
    return [Named(docs[id], 1.0 - 0.01 * rank) for rank, id in enumerate(dict.fromkeys(linked)) if docs[id] in allowed]


def _numbered(identifier: str, repos: Sequence[str]) -> list[str]:
    """Ids that a number may stand for: what fixed an issue can be told although the issue itself is not stored."""
    match = _NUMBERED.fullmatch(identifier)
    if not match:
        return []
    return [f"issue:{repo}#{match[2]}" for repo in ([match[1]] if match[1] else repos)]


def _referenced(catalog: Catalog, identifier: str, filter: Filter) -> list[Named]:
    docs = catalog.find_ref(identifier, repos=filter.repos)
    allowed = _allowed(catalog, docs, filter)
    # A tag names its release before the commit that it stands on.
    found = sorted((brief for brief in catalog.briefs(docs) if brief.doc in allowed), key=lambda brief: brief.kind != "release")
    return [Named(brief.doc, 1.0 - 0.02 * rank) for rank, brief in enumerate(found)]


def _allowed(catalog: Catalog, docs: Sequence[int], filter: Filter) -> Collection[int]:
    """Those of ``docs`` within the window and of the kinds; records that are gone may still be named."""
    return catalog.passing(replace(filter, repos=(), include_gone=True, once=False, states=()), docs)


def _holding(catalog: Catalog, question: str, identifier: str, filter: Filter) -> list[Named]:
    whole = tokens(identifier)[:1] if "/" not in identifier and "." not in identifier else tokens(identifier)[-3:]
    docs: dict[int, None] = {}
    for field in FIELDS:
        docs.update(dict.fromkeys(doc for doc, _ in catalog.lexical(field, whole, filter=filter, limit=_CANDIDATES)))
    chosen = list(docs)[:_READ]
    records = catalog.records(chosen)
    pattern = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(identifier)}(?![A-Za-z0-9_])")
    removed, added = bool(_REMOVED.search(question)), bool(_ADDED.search(question))
    scored = [(doc, record, _evidence(record, pattern, identifier)) for doc, record in zip(chosen, records, strict=True)]
    held = [(doc, record, found) for doc, record, found in scored if found.any]
    held.sort(key=lambda item: item[1].at, reverse=removed)
    result = [Named(doc, found.score(removed=removed, added=added)) for doc, _, found in held]
    # Between equals the order in time decides: the first that added, the last that removed.
    return [Named(item.doc, item.score - 0.001 * min(rank, 90)) for rank, item in enumerate(result)]


@dataclass(frozen=True, slots=True)
class _Evidence:
    title: bool
    body: bool
    path: str  # status of a file with this path: A, D, M, …; "" where none has it
    plus: int
    minus: int

    @property
    def any(self) -> bool:
        return self.title or self.body or bool(self.path) or self.plus + self.minus > 0

    def score(self, *, removed: bool, added: bool) -> float:
        base = 0.3 + 0.12 * self.title + 0.06 * self.body + 0.1 * bool(self.path)
        if removed:
            gone = self.path == "D" or (self.minus > 0 and self.plus == 0)
            return base + (0.45 if gone else 0.25 if self.minus > self.plus else 0.0)
        if added:
            new = self.path == "A" or (self.plus > 0 and self.minus == 0)
            return base + (0.45 if new else 0.2 if self.plus > self.minus else 0.0)
        return base + 0.15 * self.title + min(self.plus + self.minus, 10) * 0.02


def _evidence(record: Record, pattern: re.Pattern[str], identifier: str) -> _Evidence:
    plus = minus = 0
    path = ""
    for file in record.files:
        if identifier in (file.path, file.old_path) or file.path.endswith(f"/{identifier}"):
            path = file.status
        if identifier not in file.patch:  # most have not, and a search is fast where a loop over the lines is not
            continue
        for line in file.patch.split("\n"):
            if line[:1] == "+" and pattern.search(line):
                plus += 1
            elif line[:1] == "-" and pattern.search(line):
                minus += 1
    return _Evidence(bool(pattern.search(record.title)), bool(pattern.search(record.body)), path, plus, minus)
