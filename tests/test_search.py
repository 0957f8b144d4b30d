"""Searching a real index: filters first, every record of a window, identifiers exactly, quotes verbatim."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.embedder import TOKEN_DIMENSION, Embedded
from index.late import maxsim
from index.quotes import best_quote
from index.search import Search
from kb.judge import judge
from kb.patch import hunks
from kb.types import FileChange, Quote, Record, Window
from tests.indexing import LATER, OTHER, RECORDS, REPO, Library, build, embedder, found_titles, library
from tests.records import commit, day, pull, put, sha

# --- late interaction -----------------------------------------------------------------------------------------------------


def plain_maxsim(query: NDArray[np.float64], weights: NDArray[np.float64], tokens: NDArray[np.float64]) -> float:
    """ColBERT's MaxSim as its paper states it, weighted: loops, and no tricks."""
    total = 0.0
    for vector, weight in zip(query, weights, strict=True):
        total += weight * max(float(vector @ token) / (np.linalg.norm(vector) * np.linalg.norm(token)) for token in tokens)
    return total / float(weights.sum())


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_late_interaction_equals_a_plain_implementation(seed: int, words: int, cards: list[int]) -> None:
    random = np.random.default_rng(seed)

    def tokens(count: int) -> NDArray[np.int8]:
        made = random.normal(size=(count, TOKEN_DIMENSION))
        return np.asarray(np.round(127 * made / np.linalg.norm(made, axis=1, keepdims=True)), dtype=np.int8)

    query, documents = tokens(words), [tokens(count) for count in cards]
    weights = random.uniform(0.1, 5, size=words)
    found = maxsim(Embedded(np.zeros(3, np.float32), query), weights.astype(np.float32), documents)
    expected = plain_maxsim(query.astype(float), weights, np.concatenate(documents).astype(float))
    assert found == pytest.approx(expected, abs=0.02)


def test_late_interaction_of_nothing_is_nothing() -> None:
    some = embedder().query("a few words")
    empty = np.zeros((0, TOKEN_DIMENSION), np.int8)
    weights = np.ones(len(some.tokens), np.float32)
    assert maxsim(some, weights, []) == 0
    assert maxsim(some, weights, [empty]) == 0
    assert maxsim(some, np.zeros_like(weights), [some.tokens]) == 0
    assert maxsim(some, weights, [empty, some.tokens]) == pytest.approx(1, abs=0.02)


def test_a_question_has_a_word_for_each_token_vector() -> None:
    for text in (
        "fix the KV-cache leak in sm_90 kernels",
        "修复 MoE 的内存泄漏",
        "",
        "w" * 400,
        "a " * 900,
        "\u0301 \U0001f600",
    ):
        query = embedder().query(text)
        assert len(query.words) == len(query.tokens)


# --- quotes ---------------------------------------------------------------------------------------------------------------

PIECES = [
    "Fix the cache. ",
    "cache",
    "<!-- cache -->",
    "- [x] cache",
    "\n",
    "\n\n",
    "```\ncache\n```",
    "# cache\n",
    "| cache |",
    "\r\n",
    "\x0b",
    "\u2028",
    "**",
    "1. cache is fixed",
    "e.g. cache. ",
    "缓存。",
    "cache! Again",
    "Signed-off-by: cache",
    "\t",
    " ",
]
LINES = [
    "+cache_size = 1",
    "-cache_size = 0",
    " cache_size",
    "@@ -1,2 +3,4 @@ def cache():",
    "+",
    "",
    "\\ No newline",
    "+\x0ccache_size",
    "@@",
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=15).map("".join), st.lists(st.sampled_from(LINES), max_size=15).map("\n".join)
)
def test_quotes_stand_verbatim_in_the_record(body: str, patch: str) -> None:
    record = replace(commit(1, body=body, files=(FileChange(path="a.py", patch=patch),)), title="A title\nin lines")
    assert verbatim(best_quote(record, {"cache": 2.0, "fix": 1.0}), record)
    assert verbatim(best_quote(record, {"cache": 2.0}, exact=["cache_size"]), record)


def verbatim(quote: Quote, record: Record) -> bool:
    if quote.path:
        return any(quote.path == file.path and quote.text in file.patch for file in record.files)
    return quote.text == record.title or quote.text in record.body


def test_the_hunk_of_an_identifier_is_quoted_with_its_line_in_the_new_file() -> None:
    patch = "@@ -10,3 +20,4 @@ f()\n a\n b\n-old\n+NEW_NAME = 1\n c\n"
    quote = best_quote(commit(1, files=(FileChange(path="src/a.py", patch=patch, additions=1),)), {}, exact=["NEW_NAME"])
    assert (quote.path, quote.line) == ("src/a.py", 22)
    assert "+NEW_NAME = 1" in quote.text
    assert quote.text in patch
    assert hunks(patch)[0].start == 20


# --- a real index ---------------------------------------------------------------------------------------------------------

ALGO = "ACME_ALLREDUCE_ALGO"


def holds(line: str, path: str = "src/env.py", status: str = "M") -> tuple[FileChange, ...]:
    lines = [line] if line.startswith(("+", "-")) else []
    return (
        FileChange(path=path, status=status, additions=1, deletions=1, patch="@@ -1,2 +1,2 @@\n x\n" + "\n".join(lines) + "\n"),
    )


EXTRA = (
    commit(11, "Read the algorithm from the environment", files=holds(f"+algo = os.environ['{ALGO}']")),
    commit(12, "Mention the variable", body=f"The variable {ALGO} is described.", files=holds("+docs", "docs/env.md")),
    commit(13, "Move the option", files=holds(f"+algo = os.getenv('{ALGO}')", "src/option.py")),
    commit(14, "Simplify the options", files=holds(f"-algo = os.getenv('{ALGO}')", "src/option.py")),
    commit(15, "Drop what is left", files=holds(f"-algo = os.environ['{ALGO}']")),
    commit(16, "Delete the old runner", files=holds("-run()", "tools/runner.py", "D")),
    commit(17, "Fix the memory leak in the KV cache once and for all", body="Fix the memory leak in the KV cache.", repo=OTHER),
    commit(40, "Fix a memory leak in the KV cache that is yet to come"),
    pull(18, "Prefix caching"),
)
ALL = (*RECORDS, *EXTRA)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = build(tmp_path_factory.mktemp("search"))
    with library(folder) as made:
        put(made.catalog, *EXTRA)
        made.indexer.index()
        yield made


@pytest.mark.parametrize("degraded", [False, True])
def test_a_described_change_is_found_with_and_without_vectors(kept: Library, degraded: bool) -> None:
    search = Search(kept.catalog, None if degraded else kept.index)
    found = search.find(kept.scope("which commit made the routing of experts run in a single kernel?"))
    assert found.hits[0].record.id == RECORDS[1].id
    assert found.degraded == ("no vector index is configured" if degraded else "")
    assert ("dense" in found.hits[0].features) is not degraded


def test_scores_fall_from_one_and_no_record_comes_twice(kept: Library) -> None:
    for question in ("memory leak in the KV cache", "what changed in MoE this month?", ALGO, "#41"):
        found = kept.find(question, limit=99)
        scores = [hit.score for hit in found.hits]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert len({hit.record.id for hit in found.hits}) == len(found.hits)
        assert all(verbatim(hit.quote, hit.record) for hit in found.hits)
        assert found.timings_ms["total"] > 0


def test_filters_come_before_ranking_so_a_better_match_outside_is_never_seen(kept: Library) -> None:
    question = "fix the memory leak in the KV cache once and for all"
    assert kept.find(question).hits[0].record.id == EXTRA[6].id
    scope = kept.scope(question)
    inside = kept.search.find(replace(scope, repos=(REPO,)), limit=99)
    assert inside.hits[0].record.id == RECORDS[0].id
    assert {hit.record.repo for hit in inside.hits} == {REPO}
    early = kept.search.find(replace(scope, window=Window(day(0), day(3.5))), limit=99)
    assert {hit.record.id for hit in early.hits} == {record.id for record in RECORDS[:3]}
    assert early.in_window == 3
    kinds = kept.search.find(replace(scope, kinds=("pull",)), limit=99)
    assert [hit.record.kind for hit in kinds.hits] == ["pull"]


def test_what_has_not_happened_yet_is_invisible(kept: Library) -> None:
    question = "Fix a memory leak in the KV cache that is yet to come"
    assert kept.find(question, now=day(50)).hits[0].record.id == EXTRA[7].id
    before = kept.find(question, limit=99)
    assert EXTRA[7].id not in {hit.record.id for hit in before.hits}
    assert before.in_window == len(ALL) - 1
    assert kept.find("#17", now=day(17.5)).hits[0].record.id == EXTRA[6].id
    early = kept.find("#17", now=day(5), limit=99)
    assert EXTRA[6].id not in {hit.record.id for hit in early.hits}
    assert not any(hit.features["named"] for hit in early.hits)


def test_a_window_question_ranks_every_record_of_its_window(kept: Library) -> None:
    found = kept.find("what changed in MoE routing between 2026-02-01 and 2026-02-08?", limit=99)
    assert len(found.hits) == found.in_window == 6
    assert {hit.record.id for hit in found.hits[:2]} == {RECORDS[1].id, RECORDS[5].id}
    every = kept.find("what changed between 2026-02-01 and 2026-02-08?", limit=99)
    assert [hit.record.id for hit in every.hits] == [record.id for record in reversed(RECORDS)]  # latest first


def test_a_chinese_question_finds_the_english_commit(kept: Library) -> None:
    found = kept.find("哪个提交修复了 KV 缓存的内存泄漏？")
    assert found.hits[0].record.id in (RECORDS[0].id, EXTRA[6].id)
    assert kept.find("二月的滑动窗口注意力改动").hits[0].record.id == RECORDS[4].id


# --- identifiers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what is #3 about?", [RECORDS[2].id]),
        (f"what did {sha(3)[:9]} change?", [RECORDS[2].id]),
        (f"show {sha(4)}", [RECORDS[3].id]),
        ("what changed in tools/runner.py?", [EXTRA[5].id]),
        (f"which commit introduced {ALGO}?", [EXTRA[0].id]),
        (f"when was {ALGO} removed?", [EXTRA[4].id]),
        (f"which commit brought in {ALGO}?", [EXTRA[0].id]),
        (f"{ALGO} 是哪个提交引入的？", [EXTRA[0].id]),
        (f"{ALGO} 是哪个提交加进来的？", [EXTRA[0].id]),
        (f"{ALGO} 是哪个提交删的？", [EXTRA[4].id]),
    ],
)
def test_identifiers_name_their_record_exactly(kept: Library, question: str, expected: list[str]) -> None:
    found = kept.find(question)
    assert [hit.record.id for hit in found.hits[: len(expected)]] == expected
    assert found.hits[0].features["named"] > 0


def test_an_identifier_that_no_record_holds_is_named_by_none(kept: Library) -> None:
    for question in ("what did NO_SUCH_VARIABLE_XYZ do?", "#9999", "what is deadbeefcafe?"):
        found = kept.find(question)
        assert not any(hit.features["named"] for hit in found.hits)
        assert judge(kept.scope(question), found).status == "abstained"


def test_a_number_finds_its_commits_in_the_asked_repository_only(kept: Library) -> None:
    assert [hit.record.id for hit in kept.find(f"what is {REPO}#3?").hits][:1] == [RECORDS[2].id]
    assert not any(hit.features["named"] for hit in kept.find(f"{OTHER}#3").hits)
    assert [hit.record.id for hit in kept.find(f"{OTHER}#5").hits] == [RECORDS[4].id]


def test_the_diff_that_introduced_an_identifier_is_quoted(kept: Library) -> None:
    quote = kept.find(f"which commit introduced {ALGO}?").hits[0].quote
    assert (quote.path, quote.line) == ("src/env.py", 2)
    assert ALGO in quote.text


def test_a_record_that_is_gone_can_still_be_named(kept: Library, tmp_path: Path) -> None:
    with library(Path(shutil.copytree(kept.folder, tmp_path / "copy"))) as made:
        made.catalog.forget("git")
        made.indexer.index()
        assert made.in_chroma() == made.in_vectors() == set()
        found = made.find(f"what was {sha(3)[:10]}?")
        assert [hit.record.id for hit in found.hits] == [RECORDS[2].id]
        assert made.find("memory leak in the KV cache").hits == ()


# --- use ------------------------------------------------------------------------------------------------------------------


def test_threads_share_one_search(kept: Library) -> None:
    questions = [
        "memory leak in the KV cache",
        "sliding window attention",
        "routing workspace of experts",
        "softmax on Blackwell",
    ] * 4
    expected = [kept.find(question).hits[0].record.id for question in questions]
    search = kept.search
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: search.find(kept.scope(question, now=LATER)), questions))
    assert [each.hits[0].record.id for each in found] == expected
    assert {each.degraded for each in found} == {""}


def test_a_record_without_vectors_yet_is_found_by_its_words(kept: Library, tmp_path: Path) -> None:
    with library(Path(shutil.copytree(kept.folder, tmp_path / "copy"))) as made:
        put(made.catalog, commit(19, "Zebra striping of the scheduler"))
        assert "Zebra striping of the scheduler" in found_titles(made.find("zebra striping", limit=5))


def test_beyond_the_size_where_all_are_scored_chroma_finds_what_shares_no_word(tmp_path: Path) -> None:
    fillers = [replace(commit(10, f"bump {n}", files=(), links=()), id=f"commit:{REPO}@{n:040x}") for n in range(1_600)]
    with library(tmp_path) as made:
        put(made.catalog, RECORDS[4])
        made.indexer.index()
        put(made.catalog, *fillers)
        found = made.find("restrict how far back a token may look while generating")
        assert "nearest" in found.timings_ms
        assert found_titles(found)[0] == RECORDS[4].title
        assert found.in_window == 1_601
