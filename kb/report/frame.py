"""What a report is about: a day, a length and a zone to a window. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from kb.errors import QueryError
from kb.facts import zone_name
from kb.report.types import Frame
from kb.safe import one_line
from kb.types import Window

SINCE_LAST = "since-last"
MARK = "infra-kb report"
_DAYS = re.compile(r"([1-9][0-9]?)d")
_OFFSET = re.compile(r"UTC([+-])([01][0-9]):([0-5][0-9])")  # as a zone without a name calls itself
_COMMENT = re.compile(rf"<!-- {MARK} (\{{.*\}}) -->")


def frame(
    *,
    now: datetime,
    zone: tzinfo,
    day: str = "",
    length: str = "1d",
    language: str = "en",
    repos: tuple[str, ...] = (),
    last_end: datetime | None = None,
) -> Frame:
    """The frame of a report; ``day`` is its last day, by default the last whole one before ``now`` (aware) in ``zone``.

    ``length``: a number of days ("1d", "7d"), or "since-last": from ``last_end``, the end of the last report, to ``now``.

    Raises:
        QueryError: a day or a length that cannot be read, or a day that has not come yet.
    """
    if length == SINCE_LAST:
        return _since_last(now, zone, day, language, repos, last_end)
    days = _DAYS.fullmatch(length)
    if days is None:
        raise QueryError(
            f"--window {one_line(length, limit=40)}: not known",
            remedy="use 1d, 7d, another number of days up to 99d, or since-last",
        )
    last = _day(day, now, zone)
    if _midnight(last, zone) >= now:
        raise QueryError(f"--date {last}: has not begun yet")
    window = Window(_midnight(last - timedelta(days=int(days[1]) - 1), zone), _midnight(last + timedelta(days=1), zone))
    return _framed(last, length, window, zone, now, language, repos)


def _since_last(
    now: datetime, zone: tzinfo, day: str, language: str, repos: tuple[str, ...], last_end: datetime | None
) -> Frame:
    end = min(now, _midnight(_day(day, now, zone) + timedelta(days=1), zone)) if day else now
    start = last_end or end - timedelta(days=1)
    if start >= end:
        told = start.astimezone(zone)
        raise QueryError(f"--window since-last: the last report ends at {told:%Y-%m-%d %H:%M}, nothing is left to tell")
    last = (end.astimezone(zone) - timedelta(microseconds=1)).date()
    return _framed(last, SINCE_LAST, Window(start.astimezone(UTC), end.astimezone(UTC)), zone, now, language, repos)


def _framed(
    day: date, length: str, window: Window, zone: tzinfo, now: datetime, language: str, repos: tuple[str, ...]
) -> Frame:
    as_of = min(window.end or now, now)
    return Frame(day=day, length=length, window=window, zone=zone, as_of=as_of, language=language, repos=tuple(sorted(repos)))


def _day(text: str, now: datetime, zone: tzinfo) -> date:
    today = now.astimezone(zone).date()
    named = {"": today - timedelta(days=1), "yesterday": today - timedelta(days=1), "today": today}
    try:
        found = named[text] if text in named else date.fromisoformat(text)
    except ValueError as error:
        shown = one_line(text, limit=40)
        raise QueryError(f"--date {shown}: not a day", remedy="write it as 2026-02-02, or today, or yesterday") from error
    if found > today:
        raise QueryError(f"--date {found}: has not come yet", remedy=f"the last day that can be told is {today}")
    if found.year < 1970:
        raise QueryError(f"--date {found}: before there was anything to tell", remedy="write it as 2026-02-02")
    return found


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


# --- the first line of a report ---------------------------------------------------------------------------------------------


def mark(framed: Frame) -> str:
    """The comment that a report starts with, by which it is known again."""
    values = {
        "date": framed.day.isoformat(),
        "length": framed.length,
        "since": _iso(framed.window.start),
        "until": _iso(framed.window.end),
        "zone": zone_name(framed.zone, framed.as_of),
        "language": framed.language,
        "repos": list(framed.repos),
        "as_of": _iso(framed.as_of),
    }
    return f"<!-- {MARK} {json.dumps(values, ensure_ascii=True).replace('>', '')} -->"


def marked(markdown: str) -> Frame | None:
    """The frame of a report by its first line; None where it is not one of ours."""
    match = _COMMENT.fullmatch(markdown.removeprefix("\ufeff").partition("\n")[0].strip())
    try:
        values: dict[str, Any] = json.loads(match[1]) if match else {}
        return Frame(
            day=date.fromisoformat(values["date"]),
            length=str(values["length"]),
            window=Window(_aware(values["since"]), _aware(values["until"])),
            zone=_zone(str(values["zone"])),
            as_of=_aware(values["as_of"]),
            language="zh" if values["language"] == "zh" else "en",
            repos=tuple(map(str, values["repos"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at.astimezone(UTC)


def _zone(name: str) -> tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset:
        return timezone((1 if offset[1] == "+" else -1) * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:
        raise ValueError(name) from error
