"""Every test runs offline, in UTC, with a home and a git identity of its own: nothing on the machine can change a result."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

Run = Callable[..., tuple[int, str, str]]  # arguments of kb -> exit code, stdout, stderr
BROWSER = "tests/browser/"
HOME = tempfile.mkdtemp(prefix="infra-kb-tests-")

# Before anything is imported: libraries read some of these once, when they load. Subprocesses inherit them.
os.environ.update(
    {
        "HOME": HOME,
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ANONYMIZED_TELEMETRY": "False",
        "ORT_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
)
# A shell that starts this in the background has it ignore Ctrl-C, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
for variable in ("XDG_DATA_HOME", "INFRA_KB_DATA_DIR", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "GIT_DIR", "GIT_WORK_TREE"):
    os.environ.pop(variable, None)
time.tzset()

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live", action="store_true", help="also run the tests that ask GitHub, arXiv and Hugging Face themselves"
    )
    parser.addoption("--real-llm", action="store_true", help="also run the tests that ask a real llama-server on this machine")
    parser.addoption("--write-golden", action="store_true", help="write the pages of tests/golden anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _leave_out(config, items)
    items.sort(key=lambda item: item.nodeid.startswith(BROWSER))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For workers side by side (``-n``): a module stays with one of them, as its fixtures cost more than its tests. The browser
    stays with one and comes last, as it, its server and its page need both cores to be as quick as for a person."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER if nodeid.startswith(BROWSER) else str(super()._split_scope(nodeid))

    return Scheduling(config, log)


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, option in (("live", "--live"), ("real_llm", "--real-llm")):
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and not config.getoption(option):
            config.hook.pytest_deselected(items=marked)
            items[:] = [item for item in items if item not in marked]


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture
def kb(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process, in the folder of the test module's own ``home`` fixture."""
    from kb import cli

    monkeypatch.chdir(home)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        return code, *capfd.readouterr()

    return run
