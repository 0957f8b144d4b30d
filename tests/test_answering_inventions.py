"""True sentences, each changed in one place, by a seed: none of 500 comes to the answer; and the true ones all do."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.answering_model import hear, labels, said
from tests.llm_server import Asked
from tests.model_cases import CASES, Known

WANTED = 500
AT_ONCE = 12  # sentences of an answer

Change = Callable[[re.Match[str], random.Random], str]


@dataclass(frozen=True)
class Invention:
    """A sentence that is false in one place."""

    known: Known
    language: str
    text: str
    kind: str


def _other_figure(match: re.Match[str], seed: random.Random) -> str:
    return f"{float(match[0]) * seed.choice((2, 3, 7)) + seed.randint(1, 9):g}"


def _one_of(*names: str) -> Change:
    return lambda match, seed: seed.choice([name for name in names if name.lower() != match[0].lower()])


DENIED = {
    "requires": "does not require",
    "bounds": "does not bound",
    "supports only": "does not support",
    "is kept": "is not kept",
    "gets": "does not get",
    "keeps only": "never keeps",
}
CHANGES: dict[str, tuple[str, Change]] = {
    "figure": (r"(?<![\w.`-])\d+(?:\.\d+)?(?![\w.]*\d|[A-Za-z_])", _other_figure),
    "digit": (r"(?<=\d)\d", lambda match, seed: str((int(match[0]) + seed.randint(1, 8)) % 10)),
    "unit": (r"(?<=\d) ?(?:ms|%|x)(?!\w)", _one_of(" s", " GB", " TB/s")),
    "identifier": (r"\b[a-z]+(?:_[a-z0-9]+)+\b", lambda match, seed: f"{match[0]}_{seed.choice(('v2', 'ex', 'impl'))}"),
    "variable": (r"\b[A-Z]+(?:_[A-Z]+)+\b", lambda match, seed: match[0] + seed.choice(("_DIR", "_2", "_PATH"))),
    "method": (r"(?<=\.)(?:plan|generate)\b", _one_of("run", "begin", "forward")),
    "flag": (r"--[a-z-]+", _one_of("--max-batch", "--min-inflight", "--no-cache")),
    "hardware": (r"\b(?:H100|B200|Hopper|Blackwell|sm90)\b", _one_of("MI300X", "A100", "Ampere", "sm120")),
    "name": (r"\b(?:Qwen3-Next|Triton|Mixtral-8x7B|LazyMoE|Rust|NVFP4|GPUs)\b", _one_of("Gemma", "CUTLASS", "DeepSeek-V3")),
    "denial": (
        r"(?<= )(?:now (?=skips|run)|requires|bounds|supports only|is kept|gets|keeps only)",
        lambda match, seed: DENIED.get(match[0], "never "),
    ),
    "status": (
        r"\A(?=.)",
        lambda match, seed: seed.choice(
            ("This was merged and released: ", "Deprecated now: ", "As a security fix, ", "Reverted on 2026-03-09: ")
        ),
    ),
    "status in Chinese": (
        r"(?<=。)\Z|(?=。\Z)",
        lambda match, seed: seed.choice(("，已合并并发布", "，这是严重的安全漏洞", "，现已回退", "，性能提升两倍")),
    ),
    "place": (r"\Z", lambda match, seed: ""),
}  # fmt: skip
_ENDINGS = {
    "en": (" in csrc/{0}_v3.cu.", " since v{1}.{2}.", " as of 2025-{1}-{2}.", " (see #{3}).", " after 9f{3}ab7c."),
    "zh": (
        "，见 csrc/{0}_v3.cu。",
        "，自 v{1}.{2} 起。",
        "，始于 2025 年 {1} 月 {2} 日。",
        "，见 #{3}。",
        "，始于 9f{3}ab7c。",
    ),
}


def _figures(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def _ended(text: str, language: str, seed: random.Random) -> str:
    ending = seed.choice(_ENDINGS[language])
    return text.rstrip(".。") + ending.format(
        seed.choice(("scan", "sort", "topk")), seed.randint(1, 9), seed.randint(10, 28), seed.randint(5000, 9999)
    )


def _of(known: Known, language: str, text: str, seed: random.Random) -> Iterator[Invention]:
    for kind, (pattern, change) in CHANGES.items():
        if ("Chinese" in kind) != (language == "zh") and kind.startswith("status"):
            continue
        for match in re.finditer(pattern, text):
            false = text[: match.start()] + change(match, seed) + text[match.end() :]
            if kind in ("figure", "digit") and _figures(false) <= _figures(f"{known.record.title} {known.record.body}"):
                continue  # figures of the record in each other's places: no check of figures can know
            yield Invention(known, language, _ended(text, language, seed) if kind == "place" else false, kind)


@cache
def inventions() -> tuple[Invention, ...]:
    """As many as are wanted, each text once, always the same."""
    seed = random.Random(20260203)
    found: dict[str, Invention] = {}
    true = {text for known in CASES for told in known.said.values() for text, _ in told}
    while len(found) < WANTED:
        for known in CASES:
            for language, told in known.said.items():
                for text, _ in told:
                    found |= {one.text: one for one in _of(known, language, text, seed) if one.text not in true}
    chosen = seed.sample([*found.values()], WANTED)
    return tuple(chosen)


def test_they_are_many_and_of_every_kind() -> None:
    kinds = Counter(one.kind for one in inventions())
    assert len({one.text for one in inventions()}) == WANTED
    assert set(kinds) == set(CHANGES)
    assert min(kinds.values()) >= 3
    assert sum(one.language == "zh" for one in inventions()) > 100


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("known", CASES, ids=lambda known: known.record.title[:12])
def test_no_invention_reaches_the_answer(known: Known, language: str, tmp_path: Path) -> None:
    false = [one for one in inventions() if one.known is known and one.language == language]
    for at in range(0, len(false), AT_ONCE):
        some = false[at : at + AT_ONCE]
        made = hear(tmp_path, lambda asked, some=some: _says(asked, some), known.record, language=language)
        assert made.sentences == []
        assert made.answer.removed == len(some)


def _says(asked: Asked, some: list[Invention]) -> str:
    (label,) = labels(asked).values()
    return said(*((one.text, label) for one in some))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_true_sentence_under_another_records_key_does_not_reach_the_answer(language: str, tmp_path: Path) -> None:
    """Those that name nothing that could be looked up are for a reader: here there are none."""
    records = [known.record for known in CASES]

    def script(asked: Asked) -> str:
        shown = labels(asked)
        titles = [known.record.title for known in CASES if known.record.title in shown]
        turned = dict(zip(titles, [*titles[1:], titles[0]], strict=True))
        return said(
            *(
                (known.said[language][0][0], shown[turned[known.record.title]])
                for known in CASES
                if known.record.title in turned
            )
        )

    made = hear(tmp_path, script, *records, language=language, context=16_000)
    assert made.sentences == []
    assert made.answer.removed == len(CASES)
