"""Questions in a conversation: which lean on the one before, what they take over, and that they say so."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kb import payloads, render
from kb.conversation import scope_before, scope_from
from kb.errors import QueryError
from kb.followup import resolve
from kb.render import Context
from kb.scope import KnownRepo, ScopeContext, parse
from kb.types import Scope, Tag
from kb.wording import CHINESE, ENGLISH

NOW = datetime(2026, 8, 19, 15, 30, tzinfo=UTC)
FLASHINFER, CUTLASS, CUTILE = "flashinfer-ai/flashinfer", "NVIDIA/cutlass", "NVIDIA/cutile-python"
REPOS = (KnownRepo(FLASHINFER), KnownRepo(CUTLASS), KnownRepo(CUTILE, ("cutile",)))
TAGS = {FLASHINFER: (Tag("v0.6.2", "a" * 40, datetime(2026, 1, 23, tzinfo=UTC)),)}
CONTEXT = ScopeContext(NOW, UTC, REPOS, TAGS)
MOE = "What changed in flashinfer MoE this week?"
CLOSED = "Which issues were closed last week in flashinfer?"
HANG = "Which commit fixed the allreduce hang in flashinfer?"


def asked(question: str, before: str | Scope = MOE, **filters: Any) -> Scope:
    scope = resolve(before, CONTEXT) if isinstance(before, str) else before
    return resolve(question, CONTEXT, before=scope, **filters)


def told(scope: Scope) -> str:
    """What is asked about, short: only what is there; what is inherited stands in brackets."""
    names = [repo.partition("/")[2] for repo in scope.repos]
    parts = {
        "window": scope.window.label,
        "repos": ",".join(names),
        "kinds": ",".join(scope.kinds),
        "topic": scope.topic,
        "facets": ",".join(scope.facets),
        "events": ",".join(scope.events),
        "states": ",".join(scope.states if scope.kinds else ()),
        "identifiers": ",".join(scope.identifiers),
        "relation": scope.relation,
        "unresolved": ",".join(scope.unresolved),
        "unknown": ",".join(scope.unknown_repos),
        "dropped": ",".join(scope.dropped),
    }
    shown = {name: f"[{text}]" if name in scope.inherited else text for name, text in parts.items() if text}
    if "narrowed" in scope.inherited:
        shown["topic"] = f"[+]{scope.topic}"
    return " ".join(f"{name}={text}" for name, text in shown.items())


# question | what it asks about after "What changed in flashinfer MoE this week?"
AFTER_A_SET = """
and in cutlass? | window=[this week] repos=cutlass topic=[MoE]
and cutlass? | window=[this week] repos=cutlass topic=[MoE]
in cutlass? | window=[this week] repos=cutlass topic=[MoE]
cutlass? | window=[this week] repos=cutlass topic=[MoE]
What about CUTLASS? | window=[this week] repos=cutlass topic=[MoE]
how about cutlass and cutile | window=[this week] repos=cutlass,cutile-python topic=[MoE]
same for cutlass | window=[this week] repos=cutlass topic=[MoE]
the same question for cutile please | window=[this week] repos=cutile-python topic=[MoE]
And what changed in cutlass? | window=[this week] repos=cutlass topic=[MoE]
换成 cutlass | window=[this week] repos=cutlass topic=[MoE]
那 cutlass 呢？ | window=[this week] repos=cutlass topic=[MoE]
cutlass 呢 | window=[this week] repos=cutlass topic=[MoE]
what about last week? | window=last week repos=[flashinfer] topic=[MoE]
last week? | window=last week repos=[flashinfer] topic=[MoE]
and yesterday | window=yesterday repos=[flashinfer] topic=[MoE]
now since Monday | window=since Monday repos=[flashinfer] topic=[MoE]
since v0.6.2 | window=since v0.6.2 repos=[flashinfer] topic=[MoE]
what changed there last month? | window=last month repos=[flashinfer] topic=[MoE]
那上周呢 | window=上周 repos=[flashinfer] topic=[MoE]
上个月呢？ | window=上个月 repos=[flashinfer] topic=[MoE]
那上周有什么变化？ | window=上周 repos=[flashinfer] topic=[MoE]
only the fixes | window=[this week] repos=[flashinfer] topic=[MoE] facets=fix
fixes only | window=[this week] repos=[flashinfer] topic=[MoE] facets=fix
the fixes? | window=[this week] repos=[flashinfer] topic=[MoE] facets=fix
ok, and only the fixes from last month | window=last month repos=[flashinfer] topic=[MoE] facets=fix
just the fixes in cutlass | window=[this week] repos=cutlass topic=[MoE] facets=fix
show me only the docs | window=[this week] repos=[flashinfer] topic=[MoE] facets=docs
limit it to reverts | window=[this week] repos=[flashinfer] topic=[MoE] facets=revert
which of them are fixes? | window=[this week] repos=[flashinfer] topic=[MoE] facets=fix
which of those were reverted? | window=[this week] repos=[flashinfer] topic=[MoE] facets=revert
只看修复 | window=[this week] repos=[flashinfer] topic=[MoE] facets=fix
只要新功能 | window=[this week] repos=[flashinfer] topic=[MoE] facets=feature
仅性能 | window=[this week] repos=[flashinfer] topic=[MoE] facets=performance
其中哪些是修复？ | window=[this week] repos=[flashinfer] topic=[MoE] facets=fix
what about FP8? | window=[this week] repos=[flashinfer] topic=FP8
on Hopper? | window=[this week] repos=[flashinfer] topic=Hopper
关于 FP8 的呢 | window=[this week] repos=[flashinfer] topic=FP8
only FP8 | window=[this week] repos=[flashinfer] topic=[+]MoE FP8
only the FP8 ones | window=[this week] repos=[flashinfer] topic=[+]MoE FP8
which of them fixed the hang? | window=[this week] repos=[flashinfer] topic=[+]MoE fixed the hang
and issues? | window=[this week] repos=[flashinfer] kinds=issue topic=[MoE]
papers? | window=[this week] repos=[flashinfer] kinds=paper topic=[MoE]
and the open PRs | window=[this week] repos=[flashinfer] kinds=pull topic=[MoE] states=open
and the week before? | window=the week before repos=[flashinfer] topic=[MoE]
再前一周呢 | window=再前一周 repos=[flashinfer] topic=[MoE]
and before that? | window=before that repos=[flashinfer] topic=[MoE]
anything else? | window=[this week] repos=[flashinfer] topic=[MoE]
还有呢 | window=[this week] repos=[flashinfer] topic=[MoE]
还有吗？ | window=[this week] repos=[flashinfer] topic=[MoE]
and everywhere? | window=[this week] topic=[MoE]
in all repositories? | window=[this week] topic=[MoE]
所有仓库呢 | window=[this week] topic=[MoE]
and in the other repos? | window=[this week] repos=cutlass,cutile-python topic=[MoE]
and everything? | window=[this week] repos=[flashinfer]
without the docs | window=[this week] repos=[flashinfer] topic=[MoE] unresolved=without the docs
不看文档 | window=[this week] repos=[flashinfer] topic=[MoE] unresolved=不看文档
recently? | window=[this week] repos=[flashinfer] topic=[MoE] unresolved=recently
and in SGLang? | window=[this week] topic=[MoE] unknown=SGLang
what about vLLM? | window=[this week] topic=[MoE] unknown=vLLM
那 SGLang 呢 | window=[this week] topic=[MoE] unknown=SGLang
in SGLang last week? | window=last week topic=[MoE] unknown=SGLang
And what changed in cutlass FP8 last week? | window=last week repos=cutlass topic=FP8
"""

# before | question | what it asks about
AFTER_OTHERS = f"""
{CLOSED} | and the PRs? | window=[last week] repos=[flashinfer] kinds=pull events=[closed]
{CLOSED} | and papers? | window=[last week] repos=[flashinfer] kinds=paper dropped=closed
{CLOSED} | only the open ones | window=[last week] repos=[flashinfer] kinds=issue events=[closed] states=open
{CLOSED} | just the ones about FP8 | window=[last week] repos=[flashinfer] kinds=[issue] topic=FP8 events=[closed]
{CLOSED} | what about opened? | window=[last week] repos=[flashinfer] kinds=issue events=opened
{CLOSED} | in cutlass? | window=[last week] repos=cutlass kinds=[issue] events=[closed]
{HANG} | and in cutlass? | repos=cutlass kinds=[commit] topic=[fixed the allreduce hang]
{HANG} | last month? | window=last month repos=[flashinfer] kinds=[commit] topic=[fixed the allreduce hang]
{HANG} | who wrote it? | repos=[flashinfer] kinds=[commit] topic=[fixed the allreduce hang]
{HANG} | when was it merged? | repos=[flashinfer] kinds=[commit] topic=[fixed the allreduce hang]
{HANG} | 谁写的？ | repos=[flashinfer] kinds=[commit] topic=[fixed the allreduce hang]
{HANG} | what about the NVFP4 hang? | repos=[flashinfer] kinds=[commit] topic=NVFP4 hang
{HANG} | and in SGLang? | kinds=[commit] topic=[fixed the allreduce hang] unknown=SGLang
{HANG} | only the fixes | repos=[flashinfer] kinds=[commit] topic=[fixed the allreduce hang] unresolved=the fixes
{HANG} | and papers? | repos=[flashinfer] kinds=paper topic=[fixed the allreduce hang]
What is #12 about? | and #13? | identifiers=#13
What is #12 about? | who opened it? | identifiers=[#12]
Which commit fixed #12? | and #13? | kinds=[commit] identifiers=#13 relation=fixed-by
What changed? | only the fixes | facets=fix
What changed? | and in cutlass? | repos=cutlass
"""

ALONE = """
What changed last week?
What changed in flashinfer and cutlass?
flashinfer updates?
issues closed last week
fixes in cutlass this week
MoE
#2450
BatchPrefillWithPagedKVCacheWrapper
and-reduce kernels this week
And-reduce changes in flashinfer
Just-in-time compilation changes this week
only-once initialisation of the workspace
what-if analysis changes this week
Only one GPU is used when the cache is warm. Which commit fixed it?
Now that v0.6.2 is out decoding crashes, which commit fixed that?
Two servers share them. Which commit fixed it?
A memory read which must stay was thrown away. Which commit keeps it?
Which commit fixed the hang in allreduce?
And which commit fixed the hang in allreduce?
there is a hang in allreduce
list the kernels and the tests for them that changed this week in cutlass
compare flashinfer and cutlass this month
那个提交修复了 allreduce 卡死？
只读缓存的修复，上周有哪些？
上周 cutlass 有哪些更新？
还原 MoE 权重的改动有哪些？
哪个提交修复了 allreduce 卡死？
"""


def rows(table: str, cells: int) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.split("|", cells - 1)) for line in table.strip().splitlines()]


@pytest.mark.parametrize(("question", "expected"), rows(AFTER_A_SET, 2))
def test_what_a_follow_up_does_not_say_is_taken_over_and_told(question: str, expected: str) -> None:
    scope = asked(question)
    assert (scope.intent, told(scope)) == ("window", expected)


@pytest.mark.parametrize(("before", "question", "expected"), rows(AFTER_OTHERS, 3))
def test_follow_ups_of_other_questions(before: str, question: str, expected: str) -> None:
    scope = asked(question, before)
    assert told(scope) == expected
    assert scope.intent == resolve(before, CONTEXT).intent


@pytest.mark.parametrize("question", ALONE.strip().splitlines())
@pytest.mark.parametrize("before", [MOE, HANG])
def test_a_question_that_stands_on_its_own_inherits_nothing(question: str, before: str) -> None:
    assert asked(question, before) == resolve(question, CONTEXT)
    assert not asked(question, before).inherited


@pytest.mark.parametrize("question", [MOE, CLOSED, HANG, "and in cutlass?", "那上周呢", "who wrote it?"])
def test_without_a_question_before_every_question_is_read_as_it_stands(question: str) -> None:
    assert resolve(question, CONTEXT) == parse(question, CONTEXT)


@pytest.mark.parametrize("question", ["who wrote it?", "why?", "When was it merged?", "它是谁写的", "为什么？"])
@pytest.mark.parametrize("before", [MOE, "compare flashinfer and cutlass this week"])
def test_what_is_asked_of_one_record_after_a_list_is_said_to_be_unclear(question: str, before: str) -> None:
    scope = asked(question, before)
    assert scope.unclear == question.strip("?？")
    assert scope.inherited == ()


def test_a_chain_of_follow_ups_keeps_what_was_said_on_the_way() -> None:
    scope = asked("only the fixes")
    scope = asked("and in cutlass?", scope)
    scope = asked("那上周呢", scope)
    assert told(scope) == "window=上周 repos=[cutlass] topic=[MoE] facets=[fix]"
    assert scope.language == "zh"
    assert asked("cutile?", scope).language == "zh"
    assert asked("what about cutile?", scope).language == "en"


def test_an_open_window_is_open_still_and_a_past_one_stays() -> None:
    later = replace(CONTEXT, now=NOW + timedelta(hours=5))
    still = resolve("in cutlass?", later, before=resolve(MOE, CONTEXT))
    assert (still.window.end, still.resolved_at) == (later.now, later.now)
    past = resolve("What changed in flashinfer last week?", CONTEXT)
    assert resolve("in cutlass?", later, before=past).window == past.window


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("and the week before?", "2026-08-03", "2026-08-10"),
        ("the month before that", "2026-07-10", "2026-08-10"),
        ("and the day after?", "2026-08-17", "2026-08-18"),
        ("前一天呢", "2026-08-09", "2026-08-10"),
        ("the quarter before", "2026-05-10", "2026-08-10"),
    ],
)
def test_times_are_counted_from_the_window_before(question: str, start: str, end: str) -> None:
    window = asked(question, "What changed in flashinfer last week?").window
    assert window.start is not None
    assert window.end is not None
    assert (window.start.date().isoformat(), window.end.date().isoformat()) == (start, end)


def test_explicit_filters_count_as_stated() -> None:
    scope = asked("only the fixes", repos=["cutlass"], since="2026-08-01")
    assert told(scope) == "window=since 2026-08-01 repos=cutlass topic=[MoE] facets=fix"


# --- follow-ups of comparisons, and such that make one ------------------------------------------------------------------------

SIDES = """
compare flashinfer and cutlass on MoE this week | only the fixes | flashinfer this week; cutlass this week
compare flashinfer and cutlass on MoE this week | and last week? | flashinfer last week; cutlass last week
compare flashinfer and cutlass on MoE this week | versus cutile? | flashinfer this week; cutlass this week; cutile-python this week
compare flashinfer and cutlass on MoE this week | 只看修复 | flashinfer this week; cutlass this week
cutlass 本周和上周的修复对比 | flashinfer 呢 | flashinfer 本周; flashinfer 上周
What changed in flashinfer MoE this week? | versus last week? | flashinfer this week; flashinfer last week
What changed in flashinfer MoE this week? | how does that compare to last week? | flashinfer this week; flashinfer last week
What changed in flashinfer MoE this week? | compare that with cutlass | flashinfer this week; cutlass this week
What changed in flashinfer MoE this week? | 和上周相比呢 | flashinfer this week; flashinfer 上周
What changed in flashinfer MoE this week? | 跟 cutlass 比呢 | flashinfer this week; cutlass this week
"""  # noqa: E501


@pytest.mark.parametrize(("before", "question", "expected"), rows(SIDES, 3))
def test_comparisons_are_followed_side_by_side(before: str, question: str, expected: str) -> None:
    scope = asked(question, before)
    assert scope.intent == "compare"
    assert "; ".join(f"{side.repos[0].partition('/')[2]} {side.window.label}" for side in scope.sides) == expected
    assert all(side.intent == "window" and side.inherited for side in scope.sides)


@pytest.mark.parametrize(
    ("before", "question", "expected"),
    [
        (
            "compare flashinfer and cutlass on MoE this week",
            "and cutile?",
            "window=[this week] repos=cutile-python topic=[MoE]",
        ),
        ("cutlass 本周和上周的修复对比", "上个月呢", "window=上个月 repos=[cutlass] facets=[fix]"),
    ],
)
def test_a_comparison_whose_sides_are_replaced_is_none(before: str, question: str, expected: str) -> None:
    scope = asked(question, before)
    assert (scope.intent, scope.sides, told(scope)) == ("window", (), expected)


def test_a_side_that_nothing_follows_stays_told() -> None:
    before = resolve("compare flashinfer and vLLM this week", CONTEXT)
    assert asked("and last week?", before).unknown_repos == ("vLLM",)
    assert asked("compare it with SGLang").unknown_repos == ("SGLang",)
    assert asked("and cutlass?", before).unknown_repos == ()
    gone = asked("and vLLM?", "what did cutlass fix this week versus last week")
    assert (gone.intent, gone.repos, gone.unknown_repos) == ("window", (), ("vLLM",))
    still = asked("only the fixes", asked("and in SGLang?"))
    assert (still.intent, still.unknown_repos, still.facets) == ("window", ("SGLang",), ("fix",))


# --- as it is shown ----------------------------------------------------------------------------------------------------------


def test_the_scope_line_says_what_is_from_the_question_before() -> None:
    assert render.header(asked("only the FP8 fixes"), Context(NOW, UTC, ENGLISH)) == (
        "**Window** 2026-08-17 until now, 2026-08-19 15:30 (UTC; “this week”) (from the question before)"
        " · **Repositories** flashinfer-ai/flashinfer (from the question before) · **Kinds** all"
        " · **Topic** MoE FP8 (partly from the question before) · **Only** fixes"
    )
    assert "**仓库** flashinfer-ai/flashinfer（沿用上一个问题）" in render.header(asked("那上周呢"), Context(NOW, UTC, CHINESE))


def test_what_was_not_taken_over_or_is_not_known_is_said() -> None:
    assert render.notes(asked("and papers?", CLOSED), "", 0, ENGLISH) == [
        "Not taken over from the question before, as it does not fit: closed."
    ]
    assert render.notes(asked("and in SGLang?"), "", 0, ENGLISH) == [
        "No source follows a repository called “SGLang”: nothing is known of it here."
    ]
    assert "“谁写的”可以指上一个回答中的任何一条记录" in render.notes(asked("谁写的？"), "", 0, CHINESE)[0]


# --- handed on as JSON -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        MOE,
        CLOSED,
        HANG,
        "What changed in v0.6.2 of flashinfer?",
        "compare flashinfer and vLLM this week",
        "那上周呢",
        "since 7d",
    ],
)
def test_a_scope_comes_back_from_its_json(question: str) -> None:
    scope = asked(question)
    whole = json.loads(json.dumps(payloads.scope(scope)))
    assert scope_from(whole) == scope
    assert scope_before(json.dumps({"scope": whole}).encode()) == scope


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"intent": "delete"}, "intent"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-08-19T15:30:00"}, "since"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"repos": "flashinfer"}, "repos"),
        ({"repos": [None]}, "repos.0"),
        ({"kinds": ["tweet"]}, "kinds"),
        ({"events": ["exploded"]}, "events"),
        ({"facets": ["<b>"]}, "facets"),
        ({"topic": "x" * 20_000}, "topic"),
        ({"repos": ["a/b"] * 2_000}, "repos"),
        ({"inherited": ["all"]}, "inherited"),
        ({"relation": 3}, "relation"),
        ({"topci": "MoE"}, "topci"),
        ({"sides": [{}]}, "sides.0"),
    ],
)
def test_a_scope_that_was_meddled_with_is_refused_by_its_key(change: dict[str, Any], named: str) -> None:
    with pytest.raises(QueryError, match=f"the scope of the question before: {named}") as caught:
        scope_from(payloads.scope(asked(MOE)) | change)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", 'no "scope"'),
        (b'{"results": []}', 'no "scope"'),
        (b'{"scope": null}', "the scope of the question before"),
        (b'{"error": {"message": "there are no records"}}', "holds an error"),
    ],
)
def test_what_is_no_answer_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        scope_before(text)


@pytest.mark.parametrize(
    "piece", ["and ", "vs ", "compare ", "last week, ", "what about ", "那", "和上周相比", "it ", "(", "a/b "]
)
def test_a_huge_question_is_read_in_no_time(piece: str) -> None:
    before, started = resolve(MOE, CONTEXT), time.process_time()
    with contextlib.suppress(QueryError):  # it compares too much
        resolve(piece * (20_000 // len(piece)), CONTEXT, before=before)
    assert time.process_time() - started < 5
