"""Searching a store with threads: a commit by its pull request's words, what fixed an issue, each change once, as of a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.types import Event, Link, Note, Quote, Record, Window
from tests.indexing import RECORDS, Library, found_titles, library
from tests.records import REPO, commit, day, put, sha, thread

COMMIT, PULL, ISSUE = f"commit:{REPO}@{sha(21)}", f"pull:{REPO}#50", f"issue:{REPO}#49"
STORY = "Decoding returned garbage after the second request when the scratch buffer was reused by another stream."
COMMENT = Note(kind="comment", at=day(20), author="Bo", text="Setting CUDA_LAUNCH_BLOCKING hides it, so a stream races.")
PAGE = Note(kind="page", at=day(2), text="Our paging granularity is sixty-four kilobytes.", verdict="3")
PAPER = Record(
    id="paper:arxiv:2602.02061",
    kind="paper",
    repo="",
    ref="2602.02061",
    title="Paged tables for attention",
    body="We study page tables.",
    events=(Event("published", day(2)),),
    notes=(PAGE,),
)
THREADS = (
    commit(21, "Small clean-up (#50)", body="", links=(Link("pull", PULL),)),
    thread("pull", 50, "Small clean-up", opened=19, merged=21, body=f"{STORY}\n\nFixes #49."),
    thread("issue", 49, "Nonsense tokens on the second call", opened=18, closed=21, notes=(COMMENT,)),
    thread("issue", 48, "Please document the routing workspace", opened=17),
    thread("pull", 51, "Waiting: larger tiles for softmax", opened=22),
    PAPER,
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with library(tmp_path_factory.mktemp("threads")) as made:
        put(made.catalog, *RECORDS, *THREADS)
        made.indexer.index()
        yield made


def ids(shelf: Library, question: str, **scope: object) -> list[str]:
    found = shelf.search.find(replace(shelf.scope(question), **scope))  # type: ignore[arg-type]
    return [hit.record.id for hit in found.hits]


def test_a_commit_that_says_nothing_is_found_by_the_words_of_its_pull_request(shelf: Library) -> None:
    assert ids(shelf, "Which commit fixed garbage from a scratch buffer that another stream reused?")[0] == COMMIT


def test_and_by_the_words_of_the_issue_that_it_fixes(shelf: Library) -> None:
    assert ids(shelf, "Which commit fixed the nonsense tokens on the second call?")[0] == COMMIT


def test_without_those_words_it_is_not(shelf: Library, tmp_path: Path) -> None:
    with library(tmp_path) as bare:
        put(bare.catalog, *RECORDS, THREADS[0])
        bare.indexer.index()
        assert ids(bare, "Which commit fixed garbage from a scratch buffer that another stream reused?")[0] != COMMIT


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which commit fixed issue #49?", [COMMIT]),
        ("Which PR fixed #49?", [PULL]),
        ("What fixed #49?", [PULL, COMMIT]),
        ("哪个提交修复了 issue #49？", [COMMIT]),
        ("Which issue does #50 fix?", [ISSUE]),
        ("What is issue #49 about?", [ISSUE]),
        ("Which commit implements arXiv:2602.02061?", []),
    ],
)
def test_a_question_about_a_thread_finds_what_it_asks_for(shelf: Library, question: str, expected: list[str]) -> None:
    assert ids(shelf, question)[: len(expected)] == expected


def test_what_fixed_an_issue_that_is_not_stored_is_known_from_the_commit(shelf: Library) -> None:
    put(shelf.catalog, commit(23, "Bound the loop", body="Fixes #777.", links=()), cursor="more")
    assert ids(shelf, "Which commit fixed issue #777?")[0] == f"commit:{REPO}@{sha(23)}"


def test_each_change_is_found_once_unless_pull_requests_are_asked_for(shelf: Library) -> None:
    found = ids(shelf, "What changed since 1 February 2026?")
    assert COMMIT in found
    assert not {PULL, ISSUE} & set(found)
    assert PULL in ids(shelf, "Which PRs were merged since 1 February 2026?")


def test_states_and_events(shelf: Library) -> None:
    assert ids(shelf, "open issues") == [f"issue:{REPO}#48"]
    assert ids(shelf, "open PRs") == [f"pull:{REPO}#51"]
    assert ids(shelf, "issues closed since 20 February 2026") == [ISSUE]
    assert set(ids(shelf, "issues opened since 1 February 2026")) == {ISSUE, f"issue:{REPO}#48"}


def test_a_record_is_found_as_it_was_on_the_day_of_the_question(shelf: Library) -> None:
    then = day(19.5)
    window = Window(None, then)
    found = shelf.search.find(replace(shelf.scope("What is issue #49 about?"), window=window, as_of=then))
    assert found.hits[0].record.state == "open"
    assert found.hits[0].record.notes == ()
    assert ids(shelf, "Which commit fixed issue #49?", window=window, as_of=then)[:1] != [COMMIT]


def test_what_others_said_is_quoted_with_who_said_it(shelf: Library) -> None:
    found = shelf.find("Which issue mentions that CUDA_LAUNCH_BLOCKING hides it?")
    hit = next(hit for hit in found.hits if hit.record.id == ISSUE)
    assert hit.quote == Quote(COMMENT.text, note=COMMENT)


def test_a_paper_is_found_by_a_word_of_a_page_and_quoted_from_it(shelf: Library) -> None:
    found = shelf.find("Which paper has a paging granularity of sixty-four kilobytes?")
    assert found_titles(found)[0] == PAPER.title
    assert found.hits[0].quote == Quote(PAGE.text, note=PAGE)


def test_a_word_that_only_a_diff_or_a_page_holds_names_what_holds_it(shelf: Library) -> None:
    assert found_titles(shelf.find("new_routing"))[0].startswith("Add MoE routing")
    assert found_titles(shelf.find("launch"))[0].startswith("Add MoE routing")  # within launch_moe, of a hunk's context
    assert found_titles(shelf.find("granularity"))[0] == PAPER.title
