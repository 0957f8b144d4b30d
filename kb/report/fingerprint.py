"""What a report tells, as one hash: equal for two reports of the same facts, whenever they were made. Pure.

What changes with every run stays out: when a source was last read, what a model cost, how it worded its sentences.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from kb.facts import zone_name
from kb.lines import Line
from kb.report.types import Frame, Report, Told
from kb.types import LedgerRow

FORMAT = 1  # raised when the page of the same facts comes to look different: then a report that is made again is rewritten


def fingerprint(report: Report) -> str:
    """sha256 (64 hex digits) of a report's frame, records, lines, order, sources, and of what wrote it."""
    written = report.written
    values = {
        "format": FORMAT,
        "frame": _frame(report.frame),
        "sections": [
            [section.repo, section.group, section.detail, [_told(item) for item in section.told]] for section in report.sections
        ],
        "top": [item.entry.id for item in report.top],
        "tagged": [[tag.repo, tag.name, tag.previous, tag.commits] for tag in report.tagged],
        "sources": [_standing(row, report.frame) for row in report.ledger],
        # A model that could not be asked is no fact for ever: a page made without it is made anew with it.
        "writer": [written.model, bool(written.problems)] if written else ["", False],
    }
    return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()


def _frame(frame: Frame) -> list[Any]:
    moments = (frame.window.start, frame.window.end, frame.as_of)
    at = [moment.timestamp() if moment else None for moment in moments]
    return [frame.day.isoformat(), frame.length, frame.language, list(frame.repos), zone_name(frame.zone, frame.as_of), *at]


def _told(item: Told) -> list[Any]:
    entry = item.entry
    records = [*entry.records, *([entry.also.record] if entry.also else [])]
    lines = (item.head, *item.cells, item.facts, *item.children)
    hunk = [item.hunk.path, item.hunk.line, item.hunk.text] if item.hunk else None
    return [entry.id, [[record.id, record.content_hash] for record in records], [_line(line) for line in lines], hunk]


def _line(line: Line | None) -> list[str]:
    return [f"{piece.role}:{piece.text}:{piece.url}" for piece in line.pieces] if line else []


def _standing(row: LedgerRow, frame: Frame) -> list[Any]:
    """How a source stands as far as a page tells it: read to the window's end or not, but not when."""
    end, start = frame.window.end or frame.as_of, frame.window.start
    whole = row.last_success is not None and row.last_success >= end
    begins_later = row.since is not None and (start is None or start < row.since)
    return [row.source, row.repo, row.status, row.error, row.truncated, whole, begins_later]
