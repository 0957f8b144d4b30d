"""A document of a llama-index reader: its text and what its metadata tell, whatever they hold. Needs nothing of llama-index.

Only what says something of the document is taken from the metadata: a file's size or the date of its last reading is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from ingest import _html
from kb.safe import one_line, printable

_TITLE = ("title", "file_name", "name", "subject")
_URL = ("url", "source", "link", "html_url", "file_url")
_PLACE = ("file_path", "path", "url", "source", "link")
_PUBLISHED = ("published", "published_at", "date", "created_at", "creation_date", "last_modified_date")
_REVISED = ("last_modified_date", "updated_at", "last_edited_time", "modified")
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Document:
    """``known_by`` tells it from others, up to those that come from the same place; ``ref`` is what a person calls it."""

    known_by: str
    ref: str
    title: str
    text: str
    url: str
    author: str
    published: datetime | None
    revised: datetime | None


def parse(item: object, keys: Mapping[str, str], folders: Iterable[str]) -> Document | None:
    """The document ``item``, None where it has no text.

    ``keys`` maps title, url, published and id to the entry of the metadata that holds it, "" for the usual ones. Paths below
    one of ``folders`` are told from there.
    """
    text, metadata = getattr(item, "text", None), getattr(item, "metadata", None)
    if not isinstance(text, str):
        return None
    values: Mapping[str, object] = metadata if isinstance(metadata, dict) else {}
    place = _relative(_first(values, _PLACE), folders)
    own = getattr(item, "doc_id", None) or getattr(item, "id_", None)
    stable = own if isinstance(own, str) and not _RANDOM.fullmatch(own) else ""
    known_by = (_first(values, (keys["id"],)) if keys["id"] else place) or stable or text
    dates = [at for key in _named(keys["published"], _PUBLISHED) if (at := _instant(values.get(key))) is not None]
    url = _html.address(_first(values, _named(keys["url"], _URL)))
    title = _first(values, _named(keys["title"], _TITLE)) or next(
        (line.lstrip("# ") for line in text.splitlines() if line.strip()), ""
    )
    return Document(
        known_by=known_by,
        ref=one_line(_short(place) or _first(values, (keys["id"],)), limit=120),
        title=one_line(title, limit=200) or "(no title)",
        text=text,
        url=url,
        author=one_line(_first(values, ("author", "authors")), limit=200),
        published=min(dates, default=None),  # a copied file's creation is later than its last change
        revised=next((at for key in _REVISED if (at := _instant(values.get(key))) is not None), None),
    )


def _named(key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    return (key,) if key else usual


def _first(values: Mapping[str, object], keys: Iterable[str]) -> str:
    """The first of these entries that is a text or a number, as text."""
    found = (values.get(key) for key in keys)
    return next((printable(str(value)) for value in found if isinstance(value, str | int) and str(value).strip()), "")


def _relative(place: str, folders: Iterable[str]) -> str:
    for folder in folders:
        if place and folder and PurePath(place) != PurePath(folder) and PurePath(place).is_relative_to(folder):
            return PurePath(place).relative_to(folder).as_posix()
    return place


def _short(place: str) -> str:
    """An address without its scheme and query; a path as it is."""
    parts = urlsplit(place) if place.startswith(("http://", "https://")) else None
    return unquote(f"{parts.hostname}{parts.path}") if parts else place


def _instant(value: object) -> datetime | None:
    """A date in the metadata: a datetime, a date, ISO 8601, as in mail, or seconds since 1970."""
    try:
        at = _read(value)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at is None else at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def _read(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return parsedate_to_datetime(value)
