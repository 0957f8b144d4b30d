"""Which questions lean on the one before them, and how: "and in SGLang?", "only the fixes", 那上周呢, "who wrote it?". Pure.

A question leans where it is a mere piece of one ("last week?"), where its lead says so ("what about", 只看) or where a word in
it stands for what was said ("which of them"). One that is whole stands on its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kb import intent

_LONGEST = 14  # words of a piece; Chinese characters count by threes
_END = r"(?![\w'-])"

_ALREADY = re.compile(
    r"^(?:(?:ok(?:ay)?|so|now|then|well|right|thanks|thank you|great|alright|hmm?|but|yes|no|please)"
    rf"{_END}|好的?|嗯|现在(?!的)|接下来|然后|但是?|谢谢)[, ]*",
    re.I,
)
_AND = re.compile(
    rf"^(?:(?:and(?: also)?|also|plus){_END}|那么?(?![个些次种里边儿时样])|另外|还有|以及|同样)[, ]*",
    re.I,
)
_MORE = re.compile(
    rf"^(?:(?:is|are|was|were) there |do (?:you|we) have )?(?:(?:any(?:thing)?|what|something|much) (?:else|more)|more|go on|"
    rf"continue|the rest|again|(?:repeat|say) (?:that|it)(?: again)?){_END} ?|"
    r"^(?:还有)?(?:什么|别的|其他的?|更多的?|哪些)?(?=[吗呢没有]*$)|^继续|^更多",
    re.I,
)
_INSTEAD = re.compile(
    rf"^(?:(?:(?:what|how) about|(?:the )?same(?: (?:thing|question|list))?(?= (?:for|in|with|on|but|since)\b|$)(?: but)?|"
    rf"switch to|instead|try){_END}|换成|换到|换作|改成|改为|再?看一?看|再来看看?|再看)[, ]*",
    re.I,
)
_ONLY = re.compile(
    rf"^(?:(?:(?:show|list|give|tell)(?: me| us)? |i (?:want|need|care about|meant?) |keep |with )?(?:only|just){_END}"
    r"(?: show| list)?|"
    rf"(?:limit|restrict|narrow|filter)(?: (?:it|that|this|them|these|those))?(?: down)? (?:to|by|for|on){_END}|"
    r"我?只(?:想?看|要|列出?|显示|保留|关心|需要|有|说|限)|仅(?:看|限|列出?|显示|保留)?|限定?[于在]|筛选出?)(?:一下)? ?",
    re.I,
)
_ONLY_BEHIND = re.compile(r",? (?:only|alone)(?: please)?$|(?:而已|就行|就好|就可以了?)$", re.I)
_EXCEPT = re.compile(
    rf"^(?:(?:without|except(?: for)?|excluding|but not|not|ignor(?:e|ing)|skip(?:ping)?|other than|leave out|hide){_END}|"
    r"除了|除去|不要|不看|排除|去掉|不包括|别看)",
    re.I,
)
_ASKED_BEHIND = re.compile(r"(?:又|的话)?(?:呢|如何|怎么样|怎样)$")
_OF_THEM = re.compile(
    rf"\b(?:of|among|amongst|from) (?:them|those|these){_END}|其中|(?:这些|那些|它们)(?:里面?|之?中|当中)", re.I
)
_THEM = re.compile(
    rf"(?<!is )(?<!are )(?<!was )(?<!were )\b(?:(?:over|in|from) )?there{_END}(?! (?:is|are|was|were|been|be){_END})|"
    rf"\b(?:those|these|them|the ones|ones){_END}|里面|这些|那些|它们|那里|这里",
    re.I,
)
_WHOLE = re.compile(
    r"\b(?:changes|updates?|work|progress|activity|news|developments|highlights)\b|更新|变化|动态|进展|改动", re.I
)
_PIECE = re.compile(
    r"^(?:in|on|for|about|from|since|before|after|until|by|with|during|regarding|at|over|within)\b|^(?:关于|在|自从?|从|截至)",
    re.I,
)
_AGAINST = re.compile(
    rf"^(?:(?:how (?:does|do|did|would) (?:that|this|it|they|these|those) compare (?:to|with|against)|"
    rf"compare[ds]? (?:(?:that|this|it|them|these|those) )?(?:to|with|against)|compare (?:that|this|it|them) and|"
    rf"in comparison (?:to|with)|versus|vs\.?|against){_END}|"
    rf"(?:和|与|跟|同)(?=.{{1,40}}(?:对?比|比较|相比))|(?:对比|比较|相比|比起)(?:一下)?(?!学习|度|算子|器|运算))"
    r"(?: the)? ?",
    re.I,
)
_AGAINST_BEHIND = re.compile(r" ?(?:来)?(?:相比|对比|比较|比)(?:一下|一比|起来|来说|之下)?$")

# What a question about one record is made of where it does not say which.
_ABOUT_ONE_TEXT = """
    who whom when why where how which what did does do was were is are has have been it this that one to in by from of the a
    get got wrote written write author authored made make merged merge landed land reverted revert fixed fix changed change
    added add removed remove released release shipped ship reviewed review approved approve opened open closed close happened
    happen commit pr pull request version files file touch touched touches introduced introduce about say says mean means come
    came later ever exactly first still since for
"""
_ABOUT_ONE = frozenset(_ABOUT_ONE_TEXT.split())
_ASKS_OF_ONE = re.compile(
    r"^(?:(?:who|whom|when|why|where|how|since when|by whom)\b|(?:which|what|is|was|did|has)\b.*\b(?:it|this|that)\b)", re.I
)
_ASKS_OF_ONE_ZH = re.compile(
    r"(?:它|这个?|那个?|该)?(?:提交|改动|pr|修复|issue)?(?:是|在|被|由)*(?:谁|什么时候|何时|为什么|为何|哪个版本|哪天)"
    r"(?:要|会|给|把)?(?:写|提交|合并|合入|改|做|加|修|修复|发布|引入|回退|关闭|打开|创建)?(?:进去|进来)?(?:它|的|了)*(?:呢|啊)?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Lean:
    """How a question leans; ``rest`` is what it says itself (ASCII punctuation), "" for nothing.

    ``how``: replace (what it states takes the place of what was), narrow (it is added to that), except (it should be taken out
    of that), against (what was is compared with it), one (it is asked of one record, which it does not name); piece (as
    replace, but only if it is no more than a time, a repository or a kind: nothing in its words says that it leans).
    """

    rest: str
    how: str = "replace"


def leaning(text: str) -> Lean | None:
    """How ``text`` (squeezed, ASCII punctuation) leans on a question before it; None where it stands on its own."""
    bare = text.strip(" ?!.,;。")
    for _ in range(3):
        bare = _ALREADY.sub("", bare, count=1)
    joined = _AND.match(bare)
    rest = bare[joined.end() :] if joined else bare
    if _is_of_one(rest):
        return Lean(rest, "one")
    against = _AGAINST.match(rest)
    if against and len(_words(rest)) <= _LONGEST:
        return Lean(_AGAINST_BEHIND.sub("", _ASKED_BEHIND.sub("", rest[against.end() :])).strip(), "against")
    if intent.asking_span(rest) is not None and not _OF_THEM.search(rest):
        return None
    lead = _led(rest)
    if lead:
        return lead if len(_words(lead.rest)) <= _LONGEST else None
    more = _MORE.match(rest)
    if more and (more.end() or (joined and not rest)):
        left = rest[more.end() :].strip(" 吗呢没有") if not rest[more.end() :].isascii() else rest[more.end() :].strip()
        return Lean(left) if len(_words(left)) <= _LONGEST else None
    if joined or _OF_THEM.search(rest) or (_THEM.search(rest) and len(_words(rest)) <= _LONGEST // 2):
        them = Lean(_ASKED_BEHIND.sub("", _without_them(rest)), "narrow" if _OF_THEM.search(rest) else "replace")
        return them if len(_words(rest)) <= _LONGEST else None
    if _ASKED_BEHIND.search(bare) and len(_words(bare)) <= _LONGEST // 2 and not intent.asks_for_set(bare):
        return Lean(_ASKED_BEHIND.sub("", bare))
    if intent.asks_for_set(bare) or _WHOLE.search(bare) or len(_words(bare)) > _LONGEST:
        return None
    return Lean(bare, "replace" if _PIECE.match(bare) and len(_words(bare)) <= _LONGEST // 2 else "piece")


def _led(rest: str) -> Lean | None:
    """By words at the beginning or the end that say what to do with what was asked before."""
    instead = _INSTEAD.match(rest)
    inner = rest[instead.end() :] if instead else rest
    only = _ONLY.match(inner)
    if only:
        return Lean(_without_them(_ASKED_BEHIND.sub("", inner[only.end() :])), "narrow")
    if _EXCEPT.match(inner):
        return Lean(inner, "except")
    if _ONLY_BEHIND.search(inner) and not intent.asks_for_set(inner):
        return Lean(_without_them(_ONLY_BEHIND.sub("", inner)), "narrow")
    return Lean(_without_them(_ASKED_BEHIND.sub("", inner))) if instead else None


def _without_them(text: str) -> str:
    return " ".join(_THEM.sub(" ", _OF_THEM.sub(" ", text)).split())


def _is_of_one(text: str) -> bool:
    if _ASKS_OF_ONE_ZH.fullmatch(text.replace(" ", "")):
        return True
    words = re.findall(r"[a-z']+|[^\sa-z',]", text.lower())
    return bool(_ASKS_OF_ONE.match(text)) and len(words) <= 10 and all(word in _ABOUT_ONE for word in words)


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9_./'-]+|[\u3400-\u9fff]{1,3}", text)
