"""A record as a page or beside an answer: what it is, what happened to it, its text or its changes, what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

from markupsafe import Markup

from kb.catalog import Catalog, Filter
from kb.citations import keys
from kb.escape import web
from kb.facts import totals
from kb.lines import shown_title
from kb.neighbours import Neighbour, neighbours
from kb.types import Event, Quote, Record
from kb.web.diff_html import LINES, counts_html, diff_html, hunk_html
from kb.web.markup import badge, chip, icon, join, link, tag, text
from kb.web.prose import foreign_markdown, foreign_text, without_boilerplate
from kb.web.reader import Reader
from kb.web.thread_html import NOTES, cut_html, notes_html

TITLE = 400  # characters
BODY = 30_000
_LABELS = 20
_EVENTS = 12
_MARKS = ("off-branch", "merge", "boundary", "missing-blobs", "no-patch", "truncated")
_STATES = {"open": ("good", "issue"), "closed": ("quiet", "check"), "merged": ("done", "pull")}
_BODY_OF = {"commit": "message", "pull": "description", "issue": "description", "release": "notes", "paper": "abstract"}


@dataclass(frozen=True)
class Opened:
    """A record with what its page needs beside it: its key, the first tag that has it, its neighbours; whether it is gone."""

    record: Record
    key: str
    beside: tuple[Neighbour, ...] = ()
    tag: str = ""
    gone: bool = False


def open_record(catalog: Catalog, id: str) -> Opened | None:
    """What the store has under this id; None where it has nothing.

    Raises:
        CatalogError: the record store cannot be read.
    """
    record = catalog.record(id)
    if record is None:
        return None
    doc = catalog.docs([id])[id]
    standing = Filter(repos=(record.repo,) if record.repo else (), kinds=(record.kind,), include_gone=False)
    there = "off-branch" in record.marks or bool(catalog.passing(standing, [doc]))
    beside = neighbours(catalog, [id])[id]
    return Opened(record, keys([record])[id], beside, catalog.first_tags([doc]).get(doc, ""), gone=not there)


def missing_html(id: str, reader: Reader) -> Markup:
    """That the store has no such record, and what to do."""
    words = reader.ui.record
    told = tag("strong", words["missing"].format(id=text(id, limit=120)))
    return tag("div", tag("p", told), tag("p", words["missing hint"]), class_="kb-empty")


def record_html(
    opened: Opened, reader: Reader, *, quote: Quote | None = None, lines: int = LINES, notes: int = NOTES, level: int = 2
) -> Markup:
    """The whole record. What an answer quotes of it stands first, and is marked where it is from.

    ``lines`` and ``notes`` bound what is shown of its changes and its comments; buttons ``data-more`` ask for more. ``level``
    is that of its title's heading.
    """
    record = opened.record
    quoted = _quote(quote, record, reader, level + 1) if quote else None
    parts = [
        head_html(opened, reader, level=level),
        quoted,
        _beside(opened.beside, reader, level + 1),
        _section(_BODY_OF.get(record.kind, "text"), _body(record, quote, reader), reader, level + 1),
        _section("files", diff_html(record, words=reader.ui, lines=lines, quote=quote), reader, level + 1),
        notes_html(record, reader, quote=quote, most=notes, level=level + 1),
    ]
    return tag("article", *parts, class_="kb-record", data_id=record.id)


# --- head --------------------------------------------------------------------------------------------------------------------


def head_html(opened: Opened, reader: Reader, *, level: int = 2) -> Markup:
    """What it is called, its kind, its state, when and by whom, how much it changed, and where it is to be found."""
    record = opened.record
    pull = next((target.rpartition("#")[2] for target in record.linked("pull")), "")
    title = text(shown_title(record, pull), limit=TITLE) or reader.ui.record["untitled"]
    added, deleted = totals(record)
    size = (
        [counts_html(added, deleted) if added or deleted else None, reader.counted("files", len(record.files))]
        if record.files
        else []
    )
    facts = [
        tag("code", text(opened.key, limit=80)),
        text(record.repo, limit=80),
        _author(record, reader),
        *size,
        reader.ui.record["first in"].format(tag=text(opened.tag, limit=60)) if opened.tag else None,
    ]
    return tag(
        "header",
        tag("p", *_badges(opened, reader), class_="kb-badges"),
        tag(f"h{level}", title),
        tag("p", join([fact for fact in facts if fact], tag("span", " · ", class_="kb-dim")), class_="kb-facts"),
        _events(record, reader),
        tag("ul", *(tag("li", text(label, limit=60)) for label in record.labels[:_LABELS]), class_="kb-labels")
        if record.labels
        else None,
        tag("p", *_links(record, reader), class_="kb-links"),
        class_="kb-head",
    )


def kind_badge(kind: str, reader: Reader) -> Markup:
    """What kind of record it is."""
    return badge(reader.ui.kinds.get(kind, kind), "info", sign=kind)


def state_badge(record: Record, reader: Reader) -> Markup | None:
    """Open, closed or merged; None for records that have no state."""
    if record.kind not in ("issue", "pull") or record.state not in _STATES:
        return None
    tone, sign = _STATES[record.state]
    return badge(reader.terms.states[record.state], tone, sign=sign)


def _badges(opened: Opened, reader: Reader) -> Iterator[Markup | None]:
    yield kind_badge(opened.record.kind, reader)
    yield state_badge(opened.record, reader)
    if opened.gone:
        yield badge(reader.ui.record["gone"], "warn", sign="warning")
    for mark in _MARKS:
        if mark in opened.record.marks:
            yield badge(reader.ui.record[mark], "quiet")


def _author(record: Record, reader: Reader) -> str:
    others = sum(key == "author" for key, _ in record.meta) - 1
    author = text(record.author, limit=80)
    if not author:
        return ""
    by = reader.ui.record["by"].format(author=author)
    return reader.ui.record["authors"].format(author=by, count=others) if others > 0 else by


def _events(record: Record, reader: Reader) -> Markup | None:
    told = [event for event in record.events if event.kind in reader.terms.events and not _repeats(event, record)]
    items = [_event(event, reader) for event in sorted(told, key=lambda event: event.at)[-_EVENTS:]]
    return tag("ul", *items, class_="kb-events") if items else None


def _event(event: Event, reader: Reader) -> Markup:
    ago = tag("span", "(", reader.ago(event.at), ")", class_="kb-dim")
    return tag("li", reader.terms.events[event.kind], " ", reader.day(event.at), " ", ago)


def _repeats(event: Event, record: Record) -> bool:
    """GitHub closes a pull request in the second in which it merges it."""
    return event.kind == "closed" and any(other.kind == "merged" and other.at == event.at for other in record.events)


def permalink(id: str) -> str:
    """The address of a record's page within the app, from its root."""
    return f"?record={percent_encoded(id, safe='')}"


def _links(record: Record, reader: Reader) -> Iterator[Markup | None]:
    words = reader.ui.record
    yield tag("a", words["permalink"], href=permalink(record.id), class_="kb-link")
    if web(record.url):
        site = urlsplit(record.url).hostname or ""
        shown = join([text(words["outside"].format(site=site.removeprefix("www."))), icon("out")])
        yield link(shown, record.url, class_="kb-link")
    if record.kind == "paper" and record.id.startswith("paper:arxiv:"):
        yield link(words["pdf"], f"https://arxiv.org/pdf/{record.id.removeprefix('paper:arxiv:')}", class_="kb-link")


# --- text, quote, neighbours -------------------------------------------------------------------------------------------------


def _section(name: str, content: Markup | None, reader: Reader, level: int) -> Markup | None:
    return tag("section", tag(f"h{level}", reader.ui.record[name]), content) if content else None


def _body(record: Record, quote: Quote | None, reader: Reader) -> Markup | None:
    """The text, rendered as the Markdown that it mostly is, without what templates put into it; and as it was written."""
    if not record.body.strip():
        return None if record.files or record.notes else tag("p", reader.ui.record["no text"], class_="kb-dim")
    wanted = quote.text if quote and not quote.path and quote.note is None else ""
    shown = record.body[:BODY]
    if record.kind == "paper":
        content = tag("div", foreign_text(shown.strip(), quote=wanted), class_="kb-plain")
        return join([content, cut_html(len(record.body), BODY, reader)])
    told = without_boilerplate(shown)
    rendered = foreign_markdown(told, quote=wanted, table=reader.ui.ask["table"])
    parts = [tag("div", rendered, class_="kb-prose") if told.strip() else None, cut_html(len(record.body), BODY, reader)]
    if told.strip() != shown.strip():
        written = tag("div", foreign_text(shown.strip(), quote=wanted), class_="kb-plain")
        parts.append(tag("details", tag("summary", reader.ui.record["as written"]), written, class_="kb-written"))
    return join(parts)


def _quote(quote: Quote, record: Record, reader: Reader, level: int) -> Markup | None:
    if not quote.text.strip() or quote.text.strip() == record.title.strip():
        return None
    return tag("section", tag(f"h{level}", reader.ui.record["quote"]), quote_html(quote, reader), class_="kb-quoted")


def quote_html(quote: Quote, reader: Reader) -> Markup:
    """The words, or the lines of a patch, that an answer rests on."""
    if quote.path:
        return hunk_html(quote.text, words=reader.ui, path=quote.path, line=quote.line)
    source = None
    if quote.note and quote.note.kind == "page":
        source = reader.ui.record["page"].format(page=text(quote.note.verdict, limit=12))
    elif quote.note:
        author = text(quote.note.author, limit=60) or reader.ui.record["someone"]
        source = reader.ui.record["said"].format(author=author, day=reader.terms.day(quote.note.at, reader.zone))
    cited = tag("footer", link(source, quote.note.url)) if quote.note and source else None
    return tag("blockquote", tag("p", text(quote.text, limit=2_000)), cited)


def _beside(beside: Sequence[Neighbour], reader: Reader, level: int) -> Markup | None:
    if not beside:
        return None
    named = keys(item.record for item in beside if item.record)
    groups: dict[str, list[Markup]] = {}
    for item in beside:
        groups.setdefault(item.rel, []).append(_neighbour(item, named.get(item.id, ""), reader))
    rows = [join([tag("dt", reader.terms.relations[rel]), tag("dd", tag("ul", *items))]) for rel, items in groups.items()]
    return tag("section", tag(f"h{level}", reader.ui.record["beside"]), tag("dl", *rows), class_="kb-beside")


def _neighbour(item: Neighbour, key: str, reader: Reader) -> Markup:
    if item.record is None:
        shown = text(item.id.rpartition("/")[2], limit=80)
        return tag("li", tag("code", shown), " ", tag("span", "(", reader.ui.record["unstored"], ")", class_="kb-dim"))
    title = text(item.record.title, limit=160) or reader.ui.record["untitled"]
    state = state_badge(item.record, reader)
    return tag("li", chip(key, item.id), " ", title, " " if state else None, state)
