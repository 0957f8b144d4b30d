"""What a figure alone does not tell: numbers in words, a figure's unit, which of two figures came first. Pure.

That each figure stands in the record at all is for ``kb.citations``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENGLISH = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
    "eleven": "11", "twelve": "12", "twenty": "20", "fifty": "50", "hundred": "100", "thousand": "1000", "million": "1000000",
}  # fmt: skip
_MANY = {
    r"twice|doubl(?:e[sd]?|ing)|two-?fold": r"twice|doubl|two-?fold|\b2(?:\.0+)?(?:x\b| times|倍)|100%|翻倍|两倍",
    r"tripl(?:e[sd]?|ing)|thrice|three-?fold": r"tripl|thrice|three-?fold|\b3(?:\.0+)?(?:x| times|倍)|200%|三倍",
    r"hal(?:f|v(?:e[sd]?|ing))": r"\bhal(?:f|v)|50 ?%|0\.5|1/2|\b2(?:\.0+)?x|一半|减半",
    r"翻倍|翻番|两倍": r"twice|doubl|\b2(?:\.0+)?(?:x\b| times|倍)|100%|翻|两倍",
    r"quarter": r"quarter|1/4|25 ?%|0\.25|四分之一",
    r"(?:one|a) third|two thirds": r"third|\b[12]/3|33|66|67|三分之",
    r"[一二三四五六七八九十百]+分之[一二三四五六七八九十百]+": r"分之|quarter|third|half|halv|\d/\d|%",
    r"一半|减半": r"\bhal(?:f|v)|50 ?%|0\.5|1/2|一半|减半",
}
_WORDED = re.compile(rf"\b(?:{'|'.join(_ENGLISH)})\b", re.I)
_CHINESE = dict(zip("二两三四五六七八九十百千万", (2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 1000, 10000), strict=True))
_COUNTED = re.compile(
    r"(?<![一二两三四五六七八九十百千万第])([二两三四五六七八九十百千万])(?:多)?(?=[个种项类处条款倍层级路张台家])"
)
_UNITS = {
    "s": r"s|sec|seconds?|秒", "ms": r"ms|milliseconds?|毫秒", "us": r"us|μs|microseconds?|微秒", "ns": r"ns|nanoseconds?|纳秒",
    "min": r"min|minutes?|分钟", "h": r"h|hours?|小时", "x": r"x|×|times|-fold|倍", "%": r"%|percent|per cent",
    "kb": r"kb|kib", "mb": r"mb|mib", "gb": r"gb|gib", "tb": r"tb|tib", "gb/s": r"gb/s|gib/s", "tb/s": r"tb/s|tib/s",
    "tflops": r"tflops|tflop/s|tflops/s", "gflops": r"gflops|gflop/s",
}  # fmt: skip
_UNIT = "|".join(f"(?P<u{at}>{form})" for at, form in enumerate(_UNITS.values()))
_MEASURE = re.compile(rf"(?<![A-Za-z0-9_.])(?P<number>\d+(?:[.,]\d+)*)[ -]?(?:{_UNIT})(?![a-z/])", re.I)
_SHIFT = re.compile(
    r"(?:from|从|由)\s?(?P<old>\d[\d.,]*)\s?[^\d\s]{0,8}\s?(?:(?:down |up )?to|(?:降|降低|提升|提高|增加|减少)?[到至])"
    r"\s?(?P<new>\d[\d.,]*)",
    re.I,
)


def wrong_figures(text: str, prose: str) -> Iterator[str]:
    """What is wrong with the figures of a plain text; ``prose`` is what the records say in words, plain and in lower case."""
    for word, forms in _in_words(text):
        if not any(re.search(form, prose) for form in forms):
            yield f'a number that the record does not give: "{word}"'
    for match in _MEASURE.finditer(text):
        if not _may_be_measured(match, prose):
            yield f'a figure with another unit than in the record: "{match[0]}"'
    for match in _SHIFT.finditer(text):
        old, new = (re.escape(match[name].rstrip(".,")) for name in ("old", "new"))
        if re.search(rf"(?<![\d.]){new}(?![\d.]*\d)[^\d.]{{0,12}}(?:to|->|→|到|至)\s?{old}(?![\d.]*\d)", prose):
            yield f'the figures the other way round than in the record: "{match[0]}"'


def _may_be_measured(match: re.Match[str], prose: str) -> bool:
    """Whether the number stands in the record with that unit, or somewhere without one, as in a table."""
    number, unit = match["number"], _unit(match)
    places = list(re.finditer(rf"(?<![\d.]){re.escape(number)}(?![\d.,]*\d)", prose))
    found = [_MEASURE.match(prose, place.start()) for place in places]
    return not places or any(other is None or _unit(other) == unit for other in found)


def _unit(match: re.Match[str]) -> str:
    return next(name for at, name in enumerate(_UNITS) if match[f"u{at}"] is not None)


def _in_words(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Numbers in words, each with the patterns of which the records have to have one."""
    for word, form in _MANY.items():
        if match := re.search(rf"\b(?:{word})\b" if word.isascii() else word, text, re.I):
            yield match[0], (form,)
    for match in _WORDED.finditer(text):
        word = match[0].lower()
        yield match[0], (rf"\b{word}", rf"(?<![\d.#]){_ENGLISH[word]}(?![\d.]*\d)")
    for match in _COUNTED.finditer(text):
        value = _CHINESE[match[1]]
        english = next((word for word, digits in _ENGLISH.items() if digits == str(value)), str(value))
        yield match[0], (match[1], rf"\b{english}\b", rf"(?<![\d.#]){value}(?![\d.]*\d)")
