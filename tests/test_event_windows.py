"""Windows by event, questions as of a day, and the commits of a release (kb/selection.py, Record.as_known)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.catalog import Catalog, Filter
from kb.types import Event, Link, Note, Record, Tag, Window
from tests.records import REPO, commit, day, put, sha, thread, titles

THREADS = (
    thread("issue", 1, "closed later", opened=1, closed=12),
    thread("issue", 2, "still open", opened=11),
    thread("pull", 3, "merged later", opened=2, merged=13),
    thread("pull", 4, "rejected", opened=3, closed=5),
    thread("pull", 5, "waiting", opened=4),
    commit(6, "landed at once"),
    commit(14, "landed late"),
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(opened, *THREADS)
        yield opened


def found(catalog: Catalog, start: float | None, end: float | None, **filter: object) -> set[str]:
    window = Window(None if start is None else day(start), None if end is None else day(end))
    return set(titles(catalog, catalog.select(Filter(window=window, **filter))))  # type: ignore[arg-type]


def test_a_window_goes_by_each_kinds_own_event(catalog: Catalog) -> None:
    assert found(catalog, 10, 14) == {"still open", "merged later"}
    assert found(catalog, 0, 10) == {"closed later", "rejected", "waiting", "landed at once"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (("closed",), {"closed later", "merged later"}),
        (("merged",), {"merged later"}),
        (("opened",), {"still open"}),
        (("opened", "closed"), {"closed later", "still open", "merged later"}),
        (("reopened",), set()),
    ],
)
def test_a_window_goes_by_the_events_asked_for(catalog: Catalog, events: tuple[str, ...], expected: set[str]) -> None:
    assert found(catalog, 10, 14, events=events) == expected


def test_what_happened_after_the_day_of_the_question_is_not_known(catalog: Catalog) -> None:
    assert found(catalog, None, 10, as_of=day(10)) == {"closed later", "merged later", "rejected", "waiting", "landed at once"}
    assert found(catalog, 2, 3, as_of=day(10)) == {"merged later"}  # opened, not yet merged
    assert found(catalog, 12, 14, as_of=day(12.5)) == set()
    assert found(catalog, 12, None, as_of=day(13.5)) == {"merged later"}
    assert found(catalog, 10, None, as_of=day(12.5), events=("closed",)) == {"closed later"}
    assert found(catalog, 10, None, as_of=day(11.5), events=("closed",)) == set()


@pytest.mark.parametrize("at", [2.5, 4.5, 9, 12.5, 20])
def test_the_filter_and_the_record_agree_on_what_was_known(catalog: Catalog, at: float) -> None:
    known = {record.title: seen for record in THREADS if (seen := record.as_known(day(at)))}
    assert found(catalog, None, None, as_of=day(at)) == set(known)
    for start, end in itertools.combinations((0, 2, 4, 6, 11, 13, 21), 2):
        expected = {title for title, seen in known.items() if day(start) <= seen.at < day(end)}
        assert found(catalog, start, min(end, at), as_of=day(at)) == {name for name in expected if known[name].at < day(at)}


def test_numbers_that_pass(catalog: Catalog) -> None:
    docs = catalog.select(Filter())
    assert catalog.passing(Filter(kinds=("issue",)), docs) == set(catalog.select(Filter(kinds=("issue",))))
    assert catalog.passing(Filter(), []) == set()


@pytest.mark.parametrize(("at", "state"), [(1.5, "open"), (12.5, "closed")])
def test_a_thread_is_in_the_state_it_was_in(at: float, state: str) -> None:
    seen = THREADS[0].as_known(day(at))
    assert seen is not None
    assert seen.state == state


def test_a_thread_that_was_opened_again_is_open() -> None:
    events = tuple(Event(kind, day(at)) for kind, at in (("opened", 1), ("closed", 2), ("reopened", 3), ("closed", 4)))
    record = replace(thread("issue", 1, "back again", opened=1, closed=4), events=events)
    states = [seen.state for at in (1.5, 2.5, 3.5, 4.5) if (seen := record.as_known(day(at)))]
    assert states == ["open", "closed", "open", "closed"]


def test_a_merged_pull_request_stays_merged_though_it_was_touched_later() -> None:
    events = tuple(Event(kind, day(at)) for kind, at in (("opened", 1), ("closed", 2), ("merged", 2), ("updated", 9)))
    record = replace(thread("pull", 1, "done", opened=1, merged=2), events=events)
    assert record.as_known(day(3)).state == "merged"  # type: ignore[union-attr]


def test_later_notes_are_not_known_and_earlier_days_know_no_record() -> None:
    notes = tuple(Note(kind="comment", at=day(at), text=f"on day {at}") for at in (2, 4))
    record = thread("issue", 1, "talked about", opened=1, notes=notes)
    assert record.as_known(day(3)).notes == notes[:1]  # type: ignore[union-attr]
    assert record.as_known(day(1)) is None
    assert record.as_known(day(9)) is record


def test_a_commit_is_known_when_it_has_landed() -> None:
    assert commit(6).as_known(day(5.9)) is None  # authored on day 5.5
    assert commit(6).as_known(day(6.1)) == commit(6)


def test_a_paper_is_known_with_the_revisions_of_its_time() -> None:
    events = (Event("published", day(1)), Event("revised", day(5)))
    paper = Record(id="paper:arxiv:2602.1", kind="paper", repo="", ref="2602.1", title="t", events=events)
    assert paper.as_known(day(3)).events == events[:1]  # type: ignore[union-attr]


# --- releases -------------------------------------------------------------------------------------------------------------


def release(name: str, at: float) -> Record:
    id = f"release:{REPO}@{name}"
    return Record(id=id, kind="release", repo=REPO, ref=name, title=name, events=(Event("released", day(at)),))


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Catalog]:
    """Commits 1 to 6 land daily; v2 was cut after commit 4 and tagged on day 6; its release was published later still."""
    with Catalog.open(tmp_path / "catalog.db") as opened:
        tags = (
            Tag("v2", sha(4), day(6), previous="v1", commits=(sha(4), sha(3)), beyond=1),
            Tag("v1", sha(2), day(2), commits=(sha(2), sha(1))),
        )
        put(
            opened,
            *(commit(number, f"change {number}") for number in range(1, 7)),
            release("v2", 8),
            release("v1", 2.5),
            tags=tags,
        )
        yield opened


def in_releases(catalog: Catalog, *names: str, **filter: object) -> list[str]:
    window = Window(day(2.1), day(6.1), releases=tuple(f"release:{REPO}@{name}" for name in names))
    return sorted(titles(catalog, catalog.select(Filter(window=window, **filter))))  # type: ignore[arg-type]


def test_a_release_has_the_commits_that_it_contains_whatever_their_date(shipped: Catalog) -> None:
    assert in_releases(shipped, "v2") == ["change 3", "change 4", "v2"]
    assert in_releases(shipped, "v1", "v2") == ["change 1", "change 2", "change 3", "change 4", "v1", "v2"]
    assert in_releases(shipped, "v2", kinds=("commit",)) == ["change 3", "change 4"]


def test_a_release_whose_commits_are_not_known_goes_by_time(shipped: Catalog) -> None:
    assert in_releases(shipped, "v9") == ["change 3", "change 4", "change 5", "change 6"]


def test_tags_come_back_without_their_commits_and_replace_each_other(shipped: Catalog) -> None:
    assert shipped.tags(REPO)[0] == Tag("v2", sha(4), day(6), previous="v1", beyond=1)
    before = shipped.stamp()
    same = (
        Tag("v1", sha(2), day(2), commits=(sha(2), sha(1))),
        Tag("v2", sha(4), day(6), previous="v1", commits=(sha(4), sha(3)), beyond=1),
    )
    put(shipped, tags=same)
    assert shipped.stamp() == before
    put(shipped, tags=same[1:])
    assert in_releases(shipped, "v2") == ["change 3", "change 4", "v2"]
    assert shipped.stamp() != before


def test_notes_come_back_as_they_went_in(tmp_path: Path) -> None:
    notes = (
        Note(kind="comment", at=day(2), author="Bo\x00b", text="first\ud800", url="https://example.org/1"),
        Note(kind="review", at=day(3), author="Eve", text="", verdict="approved"),
    )
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, thread("pull", 1, "reviewed", opened=1, notes=notes))
        record = catalog.record(f"pull:{REPO}#1")
        assert record is not None
        assert [(note.author, note.text, note.verdict) for note in record.notes] == [
            ("Bo\ufffdb", "first\ufffd", ""),
            ("Eve", "", "approved"),
        ]
        put(catalog, thread("pull", 1, "reviewed", opened=1))
        assert catalog.record(f"pull:{REPO}#1").notes == ()  # type: ignore[union-attr]
        assert catalog.lexical("message", ["first"]) == []


# --- states, and each change once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [None, 2.5, 4.5, 9, 12.5, 20])
@pytest.mark.parametrize("states", [("open",), ("closed",), ("merged",), ("closed", "merged")])
def test_states_are_those_of_the_moment(catalog: Catalog, at: float | None, states: tuple[str, ...]) -> None:
    moment = day(99 if at is None else at)
    known = [seen for record in THREADS if (seen := record.as_known(moment))]
    expected = {seen.title for seen in known if seen.state in states or seen.kind == "commit"}
    assert found(catalog, None, at, states=states, as_of=None if at is None else moment) == expected


def test_of_pull_requests_only_the_merged_ones(catalog: Catalog) -> None:
    merged: dict[str, object] = {"kinds": ("pull", "commit"), "states": ("merged",)}
    assert found(catalog, None, None, **merged) == {"merged later", "landed at once", "landed late"}
    assert found(catalog, None, 9, **merged, as_of=day(9)) == {"landed at once"}


def test_a_change_that_is_there_as_a_commit_and_as_its_pull_request_counts_once(catalog: Catalog) -> None:
    put(
        catalog,
        commit(31, "squashed (#30)", links=(Link("pull", f"pull:{REPO}#30"),)),
        thread("pull", 30, "squashed", opened=29, merged=31),
        commit(33, "rebased", links=()),
        thread("pull", 32, "the rebased one", opened=29, merged=33, links=(Link("landed-as", f"commit:{REPO}@{sha(33)}"),)),
        thread("pull", 34, "on another branch", opened=29, merged=33, links=(Link("landed-as", f"commit:{REPO}@{sha(99)}"),)),
        cursor="more",
    )
    assert found(catalog, 28, None, once=True) == {"squashed (#30)", "rebased", "on another branch"}
    assert found(catalog, 28, 30, once=True, as_of=day(30)) == {"squashed", "the rebased one", "on another branch"}
