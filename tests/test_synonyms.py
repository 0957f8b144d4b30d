"""Paraphrases: the table is read right, and expansion only ever adds."""

from __future__ import annotations

from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from kb.synonyms import concepts, expansion_tokens, expansions
from kb.text import tokens

TABLE = resources.files("kb").joinpath("data/synonyms_en.txt").read_text(encoding="utf-8").splitlines()
ROWS = [line for line in TABLE if line.strip() and not line.startswith("#")]
PHRASES = [row.partition("=")[0] for row in ROWS]

questions = st.one_of(
    st.text(max_size=120), st.lists(st.sampled_from([*PHRASES, "kernel", "FP8", "修复", "of"]), max_size=8).map(" ".join)
)


def test_every_row_has_a_phrase_and_words() -> None:
    for row in ROWS:
        phrase, equals, words = row.partition("=")
        assert equals, row
        assert tokens(phrase), row
        assert words.split(), row


def test_each_phrase_is_one_concept_with_the_words_of_all_its_rows() -> None:
    by_tokens: dict[tuple[str, ...], set[str]] = {}
    for phrase, _, words in (row.partition("=") for row in ROWS):
        by_tokens.setdefault(tuple(tokens(phrase)), set()).update(words.split())
    for phrase in PHRASES:
        (concept,) = concepts(phrase)
        assert set(concept.words) == by_tokens[tuple(tokens(phrase))], phrase


def test_a_phrase_within_a_question_is_one_concept_and_the_longest_wins() -> None:
    found = concepts("memory keeps climbing on Hopper")
    by_words = {concept.words: concept.own for concept in found if concept.words}
    assert any("leak" in words for words in by_words)
    assert any("sm90" in words for words in by_words)


@given(questions)
def test_each_token_is_in_exactly_one_concept_in_order(text: str) -> None:
    assert [token for concept in concepts(text) for token in concept.own] == tokens(text)


@given(questions)
def test_expansion_never_repeats_what_the_text_says(text: str) -> None:
    said = set(tokens(text))
    assert not said.intersection(expansion_tokens(text))
    assert len(set(expansion_tokens(text))) == len(expansion_tokens(text))
    assert all(not set(tokens(word)) <= said for word in expansions(text))


def test_text_that_is_not_in_the_table_expands_to_nothing() -> None:
    assert expansions("zyzzyva quux") == []
    assert expansions("") == []
    assert concepts("") == []
