"""kb.toml: what is accepted, and the one line that each mistake gets."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb.config import TEMPLATE, Config, data_folder, load_config, system_zone
from kb.errors import ConfigError
from kb.plugins import available, build_sources

DURATION = 'must be a number of minutes, hours, days or weeks, such as "36 hours"'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kb.toml"


def loaded(file: Path, text: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def refused(file: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(file, text)
    assert caught.value.message.startswith(f"{file}: ")
    assert "\n" not in caught.value.message
    return caught.value.message.removeprefix(f"{file}: ")


def test_an_empty_file_is_all_defaults(file: Path) -> None:
    config = loaded(file, "")
    assert (config.language, config.sources, config.index.batch_size, config.llm.provider) == ("en", (), 64, "none")
    assert config.path == file


def test_every_key_is_read(file: Path) -> None:
    config = loaded(
        file,
        """
        timezone = "Asia/Shanghai"
        language = "zh"
        [repos."flashinfer-ai/flashinfer"]
        aliases = ["FI"]
        [index]
        chroma = "http://host:8000"
        model = "BAAI/bge-m3"
        device = "cpu"
        batch_size = 8
        [llm]
        provider = "openai-like"
        base_url = "http://localhost:8080/v1"
        model = "qwen3"
        api_key_env = "MY_KEY"
        [[sources]]
        use = "git_commits"
        url = "."
        since = 2026-01-01
        """,
    )
    assert config.zone.utcoffset(datetime(2026, 1, 1)) == timedelta(hours=8)
    assert config.repos["flashinfer-ai/flashinfer"].aliases == ("FI",)
    assert (config.index.chroma, config.index.batch_size) == ("http://host:8000", 8)
    assert config.llm.api_key_env == "MY_KEY"
    assert config.sources[0].use == "git_commits"
    assert config.sources[0].options == {"url": ".", "since": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90 minutes", timedelta(minutes=90)),
        ("1 hour", timedelta(hours=1)),
        (" 36hours ", timedelta(hours=36)),
        ("2 days", timedelta(days=2)),
        ("1 week", timedelta(weeks=1)),
        ("45m", timedelta(minutes=45)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_how_old_may_be_said_for_all_sources_and_for_one(file: Path, text: str, length: timedelta) -> None:
    config = loaded(file, f"stale_after = '{text}'\n[[sources]]\nuse = 'a'\n[[sources]]\nuse = 'b'\nstale_after = '{text}'")
    assert config.stale_after == length
    assert [source.stale_after for source in config.sources] == [None, length]
    assert config.sources[1].options == {}
    assert loaded(file, "").stale_after == timedelta(days=1)


@pytest.mark.parametrize(("text", "length"), [("30m", timedelta(minutes=30)), ("2 hours", timedelta(hours=2)), ("", None)])
def test_how_often_the_web_app_reads_may_be_said(file: Path, text: str, length: timedelta | None) -> None:
    assert loaded(file, f"sync_every = '{text}'").sync_every == length
    assert loaded(file, "").sync_every is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "lanuage = 'en'",
            'top level: unknown key "lanuage" (did you mean "language"?); '
            "allowed: data_dir, index, language, llm, report, repos, sources, stale_after, sync_every, timezone",
        ),
        (
            "[index]\nbatch_sise = 1",
            '[index]: unknown key "batch_sise" (did you mean "batch_size"?); allowed: batch_size, chroma, device, model',
        ),
        ("language = 'de'", "top level: language = \"de\": must be 'en' or 'zh'"),
        ("timezone = 3", 'top level: timezone = 3: must be a text in quotes ("…")'),
        ("[index]\nbatch_size = '64'", '[index]: batch_size = "64": must be a whole number'),
        ("[index]\nbatch_size = 0", "[index]: batch_size = 0: must be greater than or equal to 1"),
        (
            "[index]\nchroma = 'localhost:8000'",
            '[index]: chroma = "localhost:8000": must be "" or start with http:// or https://',
        ),
        *(
            (f"stale_after = {value}", f"top level: stale_after = {value}: {DURATION}")
            for value in ('"soon"', '"30s"', '"1 m0"', '"0 days"', '"1 fortnight"', '"-1 day"', '"36"', "36")
        ),
        (
            "[[sources]]\nuse = 'git_commits'\nstale_after = '2 moons'",
            f'[[sources]] #1 "git_commits": stale_after = "2 moons": {DURATION}',
        ),
        ("index = 4", "top level: index = 4: must be a table"),
        ("[llm]\nprovider = 'ollama'", '[llm]: provider is "ollama": "model" must be set'),
        (
            "[llm]\nprovider = 'openai-like'\nmodel = 'm'",
            '[llm]: provider is "openai-like": "base_url" must be set',
        ),
        ("[repos.'a/b']\naliases = 'x'", '[repos."a/b"]: aliases = "x": must be a list (["…"])'),
        (
            "[repos.'a/b']\nalias = ['x']",
            '[repos."a/b"]: unknown key "alias" (did you mean "aliases"?); allowed: aliases, weight',
        ),
        ("[repos.flashinfer]", '[repos."flashinfer"]: a repository is named "owner/name"'),
        ("[repos.'a/b']\naliases = ['X']\n[repos.'c/d']\naliases = ['x']", 'alias "x" stands for both a/b and c/d'),
        ("[[sources]]\nname = 'flashinfer'", '[[sources]] #1 "flashinfer": missing key "use"'),
        (
            "[[sources]]\nuse = 'git_commits'\n[[sources]]\nuse = 'Git-Commits'",
            '[[sources]] #2 "Git-Commits": use = "Git-Commits": must be lower-case letters, digits and _, '
            "as the file in ingest/ is named without .py",
        ),
        ("[sources]\nuse = 'git_commits'", "[sources]: sources must be tables that start with [[sources]]"),
        (
            "a = 1\nb = 2",
            'top level: unknown key "a"; '
            "allowed: data_dir, index, language, llm, report, repos, sources, stale_after, sync_every, timezone (and 1 more)",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_table_key_and_what_is_allowed(file: Path, text: str, line: str) -> None:
    assert refused(file, text) == line


def test_an_unknown_zone_says_what_a_zone_looks_like(file: Path) -> None:
    assert refused(file, "timezone = 'Mars/Olympus'").startswith(
        'top level: timezone = "Mars/Olympus": is not a known time zone'
    )


def test_a_key_pasted_where_a_variable_belongs_is_not_repeated(file: Path) -> None:
    assert "sk-1234" not in refused(file, "[llm]\napi_key_env = 'sk-1234 secret'")


def test_a_token_in_a_url_is_not_repeated(file: Path) -> None:
    line = refused(file, "[[sources]]\nurl = 'https://me:secret@host/x'\nuse = 'No'")
    assert '"https://…@host/x"' in line
    assert "secret" not in line


def test_bad_toml_gives_line_and_column(file: Path) -> None:
    assert re.fullmatch(r"not valid TOML: .+ \(at line 2, column \d+\)", refused(file, "a = 1\nb = = 2\n"))


def test_bad_encoding_gives_the_line(file: Path) -> None:
    file.write_bytes(b"# fine\nlanguage = '\xff'\n")
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load_config(file)


def test_a_byte_order_mark_is_no_mistake(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbflanguage = 'zh'\n")
    assert load_config(file).language == "zh"


def test_a_missing_file_leads_to_kb_init(file: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as caught:
        load_config(file)
    assert 'run "kb init"' in caught.value.remedy


def test_a_directory_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load_config(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_says_so(file: Path) -> None:
    file.write_text("")
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load_config(file)


def test_a_folder_that_is_a_file_says_so(file: Path) -> None:
    file.write_text("")
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        load_config(file / "kb.toml")


def test_option_wins_over_variable_over_file_over_the_users_directory(file: Path, tmp_path: Path) -> None:
    config = loaded(file, "data_dir = 'here'")
    variable = {"INFRA_KB_DATA_DIR": str(tmp_path / "variable")}
    assert data_folder(config, tmp_path / "option", variable) == tmp_path / "option"
    assert data_folder(config, None, variable) == tmp_path / "variable"
    assert data_folder(config, None, {}) == tmp_path / "here"
    assert data_folder(loaded(file, ""), None, {}) == Path.home() / ".local/share/infra-kb"


def test_without_a_zone_the_systems_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    zone = system_zone()
    assert zone.utcoffset(datetime(2026, 1, 1)) == timedelta(hours=-5)
    assert zone.utcoffset(datetime(2026, 7, 1)) == timedelta(hours=-4)


def test_a_zone_variable_that_names_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Nowhere/At-All")
    assert datetime(2026, 1, 1, tzinfo=UTC).astimezone(system_zone()).utcoffset() is not None


def test_the_template_is_valid_as_written_and_with_every_comment_taken_away(file: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    assert [source.use for source in loaded(file, text).sources] == ["git_commits"]
    everything = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.M)
    config = loaded(file, everything)
    assert config.sources[1].options == {"url": ".", "repo": "owner/name", "history": "all"}
    built = {type(source).__module__.rpartition(".")[2] for source in build_sources(config, file.parent)}
    assert built == set(available())
    assert config.index == Config().index
    assert config.llm == Config().llm
    assert config.report.topics
    assert config.report.model_copy(update={"topics": {}}) == Config().report
    mentioned = set(re.findall(r"^(\w+) = ", everything, flags=re.M))
    models = (Config, type(config.index), type(config.llm), type(config.report))
    assert {key for model in models for key in model.model_fields} - {"repos", "sources", "index", "llm", "report"} <= mentioned


def test_the_repositorys_own_configuration_is_valid(tmp_path: Path) -> None:
    config = load_config(Path(__file__).parent.parent / "kb.toml")
    assert [source.name for source in build_sources(config, tmp_path)][:2] == ["infra-kb", "flashinfer"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[report]\ndetail = 0", "[report]: detail = 0: must be greater than or equal to 1"),
        ("[report]\ntopics = { moe = -1 }", "must be greater than or equal to 0"),
        ("[report]\nout = ''", '[report]: out = "": must not be empty'),
        ("[llm]\ntimeout = 3", "[llm]: timeout = 3: must be a number of minutes"),
        ("[llm]\nconcurrency = 0", "[llm]: concurrency = 0: must be greater than or equal to 1"),
        ("[repos.'a/b']\nweight = -1", '[repos."a/b"]: weight = -1: must be greater than or equal to 0'),
    ],
)
def test_a_reports_settings_have_bounds(file: Path, text: str, line: str) -> None:
    assert line in refused(file, text)
