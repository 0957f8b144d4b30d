"""Whether a sentence repeats the request instead of the evidence: what a model was told is nobody's business. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kb.facts import plain

_RUN = 6  # words, or Chinese characters, that two texts have in common by no accident
_WORD = re.compile(r"[a-z0-9']+|[\u3400-\u9fff]")


def runs(texts: Iterable[str]) -> frozenset[str]:
    """Every run of so many words in some texts."""
    return frozenset(run for text in texts for run in _runs(text))


def repeats(text: str, told: frozenset[str], evidence: Iterable[str]) -> bool:
    """Whether ``text`` has a run of words from what was told that the evidence has not."""
    shared = told.intersection(_runs(text))
    return bool(shared) and not shared <= runs(evidence)


def _runs(text: str) -> Iterator[str]:
    words = _WORD.findall(plain(text).lower())
    return (" ".join(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1))
