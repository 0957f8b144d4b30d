"""Whole reports with a model behind a real local server; what it is asked and what comes to the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import prompts
from kb.catalog import Catalog
from kb.grounded.cache import Cache
from kb.protocols import LanguageModel
from kb.report.gist import Extractive
from kb.report.model import ModelWriter, Prompts
from kb.report.types import Report
from kb.types import Record
from tests import reporting
from tests.llm_server import Asked, told
from tests.model_cases import CASES, Said
from tests.records import put


def templates(folder: Path | None = None) -> Prompts:
    loaded = prompts.load_all(folder=folder)
    return Prompts(**{name.removeprefix("report_"): template for name, template in loaded.items()})


def writer(model: LanguageModel, **more: Any) -> ModelWriter:
    return ModelWriter(**{"model": model, "fallback": Extractive(), "prompts": templates(), **more})


def report(folder: Path, model: LanguageModel, *records: Record, language: str = "en", **more: Any) -> Report:
    """The report of the third of February with everything told in detail; the store is made anew where there is none."""
    fresh = not (folder / "catalog.db").exists()
    with Catalog.open(folder / "catalog.db") as catalog:
        if fresh:
            put(catalog, *records)
        return reporting.report(
            catalog, reporting.at(2, "2d", language=language), writer=writer(model, cache=Cache(folder / "cache"), **more)
        )


def perfect(asked: Asked) -> str:
    """Says of each record what is true of it, and nothing of one that it does not know."""
    if "weightiest" in asked.prompt:
        return told()
    language = "zh" if "simplified Chinese" in asked.system else "en"
    return told(*(said(one) for known in CASES if known.record.title in asked.prompt for one in known.said[language]))


def said(one: Said) -> tuple[str, str, str]:
    return one[0], "S1", one[1]


def records() -> Iterable[Record]:
    return [known.record for known in CASES]
