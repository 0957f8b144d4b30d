"""Answers with a model behind a real local server: what it is asked, what it says, and what of that stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import prompts
from kb.answering.types import Done, Event, Passed
from kb.answering.writer import AnswerWriter, Prompts
from kb.catalog import Catalog
from kb.grounded.cache import Cache
from kb.protocols import LanguageModel
from kb.types import Answer, Record, Scope
from tests.answering import WEEK, ask
from tests.llm_server import Asked, Script, model, serving
from tests.model_cases import CASES
from tests.records import put

WHOLE = replace(WEEK, repos=())
_LABELLED = re.compile(r"^\[(S\d+)\] [^\n]*\nTitle: ([^\n]*)$", re.M)
_ROW = re.compile(r"^\[(S[\d, S]+)\] (.+)$", re.M)


def templates(folder: Path | None = None) -> Prompts:
    loaded = prompts.load_all(prompts.ASK, folder=folder)
    return Prompts(**{name: loaded[f"ask_{name}"] for name in ("system", "answer", "reduce", "repair")})


def writer(model: LanguageModel, **more: Any) -> AnswerWriter:
    return AnswerWriter(**{"model": model, "prompts": templates(), "zone": UTC, **more})


def said(*sentences: tuple[str, ...]) -> str:
    """An answer as the model should give it: (text, keys) or (text, keys, quote) each."""
    rows = [{"text": text, "citations": keys.split(), "quote": quote[0] if quote else ""} for text, keys, *quote in sentences]
    return json.dumps({"sentences": rows}, ensure_ascii=False)


def labels(asked: Asked) -> dict[str, str]:
    """Title -> key of every record that a request shows."""
    return {title: label for label, title in _LABELLED.findall(asked.prompt)}


def rows(asked: Asked) -> list[tuple[str, str]]:
    """The sentences that an overview is asked of, each with its keys."""
    evidence = asked.prompt.partition("The sentences stand between")[2]
    return [(text, keys.replace(",", " ")) for keys, text in _ROW.findall(evidence)]


def is_overview(asked: Asked) -> bool:
    return "Below are sentences that answer parts of it" in asked.prompt


def perfect(asked: Asked) -> str:
    """Says of each record that it knows what is true of it; of sentences the first ones again."""
    if is_overview(asked):
        return said(*rows(asked)[:3])
    language = "zh" if "simplified Chinese" in asked.system else "en"
    shown = labels(asked)
    return said(
        *(
            (text, shown[known.record.title])
            for known in CASES
            if known.record.title in shown
            for text, _ in known.said[language]
        )
    )


@dataclass(frozen=True)
class Heard:
    """What came of a question: the extractive answer, the one with the model, the events, and what the model was asked."""

    plain: Answer
    answer: Answer
    events: Sequence[Event]
    asked: Sequence[Asked]

    @property
    def sentences(self) -> list[str]:
        """The model's sentences in the answer."""
        return [claim.text for claim in self.answer.claims[: len(self.answer.claims) - len(self.plain.claims)]]

    @property
    def passed(self) -> list[Passed]:
        return [event for event in self.events if isinstance(event, Passed)]


def hear(
    folder: Path, script: Script, *records: Record, scope: Scope = WHOLE, language: str = "en", keep: bool = False, **more: Any
) -> Heard:
    """A question answered with a model that follows a script; the store is made anew where there is none."""
    options = {name: more.pop(name) for name in ("limit", "prompts", "entailment") if name in more}
    judge = {"judge": more.pop("judge")} if "judge" in more else {}
    quotes = {"searcher": more.pop("searcher")} if "searcher" in more else {}
    fresh = not (folder / "catalog.db").exists()
    with Catalog.open(folder / "catalog.db") as catalog, serving(script) as server:
        if fresh:
            put(catalog, *records)
        plain = ask(catalog, scope, language=language, **judge, **quotes)
        cache = Cache(folder / "cache") if keep else None
        events = list(writer(model(server, **more), cache=cache, **options).stream(plain))
        asked = list(server.asked)
    last = events[-1]
    assert isinstance(last, Done)
    return Heard(plain, last.answer, events, asked)


def known_records() -> Iterable[Record]:
    return [known.record for known in CASES]
