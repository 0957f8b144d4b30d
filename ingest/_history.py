"""How far back a source reads: what its configuration says, and where its stored history begins. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol

from kb.errors import ConfigError

_SPAN = re.compile(r"(\d{1,5})\s*(d|w|days?|weeks?|months?|years?)", re.IGNORECASE)


class Stored(Protocol):
    """A cursor that says where the stored history begins (epoch seconds, None for everything), and by which text."""

    @property
    def history(self) -> str: ...

    @property
    def since(self) -> int | None: ...


def check_history(history: str, *, key: str = "history") -> str:
    """``history`` itself; ``key`` is what the configuration calls it.

    Raises:
        ConfigError: it is neither a span, nor a date or an instant, nor "all".
    """
    horizon(history, datetime(2100, 1, 1, tzinfo=UTC), key=key)
    return history


def horizon(history: str, now: datetime, *, key: str = "history") -> int | None:
    """Where a history begins, in epoch seconds; None for "all". A month and a year are those of the calendar, a day without
    a time begins at midnight, and a time without a zone is meant in UTC.

    Raises:
        ConfigError: it is neither a span, nor a date or an instant, nor "all".
    """
    text = history.strip()
    if text.lower() == "all":
        return None
    try:
        if match := _SPAN.fullmatch(text):
            return max(0, int(_before(now, int(match[1]), match[2][0].lower()).timestamp()))
        begins = datetime.fromisoformat(text)
        return max(0, int(begins.replace(tzinfo=begins.tzinfo or UTC).timestamp()))
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{key} {history!r} is not a span of time or a date",
            remedy='use "90 days", "6 weeks", "3 months", "1 year", a date ("2026-01-31", "2026-01-31T09:30Z"), or "all"',
        ) from error


def begin(stored: Stored | None, history: str, now: datetime) -> tuple[int | None, bool]:
    """(where the history begins, whether that is earlier than what is stored).

    The beginning stays where the first sync put it, so that later ones neither lose nor repeat anything; only a ``history``
    that was changed to reach further back moves it.
    """
    if stored is None:
        return horizon(history, now), False
    if stored.history == history or stored.since is None:
        return stored.since, False
    wanted = horizon(history, now)
    if wanted is not None and wanted >= stored.since:
        return stored.since, False
    return wanted, True


def _before(now: datetime, count: int, unit: str) -> datetime:
    if not count:
        raise ValueError("an empty span")
    if unit in ("d", "w"):
        return now - timedelta(days=count * (7 if unit == "w" else 1))
    months = now.year * 12 + now.month - 1 - count * (12 if unit == "y" else 1)
    first = now.replace(year=months // 12, month=months % 12 + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(now.day, (following - timedelta(days=1)).day))
