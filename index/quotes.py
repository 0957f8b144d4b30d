"""The words of a record that answer a question: a verbatim sentence of its message or its notes, or the hunk of its diff."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from index.cards import significant_files
from kb.patch import hunks
from kb.text import sentences, tokens
from kb.types import Note, Quote, Record

_LONGEST = 400
_HUNK_LINES = 12
_FILES = 8
_TITLE = 1.1  # a title says it best where it says as much
_NOTE = 0.9  # what others said of it comes after its own words
_NOTES = 6
_RAREST = 6


def best_quote(record: Record, weights: Mapping[str, float], *, exact: Collection[str] = ()) -> Quote:
    """The sentence that holds most of ``weights`` (token -> weight), the title where none holds more; verbatim.

    Where an identifier in ``exact`` stands in the diff and not in the message, the hunk that changes it is quoted instead.
    """
    if exact and not any(name in record.title or name in record.body for name in exact):
        found = _hunk(record, exact)
        if found:
            return found
    if not weights:  # nothing is looked for: nothing holds more of it
        return Quote(record.title)
    best, best_score = Quote(record.title), _score(record.title, weights) * _TITLE
    for text, note in _texts(record, weights):
        for sentence in sentences(text):
            if len(sentence.text) <= _LONGEST:
                score = _score(sentence.text, weights) * (_NOTE if note else 1.0)
                if score > best_score:
                    best, best_score = Quote(sentence.text, note=note), score
    return best


def _texts(record: Record, weights: Mapping[str, float]) -> Iterator[tuple[str, Note | None]]:
    """The body, then the notes that hold the rarest words: a paper has dozens of pages, a thread hundreds of comments."""
    yield record.body, None
    rarest = sorted(weights, key=weights.__getitem__, reverse=True)[:_RAREST]
    held = [(sum(word in note.text.lower() for word in rarest), note) for note in record.notes]
    for count, note in sorted(held, key=lambda item: -item[0])[:_NOTES]:
        if count:
            yield note.text, note


def _score(text: str, weights: Mapping[str, float]) -> float:
    return math.fsum(weights[token] for token in set(tokens(text)) if token in weights)  # exact: equals stay equal


def _hunk(record: Record, exact: Collection[str]) -> Quote | None:
    for file in significant_files(record.files)[:_FILES]:
        for hunk in hunks(file.patch):
            lines = hunk.text.split("\n")
            line_number = hunk.start
            for at, line in enumerate(lines):
                if line[:1] in "+-" and line and any(name in line for name in exact):
                    first = max(0, at - 2)
                    return Quote("\n".join(lines[first : first + _HUNK_LINES]), file.path, line_number)
                line_number += not line.startswith("-")
    return None
