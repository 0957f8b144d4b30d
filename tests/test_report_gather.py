"""Every record of a window stands in exactly one entry, whatever it is and whatever it is linked to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.catalog import Catalog
from kb.report.gather import gather, window_ids
from kb.report.types import Entry, Frame
from kb.types import Event, Link, Record
from tests.answering import merged
from tests.records import REPO, commit, day, pull, put, thread
from tests.reporting import at


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def entries(catalog: Catalog, frame: Frame) -> dict[str, Entry]:
    """The entries by id; and that nothing of the window is lost or told twice."""
    found, _ = gather(catalog, frame)
    ids = Counter(id for entry in found for id in entry.ids)
    assert set(ids) == window_ids(catalog, frame)
    assert set(ids.values()) <= {1}
    return {entry.id: entry for entry in found}


def test_a_commit_and_its_pull_request_are_one_entry(catalog: Catalog) -> None:
    landed, request = commit(3, "Add X (#3)"), thread("pull", 3, "Add X", opened=1, merged=3)
    put(catalog, landed, request)
    (entry,) = entries(catalog, at(3)).values()
    assert (entry.id, entry.group, entry.ids) == (landed.id, "features", (landed.id, request.id))
    assert entry.also
    assert entry.also.record.id == request.id


def test_they_are_one_where_only_the_pull_request_says_so(catalog: Catalog) -> None:
    landed = commit(3, "Add X", links=())
    request = thread("pull", 7, "Add X", opened=1, merged=3, links=(Link("landed-as", landed.id),))
    put(catalog, landed, request)
    (entry,) = entries(catalog, at(3)).values()
    assert entry.ids == (landed.id, request.id)
    assert (entry.view.pull, entry.view.pull_url) == ("7", request.url)


def test_a_pull_request_of_several_commits_stands_with_one_of_them(catalog: Catalog) -> None:
    link = (Link("pull", f"pull:{REPO}#9"),)
    second = commit(4, "Two", links=link, events=(Event("landed", day(3.5)),))
    put(catalog, commit(3, "One", links=link), second, thread("pull", 9, "Both", opened=1, merged=3.5))
    found = entries(catalog, at(3)).values()
    assert sorted(len(entry.ids) for entry in found) == [1, 2]


def test_what_a_merge_brought_stands_below_it(catalog: Catalog) -> None:
    put(catalog, *merged(5, 3, 4))
    (entry,) = entries(catalog, at(5)).values()
    assert set(entry.ids) == {commit(number).id for number in (5, 3, 4)}
    assert entry.group == "features"


def test_a_merged_pull_request_whose_commit_is_not_read_is_a_change(catalog: Catalog) -> None:
    request = thread("pull", 3, "fix: a race", opened=1, merged=3)
    put(catalog, request)
    assert entries(catalog, at(3))[request.id].group == "fixes"


def test_a_pull_request_is_open_on_its_day_though_it_was_merged_later(catalog: Catalog) -> None:
    request = thread("pull", 3, "Add X", opened=3, merged=5)
    put(catalog, request)
    then = entries(catalog, at(3))[request.id]
    assert (then.group, then.view.record.state) == ("opened pulls", "open")
    assert entries(catalog, at(5))[request.id].group == "features"
    assert entries(catalog, at(4)) == {}


def test_an_issue_is_news_when_it_is_opened_and_when_it_is_closed(catalog: Catalog) -> None:
    issue = thread("issue", 4, "It hangs", opened=3, closed=6)
    put(catalog, issue)
    assert entries(catalog, at(3))[issue.id].group == "opened issues"
    assert entries(catalog, at(3))[issue.id].view.record.state == "open"
    assert entries(catalog, at(6))[issue.id].group == "closed issues"
    assert entries(catalog, at(6, "7d"))[issue.id].group == "opened issues"


def test_a_commit_that_raises_the_version_is_no_release(catalog: Catalog) -> None:
    put(catalog, commit(3, "Bump version to 0.6.3"))
    (entry,) = entries(catalog, at(3)).values()
    assert entry.group == "versions"


def test_papers_are_told_when_they_appear_and_when_they_are_revised(catalog: Catalog) -> None:
    paper = Record(
        id="paper:arxiv:2602.00001",
        kind="paper",
        repo="",
        ref="2602.00001",
        title="Fast",
        events=(Event("published", day(3)), Event("revised", day(5))),
    )
    put(catalog, paper)
    assert [entries(catalog, at(number)).keys() == {paper.id} for number in (3, 4, 5)] == [True, False, True]


def test_only_the_chosen_repositories_are_told(catalog: Catalog) -> None:
    put(catalog, commit(3, repo="a/one"), commit(3, repo="a/two"))
    assert [entry.view.record.repo for entry in entries(catalog, replace(at(3), repos=("a/two",))).values()] == ["a/two"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_is_lost_and_nothing_stands_twice(store: Catalog, data: st.DataObject) -> None:
    """Any links among a few commits and pull requests, sensible or not."""
    numbers = range(1, 7)
    ids = [*(commit(number).id for number in numbers), *(pull(number, "x").id for number in numbers)]
    rels = ("pull", "landed-as", "brought", "landed-by", "fixes", "reverts")
    links = st.lists(st.builds(Link, st.sampled_from(rels), st.sampled_from(ids)), max_size=3).map(tuple)
    times = st.sampled_from([3.1, 3.5, 3.9, 4.2])
    records = [
        commit(number, events=(Event("landed", day(data.draw(times))),), links=data.draw(links)) for number in numbers
    ] + [
        thread("pull", number, "Request", opened=1, merged=data.draw(times), links=data.draw(links)) for number in numbers
    ]  # fmt: skip
    put(store, *records)
    entries(store, at(3))
    entries(store, at(4, "7d"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("gather") / "catalog.db") as opened:
        yield opened
