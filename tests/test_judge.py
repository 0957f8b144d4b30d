"""Answered, closest match or abstained: properties of the cut and of the confidence, and each way to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.judge import ANSWERED, PARTIAL, confidence, cut, judge, set_confidence
from kb.types import Found, Hit, Judgement, Quote, Scope
from tests.records import commit

WORDS = 12
NEEDLE = Scope(question="which change fixed the race?", topic="race")
WINDOW = Scope(question="what changed in MoE?", topic="MoE", intent="window")
NAMED = Scope(question="what is #7?", identifiers=("#7",), intent="identifier")

unit = st.floats(0, 1)
falling = st.lists(unit, min_size=1, max_size=40).map(lambda found: [1.0, *sorted(found, reverse=True)[1:]])
features = st.fixed_dictionaries({"late": unit, "coverage": unit, "names": unit})
said = st.fixed_dictionaries({"titled": unit, "coverage": unit, "names": unit, "cosine": unit})
TOLD = {"titled": 1.0, "coverage": 1.0, "names": 1.0, "cosine": 0.5}


def hits(scores: Sequence[float], best: Mapping[str, float] | None = None) -> tuple[Hit, ...]:
    record = commit(1)
    return tuple(Hit(record, score, Quote(record.title), (best or {}) if at == 0 else {}) for at, score in enumerate(scores))


def judged(scope: Scope, found: tuple[Hit, ...]) -> Judgement:
    return judge(scope, Found(hits=found, in_window=len(found)))


# --- the cut --------------------------------------------------------------------------------------------------------------


@given(falling)
def test_the_cut_leaves_at_least_one_and_at_most_all(scores: list[float]) -> None:
    assert 1 <= cut(scores) <= len(scores)


@given(falling)
def test_the_cut_never_parts_equals(scores: list[float]) -> None:
    at = cut(scores)
    assert at == len(scores) or scores[at - 1] > scores[at]


@given(falling, st.integers(2, 4))
def test_the_cut_falls_at_the_same_score_however_many_records_have_each(scores: list[float], times: int) -> None:
    of_two = cut([score for score in scores for _ in range(2)])  # a best that stands alone is another matter
    assert 2 * cut([score for score in scores for _ in range(times)]) == times * of_two


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.7, 1), st.floats(0, 0.2))
def test_a_clear_drop_is_where_the_topic_ends(above: int, below: int, high: float, low: float) -> None:
    assert cut([1.0] + [high] * (above - 1) + [low] * below) == above


def test_the_cut_of_scores_that_fall_nowhere_keeps_all() -> None:
    assert cut([1.0, 0.99, 0.98, 0.97]) == 4


# --- confidence -----------------------------------------------------------------------------------------------------------


@given(features, falling)
def test_confidence_is_a_probability(best: dict[str, float], scores: list[float]) -> None:
    assert 0 <= confidence(hits(scores, best), words=WORDS) <= 1


@given(features, falling, st.sampled_from(["coverage", "names"]), unit)
def test_a_record_that_holds_more_of_the_question_is_never_less_sure(
    best: dict[str, float], scores: list[float], name: str, more: float
) -> None:
    raised = {**best, name: max(best[name], more)}
    assert confidence(hits(scores, raised), words=WORDS) >= confidence(hits(scores, best), words=WORDS)


@given(features, falling)
def test_a_closer_rival_never_makes_the_best_surer(best: dict[str, float], scores: list[float]) -> None:
    closer = [1.0] * len(scores)
    assert confidence(hits(closer, best), words=WORDS) <= confidence(hits(scores, best), words=WORDS)


def test_confidence_without_late_interaction_rests_on_coverage() -> None:
    held = confidence(hits([1.0, 0.2], {"coverage": 1.0, "names": 1.0}), words=WORDS)
    not_held = confidence(hits([1.0, 1.0], {"coverage": 0.1, "names": 0.0}), words=WORDS)
    assert held > ANSWERED > PARTIAL > not_held


# --- whether a topic is there ---------------------------------------------------------------------------------------------


@given(said)
def test_confidence_in_a_set_is_a_probability(best: dict[str, float]) -> None:
    assert 0 <= set_confidence(hits([1.0, 0.5], best)) <= 1


@given(said, st.sampled_from(["titled", "coverage", "names"]), unit)
def test_a_topic_of_which_more_is_said_is_never_less_surely_there(best: dict[str, float], name: str, more: float) -> None:
    raised = {**best, name: max(best[name], more)}
    assert set_confidence(hits([1.0], raised)) >= set_confidence(hits([1.0], best))


@given(said, st.floats(0.01, 1), unit)
def test_a_topic_that_is_nearer_in_meaning_is_never_less_surely_there(
    best: dict[str, float], near: float, nearer: float
) -> None:
    at, raised = {**best, "cosine": near}, {**best, "cosine": max(near, nearer)}
    assert set_confidence(hits([1.0], raised)) >= set_confidence(hits([1.0], at))


def test_any_of_the_first_records_shows_that_a_topic_is_there() -> None:
    (first, second) = hits([1.0, 0.9])
    assert set_confidence((first, replace(second, features=TOLD))) == set_confidence((replace(first, features=TOLD), second))


def test_a_topic_in_a_title_is_there_with_and_without_vectors() -> None:
    assert set_confidence(hits([1.0], TOLD)) > ANSWERED
    assert set_confidence(hits([1.0], {**TOLD, "cosine": 0.0})) > ANSWERED


def test_a_topic_that_is_only_mentioned_far_from_its_meaning_is_not_surely_there() -> None:
    mentioned = {"titled": 0.0, "coverage": 1.0, "names": 1.0, "cosine": 0.2}
    assert set_confidence(hits([1.0], mentioned)) < ANSWERED


# --- judging --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [NEEDLE, WINDOW, NAMED])
def test_nothing_found_is_abstained(scope: Scope) -> None:
    assert judged(scope, ()) == Judgement("abstained", 0.0, ())


@given(features, falling)
def test_status_and_confidence_of_a_described_change_agree(best: dict[str, float], scores: list[float]) -> None:
    verdict = judged(NEEDLE, hits(scores, best))
    sure = confidence(hits(scores, best), words=1)
    assert verdict.status == ("answered" if sure >= ANSWERED else "partial" if sure >= PARTIAL else "abstained")
    assert verdict.matched == (() if verdict.status == "abstained" else (0,))


def test_a_described_change_of_which_the_record_holds_everything_is_answered() -> None:
    assert judged(NEEDLE, hits([1.0, 0.3], {"late": 0.9, "coverage": 1.0, "names": 1.0})).status == "answered"


def test_an_identifier_is_answered_by_a_record_that_holds_it_and_else_not_at_all() -> None:
    assert judged(NAMED, hits([1.0], {"named": 0.6})) == Judgement("answered", 0.6, (0,))
    assert judged(NAMED, hits([1.0], {"late": 0.9, "coverage": 1.0, "names": 1.0})).status == "abstained"


def test_a_record_that_only_mentions_an_identifier_is_the_closest_match() -> None:
    assert judged(NAMED, hits([1.0], {"named": 0.4})) == Judgement("partial", 0.4, (0,))


def test_a_window_without_topic_matches_every_record() -> None:
    assert judged(replace(WINDOW, topic=""), hits([0.0] * 7)) == Judgement("answered", 1.0, tuple(range(7)))


def test_a_window_whose_topic_no_record_holds_is_abstained() -> None:
    assert judged(WINDOW, hits([1.0, 0.9], {"coverage": 0.1, "names": 1.0})).status == "abstained"


def test_a_window_matches_what_stands_above_the_cut() -> None:
    verdict = judged(WINDOW, hits([1.0, 0.9, 0.88, 0.2, 0.1], TOLD))
    assert (verdict.status, verdict.matched) == ("answered", (0, 1, 2))


def test_a_window_whose_topic_is_only_another_word_for_the_kind_of_change_matches_that_kind() -> None:
    found = hits([1.0, 0.9, 0.8], {"coverage": 0.1, "names": 1.0})
    of_kind = (found[0], replace(found[1], features={"facet": 1.0}), found[2])
    assert judged(WINDOW, of_kind) == Judgement("answered", 1.0, (1,))


@given(said)
def test_status_and_confidence_of_a_window_agree(best: dict[str, float]) -> None:
    sure = set_confidence(hits([1.0, 0.2], best))
    verdict = judged(WINDOW, hits([1.0, 0.2], best))
    assert verdict.status == ("answered" if sure >= ANSWERED else "partial" if sure >= PARTIAL else "abstained")
    assert bool(verdict.matched) == (verdict.status != "abstained")


def test_a_short_question_must_be_held_whole_and_a_long_story_need_not() -> None:
    half = hits([1.0, 0.9, 0.9, 0.9, 0.9, 0.9], {"late": 0.7, "coverage": 0.4, "names": 1.0})
    assert confidence(half, words=3) < 0.5 * confidence(half, words=15)


def test_standing_out_among_a_handful_of_records_proves_nothing() -> None:
    alone = hits([1.0, 0.1], {"late": 0.6, "coverage": 0.05, "names": 1.0})
    assert judged(NEEDLE, alone).status == "abstained"


def test_the_best_standing_out_does_not_end_a_topic_of_many() -> None:
    assert cut([1.0, 0.56, 0.53, 0.52, 0.51, 0.5, 0.25, 0.2]) == 6
