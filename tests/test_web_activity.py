"""What is happening, counted by the reader's calendar; every bar with its records; charts that are inert and readable."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kb.catalog import Catalog, Filter
from kb.types import Event, FileChange, Link, Record, Window
from kb.web.activity import OTHERS, Activity, Bar, Tally, totals
from kb.web.activity_html import bar_label
from kb.web.charts import COLOURS, FIGURES
from kb.web.pictures import Picture
from tests.records import REPO, commit, day, put, thread
from tests.test_web_ledger import contrast
from tests.web_pages import EN, HOSTILE, ZH

ALL = Filter()
Counted = list[tuple[str, str, int]]


def counted(tally: Tally) -> Counted:
    return [(bar.place, bar.series, bar.count) for bar in tally.bars]


def ids(catalog: Catalog, bar: Bar) -> list[str]:
    return [brief.id for brief in catalog.briefs(list(bar.docs))]


def files(*paths: str) -> tuple[FileChange, ...]:
    return tuple(FileChange(path=path, additions=1) for path in paths)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def test_changes_are_counted_by_day_and_repository_each_once(catalog: Catalog) -> None:
    put(
        catalog,
        commit(1),
        commit(2, links=(Link("pull", f"pull:{REPO}#2"),)),
        commit(3, repo="acme/other", events=(Event("landed", day(2.5)),)),
        commit(4, marks=("merge",), links=(Link("brought", commit(2).id),)),
        thread("pull", 2, "The same as commit 2", opened=1, merged=2),
        thread("pull", 7, "Elsewhere", opened=1, merged=2),
        thread("pull", 8, "Not merged", opened=2),
        thread("issue", 9, "No change", opened=2),
    )
    tally = Activity(catalog, UTC).changes(ALL)
    assert tally.step == "day"
    assert counted(tally) == [("2026-02-02", REPO, 1), ("2026-02-03", REPO, 2), ("2026-02-03", "acme/other", 1)]
    assert ids(catalog, tally.bars[1]) == [commit(2).id, f"pull:{REPO}#7"]
    assert totals(tally) == {REPO: 3, "acme/other": 1}


def test_a_filter_holds_for_every_tally(catalog: Catalog) -> None:
    put(catalog, *(commit(n) for n in range(1, 6)), commit(9, repo="acme/other"), thread("issue", 9, "x", opened=2))
    window = Filter(window=Window(day(2), day(4)), repos=(REPO,))
    activity = Activity(catalog, UTC)
    assert counted(activity.changes(window)) == [("2026-02-03", REPO, 1), ("2026-02-04", REPO, 1)]
    assert [bar.place for bar in activity.files(window).bars] == ["src/part2.py", "src/part3.py"]
    assert counted(activity.issues(replace(window, repos=("acme/other",)))) == []
    assert counted(activity.issues(Filter(kinds=("issue",))))[0] == ("2026-02-03", "opened", 1)
    for kinds in (("release",), ("pull",)):
        assert all(getattr(activity, name)(Filter(kinds=kinds)).bars == () for name in FIGURES)


def test_a_day_is_the_readers(catalog: Catalog) -> None:
    put(catalog, commit(1, events=(Event("landed", day(1) + timedelta(hours=20)),)))
    assert counted(Activity(catalog, ZoneInfo("Asia/Shanghai")).changes(ALL)) == [("2026-02-03", REPO, 1)]
    assert counted(Activity(catalog, UTC).changes(ALL)) == [("2026-02-02", REPO, 1)]


@pytest.mark.parametrize(("last", "step", "places"), [(90, "day", 2), (100, "week", 2), (800, "month", 2)])
def test_the_step_follows_the_length(catalog: Catalog, last: float, step: str, places: int) -> None:
    put(catalog, commit(1), commit(2, events=(Event("landed", day(last)),)))
    tally = Activity(catalog, UTC).changes(ALL)
    assert (tally.step, len(tally.bars)) == (step, places)
    assert tally.bars[0].place == {"day": "2026-02-02", "week": "2026-02-02", "month": "2026-02-01"}[step]


def test_small_series_are_put_together(catalog: Catalog) -> None:
    put(catalog, *(commit(n, repo=f"acme/r{n % 10}", events=(Event("landed", day(1)),)) for n in range(1, 30)))
    tally = Activity(catalog, UTC).changes(ALL)
    assert len(tally.bars) == 7
    assert tally.bars[-1].series == OTHERS
    assert sum(bar.count for bar in tally.bars) == 29


def test_kinds_of_change_are_those_of_answers(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: a crash"), commit(2, "feat: pages"), commit(3, "docs: typo"), commit(4, "fix: another"))
    activity = Activity(catalog, UTC)
    assert totals(activity.kinds(ALL)) == {"fixes": 2, "features": 1, "docs": 1}
    put(catalog, commit(1, "feat: no crash"))
    assert totals(activity.kinds(ALL)) == {"fixes": 1, "features": 2, "docs": 1}


def test_folders_and_files_count_changes_not_lines(catalog: Catalog) -> None:
    put(
        catalog,
        commit(1, files=files("src/moe/a.py", "src/moe/b.py", "README.md")),
        commit(2, files=files("src/moe/a.py", "src/moe/deep/er/c.py")),
        commit(3, marks=("merge",), files=files("src/moe/a.py")),
    )
    activity = Activity(catalog, UTC)
    assert counted(activity.folders(ALL)) == [("src/moe", "", 2), (".", "", 1)]
    assert counted(activity.files(ALL, most=2)) == [("src/moe/a.py", "", 2), ("README.md", "", 1)]
    put(catalog, commit(4, repo="acme/other", files=files("src/moe/a.py")))
    assert counted(activity.files(ALL, most=1)) == [("kernels:src/moe/a.py", "", 2)]


def test_the_folder_above_all_is_named_in_words() -> None:
    tally = Tally((Bar("", ".", (1, 2)), Bar("", "kernels:.", (3,)), Bar("", "src/moe", (4,))))
    names = ["(top folder)", "kernels:(top folder)", "src/moe"]
    figure = FIGURES["folders"](tally, EN)
    assert figure["layout"]["yaxis"]["ticktext"] == names
    assert figure["data"][0]["text"] == names
    picture = Picture("folders", tally, "{}")
    assert [bar_label(picture, bar, EN) for bar in tally.bars] == [f"Folders that change most: {name}" for name in names]


def test_issues_are_opened_closed_and_open(catalog: Catalog) -> None:
    again = thread("issue", 3, "Again", opened=0, closed=1)
    put(
        catalog,
        thread("issue", 1, "One", opened=0),
        thread("issue", 2, "Two", opened=1, closed=2),
        replace(again, state="open", events=(*again.events, Event("reopened", day(2)))),
    )
    tally = Activity(catalog, UTC).issues(ALL)
    assert counted(tally) == [
        ("2026-02-01", "opened", 2),
        ("2026-02-01", "open", 2),
        ("2026-02-02", "opened", 1),
        ("2026-02-02", "closed", 1),
        ("2026-02-02", "open", 2),
        ("2026-02-03", "opened", 1),
        ("2026-02-03", "closed", 1),
        ("2026-02-03", "open", 2),
    ]
    assert ids(catalog, tally.bars[-1]) == [f"issue:{REPO}#1", f"issue:{REPO}#3"]
    later = Activity(catalog, UTC).issues(Filter(window=Window(day(1.5))))
    assert counted(later)[-1] == ("2026-02-03", "open", 2)  # what was opened before the window is open in it


def test_what_is_open_has_a_scale_of_its_own_so_that_the_bars_are_seen() -> None:
    bars = tuple(
        Bar(series, f"2026-02-0{n}", tuple(range(count)))
        for n in (1, 2)
        for series, count in (("opened", 3), ("closed", 2), ("open", 1_400 + n))
    )
    figure = FIGURES["issues"](Tally(bars, "day"), EN)
    opened, closed, still = figure["data"]
    assert (opened.get("yaxis", "y"), closed.get("yaxis", "y"), still["yaxis"]) == ("y", "y", "y2")
    assert (list(opened["y"]), list(closed["y"]), list(still["y"])) == ([3, 3], [-2, -2], [1_401, 1_402])
    below, above = figure["layout"]["yaxis"], figure["layout"]["yaxis2"]
    assert below["domain"][1] < above["domain"][0]
    assert (below["dtick"], above.get("dtick")) == (1, None)  # few are counted one by one


def test_papers_are_counted_by_week(catalog: Catalog) -> None:
    papers = [
        Record(id=f"paper:arxiv:{n}", kind="paper", repo="", ref=str(n), title="P", events=(Event("published", day(n)),))
        for n in (1, 2, 9)
    ]
    put(catalog, *papers, commit(1))
    tally = Activity(catalog, UTC).papers(Filter(repos=(REPO,)))
    assert (tally.step, counted(tally)) == ("week", [("2026-02-02", "paper", 2), ("2026-02-09", "paper", 1)])


def test_an_empty_store_has_no_bars(catalog: Catalog) -> None:
    activity = Activity(catalog, UTC)
    for name, figure in FIGURES.items():
        tally = getattr(activity, name)(ALL)
        assert tally.bars == ()
        assert figure(tally, EN)["layout"]["title"]["text"]


def test_ten_thousand_records_are_counted_at_once(catalog: Catalog) -> None:
    put(catalog, *(commit(n, f"fix: number {n}", events=(Event("landed", day(n / 20)),)) for n in range(1, 10_001)))
    activity = Activity(catalog, UTC)
    activity.kinds(ALL)  # what a change is about is worked out once
    for name in FIGURES:
        started = time.process_time()
        getattr(activity, name)(ALL)
        assert time.process_time() - started < 1, name


# --- charts ----------------------------------------------------------------------------------------------------------------


def test_a_bar_of_a_chart_leads_to_its_records(catalog: Catalog) -> None:
    put(catalog, commit(1), commit(2), commit(3, repo="acme/other"), thread("issue", 5, "x", opened=1, closed=3))
    activity = Activity(catalog, UTC)
    for name, figure in FIGURES.items():
        tally = getattr(activity, name)(ALL)
        for trace in figure(tally, EN)["data"]:
            for at, number in enumerate(trace["customdata"]):
                bar = tally.bars[number]
                length = trace["x"][at] if trace.get("orientation") == "h" else trace["y"][at]
                assert abs(length) == bar.count
                assert trace.get("orientation") == "h" or trace["x"][at] == bar.place


def test_charts_speak_both_languages(catalog: Catalog) -> None:
    put(catalog, commit(1, "fix: a"), commit(2, "feat: b"), thread("issue", 5, "x", opened=1, closed=3))
    activity = Activity(catalog, UTC)
    kinds = FIGURES["kinds"](activity.kinds(ALL), ZH)
    assert kinds["layout"]["title"]["text"] == "每日各类改动"
    assert {trace["name"] for trace in kinds["data"]} == {"修复", "新功能"}
    issues = FIGURES["issues"](activity.issues(ALL), EN)
    assert [trace["name"] for trace in issues["data"]] == ["opened", "closed", "open at its end"]
    assert issues["layout"]["title"]["text"] == "Issues opened and closed per day"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_is_markup_or_a_template_in_a_chart(hostile: str) -> None:
    bars = (Bar(f"acme/{hostile}", "2026-02-01", (1,)), Bar(hostile, "2026-02-02", (2, 3)), Bar("", hostile, (4,)))
    figures = [FIGURES["changes"](Tally(bars[:2], "day"), EN), FIGURES["files"](Tally(bars[2:]), ZH)]
    for figure in figures:
        text = json.dumps(figure, ensure_ascii=False).replace("<br>", "").replace("<extra></extra>", "")
        assert "<" not in text
        templates = " ".join(trace["hovertemplate"] for trace in figure["data"])
        assert "acme" not in templates


def test_the_colours_of_series_stand_out_on_light_and_dark() -> None:
    assert len(set(COLOURS)) == len(COLOURS)
    for colour in COLOURS:
        assert contrast(colour, "#ffffff") >= 3
        assert contrast(colour, "#0b0f19") >= 3
