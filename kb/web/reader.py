"""Who reads: the moment, the zone and the language in which everything is shown to them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from markupsafe import Markup

from kb import wording
from kb.facts import zone_name
from kb.web.markup import tag
from kb.web.words import UiWords, ui_words


@dataclass(frozen=True)
class Reader:
    """``now`` is aware. ``ui`` are the words of the pages, ``terms`` those of answers (kinds, states, events, relations)."""

    now: datetime
    zone: tzinfo
    language: str = "en"

    @property
    def ui(self) -> UiWords:
        return ui_words(self.language)

    @property
    def terms(self) -> wording.Words:
        return wording.words(self.language)

    def moment(self, at: datetime) -> str:
        """Day, minute and zone."""
        return f"{self.terms.moment(at, self.zone)} {zone_name(self.zone, at)}"

    def day(self, at: datetime) -> Markup:
        """The calendar day; on hover the minute and the zone."""
        return self._time(at, self.terms.day(at, self.zone))

    def ago(self, at: datetime) -> Markup:
        """ "3 hours ago", or "in 5 minutes"; on hover the minute and the zone."""
        length = self.now - at
        form = "ago" if length >= timedelta() else "ahead"
        return self._time(at, self.ui.span[form].format(span=self.span(abs(length))))

    def span(self, length: timedelta) -> str:
        """A length of time in its largest unit, rounded down."""
        seconds = int(max(length.total_seconds(), 0))
        for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
            count = seconds // size
            if count >= (2 if unit == "day" else 1):  # up to two days in hours
                break
        return self.ui.span[unit if count == 1 else f"{unit}s"].format(count=count)

    def counted(self, group: str, count: int) -> str:
        """ "1 file", "12 files": the words for ``group`` of UiWords.counts with a figure."""
        return self.ui.counts[f"{group} one" if count == 1 else group].format(count=f"{count:,}")

    def _time(self, at: datetime, shown: str) -> Markup:
        return tag("time", shown, datetime=at.isoformat(), title=self.moment(at))
