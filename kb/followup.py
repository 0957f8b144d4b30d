"""A question in a conversation to its Scope: what it does not say is taken over from the question before it. Pure.

Nothing is taken over in silence: ``Scope.inherited`` names every part, and the answer prints them. A question that stands on
its own inherits nothing. Comparisons are read here as well, as a follow-up may make one ("and versus last week?").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kb import entities, glossary, intent, when
from kb.leaning import Lean, leaning
from kb.reading import Question, Said, comparison, said_by, times_of, topic_of, unknown_in, without_filling
from kb.scope import ScopeContext
from kb.types import Scope, Window

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
    asked = Question(question, context, tuple(repos), tuple(kinds), since, until)
    lean = leaning(when.plain(when.squeeze(question))) if before else None
    scope = _leaned(asked, before, lean) if before and lean else None
    if scope is None:
        return asked.alone()
    return _about_that_day(scope) if before and before.as_of and not scope.unclear else scope


def _leaned(asked: Question, before: Scope, lean: Lean) -> Scope | None:
    """The question with what it takes over; None where it turns out to stand on its own."""
    if lean.how == "one":
        return _of_one(asked.parse(asked.question), before, lean)
    if lean.how in ("piece", "replace") and asked.sides():
        return None
    if before.intent not in ("window", "compare"):
        return _like_one(asked, before, lean)
    said = said_by(asked, before, lean)
    if lean.how == "piece" and not said.is_piece:
        return None
    return _against(asked, before, said) if lean.how == "against" else _followed(asked, before, said)


def _about_that_day(scope: Scope) -> Scope:
    sides = tuple(replace(side, inherited=(*side.inherited, "as_of")) for side in scope.sides)
    return replace(scope, inherited=(*scope.inherited, "as_of"), sides=sides)


# --- taking over -------------------------------------------------------------------------------------------------------------


def _followed(asked: Question, before: Scope, said: Said) -> Scope:
    """Every side of what was asked before, with what the follow-up says; one plain question where they come to the same."""
    merged = [_merged(side, said, asked) for side in (before.sides or (before,))]
    if said.unknown:
        return replace(merged[0], unknown_repos=(said.unknown,))
    sides = list({(side.repos, side.window.start, side.window.end): side for side in merged}.values())
    unknown = () if "repos" in said.stated else before.unknown_repos
    if len(sides) > 1 or (unknown and before.intent == "compare"):
        whole = comparison(sides, unknown)
        return whole if before.sides else replace(whole, sides=())
    return replace(sides[0], unknown_repos=unknown)


def _merged(before: Scope, said: Said, asked: Question) -> Scope:
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


def _language(asked: Question, before: Scope) -> str:
    """The language of a question that has no words of its own ("cutlass?") is that of the one before it."""
    if glossary.CJK.search(asked.question):
        return "zh"
    low = when.plain(when.squeeze(asked.question))
    for mention in reversed(entities.mentions(low, asked.context.repos, every=True)):
        low = low[: mention.start] + low[mention.end :]
    return "en" if re.search(r"[A-Za-z]", low) else before.language


def _against(asked: Question, before: Scope, said: Said) -> Scope | None:
    """What was asked before, compared with the same for what this question names."""
    if not (said.unknown or "window" in said.stated or "repos" in said.stated):
        return None
    old = [_kept(side, asked) for side in (before.sides or (replace(before, intent="window"),))]
    new = [] if said.unknown else [_merged(side, said, asked) for side in (before.sides or (before,))]
    sides = list({(side.repos, side.window.start, side.window.end): side for side in [*old, *new]}.values())
    return comparison(sides, (*before.unknown_repos, *([said.unknown] if said.unknown else [])))


def _kept(before: Scope, asked: Question) -> Scope:
    return _merged(before, Said(asked.parse("", as_set=True), frozenset()), asked)


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


def _like_one(asked: Question, before: Scope, lean: Lean) -> Scope | None:
    """After a question for one record: the same of another time, repository or name; a question for a set stands on its own."""
    if intent.asks_for_set(lean.rest) or lean.how in ("except", "against"):
        return None
    unknown = unknown_in(lean.rest, asked.context, before)
    own = asked.parse(without_filling(lean.rest) if not unknown else times_of(lean.rest, asked.context))
    topic = topic_of(own.topic)
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
