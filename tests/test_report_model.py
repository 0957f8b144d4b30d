"""The writer with a model behind a real local server: what stands, what is repaired, kept, given up and counted."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

import prompts
from kb.catalog import Catalog
from kb.grounded.cache import Cache
from kb.report.markdown import markdown
from kb.report.types import Report, Written
from tests import reporting
from tests.llm_server import Asked, LlmServer, Patience, Reply, Script, model, serving, told
from tests.model_cases import CASES
from tests.model_report import perfect, records, report, templates, writer
from tests.records import commit, put
from tests.waiting import Inside

FIX, FLAG = CASES[0].record, CASES[1].record
TRUE = ("`paged_decode_kernel` now skips requests with `num_pages == 0` and writes zeros for them.", "S1")
FALSE = ("`paged_decode_kernel` is 9x as quick on 4242 requests.", "S1")
languages = pytest.mark.parametrize("language", ["en", "zh"])


def written(made: Report) -> Written:
    assert made.written is not None
    return made.written


def sentences(made: Report) -> list[str]:
    return [one.text for section in made.sections for item in section.told for one in item.sentences]


def alone(folder: Path, script: Script, **more: object) -> tuple[Report, list[Asked]]:
    """The report of one fix."""
    with serving(script) as server:
        return report(folder, model(server, **more), FIX), server.asked  # type: ignore[arg-type]


def problems(asked: Asked) -> str:
    return asked.prompt.partition("These sentences cannot stand")[2]


# --- a good model ------------------------------------------------------------------------------------------------------------


@languages
@pytest.mark.parametrize("provider", ["openai-like", "ollama"])
def test_a_model_that_keeps_to_the_records_loses_nothing(language: str, provider: str, tmp_path: Path) -> None:
    with serving(perfect) as server:
        made = report(tmp_path, model(server, provider=provider), *records(), language=language)
    expected = {text for known in CASES for text, _ in known.said[language]}
    assert set(sentences(made)) == expected
    assert (made.removed, written(made).fallen_back, written(made).problems) == (0, (), ())
    assert "tiny" in markdown(made)


def test_there_are_enough_true_sentences_to_tell() -> None:
    assert sum(len(said) for known in CASES for said in known.said.values()) >= 40


def test_each_entry_is_asked_about_alone_with_opaque_keys(tmp_path: Path) -> None:
    with serving(perfect) as server:
        report(tmp_path, model(server), FIX, FLAG)
    for known, other in ((FIX, FLAG), (FLAG, FIX)):
        (asked,) = (one for one in server.asked if known.title in one.prompt and "weightiest" not in one.prompt)
        assert other.title not in asked.prompt
        assert known.ref[:7] not in asked.prompt
        assert asked.schema is not None
        assert asked.schema["properties"]["sentences"]["items"]["properties"]["citations"]["items"]["enum"] == ["S1"]


def test_the_evidence_has_text_files_and_patch_and_no_boilerplate(tmp_path: Path) -> None:
    _, (asked, *_) = alone(tmp_path, perfect)
    for part in (
        "Title: fix(decode)",
        "returned NaN for the whole\nbatch",
        "- csrc/decode.cu (+8/-2)",
        "+  if (num_pages == 0) {",
    ):
        assert part in asked.prompt
    assert "please fill in" not in asked.prompt


@languages
def test_the_glossary_is_for_chinese_and_only_what_occurs(language: str, tmp_path: Path) -> None:
    record = commit(
        12,
        "Speed up the softmax",
        events=FIX.events,
        body="The kernel keeps shared memory bank conflicts out of prefix caching.",
    )
    with serving(lambda asked: told()) as server:
        report(tmp_path, model(server), record, language=language)
        prompt = server.asked[0].prompt
    assert ("kernel = 内核" in prompt) == (language == "zh")
    assert "注意力" not in prompt


def test_several_are_asked_about_at_once_within_the_limit(tmp_path: Path) -> None:
    running = Inside()

    def script(asked: Asked) -> str:
        with running:
            time.sleep(0.05)
        return perfect(asked)

    with serving(script) as server:
        report(tmp_path, model(server, concurrency=3), *records())
    assert running.most == 3


def test_what_it_cost_is_told(tmp_path: Path) -> None:
    script = lambda asked: Reply(text=perfect(asked), usage={"prompt_tokens": 1000, "completion_tokens": 100})  # noqa: E731
    with serving(script) as server:
        usage = written(report(tmp_path, model(server), FIX, FLAG, price_in=2.0, price_out=10.0)).usage
    assert {name: usage[name] for name in ("requests", "prompt_tokens", "completion_tokens", "cached")} == {
        "requests": 3,
        "prompt_tokens": 3000,
        "completion_tokens": 300,
        "cached": 0,
    }
    assert usage["cost"] == pytest.approx(0.009)
    assert usage["seconds"] > 0


def test_progress_counts_tokens_up_to_what_was_used(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    with serving(perfect) as server, Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, *records())
        made = reporting.compose(
            reporting.at(2, "2d"),
            catalog=catalog,
            ledger=(),
            choice=reporting.everything(),
            writer=writer(model(server)),
            progress=lambda *step: seen.append(step),
        )
    usage = written(made).usage
    assert {stage for stage, _, _ in seen} == {"write"}
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert all(total is not None and done <= total for _, done, total in seen)
    assert seen[-1][1:] == (usage["prompt_tokens"] + usage["completion_tokens"],) * 2


# --- repairing ---------------------------------------------------------------------------------------------------------------


def test_what_fails_is_told_once_and_what_is_mended_stands(tmp_path: Path) -> None:
    made, asked = alone(tmp_path, lambda asked: told(TRUE) if problems(asked) else told(FALSE))
    assert len(asked) == 2
    assert FALSE[0] in problems(asked[1])
    assert "wrong figure: 9x" in problems(asked[1])
    assert asked[1].prompt.startswith(asked[0].prompt.split("Valid keys")[0])
    assert (sentences(made), made.removed, written(made).fallen_back) == ([TRUE[0]], 0, ())


def test_what_stood_at_first_is_kept(tmp_path: Path) -> None:
    made, asked = alone(tmp_path, lambda asked: told(FALSE) if problems(asked) else told(TRUE, FALSE))
    assert TRUE[0] not in problems(asked[1])
    assert (sentences(made), made.removed, written(made).fallen_back) == ([TRUE[0]], 1, ())


def test_what_is_taken_back_counts_as_left_out(tmp_path: Path) -> None:
    made, _ = alone(tmp_path, lambda asked: told() if problems(asked) else told(TRUE, FALSE))
    assert (sentences(made), made.removed) == ([TRUE[0]], 1)


def test_an_entry_with_nothing_left_is_told_by_the_record(tmp_path: Path) -> None:
    made, _ = alone(tmp_path, lambda asked: told(FALSE))
    assert written(made).fallen_back == (FIX.id,)
    assert sentences(made)[0].startswith("The kernel now skips requests")
    page = markdown(made)
    assert "1 entry is told in the record's own words" in page
    assert "1 statement was left out" in page


@pytest.mark.parametrize(
    "answer",
    [
        "I am sorry, I cannot do that.",
        '{"sentences": [{"text": "The kernel now skips',
        '{"sentences": "none"}',
        '{"answer": {"text": 3}}',
        "[1, 2, 3]",
        "null",
        "{" * 5000,
        '{"a":' * 5000,
        "`" * 9000,
    ],
)
def test_an_answer_that_is_no_json_is_asked_for_once_more(answer: str, tmp_path: Path) -> None:
    made, asked = alone(tmp_path, lambda asked: answer)
    assert len(asked) == 2
    assert "no JSON object" in problems(asked[1])
    assert (made.removed, written(made).fallen_back) == (0, (FIX.id,))


def test_of_an_answer_that_breaks_off_the_whole_sentences_stand(tmp_path: Path) -> None:
    whole = told(TRUE, ("The kernel read the page table of empty requests before.", "S1"))
    made, _ = alone(tmp_path, lambda asked: Reply(text=whole[: whole.index("The kernel read") + 20], finish="length"))
    assert sentences(made) == [TRUE[0]]
    assert made.removed == 0


def test_a_model_may_say_that_there_is_nothing_to_say(tmp_path: Path) -> None:
    bare = commit(12, "Bump the version", body="", events=FIX.events)
    with serving(lambda asked: told()) as server:
        made = report(tmp_path, model(server), bare)
        assert len(server.asked) == 1
    assert (sentences(made), written(made).fallen_back, made.removed) == ([], (), 0)


def test_the_same_said_twice_stands_once(tmp_path: Path) -> None:
    made, _ = alone(tmp_path, lambda asked: told(TRUE, TRUE, (TRUE[0].replace(" now", "  now"), "S1")))
    assert (sentences(made), made.removed) == ([TRUE[0]], 0)


def test_no_entry_has_more_than_three_sentences(tmp_path: Path) -> None:
    many = [(f"The kernel writes zeros for {what} of the batch.", "S1") for what in ("one", "each", "any", "some", "every")]
    made, _ = alone(tmp_path, lambda asked: told(*many))
    assert sentences(made) == [text for text, _ in many[:3]]


def test_a_role_follows_from_the_record(tmp_path: Path) -> None:
    with serving(lambda asked: perfect(asked).replace('"asks"', '"what"').replace('"finds"', '"why"')) as server:
        made = report(tmp_path, model(server), CASES[8].record, CASES[12].record)
    roles = {item.entry.view.record.kind: {one.role for one in item.sentences} for part in made.sections for item in part.told}
    assert roles == {"issue": {"asks"}, "paper": {"finds"}}


# --- keeping -----------------------------------------------------------------------------------------------------------------


def again(folder: Path, script: Script, *, language: str = "en", **more: object) -> tuple[Report, int]:
    """The same report once more, and how often the model was asked for it."""
    with serving(script) as server:
        return report(folder, model(server, **more), language=language), len(server.asked)  # type: ignore[arg-type]


@languages
def test_the_same_report_asks_nothing_again_and_is_the_same(language: str, tmp_path: Path) -> None:
    with serving(perfect) as server:
        first = report(tmp_path, model(server), *records(), language=language)
    second, requests = again(tmp_path, perfect, language=language)
    assert requests == 0
    assert markdown(second) == markdown(first)
    usage = written(second).usage
    assert (usage["requests"], usage["cost"], usage["cached"]) == (0, 0, len(CASES) + 1)


def test_what_was_refused_is_kept_too(tmp_path: Path) -> None:
    first, _ = alone(tmp_path, lambda asked: told(TRUE, FALSE))
    second, requests = again(tmp_path, perfect)
    assert requests == 0
    assert (markdown(second), second.removed) == (markdown(first), 1)


def test_another_model_language_or_record_is_another_question(tmp_path: Path) -> None:
    alone(tmp_path, perfect)
    with serving(perfect) as server:
        other = model(server)
        other._table = other._table.model_copy(update={"model": "small"})  # type: ignore[attr-defined]
        report(tmp_path, other)
        assert len(server.asked) == 1
    assert again(tmp_path, perfect, language="zh")[1] == 1
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, replace(FIX, body=FIX.body + "\nIt was wrong since 0.7.\n"))
    assert again(tmp_path, perfect)[1] == 1


@pytest.mark.parametrize("name", ["report_system", "report_item", "report_repair"])
@pytest.mark.parametrize("what", ["text", "version"])
def test_another_prompt_is_another_question(name: str, what: str, tmp_path: Path) -> None:
    alone(tmp_path, perfect)
    text = (Path(prompts.__file__).parent / f"{name}.md").read_text(encoding="utf-8")
    mine = text + "\nBe brief.\n" if what == "text" else text.replace("version: 1", "version: 2")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / f"{name}.md").write_text(mine, encoding="utf-8")
    with serving(perfect) as server:
        report(tmp_path, model(server), prompts=templates(tmp_path / "prompts"))
        assert len(server.asked) == 1


DAMAGED = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "no sentences": '{"removed": 0, "silent": false}',
    "wrong types": '{"sentences": [{"text": 1}], "removed": 0, "silent": false}',
    "a wrong count": '{"sentences": [], "removed": -4, "silent": false}',
    "a text for a count": '{"sentences": [], "removed": "0", "silent": false}',
    "far too large": " " * 300_000 + "{}",
    "deep": "[" * 100_000,
    "a false sentence": json.dumps(
        {
            "sentences": [{"text": FALSE[0], "keys": [f"kernels@{FIX.ref[:7]}"], "role": "what", "verbatim": False}],
            "removed": 0,
            "silent": False,
        }
    ),
    "another key": json.dumps(
        {
            "sentences": [{"text": TRUE[0], "keys": ["kernels@0000000"], "role": "what", "verbatim": False}],
            "removed": 0,
            "silent": False,
        }
    ),
}


@pytest.mark.parametrize("text", [*DAMAGED.values()], ids=[*DAMAGED])
def test_what_is_kept_and_damaged_is_asked_for_again(text: str, tmp_path: Path) -> None:
    first, _ = alone(tmp_path, perfect)
    (kept,) = (tmp_path / "cache").iterdir()
    whole = kept.read_text(encoding="utf-8")
    kept.write_text(text, encoding="utf-8")
    second, requests = again(tmp_path, perfect)
    assert requests == 1
    assert markdown(second) == markdown(first)
    assert kept.read_text(encoding="utf-8") == whole


def test_where_nothing_can_be_kept_the_report_is_written_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    made, _ = alone(tmp_path, perfect)
    assert len(sentences(made)) == 2
    (problem,) = written(made).problems
    assert "cannot be kept: " in problem
    assert str(tmp_path) not in problem


def test_only_so_many_answers_are_kept_those_used_last(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", most=2)
    keys = [f"{number:064x}" for number in range(3)]
    for number, key in enumerate(keys):
        cache.put(key, {"number": number})
        time.sleep(0.01)
    assert cache.get(keys[0]) == {"number": 0}
    cache.prune()
    assert [cache.get(key) for key in keys] == [{"number": 0}, None, {"number": 2}]
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_no_key_of_a_cache_leads_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no key"):
        Cache(tmp_path).get("../../secrets")


# --- a server that fails -----------------------------------------------------------------------------------------------------


def test_an_error_of_the_server_leaves_the_entry_to_the_record(tmp_path: Path) -> None:
    def script(asked: Asked) -> str | Reply:
        return Reply(status=400, body=b'{"error": "too long"}') if FIX.title in asked.prompt else perfect(asked)

    with serving(script) as server:
        made = report(tmp_path, model(server), FIX, FLAG)
    assert written(made).fallen_back == (FIX.id,)
    assert set(sentences(made)) > {text for text, _ in CASES[1].said["en"]}
    (problem,) = written(made).problems
    assert "HTTP 400 Bad Request: too long (2 of 3 requests)" in problem  # the outlook speaks of it, too
    assert problem in markdown(made).replace("\\", "")
    assert again(tmp_path, perfect)[1] >= 1  # what was not answered is not kept


def test_what_stood_before_the_server_failed_stands(tmp_path: Path) -> None:
    made, _ = alone(tmp_path, lambda asked: Reply(status=400) if problems(asked) else told(TRUE, FALSE))
    assert (sentences(made), made.removed, written(made).fallen_back) == ([TRUE[0]], 1, ())
    assert again(tmp_path, lambda asked: told(TRUE))[1] == 1


def test_once_the_server_is_given_up_the_rest_falls_back_at_once(tmp_path: Path) -> None:
    with serving(lambda asked: Reply(status=500)) as server:
        made = report(tmp_path, model(server, retries=0, concurrency=1), *records())
        assert len(server.asked) == 3
    assert len(written(made).fallen_back) == len(CASES)
    assert made.removed == 0
    assert sentences(made)
    (problem,) = written(made).problems
    assert f"HTTP 500 Internal Server Error ({len(CASES)} of" in problem


@pytest.mark.parametrize("reply", [Reply(end="hang"), Reply(text="x" * 500, pause=0.05)], ids=["hangs", "trickles"])
def test_a_server_that_hangs_holds_the_report_up_for_one_answer_only(reply: Reply, tmp_path: Path) -> None:
    with serving(lambda asked: reply) as server:
        made_with = model(server, seconds=0.5, concurrency=4)
        began = time.monotonic()
        made = report(tmp_path, made_with, *records())
        assert time.monotonic() - began < 4
    assert len(written(made).fallen_back) == len(CASES)
    assert "no whole answer within 0.5 s" in markdown(made)


def test_no_request_begins_once_the_time_is_over(tmp_path: Path) -> None:
    with serving(lambda asked: Reply(text=perfect(asked), wait=0.15)) as server:
        made = report(tmp_path, model(server, concurrency=1), *records(), limit=0.3)
        assert len(server.asked) <= 4
    assert "the time for it was over" in written(made).problems[0]
    assert len(written(made).fallen_back) >= len(CASES) - 4


def test_an_interrupt_does_not_wait_for_the_model(tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    def script(asked: Asked) -> str | Reply:
        return told() if asked.number == 0 else Reply(text=told(), wait=3.0)

    with serving(script) as server, Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, *records())
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            reporting.compose(
                reporting.at(2, "2d"),
                catalog=catalog,
                ledger=(),
                choice=reporting.everything(),
                writer=writer(model(server, concurrency=2, patience=Patience(first_wait=0.01))),
                progress=interrupt,
            )
        assert time.monotonic() - began < 2
        time.sleep(0.05)
        assert len(server.asked) <= 3


def test_a_context_too_small_for_any_evidence_is_not_asked(tmp_path: Path) -> None:
    made, asked = alone(tmp_path, perfect, context=1024)
    assert asked == []
    assert written(made).fallen_back == (FIX.id,)


def test_prompts_stay_within_the_context(tmp_path: Path) -> None:
    from kb.grounded.evidence import tokens_of

    huge = commit(12, "Rework everything", events=FIX.events, body="The kernel writes zeros. " * 4000 + "\n\n最后一段 " * 3000)
    with serving(lambda asked: told(FALSE)) as server:
        report(tmp_path, model(server, context=8192), huge, *records())
    assert all(tokens_of(asked.system + asked.prompt) < 8192 * 0.75 for asked in server.asked)


# --- the outlook -------------------------------------------------------------------------------------------------------------


def with_outlook(*outlook: tuple[str, str]) -> Script:
    return lambda asked: told(*outlook) if "weightiest" in asked.prompt else perfect(asked)


def key_of(server: LlmServer, title: str) -> str:
    (asked,) = (one for one in server.asked if "weightiest" in one.prompt)
    return next(line for line in asked.prompt.splitlines() if title in line).partition("]")[0].lstrip("[")


def test_the_outlook_stands_on_what_it_cites_and_what_does_not_is_left_out(tmp_path: Path) -> None:
    two = CASES[1].record, CASES[10].record
    (tmp_path / "first").mkdir()
    with serving(with_outlook()) as server:
        report(tmp_path / "first", model(server), *two)
        flag, draft = (key_of(server, one.title) for one in two)
    true = "The pull request on NVFP4 would make dispatch send a quarter of the bytes."
    false = "The pull request will be merged within 3 days."
    (tmp_path / "second").mkdir()
    with serving(with_outlook((true, draft), (false, draft), ("A burst of prompts is near.", "S9"))) as server:
        made = report(tmp_path / "second", model(server), *two)
    assert [one.text for one in made.outlook] == [true]
    assert made.outlook[0].keys == ("kernels#31",)
    assert made.removed == 2
    assert len(server.asked) == 3  # no repair
    assert flag != draft
    page = markdown(made)
    assert true in page
    assert "3 days" not in page


def test_there_is_no_outlook_on_a_single_entry_or_on_none(tmp_path: Path) -> None:
    made, asked = alone(tmp_path, perfect)
    assert len(asked) == 1
    assert made.outlook == ()
    (tmp_path / "none").mkdir()
    with serving(perfect) as server:
        quiet = report(tmp_path / "none", model(server), commit(20, "Far from the window", events=()))
        assert server.asked == []
    assert (quiet.sections, written(quiet).usage["requests"]) == ((), 0)
