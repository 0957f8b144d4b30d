"""kb report, kb verify and kb daily on real repositories: files, contracts, exit codes, what is kept and what is replaced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kb.config import load_config
from kb.wiring import open_kb
from tests.conftest import Run
from tests.history import History
from tests.llm_server import Asked, Reply, serving, told

DAY = "2026-02-03"
HOSTILE = "fix: `pump` | <script>alert(1)</script> [x](javascript:alert(1))"


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of three days, and one that was quiet on the last."""
    home = tmp_path_factory.mktemp("reports")
    rocket = History(home / "rocket")
    rocket.commit("feat: add a throttle", {"engine/throttle.py": "class Throttle: ...\n"}, at="2026-02-01T10:00:00Z")
    rocket.commit(
        "fix: the pump leaks (#7)\n\nThe valve stayed open when the tank was empty, which lost 12% of the fuel.",
        {"engine/pump.py": 'parser.add_argument("--close-valve", default=True)\n' + "x = 1\n" * 40},
        at="2026-02-03T09:00:00Z",
    )
    rocket.commit(HOSTILE, {"engine/gauge.py": "x = 2\n"}, at="2026-02-03T23:30:00Z")
    probe = History(home / "probe", origin="https://github.com/acme/probe")
    probe.commit("docs: how to land", {"docs/land.md": "Slowly.\n"}, at="2026-02-02T12:00:00Z")
    table = '[[sources]]\nuse = "git_commits"\nhistory = "all"\nurl = '
    (home / "kb.toml").write_text(f'timezone = "UTC"\ndata_dir = "data"\n{table}"rocket"\n{table}"probe"\n', encoding="utf-8")
    with open_kb(load_config(home / "kb.toml")) as base:
        assert base.sync().ok
    return home


@pytest.fixture
def home(synced: Path, tmp_path: Path) -> Path:
    """A copy of its own: reports are written into it."""
    return Path(shutil.copytree(synced, tmp_path / "home"))


@pytest.fixture
def made(kb: Run) -> Callable[..., dict[str, Any]]:
    """A report as a program sees it."""

    def report(*arguments: str) -> dict[str, Any]:
        code, out, err = kb("report", *arguments, "--json")
        assert (code, out.count("\n"), err) == (0, 1, "")
        return dict(json.loads(out))

    return report


def add(home: Path, text: str) -> None:
    path = home / "kb.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def commit_late(repository: Path, message: str, *, at: str) -> None:
    environment = {**os.environ, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    command = ["git", "-C", str(repository), "commit", "-q", "--allow-empty", "-m", message]
    subprocess.run(command, check=True, env=environment)


# --- kb report ---------------------------------------------------------------------------------------------------------------


def test_a_report_and_what_stands_beside_it(kb: Run, home: Path) -> None:
    code, out, err = kb("report", "--date", DAY)
    assert (code, err) == (0, "")
    assert f"Wrote {home}/reports/{DAY}.md.\n2 records" in out
    assert sorted(path.name for path in (home / "reports").glob("[!.]*")) == [
        f"{DAY}.json", f"{DAY}.md", "README.md", "feed.xml", "index.json",
    ]  # fmt: skip
    text = (home / "reports" / f"{DAY}.md").read_text(encoding="utf-8")
    assert "The valve stayed open when the tank was empty, which lost 12% of the fuel." in text
    assert '+parser.add_argument("--close-valve", default=True)' in text
    assert "Quiet: acme/probe." in text
    assert "<script" not in text


def test_the_contract(made: Callable[..., dict[str, Any]], home: Path) -> None:
    result = made("--date", DAY)
    assert (result["status"], result["published"], result["date"]) == ("written", None, DAY)
    sidecar = json.loads(Path(result["sidecar"]).read_text(encoding="utf-8"))
    assert {key: result[key] for key in sidecar if key in result} == {key: sidecar[key] for key in sidecar if key in result}
    assert result["window"] == {
        "length": "1d",
        "since": "2026-02-03T00:00:00Z",
        "until": "2026-02-04T00:00:00Z",
        "timezone": "UTC",
        "as_of": "2026-02-04T00:00:00Z",
    }
    ids = {id for claim in result["claims"] for id in claim["records"]}
    listed = [id for section in result["sections"] for entry in section["entries"] for id in entry["records"]]
    assert ids == set(listed)
    assert len(listed) == 2
    assert all(claim["verdict"] == "exact" and claim["records"] for claim in result["claims"])
    assert [row["source"] for row in result["sources"]] == ["rocket", "probe"]


def test_the_same_facts_are_not_written_again(made: Callable[..., dict[str, Any]], kb: Run, home: Path) -> None:
    page = home / "reports" / f"{DAY}.md"
    assert made("--date", DAY)["status"] == "written"
    before = page.stat().st_mtime_ns
    kb("sync")
    again = made("--date", DAY)
    assert (again["status"], again["files"]) == ("unchanged", [])
    assert page.stat().st_mtime_ns == before
    assert made("--date", DAY, "--force")["status"] == "rewritten"


def test_what_a_person_changed_is_kept_unless_forced(kb: Run, made: Callable[..., dict[str, Any]], home: Path) -> None:
    made("--date", DAY)
    page = home / "reports" / f"{DAY}.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nMy note.\n", encoding="utf-8")
    code, out, _ = kb("report", "--date", DAY)
    assert code == 0
    assert "Left" in out
    assert "changed by hand" in out
    assert "My note." in page.read_text(encoding="utf-8")
    assert made("--date", DAY, "--force")["status"] == "rewritten"
    assert "My note." not in page.read_text(encoding="utf-8")


def test_new_facts_rewrite_a_report(kb: Run, made: Callable[..., dict[str, Any]], home: Path) -> None:
    made("--date", DAY)
    commit_late(home / "rocket", "feat: late", at="2026-02-03T23:50:00Z")
    assert kb("sync")[0] == 0
    result = made("--date", DAY)
    assert (result["status"], result["counts"]["records"]) == ("rewritten", 3)


def test_reports_of_one_day_have_names_of_their_own(made: Callable[..., dict[str, Any]], home: Path) -> None:
    names = [
        Path(made("--date", DAY, *more)["markdown"]).name
        for more in ([], ["--lang", "zh"], ["--window", "7d"], ["--repo", "rocket"])
    ]
    assert names[0] == f"{DAY}.md"
    assert len(set(names)) == 4
    index = json.loads((home / "reports" / "index.json").read_text(encoding="utf-8"))
    assert len(index["reports"]) == 4


def test_a_chinese_report_in_a_place_and_a_zone_of_its_own(made: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = made("--date", "2026-02-04", "--tz", "Asia/Shanghai", "--lang", "zh", "--out", str(tmp_path / "elsewhere"))
    assert result["window"]["since"] == "2026-02-03T16:00:00Z"
    assert result["counts"]["records"] == 1  # the commit of 23:30 in UTC
    text = (tmp_path / "elsewhere" / "2026-02-04.md").read_text(encoding="utf-8")
    assert "# 日报：2026 年 2 月 4 日" in text


def test_since_the_last_report(made: Callable[..., dict[str, Any]]) -> None:
    made("--date", "2026-02-01")
    result = made("--window", "since-last", "--as-of", "2026-02-03T12:00Z")
    assert result["window"]["since"] == "2026-02-02T00:00:00Z"
    assert result["window"]["until"] == "2026-02-03T12:00:00Z"
    assert result["counts"]["records"] == 2


def test_a_day_is_told_as_it_was_known(made: Callable[..., dict[str, Any]]) -> None:
    result = made("--date", DAY, "--as-of", "2026-02-03T12:00Z")
    assert (result["counts"]["records"], result["provisional"]) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "soon"], "--date soon: not a day"),
        (["--date", "2999-01-01"], "has not come yet"),
        (["--window", "fortnight"], "--window fortnight: not known"),
        (["--tz", "Mars/Base"], "--tz Mars/Base: not a time zone"),
        (["--repo", "nobody/nothing"], "nobody/nothing"),
        (["--lang", "de"], "--lang de: not known"),
        (["--publish"], "[report] has no publish"),
    ],
)
def test_what_cannot_be_resolved_is_said(kb: Run, home: Path, arguments: list[str], message: str) -> None:
    code, out, err = kb("report", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_before_anything_was_read_there_is_nothing_to_report(kb: Run, home: Path) -> None:
    code, _, err = kb("report", "--data-dir", "empty")
    assert code == 1
    assert "kb sync" in err
    assert not (home / "reports").exists()


def test_an_archive_that_cannot_be_written_loses_nothing(kb: Run, home: Path) -> None:
    (home / "reports").write_text("mine", encoding="utf-8")
    code, _, err = kb("report", "--date", DAY)
    assert code == 1
    assert str(home / "reports") in err
    assert (home / "reports").read_text(encoding="utf-8") == "mine"


# --- kb verify ---------------------------------------------------------------------------------------------------------------


def test_a_report_of_ours_is_clean(kb: Run, home: Path) -> None:
    for more in ([], ["--lang", "zh"], ["--window", "7d"]):
        kb("report", "--date", DAY, *more)
    for page in (home / "reports").glob("2026*.md"):
        code, out, err = kb("verify", str(page))
        assert (code, err) == (0, "")
        assert out.endswith(" exact.\n")


def test_a_changed_figure_is_found_on_its_line(kb: Run, home: Path) -> None:
    kb("report", "--date", DAY)
    page = home / "reports" / f"{DAY}.md"
    text = page.read_text(encoding="utf-8").replace("lost 12% of the fuel", "lost 21% of the fuel")
    page.write_text(text, encoding="utf-8")
    line = next(at for at, row in enumerate(text.splitlines(), 1) if "21%" in row)
    code, out, _ = kb("verify", str(page))
    assert code == 1
    assert any(row.split()[:3] == [f"{line}", "wrong", "figure"] for row in out.splitlines())
    code, out, _ = kb("verify", str(page), "--json")
    result = json.loads(out)
    assert (code, result["clean"], result["own"]) == (1, False, True)
    (wrong,) = [finding for finding in result["findings"] if finding["verdict"] != "exact"]
    assert (wrong["line"], wrong["verdict"]) == (line, "wrong figure")


def test_a_row_that_was_dropped_is_missing(kb: Run, home: Path) -> None:
    kb("report", "--date", DAY, "--window", "3d")
    (page,) = (home / "reports").glob("2026*.md")
    rows = page.read_text(encoding="utf-8").splitlines(keepends=True)
    dropped = next(row for row in rows if row.startswith("| ") and "/commit/" in row)
    page.write_text("".join(row for row in rows if row != dropped), encoding="utf-8")
    code, out, _ = kb("verify", str(page))
    assert code == 1
    assert "Missing: commit:acme/" in out


def test_a_page_of_another_system_is_read_too(kb: Run, home: Path) -> None:
    sha = subprocess.run(["git", "-C", str(home / "probe"), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    link = f"https://github.com/acme/probe/commit/{sha.stdout.strip()}"
    page = home / "other.md"
    page.write_text(f"# 2026-02-02\n\n- How to land ([commit]({link}))\n- 40 new kernels ([PR #9]({link}))\n", encoding="utf-8")
    code, out, _ = kb("verify", str(page), "--json")
    result = json.loads(out)
    assert (code, result["own"]) == (1, False)
    assert [(finding["line"], finding["verdict"]) for finding in result["findings"]] == [(3, "exact"), (4, "mislabelled")]


def test_what_cannot_be_read_is_said(kb: Run, home: Path) -> None:
    (home / "binary.md").write_bytes(b"\xff\xfe\x00\x01")
    for name, message in (("none.md", "cannot be read"), ("binary.md", "not UTF-8"), (".", "cannot be read")):
        code, out, err = kb("verify", name)
        assert (code, out) == (1, "")
        assert message in err


# --- kb daily ----------------------------------------------------------------------------------------------------------------


def test_a_day_from_sync_to_publishing(kb: Run, home: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(home / "published.git")], check=True)
    add(home, '[report]\npublish = "published.git"\n')
    code, out, _ = kb("daily", "--date", DAY, "--json")
    result = json.loads(out)
    assert (code, result["exit_code"], result["errors"]) == (0, 0, [])
    assert result["report"]["published"]["status"] == "pushed"
    listed = subprocess.run(
        ["git", "-C", str(home / "published.git"), "ls-tree", "-r", "--name-only", "main"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert f"reports/{DAY}.md" in listed
    assert json.loads(kb("daily", "--date", DAY, "--json")[1])["report"]["published"]["status"] == "unchanged"


def test_a_source_that_fails_is_told_and_the_rest_is_done(kb: Run, home: Path) -> None:
    shutil.rmtree(home / "probe")
    code, out, _ = kb("daily", "--date", DAY, "--json")
    result = json.loads(out)
    assert (code, result["report"]["status"]) == (1, "written")
    text = Path(result["report"]["markdown"]).read_text(encoding="utf-8")
    assert "probe could not be read" in text
    assert "Quiet: acme/probe" not in text


def test_a_report_that_cannot_be_written_or_published_has_a_code_of_its_own(kb: Run, home: Path) -> None:
    add(home, '[report]\npublish = "no-such-repository"\n')
    code, out, _ = kb("daily", "--date", DAY)
    assert code == 3
    assert "Wrote" in out
    assert "no-such-repository" in out
    (home / "taken").write_text("mine", encoding="utf-8")
    assert kb("daily", "--date", DAY, "--out", "taken")[0] == 3
    assert kb("daily", "--date", DAY, "--no-publish")[0] == 0


def test_a_wrong_option_stops_a_daily_run(kb: Run, home: Path) -> None:
    assert kb("daily", "--date", "soon")[0] == 2
    assert kb("daily", "--config", "none.toml")[0] == 2


# --- with a model ------------------------------------------------------------------------------------------------------------


def test_a_model_writes_and_its_inventions_do_not_stand(kb: Run, made: Callable[..., dict[str, Any]], home: Path) -> None:
    def script(asked: Asked) -> str:
        if "the pump leaks" not in asked.prompt:
            return told()
        return told(("The valve now closes when the tank is empty.", "S1", "what"), ("It is 48x faster.", "S1", "why"))

    with serving(script) as server:
        add(home, f'[llm]\nprovider = "openai-like"\nbase_url = "{server.url}/v1"\nmodel = "test"\n')
        result = made("--date", DAY)
        text = Path(result["markdown"]).read_text(encoding="utf-8")
        assert "The valve now closes when the tank is empty." in text
        assert "48x" not in text
        assert "1 statement was left out" in text
        assert result["writer"]["kind"] == "model"
        asked = len(server.asked)
        assert asked > 0
        assert made("--date", DAY, "--force")["writer"]["usage"]["requests"] == 0
        assert len(server.asked) == asked
        assert made("--date", DAY, "--no-llm", "--out", str(home / "plain"))["writer"]["kind"] == "extractive"


def test_a_model_without_its_key_is_a_mistake_of_the_configuration(kb: Run, home: Path) -> None:
    add(home, '[llm]\nprovider = "openai-like"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "x"\napi_key_env = "NO_SUCH_KEY"\n')
    code, _, err = kb("report", "--date", DAY)
    assert code == 2
    assert "NO_SUCH_KEY" in err


def test_nobody_waits_for_a_model_that_hangs_once_they_have_interrupted(home: Path) -> None:
    with serving(lambda asked: Reply(end="hang")) as server:
        add(home, f'[llm]\nprovider = "openai-like"\nbase_url = "{server.url}/v1"\nmodel = "x"\ntimeout = "5 minutes"\n')
        running = subprocess.Popen([sys.executable, "-m", "kb", "report", "--date", DAY], cwd=home)
        until = time.monotonic() + 60
        while not server.asked and time.monotonic() < until:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
    assert not (home / "reports").exists()


# --- what is not known -------------------------------------------------------------------------------------------------------


def test_before_its_history_a_repository_is_not_quiet_but_unknown(
    kb: Run, home: Path, made: Callable[..., dict[str, Any]]
) -> None:
    text = (
        (home / "kb.toml")
        .read_text(encoding="utf-8")
        .replace('history = "all"\nurl = "probe"', 'history = "2026-02-02"\nurl = "probe"')
    )
    (home / "kb.toml").write_text(text, encoding="utf-8")
    shutil.rmtree(home / "data")
    assert kb("sync")[0] == 0
    page = Path(made("--date", "2026-02-01")["markdown"]).read_text(encoding="utf-8")
    assert "Not known of acme/probe: what happened before 2026-02-02 00:00, which was never read." in page
    assert "Quiet" not in page
    assert "No changes in probe" not in page


def test_a_day_is_told_again_when_a_source_has_been_read_since(kb: Run, home: Path) -> None:
    shutil.rmtree(home / "data")
    (home / "probe").rename(home / "away")
    code, out, _ = kb("daily", "--date", "2026-02-02", "--json")
    first = json.loads(out)["report"]
    assert (code, first["provisional"], first["counts"]["records"]) == (1, True, 0)
    assert "Could not be read: " in first["summary"]
    (home / "away").rename(home / "probe")
    commit_late(home / "probe", "docs: how to start", at="2026-02-02T20:00:00Z")
    code, out, _ = kb("daily", "--date", DAY, "--json")
    result = json.loads(out)
    assert (code, [again["status"] for again in result["revisited"]]) == (0, ["rewritten"])
    page = (home / "reports" / "2026-02-02.md").read_text(encoding="utf-8")
    assert "how to start" in page
    assert "So far" not in page
    assert json.loads(kb("daily", "--date", DAY, "--json")[1])["revisited"] == []


def test_nothing_is_lost_between_reports_since_the_last(kb: Run, home: Path, made: Callable[..., dict[str, Any]]) -> None:
    made("--date", "2026-02-01")
    shutil.rmtree(home / "data")
    (home / "probe").rename(home / "away")
    kb("sync")
    first = made("--window", "since-last", "--as-of", "2026-02-02T18:00Z")
    assert first["provisional"]
    (home / "away").rename(home / "probe")
    assert kb("sync")[0] == 0
    second = made("--window", "since-last", "--as-of", "2026-02-03T18:00Z")
    assert (second["window"]["since"], second["provisional"]) == ("2026-02-02T00:00:00Z", False)


def test_what_is_known_now_is_not_replaced_by_what_was_known_then(kb: Run, home: Path) -> None:
    assert kb("report", "--date", DAY)[0] == 0
    page = (home / "reports" / f"{DAY}.md").read_bytes()
    for more in (["--as-of", f"{DAY}T12:00Z"], ["--tz", "Asia/Tokyo"]):
        code, _, err = kb("report", "--date", DAY, *more)
        assert code == 1
        assert "--force" in err
        assert (home / "reports" / f"{DAY}.md").read_bytes() == page
    code, _, err = kb("report", "--date", DAY, "--as-of", "2026-02-02")
    assert (code, "has not begun yet" in err) == (2, True)
