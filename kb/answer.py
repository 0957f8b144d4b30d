"""A question's scope to an answer without any LLM: lines chosen from records, each verified against what it cites.

A window question lists every record that matches, never a top-k. A needle or identifier question gives the best record with its
words; where nothing fits well enough, the answer says so, and what was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Protocol

from kb import render
from kb.catalog import Catalog, Filter
from kb.citations import EXACT, Piece, verify_pieces
from kb.classify import GROUPS, category, labels
from kb.lines import Line, View, change_line, neighbour_line
from kb.render import Context
from kb.telling import reason_sentence, telling_sentence
from kb.text import sentences, squeeze
from kb.types import Answer, Claim, Coverage, Evidence, Found, Hit, Judgement, LedgerRow, Quote, Record, Scope, Tag
from kb.views import Views, folded, views
from kb.wording import words

WHOLE_WINDOW = 5000  # records of one window that are fetched
IN_FULL = 60  # lines of a list; the rest is one short line each
_CANDIDATES = 10
_ALSO = 2
_CLOSEST = 3
LONGEST_QUOTE = 400
_RELATED = 0.6  # of the best score: what is further off is not related

_WHEN = re.compile(r"\bwhen\b|\bwhat (?:day|date)\b|\bsince when\b|什么时候|何时|哪天|哪一天|什么时间|几号", re.I)
_WHY = re.compile(r"\bwhy\b|\bwhat (?:was|is) the (?:reason|cause)\b|\bhow come\b|\bmotivation\b|为什么|为何|原因|怎么会", re.I)


_EVENTS = {
    "opened": re.compile(r"\b(?:opened|filed|reported|created)\b|创建|提出|打开", re.I),
    "closed": re.compile(r"\bclosed?\b|关闭", re.I),
    "merged": re.compile(r"\bmerged?\b|合并|合入", re.I),
    "revised": re.compile(r"\b(?:revised|updated)\b|修订|更新", re.I),
}
_IN_A_LIST = ("fixed-by", "landed-as", "pull", "fixes", "paper")


class Searcher(Protocol):
    """Finds the records of a scope."""

    def find(self, scope: Scope, *, limit: int = 10) -> Found:
        """Up to ``limit`` records that the scope's window, repositories and kinds let through, best first."""
        ...


Judge = Callable[[Scope, Found], Judgement]


def answer(
    scope: Scope,
    *,
    catalog: Catalog,
    searcher: Searcher,
    judge: Judge,
    now: datetime,
    zone: tzinfo,
    language: str = "en",
    ledger: Sequence[LedgerRow] | None = None,
) -> Answer:
    """Answer a scope from the catalog. ``now`` (aware) is the horizon: nothing later is told; dates are shown in ``zone``.

    ``ledger`` says how each source stands, those never read included; by default it is the catalog's.

    Raises:
        CatalogError: the record store cannot be read.
    """
    context = Context(now, zone, words(language))
    rows = tuple(row for row in (catalog.ledger() if ledger is None else ledger) if _touches(row, scope))
    if scope.intent == "window":
        return _window_answer(scope, catalog, searcher.find(scope, limit=WHOLE_WINDOW), judge, rows, context)
    return _needle_answer(scope, catalog, searcher.find(scope, limit=_CANDIDATES), judge, rows, context)


def _touches(row: LedgerRow, scope: Scope) -> bool:
    """Whether a source gives anything that the scope lets through."""
    of_kind = not scope.kinds or not row.kinds or not set(scope.kinds).isdisjoint(row.kinds)
    return of_kind and (not scope.repos or row.repo in scope.repos)


@dataclass(frozen=True)
class _Part:
    """A block of an answer: Markdown of our own, or a line or a quote to be verified."""

    markdown: str = ""
    line: Line | None = None
    quote: Quote | None = None


@dataclass(frozen=True)
class _Draft:
    """Parts that stood up to verification, as Markdown blocks, with their claims."""

    blocks: tuple[str, ...]
    claims: tuple[Claim, ...]
    removed: int
    listed: frozenset[str]


# --- what changed ------------------------------------------------------------------------------------------------------------


def _window_answer(
    scope: Scope, catalog: Catalog, found: Found, judge: Judge, rows: Sequence[LedgerRow], context: Context
) -> Answer:
    judgement, matched = _matching(scope, found, judge)
    seen = views(catalog, matched, now=context.now, zone=context.zone, events=scope.events, relations=_IN_A_LIST)
    draft = _verified(list(_grouped([hit.record for hit in matched], seen, scope, context)), seen, context)
    coverage = Coverage(len(matched), len(draft.listed & {hit.record.id for hit in matched}), found.in_window)
    foot = [*render.problems(rows, scope, context), *render.beginnings(rows, scope, context)]
    unread = _unread(scope, catalog)
    released = _releases(scope, catalog)
    silent = not matched and not found.in_window and not unread and not any(tag.beyond for tag in released)
    quiet = silent and rows and not foot
    if silent:
        foot = render.silence(rows, scope, context)
    elif not matched:
        foot = render.last_reads(rows, scope, context)
    blocks = [
        render.header(scope, context),
        render.coverage_text(coverage, found, context.words),
        render.releases(released, context.words),
        render.unread(unread, context.words),
        *render.notes(scope, found.degraded, draft.removed, context.words),
        *draft.blocks,
        *_sources(foot, context),
    ]
    status = (
        judgement.status if matched and judgement.status != "abstained" else "answered" if matched or quiet else "abstained"
    )
    given = _answer(scope, status, blocks, draft, seen, coverage, rows, judgement.confidence, found.degraded, context)
    return replace(given, matched=tuple(hit.record.id for hit in matched if hit.record.id in draft.listed))


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


def _unread(scope: Scope, catalog: Catalog) -> tuple[str, ...]:
    """Kinds asked for of which nothing at all is stored: that none is found says nothing about what happened."""
    return tuple(kind for kind in scope.kinds if catalog.size() and not catalog.count(Filter(kinds=(kind,))))


def _matching(scope: Scope, found: Found, judge: Judge) -> tuple[Judgement, list[Hit]]:
    """The hits that a window question is about: those of its topic, of its facets; all where it names neither."""
    judgement = judge(scope, found) if scope.topic else Judgement("answered", 1.0, tuple(range(len(found.hits))))
    hits = [found.hits[at] for at in sorted(set(judgement.matched)) if 0 <= at < len(found.hits)]
    if scope.facets:
        hits = [hit for hit in hits if labels(hit.record) & set(scope.facets)]
    return judgement, hits


def _grouped(matched: Sequence[Record], seen: Views, scope: Scope, context: Context) -> Iterator[_Part]:
    """Headings and lines: by group, then by repository, latest first."""
    order = {repo: at for at, repo in enumerate(scope.repos or sorted({record.repo for record in matched}))}
    ids = {record.id for record in matched}
    groups: dict[str, list[View]] = {group: [] for group in GROUPS}
    for view in folded(matched, seen):
        groups[_group(view)].append(view)
    written = 0
    for group, members in groups.items():
        if not members:
            continue
        records = sum(id in ids for view in members for id in view.ids)
        yield _Part(render.heading(context.words.groups[group] + context.words.bracketed(str(records))))
        for view in sorted(
            members, key=lambda view: (order.get(view.record.repo, 0), -_moment(view).timestamp(), view.record.id)
        ):
            form = "full" if written < IN_FULL else "compact"
            written += 1 + len(view.brought)
            yield _Part(line=change_line(view, words=context.words, zone=context.zone, form=form))


def _moment(view: View) -> datetime:
    return view.event.at if view.event else view.record.at


def _group(view: View) -> str:
    """A merge is listed by what it brought, where it does not say itself what it is."""
    own = category(view.subject)
    if own != "other" or not view.brought:
        return own
    return min((category(child.record) for child in view.brought), key=GROUPS.index)


# --- which, when, why --------------------------------------------------------------------------------------------------------


def _needle_answer(
    scope: Scope, catalog: Catalog, found: Found, judge: Judge, rows: Sequence[LedgerRow], context: Context
) -> Answer:
    judgement = judge(scope, found) if found.hits else Judgement("abstained", 0.0, ())
    chosen = _chosen(judgement, found)
    seen = views(catalog, chosen, now=context.now, zone=context.zone, events=scope.events or _asked(scope.question))
    status = judgement.status if chosen else "abstained"
    if status == "answered":
        parts = list(_best(scope, chosen, seen, context))
    elif status == "partial":
        parts = list(_closest(scope, chosen, seen, context))
    else:
        parts = list(_nothing(chosen, seen, scope, rows, found, context))
    draft = _verified(parts, seen, context)
    answering = {found.hits[at].record.id for at in judgement.matched} if status == "answered" else set()
    coverage = Coverage(len(answering), len(draft.listed & answering), found.in_window)
    foot = render.problems(rows, scope, context) if status != "abstained" else []
    foot += render.beginnings(rows, scope, context) if status == "partial" else []
    blocks = [
        render.header(scope, context),
        render.unread(_unread(scope, catalog), context.words),
        *render.notes(scope, found.degraded, draft.removed, context.words),
        *draft.blocks,
        *_sources(foot, context),
    ]
    given = _answer(scope, status, blocks, draft, seen, coverage, rows, judgement.confidence, found.degraded, context)
    named = [found.hits[at].record.id for at in judgement.matched] if status != "abstained" else []
    return replace(given, matched=tuple(id for id in named if id in draft.listed))


def _chosen(judgement: Judgement, found: Found) -> list[Hit]:
    """The hits to show, best first: what the judge named, and for an answer a few that score nearly as well."""
    best = [found.hits[at] for at in dict.fromkeys(judgement.matched) if 0 <= at < len(found.hits)]
    rest = [hit for hit in found.hits if hit not in best]
    if judgement.status == "answered":
        near = [hit for hit in rest if best and hit.score >= _RELATED * best[0].score]
        return [*best, *near][: 1 + _ALSO]
    return [*best, *rest][: _CLOSEST if judgement.status == "partial" else 1]


def _best(scope: Scope, chosen: Sequence[Hit], seen: Views, context: Context) -> Iterator[_Part]:
    words = context.words
    yield _Part(render.heading(words.notes["answered"]))
    yield from _detail(scope, chosen[0], seen, context)
    if len(chosen) > 1:
        yield _Part(render.heading(words.notes["also"]))
        for hit in chosen[1:]:
            yield _Part(line=change_line(seen.of[hit.record.id], words=words, zone=context.zone))


def _closest(scope: Scope, chosen: Sequence[Hit], seen: Views, context: Context) -> Iterator[_Part]:
    words = context.words
    yield _Part(render.heading(words.notes["partial"]))
    yield _Part(words.notes["partial lead"])
    yield from _detail(scope, chosen[0], seen, context)
    for hit in chosen[1:]:
        yield _Part(line=change_line(seen.of[hit.record.id], words=words, zone=context.zone))


def _detail(scope: Scope, hit: Hit, seen: Views, context: Context) -> Iterator[_Part]:
    """A record with its quote; the date first where that is asked, the reason where that is."""
    view = seen.of[hit.record.id]
    form = "dated" if _WHEN.search(scope.question) else "detail"
    yield _Part(line=change_line(view, words=context.words, zone=context.zone, form=form))
    quote = _quote(scope, hit)
    if quote.text:
        yield _Part(line=Line((Piece(quote.text, "quote"),), (view.key,)), quote=quote)
    if view.beside:
        yield _Part(context.words.notes["beside"] + context.words.colon)
        for beside in view.beside:
            line = neighbour_line(view, beside, seen.of.get(beside.other.id), words=context.words, zone=context.zone)
            yield _Part(line=line)


def _asked(question: str) -> tuple[str, ...]:
    """The kinds of event that a question about one record asks after ("when was #12 closed?")."""
    return tuple(kind for kind, pattern in _EVENTS.items() if pattern.search(question))


def _quote(scope: Scope, hit: Hit) -> Quote:
    """What of the record to quote: the searcher's choice, or the reason; nothing that repeats the title."""
    if _WHY.search(scope.question) and (reason := reason_sentence(hit.record)):
        return Quote(reason)
    if not hit.quote.path and squeeze(hit.quote.text) in squeeze(hit.record.title):
        return Quote(_naming(hit.record, scope.identifiers) or telling_sentence(hit.record))
    return hit.quote


def _naming(record: Record, identifiers: Sequence[str]) -> str:
    """The first sentence of the body that names one of them; "" where none does."""
    texts = (squeeze(sentence.text) for sentence in sentences(record.body)) if identifiers else ()
    return next((text for text in texts if len(text) <= LONGEST_QUOTE and any(name in text for name in identifiers)), "")


def _nothing(
    chosen: Sequence[Hit], seen: Views, scope: Scope, rows: Sequence[LedgerRow], found: Found, context: Context
) -> Iterator[_Part]:
    words = context.words
    yield _Part(words.notes["abstained"])
    looked = words.notes["looked"].format(in_window=found.in_window) if found.in_window else words.notes["empty"]
    yield _Part(render.bullets([looked, *render.last_reads(rows, scope, context)]))
    if chosen:
        yield _Part(words.notes["nearest"])
        yield _Part(line=change_line(seen.of[chosen[0].record.id], words=words, zone=context.zone, form="compact"))


# --- putting together --------------------------------------------------------------------------------------------------------


def _verified(parts: Sequence[_Part], seen: Views, context: Context) -> _Draft:
    """Every line checked against what it cites; a line that fails is left out, and a heading above nothing with it."""
    blocks: list[str] = []
    claims: list[Claim] = []
    listed: set[str] = set()
    removed = 0
    items: list[str] = []
    for part in parts:
        kept, failed = _stand(part.line, seen) if part.line else ([], 0)
        removed += failed
        claims += [Claim(line.text, line.keys) for top in kept for line in (top, *top.children)]
        listed |= {id for top in kept for line in (top, *top.children) for id in line.records}
        if part.line and not part.quote:
            items += [render.line_markdown(line) for line in kept]
            continue
        if items:
            blocks.append("\n".join(items))
            items = []
        if part.quote and kept:
            blocks.append(render.quote_markdown(part.quote, context))
        elif part.markdown:
            blocks.append(part.markdown)
    if items:
        blocks.append("\n".join(items))
    return _Draft(tuple(_with_content(blocks)), tuple(claims), removed, frozenset(listed))


def _with_content(blocks: Sequence[str]) -> Iterator[str]:
    """Without headings that nothing follows."""
    for at, block in enumerate(blocks):
        if not block.startswith("### ") or (at + 1 < len(blocks) and not blocks[at + 1].startswith("### ")):
            yield block


def _stand(line: Line, seen: Views) -> tuple[list[Line], int]:
    """The line with those of its children that are true of their records; children of one that is not stand for themselves."""
    children = [child for child in line.children if _is_exact(child, seen)]
    failed = len(line.children) - len(children)
    if _is_exact(line, seen):
        return [replace(line, children=tuple(children))], failed
    return children, failed + 1


def _is_exact(line: Line, seen: Views) -> bool:
    return verify_pieces(line.pieces, line.keys, seen.evidence, seen.facts) == EXACT


def _sources(sentences: Sequence[str], context: Context) -> list[str]:
    return [render.heading(context.words.header["sources"]), render.bullets(sentences)] if sentences else []


def _answer(
    scope: Scope,
    status: str,
    blocks: Sequence[str],
    draft: _Draft,
    seen: Views,
    coverage: Coverage,
    rows: Sequence[LedgerRow],
    confidence: float,
    degraded: str,
    context: Context,
) -> Answer:
    return Answer(
        question=scope.question,
        scope=scope,
        status=status,
        text=render.page(blocks),
        claims=draft.claims,
        evidence=_cited(draft.claims, seen.evidence),
        coverage=coverage,
        removed=draft.removed,
        ledger=tuple(rows),
        confidence=confidence,
        degraded=degraded,
        language=context.words.language,
    )


def _cited(claims: Sequence[Claim], evidence: Mapping[str, Evidence]) -> tuple[Evidence, ...]:
    """The evidence that the claims rest on, each once, in the order in which it is cited."""
    return tuple(evidence[key] for key in dict.fromkeys(key for claim in claims for key in claim.keys))
