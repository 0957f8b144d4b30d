"""How much of what a question says a record holds: by meaning-bearing phrase, each weighted by its idf. Pure but for the
frequencies given.

Rank scores are relative to the best of one search and cannot tell a good best from a poor one; coverage is absolute, so it can.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from index.features import rarity
from kb.synonyms import concepts
from kb.text import STOPWORDS, lexical_fields, query_tokens, tokens
from kb.types import Record

_SYNONYM = 0.7  # of a phrase's weight when the record says it in other words
_DIFF = 0.5  # … when only its diff or its paths do
_UNKNOWN = 1.15  # times the largest idf, for a word that no record has

# Names: capitals inside a word or in the middle of a sentence, digits within letters, underscores, versions.
_NAME = re.compile(
    r"\b(?:v?\d+(?:\.\d+)+\w*|[A-Za-z]*[a-z][A-Z]\w*|[A-Z]{2,}\w*|\w+_\w+|[A-Za-z]+\d\w*|(?<=[a-z,] )[A-Z][a-z]{2,}\w*)"
)


class Covered(NamedTuple):
    """The weight of a topic's phrases that a record holds, of its names alone (1 where it has none), and of all that its title
    holds by itself; each 0 to 1."""

    coverage: float
    names: float
    titled: float


def covered(
    topic: str, record: Record, frequencies: Mapping[str, int], size: int, *, fields: Mapping[str, str] | None = None
) -> Covered:
    """How much of the topic the record holds.

    ``frequencies`` maps each token of the topic to how many of ``size`` messages have it. ``fields`` are the record's lexical
    fields, which are worked out where they are not given.
    """
    fields = lexical_fields(record) if fields is None else fields  # they take milliseconds for a large change
    message = set(fields.get("message", "").split())
    title = set(fields.get("subject", "").split())
    change = {token for name in ("paths", "diff") for token in fields.get(name, "").split()}
    asked = set(query_tokens(topic))
    names = {
        token for match in _NAME.finditer(topic) if match.group().lower() not in STOPWORDS for token in tokens(match.group())
    }
    total = held = titled = named_total = named_held = 0.0
    for concept in concepts(topic):
        own = asked.intersection(concept.own)
        weight = max((_weight(frequencies.get(token, 0), size) for token in own), default=0.0)
        if not weight:
            continue
        share = _share(own, concept.other, message, change)
        total += weight
        held += weight * share
        titled += weight * _share(own, concept.other, title, ())
        if own & names:
            named_total += weight
            named_held += weight * share
    named = named_held / named_total if named_total else 1.0
    return Covered(held / total, named, titled / total) if total else Covered(0.0, 1.0, 0.0)


def _weight(frequency: int, size: int) -> float:
    return rarity(frequency, size) if frequency else _UNKNOWN * math.log(size + 1)


def _share(own: Collection[str], other: Collection[str], message: Collection[str], change: Collection[str]) -> float:
    if any(token in message for token in own):
        return 1.0
    if any(token in message for token in other):
        return _SYNONYM
    return _DIFF if any(token in change for token in (*own, *other)) else 0.0
