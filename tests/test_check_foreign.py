"""Reports that other systems wrote, in either language: each claim is held to what it links to, or what its neighbours do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.check.types import CheckResult
from kb.check.verify import check
from kb.types import Event, FileChange, Link, Record
from tests.records import commit, day, put, sha

REPO = "acme/kernels"
SITE = f"https://github.com/{REPO}"
NOON = (Event("landed", day(3.5)),)
ROWS = ("-  CHECK(topK <= 22);", '+  CHECK(topK <= 8, "too many");', "+  enum class Act {", "+    SwiGlu = 0,")
PATCH = "\n".join(["@@ -8,3 +8,4 @@ void plan()", *ROWS, ""])


def on_github(kind: str, number: int, title: str, **fields: object) -> Record:
    page = "issues" if kind == "issue" else "pull"
    values = {"url": f"{SITE}/{page}/{number}", "author": "Eve", **fields}
    return Record(id=f"{kind}:{REPO}#{number}", kind=kind, repo=REPO, ref=str(number), title=title, **values)  # type: ignore[arg-type]


LIMIT = commit(
    30,
    "Revert the wide router for NVFP4 & FP8 models (#30)",
    url=f"{SITE}/commit/{sha(30)}",
    events=NOON,
    author="Ada",
    body="It takes 12% off decode on H100.",
    files=(FileChange(path="csrc/router.cu", additions=3, deletions=1, patch=PATCH),),
)
DOCS = commit(31, "Explain paging", url=f"{SITE}/commit/{sha(31)}", events=NOON, links=(), author="Bo")
OLD = commit(1, "Add a cache", url=f"{SITE}/commit/{sha(1)}", links=())
CUT = commit(
    32,
    "Rework the planner",
    url=f"{SITE}/commit/{sha(32)}",
    events=NOON,
    links=(),
    files=(FileChange(path="src/plan.py", additions=900, patch="@@ -1 +1 @@\n+a = 1\n", truncated=True),),
)
OPEN = on_github("issue", 8, "Is FP8 supported on older cards?", state="open", events=(Event("opened", day(3.2)),))
PULL = on_github("pull", 9, "Paged cache", state="open", events=(Event("opened", day(3.3)),))
PAPER = Record(
    id="paper:arxiv:2602.02061",
    kind="paper",
    repo="",
    ref="2602.02061",
    title="Learning to Route and Schedule Requests",
    url="https://arxiv.org/abs/2602.02061v1",
    body="The loss gap falls from 0.94% to 0.58%.",
    events=(Event("published", day(3.1)),),
)
C30, C31, C32 = (f"{SITE}/commit/{sha(number)}" for number in (30, 31, 32))
FEBRUARY_4 = "2026-02-04.md"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("check") / "catalog.db") as opened:
        put(opened, LIMIT, DOCS, OLD, CUT, OPEN, PULL, PAPER)
        yield opened


def checked(text: str, catalog: Catalog, name: str = FEBRUARY_4) -> CheckResult:
    return check(text, catalog=catalog, zone=UTC, file_name=name)


def verdicts(result: CheckResult) -> list[tuple[int, str]]:
    return [(finding.line, finding.verdict) for finding in result.findings]


# --- one statement -----------------------------------------------------------------------------------------------------------

STATEMENTS = {
    f"Reverts the wide router ([`{sha(30)[:7]}`]({C30})).": "exact",
    f"It takes 12% off decode on H100 ([PR #30]({SITE}/pull/30)).": "exact",
    f"It takes 21% off decode on H100 ([PR #30]({SITE}/pull/30)).": "wrong figure",
    f"It takes 12% off decode on H200 ([PR #30]({SITE}/pull/30)).": "wrong figure",
    f"The limit of topK is 8 now ([commit]({C30})).": "exact",
    f"The limit of topK is 9 now ([commit]({C30})).": "wrong figure",
    f"`csrc/router.cu` +3/-1 ([commit]({C30}))": "exact",
    f"`csrc/router.cu` +3/-2 ([commit]({C30}))": "wrong figure",
    f"`csrc/route.cu` changed ([commit]({C30}))": "wrong figure",
    f"Landed 2026-02-04 by Ada ([commit]({C30}))": "exact",
    f"Landed 2026-02-03 by Ada ([commit]({C30}))": "wrong figure",
    f"Author: Bo ([commit]({C30}))": "mislabelled",
    f"Router ([PR]({C30}))": "mislabelled",
    f"Router (PR: {C30})": "mislabelled",
    f"Router ([commit]({SITE}/pull/30))": "mislabelled",
    f"Router ([#31]({SITE}/pull/30))": "mislabelled",
    f"Router ([#30]({C30}))": "mislabelled",
    f"Router ([`{sha(31)[:7]}`]({C30}))": "mislabelled",
    f"Router ([`kernels@{sha(30)[:8]}`]({C30}))": "exact",
    f"Router ([`attention@{sha(30)[:8]}`]({C30}))": "mislabelled",
    f"Router ([commit]({SITE}/commit/{sha(30)[:39]}))": "mislabelled",
    f"Router ([{C31}]({C30}))": "mislabelled",
    f"**Revert the wide router for NVFP4 & FP8 models** ([commit]({C30}))": "exact",
    f"**Revert the wide router for NVFP4 & FP4 models** ([commit]({C30}))": "mislabelled",
    f'Reverts "the wide router for NVFP4 & FP4 models" ([commit]({C30}))': "wrong figure",
    f"Merged: the paged cache ([#9]({SITE}/pull/9))": "mislabelled",
    f"The paged cache was merged ([#9]({SITE}/pull/9))": "mislabelled",
    f"The paged cache is still open ([#9]({SITE}/pull/9))": "exact",
    f"已合并分页缓存（[#9]({SITE}/pull/9)）": "mislabelled",
    f"该问题已修复（[#8]({SITE}/issues/8)）": "mislabelled",
    f"询问 FP8 是否支持（[#8]({SITE}/issues/8)）": "exact",
    f"Fixed issue [#9]({SITE}/issues/9)": "mislabelled",
    f"Adds a cache ([commit]({SITE}/commit/{sha(1)}))": "not in window",
    f"Router ([`{sha(77)[:7]}`]({SITE}/commit/{sha(77)}))": "unknown",
    "Router ([commit](https://github.com/other/thing/commit/" + sha(5) + "))": "unknown",
    f"Router ([commit](https://gitlab.com/{REPO}/-/commit/{sha(30)}))": "unknown",
    "损失差距从 0.94% 降至 0.58%（[论文](https://arxiv.org/pdf/2602.02061v2)）": "exact",
    "损失差距从 0.94% 降至 0.85%（[论文](https://arxiv.org/html/2602.02061)）": "wrong figure",
    "It is 3x faster than ever.": "unknown",
    f"Router in {REPO}#9": "exact",
    f"Router in kernels@{sha(30)[:7]}": "exact",
    f"The planner has `new_knob` ([commit]({C32}))": "unknown",
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_the_verdict_of_a_statement(catalog: Catalog, text: str) -> None:
    assert verdicts(checked(f"# Report\n\n- {text}\n", catalog)) == [(3, STATEMENTS[text])]


@pytest.mark.parametrize("text", ["# Report 2026-02-04", "Much has happened.", "- [Earlier](reports/2026-02-03.md)", "---"])
def test_what_claims_nothing_has_no_verdict(catalog: Catalog, text: str) -> None:
    assert verdicts(checked(f"{text}\n\n- Router ([commit]({C30}))\n", catalog)) == [(3, "exact")]


# --- what a statement rests on -----------------------------------------------------------------------------------------------


def test_children_rest_on_what_the_item_links_to(catalog: Catalog) -> None:
    text = f"- Router ([commit]({C30}))\n  - It takes 12% off decode.\n    - And 13% off prefill.\n"
    assert verdicts(checked(text, catalog)) == [(1, "exact"), (2, "exact"), (3, "wrong figure")]


def test_links_apart_belong_to_the_statements_beside_them(catalog: Catalog) -> None:
    text = f"**kernels**\n- Takes 12% off decode\n- Explains paging in 7 steps\n- 链接:\n  - {C30}\n  - {C31}\n"
    result = checked(text, catalog)
    assert verdicts(result) == [(2, "exact"), (3, "wrong figure"), (5, "exact"), (6, "exact")]
    assert [(fault.line, fault.text) for fault in result.faults] == [
        (4, "2 links stand apart from the 2 statements that they belong to")
    ]


def test_prose_rests_on_the_records_of_its_section(catalog: Catalog) -> None:
    kernels = f"## Kernels\n\nIt takes 12% off decode. H200 is faster.\n\n- [router]({C30})\n"
    text = f"# A\n\n{kernels}\n## Docs\n\n12%\n\n- [docs]({C31})\n"
    assert verdicts(checked(text, catalog)) == [
        (5, "exact"),
        (5, "wrong figure"),
        (7, "exact"),
        (11, "wrong figure"),
        (13, "exact"),
    ]


def test_sentences_and_lines_are_told_apart(catalog: Catalog) -> None:
    text = f"It takes 12% off decode ([a]({C30})).\nIt takes\n21% off prefill ([b]({C30})). 更快 3 倍（[c]({C31})）。"
    assert verdicts(checked(text, catalog)) == [(1, "exact"), (2, "wrong figure"), (3, "wrong figure")]


def test_rows_of_a_table(catalog: Catalog) -> None:
    text = f"| What | Link |\n| --- | --- |\n| 12% off decode | [c]({C30}) |\n| 13% off decode | [c]({C30}) |\n"
    assert verdicts(checked(text, catalog)) == [(3, "exact"), (4, "wrong figure")]


def test_a_claim_is_not_held_to_what_is_not_stored(catalog: Catalog) -> None:
    text = f"- 14% faster ([a]({C30}), [b](https://github.com/other/thing/pull/3))\n"
    (finding,) = checked(text, catalog).findings
    assert (finding.verdict, finding.reason) == ("unknown", "wrong figure: 14%; nothing of other/thing is stored")


# --- code --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ('CHECK(topK <= 8, "too many");', 0),
        ('// csrc/router.cu\nCHECK(topK <= 8, "too many");', 0),
        ('-  CHECK(topK <= 22);\n+  CHECK(topK <= 8, "too many");', 0),
        ("CHECK(topK <= 22);\n...\nSwiGlu = 0,", 0),
        ("SwiGlu = 0,\nCHECK(topK <= 22);", 5),
        ("CHECK(topK <= 22);\nCHECK(topK <= 9);", 5),
        ("router.fast(x)", 4),
    ],
)
def test_code_has_to_stand_in_a_patch(catalog: Catalog, code: str, place: int) -> None:
    text = f"- Router ([commit]({C30}))\n\n  ```cpp\n" + "".join(f"  {line}\n" for line in code.split("\n")) + "  ```\n"
    found = [finding for finding in checked(text, catalog).findings if finding.verdict != "exact"]
    assert [(finding.line, finding.verdict) for finding in found] == ([(place, "wrong figure")] if place else [])


def test_code_of_a_patch_that_is_cut_is_not_called_wrong(catalog: Catalog) -> None:
    (_, finding) = checked(f"- Planner ([commit]({C32}))\n\n  ```\n  b = 2\n  ```\n", catalog).findings
    assert (finding.line, finding.verdict) == (4, "unknown")


def test_code_without_code_is_a_fault(catalog: Catalog) -> None:
    result = checked(f"- Router ([commit]({C30}))\n\n  ```python\n  # the new branch\n  ```\n", catalog)
    assert [(fault.line, fault.text) for fault in result.faults] == [(4, "a block of code without code")]


# --- the page ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "heading", "days"),
    [
        ("2026-02-04.md", "# 2026-02-09", ("2026-02-04", "1d")),
        ("report.md", "# Report\n\n## 最新解读 (2026 年 2 月 4 日)", ("2026-02-04", "1d")),
        ("report.md", "# 2026-02-01 to 2026-02-07", ("2026-02-07", "7d")),
        ("2026-99-99.md", "# 2026-02-04", ("2026-02-04", "1d")),
    ],
)
def test_the_window_is_by_name_or_heading(catalog: Catalog, name: str, heading: str, days: tuple[str, str]) -> None:
    result = checked(f"{heading}\n\n- Router ([commit]({C30}))\n", catalog, name)
    assert result.frame is not None
    assert (result.frame.day.isoformat(), result.frame.length) == days
    assert result.clean


def test_without_a_day_no_record_is_held_to_one(catalog: Catalog) -> None:
    result = checked(f"- Cache ([commit]({SITE}/commit/{sha(1)}))\n", catalog, "report.md")
    assert verdicts(result) == [(1, "exact")]
    assert [fault.text for fault in result.faults] == ["it does not say of which day it is: no record was held to a window"]


def test_faults_of_form_are_told_with_their_lines(catalog: Catalog) -> None:
    text = f"# Report\n\n## Latest\n## Summary\n\n本周很活跃。\n\n- Router ([commit]({C30}))\n\n## Outlook\n"
    assert [(fault.line, fault.text) for fault in checked(text, catalog).faults] == [
        (3, "nothing stands below this heading"),
        (6, "“本周” in the report of a day"),
        (10, "nothing stands below this heading"),
    ]


@pytest.mark.parametrize("said", ["No updates for kernels.", "### kernels\n\n昨日无更新"])
def test_quiet_is_only_what_was_quiet(catalog: Catalog, said: str) -> None:
    result = checked(f"{said}\n\n- Router ([commit]({C30}))\n", catalog)
    assert result.findings[0].reason == "acme/kernels has 5 records in the window"
    assert result.findings[0].verdict == "wrong figure"
    assert checked(f"{said}\n", catalog, "2026-02-08.md").counts["wrong figure"] == 0


def test_a_page_without_links_is_not_called_clean(catalog: Catalog) -> None:
    for text in ("", "# 2026-02-04\n\nAll is well.\n"):
        assert [fault.text for fault in checked(text, catalog).faults][-1:] == [
            "it links to no record: nothing could be checked"
        ]


def test_a_short_sha_that_two_commits_have_names_neither(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        refs = ["abcdef12" + "0" * 32, "abcdef13" + "0" * 32]
        put(
            store,
            *(Record(id=f"commit:{REPO}@{ref}", kind="commit", repo=REPO, ref=ref, title="x", events=NOON) for ref in refs),
        )
        assert verdicts(checked(f"- x ([c]({SITE}/commit/abcdef1))", store)) == [(1, "unknown")]
        assert verdicts(checked(f"- x ([c]({SITE}/commit/abcdef12))", store)) == [(1, "exact")]


def test_a_pull_request_is_known_by_its_commit(catalog: Catalog) -> None:
    (finding,) = checked(f"- Router was merged ([#30]({SITE}/pull/30))\n", catalog).findings
    assert (finding.verdict, finding.ids) == ("exact", (LIMIT.id,))
    assert LIMIT.links == (Link("pull", f"pull:{REPO}#30"),)


# --- what is said beside names and figures -----------------------------------------------------------------------------------

FASTER = commit(
    33,
    "Speed the decode up",
    url=f"{SITE}/commit/{sha(33)}",
    events=NOON,
    links=(),
    author="Ada Lovelace",
    body="Latency: 0.124 ms -> 0.069 ms.\n\n| batch | time |\n| 2 | 3.5 |\n\nThe prefill is 1.8x faster, 12% less memory.",
    files=(FileChange(path="a.py", additions=1), FileChange(path="b.py", additions=1)),
)
C33 = f"[{sha(33)[:7]}]({SITE}/commit/{sha(33)})"


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("more") / "catalog.db") as opened:
        undone = commit(34, "Wide tiles", url=f"{SITE}/commit/{sha(34)}", events=NOON, links=(), files=())
        revert = commit(35, 'Revert "Wide tiles"', events=NOON, links=(Link("reverts", undone.id),), files=())
        put(opened, FASTER, undone, revert)
        yield opened


@pytest.mark.parametrize(
    "text",
    [
        "The prefill is 1.8× faster",
        "It takes 12 % less memory",
        "Latency went from 0.124 ms to 0.069 ms",
        "Two files were touched",
        "两个文件有改动",
        "Commit {link} by Ada Lovelace",
        "By Ada on February 4th, 2026",
    ],
)
def test_what_the_record_says_in_other_words(more: Catalog, text: str) -> None:
    said = text.format(link=C33) if "{link}" in text else f"{text} ({C33})"
    (finding,) = checked(f"- {said}.\n", more).findings
    assert (finding.verdict, finding.reason) == ("exact", "")


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ("The decode is 2× faster", "wrong figure", "with its unit: 2×"),
        ("The decode is 2 times faster", "wrong figure", "unit"),
        ("It takes 3.5% less", "wrong figure", "3.5%"),
        ("Latency went from 0.069 ms to 0.124 ms", "wrong figure", "the other way round"),
        ("Latency doubled", "wrong figure", "doubled"),
        ("延迟降低两倍", "wrong figure", "两倍"),
        ("Three files were touched", "wrong figure", "3 files"),
        ("三个文件有改动", "wrong figure", "3"),
        ("This breaking change speeds the decode up", "mislabelled", "breaking"),
        ("The fast decode was reverted", "mislabelled", "nothing that is stored reverts it"),
        ("Reverts: the fast decode", "mislabelled", "nothing that is stored reverts it"),
        ("Commit {link} by Zihao Ye", "mislabelled", "the author is Ada Lovelace"),
        ("By Zihao Ye", "mislabelled", "the author is Ada Lovelace"),
    ],
)
def test_what_the_record_does_not_say(more: Catalog, text: str, verdict: str, reason: str) -> None:
    said = text.format(link=C33) if "{link}" in text else f"{text} ({C33})"
    (finding,) = checked(f"- {said}.\n", more).findings
    assert (finding.verdict, reason in finding.reason) == (verdict, True), finding


def test_what_a_stored_record_reverts_was_reverted(more: Catalog) -> None:
    text = f"- Wide tiles ([a]({SITE}/commit/{sha(34)})) was reverted.\n"
    assert [finding.verdict for finding in checked(text, more).findings] == ["exact"]


@pytest.mark.parametrize("label", ["PR {sha}", "Pull request {sha}", "PR #{sha}", "PR: a faster decode", "Issue {sha}"])
def test_a_label_that_begins_with_another_kind(more: Catalog, label: str) -> None:
    shown = label.format(sha=sha(33)[:7])
    (finding,) = checked(f"- [{shown}]({SITE}/commit/{sha(33)}) speeds it up.\n", more).findings
    assert (finding.verdict, finding.reason.startswith("labelled as ")) == ("mislabelled", True)


@pytest.mark.parametrize("label", ["Commit {sha}", "commit: Speed the decode up", "Issue warnings at last"])
def test_a_label_that_begins_with_its_own_kind(more: Catalog, label: str) -> None:
    shown = label.format(sha=sha(33)[:7])
    (finding,) = checked(f"- [{shown}]({SITE}/commit/{sha(33)}) is in.\n", more).findings
    assert finding.verdict == "exact"


@pytest.mark.parametrize("text", ["kernels was quiet this week.", "kernels 本周没有动静。", "No activity in kernels."])
def test_a_repository_that_was_not_quiet(more: Catalog, text: str) -> None:
    (finding,) = checked(f"# 2026-02-02 – 2026-02-08\n\n{text}\n", more, name="").findings
    assert (finding.verdict, finding.reason) == ("wrong figure", "acme/kernels has 3 records in the window")


def test_what_only_a_link_was_checked_of_is_counted_apart(more: Catalog) -> None:
    text = f"- It is nicer now ({C33}).\n- **Speed the decode up** ({C33}).\n"
    result = checked(text, more)
    assert [finding.reason for finding in result.findings] == ["only its link was checked", ""]
    assert (result.counts["exact"], result.unchecked, result.clean) == (1, 1, True)
