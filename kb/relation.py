"""What a question asks of the record that it names: what fixed it, what reverted it, what it fixes, or itself. Pure.

Patterns see text as those of ``kb.intent`` do, with ``REF`` in place of each number or SHA and ``PAPER`` of each arXiv id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REF, PAPER = "\ue001", "\ue002"

_THE = r"any(?:thing|one|body)?|the (?:commit|change|pr|pull request|patch) (?:that|which)"
_ASKS = rf"(?:\b(?:which|what|who|is there|{_THE})\b|哪|谁|什么)"
_ASKS_HOW = r"(?:怎么|如何|何时|被|是|由|已经?|有没有)"
_BE = r"\b(?:was|is|were|are|has|have|had|got|did|does)\b"
_REST = r"[^.?!;。]"
_NOUN = (
    r"(?:the (?:[a-z]+ ){1,3}?(?:described|reported|mentioned|raised|seen|from|in|of)(?: in| by)? )?(?:(?:the|this|that) )?"
    r"(?:(?:github )?(?:issue|bug|ticket|problem|paper|pr|pull request|commit|change|问题|提交|论文) ?)?"
)


@dataclass(frozen=True, slots=True)
class _Verb:
    """What is done to the named record: ``done`` are the participles, ``does`` the other forms."""

    done: str
    does: str
    chinese: str


_FIX = _Verb(
    "fixed|resolved|addressed|solved",
    "fixes|resolves|addresses|solves|(?<!the )(?<!a )(?<!this )(?:fix|resolve|address|solve)",
    "修复|修好|修正|解决|修|处理|(?<![a-z])fix(?![a-z])",
)
_CLOSE = _Verb("closed", "closes|(?<!the )close", "关闭|关掉")
_REVERT = _Verb(
    "reverted|backed out|rolled back|undone",
    "reverts?|backs? out|rolls? back|undid|undoe?s?",
    "回退|回滚|撤销|撤回|还原|revert",
)
_BUILD = _Verb(
    "implemented|introduced|added|ported|brought|used",
    "implement(?:s|ing)?|introduces?|adds?|(?:is |are |was )?(?:based|building|builds?) on|follow(?:s|ed|ing)?|cite[sd]?|"
    "reference[sd]?|uses?|ports?|brings?|mention(?:s|ed)?",
    "实现|引入|基于|引用|参考|用到|提到|支持",
)


def _asked(verb: _Verb, thing: str) -> str:
    """Questions for what does this to ``thing``, in either voice."""
    return "|".join(
        (
            rf"{_ASKS}{_REST}{{0,60}}?(?:{verb.done}|{verb.does}|{verb.chinese})(?: up)? ?了? ?{_NOUN}{thing}",
            rf"{_BE} {_NOUN}{thing}(?: (?:ever|already|been|being|get|finally)){{0,3}} (?:{verb.done})(?![\w-])",
            rf"{thing},? (?:[a-z]+ ){{0,2}}?(?:been|was|is|got|being|ever) (?:[a-z]+ )?(?:{verb.done})(?![\w-])",
            rf"{thing}{_REST}{{0,16}}?(?:{_ASKS_HOW}|哪|谁){_REST}{{0,16}}?(?:{verb.chinese})",
            rf"{thing} ?(?:已经?)?(?:{verb.chinese})了?(?:吗|没|么)",
        )
    )


_DOES_FIX = "|".join((_FIX.done, _FIX.does, _CLOSE.done, _CLOSE.does))
_RELATIONS = (
    (
        "fixes",
        rf"\b(?:which|what) (?:[\w-]+ ){{0,2}}?(?:issues?|bugs?|tickets?)\b{_REST}{{0,60}}?"
        rf"(?:{REF} (?:[a-z]+ )?(?:{_DOES_FIX})|(?:{_DOES_FIX}) (?:by|in|with) {_NOUN}{REF})|"
        rf"{REF} ?(?:{_FIX.chinese}|{_CLOSE.chinese})了? ?(?:哪|什么){_REST}{{0,4}} ?(?:issue|bug|工单|议题|问题)",
    ),
    ("reverted-by", _asked(_REVERT, REF)),
    # An issue is closed by a person as well: only what asks for the change that closed it asks for more than the issue.
    (
        "fixed-by",
        rf"{_asked(_FIX, REF)}|\bfix(?:es)? for {_NOUN}{REF}|"
        rf"\b(?:which|what|{_THE}) (?!issue){_REST}{{0,60}}?\b(?:{_CLOSE.done}|{_CLOSE.does}) {_NOUN}{REF}|"
        rf"哪{_REST}{{0,20}}?(?:{_CLOSE.chinese})了? ?{_NOUN}{REF}|"
        rf"{REF} (?:[a-z]+ ){{0,2}}?closed (?:by|in) (?:which|what|a commit)|"
        rf"\b(?:which|what) (?:commit|change|pr|pull request)\b{_REST}{{0,20}}? {_NOUN}{REF} (?:[a-z]+ )?closed",
    ),
    ("implemented-by", _asked(_BUILD, PAPER)),
    (
        "reverts",
        rf"\b(?:which|what) (?:commit|change|pr|pull request) (?:did|does) {_NOUN}{REF} (?:revert|back out|"
        rf"roll back)\b",
    ),
    (
        "paper",
        rf"\b(?:which|what) (?:arxiv )?papers?\b{_REST}{{0,60}}?{REF}|哪篇论文{_REST}{{0,16}}?{REF}|"
        rf"{REF}{_REST}{{0,16}}?哪篇论文",
    ),
)
_RELATION_PATTERNS = tuple((relation, re.compile(pattern, re.I)) for relation, pattern in _RELATIONS)
# What only the thread itself tells, not the commit that landed it.
_THREAD = re.compile(
    rf"\bissue ?{REF}|\b(?:re-?opened|opened|closed|merged|filed|reported|raised|open|status|state|review(?:s|ers?|ed)?|"
    r"approved|comments?|commented|discuss(?:ed|ion)?|author|labels?)\b|"
    r"(?:合并|合入|合|关闭|关)了?(?:吗|没|么)|关了|提的|谁(?:提|开)|状态|评论|讨论|评审",
    re.I,
)


def relation(text: str) -> str:
    """What the named record is to the wanted one, as in ``kb.types.Scope.relation``; "" where it is wanted itself."""
    if REF not in text and PAPER not in text:
        return ""
    return next((name for name, pattern in _RELATION_PATTERNS if pattern.search(text)), "")


def is_about_thread(text: str) -> bool:
    """Whether a question for the named record itself asks what only an issue or a pull request tells."""
    return REF in text and _THREAD.search(text) is not None
