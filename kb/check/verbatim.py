"""Whether text of a page stands in a record as it is, seen through the escaping that makes it inert. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from kb.escape import inert, prose, shorten
from kb.lines import shown_title
from kb.render import LONGEST_TITLE
from kb.telling import clip, opening
from kb.text import sentences
from kb.types import Record

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_NUMBER = re.compile(r"\(#(\d+)\)\s*\Z")
_NOTHING = re.compile(r"[\s`]+")


def letters(text: str) -> str:
    """A text without white space and code marks: what is left of it whichever way it was made inert."""
    return _NOTHING.sub("", text)


def title_letters(record: Record) -> frozenset[str]:
    """The letters of a record's title as a page may show it."""
    numbers = ["", *(target.rpartition("#")[2] for target in record.linked("pull")), *_NUMBER.findall(record.title)]
    titles = {shown_title(record, number) for number in numbers}
    return frozenset(letters(shorten(title, LONGEST_TITLE)) for title in titles)


def is_verbatim(text: str, records: Sequence[Record]) -> bool:
    """Whether a paragraph is made of whole sentences of the records, clipped as a report clips them, or of parts of theirs."""
    rest = letters(text)
    known = sorted({sentence for record in records for sentence in _sentences(record.body)}, key=len, reverse=True)
    while rest and (found := next((sentence for sentence in known if rest.startswith(sentence)), "")):
        rest = rest[len(found) :]
    parts = sentences(text)
    return not rest or (bool(parts) and all(_stands(part.text, records) for part in parts))


def _stands(sentence: str, records: Sequence[Record]) -> bool:
    wanted = letters(sentence)
    return any(wanted in letters(_shown(part)) for record in records for part in _parts(record))


def _parts(record: Record) -> Iterator[str]:
    yield record.title
    yield record.body
    yield from (note.text for note in record.notes)


@lru_cache(maxsize=256)
def _sentences(body: str) -> frozenset[str]:
    """The letters of the clipped sentences of a body as a page shows them."""
    return frozenset(letters(_shown(clip(sentence.text))) for sentence in sentences(opening(body))) - {""}


@lru_cache(maxsize=128)
def _shown(text: str) -> str:
    return _read(prose(text))


def shown_name(name: str, limit: int) -> str:
    """A name or a title as the page shows it."""
    return _read(inert(shorten(name, limit)))


def _read(markdown: str) -> str:
    """Inert Markdown as a reader sees it, code in backticks."""
    return _ESCAPED.sub(r"\1", markdown).replace("&lt;", "<").replace("&amp;", "&")
