"""A real llama-server with a tiny model of random weights: `pytest --real-llm tests/test_real_llm.py`. Left out otherwise.

CONTRIBUTING.md says where the server comes from; LLAMA_SERVER names it where it is not on the path.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kb.config import LlmTable, load_config
from kb.llm import language_model, probe
from kb.protocols import LanguageModel
from kb.wiring import open_kb
from tests import tiny_model
from tests.conftest import Run
from tests.history import History

pytestmark = pytest.mark.real_llm

DAY = "2026-02-03"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "count", "done"],
    "properties": {
        "kind": {"type": "string", "enum": ["bug", "feature"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "done": {"type": "boolean"},
    },
}
QUESTIONS = [f"What changed in version {number}?" for number in range(20)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a llama-server serves the model."""
    program = os.environ.get("LLAMA_SERVER") or shutil.which("llama-server")
    if not program:
        pytest.fail("no llama-server: put one on the path, or its name into LLAMA_SERVER; see CONTRIBUTING.md")
    folder = tmp_path_factory.mktemp("llama")
    tiny_model.write(folder / "tiny.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--alias tiny --host 127.0.0.1 --port {port} --ctx-size {tiny_model.CONTEXT} --parallel 1 --threads 1".split()
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([program, "--model", str(folder / "tiny.gguf"), *options], stdout=log, stderr=log)
    try:
        if not _answers(f"http://127.0.0.1:{port}", running):
            pytest.fail(f"the llama-server did not start:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(timeout=30)


def _answers(address: str, running: subprocess.Popen[bytes]) -> bool:
    """Whether the server is ready within half a minute."""
    until = time.monotonic() + 30
    while time.monotonic() < until and running.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health").status_code == 200:
                return True
        time.sleep(0.1)
    return False


@pytest.fixture
def table(address: str) -> LlmTable:
    return LlmTable(provider="openai-like", base_url=f"{address}/v1", model="tiny", context=tiny_model.CONTEXT, concurrency=1)


@pytest.fixture
def model(table: LlmTable) -> LanguageModel:
    made = language_model(table)
    assert made is not None
    return made


def test_it_answers_and_counts_its_tokens(model: LanguageModel) -> None:
    answer = model.complete("Be brief.", QUESTIONS[0])
    assert answer.text
    assert answer.prompt_tokens > len(QUESTIONS[0]) // 2
    assert 0 < answer.completion_tokens <= 4096
    assert answer.complete == (answer.completion_tokens < 4096)


def test_every_structured_answer_follows_the_schema(model: LanguageModel) -> None:
    kinds = set()
    for question in QUESTIONS:
        value: dict[str, Any] = json.loads(model.complete("Be brief.", question, schema=SCHEMA).text)
        assert list(value) == ["kind", "count", "done"]
        assert value["kind"] in {"bug", "feature"}
        assert 0 <= value["count"] <= 99
        assert isinstance(value["done"], bool)
        kinds.add(value["kind"])
    assert kinds == {"bug", "feature"}  # the model chose, not the grammar


@pytest.mark.parametrize("schema", [None, SCHEMA])
def test_a_streamed_answer_is_the_same_piece_by_piece(model: LanguageModel, schema: dict[str, Any] | None) -> None:
    heard: list[str] = []
    answer = model.complete("Be brief.", QUESTIONS[1], schema=schema, heard=heard.append)
    whole = model.complete("Be brief.", QUESTIONS[1], schema=schema)
    assert "".join(heard) == answer.text == whole.text
    assert (answer.complete, answer.completion_tokens) == (whole.complete, whole.completion_tokens)
    assert len(heard) > answer.completion_tokens // 3


def test_whoever_has_heard_enough_ends_it_and_the_server_is_free_again(model: LanguageModel) -> None:
    class EnoughError(Exception):
        pass

    def heard(piece: str) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        model.complete("Be brief.", QUESTIONS[2], heard=heard)
    assert model.complete("Be brief.", QUESTIONS[2], schema=SCHEMA).complete


def test_the_check_finds_that_all_works(table: LlmTable) -> None:
    health = probe(table)
    assert {one.name: one.verdict for one in health.checks} == dict.fromkeys(
        ("reachable", "model", "context", "answer", "schema", "streaming"), "ok"
    )
    assert (health.models, health.server_context) == (("tiny",), tiny_model.CONTEXT)
    assert health.speed is not None
    assert health.speed.counted
    assert health.speed.per_second > 1


def test_the_check_finds_a_context_that_is_too_large(table: LlmTable) -> None:
    health = probe(table.model_copy(update={"context": 2 * tiny_model.CONTEXT}))
    (context,) = [one for one in health.checks if one.name == "context"]
    assert context.verdict == "warning"
    assert f"context = {tiny_model.CONTEXT}" in context.remedy


# --- a whole report ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, table: LlmTable) -> Path:
    rocket = History(tmp_path / "rocket")
    for number in range(12):
        rocket.commit(
            f"feat: valve {number} closes by itself\n\nValve {number} stayed open when tank {number} was empty and lost fuel.",
            {f"engine/valve{number}.py": f'parser.add_argument("--close-{number}", default=True)\n' + "x = 1\n" * 40},
            at=f"{DAY}T{number:02}:00:00Z",
        )
    (tmp_path / "kb.toml").write_text(
        f"""timezone = "UTC"
data_dir = "data"
[[sources]]
use = "git_commits"
history = "all"
url = "rocket"
[llm]
provider = "{table.provider}"
base_url = "{table.base_url}"
model = "{table.model}"
context = {table.context}
concurrency = 1
""",
        encoding="utf-8",
    )
    with open_kb(load_config(tmp_path / "kb.toml")) as base:
        assert base.sync().ok
    return tmp_path


def test_nothing_of_what_it_invents_comes_into_a_report(home: Path, kb: Run) -> None:
    def made(*options: str) -> dict[str, Any]:
        code, out, err = kb("report", "--date", DAY, "--json", *options)
        assert code == 0, err
        return dict(json.loads(out))

    written, plain = made(), made("--no-llm", "--out", str(home / "plain"))
    assert written["writer"]["kind"] == "model"
    assert written["writer"]["usage"]["requests"] > 12
    assert written["removed_claims"] >= 10
    assert _told(written) <= _told(plain)
    assert kb("verify", written["markdown"])[0] == 0


def _told(report: dict[str, Any]) -> set[str]:
    """Every sentence of a report."""
    return {claim["text"] for claim in report["claims"]}
