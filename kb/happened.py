"""What a question says of the records it asks for: closed last week, still open, revised, 还没合并. Pure.

Verbs count where they stand with the noun of a kind ("closed issues", "PRs that were merged", 关闭的 issue), so that "PRs about
merged KV caches" are of any state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from kb.intent import GAP
from kb.types import KINDS

Span = tuple[int, int]

ORDER = ("opened", "closed", "reopened", "merged", "updated", "released", "tagged", "published", "revised")
_THREADS = ("pull", "issue")
_TOUCHED = ("opened", "closed", "reopened", "merged", "updated")

NOUNS = {
    "pull": r"prs|pr's|pull[ -]?requests|merge[ -]?requests",
    "issue": r"is{1,3}ues|isseus|bugs|bug reports|feature requests|tickets",
    "release": "releases",
    "paper": "papers|preprints|arxiv (?:papers|preprints|submissions)|(?<=any )paper",
    "post": r"blog ?posts|blog (?:articles|entries)|posts|articles|blogs?",
    "model": "models|(?:model )?checkpoints|model weights",
}
_CHINESE_NOUNS = {
    "pull": r"prs?\b|pull requests?|拉取请求|合并请求",
    "issue": r"issues?\b|工单|议题|问题单|bug ?单|bugs?(?! ?(?:修复|fix))",
    "release": r"releases?\b|发布版",
    "paper": "论文|预印本|文章",
    "post": "博客文章|博客|博文|帖子",
    "model": "模型|权重",
}


@dataclass(frozen=True, slots=True)
class _Verb:
    """``said`` stands before the noun or behind it, ``before`` only before it, ``base`` behind "did we"."""

    events: tuple[str, ...]
    kinds: tuple[str, ...]
    said: str
    base: str
    chinese: str
    before: str = ""

    @property
    def any(self) -> re.Pattern[str]:
        """Every form of it."""
        english = "|".join(filter(None, (self.said, self.base, self.before)))
        return re.compile(rf"(?<![\w-])(?:{english})(?![\w-])|{self.chinese}", re.I)


_ISSUES = "(?:is{1,3}ues|isseus|tickets)"  # "fixed bugs" asks for the fixes
_VERBS = (
    _Verb(("reopened",), _THREADS, "re-?opened", "re-?open", "重新?打开|重开|再次打开"),
    _Verb(
        ("opened",),
        _THREADS,
        "opened|filed|reported|created|raised|logged|submitted|complained about",
        "open|file|report|create|raise|submit|complain about",
        "新提交?|新开|开了|新增|新建|新报|提出来?|提交|提了?|报告|上报|创建|(?<!新)打开|(?<![重更])新",
        "new|incoming",
    ),
    _Verb(("closed",), _THREADS, "closed", "close", "关闭|关掉|关了", rf"(?:fixed|resolved|solved)(?= {_ISSUES}\b)"),
    _Verb(("merged",), ("pull",), "merged|landed|accepted", "merge|land|accept", "合并|合入|合进"),
    _Verb(
        _TOUCHED,
        _THREADS,
        "touched|updated|active|discussed|discussions?|conversations|commented on|edited|worked on|"
        "(?:with|had|have|has|saw|seen|got|received|showing) (?:[a-z]+ ){0,2}?"
        "(?:activity|comments?|discussions?|updates?|replies)",
        "touch|update|discuss|comment on|work on",
        "更新|活跃|讨论|评论|有动静|有动态|有进展|有活动",
        "busy|busiest|hot|hottest|trending|"
        "(?:activity|movement|comments|discussions?) (?:on|in|around|of)(?: the| our| all| any)?",
    ),
    _Verb(
        ("published",),
        ("paper",),
        "published|posted|submitted|released|uploaded|announced|came out|come out|appeared|out",
        "publish|post|submit|release|upload|come out|appear",
        "发表|发布|提交|上传|挂出|(?<![重更])新",
        "new",
    ),
    _Verb(
        ("revised",),
        ("paper", "post", "model"),
        "revised|updated|replaced|resubmitted",
        "revise|update|replace",
        "修订|更新|改版|修改",
    ),
    _Verb(
        ("released",),
        ("release",),
        "released|published|announced|came out|come out|out|cut|made|shipped",
        "release|publish|cut|make|ship",
        "发布|发了|推出|出了",
        "new",
    ),
    _Verb(("released", "tagged"), ("release",), "tagged", "tag", "打了?(?:标签|tag)"),
    _Verb(
        ("published",),
        ("post", "model"),
        "published|posted|released|uploaded|announced|came out|come out|appeared|open-sourced|written",
        "publish|post|release|upload|announce|open-source|write",
        "发布|发表|上传|开源|发了|(?<![重更])新",
        "new",
    ),
)

_END = r"(?![\w-])"
_ADVERB = "recently|newly|just|also|ever|been|being|actually|finally|lately|most|still|currently|all"
_BE = rf"was|were|is|are|be|got|get|has|have|had|that|which|{_ADVERB}|{GAP}"
_WHICH = "all|any|every|each|the|these|those|some|our|other|latest|newest|recent|trending"
# Where they are, by kind, and who did it: nothing to search for.
_PLACES = {
    "paper": re.compile(r"(?:\b(?:to|on|in|from|at) )?(?:the )?\barxiv\b(?![.:/]| ?[0-9]) ?上?", re.I),
    "model": re.compile(r"(?:\b(?:to|on|in|from|at) )?(?:the )?\b(?:hugging ?face|hf)(?: hub)?(?![\w/.:-]) ?上?", re.I),
    "post": re.compile(r"\bon (?:the )?(?:[\w-]+ )?blog\b", re.I),
}
_ASIDE = re.compile(
    r"\b(?:on github|contributors|authors|people|users|maintainers|right now|at the moment|currently)\b|"
    r"github ?上|有人|大家|用户|目前|现在|当前",
    re.I,
)
_REST = r"[^.?!;]"
_BETWEEN = (
    r"(?:(?!(?:in|of|for|on|with|about|by|to|from|at|that|which|and|or|as|into|than|"
    rf"the){_END})[\w.+/{GAP}-]+ ){{0,3}}?"
)


@dataclass(frozen=True, slots=True)
class Said:
    """``events``, of which one has to lie in the window, ``states``, of which one has to be the record's, and what says so."""

    events: tuple[str, ...]
    states: tuple[str, ...]
    spans: tuple[Span, ...]


def said(text: str, kinds: Sequence[str], *, windowed: bool) -> Said:
    """What has to have happened to records of ``kinds``, of which a set question asks for all, and how they have to stand.

    A pull request that was merged has been closed: "closed" means either. Where no window says when, "closed" and "merged" are
    how the records stand. Commits have no such events: beside them only the state of the pull requests is asked for.
    """
    told = [kind for kind in KINDS if kind in kinds and kind != "commit"]
    if not told:
        return Said((), (), ())
    states, spans = _states(text, told)
    rest = blanked(text, spans)
    happened = list(_happened(rest, told))
    events = {event for verb, _ in happened for event in verb.events}
    if "closed" in events and "pull" in told and states != ("closed",):
        events.add("merged")
    spans += [span for _, span in happened]
    if "commit" in kinds or (not windowed and events <= {"closed", "merged"}):
        states = states or tuple(event for event in ("closed", "merged") if event in events)
        events = set()
    asides = [_ASIDE, *(_PLACES[kind] for kind in told if kind in _PLACES)]
    spans += [match.span() for pattern in asides for match in pattern.finditer(text)]
    return Said(tuple(event for event in ORDER if event in events), states, (*spans, *_nouns(text, told)))


def names(kinds: Sequence[str], text: str) -> bool:
    """Whether ``text`` has a noun for records of one of ``kinds``."""
    return next(_nouns(text, kinds), None) is not None


def is_said_of(kind: str, text: str) -> bool:
    """Whether ``text`` says of records of ``kind`` what happened to them or how they stand, and so asks for such records."""
    if kind not in NOUNS:
        return False
    states, spans = _states(text, (kind,))
    return bool(states) or _verb_pattern((kind,)).search(blanked(text, spans)) is not None


# "What was closed?": only threads are opened, closed and discussed; of everything else it is said otherwise.
_BARE = re.compile(
    rf"\bwhat(?:'s| else| all)?(?: (?:{_BE})){{0,6}} ((?:opened|filed|reported|raised|closed|re-?opened|discussed){_END})|"
    r"\bwhat (?:did|have|has) (?:people|users|anyone|anybody|they|we|folks) "
    r"(reported|report|complained about|complain about|raised?|filed?)\b|"
    r"\b(?:bugs|regressions|crashes|hangs|failures|problems|errors|complaints)"
    rf"(?: (?:{_BE})){{0,6}} ((?:reported|filed|raised){_END})|"
    r"\b(discussions|conversations|discussion(?= (?:about|on|around|of|regarding)))\b|"
    r"(讨论|关闭|报告|提)(?:了|过)(?:什么|哪些)(?! ?[a-z\u4e00-\u9fff])",
    re.I,
)
_REPORTED = re.compile("filed?|report(?:ed)?|complain(?:ed)? about|报告", re.I)


def kinds_without_noun(text: str) -> tuple[str, ...]:
    """Kinds of record that a question means by its verb alone."""
    match = _BARE.search(text)
    if match is None:
        return ()
    return ("issue",) if _REPORTED.fullmatch(text, *_group(match)) else _THREADS


# --- how they stand --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _State:
    """``said`` stands before the noun or behind it, ``phrase`` anywhere behind it."""

    states: tuple[str, ...]
    said: str
    chinese: str
    phrase: str = "(?!)"


_STATES = (
    _State(
        ("closed",),
        "rejected|declined|abandoned",
        "(?:未|没有?)(?:被)?合并就|被?拒绝|被?放弃",
        "(?<=closed )(?:unmerged|without (?:being |getting |a )?merg(?:e|ed|ing)|(?:and|but) (?:were )?not merged)",
    ),
    _State(("merged",), "already merged", "已经?(?:合并|合入)"),
    _State(("closed",), "already closed", "已经?关闭"),
    _State(
        ("open",),
        "open|pending|outstanding|stale|unresolved|unclosed|unanswered|unfixed|(?:under|in) review|"
        "(?:still|as yet) (?:unmerged|to be merged)|not (?:yet )?(?:been )?(?:closed|resolved)(?: yet)?|"
        "not yet (?:been )?(?:merged|landed)|not (?:been )?(?:merged|landed) yet",
        "(?:还|仍然?|尚)?(?:未|没有?)(?:被)?(?:关闭|关掉|关|解决|处理)|(?:还|仍然?|尚)(?:未|没有?)(?:被)?合(?:并|入|进)?|"
        "(?:还|仍)?开着|(?<![a-z-])open(?= ?(?:状态)?的| (?:issue|pr|pull))|正?在(?:评审|审查)|评审中|"
        "等?待(?:处理|解决|合并|合入|评审|审查)|处于打开|开放",
        "(?:awaiting|waiting (?:for|on|to be)) (?:an? )?(?:review(?:ers|s)?|approval|merge|merged|feedback)",
    ),
    _State(("open", "closed"), "unmerged|not (?:been )?merged", "(?:未|没有?)(?:被)?合(?:并|入)"),
)


def _states(text: str, kinds: Sequence[str]) -> tuple[tuple[str, ...], list[Span]]:
    """The first kind of state that ``text`` names, and where: how a thread stands is said once."""
    threads = tuple(kind for kind in kinds if kind in _THREADS)
    for state in _STATES if threads else ():
        spans = [_group(match) for match in _state_pattern(threads, state).finditer(text)]
        if spans:
            return state.states, spans
    return (), []


@cache
def _state_pattern(kinds: tuple[str, ...], state: _State) -> re.Pattern[str]:
    noun, chinese = _noun_patterns(kinds)
    said = rf"(?:(?:{_ADVERB}) ){{0,3}}(?:{state.said}){_END}"
    forms = (
        rf"(?<![\w-])({said}) {_BETWEEN}(?={noun})",
        rf"{noun}(?: (?:{_BE})){{0,6}}? ({said})",
        rf"{noun}{_REST}{{0,100}}? (?:are|is|were|was|but|and(?= (?:still|not|already))) ({said})",
        rf"{noun}{_REST}{{0,100}}? ({state.phrase}){_END}",
        rf"({state.chinese})(?:状态)?的? ?.{{0,8}}?(?={chinese})",
        rf"(?:{chinese}).{{0,12}}?({state.chinese})",
    )
    return re.compile("|".join(forms), re.I)


# --- what happened to them -------------------------------------------------------------------------------------------------


def _happened(text: str, kinds: Sequence[str]) -> Iterator[tuple[_Verb, Span]]:
    verbs = [verb for verb in _VERBS if set(verb.kinds) & set(kinds)]
    matches = list(_verb_pattern(tuple(kinds)).finditer(text))
    for match in matches or _BARE.finditer(text):
        start, end = _group(match)
        for verb in verbs:
            form = verb.any.search(text, start)
            if form and form.end() <= end:
                yield verb, (start, end)


@cache
def _verb_pattern(kinds: tuple[str, ...]) -> re.Pattern[str]:
    verbs = [verb for verb in _VERBS if set(verb.kinds) & set(kinds)]
    noun, zh = _noun_patterns(kinds)
    after = "|".join(verb.said for verb in verbs)
    before = "|".join(filter(None, (form for verb in verbs for form in (verb.said, verb.before))))
    base = "|".join(verb.base for verb in verbs)
    chinese = "|".join(verb.chinese for verb in verbs) + rf"|(?<![a-z])(?:{base}|{after})(?![a-z])"  # "merge 的 PR"
    chain = r"(?:{0}){1}(?:(?: ?,(?: and| or)? | and | or | ?/ ?| & )(?:(?:{2}) ){{0,3}}(?:{0}){1}){{0,4}}"
    behind, ahead = (chain.format(form, _END, _ADVERB) for form in (after, before))
    forms = (
        rf"(?<![\w-])((?:(?:{_ADVERB}) ){{0,3}}{ahead}) {_BETWEEN}(?={noun})",
        rf"{noun}(?: (?:{_BE})){{0,6}}? ((?:(?:{_ADVERB}) ){{0,3}}{behind})",
        rf"{noun}{_REST}{{0,60}}? ((?:did|have|has) (?:[\w{GAP}]+ ){{1,3}}?(?:{base}|{after})){_END}",
        rf"\bdid {_REST}{{0,60}}?{noun} ((?:{base}){_END})",
        rf"{noun}{_REST}{{0,100}}? (?:was|were|is|are|got|been|being) ((?:(?:{_ADVERB}) ){{0,3}}{behind})",
        rf"{noun}{_REST}{{0,100}}? ({behind})(?= ?(?:$|[?.!]|(?:(?:in|on|during|since|by|to) )?{GAP}))",
        rf"((?:{chinese})(?:[了掉过]|(?= ?(?:的|哪些|什么|多少|几个)))) ?.{{0,10}}?(?={zh})",
        rf"((?<![重更])新)(?:出|一批)?的? ?(?={zh})",
        rf"(?:{zh}).{{0,12}}?(?:被|已经?|有) ?({chinese})",
        rf"(?:{zh})[^。?!;]{{0,12}}?((?:{chinese})[了过]?(?:的|几个|多少|哪些)?)(?= ?(?:$|[?。,;!]))",
    )
    return re.compile("|".join(forms), re.I)


@cache
def _noun_patterns(kinds: tuple[str, ...]) -> tuple[str, str]:
    english = "|".join(NOUNS[kind] for kind in kinds)
    return rf"(?<![\w-])(?:{english}){_END}", "|".join(_CHINESE_NOUNS[kind] for kind in kinds)


def _nouns(text: str, kinds: Sequence[str]) -> Iterator[Span]:
    noun, zh = _noun_patterns(tuple(kinds))
    for match in re.finditer(rf"(?<![\w-])(?:(?:{_WHICH}) ){{0,3}}{noun}|{zh}", text, re.I):
        yield match.span()


def _group(match: re.Match[str]) -> Span:
    """The span of the one group that matched."""
    at = match.lastindex or 0
    return match.span(at)


def blanked(text: str, spans: Iterable[Span], mark: str = GAP) -> str:
    """``text`` of the same length, each character of ``spans`` replaced by ``mark``."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = mark * (end - start)
    return "".join(characters)
