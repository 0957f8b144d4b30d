"""What is said of a record's state, and what is denied: merged or not, still open, no longer, on which day. Pure.

A denial is borne out where the record denies the same thing, or where it takes something away and the sentence says so ("no
longer"). A statement is not, where all that the record has of it is a denial.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from kb.citations import dates
from kb.glossary import CJK
from kb.grounded.rules import Ground
from kb.text import query_tokens

_NOT = r"(?:\b(?:not|never|yet to be|without(?: being)?)|n't)"
_NOT_ZH = r"(?:没有|没|尚未|仍未|并未|还未|从未|未能|未)"
_DONE_OR_NOT = (
    r"merg(?:ed|ing)|landed|releas(?:ed|ing)|shipped|publish(?:ed|ing)|fix(?:ed|ing)|resolv(?:ed|ing)|address(?:ed|ing)|solved"
    r"|reverted|closed|enabled|supported|added|removed|implemented|deprecated|completed|optimi[sz]ed"
)
_DENIAL = re.compile(
    rf"{_NOT} (?:\w+ ){{0,3}}?(?:{_DONE_OR_NOT})\b|\bun(?:merged|fixed|resolved|released|supported)\b"
    rf"|{_NOT_ZH}(?:被|有|能)?(?:合并|合入|修复|解决|关闭|发布|回退|支持|实现|启用|移除|弃用)",
    re.I,
)


def asserted(text: str) -> str:
    """A plain sentence without what it says was not done."""
    return _DENIAL.sub(" ", text)


def wrong_states(text: str, ground: Ground, zone: tzinfo) -> Iterator[str]:
    """What a plain sentence says or denies of its records that they do not bear out."""
    for claims, holds in (*_DENIED, *_STATES):
        if (match := claims.search(text)) and not holds(ground):
            yield f'claims what the record does not say: "{match[0].strip()}"'
    yield from _wrong_days(text, ground, zone)
    yield from (_wrong_chinese if CJK.search(text) else _wrong_denials)(text, ground)


# --- states ------------------------------------------------------------------------------------------------------------------

Holds = Callable[[Ground], bool]


def _threads(ground: Ground, *states: str) -> bool:
    return any(one.kind in ("issue", "pull") and one.state in states for one in ground.records)


def _open(ground: Ground) -> bool:
    return _threads(ground, "open")


def _unmerged(ground: Ground) -> bool:
    return _threads(ground, "open", "closed") and not ground.events & {"merged", "landed"}


def _never(ground: Ground) -> bool:
    return False


def _says(words: str, *states: str) -> Holds:
    """Borne out where the record says one of the words, or a thread is in one of the states."""
    pattern = re.compile(words)
    return lambda ground: _threads(ground, *states) or bool(pattern.search(ground.prose))


def _denied(english: str, chinese: str, stems: str, holds: Holds) -> tuple[re.Pattern[str], Holds]:
    """What a sentence says was not done, and what bears it out: ``holds``, or that the record denies it as well."""
    between = r"(?:(?:yet|been|be|fully|ever|actually) ){0,3}"
    claims = rf"{_NOT} {between}(?:{english})\b|\bun(?:{english})\b|{_NOT_ZH}(?:被|有|能)?(?:{chinese})"
    same = re.compile(rf"{_NOT} (?:\w+ ){{0,3}}?(?:{stems})|{_NOT_ZH}\w{{0,4}}(?:{chinese})|\bun(?:{stems})")
    return re.compile(claims, re.I), lambda ground: holds(ground) or bool(same.search(ground.prose))


_DENIED = (
    _denied("merg(?:ed|ing)|landed", "合并|合入", "merg|land", _unmerged),
    _denied("fixed|resolved|addressed|solved", "修复|解决|修正", "fix|resolv|address|solv", _open),
    _denied("closed", "关闭", "clos", _open),
    _denied("released|shipped|published", "发布|发版", "releas|ship|publish", _never),
    _denied("reverted|rolled back", "回退|回滚|撤销", "revert|roll", _never),
)
_STATES = (
    (
        re.compile(
            r"\b(?:is|are|was|were|remains?|stays?|left|still|kept) (?:still )?open\b(?![- ]\w*(?:source|weight))"
            r"|仍(?:然|为|处于)?(?:打开|开放|未关闭)|还开着|尚未关闭",
            re.I,
        ),
        _open,
    ),
    (
        re.compile(r"\b(?:is|are|was|were|been|now|already|got) closed\b|已(?:经)?关闭|被关闭", re.I),
        _says("clos|关闭", "closed", "merged"),
    ),
    (re.compile(r"\bre-?opened\b|重新打开", re.I), lambda ground: "reopened" in ground.events or "reopen" in ground.prose),
    (
        re.compile(r"\b(?:rejected|abandoned|declined|withdrawn)\b|被拒绝|被放弃|被驳回", re.I),
        _says("reject|abandon|declin|withdr|拒绝|放弃|驳回", "closed"),
    ),
)


# --- days --------------------------------------------------------------------------------------------------------------------

_DONE: Mapping[str, tuple[str, ...]] = {
    r"opened|filed|reported|提出|打开|创建": ("opened",),
    r"merged|landed|合并|合入": ("merged", "landed"),
    r"closed|关闭": ("closed",),
    r"reopened|重新打开": ("reopened",),
    r"released|tagged|published|发布|发表": ("released", "tagged", "published"),
    r"revised|修订": ("revised",),
}
_BEFORE, _AFTER = 40, 8  # characters of a sentence between what happened and its day


def _wrong_days(text: str, ground: Ground, zone: tzinfo) -> Iterator[str]:
    """A day on which something else happened than what is said of it."""
    for start, end, falls_on in dates(text):
        lead, rest = text[max(start - _BEFORE, 0) : start], text[end : end + _AFTER]
        said = [(match.end(), kinds) for words, kinds in _DONE.items() for match in re.finditer(words, lead, re.I)]
        after = [kinds for words, kinds in _DONE.items() if CJK.search(rest) and re.search(words, rest)]
        kinds = after[0] if after else max(said)[1] if said else ()
        happened = [event for one in ground.records for event in one.events if event.kind in kinds]
        told = text[start:end].lower() in ground.prose
        if kinds and not told and not any(falls_on(event.at.astimezone(zone)) for event in happened):
            yield f"not on that day: {text[start:end]}"


# --- denials -----------------------------------------------------------------------------------------------------------------

_CUE = re.compile(r"\b(?:not|never|cannot|neither|nor|no longer|(?P<lacks>without|no(?= \w)))\b|n't\b", re.I)
_GONE = re.compile(r"\bno longer\b|\bany ?more\b|\bnow (?:\w+ )?(?:not|never)\b|不再|不会再", re.I)
_NOW = re.compile(r"\bnow\b|现在", re.I)
_TAKES_AWAY = re.compile(
    r"\b(?:fix|remov|drop|delet|avoid|prevent|stop|skip|disabl|revert|eliminat|replac|instead|no longer|guard|bypass|only"
    r"|reject|refus|ignor|unsupport|missing|lack|fail|without|except|exclud|omit)\w*|修复|移除|删除|避免|跳过|不再|仅|失败|缺少",
    re.I,
)
_CHINESE_CUE = re.compile(
    r"没有|并非|不再|不会|不能|无法|不支持|尚未|并未|从未|未能|未(?:被|经|能|测|实)|无需|不需要|缺少|并不|不是|不得"
)
_DENIED_AHEAD, _NEAR = 3, 6  # words
_CLAUSE = re.compile(r"[.;:!?] |\bbut\b")
_WORDS = re.compile(r"[\w']+(?:[.-]\w+)*")
_IS = re.compile(
    r"\b(?:is|are|was|were|been|be|does|did|do|can|will|has|have) (?:(?:now|already|also|fully|still) )?(\w+)", re.I
)


def _wrong_denials(text: str, ground: Ground) -> Iterator[str]:
    changes = any(one.kind in ("commit", "release") or one.state == "merged" for one in ground.records)
    takes_away = changes and bool(_TAKES_AWAY.search(ground.prose))
    said = _polarity(ground.prose)
    for claims, _ in _DENIED:
        text = claims.sub(" ", text)
    for match in _CUE.finditer(text):
        words = _content(text[match.end() :], _DENIED_AHEAD)
        first = next((word for word in words if word in said.affirmed | said.denied | said.lacking), None)
        if first:
            borne_out = first in (said.denied | said.lacking if match["lacks"] else said.denied)
        else:
            borne_out = bool(said.denied or said.lacking or _TAKES_AWAY.search(ground.prose))
        if words and not borne_out and not (takes_away and _GONE.search(text)):
            yield f'denies what the record does not deny: "{text[match.start() : match.end() + 30].strip()}"'
    if _NOW.search(text) and changes:
        return
    for match in _IS.finditer(text):
        words = _content(match[1], 1)
        negated = _CUE.search(text[max(match.start() - 20, 0) : match.end() + 4])
        if words and not negated and said.denied - said.affirmed >= set(words):
            yield f'states what the record denies: "{match[0]}"'


def _wrong_chinese(text: str, ground: Ground) -> Iterator[str]:
    match = _CHINESE_CUE.search(text)
    said = ground.prose
    if match and not (_CUE.search(said) or _CHINESE_CUE.search(said) or _TAKES_AWAY.search(said)):
        yield f'denies what the record does not deny: "{text[match.start() : match.end() + 12]}"'


@dataclass(frozen=True)
class _Polarity:
    """Words of a text, as tokens: what it affirms, what it denies, and what it says is not there."""

    affirmed: frozenset[str]
    denied: frozenset[str]
    lacking: frozenset[str]


@lru_cache(maxsize=64)
def _polarity(prose: str) -> _Polarity:
    """A denial holds for the few words behind it, up to a stop."""
    affirmed: set[str] = set()
    denied: set[str] = set()
    lacking: set[str] = set()
    for clause in _CLAUSE.split(prose):
        at = 0
        for match in _CUE.finditer(clause):
            words = [word.end() for word in _WORDS.finditer(clause, match.end())][:_NEAR]
            affirmed |= set(query_tokens(clause[at : match.start()]))
            at = words[-1] if words else match.end()
            (lacking if match["lacks"] else denied).update(query_tokens(clause[match.end() : at]))
        affirmed |= set(query_tokens(clause[at:]))
    return _Polarity(frozenset(affirmed), frozenset(denied), frozenset(lacking))


def _content(text: str, most: int) -> list[str]:
    """The first words of a text that say something, as tokens."""
    clause = re.split(r"[.,;:!?]", text, maxsplit=1)[0]
    words = [word for match in _WORDS.finditer(clause) if (word := query_tokens(match[0]))]
    return [token for tokens in words[:most] for token in tokens]
