"""Questions about issues, pull requests, releases, papers, posts and models, English and Chinese, to what they ask for."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from kb.relation import PAPER, REF
from kb.scope import KnownRepo, ScopeContext, parse
from kb.types import Scope, Tag

NOW = datetime(2026, 8, 19, 15, 30, tzinfo=UTC)
FLASHINFER = "flashinfer-ai/flashinfer"
TAGS = {
    FLASHINFER: (
        Tag("v0.6.2", "a" * 40, datetime(2026, 1, 23, tzinfo=UTC)),
        Tag("v0.6.3", "b" * 40, datetime(2026, 2, 5, tzinfo=UTC)),
    )
}
CONTEXT = ScopeContext(NOW, UTC, (KnownRepo(FLASHINFER), KnownRepo("NVIDIA/cutile-python", ("cutile",))), TAGS)

CHANGES = ("commit", "pull", "release")
SHORT = {"touched": "opened closed reopened merged updated", "changes": " ".join(CHANGES)}


def ask(question: str) -> Scope:
    return parse(question, CONTEXT)


# question | intent | what is not empty of kinds, implied, events, states, ids, relation and topic (see SHORT)
THREADS = """
issues closed last week | window | kinds=issue events=closed
Which issues were closed last week? | window | kinds=issue events=closed
which flashinfer issues got closed since monday | window | kinds=issue events=closed
How many issues were closed in July 2026? | window | kinds=issue events=closed
What issues have been opened this week? | window | kinds=issue events=opened
issues filed yesterday about NVFP4 | window | kinds=issue events=opened topic=NVFP4
List the issues that were reported against cutile in the last 10 days | window | kinds=issue events=opened
Show me all newly created issues this month | window | kinds=issue events=opened
new issues this week? | window | kinds=issue events=opened
any new issues on MLA since yesterday? | window | kinds=issue events=opened topic=MLA
Which issues did people open last week? | window | kinds=issue events=opened
bug reports filed this week | window | kinds=issue events=opened
Issues reopened in the past month | window | kinds=issue events=reopened
which issues have been re-opened this year? | window | kinds=issue events=reopened
issues opened or closed this week | window | kinds=issue events=opened,closed
issues touched this week | window | kinds=issue events=touched
Which issues were updated yesterday? | window | kinds=issue events=touched
issues with activity since Friday | window | kinds=issue events=touched
Which issues are being discussed this week? | window | kinds=issue events=touched
most active issues last month | window | kinds=issue events=touched
what's the activity on issues this week? | window | kinds=issue events=touched
isssues closed yesterday | window | kinds=issue events=closed
which isues were opened this week | window | kinds=issue events=opened
Which PRs were merged since Monday? | window | kinds=pull events=merged
merged pull requests last week in flashinfer | window | kinds=pull events=merged
which pull-requests about MoE were merged last week? | window | kinds=pull events=merged topic=MoE
pullrequests merged yesterday | window | kinds=pull events=merged
PR's merged this week | window | kinds=pull events=merged
which PRs landed this week? | window | kinds=pull events=merged
Which PRs did we merge last week? | window | kinds=pull events=merged
closed PRs last week | window | kinds=pull events=closed,merged
Which PRs were closed without being merged this month? | window | kinds=pull events=closed states=closed
PRs opened this week that are still open | window | kinds=pull events=opened states=open
Which PRs were opened or updated yesterday? | window | kinds=pull events=touched
issues and PRs closed last week | window | kinds=pull,issue events=closed,merged
What was closed last week? | window | kinds=pull,issue events=closed,merged
what got opened this week in flashinfer? | window | kinds=pull,issue events=opened
What was reported this week? | window | kinds=issue events=opened
what has been discussed in flashinfer this week? | window | kinds=pull,issue events=touched
discussions about FP8 this month | window | kinds=pull,issue events=touched topic=FP8
PRs this week | window | kinds=pull
PRs about closed-form softmax this week | window | kinds=pull topic=closed-form softmax
PRs about merging LoRA weights this week | window | kinds=pull topic=merging LoRA weights
list the issues about reported metrics, last week | window | kinds=issue topic=reported metrics
list all PRs merged in August 2026 touching attention | window | kinds=pull events=merged topic=attention
issues about FP8 closed last week | window | kinds=issue events=closed topic=FP8
Have any issues been filed about Hopper since July? | window | kinds=issue events=opened topic=Hopper
Which contributors opened PRs this week? | window | kinds=pull events=opened
What did people complain about this week? | window | kinds=issue events=opened
Any regressions reported since Monday? | window | kinds=issue events=opened topic=regressions
Which issues got the most comments last month? | window | kinds=issue events=touched
issues that were closed and reopened this year | window | kinds=issue events=closed,reopened
list the fixed issues of last week | window | kinds=issue events=closed
commits and PRs merged this week | window | kinds=commit,pull states=merged
which commits were merged this week? | window | kinds=commit
Which issues with bf16 were fixed this week? | window | implied=changes states=merged topic=bf16 fixed
"""

STATES = """
open issues | window | kinds=issue states=open
Which issues are still open? | window | kinds=issue states=open
list open issues about FP8 KV cache | window | kinds=issue states=open topic=FP8 KV cache
open PRs about MoE | window | kinds=pull states=open topic=MoE
what open PRs are there in cutile? | window | kinds=pull states=open
how many open pull requests does flashinfer have? | window | kinds=pull states=open
unmerged PRs | window | kinds=pull states=open,closed
PRs that are not merged yet | window | kinds=pull states=open
Which pull requests are awaiting review? | window | kinds=pull states=open
pending PRs for Blackwell | window | kinds=pull states=open topic=Blackwell
unresolved issues in flashinfer | window | kinds=issue states=open
closed issues about autotuner | window | kinds=issue states=closed topic=autotuner
merged PRs about paged attention | window | kinds=pull states=merged topic=paged attention
closed PRs about paged attention | window | kinds=pull states=closed,merged topic=paged attention
rejected PRs | window | kinds=pull states=closed
open issues from last week | window | kinds=issue states=open
give me the list of unresolved bugs | window | kinds=issue states=open
recently closed issues about CUDA graphs | window | kinds=issue states=closed topic=CUDA graphs
which pull requests have been opened but not merged yet | window | kinds=pull events=opened states=open
are there any open issues about FP8? | window | kinds=issue states=open topic=FP8
how many PRs are open right now? | window | kinds=pull states=open
open issues and PRs | window | kinds=pull,issue states=open
"""

OTHERS = """
Any paper about mixture of experts published in June 2026? | window | kinds=paper events=published topic=mixture of experts
new arXiv submissions about quantization since Monday | window | kinds=paper events=published topic=quantization
articles published this month on the blog | window | kinds=post events=published
what releases did flashinfer make this year? | window | kinds=release events=released
What releases were tagged in 2026? | window | kinds=release events=released,tagged
which model checkpoints did NVIDIA release on Hugging Face this month | window | kinds=model events=published
what did the vLLM blog publish last month? | window | kinds=post events=published topic=vLLM
releases this year | window | kinds=release
what's new on hugging face this week | window | kinds=model
models updated on Hugging Face this week | window | kinds=model events=revised
new papers this week | window | kinds=paper events=published
papers published last month on speculative decoding | window | kinds=paper events=published topic=speculative decoding
Which papers were revised this week? | window | kinds=paper events=revised
papers updated since Monday | window | kinds=paper events=revised
preprints posted to arXiv this week about KV caches | window | kinds=paper events=published topic=KV caches
Any arXiv papers about MoE this week? | window | kinds=paper topic=MoE
what's new on arXiv this week? | window | kinds=paper
which papers came out in July 2026? | window | kinds=paper events=published
releases published this month | window | kinds=release events=released
Which releases came out in January 2026? | window | kinds=release events=released
Which versions were cut in January 2026? | window | implied=changes states=merged
new releases of flashinfer this year | window | kinds=release events=released
blog posts this week | window | kinds=post
What blog posts were published last month about inference? | window | kinds=post events=published topic=inference
posts about vLLM this week | window | kinds=post topic=vLLM
models released on Hugging Face this week | window | kinds=model events=published
Which new models were uploaded to the HF hub yesterday? | window | kinds=model events=published
which models were published this week? | window | kinds=model events=published
What new models are supported since last month? | window | implied=changes states=merged
new models supported this week | window | implied=changes states=merged
Which paper introduced paged attention? | needle | kinds=paper
what paper proposes tree attention for speculative decoding? | needle | kinds=paper
Is there a paper about FP4 attention? | needle | kinds=paper
which blog post explains cascade attention? | needle | kinds=post
"""

CHANGED = """
What changed this week? | window | implied=changes states=merged
what was merged this week? | window | implied=changes states=merged
What landed in flashinfer since Monday? | window | implied=changes states=merged
what has been shipped this month | window | implied=changes states=merged
What was fixed last week? | window | implied=changes states=merged
what got reverted in July 2026? | window | implied=changes states=merged
performance work on MLA in July | window | implied=changes states=merged topic=MLA
bug fixes in flashinfer since 1 August | window | implied=changes states=merged
what is new in v0.6.3? | window | implied=changes states=merged
What's new this week? | window |
what happened in flashinfer last week? | window |
any news on FP8 this week? | window | topic=FP8
any activity in cutile this week? | window |
updates this week | window |
Anything about Blackwell in the past 48 hours? | window | topic=Blackwell
What happened this week, and what was merged? | window |
"""

NEEDLES = """
which commit fixed issue #123 | identifier | kinds=commit ids=#123 relation=fixed-by
Which commit closes #1234? | identifier | kinds=commit ids=#1234 relation=fixed-by
which PR closed #99? | identifier | implied=pull,commit ids=#99 relation=fixed-by
What fixed #123? | identifier | implied=commit,pull ids=#123 relation=fixed-by
How was issue #123 resolved? | identifier | implied=commit,pull ids=#123 relation=fixed-by
was #45 ever fixed, and in which commit? | identifier | kinds=commit ids=#45 relation=fixed-by
Which change addressed flashinfer#2450? | identifier | implied=commit,pull ids=#2450 relation=fixed-by
which commit fixed issue 7? | identifier | kinds=commit ids=#7 relation=fixed-by
Which pull request resolves https://github.com/flashinfer-ai/flashinfer/issues/812 ? | identifier | implied=pull,commit ids=flashinfer-ai/flashinfer#812 relation=fixed-by
by which commit was GH-12 fixed? | identifier | kinds=commit ids=#12 relation=fixed-by
why was PR 88 reverted? | identifier | ids=#88 implied=commit,pull relation=reverted-by
Which commit reverted #88? | identifier | kinds=commit ids=#88 relation=reverted-by
was 9329fb4 reverted? | identifier | ids=9329fb4 implied=commit,pull relation=reverted-by
which commit backed out flashinfer@9329fb4 | identifier | kinds=commit ids=9329fb4 relation=reverted-by
which commit implements arXiv:2602.02061? | identifier | kinds=commit ids=arXiv:2602.02061 relation=implemented-by
Which PR is based on https://arxiv.org/abs/2602.02061v2? | identifier | implied=pull,commit ids=arXiv:2602.02061v2 relation=implemented-by
Which issue does PR #130 fix? | identifier | kinds=issue ids=#130 relation=fixes
what issues were closed by #130? | identifier | kinds=issue ids=#130 relation=fixes
Which issues were fixed by PR #12? | identifier | kinds=issue ids=#12 relation=fixes
what does #12 fix? | identifier | implied=commit,pull ids=#12
Fix for #412? | identifier | implied=commit,pull ids=#412 relation=fixed-by
who reverted #88 and why? | identifier | implied=commit,pull ids=#88 relation=reverted-by
has issue #55 been fixed? | identifier | implied=commit,pull ids=#55 relation=fixed-by
is arXiv 2602.02061 implemented in flashinfer? | identifier | implied=commit,pull ids=arXiv:2602.02061 relation=implemented-by
which commit landed #2450? | identifier | kinds=commit ids=#2450
what PR introduced the regression reported in #412? | identifier | implied=pull,commit ids=#412
who reviewed PR 88? | identifier | ids=#88 implied=issue,pull
when was v0.6.2 released? | identifier | implied=release ids=v0.6.2
Is there a PR that adds Windows support? | needle | implied=pull,commit
did anyone report NaNs in softmax? | needle | kinds=issue
Which commit addresses the problem described in acme/rocket#1999? | identifier | kinds=commit ids=acme/rocket#1999 relation=fixed-by
Did any commit resolve issue #321? | identifier | implied=commit,pull ids=#321 relation=fixed-by
link me to the PR that closes #77 | identifier | implied=pull,commit ids=#77 relation=fixed-by
does anything implement arXiv:2401.01234 yet? | identifier | implied=commit,pull ids=arXiv:2401.01234 relation=implemented-by
which paper is the algorithm in PR #300 based on? | identifier | kinds=paper ids=#300 relation=paper
which commit did #88 revert? | identifier | kinds=commit ids=#88 relation=reverts
is PR 45 still waiting for review? | identifier | implied=issue,pull ids=#45
Does anybody else see hangs with CUDA graphs on B200? | needle | kinds=issue
is the deadlock in allreduce already reported? | needle | kinds=issue
who opened #12 | identifier | ids=#12 implied=issue,pull
is #12 merged? | identifier | ids=#12 implied=issue,pull
Is issue #12 still open? | identifier | ids=#12 implied=issue,pull
has #12 been merged yet | identifier | ids=#12 implied=issue,pull
when was issue 1234 closed | identifier | ids=#1234 implied=issue,pull
What's the status of #2450? | identifier | ids=#2450 implied=issue,pull
what is #2450 about | identifier | ids=#2450
summarise issue #7 | identifier | ids=#7 implied=issue,pull
What did reviewers say about PR #88? | identifier | ids=#88 implied=issue,pull
what does issue 1234 say about NVFP4? | identifier | ids=#1234 implied=issue,pull
What does release v0.6.3 say about cuDNN? | identifier | implied=release ids=v0.6.3
summarise the release notes of v0.6.3 | identifier | implied=release ids=v0.6.3
does any issue report a hang in allreduce? | needle | kinds=issue
has anybody reported wrong results with FP8 KV cache? | needle | kinds=issue
Has anyone filed an issue about illegal memory access on H100? | needle | kinds=issue
is there an open issue about Windows wheels? | needle | kinds=issue states=open
Which issue describes the crash with batch size 1? | needle | kinds=issue
Which PR fixed the hang in allreduce? | needle | implied=pull,commit
Which commit fixed the hang in allreduce? | needle | kinds=commit
Two servers derive the same socket path. What changed how that name is drawn? | needle | implied=commit,pull
256-wide heads could not launch on Turing because of unused placeholder arrays. Fix? | needle | implied=commit,pull
why is the JIT cache keyed by architecture? | needle |
"""  # noqa: E501

CHINESE = """
上周关闭了哪些 issue？ | window | kinds=issue events=closed
上周有哪些 issue 被关闭？ | window | kinds=issue events=closed
本周新提的 issue 有哪些 | window | kinds=issue events=opened
这周新增了哪些 issue？ | window | kinds=issue events=opened
最近一周重新打开的 issue 有哪些？ | window | kinds=issue events=reopened
本周有更新的 issue 有哪些？ | window | kinds=issue events=touched
本周合入了哪些 PR？ | window | kinds=pull events=merged
上周合并的 PR 有哪些 | window | kinds=pull events=merged
上周 flashinfer 合并了哪些 pull request？ | window | kinds=pull events=merged
最近一周 merge 的 PR | window | kinds=pull events=merged
上周 close 的 issue 有哪些 | window | kinds=issue events=closed
昨天开了哪些 issue | window | kinds=issue events=opened
上星期有几个 issue 被提出来 | window | kinds=issue events=opened
目前还有哪些 issue 没解决 | window | kinds=issue states=open
有哪些等待评审的拉取请求 | window | kinds=pull states=open
哪篇论文对应 PR #300 的算法 | identifier | kinds=paper ids=#300 relation=paper
PR 45 合了吗 | identifier | implied=issue,pull ids=#45
上周 NVFP4 相关的 PR 合并了几个 | window | kinds=pull events=merged topic=NVFP4
本周有没有新的 issue？ | window | kinds=issue events=opened
上个月有人报告的 bug 有哪些？ | window | kinds=issue events=opened
哪些 PR 正在评审 | window | kinds=pull states=open
这个月被拒绝的 PR | window | kinds=pull states=closed
有关 MoE 的论文，上个月发表的 | window | kinds=paper events=published topic=MoE
Hugging Face 本周有哪些新模型 | window | kinds=model events=published
本周讨论了什么？ | window | kinds=pull,issue events=touched
还没关闭的 issue 有哪些？ | window | kinds=issue states=open
列出未解决的 issue | window | kinds=issue states=open
还没合并的 PR 有哪些？ | window | kinds=pull states=open
关于 MoE 的未合并 PR 有哪些？ | window | kinds=pull states=open,closed topic=MoE
本周有哪些新论文？ | window | kinds=paper events=published
上个月修订过的论文有哪些？ | window | kinds=paper events=revised
本月发布了哪些 release？ | window | kinds=release events=released
本月发布了哪些版本？ | window | implied=changes states=merged
本周有什么新博客文章？ | window | kinds=post events=published
这周 Hugging Face 上发布了哪些模型？ | window | kinds=model events=published
本周有哪些改动？ | window | implied=changes states=merged
上周合入了什么？ | window | implied=changes states=merged
本周修复了哪些 bug？ | window | implied=changes states=merged
本周有什么新动态？ | window |
flashinfer 最近发生了什么？ | window |
哪个提交修复了 issue #123？ | identifier | kinds=commit ids=#123 relation=fixed-by
#123 是被哪个 PR 解决的？ | identifier | implied=pull,commit ids=#123 relation=fixed-by
#123 是怎么修复的？ | identifier | implied=commit,pull ids=#123 relation=fixed-by
为什么 PR #88 被回退了？ | identifier | implied=commit,pull ids=#88 relation=reverted-by
哪个提交实现了 arXiv:2602.02061？ | identifier | kinds=commit ids=arXiv:2602.02061 relation=implemented-by
PR #130 修复了哪个 issue？ | identifier | kinds=issue ids=#130 relation=fixes
谁修了 #412？ | identifier | implied=commit,pull ids=#412 relation=fixed-by
issue 812 是哪个 commit fix 的 | identifier | kinds=commit ids=#812 relation=fixed-by
v0.6.3 的发布说明里怎么说 cuDNN？ | identifier | implied=release ids=v0.6.3
#12 合并了吗 | identifier | ids=#12 implied=issue,pull
issue #12 关闭了没有？ | identifier | ids=#12 implied=issue,pull
#12 是谁提的？ | identifier | ids=#12 implied=issue,pull
issue #7 讲的是什么 | identifier | ids=#7 implied=issue,pull
总结一下 issue #7 | identifier | ids=#7 implied=issue,pull
有没有人报告过 allreduce 卡死？ | needle | kinds=issue
有没有 issue 提到 H100 上的非法内存访问？ | needle | kinds=issue
哪篇论文提出了 paged attention？ | needle | kinds=paper
哪个 PR 修复了 allreduce 卡死？ | needle | implied=pull,commit
"""


def expected(intent: str, text: str) -> dict[str, object]:
    """What a row of the tables says; a set question without a topic has none."""
    rest, named, topic = text.partition("topic=")
    pairs = dict(pair.split("=", 1) for pair in rest.split())
    names = {"kinds": "kinds", "implied": "implied_kinds", "events": "events", "states": "states", "ids": "identifiers"}
    words = {field: pairs.get(name, "").replace(",", " ") for name, field in names.items()}
    lists = {field: tuple(SHORT.get(value, value).split()) for field, value in words.items()}
    about = {"topic": topic} if named or intent == "window" else {}
    return {"intent": intent, **lists, "relation": pairs.get("relation", ""), **about}


def rows() -> list[tuple[str, str, str]]:
    text = "\n".join((THREADS, STATES, OTHERS, CHANGED, NEEDLES, CHINESE))
    lines = [line.split("|") for line in text.splitlines() if line.strip()]
    return [(question.strip(), intent.strip(), rest.strip()) for question, intent, rest in lines]


@pytest.mark.parametrize(("question", "intent", "rest"), rows())
def test_what_a_question_asks_for(question: str, intent: str, rest: str) -> None:
    scope = ask(question)
    wanted = expected(intent, rest)
    assert {name: getattr(scope, name) for name in wanted} == wanted


def test_an_explicit_kind_decides_what_a_verb_means() -> None:
    def told(question: str, *kinds: str, **bounds: str) -> tuple[tuple[str, ...], ...]:
        scope = parse(question, CONTEXT, kinds=kinds, **bounds)
        return scope.kinds, scope.implied_kinds, scope.events, scope.states

    assert told("what was closed last week?", "pull") == (("pull",), (), ("closed", "merged"), ())
    assert told("what was closed last week?", "commit") == (("commit",), (), (), ())
    assert told("what was updated this week?", "paper") == (("paper",), (), (), ())
    assert told("what changed this week?", "issues") == (("issue",), (), (), ())
    assert told("which commit fixed #12?", "pr") == (("pull",), (), (), ())
    # Without a time "closed" is how an issue stands; a filter that gives one makes it what happened then.
    assert told("closed issues") == (("issue",), (), (), ("closed",))
    assert told("closed issues", since="2026-08-01") == (("issue",), (), ("closed",), ())


def test_a_question_cannot_forge_what_stands_for_a_name() -> None:
    assert ask(f"which commit fixed {REF}?").relation == ""
    assert ask(f"which commit implements {PAPER}?").relation == ""


def test_published_on_a_site_is_no_last_release() -> None:
    assert ask("这周 Hugging Face 上发布了哪些模型？").window.label == "这周"


@pytest.mark.parametrize(
    "unit", ["newly closed, ", "closed issues and ", "PRs about x ", "issues that were ", "#1 was fixed by ", "关闭了"]
)
def test_reading_takes_time_in_proportion_to_the_length(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        started = time.perf_counter()
        ask(text)
        return time.perf_counter() - started

    short, long = (min(seconds(size) for _ in range(3)) for size in (1_000, 16_000))
    assert long < 60 * short + 0.05
