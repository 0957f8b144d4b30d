"""A paper as arXiv's feed has it, to a record. Pure; texts are hostile, and of any length."""

from __future__ import annotations

from collections.abc import Iterator

import arxiv

from ingest._arxiv_feed import identity
from ingest._arxiv_text import Text
from kb.types import Event, Note, Record

MOST_AUTHORS = 200
_ABSTRACT = 50_000  # characters; arXiv itself takes 1,920
_LINE = 2_000
_LABELS = 50


def name(paper: arxiv.Result) -> str:
    """Id and version: "2602.02061v2"; the id alone where the feed tells no version."""
    id, version = _identity(paper)
    return f"{id}v{version}" if version else id


def record(paper: arxiv.Result, text: Text | None) -> Record:
    """The record of a paper; ``text`` is its full text, None where that was not asked for."""
    id, version = _identity(paper)
    names = [line for author in paper.authors if (line := _line(author.name))]
    events = [Event("published", paper.published)]
    if paper.updated != paper.published:
        events.append(Event("revised", paper.updated))
    return Record(
        id=f"paper:arxiv:{id}",
        kind="paper",
        repo="",
        ref=id,
        title=_line(paper.title),
        body=paper.summary.strip()[:_ABSTRACT],
        url=f"https://arxiv.org/abs/{id}",
        author=names[0] if names else "",
        labels=tuple(dict.fromkeys(filter(None, map(_line, (paper.primary_category, *paper.categories)))))[:_LABELS],
        events=tuple(events),
        marks=tuple(_marks(paper, names, text)),
        meta=tuple(_meta(paper, names, version)),
        notes=tuple(_notes(paper, text)) if text else (),
    )


def _identity(paper: arxiv.Result) -> tuple[str, int]:
    found = identity(paper.entry_id)
    if found is None:
        raise ValueError(f"not an id of arXiv's: {paper.entry_id!r}")
    return found


def _marks(paper: arxiv.Result, names: list[str], text: Text | None) -> Iterator[str]:
    if len(names) > MOST_AUTHORS:
        yield "authors-cut"
    if text and text.error:
        yield "no-full-text"
    if (text and text.cut) or len(paper.summary.strip()) > _ABSTRACT:
        yield "truncated"


def _meta(paper: arxiv.Result, names: list[str], version: int) -> Iterator[tuple[str, str]]:
    for one in names[:MOST_AUTHORS]:
        yield "author", one
    if len(names) > MOST_AUTHORS:
        yield "authors", str(len(names))
    pairs = (
        ("version", str(version) if version else ""),
        ("comment", paper.comment),
        ("journal_ref", paper.journal_ref),
        ("doi", paper.doi),
        ("pdf", paper.pdf_url),
        ("primary_category", paper.primary_category),
    )
    for key, value in pairs:
        if line := _line(value or ""):
            yield key, line


def _notes(paper: arxiv.Result, text: Text) -> Iterator[Note]:
    place = f"https://arxiv.org/pdf/{name(paper)}"
    for number, page in text.pages:
        yield Note(kind="page", at=paper.updated, text=page, verdict=str(number), url=f"{place}#page={number}")


def _line(text: str) -> str:
    return " ".join(text[: _LINE * 2].split())[:_LINE]
