"""From a GitHub, an arXiv and a git repository to answers: what a change, its pull request, its issue and its paper say
together; and what the ledger says of each fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest import _github
from tests import github_faults as faults
from tests.arxiv_server import ArxivServer
from tests.conftest import Run
from tests.github_data import Repo
from tests.github_server import GitHubServer
from tests.history import History

PAPER = "2602.02061"


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """Everything that is read, served on this machine."""

    github: GitHubServer
    arxiv: ArxivServer
    repo: Repo
    fix: str  # SHA of the commit that fixed issue #1
    home: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Issue #1 is fixed by pull request #2, squashed into a commit that says nothing of the issue, shipped in v0.2.0."""
    home = tmp_path_factory.mktemp("home")
    rocket = History(home / "rocket")
    rocket.commit("Add the engine", {"engine.py": "thrust = 1\n"}, at="2026-02-01T10:00:00Z")
    rocket.git("tag", "v0.1.0")
    fix = rocket.commit("Check the table before it is read (#2)", {"table.py": "ok = True\n"}, at="2026-02-05T12:00:00Z")
    rocket.git("tag", "v0.2.0")
    rocket.commit("Paint the fins", {"fins.py": "red = 1\n"}, at="2026-02-09T10:00:00Z")
    with GitHubServer(anonymous_limit=100_000) as github, ArxivServer() as arxiv:
        repo = github.add_repo("acme/rocket")
        repo.add_issue(
            title="Crash with an empty page table",
            created=at(3),
            closed=at(5),
            body="The launch ends in an illegal memory access.",
            comments=[("bo", at(4), "It only happens on the second stage.")],
        )
        repo.add_pull(
            title="Check the table before it is read",
            created=at(4),
            merged=at(5),
            merge_sha=fix,
            body=f"Fixes #1. The bound is that of arXiv:{PAPER}.",
        )
        repo.add_issue(title="Please paint the fins", created=at(6), user=None, body=None)
        repo.add_release("v0.2.0", created=at(6), name="Second flight", body="Empty tables are safe now, see #2.")
        arxiv.add_paper(PAPER, "Bounds of paged tables", "We prove a bound.", published=at(1), categories=("cs.DC",))
        (home / "kb.toml").write_text(_config(github, arxiv), encoding="utf-8")
        yield World(github, arxiv, repo, fix, home)


def _config(github: GitHubServer, arxiv: ArxivServer) -> str:
    return f"""
timezone = "UTC"
data_dir = "data"
[[sources]]
use = "git_commits"
url = "rocket"
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
"""


@pytest.fixture
def home(world: World) -> Path:
    return world.home


@pytest.fixture(scope="module")
def synced(world: World) -> World:
    from kb.config import load_config
    from kb.wiring import open_kb

    with open_kb(load_config(world.home / "kb.toml")) as base:
        report = base.sync()
    assert [(run.row.source, run.row.status, run.row.new) for run in report.runs] == [
        ("rocket", "ok", 3),
        ("rocket-threads", "ok", 3),
        ("rocket-releases", "ok", 1),
        ("arxiv", "ok", 1),
    ]
    return world


@pytest.fixture
def told(kb: Run, synced: World) -> Callable[..., dict[str, Any]]:
    """A command as a program sees it."""

    def run(*arguments: str) -> dict[str, Any]:
        code, out, err = kb(*arguments, "--json")
        assert (code, err) == (0, "")
        return dict(json.loads(out))

    return run


# --- questions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        "Which commit fixed issue #1?",
        "which commit closed acme/rocket#1",
        "哪个提交修复了 issue #1？",
        "Which commit fixed the illegal memory access on the second stage?",
    ],
)
def test_the_commit_that_fixed_an_issue_is_found_though_it_does_not_name_it(
    told: Callable[..., dict[str, Any]], synced: World, question: str
) -> None:
    answer = told("ask", question)
    assert answer["status"] in ("answered", "partial")
    assert answer["citations"][0]["ref"] == synced.fix
    assert "Crash with an empty page table" in answer["answer"]
    assert {item["id"] for item in answer["citations"]} >= {"issue:acme/rocket#1"}
    assert answer["removed_claims"] == 0


def test_what_is_new_in_a_release_is_its_notes_and_all_of_its_commits(
    told: Callable[..., dict[str, Any]], synced: World
) -> None:
    answer = told("ask", "What is new in v0.2.0?")
    assert {item["id"] for item in answer["citations"]} == {
        "release:acme/rocket@v0.2.0",
        f"commit:acme/rocket@{synced.fix}",
        "issue:acme/rocket#1",
        f"paper:arxiv:{PAPER}",
    }
    assert "Commits in v0.2.0 that v0.1.0 has not: 1." in answer["answer"]
    assert "Paint the fins" not in answer["answer"]


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        ("What is issue #1 about?", ["issue:acme/rocket#1"]),
        ("Is PR #2 merged?", ["pull:acme/rocket#2"]),
        ("Which issues are open?", ["issue:acme/rocket#3"]),
        ("Which issues were closed in February 2026?", ["issue:acme/rocket#1"]),
        ("Which PRs were merged in February 2026?", ["pull:acme/rocket#2"]),
        ("Which papers were published in February 2026?", [f"paper:arxiv:{PAPER}"]),
        ("Which releases came out in February 2026?", ["release:acme/rocket@v0.2.0"]),
        ("When was v0.2.0 released?", ["release:acme/rocket@v0.2.0"]),
        ("What do the release notes of v0.2.0 say?", ["release:acme/rocket@v0.2.0"]),
        ("Which paper is #2 based on?", [f"paper:arxiv:{PAPER}"]),
        (f"Which PR implements arXiv:{PAPER}?", ["pull:acme/rocket#2"]),
        ("Which issue does #2 fix?", ["issue:acme/rocket#1"]),
        ("https://github.com/acme/rocket/releases/tag/v0.2.0 says what?", ["release:acme/rocket@v0.2.0"]),
    ],
)
def test_threads_releases_and_papers_are_answered_with_themselves(
    told: Callable[..., dict[str, Any]], question: str, ids: list[str]
) -> None:
    answer = told("ask", question)
    assert answer["status"] == "answered"
    assert [item["id"] for item in answer["citations"]][: len(ids)] == ids


@pytest.mark.parametrize("question", ["Which release ships the fix of issue #1?", "What happened to issue #1?"])
def test_what_fixed_an_issue_is_told_with_the_release_that_ships_it(
    told: Callable[..., dict[str, Any]], synced: World, question: str
) -> None:
    answer = told("ask", question)
    assert answer["citations"][0]["id"] == "issue:acme/rocket#1"
    (line,) = [line for line in answer["answer"].split("\n") if f"rocket@{synced.fix[:7]}" in line]
    assert line.startswith("- Fixed by: ")
    assert line.endswith("landed 2026-02-05 · first in v0.2.0")


def test_a_search_hit_shows_its_neighbours(told: Callable[..., dict[str, Any]], kb: Run, synced: World) -> None:
    (hit,) = [hit for hit in told("search", "empty page table", "--kind", "issue")["results"] if hit["ref"] == "1"]
    assert [(link["rel"], link["id"]) for link in hit["links"]] == [
        ("fixed-by", "pull:acme/rocket#2"),
        ("fixed-by", f"commit:acme/rocket@{synced.fix}"),
    ]
    assert hit["state"] == "closed"
    _, out, _ = kb("search", "empty page table", "--kind", "issue")
    assert f"fixed by rocket#2, rocket@{synced.fix[:7]}" in out


def test_a_day_knows_only_what_had_happened(told: Callable[..., dict[str, Any]]) -> None:
    answer = told("ask", "What is issue #1 about?", "--as-of", "2026-02-03")
    assert "still open" in answer["answer"]
    assert "second stage" not in answer["answer"]
    assert {item["kind"] for item in answer["citations"]} == {"issue"}
    found = told("search", "page table", "--as-of", "2026-02-04", "--kind", "pull")["results"]
    assert [hit["state"] for hit in found if hit["ref"] == "2"] == ["open"]


def test_a_user_who_is_no_more_and_a_body_that_is_null_are_told(told: Callable[..., dict[str, Any]]) -> None:
    answer = told("ask", "What is issue #3 about?")
    assert "Please paint the fins" in answer["answer"]
    assert "by ghost" in answer["answer"]


# --- faults ---------------------------------------------------------------------------------------------------------------

FAULTS = {
    "500": (faults.status(500), "500"),
    "502 as a page": (faults.status(502, html=True), "502"),
    "HTML for JSON": (faults.html, "HTML"),
    "nothing": (faults.empty, "empty"),
    "broken off": (faults.truncated, "broke off"),
    "half of the JSON": (faults.half_json, "JSON"),
    "damaged": (faults.broken_gzip, "damaged"),
    "no connection": (faults.reset, "connection"),
    "an object": (faults.shape({"message": "hello"}), "list"),
    "null": (faults.shape(None), "list"),
    "no such repository": (faults.status(404), "404"),
    "legal reasons": (faults.status(451), "451"),
    "a bad token": (faults.status(401), "401"),
    "the hour's limit": (faults.primary_limit(), "limit"),
    "a secondary limit": (faults.secondary_limit(retry_after=3600), "limit"),
    "a redirect to itself": (faults.redirect_loop, "redirect"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_row_and_the_other_sources_are_read(
    kb: Run, synced: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    monkeypatch.setattr(_github, "BACKOFF", 0.001)
    sent, says = FAULTS[fault]
    synced.github.fail(r"/issues", sent, times=None)
    synced.repo.add_issue(title="Something new, so that nobody answers 304", created=at(20))
    try:
        code, out, err = kb("sync", "--json", "--data-dir", str(tmp_path))
    finally:
        synced.github.heal()
    rows = {row["source"]: row for row in json.loads(out)["sources"]}
    assert code == 1
    assert "Traceback" not in out + err
    assert {name: row["status"] for name, row in rows.items()} == {
        "rocket": "ok",
        "rocket-threads": "failed",
        "rocket-releases": "ok",
        "arxiv": "ok",
    }
    assert says.lower() in rows["rocket-threads"]["error"].lower()
    assert "internal error" not in rows["rocket-threads"]["error"]
    code, out, _ = kb("ask", "Which issues were opened in February 2026?", "--json", "--data-dir", str(tmp_path))
    answer = json.loads(out)
    assert "rocket-threads could not be read" in answer["answer"]
    assert answer["status"] == "abstained"


def test_a_failed_source_is_whole_after_the_next_sync(kb: Run, synced: World, tmp_path: Path) -> None:
    synced.arxiv.fail("html", times=None)
    try:
        code, out, _ = kb("sync", "--json", "--data-dir", str(tmp_path))
    finally:
        synced.arxiv.heal()
    assert code == 1
    assert {row["source"] for row in json.loads(out)["sources"] if row["status"] == "failed"} == {"arxiv"}
    code, out, _ = kb("sync", "--json", "--data-dir", str(tmp_path))
    assert code == 0
    assert {row["source"]: row["new"] for row in json.loads(out)["sources"]}["arxiv"] == 1
