"""What pictures and tables of many records need of each, read without the records themselves: events, files, sizes, hashes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.rows import instant, json_list

_CHOSEN = "doc IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Size:
    """How much a record changed: files, added and deleted lines."""

    files: int = 0
    additions: int = 0
    deletions: int = 0


def events(connection: sqlite3.Connection, docs: Sequence[int]) -> list[tuple[int, str, datetime]]:
    """(number, kind, aware UTC moment) of every event of these records, each record's in time's order."""
    query = f"SELECT doc, kind, at FROM events WHERE {_CHOSEN} ORDER BY doc, at, position"  # noqa: S608 (no input)
    return [(doc, kind, instant(at)) for doc, kind, at in connection.execute(query, (json_list(docs),))]


def paths(connection: sqlite3.Connection, docs: Sequence[int]) -> list[tuple[int, str]]:
    """(number, path) of every file that these records changed."""
    query = f"SELECT doc, path FROM files WHERE {_CHOSEN}"  # noqa: S608 (no input)
    return connection.execute(query, (json_list(docs),)).fetchall()


def sizes(connection: sqlite3.Connection) -> dict[int, Size]:
    """number -> how much the record changed, for every record with files."""
    found = connection.execute("SELECT doc, count(*), sum(additions), sum(deletions) FROM files GROUP BY doc")
    return {doc: Size(files, added, deleted) for doc, files, added, deleted in found}


def hashes(connection: sqlite3.Connection, docs: Sequence[int]) -> dict[int, str]:
    """number -> content hash: what was worked out of a record holds as long as it stays the same."""
    return dict(connection.execute(f"SELECT doc, content_hash FROM records WHERE {_CHOSEN}", (json_list(docs),)))  # noqa: S608
