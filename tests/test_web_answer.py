"""An answer in a browser: chips, badges, evidence; comparisons; in both languages; with hostile records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from benchmarks import gallery
from kb.catalog import Catalog
from kb.compare import compare
from kb.types import Answer, Coverage, FileChange, LedgerRow, ModelUse, Note, Quote, Window
from kb.web.answer_html import EVIDENCE, answer_html, evidence_card
from kb.web.reader import Reader
from tests.answering import NEEDLE, NOW, WEEK, Everything, ask, by_topic, judged
from tests.records import REPO, commit, day, put, sha, thread
from tests.web_pages import EN, HOSTILE, ZH, by_class, inert, said

PATCH = "@@ -1,2 +1,2 @@\n-old\n+new\n"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(
            opened,
            commit(1, "Fix the table (#1)", body="It read past the end."),
            commit(2, "feat: pages", files=(FileChange(path="src/a.py", additions=1, deletions=1, patch=PATCH),)),
            thread("issue", 9, "Crash", opened=3),
        )
        yield opened


def test_each_line_keeps_its_heading_and_its_chip(catalog: Catalog) -> None:
    answer = ask(catalog, replace(WEEK, repos=()))
    parts = answer_html(answer, EN)
    body = inert(parts.body)
    assert [heading.text for heading in body.iter("h3")] == ["Features (1)", "Fixes (1)", "Issues (1)"]
    chips = by_class(body, "kb-chip")
    assert [chip.get("data-id") for chip in chips] == [item.record.id for item in answer.evidence]
    assert [chip.text for chip in chips] == [f"kernels@{sha(2)[:7]}", f"kernels@{sha(1)[:7]}", "kernels#9"]
    scope = said(inert(parts.scope))
    assert scope.startswith("Window 2026-02-01 until now, 2026-02-21 00:00 (UTC; “since 1 February”) · Repositories all")
    assert "Window" not in said(body)
    assert answer.head in answer.text
    assert "3 of 3 matching" in answer.head
    assert "3 of 3 matching" not in said(inert(parts.scope))  # the badges say it


def test_badges_say_how_it_went(catalog: Catalog) -> None:
    ledger = (
        LedgerRow(source="git", use="git_commits", repo=REPO, status="ok", last_success=NOW),
        LedgerRow(source="threads", use="github_threads", repo=REPO, status="failed", error="threads: 500"),
    )
    answer = ask(catalog, WEEK, ledger=ledger, searcher=Everything(catalog, degraded="no vectors"))
    shown = said(inert(answer_html(replace(answer, removed=2), EN).summary))
    assert shown == (
        "Answered 3 of 3 matching records listed 3 records in scope 2 left out: not verified Searched with less than usual"
        " Sources with problems: threads"
    )
    use = ModelUse(name="<b>llama</b>", read=3, requests=2, cached=1, seconds=4.2)
    asked = inert(answer_html(replace(answer, model=use), EN).summary)
    assert "With <b>llama</b>" in said(asked)
    assert "3 records read, 2 requests, 1 answered before, 4 s" in [element.get("title") for element in asked.iter("span")]
    partial = replace(answer, status="partial", ledger=(), degraded="", coverage=Coverage(3, 2, 3))
    assert (
        said(inert(answer_html(partial, ZH).summary)) == "最接近的匹配，未经确认 列出 3 条匹配记录中的 2 条 范围内共 3 条记录"
    )


def test_nothing_found_has_no_evidence_and_says_what_was_looked_at(catalog: Catalog) -> None:
    parts = answer_html(ask(catalog, NEEDLE, judged("abstained")), EN)
    assert "No answer" in said(inert(parts.summary))
    assert "records were looked at" in said(inert(parts.body))


def test_the_evidence_shows_what_is_quoted(catalog: Catalog) -> None:
    hunk = Quote("-old\n+new", "src/a.py", 1)
    quotes = {commit(2).id: hunk, commit(1).id: Quote("It read past the end."), f"issue:{REPO}#9": Quote("Crash")}
    answer = ask(catalog, replace(WEEK, repos=()), searcher=Everything(catalog, quotes))
    tree = inert(answer_html(answer, EN).evidence)
    cards = [said(card) for card in by_class(tree, "kb-card")]
    assert cards == [
        f"kernels@{sha(2)[:7]} Commit feat: pages 2026-02-03 · by Ada · +1 −1 src/a.py, line 1 -old +new",
        f"kernels@{sha(1)[:7]} Commit Fix the table 2026-02-02 · by Ada · +1 −0 It read past the end.",
        "kernels#9 Issue open Crash 2026-02-04 · by Ada",
    ]


def test_more_evidence_than_fits_is_counted(catalog: Catalog) -> None:
    answer = ask(catalog)
    many = replace(answer, evidence=answer.evidence * 40)
    tree = inert(answer_html(many, EN).evidence)
    assert len(by_class(tree, "kb-card")) == EVIDENCE
    assert f"{len(many.evidence) - EVIDENCE} more are cited in the answer." in said(tree)


def test_no_evidence_says_how_to_see_some(catalog: Catalog) -> None:
    assert "Choose a citation" in said(inert(answer_html(replace(ask(catalog), evidence=()), EN).evidence))


def test_a_comparison_keeps_its_table_and_its_sides(catalog: Catalog) -> None:
    sides = tuple(
        replace(WEEK, window=Window(day(start), day(start + 1.5), name)) for start, name in ((0, "first"), (1.6, "then"))
    )
    answer = compare(
        replace(WEEK, intent="compare", sides=sides),
        catalog=catalog, searcher=Everything(catalog), judge=by_topic, now=NOW, zone=UTC, ledger=(),
    )  # fmt: skip
    parts = answer_html(answer, EN)
    (table,) = inert(parts.scope).iter("table")
    assert [said(row)[:5] for row in table.find("tbody")] == ["first", "then "]
    assert [heading.text for heading in inert(parts.body).iter("h2")] == ["first", "then"]
    assert "kernels@" in said(inert(parts.whole))


def test_an_answer_without_a_head_is_shown_whole(catalog: Catalog) -> None:
    answer = replace(ask(catalog), head="")
    parts = answer_html(answer, EN)
    assert parts.scope == ""
    assert "Window" in said(inert(parts.body))


def test_the_language_of_an_answer_is_told_to_who_reads_it_aloud(catalog: Catalog) -> None:
    tree = inert(answer_html(ask(catalog, language="zh"), ZH).body)
    assert tree.find("div").get("lang") == "zh"
    assert "新功能（1）" in said(tree)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_record_does_anything_in_an_answer(tmp_path: Path, hostile: str) -> None:
    note = Note(kind="comment", at=day(4), author=hostile, text=hostile or ".", url=hostile)
    file = FileChange(path=hostile[:900].replace("\0", ""), additions=1, patch=f"@@ -1 +1 @@\n+{hostile}")
    values = {"body": f"{hostile}. It fixes 3 things, as {hostile[:100]} says.", "author": hostile, "url": hostile}
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(
            catalog,
            commit(1, hostile, files=(file,), **values),
            thread("issue", 9, hostile, opened=3, notes=(note,), labels=(hostile,)),
        )
        (stored,) = catalog.records(list(catalog.docs([f"issue:{REPO}#9"]).values()))
        said_there = Quote(stored.notes[0].text, note=stored.notes[0])
        quotes = {commit(1).id: Quote(f"+{hostile}", file.path, 1), stored.id: said_there}
        answers: list[Answer] = [
            ask(catalog, replace(WEEK, repos=()), searcher=Everything(catalog, quotes)),
            ask(catalog, replace(NEEDLE, question=hostile), judged("answered", 0), searcher=Everything(catalog, quotes)),
        ]
    row = LedgerRow(source=hostile, use="x", repo=hostile, status="failed", error=hostile)
    for answer in answers:
        for reader in (EN, ZH):
            parts = answer_html(replace(answer, ledger=(row,), degraded=hostile), reader)
            inert(parts.whole)
            inert(parts.evidence)
            for item in answer.evidence:
                inert(evidence_card(item, reader))


@pytest.mark.parametrize("reader", [EN, ZH], ids=["en", "zh"])
def test_every_piece_of_the_gallery_is_inert(tmp_path: Path, reader: Reader) -> None:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, *gallery.records())
        for name, html in gallery.pieces(catalog, reader):
            assert said(inert(html)), name
        page = gallery.page(catalog, reader, dark=True)
        assert "cdn.plot.ly" not in page.partition("<main")[2]
