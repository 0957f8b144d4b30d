"""The worked example that CONTRIBUTING.md opens with is a real source: it is taken from the page, configured and synced."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingest
from kb.config import load_config
from kb.sync import SyncReport
from kb.wiring import open_kb

PAGE = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = """# Changelog

## [Unreleased]

## [1.1.0] - 2026-02-03
- Adds a second stage.

## 1.0.0 - 2026-01-01
- Flies.
"""


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the example's table in kb.toml, its file where ``ingest.*`` is looked for, and a changelog."""
    named = re.search(r"Save it as `ingest/(\w+)\.py`", PAGE)
    assert named
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / f"{named[1]}.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.setattr(ingest, "__path__", [*ingest.__path__, str(modules)])
    (tmp_path / "kb.toml").write_text(block("toml"), encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    yield tmp_path
    sys.modules.pop(f"ingest.{named[1]}", None)


def synced(folder: Path) -> SyncReport:
    with open_kb(load_config(folder / "kb.toml"), data_dir=folder / "data") as base:
        return base.sync()


def test_the_example_comes_first_on_the_page() -> None:
    assert PAGE.index("## Add a source in one file") == PAGE.index("## ")


def test_the_example_is_read_once_and_then_only_when_it_changes(folder: Path) -> None:
    first = synced(folder).runs[0].row
    assert (first.status, first.repo, first.fetched, first.new) == ("ok", "acme/rocket", 2, 2)
    assert synced(folder).runs[0].row.fetched == 0
    (folder / "CHANGELOG.md").write_text(CHANGELOG.replace("## 1.0.0 - 2026-01-01\n- Flies.\n", ""), encoding="utf-8")
    third = synced(folder).runs[0].row
    assert (third.new, third.changed, third.gone) == (0, 0, 1)


def test_the_example_tells_a_missing_file_as_a_failure(folder: Path) -> None:
    (folder / "CHANGELOG.md").unlink()
    report = synced(folder)
    assert not report.ok
    assert "CHANGELOG.md" in report.runs[0].row.error
    assert '"path" in kb.toml' in report.runs[0].row.error
