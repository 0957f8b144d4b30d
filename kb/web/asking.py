"""A question as the app asks it: its text, the filters that somebody set, what it follows; as an address, and back. Pure."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

from kb import payloads
from kb.conversation import scope_from
from kb.errors import QueryError
from kb.safe import one_line
from kb.types import KINDS, Scope
from kb.web.filters import LONGEST_FILTER, LONGEST_QUESTION, MOST_REPOS, Filters, asked_by, filters_of, question_address
from kb.wiring import Asked

BEGINNING = "1970-01-01"  # an emptied "since" that the question itself would fill
_LONGEST_BEFORE = 100_000  # characters of JSON


@dataclass(frozen=True)
class Asking:
    """``filters`` has only what somebody set (never a topic): the question says the rest. ``topic`` stands for the question's
    own, "" for none at all. ``as_of`` "" is now. ``before`` is the scope of the answer that the question follows. ``unread``
    is what its address says that is no value of these: before, kind, repos or parts, and what stands there."""

    text: str
    filters: Filters = field(default_factory=Filters)
    topic: str | None = None
    as_of: str = ""
    before: Scope | None = None
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def asked(self) -> Asked:
        own = self.filters
        return Asked(
            self.text,
            own.repos,
            own.kinds,
            own.since or None,
            own.until or None,
            self.as_of or None,
            self.before,
            self.topic,
        )

    def at(self, moment: datetime | None) -> Asking:
        """The same, asked as of that moment, unless it was of another one already: it gives the same answer again."""
        shown = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
        return replace(self, as_of=self.as_of or shown)

    @property
    def address(self) -> str:
        """``?q=…&since=…``, from the app's root."""
        pairs = [("as_of", self.as_of), ("before", _packed(self.before))]
        more = urlencode([*([("topic", self.topic)] if self.topic is not None else []), *(pair for pair in pairs if pair[1])])
        return question_address(self.text, self.filters) + (f"&{more}" if more else "")


def asking_by(address: str) -> Asking | None:
    """The question of such an address; None where it has none. What cannot be read of it is in ``unread``.

    >>> asking_by("?q=what+changed&topic=moe").topic
    'moe'
    """
    try:
        values: Mapping[str, list[str]] = parse_qs(address.removeprefix("?"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        found = re.search(r"[?&]q=([^&]+)", address)
        return Asking(one_line(unquote_plus(found[1])), unread=(("parts", ""),)) if found else None
    text = one_line(values.get("q", [""])[0])
    if not text:
        return None

    def first(name: str) -> str:
        return one_line(values.get(name, [""])[0], limit=LONGEST_FILTER)

    _, filters = asked_by(address)
    before = _unpacked(values.get("before", [""])[0])
    topic = first("topic") if "topic" in values else None
    return Asking(text, filters, topic, first("as_of"), before, tuple(_unread(values, before)))


def _unread(values: Mapping[str, list[str]], before: Scope | None) -> Iterator[tuple[str, str]]:
    if "before" in values and before is None:
        yield "before", ""
    for kind in values.get("kind", []):
        if kind not in KINDS:
            yield "kind", one_line(kind, limit=40)
    if len(values.get("repo", [])) > MOST_REPOS:
        yield "repos", ""


def changed(asking: Asking, shown: Filters, form: Mapping[str, Any], every_repo: Sequence[str]) -> Asking:
    """The question with what somebody changed in the filters above its answer, where ``shown`` stood.

    An emptied field asks for everything, also where the question itself is narrower.
    """
    wanted = _form(form)
    own = asking.filters
    if (wanted.since, wanted.until) != (shown.since, shown.until):
        # Both as they are shown: of two that contradict each other the one of the question would be left out in silence.
        own = replace(own, since=own.since or shown.since, until=own.until or shown.until)
    if wanted.since != shown.since:
        own = replace(own, since=wanted.since or BEGINNING)
    if wanted.until != shown.until:
        own = replace(own, until=wanted.until or "now")
    if set(wanted.repos) != set(shown.repos):
        own = replace(own, repos=wanted.repos or tuple(every_repo))
    if set(wanted.kinds) != set(shown.kinds):
        own = replace(own, kinds=wanted.kinds or KINDS)
    topic = wanted.topic if wanted.topic != shown.topic else asking.topic
    return replace(asking, filters=own, topic=topic, unread=())


def shown_filters(scope: Scope, zone: tzinfo, every_repo: Sequence[str]) -> Filters:
    """What a question was resolved to, as the form above its answer shows it: all of something is nothing chosen."""
    own = filters_of(scope, zone)
    return replace(
        own,
        since="" if own.since <= BEGINNING else own.since,
        repos=() if set(own.repos) >= set(every_repo) else own.repos,
        kinds=() if set(own.kinds) >= set(KINDS) else own.kinds,
    )


def _form(form: Mapping[str, Any]) -> Filters:
    """What a browser sent, held to what a form can hold."""

    def one(name: str) -> str:
        value = form.get(name, "")
        return one_line(value, limit=LONGEST_FILTER) if isinstance(value, str) else ""

    def many(name: str) -> list[str]:
        values = form.get(name, [])
        return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []

    return Filters(
        since=one("since"),
        until=one("until"),
        repos=tuple(one_line(repo, limit=LONGEST_FILTER) for repo in many("repo")[:MOST_REPOS]),
        kinds=tuple(kind for kind in KINDS if kind in many("kind")),
        topic=one("topic"),
    )


def checked(asking: Asking, *, words: Mapping[str, str]) -> None:
    """Raises QueryError where a question is empty or too long, or came with what cannot be read. ``words``: UiWords.ask."""
    if len(asking.text) > LONGEST_QUESTION:
        raise QueryError(f"the question is longer than {LONGEST_QUESTION:,} characters", remedy="shorten it")
    if not asking.text.strip():
        raise QueryError("the question is empty", remedy="write one, or choose an example")
    if asking.unread:
        told = (words[f"unread {part}"].format(value=value, limit=MOST_REPOS) for part, value in asking.unread)
        raise QueryError(" ".join(dict.fromkeys(told)), remedy=words["unread hint"])


# --- the scope before, in an address -----------------------------------------------------------------------------------------


def _packed(scope: Scope | None) -> str:
    if scope is None:
        return ""
    text = json.dumps(payloads.scope(scope), separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def _unpacked(packed: str) -> Scope | None:
    """None for what is no scope: the question is then asked alone."""
    try:
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        text = zlib.decompressobj().decompress(raw, _LONGEST_BEFORE)
        return scope_from(json.loads(text)) if packed else None
    except (ValueError, zlib.error, QueryError, RecursionError):
        return None
