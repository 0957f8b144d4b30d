"""Exact names in questions: addresses, numbers and paper ids in every form in which people write them."""

from __future__ import annotations

import pytest

from kb.entities import identifiers, release_notes, urls

SHA = "9329fb4785aabbccddeeff001122334455667788"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("https://github.com/o/r/issues/12", ["o/r#12"]),
        ("see github.com/o/r/pull/12/files, please", ["o/r#12"]),
        ("http://www.github.com/o/r/pull/12#issuecomment-3", ["o/r#12"]),
        (f"https://github.com/o/r/commit/{SHA}?diff=split", [SHA]),
        (f"https://github.com/o/r/pull/12/commits/{SHA}", [SHA]),
        ("https://github.com/o/r/releases/tag/v0.6.3", ["o/r@v0.6.3"]),
        ("(https://github.com/o/r/releases/tag/nightly-2026.01)", ["o/r@nightly-2026.01"]),
        ("https://notgithub.com/o/r/pull/12", []),
        ("https://arxiv.org/abs/2602.02061v2", ["arXiv:2602.02061v2"]),
        ("arxiv.org/pdf/2602.02061.pdf?", ["arXiv:2602.02061"]),
        ("https://huggingface.co/papers/2602.02061", ["arXiv:2602.02061"]),
        ("arXiv:cs/0112017 and arXiv: 2602.02061", ["arXiv:cs/0112017", "arXiv:2602.02061"]),
        ("the paper 2602.02061, not 1024.0001 or 2026.01", ["arXiv:2602.02061"]),
        ("论文2602.02061讲了什么", ["arXiv:2602.02061"]),
        ("GH-12, gh 13, MR 14, PR#15 and pull request no. 16", ["#12", "#13", "#14", "#15", "#16"]),
        ("owner/name#12 but not a&#39; or /#/5", ["owner/name#12"]),
        ("who closed issue 7?", ["#7"]),
        ("issue 1234 is open", ["#1234"]),
        ("warps issue 2 loads; we issue 4.", []),
        ("工单 12、拉取请求 #13 和第 14 号 PR", ["#12", "#13", "#14"]),
    ],
)
def test_names_of_records(text: str, names: list[str]) -> None:
    assert [name.text for name in identifiers(text)] == names


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("what does release v0.6.3 say about cuDNN?", ["v0.6.3"]),
        ("release notes for flashinfer 0.6.3rc1", ["0.6.3rc1"]),
        ("when was v0.6.2 released?", ["v0.6.2"]),
        ("v0.6.3 的发布说明", ["v0.6.3"]),
        ("what is new in release v0.6.3?", []),
        ("which commit in release v0.6.3 fixed the hang?", []),
        ("since v0.6.2", []),
    ],
)
def test_a_release_asked_for_itself(text: str, versions: list[str]) -> None:
    spans = release_notes(text)
    assert [text[start:end] for start, end in spans] == versions
    assert [name.text for name in identifiers(text, notes=spans) if name.form == "ref"] == versions


def test_addresses_are_found_with_and_without_a_scheme() -> None:
    text = "see https://example.org/2026-01-02, arxiv.org/abs/2602.02061 and example.org"
    assert [text[start:end] for start, end in urls(text)] == ["https://example.org/2026-01-02,", "arxiv.org/abs/2602.02061"]
