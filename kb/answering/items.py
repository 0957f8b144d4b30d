"""What of an answer is put to a model: every record that matches, under opaque keys, in as many parts as its context asks for.

A record has its dates, its author, and the passage that the search found; then of its text, its files and its patch as much as
there is room for. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from kb.grounded.evidence import Case, cleaned, is_order, speaks_to_a_machine, tokens_of, without_orders, written_out
from kb.safe import one_line, printable
from kb.telling import telling_sentence
from kb.text import squeeze
from kb.types import Answer, Evidence, Note, Record

LEAST_ROOM = 100  # tokens of evidence below which a model is not asked

_LEAST_SHARE, _USUAL_SHARE, _MOST_SHARE = 80, 160, 1_500  # tokens of a record
_SHARES = 12  # of a small room
_ROOM_FOR_TEXT = 400  # tokens of a record: with fewer, one sentence stands for its text
_LAST_NOTES = 3
_LONGEST_NOTE = 1_500
_LONGEST_BODY = 14_000  # characters, where notes follow it
_LONGEST_PASSAGE = 400
_LONGEST_NAME = 60
_TOLD = ("landed", "merged", "closed", "opened", "reopened", "released", "tagged", "published", "revised")


@dataclass(frozen=True)
class Item:
    """A record as evidence. ``whole`` is what it says, ``shown`` what of that a model may see and build on."""

    label: str
    whole: Evidence
    shown: Evidence


@dataclass(frozen=True)
class Part:
    """Items that are put to a model together, with so many tokens of room for all of them."""

    items: tuple[Item, ...]
    room: int


def items_of(answer: Answer) -> tuple[Item, ...]:
    """The records that an answer rests on: of a set question those that match, else also what stands beside them."""
    matched = set(answer.matched)
    is_set = answer.scope.intent in ("window", "compare")
    found = [one for one in answer.evidence if not is_set or one.record.id in matched]
    chosen = [one for one in found if not speaks_to_a_machine(one.record)]
    return tuple(_item(f"S{at}", one, notes=not is_set) for at, one in enumerate(chosen, 1))


def _item(label: str, found: Evidence, *, notes: bool) -> Item:
    whole = replace(found, record=_with_notes(found, found.record) if notes or found.quote.note else found.record)
    return Item(label, whole, replace(whole, record=cleaned(whole.record)))


def _with_notes(found: Evidence, record: Record) -> Record:
    """The record with what was said below it, the note that the search found first, as part of its body."""
    said = [note for note in record.notes if note.kind != "page"][-_LAST_NOTES:]
    first = [found.quote.note] if found.quote.note else []
    rest = [note for note in said if note not in first]
    texts = [*map(_note, first), record.body[:_LONGEST_BODY] if rest else record.body, *map(_note, rest)]
    return replace(record, body="\n\n".join(text for text in texts if text))


def _note(note: Note) -> str:
    head = f"Page {note.verdict}:" if note.kind == "page" else f"{note.verdict or 'comment'} by {note.author}:"
    text = without_orders(printable(note.text[: 4 * _LONGEST_NOTE]))[:_LONGEST_NOTE]
    return f"{one_line(head, limit=_LONGEST_NAME)}\n{text}" if text else ""


# --- parts -------------------------------------------------------------------------------------------------------------------


def parts_of(items: Sequence[Item], room: int, zone: tzinfo) -> list[Part]:
    """All items in parts, each within ``room`` tokens as far as a record can be cut."""
    parts: list[Part] = []
    chosen: list[Item] = []
    left = room
    for item in items:
        size = tokens_of(_written(item, _share(len(items), room), zone, repos=True)) + 1
        if chosen and size > left:
            parts.append(Part(tuple(chosen), room))
            chosen, left = [], room
        chosen.append(item)
        left -= size
    return [*parts, Part(tuple(chosen), room)] if chosen else parts


def halved(part: Part, least: int) -> list[Part]:
    """The part in two, each with half the room, or a single record with half the room; nothing where that is too little."""
    room = part.room // 2
    if room < max(least, LEAST_ROOM):
        return []
    middle = (len(part.items) + 1) // 2
    return [Part(items, room) for items in (part.items[:middle], part.items[middle:]) if items]


def case_of(part: Part, zone: tzinfo) -> Case:
    """What is written out for a model."""
    share = _share(len(part.items), part.room)
    repos = len({item.whole.record.repo for item in part.items}) > 1
    texts = [_written(item, share, zone, repos=repos) for item in part.items]
    return Case(
        "",
        "\n\n".join(texts),
        {item.label: item.whole.key for item in part.items},
        {item.whole.key: item.shown for item in part.items},
    )


def _share(count: int, room: int) -> int:
    """How many tokens each of so many records has."""
    least = max(_LEAST_SHARE, min(_USUAL_SHARE, room // _SHARES))
    return min(max(room // count, least), _MOST_SHARE, room)


def _written(item: Item, share: int, zone: tzinfo, *, repos: bool) -> str:
    record, quote = item.shown.record, item.shown.quote
    title = one_line(record.title, limit=max(share, _LEAST_SHARE))
    lead = list(_lead(record, zone, repos=repos))
    if share < _ROOM_FOR_TEXT:
        said = telling_sentence(record)
        record = replace(record, body=said or record.body)
    elif not quote.path and not quote.note and _is_news(quote.text, record):
        lead.append(f"Passage: {one_line(quote.text, limit=_LONGEST_PASSAGE)}")
    hunk = quote if quote.path and not is_order(quote.text) else None
    return written_out(item.label, replace(record, title=title), share, hunk=hunk, lead=lead)


def _is_news(text: str, record: Record) -> bool:
    return bool(text) and squeeze(text) not in squeeze(record.title) and not is_order(text)


def _lead(record: Record, zone: tzinfo, *, repos: bool) -> Iterator[str]:
    if repos and record.repo:
        yield f"Repository: {one_line(record.repo)}"
    merged = any(event.kind == "merged" for event in record.events)
    told = [event for event in record.events if event.kind in _TOLD and not (merged and event.kind == "closed")]
    if told:
        yield f"Dates: {', '.join(f'{event.kind} {event.at.astimezone(zone):%Y-%m-%d}' for event in told)}"
    if record.author.strip():
        yield f"Author: {one_line(record.author, limit=_LONGEST_NAME)}"
