"""Cleaning, sentences and tokens: on what people write, and on what nobody should."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text import changed_lines, clean, lexical_fields, mask, query_tokens, sentences, squeeze, tokens
from kb.types import FileChange, Record

# --- cleaning -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("before <!-- hidden --> after", "before after"),
        ("before <!-- hidden\nover\n\nlines --> after", "before\nafter"),
        ("before\n<!-- never closed\nall of this is hidden", "before"),
        ("Adds a cache.\n\n- [x] I ran the tests\n* [ ] I wrote docs", "Adds a cache."),
        ("Adds a cache.\n\nSigned-off-by: Ada <a@b.c>\nCo-Authored-By: Bob <b@b.c>\nCc: C <c@b.c>", "Adds a cache."),
        ("Adds a cache.\nPull Request resolved: https://example.org/1\nCherry-picked", "Adds a cache.\nCherry-picked"),
        ("one\n\n---\n\ntwo\n\n=====\n\n* * *\n\nthree", "one\ntwo\nthree"),
        ("one\n\nN/A\n\nNone.\n\nTBD", "one"),
        ("Thank you for contributing to this project!\n\nAdds a cache.", "Adds a cache."),
        ("Please make sure that every item of this checklist is done.\n\nAdds a cache.", "Adds a cache."),
        ("Please note that the layout changed.", "Please note that the layout changed."),
        ("see [![badge](https://x/y.svg)](https://x) and ![plot](p.png) here", "see and here"),
        ("a <b>bold</b> word<br/> and x < y > z", "a bold word and x < y > z"),
        ("\U0001f916 Generated with [a tool](https://example.org)\nAdds a cache.", "Adds a cache."),
        ("", ""),
        (" \n\t\n ", ""),
    ],
)
def test_boilerplate_goes_and_prose_stays(raw: str, kept: str) -> None:
    assert clean(raw) == kept


def test_a_pull_request_template_leaves_what_its_author_wrote() -> None:
    raw = (
        "<!-- Describe the change -->\n## \U0001f4cc Description\n\nFixes a race in the scheduler.\n\n"
        "## \U0001f50d Related Issues\n\n<!-- Link -->\n\n"
        "## \U0001f680 Pull Request Checklist\n\nThank you for contributing!\n\n### ✅ Pre-commit Checks\n\n"
        "- [x] I ran `pre-commit`.\n\nIf unsure, see the guide.\n\n"
        "## Reviewer Notes\n\nThe lock is held for longer now.\n"
    )
    assert clean(raw) == "Fixes a race in the scheduler.\nThe lock is held for longer now."


def test_a_dropped_section_ends_at_a_heading_of_its_own_level_only() -> None:
    raw = "# Checklist\nhidden one\n## Inner\nhidden two\n### Deeper\nhidden three\n# Results\nshown"
    assert clean(raw) == "shown"
    assert clean("# Results\nshown\n## Checklist\nhidden\n# Next\nalso shown") == "shown\nalso shown"


def test_the_summary_of_a_review_bot_is_kept() -> None:
    raw = (
        "<!-- This is an auto-generated comment: release notes by coderabbit.ai -->\n## Summary by CodeRabbit\n\n"
        "* **New Features**\n  * FP8 GEMM on SM120\n* **Bug Fixes**\n  * Wrong stride\n\n<!-- end -->\n"
    )
    kept = clean(raw)
    assert "FP8 GEMM on SM120" in kept
    assert "Wrong stride" in kept
    assert "auto-generated" not in kept


HOSTILE = [
    "<!--",
    "-->",
    "<b>",
    "</div",
    "![",
    "](",
    ")",
    "[!",
    "#",
    "## ",
    "**",
    "- [x] ",
    "---",
    "Checklist",
    "```",
    "~~~",
    "| a |",
    "* ",
    "1. ",
    ". ",
    "e.g. ",
    "A. ",
    "! B",
    "。",
    "Signed-off-by: x",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\x0b",
    "\x85",
    "\u2028",
    " ",
    "\t",
    "\x00",
    "\ud800",
    "é",
    "修复",
    "\U0001f600",
    "word",
    "CamelCase",
    "snake_case",
    "#12",
    "v1.2.3",
    "None",
    "please check ",
]
hostile_text = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(HOSTILE), max_size=40).map("".join))


@given(hostile_text)
def test_mask_keeps_every_position_and_line_end(raw: str) -> None:
    masked = mask(raw)
    assert len(masked) == len(raw)
    assert [at for at, char in enumerate(masked) if char == "\n"] == [at for at, char in enumerate(raw) if char == "\n"]
    assert all(char in (" ", raw[at]) for at, char in enumerate(masked))


@given(hostile_text)
def test_cleaning_again_changes_nothing_but_boilerplate_that_now_stands_free(raw: str) -> None:
    once = clean(raw)
    assert not re.search(r"\n\s*\n|^\s|\s$", once)
    assert set(squeeze(clean(once))) <= set(squeeze(once)) | {" "}


# --- sentences ------------------------------------------------------------------------------------------------------------


@given(hostile_text, st.booleans())
def test_sentences_are_verbatim_slices_in_order_that_do_not_overlap(raw: str, code: bool) -> None:
    end = 0
    for sentence in sentences(raw, code=code):
        assert raw[sentence.start : sentence.start + len(sentence.text)] == sentence.text
        assert sentence.text == sentence.text.strip()
        assert sentence.start >= end
        end = sentence.start + len(sentence.text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("One thing. Another thing! A third?", ["One thing.", "Another thing!", "A third?"]),
        ("Uses e.g. CUDA graphs, i.e. Replays them.", ["Uses e.g. CUDA graphs, i.e. Replays them."]),
        ("Version 1.2.3 is out. It is faster.", ["Version 1.2.3 is out.", "It is faster."]),
        ("First line\nof one sentence.\n\nNext paragraph", ["First line\nof one sentence.", "Next paragraph"]),
        ("- one\n- two\n  goes on\n3. three", ["one", "two\n  goes on", "three"]),
        ("修复了内存泄漏。加快了启动！完成", ["修复了内存泄漏。", "加快了启动！", "完成"]),
        ("Text before.\n```python\nx = 1. Not a sentence\n```\nText after.", ["Text before.", "Text after."]),
        ("| a | b |\n|---|---|\nAfter the table.", ["After the table."]),
        ("See <!-- no --> the notes.", ["See <!-- no --> the notes."]),
        ("***\n\n…", []),
    ],
)
def test_sentences_of_prose_lists_and_code(raw: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in sentences(raw)] == expected


def test_code_and_tables_come_line_by_line_when_asked_for() -> None:
    raw = "Text.\n```\n  x = 1\n```\n| a | b |\n- item"
    found = sentences(raw, code=True)
    assert [(sentence.text, sentence.code, sentence.bullet) for sentence in found] == [
        ("Text.", False, False),
        ("x = 1", True, False),
        ("| a | b |", True, False),
        ("item", False, True),
    ]


# --- tokens ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NumNemotronExperts", ["numnemotronexpert", "num", "nemotron", "expert"]),
        ("HTTPServer parseURL", ["httpserver", "http", "server", "parseurl", "pars", "url"]),
        ("SGLANG_CUSTOM_ALLREDUCE_ALGO", ["sglang_custom_allreduce_algo", "sglang", "custom", "allreduc", "algo"]),
        ("sm_90 sm90 SM90a", ["sm_90", "sm90", "sm", "90", "sm90", "sm90a"]),
        ("top-k top_k topk", ["topk", "top", "top_k", "topk", "top", "topk"]),
        ("MoE LoRA bf16 nvfp4 mxfp8", ["moe", "lora", "bf16", "nvfp4", "fp4", "mxfp8", "fp8"]),
        ("#123 PR#7", ["ref_123", "pr", "ref_7"]),
        ("v0.6.2 1.5x 2.0", ["0.6.2", "1.5x", "2.0"]),
        ("修复内存", ["修复", "复内", "内存"]),
        ("修", ["修"]),
        ("用NVFP4做", ["用", "nvfp4", "fp4", "做"]),
        ("fix \U0001f600\U0001f680 it", ["fix", "it"]),
        ("a/b/flash_attn.cuh", ["a", "b", "flash_attn", "flashattn", "flash", "attn", "cuh"]),
        ("crashes crashing crashed", ["crash", "crash", "crash"]),
        ("", []),
        ("___ --- ... !!!", []),
        ("\ud800", []),
        ("x" * 61, []),
        ("x" * 60, ["x" * 60]),
        ("_" * 100 + "edge" + "_" * 100, ["edg"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("allreduce", "all-reduce"),
        ("all reduce", "AllReduce"),
        ("allreduce", "AllReduce"),
        ("flashinfer", "FlashInfer"),
        ("topk", "top_k"),
        ("sm90", "sm_90"),
        ("nemotron experts", "NumNemotronExperts"),
        ("custom_allreduce", "SGLANG_CUSTOM_ALLREDUCE_ALGO"),
        ("0.6.2", "v0.6.2"),
        ("#2450", "(#2450)"),
        ("内存", "修复内存泄漏"),
        ("flash_attn", "csrc/flash_attn/kernel.cu"),
    ],
)
def test_what_people_ask_meets_what_commits_say(question: str, text: str) -> None:
    assert set(query_tokens(question)) & set(tokens(text))


@given(hostile_text)
def test_tokens_are_lower_case_without_white_space_and_the_same_again(text: str) -> None:
    found = tokens(text)
    assert found == tokens(text)
    assert all(token and token == token.lower() and not re.search(r"\s", token) for token in found)
    assert set(query_tokens(text)) <= set(found)


def test_question_words_are_no_tokens_of_a_question() -> None:
    assert query_tokens("what changed in the MoE kernels, and why?") == ["moe", "kernel"]
    assert query_tokens("what is the") == []


def test_lexical_fields_of_a_record() -> None:
    patch = "@@ -1,3 +1,3 @@ def launch_kernel():\n context_line\n-old_value = 1\n+new_value = 2\n"
    record = Record(
        id="commit:a/b@1",
        kind="commit",
        repo="a/b",
        ref="1",
        title="Add TopK",
        body="<!-- no -->Body text",
        files=(FileChange(path="new/name.py", old_path="old/name.py", patch=patch), FileChange(path="image.png", binary=True)),
    )
    fields = {name: value.split() for name, value in lexical_fields(record).items()}
    assert fields["subject"] == ["add", "topk"]
    assert fields["message"] == ["add", "topk", "add", "topk", "bodi", "text"]
    assert {"new", "old", "name", "png"} <= set(fields["paths"])
    assert {"launch_kernel", "old_value", "new_value"} <= set(fields["diff"])
    assert "context_line" not in fields["diff"]


def test_lexical_fields_of_an_empty_record_are_empty() -> None:
    assert set(lexical_fields(Record(id="x", kind="post", repo="", ref="", title="")).values()) == {""}


def test_the_diff_of_a_huge_change_is_capped() -> None:
    files = tuple(FileChange(path=f"f{n}", patch="@@ -0,0 +1,9 @@\n" + "+alpha beta\n" * 400) for n in range(100))
    fields = lexical_fields(Record(id="x", kind="commit", repo="", ref="", title="t", files=files))
    assert 50_000 < len(fields["diff"]) < 70_000


def test_changed_lines_are_those_with_a_mark_and_the_context_of_hunks() -> None:
    assert list(changed_lines("@@ -1 +1 @@ f(x)\n a\n-b\n+c\n\\ No newline at end of file\n")) == [" f(x)", "b", "c"]
    assert list(changed_lines("")) == []


# --- hostile size ---------------------------------------------------------------------------------------------------------

PATTERNS = {
    "one letter": "a",
    "blanks": " ",
    "lines": "\n",
    "carriage returns": "\r",
    "blank lines": "\n \n",
    "open tags": "<a",
    "comments": "<!--",
    "images": "![",
    "linked images": "[![",
    "image ends": "![](",
    "stars": "*",
    "bold": "**a",
    "hashes": "#",
    "headings": "# ",
    "rules": "-=",
    "loose rules": "- ",
    "boxes": "- [",
    "full stops": ". ",
    "initials": "A. ",
    "versions": "1.",
    "versions with v": "v1.1",
    "hyphens": "a-",
    "underscores": "_",
    "humps": "aA",
    "cjk": "修",
    "cjk sentences": "修。",
    "emoji": "\U0001f600",
    "accents": "é",
    "please": "please check ",
    "bars": "| ",
    "bullets": "- ",
    "fences": "```\n",
    "digits": "1",
    "numbers and letters": "1a",
    "quotes": '."',
    "hunks": "@@\n",
    "separators": "\u2028",
    "references": "#1",
    "e.g.": "e.g. ",
}
LINES = {
    "blanks before a word": " {pad}x",
    "rule before a word": "-{pad}x",
    "heading": "# {pad}x",
    "long heading": "# {pad}" + "x" * 200,
    "quote": ">{pad}x",
    "none": "none{pad}x",
    "sign-off": "cc{pad}x",
    "stop": "End.{pad}x",
    "table": "||{pad}x",
    "bold": "**a**{pad}x",
}
SIZE = 300_000


@pytest.mark.parametrize("function", [mask, clean, sentences, tokens], ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", [*PATTERNS, *LINES])
def test_hostile_text_costs_time_in_proportion_to_its_length(name: str, function: Callable[[str], object]) -> None:
    piece = PATTERNS.get(name)
    text = piece * (SIZE // len(piece)) if piece else LINES[name].format(pad=" " * SIZE)
    started = time.process_time()
    function(text)
    # Anything quadratic takes minutes at this length; what is linear takes less than half a second.
    assert time.process_time() - started < 5
