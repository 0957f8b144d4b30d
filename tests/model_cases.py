"""Records as projects really write them, and what a model that keeps to them would say of each, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.types import Event, FileChange, Link, Record
from tests.records import REPO, commit, day, thread

Said = tuple[str, str]  # text; role


@dataclass(frozen=True)
class Known:
    """A record, and true sentences about it by language."""

    record: Record
    said: Mapping[str, Sequence[Said]]


def _file(path: str, added: int, deleted: int, *rows: str) -> FileChange:
    patch = "@@ -10,6 +10,8 @@ def run(\n" + "".join(f"{row}\n" for row in rows)
    return FileChange(path=path, additions=added, deletions=deleted, patch=patch)


def _release(tag: str, body: str) -> Record:
    return Record(
        id=f"release:{REPO}@{tag}",
        kind="release",
        repo=REPO,
        ref=tag,
        title=f"kernels {tag}",
        body=body,
        url=f"https://example.org/{REPO}/releases/{tag}",
        author="Ada",
        events=(Event("released", day(2.3)),),
    )


def _paper(number: str, title: str, body: str) -> Record:
    return Record(
        id=f"paper:arxiv:{number}",
        kind="paper",
        repo="arxiv/cs.DC",
        ref=number,
        title=title,
        body=body,
        url=f"https://arxiv.org/abs/{number}",
        author="Grace",
        events=(Event("published", day(2.4)),),
    )


_AT = {"events": (Event("authored", day(2.1)), Event("landed", day(2.2)))}

CASES: tuple[Known, ...] = (
    Known(
        commit(
            2,
            "fix(decode): out-of-range page table reads for empty requests (#2)",
            body="""<!-- please fill in -->
## Description

When a request in the batch has zero pages, `paged_decode_kernel` read `page_table[-1]` and returned NaN for the whole
batch. The kernel now skips requests with `num_pages == 0` and writes zeros instead.

Fixes #1987
""",
            files=(_file("csrc/decode.cu", 8, 2, "-  int page = table[n - 1];", "+  if (num_pages == 0) {", "+    return;"),),
            **_AT,
        ),
        {
            "en": (
                ("`paged_decode_kernel` now skips requests with `num_pages == 0` and writes zeros for them.", "what"),
                ("Such a request made the kernel read `page_table[-1]`, which returned NaN for the whole batch.", "why"),
            ),
            "zh": (
                ("`paged_decode_kernel` 现在跳过 `num_pages == 0` 的请求，并写入零值。", "what"),
                ("此前这类请求会让内核读取 `page_table[-1]`，使整个批次返回 NaN。", "why"),
            ),
        },
    ),
    Known(
        commit(
            3,
            "feat: add --max-inflight to the server (#3)",
            body="""Adds a `--max-inflight` flag (default 256) that bounds how many requests the scheduler admits at once.

Without a bound a burst of long prompts exhausted the KV cache, and the engine preempted requests over and over.
""",
            files=(
                _file("server/args.py", 6, 0, '+    parser.add_argument("--max-inflight", type=int, default=256)'),
                _file(
                    "server/scheduler.py",
                    21,
                    3,
                    "+        if len(self.running) >= self.max_inflight:",
                    "+            return None",
                ),
            ),
            **_AT,
        ),
        {
            "en": (
                ("The flag `--max-inflight`, 256 by default, bounds how many requests the scheduler admits at once.", "what"),
                (
                    "Without it, a burst of long prompts exhausted the KV cache and the engine preempted requests repeatedly.",
                    "why",
                ),
            ),
            "zh": (
                ("新增 `--max-inflight` 参数（默认 256），用于限制调度器同时接纳的请求数。", "what"),
                ("没有上限时，一批长提示会耗尽 KV cache，引擎会反复抢占请求。", "why"),
            ),
        },
    ),
    Known(
        commit(
            4,
            "perf: split-K for small-M W4A8 GEMM (#4)",
            body="""For M <= 32 the W4A8 GEMM launches fewer blocks than the GPU has SMs. This PR adds a split-K scheduler to
`w4a8_mm`.

On H100, decode latency of the 70B model drops from 21.4 ms to 18.9 ms at batch 8 (1.13x).
""",
            files=(_file("csrc/gemm_w4a8.cu", 140, 22, "+  int split_k = pick_split(idle_sms);"),),
            **_AT,
        ),
        {
            "en": (
                (
                    "`w4a8_mm` gets a split-K scheduler for M <= 32, where it launched fewer blocks than the GPU has SMs.",
                    "what",
                ),
                (
                    "On H100, decode latency of the 70B model drops from 21.4 ms to 18.9 ms at batch 8, a speedup of 1.13x.",
                    "why",
                ),
            ),
            "zh": (
                ("`w4a8_mm` 在 M <= 32 时采用 split-K 调度，此前启动的线程块少于 GPU 的 SM 数。", "what"),
                ("在 H100 上，批大小为 8 时 70B 模型的解码延迟从 21.4 ms 降到 18.9 ms（1.13x）。", "why"),
            ),
        },
    ),
    Known(
        commit(
            5,
            'Revert "feat: persistent scheduler for grouped GEMM" (#5)',
            body="""Reverts #4890

The persistent scheduler hangs on GPUs with fewer than 80 SMs, because the tile counter is never reset between launches.
""",
            files=(_file("csrc/grouped_gemm.cu", 12, 190, "-  persistent_scheduler<<<grid>>>();"),),
            links=(Link("reverts", f"pull:{REPO}#4890"),),
            **_AT,
        ),
        {
            "en": (
                (
                    "It hung on GPUs with fewer than 80 SMs, as the tile counter was never reset between launches.",
                    "why",
                ),
            ),
            "zh": (("持久化调度器在少于 80 个 SM 的 GPU 上会挂起，因为两次启动之间没有重置 tile 计数器。", "why"),),
        },
    ),
    Known(
        commit(
            6,
            "feat!: plan() takes a device argument (#6)",
            body="""BREAKING CHANGE: `BatchDecode.plan()` requires `device`; it no longer guesses the device from the first
tensor.

Guessing picked the wrong GPU when the first tensor lived on the CPU.
""",
            files=(
                _file("kernels/decode.py", 14, 9, "-    def plan(self, indptr):", "+    def plan(self, indptr, *, device):"),
            ),
            **_AT,
        ),
        {
            "en": (
                (
                    "A breaking change: `BatchDecode.plan()` requires `device` instead of guessing it from the first tensor.",
                    "what",
                ),
                ("Guessing picked the wrong GPU when the first tensor lived on the CPU.", "why"),
            ),
            "zh": (
                ("`BatchDecode.plan()` 现在要求传入 `device`，这是不兼容改动：不再根据第一个张量推断设备。", "what"),
                ("当第一个张量位于 CPU 上时，推断会选错 GPU。", "why"),
            ),
        },
    ),
    Known(
        commit(
            7,
            "Deprecate KERNELS_JIT_DIR in favour of KERNELS_CACHE_DIR (#7)",
            body="""`KERNELS_JIT_DIR` is deprecated and will be removed in v0.9; set `KERNELS_CACHE_DIR` instead.
A warning is logged once.""",
            files=(_file("kernels/env.py", 11, 1, '+    logger.warning_once("KERNELS_JIT_DIR is deprecated")'),),
            **_AT,
        ),
        {
            "en": (
                ("`KERNELS_JIT_DIR` is deprecated and will be removed in v0.9; `KERNELS_CACHE_DIR` takes its place.", "what"),
            ),
            "zh": (("`KERNELS_JIT_DIR` 已弃用，将在 v0.9 移除，改用 `KERNELS_CACHE_DIR`。", "what"),),
        },
    ),
    Known(
        commit(
            8,
            "Support Qwen3-Next gated delta rule on Hopper (#8)",
            body="""This PR adds a chunked gated delta rule prefill kernel for Qwen3-Next. Only sm90 is supported; other GPUs
fall back to Triton.

The state is kept in fp32 because bf16 accumulation drifted after 8192 tokens.
""",
            files=(_file("csrc/gdn_prefill.cu", 512, 0, "+template <int kChunk>", "+__global__ void gdn_prefill("),),
            **_AT,
        ),
        {
            "en": (
                (
                    "A chunked prefill kernel for Qwen3-Next supports only sm90; other GPUs fall back to Triton.",
                    "what",
                ),
                ("The state is kept in fp32, because bf16 accumulation drifted after 8192 tokens.", "why"),
            ),
            "zh": (
                ("为 Qwen3-Next 的 gated delta rule 新增分块预填充内核，仅支持 sm90，其他 GPU 回落到 Triton。", "what"),
                ("状态以 fp32 保存，因为 bf16 累加在 8192 个词元之后会漂移。", "why"),
            ),
        },
    ),
    Known(
        commit(
            9,
            "ci: run the nightly tests on two GPUs (#9)",
            body="""The all-reduce tests need two GPUs and were skipped on the old runners. They now run every
night on `linux-2xH100`.""",
            files=(_file(".github/workflows/nightly.yml", 4, 2, "-    runs-on: gpu", "+    runs-on: linux-2xH100"),),
            **_AT,
        ),
        {
            "en": (
                ("The all-reduce tests, which were skipped on the old runners, now run every night on `linux-2xH100`.", "what"),
            ),
            "zh": (("此前在旧 runner 上被跳过的 all-reduce 测试，现在每晚在 `linux-2xH100` 上运行。", "what"),),
        },
    ),
    Known(
        thread(
            "issue",
            21,
            "Is FP8 KV cache planned for MLA decode on Blackwell?",
            opened=2.5,
            labels=("question",),
            body="""We serve a 671B model on B200. MLA decode with `kv_dtype="fp8"` raises
`NotImplementedError: fp8 kv cache is not supported`.

Is FP8 support planned? bf16 takes 40% more memory than we have.
""",
        ),
        {
            "en": (
                ("The author asks whether FP8 KV cache support is planned for MLA decode on Blackwell.", "asks"),
                (
                    'They report that `kv_dtype="fp8"` raises `NotImplementedError: fp8 kv cache is not supported` on B200.',
                    "asks",
                ),
            ),
            "zh": (
                ("作者询问 Blackwell 上的 MLA 解码是否计划支持 FP8 KV cache。", "asks"),
                (
                    '作者反映在 B200 上使用 `kv_dtype="fp8"` 会抛出 `NotImplementedError: fp8 kv cache is not supported`。',
                    "asks",
                ),
            ),
        },
    ),
    Known(
        thread(
            "issue",
            22,
            "[Bug] illegal memory access in grouped GEMM with 257 experts",
            opened=2.6,
            body="""Running `grouped_gemm` with 257 experts crashes with `CUDA error: an illegal memory access was encountered`.

It works with 256 experts. I think the expert index is stored in a uint8.
""",
        ),
        {
            "en": (
                (
                    "With 257 experts the author gets `CUDA error: an illegal memory access was encountered`.",
                    "asks",
                ),
                ("It works with 256 experts, and the author suspects that the expert index is stored in a uint8.", "asks"),
            ),
            "zh": (
                (
                    "作者报告 `grouped_gemm` 在 257 个专家时崩溃：`an illegal memory access was encountered`。",
                    "asks",
                ),
                ("256 个专家时可以运行，作者认为专家编号存成了 uint8。", "asks"),
            ),
        },
    ),
    Known(
        thread(
            "pull",
            31,
            "[WIP] Add NVFP4 all-to-all",
            opened=2.7,
            body="""Quantizes activations to NVFP4 before the all-to-all, so that dispatch sends a quarter of the
bytes.
Accuracy is not measured yet.""",
        ),
        {
            "en": (
                (
                    "It would quantize activations to NVFP4, so that dispatch sends a quarter of the bytes.",
                    "what",
                ),
                ("Its author says that accuracy is not measured yet.", "why"),
            ),
            "zh": (
                ("该 PR 拟在 all-to-all 之前把激活量化为 NVFP4，使分发只发送四分之一的字节。", "what"),
                ("作者表示尚未测量精度。", "why"),
            ),
        },
    ),
    Known(
        _release(
            "v0.8.0",
            """## Highlights
* Added a Rust tokenizer that is 3.2x faster on long prompts
* Removed Python 3.9 support
* `LLM.generate` returns an iterator
""",
        ),
        {
            "en": (
                ("A Rust tokenizer is 3.2x faster on long prompts.", "what"),
                ("Python 3.9 support is removed, and `LLM.generate` returns an iterator.", "what"),
            ),
            "zh": (
                ("新的 Rust 分词器在长提示上快 3.2x。", "what"),
                ("移除了 Python 3.9 支持，`LLM.generate` 返回迭代器。", "what"),
            ),
        },
    ),
    Known(
        _paper(
            "2602.02061",
            "Lazy Experts: Loading MoE Weights on Demand",
            """Mixture-of-experts models exceed the memory of one GPU. We propose LazyMoE, which keeps only hot experts
resident and prefetches the others with a learned predictor. On Mixtral-8x7B it reduces GPU memory by 61% at 4.3% lower
throughput.""",
        ),
        {
            "en": (
                (
                    "LazyMoE keeps only hot experts resident and prefetches the others with a learned predictor.",
                    "finds",
                ),
                ("On Mixtral-8x7B it reduces GPU memory by 61% at 4.3% lower throughput.", "finds"),
            ),
            "zh": (
                ("作者提出 LazyMoE，只让热门专家常驻，其余专家由学习得到的预测器预取。", "finds"),
                ("在 Mixtral-8x7B 上，它将 GPU 显存减少 61%，吞吐降低 4.3%。", "finds"),
            ),
        },
    ),
)
