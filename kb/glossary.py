"""The field's Chinese terms in English, by longest match. Pure but for reading the packaged list once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_RUN = re.compile(rf"{CJK.pattern}+")


@cache
def terms() -> Mapping[str, str]:
    """Chinese term to English words ("" for words that say nothing about a change), as packaged."""
    return parse(files("kb").joinpath("data/glossary_zh_en.txt").read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, str]:
    """Lines of ``term=english words``; blank lines and lines that start with # are skipped.

    Raises:
        ValueError: a line has no "=", its term is not Chinese throughout, or a term comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        term, equals, english = (part.strip() for part in line.partition("="))
        if not equals or not _RUN.fullmatch(term) or term in found:
            raise ValueError(f"glossary line {number}: {line!r}")
        found[term] = english
    return found


@cache
def _longest() -> int:
    return max(map(len, terms()))


def translate(text: str) -> str:
    """``text`` with each Chinese run replaced by English terms, longest match first; Latin words and unknown Chinese are kept.

    >>> translate("用自动后端做 NVFP4 矩阵乘")
    'automatic auto backend NVFP4 matmul gemm'
    """
    return " ".join(_RUN.sub(lambda match: f" {_run(match.group())} ", text).split())


def _run(run: str) -> str:
    known, longest = terms(), _longest()
    pieces: list[str] = []
    unknown = ""
    index = 0
    while index < len(run):
        size = next((size for size in range(min(longest, len(run) - index), 0, -1) if run[index : index + size] in known), 0)
        if not size:
            unknown += run[index]
            index += 1
            continue
        pieces.append(unknown)
        unknown = ""
        pieces.append(known[run[index : index + size]])
        index += size
    return " ".join(piece for piece in (*pieces, unknown) if piece)
