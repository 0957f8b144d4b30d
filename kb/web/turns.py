"""A conversation: the last turns of it, and what of them can be asked for again; the page keeps what they look like. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kb import payloads
from kb.types import Answer, Quote, Scope
from kb.web.asking import Asking
from kb.web.filters import Filters

MOST = 12  # turns that are kept


@dataclass(frozen=True)
class Turn:
    """``scope`` is None where there is no answer; ``shown`` are the filters above it; ``packed`` is its JSON, compressed."""

    number: int
    asking: Asking
    scope: Scope | None = None
    shown: Filters = field(default_factory=Filters)
    packed: bytes = b""

    @property
    def answer(self) -> dict[str, Any]:
        """The answer as ``kb ask --json`` gives it; empty where there is none."""
        return dict(json.loads(zlib.decompress(self.packed))) if self.packed else {}

    @property
    def payload(self) -> str:
        """The answer as ``kb ask --json`` prints it, indented; "" where there is none."""
        return json.dumps(self.answer, indent=2, ensure_ascii=False) if self.packed else ""

    def exported(self, what: str) -> tuple[str, str]:
        """A file's name and text. ``what``: json, markdown, or copy (of the Markdown, which needs no name)."""
        if not self.packed:
            return "", ""
        if what == "json":
            return f"answer-{self.number}.json", self.payload
        text = str(self.answer["answer"])
        return ("", text) if what == "copy" else (f"answer-{self.number}.md", f"# {self.asking.text}\n\n{text}\n")


def packed(answer: Answer) -> bytes:
    """An answer's JSON for ``Turn.packed``."""
    return zlib.compress(json.dumps(payloads.answer(answer), ensure_ascii=False).encode())


def quotes_of(answer: Answer) -> dict[str, Quote]:
    """What an answer quotes, by record."""
    return {item.record.id: item.quote for item in answer.evidence}


def with_turn(turns: Sequence[Turn], turn: Turn) -> tuple[Turn, ...]:
    """The conversation with a turn: in the place of the one with its number, or at the end."""
    if any(other.number == turn.number for other in turns):
        return tuple(turn if other.number == turn.number else other for other in turns)
    return (*turns, turn)[-MOST:]
