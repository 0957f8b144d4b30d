"""Filters of the command line: instants, names, and how they lie over the question's own scope."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import QueryError
from kb.filters import Filters, instant, kinds, narrowed, repositories, source_names
from kb.types import Scope, Window

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "closing", "at"),
    [
        ("2026-02-02", False, utc(2026, 2, 1, 23)),
        ("2026-02-02", True, utc(2026, 2, 2, 23)),
        ("2026-03-29", True, utc(2026, 3, 29, 22)),  # a day of 23 hours
        ("2026-02-02T09:30", False, utc(2026, 2, 2, 8, 30)),
        ("2026-02-02 09:30:05", True, utc(2026, 2, 2, 8, 30, 5)),
        ("2026-02-02T09:30:00Z", False, utc(2026, 2, 2, 9, 30)),
        (" 2026-02-02T09:30:00+08:00 ", False, utc(2026, 2, 2, 1, 30)),
    ],
)
def test_a_date_or_a_time_in_the_askers_zone(text: str, closing: bool, at: datetime) -> None:
    assert instant(text, option="--since", zone=BERLIN, closing=closing) == at


@pytest.mark.parametrize("text", ["", "tomorrowish", "2026-02-30", "2026-13-01T00:00", "9999-12-31", "\x1b[31m"])
def test_what_is_no_time_is_refused_with_the_option_and_the_forms(text: str) -> None:
    with pytest.raises(QueryError, match="--until ") as caught:
        instant(text, option="--until", zone=BERLIN, closing=True)
    assert "2026-02-02T09:30" in caught.value.remedy
    assert "\x1b" not in caught.value.message


KNOWN = ("flashinfer-ai/flashinfer", "nvidia/cutlass", "me/cutlass")


@pytest.mark.parametrize(
    ("name", "repos"),
    [
        ("flashinfer-ai/flashinfer", KNOWN[:1]),
        ("FlashInfer", KNOWN[:1]),
        ("fi", KNOWN[:1]),
        ("NVIDIA/CUTLASS", KNOWN[1:2]),
        ("cutlass", KNOWN[1:]),
    ],
)
def test_full_name_short_name_and_alias_are_one_thing(name: str, repos: tuple[str, ...]) -> None:
    assert repositories([name], known=KNOWN, aliases={KNOWN[0]: ["FI"]}) == repos


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(QueryError, match="--repo flashinfre: not known") as caught:
        repositories(["flashinfre"], known=KNOWN, aliases={})
    assert caught.value.remedy == "known: flashinfer-ai/flashinfer, me/cutlass, nvidia/cutlass"
    with pytest.raises(QueryError, match="--kind comit: not known; did you mean commit"):
        kinds(["comit"])
    with pytest.raises(QueryError, match="--source x") as caught:
        source_names(["x"], known=[])
    assert "kb sync" in caught.value.remedy


def test_kinds_in_the_plural_and_once_each() -> None:
    assert kinds(["commits", "Commit", "release"]) == ("commit", "release")


def test_filters_narrow_the_window() -> None:
    scope = Scope(question="q", window=Window(utc(2026, 2, 1), utc(2026, 2, 8), "this week"))
    within = narrowed(scope, Filters(since=utc(2026, 2, 3), until=utc(2026, 3, 1)))
    assert within.window == Window(utc(2026, 2, 3), utc(2026, 2, 8), "this week")


def test_a_filter_that_excludes_the_questions_window_or_repository_counts() -> None:
    scope = Scope(question="q", window=Window(utc(2026, 2, 1), utc(2026, 2, 8)), repos=("a/a",), kinds=("pull",))
    within = narrowed(scope, Filters(until=utc(2026, 1, 1), repos=("b/b",), kinds=("commit",)))
    assert (within.window.start, within.window.end) == (None, utc(2026, 1, 1))
    assert (within.repos, within.kinds) == (("b/b",), ("commit",))


def test_of_several_repositories_asked_for_those_filtered_remain() -> None:
    scope = Scope(question="q", repos=("a/a", "b/b"))
    assert narrowed(scope, Filters(repos=("b/b", "c/c"))).repos == ("b/b",)
    assert narrowed(scope, Filters()) == scope


@given(st.lists(st.none() | st.integers(0, 1000), min_size=5, max_size=5))
def test_nothing_after_as_of_is_ever_in_the_window(days: list[int | None]) -> None:
    start, end, since, until, as_of = (utc(2026, 1, 1) + timedelta(days=day) if day is not None else None for day in days)
    window = narrowed(Scope(question="q", window=Window(start, end)), Filters(since=since, until=until, as_of=as_of)).window
    if as_of is not None:
        assert window.end is not None
        assert window.end <= as_of
    if since is not None:
        assert window.start is not None
        assert window.start >= since
    if until is not None:
        assert window.end is not None
        assert window.end <= until
