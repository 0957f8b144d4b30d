"""The vectors of one generation of the index, by card: a SQLite file beside Chroma's collection.

Chroma finds candidates among all cards; exact scores of the candidates, and their token vectors, come from here by integer
key, ten times faster than by
asking Chroma for embeddings by id. Like the collection it is a cache: ``kb reindex`` makes both anew from the record store.
"""

from __future__ import annotations

import contextlib
import json
import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedder import TOKEN_DIMENSION, Embedded
from index.matrix import Cards, Floats, Numbers, Parts, cards_of
from kb.errors import VectorError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS indexed (doc INTEGER PRIMARY KEY, record TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cards (doc INTEGER NOT NULL, part TEXT NOT NULL, sentence BLOB NOT NULL, PRIMARY KEY (doc,
part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (doc INTEGER NOT NULL, part TEXT NOT NULL, vectors BLOB NOT NULL, PRIMARY KEY (doc, part));
"""

_MANY = 4_000  # records: reading so many cards takes as long as loading all
_MOST = 200_000  # cards kept in memory: 300 MB; beyond, the cards of the records asked for are read
_DELETES = [f"DELETE FROM {table} WHERE doc = ?" for table in ("indexed", "cards", "tokens")]  # noqa: S608 (no input)


@dataclass(frozen=True, slots=True)
class Indexed:
    """A record's vectors, ready to store: ``cards`` maps part to its embedding."""

    doc: int
    record: str
    hash: str
    cards: Mapping[str, Embedded]


class Vectors:
    """Vectors by document number (the record store's); usable from any thread.

    With ``create`` the file is made where it is not there; without, that is an error, as a reader must not leave an empty one.
    Every method raises VectorError where the file cannot be used.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        self._mode = "rwc" if create else "rw"
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._closed = False
        self._mutex = threading.Lock()
        self._watcher: sqlite3.Connection | None = None
        self._state = -1
        self._cards: Cards | None = None
        with self._connection() as connection:
            if create:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(_SCHEMA)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lent to one thread at a time: a server's threads come and go, and one each would never be closed."""
        with self._translated():
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._connect()
            try:
                yield connection
            finally:
                if self._closed:
                    connection.close()
                else:
                    self._idle.put(connection)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise VectorError(
                f"{self._path} cannot be used: {error}", remedy="run `kb reindex`: it builds the index anew from the records"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        if self._mode == "rwc":
            self._path.parent.mkdir(parents=True, exist_ok=True)
        uri = f"{self._path.absolute().as_uri()}?mode={self._mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=30, check_same_thread=False)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA mmap_size=1073741824")
        return connection

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it comes back."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
        with self._mutex:
            if self._watcher is not None:
                self._watcher.close()
            self._watcher = self._cards = None

    # --- writing ----------------------------------------------------------------------------------------------------------

    def store(self, rows: Iterable[Indexed]) -> None:
        """Replace the vectors of these records, in one transaction."""
        with self._connection() as connection, connection:
            for row in rows:
                self._delete(connection, [row.doc])
                connection.execute("INSERT INTO indexed VALUES (?, ?, ?)", (row.doc, row.record, row.hash))
                connection.executemany(
                    "INSERT INTO cards VALUES (?, ?, ?)",
                    [(row.doc, part, card.sentence.astype(np.float16).tobytes()) for part, card in row.cards.items()],
                )
                connection.executemany(
                    "INSERT INTO tokens VALUES (?, ?, ?)",
                    [(row.doc, part, card.tokens.tobytes()) for part, card in row.cards.items() if len(card.tokens)],
                )

    def remove(self, docs: Sequence[int]) -> None:
        """Forget these records."""
        with self._connection() as connection, connection:
            self._delete(connection, docs)

    @staticmethod
    def _delete(connection: sqlite3.Connection, docs: Sequence[int]) -> None:
        for statement in _DELETES:
            connection.executemany(statement, [(doc,) for doc in docs])

    # --- reading ----------------------------------------------------------------------------------------------------------

    def hashes(self) -> dict[int, str]:
        """Content hash of each record as it was when it was indexed."""
        with self._connection() as connection:
            return dict(connection.execute("SELECT doc, hash FROM indexed"))

    def parts(self, docs: Sequence[int]) -> list[tuple[str, str]]:
        """(record id, part) of every card these records have."""
        with self._connection() as connection:
            query = "SELECT record, part FROM cards JOIN indexed USING (doc) WHERE doc IN (SELECT value FROM json_each(?))"
            return connection.execute(query, (_listed(docs),)).fetchall()

    @property
    def is_empty(self) -> bool:
        """Whether no record is here."""
        with self._connection() as connection:
            return connection.execute("SELECT 1 FROM indexed LIMIT 1").fetchone() is None

    def size(self) -> tuple[int, int]:
        """How many records and how many cards are here."""
        with self._connection() as connection:
            return (
                connection.execute("SELECT count(*) FROM indexed").fetchone()[0],
                connection.execute("SELECT count(*) FROM cards").fetchone()[0],
            )

    def sentences(self, docs: Sequence[int]) -> tuple[Numbers, Parts, Floats]:
        """Cards of these records: document numbers (n,), ascending, parts (n,) and sentence vectors (n, dimension)."""
        query = "SELECT doc, part, sentence FROM cards WHERE doc IN (SELECT value FROM json_each(?)) ORDER BY doc, part"
        with self._connection() as connection:
            found = cards_of(connection.execute(query, (_listed(docs),)))
        return found.numbers, found.parts, found.vectors

    def similar(self, docs: Sequence[int], direction: Floats) -> tuple[Numbers, Parts, Floats]:
        """Of the cards of these records: document numbers (n,), ascending, parts (n,), and cosines (n,) with ``direction``."""
        cards = self._whole(asked=len(docs)) or Cards(*self.sentences(docs))
        return cards.similar(docs, direction)

    def _whole(self, *, asked: int) -> Cards | None:
        """All cards, from memory; None where they are too many, or have just changed: while a sync goes on, loading them for
        each search would cost more than reading the few records that are ``asked`` for."""
        with self._mutex, self._translated():
            if self._watcher is None:
                self._watcher = self._connect()
            state = self._watcher.execute("PRAGMA data_version").fetchone()[0]  # changes with any other connection's commit
            settled, self._state = state == self._state, state
            if not settled:
                self._cards = None
            if self._cards is None and (settled or asked > _MANY):
                count = self._watcher.execute("SELECT count(*) FROM cards").fetchone()[0]
                if count <= _MOST:
                    rows = self._watcher.execute("SELECT doc, part, sentence FROM cards ORDER BY doc, part")
                    self._cards = cards_of(rows)
            return self._cards

    def token_vectors(self, cards: Sequence[tuple[int, str]]) -> list[NDArray[np.int8]]:
        """Token vectors (t, TOKEN_DIMENSION) of each (document, part), in the order given; empty where there are none."""
        found: list[NDArray[np.int8]] = []
        with self._connection() as connection:
            for card in cards:
                row = connection.execute("SELECT vectors FROM tokens WHERE doc = ? AND part = ?", card).fetchone()
                found.append(np.frombuffer(row[0] if row else b"", np.int8).reshape(-1, TOKEN_DIMENSION))
        return found


def _listed(docs: Sequence[int]) -> str:
    return json.dumps([int(doc) for doc in docs])
