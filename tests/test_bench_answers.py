"""The answers benchmark: pages are read and held to the store, figures and intervals are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.answers import Row, answerers, ask, intervals, measures
from benchmarks.cited import Checked, Desk, statements
from benchmarks.questions import Question, key
from benchmarks.twins import open_twins, trials
from kb.catalog import Catalog
from kb.config import load_config
from kb.types import FileChange
from tests.answering_model import labels, said
from tests.llm_server import Asked, serving
from tests.records import commit, put

FILES = (
    FileChange(path="src/valve.py", additions=3, deletions=1, patch="@@ -9 +9 @@\n+OPEN = 40\n"),
    FileChange(path="src/door.py", additions=4, deletions=0),
)
FIRST = commit(1, "Add the hydraulic valve", body="It opens at 40 bar. See [the plan](https://example.org/p).", files=FILES)
SECOND = commit(2, "Paint the door")
HEAD = "**Window** everything\n\n"
KEY = f"kernels@{FIRST.ref[:7]}"
OTHER = f"kernels@{SECOND.ref[:7]}"
CITED = f"([`{KEY}`]({FIRST.url}))"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, FIRST, SECOND)
        yield Desk(catalog)


def checked(desk: Desk, body: str) -> Checked:
    return desk.check(HEAD + body)


@pytest.mark.parametrize(
    "body",
    [
        f"- **Add the hydraulic valve** {CITED} · `src/valve.py` +3/−1, `src/door.py` +4/−0 · +7/−1 in 2 files",
        f"- **Add the hydraulic valve** {CITED} · `src/valve.py` +3/−1 and 1 more · landed 2026-02-02 by Ada",
        f"- **Add the hydraulic …** {CITED}\n\n> It opens at 40 bar. See the plan.",
        f"- The valve opens at 40 bar {CITED}.",
        f"- **Add the hydraulic valve** {CITED}\n\n`src/valve.py`, line 9\n\n```diff\n@@ -9 +9 @@\n+OPEN = 40\n```",
        f"- **Add the hydraulic valve** {CITED}\n\nBeside it:\n\n- Pull request: #1 (not stored)",
    ],
)
def test_what_the_record_says_is_borne_out(desk: Desk, body: str) -> None:
    found = checked(desk, body)
    assert found.wrong == ()
    assert (found.supported, found.bearing, found.right) == (found.statements, found.citations, found.figures)
    assert found.statements > 0


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (f"- **Add the pneumatic valve** {CITED}", "not verbatim: Add the pneumatic valve"),
        (f"- The valve opens at 50 bar {CITED}.", "wrong figure: 50"),
        (f"- The valve opens at 4 bar {CITED}.", "wrong figure: 4"),
        (f"- **Add the hydraulic valve** {CITED} · `src/valve.py` +4/−0", "wrong figure: +4/−0"),
        (f"- **Add the hydraulic valve** {CITED} · +3/−1 in 2 files", "wrong figure: +3/−1"),
        (f"- **Add the hydraulic valve** {CITED} · `src/valve.py` +3/−1 and 2 more", "wrong figure: and 2 more"),
        (f"- **Add the hydraulic valve** {CITED} · in 3 files", "wrong figure: 3 files"),
        (f"- **Add the hydraulic valve** {CITED}\n\n> It never opens.", "not verbatim: It never opens."),
        (f"- **Add the hydraulic valve** {CITED}\n\n`src/pipe.py`, line 9\n\n```diff\n+SHUT\n```", "not verbatim: src/pipe.py"),
        (f"- Elephants migrate southwards quickly {CITED}.", "not borne out: Elephants"),
        ("- The valve opens at 40 bar.", "not borne out: The valve"),
        (f"- The valve opens ([`{KEY}`]({SECOND.url})).", "not borne out: The valve"),
        ("- The valve opens ([`kernels@fffffff`](https://example.org/x)).", "not borne out: The valve"),
    ],
)
def test_what_it_does_not_say_is_not(desk: Desk, body: str, wrong: str) -> None:
    found = checked(desk, body)
    assert found.supported < found.statements
    assert any(text.startswith(wrong) for text in found.wrong)


def test_a_citation_that_bears_nothing_out_is_counted(desk: Desk) -> None:
    found = checked(desk, f"- The hydraulic valve opens {CITED[:-1]}, [`{OTHER}`]({SECOND.url})).")
    assert (found.supported, found.citations, found.bearing) == (1, 2, 1)


def test_what_the_product_says_of_itself_is_no_statement() -> None:
    own = "5 of 5 matching, 42 in the window.\n\n### Fixes (1)\n\n- flashinfer: last read successfully on 2026-02-01 10:00."
    assert statements(HEAD + own) == []
    assert statements("**时间** 全部\n\n没有记录。\n\n时间范围内没有记录。", language="zh")[0].text == "没有记录。"


# --- figures ---------------------------------------------------------------------------------------------------------------


def asked(
    name: str, kind: str = "needle", *, confidence: float = 0.9, gold: str = "a", given: str = "a", twin: bool = False
) -> Row:
    return Row(
        question=name,
        kind=kind,
        answerable=bool(gold) and not twin,
        answered=confidence >= 0.6,
        confidence=confidence,
        checked=Checked(statements=2, supported=2, citations=2, bearing=2, figures=4, right=4),
        claims=2,
        gold=frozenset(gold),
        given=frozenset(given),
    )


ROWS = [
    asked("1"),
    asked("1", confidence=0.2, twin=True),
    asked("2", confidence=0.7, given="z"),
    asked("2", confidence=0.8, twin=True),
    asked("3", "window", gold="abcd", given="abz"),
    asked("4", "unanswerable", confidence=0.1, gold="", given=""),
]


def test_figures_of_a_few_answers() -> None:
    found = {name.partition(" (")[0]: value for name, value in measures(ROWS).items()}
    assert found["set precision"] == pytest.approx(2 / 3)
    assert found["set recall"] == 0.5
    assert found["set F1"] == pytest.approx(4 / 7)
    assert found["single answers: answered, and right"] == 0.5
    assert found["answerable questions answered"] == 1.0
    assert found["questions without an answer answered all the same"] == pytest.approx(1 / 3)
    assert found["answering, AUROC"] == pytest.approx(8 / 9)
    assert found["citation recall"] == found["citation precision"] == found["figure fidelity"] == 1.0
    assert found["removed sentences"] == 0.0


def test_what_there_is_nothing_of_has_no_figure() -> None:
    found = measures([replace(ROWS[0], checked=Checked(), claims=0)])
    assert [name for name in found if "citation" in name or "AUROC" in name or "removed" in name] == []


def test_intervals_hold_the_figure_and_come_out_the_same_again() -> None:
    first, again = intervals(ROWS, samples=200), intervals(ROWS, samples=200)
    assert first == again
    for name, value in measures(ROWS).items():
        low, high = first[name]
        assert low <= value <= high


def test_a_question_is_drawn_together_with_its_twin() -> None:
    sizes: list[int] = []

    def count(rows: object) -> dict[str, float]:
        names = [row.question for row in rows]  # type: ignore[attr-defined]
        sizes.append(len(names))
        assert all(names.count(name) % 2 == 0 for name in ("1", "2"))
        return {}

    assert intervals(ROWS, samples=20, of=count) == {}
    assert len(sizes) == 20


def test_a_configured_model_is_measured_beside_the_extractive_answers(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "data" / "catalog.db") as catalog:
        put(catalog, FIRST, SECOND)
    question = Question(id="N1", text="which commit adds the hydraulic valve?", kind="needle", gold=frozenset({key(FIRST.id)}))

    def script(request: Asked) -> str:
        label = labels(request).get(FIRST.title, "S1")
        return said(("The hydraulic valve opens at 40 bar.", label), ("It is 97 times faster in v9.9.", label))

    with serving(script) as server:
        written = f'[llm]\nprovider = "openai-like"\nbase_url = "{server.url}/v1"\nmodel = "tiny"\n'
        (tmp_path / "kb.toml").write_text(written, encoding="utf-8")
        config = load_config(tmp_path / "kb.toml")
        with open_twins(config, data_dir=tmp_path / "data") as kb:
            found = {
                name: ask(kb, trials(kb, [question], answerer=answerer))
                for name, answerer in answerers(config, model=True).items()
            }
    assert list(found) == ["extractive", "tiny"]
    (plain, _), (told, wrong) = found.values()
    assert (plain[0].removed, told[0].removed) == (0, 1)
    assert told[0].checked.statements == plain[0].checked.statements + 1
    assert told[0].checked.supported == told[0].checked.statements
    assert not wrong
    assert answerers(config, model=False).keys() == {"extractive"}
