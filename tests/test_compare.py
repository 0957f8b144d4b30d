"""Questions that compare: which do, what their sides are, and an answer with a table and every side whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb import payloads
from kb.catalog import Catalog
from kb.compare import Comparison, compare
from kb.errors import QueryError
from kb.followup import resolve
from kb.scope import KnownRepo, ScopeContext
from kb.types import Event, FileChange, Scope, Tag, Window
from tests.answering import Everything, by_topic, headings, key, merged
from tests.records import REPO, commit, day, put, sha, thread

NOW = datetime(2026, 8, 19, 15, 30, tzinfo=UTC)
FLASHINFER, CUTLASS, CUTILE, ATTENTION = (
    "flashinfer-ai/flashinfer",
    "NVIDIA/cutlass",
    "NVIDIA/cutile-python",
    "Dao-AILab/flash-attention",
)
REPOS = (KnownRepo(FLASHINFER), KnownRepo(CUTLASS), KnownRepo(CUTILE, ("cutile",)), KnownRepo(ATTENTION))
TAGS = {
    FLASHINFER: (
        Tag("v0.6.2", "a" * 40, datetime(2026, 1, 23, tzinfo=UTC)),
        Tag("v0.6.3", "b" * 40, datetime(2026, 2, 5, tzinfo=UTC)),
    )
}
CONTEXT = ScopeContext(NOW, UTC, REPOS, TAGS)

# question | sides: repository, window | what else is asked for, the same of each | not followed
BY_REPOSITORY = """
compare flashinfer and cutlass | flashinfer; cutlass | |
Compare FlashInfer, cutile and flash-attention this month | flashinfer this month; cutile-python this month; flash-attention this month | |
compare what flashinfer and cutlass did on MoE this month | flashinfer this month; cutlass this month | topic=MoE |
compare what vLLM and flashinfer did on MoE this month | flashinfer this month | topic=MoE | vLLM
compare what vLLM and SGLang did on MoE this month | | topic=MoE | vLLM,SGLang
please compare flashinfer to cutlass since Monday | flashinfer since Monday; cutlass since Monday | |
can you compare FP8 work in flashinfer and cutlass in July | flashinfer July; cutlass July | topic=FP8 |
compare flashinfer with Rocket since Monday | flashinfer since Monday | | Rocket
compare cutlas and flashinfer this month | flashinfer this month | | cutlas
compare acme/rocket and flashinfer this month | flashinfer this month | | acme/rocket
FlashInfer vs flash-attention: FP8 work since January | flashinfer since January; flash-attention since January | topic=FP8 |
compare the features of flashinfer and cutlass this month | flashinfer this month; cutlass this month | facets=feature |
flashinfer versus cutlass this week | flashinfer this week; cutlass this week | |
flashinfer vs. cutlass vs. cutile features this month | flashinfer this month; cutlass this month; cutile-python this month | facets=feature |
flashinfer vs SGLang this week | flashinfer this week | | SGLang
vLLM vs SGLang this week | | | vLLM,SGLang
how does flashinfer's FP8 work compare to cutlass's this month? | flashinfer this month; cutlass this month | topic=FP8 |
what is the difference between flashinfer and cutlass this week? | flashinfer this week; cutlass this week | |
a comparison of flashinfer and cutlass fixes this week | flashinfer this week; cutlass this week | facets=fix |
flashinfer and cutlass side by side, this week | flashinfer this week; cutlass this week | |
did flashinfer land more fixes than cutlass this week? | flashinfer this week; cutlass this week | facets=fix |
flashinfer this week vs cutlass last week | flashinfer this week; cutlass last week | |
compare issues opened in flashinfer and cutlass this week | flashinfer this week; cutlass this week | kinds=issue events=opened |
对比 FlashInfer 和 CUTLASS 本周的修复 | flashinfer 本周; cutlass 本周 | facets=fix |
比较一下 vLLM 和 flashinfer 这个月在 MoE 上做了什么 | flashinfer 这个月 | topic=MoE | vLLM
FlashInfer 和 cutile 相比，本周有什么更新 | flashinfer 本周; cutile-python 本周 | |
FlashInfer 与 flash-attention 的区别，本月 | flashinfer 本月; flash-attention 本月 | |
flashinfer、cutlass 和 cutile 本周的新功能对比 | flashinfer 本周; cutlass 本周; cutile-python 本周 | facets=feature |
"""  # noqa: E501

BY_TIME = """
what did cutlass fix this week versus last week | cutlass this week; cutlass last week | facets=fix |
what did flashinfer do this week vs. last week on MoE | flashinfer this week; flashinfer last week | topic=MoE |
compare this week and last week in cutlass | cutlass this week; cutlass last week | |
compare January with February in flashinfer | flashinfer January; flashinfer February | |
compare May and June in flashinfer | flashinfer May; flashinfer June | |
compare January, February and March in flashinfer | flashinfer January; flashinfer February; flashinfer March | |
what changed in flashinfer in January versus February? | flashinfer January; flashinfer February | |
January 2025 vs February in flashinfer | flashinfer January 2025; flashinfer February 2025 | |
Q1 vs Q2 2026 in flashinfer | flashinfer Q1 2026; flashinfer Q2 2026 | |
compared to last week, what changed in cutlass this week? | cutlass this week; cutlass last week | |
what changed in cutlass compared to last week? | cutlass ; cutlass last week | |
cutlass 本周和上周的修复对比 | cutlass 本周; cutlass 上周 | facets=fix |
cutlass 本周比上周多修复了什么 | cutlass 本周; cutlass 上周 | facets=fix |
本周相比上周 cutlass 修复了什么 | cutlass 本周; cutlass 上周 | facets=fix |
跟上周相比，本周 cutlass 有什么变化 | cutlass 上周; cutlass 本周 | |
flashinfer 2025年1月对比2月 | flashinfer 2025年1月; flashinfer 2025年2月 | |
compare flashinfer and cutlass this week versus last week | flashinfer this week; flashinfer last week; cutlass this week; cutlass last week | |
"""  # noqa: E501

NO_COMPARISONS = """
compare-and-swap fix in flashinfer and cutlass this week
comparison kernels in flashinfer and cutlass this week
flashinfer vs code extension changes this week
compare kernels in flashinfer
which changes compare masks in flashinfer and cutlass?
What changed in flashinfer and cutlass?
what changed in flashinfer on and-reduce this week?
prefill vs decode changes in flashinfer this week
cutlass vs trtllm backend autotuning this week
compare #12 and #13
which commit made flashinfer slower compared to cutlass?
what is new in v0.6.3 compared to v0.6.2
what changed between v0.6.2 and v0.6.3 in flashinfer
v0.6.2 vs v0.6.3 in flashinfer
what changed this week and last week in cutlass?
what changed from January to February in flashinfer?
FP8 work in cutlass and flashinfer since January
compare the cutlass and deepgemm backends in flashinfer
why is flashinfer slower than cutlass this week?
who merged more in flashinfer?
flashinfer 和 cutlass 的比较算子修复
对比学习相关的改动，flashinfer 和 cutlass 本周
flashinfer 比特打包的改动，本周
哪个提交让 flashinfer 比 cutlass 慢？
flashinfer 和 cutlass 本周有哪些更新？
flashinfer 本周和上周有哪些修复？
"""


def rows(table: str, cells: int) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.split("|", cells - 1)) for line in table.strip().splitlines()]


def told(scope: Scope) -> str:
    parts = {
        "kinds": scope.kinds,
        "topic": (scope.topic,) if scope.topic else (),
        "facets": scope.facets,
        "events": scope.events,
    }
    return " ".join(f"{name}={','.join(values)}" for name, values in parts.items() if values)


@pytest.mark.parametrize(("question", "sides", "same", "unknown"), [*rows(BY_REPOSITORY, 4), *rows(BY_TIME, 4)])
def test_the_sides_of_a_comparison(question: str, sides: str, same: str, unknown: str) -> None:
    scope = resolve(question, CONTEXT)
    assert scope.intent == "compare"
    names = [(",".join(repo.partition("/")[2] for repo in side.repos), side.window.label) for side in scope.sides]
    expected = [tuple((*side.strip().split(" ", 1), "")[:2]) for side in sides.split(";") if side]
    assert names == expected
    assert {told(side) for side in scope.sides or (scope,)} == {same}
    assert ",".join(scope.unknown_repos) == unknown
    assert all(side.intent == "window" and not side.unresolved for side in scope.sides)


@pytest.mark.parametrize("question", NO_COMPARISONS.strip().splitlines())
def test_what_only_looks_like_a_comparison_is_none(question: str) -> None:
    scope = resolve(question, CONTEXT)
    assert (scope.intent == "compare", scope.sides, scope.unknown_repos) == (False, (), ())


@pytest.mark.parametrize(
    "question",
    [
        "compare flashinfer and cutlass on fixes between 2026-01-05 and 2026-01-12",
        "compare flashinfer and cutlass from 2026-01-05 to 2026-01-12",
        "flashinfer vs cutlass: fixes between Jan 5 and Jan 12",
        "对比 flashinfer 和 cutlass 在 1 月 5 日和 1 月 12 日之间的修复",
    ],
)
def test_a_span_between_two_days_is_one_window(question: str) -> None:
    one, other = resolve(question, CONTEXT).sides
    assert one.window == other.window
    assert one.window.start
    assert one.window.end
    assert (one.window.end - one.window.start).days == 8


def test_the_windows_of_the_sides_are_their_own() -> None:
    this, last = resolve("what changed in cutlass compared to last week?", CONTEXT).sides
    assert last.window.end == this.window.start
    assert this.window.end == NOW
    january = resolve("January vs February 2025 in flashinfer", CONTEXT).sides[0].window
    assert january.start == datetime(2025, 1, 1, tzinfo=UTC)


def test_the_whole_of_a_comparison_holds_its_sides() -> None:
    scope = resolve("compare flashinfer and cutlass this week versus last week", CONTEXT)
    assert scope.repos == (FLASHINFER, CUTLASS)
    assert (scope.window.start, scope.window.end) == (datetime(2026, 8, 10, tzinfo=UTC), NOW)


def test_filters_settle_what_a_comparison_would_compare() -> None:
    assert resolve("compare flashinfer and cutlass this week", CONTEXT, repos=["cutlass"]).intent == "window"
    sides = resolve("compare flashinfer and cutlass this week", CONTEXT, since="2026-08-01").sides
    assert {side.window.label for side in sides} == {"since 2026-08-01"}


def test_more_than_five_sides_are_refused_with_a_remedy() -> None:
    with pytest.raises(QueryError, match="compares 6 sides") as caught:
        resolve("compare January, February, March, April, May and June in flashinfer", CONTEXT)
    assert "up to 5" in caught.value.remedy


# --- the answer --------------------------------------------------------------------------------------------------------------

OTHER = "acme/tiles"
FORK = "other/kernels"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def side(repo: str = REPO, window: Window | None = None, **fields: object) -> Scope:
    chosen = window or Window(day(0), day(20), "since 1 February")
    return Scope(question="x", window=chosen, repos=(repo,), intent="window", **fields)  # type: ignore[arg-type]


def answered(catalog: Catalog, *sides: Scope, unknown: tuple[str, ...] = (), **options: object) -> Comparison:
    whole = replace(sides[0] if sides else side(), intent="compare", sides=sides, unknown_repos=unknown)
    values = {"searcher": Everything(catalog), "judge": by_topic, "now": day(20), "zone": UTC, **options}
    found = compare(whole, catalog=catalog, **values)  # type: ignore[arg-type]
    assert isinstance(found, Comparison) or not sides
    return found  # type: ignore[return-value]


def table_of(text: str) -> list[list[str]]:
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def test_an_answer_has_a_table_and_each_side_whole(catalog: Catalog) -> None:
    put(
        catalog,
        commit(1, "feat: a sampler", author="Ada", files=(FileChange(path="a.py", additions=10, deletions=1),)),
        commit(2, "fix: a mask", author="Bob", files=(FileChange(path="b.py", additions=2, deletions=3),)),
        commit(3, "fix: a hang", author="ada", files=(FileChange(path="c.py", additions=1),)),
        commit(4, "perf: tiles", repo=OTHER, author="Eve", files=(FileChange(path="d.py", additions=5, deletions=5),)),
    )
    found = answered(catalog, side(), side(OTHER))
    assert table_of(found.text) == [
        ["Side", "Changes", "Features", "Fixes", "Performance", "Authors", "+/−"],
        ["acme/kernels", "3", "1", "2", "0", "2", "+13/−4"],
        ["acme/tiles", "1", "0", "0", "1", "1", "+5/−5"],
    ]
    assert headings(found.text) == ["Features (1)", "Fixes (2)", "Performance (1)"]
    assert [line for line in found.text.split("\n") if line.startswith("## ")] == ["## acme/kernels", "## acme/tiles"]
    assert "In all: 4 of 4 matching, 4 in the windows." in found.text
    assert "3 of 3 matching, 3 in the window." in found.text
    assert "1 of 1 matching, 1 in the window." in found.text
    assert (found.coverage.matched, found.coverage.listed, found.coverage.in_window) == (4, 4, 4)
    assert (found.status, len(found.evidence), len(found.matched), found.removed) == ("answered", 4, 4, 0)


def test_two_windows_of_one_repository_are_called_by_their_times(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: one"), commit(2, "fix: two"), commit(9, "fix: nine"))
    early, late = Window(day(0), day(5), "last week"), Window(day(5), day(20), "this <b>week</b> | now")
    found = answered(catalog, side(window=late), side(window=early))
    assert [row[:3] for row in table_of(found.text)[1:]][1] == ["last week", "2", "2"]
    assert "<b>" not in found.text
    assert found.text.count("\\|") >= 2
    assert [one.answer.coverage.matched for one in found.sides] == [1, 2]


def test_five_sides_work(catalog: Catalog) -> None:
    put(catalog, *(commit(number, f"fix: number {number}") for number in range(1, 6)))
    windows = [Window(day(number), day(number + 1), f"day {number}") for number in range(1, 6)]
    found = answered(catalog, *(side(window=window) for window in windows))
    assert [row[:2] for row in table_of(found.text)[1:]] == [[f"day {number}", "1"] for number in range(1, 6)]


def test_repositories_of_one_name_have_keys_of_their_own(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: upstream"), commit(1, "fix: fork", repo=FORK))
    found = answered(catalog, side(), side(FORK))
    assert [item.key for item in found.evidence] == [f"acme/{key(1)}", f"other/{key(1)}"]
    assert all(found.text.count(f"`{item.key}`") == 1 for item in found.evidence)


def test_a_record_of_two_sides_is_cited_once_and_counted_on_both(catalog: Catalog) -> None:
    put(catalog, commit(3, "fix: both"))
    found = answered(catalog, side(window=Window(day(0), day(5), "a")), side(window=Window(day(2), day(9), "b")))
    assert len(found.evidence) == len(found.matched) == 1
    assert found.coverage.matched == 2


def test_a_merge_is_counted_once_with_the_authors_of_what_it_brought(catalog: Catalog) -> None:
    merge, *brought = merged(5, 2, 3)
    size = (FileChange(path="x.py", additions=7, deletions=2),)
    put(
        catalog,
        replace(merge, author="Merger", files=size),
        *(replace(one, author=name, files=size) for one, name in zip(brought, ("Ada", "Bob"), strict=True)),
    )
    found = answered(catalog, side(), side(OTHER))
    (counted, nothing) = [one.figures for one in found.sides]
    assert (dict(counted.groups), counted.authors, counted.additions, counted.deletions) == ({"features": 3}, 2, 7, 2)
    assert (dict(nothing.groups), nothing.authors, nothing.additions) == ({}, 0, 0)


def test_a_side_where_nothing_matches_is_told_beside_the_other(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: moe routing"), commit(2, "fix: tiles", repo=OTHER))
    found = answered(catalog, side(topic="moe"), side(OTHER, topic="moe"))
    assert found.status == "answered"
    assert [one.answer.status for one in found.sides] == ["answered", "abstained"]
    assert "Nothing matches among the 1 records in the window." in found.text
    assert [row[1] for row in table_of(found.text)[1:]] == ["1", "0"]


def test_a_side_that_nothing_follows_is_said_plainly(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: one"))
    found = answered(catalog, side(), unknown=("vLLM", "[x](http://evil)"))
    assert "No source follows a repository called “vLLM”: nothing is known of it here." in found.text
    assert "](http://evil)" not in found.text
    assert [row[0] for row in table_of(found.text)] == ["Side", "since 1 February"]
    assert found.coverage.matched == 1
    none = answered(catalog, unknown=("vLLM", "SGLang"))
    assert (none.status, none.evidence) == ("abstained", ())
    assert "called “SGLang”" in none.text


def test_records_that_are_no_changes_are_called_records(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: one"), thread("issue", 2, "It hangs", opened=3))
    found = answered(catalog, side(), side(OTHER))
    assert table_of(found.text)[0] == ["Side", "Records", "Fixes", "Issues", "Authors", "+/−"]


def test_a_chinese_comparison_is_chinese(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: one", author="陈"), commit(2, "feat: two", repo=OTHER, author="李"))
    text = answered(catalog, side(), side(OTHER), language="zh").text
    assert table_of(text)[0] == ["对象", "改动", "新功能", "修复", "作者", "+/−"]
    assert "合计：列出 2 条匹配记录中的 2 条" in text
    own = re.sub(r"`[^`]*`|\]\([^)]*\)|\*\*[^*]*\*\*|“[^”]*”|acme/\w+|UTC", "", text)
    assert not re.findall(r"[A-Za-z]{2,}", own), own


def test_its_json_has_every_side(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: one", events=(Event("landed", day(1)),)), commit(2, "feat: two", repo=OTHER))
    payload = payloads.answer(answered(catalog, side(), side(OTHER)))
    assert payload["coverage"] == {"matched": 2, "listed": 2, "in_window": 2}
    assert [one["intent"] for one in payload["scope"]["sides"]] == ["window", "window"]
    assert payload["sides"][0] == {
        "name": "acme/kernels",
        "status": "answered",
        "coverage": {"matched": 1, "listed": 1, "in_window": 1},
        "figures": {"groups": {"fixes": 1}, "authors": 1, "additions": 1, "deletions": 0},
        "matched": [f"commit:{REPO}@{sha(1)}"],
    }
