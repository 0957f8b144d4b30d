"""How each source stands for a window: read and quiet, late, failed, cut short, or never asked about that time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.report.types import Frame
from kb.types import LedgerRow

FAILED = ("failed", "interrupted", "running", "never")


@dataclass(frozen=True, slots=True)
class Standing:
    """A source and its ``state``: read (to the window's end, whatever became of it later), late (not since then), failed,
    truncated, or before: the window ended before what was read of it begins. ``partly``: its history begins within the window.
    """

    row: LedgerRow
    state: str
    partly: bool = False

    @property
    def whole(self) -> bool:
        """Whether its silence means that nothing happened."""
        return self.state == "read" and not self.partly

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.row.repo or self.row.source


def standings(ledger: Iterable[LedgerRow], frame: Frame) -> tuple[Standing, ...]:
    """Each source as it stands for the window of ``frame``."""
    return tuple(_standing(row, frame) for row in ledger)


def _standing(row: LedgerRow, frame: Frame) -> Standing:
    start, end = frame.window.start, frame.window.end or frame.as_of
    if row.last_success is None or (row.status in FAILED and row.last_success < end):
        return Standing(row, "failed")
    if row.since is not None and end <= row.since:
        return Standing(row, "before")
    partly = row.since is not None and (start is None or start < row.since)
    if row.truncated and row.status not in FAILED:
        return Standing(row, "truncated", partly)
    return Standing(row, "read" if row.last_success >= end else "late", partly)


def quiet(every: Sequence[Standing], busy: Iterable[str]) -> list[str]:
    """Repositories of which every source is whole and that are not among the ``busy`` ones."""
    by_repo: dict[str, list[Standing]] = {}
    for one in every:
        by_repo.setdefault(one.row.repo, []).append(one)
    return [repo for repo, own in by_repo.items() if repo and repo not in set(busy) and all(one.whole for one in own)]


def unread(every: Sequence[Standing]) -> list[str]:
    """Names of the sources that could not be read, each once."""
    return list(dict.fromkeys(one.name for one in every if one.state == "failed"))


def unasked(every: Sequence[Standing]) -> dict[str, datetime]:
    """Name -> from when on it is stored, of those whose history begins after the window's start."""
    return {one.name: one.row.since for one in every if one.row.since and (one.state == "before" or one.partly)}
