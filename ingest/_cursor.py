"""Cursors as text: a frozen dataclass to JSON and back, each value of the type that its field says."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter


class Dataclass(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Dataclass)


def dumps(cursor: Dataclass, *, version: int) -> str:
    """A cursor as text; ``version`` is of what its fields mean."""
    return json.dumps({"v": version, **asdict(cursor)}, sort_keys=True)


def loads(kind: type[T], text: str | None, *, version: int) -> T | None:
    """The cursor that ``dumps`` wrote, or None for none and for what is not one: an earlier version's, or anything else.

    Everything is read again then, which changes nothing that is stored.
    """
    try:
        values = json.loads(text or "null")
        if not isinstance(values, dict) or values.pop("v", None) != version:
            return None
        if not values.keys() <= {field.name for field in fields(kind)}:
            return None
        found: T = _adapter(kind).validate_json(json.dumps(values), strict=True)
    except (ValueError, RecursionError):
        return None
    return found


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
