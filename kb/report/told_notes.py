"""What a change says by the notes that it writes: the lines that it adds to a change log. Pure.

Many a project lands a release as one commit without a message; what is new stands in the change log that it touches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kb.report.told_release import told_release
from kb.report.types import Sentence
from kb.text import squeeze
from kb.types import FileChange, Record

_NOTES = re.compile(
    r"(?:^|/)(?:(?:change|release)[-_]?(?:log|notes?)|changes|history|news|whats[-_]?new)[^/]*\.(?:md|rst|txt)$", re.I
)
_ITEM = re.compile(r"\s*[-*+•]\s+(?=\S)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_ENDED = re.compile(r"[.!?。！？][)`\"']*$")
_MOST_ROWS = 400
_SHORT_HEAD = 50  # characters


def told_notes(sources: Iterable[tuple[str, Record]]) -> tuple[Sentence, ...]:
    """Up to four lines (role "what") that the first source with such a file adds to it; each stands in a patch as it is."""
    for key, record in sources:
        rows = list(_added(record.files))
        notes = replace(record, body="\n\n".join(rows))
        told = [text for sentence in told_release([(key, notes)]) if (text := _as_it_stands(sentence.text, rows))]
        # Lines that stand one behind another need an end; one by itself does not.
        if kept := [text for text in told if _ENDED.search(text)] or told[:1]:
            return tuple(Sentence(text=text, keys=(key,)) for text in kept)
    return ()


def _added(files: Sequence[FileChange]) -> Iterator[str]:
    """The headings and the items of one line that were added, an item with one mark before it."""
    for file in files:
        if _NOTES.search(file.path):
            rows = [row for row in file.patch.split("\n")[:_MOST_ROWS] if not row.startswith("-")]
            for row, after in zip(rows, [*rows[1:], ""], strict=True):
                if row.startswith("+") and _HEADING.match(row[1:]):
                    yield row[1:].strip()
                elif row.startswith("+") and _ITEM.match(row[1:]) and not (_goes_on(after) or _is_head(row, after)):
                    yield f"- {_ITEM.sub('', row[1:], count=1).strip()}"


def _goes_on(row: str) -> bool:
    """Whether a line goes on with the item above it."""
    text = row[1:]
    return bool(text.strip()) and text[:1].isspace() and not _ITEM.match(text)


def _is_head(row: str, after: str) -> bool:
    """Whether an item only says what those below it are."""
    above, below = _ITEM.match(row[1:]), _ITEM.match(after[1:])
    deeper = bool(above and below and len(below[0]) > len(above[0]))
    return deeper and len(row) < _SHORT_HEAD and not _ENDED.search(row)


def _as_it_stands(text: str, rows: Sequence[str]) -> str:
    """The sentence as one of the rows has it; "" where none does."""
    whole = [squeeze(row) for row in rows]
    return next((form for form in (text, text.removesuffix(".")) if any(form in row for row in whole)), "")
