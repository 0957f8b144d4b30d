"""A report of infra-kb against the store: each record of its window once, and no line that a report would not have.

What a report chooses (which entries it tells in detail, its sentences, its code) is held to the records; all else has to be as
it would be written again from the store. It reads the catalog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kb.catalog import Catalog
from kb.check.checker import Checker
from kb.check.desk import Desk, judged
from kb.check.entries import Told, subjects, told_entries, with_keys
from kb.check.expected import NOT_OURS, Chosen, compared, expected_page
from kb.check.forms import fields
from kb.check.parse import part_of
from kb.check.readings import Readings, readings
from kb.check.resolve import resolve
from kb.check.targets import of_link
from kb.check.types import MISLABELLED, UNKNOWN, CheckResult, Fault, Finding, Page, Repeated, Statement, count
from kb.check.verbatim import letters
from kb.escape import shorten, web
from kb.report.compose import TOP
from kb.report.gather import gather, window_ids
from kb.report.types import Entry, Frame, Written
from kb.report.wording import ReportWords, report_words
from kb.types import LedgerRow
from kb.views import Views

_LONGEST_KEY = 60


def check_own(page: Page, frame: Frame, catalog: Catalog, *, ledger: Sequence[LedgerRow] | None = None) -> CheckResult:
    """Every statement of a report of infra-kb, and whether its window is told whole.

    ``ledger`` has the rows of the configured sources, None where they are not known. The first line says what the page is.

    Raises:
        CatalogError: the record store cannot be read.
    """
    entries, seen = gather(catalog, frame)
    checking = _Checking(page, frame, entries, _desk(page, frame, seen, catalog), catalog, ledger)
    checking.run()
    present, expected = checking.present(), window_ids(catalog, frame)
    markup = [Fault(one.line, f"{one.text}: a report has none") for one in page.markup if one.line > 1]
    findings = tuple(sorted(checking.findings, key=lambda finding: finding.line))
    return CheckResult(
        frame=frame,
        own=True,
        findings=findings,
        faults=(*checking.faults, *markup),
        missing=tuple(sorted(expected - set(present))),
        repeated=tuple(
            Repeated(id, tuple(lines)) for id, lines in sorted(present.items()) if len(lines) > 1 and id in expected
        ),
        counts=count(findings),
    )


def _desk(page: Page, frame: Frame, seen: Views, catalog: Catalog) -> Desk:
    known = {evidence.record.id: evidence.record for evidence in seen.evidence.values()}
    targets = [target for said in page.statements for link in said.links if (target := of_link(link))]
    aliases = {web(record.url): record.id for record in known.values() if record.url}
    aliases |= {shorten(key, _LONGEST_KEY): evidence.record.id for key, evidence in seen.evidence.items()}
    return Desk(page, resolve(catalog, targets, known=known, as_of=frame.as_of), seen.facts, aliases)


@dataclass
class _Checking:
    """Goes through a page; what it finds is in ``findings`` and ``faults``."""

    page: Page
    frame: Frame
    entries: Sequence[Entry]
    desk: Desk
    catalog: Catalog
    configured: Sequence[LedgerRow] | None
    findings: list[Finding] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def run(self) -> None:
        self.findings += self.sources.findings
        self.faults += [Fault(0, f"it lacks: {line}") for line in self.sources.lacking]
        for region in dict.fromkeys([*self.regions, *self.expected_regions]):
            self._compare(region)
        for name, items in self.told.items():
            for told in items:
                self.findings += self._entry(told, "" if name == self.words.headings["elsewhere"] else name)
        self.findings += self._outlook()
        self.findings += self._headings()

    # --- the page, and what it should be ----------------------------------------------------------------------------------

    @cached_property
    def words(self) -> ReportWords:
        return report_words(self.frame.language)

    @cached_property
    def regions(self) -> dict[str, list[Statement]]:
        return self.page.regions()

    def _of(self, part: str) -> list[Statement]:
        """The statements of a part of the page by its name; "" is its head."""
        return self.regions.get(self.words.headings.get(part, ""), [])

    def _best(self) -> list[Statement]:
        """The entries that the summary calls the weightiest."""
        return [said for said in self._of("summary") if said.kind == "item"]

    @cached_property
    def told(self) -> dict[str, list[Told]]:
        """The entries of each repository."""
        ours = {"", *(self.words.headings[name] for name in ("summary", "outlook", "sources", "earlier"))}
        return {name: told_entries(self.desk, said) for name, said in self.regions.items() if name not in ours}

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        return {id: entry for entry in self.entries for id in entry.ids}

    @cached_property
    def sources(self) -> Readings:
        lines = [said for said in self._of("sources") if said.kind == "item"]
        about = " ".join(said.text for said in self._of("") if said.kind == "prose")
        return readings(
            lines, about[:20_000], frame=self.frame, entries=self.entries, catalog=self.catalog, ledger=self.configured
        )

    @cached_property
    def expected(self) -> Page:
        best = [subjects(with_keys(said, self.desk), self.desk) for said in self._best()[: 2 * TOP]]
        top = list(dict.fromkeys(self.by_id[id].id for ids in best for id in ids[:1] if id in self.by_id))
        listed = {self.by_id[id].id for told in self._all_told() for id in told.subjects if id in self.by_id}
        detail = {
            self.by_id[id].id
            for told in self._all_told()
            for id in told.subjects
            if told.head.kind == "item" and id in self.by_id
        }
        chosen = Chosen(
            detail=frozenset([*detail, *(id for id in top if id not in listed)]),  # what is missing was told once
            top=top,
            removed=self._number("removed"),
            written=self.written,
        )
        return expected_page(self.frame, chosen, catalog=self.catalog, ledger=self.sources.ledger)

    @cached_property
    def expected_regions(self) -> dict[str, list[Statement]]:
        return self.expected.regions()

    @cached_property
    def written(self) -> Written:
        """How the page says that it was written."""
        found = self._remarks("model")
        if not found:
            return Written(sentences={})
        back = tuple(map(str, range(self._number("fallen back"))))
        problems = tuple(one["problem"] for one in self._remarks("model problem"))
        return Written(sentences={}, model=found[0]["model"], fallen_back=back, problems=problems)

    def _remarks(self, note: str) -> list[dict[str, str]]:
        said = [said.text for said in self._of("summary") if said.kind == "prose" and len(said.text) < 1_000]
        return [found for text in said if (found := fields(self.words.notes[note], text)) is not None]

    def _number(self, note: str) -> int:
        several = [found["n"] for found in self._remarks(note)]
        return int(several[0]) if several and several[0].isdecimal() else len(self._remarks(f"{note} one")[:1])

    def _all_told(self) -> list[Told]:
        return [told for items in self.told.values() for told in items]

    def present(self) -> dict[str, list[int]]:
        """id -> the lines of the entries that it is the subject of."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for told in self._all_told():
            for id in told.subjects:
                found[id].append(told.head.line)
            for child, ids in told.children:
                for id in ids:
                    found[id].append(child.line)
        return dict(found)

    @cached_property
    def checker(self) -> Checker:
        desk = Desk(self.expected, self.desk.found, self.desk.facts, self.desk.aliases)
        told = [one for said in self.expected_regions.values() for one in told_entries(desk, said)]
        twins = {id: one for one in told for id in one.subjects}
        twins |= {id: Told(line, ids) for one in told for line, ids in one.children for id in ids}
        return Checker(self.desk, self.words, self.by_id, twins, bool(self.written.model))

    # --- parts of the page ------------------------------------------------------------------------------------------------

    def _compare(self, region: str) -> None:
        """Hold what a region has beside entries to what it should have."""
        if region == self.words.headings["outlook"]:
            return
        shown = list(self._beside_entries(self.page, self.regions.get(region, ()), region))
        wanted = list(self._beside_entries(self.expected, self.expected_regions.get(region, ()), region))
        for found in compared(shown, wanted, first=self._wrong_best):
            if isinstance(found, Fault):
                self.faults.append(found)
            else:
                self.findings.append(found)

    def _beside_entries(self, page: Page, statements: Iterable[Statement], region: str) -> Iterator[Statement]:
        """The statements of a region that are neither its heading, nor a source, nor of an entry."""
        summary, sources = self.words.headings["summary"], self.words.headings["sources"]
        for said in statements:
            listed = any(page.kinds[at] == "item" for at in said.within)
            if region in ("", summary, sources):
                kept = page.level(said) != 2 and not (region == sources and said.kind == "item")
            else:
                kept = said.kind not in ("heading", "row") and not listed
            if kept:
                yield said

    def _wrong_best(self, said: Statement) -> Finding | None:
        """What is wrong with an entry of the summary, one of the page's own that is named again."""
        if said.kind != "item":
            return None
        kind, colon, _ = said.text.partition(self.words.base.colon)
        head = with_keys(part_of(said, len(kind + colon), len(said.text)) if colon else said, self.desk)
        found = self.checker.head(head, subjects(head, self.desk))
        entry = self.by_id.get(found.ids[0]) if found.ids else None
        if entry and not found.reason and kind.casefold() != self.words.kinds[entry.group].casefold():
            return judged(said, [(MISLABELLED, f"it is not “{kind}”, but “{self.words.kinds[entry.group]}”")], found.ids)
        return found if found.reason else None

    def _entry(self, told: Told, repo: str) -> Iterator[Finding]:
        found = list(self.checker.entry(told))
        entry = self.by_id.get(told.subjects[0]) if told.subjects else None
        if entry and not found[0].reason:
            record = self.desk.found.records[told.subjects[0]]
            under = self.page.titles(told.head)[-1]
            own = {self.words.groups[name] for name in (entry.group, "smaller", "watch", "more papers")}
            if letters(record.repo) != letters(repo):
                found[0] = judged(told.head, [(MISLABELLED, f"listed under {repo}, and is {record.repo}'s")], told.subjects)
            elif under not in own:
                reason = f"listed under “{under}”, and belongs to “{self.words.groups[entry.group]}”"
                found[0] = judged(told.head, [(MISLABELLED, reason)], told.subjects)
        yield from found

    def _outlook(self) -> Iterator[Finding]:
        model = {"model": self.written.model}
        for said in self._of("outlook"):
            keyed = with_keys(said, self.desk)
            if said.kind == "item":
                yield self.checker.outlook(keyed)
            elif self.page.level(said) != 2 and fields(self.words.notes["outlook"], said.text) != model:
                yield judged(said, [(UNKNOWN, NOT_OURS)])

    def _headings(self) -> Iterator[Finding]:
        """Headings of repositories and groups that no report would have, or that have nothing below them."""
        filled = {at for told in self._all_told() for at in told.head.within}
        parts = {*self.expected_regions, *([self.words.headings["outlook"]] if self.written.model else [])}
        seen = set()
        for said, level in self.page.headings.values():
            region = next((heading.text for heading, depth in self._above(said) if depth == 2), "")
            if level == 2:
                wrong = said.text not in parts or said.text in seen or bool(said.links)
                seen.add(said.text)
            else:
                wrong = region in self.told and (
                    level != 3
                    or said.text not in self.words.groups.values()
                    or said.within[-1] not in filled
                    or bool(said.links)
                )
            if wrong:
                yield judged(said, [(UNKNOWN, NOT_OURS)])

    def _above(self, said: Statement) -> list[tuple[Statement, int]]:
        return [self.page.headings[at] for at in said.within if at in self.page.headings]
