"""A language model of random weights in a GGUF file of half a megabyte: what it says is nonsense, how it is served is not.

It needs the package ``gguf``. Words and some signs are likelier than the rest, so that a grammar makes sentences of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

CONTEXT = 32_768  # tokens, by its own account
_WIDTH = 64
_LAYERS = 2
_HEADS = 4
_WORDS = (
    *("The", "the", "a", "kernel", "fixes", "adds", "removes", "pump", "valve", "is", "was", "not", "now", "faster", "slower"),
    *("memory", "bug", "release", "by", "of", "in", "to", "12%", "48x", "7"),
)
_SIGNS = '".,{}]'
_LOUD = 3.0  # how much likelier words and signs are than bytes, of which most are no text
_SEED = 14  # of one that often has something to say
_TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"


def write(path: Path) -> None:
    """Write the model; it is the same in every run."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    vocabulary = list(_vocabulary(gguf.TokenType))
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(2 * _WIDTH)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(vocabulary))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([kind for _, kind in vocabulary])
    writer.add_token_scores([0.0] * len(vocabulary))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(_TEMPLATE)
    for name, tensor in _tensors(len(vocabulary)):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary(kinds: Any) -> Iterator[tuple[str, int]]:
    yield from (("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL))
    yield from ((f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256))
    yield from ((chr(code), kinds.NORMAL) for code in range(33, 127) if chr(code) not in _SIGNS)
    yield from ((sign, kinds.NORMAL) for sign in _SIGNS)
    yield from ((f"▁{word}", kinds.NORMAL) for word in _WORDS)


Tensor = np.ndarray[Any, np.dtype[np.float32]]


def _tensors(size: int) -> Iterator[tuple[str, Tensor]]:
    random = np.random.default_rng(_SEED)

    def normal(*shape: int, scale: float = 0.3) -> Tensor:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    head, ones = normal(size, _WIDTH), np.ones(_WIDTH, dtype=np.float32)
    head[-len(_SIGNS) - len(_WORDS) :] *= _LOUD
    yield from (("token_embd.weight", normal(size, _WIDTH, scale=1.0)), ("output.weight", head), ("output_norm.weight", ones))
    for layer in range(_LAYERS):
        yield from ((f"blk.{layer}.{name}_norm.weight", ones) for name in ("attn", "ffn"))
        yield from ((f"blk.{layer}.attn_{name}.weight", normal(_WIDTH, _WIDTH)) for name in ("q", "k", "v", "output"))
        yield from ((f"blk.{layer}.ffn_{name}.weight", normal(2 * _WIDTH, _WIDTH)) for name in ("gate", "up"))
        yield f"blk.{layer}.ffn_down.weight", normal(_WIDTH, 2 * _WIDTH)
