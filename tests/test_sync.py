"""The use-case sync: every source in turn, failures kept apart, and the ledger that tells of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kb.catalog import Catalog, Filter, Stored
from kb.errors import CatalogError, SourceError, VectorError
from kb.protocols import Progress
from kb.sync import Indexed, sync
from kb.types import Batch
from tests.records import REPO, commit, titles


@dataclass
class Script:
    """A source that yields its batches, then does its last act; notes the cursors it was given and whether it was closed."""

    name: str
    batches: tuple[Batch, ...] = ()
    last_act: Callable[[], object] = lambda: None
    repo: str = REPO
    cursors: list[str | None] = field(default_factory=list)
    closed: bool = False

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        self.cursors.append(cursor)
        try:
            yield from self.batches
            self.last_act()
        finally:
            self.closed = True


@dataclass
class Marker:
    """An indexer that marks everything indexed, after its first act."""

    catalog: Catalog
    first_act: Callable[[], object] = lambda: None

    def index(self, progress: Progress) -> Indexed:
        self.first_act()
        docs = self.catalog.pending(1000)
        records = self.catalog.records(docs)
        self.catalog.mark_indexed([(doc, record.content_hash) for doc, record in zip(docs, records, strict=True)])
        return Indexed(cards=2 * len(docs), records=len(docs))


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


ONE = Batch(records=(commit(1), commit(2)), cursor="1", expected=3)
TWO = Batch(records=(commit(3),), cursor="2", expected=3)


def test_a_good_run(catalog: Catalog) -> None:
    told: list[tuple[str, int, int | None]] = []
    source = Script("git", (ONE, TWO))
    report = sync(catalog, [source], Marker(catalog), progress=lambda *now: told.append(now))
    (run,) = report.runs
    assert (run.row.status, run.row.use, run.row.repo, run.row.fetched) == ("ok", "test_sync", REPO, 3)
    assert run.stored == Stored(new=3)
    assert report.indexed == Indexed(cards=6, records=3)
    assert report.ok
    assert 0 < run.seconds <= report.seconds
    assert told == [("sync git", 2, 3), ("sync git", 3, 3)]
    assert source.closed
    assert catalog.pending_count() == 0


def test_the_next_run_goes_on_from_the_cursor(catalog: Catalog) -> None:
    source = Script("git", (ONE, TWO))
    sync(catalog, [source])
    report = sync(catalog, [source])
    assert source.cursors == [None, "2"]
    assert report.runs[0].stored == Stored(unchanged=3)
    assert report.indexed is None
    assert report.ok


def test_a_failing_source_keeps_what_it_gave_and_stops_no_other(catalog: Catalog) -> None:
    bad = Script("bad", (ONE,), raising(SourceError("https://x is not\nreachable", remedy="check the network")))
    good = Script("good", (TWO,))
    report = sync(catalog, [bad, good], Marker(catalog))
    assert not report.ok
    assert [run.row.status for run in report.runs] == ["failed", "ok"]
    assert report.runs[0].row.error == "https://x is not reachable; check the network"
    assert report.runs[0].row.last_success is None
    assert report.runs[0].stored == Stored(new=2)
    assert report.indexed == Indexed(cards=6, records=3)
    sync(catalog, [bad])
    assert bad.cursors == [None, "1"]


def test_an_unforeseen_error_is_logged_and_stops_no_other(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    bad = Script("bad", (ONE,), raising(ZeroDivisionError("by\nzero")))
    with caplog.at_level(logging.ERROR):
        report = sync(catalog, [bad, Script("good", (TWO,))])
    assert report.runs[0].row.error == "internal error: ZeroDivisionError: by zero"
    assert report.runs[1].row.status == "ok"
    assert "Traceback" in caplog.text
    assert "in act" in caplog.text


def test_a_batch_that_cannot_be_stored_fails_its_source_alone(catalog: Catalog) -> None:
    bad = Script("bad", (Batch(records=(commit(1, labels=(object(),)),), cursor="1"),))
    report = sync(catalog, [bad, Script("good", (TWO,))])
    assert [run.row.status for run in report.runs] == ["failed", "ok"]
    assert bad.closed
    assert titles(catalog, catalog.select(Filter())) == ["change number 3"]


def test_a_source_that_fails_before_its_first_batch(catalog: Catalog) -> None:
    @dataclass
    class Broken(Script):
        def pull(self, cursor: str | None) -> Iterator[Batch]:
            raise SourceError("no")

    report = sync(catalog, [Broken("broken")])
    assert (report.runs[0].row.status, report.runs[0].row.error) == ("failed", "no")


def test_a_plain_iterator_will_do(catalog: Catalog) -> None:
    @dataclass
    class Plain(Script):
        def pull(self, cursor: str | None) -> Iterator[Batch]:
            return iter((ONE, TWO))

    assert sync(catalog, [Plain("plain")]).runs[0].stored == Stored(new=3)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143)])
def test_an_interrupt_closes_the_source_marks_the_row_and_goes_on_up(catalog: Catalog, stop: BaseException) -> None:
    source, never = Script("git", (ONE,), raising(stop)), Script("never", (TWO,))
    with pytest.raises(type(stop)):
        sync(catalog, [source, never], Marker(catalog))
    assert source.closed
    assert never.cursors == []
    (row,) = catalog.ledger()
    assert (row.status, row.fetched, row.last_success) == ("interrupted", 2, None)
    assert row.ended is not None
    assert catalog.pending_count() == 2
    report = sync(catalog, [Script("git", (TWO,)), never], Marker(catalog))  # the lock was given back
    assert report.ok
    assert catalog.count(Filter()) == 3


def test_an_interrupt_while_a_batch_is_handled_closes_the_source(catalog: Catalog) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    source = Script("git", (ONE, TWO))
    with pytest.raises(KeyboardInterrupt):
        sync(catalog, [source], progress=interrupt)
    assert source.closed
    assert catalog.cursor("git") == "1"
    assert catalog.ledger()[0].status == "interrupted"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (VectorError("the model is not there", remedy="set index.model"), "the model is not there; set index.model"),
        (RuntimeError("bang"), "internal error: RuntimeError: bang"),
    ],
)
def test_an_index_that_fails_leaves_the_records_answerable(catalog: Catalog, error: Exception, line: str) -> None:
    report = sync(catalog, [Script("git", (ONE,))], Marker(catalog, raising(error)))
    assert not report.ok
    assert (report.indexed, report.index_error) == (None, line)
    assert report.runs[0].row.status == "ok"
    assert len(catalog.lexical("subject", ["number"])) == 2
    assert catalog.pending_count() == 2


def test_a_sync_within_a_sync_is_refused(catalog: Catalog) -> None:
    with Catalog.open(catalog.path) as other, catalog.exclusive(), pytest.raises(CatalogError, match="another sync is running"):
        sync(other, [Script("git", (ONE,))])
    assert catalog.count(Filter()) == 0
