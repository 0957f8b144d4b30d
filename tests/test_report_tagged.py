"""Versions that were tagged in a window are told where no release tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.report.markdown import markdown
from kb.report.sidecar import sidecar
from kb.types import Event, Record, Tag
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
    assert f"\nTagged [`v1.1`]({page}) on 2026-02-04: 2 commits that `v1.0` has not.\n" in text
    (told,) = sidecar(made)["tags"]
    assert told == {
        "repo": REPO, "name": "v1.1", "at": "2026-02-04T01:00:00Z", "previous": "v1.0", "commits": 2, "url": page,
    }  # fmt: skip


def test_the_first_version_has_none_before_it(catalog: Catalog) -> None:
    put(catalog, commit(3), tags=(version("v1.0", 3, commits=(sha(3),)),))
    assert "标签 [`v1.0`]" in markdown(report(catalog, at(3, language="zh")))
    assert " on 2026-02-04.\n" in markdown(report(catalog, at(3)))


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
    assert f"## {REPO}\n\nTagged `v1.0` on 2026-02-04.\n" in text
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
