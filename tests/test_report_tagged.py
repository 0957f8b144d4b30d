"""Versions that were tagged in a window are told where no release tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.lines import View
from kb.report.markdown import markdown
from kb.report.sidecar import sidecar
from kb.report.tagged import announced
from kb.report.types import Entry, Tagged
from kb.types import Event, FileChange, Record, Tag
from tests.records import REPO, commit, day, put, sha
from tests.reporting import NOW, at, report


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def version(name: str, number: int, *, previous: str = "", **more: object) -> Tag:
    return Tag(name, sha(number), day(number) + timedelta(hours=1), previous=previous, **more)  # type: ignore[arg-type]


def test_a_version_stands_in_the_summary_and_at_its_repository(catalog: Catalog) -> None:
    tags = (version("v1.1", 3, previous="v1.0", commits=(sha(3), sha(2))), version("v1.0", 1, commits=(sha(1),)))
    put(catalog, commit(1), commit(2), commit(3), tags=tags)
    made = report(catalog, at(3))
    text = markdown(made)
    assert "Tagged: kernels `v1.1`." in text
    page = f"https://example.org/{REPO}/releases/tag/v1.1"
    assert f"\nTagged on 2026-02-04: [`v1.1`]({page}), 2 commits that `v1.0` has not.\n" in text
    (told,) = sidecar(made)["tags"]
    assert told.items() >= {
        "repo": REPO, "name": "v1.1", "at": "2026-02-04T01:00:00Z", "previous": "v1.0", "commits": 2, "url": page,
    }.items()  # fmt: skip


def test_the_first_version_has_none_before_it(catalog: Catalog) -> None:
    put(catalog, commit(3), tags=(version("v1.0", 3, commits=(sha(3),)),))
    assert "打标签：[`v1.0`]" in markdown(report(catalog, at(3, language="zh")))
    assert "/releases/tag/v1.0).\n" in markdown(report(catalog, at(3)))


@pytest.mark.parametrize("name", ["nightly-v1.1-20260204", "wip", "backup"])
def test_what_is_no_version_or_made_by_the_clock_is_not_told(catalog: Catalog, name: str) -> None:
    put(catalog, commit(3), tags=(version(name, 3),))
    assert report(catalog, at(3)).tagged == ()


def test_a_release_that_is_stored_tells_it_itself(catalog: Catalog) -> None:
    release = Record(
        id=f"release:{REPO}@v1.1", kind="release", repo=REPO, ref="v1.1", title="v1.1", events=(Event("released", day(9)),)
    )
    put(catalog, commit(3), tags=(version("v1.1", 3),))
    assert len(report(catalog, at(3)).tagged) == 1
    put(catalog, release, source="releases")
    assert report(catalog, at(3)).tagged == ()


def test_a_tag_alone_is_no_quiet_day(catalog: Catalog) -> None:
    put(catalog, commit(1), tags=(Tag("v1.0", sha(1), day(3.5)),))
    text = markdown(report(catalog, at(3)))
    assert "Tagged: kernels `v1.0`." in text
    assert f"## {REPO}\n\nTagged on 2026-02-04: `v1.0`.\n" in text
    assert "quiet" not in text.lower()


def test_a_tag_that_is_yet_to_come_is_not_told(catalog: Catalog) -> None:
    put(catalog, commit(40), tags=(Tag("v1.0", sha(40), NOW + timedelta(hours=2)),))
    assert report(catalog, at(40, now=NOW + timedelta(hours=1))).tagged == ()
    assert len(report(catalog, at(40, now=NOW + timedelta(hours=3))).tagged) == 1


def test_a_hostile_name_breaks_nothing(catalog: Catalog) -> None:
    put(catalog, commit(3), tags=(Tag("v1.0`|](x) <b>", sha(3), day(3.5)),))
    text = markdown(report(catalog, at(3)))
    assert "v1.0`|](x) <b>" in text  # within code, where it means nothing
    assert "/releases/tag/v1.0%60%7C%5D%28x%29%20%3Cb%3E)" in text


def test_prereleases_of_one_version_are_one_and_come_after_final_ones(catalog: Catalog) -> None:
    tags = [
        Tag("v1.0", sha(1), day(1), commits=(sha(1),)),
        Tag("v1.1rc1", sha(2), day(3) + timedelta(hours=1), previous="v1.0", commits=(sha(2),), beyond=4),
        Tag("v1.1rc2", sha(3), day(3) + timedelta(hours=2), previous="v1.1rc1", commits=(sha(3),)),
        Tag("fa4-v1.1rc2", sha(3), day(3) + timedelta(hours=2), previous="v1.0", commits=(sha(3),)),
        Tag("v1.0.1", sha(4), day(3), previous="v1.0", commits=(sha(4),)),
    ]
    put(catalog, *map(commit, range(1, 5)), tags=tuple(tags))
    found = {one.name: one for one in report(catalog, at(3)).tagged}
    assert next(iter(found)) == "v1.0.1"
    assert set(found) == {"v1.0.1", "v1.1rc2", "fa4-v1.1rc2"}
    latest = found["v1.1rc2"]
    assert (latest.early, latest.also, latest.previous, latest.commits) == (True, ("v1.1rc1",), "v1.0", 6)
    assert (found["v1.0.1"].early, found["fa4-v1.1rc2"].also) == (False, ())


def test_the_date_of_a_lightweight_tag_is_its_commits(catalog: Catalog) -> None:
    made = day(3) + timedelta(hours=1)
    record = commit(3, events=(Event("committed", made), Event("landed", made)))
    annotated = Tag("v2.0", sha(3), made + timedelta(hours=1), previous="v1.0")
    put(catalog, record, tags=(Tag("v1.0", sha(3), made), annotated, Tag("v3.0", sha(77), made)))
    assert {one.name: one.dated for one in report(catalog, at(3)).tagged} == {"v1.0": False, "v2.0": True, "v3.0": True}


def test_two_tags_of_one_commit_are_not_counted_against_each_other(catalog: Catalog) -> None:
    tags = (version("v1.0", 3, commits=(sha(3),)), version("v1.0.1", 3, previous="v1.0"))
    put(catalog, commit(3), tags=tags)
    found = {one.name: (one.same, one.previous) for one in report(catalog, at(3)).tagged}
    assert found == {"v1.0.1": ("v1.0", ""), "v1.0": ("", "")}
    assert "0 commits" not in markdown(report(catalog, at(3)))


def test_a_whole_number_with_something_behind_it_is_a_version(catalog: Catalog) -> None:
    put(catalog, commit(3), tags=(Tag("v2|x", sha(3), day(3.5)), Tag("v2x-wip", sha(3), day(3.5))))
    assert [one.name for one in report(catalog, at(3)).tagged] == ["v2|x"]


@pytest.mark.parametrize(
    ("title", "group", "lines", "told"),
    [
        ("bump version to 1.1 (#3)", "versions", 2, True),
        ("bump version from 1.0 to 1.1", "versions", 2, True),
        ("bump version to 1.2", "versions", 2, False),
        ("v1.1 update.", "versions", 900, False),
        ("fix: 1.1 does not build", "fixes", 2, False),
    ],
)
def test_what_only_sets_the_version_of_a_tag_is_told_by_it(title: str, group: str, lines: int, told: bool) -> None:
    record = commit(3, title, files=(FileChange(path="kernels/version.py", additions=lines),))
    entry = Entry(view=View(record, "k", pull="3"), group=group, records=(record,))
    tag = Tagged(repo=REPO, name="v1.1", at=day(3), previous="v1.0", commits=2, url="")
    assert announced(entry, (tag,)) == told
    assert not announced(entry, (replace(tag, repo="acme/attention"),))


def test_what_is_known_of_a_tag_is_said(catalog: Catalog) -> None:
    made = day(3) + timedelta(hours=1)
    tags = (
        Tag("v1.0", sha(3), made),
        Tag("v1.0.1", sha(3), made, previous="v1.0"),
        Tag("v1.1rc1", sha(2), made, previous="v1.0", commits=(sha(2),)),
        Tag("v1.1rc2", sha(2), made, previous="v1.1rc1", commits=(sha(2),)),
    )
    put(catalog, commit(2), commit(3, events=(Event("committed", made), Event("landed", made))), tags=tags)
    text = markdown(report(catalog, at(3)))
    assert "Tagged at a commit of 2026-02-04: [`v1.0`]" in text
    assert "/v1.0.1), the same commit as `v1.0`.\n" in text
    assert "/v1.1rc2) (before it `v1.1rc1`), 2 commits that `v1.0` has not.\n" in text
