"""The Chroma collection of cards, reached through llama-index's ChromaVectorStore; embedded, or a server.

The upsert is our own: llama-index's ``add`` ignores ids that exist, so that changed text would stay stale.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray

from kb.errors import VectorError

if TYPE_CHECKING:
    from llama_index.vector_stores.chroma import ChromaVectorStore

_BATCH = 5_000  # Chroma refuses more than 5,461 at once


class ChromaCards:
    """Cards by id in one Chroma server or folder; a collection for each generation of the index."""

    def __init__(self, *, folder: Path, address: str = "") -> None:
        self._folder = folder
        self._address = address
        self._stores: dict[str, ChromaVectorStore] = {}

    @cached_property
    def _client(self) -> Any:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before chromadb: its import of onnxruntime would call home
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        try:
            if not self._address:
                self._folder.mkdir(parents=True, exist_ok=True)
                return chromadb.PersistentClient(str(self._folder), settings=settings)
            url = urlparse(self._address)
            port = url.port or (443 if url.scheme == "https" else 8000)
            return chromadb.HttpClient(url.hostname or "localhost", port, ssl=url.scheme == "https", settings=settings)
        except Exception as error:  # chromadb raises bare ValueError, RuntimeError and its own types alike
            raise VectorError(
                f"Chroma at {self._address or self._folder} cannot be opened: {error}",
                remedy="check index.chroma in kb.toml"
                if self._address
                else "run `kb reindex`: it builds the index anew from the records",
            ) from error

    def store(self, collection: str) -> ChromaVectorStore:
        """The llama-index vector store over a collection, which is made if it is not there."""
        if collection not in self._stores:
            from llama_index.vector_stores.chroma import ChromaVectorStore

            raw = self._client.get_or_create_collection(
                collection, embedding_function=None, configuration={"hnsw": {"space": "cosine", "ef_search": 200}}
            )
            self._stores[collection] = ChromaVectorStore(chroma_collection=raw)
        return self._stores[collection]

    def upsert(
        self, collection: str, ids: Sequence[str], vectors: NDArray[np.float32], metadata: Sequence[dict[str, Any]]
    ) -> None:
        """Add or replace cards."""
        raw = self.store(collection).client
        for part in _slices(len(ids)):
            raw.upsert(ids=list(ids[part]), embeddings=vectors[part], metadatas=list(metadata[part]))

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove cards; ids that are not there are ignored."""
        raw = self.store(collection).client
        for part in _slices(len(ids)):
            raw.delete(ids=list(ids[part]))

    def nearest(
        self, collection: str, vector: NDArray[np.float32], limit: int, *, where: dict[str, Any] | None = None
    ) -> list[str]:
        """Ids of the nearest cards by cosine, best first (approximate: HNSW)."""
        raw = self.store(collection).client
        found = raw.query(query_embeddings=[vector], n_results=limit, where=where, include=["distances"])
        return list(found["ids"][0])

    def count(self, collection: str) -> int:
        """How many cards the collection has."""
        return int(self.store(collection).client.count())

    def drop(self, collection: str) -> None:
        """Delete a collection, if it is there."""
        self._stores.pop(collection, None)
        if collection in {found.name for found in self._client.list_collections()}:
            self._client.delete_collection(collection)


def _slices(length: int) -> Iterator[slice]:
    for start in range(0, length, _BATCH):
        yield slice(start, start + _BATCH)
