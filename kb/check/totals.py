"""The counts that our own reports state: of the summary, of each repository and of each source. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from kb.report.counts import Counts, counts, is_change
from kb.report.types import GROUPS, Entry
from kb.report.wording import ReportWords

_LINES = re.compile(r"\+(\d[\d,]*)/[-−](\d[\d,]*)")
_NUMBER = r"(?<![\d,.])(\d[\d,]*)"


def wrong_summary(text: str, entries: Sequence[Entry], told: tuple[int, int] | None, words: ReportWords) -> Iterator[str]:
    """Counts of the summary that are others; ``told`` counts the records that the page has in detail and in its tables, None
    where it has not each once."""
    found = counts(entries)
    for detail, table in _stated(words.notes["from"], text, ("detail", "table")):
        if told and (detail, table) != told:
            yield f"wrong figure: {detail} in detail and {table} in the tables; the page has {told[0]} and {told[1]}"
        elif detail + table != found.records:
            yield f"wrong figure: {detail} and {table} of {found.records} records"
    expected = {**{group: found.groups.get(group, 0) for group in GROUPS}, "records": found.records}
    yield from _wrong_counts(text, expected, words)


def wrong_totals(text: str, entries: Sequence[Entry], words: ReportWords) -> Iterator[str]:
    """Counts of a repository's line that are others."""
    found: Counts = counts([entry for entry in entries if is_change(entry)])
    yield from _wrong_counts(text, {"changes": found.changes, "authors": found.authors, "files": found.files}, words)
    for match in _LINES.finditer(text):
        if (_int(match[1]), _int(match[2])) != (found.added, found.deleted):
            yield f"wrong figure: {match[0]}; it is +{found.added:,}/−{found.deleted:,}"


def wrong_source(text: str, records: int, words: ReportWords) -> Iterator[str]:
    """A count of a source's records that is another."""
    yield from _wrong_counts(text, {"records": records}, words)


def _wrong_counts(text: str, expected: Mapping[str, int], words: ReportWords) -> Iterator[str]:
    for what, right in expected.items():
        for form in dict.fromkeys(words.counted[what]):
            pattern = re.escape(form).replace(r"\{n\}", _NUMBER)
            for match in re.finditer(rf"{pattern}(?![A-Za-z])", text, re.I):
                if _int(match[1]) != right:
                    yield f"wrong figure: {match[0]}; it is {right:,}"


def _stated(template: str, text: str, names: tuple[str, ...]) -> Iterator[tuple[int, ...]]:
    """The numbers that stand where a template has these names."""
    pattern = re.sub(
        r"\\\{(\w+)\\\}", lambda name: rf"(?P<{name[1]}>\d[\d,]*)" if name[1] in names else ".{1,80}?", re.escape(template)
    )
    for match in re.finditer(pattern, text):
        yield tuple(_int(match[name]) for name in names)


def _int(text: str) -> int:
    return int(text.replace(",", ""))
