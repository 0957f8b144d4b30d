"""What a question asks of the record that it names: what fixed it, what reverted it, what it fixes, or itself. Pure.

Patterns see text as those of ``kb.intent`` do, with ``REF`` in place of each number or SHA and ``PAPER`` of each arXiv id.
"""

from __future__ import annotations

import re

REF, PAPER = "\ue001", "\ue002"

_NAMED = (
    r"(?:(?:the|this|that) )?(?:(?:github )?(?:issue|bug|ticket|problem|pr|pull request|commit|change|问题|"
    rf"提交) ?)?{REF}"
)
_FIXED = (
    r"fixe[sd]|resolve[sd]?|addresse[sd]|solve[sd]|(?<!the )(?<!a )(?<!this )(?:fix|address|solve)|修复|修好|修正|"
    r"解决|修|处理"
)
_CLOSED = r"close[sd]?|关闭|关掉"
_REVERTED = r"revert(?:s|ed)?|back(?:s|ed)? out|roll(?:s|ed)? back|undid|undo(?:es|ne)?|回退|回滚|撤销|撤回|还原"
_BUILT = (
    r"implement(?:s|ed|ing)?|introduce[sd]?|add(?:s|ed|ing)?|(?:is |are |was )?based on|follow(?:s|ed|ing)?|cite[sd]?|"
    r"reference[sd]?|use[sd]?|port(?:s|ed)?|bring(?:s|ing)?|brought|mention(?:s|ed)?|实现|引入|基于|引用|参考|用到|提到|支持"
)
_ASKS = r"(?:\b(?:which|what|who|is there)\b|哪|谁|什么)"
_BE = r"\b(?:was|is|were|has|have|had|did|does|got|get)\b"
_LINKED = rf"(?:{_ASKS}|怎么|如何|何时|被|是|由|已经?|有没有)"


def _patterns(done: str, *, active: str = "") -> str:
    """Both voices of a verb whose object is the named record; ``active`` are forms that count in the active voice alone."""
    acting = f"{done}|{active}" if active else done
    return "|".join(
        (
            rf"{_ASKS}[^.?!;。]{{0,60}}?(?:{acting})(?: up)? ?了? ?{_NAMED}",
            rf"{_BE} {_NAMED}(?: [a-z]+){{0,3}}? (?:{done})(?![\w-])",
            rf"{REF},? (?:[a-z]+ ){{0,2}}?(?:been|was|is|got|being|ever) (?:[a-z]+ )?(?:{done})(?![\w-])",
            rf"{REF}[^.?!;。]{{0,16}}?{_LINKED}[^.?!;。]{{0,16}}?(?:{done})",
            rf"{REF} ?(?:已经?)?(?:{done})了?(?:吗|没|么)",
        )
    )


_RELATIONS = (
    (
        "fixes",
        rf"\b(?:which|what) (?:[\w-]+ ){{0,2}}?(?:issues?|bugs?|"
        rf"tickets?)\b[^.?!;]{{0,60}}?(?:{REF} (?:[a-z]+ )?(?:{_FIXED}|{_CLOSED})|"
        rf"(?:{_FIXED}|{_CLOSED}) (?:by|in|with) {_NAMED})|{REF} ?(?:{_FIXED}|{_CLOSED})了? ?(?:哪|"
        rf"什么)[^.?!;。]{{0,4}} ?(?:issue|bug|工单|议题|问题)",
    ),
    ("reverted-by", _patterns(_REVERTED)),
    (
        "fixed-by",
        rf"{_patterns(_FIXED)}|(?<!\bwho )\b(?:which|what) (?!issue)[^.?!;]{{0,60}}?\b(?:{_CLOSED}) {_NAMED}|"
        rf"哪[^.?!;。]{{0,20}}?(?:{_CLOSED})了? ?{_NAMED}|"
        rf"{REF} (?:[a-z]+ ){{0,2}}?closed (?:by|in) (?:which|what|a commit)|"
        rf"\b(?:which|what) (?:commit|change|pr|pull request)\b[^.?!;]{{0,20}}? {_NAMED} (?:[a-z]+ )?closed|"
        rf"\bfix(?:es)? for {_NAMED}",
    ),
    (
        "implemented-by",
        rf"\b(?:which|what|is there an?|any) (?:[\w-]+ ){{0,2}}?(?:commit|pr|pull request|change|kernel|patch)s?\b"
        rf"[^.?!;]{{0,60}}?(?:{_BUILT}) (?:the )?(?:paper )?{PAPER}|"
        rf"哪[^.?!;。]{{0,20}}?(?:{_BUILT})了? ?(?:论文)? ?{PAPER}|{_BE} (?:the paper )?{PAPER} (?:[a-z]+ )?implemented|"
        rf"{PAPER}[^.?!;。]{{0,12}}?(?:{_LINKED})[^.?!;。]{{0,12}}?实现",
    ),
)
_RELATION_PATTERNS = tuple((relation, re.compile(pattern, re.I)) for relation, pattern in _RELATIONS)
# What only the thread itself tells, not the commit that landed it.
_THREAD = re.compile(
    rf"\bissue ?{REF}|\b(?:re-?opened|opened|closed|merged|filed|reported|raised|open|status|state|reviewers?|"
    rf"reviewed|approved|"
    rf"comments?|commented|discuss(?:ed|ion)?|author|labels?)\b|(?:合并|合入|关闭|关)了?(?:吗|没|么)|关了|提的|"
    rf"谁(?:提|开)|状态|评论|讨论|评审",
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
