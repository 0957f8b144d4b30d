"""The record store's file: how it is opened, its tables, and the steps that bring an older file up to date.

Journal mode WAL lets any number of processes read while one writes. ``synchronous=NORMAL`` keeps every committed transaction
when the process dies (``kill -9`` at any moment). When the machine loses power the file stays consistent, but the last
transactions may be missing; as records and the source's cursor commit together, the next sync then fetches those records again.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from kb.errors import CatalogError, DamagedCatalogError

Step = Callable[[sqlite3.Connection], None]

APPLICATION_ID = 0x1F4AB001  # in the file's header: tells a catalog from any other SQLite file
BUSY_SECONDS = 30.0

# Why each index: records_by_time and _by_repo answer a window without touching the wide rows; records_to_index holds only what
# waits, so that the queue costs nothing when it is empty; records_by_tail finds a SHA prefix, a number, a tag or an arXiv id.
_VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE sources (
    source TEXT PRIMARY KEY, use TEXT NOT NULL, repo TEXT NOT NULL, status TEXT NOT NULL, pid INTEGER,
    started INTEGER, ended INTEGER, last_success INTEGER,
    fetched INTEGER NOT NULL DEFAULT 0, expected INTEGER, new INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,
    truncated TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', cursor TEXT
) WITHOUT ROWID;

CREATE TABLE records (
    doc INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tail TEXT NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL,
    repo TEXT NOT NULL, ref TEXT NOT NULL, url TEXT NOT NULL, author TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL,
    labels TEXT NOT NULL, marks TEXT NOT NULL, meta TEXT NOT NULL, first_tag TEXT NOT NULL DEFAULT '',
    content_hash TEXT NOT NULL, indexed_hash TEXT, gone INTEGER NOT NULL DEFAULT 0, title TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX records_by_time ON records(at DESC, doc, repo, kind, gone);
CREATE INDEX records_by_source ON records(source, gone, kind, at);
CREATE INDEX records_by_repo ON records(repo, at DESC, doc, kind, gone);
CREATE INDEX records_by_tail ON records(tail, kind);
CREATE INDEX records_to_index ON records(at DESC, doc) WHERE gone = 0 AND indexed_hash IS NOT content_hash;
CREATE INDEX records_gone ON records(doc) WHERE gone = 1;

-- Which sources have a record now: it is gone when none has.
CREATE TABLE holders (
    doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE,
    source TEXT NOT NULL REFERENCES sources(source) ON DELETE CASCADE,
    PRIMARY KEY (doc, source)
) WITHOUT ROWID;
CREATE INDEX holders_by_source ON holders(source);

CREATE TABLE events (
    doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE, position INTEGER NOT NULL,
    kind TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (doc, position)
) WITHOUT ROWID;

CREATE TABLE links (
    doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE, position INTEGER NOT NULL,
    rel TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (doc, position)
) WITHOUT ROWID;
CREATE INDEX links_by_target ON links(target, rel);

-- patch is zlib-compressed UTF-8, NULL where there is none; the last column, so that a list of files does not read it.
CREATE TABLE files (
    file INTEGER PRIMARY KEY, doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE,
    path TEXT NOT NULL, old_path TEXT NOT NULL, status TEXT NOT NULL, additions INTEGER NOT NULL, deletions INTEGER NOT NULL,
    binary INTEGER NOT NULL, truncated INTEGER NOT NULL, patch BLOB
);
CREATE INDEX files_by_doc ON files(doc);

CREATE TABLE tags (
    repo TEXT NOT NULL, name TEXT NOT NULL, sha TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (repo, name)
) WITHOUT ROWID;

-- The tokens each lexical table holds for a record (zlib), because a contentless FTS5 table must be told what to take out.
CREATE TABLE lexical (
    doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE, field TEXT NOT NULL, tokens BLOB NOT NULL
);
CREATE UNIQUE INDEX lexical_by_field ON lexical(field, doc);
CREATE INDEX lexical_by_doc ON lexical(doc);
"""


def _run_script(connection: sqlite3.Connection, script: str) -> None:
    # executescript() would commit the surrounding transaction first; a step must be able to roll back.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def _first_version(connection: sqlite3.Connection) -> None:
    _run_script(connection, _VERSION_1)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("INSERT INTO meta VALUES ('uuid', ?), ('stamp', '0')", (uuid.uuid4().hex,))


# records.gone: 0 it is there; 1 it is gone; 2 it is no part of the branch that is read, and stands only in releases that have
# it (see the mark "off-branch"). Whoever asks for 0 sees neither of the others.
#
# events_by_time answers "closed last week"; mentions are what a record's text says of others, worked out from it when it is
# written (see kb.references); runs are the ended runs of each source, the latest ones.
_VERSION_2 = """
CREATE TABLE notes (
    doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE, position INTEGER NOT NULL, kind TEXT NOT NULL,
    at INTEGER NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL, verdict TEXT NOT NULL, url TEXT NOT NULL,
    PRIMARY KEY (doc, position)
);

CREATE TABLE mentions (
    doc INTEGER NOT NULL REFERENCES records(doc) ON DELETE CASCADE, position INTEGER NOT NULL,
    rel TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (doc, position)
) WITHOUT ROWID;
CREATE INDEX mentions_by_target ON mentions(target, rel);
CREATE INDEX events_by_time ON events(kind, at, doc);
DROP INDEX records_gone;
CREATE INDEX records_not_there ON records(gone) WHERE gone <> 0;

ALTER TABLE tags ADD COLUMN previous TEXT NOT NULL DEFAULT '';
ALTER TABLE tags ADD COLUMN beyond INTEGER NOT NULL DEFAULT 0;
CREATE TABLE tag_commits (
    repo TEXT NOT NULL, tag TEXT NOT NULL, position INTEGER NOT NULL, sha TEXT NOT NULL, PRIMARY KEY (repo, tag, position)
) WITHOUT ROWID;
CREATE INDEX tag_commits_by_sha ON tag_commits(sha, repo);

ALTER TABLE sources ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sources ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN limit_reset INTEGER;
ALTER TABLE sources ADD COLUMN notes TEXT NOT NULL DEFAULT '[]';
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, source TEXT NOT NULL REFERENCES sources(source) ON DELETE CASCADE, status TEXT NOT NULL,
    started INTEGER, ended INTEGER, fetched INTEGER NOT NULL, expected INTEGER, new INTEGER NOT NULL, changed INTEGER NOT NULL,
    gone INTEGER NOT NULL, truncated TEXT NOT NULL, error TEXT NOT NULL, requests INTEGER NOT NULL, limit_reset INTEGER,
    notes TEXT NOT NULL
);
CREATE INDEX runs_by_source ON runs(source, run);
"""


def _second_version(connection: sqlite3.Connection) -> None:
    _run_script(connection, _VERSION_2)


STEPS: tuple[Step, ...] = (_first_version, _second_version)


def version(connection: sqlite3.Connection) -> int:
    """The file's schema version; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raises CatalogError when the file is another program's, or newer than this one."""
    found = version(connection)
    if found > len(STEPS):
        raise CatalogError(
            f"{path} was written by a newer infra-kb (schema {found}, this one knows {len(STEPS)})",
            remedy="upgrade infra-kb, or set another data_dir",
        )
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    strange = found == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if strange or (found and application != APPLICATION_ID):
        raise CatalogError(f"{path} is a SQLite file of another program", remedy="set another data_dir")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Run the steps that the file has not seen, all in one transaction."""
    check(connection, path)
    if version(connection) == len(STEPS):
        return
    with transaction(connection):
        for step in STEPS[version(connection) :]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def stamp(connection: sqlite3.Connection) -> str:
    """A value that changes whenever records, tags or lexical rows do; never the same for two stores."""
    found = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('uuid', 'stamp')"))
    return f"{found['uuid']}:{found['stamp']}"


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction: takes the write lock at once, commits at the end, rolls back on any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself when the disk is full
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into CatalogErrors that name the file and say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        message = str(error)
        wrapped = DamagedCatalogError if any(sign in message for sign in _DAMAGED) else CatalogError
        raise wrapped(f"{path}: {message}", remedy=_remedy(message)) from error


_DAMAGED = ("not a database", "malformed", "Could not decode")


def _remedy(message: str) -> str:
    if "not a database" in message:
        return "the file is not SQLite: move it away, or set another data_dir"
    if "malformed" in message or "Could not decode" in message:
        return "the file is damaged: move it away and run `kb sync`, which fetches everything again"
    if "locked" in message or "busy" in message:
        return f"another process has been writing for over {BUSY_SECONDS:.0f} seconds: let it finish, then try again"
    if "readonly" in message or "unable to open" in message:
        return "check that the folder exists and that you may write in it, or set another data_dir"
    if "full" in message:
        return "free some disk space, then run `kb sync` again: it goes on where it stopped"
    return "run `kb sync`; if this comes again, move the file away and sync anew"


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection with the pragmas every user of the file needs. May be used from any thread, by one at a time."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA mmap_size = 1073741824")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA user_version").fetchone()  # the first to read the file: here it shows what is wrong with it
    except BaseException:
        connection.close()
        raise
    return connection


def identity(path: Path) -> tuple[int, int] | None:
    """What tells the file at ``path`` from any other that was there or will be, while it is open; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def make_writable(connection: sqlite3.Connection) -> None:
    """Prepare a connection for writing: after ``check``, because switching to WAL changes the file."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 67108864")


class Readers:
    """Connections for reading, each lent to one thread at a time; as many as there were readers at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._closed = False

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection within a read transaction: every query sees the same state, and no writer is blocked."""
        if self._closed:
            raise CatalogError(f"{self._path}: the catalog is closed")
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self._path, read_only=True)
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.put(connection)

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it comes back."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
