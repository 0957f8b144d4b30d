"""kb llm check against a real local server: what works, what does not, what to do; and that no key is ever shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kb.llm import Health, Patience, probe
from tests.conftest import Run
from tests.llm_server import KEY, Asked, LlmServer, Reply, Script, event, serving, table

PATIENCE = Patience(connect=1.0, first_wait=0.01, silence=0.4)
NUMBERS = ", ".join(["one", "two", "three", "four", "five"] * 6)


def page(value: Any, **more: Any) -> Reply:
    return Reply(body=json.dumps(value).encode(), **more)


def well(asked: Asked) -> str:
    """Follows the schema, and is no cleverer than it must be."""
    return '{"colour": "blue"}' if asked.schema else NUMBERS


LISTED = {"/v1/models": page({"object": "list", "data": [{"id": "tiny", "max_model_len": 32768}, {"id": "other"}]})}
TAGS = {
    "/api/tags": page({"models": [{"name": "tiny:latest"}, {"name": "qwen3:8b"}]}),
    "/api/show": page({"model_info": {"general.architecture": "llama", "llama.context_length": 131072}}),
}


def checked(script: Script = well, pages: Mapping[str, Reply] = LISTED, *, key: str = "", **more: Any) -> Health:
    with serving(script, pages) as server:
        return check(server, key=key, **more)


def check(server: LlmServer | str, *, key: str = "", **more: Any) -> Health:
    variable = {"api_key_env": "TINY_KEY"} if key else {}
    return probe(table(server, **variable, **more), environment={"TINY_KEY": key}, patience=PATIENCE)


def verdicts(health: Health) -> dict[str, str]:
    return {one.name: one.verdict for one in health.checks}


def told(health: Health, name: str) -> str:
    """What is said of one thing, and what to do about it."""
    (one,) = [one for one in health.checks if one.name == name]
    return f"{one.told} / {one.remedy}"


ALL_WELL = dict.fromkeys(("reachable", "model", "context", "answer", "schema", "streaming"), "ok")


# --- a good server -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "pages", "context"), [("openai-like", LISTED, 32768), ("ollama", TAGS, 131072)])
def test_a_server_on_which_all_works(provider: str, pages: Mapping[str, Reply], context: int) -> None:
    with serving(well, pages) as server:
        health = check(server, provider=provider)
        asked = [request.path for request in server.asked]
    assert verdicts(health) == ALL_WELL
    assert (health.ok, health.context, health.server_context) == (True, 8192, context)
    assert health.speed is not None
    assert (health.speed.tokens, health.speed.counted) == (len(NUMBERS) // 4, True)
    assert 0 < health.speed.first <= health.speed.seconds
    assert health.speed.per_second == pytest.approx(health.speed.tokens / health.speed.seconds)
    assert asked == [*pages, *["/v1/chat/completions" if provider == "openai-like" else "/api/chat"] * 2]


def test_llama_cpp_tells_its_context_elsewhere() -> None:
    listed = page({"data": [{"id": "/models/tiny.gguf", "meta": {"n_ctx_train": 131072}}]})
    props = page({"default_generation_settings": {"n_ctx": 4096}})
    health = checked(pages={"/v1/models": listed, "/props": props})
    assert health.server_context == 4096
    assert "set context = 4096 in [llm]" in told(health, "context")
    assert "tiny is not among the models of the server: /models/tiny.gguf; it answers all the same" in told(health, "model")
    assert {name for name, verdict in verdicts(health).items() if verdict == "warning"} == {"context", "model"}
    assert health.ok


@pytest.mark.parametrize("size", [None, 0, -1, True, "8192", 10**12, {"a": 1}])
def test_a_size_that_cannot_be_one_is_unknown(size: Any) -> None:
    health = checked(pages={"/v1/models": page({"data": [{"id": "tiny", "max_model_len": size}]})})
    assert verdicts(health) == {**ALL_WELL, "context": "unknown"}
    assert health.ok


@pytest.mark.parametrize(
    "listed",
    [Reply(status=404, body=b"{}"), Reply(body=b"null"), Reply(body=b"[1]"), page({"data": "x"}), Reply(body=b"[" * 100_000)],
)
def test_a_server_that_lists_nothing_is_asked_all_the_same(listed: Reply) -> None:
    health = checked(pages={"/v1/models": listed})
    assert verdicts(health) == {**ALL_WELL, "model": "unknown", "context": "unknown"}


def test_entries_that_are_none_do_not_hide_the_others() -> None:
    entries = [
        None,
        5,
        {"id": None},
        {"id": ["tiny"]},
        {"name": "x"},
        {"id": "tiny\x1b[31m"},
        {"id": "tiny", "max_model_len": 9000},
    ]
    health = checked(pages={"/v1/models": page({"data": entries})})
    assert health.server_context == 9000
    assert "\x1b" not in "".join(health.models)


# --- what does not work ------------------------------------------------------------------------------------------------------


def test_nobody_there() -> None:
    with serving(well) as server:
        url = server.url
    health = check(url)
    assert verdicts(health) == {"reachable": "failed"}
    assert 'it cannot be reached / check that a server runs at 127.0.0.1, and "base_url" in [llm]' in told(health, "reachable")
    assert not health.ok


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (Reply(end="hang"), "no whole answer within 0.4 s"),
        (Reply(end="close"), "the connection broke"),
        (Reply(status=503, body=b'{"error": {"message": "Loading model"}}'), "HTTP 503 Service Unavailable: Loading model"),
        (Reply(body=b"<html>", kind="text/html"), "it answered with text/html, not with JSON"),
        (
            Reply(status=302, body=b"{}", headers={"Location": "http://127.0.0.1:1/"}),
            "redirects elsewhere, which is not followed",
        ),
        (Reply(body=b'"' + b"x" * 9_000_000 + b'"'), "longer than 8,388,608 bytes"),
    ],
)
def test_a_server_that_is_not_well_is_asked_nothing_more(listed: Reply, reason: str) -> None:
    with serving(well, {"/v1/models": listed}) as server:
        health = check(server)
        assert len(server.asked) == 1
    assert verdicts(health) == {"reachable": "failed"}
    assert reason in told(health, "reachable")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("open_listing", [False, True])
def test_a_wrong_key_is_told_as_such_and_never_shown(status: int, open_listing: bool) -> None:
    refused = Reply(status=status, body=json.dumps({"error": {"message": f"Incorrect API key: {KEY}"}}).encode())
    health = checked(lambda asked: refused, LISTED if open_listing else {"/v1/models": refused}, key=KEY)
    assert verdicts(health)["key"] == "failed"
    assert verdicts(health)["reachable"] == "ok"
    assert "check the key: the variable TINY_KEY" in told(health, "key")
    assert KEY not in str(health)
    assert not health.ok


def test_a_key_that_is_taken_is_told() -> None:
    health = checked(key=KEY)
    assert verdicts(health) == {**ALL_WELL, "key": "ok"}
    assert KEY not in str(health)


@pytest.mark.parametrize(
    ("provider", "pages", "reason"),
    [
        ("openai-like", LISTED, 'of the server: tiny, other / set "model" in [llm] to one that is there'),
        ("ollama", TAGS, 'of the server: tiny:latest, qwen3:8b / ollama pull llama-3, or set "model" in [llm]'),
    ],
)
def test_a_model_that_is_not_there(provider: str, pages: Mapping[str, Reply], reason: str) -> None:
    missing = Reply(status=404, body=b'{"error": "model not found"}')
    with serving(lambda asked: missing, pages) as server:
        config = table(server, provider=provider).model_copy(update={"model": "llama-3"})
        health = probe(config, environment={}, patience=PATIENCE)
    found = verdicts(health)
    assert (found["model"], found["answer"]) == ("failed", "failed")
    assert f"llama-3 is not among the models {reason}" in told(health, "model")
    assert not health.ok


def test_of_many_models_those_are_named_that_are_most_like_the_missing_one() -> None:
    listed = page({"data": [{"id": f"other-{number}"} for number in range(900)] + [{"id": "tinyy"}, {"id": "x"}] * 2})
    text = told(checked(pages={"/v1/models": listed}), "model")
    assert "server: tinyy and 901 more" in text


def test_a_smaller_context_than_any_that_can_be_set_asks_for_a_larger_server() -> None:
    health = checked(pages={"/v1/models": page({"data": [{"id": "tiny", "max_model_len": 512}]})})
    assert "set context" not in told(health, "context")
    assert "start the server with room for 8,192" in told(health, "context")


@pytest.mark.parametrize(
    "said", ["Blue.", "{}", '{"colour": "red"}', '{"colour": "blue", "more": 1}', '{"colour": ["blue"]}', "5"]
)
def test_answers_that_do_not_follow_the_schema(said: str) -> None:
    health = checked(lambda asked: said if asked.schema else NUMBERS)
    assert verdicts(health) == {**ALL_WELL, "schema": "warning"}
    assert health.ok


def test_a_server_that_refuses_schemas_and_streams_can_still_be_used() -> None:
    def script(asked: Asked) -> str | Reply:
        return Reply(status=400, body=b'{"error": "no streams here"}') if asked.schema or asked.body.get("stream") else "Blue."

    health = checked(script)
    assert verdicts(health) == {**ALL_WELL, "schema": "warning", "streaming": "warning"}
    assert "no streams here" in told(health, "streaming")
    assert health.ok
    assert health.speed is None


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(text=NUMBERS, streams=False), "in one piece"),
        (Reply(frames=[event({"choices": [{"delta": {"content": "one"}}]})], end="cut"), "broke off: the connection broke"),
    ],
)
def test_answers_that_cannot_be_streamed_well(reply: Reply, reason: str) -> None:
    health = checked(lambda asked: well(asked) if asked.schema else reply)
    assert verdicts(health) == {**ALL_WELL, "streaming": "warning"}
    assert reason in told(health, "streaming")


def test_a_model_that_runs_on_is_measured_as_far_as_it_may() -> None:
    health = checked(lambda asked: well(asked) if asked.schema else Reply(text=NUMBERS, finish="length", usage={}))
    assert verdicts(health) == ALL_WELL
    assert health.speed is not None
    assert (health.speed.tokens, health.speed.counted) == (-(-len(NUMBERS) // 8), False)


def test_a_model_that_does_not_answer_in_time() -> None:
    health = checked(lambda asked: Reply(end="hang"), seconds=0.5)
    assert verdicts(health) == {"reachable": "ok", "model": "ok", "context": "ok", "answer": "failed"}
    assert "no whole answer within 0.5 s" in told(health, "answer")


# --- the command -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def configured(home: Path, text: str) -> None:
    (home / "kb.toml").write_text(f'data_dir = "data"\n[llm]\n{text}', encoding="utf-8")


def test_without_a_model_it_says_how_to_have_one(home: Path, kb: Run) -> None:
    configured(home, "")
    code, out, err = kb("llm", "check")
    assert (code, err) == (0, "")
    assert 'provider is "none"' in out
    assert "set provider, base_url and model" in out
    code, out, _ = kb("llm", "check", "--json")
    assert code == 0
    assert (json.loads(out)["provider"], json.loads(out)["ok"], json.loads(out)["checks"]) == ("none", True, [])


@pytest.mark.parametrize(("status", "code"), [(200, 0), (401, 1)])
def test_the_command_tells_a_person_and_a_program(
    home: Path, kb: Run, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    monkeypatch.setenv("TINY_KEY", KEY)
    body = json.dumps({"error": KEY}).encode()
    with serving(lambda asked: well(asked) if status == 200 else Reply(status=status, body=body), LISTED) as server:
        configured(home, f'provider = "openai-like"\nbase_url = "{server.url}/v1"\nmodel = "tiny"\napi_key_env = "TINY_KEY"\n')
        person = kb("llm", "check")
        program = kb("llm", "check", "--json")
    assert person[0] == program[0] == code
    for text in (*person[1:], *program[1:]):
        assert KEY not in text
    assert ("It can be used." if code == 0 else "check the key") in person[1]
    payload = json.loads(program[1])
    assert set(payload) == {"provider", "model", "server", "ok", "checks", "models", "context", "speed"}
    assert (payload["ok"], payload["context"]) == (code == 0, {"configured": 8192, "server": 32768})
    assert {one["name"]: one["verdict"] for one in payload["checks"]}["key"] == ("ok" if code == 0 else "failed")
    assert (payload["speed"] is not None) == (code == 0)


def test_a_configuration_that_cannot_be_used_is_exit_code_two(home: Path, kb: Run) -> None:
    configured(home, 'provider = "openai-like"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\napi_key_env = "NOT_SET"\n')
    code, out, err = kb("llm", "check")
    assert (code, out) == (2, "")
    assert "NOT_SET is not set" in err


def test_a_password_in_the_address_is_not_shown(home: Path, kb: Run) -> None:
    configured(home, 'provider = "openai-like"\nbase_url = "http://ada:hunter2@127.0.0.1:9/v1"\nmodel = "m"\n')
    code, out, err = kb("llm", "check", "--json")
    assert code == 1
    assert "hunter2" not in out + err
    assert json.loads(out)["server"] == "127.0.0.1:9"
