"""Helpers for tests of the archive: reports of a day, and what a folder holds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kb.catalog import Catalog
from kb.report.archive import Archive
from kb.report.sidecar import edition
from kb.report.types import Edition
from tests.reporting import at, report


def of(number: float, length: str = "1d", *, language: str = "en", repos: tuple[str, ...] = ()) -> Edition:
    """The report of a day on which nothing was read, made without a store."""
    with tempfile.TemporaryDirectory() as folder, Catalog.open(Path(folder) / "catalog.db") as empty:
        return edition(report(empty, at(number, length, language=language, repos=repos)))


def content(folder: Path) -> dict[str, bytes]:
    """Every file that a reader sees."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.name.startswith(".")}


def left(folder: Path) -> list[str]:
    """Every name but that of the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".kb-lock")


def expected(*editions: Edition) -> dict[str, bytes]:
    """What a folder holds when nothing fails."""
    with tempfile.TemporaryDirectory() as folder:
        for made in editions:
            Archive(Path(folder)).write(made)
        return content(Path(folder))
