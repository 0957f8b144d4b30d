"""A report to JSON: each statement with the ids of the records it rests on, each entry once. Keys are a contract. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from kb.facts import totals, zone_name
from kb.lines import Line
from kb.report.compose import cited
from kb.report.counts import counts
from kb.report.fingerprint import fingerprint
from kb.report.markdown import markdown, plain_summary, title
from kb.report.types import Edition, Report, Section, Tagged, Told
from kb.types import Evidence, LedgerRow, Quote

SCHEMA = 1


def edition(report: Report) -> Edition:
    """The report as it goes into the archive."""
    frame, beside = report.frame, sidecar(report)
    return Edition(
        day=frame.day,
        length=frame.length,
        language=frame.language,
        repos=frame.repos,
        title=title(frame),
        summary=plain_summary(report),
        markdown=markdown(report),
        sidecar=beside,
        window=frame.window,
        fingerprint=beside["fingerprint"],
        provisional=report.provisional,
    )


def sidecar(report: Report) -> dict[str, Any]:
    """The JSON object beside a report's Markdown; times are ISO 8601 in UTC, ending in Z."""
    frame = report.frame
    told = [item for section in report.sections for item in section.told]
    return {
        "schema": SCHEMA,
        "date": frame.day.isoformat(),
        "title": title(frame),
        "summary": plain_summary(report),
        "language": frame.language,
        "window": {
            "length": frame.length,
            "since": _moment(frame.window.start),
            "until": _moment(frame.window.end),
            "timezone": zone_name(frame.zone, frame.as_of),
            "as_of": _moment(frame.as_of),
        },
        "repos": list(frame.repos),
        "provisional": report.provisional,
        "fingerprint": fingerprint(report),
        "counts": _counts(told),
        "tags": [_tag(tag) for tag in report.tagged],
        "sections": [_section(section) for section in report.sections],
        "claims": [claim for item in told for claim in _claims(item)] + _outlook(report),
        "citations": [_citation(evidence) for evidence in cited(report).values()],
        "removed_claims": report.removed,
        "writer": _writer(report),
        "sources": [_ledger_row(row) for row in report.ledger],
    }


def _counts(told: list[Told]) -> dict[str, Any]:
    entries = [item.entry for item in told]
    detail = sum(item.records for item in told if item.entry.detail)
    found = counts(entries)
    repos = dict.fromkeys(entry.view.record.repo for entry in entries)
    by_repo = {repo: asdict(counts([entry for entry in entries if entry.view.record.repo == repo])) for repo in repos}
    return {**asdict(found), "detail": detail, "table": found.records - detail, "repos": by_repo}


def _tag(tag: Tagged) -> dict[str, Any]:
    return {
        "repo": tag.repo,
        "name": tag.name,
        "at": _moment(tag.at),
        "previous": tag.previous,
        "commits": tag.commits,
        "url": tag.url,
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "repo": section.repo,
        "group": section.group,
        "form": "detail" if section.detail else "table",
        "entries": [_entry(item) for item in section.told],
    }


def _entry(item: Told) -> dict[str, Any]:
    entry = item.entry
    record, changed = entry.view.record, entry.view.changed
    added, deleted = totals(changed)
    return {
        "id": record.id,
        "records": list(entry.ids),
        "key": entry.view.key,
        "kind": record.kind,
        "group": entry.group,
        "repo": record.repo,
        "ref": record.ref,
        "title": record.title,
        "url": record.url,
        "author": entry.view.subject.author,
        "at": _moment(entry.view.event.at if entry.view.event else record.at),
        "state": record.state,
        "additions": added,
        "deletions": deleted,
        "files": len(changed.files),
        "weight": round(entry.weight.score, 3),
        "reasons": list(entry.weight.reasons),
        "sentences": [
            {"text": sentence.text, "citations": list(sentence.keys), "role": sentence.role, "verbatim": sentence.verbatim}
            for sentence in item.sentences
        ],
        "hunk": _hunk(item.hunk),
    }


def _hunk(quote: Quote | None) -> dict[str, Any] | None:
    return {"text": quote.text, "path": quote.path, "line": quote.line} if quote else None


def _claims(item: Told) -> Iterable[dict[str, Any]]:
    """Every statement of an entry; each was verified before it was put on the page."""
    yield _claim(item, "head", item.head)
    for sentence in item.sentences:
        yield _stated(sentence.text, sentence.keys, item.entry.ids, sentence.role)
    for line in (*item.cells, *((item.facts,) if item.facts else ())):
        if line.pieces:
            yield _claim(item, "facts", line)
    if item.hunk:
        view = item.entry.view
        yield _stated(item.hunk.text, ((view.landed or view.commit or view).key,), item.entry.ids, "hunk")
    for child in item.children:
        yield _stated(child.text, child.keys, child.records, "brought")


def _claim(item: Told, role: str, line: Line) -> dict[str, Any]:
    return _stated(line.text, line.keys, item.entry.ids, role)


def _stated(text: str, keys: tuple[str, ...], records: tuple[str, ...], role: str) -> dict[str, Any]:
    return {"text": text, "role": role, "citations": list(keys), "records": list(records), "verdict": "exact"}


def _outlook(report: Report) -> list[dict[str, Any]]:
    ids = {key: evidence.record.id for key, evidence in report.evidence.items()}
    return [
        _stated(sentence.text, sentence.keys, tuple(ids[key] for key in sentence.keys), "outlook")
        for sentence in report.outlook
    ]


def _citation(evidence: Evidence) -> dict[str, Any]:
    record = evidence.record
    return {
        "key": evidence.key,
        "id": record.id,
        "kind": record.kind,
        "repo": record.repo,
        "ref": record.ref,
        "url": record.url,
    }


def _writer(report: Report) -> dict[str, Any]:
    written = report.written
    if written is None or not written.model:
        return {"kind": "extractive", "model": "", "fallen_back": [], "usage": {}, "problems": []}
    return {
        "kind": "model",
        "model": written.model,
        "fallen_back": list(written.fallen_back),
        "usage": dict(written.usage),
        "problems": list(written.problems),
    }


def _ledger_row(row: LedgerRow) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: _moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
