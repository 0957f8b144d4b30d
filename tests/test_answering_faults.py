"""Answers with a model that fails in every way: the extractive answer stands, in time, and says in one line what failed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.answering_model import Heard, hear, perfect, said
from tests.llm_server import Asked, Reply, event
from tests.model_cases import CASES
from tests.test_answering import ALSO, FALSE, FIX, TRUE, many, one_each, problems

BUG = CASES[9].record
SECONDS = 0.5


def stands(made: Heard) -> None:
    """Everything that was there without a model is there with one that failed."""
    assert made.answer.text.startswith(made.plain.head)
    assert made.answer.text.endswith(made.plain.text.removeprefix(made.plain.head).strip() + "\n")
    assert made.answer.claims[len(made.answer.claims) - len(made.plain.claims) :] == made.plain.claims
    assert (made.answer.status, made.answer.coverage) == (made.plain.status, made.plain.coverage)


def told(made: Heard) -> str:
    """The one line that says what failed."""
    (line,) = re.findall(
        r"(?:The language model did not answer|Trouble with the language model): (.*)\.(?: |$)", made.answer.text, re.M
    )
    return str(line).replace("\\", "")


HANGS = {
    "hangs": Reply(end="hang"),
    "drips headers": Reply(end="drip", pause=0.05),
    "trickles": Reply(text="x" * 500, pause=0.05),
}


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("reply", [*HANGS.values()], ids=[*HANGS])
def test_a_hung_model_gives_the_extractive_answer_within_the_timeout(reply: Reply, concurrency: int, tmp_path: Path) -> None:
    began = time.monotonic()
    made = hear(tmp_path, lambda asked: reply, *many(40), seconds=SECONDS, context=4096, concurrency=concurrency)  # type: ignore[arg-type]
    assert time.monotonic() - began < 2.5 + SECONDS
    assert made.sentences == []
    assert "within 0.5 s" in told(made)
    stands(made)


STATUSES = {"429": Reply(status=429), "500": Reply(status=500), "401": Reply(status=401), "no bytes": Reply(end="close")}


@pytest.mark.parametrize("reply", [*STATUSES.values()], ids=[*STATUSES])
def test_a_server_that_refuses_is_told_of_in_one_line(reply: Reply, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: reply, FIX, BUG, retries=1)
    assert told(made)
    stands(made)
    assert made.answer.model is not None
    assert (made.answer.model.read, len(made.answer.model.problems)) == (0, 1)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_recovers_is_asked_again(status: int, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE) if asked.number else Reply(status=status), FIX)
    assert made.sentences == [TRUE[0]]
    assert "did not answer" not in made.answer.text


def test_the_key_of_a_server_that_repeats_it_is_not_told(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: Reply(status=401, body=b'{"error": "sk-test-0123456789abcdefghij"}'), FIX)
    assert "0123456789abcdefghij" not in made.answer.text


def content(text: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}}]})


def cut_after(sentence: tuple[str, str]) -> Reply:
    whole = said(sentence, ALSO)
    return Reply(frames=[content(whole[: whole.index(ALSO[0]) + 9])], end="cut")


def test_a_disconnect_in_the_middle_leaves_what_was_whole_and_says_so(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: cut_after(TRUE), FIX, keep=True)
    assert made.sentences == [TRUE[0]]
    assert told(made)
    assert ALSO[0][:9] not in made.answer.text
    assert len(hear(tmp_path, perfect, keep=True).asked) == 1  # half an answer is not kept


def test_after_a_disconnect_nothing_false_of_the_first_half_stands(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: cut_after(FALSE), FIX)
    assert (made.sentences, made.answer.removed) == ([], 1)


ONE = json.dumps({"text": TRUE[0], "citations": ["S1"], "quote": ""})
NOISE = {
    "thoughts": f'<think>S1 says {{ something " odd.</think>{said(TRUE)}',
    "thoughts with an answer": f"<think>{said(FALSE)}</think>{said(TRUE)}",
    "a call of a tool": f'<tool_call>{{"name": "search", "arguments": {{"q": "x"}}}}</tool_call>\n{said(TRUE)}',
    "a fence": f"```json\n{said(TRUE)}\n```",
    "words": f'Sure! Here is the "answer:\n{said(TRUE)}\nI hope {{this}} helps.',
    "a loose comma": f'{{"sentences": [{ONE},]}}',
    "a list": f"[{ONE}]",
    "one": ONE,
    "cut off": f'{{"sentences": [{ONE}, {{"text": "It also',
    "more keys": f'{{"sentences": [{ONE[:-1]}, "score": {{"sure": 0.9}}}}], "done": true}}',
    "nulls": f'{{"sentences": [null, 3, {ONE}, {{"text": null}}, {{"citations": []}}]}}',
    "deep": f'{{"answer": {{"inner": {said(TRUE)}}}}}',
}


@pytest.mark.parametrize("answer", [*NOISE.values()], ids=[*NOISE])
def test_an_answer_of_any_form_is_read(answer: str, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: answer, FIX)
    assert made.sentences == [TRUE[0]]
    assert [told.sentence.text for told in made.passed] == [TRUE[0]]
    assert made.answer.removed == 0


MALFORMED = (
    "",
    "I am sorry, I cannot do that.",
    '{"sentences": "none"}',
    "[1, 2, 3]",
    "null",
    "{" * 5000,
    '{"a":' * 5000,
    "`" * 9000,
)


@pytest.mark.parametrize("answer", MALFORMED)
def test_an_answer_that_is_none_is_asked_for_once_more(answer: str, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: answer, FIX)
    assert len(made.asked) <= 4
    assert made.sentences == []
    stands(made)


def test_what_is_no_answer_may_be_mended(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE) if problems(asked) else "No.", FIX)
    assert made.sentences == [TRUE[0]]


def test_a_server_that_does_not_stream_is_heard_all_the_same(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: Reply(text=said(TRUE), streams=False), FIX)
    assert made.sentences == [TRUE[0]]


def test_no_request_begins_once_the_time_is_over(tmp_path: Path) -> None:
    script = lambda asked: Reply(text=one_each(asked), wait=0.3)  # noqa: E731
    made = hear(tmp_path, script, *many(60), context=4096, concurrency=1, limit=0.8)  # type: ignore[arg-type]
    assert 1 <= len(made.asked) <= 4
    assert "the time for it was over" in told(made)
    assert made.sentences
    stands(made)


def test_a_server_that_dies_half_way_is_waited_for_twice_at_most(tmp_path: Path) -> None:
    script = lambda asked: one_each(asked) if asked.number < 2 else Reply(end="hang")  # noqa: E731
    began = time.monotonic()
    made = hear(tmp_path, script, *many(80), context=4096, concurrency=1, seconds=SECONDS, retries=0)  # type: ignore[arg-type]
    assert time.monotonic() - began < 4
    assert len(made.asked) <= 5
    assert made.answer.model is not None
    assert 0 < made.answer.model.read < 80
    stands(made)


def test_no_answer_however_long_takes_long_to_read(tmp_path: Path) -> None:
    endless = '{"sentences": [' + ", ".join([ONE] * 400)
    began = time.monotonic()
    made = hear(tmp_path, lambda asked: endless, FIX)
    assert time.monotonic() - began < 5
    assert made.sentences == [TRUE[0]]


def test_a_request_is_described_by_what_was_asked(tmp_path: Path) -> None:
    made = hear(tmp_path, perfect, FIX)
    first: Asked = made.asked[0]
    assert "The question, as it was asked: What changed?" in first.prompt
    assert "from 2026-02-01" in first.prompt
