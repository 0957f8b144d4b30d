"""Time expressions against a table of windows, in UTC on Wednesday 19 August 2026, 15:30, and at other times and places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kb import when
from kb.periods import Clock
from kb.types import Tag

NOW = datetime(2026, 8, 19, 15, 30, tzinfo=UTC)
CLOCK = Clock(NOW, UTC)


def tag(name: str, at: str) -> Tag:
    return Tag(name, "a" * 40, datetime.fromisoformat(at + "Z"))


TAGS = {
    "o/r": (
        tag("v0.5.9", "2025-12-01T00:00:00"),
        tag("v0.6.0", "2026-01-01T00:00:00"),
        tag("v0.6.2", "2026-01-23T18:47:35"),
        tag("v0.6.3rc1", "2026-02-01T00:00:00"),
        tag("v0.6.3", "2026-02-05T20:58:19"),
        tag("nightly-20260801", "2026-08-01T00:00:00"),
        tag("v0.6.3.post1", "2026-08-02T00:00:00"),
    )
}

# expression: start and end, as dates or as times; "now" is the clock's, "-" unbounded
TABLE = """
today | 2026-08-19 | now
earlier today | 2026-08-19 | now
yesterday | 2026-08-18 | 2026-08-19
the day before yesterday | 2026-08-17 | 2026-08-18
last night | 2026-08-18T18:00 | 2026-08-19T06:00
this week | 2026-08-17 | now
the current week | 2026-08-17 | now
last week | 2026-08-10 | 2026-08-17
the previous week | 2026-08-10 | 2026-08-17
the week before last | 2026-08-03 | 2026-08-10
past week | 2026-08-12T15:30 | now
this month | 2026-08-01 | now
last month | 2026-07-01 | 2026-08-01
past month | 2026-07-19T15:30 | now
this quarter | 2026-07-01 | now
last quarter | 2026-04-01 | 2026-07-01
this year | 2026-01-01 | now
last year | 2025-01-01 | 2026-01-01
year to date | 2026-01-01 | now
YTD | 2026-01-01 | now
last 3 days | 2026-08-16T15:30 | now
in the last two hours | 2026-08-19T13:30 | now
the past 24 hours | 2026-08-18T15:30 | now
past 24h | 2026-08-18T15:30 | now
last 7d | 2026-08-12T15:30 | now
over the last fortnight | 2026-08-05T15:30 | now
last couple of weeks | 2026-08-05T15:30 | now
in the last few days | 2026-08-16T15:30 | now
the last week or two | 2026-08-05T15:30 | now
last 2-3 days | 2026-08-16T15:30 | now
the last six months | 2026-02-19T15:30 | now
last 2 years | 2024-08-19T15:30 | now
the last half year | 2026-02-19T15:30 | now
3 days ago | 2026-08-16 | 2026-08-17
a couple of weeks ago | 2026-08-03 | 2026-08-10
two months ago | 2026-06-01 | 2026-07-01
since 3 days ago | 2026-08-16T15:30 | now
since Monday | 2026-08-17 | now
since yesterday | 2026-08-18 | now
since last week | 2026-08-10 | now
since July | 2026-07-01 | now
from Monday on | 2026-08-17 | now
from July onwards | 2026-07-01 | now
after July | 2026-08-01 | now
after 10 August | 2026-08-11 | now
before 10 August | - | 2026-08-10
until 10 August | - | 2026-08-11
up to and including 10 August | - | 2026-08-11
as of July 31 | - | 2026-08-01
on Tuesday | 2026-08-18 | 2026-08-19
on Wednesday | 2026-08-19 | now
last Wednesday | 2026-08-12 | 2026-08-13
last Friday | 2026-08-14 | 2026-08-15
Friday last week | 2026-08-14 | 2026-08-15
last week on Friday | 2026-08-14 | 2026-08-15
on Friday, 14 August 2026 | 2026-08-14 | 2026-08-15
over the weekend | 2026-08-15 | 2026-08-17
last weekend | 2026-08-15 | 2026-08-17
in January | 2026-01-01 | 2026-02-01
in September | 2025-09-01 | 2025-10-01
in May | 2026-05-01 | 2026-06-01
in March | 2026-03-01 | 2026-04-01
Jan 2026 | 2026-01-01 | 2026-02-01
July | 2026-07-01 | 2026-08-01
July last year | 2025-07-01 | 2025-08-01
last July | 2026-07-01 | 2026-08-01
in July and August | 2026-07-01 | now
first week of August 2026 | 2026-08-01 | 2026-08-08
the second week of last month | 2026-07-08 | 2026-07-15
the last week of July | 2026-07-25 | 2026-08-01
first half of July | 2026-07-01 | 2026-07-16
second half of July 2026 | 2026-07-15 | 2026-08-01
the first three weeks of July | 2026-07-01 | 2026-07-22
the last ten days of July | 2026-07-22 | 2026-08-01
early July | 2026-07-01 | 2026-07-11
mid-July | 2026-07-11 | 2026-07-21
late July 2026 | 2026-07-21 | 2026-08-01
since mid July | 2026-07-15 | now
since the end of July | 2026-08-01 | now
until the end of July | - | 2026-08-01
first half of 2026 | 2026-01-01 | 2026-07-01
H1 2026 | 2026-01-01 | 2026-07-01
Q2 2026 | 2026-04-01 | 2026-07-01
2026Q2 | 2026-04-01 | 2026-07-01
the last quarter of 2025 | 2025-10-01 | 2026-01-01
12 to 25 January 2026 | 2026-01-12 | 2026-01-26
17-21 August 2026 | 2026-08-17 | now
17–18 August 2026 | 2026-08-17 | 2026-08-19
Jan 12 – 25, 2026 | 2026-01-12 | 2026-01-26
July 13-19 | 2026-07-13 | 2026-07-20
22 June - 1 July 2026 | 2026-06-22 | 2026-07-02
from July 28 to 3 August | 2026-07-28 | 2026-08-04
from 28 December to 3 January | 2025-12-28 | 2026-01-04
15 Feb 2026 to 3 March | 2026-02-15 | 2026-03-04
between May and 10 August 2026 | 2026-05-01 | 2026-08-11
between 3 and 5 February | 2026-02-03 | 2026-02-06
from November 2025 to mid February 2026 | 2025-11-01 | 2026-02-16
from Monday to Tuesday | 2026-08-17 | 2026-08-19
from Monday to now | 2026-08-17 | now
Mon-Tue | 2026-08-17 | 2026-08-19
from 2026-02-02 to 2026-02-04 | 2026-02-02 | 2026-02-05
2026-02-02..2026-02-04 | 2026-02-02 | 2026-02-05
2026-02-02 – 2026-02-04 | 2026-02-02 | 2026-02-05
between 2026-02-02 and 2026-02-04 | 2026-02-02 | 2026-02-05
28 July 2026 (UTC) | 2026-07-28 | 2026-07-29
July 28th, 2026 | 2026-07-28 | 2026-07-29
the 28th of July | 2026-07-28 | 2026-07-29
2026-02-03 | 2026-02-03 | 2026-02-04
2026/02/03 | 2026-02-03 | 2026-02-04
2026-02 | 2026-02-01 | 2026-03-01
13/02/2026 | 2026-02-13 | 2026-02-14
2026-07-28T10:00Z | 2026-07-28T10:00 | 2026-07-28T10:01
since 2026-07-28 10:00 | 2026-07-28T10:00 | now
since 2026-07-28T10:00+02:00 | 2026-07-28T08:00 | now
2026-W32 | 2026-08-03 | 2026-08-10
week 32 of 2026 | 2026-08-03 | 2026-08-10
in 2025 | 2025-01-01 | 2026-01-01
since 2025 | 2025-01-01 | now
the week of July 13 | 2026-07-13 | 2026-07-20
the week ending July 19 | 2026-07-13 | 2026-07-20
on the 12th | 2026-08-12 | 2026-08-13
since the New Year | 2026-01-01 | now
since the last release | 2026-02-05T20:58:20 | now
in the latest release | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
in the previous release | 2026-01-01T00:00:01 | 2026-01-23T18:47:36
in the last two releases | 2026-01-01T00:00:01 | 2026-02-05T20:58:20
between v0.6.2 and v0.6.3 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
v0.6.2..v0.6.3 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
from 0.6.2 to 0.6.3 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
since v0.6.2 | 2026-01-23T18:47:36 | now
before v0.6 | - | 2026-01-01
in v0.6.3 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
in v0.6.2 | 2026-01-01T00:00:01 | 2026-01-23T18:47:36
compare v0.6.2 and v0.6.3 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
the 3 days before v0.6.3 | 2026-02-02T20:58:20 | 2026-02-05T20:58:20
since v0.6.2 until 1 February 2026 | 2026-01-23T18:47:36 | 2026-02-02
"""

TABLE_ZH = """
今天 | 2026-08-19 | now
昨天 | 2026-08-18 | 2026-08-19
前天 | 2026-08-17 | 2026-08-18
本周 | 2026-08-17 | now
这周 | 2026-08-17 | now
这个星期 | 2026-08-17 | now
上周 | 2026-08-10 | 2026-08-17
上上周 | 2026-08-03 | 2026-08-10
上个星期 | 2026-08-10 | 2026-08-17
本月 | 2026-08-01 | now
这个月 | 2026-08-01 | now
上个月 | 2026-07-01 | 2026-08-01
上月 | 2026-07-01 | 2026-08-01
今年 | 2026-01-01 | now
去年 | 2025-01-01 | 2026-01-01
本季度 | 2026-07-01 | now
上季度 | 2026-04-01 | 2026-07-01
过去一周 | 2026-08-12T15:30 | now
过去两周 | 2026-08-05T15:30 | now
最近三天 | 2026-08-16T15:30 | now
近7天 | 2026-08-12T15:30 | now
近 7 天内 | 2026-08-12T15:30 | now
过去 24 小时 | 2026-08-18T15:30 | now
过去十五天 | 2026-08-04T15:30 | now
过去二十四小时 | 2026-08-18T15:30 | now
近半年 | 2026-02-19T15:30 | now
过去半个月 | 2026-08-04T15:30 | now
最近一个月 | 2026-07-19T15:30 | now
最近几天 | 2026-08-16T15:30 | now
3 天前 | 2026-08-16 | 2026-08-17
两周前 | 2026-08-03 | 2026-08-10
2 月 3 日以来 | 2026-02-03 | now
自 2 月 3 日起 | 2026-02-03 | now
2月3日之后 | 2026-02-04 | now
8 月 10 日之前 | - | 2026-08-10
截至 7 月底 | - | 2026-08-01
2月3日到5日 | 2026-02-03 | 2026-02-06
2月3日至5日 | 2026-02-03 | 2026-02-06
从 2 月 3 日到 2 月 5 日 | 2026-02-03 | 2026-02-06
2 月 3 日和 5 日之间 | 2026-02-03 | 2026-02-06
2026年1月12到25日 | 2026-01-12 | 2026-01-26
2026 年 6 月 22 日到 7 月 1 日 | 2026-06-22 | 2026-07-02
2025 年 12 月 30 日到 1 月 3 日 | 2025-12-30 | 2026-01-04
5 月到 8 月 10 日 | 2026-05-01 | 2026-08-11
2026 年 8 月第一周 | 2026-08-01 | 2026-08-08
7 月最后一周 | 2026-07-25 | 2026-08-01
7 月上半月 | 2026-07-01 | 2026-07-16
7 月下半月 | 2026-07-15 | 2026-08-01
7月上旬 | 2026-07-01 | 2026-07-11
7月中旬 | 2026-07-11 | 2026-07-21
7月下旬 | 2026-07-21 | 2026-08-01
七月下旬 | 2026-07-21 | 2026-08-01
7月初 | 2026-07-01 | 2026-07-11
7月底 | 2026-07-21 | 2026-08-01
7 月份 | 2026-07-01 | 2026-08-01
7 月以来 | 2026-07-01 | now
2026 年 7 月 | 2026-07-01 | 2026-08-01
二〇二六年七月 | 2026-07-01 | 2026-08-01
2025 年 | 2025-01-01 | 2026-01-01
２０２６年７月２８日 | 2026-07-28 | 2026-07-29
本月 12 日 | 2026-08-12 | 2026-08-13
上个月底 | 2026-07-21 | 2026-08-01
去年 12 月 | 2025-12-01 | 2026-01-01
去年第四季度 | 2025-10-01 | 2026-01-01
今年上半年 | 2026-01-01 | 2026-07-01
2026 年第二季度 | 2026-04-01 | 2026-07-01
2026 年 Q2 | 2026-04-01 | 2026-07-01
周一以来 | 2026-08-17 | now
上周五 | 2026-08-14 | 2026-08-15
上周五到周日 | 2026-08-14 | 2026-08-17
本周一 | 2026-08-17 | 2026-08-18
周末 | 2026-08-15 | 2026-08-17
从周一到现在 | 2026-08-17 | now
自 v0.6.2 以来 | 2026-01-23T18:47:36 | now
v0.6.2 之后 | 2026-01-23T18:47:36 | now
v0.6.2 到 v0.6.3 之间 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
v0.6.2 到 v0.6.3 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
在 v0.6.2 和 v0.6.3 之间 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
v0.6.2 与 v0.6.3 之间 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
v0.6.3 版本中 | 2026-01-23T18:47:36 | 2026-02-05T20:58:20
上个版本以来 | 2026-02-05T20:58:20 | now
今年三月 | 2026-03-01 | 2026-04-01
8 月 10 日那一周 | 2026-08-10 | 2026-08-17
昨天晚上 | 2026-08-18 | 2026-08-19
上次发布以来 | 2026-02-05T20:58:20 | now
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    return [tuple(part.strip() for part in line.split("|")) for line in table.strip().splitlines()]  # type: ignore[misc]


def moment(text: str, clock: Clock) -> datetime | None:
    if text in ("now", "-"):
        return clock.now if text == "now" else None
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("text", "start", "end"), rows(TABLE) + rows(TABLE_ZH))
def test_windows(text: str, start: str, end: str) -> None:
    found = when.find(when.squeeze(text), CLOCK, TAGS)
    assert (found.window.start, found.window.end) == (moment(start, CLOCK), moment(end, CLOCK))
    assert found.unresolved == ()


@pytest.mark.parametrize(
    "text",
    [
        "February 30",
        "2026-02-30",
        "2026-13-01",
        "Q7 2026",
        "32 July 2026",
        "since v9.9",
        "since v9.9.1",
        "between v0.6.2 and v9.9",
        "a while ago",
        "some time ago",
        "recently",
        "lately",
        "the other day",
        "since the conference",
        "since our last meeting",
        "02/03/2026",
        "last summer",
        "last several weeks",
        "last 999999 years",
        "from 2026-02-04 to 2026-02-02",
        "next week",
        "after 15:00",
        "last 10 commits",
        "since abc1234",
        "2 月 30 日",
        "2026 年 13 月",
        "最近",
        "近期",
        "前段时间",
        "前几天",
        "不久前",
        "自 v9.9 以来",
        "上次开会以来",
    ],
)
def test_what_cannot_be_resolved_is_reported_verbatim(text: str) -> None:
    found = when.find(f"flashinfer MoE, {text}", CLOCK, TAGS)
    assert found.unresolved == (text,)
    assert found.window.start is None
    assert found.window.end is None


@pytest.mark.parametrize(
    "text",
    [
        "it may crash on 10 blocks",
        "since the kernel reinterprets its bytes as fp32",
        "which 2024 change relaxed it",
        "2x faster than sm_90 in FP8 on H100 with 16-bit values",
        "the first half of the heads",
        "last block of the last dimension",
        "the current stream and the previous commit",
        "the second CTA to march on",
        "the weekly_report and last_week_cache",
        "in 2048 tokens",
        "up to 2000 elements",
        "version 1.2.3 of numpy 2.1",
        "since CUDA 12.9",
        "after upgrading from v0.6.2 to v0.6.3",
        "the least recently used page",
        "3/4 of the rows",
        "the sun and the mon operators",
        "nightly-20260801 wheels",
        "一周一次",
        "最近邻插值",
        "一次调用超过六万五",
        "升级到 v0.6.3 之后崩溃",
        "第二维最多 65535",
        "三个提交",
    ],
)
def test_what_only_looks_like_time_is_left_alone(text: str) -> None:
    found = when.find(text, CLOCK, TAGS)
    assert found == when.Found(found.window)
    assert (found.window.start, found.window.end) == (None, None)


def test_midnight_belongs_to_the_day_it_ends() -> None:
    sunday_night = Clock(datetime(2026, 8, 24, tzinfo=UTC), UTC)
    for text, start in (("today", 23), ("this week", 17), ("this month", 1), ("on Sunday", 23), ("over the weekend", 22)):
        window = when.find(text, sunday_night, {}).window
        assert (window.start, window.end) == (datetime(2026, 8, start, tzinfo=UTC), sunday_night.now), text


def test_the_future_is_empty_and_said_so() -> None:
    found = when.find("in September 2026", CLOCK, {})
    assert found.window.start == found.window.end == NOW
    assert found.unresolved == ("September 2026",)


@pytest.mark.parametrize(
    ("zone", "text", "start", "end"),
    [
        ("Asia/Shanghai", "today", "2026-03-28T16:00", "now"),
        ("Asia/Shanghai", "昨天", "2026-03-27T16:00", "2026-03-28T16:00"),
        ("Europe/Berlin", "yesterday", "2026-03-27T23:00", "2026-03-28T23:00"),
        ("Europe/Berlin", "today", "2026-03-28T23:00", "now"),
        ("Europe/Berlin", "in October 2025", "2025-09-30T22:00", "2025-10-31T23:00"),
        ("Europe/Berlin", "26 October 2025", "2025-10-25T22:00", "2025-10-26T23:00"),
        ("America/Los_Angeles", "8 March 2026", "2026-03-08T08:00", "2026-03-09T07:00"),
        ("America/Los_Angeles", "last 24 hours", "2026-03-28T12:00", "now"),
        ("Africa/Cairo", "25 April 2025", "2025-04-24T22:00", "2025-04-25T21:00"),
        ("America/Havana", "2 November 2025", "2025-11-02T04:00", "2025-11-03T05:00"),
        ("Asia/Kathmandu", "28 March 2026", "2026-03-27T18:15", "2026-03-28T18:15"),
        ("Pacific/Kiritimati", "this month", "2026-02-28T10:00", "now"),
        ("Asia/Shanghai", "28 March 2026 (UTC)", "2026-03-28T00:00", "2026-03-29T00:00"),
        ("UTC", "28 March 2026 UTC+8", "2026-03-27T16:00", "2026-03-28T16:00"),
        ("UTC", "2026 年 3 月 28 日（北京时间）", "2026-03-27T16:00", "2026-03-28T16:00"),
    ],
)
def test_zones(zone: str, text: str, start: str, end: str) -> None:
    clock = Clock(datetime(2026, 3, 29, 12, tzinfo=UTC), ZoneInfo(zone))
    found = when.find(when.squeeze(text), clock, {})
    assert (found.window.start, found.window.end) == (moment(start, clock), moment(end, clock))


def test_a_time_in_the_story_of_a_needle_does_not_filter() -> None:
    text = "Last week the build started to fail. Which commit broke it?"
    asking = (text.index("Which"), len(text))
    assert when.find(text, CLOCK, {}, asking=asking).unresolved == ("Last week",)
    assert when.find(text, CLOCK, {}, asking=asking).window.start is None
    asked = "The build fails. Which commit last week broke it?"
    assert when.find(asked, CLOCK, {}, asking=(17, len(asked))).window.start == datetime(2026, 8, 10, tzinfo=UTC)


def test_two_repositories_with_releases_have_no_last_release() -> None:
    tags = {**TAGS, "o/other": (tag("v1.0.0", "2026-05-01T00:00:00"),)}
    assert when.find("since the last release", CLOCK, tags).unresolved == ("since the last release",)
    assert when.find("since v1.0.0", CLOCK, tags).window.start == datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=1)


def test_a_repository_with_prereleases_only() -> None:
    tags = {"o/r": (tag("v1.0rc1", "2026-05-01T00:00:00"), tag("v1.0rc2", "2026-06-01T00:00:00"))}
    assert when.find("since the last release", CLOCK, tags).window.start == datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC)


def test_the_label_is_what_was_said() -> None:
    assert when.find("changes since v0.6.2 in MoE", CLOCK, TAGS).window.label == "since v0.6.2"
    assert when.find("MoE, 17–18 August 2026", CLOCK, TAGS).window.label == "17–18 August 2026"
    assert when.find("2026 年 8 月第一周的更新", CLOCK, TAGS).window.label == "2026 年 8 月第一周"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("what is new in v0.6.3", ["v0.6.3"]),
        ("0.6.3 里有什么", ["v0.6.3"]),
        ("in the last release", ["v0.6.3"]),
        ("in the last two releases", ["v0.6.3", "v0.6.2"]),
        ("上个版本有什么", ["v0.6.3"]),
        ("between v0.6.2 and v0.6.3", ["v0.6.3"]),
        ("v0.6.2..v0.6.3", ["v0.6.3"]),
        ("from v0.6.0 to v0.6.3", ["v0.6.3", "v0.6.2"]),
        ("从 v0.6.0 到 v0.6.3", ["v0.6.3", "v0.6.2"]),
        ("from v0.6.2 to v0.6.3.post1", ["v0.6.3.post1", "v0.6.3"]),
        ("v0.6.3 compared to v0.6.0", ["v0.6.3", "v0.6.2"]),
        ("the difference between v0.6.3 and v0.6.2", ["v0.6.3"]),
        ("v0.6.3 相比 v0.6.2", ["v0.6.3"]),
        ("what is in v0.6.2 and in v0.6.3rc1", ["v0.6.2", "v0.6.3rc1"]),
        ("what is new in nightly-20260801?", ["nightly-20260801"]),
        ("since v0.6.2", []),
        ("before v0.6.3", []),
        ("the 3 days before v0.6.3", []),
        ("in v0.6.3, since 2026-02-01", []),
        ("in v0.6.3 or last week", []),
        ("from v0.6.3rc1 to v0.6.3", []),
        ("in January 2026", []),
        ("in v0.6.99", []),
        ("in nightly-20260802", []),
    ],
)
def test_named_releases_are_told_beside_their_dates(text: str, names: list[str]) -> None:
    window = when.find(text, CLOCK, TAGS).window
    assert window.releases == tuple(f"release:o/r@{name}" for name in names)
    assert not names or (window.start is not None and window.end is not None)


def test_a_prefix_before_a_version_makes_another_series() -> None:
    tags = {
        "o/r": (
            tag("v2.8.3", "2026-01-01T00:00:00"),
            tag("core-v4.0.0", "2026-02-01T00:00:00"),
            tag("v2.9.0", "2026-03-01T00:00:00"),
            tag("core-v4.1.0.beta9", "2026-04-01T00:00:00"),
            tag("core-v4.1.0.beta10", "2026-05-01T00:00:00"),
        )
    }
    starts = {"v2.9.0": 1, "core-v4.0.0": 1, "core-v4.1.0.beta9": 2, "core-v4.1.0.beta10": 4}
    for name, month in starts.items():
        window = when.find(f"what is new in {name}?", CLOCK, tags).window
        assert window.releases == (f"release:o/r@{name}",)
        assert window.start == datetime(2026, month, 1, 0, 0, 1, tzinfo=UTC)


def test_two_tags_of_one_moment() -> None:
    tags = {"o/r": (tag("v0.6", "2026-05-01T00:00:00"), tag("v0.6.0", "2026-05-01T00:00:00"))}
    for name in ("v0.6", "v0.6.0"):
        assert when.find(f"in {name}", CLOCK, tags).window.releases == (f"release:o/r@{name}",)
    window = when.find("in v0.6.0", CLOCK, tags).window
    assert (window.start, window.end) == (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, 0, 0, 1, tzinfo=UTC))
