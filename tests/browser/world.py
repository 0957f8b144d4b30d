"""What the browser tests read: git repositories, a GitHub and an arXiv on this machine, and the store that was made of them.

Texts from outside are hostile here: each of PWN sets ``window.__pwned`` as soon as anything of it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kb.config import load_config
from kb.reports import Wanted, archive_of, make_report
from kb.wiring import open_kb
from tests.arxiv_server import ArxivServer
from tests.github_data import Repo
from tests.github_server import GitHubServer
from tests.gitrepo import GitRepo

FEBRUARY = "What changed in rocket in February 2026?"
MANY = 230  # papers of December 2025: more than an answer draws at once
REPORT_DAY = "2026-02-05"
HOSTILE_REPO = "acme/hostile"
PWN = (
    "<script>window.__pwned = 1</script>",
    "<img src=x onerror='window.__pwned = 1'>",
    "<svg/onload=window.__pwned=1>",
    "</code></pre></div></article><iframe srcdoc='<script>parent.__pwned=1</script>'></iframe>",
    "<details open ontoggle=window.__pwned=1><summary>x</summary></details>",
    '" autofocus onfocus="window.__pwned=1" x="',
    "[click](javascript:window.__pwned=1) <javascript:window.__pwned=1>",
    "[click](JaVaScRiPt&colon;window.__pwned=1)",
    "![pixel](https://evil.example/pixel.png) <style>@import 'https://evil.example/x.css'</style>",
    "{{constructor.constructor('window.__pwned=1')()}} ${window.__pwned=1} <%= 1 %>",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200fשלום\u200f",
    "$$\\href{javascript:window.__pwned=1}{x}$$",
)
LONGEST = 200_000
_WORK = (
    ("feat: paged decode for long prompts", "kernels/decode.py"),
    ("fix(moe): guard the routing table against an empty batch", "kernels/moe/route.py"),
    ("perf: tune split-K for small M", "kernels/gemm.py"),
    ("ci: move the nightly build to Python 3.12", ".github/workflows/nightly.yml"),
    ("docs: how a cache page is laid out", "docs/cache.md"),
    ("refactor: one launcher for every decode kernel", "kernels/launch.py"),
    ("test: cover FP8 e5m2 outputs", "tests/test_fp8.py"),
)


@dataclass(frozen=True)
class World:
    """``home`` holds kb.toml, the repositories and ``data``; ``fix`` is the commit that fixed issue #1 of ``rocket``, and
    ``hostile`` the last one of the hostile repository."""

    home: Path
    github: GitHubServer
    rocket: Repo
    arxiv: ArxivServer
    fix: str
    hostile: str

    @property
    def config(self) -> Path:
        return self.home / "kb.toml"

    @property
    def fix_id(self) -> str:
        return f"commit:acme/rocket@{self.fix}"

    def again(self, name: str, more: str) -> Path:
        """Another configuration of the same store and sources, with more in it."""
        path = self.home / name
        path.write_text(self.config.read_text(encoding="utf-8") + more, encoding="utf-8")
        return path


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


@contextmanager
def world(home: Path) -> Iterator[World]:
    """Everything made, served, read once, and reported on for two days."""
    with GitHubServer(anonymous_limit=100_000) as github, ArxivServer() as arxiv:
        fix = _rocket(home / "rocket")
        hostile = _hostile(home / "hostile")
        rocket = _threads(github, fix)
        _papers(arxiv)
        made = World(home, github, rocket, arxiv, fix, hostile)
        made.config.write_text(_config(github, arxiv), encoding="utf-8")
        _read(made)
        yield made


def _rocket(folder: Path) -> str:
    """Four weeks of work, one commit or two a day; returns the SHA of the one that closes issue #1."""
    repo = GitRepo.create(folder)
    fix = ""
    for day in range(1, 25):
        subject, path = _WORK[day % len(_WORK)]
        lines = "\n".join(f"value_{n} = {n * day}" for n in range(day % 9 + 2))
        repo.commit(f"{subject} (#{100 + day})\n\nSeen on day {day} of the flight.", {path: lines + "\n"}, when=at(day))
        if day == 5:
            body = "An empty batch read past the end of the table, because its length was taken from the one before."
            guard = {
                "kernels/table.py": "def route(table, batch):\n    if not batch:\n        return []\n    return table[batch]\n"
            }
            fix = repo.commit(f"Check the page table before it is read (#2)\n\n{body}", guard, when=at(day, 14))
            repo.git("tag", "v0.2.0", when=at(day, 15))
    return fix


def _hostile(folder: Path) -> str:
    """Commits whose subjects, bodies, authors, paths and lines are all hostile; returns the SHA of the last."""
    repo = GitRepo.create(folder)
    for number, text in enumerate(PWN):
        who = {"GIT_AUTHOR_NAME": text.replace("<", "(").replace(">", ")")[:60] or "x"}
        path = f"src/{text.replace('/', '_').replace(chr(10), ' ')[:80]}.py"
        repo.commit(f"{text}\n\n{text}\n\n    {text}", {path: f"# {text}\n"}, when=at(3 + number, 10), env=who)
    wall = "w" * LONGEST
    repo.commit(f"One long line\n\n{wall}", {"wall.txt": wall + "\n"}, when=at(20, 10))
    return repo.commit(f"{' '.join(PWN[:3])}", {"all.md": "\n".join(PWN)}, when=at(21, 10))


def _threads(github: GitHubServer, fix: str) -> Repo:
    repo = github.add_repo("acme/rocket")
    said = [("bo", at(4), "It only happens on the second stage."), ("mallory", at(4, 13), "\n\n".join(PWN))]
    repo.add_issue(
        title="Crash with an empty page table",
        created=at(3),
        closed=at(5),
        body="The launch ends in an illegal memory access.\n\n```python\nroute(table, [])\n```",
        labels=("bug",),
        comments=said,
    )
    repo.add_pull(
        title="Check the page table before it is read",
        created=at(4),
        merged=at(5),
        merge_sha=fix,
        body="Fixes #1. The bound is that of arXiv:2602.02061.",
    )
    for number, text in enumerate(PWN):
        repo.add_issue(title=text[:200], body=text, created=at(6, number), user="mallory", labels=(text[:40],))
    repo.add_issue(title="An issue with a wall of text", body="w" * 60_000, created=at(7), closed=at(9))
    repo.add_release("v0.2.0", created=at(6), name="Second flight", body="Empty tables are safe now, see #2.")
    return repo


def _papers(arxiv: ArxivServer) -> None:
    arxiv.add_paper("2602.02061", "Bounds of paged tables", "We prove a bound.", published=at(1), categories=("cs.DC",))
    arxiv.add_paper("2602.02062", PWN[0] + " a paper", PWN[1], published=at(2), categories=("cs.DC",))
    for number in range(1, MANY + 1):
        day = datetime(2025, 12, 1 + number % 28, tzinfo=UTC)
        arxiv.add_paper(f"2512.{number:05d}", f"Paper {number}", "We bound it.", published=day, categories=("cs.DC",))


def _config(github: GitHubServer, arxiv: ArxivServer) -> str:
    return f"""# Made by the browser tests.
timezone = "UTC"
data_dir = "data"

[[sources]]
use = "git_commits"
url = "rocket"
repo = "acme/rocket"
history = "all"

[[sources]]
use = "git_commits"
url = "hostile"
repo = "{HOSTILE_REPO}"
history = "all"

[[sources]]
use = "github_threads"
repo = "acme/rocket"
base_url = "{github.url}"
since = "all"
comments = "all"

[[sources]]
use = "github_releases"
repo = "acme/rocket"
base_url = "{github.url}"

[[sources]]
use = "arxiv_papers"
categories = ["cs.DC"]
base_url = "{arxiv.url}"
since = "all"
delay = 0.0

[[sources]]
use = "git_commits"
name = "lost"
url = "nowhere"
repo = "acme/lost"
history = "all"
"""


def _read(made: World) -> None:
    """One sync, in which one source fails, and the reports of two days."""
    with open_kb(load_config(made.config)) as base:
        states = {run.row.source: run.row.status for run in base.sync().runs}
        assert states == {
            "rocket": "ok",
            "hostile": "ok",
            "rocket-threads": "ok",
            "rocket-releases": "ok",
            "arxiv": "ok",
            "lost": "failed",
        }
        for wanted in (Wanted(day=REPORT_DAY), Wanted(day="2026-02-08", length="7d")):
            make_report(base, wanted, archive_of(base.config))
