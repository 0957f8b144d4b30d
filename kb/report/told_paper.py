"""What a paper found, and what a post or a model's card says first, in their own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.report.candidates import Candidate, candidates
from kb.report.types import Sentence
from kb.text import query_tokens
from kb.types import Record

_LONGEST = 340  # characters: abstracts have long sentences
_ENOUGH = 1.5

_CLAIMS = re.compile(
    r"\bwe (?:\w+ ){0,2}(?:propose|present|introduce|develop|design|describe|show|demonstrate|study|build|release"
    r"|argue|find|investigate"
    r"|formulate|derive|prove|identify|explore|characterize|analyze|reveal)\b|\bthis (?:paper|work|article|survey"
    r"|report) (?:\w+ )?"
    r"(?:propos|present|introduc|develop|describ|stud|show|investigat|explor|argu|address|analyz|examin|provid)\w+"
    r"|\bby (?:proposing|introducing|presenting)\b|\b(?:is|are) (?:proposed|presented|introduced)\b|提出|本文",
    re.I,
)
_HERE = re.compile(r"\b(?:in|with) this (?:paper|work|article|report)\b|本文", re.I)
_ONE_OF_SEVERAL = re.compile(r"(?:first|second|third|then|next|finally|moreover|furthermore|additionally|we also)\b", re.I)
_OURS = re.compile(
    r"\bwe (?:\w+ ){0,2}(?:propose|present|introduce|develop|design)\b|\bthis (?:paper|work) (?:\w+ )?(?:propos"
    r"|present|introduc)",
    re.I,
)
_FIGURES = re.compile(
    r"\d+(?:\.\d+)?\s?(?:%|\\%|x\b|×|\$?\\times|times\b|percent|points?\b|-?fold\b|tokens|GB|ms\b)|\bfrom \S*\d\S* to \S*\d",
    re.I,
)
_RESULT = re.compile(
    r"\b(?:up to|outperform\w*|achiev\w+|reduc\w+|improv\w+|speed-?ups?|faster|lower\w*|increas\w+|decreas\w+"
    r"|compared (?:to|with)|over"
    r"|throughput|latency|accuracy|results?|experiments?|evaluat\w+)\b|提升|降低|加速",
    re.I,
)
_LATEX = re.compile(r"\$|\\[a-zA-Z]|[_^]\{")


def told_paper(title: str, sources: Iterable[tuple[str, Record]]) -> tuple[Sentence, ...]:
    """The sentence that states the contribution and the one with its figures (role "finds"), in the order of the abstract."""
    words = frozenset(query_tokens(title))
    for key, record in sources:
        known = candidates(record.body, longest=_LONGEST)
        claim = max(known, key=lambda one: _claim(one, words), default=None)
        if claim and _claim(claim, words) < _ENOUGH:
            claim = None
        figures = max((one for one in known if one is not claim), key=_figures, default=None)
        if figures and _figures(figures) < _ENOUGH:
            figures = None
        chosen = sorted((one for one in (claim, figures) if one), key=lambda one: one.at)
        if chosen:
            return tuple(Sentence(text=one.text, keys=(key,), role="finds") for one in chosen)
    return ()


def _claim(candidate: Candidate, title: frozenset[str]) -> float:
    text = candidate.text
    points = 1.5 * bool(_CLAIMS.search(text)) + 0.8 * bool(_OURS.search(text)) + 0.3 * min(len(candidate.tokens & title), 3)
    points += 1.2 * bool(_HERE.search(text)) - 0.8 * bool(_ONE_OF_SEVERAL.match(text))
    return points - 0.8 * bool(_LATEX.search(text)) - 0.4 * candidate.leans


def _figures(candidate: Candidate) -> float:
    text = candidate.text
    if not _FIGURES.search(text):
        return 0.0
    points = 1.5 + 0.4 * min(len(_FIGURES.findall(text)), 3) + 0.5 * bool(_RESULT.search(text))
    return points - 0.9 * bool(_LATEX.search(text)) - 0.4 * candidate.leans


def told_first(title: str, sources: Iterable[tuple[str, Record]]) -> tuple[Sentence, ...]:
    """Of a post or a model the first sentence that says something (role "what")."""
    words = frozenset(query_tokens(title))
    for key, record in sources:
        for candidate in candidates(record.body):
            if not candidate.leans and len(candidate.tokens - words) > 2:
                return (Sentence(text=candidate.text, keys=(key,)),)
    return ()
