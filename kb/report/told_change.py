"""What a change did and why, in its author's words: the best two sentences of its records. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb.report import cues, states
from kb.report.candidates import Candidate, candidates
from kb.report.centrality import centrality
from kb.report.novel import Novelty
from kb.report.types import Sentence
from kb.telling import ACTS, BREAKING, CODE, FIGURE, REASON, SURE_REASON
from kb.text import query_tokens, width
from kb.types import FileChange, Record

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
_SOME_REASON = 0.6  # points
_ONLY_DESCRIBES = 1.2  # points: how something is, without a word that it is new

_SIDE = re.compile(
    r"test|valid|verif|benchmark|perf|accura|review|check ?list|related|note|example|usage|how to|follow|limit|result|todo"
    r"|environment|caveat|next|reproduc|compat|files?\b|credit|acknowledg|screenshot|risk|depend|documentation|chores?"
)
_OF_FIGURES = re.compile(r"benchmark|perf|result|accura|speed")
_OF_REASONS = re.compile(
    r"motivat|why|background|problem|rationale|root cause|purpose|context|\bbugs?\b(?! fix)|impact|gaps?\b|block(?:s|ed)\b"
    r"|limitation|symptom|原因|背景|动机"
)
_OF_CHANGES = re.compile(
    r"\bchang|modif|\bfix|solution|\bwhat|implement|summary|\bnew\b|\badd|highlight|approach|改动|修改|实现"
)
_LEANS_A_LITTLE = re.compile(r"(?:this|that|it|these|those|they|we|only|also|actually|otherwise)\b", re.I)
_NOW = re.compile(r"\bnow\b|现在", re.I)
_POINTS_TO = re.compile(r"\W*\w+ (?:[\w-]+ ){0,6}(?:of |in |from )?#\d+\W*\Z")
_LISTED = re.compile(r"\W*`[^`]+`\W*:")
_CLOSED = re.compile(r"clos|fixed|address|resolv|solved")
_GERUND = re.compile(r"\W*[A-Z]?[a-z]+ing\b")
_GENERIC = frozenset(query_tokens(cues.GENERIC_WORDS))


@dataclass(frozen=True, slots=True)
class _Title:
    """What is known of the change before its body is read."""

    text: str
    tokens: frozenset[str]
    repairs: bool
    reverts: bool
    novelty: Novelty


@dataclass(frozen=True, slots=True)
class _Scored:
    """A sentence with its points as what was done and as why; 0 is none."""

    candidate: Candidate
    what: float
    why: float

    @property
    def own_role(self) -> str:
        """What it is where it stands for what was done: of a revert it may tell of what had been."""
        return "problem" if states.is_of_before(self.candidate.text) else "what"

    @property
    def role(self) -> str:
        """What it is where it stands for why."""
        text = self.candidate.text
        if states.CLAUSE.match(text):
            return "reason"
        if states.is_done(text):
            return "why" if cues.is_measured(text) else "what"
        return "problem" if states.is_of_before(text) and states.seems_present(text) else "why"


_Choice = tuple[float, tuple[tuple[str, Candidate], ...]]  # points; the sentences with their roles


def told_change(
    title: str, sources: Iterable[tuple[str, Record]], *, repairs: bool = False, files: Sequence[FileChange] = ()
) -> tuple[Sentence, ...]:
    """What was done (role "what") and why (role "why", or "problem"), each only where a record says it well; both from one
    record. What was done comes first; why stands alone only where a gain or a use is told, and what was wrong before only of a
    change that ``repairs`` it.

    ``title`` is what the reader has read already, ``sources`` are the change's records by their citation keys, ``files`` are
    its files.
    """
    best = 0.0
    told: tuple[Sentence, ...] = ()
    novelty, reverts = Novelty(tuple(files)), title.lower().startswith("revert")
    for key, record in sources:
        tokens = frozenset(query_tokens(f"{title} {record.title}"))
        heard = _Title(title, tokens, repairs or reverts, reverts, novelty)
        points, chosen = _choose(heard, record.body)
        if points > best:
            best, told = points, tuple(Sentence(text=one.text, keys=(key,), role=role) for role, one in chosen)
    return told


def _choose(title: _Title, body: str) -> _Choice:
    """What a program summed up is told only where the author says nothing, and then one sentence of it; not of a revert, which
    it takes for an improvement."""
    known = candidates(body)
    points, chosen = _best(title, [candidate for candidate in known if not candidate.generated])
    if chosen or title.reverts:
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
    choices += [(one.what, ((one.own_role, one.candidate),)) for one in whats[:1]]
    choices += [(one.why, ((one.role, one.candidate),)) for one in whys if _may_stand_alone(one, title)][:1]
    choices += [
        (what.what + why.why, ((what.own_role, what.candidate), ("why" if why.role == "what" else why.role, why.candidate)))
        for what in whats[:_RANKED]
        for why in whys[:_RANKED]
        if _may_follow(why.candidate, what.candidate)
    ]
    return max(choices, key=lambda choice: choice[0])


def _may_stand_alone(why: _Scored, title: _Title) -> bool:
    if why.candidate.leans:
        return False
    text = why.candidate.text
    good = cues.is_measured(text) or cues.BETTER.search(text) or cues.BENEFIT.search(text)
    return title.repairs or bool(good and not (states.is_of_before(text) or states.is_definition(text)))


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
    if states.is_formula(text) or not (states.is_statement(text) or _is_entry(candidate)):
        return _Scored(candidate, 0.0, 0.0)
    about = _information(candidate, title) + 1.5 * near - _weakness(candidate, title)
    reason = _reason(candidate, title)
    what = about + _action(candidate, title) if _is_what(candidate, title) else 0.0
    is_why = reason > _SOME_REASON and not _may_be_limit(candidate, title)
    return _Scored(candidate, what, about + reason if is_why else 0.0)


def _may_be_limit(candidate: Candidate, title: _Title) -> bool:
    """Whether something that is wrong may be so still: a limit of what is new, not what was wrong before."""
    text = candidate.text
    of_reasons = _OF_REASONS.search(candidate.section) and not _CLOSED.search(candidate.section)
    sure = title.repairs or cues.PAST.search(text) or of_reasons
    return states.is_of_before(text) and not (sure or states.CLAUSE.match(text))


def _is_entry(candidate: Candidate) -> bool:
    """Whether it is of a list of changes, which have no verbs: "New option for the scale"."""
    listed = candidate.bullet and _OF_CHANGES.search(candidate.section) and not _OF_REASONS.search(candidate.section)
    return bool(listed) or candidate.text.startswith("New ")


def _is_what(candidate: Candidate, title: _Title) -> bool:
    """Whether it says what the change does, or how it is now: not what had been, nor why, nor what something is called."""
    text = candidate.text
    if states.CLAUSE.match(text):
        return False
    if states.is_done(text):
        return True
    of_change = bool(_OF_CHANGES.search(candidate.section))
    if title.reverts:
        return True  # what it says of what it undoes is its news
    if title.repairs and not of_change:
        return False
    if _OF_REASONS.search(candidate.section) and not of_change:
        return False
    return not (states.is_of_before(text) or states.is_definition(text))


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
    points += 1.5 * bool(cues.UNCHANGED.search(text)) + 1.2 * bool(_POINTS_TO.search(text))
    points += (
        0.7 * (width(text) < _SHORT) + 0.5 * candidate.nested + 0.7 * (candidate.bullet and bool(cues.DEFINES.match(text)))
    )
    points += 1.6 * bool(cues.OF_TESTS.search(text) and not cues.OF_TESTS.search(title.text) and not measured)
    points += 0.8 * bool(cues.TRIVIAL.search(text) and not cues.TRIVIAL.search(title.text))
    points += 1.2 * bool(_SIDE.search(candidate.section) and not (measured and _OF_FIGURES.search(candidate.section)))
    return points + 1.0 * bool(candidate.item and candidate.bullet)


def _action(candidate: Candidate, title: _Title) -> float:
    """How much it says that something was done."""
    text = candidate.text
    points = 0.3 * candidate.opens - 0.4 * bool(_OF_REASONS.search(candidate.section))
    if states.is_done(text):
        return points + 1.2 - 0.3 * bool(_GERUND.match(text))
    if title.novelty.names(text) and not _LISTED.match(text):
        return points + 0.8
    return points + 0.5 * bool(ACTS.search(text)) - _ONLY_DESCRIBES * (not _OF_CHANGES.search(candidate.section))


def _reason(candidate: Candidate, title: _Title) -> float:
    """How much it says why: a cause, a failure, a use, a measured gain."""
    text, wrong = candidate.text, bool(cues.WRONG.search(candidate.text))
    points = 0.9 * bool(REASON.search(text)) + 0.7 * bool(SURE_REASON.search(text)) + 0.7 * wrong
    points += 0.4 * bool(cues.PAST.search(text)) + 0.7 * bool(cues.BENEFIT.search(text)) + 0.9 * bool(cues.BETTER.search(text))
    points += 0.6 * bool(_OF_REASONS.search(candidate.section)) + 1.4 * cues.is_measured(text) + 0.4 * bool(FIGURE.search(text))
    points -= 0.9 * bool(cues.STARTS_WITH_VERB.match(text) or _NOW.search(text))
    points += 0.5 * (title.repairs and states.is_of_before(text))
    points += 1.0 * bool(states.CLAUSE.match(text))
    return points + 1.5 * (wrong and title.reverts)
