"""The sentences of a body that a report could tell: whole, short, fit to stand by themselves. Pure.

What is looked at is bounded, whatever a body holds: its first paragraphs, and of these so many sentences.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from kb.report.cues import (
    LEANS,
    MID_THOUGHT,
    NO_PROSE,
    RUN_ON,
    STARTS_WITH_VERB,
    STATES,
    is_measured,
    points_back,
)
from kb.safe import TO_A_MACHINE, printable
from kb.telling import (
    ACTS,
    DANGLING,
    GENERATED,
    HEADING,
    LEAD_IN,
    LOOKED_AT,
    OPEN,
    REVERTS,
    SHORTEST,
    SMALL_TALK,
    clip,
    opening,
)
from kb.text import Sentence, mask, query_tokens, sentences, squeeze, width

LONGEST = 260  # characters, as it is shown
_LONGEST_RAW = 700  # with the addresses of links
_FEWEST_WORDS = 4
_LETTERS = 0.6  # of what is not white space, at least
_WRAPPED = 45  # characters: no shorter line of a paragraph is followed by a capital
_AROUND = 200  # characters that tell where a paragraph begins and ends

_ENDS = (".", "!", "。", "！", ".)", ".`", '."', ".'", ".”", "）", ".**", "。**")
_BRACKETS = (*OPEN, ("（", "）"), ("《", "》"), ("“", "”"))
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\([^()\s]{1,400}\)")
_ADDRESS = re.compile(r"https?://\S+")
_ENDS_IN_ADDRESS = re.compile(r"(?::|\be\.g\.?|\bsee) ?<?https?://\S+\Z", re.I)
_ANY_HEADING = re.compile(rf"(?:{HEADING.pattern})[^\n]{{0,100}}|^\s{{0,3}}[-*+]\s+\*\*[^*\n]{{1,60}}\*\*:?\s*$", re.M)
_LABEL_ONLY = re.compile(r"\*\*[^*]{1,80}\*\*[.:]?")
_PARAGRAPH_BEGINS = re.compile(r"(?:^\s*|\n[ \t\r]*\n[ \t]*)\Z")
_PARAGRAPH_ENDS = re.compile(r"[ \t\r]*(?:\Z|\n[ \t\r]*(?:\n|\Z|[-*+] ))")
_NAMES_FAULT = re.compile(r"This (?:issue|problem|error|bug|warning|failure)\b")
_NESTED = re.compile(r"(?:\n|\A)(?: {2,}|\t\s*)\S{1,3} +\Z")
_ITEM = re.compile(r"^\* \S", re.M)
_LOOSE_ITEM = re.compile(r"\n[ \t\r]*\n\* \S")
_LOOSE = 0.6  # of a list's items


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole sentence of a body: ``text`` is what would be told, ``at`` its place among the body's sentences.

    ``section`` is the heading above it, and the line that a list begins with, in lower case. ``bullet``: an item of a list,
    ``nested`` of a list in a list. ``generated``: a program summed the change up. ``item``: which commit of a list of commits
    it belongs to, from 1 on; 0 where the body is no such list. ``leans``: it needs the sentence before it to be understood.
    ``opens``: nothing that its author wrote stands before it. ``tokens`` are those of a question.
    """

    text: str
    at: int
    section: str = ""
    bullet: bool = False
    nested: bool = False
    generated: bool = False
    item: int = 0
    leans: bool = False
    opens: bool = False
    tokens: frozenset[str] = frozenset()


def candidates(body: str, *, longest: int = LONGEST, most: int = LOOKED_AT, questions: bool = False) -> list[Candidate]:
    """The sentences of a body that can be told, in order: of the first ``most``, those of up to ``longest`` characters, with
    ``questions`` these too."""
    text = opening(body)
    masked = mask(text)
    generated = match.start() if (match := GENERATED.search(text)) else len(text)
    heads = [(match.start(), _name(match[0])) for match in _ANY_HEADING.finditer(text)]
    starts = [start for start, _ in heads]
    items = _commits(text)
    found: list[Candidate] = []
    opens, lead, place = True, "", 0
    for at, sentence in enumerate(sentences(text)[:most]):
        above, place = place, bisect_right(starts, sentence.start)
        lead = _lead(sentence, lead if above == place else "")
        said = clip(sentence.text) if len(sentence.text) <= _LONGEST_RAW else ""
        if _is_whole(said, sentence, longest, questions) and _is_finished(masked, sentence):
            found.append(
                Candidate(
                    text=said,
                    at=at,
                    section=squeeze(f"{heads[place - 1][1] if place else ''} {lead}"),
                    bullet=sentence.bullet,
                    nested=sentence.bullet and bool(_NESTED.search(text[max(sentence.start - 20, 0) : sentence.start])),
                    generated=sentence.start >= generated,
                    item=bisect_right(items, sentence.start),
                    leans=_leans(said, opens=opens),
                    opens=opens,
                    tokens=frozenset(query_tokens(said)),
                )
            )
        opens = opens and len(sentence.text) < SHORTEST
    return found


def _leans(said: str, *, opens: bool) -> bool:
    if opens and said.startswith("This "):
        return bool(_NAMES_FAULT.match(said))  # at the head of a body it means the change
    return bool(DANGLING.match(said) or LEANS.match(said)) or (points_back(said) and not is_measured(said))


def _name(heading: str) -> str:
    return squeeze(re.sub(r"[^\w\s'&/-]|_", " ", heading)).lower()


def _lead(sentence: Sentence, lead: str) -> str:
    """What a list is said to be by the sentence before it ("Two gaps blocked that:"); ``lead`` as it was before."""
    if sentence.bullet:
        return lead
    return _name(sentence.text) if sentence.text.rstrip(" *").endswith((":", "：")) else ""


def _commits(text: str) -> list[int]:
    """Where the commits begin in a body that GitHub made of a branch: subjects as items with empty lines between them."""
    items = [match.start() for match in _ITEM.finditer(text)]
    loose = len(_LOOSE_ITEM.findall(text)) >= _LOOSE * (len(items) - 1)
    return items if len(items) > 1 and loose and text.lstrip().startswith("* ") else []


def _is_whole(said: str, sentence: Sentence, longest: int, questions: bool) -> bool:
    """Whether a clipped sentence is complete, of a fit length, for people, and balanced in its marks."""
    raw = squeeze(sentence.text)
    shown = _LINK.sub(r"\1", said).replace("**", "")
    if len(shown) > longest or width(shown) < SHORTEST or (len(shown.split()) < _FEWEST_WORDS and shown.isascii()):
        return False
    if printable(raw) != raw or "![" in raw or "|" in raw or ("<" in raw and squeeze(mask(raw)) != raw):
        return False
    if raw.endswith((":", "：")) or (raw.endswith(("?", "？")) and not questions) or raw.startswith(('"', "“")):
        return False
    if LEAD_IN.search(raw.rstrip(";,") if sentence.bullet else raw) or _LABEL_ONLY.fullmatch(raw) or RUN_ON.search(said):
        return False
    if any(pattern.match(said) for pattern in (SMALL_TALK, REVERTS)) or NO_PROSE.match(raw) or TO_A_MACHINE.search(said):
        return False
    return _is_balanced(said) and _is_prose(shown) and not _is_glued(sentence.text)


def _is_balanced(said: str) -> bool:
    even = not any(said.count(mark) % 2 for mark in ("`", "**", '"'))
    return even and all(said.count(left) == said.count(right) for left, right in _BRACKETS)


def _is_prose(shown: str) -> bool:
    """Whether words are most of it, not signs, and no address stands for what it means to say."""
    if _ENDS_IN_ADDRESS.search(shown):
        return False
    without = _ADDRESS.sub("", shown)
    solid = "".join(shown.split())
    return (without == shown or len(without) >= 40) and sum(map(str.isalpha, solid)) >= _LETTERS * len(solid)


def _is_glued(text: str) -> bool:
    """Whether lines that are no paragraph stand in one: a heading above a sentence, or one statement a line."""
    lines = [line.strip() for line in text.split("\n")]
    return any(len(line) < _WRAPPED and after[:1].isupper() for line, after in pairwise(lines))


def _is_finished(masked: str, sentence: Sentence) -> bool:
    """An item of a list is as long as its line; a sentence ends in its mark, or is a paragraph that says what is done."""
    raw = squeeze(sentence.text)
    before = masked[max(sentence.start - _AROUND, 0) : sentence.start]
    paragraph = bool(_PARAGRAPH_BEGINS.search(before)) and not (raw[0].islower() and MID_THOUGHT.match(raw))
    begins = not raw[0].islower() or bool(STARTS_WITH_VERB.match(raw)) or not raw.split()[0].isalpha() or paragraph
    if sentence.bullet:
        return begins
    if raw.endswith((*_ENDS, "?", "？")):
        return begins and not before.rstrip(" \n").endswith(("；", ";"))
    after = masked[sentence.start + len(sentence.text) :][:_AROUND]
    acts = any(pattern.search(raw) for pattern in (ACTS, STATES, STARTS_WITH_VERB))
    return paragraph and bool(_PARAGRAPH_ENDS.match(after)) and len(raw.split()) > _FEWEST_WORDS and acts
