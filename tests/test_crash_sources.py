"""Syncs of GitHub and arXiv that are killed and resumed end where an undisturbed one ends, and ask for little more."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.crash import Setup, differences
from benchmarks.crash_sources import Request, Sizes, Tally, Trial, measure, serving

SMALL = Sizes(issues=230, pulls=150, releases=6, papers=120)


def test_killed_syncs_equal_an_undisturbed_one() -> None:
    result = measure(SMALL, kills=4, records_only=True, pace=0.02)
    assert result["wrong"] == []
    assert result["undisturbed"] == {"issues": 4, "pulls": 2, "releases": 1, "papers": 2}
    assert (result["kills"], result["records"]) == (4, SMALL.records)


def test_a_single_changed_thread_is_seen(tmp_path: Path) -> None:
    with serving(Sizes(issues=3, pulls=2, releases=1, papers=2), pace=0.0) as served:
        (tmp_path / "kb.toml").write_text(served.config(0.0))
        trial = Trial(Setup(tmp_path / "kb.toml", records_only=True), served, Counter())
        trial.undisturbed(tmp_path / "before")
        served.repo.edit(1, at=datetime(2026, 2, 1, tzinfo=UTC), title="another title")
        trial.undisturbed(tmp_path / "after")
        found = differences(trial.stored(tmp_path / "before"), trial.stored(tmp_path / "after"))
    assert "records: 8 rows against 8" in found


def test_a_request_too_many_is_told() -> None:
    tally = Tally(kills=1)
    tally.add([Request("pulls", "page 1", 0.0), Request("issues", "page 1", 0.0)], read=set())
    tally.add([Request("pulls", "page 1", 1.0), Request("issues", "page 1", 1.0)], read={"threads"})
    assert tally.dearer(Counter(issues=1, pulls=1)) == []
    assert tally.looking == Counter(issues=1, pulls=1)
    tally.add([Request("pulls", "page 1", 2.0)], read=set())
    assert tally.dearer(Counter(issues=1, pulls=1)) == []
    tally.add([Request("pulls", "page 1", 3.0)], read=set())
    assert tally.dearer(Counter(issues=1, pulls=1)) == ["pulls: 3 requests, 2 of them repeated, with 1 kills"]
