"""A record's page: what it says, what is folded, what is bounded; and that no text of a record does anything in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lxml.html import HtmlElement

from kb.catalog import Catalog
from kb.types import Event, FileChange, Link, Note, Quote, Record, Snapshot
from kb.web.reader import Reader
from kb.web.record_html import BODY, Opened, missing_html, open_record, permalink, record_html
from tests.records import REPO, commit, day, put, sha, thread
from tests.web_pages import EN, HOSTILE, ZH, by_class, inert, said

PATCH = """@@ -12,3 +12,4 @@ def route(table):
     rows
-    old = <b>
+    new = 1
+    more
     return
@@ -80 +81 @@
-a
+b
"""
LINKS = (Link("pull", f"pull:{REPO}#12"), Link("fixes", f"issue:{REPO}#404"))
FILES = (
    FileChange(path="src/route.py", old_path="src/way.py", status="R", additions=3, deletions=2, patch=PATCH),
    FileChange(path="logo.png", status="A", binary=True),
    FileChange(path="big.c", additions=9_000, truncated=True, patch="@@ -0,0 +1,2 @@\n+int a;\n+int b;\n"),
)
PAPER = Record(
    id="paper:arxiv:2602.02061",
    kind="paper",
    repo="",
    ref="2602.02061",
    title="Paging attention tables",
    body="We page tables.",
    author="A. Uthor",
    meta=(("author", "A. Uthor"), ("author", "B. Eta"), ("author", "C. Ache")),
    events=(Event("published", day(1)), Event("revised", day(5))),
    url="https://arxiv.org/abs/2602.02061",
    notes=tuple(Note(kind="page", at=day(1), text=f"Text of page {n}.", verdict=str(n)) for n in (1, 2)),
)


def shown(record: Record, **options: object) -> str:
    return record_html(Opened(record, "key"), EN, **options)  # type: ignore[arg-type]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(
            opened,
            commit(12, "Guard the table (#12)", files=FILES, links=LINKS),
            thread("pull", 12, "Guard the table", opened=10, merged=12),
            PAPER,
        )
        yield opened


def test_a_commit_says_what_it_is(catalog: Catalog) -> None:
    opened = open_record(catalog, f"commit:{REPO}@{sha(12)}")
    assert opened is not None
    tree = inert(record_html(opened, EN))
    head = said(by_class(tree, "kb-head")[0])
    assert head.startswith("Commit Guard the table ")
    assert f"kernels@{sha(12)[:7]} · {REPO} · by Ada · +9,003 −2 · 3 files" in head
    assert "landed 2026-02-13 (8 days ago)" in head
    assert [link.get("href") for link in tree.iter("a")] == [permalink(opened.record.id), opened.record.url]
    assert tree.find(".//time").get("title") == "2026-02-12 12:00 UTC"
    beside = said(by_class(tree, "kb-beside")[0])
    assert beside == "Beside it pull request kernels#12 Guard the table merged fixes kernels#404 (not stored)"


def test_a_store_without_the_record_says_what_to_do(catalog: Catalog) -> None:
    assert open_record(catalog, "commit:no/such@1") is None
    assert "There is no record “<b>”" in said(inert(missing_html("<b>", EN)))
    assert "没有记录" in said(inert(missing_html("<b>", ZH)))


def test_a_record_that_is_gone_says_so(catalog: Catalog) -> None:
    put(catalog, cursor="d", snapshot=Snapshot(frozenset()))
    opened = open_record(catalog, PAPER.id)
    assert opened is not None
    assert opened.gone
    assert "No source has this record any more" in said(inert(record_html(opened, EN)))


def test_every_file_is_in_the_table_and_folds() -> None:
    tree = inert(shown(commit(12, files=FILES)))
    rows = [[said(cell) for cell in row] for row in by_class(tree, "kb-files")[0].find("tbody")]
    assert rows == [
        ["src/route.py from src/way.py", "renamed", "+3 −2"],
        ["logo.png", "added", "binary"],
        ["big.c", "changed", "+9,000 −0"],
    ]
    assert [said(file.find("summary")) for file in by_class(tree, "kb-file")] == [
        "src/route.py from src/way.py +3 −2",
        "logo.png binary",
        "big.c +9,000 −0",
    ]
    assert "Only the beginning of this file's changes is stored." in said(tree)


def test_lines_have_the_numbers_of_both_files() -> None:
    tree = inert(shown(commit(12, files=FILES[:1])))
    lines = [_line(line) for line in by_class(tree, "kb-line")]
    assert lines == [
        ("hunk", "", "", "@@ -12,3 +12,4 @@ def route(table):"),
        ("same", "12", "12", "     rows"),
        ("del", "13", "", "-    old = <b>"),
        ("add", "", "13", "+    new = 1"),
        ("add", "", "14", "+    more"),
        ("same", "14", "15", "     return"),
        ("hunk", "", "", "@@ -80 +81 @@"),
        ("del", "80", "", "-a"),
        ("add", "", "81", "+b"),
    ]


def _line(line: HtmlElement) -> tuple[str, str, str, str]:
    """Kind, number in the old and in the new file, text."""
    old, new = (span.get("data-n") for span in line.findall("span"))
    return line.get("class").removeprefix("kb-line kb-"), old, new, line.find("code").text


def test_the_quoted_lines_are_open_marked_and_first() -> None:
    files = (*(FileChange(path=f"a{n}", patch=PATCH) for n in range(300)), FileChange(path="z", patch=PATCH))
    quote = Quote("-    old = <b>\n+    new = 1", "z", 13)
    tree = inert(shown(commit(12, files=files), quote=quote))
    first, second, *_ = by_class(tree, "kb-file")
    assert (first.find("summary").text_content().split()[0], first.get("open"), second.get("open")) == ("z", "", None)
    assert [mark.text for mark in tree.iter("mark")] == ["-    old = <b>", "+    new = 1"]
    assert by_class(tree, "kb-piece")[0].find("figcaption").text_content() == "z, line 13"


def test_lines_quoted_from_far_down_are_within_what_is_shown() -> None:
    patch = "@@ -1 +1,9000 @@\n" + "".join(f"+line {n}\n" for n in range(9_000))
    quote = Quote("+line 7000\n+line 7001", "a", 7001)
    tree = inert(shown(commit(12, files=(FileChange(path="a", patch=patch),)), quote=quote, lines=100))
    assert [mark.text for mark in tree.iter("mark")] == ["+line 7000", "+line 7001"]
    assert len(by_class(tree, "kb-line")) == 102  # with the two of the quote at the top


def test_a_long_change_is_bounded_and_more_can_be_asked_for() -> None:
    patch = "@@ -0,0 +1,50000 @@\n" + "".join(f"+a line of the file {n}\n" for n in range(50_000))
    long = commit(12, files=tuple(FileChange(path=f"f{n}", patch=patch) for n in range(3)))
    html = shown(long)
    tree = inert(html)
    assert len(html) < 500_000
    assert len(by_class(tree, "kb-line")) == 2_000
    (more,) = by_class(tree, "kb-more")
    assert more.text == "Show more (2,000 of 150,003 lines, 3.9 MB in all)"
    assert (more.get("data-more"), more.get("data-shown"), more.get("data-id")) == ("lines", "2000", long.id)
    assert len(by_class(inert(shown(long, lines=3_000)), "kb-line")) == 3_000


def test_a_line_of_megabytes_is_cut() -> None:
    html = shown(commit(12, files=(FileChange(path="f", patch="@@ -0,0 +1 @@\n+" + "x" * 2_000_000),)))
    assert len(html) < 10_000
    assert "… 1,999,601 more characters" in said(inert(html))


def test_thousands_of_files_are_counted_not_listed() -> None:
    html = shown(commit(12, files=tuple(FileChange(path=f"f{n}") for n in range(5_000))))
    assert "4,800 more files" in said(inert(html))
    assert len(html) < 300_000


def test_a_thread_shows_what_was_said() -> None:
    notes = (
        Note(kind="comment", at=day(11), author="Bo", text="I *see* it.", url="https://example.org/9#1"),
        Note(kind="review", at=day(12), text="Fine.", verdict="APPROVED"),
        Note(kind="review", at=day(13), author="Cy", text="", verdict="strange"),
    )
    issue = thread("issue", 9, "Crash", opened=9, closed=12, notes=notes, labels=("bug", "moe"), body="## Steps\n\n1. Run")
    tree = inert(shown(issue, quote=Quote("I *see* it.", note=notes[0])))
    comments = by_class(tree, "kb-comment")
    assert [said(comment) for comment in comments] == [
        "Bo 2026-02-12 I see it.",
        "Someone approved 2026-02-13 Fine.",
        "Cy 2026-02-14",
    ]
    assert "".join(mark.text for mark in comments[0].iter("mark")) == "I see it."
    assert said(by_class(tree, "kb-labels")[0]) == "bug moe"
    assert "Issue closed Crash" in said(tree)
    assert "Bo on 2026-02-12" in said(by_class(tree, "kb-quoted")[0])


def test_a_thread_of_ten_thousand_comments_is_bounded_but_for_the_quoted_one() -> None:
    notes = tuple(Note(kind="comment", at=day(1), author=f"p{n}", text=f"**{n}** " * 500) for n in range(10_000))
    issue = thread("issue", 9, "Long", opened=1, notes=notes)
    html = shown(issue, quote=Quote("**9999**", note=notes[9_999]))
    tree = inert(html)
    authors = [comment.find(".//strong").text for comment in by_class(tree, "kb-comment")]
    assert len(html) < 500_000
    assert authors[0] == "p0"
    assert authors[-1] == "p9999"
    (more,) = by_class(tree, "kb-more")
    assert more.text == f"Show more ({len(authors)} of 10,000)"
    assert len(by_class(inert(shown(issue, notes=200)), "kb-comment")) > 2 * len(authors)


def test_a_paper_has_its_abstract_its_pages_and_its_file() -> None:
    tree = inert(shown(PAPER, quote=Quote("Text of page 2.", note=PAPER.notes[1])))
    text = said(tree)
    assert "by A. Uthor and 2 more" in text
    assert "Abstract We page tables." in text
    assert [(page.find("summary").text, page.get("open")) for page in tree.iter("details")] == [
        ("Page 1", None),
        ("Page 2", ""),
    ]
    assert "https://arxiv.org/pdf/2602.02061" in [link.get("href") for link in tree.iter("a")]
    assert "Open at arxiv.org" in text


def test_a_release_shows_its_notes_and_a_tag_where_it_was_first() -> None:
    release = Record(id=f"release:{REPO}@v2", kind="release", repo=REPO, ref="v2", title="v2", body="### Fixes\n- One")
    assert "Release notes Fixes One" in said(inert(shown(release)))
    first = record_html(Opened(commit(1), "k", tag="v2"), EN)
    assert "first in v2" in said(inert(first))


def test_a_long_text_is_cut_and_says_so() -> None:
    tree = inert(shown(thread("issue", 9, "Long", opened=1, body="word " * 100_000)))
    assert f"The first {BODY:,} of 500,000 characters" in said(tree)


def test_a_record_of_nothing_is_still_a_page() -> None:
    bare = Record(id="post:feed:1", kind="post", repo="", ref="1", title="")
    assert said(inert(shown(bare))) == "Post (no title) key Link to this record Text There is no text."


@pytest.mark.parametrize("reader", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_record_does_anything(hostile: str, reader: Reader) -> None:
    note = Note(kind="comment", at=day(1), author=hostile, text=hostile, verdict=hostile, url=hostile)
    values = {"title": hostile, "body": hostile, "author": hostile, "url": hostile, "labels": (hostile,)}
    file = FileChange(path=hostile, old_path=hostile[:9], status=hostile[:1], patch=f"@@ -1 +1 @@\n+{hostile}")
    records = [
        replace(commit(1), files=(file,), **values),
        replace(thread("issue", 2, "", opened=1), notes=(note,), state=hostile, **values),
        replace(PAPER, notes=(replace(note, kind="page"),), **values),
        replace(PAPER, id="paper:arxiv:" + hostile[:30], kind="release", **values),
    ]
    for record in records:
        for quote in (Quote(hostile), Quote(hostile, hostile, 3), Quote(hostile, note=note)):
            html = record_html(Opened(record, hostile, tag=hostile), reader, quote=quote)
            inert(html)
