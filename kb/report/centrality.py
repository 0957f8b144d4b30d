"""How near each text is to what the others speak of: the degree centrality of LexRank. Pure.

G. Erkan and D. R. Radev, LexRank: Graph-based Lexical Centrality as Salience in Text Summarization, JAIR 22, 2004: sentences
are the nodes of a graph, its edges weigh the cosine of their TF-IDF vectors, and what is like many others is central. A node's
degree does as well there as the stationary distribution, and with unit vectors it is one product: a vector with the sum of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from math import log, sqrt


def centrality(texts: Sequence[Collection[str]]) -> list[float]:
    """For each text (its distinct tokens) the mean cosine with the other ones, 0..1."""
    if len(texts) < 2:
        return [0.0] * len(texts)
    documents = Counter(token for tokens in texts for token in set(tokens))
    weight = {token: log((1 + len(texts)) / count) for token, count in documents.items()}
    vectors = [_unit({token: weight[token] for token in tokens}) for tokens in texts]
    whole: Counter[str] = Counter()
    for vector in vectors:
        whole.update(vector)
    return [_with_others(vector, whole) / (len(texts) - 1) for vector in vectors]


def _unit(vector: dict[str, float]) -> dict[str, float]:
    length = sqrt(sum(value * value for value in vector.values()))
    return {token: value / length for token, value in vector.items()} if length else {}


def _with_others(vector: dict[str, float], whole: Counter[str]) -> float:
    return sum(value * (whole[token] - value) for token, value in vector.items())
