"""kb sync, status and reindex on real git repositories, hostile ones among them, as a person and as a program see them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.history import History

HOSTILE = (
    "[bold red]not markup[/bold red] [link=https://evil.example]x[/link]",
    "\x1b[31mred\x1b[0m \x1b]0;owned\x07title",
    "<script>alert(1)</script> | pipe | `tick` **bold**",
    "reversed \u202egnp.exe\u202c end",
    "x" * 10_000,
    "emoji :rocket: and 中文标题",
)
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with kb.toml over one good repository and one that is not there, synced once."""
    home = tmp_path_factory.mktemp("home")
    history = History(home / "rocket")
    history.commit("feat: add the first stage", {"stage.py": "THRUST = 1\n"}, at="2026-01-05T10:00:00Z")
    for number, title in enumerate(HOSTILE):
        history.commit(
            f"{title}\n\nBody of {number}.", {f"file{number}.py": f"x = {number}\n"}, at=f"2026-02-0{number + 1}T10:00:00Z"
        )
    table = '[[sources]]\nuse = "git_commits"\nhistory = "all"\n'
    missing = 'url = "not-there"\nname = "gone"\nrepo = "acme/gone"\n'
    config = f'timezone = "UTC"\ndata_dir = "data"\n{table}url = "rocket"\n{table}{missing}'
    (home / "kb.toml").write_text(config, encoding="utf-8")
    return home


def one_object(text: str) -> dict[str, Any]:
    assert text.count("\n") == 1
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def test_a_failed_source_is_told_and_the_others_are_done(kb: Run) -> None:
    code, out, _ = kb("sync", "--json")
    report = one_object(out)
    assert (code, report["status"]) == (1, "failed")
    rocket, gone = report["sources"]
    assert (rocket["source"], rocket["status"], rocket["fetched"], rocket["new"], rocket["error"]) == ("rocket", "ok", 7, 7, "")
    assert (gone["source"], gone["status"], gone["last_success"]) == ("gone", "failed", None)
    assert "not-there" in gone["error"]
    assert report["index"]["records"] == 7
    assert report["index"]["error"] == ""


def test_a_second_sync_brings_nothing_twice(kb: Run) -> None:
    code, out, _ = kb("sync", "--source", "rocket", "--json")
    report = one_object(out)
    assert (code, report["status"], len(report["sources"])) == (0, "ok", 1)
    assert (report["sources"][0]["new"], report["sources"][0]["changed"], report["index"]["records"]) == (0, 0, 0)


def test_status_tells_the_ledger_and_the_counts(kb: Run) -> None:
    code, out, _ = kb("status", "--json")
    state = one_object(out)
    assert code == 0
    assert (state["records"], state["indexed"], state["pending"]) == (7, 7, 0)
    rocket = next(row for row in state["sources"] if row["source"] == "rocket")
    assert rocket["counts"] == {"commit": 7}
    assert rocket["latest"] == "2026-02-06T10:00:00Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rocket["last_success"])
    assert rocket["configured"] is True


def test_readable_status_and_sync_fit_eighty_columns_and_give_the_reason(kb: Run) -> None:
    code, out, _ = kb("sync")
    assert code == 1
    table = [line for line in out.splitlines() if line.startswith((" source", " rocket", " gone"))]
    assert max(map(len, table)) <= 80
    assert "gone: " in out
    assert "not-there" in out
    code, out, _ = kb("status")
    assert code == 0
    assert "7 commit" in out
    assert not STEERING.search(out)


def test_a_source_that_left_the_configuration_is_still_told(kb: Run, home: Path) -> None:
    other = home / "other.toml"
    other.write_text('data_dir = "data"\n')
    state = one_object(kb("status", "--config", "other.toml", "--json")[1])
    assert [row["configured"] for row in state["sources"]] == [False, False]
    assert "no longer in kb.toml" in kb("status", "--config", "other.toml")[1]


def test_reindex_builds_everything_anew(kb: Run) -> None:
    code, out, _ = kb("reindex", "--json")
    built = one_object(out)
    assert (code, built["records"]) == (0, 7)
    assert built["cards"] >= 7
    assert one_object(kb("status", "--json")[1])["pending"] == 0


def test_reindex_before_the_first_sync_says_what_to_do(kb: Run) -> None:
    code, out, err = kb("reindex", "--data-dir", "empty", "--json")
    assert code == 1
    assert "kb sync" in one_object(out)["error"]["remedy"]
    assert "kb sync" in err


SLOW = """
import sys, time
import ingest
ingest.__path__.append(sys.argv.pop(1))
from kb import cli
cli.main()
"""
SLOW_SOURCE = """
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from kb.protocols import SourceContext
from kb.types import Batch, Event, Record


@dataclass(frozen=True, kw_only=True)
class Source:
    name: str = "slow"
    repo: str = "acme/slow"
    context: SourceContext

    def pull(self, cursor):
        for number in range(int(cursor or 0), 10_000):
            events = (Event("published", datetime(2026, 1, 1, tzinfo=UTC)),)
            post = Record(id=f"post:slow#{number}", kind="post", repo=self.repo, ref=str(number), title="post", events=events)
            yield Batch(records=(post,), cursor=str(number + 1))
            time.sleep(60 if number >= 2 else 0)
"""


def test_interrupted_it_ends_quietly_with_130_and_keeps_what_it_stored(tmp_path: Path) -> None:
    (tmp_path / "slow_posts.py").write_text(SLOW_SOURCE)
    (tmp_path / "kb.toml").write_text('data_dir = "data"\n[[sources]]\nuse = "slow_posts"\n')
    command = [sys.executable, "-c", SLOW, str(tmp_path)]
    with subprocess.Popen(
        [*command, "sync"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        state = _state_when(lambda state: state.get("records") == 3, command, tmp_path)
        assert state["sources"][0]["status"] == "running"
        second = subprocess.run([*command, "sync"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert "another sync is running" in second.stderr
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, "", "")
    state = _state_when(lambda state: state["sources"][0]["status"] != "running", command, tmp_path)
    assert (state["sources"][0]["status"], state["records"]) == ("interrupted", 3)


def _state_when(ready: Callable[[dict[str, Any]], bool], command: list[str], cwd: Path) -> dict[str, Any]:
    for _ in range(100):
        told = subprocess.run([*command, "status", "--json"], cwd=cwd, capture_output=True, text=True, timeout=60)
        state = json.loads(told.stdout)
        if told.returncode == 0 and ready(state):
            return dict(state)
        time.sleep(0.1)
    raise AssertionError(f"never: {state}")
