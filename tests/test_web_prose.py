"""HTML is built by one means, and Markdown of any origin becomes inert HTML."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from kb.web.answer_html import report_html
from kb.web.diff_html import hunk_html
from kb.web.markup import badge, chip, filled, icon, join, link, tag, text, visible
from kb.web.prose import Cited, foreign_markdown, foreign_text, own_markdown
from tests.records import commit, sha
from tests.web_pages import EN, HOSTILE, by_class, inert, parsed, said

RECORD = commit(1, "Guard the table")
KEY = f"kernels@{sha(1)[:7]}"
GOLDEN = Path(__file__).parent / "golden"
CITED = (Cited(KEY, RECORD.id, RECORD.url),)


def own(markdown: str) -> Markup:
    return own_markdown(markdown, CITED, table="Table", diff=lambda lines: hunk_html(lines, words=EN.ui))


def test_whatever_is_no_markup_is_escaped() -> None:
    assert (
        tag("p", "<b>", tag("i", "&"), title='"', hidden=True, class_=None)
        == '<p title="&#34;" hidden>&lt;b&gt;<i>&amp;</i></p>'
    )
    assert join(["<", None, Markup("<br>"), ""], "&") == "&lt;&amp;<br>"
    assert filled("<{a}> {b}", a="<", b=tag("br")) == "&lt;&lt;&gt; <br>"
    assert tag("span", "x", data_id="1", for_="y") == '<span data-id="1" for="y">x</span>'


@pytest.mark.parametrize("hostile", HOSTILE)
def test_small_pieces_are_inert(hostile: str) -> None:
    shown = text(hostile, limit=200)
    inert(join([badge(shown, "good", sign="check"), chip(text(hostile, limit=60), "id"), link(shown, hostile), visible(shown)]))


def test_links_lead_to_the_web_only() -> None:
    assert link("x", "javascript:alert(1)") == "x"
    assert link("x", "https://user@evil.example/") == "x"
    assert parsed(link("<x>", "https://example.org/?a=1&b=<2>")).find("a").get("href") == "https://example.org/?a=1&b=%3C2%3E"


def test_what_cannot_be_seen_in_code_is_shown_by_its_number() -> None:
    assert parsed(visible("a\u202eb\x1b[31m")).text_content() == "a⟨U+202E⟩b⟨U+001B⟩[31m"
    assert visible("a < b") == "a &lt; b"


def test_an_icon_there_is_not_draws_nothing() -> None:
    assert icon("no such") == ""
    assert parsed(icon("check")).find("svg").get("aria-hidden") == "true"


# --- our Markdown ----------------------------------------------------------------------------------------------------------


def test_citations_become_chips() -> None:
    tree = inert(own(f"### Fixes (1)\n\n- **Guard** ([`{KEY}`]({RECORD.url}), PR [#1](https://example.org/pull/1))\n"))
    (found,) = by_class(tree, "kb-chip")
    assert (found.tag, found.get("type"), found.get("data-key"), found.get("data-id")) == ("button", "button", KEY, RECORD.id)
    assert [element.text for element in tree.iter("a")] == ["#1"]
    assert said(tree) == f"Fixes (1) Guard ({KEY}, PR #1)"


@pytest.mark.parametrize(
    "fake",
    [
        f"[`{KEY}`](https://evil.example/)",  # leads elsewhere
        f"`{KEY}`",  # a quoted sentence may name a key
        f"[{KEY}]({RECORD.url})",
        f"[`kernels@0000000`]({RECORD.url})",
    ],
)
def test_what_only_looks_like_a_citation_is_none(fake: str) -> None:
    assert not by_class(inert(own(fake)), "kb-chip")


def test_a_record_without_an_address_is_cited_by_its_key_alone() -> None:
    cited = (Cited("local@1234567", "commit:local@1234567", "file:///etc/passwd"),)
    html = own_markdown("See `local@1234567`.", cited, table="", diff=lambda lines: Markup())
    assert len(by_class(inert(html), "kb-chip")) == 1


def test_hunks_and_tables_scroll_within_themselves() -> None:
    tree = inert(own("```diff\n-a\n+<b>\n```\n\n| Side | +/− |\n|---|---:|\n| x | 1 |\n"))
    regions = [element for element in tree.iter("div") if element.get("role") == "region"]
    assert [region.get("tabindex") for region in regions] == ["0", "0"]
    assert all(region.get("aria-label") for region in regions)
    assert [line.find("code").text for line in by_class(tree, "kb-line")] == ["-a", "+<b>"]
    assert len(list(tree.iter("table"))) == 1


# --- Markdown of records ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markdown_from_outside_is_inert(hostile: str) -> None:
    inert(foreign_markdown(hostile, quote=hostile))
    inert(own(hostile))
    inert(tag("div", foreign_text(hostile, quote=hostile[:50])))


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("`*_[]()<>#|~\\&@/\"'-+=!:; \n\tahrefjsc1"), max_size=80))
def test_markdown_of_any_marks_is_inert(markdown: str) -> None:
    inert(foreign_markdown(markdown, quote="a"))
    inert(own(markdown))


def test_the_form_of_markdown_is_kept() -> None:
    tree = inert(foreign_markdown("# Big\n\nIt **is** `x`, [there](https://example.org/a).\n\n<!-- hidden -->\n- one\n"))
    assert said(tree) == "Big It is x, there. one"
    assert [element.tag for element in tree] == ["h4", "p", "ul"]


@pytest.mark.parametrize(
    ("body", "quote", "marked"),
    [
        ("First. It is the reason. Last.", "It is the reason.", ["It is the reason."]),
        ("It **is the** reason", "It **is the** reason", ["It ", "is the", " reason"]),
        ("It\nis wrapped `here` now", "It is wrapped `here`", ["It", "is wrapped ", "here"]),
        ("Nothing of it", "Something else", []),
        ("Any text", " ", []),
    ],
)
def test_the_quoted_sentence_is_marked(body: str, quote: str, marked: list[str]) -> None:
    assert [element.text_content() for element in inert(foreign_markdown(body, quote=quote)).iter("mark")] == marked


def test_a_quote_in_plain_text_is_marked_where_its_lines_were_wrapped() -> None:
    tree = inert(foreign_text("Before. It was <wrapped>\n  here. After.", quote="It was <wrapped> here."))
    assert [mark.text for mark in tree.iter("mark")] == ["It was <wrapped>\n  here."]


@pytest.mark.parametrize("mark", ["[", "![", "`a", "*a **a ", "> ", "[a](", "|a|b|\n|-|-|\n", "<!--", "a_b_", "(("])
def test_no_markdown_takes_long(mark: str) -> None:
    started = time.process_time()
    foreign_markdown((mark * 30_000)[:30_000], quote="a b")
    assert time.process_time() - started < 3


@pytest.mark.parametrize("page", sorted(GOLDEN.glob("*.md")), ids=lambda page: page.stem)
def test_a_whole_report_is_shown_with_its_citations(page: Path) -> None:
    markdown = page.read_text(encoding="utf-8")
    cited = {key: Cited(key, f"id of {key}", url) for key, url in re.findall(r"\[`([^`]+)`\]\((https://[^)]+)\)", markdown)}
    tree = inert(report_html(markdown, cited.values(), EN))
    assert "<!-- infra-kb" not in said(tree)
    assert {chip.get("data-key") for chip in by_class(tree, "kb-chip")} == set(cited)
