"""The plain CitationQueryEngine is measured as ours is: its marks become links, its twins find nothing of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.answers import ask, measures
from benchmarks.plain_answers import PlainEngine
from benchmarks.questions import Question, key
from benchmarks.twins import open_twins
from kb.catalog import Catalog
from kb.config import load_config
from tests.llm_server import Asked, serving
from tests.records import commit, put

VALVE = commit(1, "Add the hydraulic valve", body="It opens at 40 bar.", links=())
DOOR = commit(2, "Paint the door red", body="The door was grey.", links=())
QUESTION = Question(id="N1", text="which commit adds the valve?", kind="needle", gold=frozenset({key(VALVE.id)}))


def script(asked: Asked) -> str:
    told = asked.prompt
    if "hydraulic" in told.partition("Now it's your turn")[2]:
        number = told.split("Add the hydraulic valve")[0].rpartition("Source ")[2].partition(":")[0]
        return f"The hydraulic valve opens at 40 bar [{number}]. Elephants migrate southwards [9]."
    return "None of the sources is helpful."


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_engine_is_asked_and_its_page_is_checked(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "data" / "catalog.db") as catalog:
        put(catalog, VALVE, DOOR)
    (tmp_path / "kb.toml").write_text("", encoding="utf-8")
    with serving(script) as server, open_twins(load_config(tmp_path / "kb.toml"), data_dir=tmp_path / "data") as kb:
        engine = PlainEngine.build(kb, [QUESTION], folder=tmp_path / "plain", url=f"{server.url}/v1", model="tiny", most=9)
        rows, wrong = ask(kb, engine.trials([QUESTION]))
    assert [(row.answerable, row.answered, set(row.given)) for row in rows] == [
        (True, True, {key(VALVE.id)}),
        (False, False, set()),
    ]
    assert rows[0].checked.statements == 2
    assert (rows[0].checked.supported, rows[0].checked.citations, rows[0].checked.bearing) == (1, 1, 1)
    assert any("Elephants" in text for text in wrong)
    assert measures(rows)["questions without an answer answered all the same"] == 0.0
