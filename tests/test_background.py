"""What goes on while questions are answered: syncs with their pace, their cancelling and their interval, reports, trials."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import filelock
import pytest

import ingest
from kb.background import REPORT, SYNC, Background
from kb.catalog import Catalog
from kb.config import Config, load_config
from kb.errors import ConfigError, KbError, QueryError, ReportError, SourceStoppedError, SyncRunningError
from kb.jobs import Job, JobState, Paces
from kb.protocols import Progress
from kb.reports import Wanted
from kb.sources_file import drafted
from kb.wiring import Asked, open_kb
from tests.gitrepo import GitRepo
from tests.test_interrupt import SOURCE, Pages, serving_pages
from tests.waiting import SOON, until

# --- jobs --------------------------------------------------------------------------------------------------------------------


def test_a_job_tells_how_far_it_is_and_what_it_gave() -> None:
    told, go_on = threading.Event(), threading.Event()

    def work(progress: Progress, stop: threading.Event) -> str:
        progress("read", 10, 100)
        progress("count", 1, None)
        time.sleep(0.02)
        progress("read", 30, 100)
        told.set()
        go_on.wait(SOON)
        return "all of it"

    job = Job(work, about="this")
    assert told.wait(SOON)
    state = job.state
    assert (state.status, state.active, state.ended, state.result) == ("running", True, None, None)
    read, count = state.steps
    assert (read.stage, read.done, read.total, count.stage, count.done, count.total) == ("read", 30, 100, "count", 1, None)
    assert 0 < read.rate <= 20 / 0.02
    assert read.left == pytest.approx(70 / read.rate)
    assert (count.rate, count.left) == (0.0, None)
    go_on.set()
    ended = job.wait(SOON)
    assert (ended.status, ended.result, ended.error) == ("done", "all of it", None)
    assert ended.ended is not None
    assert ended.started <= ended.ended


def test_a_stage_that_begins_anew_is_measured_anew() -> None:
    paces = Paces()
    for done in (90, 100, 5, 6):
        paces("read", done, 100)
        time.sleep(0.001)
    (step,) = paces.steps
    assert step.done == 6
    assert step.rate > 0
    assert step.left == pytest.approx(94 / step.rate)


def test_what_fails_is_told_in_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(progress: Progress, stop: threading.Event) -> None:
        raise QueryError("no such day", remedy="name another")

    def fall(progress: Progress, stop: threading.Event) -> None:
        raise ZeroDivisionError("by\nzero at https://t0ken@host/")

    refused = Job(refuse).wait(SOON)
    assert (refused.status, refused.error and refused.error.message) == ("failed", "no such day")
    fallen = Job(fall, about="a report").wait(SOON)
    assert fallen.error is not None
    assert fallen.error.message == "internal error: ZeroDivisionError: by zero at https://***@host/"
    (record,) = caplog.records
    assert record.getMessage().startswith("a report: internal error\nTraceback")
    assert "t0ken" not in record.getMessage()


@pytest.mark.parametrize("heeds", ["event", "progress"])
def test_a_job_is_cancelled_by_whatever_it_heeds(heeds: str) -> None:
    def work(progress: Progress, stop: threading.Event) -> str:
        while not (heeds == "event" and stop.wait(0.01)):
            progress("read", 1, 2)
        raise SourceStoppedError("interrupted")

    job = Job(work)
    job.cancel()
    job.cancel()
    ended = job.wait(SOON)
    assert (ended.status, ended.error, ended.result) == ("cancelled", None, None)


def test_what_does_not_heed_is_left_behind_and_its_result_dropped() -> None:
    go_on, over = threading.Event(), threading.Event()

    def work(progress: Progress, stop: threading.Event) -> str:
        go_on.wait(SOON)
        over.set()
        return "too late"

    job = Job(work, patience=0.1)
    job.cancel()
    assert job.state.status == "stopping"
    ended = job.wait(SOON)
    assert ended.status == "cancelled"
    go_on.set()
    assert over.wait(SOON)
    time.sleep(0.05)
    assert job.state == ended


# --- syncing -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving_pages() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose kb.toml has a git source; ``paged`` adds sources that read from ``pages``."""
    monkeypatch.setattr(ingest, "__path__", [*ingest.__path__, str(tmp_path)])
    (tmp_path / "paged_posts.py").write_text(SOURCE)
    GitRepo.create(tmp_path / "kernels").commit("Add the first kernel", {"a.cu": "int x;\n"})
    git = '[[sources]]\nuse = "git_commits"\nurl = "kernels"\nrepo = "acme/kernels"\nhistory = "all"\n'
    (tmp_path / "kb.toml").write_text(f'data_dir = "data"\n{git}')
    yield tmp_path
    sys.modules.pop("ingest.paged_posts", None)


def paged(folder: Path, *tables: tuple[str, str, int]) -> Config:
    with (folder / "kb.toml").open("a") as file:
        for name, server, wait in tables:
            file.write(f'[[sources]]\nuse = "paged_posts"\nname = "{name}"\nserver = "{server}"\nwait = {wait}\n')
    return load_config(folder / "kb.toml")


def steps(state: JobState[object]) -> dict[str, tuple[int, int | None]]:
    return {step.stage: (step.done, step.total) for step in state.steps}


def test_a_sync_tells_its_steps_while_questions_are_answered_and_can_be_cancelled(folder: Path, pages: Pages) -> None:
    config = load_config(folder / "kb.toml")
    with Background(config) as background:
        first = background.sync().wait(SOON)
        assert first.status == "done"
        assert first.result is not None
        assert first.result.ok
        assert steps(first)["sync kernels"] == (1, 1)
        background.use(paged(folder, ("stuck", pages.url, 0), ("patient", pages.url + "/b", 600)))
        job = background.sync()
        until(lambda: steps(job.state).get("sync stuck") == (2, 6) and steps(job.state).get("sync patient") == (1, 6))
        with pytest.raises(SyncRunningError, match="being read already"):
            background.sync()
        with open_kb(config) as base:
            answer = base.ask(Asked("What changed in kernels?"))
            assert "first kernel" in answer.text
            assert {row.source: row.status for row in base.ledger()}["stuck"] == "running"
        background.cancel(SYNC)
        began = time.monotonic()
        ended = job.wait(SOON)
        assert ended.status == "cancelled"
        assert time.monotonic() - began < 20  # "stuck" would say nothing for ten minutes
        with Catalog.open(folder / "data" / "catalog.db", read_only=True) as catalog:
            assert {row.source: row.status for row in catalog.ledger()} == {
                "kernels": "ok",
                "patient": "interrupted",
                "stuck": "interrupted",
            }
        pages.released.set()
        again = background.sync(("stuck",)).wait(SOON)
        assert again.result is not None
        assert [(run.row.source, run.row.status, run.row.new) for run in again.result.runs] == [("stuck", "ok", 4)]


def test_a_sync_of_another_process_is_told_as_such(folder: Path) -> None:
    config = load_config(folder / "kb.toml")
    with Background(config) as background, Catalog.open(folder / "data" / "catalog.db") as catalog:
        with catalog.exclusive():
            ended = background.sync().wait(SOON)
        assert ended.status == "failed"
        assert isinstance(ended.error, SyncRunningError)
        assert background.sync().wait(SOON).status == "done"


def test_what_is_kept_of_the_store_is_told_when_a_sync_has_ended(folder: Path) -> None:
    told: list[str] = []
    background = Background(load_config(folder / "kb.toml"), synced=lambda: told.append("synced"))
    with background:
        background.sync().wait(SOON)
        assert told == ["synced"]
        with pytest.raises(KbError, match="unknown source"):
            raise background.sync(("nobody",)).wait(SOON).error or AssertionError


# --- the interval ------------------------------------------------------------------------------------------------------------


def every(folder: Path, length: timedelta | None) -> Config:
    config = load_config(folder / "kb.toml")
    again = config.model_copy(update={"sync_every": length})
    again._path = config.path
    return again


def test_the_interval_reads_at_the_start_what_is_older_and_then_again(folder: Path) -> None:
    ended: list[datetime] = []
    with Background(every(folder, timedelta(seconds=0.3)), synced=lambda: ended.append(datetime.now(UTC))) as background:
        background.start()
        until(lambda: len(ended) >= 3)
    gaps = [after - before for before, after in itertools.pairwise(ended)]
    assert all(gap >= timedelta(seconds=0.3) for gap in gaps)
    count = len(ended)
    time.sleep(0.5)
    assert len(ended) == count  # closed is closed


def test_what_was_read_lately_is_left_alone_until_the_configuration_asks_for_more(folder: Path) -> None:
    told: list[str] = []
    with Background(every(folder, None), synced=lambda: told.append("synced")) as background:
        background.start()
        background.sync().wait(SOON)
        background.use(every(folder, timedelta(hours=1)))
        time.sleep(0.3)
        assert told == ["synced"]
        background.use(every(folder, timedelta(seconds=0.2)))
        until(lambda: len(told) >= 2)


def test_the_interval_outlives_a_failure(folder: Path) -> None:
    (folder / "kernels").rename(folder / "elsewhere")
    with Background(every(folder, timedelta(seconds=0.1))) as background:
        background.start()
        until(lambda: (job := background.latest(SYNC)) is not None and not job.state.active)
        with open_kb(load_config(folder / "kb.toml")) as base:
            assert [row.status for row in base.ledger()] == ["failed"]
            (folder / "elsewhere").rename(folder / "kernels")
            until(lambda: [row.status for row in base.ledger()] == ["ok"])


# --- reports and trials ------------------------------------------------------------------------------------------------------


def test_a_report_is_written_and_a_wrong_day_is_a_sentence(folder: Path) -> None:
    with Background(load_config(folder / "kb.toml")) as background:
        background.sync().wait(SOON)
        made = background.report(Wanted(day="2026-01-27", language="zh")).wait(SOON)
        assert made.result is not None
        assert made.result.stored.status == "written"
        assert made.result.stored.markdown.parent == folder / "reports"
        assert [step.stage for step in made.steps] == ["write"]
        wrong = background.report(Wanted(day="2026-02-30")).wait(SOON)
        assert wrong.status == "failed"
        assert isinstance(wrong.error, QueryError)


def test_one_report_at_a_time_and_none_after_the_end(folder: Path) -> None:
    with Background(load_config(folder / "kb.toml")) as background:
        background.sync().wait(SOON)
        (folder / "reports").mkdir()
        with filelock.FileLock(folder / "reports" / ".kb-lock"):  # as another process that writes there
            first = background.report(Wanted(day="2026-01-27"))
            with pytest.raises(ReportError, match="being written"):
                background.report(Wanted(day="2026-01-28"))
            assert background.latest(REPORT) is first
        assert first.wait(SOON).status == "done"
    with pytest.raises(QueryError, match="shut down"):
        background.report(Wanted(day="2026-01-27"))


def test_a_trial_reads_the_first_batch_and_stores_nothing(folder: Path, pages: Pages) -> None:
    config = load_config(folder / "kb.toml")
    values = {"use": "paged_posts", "name": "news", "server": pages.url + "/n"}
    with Background(config) as background:
        trial = background.trial(drafted(config.path, values, data_dir=folder / "data")).wait(SOON).result
    assert trial is not None
    assert (trial.name, trial.records, trial.expected, trial.kinds, trial.requests) == ("news", 1, 6, {"post": 1}, 1)
    assert [record.title for record in trial.first] == ["page /n/news/0"]
    assert pages.asked == ["/n/news/0"]
    assert not (folder / "data").exists()


def test_a_trial_of_what_is_not_there_says_why(folder: Path) -> None:
    config = load_config(folder / "kb.toml")
    values = {"use": "git_commits", "url": "nowhere", "repo": "acme/nowhere"}
    with Background(config) as background:
        state = background.trial(drafted(config.path, values, data_dir=folder / "data")).wait(SOON)
    assert state.status == "failed"
    assert state.error is not None
    assert "nowhere" in state.error.message
    assert not isinstance(state.error, ConfigError)


def test_a_trial_that_waits_for_a_server_is_cancelled(folder: Path) -> None:
    config = load_config(folder / "kb.toml")
    with socket.create_server(("127.0.0.1", 0)) as silent, Background(config) as background:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        values = {"use": "paged_posts", "name": "silent", "server": server}
        job = background.trial(drafted(config.path, values, data_dir=folder / "data"))
        with silent.accept()[0]:  # it has asked, and hears nothing
            job.cancel()
            assert job.state.status == "stopping"
            assert job.wait(SOON).status == "cancelled"
        assert background.trial(drafted(config.path, values, data_dir=folder / "data")).state.active
