"""A llama-index retriever over the search, for people who build with llama-index; it needs and resolves no language model.

Importing this module loads llama-index, so nothing else in the package imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from index.search import Search
from kb.citations import keys
from kb.judge import judge
from kb.text import clean, squeeze
from kb.types import Found, Hit, Scope

_WINDOW = 5_000  # records of a set question, the best first: as many as kb.answer fetches
_EXCERPT = 1_200  # characters of the cleaned body


class ChangeRetriever(BaseRetriever):
    """Changes as nodes, best first; the window, the repositories and the topic are taken from the question itself.

    A question for a set ("what changed in MoE last week") gives every record that concerns the topic, any other one the best
    ``limit``. ``scope_of`` turns a question into a Scope, as ``kb.scope.parse`` does. Get one from ``KnowledgeBase.retriever``.

    A node's id is the record's. Its text is the title, the cleaned body and, where they do not hold it, the quote that matched;
    its metadata is what a citation needs.
    """

    def __init__(self, search: Search, scope_of: Callable[[str], Scope], *, limit: int = 10) -> None:
        super().__init__()
        self._search = search
        self._scope_of = scope_of
        self._limit = limit

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Raises QueryError or CatalogError, as the search does."""
        scope = self._scope_of(query_bundle.query_str)
        if scope.intent != "window":
            found = self._search.find(scope, limit=self._limit)
            return _nodes(found.hits, found)
        found = self._search.find(scope, limit=_WINDOW)
        return _nodes([found.hits[at] for at in judge(scope, found).matched], found)


def _nodes(hits: Sequence[Hit], found: Found) -> list[NodeWithScore]:
    cited = keys(hit.record for hit in hits)
    return [NodeWithScore(node=_node(hit, cited[hit.record.id], found.degraded), score=hit.score) for hit in hits]


def _node(hit: Hit, key: str, degraded: str) -> TextNode:
    record = hit.record
    body = clean(record.body)[:_EXCERPT]
    quote = "" if squeeze(hit.quote.text) in squeeze(f"{record.title} {body}") else hit.quote.text
    metadata = {
        "key": key,
        "id": record.id,
        "kind": record.kind,
        "repo": record.repo,
        "ref": record.ref,
        "title": record.title,
        "url": record.url,
        "at": record.at.isoformat(),
        "quote": hit.quote.text,
        "path": hit.quote.path,
        "line": hit.quote.line,
        "degraded": degraded,
    }
    text = "\n\n".join(part for part in (record.title, body, quote) if part)
    hidden = [name for name in metadata if name not in ("key", "repo", "at", "url")]
    return TextNode(
        id_=record.id,
        text=text,
        metadata=metadata,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=list(metadata),
    )
