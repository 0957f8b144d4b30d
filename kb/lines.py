"""A record as a line of an answer: its pieces in order, and the keys they rest on. Pure; kb.render makes Markdown of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from kb.citations import Piece
from kb.facts import totals, zone_name
from kb.telling import key_files, telling_sentence
from kb.types import WINDOW_EVENTS, Event, FileChange, Record, Tag
from kb.wording import Words


@dataclass(frozen=True)
class Other:
    """A record that a line speaks of beside its own: ``record`` is None where the store does not have it."""

    id: str
    key: str = ""
    record: Record | None = None


@dataclass(frozen=True)
class Beside:
    """A record that stands beside another one; ``rel`` is one of kb.neighbours.RELATIONS."""

    rel: str
    other: Other


@dataclass(frozen=True)
class View:
    """A record with all that its line says.

    ``commit`` is the only one that a merge brought: one line for both. ``landed`` is the commit that a pull request landed as:
    its files are those of the pull request. ``tagged`` is a release's tag. ``events`` are the kinds of event asked for.
    """

    record: Record
    key: str
    tag: str = ""
    pull: str = ""  # number
    pull_url: str = ""
    pull_key: str = ""  # where it is stored
    reverts: tuple[Other, ...] = ()
    reverted_by: tuple[Other, ...] = ()
    commit: View | None = None
    brought: tuple[View, ...] = ()
    landed: View | None = None
    beside: tuple[Beside, ...] = ()
    tagged: Tag | None = None
    events: tuple[str, ...] = ()

    @property
    def event(self) -> Event | None:
        """What places the record in a window: the last of the events asked for, else its own window event."""
        asked = max((event for event in self.record.events if event.kind in self.events), key=_at, default=None)
        kind = asked.kind if asked else window_event(self.record)
        if kind == "closed" and self.record.state == "merged":
            kind = "merged"  # GitHub closes a pull request when it merges it
        return next((event for event in reversed(self.record.events) if event.kind == kind), None)

    @property
    def changed(self) -> Record:
        """The record whose files its line shows."""
        return self.landed.record if self.landed else self.subject

    @property
    def subject(self) -> Record:
        """The record that says what was done."""
        return self.commit.record if self.commit else self.record

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the records that its lines list."""
        own = (self.record.id, *(self.commit.ids if self.commit else ()))
        return (*own, *(id for view in self.brought for id in view.ids))


@dataclass(frozen=True)
class Line:
    """Pieces and the citation keys they rest on; ``records`` are the ids that it lists."""

    pieces: tuple[Piece, ...]
    keys: tuple[str, ...]
    records: tuple[str, ...] = ()
    children: tuple[Line, ...] = ()

    @property
    def text(self) -> str:
        """What it says, without any markup."""
        return "".join(piece.text for piece in self.pieces).strip()


def change_line(view: View, *, words: Words, zone: tzinfo, form: str = "full") -> Line:
    """A record's line.

    ``form``: full; compact (title, keys, size, date); child (below the merge that brought it: without files, date and tag);
    detail (all but the sentence, which is quoted beside it, and its neighbours, which have lines of their own; nightly tags
    too); dated (as detail, with its moment first); beside (compact, with all that happened to it and its tag).
    """
    lead = _dated_first(view, words, zone) if form == "dated" else []
    pieces = [*lead, *_head(view, words, zone)]
    if form in ("full", "child"):
        pieces += _sentence(view, words)
    for part in _facts(view, words, zone, form=form):
        pieces += [Piece(words.line["dot"]), *part]
    children = tuple(change_line(child, words=words, zone=zone, form="child") for child in view.brought)
    return Line(tuple(pieces), _cited(view), _listed(view), children)


def head_line(view: View, *, words: Words, zone: tzinfo) -> Line:
    """What it is called and where it is: title, keys, pull request; and what has reverted it since."""
    return Line(tuple(_head(view, words, zone)), _cited(view), _listed(view))


def facts_line(view: View, *, words: Words, zone: tzinfo, form: str = "full") -> Line:
    """What a record's line says behind its title and its sentence: key files, size, dates, author, neighbours, tag."""
    pieces: list[Piece] = []
    for part in _facts(view, words, zone, form=form):
        pieces += [*([Piece(words.line["dot"])] if pieces else []), *part]
    return Line(tuple(pieces), _cited(view))


def size_line(view: View, words: Words) -> Line:
    """How much it changed in all; empty where no files are known."""
    return Line(tuple(_size(view.changed, words, named=False)), _cited(view))


def happened_line(view: View, words: Words, zone: tzinfo) -> Line:
    """What happened to it, each with its day, or what places it in the window; its state where it is still open."""
    return Line(tuple(_event(view, words, zone, form="beside")), _cited(view))


def author_line(view: View, words: Words) -> Line:
    """By whom it is; empty where that is not known."""
    return Line(tuple(_author(view, words, lead="")), _cited(view))


def _head(view: View, words: Words, zone: tzinfo) -> list[Piece]:
    return [_title(view, words), *_keys(view, words), *_reverted(view, words, zone)]


def _listed(view: View) -> tuple[str, ...]:
    return (view.record.id, *(view.commit.ids if view.commit else ()))


def _facts(view: View, words: Words, zone: tzinfo, *, form: str) -> list[list[Piece]]:
    """The parts of a line that follow its sentence, each of its own; none is empty."""
    parts = [_reverts(view, words, zone), _shipped(view, words)]
    if form in ("full", "child"):
        parts += _beside(view, words)
    if form in ("full", "detail", "dated"):
        parts.append(_files(view.changed.files, words))
    parts.append(_size(view.changed, words, named=form in ("full", "detail", "dated")))
    parts.append(_event(view, words, zone, form=form))
    if form in ("detail", "dated", "beside") or (form == "full" and not view.tag.startswith("nightly")):
        parts.append([Piece(words.line["tag"]), Piece(view.tag, "name")] if view.tag else [])
    if "off-branch" in view.record.marks:
        parts.append([Piece(words.line["off branch"])])
    return [part for part in parts if part]


def _dated_first(view: View, words: Words, zone: tzinfo) -> list[Piece]:
    """The moment of its event at the head of the line: for a question that asks when."""
    event = view.event
    if not event:
        return []
    text = words.line["event first"].format(event=words.events[event.kind], moment=words.moment(event.at, zone), zone="\0")
    before, _, after = text.partition("\0")
    return [Piece(before[:1].upper() + before[1:]), Piece(zone_name(zone, event.at), "zone"), Piece(after)]


def window_event(record: Record) -> str:
    """The kind of the event that places a record in a window; "" where it has none."""
    known = {event.kind for event in record.events}
    return next((kind for kind in WINDOW_EVENTS.get(record.kind, ()) if kind in known), "")


def neighbour_line(view: View, beside: Beside, of: View | None, *, words: Words, zone: tzinfo) -> Line:
    """A line for what stands beside a record: its relation, then what it is. ``of``: its view, None where it is not stored."""
    lead = words.line["lead"].format(rel=words.relations[beside.rel])
    head = Piece(lead[:1].upper() + lead[1:])
    if of is None:
        own = tuple(filter(None, (view.key, view.pull_key)))  # its pull request may be what names it
        return Line((head, _unknown(beside.other.id), Piece(words.line["unstored"])), own)
    line = change_line(of, words=words, zone=zone, form="beside")
    return Line((head, *line.pieces), line.keys)


def _at(event: Event) -> datetime:
    return event.at


def _cited(view: View) -> tuple[str, ...]:
    others = [*view.reverts, *view.reverted_by, *((*view.commit.reverts, *view.commit.reverted_by) if view.commit else ())]
    others += [beside.other for beside in view.beside]
    own = [part.key for part in (view, view.commit, view.landed) if part]
    if view.pull_key and any(beside.other.record is None for beside in view.beside):
        own.append(view.pull_key)  # what is not stored may be named by the pull request alone
    return tuple(dict.fromkeys([*own, *(other.key for other in others if other.key)]))


def _title(view: View, words: Words) -> Piece:
    text = shown_title(view.subject, view.pull)
    return Piece(text, "title") if text else Piece(words.line["untitled"])


_DEBRIS = re.compile(r"(?:[-*+•]\s+)+(?=\S)")


def shown_title(record: Record, pull: str = "") -> str:
    """The title without the pull request's number, which the line gives as a link, and without the mark of a list before it;
    of a merge, what was merged."""
    title = record.title
    if title.startswith("Merge pull request"):
        title = next((line.strip() for line in record.body.split("\n") if line.strip()), title)
    title = title.strip()
    if _DEBRIS.match(title):
        title = _DEBRIS.sub("", title, count=1)
    return title.removesuffix(f"(#{pull})").rstrip() or title if pull else title


def _keys(view: View, words: Words) -> Iterator[Piece]:
    own = view.commit or view
    yield Piece(words.line["open"])
    yield Piece(own.key, "key", own.record.url)
    if view.commit:
        yield Piece(words.line["sep"] + words.line["merge"])
        yield Piece(view.key, "key", view.record.url)
    if view.landed:
        yield Piece(words.line["sep"] + words.line["landed"])
        yield Piece(view.landed.key, "key", view.landed.record.url)
    number, url = (view.pull, view.pull_url) if view.pull else (own.pull, own.pull_url)
    if number:
        yield Piece(words.line["sep"] + words.line["pull"])
        yield Piece(f"#{number}", "reference", url)
    yield Piece(words.line["close"])


def _sentence(view: View, words: Words) -> list[Piece]:
    text = telling_sentence(view.subject)
    if not text and view.commit:
        text = telling_sentence(view.record)
    return [Piece(words.line["dash"]), Piece(text, "quote")] if text else []


def _reverted(view: View, words: Words, zone: tzinfo) -> Iterator[Piece]:
    for other in (*view.reverted_by, *(view.commit.reverted_by if view.commit else ())):
        if other.record:
            yield Piece(words.line["dot"] + words.line["reverted"])
            yield Piece(other.key, "key", other.record.url)
            yield Piece(words.line["on"].format(day=words.day(other.record.at, zone)))


def _reverts(view: View, words: Words, zone: tzinfo) -> list[Piece]:
    pieces: list[Piece] = []
    for other in (*view.reverts, *(view.commit.reverts if view.commit else ())):
        pieces.append(Piece(words.line["sep"] if pieces else words.line["reverts"]))
        if other.record is None:
            pieces.append(_unknown(other.id))
            continue
        pull = next((target.rpartition("#")[2] for target in other.record.linked("pull")), "")
        title = shown_title(other.record, pull)
        if title and title.rpartition(": ")[2] not in view.subject.title:
            pieces += [Piece(title, "mention"), Piece(" ")]
        pieces.append(Piece(other.key, "key", other.record.url))
        if kind := window_event(other.record):
            day = words.day(other.record.at, zone)
            pieces.append(
                Piece(words.line["open"] + words.line["event"].format(event=words.events[kind], day=day) + words.line["close"])
            )
    return pieces


def _unknown(id: str) -> Piece:
    """What is reverted lies outside the store: its number or the head of its SHA is all there is to name it by."""
    place, _, ref = id.rpartition("#" if "#" in id else "@")
    return (
        Piece(f"#{ref}", "reference") if id.startswith(("pull:", "issue:")) else Piece(ref[:7] if place else ref, "reference")
    )


_IN_LISTS = ("fixed-by", "fixes", "paper")


def _beside(view: View, words: Words) -> Iterator[list[Piece]]:
    """What a reader of a list wants to know of the neighbours: what was fixed, by what, after which paper."""
    for rel in _IN_LISTS:
        pieces: list[Piece] = []
        for other in (beside.other for beside in view.beside if beside.rel == rel):
            lead = words.line["beside"].format(rel=words.relations[rel]) if not pieces else words.line["sep"]
            pieces += [Piece(lead), Piece(other.key, "key", other.record.url) if other.record else _unknown(other.id)]
        yield pieces


def _shipped(view: View, words: Words) -> list[Piece]:
    """How many commits a release has, and since which one."""
    tag = view.tagged
    if tag is None:
        return []
    count = len(tag.commits) + tag.beyond
    pieces = [Piece(words.line["commits one" if count == 1 else "commits"].format(count=count))]
    if tag.previous:
        pieces += [Piece(words.line["after"]), Piece(tag.previous, "name")]
    return [*pieces, Piece(words.line["beyond"].format(count=tag.beyond))] if tag.beyond else pieces


def _files(files: Sequence[FileChange], words: Words) -> list[Piece]:
    pieces: list[Piece] = []
    chosen = key_files(files)
    for file in chosen:
        size = words.line["binary"] if file.binary else _counts(file.additions, file.deletions, words)
        pieces += [*([Piece(words.line["sep"])] if pieces else []), Piece(file.path, "path"), Piece(f" {size}")]
    if len(files) > len(chosen):
        pieces.append(Piece(words.line["more"].format(count=len(files) - len(chosen))))
    return pieces


def _size(record: Record, words: Words, *, named: bool) -> list[Piece]:
    """The whole size; not where the only file has said it already."""
    if not record.files or (named and len(record.files) == 1):
        return []
    added, deleted = totals(record)
    form = "whole files" if len(record.files) > 1 else "whole"
    return [Piece(words.line[form].format(added=added, deleted=deleted, files=len(record.files)))]


def _counts(added: int, deleted: int, words: Words) -> str:
    return words.line["whole"].format(added=added, deleted=deleted)


def _event(view: View, words: Words, zone: tzinfo, *, form: str) -> list[Piece]:
    """When, and by whom; of a thread and of a paper all that happened, in a list of short lines only what places it there."""
    events = _events(view, form)
    pieces: list[Piece] = []
    for at, event in enumerate(events):
        text = words.line["event"].format(event=words.events[event.kind], day=words.day(event.at, zone))
        pieces.append(Piece(words.line["sep"] * bool(at) + text))
        if at == 0 and form not in _SHORT:
            pieces += _author(view, words, lead=words.line["by"])
    if not events and form not in _SHORT:
        pieces += _author(view, words, lead=words.line["by"].lstrip(" ，,"))
    if view.record.state == "open" and view.record.kind in ("issue", "pull"):
        pieces.append(Piece(words.line["sep"] + words.line["now"].format(state=words.states["open"])))
    return pieces


def _events(view: View, form: str) -> list[Event]:
    if view.record.kind in _WITH_HISTORY and form != "compact":
        return _history(view.record)
    return [view.event] if view.event and form not in ("child", "dated") else []


_SHORT = ("compact", "beside")
_WITH_HISTORY = ("issue", "pull", "paper", "post", "model")
_TOLD = ("opened", "reopened", "closed", "merged", "published", "revised")


def _history(record: Record) -> list[Event]:
    """The events of a thread or a paper worth telling, in order; GitHub closes a pull request when it merges it."""
    merged = any(event.kind == "merged" for event in record.events)
    return sorted(
        (event for event in record.events if event.kind in _TOLD and not (merged and event.kind == "closed")), key=_at
    )


def _author(view: View, words: Words, *, lead: str) -> list[Piece]:
    author = view.subject.author
    if not author.strip():
        return []
    several = sum(key == "author" for key, _ in view.subject.meta) > 1
    return [Piece(lead), Piece(author, "name"), *([Piece(words.line["et al"])] if several else [])]
