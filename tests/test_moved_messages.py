"""The copy of a store in which pull requests say what commits said (benchmarks/moved_messages.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.moved_messages import copy
from kb.catalog import Catalog, Filter
from tests.records import REPO, commit, put, sha


@pytest.mark.parametrize("drop", [False, True])
def test_messages_move_to_the_pull_requests_or_nowhere(tmp_path: Path, drop: bool) -> None:
    with Catalog.open(tmp_path / "from.db") as source, Catalog.open(tmp_path / "to.db") as target:
        put(
            source,
            commit(1, "Squash (#1)", body="The long story."),
            commit(2, "Plain", body="Its own.", links=()),
            cursor="here",
        )
        assert copy(source, target, drop=drop) == (2 if drop else 3)
        assert target.cursor("git") == "here"
        records = {record.id: record for record in target.records(target.select(Filter()))}
    assert records[f"commit:{REPO}@{sha(1)}"].body == ""
    assert records[f"commit:{REPO}@{sha(2)}"].body == "Its own."
    pull = records.get(f"pull:{REPO}#1")
    assert (pull is None) == drop
    if pull is not None:
        assert (pull.title, pull.body, pull.state) == ("Squash", "The long story.", "merged")
