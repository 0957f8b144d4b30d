"""The lexical index: BM25 over ready tokens, filtered before it is ranked, always in step with the records."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb import lexical, rows, text
from kb.catalog import Catalog, Filter
from kb.errors import CatalogError
from kb.types import FileChange, Snapshot, Window
from tests.records import REPO, commit, day, pull, put, titles


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def found(catalog: Catalog, *tokens: str, field: str = "subject", **options: object) -> list[str]:
    return titles(catalog, [doc for doc, _ in catalog.lexical(field, tokens, **options)])  # type: ignore[arg-type]


def integrity(catalog: Catalog) -> None:
    """FTS5's own check of its tables, and that they hold exactly the tokens noted in `lexical`."""
    with sqlite3.connect(catalog.path, isolation_level=None) as connection:
        for field in text.FIELDS:
            connection.execute(f"INSERT INTO lexical_{field}(lexical_{field}) VALUES ('integrity-check')")
            blobs = connection.execute("SELECT tokens FROM lexical WHERE field = ?", (field,)).fetchall()
            noted = [rows.unpack(blob).split() for (blob,) in blobs]
            documents = Counter(token for tokens in noted for token in set(tokens))
            total = Counter(token for tokens in noted for token in tokens)
            held = {term: (doc, cnt) for term, doc, cnt in connection.execute(f"SELECT term, doc, cnt FROM vocabulary_{field}")}
            assert held == {token: (documents[token], total[token]) for token in documents}
    connection.close()


def test_scores_are_bm25(catalog: Catalog) -> None:
    subjects = ["moe gemm", "moe moe routing kernel", "attention", "decode", "prefill scale", "page table", "norm"]
    put(catalog, *(commit(number, title) for number, title in enumerate(subjects)))
    scores = {titles(catalog, [doc])[0]: score for doc, score in catalog.lexical("subject", ["moe", "gemm"])}

    lengths = [len(text.lexical_fields(commit(0, title))["subject"].split()) for title in subjects]
    average = sum(lengths) / len(lengths)

    def idf(documents: int) -> float:
        return math.log((len(subjects) - documents + 0.5) / (documents + 0.5))

    def part(count: int, length: int) -> float:
        return count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / average))

    assert scores["moe gemm"] == pytest.approx(idf(2) * part(1, lengths[0]) + idf(1) * part(1, lengths[0]))
    assert scores["moe moe routing kernel"] == pytest.approx(idf(2) * part(2, lengths[1]))
    assert list(scores) == ["moe gemm", "moe moe routing kernel"]
    assert catalog.document_frequency("subject", ["moe", "gemm", "absent"]) == {"moe": 2, "gemm": 1, "absent": 0}
    assert catalog.size() == 7


def test_every_field_is_searched_by_itself(catalog: Catalog) -> None:
    record = commit(1, "Alpha", body="Some bravo.", files=(FileChange(path="charlie.py", patch="@@ -1 +1 @@\n+delta = 1\n"),))
    put(catalog, record)
    fields = {field: set(tokens.split()) for field, tokens in text.lexical_fields(record).items()}
    assert set(fields) == set(text.FIELDS)
    every_token = set().union(*fields.values())
    for field in text.FIELDS:
        assert {token for token in every_token if catalog.lexical(field, [token])} == fields[field]
        assert catalog.document_frequency(field, sorted(every_token)) == {
            token: token in fields[field] for token in every_token
        }


def test_tokens_stay_whole(tmp_path: Path) -> None:
    tokens = ["sm_121", "9329fb4", "漢字", "h100量化", "#2450", "fp8.e4m3", "a-b", "x/y", "é", "🙂x"]
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, commit(1))
        with catalog._writing() as connection:
            lexical.remove(connection, 1)
            lexical.add(connection, 1, {"subject": " ".join(tokens)})
        with catalog._reading() as connection:
            assert {term for (term,) in connection.execute("SELECT term FROM vocabulary_subject")} == set(tokens)
        for token in tokens:
            assert catalog.lexical("subject", [token]), token


@pytest.mark.parametrize(
    "token", ['"', '"moe', "moe*", "NOT", "subject:moe", "a AND b", "", " ", "\0", "(", "^moe", "moe -x", "'; DROP"]
)
def test_hostile_tokens_find_nothing_and_break_nothing(catalog: Catalog, token: str) -> None:
    put(catalog, commit(1, "moe gemm"))
    assert catalog.lexical("subject", [token]) == []
    assert found(catalog, token, "moe") == ["moe gemm"]


def test_thousands_of_tokens_and_none(catalog: Catalog) -> None:
    put(catalog, commit(1, " ".join(f"word{number}" for number in range(3000))))
    assert len(catalog.lexical("subject", [f"word{number}" for number in range(3000)] * 2)) == 1
    assert catalog.lexical("subject", []) == []


def test_an_unknown_field_is_refused(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"no lexical field 'title'.*\n.*subject"):
        catalog.lexical("title", ["x"])


def test_filters_come_before_the_ranking(catalog: Catalog) -> None:
    put(
        catalog,
        *(commit(number, "moe") for number in range(50)),
        pull(60, "moe pull"),
        commit(70, "moe other", repo="other/repo"),
    )
    assert len(found(catalog, "moe")) == 52
    assert found(catalog, "moe", filter=Filter(kinds=("pull",)), limit=1) == ["moe pull"]
    assert found(catalog, "moe", filter=Filter(repos=("other/repo",)), limit=1) == ["moe other"]
    assert len(found(catalog, "moe", filter=Filter(window=Window(day(10), day(20))))) == 10
    assert found(catalog, "moe", filter=Filter(window=Window(day(300), None))) == []
    docs = catalog.select(Filter(window=Window(day(10), day(20))))
    assert {doc for doc, _ in catalog.lexical("subject", ["moe"], docs=docs)} == set(docs)
    assert len(catalog.lexical("subject", ["moe"], docs=docs, filter=Filter(window=Window(None, day(12))))) == 2
    assert catalog.lexical("subject", ["moe"], docs=[]) == []
    assert len(found(catalog, "moe", filter=Filter(repos=(REPO,)), limit=7)) == 7


def test_narrow_and_broad_filters_give_the_same_scores(catalog: Catalog) -> None:
    put(catalog, *(commit(number, f"moe word{number % 7} of{number % 3}") for number in range(200)))
    everything = dict(catalog.lexical("subject", ["moe", "word3", "of1"], limit=10**6))
    for span in (3, 20, 60, 199):
        chosen = Filter(window=Window(day(0), day(span)))
        docs = set(catalog.select(chosen))
        hits = catalog.lexical("subject", ["moe", "word3", "of1"], filter=chosen, limit=10**6)
        assert dict(hits) == pytest.approx({doc: score for doc, score in everything.items() if doc in docs})
        assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)


def test_what_is_gone_is_found_only_when_asked_for(catalog: Catalog) -> None:
    put(catalog, commit(1, "moe one"), commit(2, "moe two"))
    assert set(found(catalog, "moe")) == {"moe one", "moe two"}
    put(catalog, snapshot=Snapshot(frozenset({commit(2).id})))
    assert found(catalog, "moe") == ["moe two"]
    assert set(found(catalog, "moe", filter=Filter(include_gone=True))) == {"moe one", "moe two"}
    assert found(catalog, "moe", docs=catalog.select(Filter(include_gone=True))) == ["moe two"]


def test_the_index_follows_every_change(catalog: Catalog) -> None:
    put(catalog, *(commit(number, f"moe {number}", body="alpha beta") for number in range(30)))
    put(catalog, *(commit(number, f"gemm {number}", body="beta beta" if number % 2 else "") for number in range(0, 30, 3)))
    assert catalog.document_frequency("subject", ["moe", "gemm"]) == {"moe": 20, "gemm": 10}
    put(catalog, *(commit(number, files=()) for number in range(30)))
    assert catalog.document_frequency("subject", ["moe", "gemm"]) == {"moe": 0, "gemm": 0}
    integrity(catalog)


def test_common_tokens_are_left_out_of_large_searches_only() -> None:
    frequencies = {"rare": 10, "mid": 20_000, "mid2": 21_000, "mid3": 22_000, "mid4": 23_000, "most": 40_000, "absent": 0}
    assert lexical.telling(frequencies, 60_000, budget=None) == ["rare", "mid", "mid2", "mid3", "mid4"]
    assert lexical.telling(frequencies, 60_000, budget=45_000) == ["rare", "mid", "mid2", "mid3"]
    assert lexical.telling({"most": 40_000, "all": 60_000}, 60_000, budget=None) == ["most", "all"]
    assert lexical.telling({"rare": 1, "most": 900}, 999, budget=1) == ["rare", "most"]


def test_a_new_version_of_the_tokens_is_indexed_at_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, *(commit(number, f"moe {number}") for number in range(450)))
        put(catalog, snapshot=Snapshot(frozenset(commit(number).id for number in range(449))))
        stamp = catalog.stamp()

    monkeypatch.setattr(text, "TEXT_VERSION", text.TEXT_VERSION + 1)
    monkeypatch.setattr(text, "FIELDS", ("subject", "extra"))
    monkeypatch.setattr(text, "lexical_fields", lambda record: {"subject": "new " + record.title, "extra": "more"})
    with Catalog.open(path, read_only=True) as catalog:
        assert not catalog.lexical_is_current
        assert len(catalog.lexical("subject", ["moe"])) == 449
        with pytest.raises(CatalogError, match=r"lexical_extra|vocabulary_extra"):
            catalog.lexical("extra", ["more"])

    told: list[tuple[str, int, int | None]] = []
    with Catalog.open(path, progress=lambda *told_now: told.append(told_now)) as catalog:
        assert told == [("lexical index", 200, 450), ("lexical index", 400, 450), ("lexical index", 450, 450)]
        assert catalog.lexical_is_current
        assert len(catalog.lexical("subject", ["new"])) == 449
        assert len(catalog.lexical("extra", ["more"], filter=Filter(include_gone=True))) == 450
        assert catalog.stamp() != stamp
        integrity(catalog)
        with catalog._reading() as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'")}
        assert names == {"lexical_subject", "lexical_extra", "vocabulary_subject", "vocabulary_extra"}


def test_a_rebuild_that_is_broken_off_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.db"
    with Catalog.open(path) as catalog:
        put(catalog, *(commit(number, "moe") for number in range(450)))
    monkeypatch.setattr(text, "TEXT_VERSION", text.TEXT_VERSION + 1)

    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Catalog.open(path, progress=interrupt)
    with Catalog.open(path, read_only=True) as catalog:
        assert len(catalog.lexical("subject", ["moe"], limit=1000)) == 450
    with Catalog.open(path) as catalog:
        assert catalog.lexical_is_current
        integrity(catalog)
