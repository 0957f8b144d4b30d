"""Landings, first tags, cursors and plans: pure functions, against slow and simple ones on random graphs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import _git_cursor as cursors
from ingest._git_cursor import Cursor, begin, check_history, horizon, loads, plan
from ingest._git_graph import Graph, first_tags, graph, landings, mainline, off_branch, ranges, reached, with_commits
from kb.errors import ConfigError
from kb.types import Tag
from tests.gitrepo import NOW, day

Rows = list[tuple[str, int, list[str]]]


@st.composite
def histories(draw: st.DrawFn) -> Rows:
    """Commits 0, 1, 2, …; each has up to three parents among the earlier ones, most often the one before it."""
    rows: Rows = []
    for number in range(draw(st.integers(1, 25))):
        parents = draw(st.lists(st.integers(max(0, number - 6), number - 1), max_size=3, unique=True)) if number else []
        rows.append((str(number), draw(st.integers(0, 50)), [str(parent) for parent in parents]))
    return rows


def ancestors(known: Graph, tip: str) -> set[str]:
    found, waiting = set(), [tip]
    while waiting:
        sha = waiting.pop()
        found.add(sha)
        waiting += [parent for parent in known.parents[sha] if parent not in found]
    return found


@given(histories())
def test_landings_are_what_each_mainline_commit_adds(rows: Rows) -> None:
    known, tip = graph(rows), rows[-1][0]
    found = landings(known, tip)
    assert set(found.order) == ancestors(known, tip) == found.reached
    assert len(found.order) == len(set(found.order))
    before: set[str] = set()
    for commit in mainline(known, tip):
        now = ancestors(known, commit)
        assert {sha for sha, by in found.by.items() if by == commit} == now - before
        assert set(found.brought.get(commit, ())) == now - before - {commit}
        before |= now
    places = {sha: place for place, sha in enumerate(found.order)}
    assert all(places[parent] < places[sha] for sha in found.order for parent in known.parents[sha])


@given(histories())
def test_order_only_grows_at_its_end(rows: Rows) -> None:
    known, tip = graph(rows), rows[-1][0]
    longest = landings(known, tip).order
    for commit in mainline(known, tip):
        shorter = landings(known, commit).order
        assert longest[: len(shorter)] == shorter


@given(histories(), st.lists(st.integers(0, 24), max_size=4))
def test_first_tag_is_the_oldest_that_contains(rows: Rows, tagged: list[int]) -> None:
    known = graph(rows)
    tags = [Tag(f"v{place}", str(number % len(rows)), day(place)) for place, number in enumerate(tagged)]
    expected = {}
    for tag in tags:
        for sha in ancestors(known, tag.sha):
            expected.setdefault(sha, tag.name)
    assert first_tags(known, tags) == expected


@given(histories(), st.data())
def test_a_tag_has_what_it_reaches_and_the_one_before_does_not(rows: Rows, data: st.DataObject) -> None:
    known, tip = graph(rows), rows[data.draw(st.integers(0, len(rows) - 1))][0]
    order = landings(known, tip).order
    stored = order[data.draw(st.integers(0, len(order))) :]
    shas = data.draw(st.lists(st.sampled_from(rows).map(lambda row: row[0]), max_size=5))
    tags = [Tag(f"v{place}", sha, day(place)) for place, sha in enumerate(shas)]
    names = st.sampled_from([None, *(tag.name for tag in tags)])
    previous = {tag.name: before for tag in tags if (before := data.draw(names))}
    told = with_commits(ranges(known, tags, previous), tags, stored)
    assert [(tag.name, tag.sha, tag.at) for tag in told] == [(tag.name, tag.sha, tag.at) for tag in tags]
    for tag in told:
        assert tag.previous == previous.get(tag.name, "")
        older = next((ancestors(known, other.sha) for other in tags if other.name == tag.previous), set())
        new = ancestors(known, tag.sha) - older
        assert tag.commits == tuple(sha for sha in reversed(stored) if sha in new)
        assert tag.beyond == len(new - set(stored))


@given(histories(), st.data())
def test_off_the_branch_is_what_tags_have_anew_and_the_branch_does_not_reach(rows: Rows, data: st.DataObject) -> None:
    known, tip = graph(rows), rows[data.draw(st.integers(0, len(rows) - 1))][0]
    shas = data.draw(st.lists(st.sampled_from(rows).map(lambda row: row[0]), min_size=1, max_size=5))
    tags = [Tag(f"v{place}", sha, day(place)) for place, sha in enumerate(shas)]
    earlier = [st.sampled_from([None, *(other.name for other in tags[:place])]) for place in range(len(tags))]
    previous = {tag.name: before for tag, names in zip(tags, earlier, strict=True) if (before := data.draw(names))}
    since = data.draw(st.sampled_from([None, *range(len(tags))]))
    on_branch = reached(known, tip)
    assert on_branch == ancestors(known, tip)

    def off(count: int) -> tuple[str, ...]:
        beginning = None if since is None else int(day(since).timestamp())
        return off_branch(known, ranges(known, tags[:count], previous), on_branch, since=beginning, cut=None)

    expected: set[str] = set()
    for tag in tags[since or 0 :]:
        older = next((ancestors(known, other.sha) for other in tags if other.name == previous.get(tag.name)), set())
        expected |= ancestors(known, tag.sha) - older - on_branch
    assert sorted(off(len(tags))) == sorted(expected)
    for count in range(len(tags)):
        assert off(count) == off(len(tags))[: len(off(count))]


def test_a_release_shows_its_own_commits_before_the_next_ones_and_parents_first() -> None:
    known = graph([("a", 1, []), ("b", 2, ["a"]), ("r1", 9, ["a"]), ("r2", 3, ["r1"]), ("s1", 4, ["r1"])])
    tags = [Tag("v1", "r2", day(1)), Tag("v2", "s1", day(2))]
    found = ranges(known, tags, {"v2": "v1"})
    assert off_branch(known, found, {"a", "b"}, since=None, cut=None) == ("r1", "r2", "s1")
    assert off_branch(known, found, {"a", "b"}, since=None, cut=3) == ("r1", "s1")


def test_a_tag_whose_commit_is_not_there_is_left_as_it_is() -> None:
    known = graph([("a", 1, []), ("b", 2, ["a"])])
    tags = [Tag("v1", "missing", day(1)), Tag("v2", "b", day(2)), Tag("v3", "b", day(3))]
    told = with_commits(ranges(known, tags, {"v2": "v1", "v3": "v2"}), tags, ["a", "b"])
    assert told == (tags[0], tags[1], Tag("v3", "b", day(3), "v2"))


def test_long_history_needs_no_recursion() -> None:
    rows: Rows = [(str(number), number, [str(number - 1)] if number else []) for number in range(20_000)]
    rows.append(("merge", 20_000, ["0", "19999"]))
    found = landings(graph(rows), "merge")
    assert found.order[:2] == ("0", "1")
    assert found.by["19999"] == "merge"
    tags = [Tag(f"v{number}", str(number), day(number / 1000)) for number in range(99, 20_000, 100)]
    assert len(first_tags(graph(rows), tags)) == 20_000
    new = ranges(graph(rows), tags, {f"v{n}": f"v{n - 100}" for n in range(199, 20_000, 100)})
    assert off_branch(graph(rows), new, set(), since=None, cut=None) == tuple(str(number) for number in range(20_000))
    told = with_commits(new, tags, found.order)
    assert all(tag.commits == tuple(str(int(tag.sha) - back) for back in range(100)) for tag in told)


def test_shallow_cut_leaves_out_what_may_be_old_mainline() -> None:
    """A late merge of an old branch reaches old mainline commits by its side, beyond where the clone was cut."""
    rows: Rows = [
        ("old", 10, []),
        ("cut", 50, []),
        ("new side", 60, ["old"]),
        ("merge", 70, ["cut", "new side"]),
    ]
    found = landings(graph(rows), "merge", frozenset({"cut"}))
    assert found.order == ("cut", "new side", "merge")
    assert found.brought == {"merge": ("new side",)}
    assert found.cut == 50
    assert "old" in found.reached
    assert landings(graph(rows), "merge").order == ("cut", "old", "new side", "merge")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("90 days", datetime(2025, 12, 1, 12, tzinfo=UTC)),
        ("1 day", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("2 weeks", datetime(2026, 2, 15, 12, tzinfo=UTC)),
        ("3 Months", datetime(2025, 12, 1, 12, tzinfo=UTC)),
        ("1 year", datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ("7d", datetime(2026, 2, 22, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 2, 15, 12, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T09:30Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31T09:30:00+02:00", datetime(2026, 1, 31, 7, 30, tzinfo=UTC)),
        ("2026-01-31 09:30", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
    ],
)
def test_horizon(history: str, expected: datetime) -> None:
    assert horizon(history, NOW) == int(expected.timestamp())
    assert check_history(history) == history


def test_month_ends_and_leap_days() -> None:
    assert horizon("1 month", datetime(2026, 3, 31, tzinfo=UTC)) == int(datetime(2026, 2, 28, tzinfo=UTC).timestamp())
    assert horizon("1 year", datetime(2024, 2, 29, tzinfo=UTC)) == int(datetime(2023, 2, 28, tzinfo=UTC).timestamp())
    assert horizon("12 months", datetime(2026, 1, 15, tzinfo=UTC)) == int(datetime(2025, 1, 15, tzinfo=UTC).timestamp())
    assert horizon("all", NOW) is None
    assert horizon("1900-01-01", NOW) == 0


@pytest.mark.parametrize(
    "history", ["", "90", "ninety days", "90 hours", "0 days", "-3 days", "2026-13-01", "99999 years", "since May"]
)
def test_bad_history_is_named(history: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_history(history)
    assert repr(history) in caught.value.message
    assert '"90 days"' in caught.value.remedy


CURSOR = Cursor(branch="main", history="90 days", since=100, tip="b", base="a", done="x", tags="t")


def test_cursor_survives_being_stored() -> None:
    assert loads(CURSOR.dumps()) == CURSOR
    assert json.loads(CURSOR.dumps())["v"] == 1


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"v": 1}',
        '{"v": 2, "tip": "a"}',
        CURSOR.dumps().replace("100", '"x"'),
        CURSOR.dumps().replace('"b"', "7"),
    ],
)
def test_what_is_no_cursor_means_read_everything(text: str | None) -> None:
    assert loads(text) is None


def test_history_keeps_its_beginning() -> None:
    since = horizon("90 days", NOW)
    stored = Cursor(branch="main", history="90 days", since=since, tip="a", base="a")
    later = NOW + timedelta(days=30)
    assert begin(None, "90 days", NOW) == (since, False)
    assert begin(stored, "90 days", later) == (since, False)
    assert begin(stored, "10 days", later) == (since, False)
    assert begin(stored, "1 year", NOW) == (horizon("1 year", NOW), True)
    assert begin(stored, "all", NOW) == (None, True)
    assert begin(Cursor(branch="main", history="all", since=None, tip="a"), "90 days", NOW) == (None, False)


@given(histories(), st.data())
def test_plan_gives_each_commit_once_however_often_it_is_stopped(rows: Rows, data: st.DataObject) -> None:
    known, final_tip = graph(rows), rows[-1][0]
    since = data.draw(st.one_of(st.none(), st.integers(0, 50)))
    chain = mainline(known, final_tip)
    given_so_far: list[str] = []
    cursor: Cursor | None = None
    stops = data.draw(st.lists(st.integers(0, len(chain) - 1), max_size=4))
    for place in (*sorted(stops), len(chain) - 1):
        tip = chain[place]
        what = plan(cursor, found=landings(known, tip), dates=known.dates, branch="main", since=since, wider=False)
        assert not what.rewritten
        stop = data.draw(st.integers(0, len(what.todo))) if tip != final_tip else len(what.todo)
        read = what.todo[:stop]
        given_so_far += read
        target = Cursor(branch="main", history="x", since=since, tip=tip, base=what.base)
        if read or not what.todo:
            cursor = cursors.after(target, read[-1]) if read else target
            cursor = cursors.completed(cursor) if stop == len(what.todo) else cursor
    assert len(given_so_far) == len(set(given_so_far))
    found = landings(known, final_tip)
    in_window = {sha for sha in found.order if since is None or known.dates[found.by[sha]] >= since}
    assert in_window <= set(given_so_far)
    assert cursor is not None
    assert cursor.complete


def test_what_is_off_the_branch_is_read_once_unless_it_changes() -> None:
    first = cursors.plan_off_branch(None, ("a", "b"), wider=False)
    assert (first.todo, first.rewritten) == (("a", "b"), False)
    stored = cursors.off_branch_stored(CURSOR, ["a", "b"])
    assert loads(stored.dumps()) == stored
    for found, wider, todo, kept, rewritten in (
        (("a", "b"), False, (), ("a", "b"), False),
        (("a", "b", "c"), False, ("c",), ("a", "b"), False),
        (("a", "b", "c"), True, ("a", "b", "c"), (), False),
        (("a", "c"), False, ("a", "c"), (), True),
        (("b",), True, ("b",), (), True),
        ((), False, (), (), True),
    ):
        what = cursors.plan_off_branch(stored, found, wider=wider)
        assert (what.todo, what.stored, what.rewritten) == (todo, kept, rewritten)


def test_rewritten_branch_is_read_again() -> None:
    known = graph([("a", 1, []), ("b", 2, ["a"]), ("c", 3, ["a"])])
    stored = Cursor(branch="main", history="all", since=None, tip="b", base="b")
    found = landings(known, "c")
    what = plan(stored, found=found, dates=known.dates, branch="main", since=None, wider=False)
    assert (what.todo, what.rewritten) == (("a", "c"), True)
    other = plan(stored, found=landings(known, "b"), dates=known.dates, branch="next", since=None, wider=False)
    assert (other.todo, other.rewritten) == (("a", "b"), True)
