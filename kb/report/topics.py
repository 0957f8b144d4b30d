"""Whether an entry speaks of a topic. Pure; words are compared as everywhere else, by kb.text's tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from kb.report.types import Entry
from kb.telling import key_files
from kb.text import clean, tokens
from kb.types import Record

_BODY_CHARACTERS = 8_000
_KEY_FILES = 5  # a change of a thousand files speaks of everything


def topic_factors(entry: Entry, topics: Mapping[str, float]) -> dict[str, float]:
    """topic -> by how much it multiplies the entry's score, for each that the entry names.

    A topic that stands in a title, a label or a path counts in full; one of which only a body speaks counts by its square root
    if it raises the score, and not at all if it lowers it: bodies speak of much.
    """
    if not topics:
        return {}
    records = [view.record for view in (entry.view, entry.view.commit, entry.also, entry.view.landed) if view]
    records += [child.record for child in entry.view.brought]
    foremost = {token for record in records for token in _foremost(record)}
    bodies = {token for record in records for token in tokens(clean(record.body[:_BODY_CHARACTERS]))}
    found: dict[str, float] = {}
    for topic, weight in topics.items():
        if names(topic, foremost):
            found[topic] = weight
        elif weight > 1 and names(topic, bodies):
            found[topic] = weight**0.5
    return found


def _foremost(record: Record) -> list[str]:
    paths = " ".join(file.path for file in key_files(record.files, _KEY_FILES))
    return tokens(f"{record.title} {' '.join(record.labels)} {paths}")


def names(topic: str, words: Collection[str]) -> bool:
    """Whether all words of a topic are among the tokens, each as it is written or by its parts."""
    forms = _forms(topic)
    return bool(forms) and all(
        form[0] in words or (len(form) > 1 and all(part in words for part in form[1:])) for form in forms
    )


@lru_cache(maxsize=1_000)
def _forms(topic: str) -> tuple[tuple[str, ...], ...]:
    """Of each word of a topic its tokens, the whole one first."""
    return tuple(form for form in (tuple(tokens(word)) for word in topic.split()) if form)
