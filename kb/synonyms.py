"""English paraphrases to the words that commits use: a question's vocabulary is its asker's, not the author's. Pure.

The table (``data/synonyms_en.txt``) maps what a symptom or a thing is called in plain words to the field's terms ("picking tokens" to sampling,
"keeps climbing" to leak, Hopper to sm90). Expansion only adds words: it can bring a record up, never hide one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from kb.text import query_tokens, tokens


@cache
def _table() -> Mapping[tuple[str, ...], str]:
    text = resources.files("kb").joinpath("data/synonyms_en.txt").read_text(encoding="utf-8")
    rows = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {tuple(tokens(phrase)): words.strip() for phrase, _, words in rows}


@cache
def _longest() -> int:
    return max(map(len, _table()))


def expansions(text: str) -> list[str]:
    """What the phrases of ``text`` are called in commits, in order, longest match first; without what it already says."""
    found: dict[str, None] = {}
    words = tokens(text)
    said = set(words)
    at = 0
    while at < len(words):
        for length in range(min(_longest(), len(words) - at), 0, -1):
            other = _table().get(tuple(words[at : at + length]))
            if other is not None:
                found.update(dict.fromkeys(word for word in other.split() if not set(tokens(word)) <= said))
                at += length
                break
        else:
            at += 1
    return list(found)


def expansion_tokens(text: str) -> list[str]:
    """Distinct lexical tokens of the expansions that the text itself does not have."""
    own = set(tokens(text))
    return [token for token in query_tokens(" ".join(expansions(text))) if token not in own]
