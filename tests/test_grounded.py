"""A model's sentences and their evidence: answers of every form, what is shown, and claims that are borne out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.grounded.check import is_news, problem
from kb.grounded.claims import unfounded
from kb.grounded.echo import repeats, runs
from kb.grounded.evidence import Case, glossary, tokens_of
from kb.grounded.overlap import is_far
from kb.grounded.reply import Draft, Hearing, parse, schema
from kb.grounded.rules import Ground
from kb.lines import View
from kb.report.model_evidence import case
from kb.report.types import Entry
from kb.types import Event, Evidence, FileChange, Quote, Record
from tests.model_cases import CASES
from tests.records import commit, day, thread

ONE = '{"text": "The kernel skips empty requests.", "citations": ["S1"], "role": "why"}'
DRAFT = Draft("The kernel skips empty requests.", ("S1",), "why")


def shown(record: Record, *, room: int = 3000, **more: object) -> tuple[Case | None, dict[str, Evidence]]:
    evidence = {"kernels@1234567": Evidence("kernels@1234567", record, Quote(""))}
    entry = Entry(view=View(record, "kernels@1234567"), group="other", records=(record,), **more)  # type: ignore[arg-type]
    return case(entry, evidence, room=room), evidence


def text(record: Record, **more: object) -> str:
    found, _ = shown(record, **more)  # type: ignore[arg-type]
    assert found is not None
    return found.text


# --- answers -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        f'{{"sentences": [{ONE}]}}',
        f'```json\n{{"sentences": [{ONE}]}}\n```',
        f'Here you are:\n```\n{{"sentences": [{ONE}]}}\n```\nI hope that {{this}} helps [a lot].',
        f'{{"sentences": [{ONE},],}}',
        f"[{ONE}]",
        ONE,
        f'{{"sentences": [{ONE}, {{"text": "It also',
        f'{{"sentences": [null, 3, {ONE}, {{"text": null}}, {{"citations": []}}]}}',
        f'{{"sentences": [{ONE}]}}'.replace("The kernel", "  - The\\nkernel").replace("empty", "**empty**"),
        f'{{"sentences": [{ONE}]}}'.replace("requests.", "requests. [S1]"),
        f'{{"sentences": [{ONE}]}}'.replace("requests.", "requests（S1、S2）."),
        f'{{"sentences": [{ONE}]}}'.replace('["S1"]', '"[S1]"'),
    ],
)
def test_answers_of_many_forms_say_the_same(answer: str) -> None:
    assert parse(answer) == [DRAFT]


@pytest.mark.parametrize("answer", ['{"sentences": []}', "```\n[]\n```", 'There is nothing. {"sentences": [ ]}'])
def test_that_there_is_nothing_to_say_is_an_answer(answer: str) -> None:
    assert parse(answer) == []


@pytest.mark.parametrize("answer", ["", "no", "{}", '{"sentences": {}}', '{"sentence": []}', "[3]", '"text"'])
def test_what_has_no_sentences_is_none(answer: str) -> None:
    assert parse(answer) is None


def test_keys_and_roles_that_are_none_are_seen() -> None:
    drafts = parse('[{"text": "A.", "citations": ["kernels@1234567", 7, "S2, S3"], "role": "boss"}, {"text": "B."}]')
    assert drafts == [Draft("A.", ("kernels@1234567", "S2", "S3")), Draft("B.", ())]


@given(st.text(alphabet='{}[]",:\\ntesx1S`*', max_size=400))
def test_no_answer_breaks_the_reading(answer: str) -> None:
    assert parse(answer) is None or len(parse(answer) or ()) <= 20


@pytest.mark.parametrize(
    "answer", ['{"a":' * 20_000, "[[" * 20_000, '[{"' * 10_000, '{"text": "' + "x" * 10_000_000, "```\n" * 100_000]
)
def test_long_answers_are_read_quickly(answer: str) -> None:
    began = time.monotonic()
    assert parse(answer) is None
    assert time.monotonic() - began < 2


def test_the_schema_allows_the_given_keys_only() -> None:
    rows = schema(["S1", "S2"])["properties"]["sentences"]["items"]
    assert rows["properties"]["citations"]["items"]["enum"] == ["S1", "S2"]
    assert rows["required"] == list(rows["properties"])


# --- evidence ----------------------------------------------------------------------------------------------------------------


def test_the_quoted_hunk_comes_first_and_tests_last() -> None:
    files = (
        FileChange(path="tests/test_a.py", additions=90, deletions=1, patch="@@ -1 +1 @@\n+assert a\n"),
        FileChange(path="src/a.py", additions=9, deletions=1, patch="@@ -1 +1 @@\n+limit = 3\n"),
        FileChange(path="logo.png", binary=True),
    )
    told = text(commit(1, "Raise the limit", files=files), hunk=Quote("-limit = 2\n+limit = 3", "src/a.py", 1))
    assert told.index("-limit = 2") < told.index("+assert a")
    assert told.count("+limit = 3") == 1
    assert "- logo.png (binary)" in told


@pytest.mark.parametrize("room", [300, 1000, 6000])
def test_evidence_keeps_to_its_room(room: int) -> None:
    files = tuple(FileChange(path=f"src/{n}.py", additions=1, patch="@@ -1 +1 @@\n" + "+x = 1\n" * 3000) for n in range(40))
    assert tokens_of(text(commit(1, "Rework", body="All of it changes.\n" * 9000, files=files), room=room)) <= room + 60


def test_a_thread_is_told_with_its_state() -> None:
    assert "[S1] issue, open\n" in text(thread("issue", 4, "Why?", opened=1.0))
    assert "[S1] pull request, merged\n" in text(thread("pull", 4, "Add it", opened=1.0, merged=2.0))


def test_the_glossary_prefers_phrases_and_forms_of_a_word() -> None:
    terms = glossary("Routing for grouped GEMM with block sparse attention; the kernel dequantizes nothing.")
    assert terms["block sparse"] == "块稀疏"
    assert terms["routing"] == "路由"
    assert terms["kernel"] == "内核"
    assert "for" not in terms
    assert " " in next(iter(terms))


# --- claims ------------------------------------------------------------------------------------------------------------------

DENIED = [
    ("There are no breaking changes in here.", "This is a breaking change."),
    ("It stays backward compatible.", "This change is incompatible with older callers."),
    ("It is thread-safe now.", "It closes a security hole."),
    ("This is not yet merged upstream.", "The author says that it was merged upstream."),
    ("Nothing is deprecated by this, and it is not deprecated.", "It is deprecated."),
]


@pytest.mark.parametrize(("record", "said"), DENIED)
def test_what_the_record_denies_may_not_be_said(record: str, said: str) -> None:
    assert unfounded(said, Ground([thread("pull", 4, "Change", opened=1.0, body=record)]))


BORNE_OUT = [  # what the record says; what may be said of it
    ("Speeds up decode by fusing two kernels", "Decode gets faster as two kernels are fused."),
    ("BREAKING: drop the old plan() API", "The old `plan()` API is removed, a breaking change."),
    ("Fix CVE in the archive extractor", "The archive extractor had a security vulnerability."),
    ("Halves the memory of the workspace", "The workspace needs half the memory."),
    ("Latency is 2x lower on Hopper", "Latency is twice as low on Hopper."),
    ("Enable PDL by default", "PDL is enabled by default."),
    ("The table says | decode | 21.4 |", "Decode takes 21.4 ms."),
    ("Goes from 21.4 ms to 18.9 ms", "It goes from 21.4 milliseconds to 18.9 milliseconds."),
    ("将解码延迟从 21.4ms 降到 18.9ms", "解码延迟从 21.4 毫秒降到 18.9 毫秒。"),
    ("Adds three new flags", "新增三个参数。"),
    ("Windowed attention for all GPUs", "Attention runs in windows on all GPUs."),
    ("Merge the two reduction loops", "The two reduction loops are merged."),
]


@pytest.mark.parametrize(("record", "said"), BORNE_OUT)
def test_what_the_record_says_may_be_said(record: str, said: str) -> None:
    one = commit(
        1, "Change", body=record, files=(FileChange(path="a.py", additions=1, deletions=1, patch="@@ -1 +1 @@\n+a\n"),)
    )
    assert unfounded(said, Ground([one])) == ""


@pytest.mark.parametrize(
    "said",
    [
        "The author asks whether FP8 will be supported.",
        "The author reports that the kernel crashes and asks for a fix.",
        "Users request that the flag be removed.",
        "It is proposed to add a flag for it.",
        "With 257 experts, the kernel returns NaN.",
        "作者询问是否支持 FP8。",
        "作者希望新增一个参数。",
        "257 个专家时内核返回 NaN。",
    ],
)
def test_a_question_may_be_told_as_one(said: str) -> None:
    body = "FP8 with 257 experts crashes with NaN. Will it be supported? Please fix it, add a flag, or have it removed."
    assert unfounded(said, Ground([thread("issue", 4, "FP8?", opened=1.0, body=body)])) == ""


MUTATIONS = {
    "a figure": (r"(?<![\w.])\d+(?:\.\d+)?", lambda match: f"{float(match[0]) * 3 + 7:g}"),
    "an identifier": (r"\b[a-z]+(?:_[a-z0-9]+)+\b", lambda match: f"{match[0]}_v9"),
    "a variable": (r"\b[A-Z]+(?:_[A-Z]+)+\b", lambda match: f"{match[0]}_2"),
    "hardware": (r"\b(?:H100|B200|Hopper|Blackwell|sm90)\b", lambda match: "MI300X"),
    "a name": (r"\b(?:Qwen3-Next|Triton|Mixtral-8x7B|LazyMoE|Rust)\b", lambda match: "Gemma"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("pattern", "changed"), [*MUTATIONS.values()], ids=[*MUTATIONS])
def test_whatever_is_changed_in_a_true_sentence_is_seen(
    language: str, pattern: str, changed: Callable[[re.Match[str]], str]
) -> None:
    """Each occurrence by itself, in each of the true sentences."""
    seen = 0
    for known in CASES:
        found, evidence = shown(known.record)
        assert found is not None
        for said, _ in known.said[language]:
            for match in re.finditer(pattern, said):
                false = said[: match.start()] + changed(match) + said[match.end() :]
                seen += 1
                assert problem(Draft(false, ("S1",)), found.keys, found.shown, evidence, language=language), false
    assert seen >= 2


def test_a_sentence_that_only_repeats_the_title_is_no_news() -> None:
    _, evidence = shown(commit(1, "Fix the autotuner out-of-memory crash (#12)"))
    assert not is_news(Draft("Fix the autotuner crash.", ("S1",)), evidence)
    assert is_news(Draft("The autotuner now clears the CUDA cache.", ("S1",)), evidence)


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_no_text_breaks_the_check(said: str) -> None:
    found, evidence = shown(replace(CASES[0].record, events=CASES[0].record.events))
    assert found is not None
    for language in ("en", "zh"):
        assert isinstance(problem(Draft(said, ("S1",)), found.keys, found.shown, evidence, language=language), str)


# --- states, denials, days ---------------------------------------------------------------------------------------------------

OPEN = thread("pull", 4, "Add a cache", opened=1.0, body="Adds a cache of plans. It is not enabled on Windows yet.")
MERGED = thread("pull", 5, "Add a cache", opened=1.0, merged=2.0, body="Adds a cache of plans, which is enabled for all.")
CLOSED = thread("pull", 6, "Add a cache", opened=1.0, closed=2.0, body="Adds a cache of plans.")
ASKS = thread("issue", 7, "Cache of plans?", opened=1.0, body="The cache of plans grows. Does anybody see this?")
FIXES = commit(8, "Fix the cache of plans", body="The cache never shrinks. Entries are dropped after a minute instead.")
LANDED = commit(9, "Add a cache", body="The cache is enabled for all.", events=(Event("landed", day(2)),))

TRUE_OF = [
    (OPEN, "The pull request has not been merged."),
    (OPEN, "The pull request is still open and was opened on 2026-02-02."),
    (OPEN, "The cache is not enabled on Windows."),
    (OPEN, "该合并请求尚未合并。"),
    (MERGED, "The pull request was merged on 2026-02-03."),
    (MERGED, "该合并请求于 2026 年 2 月 3 日合并。"),
    (CLOSED, "The pull request was closed without being merged."),
    (CLOSED, "The pull request was closed on 2026-02-03."),
    (ASKS, "The author reports that the growth has not been fixed."),
    (FIXES, "The cache no longer grows for ever."),
    (FIXES, "The cache never shrank before."),
]
FALSE_OF = [
    (OPEN, "The pull request was closed."),
    (OPEN, "The pull request is rejected."),
    (OPEN, "The pull request was opened on 2026-02-03."),
    (OPEN, "The pull request says that the cache is enabled."),
    (MERGED, "The pull request has not been merged."),
    (MERGED, "The pull request is still open."),
    (MERGED, "The pull request was merged on 2026-02-02."),
    (MERGED, "The cache is not enabled."),
    (MERGED, "该合并请求尚未合并。"),
    (MERGED, "该合并请求仍未关闭。"),
    (MERGED, "该合并请求于 2026 年 2 月 2 日合并。"),
    (MERGED, "缓存并未启用。"),
    (CLOSED, "The pull request is still open."),
    (CLOSED, "The pull request was reopened."),
    (FIXES, "The cache was not fixed."),
    (LANDED, "The change was not released."),
    (LANDED, "The change was never reverted."),
    (ASKS, "作者反映缓存已修复。"),
]


@pytest.mark.parametrize(("record", "said"), TRUE_OF)
def test_what_happened_to_a_record_may_be_said(record: Record, said: str) -> None:
    assert unfounded(said, Ground([record])) == ""


@pytest.mark.parametrize(("record", "said"), FALSE_OF)
def test_what_did_not_happen_to_a_record_may_not_be_said(record: Record, said: str) -> None:
    assert unfounded(said, Ground([record]))


def test_days_are_the_askers() -> None:
    late = thread("pull", 5, "Add a cache", opened=1.0, merged=2.9)
    said = "The pull request was merged on 2026-02-04."
    assert unfounded(said, Ground([late]))
    assert unfounded(said, Ground([late]), ZoneInfo("Asia/Shanghai")) == ""


# --- what is far, what is an echo --------------------------------------------------------------------------------------------

FAR = {
    "en": (
        "It also cleans up the documentation of the whole module.",
        "The author tested it on a large cluster for several weeks.",
        "Users have to recompile their extensions afterwards.",
        "The work was paid for by a hardware vendor.",
        "It reads credentials from the home directory.",
        "The change was written in a hurry before a deadline.",
    ),
    "zh": ("用户需要重新编译扩展。", "该改动还清理了整个模块的文档。"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_that_speaks_of_something_else_falls(language: str) -> None:
    for known in CASES:
        assert all(is_far(said, [known.record]) for said in FAR[language])
        assert not any(is_far(said, [known.record]) for said, _ in known.said[language])


def test_a_sentence_that_repeats_the_request_is_an_echo_unless_the_evidence_says_so() -> None:
    told = runs(["Each sentence cites the keys of all that it tells of.", "每句话都要引用它所依据的键。"])
    echo = "It cites the keys of all that it tells of."
    assert repeats(echo, told, ["The kernel cites nothing."])
    assert repeats("它要引用它所依据的键。", told, [])
    assert not repeats(echo, told, [f"The README says: {echo}"])
    assert not repeats("The keys of the cache are hashed.", told, [])


# --- an answer as it comes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_each_sentence_is_heard_as_soon_as_it_is_whole(size: int) -> None:
    answer = f'He says "so: {{"sentences": [{ONE}, {ONE.replace("empty", "long")}]}} {{"more'
    hearing, heard = Hearing(), []
    for at in range(0, len(answer), size):
        heard += [(draft.text, at + size) for draft in hearing.hear(answer[at : at + size])]
    assert [said for said, _ in heard] == ["The kernel skips empty requests.", "The kernel skips long requests."]
    assert all(answer.index(said) < at <= answer.index(said) + 70 + size for said, at in heard)


@given(st.text(alphabet='{}[]",:\\ntesx1S`* ', max_size=300), st.integers(1, 50))
def test_nothing_breaks_the_hearing(answer: str, size: int) -> None:
    hearing = Hearing()
    heard = [draft for at in range(0, len(answer), size) for draft in hearing.hear(answer[at : at + size])]
    assert len(heard) <= 20


@pytest.mark.parametrize("said", ["I decided to skip the requests.", "We now skip such requests.", "我们现在跳过这些请求。"])
def test_a_model_does_not_speak_as_the_author(said: str) -> None:
    found, evidence = shown(CASES[0].record)
    assert found is not None
    language = "en" if said.isascii() else "zh"
    assert "first person" in problem(Draft(said, ("S1",)), found.keys, found.shown, evidence, language=language)
