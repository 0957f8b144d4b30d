"""Records of a catalog as views for an answer: their keys, tags, pull requests, reverts, and what merges brought.

A use-case's helper: it reads the catalog, and decides nothing about what answers a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from kb.catalog import Catalog
from kb.citations import keys
from kb.facts import Facts
from kb.lines import Beside, Other, View
from kb.neighbours import RELATIONS, Neighbour, neighbours
from kb.types import Evidence, Hit, Quote, Record, Tag

_COMMIT_PAGE = re.compile(r"(https?://[^/]+/[^?#]+?)(/-)?/commit/[0-9a-f]{7,64}$")


_OWN = ("pull", "landed-as", "reverts", "reverted-by")  # a view has fields of its own for these


@dataclass(frozen=True)
class Views:
    """``of`` maps record id to its view; ``evidence`` has every record that a view cites, under its key."""

    of: Mapping[str, View]
    evidence: Mapping[str, Evidence]
    facts: Facts


def views(
    catalog: Catalog,
    hits: Sequence[Hit],
    *,
    now: datetime,
    zone: tzinfo,
    events: Sequence[str] = (),
    relations: Sequence[str] = RELATIONS,
) -> Views:
    """Views of the records of some hits, and of their neighbours by ``relations``; nothing in them is later than ``now``.

    ``events`` are the kinds of event that the question is about.
    """
    records = {hit.record.id: hit.record for hit in hits}
    beside = _beside(catalog, records, now, relations)
    reverts = {id: record.linked("reverts") for id, record in records.items()}
    reverted_by = _reverted_by(catalog, records, now)
    near = {item.id: item.record for items in beside.values() for item in items if item.record}
    pulls = {id: target for id, record in {**near, **records}.items() for target in record.linked("pull")[:1]}
    merged = {record.linked("brought")[0] for record in records.values() if len(record.linked("brought")) == 1}
    wanted = {*merged, *pulls.values(), *(id for ids in (*reverts.values(), *reverted_by.values()) for id in ids)}
    known = {**near, **_known(catalog, wanted - set(records) - set(near), now), **records}
    named = keys(record for id, record in known.items() if id not in pulls.values() or id in records or id in near)
    tags = _tags(catalog, known, now)
    shipped = _shipped(catalog, known)

    def others(ids: Iterable[str]) -> tuple[Other, ...]:
        return tuple(Other(id, named.get(id, ""), known.get(id)) for id in ids)

    def view(record: Record) -> View:
        pull = pulls.get(record.id, "")
        return View(
            record,
            named[record.id],
            tag=tags.get(record.id, ""),
            pull=pull.rpartition("#")[2],
            pull_url=_pull_url(record, pull, known.get(pull)),
            reverts=others(reverts.get(record.id, ())),
            reverted_by=others(reverted_by.get(record.id, ())),
            pull_key=named.get(pull, ""),
            beside=tuple(Beside(item.rel, *others([item.id])) for item in beside.get(record.id, ()) if item.rel not in _OWN),
            tagged=shipped.get(record.id),
            events=tuple(events) if record.id in records else (),
        )

    def whole(record: Record) -> View:
        landed = [item.record for item in beside.get(record.id, ()) if item.rel == "landed-as" and item.record]
        return replace(view(record), landed=view(landed[0])) if record.kind == "pull" and landed else view(record)

    found = {hit.record.id: hit for hit in hits}
    evidence = {
        named[id]: Evidence(named[id], record, found[id].quote, found[id].score)
        if id in found
        else Evidence(named[id], record, Quote(record.title))
        for id, record in known.items()
        if id in named
    }
    return Views({id: whole(record) for id, record in known.items() if id in named}, evidence, Facts(zone, tags, shipped))


def folded(matched: Sequence[Record], found: Views) -> list[View]:
    """Each matched record in exactly one view: what a matched merge brought stands below it; one commit stands with it."""
    ids = {record.id for record in matched}
    below = {record.id: merge for record in matched for merge in record.linked("landed-by") if merge in ids}
    for record in matched:  # where two branches are followed, the other one may have stored it as its own
        below |= {id: record.id for id in record.linked("brought") if id in ids and id not in below and id != record.id}
    below = {id: top for id in below if (top := _outermost(id, below)) not in below}
    children_of: dict[str, list[View]] = {}
    for record in matched:
        if record.id in below:
            children_of.setdefault(below[record.id], []).append(found.of[record.id])
    result = []
    for record in matched:
        if record.id in below:
            continue
        children = children_of.get(record.id, [])
        view = found.of[record.id]
        brought = record.linked("brought")
        if len(brought) == 1 and brought[0] in found.of:
            view = replace(view, commit=found.of[brought[0]])
            children = [child for child in children if child.record.id != brought[0]]
        result.append(replace(view, brought=tuple(children)))
    return result


def _outermost(id: str, below: Mapping[str, str]) -> str:
    """The merge that is below no other."""
    seen = {id}
    while (above := below.get(id)) is not None and above not in seen:
        id = above
        seen.add(id)
    return id


def _beside(
    catalog: Catalog, records: Mapping[str, Record], now: datetime, relations: Sequence[str]
) -> dict[str, list[Neighbour]]:
    found = neighbours(catalog, list(records), as_of=now) if relations else {}
    return {id: [item for item in items if item.rel in relations] for id, items in found.items()}


def _shipped(catalog: Catalog, records: Mapping[str, Record]) -> dict[str, Tag]:
    """release's id -> its tag with its commits, where a git source has read it."""
    releases = [record for record in records.values() if record.kind == "release"]
    tags = {(repo, tag.name): tag for repo in {record.repo for record in releases} for tag in catalog.tags(repo)}
    found = {record.id: tags[record.repo, record.ref] for record in releases if (record.repo, record.ref) in tags}
    return {id: replace(tag, commits=catalog.tag_commits(id)) for id, tag in found.items()}


def _known(catalog: Catalog, ids: Iterable[str], now: datetime) -> dict[str, Record]:
    docs = catalog.docs(sorted(ids))
    read = (record.as_known(now) for record in catalog.records(list(docs.values()), patches=False))
    return {record.id: record for record in read if record is not None}


def _reverted_by(catalog: Catalog, records: Mapping[str, Record], now: datetime) -> dict[str, list[str]]:
    """id -> ids of the records, up to ``now``, that reverted it."""
    back = catalog.backlinks(list(records), "reverts")
    briefs = {brief.doc: brief for brief in catalog.briefs(sorted({doc for _, _, doc in back}))}
    found: dict[str, list[str]] = {}
    for target, _, doc in back:
        if briefs[doc].at <= now and briefs[doc].id != target:
            found.setdefault(target, []).append(briefs[doc].id)
    return found


def _tags(catalog: Catalog, records: Mapping[str, Record], now: datetime) -> dict[str, str]:
    """id -> the first tag that contains it, where that tag was there by ``now``."""
    dated = {(repo, tag.name): tag.at for repo in {record.repo for record in records.values()} for tag in catalog.tags(repo)}
    docs = catalog.docs(list(records))
    first = catalog.first_tags(list(docs.values()))
    tags = {id: first[doc] for id, doc in docs.items() if doc in first}
    return {id: tag for id, tag in tags.items() if (at := dated.get((records[id].repo, tag))) is None or at <= now}


def _pull_url(record: Record, pull: str, known: Record | None) -> str:
    """The page of a pull request: its record's, else where the commit's site has it; "" where that is not known."""
    if known is not None:
        return known.url
    page = _COMMIT_PAGE.match(record.url)
    number = pull.rpartition("#")[2]
    if not page or not number.isdigit() or not pull.startswith(f"pull:{record.repo}#"):
        return ""
    return f"{page[1]}/-/merge_requests/{number}" if page[2] else f"{page[1]}/pull/{number}"
