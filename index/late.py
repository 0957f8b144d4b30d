"""Late interaction: ColBERT's MaxSim (Khattab & Zaharia 2020, arXiv 2004.12832), each question token weighted by its idf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.embedder import TOKEN_SCALE, Embedded


def maxsim(query: Embedded, weights: NDArray[np.float32], cards: Sequence[NDArray[np.int8]]) -> float:
    """Weighted mean over the question's tokens of the best cosine with any token of ``cards``; about 0 to 1.

    ``weights`` (t,) are ≥ 0, one for each token of the question; ``cards`` are token vectors (n, d), int8.
    """
    present = [card for card in cards if len(card)]
    total = float(weights.sum())
    if not present or not len(query.tokens) or total <= 0:
        return 0.0
    document = np.concatenate(present).astype(np.float32)
    similar = document @ query.tokens.astype(np.float32).T / (TOKEN_SCALE * TOKEN_SCALE)
    return float(similar.max(axis=0) @ weights / total)
