"""What is new in a release: by the graph, where its branch was cut before its tag, and with its notes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb.config import load_config
from kb.wiring import open_kb
from tests.conftest import Run
from tests.github_server import GitHubServer
from tests.gitrepo import day
from tests.history import History

IN_02 = ["Add the nozzle", "Add the igniter"]
IN_03 = ["Cool the nozzle", "Fix the igniter"]
ONLY_03 = ["Fix the valve", "Bump the version to 0.3.0"]  # not on main, where the first was picked from
ONLY_031 = ["Fix the release of 0.3.0"]
LATER = ["Add a second stage", "Fix the valve", "Paint the fins"]  # on main before v0.3.0 was tagged, and not in it
AFTER = ["Add a heat shield"]


def made(folder: Path) -> None:
    """v0.3.0 is tagged on a branch cut after IN_03, with the valve's fix picked and a version bump; nightlies are on main."""
    rocket = History(folder)
    for number, title in enumerate([*IN_02, *IN_03, *LATER, *AFTER]):
        rocket.commit(title, {f"part{number}.py": f"x = {number}\n"}, at=f"2026-01-{number + 1:02}T10:00:00Z")
        if title in (IN_02[-1], IN_03[-1], LATER[0], LATER[-1]):
            rocket.git("tag", {IN_02[-1]: "v0.2.0", IN_03[-1]: "cut"}.get(title, f"nightly-2026010{number + 1}"))
    rocket.git("checkout", "-q", "-b", "release-v0.3", "cut")
    rocket.git("tag", "-d", "cut")
    rocket.git("cherry-pick", "main~2", at="2026-01-07T12:00:00Z")
    rocket.commit("Bump the version to 0.3.0", {"version": "0.3.0\n"}, at="2026-01-07T13:00:00Z")
    rocket.git("tag", "v0.3.0")
    rocket.commit("Fix the release of 0.3.0", {"version": "0.3.1\n"}, at="2026-01-07T14:00:00Z")
    rocket.git("tag", "v0.3.1")
    rocket.git("checkout", "-q", "main")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of a repository with a release branch, and its releases, synced."""
    home = tmp_path_factory.mktemp("home")
    made(home / "rocket")
    with GitHubServer() as server:
        repo = server.add_repo("acme/rocket")
        repo.add_release("v0.2.0", created=day(1), body="The first engine.")
        repo.add_release("v0.3.0", created=day(6), body="Cooler nozzles, and an igniter that ignites.")
        (home / "kb.toml").write_text(
            'timezone = "UTC"\ndata_dir = "data"\n[[sources]]\nuse = "git_commits"\nhistory = "all"\nurl = "rocket"\n'
            f'[[sources]]\nuse = "github_releases"\nrepo = "acme/rocket"\nbase_url = "{server.url}"\n',
            encoding="utf-8",
        )
        with open_kb(load_config(home / "kb.toml")) as base:
            assert base.sync().ok
    return home


@pytest.fixture
def asked(kb: Run) -> Callable[..., dict[str, Any]]:
    """A question as a program sees its answer."""

    def ask(*arguments: str) -> dict[str, Any]:
        _, out, err = kb("ask", *arguments, "--json")
        assert err == ""
        return dict(json.loads(out))

    return ask


def cited(answer: dict[str, Any], kind: str = "commit") -> set[str]:
    return {item["title"] for item in answer["citations"] if item["kind"] == kind}


@pytest.mark.parametrize(
    "question",
    [
        "what is new in v0.3.0?",
        "v0.3.0 里有什么新变化？",
        "what changed between v0.2.0 and v0.3.0?",
        "what changed in v0.2.0..v0.3.0",
        "what changed in v0.3.0 compared to v0.2.0?",
    ],
)
def test_a_release_is_what_its_tag_has_anew(asked: Callable[..., dict[str, Any]], question: str) -> None:
    answer = asked(question)
    assert answer["status"] == "answered"
    assert answer["scope"]["releases"] == ["release:acme/rocket@v0.3.0"]
    assert cited(answer) == {*IN_03, *ONLY_03}
    assert not any(title in answer["answer"] for title in [LATER[0], LATER[2], *AFTER, *IN_02])


def page(home: Path, revision: str) -> str:
    done = subprocess.run(["git", "-C", str(home / "rocket"), "rev-parse", revision], capture_output=True, check=True)
    return f"https://github.com/acme/rocket/commit/{done.stdout.decode().strip()}"


def test_a_commit_that_only_the_release_has_is_cited_as_it_is_there(asked: Callable[..., dict[str, Any]], home: Path) -> None:
    pages = {item["title"]: item["url"] for item in asked("what is new in v0.3.0?")["citations"]}
    assert pages["Bump the version to 0.3.0"] == page(home, "v0.3.0")
    assert pages["Fix the valve"] == page(home, "v0.3.0~1")


def test_the_branch_knows_nothing_of_them(asked: Callable[..., dict[str, Any]], kb: Run, home: Path) -> None:
    _, out, _ = kb("search", "fix the valve, bump the version", "--kind", "commit", "--json")
    found = {hit["url"] for hit in json.loads(out)["results"]}
    assert page(home, "main~2") in found  # what was picked
    assert not found & {page(home, revision) for revision in ("v0.3.0~1", "v0.3.0", "v0.3.1")}
    on_the_day = asked("what changed?", "--since", "2026-01-07", "--until", "2026-01-07", "--kind", "commit")
    assert cited(on_the_day) == {LATER[2]}
    _, out, _ = kb("status", "--json")
    state = json.loads(out)
    assert {row["source"]: row["counts"] for row in state["sources"]}["rocket"] == {"commit": 8, "off-branch": 3}
    assert state["records"] == 10  # with two releases


def test_all_that_passes_is_listed_and_counted(asked: Callable[..., dict[str, Any]]) -> None:
    only_commits = asked("what is new in v0.3.0?", "--kind", "commit")
    assert only_commits["coverage"] == {"matched": 4, "listed": 4, "in_window": 4}
    with_notes = asked("what is new in v0.3.0?")["coverage"]
    assert with_notes["matched"] == with_notes["listed"]


def test_how_many_commits_a_release_has_is_said(asked: Callable[..., dict[str, Any]]) -> None:
    text = asked("what is new in v0.3.0?")["answer"]
    assert "v0.3.0" in text
    assert "4 commits" in text
    assert "of them" not in text  # none is missing


def test_a_release_with_nothing_of_the_branch(asked: Callable[..., dict[str, Any]]) -> None:
    """By their dates, the commits of main around v0.3.1 would be in it."""
    answer = asked("what is new in v0.3.1?")
    assert answer["scope"]["releases"] == ["release:acme/rocket@v0.3.1"]
    assert cited(answer) == set(ONLY_031)
    assert answer["coverage"] == {"matched": 1, "listed": 1, "in_window": 1}


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("what is new in v0.2.0?", IN_02),
        ("what changed from v0.2.0 to v0.3.1?", [*IN_03, *ONLY_03, *ONLY_031]),
        ("what is new in the last two releases?", [*IN_03, *ONLY_03, *ONLY_031]),
        ("what is new in nightly-20260107?", LATER[1:]),
        ("what is new in nightly-20260105?", [*IN_03, LATER[0]]),
        ("what is new in v0.2.0 and v0.3.0?", [*IN_02, *IN_03, *ONLY_03]),
        # By dates, as these name no release whole.
        ("what changed since v0.2.0?", [*IN_03, *LATER, *AFTER]),
        ("what changed in v0.3.0 since 2026-01-04?", [IN_03[1], *LATER]),
    ],
)
def test_other_releases(asked: Callable[..., dict[str, Any]], question: str, titles: list[str]) -> None:
    assert cited(asked(question, "--kind", "commit")) == set(titles)


def test_explicit_bounds_go_by_dates(asked: Callable[..., dict[str, Any]]) -> None:
    answer = asked("what is new in v0.3.0?", "--since", "2026-01-06", "--kind", "commit")
    assert answer["scope"]["releases"] == []
    assert cited(answer) == set(LATER[1:])


def test_as_of_hides_later_tags(asked: Callable[..., dict[str, Any]]) -> None:
    assert asked("what is new in v0.3.0?", "--as-of", "2026-01-06")["scope"]["releases"] == []
    then = asked("what is new in the last release?", "--as-of", "2026-01-06", "--kind", "commit")
    assert (then["scope"]["releases"], cited(then)) == (["release:acme/rocket@v0.2.0"], set(IN_02))


def test_a_tag_that_is_not_there_stays_unresolved(asked: Callable[..., dict[str, Any]]) -> None:
    answer = asked("what is new in v0.9.0?")
    assert (answer["scope"]["releases"], answer["scope"]["unresolved"]) == ([], ["in v0.9.0"])


def test_a_topic_within_a_release(kb: Run) -> None:
    code, out, _ = kb("search", "igniter fixes in v0.3.0", "--kind", "commit", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["in_window"] == 4
    assert found["results"][0]["title"] == "Fix the igniter"
    assert {hit["title"] for hit in found["results"]} <= {*IN_03, *ONLY_03}


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("valve fixes in v0.3.0", "Fix the valve"),
        ("version changes in v0.3.0", "Bump the version to 0.3.0"),
    ],
)
def test_a_topic_that_only_the_release_has(asked: Callable[..., dict[str, Any]], kb: Run, question: str, title: str) -> None:
    _, out, _ = kb("search", question, "--kind", "commit", "--json")
    assert json.loads(out)["results"][0]["title"] == title
    assert title in cited(asked(question, "--kind", "commit"))


def test_the_notes_of_a_release_are_found(kb: Run) -> None:
    code, out, _ = kb("search", "what is new in v0.3.0", "--kind", "release", "--json")
    (hit,) = json.loads(out)["results"]
    assert (code, hit["id"], hit["state"]) == (0, "release:acme/rocket@v0.3.0", "released")
