"""What GitHub last said of each thread, in a SQLite file beside the store: where comments, reviews or reopenings are wanted.

They come from other lists than the threads, at other times, and a record holds them all: so whichever comes, the record is
built anew from here. ``fresh`` threads are those whose record has not been stored since. All can be read again from GitHub.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest import _threads_record as told
from kb.errors import SourceError
from kb.types import Event, Note, Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS threads (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, item TEXT NOT NULL, updated INTEGER NOT NULL,
    fresh INTEGER NOT NULL, reviewed INTEGER);
CREATE TABLE IF NOT EXISTS counts (
    number INTEGER PRIMARY KEY, told INTEGER NOT NULL, updated INTEGER NOT NULL, missing INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS said (
    what TEXT NOT NULL, id INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (what, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS said_of ON said (number, what, at, id);
CREATE TABLE IF NOT EXISTS happened (
    number INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (number, kind, at)) WITHOUT ROWID;
"""
_TABLES = ("about", "threads", "counts", "said", "happened")


class Cache:
    """Open until ``close``. ``stamp`` is another one whenever it had to be begun anew."""

    def __init__(self, path: Path, *, subject: str) -> None:
        """``subject`` names the server and the repository: for another one the file is begun anew, as it is where damaged.

        Raises:
            SourceError: the file cannot be made.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db, self.stamp = self._opened(subject)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(f"{path} cannot be used: {error}", remedy="check its folder, and the room on the disk") from error

    def close(self) -> None:
        self._db.close()

    def _opened(self, subject: str) -> tuple[sqlite3.Connection, str]:
        try:
            return self._connected(subject)
        except sqlite3.DatabaseError:  # not a database, or a damaged one
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            return self._connected(subject)

    def _connected(self, subject: str) -> tuple[sqlite3.Connection, str]:
        database = sqlite3.connect(self._path)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again
            database.executescript(_SCHEMA)
            about = dict(database.execute("SELECT key, value FROM about"))
            if about.get("subject") != subject:
                about = {"subject": subject, "stamp": secrets.token_hex(8)}
                with database:
                    for table in _TABLES:
                        database.execute(f"DELETE FROM {table}")  # noqa: S608 (no input)
                    database.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            return database, about["stamp"]
        except BaseException:
            database.close()
            raise

    # -- what GitHub said -------------------------------------------------------------------------------------------------

    def put(self, kind: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Threads of one kind as they are now; each has a number."""
        rows = [(told.number(item), kind, json.dumps(told.slim(item)), told.seconds(item, "updated_at") or 0) for item in items]
        with self._db:
            self._db.executemany(
                "INSERT INTO threads VALUES (?, ?, ?, ?, 1, NULL) ON CONFLICT DO UPDATE"
                " SET kind = excluded.kind, item = excluded.item, updated = excluded.updated, fresh = 1",
                rows,
            )

    def count(self, items: Iterable[Mapping[str, Any]]) -> None:
        """How many comments threads have, pull requests too: as the list of issues tells."""
        rows = [
            (told.number(item), item.get("comments"), told.seconds(item, "updated_at") or 0)
            for item in items
            if told.number(item) is not None and type(item.get("comments")) is int
        ]
        with self._db:
            self._db.executemany(
                "INSERT INTO counts (number, told, updated) VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET told = excluded.told, updated = excluded.updated",
                rows,
            )

    def say(self, what: str, notes: Iterable[tuple[int, int, Note]]) -> None:
        """Notes as (id, number of the thread, note), new or changed; ``what`` is comment or review."""
        rows = [(what, id, number, _epoch(note.at), json.dumps(asdict(note), default=_epoch)) for id, number, note in notes]
        with self._db:
            self._say(rows)

    def replace(self, what: str, number: int, notes: Iterable[tuple[int, Note]]) -> None:
        """All notes of one thread, as (id, note)."""
        rows = [(what, id, number, _epoch(note.at), json.dumps(asdict(note), default=_epoch)) for id, note in notes]
        with self._db:
            self._db.execute("DELETE FROM said WHERE number = ? AND what = ?", (number, what))
            self._say(rows)
            self._db.execute("UPDATE threads SET fresh = 1 WHERE number = ?", (number,))
            if what == "review":
                self._db.execute("UPDATE threads SET reviewed = updated WHERE number = ?", (number,))
            else:  # where not all were asked for, or the count is wrong, it is so by this many
                self._db.execute("UPDATE counts SET missing = told - ? WHERE number = ?", (len(rows), number))

    def happen(self, found: Iterable[tuple[int, Event]]) -> None:
        """Events as (number of the thread, event)."""
        rows = [(number, event.kind, _epoch(event.at)) for number, event in found]
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO happened VALUES (?, ?, ?)", rows)
            self._db.executemany("UPDATE threads SET fresh = 1 WHERE number = ?", [row[:1] for row in rows])

    def forget(self, number: int) -> None:
        """A thread is gone."""
        with self._db:
            for table in _TABLES[1:]:
                self._db.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608 (no input)

    # -- what follows -----------------------------------------------------------------------------------------------------

    def fresh(self, repo: str, *, most: int, comments: int | None) -> Iterator[Record]:
        """Records that have not been stored as they are now, at most so many, each with its first ``comments`` (None: all)."""
        rows = self._db.execute("SELECT number, kind, item FROM threads WHERE fresh = 1 ORDER BY updated DESC LIMIT ?", (most,))
        for number, kind, item in rows.fetchall():
            notes = (*self._notes(number, "comment", comments), *self._notes(number, "review", None))
            yield told.record(repo, kind, json.loads(item), notes=notes, events=self._events(number))

    def stored(self, records: Iterable[Record]) -> None:
        """These are in the store now."""
        with self._db:
            self._db.executemany("UPDATE threads SET fresh = 0 WHERE number = ?", [(int(record.ref),) for record in records])

    def unreviewed(self) -> list[int]:
        """Pull requests that changed since their reviews were asked for."""
        return self._numbers("SELECT number FROM threads WHERE kind = 'pull' AND reviewed IS NOT updated ORDER BY updated DESC")

    def miscounted(self) -> list[int]:
        """Threads that tell of another number of comments than are here: deleted ones, or such as are older than was read.

        Not those that have a comment which is newer than their count.
        """
        return self._numbers(
            "SELECT number FROM threads JOIN counts USING (number) LEFT JOIN"
            " (SELECT number, count(*) AS held, max(at) AS latest FROM said WHERE what = 'comment' GROUP BY number)"
            " USING (number) WHERE told - coalesce(held, 0) <> missing AND coalesce(latest, 0) <= counts.updated"
            " ORDER BY counts.updated DESC"
        )

    def _say(self, rows: list[tuple[str, int, int, int, str]]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?)", rows)
        self._db.executemany("UPDATE threads SET fresh = 1 WHERE number = ?", [(row[2],) for row in rows])

    def _numbers(self, query: str) -> list[int]:
        return [number for (number,) in self._db.execute(query)]

    def _notes(self, number: int, what: str, most: int | None) -> Iterator[Note]:
        query = "SELECT note FROM said WHERE number = ? AND what = ? ORDER BY at, id LIMIT ?"
        for (text,) in self._db.execute(query, (number, what, -1 if most is None else most)):
            values = json.loads(text)
            yield Note(**{**values, "at": datetime.fromtimestamp(values["at"], UTC)})

    def _events(self, number: int) -> Iterator[Event]:
        for kind, at in self._db.execute("SELECT kind, at FROM happened WHERE number = ? ORDER BY at", (number,)):
            yield Event(kind, datetime.fromtimestamp(at, UTC))


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
