"""Versions in the names of tags, and the tag before each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kb import releases
from kb.types import Tag


def tags(*names: str) -> list[Tag]:
    """Tags of these names, a day apart."""
    return [
        Tag(name, f"{number:040x}", datetime(2026, 1, 1, tzinfo=UTC) + timedelta(number)) for number, name in enumerate(names)
    ]


def before(*names: str) -> dict[str, str]:
    return {name: tag.name for name, tag in releases.previous(tags(*names)).items()}


def test_versions_are_ordered_by_their_numbers() -> None:
    names = ["v0.9", "v0.10.0.dev3", "v0.10.0rc2", "v0.10.0rc10", "v0.10", "v0.10.0.post1", "v0.10.0.post12", "v0.10.1", "v1.0"]
    assert sorted(names, key=lambda name: releases.version_key(name) or ()) == names
    assert releases.version_key("v0.10.0") == releases.version_key("release-0.10")
    assert [releases.version_key(name) for name in ("aarch64", "stable", "ciflow/trunk/1234", "")] == [None] * 4


@pytest.mark.parametrize(
    ("name", "early"),
    [
        ("v1.0", False), ("torch-v1.0", False), ("device-1.0", False), ("v1.0+cu118", False),
        ("v1.0rc1", True), ("v1.0.dev20260101", True), ("1.0b2", True), ("v1.0-alpha.1", True), ("v1.0.post1", True),
        ("nightly-v1.0-20260101", True), ("preview-1.0", True),
    ],
)  # fmt: skip
def test_what_is_no_final_release(name: str, early: bool) -> None:
    assert releases.is_prerelease(name) is early


def test_the_tag_before() -> None:
    assert before("v1.0", "v1.1rc9", "v1.1rc10", "v1.1", "v1.1.post1", "v1.2rc1", "v1.2") == {
        "v1.1rc9": "v1.0", "v1.1rc10": "v1.1rc9", "v1.1": "v1.0",
        "v1.1.post1": "v1.1", "v1.2rc1": "v1.1.post1", "v1.2": "v1.1",
    }  # fmt: skip


def test_a_maintenance_release_comes_between_by_version_and_not_by_date() -> None:
    assert before("v1.0", "v2.0", "v1.0.1", "v2.1") == {"v2.0": "v1.0", "v1.0.1": "v1.0", "v2.1": "v2.0"}


def test_nightlies_follow_each_other_by_date() -> None:
    assert before("v1.0", "nightly-v1.1-0101", "v1.1", "nightly-0102", "v1.2-nightly.3") == {
        "nightly-v1.1-0101": "v1.0", "v1.1": "v1.0", "nightly-0102": "nightly-v1.1-0101", "v1.2-nightly.3": "v1.1",
    }  # fmt: skip


def test_tags_without_a_version_follow_the_latest_release_or_each_other() -> None:
    assert before("first", "v1.0", "stable", "v1.1", "lts") == {"stable": "v1.0", "v1.1": "v1.0", "lts": "v1.1"}
    assert before("b4001", "b4002", "b4003") == {"b4002": "b4001", "b4003": "b4002"}


def test_the_first_of_a_series_follows_another_one() -> None:
    assert before("widget-0.9", "v1.0", "core-v0.1", "core-v0.2", "v1.1") == {
        "v1.0": "widget-0.9", "core-v0.1": "v1.0", "core-v0.2": "core-v0.1", "v1.1": "v1.0",
    }  # fmt: skip


def test_nothing_leads_round_in_a_circle() -> None:
    same = [
        Tag(name, "a" * 40, datetime(2026, 1, 1, tzinfo=UTC))
        for name in ("v1", "v1.0", "1.0", "release-1.0", "stable", "core-1")
    ]
    found = releases.previous(same)
    for tag in same:
        seen, name = set(), tag.name
        while name in found:
            assert name not in seen
            seen.add(name)
            name = found[name].name
