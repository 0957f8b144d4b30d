"""A question in a conversation to its Scope: what it does not say is taken over from the question before it. Pure.

Nothing is taken over in silence: ``Scope.inherited`` names every part, and the answer prints them. A question that stands on
its own inherits nothing. Comparisons are read here as well, as a follow-up may make one ("and versus last week?").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kb import entities, glossary, intent, periods, versus, when
from kb.asked import CHANGES, implied_by_set
from kb.leaning import Lean, leaning
from kb.scope import ScopeContext, parse
from kb.types import Scope, Window

_ANYWHERE = re.compile(
    r"\b(?:(?:in|across|for|from) )?(?:all|every|any)(?: of)?(?: the| my| our| these)? "
    r"(?:repos?|repositor(?:y|ies)|projects?)\b|"
    r"\beverywhere\b|"
    r"(?:在|所有|全部|各个?|每个)(?:的)?(?:仓库|代码库|项目)",
    re.I,
)
_ELSEWHERE = re.compile(
    r"\b(?:(?:in|for|from) )?the (?:other|remaining|rest of the) ?(?:ones|repos?|repositories|projects)?(?:others)?(?![\w-])|"
    r"\b(?:in |for |from )?the others\b|(?:其他|其它|别的|其余)(?:的)?(?:仓库|代码库|项目|库)",
    re.I,
)
_EVERYTHING = re.compile(
    r"\beverything(?: else)?\b|\ball (?:the |of the )?changes\b|\ball of (?:it|them)\b|\bthe whole (?:thing|list)\b|"
    r"(?:全部|所有)(?:的)?(?:改动|变化|内容|更新)?$",
    re.I,
)
_SHIFT = re.compile(
    r"\b(?:the |one )?(?P<unit>day|week|month|quarter|year) (?P<way>before|prior|earlier|after|later)(?: that| this| it)?$|"
    r"\b(?P<open>before|after|prior to) (?:that|this|then)$|"
    r"再?(?P<zh_way>前|后)一?个?(?P<zh_unit>天|日|周|星期|月|季度|年)$|(?:再往前|(?:在)?(?:那|这)?之(?P<zh_open>前|后))(?:的)?$",
    re.I,
)
_ZH_UNITS = {"天": "day", "日": "day", "周": "week", "星期": "week", "月": "month", "季度": "quarter", "年": "year"}
_MONTHS_OF = {"quarter": 3}
_PLURALS = {
    "commit": ("commits", "提交"),
    "pull": ("PRs", " PR"),
    "issue": ("issues", " issue"),
    "release": ("releases", " release"),
    "paper": ("papers", "论文"),
    "post": ("posts", "博客"),
    "model": ("models", "模型"),
}
_FILLING = re.compile(
    r"(?<![\w-])(?:please|too|as well|though|for (?:that|it|this)|of (?:it|that)|the same|ones?|stuff|"
    r"(?:are|were|was|is)(?= )|which|that (?:are|were))(?![\w-])|"
    r"(?:也|吧|吗|呢|啊|一下|相关的?|方面的?|的话)$",
    re.I,
)
_NO_TOPIC_TEXT = "and or the a an in on of for to only just now about it that this work related side part instead again"
_NO_TOPIC = frozenset(_NO_TOPIC_TEXT.split())
_FEATURES = re.compile(r"(?<![\w-])features(?![\w-])", re.I)
_DOING = re.compile(r"^(?:do|did|done|get|got|land|make|made|merge|ship)(?: |$)", re.I)  # "what did X do on MoE"
_OF_BOTH = frozenset({"opened", "closed", "reopened", "updated"})


def resolve(
    question: str,
    context: ScopeContext,
    *,
    before: Scope | None = None,
    repos: Sequence[str] = (),
    kinds: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> Scope:
    """What ``question`` asks about, where ``before`` is what the question before it asked about (None: there was none).

    The other keyword arguments are explicit filters, as of ``kb.scope.parse``: they count as stated by this question. A
    follow-up of a question that was asked as of a day has "as_of" among what it inherits: give the context of that day.

    Raises:
        QueryError: an explicit filter names no known repository, kind or time; or the question compares too much.
    """
    asked = _Asked(question, context, tuple(repos), tuple(kinds), since, until)
    lean = leaning(when.plain(when.squeeze(question))) if before else None
    scope = _leaned(asked, before, lean) if before and lean else None
    if scope is None:
        return asked.alone()
    return _about_that_day(scope) if before and before.as_of and not scope.unclear else scope


def _leaned(asked: _Asked, before: Scope, lean: Lean) -> Scope | None:
    """The question with what it takes over; None where it turns out to stand on its own."""
    if lean.how == "one":
        return _of_one(asked.parse(asked.question), before, lean)
    if lean.how in ("piece", "replace") and asked.sides():
        return None
    if before.intent not in ("window", "compare"):
        return _like_one(asked, before, lean)
    said = _said(asked, before, lean)
    if lean.how == "piece" and not said.is_piece:
        return None
    return _against(asked, before, said) if lean.how == "against" else _followed(asked, before, said)


def _about_that_day(scope: Scope) -> Scope:
    sides = tuple(replace(side, inherited=(*side.inherited, "as_of")) for side in scope.sides)
    return replace(scope, inherited=(*scope.inherited, "as_of"), sides=sides)


@dataclass(frozen=True)
class _Asked:
    """A question with its explicit filters."""

    question: str
    context: ScopeContext
    repos: tuple[str, ...]
    kinds: tuple[str, ...]
    since: str | None
    until: str | None

    def parse(self, text: str, *, repos: Sequence[str] = (), kinds: Sequence[str] = (), as_set: bool = False) -> Scope:
        """``text`` in the place of the question; given repositories and kinds are for where no filter names any."""
        scope = parse(
            text,
            self.context,
            repos=self.repos or repos,
            kinds=self.kinds or kinds,
            since=self.since,
            until=self.until,
            as_set=as_set,
        )
        return replace(_with_facets(scope, text) if as_set else scope, question=self.question)

    def sides(self) -> tuple[versus.Side, ...]:
        windows = self.since is None and self.until is None
        return versus.sides(self.question, self.context, repos=not self.repos, windows=windows)

    def alone(self) -> Scope:
        """The question as one that stands on its own: a comparison where it is one."""
        compared = self.sides()
        if not compared:
            return self.parse(self.question)
        scopes = [self._side(side) for side in compared if not side.unknown]
        unknown = tuple(dict.fromkeys(side.unknown for side in compared if side.unknown))
        nobody = replace(compared[0], question=compared[0].question.replace(compared[0].unknown, ""))
        return _comparison(scopes or [self._side(nobody)], unknown, known=bool(scopes))

    def _side(self, side: versus.Side) -> Scope:
        scope = self.parse(side.question, repos=side.repos, as_set=True)
        if side.window is not None:
            scope = replace(scope, window=side.window, unresolved=())
        if not scope.kinds and not scope.implied_kinds:  # what somebody did is what they changed
            implied = implied_by_set(f"{side.question} changed", (), ())
            scope = replace(scope, implied_kinds=implied, states=("merged",) if implied else ())
        scope = replace(scope, topic=_DOING.sub("", scope.topic))
        return replace(scope, language="zh" if glossary.CJK.search(self.question) else "en")


def _with_facets(scope: Scope, text: str) -> Scope:
    """A topic that is a mere kind of change ("fix", 修复) is one; "features" are where the topic has no such word."""
    facets = () if scope.facets else entities.bare_facets(scope.topic)
    topic = "" if facets else scope.topic
    if not facets and not scope.facets and _FEATURES.search(text) and not _FEATURES.search(topic):
        facets = ("feature",)
    if not facets:
        return scope
    implied = () if scope.kinds else CHANGES
    states = scope.states or (("merged",) if implied else ())
    return replace(scope, topic=topic, facets=facets, implied_kinds=implied, states=states)


# --- comparisons -------------------------------------------------------------------------------------------------------------


def _comparison(sides: Sequence[Scope], unknown: Sequence[str], *, known: bool = True) -> Scope:
    """The whole of some sides: its window and its repositories hold all of theirs."""
    first = sides[0]
    windows = list(dict.fromkeys(side.window for side in sides))
    starts = [window.start for window in windows]
    hull = Window(
        None if None in starts else min(start for start in starts if start),
        max((window.end for window in windows if window.end), default=None),
        ", ".join(window.label for window in windows if window.label),
    )
    return replace(
        first,
        intent="compare",
        window=windows[0] if len(windows) == 1 else hull,
        repos=tuple(dict.fromkeys(repo for side in sides for repo in side.repos)),
        sides=tuple(sides) if known else (),
        unknown_repos=tuple(unknown),
        unresolved=tuple(dict.fromkeys(text for side in sides for text in side.unresolved)),
    )


def _against(asked: _Asked, before: Scope, said: _Said) -> Scope | None:
    """What was asked before, compared with the same for what this question names."""
    if not (said.unknown or "window" in said.stated or "repos" in said.stated):
        return None
    old = [_kept(side, asked) for side in (before.sides or (replace(before, intent="window"),))]
    new = [] if said.unknown else [_merged(side, said, asked) for side in (before.sides or (before,))]
    sides = list({(side.repos, side.window.start, side.window.end): side for side in [*old, *new]}.values())
    return _comparison(sides[: versus.MOST], (*before.unknown_repos, *([said.unknown] if said.unknown else [])))


def _kept(before: Scope, asked: _Asked) -> Scope:
    return _merged(before, _Said(asked.parse("", as_set=True), frozenset()), asked)


# --- what a follow-up says itself --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """A follow-up read by itself: ``stated`` names the parts that it gives, empty ones ("everywhere") too.

    ``unknown`` is a repository that nothing follows; ``narrow`` adds to what was, and does not replace it.
    """

    scope: Scope
    stated: frozenset[str]
    unknown: str = ""
    narrow: bool = False

    @property
    def is_piece(self) -> bool:
        """Whether it is a time or a place, or else kinds, and nothing beside: what nobody would ask first."""
        where = self.stated & {"window", "repos"}
        what = self.stated - where
        return (
            bool(self.stated or self.scope.unresolved)
            and "topic" not in what
            and not (where and what)
            and not self.scope.identifiers
        )


def _said(asked: _Asked, before: Scope, lean: Lean) -> _Said:
    rest, stated = lean.rest, set()
    if lean.how == "except":
        nothing = asked.parse("", as_set=True)
        return _Said(replace(nothing, unresolved=(rest,)), frozenset())
    shifted = _shifted(rest, before.window, asked.context)
    if shifted:
        rest = _SHIFT.sub("", rest)
    repos: tuple[str, ...] = ()
    if _ELSEWHERE.search(rest):
        repos = tuple(repo.name for repo in asked.context.repos if repo.name not in before.repos)
        rest = _ELSEWHERE.sub(" ", rest)
    if _ANYWHERE.search(rest):
        stated.add("repos")
        rest = _ANYWHERE.sub(" ", rest)
    if _EVERYTHING.search(rest):
        stated |= {"topic", "facets"}
        rest = _EVERYTHING.sub(" ", rest)
    unknown = versus.unknown_name(_without_times(rest, asked.context), asked.context.repos, placed=bool(before.repos))
    scope = asked.parse(
        _FILLING.sub(" ", _named_kinds(rest, before)) if not unknown else _times(rest, asked.context), repos=repos, as_set=True
    )
    if not scope.kinds and before.kinds and (scope.states or scope.events):
        scope = replace(scope, states=(), events=())
    scope = replace(scope, window=shifted or scope.window, topic=_topic(scope.topic))
    stated |= _stated(scope)
    if unknown:
        stated.add("repos")
    happened = "states" in stated and not scope.events and set(scope.states) <= {"closed", "merged"}
    if happened and lean.how == "replace" and before.window.label:  # "and the closed ones?": closed in that window
        scope = replace(scope, events=scope.states, states=())
        stated.add("events")
    return _Said(scope, frozenset(stated), unknown, lean.how == "narrow")


def _stated(scope: Scope) -> set[str]:
    own = {
        "window": scope.window.label,
        "repos": scope.repos,
        "kinds": scope.kinds,
        "topic": scope.topic,
        "facets": scope.facets,
        "events": scope.events,
        "states": () if scope.implied_kinds else scope.states,
        "identifiers": scope.identifiers,
    }
    return {name for name, value in own.items() if value}


def _topic(text: str) -> str:
    words = re.findall(r"[^\s,]+", text.casefold())
    return "" if all(word in _NO_TOPIC for word in words) else text


def _named_kinds(rest: str, before: Scope) -> str:
    """ "The closed ones" are closed issues, where issues were asked for."""
    if len(before.kinds) != 1:
        return rest
    english, chinese = _PLURALS[before.kinds[0]]
    rest = re.sub(r"\b(?:those|them|ones)\b", english, rest, flags=re.I)
    if rest.endswith("的"):
        return rest + chinese
    return (
        f"{rest} {english}"
        if re.search(r"\b(?:open|opened|closed|merged|reopened|new|unmerged|unresolved)$", rest, re.I)
        else rest
    )


def _times(rest: str, context: ScopeContext) -> str:
    return " ".join(rest[start:end] for start, end in when.find(rest, context.clock, context.tags).spans)


def _without_times(rest: str, context: ScopeContext) -> str:
    for start, end in sorted(when.find(rest, context.clock, context.tags).spans, reverse=True):
        rest = f"{rest[:start]} {rest[end:]}"
    return " ".join(rest.split())


def _shifted(rest: str, window: Window, context: ScopeContext) -> Window | None:
    """The time that is counted from the window before: "the week before that", 再前一周, "before that"."""
    match = _SHIFT.search(rest.strip())
    again = match is not None and bool(match["zh_way"])  # 前一周 is the past week to those who ask for it first
    if not match or (not again and when.find(rest, context.clock, context.tags).window.label):
        return None
    now, label = context.clock.now.astimezone(UTC), match.group().strip()
    way = (match["way"] or match["open"] or match["zh_way"] or match["zh_open"] or "前").lower()
    earlier = way in ("before", "prior", "prior to", "earlier", "前")
    origin = window.start if earlier else window.end
    if origin is None:
        return None
    unit = (match["unit"] or _ZH_UNITS.get(match["zh_unit"] or "", "")).lower()
    if not unit:
        return Window(None, origin, label) if earlier else Window(min(origin, now), now, label)
    count, unit = (_MONTHS_OF[unit], "month") if unit in _MONTHS_OF else (1, unit)
    other = periods.back(context.clock, count if earlier else -count, unit, origin=origin).astimezone(UTC)
    return Window(other, origin, label) if earlier else Window(min(origin, now), min(other, now), label)


# --- taking over -------------------------------------------------------------------------------------------------------------


def _followed(asked: _Asked, before: Scope, said: _Said) -> Scope:
    """Every side of what was asked before, with what the follow-up says; one plain question where they come to the same."""
    merged = [_merged(side, said, asked) for side in (before.sides or (before,))]
    sides = list({(side.repos, side.window.start, side.window.end): side for side in merged}.values())
    unknown = () if "repos" in said.stated else before.unknown_repos
    unknown = (said.unknown,) if said.unknown else unknown
    if len(sides) > 1 or (before.intent == "compare" and unknown and not said.unknown):
        return _comparison(sides, unknown, known=bool(before.sides))
    return replace(sides[0], intent="window", unknown_repos=unknown)


def _merged(before: Scope, said: _Said, asked: _Asked) -> Scope:
    """``said`` where it says something, else ``before``."""
    own, stated = said.scope, said.stated
    taken = {name for name in ("window", "repos", "topic", "facets", "kinds", "events", "states") if name not in stated}
    kinds = own.kinds if "kinds" in stated else before.kinds
    events, dropped = before.events, before.events[:0]
    if "kinds" in stated and not set(kinds) & set(before.kinds) and before.events:
        events = tuple(event for event in before.events if event in _OF_BOTH and set(kinds) <= {"issue", "pull"})
        dropped = tuple(event for event in before.events if event not in events)
    implied = () if kinds else (own.implied_kinds or before.implied_kinds)
    states = own.states if "states" in stated else () if "kinds" in stated else before.states
    narrowed = (
        said.narrow and "topic" in stated and own.topic and before.topic and own.topic.casefold() not in before.topic.casefold()
    )
    scope = replace(
        own,
        intent="window",
        window=own.window if "window" in stated else _still(before, asked.context.clock.now),
        repos=own.repos if "repos" in stated else before.repos,
        kinds=kinds,
        topic=f"{before.topic} {own.topic}" if narrowed else own.topic if "topic" in stated else before.topic,
        identifiers=own.identifiers if {"topic", "identifiers"} & stated else before.identifiers,
        facets=own.facets if "facets" in stated else before.facets,
        events=own.events if "events" in stated else events,
        states=states or (("merged",) if implied else ()),
        implied_kinds=implied,
        language=_language(asked, before),
        dropped=dropped,
    )
    present = {name for name in taken if _has(before, name) and getattr(scope, name) and (name != "states" or scope.kinds)}
    return replace(scope, inherited=_ordered(present | ({"narrowed"} if narrowed else set())))


def _has(scope: Scope, name: str) -> bool:
    if name == "window":
        return bool(scope.window.label or scope.window.start or _is_past(scope))
    return bool(getattr(scope, name))


def _is_past(scope: Scope) -> bool:
    return scope.window.end is not None and scope.window.end != scope.resolved_at


def _ordered(names: set[str]) -> tuple[str, ...]:
    order = ("window", "repos", "kinds", "topic", "narrowed", "facets", "states", "events", "identifiers", "relation")
    return tuple(name for name in order if name in names)


def _still(before: Scope, now: datetime) -> Window:
    """The window before, as of now: one that was open is."""
    window, now = before.window, now.astimezone(UTC)
    end = now if window.end is None or not _is_past(before) else min(window.end, now)
    return replace(window, start=window.start and min(window.start, end), end=end)


def _language(asked: _Asked, before: Scope) -> str:
    """The language of a question that has no words of its own ("cutlass?") is that of the one before it."""
    if glossary.CJK.search(asked.question):
        return "zh"
    low = when.plain(when.squeeze(asked.question))
    for mention in reversed(entities.mentions(low, asked.context.repos, every=True)):
        low = low[: mention.start] + low[mention.end :]
    return "en" if re.search(r"[A-Za-z]", low) else before.language


# --- one record --------------------------------------------------------------------------------------------------------------


def _of_one(own: Scope, before: Scope, lean: Lean) -> Scope:
    """A question about the record that was asked for before; which one is not clear where many were."""
    if before.intent in ("window", "compare"):
        return replace(own, intent="needle", topic="", unclear=lean.rest)
    return _same_record(own, before)


def _same_record(own: Scope, before: Scope) -> Scope:
    topic = before.topic if before.topic or before.identifiers else before.question
    scope = replace(
        before, question=own.question, language=own.language, unresolved=own.unresolved, resolved_at=own.resolved_at
    )
    scope = replace(scope, topic=topic, window=_still(before, own.resolved_at or datetime.now(UTC)))
    names = ("window", "repos", "kinds", "topic", "states", "identifiers", "relation")
    return replace(scope, inherited=_ordered({name for name in names if _has(scope, name)}))


def _like_one(asked: _Asked, before: Scope, lean: Lean) -> Scope | None:
    """After a question for one record: the same of another time, repository or name; a question for a set stands on its own."""
    if intent.asks_for_set(lean.rest) or lean.how in ("except", "against"):
        return None
    unknown = versus.unknown_name(_without_times(lean.rest, asked.context), asked.context.repos, placed=bool(before.repos))
    own = asked.parse(_FILLING.sub(" ", lean.rest) if not unknown else _times(lean.rest, asked.context))
    topic = _topic(own.topic)
    of_set = own.kinds or own.facets or own.events or own.states
    if lean.how == "piece" and (topic or own.identifiers or of_set or not (own.window.label or own.repos)):
        return None
    same = _same_record(own, before)
    changed: dict[str, object] = {"unknown_repos": (unknown,) if unknown else ()}
    if own.kinds:
        changed["kinds"] = own.kinds
    if own.facets:  # one record is asked for, of whatever sort it is
        changed["unresolved"] = (*own.unresolved, lean.rest)
    if own.window.label:
        changed["window"] = own.window
    if own.repos or unknown:
        changed["repos"] = own.repos
    if own.identifiers or topic:
        changed |= {
            "identifiers": own.identifiers,
            "topic": topic,
            "intent": "identifier" if own.intent == "identifier" else "needle",
        }
        changed["relation"] = before.relation if own.identifiers else ""
    kept = tuple(name for name in same.inherited if name not in changed)
    return replace(same, inherited=kept, language=_language(asked, before), **changed)  # type: ignore[arg-type]
