"""An issue or a pull request as GitHub's API tells it, to a Record. Any field may be missing, null or of another type. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kb.types import Event, Link, Note, Record

Item = Mapping[str, Any]
MOST_TEXT = 262_144  # GitHub takes 65,536 characters
_MOST_TITLE = 1024
_MOST_NAMES = 100
_VERDICTS = ("approved", "changes_requested", "commented", "dismissed")
_SHA = re.compile(r"[0-9a-f]{40}")
_URL = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"'`\\]{1,2000}")
_ISSUE_URL = re.compile(r"/issues/(\d{1,9})$")
_PLAIN = (
    "number", "title", "body", "html_url", "state", "state_reason", "draft",
    "created_at", "updated_at", "closed_at", "merged_at", "merge_commit_sha",
)  # fmt: skip


class UnusableError(Exception):
    """An entry lacks what a record cannot be without; says what."""


def number(item: Item) -> int | None:
    """The thread's number; None where it is none."""
    value = item.get("number")
    return value if type(value) is int and 0 < value < 10**9 else None


def is_pull(item: Item) -> bool:
    """Whether an entry of the list of issues is a pull request."""
    return item.get("pull_request") is not None


def seconds(item: Item, key: str) -> int | None:
    """A time in epoch seconds; None where it is none."""
    at = _time(item.get(key))
    return None if at is None else int(at.timestamp())


def record(repo: str, kind: str, item: Item, *, notes: Iterable[Note] = (), events: Iterable[Event] = ()) -> Record:
    """The record of a thread; ``kind`` is issue or pull, ``events`` are more than the thread itself tells.

    Raises:
        UnusableError: it has no number, or no time at which it was opened.
    """
    number_, opened = number(item), _time(item.get("created_at"))
    if number_ is None:
        raise UnusableError("it has no number")
    if opened is None:
        raise UnusableError(f"#{number_} has no time at which it was opened")
    merged = _time(item.get("merged_at")) if kind == "pull" else None
    closed = _time(item.get("closed_at"))
    body, cut = _text(item.get("body"))
    return Record(
        id=f"{kind}:{repo}#{number_}",
        kind=kind,
        repo=repo,
        ref=str(number_),
        title=_short(item.get("title")) or f"#{number_}",
        body=body,
        url=_url(item.get("html_url")),
        author=login(item.get("user")),
        state=_state(item, merged, closed),
        labels=tuple(_named(item.get("labels"), "name")),
        events=_events(opened, merged, closed, _time(item.get("updated_at")), events),
        links=tuple(_landed(repo, item)) if merged else (),
        marks=("truncated",) if cut else (),
        meta=tuple(_meta(kind, item)),
        notes=tuple(sorted(notes, key=lambda note: note.at)),
    )


def comment(item: Item) -> tuple[int, int, Note] | None:
    """(its id, the number of its thread, the note) of an entry of a list of comments; None where one of these is missing."""
    address, id, at = item.get("issue_url"), _id(item), _time(item.get("created_at"))
    match = _ISSUE_URL.search(address) if isinstance(address, str) else None
    if match is None or id is None or at is None:
        return None
    text, _ = _text(item.get("body"))
    note = Note(kind="comment", at=at, author=login(item.get("user")), text=text, url=_url(item.get("html_url")))
    return id, int(match[1]), note


def reviews(items: Iterable[Item]) -> list[tuple[int, Note]]:
    """(its id, the note) of reviews; none for one that is pending, and for one that only holds comments on lines."""
    found = []
    for item in items:
        id, state, at = _id(item), item.get("state"), _time(item.get("submitted_at"))
        verdict = state.lower() if isinstance(state, str) else ""
        text, _ = _text(item.get("body"))
        if id is None or at is None or verdict not in _VERDICTS or (verdict == "commented" and not text.strip()):
            continue
        author, url = login(item.get("user")), _url(item.get("html_url"))
        found.append((id, Note(kind="review", at=at, author=author, text=text, verdict=verdict, url=url)))
    return found


def happening(item: Item) -> tuple[int, Event] | None:
    """(the number of its thread, the event) of an entry of the list of events: closed or reopened, None for others."""
    thread, at, kind = item.get("issue"), _time(item.get("created_at")), item.get("event")
    found = number(thread) if isinstance(thread, dict) else None
    if found is None or at is None or kind not in ("closed", "reopened"):
        return None
    return found, Event(kind, at)


def slim(item: Item) -> dict[str, Any]:
    """What ``record`` needs of an item: a tenth of a pull request."""
    kept = {key: item[key] for key in _PLAIN if key in item}
    for key, inner in (("user", "login"), ("milestone", "title"), ("base", "ref")):
        kept[key] = {inner: _inner(item.get(key), inner)}
    kept["head"] = {"label": _inner(item.get("head"), "label"), "ref": _inner(item.get("head"), "ref")}
    kept["labels"] = list(_named(item.get("labels"), "name"))
    kept["assignees"] = [{"login": name} for name in _named(item.get("assignees"), "login")]
    return kept


def login(user: object) -> str:
    """The name of a person; "ghost" where the account is deleted, as GitHub shows it."""
    return _short(_inner(user, "login")) or "ghost"


def _state(item: Item, merged: datetime | None, closed: datetime | None) -> str:
    if merged:
        return "merged"
    told = item.get("state")
    return told if told in ("open", "closed") else "closed" if closed else "open"


def _events(
    opened: datetime, merged: datetime | None, closed: datetime | None, updated: datetime | None, more: Iterable[Event]
) -> tuple[Event, ...]:
    """In the order of time; of equal times merged comes before closed, as it says more."""
    told = (("opened", opened), ("merged", merged), ("closed", closed), ("updated", updated))
    found = {Event(kind, at): None for kind, at in told if at is not None}
    found |= dict.fromkeys(more)
    rank = ("opened", "reopened", "merged", "closed", "updated")
    return tuple(sorted(found, key=lambda event: (event.at, rank.index(event.kind))))


def _landed(repo: str, item: Item) -> Iterator[Link]:
    sha = item.get("merge_commit_sha")
    if isinstance(sha, str) and _SHA.fullmatch(sha):
        yield Link("landed-as", f"commit:{repo}@{sha}")


def _meta(kind: str, item: Item) -> Iterator[tuple[str, str]]:
    if kind == "pull":
        if item.get("draft") is True:
            yield "draft", "true"
        if base := _short(_inner(item.get("base"), "ref")):
            yield "base", base
        if head := _short(_inner(item.get("head"), "label")) or _short(_inner(item.get("head"), "ref")):
            yield "head", head
    if reason := _short(item.get("state_reason")):
        yield "state_reason", reason
    if milestone := _short(_inner(item.get("milestone"), "title")):
        yield "milestone", milestone
    for name in _named(item.get("assignees"), "login"):
        yield "assignee", name


def _id(item: Item) -> int | None:
    value = item.get("id")
    return value if type(value) is int and 0 < value < 2**63 else None


def _named(values: object, key: str) -> Iterator[str]:
    """The names in a list of objects or texts; what is neither is left out."""
    for value in values[:_MOST_NAMES] if isinstance(values, list) else ():
        if name := _short(value if isinstance(value, str) else _inner(value, key)):
            yield name


def _inner(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _short(value: object) -> str:
    return value[:_MOST_TITLE].strip() if isinstance(value, str) else ""


def _text(value: object) -> tuple[str, bool]:
    """The text, and whether it had to be cut."""
    text = value if isinstance(value, str) else ""
    return text[:MOST_TEXT], len(text) > MOST_TEXT


def _url(value: object) -> str:
    return value if isinstance(value, str) and _URL.fullmatch(value) else ""


def _time(value: object) -> datetime | None:
    """A time with a zone, in UTC and whole seconds, from the epoch to the end of the calendar."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        at = datetime.fromisoformat(value)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 1970 else None
