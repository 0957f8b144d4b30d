"""What another system's sentence asserts beside names and figures: factors, orders, counts in words, states, authors. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from kb.check.claims import LONGEST_NAME, is_named
from kb.facts import Said, plain
from kb.grounded.figures import wrong_figures
from kb.grounded.rules import RULES, Ground
from kb.safe import one_line
from kb.types import Record

_ENGLISH = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "twenty")
_NUMBERS = dict(zip(_ENGLISH, (*range(2, 13), 20), strict=True)) | dict(
    zip("两二三四五六七八九十", (2, *range(2, 11)), strict=True)
)
_COUNTED = re.compile(
    rf"\b(?P<en>{'|'.join(_ENGLISH)})(?= (?:\w+ )?(?:files?|commits?|changes?)\b)"
    r"|(?P<zh>[两二三四五六七八九十])(?=\s?个(?:文件|提交|改动))",
    re.I,
)
_TIMES, _PER_CENT = r"(?:x(?![a-z0-9])|×|times\b|-?fold\b|倍)", r"(?:%|per ?cent\b)"
_FACTOR = re.compile(rf"(?<![\w.,])(?P<number>\d+(?:\.\d+)?)\s?(?:(?P<times>{_TIMES})|(?P<per_cent>{_PER_CENT}))", re.I)
_SHIFT = re.compile(
    r"(?:\bfrom|从|由)\s?(?P<old>\d+(?:\.\d+)?)\s?[^\d\s]{0,8}\s?(?:\bto|降?[到至])\s?(?P<new>\d+(?:\.\d+)?)", re.I
)
_REVERTED = re.compile(
    r"\b(?:was|were|is|are|been|got) (?:now |later |since )?reverted\b|^\W*revert(?:s|ed)?\s*[:：]|被回退|已回退|被撤销", re.I
)
_STATUS_WORDS = ("was merged", "was released", "breaking", "incompatible", "deprecated", "security", "exploited", "removed")
_STATUS = tuple(rule for rule in RULES if any(rule.claims.search(word) for word in _STATUS_WORDS))
_BY = re.compile(
    r"(?:\b(?i:commits?|PRs?|pull requests?|issues?|contributed|authored|written|submitted|opened|filed|created|implemented)\b"
    r"[^\w.。]{0,3}(?:[\w./-]*[@#]?[0-9a-f]+)?[^\w.。]{0,3}\bby|^\W*By)\s+(?P<name>[A-Z][\w'-]+(?:\s[A-Z][\w.'-]+){0,3})"
)


def in_digits(text: str) -> str:
    """``text`` with counts of files, commits and changes in digits: they are checked as such."""
    return _COUNTED.sub(lambda match: str(_NUMBERS[(match["en"] or match["zh"]).lower()]), text)


def wrong_measures(text: str, said: Said) -> Iterator[str]:
    """Figures with another unit than in the records, or in another order; numbers in words that these do not give."""
    ground = Ground(said.records)
    yield from wrong_figures(plain(text), ground.prose)
    for match in _FACTOR.finditer(plain(text)):
        unit = _TIMES.replace("(?![a-z0-9])", "") if match["times"] else _PER_CENT
        if not re.search(rf"(?<![\w.]){re.escape(match['number'])}\s?{unit}", ground.text):
            yield f"the record does not give it with its unit: {match[0]}"
    rows = [plain(row) for record in said.records for row in record.body.split("\n")]
    for match in _SHIFT.finditer(plain(text)):
        both = [found for row in rows if (found := _places(row, match["old"], match["new"]))]
        if both and all(old > new for old, new in both):
            yield f"the figures the other way round than in the record: {match[0]}"


def _places(row: str, old: str, new: str) -> tuple[int, int] | None:
    """Where two figures stand in a row that has both."""
    found = [re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]*\d)", row) for number in (old, new)]
    return (found[0].start(), found[1].start()) if found[0] and found[1] else None


def wrong_status(text: str, records: Sequence[Record], reverted: Collection[str]) -> Iterator[str]:
    """What a sentence calls a change that its records do not bear out; ``reverted`` are ids of records that others revert."""
    ground = Ground(records)
    for rule in _STATUS:
        if (match := rule.claims.search(plain(text))) and not rule.holds(ground):
            yield f"the record does not say so: {match[0].strip()}"
    match = _REVERTED.search(text)
    if match and not any(record.id in reverted or record.linked("reverts") for record in records):
        yield f"nothing that is stored reverts it: {one_line(match[0], limit=40).strip()}"


def wrong_names(text: str, said: Said) -> Iterator[str]:
    """Persons whose commit or thread it is not; one whom a record names in its text may be meant otherwise."""
    for match in _BY.finditer(text):
        name = match["name"].rstrip(".'-")
        known = any(is_named(name, record) for record in said.records) or plain(name).casefold() in said.folded
        authors = ", ".join(dict.fromkeys(record.author for record in said.records if record.author))
        if authors and not known:
            yield f"by {one_line(name, limit=LONGEST_NAME)}: the author is {one_line(authors, limit=80)}"


def asserts(text: str) -> bool:
    """Whether a sentence says anything that is looked into here."""
    patterns = (_COUNTED, _FACTOR, _SHIFT, _REVERTED, _BY, *(rule.claims for rule in _STATUS))
    return any(pattern.search(text) for pattern in patterns)
