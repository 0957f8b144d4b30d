"""Hostile text is harmless once shown."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.safe import json_line, one_line, printable, without_secrets


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2J\x1b[Hcleared", "cleared"),
        ("\x1bcreset", "reset"),
        ("\x9b31mC1", "31mC1"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("a\u2066b\u2069c\u200bd", "abcd"),
        ("tag\U000e0041s", "tags"),
        ("lone \udc80 half", "lone  half"),
        ("\x1b", ""),
        ("bell\x07 back\x08", "bell back"),
        ("two\r\nlines\tand a tab", "two\nlines\tand a tab"),
        ("家庭 👩\u200d🔬", "家庭 👩\u200d🔬"),
        ("[bold]<script>", "[bold]<script>"),
        ("Z\u0338a" + "\u0301" * 300 + "b", "Z\u0338a" + "\u0301" * 8 + "b"),
        ("\u0338" * 300 + "\u20dd" * 300, "\u0338" * 8),
        ("（「『【《〈…——" * 3, "（「『【《〈…——" * 3),
        ("ཧཱུྃ ที่ שָׁ֖ לָ֑ו", "ཧཱུྃ ที่ שָׁ֖ לָ֑ו"),
    ],
)
def test_what_steers_a_terminal_is_taken_out(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


@given(st.text(st.characters(), max_size=60))
def test_nothing_is_left_that_moves_hides_or_turns(text: str) -> None:
    left = {unicodedata.category(character) for character in printable(text).replace("\n", "").replace("\t", "")}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("fetch https://ada:hunter2@example.org/x.git failed", "fetch https://***@example.org/x.git failed"),
        ("GET /repos?per_page=100&access_token=abc&page=2", "GET /repos?per_page=100&access_token=***&page=2"),
        ("url: '/v1?API_KEY=abc'", "url: '/v1?API_KEY=***'"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': '***'}"),
        ("authorization: token abc", "authorization: ***"),
        ("bad credentials ghp_0123456789abcdefghij", "bad credentials ***"),
        ("github_pat_11ABCDEFG0123456789_abcdef and hf_abcdefghijklmnopqrst", "*** and ***"),
        ("commit 9329fb4f0123456789abcdef0123456789abcdef by ada@example.org", None),
        ("unexpected token after https://example.org/a?page=2#key", None),
    ],
)
def test_what_may_be_a_password_or_token_is_blotted_out_and_nothing_else(text: str, left: str | None) -> None:
    assert without_secrets(text) == (text if left is None else left)


def test_a_line_is_one_line_and_no_longer_than_its_limit() -> None:
    assert one_line("  a \n\n b\t c ") == "a b c"
    assert one_line("x" * 10_000, limit=20) == "x" * 19 + "…"
    assert one_line("short", limit=20) == "short"


@given(st.recursive(st.text(st.characters(exclude_categories=()), max_size=20), lambda inner: st.lists(inner, max_size=3)))
def test_json_keeps_every_character_and_prints_none_that_steers(value: object) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    assert printable(line) == line
    line.encode("utf-8")
