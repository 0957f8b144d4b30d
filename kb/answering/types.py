"""What an answer with a language model is made of, and what is told while it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kb.types import Answer, ModelUse


@dataclass(frozen=True, slots=True)
class Sentence:
    """A model's sentence that passed every check; ``quote`` stands verbatim in what it cites, "" for none."""

    text: str
    keys: tuple[str, ...]
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """The extractive answer is there, whole. ``markdown`` of every event is what a reader is shown next, after a blank line or,
    between sentences, a line end."""

    answer: Answer
    markdown: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A sentence has passed. ``part`` counts from 1 where records were put to the model in several parts, and is 0 for a
    sentence about all of them; those of the parts stand in the answer only where there is no overview of them."""

    sentence: Sentence
    markdown: str
    part: int = 0


@dataclass(frozen=True, slots=True)
class Noted:
    """The model is done: what it read and cost, and how many of its sentences were left out."""

    use: ModelUse
    removed: int
    markdown: str


@dataclass(frozen=True, slots=True)
class Done:
    """The whole answer; ``markdown`` is what of it was not shown yet."""

    answer: Answer
    markdown: str


Event = Begun | Passed | Noted | Done


def answer_of(events: Iterable[Event]) -> Answer:
    """The whole answer that some events end with."""
    return next(event.answer for event in events if isinstance(event, Done))
