"""Brings the vector index up to date with the record store: pending records to cards, vectors, Chroma.

Every step is idempotent and in an order that a kill at any moment cannot hurt: Chroma first, then the vectors beside it,
then the store's mark. What was not marked is done again, with the same ids.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from index import manifest as manifests
from index.cards import cards
from index.chroma import ChromaCards
from index.embedder import Embedded, Embedder
from index.manifest import Manifest
from index.vectors import Indexed as IndexedRecord
from index.vectors import Vectors
from kb.catalog import Catalog, Filter
from kb.protocols import Progress, silent
from kb.sync import Indexed
from kb.types import Card, Record

_BATCH = 64  # records: some seconds of work, so that a killed run loses little and a progress bar moves


class Index:
    """The vector index in a data directory. ``folder`` holds manifests and vectors, ``chroma`` the collections."""

    def __init__(self, *, folder: Path, chroma: ChromaCards, embedder: Embedder, address: str = "") -> None:
        self.folder = folder
        self.chroma = chroma
        self.embedder = embedder
        self.wanted = Manifest(model=embedder.name, chroma=address)
        self._open: dict[str, Vectors] = {}
        self._mutex = threading.Lock()

    def current(self, catalog: Catalog | None = None) -> Manifest | None:
        """The manifest in use if it fits the configuration and the record store, else None: then only lexical search works
        until the next sync."""
        found = manifests.read(self.folder)
        return found if found and found.fits(self.wanted, catalog=identity(catalog) if catalog else "") else None

    def vectors(self, manifest: Manifest, *, create: bool = False) -> Vectors:
        """The vectors of a generation, opened once.

        One that another process has replaced stays open until ``close``: another thread may be reading it.

        Raises:
            VectorError: they are not there, or cannot be read.
        """
        with self._mutex:
            if manifest.generation not in self._open:
                self._open[manifest.generation] = Vectors(self._path(manifest), create=create)
            return self._open[manifest.generation]

    def _path(self, manifest: Manifest) -> Path:
        return self.folder / f"vectors-{manifest.generation}.db"

    def is_whole(self, manifest: Manifest, *, asked: bool) -> bool:
        """Whether both halves of a generation are there. Chroma is only ``asked`` on request, as loading it takes a second;
        an embedded database that someone has deleted is missed without it."""
        if not self._path(manifest).exists():
            return False
        if self.vectors(manifest).is_empty:
            return True
        return self.chroma.is_there and (not asked or self.chroma.has(manifest.collection))

    def close(self) -> None:
        """Close the vectors and Chroma."""
        with self._mutex:
            for vectors in self._open.values():
                vectors.close()
            self._open.clear()
        self.chroma.close()

    def discard_others(self, kept: Manifest) -> None:
        """Delete every generation but one: what was replaced, and what a broken-off ``kb reindex`` has left."""
        for path in self.folder.glob("vectors-*.db"):
            other = replace(kept, generation=path.stem.removeprefix("vectors-"))
            if other.generation == kept.generation:
                continue
            self.chroma.drop(other.collection)
            with self._mutex:
                if other.generation in self._open:
                    self._open.pop(other.generation).close()
            for part in self.folder.glob(f"{path.name}*"):
                part.unlink(missing_ok=True)


def identity(catalog: Catalog) -> str:
    """What tells a record store from every other."""
    return catalog.stamp().partition(":")[0]


class CatalogIndexer:
    """kb.sync's Indexer over a catalog and an Index."""

    def __init__(self, catalog: Catalog, index: Index) -> None:
        self._catalog = catalog
        self._index = index

    def index(self, progress: Progress = silent) -> Indexed:
        """Index what is pending; where the index was built with another model or card version, build a new one beside it
        and swap.

        Raises:
            VectorError: the index or the embedding model cannot be used.
        """
        current = self._index.current(self._catalog)
        if current is None:
            if manifests.read(self._index.folder) is not None:
                return self.rebuild(progress)
            self._catalog.mark_all_pending()
            current = manifests.fresh(self._index.wanted, catalog=identity(self._catalog))
            self._index.vectors(current, create=True)
            manifests.write(self._index.folder, current)
        elif not self._index.is_whole(current, asked=self._catalog.pending_count() > 0):
            return self.rebuild(progress)
        self._remove_gone(current)
        total = self._catalog.pending_count()
        if total:
            progress("index", 0, total)  # the model is loaded first, which takes some seconds
        done = written = 0
        while docs := self._catalog.pending(_BATCH):
            indexed = self._index_docs(current, docs)
            self._catalog.mark_indexed((row.doc, row.hash) for row in indexed)
            done += len(docs)
            written += sum(len(row.cards) for row in indexed)
            progress("index", done, max(total, done))
        return Indexed(cards=written, records=done)

    def rebuild(self, progress: Progress = silent) -> Indexed:
        """Build the whole index anew beside the old one, then swap; questions go on being answered from the old one
        meanwhile."""
        self._index.chroma.renew()
        new = manifests.fresh(self._index.wanted, catalog=identity(self._catalog))
        self._index.vectors(new, create=True)
        docs = self._catalog.select(Filter())
        marks: list[tuple[int, str]] = []
        written = 0
        for start in range(0, len(docs), _BATCH):
            indexed = self._index_docs(new, docs[start : start + _BATCH])
            marks.extend((row.doc, row.hash) for row in indexed)
            written += sum(len(row.cards) for row in indexed)
            progress("index", min(start + _BATCH, len(docs)), len(docs))
        manifests.write(self._index.folder, new)
        self._catalog.mark_all_pending()
        self._catalog.mark_indexed(marks)
        self._index.discard_others(new)
        return Indexed(cards=written, records=len(docs))

    def _remove_gone(self, manifest: Manifest) -> None:
        gone = self._catalog.unindexed_gone()
        if not gone:
            return
        vectors = self._index.vectors(manifest)
        self._index.chroma.delete(manifest.collection, [f"{record}#{part}" for record, part in vectors.parts(gone)])
        vectors.remove(gone)
        self._catalog.mark_unindexed(gone)

    def _index_docs(self, manifest: Manifest, docs: Sequence[int]) -> list[IndexedRecord]:
        records = self._catalog.records(docs)
        made = [cards(record) for record in records]
        flat = [card for own in made for card in own]
        embedded = self._index.embedder.encode([card.text for card in flat])
        rows = _rows(docs, records, made, embedded)
        vectors = self._index.vectors(manifest)
        kept = {card.id for card in flat}
        stale = [card for card in (f"{record}#{part}" for record, part in vectors.parts(docs)) if card not in kept]
        if flat:
            matrix = np.stack([item.sentence for item in embedded])
            self._index.chroma.upsert(manifest.collection, [card.id for card in flat], matrix, _metadata(docs, records, made))
        if stale:
            self._index.chroma.delete(manifest.collection, stale)
        vectors.store(rows)
        return rows


def _rows(
    docs: Sequence[int], records: Sequence[Record], made: Sequence[Sequence[Card]], embedded: Sequence[Embedded]
) -> list[IndexedRecord]:
    rows = []
    at = 0
    for doc, record, own in zip(docs, records, made, strict=True):
        found = {card.part: item for card, item in zip(own, embedded[at : at + len(own)], strict=True)}
        rows.append(IndexedRecord(doc, record.id, record.content_hash, found))
        at += len(own)
    return rows


def _metadata(docs: Sequence[int], records: Sequence[Record], made: Sequence[Sequence[Card]]) -> list[dict[str, str | int]]:
    """Flat values only, times as epoch seconds: Chroma's range filters are numeric."""
    return [
        {
            "doc": doc,
            "record": record.id,
            "part": card.part,
            "repo": record.repo,
            "kind": record.kind,
            "at": int(record.at.timestamp()),
        }
        for doc, record, own in zip(docs, records, made, strict=True)
        for card in own
    ]
