"""Which of a search's hits answer the question, and how sure that is: answered, closest match, or abstained. Pure.

A described change: late interaction, how far the best stands out, and how much of the question (of its names above all)
the record
holds, combined by a logistic function. Fitted with one set of development questions left out at a time, on three sets of
questions and on their twins with the answer deleted from the store; the coefficients are rounded by hand.

A set question: scores of a topic fall off where the topic ends. The cut is the widest gap between neighbouring scores, weighted
towards the middle of the range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb.types import Found, Hit, Judgement, Scope

ANSWERED = 0.30
PARTIAL = 0.10

_INTERCEPT = -12.3
_WEIGHTS = {"late": 9.0, "gap": 8.0, "coverage": 1.3, "names": 2.8, "late_gap": 9.0}

# With no late interaction (an embedding server, or no vectors yet) coverage has to decide alone.
_LEXICAL_INTERCEPT = -6.5
_LEXICAL_WEIGHTS = {"gap": 6.0, "coverage": 4.0, "names": 2.8}

_RIVALS = 5
_LEAST = 0.12  # coverage below which nothing was found, however far the best stands out among a handful of records
_UNFOUNDED = 0.05
_CUT_AT, _CUT_WIDTH = 0.55, 0.15
_CUT_LOWEST, _CUT_HIGHEST = 0.25, 0.85
_TOPIC_HELD = 0.3  # coverage that the best record of a set question must reach for the topic to be there at all


def judge(scope: Scope, found: Found) -> Judgement:
    """Judge what a search found for a scope."""
    if not found.hits:
        return Judgement("abstained", 0.0, ())
    if scope.intent == "window":
        return _set(scope, found.hits)
    best = found.hits[0]
    if scope.intent == "identifier" or best.features.get("named", 0.0) >= 1.0:
        named = best.features.get("named", 0.0)
        return Judgement("answered", named, (0,)) if named > 0 else Judgement("abstained", 0.0, ())
    sure = confidence(found.hits)
    if best.features.get("coverage", 0.0) < _LEAST:
        sure = min(sure, _UNFOUNDED)
    status = "answered" if sure >= ANSWERED else "partial" if sure >= PARTIAL else "abstained"
    return Judgement(status, round(sure, 4), (0,) if status != "abstained" else ())


def confidence(hits: Sequence[Hit]) -> float:
    """How likely the best hit is the change described, 0..1."""
    best, rivals = hits[0], hits[1 : 1 + _RIVALS]
    values = {name: best.features.get(name, 0.0) for name in ("late", "coverage", "names")}
    # Standing out among few rivals means less.
    share = len(rivals) / _RIVALS
    values["gap"] = share * (1.0 - _mean([hit.score for hit in rivals]))
    values["late_gap"] = share * (values["late"] - _mean([hit.features.get("late", 0.0) for hit in rivals]))
    intercept, weights = (_INTERCEPT, _WEIGHTS) if values["late"] > 0 else (_LEXICAL_INTERCEPT, _LEXICAL_WEIGHTS)
    return 1.0 / (1.0 + math.exp(-(intercept + sum(weight * values[name] for name, weight in weights.items()))))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _set(scope: Scope, hits: Sequence[Hit]) -> Judgement:
    if not scope.topic:
        return Judgement("answered", 1.0, tuple(range(len(hits))))
    held = max(hit.features.get("coverage", 0.0) for hit in hits)
    names = max(hit.features.get("names", 0.0) for hit in hits)
    if held < _TOPIC_HELD or not names:
        return Judgement("abstained", round(held, 4), ())
    return Judgement("answered", round(held, 4), tuple(range(cut([hit.score for hit in hits]))))


def cut(scores: Sequence[float]) -> int:
    """How many of ``scores`` (descending, the best is 1) belong to the topic: at least 1."""
    best_at, widest = len(scores), 0.0
    for at in range(1, len(scores) + 1):
        upper = scores[at - 1]
        lower = scores[at] if at < len(scores) else min(_CUT_LOWEST, upper)
        middle = (upper + lower) / 2
        if _CUT_LOWEST <= middle <= _CUT_HIGHEST:
            gap = (upper - lower) * math.exp(-(((middle - _CUT_AT) / _CUT_WIDTH) ** 2))
            if gap > widest:
                best_at, widest = at, gap
    return best_at
