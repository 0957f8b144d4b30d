"""A question, English or Chinese, to its Scope.

Window, repositories, kinds, identifiers, facets, topic and intent. Pure and fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from kb import entities, glossary, intent, when
from kb.entities import Identifier, KnownRepo, Mention, Span
from kb.errors import QueryError
from kb.intent import GAP
from kb.periods import Clock
from kb.types import Scope, Tag, Window

__all__ = ["KnownRepo", "ScopeContext", "parse", "parse_instant"]

_EXAMPLES = (
    'works: 2026-02-03, 2026-02-03T14:00, "3 days ago", 7d, yesterday, monday, "last week", "January 2026", '
    "or a tag such as v0.6.2"
)


@dataclass(frozen=True)
class ScopeContext:
    """Who asks, and when: ``now`` is aware (the end of the day with --as-of), ``tags`` are by repository."""

    now: datetime
    tz: tzinfo
    repos: tuple[KnownRepo, ...] = ()
    tags: Mapping[str, tuple[Tag, ...]] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """Now and the zone.

        Raises:
            QueryError: ``now`` has no zone.
        """
        if self.now.tzinfo is None:
            raise QueryError(f"{self.now.isoformat()} has no time zone", remedy="give an aware datetime")
        return Clock(self.now, self.tz)


def parse(
    question: str,
    context: ScopeContext,
    *,
    repos: Sequence[str] = (),
    kinds: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> Scope:
    """What ``question`` asks about. The keyword arguments are explicit filters and override what it says.

    The window never ends after ``context.now``; with none named it is (None, now).

    Raises:
        QueryError: an explicit filter names no known repository, kind or time.
    """
    text = when.squeeze(question)
    low = when.plain(text)
    mentions = entities.mentions(low, context.repos)
    named = entities.resolve_repos(repos, context.repos) or tuple(
        dict.fromkeys(repo for mention in mentions for repo in mention.repos)
    )
    asking = intent.asking_span(low)
    found = when.find(text, context.clock, _tags(context, named), mentions=[(m.start, m.end) for m in mentions], asking=asking)
    names = entities.identifiers(low, blocked=[*found.spans, *_bare(low, mentions)])
    chinese = glossary.CJK.search(text) is not None
    body = _cut(low, [*found.spans, *(entities.mention_span(low, mention) for mention in mentions)])
    sort = _intent(low, found.spans, mentions, names, body, windowed=found.window != Window())
    facets, topic = _subject(
        _cut(low, [*found.spans, *_around(low, mentions, names), *_references(names)]), sort, chinese=chinese
    )
    return Scope(
        question=question,
        window=_window(found.window, context, since, until),
        repos=named,
        kinds=entities.resolve_kinds(kinds) or _kinds(body, sort),
        topic=topic,
        identifiers=tuple(name.text for name in names),
        facets=facets,
        intent=sort,
        unresolved=found.unresolved,
        language="zh" if chinese else "en",
    )


def parse_instant(text: str, context: ScopeContext, *, end: bool = False) -> datetime:
    """The instant (UTC) that a filter such as --since, --until or --as-of names.

    A period stands for its beginning or, with ``end``, for its exclusive end: "2026-02-03" with ``end`` is the next
    midnight in the asker's zone.
    "3 days ago" and "7d" are exact; a tag is the moment after it.

    Raises:
        QueryError: ``text`` names no time.
    """
    found = when.instant(text, context.clock, context.tags)
    if found is None:
        raise QueryError(f"not a time: {text!r}", remedy=_EXAMPLES)
    if found.release:
        return found.end
    start = found.instant or found.start
    exact = found.instant is not None and found.instant == found.start
    chosen = found.instant if end and exact else found.end if end and found.instant is None else start
    if chosen is None:
        raise QueryError(f"not a time: {text!r}", remedy=_EXAMPLES)
    return chosen.astimezone(UTC)


def _tags(context: ScopeContext, named: Sequence[str]) -> dict[str, tuple[Tag, ...]]:
    return {name: found for name, found in context.tags.items() if found and (not named or name in named)}


def _window(said: Window, context: ScopeContext, since: str | None, until: str | None) -> Window:
    """The explicit bounds, or else what the question said.

    A bound of the question that contradicts an explicit one is dropped.
    """
    now = context.clock.now.astimezone(UTC)
    if since is None and until is None:
        return replace(said, end=said.end or now)
    start = parse_instant(since, context) if since is not None else said.start
    end = min(parse_instant(until, context, end=True), now) if until is not None else said.end or now
    if start is not None and start >= end:
        if since is not None and until is None and start < now:
            end = now
        elif since is None:
            start = None
        else:
            raise QueryError(
                f"the window is empty: since {since!r} is not before {f'until {until!r}' if until is not None else 'now'}",
                remedy=_EXAMPLES,
            )
    label = " ".join([*([f"since {since}"] if since is not None else []), *([f"until {until}"] if until is not None else [])])
    return Window(start, end, label)


def _cut(text: str, spans: Sequence[Span]) -> str:
    """``text`` with each span (they may overlap) replaced by a gap."""
    pieces, position = [], 0
    for start, end in sorted(spans):
        if start >= position:
            pieces.append(text[position:start])
        position = max(position, end)
    return " ".join(f" {GAP} ".join([*pieces, text[position:]]).split()) if pieces else text


def _bare(low: str, mentions: Sequence[Mention]) -> list[Span]:
    """Mentions that are no part of a longer name such as "owner/name#12"."""
    return [(mention.start, mention.end) for mention in mentions if low[mention.end : mention.end + 1] != "#"]


def _around(low: str, mentions: Sequence[Mention], names: Sequence[Identifier]) -> list[Span]:
    """What to cut out of the topic for the repositories, unless it runs into an identifier that stays."""
    spans = [entities.mention_span(low, mention) for mention in mentions]
    kept = [(name.start, name.end) for name in names if name.form not in ("ref", "sha")]
    return [(start, end) for start, end in spans if not any(start < stop and end > begin for begin, stop in kept)]


def _references(names: Sequence[Identifier]) -> list[Span]:
    return [(name.start, name.end) for name in names if name.form in ("ref", "sha")]


def _intent(
    low: str, times: Sequence[Span], mentions: Sequence[Mention], names: Sequence[Identifier], body: str, *, windowed: bool
) -> str:
    named = [(name.start, name.end) for name in names]
    rest = _cut(low, [*times, *named, *((mention.start, mention.end) for mention in mentions)])
    return intent.classify(body, forms=[name.form for name in names], rest=rest, windowed=windowed)


def _kinds(body: str, sort: str) -> tuple[str, ...]:
    """A question for one change is not held to pull requests or issues: the commit that landed one answers it as well."""
    asked = entities.asked_kinds(body)
    return asked if sort == "window" else tuple(kind for kind in asked if kind in ("commit", "paper"))


def _subject(body: str, sort: str, *, chinese: bool) -> tuple[tuple[str, ...], str]:
    if sort != "window":
        topic = intent.needle_topic(body, chinese=chinese)
        return (), intent.tidy(glossary.translate(topic)) if chinese else topic
    facets, spans = entities.asked_facets(body)
    topic = intent.window_topic(_cut(body, spans), chinese=chinese)
    return facets, intent.tidy(glossary.translate(topic)) if chinese else topic
