"""kb sync, status, forget and reindex on real git repositories, hostile ones among them, as people and programs see them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
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


def rows_of_tables(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(" ")]


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
    assert max(map(len, rows_of_tables(out))) <= 80
    assert "gone: " in out
    assert "not-there" in out
    code, out, _ = kb("status", "--runs", "3")
    assert code == 0
    assert max(map(len, rows_of_tables(out))) <= 80
    assert "7 commit" in out
    assert not STEERING.search(out)


def test_status_shows_the_last_runs_where_asked(kb: Run) -> None:
    assert "runs" not in one_object(kb("status", "--json")[1])["sources"][0]
    rocket, gone = one_object(kb("status", "--runs", "2", "--json")[1])["sources"]
    assert [run["status"] for run in rocket["runs"]] == ["ok", "ok"]
    assert [run["status"] for run in gone["runs"]] == ["failed", "failed"]
    assert "not-there" in gone["runs"][0]["error"]
    assert set(rocket["runs"][0]) < set(rocket)
    out = kb("status", "--runs", "1")[1]
    assert "Runs of rocket\n" in out
    assert out.count("not-there") == 2  # as it stands, and among the runs
    assert one_object(kb("status", "--data-dir", "empty", "--runs", "1", "--json")[1])["sources"][0]["runs"] == []
    assert "Runs of rocket: none has ended" in kb("status", "--data-dir", "empty", "--runs", "1")[1]


def test_a_source_is_stale_when_its_last_success_is_older_than_it_may_be(kb: Run, home: Path) -> None:
    database = sqlite3.connect(home / "data" / "catalog.db")
    with closing(database), database:
        database.execute("UPDATE sources SET last_success = last_success - 40 * 3600 WHERE source = 'rocket'")
    text = (home / "kb.toml").read_text(encoding="utf-8")
    for key, stale in (("stale_after = '2 days'\n", False), ("stale_after = '36 hours'\n", True), ("", True)):
        (home / "other.toml").write_text(key + text, encoding="utf-8")
        rocket, gone = one_object(kb("status", "--config", "other.toml", "--json")[1])["sources"]
        assert (rocket["stale"], gone["stale"]) == (stale, False)
        out = kb("status", "--config", "other.toml")[1]
        assert ("ok, stale" in out) == stale
        assert ("rocket: stale: last read 40 h ago" in out) == stale
    (home / "other.toml").write_text(text.replace('url = "rocket"', 'url = "rocket"\nstale_after = "1 week"'), encoding="utf-8")
    assert one_object(kb("status", "--config", "other.toml", "--json")[1])["sources"][0]["stale_after"] == 7 * 86_400


def test_a_source_that_left_the_configuration_is_still_told_until_it_is_forgotten(kb: Run, home: Path) -> None:
    other = home / "other.toml"
    other.write_text('data_dir = "data"\n')
    state = one_object(kb("status", "--config", "other.toml", "--json")[1])
    assert [row["configured"] for row in state["sources"]] == [False, False]
    assert "no longer in kb.toml" in kb("status", "--config", "other.toml")[1]

    code, out, err = kb("forget", "gone", "--json")
    assert code == 2
    assert "--force" in one_object(out)["error"]["remedy"]
    assert "is configured" in err
    assert one_object(kb("forget", "gone", "--config", "other.toml", "--json")[1]) == {"forgotten": "gone", "records": 0}
    state = one_object(kb("status", "--config", "other.toml", "--json")[1])
    assert [row["source"] for row in state["sources"]] == ["rocket"]
    code, out, _ = kb("forget", "gone", "--config", "other.toml", "--json")
    assert (code, one_object(out)["error"]["message"]) == (2, "the store has no source 'gone'")


def test_a_configured_source_that_is_forgotten_by_force_is_read_anew(kb: Run, home: Path) -> None:
    code, out, _ = kb("forget", "rocket", "--force", "--data-dir", "data")
    assert (code, out) == (0, "Forgot rocket: 7 records are gone with it.\n")
    assert one_object(kb("status", "--json")[1])["records"] == 0
    code, out, _ = kb("sync", "--source", "rocket", "--json")
    assert (code, one_object(out)["sources"][0]["fetched"], one_object(out)["sources"][0]["changed"]) == (0, 7, 7)


def test_forgetting_before_the_first_sync_says_what_to_do(kb: Run) -> None:
    code, _, err = kb("forget", "rocket", "--data-dir", "empty")
    assert code == 1
    assert "kb sync" in err


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
