"""Gold-removed twins (benchmarks/twins.py): what stands for the answer is away within the block, and back after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.questions import Question, key
from benchmarks.twins import Changes, Trial, TwinBase, TwinCatalog, open_twins, trials
from kb.catalog import Catalog, Filter
from kb.config import load_config
from kb.types import Answer, Coverage, Link, Record, Scope
from tests.records import REPO, commit, pull, put, sha

GOLD = commit(1, "Guard the reciprocal of a zero scale (#7)", body="The scale was 0.", links=(Link("pull", f"pull:{REPO}#7"),))
SAME = {
    "its pull request": pull(7, "Guard the reciprocal of a zero scale", state="merged"),
    "a revert": commit(2, 'Revert "Guard the reciprocal of a zero scale (#7)"', links=(Link("reverts", GOLD.id),)),
    "a second landing": commit(3, "Guard the reciprocal of a zero scale (#9)", links=()),
    "a merge that names it": commit(4, "Merge branch main", body="Guard the reciprocal of a zero scale", links=()),
    "a cherry-pick": commit(5, "Backported: zero scales", body=f"(cherry picked from commit {GOLD.ref})", links=()),
}
OTHERS = (
    commit(6, "Guard the logarithm of a zero scale", links=()),
    commit(8, "Guard the reciprocal of a zero scale", repo="acme/other", links=()),
)
QUESTION = Question(id="N1", text="which commit guards the reciprocal?", kind="needle", gold=frozenset({key(GOLD.id)}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, GOLD, *SAME.values(), *OTHERS)
    return tmp_path / "catalog.db"


@pytest.fixture
def twins(path: Path) -> Iterator[TwinCatalog]:
    with TwinCatalog(path) as catalog:
        yield catalog


def ids(catalog: Catalog) -> set[str]:
    return {record.id for record in catalog.records(catalog.select(Filter()))}


@pytest.mark.parametrize("name", SAME)
def test_what_stands_for_the_answer_is_known(twins: TwinCatalog, name: str) -> None:
    assert SAME[name].id in Changes(twins).standing_for(QUESTION.gold)


def test_another_change_and_another_repository_stay(twins: TwinCatalog) -> None:
    assert Changes(twins).standing_for(QUESTION.gold) == {GOLD.id, *(record.id for record in SAME.values())}


def test_a_title_of_two_words_tells_no_change_from_another(tmp_path: Path) -> None:
    first, second = commit(1, "Fix typo", links=()), commit(2, "Fix typo", links=())
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, first, second)
        assert Changes(catalog).standing_for({key(first.id)}) == {first.id}


def test_the_store_is_as_if_the_answer_had_never_been_there(twins: TwinCatalog) -> None:
    before, stamp, size = ids(twins), twins.stamp(), twins.size()
    counted, doc = twins.document_frequency("message", ["reciproc"]), twins.docs([GOLD.id])[GOLD.id]
    assert doc in {other for _, _, other in twins.backlinks([f"pull:{REPO}#7"])}
    with twins.without([GOLD.id, "commit:nobody/knows@1"]):
        assert ids(twins) == before - {GOLD.id}
        assert twins.size() == size - 1
        assert twins.stamp() != stamp
        assert twins.document_frequency("message", ["reciproc"])["reciproc"] == counted["reciproc"] - 1
        assert not twins.find_ref(GOLD.ref)
        assert doc not in {other for _, _, other in twins.backlinks([f"pull:{REPO}#7"])}
    assert (ids(twins), twins.stamp(), twins.size()) == (before, stamp, size)
    assert twins.document_frequency("message", ["reciproc"]) == counted


def test_two_twins_never_share_a_stamp(twins: TwinCatalog) -> None:
    stamps = []
    for record in OTHERS:
        with twins.without([record.id]):
            stamps.append(twins.stamp())
    assert len({*stamps, twins.stamp()}) == 3


def test_an_error_within_brings_the_answer_back(twins: TwinCatalog) -> None:
    with pytest.raises(ValueError, match="broken"), twins.without([GOLD.id]):
        raise ValueError("broken")
    assert GOLD.id in ids(twins)


def test_the_store_itself_is_never_written(path: Path) -> None:
    before = path.read_bytes()
    with TwinCatalog(path) as catalog, catalog.without([GOLD.id]):
        pass
    assert path.read_bytes() == before


def given(*records: Record, status: str = "answered", confidence: float = 0.9) -> Answer:
    scope = Scope(question=QUESTION.text)
    matched = tuple(record.id for record in records)
    return Answer(
        question=QUESTION.text,
        scope=scope,
        status=status,
        text="",
        claims=(),
        evidence=(),
        coverage=Coverage(len(matched), len(matched), 9),
        confidence=confidence,
        matched=matched,
    )


def test_each_question_is_asked_of_the_whole_store_and_then_of_its_twin(path: Path) -> None:
    seen: list[bool] = []
    (path.parent / "kb.toml").write_text("", encoding="utf-8")
    nothing = Question(id="U1", text="which commit bumps to 9.0?", kind="unanswerable")
    unread = Question(id="X", problem="not JSON")
    with open_twins(load_config(path.parent / "kb.toml"), data_dir=path.parent) as kb:

        def answerer(base: TwinBase, request: object) -> Answer:
            seen.append(base.catalog.record(GOLD.id) is not None)
            return given(GOLD)

        asked = list(trials(kb, [QUESTION, nothing, unread], answerer=answerer))  # type: ignore[arg-type]
    assert seen == [True, False, True]
    assert [(one.question.id, one.twin, one.answerable, one.answered) for one in asked] == [
        ("N1", False, True, True),
        ("N1", True, False, True),
        ("U1", False, False, True),
        ("X", False, False, False),
    ]
    assert asked[-1].problem == "not JSON"


def test_a_window_in_which_nothing_happened_is_no_false_answer() -> None:
    quiet = Trial(QUESTION, twin=True, answer=given(confidence=1.0))
    assert (quiet.answered, quiet.confidence) == (False, 0.0)


def test_how_sure_an_abstention_was_counts() -> None:
    assert Trial(QUESTION, twin=True, answer=given(status="abstained", confidence=0.08)).confidence == 0.08


def test_a_sha_is_what_a_question_names_its_answer_by() -> None:
    assert key(GOLD.id) == sha(1)
