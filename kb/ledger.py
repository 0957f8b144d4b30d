"""The ledger: what is known about each source's last run; and the lock that lets one process at a time sync."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import filelock

from kb.errors import CatalogError
from kb.rows import clean, epoch, instant
from kb.types import LedgerRow

_PATIENCE = 1.0  # seconds: `running` of another process holds the lock for an instant


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
    connection.execute("UPDATE sources SET status = 'interrupted' WHERE status = 'running'")


def sync_pid(connection: sqlite3.Connection) -> str:
    """The process that synced last; "unknown" where none has."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'sync_pid'").fetchone()
    return row[0] if row else "unknown"


def begin(connection: sqlite3.Connection, source: str, *, use: str, repo: str) -> None:
    """A new run: its counts start at nothing; the cursor and the last success stay."""
    connection.execute(
        "INSERT INTO sources (source, use, repo, status, pid, started) VALUES (?, ?, ?, 'running', ?, ?)"
        " ON CONFLICT (source) DO UPDATE SET use = excluded.use, repo = excluded.repo, status = 'running', pid = excluded.pid,"
        " started = excluded.started, ended = NULL, fetched = 0, expected = NULL, new = 0, changed = 0, gone = 0,"
        " truncated = '', error = ''",
        (source, use, repo, os.getpid(), epoch(datetime.now(UTC))),
    )


def finish(connection: sqlite3.Connection, source: str, *, status: str, error: str, truncated: str) -> None:
    """The run is over: ok, failed or interrupted."""
    now = epoch(datetime.now(UTC))
    connection.execute(
        "UPDATE sources SET status = ?, pid = NULL, ended = ?, error = ?, truncated = CASE ? WHEN '' THEN truncated ELSE ? END,"
        " last_success = CASE ? WHEN 'ok' THEN ? ELSE last_success END WHERE source = ?",
        (status, now, clean(error), clean(truncated), clean(truncated), status, now, source),
    )


# --- reading --------------------------------------------------------------------------------------------------------------


def rows(connection: sqlite3.Connection, lock: SyncLock) -> tuple[LedgerRow, ...]:
    """Every source's row, by name; "interrupted" where it says "running" and nobody is."""
    latest = dict(connection.execute("SELECT source, max(at) FROM records WHERE gone = 0 GROUP BY source"))
    found = connection.execute(
        "SELECT source, use, repo, status, started, ended, last_success, fetched, expected, new, changed, gone, truncated,"
        " error FROM sources ORDER BY source"
    ).fetchall()
    return tuple(_row(values, lock, latest.get(values[0])) for values in found)


def _row(values: tuple[object, ...], lock: SyncLock, latest: int | None) -> LedgerRow:
    source, use, repo, status, started, ended, last_success, fetched, expected, new, changed, gone, truncated, error = values
    return LedgerRow(
        source=str(source),
        use=str(use),
        repo=str(repo),
        status="interrupted" if status == "running" and not lock.taken() else str(status),
        started=_instant(started),
        ended=_instant(ended),
        last_success=_instant(last_success),
        fetched=_number(fetched) or 0,
        expected=_number(expected),
        new=_number(new) or 0,
        changed=_number(changed) or 0,
        gone=_number(gone) or 0,
        truncated=str(truncated),
        error=str(error),
        latest=_instant(latest),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _instant(value: object) -> datetime | None:
    return instant(value) if isinstance(value, int) else None
