"""Storing and reading records: what goes in comes out, in the order asked for."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.catalog import Catalog, Filter, Stored
from kb.errors import CatalogError, QueryError
from kb.types import Batch, Event, FileChange, Link, Record, Snapshot, Tag, Window
from tests.records import REPO, commit, day, pull, put, sha, titles


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def statements(catalog: Catalog, action: Any) -> list[str]:
    """The SQL that ``action`` runs on reading connections."""
    seen: list[str] = []
    with catalog._reading() as connection:
        connection.set_trace_callback(seen.append)
    action()
    with catalog._reading() as connection:
        connection.set_trace_callback(None)
    return [statement for statement in seen if statement.startswith("SELECT")]


def plan(catalog: Catalog, statement: str) -> str:
    with catalog._reading() as connection:
        return " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))


# --- what goes in comes out -----------------------------------------------------------------------------------------------


def test_a_record_comes_back_whole(catalog: Catalog) -> None:
    record = commit(
        1,
        "Fix 漢字 rendering",
        body="Why:\n\tbecause 🙂",
        state="merged",
        labels=("b", "a"),
        marks=("merge",),
        meta=(("committer", "Bob"), ("co-author", "Eve"), ("co-author", "Dan")),
        files=(
            FileChange(
                path="b\tx\ny",
                old_path="a b",
                status="R",
                additions=3,
                deletions=2,
                patch="@@ -1 +1 @@\n-a\n+b\n",
                truncated=True,
            ),
            FileChange(path="a.bin", status="A", binary=True),
        ),
        links=(Link("reverts", "commit:acme/kernels@" + sha(9)), Link("fixes", "issue:acme/kernels#4")),
    )
    assert put(catalog, record) == Stored(new=1)
    assert catalog.record(record.id) == record
    assert catalog.record(record.id).content_hash == record.content_hash  # type: ignore[union-attr]


TEXT = st.text(st.characters(), max_size=12)
FILES = st.builds(
    FileChange, path=TEXT, old_path=TEXT, status=st.sampled_from("AMDRCT"), additions=st.integers(0, 10**9),
    deletions=st.integers(0, 10**9), binary=st.booleans(), patch=TEXT, truncated=st.booleans(),
)  # fmt: skip
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28), timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]))
RECORDS = st.builds(
    Record, id=st.just("post:x:1"), kind=st.just("post"), repo=TEXT, ref=TEXT, title=TEXT, body=TEXT, url=TEXT, author=TEXT,
    state=TEXT,
    labels=st.lists(TEXT, max_size=3).map(tuple), events=st.lists(st.builds(Event, TEXT, TIMES), max_size=3).map(tuple),
    files=st.lists(FILES, max_size=3).map(tuple), links=st.lists(st.builds(Link, TEXT, TEXT), max_size=3).map(tuple),
    marks=st.lists(TEXT, max_size=3).map(tuple), meta=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=RECORDS)
def test_any_record_is_stored_once_and_indexed_once(catalog: Catalog, record: Record) -> None:
    put(catalog, record)
    assert put(catalog, record) == Stored(unchanged=1)
    (doc,) = catalog.pending(10) or [catalog.docs([record.id])[record.id]]
    (read,) = catalog.records([doc])
    catalog.mark_indexed([(doc, read.content_hash)])
    assert catalog.pending(10) == []
    assert [event.at for event in read.events] == [event.at.astimezone(UTC).replace(microsecond=0) for event in record.events]


def test_what_sqlite_cannot_hold_is_replaced(catalog: Catalog) -> None:
    bad = "a\0b\ud800c"
    record = commit(
        1,
        bad,
        body=bad,
        labels=(bad,),
        marks=(bad,),
        meta=((bad, bad),),
        files=(FileChange(path=bad, old_path=bad, patch=f"@@ -1 +1 @@\n+{bad}"),),
        links=(Link(bad, f"pull:{bad}"),),
    )
    put(catalog, record, first_tags={record.id: bad}, tags=(Tag(bad, sha(1), day(1)),), cursor=bad)
    good = "a\ufffdb\ufffdc"
    read = catalog.record(record.id)
    assert read is not None
    assert (read.title, read.body, read.labels, read.marks, read.meta) == (good, good, (good,), (good,), ((good, good),))
    assert read.files == (FileChange(path=good, old_path=good, patch=f"@@ -1 +1 @@\n+{good}"),)
    assert read.links == (Link(good, f"pull:{good}"),)
    assert catalog.tags(REPO)[0].name == good
    assert catalog.cursor("git") == good
    assert catalog.briefs(catalog.select(Filter()))[0].first_tag == good


def test_an_id_that_sqlite_cannot_hold_stays_one_record(catalog: Catalog) -> None:
    record = Record(id="release:a/b@v\udcff", kind="release", repo="a/b", ref="v\udcff", title="")
    put(catalog, record)
    assert put(catalog, record, snapshot=Snapshot(frozenset({record.id}))) == Stored(unchanged=1)
    assert catalog.record(record.id) is not None


def test_a_naive_time_is_refused_and_the_record_named(catalog: Catalog) -> None:
    catalog.begin("git", use="git_commits", repo=REPO)
    bad = commit(2, events=(Event("landed", datetime(2026, 1, 1)),))
    with pytest.raises(CatalogError, match=f"commit:{REPO}@{sha(2)}.*no time zone"):
        catalog.store("git", Batch(records=(commit(1), bad), cursor="x"))
    assert catalog.count(Filter()) == 0
    assert catalog.cursor("git") is None


def test_a_number_too_large_is_refused_and_the_record_named(catalog: Catalog) -> None:
    catalog.begin("git", use="git_commits", repo=REPO)
    bad = commit(2, files=(FileChange(path="x", additions=2**63),))
    with pytest.raises(CatalogError, match=f"{sha(2)} cannot be stored"):
        catalog.store("git", Batch(records=(commit(1), bad), cursor="x"))
    assert catalog.count(Filter()) == 0


def test_very_large_records(catalog: Catalog) -> None:
    many = commit(1, files=tuple(FileChange(path=f"d/f{number}.py") for number in range(100_000)))
    long = commit(2, body="word " * 250_000)
    put(catalog, many, long)
    assert catalog.records(catalog.select(Filter())) == [long, many]


# --- new, changed, unchanged, gone ----------------------------------------------------------------------------------------


def test_a_changed_record_replaces_all_of_the_old_one(catalog: Catalog) -> None:
    old = commit(1, "old title", files=(FileChange(path="old.py"), FileChange(path="also.py")), labels=("x",))
    new = commit(1, "new title", files=(FileChange(path="new.py"),), links=(), labels=())
    put(catalog, old)
    (doc,) = catalog.select(Filter())
    assert put(catalog, new, commit(2)) == Stored(new=1, changed=1)
    assert catalog.records([doc]) == [new]
    assert catalog.backlinks([f"pull:{REPO}#1"]) == []
    assert catalog.lexical("subject", ["old"]) == []
    assert [found for found, _ in catalog.lexical("subject", ["new"])] == [doc]


def test_the_same_id_twice_in_a_batch_is_one_record(catalog: Catalog) -> None:
    assert put(catalog, commit(1, "first"), commit(1, "second"), commit(1, "second")) == Stored(new=1, changed=1, unchanged=1)
    assert titles(catalog, catalog.select(Filter())) == ["second"]


def test_what_a_snapshot_lacks_is_gone_and_may_come_back(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2), commit(3))
    stored = put(catalog, snapshot=Snapshot(frozenset({commit(2).id}), since=day(2)))
    assert stored == Stored(gone=1)
    assert titles(catalog, catalog.select(Filter())) == ["change number 2", "change number 1"]  # 1 is older than `since`
    assert len(catalog.select(Filter(include_gone=True))) == 3
    assert catalog.record(commit(3).id) == commit(3)
    assert catalog.counts() == {"git": {"commit": 2, "gone": 1}}
    assert put(catalog, snapshot=Snapshot(frozenset({commit(2).id}), since=day(2))) == Stored()

    assert put(catalog, commit(3)) == Stored(changed=1)
    assert catalog.count(Filter()) == 3
    put(catalog, snapshot=Snapshot(frozenset()))
    assert catalog.count(Filter()) == 0
    assert put(catalog, snapshot=Snapshot(frozenset({commit(1).id, commit(2).id}))) == Stored(changed=2)
    assert catalog.count(Filter()) == 2


def test_a_record_of_two_sources_is_gone_when_neither_has_it(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2), source="main")
    put(catalog, commit(1, "as the fork has it"), source="fork")
    assert catalog.counts() == {"main": {"commit": 1}, "fork": {"commit": 1}}

    assert put(catalog, source="fork", snapshot=Snapshot(frozenset())) == Stored()
    assert catalog.counts() == {"main": {"commit": 2}}
    assert catalog.record(commit(1).id) == commit(1, "as the fork has it")
    assert put(catalog, source="main", snapshot=Snapshot(frozenset())) == Stored(gone=2)


def test_a_source_that_is_forgotten_takes_what_only_it_had(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2), source="old name")
    put(catalog, commit(1), source="new name")
    assert catalog.forget("old name") == 1
    assert titles(catalog, catalog.select(Filter())) == ["change number 1"]
    assert [row.source for row in catalog.ledger()] == ["new name"]
    assert catalog.cursor("old name") is None


def test_tags_and_first_tags(catalog: Catalog) -> None:
    one, two = Tag("v1", sha(1), day(1)), Tag("v2", sha(2), day(2))
    put(catalog, commit(1), commit(2), tags=(one, two), first_tags={commit(1).id: "v1", commit(2).id: "v2"})
    docs = catalog.docs([commit(1).id, commit(2).id, "commit:none"])
    assert catalog.tags(REPO) == (two, one)
    assert catalog.first_tags(list(docs.values())) == {docs[commit(1).id]: "v1", docs[commit(2).id]: "v2"}
    put(catalog, commit(1, "changed"), first_tags={commit(2).id: ""})
    assert catalog.tags(REPO) == (two, one)  # None leaves them
    assert catalog.first_tags(list(docs.values())) == {docs[commit(1).id]: "v1"}
    put(catalog, tags=(Tag("v1", sha(2), day(2)),))
    assert catalog.tags(REPO) == (Tag("v1", sha(2), day(2)),)


# --- selecting ------------------------------------------------------------------------------------------------------------


def test_a_window_is_half_open_and_latest_comes_first(catalog: Catalog) -> None:
    put(catalog, *(commit(number) for number in range(1, 6)))
    chosen = Filter(window=Window(day(2), day(4)))
    assert titles(catalog, catalog.select(chosen)) == ["change number 3", "change number 2"]
    assert catalog.count(chosen) == 2
    assert catalog.count(Filter(window=Window(end=day(3)))) == 2
    assert catalog.count(Filter(window=Window(start=day(3)))) == 3


def test_filters_by_repository_and_kind(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2, repo="other/repo"), pull(3, "a pull"))
    assert titles(catalog, catalog.select(Filter(repos=(REPO,)))) == ["a pull", "change number 1"]
    assert titles(catalog, catalog.select(Filter(repos=(REPO, "other/repo"), kinds=("commit",)))) == [
        "change number 2",
        "change number 1",
    ]
    assert catalog.select(Filter(repos=("no/such",))) == []
    assert catalog.repos() == (REPO, "other/repo")


def test_a_window_without_time_zone_is_refused(catalog: Catalog) -> None:
    with pytest.raises(QueryError, match="no time zone"):
        catalog.select(Filter(window=Window(start=datetime(2026, 1, 1))))


@pytest.mark.parametrize("repos", [(), (REPO,), (REPO, "other/repo")])
@pytest.mark.parametrize("kinds", [(), ("commit",)])
@pytest.mark.parametrize("window", [Window(), Window(day(1), day(9))])
def test_a_selection_is_read_from_an_index_alone(
    catalog: Catalog, repos: tuple[str, ...], kinds: tuple[str, ...], window: Window
) -> None:
    seen = statements(catalog, lambda: catalog.select(Filter(window, repos, kinds)))
    assert "COVERING INDEX records_by" in plan(catalog, seen[-1])


def test_whole_records_come_in_a_few_queries_in_the_order_asked_for(catalog: Catalog) -> None:
    put(catalog, *(commit(number) for number in range(300)))
    docs = catalog.select(Filter())[::-1]
    docs = [*docs[100:], *docs[:100], docs[0]]
    assert len(statements(catalog, lambda: catalog.records(docs))) == 5
    assert [record.ref for record in catalog.records(docs)] == [sha(number) for number in [*range(100, 300), *range(100), 0]]
    assert [brief.ref for brief in catalog.briefs(docs)] == [record.ref for record in catalog.records(docs)]


def test_records_without_patches_keep_their_files(catalog: Catalog) -> None:
    put(catalog, commit(1))
    (record,) = catalog.records(catalog.select(Filter()), patches=False)
    assert [(file.path, file.additions, file.patch) for file in record.files] == [("src/part1.py", 1, "")]


def test_a_number_that_no_record_has_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="no record has the number 7"):
        catalog.records([7])
    with pytest.raises(CatalogError, match="no record has the number 7"):
        catalog.briefs([7])


def test_links_go_both_ways(catalog: Catalog) -> None:
    put(catalog, commit(1, links=(Link("reverts", commit(2).id), Link("pull", f"pull:{REPO}#1"))), commit(2), pull(1, "one"))
    docs = catalog.docs([commit(1).id, commit(2).id])
    first, second = docs[commit(1).id], docs[commit(2).id]
    assert catalog.linked([second, first]) == [
        (first, "reverts", commit(2).id),
        (first, "pull", f"pull:{REPO}#1"),
        (second, "pull", f"pull:{REPO}#2"),
    ]
    assert catalog.linked([first], "reverts") == [(first, "reverts", commit(2).id)]
    assert catalog.backlinks([commit(2).id]) == [(commit(2).id, "reverts", first)]
    assert catalog.backlinks([f"pull:{REPO}#1", "x"], "pull") == [(f"pull:{REPO}#1", "pull", first)]
    assert catalog.backlinks([commit(2).id], "fixes") == []


# --- the ledger -----------------------------------------------------------------------------------------------------------


def test_the_ledger_of_a_good_run_and_of_a_failed_one(catalog: Catalog) -> None:
    catalog.begin("git", use="git_commits", repo=REPO)
    assert catalog.ledger()[0].status == "running"
    catalog.store("git", Batch(records=(commit(1), commit(3)), cursor="1", expected=3))
    catalog.store("git", Batch(records=(commit(2),), cursor="2", truncated="500 of 900 commits"))
    good = catalog.finish("git")
    assert (good.status, good.fetched, good.expected, good.new, good.truncated) == ("ok", 3, 3, 3, "500 of 900 commits")
    assert good.latest == day(3)
    assert good.started is not None
    assert good.ended is not None
    assert good.last_success == good.ended

    catalog.begin("git", use="git_commits", repo=REPO)
    assert catalog.ledger()[0].fetched == 0
    bad = catalog.finish("git", error="no network")
    assert (bad.status, bad.error, bad.last_success, bad.truncated) == ("failed", "no network", good.last_success, "")
    assert catalog.cursor("git") == "2"


def test_a_batch_for_a_source_that_was_not_begun_is_refused(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="was not begun"):
        catalog.store("nobody", Batch(records=(commit(1),), cursor="1"))
    with pytest.raises(CatalogError, match="was not begun"):
        catalog.finish("nobody")


# --- the index's queue ----------------------------------------------------------------------------------------------------


def test_the_queue_holds_what_is_new_or_changed_latest_first(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2), commit(3))
    docs = catalog.docs([commit(number).id for number in (1, 2, 3)])
    one, two, three = (docs[commit(number).id] for number in (1, 2, 3))
    assert catalog.pending(10) == [three, two, one]
    assert catalog.pending(2) == [three, two]
    assert catalog.pending_count() == 3
    catalog.mark_indexed([(one, commit(1).content_hash), (three, commit(3).content_hash)])
    assert catalog.pending(10) == [two]
    put(catalog, commit(1, "changed"))
    assert catalog.pending(10) == [two, one]
    catalog.mark_indexed([(one, commit(1).content_hash)])  # what was read before the change
    assert one in catalog.pending(10)
    catalog.mark_all_pending()
    assert catalog.pending_count() == 3


def test_the_cards_of_what_is_gone_are_found_once(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2))
    docs = catalog.docs([commit(1).id, commit(2).id])
    first = docs[commit(1).id]
    catalog.mark_indexed([(first, commit(1).content_hash)])
    put(catalog, snapshot=Snapshot(frozenset()))
    assert catalog.unindexed_gone() == [first]
    assert catalog.pending(10) == []
    put(catalog, commit(1))  # back while its cards are being removed
    catalog.mark_unindexed([first])
    assert catalog.pending(10) == [first]


def test_the_queue_is_read_from_its_own_index(catalog: Catalog) -> None:
    seen = statements(catalog, lambda: catalog.pending(5))
    assert "records_to_index" in plan(catalog, seen[0])


def test_the_stamp_changes_with_the_store_only(catalog: Catalog, tmp_path: Path) -> None:
    stamps = [catalog.stamp()]
    same: list[dict[str, Any]] = [{}, {"tags": ()}, {"snapshot": Snapshot(frozenset({commit(1).id}))}]
    for batch in same:
        put(catalog, commit(1), **batch)
        stamps.append(catalog.stamp())
    assert stamps[0] != stamps[1] == stamps[2] == stamps[3]
    other: list[dict[str, Any]] = [
        {"tags": (Tag("v", sha(1), day(1)),)},
        {"first_tags": {commit(1).id: "v"}},
        {"snapshot": Snapshot(frozenset())},
    ]
    for batch in other:
        put(catalog, **batch)
        stamps.append(catalog.stamp())
    assert len(set(stamps[3:])) == 4
    with Catalog.open(tmp_path / "other.db") as new:
        assert new.stamp() != stamps[0]


# --- threads --------------------------------------------------------------------------------------------------------------


def test_many_threads_read_while_one_writes(catalog: Catalog) -> None:
    put(catalog, commit(0))
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                docs = catalog.select(Filter())
                assert len(catalog.records(docs)) == len(docs)
                assert catalog.lexical("subject", ["number"], limit=1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(1, 60):
        put(catalog, commit(number))
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_failed_batch_leaves_nothing_behind(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up in the middle of a batch: SQLite's own limit on the number of pages does it here."""
    put(catalog, commit(1))
    before = catalog.stamp()
    assert catalog._writer is not None
    pages = catalog._writer.execute("PRAGMA page_count").fetchone()[0]
    catalog._writer.execute(f"PRAGMA max_page_count = {pages + 5}")
    catalog.begin("git", use="git_commits", repo=REPO)
    with pytest.raises(CatalogError, match=r"full.*\n.*disk space"):
        catalog.store("git", Batch(records=tuple(commit(n, body="x y z " * 9000) for n in range(2, 40)), cursor="2"))
    catalog._writer.execute("PRAGMA max_page_count = 1000000")
    assert (catalog.count(Filter()), catalog.cursor("git"), catalog.stamp()) == (1, "c", before)
    assert put(catalog, commit(2)) == Stored(new=1)
    with sqlite3.connect(catalog.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
