"""How far passages bear out a sentence: by the embedding model of the index, or by a cross-encoder of sentence-transformers.

Either is made at once, so that a model that cannot be used is an error before anything is asked. Nothing is downloaded unless a
model is named that is not on this machine, and the environment allows it (HF_HUB_OFFLINE=1 forbids it).
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.embedder import Embedder, Vectors
from kb.errors import ConfigError, VectorError
from kb.glossary import CJK, translate
from kb.protocols import Entailment

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

EMBEDDINGS = "embeddings"
LEAST_COSINE = 0.4
LEAST_ENTAILED = 0.5  # more likely than not
_KEPT = 512  # scores; a sentence is held against the same passages again when it is read from what is kept
_KEPT_VECTORS = 4096
_UNREAD = 0.25  # of a text's Chinese characters that the glossary may not know
_REMEDY = (
    'set entailment in [llm] to "", to "embeddings", or to a sentence-transformers cross-encoder: its folder, or a hub'
    " name that is on this machine or may be downloaded"
)


def entailment(name: str, *, least: float = 0.0, embedder: Embedder) -> Entailment | None:
    """What ``[llm] entailment`` names; None for "". ``least`` 0: the default of its sort.

    Raises:
        ConfigError: the model cannot be loaded, or is none for this.
    """
    if not name:
        return None
    if name == EMBEDDINGS:
        return ByEmbeddings(embedder, least=least or LEAST_COSINE)
    return ByCrossEncoder(name, least=least or LEAST_ENTAILED, device=embedder.device)


class ByEmbeddings:
    """The largest cosine between a sentence and a passage. Chinese is compared by what the glossary makes of it."""

    def __init__(self, embedder: Embedder, *, least: float) -> None:
        try:
            embedder.sentences([""])
        except VectorError as error:
            raise ConfigError(f'[llm] entailment = "{EMBEDDINGS}": {error.message}', remedy=error.remedy) from error
        self.name = f"{EMBEDDINGS} of {embedder.name} from {least:g}"
        self.least = least
        self._embedder = embedder
        self._mutex = threading.Lock()
        self._vectors: dict[str, Vectors] = {}

    def score(self, claim: str, passages: Sequence[str]) -> float | None:
        """See ``Entailment``. None where the glossary knows too little of a Chinese sentence or passage."""
        read = [_in_english(text) for text in (claim, *passages)]
        texts = [text for text in read if text is not None]
        if len(texts) < len(read) or not passages:
            return None
        with self._mutex, _failing_as(self.name):
            told, *found = self._embedded(texts)
        return float(np.clip(np.stack(found) @ told, 0, 1).max())

    def _embedded(self, texts: Sequence[str]) -> list[Vectors]:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(zip(new, self._embedder.sentences(new), strict=True))
        found = [self._vectors[text] for text in texts]
        while len(self._vectors) > _KEPT_VECTORS:
            del self._vectors[next(iter(self._vectors))]
        return found


class ByCrossEncoder:
    """How likely a passage entails a sentence, at most, by a model that reads both at once: one with a class for entailment, or
    with a single output."""

    def __init__(self, name: str, *, least: float, device: str = "cpu") -> None:
        self._model = _loaded(name, device)
        self._column = _column(name, self._model)
        self._mutex = threading.Lock()
        self.name = f"{name} from {least:g}"
        self.least = least
        self._kept = lru_cache(maxsize=_KEPT)(self._score)

    def score(self, claim: str, passages: Sequence[str]) -> float | None:
        """See ``Entailment``."""
        return self._kept(claim, tuple(passages)) if passages else None

    def _score(self, claim: str, passages: tuple[str, ...]) -> float:
        import torch

        one = self._column is None
        activation = torch.nn.Sigmoid() if one else torch.nn.Softmax(dim=-1)
        pairs = [(passage, claim) for passage in passages]
        with self._mutex, _failing_as(self.name):
            found = self._model.predict(pairs, activation_fn=activation, show_progress_bar=False)
        scores = np.asarray(found, dtype=np.float32)
        best = float((scores.reshape(-1) if one else scores[:, self._column]).max())
        return best if np.isfinite(best) else 0.0


@contextlib.contextmanager
def _failing_as(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # out of memory, a device that is gone: the library raises whatever its own dependencies raise
        raise VectorError(f"{name}: the model failed: {_first_line(error)}", remedy=_REMEDY) from error


def _in_english(text: str) -> str | None:
    """The text, Chinese by the glossary; None where that knows too little of it."""
    chinese = len(CJK.findall(text))
    if not chinese:
        return text
    read = translate(text)
    return read if len(CJK.findall(read)) <= _UNREAD * chinese else None


def _loaded(name: str, device: str) -> CrossEncoder:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    path = Path(name).expanduser()
    try:
        model: CrossEncoder = CrossEncoder(str(path) if path.exists() else name, device=device)
        return model
    except Exception as error:  # the library raises whatever its own dependencies raise
        raise ConfigError(
            f"[llm] entailment: the model {name!r} cannot be loaded: {_first_line(error)}", remedy=_REMEDY
        ) from error


def _column(name: str, model: CrossEncoder) -> int | None:
    """Which output says that a sentence is entailed; None for a model with a single one."""
    config = model.config
    if config is None or not any(one.endswith("ForSequenceClassification") for one in config.architectures or ()):
        # Any other model would be given an output of random weights.
        raise ConfigError(f"[llm] entailment: the model {name!r} is no cross-encoder: it classifies nothing", remedy=_REMEDY)
    if config.num_labels == 1:
        return None
    labels = config.id2label or {}
    found = [int(at) for at, label in labels.items() if re.fullmatch(r"entail\w*", str(label), re.I)]
    if len(found) != 1:
        told = ", ".join(str(label)[:40] for label in [*labels.values()][:5])
        raise ConfigError(f"[llm] entailment: the model {name!r} has no label for entailment, but {told}", remedy=_REMEDY)
    return found[0]


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
