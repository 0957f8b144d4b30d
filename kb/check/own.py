"""A report of infra-kb against the store: each record of its window once, each count, each line. It reads the catalog."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kb.catalog import Catalog
from kb.check import totals
from kb.check.claims import bare
from kb.check.desk import Desk, judged
from kb.check.entries import Checker, Told, subjects, told_entries, with_keys
from kb.check.resolve import resolve
from kb.check.targets import of_link
from kb.check.types import MISLABELLED, UNKNOWN, WRONG_FIGURE, CheckResult, Fault, Finding, Page, Repeated, Statement, count
from kb.check.verbatim import letters
from kb.citations import problems
from kb.escape import code, shorten, web
from kb.report.gather import gather, window_ids
from kb.report.markdown import title
from kb.report.tagged import tagged
from kb.report.types import Entry, Frame, Tagged
from kb.report.wording import ReportWords, report_words
from kb.views import Views

_FIGURE = re.compile(r"\d+")
_LONGEST_KEY = 60


def check_own(page: Page, frame: Frame, catalog: Catalog) -> CheckResult:
    """Every statement of a report of infra-kb, and whether its window is told whole.

    Raises:
        CatalogError: the record store cannot be read.
    """
    entries, seen = gather(catalog, frame)
    checking = _Checking(page, frame, entries, _desk(page, frame, seen, catalog), catalog)
    findings = tuple(checking.findings())
    present = checking.present()
    expected = window_ids(catalog, frame)
    return CheckResult(
        frame=frame,
        own=True,
        findings=findings,
        faults=tuple(checking.untold_tags()),
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
    page: Page
    frame: Frame
    entries: Sequence[Entry]
    desk: Desk
    catalog: Catalog

    def __post_init__(self) -> None:
        self.tags = tagged(self.catalog, self.frame, self.entries)
        self.words: ReportWords = report_words(self.frame.language)
        regions = defaultdict(list)
        for said in self.page.statements:
            regions[self._region(said)].append(said)
        self.regions: dict[str, list[Statement]] = dict(regions)
        ours = {"", *(self.words.headings[name] for name in ("summary", "outlook", "sources"))}
        self.told: dict[str, list[Told]] = {
            name: told_entries(self.desk, said) for name, said in self.regions.items() if name not in ours
        }
        by_id = {id: entry for entry in self.entries for id in entry.ids}
        self.checker = Checker(self.desk, self.words, by_id, frozenset(by_id), self._is_modelled())

    def _region(self, said: Statement) -> str:
        """The heading of the second level that a statement stands under."""
        headings = [self.page.headings[at] for at in said.within if at in self.page.headings]
        return next((heading.text for heading, level in headings if level == 2), "")

    def _is_modelled(self) -> bool:
        before = self.words.notes["model"].partition("{")[0]
        return any(said.text.startswith(before) for said in self.regions.get(self.words.headings["summary"], ()))

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

    def _all_told(self) -> list[Told]:
        return [told for items in self.told.values() for told in items]

    def findings(self) -> Iterator[Finding]:
        found = [*self._top(), *self._summary(), *self._repositories(), *self._outlook(), *self._sources()]
        yield from sorted(found, key=lambda finding: finding.line)

    # --- parts of the page ------------------------------------------------------------------------------------------------

    def _top(self) -> Iterator[Finding]:
        window = self.frame.window
        whole = window.end is not None and self.frame.as_of >= window.end
        now = self.frame.as_of + timedelta(seconds=1) if whole else self.frame.as_of
        shown = self.words.base.window(window, now=now, zone=self.frame.zone)
        before = self.words.notes["window"].partition("{")[0].replace("*", "")
        for said in self.regions.get("", ()):
            expected = title(self.frame) if said.kind == "heading" else shown if said.text.startswith(before) else ""
            same = _FIGURE.findall(expected) == _FIGURE.findall(re.split("[(（]", said.text.removeprefix(before))[0])
            yield judged(said, [] if same or not expected else [(WRONG_FIGURE, f"wrong date: it is {expected}")])

    def _summary(self) -> Iterator[Finding]:
        told = self._in_detail_and_tables()
        for said in map(self._keyed, self.regions.get(self.words.headings["summary"], ())):
            if said.kind == "item":
                yield self._best(said)
            elif said.kind != "heading":
                wrong = [*totals.wrong_summary(said.text, self.entries, told, self.words)]
                wrong += [*self._wrongly_quiet(said), *self._wrong_tags(said)]
                yield judged(said, [(WRONG_FIGURE, reason) for reason in wrong])

    def _in_detail_and_tables(self) -> tuple[int, int] | None:
        """How many records the page has in lists and in tables; None where it has not each once, which is told by itself."""
        found = [(told.head.kind, id) for told in self._all_told() for id in told.ids if id in self.checker.window]
        if len(found) != len(self.checker.window) or len({id for _, id in found}) != len(found):
            return None
        rows = sum(kind == "row" for kind, _ in found)
        return len(found) - rows, rows

    def _keyed(self, said: Statement) -> Statement:
        return with_keys(said, self.desk)

    def _best(self, said: Statement) -> Finding:
        """An entry of the summary: one of the page's own, named again."""
        found = self.checker.head(said, subjects(said, self.desk))
        entry = self.checker.entries.get(found.ids[0]) if found.ids else None
        kind = said.text.partition(self.words.base.colon)[0]
        if entry and not found.reason and kind.casefold() != self.words.kinds[entry.group].casefold():
            return judged(said, [(MISLABELLED, f"it is not “{kind}”, but “{self.words.kinds[entry.group]}”")], found.ids)
        return found

    def _wrongly_quiet(self, said: Statement) -> Iterator[str]:
        before = self.words.notes["quiet repos"].partition("{")[0]
        busy = {entry.view.record.repo for entry in self.entries} - {""}
        if said.text.startswith(before):
            for repo in said.text[len(before) :].rstrip(".。").split(self.words.base.comma):
                if repo.strip() in busy:
                    yield f"{repo.strip()} has records in the window"

    def _wrong_tags(self, said: Statement) -> Iterator[str]:
        before = self.words.notes["tags"].partition("{")[0]
        _, found, listed = said.text.partition(before)
        names = self.words.base.comma.join(f"{tag.repo.rpartition('/')[2]} {code(tag.name)}" for tag in self.tags)
        if found and letters(listed.rstrip(".。")) != letters(names):
            yield f"tagged were {names or 'none'}"

    def _repositories(self) -> Iterator[Finding]:
        for name, items in self.told.items():
            own = [entry for entry in self.entries if letters(entry.view.record.repo) == letters(name)]
            elsewhere = name == self.words.headings["elsewhere"]
            for said in self.regions[name]:
                if said.kind == "prose" and not any(self.page.kinds[at] == "item" for at in said.within):
                    yield self._about_repository(said, own)
            for told in items:
                yield from self._entry(told, "" if elsewhere else name)

    def _about_repository(self, said: Statement, own: Sequence[Entry]) -> Finding:
        """The line of totals, or that a version was tagged."""
        before = self.words.notes["tagged"].partition("{")[0]
        if not said.text.startswith(before):
            return judged(said, [(WRONG_FIGURE, reason) for reason in totals.wrong_totals(said.text, own, self.words)])
        tag = next((tag for tag in self.tags if self._tag_line(tag) == said.text), None)
        if tag is None:
            return judged(said, [(WRONG_FIGURE, "no version was tagged so in the window")])
        astray = [link.url for link in said.links if link.url != web(tag.url)]
        return judged(said, [(MISLABELLED, f"the page of {tag.name} is {tag.url}")] if astray else [])

    def _tag_line(self, tag: Tagged) -> str:
        form = self.words.notes["tagged" if tag.previous else "first tagged"]
        day, commits = self.words.base.day(tag.at, self.frame.zone), self.words.count("commits", tag.commits)
        return form.format(tag=code(tag.name), day=day, commits=commits, previous=code(tag.previous))

    def untold_tags(self) -> Iterator[Fault]:
        lines = {said.text for said in self.page.statements}
        yield from (Fault(0, f"{tag.repo} {tag.name} is not told") for tag in self.tags if self._tag_line(tag) not in lines)

    def _entry(self, told: Told, repo: str) -> Iterator[Finding]:
        found = list(self.checker.entry(told))
        if told.subjects and not found[0].reason:
            record, entry = self.desk.found.records[told.subjects[0]], self.checker.entries[told.subjects[0]]
            under = self.page.titles(told.head)[-1]
            own = {self.words.groups[name] for name in (entry.group, "smaller", "watch", "more papers")}
            if letters(record.repo) != letters(repo):
                found[0] = judged(told.head, [(MISLABELLED, f"listed under {repo}, and is {record.repo}'s")], told.subjects)
            elif under not in own:
                reason = f"listed under “{under}”, and belongs to “{self.words.groups[entry.group]}”"
                found[0] = judged(told.head, [(MISLABELLED, reason)], told.subjects)
        yield from found

    def _outlook(self) -> Iterator[Finding]:
        for said in map(self._keyed, self.regions.get(self.words.headings["outlook"], ())):
            if said.kind == "item":
                ids = self.desk.all_ids(said.links)
                wrong = [(WRONG_FIGURE, reason) for reason in problems(bare(said), self.desk.said(ids))]
                yield judged(said, wrong or ([] if ids else [(UNKNOWN, "it cites no record")]), ids)

    def _sources(self) -> Iterator[Finding]:
        rows = {letters(row.source): row for row in self.catalog.ledger()}
        for said in self.regions.get(self.words.headings["sources"], ()):
            row = rows.get(letters(re.split(r"[:：]", said.text)[0]))
            if said.kind == "item" and row:
                records = [record for entry in self.entries for record in entry.records]
                own = [record for record in records if record.repo == row.repo and (not row.kinds or record.kind in row.kinds)]
                yield judged(said, [(WRONG_FIGURE, reason) for reason in totals.wrong_source(said.text, len(own), self.words)])
