"""The sentence that is worth a reader's time: chosen from bodies such as pull requests really have; never cut or written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.telling import LONGEST, clip, key_files, opening, reason_sentence, telling_sentence
from kb.text import squeeze
from kb.types import FileChange
from tests.records import commit

BODY = """<!-- .github/pull_request_template.md -->

## Description

Hi team, thanks for the review!

Does this need a flag?

The sampler read the log level
before `set_level()` ran, because the sink is created lazily.
It is small.

Call `spdlog::set_level(lvl)` when the logger is made, so that DEBUG logs show.

Fixes #12

## Tests

- [x] All tests are passing (`unittest`, etc.).
- Added a regression test of `set_level()` and the sampler's log level in tests/test_log.py.

## Reviewer Notes

See also https://example.org/a/very/long/link/that/says/nothing for the whole thread.
"""


def test_the_sentence_that_says_what_was_done_is_chosen() -> None:
    record = commit(1, "fix: logger level of the sampler", body=BODY)
    assert (
        telling_sentence(record)
        == "The sampler read the log level before `set_level()` ran, because the sink is created lazily."
    )


def test_the_reason_is_preferred_where_why_is_asked() -> None:
    body = "Use int64 in `page_index()` for 3 kernels of prefill.\n\nThe root cause is a 32-bit product of stride and page.\n"
    record = commit(1, "fix: page index of prefill", body=body)
    assert telling_sentence(record) == "Use int64 in `page_index()` for 3 kernels of prefill."
    assert reason_sentence(record) == "The root cause is a 32-bit product of stride and page."


def test_without_a_reason_the_telling_sentence_stands_in() -> None:
    record = commit(1, "feat: page index", body="Adds `page_index()` to the public API of prefill.\n")
    assert reason_sentence(record) == "Adds `page_index()` to the public API of prefill."


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Signed-off-by: Ada <ada@example.org>\n",
        "Hello, this adds `page_index()` to prefill and decode.\n",
        "Should this add `page_index()` to prefill and decode?\n",
        "Fixes #12345 and closes https://example.org/issues/3 too.\n",
        "## Adds `page_index()` to the public prefill API.\n",
        "This PR adds the following to `page_index()` of prefill:\n",
        "and then adds `page_index()` to the public prefill API.\n",
        "Adds `page_index() to the public prefill API (see below.\n",
        "| adds | `page_index()` | to the public | prefill API |\n",
        "Adds `page_index()` " + "to the public prefill API " * 20 + ".\n",
        "feat: the page index of prefill.\n",
    ],
)
def test_nothing_is_said_where_nothing_is_telling(body: str) -> None:
    assert telling_sentence(commit(1, "feat: the page index of prefill", body=body)) == ""


def test_asked_why_the_author_is_quoted_even_where_the_words_lean_on_the_title() -> None:
    body = "This reverts commit 9329fb4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.\n\nIt leaked 30 MB an hour.\n"
    assert reason_sentence(commit(1, 'Revert "perf: cache the table"', body=body)) == "It leaked 30 MB an hour."
    assert reason_sentence(commit(1, 'Revert "perf"', body="This reverts commit 9329fb4aaaa.\n")) == ""


def test_what_breaks_is_said_before_anything_else() -> None:
    body = f"{BODY}\nBREAKING CHANGE: valve 0 is now valve 1."
    assert telling_sentence(commit(1, "feat!: valves are counted from 1", body=body)).endswith("valve 0 is now valve 1.")


def test_a_generated_summary_is_second_to_the_authors_words() -> None:
    body = (
        "Adds `page_index()` to the public prefill API.\n\n<!-- auto-generated comment: release notes by coderabbit.ai -->\n"
        "## Summary by CodeRabbit\n\n* Adds a new `page_index()` to 3 prefill APIs and reduces overhead by 20%.\n"
    )
    assert telling_sentence(commit(1, "feat: page index", body=body)) == "Adds `page_index()` to the public prefill API."


@given(
    st.lists(
        st.sampled_from(
            [
                *BODY.split("\n"),
                "* Adds `x_y` to 3 kernels",
                "```",
                "A. B. C.",
                "修复了 `prefill` 中的越界访问，因为索引是 32 位。",
            ]
        )
    )
)
def test_a_sentence_is_verbatim_whole_and_short(lines: list[str]) -> None:
    record = commit(1, "fix: logger level", body="\n".join(lines))
    for text in (telling_sentence(record), reason_sentence(record)):
        assert text in squeeze(record.body)
        assert len(text) <= LONGEST


def test_key_files_are_code_first_and_large_first() -> None:
    files = [
        FileChange(path="tests/test_a.py", additions=500),
        FileChange(path="README.md", additions=900),
        FileChange(path="src/small.py", additions=1),
        FileChange(path="src/large.py", additions=10, deletions=30),
        FileChange(path="pyproject.toml", additions=3),
    ]
    assert [file.path for file in key_files(files)] == ["src/large.py", "src/small.py", "pyproject.toml"]
    assert [file.path for file in key_files(files, 5)][3:] == ["tests/test_a.py", "README.md"]


def test_key_files_are_sources_before_what_shows_or_measures_them() -> None:
    paths = ["samples/mm.py", "benchmarks/bench_mm.py", "scripts/run.py", "src/mm.py", "bench/mm.cu"]
    files = [FileChange(path=path, additions=100 - at) for at, path in enumerate(paths)]
    assert [file.path for file in key_files(files, 3)] == ["src/mm.py", "samples/mm.py", "scripts/run.py"]


@pytest.mark.parametrize(
    ("sentence", "clipped"),
    [
        ("This PR adds a cache (#12).", "Adds a cache."),
        ("the current PR also adds a cache", "The current PR also adds a cache."),
        ("The PR adds a cache", "The PR adds a cache."),
        ("[ ] add a cache", "[ ] add a cache."),
        ("[x] add a cache", "Add a cache."),
        ("In this pull request, we added a cache", "Added a cache."),
        ("This PR does not add a cache.", "This PR does not add a cache."),
        ("This PR: adds a cache", "This PR: adds a cache."),
        ("**Summary:** fix the\n  cache (see [the docs](https://x.org/a)) of [kernels](https://x.org/b)",
         "Fix the cache of [kernels](https://x.org/b)."),
        ("Add a cache by @ada-x in https://github.com/acme/kernels/pull/12", "Add a cache."),
        ("a cache that was added by @ada long ago", "A cache that was added by @ada long ago."),
        ("torch.compile reads `a_b`", "torch.compile reads `a_b`."),
        ("Does it add a cache?", "Does it add a cache?"),
        ("为 0 时直接返回", "为 0 时直接返回。"),
        ("keeps a cache;", "Keeps a cache."),
        ("", ""),
    ],
)  # fmt: skip
def test_a_sentence_is_clipped_by_fixed_rules_only(sentence: str, clipped: str) -> None:
    assert clip(sentence) == clipped


@given(st.text(max_size=300))
def test_a_clipped_sentence_is_one_line_and_not_longer_but_for_its_full_stop(text: str) -> None:
    once = clip(text)
    assert len(once) <= len(squeeze(text)) + 1
    assert "\n" not in once


def test_what_a_report_reads_of_a_body_ends_with_a_paragraph() -> None:
    assert opening("short") == "short"
    assert opening("a\n\n" * 9_000).rstrip().endswith("a")
    assert opening("a" * 9_000 + "\r\n\r\n" + "b" * 30_000).rstrip() == "a" * 9_000
    assert opening("b" * 30_000) == ""
