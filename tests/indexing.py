"""A small store with a real index: the packaged model, loaded once for all tests, and Chroma in a folder of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from index.chroma import ChromaCards
from index.embedder import Embedder
from index.indexer import CatalogIndexer, Index
from index.manifest import Manifest
from index.search import Search
from kb.catalog import Catalog, Filter
from kb.scope import KnownRepo, ScopeContext, parse
from kb.types import FileChange, Found, Record, Scope
from tests.records import REPO, commit, day, put

OTHER = "acme/attention"
LATER = day(30)
CUDA = (
    "@@ -10,4 +10,5 @@ void launch_moe(int experts)\n int a;\n-  old_routing(experts);\n+  new_routing(experts);\n+  sync();\n"
)

RECORDS = (
    commit(1, "Fix a memory leak in the KV cache", body="Pages were never returned to the pool.\n\nThe pool now counts them."),
    commit(
        2,
        "Add MoE routing for FP8 experts (#41)",
        body="<!-- template -->\n## Description\nRoutes tokens to experts in one kernel. It is faster on Hopper.\n- [x] tests",
        files=(FileChange(path="csrc/moe/routing.cu", additions=2, deletions=1, patch=CUDA),),
    ),
    commit(3, "Update the README", body="", files=(FileChange(path="README.md", additions=1, patch="@@ -1 +1 @@\n+docs\n"),)),
    commit(4, "Tune the softmax kernel for Blackwell", body="Uses larger tiles.", repo=OTHER),
    commit(5, "Support sliding window attention in decode", body="Sliding windows are read from the config.", repo=OTHER),
    commit(6, "MoE: reuse the routing workspace", body="The workspace of expert routing is allocated once."),
)


@cache
def embedder() -> Embedder:
    """The packaged model."""
    return Embedder()


@dataclass(frozen=True)
class Library:
    """A store and its index, open for writing."""

    folder: Path
    catalog: Catalog
    index: Index

    @property
    def indexer(self) -> CatalogIndexer:
        return CatalogIndexer(self.catalog, self.index)

    @property
    def search(self) -> Search:
        return Search(self.catalog, self.index)

    @property
    def manifest(self) -> Manifest:
        found = self.index.current(self.catalog)
        assert found is not None
        return found

    def in_chroma(self) -> set[str]:
        """Ids of the cards in Chroma."""
        return set(self.index.chroma.store(self.manifest.collection).client.get(include=[])["ids"])

    def in_vectors(self) -> set[str]:
        """Ids of the cards beside Chroma."""
        vectors = self.index.vectors(self.manifest)
        return {f"{record}#{part}" for record, part in vectors.parts(list(vectors.hashes()))}

    def files(self) -> list[str]:
        """Names of the vector files."""
        return sorted(path.name for path in (self.folder / "index").glob("vectors-*.db"))

    def collections(self) -> list[str]:
        """Names of Chroma's collections."""
        return sorted(found.name for found in self.index.chroma._client.list_collections())

    def scope(self, question: str, *, now: datetime = LATER) -> Scope:
        """What a question asks about."""
        known = tuple(KnownRepo(repo) for repo in self.catalog.repos())
        return parse(question, ScopeContext(now=now, tz=UTC, repos=known))

    def find(self, question: str, *, now: datetime = LATER, limit: int = 10) -> Found:
        """What a question finds."""
        return self.search.find(self.scope(question, now=now), limit=limit)

    def doc(self, record: Record) -> int:
        """A record's number."""
        return self.catalog.docs([record.id])[record.id]

    def everything(self) -> list[int]:
        """Every record's number."""
        return self.catalog.select(Filter())


def new_index(folder: Path, *, address: str = "", model: Embedder | None = None) -> Index:
    """An index in ``folder``."""
    chroma = ChromaCards(folder=folder / "chroma", address=address)
    return Index(folder=folder / "index", chroma=chroma, embedder=model or embedder(), address=address)


@contextlib.contextmanager
def library(folder: Path, *, address: str = "", model: Embedder | None = None) -> Iterator[Library]:
    """The store and the index in ``folder``, made where they are not there."""
    index = new_index(folder, address=address, model=model)
    with Catalog.open(folder / "catalog.db") as catalog, contextlib.closing(index):
        yield Library(folder, catalog, index)


def build(folder: Path) -> Path:
    """Store and index RECORDS in ``folder``, and close everything."""
    with library(folder) as made:
        put(made.catalog, *RECORDS)
        made.indexer.index()
    return folder


def found_titles(found: Found) -> list[str]:
    """Titles of the hits, best first."""
    return [hit.record.title for hit in found.hits]


__all__ = ["LATER", "OTHER", "RECORDS", "REPO", "Library", "build", "embedder", "found_titles", "library", "new_index"]
