"""Streamed answers against a real local server: what is heard, what the answer is in the end, and whatever may break it off."""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import LlmError
from kb.llm import Patience
from kb.llm.thoughts import Spoken
from kb.protocols import Completion
from tests.llm_server import KEY, Asked, LlmServer, Reply, event, frames, model, serving

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TEXT = "The pump leaks. The valve stays open. Nobody has mended it."
PATIENCE = Patience(connect=2.0, first_wait=0.01, longest_wait=0.2, silence=0.3)
providers = pytest.mark.parametrize("provider", ["openai-like", "ollama"])
FOREVER = 60.0


class Heard(list[str]):
    """What was heard; ``at`` is when each piece was, ``threads`` in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []
        self.threads: set[threading.Thread] = set()

    def __call__(self, piece: str) -> None:
        self.at.append(time.monotonic())
        self.threads.add(threading.current_thread())
        self.append(piece)

    @property
    def text(self) -> str:
        return "".join(self)


def listen(server: LlmServer, heard: Callable[[str], None], *, schema: Any = None, **more: Any) -> Completion:
    return model(server, **{"patience": PATIENCE, **more}).complete("system", "prompt", schema=schema, heard=heard)


def streamed(reply: Reply, *, provider: str = "openai-like", **more: Any) -> tuple[Heard, Completion, int]:
    """What was heard, the answer, and how often it was asked for."""
    heard = Heard()
    with serving(lambda asked: reply) as server:
        answer = listen(server, heard, provider=provider, **more)
        return heard, answer, len(server.asked)


def failing(reply: Reply, *, provider: str = "openai-like", **more: Any) -> tuple[str, int]:
    """The error where nothing was heard, and how often it was asked for."""
    heard = Heard()
    with serving(lambda asked: reply) as server:
        with pytest.raises(LlmError) as caught:
            listen(server, heard, provider=provider, **more)
        assert not heard
        return caught.value.message, len(server.asked)


def of(provider: str, text: str, **more: Any) -> list[bytes]:
    """The frames of an answer."""
    path = "/v1/chat/completions" if provider == "openai-like" else "/api/chat"
    body = {"model": "tiny", "messages": [], "stream_options": {"include_usage": True}}
    return frames(Asked(0, path, {}, body), Reply(text=text, **more))


# --- a good server -----------------------------------------------------------------------------------------------------------


@providers
def test_each_piece_is_heard_as_it_comes_in_this_thread(provider: str) -> None:
    pause = 0.05
    reply = Reply(text=TEXT, usage={"prompt_tokens": 7, "completion_tokens": 13}, pause=pause)
    heard, answer, requests = streamed(reply, provider=provider)
    assert heard.text == answer.text == TEXT
    assert (answer.complete, answer.cut, answer.prompt_tokens, answer.completion_tokens) == (True, "", 7, 13)
    assert len(heard) == len(TEXT) // 8 + 1
    assert heard.at[-1] - heard.at[0] > pause * (len(heard) - 2)
    assert heard.threads == {threading.current_thread()}
    assert requests == 1


@providers
def test_an_answer_by_a_schema_is_streamed_too(provider: str) -> None:
    with serving(lambda asked: '{"a": "The pump leaks."}') as server:
        heard = Heard()
        assert listen(server, heard, provider=provider, schema=SCHEMA).text == heard.text == '{"a": "The pump leaks."}'
        (request,) = server.asked
    assert len(heard) > 1
    assert (request.schema, request.body["stream"]) == (SCHEMA, True)


@providers
def test_whoever_hears_a_piece_may_ask_the_model_meanwhile(provider: str) -> None:
    replies: list[str] = []
    with serving(lambda asked: "Yes." if asked.prompt == "Is it so?" else Reply(text=TEXT, pause=0.01)) as server:
        asked = model(server, provider=provider)

        def heard(piece: str) -> None:
            if "." in piece:
                replies.append(asked.complete("system", "Is it so?").text)
                replies.append(asked.complete("system", "Is it so?", heard=lambda piece: None).text)

        assert asked.complete("system", "prompt", heard=heard).text == TEXT
    assert replies == ["Yes."] * 6


@providers
def test_a_server_that_does_not_stream_is_heard_in_one_piece(provider: str) -> None:
    reply = Reply(text=TEXT, streams=False, usage={"prompt_tokens": 7, "completion_tokens": 13})
    heard, answer, requests = streamed(reply, provider=provider)
    assert heard == [TEXT]
    assert (answer.text, answer.complete, answer.completion_tokens, requests) == (TEXT, True, 13, 1)


@providers
def test_a_streamed_answer_that_ran_into_the_limit_says_so(provider: str) -> None:
    heard, answer, _ = streamed(Reply(text=TEXT, finish="length"), provider=provider)
    assert heard.text == answer.text == TEXT
    assert (answer.complete, answer.cut) == (False, "it reached its limit of tokens")


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None, "completion_tokens": "many"}, []])
def test_tokens_that_a_stream_does_not_count_are_none(usage: Any) -> None:
    _, answer, _ = streamed(Reply(text=TEXT, usage=usage))
    assert (answer.text, answer.complete, answer.prompt_tokens, answer.completion_tokens) == (TEXT, True, 0, 0)


# --- what is no part of the answer -------------------------------------------------------------------------------------------

THOUGHT = [
    "<think>hm,\nhm</think>\n\nAll is well.",
    "<thinking>no</thinking>All is well.",
    "All is well.<think>or is it",
    "<THINK>a</THINK><think>b</think> All is well. ",
    "<thought>a <think> in it</thought>\nAll is well.",
]


@providers
@pytest.mark.parametrize("text", THOUGHT)
def test_thoughts_are_never_heard(provider: str, text: str) -> None:
    heard, answer, _ = streamed(Reply(text=text), provider=provider)
    assert heard.text == answer.text == "All is well."


@given(text=st.sampled_from([*THOUGHT, "a < b <thin", "</th", " a \n b ", "<think>", ""]), at=st.lists(st.integers(1, 40)))
def test_thoughts_are_told_apart_however_a_text_is_cut(text: str, at: list[int]) -> None:
    whole = Spoken()
    assert whole.hear(text) + whole.end() == whole.text
    cuts = sorted({0, len(text), *(cut for cut in at if cut < len(text))})
    spoken = Spoken()
    heard = [spoken.hear(text[start:end]) for start, end in itertools.pairwise(cuts)]
    assert "".join([*heard, spoken.end()]) == spoken.text == whole.text


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("text", ["a", "<", " ", "<think>", "</think>", "<think></think>a"])
def test_thoughts_of_any_size_are_told_apart_quickly(text: str, json: bool) -> None:
    whole = text * (2_000_000 // len(text))
    spoken = Spoken(json=json)
    began = time.monotonic()
    for at in range(0, len(whole), 50):
        spoken.hear(whole[at : at + 50])
    spoken.end()
    assert time.monotonic() - began < 5


@providers
@pytest.mark.parametrize(
    "thought", ["", "<think>{hm}</think>", "hm, it began before</think>", "hm <think>no</think> hm</think>\n"]
)
def test_an_answer_in_json_is_heard_from_where_it_begins_and_may_speak_of_tags(provider: str, thought: str) -> None:
    text = '{"a": "It parses </think> and <think> now."}'
    heard, answer, _ = streamed(Reply(text=thought + text), provider=provider, schema=SCHEMA)
    assert heard.text == answer.text == text


def test_an_answer_that_should_be_json_and_is_none_is_heard_at_its_end() -> None:
    heard, answer, _ = streamed(Reply(text="I cannot say. <think>hm</think>Sorry"), schema=SCHEMA)
    assert heard == ["I cannot say. Sorry"]
    assert answer.text == "I cannot say. Sorry"


def test_thoughts_that_nothing_marked_before_they_ended_are_no_part_of_the_answer() -> None:
    heard, answer, _ = streamed(Reply(text="hm, it began before</think>All is well."))
    assert answer.text == "All is well."
    assert heard.text.endswith("All is well.")


def chunk(delta: Any, finish: str | None = None) -> bytes:
    return event(
        {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    )


CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q'}}
MORE = {"index": 0, "function": {"arguments": '": 1}'}}


def test_calls_of_tools_and_separate_reasoning_are_not_heard() -> None:
    said = [chunk({"role": "assistant", "content": ""}), chunk({"reasoning_content": "hm"}), chunk({"content": "All "})]
    said += [chunk({"tool_calls": [CALL]}), chunk({"tool_calls": [MORE], "content": None}), chunk({"content": "is well."})]
    heard, answer, _ = streamed(Reply(frames=[*said, chunk({}, "tool_calls")]))
    assert heard == ["All", " is well."]
    assert (answer.text, answer.complete) == ("All is well.", True)


def test_an_answer_of_nothing_but_calls_of_tools_is_empty() -> None:
    message, requests = failing(Reply(frames=[chunk({"tool_calls": [CALL]}), chunk({}, "tool_calls")]))
    assert "its answer is empty" in message
    assert requests == 1


def test_an_ollama_that_calls_tools_and_thinks_is_heard_as_well() -> None:
    call = {"function": {"name": "search", "arguments": {"q": 1}}}
    parts: list[dict[str, Any]] = [{"thinking": "hm", "content": ""}, {"content": "All is "}]
    parts += [{"content": "", "tool_calls": [call]}, {"content": "well."}]
    lines = [{"message": {"role": "assistant", **part}, "done": False} for part in parts]
    lines.append({"message": {"role": "assistant", "content": ""}, "done": True})
    heard, answer, _ = streamed(Reply(frames=[json.dumps(line).encode() + b"\n" for line in lines]), provider="ollama")
    assert heard.text == answer.text == "All is well."
    assert answer.complete


# --- a protocol that is spoken oddly -----------------------------------------------------------------------------------------


def test_comments_events_of_other_kinds_and_frames_cut_anywhere_change_nothing() -> None:
    odd = b": hello\n\nretry: 10\n\nid: 7\nevent: ping\n\nevent: ping\ndata:\n\n"
    whole = (odd + b"\n: keep-alive\n\n".join(of("openai-like", TEXT))).replace(b"\n", b"\r\n")
    heard, answer, _ = streamed(Reply(frames=[whole[at : at + 7] for at in range(0, len(whole), 7)]))
    assert heard.text == answer.text == TEXT
    assert answer.complete


@pytest.mark.parametrize("left_out", [0, 2], ids=["whole", "without its last blank line"])
def test_a_stream_needs_no_done(left_out: int) -> None:
    whole = b"".join(of("openai-like", TEXT)[:-1])
    _, answer, _ = streamed(Reply(frames=[whole[: len(whole) - left_out]]))
    assert (answer.text, answer.complete, answer.completion_tokens) == (TEXT, True, len(TEXT) // 4)


@providers
def test_a_stream_that_ends_without_saying_so_is_not_complete(provider: str) -> None:
    heard, answer, requests = streamed(Reply(frames=of(provider, TEXT)[:4]), provider=provider)
    assert heard.text == answer.text
    assert TEXT.startswith(answer.text)
    assert (answer.complete, answer.cut, requests) == (False, "its end is missing", 1)


ODD: dict[str, tuple[list[bytes | float], str]] = {
    "nothing": ([], "its answer is empty"),
    "no JSON": ([b"data: All is well.\n\n"], "cannot be read"),
    "no object": ([b"data: 5\n\n"], "cannot be read"),
    "null": ([b"data: null\n\n"], "cannot be read"),
    "no choices": ([event({"choices": None})], "cannot be read"),
    "a choice that is none": ([event({"choices": [5]})], "cannot be read"),
    "text that is none": ([chunk({"content": 5})], "cannot be read"),
    "a list for a text": ([chunk({"content": ["a"]})], "cannot be read"),
    "no UTF-8": ([b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'], "cannot be read"),
    "endless brackets": ([b"data: " + b"[" * 200_000 + b"\n\n"], "cannot be read"),
    "too much": ([b": " + b"x" * 1_000_000 + b"\n\n"] * 9, "longer than 8,388,608 bytes"),
    "an error": (
        [event({"error": {"message": f"out of memory {KEY}", "code": 500}})],
        r"reports an error: out of memory \*\*\*",
    ),
    "an error without a message": ([event({"error": 5})], "reports an error"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_stream_that_is_none_is_an_error_of_one_line(name: str) -> None:
    said, reason = ODD[name]
    heard = Heard()
    with serving(lambda asked: Reply(frames=said)) as server, pytest.raises(LlmError, match=reason) as caught:
        listen(server, heard, key=KEY)
    assert "\n" not in caught.value.message
    assert KEY not in str(caught.value)
    assert (heard, len(server.asked)) == ([], 1)


@pytest.mark.parametrize("name", ODD)
def test_what_was_heard_before_a_stream_went_wrong_is_kept(name: str) -> None:
    said, _ = ODD[name]
    heard, answer, requests = streamed(
        Reply(frames=[chunk({"content": "All is "}), chunk({"content": "well"}), *said]), key=KEY
    )
    assert heard.text == answer.text == "All is well"
    assert not answer.complete
    assert answer.cut
    assert KEY not in answer.cut
    assert requests == 1


@pytest.mark.parametrize(
    "said", [b"All is well.\n", b"5\n", b"null\n", b'{"message": 5}\n', b'{"error": "out of memory"}\n', b"\xff\n"]
)
def test_an_ollama_that_answers_oddly_is_told_and_what_was_heard_is_kept(said: bytes) -> None:
    message, _ = failing(Reply(frames=[said]), provider="ollama")
    assert ("out of memory" if b"error" in said else "cannot be read") in message
    _, answer, _ = streamed(Reply(frames=[*of("ollama", TEXT)[:2], said]), provider="ollama")
    assert (answer.text, answer.complete) == (TEXT[:16].rstrip(), False)


# --- a server that fails, or takes its time ----------------------------------------------------------------------------------


@providers
def test_a_connection_that_breaks_before_anything_was_heard_is_tried_again(provider: str) -> None:
    broken = {0: Reply(end="close"), 1: Reply(frames=of(provider, "<think>hm")[:3], end="cut")}
    heard = Heard()
    with serving(lambda asked: broken.get(asked.number, TEXT)) as server:
        assert listen(server, heard, provider=provider).text == heard.text == TEXT
        assert len(server.asked) == 3


@providers
def test_a_connection_that_breaks_later_leaves_what_was_heard(provider: str) -> None:
    heard, answer, requests = streamed(Reply(frames=of(provider, TEXT)[:4], end="cut"), provider=provider)
    assert heard.text == answer.text
    assert (answer.complete, answer.cut, requests) == (False, "the connection broke", 1)


def test_where_only_thoughts_were_heard_a_broken_answer_is_an_error_and_not_asked_for_again() -> None:
    said = [chunk({"content": "hm, it began "}), chunk({"content": "before</think>"})]
    with serving(lambda asked: Reply(frames=said, end="cut")) as server:
        with pytest.raises(LlmError, match="the connection broke before it had said anything"):
            listen(server, Heard())
        assert len(server.asked) == 1


@providers
def test_silence_ends_an_answer(provider: str) -> None:
    began = time.monotonic()
    heard, answer, requests = streamed(Reply(frames=[*of(provider, TEXT)[:4], FOREVER]), provider=provider)
    assert heard.text == answer.text
    assert (answer.complete, answer.cut, requests) == (False, "nothing more came for 0.3 s", 1)
    assert time.monotonic() - began < 2


def test_keeping_the_connection_alive_is_no_answer() -> None:
    alive: list[bytes | float] = [b": keep-alive\n\n", 0.05]
    _, answer, _ = streamed(Reply(frames=[*of("openai-like", TEXT)[:4], *alive * 200]))
    assert answer.cut == "nothing more came for 0.3 s"


@providers
def test_the_first_piece_may_take_longer_than_later_ones(provider: str) -> None:
    first, *others = of(provider, TEXT)
    _, answer, _ = streamed(Reply(frames=[0.6, first, *others]), provider=provider)
    assert (answer.text, answer.complete) == (TEXT, True)


@providers
def test_tokens_that_come_too_slowly_are_cut_off_at_the_limit_of_the_whole(provider: str) -> None:
    began = time.monotonic()
    heard, answer, requests = streamed(Reply(text=TEXT * 20, pause=0.05), provider=provider, seconds=0.6)
    assert heard.text == answer.text
    assert (answer.complete, answer.cut, requests) == (False, "no whole answer within 0.6 s", 1)
    assert 0.5 < time.monotonic() - began < 2


@providers
@pytest.mark.parametrize("reply", [Reply(end="hang"), Reply(end="drip", pause=0.02), Reply(frames=[FOREVER])])
def test_a_server_of_which_nothing_is_heard_is_given_up(provider: str, reply: Reply) -> None:
    message, requests = failing(reply, provider=provider, seconds=0.4)
    assert "no whole answer within 0.4 s" in message
    assert requests == 1


@pytest.mark.parametrize("status", [500, 429])
def test_a_busy_server_is_asked_again(status: int) -> None:
    heard = Heard()
    with serving(lambda asked: TEXT if asked.number == 2 else Reply(status=status)) as server:
        assert listen(server, heard).text == heard.text == TEXT
        assert len(server.asked) == 3


def test_time_that_is_spent_hearing_is_not_the_servers() -> None:
    heard: list[str] = []

    def slowly(piece: str) -> None:
        heard.append(piece)
        time.sleep(0.15)

    with serving(lambda asked: TEXT) as server:
        assert listen(server, slowly, seconds=0.5).text == "".join(heard) == TEXT


# --- options that a server refuses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "options"),
    [
        ({"stream_options"}, [{"stream_options", "response_format"}, {"response_format"}, {"response_format"}]),
        (
            {"response_format"},
            [{"stream_options", "response_format"}, {"response_format"}, set(), {"stream_options"}],
        ),
        (
            {"stream_options", "response_format"},
            [{"stream_options", "response_format"}, {"response_format"}, set(), {"stream_options"}, set()],
        ),
    ],
)
def test_a_server_is_asked_without_the_options_that_it_refuses(refused: set[str], options: list[set[str]]) -> None:
    with serving(lambda asked: Reply(status=422) if refused & set(asked.body) else '{"a": "b"}') as server:
        asked = model(server)
        for _ in range(2):
            assert asked.complete("system", "prompt", schema=SCHEMA, heard=Heard()).text == '{"a": "b"}'
        assert [{"stream_options", "response_format"} & set(request.body) for request in server.asked] == options


# --- whoever has had enough --------------------------------------------------------------------------------------------------


class EnoughError(Exception):
    pass


@providers
@pytest.mark.parametrize("error", [EnoughError, KeyboardInterrupt])
def test_what_hearing_raises_ends_the_request_at_once(provider: str, error: type[BaseException]) -> None:
    def heard(piece: str) -> None:
        raise error

    with serving(lambda asked: Reply(text=TEXT * 100, pause=0.01)) as server:
        asked = model(server, provider=provider)
        with pytest.raises(error):
            asked.complete("system", "prompt", heard=heard)
        assert server.left.wait(1.0)
        assert len(server.asked) == 1
        server.script = lambda asked: "Well."
        assert asked.complete("system", "prompt").text == "Well."


@providers
@pytest.mark.parametrize("mine", [True, False], ids=["a handler of kb's", "Python's handler"])
@pytest.mark.parametrize("said", [0, 3], ids=["before the first piece", "between two"])
def test_an_interrupt_ends_the_request_at_once(provider: str, mine: bool, said: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupted if mine else signal.default_int_handler)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    more = b": keep-alive\n\n" if provider == "openai-like" else b" "
    odd: list[bytes | float] = [*of(provider, TEXT)[:said], *[0.05, more] * 100]
    try:
        with serving(lambda asked: Reply(frames=odd)) as server:
            asked = model(server, provider=provider, patience=Patience(silence=FOREVER))
            began = time.monotonic()
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                asked.complete("system", "prompt", heard=Heard())
            assert time.monotonic() - began < 1.5
            assert server.left.wait(1.0)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


# --- giving up ---------------------------------------------------------------------------------------------------------------


def test_an_answer_that_was_heard_in_part_does_not_count_against_the_server() -> None:
    with serving(lambda asked: Reply(frames=of("openai-like", TEXT)[:4], end="cut")) as server:
        asked = model(server)
        for _ in range(5):
            assert not asked.complete("system", "prompt", heard=Heard()).complete
        assert len(server.asked) == 5


def test_a_server_that_streams_nothing_is_not_asked_again_and_again() -> None:
    with serving(lambda asked: Reply(end="close")) as server:
        asked = model(server, retries=0)
        for _ in range(5):
            with pytest.raises(LlmError):
                asked.complete("system", "prompt", heard=Heard())
        assert len(server.asked) == 3
