"""Whatever the records hold, an answer is inert, whole, and stands up to its own verification."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.catalog import Catalog, Filter
from kb.citations import verify
from kb.facts import Facts
from kb.types import FileChange, Link, Quote
from tests.answering import NEEDLE, WEEK, Everything, ask, by_topic, judged, merged
from tests.records import REPO, commit, put
from tests.test_render import LISTED, PARSER, flat


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


ANY = st.text(
    alphabet=st.one_of(st.sampled_from("`*_[]()<>#|~\\&@/\"'-+=.“”— \n01234x"), st.characters(codec="utf-8")), max_size=50
)
SENTENCES = st.lists(
    st.sampled_from(["It fixes `a_b` 3x.", 'Say "x" — 48 %!', "See [a](b) #12 v1.2.", "* 9329fb4 [x]: <b> because 2", ""]),
    max_size=4,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("hostile") / "catalog.db") as opened:
        yield opened


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=ANY, body=ANY, sentences=SENTENCES, path=ANY, author=ANY, tag=ANY, old=ANY)
def test_the_extractive_writer_never_fails_its_own_check(
    store: Catalog, title: str, body: str, sentences: list[str], path: str, author: str, tag: str, old: str
) -> None:
    files = (FileChange(path=path or "a", additions=3, deletions=1), FileChange(path=f"src/{path}", additions=1))
    first = commit(1, title or " ", body="\n".join([body, *sentences]), author=author, files=files)
    revert = commit(
        2, f'Revert "{title}"', author=author, links=(Link("reverts", commit(3).id), Link("pull", f"pull:{REPO}#2"))
    )
    one, piece = merged(5, 4)
    put(
        store,
        first,
        revert,
        commit(3, old or " "),
        one,
        replace(piece, title=title or " "),
        first_tags={first.id: tag} if tag else {},
    )
    records = store.records(store.select(Filter()))
    for scope in (WEEK, NEEDLE, replace(NEEDLE, question="When and why?")):
        for language in ("en", "zh"):
            quotes = {record.id: Quote(record.body or record.title) for record in records}
            judge = by_topic if scope is WEEK else judged("answered", 0)
            found = ask(store, scope, judge, searcher=Everything(store, quotes), language=language)
            assert found.removed == 0
            assert found.coverage.listed == (5 if scope is WEEK else 1)
            tokens = list(flat(PARSER.parse(found.text)))
            allowed = LISTED | {
                "link_open",
                "link_close",
                "heading_open",
                "heading_close",
                "blockquote_open",
                "blockquote_close",
            }
            assert {token.type for token in tokens} <= allowed
            hrefs = [str(token.attrGet("href")) for token in tokens if token.type == "link_open"]
            assert all(href.startswith("https://example.org/acme/kernels/") for href in hrefs)


def test_what_an_answer_claims_of_tame_records_verifies_as_plain_text_too(catalog: Catalog) -> None:
    body = "This reduces launches from 48 to 12 by caching `plan_info` in src/part1.py.\n"
    first = commit(1, "perf: cache plan_info in run_v2 (#1)", body=body)
    put(
        catalog, first, commit(6, 'Revert "perf: cache plan_info in run_v2"', links=(Link("reverts", first.id),)), *merged(9, 8)
    )
    found = ask(catalog)
    evidence = {item.key: item for item in found.evidence}
    assert len(found.claims) == 3
    for claim in found.claims:
        assert verify(claim.text, claim.keys, evidence, Facts(UTC)) == "exact", claim.text
        changed = re.sub(r"[0-9](?=[^0-9]*$)", lambda digit: str((int(digit[0]) + 3) % 10), claim.text)
        assert verify(changed, claim.keys, evidence, Facts(UTC)) != "exact", changed
