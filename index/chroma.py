"""The Chroma collection of cards, reached through llama-index's ChromaVectorStore; embedded, or a server.

The upsert is our own: llama-index's ``add`` ignores ids that exist, so that changed text would stay stale.
"""

from __future__ import annotations

import contextlib
import os
import shutil
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
_GREETING = 5.0  # seconds in which a server must say that it is there
_PATIENCE = 60.0  # seconds for any other answer of a server; Chroma's own client would wait for ever


class ChromaCards:
    """Cards by id in one Chroma server or folder; a collection for each generation of the index.

    Every method raises VectorError where Chroma cannot be reached or refuses.
    """

    def __init__(self, *, folder: Path, address: str = "") -> None:
        self._folder = folder
        self._address = address
        self._stores: dict[str, ChromaVectorStore] = {}
        self._collections: dict[str, Any] = {}

    @cached_property
    def _client(self) -> Any:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before chromadb: its import of onnxruntime would call home
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb
        from chromadb.api.shared_system_client import SharedSystemClient
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        try:
            if self._address:
                return _server(self._address, settings)
            self._folder.mkdir(parents=True, exist_ok=True)
            return chromadb.PersistentClient(str(self._folder), settings=settings)
        except Exception as error:  # chromadb raises bare ValueError, RuntimeError and its own types alike
            if not self._address:
                SharedSystemClient.clear_system_cache()  # else a client that failed half-way fails for ever after
            raise self._failed("cannot be opened", error) from error

    def _failed(self, what: str, error: Exception) -> VectorError:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        remedy = "run `kb reindex`: it builds the index anew from the records"
        if self._address:
            remedy = "start the server, or check index.chroma in kb.toml"
        return VectorError(f"Chroma at {self._address or self._folder} {what}: {reason}", remedy=remedy)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except VectorError:
            raise
        except Exception as error:  # see _client
            raise self._failed("failed", error) from error

    def close(self) -> None:
        """Let go of the server or the folder; the next call opens it again."""
        self._stores.clear()
        self._collections.clear()
        client = self.__dict__.pop("_client", None)
        if client is not None:
            if self._address:
                for part in (client, client._admin_client):  # Chroma's own close() leaves their connections open
                    part._server._session.close()
            client.close()

    def renew(self) -> None:
        """Delete an embedded database that cannot be opened, so that everything can be written anew; a server is left alone."""
        try:
            self._client.heartbeat()
        except VectorError:
            if self._address:
                raise
            shutil.rmtree(self._folder, ignore_errors=True)

    def _collection(self, name: str) -> Any:
        """Chroma's own handle, for reading: importing llama-index takes longer than a question."""
        if name not in self._collections:
            self._collections[name] = self._client.get_or_create_collection(
                name, embedding_function=None, configuration={"hnsw": {"space": "cosine", "ef_search": 200}}
            )
        return self._collections[name]

    def store(self, collection: str) -> ChromaVectorStore:
        """The llama-index vector store over a collection, which is made if it is not there."""
        if collection not in self._stores:
            from llama_index.vector_stores.chroma import ChromaVectorStore

            self._stores[collection] = ChromaVectorStore(chroma_collection=self._collection(collection))
        return self._stores[collection]

    def upsert(
        self, collection: str, ids: Sequence[str], vectors: NDArray[np.float32], metadata: Sequence[dict[str, Any]]
    ) -> None:
        """Add or replace cards."""
        with self._translated():
            raw = self.store(collection).client
            for part in _slices(len(ids)):
                raw.upsert(ids=list(ids[part]), embeddings=vectors[part], metadatas=list(metadata[part]))

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove cards; ids that are not there are ignored."""
        with self._translated():
            raw = self.store(collection).client
            for part in _slices(len(ids)):
                raw.delete(ids=list(ids[part]))

    def nearest(
        self, collection: str, vector: NDArray[np.float32], limit: int, *, where: dict[str, Any] | None = None
    ) -> list[str]:
        """Ids of the nearest cards by cosine, best first (approximate: HNSW)."""
        with self._translated():
            raw = self._collection(collection)
            found = raw.query(query_embeddings=[vector], n_results=limit, where=where, include=["distances"])
            return list(found["ids"][0])

    def count(self, collection: str) -> int:
        """How many cards the collection has."""
        with self._translated():
            return int(self._collection(collection).count())

    @property
    def is_there(self) -> bool:
        """False where the embedded database has no file; of a server nothing is asked."""
        return bool(self._address) or (self._folder / "chroma.sqlite3").exists()

    def has(self, collection: str) -> bool:
        """Whether the collection is there and holds anything."""
        with self._translated():
            there = collection in {found.name for found in self._client.list_collections()}
        return there and self.count(collection) > 0

    def drop(self, collection: str) -> None:
        """Delete a collection, if it is there."""
        with self._translated():
            self._stores.pop(collection, None)
            self._collections.pop(collection, None)
            if collection in {found.name for found in self._client.list_collections()}:
                self._client.delete_collection(collection)


def _server(address: str, settings: Any) -> Any:
    """A client of the server at ``address`` that gives up after a while, as Chroma's own does not."""
    import chromadb
    import httpx

    url = urlparse(address)
    host, ssl = url.hostname or "localhost", url.scheme == "https"
    port = url.port or (443 if ssl else 8000)
    httpx.get(f"{url.scheme}://{host}:{port}/api/v2/heartbeat", timeout=_GREETING).raise_for_status()
    client: Any = chromadb.HttpClient(host, port, ssl=ssl, settings=settings)
    client._server._session.timeout = _PATIENCE
    return client


def _slices(length: int) -> Iterator[slice]:
    for start in range(0, length, _BATCH):
        yield slice(start, start + _BATCH)
