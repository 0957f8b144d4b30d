"""Whole reports, as they go into the archive. ``pytest --write-golden`` writes the pages anew; read the difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.report.gather import window_ids
from kb.report.gist import Extractive
from kb.report.markdown import markdown
from kb.report.types import Report
from tests.records import put
from tests.report_days import DAY, DAYS
from tests.reporting import at, report, usual

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def told(catalog: Catalog, name: str, language: str) -> Report:
    made = DAYS[name]()
    put(catalog, *made.records, tags=made.tags)
    return report(catalog, at(DAY, language=language), choice=usual(), writer=Extractive(), ledger=made.ledger)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", DAYS)
def test_a_whole_report(catalog: Catalog, name: str, language: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.{language}.md"
    text = markdown(told(catalog, name, language))
    if request.config.getoption("--write-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DAYS)
def test_every_record_of_the_day_is_told_once(catalog: Catalog, name: str) -> None:
    made = told(catalog, name, "en")
    ids = [id for section in made.sections for item in section.told for id in item.entry.ids]
    assert sorted(ids) == sorted(window_ids(catalog, made.frame))
    assert len(set(ids)) == len(ids)
