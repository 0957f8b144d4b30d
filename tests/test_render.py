"""Whatever a record holds, its Markdown shows it and does nothing else: checked with a CommonMark parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb import render
from kb.citations import Piece
from kb.escape import code, fenced, inert, prose, quoted, shorten, web
from kb.lines import Line
from kb.render import Context
from kb.safe import one_line
from kb.types import Coverage, Found, Hit, LedgerRow, Quote, Scope, Window
from kb.wording import CHINESE, ENGLISH, words
from tests.records import commit

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NOW = datetime(2026, 2, 5, 9, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from("`*_[]()<>!#|~\\&;:@/\"'-+=.1 \n\t$^{}aZ0中"),
        st.sampled_from("\u202e\u200b\x00\x1b\u2028é"),
        st.characters(),
    ),
    max_size=60,
)
NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/beacon.png)",
    "[a]: https://evil.example",
    "<https://evil.example>",
    "https://evil.example/x_y and www.evil.example",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "```\nfence",
    "~~~",
    "---",
    "===",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "`` ` ``",
    "`a` `b",
    "\\`a\\`",
    "**bold** _em_ ***x*** ~~gone~~",
    "&lt;b&gt; &#60;",
    "@everyone and ada@example.org",
    "\x1b]8;;https://evil.example\x07x\x1b]8;;\x07",
    "\u202egnp.exe",
    "<!-- hidden",
    "    indented",
    "foo\\",
    "a]b[c](d)",
    "![[x](y)](z)",
]


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def shown(markdown: str) -> str:
    """The text a reader sees."""
    return "".join(
        token.content for token in flat(PARSER.parse(markdown)) if token.type in ("text", "code_inline", "text_special")
    )


def types(markdown: str) -> set[str]:
    return {token.type for token in flat(PARSER.parse(markdown))}


PLAIN = {"paragraph_open", "paragraph_close", "inline", "text", "code_inline", "text_special"}
LISTED = PLAIN | {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "strong_open", "strong_close"}


@given(HOSTILE)
def test_any_text_is_inert_and_shown_whole(text: str) -> None:
    markdown = inert(text)
    assert types(markdown) <= PLAIN
    assert _letters(shown(markdown)) == _letters(text)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("around", ["{}", "- **{}** (x)", "> {}", "x {} y"])
def test_known_tricks_are_inert(text: str, around: str) -> None:
    for markdown in (inert(text), prose(text)):
        whole = around.format(markdown)
        assert types(whole) <= LISTED | {"blockquote_open", "blockquote_close"}
        assert not re.search(r"<[a-zA-Z/!]", re.sub(r"`[^`]*`", "", whole))


@pytest.mark.parametrize("text", NASTY)
def test_known_tricks_are_shown_as_they_are(text: str) -> None:
    assert _letters(shown(inert(text))) == _letters(text)


def _letters(text: str) -> str:
    """What is left to compare once Markdown's own marks and white space are out."""
    return re.sub(r"[`\s]", "", one_line(text))


@given(HOSTILE)
def test_prose_is_inert_too(text: str) -> None:
    assert types(prose(text)) <= PLAIN


@given(HOSTILE)
def test_code_shows_exactly_its_line(text: str) -> None:
    line = one_line(text)
    tokens = [token for token in flat(PARSER.parse(f"x {code(text)} y")) if token.type == "code_inline"]
    assert [token.content for token in tokens] == ([line] if line else [])


@given(HOSTILE)
def test_nothing_ends_a_fence(text: str) -> None:
    tokens = PARSER.parse(fenced(text, "diff"))
    assert [token.type for token in tokens] == ["fence"]


@given(HOSTILE)
def test_a_block_quote_holds_only_text(text: str) -> None:
    assert types(quoted(text)) <= PLAIN | {"blockquote_open", "blockquote_close"}


def test_titles_stay_readable() -> None:
    assert inert("fix: set_log_level in moe_ep uses `torch.compile`") == "fix: set_log_level in moe_ep uses `torch.compile`"
    assert inert("__init__ of _x") == "\\_\\_init\\_\\_ of \\_x"
    assert inert("use @triton.jit -> a->b, 3 > 2 & 1") == "use `@triton.jit` -> a->b, 3 > 2 & 1"
    assert prose("**Wrapper**: see [the docs](https://example.org/x) for `f(x)`") == "Wrapper: see the docs for `f(x)`"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a/commit/12", "https://example.org/a/commit/12"),
        ("http://example.org:8080/a?b=c#d", "http://example.org:8080/a?b=c#d"),
        ('https://example.org/a b)(c"<d>`e|f\\g', "https://example.org/a%20b%29%28c%22%3Cd%3E%60e%7Cf%5Cg"),
        ("https://example.org/%41%zz", "https://example.org/%41%25zz"),
        ("javascript:alert(1)", ""),
        ("JAVASCRIPT://example.org/%0aalert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("https://", ""),
        ("https://user:secret@example.org/", ""),
        ("//example.org/x", ""),
        ("https://[::1", ""),
        ("", ""),
    ],
)
def test_only_web_addresses_become_links(url: str, expected: str) -> None:
    assert web(url) == expected


@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_line_has_only_the_links_that_code_makes(title: str, path: str, url: str) -> None:
    pieces = (
        Piece(title or "x", "title"),
        Piece(" ("),
        Piece("kernels@9329fb4", "key", "https://example.org/" + url),
        Piece(", PR "),
        Piece("#12", "reference", url),
        Piece(") — "),
        Piece(title, "quote"),
        Piece(" "),
        Piece(path, "path"),
        Piece(" by "),
        Piece(title, "name"),
    )
    tokens = list(flat(PARSER.parse(render.line_markdown(Line(pieces, ("kernels@9329fb4",))))))
    assert {token.type for token in tokens} <= LISTED | {"link_open", "link_close"}
    links = [str(token.attrGet("href")) for token in tokens if token.type == "link_open"]
    assert len(links) <= 2
    assert all(re.match(r"https?://[\w.-]+", href) for href in links)
    assert links[0].startswith("https://example.org/") if links else web("https://example.org/" + url) == ""
    assert sum(token.type == "bullet_list_open" for token in tokens) == 1
    assert sum(token.type == "strong_open" for token in tokens) == 1


def test_children_stand_below_their_line() -> None:
    child = Line((Piece("child", "title"),), ("k@2",))
    markdown = render.line_markdown(Line((Piece("parent", "title"),), ("k@1",), children=(child, child)))
    assert markdown == "- **parent**\n  - **child**\n  - **child**"


def test_a_long_title_is_cut_at_a_word() -> None:
    title = "wordy " * 2000
    assert shorten(title, 50) == "wordy wordy wordy wordy wordy wordy wordy wordy…"
    assert shorten("short", 50) == "short"
    assert len(shorten("x" * 10_000, 200)) == 200
    assert render.piece_markdown(Piece(title, "title")).endswith("wordy…**")


def test_a_hunk_is_a_diff_with_its_place() -> None:
    markdown = render.quote_markdown(Quote("+a = ```1```\n-b", "src/a b.py", 12), Context(NOW, BERLIN, ENGLISH))
    assert markdown == "`src/a b.py`, line 12\n\n````diff\n+a = ```1```\n-b\n````"
    assert render.quote_markdown(Quote("+a", "a.py", 3), Context(NOW, BERLIN, CHINESE)).startswith("`a.py`，第 3 行")


# --- head and foot ----------------------------------------------------------------------------------------------------------


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("window", "english", "chinese"),
    [
        (Window(at(2), at(5)), "2026-02-02 to 2026-02-04", "2026 年 2 月 2 日 至 2026 年 2 月 4 日"),
        (Window(at(2), at(3)), "2026-02-02", "2026 年 2 月 2 日"),
        (Window(at(2, 5), at(3)), "2026-02-02 05:00 to 2026-02-03 00:00", "2026 年 2 月 2 日 05:00 至 2026 年 2 月 3 日 00:00"),
        (Window(at(2), NOW), "2026-02-02 until now, 2026-02-05 10:30", "2026 年 2 月 2 日 至现在 2026 年 2 月 5 日 10:30"),
        (Window(None, NOW), "everything until now, 2026-02-05 10:30", "截至现在 2026 年 2 月 5 日 10:30 的全部记录"),
        (Window(None, at(3)), "everything until 2026-02-03 00:00", "截至 2026 年 2 月 3 日 00:00 的全部记录"),
    ],
)
def test_windows_are_said_in_the_askers_zone(window: Window, english: str, chinese: str) -> None:
    assert ENGLISH.window(window, now=NOW, zone=BERLIN) == english
    assert CHINESE.window(window, now=NOW, zone=BERLIN) == chinese


def test_a_day_across_a_clock_change_is_one_day() -> None:
    window = Window(datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN))
    assert ENGLISH.window(window, now=datetime(2026, 4, 1, tzinfo=UTC), zone=BERLIN) == "2026-03-29"


SCOPE = Scope(
    question="What changed in MoE this week?",
    window=Window(at(2), NOW, "this week"),
    repos=("acme/kernels",),
    kinds=("commit",),
    topic="MoE <b>",
    facets=("fix",),
    intent="window",
    unresolved=("recently",),
)


def test_the_header_says_what_was_resolved() -> None:
    assert render.header(SCOPE, Context(NOW, BERLIN, ENGLISH)) == (
        "**Window** 2026-02-02 until now, 2026-02-05 10:30 (Europe/Berlin; “this week”) · **Repositories** acme/kernels"
        " · **Kinds** commits · **Topic** MoE &lt;b> · **Only** fixes"
    )
    everything = Scope(question="x", window=Window(None, NOW))
    assert render.header(everything, Context(NOW, UTC, CHINESE)) == (
        "**时间** 截至现在 2026 年 2 月 5 日 09:30 的全部记录（UTC） · **仓库** 全部 · **类型** 全部 · **主题** 不限"
    )


def test_what_was_not_understood_or_not_used_is_said() -> None:
    assert render.notes(SCOPE, "no vectors yet", 2, ENGLISH) == [
        "Could not resolve “recently”; not used.",
        "Searched with less than usual: no vectors yet.",
        "2 statements were left out: they could not be verified in the records.",
    ]
    assert render.notes(SCOPE, "", 1, CHINESE) == ["无法解析“recently”，未使用。", "有 1 条陈述无法在记录中核实，已略去。"]


def test_coverage_is_a_sentence() -> None:
    hits = tuple(Hit(commit(number), 1.0, Quote("")) for number in range(3))
    whole = Found(hits=hits, in_window=3)
    assert render.coverage_text(Coverage(2, 2, 3), whole, ENGLISH) == "2 of 2 matching, 3 in the window."
    assert render.coverage_text(Coverage(0, 0, 3), whole, ENGLISH) == "Nothing matches among the 3 records in the window."
    assert render.coverage_text(Coverage(0, 0, 0), Found(hits=(), in_window=0), ENGLISH) == "There is no record in the window."
    assert "returned 3 of the 9 records" in render.coverage_text(Coverage(3, 3, 9), Found(hits=hits, in_window=9), ENGLISH)


def row(status: str, **values: object) -> LedgerRow:
    return LedgerRow(**{"source": "kernels", "use": "git_commits", "repo": "acme/kernels", "status": status, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ledger", "english", "quiet"),
    [
        (row("never"), "kernels has not been read yet.", "kernels has not been read yet."),
        (
            row("failed", error="kernels: no route to <host>", ended=at(4), last_success=at(1)),
            "kernels could not be read (2026-02-04 00:00): no route to &lt;host>. Last read successfully: 2026-02-01 00:00.",
            None,
        ),
        (
            row("interrupted", started=at(4)),
            "The last reading of kernels was interrupted (2026-02-04 00:00). Last read successfully: never.",
            None,
        ),
        (
            row("ok", last_success=NOW, truncated="history = 90 days"),
            "kernels was read only in part: history = 90 days.",
            None,
        ),
        (
            row("ok", last_success=at(2)),
            "kernels was last read on 2026-02-02 00:00: what came later is not here.",
            "No changes in kernels up to its last reading on 2026-02-02 00:00; what came later is not known yet.",
        ),
        (row("ok", last_success=NOW), "", "No changes in kernels: it was read successfully on 2026-02-05 10:30."),
        (
            row("ok", last_success=NOW - timedelta(hours=2)),
            "",
            "No changes in kernels up to its last reading on 2026-02-05 08:30; what came later is not known yet.",
        ),
    ],
)
def test_quiet_failed_and_not_yet_read_are_three_sentences(ledger: LedgerRow, english: str, quiet: str | None) -> None:
    context = Context(NOW, BERLIN, ENGLISH)
    assert render.source_problem(ledger, SCOPE, context) == english
    assert render.silence([ledger], SCOPE, context) == [english if quiet is None else quiet]
    chinese = Context(NOW, BERLIN, CHINESE)
    assert re.search("[一-鿿]", render.silence([ledger], SCOPE, chinese)[0])


@pytest.mark.parametrize(
    ("since", "quiet", "begins"), [(None, True, False), (at(1), True, False), (at(3), True, True), (NOW, False, True)]
)
def test_silence_is_not_claimed_of_what_lies_before_the_stored_history(since: object, quiet: bool, begins: bool) -> None:
    scope = replace(SCOPE, window=Window(at(2), NOW))
    told = " ".join(render.silence([row("ok", last_success=NOW, since=since)], scope, Context(NOW, BERLIN, ENGLISH)))
    assert ("No changes in kernels" in told, "nothing earlier was read" in told) == (quiet, begins)


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    for table in ("groups", "events", "kinds", "facets", "statuses", "header", "notes", "line"):
        english, chinese = getattr(ENGLISH, table), getattr(CHINESE, table)
        assert english.keys() == chinese.keys()
        for name in english:
            if table != "line" or name != "day":
                assert set(re.findall(r"{\w+", english[name])) == set(re.findall(r"{\w+", chinese[name])), (table, name)
    assert words("zh") is CHINESE
    assert words("en") is words("") is ENGLISH
