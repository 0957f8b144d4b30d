"""What a button or a form of a page asks for, as its script sends it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

_LONGEST = 100_000  # characters of an order
_LONGEST_VALUE = 4_000  # of one value; kb.source_form says where less is allowed
_MOST = 60  # fields


@dataclass(frozen=True, slots=True)
class Order:
    """``do`` is what, ``of`` of which; ``fields`` are those of a form, texts and True or False."""

    do: str = ""
    of: str = ""
    fields: Mapping[str, str | bool] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field that holds a text; "" where it does not."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""


def order_by(sent: str) -> Order:
    """The order in what was sent; an empty one where that is none.

    >>> order_by('{"do": "sync", "of": "flashinfer"}').of
    'flashinfer'
    """
    if len(sent) > _LONGEST:
        return Order()
    try:
        values = json.loads(sent)
    except (ValueError, RecursionError):
        return Order()
    if not isinstance(values, dict):
        return Order()
    fields = values.get("fields")
    return Order(_text(values.get("do")), _text(values.get("of")), _fields(fields if isinstance(fields, dict) else {}))


def _fields(values: Mapping[str, object]) -> dict[str, str | bool]:
    return {
        name[:_LONGEST_VALUE]: value if isinstance(value, bool) else value[:_LONGEST_VALUE]
        for name, value in list(values.items())[:_MOST]
        if isinstance(value, str | bool)
    }


def _text(value: object) -> str:
    return value[:_LONGEST_VALUE] if isinstance(value, str) else ""
