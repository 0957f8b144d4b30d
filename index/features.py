"""Scores of candidates, one array a feature: lexical by field, dense, and what the title says. All are comparable within
one question."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedded, Embedder
from index.matrix import Numbers, Parts
from index.vectors import Vectors
from kb.catalog import Catalog, Filter
from kb.synonyms import expansion_tokens, expansions
from kb.text import FIELDS, query_tokens, tokens

Scores = NDArray[np.float64]

EXPANSION = 0.75  # weight of a synonym beside a word that was really used

_NAMED_BY = 50  # records: a word in the diffs of more than that names none of them
_SHORT = 8  # words: a longer topic is a story, whose initials mean nothing
_COMMON = 0.1

_EXCLUDED = re.compile(
    r"\(?\b(?:not|except|excluding|other than|apart from|but not|ignoring)\b[^,;.)]*\)?"
    r"|（?(?:不包括|不含|除了|排除)[^，。；）]*）?",
    re.I,
)
_FAILURE = re.compile(
    r"\b(wrong|incorrect\w*|crash\w*|fail\w*|error\w*|exception|hang\w*|freez\w+|stuck|leak\w*|garbage|corrupt\w*|broken?"
    r"|breaks?|dies|died|kill(?:s|ed)|illegal|invalid|overflow\w*|nan|inf|bug\w*|fix(?:ed|es)?|problem|race|flaky|slow(?:er)?"
    r"|throws?|raises?|missing|never|ignored?|lost|silently|mislead\w*|collapsed|blew|stall\w*|reject\w*|could not|cannot"
    r"|can't|no longer|instead of)\b",
    re.I,
)


@dataclass(frozen=True)
class Question:
    """A topic prepared for scoring: its tokens, the tokens of its synonyms, and its embedding (computed at first use).

    ``acronyms`` are those of its word groups that the store really uses (see ``used_acronyms``).
    """

    text: str
    embedder: Embedder | None
    acronyms: tuple[str, ...] = ()

    @cached_property
    def own(self) -> list[str]:
        """Lexical tokens."""
        return query_tokens(self.text)

    @cached_property
    def added(self) -> list[str]:
        """Lexical tokens of synonyms and acronyms only."""
        return list(dict.fromkeys([*expansion_tokens(self.text), *self.acronyms]))

    @cached_property
    def about_failure(self) -> bool:
        """Whether it describes something going wrong: then commits that fix are likelier."""
        return bool(_FAILURE.search(self.text))

    @property
    def plain(self) -> Embedded:
        """The text's own embedding."""
        return self._embedded[0]

    @property
    def expanded(self) -> Embedded:
        """The embedding of the text followed by its synonyms."""
        return self._embedded[-1]

    @cached_property
    def _embedded(self) -> list[Embedded]:
        if self.embedder is None:
            raise ValueError("a question without an embedder has no embedding")
        words = [*expansions(self.text), *self.acronyms]
        return self.embedder.queries([self.text, f"{self.text} {' '.join(words)}"] if words else [self.text])

    @cached_property
    def direction(self) -> NDArray[np.float32]:
        """Sentence vector searched with: between the text's and the expanded one's."""
        mixed = 0.6 * self.plain.sentence + 0.4 * self.expanded.sentence
        return np.asarray(mixed / (np.linalg.norm(mixed) + 1e-9), dtype=np.float32)


def rarity(frequency: int, size: int) -> float:
    """Inverse document frequency of a token that ``frequency`` of ``size`` records have."""
    return math.log((size + 1) / (frequency + 0.5))


def positive(topic: str) -> str:
    """The topic without what it excludes ("top-k (not MoE routing)"): those words would only find what is not wanted."""
    return " ".join(_EXCLUDED.sub(" ", topic).split()) or topic


def used_acronyms(catalog: Catalog, topic: str) -> tuple[str, ...]:
    """Initials of three or four neighbouring words of a short topic ("Kimi delta attention": kda), where messages use them."""
    words = [word for word in re.split(r"[^A-Za-z]+", topic) if word]
    if len(words) > _SHORT:
        return ()
    runs = (words[at : at + length] for length in (3, 4) for at in range(len(words) - length + 1))
    initials = list(dict.fromkeys("".join(word[0] for word in run).lower() for run in runs))
    own = set(tokens(topic))
    frequencies = catalog.document_frequency("message", initials)
    most = max(catalog.size() * _COMMON, 3)
    return tuple(initial for initial in initials if 1 < frequencies[initial] < most and initial not in own)


def lexical(
    catalog: Catalog, question: Question, filter: Filter, *, limit: int, pool: Executor | None = None
) -> dict[str, dict[int, float]]:
    """field -> number -> BM25 of the question's own tokens plus EXPANSION times that of its synonyms, ``limit`` of each.

    With a ``pool`` the fields are searched side by side: SQLite lets go of the interpreter while it ranks.
    """

    def search(job: tuple[str, list[str]]) -> list[tuple[int, float]]:
        name, words = job
        return catalog.lexical(name, words, filter=filter, limit=limit) if words else []

    jobs = [(name, words) for name in FIELDS for words in (question.own, question.added)]
    lists = list((pool.map if pool else map)(search, jobs))
    found: dict[str, dict[int, float]] = {}
    for (name, words), scored in zip(jobs, lists, strict=True):
        weight = 1.0 if words is question.own else EXPANSION
        scores = found.setdefault(name, {})
        for doc, score in scored:
            scores[doc] = scores.get(doc, 0.0) + weight * score
    return found


def lexical_within(catalog: Catalog, question: Question, filter: Filter, *, size: int) -> dict[str, dict[int, float]]:
    """As ``lexical``, of all ``size`` records that pass, each token weighted by how rare it is among those.

    Within one repository and week, what is rare elsewhere may be in every other message ("lang" in the weeks of a new
    language): only the words that tell these records apart say which of them are meant.
    """
    weights = {**dict.fromkeys(question.added, EXPANSION), **dict.fromkeys(question.own, 1.0)}
    everywhere = catalog.document_frequency("message", list(weights))
    total = max(catalog.size(), 1)
    found: dict[str, dict[int, float]] = {name: {} for name in FIELDS}
    for token, weight in weights.items():
        lists = {name: catalog.lexical(name, [token], filter=filter, limit=size) for name in FIELDS}
        here = len(lists["message"])
        usual = rarity(everywhere[token], total)
        share = rarity(here, size) / math.log(size + 1) if size > 1 else 1.0
        weight *= min(share * math.log(total + 1) / max(usual, 0.1), 1.0)
        for name, scored in lists.items():
            sums = found[name]
            for doc, score in scored:
                sums[doc] = sums.get(doc, 0.0) + weight * score
    return found


def unsaid(catalog: Catalog, question: Question, filter: Filter) -> dict[int, float]:
    """number -> the share of the question's tokens that it holds and that no message has: only paths, diffs or pages do.

    Such a word is a name, however plain it looks, and what holds it is what is meant; similarity knows nothing of it. In a
    question of many words it counts for little.
    """
    said = catalog.document_frequency("message", question.own)
    found: dict[int, float] = {}
    for token in (token for token in question.own if not said[token]):
        held = {doc for name in ("paths", "diff") for doc, _ in catalog.lexical(name, [token], filter=filter, limit=_NAMED_BY)}
        for doc in held if len(held) < _NAMED_BY else ():
            found[doc] = found.get(doc, 0.0) + 1.0 / len(question.own)
    return found


def column(scores: Mapping[int, float], docs: Sequence[int]) -> Scores:
    """Scores of these documents, in order, divided by the best; 0 where there is none."""
    raw = np.fromiter(map(scores.get, docs, repeat(0.0)), np.float64, len(docs))
    best = raw.max(initial=0.0)
    return raw / best if best > 0 else raw


class Order(Mapping[int, list[str]]):
    """Document number -> its parts, best first; worked out for those that are asked for only.

    ``numbers`` (n,), ascending, ``parts`` (n,) and ``similar`` (n,) are of cards.
    """

    def __init__(self, numbers: Numbers, parts: Parts, similar: NDArray[np.float32]) -> None:
        self._numbers, self._parts, self._similar = numbers, parts, similar

    def __getitem__(self, doc: int) -> list[str]:
        first, last = np.searchsorted(self._numbers, [doc, doc + 1])
        if first == last:
            raise KeyError(doc)
        best = np.argsort(-self._similar[first:last], kind="stable")
        return [str(part) for part in self._parts[first:last][best]]

    def known(self, docs: Sequence[int]) -> NDArray[np.bool_]:
        """Whether each of these documents has any card; (n,)."""
        return np.isin(np.asarray(docs, dtype=np.int64), self._numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(np.unique(self._numbers).tolist())

    def __len__(self) -> int:
        return len(np.unique(self._numbers))


def dense(vectors: Vectors, question: Question, docs: Sequence[int]) -> tuple[Scores, Order]:
    """Best cosine of any card of each document (0 where it has none), and each document's parts, best first."""
    numbers, parts, similar = vectors.similar(docs, question.direction)
    result = np.zeros(len(docs))
    order = Order(numbers, parts, similar)
    if not len(numbers):
        return result, order
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    known, best = numbers[starts], np.maximum.reduceat(similar, starts)
    wanted = np.asarray(docs, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    there = known[at] == wanted
    result[there] = best[at[there]]
    return result, order


def idf(catalog: Catalog, words: Sequence[str]) -> Scores:
    """Inverse document frequency of words as they stand in a question, by their rarest token in messages."""
    by_word = {word: tokens(word) for word in dict.fromkeys(words)}
    frequencies = catalog.document_frequency("message", list(dict.fromkeys(t for found in by_word.values() for t in found)))
    size = max(catalog.size(), 1)
    # A token that no message has says nothing about which message is meant.
    return np.array(
        [max((rarity(frequencies[t], size) for t in by_word[word] if frequencies[t]), default=0.0) for word in words]
    )
