"""How much each score counts, by kind of question: set by hand on development questions; learned fusion overfits at that size.

The features are those of index/features.py, each about 0 to 1, with "late" for late interaction, "named" for records that hold
an identifier of the question, "unsaid" for those that hold words that no message has, and "facet" for those of a kind of change
that was asked for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of a linear fusion. ``late`` reranks the top only."""

    subject: float
    message: float
    paths: float
    diff: float
    dense: float
    named: float
    fix: float = 0.0
    merge: float = -0.2
    facet: float = 0.0
    unsaid: float = 0.0
    late: float = 0.0

    def of(self) -> dict[str, float]:
        """Weight by feature, those of the whole list."""
        found = asdict(self)
        found.pop("late")
        return found


WEIGHTS = {
    "needle": Weights(
        subject=0.25, message=1.0, paths=0.15, diff=0.3, dense=1.3, named=1.0, fix=0.2, facet=0.3, unsaid=3.0, late=2.0
    ),
    "window": Weights(subject=0.5, message=1.0, paths=0.5, diff=0.5, dense=1.25, named=0.5, facet=1.5),
    "identifier": Weights(subject=0.5, message=0.5, paths=0.2, diff=0.5, dense=0.3, named=10.0),
}
