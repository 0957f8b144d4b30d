"""Citation keys: the field's own short names, so that a person can check them by eye. Pure."""

from __future__ import annotations

from kb.types import Record

_SHA_DIGITS = 7


def citation_key(record: Record) -> str:
    """``flashinfer@9329fb4``, ``flashinfer#2450``, ``flashinfer@v0.6.2``, ``arXiv:2602.02061``; else the record's id."""
    name = record.repo.rpartition("/")[2]
    match record.kind:
        case "commit":
            return f"{name}@{record.ref[:_SHA_DIGITS]}"
        case "pull" | "issue":
            return f"{name}#{record.ref.removeprefix('#')}"
        case "release":
            return f"{name}@{record.ref}"
        case "paper":
            return f"arXiv:{record.ref}"
        case _:
            return record.id
