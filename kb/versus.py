"""What a question compares: "compare what vLLM and SGLang did", "this week versus last week", 对比 FlashInfer 和 CUTLASS. Pure.

A comparison is as many plain questions as it has sides: each is the question with that side's repository or time alone in it,
so that everything else about it (topic, kinds of change, kinds of record) is read as in any other question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb import entities, intent, when
from kb.entities import KnownRepo, Span
from kb.errors import QueryError
from kb.scope import ScopeContext
from kb.types import Window

MOST = 5

# Projects of the field that people ask about whether they are followed or not; without those whose names are topics as well.
_PROJECTS_TEXT = """
    vllm sglang tensorrt-llm trt-llm trtllm lmdeploy llama.cpp ollama pytorch deepspeed megatron megatron-lm xformers flashinfer
    cutlass cutile cutile-python deepgemm deepep flashmla flash-attention thunderkittens tilelang mooncake lmcache ktransformers
    aiter mlc-llm exllamav2 onnxruntime vllm-ascend text-generation-inference mlx llama-index langchain
"""
_PROJECTS = frozenset(_PROJECTS_TEXT.split())
_WORD = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}[A-Za-z0-9](?:/[A-Za-z0-9_.-]{0,60}[A-Za-z0-9])?"
_OWNED = re.compile(r"[A-Za-z0-9_.-]{1,60}/[A-Za-z0-9_.-]{1,60}")

# --- words that compare ------------------------------------------------------------------------------------------------------

_END = r"(?![\w-])"
_LEAD = r"^(?:(?:please|now|and|ok|let'?s|help me|(?:can|could|would) you|i(?:'d| would) (?:like|want) to|i want to)[, ]+){0,3}"
_SAYS = re.compile(
    rf"{_LEAD}(?:compare(?: and contrast)?|contrast){_END}|"
    r"(?<![\w-])(?:(?:an? |the |side[- ]by[- ]side )?comparison (?:of|between)|"
    rf"(?:what(?:'s| is| are| was| were) )?(?:the )?differences? between|side[ -]by[ -]side|head[ -]to[ -]head){_END}|"
    rf"\bhow (?:do|does|did)(?= .{{1,80}}? compare{_END})|(?<![\w-])compare(?= (?:to|with|against){_END})|"
    rf"(?<=[a-z'] )compare(?= ?(?:$|[?.,]|on{_END}|in{_END}|for{_END}|this{_END}|last{_END}|since{_END}))|"
    r"(?:请|帮我)?(?:对比(?!学习|度|损失|解码)|比较(?!并交换|器|运算|算子|函数|指令|操作|[大小多少慢快高低新旧重常好]))(?:一下|下)?|"
    r"相比(?:之下)?(?=[,，。?？ ]|$)|(?:有(?:什么|何|哪些))?的?(?:区别|差异|异同)(?:是什么|在哪里?|有哪些)?",
    re.I,
)
_VERSUS = (
    r"(?:(?<![\w-])(?:versus|vs\.?(?! ?code\b)|(?:as )?compared? (?:to|with|against)|in comparison (?:to|with)|"
    r"relative to|against)(?![\w-])|相比于|相比较?|对比|比起|比较|(?<!对)比(?!如|较|例|特))"
)
_THAN = r"(?<![\w-])than(?![\w-])"
_MORE = re.compile(r"(?<![\w-])(?:more|fewer|less)(?![\w-]) ?", re.I)
_AND = r"(?:,? ?(?<![\w-])(?:and|with|to|against|or)(?![\w-])|,|&|/|和|与|、|跟|同|以及|及)"
_WHAT = r"(?:,? ?(?:what|that of|how|the|in|on|for|of|at))*"
_BETWEEN_NAMES = re.compile(rf"(?:'s|的)? ?(?:{_AND}|{_VERSUS}) ?{_WHAT} ?", re.I)
_VERSUS_BEFORE = re.compile(rf",? ?{_VERSUS}{_WHAT} ?$", re.I)
_THAN_BEFORE = re.compile(rf" ?{_THAN}{_WHAT} ?$", re.I)
_WITH_BEFORE = re.compile(rf" ?(?:(?<![\w-])(?:with|to|against)(?![\w-])){_WHAT} ?$", re.I)
_FOLLOWS = re.compile(
    r"(?:'s\b|的)? ?(?:$|[?.,:;!]|(?:did|do|does|on|in|for|this|last|since|over|during|from|between|have|has|had|changes?|"
    r"changed|fixes|fixed|work|activity|releases?|features|updates?|added|shipped|landed|yesterday|today)\b|[这本上今昨最近过去在的])",
    re.I,
)
_ACTORS = re.compile(
    rf"\bwhat (?P<names>{_WORD}(?:, {_WORD}){{0,4}},? (?:and|vs\.?|versus|or) {_WORD}) "
    r"(?:did|do|have|has|had|changed|fixed|added|shipped|landed|merged)\b",
    re.I,
)
_NO_NAMES_TEXT = """
    the its it that this these those them they other others what how both all each last next past previous current yesterday
    today now week month year quarter january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday fixes features changes commits prs issues papers releases bugs
    reverts docs tests code main master before after since in on for a an
"""
_NO_NAMES = frozenset(_NO_NAMES_TEXT.split())
_LEFT_OVER = re.compile(
    r"^(?:(?:and )?how (?:do|does|did)(?!\w)|跟|和|与|同|比起)|(?<![\w-])(?:more|fewer|less)(?![\w-])|多(?=修|加|做|改|合|新)",
    re.I,
)
_VARIANTS = re.compile(r" (?:backends?|kernels?|paths?|gemms?|implementations?|variants?|modes?|versions?)\b", re.I)
_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|"
    "dec(?:ember)?"
)
_PERIOD = rf"(?<!\w)(?:{_MONTHS}|q[1-4]|h[12])(?!\w)"
_YEAR = r",? (?P<year>(?:19|20)[0-9]{2})(?!\w)"
_JOINS = rf",? ?(?:{_VERSUS}|{_AND}) ?"
_SPAN_BEGINS = re.compile(r"\b(?:between|from)\b|介于|在|从|自", re.I)
_ONE_YEAR = (
    (re.compile(rf"(?P<a>{_PERIOD})(?P<join>{_JOINS})(?P<b>{_PERIOD}){_YEAR}", re.I), r"\g<a> \g<year>\g<join>\g<b> \g<year>"),
    (
        re.compile(rf"(?P<a>{_PERIOD}){_YEAR}(?P<join>{_JOINS})(?P<b>{_PERIOD})(?!,? ?[0-9]{{4}})", re.I),
        r"\g<a> \g<year>\g<join>\g<b> \g<year>",
    ),
    (
        re.compile(rf"(?P<year>[0-9]{{4}}) ?年 ?(?P<a>[0-9]{{1,2}}) ?月(?P<join>{_JOINS})(?P<b>[0-9]{{1,2}}) ?月"),
        r"\g<year>年\g<a>月\g<join>\g<year>年\g<b>月",
    ),
)


# --- sides -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the plain question for it, with ``repos`` and ``window`` where they are its own.

    ``unknown`` is the name of a repository that nothing follows: then there is nothing to ask.
    """

    question: str
    repos: tuple[str, ...] = ()
    window: Window | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class _Name:
    start: int
    end: int
    text: str
    repos: tuple[str, ...]


def sides(question: str, context: ScopeContext, *, repos: bool = True, windows: bool = True) -> tuple[Side, ...]:
    """What ``question`` compares, in order; empty where it compares nothing. Off is what explicit filters have settled.

    Raises:
        QueryError: it compares more than ``MOST``.
    """
    low = when.plain(when.squeeze(question))
    for pattern, whole in _ONE_YEAR:  # each time lends the other its year
        low = pattern.sub(whole, low)
    if intent.asking_span(low) or any(name.form in ("ref", "sha") for name in entities.identifiers(low)):
        return ()
    base, spans = _windows(low, context) if windows else (low, [])
    named = _repos(base, context, says=_SAYS.search(low) is not None) if repos else []
    found = [
        Side(side.question, side.repos, window, side.unknown)
        for side in named or [Side(_plain_question(base))]
        for window in (spans or (None,))
    ]
    check(len(found))
    return tuple(found) if len(found) > 1 else ()


def check(count: int) -> None:
    """Raise QueryError where there are more sides than ``MOST``."""
    if count > MOST:
        raise QueryError(f"the question compares {count} sides", remedy=f"compare up to {MOST} at a time")


def unknown_name(text: str, repos: Sequence[KnownRepo], *, placed: bool) -> str:
    """The repository that ``text``, a few words, consists of, where nothing follows it: "in SGLang"; "" for anything else.

    A name alone may be a topic as well: ``placed`` says that a place is expected.
    """
    match = re.fullmatch(
        rf"(?:(?P<place>in|at|from|within) )?(?:the )?(?P<name>{_WORD})(?: repo(?:sitory)?)?", text.strip(" ?.!,"), re.I
    )
    if not match or entities.mentions(match["name"], repos, every=True):
        return ""
    name = match["name"]
    sure = name.casefold() in _PROJECTS and (placed or match["place"])
    return name if sure or (match["place"] and _OWNED.fullmatch(name)) else ""


def _plain_question(low: str) -> str:
    """Without the words that only compare."""
    text = " ".join(_LEFT_OVER.sub("", _SAYS.sub(" ", low).strip()).split())
    return text.strip(" ,:")


# --- windows as sides --------------------------------------------------------------------------------------------------------


def _windows(low: str, context: ScopeContext) -> tuple[str, list[Window]]:
    """The question with one time in it, and the windows that it compares; as it is, and none, where it compares none."""
    says = _SAYS.search(low) is not None
    joined = re.compile(
        rf",? ?(?:{_VERSUS}|{_THAN if _MORE.search(low) else '(?!)'}{'|' + _AND if says else ''}),? ?(?:the )?", re.I
    )
    cuts: list[tuple[Span, Window]] = []
    begin = 0
    for match in joined.finditer(low):
        plain_and = re.fullmatch(rf"{_AND}|,", match.group().strip(), re.I) is not None
        ahead = _leading_time(low[match.end() :], context)
        if ahead is None or (plain_and and not _ends_in_time(low[begin : match.start()], context)):
            continue
        begin = match.end()
        length, window = ahead
        if not window.releases:  # "v0.6.3 versus v0.6.2" asks for what is new in the one
            cuts.append(((match.start(), match.end() + length), window))
    if not cuts:
        return low, []
    base = _cut(low, [span for span, _ in cuts])
    base = _as_time(_plain_question(base))
    own = when.find(base, context.clock, context.tags).window
    others = [window for _, window in cuts]
    if own.releases:
        return low, []
    if own.label:
        return base, [own, *others]
    since = others[0].end
    if len(others) > 1 or since is None or since >= context.clock.now:
        return low, []
    return base, [Window(since, context.clock.now, ""), *others]  # "compared to last week": what came since


def _leading_time(text: str, context: ScopeContext) -> tuple[int, Window] | None:
    """How much of the beginning of ``text`` is one expression of time, and its window."""
    stop = re.search(rf"[?.!;](?= |$)|,|{_VERSUS}|{_AND}", text, re.I)
    head = text[: stop.start()] if stop else text
    said = _as_time(head.lstrip())
    more = len(said) - len(head)
    first = min(when.find(said, context.clock, context.tags).spans, default=None)
    if first is None or said[: first[0]].strip().lower() not in ("", "the", "in", "on"):
        return None
    window = when.find(said[: first[1]], context.clock, context.tags).window
    return (first[1] - more, window) if window.label else None


def _as_time(text: str) -> str:
    """``text`` with "in" before a period at its beginning: "May" alone may be anything."""
    return f"in {text}" if re.match(_PERIOD, text, re.I) else text


def _ends_in_time(text: str, context: ScopeContext) -> bool:
    """Whether a time ends ``text``; not one that "between" begins a span with."""
    plain = _as_time(_SAYS.sub(" ", text).strip())  # "compare January" would be read as the beginning of a range
    spans = when.find(plain, context.clock, context.tags).spans
    return any(end >= len(plain) and not _SPAN_BEGINS.search(plain[:end], max(start - 12, 0)) for start, end in spans)


# --- repositories as sides ---------------------------------------------------------------------------------------------------


def _repos(low: str, context: ScopeContext, *, says: bool) -> list[Side]:
    """A side for each repository that the question compares; empty where it compares none. ``says``: it has a word for it."""
    names = _names(low, context, says=says)
    attached = [at for at in range(1, len(names)) if _is_attached(low, names[at - 1], names[at], says=says)]
    if len(names) < 2 or not attached:
        return []
    first = attached[0] - 1
    group = names[first : attached[-1] + 1]
    if len(group) != len(attached) + 1 or len(group) != len(names):
        return []  # a name that is no side says where, or is part of the story
    unique = list({name.repos or (name.text.casefold(),): name for name in group}.values())
    variants = _VARIANTS.match(low, group[-1].end) is not None
    if len(unique) < 2 or (variants and not all(name.repos for name in group)):
        return []
    spans = _with_times(low, group, context)
    return [_side(low, group, spans, name) for name in unique]


def _names(low: str, context: ScopeContext, *, says: bool) -> list[_Name]:
    """Repositories in order of appearance: those known, those of the field, and what stands beside them as one."""
    found = [
        _Name(mention.start, mention.end, low[mention.start : mention.end], mention.repos)
        for mention in entities.mentions(low, context.repos, every=True)
    ]
    for match in re.finditer(_WORD, low):
        if match.group().casefold() in _PROJECTS:
            found = _added(found, match.start(), match.end(), low)
    actors = _ACTORS.search(low) if says else None
    if actors:
        for match in re.finditer(_WORD, actors["names"]):
            if match.group().lower().rstrip(".") not in ("and", "vs", "versus", "or"):
                found = _added(found, actors.start("names") + match.start(), actors.start("names") + match.end(), low)
    for start, end in list(_beside(low, found, says=says)):
        found = _added(found, start, end, low)
    return sorted(found, key=lambda name: name.start)


def _added(found: list[_Name], start: int, end: int, low: str) -> list[_Name]:
    free = not any(start < name.end and end > name.start for name in found)
    return [*found, _Name(start, end, low[start:end], ())] if free else found


def _beside(low: str, found: Sequence[_Name], *, says: bool) -> Iterator[Span]:
    """Single words in the place of a repository: "flashinfer vs Rocket this week", "compare Rocket and flashinfer"."""
    link = rf"(?:{_VERSUS}{'|' + _AND if says else ''})"
    for name in found:
        after = re.compile(rf"(?:'s)? ?{link} ?(?P<name>{_WORD})", re.I).match(low, name.end)
        if after and _FOLLOWS.match(low, after.end()) and _could_be_name(after["name"]):
            yield after.span("name")
        before = re.compile(rf"(?:^|[ :])(?P<name>{_WORD}) ?{link} ?$", re.I).search(low, 0, name.start)
        lead = _SAYS.sub(" ", low[: before.start("name")]) if before else ""
        if before and lead.strip().lower() in ("", "what") and _could_be_name(before["name"]):
            yield before.span("name")


def _could_be_name(word: str) -> bool:
    return word.lower() not in _NO_NAMES and not re.match(r"v?[0-9]", word)


def _is_attached(low: str, before: _Name, name: _Name, *, says: bool) -> bool:
    """Whether ``name`` is compared with the name before it."""
    between = low[before.end : name.start]
    if _VERSUS_BEFORE.search(between) or (_MORE.search(low, 0, name.start) and _THAN_BEFORE.search(between)):
        return True
    if not says:
        return _MORE.search(low, name.end) is not None and re.fullmatch(r" or ", between) is not None
    return _BETWEEN_NAMES.fullmatch(between) is not None or _WITH_BEFORE.search(between) is not None


def _with_times(low: str, group: Sequence[_Name], context: ScopeContext) -> list[Span]:
    """The spans of the names, each with the time behind it where all have one: "flashinfer this week vs cutlass last week"."""
    ends = []
    for name in group:
        ahead = _leading_time(low[name.end :], context)
        ends.append(name.end + ahead[0] if ahead else 0)
    return [(name.start, end if all(ends) else name.end) for name, end in zip(group, ends, strict=True)]


def _side(low: str, group: Sequence[_Name], spans: Sequence[Span], name: _Name) -> Side:
    """The question with ``name`` in the place of the first, and without the others and what joins them."""
    own = spans[list(group).index(name)]
    cut = [_joined_span(low, span) for span in spans[1:]]
    head, rest = low[: spans[0][0]], _cut(low[spans[0][1] :], [(start - spans[0][1], end - spans[0][1]) for start, end in cut])
    between = "" if rest.startswith(("'s", ":", ",", "的")) else " "
    question = _plain_question(f"{head}{low[own[0] : own[1]]}{between}{rest}")
    return Side(question, name.repos, unknown="" if name.repos else name.text)


def _joined_span(low: str, span: Span) -> Span:
    before = re.search(rf"(?:'s|的)?,? ?(?:{_VERSUS}|{_THAN}|{_AND}) ?{_WHAT} ?$", low[: span[0]], re.I)
    owned = re.match(r"'s\b", low[span[1] :])
    return before.start() if before else span[0], span[1] + (owned.end() if owned else 0)


def _cut(low: str, spans: Sequence[Span]) -> str:
    pieces, position = [], 0
    for start, end in sorted(spans):
        pieces.append(low[position : max(start, position)])
        position = max(position, end)
    return " ".join(" ".join([*pieces, low[position:]]).split())
