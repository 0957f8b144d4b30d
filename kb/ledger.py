"""The ledger: how each source's runs went, the last one above all; and the lock that lets one process at a time sync."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from kb.errors import CatalogError
from kb.meter import Reading
from kb.rows import clean, epoch, instant
from kb.safe import without_secrets
from kb.types import KINDS, LedgerRow

RUNS_KEPT = 100  # of each source
_RUN = "status, started, ended, fetched, expected, new, changed, gone, truncated, error, requests, limit_reset, notes"
_PATIENCE = 1.0  # seconds: `running` of another process holds the lock for an instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a run of a source went; its fields are those of LedgerRow. ``ended`` is None where its process was killed."""

    status: str
    started: datetime | None
    ended: datetime | None
    fetched: int
    expected: int | None
    new: int
    changed: int
    gone: int
    truncated: str
    error: str
    requests: int
    limit_reset: datetime | None
    notes: tuple[str, ...]


class SyncLock:
    """A lock of the operating system on ``<catalog>.lock``: it goes with its process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = Path(f"{path}.lock")
        self._lock = filelock.FileLock(str(self._path), thread_local=False)
        self._mutex = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._lock.is_locked

    def acquire(self, *, patience: float = _PATIENCE) -> bool:
        """Take it; False when another process, or another user of this object, has it."""
        with self._mutex:
            if self.held:
                return False
            try:
                self._lock.acquire(timeout=patience)
            except filelock.Timeout:
                return False
            except OSError as error:
                raise CatalogError(
                    f"{self._path}: {error.strerror}", remedy="check that you may write in this folder"
                ) from error
            return True

    def release(self) -> None:
        """Give it back; nothing where it is not held."""
        with self._mutex:
            self._lock.release(force=True)

    def taken(self) -> bool:
        """Whether a process holds it now; True where that cannot be found out."""
        if self.held:
            return True
        if not self._path.exists():
            return False
        probe = filelock.FileLock(str(self._path), thread_local=False)
        try:
            with probe.acquire(timeout=0):
                return False
        except (filelock.Timeout, OSError):
            return True


# --- within a write transaction -------------------------------------------------------------------------------------------


def start_run(connection: sqlite3.Connection) -> None:
    """Note who syncs. What still says "running" belongs to a process that is no more, as the caller holds the lock."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('sync_pid', ?)", (str(os.getpid()),))
    for (source,) in connection.execute("SELECT source FROM sources WHERE status = 'running'").fetchall():
        connection.execute("UPDATE sources SET status = 'interrupted' WHERE source = ?", (source,))
        _keep(connection, source)


def sync_pid(connection: sqlite3.Connection) -> str:
    """The process that synced last; "unknown" where none has."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'sync_pid'").fetchone()
    return row[0] if row else "unknown"


def begin(connection: sqlite3.Connection, source: str, *, use: str, repo: str, kinds: Iterable[str]) -> None:
    """A new run: its counts start at nothing; the cursor and the last success stay."""
    connection.execute(
        "INSERT INTO sources (source, use, repo, kinds, status, pid, started) VALUES (?, ?, ?, ?, 'running', ?, ?)"
        " ON CONFLICT (source) DO UPDATE SET use = excluded.use, repo = excluded.repo, kinds = excluded.kinds,"
        " status = 'running', pid = excluded.pid, started = excluded.started, ended = NULL, fetched = 0, expected = NULL,"
        " new = 0, changed = 0, gone = 0, truncated = '', error = '', requests = 0, limit_reset = NULL, notes = '[]'",
        (source, use, repo, json.dumps(list(kinds)), os.getpid(), epoch(datetime.now(UTC))),
    )


def measure(connection: sqlite3.Connection, source: str, reading: Reading) -> None:
    """What the run has used and learnt so far."""
    reset = epoch(reading.reset) if reading.reset else None
    notes = json.dumps([_told(note) for note in reading.notes])
    connection.execute(
        "UPDATE sources SET requests = ?, limit_reset = ?, notes = ? WHERE source = ?", (reading.requests, reset, notes, source)
    )


def finish(connection: sqlite3.Connection, source: str, *, status: str, error: str) -> None:
    """The run is over: ok, failed or interrupted. It joins the source's history."""
    now = epoch(datetime.now(UTC))
    connection.execute(
        "UPDATE sources SET status = ?, pid = NULL, ended = ?, error = ?,"
        " last_success = CASE ? WHEN 'ok' THEN ? ELSE last_success END WHERE source = ?",
        (status, now, _told(error), status, now, source),
    )
    _keep(connection, source)


def _keep(connection: sqlite3.Connection, source: str) -> None:
    connection.execute(
        f"INSERT INTO runs (source, {_RUN}) SELECT source, {_RUN} FROM sources WHERE source = ?",  # noqa: S608 (no input)
        (source,),
    )
    connection.execute(
        "DELETE FROM runs WHERE source = ?1 AND run <="
        " (SELECT run FROM runs WHERE source = ?1 ORDER BY run DESC LIMIT 1 OFFSET ?2)",
        (source, RUNS_KEPT),
    )


def _told(text: str) -> str:
    """What a source tells, fit to be kept: servers and libraries repeat addresses, and those may hold a token."""
    return without_secrets(clean(text))


# --- reading --------------------------------------------------------------------------------------------------------------


def rows(connection: sqlite3.Connection, lock: SyncLock) -> tuple[LedgerRow, ...]:
    """Every source's row, by name; "interrupted" where it says "running" and nobody is."""
    latest: dict[str, int] = {}
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for source, kind, at in connection.execute(
        "SELECT source, kind, max(at) FROM records WHERE gone = 0 GROUP BY source, gone, kind"
    ):
        latest[source] = max(at, latest.get(source, at))
        kinds[source].add(kind)
    table = connection.execute(f"SELECT source, use, repo, kinds, last_success, {_RUN} FROM sources ORDER BY source")  # noqa: S608 (no input)
    found = list(_dicts(table))
    running = any(values["status"] == "running" for values in found) and lock.taken()
    return tuple(
        LedgerRow(
            **{name: values[name] for name in ("source", "use", "repo")},
            **_run(values, running=running),
            last_success=_instant(values["last_success"]),
            latest=_instant(latest.get(values["source"])),
            kinds=tuple(json.loads(values["kinds"])) or tuple(kind for kind in KINDS if kind in kinds[values["source"]]),
        )
        for values in found
    )


def runs(connection: sqlite3.Connection, source: str, limit: int) -> tuple[Run, ...]:
    """The source's ended runs, latest first."""
    found = connection.execute(
        f"SELECT {_RUN} FROM runs WHERE source = ? ORDER BY run DESC LIMIT ?",  # noqa: S608 (no input)
        (source, limit),
    )
    return tuple(Run(**_run(values, running=False)) for values in _dicts(found))


def _run(values: Mapping[str, Any], *, running: bool) -> dict[str, Any]:
    """The fields that a run and a ledger row share."""
    read = {name: values[name] for name in ("fetched", "expected", "new", "changed", "gone", "truncated", "error", "requests")}
    return {
        **read,
        **{name: _instant(values[name]) for name in ("started", "ended", "limit_reset")},
        "status": "interrupted" if values["status"] == "running" and not running else values["status"],
        "notes": tuple(json.loads(values["notes"])),
    }


def _dicts(cursor: sqlite3.Cursor) -> Iterator[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else instant(seconds)
