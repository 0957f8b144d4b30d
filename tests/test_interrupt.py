"""Ctrl-C and SIGTERM end a real ``kb sync``, however its sources wait: soon, quietly, and so that the next one goes on."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import ingest
from kb import payloads
from kb.catalog import Catalog, Filter
from kb.config import load_config
from kb.errors import CatalogError
from kb.plugins import build_sources
from kb.sync import sync
from kb.wiring import open_kb

KB = """
import sys
import ingest
ingest.__path__.append(sys.argv.pop(1))
from kb import cli
cli.main()
"""
SOURCE = '''
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime

from kb.protocols import SourceContext
from kb.types import Batch, Event, Record


@dataclass(frozen=True, kw_only=True)
class Source:
    """Reads page after page from a server; politely it waits between them as the server asks."""

    name: str
    server: str
    pages: int = 6
    wait: int = 0
    repo: str = "acme/posts"
    context: SourceContext

    @property
    def lane(self):
        return self.server

    def pull(self, cursor):
        for number in range(int(cursor or 0), self.pages):
            self.context.meter.count()
            with urllib.request.urlopen(f"{self.server}/{self.name}/{number}", timeout=600) as page:
                title = page.read().decode()
            events = (Event("published", datetime(2026, 1, 1, tzinfo=UTC)),)
            id = f"post:{self.name}:{number}"
            post = Record(id=id, kind="post", repo=self.repo, ref=str(number), title=title, events=events)
            yield Batch(records=(post,), cursor=str(number + 1), expected=self.pages)
            self.context.pause(self.wait)
'''


class Pages(ThreadingHTTPServer):
    """Answers /NAME/NUMBER; asked for number 2 of "stuck" it says nothing until ``released``. ``asked`` are the paths."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away while it waited is what is tested here."""


class Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/stuck/2":
            self.server.released.wait()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"page {self.path}".encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the tests look at ``asked``."""


@contextlib.contextmanager
def serving_pages() -> Iterator[Pages]:
    with Pages() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving_pages() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A kb.toml with a source that ends, one that sits in a request, one that waits for it, and one that is told to wait."""
    monkeypatch.setattr(ingest, "__path__", [*ingest.__path__, str(tmp_path)])
    (tmp_path / "paged_posts.py").write_text(SOURCE)
    tables = [
        ("quick", pages.url + "/a", 0),
        ("stuck", pages.url, 0),
        ("after", pages.url, 0),
        ("patient", pages.url + "/b", 600),
    ]
    text = "".join(
        f'[[sources]]\nuse = "paged_posts"\nname = "{name}"\nserver = "{server}"\nwait = {wait}\n'
        for name, server, wait in tables
    )
    (tmp_path / "kb.toml").write_text(f'data_dir = "data"\n{text}')
    yield tmp_path
    sys.modules.pop("ingest.paged_posts", None)


@contextmanager
def kb(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", KB, str(folder), *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    with open_kb(load_config(folder / "kb.toml")) as base:
        return {row["source"]: row for row in payloads.status(base.status(runs=5))["sources"]}


def rows_when(folder: Path, ready: Callable[[dict[str, dict[str, Any]]], bool]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    end = time.monotonic() + 240
    while not (found and ready(found)):
        assert time.monotonic() < end, found
        time.sleep(0.02)
        with suppress(CatalogError):  # it is being made
            found = rows(folder)
    return found


def all_wait(found: dict[str, dict[str, Any]]) -> bool:
    return [found[name]["fetched"] for name in ("quick", "stuck", "patient")] == [6, 2, 1] and found["quick"]["status"] == "ok"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_130_and_the_ledger_says_what_was_interrupted(folder: Path, kind: signal.Signals) -> None:
    with kb(folder, "sync") as running:
        found = rows_when(folder, all_wait)
        assert [found[name]["status"] for name in ("stuck", "after", "patient")] == ["running", "never", "running"]
        with kb(folder, "sync") as second:
            assert "another sync is running" in second.communicate(timeout=180)[1]
        assert second.returncode == 1
        running.send_signal(kind)
        out, err = running.communicate(timeout=180)  # "stuck" would wait for ten minutes
    assert (running.returncode, out, err) == (130, "", "")
    found = rows(folder)
    assert {name: (row["status"], row["fetched"], row["requests"]) for name, row in found.items()} == {
        "quick": ("ok", 6, 6),
        "stuck": ("interrupted", 2, 3),
        "after": ("never", 0, 0),
        "patient": ("interrupted", 1, 1),
    }
    assert found["stuck"]["ended"] is not None
    assert [run["status"] for run in found["stuck"]["runs"]] == ["interrupted"]


def test_the_next_sync_goes_on_at_the_page_that_is_missing(folder: Path, pages: Pages) -> None:
    with kb(folder, "sync") as running:
        rows_when(folder, all_wait)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=180)
    pages.released.set()
    pages.asked.clear()
    with Catalog.open(folder / "data" / "catalog.db") as catalog:
        sources = build_sources(load_config(folder / "kb.toml"), folder / "data")
        report = sync(catalog, [source for source in sources if source.name in ("stuck", "after")])
        assert [(run.row.source, run.row.status, run.row.new) for run in report.runs] == [
            ("stuck", "ok", 4),
            ("after", "ok", 6),
        ]
        assert catalog.count(Filter()) == catalog.pending_count() == 6 + 6 + 6 + 1
    assert pages.asked == [f"/stuck/{number}" for number in range(2, 6)] + [f"/after/{number}" for number in range(6)]


def test_a_second_one_waits_for_nothing(folder: Path) -> None:
    with kb(folder, "sync") as running:
        rows_when(folder, all_wait)
        running.send_signal(signal.SIGINT)
        rows_when(folder, lambda found: found["patient"]["status"] == "interrupted")  # the first one is at work
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=180)
    assert (running.returncode, out, err) == (130, "", "")
    stuck = rows(folder)["stuck"]
    assert (stuck["status"], stuck["fetched"], stuck["ended"]) == (
        "interrupted",
        2,
        None,
    )  # its process did not live to say more
