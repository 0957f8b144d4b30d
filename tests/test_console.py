"""How the ledger looks to a person: quiet, failed, truncated, interrupted, stale and never read are six different things."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from kb.catalog import Stored
from kb.console import show_status, show_sync
from kb.sync import SourceRun, SyncReport
from kb.types import LedgerRow
from kb.wiring import Status

NOW = datetime(2026, 2, 3, 14, 0, tzinfo=UTC)


def row(source: str, status: str = "ok", *, read_before: timedelta | None = timedelta(hours=1), **fields: object) -> LedgerRow:
    last = None if read_before is None else NOW - read_before
    return LedgerRow(source=source, use="x", repo="", status=status, last_success=last, **fields)  # type: ignore[arg-type]


ROWS = (
    row("quiet", limit_reset=NOW + timedelta(minutes=12)),
    row(
        "threads",
        truncated="60 requests an hour; 900 of 1,000 are left",
        limit_reset=NOW + timedelta(minutes=12),
        notes=("moved",),
    ),
    row("far", "failed", error="no answer; check the network", limit_reset=NOW + timedelta(hours=11)),
    row("past", "failed", error="[red]no\x1b[2J", limit_reset=NOW - timedelta(minutes=1)),
    row("cut", "interrupted", read_before=timedelta(days=3), fetched=200, expected=1900),
    row("now", "running", fetched=3),
    row("papers", read_before=timedelta(hours=37), stale_after=36 * 3600.0),
    row("new", "never", read_before=None),
)


def shown(show: object, *arguments: object, width: int = 80) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width, markup=False, emoji=False, highlight=False), *arguments, UTC)  # type: ignore[operator]
    return [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]


def test_status_says_how_each_source_stands_within_eighty_columns() -> None:
    state = Status(now=NOW, data_dir=Path("data"), ledger=ROWS, counts={"quiet": {"commit": 1200, "gone": 7}})
    lines = shown(show_status, state)
    assert max(map(len, lines)) <= 80
    assert lines[2:10] == [
        " quiet    ok                  2026-02-03 13:00  –         1,200",
        " threads  truncated           2026-02-03 13:00  –             0",
        " far      failed              2026-02-03 13:00  –             0",
        " past     failed              2026-02-03 13:00  –             0",
        " cut      interrupted, stale  2026-01-31 14:00  –             0",
        " now      running             2026-02-03 13:00  –             0",
        " papers   ok, stale           2026-02-02 01:00  –             0",
        " new      never               –                 –             0",
    ]
    assert lines[10:-2] == [
        "threads: truncated: 60 requests an hour; 900 of 1,000 are left",
        "threads: limit resets 14:12, in 12 min",
        "threads: moved",
        "far: no answer; check the network",
        "far: limit resets 2026-02-04 01:00, in 11 h",
        "past: [red]no",
        "cut: interrupted: 200 of 1,900 read",
        "cut: stale: last read 3 days ago, more than 24 h",
        "now: running: 3 read",
        "papers: stale: last read 37 h ago, more than 36 h",
    ]


def test_long_names_are_folded_and_figures_are_not() -> None:
    state = Status(now=NOW, data_dir=Path("data"), ledger=(row("x" * 60),), counts={"x" * 60: {"commit": 1_234_567}})
    lines = shown(show_status, state)
    assert max(map(len, lines)) <= 80
    assert any("2026-02-03 13:00" in line and "1,234,567" in line for line in lines)


def test_sync_says_what_each_run_brought_and_used() -> None:
    counts = {"fetched": 100, "expected": 1000, "new": 90, "changed": 10, "gone": 1, "requests": 60}
    run = row("threads", read_before=None, truncated="60 requests an hour", **counts)
    lines = shown(show_sync, SyncReport((SourceRun(run, Stored(), 2.26),), seconds=3.0))
    assert [line.split() for line in lines if line[0] == " "][0::2] == [
        ["source", "status", "read", "new", "changed", "gone", "requests", "time"],
        ["threads", "truncated", "100", "of", "1,000", "90", "10", "1", "60", "2.3", "s"],
    ]
    assert lines[-2:] == ["threads: truncated: 60 requests an hour", "3.0 s"]
