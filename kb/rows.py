"""Records to rows and back, so that a record read from the store equals the one that was put in (and has its content hash)."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from kb import references
from kb.errors import CatalogError
from kb.protocols import Progress
from kb.types import Event, FileChange, Link, Note, Record

T = TypeVar("T")

# SQLite takes neither lone surrogates nor, in most of its functions, NUL; both come from bytes that are not text.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_CHUNK = 500
THERE, GONE, OFF_BRANCH = 0, 1, 2  # what records.gone holds, see kb.schema
_COMPRESSION = 1  # of 36 MB of patches: .2 s at level 1 (to 21%), 1.5 s at level 6 (to 18%)


@dataclass(frozen=True)
class Brief:
    """What a list of results shows of a record. ``doc`` is its number in this store; ``at`` is aware UTC."""

    doc: int
    id: str
    kind: str
    repo: str
    ref: str
    title: str
    url: str
    at: datetime
    author: str
    marks: tuple[str, ...]
    first_tag: str


def clean(text: str) -> str:
    """``text`` with NULs and lone surrogates replaced by U+FFFD."""
    return text if text.isascii() and "\0" not in text else _NOT_STORABLE.sub("\ufffd", text)


def epoch(at: datetime) -> int:
    """Whole seconds since 1970 UTC, rounded down."""
    return math.floor(at.timestamp())


def instant(seconds: int) -> datetime:
    """The aware UTC datetime of ``seconds`` since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def storable(record: Record) -> Record:
    """The record as the store can keep it: clean text, whole seconds, UTC.

    Raises:
        CatalogError: an event has no time zone, or a time that no calendar has; names the record.
    """
    return replace(
        record,
        **{
            name: clean(getattr(record, name))
            for name in ("id", "kind", "repo", "ref", "title", "body", "url", "author", "state")
        },
        labels=tuple(map(clean, record.labels)),
        marks=tuple(map(clean, record.marks)),
        meta=tuple((clean(key), clean(value)) for key, value in record.meta),
        events=tuple(_storable_event(event, record.id) for event in record.events),
        files=tuple(_storable_file(file) for file in record.files),
        links=tuple(Link(clean(link.rel), clean(link.target)) for link in record.links),
        notes=tuple(_storable_note(note, record.id) for note in record.notes),
    )


def _storable_note(note: Note, record_id: str) -> Note:
    return Note(
        kind=clean(note.kind),
        at=_storable_event(Event(note.kind, note.at), record_id).at,
        author=clean(note.author),
        text=clean(note.text),
        verdict=clean(note.verdict),
        url=clean(note.url),
    )


def _storable_event(event: Event, record_id: str) -> Event:
    if event.at.tzinfo is None:
        raise CatalogError(
            f"{clean(record_id)}: its event {event.kind!r} at {event.at} has no time zone",
            remedy="the source must give aware times",
        )
    return Event(clean(event.kind), instant(epoch(event.at)))


def _storable_file(file: FileChange) -> FileChange:
    path, old_path, patch = clean(file.path), clean(file.old_path), clean(file.patch)
    if path is file.path and old_path is file.old_path and patch is file.patch:
        return file
    return replace(file, path=path, old_path=old_path, patch=patch)


def standing(record: Record) -> int:
    """THERE or OFF_BRANCH: how a record that a source gives stands in the store."""
    return OFF_BRANCH if "off-branch" in record.marks else THERE


def tail(record_id: str) -> str:
    """What a person would call the record: SHA, number, tag or arXiv id, without the repository."""
    for separator in ("@", "#"):
        _, found, rest = record_id.partition(separator)
        if found:
            return rest
    return record_id.rpartition(":")[2]


# --- writing --------------------------------------------------------------------------------------------------------------

_COLUMNS = (
    "id", "tail", "source", "kind", "repo", "ref", "url", "author", "state", "at", "labels", "marks", "meta", "content_hash",
    "title", "body", "gone",
)  # fmt: skip
_INSERT = f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 (no input)
_UPDATE = f"UPDATE records SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE doc = ?"  # noqa: S608 (no input)


def write(connection: sqlite3.Connection, record: Record, *, source: str, content_hash: str, doc: int | None) -> int:
    """Insert a storable record, or replace number ``doc`` and all that hangs on it; returns its number."""
    values = (
        record.id, tail(record.id), source, record.kind, record.repo, record.ref, record.url, record.author, record.state,
        epoch(record.at), json.dumps(record.labels), json.dumps(record.marks), json.dumps(record.meta), content_hash,
        record.title, record.body, standing(record),
    )  # fmt: skip
    if doc is None:
        number = connection.execute(_INSERT, values).lastrowid
        assert number is not None  # noqa: S101 (an INSERT always has one)
        doc = number
    else:
        connection.execute(_UPDATE, (*values, doc))
        for table in ("events", "links", "files", "notes", "mentions"):
            connection.execute(f"DELETE FROM {table} WHERE doc = ?", (doc,))  # noqa: S608 (no input)
    _write_children(connection, record, doc)
    return doc


def _write_children(connection: sqlite3.Connection, record: Record, doc: int) -> None:
    connection.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?)",
        ((doc, position, event.kind, epoch(event.at)) for position, event in enumerate(record.events)),
    )
    connection.executemany(
        "INSERT INTO links VALUES (?, ?, ?, ?)",
        ((doc, position, link.rel, link.target) for position, link in enumerate(record.links)),
    )
    _write_mentions(connection, record, doc)
    connection.executemany(
        "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (doc, position, note.kind, epoch(note.at), note.author, note.text, note.verdict, note.url)
            for position, note in enumerate(record.notes)
        ),
    )
    connection.executemany(
        "INSERT INTO files (doc, path, old_path, status, additions, deletions, binary, truncated, patch)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                doc,
                file.path,
                file.old_path,
                file.status,
                file.additions,
                file.deletions,
                file.binary,
                file.truncated,
                pack(file.patch),
            )
            for file in record.files
        ),
    )


def _write_mentions(connection: sqlite3.Connection, record: Record, doc: int) -> None:
    connection.executemany(
        "INSERT INTO mentions VALUES (?, ?, ?, ?)",
        ((doc, position, link.rel, clean(link.target)) for position, link in enumerate(references.of(record))),
    )


def mentions_are_current(connection: sqlite3.Connection) -> bool:
    """Whether what texts say of other records was worked out by this version of ``kb.references``."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'references'").fetchone()
    return row is not None and row[0] == str(references.VERSION)


def rebuild_mentions(connection: sqlite3.Connection, *, progress: Progress) -> None:
    """Work out anew what every record's text says of others, within the caller's transaction."""
    connection.execute("DELETE FROM mentions")
    docs = [doc for (doc,) in connection.execute("SELECT doc FROM records ORDER BY doc")]
    for start in range(0, len(docs), _CHUNK):
        chunk = docs[start : start + _CHUNK]
        for doc, record in zip(chunk, read_records(connection, chunk, patches=False), strict=True):
            _write_mentions(connection, record, doc)
        progress("references", start + len(chunk), len(docs))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('references', ?)", (str(references.VERSION),))


def pack(text: str) -> bytes | None:
    """Compressed UTF-8; None for no text."""
    return zlib.compress(text.encode(), _COMPRESSION) if text else None


def unpack(blob: bytes | None) -> str:
    """What ``pack`` was given."""
    return zlib.decompress(blob).decode() if blob else ""


# --- reading --------------------------------------------------------------------------------------------------------------


def json_list(values: Iterable[object]) -> str:
    """Values as one parameter for ``json_each(?)``: any number of them, in one statement."""
    return json.dumps(list(values))


def read_briefs(connection: sqlite3.Connection, docs: Sequence[int]) -> list[Brief]:
    """One Brief for each number, in that order. Raises CatalogError for a number that no record has."""
    found = connection.execute(
        "SELECT doc, id, kind, repo, ref, title, url, at, author, marks, first_tag FROM records"
        " WHERE doc IN (SELECT value FROM json_each(?))",
        (json_list(docs),),
    )
    briefs = {
        doc: Brief(doc, identity, kind, repo, ref, title, url, instant(at), author, tuple(json.loads(marks)), first_tag)
        for doc, identity, kind, repo, ref, title, url, at, author, marks, first_tag in found
    }
    return _in_order(briefs, docs)


def read_titles(connection: sqlite3.Connection, docs: Sequence[int]) -> list[tuple[str, tuple[str, ...]]]:
    """(title, marks) for each number, in that order. Raises CatalogError for a number that no record has."""
    found = connection.execute(
        "SELECT doc, title, marks FROM records WHERE doc IN (SELECT value FROM json_each(?))", (json_list(docs),)
    )
    titles = {doc: (title, () if marks == "[]" else tuple(json.loads(marks))) for doc, title, marks in found}
    return _in_order(titles, docs)


def read_records(connection: sqlite3.Connection, docs: Sequence[int], *, patches: bool) -> list[Record]:
    """One whole Record for each number, in that order, in five queries. Raises CatalogError for a number that no record has."""
    chosen = (json_list(set(docs)),)
    events, links, files = _children(connection, chosen, patches=patches)
    notes = _notes(connection, chosen)
    found = connection.execute(
        "SELECT doc, id, kind, repo, ref, title, body, url, author, state, labels, marks, meta FROM records"
        " WHERE doc IN (SELECT value FROM json_each(?))",
        chosen,
    )
    records = {
        doc: Record(
            id=identity,
            kind=kind,
            repo=repo,
            ref=ref,
            title=title,
            body=body,
            url=url,
            author=author,
            state=state,
            labels=tuple(json.loads(labels)),
            events=tuple(events[doc]),
            files=tuple(files[doc]),
            links=tuple(links[doc]),
            marks=tuple(json.loads(marks)),
            meta=tuple((key, value) for key, value in json.loads(meta)),
            notes=tuple(notes[doc]),
        )
        for doc, identity, kind, repo, ref, title, body, url, author, state, labels, marks, meta in found
    }
    return _in_order(records, docs)


def _children(
    connection: sqlite3.Connection, chosen: tuple[str], *, patches: bool
) -> tuple[Mapping[int, list[Event]], Mapping[int, list[Link]], Mapping[int, list[FileChange]]]:
    events: defaultdict[int, list[Event]] = defaultdict(list)
    links: defaultdict[int, list[Link]] = defaultdict(list)
    files: defaultdict[int, list[FileChange]] = defaultdict(list)
    where = "WHERE doc IN (SELECT value FROM json_each(?))"
    for doc, kind, at in connection.execute(f"SELECT doc, kind, at FROM events {where} ORDER BY doc, position", chosen):  # noqa: S608
        events[doc].append(Event(kind, instant(at)))
    for doc, rel, target in connection.execute(f"SELECT doc, rel, target FROM links {where} ORDER BY doc, position", chosen):  # noqa: S608
        links[doc].append(Link(rel, target))
    columns = "doc, path, old_path, status, additions, deletions, binary, truncated" + (", patch" if patches else ", NULL")
    for doc, path, old_path, status, additions, deletions, binary, truncated, patch in connection.execute(
        f"SELECT {columns} FROM files {where} ORDER BY doc, file",  # noqa: S608 (no input)
        chosen,
    ):
        change = FileChange(
            path=path,
            old_path=old_path,
            status=status,
            additions=additions,
            deletions=deletions,
            binary=bool(binary),
            patch=unpack(patch),
            truncated=bool(truncated),
        )
        files[doc].append(change)
    return events, links, files


def _notes(connection: sqlite3.Connection, chosen: tuple[str]) -> Mapping[int, list[Note]]:
    notes: defaultdict[int, list[Note]] = defaultdict(list)
    for doc, kind, at, author, text, verdict, url in connection.execute(
        "SELECT doc, kind, at, author, text, verdict, url FROM notes WHERE doc IN (SELECT value FROM json_each(?))"
        " ORDER BY doc, position",
        chosen,
    ):
        notes[doc].append(Note(kind=kind, at=instant(at), author=author, text=text, verdict=verdict, url=url))
    return notes


def _in_order(found: Mapping[int, T], docs: Sequence[int]) -> list[T]:
    try:
        return [found[doc] for doc in docs]
    except KeyError as error:
        raise CatalogError(f"no record has the number {error}", remedy="numbers are of one store: select again") from error
