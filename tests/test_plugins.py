"""A table in kb.toml becomes a source: found by the name of its file, its keys checked against its fields."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingest
from kb.config import load_config
from kb.errors import ConfigError, SourceStoppedError
from kb.plugins import available, build_sources
from kb.protocols import Source

MODULE = """
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kb.errors import ConfigError, SourceStoppedError
from kb.protocols import SourceContext


@dataclass(frozen=True, kw_only=True)
class Source:
    url: str
    repo: str = "acme/rocket"
    name: str = "rocket"
    limit: int = 10
    labels: tuple[str, ...] = ()
    deep: bool = False
    inner: dict[str, Any] = field(default_factory=dict)
    seen: frozenset[str] = field(default=frozenset(), init=False)
    context: SourceContext

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ConfigError(f"limit = {self.limit}: must not be negative", remedy="use 0 for none")
        if self.limit > 1000:
            raise ValueError("limit is too large")

    def pull(self, cursor):
        yield from ()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are found as ``ingest.*``."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "rocket_log.py").write_text(MODULE)
    (modules / "broken_source.py").write_text("import no_such_package_at_all\n")
    (modules / "empty_source.py").write_text("x = 1\n")
    (modules / "_helper.py").write_text("")
    monkeypatch.setattr(ingest, "__path__", [*ingest.__path__, str(modules)])
    yield tmp_path
    for name in ("rocket_log", "broken_source", "empty_source"):
        sys.modules.pop(f"ingest.{name}", None)


def build(folder: Path, text: str) -> tuple[Source, ...]:
    (folder / "kb.toml").write_text(text, encoding="utf-8")
    return build_sources(load_config(folder / "kb.toml"), folder / "data")


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        build(folder, text)
    assert "\n" not in caught.value.message
    return caught.value.message.removeprefix(f"{folder / 'kb.toml'}: ")


def test_keys_become_fields_and_each_source_has_a_folder_of_its_own(folder: Path) -> None:
    (source,) = build(folder, "[[sources]]\nuse='rocket_log'\nurl='https://h/x'\nlabels=['a','b']\nname='My/Rocket'")
    assert (source.name, source.url, source.labels, source.limit) == ("My/Rocket", "https://h/x", ("a", "b"), 10)  # type: ignore[attr-defined]
    assert source.context.folder == folder / "data" / "clones" / "my-rocket"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        (".", "{here}"),
        ("../other", "{here}/../other"),
        ("/abs/olute", "/abs/olute"),
        ("~/src", "{home}/src"),
        ("https://h/x", "https://h/x"),
        ("git@host:owner/name.git", "git@host:owner/name.git"),
        ("host:name", "host:name"),
        ("./odd:name", "{here}/odd:name"),
        ("file:///srv/x", "file:///srv/x"),
    ],
)
def test_a_relative_path_starts_at_the_folder_of_the_file(folder: Path, url: str, becomes: str) -> None:
    (source,) = build(folder, f"[[sources]]\nuse='rocket_log'\nurl='{url}'")
    expected = becomes.format(here=folder, home=Path.home())
    assert source.url == (expected if "://" in url or "@" in url or url == "host:name" else str(Path(expected).resolve()))  # type: ignore[attr-defined]


def test_a_table_of_a_sources_own_is_kept_as_it_is_but_for_relative_paths(folder: Path) -> None:
    inner = "{ a = './x', b = ['../y', 'z/w', '~/v', '.', '...', 7], c = { d = '..', e = 'https://h/./x', f = true } }"
    (source,) = build(folder, f"[[sources]]\nuse='rocket_log'\nurl='u'\ninner = {inner}")
    assert source.inner == {  # type: ignore[attr-defined]
        "a": str(folder / "x"),
        "b": [str(folder.parent / "y"), "z/w", str(Path.home() / "v"), str(folder), "...", 7],
        "c": {"d": str(folder.parent), "e": "https://h/./x", "f": True},
    }


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            "use='rocket_log'\nurl='u'\nlimt=3",
            '[[sources]] #1 "u": unknown key "limt" (did you mean "limit"?); '
            "allowed: deep, inner, labels, limit, name, repo, stale_after, url",
        ),
        ("use='rocket_log'", '[[sources]] #1 "rocket_log": missing key "url"'),
        ("use='rocket_log'\nurl='u'\nlimit='3'", '[[sources]] #1 "u": limit = "3": must be a whole number'),
        ("use='rocket_log'\nurl='u'\ndeep=1", '[[sources]] #1 "u": deep = 1: must be true or false'),
        ("use='rocket_log'\nurl='u'\nlabels='a'", '[[sources]] #1 "u": labels = "a": must be a list (["…"])'),
        ("use='rocket_log'\nurl='u'\ninner='a'", '[[sources]] #1 "u": inner = "a": must be a table'),
        ("use='rocket_log'\nurl='u'\nlimit=-1", '[[sources]] #1 "u": limit = -1: must not be negative'),
        ("use='rocket_log'\nurl='u'\nlimit=1001", '[[sources]] #1 "u": limit is too large'),
        (
            "use='broken_source'",
            '[[sources]] #1 "broken_source": use = "broken_source": ingest/broken_source.py cannot be imported: '
            "No module named 'no_such_package_at_all'",
        ),
        ("use='empty_source'", '[[sources]] #1 "empty_source": use = "empty_source": ingest/empty_source.py defines no Source'),
    ],
)
def test_a_wrong_table_is_one_line_that_names_it_the_key_and_the_allowed_ones(folder: Path, table: str, line: str) -> None:
    assert refused(folder, f"[[sources]]\n{table}") == line


def test_what_every_source_may_have_is_no_key_of_the_source(folder: Path) -> None:
    (source,) = build(folder, "[[sources]]\nuse='rocket_log'\nurl='u'\nstale_after='2 days'")
    assert source.name == "rocket"
    assert '(did you mean "stale_after"?)' in refused(folder, "[[sources]]\nuse='rocket_log'\nurl='u'\nstale_aftr='2 days'")


def test_a_sources_progress_bears_its_name_and_ends_it_when_it_is_to_stop(folder: Path) -> None:
    told: list[str] = []
    (folder / "kb.toml").write_text(
        "[[sources]]\nuse='rocket_log'\nurl='a'\nname='a'\n[[sources]]\nuse='rocket_log'\nurl='b'\nname='b'"
    )
    config = load_config(folder / "kb.toml")
    sources = build_sources(config, folder / "data", progress=lambda stage, done, total: told.append(stage))
    one, other = (source.context for source in sources)  # type: ignore[attr-defined]
    one.progress("receiving", 1, 2)
    other.progress("receiving", 1, 2)
    assert told == ["a: receiving", "b: receiving"]
    one.stop.set()
    with pytest.raises(SourceStoppedError):
        other.progress("receiving", 2, 2)


def test_an_unknown_source_is_answered_with_those_there_are(folder: Path) -> None:
    line = refused(folder, "[[sources]]\nuse='rocket_logs'")
    assert line.startswith(
        '[[sources]] #1 "rocket_logs": use = "rocket_logs": there is no such source (did you mean "rocket_log"?)'
    )
    assert "_helper" not in line
    assert "rocket_log" in available()


def test_two_sources_cannot_share_a_name_or_a_folder(folder: Path) -> None:
    text = "[[sources]]\nuse='rocket_log'\nurl='a'\nname='X y'\n[[sources]]\nuse='rocket_log'\nurl='b'\nname='x/Y'"
    assert refused(folder, text) == '[[sources]] #2 "x/Y": the name "x/Y" is taken by [[sources]] #1'
