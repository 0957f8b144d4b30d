"""The words of an answer, English and Chinese: one table each, with the same fields. Pure.

What is quoted from records stays in its own language; everything that code writes is wholly in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from kb.classify import GROUPS
from kb.types import Window


@dataclass(frozen=True, kw_only=True)
class Words:
    """Texts with ``{named}`` places; ``date`` and ``moment`` are strftime-like with {y}, {m:02}, {d:02}, {H:02}, {M:02}."""

    language: str
    groups: Mapping[str, str]
    events: Mapping[str, str]
    states: Mapping[str, str]
    relations: Mapping[str, str]
    kinds: Mapping[str, str]
    facets: Mapping[str, str]
    statuses: Mapping[str, str]
    header: Mapping[str, str]
    notes: Mapping[str, str]
    line: Mapping[str, str]
    gap: str  # between sentences
    colon: str
    comma: str

    def day(self, at: datetime, zone: tzinfo) -> str:
        """The calendar day in ``zone``."""
        local = at.astimezone(zone)
        return self.line["day"].format(y=local.year, m=local.month, d=local.day)

    def moment(self, at: datetime, zone: tzinfo) -> str:
        """Day and minute in ``zone``."""
        local = at.astimezone(zone)
        return f"{self.day(at, zone)} {local:%H:%M}"

    def window(self, window: Window, *, now: datetime, zone: tzinfo) -> str:
        """The interval as a person would say it: days where it begins and ends at midnight, else minutes."""
        start, end = window.start, window.end or now
        open_end = end >= now
        if start is None:
            return self.header["until now" if open_end else "until"].format(end=self.moment(end, zone))
        if open_end:
            return self.header["since"].format(start=self._edge(start, zone), end=self.moment(end, zone))
        if not (_midnight(start, zone) and _midnight(end, zone)):
            return self.header["between"].format(start=self.moment(start, zone), end=self.moment(end, zone))
        last = end.astimezone(zone) - timedelta(hours=1)
        if self.day(start, zone) == self.day(last, zone):
            return self.day(start, zone)
        return self.header["days"].format(start=self.day(start, zone), end=self.day(last, zone))

    def bracketed(self, text: str) -> str:
        """``text`` in brackets, as an aside to what stands before."""
        return f"{self.line['open']}{text}{self.line['close']}"

    def _edge(self, at: datetime, zone: tzinfo) -> str:
        return self.day(at, zone) if _midnight(at, zone) else self.moment(at, zone)

    def listed(self, group: Mapping[str, str], names: tuple[str, ...]) -> str:
        """Names in these words, separated."""
        return self.comma.join(group.get(name, name) for name in names)


def _midnight(at: datetime, zone: tzinfo) -> bool:
    local = at.astimezone(zone)
    return (local.hour, local.minute, local.second) == (0, 0, 0)


def words(language: str) -> Words:
    """The words of a language: "zh" is Chinese, anything else English."""
    return CHINESE if language == "zh" else ENGLISH


ENGLISH = Words(
    language="en",
    groups=dict(
        zip(
            GROUPS,
            (
                "Reverts and breaking changes",
                "Releases",
                "Features",
                "Fixes",
                "Performance",
                "Models and hardware",
                "Refactoring",
                "Documentation",
                "Tests",
                "CI and build",
                "Dependencies",
                "Other",
                "Pull requests that are not merged",
                "Issues",
                "Papers",
                "Posts",
                "Models on the hub",
            ),
            strict=True,
        )
    ),
    events={
        "landed": "landed",
        "committed": "committed",
        "authored": "written",
        "merged": "merged",
        "closed": "closed",
        "opened": "opened",
        "reopened": "reopened",
        "updated": "touched",
        "released": "released",
        "tagged": "tagged",
        "published": "published",
        "revised": "revised",
    },
    states={"open": "open", "closed": "closed", "merged": "merged"},
    relations={
        "fixed-by": "fixed by",
        "landed-as": "landed as",
        "pull": "pull request",
        "fixes": "fixes",
        "reverted-by": "reverted by",
        "reverts": "reverts",
        "paper": "paper",
        "mentions": "mentions",
        "mentioned-by": "mentioned by",
    },
    kinds={
        "commit": "commits",
        "pull": "pull requests",
        "issue": "issues",
        "release": "releases",
        "paper": "papers",
        "post": "posts",
        "model": "models",
    },
    facets={
        "revert": "reverts",
        "breaking": "breaking changes",
        "release": "releases",
        "feature": "features",
        "fix": "fixes",
        "performance": "performance",
        "model": "models",
        "hardware": "hardware",
        "refactor": "refactoring",
        "docs": "documentation",
        "test": "tests",
        "ci": "CI",
        "dependency": "dependencies",
        "security": "security",
    },
    statuses={
        "never": "{source} has not been read yet.",
        "failed": "{source} could not be read ({when}): {error}. Last read successfully: {last}.",
        "interrupted": "The last reading of {source} was interrupted ({when}). Last read successfully: {last}.",
        "running": "{source} is being read now. Last read successfully: {last}.",
        "truncated": "{source} was read only in part: {reason}.",
        "stale": "{source} was last read on {last}: what came later is not here.",
        "quiet": "No changes in {source}: it was read successfully on {last}.",
        "quiet so far": "No changes in {source} up to its last reading on {last}; what came later is not known yet.",
        "read": "{source}: last read successfully on {last}.",
        "begins": "{source} is stored from {since} on: nothing earlier was read.",
        "no last": "never",
    },
    header={
        "window": "Window",
        "repos": "Repositories",
        "kinds": "Kinds",
        "topic": "Topic",
        "facets": "Only",
        "all": "all",
        "any": "any",
        "until now": "everything until now, {end}",
        "until": "everything until {end}",
        "since": "{start} until now, {end}",
        "between": "{start} to {end}",
        "days": "{start} to {end}",
        "zone": "{window} ({zone})",
        "labelled": "{window} ({zone}; “{label}”)",
        "sources": "Sources",
        "states": "Only",
        "events": "Only",
        "identifiers": "Named",
        "as_of": "As of",
        "inherited": "from the question before",
        "narrowed": "partly from the question before",
        "rewritten": "{topic} (written by the language model for “{asked}”)",
        "compared": "Compared",
        "side": "Side",
        "changes": "Changes",
        "records": "Records",
        "authors": "Authors",
        "lines": "+/−",
    },
    notes={
        "coverage": "{listed} of {matched} matching, {in_window} in the window.",
        "cut": "The search returned {given} of the {in_window} records in the window: name a shorter window to see every one.",
        "nothing": "Nothing matches among the {in_window} records in the window.",
        "empty": "There is no record in the window.",
        "unread": "No {kinds} are stored: no source that was read gives any.",
        "unresolved": "Could not resolve “{text}”; not used.",
        "unknown": "No source follows a repository called “{name}”: nothing is known of it here.",
        "dropped": "Not taken over from the question before, as it does not fit: {parts}.",
        "unclear": "“{text}” could be asked of any record of the answer before: ask it of one, by its number or its SHA.",
        "in all": "In all: {listed} of {matched} matching, {in_window} in the windows.",
        "degraded": "Searched with less than usual: {text}.",
        "removed": "{count} statements were left out: they could not be verified in the records.",
        "removed one": "1 statement was left out: it could not be verified in the records.",
        "answered": "Best match",
        "also": "Also related",
        "partial": "Closest match, not confirmed",
        "partial lead": "Nothing was found that surely answers this. These come closest:",
        "abstained": "Nothing found fits this question well enough to be an answer.",
        "looked": "{in_window} records were looked at.",
        "nearest": "Nearest miss (not an answer):",
        "at": "{path}, line {line}",
        "beside": "Beside it",
        "said by": "{author} on {day}:",
        "said": "A comment of {day}:",
        "page": "Page {page}:",
        "release": "Commits in {tag} that {previous} has not: {count}.",
        "first release": "Commits in {tag}: {count}; no earlier release is known.",
        "beyond": "Of these {count} not stored, and not listed.",
        "model": "In short",
        "model parts": "Part by part",
        "model all": "Written by the language model {model} from all {read} matching records.",
        "model all one": "Written by the language model {model} from the one matching record.",
        "model some": "Written by the language model {model} from {read} of the {matched} matching records.",
        "model found": "Written by the language model {model} from {read} of the records below.",
        "model checked": "Each sentence was checked against the records that it cites.",
        "model removed": "{count} of its sentences were left out: the records do not bear them out.",
        "model removed one": "1 of its sentences was left out: the records do not bear it out.",
        "model failed": "The language model did not answer: {reason}.",
        "model trouble": "Trouble with the language model: {reason}.",
        "model silent": "The language model has nothing to say of the records below.",
    },
    line={
        "day": "{y}-{m:02}-{d:02}",
        "open": " (",
        "close": ")",
        "sep": ", ",
        "pull": "PR ",
        "merge": "merged by ",
        "dash": " — ",
        "dot": " · ",
        "more": " and {count} more",
        "binary": "binary",
        "whole": "+{added}/−{deleted}",
        "whole files": "+{added}/−{deleted} in {files} files",
        "event": "{event} {day}",
        "event first": "{event} {moment} ({zone}): ",
        "by": " by ",
        "tag": "first in ",
        "reverts": "reverts ",
        "reverted": "reverted by ",
        "on": " on {day}",
        "untitled": "(no title)",
        "landed": "landed as ",
        "beside": "{rel} ",
        "lead": "{rel}: ",
        "et al": " et al.",
        "state": "{state}",
        "now": "still {state}",
        "commits": "{count} commits",
        "commits one": "1 commit",
        "after": " since ",
        "beyond": ", {count} of them not stored",
        "unstored": " (not stored)",
        "off branch": "only on the release branch",
    },
    gap=" ",
    colon=":",
    comma=", ",
)

CHINESE = Words(
    language="zh",
    groups=dict(
        zip(
            GROUPS,
            (
                "回退与不兼容改动",
                "发布",
                "新功能",
                "修复",
                "性能",
                "模型与硬件",
                "重构",
                "文档",
                "测试",
                "持续集成与构建",
                "依赖",
                "其他",
                "未合并的合并请求",
                "议题",
                "论文",
                "文章",
                "模型库中的模型",
            ),
            strict=True,
        )
    ),
    events={
        "landed": "合入",
        "committed": "提交",
        "authored": "编写",
        "merged": "合并",
        "closed": "关闭",
        "opened": "创建",
        "reopened": "重新打开",
        "updated": "更新",
        "released": "发布",
        "tagged": "打标签",
        "published": "发表",
        "revised": "修订",
    },
    states={"open": "未关闭", "closed": "已关闭", "merged": "已合并"},
    relations={
        "fixed-by": "修复者",
        "landed-as": "合入为",
        "pull": "合并请求",
        "fixes": "修复了",
        "reverted-by": "已被回退：",
        "reverts": "回退了",
        "paper": "论文",
        "mentions": "提到",
        "mentioned-by": "被提及于",
    },
    kinds={
        "commit": "提交",
        "pull": "合并请求",
        "issue": "议题",
        "release": "发布",
        "paper": "论文",
        "post": "文章",
        "model": "模型",
    },
    facets={
        "revert": "回退",
        "breaking": "不兼容改动",
        "release": "发布",
        "feature": "新功能",
        "fix": "修复",
        "performance": "性能",
        "model": "模型",
        "hardware": "硬件",
        "refactor": "重构",
        "docs": "文档",
        "test": "测试",
        "ci": "持续集成",
        "dependency": "依赖",
        "security": "安全",
    },
    statuses={
        "never": "{source} 尚未读取。",
        "failed": "{source} 读取失败（{when}）：{error}。上次成功读取：{last}。",
        "interrupted": "{source} 上次读取被中断（{when}）。上次成功读取：{last}。",
        "running": "{source} 正在读取。上次成功读取：{last}。",
        "truncated": "{source} 只读取了一部分：{reason}。",
        "stale": "{source} 上次读取于 {last}，之后的内容不在此处。",
        "quiet": "{source} 没有改动：已于 {last} 成功读取。",
        "quiet so far": "截至上次读取（{last}），{source} 没有改动；之后的情况尚不清楚。",
        "read": "{source}：上次成功读取于 {last}。",
        "begins": "{source} 只存有 {since} 起的记录，更早的没有读取。",
        "no last": "从未",
    },
    header={
        "window": "时间",
        "repos": "仓库",
        "kinds": "类型",
        "topic": "主题",
        "facets": "仅限",
        "all": "全部",
        "any": "不限",
        "until now": "截至现在 {end} 的全部记录",
        "until": "截至 {end} 的全部记录",
        "since": "{start} 至现在 {end}",
        "between": "{start} 至 {end}",
        "days": "{start} 至 {end}",
        "zone": "{window}（{zone}）",
        "labelled": "{window}（{zone}；“{label}”）",
        "sources": "来源",
        "states": "仅限",
        "events": "仅限",
        "identifiers": "指定",
        "as_of": "截至",
        "inherited": "沿用上一个问题",
        "narrowed": "部分沿用上一个问题",
        "rewritten": "{topic}（语言模型据“{asked}”改写）",
        "compared": "对比",
        "side": "对象",
        "changes": "改动",
        "records": "记录",
        "authors": "作者",
        "lines": "+/−",
    },
    notes={
        "coverage": "列出 {matched} 条匹配记录中的 {listed} 条，时间范围内共 {in_window} 条。",
        "cut": "检索只返回了时间范围内 {in_window} 条记录中的 {given} 条：请缩短时间范围以查看全部。",
        "nothing": "时间范围内的 {in_window} 条记录中没有匹配的内容。",
        "empty": "时间范围内没有任何记录。",
        "unread": "没有存储任何{kinds}：已读取的来源都不提供。",
        "unresolved": "无法解析“{text}”，未使用。",
        "unknown": "没有来源跟踪名为“{name}”的仓库：此处对它一无所知。",
        "dropped": "上一个问题中的这些条件在此不适用，没有沿用：{parts}。",
        "unclear": "“{text}”可以指上一个回答中的任何一条记录：请用编号或 SHA 指明其中一条。",
        "in all": "合计：列出 {matched} 条匹配记录中的 {listed} 条，各时间范围内共 {in_window} 条。",
        "degraded": "检索条件受限：{text}。",
        "removed": "有 {count} 条陈述无法在记录中核实，已略去。",
        "removed one": "有 1 条陈述无法在记录中核实，已略去。",
        "answered": "最佳匹配",
        "also": "其他相关记录",
        "partial": "最接近的匹配，未经确认",
        "partial lead": "没有找到能够确定回答该问题的记录，以下最为接近：",
        "abstained": "没有找到足以回答该问题的记录。",
        "looked": "共查看了 {in_window} 条记录。",
        "nearest": "最接近但不符合的记录（不是答案）：",
        "at": "{path}，第 {line} 行",
        "beside": "相关记录",
        "said by": "{author} 于 {day}：",
        "said": "{day} 的评论：",
        "page": "第 {page} 页：",
        "release": "{tag} 比 {previous} 多 {count} 个提交。",
        "first release": "{tag} 有 {count} 个提交；未知更早的发布。",
        "beyond": "其中 {count} 个没有存储，未列出。",
        "model": "概要",
        "model parts": "分批阅读",
        "model all": "由语言模型 {model} 根据全部 {read} 条匹配记录写成。",
        "model all one": "由语言模型 {model} 根据唯一一条匹配记录写成。",
        "model some": "由语言模型 {model} 根据 {matched} 条匹配记录中的 {read} 条写成。",
        "model found": "由语言模型 {model} 根据下列记录中的 {read} 条写成。",
        "model checked": "每句话都与其引用的记录核对过。",
        "model removed": "它的 {count} 句话没有记录支持，已略去。",
        "model removed one": "它的 1 句话没有记录支持，已略去。",
        "model failed": "语言模型没有作答：{reason}。",
        "model trouble": "语言模型出现问题：{reason}。",
        "model silent": "语言模型对下列记录没有可说的内容。",
    },
    line={
        "day": "{y} 年 {m} 月 {d} 日",
        "open": "（",
        "close": "）",
        "sep": "，",
        "pull": "合并请求 ",
        "merge": "由此合并：",
        "dash": "——",
        "dot": " · ",
        "more": "，另有 {count} 个文件",
        "binary": "二进制",
        "whole": "+{added}/−{deleted}",
        "whole files": "{files} 个文件共 +{added}/−{deleted}",
        "event": "{day}{event}",
        "event first": "{moment}（{zone}）{event}：",
        "by": "，作者 ",
        "tag": "首个标签 ",
        "reverts": "回退了 ",
        "reverted": "已被回退：",
        "on": "，{day}",
        "untitled": "（无标题）",
        "landed": "合入为 ",
        "beside": "{rel} ",
        "lead": "{rel}：",
        "et al": " 等",
        "state": "{state}",
        "now": "{state}",
        "commits": "{count} 个提交",
        "commits one": "1 个提交",
        "after": "，自 ",
        "beyond": "，其中 {count} 个没有存储",
        "unstored": "（未存储）",
        "off branch": "仅在发布分支上",
    },
    gap="",
    colon="：",
    comma="、",
)
