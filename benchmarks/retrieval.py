"""Retrieval, answer sets and abstention on a file of questions: ours beside its parts and a plain llama-index retriever.

One JSON object a line: ``id``, ``query`` (and ``query_zh``), ``as_of`` (now is the end of that day, UTC), ``repo``, ``window``
({start, end} or null), ``gold`` (SHAs), ``borderline`` (neither right nor wrong), ``kind`` (needle, window, identifier,
unanswerable). The system is given the question and ``as_of``, with --scoped also ``repo`` and ``window``. Every line that is
not blank has its line in the result; what cannot be read or asked has a ``problem`` there, and is named at the end.

    python -m benchmarks.retrieval --queries FILE --config kb.toml --data-dir DIR --out FILE
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.questions import Question, key, questions
from kb.catalog import Catalog, Filter
from kb.config import load_config
from kb.errors import KbError
from kb.types import Answer
from kb.wiring import Asked, KnowledgeBase, open_kb

LISTED = 100  # results written for a question; a window has its whole ranking up to here


@dataclass(frozen=True)
class Outcome:
    """What the system gave: record ids in order, the answer's status, confidence and ids, and milliseconds for both.

    ``problem`` says why there is none of it.
    """

    results: tuple[str, ...] = ()
    status: str = "abstained"
    confidence: float = 0.0
    answer_ids: tuple[str, ...] = ()
    ms: float = 0.0
    problem: str = ""


def asked(question: Question, *, scoped: bool) -> Asked:
    """The question as the system gets it."""
    as_of = question.as_of.isoformat() if question.as_of else None
    if not scoped:
        return Asked(question.text, as_of=as_of)
    since, until = (at.isoformat() if at else None for at in question.window or (None, None))
    return Asked(question.text, repos=question.repos, since=since, until=until, as_of=as_of)


def run(kb: KnowledgeBase, question: Question, *, scoped: bool) -> Outcome:
    """Search and ask once; what cannot be asked has an outcome too, with the reason."""
    started = time.perf_counter()
    if question.problem:
        return Outcome(problem=question.problem)
    request = asked(question, scoped=scoped)
    try:
        found = kb.search(request, limit=LISTED).found
        answer = kb.ask(request)
    except Exception as error:  # a repository that is not indexed, an empty window, a bug: the other questions go on
        reason = error.message if isinstance(error, KbError) else f"{type(error).__name__}: {error}"
        return Outcome(problem=reason, ms=1000 * (time.perf_counter() - started))
    return Outcome(
        results=tuple(hit.record.id for hit in found.hits),
        status=answer.status,
        confidence=answer.confidence,
        answer_ids=tuple(answered(answer)),
        ms=1000 * (time.perf_counter() - started),
    )


def answered(answer: Answer) -> Iterator[str]:
    """Ids of what an answer says answers the question, not of what it merely mentions: none where it abstains."""
    return iter(answer.matched if answer.status != "abstained" else ())


# --- scores ---------------------------------------------------------------------------------------------------------------


def scores(pairs: Iterable[tuple[Question, Outcome]]) -> dict[str, float]:
    """Figures over questions and outcomes; the names say the kind and the measure."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    sure: dict[bool, list[float]] = {True: [], False: []}
    for question, outcome in pairs:
        for name, value in _of_one(question, outcome):
            values[name].append(value)
        if question.kind in ("needle", "unanswerable"):
            sure[question.kind == "needle"].append(outcome.confidence)
    result = {name: round(fmean(found), 3) for name, found in values.items()}
    if sure[True] and sure[False]:
        result["answerability AUROC"] = round(auroc(sure[True], sure[False]), 3)
    return result


def _of_one(question: Question, outcome: Outcome) -> Iterator[tuple[str, float]]:
    ranked = [found for found in map(key, outcome.results) if found not in question.borderline]
    if question.kind == "window" and question.gold:
        size = len(question.gold)
        yield "window recall at gold size", len(question.gold.intersection(ranked[:size])) / size
        yield "window answer F1", f1(frozenset(map(key, outcome.answer_ids)) - question.borderline, question.gold)
    elif question.kind in ("needle", "identifier") and question.gold:
        for depth in (1, 5):
            yield f"{question.kind} hit@{depth}", float(bool(question.gold.intersection(ranked[:depth])))
        yield f"{question.kind} answered", float(outcome.status == "answered")
    elif question.kind == "unanswerable":
        yield "unanswerable abstained", float(outcome.status == "abstained")
        yield "unanswerable answered", float(outcome.status == "answered")


def f1(given: frozenset[str], gold: frozenset[str]) -> float:
    """Harmonic mean of precision and recall; 0 where nothing is right."""
    right = len(given & gold)
    return 2 * right / (len(given) + len(gold)) if right else 0.0


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    wins = sum((high > low) + 0.5 * (high == low) for high in positive for low in negative)
    return wins / (len(positive) * len(negative))


# --- rows beside ours -----------------------------------------------------------------------------------------------------

Ranker = Callable[[Question], Sequence[str]]


def part_ranker(kb: KnowledgeBase, feature: str, *, scoped: bool) -> Ranker:
    """Our candidates ranked by one score alone: "message" is BM25, "cosine" the dense arm."""

    def rank(question: Question) -> list[str]:
        hits = kb.search(asked(question, scoped=scoped), limit=2_000).found.hits
        return [hit.record.id for hit in sorted(hits, key=lambda hit: -hit.features.get(feature, 0.0))]

    return rank


def plain_ranker(kb: KnowledgeBase, folder: Path) -> Ranker:
    """A plain llama-index retriever over the same commits, given the repository and the window as metadata filters."""
    from benchmarks.plain import PlainIndex

    plain = PlainIndex()
    with Catalog.open(kb.data_dir / "catalog.db", read_only=True) as catalog:
        plain.build(catalog.records(catalog.select(Filter())), folder)

    def rank(question: Question) -> Sequence[str]:
        since, until = question.window or (None, question.as_of)
        return plain.query(question.text, repo=next(iter(question.repos), ""), since=since, until=until, limit=20)

    return rank


def ranked_scores(rank: Ranker, asked_for: Sequence[Question]) -> dict[str, float]:
    """Scores of a row that only ranks."""
    pairs = []
    for question in asked_for:
        started = time.perf_counter()
        results = tuple(rank(question))
        pairs.append((question, Outcome(results=results, ms=1000 * (time.perf_counter() - started))))
    found = {name: value for name, value in scores(pairs).items() if "hit@" in name or "recall" in name}
    return {**found, **_median(pairs)}


# --- command line ---------------------------------------------------------------------------------------------------------


def main() -> None:
    """Run a question file and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path("kb.toml"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scoped", action="store_true", help="give the system the repository and the window too")
    parser.add_argument(
        "--language", choices=("en", "zh"), default="en", help="zh asks and scores query_zh, where there is one"
    )
    parser.add_argument("--parts", action="store_true", help="print BM25-only and dense-only rows too")
    parser.add_argument("--plain", type=Path, metavar="DIR", help="print a plain llama-index row too; its index is kept in DIR")
    chosen = parser.parse_args()
    config = load_config(chosen.config).model_copy(update={"timezone": "UTC"})
    with open_kb(config, data_dir=chosen.data_dir) as kb:
        pairs = []
        with chosen.out.open("w", encoding="utf-8") as file:
            for question in questions(chosen.queries, language=chosen.language):
                outcome = run(kb, question, scoped=chosen.scoped)
                pairs.append((question, outcome))
                file.write(json.dumps(_line(question, outcome)) + "\n")
                file.flush()
        scored = [(question, outcome) for question, outcome in pairs if _counts(question, chosen.language)]
        _print("ours", {**scores(scored), **_median(scored)})
        for question, outcome in pairs:
            if outcome.problem:
                print(f"not asked: {question.id}: {outcome.problem}")
        sound = [question for question, _ in scored]
        if chosen.parts:
            _print("BM25 only", ranked_scores(part_ranker(kb, "message", scoped=chosen.scoped), sound))
            _print("dense only", ranked_scores(part_ranker(kb, "cosine", scoped=chosen.scoped), sound))
        if chosen.plain:
            _print("plain llama-index", ranked_scores(plain_ranker(kb, chosen.plain), sound))


def _counts(question: Question, language: str) -> bool:
    """Whether it is a question in the language that is measured; one that was refused counts as missed."""
    return not question.problem and question.language == language


def _median(pairs: Sequence[tuple[Question, Outcome]]) -> dict[str, float]:
    return {"ms (median)": round(median(outcome.ms for _, outcome in pairs), 1)} if pairs else {}


def _line(question: Question, outcome: Outcome) -> dict[str, Any]:
    return {
        "id": question.id,
        "results": list(outcome.results),
        "status": outcome.status,
        "confidence": outcome.confidence,
        "answer_ids": list(outcome.answer_ids),
        "ms": round(outcome.ms, 1),
        **({"problem": outcome.problem} if outcome.problem else {}),
    }


def _print(name: str, found: Mapping[str, float]) -> None:
    print(name)
    for measure, value in sorted(found.items()):
        print(f"  {measure:28} {value}")


if __name__ == "__main__":
    main()
