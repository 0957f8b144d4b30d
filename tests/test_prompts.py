"""The prompts that came with infra-kb, and those of a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

import prompts
from kb.errors import ConfigError

VARIABLES = {
    "report_system": {"language"},
    "report_item": {"kind", "evidence", "keys", "marker", "glossary", "language"},
    "report_repair": {"request", "answer", "problems"},
    "report_outlook": {"evidence", "keys", "marker", "glossary", "language"},
}
ASKED = {
    "ask_system": {"language"},
    "ask_answer": {"question", "scope", "records", "most", "evidence", "keys", "marker", "glossary", "language"},
    "ask_reduce": {"question", "scope", "most", "evidence", "keys", "marker", "glossary", "language"},
    "ask_repair": {"request", "answer", "problems"},
    "ask_topic": {"question", "topic"},
}
ITEM = "version: mine-2\n---\n" + " ".join(f"${name}" for name in sorted(VARIABLES["report_item"])) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "report_item.md").write_text(ITEM, encoding="utf-8")
    return tmp_path


def refused(folder: Path, text: str | bytes) -> str:
    (folder / "report_item.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        prompts.load("report_item", folder=folder)
    assert str(folder / "report_item.md") in caught.value.message
    return str(caught.value)


def test_each_template_has_the_variables_that_its_user_fills() -> None:
    assert {name: set(template.variables) for name, template in prompts.load_all().items()} == VARIABLES
    assert {name: set(template.variables) for name, template in prompts.load_all(prompts.ASK).items()} == ASKED
    assert {path.stem for path in Path(prompts.__file__).parent.glob("*.md")} == {*VARIABLES, *ASKED}


def test_a_template_has_a_version_that_is_not_part_of_its_text() -> None:
    template = prompts.load("report_item")
    assert template.version == "1"
    assert not template.text.startswith("version")
    assert "---" not in template.text.splitlines()[0]


def test_what_is_filled_in_is_taken_as_it_is() -> None:
    template = prompts.load("report_repair")
    text = template.render(request="$answer costs $5 ${problems}", answer="a", problems="p")
    assert "$answer costs $5 ${problems}" in text


@pytest.mark.parametrize("values", [{}, {"language": "English", "more": "x"}, {"lang": "English"}])
def test_every_variable_is_filled_and_no_other(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="report_system: "):
        prompts.load("report_system").render(**values)


def test_a_file_of_the_users_takes_the_place_of_ours(folder: Path) -> None:
    loaded = prompts.load_all(folder=folder)
    assert loaded["report_item"].version == "mine-2"
    assert loaded["report_item"].text == ITEM.partition("---\n")[2]
    assert loaded["report_system"] == prompts.load("report_system")


def test_files_from_windows_are_read(folder: Path) -> None:
    ours = prompts.load("report_item", folder=folder)
    (folder / "report_item.md").write_bytes(b"\xef\xbb\xbf" + ITEM.replace("\n", "\r\n").encode())
    assert prompts.load("report_item", folder=folder) == ours


def test_a_variable_that_nothing_fills_is_told_with_its_file(folder: Path) -> None:
    assert "nothing fills: $evidnce" in refused(folder, ITEM + "$evidnce")


def test_a_variable_that_is_missing_is_told_with_its_file(folder: Path) -> None:
    text = refused(folder, ITEM.replace("$evidence", "").replace("$keys", "$key"))
    assert "nothing fills: $key and lacks $evidence, $keys" in text
    assert "$evidence, $glossary, $keys, $kind, $language, $marker" in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ITEM.replace("version: mine-2\n", ""), "has no version"),
        ("", "has no version"),
        (ITEM + "it costs $5", "a dollar sign in the prompt begins no variable"),
        (b"version: 1\n---\n\xff\xfe", "cannot be read"),
        (ITEM + "x" * 100_001, "leaves no room"),
    ],
)
def test_a_file_that_is_no_template_is_told(folder: Path, text: str | bytes, reason: str) -> None:
    assert reason in refused(folder, text)


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "report_item.md").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        prompts.load("report_item", folder=tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        prompts.load_all(folder=tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["../secrets", "Report", "", "report_item.md"])
def test_no_other_file_is_a_template(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a template"):
        prompts.load(name)
