"""Sentences taken from issues, notes of releases, abstracts and posts as they really are: whole and verified."""

from __future__ import annotations

from kb.citations import EXACT
from kb.report.gist import gist
from tests.gists import BUG, KEY, entry, other, verdict

UNFILLED = """**Describe the bug**
A clear and concise description of what the bug is.

**Steps/Code to reproduce bug**
Follow this guide https://example.org/blog to craft a minimal bug report that fails.

**Environment details (please complete the following information):**
 - Environment location: [Bare-metal, Docker, Cloud(specify cloud provider)]
"""


def asked(title: str, body: str) -> list[str]:
    record = other("issue", title, body)
    found = gist(entry(record))
    assert all(sentence.role == "asks" and verdict(sentence, (KEY, record)) == EXACT for sentence in found)
    return [sentence.text for sentence in found]


def test_of_an_issue_the_problem_and_its_error_message_are_told() -> None:
    assert asked("[Bug]: crash with Qwen2", BUG) == [
        "After upgrading to 0.15 the server dies while loading Qwen2-7B with the attention backend of 0.14.",
        "TypeError: Attention.__init__() got an unexpected keyword argument 'layer_idx'",
    ]


def test_an_issue_that_nobody_filled_in_says_nothing() -> None:
    assert asked("Segfault", UNFILLED) == []


def test_a_question_stays_a_question() -> None:
    question = "What does `advanced_control` demonstrate, and can the option be used with CUDA 12.8?"
    assert asked("Purpose of the example?", f"**What is your question?**\n{question}\n") == [question]


def test_a_request_follows_what_it_is_about() -> None:
    body = "### Motivation\n\nThe bf16 kernels for SM90 beat cuBLAS on skinny shapes. It would be great to use them here.\n"
    assert asked("[Feature] bf16 GEMM", body) == [
        "The bf16 kernels for SM90 beat cuBLAS on skinny shapes.",
        "It would be great to use them here.",
    ]


def test_the_highlights_of_a_release_leave_out_chores_newcomers_and_credits() -> None:
    notes = """## What's Changed
* Add a fused RMSNorm with FP4 quantization for Blackwell by @ada in https://github.com/acme/kernels/pull/2410
* ci: bump the runner image by @bot in https://github.com/acme/kernels/pull/2411
* fix: wrong stride of the page table in MLA decode on SM90 by @bob in https://github.com/acme/kernels/pull/2412
* perf: mm_fp4 picks CUTLASS on SM103, up to 1.4x faster by @eve in https://github.com/acme/kernels/pull/2413
* Update README by @ada in https://github.com/acme/kernels/pull/2414
* bump version to 0.6.3 by @ada in https://github.com/acme/kernels/pull/2415
* Support Nemotron routing with 512 experts by @kim-y in https://github.com/acme/kernels/pull/2416
* feat!: remove the deprecated `tile_tokens_dim` argument by @kim-y in https://github.com/acme/kernels/pull/2417

## New Contributors
* @kim-y made their first contribution in https://github.com/acme/kernels/pull/2416

**Full Changelog**: https://github.com/acme/kernels/compare/v0.6.2...v0.6.3
"""
    record = other("release", "v0.6.3", notes)
    found = gist(entry(record))
    assert [sentence.text for sentence in found] == [
        "Add a fused RMSNorm with FP4 quantization for Blackwell.",
        "perf: mm_fp4 picks CUTLASS on SM103, up to 1.4x faster.",
        "Support Nemotron routing with 512 experts.",
        "feat!: remove the deprecated `tile_tokens_dim` argument.",
    ]
    assert {verdict(sentence, (KEY, record)) for sentence in found} == {EXACT}


def test_of_a_release_with_headings_the_breaking_and_the_highlights_are_told() -> None:
    notes = (
        "## Highlights\n- New profiler option `--verify-only` that skips timing.\n\n"
        "## Breaking Changes\n- `make_tiled_mma` takes the atom layout as a keyword; positional calls raise an error.\n\n"
        "## Documentation\n- Lots of fixes to the quick start guide.\n"
    )
    assert [sentence.text for sentence in gist(entry(other("release", "v4.4.0", notes)))] == [
        "New profiler option `--verify-only` that skips timing.",
        "`make_tiled_mma` takes the atom layout as a keyword; positional calls raise an error.",
    ]


def test_of_a_paper_the_claim_and_its_figures_are_told_in_its_order() -> None:
    abstract = (
        "Training in four bits is fragile because of outliers. Prior work is $2.1\\times$ slower. We propose a recipe that\n"
        "keeps a tenth of the channels in BF16. On a 1.2B model it reduces the loss gap from 0.94% to 0.58%. Code follows.\n"
    )
    record = other("paper", "Outliers in four-bit pretraining", abstract)
    found = gist(entry(record))
    assert [(sentence.role, sentence.text) for sentence in found] == [
        ("finds", "We propose a recipe that keeps a tenth of the channels in BF16."),
        ("finds", "On a 1.2B model it reduces the loss gap from 0.94% to 0.58%."),
    ]
    assert {verdict(sentence, (KEY, record)) for sentence in found} == {EXACT}


def test_of_a_post_and_of_a_model_the_first_sentence_that_says_something_is_told() -> None:
    post = "Hi everyone! Thanks for reading this. Four-bit floats halve the memory that weights take. Here is how."
    (sentence,) = gist(entry(other("post", "FP4 on Blackwell", post)))
    assert sentence.text == "Four-bit floats halve the memory that weights take."
    card = "# Kern\n\n<p><img src='x.png'></p>\n\n[Paper](https://x) | [Code](y)\n\nKern is a mixture of 64 experts.\n"
    (sentence,) = gist(entry(other("model", "acme/kern", card)))
    assert sentence.text == "Kern is a mixture of 64 experts."
