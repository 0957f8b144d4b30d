"""Answers about issues, pull requests, releases and papers: their history, and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.types import Answer, Event, Found, Hit, LedgerRow, Link, Note, Quote, Record, Scope, Tag, Window
from tests.answering import NEEDLE, NOW, WEEK, Everything, ask, headings, judged, line_of
from tests.records import REPO, commit, day, put, sha, thread

SAID = Note(kind="comment", at=day(11), author="Bo <b>", text="It needs 2 pages.", url="https://example.org/9#1")
ISSUE = thread("issue", 9, "Crash with an empty table", opened=9, closed=12, notes=(SAID,), author="Eve")
PAGE = Note(kind="page", at=day(1), text="Tables are paged in 64 kB.", verdict="3", url="https://example.org/paper.pdf#page=3")
PAPER = Record(
    id="paper:arxiv:2602.02061",
    kind="paper",
    repo="",
    ref="2602.02061",
    title="Paging attention tables",
    body="We page tables. Decoding gets 2.5x faster.",
    author="A. Uthor",
    meta=(("author", "A. Uthor"), ("author", "B. Eta")),
    events=(Event("published", day(1)), Event("revised", day(5))),
    url="https://arxiv.org/abs/2602.02061",
    notes=(PAGE,),
)
RELEASE = Record(
    id=f"release:{REPO}@v2",
    kind="release",
    repo=REPO,
    ref="v2",
    title="Version 2",
    body="Tables are guarded.",
    author="Ada",
    events=(Event("released", day(15)),),
)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        put(
            opened,
            commit(12, "Guard the table (#12)", links=(Link("pull", f"pull:{REPO}#12"),)),
            thread("pull", 12, "Guard the table", opened=10, merged=12, body="Fixes #9, after arXiv:2602.02061. Closes #404."),
            ISSUE,
            thread("issue", 8, "Is it alike?", opened=11, body="Perhaps #9."),
            thread("pull", 14, "Waiting", opened=13),
            thread("pull", 15, "Elsewhere", opened=13, merged=14),
            PAPER,
            RELEASE,
            tags=(Tag("v2", sha(12), day(14), previous="v1", commits=(sha(12),), beyond=3), Tag("v1", sha(1), day(1))),
        )
        yield opened


def about(catalog: Catalog, id: str, question: str, quote: Quote = Quote(""), **options: object) -> Answer:  # noqa: B008
    """The answer to a question that one record answers."""
    record = catalog.record(id)
    assert record is not None

    class One:
        def find(self, scope: Scope, *, limit: int = 10) -> Found:
            return Found(hits=(Hit(record, 1.0, quote),), in_window=8)

    scope = replace(NEEDLE, question=question, topic="")
    found = ask(catalog, scope, judged("answered", 0), searcher=One(), **options)
    assert found.removed == 0
    return found


def test_each_kind_stands_under_its_heading_and_each_change_once(catalog: Catalog) -> None:
    found = ask(catalog, replace(WEEK, repos=()))
    assert headings(found.text) == [
        "Releases (1)",
        "Other (2)",
        "Pull requests that are not merged (1)",
        "Issues (2)",
        "Papers (1)",
    ]
    assert found.removed == 0
    assert (found.coverage.matched, found.coverage.listed, found.coverage.in_window) == (7, 7, 7)
    assert f"commit:{REPO}@{sha(12)}" in found.matched
    assert f"pull:{REPO}#12" not in found.matched


def test_lines_tell_the_history_of_a_thread(catalog: Catalog) -> None:
    text = ask(catalog, replace(WEEK, repos=())).text
    assert line_of(text, "**Waiting**").endswith("· opened 2026-02-14 by Ada, still open")
    assert line_of(text, "**Elsewhere**").endswith("· opened 2026-02-14 by Ada, merged 2026-02-15")
    assert line_of(text, "**Crash with").endswith("· opened 2026-02-10 by Eve, closed 2026-02-13")
    assert line_of(text, "**Paging").endswith("· published 2026-02-02 by A. Uthor et al., revised 2026-02-06")
    assert "4 commits since v1, 3 of them not stored" in line_of(text, "**Version 2**")


def test_lines_name_what_was_fixed_and_after_which_paper(catalog: Catalog) -> None:
    text = ask(catalog, replace(WEEK, repos=())).text
    line = line_of(text, "**Guard the table**")
    assert "· fixes [`kernels#9`](https://example.org/acme/kernels/issues/9), #404 ·" in line
    assert "· paper [`arXiv:2602.02061`]" in line
    assert f"fixed by [`kernels#12`](https://example.org/acme/kernels/pull/12), [`kernels@{sha(12)[:7]}`]" in line_of(
        text, "**Crash"
    )


def test_a_pull_request_shows_the_files_of_the_commit_it_landed_as(catalog: Catalog) -> None:
    line = line_of(ask(catalog, replace(WEEK, kinds=("pull",))).text, "**Guard the table**")
    assert f"landed as [`kernels@{sha(12)[:7]}`]" in line
    assert "`src/part12.py` +1/−0" in line


def test_the_event_that_is_asked_for_places_a_record(catalog: Catalog) -> None:
    week = replace(WEEK, window=Window(day(12), day(13)), kinds=("issue",))
    assert ask(catalog, week).coverage.matched == 0
    found = ask(catalog, replace(week, events=("closed",)))
    assert found.matched == (ISSUE.id,)
    assert found.text.split("\n")[0].endswith("· **Only** closed")


def test_what_was_not_known_yet_is_not_told(catalog: Catalog) -> None:
    then = day(11.5)
    scope = replace(WEEK, repos=(), window=Window(day(0), then), as_of=then)
    text = ask(catalog, scope, now=then).text
    assert line_of(text, "**Crash with").endswith("· opened 2026-02-10 by Eve, still open")
    assert line_of(text, "**Guard the table**").endswith("· opened 2026-02-11 by Ada, still open")
    assert "fixed by [`kernels#12`]" in text
    assert sha(12)[:7] not in text
    assert "Version 2" not in text


def test_what_stands_beside_a_record_has_its_own_lines(catalog: Catalog) -> None:
    text = about(catalog, ISSUE.id, "What is issue #9 about?", Quote(SAID.text, note=SAID)).text
    assert "[Bo &lt;b> on 2026-02-12:](https://example.org/9#1)\n\n> It needs 2 pages." in text
    assert line_of(text, "- Fixed by: **Guard the table** ([`kernels#12`]").endswith("· opened 2026-02-11, merged 2026-02-13")
    assert line_of(text, f"- Fixed by: **Guard the table** ([`kernels@{sha(12)[:7]}`]").endswith("landed 2026-02-13")
    assert line_of(text, "- Mentioned by: **Is it alike?**").endswith("· opened 2026-02-12, still open")


def test_what_is_not_stored_is_named_by_its_number(catalog: Catalog) -> None:
    found = about(catalog, f"commit:{REPO}@{sha(12)}", "Which commit?")
    assert "- Fixes: #404 (not stored)" in found.text
    assert "- Fixes: **Crash with an empty table**" in found.text
    assert "- Pull" not in found.text  # it stands in the line itself


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("When was issue #9 closed?", "- Closed 2026-02-13 00:00 (UTC): "),
        ("When was issue #9 opened?", "- Opened 2026-02-10 00:00 (UTC): "),
    ],
)
def test_when_is_answered_with_the_event_that_is_asked_for(catalog: Catalog, question: str, start: str) -> None:
    assert line_of(about(catalog, ISSUE.id, question).text, "**Crash").startswith(start)


def test_github_closes_what_it_merges(catalog: Catalog) -> None:
    assert "- Merged 2026-02-13" in about(catalog, f"pull:{REPO}#12", "When was PR #12 closed?").text


def test_a_paper_is_cited_by_page(catalog: Catalog) -> None:
    found = about(catalog, PAPER.id, "How large are pages?", Quote(PAGE.text, note=PAGE))
    assert "[Page 3:](https://example.org/paper.pdf#page=3)\n\n> Tables are paged in 64 kB." in found.text


def test_a_release_says_how_many_commits_it_has_and_lists_those_that_are_stored(catalog: Catalog) -> None:
    window = Window(day(1), day(14), "v2", releases=(RELEASE.id,))
    found = ask(catalog, replace(WEEK, window=window, repos=(), kinds=("commit", "pull", "release")))
    assert "Commits in v2 that v1 has not: 4. Of these 3 not stored" in found.text
    assert set(found.matched) >= {RELEASE.id, f"commit:{REPO}@{sha(12)}"}


def test_sources_are_named_where_they_give_what_is_asked_for(catalog: Catalog) -> None:
    rows = [
        LedgerRow(source="threads", use="github_threads", repo=REPO, kinds=("issue", "pull"), status="failed", error="503"),
        LedgerRow(source="arxiv", use="arxiv_papers", repo="", kinds=("paper",), status="failed", error="HTML"),
        LedgerRow(source="git", use="git_commits", repo=REPO, kinds=("commit",), status="ok", last_success=NOW),
    ]

    def named(scope: Scope) -> list[str]:
        return [row.source for row in ask(catalog, scope, ledger=rows).ledger]

    assert named(replace(WEEK, repos=())) == ["threads", "arxiv", "git"]
    assert named(WEEK) == ["threads", "git"]
    assert named(replace(WEEK, kinds=("commit",))) == ["git"]
    assert named(replace(WEEK, repos=(), kinds=("paper",))) == ["arxiv"]
    assert "threads could not be read" in ask(catalog, WEEK, ledger=rows).text


def test_chinese(catalog: Catalog) -> None:
    text = ask(catalog, replace(WEEK, repos=()), language="zh").text
    assert line_of(text, "**Waiting**").endswith("2026 年 2 月 14 日创建，作者 Ada，未关闭")
    assert "v1" in line_of(text, "**Version 2**")
    assert ask(catalog, replace(WEEK, repos=()), language="zh", searcher=Everything(catalog)).removed == 0
