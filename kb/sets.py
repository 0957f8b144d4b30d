"""A set question's answer: every record that matches, in groups, never a top-k; and why, where there is none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from kb import render
from kb.catalog import Catalog, Filter
from kb.classify import labels
from kb.draft import Part, sources, verified, written
from kb.figures import Figures, count, figures, grouped
from kb.lines import View, change_line
from kb.render import Context
from kb.types import Answer, Coverage, Found, Hit, Judgement, LedgerRow, Scope, Tag
from kb.views import Views, folded, views

WHOLE_WINDOW = 5000  # records of one window that are listed
IN_FULL = 60  # lines of a list; the rest is one short line each
_IN_A_LIST = ("fixed-by", "landed-as", "pull", "fixes", "paper")


class Searcher(Protocol):
    """Finds the records of a scope."""

    def find(self, scope: Scope, *, limit: int = 10) -> Found:
        """Up to ``limit`` records that the scope's window, repositories and kinds let through, best first."""
        ...


Judge = Callable[[Scope, Found], Judgement]


def touched(ledger: Sequence[LedgerRow], scope: Scope) -> tuple[LedgerRow, ...]:
    """The sources that give anything that the scope lets through."""

    def of_kind(row: LedgerRow) -> bool:
        return not scope.kinds or not row.kinds or not set(scope.kinds).isdisjoint(row.kinds)

    return tuple(row for row in ledger if of_kind(row) and (not scope.repos or row.repo in scope.repos))


@dataclass(frozen=True)
class FoundSet:
    """What a search found for a set question, and which of it matches."""

    scope: Scope
    found: Found
    judgement: Judgement
    matched: tuple[Hit, ...]

    @property
    def matching(self) -> int:
        """How many records match, those among them that were not fetched."""
        everything = not (self.scope.topic or self.scope.facets)
        return self.found.in_window if everything else len(self.matched)


def find_set(scope: Scope, searcher: Searcher, judge: Judge) -> FoundSet:
    """The records that a set question is about: those of its topic, of its facets; all where it names neither."""
    found = searcher.find(scope, limit=WHOLE_WINDOW)
    if scope.facets and len(found.hits) < found.in_window:  # each record says for itself whether it is a fix
        found = searcher.find(scope, limit=found.in_window)
    judgement = judge(scope, found) if scope.topic else Judgement("answered", 1.0, tuple(range(len(found.hits))))
    hits = [found.hits[at] for at in sorted(set(judgement.matched)) if 0 <= at < len(found.hits)]
    if scope.facets:
        hits = [hit for hit in hits if labels(hit.record) & set(scope.facets)]
    return FoundSet(scope, found, judgement, tuple(hits))


def views_of(sets: Sequence[FoundSet], catalog: Catalog, context: Context) -> Views:
    """Views of all that some sets matched: a key stands for one record on the page that tells them all."""
    hits = list({hit.record.id: hit for one in sets for hit in one.matched}.values())
    events = sets[0].scope.events if sets else ()
    return views(catalog, hits, now=context.now, zone=context.zone, events=events, relations=_IN_A_LIST)


def tell_set(
    one: FoundSet, seen: Views, catalog: Catalog, ledger: Sequence[LedgerRow], context: Context
) -> tuple[Answer, Figures]:
    """A set question's answer, every matching record in it, and what is counted of them."""
    scope, found, judgement = one.scope, one.found, one.judgement
    rows = touched(ledger, scope)
    records = [hit.record for hit in one.matched]
    ids = {record.id for record in records}
    groups = grouped(folded(records, seen))
    draft = verified(list(_lines(groups, ids, scope, context)), seen, context)
    coverage = Coverage(one.matching, len(draft.listed & ids), found.in_window)
    cut = one.matching > len(records)
    foot = [*render.problems(rows, scope, context), *render.beginnings(rows, scope, context)]
    missing = unread(scope, catalog)
    released = _releases(scope, catalog)
    silent = not records and not found.in_window and not missing and not any(tag.beyond for tag in released)
    quiet = silent and rows and not foot
    if silent:
        foot = render.silence(rows, scope, context)
    elif not records:
        foot = render.last_reads(rows, scope, context)
    status = (
        judgement.status if records and judgement.status != "abstained" else "answered" if records or quiet else "abstained"
    )
    confirmed = status != "partial"
    status = "partial" if cut else status
    head = [
        render.header(scope, context),
        render.coverage_text(coverage, found, context.words),
        render.releases(released, context.words),
        render.unread(missing, context.words),
        *render.notes(scope, found.degraded, draft.removed, context.words),
        "" if confirmed else context.words.notes["partial lead"],
    ]
    blocks = [*draft.blocks, *sources(foot, context)]
    given = written(scope, status, head, blocks, draft, seen, coverage, rows, judgement.confidence, found.degraded, context)
    listed = tuple(record.id for record in records if record.id in draft.listed)
    return replace(given, matched=listed), figures(groups, frozenset(listed))


def _releases(scope: Scope, catalog: Catalog) -> list[Tag]:
    """The tags of the releases that a question names, with their commits; those that no git source has read are left out."""
    found = []
    for id in scope.window.releases:
        repo, _, name = id.removeprefix("release:").partition("@")
        tag = next((tag for tag in catalog.tags(repo) if tag.name == name), None)
        commits = catalog.tag_commits(id)
        if tag and (commits or tag.beyond):
            found.append(replace(tag, commits=commits))
    return found


def unread(scope: Scope, catalog: Catalog) -> tuple[str, ...]:
    """Kinds asked for of which nothing at all is stored: that none is found says nothing about what happened."""
    return tuple(kind for kind in scope.kinds if catalog.size() and not catalog.count(Filter(kinds=(kind,))))


def _lines(groups: Mapping[str, Sequence[View]], ids: Collection[str], scope: Scope, context: Context) -> Iterator[Part]:
    """Headings and lines: by group, then by repository, latest first."""
    shown = [view.record.repo for members in groups.values() for view in members]
    order = {repo: at for at, repo in enumerate(scope.repos or sorted(set(shown)))}
    written = 0
    for group, members in groups.items():
        yield Part(render.heading(context.words.groups[group] + context.words.bracketed(str(count(members, ids)))))
        for view in sorted(
            members, key=lambda view: (order.get(view.record.repo, 0), -_moment(view).timestamp(), view.record.id)
        ):
            form = "full" if written < IN_FULL else "compact"
            written += 1 + len(view.brought)
            yield Part(line=change_line(view, words=context.words, zone=context.zone, form=form))


def _moment(view: View) -> datetime:
    return view.event.at if view.event else view.record.at
