"""The ledger in the store: how each run went, what it used, and the history of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb import ledger
from kb.catalog import Catalog, Filter, Run
from kb.errors import CatalogError
from kb.meter import Reading
from kb.types import Batch, LedgerRow, Tag
from tests.records import REPO, commit, day, pull, put, sha

RESET = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


def begin(catalog: Catalog, source: str = "git") -> None:
    catalog.begin(source, use="git_commits", repo=REPO)


def test_every_ended_run_joins_the_history_latest_first(path: Path) -> None:
    with Catalog.open(path) as catalog:
        put(catalog, commit(1), commit(2), expected=9, truncated="60 requests an hour")
        begin(catalog)
        assert [run.status for run in catalog.runs("git", 9)] == ["ok"]
        catalog.store("git", Batch(records=(commit(1, "changed"),), cursor="2"))
        row = catalog.finish("git", error="no answer", reading=Reading(7, 0, RESET, ("moved",)))
        failed, good = catalog.runs("git", 9)
        assert failed == Run(
            status="failed",
            started=row.started,
            ended=row.ended,
            fetched=1,
            expected=None,
            new=0,
            changed=1,
            gone=0,
            truncated="",
            error="no answer",
            requests=7,
            limit_reset=RESET,
            notes=("moved",),
        )
        assert (good.status, good.fetched, good.expected, good.new) == ("ok", 2, 9, 2)
        assert (good.truncated, good.requests, good.limit_reset, good.notes) == ("60 requests an hour", 0, None, ())
        assert catalog.runs("git", 1) == (failed,)
        assert catalog.runs("nobody", 9) == ()


def test_a_new_run_begins_with_nothing_used(path: Path) -> None:
    with Catalog.open(path) as catalog:
        begin(catalog)
        catalog.finish("git", reading=Reading(7, 0, RESET, ("moved",)))
        begin(catalog)
        (row,) = catalog.ledger()
        assert (row.status, row.requests, row.limit_reset, row.notes) == ("running", 0, None, ())


def test_a_source_keeps_its_last_hundred_runs(path: Path) -> None:
    with Catalog.open(path) as catalog:
        put(catalog, source="other")
        for number in range(ledger.RUNS_KEPT + 5):
            begin(catalog)
            catalog.finish("git", reading=Reading(number))
        kept = [run.requests for run in catalog.runs("git", 1000)]
        assert kept == list(range(ledger.RUNS_KEPT + 4, 4, -1))
        assert len(catalog.runs("other", 1000)) == 1


def test_a_run_whose_process_died_is_in_the_history_without_an_end(path: Path) -> None:
    with Catalog.open(path) as catalog:
        begin(catalog)
        catalog.store("git", Batch(records=(commit(1),), cursor="1"), reading=Reading(3))
    with Catalog.open(path) as catalog:  # closing gave the lock back, as the end of a process does
        assert [row.status for row in catalog.ledger()] == ["interrupted"]
        begin(catalog)
        catalog.finish("git")
        good, dead = catalog.runs("git", 9)
    assert (good.status, dead.status) == ("ok", "interrupted")
    assert (dead.ended, dead.fetched, dead.requests) == (None, 1, 3)
    assert dead.started is not None


def test_kinds_are_those_that_the_source_names_or_else_those_stored_of_it(path: Path) -> None:
    with Catalog.open(path) as catalog:
        catalog.begin("threads", use="x", repo=REPO, kinds=("pull", "issue"))
        catalog.finish("threads")
        put(catalog, pull(1, "a"), commit(1), source="plain")
        put(catalog, source="empty")
        assert {row.source: row.kinds for row in catalog.ledger()} == {
            "threads": ("pull", "issue"),
            "plain": ("commit", "pull"),
            "empty": (),
        }


def test_the_latest_is_over_all_kinds(path: Path) -> None:
    with Catalog.open(path) as catalog:
        put(catalog, pull(5, "a"), commit(3))
        assert catalog.ledger()[0].latest == day(5)


@pytest.mark.parametrize("secret", ["https://t0ken@host/x", "/x?access_token=t0ken", "ghp_t0kent0kent0kent0ken"])
def test_no_secret_is_stored(path: Path, secret: str) -> None:
    with Catalog.open(path) as catalog:
        begin(catalog)
        row = catalog.finish("git", error=f"cannot read {secret}", reading=Reading(notes=(f"see {secret}",)))
        assert "***" in row.error
        assert "***" in row.notes[0]
    assert all(b"t0ken" not in file.read_bytes() for file in path.parent.iterdir())


def test_a_run_that_was_ended_takes_nothing_more(path: Path) -> None:
    with Catalog.open(path) as catalog:
        begin(catalog, "a")
        begin(catalog, "b")
        catalog.finish("a", interrupted=True)
        with pytest.raises(CatalogError, match="'a' was not begun"):
            catalog.store("a", Batch(records=(commit(1),), cursor="1"))
        with pytest.raises(CatalogError, match="'a' was not begun"):
            catalog.finish("a")
        assert [run.status for run in catalog.runs("a", 9)] == ["interrupted"]
        catalog.store("b", Batch(records=(commit(1),), cursor="1"))
        assert catalog.count(Filter()) == 1


def test_a_forgotten_source_takes_its_runs_and_the_tags_that_no_other_source_reads(path: Path) -> None:
    tags = (Tag("v1", sha(1), day(1), commits=(sha(1),)),)
    with Catalog.open(path) as catalog:
        put(catalog, commit(1), source="old", tags=tags)
        put(catalog, commit(2), source="new")
        catalog.forget("old")
        assert catalog.runs("old", 9) == ()
        assert [tag.name for tag in catalog.tags(REPO)] == ["v1"]
        catalog.forget("new")
        assert catalog.tags(REPO) == ()


def test_stale_is_older_than_it_may_be_and_never_what_was_not_read() -> None:
    row = LedgerRow(source="git", use="x", repo="", stale_after=3600.0)
    assert not row.is_stale(day(1000))
    row = replace(row, last_success=day(1))
    assert not row.is_stale(day(1) + timedelta(hours=1))
    assert row.is_stale(day(1) + timedelta(hours=1, seconds=1))
