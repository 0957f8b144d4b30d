"""The commands that need no records: contracts, exit codes and errors; in-process, and as a program where that matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kb(here: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in an empty folder: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        return code, *capfd.readouterr()

    return run


def one_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert text.count("\n") == 1
    assert isinstance(value, dict)
    return value


def program(*arguments: str, cwd: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kb", *arguments], cwd=cwd, encoding="utf-8", capture_output=True, timeout=60, **more
    )


def test_init_writes_a_file_that_status_can_read(kb: Run, here: Path) -> None:
    code, out, err = kb("init")
    assert (code, err) == (0, "")
    assert "kb sync" in out
    code, out, _ = kb("status", "--json", "--data-dir", "data")
    assert code == 0
    (source,) = one_object(out)["sources"]
    assert (source["repo"], source["status"], source["last_success"]) == ("flashinfer-ai/flashinfer", "never", None)
    assert not (here / "data").exists()


def test_init_keeps_a_file_that_is_there_unless_forced(kb: Run, here: Path) -> None:
    (here / "kb.toml").write_text("mine")
    code, out, err = kb("init")
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert "--force" in err
    assert (here / "kb.toml").read_text() == "mine"
    assert kb("init", "--force")[0] == 0
    assert "[[sources]]" in (here / "kb.toml").read_text()


def test_init_elsewhere_makes_the_folder_and_takes_a_folder(kb: Run, here: Path) -> None:
    code, out, _ = kb("init", "--path", "new/deep/my.toml", "--json")
    assert (code, one_object(out)) == (0, {"written": "new/deep/my.toml"})
    assert kb("init", "--path", "new")[0] == 0
    assert (here / "new/kb.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "told", "remedy"),
    [
        (["status"], "kb.toml: no such file", 'run "kb init"'),
        (["status", "--config", "nowhere.toml"], "nowhere.toml: no such file", "--config"),
        (["sync", "--bogus"], "No such option: --bogus", "kb COMMAND --help"),
        (["frobnicate"], "No such command 'frobnicate'", "kb --help"),
    ],
)
def test_wrong_input_is_exit_code_2_one_line_and_what_to_do(kb: Run, arguments: list[str], told: str, remedy: str) -> None:
    code, out, err = kb(*arguments)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("kb: ")
    assert told in first
    assert remedy in second


def test_with_json_an_error_is_one_object_and_one_line(kb: Run) -> None:
    code, out, err = kb("status", "--json")
    assert code == 2
    error = one_object(out)["error"]
    assert error["type"] == "ConfigError"
    assert error["message"] == "kb.toml: no such file"
    assert "kb init" in error["remedy"]
    assert err.count("\n") == 1
    assert one_object(kb("sync", "--json", "--bogus")[1])["error"]["type"] == "UsageError"


def test_an_unknown_source_is_answered_with_the_known_ones(kb: Run) -> None:
    kb("init")
    code, out, err = kb("sync", "--source", "flashinfre")
    assert (code, out) == (2, "")
    assert "unknown source 'flashinfre'" in err
    assert "known sources: flashinfer" in err


def test_without_sources_sync_says_so(kb: Run, here: Path) -> None:
    (here / "kb.toml").write_text("")
    code, out, err = kb("sync", "--data-dir", "data")
    assert (code, out) == (2, "")
    assert "there is no [[sources]] table" in err
    assert "kb init" in err


def test_json_is_utf8_whatever_the_locale_says(here: Path) -> None:
    done = program("status", "--json", "--config", "配置.toml", cwd=here, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert one_object(done.stdout)["error"]["message"] == "配置.toml: no such file"


def test_options_stand_before_the_command_or_after_it(kb: Run) -> None:
    kb("init", "--path", "other/kb.toml")
    before = kb("--config", "other/kb.toml", "--data-dir", "d", "status", "--json")
    after = kb("status", "--json", "--config", "other/kb.toml", "--data-dir", "d")
    assert before == after
    assert one_object(after[1])["data_dir"].endswith("/d")
    assert kb("--config", "nowhere.toml", "status", "--config", "other/kb.toml", "--data-dir", "d")[0] == 0


def test_help_and_version(kb: Run) -> None:
    code, out, _ = kb("--help")
    assert code == 0
    for command in ("sync", "search", "ask", "status", "reindex", "init"):
        assert f"\n  {command} " in out
        assert kb(command, "--help")[0] == 0
    assert kb("--version")[1].startswith("kb 0.")
    assert kb()[0] == 2


def test_a_store_that_is_no_store_is_told_without_a_traceback(kb: Run, here: Path) -> None:
    kb("init")
    (here / "data").mkdir()
    (here / "data/catalog.db").write_text("not a database, but long enough to be taken for one " * 100)
    code, out, err = kb("status", "--data-dir", "data")
    assert (code, out) == (1, "")
    assert "catalog.db" in err
    assert "Traceback" not in err


LIGHT = """
import sys
from kb import cli
code = cli.run(sys.argv[1:])
heavy = {"torch", "chromadb", "sentence_transformers", "transformers", "llama_index", "onnxruntime", "scipy", "sklearn"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["init", "--path", "again.toml"], ["status", "--data-dir", "data"]])
def test_light_commands_load_nothing_heavy(here: Path, arguments: list[str]) -> None:
    assert cli.run(["init"]) == 0
    done = subprocess.run([sys.executable, "-c", LIGHT, *arguments], cwd=here, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_the_program_is_quiet_when_its_reader_goes_away(here: Path) -> None:
    assert cli.run(["init"]) == 0
    command = f"{sys.executable} -m kb status --data-dir data | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=here, text=True, capture_output=True, timeout=60)
    assert done.stdout.strip() in {"0", "141"}  # 0 where it was done before the reader left
    assert done.stderr == ""


def test_the_program_and_the_module_are_one(here: Path) -> None:
    done = program("status", "--json", cwd=here)
    assert done.returncode == 2
    assert one_object(done.stdout)["error"]["type"] == "ConfigError"
