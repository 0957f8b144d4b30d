"""What programs see of reports: the objects of ``--json`` of ``kb report``, ``kb verify``, ``kb daily``. A contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kb import payloads
from kb.check.types import CheckResult
from kb.publish import Published
from kb.reports import Daily, Made


def report(made: Made, published: Published | None = None) -> dict[str, Any]:
    """The report's sidecar, with how it stands in the archive."""
    return {**made.edition.sidecar, **_stored(made), "published": _published(published)}


def _stored(made: Made) -> dict[str, Any]:
    stored = made.stored
    return {
        "status": stored.status,
        "markdown": str(stored.markdown),
        "sidecar": str(stored.sidecar),
        "files": [str(file) for file in stored.files],
        "notes": list(stored.notes),
    }


def check(file: Path, found: CheckResult) -> dict[str, Any]:
    """A check: each statement with its verdict, what the page lacks, and whether all is well."""
    window = found.frame.window if found.frame else None
    return {
        "file": str(file),
        "clean": found.clean,
        "own": found.own,
        "window": {"since": payloads.moment(window.start), "until": payloads.moment(window.end)} if window else None,
        "counts": dict(found.counts),
        "unchecked": found.unchecked,
        "findings": [
            {"line": one.line, "verdict": one.verdict, "text": one.text, "reason": one.reason, "records": list(one.ids)}
            for one in found.findings
        ],
        "faults": [{"line": fault.line, "text": fault.text} for fault in found.faults],
        "missing": list(found.missing),
        "repeated": [{"id": one.id, "lines": list(one.lines)} for one in found.repeated],
    }


def daily(done: Daily) -> dict[str, Any]:
    """What each step of a daily run did; null where it was not done."""
    return {
        "exit_code": done.exit_code,
        "sync": payloads.sync(done.synced) if done.synced else None,
        "report": report(done.made, done.published) if done.made else None,
        "revisited": [{"status": made.stored.status, "markdown": str(made.stored.markdown)} for made in done.revisited],
        "errors": [{"type": type(error).__name__, "message": error.message, "remedy": error.remedy} for error in done.errors],
    }


def _published(published: Published | None) -> dict[str, Any] | None:
    if published is None:
        return None
    return {"status": published.status, "commit": published.commit, "notes": list(published.notes)}
