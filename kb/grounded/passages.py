"""What of some records a sentence may rest on, in pieces about as long as itself: a few, those that share most words with it.

They are titles, what a record is and when, sentences, two sentences in a row, and groups of lines of patches. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from kb.glossary import translate
from kb.grounded.evidence import kind_of
from kb.patch import hunks
from kb.safe import one_line
from kb.telling import key_files
from kb.text import query_tokens, sentences, tokens
from kb.types import FileChange, Record

MOST = 16  # each costs a model about 20 ms of a core
_LONGEST = 400  # characters of a passage
_READ = 20_000  # characters of a body or a patch
_MOST_SENTENCES, _MOST_FILES, _MOST_GROUPS = 300, 6, 60
_LINES = 6  # of a patch, in a group


def passages(text: str, records: Sequence[Record]) -> tuple[str, ...]:
    """At most MOST passages of the records, those first that share most words with a sentence."""
    wanted = frozenset(query_tokens(translate(text)))
    found = {passage: len(wanted & words) for record in records for passage, words in _of(record)}
    return tuple(sorted(found, key=found.__getitem__, reverse=True)[:MOST])


@lru_cache(maxsize=64)
def _of(record: Record) -> tuple[tuple[str, frozenset[str]], ...]:
    """The record's passages, each with its words."""
    told = (one_line(passage, limit=_LONGEST) for passage in _texts(record))
    return tuple((passage, frozenset(tokens(translate(passage)))) for passage in dict.fromkeys(told) if passage)


def _texts(record: Record) -> Iterator[str]:
    happened = ", ".join(f"{event.kind} {event.at:%Y-%m-%d}" for event in record.events)
    yield record.title
    yield f"{kind_of(record)} by {record.author or 'nobody named'}: {happened}"
    said = [one.text for one in sentences(record.body[:_READ], code=True)[:_MOST_SENTENCES]]
    yield from said
    yield from (f"{first} {second}" for first, second in pairwise(said))
    yield from _groups(key_files(record.files, _MOST_FILES))


def _groups(files: Sequence[FileChange]) -> Iterator[str]:
    count = 0
    for file in files:
        for hunk in hunks(file.patch[:_READ]):
            lines = [line[1:].strip() for line in hunk.text.split("\n") if line[1:].strip()]
            for at in range(0, len(lines), _LINES):
                if count == _MOST_GROUPS:
                    return
                count += 1
                yield " ".join([file.path, *lines[at : at + _LINES]])
