"""Every record of a window, each in exactly one entry: a commit with its pull request, a merge with what it brought.

A use-case's helper: it reads the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kb.catalog import Catalog, Filter
from kb.classify import GROUPS as CHANGES
from kb.classify import category
from kb.lines import View
from kb.report.relands import with_relands
from kb.report.types import Entry, Frame
from kb.types import Hit, Quote, Record
from kb.views import Views, folded, views

# What happens to a record after the event that places it in a window, and is news on its own day.
_LATER = ("closed", "reopened", "revised")
_RELATIONS = ("fixed-by", "landed-as", "pull", "fixes", "paper")


def window_ids(catalog: Catalog, frame: Frame) -> frozenset[str]:
    """Ids of all records that a report of this frame has to tell."""
    return frozenset(brief.id for brief in catalog.briefs(_docs(catalog, frame)))


def gather(catalog: Catalog, frame: Frame) -> tuple[list[Entry], Views]:
    """The entries of a window, latest first, and the views of all that they cite; nothing in them is later than ``as_of``.

    Raises:
        CatalogError: the record store cannot be read.
    """
    known = (record.as_known(frame.as_of) for record in catalog.records(_docs(catalog, frame)))
    records = [record for record in known if record is not None]
    hits = [Hit(record, 0.0, Quote(record.title)) for record in records]
    seen = views(catalog, hits, now=frame.as_of, zone=frame.zone, events=_LATER, relations=_RELATIONS)
    return _entries(records, seen, frame), seen


def _docs(catalog: Catalog, frame: Frame) -> list[int]:
    placed = Filter(window=frame.window, repos=frame.repos, as_of=frame.as_of)
    later = Filter(window=frame.window, repos=frame.repos, as_of=frame.as_of, events=_LATER, kinds=("issue", "pull", "paper"))
    return list(dict.fromkeys([*catalog.select(placed), *catalog.select(later)]))


def _entries(records: Sequence[Record], seen: Views, frame: Frame) -> list[Entry]:
    by_id = {record.id: record for record in records}
    requests = [seen.of[record.id] for record in records if record.kind == "pull"]
    changes = folded([record for record in records if record.kind != "pull"], seen)
    carrying = _carrying(changes, by_id, seen)
    found: list[Entry] = []
    taken: set[str] = set()
    # What links that make no sense would hide (two commits that each brought the other) comes last, by itself.
    for view in (*changes, *requests, *(seen.of[id] for id in by_id)):
        if view.record.id in taken:
            continue
        also = seen.of.get(carrying.get(view.record.id, ""))
        if also and not (view.pull or (view.commit and view.commit.pull)):  # only the pull request says that they are one
            view = replace(view, pull=also.record.ref, pull_url=also.record.url, pull_key=also.key)
        ids = dict.fromkeys([*view.ids, *((also.record.id,) if also else ())])
        stood_for = tuple(by_id[id] for id in ids if id in by_id and id not in taken)
        taken |= set(ids)
        found.append(Entry(view=view, group=_group(view, frame), records=stood_for, also=also))
    return with_relands(sorted(found, key=_latest_first))


def _latest_first(entry: Entry) -> tuple[float, str]:
    event = entry.view.event
    return -(event.at if event else entry.view.record.at).timestamp(), entry.id


def _carrying(changes: Iterable[View], by_id: Mapping[str, Record], seen: Views) -> dict[str, str]:
    """id of a change's record -> id of its stored pull request, of which it is the first to come."""
    said = {commit: id for id, record in by_id.items() if record.kind == "pull" for commit in record.linked("landed-as")}
    found: dict[str, str] = {}
    for view in sorted(changes, key=lambda view: (not view.brought and view.commit is None, view.record.at, view.record.id)):
        for record in (view.record, *((view.commit.record,) if view.commit else ())):
            pulls = (*record.linked("pull"), said.get(record.id, ""))
            pull = next((id for id in pulls if id in seen.of and seen.of[id].record.kind == "pull"), "")
            if pull and pull not in found.values():
                found.setdefault(view.record.id, pull)
    return found


def _group(view: View, frame: Frame) -> str:
    record = view.record
    if record.kind == "issue":
        return "opened issues" if _in_window(record, ("opened", "reopened"), frame) else "closed issues"
    if record.kind == "pull" and record.state != "merged":
        return "opened pulls" if record.state == "open" else "closed pulls"
    own = category(view.subject)
    if own == "releases" and record.kind != "release":
        return "versions"  # a commit that raises the version is no release
    if own != "other" or not view.brought:
        return own
    return min((category(child.record) for child in view.brought), key=CHANGES.index)


def _in_window(record: Record, kinds: Sequence[str], frame: Frame) -> bool:
    return any(event.kind in kinds and frame.holds(event.at) for event in record.events)
