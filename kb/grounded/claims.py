"""Claims in plain words that a model adds of its own: merged, breaking, faster, twice, on Hopper. Pure.

``kb.citations`` checks figures, names of code and quotes; a word is no figure. What is on none of the lists here, in
``kb.grounded.rules``, ``kb.grounded.figures`` or ``kb.grounded.states`` is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo

from kb.facts import plain
from kb.grounded.figures import wrong_figures
from kb.grounded.rules import RULES, Ground
from kb.grounded.states import asserted, wrong_states


def unfounded(text: str, ground: Ground, zone: tzinfo = UTC) -> str:
    """What a sentence claims in plain words that its records do not say; "" where nothing. Days are meant in ``zone``."""
    return next(_problems(plain(text), ground, zone), "")


def _problems(text: str, ground: Ground, zone: tzinfo) -> Iterator[str]:
    done = asserted(text)
    if ground.proposals and (problem := _told_as_done(done, ground)):
        yield problem
    for rule in RULES:
        if (match := rule.claims.search(done)) and not rule.holds(ground):
            yield f'claims what the record does not say: "{match[0].strip()}"'
    for name in _names(text):
        if not re.search(rf"(?<![a-z0-9]){re.escape(name.lower())}", ground.whole):
            yield f'a name that the record does not have: "{name}"'
    yield from wrong_figures(text, ground.prose)
    yield from wrong_states(text, ground, zone)


# --- questions and proposals -------------------------------------------------------------------------------------------------

_ACTS = (
    r"add(?:s|ed)|support(?:s|ed)|fix(?:es|ed)|implement(?:s|ed)|introduc(?:es|ed)|enabl(?:es|ed)|remov(?:es|ed)|resolv(?:es|ed)"
    r"|improv(?:es|ed)|optimi[sz](?:es|ed)|ship(?:s|ped)|gain(?:s|ed)|brings|brought|deliver(?:s|ed)|land(?:s|ed)|merged|address(?:es|ed)"
    r"|complet(?:es|ed)|integrat(?:es|ed)|releas(?:es|ed)"
)
_HAS_BEEN = re.compile(
    r"\b(?:was|were|been|is|are|got) (?:(?:now|already|since|fully|finally|successfully) )*(added|supported|fixed|implemented"
    r"|introduced|enabled|removed|resolved|improved|optimi[sz]ed|shipped|delivered|landed|merged|addressed|completed|integrated"
    r"|released)\b",
    re.I,
)
_DONE = re.compile(
    rf"^\W*(?:(?:[\w.'-]+ ){{0,6}}?(?:now )?)(?:{_ACTS})\b"
    r"|^(?:新增|修复|添加|引入|实现|支持)|(?:已经?|现已|正式|成功)(?:被)?(?:新增|增加|添加|支持|修复|解决|合并|合入|实现|引入|移除|发布|完成|启用|优化)"
    r"|(?:新增|增加|添加|修复|解决|实现|引入|移除|优化|合并|合入|支持|完成)了|现在(?:可以|支持|能)",
    re.I,
)
_ASKERS = (
    r"authors?|users?|issue|thread|reporter|requester|proposal|RFC|question|discussion|poster|developer|contributor|report|request"
    r"|pull request|they|he|she|it"
)
_ASKED = re.compile(
    rf"\b(?:{_ASKERS}) (?:\w+ ){{0,3}}?(?:(?:ask|report|request|suggest|want|wonder|question|complain|claim|wish|mention"
    r"|explain|recommend|discuss|need|expect|hope|plan|point|seek|call|look|track|describe|propose|argue|observe|note"
    r"|state|raise)(?:s|d|ed)?"
    r"|says?|said|saw|sees|hits?|finds|found|gets|got)\b"
    r"|\b(?:is|are|was|were|has been) (?:asked|requested|reported|proposed|suggested|wanted|questioned)\b"
    r"|\b(?:would|could|should|whether|asks|wants)\b"
    r"|(?:作者|用户|提问者|报告者|提交者|发起人|议题|有人|提案|贡献者|讨论|该 ?(?:PR|issue|合并请求|拉取请求))[^。，]{0,12}"
    r"(?:提出|建议|询问|请求|希望|报告|反馈|指出|表示|提议|想|反映|认为|要求|计划|问|称|描述|提到|遇到|发现|拟)|是否|能否|希望|提议|应当",
    re.I,
)
_PULL_ITSELF = re.compile(
    r"\b(?:the|this|an?) (?:\w+ )?(?:pull request|PR|patch|proposal|draft)\b|该 ?(?:PR|合并请求|拉取请求|提案)", re.I
)
_SETTLED = re.compile(r"\b(?:merged|landed|shipped|released)\b|已合并|已合入|合入了|已发布|正式发布", re.I)


_HAS_BEEN_ZH = re.compile(r"已(?:经)?(?:被)?(?:全部|完全)?(修复|解决|支持|实现|合并|合入|移除|添加|启用|完成)")
_IN_ENGLISH = {
    "修复": "fixed", "解决": "(?:re)?solved|fixed", "支持": "supported", "实现": "implemented", "合并": "merged|landed",
    "合入": "merged|landed", "移除": "removed", "添加": "added", "启用": "enabled", "完成": "completed|done",
}  # fmt: skip


def _settled_in_chinese(text: str, ground: Ground) -> re.Match[str] | None:
    found = _HAS_BEEN_ZH.finditer(text)
    return next(
        (one for one in found if not re.search(rf"\b(?:{_IN_ENGLISH[one[1]]})\b|已\w{{0,3}}{one[1]}", ground.text)), None
    )


def _told_as_done(text: str, ground: Ground) -> str:
    done = _DONE.search(text)
    framed = _ASKED.search(text) or (ground.records[0].kind == "pull" and _PULL_ITSELF.search(text))
    if done and not framed:
        return f'tells a question or a proposal as done: "{done[0].strip()}"'
    stated = next((match for match in _HAS_BEEN.finditer(text) if not re.search(rf"\b{match[1]}\b", ground.text, re.I)), None)
    settled = _settled_in_chinese(text, ground) or (None if _SETTLED.search(ground.text) else _SETTLED.search(text))
    wrong = stated or settled
    return f'tells a question or a proposal as done: "{wrong[0]}"' if wrong else ""


# --- names -------------------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"(?<![A-Za-z0-9_.'/`-])[A-Z][A-Za-z0-9_+]*(?:-[A-Z][A-Za-z0-9_+]*)*")
# Checked wherever they stand and however they are spelled: what a sentence would most easily be wrong about.
_KNOWN = re.compile(
    r"\b(?:nvidia|amd|intel|google|microsoft|openai|anthropic|huggingface|hopper|blackwell|ampere|lovelace"
    r"|mi\d{3}x?|cuda|rocm|triton|cutlass|cutile|cudnn|cublas|nccl|nvshmem|tensorrt|pytorch|jax|tensorflow|vllm|sglang"
    r"|llama|qwen\w*|deepseek\w*|mistral|mixtral|gemma|kimi|nemotron|gpt-oss|glm|flashinfer|flashattention|deepgemm|deepep|megatron"
    r"|kubernetes|docker|macos|linux)\b",
    re.I | re.A,
)
_SPAN = re.compile(r"`[^`]*`|\"[^\"]*\"")
_GENERIC = frozenset(
    re.findall(r"\w+", "I A The API GPU CPU CI CLI PR JSON YAML HTTP URL UI ID OK Python GitHub English Chinese")
)


def _names(text: str) -> Iterator[str]:
    """Words with a capital within a sentence, and acronyms wherever they stand: names of people, products and hardware."""
    bare = _SPAN.sub(lambda match: " " * len(match[0]), text)
    yield from _KNOWN.findall(bare)
    first = re.search(r"\w", bare)
    for match in _NAME.finditer(bare):
        name = re.sub(r"(?<=[A-Z])s$", "", match[0])
        opens = first is not None and match.start() == first.start()
        if name in _GENERIC or (opens and not re.search(r"[A-Z0-9].*[A-Z]|\d", name)):
            continue
        yield name
