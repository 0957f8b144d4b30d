"""kb search and kb ask on real, hostile repositories: the JSON contracts, filters, --as-of, and what a terminal is sent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb.config import load_config
from kb.wiring import open_kb
from tests.conftest import Run
from tests.history import History

PUMP = "[bold]Fix\ufffd[31m the fuel\u202e pump[/bold]"  # as the source keeps it
SHOWN = "[bold]Fix\ufffd[31m the fuel pump[/bold]"
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two repositories, synced."""
    home = tmp_path_factory.mktemp("home")
    rocket = History(home / "rocket")
    rocket.commit(
        "Add RocketThrottle to the engine", {"engine/throttle.py": "class RocketThrottle: ...\n"}, at="2026-01-05T10:00:00Z"
    )
    rocket.commit(
        "[bold]Fix\x1b[31m the fuel\u202e pump[/bold]\n\nThe pump leaked.", {"pump.py": "x = 1\n"}, at="2026-02-02T23:30:00Z"
    )
    rocket.commit("<script>alert(1)</script> fuel gauge", {"gauge.py": "x = 2\n"}, at="2026-02-03T09:00:00Z")
    rocket.commit("fuel " + "y" * 10_000, {"long.py": "x = 3\n"}, at="2026-02-04T09:00:00Z")
    probe = History(home / "probe", origin="https://github.com/acme/probe")
    probe.commit("Fix the fuel line of the probe", {"line.py": "x = 1\n"}, at="2026-02-02T12:00:00Z")
    table = '[[sources]]\nuse = "git_commits"\nhistory = "all"\nurl = '
    head = 'timezone = "Asia/Shanghai"\ndata_dir = "data"\n[repos."acme/rocket"]\naliases = ["RK"]\n'
    (home / "kb.toml").write_text(f'{head}{table}"rocket"\n{table}"probe"\n', encoding="utf-8")
    with open_kb(load_config(home / "kb.toml")) as base:
        assert base.sync().ok
    return home


@pytest.fixture
def found(kb: Run) -> Callable[..., dict[str, Any]]:
    """A search as a program sees it."""

    def search(*arguments: str) -> dict[str, Any]:
        code, out, err = kb("search", *arguments, "--json")
        assert (code, out.count("\n"), err) == (0, 1, "")
        return dict(json.loads(out))

    return search


def titles(result: dict[str, Any]) -> list[str]:
    return [hit["title"] for hit in result["results"]]


def test_the_contract(found: Callable[..., dict[str, Any]]) -> None:
    result = found("RocketThrottle")
    assert {"query", "scope", "results", "timings_ms"} <= set(result)
    assert {"since", "until", "repos", "kinds", "identifiers"} <= set(result["scope"])
    assert result["scope"]["identifiers"] == ["RocketThrottle"]
    best = result["results"][0]
    assert set(best) >= {"id", "kind", "repo", "ref", "title", "url", "at", "score", "quote"}
    assert best["title"] == "Add RocketThrottle to the engine"
    assert (best["kind"], best["repo"], best["at"]) == ("commit", "acme/rocket", "2026-01-05T10:00:00Z")
    assert best["id"] == f"commit:acme/rocket@{best['ref']}"
    assert "RocketThrottle" in best["quote"]
    scores = [hit["score"] for hit in result["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len({hit["id"] for hit in result["results"]}) == len(scores)


def test_filters_are_laid_before_ranking(found: Callable[..., dict[str, Any]]) -> None:
    assert titles(found("fuel", "--repo", "probe")) == ["Fix the fuel line of the probe"]
    assert {hit["repo"] for hit in found("fuel", "--repo", "rk")["results"]} == {"acme/rocket"}
    assert found("fuel", "--repo", "RK", "--repo", "acme/probe")["scope"]["repos"] == ["acme/rocket", "acme/probe"]
    assert len(found("fuel", "--kind", "commit")["results"]) == 5
    assert found("fuel", "--kind", "issue")["results"] == []
    assert len(found("fuel", "--limit", "2")["results"]) == 2


def test_a_bare_day_is_whole_in_the_askers_zone(found: Callable[..., dict[str, Any]]) -> None:
    # 23:30 UTC on the 2nd is the 3rd in Shanghai.
    day = found("fuel", "--since", "2026-02-03", "--until", "2026-02-03")
    assert sorted(titles(day)) == ["<script>alert(1)</script> fuel gauge", PUMP]
    assert day["scope"]["since"] == "2026-02-02T16:00:00Z"
    assert day["scope"]["until"] == "2026-02-03T16:00:00Z"


def test_as_of_hides_what_came_later_and_counts_back_from_then(found: Callable[..., dict[str, Any]]) -> None:
    then = found("fuel yesterday", "--as-of", "2026-02-03")
    assert titles(then) == ["Fix the fuel line of the probe"]
    assert max(hit["at"] for hit in found("fuel", "--as-of", "2026-02-03T01:00:00Z")["results"]) <= "2026-02-03T01:00:00Z"
    assert found("fuel", "--as-of", "2025-01-01")["results"] == []


@pytest.mark.parametrize(
    ("arguments", "told", "remedy"),
    [
        (["fuel", "--repo", "rockt"], "unknown repository 'rockt'", "acme/rocket, acme/probe"),
        (["fuel", "--kind", "comit"], "unknown kind 'comit'", "commit"),
        (["fuel", "--since", "soonish"], "--since: not a time: 'soonish'", "2026-02-03"),
        (["fuel", "--as-of", "soonish"], "--as-of: not a time: 'soonish'", "2026-02-03"),
        (["fuel", "--since", "2026-02-03", "--until", "2026-02-01"], "the window is empty", ""),
        (["  "], "QUERY is empty", "quotes"),
        (["fuel", "--limit", "0"], "--limit", "--help"),
    ],
)
def test_a_filter_that_names_nothing_is_refused(kb: Run, arguments: list[str], told: str, remedy: str) -> None:
    code, out, err = kb("search", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert remedy in err


def test_before_the_first_sync_it_says_what_to_do(kb: Run) -> None:
    code, out, err = kb("search", "fuel", "--data-dir", "nothing")
    assert (code, out) == (1, "")
    assert "kb sync" in err


def test_readable_results_steer_nothing_and_break_nothing(kb: Run) -> None:
    code, out, err = kb("search", "fuel")
    assert (code, err) == (0, "")
    assert not STEERING.search(out)
    assert SHOWN in out
    assert "<script>alert(1)</script> fuel gauge" in out
    assert "rocket@" in out
    assert max(map(len, out.splitlines())) < 500


def sha_of(home: Path, word: str) -> str:
    """A SHA is found without the model, which takes a fresh process seconds to load."""
    log = subprocess.run(
        ["git", "log", "--format=%H", f"--grep={word}"], cwd=home / "rocket", capture_output=True, text=True, check=True
    )
    return log.stdout.split()[0]


def test_a_terminal_is_sent_no_escape_that_came_from_a_record(home: Path) -> None:
    command = f"{sys.executable} -m kb search {sha_of(home, 'pump')}"
    done = subprocess.run(["script", "-qec", command, "/dev/null"], cwd=home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert SHOWN in done.stdout
    assert "\x1b[31m" not in done.stdout
    assert "\u202e" not in done.stdout
    links = re.findall(r"\x1b\]8;[^;]*;([^\x1b]+)\x1b", done.stdout)
    assert links
    assert all(address.startswith("https://github.com/acme/") for address in links)


def test_the_program_is_quiet_when_its_reader_goes_away(home: Path) -> None:
    command = f"{sys.executable} -m kb search {sha_of(home, 'gauge')} --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=home, text=True, capture_output=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("141", "")


# --- kb ask -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def answered(kb: Run) -> Callable[..., dict[str, Any]]:
    """A question's answer as a program sees it."""

    def ask(*arguments: str) -> dict[str, Any]:
        code, out, err = kb("ask", *arguments, "--json")
        assert (code, out.count("\n"), err) == (0, 1, "")
        return dict(json.loads(out))

    return ask


def test_what_changed_lists_every_record_with_citations_that_resolve(answered: Callable[..., dict[str, Any]]) -> None:
    answer = answered("What changed in rocket in February 2026?")
    assert set(answer) >= {
        "question",
        "status",
        "scope",
        "answer",
        "claims",
        "citations",
        "coverage",
        "removed_claims",
        "sources",
    }
    assert answer["status"] == "answered"
    assert answer["scope"]["repos"] == ["acme/rocket"]
    assert (answer["scope"]["since"], answer["scope"]["until"]) == ("2026-01-31T16:00:00Z", "2026-02-28T16:00:00Z")
    assert {key: answer["coverage"][key] for key in ("matched", "in_window")} == {"matched": 3, "in_window": 3}
    assert answer["coverage"]["listed"] == 3
    assert answer["removed_claims"] == 0
    keys = {citation["key"] for citation in answer["citations"]}
    assert len(keys) == 3
    assert {key for claim in answer["claims"] for key in claim["citations"]} <= keys
    assert all(claim["verdict"] == "exact" for claim in answer["claims"])
    assert all(key in answer["answer"] for key in keys)
    for citation in answer["citations"]:
        assert set(citation) >= {"key", "id", "kind", "repo", "ref", "url", "quote"}
        assert citation["id"] == f"commit:acme/rocket@{citation['ref']}"
    (source,) = [row for row in answer["sources"] if row["source"] == "rocket"]
    assert (source["status"], source["latest"]) == ("ok", "2026-02-04T09:00:00Z")


def test_the_answer_is_markdown_in_which_nothing_hostile_is_live(answered: Callable[..., dict[str, Any]]) -> None:
    text = answered("What changed in rocket in February 2026?")["answer"]
    assert not STEERING.search(text)
    assert "<script>" not in re.sub(r"`[^`]*`|\\\\<", "", text)


def test_as_of_answers_as_if_it_were_then(answered: Callable[..., dict[str, Any]]) -> None:
    then = answered("What changed yesterday?", "--as-of", "2026-02-03")
    assert [citation["repo"] for citation in then["citations"]] == ["acme/probe"]
    assert then["scope"]["until"] <= "2026-02-03T16:00:00Z"


def test_the_filters_of_ask_are_those_of_search(answered: Callable[..., dict[str, Any]]) -> None:
    answer = answered("What changed?", "--repo", "probe", "--since", "2026-02-01", "--until", "2026-02-28", "--kind", "commit")
    assert answer["scope"]["repos"] == ["acme/probe"]
    assert answer["coverage"]["in_window"] == 1


def test_with_nothing_in_the_window_it_says_so_and_what_it_looked_at(answered: Callable[..., dict[str, Any]]) -> None:
    answer = answered("What changed in rocket on 2025-06-01?")
    assert answer["coverage"] == {"matched": 0, "listed": 0, "in_window": 0}
    assert answer["citations"] == []
    assert [row["source"] for row in answer["sources"]] == ["rocket"]


def test_one_change_is_found_by_its_name_and_one_that_is_not_there_is_not_answered(
    answered: Callable[..., dict[str, Any]],
) -> None:
    there = answered("Which commit added RocketThrottle?")
    assert there["status"] == "answered"
    assert there["citations"][0]["key"].startswith("rocket@")
    assert "RocketThrottle" in there["answer"]
    absent = answered("Which commit added ZebraTelemetry to the billing service?")
    assert absent["status"] == "abstained"
    assert absent["coverage"] == {"matched": 0, "listed": 0, "in_window": 5}


def test_the_language_of_the_answer_can_be_chosen(answered: Callable[..., dict[str, Any]], kb: Run) -> None:
    assert re.search("[\u4e00-\u9fff]", answered("What changed in February 2026?", "--lang", "zh")["answer"])
    assert answered("2026年2月有什么变化？", "--lang", "en")["language"] == "en"
    code, out, err = kb("ask", "What changed?", "--lang", "fr")
    assert (code, out) == (2, "")
    assert "known: en, zh" in err


def test_a_readable_answer_is_the_markdown_where_it_is_piped(kb: Run, answered: Callable[..., dict[str, Any]]) -> None:
    question = ("What changed in rocket in February 2026?", "--as-of", "2026-03-01")
    code, out, err = kb("ask", *question)
    assert (code, err) == (0, "")
    assert out.strip() == answered(*question)["answer"].strip()


# --- conversations ----------------------------------------------------------------------------------------------------------


def test_a_follow_up_takes_over_what_the_answer_in_a_file_was_about(
    answered: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(answered("What changed in rocket in February 2026?")), encoding="utf-8")
    probe = answered("and in probe?", "--after", str(before))
    assert probe["scope"]["repos"] == ["acme/probe"]
    assert (probe["scope"]["inherited"], probe["coverage"]["matched"]) == (["window"], 1)
    assert "(from the question before)" in probe["answer"]
    after.write_text(json.dumps(probe), encoding="utf-8")
    fixes = answered("只看修复", "--after", str(after))
    assert (fixes["language"], fixes["scope"]["facets"], fixes["scope"]["repos"]) == ("zh", ["fix"], ["acme/probe"])
    assert "沿用上一个问题" in fixes["answer"]
    assert answered("What changed?", "--after", str(after))["scope"]["inherited"] == []


def test_a_conversation_about_another_day_stays_there(answered: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text(json.dumps(answered("What changed yesterday?", "--as-of", "2026-02-03")), encoding="utf-8")
    then = answered("and in rocket?", "--after", str(file))
    assert then["scope"]["as_of"] == "2026-02-03T16:00:00Z"
    assert then["scope"]["inherited"] == ["window", "as_of"]
    assert "**As of** 2026-02-04 00:00 (from the question before)" in then["answer"]
    assert answered("today?", "--after", str(file))["coverage"]["in_window"] == 2
    assert answered("and in rocket?", "--after", str(file), "--as-of", "2026-02-05")["scope"]["as_of"] == "2026-02-05T16:00:00Z"


def test_a_follow_up_reads_the_answer_from_a_pipe(home: Path, answered: Callable[..., dict[str, Any]]) -> None:
    before = json.dumps(answered("What changed in rocket in February 2026?"))
    command = [sys.executable, "-m", "kb", "ask", "and in SGLang?", "--after", "-", "--json"]
    done = subprocess.run(command, cwd=home, input=before, capture_output=True, text=True, timeout=120, check=True)
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["scope"]["unknown_repos"]) == ("abstained", ["SGLang"])
    assert "No source follows a repository called “SGLang”" in answer["answer"]


def test_what_is_no_answer_to_follow_up_is_refused(kb: Run, tmp_path: Path, answered: Callable[..., dict[str, Any]]) -> None:
    bad = tmp_path / "bad.json"
    elsewhere = answered("What changed in rocket in February 2026?")
    elsewhere["scope"]["repos"] = ["acme/gone"]
    for text, told in (
        ("{", "not JSON"),
        ("{}", 'holds no "scope"'),
        (json.dumps(elsewhere), "unknown repository 'acme/gone'"),
    ):
        bad.write_text(text, encoding="utf-8")
        code, out, err = kb("ask", "only the fixes", "--after", str(bad))
        assert (code, out) == (2, "")
        assert told in err
    code, out, err = kb("ask", "only the fixes", "--after", str(tmp_path / "none.json"))
    assert (code, out) == (2, "")
    assert "none.json: cannot be read: No such file" in err


def test_a_comparison_has_a_table_and_its_sides_in_the_json(answered: Callable[..., dict[str, Any]]) -> None:
    answer = answered("Compare rocket and probe in February 2026")
    assert [(side["name"], side["coverage"]["matched"]) for side in answer["sides"]] == [("acme/rocket", 3), ("acme/probe", 1)]
    assert answer["coverage"] == {"matched": 4, "listed": 4, "in_window": 4}
    assert answer["scope"]["intent"] == "compare"
    assert "| acme/rocket | 3 |" in answer["answer"]
    assert {citation["repo"] for citation in answer["citations"]} == {"acme/rocket", "acme/probe"}


def test_a_comparison_is_searched_for_as_all_that_its_sides_let_through(found: Callable[..., dict[str, Any]]) -> None:
    result = found("compare fuel work of rocket and probe in February 2026")
    assert result["scope"]["repos"] == ["acme/rocket", "acme/probe"]
    assert len(result["results"]) == 4
