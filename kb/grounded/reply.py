"""A model's answer to sentences, tolerantly: some servers cannot hold a model to a schema, some models add to it. Pure."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kb.safe import one_line

ROLES = ("what", "why", "asks", "finds")
_LONGEST = 40_000  # characters of an answer
_MOST = 20  # sentences of it
_MOST_TRIED = 200  # places where a value may begin
_LONGEST_TEXT = 2_000

_FENCE = re.compile(r"^\s*```[\w-]*\s*$", re.M)
_LOOSE_COMMA = re.compile(r",(?=\s*[}\]])")
_OPENS = re.compile(r'\{(?=\s*["}])|\[(?=\s*[{\]])')
_LABEL = re.compile(r"S\d{1,3}")
_LEAD = re.compile(r"(?:[-*•·]|\d{1,2}[.)])\s+")
_BOLD = re.compile(r"\*\*(?=\S)([^*`]{1,300}?)(?<=\S)\*\*")
_CITED = re.compile(r"\s*[\[(（【]\s*S\d{1,3}(?:\s*[,，;、]\s*S\d{1,3})*\s*[\])）】]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence as a model gave it; ``labels`` are the keys that it named, in its own terms."""

    text: str
    labels: tuple[str, ...]
    role: str = "what"


def schema(labels: Collection[str]) -> Mapping[str, Any]:
    """The JSON schema of an answer that may cite these keys."""
    sentence = {
        "type": "object",
        "additionalProperties": False,
        "required": ["text", "citations", "role"],
        "properties": {
            "text": {"type": "string"},
            "citations": {"type": "array", "items": {"type": "string", "enum": list(labels)}},
            "role": {"type": "string", "enum": list(ROLES)},
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["sentences"],
        "properties": {"sentences": {"type": "array", "items": sentence}},
    }


def parse(answer: str) -> list[Draft] | None:
    """The sentences of an answer, whole ones also where the rest is broken off; None where it holds no JSON of that form.

    Code fences, text around the JSON, loose commas and a list instead of the object are put up with.
    """
    drafts: list[Draft] = []
    form = False
    for value in _values(_LOOSE_COMMA.sub("", _FENCE.sub("", answer[:_LONGEST]))):
        rows = value.get("sentences", [value]) if isinstance(value, dict) else value
        drafts += [draft for row in rows if (draft := _draft(row))] if isinstance(rows, list) else []
        form = form or rows == []
    return drafts[:_MOST] or ([] if form else None)


def _values(text: str) -> Iterator[Any]:
    """The JSON objects and lists in a text, and where one never ends those within it."""
    decoder = json.JSONDecoder()
    at = 0
    for match in islice(_OPENS.finditer(text), _MOST_TRIED):
        if match.start() >= at:
            with contextlib.suppress(ValueError, RecursionError):
                value, at = decoder.raw_decode(text, match.start())
                yield value


def _draft(row: object) -> Draft | None:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        return None
    text = _plain(row["text"][:_LONGEST_TEXT])
    named = row.get("citations", row.get("keys", ()))
    labels = named if isinstance(named, list) else [named]
    found = [label for one in labels if isinstance(one, str) for label in _LABEL.findall(one) or [one_line(one, limit=40)]]
    role = row.get("role")
    return Draft(text, tuple(dict.fromkeys(found)), role if role in ROLES else "what") if text else None


def _plain(text: str) -> str:
    """One line without the marks that models put around sentences although they are told not to."""
    line = _LEAD.sub("", one_line(text), count=1) if _LEAD.match(one_line(text)) else one_line(text)
    return _CITED.sub("", _BOLD.sub(r"\1", line)).strip()
