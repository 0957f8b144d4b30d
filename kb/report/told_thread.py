"""What an issue asks or reports, in its author's words: a question stays a question, an error message is quoted. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.report import cues
from kb.report.candidates import Candidate, candidates
from kb.report.types import Sentence
from kb.safe import TO_A_MACHINE, printable
from kb.telling import CODE, opening
from kb.text import query_tokens, squeeze
from kb.types import Record

_ENOUGH = 2.0
_LONGEST_ERROR = 220
_ERRORS = 40  # lines with an error's name that are looked at

_ASKS = re.compile(
    r"\b(?:would (?:like|be (?:nice|great|good|helpful|useful))|please (?:add|support|consider|provide|expose)"
    r"|feature request|request"
    r"|propos\w+|suggest\w*|is (?:it|there)|are there|how (?:to|can|do|does|should)|why (?:is|does|do|are)"
    r"|what (?:is|are)|any plans?"
    r"|plan to|wonder\w*|want(?:s|ed)? to|need(?:s|ed)?|should|support for|lack\w*|no way to|expected?"
    r"|could (?:we|you|this)|RFC)\b"
    r"|希望|请问|建议|是否|能否|如何|为什么|需要",
    re.I,
)
_TEMPLATE = re.compile(
    r"a clear and concise|if applicable|describe (?:the|what|your)|please (?:describe|provide|paste|fill"
    r"|make sure|search|read|check|use"
    r"|attach)|i have (?:searched|read|checked|already)|existing issues|search(?:ed)? (?:the|for)"
    r"|make sure (?:you|to)|before submitting"
    r"|no response|bug report|collect_env|steps to|report of performance|the (?:more|feature you)|help us"
    r"|community|documentation page"
    r"|frequently asked|without (?:the|a) (?:above|minimal)|if (?:the|your) (?:issue|bug|code)|welcome to"
    r"|your (?:current )?environment",
    re.I,
)
_LEFT_OUT = re.compile(
    r"environment|checklist|before|submit|version|system info|steps|reproduc|log|screenshot|related|alternatives"
    r"|code of conduct|hardware"
    r"|additional|software|config|how would you|how you are|who can help|环境|复现"
)
_OF_PROBLEM = re.compile(r"bug|describe|problem|issue|feature|motivat|question|proposal|summary|request|description|问题|描述")
_ERROR = re.compile(
    r"(?<![\w.])(?:[A-Za-z_]\w{0,40}\.){0,4}[A-Z]\w{0,40}(?:Error|Exception)\b: [^\n]{8,400}"
    r"|\b(?:fatal )?error\s?: [^\n]{8,400}"
)
_EMPTY_ERROR = re.compile(r"see (?:the )?(?:root cause|above|log)|initialization failed|failed to start|exited with", re.I)


def told_thread(title: str, sources: Iterable[tuple[str, Record]]) -> tuple[Sentence, ...]:
    """The sentence that states the problem, the request or the question, and the error message where there is one; both have
    the role "asks". ``title`` is what the reader has read already."""
    words = frozenset(query_tokens(title))
    for key, record in sources:
        known = candidates(record.body, questions=True)
        best = max(known, key=lambda candidate: _score(candidate, words), default=None)
        told = [best.text] if best and _score(best, words) >= _ENOUGH else []
        error = _error(record.body)
        if error and squeeze(error) not in title and all(error not in text for text in told):
            told.append(error)
        elif best and told:
            told += [after.text for after in known if after.at == best.at + 1 and _is_plea(after)]
        if told:
            return tuple(Sentence(text=text, keys=(key,), role="asks") for text in told)
    return ()


def _is_plea(candidate: Candidate) -> bool:
    """Whether it asks for something of what the sentence before it says."""
    text = candidate.text
    return bool(_ASKS.search(text)) and not _TEMPLATE.search(text) and not _LEFT_OUT.search(candidate.section)


def _score(candidate: Candidate, title: frozenset[str]) -> float:
    text, tokens = candidate.text, candidate.tokens
    shared, added = len(tokens & title), len(tokens - title)
    if added < 2 or shared > 0.8 * len(tokens) or _TEMPLATE.search(text) or cues.is_checked(text):
        return 0.0
    if candidate.leans and not text.startswith(("I ", "I'm ", "Currently")):
        return 0.0
    question = text.endswith(("?", "？"))
    points = 0.45 * min(shared, 3) + 0.12 * min(added, 8) + 0.3 * min(len(CODE.findall(text)), 2) - 0.07 * min(candidate.at, 20)
    points += 1.0 * bool(cues.WRONG.search(text)) + 0.9 * bool(_ASKS.search(text)) + 0.5 * question
    points += 0.5 * bool(_OF_PROBLEM.search(candidate.section)) - 2.0 * bool(_LEFT_OUT.search(candidate.section))
    return points - 0.8 * ("://" in text) + 0.3 * candidate.opens


def _error(body: str) -> str:
    """The first error message that says something: in a chain of tracebacks it is the cause of the others."""
    for count, match in enumerate(_ERROR.finditer(opening(body))):
        line = squeeze(match[0])
        if count >= _ERRORS:
            break
        fit = len(line) <= _LONGEST_ERROR and printable(line) == line and "|" not in line and "<" not in line
        if fit and not _EMPTY_ERROR.search(line) and not TO_A_MACHINE.search(line):
            return line
    return ""
