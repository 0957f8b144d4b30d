"""Words that change what a reader does or believes, each with what the records have to say for it to stand. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from kb.classify import labels
from kb.facts import Facts, Said, plain
from kb.types import Record


class Ground:
    """What the cited records say, in lower case: ``text`` without the patch, which vouches for fewer things."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.said = Said(records, Facts())

    @cached_property
    def text(self) -> str:
        return f"{self.said.folded}\n{plain(' '.join(label for one in self.records for label in one.labels)).lower()}"

    @cached_property
    def prose(self) -> str:
        """Without numbers of pull requests, paths and the like."""
        return plain("\n".join(f"{one.title}\n{one.body}" for one in self.records)).lower()

    @cached_property
    def whole(self) -> str:
        return f"{self.text}\n{self.said.patch.lower()}"

    @cached_property
    def labels(self) -> frozenset[str]:
        return frozenset[str]().union(*(labels(one) for one in self.records))

    @cached_property
    def events(self) -> frozenset[str]:
        return frozenset(event.kind for one in self.records for event in one.events)

    @cached_property
    def proposals(self) -> bool:
        """Whether all that is cited asks for something or proposes it."""
        return all(one.kind == "issue" or (one.kind == "pull" and one.state != "merged") for one in self.records)


@dataclass(frozen=True)
class Rule:
    """``claims`` finds the words, ``holds`` says whether the records bear them out."""

    claims: re.Pattern[str]
    holds: Callable[[Ground], bool]


# "No breaking changes" bears out nothing.
_DENIED = re.compile(
    r"\b(?:no|not|non|nothing|without|never|isn't|aren't|doesn't|neither)[ -](?:\w+ ){0,3}?(?:breaking|incompatib\w*"
    r"|deprecat\w*|secur\w*|vulnerab\w*|released?|merged)\b|(?:没有|无|非|不是|并未|未)(?:引入|包含)?(?:任何)?(?:破坏性|不兼容|安全|发布|合并|弃用)"
)


def _says(words: str, *, label: str = "", patch: bool = False) -> Callable[[Ground], bool]:
    """Whether the records have one of the words, or are of that kind of change."""
    pattern = re.compile(words)

    def holds(ground: Ground) -> bool:
        said = _DENIED.sub(" ", ground.whole if patch else ground.text)
        return bool(pattern.search(said)) or label in ground.labels

    return holds


def _merged(ground: Ground) -> bool:
    return bool(ground.events & {"merged", "landed"}) or _says(r"\bmerged\b|\blanded\b|合并|合入")(ground)


def _released(ground: Ground) -> bool:
    public = {"release", "post", "model", "paper"}
    return any(one.kind in public for one in ground.records) or _says(r"releas|\bship|publish|发布|发版")(ground)


def _removed(ground: Ground) -> bool:
    gone = any(file.deletions or file.status == "D" for one in ground.records for file in one.files)
    return gone or _says(r"remov|delet|\bdrop|eliminat|strip|get rid|no longer|revert|移除|删除|去掉|取消")(ground)


def _rule(claims: str, holds: Callable[[Ground], bool]) -> Rule:
    return Rule(re.compile(claims, re.I), holds)


RULES = (
    _rule(
        r"\b(?:was|were|is|are|been|got|now|already) merged\b|\blanded\b|\bmerged into\b|已合并|已合入|合入了|合并到主", _merged
    ),
    _rule(
        r"\b(?:was|were|is|are|been|now) (?:released|shipped|published)\b|\breleased (?:in|as|with|on|today)\b"
        r"|\bships? (?:in|with)\b"
        r"|\bnew release\b|\band (?:(?:was|is|now|already) )?(?:released|shipped|published)\b"
        r"|已发布|正式发布|发布了|发版|并(?:已|正式)?发布",
        _released,
    ),
    _rule(r"\bbreaking\b|破坏性", _says(r"\bbreaking\b|\bbreaks? (?:the )?(?:api|abi|compat)|破坏性", label="breaking")),
    _rule(
        r"\bincompatib|\bnot backwards?[- ]compatib|不兼容",
        _says(r"incompatib|\bbreaking\b|不兼容|破坏性", label="breaking"),
    ),
    _rule(r"\bdeprecat|弃用|废弃", _says(r"deprecat|弃用|废弃", patch=True)),
    _rule(r"\b(?:remov|delet|eliminat)(?:e[sd]?|ing|al)\b|\bdrop(?:s|ped) (?:the |support)|移除|删除|去除|取消了", _removed),
    _rule(r"\bsecur|\bvulnerab|\bCVE\b|漏洞", _says(r"\bsecur|vulnerab|\bcve\b|漏洞|安全", label="security")),
    _rule(r"安全", _says(r"\bsecur|vulnerab|\bcve\b|safe|漏洞|安全", label="security")),
    _rule(r"\bexploit(?:s|ed|able)?\b", _says(r"exploit|利用")),
    _rule(
        r"\bfaster\b|\bquicker\b|\bspeed(?:s|ed|ing)?[- ]?ups?\b|\baccelerat|\bperformance (?:gain|improve|boost|increase|win)"
        r"|\b(?:improv|boost|increas|better|higher)\w* (?:\w+ ){0,2}(?:performance|throughput|bandwidth|speed|efficiency)\b"
        r"|\b(?:reduc|lower|cut|decreas|less)\w* (?:\w+ ){0,2}(?:latency|overhead|time|memory)\b|\boptimi[sz]|\bmore efficient"
        r"|加速|提速|更快|更高效|优化|(?:提升|提高|改善).{0,8}(?:性能|吞吐|效率|速度)|(?:性能|吞吐|效率|速度).{0,4}(?:提升|提高)"
        r"|(?:降低|减少|缩短).{0,8}(?:延迟|开销|时间|显存|内存)",
        _says(
            r"perf|fast|quick|speed|accelerat|latenc|through\s?put|bandwidth|optimi[sz]|overhead|slow|efficien|bottleneck|flops|memory"
            r"|reduc|\d ?(?:x|ms|us|µs)\b|\d ?%|性能|加速|优化|延迟|吞吐|开销|显存|内存|快|慢",
            label="performance",
        ),
    ),
    _rule(
        r"\b(?:fix|resolv|repair)(?:e[sd]|s|ing)?\b|\bbug ?fix|修复|修正|解决了",
        _says(
            r"\bfix|bug|resolv|repair|correct|issue|wrong|error|crash|fail|hang|leak|race|deadlock|regress|broken|nan\b|overflow|invalid"
            r"|mismatch|missing|prevent|avoid|修|错误|问题|崩溃|失败",
            label="fix",
        ),
    ),
    _rule(
        r"\brevert(?:s|ed|ing)?\b|\broll(?:s|ed|ing)? back\b|回退|回滚|撤回|撤销",
        lambda ground: (
            any(one.linked("reverts") for one in ground.records)
            or _says(r"revert|roll\w* ?back|back\w* out|undo|回退|回滚|撤")(ground)
        ),
    ),
    _rule(r"\b(?:by|as the) default\b|\bdefaults? to\b|默认", _says(r"default|默认", patch=True)),
    _rule(
        r"\b(?:significant|substantial|dramatic|massive|huge|considerabl|revolution|game[- ]chang|major|critical|crucial"
        r"|seamless|robust|comprehensive|powerful)\w*|显著|大幅|极大|重大|全面|革命性|至关重要|强大",
        _says(
            r"significan|substantial|dramatic|massive|huge|considerabl|major|critical|crucial|seamless|robust|comprehensive|powerful"
            r"|显著|大幅|极大|重大|全面|关键|强大"
        ),
    ),
    _rule(
        r"\b(?:all|the) tests? (?:\w+ )?pass|\b(?:was|were|been|is|are) (?:\w+ )?(?:tested|verified|validated|benchmarked)\b"
        r"|测试(?:均|全部|已)?通过|经过?(?:测试|验证)",
        _says(r"test|verif|validat|benchmark|\bci\b|测试|验证"),
    ),
    _rule(
        r"\b(?:everyone|all users|users should|should upgrade|must upgrade|recommended to|highly recommend)"
        r"|建议(?:尽快|立即)?升级|强烈建议",
        _says(r"everyone|users|upgrade|recommend|升级|建议"),
    ),
    _rule(
        r"\b(?:the|this) (?:evidence|prompt|excerpt|provided (?:text|data))\b|\btruncated\b|\bas an? (?:ai|language model)\b"
        r"|\bS\d{1,2}\b|证据|提示词|作为(?:一个)?(?:AI|人工智能|语言模型)|未截断|被截断",
        _says(r"evidence|prompt|excerpt|truncat|\bs\d{1,2}\b|language model|证据|提示|截断"),
    ),
)
