"""Cursors as text (ingest/_cursor.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from ingest import _cursor


@dataclass(frozen=True)
class Place:
    page: int = 0
    since: int | None = None
    names: tuple[str, ...] = ()
    seen: Mapping[str, int] = field(default_factory=dict)


PLACE = Place(3, None, ("a", "b"), {"x": 1})


def test_a_cursor_comes_back_as_it_was() -> None:
    assert _cursor.loads(Place, _cursor.dumps(PLACE, version=2), version=2) == PLACE
    assert _cursor.loads(Place, '{"v": 2}', version=2) == Place()


@pytest.mark.parametrize(
    "text",
    [None, "", "null", "[]", "7", "no JSON", '{"page": 3}', "[" * 100_000]
    + [
        json.dumps({"v": 2, **values})
        for values in ({"page": "3"}, {"page": True}, {"page": None}, {"names": "ab"}, {"seen": {"x": "1"}}, {"more": 1})
    ],
)
def test_what_is_none_is_none(text: str | None) -> None:
    assert _cursor.loads(Place, text, version=2) is None


def test_another_versions_is_none() -> None:
    assert _cursor.loads(Place, _cursor.dumps(PLACE, version=1), version=2) is None
