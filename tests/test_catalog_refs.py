"""What a person may type for a record: a full id, a SHA, a number, a tag, an arXiv id, with or without the repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.catalog import Catalog, Filter
from kb.types import Event, Record, Snapshot, Tag
from tests.records import REPO, commit, day, pull, put, sha, titles

OTHER = "other/kernels2"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    issue = Record(id=f"issue:{REPO}#7", kind="issue", repo=REPO, ref="7", title="issue 7", events=(Event("opened", day(0)),))
    release = Record(id=f"release:{REPO}@v1.0", kind="release", repo=REPO, ref="v1.0", title="release v1.0")
    paper = Record(id="paper:arxiv:2602.02061", kind="paper", repo="", ref="2602.02061", title="a paper")
    with Catalog.open(tmp_path_factory.mktemp("refs") / "catalog.db") as opened:
        put(
            opened,
            commit(7, "old commit 7"),
            commit(8),
            commit(9, "gone 9"),
            issue,
            pull(5, "pull 5"),
            release,
            paper,
            tags=(Tag("v1.0", sha(8), day(8)),),
        )
        put(opened, commit(7, "other 7", repo=OTHER), pull(7, "other pull 7", repo=OTHER), source="other")
        everything = {commit(7).id, commit(8).id, issue.id, pull(5, "").id, release.id, paper.id}
        put(opened, snapshot=Snapshot(frozenset(everything)))
        yield opened


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        (f"commit:{REPO}@{sha(8)}", ["change number 8"]),
        (sha(8), ["change number 8"]),
        (sha(8)[:6], ["change number 8"]),
        (sha(8)[:7].upper(), ["change number 8"]),
        (f"  {sha(8)[:10]} ", ["change number 8"]),
        (sha(8)[:5], []),
        (f"kernels@{sha(8)[:7]}", ["change number 8"]),
        (f"{OTHER}@{sha(8)[:7]}", []),
        (sha(7)[:8], ["old commit 7", "other 7"]),
        ("#7", ["old commit 7", "other 7", "other pull 7", "issue 7"]),
        ("7", ["old commit 7", "other 7", "other pull 7", "issue 7"]),
        (f"{REPO}#7", ["old commit 7", "issue 7"]),
        ("Kernels#7", ["old commit 7", "issue 7"]),
        ("nobody/nothing#7", []),
        ("#5", ["pull 5"]),
        ("#9", ["gone 9"]),
        (sha(9)[:9], ["gone 9"]),
        ("v1.0", ["change number 8", "release v1.0"]),
        (f"{REPO}@v1.0", ["change number 8", "release v1.0"]),
        ("kernels2@v1.0", []),
        ("2602.02061", ["a paper"]),
        ("arXiv:2602.02061v3", ["a paper"]),
        ("https://arxiv.org/abs/2602.02061v1", ["a paper"]),
        ("2602.02062", []),
        ("", []),
        ("%", []),
        ("\0\ud800", []),
        ("#", []),
        ("@", []),
        ("9" * 5000, []),
    ],
)  # fmt: skip
def test_a_reference_finds(catalog: Catalog, reference: str, wanted: list[str]) -> None:
    assert titles(catalog, catalog.find_ref(reference)) == wanted


HOSTILE = st.text(st.one_of(st.sampled_from("@#/:.v019afXR-_\"'()*^%\0\n "), st.characters()), max_size=25)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE, others=st.lists(HOSTILE, max_size=3))
def test_no_text_breaks_a_lookup(catalog: Catalog, text: str, others: list[str]) -> None:
    known = set(catalog.select(Filter(include_gone=True)))
    assert set(catalog.find_ref(text)) <= known
    assert set(catalog.find_ref(text, repos=others)) <= known
    assert {doc for doc, _ in catalog.lexical("subject", [text, *others])} <= known
    assert catalog.document_frequency("subject", others).keys() == set(others)
    assert catalog.docs([text, *others]) == {}
    assert catalog.backlinks([text, *others]) == []
    assert catalog.tags(text) == ()
    assert catalog.record(text) is None
    assert catalog.select(Filter(repos=(text,), kinds=(text,))) == []


def test_only_in_the_repositories_asked_for(catalog: Catalog) -> None:
    assert titles(catalog, catalog.find_ref("#7", repos=[OTHER])) == ["other 7", "other pull 7"]
    assert titles(catalog, catalog.find_ref("2602.02061", repos=[OTHER])) == ["a paper"]


def test_a_tag_that_looks_like_something_else(tmp_path: Path) -> None:
    names = ["pkg@2", "20260201", "abcdef1", "1.0"]
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, *(Record(id=f"release:{REPO}@{name}", kind="release", repo=REPO, ref=name, title=name) for name in names))
        for name in names:
            assert titles(catalog, catalog.find_ref(name)) == [name]
