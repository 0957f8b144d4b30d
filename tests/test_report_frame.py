"""What a report is about: days, lengths and zones to windows, and the first line by which a report is known again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import QueryError
from kb.report.frame import frame, mark, marked
from kb.types import Window

NOW = datetime(2026, 2, 10, 6, 30, tzinfo=UTC)
BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")


def test_a_day_is_the_last_whole_one_unless_it_is_named() -> None:
    found = frame(now=NOW, zone=UTC)
    assert found.day == date(2026, 2, 9)
    assert found.window == Window(datetime(2026, 2, 9, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC))
    assert found.as_of == found.window.end


def test_a_day_begins_and_ends_at_midnight_where_the_reader_lives() -> None:
    found = frame(now=NOW, zone=SHANGHAI, day="2026-02-02")
    assert found.window.start == datetime(2026, 2, 1, 16, tzinfo=UTC)
    assert found.window.end == datetime(2026, 2, 2, 16, tzinfo=UTC)


def test_the_days_on_which_clocks_change_have_23_and_25_hours() -> None:
    later = datetime(2026, 12, 1, tzinfo=UTC)
    lengths = []
    for day in ("2026-03-29", "2026-10-25"):
        window = frame(now=later, zone=BERLIN, day=day).window
        assert window.start
        assert window.end
        lengths.append(window.end - window.start)
    assert lengths == [timedelta(hours=23), timedelta(hours=25)]


def test_a_week_ends_with_its_day() -> None:
    found = frame(now=NOW, zone=UTC, day="2026-02-08", length="7d")
    assert found.window == Window(datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 2, 9, tzinfo=UTC))


def test_of_today_nothing_later_than_now_is_known() -> None:
    found = frame(now=NOW, zone=UTC, day="today")
    assert found.as_of == NOW
    assert found.window.end == datetime(2026, 2, 11, tzinfo=UTC)


def test_since_last_begins_where_the_last_report_ended() -> None:
    end = datetime(2026, 2, 7, 5, tzinfo=UTC)
    found = frame(now=NOW, zone=UTC, length="since-last", last_end=end)
    assert found.window == Window(end, NOW)
    assert found.day == date(2026, 2, 10)
    whole = frame(now=NOW, zone=UTC, length="since-last", last_end=end, day="2026-02-08")
    assert whole.window == Window(end, datetime(2026, 2, 9, tzinfo=UTC))


def test_since_last_without_a_report_is_the_last_day() -> None:
    assert frame(now=NOW, zone=UTC, length="since-last").window == Window(NOW - timedelta(days=1), NOW)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"day": "2026-02-30"}, "2026-02-30"),
        ({"day": "tomorrow"}, "tomorrow"),
        ({"day": "2026-02-11"}, "2026-02-11"),
        ({"day": "0001-01-01"}, "0001-01-01"),
        ({"day": "9999-12-31"}, "9999-12-31"),
        ({"length": "0d"}, "0d"),
        ({"length": "1w"}, "1w"),
        ({"length": "\x1b[31m"}, "--window"),
        ({"length": "since-last", "last_end": NOW}, "since-last"),
    ],
)
def test_what_cannot_be_read_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(QueryError, match=named.replace("\x1b[31m", "")) as caught:
        frame(now=NOW, zone=UTC, **options)  # type: ignore[arg-type]
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("zone", [SHANGHAI, ZoneInfo("UTC"), timezone(timedelta(hours=-3, minutes=-30))])
@pytest.mark.parametrize("length", ["1d", "7d", "since-last"])
def test_a_report_is_known_again_by_its_first_line(zone: ZoneInfo, length: str) -> None:
    found = frame(now=NOW, zone=zone, length=length, language="zh", repos=("b/c", "a/--><script>"))
    line = mark(found)
    assert line.startswith("<!-- ")
    assert line.count(">") == 1
    again = marked(f"{line}\n# Title\n")
    assert again
    assert again.window == found.window
    assert (again.day, again.length, again.language, again.as_of) == (found.day, length, "zh", found.as_of)
    assert again.day == found.as_of.astimezone(again.zone).date() or length != "since-last"


@given(st.text(max_size=80))
def test_any_other_first_line_is_none_of_ours(text: str) -> None:
    assert marked(text) is None
    assert marked(f"<!-- infra-kb report {text} -->") is None
    assert marked(f'<!-- infra-kb report {{"date": "{text}"}} -->') is None
