"""The language model adapter against a real local server, well and ill behaved."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from kb.errors import ConfigError, LlmError
from kb.llm import Patience, language_model
from tests.llm_server import KEY, Asked, Reply, model, serving, table

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
providers = pytest.mark.parametrize("provider", ["openai-like", "ollama"])


def failing(reply: Reply, *, provider: str = "openai-like", **more: object) -> tuple[str, int, float]:
    """The error's text, the number of requests and the seconds until it came."""
    with serving(lambda asked: reply) as server:
        asked = model(server, provider=provider, **more)  # type: ignore[arg-type]
        asked_at = time.monotonic()
        with pytest.raises(LlmError) as caught:
            asked.complete("system", "prompt")
        return str(caught.value), len(server.asked), time.monotonic() - asked_at


# --- configuration -----------------------------------------------------------------------------------------------------------


def test_without_a_provider_there_is_no_model() -> None:
    from kb.config import LlmTable

    assert language_model(LlmTable()) is None


def test_a_missing_key_is_told_by_its_variable() -> None:
    with pytest.raises(ConfigError, match="TINY_KEY is not set"):
        language_model(table("http://127.0.0.1:9/v1", api_key_env="TINY_KEY"), environment={"OTHER": KEY})


def test_a_key_that_cannot_be_one_is_told_without_showing_it() -> None:
    with pytest.raises(ConfigError, match="TINY_KEY") as caught:
        language_model(table("http://127.0.0.1:9/v1", api_key_env="TINY_KEY"), environment={"TINY_KEY": "se\ncret"})
    assert "cret" not in str(caught.value)


def test_llama_index_is_loaded_only_when_a_model_is_asked() -> None:
    code = (
        "import sys; import kb.llm; from kb.config import LlmTable;"
        "kb.llm.language_model(LlmTable(provider='ollama', model='m'));"
        "print([name for name in ('llama_index', 'openai', 'ollama', 'tiktoken') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# --- a good server -----------------------------------------------------------------------------------------------------------


@providers
def test_an_answer_comes_with_its_tokens(provider: str) -> None:
    with serving(lambda asked: Reply(text="All is well.", usage={"prompt_tokens": 7, "completion_tokens": 3})) as server:
        asked = model(server, provider=provider, concurrency=3, context=2048)
        answer = asked.complete("Be brief.", "How is it? $1")
        (request,) = server.asked
    assert (answer.text, answer.complete, answer.prompt_tokens, answer.completion_tokens) == ("All is well.", True, 7, 3)
    assert 0 < answer.seconds < 5
    assert (request.system, request.prompt) == ("Be brief.", "How is it? $1")
    assert (asked.name, asked.context, asked.concurrency) == (f"tiny ({provider})", 2048, 3)


@providers
def test_the_schema_is_asked_for_in_the_servers_own_way(provider: str) -> None:
    with serving(lambda asked: '{"a": "b"}') as server:
        asked = model(server, provider=provider)
        asked.complete("system", "prompt", schema=SCHEMA)
        asked.complete("system", "prompt")
        assert [request.schema for request in server.asked] == [SCHEMA, None]


@providers
def test_the_key_goes_into_its_header_and_nothing_about_this_machine_leaves(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    with serving(lambda asked: "Well.") as server:
        model(server, provider=provider, key=KEY).complete("system", "prompt")
        (request,) = server.asked
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(request.body)
    assert set(request.headers) <= {
        *("host", "connection", "accept", "accept-encoding", "content-type", "content-length", "user-agent", "authorization")
    }
    assert request.headers["user-agent"] == "infra-kb"


@providers
def test_a_key_that_lies_about_in_the_environment_is_not_sent(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OLLAMA_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    with serving(lambda asked: "Well.") as server:
        model(server, provider=provider).complete("system", "prompt")
        assert "authorization" not in server.asked[0].headers


@providers
@pytest.mark.parametrize(
    "text",
    [
        "<think>hm,\nhm</think>\n\nAll is well.",
        "<thinking>no</thinking>All is well.",
        "hm, it began before</think>All is well.",
        "All is well.<think>or is it",
        "<THINK>a</THINK><think>b</think> All is well. ",
    ],
)
def test_what_a_model_thinks_aloud_is_no_part_of_its_answer(provider: str, text: str) -> None:
    with serving(lambda asked: text) as server:
        assert model(server, provider=provider).complete("system", "prompt").text == "All is well."


@providers
def test_an_answer_that_ran_into_the_limit_says_so(provider: str) -> None:
    with serving(lambda asked: Reply(text="All is", finish="length")) as server:
        assert not model(server, provider=provider).complete("system", "prompt").complete


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": -1}])
def test_tokens_that_are_not_counted_are_none(usage: object) -> None:
    with serving(lambda asked: Reply(text="Well.", usage=usage)) as server:
        answer = model(server).complete("system", "prompt")
    assert (answer.prompt_tokens, answer.completion_tokens) == (0, 0)


def test_it_may_be_asked_from_several_threads_at_once() -> None:
    both = threading.Barrier(2, timeout=5)

    def script(asked: Asked) -> str:
        both.wait()
        return asked.prompt

    with serving(script) as server:
        asked = model(server)
        texts: list[str] = []
        threads = [threading.Thread(target=lambda n=n: texts.append(asked.complete("s", f"p{n}").text)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(texts) == ["p0", "p1"]


# --- a server without schemas ------------------------------------------------------------------------------------------------


@providers
@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_server_that_refuses_the_schema_is_asked_without_from_then_on(provider: str, status: int) -> None:
    with serving(lambda asked: Reply(status=status) if asked.schema else "Well.") as server:
        asked = model(server, provider=provider, retries=0)
        for _ in range(2):
            assert asked.complete("system", "prompt", schema=SCHEMA).text == "Well."
        assert [request.schema for request in server.asked] == [SCHEMA, None, None]


def test_a_request_that_is_refused_either_way_says_nothing_of_schemas() -> None:
    def script(asked: Asked) -> str | Reply:
        return Reply(status=400, body=b'{"error": "too long"}') if asked.number < 2 else "Well."

    with serving(script) as server:
        asked = model(server)
        with pytest.raises(LlmError, match="HTTP 400 Bad Request: too long"):
            asked.complete("system", "prompt", schema=SCHEMA)
        asked.complete("system", "prompt", schema=SCHEMA)
        assert [bool(request.schema) for request in server.asked] == [True, False, True]


# --- a bad server ------------------------------------------------------------------------------------------------------------

ODD: dict[str, tuple[Reply, str, int]] = {  # what it answers, what is said of it, how often it is asked
    "broken": (Reply(text="Well." * 40, end="cut"), "the connection broke", 3),
    "closed": (Reply(end="close"), "the connection broke", 3),
    "500": (Reply(status=500, body=b'{"error": {"message": "out of memory"}}'), "HTTP 500 .*: out of memory", 3),
    "503": (Reply(status=503, body=b"<html>busy</html>", kind="text/html"), "HTTP 503 Service Unavailable", 3),
    "400": (Reply(status=400, body=b'{"detail": "context length exceeded"}'), "context length exceeded", 1),
    "401": (Reply(status=401), "HTTP 401", 1),
    "403": (Reply(status=403), "HTTP 403", 1),
    "404": (Reply(status=404, body=b'{"error": "model \'tiny\' not found"}'), "model 'tiny' not found", 1),
    "redirect": (Reply(status=302, headers={"Location": "/elsewhere"}), "redirects elsewhere", 1),
    "HTML": (Reply(body=b"<html>Sign in</html>", kind="text/html"), "answered with text/html, not with JSON", 1),
    "plain text": (Reply(kind="text/plain"), "answered with text/plain", 1),
    "compressed": (Reply(text="Well.", headers={"Content-Encoding": "gzip"}), "compressed", 1),
    "empty": (Reply(text=""), "its answer is empty", 1),
    "only thoughts": (Reply(text="<think>hm</think>"), "its answer is empty", 1),
    "only thoughts, and the limit": (Reply(text="<think>hm", finish="length"), "limit of tokens before", 1),
    "null content": (Reply(text=None), "its answer (is empty|cannot be read)", 1),
    "no choices": (Reply(body=b'{"choices": []}'), "cannot be read", 1),
    "null": (Reply(body=b"null"), "cannot be read", 1),
    "no JSON": (Reply(body=b"All is well."), "cannot be read", 1),
    "an error with 200": (Reply(body=b'{"error": {"message": "quota"}}'), "cannot be read", 1),
    "endless brackets": (Reply(body=b"[" * 200_000), "cannot be read", 1),
    "no UTF-8": (Reply(body=b'{"choices": [{"message": {"content": "\xff"}}]}'), "cannot be read", 1),
    "40 MB": (Reply(body=b'"' + b"x" * 40_000_000 + b'"'), "longer than 8,388,608 bytes", 1),
}


@providers
@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_is_none_is_an_error_of_one_line(provider: str, name: str) -> None:
    reply, reason, requests = ODD[name]
    with serving(lambda asked: reply) as server, pytest.raises(LlmError, match=reason) as caught:
        model(server, provider=provider).complete("system", "prompt")
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith(f"the model tiny ({provider}): ")
    assert "127.0.0.1" not in caught.value.message  # it may stand in a report
    assert len(server.asked) == requests


@providers
@pytest.mark.parametrize(
    "reply",
    [
        Reply(end="hang"),
        Reply(end="drip", pause=0.02),
        Reply(text="Well. " * 400, pause=0.02),
        Reply(text="Well.", wait=5.0),
    ],
    ids=["hangs", "a header now and then", "a byte now and then", "slow"],
)
def test_a_server_that_takes_too_long_is_cut_off_and_not_asked_again(provider: str, reply: Reply) -> None:
    text, requests, seconds = failing(reply, provider=provider, seconds=0.4)
    assert "no whole answer within 0.4 s" in text
    assert requests == 1
    assert seconds < 1.5


@providers
def test_nobody_there(provider: str) -> None:
    with serving(lambda asked: "") as server:
        url = server.url
    with pytest.raises(LlmError, match="cannot be reached") as caught:
        model(url, provider=provider, retries=1).complete("system", "prompt")
    assert 'runs at 127.0.0.1, and "base_url"' in caught.value.remedy


def test_a_server_that_repeats_the_key_does_not_get_it_into_a_message() -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}\x1b[31m"}}).encode()
    text, _, _ = failing(Reply(status=401, body=body), key=KEY)
    assert "Incorrect API key provided: ***" in text
    assert KEY not in text
    assert "\x1b" not in text
    assert "TINY_KEY" in text


def test_no_password_of_the_address_gets_into_a_message() -> None:
    with pytest.raises(LlmError) as caught:
        model("http://ada:hunter2@127.0.0.1:9/v1", retries=0).complete("system", "prompt")
    assert "hunter2" not in str(caught.value)


# --- patience ----------------------------------------------------------------------------------------------------------------


def after(number: int, reply: Reply) -> Callable[[Asked], str | Reply]:
    return lambda asked: reply if asked.number < number else "Well."


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=429), Reply(end="close"), Reply(text="x" * 99, end="cut")])
def test_a_server_that_was_busy_is_asked_again(reply: Reply) -> None:
    with serving(after(2, reply)) as server:
        assert model(server).complete("system", "prompt").text == "Well."
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("asked_for", "at_least"), [("0", 0.0), ("1", 1.0), ("Sun, 01 Feb 2026 00:00:00 GMT", 0.0), ("soon", 0.0)]
)
def test_the_server_says_how_long_to_wait(asked_for: str, at_least: float) -> None:
    patience = Patience(first_wait=0.01, longest_wait=1.5)
    with serving(after(1, Reply(status=429, headers={"Retry-After": asked_for}))) as server:
        began = time.monotonic()
        assert model(server, patience=patience).complete("system", "prompt").text == "Well."
        assert at_least <= time.monotonic() - began < at_least + 1.0


@pytest.mark.parametrize("asked_for", ["3600", "999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_server_that_wants_a_long_wait_is_not_waited_for(asked_for: str) -> None:
    reply = Reply(status=429, headers={"Retry-After": asked_for})
    text, requests, seconds = failing(reply, patience=Patience(first_wait=0.01, longest_wait=0.05))
    assert "HTTP 429" in text
    assert seconds < 2
    assert requests == (3 if asked_for == "999999999999" else 1)  # ten digits and more are no number of seconds


def test_no_attempt_begins_once_the_time_of_one_answer_has_passed() -> None:
    _, requests, seconds = failing(Reply(status=500, wait=0.3), seconds=0.5, retries=10)
    assert requests == 2
    assert seconds < 1.5


# --- giving up ---------------------------------------------------------------------------------------------------------------


def fail(asked: object, times: int) -> None:
    for _ in range(times):
        with pytest.raises(LlmError):
            asked.complete("system", "prompt")  # type: ignore[attr-defined]


def test_after_three_failures_in_a_row_nothing_more_is_asked() -> None:
    with serving(lambda asked: Reply(status=500)) as server:
        asked = model(server, retries=0)
        fail(asked, 3)
        with pytest.raises(LlmError, match=r"HTTP 500 .* \(not asked again: it failed 3 times in a row\)"):
            asked.complete("system", "prompt")
        assert len(server.asked) == 3


def test_a_refused_key_is_not_tried_again() -> None:
    with serving(lambda asked: Reply(status=401)) as server:
        asked = model(server)
        fail(asked, 5)
        assert len(server.asked) == 1


def test_a_request_that_is_refused_does_not_count_against_the_server() -> None:
    with serving(after(5, Reply(status=400))) as server:
        asked = model(server)
        fail(asked, 5)
        assert asked.complete("system", "prompt").text == "Well."


def test_an_answer_makes_good_what_failed_before() -> None:
    with serving(lambda asked: "Well." if asked.number == 2 else Reply(status=500)) as server:
        asked = model(server, retries=0)
        fail(asked, 2)
        asked.complete("system", "prompt")
        fail(asked, 2)
        assert len(server.asked) == 5


def test_after_a_rest_one_request_tries_again() -> None:
    with serving(after(3, Reply(status=500))) as server:
        asked = model(server, retries=0, patience=Patience(first_wait=0.01, rest=0.2))
        fail(asked, 4)
        assert len(server.asked) == 3
        time.sleep(0.25)
        assert asked.complete("system", "prompt").text == "Well."
        assert asked.complete("system", "prompt").text == "Well."


def test_while_one_tries_again_the_others_wait_for_what_becomes_of_it() -> None:
    with serving(lambda asked: Reply(status=500, wait=0.3 if asked.number >= 3 else 0.0)) as server:
        asked = model(server, retries=0, patience=Patience(first_wait=0.01, rest=0.2))
        fail(asked, 3)
        time.sleep(0.25)
        threads = [threading.Thread(target=fail, args=(asked, 1)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.asked) == 4
