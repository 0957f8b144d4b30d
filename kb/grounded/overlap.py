"""Whether a sentence speaks of what its records speak of: how many of its words stand in them, in any form. Pure.

Words alone bear nothing out; but a sentence of which hardly one stands in what it cites was not made from that. A Chinese
sentence is compared by what the glossary makes of it in English, and by its own characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kb.glossary import translate
from kb.text import query_tokens, tokens
from kb.types import Record

LEAST = 0.3  # of a sentence's words, in all that it cites together
LEAST_OF_ONE = 0.15  # … and in each of several records
# How anything is told of: no record has to say them.
_TELLING = frozenset(
    query_tokens(
        "author authors user users reporter they reports asks says proposes proposal suggests change commit pull request issue"
        " release paper post pr now new also which because while"
    )
)


def is_far(text: str, records: Sequence[Record], *, least: float = LEAST) -> bool:
    """Whether less than that share of a sentence's words stands in the records."""
    words = [word for word in _said(text) if word not in _TELLING]
    known = frozenset[str]().union(*(_words_of(_all_of(record)) for record in records))
    return sum(word in known for word in words) < least * len(words)


def _said(text: str) -> list[str]:
    """The words of a sentence; of Chinese those that the glossary has, and without any of them its characters."""
    found = query_tokens(translate(text))
    return [word for word in found if word.isascii()] or found


def _all_of(record: Record) -> str:
    dates = [f"{event.kind} {event.at:%Y-%m-%d}" for event in record.events]
    files = [f"{file.path} {file.patch}" for file in record.files]
    parts = [record.title, record.body, record.author, record.repo, record.ref, record.state, *record.labels, *dates, *files]
    return "\n".join(parts)


@lru_cache(maxsize=256)
def _words_of(text: str) -> frozenset[str]:
    return frozenset([*tokens(text), *tokens(translate(text))])
