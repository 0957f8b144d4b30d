"""A question, English or Chinese, to its Scope.

Window, repositories, kinds, identifiers, facets, topic and intent. Pure and fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo

from kb import asked, entities, glossary, happened, intent, relation, when
from kb.entities import Identifier, KnownRepo, Mention, Span
from kb.errors import QueryError
from kb.intent import GAP
from kb.periods import Clock
from kb.relation import PAPER, REF
from kb.types import Scope, Tag, Window

__all__ = ["KnownRepo", "ScopeContext", "about", "parse", "parse_instant"]

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
    as_set: bool = False,
) -> Scope:
    """What ``question`` asks about. The keyword arguments are explicit filters and override what it says; with ``as_set``
    it is read as a question for every matching record, however it is put.

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
    read = _read(text, context, named, mentions)
    chinese = glossary.CJK.search(text) is not None
    related = relation.relation(read.marked)
    scope = Scope(
        question=question,
        window=_window(read.found.window, context, since, until),
        repos=named,
        kinds=asked.resolve_kinds(kinds),
        identifiers=tuple(name.text for name in read.names),
        intent="window" if as_set else _intent(read, related=related),
        unresolved=read.found.unresolved,
        language="zh" if chinese else "en",
        resolved_at=context.clock.now.astimezone(UTC),
    )
    return _of_set(scope, read) if scope.intent == "window" else _of_one(replace(scope, relation=related), read)


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


def about(scope: Scope, topic: str) -> Scope:
    """The scope with another topic, in either language; a question for one record cannot be without any."""
    told = " ".join(topic.split())
    told = intent.tidy(glossary.translate(told)) if glossary.CJK.search(told) else told
    if not told and scope.intent not in ("window", "compare"):
        return scope
    inherited = tuple(name for name in scope.inherited if name not in ("topic", "narrowed"))
    return replace(scope, topic=told, inherited=inherited, sides=tuple(about(side, topic) for side in scope.sides))


@dataclass(frozen=True)
class _Read:
    """A question (ASCII punctuation) and what was recognised in it; ``notes`` are spans that name the notes of a release."""

    low: str
    found: when.Found
    mentions: Sequence[Mention]
    names: Sequence[Identifier]
    notes: Sequence[Span]

    @property
    def body(self) -> str:
        """With gaps for times and repositories."""
        return _cut(self.low, [*self.found.spans, *(entities.mention_span(self.low, mention) for mention in self.mentions)])

    @property
    def story(self) -> str:
        """With gaps for references as well: what is left to search for."""
        references = [(name.start, name.end) for name in self.names if name.form in ("ref", "sha")]
        return _cut(self.low, [*self.found.spans, *_around(self.low, self.mentions, self.names), *references])

    @property
    def marked(self) -> str:
        """With REF and PAPER for what it names, as ``kb.relation`` reads it."""
        ends = {mention.end: mention.start for mention in self.mentions}
        marks = [(*span, GAP) for span in self.found.spans]
        for name in self.names:
            if name.form in ("ref", "sha"):
                mark = PAPER if name.text.startswith("arXiv:") else REF
                word = "issue " if self.low[name.start : name.end].lower().startswith("issue") else ""
                at = name.start - (self.low[name.start - 1 : name.start] == "@")
                marks.append((ends.get(at, name.start), name.end, word + mark))
        pieces, position = [], 0
        for start, end, mark in sorted(marks):
            pieces += [self.low[position:start], mark]
            position = max(position, end)
        return "".join([*pieces, self.low[position:]])


def _read(text: str, context: ScopeContext, named: Sequence[str], mentions: Sequence[Mention]) -> _Read:
    low = when.plain(text).translate({ord(REF): " ", ord(PAPER): " "})
    notes = entities.release_notes(low)
    found = when.find(
        happened.blanked(text, [*entities.urls(low), *notes], "_"),  # what looks like a date in an address is none
        context.clock,
        _tags(context, named),
        mentions=[(mention.start, mention.end) for mention in mentions],
        asking=intent.asking_span(low),
    )
    names = entities.identifiers(low, blocked=[*found.spans, *_bare(low, mentions)], notes=notes)
    return _Read(low, found, mentions, names, notes)


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


def _intent(read: _Read, *, related: str) -> str:
    windowed = read.found.window != Window()
    if (related or read.notes) and not windowed:
        return "identifier"
    named = [(name.start, name.end) for name in read.names]
    rest = _cut(read.low, [*read.found.spans, *named, *((mention.start, mention.end) for mention in read.mentions)])
    return intent.classify(
        read.body,
        forms=[name.form for name in read.names],
        rest=rest,
        windowed=windowed,
        listed=asked.lists_records(read.body),
    )


def _of_set(scope: Scope, read: _Read) -> Scope:
    """With what a question for every matching record asks for."""
    chinese = scope.language == "zh"
    kinds = scope.kinds or asked.kinds_of_set(read.body)
    said = happened.said(read.story, kinds, windowed=bool(scope.window.label))
    story = _cut(read.story, said.spans)
    facets, spans = entities.asked_facets(story)
    topic = intent.window_topic(_cut(story, spans), chinese=chinese)
    implied = () if kinds else asked.implied_by_set(read.body, facets, scope.window.releases)
    return replace(
        scope,
        kinds=kinds,
        implied_kinds=implied,
        events=said.events,
        states=said.states or (("merged",) if implied else ()),
        facets=facets,
        topic=intent.tidy(glossary.translate(topic)) if chinese else topic,
    )


def _of_one(scope: Scope, read: _Read) -> Scope:
    """With what a question for one record asks for."""
    chinese = scope.language == "zh"
    topic = intent.needle_topic(read.story, chinese=chinese)
    kinds = scope.kinds or (("issue",) if scope.relation == "fixes" else asked.kinds_of_one(read.body))
    return replace(
        scope,
        kinds=kinds,
        implied_kinds=() if kinds else _implied_by_one(scope, read),
        states=asked.states_of_one(read.body),
        topic=intent.tidy(glossary.translate(topic)) if chinese else topic,
    )


def _implied_by_one(scope: Scope, read: _Read) -> tuple[str, ...]:
    if read.notes:
        return ("release",)
    change = asked.implied_by_one(read.body)
    if scope.relation or change:
        return change or ("commit", "pull")
    return ("issue", "pull") if scope.intent == "identifier" and relation.is_about_thread(read.marked) else ()
