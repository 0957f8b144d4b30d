"""The glossary: the packaged list is sound, and the longest match wins."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import glossary


def test_the_packaged_list() -> None:
    terms = glossary.terms()
    assert len(terms) >= 450
    assert not [term for term, english in terms.items() if glossary.CJK.search(english) or not term.strip()]
    assert files("kb").joinpath("data/glossary_zh_en.txt").read_text(encoding="utf-8").endswith("\n")


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("矩阵乘", "matmul gemm"),
        ("矩阵", "matrix"),
        ("核函数", "kernel"),
        ("混合专家", "moe mixture of experts"),
        ("回退了哪些改动", "revert change"),
        ("NVFP4 矩阵乘", "NVFP4 matmul gemm"),
        ("共享内存越界", "shared memory smem out of bounds"),
        ("为什么的", ""),
        ("齉", "齉"),
        ("沿用齉字段", "沿 use 齉 field"),
        ("plain English, kept", "plain English, kept"),
    ],
)
def test_translation(chinese: str, english: str) -> None:
    assert glossary.translate(chinese) == english


def test_the_longest_term_wins() -> None:
    assert glossary.translate("自动调优器") == "autotuner"
    assert glossary.translate("运行时") == "runtime run time"


@pytest.mark.parametrize("line", ["no equals sign", "latin=word", "甲 乙=two words", "=nothing", "甲=a\n甲=b"])
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="glossary line"):
        glossary.parse(line)


def test_comments_and_blank_lines_are_skipped() -> None:
    assert glossary.parse("# 注\n\n甲 = a b \n乙=\n") == {"甲": "a b", "乙": ""}


@given(st.text(max_size=200))
def test_latin_text_is_kept_and_nothing_raises(text: str) -> None:
    translated = glossary.translate(text)
    if not glossary.CJK.search(text):
        assert translated == " ".join(text.split())
