"""A source added by form: what is typed becomes a table of kb.toml, checked as the file is, and put in whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingest
from kb import sources_file
from kb.config import TEMPLATE, load_config
from kb.errors import ConfigError
from kb.plugins import available
from kb.source_form import LONGEST_VALUE, form_of, formed, table_of
from kb.sources_file import add, drafted

FEED = {"use": "rss_feed", "url": "https://blog.example.org/feed.xml"}
TABLE = '[[sources]]\nuse = "rss_feed"\nurl = "https://blog.example.org/feed.xml"\n'
GIT = '[[sources]]\nuse = "git_commits"\nurl = "https://example.org/acme/kernels"  # ours\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kb.toml"


def added(file: Path, text: str) -> str:
    file.write_bytes(text.encode())
    add(drafted(file, FEED, data_dir=file.parent / "data"))
    return file.read_bytes().decode()


# --- the form ----------------------------------------------------------------------------------------------------------------


def test_every_source_with_plain_keys_has_a_form_and_a_reader_of_anything_has_none() -> None:
    assert set(formed()) == set(available()) - {"llama_index_reader"}
    with pytest.raises(ConfigError, match="does not fit into a form"):
        table_of("llama_index_reader", {"reader": "os:system", "name": "x"})
    with pytest.raises(ConfigError, match="there is no such source"):
        table_of("../../etc", {})


def test_a_form_has_the_keys_of_the_dataclass_with_their_defaults_required_ones_first() -> None:
    keys = form_of("github_threads") or ()
    shown = {key.name: (key.sort, key.required, key.default) for key in keys}
    assert next(iter(shown)) == "repo"
    assert shown["repo"] == ("text", True, "")
    assert shown["since"] == ("text", False, "90 days")
    assert shown["comments"] == ("number", False, "0")
    assert shown["reviews"] == ("flag", False, "false")
    assert shown["patience"] == ("number", False, "60")
    feed = {key.name: key for key in form_of("rss_feed") or ()}
    assert (feed["kind"].sort, feed["kind"].choices) == ("choice", ("post", "release"))
    papers = {key.name: key for key in form_of("arxiv_papers") or ()}
    assert (papers["categories"].sort, papers["categories"].default) == ("list", "")
    assert papers["delay"].told == "seconds between two requests."


SOURCE = '''
from dataclasses import dataclass
from kb.protocols import SourceContext

@dataclass(frozen=True, kw_only=True)
class Source:
    """Notes of a team. ``folder``: where they are. ``depth`` (1 or more) of folders is read.

    Raises:
        ConfigError: ``folder``: no.
    """

    name: str
    folder: str
    repo: str = ""
    depth: int = 3
    context: SourceContext
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ingest, "__path__", [*ingest.__path__, str(tmp_path)])
    (tmp_path / "team_notes.py").write_text(SOURCE)
    yield
    sys.modules.pop("ingest.team_notes", None)


@pytest.mark.usefixtures("own")
def test_a_source_of_ones_own_has_a_form_too() -> None:
    assert "team_notes" in formed()
    told = {key.name: key.told for key in form_of("team_notes") or ()}
    assert told == {"name": "", "folder": "where they are.", "repo": "", "depth": "(1 or more) of folders is read."}


def test_what_is_typed_becomes_a_table_without_what_is_left_as_it_is() -> None:
    typed = {
        "query": " all:kernels ",
        "categories": "cs.DC, cs.LG\n cs.AR",
        "authors": "",
        "max_papers": "50",
        "full_text": True,
        "since": "90 days",
        "delay": "3.5",
        "timeout": None,
        "nonsense": "dropped",
    }
    assert table_of("arxiv_papers", typed) == {
        "use": "arxiv_papers",
        "query": "all:kernels",
        "categories": ["cs.DC", "cs.LG", "cs.AR"],
        "max_papers": 50,
        "full_text": True,
        "delay": 3.5,
    }
    assert table_of("huggingface_models", {"search": "moe", "card": False})["card"] is False
    assert table_of("github_threads", {"repo": "acme/kernels", "comments": "all"})["comments"] == "all"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://ada:s3cret@example.org/acme/kernels", "holds a password or a token"),
        ("https://x0123456789@example.org/acme/kernels", "holds a password or a token"),
        ("ssh://git:pw@example.org/acme/kernels", "holds a password or a token"),
        ("https://example.org/feed?t=ghp_0123456789abcdefABCDEF", "holds a password or a token"),
        ("x" * (LONGEST_VALUE + 1), "longer than"),
    ],
)
def test_secrets_and_walls_of_text_stay_out(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"^url .*{reason}") as refused:
        table_of("git_commits", {"url": url})
    assert url not in str(refused.value)


def test_an_address_with_the_user_that_ssh_needs_is_no_secret() -> None:
    for url in ("git@example.org:acme/kernels.git", "ssh://git@example.org/acme/kernels"):
        assert table_of("git_commits", {"url": url})["url"] == url


# --- validation --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "typed", "reason"),
    [
        ("git_commits", {}, '[[sources]] #2 "git_commits": missing key "url"'),
        (
            "git_commits",
            {"url": "https://example.org/a/b", "history": "soon"},
            "history 'soon' is not a span of time or a date",
        ),
        ("git_commits", {"url": "ext::sh -c true"}, "is not an address of a repository"),
        ("github_threads", {"repo": "acme/kernels", "patience": "long"}, 'patience = "long": must be a number'),
        ("arxiv_papers", {"categories": "cs.DC", "max_papers": "1.5"}, "max_papers = 1.5: must be a whole number"),
        ("git_commits", {"url": "https://example.org/acme/kernels"}, 'the name "kernels" is taken by [[sources]] #1'),
    ],
)
def test_what_is_wrong_is_told_as_for_the_file_itself(file: Path, use: str, typed: dict[str, object], reason: str) -> None:
    file.write_text(GIT)
    with pytest.raises(ConfigError) as refused:
        drafted(file, table_of(use, typed), data_dir=file.parent)
    assert reason in refused.value.message
    assert file.read_text() == GIT


def test_a_file_that_is_wrong_already_is_left_alone(file: Path) -> None:
    for text in ("[[sources", "language = 'de'\n", "\xff"):
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(ConfigError):
            drafted(file, FEED, data_dir=file.parent)
        assert file.read_bytes() == text.encode("latin-1")
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        drafted(file, FEED, data_dir=file.parent)


# --- the file ----------------------------------------------------------------------------------------------------------------


def test_the_table_stands_behind_the_last_one_and_every_comment_where_it_was(file: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    first = 'history = "30 days"    # or "all", or a date: "2026-01-01"\n'
    before, after = text.split(first)
    assert added(file, text) == f"{before}{first}\n{TABLE}{after}"
    assert [source.use for source in load_config(file).sources] == ["git_commits", "rss_feed"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", TABLE),
        ("# mine", f"# mine\n\n{TABLE}"),
        ("language = 'zh'\n", f"language = 'zh'\n\n{TABLE}"),
        (GIT + "# the end\n", f"{GIT}\n{TABLE}# the end\n"),
        (
            "sources = [{use = 'git_commits', url = '.'}]  # one\n",
            "sources = [{use = 'git_commits', url = '.'}, "
            '{use = "rss_feed",url = "https://blog.example.org/feed.xml"}]  # one\n',
        ),
        # Tables out of order: the end of the file is the one place that is right for sure.
        (f"{GIT}[report]\nout = 'r'\n{GIT}name = 'b'\n", f"{GIT}[report]\nout = 'r'\n{GIT}name = 'b'\n\n{TABLE}"),
    ],
)
def test_the_rest_of_the_file_stays_byte_for_byte(file: Path, before: str, after: str) -> None:
    assert added(file, before) == after
    assert load_config(file).sources[-1].use == "rss_feed"


def test_line_ends_and_the_byte_order_mark_stay(file: Path) -> None:
    text = "\ufeff# mine\r\n" + GIT.replace("\n", "\r\n") + "\r\n# theirs\r\n[report]\r\n"
    found = added(file, text)
    assert found.startswith("\ufeff# mine\r\n")
    assert found.count("\n") == found.count("\r\n") == text.count("\r\n") + 4
    assert load_config(file).sources[-1].use == "rss_feed"


@pytest.mark.parametrize(
    "hostile", ['"]\n[llm]\nprovider = "ollama"\n#', "\\", "'''", '"""', "名\t字\u0000\u001b", "# no comment"]
)
def test_a_value_cannot_break_out_of_its_key(file: Path, hostile: str) -> None:
    file.write_text(GIT)
    values = {"use": "huggingface_models", "search": hostile}
    draft = drafted(file, values, data_dir=file.parent)
    assert tomllib.loads(draft.after.decode())["sources"][1] == values
    assert draft.config.llm.provider == "none"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_mode_of_the_file_stays_and_nothing_is_left_beside_it(file: Path, mode: int) -> None:
    file.write_text(GIT)
    file.chmod(mode)
    add(drafted(file, FEED, data_dir=file.parent / "data"))
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert os.listdir(file.parent) == ["kb.toml"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "etc" / "real.toml"
    real.parent.mkdir()
    real.write_text(GIT)
    file.symlink_to(real)
    add(drafted(file, FEED, data_dir=tmp_path))
    assert file.is_symlink()
    assert real.read_text().endswith(TABLE)


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(file: Path) -> None:
    file.write_text(GIT)
    draft = drafted(file, FEED, data_dir=file.parent)
    file.write_text(GIT + "# an afterthought\n")
    with pytest.raises(ConfigError, match="was changed meanwhile") as refused:
        add(draft)
    assert refused.value.remedy
    assert file.read_text() == GIT + "# an afterthought\n"


def test_of_many_that_add_at_once_one_is_first_and_the_others_are_told(file: Path) -> None:
    file.write_text(GIT)
    drafts = [drafted(file, {**FEED, "name": f"feed-{n}"}, data_dir=file.parent) for n in range(8)]
    outcomes: list[str] = []

    def put(number: int) -> None:
        try:
            add(drafts[number])
            outcomes.append("added")
        except ConfigError:
            outcomes.append("told")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", *["told"] * 7]
    assert len(load_config(file).sources) == 2


def test_where_it_cannot_be_written_it_is_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(GIT)
    draft = drafted(file, FEED, data_dir=file.parent)

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sources_file.os, "replace", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left"):
        add(draft)
    assert file.read_text() == GIT
    assert os.listdir(file.parent) == ["kb.toml"]
