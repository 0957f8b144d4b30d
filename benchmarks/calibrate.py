"""Answer or abstain: what the judge's confidence is worth, and whether its thresholds are where they should be.

Every question of the files is asked, and every one that has an answer once more as its twin, with the answer deleted from a
copy of the store (benchmarks/twins.py). Then: the probability that an answerable question gets a higher confidence than one
without an answer (AUROC), the share of answerable questions answered against the share of the others answered falsely, at each
threshold, and the thresholds that the curve recommends beside those of kb/judge.py.

    python -m benchmarks.calibrate --queries FILE [FILE …] --config kb.toml --data-dir DIR

The exit status is 1 where the shipped threshold answers falsely over --tolerance more often than is allowed, or answers that
much less often than it could.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.questions import Question, key, questions
from benchmarks.retrieval import auroc
from benchmarks.twins import Trial, open_twins, trials
from kb.config import load_config
from kb.judge import ANSWERED, PARTIAL

ALLOWED_FALSE = 0.10  # of the questions without an answer
LOST = 0.05  # of the answerable questions: so many may get not even a closest match
TOLERANCE = 0.05
_SHOWN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold gives: the share of answerable questions at or above it, and of those without an answer."""

    threshold: float
    answered: float
    false: float


@dataclass(frozen=True, slots=True)
class Scored:
    """One confidence of a question that has an answer, or has none."""

    confidence: float
    answerable: bool


def point(scored: Sequence[Scored], threshold: float) -> Point:
    """Shares at a threshold; 0 where there is nothing to take a share of."""

    def share(answerable: bool) -> float:
        found = [one.confidence >= threshold for one in scored if one.answerable is answerable]
        return sum(found) / len(found) if found else 0.0

    return Point(threshold, share(True), share(False))


def curve(scored: Sequence[Scored]) -> list[Point]:
    """The point of each confidence that occurs, lowest first: nothing changes between them."""
    return [point(scored, threshold) for threshold in sorted({one.confidence for one in scored})]


def recommended(scored: Sequence[Scored], *, allowed: float = ALLOWED_FALSE) -> Point | None:
    """The lowest threshold with no more false answers than ``allowed``; None where even the highest has more."""
    return next((found for found in curve(scored) if found.false <= allowed), None)


def closest(scored: Sequence[Scored], *, lost: float = LOST) -> Point | None:
    """The highest threshold that leaves no more than ``lost`` of the answerable questions below it."""
    return next((found for found in reversed(curve(scored)) if found.answered >= 1 - lost), None)


def faults(scored: Sequence[Scored], *, shipped: float = ANSWERED, tolerance: float = TOLERANCE) -> Iterator[str]:
    """What is wrong with a threshold, by what it does and not by its value."""
    now, best = point(scored, shipped), recommended(scored)
    if now.false > ALLOWED_FALSE + tolerance:
        yield f"{now.false:.2f} of the questions without an answer are answered; {ALLOWED_FALSE:.2f} are allowed"
    if best and now.answered < best.answered - tolerance:
        could = f"{best.answered:.2f} could be, at {best.threshold:.3f}"
        yield f"{now.answered:.2f} of the answerable questions are answered; {could}"


def separation(asked: Sequence[Trial]) -> float:
    """AUROC of answerable questions against the others."""
    return auroc([one.confidence for one in asked if one.answerable], [one.confidence for one in asked if not one.answerable])


def found_first(trial: Trial) -> bool:
    """Whether the first record given is right, or any of a set's."""
    given = [key(id) for id in trial.answer.matched] if trial.answer else []
    return not trial.question.gold.isdisjoint(given if trial.question.kind == "window" else given[:1])


# --- report ---------------------------------------------------------------------------------------------------------------


def report(asked: Sequence[Trial], *, tolerance: float) -> tuple[list[str], bool]:
    """Lines to print, and whether the shipped thresholds hold."""
    scored = [Scored(one.confidence, one.answerable) for one in asked]
    positive = sum(one.answerable for one in scored)
    lines = [f"{positive} questions with an answer, {len(scored) - positive} without (twins included)", *_separations(asked)]
    lines += ["threshold  answered  false answers"]
    lines += [_row(point(scored, threshold)) for threshold in _SHOWN]
    lines += [f"shipped     {_row(point(scored, ANSWERED))}   (answered), {PARTIAL} (closest match)"]
    for name, found in (("answered", recommended(scored)), ("closest match", closest(scored))):
        lines.append(f"recommended {_row(found)}   ({name})" if found else f"recommended: no threshold does ({name})")
    lines += [
        f"answered falsely: {one.question.id}: {one.question.text}" for one in asked if one.answered and not one.answerable
    ]
    wrong = list(faults(scored, tolerance=tolerance))
    return [*lines, *(f"FAR OFF: {fault}" for fault in wrong)], not wrong


def _separations(asked: Sequence[Trial]) -> Iterator[str]:
    for name in ("all", *sorted({one.question.kind for one in asked if one.answerable})):
        own = [one for one in asked if name in ("all", one.question.kind)]
        if {one.answerable for one in own} == {True, False}:
            yield f"AUROC, {name}: {separation(own):.3f}"
    right = [one for one in asked if not one.answerable or found_first(one)]
    if {one.answerable for one in right} == {True, False}:
        yield f"AUROC, where what is found first is right: {separation(right):.3f}"


def _row(found: Point) -> str:
    return f"{found.threshold:9.3f}  {found.answered:8.2f}  {found.false:13.2f}"


def read(paths: Sequence[Path], *, language: str) -> list[Question]:
    """The questions of all files that are there in ``language`` and can be asked."""
    found = [question for path in paths for question in questions(path, language=language)]
    return [question for question in found if question.language == language and not question.problem]


def main() -> None:
    """Ask, print, and say by the exit status whether the thresholds hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=Path, required=True, nargs="+")
    parser.add_argument("--config", type=Path, default=Path("kb.toml"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"in shares; {TOLERANCE} by default")
    chosen = parser.parse_args()
    config = load_config(chosen.config).model_copy(update={"timezone": "UTC"})
    with open_twins(config, data_dir=chosen.data_dir) as kb:
        asked = list(trials(kb, read(chosen.queries, language=chosen.language)))
    for one in asked:
        if one.problem:
            print(f"not asked: {one.question.id}: {one.problem}")
    sound = [one for one in asked if not one.problem]
    if {one.answerable for one in sound} != {True, False}:
        sys.exit("there must be a question with an answer and one without among those that can be asked")
    lines, holds = report(sound, tolerance=chosen.tolerance)
    print("\n".join(lines))
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
