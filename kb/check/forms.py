"""Our own texts with ``{named}`` places, read backwards: what stands in the places. Pure."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from functools import lru_cache

from kb.wording import Words


def fields(form: str, text: str) -> dict[str, str] | None:
    """What stands in the places of a form; None where the text is none of that form."""
    match = _pattern(form).fullmatch(text)
    return match.groupdict() if match else None


@lru_cache(maxsize=64)
def _pattern(form: str) -> re.Pattern[str]:
    form = form.replace("**", "")  # as a reader sees it
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(form)), re.S)


def moments(text: str, zone: tzinfo, words: Words) -> list[datetime]:
    """The days with their minute that stand in a text, those that no calendar has left out."""
    found = []
    for match in _moment(words.line["day"]).finditer(text):
        year, month, day, hour, minute = (int(match[name]) for name in "ymdHM")
        try:
            found.append(datetime(year, month, day, hour, minute, tzinfo=zone))
        except ValueError:
            continue
    return found


def without_moments(text: str, words: Words) -> str:
    """``text`` with one sign for each day with its minute."""
    return _moment(words.line["day"]).sub("\0", text)


@lru_cache(maxsize=4)
def _moment(day: str) -> re.Pattern[str]:
    parts = re.sub(
        r"\\\{([ymd])(?::02)?\\\}", lambda name: rf"(?P<{name[1]}>\d{{{4 if name[1] == 'y' else '1,2'}}})", re.escape(day)
    )
    return re.compile(rf"{parts} (?P<H>\d\d):(?P<M>\d\d)")
