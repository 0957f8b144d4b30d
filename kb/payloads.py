"""What programs see: the JSON objects of ``--json``. Keys are a contract; times are ISO 8601 in UTC, ending in Z. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from kb.catalog import Run
from kb.compare import Comparison, SideAnswer
from kb.neighbours import Neighbour
from kb.sync import Indexed, SourceRun, SyncReport
from kb.types import Answer, Evidence, Hit, LedgerRow, Quote, Record, Scope
from kb.wiring import Searched, Status


def moment(at: datetime | None) -> str | None:
    """``2026-02-02T00:00:00Z``; None for None."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def ledger_row(row: LedgerRow | Run) -> dict[str, Any]:
    """A source's last run, or one of its runs, field by field."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def scope(asked: Scope) -> dict[str, Any]:
    """What was asked about. Null bounds are open; ``unresolved`` are expressions of time that were not understood.

    ``inherited`` names the parts that are from the question before; of a comparison ``sides`` has every side's scope.
    ``kb.conversation.scope_from`` reads it back.
    """
    return {
        "since": moment(asked.window.start),
        "until": moment(asked.window.end),
        "repos": list(asked.repos),
        "kinds": list(asked.kinds),
        "identifiers": list(asked.identifiers),
        "events": list(asked.events),
        "states": list(asked.states),
        "releases": list(asked.window.releases),
        "topic": asked.topic,
        "unresolved": list(asked.unresolved),
        "question": asked.question,
        "intent": asked.intent,
        "window": asked.window.label,
        "facets": list(asked.facets),
        "implied_kinds": list(asked.implied_kinds),
        "relation": asked.relation,
        "language": asked.language,
        "as_of": moment(asked.as_of),
        "resolved_at": moment(asked.resolved_at),
        "inherited": list(asked.inherited),
        "dropped": list(asked.dropped),
        "unknown_repos": list(asked.unknown_repos),
        "unclear": asked.unclear,
        "asked_topic": asked.asked_topic,
        "sides": [scope(side) for side in asked.sides],
    }


def search(searched: Searched) -> dict[str, Any]:
    """``kb search``: best first, each record once."""
    return {
        "query": searched.query,
        "scope": scope(searched.scope),
        "results": [_hit(hit, searched.beside.get(hit.record.id, ())) for hit in searched.found.hits],
        "in_window": searched.found.in_window,
        "degraded": searched.found.degraded,
        "timings_ms": dict(searched.found.timings_ms),
    }


def _hit(hit: Hit, beside: Sequence[Neighbour]) -> dict[str, Any]:
    return {
        **_record(hit.record),
        "score": hit.score,
        **_quote(hit.quote),
        "state": hit.record.state,
        "links": [_neighbour(neighbour) for neighbour in beside],
    }


def _neighbour(neighbour: Neighbour) -> dict[str, Any]:
    """What stands beside a record: its relation, and what it is where it is stored."""
    known = neighbour.record
    return {
        "rel": neighbour.rel,
        "id": neighbour.id,
        "kind": neighbour.id.partition(":")[0],
        "title": known.title if known else None,
        "url": known.url if known else None,
        "state": known.state if known else None,
    }


def _record(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "repo": record.repo,
        "ref": record.ref,
        "title": record.title,
        "url": record.url,
        "at": moment(record.at),
    }


def record(
    found: Record, *, key: str, beside: Sequence[Neighbour] = (), first_tag: str = "", gone: bool = False
) -> dict[str, Any]:
    """One record, whole: its text, its changes file by file, what was said of it, and what stands beside it.

    ``key`` is its citation key, ``first_tag`` the first tag that has it; ``gone``: no source has it any more.
    """
    return {
        **_record(found),
        "key": key,
        "author": found.author,
        "state": found.state,
        "labels": list(found.labels),
        "marks": list(found.marks),
        "gone": gone,
        "first_tag": first_tag,
        "events": [{"kind": event.kind, "at": moment(event.at)} for event in found.events],
        "meta": [{"name": name, "value": value} for name, value in found.meta],
        "links": [_neighbour(neighbour) for neighbour in beside],
        "body": found.body,
        "files": [asdict(file) for file in found.files],
        "notes": [{**asdict(note), "at": moment(note.at)} for note in found.notes],
    }


def _quote(quote: Quote) -> dict[str, Any]:
    note = quote.note
    said = {"kind": note.kind, "author": note.author, "at": moment(note.at), "url": note.url} if note else None
    return {"quote": quote.text, "path": quote.path, "line": quote.line, "note": said}


def answer(answered: Answer) -> dict[str, Any]:
    """``kb ask``: the answer as Markdown, its claims with what they rest on, and how complete it is."""
    return {
        "question": answered.question,
        "status": answered.status,
        "language": answered.language,
        "scope": scope(answered.scope),
        "answer": answered.text,
        "claims": [{"text": claim.text, "citations": list(claim.keys), "verdict": claim.verdict} for claim in answered.claims],
        "citations": [_citation(evidence) for evidence in answered.evidence],
        "coverage": asdict(answered.coverage),
        "removed_claims": answered.removed,
        "confidence": answered.confidence,
        "degraded": answered.degraded,
        "model": {**asdict(answered.model), "problems": list(answered.model.problems)} if answered.model else None,
        "sources": [ledger_row(row) for row in answered.ledger],
        **({"sides": [_side(side) for side in answered.sides]} if isinstance(answered, Comparison) else {}),
    }


def _side(side: SideAnswer) -> dict[str, Any]:
    """One side of a comparison: how complete it is, and what is counted of the records that it lists."""
    return {
        "name": side.name,
        "status": side.answer.status,
        "coverage": asdict(side.answer.coverage),
        "figures": {**asdict(side.figures), "groups": dict(side.figures.groups)},
        "matched": list(side.answer.matched),
    }


def _citation(evidence: Evidence) -> dict[str, Any]:
    return {"key": evidence.key, **_record(evidence.record), **_quote(evidence.quote)}


def sync(report: SyncReport) -> dict[str, Any]:
    """``kb sync``: each source's run, and what was indexed."""
    indexed = asdict(report.indexed) if report.indexed else None
    return {
        "status": "ok" if report.ok else "failed",
        "sources": [_run(run) for run in report.runs],
        "index": {**(indexed or {"cards": 0, "records": 0}), "error": report.index_error},
        "seconds": round(report.seconds, 3),
    }


def reindex(indexed: Indexed) -> dict[str, Any]:
    """``kb reindex``: how much the new index holds."""
    return asdict(indexed)


def _run(run: SourceRun) -> dict[str, Any]:
    return {**ledger_row(run.row), "unchanged": run.stored.unchanged, "seconds": round(run.seconds, 3)}


def status(state: Status) -> dict[str, Any]:
    """``kb status``: the ledger, and how much there is by source and kind; with ``runs`` of each source where asked for."""
    return {
        "data_dir": str(state.data_dir),
        "sources": [_source(row, state) for row in state.ledger],
        "records": state.records,
        "indexed": state.records - state.pending,
        "pending": state.pending,
    }


def _source(row: LedgerRow, state: Status) -> dict[str, Any]:
    told = {
        **ledger_row(row),
        "stale": row.is_stale(state.now),
        "configured": row.source not in state.orphans,
        "counts": dict(state.counts.get(row.source, {})),
    }
    return {**told, "runs": [ledger_row(run) for run in state.runs[row.source]]} if state.runs else told
