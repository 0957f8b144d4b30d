"""A question's scope to an answer without any LLM: lines chosen from records, each verified against what it cites.

A window question lists every record that matches, never a top-k. A needle or identifier question gives the best record with its
words; where nothing fits well enough, the answer says so, and what was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo

from kb import render
from kb.catalog import Catalog
from kb.citations import Piece
from kb.draft import Part, refusal, sources, verified, written
from kb.lines import Line, change_line, neighbour_line
from kb.render import Context
from kb.sets import Judge, Searcher, find_set, tell_set, touched, unread, views_of
from kb.telling import reason_sentence, telling_sentence
from kb.text import sentences, squeeze
from kb.types import Answer, Coverage, Found, Hit, Judgement, LedgerRow, Quote, Record, Scope
from kb.views import Views, views
from kb.wording import words

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
    rows = tuple(catalog.ledger() if ledger is None else ledger)
    if scope.unclear or (scope.unknown_repos and not scope.repos):
        return refusal(scope, context)
    if scope.intent == "window":
        found = find_set(scope, searcher, judge)
        return tell_set(found, views_of([found], catalog, context), catalog, rows, context)[0]
    return _needle_answer(scope, catalog, searcher.find(scope, limit=_CANDIDATES), judge, touched(rows, scope), context)


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
    draft = verified(parts, seen, context)
    answering = {found.hits[at].record.id for at in judgement.matched} if status == "answered" else set()
    coverage = Coverage(len(answering), len(draft.listed & answering), found.in_window)
    foot = render.problems(rows, scope, context) if status != "abstained" else []
    foot += render.beginnings(rows, scope, context) if status == "partial" else []
    head = [
        render.header(scope, context),
        render.unread(unread(scope, catalog), context.words),
        *render.notes(scope, found.degraded, draft.removed, context.words),
    ]
    blocks = [*draft.blocks, *sources(foot, context)]
    given = written(scope, status, head, blocks, draft, seen, coverage, rows, judgement.confidence, found.degraded, context)
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


def _best(scope: Scope, chosen: Sequence[Hit], seen: Views, context: Context) -> Iterator[Part]:
    words = context.words
    yield Part(render.heading(words.notes["answered"]))
    yield from _detail(scope, chosen[0], seen, context)
    if len(chosen) > 1:
        yield Part(render.heading(words.notes["also"]))
        for hit in chosen[1:]:
            yield Part(line=change_line(seen.of[hit.record.id], words=words, zone=context.zone))


def _closest(scope: Scope, chosen: Sequence[Hit], seen: Views, context: Context) -> Iterator[Part]:
    words = context.words
    yield Part(render.heading(words.notes["partial"]))
    yield Part(words.notes["partial lead"])
    yield from _detail(scope, chosen[0], seen, context)
    for hit in chosen[1:]:
        yield Part(line=change_line(seen.of[hit.record.id], words=words, zone=context.zone))


def _detail(scope: Scope, hit: Hit, seen: Views, context: Context) -> Iterator[Part]:
    """A record with its quote; the date first where that is asked, the reason where that is."""
    view = seen.of[hit.record.id]
    form = "dated" if _WHEN.search(scope.question) else "detail"
    yield Part(line=change_line(view, words=context.words, zone=context.zone, form=form))
    quote = _quote(scope, hit)
    if quote.text:
        yield Part(line=Line((Piece(quote.text, "quote"),), (view.key,)), quote=quote)
    if view.beside:
        yield Part(context.words.notes["beside"] + context.words.colon)
        for beside in view.beside:
            line = neighbour_line(view, beside, seen.of.get(beside.other.id), words=context.words, zone=context.zone)
            yield Part(line=line)


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
) -> Iterator[Part]:
    words = context.words
    yield Part(words.notes["abstained"])
    looked = words.notes["looked"].format(in_window=found.in_window) if found.in_window else words.notes["empty"]
    yield Part(render.bullets([looked, *render.last_reads(rows, scope, context)]))
    if chosen:
        yield Part(words.notes["nearest"])
        yield Part(line=change_line(seen.of[chosen[0].record.id], words=words, zone=context.zone, form="compact"))
