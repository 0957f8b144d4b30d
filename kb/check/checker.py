"""Whether what an entry of our own reports says of its records stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from kb.check.claims import (
    LONGEST_NAME,
    bare,
    is_author,
    unfounded_claim,
    wrong_authors,
    wrong_events,
    wrong_sizes,
    wrong_states,
)
from kb.check.desk import Desk, judged
from kb.check.entries import CHILD, CODE, NUMBER, OPEN, Told, subject_links
from kb.check.expected import same
from kb.check.fences import places, wrong_rows
from kb.check.labels import wrong_labels
from kb.check.parse import is_readable, part_of, sentences
from kb.check.targets import host_of
from kb.check.types import MISLABELLED, NOT_IN_WINDOW, UNKNOWN, WRONG_FIGURE, Finding, Statement
from kb.check.verbatim import is_verbatim, letters, shown_name, title_letters
from kb.citations import problems
from kb.escape import shorten
from kb.facts import totals
from kb.render import LONGEST_TITLE
from kb.report.types import Entry
from kb.report.wording import ReportWords
from kb.types import Record

Problem = tuple[str, str]
_LONGEST_PATH = 160  # characters: how much of one a page shows
_MORE = re.compile(r"and (?P<en>\d+) more|另有 (?P<zh>\d+) 个文件")
_HAPPENED = re.compile(r"\d{4}-\d{2}-\d{2}|\d{4} 年 \d{1,2} 月 \d{1,2} 日")
_FIGURES = re.compile(r"\d[\d,]*")
_VERSION = re.compile(r"v(\d{1,4})(?:\.pdf)?/?$")  # of a paper
_SAYS = re.compile(r"\w")
_REFERENCE = re.compile(r"#\d{1,9}|[0-9a-f]{7}")


def _ends(target: str, name: str) -> bool:
    """Whether a record's id ends with a number, or its SHA begins with these digits."""
    return target.endswith(name) if name.startswith("#") else target.rpartition("@")[2].startswith(name)


@dataclass(frozen=True)
class Checker:
    """Holds entries to their records. ``entries`` are those of the window by each id that they stand for, ``twins`` maps such
    an id to the entry, or the line below a merge, as it would be told again; ``modelled``: a model wrote the sentences."""

    desk: Desk
    words: ReportWords
    entries: Mapping[str, Entry]
    twins: Mapping[str, Told]
    modelled: bool

    def entry(self, told: Told) -> Iterator[Finding]:
        """A finding for each statement of an entry."""
        yield self.head(told.head, told.subjects)
        if not told.subjects:
            return  # what stands below rests on nothing that is known
        linked = [id for said in (told.head, *(child for child, _ in told.children)) for id in self.desk.all_ids(said.links)]
        basis = tuple(dict.fromkeys([*told.ids, *linked]))
        twin = self.twins.get(told.subjects[0])
        facts = twin.parts if twin else []
        where: Statement | None = None
        for part in told.parts:
            if any(same(part, one) for one in facts):
                yield judged(part, [], basis)
            elif part.kind == "fence":
                yield self._hunk(part, where, basis)
            elif self._place(part) and where is None:
                where = part
            else:
                yield self._part(part, basis, facts)
        if where and not any(part.kind == "fence" for part in told.parts):
            yield judged(where, [(UNKNOWN, "there is no code below it")], basis)
        for child, ids in told.children:
            yield self.head(child, ids, parent=told.subjects)

    def head(self, said: Statement, ids: tuple[str, ...], *, parent: tuple[str, ...] = ()) -> Finding:
        """The line that names an entry, or something that a merge brought."""
        if not is_readable(said):
            return judged(said, [(UNKNOWN, "it is too long to be checked")])
        if not ids:
            reasons = [named.reason for link in said.links if (named := self.desk.resolved(link)) and named.reason]
            return judged(said, [*self._labels(said), (UNKNOWN, reasons[0] if reasons else "it names no record")])
        twin = self.twins.get(ids[0])
        if twin and same(said, twin.head) and not (parent and not self._linked(ids[0], parent)):
            return judged(said, [], ids)
        found = [*self._labels(said), *self._title(said, ids), *self._together(said, ids)]
        if parent and not self._linked(ids[0], parent):
            found.append((MISLABELLED, f"{ids[0]} was not brought by {parent[0]}"))
        basis = self.desk.all_ids(said.links)
        found += [*self._unknown(said, basis), *self._states(said, ids)]
        found += self._facts(said, basis or ids, skip=self._title_of(said))
        found += self._cells(said, ids)
        if not set(ids) & set(self.entries):
            found.append((NOT_IN_WINDOW, "none of its events lies in the window"))
        if not found and twin:
            found += self._strange(said, twin.head)
        return judged(said, found, ids)

    def _labels(self, said: Statement) -> list[Problem]:
        return [(MISLABELLED, reason) for reason in (*wrong_labels(said, self.desk.kind_of), *self._versions(said))]

    def _versions(self, said: Statement) -> Iterator[str]:
        """Links to versions of papers that are later than those that are known."""
        for link in said.links:
            shown = _VERSION.search(link.url)
            known = [_VERSION.search(record.url) for record in self.desk.records(self.desk.ids(link)) if record.kind == "paper"]
            if shown and any(own and int(shown[1]) > int(own[1]) for own in known):
                yield f"{link.text.strip('`')} leads to a version that is not known: v{shown[1]}"

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
        title = OPEN.sub("", before).removeprefix(CHILD).strip()
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
        known = {letters(shorten(path, _LONGEST_PATH)) for path in said.paths} | {letters(key) for key in self.desk.aliases}
        text = CODE.sub(lambda span: " " if letters(span["text"]) in known else span[0], text)
        names = {record.author: LONGEST_NAME for record in said.records} | {r.title: LONGEST_TITLE for r in said.records}
        for shown in sorted({shown_name(name, limit) for name, limit in names.items()} - {""}, key=len, reverse=True):
            text = text.replace(shown, " ")
        yield from (f"not in the record: {span['text'][:80]}" for span in CODE.finditer(text))
        yield from problems(CODE.sub(" ", text), said)

    def _states(self, said: Statement, ids: Sequence[str]) -> Iterator[Problem]:
        record = self.desk.found.records[ids[0]]
        if record.kind in ("pull", "issue"):
            text = bare(said).replace(self._title_of(said), " ") if said.kind != "prose" and said.links else bare(said)
            yield from ((MISLABELLED, reason) for reason in wrong_states(text, [(record.id, [record.state])]))

    def _cells(self, said: Statement, ids: Sequence[str]) -> Iterator[Problem]:
        """The cells of a row behind the first: its kind, its size, its author."""
        entry = self.entries.get(ids[0])
        if entry is None or not said.cells or said.text.startswith(CHILD):
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

    def _part(self, part: Statement, basis: Sequence[str], facts: Sequence[Statement]) -> Finding:
        """A paragraph of an entry: sentences of its records, or a line of facts that is not as it would be told again."""
        if not is_readable(part):
            return judged(part, [(UNKNOWN, "it is too long to be checked")])
        records = self.desk.records(basis)
        if part.kind != "prose":
            return judged(part, [(UNKNOWN, "no entry has such a part")], basis)
        verbatim = is_verbatim(part.text, records, leads=self.words.leads)
        if verbatim or (self.modelled and not _HAPPENED.search(part.text)):
            found = [(MISLABELLED, f"{link.text[:80]} leads where no sentence does") for link in part.links if link.url]
            if not verbatim:
                found += [(WRONG_FIGURE, reason) for said in sentences(part) for reason in self._unsaid(said, records)]
            return judged(part, found, basis)
        linked = tuple(dict.fromkeys([*basis, *self.desk.all_ids(part.links)]))
        if _HAPPENED.search(part.text):
            found = [*self._labels(part), *self._unknown(part, linked), *self._states(part, basis)]
            found += [*self._facts(part, linked), *self._files(part, basis)]
            return judged(part, found or list(self._unlike(part, facts, basis)), linked)
        return judged(part, [(WRONG_FIGURE, "it does not stand in the record as a whole sentence")], basis)

    def _unsaid(self, said: Statement, records: Sequence[Record]) -> Iterator[str]:
        """What a sentence that a model wrote says beyond the records."""
        yield from problems(bare(said), self.desk.said([record.id for record in records]))
        yield from unfounded_claim(bare(said), records, self.desk.facts.zone)

    def outlook(self, said: Statement) -> Finding:
        """A sentence that a model wrote of several records, which it cites."""
        ids = self.desk.all_ids(said.links)
        reasons = list(self._unsaid(said, self.desk.records(ids))) if ids and is_readable(said) else []
        return judged(
            said, [(WRONG_FIGURE, reason) for reason in reasons] or ([] if ids else [(UNKNOWN, "it cites no record")]), ids
        )

    # --- what is not as it would be told again ----------------------------------------------------------------------------

    def _strange(self, said: Statement, twin: Statement) -> Iterator[Problem]:
        """Words of a head that its records do not bear out: nothing but its keys and its title may differ from the twin."""
        if said.cells and twin.cells:
            yield from (
                (WRONG_FIGURE, f"it should read: {right}")
                for cell, right in zip_longest(said.cells[1:], twin.cells[1:], fillvalue="")
                if letters(cell) != letters(right)
            )
            said = part_of(said, 0, len(said.cells[0]))
        own, *others = self._split(said)
        kept = list(own.text)
        for link in own.links:
            kept[link.start : link.end] = " " * (link.end - link.start)
        rest = "".join(kept).replace(self._title_of(said), " ", 1)
        if _SAYS.search(
            self._literals("open", "close", "sep", "merge", "landed", "pull", "untitled").sub(" ", NUMBER.sub(" ", rest))
        ):
            yield UNKNOWN, f"no entry is told so: {rest.strip()[:80]}"
        yield from self._unlike_parts(others, self._split(twin)[1:], self.desk.all_ids(subject_links(said)))

    def _unlike(self, part: Statement, facts: Sequence[Statement], basis: Sequence[str]) -> Iterator[Problem]:
        return self._unlike_parts(self._split(part), [one for fact in facts for one in self._split(fact)], basis)

    def _unlike_parts(self, parts: Sequence[Statement], known: Sequence[Statement], basis: Sequence[str]) -> Iterator[Problem]:
        for part in parts:
            if not any(same(part, one) for one in known) and not self._is_relation(part, basis):
                yield UNKNOWN, f"the record does not say so: {part.text[:80]}"

    def _split(self, said: Statement) -> list[Statement]:
        """The parts of a line, which a dot sets apart."""
        dot = self.words.base.line["dot"]
        found, left = [], 0
        while (right := said.text.find(dot, left)) >= 0:
            found.append(part_of(said, left, right))
            left = right + len(dot)
        return [*found, part_of(said, left, len(said.text))]

    def _is_relation(self, part: Statement, basis: Sequence[str]) -> bool:
        """Whether a part names what its record is linked to, by its number or SHA alone: what it was not stored then."""
        line, relations = self.words.base.line, self.words.base.relations
        leads = {line["reverts"]: "reverts", **{line["beside"].format(rel=relations[rel]): rel for rel in ("fixes", "paper")}}
        for lead, rel in leads.items():
            if part.text.startswith(lead) and not part.links:
                named = part.text.removeprefix(lead).split(line["sep"])
                targets = [target for record in self.desk.records(basis) for target in record.linked(rel)]
                return all(_REFERENCE.fullmatch(name) and any(_ends(target, name) for target in targets) for name in named)
        return False

    def _literals(self, *names: str) -> re.Pattern[str]:
        texts = sorted((self.words.base.line[name].strip() for name in names), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, texts)))

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
