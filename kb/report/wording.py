"""The words of a report, English and Chinese: one table each, with the same fields. Pure.

They stand beside kb.wording's: dates, events, kinds and sources are worded there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kb.report.types import GROUPS
from kb.wording import CHINESE as ANSWER_CHINESE
from kb.wording import ENGLISH as ANSWER_ENGLISH
from kb.wording import Words

# What is counted, in the order in which it is told; each has a form for one and one for any other number.
LED = ("problem", "reason")  # roles of sentences (see kb.report.types.Sentence) that need a word before them
COUNTED = (*GROUPS, "changes", "records", "authors")


@dataclass(frozen=True, kw_only=True)
class ReportWords:
    """Texts with ``{named}`` places; ``counted`` maps what is counted to its form for one and for any other number."""

    base: Words
    titles: Mapping[str, str]
    groups: Mapping[str, str]
    kinds: Mapping[str, str]
    counted: Mapping[str, tuple[str, str]]
    headings: Mapping[str, str]
    columns: Mapping[str, str]
    notes: Mapping[str, str]

    @property
    def leads(self) -> tuple[str, ...]:
        """What may stand before a sentence of a record, and is not its own."""
        return tuple(map(self.lead, LED))

    def lead(self, role: str) -> str:
        """What stands before a sentence of some role, so that it is not taken for what is so now; "" for most."""
        return self.notes[role] if role in LED else ""

    def count(self, what: str, number: int) -> str:
        """ "12 features", "1 feature"."""
        one, many = self.counted[what]
        return (one if number == 1 else many).format(n=f"{number:,}")


def report_words(language: str) -> ReportWords:
    """The words of a language: "zh" is Chinese, anything else English."""
    return CHINESE if language == "zh" else ENGLISH


ENGLISH = ReportWords(
    base=ANSWER_ENGLISH,
    titles={
        "day": "Daily report: {day}",
        "week": "Weekly report: {first} to {last}",
        "days": "Report of {days} days: {first} to {last}",
        "since": "Report since the last one: {since} to {until}",
        "archive": "Reports",
    },
    groups=dict(
        zip(
            GROUPS,
            (
                "Releases",
                "Reverts and breaking changes",
                "Features",
                "Fixes",
                "Performance",
                "Models and hardware",
                "Refactoring",
                "Documentation",
                "Tests",
                "CI and build",
                "Dependencies",
                "Version numbers",
                "Other",
                "Pull requests opened",
                "Pull requests closed without merging",
                "Issues opened",
                "Issues closed",
                "Papers",
                "Posts",
                "Models on the hub",
            ),
            strict=True,
        )
    )
    | {"smaller": "Also changed", "watch": "Issues worth watching", "more papers": "More papers"},
    kinds=dict(
        zip(
            GROUPS,
            (
                *("release", "revert or breaking", "feature", "fix", "performance", "model or hardware", "refactoring"),
                *(
                    "docs",
                    "test",
                    "CI",
                    "dependency",
                    "version",
                    "other",
                    "open",
                    "closed",
                    "issue",
                    "issue",
                    "paper",
                    "post",
                    "model",
                ),
            ),
            strict=True,
        )
    ),
    counted={
        "records": ("{n} record", "{n} records"),
        "changes": ("{n} change", "{n} changes"),
        "authors": ("{n} author", "{n} authors"),
        "files": ("{n} file", "{n} files"),
        "commits": ("{n} commit", "{n} commits"),
        "entries": ("{n} entry", "{n} entries"),
        "releases": ("{n} release", "{n} releases"),
        "reverts": ("{n} revert or breaking change", "{n} reverts or breaking changes"),
        "features": ("{n} feature", "{n} features"),
        "fixes": ("{n} fix", "{n} fixes"),
        "performance": ("{n} on performance", "{n} on performance"),
        "models": ("{n} on models and hardware", "{n} on models and hardware"),
        "refactoring": ("{n} refactoring", "{n} refactorings"),
        "docs": ("{n} on documentation", "{n} on documentation"),
        "tests": ("{n} on tests", "{n} on tests"),
        "ci": ("{n} on CI and build", "{n} on CI and build"),
        "dependencies": ("{n} on dependencies", "{n} on dependencies"),
        "versions": ("{n} on version numbers", "{n} on version numbers"),
        "other": ("{n} other", "{n} others"),
        "opened pulls": ("{n} pull request opened", "{n} pull requests opened"),
        "closed pulls": ("{n} pull request closed without merging", "{n} pull requests closed without merging"),
        "opened issues": ("{n} issue opened", "{n} issues opened"),
        "closed issues": ("{n} issue closed", "{n} issues closed"),
        "papers": ("{n} paper", "{n} papers"),
        "posts": ("{n} post", "{n} posts"),
        "hub": ("{n} model on the hub", "{n} models on the hub"),
    },
    headings={
        "summary": "Summary",
        "outlook": "Outlook",
        "sources": "Sources",
        "earlier": "Earlier reports",
        "latest": "Latest report",
        "elsewhere": "Beside the repositories",
    },
    columns={
        "repo": "Repository",
        "changes": "Changes",
        "lines": "Lines",
        "what": "What",
        "kind": "Kind",
        "size": "Size",
        "when": "When",
        "author": "Author",
        "issue": "Issue",
        "pull": "Pull request",
        "paper": "Paper",
        "authors": "Authors",
    },
    notes={
        "window": "**Window** {window} ({zone})",
        "repos": "**Repositories** {repos}",
        "so far": "**So far**: this window had not ended when this was written.",
        "not all read": "**So far**: not every source has been read since this window ended; see Sources.",
        "from": "From {records}, {detail} in detail, {table} in the tables.",
        "all detail": "{records}, all in detail.",
        "all table": "From {records}, all in the tables.",
        "groups": "{groups}.",
        "grouped": "In {entries}, as a merge or a pull request stands with its commits: {groups}.",
        "headlines": "Most of all: {titles}.",
        "between": "; ",
        "top": "What mattered most:",
        "removed": "{n} statements were left out: they could not be verified in the records.",
        "removed one": "1 statement was left out: it could not be verified in the records.",
        "model": "Sentences on what changed were written by {model} and checked against the records they cite.",
        "fallen back": "{n} entries are told in the records' own words, as the model's did not stand up to the check.",
        "fallen back one": "1 entry is told in the record's own words, as the model's did not stand up to the check.",
        "model problem": "The model could not be used throughout: {problem}.",
        "quiet day": "A quiet window: nothing happened. Every source below was read after it had ended.",
        "unknown day": "No record of this window is stored, but not every source was read: something may have happened.",
        "no sources": "No record of this window is stored, and no source is configured.",
        "quiet repos": "Quiet: {repos}.",
        "unread repos": "Could not be read: {repos}.",
        "unasked": "Not known of {repo}: what happened before {since}, which was never read.",
        "tags": "Tagged: {names}.",
        "tag": "{when}: {tag}{rest}.",
        "tag dated": "Tagged on {day}",
        "tag undated": "Tagged at a commit of {day}",
        "tag commits": ", {commits} that {previous} has not",
        "tag same": ", the same commit as {same}",
        "tag also": " (before it {names})",
        "top tag": "Version {tag} of {repo}{rest}",
        "relanded": "brought back by {key}",
        "relands": "brings back what {key} took out",
        "problem": "Before: ",
        "reason": "Reason: ",
        "totals": "{changes} by {authors}, +{added}/−{deleted} lines in {files}.",
        "totals of nobody": "{changes}, +{added}/−{deleted} lines in {files}.",
        "outlook": "Written by {model}; each sentence rests on what it cites.",
        "found": "{source}: {records} in the window; last read successfully on {last}.",
        "stale": "{source} was last read on {last}, before the window ended: what came later is not here.",
    },
)

CHINESE = ReportWords(
    base=ANSWER_CHINESE,
    titles={
        "day": "日报：{day}",
        "week": "周报：{first} 至 {last}",
        "days": "{days} 天报告：{first} 至 {last}",
        "since": "自上次报告以来：{since} 至 {until}",
        "archive": "报告",
    },
    groups=dict(
        zip(
            GROUPS,
            (
                "发布",
                "回退与不兼容改动",
                "新功能",
                "修复",
                "性能",
                "模型与硬件",
                "重构",
                "文档",
                "测试",
                "持续集成与构建",
                "依赖",
                "版本号",
                "其他",
                "新建的合并请求",
                "未合并即关闭的合并请求",
                "新建的议题",
                "关闭的议题",
                "论文",
                "文章",
                "模型库中的模型",
            ),
            strict=True,
        )
    )
    | {"smaller": "其余改动一览", "watch": "值得关注的议题", "more papers": "更多论文"},
    kinds=dict(
        zip(
            GROUPS,
            (
                *("发布", "回退或不兼容", "新功能", "修复", "性能", "模型或硬件", "重构"),
                *(
                    "文档",
                    "测试",
                    "持续集成",
                    "依赖",
                    "版本号",
                    "其他",
                    "未关闭",
                    "已关闭",
                    "议题",
                    "议题",
                    "论文",
                    "文章",
                    "模型",
                ),
            ),
            strict=True,
        )
    ),
    counted={
        name: (text, text)
        for name, text in {
            "records": "{n} 条记录",
            "changes": "{n} 项改动",
            "authors": "{n} 位作者",
            "files": "{n} 个文件",
            "commits": "{n} 个提交",
            "entries": "{n} 个条目",
            "releases": "{n} 个发布",
            "reverts": "{n} 项回退或不兼容改动",
            "features": "{n} 项新功能",
            "fixes": "{n} 项修复",
            "performance": "{n} 项性能改动",
            "models": "{n} 项模型与硬件改动",
            "refactoring": "{n} 项重构",
            "docs": "{n} 项文档改动",
            "tests": "{n} 项测试改动",
            "ci": "{n} 项持续集成与构建改动",
            "dependencies": "{n} 项依赖改动",
            "versions": "{n} 项版本号改动",
            "other": "{n} 项其他改动",
            "opened pulls": "新建 {n} 个合并请求",
            "closed pulls": "未合并即关闭 {n} 个合并请求",
            "opened issues": "新建 {n} 个议题",
            "closed issues": "关闭 {n} 个议题",
            "papers": "{n} 篇论文",
            "posts": "{n} 篇文章",
            "hub": "{n} 个模型库中的模型",
        }.items()
    },
    headings={
        "summary": "摘要",
        "outlook": "展望",
        "sources": "来源",
        "earlier": "往期报告",
        "latest": "最新报告",
        "elsewhere": "仓库之外",
    },
    columns={
        "repo": "仓库",
        "changes": "改动",
        "lines": "行数",
        "what": "内容",
        "kind": "类型",
        "size": "规模",
        "when": "时间",
        "author": "作者",
        "issue": "议题",
        "pull": "合并请求",
        "paper": "论文",
        "authors": "作者",
    },
    notes={
        "window": "**时间** {window}（{zone}）",
        "repos": "**仓库** {repos}",
        "so far": "**截至目前**：撰写时这段时间尚未结束。",
        "not all read": "**截至目前**：这段时间结束之后，并非所有来源都已读取，详见“来源”。",
        "from": "共 {records}，其中 {detail} 条详述，{table} 条列于表中。",
        "all detail": "共 {records}，全部详述。",
        "all table": "共 {records}，全部列于表中。",
        "groups": "{groups}。",
        "grouped": "合并提交、合并请求与其提交同列，合为 {entries}：{groups}。",
        "headlines": "最重要：{titles}。",
        "between": "；",
        "top": "最重要的改动：",
        "removed": "有 {n} 条陈述无法在记录中核实，已略去。",
        "removed one": "有 1 条陈述无法在记录中核实，已略去。",
        "model": "改动说明由 {model} 撰写，并已与所引记录核对。",
        "fallen back": "{n} 个条目的模型文字未通过核对，改用记录原文。",
        "fallen back one": "1 个条目的模型文字未通过核对，改用记录原文。",
        "model problem": "模型未能全程使用：{problem}。",
        "quiet day": "这段时间没有更新：下列来源在此之后都已读取。",
        "unknown day": "没有这段时间的记录，但并非所有来源都已读取，因此不能断定没有更新。",
        "no sources": "没有这段时间的记录，也没有配置任何来源。",
        "quiet repos": "无更新：{repos}。",
        "unread repos": "未能读取：{repos}。",
        "unasked": "{repo} 在 {since} 之前的情况未知：没有读取过。",
        "tags": "新标签：{names}。",
        "tag": "{when}：{tag}{rest}。",
        "tag dated": "{day} 打标签",
        "tag undated": "标签（指向 {day} 的提交）",
        "tag commits": "，比 {previous} 多 {commits}",
        "tag same": "，与 {same} 是同一提交",
        "tag also": "（此前有 {names}）",
        "top tag": "{repo} 版本 {tag}{rest}",
        "relanded": "由 {key} 重新合入",
        "relands": "重新合入 {key} 所移除的内容",
        "problem": "此前：",
        "reason": "原因：",
        "totals": "{changes}，来自 {authors}，涉及 {files}，+{added}/−{deleted} 行。",
        "totals of nobody": "{changes}，涉及 {files}，+{added}/−{deleted} 行。",
        "outlook": "由 {model} 撰写；每句话都以所引记录为据。",
        "found": "{source}：{records}；上次成功读取于 {last}。",
        "stale": "{source} 上次读取于 {last}，当时这段时间尚未结束，此后的内容未收录。",
    },
)
