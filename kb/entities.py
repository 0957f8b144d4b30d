"""Repositories, kinds of record, kinds of change and exact identifiers that a question names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kb.errors import QueryError

Span = tuple[int, int]


@dataclass(frozen=True)
class KnownRepo:
    """A repository that can be asked about: ``name`` is "owner/name"; its name part is always an alias."""

    name: str
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that it is called."""
        return tuple(dict.fromkeys((self.name, self.name.rpartition("/")[2], *self.aliases)))


@dataclass(frozen=True, slots=True)
class Mention:
    """Repositories meant by ``start:end`` of the text; ``marked`` where the words around it say that this is where to look."""

    start: int
    end: int
    repos: tuple[str, ...]
    marked: bool


@dataclass(frozen=True, slots=True)
class Identifier:
    """An exact name: ``form`` is ref (#n), sha, version or code; ``text`` is what records are searched for."""

    start: int
    end: int
    text: str
    form: str


# --- repositories ---------------------------------------------------------------------------------------------------------

_IN = re.compile(
    r"(?:\b(?:in|of|for|to|from|on|inside|within|into|across|at|by|with|under)(?: the)?|在|给|对|从|为|把|让) ?$", re.I
)
_AND = re.compile(r" ?(?:,|and|or|&|和|与|、|以及|跟|/|, and) ?", re.I)
_OWNED = re.compile(
    r"'s\b| ?(?:repo(?:sitory)?|codebase|project|library|package)\b| ?(?:仓库|项目|代码库|库|里面|里|"
    r"中(?!间)|上|这边|自带)?的?",
    re.I,
)


def mentions(text: str, repos: Sequence[KnownRepo], *, every: bool = False) -> list[Mention]:
    """Where ``text`` names a known repository, by any alias, on word boundaries, in any case.

    Where some mentions are marked as the place to look ("in flashinfer", "flashinfer's"), the unmarked ones are left
    out as part of the story, unless ``every`` one is wanted.
    """
    called: dict[str, list[str]] = {}
    for repo in repos:
        for name in repo.names:
            called.setdefault(name.casefold(), []).append(repo.name)
    if not called:
        return []
    names = "|".join(re.escape(name) for name in sorted(called, key=len, reverse=True) if name)
    pattern = re.compile(rf"(?<![A-Za-z0-9_./@-])({names})(?![A-Za-z0-9_]|[./-][A-Za-z0-9_])", re.I)
    found: list[Mention] = []
    for match in pattern.finditer(text):
        owned = _OWNED.match(text, match.end())
        chained = bool(found) and found[-1].marked and _AND.fullmatch(text, found[-1].end, match.start()) is not None
        marked = (
            chained
            or bool(owned and owned.group().strip())
            or _IN.search(text, max(0, match.start() - 12), match.start()) is not None
        )
        found.append(Mention(match.start(), match.end(), tuple(called.get(match[1].casefold(), ())), marked))
    return found if every else [mention for mention in found if mention.marked] or found


def mention_span(text: str, mention: Mention) -> Span:
    """The mention with the words that only lead to it ("in the … repo", 的)."""
    before = _IN.search(text, max(0, mention.start - 12), mention.start)
    owned = _OWNED.match(text, mention.end)
    return before.start() if before else mention.start, owned.end() if owned else mention.end


def resolve_repos(names: Iterable[str], known: Sequence[KnownRepo]) -> tuple[str, ...]:
    """Full names of the repositories that filters name.

    Raises:
        QueryError: one is not known.
    """
    result: list[str] = []
    for name in names:
        low = name.strip().casefold().removesuffix("/").removesuffix(".git").removeprefix("https://github.com/")
        matching = [repo.name for repo in known if low in (alias.casefold() for alias in repo.names)]
        if not matching:
            listed = ", ".join(repo.name for repo in known) or "none yet"
            raise QueryError(f"unknown repository {name!r}", remedy=f"known repositories: {listed}")
        result.extend(matching)
    return tuple(dict.fromkeys(result))


# --- kinds of change ------------------------------------------------------------------------------------------------------

_WORK = (
    r"(?:-related)?(?: (?:work|change[sd]?|improvements?|update[sd]?|fixes|optimi[sz]ations?|commits|prs|"
    r"patches|tuning|gains?|wins?|additions?))\b"
)
_FACETS = (
    (
        "revert",
        r"\b(?:backed out(?: \(reverted\))?|back-?outs?|reverts?|reverted|reverting|rolled back|"
        r"roll-?backs?|undone)\b(?: (?:commits|changes|prs))?|"
        r"(?:被)?(?:回退|回滚|撤回|撤销)(?:了|掉)?(?:的)?",
    ),
    (
        "breaking",
        r"\bbreaking(?:[ -]api)?(?: changes?)?\b|\b(?:backwards?[- ])?incompatible(?: changes?)?\b|"
        r"\bapi breaks?\b|(?:不兼容|破坏性)的?(?:改动|变更|变化|更新)?",
    ),
    ("feature", r"\bnew features?\b|\b(?:what|which|any|all) features\b|新(?:功能|特性)|(?:哪些|什么)(?:功能|特性)"),
    (
        "security",
        rf"\bsecurity{_WORK}|\bsecurity (?:issues|vulnerabilities)|\bvulnerabilit(?:y|ies)\b|\bcves?\b|"
        rf"安全(?:相关的?)?(?:修复|问题|更新|改动|漏洞)",
    ),
    (
        "performance",
        rf"\b(?:performance|perf){_WORK}|\bspeed-?ups\b|\boptimi[sz]ations\b|性能(?:方面的?|"
        rf"相关的?)?(?:优化|改进|提升|工作|改动|更新)",
    ),
    (
        "docs",
        rf"\b(?:documentation|docs?|docstring){_WORK}|\b(?:docs|documentation)(?= ?(?:$|[?.,\ue000]| (?:were|have)\b))|"
        rf"文档(?:方面的?|相关的?)?(?:更新|改动|变化|变更|修改|提交)",
    ),
    (
        "test",
        rf"\b(?:unit )?tests?{_WORK}|\bnew (?:unit )?tests\b|测试(?:方面的?|相关的?)?(?:更新|改动|变化|变更|修改|提交)|新测试",
    ),
    (
        "ci",
        rf"\bci(?:/cd)?{_WORK}|\bci(?:/cd)?(?= ?(?:$|[?.,\ue000]))|ci ?(?:方面的?|相关的?)?(?:更新|改动|变化|变更|修改|提交)",
    ),
    (
        "refactor",
        rf"\brefactor(?:s|ings?)?{_WORK}|\brefactor(?:s|ings|ed)\b|\bclean-?ups\b|(?:哪些|什么)重构|"
        rf"重构(?:了(?:哪些|什么)|有哪些|工作|改动)",
    ),
    (
        "dependency",
        r"\bdependency (?:bumps?|updates?|upgrades?|changes?)\b|依赖(?:项|"
        r"库)?的?(?:升级|更新|变化|变更|改动)",
    ),
    (
        "release",
        r"\bversion bumps?\b|版本(?:升级|更新)(?:有哪些)?|\bwhat (?:was|were|got|has been|is being) released\b|"
        r"发布了(?:什么|哪些)(?= ?(?:$|[?.,;\ue000]))|"
        r"\bversions(?: (?:was|were|have been|has been|got|\ue000))* (?:cut|released|published|tagged|shipped|came out)\b|"
        r"\b(?:cut|released|published|tagged) versions\b|"
        r"发布了?(?:哪些|什么|几个|多少)(?:个|新|新的)?版本|(?:哪些|新)版本(?:被)?发布",
    ),
    (
        "model",
        r"\bnew models?(?: support)?\b(?: (?:(?:are|were|was|is|got|have been) )?(?:supported|enabled|added)\b)?|"
        r"\bmodel (?:support|additions?|enablement)\b|新(?:增的?)?模型(?:支持)?|模型支持",
    ),
    (
        "hardware",
        r"\b(?:new )?hardware (?:support|enablement)\b|\bnew (?:gpus?|(?:gpu )?architectures?)\b|新硬件(?:支持)?|硬件支持",
    ),
    (
        "fix",
        r"\bbug[ -]?fix(?:es)?\b|\bfixes\b|\bbugs? (?:that )?(?:were |was |got |have been )?(?:fixed|"
        r"resolved)\b|\bwhat (?:was|were|got|has been|have been) fixed\b|"
        r"(?:bug|错误|问题|缺陷) ?修复|(?:哪些|什么)[^,。?]{0,12}的?修复|修复?了(?:什么|哪些 ?(?:bug|问题|"
        r"错误|缺陷)s?)|修复有哪些",
    ),
)
_FACET_PATTERNS = tuple((facet, re.compile(pattern, re.I)) for facet, pattern in _FACETS)
_FACET_WORD = re.compile(r"(?:(?:bug|错误|问题|缺陷) ?)?修复(?:有哪些)?$")


def asked_facets(text: str) -> tuple[tuple[str, ...], tuple[Span, ...]]:
    """Kinds of change that a set question asks for, and the spans of the words that say so."""
    facets: list[str] = []
    spans: list[Span] = []
    for facet, pattern in _FACET_PATTERNS:
        for match in pattern.finditer(text):
            if any(start < match.end() and end > match.start() for start, end in spans):
                continue
            facets.append(facet)
            word = _FACET_WORD.search(match.group())
            spans.append((match.start() + word.start() if word else match.start(), match.end()))
    return tuple(dict.fromkeys(facets)), tuple(spans)


_BARE = {
    "revert": "revert reverts reverted reverting",
    "breaking": "breaking incompatible",
    "feature": "feature features",
    "fix": "fix fixes fixed fixing bug bugs bugfix bugfixes",
    "performance": "performance perf optimize optimization optimizations speedup speedups",
    "docs": "doc docs documentation",
    "test": "test tests testing",
    "ci": "ci",
    "refactor": "refactor refactors refactoring refactorings refactored cleanup cleanups",
    "dependency": "dependency dependencies deps",
    "security": "security",
    "hardware": "hardware",
}
_BARE_FACETS = {word: facet for facet, words in _BARE.items() for word in words.split()}
_BESIDE_FACETS = frozenset(
    [
        "the",
        "a",
        "new",
        "and",
        "or",
        "any",
        "all",
        "only",
        "work",
        "change",
        "changes",
        "changed",
        "update",
        "updates",
        "commit",
        "commits",
        "pr",
        "prs",
    ]
)


def bare_facets(topic: str) -> tuple[str, ...]:
    """Kinds of change of which a topic (in English terms) consists, and of nothing else: "fixes", "docs and tests"; else ()."""
    words = [word for word in re.findall(r"[^\s,/&]+", topic.casefold()) if word not in _BESIDE_FACETS]
    found = [_BARE_FACETS.get(word, "") for word in words]
    return tuple(dict.fromkeys(found)) if all(found) else ()


# --- identifiers ----------------------------------------------------------------------------------------------------------

_L = r"(?<![A-Za-z0-9_])"
_R = r"(?![A-Za-z0-9_])"
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,150}"
_SHA = rf"{_L}(?=[0-9a-f]{{0,39}}[0-9])(?=[0-9a-f]{{0,39}}[a-f])[0-9a-f]{{7,40}}{_R}(?!-)"
_GITHUB = r"(?:https?://|(?<![A-Za-z0-9_./-]))(?:www\.)?github\.com/(?P<repo>[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})"
_NEW_ARXIV_ID = r"([0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5}(?:v[0-9]{1,2})?)"
_ARXIV_ID = r"([0-9]{4}\.[0-9]{4,5}(?:v[0-9]{1,2})?|[a-z-]{2,10}(?:\.[a-z]{2})?/[0-9]{7}(?:v[0-9]{1,2})?)"
_FORMS = (
    ("code", r"`([^`]{1,200})`"),
    (
        "url",
        rf"{_GITHUB}/(?:(?P<kind>pull|issues)/(?P<number>[0-9]{{1,7}})(?![0-9]|/commits/)|"
        rf"(?:pull/[0-9]{{1,7}}/)?commits?/(?P<sha>[0-9a-f]{{7,40}})|"
        r"releases/tag/(?P<tag>[^\s,;)?#\"'<>]{1,100}))[^\s,;)]{0,200}",
    ),
    (
        "arxiv",
        rf"(?:https?://|(?<![A-Za-z0-9_./-]))(?:www\.)?(?:arxiv\.org/(?:abs|pdf|html)/|"
        rf"huggingface\.co/papers/){_ARXIV_ID}(?:\.pdf)?",
    ),
    ("skip", r"https?://[^\s<>)]{1,500}"),
    ("ref", r"(?<![A-Za-z0-9_./-])([A-Za-z0-9_.-]{1,60}/[A-Za-z0-9_.-]{1,100}#[0-9]{1,7})" + _R),
    ("arxiv", rf"{_L}arxiv[: ]? ?{_ARXIV_ID}{_R}"),
    ("arxiv", rf"(?<![A-Za-z0-9_.-]){_NEW_ARXIV_ID}(?![A-Za-z0-9_]|[.-][0-9])"),
    ("number", rf"{_L}(?:prs?|pull requests?|merge requests?|mr|gh)[ -]?(?:no\.? ?|number )?#?([0-9]{{1,7}}){_R}(?![.-][0-9])"),
    ("number", rf"{_L}issue (?:no\.? ?|number )?(?:#([0-9]{{1,7}})|([0-9]{{3,7}})){_R}(?![.-][0-9])"),
    (
        "number",  # with so few digits the verb must be ruled out: "warps issue 2 loads"
        rf"(?<!can )(?<!to )(?<!we ){_L}issue ([0-9]{{1,2}}){_R}(?= ?(?:$|[?!,;]|[.](?![0-9])|"
        r"(?:was|is|been|closed|open|merged|still|fixed|about|say|says)\b))",
    ),
    ("number", rf"(?:工单|议题|拉取请求|合并请求) ?#?([0-9]{{1,7}}){_R}"),
    ("number", rf"第? ?([0-9]{{1,7}}) ?号 ?(?:prs?|issues?|工单|议题|拉取请求){_R}"),
    ("number", rf"(?<![&/#])#([0-9]{{1,7}}){_R}"),
    ("sha", rf"(?:(?<=commit )|(?<=commits )|(?<=sha )|(?<=提交 )|(?<=提交)|(?<=@))([0-9a-f]{{7,40}}){_R}"),
    ("sha", rf"({_SHA})"),
    ("code", r"(?<![A-Za-z0-9_-])(--[A-Za-z][A-Za-z0-9_-]{1,80}(?:=[A-Za-z0-9_./-]{1,80})?)"),
    (
        "code",
        r"(?<![A-Za-z0-9_./-])((?:\.{0,2}/)?(?:[A-Za-z0-9_.-]{1,80}/){1,15}[A-Za-z0-9_-]{1,80}(?:\.[A-Za-z0-9]{1,8}){1,2}|"
        r"(?:\.{0,2}/)?(?:[A-Za-z0-9.-]{0,40}_[A-Za-z0-9_.-]{0,80}/)+[A-Za-z0-9_.-]{0,80}|"
        r"(?:[a-z][A-Za-z0-9_.-]{1,60}/){2,15}[A-Za-z0-9_-]{1,60}|"
        r"(?:src|csrc|include|tests?|docs?|lib|python|benchmarks?|examples?|scripts|tools|cmake|\.github)/[A-Za-z0-9_.-]{0,80})"
        + _R,
    ),
    ("code", rf"{_L}({_NAME}(?:(?:::|->){_NAME}){{1,8}}(?:\(\))?)"),
    ("code", rf"(?<![A-Za-z0-9_.@])({_NAME}(?:\.{_NAME}){{1,8}}(?:\(\))?){_R}"),
    (
        "version",
        r"(?<![A-Za-z0-9_.-])(v?[0-9]{1,4}(?:\.[0-9]{1,6}){2,3}(?:[.-]?(?:rc|post|dev|alpha|beta|a|"
        r"b)[0-9]{0,4})?|v[0-9]{1,4}\.[0-9]{1,4})" + r"(?![A-Za-z0-9_]|\.[0-9])",
    ),
    ("code", rf"{_L}([A-Za-z0-9]{{0,80}}_[A-Za-z0-9_]{{0,150}}[A-Za-z0-9_](?:\(\)|=[A-Za-z0-9_.]{{1,40}})?)"),
    ("code", rf"{_L}([sS][mM][0-9]{{2,3}}[a-f]?){_R}"),
    ("camel", rf"{_L}([A-Za-z][a-z0-9]{{1,40}}(?:[A-Z]{{1,6}}[a-z0-9]{{1,40}}){{1,12}}[A-Z]{{0,4}}){_R}"),
    ("camel", rf"{_L}([A-Z]{{2,6}}[a-z]{{2,40}}(?:[A-Z][a-z0-9]{{1,40}}){{1,12}}){_R}"),
)
_URL = re.compile(
    r"https?://[^\s<>)]{1,500}|(?<![\w.-])(?:www\.)?(?:github\.com|arxiv\.org|huggingface\.co)/[^\s<>)]{1,500}", re.I
)
_FORM_PATTERNS = tuple(
    (form, re.compile(pattern, re.I if form in ("number", "url", "version", "arxiv") else 0)) for form, pattern in _FORMS
)
# Names of products and people's abbreviations that look like code.
_PRODUCTS_TEXT = """
    deepseek deepgemm deepep deepspeed pytorch github gitlab flashinfer flashattention flashmla flashmlasparse openai
    huggingface tensorflow tensorrt cutile cublas cudnn cutlass megamoe macos javascript typescript postgresql mysql
    youtube linkedin powerpc openmp opencl openmpi fastapi numpy scipy jax xgrammar stackoverflow bfloat16 mixtral
    qwen chatgpt modelscope sglang vllm nvlink nvshmem infiniband turboquant minimax openpangu longcat
"""
_PRODUCTS = frozenset(_PRODUCTS_TEXT.split())
_ABBREVIATIONS = frozenset({"e.g", "i.e", "a.k.a", "vs.", "etc", "u.s", "u.k", "p.s"})
_SENTENCE_START = re.compile(r"\.(?:Which|What|Where|When|Who|Why|How|The|This|That|It|In|On|Fix|Fixed|List|And|But|If|A|An)$")


def identifiers(text: str, *, blocked: Sequence[Span] = (), notes: Sequence[Span] = ()) -> list[Identifier]:
    """Exact names in order of appearance, first occurrence only; nothing inside ``blocked`` spans.

    A version in ``notes`` (see ``release_notes``) is a reference.
    """
    taken = bytearray(len(text))
    for start, end in blocked:
        taken[start:end] = b"\1" * (end - start)
    found: list[Identifier] = []
    for form, pattern in _FORM_PATTERNS:
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            items = list(_read(form, match))
            if items or form == "skip":
                taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
            found.extend(items)
    unique: dict[str, Identifier] = {}
    for item in sorted(found, key=lambda item: item.start):
        unique.setdefault(item.text, replace(item, form="ref") if (item.start, item.end) in notes else item)
    return list(unique.values())


_VERSION = r"v?[0-9]+(?:\.[0-9A-Za-z]+){1,4}"
_NOTES = re.compile(
    rf"\b(?:release notes|changelog)(?: (?:of|for|in|from))?(?: the)?(?: release)? (?:[A-Za-z0-9_./-]+ )?(?P<of>{_VERSION})|"
    rf"\b(?:does|did|do|says?|in) (?:the )?(?:[A-Za-z0-9_./-]+ )?release(?: notes?)?(?: of| for)? (?P<says>{_VERSION})"
    r"(?= (?:say|mention|note|tell|claim|list|describe))|"
    rf"\bwhen (?:was|did) (?:[A-Za-z0-9_./-]+ )?(?P<when>{_VERSION}) "
    r"(?:released|published|tagged|cut|come out|out|land|ship)|"
    rf"(?P<zh>{_VERSION}) ?(?:版本)?(?:的? ?(?:发布说明|发行说明|更新日志|release notes?)|(?:是)?(?:什么时候|何时|哪天)发布)",
    re.I,
)


def release_notes(text: str) -> list[Span]:
    """Where ``text`` names a release by its version to ask what its notes say or when it was, and not what changed in it."""
    return [match.span(match.lastgroup or 0) for match in _NOTES.finditer(text)]


def urls(text: str) -> list[Span]:
    """Where ``text`` has addresses: what looks like a date or a version there is none."""
    return [match.span() for match in _URL.finditer(text)]


def _linked(match: re.Match[str]) -> Identifier:
    """The record that an address on GitHub leads to."""
    start, end = match.span()
    if match["sha"]:
        return Identifier(start, end, match["sha"], "sha")
    text = f"{match['repo']}#{match['number']}" if match["number"] else f"{match['repo']}@{match['tag']}"
    return Identifier(start, end, text, "ref")


def _read(form: str, match: re.Match[str]) -> Iterator[Identifier]:
    start, end = match.span()
    if form == "url":
        yield _linked(match)
    elif form == "number":
        digits = next(group for group in match.groups() if group)
        yield Identifier(start, end, f"#{digits}", "ref")
    elif form == "arxiv":
        yield Identifier(start, end, f"arXiv:{match[1]}", "ref")
    elif form == "camel":
        if match[1].lower() not in _PRODUCTS and len(match[1]) >= 6:
            yield Identifier(start, end, match[1], "code")
    elif form == "code":
        word = match[1].strip()
        glued = _SENTENCE_START.search(word)
        plain = (
            word.lower() in _ABBREVIATIONS or (len(word) < 4 and not word.startswith("_")) or not re.search(r"[A-Za-z]", word)
        )
        if not (glued or plain or not word.strip("_")):
            yield Identifier(start, end, word, "code")
    elif form != "skip":
        yield Identifier(start, end, match[1], form)
