"""Properties of time expressions over dates, month ends, leap years, zones and changes of the clock."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb import when
from kb.periods import Clock
from kb.scope import KnownRepo, ScopeContext, parse

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Havana",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Asuncion",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
days = st.dates(date(2019, 1, 1), date(2029, 12, 31))
zones = st.sampled_from(ZONES).map(ZoneInfo)
clocks = st.builds(Clock, st.datetimes(datetime(2020, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)), zones)
AFTERWARDS = datetime(2031, 1, 1, tzinfo=UTC)
PHRASES = (
    "today",
    "yesterday",
    "the day before yesterday",
    "this week",
    "last week",
    "this month",
    "last month",
    "this quarter",
    "last quarter",
    "this year",
    "last year",
    "since Monday",
    "on Tuesday",
    "last Friday",
    "over the weekend",
    "in February",
    "early March",
    "late December 2020",
    "second half of July",
    "Q3",
    "in Q3",
    "first week of May",
    "past week",
    "last 3 days",
    "2 months ago",
    "last 5 months",
    "after 29 February",
    "今天",
    "上周五",
    "上个月",
    "过去两周",
    "2 月 29 日以来",
    "去年 12 月底",
    "本季度",
    "三天前",
)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone)


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day, found without the code under test: by bisection over absolute time."""
    low = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    high = low + timedelta(hours=60)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (low, middle) if middle.astimezone(zone).date() >= day else (middle, high)
    return high.replace(microsecond=0)


@given(clocks, st.sampled_from(PHRASES))
def test_windows_are_half_open_and_never_beyond_now(clock: Clock, phrase: str) -> None:
    window = when.find(phrase, clock, {}).window
    if window.start is None:
        assert window.end is None or window.end <= clock.now
        return
    assert window.end is not None
    assert window.start < window.end <= clock.now


@given(days, zones)
def test_a_day_is_from_its_first_instant_to_the_next_days(day: date, zone: ZoneInfo) -> None:
    assume(str(zone) != "Pacific/Apia" or day.year > 2011)
    window = when.find(f"on {day.isoformat()}", Clock(AFTERWARDS, zone), {}).window
    assert window.start == first_instant(day, zone)
    assert window.end == first_instant(day + timedelta(days=1), zone)


@given(days, st.integers(0, 400), zones)
def test_ranges_written_in_seven_ways_agree(first: date, length: int, zone: ZoneInfo) -> None:
    last = first + timedelta(days=length)
    clock = Clock(AFTERWARDS, zone)
    a, b = f"{first.day} {MONTHS[first.month - 1]} {first.year}", f"{last.day} {MONTHS[last.month - 1]} {last.year}"
    american = [f"{MONTHS[day.month - 1]} {day.day}, {day.year}" for day in (first, last)]
    chinese = [f"{day.year} 年 {day.month} 月 {day.day} 日" for day in (first, last)]
    texts = (
        f"{first}..{last}",
        f"from {first} to {last}",
        f"between {a} and {b}",
        f"{a} – {b}",
        f"from {american[0]} through {american[1]}",
        f"{chinese[0]}到{chinese[1]}",
        f"从{chinese[0]}至{chinese[1]}",
    )
    found = {(window.start, window.end) for window in (when.find(text, clock, {}).window for text in texts)}
    assert found == {(first_instant(first, zone), first_instant(last + timedelta(days=1), zone))}


@given(st.integers(2019, 2029), st.integers(1, 12), zones)
def test_the_parts_of_a_month_cover_it(year: int, month: int, zone: ZoneInfo) -> None:
    clock = Clock(AFTERWARDS, zone)
    name = f"{MONTHS[month - 1]} {year}"

    def of(text: str) -> tuple[datetime | None, datetime | None]:
        window = when.find(text, clock, {}).window
        return window.start, window.end

    whole = of(f"in {name}")
    assert whole == of(f"{year} 年 {month} 月")
    early, mid, late = (of(f"{part} {name}") for part in ("early", "mid", "late"))
    assert (early[0], early[1], mid[1], late[1]) == (whole[0], mid[0], late[0], whole[1])
    first, second = of(f"first half of {name}"), of(f"second half of {name}")
    assert (first[0], second[1]) == whole
    assert second[0] == first_instant(date(year, month, 15), zone)
    assert first[1] == first_instant(date(year, month, 16), zone)


@given(clocks, st.integers(1, 500), st.sampled_from([("hour", "小时", 3600), ("day", "天", 86400), ("week", "周", 604800)]))
def test_rolling_windows_are_exact_in_absolute_time(clock: Clock, count: int, unit: tuple[str, str, int]) -> None:
    english, chinese, seconds = unit
    for text in (
        f"the last {count} {english}s",
        f"past {count} {english}s",
        f"过去 {count} {chinese}",
        f"最近{count}个{chinese}",
    ):
        window = when.find(text, clock, {}).window
        assert (window.start, window.end) == (clock.now - timedelta(seconds=count * seconds), clock.now), text


@given(clocks)
def test_calendar_units_meet(clock: Clock) -> None:
    for unit in ("week", "month", "quarter", "year"):
        before, now = (when.find(f"{which} {unit}", clock, {}).window for which in ("last", "this"))
        assert before.end == now.start
        start = now.start
        assert start is not None
        assert local(start, clock.tz).date() == first_of(unit, local(clock.now - timedelta(microseconds=1), clock.tz).date())  # type: ignore[arg-type]


def first_of(unit: str, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit]
    return date(day.year, month, 1)


@given(clocks, st.sampled_from(PHRASES), st.lists(st.sampled_from([" ", "\t", "\n", "\u3000", "  "]), min_size=1, max_size=3))
def test_case_and_white_space_do_not_matter(clock: Clock, phrase: str, spaces: list[str]) -> None:
    plain = when.find(phrase, clock, {}).window
    spread = when.find(when.squeeze(f" {''.join(spaces).join(phrase.split(' '))} ".upper()), clock, {}).window
    assert (plain.start, plain.end) == (spread.start, spread.end)


@given(st.text(max_size=300), clocks)
def test_no_text_makes_it_raise(text: str, clock: Clock) -> None:
    scope = parse(text, ScopeContext(clock.now, clock.tz, (KnownRepo("o/r"),)))
    assert scope.question == text
    assert scope.window.end is not None
    assert scope.window.end <= clock.now


# fmt: off
WORDS = st.sampled_from(
    [
        "last", "this", "first", "second", "half", "week", "month", "of", "the", "since", "between", "and",
        "from", "to", "until", "3", "31", "2026", "July", "May", "Monday", "ago", "days", "v1.2.3", "release",
        "上", "周", "月", "日", "到", "以来", "前", "第", "一", "最近", "2026-02-30", "Q2", "2", "年", ",", "-", "..", "?",
        "which", "commit", "what", "changed", "in", "flashinfer", "end", "early", "mid", "(", ")", "`", "#12",
        "abc1234", "a_b", "fixed",
    ]
)
# fmt: on


@given(st.lists(WORDS, max_size=25), clocks)
def test_no_mixture_of_time_words_makes_it_raise(words: list[str], clock: Clock) -> None:
    for text in (" ".join(words), "".join(words)):
        window = parse(text, ScopeContext(clock.now, clock.tz, (KnownRepo("o/flashinfer"),))).window
        assert window.end is not None
        assert window.start is None or window.start <= window.end <= clock.now


# fmt: off
UNITS = (
    "a", " ", "_", "a_", "aB", "a.", "a/", "(", "since the ", "between ", "2026-", "2026-02-03 ",
    "一", "一月", "v1.2.", "#", "--a", "`", "哪", "最近", "the last ", "which a ", "from ", "x ", "0-",
    "到", "2 月 3 日到", "Monday ", "what is ", ",", "\ue000", "July ", "which commit ", "last week. ",
    "《",
)
# fmt: on


@pytest.mark.parametrize("unit", UNITS)
def test_long_questions_take_time_in_proportion(unit: str) -> None:
    """Processor time of 20,000 characters; the bound is generous, a pattern that backtracks takes minutes."""
    context = ScopeContext(datetime(2026, 8, 19, tzinfo=UTC), UTC, (KnownRepo("o/r"),))
    began = time.process_time()
    parse((unit * 20_000)[:20_000] + " which commit?", context)
    assert time.process_time() - began < 2.0
