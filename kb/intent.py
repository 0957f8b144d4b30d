"""Which sort of question it is, and which words only ask it: needle, window or identifier; the topic is what is left. Pure.

Patterns see text with white space squeezed, ASCII punctuation, and ``GAP`` in place of what has been read already
(times, repositories).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

GAP = "\ue000"

_CHANGE = r"(?:commit|change|pr|pull request|patch|revision|rewrite|rework|merge|release|version|fix)"
# "What changed?" and "what was fixed?" ask for a set; "where was it fixed?" and "fixed in which release?" for one change.
_NOT_WHAT = "".join(
    f"(?<!what {verb})" for verb in ("", "was ", "were ", "is ", "are ", "has ", "has been ", "have been ", "got ")
)
# One thread, paper or post, asked for by what it says.
ONE_OF = {
    "issue": r"\bwhich (?:[\w-]+ ){0,2}?(?:issue|ticket|bug report)\b|"
    r"\b(?:does|do|did|is there|was there) (?:any|an?|some) "
    r"(?:(?!commit|change|pull|pr\b)[\w-]+ ){0,2}?(?:issue|ticket|bug report)\b(?! with\b| ?#?[0-9])|"
    r"\bdo(?:es)? any(?:one|body)(?: else)? (?:see|get|hit|notice|have|encounter|experience)\b|"
    r"\b(?:is|was|has|have) [^.?!;]{1,60}? (?:already |ever |been ){1,2}reported\b|"
    r"\b(?:ha(?:s|ve|d)|did) any(?:one|body)(?: else)?(?: already| ever)? (?:report(?:ed)?|filed?|open(?:ed)?|seen?|hit|"
    r"run into|noticed?|encounter(?:ed)?|raised?)\b(?: (?:an? |any )?(?:issue|ticket|bug report)s?(?: (?:about|on|for))?)?|"
    r"有(?:没有)?(?:其他)?人.{0,6}?(?:报告|反馈|提|遇到|碰到|报(?!告))过?(?!的)|"
    r"有没有(?!.{0,8}(?:新|未|没|打开|关闭)).{0,12}?(?:issue(?!s)|工单|议题)|哪(?:个|一个) ?(?:issue|工单|议题)",
    "paper": r"\b(?:which|what) (?:[\w-]+ ){0,2}?(?:paper|preprint)\b|"
    r"\b(?:does|is there|was there) (?:any|an?|some) (?:[\w-]+ ){0,2}?(?:paper|preprint)\b(?! with\b)|哪篇(?!博)",
    "post": r"\b(?:which|what) (?:[\w-]+ ){0,2}?(?:blog ?post|blog article)\b|哪篇博(?:客|文)",
}
_ONE = "|".join(ONE_OF.values())
_NEEDLE = re.compile(
    rf"{_ONE}|\b(?:in |by |since |and )?(?:which|what)(?: (?:single|exact|one|particular|specific|later|"
    rf"earlier|upstream|(?:19|20)[0-9]{{2}}|{GAP})){{0,2}} "
    rf"(?!(?:version|release) (?:bumps|upgrades|candidates|tags)\b){_CHANGE}\b"
    rf"(?! (?:work|notes|commits|changes)\b)|"
    r"\bwhere (?:was|were|is|are|did|does|do|has|have|exactly|in)\b|\bwhen (?:was|were|did|does|do|is|"
    r"has|have)\b|\bwhy\b|\bwho\b|"
    rf"{_NOT_WHAT}\b(?:fix(?:ed)?|solved|resolved|corrected|added|changed|removed)(?: where| when| by(?: whom|"
    r" what| which)?| in which \w+)? ?\?|\bwhose\b|"
    r"\bhow (?:was|is|did|does) (?:this|that|it|they)\b|\bwhat(?:'s| is| was) (?:the (?:commit|fix|"
    r"change|pr|cause|reason)\b|in (?:commit|#|pr\b)|commit\b|#)|"
    r"\bwhat (?!is\b|was\b|has\b|does\b|happens\b|made it ?(?:in\b|into\b|\ue000))"
    r"(?:[a-z]{2,}(?:ed|s)|made|broke|took|brought|put|"
    r"let|cut|rewrote|gave|kept|built|led to|sped up|got rid of|set) "
    r"(?:it|that|this|the|them|a|an|how|these|those|its|both|everyone|all|what|when|where|so)\b|"
    r"哪(?:个|一个|次|一次|条)(?: ?(?:提交|commit|prs?\b|pull|改动|修改|版本|补丁|变更|合并))|"
    r"在?(?:哪里|哪儿)|在哪(?!些|个|次|一)|什么时候|何时|为什么|为何|谁|"
    r"(?:怎么|如何)(?:修|解决|改|避免)",
    re.I,
)
_SET = re.compile(
    r"\bwhat(?:'s| is| are| was| were| has| have| had| did| all| else)?(?: ?\ue000)?(?: been| being|"
    r" got| get)? ?(?:changed|changes|new|happened|happening|landed|merged|done|added|removed|"
    r"reverted|"
    r"shipped|updated|deprecated|broken|broke|going on|came in|went in|went into|fixed|up with)\b|"
    r"\bwhat got\b|\bwhat (?:made it|went|goes) ?(?:in\b|into\b|\ue000)|"
    r"\bthe latest (?:on|in|about|for|with|from)\b|\bwhat (?:\w+ ){0,2}?(?:work|progress|"
    r"updates|commits|prs|features|fixes|bugs|"
    r"improvements)\b|"
    r"\bwhich (?:new )?(?:[\w/.+-]+ ){0,4}?[\w-]*[a-rt-z]s\b|^(?:please )?(?:list|show|give me|"
    r"summari[sz]e|enumerate|recap|describe|tell me)\b|\blist (?:the|all|every|me|them|of|any)\b|"
    r"\b(?:everything|anything)\b|\bhow many\b|\b(?:changelog|recap|digest|overview|summary|"
    r"summari[sz]e|round-?up)\b|\ball (?:the )?(?:[\w-]+ ){0,3}?(?:changes|commits|prs|updates|fixes|"
    r"work)\b|"
    r"\bany (?:[\w-]+ ){0,3}?(?:changes|commits|prs|updates|fixes|work|news|progress|improvements)\b|"
    r"哪些|有没有|是否有|有无|什么(?:新?的?)?(?:变化|更新|进展|改动|工作|变更|动静|新)|(?:做|改|修|修复|合入?|合并|加|"
    r"新增|增加|更新|删|移除|回退|优化|发布|变|引入|支持|完成)了?(?:些|一些)?什么|发生了什么|有什么|"
    r"有啥|总结|汇总|列出|列一下|列举|概述|概括|概览|"
    r"所有(?:的)?(?:改动|提交|更新|变更)|全部(?:的)?(?:改动|提交|更新|变更)|多少(?:个|次)?(?:提交|改动|prs?)|梳理",
    re.I,
)
_NOUN = (
    r"(?:changes|updates|work|progress|fixes|improvements|activity|news|commits|prs|pull requests|"
    r"developments|additions|reverts|releases|optimi[sz]ations|highlights)"
)
_WEAK_SET = re.compile(
    rf"\b{_NOUN}(?: (?:that )?(?:landed|merged|made|done|added))?(?: ?(?:in|to|on|for|of|since|from|"
    rf"around|about|inside|regarding|over|during)\b| ?(?:$|[?.,;:!{GAP}]))|"
    rf"(?:更新|变化|改动|变更|进展|动态|工作)(?:吗|呢|情况|如何|怎么样)?(?=[?.。,;!{GAP} ]|$)",
    re.I,
)
_SENTENCE = re.compile(r"[^.?!;。]*(?:[.](?=[^ ])[^.?!;。]*)*[.?!;。]?")

_ASKING_ABOUT_NAMES_TEXT = """
    a about accept accepted add added adds allow allowed an and any anymore api appear appeared appears argument
    arguments as at available away be became been before being build built by call called came can change changed
    changes class code come comes commit commits config constant could current default define defined defines
    definition delete deleted deprecate deprecated did disappear disappeared do documented does doing dropped drops
    effect enum env environment error exist existed exists exported expose exposed fail fails fell field file files
    find first fix fixed fixes flag for from function functions gone got had has hash have header helper hint how i if
    implement implemented implements import in into introduce introduced introduces is it its kernel key landed last
    later layer lives long longer macro made make makes mean merge merged method missing module moved moves name named
    necessary need needed new no not now of off on op operator option or origin originate originated originally out
    parameter patch please pr pull rather really reference removed remove removes rename renamed replace replaced
    replaces request responsible reverted revert s set setting show sha since some start started still support
    supported supports symbol take taken than that the their them then there these they this those to took touched
    type undefined unknown unnecessary update updated use used uses using utility value variable variables vanished
    version was we went were what when where which who why will with work works would you back again anything ever
    more exactly find found result class struct test script document nowadays thing
"""
_ASKING_ABOUT_NAMES = frozenset(_ASKING_ABOUT_NAMES_TEXT.split())
_ZH_LIFECYCLE = re.compile(
    r"哪个|哪次|哪一个|哪里|哪儿|什么时候|什么|哪些|提交|改动|环境变量|变量|参数|函数|文件|选项|标志|"
    r"提示|接口|类|宏|常量|模块|引入|加入|加进来|添加|新增|增加|加|删除|删掉|删|去掉|移除|移走|"
    r"没了|不见了|消失|消失了|替代|替换|取代|改成|改名|改掉|改|设置|没反应|不再需要|不再|需要|为什么|"
    r"为何|最早|最先|出现|来自|来的|来|是|的|了|在|被|里|里面|这个|那个|中|由|做|干|有|和|与|而|呢|吗|"
    r"修|修复|"
    r"修改|内容|哪|个|它|从|到|进|用|于|把|给|现在|原来|之后|以后|以前|之前|首次|第一次|支持|实现|"
    r"定义|谁|怎么|如何|作用|用途|讲|说|关于|解决"
)


def asking_span(text: str) -> tuple[int, int] | None:
    """The sentence that asks for one change ("Which commit …?", 哪个提交…); None where none does."""
    matches = list(_NEEDLE.finditer(text))
    if not matches:
        return None
    match = matches[-1]
    for sentence in _SENTENCE.finditer(text):
        if sentence.start() <= match.start() < sentence.end():
            return sentence.span()
    return match.span()


def asks_for_set(text: str) -> bool:
    """Whether it says that every matching record is asked for ("what changed", 有哪些)."""
    return _SET.search(text) is not None


def classify(text: str, *, forms: Sequence[str], rest: str, windowed: bool, listed: bool) -> str:
    """window, needle or identifier.

    ``text`` is the question with times and repositories replaced by GAP, ``rest`` the same without its identifiers,
    whose forms are ``forms``. ``listed``: it names records in the plural ("open issues").
    """
    needle = _NEEDLE.search(text) is not None
    asked_set = _SET.search(text) is not None
    exact = any(form in ("ref", "sha") for form in forms)
    named = any(form == "code" for form in forms)
    if exact and not windowed and _content(rest) <= 4:
        return "identifier"
    if named and not windowed and (needle or not asked_set) and _content(rest) <= 3:
        return "identifier"
    if needle:
        return "needle"
    if windowed or asked_set:
        return "window"
    plural = listed or _WEAK_SET.search(text) is not None
    return "window" if plural and len(re.findall(r"[A-Za-z0-9-]+|[一-鿿]", text)) <= 30 else "needle"


def _content(rest: str) -> int:
    """How much is said beside the names themselves: words, and pairs of Chinese characters."""
    words = [
        word for word in re.findall(r"[A-Za-z][A-Za-z'-]*", rest) if word.lower().removesuffix("'s") not in _ASKING_ABOUT_NAMES
    ]
    chinese = re.findall(r"[一-鿿]", _ZH_LIFECYCLE.sub("", rest))
    return len(words) + len(chinese) // 2


# --- what is left ---------------------------------------------------------------------------------------------------------

_EDGE = (
    r"(?:in|of|for|to|on|from|during|over|within|since|and|or|the|a|an|at|by|inside|into|about|with|"
    r"around|against|regarding|concerning|between|until|as|is|are|was|were|that|which|related to|on top of|"
    r"through|across|under|then|so|but)"
)
_DANGLING = re.compile(rf"(?:\b{_EDGE} ?)+(?=(?: ?{GAP}| ?[?.,;:!]* ?$))|(?<={GAP}) ?(?:{_EDGE}\b ?)+|^(?:{_EDGE}\b ?)+", re.I)
_WINDOW_WORDS = re.compile(
    r"(?<![\w-])(?:(?:can|could|would) you(?: please)?|please|i(?:'d| would) (?:like|want) to know|"
    r"i want to know|tell me|let me know|give me|show me|"
    r"(?:a |an |the )?(?:quick |short |brief |full |complete )?(?:summary|overview|recap|digest|"
    r"round-?up|changelog|rundown)(?: (?:of|on|for)|(?= ?(?:$|\ue000|[?.,;:!])))|summari[sz]e|recap|enumerate|"
    r"(?:go|went|gone|made it|makes it)(?: (?:in|into))?(?= ?(?:$|\ue000|[?.,;:!]))|what(?:'s| is) cooking|"
    r"(?:(?:that|which|changes|commits|prs) (?:made|makes?)|(?<=\ue000) ?make)(?= [\w-]+ [\w-])|"
    r"list(?: of)?(?= (?:\ue000|the|all|every|any|me|them|of|everything|commits|changes|prs)\b)|^(?:list|show|describe)|"
    r"how (?:many|was|were|did|has|have|is)|what(?:'s|'re| is| are| was| were| has| have| had| did|"
    r" does| do| all| else| kind of| kinds of)?(?: been| being| got| gotten)?"
    r"(?: (?:changed|new|happened|happening|landed|merged|done|going on|updated|shipped|came in|went in|went into|up))?|"
    r"which(?: new)?|(?:every|any)thing(?: (?:new|else|notable|interesting|important))?|everywhere|"
    r"(?:all|every|each|any|the|this|my|our)(?: of)?(?: the| my| our| these)? (?:repos?|repository|repositories)"
    r"(?= ?(?:$|\ue000|[?.,;:!)]|(?:in|on|for|about|since|to)\b))|files(?= (?:changed|were|was|got|have))|"
    r"all(?: of)?(?: the)?(?= (?:\w+ )?(?:changes|commits|prs|updates|work)\b)|any|commits?|prs?|pull requests|"
    r"merge requests|papers|issues(?: (?:were |are |"
    r"that were )?(?:opened|closed|filed|reported))?|compare|touching|(?:that|which) touch(?:es|ed)?|involving|the latest|"
    r"every (?:commit|change|pr)(?: (?:that|which)(?: touched)?)?|"
    r"(?:did )?we (?:have )?(?:ship(?:ped)?|merged?|land(?:ed)?|do|did|changed?|add(?:ed)?)|"
    r"changes|changed|updates|updated|progress|activity|developments|news|highlights|efforts|landed|"
    r"merged|shipped|happened|got|itself|please|there|(?:that|which) (?:were|was|are|have been|has been)|"
    r"(?:were|was|are|have been|has been|have|has|had|did|been|being|is there|are there|were there|was there|there were|"
    r"do we have|does(?= (?:\ue000 )?have\b))|(?:related|relating|pertaining) to|work(?= ?(?:$|\ue000|[?.,;:!)]|(?:in|on|for|"
    r"landed|to|around|of|was|that|inside|done)\b))|"
    r"(?:were |was |been |got )?(?:done|made|cut|added)(?= ?(?:$|\ue000|[?.,;:!)]|(?:in|on|for|to|"
    r"about)\b))|(?<=\bfeatures )added to|features?(?= (?:\ue000|added))|concerning|"
    r"regarding)(?![\w-])",
    re.I,
)
_ASK = re.compile(
    rf"(?:{_ONE}(?: (?:about|on|for|that|which|report(?:s|ing)?|mention(?:s|ing)?|describ(?:es?|ing)))?|"
    rf"\b(?:and |in |by |since |to )?(?:which|what)(?: (?:single|exact|one|particular|specific|"
    rf"later|earlier|upstream|(?P<year>(?:19|20)[0-9]{{2}})|{GAP})){{0,2}} "
    r"(?:commit|change|pr|pull request|patch|revision)s?\b(?: (?:is it|was it|did (?:this|that|it)|"
    r"that|is the one))?|\bwhere (?:exactly )?(?:was|were|is|are|did|does|do|has|have)\b|"
    r"\bwhen (?:was|were|did|does|do|is|has|have)\b|\bwhy (?:was|were|did|does|do|is)?\b|\bwho\b|"
    r"\bhow (?:was|were|is|did|does)\b|\bwhat(?:'s| is| was| did| does| made| has)?\b|"
    r"\bwhich\b|\b(?:fixed|solved|corrected|changed|added) (?:where|by|when|in which \w+)\b|\bfix(?=\?)|"
    r"\band (?:when|why|where|how|who)(?=\W*$)|\bis there (?:a|any) (?:commit|change|pr|"
    r"patch) (?:that|which)\b|^ ?(?:does|did|do|is|was|were|has|have)\b|谁|"
    r"(?:是|在|由|被|从|于)*哪(?:个|一个|次|一次|条) ?(?:提交|commit|prs?|改动|修改|补丁|变更)(?:里|"
    r"中|把|给|让|使|将)?(?:面)?|(?:是|在)*(?:哪里|哪儿|在哪)(?:的)?|什么时候|何时|为什么|为何)",
    re.I,
)
_QUESTION_WORD = re.compile(r" ?(?:what|where|when|who|why|how|which|did|does|is|was)\b[^.!]*\?$", re.I)
_EMPTY_ANSWER_TEXT = """
    it that this them these those there fixed fix fixes fixing stopped stops stop changed changes change solved solves
    corrected corrects removed did do does made make the a an and to in by around got get gets was were is are of
    handles handle handled caused causes what which where commit one so be been happen happened introduced added keeps
    dropped drops out take took
"""
_EMPTY_ANSWER = frozenset(_EMPTY_ANSWER_TEXT.split())
_ZH_EMPTY_ANSWER = re.compile(
    r"(?:(?:是|被|给|都|才|就|把|它|它们|这个|这些|问题|先)*(?:修复|修好|修正|修改|修|改掉|改好|改正|"
    r"改|解决|处理|搞定|做|引入|去掉|删掉|删|加|实现|合入|来)?(?:了|掉|好|的|过|到|成|它们|它|这个|"
    r"这种情况|情况|问题|限制|呢|吗|啊)*)?$"
)
_ZH_WINDOW_WORDS = re.compile(
    r"(?:所有|全部|各个?|每个|这个?|本|我们)的?(?:代码)?(?:仓库|代码库)(?:中|里面?)?|请(?:问|你)?|有没有|是否有|有无|"
    r"帮我|列出|列举|列一下|总结(?:一下)?|汇总(?:一下)?|概述|概括|梳理|关于|围绕|针对|"
    r"有关|相关的?|方面|都?有(?:哪些|什么|啥)|都?(?:做|改|合入|合|修|加|新增|更新|发布|引入|完成|"
    r"进行)了?(?:哪些|什么|些什么)|"
    r"(?:发生|出现)了?什么|哪些|什么|所有|全部|新的?(?=改动|变化|进展|更新|动态|消息|动静|情况)|更新|改动|变化|变更|进展|"
    r"动态|动静|消息|新闻|工作|提交|合入了?|多少(?:个|次)?|几[个次篇]|合并了(?= ?(?:\ue000|$|[?？。]))|"
    r"论文|情况|如何|怎么样|功能(?=[?？。 \ue000]|$)"
)
_TRIM = " \t,.;:!?-~/&|@#\"'(，。？！；：、…"


def window_topic(text: str, *, chinese: bool) -> str:
    """The subject of a set question: without the words that ask for a list of changes."""
    if chinese:
        text = _ZH_WINDOW_WORDS.sub(GAP, text)
    return tidy(_WINDOW_WORDS.sub(GAP, text))


def needle_topic(text: str, *, chinese: bool) -> str:
    """The description in a needle question: whole, without the words that only ask which change it was."""
    kept = []
    for sentence in _SENTENCE.findall(text):
        if _NEEDLE.search(sentence) is None and not _QUESTION_WORD.match(sentence):
            kept.append(sentence)
            continue
        bare = _ASK.sub(_asked, sentence)
        words = re.findall(r"[A-Za-z0-9_'-]+|[一-鿿]", bare)
        if any(word.lower() not in _EMPTY_ANSWER for word in words):
            kept.append(_without_empty_clauses(sentence) if chinese else bare)
    return tidy(" ".join(kept))


def _asked(match: re.Match[str]) -> str:
    """A gap; the year of "which 2024 change" stays, as it filters nothing and still says something."""
    return f"{GAP} {match['year']}" if match["year"] else GAP


def _without_empty_clauses(sentence: str) -> str:
    kept = []
    for clause in re.split(r"(?<=[,;])", sentence):
        bare = _ASK.sub(_asked, clause)
        plain = re.sub(rf"[{GAP}\s,.?!;。]", "", bare)
        if bare != clause and _ZH_EMPTY_ANSWER.fullmatch(plain):
            continue
        kept.append(bare)
    return "".join(kept)


def tidy(text: str) -> str:
    """Without gaps, words left dangling before them, empty brackets and punctuation at the ends."""
    for _ in range(4):
        shorter = _DANGLING.sub(" ", text)
        if shorter == text:
            break
        text = shorter
    text = re.sub(r"(?<= )\( ?[,;]? ?\)", " ", " ".join(text.replace(GAP, " ").split()))
    text = " ".join(re.sub(r" ([,.;:?!)])", r"\1", text).split())
    text = re.sub(r"(?:[,;:] ?){2,}", ", ", text)
    text = text.strip(_TRIM)
    return text + ")" if text.count("(") > text.count(")") else text.rstrip(")") if text.count(")") > text.count("(") else text
