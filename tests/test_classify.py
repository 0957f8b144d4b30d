"""What kind of change a record is: subjects of real histories, and what paths and links say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kb.classify import GROUPS, category, kind_of_path, labels
from kb.types import FileChange, Link, Record
from tests.records import commit, pull, thread

CODE = (FileChange(path="csrc/kernel.cu", additions=30, deletions=3), FileChange(path="tests/test_kernel.py", additions=9))


@pytest.mark.parametrize(
    ("title", "group"),
    [
        ('Revert "feat: Support Fused MoE" (#2451)', "reverts"),
        ('Revert "Revert "ci: hide failed jobs""', "reverts"),
        ("Revert PR 4122 (#4171)", "reverts"),
        ("feat!: drop the old plan() signature", "reverts"),
        ("refactor(api)!: one workspace argument", "reverts"),
        ("Remove deprecated public API of BatchDecode", "reverts"),
        ("release: v0.6.2", "releases"),
        ("bump version to 0.6.12 (#3388)", "releases"),
        ("chore: bump version to v0.6.1 and exclude buggy apache-tvm-ffi releases (#2347)", "releases"),
        ("Bump to v2.2.0", "releases"),
        ("v4.4 tag release update. (#3032)", "releases"),
        ("[FA3] Mark current main version as v3.0.0 stable (#2223)", "releases"),
        ("feat: BF16 GEMM for SM100, including CUTLASS, TGV backends (#2070)", "features"),
        ("[feat]custom all reduce kernel (#4393)", "features"),
        ("[lang] Support async store family of operations", "features"),
        ("Allow bases and @static_def __init__() methods for dataclasses", "features"),
        ("fix(moe): restore SM12x MoE kernels broken by self-resolved helper (#4602)", "fixes"),
        ("[BugFix] guard against uint32 underflow in multi-CTA TopK chunk calculation (#2592)", "fixes"),
        ("Add sm90 guard to fence ptx (#2439)", "fixes"),
        ("Add paged-KV block_table bounds check in mha_fwd_kvcache (#2711)", "fixes"),
        ("SM 107 reland and merge back from v0.6.16 release branch (#4280)", "other"),
        ("Raise UnsupportedFeatureError for FP8 on sm80 family", "fixes"),
        ("Add an attribute to shortcut an expensive check", "features"),
        ("feat: support checks for gemm (#2214)", "features"),
        ("hotfix: fix rope tvm wrapper (#601)", "fixes"),
        ("Avoid workspace reset for standalone MLA decode (#3465)", "fixes"),
        ("fix: [Fmha] revert blackwell ultra optimization that causes deadlocks. (#2956)", "fixes"),
        ("hopper: harden tarfile extraction against path traversal (#2702)", "fixes"),
        ("perf(norm): speed up fused add RMSNorm FP4 quantization (#4416)", "performance"),
        ("Optimize FP4 V-scale dequant for h512 FA2 prefill (#3822)", "performance"),
        ("Speed up top-k sampling for large vocabularies", "performance"),
        ("Support Kimi K2.5 H64 CuTe DSL MLA decode (#3235)", "models"),
        ("feat: enable glm5 router gemm (#3185)", "models"),
        ("Adds SM107 support (#4122)", "models"),
        ("[Bwd,Sm120] Add SM120 backward pass support (#2330)", "models"),
        ("Refactor printing and formatting in terms of repr() and str()", "refactoring"),
        ("[lang] Rename @metafunction to @static_def, use static_eval semantics", "refactoring"),
        ("Remove code_object and its helpers", "refactoring"),
        ("docs: document replay command in CLI reference (#2919)", "docs"),
        ("fix typo in docs of the sampler", "docs"),
        ("Fix documentation of `m_grouped_gemm` in m_grouped_gemm.py", "docs"),
        ("Fix typo: 'seperately' -> 'separately' in README", "docs"),
        ("test: enable bmm_mxfp8 cutlass backend coverage on SM12x (#3183)", "tests"),
        ("[Test] Skip non-files in cache_utils.py", "tests"),
        ("ci: bump the runner image and add a retry (#2393)", "ci"),
        ("[CI] Compile for pytorch 2.4.0", "ci"),
        ("Bump nvidia-cutlass-dsl to >=4.5.2 and quack-kernels to >=0.5.0 (#2605)", "dependencies"),
        ("Update torch dependency to 2.10", "dependencies"),
        ("Loosened trtllm_ragged_attention_deepseek shape assertion (#3064)", "other"),
        ("[Scheduler] Revert SingleTileScheduler to get block_idx", "other"),
        ("修复 prefill 中的越界访问", "fixes"),
        ("upd", "other"),
        ("", "other"),
    ],
)
def test_groups_by_subject(title: str, group: str) -> None:
    assert category(replace(commit(1), title=title, files=CODE)) == group


@pytest.mark.parametrize(
    ("title", "paths", "group"),
    [
        ("Add tests for the sampler", ["tests/test_sampler.py"], "tests"),
        ("Add the sampler, with tests", ["src/sampler.py", "tests/test_sampler.py"], "features"),
        ("fix: pass the scale in test", ["tests/attention/test_prefill.py"], "tests"),
        ("Update things", ["docs/api/sampling.rst", "README.md"], "docs"),
        ("Update things", [".github/workflows/pr-test.yml"], "ci"),
        ("Update things", ["requirements.txt"], "dependencies"),
        ("Update docs for 1.1.0 release", ["docs/source/index.rst"], "docs"),
        ("bump version to 0.6.5", ["version.txt"], "releases"),
        ("feat(trace): add check callbacks to trace templates", ["pkg/trace/template.py", "docs/trace.md"], "features"),
    ],
)
def test_paths_decide_where_no_code_is_touched(title: str, paths: list[str], group: str) -> None:
    files = tuple(FileChange(path=path, additions=5, deletions=1) for path in paths)
    assert category(replace(commit(1), title=title, files=files)) == group


def test_tests_and_the_script_that_runs_them_are_what_most_lines_are() -> None:
    script, test = FileChange(path="scripts/run.sh", additions=9), FileChange(path="tests/test_cli.py", additions=500)
    assert category(replace(commit(1), title="Cover all commands", files=(script, test))) == "tests"
    assert category(replace(commit(1), title="Cover all commands", files=(script, replace(test, additions=1)))) == "ci"


def test_a_link_makes_a_revert_whatever_its_title_says() -> None:
    record = commit(2, "Go back to the old scheduler", links=(Link("reverts", commit(1).id),))
    assert "revert" in labels(record)
    assert category(record) == "reverts"


def test_a_merge_is_what_the_pull_request_was_called() -> None:
    merge = commit(1, "Merge pull request #13 from someone/patch-1", body="perf: faster tile search\n", marks=("merge",))
    assert category(replace(merge, files=CODE)) == "performance"
    assert category(replace(merge, body="", title="Merge pull request #14 from me/fix-arange", files=CODE)) == "fixes"


def test_labels_hold_all_kinds_that_a_record_is() -> None:
    record = commit(1, "fix: speed up and correct the fused sampler", files=CODE)
    assert {"fix", "performance"} <= labels(record)
    assert labels(commit(1, "upd", files=CODE)) == {"other"}


@pytest.mark.parametrize(
    ("body", "breaking"),
    [
        ("BREAKING CHANGE: plan() takes no stream\n", True),
        ("## Breaking changes\n\nplan() takes no stream\n", True),
        ("BREAKING CHANGE: none\n", False),
        ("## Breaking changes\n\nNone\n", False),
        ("This is a non-breaking change.\n", False),
    ],
)
def test_a_body_declares_a_breaking_change(body: str, breaking: bool) -> None:
    assert ("breaking" in labels(commit(1, "feat: new plan()", body=body, files=CODE))) is breaking


def test_non_breaking_is_not_breaking() -> None:
    assert "breaking" not in labels(commit(1, "non-breaking change of the planner", files=CODE))


def test_a_release_record_is_a_release() -> None:
    record = replace(pull(1, "v0.6.2"), kind="release", id="release:acme/kernels@v0.6.2")
    assert category(record) == "releases"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("csrc/a.cu", "code"),
        ("tests/moe/test_a.py", "test"),
        ("benchmarks/bench_a.py", "test"),
        ("docs/a.rst", "docs"),
        ("README.md", "docs"),
        (".github/workflows/a.yml", "ci"),
        ("docker/Dockerfile.cu130", "ci"),
        ("uv.lock", "dependency"),
        ("3rdparty/cutlass", "dependency"),
        ("contest/a.py", "code"),
    ],
)
def test_kinds_of_paths(path: str, kind: str) -> None:
    assert kind_of_path(path) == kind


@pytest.mark.parametrize(
    ("title", "group"),
    [
        ("create rc4", "releases"),
        ("Cut v0.7.0", "releases"),
        ("tag the new release", "releases"),
        ("Create releases page", "features"),
    ],
)
def test_what_makes_a_release(title: str, group: str) -> None:
    assert category(replace(commit(1), title=title, files=())) == group


def test_every_group_has_a_place_and_every_record_one_group() -> None:
    assert len(set(GROUPS)) == len(GROUPS)
    assert GROUPS[0] == "reverts"
    assert GROUPS[GROUPS.index("other") :] == ("other", "pulls", "issues", "papers", "posts", "hub")  # changes come first


@pytest.mark.parametrize(
    ("record", "group"),
    [
        (thread("issue", 1, "fix: a crash", opened=1), "issues"),
        (thread("pull", 2, "fix: a crash", opened=1), "pulls"),
        (thread("pull", 3, "fix: a crash", opened=1, merged=2), "fixes"),
        (replace(commit(1), kind="release"), "releases"),
        (replace(commit(1), kind="paper"), "papers"),
        (replace(commit(1), kind="model"), "hub"),
    ],
)
def test_what_is_no_change_has_a_group_of_its_kind(record: Record, group: str) -> None:
    assert category(record) == group


def test_a_title_that_quotes_a_revert_is_none() -> None:
    assert labels(replace(commit(1), title='"Revert PR 12" names what it reverts')) == {"other"}


def test_much_new_code_without_a_verb_is_a_feature() -> None:
    new = FileChange(path="include/mamba/kernel_stp.cuh", additions=1010, status="A")
    old = FileChange(path="include/mamba/update.cuh", additions=39, deletions=400)
    assert category(commit(1, "MTP for mamba", files=(new, old))) == "features"
    assert category(commit(1, "MTP for mamba", files=(replace(new, additions=90),))) == "other"
    assert category(commit(1, "MTP for mamba", files=(replace(new, status="M"),))) == "other"
    assert category(commit(1, "MTP for mamba", files=(new, replace(old, deletions=1500)))) == "other"
    assert category(commit(1, "MTP for mamba", files=(replace(new, path="samples/mamba.py"),))) == "other"
    assert category(commit(1, "Rename the mamba kernels", files=(new,))) == "refactoring"
