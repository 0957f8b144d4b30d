"""The archive as calendars: a month a table, a button on every day and every week that has a report. Pure."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup

from kb.report.archived import Archived
from kb.web.markup import tag, text
from kb.web.reader import Reader

_OPEN = 4  # months; earlier ones are folded away
_MOST = 60
_Days = Mapping[date, Sequence[Archived]]


def calendar_html(entries: Sequence[Archived], reader: Reader, *, chosen: str, to: str) -> Markup:
    """Months with reports, the latest first. ``chosen`` is the name of the report that is shown, ``to`` the field that hears
    which is to be."""
    words = reader.ui.reports
    by_day: defaultdict[date, list[Archived]] = defaultdict(list)
    for entry in entries:
        by_day[entry.identity.day].append(entry)
    months = [month for month, _ in groupby(sorted(by_day, reverse=True), key=lambda day: day.replace(day=1))][:_MOST]
    tables = [_month(month, by_day, reader, chosen=chosen, to=to) for month in months]
    shown = next((index + 1 for index, month in enumerate(months) if _is_in(chosen, month, entries)), 0)
    near = max(_OPEN, shown)
    rest = tag("details", tag("summary", words["earlier"]), *tables[near:], class_="kb-earlier") if tables[near:] else None
    return tag("nav", *tables[:near], rest, class_="kb-calendar", aria_label=words["archive"])


def _is_in(name: str, month: date, entries: Sequence[Archived]) -> bool:
    return any(entry.name == name and entry.identity.day.replace(day=1) == month for entry in entries)


def _month(month: date, by_day: _Days, reader: Reader, *, chosen: str, to: str) -> Markup:
    words = reader.ui.reports
    caption = words["month"].format(year=month.year, month=month.month if reader.language == "zh" else f"{month.month:02}")
    heads = [tag("th", name, scope="col") for name in words["weekdays"].split()]
    rows = [
        _week(week, month, by_day, reader, chosen, to)
        for week in calendar.Calendar().monthdatescalendar(month.year, month.month)
    ]
    head = tag("tr", *heads, tag("th", words["week"], scope="col"))
    return tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *rows), class_="kb-month")


def _week(days: Sequence[date], month: date, by_day: _Days, reader: Reader, chosen: str, to: str) -> Markup:
    own = [day for day in days if day.month == month.month]
    cells = [tag("td", _day(day, by_day, reader, chosen, to)) if day in own else tag("td") for day in days]
    longer = [entry for day in own for entry in by_day.get(day, ()) if entry.identity.length != "1d"]
    return tag("tr", *cells, tag("td", *_longer(longer, reader, chosen, to)))


def _day(day: date, by_day: _Days, reader: Reader, chosen: str, to: str) -> Markup:
    entries = [entry for entry in by_day.get(day, ()) if entry.identity.length == "1d"]
    return _button(str(day.day), entries, reader, chosen, to) if entries else tag("span", str(day.day))


def _longer(entries: Sequence[Archived], reader: Reader, chosen: str, to: str) -> Iterator[Markup]:
    for day, those in groupby(entries, key=lambda entry: entry.identity.day):
        yield _button(str(day.day), list(those), reader, chosen, to)


def _button(label: str, entries: Sequence[Archived], reader: Reader, chosen: str, to: str) -> Markup:
    """Opens the report of the reader's language, all repositories before some."""
    best = max(entries, key=lambda entry: (entry.identity.language == reader.language, not entry.identity.repos))
    named = f"{best.identity.day.isoformat()}: {text(best.label, limit=120)}"
    return tag(
        "button",
        label,
        type="button",
        class_="kb-day",
        data_to=to,
        data_do="open",
        data_of=best.name,
        title=named,
        aria_label=named,
        aria_current="true" if any(entry.name == chosen for entry in entries) else None,
    )


def length_name(length: str, reader: Reader) -> str:
    """ "1 day", "7 days", "since the last one"."""
    words = reader.ui.reports
    number = length.removesuffix("d")
    return words.get(length) or (words["days"].format(count=number) if number.isdigit() else text(length, limit=20))


def yesterday(reader: Reader) -> date:
    """The last whole day where the reader is."""
    return reader.now.astimezone(reader.zone).date() - timedelta(days=1)
