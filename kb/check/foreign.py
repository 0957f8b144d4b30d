"""A report that another system wrote: each sentence held to the records that it links to, or that its neighbours do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import cached_property
from itertools import zip_longest

from kb.catalog import Catalog, Filter
from kb.check.assertions import asserts, in_digits, wrong_measures, wrong_names, wrong_status
from kb.check.claims import bare, has_title, stands_in_patch, without_scare_quotes, wrong_authors, wrong_events, wrong_sizes
from kb.check.claims import wrong_states as states_wrong
from kb.check.claims import wrong_titles as titles_wrong
from kb.check.desk import Desk, judged
from kb.check.fences import has_code, is_cut, wrong_rows
from kb.check.labels import wrong_labels
from kb.check.parse import is_readable, sentences
from kb.check.resolve import resolve
from kb.check.targets import Target, keys_in, of_key, of_link
from kb.check.types import (
    EXACT,
    MISLABELLED,
    NOT_IN_WINDOW,
    UNKNOWN,
    WRONG_FIGURE,
    CheckResult,
    Fault,
    Finding,
    Link,
    Page,
    Statement,
    count,
)
from kb.citations import problems
from kb.facts import Facts, Said
from kb.report.types import Frame
from kb.types import Record

Problem = tuple[str, str]
_QUIET = re.compile(
    r"no (?:new )?(?:updates|changes|commits|activity|news)\b|nothing (?:new|happened)"
    r"|\b(?:was|is|were|are|stayed) quiet\b|没有动静|平静"
    r"|(?:暂无|没有|无)(?:任何|新的)?(?:更新|提交|改动|变更)",
    re.I,
)
_WEEK = re.compile(r"\bthis week\b|\bweekly\b|本周|周报", re.I)
_DATE = re.compile(r"wrong date: (\d{4})\D+(\d{1,2})\D+(\d{1,2})")
_NAME = re.compile(r"[A-Za-z][\w.-]*")


def check_foreign(page: Page, frame: Frame | None, catalog: Catalog, *, zone: tzinfo) -> CheckResult:
    """Every statement of a page that claims something of a record.

    Raises:
        CatalogError: the record store cannot be read.
    """
    keyed = replace(page, statements=tuple(map(_with_keys, page.statements)))
    targets = [target for said in keyed.statements for link in said.links if (target := of_link(link))]
    found = resolve(catalog, targets, known={})
    unresolved = {target for target, resolved in found.of.items() if not resolved.ids}
    keyed = replace(keyed, statements=tuple(_without_guesses(said, unresolved) for said in keyed.statements))
    docs = catalog.docs(list(found.records))
    first = catalog.first_tags(list(docs.values()))
    facts = Facts(zone, {id: first[doc] for id, doc in docs.items() if doc in first})
    checker = _Checker(Desk(keyed, found, facts, {}), frame, catalog)
    findings = tuple(sorted(checker.findings(), key=lambda finding: finding.line))
    faults = [*checker.faults()]
    if found.left_out:
        faults.append(Fault(0, f"it links to too many records: {found.left_out:,} were not looked at"))
    return CheckResult(frame=frame, own=False, findings=findings, faults=tuple(faults), counts=count(findings))


def _with_keys(said: Statement) -> Statement:
    """The statement with the keys and SHAs of its text as links."""
    if said.kind == "fence":
        return said
    text = list(said.text)
    for link in said.links:
        text[link.start : link.end] = " " * (link.end - link.start)
    return replace(said, links=tuple(sorted([*said.links, *keys_in("".join(text))], key=lambda link: link.start)))


def _without_guesses(said: Statement, unresolved: set[Target]) -> Statement:
    """Without what only looked like a key."""
    links = tuple(link for link in said.links if link.url or of_key(link.text) not in unresolved)
    return replace(said, links=links)


def _to_records(said: Statement) -> list[Link]:
    return [link for link in said.links if of_link(link)]


@dataclass
class _Checker:
    desk: Desk
    frame: Frame | None
    catalog: Catalog

    def __post_init__(self) -> None:
        headings = [heading.text for heading, _ in self.desk.page.headings.values()]
        self.levels = {heading.line: level for heading, level in self.desk.page.headings.values()}
        repos = self.catalog.repos()
        self.names = {name.casefold() for text in (*headings, *repos) for name in _NAME.findall(text)}
        self.names |= {repo.casefold() for repo in repos}

    @cached_property
    def _reverted(self) -> frozenset[str]:
        """Ids of the records of the page that others revert."""
        return frozenset(id for id, _, _ in self.catalog.backlinks(list(self.desk.found.records), "reverts"))

    def findings(self) -> Iterator[Finding]:
        for said in self.desk.page.statements:
            if said.kind == "fence":
                yield from self._fence(said)
            elif said.kind not in ("heading", "columns"):
                for part in sentences(said) if said.kind in ("item", "prose") else [said]:
                    yield from self._statement(part)

    # --- what a statement rests on ----------------------------------------------------------------------------------------

    def _basis(self, said: Statement) -> Sequence[Link]:
        """The links of a statement, else those of the nearest container that has any: item, list, section, page."""
        own = _to_records(said)
        return own or next((links for at in reversed(said.within) if (links := self.desk.record_links(at))), [])

    def _statement(self, said: Statement) -> Iterator[Finding]:
        if not is_readable(said):
            yield judged(said, [(UNKNOWN, "it is too long to be checked")])
            return
        own = _to_records(said)
        text = in_digits(without_scare_quotes(bare(said)))
        checkable = bool(self._real(problems(text, Said((), self.desk.facts)), text, Said((), self.desk.facts)))
        quiet = list(self._quiet(said))
        if not own and not checkable and not quiet:
            return
        basis = self._basis(said)
        ids = self.desk.all_ids(basis)
        found = [(MISLABELLED, reason) for reason in wrong_labels(said, self.desk.kind_of)]
        found += quiet
        if ids:
            found += self._held(said, text, ids, own, basis)
        else:
            found.append((UNKNOWN, self._why_unknown(basis)))
        if own and ids and self._outside(ids):
            found.append((NOT_IN_WINDOW, "none of its events lies in the window"))
        if not found and not self._is_near(said) and (partly := self._partly(basis)):
            found.append((UNKNOWN, f"it cites no record, and {partly}"))
        if not found and not checkable and not self._says_more(said, ids):
            found.append((EXACT, "only its link was checked"))
        yield judged(said, found, ids)

    def _says_more(self, said: Statement, ids: Sequence[str]) -> bool:
        """Whether there is anything in a statement without figures and names that was held to its records."""
        return asserts(said.text) or has_title(said, self.desk.records(ids))

    def _is_near(self, said: Statement) -> bool:
        """Whether it, or a list around it, has links to records; those of a whole section or page are too many to be meant."""
        lists = [at for at in said.within if self.desk.page.kinds[at] not in ("page", "section")]
        return bool(_to_records(said)) or any(self.desk.record_links(at) for at in lists)

    def _partly(self, basis: Sequence[Link]) -> str:
        """Why some of the records are not stored; "" where all are."""
        return next((resolved.reason for link in basis if (resolved := self.desk.resolved(link)) and resolved.reason), "")

    def _why_unknown(self, basis: Sequence[Link]) -> str:
        return self._partly(basis) or "no record is cited"

    def _outside(self, ids: tuple[str, ...]) -> bool:
        if self.frame is None:
            return False
        start, end = self.frame.window.start, self.frame.window.end
        times = [event.at for record in self.desk.records(ids) for event in record.events]
        return not any((start is None or at >= start) and (end is None or at < end) for at in times)

    # --- what it says of them ---------------------------------------------------------------------------------------------

    def _held(
        self, said: Statement, text: str, ids: tuple[str, ...], own: list[Link], basis: Sequence[Link]
    ) -> Iterator[Problem]:
        records = self.desk.records(ids)
        stored = self.desk.said(ids)
        if own:
            yield from ((MISLABELLED, reason) for reason in titles_wrong(said, records))
            yield from ((MISLABELLED, reason) for reason in states_wrong(said.text, self._threads(own)))
        yield from ((MISLABELLED, reason) for reason in wrong_authors(said.text, records))
        zone = self.desk.facts.zone
        yield from ((WRONG_FIGURE, reason) for reason in wrong_events(said.text, records, zone))
        yield from ((WRONG_FIGURE, reason) for reason in wrong_sizes(said.text, records))
        partly = self._partly(basis)
        for problem in self._real(problems(text, stored), text, stored):
            if partly:
                yield UNKNOWN, f"{problem}; {partly}"
            elif is_cut(records) and self._may_be_code(problem, text):
                yield UNKNOWN, f"{problem}; a patch is stored only in part"
            else:
                yield WRONG_FIGURE, problem
        for verdict, reason in self._asserted(said, text, stored) if own else ():
            yield (UNKNOWN, f"{reason}; {partly}") if partly else (verdict, reason)

    def _asserted(self, said: Statement, text: str, stored: Said) -> Iterator[Problem]:
        yield from ((MISLABELLED, reason) for reason in wrong_names(said.text, stored))
        yield from ((MISLABELLED, reason) for reason in wrong_status(bare(said), stored.records, self._reverted))
        yield from ((WRONG_FIGURE, reason) for reason in wrong_measures(text, stored))

    @staticmethod
    def _may_be_code(problem: str, text: str) -> bool:
        """Whether what does not stand may be code, which a record may hold only in part."""
        kind, _, found = problem.partition(": ")
        return kind == "not in the record" or (kind == "quote not verbatim" and f"`{found.rstrip('…')}" in text)

    def _threads(self, own: list[Link]) -> list[tuple[str, set[str]]]:
        """The threads that a statement links to, with the states that each may be given: then, and now."""
        found = {}
        for link in own:
            resolved = self.desk.resolved(link)
            if resolved and resolved.ids and resolved.target.kind in ("pull", "issue"):
                record = self.desk.found.records[resolved.ids[0]]
                found[resolved.target.shown] = {"merged"} if resolved.through else self._states(record)
        return list(found.items())

    def _states(self, record: Record) -> set[str]:
        then = record.as_known(self.frame.as_of) if self.frame else None
        return {record.state, *((then.state,) if then else ())} - {""}

    def _real(self, found: tuple[str, ...], text: str, said: Said) -> list[str]:
        """The problems that are some: a name of the page's own headings, a day of the window and a figure that stands in the
        patch beside a name are none."""
        return [
            problem
            for problem in found
            if problem != "unbalanced quote"
            and not self._is_name(problem)
            and not self._is_day(problem)
            and not stands_in_patch(problem, text, said)
        ]

    def _is_name(self, problem: str) -> bool:
        kind, _, name = problem.partition(": ")
        return kind in ("not in the record", "quote not verbatim") and name.casefold() in self.names

    def _is_day(self, problem: str) -> bool:
        match = _DATE.match(problem)
        return bool(match and self.frame and f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}" == self.frame.day.isoformat())

    def _quiet(self, said: Statement) -> Iterator[Problem]:
        """That nothing happened in a repository of which the window has records."""
        if self.frame is None or not _QUIET.search(said.text):
            return
        about = f"{said.text} {' '.join(self.desk.page.titles(said)[-1:])}".casefold()
        for repo in self.catalog.repos():
            name = repo.rpartition("/")[2].casefold()
            if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", about):
                found = self.catalog.count(Filter(window=self.frame.window, repos=(repo,)))
                if found:
                    yield WRONG_FIGURE, f"{repo} has {found:,} records in the window"

    def _fence(self, said: Statement) -> Iterator[Finding]:
        basis = self._basis(said)
        ids = self.desk.all_ids(basis)
        if not basis:
            return
        records = self.desk.records(ids)
        line, row = wrong_rows(said, records)
        if not ids:
            yield judged(said, [(UNKNOWN, self._why_unknown(basis))])
        elif not line:
            yield judged(said, [], ids)
        else:
            cut = is_cut(records)
            reason = f"not in the patch: {row[:80]}" + ("; a patch is stored only in part" if cut else "")
            yield replace(judged(said, [(UNKNOWN if cut else WRONG_FIGURE, reason)], ids), line=line)

    # --- the page's form --------------------------------------------------------------------------------------------------

    def faults(self) -> Iterator[Fault]:
        if self.frame is None:
            yield Fault(0, "it does not say of which day it is: no record was held to a window")
        if not any(_to_records(said) for said in self.desk.page.statements):
            yield Fault(0, "it links to no record: nothing could be checked")
        statements = self.desk.page.statements
        for said, following in zip_longest(statements, statements[1:]):
            if said.kind == "heading" and self._is_empty(said, following):
                yield Fault(said.line, "nothing stands below this heading")
            elif said.kind == "fence" and not has_code(said):
                yield Fault(said.line, "a block of code without code")
            elif said.kind != "fence" and self.frame and self.frame.length == "1d" and (match := _WEEK.search(said.text)):
                yield Fault(said.line_of(match.start()), f"“{match[0]}” in the report of a day")
        yield from self._detached()

    def _is_empty(self, said: Statement, following: Statement | None) -> bool:
        level, after = self.levels.get(said.line), self.levels.get(following.line) if following else 0
        return level is not None and after is not None and after <= level

    def _detached(self) -> Iterator[Fault]:
        """Lists of links that the reader has to match with the sentences before them by counting."""
        for number, kind in self.desk.page.kinds.items():
            if kind != "list":
                continue
            own = [said for said in self.desk.inside(number) if said.within[-2:-1] == (number,) and said.kind == "item"]
            claims = [said for said in own if not self.desk.record_links(said.within[-1]) and bare(said).strip()]
            for said in own:
                links = self.desk.record_links(said.within[-1])
                if len(links) > 1 and len(claims) > 1 and not _to_records(said):
                    yield Fault(
                        said.line, f"{len(links)} links stand apart from the {len(claims)} statements that they belong to"
                    )
