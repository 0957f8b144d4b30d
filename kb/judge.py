"""Which of a search's hits answer the question, and how sure that is: answered, closest match, or abstained. Pure.

A described change: late interaction, how far the best stands out, and how much of the question the record holds (of its
names above all, and of a short question everything), combined by a logistic function. Fitted with one set of development
questions left out at a time, on four sets and on their twins with the answer deleted from the store; coefficients are rounded.

A set question: scores of a topic fall off where the topic ends. The cut is the widest gap between neighbouring scores, weighted
towards the middle of the range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kb.text import query_tokens
from kb.types import Found, Hit, Judgement, Scope

ANSWERED = 0.30
PARTIAL = 0.10

_INTERCEPT = -9.0
_WEIGHTS = {"late": 8.3, "gap": 12.8, "names": 0.9, "lacking": -5.3}

# Of a question of three words every word counts; of a story of twelve or more, told in its teller's words, none has to.
_SHORT, _LONG = 3, 12
_WHOLE = 0.9  # coverage at which a short question is held as a whole

# With no late interaction (an embedding server, or no vectors yet) coverage has to decide alone.
_LEXICAL_INTERCEPT = -6.5
_LEXICAL_WEIGHTS = {"gap": 6.0, "coverage": 4.0, "names": 2.8, "lacking": -5.3}

_RIVALS = 5
_LEAST = 0.12  # coverage below which nothing was found, however far the best stands out among a handful of records
_UNFOUNDED = 0.05
_CUT_AT, _CUT_WIDTH = 0.5, 0.25
_FIRST_GAP = 0.4  # weight of the gap below the best alone: one record that says the topic twice does not make the others wrong
_CUT_LOWEST, _CUT_HIGHEST = 0.25, 0.85
_PAIR = 2
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
    sure = confidence(found.hits, words=len(query_tokens(scope.topic or scope.question)))
    status = "answered" if sure >= ANSWERED else "partial" if sure >= PARTIAL else "abstained"
    return Judgement(status, round(sure, 4), (0,) if status != "abstained" else ())


def confidence(hits: Sequence[Hit], *, words: int) -> float:
    """How likely the best hit is the change described in so many meaning-bearing words, 0..1."""
    best, rivals = hits[0], hits[1 : 1 + _RIVALS]
    values = {name: best.features.get(name, 0.0) for name in ("late", "coverage", "names")}
    # Standing out among few rivals means less.
    values["gap"] = len(rivals) / _RIVALS * (1.0 - _mean([hit.score for hit in rivals]))
    shortness = min(max(1.0 - (words - _SHORT) / (_LONG - _SHORT), 0.0), 1.0)
    values["lacking"] = shortness * (_WHOLE - values["coverage"])
    intercept, weights = (_INTERCEPT, _WEIGHTS) if values["late"] > 0 else (_LEXICAL_INTERCEPT, _LEXICAL_WEIGHTS)
    sure = 1.0 / (1.0 + math.exp(-(intercept + sum(weight * values[name] for name, weight in weights.items()))))
    return sure if values["coverage"] >= _LEAST else min(sure, _UNFOUNDED)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _set(scope: Scope, hits: Sequence[Hit]) -> Judgement:
    if not scope.topic:
        return Judgement("answered", 1.0, tuple(range(len(hits))))
    held = max(hit.features.get("coverage", 0.0) for hit in hits)
    names = max(hit.features.get("names", 0.0) for hit in hits)
    if held < _TOPIC_HELD or not names:
        of_kind = tuple(at for at, hit in enumerate(hits) if hit.features.get("facet", 0.0) > 0)
        if of_kind:  # "which CI changes went in": what is left beside the kind of change is no topic
            return Judgement("answered", 1.0, of_kind)
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
            if at == 1 and len(scores) > _PAIR:
                gap *= _FIRST_GAP
            if gap > widest:
                best_at, widest = at, gap
    return best_at
