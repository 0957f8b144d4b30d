"""The use-case sync: sources side by side, failures kept apart, a clean stop, and the ledger that tells of each."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from kb.catalog import Catalog, Filter, Stored
from kb.errors import CatalogError, SourceError, SourceStoppedError, VectorError
from kb.protocols import Progress, SourceContext
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
    lane: str = ""
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
    bad = Script("bad", (ONE,), raising(ZeroDivisionError("by\nzero at https://t0ken@host/")))
    with caplog.at_level(logging.ERROR):
        report = sync(catalog, [bad, Script("good", (TWO,))])
    assert report.runs[0].row.error == "internal error: ZeroDivisionError: by zero at https://***@host/"
    assert report.runs[1].row.status == "ok"
    assert "Traceback" in caplog.text
    assert "in act" in caplog.text
    assert "t0ken" not in caplog.text


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
    source, never = Script("git", (ONE,), raising(stop), lane="one"), Script("never", (TWO,), lane="one")
    with pytest.raises(type(stop)):
        sync(catalog, [source, never], Marker(catalog))
    assert source.closed
    assert never.cursors == []
    (row,) = catalog.ledger()
    assert (row.status, row.fetched, row.last_success) == ("interrupted", 2, None)
    assert row.ended is not None
    assert catalog.pending_count() == 2
    report = sync(catalog, [Script("git", (TWO,), lane="one"), never], Marker(catalog))  # the lock was given back
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
        (RuntimeError("bang: https://t0ken@host"), "internal error: RuntimeError: bang: https://***@host"),
    ],
)
def test_an_index_that_fails_leaves_the_records_answerable(catalog: Catalog, error: Exception, line: str) -> None:
    report = sync(catalog, [Script("git", (ONE,))], Marker(catalog, raising(error)))
    assert not report.ok
    assert (report.indexed, report.index_error) == (None, line)
    assert report.runs[0].row.status == "ok"
    assert len(catalog.lexical("subject", ["number"])) == 2
    assert catalog.pending_count() == 2


# --- causes ---------------------------------------------------------------------------------------------------------------


def wrapped(message: str, cause: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise SourceError(message, remedy="do this") from cause

    return act


@pytest.mark.parametrize(
    ("message", "cause", "line"),
    [
        ("no answer", TimeoutError("timed out\nin 60 s"), "no answer; do this (TimeoutError: timed out)"),
        ("no answer", TimeoutError(), "no answer; do this (TimeoutError)"),
        ("x: No such file", FileNotFoundError(2, "No such file", "x"), "x: No such file; do this"),
        ("it says: <html>", ValueError("<html>"), "it says: <html>; do this"),
        ("no answer", ValueError("x" * 900), f"no answer; do this (ValueError: {'x' * 200})"),
        (
            "https://ada:hunter2@host/x failed",
            OSError("url: /x?access_token=hunter2&page=2 ghp_hunter2hunter2hunter2"),
            "https://***@host/x failed; do this (OSError: url: /x?access_token=***&page=2 ***)",
        ),
    ],
)
def test_the_ledger_keeps_the_cause_where_it_says_more_and_no_secret(
    catalog: Catalog, message: str, cause: BaseException, line: str
) -> None:
    report = sync(catalog, [Script("git", (), wrapped(message, cause))])
    assert report.runs[0].row.error == line
    assert catalog.ledger()[0].error == line


def test_a_cause_that_an_exception_hides_stays_hidden(catalog: Catalog) -> None:
    def act() -> None:
        try:
            json.loads("")
        except ValueError as error:  # json raises it "from None", while it handles a StopIteration
            raise SourceError("the answer is empty") from error

    report = sync(catalog, [Script("git", (), act)])
    assert report.runs[0].row.error == "the answer is empty (JSONDecodeError: Expecting value: line 1 column 1 (char 0))"


def test_the_cause_is_found_behind_errors_of_our_own(catalog: Catalog) -> None:
    inner = SourceError("page 2 is cut off")
    inner.__cause__ = EOFError("after 17 bytes")
    report = sync(catalog, [Script("git", (), wrapped("threads: not read", inner))])
    assert report.runs[0].row.error == "threads: not read; do this (EOFError: after 17 bytes)"


# --- what a run used ------------------------------------------------------------------------------------------------------


@dataclass
class Metered(Script):
    """A source that uses four requests, learns of a limit and tells a note; the run of its ``name`` before counts no more."""

    kinds: ClassVar[tuple[str, ...]] = ("pull", "issue")
    context: SourceContext = field(default_factory=lambda: SourceContext(Path()))

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        self.context.meter.count(3)
        yield from self.batches
        self.context.meter.count()
        self.context.meter.limit(remaining=0, reset=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
        self.context.meter.note("acme/old is now acme/new, see https://t0ken@host/")
        self.last_act()


@pytest.mark.parametrize(("act", "status"), [(lambda: None, "ok"), (raising(SourceError("no")), "failed")])
def test_what_a_run_used_and_learnt_is_in_the_ledger_however_it_ended(
    catalog: Catalog, act: Callable[[], object], status: str
) -> None:
    source = Metered("threads", (ONE,), act)
    sync(catalog, [source])
    row = sync(catalog, [source]).runs[0].row
    assert (row.status, row.requests, row.kinds) == (status, 4, ("pull", "issue"))
    assert row.limit_reset == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert row.notes == ("acme/old is now acme/new, see https://***@host/",)
    assert catalog.ledger() == (row,)
    assert [run.requests for run in catalog.runs("threads", 9)] == [4, 4]


def test_what_a_run_has_used_so_far_is_stored_with_each_batch(catalog: Catalog) -> None:
    seen: list[int] = []
    sync(catalog, [Metered("threads", (ONE,), lambda: seen.append(catalog.ledger()[0].requests))])
    assert seen == [3]


def test_a_run_that_was_cut_short_by_a_limit_has_not_failed(catalog: Catalog) -> None:
    cut = Batch(records=(commit(1),), cursor="1", expected=9, truncated="60 requests an hour; 8 are left for the next run")
    report = sync(catalog, [Script("git", (cut,))])
    assert report.ok
    assert (report.runs[0].row.status, report.runs[0].row.truncated) == ("ok", cut.truncated)


# --- side by side ---------------------------------------------------------------------------------------------------------


def test_sources_of_different_lanes_run_side_by_side_and_the_report_keeps_the_order(catalog: Catalog) -> None:
    together = threading.Barrier(3, timeout=30)  # all three must have begun before one can end
    names = ["c", "a", "b"]
    report = sync(catalog, [Script(name, (ONE, TWO), together.wait, lane=name) for name in names])
    assert [(run.row.source, run.row.status, run.row.fetched) for run in report.runs] == [(name, "ok", 3) for name in names]
    assert catalog.count(Filter()) == 3
    assert sum(run.stored.new for run in report.runs) == 3


def test_sources_of_one_lane_run_one_after_the_other_in_the_order_of_the_file(catalog: Catalog) -> None:
    running: list[str] = []
    order: list[tuple[str, ...]] = []

    @dataclass
    class Polite(Script):
        def pull(self, cursor: str | None) -> Iterator[Batch]:
            running.append(self.name)
            yield ONE
            order.append(tuple(running))
            running.remove(self.name)

    sync(catalog, [Polite(name, lane="https://api.example.org") for name in ("z", "m", "a")])
    assert order == [("z",), ("m",), ("a",)]


def test_all_that_run_at_once_say_running(catalog: Catalog) -> None:
    together = threading.Barrier(2, timeout=30)
    seen: list[list[str]] = []

    def look() -> None:
        together.wait()
        seen.append([row.status for row in catalog.ledger()])
        together.wait()

    sync(catalog, [Script("a", (ONE,), look, lane="a"), Script("b", (TWO,), look, lane="b"), Script("c", (), lane="a")])
    assert seen == [["running", "running"], ["running", "running"]]
    assert [row.status for row in catalog.ledger()] == ["ok", "ok", "ok"]


def test_more_sources_than_threads(catalog: Catalog) -> None:
    sources = [
        Script(f"s{number:02}", (Batch(records=(commit(number),), cursor="1"),), lane=str(number)) for number in range(30)
    ]
    assert sync(catalog, sources).ok
    assert catalog.count(Filter()) == 30


# --- stopping -------------------------------------------------------------------------------------------------------------


@dataclass
class Waiting(Script):
    """Stores a batch, then waits: for as long as it may (``polite``), or until ``released``; then has one more batch."""

    polite: bool = True
    context: SourceContext = field(default_factory=lambda: SourceContext(Path()))
    begun: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        self.thread = threading.current_thread()
        try:
            yield ONE
            self.begun.set()
            if self.polite:
                self.context.pause(600)
            else:
                self.released.wait(600)
            yield TWO
        finally:
            self.closed = True

    def interrupt(self) -> None:
        """What another source does once this one waits."""
        assert self.begun.wait(30)
        raise KeyboardInterrupt


def test_a_source_that_waits_ends_at_once_and_what_was_stored_stays(catalog: Catalog) -> None:
    waiting = Waiting("slow", lane="slow")
    later = Script("later", (TWO,), lane="slow")
    with pytest.raises(KeyboardInterrupt):
        sync(catalog, [waiting, Script("git", (), waiting.interrupt, lane="git"), later], Marker(catalog), patience=600)
    assert waiting.closed
    assert later.cursors == []
    assert {row.source: (row.status, row.fetched) for row in catalog.ledger()} == {
        "slow": ("interrupted", 2),
        "git": ("interrupted", 0),
    }
    assert [run.status for run in catalog.runs("slow", 9)] == ["interrupted"]
    assert catalog.pending_count() == 2
    waiting.polite, waiting.last_act = False, waiting.released.set
    waiting.released.set()
    assert sync(catalog, [waiting]).ok  # it may run again: the stop was for one sync
    assert catalog.count(Filter()) == 3


def test_a_source_that_hears_of_no_stop_is_left_behind_and_stores_nothing_more(catalog: Catalog) -> None:
    stuck = Waiting("slow", lane="slow", polite=False)
    with pytest.raises(KeyboardInterrupt):
        sync(catalog, [stuck, Script("git", (), stuck.interrupt, lane="git")], patience=0.05)
    assert not stuck.closed
    (row,) = (row for row in catalog.ledger() if row.source == "slow")
    assert (row.status, row.fetched) == ("interrupted", 2)
    assert row.ended is not None
    with catalog.exclusive():  # the lock was given back; another sync runs while the old thread comes to its end
        catalog.begin("slow", use="x", repo=REPO)
        stuck.released.set()
        assert stuck.thread is not None
        stuck.thread.join(30)
        assert stuck.closed
        catalog.finish("slow")
    assert catalog.cursor("slow") == "1"
    assert catalog.count(Filter()) == 2


def test_a_failure_after_the_stop_is_only_how_the_source_ended(catalog: Catalog) -> None:
    @dataclass
    class Cut(Waiting):
        def pull(self, cursor: str | None) -> Iterator[Batch]:
            self.begun.set()
            self.context.stop.wait(600)
            yield from raising(SourceError("connection reset"))()  # type: ignore[misc]

    cut = Cut("slow", lane="slow")
    with pytest.raises(KeyboardInterrupt):
        sync(catalog, [cut, Script("git", (), cut.interrupt, lane="git")], patience=600)
    assert {row.source: (row.status, row.error) for row in catalog.ledger()}["slow"] == ("interrupted", "")


def test_a_source_that_says_it_was_stopped_has_not_failed(catalog: Catalog) -> None:
    report = sync(catalog, [Script("git", (ONE,), raising(SourceStoppedError("interrupted")))])
    assert (report.runs[0].row.status, report.runs[0].row.error) == ("interrupted", "")
    assert not report.ok


def test_a_store_that_cannot_be_written_ends_the_sync(catalog: Catalog) -> None:
    waiting = Waiting("slow", lane="slow")

    def close() -> None:
        assert waiting.begun.wait(30)
        catalog.close()

    with pytest.raises(CatalogError, match="is closed"):
        sync(catalog, [waiting, Script("git", (), close, lane="git")], patience=600)
    assert waiting.closed


def test_a_sync_within_a_sync_is_refused(catalog: Catalog) -> None:
    with Catalog.open(catalog.path) as other, catalog.exclusive(), pytest.raises(CatalogError, match="another sync is running"):
        sync(other, [Script("git", (ONE,))])
    assert catalog.count(Filter()) == 0
