"""What a text says of other records (kb/references.py)."""

from __future__ import annotations

import time

import pytest

from kb.references import of, twin
from kb.types import Link, Note, Record
from tests.records import REPO, commit, day, pull

SHA = "a1" * 20


def said(body: str, *, kind: str = "pull", **fields: object) -> list[tuple[str, str]]:
    record = Record(id=f"{kind}:{REPO}#7", kind=kind, repo=REPO, ref="7", title="t", body=body, **fields)  # type: ignore[arg-type]
    return [(link.rel, link.target) for link in of(record)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Fixes #12.", [("fixes", f"issue:{REPO}#12")]),
        ("closes: #12, #13 and #14", [("fixes", f"issue:{REPO}#{number}") for number in (12, 13, 14)]),
        ("Resolves other/repo#3", [("fixes", "issue:other/repo#3")]),
        ("Fixed https://github.com/other/repo/issues/3", [("fixes", "issue:other/repo#3")]),
        ("see #12", [("mentions", f"issue:{REPO}#12")]),
        ("see https://github.com/other/repo/pull/3#issuecomment-1", [("mentions", "pull:other/repo#3")]),
        ("GH-12 is alike", [("mentions", f"issue:{REPO}#12")]),
        (f"As in https://github.com/o/r/commit/{SHA}", [("mentions", f"commit:o/r@{SHA}")]),
        ("https://github.com/o/r/pull/4/commits/" + SHA, [("mentions", "pull:o/r#4"), ("mentions", f"commit:o/r@{SHA}")]),
        ("[notes](https://github.com/o/r/releases/tag/v1.2.0)", [("mentions", "release:o/r@v1.2.0")]),
        ("after arXiv:2602.02061v3", [("paper", "paper:arxiv:2602.02061")]),
        ("https://arxiv.org/pdf/2602.02061.pdf", [("paper", "paper:arxiv:2602.02061")]),
        ("https://huggingface.co/papers/2602.02061", [("paper", "paper:arxiv:2602.02061")]),
        ("doi 10.48550/arXiv.2602.02061", [("paper", "paper:arxiv:2602.02061")]),
        ("arxiv.org/abs/math.GT/0309136", [("paper", "paper:arxiv:math.GT/0309136")]),
        ("<!-- Fixes #12 --> nothing", []),
        ("colour #12ab34, item #, R&D#5, a/b/c#6", []),
        ("Fixes #7, which is this very thread", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_a_pull_request_says(body: str, expected: list[tuple[str, str]]) -> None:
    assert said(body) == expected


def test_only_a_change_can_fix() -> None:
    assert said("Fixes #12", kind="issue") == [("mentions", f"issue:{REPO}#12")]
    assert said("Fixes #12", kind="release") == [("mentions", f"issue:{REPO}#12")]


def test_comments_are_read_too() -> None:
    note = Note(kind="comment", at=day(1), text="same as #90")
    assert said("no", notes=(note,)) == [("mentions", f"issue:{REPO}#90")]


def test_what_the_source_has_said_is_not_said_again() -> None:
    record = commit(
        3, "Make it fast (#3)", body="Fixes #4", links=(Link("pull", f"pull:{REPO}#3"), Link("fixes", f"issue:{REPO}#4"))
    )
    assert of(record) == ()
    assert of(pull(3, "Make it fast (#3)")) == ()


def test_a_record_without_a_repository_has_no_bare_numbers() -> None:
    paper = Record(id="paper:arxiv:2602.1", kind="paper", repo="", ref="2602.1", title="t", body="see #4 and acme/kernels#5")
    assert of(paper) == (Link("mentions", "issue:acme/kernels#5"),)


def test_a_list_without_end_is_cut() -> None:
    assert len(said(" ".join(f"#{number}" for number in range(1000, 3000)))) == 200


@pytest.mark.parametrize(
    "text", ["#1" * 200_000, "github.com/" * 100_000, "fixes " * 200_000 + "#1", "arxiv " * 200_000, "a/" * 200_000]
)
def test_hostile_texts_take_no_time(text: str) -> None:
    started = time.perf_counter()
    said(text)
    assert time.perf_counter() - started < 5


def test_twins() -> None:
    assert twin("issue:a/b#1") == "pull:a/b#1"
    assert twin("pull:a/b#1") == "issue:a/b#1"
    assert twin("commit:a/b@1") == ""
