"""What records say, prepared for looking things up: text, figures, dates, references; compared in one plain form. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property

from kb.text import squeeze
from kb.types import Record, Tag


@dataclass(frozen=True)
class Facts:
    """What is true of records beside their own text.

    Dates are meant in ``zone``; ``tags`` maps record id to its first tag, ``shipped`` a release's id to its tag.
    """

    zone: tzinfo = UTC
    tags: Mapping[str, str] = field(default_factory=dict)
    shipped: Mapping[str, Tag] = field(default_factory=dict)


# Quotes, dashes and the minus sign have many forms that a reader takes for one.
_ALIKE = str.maketrans(
    {**dict.fromkeys("−–", "-"), "—": " - ", **dict.fromkeys("“”„「」『』", '"'), **dict.fromkeys("‘’", "'")}
)
_DIGIT = re.compile(r"(?![0-9])\d")
NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
HEX = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{7,64}(?![0-9a-zA-Z])")


def plain(text: str) -> str:
    """One form for what looks alike: NFKC, single spaces, one kind of digit, minus and quote."""
    folded = unicodedata.normalize("NFKC", text).translate(_ALIKE)
    return squeeze(_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0], "")), folded))


def figure(number: str) -> str:
    """1,024 and 1024 are one number, 1.50 and 1.5 are two: a figure is given as it is written."""
    return number.replace(",", "") if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", number) else number


def numbers(text: str) -> Iterator[str]:
    """Numbers of a plain text, those within identifiers too; not the digits of SHAs, which are no figures."""
    for match in NUMBER.finditer(HEX.sub(lambda sha: sha[0] if sha[0].isdigit() else " ", text)):
        yield figure(match[0])


def within(span: str, text: str) -> bool:
    """Whether ``span`` stands in ``text`` with no word and no number cut in two."""
    if span not in text:
        return False
    before = (
        r"(?<![A-Za-z0-9_])(?<![0-9][.,])"
        if re.match(r"[0-9]", span)
        else r"(?<![A-Za-z0-9_])"
        if re.match(r"[A-Za-z_]", span)
        else ""
    )
    after = (
        r"(?![A-Za-z0-9_]|[.,][0-9])"
        if re.search(r"[0-9]\Z", span)
        else r"(?![A-Za-z0-9_])"
        if re.search(r"[A-Za-z_]\Z", span)
        else ""
    )
    return re.search(f"{before}{re.escape(span)}{after}", text) is not None


@dataclass(frozen=True)
class Said:
    """What some records say, all together, and what is true of them."""

    records: Sequence[Record]
    facts: Facts

    @cached_property
    def text(self) -> str:
        """Title, body, paths and names, plain. Patches are apart: their numbers would vouch for any figure."""
        parts: list[str] = []
        for record in self.records:
            parts += [record.title, record.body, record.ref, record.state, *(value for _, value in record.meta)]
        return plain("\n".join([*parts, *self.paths, *self.names]))

    @cached_property
    def folded(self) -> str:
        return self.text.lower()

    @cached_property
    def patch(self) -> str:
        return plain("\n".join(file.patch for record in self.records for file in record.files))

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(numbers(self.text))

    @cached_property
    def pairs(self) -> frozenset[tuple[int, int]]:
        """(additions, deletions) that may be stated: each file's, and each record's in all."""
        files = {(file.additions, file.deletions) for record in self.records for file in record.files}
        return frozenset(files | {totals(record) for record in self.records})

    @cached_property
    def counts(self) -> frozenset[int]:
        """Counts that may be stated beside those of files: lines in all, commits that a merge brought or a release has."""
        own = (
            count for record in self.records for count in (*totals(record), len(record.linked("brought")), len(record.files))
        )
        return frozenset([*own, *(count for tag in self._shipped for count in (len(tag.commits) + tag.beyond, tag.beyond))])

    @cached_property
    def instants(self) -> tuple[datetime, ...]:
        return tuple(event.at for record in self.records for event in record.events)

    @cached_property
    def shas(self) -> tuple[str, ...]:
        refs = [record.ref for record in self.records] + [
            target.rpartition("@")[2] for target in self._targets if "@" in target
        ]
        return tuple(ref.lower() for ref in refs if HEX.fullmatch(ref.lower()))

    @cached_property
    def references(self) -> frozenset[str]:
        """ "#123" of the records, of what they link to and of what they name."""
        own = [f"#{record.ref}" for record in self.records if record.kind in ("pull", "issue")]
        linked = [f"#{target.rpartition('#')[2]}" for target in self._targets if "#" in target]
        return frozenset([*own, *linked, *re.findall(r"#[0-9]+", self.text)])

    @cached_property
    def urls(self) -> frozenset[str]:
        return frozenset(record.url for record in self.records if record.url)

    @cached_property
    def names(self) -> frozenset[str]:
        found = [name for record in self.records for name in (record.author, record.repo, record.ref, *record.labels)]
        tags = [self.facts.tags.get(record.id, "") for record in self.records]
        return frozenset(name for name in (*found, *tags, *(tag.previous for tag in self._shipped)) if name)

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(
            path for record in self.records for file in record.files for path in (file.path, file.old_path) if path
        )

    @cached_property
    def _shipped(self) -> tuple[Tag, ...]:
        return tuple(self.facts.shipped[record.id] for record in self.records if record.id in self.facts.shipped)

    @cached_property
    def _targets(self) -> tuple[str, ...]:
        return tuple(link.target for record in self.records for link in record.links)


def zone_name(zone: tzinfo, at: datetime) -> str:
    """The zone's name as people know it."""
    return str(getattr(zone, "key", "") or at.astimezone(zone).tzname() or zone)


def totals(record: Record) -> tuple[int, int]:
    """(additions, deletions) of a record in all."""
    return sum(file.additions for file in record.files), sum(file.deletions for file in record.files)
