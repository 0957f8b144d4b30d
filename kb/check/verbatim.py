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
_END = re.compile(r"(?P<mark>[.!?。！？…][\"'`)”’）」]{0,2}(?=\s)|[。！？](?=\S))|(?<=[^\s.!?])(?=\s[A-Z`\"(])")
_MOST_ENDS = 120
_MARKS = re.compile(r"\[(?P<text>[^\[\]]{1,200})\]\([^()\s]{1,400}\)|\*\*")  # of links and of bold words, as kb.escape.prose
_WITHIN_ROW = re.compile(r"[ \t\r`]+")
_NOTHING = re.compile(r"[\s`]+")


def letters(text: str) -> str:
    """A text without white space and code marks: what is left of it whichever way it was made inert."""
    return _NOTHING.sub("", text)


def title_letters(record: Record) -> frozenset[str]:
    """The letters of a record's title as a page may show it."""
    numbers = ["", *(target.rpartition("#")[2] for target in record.linked("pull")), *_NUMBER.findall(record.title)]
    titles = {shown_title(record, number) for number in numbers}
    return frozenset(letters(shorten(title, LONGEST_TITLE)) for title in titles)


def is_verbatim(text: str, records: Sequence[Record], *, leads: Sequence[str] = ()) -> bool:
    """Whether a paragraph is made of whole sentences of the records, clipped as a report clips them, or of parts of theirs;
    one of ``leads`` may stand before each."""
    reached = [0]
    for end in [*list(_END.finditer(text))[:_MOST_ENDS], None]:  # a sentence may hold what looks like the end of one
        at = end.end() if end else len(text)
        whole = end is None or end["mark"] is not None
        if any(_stands(said, records, whole=whole) for start in reversed(reached) for said in _led(text[start:at], leads)):
            reached.append(at)
    return reached[-1] == len(text) and bool(letters(text))


def _led(text: str, leads: Sequence[str]) -> Iterator[str]:
    """The letters of a sentence, and without what stands before it."""
    said = letters(text)
    yield said
    rests = (said.removeprefix(letters(lead)) for lead in leads if said.startswith(letters(lead)))
    yield from filter(None, rests)  # it stands before something


def _stands(wanted: str, records: Sequence[Record], *, whole: bool) -> bool:
    """Whether letters stand in a record; ``whole``: they are a sentence with its end, else a row has to end with them."""
    if not whole:
        return any(f"{wanted}\n" in _rows(text) for record in records for text in (record.body, *_patches(record)))
    return not wanted or any(
        wanted in _sentences(record.body)
        or any(wanted in _shown(part) for part in _parts(record))
        or any(wanted in _rows(patch) for patch in _patches(record))
        for record in records
    )


def _patches(record: Record) -> Iterator[str]:
    yield from (file.patch for file in record.files if file.patch)


def _parts(record: Record) -> Iterator[str]:
    yield record.title
    yield record.body
    yield from (note.text for note in record.notes)


@lru_cache(maxsize=256)
def _sentences(body: str) -> frozenset[str]:
    """The letters of the clipped sentences of a body as a page shows them."""
    return frozenset(_shown(clip(sentence.text)) for sentence in sentences(opening(body))) - {""}


@lru_cache(maxsize=256)
def _rows(text: str) -> str:
    """The letters of a text, row by row."""
    shown = _MARKS.sub(lambda mark: mark["text"] or "", text)
    return f"{_WITHIN_ROW.sub('', shown)}\n"


@lru_cache(maxsize=512)
def _shown(text: str) -> str:
    """The letters of a text as a page shows it."""
    return letters(as_shown(prose(text)))


def shown_name(name: str, limit: int) -> str:
    """A name or a title as the page shows it."""
    return as_shown(inert(shorten(name, limit)))


def as_shown(markdown: str) -> str:
    """Inert Markdown as a reader sees it, code in backticks."""
    return _ESCAPED.sub(r"\1", markdown).replace("&lt;", "<").replace("&amp;", "&")
