"""What a change did and why, in its author's words: the best two sentences of its records. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb.report import cues
from kb.report.candidates import Candidate, candidates
from kb.report.centrality import centrality
from kb.report.types import Sentence
from kb.telling import ACTS, BREAKING, CODE, FIGURE, REASON, SURE_REASON, TESTS
from kb.text import query_tokens, width
from kb.types import Record

_ENOUGH = 2.2  # points from which on a sentence is worth its place
_ENOUGH_WHY = 2.4
_ENOUGH_GENERATED = 2.4
_FEW = 2  # sentences: where its author wrote no more than that, they were worth writing
_EASIER = 1.0  # by how much less is then enough
_FOREMOST = 9.0
_RANKED = 6  # best ones of each role that are paired
_ALIKE = 0.6  # share of tokens from which on two sentences say the same
_SAID = 0.7  # share of tokens in the title from which on it says nothing new
_FEWEST_NEW = 2  # tokens that the title does not have
_SHORT = 45  # letters

_SIDE = re.compile(
    r"test|valid|verif|benchmark|perf|accura|review|check ?list|related|note|example|usage|how to|follow|limit|result|todo"
    r"|environment|caveat|next|reproduc|compat|files?\b|credit|acknowledg|screenshot|risk|depend|documentation|chores?"
)
_OF_FIGURES = re.compile(r"benchmark|perf|result|accura|speed")
_OF_REASONS = re.compile(r"motivat|why|background|problem|rationale|root cause|purpose|context|bug|impact|原因|背景|动机")
_LEANS_A_LITTLE = re.compile(r"(?:this|that|it|these|those|they|we|only|also|actually|otherwise)\b", re.I)
_NOW = re.compile(r"\bnow\b|现在", re.I)
_GENERIC = frozenset(query_tokens(cues.GENERIC_WORDS))


@dataclass(frozen=True, slots=True)
class _Title:
    text: str
    tokens: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Scored:
    """A sentence with its points as what was done and as why; 0 is none."""

    candidate: Candidate
    what: float
    why: float


_Choice = tuple[float, tuple[tuple[str, Candidate], ...]]  # points; the sentences with their roles


def told_change(title: str, sources: Iterable[tuple[str, Record]]) -> tuple[Sentence, ...]:
    """What was done (role "what") and why (role "why"), each only where a record says it well; both from one record.

    ``title`` is what the reader has read already, ``sources`` are the change's records by their citation keys.
    """
    best = 0.0
    told: tuple[Sentence, ...] = ()
    for key, record in sources:
        points, chosen = _choose(_Title(title, frozenset(query_tokens(f"{title} {record.title}"))), record.body)
        if points > best:
            best, told = points, tuple(Sentence(text=one.text, keys=(key,), role=role) for role, one in chosen)
    return told


def _choose(title: _Title, body: str) -> _Choice:
    """What a program summed up is told only where the author says nothing, and then one sentence of it."""
    known = candidates(body)
    points, chosen = _best(title, [candidate for candidate in known if not candidate.generated])
    if chosen:
        return points, chosen
    points, chosen = _best(title, [candidate for candidate in known if candidate.generated])
    return (points / 2, chosen[:1]) if points >= _ENOUGH_GENERATED else (0.0, ())


def _best(title: _Title, known: Sequence[Candidate]) -> _Choice:
    """The two sentences that have most points together, or the only one that has enough."""
    near = centrality([title.tokens, *(candidate.tokens for candidate in known)])[1:]
    scored = [_scored(candidate, title, value) for candidate, value in zip(known, near, strict=True)]
    few = len(known) <= _FEW and not any(one.generated or _LEANS_A_LITTLE.match(one.text) for one in known)
    easier = _EASIER if few else 0.0
    enough, enough_why = _ENOUGH - easier, _ENOUGH_WHY - easier
    whats = sorted((one for one in scored if one.what >= enough and not one.candidate.leans), key=lambda one: -one.what)
    whys = sorted((one for one in scored if one.why >= enough_why), key=lambda one: -one.why)
    choices: list[_Choice] = [(0.0, ())]
    choices += [(one.what, (("what", one.candidate),)) for one in whats[:1]]
    choices += [(one.why, (("why", one.candidate),)) for one in whys if not one.candidate.leans][:1]
    choices += [
        (what.what + why.why, _in_order(what.candidate, why.candidate))
        for what in whats[:_RANKED]
        for why in whys[:_RANKED]
        if _may_follow(why.candidate, what.candidate)
    ]
    return max(choices, key=lambda choice: choice[0])


def _in_order(what: Candidate, why: Candidate) -> tuple[tuple[str, Candidate], ...]:
    """What was done comes first, else what its author said first."""
    first, second = what, why
    if not why.leans:
        first, second = sorted((what, why), key=lambda one: (not cues.STARTS_WITH_VERB.match(one.text), one.at))
    return (("what", first), ("why", second))


def _may_follow(why: Candidate, what: Candidate) -> bool:
    """Whether two sentences can stand side by side: not alike, of one commit, and none without what it leans on."""
    shared = len(why.tokens & what.tokens)
    if why is what or shared >= _ALIKE * min(len(why.tokens), len(what.tokens)):
        return False
    return why.item == what.item and (not why.leans or why.at == what.at + 1)


def _scored(candidate: Candidate, title: _Title, near: float) -> _Scored:
    text = candidate.text
    if BREAKING.match(text):
        return _Scored(candidate, _FOREMOST, 0.0)
    if not _is_news(candidate, title) or cues.is_personal(text) or (cues.is_checked(text) and not cues.FAILS.search(text)):
        return _Scored(candidate, 0.0, 0.0)
    about = _information(candidate, title) + 1.5 * near - _weakness(candidate, title)
    reason = _reason(candidate, title)
    return _Scored(candidate, about + _action(candidate, title), about + reason if reason > 0.6 else 0.0)


def _is_news(candidate: Candidate, title: _Title) -> bool:
    tokens = candidate.tokens
    generic = tokens & _GENERIC - title.tokens
    shared = len(tokens & title.tokens) + len(generic)
    return len(tokens - title.tokens - generic) >= _FEWEST_NEW and shared <= _SAID * len(tokens)


def _information(candidate: Candidate, title: _Title) -> float:
    """What it shares with the title, what it adds, and identifiers."""
    shared, added = len(candidate.tokens & title.tokens), len(candidate.tokens - title.tokens - _GENERIC)
    return 0.45 * min(shared, 3) + 0.15 * min(added, 8) + 0.4 * min(len(CODE.findall(candidate.text)), 2)


def _weakness(candidate: Candidate, title: _Title) -> float:
    """Late, off the point, of little use, or in need of what stands around it."""
    text, measured = candidate.text, cues.is_measured(candidate.text)
    points = 0.07 * min(candidate.at, 20) + 0.8 * ("://" in text) + 0.6 * min(len(cues.FLOURISH.findall(text)), 3)
    points += 1.5 * bool(cues.UNCHANGED.search(text))
    points += (
        0.7 * (width(text) < _SHORT) + 0.5 * candidate.nested + 0.7 * (candidate.bullet and bool(cues.DEFINES.match(text)))
    )
    points += 1.6 * bool(cues.OF_TESTS.search(text) and not TESTS.search(title.text))
    points += 0.8 * bool(cues.TRIVIAL.search(text) and not cues.TRIVIAL.search(title.text))
    points += 1.2 * bool(_SIDE.search(candidate.section) and not (measured and _OF_FIGURES.search(candidate.section)))
    return points + 1.0 * bool(candidate.item and candidate.bullet)


def _action(candidate: Candidate, title: _Title) -> float:
    """How much it says that something was done, not what had been."""
    text = candidate.text
    starts = bool(cues.STARTS_WITH_VERB.match(text))
    points = 1.2 if starts or _NOW.search(text) else 0.5 * bool(ACTS.search(text))
    past = cues.PAST.search(text) and not starts and not cues.REPAIRS.search(title.text)
    return points + 0.3 * candidate.opens - 0.8 * bool(past) - 0.4 * bool(_OF_REASONS.search(candidate.section))


def _reason(candidate: Candidate, title: _Title) -> float:
    """How much it says why: a cause, a failure, a use, a measured gain."""
    text, wrong = candidate.text, bool(cues.WRONG.search(candidate.text))
    points = 0.9 * bool(REASON.search(text)) + 0.7 * bool(SURE_REASON.search(text)) + 0.7 * wrong
    points += 0.4 * bool(cues.PAST.search(text)) + 0.7 * bool(cues.BENEFIT.search(text)) + 0.9 * bool(cues.BETTER.search(text))
    points += 0.6 * bool(_OF_REASONS.search(candidate.section)) + 1.4 * cues.is_measured(text) + 0.4 * bool(FIGURE.search(text))
    points -= 0.9 * bool(cues.STARTS_WITH_VERB.match(text) or _NOW.search(text))
    return points + 1.5 * (wrong and title.text.lower().startswith("revert"))
