"""A frame to a report: every record of the window, weighed, told in sentences or as a row, and each statement verified.

What fails verification is left out and counted; the record itself never is: its title and its keys stand in any case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kb.catalog import Catalog
from kb.citations import EXACT, Piece, verify, verify_pieces
from kb.lines import Line, author_line, change_line, facts_line, happened_line, head_line, size_line
from kb.protocols import Progress, silent
from kb.report.gather import gather
from kb.report.tagged import announced, tagged
from kb.report.types import GROUPS, Entry, Frame, Report, Section, Sentence, Told, Weight, Writer
from kb.report.wording import ReportWords, report_words
from kb.types import Evidence, LedgerRow, Quote, Record
from kb.views import Views

OUTLOOK = ""  # the id under which a writer gives the outlook
TOP = 5  # entries of the summary
_THREADS = ("opened pulls", "closed pulls", "opened issues", "closed issues")
_KINDS_TO_TABLE = ("papers", "posts", "hub")
_CHANGES = tuple(group for group in GROUPS if group not in (*_THREADS, *_KINDS_TO_TABLE))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a report chooses: ``weigh`` an entry, ``choose`` the ids of those told in detail, ``hunk`` to quote of a change."""

    weigh: Callable[[Entry], Weight]
    choose: Callable[[Sequence[Entry]], Collection[str]]
    hunk: Callable[[Record], Quote | None]


def compose(
    frame: Frame,
    *,
    catalog: Catalog,
    ledger: Sequence[LedgerRow],
    choice: Choice,
    writer: Writer,
    progress: Progress = silent,
) -> Report:
    """The report of a frame from the catalog; ``ledger`` says how each configured source stands.

    Raises:
        CatalogError: the record store cannot be read.
    """
    entries, seen = gather(catalog, frame)
    weighed = [replace(entry, weight=choice.weigh(entry)) for entry in entries]
    tags = tagged(catalog, frame, entries)
    chosen = set(choice.choose([entry for entry in weighed if not announced(entry, tags)]))
    detailed = [_quoted(replace(entry, detail=True), choice) for entry in weighed if entry.id in chosen]
    written = writer.write(detailed, seen.evidence, language=frame.language, progress=progress)
    words = report_words(frame.language)
    desk = _Desk(seen, words, frame)
    told = {entry.id: desk.in_detail(entry, written.sentences.get(entry.id, ())) for entry in detailed}
    told |= {entry.id: desk.as_row(entry) for entry in weighed if entry.id not in chosen}
    outlook = tuple(sentence for sentence in written.sentences.get(OUTLOOK, ()) if desk.stands(sentence))
    rows = tuple(row for row in ledger if not frame.repos or row.repo in frame.repos or not row.repo)
    return Report(
        frame=frame,
        sections=tuple(_sections(list(told.values()))),
        top=_top(told.values()),
        evidence=seen.evidence,
        ledger=rows,
        tagged=tags,
        provisional=_provisional(frame, rows),
        removed=written.removed + desk.removed,
        outlook=outlook,
        written=written,
    )


def _quoted(entry: Entry, choice: Choice) -> Entry:
    return replace(entry, hunk=choice.hunk(entry.view.changed))


def _provisional(frame: Frame, ledger: Sequence[LedgerRow]) -> bool:
    end = frame.window.end or frame.as_of
    return frame.as_of < end or any(row.last_success is None or row.last_success < end for row in ledger)


# --- verifying ---------------------------------------------------------------------------------------------------------------


class _Desk:
    """Puts entries on the page: each part is verified on its own, and left out and counted where it does not stand."""

    def __init__(self, seen: Views, words: ReportWords, frame: Frame) -> None:
        self.seen = seen
        self.words = words
        self.frame = frame
        self.removed = 0

    def in_detail(self, entry: Entry, sentences: Iterable[Sentence]) -> Told:
        view, words, zone = entry.view, self.words.base, self.frame.zone
        facts = self._kept(facts_line(view, words=words, zone=zone))
        hunk = entry.hunk
        if hunk and not self._stands((Piece(hunk.text, "quote"),), (view.landed or view.commit or view).key):
            hunk = None
        return Told(
            entry=entry,
            head=self._head(entry),
            sentences=tuple(sentence for sentence in sentences if self.stands(sentence)),
            facts=facts,
            hunk=hunk,
            children=self._children(entry),
        )

    def as_row(self, entry: Entry) -> Told:
        view, words, zone = entry.view, self.words.base, self.frame.zone
        happened = happened_line(view, words, zone)
        cells = [happened, author_line(view, words)] if view.record.kind != "commit" else [author_line(view, words)]
        if entry.group not in _THREADS and entry.group not in _KINDS_TO_TABLE:
            cells = [size_line(view, words), *([happened] if self.frame.length != "1d" else []), author_line(view, words)]
        kept = tuple(self._kept(cell) or Line((), ()) for cell in cells)
        return Told(entry=entry, head=self._head(entry), cells=kept, children=self._children(entry))

    def _head(self, entry: Entry) -> Line:
        """A title or a key that cannot be shown as it is (its repository's name is hostile, say) leaves the bare key."""
        line = head_line(entry.view, words=self.words.base, zone=self.frame.zone)
        beside = tuple(self._relanded(entry, line))
        keys = (*_with_pull(line.keys, entry), *(piece.text for piece in beside if piece.role == "key"))
        line = Line((*line.pieces, *beside), keys, entry.ids)
        if self._exact(line):
            return line
        self.removed += 1
        key = entry.view.key
        return Line((Piece(key, "key", entry.view.record.url),), (key,), entry.ids)

    def _relanded(self, entry: Entry, line: Line) -> Iterator[Piece]:
        """What brought back what it took out, or the other way round, where its own line does not speak of it."""
        for note, key in (("relanded", entry.relanded), ("relands", entry.relands)):
            if key and key not in line.keys and key in self.seen.evidence:
                before, _, after = self.words.notes[note].partition("{key}")
                yield Piece(self.words.base.line["dot"] + before)
                yield Piece(key, "key", self.seen.evidence[key].record.url)
                yield Piece(after)

    def _children(self, entry: Entry) -> tuple[Line, ...]:
        lines = []
        for child in entry.view.brought:
            line = change_line(child, words=self.words.base, zone=self.frame.zone, form="compact")
            bare = Line((Piece(child.key, "key", child.record.url),), (child.key,), line.records)
            lines.append(self._kept(line) or bare)
        return tuple(lines)

    def _kept(self, line: Line) -> Line | None:
        if not line.pieces or self._exact(line):
            return line
        self.removed += 1
        return None

    def _exact(self, line: Line) -> bool:
        return verify_pieces(line.pieces, line.keys, self.seen.evidence, self.seen.facts) == EXACT

    def _stands(self, pieces: Sequence[Piece], *keys: str) -> bool:
        if verify_pieces(pieces, keys, self.seen.evidence, self.seen.facts) == EXACT:
            return True
        self.removed += 1
        return False

    def stands(self, sentence: Sentence) -> bool:
        """Whether a writer's sentence stands in what it cites; counted where it does not."""
        if sentence.verbatim:
            return self._stands((Piece(sentence.text, "clipped"),), *sentence.keys)
        if verify(sentence.text, sentence.keys, self.seen.evidence, self.seen.facts) == EXACT:
            return True
        self.removed += 1
        return False


def _with_pull(keys: tuple[str, ...], entry: Entry) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*keys, *((entry.also.key,) if entry.also else ())]))


# --- sections ----------------------------------------------------------------------------------------------------------------


def _sections(told: Sequence[Told]) -> Iterable[Section]:
    """By repository, the weightiest first; within it by group, what is told in detail before the tables."""
    by_repo: defaultdict[str, list[Told]] = defaultdict(list)
    for item in told:
        by_repo[item.entry.view.record.repo].append(item)
    for repo in sorted(by_repo, key=lambda repo: (repo == "", -_weight(by_repo[repo]), repo)):
        yield from _of_repo(repo, by_repo[repo])


def _weight(told: Iterable[Told]) -> float:
    return sum(item.entry.weight.score for item in told if item.entry.detail)


def _of_repo(repo: str, told: Sequence[Told]) -> Iterable[Section]:
    def of(groups: Collection[str], *, detail: bool) -> tuple[Told, ...]:
        chosen = [item for item in told if item.entry.group in groups and item.entry.detail == detail]
        return tuple(sorted(chosen, key=lambda item: _order(item, by_weight=detail)))

    plan: list[tuple[str, Collection[str], bool]] = [(group, (group,), True) for group in _CHANGES]
    plan.append(("smaller", _CHANGES, False))
    plan += [("watch", ("opened issues", "closed issues"), True)]
    plan += [(group, (group,), False) for group in ("opened issues", "closed issues")]
    plan += [(group, (group,), detail) for group in ("opened pulls", "closed pulls") for detail in (True, False)]
    plan += [(group, (group,), detail) for group in _KINDS_TO_TABLE for detail in (True, False)]
    for name, groups, detail in plan:
        if found := of(groups, detail=detail):
            yield Section(repo=repo, group=name, detail=detail, told=found)


def _order(item: Told, *, by_weight: bool) -> tuple[float, int, float, str]:
    entry = item.entry
    at = -(entry.view.event.at if entry.view.event else entry.view.record.at).timestamp()
    return (-entry.weight.score if by_weight else 0.0, GROUPS.index(entry.group), at, entry.id)


def _top(told: Iterable[Told]) -> tuple[Told, ...]:
    """The changes that weigh most; threads and papers are below."""
    changes = [item for item in told if item.entry.detail and item.entry.group in _CHANGES]
    return tuple(sorted(changes, key=lambda item: _order(item, by_weight=True))[:TOP])


def cited(report: Report) -> Mapping[str, Evidence]:
    """The evidence that stands behind the statements of a report, by key, in the order of the page."""
    keys: dict[str, None] = {}
    for section in report.sections:
        for item in section.told:
            for line in (item.head, *item.cells, *((item.facts,) if item.facts else ()), *item.children):
                keys.update(dict.fromkeys(line.keys))
            for sentence in item.sentences:
                keys.update(dict.fromkeys(sentence.keys))
    for sentence in report.outlook:
        keys.update(dict.fromkeys(sentence.keys))
    return {key: report.evidence[key] for key in keys}
