"""An entry of a feed as feedparser read it: what it says, in plain text. Any part may be missing or hold anything. Pure."""

from __future__ import annotations

import calendar
import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from ingest import _html
from kb.safe import one_line, printable

TITLE_LIMIT = 500
LABELS_LIMIT = 30


class Entry:
    """One entry; ``base`` is what its links are relative to."""

    def __init__(self, raw: Mapping[str, Any], base: str) -> None:
        self._raw = raw
        self.url = _html.address(self._text("link"), base=base)

    @property
    def key(self) -> str:
        """What it is known by for ever: a hash of its id, else of its link, else of what it says."""
        known = self._text("id") or self._text("link") or f"{self.title}\n{self.body}"
        return hashlib.sha256(known.strip().encode()).hexdigest()[:16]

    @cached_property
    def title(self) -> str:
        """One line, "" where there is none."""
        return one_line(_plain(self._raw.get("title_detail")), limit=TITLE_LIMIT)

    @cached_property
    def body(self) -> str:
        """The content, or the summary where that says more."""
        details = [*(self._raw.get("content") or ()), self._raw.get("summary_detail")]
        return max((_plain(detail) for detail in details), key=len)

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to store."""
        return not (self.title or self.body or self.url)

    @property
    def author(self) -> str:
        """Its authors' names."""
        names = [one_line(str(author.get("name") or "")) for author in self._raw.get("authors") or ()]
        return ", ".join(filter(None, names))[:200] or one_line(self._text("author"), limit=200)

    @property
    def labels(self) -> tuple[str, ...]:
        """Its categories."""
        tags = [one_line(str(tag.get("label") or tag.get("term") or ""), limit=100) for tag in self._raw.get("tags") or ()]
        return tuple(dict.fromkeys(filter(None, tags)))[:LABELS_LIMIT]

    @cached_property
    def dates(self) -> tuple[datetime, ...]:
        """When it was published and, where that is later, when it was last changed; empty where no date can be read."""
        known = [at for key in ("published_parsed", "updated_parsed") if (at := _instant(self._raw.get(key))) is not None]
        return tuple(known[:1] + [at for at in known[1:] if at > known[0]])

    def _text(self, key: str) -> str:
        value = self._raw.get(key)
        return printable(value) if isinstance(value, str) else ""


def _plain(detail: Mapping[str, Any] | None) -> str:
    """The text of a title, summary or content."""
    if not detail or not isinstance(value := detail.get("value"), str):
        return ""
    if "html" in str(detail.get("type")):
        return _html.text(value, base=str(detail.get("base") or ""))
    return printable(value).strip()


def _instant(parsed: object) -> datetime | None:
    if not isinstance(parsed, time.struct_time):
        return None
    try:
        at = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.year > 1970 else None  # "0000-00-00" comes out as the year 1
