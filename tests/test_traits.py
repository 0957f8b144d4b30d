"""Traits of records: right in any order, for any part of the store, and after it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.traits import Traits
from kb.catalog import Catalog
from tests.records import commit, put

FIX = commit(1, "Fix a leak in the cache")
FEATURE = commit(2, "Add a kernel for FP8")
MERGE = replace(commit(3, "Merge branch 'main'"), marks=("merge",))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as made:
        put(made, FIX, FEATURE, MERGE)
        yield made


def docs(catalog: Catalog, *records: str) -> list[int]:
    known = catalog.docs(records)
    return [known[record] for record in records]


def test_traits_come_in_the_order_asked_for_and_again(catalog: Catalog) -> None:
    traits = Traits(catalog)
    some = docs(catalog, MERGE.id, FIX.id)
    everything = docs(catalog, FEATURE.id, MERGE.id, FIX.id)
    for _ in range(2):
        assert [list(found) for found in traits.fix_and_merge(some)] == [[0, 1], [1, 0]]
        assert [list(found) for found in traits.fix_and_merge(everything)] == [[0, 0, 1], [0, 1, 0]]
        assert list(traits.of_kind(everything, ("fix",))) == [0, 0, 1]
        assert list(traits.of_kind(everything, ("feature", "fix"))) == [1, 0, 1]
    assert [list(found) for found in traits.fix_and_merge([])] == [[], []]


def test_a_record_that_changes_has_other_traits(catalog: Catalog) -> None:
    traits = Traits(catalog)
    (doc,) = docs(catalog, FEATURE.id)
    assert traits.fix_and_merge([doc])[0][0] == 0
    assert traits.of_kind([doc], ("fix",))[0] == 0
    put(catalog, replace(FEATURE, title="Fix the kernel for FP8"))
    assert traits.fix_and_merge([doc])[0][0] == 1
    assert traits.of_kind([doc], ("fix",))[0] == 1
