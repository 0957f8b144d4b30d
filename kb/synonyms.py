"""English paraphrases to the words that commits use: a question's vocabulary is its asker's, not the author's. Pure.

The table (``data/synonyms_en.txt``) maps what a symptom or a thing is called in plain words to the field's terms ("picking
tokens" to sampling,
"keeps climbing" to leak, Hopper to sm90). Expansion only adds words: it can bring a record up, never hide one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

from kb.text import query_tokens, tokens


@cache
def _table() -> Mapping[tuple[str, ...], str]:
    text = resources.files("kb").joinpath("data/synonyms_en.txt").read_text(encoding="utf-8")
    rows = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for phrase, _, words in rows:  # phrases that differ by an ending only ("stall", "stalls") have the same tokens
        found.setdefault(tuple(tokens(phrase)), {}).update(dict.fromkeys(words.split()))
    return {phrase: " ".join(words) for phrase, words in found.items()}


@cache
def _longest() -> int:
    return max(map(len, _table()))


@dataclass(frozen=True)
class Concept:
    """A phrase of a text: its ``own`` tokens and the ``words`` it is called by in commits (none for a phrase not in the
    table)."""

    own: tuple[str, ...]
    words: tuple[str, ...] = ()

    @cached_property
    def other(self) -> frozenset[str]:
        """Tokens of ``words``."""
        return frozenset(token for word in self.words for token in tokens(word))


def concepts(text: str) -> list[Concept]:
    """``text`` as phrases, in order, the longest of the table first; each token of it is in exactly one."""
    found: list[Concept] = []
    words = tokens(text)
    at = 0
    while at < len(words):
        for length in range(min(_longest(), len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            other = _table().get(phrase)
            if other is not None:
                found.append(Concept(phrase, tuple(other.split())))
                break
        else:
            length = 1
            found.append(Concept((words[at],)))
        at += length
    return found


def expansions(text: str) -> list[str]:
    """What the phrases of ``text`` are called in commits, in order; without what it already says."""
    said = set(tokens(text))
    words = (word for concept in concepts(text) for word in concept.words)
    return list(dict.fromkeys(word for word in words if not set(tokens(word)) <= said))


def expansion_tokens(text: str) -> list[str]:
    """Distinct lexical tokens of the expansions that the text itself does not have."""
    own = set(tokens(text))
    return [token for token in query_tokens(" ".join(expansions(text))) if token not in own]
