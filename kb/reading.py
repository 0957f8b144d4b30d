"""A question with its filters, read by itself: alone, as a comparison, or as the piece that a follow-up is. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from kb import entities, glossary, periods, versus, when
from kb.asked import CHANGES, implied_by_set
from kb.leaning import Lean
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


@dataclass(frozen=True)
class Question:
    """A question with its explicit filters."""

    question: str
    context: ScopeContext
    repos: tuple[str, ...]
    kinds: tuple[str, ...]
    since: str | None
    until: str | None

    def parse(self, text: str, *, repos: Sequence[str] = (), as_set: bool = False) -> Scope:
        """``text`` in the place of the question; ``repos`` are for where no filter names any."""
        scope = parse(
            text,
            self.context,
            repos=self.repos or repos,
            kinds=self.kinds,
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
        if scopes:
            return comparison(scopes, unknown)
        nobody = versus.Side(compared[0].question.replace(compared[0].unknown, ""))
        return replace(comparison([self._side(nobody)], unknown), sides=())

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


def comparison(sides: Sequence[Scope], unknown: Sequence[str]) -> Scope:
    """The whole of some sides: its window and its repositories hold all of theirs.

    Raises:
        QueryError: there are more than can be compared.
    """
    versus.check(len(sides) + len(unknown))
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
        sides=tuple(sides),
        unknown_repos=tuple(unknown),
        unresolved=tuple(dict.fromkeys(text for side in sides for text in side.unresolved)),
    )


# --- what a follow-up says itself --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
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


def said_by(asked: Question, before: Scope, lean: Lean) -> Said:
    rest, stated = lean.rest, set()
    if lean.how == "except":
        nothing = asked.parse("", as_set=True)
        return Said(replace(nothing, unresolved=(rest,)), frozenset())
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
    unknown = unknown_in(rest, asked.context, before)
    scope = asked.parse(
        without_filling(_named_kinds(rest, before)) if not unknown else times_of(rest, asked.context), repos=repos, as_set=True
    )
    if not scope.kinds and before.kinds and (scope.states or scope.events):
        scope = replace(scope, states=(), events=())
    scope = replace(scope, window=shifted or scope.window, topic=topic_of(scope.topic))
    stated |= _stated(scope)
    if unknown:
        stated.add("repos")
    happened = "states" in stated and not scope.events and set(scope.states) <= {"closed", "merged"}
    if happened and lean.how == "replace" and before.window.label:  # "and the closed ones?": closed in that window
        scope = replace(scope, events=scope.states, states=())
        stated.add("events")
    return Said(scope, frozenset(stated), unknown, lean.how == "narrow")


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


def without_filling(text: str) -> str:
    """Without words that a follow-up has beside what it says ("please", "too")."""
    return _FILLING.sub(" ", text)


def topic_of(text: str) -> str:
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


def times_of(rest: str, context: ScopeContext) -> str:
    return " ".join(rest[start:end] for start, end in when.find(rest, context.clock, context.tags).spans)


def unknown_in(rest: str, context: ScopeContext, before: Scope) -> str:
    """The repository that a follow-up names and nothing follows; "" where it names none."""
    return versus.unknown_name(_without_times(rest, context), context.repos, placed=bool(before.repos))


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
