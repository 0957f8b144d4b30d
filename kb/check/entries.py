"""The entries of our own reports: which records each is the entry of, and whether what it says of them stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kb.check.claims import LONGEST_NAME, bare, is_author, wrong_authors, wrong_events, wrong_sizes, wrong_states
from kb.check.desk import Desk, judged
from kb.check.fences import places, wrong_rows
from kb.check.labels import wrong_labels
from kb.check.parse import is_readable
from kb.check.targets import host_of
from kb.check.types import MISLABELLED, NOT_IN_WINDOW, UNKNOWN, WRONG_FIGURE, Finding, Link, Statement
from kb.check.verbatim import is_verbatim, letters, shown_name, title_letters
from kb.citations import problems
from kb.escape import shorten
from kb.facts import totals
from kb.render import LONGEST_TITLE
from kb.report.types import Entry
from kb.report.wording import ReportWords
from kb.types import Record

Problem = tuple[str, str]
LONGEST_PATH = 160  # characters: how much of one a page shows
_CODE = re.compile(r"(?<!`)(`+)(?!`)(?P<text>.+?)(?<!`)\1(?!`)")
_CLOSE = re.compile(r"[)）]")
_OPEN = re.compile(r"\s*[(（]\s*\Z")
_NUMBER = re.compile(r"(?<![\w/])#(\d{1,9})\b")
_MORE = re.compile(r"and (?P<en>\d+) more|另有 (?P<zh>\d+) 个文件")
_HAPPENED = re.compile(r"\d{4}-\d{2}-\d{2}|\d{4} 年 \d{1,2} 月 \d{1,2} 日")
_FIGURES = re.compile(r"\d[\d,]*")
_CHILD = "↳"


@dataclass
class Told:
    """An entry as the page has it: its head or row, what stands below it, and its records."""

    head: Statement
    subjects: tuple[str, ...] = ()
    parts: list[Statement] = field(default_factory=list)
    children: list[tuple[Statement, tuple[str, ...]]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [*self.subjects, *(id for _, ids in self.children for id in ids)]


def told_entries(desk: Desk, statements: Iterable[Statement]) -> list[Told]:
    """The entries among the statements of a repository's part of the page, with what belongs to each."""
    found: list[Told] = []
    by_item: dict[int, Told] = {}
    for statement in statements:
        items = [at for at in statement.within if desk.page.kinds[at] == "item"]
        if statement.kind == "row":
            said = with_keys(statement, desk)
            if statement.text.startswith(_CHILD) and found:
                found[-1].children.append((said, subjects(said, desk)))
            else:
                found.append(Told(said, subjects(said, desk)))
        elif len(items) == 1 and statement.kind == "item":
            said = with_keys(statement, desk)
            by_item[items[0]] = Told(said, subjects(said, desk))
            found.append(by_item[items[0]])
        elif items and items[0] in by_item:
            told = by_item[items[0]]
            said = with_keys(statement, desk)
            if statement.kind == "item":
                told.children.append((said, subjects(said, desk)))
            else:
                told.parts.append(said)
    return found


def with_keys(statement: Statement, desk: Desk) -> Statement:
    """The statement with the keys of records that have no address as links."""
    if statement.kind == "fence":
        return statement
    taken = [(link.start, link.end) for link in statement.links]
    own = [
        Link(match["text"], "", *match.span())
        for match in _CODE.finditer(statement.text)
        if match["text"] in desk.aliases and not any(start <= match.start() < end for start, end in taken)
    ]
    return replace(statement, links=tuple(sorted([*statement.links, *own], key=lambda link: link.start))) if own else statement


def subject_links(statement: Statement) -> tuple[Link, ...]:
    """The links that say what an entry is of: those up to the bracket that closes behind its title."""
    links = statement.links
    if not links or not _OPEN.search(statement.text[: links[0].start]):
        return links[:1]
    ends = [*(link.start for link in links[1:]), len(statement.text)]
    for at, (link, end) in enumerate(zip(links, ends, strict=True)):
        if _CLOSE.search(statement.text, link.end, end):
            return links[: at + 1]
    return links


def subjects(statement: Statement, desk: Desk) -> tuple[str, ...]:
    """Ids of the records that an entry or a line of what a merge brought is of."""
    links = subject_links(statement)
    ids = [id for link in links for id in desk.ids(link) if not _through(link, desk)]
    if links and ids:
        behind = statement.text[links[-1].end :]
        number = _NUMBER.search(_CLOSE.split(behind, maxsplit=1)[0])
        repo = desk.found.records[ids[0]].repo
        if number and f"pull:{repo}#{number[1]}" in desk.found.records:
            ids.append(f"pull:{repo}#{number[1]}")
    return tuple(dict.fromkeys(ids))


def _through(link: Link, desk: Desk) -> bool:
    resolved = desk.resolved(link)
    return bool(resolved and resolved.through)


# --- checking ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checker:
    """Holds entries to their records. ``entries`` are those of the window by each id that they stand for; ``modelled``: a
    model wrote the sentences."""

    desk: Desk
    words: ReportWords
    entries: dict[str, Entry]
    window: frozenset[str]
    modelled: bool

    def entry(self, told: Told) -> Iterator[Finding]:
        """A finding for each statement of an entry."""
        yield self.head(told.head, told.subjects)
        if not told.subjects:
            return  # what stands below rests on nothing that is known
        linked = [id for said in (told.head, *(child for child, _ in told.children)) for id in self.desk.all_ids(said.links)]
        basis = tuple(dict.fromkeys([*told.ids, *linked]))
        where: Statement | None = None
        for part in told.parts:
            if part.kind == "fence":
                yield self._hunk(part, where, basis)
            elif self._place(part):
                where = part
            else:
                yield self._part(part, basis)
        for child, ids in told.children:
            yield self.head(child, ids, parent=told.subjects)

    def head(self, said: Statement, ids: tuple[str, ...], *, parent: tuple[str, ...] = ()) -> Finding:
        """The line that names an entry, or something that a merge brought."""
        if not is_readable(said):
            return judged(said, [(UNKNOWN, "it is too long to be checked")])
        if not ids:
            reasons = [named.reason for link in said.links if (named := self.desk.resolved(link)) and named.reason]
            return judged(said, [*self._labels(said), (UNKNOWN, reasons[0] if reasons else "it names no record")])
        found = [*self._labels(said), *self._title(said, ids), *self._together(said, ids)]
        if parent and not self._linked(ids[0], parent):
            found.append((MISLABELLED, f"{ids[0]} was not brought by {parent[0]}"))
        basis = self.desk.all_ids(said.links)
        found += [*self._unknown(said, basis), *self._states(said, ids)]
        found += self._facts(said, basis or ids, skip=self._title_of(said))
        found += self._cells(said, ids)
        if not set(ids) & self.window:
            found.append((NOT_IN_WINDOW, "none of its events lies in the window"))
        return judged(said, found, ids)

    def _labels(self, said: Statement) -> list[Problem]:
        return [(MISLABELLED, reason) for reason in wrong_labels(said, self.desk.kind_of)]

    def _unknown(self, said: Statement, basis: Sequence[str]) -> Iterator[Problem]:
        """Links to what is not stored, other than to the pull request that a record names as its own."""
        records = self.desk.records(basis)
        named = {(host_of(record.url), link.target) for record in records for link in record.links}
        for link in said.links:
            resolved = self.desk.resolved(link)
            if resolved is None and link.url and not self.desk.ids(link):
                yield MISLABELLED, f"{link.text.strip('`')} leads to no record"
            elif resolved and not self.desk.ids(link) and (resolved.target.host, resolved.target.id) not in named:
                yield UNKNOWN, resolved.reason

    def _title(self, said: Statement, ids: Sequence[str]) -> Iterator[Problem]:
        """The first link's record is the one whose title is shown."""
        first = said.links[0]
        shown = self._title_of(said)
        own = self.desk.ids(first) or ids
        titles = {title for id in own[:1] for title in title_letters(self.desk.found.records[id])}
        untitled = self.words.base.line["untitled"]
        if shown and letters(shown) not in titles and not (shown == untitled and "" in titles):
            yield MISLABELLED, f"the title of {own[0]} is another one"

    def _title_of(self, said: Statement) -> str:
        before = said.text[: said.links[0].start]
        title = _OPEN.sub("", before).removeprefix(_CHILD).strip()
        if said.strong and said.strong[0][1] <= said.links[0].start:
            start, end = said.strong[0]
            title = said.text[start:end].strip()
        return title

    def _together(self, said: Statement, ids: Sequence[str]) -> Iterator[Problem]:
        """A commit, its merge and its pull request have to be of each other."""
        for link in subject_links(said)[1:]:
            resolved = self.desk.resolved(link)
            named = (resolved.target.id,) if resolved and (resolved.through or not resolved.ids) else self.desk.ids(link)
            others = [id for id in ids if id not in named]
            if named and others and not self._linked(named[0], others):
                yield MISLABELLED, f"{link.text.strip('`')} is not of {ids[0]}"

    def _linked(self, id: str, others: Iterable[str]) -> bool:
        records = self.desk.found.records
        targets = {link.target for link in records[id].links} if id in records else set()
        return any(
            other == id or other in targets or any(link.target == id for link in records[other].links) for other in others
        )

    def _facts(self, said: Statement, basis: Sequence[str], *, skip: str = "") -> list[Problem]:
        """What a line says beside titles and sentences; ``skip`` is the title, which has been checked."""
        text = bare(said).replace(skip, " ", 1) if skip else bare(said)
        records = self.desk.records(basis)
        zone = self.desk.facts.zone
        found = [(MISLABELLED, reason) for reason in wrong_authors(text, records)]
        found += [(WRONG_FIGURE, reason) for reason in wrong_events(text, records, zone)]
        found += [(WRONG_FIGURE, reason) for reason in wrong_sizes(text, records)]
        found += [(WRONG_FIGURE, reason) for reason in self._unfounded(text, basis)]
        return found

    def _unfounded(self, text: str, basis: Sequence[str]) -> Iterator[str]:
        """Paths, figures and names that do not stand; persons' names and titles, checked elsewhere, are not looked into."""
        said = self.desk.said(basis)
        known = {letters(shorten(path, LONGEST_PATH)) for path in said.paths} | {letters(key) for key in self.desk.aliases}
        text = _CODE.sub(lambda span: " " if letters(span["text"]) in known else span[0], text)
        names = {record.author: LONGEST_NAME for record in said.records} | {r.title: LONGEST_TITLE for r in said.records}
        for shown in sorted({shown_name(name, limit) for name, limit in names.items()} - {""}, key=len, reverse=True):
            text = text.replace(shown, " ")
        yield from (f"not in the record: {span['text'][:80]}" for span in _CODE.finditer(text))
        yield from problems(_CODE.sub(" ", text), said)

    def _states(self, said: Statement, ids: Sequence[str]) -> Iterator[Problem]:
        record = self.desk.found.records[ids[0]]
        if record.kind in ("pull", "issue"):
            text = bare(said).replace(self._title_of(said), " ") if said.kind != "prose" and said.links else bare(said)
            yield from ((MISLABELLED, reason) for reason in wrong_states(text, [(record.id, [record.state])]))

    def _cells(self, said: Statement, ids: Sequence[str]) -> Iterator[Problem]:
        """The cells of a row behind the first: its kind, its size, its author."""
        entry = self.entries.get(ids[0])
        if entry is None or not said.cells or said.text.startswith(_CHILD):
            return
        cells = dict(zip(said.columns, said.cells, strict=False))
        kind, size = cells.get(self.words.columns["kind"]), cells.get(self.words.columns["size"])
        if kind is not None and kind != self.words.kinds[entry.group]:
            yield MISLABELLED, f"it is not “{kind}”, but “{self.words.kinds[entry.group]}”"
        if size is not None and _FIGURES.search(size) and not self._is_size(size, entry.view.changed):
            yield WRONG_FIGURE, f"wrong figure: {size}"
        author = cells.get(self.words.columns["author"])
        if author and not is_author(author, entry.view.subject):
            yield MISLABELLED, f"by {author}: the author is {entry.view.subject.author}"

    @staticmethod
    def _is_size(cell: str, record: Record) -> bool:
        said = sorted(int(figure.replace(",", "")) for figure in _FIGURES.findall(cell))
        files = [len(record.files)] if len(record.files) > 1 else []
        return said == sorted([*totals(record), *files])

    # --- below the head ---------------------------------------------------------------------------------------------------

    def _part(self, part: Statement, basis: Sequence[str]) -> Finding:
        """A paragraph of an entry: sentences of its records, or the line of facts."""
        if not is_readable(part):
            return judged(part, [(UNKNOWN, "it is too long to be checked")])
        if is_verbatim(part.text, self.desk.records(basis)):
            return judged(part, [], basis)
        linked = tuple(dict.fromkeys([*basis, *self.desk.all_ids(part.links)]))
        if _HAPPENED.search(part.text):
            found = [*self._labels(part), *self._unknown(part, linked), *self._states(part, basis)]
            found += [*self._facts(part, linked), *self._files(part, basis)]
            return judged(part, found, linked)
        if self.modelled:
            return judged(part, [(WRONG_FIGURE, reason) for reason in problems(bare(part), self.desk.said(linked))], linked)
        return judged(part, [(WRONG_FIGURE, "it does not stand in the record as a whole sentence")], basis)

    def _files(self, part: Statement, basis: Sequence[str]) -> Iterator[Problem]:
        """ "and 5 more": with those named they are all of a record's files."""
        more = _MORE.search(part.text)
        if more:
            named = len(re.findall(r"`+ \+\d", part.text[: more.start()]))
            count = int(more["en"] or more["zh"])
            if all(named + count != len(record.files) for record in self.desk.records(basis)):
                yield WRONG_FIGURE, f"wrong figure: {more[0]}"

    def _place(self, part: Statement) -> re.Match[str] | None:
        """Where a hunk is from: "`path`, line 3:"."""
        form = re.escape(self.words.base.notes["at"]).replace(r"\{path\}", "{path}").replace(r"\{line\}", r"(?P<line>\d+)")
        path = r"(?P<fence>`+) ?(?P<path>.+?) ?(?P=fence)"
        where = form.replace("{path}", path)
        end = re.escape(self.words.base.colon)
        return re.fullmatch(f"{where}{end}", part.text) or re.fullmatch(f"{path}(?P<line>){end}", part.text)

    def _hunk(self, fence: Statement, where: Statement | None, basis: Sequence[str]) -> Finding:
        place = self._place(where) if where else None
        if place is None or where is None:
            return judged(fence, [(WRONG_FIGURE, "it is not said where the code stands")], basis)
        records = self.desk.records(basis)
        lines = places(fence, place["path"], records)
        if lines and (not place["line"] or int(place["line"]) in lines):
            return judged(fence, [], basis)
        if lines:
            return judged(where, [(WRONG_FIGURE, f"it stands at line {lines[0]}")], basis)
        line, row = wrong_rows(fence, records)
        if not line and all(file.path != place["path"] for record in records for file in record.files):
            return judged(where, [(WRONG_FIGURE, f"not in the record: {place['path']}")], basis)
        reason = f"not in the patch: {row[:80]}" if line else "the rows do not stand together in the patch of that file"
        return replace(judged(fence, [(WRONG_FIGURE, reason)], basis), line=line or fence.line)
