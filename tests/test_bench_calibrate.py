"""The calibration of the judge (benchmarks/calibrate.py): the curve, what it recommends, and when the shipped is far off."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import calibrate
from benchmarks.calibrate import ALLOWED_FALSE, Point, Scored, closest, curve, faults, point, recommended
from kb.config import load_config
from kb.judge import ANSWERED
from kb.wiring import open_kb
from tests.gitrepo import GitRepo, day

scores = st.lists(st.builds(Scored, st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def scored(answerable: list[float], others: list[float]) -> list[Scored]:
    return [*(Scored(value, answerable=True) for value in answerable), *(Scored(value, answerable=False) for value in others)]


def test_a_point_counts_what_is_at_or_above_its_threshold() -> None:
    assert point(scored([0.9, 0.6, 0.2, 0.1], [0.6, 0.1]), 0.6) == Point(0.6, 0.5, 0.5)


@given(scores)
def test_along_the_curve_both_shares_only_fall(found: list[Scored]) -> None:
    points = curve(found)
    assert [one.answered for one in points] == sorted((one.answered for one in points), reverse=True)
    assert [one.false for one in points] == sorted((one.false for one in points), reverse=True)


@given(scores)
def test_what_is_recommended_keeps_to_what_is_allowed_and_answers_the_most(found: list[Scored]) -> None:
    best = recommended(found)
    assert best is None or best.false <= ALLOWED_FALSE
    assert all(one.false > ALLOWED_FALSE or (best is not None and one.answered <= best.answered) for one in curve(found))


def test_the_closest_match_is_given_to_nearly_all_that_have_an_answer() -> None:
    found = closest(scored([0.9] * 19 + [0.05], [0.5]))
    assert found is not None
    assert (found.threshold, found.answered) == (0.9, 0.95)


def test_a_threshold_that_separates_is_not_at_fault() -> None:
    assert list(faults(scored([0.9, 0.8], [0.1, 0.3]), shipped=0.6)) == []


def test_a_threshold_that_lets_false_answers_through_is_far_off() -> None:
    assert "are answered; 0.10 are allowed" in next(faults(scored([0.9], [0.7, 0.1]), shipped=0.6))


def test_a_threshold_that_withholds_answers_is_far_off() -> None:
    assert "could be, at 0.500" in next(faults(scored([0.5, 0.5, 0.9], [0.1]), shipped=0.6))


def test_a_little_is_tolerated() -> None:
    close = scored([0.9] * 97 + [0.55] * 3, [0.1] * 86 + [0.7] * 14)
    assert list(faults(close, shipped=0.6)) == []
    assert len(list(faults(close, shipped=0.6, tolerance=0.01))) == 1


def test_the_script_asks_prints_and_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = GitRepo.create(tmp_path / "widget")
    gold = repo.commit("Add the hydraulic valve", {"valve.py": "VALVE = 1\n"}, when=day(3))
    repo.commit("Paint the door", {"door.py": "DOOR = 1\n"}, when=day(4))
    config = tmp_path / "kb.toml"
    config.write_text(
        '[[sources]]\nuse = "git_commits"\nurl = "widget"\nrepo = "acme/widget"\nhistory = "all"\n', encoding="utf-8"
    )
    with open_kb(load_config(config), data_dir=tmp_path / "data") as kb:
        assert kb.sync().ok
    asked = tmp_path / "asked.jsonl"
    rows = [
        {"id": "I1", "query": f"what is {gold[:10]}?", "kind": "identifier", "gold": [gold]},
        {"id": "W1", "query": "valve changes in January 2026?", "kind": "window", "gold": [gold], "as_of": "2026-02-01"},
        {"id": "X1", "query": "valve", "kind": "needle", "as_of": "someday"},
    ]
    asked.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data = ["--config", str(config), "--data-dir", str(tmp_path / "data")]
    monkeypatch.setattr(sys, "argv", ["calibrate", "--queries", str(asked), *data])
    with pytest.raises(SystemExit) as ended:
        calibrate.main()
    told = capsys.readouterr().out
    assert "2 questions with an answer, 2 without (twins included)" in told
    assert "AUROC, all: 1.000" in told
    assert f"shipped {ANSWERED:13.3f}" in told
    assert ended.value.code == 0
