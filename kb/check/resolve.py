"""Links of a page to records of the store, all at once: a few queries, however many links there are."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kb.catalog import Catalog, Filter
from kb.check.targets import Target, host_of
from kb.references import twin
from kb.types import Record

MOST_RECORDS = 2_000  # that a page is held to: their patches are read into memory
_THREADS = ("pull", "issue")
_WHOLE_SHA = 40


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a link was found to name: ``ids`` are the records that speak for it; where there are none, ``reason`` says why.
    ``through``: the record itself is not stored, but a commit of this pull request is."""

    target: Target
    ids: tuple[str, ...] = ()
    reason: str = ""
    through: bool = False


@dataclass(frozen=True)
class Found:
    """``of`` maps a target to what it was found to name; ``records`` has every record that speaks for one, by id."""

    of: Mapping[Target, Resolved] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    left_out: int = 0  # records that were too many


def resolve(
    catalog: Catalog, targets: Iterable[Target], *, known: Mapping[str, Record], as_of: datetime | None = None
) -> Found:
    """The records that targets name. ``known`` are records by id that have been read already; of the others nothing later than
    ``as_of`` is seen.

    Raises:
        CatalogError: the record store cannot be read.
    """
    lookup = _Lookup(catalog, list(dict.fromkeys(targets)))
    named = {target: lookup.ids(target) for target in lookup.targets}
    wanted = list(dict.fromkeys(id for ids, _ in named.values() for id in ids if id not in known))
    read = _read(catalog, wanted[:MOST_RECORDS], as_of)
    records = {**known, **read}
    found = {}
    for target, (ids, through) in named.items():
        there = tuple(id for id in ids if id in records and _is_of_site(records[id], target))
        reason = "" if there else lookup.reason(target, cut=bool(ids))
        found[target] = Resolved(target, there, reason, through and bool(there))
    return Found(found, records, max(len(wanted) - MOST_RECORDS, 0))


def _read(catalog: Catalog, ids: Sequence[str], as_of: datetime | None) -> dict[str, Record]:
    docs = catalog.docs(ids)
    records = (record if as_of is None else record.as_known(as_of) for record in catalog.records(list(docs.values())))
    return {record.id: record for record in records if record is not None}


def _is_of_site(record: Record, target: Target) -> bool:
    """A repository of the same name on another site is another repository."""
    if not target.host or target.kind == "paper" or not record.url:
        return True
    return host_of(record.url) == target.host


class _Lookup:
    """The ids that targets name, by one query for each way of naming."""

    def __init__(self, catalog: Catalog, targets: Sequence[Target]) -> None:
        self.catalog = catalog
        self.repos: defaultdict[str, list[str]] = defaultdict(list)
        for repo in catalog.repos():
            self.repos[repo.casefold()].append(repo)
            self.repos[repo.rpartition("/")[2].casefold()].append(repo)
        self.targets = targets
        whole = [id for target in targets for id in self._candidates(target)]
        self.stored = set(catalog.docs(whole))
        pulls = [id for id in whole if id.startswith("pull:")]
        self.carried: defaultdict[str, list[int]] = defaultdict(list)
        for id, rel, doc in catalog.backlinks(pulls):
            if rel == "pull":
                self.carried[id].append(doc)
        carrying = {doc for docs in self.carried.values() for doc in docs}
        self.briefs = {brief.doc: brief for brief in catalog.briefs(sorted(carrying))}
        self.commits = self._commits()

    def _named(self, repo: str) -> list[str]:
        return self.repos.get(repo.casefold(), [])

    def _candidates(self, target: Target) -> list[str]:
        if target.kind == "paper":
            return [target.id]
        repos = self._named(target.repo)
        if target.kind in _THREADS:
            ids = [f"{target.kind}:{repo}#{target.ref}" for repo in repos]
            return [*ids, *map(twin, ids)]
        if target.kind == "compare":
            return [f"release:{repo}@{tag}" for repo in repos for tag in (target.ref, target.first)]
        return [f"{target.kind}:{repo}@{target.ref}" for repo in repos]

    def _commits(self) -> dict[str, list[str]]:
        """repository -> SHAs, sorted, of those that a target gives the first digits of a SHA of; "" for all."""
        short = [target for target in self.targets if target.kind == "commit" and len(target.ref) < _WHOLE_SHA]
        repos = {repo for target in short for repo in self._named(target.repo)}
        everywhere = any(not target.repo for target in short)
        if not everywhere and not repos:
            return {}
        chosen = Filter(repos=() if everywhere else tuple(sorted(repos)), kinds=("commit",), include_gone=True)
        found: defaultdict[str, list[str]] = defaultdict(list)
        for brief in self.catalog.briefs(self.catalog.select(chosen)):
            found[brief.repo].append(brief.ref)
        return {repo: sorted(refs) for repo, refs in found.items()}

    def ids(self, target: Target) -> tuple[tuple[str, ...], bool]:
        """Ids of the records that speak for a target, and whether they do so only as commits of a pull request."""
        candidates = self._candidates(target)
        own = [id for id in candidates if id in self.stored]
        if target.kind == "commit" and not own:
            return self._by_prefix(target), False
        carried = [self.briefs[doc].id for id in candidates for doc in self.carried.get(id, ())]
        return tuple(dict.fromkeys([*own, *carried])), not own

    def _by_prefix(self, target: Target) -> tuple[str, ...]:
        repos = self._named(target.repo) if target.repo else list(self.commits)
        found = []
        for repo in repos:
            refs = self.commits.get(repo, [])
            at = bisect_left(refs, target.ref)
            while at < len(refs) and refs[at].startswith(target.ref):
                found.append(f"commit:{repo}@{refs[at]}")
                at += 1
        return tuple(found) if len(found) == 1 else ()

    def reason(self, target: Target, *, cut: bool) -> str:
        """Why nothing speaks for a target."""
        if cut:
            return f"{target.shown} was not read: the page links to too much, or it is another site's, or later"
        if target.kind != "paper" and target.repo and not self._named(target.repo):
            return f"nothing of {target.repo} is stored"
        return f"{target.shown} is not stored"
