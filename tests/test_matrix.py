"""Vectors kept in memory give what the file gives, and follow what other connections write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index.embedder import TOKEN_DIMENSION, Embedded
from index.matrix import Cards, Floats
from index.vectors import Indexed, Vectors

DIMENSION = 8
DOCS = [3, 4, 7, 9, 11, 40]


def row(doc: int, parts: tuple[str, ...], *, seed: int = 0) -> Indexed:
    made = np.random.default_rng([seed, doc])
    tokens = np.zeros((0, TOKEN_DIMENSION), np.int8)
    cards = {part: Embedded(made.normal(size=DIMENSION).astype(np.float32), tokens) for part in parts}
    return Indexed(doc, f"commit:o/r@{doc}", "hash", cards)


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Vectors]:
    made = Vectors(tmp_path / "vectors.db")
    made.store([row(doc, ("m0", "d0", "d1")[: 1 + doc % 3]) for doc in DOCS])
    yield made
    made.close()


def found(vectors: Vectors, docs: list[int], direction: Floats) -> list[tuple[int, str, float]]:
    numbers, parts, cosines = vectors.similar(docs, direction)
    return [(int(n), str(p), round(float(c), 4)) for n, p, c in zip(numbers, parts, cosines, strict=True)]


def from_file(vectors: Vectors, docs: list[int], direction: Floats) -> list[tuple[int, str, float]]:
    numbers, parts, matrix = vectors.sentences(docs)
    return [(int(n), str(p), round(float(c), 4)) for n, p, c in zip(numbers, parts, matrix @ direction, strict=True)]


@pytest.mark.parametrize("docs", [DOCS, [4], [40, 3], [9, 100, 1], [7, 7], [5], []])
def test_memory_gives_what_the_file_gives(vectors: Vectors, docs: list[int]) -> None:
    direction = np.random.default_rng(1).normal(size=DIMENSION).astype(np.float32)
    expected = from_file(vectors, docs, direction) if set(docs) & set(DOCS) else []
    assert found(vectors, docs, direction) == expected  # from the file
    assert found(vectors, docs, direction) == expected  # nothing has changed since: from memory
    assert [number for number, _, _ in expected] == sorted(number for number, _, _ in expected)


def test_another_connection_s_writing_is_seen_at_once(vectors: Vectors, tmp_path: Path) -> None:
    direction = np.ones(DIMENSION, np.float32)
    for _ in range(3):
        before = found(vectors, DOCS, direction)
    other = Vectors(tmp_path / "vectors.db")
    other.store([row(4, ("m0",), seed=5)])
    other.remove([9])
    other.close()
    after = found(vectors, DOCS, direction)
    assert after == from_file(vectors, DOCS, direction)
    assert after != before
    assert {number for number, _, _ in after} == set(DOCS) - {9}


def test_own_writing_is_seen_at_once(vectors: Vectors) -> None:
    direction = np.ones(DIMENSION, np.float32)
    for _ in range(3):
        found(vectors, DOCS, direction)
    vectors.store([row(5, ("m0", "d0"))])
    assert [number for number, _, _ in found(vectors, [5], direction)] == [5, 5]


def test_cosines_are_the_same_for_few_cards_and_for_most() -> None:
    made = np.random.default_rng(2)
    cards = Cards(np.repeat(np.arange(30), 2), np.array(["d0", "m0"] * 30), made.normal(size=(60, 8)).astype(np.float32))
    direction = made.normal(size=8).astype(np.float32)
    _, _, whole = cards.similar(list(range(30)), direction)
    for doc in range(30):
        numbers, parts, own = cards.similar([doc], direction)
        assert (numbers.tolist(), parts.tolist()) == ([doc, doc], ["d0", "m0"])
        assert np.allclose(own, whole[2 * doc : 2 * doc + 2], atol=1e-6)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list open files")
def test_threads_that_come_and_go_leave_no_file_open(vectors: Vectors, tmp_path: Path) -> None:
    def opened() -> int:
        return sum(link.resolve() == tmp_path / "vectors.db" for link in Path("/proc/self/fd").iterdir())

    before = opened()
    for _ in range(20):
        thread = threading.Thread(target=vectors.size)
        thread.start()
        thread.join()
    assert opened() <= before + 1
