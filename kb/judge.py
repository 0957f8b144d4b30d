"""Which of a search's hits answer the question, and how sure that is: answered, closest match, or abstained. Pure.

Confidence is one scale for every sort of question, so that one threshold serves all. ``benchmarks/calibrate.py`` shows what it
is worth, on questions and on their twins with the answer deleted from the store. All combinations are set by hand, with rounded
coefficients: fits of more features held no better on repositories left out.

A described change: late interaction, how far the best stands out, and how much of the question the record holds (of its
names above all, and of a short question everything).

A set question: whether the topic is there at all, by how much of it a single title, a whole record and a similar meaning hold;
then scores of a topic fall off where it ends. The cut is the widest gap between neighbouring scores, weighted towards the
middle of the range.

An identifier: how much a record is about it. A record that only mentions what is to be added or removed is no answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kb.text import query_tokens
from kb.types import Found, Hit, Judgement, Scope

ANSWERED = 0.60
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

_SET_INTERCEPT = -6.8
_SET_WEIGHTS = {"titled": 4.0, "coverage": 2.5, "names": 1.5, "cosine": 5.0}
_LEXICAL_SET_INTERCEPT = -5.1
_LEXICAL_SET_WEIGHTS = {"titled": 5.0, "coverage": 2.0, "names": 2.0}

_CUT_AT, _CUT_WIDTH = 0.56, 0.44
_FIRST_GAP = 0.15  # weight of the gap below the best alone: one record that says the topic twice does not make the others wrong
_CUT_LOWEST, _CUT_HIGHEST = 0.25, 0.85
_PAIR = 2
_TOPIC_HELD = 0.3  # coverage that the best record of a set question must reach for the topic to be there at all


def judge(scope: Scope, found: Found) -> Judgement:
    """Judge what a search found for a scope."""
    if not found.hits:
        return Judgement("abstained", 0.0, ())
    if scope.intent == "window":
        return _set(scope, found.hits)
    named = found.hits[0].features.get("named", 0.0)
    if scope.intent == "identifier" or named >= 1.0:
        return _judged(named, (0,))
    return _judged(confidence(found.hits, words=len(query_tokens(scope.topic or scope.question))), (0,))


def _judged(sure: float, matched: tuple[int, ...]) -> Judgement:
    status = "answered" if sure >= ANSWERED else "partial" if sure >= PARTIAL else "abstained"
    return Judgement(status, round(sure, 4), matched if status != "abstained" else ())


def confidence(hits: Sequence[Hit], *, words: int) -> float:
    """How likely the best hit is the change described in so many meaning-bearing words, 0..1."""
    best, rivals = hits[0], hits[1 : 1 + _RIVALS]
    values = {name: best.features.get(name, 0.0) for name in ("late", "coverage", "names")}
    # Standing out among few rivals means less.
    values["gap"] = len(rivals) / _RIVALS * (1.0 - _mean([hit.score for hit in rivals]))
    shortness = min(max(1.0 - (words - _SHORT) / (_LONG - _SHORT), 0.0), 1.0)
    values["lacking"] = shortness * (_WHOLE - values["coverage"])
    intercept, weights = (_INTERCEPT, _WEIGHTS) if values["late"] > 0 else (_LEXICAL_INTERCEPT, _LEXICAL_WEIGHTS)
    sure = _logistic(values, intercept, weights)
    return sure if values["coverage"] >= _LEAST else min(sure, _UNFOUNDED)


def set_confidence(hits: Sequence[Hit]) -> float:
    """How likely it is that the topic of a set question is among the hits at all, 0..1."""
    values = {name: max(hit.features.get(name, 0.0) for hit in hits[: 1 + _RIVALS]) for name in _SET_WEIGHTS}
    lexical = values["cosine"] <= 0
    intercept, weights = (_LEXICAL_SET_INTERCEPT, _LEXICAL_SET_WEIGHTS) if lexical else (_SET_INTERCEPT, _SET_WEIGHTS)
    return _logistic(values, intercept, weights)


def _logistic(values: Mapping[str, float], intercept: float, weights: Mapping[str, float]) -> float:
    return 1.0 / (1.0 + math.exp(-(intercept + sum(weight * values[name] for name, weight in weights.items()))))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _set(scope: Scope, hits: Sequence[Hit]) -> Judgement:
    if not scope.topic:
        return Judgement("answered", 1.0, tuple(range(len(hits))))
    held = max(hit.features.get("coverage", 0.0) for hit in hits)
    names = max(hit.features.get("names", 0.0) for hit in hits)
    of_kind = tuple(at for at, hit in enumerate(hits) if hit.features.get("facet", 0.0) > 0)
    if of_kind and (held < _TOPIC_HELD or not names):  # "which CI changes went in": what is left beside the kind is no topic
        return Judgement("answered", 1.0, of_kind)
    return _judged(set_confidence(hits), tuple(range(cut([hit.score for hit in hits]))))


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
