"""Which kinds of record a question asks for: "issues closed last week", 还没合并的 PR, "what was merged?". Pure.

Patterns see text as those of ``kb.intent`` do. What is said of the records, closed or still open, is read by ``kb.happened``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kb import happened
from kb.errors import QueryError
from kb.intent import GAP, ONE_OF
from kb.types import KINDS

CHANGES = ("commit", "pull", "release")

_KIND_NAMES = {
    **{kind: kind for kind in KINDS},
    **{f"{kind}s": kind for kind in KINDS},
    "pr": "pull",
    "prs": "pull",
    "pull request": "pull",
    "pull requests": "pull",
    "pull-request": "pull",
    "pull-requests": "pull",
    "提交": "commit",
    "论文": "paper",
    "议题": "issue",
    "发布": "release",
}


def resolve_kinds(names: Iterable[str]) -> tuple[str, ...]:
    """Kinds that filters name, singular or plural, "pr" for pull.

    Raises:
        QueryError: not a kind of record.
    """
    result = []
    for name in names:
        kind = _KIND_NAMES.get(name.strip().casefold())
        if kind is None:
            raise QueryError(f"unknown kind {name!r}", remedy=f"kinds: {', '.join(KINDS)}")
        result.append(kind)
    return tuple(dict.fromkeys(result))


# --- a set -----------------------------------------------------------------------------------------------------------------

_COMMITS = (
    r"\b(?:which|what) (?:[\w-]+ ){0,2}?commit\b|\bcommits\b|(?:哪个|哪次|哪一个|哪一次|哪些) ?(?:提交|commit)|"
    r"提交(?:有哪些|记录)|的提交"
)
_PAPERS = r"\b(?:which|what|any) (?:[\w-]+ ){0,3}?paper\b|\bpapers\b|\bpreprints\b|论文|预印本"
# "Issue" in the sense of a problem is no kind: "which issues with bf16 were fixed" asks for the fixes.
_ISSUES = (
    r"(?:is{1,3}ues|isseus)\b"
    r"(?! (?:with\b|(?:were |was |are |got |have been |that were )?(?:fixed|resolved|addressed|solved)))"
)
_SETS = (
    ("commit", _COMMITS),
    (
        "pull",
        rf"\b(?:{happened.NOUNS['pull']})(?![\w-])(?! ?#)|(?:哪些|什么|列出|所有|全部|"
        r"多少).{0,8}(?:prs?\b|pull requests?\b|拉取请求|合并请求)|prs? ?有哪些|的 ?prs?(?= ?(?:$|[?。,]))",
    ),
    (
        "issue",
        r"\b(?:which|what|list|show|all|open|opened|closed|new|github|many|reported|filed|the) (?:[\w-]+ ){0,3}?"
        rf"{_ISSUES}|^(?:github )?{_ISSUES}|\bany {_ISSUES}(?= (?:about|on|regarding|in|for)\b)|"
        r"\b(?:bug reports|feature requests)\b|"
        r"\bissues (?:were |are |have been )?(?:opened|closed|filed|reported)|"
        r"(?:哪些|列出|所有|多少).{0,8}(?:issues?\b|工单|议题)|issues? ?有哪些",
    ),
    ("paper", _PAPERS),
    (
        "release",
        rf"\b(?:which|what|list|show|all|many|new) (?:[\w-]+ ){{0,3}}?releases\b|\breleases(?= ?(?:{GAP}|$|[?.]))|"
        r"\breleases (?:in|of|from|were)\b|(?:哪些|列出|所有) ?(?:发布版|release)",
    ),
    (
        "post",
        r"\bblogs?\b|\bblogposts\b|\b(?:which|what|list|show|all|any|new|recent) (?:[\w-]+ ){0,3}?posts\b|^posts\b|博客|博文",
    ),
)
_SET_PATTERNS = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _SETS)
_ON_ARXIV = re.compile(r"\barxiv\b(?!\.org|[: ] ?(?:[0-9]|[a-z-]+/[0-9]))", re.I)
_ON_A_HUB = re.compile(r"\bhugging ?face\b|\bhf\b|\bmodelscope\b|\b(?:model )?hub\b|魔搭", re.I)
_NEW_THERE = re.compile(r"\bnew (?:on|at|in) (?:the )?(?:hugging ?face|hf|modelscope)\b", re.I)
_OUT = "released|published|uploaded|posted|open-sourced"
_MODELS_OUT = re.compile(
    rf"\b(?:models|checkpoints|weights)(?: (?:that|were|was|got|have|been|has|{GAP})){{0,6}} (?:{_OUT})\b|"
    rf"\b(?:{_OUT}) (?:[\w-]+ )?(?:models|checkpoints)\b|"
    r"(?:发布|开源|上传)了?(?:哪些|什么|的)?.{0,6}?(?:模型|权重)",
    re.I,
)


def kinds_of_set(text: str) -> tuple[str, ...]:
    """Kinds of record of which a question asks for all that match, in the order of KINDS."""
    found = {kind for kind, pattern in _SET_PATTERNS if pattern.search(text)}
    found.update(kind for kind in KINDS if kind != "model" and happened.is_said_of(kind, text))
    if _ON_ARXIV.search(text):
        found.add("paper")
    if _MODELS_OUT.search(text) or _NEW_THERE.search(text) or (_ON_A_HUB.search(text) and happened.names(("model",), text)):
        found.add("model")  # other models are those that a change adds support for
    return tuple(kind for kind in KINDS if kind in found) or happened.kinds_without_noun(text)


def lists_records(text: str) -> bool:
    """Whether it asks for records of some kind, and in the plural: "unmerged PRs". (Of commits much is said in passing.)"""
    return any(kind not in ("commit", "pull") for kind in kinds_of_set(text)) or happened.is_said_of("pull", text)


# --- one record ------------------------------------------------------------------------------------------------------------

_ONE = (
    ("commit", _COMMITS),
    ("paper", rf"{_PAPERS}|{ONE_OF['paper']}"),
    ("issue", ONE_OF["issue"]),
    ("post", ONE_OF["post"]),
    ("release", r"\bwhich release notes\b|哪(?:个|份)发布说明"),
)
_ONE_PATTERNS = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _ONE)
_A_PULL = re.compile(
    r"\b(?:which|what) (?:(?!did\b|does\b|is\b|was\b|do\b)[\w-]+ ){0,2}?(?:pr|pull[ -]?request|merge[ -]?request)\b|"
    r"\bis there (?:an?|any) (?:[\w-]+ ){0,2}?(?:pr|pull[ -]?request)\b|\bthe (?:pr|pull[ -]?request) (?:that|which)\b|"
    r"哪(?:个|一个|些) ?(?:prs?\b|pull|拉取|合并请求)",
    re.I,
)
_A_CHANGE = re.compile(
    r"\b(?:which|what) (?:[\w-]+ ){0,2}?(?:change|patch|revision|rewrite|rework|merge|fix)\b|"
    r"\bwhat (?:fixe[sd]|changed|corrected|solved|resolved|addressed|removed|introduced|broke|caused) "
    r"(?!in\b|on\b|for\b|since\b)|"
    r"\b(?:fix(?:ed)?|solved|resolved|corrected|added|changed|removed)(?: where| when| by(?: whom| what| which)?)? ?\?|"
    r"\bwhat(?:'s| is| was) the fix\b|"
    r"\bwhere (?:was|is|were) (?:it|this|that|these|they) (?:fixed|changed|corrected|solved)\b|"
    r"哪(?:个|一个|次|一次|条) ?(?:改动|修改|补丁|变更|合并)|(?:怎么|如何|在哪里?)(?:修|解决|改)",
    re.I,
)


def kinds_of_one(text: str) -> tuple[str, ...]:
    """Kinds that the one record asked for has to be of. A pull request is none: the commit that landed it answers as well."""
    found = {kind for kind, pattern in _ONE_PATTERNS if pattern.search(text)}
    if found & {"commit", "paper"}:
        found &= {"commit", "paper"}  # an issue beside them is the story: "a crash that an issue reports; which commit …?"
    return tuple(kind for kind in KINDS if kind in found)


_STATE_OF_ONE = re.compile(
    r"\b(?:an|any|some) (?:still )?(open|unresolved) (?:[\w-]+ ){0,2}?(?:issue|pr|pull request|ticket)\b", re.I
)


def states_of_one(text: str) -> tuple[str, ...]:
    """How the one thread asked for has to stand: "is there an open issue about …?"."""
    return ("open",) if _STATE_OF_ONE.search(text) else ()


def implied_by_one(text: str) -> tuple[str, ...]:
    """Kinds that a question for one record suggests where it names none; empty where any will do."""
    if _A_PULL.search(text):
        return ("pull", "commit")
    return ("commit", "pull") if _A_CHANGE.search(text) else ()


# --- what changed ----------------------------------------------------------------------------------------------------------

_NEWS = re.compile(
    r"\bwhat(?:'s| is| are| has been)? (?:new|happened|happening|happens|going on|up with|up)\b|\bnews\b|\bactivity\b|"
    r"\bupdates?\b|\bupdated\b|\bdevelopments\b|\bprogress\b|\b(?:any|every)thing\b|\bthe latest\b|"
    r"新闻|消息|动态|动静|更新|进展|发生|有什么新|有啥新|新情况",
    re.I,
)
_CHANGED = re.compile(
    r"\bchange[sd]?\b|\bchangelog\b|\b(?:came|went) in(?:to)?\b|\b(?:land(?:ed)?|merged?|ship(?:ped)?|added|removed|"
    r"deprecated|introduced|renamed|fixed|reverted|broke|broken|released|done)\b|"
    r"\b(?:fixes|improvements|optimi[sz]ations|features|additions|refactoring|work)\b|"
    r"改动|变更|变化|改了|合入|合并|合了|修复|修了|加了|新增|增加|删|移除|去掉|回退|优化|支持了|上线|引入|做了|做过",
    re.I,
)


def implied_by_set(text: str, facets: Sequence[str], releases: Sequence[str]) -> tuple[str, ...]:
    """CHANGES for a set question about changes that names no kind; empty for one that asks for news of every kind.

    ``facets`` are kinds of change, ``releases`` those whose content the question asks for: either makes it one about changes.
    """
    if facets or releases:
        return CHANGES
    return CHANGES if _CHANGED.search(text) and not _NEWS.search(text) else ()
