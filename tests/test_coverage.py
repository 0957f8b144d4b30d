"""How much of a topic a record holds: all of it, its names, and what the title alone holds (index/coverage.py)."""

from __future__ import annotations

import pytest

from index.coverage import Covered, covered
from tests.records import commit

RARE = {"sampl": 1, "kernel": 50, "xqa": 2}


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("XQA for decode", "", Covered(1.0, 1.0, 1.0)),
        ("Tune decode", "Speeds XQA up.", Covered(1.0, 1.0, 0.0)),
        ("Tune decode", "", Covered(0.0, 0.0, 0.0)),
    ],
)
def test_a_name_is_in_the_title_in_the_message_or_not_there(title: str, body: str, expected: Covered) -> None:
    assert covered("XQA", commit(1, title, body=body), RARE, 100) == expected


def test_of_a_topic_in_two_words_the_rarer_weighs_more() -> None:
    rarer = covered("sampling kernels", commit(1, "Sampling", body="", files=()), RARE, 100)
    commoner = covered("sampling kernels", commit(1, "Kernels", body="", files=()), RARE, 100)
    assert 1 > rarer.titled > commoner.titled > 0


def test_without_a_topic_nothing_is_held_and_no_name_is_missing() -> None:
    assert covered("", commit(1), {}, 100) == Covered(0.0, 1.0, 0.0)
