"""Answers measured: citations, figures, sets, and whether to answer at all, each with a 95% interval.

Every question is asked, and once more as its twin where it has an answer (benchmarks/twins.py). Over the questions themselves:
how many statements are borne out by what they cite, how many citations bear anything out, how many figures are the record's
(benchmarks/cited.py checks the Markdown page, not the product's own claims), and how good a set question's set is. Over both:
the AUROC of answering, the share answered, the share of questions without an answer that are answered all the same. Intervals
are percentiles over 1,000 bootstrap samples of questions, each with its twin, from a fixed seed.

    python -m benchmarks.answers --queries FILE [FILE …] --config kb.toml --data-dir DIR

A language model that is configured ([llm] of kb.toml) is measured in the same run; --no-llm leaves it out.
--plain adds llama-index's CitationQueryEngine as it comes, over the same store's commits, on the first questions of the files
and their twins. It needs a language model (--llm, an OpenAI-compatible server) and the time to embed what it is given.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.calibrate import read
from benchmarks.cited import Checked, Desk
from benchmarks.questions import key
from benchmarks.retrieval import auroc, f1
from benchmarks.twins import Answerer, Trial, TwinBase, extractive, modelled, open_twins, trials
from kb.config import Config, load_config

SAMPLES = 1_000
SEED = 20_260_101


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one question came to. ``given`` and ``gold`` are keys (benchmarks.questions.key), borderline ones left out."""

    question: str
    kind: str
    answerable: bool
    answered: bool
    confidence: float
    checked: Checked
    claims: int = 0
    removed: int = 0
    given: frozenset[str] = frozenset()
    gold: frozenset[str] = frozenset()


def row(trial: Trial, desk: Desk) -> Row:
    """A trial that could be asked, with its page checked; a twin's page is held to the store as it is now, without the gold."""
    question, answer = trial.question, trial.answer
    if answer is None:
        raise ValueError(f"{question.id} was not asked: {trial.problem}")
    return Row(
        question=str(question.id),
        kind=question.kind,
        answerable=trial.answerable,
        answered=trial.answered,
        confidence=trial.confidence,
        checked=desk.check(answer.text, language=answer.language),
        claims=len(answer.claims),
        removed=answer.removed,
        given=frozenset(key(id) for id in (answer.matched if answer.status != "abstained" else ())) - question.borderline,
        gold=question.gold,
    )


# --- measures -------------------------------------------------------------------------------------------------------------


def measures(rows: Sequence[Row]) -> dict[str, float]:
    """Figures by name; what there is nothing to measure of is left out."""
    checked = [one.checked for one in rows]
    right = [one for one in rows if one.answerable]
    wrong = [one for one in rows if not one.answerable]
    sets = [one for one in right if one.kind == "window"]
    single = [one for one in right if one.kind in ("needle", "identifier")]
    found = {
        "statements": _share(sum(one.supported for one in checked), sum(one.statements for one in checked)),
        "citations": _share(sum(one.bearing for one in checked), sum(one.citations for one in checked)),
        "figures": _share(sum(one.right for one in checked), sum(one.figures for one in checked)),
        "removed": _share(sum(one.removed for one in rows), sum(one.claims + one.removed for one in rows)),
        "set precision": _mean(len(one.given & one.gold) / len(one.given) for one in sets if one.given),
        "set recall": _mean(len(one.given & one.gold) / len(one.gold) for one in sets),
        "set F1": _mean(f1(one.given, one.gold) for one in sets),
        "single right": _mean(float(one.answered and not one.given.isdisjoint(one.gold)) for one in single),
        "answered": _mean(float(one.answered) for one in right),
        "false answers": _mean(float(one.answered) for one in wrong),
        "AUROC": auroc([o.confidence for o in right], [o.confidence for o in wrong]) if right and wrong else None,
    }
    return {_NAMES[name]: value for name, value in found.items() if value is not None}


_NAMES = {
    "statements": "citation recall (statements borne out by what they cite)",
    "citations": "citation precision (citations that bear something out)",
    "figures": "figure fidelity (figures that are a cited record's)",
    "removed": "removed sentences (of those drafted)",
    "set precision": "set precision",
    "set recall": "set recall",
    "set F1": "set F1",
    "single right": "single answers: answered, and right",
    "answered": "answerable questions answered",
    "false answers": "questions without an answer answered all the same",
    "AUROC": "answering, AUROC",
}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None


def intervals(
    rows: Sequence[Row],
    *,
    samples: int = SAMPLES,
    seed: int = SEED,
    of: Callable[[Sequence[Row]], Mapping[str, float]] = measures,
) -> dict[str, tuple[float, float]]:
    """name -> 2.5th and 97.5th percentile over bootstrap samples of questions; a question comes with its twin."""
    together: dict[str, list[Row]] = {}
    for one in rows:
        together.setdefault(one.question, []).append(one)
    groups = list(together.values())
    chance = random.Random(seed)
    found: dict[str, list[float]] = {}
    for _ in range(samples):
        sample = [one for group in chance.choices(groups, k=len(groups)) for one in group]
        for name, value in of(sample).items():
            found.setdefault(name, []).append(value)
    return {name: (_percentile(values, 0.025), _percentile(values, 0.975)) for name, values in found.items()}


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def table(rows: Sequence[Row], *, samples: int = SAMPLES) -> list[str]:
    """A line for each figure."""
    between = intervals(rows, samples=samples)
    lines = []
    for name, value in measures(rows).items():
        low, high = between[name]
        lines.append(f"{name:58} {value:.3f}  [{low:.3f}, {high:.3f}]")
    return lines


# --- command line ---------------------------------------------------------------------------------------------------------


def answerers(config: Config, *, model: bool) -> dict[str, Answerer]:
    """Who answers, by name: the records themselves, and the configured language model where there is one and it may."""
    table = config.llm
    found: dict[str, Answerer] = {"extractive": extractive}
    if model and table.provider != "none":
        found[table.model] = modelled
    return found


def ask(kb: TwinBase, asked: Iterable[Trial]) -> tuple[list[Row], list[str]]:
    """A row for each trial, and what is wrong with pages or could not be asked."""
    desk = Desk(kb.catalog)
    rows: list[Row] = []
    wrong: list[str] = []
    for trial in asked:
        name = f"{trial.question.id}{' (twin)' if trial.twin else ''}"
        if trial.problem:
            wrong.append(f"not asked: {name}: {trial.problem}")
            continue
        rows.append(row(trial, desk))
        wrong += [f"{name}: {text}" for text in rows[-1].checked.wrong]
    return rows, wrong


def main() -> None:
    """Ask everything once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=Path, required=True, nargs="+")
    parser.add_argument("--config", type=Path, default=Path("kb.toml"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--no-llm", action="store_true", help="extractive answers only, also where a model is configured")
    parser.add_argument("--plain", type=Path, metavar="DIR", help="measure a CitationQueryEngine too; its index is kept in DIR")
    parser.add_argument("--llm", metavar="URL", help="the OpenAI-compatible server that --plain asks, up to /v1")
    parser.add_argument("--model", default="model", help="the model's name there")
    parser.add_argument("--plain-questions", type=int, default=8)
    parser.add_argument("--plain-records", type=int, default=150, help="so many commits are embedded: the answers, and others")
    chosen = parser.parse_args()
    if chosen.plain and not chosen.llm:
        parser.error("--plain needs --llm: the engine writes with a language model")
    config = load_config(chosen.config).model_copy(update={"timezone": "UTC"})
    with open_twins(config, data_dir=chosen.data_dir) as kb:
        asked = read(chosen.queries, language=chosen.language)
        for name, answerer in answerers(config, model=not chosen.no_llm).items():
            rows, wrong = ask(kb, trials(kb, asked, answerer=answerer))
            print("\n".join([name, *table(rows), *wrong] if rows else wrong))
        if chosen.plain:
            from benchmarks.plain_answers import PlainEngine

            few = asked[: chosen.plain_questions]
            engine = PlainEngine.build(
                kb, few, folder=chosen.plain, url=chosen.llm, model=chosen.model, most=chosen.plain_records
            )
            rows, wrong = ask(kb, engine.trials(few))
            print("\n".join([f"llama-index's CitationQueryEngine, {len(few)} questions", *table(rows), *wrong]))


if __name__ == "__main__":
    main()
