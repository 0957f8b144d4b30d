"""What matters in a window: which entries weigh most, and why; which are told in detail."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.lines import Beside, Other, View
from kb.report.types import GROUPS, Entry
from kb.report.weight import Profile, choose, weigh
from kb.types import Event, FileChange, Link, Note, Record, Tag
from tests.records import commit, day, thread

PLAIN = Profile()
TELLING = "Adds a ring buffer on the host, so that `plan()` keeps the pages that it evicts.\n"  # more than any title here


def code(lines: int, path: str = "src/engine.cu", **fields: Any) -> FileChange:
    return FileChange(path=path, additions=lines, **fields)


def entry(record: Record, group: str, **fields: Any) -> Entry:
    view = View(record, f"key@{record.ref}", **fields)
    return Entry(view=view, group=group, records=(record,))


def change(number: int, title: str, group: str = "features", *, files: Sequence[FileChange] = (), **fields: Any) -> Entry:
    record = commit(number, title, files=tuple(files) or (code(80),), **{"body": TELLING, **fields})
    return entry(record, group)


def weighed(*entries: Entry, profile: Profile = PLAIN) -> list[Entry]:
    return [replace(entry, weight=weigh(entry, profile)) for entry in entries]


def ranking(*entries: Entry, profile: Profile = PLAIN) -> list[str]:
    """Titles, the weightiest first."""
    return [
        found.view.record.title for found in sorted(weighed(*entries, profile=profile), key=lambda found: -found.weight.score)
    ]


def told(entries: Sequence[Entry], profile: Profile = PLAIN, *, days: int = 1) -> list[str]:
    chosen = choose(weighed(*entries, profile=profile), profile, days=days)
    return sorted(entry.view.record.title for entry in entries if entry.id in chosen)


def note(author: str) -> Note:
    return Note(kind="comment", at=day(11), author=author, text="It happens here as well.")


def issue(number: int, title: str, *, people: int = 0, **fields: Any) -> Entry:
    notes = tuple(note(f"person {at}") for at in range(people))
    return entry(thread("issue", number, title, opened=10, notes=notes, **fields), "opened issues")


def paper(number: int, title: str, body: str = "") -> Entry:
    events = (Event("published", day(10)),)
    id = f"paper:arxiv:2602.{number:05}"
    return entry(Record(id=id, kind="paper", repo="", ref=f"2602.{number:05}", title=title, body=body, events=events), "papers")


def release(ref: str, *, shipped: int = 0, **fields: Any) -> Entry:
    record = Record(
        id=f"release:acme/kernels@{ref}",
        kind="release",
        repo="acme/kernels",
        ref=ref,
        title=ref,
        events=(Event("released", day(10)),),
        **fields,
    )
    tag = Tag(ref, "f" * 40, day(10), commits=("a" * 40,) * shipped)
    return entry(record, "releases", tagged=tag)


# --- weights -----------------------------------------------------------------------------------------------------------------


def test_kinds_of_change_weigh_as_a_reader_would_order_them() -> None:
    names = ("releases", "reverts", "features", "refactoring", "dependencies", "docs")
    entries = [change(at, f"it is {group}", group) for at, group in enumerate(names)]
    assert ranking(*reversed(entries)) == [f"it is {group}" for group in names]


def test_a_larger_change_weighs_more_but_not_in_proportion() -> None:
    small, large, bulk = weighed(*(change(lines, "it", files=[code(lines)]) for lines in (10, 1_000, 1_000_000)))
    assert small.weight.score < large.weight.score < bulk.weight.score < 2 * large.weight.score


@pytest.mark.parametrize(
    "path",
    [
        "docs/guide.md",
        "tests/test_engine.py",
        "3rdparty/lib/a.h",
        "poetry.lock",
        "src/nb.ipynb",
        "src/generated/a.cu",
        "data/a.csv",
    ],
)
def test_lines_that_nobody_reads_count_little(path: str) -> None:
    read, unread = weighed(change(1, "it", files=[code(400)]), change(2, "it", files=[code(400, path)]))
    assert read.weight.score > unread.weight.score + 5


def test_the_core_and_many_directories_weigh_more() -> None:
    aside, core, package, wide = weighed(
        change(1, "it", files=[code(90, "extras/a.py")]),
        change(2, "it", files=[code(90, "csrc/a.cu")]),
        change(3, "it", files=[code(90, "kernels_py/a.py")]),  # the package of acme/kernels
        change(4, "it", files=[code(30, f"csrc/{name}/a.cu") for name in "abc"]),
    )
    assert aside.weight.score < core.weight.score == package.weight.score < wide.weight.score
    assert "core" in core.weight.reasons
    assert "reach" in wide.weight.reasons


def test_news_for_users_is_named_as_a_reason() -> None:
    patch = '@@ -1 +1,2 @@\n+parser.add_argument("--pages", type=int)\n+def page_index(pages):\n'
    body = "Decoding is 1.4x faster."
    links = (Link("fixes", "issue:acme/kernels#9"),)
    found = change(1, "feat: pages", files=[code(90, status="A", patch=patch)], body=body, links=links, labels=("P0",))
    assert set(weigh(found, PLAIN).reasons) >= {
        "feature",
        "size",
        "core",
        "new-file",
        "public-api",
        "measured",
        "fixes-issue",
        "label:P0",
    }


def test_a_security_fix_weighs_more_than_another() -> None:
    assert ranking(change(1, "fix a leak of memory", "fixes"), change(2, "fix CVE-2026-1 in the loader", "fixes"))[0] == (
        "fix CVE-2026-1 in the loader"
    )


def test_a_revert_weighs_more_the_sooner_it_came() -> None:
    def of(at: float) -> Entry:
        undone = Other("commit:acme/kernels@1", "kernels@1", commit(1, "feat: it", events=(Event("landed", day(at)),)))
        return entry(commit(20, 'Revert "feat: it"', files=(code(80),)), "reverts", reverts=(undone,))

    yesterday, old, unknown = weighed(of(19), of(-200), change(20, 'Revert "feat: it"', "reverts"))
    assert yesterday.weight.score > old.weight.score > unknown.weight.score
    assert yesterday.weight.reasons[:2] == ("revert", "reverts-recent")


def test_a_breaking_change_says_so() -> None:
    assert weigh(change(1, "feat!: pages are int64", "reverts"), PLAIN).reasons[0] == "breaking"


def test_a_change_that_was_reverted_since_weighs_more() -> None:
    record = commit(1, "feat: it", files=(code(80),))
    stands, undone = weighed(entry(record, "features"), entry(record, "features", reverted_by=(Other("commit:x@2"),)))
    assert undone.weight.score > stands.weight.score
    assert "reverted" in undone.weight.reasons


def test_a_merge_counts_by_what_it_brought() -> None:
    brought = tuple(View(commit(at, "feat: it", files=(code(500),)), f"k@{at}") for at in range(3))
    merge = entry(commit(9, "Merge branch 'next'", files=(), marks=("merge",)), "features", brought=brought)
    single = entry(brought[0].record, "features")
    assert weigh(merge, PLAIN).score > weigh(single, PLAIN).score
    assert "brought" in weigh(merge, PLAIN).reasons


def test_a_bot_and_a_bare_version_weigh_little() -> None:
    person, bot = (
        change(at, "bump numpy to 2.1", "dependencies", author=name) for at, name in ((1, "Ada"), (2, "dependabot[bot]"))
    )
    bump = change(3, "bump version to 0.6.3", "versions", files=[code(2, "version.txt")])
    assert (
        weigh(bot, PLAIN).score
        < weigh(person, PLAIN).score
        < weigh(bump, PLAIN).score
        < weigh(change(4, "feat: it"), PLAIN).score
    )


def test_a_release_weighs_by_what_it_ships_and_an_early_one_less() -> None:
    small, large, candidate = weighed(release("v1.1"), release("v2.0", shipped=60), release("v2.0rc1", shipped=60))
    assert candidate.weight.score < small.weight.score < large.weight.score
    assert candidate.weight.reasons[0] == "prerelease"


def test_the_talk_and_the_labels_of_its_pull_request_count_for_a_change() -> None:
    alone = change(1, "feat: it")
    pull = thread("pull", 1, "feat: it", opened=0, merged=1, notes=(note("Bo"), note("Cy")), labels=("breaking",))
    discussed = replace(alone, also=View(pull, "kernels#1"))
    assert weigh(discussed, PLAIN).score > weigh(alone, PLAIN).score
    assert {"heat", "label:breaking"} <= set(weigh(discussed, PLAIN).reasons)


def test_a_thread_weighs_by_its_heat() -> None:
    quiet, question, hot = weighed(
        issue(1, "The table is empty"),
        issue(2, "How to use pages?"),
        issue(3, "[Bug] Regression: wrong result on B200", people=6, labels=("bug", "P0")),
    )
    assert question.weight.score < quiet.weight.score < hot.weight.score
    assert {"heat", "people", "regression", "wrong-result", "hardware", "label:bug"} <= set(hot.weight.reasons)


def test_an_issue_that_is_fixed_and_a_draft_are_told_apart() -> None:
    plain = issue(1, "Crash with no pages")
    fixed = replace(plain, view=replace(plain.view, beside=(Beside("fixed-by", Other("commit:x@1")),)))
    assert "fixed" in weigh(fixed, PLAIN).reasons
    draft, ready = (
        entry(thread("pull", at, "Pages", opened=10, meta=meta), "opened pulls")
        for at, meta in ((1, (("draft", "true"),)), (2, ()))
    )
    assert weigh(draft, PLAIN).score < weigh(ready, PLAIN).score


def test_a_paper_of_the_field_weighs_more() -> None:
    near = paper(1, "Fused attention kernels for LLM inference", "Our GPU kernels speed up decoding by 2.1x.")
    assert ranking(paper(2, "On the growth of mosses", "We measured mosses."), near)[0] == near.view.record.title


# --- what the reader cares for -----------------------------------------------------------------------------------------------


def test_topics_multiply_where_they_stand_in_title_label_or_path() -> None:
    profile = Profile(topics={"MoE": 2.0, "kv-cache": 3.0})
    plain = change(1, "feat: it")
    for same in (
        change(1, "feat: fused MoE"),
        change(1, "feat: it", labels=("moe",)),
        change(1, "feat: it", files=[code(80, "src/moe/engine.cu")]),
    ):
        assert weigh(same, profile).score == pytest.approx(2 * weigh(same, PLAIN).score, abs=0.01)
        assert "topic:MoE" in weigh(same, profile).reasons
    assert weigh(plain, profile) == weigh(plain, PLAIN)
    assert "topic:kv-cache" in weigh(change(1, "feat: a kv cache"), profile).reasons


def test_a_body_raises_less_and_never_lowers() -> None:
    found = change(1, "feat: it", body="It helps MoE and Mamba.")
    assert 1 < weigh(found, Profile(topics={"moe": 4.0})).score / weigh(found, PLAIN).score < 4
    assert weigh(found, Profile(topics={"mamba": 0.0})).score == weigh(found, PLAIN).score


def test_of_several_topics_the_one_that_raises_most_decides() -> None:
    found = change(1, "feat: MoE for Mamba")
    plain = weigh(found, PLAIN).score
    assert weigh(found, Profile(topics={"moe": 2.0, "mamba": 0.0})).score == pytest.approx(2 * plain, abs=0.01)
    assert weigh(found, Profile(topics={"moe": 0.5, "mamba": 0.0})).score == 0


def test_what_is_not_interesting_is_never_told_in_detail() -> None:
    entries = [change(1, "feat: Mamba"), change(2, "feat!: drop Mamba", "reverts"), change(3, "feat: it")]
    assert told(entries, Profile(topics={"mamba": 0})) == ["feat: it"]
    assert told(entries, Profile(repos={"acme/kernels": 0})) == []


def test_a_repository_weighs_as_the_profile_says() -> None:
    found = change(1, "feat: it")
    assert weigh(found, Profile(repos={"acme/kernels": 1.5})).score == pytest.approx(1.5 * weigh(found, PLAIN).score, abs=0.01)


# --- choosing ----------------------------------------------------------------------------------------------------------------


def test_a_quiet_day_is_told_whole_but_for_what_only_keeps_house() -> None:
    entries = [
        change(1, "feat: it"),
        change(2, "fix: that", "fixes", files=[code(2)]),
        change(3, 'Revert "feat: that"', "reverts"),
        change(4, "docs: it", "docs", files=[code(900, "docs/a.md")]),
        change(5, "ci: it", "ci", files=[code(900, ".github/workflows/a.yml")]),
        change(6, "bump numpy", "dependencies", files=[code(2, "requirements.txt")]),
        change(7, "test: it", "tests", files=[code(900, "tests/test_a.py")]),
        change(8, "Rename the helper", "refactoring"),
    ]
    assert told(entries) == ['Revert "feat: that"', "feat: it", "fix: that"]


def test_on_a_day_without_news_the_best_of_the_rest_is_told() -> None:
    entries = [
        change(1, "Simplify paging", "refactoring"),
        change(2, "Rename it", "refactoring", files=[code(1)]),
        change(3, "x", "ci"),
    ]
    assert told(entries) == ["Simplify paging"]


def test_a_refactoring_of_everything_is_told() -> None:
    files = [code(2000, f"csrc/{at}/a.cu", status="A") for at in range(9)]
    assert "Move to the new bindings" in told(
        [change(1, "Move to the new bindings", "refactoring", files=files), change(2, "feat: it")]
    )


def test_a_busy_day_keeps_to_its_room_and_a_week_has_twice_of_it() -> None:
    entries = [change(at, f"feat: part {at}", files=[code(50 + at)]) for at in range(200)]
    assert len(told(entries)) == 30
    assert len(told(entries, Profile(detail=12))) == 12
    assert len(told(entries, days=7)) == 60


def test_the_best_are_told_on_a_busy_day() -> None:
    entries = [change(at, f"feat: {at:03}", files=[code(1 + at * at)]) for at in range(100)]
    assert told(entries, Profile(detail=10)) == [f"feat: {at:03}" for at in range(90, 100)]


def test_two_hundred_reverts_make_no_novel() -> None:
    entries = [change(at, f'Revert "part {at}"', "reverts") for at in range(200)]
    assert len(told([*entries, change(300, "feat: it")])) == 30


def test_headlines_leave_room_for_other_changes() -> None:
    entries = [change(at, f'Revert "part {at}"', "reverts") for at in range(8)]
    entries += [change(100 + at, f"feat: {at}") for at in range(8)]
    assert sum(title.startswith("feat") for title in told(entries, Profile(detail=12))) == 4


def test_a_quiet_repository_is_told_beside_a_busy_one() -> None:
    busy = [change(at, f"feat: {at}", files=[code(5000)]) for at in range(150)]
    quiet = change(500, "feat: the only one", repo="other/quiet", files=[code(40, "src/a.py")])
    chosen = told([*busy, quiet])
    assert "feat: the only one" in chosen
    assert len(chosen) == 30


def test_a_version_is_told_unless_its_release_stands_beside_it() -> None:
    bump = change(1, "bump version to 2.0", "versions", files=[code(2, "version.txt")])
    assert told([bump, change(2, "feat: it")]) == ["bump version to 2.0", "feat: it"]
    assert told([bump, release("v2.0")]) == ["v2.0"]


def test_a_version_is_a_row_where_its_tag_is_told() -> None:
    files = [code(2, "version.txt")]
    bump = replace(change(1, "bump version to 2.0", "versions", files=files), view=View(commit(1, "bump"), "k", tag="v2.0"))
    assert told([bump, change(2, "feat: it")]) == ["feat: it"]
    nightly = replace(bump, view=replace(bump.view, record=change(1, "bump version to 2.0", files=files).view.record))
    assert told([replace(nightly, view=replace(nightly.view, tag="nightly-v2.0-20260204"))]) == ["bump version to 2.0"]


def test_a_version_that_is_declared_stable_weighs_more_than_a_bump() -> None:
    files = [code(2, "__init__.py")]
    declared = change(1, "Mark current main version as v3.0.0 stable", "versions", files=files)
    assert ranking(change(2, "bump version to 3.0.1", "versions", files=files), declared)[0] == declared.view.record.title


def test_a_change_without_words_or_a_hunk_is_a_row_unless_it_is_heavy_or_among_the_best() -> None:
    bare = change(1, "feat: bare", body="")
    assert told([bare]) == ["feat: bare"]
    best = [change(10 + at, f"feat: best {at}", files=[code(400)]) for at in range(5)]
    names = [entry.view.record.title for entry in best]
    assert told([bare, *best]) == names
    patch = "@@ -1,1 +1,1 @@\n-    limit = 4\n+    limit = 8\n"
    shown = change(3, "feat: shown", body="", files=[code(1, "src/cli.py", patch=patch)])
    assert told([bare, shown, *best]) == [*names, "feat: shown"]
    giants = [
        code(90_000, f"src/{folder}/new.cu", status="A", patch="@@ -0,0 +1,1 @@\n+class Dialect {") for folder in range(30)
    ]
    heavy = [change(40 + at, f"feat: giant {at}", body="", files=giants) for at in range(7)]
    assert told([bare, *heavy]) == [entry.view.record.title for entry in heavy]
    assert 'Revert "feat: bare"' in told([change(5, 'Revert "feat: bare"', "reverts", body=""), bare, *best])


@pytest.mark.parametrize(("days", "most"), [(1, 10), (7, 20), (30, 30), (90, 30)])
def test_however_long_the_window_is_the_room_has_an_end(days: int, most: int) -> None:
    entries = [change(at, f"feat: {at}") for at in range(100)]
    entries += [change(200 + at, f'Revert "{at}"', "reverts") for at in range(9)]
    entries += [issue(300 + at, f"Crash {at}", people=5) for at in range(60)]
    assert len(told(entries, Profile(detail=10), days=days)) == most


def test_a_revert_that_was_brought_back_weighs_little() -> None:
    revert = change(1, 'Revert "feat: it"', "reverts")
    assert ranking(replace(revert, relanded="key@2"), change(2, "feat: it, fixed"))[0] == "feat: it, fixed"
    assert ranking(revert, change(2, "feat: it, fixed"))[0] == 'Revert "feat: it"'


def test_the_hottest_issues_of_each_repository_are_told() -> None:
    issues = [issue(at, f"Crash number {at}", people=at) for at in range(12)]
    assert told(issues) == sorted(f"Crash number {at}" for at in range(7, 12))
    assert told([issue(1, "Is it there?")]) == []


def test_open_pull_requests_and_closed_threads_are_told_only_if_hot() -> None:
    cold = entry(thread("pull", 1, "Pages", opened=10), "opened pulls")
    closed = entry(thread("issue", 2, "Pages are empty", opened=3, closed=10), "closed issues")
    notes = tuple(note(f"person {at}") for at in range(12))
    hot = entry(thread("pull", 3, "RFC: pages", opened=10, notes=notes), "opened pulls")
    assert told([cold, closed, hot]) == ["RFC: pages"]


def test_at_most_eight_papers_are_told() -> None:
    papers = [paper(at, f"Attention kernels for GPU inference {at}") for at in range(20)]
    assert len(told(papers)) == 8
    assert told([paper(1, "On the growth of mosses")]) == []


def test_threads_and_papers_share_the_room_with_changes() -> None:
    entries = [change(at, f"feat: {at}") for at in range(100)]
    entries += [paper(at, f"Attention kernels for GPU inference {at}") for at in range(20)]
    entries += [issue(200 + at, f"Crash {at}", people=5) for at in range(20)]
    assert Counter(title.split()[0] for title in told(entries)) == {"feat:": 17, "Attention": 8, "Crash": 5}


def test_a_short_report_is_short_of_everything() -> None:
    entries = [change(at, f"feat: {at}") for at in range(100)]
    entries += [paper(at, f"Attention kernels for GPU inference {at}") for at in range(20)]
    entries += [issue(200 + at, f"Crash {at}", people=5) for at in range(20)]
    assert Counter(title.split()[0] for title in told(entries, Profile(detail=6))) == {"feat:": 2, "Attention": 1, "Crash": 3}


def test_the_order_of_the_entries_does_not_matter_and_ties_go_to_the_latest() -> None:
    entries = [change(at, f"feat: {at:02}") for at in range(40)]
    assert told(entries, Profile(detail=5)) == [f"feat: {at:02}" for at in range(35, 40)]
    shuffled = random.Random(3).sample(entries, len(entries))
    assert told(shuffled, Profile(detail=5)) == told(entries, Profile(detail=5))


def test_nothing_is_told_of_nothing() -> None:
    assert choose([], PLAIN) == frozenset()


TEXT = st.text(max_size=60)


@given(
    title=TEXT,
    body=TEXT,
    path=TEXT,
    label=TEXT,
    topic=TEXT,
    kind=st.sampled_from(["commit", "pull", "issue", "release", "paper", "post", "model"]),
    group=st.sampled_from(GROUPS),
    lines=st.integers(0, 10**9),
)
def test_any_record_has_a_weight(
    title: str, body: str, path: str, label: str, topic: str, kind: str, group: str, lines: int
) -> None:
    files = (FileChange(path=path, additions=lines, patch=body, binary=lines % 2 == 0),)
    record = Record(id=f"{kind}:x", kind=kind, repo="a/b", ref=title, title=title, body=body, labels=(label,), files=files)
    found = entry(record, group)
    weight = weigh(found, Profile(topics={topic: 2.0}))
    assert weight.score >= 0
    assert len(set(weight.reasons)) == len(weight.reasons)
    assert choose([replace(found, weight=weight)], PLAIN) <= {record.id}
