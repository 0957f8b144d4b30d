"""Whole questions to scopes: intent, window, repositories, kinds, identifiers, facets, topic, language; filters; instants."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kb.errors import QueryError
from kb.scope import KnownRepo, ScopeContext, parse, parse_instant
from kb.types import Scope, Tag

NOW = datetime(2026, 8, 19, 15, 30, tzinfo=UTC)
FLASHINFER, CUTILE, ATTENTION = "flashinfer-ai/flashinfer", "NVIDIA/cutile-python", "Dao-AILab/flash-attention"
REPOS = (KnownRepo(FLASHINFER, ("FI",)), KnownRepo(CUTILE, ("cutile",)), KnownRepo(ATTENTION))
TAGS = {
    FLASHINFER: (
        Tag("v0.6.2", "a" * 40, datetime(2026, 1, 23, tzinfo=UTC)),
        Tag("v0.6.3", "b" * 40, datetime(2026, 2, 5, tzinfo=UTC)),
    )
}
CONTEXT = ScopeContext(NOW, UTC, REPOS, TAGS)


def ask(question: str) -> Scope:
    return parse(question, CONTEXT)


# question | intent | topic
SETS = """
What changed in FlashInfer MoE this week? | MoE
what's new in flashinfer |
flashinfer updates? |
Summarise flashinfer's attention work over the last fortnight | attention
how many commits landed yesterday in flashinfer and cutile-python? |
Give me a digest of autotuner changes for Q2 2026 | autotuner
list papers about speculative decoding from last month | speculative decoding
any news on FP8 KV cache? | FP8 KV cache
Anything about Blackwell in the past 48 hours? | Blackwell
Which race conditions were fixed in the Triton kernels of flash-attention in the first week of November 2022? | race conditions fixed in the Triton kernels
Everything about tanh softcapping in flash-attention in the first half of July 2024. | tanh softcapping
Getting cutile to build with CUDA 13: what landed from 18 to 29 August 2025? | Getting build with CUDA 13
How was the MLA kernel sped up in flashinfer from 24 to 27 February 2025? | MLA kernel sped up
Rework of the JIT build system in flashinfer, 21-22 May 2025: list the commits. | Rework of the JIT build system
What happened to the autotuner itself in flashinfer during 13-19 July 2026? | autotuner
Python 3.14 support work in cutile-python, May 2026? | Python 3.14 support
Standalone top-k operator changes in flashinfer in April 2026 (not MoE routing). | Standalone top-k operator (not MoE routing)
updates on Tensor cores, week of July 13 | Tensor cores
What's the latest on speculative decoding? | speculative decoding
Were there any reverts in cutile-python in June? |
两周内有没有关于 NVFP4 的改动？ | NVFP4
flashinfer 本周有哪些更新？ |
最近 flashinfer 有什么变化？ |
2026 年 1 月 flashinfer 关于 Mamba 状态空间核函数做了什么？ | Mamba state space ssm mamba kernel
2025 年 12 月 cutile-python 的自动调优器有哪些改动？ | autotuner
v0.6.2 到 v0.6.3 之间 flashinfer 的 MoE 改了什么？ | MoE
What changed? |
What changed in flashinfer? |
In flashinfer this week, what changed? |
This week, what was fixed? |
What changed in all repositories last week? |
What changed across all the repos this week? |
What changed everywhere this week? |
What files changed last week? |
Anything new in flashinfer since yesterday? |
List all commits |
What docs changed in flashinfer this week? |
What tests changed this week? |
所有仓库上周有什么变化？ |
"""  # noqa: E501

NEEDLES = """
FP4 activations come out as zeros, since the kernel reinterprets its bytes as fp32. Which commit casts it first? | FP4 activations come out as zeros, since the kernel reinterprets its bytes as fp32. casts it first
Picking tokens is seven times slower on B300 than on B200; pivots were double precision. What changed that? | Picking tokens is seven times slower on B300 than on B200; pivots were double precision
256-wide heads could not launch on Turing because of unused placeholder arrays. Fix? | 256-wide heads could not launch on Turing because of unused placeholder arrays
The plan for cuBLAS was never used at run time. Fixed where? | plan for cuBLAS was never used at run time
A memory read which must stay was thrown away. Which commit keeps it? | memory read which must stay was thrown away
Calls deeper than fifty levels could not be compiled; which rewrite lifted that bound? | Calls deeper than fifty levels could not be compiled; rewrite lifted that bound
List tests failed at random in CI. Which commit reordered this? | List tests failed at random in CI. reordered this
Two servers derive the same socket path. What changed how that name is drawn? | Two servers derive the same socket path. changed how that name is drawn
The build step failed. Which 2024 change relaxed the addressing mode? | build step failed. 2024 relaxed the addressing mode
Which commit last week fixed the hang in allreduce? | fixed the hang in allreduce
Which commit bumps flashinfer to 0.7.0? | bumps 0.7.0
When did flashinfer gain a ROCm backend for its attention kernels? | gain a ROCm backend for its attention kernels
What issue did the autotuner have with bf16? Which commit? | issue did the autotuner have with bf16
Is there a commit that adds FP4 KV cache? | adds FP4 KV cache
Who removed the legacy JIT loader and when? | removed the legacy JIT loader
谁在上周改了 allreduce 的默认后端？ | change allreduce default backend
上周哪个提交修复了 allreduce 卡死？ | fix allreduce hang deadlock
用自动后端做 NVFP4 矩阵乘时主机内存一直涨，哪个提交修好的？ | use automatic backend auto NVFP4 matmul gemm host memory keeps growing leak
"""  # noqa: E501

NAMED = """
What did flashinfer PR #3203 do? | #3203
flashinfer#2450 | #2450
What did commit 9329fb4 do? | 9329fb4
flashinfer@9329fb4 | 9329fb4
What is in commit a00ddeb of flash-attention? | a00ddeb
What was fixed in flashinfer #673? | #673
What is arXiv:2602.02061 about? | arXiv:2602.02061
Where does set_autotune_process_group come from? | set_autotune_process_group
CUDA_TILE_CACHE_SIZE: which commit introduced this environment variable? | CUDA_TILE_CACHE_SIZE
Setting FLASHINFER_JIT_VERBOSE has no effect any more. Which commit changed that variable, and to what? | FLASHINFER_JIT_VERBOSE
Which commit added flashinfer/green_ctx.py? | flashinfer/green_ctx.py
When was `BatchDecodeWrapper` renamed? | BatchDecodeWrapper
BatchPrefillWithPagedKVCacheWrapper | BatchPrefillWithPagedKVCacheWrapper
#2450 做了什么？ | #2450
trtllm_allreduce_fusion 是什么时候加的？ | trtllm_allreduce_fusion
cutile-python 的 num_worker_warps 提示是在哪个提交加的？ | num_worker_warps
"""


def rows(table: str) -> list[tuple[str, str]]:
    return [
        (question.strip(), rest.strip()) for question, _, rest in (line.partition("|") for line in table.strip().splitlines())
    ]


@pytest.mark.parametrize(("question", "topic"), rows(SETS))
def test_set_questions(question: str, topic: str) -> None:
    scope = ask(question)
    assert (scope.intent, scope.topic) == ("window", topic)


@pytest.mark.parametrize(("question", "topic"), rows(NEEDLES))
def test_needle_questions_keep_the_description(question: str, topic: str) -> None:
    scope = ask(question)
    assert (scope.intent, scope.topic) == ("needle", topic)


@pytest.mark.parametrize(("question", "name"), rows(NAMED))
def test_questions_about_a_name(question: str, name: str) -> None:
    scope = ask(question)
    assert (scope.intent, scope.identifiers) == ("identifier", (name,))


@pytest.mark.parametrize(
    ("question", "repos"),
    [
        ("what changed in FLASHINFER?", (FLASHINFER,)),
        ("what changed in FI?", (FLASHINFER,)),
        ("what changed in flashinfer-ai/flashinfer?", (FLASHINFER,)),
        ("flashinfer的更新有哪些", (FLASHINFER,)),
        ("what changed in flashinfer and cutile?", (FLASHINFER, CUTILE)),
        ("in cutile-python's flashinfer bridge, what changed?", (CUTILE,)),
        ("vLLM exits with an error", ()),
        ("flashinfer.comm lost a function", ()),
        ("which commit added flashinfer/green_ctx.py?", ()),
        ("reflashinfer and flashinferx", ()),
        ("the DEFINITION of FIFO", ()),
    ],
)
def test_repositories(question: str, repos: tuple[str, ...]) -> None:
    assert ask(question).repos == repos


@pytest.mark.parametrize(
    ("question", "identifiers"),
    [
        ("PR 3203, pull request #12 and issue #7", ("#3203", "#12", "#7")),
        ("see owner/name#12 and owner/name#12", ("owner/name#12",)),
        ("https://github.com/o/r/pull/12/files and https://github.com/o/r/commit/9329fb4785", ("o/r#12", "9329fb4785")),
        ("commit deadbeef but not decade, facade or 20260112", ("deadbeef",)),
        ("`a < b` and torch.cuda.Stream with --use-fast-math", ("a < b", "torch.cuda.Stream", "--use-fast-math")),
        (
            "NumNemotronExperts in csrc/moe/runner.cuh on sm_121 and SM90a",
            ("NumNemotronExperts", "csrc/moe/runner.cuh", "sm_121", "SM90a"),
        ),
        (
            "SGLANG_CUSTOM_ALLREDUCE_ALGO=1 breaks __init__ of cute::Layout",
            ("SGLANG_CUSTOM_ALLREDUCE_ALGO=1", "__init__", "cute::Layout"),
        ),
        ("DeepSeek, PyTorch, MoE and LoRA, e.g. FP8/BF16 and/or 2x of 16-bit H100, i.e. fast", ()),
        ("设置FLASHINFER_JIT_VERBOSE没反应", ("FLASHINFER_JIT_VERBOSE",)),
        ("since v0.6.2 or 1.2.3", ("1.2.3",)),
    ],
)
def test_identifiers_are_kept_verbatim_and_in_order(question: str, identifiers: tuple[str, ...]) -> None:
    assert ask(question).identifiers == identifiers


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("Which PRs landed in flashinfer this week?", ("pull",)),
        ("which issues were opened this week?", ("issue",)),
        ("list papers on MoE", ("paper",)),
        ("哪些论文提到了投机解码？", ("paper",)),
        ("本周合入了哪些 PR？", ("pull",)),
        ("Which commit fixed this issue?", ("commit",)),
        ("哪个提交修的？", ("commit",)),
        ("which PR fixed the hang?", ()),
        ("what did PR #12 do?", ()),
        ("which issues with bf16 were fixed this week?", ()),
        ("what changed this week?", ()),
    ],
)
def test_kinds(question: str, kinds: tuple[str, ...]) -> None:
    assert ask(question).kinds == kinds


@pytest.mark.parametrize(
    ("question", "facets", "topic"),
    [
        ("What got backed out (reverted) in flashinfer in July 2026?", ("revert",), ""),
        ("2026 年 7 月 flashinfer 回退了哪些改动？", ("revert",), ""),
        ("bug fixes in paged attention since 1 August", ("fix",), "paged attention"),
        ("performance work on MLA in July", ("performance",), "MLA"),
        ("documentation changes in cutile, early August", ("docs",), ""),
        ("Breaking changes since the last release in flashinfer", ("breaking",), ""),
        ("What new features landed this week?", ("feature",), ""),
        ("CI changes and dependency bumps last month", ("ci", "dependency"), ""),
        ("昨天 flashinfer 合入了哪些采样相关核函数的修复？", ("fix",), "sampling sample kernel"),
        ("2025 年 2 月 flashinfer 的 MLA 核函数做了哪些性能优化？", ("performance",), "MLA kernel"),
        ("Which commit fixed the performance of MLA?", (), "fixed the performance of MLA"),
    ],
)
def test_facets(question: str, facets: tuple[str, ...], topic: str) -> None:
    scope = ask(question)
    assert set(scope.facets) == set(facets)
    assert scope.topic == topic


def test_the_window_defaults_to_everything_so_far() -> None:
    window = ask("what changed in MoE?").window
    assert (window.start, window.end, window.label) == (None, NOW, "")


def test_a_version_belongs_to_the_repository_that_is_asked_about() -> None:
    assert ask("what changed in flashinfer since v0.6.2?").window.start == datetime(2026, 1, 23, 0, 0, 1, tzinfo=UTC)
    assert ask("what changed in cutile since v0.6.2?").unresolved == ("since v0.6.2",)
    assert ask("what changed since the last flashinfer release?").window.start == datetime(2026, 2, 5, 0, 0, 1, tzinfo=UTC)
    assert ask("what changed since flashinfer's last release?").window.start == datetime(2026, 2, 5, 0, 0, 1, tzinfo=UTC)
    assert ask("what changed in flashinfer since the last CUDA release?").window.start is None
    assert ask("what changed since flashinfer v0.6.2?").window.label == "since flashinfer v0.6.2"


def test_an_upgrade_is_no_window() -> None:
    scope = ask("Since upgrading from v0.6.2 to v0.6.3 decoding crashes. Which commit fixes it?")
    assert (scope.window.start, scope.unresolved, scope.identifiers) == (None, (), ("v0.6.2", "v0.6.3"))
    assert ask("Which commit fixed the crash seen in v0.6.2?").window.start is None


def test_language() -> None:
    assert ask("what changed?").language == "en"
    assert ask("flashinfer 更新").language == "zh"


def test_filters_override_the_question() -> None:
    scope = parse(
        "which PRs landed in flashinfer last week?",
        CONTEXT,
        repos=["cutile"],
        kinds=["commits"],
        since="2026-08-01",
        until="2026-08-03",
    )
    assert (scope.repos, scope.kinds) == ((CUTILE,), ("commit",))
    assert (scope.window.start, scope.window.end) == (datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 4, tzinfo=UTC))
    assert scope.window.label == "since 2026-08-01 until 2026-08-03"


def test_one_bound_keeps_the_other() -> None:
    kept = parse("what changed before 10 August?", CONTEXT, since="2026-08-01").window
    assert (kept.start, kept.end) == (datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 8, 10, tzinfo=UTC))
    dropped = parse("what changed last month?", CONTEXT, since="2026-08-10").window
    assert (dropped.start, dropped.end) == (datetime(2026, 8, 10, tzinfo=UTC), NOW)
    assert parse("what changed?", CONTEXT, until="2027-01-01").window.end == NOW


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"repos": ["nosuch"]}, "unknown repository 'nosuch'"),
        ({"kinds": ["tweets"]}, "unknown kind 'tweets'"),
        ({"since": "whenever"}, "not a time: 'whenever'"),
        ({"since": "2026-08-10", "until": "2026-08-01"}, "since '2026-08-10' is not before until '2026-08-01'"),
        ({"since": "2027-01-01"}, "since '2027-01-01' is not before now"),
    ],
)
def test_bad_filters_are_named_with_a_remedy(filters: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        parse("what changed?", CONTEXT, **filters)
    assert caught.value.remedy


def test_an_unknown_repository_lists_the_known_ones() -> None:
    with pytest.raises(QueryError) as caught:
        parse("x", CONTEXT, repos=["nosuch"])
    assert all(repo.name in caught.value.remedy for repo in REPOS)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-02-03", "2026-02-03T00:00", "2026-02-04T00:00"),
        ("2026-02-03T14:00", "2026-02-03T14:00", "2026-02-03T14:00"),
        ("2026-02-03 14:00:05Z", "2026-02-03T14:00:05", "2026-02-03T14:00:05"),
        ("2026-02", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("2025", "2025-01-01T00:00", "2026-01-01T00:00"),
        ("yesterday", "2026-08-18T00:00", "2026-08-19T00:00"),
        ("last week", "2026-08-10T00:00", "2026-08-17T00:00"),
        ("monday", "2026-08-17T00:00", "2026-08-18T00:00"),
        ("may", "2026-05-01T00:00", "2026-06-01T00:00"),
        ("January 2026", "2026-01-01T00:00", "2026-02-01T00:00"),
        ("3 days ago", "2026-08-16T15:30", "2026-08-16T15:30"),
        ("7d", "2026-08-12T15:30", "2026-08-12T15:30"),
        ("2 weeks", "2026-08-05T15:30", "2026-08-05T15:30"),
        ("now", "2026-08-19T15:30", "2026-08-19T15:30"),
        ("v0.6.2", "2026-01-23T00:00:01", "2026-01-23T00:00:01"),
        ("the last release", "2026-02-05T00:00:01", "2026-02-05T00:00:01"),
        ("上周五", "2026-08-14T00:00", "2026-08-15T00:00"),
        ("2 月 3 日", "2026-02-03T00:00", "2026-02-04T00:00"),
        (" 2026-02-03 ", "2026-02-03T00:00", "2026-02-04T00:00"),
    ],
)
def test_instants(text: str, start: str, end: str) -> None:
    assert parse_instant(text, CONTEXT) == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert parse_instant(text, CONTEXT, end=True) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "February 30", "2026-02-30", "v9.9", "banana", "3", "yesterday and today", "2026-02-03 banana"]
)
def test_what_is_no_instant_is_refused_with_examples(text: str) -> None:
    with pytest.raises(QueryError, match="not a time") as caught:
        parse_instant(text, CONTEXT)
    assert "3 days ago" in caught.value.remedy


def test_instants_are_in_the_askers_zone() -> None:
    shanghai = ScopeContext(NOW, ZoneInfo("Asia/Shanghai"), REPOS, TAGS)
    assert parse_instant("2026-02-03", shanghai) == datetime(2026, 2, 2, 16, tzinfo=UTC)
    assert parse_instant("2026-02-03", shanghai, end=True) == datetime(2026, 2, 3, 16, tzinfo=UTC)


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(QueryError, match="no time zone"):
        parse("what changed?", ScopeContext(datetime(2026, 8, 19), UTC))


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("What went into flashinfer last week?", ""),
        ("What made it into flashinfer this week?", ""),
        ("did anything go into flashinfer yesterday", ""),
        ("what's cooking in flashinfer this week", ""),
        ("give me an overview of flashinfer changes in January 2026", ""),
        ("which changes make MoE faster in flashinfer since January", "MoE faster"),
        ("commits that make the build faster this month", "build faster"),
    ],
)
def test_what_only_asks_what_happened_is_no_topic(question: str, topic: str) -> None:
    found = parse(question, CONTEXT)
    assert (found.intent, found.topic) == ("window", topic)
