"""Answers with a model behind a real local server: what is asked, told as it comes, mended, kept, and put together."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kb import payloads
from kb.answering.types import Begun, Done, Noted, Passed
from kb.catalog import Catalog
from kb.compare import Comparison, compare
from kb.grounded.evidence import tokens_of
from kb.types import Event, FileChange, Note, Quote, Scope, Window
from tests.answering import NEEDLE, NOW, WEEK, Everything, ask, by_topic, judged
from tests.answering_model import WHOLE, hear, is_overview, known_records, labels, perfect, rows, said, writer
from tests.llm_server import Asked, Reply, event, model, serving
from tests.model_cases import CASES
from tests.records import REPO, commit, day, put, thread

FIX, FLAG, BUG = CASES[0].record, CASES[1].record, CASES[9].record
TRUE = ("`paged_decode_kernel` now skips requests with `num_pages == 0` and writes zeros for them.", "S1")
ALSO = ("Such a request made the kernel read `page_table[-1]`, which returned NaN for the whole batch.", "S1")
FALSE = ("`paged_decode_kernel` is 9x as quick on 4242 requests.", "S1")
ABOUT_FIX = Scope(question="Which fix skips empty requests?", window=Window(None, NOW), repos=(REPO,), topic="page table")
languages = pytest.mark.parametrize("language", ["en", "zh"])


def problems(asked: Asked) -> str:
    return asked.prompt.partition("These sentences cannot stand")[2]


def rest(text: str, head: str) -> str:
    return text.removeprefix(head).strip()


# --- a good model ------------------------------------------------------------------------------------------------------------


@languages
@pytest.mark.parametrize("known", CASES, ids=lambda known: known.record.title[:12])
def test_a_model_that_keeps_to_the_records_loses_nothing(known: object, language: str, tmp_path: Path) -> None:
    made = hear(tmp_path, perfect, known.record, language=language)  # type: ignore[attr-defined]
    assert made.sentences == [text for text, _ in known.said[language]]  # type: ignore[attr-defined]
    assert made.answer.removed == 0
    assert len(made.asked) == 1


@pytest.mark.parametrize("provider", ["openai-like", "ollama"])
def test_its_sentences_stand_between_the_head_and_the_whole_list(provider: str, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE), FIX, BUG, provider=provider)
    plain, text = made.plain.text, made.answer.text
    assert text.startswith(made.plain.head)
    assert text.endswith(rest(plain, made.plain.head) + "\n")
    between = rest(text, made.plain.head).removesuffix(rest(plain, made.plain.head))
    key = made.answer.claims[0].keys[0]
    assert f"{TRUE[0]} ([`{key}`](" in between
    assert "from all 2 matching records" in between
    assert made.answer.coverage == made.plain.coverage
    assert (made.answer.status, made.answer.matched) == (made.plain.status, made.plain.matched)


def test_its_claims_come_first_and_the_json_adds_up(tmp_path: Path) -> None:
    script = lambda asked: Reply(  # noqa: E731
        text=said(TRUE, FALSE), usage={"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    )
    made = hear(tmp_path, script, FIX, BUG)
    payload = json.loads(json.dumps(payloads.answer(made.answer)))
    first = payload["claims"][0]
    assert (first["text"], first["verdict"]) == (TRUE[0], "exact")
    assert set(first["citations"]) <= {citation["key"] for citation in payload["citations"]}
    assert payload["removed_claims"] == made.plain.removed + 1
    assert payload["model"] == {
        "name": "tiny (openai-like)",
        "read": 2,
        "requests": 2,
        "prompt_tokens": 200,
        "completion_tokens": 20,
        "seconds": payload["model"]["seconds"],
        "cached": 0,
        "problems": [],
    }
    assert payload["model"]["seconds"] > 0
    assert payloads.answer(made.plain)["model"] is None


def test_every_record_is_shown_with_its_dates_and_no_natural_key(tmp_path: Path) -> None:
    made = hear(tmp_path, perfect, *known_records())
    (asked,) = made.asked
    assert set(labels(asked)) == {known.record.title for known in CASES if known.record.id in made.plain.matched}
    assert "Dates: landed 2026-02-03" in asked.prompt
    assert all(evidence.key not in asked.prompt for evidence in made.plain.evidence if "#" not in evidence.key)
    assert asked.schema is not None
    keys = asked.schema["properties"]["sentences"]["items"]["properties"]["citations"]["items"]["enum"]
    assert keys == [*labels(asked).values()]


def test_what_is_said_in_a_thread_is_shown_and_may_be_built_on(tmp_path: Path) -> None:
    note = Note(kind="comment", at=day(3), author="Grace", text="It only fails with 4097 pages, as `max_pages` is 4096.")
    issue = thread("issue", 21, "Decode fails on long prompts", opened=2.5, body="See the log.", notes=(note,))
    scope = replace(NEEDLE, topic="decode fails", repos=(REPO,))
    sentence = ("Grace reports in a comment that it only fails with 4097 pages, as `max_pages` is 4096.", "S1")
    made = hear(tmp_path, lambda asked: said(sentence), issue, scope=scope, judge=judged("answered", 0))
    assert note.text in made.asked[0].prompt
    assert made.sentences == [sentence[0]]


def test_a_quote_stands_verbatim_behind_its_sentence_and_is_a_claim(tmp_path: Path) -> None:
    quote = "returned NaN for the whole batch"
    made = hear(tmp_path, lambda asked: said((*TRUE, quote)), FIX)
    assert made.sentences == [TRUE[0], quote]
    assert f"{TRUE[0]} — “{quote}” ([`" in made.answer.text


@pytest.mark.parametrize("quote", ["returned garbage for the whole batch", "https://evil.example", "x" * 301])
def test_a_sentence_with_a_quote_that_is_none_falls(quote: str, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said((*TRUE, quote)), FIX)
    assert (made.sentences, made.answer.removed) == ([], 1)
    assert quote not in made.answer.text


@pytest.mark.parametrize("status", ["abstained", "partial", "answered"])
def test_only_what_is_found_is_put_to_the_model_and_the_status_stays(status: str, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE), FIX, scope=ABOUT_FIX, judge=judged(status, 0))
    assert made.answer.status == status
    assert len(made.asked) == (status != "abstained")
    assert made.sentences == ([TRUE[0]] if made.asked else [])
    if status == "abstained":
        assert made.answer == made.plain


def test_a_window_with_nothing_in_it_asks_nothing(tmp_path: Path) -> None:
    made = hear(tmp_path, perfect, FIX, scope=replace(WEEK, window=Window(day(-9), day(-8))))
    assert (made.asked, made.answer) == ([], made.plain)


# --- told as it comes --------------------------------------------------------------------------------------------------------


def streamed(text: str, *, silence: float = 0.0, after: str = "") -> Reply:
    """An answer in pieces of three letters, with a silence behind some text."""
    frames: list[bytes | float] = []
    cut = text.index(after) + len(after) if after else len(text)
    for part in (text[:cut], text[cut:]):
        frames += [event({"choices": [{"index": 0, "delta": {"content": part[at : at + 3]}}]}) for at in range(0, len(part), 3)]
        frames.append(silence)
    return Reply(frames=[*frames[:-1], event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})])


def test_a_sentence_is_told_within_a_second_of_being_whole_while_the_rest_is_written(tmp_path: Path) -> None:
    whole = said(TRUE, ALSO)
    with (
        Catalog.open(tmp_path / "catalog.db") as catalog,
        serving(lambda asked: streamed(whole, silence=2.0, after=TRUE[0] + '", "citations": ["S1"], "quote": ""}')) as server,
    ):
        put(catalog, FIX)
        plain = ask(catalog)
        began, at = time.monotonic(), {}
        for told in writer(model(server)).stream(plain):
            at[type(told).__name__, getattr(getattr(told, "sentence", None), "text", "")] = time.monotonic() - began
            if isinstance(told, Begun):
                assert server.asked == []
    assert at["Begun", ""] < 0.2
    assert at["Passed", TRUE[0]] < 1.5  # the first request loads the client
    assert at["Passed", ALSO[0]] - at["Passed", TRUE[0]] > 1.5
    assert at["Done", ""] - at["Passed", ALSO[0]] < 1.0


def test_the_events_together_are_the_answer(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE, ALSO, FALSE), FIX, BUG)
    kinds = [type(told) for told in made.events]
    assert kinds == [Begun, Passed, Passed, Noted, Done]
    begun, first, second, noted, done = made.events
    assert (begun.markdown, done.markdown) == (made.plain.head, rest(made.plain.text, made.plain.head))
    page = "\n\n".join(
        [begun.markdown.strip(), f"{first.markdown}\n{second.markdown}", noted.markdown, done.markdown]  # type: ignore[union-attr]
    )
    assert page + "\n" == made.answer.text
    assert isinstance(noted, Noted)
    assert noted.removed == 1
    assert "1 of its sentences was left out" in noted.markdown


def test_whoever_has_heard_enough_ends_the_request(tmp_path: Path) -> None:
    endless = streamed(said(TRUE, ALSO), silence=5.0, after=TRUE[0] + '", "citations": ["S1"], "quote": ""}')
    with Catalog.open(tmp_path / "catalog.db") as catalog, serving(lambda asked: endless) as server:
        put(catalog, FIX)
        coming = writer(model(server)).stream(ask(catalog))
        assert [type(next(coming)) for _ in range(2)] == [Begun, Passed]
        began = time.monotonic()
        coming.close()
        assert time.monotonic() - began < 1


# --- repairing ---------------------------------------------------------------------------------------------------------------


def test_what_fails_is_told_once_and_what_is_mended_stands(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(ALSO) if problems(asked) else said(TRUE, FALSE), FIX)
    assert len(made.asked) == 2
    assert FALSE[0] in problems(made.asked[1])
    assert "wrong figure: 9x" in problems(made.asked[1])
    assert TRUE[0] not in problems(made.asked[1])
    assert (made.sentences, made.answer.removed) == ([TRUE[0], ALSO[0]], 0)


def test_a_sentence_under_a_wrong_key_may_come_back_under_the_right_one(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(TRUE if problems(asked) else (TRUE[0], "S77")), FIX)
    assert (made.sentences, made.answer.removed) == ([TRUE[0]], 0)


def test_what_fails_twice_is_left_out_and_counted_on_the_page(tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(FALSE), FIX)
    assert (made.sentences, made.answer.removed, len(made.asked)) == ([], 1, 2)
    assert "1 of its sentences was left out" in made.answer.text
    assert FALSE[0] not in made.answer.text


@languages
def test_a_model_with_nothing_to_say_says_so(language: str, tmp_path: Path) -> None:
    made = hear(tmp_path, lambda asked: said(), FIX, language=language)
    assert len(made.asked) == 1
    assert ("has nothing to say" if language == "en" else "没有可说的内容") in made.answer.text


# --- keeping -----------------------------------------------------------------------------------------------------------------


@languages
def test_the_same_question_asks_nothing_again_and_has_the_same_answer(language: str, tmp_path: Path) -> None:
    first = hear(tmp_path, perfect, *known_records(), language=language, keep=True)
    second = hear(tmp_path, perfect, language=language, keep=True)
    assert (len(first.asked), len(second.asked)) == (1, 0)
    assert second.answer.text == first.answer.text
    assert second.answer.model is not None
    assert (second.answer.model.requests, second.answer.model.cached) == (0, 1)
    assert [type(told) for told in second.events] == [type(told) for told in first.events]


def test_what_was_refused_is_kept_too(tmp_path: Path) -> None:
    first = hear(tmp_path, lambda asked: said(TRUE, FALSE), FIX, keep=True)
    second = hear(tmp_path, perfect, keep=True)
    assert (second.asked, second.answer.text) == ([], first.answer.text)
    assert second.answer.removed == 1


def test_another_question_language_or_record_is_asked_about(tmp_path: Path) -> None:
    hear(tmp_path, perfect, FIX, keep=True)
    assert len(hear(tmp_path, perfect, language="zh", keep=True).asked) == 1
    assert len(hear(tmp_path, perfect, scope=replace(WHOLE, question="What is new?"), keep=True).asked) == 1
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, replace(FIX, body=FIX.body + "\nIt was wrong since 0.7.\n"))
    assert len(hear(tmp_path, perfect, keep=True).asked) == 1


def test_a_later_moment_is_the_same_question(tmp_path: Path) -> None:
    open_end = replace(WEEK, window=Window(day(0), NOW, "this month"), resolved_at=NOW)
    later = replace(open_end, window=Window(day(0), day(20.5), "this month"), resolved_at=day(20.5))
    assert len(hear(tmp_path, perfect, FIX, scope=open_end, keep=True).asked) == 1
    assert hear(tmp_path, perfect, scope=later, keep=True).asked == []


def test_where_nothing_can_be_kept_the_answer_says_so(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    made = hear(tmp_path, perfect, FIX, keep=True)
    assert made.answer.model is not None
    (problem,) = made.answer.model.problems
    assert "cannot be kept" in problem
    assert str(tmp_path) not in made.answer.text


# --- more than the context holds ---------------------------------------------------------------------------------------------


def many(count: int) -> list[object]:
    return [
        commit(
            number,
            f"feat: option {number} of the scheduler",
            body=f"The scheduler takes `option_{number}`, which bounds queue {number}.",
            events=(Event("landed", day(2 + number / 1000)),),
            files=(FileChange(path=f"src/part{number}.py", additions=1, patch=f"@@ -1 +1 @@\n+option_{number} = {number}\n"),),
            links=(),
        )
        for number in range(1, count + 1)
    ]


def one_each(asked: Asked) -> str:
    """A sentence for each record, or the first rows of an overview."""
    if is_overview(asked):
        return said(*rows(asked)[:6])
    shown = [(title.split()[2], label) for title, label in labels(asked).items()]
    return said(*((f"The scheduler takes `option_{number}`, which bounds queue {number}.", label) for number, label in shown))


def test_every_one_of_300_records_is_put_to_a_model_of_a_small_context(tmp_path: Path) -> None:
    made = hear(tmp_path, one_each, *many(300), context=4096, concurrency=2)  # type: ignore[arg-type]
    shown = [title for asked in made.asked if not is_overview(asked) for title in labels(asked)]
    assert sorted(shown) == sorted(f"feat: option {number} of the scheduler" for number in range(1, 301))
    assert all(tokens_of(asked.system + asked.prompt) < 4096 * 0.75 for asked in made.asked)
    overviews = [asked for asked in made.asked if is_overview(asked)]
    assert overviews
    assert 1 <= len(made.sentences) <= 8
    assert made.answer.removed == 0
    assert made.answer.coverage.listed == 300
    assert "from all 300 matching records" in made.answer.text
    parts = {told.part for told in made.passed}
    assert 0 in parts
    assert len(parts) > 10
    assert "### Part by part" not in made.answer.text


def test_where_no_overview_comes_what_the_parts_gave_stands(tmp_path: Path) -> None:
    script = lambda asked: Reply(status=400, body=b"{}") if is_overview(asked) else one_each(asked)  # noqa: E731
    made = hear(tmp_path, script, *many(60), context=4096)  # type: ignore[arg-type]
    assert len(made.sentences) == len([told for told in made.passed if told.part])
    assert len(made.sentences) > 8
    assert [claim.text for claim in made.answer.claims[:4]] == made.sentences[:4]
    assert "HTTP 400" in made.answer.text


def test_an_overview_adds_nothing_that_the_records_do_not_hold(tmp_path: Path) -> None:
    def script(asked: Asked) -> str:
        text, keys = rows(asked)[0] if is_overview(asked) else ("", "")
        return said(("The scheduler takes `option_9000`, which bounds queue 9000.", keys)) if text else one_each(asked)

    made = hear(tmp_path, script, *many(60), context=4096)  # type: ignore[arg-type]
    assert "9000" not in " ".join(made.sentences)
    assert "option_9000" not in made.answer.text
    assert made.answer.removed >= 1
    assert len(made.sentences) > 8


@pytest.mark.parametrize("message", ["maximum context length is 900 tokens", "the request exceeds the available context size"])
def test_what_the_server_finds_too_long_is_asked_in_halves(message: str, tmp_path: Path) -> None:
    def script(asked: Asked) -> str | Reply:
        too_long = len(labels(asked)) > 3 and not is_overview(asked)
        body = json.dumps({"error": {"message": message}}).encode()
        return Reply(status=400, body=body) if too_long else one_each(asked)

    made = hear(tmp_path, script, *many(12), context=16_000)  # type: ignore[arg-type]
    assert len(made.sentences) <= 8
    shown = {title for asked in made.asked for title in labels(asked) if len(labels(asked)) <= 3}
    assert len(shown) == 12
    assert made.answer.model is not None
    assert (made.answer.model.read, made.answer.model.problems) == (12, ())


def test_a_server_that_finds_everything_too_long_is_given_up(tmp_path: Path) -> None:
    reply = Reply(status=400, body=b'{"error": {"message": "context length exceeded"}}')
    made = hear(tmp_path, lambda asked: reply, *many(12), context=16_000)  # type: ignore[arg-type]
    assert len(made.asked) <= 80  # how many are under way when it is given up depends on the machine
    assert "context length exceeded" in made.answer.text
    assert made.answer.text.endswith(rest(made.plain.text, made.plain.head) + "\n")


def test_what_could_not_be_read_is_told(tmp_path: Path) -> None:
    def script(asked: Asked) -> str | Reply:
        sick = "feat: option 7 of the scheduler" in labels(asked)
        return Reply(status=500) if sick else one_each(asked)

    made = hear(tmp_path, script, *many(60), context=4096, retries=0)  # type: ignore[arg-type]
    assert made.answer.model is not None
    assert 0 < made.answer.model.read < 60
    assert f"from {made.answer.model.read} of the 60 matching records" in made.answer.text
    assert "HTTP 500" in made.answer.text


def test_a_context_too_small_for_any_evidence_is_not_asked(tmp_path: Path) -> None:
    made = hear(tmp_path, perfect, FIX, context=1024)
    assert made.asked == []
    assert "its context of 1024 tokens leaves no room" in made.answer.text


def test_a_sentence_rests_on_each_of_the_records_that_it_cites(tmp_path: Path) -> None:
    def script(asked: Asked) -> str:
        shown = labels(asked)
        right, wrong = shown[FIX.title], shown[BUG.title]
        return said((TRUE[0], f"{right} {wrong}")) if not problems(asked) else said((TRUE[0], right))

    made = hear(tmp_path, script, FIX, BUG)
    assert "which says nothing of it" in problems(made.asked[1])
    assert (made.sentences, made.answer.removed) == ([TRUE[0]], 0)


def test_a_sentence_that_cites_everything_falls(tmp_path: Path) -> None:
    script = lambda asked: said(("The scheduler takes `option_3`, which bounds queue 3.", " ".join(labels(asked).values())))  # noqa: E731
    made = hear(tmp_path, script, *many(20), context=16_000)  # type: ignore[arg-type]
    assert made.sentences == []
    assert "cites more than 12 records" in problems(made.asked[1])


# --- comparisons -------------------------------------------------------------------------------------------------------------


def test_a_comparison_is_told_of_all_sides_and_keeps_them(tmp_path: Path) -> None:
    other = "acme/rocket"
    records = [FIX, replace(FLAG, id=FLAG.id.replace(REPO, other), repo=other)]
    sides = tuple(replace(WEEK, repos=(repo,)) for repo in (REPO, other))
    scope = replace(WEEK, question="compare kernels and rocket", intent="compare", repos=(REPO, other), sides=sides)
    with Catalog.open(tmp_path / "catalog.db") as catalog, serving(perfect) as server:
        put(catalog, *records)
        plain = compare(
            scope,
            catalog=catalog,
            searcher=Everything(catalog),
            judge=by_topic,
            now=NOW,
            zone=NOW.tzinfo,  # type: ignore[arg-type]
        )
        *_, done = writer(model(server)).stream(plain)
        (asked,) = server.asked
    assert f"Repository: {REPO}" in asked.prompt
    assert f"Repository: {other}" in asked.prompt
    assert isinstance(done, Done)
    assert isinstance(done.answer, Comparison)
    assert len(done.answer.sides) == 2
    assert {claim.text for claim in done.answer.claims} > {text for known in CASES[:2] for text, _ in known.said["en"]}
    assert (
        done.answer.text.index("| Side |") < done.answer.text.index("### In short") < done.answer.text.index("## acme/kernels")
    )


def test_the_passage_and_the_hunk_that_the_search_found_are_shown(tmp_path: Path) -> None:
    quote = Quote("-int x;\n+int64_t x;", "src/page.cu", 11)
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, FIX)
        searcher = Everything(catalog, quotes={FIX.id: quote})
        made = hear(tmp_path, perfect, scope=ABOUT_FIX, judge=judged("answered", 0), searcher=searcher)
    assert "--- src/page.cu\n-int x;\n+int64_t x;" in made.asked[0].prompt
