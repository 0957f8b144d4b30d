"""The examples of automation: they parse, name commands that exist, and ask for no more than they need."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "automation"


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    return yaml.safe_load((EXAMPLES / "daily-report.yml").read_text())


def test_the_workflow_runs_on_a_schedule_and_may_push_and_nothing_more(workflow: dict[Any, Any]) -> None:
    triggers = workflow[True]  # YAML 1.1 reads "on" so
    (schedule,) = triggers["schedule"]
    assert len(schedule["cron"].split()) == 5
    assert workflow["permissions"] == {"contents": "write"}
    assert workflow["concurrency"]["group"]


def test_every_action_is_pinned_to_a_major_version(workflow: dict[Any, Any]) -> None:
    uses = [step["uses"] for step in workflow["jobs"]["report"]["steps"] if "uses" in step]
    assert uses
    for action in uses:
        assert re.fullmatch(r"actions/[a-z/-]+@v\d+", action)


def test_what_was_read_is_kept_also_after_a_failure(workflow: dict[Any, Any]) -> None:
    steps = workflow["jobs"]["report"]["steps"]
    restore, save = (step for step in steps if "cache/" in step.get("uses", ""))
    assert restore["with"]["path"] == save["with"]["path"]
    assert save["if"] == "always()"
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])


def test_no_text_from_outside_becomes_a_command(workflow: dict[Any, Any]) -> None:
    assert not [step for step in workflow["jobs"]["report"]["steps"] if "${{" in step.get("run", "")]


def test_the_line_for_cron_has_five_fields_and_a_command() -> None:
    lines = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if line and not line.startswith("#")]
    (entry,) = (line for line in lines if not re.match(r"\w+=", line))
    *fields, command = entry.split(None, 5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields)
    assert "%" not in command  # cron would end the command there
    done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd's own check of units")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in ("infra-kb.service", "infra-kb.timer"):
        unit = (EXAMPLES / name).read_text().replace("%h/.local/bin/kb", shutil.which("true") or "/bin/true")
        (tmp_path / name).write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(tmp_path / "infra-kb.timer"), str(tmp_path / "infra-kb.service")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert [line for line in done.stderr.splitlines() if "infra-kb" in line] == []
    assert done.returncode == 0 or "Failed to initialize manager" in done.stderr  # as in a container without a user's session


@pytest.mark.parametrize("path", [*EXAMPLES.iterdir(), ROOT / "docs" / "automation.md"], ids=lambda path: path.name)
def test_the_options_that_are_named_exist(path: Path) -> None:
    from typer.main import get_command

    from kb.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, options in re.findall(r"\bkb\"? (daily|report|sync)\b([^\n`]*)", path.read_text()):
        known = {option for parameter in commands[name].params for option in parameter.opts}
        for option in re.findall(r"(?<= )--[a-z-]+", options.partition("#")[0]):
            assert option in known
