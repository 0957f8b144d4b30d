"""llama-index's CitationQueryEngine as it comes, over a plain index of commits (benchmarks/plain.py), to measure beside ours.

It has what its defaults give it: two chunks of the index, cut into numbered sources, a prompt of its own, and a language
model. Its "[2]" becomes a link to the commit that the second source is from, so that its page is checked as ours is; it is
taken to abstain where it cites no source that there is. What its figures say depends on the model behind --llm: a scripted one
shows no more than that both are measured alike. A twin's commits are filtered out of the search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.plain import PlainIndex
from benchmarks.questions import Question, key
from benchmarks.twins import Trial, TwinBase
from kb.catalog import Filter
from kb.citations import keys
from kb.escape import inert
from kb.types import Answer, Coverage, Record, Scope

_MARK = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")
_SENTENCE = re.compile(r"(?<=[.!?。！？\]])\s+(?=\S)")
_SECONDS = 120.0


@dataclass(frozen=True)
class PlainEngine:
    """An engine over the commits that some questions are about, and others beside them."""

    kb: TwinBase
    plain: PlainIndex
    llm: Any

    @classmethod
    def build(cls, kb: TwinBase, questions: Sequence[Question], *, folder: Path, url: str, model: str, most: int) -> Self:
        """Embed the questions' commits and the latest others, ``most`` in all, into an empty ``folder``; seconds for each."""
        from llama_index.llms.openai_like import OpenAILike

        wanted = frozenset().union(*(question.gold for question in questions))
        records = kb.catalog.records(kb.catalog.select(Filter(kinds=("commit",))))
        records.sort(key=lambda record: key(record.id) not in wanted)
        plain = PlainIndex()
        plain.build(records[:most], folder)
        llm = OpenAILike(model=model, api_base=url, api_key="none", is_chat_model=True, timeout=_SECONDS, max_retries=1)
        return cls(kb, plain, llm)

    def trials(self, questions: Sequence[Question]) -> Iterator[Trial]:
        """Each question and its twin, as benchmarks.twins.trials gives them for ours."""
        for question in questions:
            for twin in (False, True) if question.gold else (False,):
                hidden = sorted(self.kb.removed(question)) if twin else []
                with self.kb.without(question if twin else Question(id="")):
                    yield self._trial(question, twin, hidden)

    def _trial(self, question: Question, twin: bool, hidden: Sequence[str]) -> Trial:
        try:
            return Trial(question, twin, self.answer(question.text, hidden=hidden))
        except Exception as error:  # the model's server, or anything on the way there: the other questions go on
            return Trial(question, twin, problem=f"{type(error).__name__}: {error}")

    def answer(self, text: str, *, hidden: Sequence[str] = ()) -> Answer:
        """What the engine says, as an answer with links; ``hidden`` are ids of records that it must not find."""
        from llama_index.core.query_engine import CitationQueryEngine
        from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters

        out = MetadataFilter(key="ref_doc_id", value=list(hidden), operator=FilterOperator.NIN)
        retriever = self.plain.index.as_retriever(filters=MetadataFilters(filters=[out]) if hidden else None)
        engine = CitationQueryEngine.from_args(self.plain.index, llm=self.llm, retriever=retriever)
        given = engine.query(text)
        ids = [node.node.ref_doc_id or "" for node in given.source_nodes]
        scores = [node.score or 0.0 for node in given.source_nodes]
        return self._made(text, str(given), ids, max(scores, default=0.0))

    def _made(self, question: str, said: str, ids: Sequence[str], score: float) -> Answer:
        records = {record.id: record for id in dict.fromkeys(ids) if (record := self.kb.catalog.record(id))}
        names = keys(records.values())
        sources = [records.get(id) for id in ids]
        used: dict[str, None] = {}
        lines = [_linked(sentence, sources, names, used) for sentence in _SENTENCE.split(said.strip()) if sentence]
        return Answer(
            question=question,
            scope=Scope(question=question),
            status="answered" if used else "abstained",
            text="\n".join(["plain\n", *(f"- {line}" for line in lines)]),
            claims=(),
            evidence=(),
            coverage=Coverage(len(used), len(used), len(ids)),
            confidence=score,
            matched=tuple(used),
        )


def _linked(sentence: str, sources: Sequence[Record | None], names: dict[str, str], used: dict[str, None]) -> str:
    """A sentence with links for its marks; ids that it cites are put into ``used``. A mark of no source stays as it is."""
    parts: list[str] = []
    at = 0
    for match in _MARK.finditer(sentence):
        parts.append(inert(sentence[at : match.start()]))
        at = match.end()
        for number in map(int, match[1].split(",")):
            source = sources[number - 1] if 0 < number <= len(sources) else None
            if source:
                used[source.id] = None
            parts.append(f" [`{names[source.id]}`]({source.url})" if source else f" ({number})")
    return "".join([*parts, inert(sentence[at:])])
