"""A file of questions with their answers, read leniently: a question that cannot be asked is kept, with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """One line of a question file.

    ``gold`` and ``borderline`` are keys (see ``key``). ``as_of`` is None for now. ``language`` is that of ``text``. ``problem``
    says why the line cannot be asked.
    """

    id: Any
    text: str = ""
    kind: str = ""
    as_of: datetime | None = None
    repos: tuple[str, ...] = ()
    window: tuple[datetime | None, datetime | None] | None = None
    gold: frozenset[str] = frozenset()
    borderline: frozenset[str] = frozenset()
    language: str = "en"
    problem: str = ""


def key(id: str) -> str:
    """What a record id is compared by: a commit's SHA, so that a question need not say where it is; else the id."""
    return id.rpartition("@")[2].lower() if id.startswith("commit:") else id


def questions(path: Path, *, language: str = "en") -> list[Question]:
    """The questions of a file, one for every line that is not blank; one that is not there in ``language`` in its other one."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    return [_read(line, f"line {number}", language) for number, line in enumerate(lines, start=1) if line.strip()]


def _read(line: str, place: str, language: str) -> Question:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Question(id=place, problem=f"not JSON: {error}")
    if not isinstance(row, dict):
        return Question(id=place, problem="not a JSON object")
    identity = place if row.get("id") is None else row["id"]
    try:
        return _question(row, identity, language)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        return Question(id=identity, problem=f"{type(error).__name__}: {error}")


def _question(row: Mapping[str, Any], identity: Any, language: str) -> Question:
    keys = {"en": "query", "zh": "query_zh"}
    asked = language if row.get(keys[language]) else {"en": "zh", "zh": "en"}[language]
    text = row.get(keys[asked])
    if not isinstance(text, str) or not text.strip():
        raise ValueError("there is no query")
    named = row.get("repo") or ()
    repos = (named,) if isinstance(named, str) else tuple(named)
    window = row.get("window")
    return Question(
        id=identity,
        text=text,
        kind=row.get("kind") or "",
        as_of=_moment(row["as_of"], days=1) if row.get("as_of") else None,
        repos=repos,
        window=(_bound(window, "start"), _bound(window, "end")) if window else None,
        gold=frozenset(key(_id(item)) for item in row.get("gold") or ()),
        borderline=frozenset(key(_id(item)) for item in row.get("borderline") or ()),
        language=asked,
    )


def _id(item: str) -> str:
    return item if ":" in item else f"commit:@{item}"


def _bound(window: Mapping[str, Any], name: str) -> datetime | None:
    return _moment(window[name]) if window.get(name) else None


def _moment(text: str, *, days: int = 0) -> datetime:
    """ISO 8601, UTC where it names no zone; a bare day is ``days`` later."""
    at = datetime.fromisoformat(text)
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware + timedelta(days=days if len(text.strip()) <= len("2026-01-01") else 0)
