"""Sentences taken from changes, from bodies as commits and pull requests really have them: whole and verified."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kb.citations import EXACT
from kb.lines import View
from kb.report.gist import gist
from kb.report.types import Entry
from kb.types import FileChange
from tests.gists import KEY, WITH_MOTIVATION, WITH_PURPOSE, entry, told, verdict
from tests.records import commit, pull

# --- changes -----------------------------------------------------------------------------------------------------------------

GENERATED = """<!-- .github/pull_request_template.md -->

## 📌 Description

## 🧪 Tests

- [x] All tests are passing (`unittest`, etc.).

<!-- This is an auto-generated comment: release notes by coderabbit.ai -->
## Summary by CodeRabbit

* **New Features**
  * The paged decode wrapper accepts per-head `kv_scale` tensors, enabling FP8 caches with one scale per head.
* **Documentation**
  * Updated docstrings for clarity.

<sub>✏️ Tip: You can customize this high-level summary in your review
settings.</sub>
"""


def test_what_was_done_and_the_gain_are_told_from_a_template_with_a_purpose() -> None:
    assert told("[Kernel] Split-K path for skinny GEMM", WITH_PURPOSE) == [
        ("what", "Adds a split-K scheduler to `w4a8_mm` and picks the split from the number of idle SMs."),
        ("why", "On H100 decode latency of the 70B model drops from 21.4 ms to 18.9 ms at batch 8."),
    ]


def test_what_was_done_and_its_motivation_are_told() -> None:
    assert told("[HiCache] Write back evicted pages in the background", WITH_MOTIVATION) == [
        ("what", "Add a `WriteBackQueue` with its own CUDA stream."),
        ("problem", "Evicting a page waits for the copy to the host, which stalls the scheduler for up to 40 ms under load."),
    ]


def test_a_chinese_body_is_told_as_well() -> None:
    body = (
        "## 背景\n\n当某个 rank 没有分到 token 时，`moe_align` 会以 0 个 block 启动内核，导致 CUDA 报错。这个问题很少见。\n\n"
        "## 修改\n\n- 在启动前检查 `num_tokens`，为 0 时直接返回空张量。\n"
    )
    assert told("修复 MoE 路由在空批次时的崩溃", body) == [
        ("what", "在启动前检查 `num_tokens`，为 0 时直接返回空张量。"),
        ("problem", "当某个 rank 没有分到 token 时，`moe_align` 会以 0 个 block 启动内核，导致 CUDA 报错。"),
    ]


def test_what_a_program_summed_up_is_told_only_where_its_author_says_nothing() -> None:
    title = "add tensor scale input"
    program = "The paged decode wrapper accepts per-head `kv_scale` tensors, enabling FP8 caches with one scale per head."
    assert [text for _, text in told(title, GENERATED)] == [program]
    own = "Reads the scale in the epilogue of `decode.cuh`, because a host copy costs a synchronization."
    assert [text for _, text in told(title, f"{own}\n\n{GENERATED}")] == [own]


def test_a_list_of_commits_says_nothing_unless_an_item_is_telling() -> None:
    chores = "* fix typo\n\n* Update foo.py\n\n* address comments\n\n* use flag\n\n* more clean up of tests\n"
    assert told("Sliding window attention", chores) == []
    item = "* Replace the `mask_mod` loop with a bitmask so that causal tiles skip 30% of their work\n\n"
    assert [text for _, text in told("Sliding window attention", item + chores)] == [
        "Replace the `mask_mod` loop with a bitmask so that causal tiles skip 30% of their work."
    ]


def test_a_sentence_that_leans_on_another_one_comes_behind_it_or_not_at_all() -> None:
    does = "Redirects user installations to /opt/pip-user with PYTHONUSERBASE, so the image stays read-only."
    leans = "This makes it easier to clean up on runners without `sudo`, where files of `root` cannot be removed."
    assert told("Enable setting user in CI containers", f"{does} {leans}") == [("what", does), ("why", leans)]
    assert told("Enable setting user in CI containers", f"Please see the discussion in the forum first. {leans}") == []
    assert (
        told("fix: stride of the page table", "Hello team of reviewers. In this case `page_table` was wrong and crashed.") == []
    )


def test_the_reason_of_a_revert_is_told() -> None:
    body = (
        "Reverts acme/kernels#2304\n\nAs it introduces a regression in unit tests and no longer allows fewer than 22 experts\n"
    )
    title = 'Revert "feat: fused MoE with Relu2"'
    assert told(title, body) == [
        ("reason", "As it introduces a regression in unit tests and no longer allows fewer than 22 experts."),
    ]


OLD = "The wrapper writes the pointers with one spacing, and the kernels read slots that nobody wrote, then crash."


@pytest.mark.parametrize("group", ["features", "models", "performance"])
def test_what_was_wrong_before_is_no_news_of_what_is_new(group: str) -> None:
    assert told("all-reduce on twelve ranks", f"{OLD}\n", group=group) == []
    does = "Adds a `Spacing` argument that both sides take."
    assert told("all-reduce on twelve ranks", f"## Problem\n\n{OLD}\n\n## Changes\n\n- {does}\n", group=group) == [
        ("what", does), ("problem", OLD),
    ]  # fmt: skip


@pytest.mark.parametrize("group", ["fixes", "reverts"])
def test_of_a_fix_what_was_wrong_may_be_all_there_is(group: str) -> None:
    assert told("all-reduce on twelve ranks", f"{OLD}\n", group=group) == [("problem", OLD)]


def test_what_dates_itself_needs_no_other_word_for_it() -> None:
    dated = "Previously the wrapper wrote `pointers` with a spacing of its own, and kernels crashed."
    assert told("fix: all-reduce on twelve ranks", f"{dated}\n", group="fixes") == [("why", dated)]


def test_a_limit_of_what_is_new_is_not_told_as_what_had_been() -> None:
    does = "Adds a persistent `ssd_forward` kernel for Mamba."
    limit = "Short batches are slower than Triton with `ssd_forward`."
    assert told("feat: combined forward pass", f"{does}\n\n## Notes\n\n{limit}\n", group="features") == [("what", does)]


def test_a_list_is_what_the_line_before_it_says() -> None:
    body = (
        "Two gaps blocked that:\n\n- The kernel indexes `queries` through cumulative lengths internally.\n\n"
        "## Changes\n\n- `queries` may have a length of their own through the wrapper.\n"
    )
    assert told("xqa: ragged queries", body, group="features") == [
        ("what", "`queries` may have a length of their own through the wrapper.")
    ]


def test_how_something_is_counts_as_news_where_its_name_is_new() -> None:
    says = "`workspace_size(...)` returns bytes that callers own."
    body = f"{says}\n"
    patch = "@@ -1,2 +1,3 @@ def moe():\n def moe(x):\n+def workspace_size(tokens):\n     return x\n"
    files = (FileChange(path="src/moe.py", patch=patch, additions=1),)
    assert told("moe: scratch memory", body, group="features") == []
    assert told("moe: scratch memory", body, group="features", files=files) == [("what", says)]


@pytest.mark.parametrize(
    "sentence",
    [
        "At any other world size the kernel reads slots that nobody wrote, then crashes.",
        "The current API of `page_index()` cannot represent this case.",
        "The existing paths of `page_index()` do not cover that combination.",
        "Without these flags, `page_index()` compiles as an empty function.",
        "Δ = speedup of the fused kernel = `(unfused_us / fused_us − 1) × 100%`",
        "`page_index()` is the kernel that looks a page up on SM120.",
        "The column m is the number of `page_index()` queries per request.",
        "All deployments with prebuilt images of `page_index()` (e.g. in containers).",
        "API changes since v0.6.15.post1, using `scripts/list_apis.sh`.",
        "Two races in `page_index()`, only exposed under tight scheduling.",
    ],
)
@pytest.mark.parametrize("group", ["features", "versions"])
def test_a_sentence_without_what_it_needs_is_not_told(group: str, sentence: str) -> None:
    assert told("paged decode", f"Hello team of reviewers. {sentence}\n", group=group) == []
    assert told("paged decode", f"- {sentence}\n", group=group) == []


def test_a_revert_is_not_told_as_an_improvement() -> None:
    program = GENERATED.replace("The paged decode wrapper accepts", "Improved backend detection, as the wrapper accepts")
    assert told("Revert PR 4122", f"Reverts acme/kernels#4122\n\n{program}", group="reverts") == []


CHANGELOG = """@@ -2,6 +2,20 @@
 # CUTLASS 4.x
+## [4.4.0](https://example.org/4.4.0) (2026-02-14)
+
+### CuTe DSL
+* New features
+  - CuTe DSL now supports CUDA toolkit 13.1!
+    - Set it up with `setup.sh --cu13`
+  - A higher layer of the DSL that is wrapped
+    over two lines of the file and more.
+* Bug fixing and improvements
+  - Fixed a segfault with tvm-ffi on aarch64
+  - Add FP4 to FP32 conversion on Hopper.
 ## [4.3.5](https://example.org/4.3.5)
-* Add the ring buffer that nobody wanted.
"""


def test_what_a_change_adds_to_a_change_log_tells_it_where_its_message_does_not() -> None:
    files = (FileChange(path="CHANGELOG.md", patch=CHANGELOG, additions=10),)
    record = commit(1, "v4.4 update. (#2979)", files=files)
    found = gist(entry(record, group="versions"))
    assert [one.text for one in found] == [
        "CuTe DSL now supports CUDA toolkit 13.1!",
        "Add FP4 to FP32 conversion on Hopper.",
    ]
    assert {verdict(one, (KEY, record)) for one in found} == {EXACT}
    body = "Adds a ring buffer for the pages that `plan()` evicts.\n"
    assert [one.text for one in gist(entry(replace(record, body=body)))] == [body.strip()]
    assert gist(entry(replace(record, files=(FileChange(path="src/log.md.py", patch=CHANGELOG),)))) == ()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Adds the paged decode kernel.\n",  # the title again
        "## Summary\n\nThe following files change:\n\n| file | lines |\n| --- | --- |\n| `a_b.cu` fixes a crash | 3 |\n",
        "```\nAdds `page_index()` because the kernel crashed with 3 pages.\n```\n",
        "![Adds `page_index()` because it crashed with three pages.](https://x/y.png)\n",
        "Adds `page_index() because the kernel crashed with three pages of memory.\n",
        "and adds `page_index()` because the kernel crashed with three pages of memory.\n",
        "- [x] Adds `page_index()` because the kernel crashed with three pages of memory.\n",
        "Signed-off-by: Ada <ada@example.org>\nCo-authored-by: Bob <bob@example.org>\n",
        "The failing job is this one, e.g. https://ci.example.org/jobs/123456789/with/a/long/path\n",
        "I am going to add `page_index()` in a follow-up PR because the kernel crashes with 3 pages.\n",
        "All existing unit tests pass locally with `page_index()` on the H100 and the B200 machines.\n",
        "Adds `page_index()` because the kernel crashed " + "with three pages of memory " * 12 + ".\n",
        "We will add `page_index()` because the kernel crashed, once that PR gets merged, as @ada suggested.\n",
    ],
)
def test_nothing_is_said_where_nothing_adds_to_the_title(body: str) -> None:
    assert told("feat: paged decode kernel", body) == []


def test_the_record_with_the_better_sentences_is_quoted_under_its_own_key() -> None:
    own = commit(1, "perf: cache device properties", body="Squashed.")
    request = pull(7, "perf: cache device properties", body="Each `cudaGetDeviceProperties` call costs 1 ms, 72 ms in all.\n")
    both = replace(entry(own), also=View(request, "kernels#7"))
    (sentence,) = gist(both)
    assert sentence.keys == ("kernels#7",)
    assert verdict(sentence, (KEY, own), ("kernels#7", request)) == EXACT


def test_a_merge_is_told_by_what_it_brought() -> None:
    child = commit(2, "Loosen memory order", body="Relaxed loads are enough there, since a barrier follows in `bwd_kernel`.\n")
    merge = commit(1, "Merge branch 'order' into 'main'", body="")
    view = replace(View(merge, KEY), brought=(View(child, "kernels@2"),))
    (sentence,) = gist(Entry(view=view, group="other", records=(merge, child)))
    assert sentence.keys == ("kernels@2",)
