"""A record as a line of an answer: its pieces in order, and the keys they rest on. Pure; kb.render makes Markdown of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from kb.citations import Piece
from kb.facts import totals, zone_name
from kb.telling import key_files, telling_sentence
from kb.types import WINDOW_EVENTS, FileChange, Record
from kb.wording import Words


@dataclass(frozen=True)
class Other:
    """A record that a line speaks of beside its own: ``record`` is None where the store does not have it."""

    id: str
    key: str = ""
    record: Record | None = None


@dataclass(frozen=True)
class View:
    """A record with all that its line says. ``commit`` is the only one that a merge brought: one line for both."""

    record: Record
    key: str
    tag: str = ""
    pull: str = ""  # number
    pull_url: str = ""
    reverts: tuple[Other, ...] = ()
    reverted_by: tuple[Other, ...] = ()
    commit: View | None = None
    brought: tuple[View, ...] = ()

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
    detail (all but the sentence, which is quoted beside it, and nightly tags too); dated (as detail, with its moment first).
    """
    head = _dated_first(view, words, zone) if form == "dated" else []
    pieces = [*head, _title(view, words), *_keys(view, words), *_reverted(view, words, zone)]
    if form in ("full", "child"):
        pieces += _sentence(view, words)
    parts = [_reverts(view, words, zone)]
    if form in ("full", "detail", "dated"):
        parts.append(_files(view.subject.files, words))
    parts.append(_size(view.subject, words, named=form in ("full", "detail", "dated")))
    parts.append(_event(view, words, zone, form=form))
    if form in ("detail", "dated") or (form == "full" and not view.tag.startswith("nightly")):
        parts.append([Piece(words.line["tag"]), Piece(view.tag, "name")] if view.tag else [])
    for part in filter(None, parts):
        pieces += [Piece(words.line["dot"]), *part]
    children = tuple(change_line(child, words=words, zone=zone, form="child") for child in view.brought)
    own = (view.record.id, *(view.commit.ids if view.commit else ()))
    return Line(tuple(pieces), _cited(view), own, children)


def _dated_first(view: View, words: Words, zone: tzinfo) -> list[Piece]:
    """The moment of its event at the head of the line: for a question that asks when."""
    kind = window_event(view.record)
    if not kind:
        return []
    text = words.line["event first"].format(event=words.events[kind], moment=words.moment(view.record.at, zone), zone="\0")
    before, _, after = text.partition("\0")
    return [Piece(before[:1].upper() + before[1:]), Piece(zone_name(zone, view.record.at), "zone"), Piece(after)]


def window_event(record: Record) -> str:
    """The kind of the event that places a record in a window; "" where it has none."""
    known = {event.kind for event in record.events}
    return next((kind for kind in WINDOW_EVENTS.get(record.kind, ()) if kind in known), "")


def _cited(view: View) -> tuple[str, ...]:
    others = [*view.reverts, *view.reverted_by, *((*view.commit.reverts, *view.commit.reverted_by) if view.commit else ())]
    own = (view.key, view.commit.key) if view.commit else (view.key,)
    return tuple(dict.fromkeys([*own, *(other.key for other in others if other.key)]))


def _title(view: View, words: Words) -> Piece:
    text = shown_title(view.subject, view.pull)
    return Piece(text, "title") if text else Piece(words.line["untitled"])


def shown_title(record: Record, pull: str = "") -> str:
    """The title without the pull request's number, which the line gives as a link; of a merge, what was merged."""
    title = record.title
    if title.startswith("Merge pull request"):
        title = next((line.strip() for line in record.body.split("\n") if line.strip()), title)
    suffix = f"(#{pull})"
    return title.rstrip().removesuffix(suffix).rstrip() or title if pull else title.strip()


def _keys(view: View, words: Words) -> Iterator[Piece]:
    own = view.commit or view
    yield Piece(words.line["open"])
    yield Piece(own.key, "key", own.record.url)
    if view.commit:
        yield Piece(words.line["sep"] + words.line["merge"])
        yield Piece(view.key, "key", view.record.url)
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
    pieces: list[Piece] = []
    kind = window_event(view.record)
    if kind and form not in ("child", "dated"):
        pieces.append(Piece(words.line["event"].format(event=words.events[kind], day=words.day(view.record.at, zone))))
    author = view.subject.author
    if author.strip() and form != "compact":
        lead = words.line["by"] if pieces else words.line["by"].lstrip(" ，,")
        pieces += [Piece(lead), Piece(author, "name")]
    return pieces
