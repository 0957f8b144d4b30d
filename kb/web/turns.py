"""A conversation: the last turns of it, and what of them can be asked for again. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from kb import payloads
from kb.types import Answer, Quote, Scope
from kb.web.asking import Asking
from kb.web.filters import Filters

MOST = 12  # turns that are kept


@dataclass(frozen=True)
class Turn:
    """``page`` is what it looks like, compressed. ``scope`` is None where there is no answer; ``shown`` are the filters above
    it; ``packed`` is its JSON, compressed."""

    number: int
    asking: Asking
    page: bytes
    scope: Scope | None = None
    shown: Filters = field(default_factory=Filters)
    packed: bytes = b""

    @property
    def html(self) -> Markup:
        """What it looks like."""
        return Markup(zlib.decompress(self.page).decode())  # noqa: S704 (it was Markup)

    @property
    def payload(self) -> str:
        """The answer as ``kb ask --json`` prints it, indented; "" where there is none."""
        return json.dumps(json.loads(zlib.decompress(self.packed)), indent=2, ensure_ascii=False) if self.packed else ""


def paged(html: Markup) -> bytes:
    """What a turn looks like for ``Turn.page``: a session keeps a dozen of them, each of up to 100 kB."""
    return zlib.compress(html.encode())


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
