"""A revert and what brings it back within one window belong together."""

from __future__ import annotations

import pytest

from kb.lines import Other, View
from kb.report.relands import with_relands
from kb.report.types import Entry
from kb.types import Record
from tests.records import commit

FEATURE = "feat: support fused MoE with Relu2 and shared experts"


def entry(record: Record, group: str, **fields: object) -> Entry:
    view = View(record, f"kernels@{record.ref[:7]}", **fields)  # type: ignore[arg-type]
    return Entry(view=view, group=group, records=(record,))


def linked(*entries: Entry) -> list[tuple[str, str, str]]:
    return [(one.group, one.relanded, one.relands) for one in with_relands(entries)]


@pytest.mark.parametrize(
    ("title", "body"),
    [
        (f"{FEATURE}, fixed (#9)", ""),
        (f"Reland: {FEATURE} (#9)", ""),
        (f"{FEATURE} (take 2)", ""),
        ("Relu2 reland and other fixes", "Relands what was reverted in #7, with fixes.\n"),
    ],
)
def test_a_change_that_brings_back_what_was_reverted_is_named(title: str, body: str) -> None:
    revert = entry(commit(1, f'Revert "{FEATURE}" (#7)'), "reverts", pull="7")
    back = entry(commit(2, title, body=body), "features")
    assert linked(back, revert) == [("features", "", revert.view.key), ("reverts", back.view.key, "")]


def test_a_revert_of_a_revert_is_what_it_brings_back() -> None:
    revert = entry(commit(1, f'Revert "{FEATURE}"'), "reverts")
    again = entry(
        commit(2, f'Revert "Revert "{FEATURE}""'), "reverts", reverts=(Other(revert.id, revert.view.key, revert.view.record),)
    )
    assert linked(revert, again) == [("reverts", again.view.key, ""), ("features", "", revert.view.key)]


def test_by_the_title_of_what_is_stored_as_reverted() -> None:
    first = commit(1, FEATURE)
    revert = entry(commit(2, "Revert PR 7"), "reverts", reverts=(Other(first.id, "kernels@1", first),))
    back = entry(commit(3, f"{FEATURE}, fixed"), "features")
    assert linked(revert, back)[0] == ("reverts", back.view.key, "")


@pytest.mark.parametrize(
    "other",
    [
        entry(commit(0, f"{FEATURE} (#6)"), "features"),  # before it: what was reverted
        entry(commit(2, "feat: support fused MoE with SwiGLU in four bits", body="As in #7."), "features"),
        entry(commit(2, "Reland the page table", body="It was reverted in #77."), "features"),
        entry(commit(2, "Revert the page table"), "reverts"),
    ],
)
def test_what_has_nothing_to_do_with_it_stays_as_it_is(other: Entry) -> None:
    revert = entry(commit(1, f'Revert "{FEATURE}" (#7)'), "reverts", pull="7")
    assert linked(other, revert) == [(other.group, "", ""), ("reverts", "", "")]


def test_each_revert_has_one_change_that_brings_it_back() -> None:
    reverts = [entry(commit(at, f'Revert "{FEATURE}"'), "reverts") for at in (1, 3)]
    backs = [entry(commit(at, f"{FEATURE}, fixed"), "features") for at in (2, 4)]
    assert [one.relanded for one in with_relands([*reverts, *backs])][:2] == [back.view.key for back in backs]
