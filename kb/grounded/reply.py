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
_DEEPEST = 20  # objects within one another that are heard

_FENCE = re.compile(r"^\s*```[\w-]*\s*$", re.M)
_LOOSE_COMMA = re.compile(r",(?=\s*[}\]])")
_OPENS = re.compile(r'\{(?=\s*["}])|\[(?=\s*[{\]])')
_LABEL = re.compile(r"S\d{1,4}")
_LEAD = re.compile(r"(?:[-*•·]|\d{1,2}[.)])\s+")
_BOLD = re.compile(r"\*\*(?=\S)([^*`]{1,300}?)(?<=\S)\*\*")
_CITED = re.compile(r"\s*[\[(（【]\s*S\d{1,4}(?:\s*[,，;、]\s*S\d{1,4})*\s*[\])）】]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence as a model gave it; ``labels`` are the keys that it named, in its own terms; ``quote`` should stand verbatim
    in what it cites."""

    text: str
    labels: tuple[str, ...]
    role: str = "what"
    quote: str = ""


def schema(labels: Collection[str], *, quotes: bool = False) -> Mapping[str, Any]:
    """The JSON schema of an answer that may cite these keys: sentences with their roles, or with quotes."""
    more = {"quote": {"type": "string"}} if quotes else {"role": {"type": "string", "enum": list(ROLES)}}
    sentence = {
        "type": "object",
        "additionalProperties": False,
        "required": ["text", "citations", *more],
        "properties": {
            "text": {"type": "string"},
            "citations": {"type": "array", "items": {"type": "string", "enum": list(labels)}},
            **more,
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


class Hearing:
    """Takes an answer piece by piece, and gives each sentence as soon as its JSON object is whole."""

    def __init__(self) -> None:
        self._text = ""
        self._open: list[int] = []  # where the objects begin that have not ended
        self._in_string = False
        self._escaped = False
        self._given = 0

    def hear(self, piece: str) -> list[Draft]:
        """The sentences that end within ``piece``, which follows what was heard before."""
        at, self._text = len(self._text), self._text + piece[: max(_LONGEST - len(self._text), 0)]
        found = []
        for place in range(at, len(self._text)):
            if (start := self._ended(place)) is not None and self._given < _MOST and (draft := self._read(start, place + 1)):
                found.append(draft)
                self._given += 1
        return found

    def _ended(self, place: int) -> int | None:
        """Where the object begins that the character at ``place`` ends; None where it ends none."""
        character = self._text[place]
        if self._in_string:
            self._in_string = self._escaped or character not in '"\n'  # a loose quotation mark ends with its line
            self._escaped = not self._escaped and character == "\\"
        elif character == '"':
            self._in_string = bool(self._open)
        elif character == "{":
            self._open = [*self._open[-_DEEPEST:], place]
        elif character == "}" and self._open:
            return self._open.pop()
        return None

    def _read(self, start: int, end: int) -> Draft | None:
        with contextlib.suppress(ValueError, RecursionError):
            return _draft(json.loads(_LOOSE_COMMA.sub("", self._text[start:end])))
        return None


def objects(answer: str) -> list[Mapping[str, Any]]:
    """The JSON objects of an answer, whatever stands around them."""
    return [value for value in _values(_LOOSE_COMMA.sub("", _FENCE.sub("", answer[:_LONGEST]))) if isinstance(value, dict)]


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
    role, quote = row.get("role"), row.get("quote")
    said = one_line(quote[:_LONGEST_TEXT]) if isinstance(quote, str) else ""
    return Draft(text, tuple(dict.fromkeys(found)), role if role in ROLES else "what", said) if text else None


def _plain(text: str) -> str:
    """One line without the marks that models put around sentences although they are told not to."""
    line = _LEAD.sub("", one_line(text), count=1) if _LEAD.match(one_line(text)) else one_line(text)
    return _CITED.sub("", _BOLD.sub(r"\1", line)).strip()
