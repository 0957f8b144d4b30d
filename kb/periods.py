"""Calendar arithmetic behind the time expressions.

Local days, weeks, months, halves and thirds to half-open UTC intervals. Pure.

A calendar period is counted in the asker's zone and converted once, at its two ends, so that a day of 23 or 25 hours
is whole. A rolling period
("the last 7 days") is exact in absolute time.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

YEARS = range(1970, 2101)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """The asker's ``now`` (aware) and zone. A ``now`` at midnight stands for the end of the day before it."""

    now: datetime
    tz: tzinfo

    @property
    def today(self) -> date:
        """The local day that ``now`` closes or lies in."""
        return (self.now - _TICK).astimezone(self.tz).date()

    def midnight(self, day: date) -> datetime:
        """The instant (UTC) at which a local day begins, also where the clock skips or repeats midnight."""
        return self.utc(datetime.combine(day, time()))

    def utc(self, local: datetime) -> datetime:
        """A local wall-clock time in UTC; in a gap the moment of the change, in a fold the first of the two."""
        return local.replace(tzinfo=self.tz, fold=0).astimezone(UTC)

    def days(self, first: date, after: date) -> Interval:
        """The local days from ``first`` to the day before ``after``."""
        return Interval(self.midnight(first), self.midnight(after))


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open, UTC. ``instant`` is the exact point meant by "3 days ago", where the interval is the day around it.

    ``release``: it was said by naming a release, whose tag ends it. ``releases`` are the ids of the releases that it consists
    of, latest first.
    """

    start: datetime | None
    end: datetime
    instant: datetime | None = None
    release: bool = False
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a month, quarter or year; ``n`` counts from 1 (-1: the last).

    ``kind``: half, third, edge (its beginning or end: a third, unless it bounds a range), week, day, month, quarter,
    days (``n`` to ``unit``),
    first or last (``n`` of ``unit``).
    """

    kind: str
    n: int
    unit: str = "day"


@dataclass(frozen=True, slots=True)
class Parts:
    """A date as far as it was said; what is missing is taken from the other end of a range or is the most recent that began."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    last_day: int | None = None
    quarter: int | None = None
    week: int | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week, Monday 0; ``past`` excludes today."""

    number: int
    past: bool = False
    length: int = 1


@dataclass(frozen=True, slots=True)
class Week:
    """A calendar week as an offset from this one, Monday to Sunday."""

    offset: int


class UnresolvableError(ValueError):
    """An expression of time that names nothing on the calendar."""


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year not in YEARS:
        raise UnresolvableError(f"year {year}")
    return date(year, month0 + 1, min(day.day, calendar.monthrange(year, month0 + 1)[1]))


def week(clock: Clock, offset: int) -> Interval:
    """This week (0), last week (-1), …: Monday to Sunday."""
    first = monday(clock.today) + timedelta(weeks=offset)
    return clock.days(first, first + timedelta(weeks=1))


def relative(clock: Clock, unit: str, offset: int) -> Parts | Week | Interval:
    """The calendar unit (day, week, month, quarter, year) ``offset`` away from the current one."""
    today = clock.today
    if unit == "week":
        return Week(offset)
    if unit == "month":
        day = add_months(today.replace(day=1), offset)
        return Parts(day.year, day.month)
    if unit == "quarter":
        day = add_months(today.replace(day=1), 3 * offset)
        return Parts(day.year, quarter=(day.month - 1) // 3 + 1)
    if unit == "year":
        return Parts(today.year + offset)
    day = today + timedelta(days=offset)
    return clock.days(day, day + timedelta(days=1))


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def back(clock: Clock, count: float, unit: str, *, origin: datetime | None = None) -> datetime:
    """The instant ``count`` units before ``origin`` (default now); negative counts go forward.

    Raises:
        UnresolvableError: the result is outside 1970..2100, or a fraction of a month was asked for that is not a half.
    """
    origin = origin or clock.now
    try:
        if unit in _SECONDS:
            instant = origin.astimezone(UTC) - timedelta(seconds=count * _SECONDS[unit])
        else:
            instant = _back_months(clock, count * {"month": 1, "quarter": 3, "year": 12}[unit], origin)
    except (OverflowError, ValueError) as error:
        raise UnresolvableError(f"{count} {unit}") from error
    if instant < _EARLIEST or instant.year not in YEARS:
        raise UnresolvableError(f"{count} {unit}")
    return instant


def _back_months(clock: Clock, months: float, origin: datetime) -> datetime:
    whole = int(months)
    local = origin.astimezone(clock.tz).replace(tzinfo=None)
    shifted = datetime.combine(add_months(local.date(), -whole), local.time()) - timedelta(days=round(30 * (months - whole)))
    return clock.utc(shifted)


def rolling(clock: Clock, count: float, unit: str) -> Interval:
    """The last ``count`` units up to now."""
    if count <= 0:
        raise UnresolvableError(f"{count} {unit}")
    return Interval(back(clock, count, unit), clock.now.astimezone(UTC))


def ago(clock: Clock, count: float, unit: str) -> Interval:
    """The calendar unit that contained the instant ``count`` units ago (an hour for hours and minutes), with that instant."""
    instant = back(clock, count, unit)
    if unit in ("second", "minute", "hour"):
        end = instant + timedelta(seconds=_SECONDS[unit])
        return Interval(instant, min(end, clock.now.astimezone(UTC)), instant)
    if not float(count).is_integer():
        count, unit = (int(count * {"week": 7, "month": 30, "quarter": 91, "year": 365}.get(unit, 1)), "day")
    unit_period = settle(relative(clock, unit, -int(count)), clock)
    return replace(unit_period, instant=instant)


def weekday(clock: Clock, value: Weekday, *, before: date | None = None) -> Interval:
    """The most recent such day, or (with ``before``) the last one that began no later than that day."""
    last = before or clock.today
    if value.past and before is None:
        last -= timedelta(days=value.length)
    first = last - timedelta(days=(last.weekday() - value.number) % 7)
    return clock.days(first, first + timedelta(days=value.length))


def weekday_in(clock: Clock, value: Weekday, value_week: Week) -> Interval:
    """That day of a given week."""
    first = monday(clock.today) + timedelta(weeks=value_week.offset, days=value.number)
    return clock.days(first, first + timedelta(days=value.length))


def settle(value: Value, clock: Clock, *, near: Parts | None = None, latest: date | None = None) -> Interval:
    """The interval of a value; ``near`` lends a missing year or month, ``latest`` bounds what "the most recent" means.

    Raises:
        UnresolvableError: there is no such day, month or part.
    """
    if isinstance(value, Interval):
        return value
    if isinstance(value, Week):
        return week(clock, value.offset)
    if isinstance(value, Weekday):
        return weekday(clock, value, before=latest)
    first, after = bounds(complete(value, clock, near=near, latest=latest))
    return clock.days(first, after)


Value = Interval | Parts | Weekday | Week


def complete(value: Parts, clock: Clock, *, near: Parts | None = None, latest: date | None = None) -> Parts:
    """``value`` with its missing year (and month) filled in."""
    if near is not None:
        if value.month is None and value.quarter is None and value.day is not None:
            value = replace(value, month=near.month)
        value = value if value.year is not None else replace(value, year=near.year)
    if value.year is not None:
        return value
    for candidate in _latest_first(value, latest or clock.today):
        try:
            if bounds(candidate)[0] <= (latest or clock.today):
                return candidate
        except UnresolvableError:
            continue
    raise UnresolvableError("no such day")


def _latest_first(value: Parts, today: date) -> Iterator[Parts]:
    """Months for a bare day, else years: far enough back to pass a month without a 31st and the years without a 29 February."""
    if value.month is None and value.day is not None:
        for months in range(3):
            month = add_months(today.replace(day=1), -months)
            yield replace(value, year=month.year, month=month.month)
        return
    for years in range(9):
        yield replace(value, year=today.year - years)


def bounds(value: Parts) -> tuple[date, date]:
    """First day and the day after the last one.

    Raises:
        UnresolvableError: no such date.
    """
    if value.year is None or value.year not in YEARS:
        raise UnresolvableError(f"year {value.year}")
    try:
        first, after = _whole(value, value.year)
        if value.part is not None:
            first, after = _piece(value, value.part, first, after)
    except ValueError as error:
        raise UnresolvableError(str(error)) from error
    if first >= after:
        raise UnresolvableError("empty")
    return first, after


def _whole(value: Parts, year: int) -> tuple[date, date]:
    if value.week is not None:
        first = date.fromisocalendar(year, value.week, 1)
        return first, first + timedelta(weeks=1)
    if value.quarter is not None:
        if value.quarter not in range(1, 5):
            raise UnresolvableError(f"quarter {value.quarter}")
        first = date(year, 3 * value.quarter - 2, 1)
        return first, add_months(first, 3)
    if value.month is None:
        return date(year, 1, 1), date(year + 1, 1, 1)
    if value.day is None:
        first = date(year, value.month, 1)
        return first, add_months(first, 1)
    first = date(year, value.month, value.day)
    last = first if value.last_day is None else date(year, value.month, value.last_day)
    return first, last + timedelta(days=1)


def _piece(value: Parts, part: Part, first: date, after: date) -> tuple[date, date]:
    if part.kind == "half":
        return _half(value, part.n, first, after)
    if part.kind in ("third", "edge"):
        return _third(value, part.n, first, after)
    if part.kind == "week":
        start = after - timedelta(weeks=1) if part.n < 0 else first + timedelta(weeks=part.n - 1)
        return _inside(start, start + timedelta(weeks=1), first, after)
    if part.kind == "day":
        start = after - timedelta(days=1) if part.n < 0 else first + timedelta(days=part.n - 1)
        return _inside(start, start + timedelta(days=1), first, after)
    if part.kind == "days":
        start = first + timedelta(days=part.n - 1)
        return _inside(start, first + timedelta(days=int(part.unit)), first, after)
    if part.kind == "quarter":
        start = add_months(after, -3) if part.n < 0 else add_months(first, 3 * part.n - 3)
        return _inside(start, add_months(start, 3), first, after)
    if part.kind == "month":
        start = add_months(after, -1) if part.n < 0 else add_months(first, part.n - 1)
        return _inside(start, add_months(start, 1), first, after)
    months = {"month": 1, "quarter": 3}.get(part.unit)
    days = timedelta(days=part.n * (7 if part.unit == "week" else 1))
    if part.kind == "first":
        return _inside(first, add_months(first, months * part.n) if months else first + days, first, after)
    return _inside(add_months(after, -months * part.n) if months else after - days, after, first, after)


def _inside(start: date, end: date, first: date, after: date) -> tuple[date, date]:
    if not first <= start < after:
        raise UnresolvableError("outside")
    return start, min(end, after)


def _half(value: Parts, n: int, first: date, after: date) -> tuple[date, date]:
    """Halves of a month share the 15th: "the second half of July" begins on it, "the first half" ends with it."""
    if value.month is not None:
        return (first, first.replace(day=16)) if n == 1 else (first.replace(day=15), after)
    if value.quarter is not None:
        middle = add_months(first, 1).replace(day=16)
        return (first, middle) if n == 1 else (middle, after)
    middle = first.replace(month=7)
    return (first, middle) if n == 1 else (middle, after)


def _third(value: Parts, n: int, first: date, after: date) -> tuple[date, date]:
    """Early, mid, late: days 1-10, 11-20 and 21 on; of a year four months each, of a quarter its months."""
    if value.month is not None:
        cuts = (first, first.replace(day=11), first.replace(day=21), after)
    else:
        step = 1 if value.quarter is not None else 4
        cuts = (first, add_months(first, step), add_months(first, 2 * step), after)
    return cuts[n - 1], cuts[n]


def fixed_zone(name: str) -> tzinfo | None:
    """The offset that a zone's abbreviation stands for; None where it is not one of the unambiguous ones."""
    known = {"utc": 0, "gmt": 0, "z": 0, "pst": -8, "pdt": -7, "est": -5, "edt": -4, "cet": 1, "cest": 2, "jst": 9}
    low = name.strip().lower()
    offset = re.fullmatch(r"(?:utc|gmt) ?([+-]) ?([0-9]{1,2})(?::?([0-9]{2}))?", low)
    if offset is not None and int(offset[2]) < 24:
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(shift if offset[1] == "+" else -shift) if shift < timedelta(days=1) else None
    if low in ("北京时间", "beijing time", "china standard time"):
        return timezone(timedelta(hours=8))
    if low in known:
        return timezone(timedelta(hours=known[low])) if known[low] else UTC
    return None
