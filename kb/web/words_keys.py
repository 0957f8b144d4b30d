"""What the keys of the sources that come with infra-kb mean, in a sentence each: source, dot, key -> text. Pure.

A source of one's own is described by its own docstring.
"""

from __future__ import annotations

_SINCE_EN = 'How far back to begin: "90 days", "6 weeks", "1 year", a date, or "all".'
_SINCE_ZH = '从多久以前开始："90 days"、"6 weeks"、"1 year"、一个日期，或 "all"。'
_REPO_EN = "owner/name, or the address of its page."
_REPO_ZH = "owner/name，或其页面地址。"

ENGLISH = {
    "git_commits.url": "https://host/owner/name, git@host:owner/name, or a folder on this machine.",
    "git_commits.repo": "owner/name, the name that answers give it; by default as the address says.",
    "git_commits.branch": "By default the one that HEAD names.",
    "git_commits.history": _SINCE_EN,
    "github_threads.repo": _REPO_EN,
    "github_threads.since": _SINCE_EN,
    "github_threads.comments": "How many of each thread to keep, from the first on, or all.",
    "github_threads.reviews": "Keep the verdicts of reviews: a request for each pull request that changed.",
    "github_threads.reopened": "Keep when threads were closed before and reopened.",
    "github_threads.base_url": "Of the API; for GitHub Enterprise https://HOST/api/v3.",
    "github_threads.patience": "Seconds to wait where GitHub's limit is reached; what is left then comes with the next run.",
    "github_releases.repo": _REPO_EN,
    "github_releases.since": _SINCE_EN,
    "github_releases.base_url": "Of the API; for GitHub Enterprise https://HOST/api/v3.",
    "arxiv_papers.query": 'In arXiv\'s own language: all:"speculative decoding". At least one of query, categories, authors.',
    "arxiv_papers.categories": "Papers of any of them, such as cs.DC.",
    "arxiv_papers.authors": "Papers by any of them.",
    "arxiv_papers.since": _SINCE_EN,
    "arxiv_papers.max_papers": "At most so many in one run; the rest comes with the next ones.",
    "arxiv_papers.full_text": "Read the PDFs too, so that answers can cite pages.",
    "arxiv_papers.base_url": "Of arXiv's API, or a mirror of it.",
    "arxiv_papers.delay": "Seconds between two requests; arXiv asks for three.",
    "arxiv_papers.timeout": "Seconds without any answer before a request counts as failed.",
    "rss_feed.url": "The feed's address, or a file on this machine.",
    "rss_feed.kind": "release is for the release feed of a repository.",
    "rss_feed.repo": "owner/name, where the feed is about one repository.",
    "huggingface_models.authors": "People or organisations whose models are read.",
    "huggingface_models.search": "Part of the models' names.",
    "huggingface_models.tags": "Tags that a model must have, all of them.",
    "huggingface_models.limit": "At most so many of each author, those changed last.",
    "huggingface_models.card": "Read the model cards too.",
    "huggingface_models.base_url": "The Hub, or a mirror of it.",
}
CHINESE = {
    "git_commits.url": "https://host/owner/name、git@host:owner/name，或本机上的文件夹。",
    "git_commits.repo": "owner/name，即回答中使用的名称；默认由地址得出。",
    "git_commits.branch": "默认为 HEAD 所指的分支。",
    "git_commits.history": _SINCE_ZH,
    "github_threads.repo": _REPO_ZH,
    "github_threads.since": _SINCE_ZH,
    "github_threads.comments": "每个讨论从头保留多少条评论，或 all。",
    "github_threads.reviews": "保留评审结论：每个有变化的合并请求需要一次请求。",
    "github_threads.reopened": "保留讨论曾经关闭和重新打开的时间。",
    "github_threads.base_url": "API 地址；GitHub Enterprise 为 https://HOST/api/v3。",
    "github_threads.patience": "达到 GitHub 限额时等待的秒数；剩余内容留给下次读取。",
    "github_releases.repo": _REPO_ZH,
    "github_releases.since": _SINCE_ZH,
    "github_releases.base_url": "API 地址；GitHub Enterprise 为 https://HOST/api/v3。",
    "arxiv_papers.query": '使用 arXiv 的检索语法：all:"speculative decoding"。query、categories、authors 至少填一项。',
    "arxiv_papers.categories": "属于其中任一类别的论文，如 cs.DC。",
    "arxiv_papers.authors": "其中任一作者的论文。",
    "arxiv_papers.since": _SINCE_ZH,
    "arxiv_papers.max_papers": "一次最多读取多少篇；其余留给之后的读取。",
    "arxiv_papers.full_text": "同时读取 PDF，这样回答可以引用页码。",
    "arxiv_papers.base_url": "arXiv API 或其镜像的地址。",
    "arxiv_papers.delay": "两次请求之间的秒数；arXiv 要求三秒。",
    "arxiv_papers.timeout": "多少秒没有响应即视为请求失败。",
    "rss_feed.url": "订阅源地址，或本机上的文件。",
    "rss_feed.kind": "release 用于代码仓库的发布订阅源。",
    "rss_feed.repo": "owner/name，如果订阅源只关于一个代码仓库。",
    "huggingface_models.authors": "读取哪些个人或组织的模型。",
    "huggingface_models.search": "模型名称的一部分。",
    "huggingface_models.tags": "模型必须具有的标签（全部）。",
    "huggingface_models.limit": "每个作者最多读取多少个，取最近改动的。",
    "huggingface_models.card": "同时读取模型卡片。",
    "huggingface_models.base_url": "Hub 或其镜像的地址。",
}
_OF_ALL_EN = {"name": "How it is called here; by default by its address."}
_OF_ALL_ZH = {"name": "在这里的名称；默认由地址得出。"}


def key_help(use: str, key: str, *, language: str, told: str = "") -> str:
    """What a key of a source means; ``told`` is what the source says itself, for those that are not known here."""
    table, others = (CHINESE, _OF_ALL_ZH) if language == "zh" else (ENGLISH, _OF_ALL_EN)
    return table.get(f"{use}.{key}") or told or others.get(key, "")
