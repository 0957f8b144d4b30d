"""Commits off the branch (the mark "off-branch") in the store: in the releases that have them, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.catalog import Catalog, Filter, Stored
from kb.types import Event, Link, Record, Snapshot, Tag, Window
from tests.records import REPO, commit, day, pull, put, sha, thread, titles


def off(number: int, title: str = "", **fields: object) -> Record:
    """Commit ``number`` as only a release has it."""
    events = (Event("committed", day(number)),)
    return commit(number, title, **{"marks": ("off-branch",), "events": events, **fields})


V1 = Tag("v1", sha(2), day(2), commits=(sha(2), sha(1)))
V2 = Tag("v2", sha(11), day(6), previous="v1", commits=(sha(11), sha(10), sha(3)))
V3 = Tag("v3", sha(12), day(7), previous="v2", commits=(sha(12),))
PICK = off(10, "moe kernel, picked", links=(Link("pull", f"pull:{REPO}#3"),))
FIX = off(11, "version of moe")
LATER = off(12, "fix of the fix")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Commits 1 to 4 landed; v2 was cut after 3, with 10 (picked from 4's neighbour 3) and 11; v3 has 12 alone."""
    with Catalog.open(tmp_path / "catalog.db") as opened:
        on_branch = [commit(number, f"moe change {number}") for number in range(1, 5)]
        put(opened, *on_branch, PICK, FIX, LATER, tags=(V1, V2, V3))
        yield opened


def of_release(*names: str, **filter: object) -> Filter:
    return Filter(window=Window(releases=tuple(f"release:{REPO}@{name}" for name in names)), **filter)  # type: ignore[arg-type]


def test_a_release_has_them(catalog: Catalog) -> None:
    expected = ["version of moe", "moe kernel, picked", "moe change 3"]
    assert titles(catalog, catalog.select(of_release("v2"))) == expected
    assert catalog.count(of_release("v2", kinds=("commit",), repos=(REPO,), once=True)) == 3
    assert titles(catalog, catalog.select(of_release("v3"))) == ["fix of the fix"]
    assert titles(catalog, catalog.select(of_release("v2", "v3"))) == ["fix of the fix", *expected]
    assert catalog.count(of_release("v1")) == 2


def test_no_window_has_them(catalog: Catalog) -> None:
    whole = Filter(window=Window(day(0), day(30)))
    for chosen in (Filter(), whole, Filter(repos=(REPO,)), Filter(kinds=("commit",)), Filter(events=("committed",))):
        assert not any("off-branch" in brief.marks for brief in catalog.briefs(catalog.select(chosen)))
    assert (catalog.count(Filter()), catalog.count(whole)) == (4, 4)


def test_a_release_of_unknown_commits_goes_by_time_without_them(catalog: Catalog) -> None:
    window = Window(day(3), day(30), releases=(f"release:{REPO}@v9",))
    assert titles(catalog, catalog.select(Filter(window=window))) == ["moe change 4", "moe change 3"]


def test_they_are_counted_apart(catalog: Catalog) -> None:
    assert catalog.counts() == {"git": {"commit": 4, "off-branch": 3}}
    assert catalog.size() == 7
    put(catalog, snapshot=Snapshot(frozenset({FIX.id})))
    assert catalog.counts() == {"git": {"gone": 6, "off-branch": 1}}


def test_words_find_them_in_their_release_only(catalog: Catalog) -> None:
    def found(filter: Filter | None) -> list[str]:
        return sorted(titles(catalog, [doc for doc, _ in catalog.lexical("subject", ["moe"], filter=filter)]))

    assert found(None) == found(Filter(kinds=("commit",))) == [f"moe change {number}" for number in range(1, 5)]
    assert found(of_release("v2")) == ["moe change 3", "moe kernel, picked", "version of moe"]


def test_they_link_to_nothing_that_can_be_seen_from_there(catalog: Catalog) -> None:
    assert [doc for _, _, doc in catalog.backlinks([f"pull:{REPO}#3"])] == [catalog.docs([commit(3).id])[commit(3).id]]
    assert catalog.linked([catalog.docs([PICK.id])[PICK.id]]) == [(catalog.docs([PICK.id])[PICK.id], "pull", f"pull:{REPO}#3")]


def test_a_person_who_names_one_finds_it(catalog: Catalog) -> None:
    assert catalog.record(FIX.id) == FIX
    assert titles(catalog, catalog.find_ref(sha(11)[:10])) == ["version of moe"]
    assert titles(catalog, catalog.find_ref("v2")) == ["version of moe"]  # the tagged commit
    assert titles(catalog, catalog.find_ref("#3")) == ["moe change 3"]


def test_what_is_there_comes_first_and_what_is_gone_last(catalog: Catalog) -> None:
    for number, make in enumerate((commit, commit, off), start=1):
        ref = "abcdef" + f"{number}" * 34
        record = replace(make(20 + number, f"number {number}"), id=f"commit:{REPO}@{ref}", ref=ref)
        put(catalog, record, source=f"source {number}")
    catalog.forget("source 1")
    assert titles(catalog, catalog.find_ref("abcdef")) == ["number 2", "number 3", "number 1"]


def test_the_index_has_no_use_for_them(catalog: Catalog) -> None:
    assert len(catalog.pending(10)) == catalog.pending_count() == 4
    doc = catalog.docs([commit(3).id])[commit(3).id]
    catalog.mark_indexed([(doc, commit(3, "moe change 3").content_hash)])
    put(catalog, off(3, "moe change 3"))  # the branch was rewritten
    assert catalog.unindexed_gone() == [doc]
    catalog.mark_unindexed([doc])
    assert (catalog.unindexed_gone(), catalog.pending_count()) == ([], 3)


def test_one_that_is_merged_back_is_a_commit_like_others(catalog: Catalog) -> None:
    assert put(catalog, commit(10, "moe kernel, picked")) == Stored(changed=1)
    assert catalog.count(Filter()) == 5
    assert catalog.counts() == {"git": {"commit": 5, "off-branch": 2}}
    assert len(catalog.pending(10)) == 5
    assert put(catalog, PICK) == Stored(changed=1)
    assert catalog.count(Filter()) == 4


def test_it_goes_with_its_tag_and_comes_back_off_the_branch(catalog: Catalog) -> None:
    on_branch = frozenset(commit(number).id for number in range(1, 5))
    assert put(catalog, snapshot=Snapshot(on_branch)) == Stored(gone=3)
    assert (catalog.count(of_release("v2")), catalog.count(Filter())) == (1, 4)
    assert put(catalog, snapshot=Snapshot(on_branch | {PICK.id})) == Stored(changed=1)
    assert put(catalog, FIX) == Stored(changed=1)
    assert put(catalog, FIX) == Stored(unchanged=1)
    assert (catalog.count(of_release("v2")), catalog.count(Filter())) == (3, 4)


def test_a_commit_that_another_branch_has_stays_as_it_is_there(catalog: Catalog) -> None:
    on_release_branch = commit(11, "version of moe")
    assert put(catalog, on_release_branch, source="release branch") == Stored(changed=1)
    assert put(catalog, FIX, off(12, "fix of the fix")) == Stored(unchanged=2)
    assert catalog.record(FIX.id) == on_release_branch
    assert catalog.count(Filter()) == 5
    new = commit(13)
    put(catalog, new, source="release branch")
    assert put(catalog, off(13)) == Stored(unchanged=1)
    put(catalog, source="release branch", snapshot=Snapshot(frozenset()))
    assert titles(catalog, catalog.select(Filter()))[0] == "change number 13"  # the other source has it still


def test_a_pull_request_into_a_release_branch_counts_once_in_the_release(catalog: Catalog) -> None:
    only_there = thread("pull", 40, "version of moe", opened=5, merged=6, links=(Link("landed-as", FIX.id),))
    put(catalog, only_there, pull(3, "moe kernel"), source="threads")
    window = Window(day(2.5), day(6.5), releases=(f"release:{REPO}@v2",))
    expected = ["moe change 3", "moe kernel, picked", "version of moe"]
    assert sorted(titles(catalog, catalog.select(Filter(window=window, once=True)))) == expected
    by_time = Filter(window=Window(day(5.5), day(6.5)), once=True)
    assert [brief.id for brief in catalog.briefs(catalog.select(by_time))] == [only_there.id]
