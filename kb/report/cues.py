"""What words tell of a sentence: what was done, why, what was measured, and what a reader of a report does not need. Pure."""

from __future__ import annotations

import re

from kb.telling import TESTS


def _words(*phrases: str) -> re.Pattern[str]:
    """Any of the phrases (each a regular expression) as whole words, in any case."""
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.I)


# --- what a change does, and why ---------------------------------------------------------------------------------------------

STEMS = (
    "accelerat|add|adjust|align|allow|apply|appli|avoid|bump|cach|chang|clamp|clean|configur|consolidat|convert|correct|creat"
    "|decoupl|dedup|defer|delet|deprecat|detect|disabl|drop|eliminat|emit|enabl|enforc|ensur|expand|expos|extend|fall|fix"
    "|forward|fus|generaliz|guard|handl|hoist|implement|improv|includ|increas|inlin|introduc|keep|let|limit|loosen|lower|mak"
    "|map|mark|merg|migrat|mov|optimiz|overlap|pass|pin|port|precomput|prevent|propagat|provid|rais|re-enabl|read|redirect"
    "|reduc|refactor|register|reject|relax|remov|renam|reorder|replac|requir|resolv|respect|restor|return|reus|revert|rework"
    "|rout|run|select|set|simplif|skip|sort|split|stop|stor|support|swap|switch|tighten|trigger|turn|unif|unroll|updat|upgrad"
    "|us|validat|vectoriz|wir|wrap|writ"
)
STARTS_WITH_VERB = re.compile(
    rf"\W*(?:(?:now|also|only|correctly|properly|gracefully|temporarily|dynamically) )?"
    rf"(?:(?:{STEMS})(?:y|ies|ied|e?s|e?d|ing|[a-z]?ed|[a-z]?ing|e)?|don't)\b"
    r"|[^，。]{0,16}(?:修复|支持|新增|增加|添加|移除|删除|优化|重构|替换|引入|实现|改进|更新|启用|禁用|检查|返回|改为)",
    re.I,
)
STATES = _words("is", "are", "was", "were", "has", "have", "now", "needed", "does", "doesn't", "can", "cannot", "causes?")
REPAIRS = re.compile(r"\b(?:fix|bug|hotfix|repair|correct)|修复", re.I)
PAST = re.compile(
    r"\b(?:previous(?:ly)?|before(?: this)?|current(?:ly)?|was|were|used to|until now|prior to|at the moment|today|existing"
    r"|had been"
    r"|originally|without this)\b|之前|目前|当前|原来",
    re.I,
)
WRONG = re.compile(
    r"\b(?:fail(?:s|ed|ing|ures?)?|errors?|wrong(?:ly)?|incorrect\w*|invalid|crash\w*|hangs?|hung|dies|died|stuck"
    r"|freez\w*|garbage|gibberish|unable|deadlock\w*|leak\w*|race|silent(?:ly)?|regress\w*|nans?|overflow\w*|oom"
    r"|out of memory|corrupt\w*|broke\w*|breaks?|missing|mismatch\w*|slow\w*"
    r"|redundant|unnecessar\w*|overhead|bottleneck\w*|illegal|undefined|stale|segfault\w*|unsupported|not supported|rejects?"
    r"|cannot|can't|(?:do|does|did)(?: not|n't)|never|no longer|bug|buggy|hardcod\w+|harm\w*|degraded|assum\w+|too \w+)\b"
    r"|报错|错误|失败|崩溃|乱码|卡住|泄漏|越界|死锁|不支持|无法|问题",
    re.I,
)
BENEFIT = re.compile(
    r"\b(?:allow(?:s|ing)?|enabl(?:es|ing)|lets|makes? it (?:possible|easier)|so that|in order to|useful|helps?|instead of"
    r"|to (?:better )?(?:avoid|prevent|ensure|support|reduce|improve|allow|enable|make|match|keep|unblock)"
    r"|required (?:for|by|to)|needed (?:for|by|to|when)|rather than|ensur(?:es|ing)|match(?:es|ing)? the)\b"
    r"|使得|以便|避免|确保",
    re.I,
)
BETTER = re.compile(
    r"\b(?:outperform\w*|faster|slower|cheaper|better (?:than|performance|throughput|latency))\b|\d\s?(?:→|->) ?\d", re.I
)
_MEASURE = re.compile(
    r"\b\d+(?:\.\d+)?(?:[x×](?!\w)|\s?%|\s?(?:us|µs|μs|ms|ns|s|TFLOPS|TFLOPs?(?:/s)?|TB/s|GB/s|GiB|MiB|GB|MB|KB|tok/s)(?!\w))",
    re.I,
)
_GAIN = re.compile(
    r"\b(?:speed(?:s|ed)?[- ]?ups?|faster|reduc\w+|improv\w+|saves?|lower\w*|decreas\w+|increas\w+|outperform\w*|boost\w*"
    r"|throughput|latency|from|up to|yields?|gains?|drops?)\b|提升|加速|降低|减少",
    re.I,
)

# --- what weakens a sentence -------------------------------------------------------------------------------------------------

FAILS = _words(r"fail\w*|regress\w*|crash\w*|hang\w*|broke\w*|flaky|errors?")
UNCHANGED = _words(
    r"no (?:functional|behaviou?r\w*|api|user|runtime|public|perf\w*|other|breaking|new|changes?)",
    r"unchanged|remains? the same|backwards?[- ]compatib\w+|non-functional|copied|ported from",
)
TRIVIAL = _words(
    r"readme|changelog|docstrings?|comments?|documentation|docs?|typos?|lint\w*|format|codeowners|license|imports?",
    r"unit tests?|regression tests?|test cases?|version (?:bumped|updated)|artifact|checksums?|was done|refactor(?:ed|ing)",
    r"code (?:cleanup|quality|organization)",
)
FLOURISH = _words(
    r"comprehensive|enhanc\w+|streamlin\w+|robust\w*|seamless\w*|production-ready|flexibility|modern|broader|wider|low-risk",
    r"reliability|clarity|maintainability|consistency|improved (?:code|overall)|better (?:user|developer)",
    r"for (?:better|improved|enhanced|correct) \w+|improving (?:stability|flexibility|usability)|internal",
)
OF_TESTS = re.compile(rf"(?i:{TESTS.pattern}|\bbenchmark(?:s|ed|ing)?\b)|\b[Tt]est(?:_\w|[A-Z])|_test\b")
# "`name` - what it is", "**Name:** what it is": entries of a list, no statements.
DEFINES = re.compile(r"(?:`[^`]+`|\S+\.[a-z]{1,4})(?:\([^)]*\))? (?:—|–|-|->|-->|→)|\*\*[^*`]+\*\*:? |\*\*[^*`]+:\*\* ")
_CHECKED = _words(
    r"pre-commit|reviewers?|code owners?|test plan|check ?list|rebased?|this PR is part|stacked|tested|verified",
    r"validated|sanity|locally|reproduced (?:on|with|by)|on the baseline|passed with",
    r"(?:unit|regression|existing|new) tests?|tests? (?:all |have |are |were )?(?:pass\w*|added|still|green|been|cover)",
    r"pass(?:es|ed)? (?:locally|all|on|with|\d)|\d+ (?:passed|skipped|tests)|CI (?:is|run|passes|green)",
)
_PERSONAL = re.compile(
    r"\b(?:I|I'm|I've|I'd|I'll|my|mine|me|myself|let me know|feedback|happy to|sorry|not sure|hopefully|as discussed|thanks"
    r"|thank you|on slack|take a look|PTAL|WIP|TODO|FIXME|draft|not much to see|for (?:more )?details)(?!\w)"
    r"|(?<![\w`./])@(?!\w*_)[A-Za-z][\w-]+"
)
_PLANS = _words(
    r"during this pr|after (?:the )?merge|for now|not yet (?:on|in|merged)|we (?:should|could) (?!not)\w+|out of scope|roadmap",
    r"(?:we|this pr|it)(?: are going to|'ll| will| try to| tried to| may| might| plan\w*| want to| need| split| aims? to)",
    r"(?:follow[- ]?up|future|upcoming|subsequent|next|another|separate|earlier|previous|part \d of|child|parent)"
    r" (?:prs?|work|changes?|mrs?|steps?|pull requests?)",
    r"fix-?up commit|in the future|once (?:that|this) (?:pr )?(?:gets? )?(?:merged|lands?)",
)
_POINTS_BACK = _words(
    r"(?<!without )(?<!with )(?<!before )(?:this|these|that|those) (?:fix|fixes|issue|problem|error|warning|line"
    r"|bug|function|flag|check|change|configs?|cases?|approach|feature|part|file|test|values?|kernel|script"
    r"|option|condition|mode|path|class|method|comment"
    r"|location|place|job|module|test suite)\b(?!: ?`)",
    r"(?:see|shown|listed|described|mentioned) (?:above|below)|above|below|aforementioned|for both because",
    r"(?:replaces?|fix(?:es)?|avoids?|addresses|solves?|changes?|turned|resolves?|handles?|updates?) (?:this|that|it"
    r"|them|these)",
    r"(?:fix|step|option|part|point) \d",
    r"(?:as well|too)(?=\.\Z)",
)
LEANS = re.compile(
    r"\W*(?:(?:(?:should|does)(?:n't| not)|this(?! (?:pr|patch|commit|mr|pull request)\b)|such|instead"
    r"|furthermore|moreover|additionally|in addition"
    r"|besides|now|similarly|likewise|hence|thus|therefore|otherwise|others?|again|note(?: that)?|its?|their"
    r"|same (?:as|for)|unlike|yet|both|neither|where|which|one"
    r"|in (?:this|that|these|those|which|both|such) (?:case|way)s?|all (?:other|of)|previous behaviou?r"
    r"|the (?:above|below|following|fix|first|second|third|last|rest|other|same|two|new (?:test|code)|warning|result)"
    r"|as (?:such|mentioned|above|shown|seen)|by (?:doing|this|default)"
    r"|(?:for|before|after|with|since|because|when|if) (?:this|that|these|those|they|it|so|not)"
    r"|to (?:fix|solve|address|do|achieve|avoid|make) (?:this|that|these|it)|(?:because|since)(?!.*,))\b"
    r"|(?:first|second|third|finally|lastly|next|e\.g|i\.e)[ ,.:]"
    r"|(?:(?:at|in|on|for|with|by|from|to|under|of) )?(?:any|every|each|no|the|all|two|some|many|most) "
    r"(?:other|latter|former|remaining)s?\b"
    r"|[^,]{0,80}, (?:this|these|those)(?! (?:pr|patch|commit|mr|pull request|change)\b)\b"
    r"|(?!makes?\b)\w+ (?:this|that|it|them)(?:[.,]| (?:with|by|to|from|in|and|when|so|for)\b))"
    r"|(?:此外|另外|因此|所以|但是|然而|其中|同时|这样|这|该|它|并且|而且)",
    re.I,
)

# --- what is no sentence for people ------------------------------------------------------------------------------------------

_DEMONSTRATIVE = re.compile(
    r"\b(?:this|these|those) (?P<near>[a-z][a-z-]+)"
    r"|\b(?:in|on|for|of|with|by|from|at|to|into|cover|handle|support|represent|use|select|hit|take|match|reach|accept|block(?:ed)?"
    r"|blocks|covers|handles|supports|hits) that (?P<far>[a-z][a-z-]+)\b",
    re.I,
)
_NO_NOUN = re.compile(
    r"(?:prs?|patch|commit|changes?|fix|fixes|mr|pull|merge|repo|repository|release|version|is|was|are|were|means|meant|allows|enables|causes"
    r"|makes|lets|ensures|avoids|prevents|results|leads|can|will|should|does|has|had|would|also|only|now|led|made|caused|year"
    r"|week|the|a|an|it|they|we|you|each|every|all|no|not)\Z"
)
NO_PROSE = re.compile(
    r"(?i:for|from|in) #\d+ -|[$>#|=+~\\/{}<]|\[(?![^\]]{1,120}\]\()|Traceback|File \"|at 0x"
    r"|(?:sudo|python3?|pip|git|cd|export|docker|make|cmake) (?!.*\.$)"
)
MID_THOUGHT = _words("and|or|but|so|then|which|where|as|to|for|with|of|in|on|at|from|that|than|by|nor|yet", r"e\.g|i\.e")
# Two sentences without a stop between them.
RUN_ON = re.compile(r"[\w`)] (?:Moreover|Additionally|However|Furthermore|Also|Besides),? |https?://\S+ [A-Z][a-z]+ ")

# Words that say nothing of a change by themselves.
GENERIC_WORDS = (
    "add added fix update support new latest version change code function make use file image pr now improve issue more also"
    " current via following enable implement this feature various several correct correctly it its bug api run running any all"
    " method work works"
)


def is_measured(text: str) -> bool:
    """Whether it tells a gain, or a loss, with its figure."""
    return bool(_MEASURE.search(text) and _GAIN.search(text))


def is_personal(text: str) -> bool:
    """Whether it speaks of its author or of what comes later, instead of the change."""
    return bool(_PERSONAL.search(text) or _PLANS.search(text))


def is_checked(text: str) -> bool:
    """Whether it says that something was tested or reviewed."""
    return bool(_CHECKED.search(text))


def points_back(text: str) -> bool:
    """Whether something in it is only known from the sentence before."""
    return bool(_POINTS_BACK.search(text)) or any(
        not _NO_NOUN.match(noun := (match["near"] or match["far"]).lower()) and noun[:5] not in text[: match.start()].lower()
        for match in _DEMONSTRATIVE.finditer(text)
    )
