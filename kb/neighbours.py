"""What stands beside a record: its pull request, the issues it fixes, what fixed it, the release that ships it, its papers.

A change is a commit, its pull request, the issue behind it, the release that ships it and sometimes the paper it comes from;
each names only some of the others. Joined here are one step in either direction, and the steps through a pull request: a commit
fixes what its pull request fixes. A use-case's helper: it reads the catalog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.catalog import Catalog
from kb.references import twin
from kb.types import Record

# What a neighbour is to the record, in the order in which a reader wants them.
RELATIONS = ("fixed-by", "landed-as", "pull", "fixes", "reverted-by", "reverts", "paper", "mentions", "mentioned-by")
_NAMED_UNSTORED = ("pull", "fixes", "reverts")  # to know the number is worth something; of a mention it is not

_INVERSE = {"fixes": "fixed-by", "pull": "landed-as", "landed-as": "pull", "reverts": "reverted-by", "paper": "mentioned-by"}
_INVERSE["mentions"] = "mentioned-by"
_MOST = 8  # of one relation


@dataclass(frozen=True)
class Neighbour:
    """``record`` is None where the store does not have what ``id`` names."""

    rel: str
    id: str
    record: Record | None = None


def neighbours(catalog: Catalog, ids: Sequence[str], *, as_of: datetime | None = None) -> dict[str, tuple[Neighbour, ...]]:
    """id -> what stands beside that record, each record once, by RELATIONS; at most 8 of a relation, none later than ``as_of``.

    Raises:
        CatalogError: the record store cannot be read.
    """
    direct = _edges(catalog, ids)
    through = {other for edges in direct.values() for _, other in edges if other.startswith(("pull:", "issue:"))}
    beyond = _edges(catalog, sorted(through - set(ids)))
    every = {**beyond, **direct}
    joined = {id: _joined(id, edges, every) for id, edges in direct.items()}
    read = _records(catalog, {other for found in joined.values() for other in found})
    known = {id: record if as_of is None else record.as_known(as_of) for id, record in read.items()}
    return {id: _chosen(id, found, known) for id, found in joined.items()}


def _edges(catalog: Catalog, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """id -> (relation, id of the other), in both directions."""
    found: dict[str, list[tuple[str, str]]] = {id: [] for id in ids}
    number = catalog.docs(ids)
    of = {doc: id for id, doc in number.items()}
    for doc, rel, target in catalog.linked(list(of)):
        if rel in _INVERSE:
            found[of[doc]].append((rel, target))
    named = {alias: id for id in ids for alias in (id, twin(id)) if alias}
    back = [(target, rel, doc) for target, rel, doc in catalog.backlinks(list(named)) if rel in _INVERSE]
    briefs = {brief.doc: brief.id for brief in catalog.briefs(sorted({doc for _, _, doc in back}))}
    for target, rel, doc in back:
        if briefs[doc] != named[target]:
            found[named[target]].append((_INVERSE[rel], briefs[doc]))
    return found


def _joined(id: str, edges: Iterable[tuple[str, str]], known: Mapping[str, list[tuple[str, str]]]) -> dict[str, str]:
    """id of the other -> its relation, the nearest one first; and what is reached through a pull request."""
    found: dict[str, str] = {}
    edges = sorted(edges, key=lambda edge: RELATIONS.index(edge[0]))
    for rel, other in edges:
        found.setdefault(other, rel)
        steps = known.get(other, known.get(twin(other), []))
        if id.startswith("commit:") and rel == "pull":
            wanted = {"fixes": "fixes", "paper": "paper"}
        elif rel == "fixed-by" and other.startswith("pull:"):
            wanted = {"landed-as": "fixed-by"}
        else:
            continue
        for further, last in steps:
            if further in wanted and last != id:
                found.setdefault(last, wanted[further])
    return found


def _records(catalog: Catalog, ids: Iterable[str]) -> dict[str, Record]:
    """Those of the ids that the store has, a number by whichever of its two ids it is stored under."""
    wanted = {alias for id in ids for alias in (id, twin(id)) if alias}
    docs = catalog.docs(sorted(wanted))
    return {record.id: record for record in catalog.records(list(docs.values()), patches=False)}


def _chosen(id: str, found: Mapping[str, str], known: Mapping[str, Record | None]) -> tuple[Neighbour, ...]:
    """``known`` has None for what is stored and was not there yet: of that nothing is said."""
    by_relation: defaultdict[str, dict[str, Neighbour]] = defaultdict(dict)
    taken: set[str] = {id}
    for other, rel in found.items():
        stored = next((alias for alias in (other, twin(other)) if alias in known), "")
        record = known.get(stored)
        name = stored or other
        if name in taken or (record is None and (stored or rel not in _NAMED_UNSTORED)):
            continue
        taken.add(name)
        by_relation[rel][name] = Neighbour(rel, name, record)
    return tuple(neighbour for rel in RELATIONS for neighbour in list(by_relation[rel].values())[:_MOST])
