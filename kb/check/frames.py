"""What a page says it is a report of, where another system wrote it: by its name, else by its headings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from kb.check.types import Page
from kb.report.types import Frame
from kb.types import Window

_DAY = re.compile(r"(?<!\d)(\d{4})\s?(?:-|/|\.|年)\s?(\d{1,2})\s?(?:-|/|\.|月)\s?(\d{1,2})(?!\d)")
_LONGEST = 31  # days


def foreign_frame(page: Page, *, file_name: str, zone: tzinfo) -> Frame | None:
    """The day of a page's file name, else the day, or the first and last, of the first heading that has one; None for none."""
    named = _days([file_name])
    if named:
        return _frame(named[0], named[0], zone)
    for said in page.statements:
        days = _days([said.text]) if said.kind == "heading" else []
        if days:
            last = days[-1] if len(days) == 2 and days[0] <= days[1] < days[0] + timedelta(days=_LONGEST) else days[0]
            return _frame(days[0], last, zone)
    return None


def _days(texts: Iterable[str]) -> list[date]:
    found = []
    for text in texts:
        for match in _DAY.finditer(text):
            try:
                found.append(date(int(match[1]), int(match[2]), int(match[3])))
            except ValueError:
                continue
    return [day for day in found if 1970 <= day.year < 9999]


def _frame(first: date, last: date, zone: tzinfo) -> Frame:
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return Frame(day=last, length=f"{(last - first).days + 1}d", window=Window(start, end), zone=zone, as_of=end)
