"""The archive under faults: full disks, folders that cannot be written, renames that fail, runs that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import filelock
import pytest

from kb.catalog import Catalog
from kb.errors import ReportError
from kb.report.archive import Archive
from kb.report.sidecar import edition
from kb.report.types import Edition
from tests.archiving import content, expected, left, of
from tests.records import commit, thread
from tests.reporting import at, report

DAY = date(2026, 2, 2)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "data" / "catalog.db") as opened:
        yield opened


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "reports")


@pytest.fixture
def made(catalog: Catalog) -> Edition:
    """The report of DAY with one commit."""
    return edition(report(catalog, at(1), commit(1, "Add a kernel", body="It is fast.")))


@contextlib.contextmanager
def as_somebody() -> Iterator[None]:
    """As a user who may not write everywhere."""
    superuser = os.geteuid() == 0
    if superuser:
        os.seteuid(65534)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)


def test_a_folder_that_is_a_file_is_named_with_the_remedy(tmp_path: Path, made: Edition) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ReportError, match="file") as caught:
            Archive(folder).write(made)
        assert "--out" in caught.value.remedy
    with pytest.raises(ReportError, match="file"):
        Archive(tmp_path / "file").entries()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_page_whose_name_a_folder_has_is_an_error_when_forced(archive: Archive, made: Edition) -> None:
    (archive.folder / "2026-02-02.md").mkdir(parents=True)
    assert archive.write(made).status == "kept"
    with pytest.raises(ReportError, match=r"2026-02-02\.md"):
        archive.write(made, force=True)
    assert left(archive.folder) == ["2026-02-02.md"]


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(made: Edition) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        Archive(folder).write(made)
        before = content(folder)
        folder.chmod(0o555)
        with as_somebody(), pytest.raises(ReportError, match="Permission denied") as caught:
            Archive(folder).write(made, force=True)
        folder.chmod(0o755)
        assert str(folder) in caught.value.message
        assert "--out" in caught.value.remedy
        assert content(folder) == before


def test_a_full_disk_leaves_the_old_report_whole(archive: Archive, catalog: Catalog, made: Edition) -> None:
    archive.write(made)
    before, names = content(archive.folder), left(archive.folder)
    late = edition(report(catalog, at(1), thread("issue", 5, "It fails", opened=1.3)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # the page fits, the sidecar does not
        with pytest.raises(ReportError, match="File too large") as caught:
            archive.write(late)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert "make room" in caught.value.remedy
    assert content(archive.folder) == before
    assert left(archive.folder) == names
    assert archive.write(late).status == "rewritten"


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_rename_that_fails_leaves_the_old_report_or_is_made_good_next_time(
    archive: Archive, catalog: Catalog, made: Edition, monkeypatch: pytest.MonkeyPatch, nth: int, lasting: bool
) -> None:
    archive.write(made)
    old = content(archive.folder)
    late = edition(report(catalog, at(1), thread("issue", 5, "It fails", opened=1.3)))
    real, calls = os.replace, 0

    def failing(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == nth or (lasting and calls > nth):
            raise OSError(5, "Input/output error", str(source), None, str(target))
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", failing)
        if nth > 6:  # there are six: of the journal and of five files
            archive.write(late)
            return
        with pytest.raises(ReportError, match="Input/output error"):
            archive.write(late)
        if not lasting:
            assert content(archive.folder) == old
    archive.rebuild()
    assert content(archive.folder) in (old, expected(late))
    archive.write(late)
    assert content(archive.folder) == expected(late)
    assert left(archive.folder) == sorted(old)


KILLED = """
import os, pickle, sys
from pathlib import Path
from kb.report.archive import Archive
step, calls = int(sys.argv[2]), 0
def dying(name):
    real = getattr(os, name)
    def call(*args, **more):
        global calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), 9)
        return real(*args, **more)
    setattr(os, name, call)
edition = pickle.load(sys.stdin.buffer)
for name in ("replace", "fsync", "unlink"):
    dying(name)
Archive(Path(sys.argv[1])).write(edition)
"""


def test_killed_at_any_step_the_folder_holds_all_of_the_old_or_all_of_the_new(tmp_path: Path) -> None:
    old = of(1)
    new = replace(old, markdown=f"{old.markdown}\nNew.\n", fingerprint="f" * 64)
    outcomes = set()
    for step in range(1, 40, 3):
        folder = tmp_path / f"step{step}"
        archive = Archive(folder)
        archive.write(old)
        before = content(folder)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(step)], input=pickle.dumps(new), capture_output=True
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        archive.rebuild()
        after = content(folder)
        assert after in (before, expected(new))
        outcomes.add((done.returncode, after == before))
        assert archive.write(new).status in ("rewritten", "unchanged")
        assert content(folder) == expected(new)
        assert left(folder) == sorted(before)
    assert outcomes == {(-signal.SIGKILL, True), (-signal.SIGKILL, False), (0, False)}


def test_a_journal_that_somebody_else_wrote_moves_nothing(archive: Archive, made: Edition) -> None:
    archive.write(made)
    before = content(archive.folder)
    outside = archive.folder.parent / "outside"
    outside.write_text("mine")
    for plan in (
        '{"../outside": null}',
        '{"a": "../outside"}',
        '{"2026-02-02.md": "README.md"}',
        "[1]",
        "{",
        "\xff",
        "[" * 9999,
    ):
        (archive.folder / ".kb-swap.json").write_text(plan)
        archive.rebuild()
        assert outside.read_text() == "mine"
        assert content(archive.folder) == before


def test_several_processes_write_one_after_the_other(archive: Archive) -> None:
    editions = [of(number) for number in range(8)]
    threads = [threading.Thread(target=archive.write, args=(made,)) for made in editions]
    for thread_ in threads:
        thread_.start()
    for thread_ in threads:
        thread_.join()
    assert content(archive.folder) == expected(*editions)


def test_a_folder_in_which_another_process_writes_is_named(archive: Archive, made: Edition) -> None:
    archive.write(made)
    with filelock.FileLock(archive.folder / ".kb-lock"), pytest.raises(ReportError, match="another process") as caught:
        replace(archive, patience=0.01).write(made)
    assert "try again" in caught.value.remedy


def test_a_thousand_reports_take_less_than_a_second(archive: Archive, made: Edition) -> None:
    archive.write(made)
    page, sidecar = (archive.folder / f"2026-02-02{ending}" for ending in (".md", ".json"))
    values = json.loads(sidecar.read_text())
    for number in range(1, 1000):
        name = (DAY - timedelta(days=number)).isoformat()
        (archive.folder / f"{name}.md").write_bytes(page.read_bytes())
        (archive.folder / f"{name}.json").write_text(json.dumps({**values, "date": name}))
    begun = time.process_time()
    assert archive.write(of(3)).status == "written"
    assert time.process_time() - begun < 1.0
    assert len(json.loads((archive.folder / "index.json").read_text())["reports"]) == 1001
