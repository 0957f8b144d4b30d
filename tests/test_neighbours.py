"""What stands beside a record (kb/neighbours.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.neighbours import neighbours
from kb.types import Event, Link, Record
from tests.records import REPO, commit, day, put, sha, thread

PAPER = Record(
    id="paper:arxiv:2602.02061", kind="paper", repo="", ref="2602.02061", title="Paging", events=(Event("published", day(0)),)
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(
            opened,
            commit(20, "Guard the table (#12)", links=(Link("pull", f"pull:{REPO}#12"),)),
            thread("pull", 12, "Guard the table", opened=15, merged=20, body="Fixes #9, see arXiv:2602.02061.\n\nCloses #404."),
            thread("issue", 9, "Crash with an empty table", opened=10, closed=20),
            thread("issue", 8, "Alike?", opened=11, body=f"Perhaps {REPO}#9 and #12."),
            commit(30, "Page more (#13)", body="fixes #8", links=()),
            thread("pull", 13, "Page more", opened=16, merged=30, links=(Link("landed-as", f"commit:{REPO}@{sha(30)}"),)),
            PAPER,
        )
        yield opened


def beside(catalog: Catalog, id: str, as_of: float | None = None) -> list[tuple[str, str]]:
    found = neighbours(catalog, [id], as_of=None if as_of is None else day(as_of))[id]
    return [
        (item.rel, item.id.removeprefix("commit:").removeprefix(f"{REPO}@") if item.record else f"? {item.id}")
        for item in found
    ]


def test_a_commit_fixes_what_its_pull_request_fixes(catalog: Catalog) -> None:
    assert beside(catalog, f"commit:{REPO}@{sha(20)}") == [
        ("pull", f"pull:{REPO}#12"),
        ("fixes", f"issue:{REPO}#9"),
        ("fixes", f"? issue:{REPO}#404"),
        ("paper", PAPER.id),
    ]


def test_an_issue_was_fixed_by_the_pull_request_and_by_the_commit_it_landed_as(catalog: Catalog) -> None:
    assert beside(catalog, f"issue:{REPO}#9") == [
        ("fixed-by", f"pull:{REPO}#12"),
        ("fixed-by", sha(20)),
        ("mentioned-by", f"issue:{REPO}#8"),
    ]


def test_a_merge_commit_that_names_no_pull_request_is_found_from_the_pull_request(catalog: Catalog) -> None:
    assert beside(catalog, f"pull:{REPO}#13") == [("landed-as", sha(30))]
    assert beside(catalog, f"commit:{REPO}@{sha(30)}") == [("pull", f"pull:{REPO}#13"), ("fixes", f"issue:{REPO}#8")]


def test_a_pull_request_that_is_named_like_an_issue_is_found(catalog: Catalog) -> None:
    assert beside(catalog, f"issue:{REPO}#8") == [
        ("fixed-by", sha(30)),
        ("mentions", f"issue:{REPO}#9"),
        ("mentions", f"pull:{REPO}#12"),
    ]
    assert ("mentioned-by", f"issue:{REPO}#8") in beside(catalog, f"pull:{REPO}#12")


def test_a_paper_is_mentioned_by_what_builds_on_it(catalog: Catalog) -> None:
    assert beside(catalog, PAPER.id) == [("mentioned-by", f"pull:{REPO}#12")]


def test_nothing_later_than_the_day_of_the_question(catalog: Catalog) -> None:
    assert beside(catalog, f"issue:{REPO}#9", as_of=18) == [
        ("fixed-by", f"pull:{REPO}#12"),
        ("mentioned-by", f"issue:{REPO}#8"),
    ]
    assert beside(catalog, f"issue:{REPO}#9", as_of=12) == [("mentioned-by", f"issue:{REPO}#8")]
    found = neighbours(catalog, [f"issue:{REPO}#9"], as_of=day(18))[f"issue:{REPO}#9"]
    assert found[0].record is not None
    assert found[0].record.state == "open"


def test_what_everybody_mentions_is_cut(catalog: Catalog) -> None:
    put(catalog, *(thread("issue", number, "me too", opened=number, body="as #9") for number in range(100, 140)))
    assert len([rel for rel, _ in beside(catalog, f"issue:{REPO}#9") if rel == "mentioned-by"]) == 8


def test_ids_that_are_not_stored_stand_alone(catalog: Catalog) -> None:
    assert neighbours(catalog, ["issue:no/where#1", "nonsense"]) == {"issue:no/where#1": (), "nonsense": ()}
    assert neighbours(catalog, []) == {}
