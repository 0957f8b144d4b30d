"""The highlights of a release, in the words of its notes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from kb.classify import category
from kb.report import cues
from kb.report.candidates import Candidate, candidates
from kb.report.types import Sentence
from kb.telling import CODE
from kb.text import query_tokens
from kb.types import Record

MOST = 4  # highlights
_LOOKED_AT = 150
_ENOUGH = 0.5

_LEFT_OUT = re.compile(
    r"contributor|full changelog|acknowledg|thank|credit|asset|checksum|install|upgrade guide|documentation|docs"
    r"|chore|ci\b|tests?\b"
    r"|dependenc|housekeeping|sponsor|贡献者"
)
_SECTIONS = (  # the first that the heading of an item has
    (re.compile(r"breaking|incompatib|removed|deprecat|不兼容"), 3.0),
    (re.compile(r"highlight|key|major|headline|tl ?dr|what's new|new feature|feature|added|new\b|新功能|亮点"), 2.0),
    (re.compile(r"perf|optimi|speed|model|hardware|性能"), 1.5),
)
_OF_KIND = {"reverts": 2.0, "features": 1.4, "performance": 1.5, "models": 1.3, "fixes": 0.6, "other": 0.4}
_NO_HIGHLIGHT = -2.0
_NEWCOMER = re.compile(r"made (?:their|his|her) first contribution|full changelog|new contributors?", re.I)


def told_release(sources: Iterable[tuple[str, Record]]) -> tuple[Sentence, ...]:
    """Up to four highlights (role "what"), in the order of the notes: what breaks and what is new before what was fixed."""
    for key, record in sources:
        known = candidates(record.body, most=_LOOKED_AT)
        scored = [(_score(candidate, record), candidate) for candidate in known if not candidate.leans]
        ranked = sorted((one for one in scored if one[0] >= _ENOUGH), key=lambda one: (-one[0], one[1].at))
        if chosen := _different(candidate for _, candidate in ranked):
            return tuple(Sentence(text=one.text, keys=(key,)) for one in sorted(chosen, key=lambda one: one.at))
    return ()


def _different(ranked: Iterable[Candidate]) -> list[Candidate]:
    """The best ones, none of which says what another has said."""
    chosen: list[Candidate] = []
    for candidate in ranked:
        said = any(len(candidate.tokens & other.tokens) >= 0.7 * len(candidate.tokens) for other in chosen)
        if not said and len(chosen) < MOST:
            chosen.append(candidate)
    return chosen


def _score(candidate: Candidate, record: Record) -> float:
    text = candidate.text
    if _NEWCOMER.search(text) or _LEFT_OUT.search(candidate.section) or cues.is_personal(text):
        return _NO_HIGHLIGHT
    if len(candidate.tokens - frozenset(query_tokens(record.title))) < 2:
        return _NO_HIGHLIGHT
    item = replace(record, kind="commit", title=text, body="", labels=(), files=(), links=())
    points = _OF_KIND.get(category(item), _NO_HIGHLIGHT)
    points += next((value for heading, value in _SECTIONS if heading.search(candidate.section)), 0.0)
    points += 0.2 * bool(CODE.search(text)) + 0.6 * cues.is_measured(text) + 0.3 * (len(text) > 60)
    return points - 0.5 * bool(cues.TRIVIAL.search(text)) - 0.3 * (not candidate.bullet) - 0.5 * ("://" in text)
