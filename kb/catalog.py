"""The record store: one SQLite file with every record, its lexical index, and the ledger of the sources.

Writing: one process at a time syncs (``exclusive``), and each batch is one transaction. Reading: any number of processes and
threads, at any time, also while one syncs. A record belongs to every source that gives it; its content is the one given last,
and it is gone when no source has it any more. Nothing is ever deleted: what is gone stays, marked, and may come back. A commit
off the branch that is read, with the mark "off-branch", stands in the releases that have it, and nowhere else.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType

from kb import ledger, lexical, rows, schema, selection, tallies, writing
from kb.errors import CatalogError, EmptyCatalogError, SyncRunningError
from kb.ledger import Run
from kb.meter import Reading
from kb.protocols import Progress, silent
from kb.rows import Brief
from kb.selection import Filter
from kb.tallies import Size
from kb.types import Batch, LedgerRow, Record, Tag
from kb.writing import Stored

__all__ = ["Brief", "Catalog", "Filter", "Run", "Size", "Stored"]

_SETUP_PATIENCE = 30.0  # seconds: a file that must be brought up to date waits so long for a sync to end
_NOT_THERE = {rows.GONE: "gone", rows.OFF_BRANCH: "off-branch"}
_WAITS = "gone = 0 AND indexed_hash IS NOT content_hash"  # word for word the condition of the index records_to_index


class Catalog:
    """An open record store, usable from any thread; a context manager. Get one from ``Catalog.open``."""

    def __init__(self, path: Path, *, writer: sqlite3.Connection | None) -> None:
        self.path = path
        self._writer = writer
        self._mutex = threading.RLock()
        self._file = schema.identity(path)
        self._readers = schema.Readers(path)
        self._lock = ledger.SyncLock(path)
        self._begun: set[str] = set()
        self._within_exclusive = False
        self._searcher = lexical.Searcher()

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, progress: Progress = silent) -> Catalog:
        """Open a store; for writing, make it or bring it up to date (``progress`` is told of a rebuilt lexical index).

        Raises:
            CatalogError: not there (read-only), not a catalog, newer than this program, or in a folder that cannot be written.
        """
        if read_only:
            return cls._open_to_read(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(f"{path.parent}: {error.strerror}", remedy="set a data_dir that you may write in") from error
        with schema.translated(path):
            writer = schema.connect(path, read_only=False)
            catalog = cls(path, writer=writer)
            try:
                catalog._bring_up_to_date(writer, progress)
            except BaseException:
                catalog.close()
                raise
        return catalog

    @classmethod
    def _open_to_read(cls, path: Path) -> Catalog:
        if not path.exists():
            raise EmptyCatalogError(f"there is no catalog at {path} yet", remedy="run `kb sync` first")
        with schema.translated(path), contextlib.closing(schema.connect(path, read_only=True)) as connection:
            schema.check(connection, path)
            if schema.version(connection) < len(schema.STEPS):
                raise CatalogError(
                    f"{path} is from an older infra-kb", remedy="run `kb sync` once: it brings the file up to date"
                )
        return cls(path, writer=None)

    def _bring_up_to_date(self, writer: sqlite3.Connection, progress: Progress) -> None:
        schema.check(writer, self.path)
        known = schema.version(writer) == len(schema.STEPS)
        if known and lexical.is_current(writer) and rows.mentions_are_current(writer):
            schema.make_writable(writer)
            return
        if not self._lock.acquire(patience=_SETUP_PATIENCE):
            raise self._busy(writer)
        try:
            schema.make_writable(writer)
            schema.migrate(writer, self.path)
            with schema.transaction(writer):
                ledger.start_run(writer)  # a sync that finds the lock taken can say by whom
            with schema.transaction(writer):
                if not lexical.is_current(writer):
                    lexical.rebuild(writer, progress=progress)
                    writing.bump(writer)
                if not rows.mentions_are_current(writer):
                    rows.rebuild_mentions(writer, progress=progress)
                    writing.bump(writer)
        finally:
            self._lock.release()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection and give the sync lock back."""
        self._readers.close()
        with self._mutex:
            if self._writer is not None:
                self._writer.close()  # last: as the last one to close, it folds the write-ahead log into the file
                self._writer = None
        self._lock.release()

    @property
    def is_replaced(self) -> bool:
        """Whether another file is in the place of the one that is open, or none: what is read here is no longer the store."""
        return schema.identity(self.path) != self._file

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with schema.translated(self.path), self._readers.snapshot() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, schema.translated(self.path):
            if self._writer is None:
                raise CatalogError(f"{self.path} is closed or was opened read-only", remedy="open it for writing")
            with schema.transaction(self._writer) as connection:
                yield connection

    def _busy(self, connection: sqlite3.Connection) -> SyncRunningError:
        pid = ledger.sync_pid(connection) if schema.version(connection) else "unknown"
        return SyncRunningError(
            f"another sync is running (pid {pid}) on {self.path.parent}", remedy="let it finish, then try again"
        )

    # --- syncing ----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other sync of this data directory out, in any process.

        Raises:
            SyncRunningError: "another sync is running (pid …)".
        """
        self._acquire()
        self._within_exclusive = True
        try:
            yield
        finally:
            with self._mutex:
                self._within_exclusive = False
                self._begun.clear()
                self._lock.release()

    def _acquire(self) -> None:
        if not self._lock.acquire():
            with self._reading() as connection:
                raise self._busy(connection)
        try:
            with self._writing() as connection:
                ledger.start_run(connection)
        except BaseException:
            self._lock.release()
            raise

    def begin(self, source: str, *, use: str, repo: str, kinds: Sequence[str] = ()) -> None:
        """Start a run of a source; several may run at once.

        Outside ``exclusive`` this also takes the sync lock, until the last run begun is finished.
        """
        with self._mutex:
            if not self._within_exclusive and not self._begun:
                self._acquire()
            self._begun.add(source)
            with self._writing() as connection:
                ledger.begin(connection, source, use=use, repo=repo, kinds=kinds)

    def store(self, source: str, batch: Batch, *, reading: Reading | None = None) -> Stored:
        """Store a batch and its cursor in one transaction: all of it or nothing; with it what the run has used so far.

        Lone surrogates and NULs become U+FFFD, times whole seconds.

        Raises:
            CatalogError: a record cannot be stored (named), the source has no run, or the file cannot be written.
        """
        records = [rows.storable(record) for record in batch.records]
        with self._running(source) as connection:
            if reading is not None:
                ledger.measure(connection, source, reading)
            return writing.store(connection, source, batch, records)

    def finish(self, source: str, *, error: str = "", interrupted: bool = False, reading: Reading | None = None) -> LedgerRow:
        """End a run: failed where there is an ``error``, else interrupted or ok; ``last_success`` moves only for ok.

        Raises:
            CatalogError: the source has no run, or the file cannot be written.
        """
        status = "failed" if error else "interrupted" if interrupted else "ok"
        with self._mutex:
            with self._running(source) as connection:
                if reading is not None:
                    ledger.measure(connection, source, reading)
                ledger.finish(connection, source, status=status, error=error)
            self._begun.discard(source)
            if not self._within_exclusive and not self._begun:
                self._lock.release()
        return next(row for row in self.ledger() if row.source == source)

    @contextlib.contextmanager
    def _running(self, source: str) -> Iterator[sqlite3.Connection]:
        """A write transaction on behalf of a run: a thread whose run was ended for it writes nothing any more."""
        with self._writing() as connection:
            if source not in self._begun:
                raise CatalogError(f"source {source!r} was not begun", remedy="call begin() first")
            yield connection

    def forget(self, source: str) -> int:
        """Drop a source that is configured no more, with its cursor and its runs; returns how many records are gone with it.

        The tags of its repository go too, unless another source has that repository.
        """
        with self._writing() as connection:
            docs = [doc for (doc,) in connection.execute("SELECT doc FROM holders WHERE source = ?", (source,))]
            gone = writing.release(connection, source, docs)
            repos = [repo for (repo,) in connection.execute("DELETE FROM sources WHERE source = ? RETURNING repo", (source,))]
            writing.drop_tags(connection, repos)
            writing.bump(connection)
            return gone

    def cursor(self, source: str) -> str | None:
        """Where the source's next pull goes on; None at its first."""
        with self._reading() as connection:
            row = connection.execute("SELECT cursor FROM sources WHERE source = ?", (source,)).fetchone()
        return row[0] if row else None

    def ledger(self) -> tuple[LedgerRow, ...]:
        """Every source's last run, by name; a run whose process has died is "interrupted"."""
        with self._reading() as connection:
            return ledger.rows(connection, self._lock)

    def runs(self, source: str, limit: int) -> tuple[Run, ...]:
        """A source's last runs that have ended, latest first; those of the last 100 at most."""
        with self._reading() as connection:
            return ledger.runs(connection, source, limit)

    # --- selecting --------------------------------------------------------------------------------------------------------

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """source -> kind -> how many, by the source that gave a record last; those gone are counted under "gone" only, those
        off the branch under "off-branch" only."""
        result: defaultdict[str, dict[str, int]] = defaultdict(dict)
        with self._reading() as connection:
            for source, kind, gone, found in connection.execute(
                "SELECT source, kind, gone, count(*) FROM records GROUP BY source, gone, kind"
            ):
                key = _NOT_THERE.get(gone, kind)
                result[source][key] = result[source].get(key, 0) + found
        return dict(result)

    def select(self, filter: Filter) -> list[int]:
        """Numbers of the records that pass, latest window event first."""
        with self._reading() as connection:
            return self._searcher.select(connection, filter)

    def count(self, filter: Filter) -> int:
        """How many records pass."""
        with self._reading() as connection:
            return selection.count(connection, filter)

    def passing(self, filter: Filter, docs: Sequence[int]) -> set[int]:
        """Those of the numbers whose records pass."""
        with self._reading() as connection:
            return selection.passing(connection, filter, docs)

    def briefs(self, docs: Sequence[int]) -> list[Brief]:
        """One Brief for each number, in that order. Raises CatalogError for a number that no record has."""
        with self._reading() as connection:
            return rows.read_briefs(connection, docs)

    def titles(self, docs: Sequence[int]) -> list[tuple[str, tuple[str, ...]]]:
        """(title, marks) for each number, in that order: what of a Brief is cheap for thousands of records.

        Raises:
            CatalogError: a number that no record has.
        """
        with self._reading() as connection:
            return rows.read_titles(connection, docs)

    def records(self, docs: Sequence[int], *, patches: bool = True) -> list[Record]:
        """One whole Record for each number, in that order; without ``patches`` their content hash is another one.

        Raises:
            CatalogError: a number that no record has.
        """
        with self._reading() as connection:
            return rows.read_records(connection, docs, patches=patches)

    def record(self, id: str) -> Record | None:
        """The record of this id, gone, off the branch, or there."""
        with self._reading() as connection:
            row = connection.execute("SELECT doc FROM records WHERE id = ?", (rows.clean(id),)).fetchone()
            return rows.read_records(connection, [row[0]], patches=True)[0] if row else None

    def docs(self, ids: Sequence[str]) -> dict[str, int]:
        """id -> number, for those ids that the store has."""
        with self._reading() as connection:
            chosen = (rows.json_list(map(rows.clean, ids)),)
            return dict(connection.execute("SELECT id, doc FROM records WHERE id IN (SELECT value FROM json_each(?))", chosen))

    def find_ref(self, reference: str, *, repos: Sequence[str] = ()) -> list[int]:
        """Numbers of the records that a person means by ``reference``; those off the branch, then those gone come last.

        A full id, a SHA or its first 6 or more digits, "#123" or "123" (its commits on the branch, the pull, the issue),
        "v0.6.2" (the release, the tagged commit), an arXiv id with or without version; "owner/name" or "name" may stand before
        # or @. ``repos`` leaves the other repositories out.
        """
        with self._reading() as connection:
            return selection.find(connection, reference, repos=repos)

    def linked(self, docs: Sequence[int], rel: str | None = None) -> list[tuple[int, str, str]]:
        """Links that go out of these records, as (number, rel, target id): what the source says, then what the text says."""
        with self._reading() as connection:
            return connection.execute(
                "SELECT doc, rel, target FROM (SELECT 0 AS said, * FROM links UNION ALL SELECT 1, * FROM mentions)"
                " WHERE doc IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR rel = ?2) ORDER BY doc, said, position",
                (rows.json_list(docs), rel),
            ).fetchall()

    def backlinks(self, ids: Sequence[str], rel: str | None = None) -> list[tuple[str, str, int]]:
        """Links of records that are not gone to these ids, in the store or not, as (target id, rel, number)."""
        with self._reading() as connection:
            return connection.execute(
                "SELECT target, rel, doc FROM (SELECT 0 AS said, * FROM links UNION ALL SELECT 1, * FROM mentions)"
                " JOIN records USING (doc) WHERE target IN (SELECT value FROM json_each(?1))"
                " AND (?2 IS NULL OR rel = ?2) AND gone = 0 ORDER BY target, at DESC, doc, said, position",
                (rows.json_list(map(rows.clean, ids)), rel),
            ).fetchall()

    def carried(self) -> list[tuple[int, int, str]]:
        """Every commit with its pull request and with the issues that it or its pull request fixes, as (commit's number,
        thread's number, thread's kind); only what is not gone."""
        with self._reading() as connection:
            return selection.carried(connection)

    def tags(self, repo: str) -> tuple[Tag, ...]:
        """A repository's tags, latest first, without their ``commits``: select those with ``Filter(Window(releases=…))``."""
        with self._reading() as connection:
            return selection.tags(connection, rows.clean(repo))

    def released(self, repo: str) -> tuple[Tag, ...]:
        """A repository's releases as tags without a commit, latest first: what is known where no git source reads its tags."""
        with self._reading() as connection:
            return selection.released(connection, rows.clean(repo))

    def tag_commits(self, release: str) -> tuple[str, ...]:
        """SHAs new in a release ("release:owner/name@tag"), latest first; none where no git source has read its tag."""
        with self._reading() as connection:
            return selection.tag_commits(connection, rows.clean(release))

    def repos(self) -> tuple[str, ...]:
        """Every repository that a record names, in alphabetical order."""
        with self._reading() as connection:
            return selection.repositories(connection)

    def first_tags(self, docs: Sequence[int]) -> dict[int, str]:
        """number -> the first tag that contains the record, for those that have one."""
        return {brief.doc: brief.first_tag for brief in self.briefs(docs) if brief.first_tag}

    # --- tallies ----------------------------------------------------------------------------------------------------------

    def events(self, docs: Sequence[int]) -> list[tuple[int, str, datetime]]:
        """(number, kind, moment) of every event of these records, each record's in time's order; moments are aware UTC."""
        with self._reading() as connection:
            return tallies.events(connection, docs)

    def paths(self, docs: Sequence[int]) -> list[tuple[int, str]]:
        """(number, path) of every file that these records changed."""
        with self._reading() as connection:
            return tallies.paths(connection, docs)

    def sizes(self) -> dict[int, Size]:
        """number -> how much the record changed, for every record with files."""
        with self._reading() as connection:
            return tallies.sizes(connection)

    def hashes(self, docs: Sequence[int]) -> dict[int, str]:
        """number -> content hash, for those numbers that the store has."""
        with self._reading() as connection:
            return tallies.hashes(connection, docs)

    # --- lexical search ---------------------------------------------------------------------------------------------------

    def lexical(
        self,
        field: str,
        tokens: Sequence[str],
        *,
        filter: Filter | None = None,
        docs: Sequence[int] | None = None,
        limit: int = 500,
    ) -> list[tuple[int, float]]:
        """(number, BM25) of records with any of the tokens in ``field`` (see kb.text.FIELDS), best first; higher is better.

        Only records that pass ``filter`` (None: all that is not gone) and are among ``docs`` (None: all) are ranked. In a field
        of over 1,000 documents very common tokens are left out of the query (see kb.lexical).

        Raises:
            CatalogError: there is no such field.
        """
        with self._reading() as connection:
            return self._searcher.search(connection, field, tokens, chosen=filter or Filter(), docs=docs, limit=limit)

    def document_frequency(self, field: str, tokens: Sequence[str]) -> dict[str, int]:
        """token -> how many records have it in ``field``; 0 for one that none has."""
        with self._reading() as connection:
            return self._searcher.frequencies(connection, field, tokens)

    def lexical_tokens(self, docs: Sequence[int]) -> dict[int, dict[str, str]]:
        """number -> field -> the tokens that are indexed of the record, space-joined; a field without any is left out."""
        with self._reading() as connection:
            return lexical.held(connection, docs)

    def size(self) -> int:
        """How many records there are, those gone or off the branch included, as the lexical index holds them too."""
        return self.count(Filter(include_gone=True))

    @property
    def lexical_is_current(self) -> bool:
        """False when another version of the tokens was indexed: search works less well until the next opening for writing."""
        with self._reading() as connection:
            return lexical.is_current(connection)

    # --- the index's queue ------------------------------------------------------------------------------------------------

    def pending(self, limit: int) -> list[int]:
        """Numbers of records, not gone, that are new or changed since they were last indexed; latest first."""
        with self._reading() as connection:
            found = connection.execute(f"SELECT doc FROM records WHERE {_WAITS} ORDER BY at DESC, doc LIMIT ?", (limit,))  # noqa: S608
            return [doc for (doc,) in found]

    def pending_count(self) -> int:
        """How many records wait to be indexed."""
        with self._reading() as connection:
            return int(connection.execute(f"SELECT count(*) FROM records WHERE {_WAITS}").fetchone()[0])  # noqa: S608 (no input)

    def mark_indexed(self, indexed: Iterable[tuple[int, str]]) -> None:
        """Note (number, content hash of the record that was indexed): one that has changed meanwhile stays pending."""
        with self._writing() as connection:
            connection.executemany("UPDATE records SET indexed_hash = ?2 WHERE doc = ?1", indexed)

    def unindexed_gone(self) -> list[int]:
        """Numbers of records that are gone or off the branch and whose cards may still be in the vector index."""
        with self._reading() as connection:
            return [
                doc for (doc,) in connection.execute("SELECT doc FROM records WHERE gone <> 0 AND indexed_hash IS NOT NULL")
            ]

    def mark_unindexed(self, docs: Iterable[int]) -> None:
        """Note that the vector index has no cards of these records; one that is back meanwhile is pending again."""
        with self._writing() as connection:
            connection.executemany("UPDATE records SET indexed_hash = NULL WHERE doc = ?", ((doc,) for doc in docs))

    def mark_all_pending(self) -> None:
        """Have every record indexed again."""
        with self._writing() as connection:
            connection.execute("UPDATE records SET indexed_hash = NULL WHERE indexed_hash IS NOT NULL")

    def stamp(self) -> str:
        """A value that changes whenever records, tags or lexical rows do, in any process; never the same for two stores."""
        with self._reading() as connection:
            return schema.stamp(connection)
