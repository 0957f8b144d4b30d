"""What was said of a record beside its text: comments and reviews of a thread, pages of a paper. Bounded. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from kb.types import Note, Quote, Record
from kb.web.markup import badge, join, link, tag, text
from kb.web.prose import foreign_markdown, foreign_text
from kb.web.reader import Reader

NOTES = 50  # until more are asked for
_CHARACTERS = 6_000  # of a note
_TYPICAL = 1_200
_TONES = {"approved": ("good", "check"), "changes_requested": ("warn", "warning")}


def notes_html(
    record: Record, reader: Reader, *, quote: Quote | None = None, most: int = NOTES, level: int = 3
) -> Markup | None:
    """The first notes, ``most`` at most and less where they are long, and the one that is quoted.

    A button ``data-more="notes"`` says how many there are, with ``data-shown`` for the next call.
    """
    if not record.notes:
        return None
    quoted = record.notes.index(quote.note) if quote and quote.note in record.notes else None
    chosen = sorted({*range(_fitting(record.notes, most)), *([] if quoted is None else [quoted])})
    pages = all(note.kind == "page" for note in record.notes)
    tell = _page if pages else _comment
    shown = [tell(record.notes[at], quote.text if quote and at == quoted else "", reader) for at in chosen]
    group = "pages" if pages else "comments"
    heading = tag(f"h{level}", reader.counted(group, len(record.notes)))
    more = _more(record, len(chosen), most, reader) if len(chosen) < len(record.notes) else None
    return tag("section", heading, *shown, more, class_=f"kb-{group}")


def _fitting(notes: Sequence[Note], most: int) -> int:
    """How many of the first notes are shown: a thread of long ones is as long a page as one of many."""
    room = most * _TYPICAL
    for at, note in enumerate(notes[:most]):
        room -= min(len(note.text), _CHARACTERS)
        if room < 0:
            return max(at, 1)
    return min(most, len(notes))


def _more(record: Record, shown: int, most: int, reader: Reader) -> Markup:
    label = reader.ui.record["more notes"].format(shown=f"{shown:,}", total=f"{len(record.notes):,}")
    return tag("button", label, type="button", class_="kb-more", data_more="notes", data_shown=most, data_id=record.id)


def _comment(note: Note, quote: str, reader: Reader) -> Markup:
    words = reader.ui.record
    author = text(note.author, limit=60) or words["someone"]
    verdict = note.verdict.lower()
    tone, sign = _TONES.get(verdict, ("quiet", ""))
    head = [
        tag("strong", author),
        badge(words[verdict], tone, sign=sign) if verdict in _VERDICTS else None,
        link(reader.day(note.at), note.url),
    ]
    body = tag("div", foreign_markdown(note.text[:_CHARACTERS], quote=quote, table=reader.ui.ask["table"]), class_="kb-prose")
    return tag(
        "div",
        tag("p", join(head, " "), class_="kb-facts"),
        body,
        cut_html(len(note.text), _CHARACTERS, reader),
        class_="kb-comment",
    )


_VERDICTS: Sequence[str] = ("approved", "changes_requested", "commented", "dismissed", "pending")


def _page(note: Note, quote: str, reader: Reader) -> Markup:
    label = reader.ui.record["page"].format(page=text(note.verdict, limit=12))
    body = tag("div", foreign_text(note.text[:_CHARACTERS], quote=quote), class_="kb-plain")
    return tag(
        "details",
        tag("summary", label),
        body,
        cut_html(len(note.text), _CHARACTERS, reader),
        link(reader.ui.record["pdf"], note.url),
        open=bool(quote),
    )


def cut_html(total: int, limit: int, reader: Reader) -> Markup | None:
    """That a text is not shown whole; None where it is."""
    if total <= limit:
        return None
    return tag("p", reader.ui.record["cut"].format(shown=f"{limit:,}", total=f"{total:,}"), class_="kb-dim")
