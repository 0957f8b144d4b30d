"""Answers from a real store: complete, grouped, cited, verified; and honest where there is nothing to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kb.catalog import Catalog
from kb.types import Batch, Coverage, Event, FileChange, Found, Link, Quote, Scope, Tag, Window
from tests.answering import FIX, NEEDLE, WEEK, Everything, ask, headings, judged, key, line_of, merged
from tests.records import REPO, commit, day, put, sha

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


# --- windows ----------------------------------------------------------------------------------------------------------------


def test_every_record_of_the_window_is_listed_in_groups(catalog: Catalog) -> None:
    titles = [
        "docs: tell of plan()",
        "fix: wrong mask",
        "feat: add a sampler",
        "perf: speed up decode",
        'Revert "feat: x"',
        "ci: retry",
    ]
    put(catalog, *(commit(number + 1, title) for number, title in enumerate(titles)), commit(30, "after the window"))
    found = ask(catalog)
    assert found.status == "answered"
    assert headings(found.text) == [
        "Reverts and breaking changes (1)",
        "Features (1)",
        "Fixes (1)",
        "Performance (1)",
        "Documentation (1)",
        "CI and build (1)",
    ]
    assert "6 of 6 matching, 6 in the window." in found.text
    assert (found.coverage.matched, found.coverage.listed, found.coverage.in_window) == (6, 6, 6)
    assert [evidence.key for evidence in found.evidence] == [key(number) for number in (5, 3, 2, 4, 1, 6)]
    assert len(found.claims) == 6
    assert found.removed == 0


def test_a_line_says_what_when_who_where_and_how_much(catalog: Catalog) -> None:
    files = (
        FileChange(path="tests/test_moe.py", additions=90, deletions=1),
        FileChange(path="src/moe_kernel.cu", additions=40, deletions=10),
        FileChange(path="src/moe.h", additions=2, deletions=2),
        FileChange(path="docs/moe.md", additions=1),
    )
    record = commit(
        3,
        "perf: fuse the moe_epilogue (#3)",
        body="Hi all!\n\nFolding the scale into `moe_epilogue` makes decode 1.4x faster on H100.\n\nIs that fine?\n",
        url=f"https://github.com/acme/kernels/commit/{sha(3)}",
        files=files,
    )
    put(catalog, record, tags=(Tag("v0.6.2", sha(9), day(9)),), first_tags={record.id: "v0.6.2"})
    line = line_of(ask(catalog, zone=BERLIN).text, "moe_epilogue")
    assert line == (
        f"- **perf: fuse the moe_epilogue** ([`{key(3)}`](https://github.com/acme/kernels/commit/{sha(3)}),"
        " PR [#3](https://github.com/acme/kernels/pull/3))"
        " — Folding the scale into `moe_epilogue` makes decode 1.4x faster on H100."
        " · `src/moe_kernel.cu` +40/−10, `src/moe.h` +2/−2, `tests/test_moe.py` +90/−1 and 1 more"
        " · +133/−13 in 4 files · landed 2026-02-04 by Ada · first in v0.6.2"
    )


def test_dates_are_days_of_the_asker(catalog: Catalog) -> None:
    put(catalog, commit(3, events=(Event("landed", datetime(2026, 2, 3, 23, 30, tzinfo=UTC)),)))
    assert "landed 2026-02-03" in ask(catalog).text
    assert "landed 2026-02-04" in ask(catalog, zone=BERLIN).text


def test_a_pull_request_is_named_only_where_there_is_one(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: of issue #77", links=()), commit(2, "fix: of a pull (#2)"))
    text = ask(catalog).text
    assert "PR" not in line_of(text, key(1))
    assert "https://example.org/acme/kernels/pull/2" in line_of(text, key(2))


def test_nightly_tags_and_tags_after_the_horizon_stay_out_of_lists(catalog: Catalog) -> None:
    tags = (Tag("nightly-1", sha(1), day(2)), Tag("v1", sha(2), day(25)))
    put(catalog, commit(1), commit(2), tags=tags, first_tags={commit(1).id: "nightly-1", commit(2).id: "v1"})
    assert "first in" not in ask(catalog).text
    assert "first in v1" in ask(catalog, now=day(26)).text


def test_a_long_list_stays_whole_and_gets_shorter_lines(catalog: Catalog) -> None:
    put(
        catalog,
        *(
            commit(number, f"feat: part {number}", repo=REPO, events=(Event("landed", day(number / 10)),))
            for number in range(75)
        ),
    )
    found = ask(catalog)
    lines = [line for line in found.text.split("\n") if line.startswith("- ")]
    assert len(lines) == 75
    assert all(found.text.count(f"`{key(number)}`") == 1 for number in range(75))
    assert sum(" by Ada" in line for line in lines) == 60
    assert "75 of 75 matching" in found.text


def test_facets_and_topic_narrow_together(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: moe routing"), commit(2, "feat: moe routing"), commit(3, "fix: the sampler"))
    fixes = ask(catalog, replace(WEEK, facets=("fix",)))
    assert [evidence.key for evidence in fixes.evidence] == [key(3), key(1)]
    moe = ask(catalog, replace(WEEK, topic="moe"))
    assert {evidence.key for evidence in moe.evidence} == {key(1), key(2)}
    assert moe.confidence == 0.8
    both = ask(catalog, replace(WEEK, topic="moe", facets=("fix",)))
    assert [evidence.key for evidence in both.evidence] == [key(1)]
    assert "1 of 1 matching, 3 in the window." in both.text


def test_a_search_that_gives_less_than_the_window_says_so(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2), commit(3))

    class Short(Everything):
        def find(self, scope: Scope, *, limit: int = 10) -> Found:
            return super().find(scope, limit=2)

    found = ask(catalog, searcher=Short(catalog, degraded="no vectors yet"))
    text = found.text
    assert (found.status, found.coverage) == ("partial", Coverage(matched=3, listed=2, in_window=3))
    assert "2 of 3 matching, 3 in the window." in text
    assert "The search returned 2 of the 3 records in the window" in text
    assert "Searched with less than usual: no vectors yet." in text


def test_what_many_records_are_looked_through_for_is_whole(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.sets.WHOLE_WINDOW", 2)
    put(catalog, commit(1, "fix: one"), commit(2, "feat: two"), commit(3, "fix: three"))

    class Limited(Everything):
        def find(self, scope: Scope, *, limit: int = 10) -> Found:
            found = super().find(scope, limit=limit)
            return replace(found, hits=found.hits[:limit])

    fixes = ask(catalog, replace(WEEK, facets=("fix",)), searcher=Limited(catalog))
    assert (fixes.status, fixes.coverage) == ("answered", Coverage(matched=2, listed=2, in_window=3))
    assert "The search returned" not in fixes.text


def test_two_repositories_of_one_name_are_told_apart(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2, repo="other/kernels"))
    text = ask(catalog, replace(WEEK, repos=())).text
    assert f"`acme/{key(1)}`" in text
    assert f"`other/{key(2)}`" in text


# --- merges -----------------------------------------------------------------------------------------------------------------


def test_what_a_merge_brought_stands_below_it_each_once(catalog: Catalog) -> None:
    put(catalog, *merged(5, 2, 3), commit(7, "fix: alone"))
    found = ask(catalog)
    lines = found.text.split("\n")
    at = lines.index(line_of(found.text, key(5)))
    assert lines[at].startswith("- **Merge branch 'x' into main**")
    assert {lines[at + 1][:21], lines[at + 2][:21]} == {"  - **feat: piece 2**", "  - **feat: piece 3**"}
    assert all(found.text.count(f"`{key(number)}`") == 1 for number in (2, 3, 5, 7))
    assert found.coverage.listed == found.coverage.matched == 4
    assert headings(found.text) == ["Features (3)", "Fixes (1)"]


def test_a_merge_of_one_commit_is_one_line_for_both(catalog: Catalog) -> None:
    put(catalog, *merged(5, 2))
    found = ask(catalog)
    line = line_of(found.text, key(5))
    assert line.startswith("- **feat: piece 2**")
    assert key(2) in line
    assert "merged by" in line
    assert found.claims[0].keys == (key(5), key(2))
    assert len(found.claims) == 1
    assert "2 of 2 matching" in found.text


@pytest.mark.parametrize("pieces", [(2,), (2, 3)])
def test_a_commit_that_another_branch_stored_as_its_own_is_told_once(catalog: Catalog, pieces: tuple[int, ...]) -> None:
    merge, *brought = merged(5, *pieces)
    put(catalog, merge, *(replace(piece, links=()) for piece in brought))
    found = ask(catalog)
    assert found.text.count(f"`{key(2)}`") == 1
    assert found.coverage.matched == found.coverage.listed == 1 + len(pieces)


def test_without_its_merge_a_commit_stands_for_itself(catalog: Catalog) -> None:
    put(catalog, *merged(5, 2, 3))
    found = ask(catalog, replace(WEEK, topic="piece 2"))
    assert line_of(found.text, key(2)).startswith("- **feat: piece 2**")
    assert "1 of 1 matching, 3 in the window." in found.text


def test_a_merged_pull_request_is_called_by_its_title(catalog: Catalog) -> None:
    put(catalog, *merged(5, 2, 3, title="Merge pull request #13 from ada/patch-1", body="perf: faster tile search\n\nMore."))
    found = ask(catalog)
    assert line_of(found.text, key(5)).startswith("- **perf: faster tile search**")
    assert headings(found.text) == ["Performance (3)"]


# --- reverts ----------------------------------------------------------------------------------------------------------------


def test_a_revert_stands_with_what_it_reverted(catalog: Catalog) -> None:
    first = commit(1, "feat: add a sampler (#1)")
    second = commit(6, "Back out the sampler", links=(Link("reverts", first.id),))
    put(catalog, first, second)
    found = ask(catalog, replace(WEEK, window=Window(day(5), day(20))))
    line = line_of(found.text, "Back out the sampler")
    assert f"reverts “feat: add a sampler” [`{key(1)}`]" in line
    assert "(landed 2026-02-02)" in line
    assert found.claims[0].keys == (key(6), key(1))
    assert {evidence.record.id for evidence in found.evidence} == {first.id, second.id}
    assert headings(found.text) == ["Reverts and breaking changes (1)"]


def test_what_was_reverted_later_says_so_within_the_horizon(catalog: Catalog) -> None:
    first = commit(1, "feat: add a sampler")
    put(catalog, first, commit(6, 'Revert "feat: add a sampler"', links=(Link("reverts", first.id),)))
    early = replace(WEEK, window=Window(day(0), day(3)))
    assert f"reverted by [`{key(6)}`]" in line_of(ask(catalog, early).text, "**feat: add a sampler**")
    assert "on 2026-02-07" in line_of(ask(catalog, early).text, "**feat: add a sampler**")
    assert "reverted" not in ask(catalog, early, now=day(5)).text


def test_a_revert_of_something_outside_the_store_names_it(catalog: Catalog) -> None:
    links = (Link("reverts", f"pull:{REPO}#99"), Link("reverts", f"commit:{REPO}@{sha(77)}"))
    put(catalog, commit(6, "Revert two things", links=links))
    found = ask(catalog)
    assert f"reverts #99, {sha(77)[:7]}" in line_of(found.text, "Revert two things")
    assert found.removed == 0


# --- nothing to list --------------------------------------------------------------------------------------------------------


def test_silence_is_only_called_quiet_where_the_source_was_read(catalog: Catalog) -> None:
    put(catalog, commit(30))
    quiet = ask(catalog)
    assert "There is no record in the window." in quiet.text
    assert re.search(r"No changes in git: it was read successfully on \d{4}-\d\d-\d\d \d\d:\d\d\.", quiet.text)
    assert quiet.status == "answered"
    catalog.begin("git", use="git_commits", repo=REPO)
    catalog.finish("git", error="no route to host")
    failed = ask(catalog)
    assert "git could not be read" in failed.text
    assert "no route to host" in failed.text
    assert "No changes" not in failed.text
    assert failed.status == "abstained"


def test_a_source_that_was_cut_short_is_named_below_a_list(catalog: Catalog) -> None:
    put(catalog, commit(1))
    catalog.begin("git", use="git_commits", repo=REPO)
    catalog.store("git", Batch(records=(commit(2),), cursor="d", truncated="2,000 records"))
    catalog.finish("git")
    found = ask(catalog)
    assert headings(found.text)[-1] == "Sources"
    assert "git was read only in part: 2,000 records." in found.text
    assert [row.source for row in found.ledger] == ["git"]


def test_only_sources_of_the_scope_are_named(catalog: Catalog) -> None:
    put(catalog, commit(1))
    catalog.begin("tiles", use="git_commits", repo="acme/tiles")
    catalog.finish("tiles", error="gone")
    assert "tiles" not in ask(catalog).text
    assert "tiles could not be read" in ask(catalog, replace(WEEK, repos=())).text


def test_no_match_says_how_much_was_looked_at(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2))
    found = ask(catalog, replace(WEEK, topic="unicorn", unresolved=("recently",)))
    assert found.status == "abstained"
    assert "Nothing matches among the 2 records in the window." in found.text
    assert "Could not resolve “recently”; not used." in found.text
    assert found.unresolved == ("recently",)
    assert "git: last read successfully on" in found.text
    assert found.claims == ()


# --- which, when, why -------------------------------------------------------------------------------------------------------


def test_an_answer_gives_the_record_with_its_words(catalog: Catalog) -> None:
    put(catalog, FIX, commit(5), commit(6), commit(7), commit(8))
    scores = {FIX.id: 1.0, commit(5).id: 0.9, commit(6).id: 0.7, commit(7).id: 0.65}
    searcher = Everything(catalog, {FIX.id: Quote("The index is now int64.")}, scores)
    found = ask(catalog, NEEDLE, judged("answered", 0), searcher=searcher)
    assert found.status == "answered"
    assert headings(found.text) == ["Best match", "Also related"]
    assert "\n> The index is now int64.\n" in found.text
    assert line_of(found.text, key(4)).startswith("- **fix: widen the page index**")
    assert [evidence.key for evidence in found.evidence] == [key(4), key(5), key(6)]
    assert found.confidence == 0.7
    assert found.coverage.matched == 1
    far = Everything(catalog, scores={FIX.id: 1.0, commit(5).id: 0.7})
    assert [item.key for item in ask(catalog, NEEDLE, judged("answered", 0), searcher=far).evidence] == [key(4), key(5)]


def test_a_hunk_is_quoted_as_a_diff_with_its_place(catalog: Catalog) -> None:
    put(catalog, FIX)
    searcher = Everything(catalog, {FIX.id: Quote("-int x;\n+int64_t x;", "src/page.cu", 11)})
    text = ask(catalog, NEEDLE, judged("answered", 0), searcher=searcher).text
    assert "`src/page.cu`, line 11\n\n```diff\n-int x;\n+int64_t x;\n```" in text


def test_when_is_answered_with_the_date_first(catalog: Catalog) -> None:
    put(catalog, FIX)
    scope = replace(NEEDLE, question="When was the page index widened?")
    line = line_of(ask(catalog, scope, judged("answered", 0), zone=BERLIN).text, key(4))
    assert line.startswith("- Landed 2026-02-05 01:00 (Europe/Berlin): **fix: widen the page index**")
    assert line.count("2026-02-05") == 1


def test_why_is_answered_with_the_reason(catalog: Catalog) -> None:
    put(catalog, FIX)
    scope = replace(NEEDLE, question="Why was the page index widened?")
    text = ask(catalog, scope, judged("answered", 0)).text
    assert "\n> The overflow was caused by a 32-bit product of page and stride.\n" in text


def test_an_identifier_is_quoted_where_it_is_named(catalog: Catalog) -> None:
    put(catalog, replace(FIX, title="fix: int64 everywhere"))
    scope = replace(NEEDLE, question="int64?", identifiers=("int64",), intent="identifier")
    assert "\n> The index is now int64.\n" in ask(catalog, scope, judged("answered", 0)).text


def test_a_closest_match_is_labelled(catalog: Catalog) -> None:
    put(catalog, FIX, commit(5), commit(6), commit(7))
    found = ask(catalog, NEEDLE, judged("partial", 0))
    assert found.status == "partial"
    assert headings(found.text) == ["Closest match, not confirmed"]
    assert len(found.evidence) == 3
    assert found.coverage.matched == 0


def test_an_abstention_says_what_was_looked_at(catalog: Catalog) -> None:
    put(catalog, FIX, commit(5))
    found = ask(catalog, NEEDLE, judged("abstained"), searcher=Everything(catalog, scores={FIX.id: 0.9}))
    assert found.status == "abstained"
    assert "Nothing found fits this question well enough to be an answer." in found.text
    assert "- 2 records were looked at." in found.text
    assert "- git: last read successfully on" in found.text
    assert "**Window** everything until now" in found.text
    assert "Nearest miss (not an answer):" in found.text
    assert [evidence.key for evidence in found.evidence] == [key(4)]


def test_an_empty_store_abstains(catalog: Catalog) -> None:
    found = ask(catalog, NEEDLE, judged("answered", 0))
    assert (found.status, found.evidence, found.claims) == ("abstained", (), ())
    assert "There is no record in the window." in found.text


def test_a_quote_that_is_not_in_the_record_is_left_out_and_counted(catalog: Catalog) -> None:
    put(catalog, FIX)
    searcher = Everything(catalog, {FIX.id: Quote("The index is now int128.")})
    found = ask(catalog, NEEDLE, judged("answered", 0), searcher=searcher)
    assert found.removed == 1
    assert "int128" not in found.text
    assert "1 statement was left out" in found.text
    assert len(found.claims) == 1


# --- Chinese ----------------------------------------------------------------------------------------------------------------


def test_a_chinese_answer_is_chinese_but_for_what_is_quoted(catalog: Catalog) -> None:
    first = commit(1, "feat: sampler")
    put(
        catalog,
        first,
        commit(6, "Revert sampler", links=(Link("reverts", first.id), Link("pull", f"pull:{REPO}#6"))),
        *merged(9, 8),
    )
    found = ask(catalog, replace(WEEK, facets=("feature", "revert")), language="zh")
    assert found.language == "zh"
    own = re.sub(r"`[^`]*`|\]\([^)]*\)|\*\*[^*]*\*\*|“[^”]*”|[（，]作者 Ada|Ada|acme/kernels|UTC|\+\d+/−\d+", "", found.text)
    own = own.replace("时间", "").replace("feat: sampler", "")
    assert not re.findall(r"[A-Za-z]{2,}", own), own
    assert "2026 年 2 月 7 日合入" in found.text
    assert found.removed == 0
    for status in ("answered", "partial", "abstained"):
        needle = ask(catalog, NEEDLE, judged(status, 0), language="zh").text
        needle = re.sub(r"`[^`]*`|\]\([^)]*\)|\*\*[^*]*\*\*|“[^”]*”|Ada|UTC|page index|git|\+\d+/−\d+", "", needle)
        assert not re.findall(r"[A-Za-z]{2,}", needle), needle


def test_a_week_of_large_changes_is_listed_whole(catalog: Catalog) -> None:
    patch = "@@ -1 +1 @@\n" + "+value_1 = compute(value_2, 48)\n" * 250
    files = tuple(FileChange(path=f"src/file{at}.py", additions=250, patch=patch) for at in range(5))
    put(catalog, *(commit(number, files=files, events=(Event("landed", day(number / 20)),)) for number in range(200)))
    assert ask(catalog).coverage.listed == 200


def test_a_list_of_which_it_is_not_sure_says_so(catalog: Catalog) -> None:
    put(catalog, commit(1, "Fix the sampler"), commit(2, "Fix the router"))
    scope = replace(WEEK, topic="Fix")
    sure, unsure = ask(catalog, scope, judged("answered", 0, 1)), ask(catalog, scope, judged("partial", 0, 1))
    assert (sure.status, unsure.status) == ("answered", "partial")
    lead = "Nothing was found that surely answers this. These come closest:"
    assert lead in unsure.text
    assert lead not in sure.text
