"""``kb.toml``: read and validated; each mistake is one line that names the file, the table, the key and what is allowed."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from kb.errors import ConfigError

DATA_DIR_VARIABLE = "INFRA_KB_DATA_DIR"
TEMPLATE = Path(__file__).parent / "data" / "kb.toml"

_REPO = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_DURATION = re.compile(r"([1-9][0-9]{0,3}) ?(minutes?|hours?|days?|weeks?|[mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _http(value: str) -> str:
    if value and not re.match(r"https?://[^/\s]+", value):
        raise ValueError('must be "" or start with http:// or https://')
    return value


def _variable(value: str) -> str:
    if value and not _VARIABLE.fullmatch(value):
        raise ValueError("must be the name of an environment variable, not the key itself")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise ValueError('is not a known time zone; use a name such as "Europe/Berlin" or "Asia/Shanghai"') from error
    return value


def _duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a number of minutes, hours, days or weeks, such as "36 hours"')
    return timedelta(**{_UNITS[match[2][0]]: int(match[1])})


def _interval(value: object) -> timedelta | None:
    return None if value == "" else _duration(value)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Interval = Annotated[timedelta | None, BeforeValidator(_interval)]
Url = Annotated[str, AfterValidator(_http)]
Variable = Annotated[str, AfterValidator(_variable)]
Weighting = Annotated[float, Field(ge=0, le=100)]


class Table(BaseModel):
    """A table of the file: unknown keys and wrong types are errors, and values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RepoTable(Table):
    """``[repos."owner/name"]``: other names that people use for a repository in questions; how much it weighs in reports."""

    aliases: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    weight: Weighting = 1.0


class IndexTable(Table):
    """``[index]``: where vectors are kept and what makes them.

    ``chroma``: "" for the embedded database, or the URL of a Chroma server. ``model``: "" for the packaged MiniLM, else a hub
    name or a local path of a sentence-transformers model. ``device``: as PyTorch names it. ``batch_size`` counts cards.
    """

    chroma: Url = ""
    model: str = ""
    device: str = "cpu"
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 64


class LlmTable(Table):
    """``[llm]``: the language model that may write reports and answers.

    ``context`` is how many tokens it takes in all, ``timeout`` for how long one answer may take, ``concurrency`` how many may
    be asked for at once; ``price_in`` and ``price_out`` are what a million tokens cost, in whatever currency. ``rewrite``: it
    may put a question's topic in other words before the search. ``entailment``: what its sentences are held against after all
    other checks: "" for nothing, "embeddings", or a sentence-transformers cross-encoder by its hub name or folder;
    ``entailment_least``: the score that they need (0: the default of that sort).
    """

    provider: Literal["none", "ollama", "openai-like"] = "none"
    base_url: Url = ""
    model: str = ""
    api_key_env: Variable = ""
    context: Annotated[int, Field(ge=1024, le=10_000_000)] = 8192
    timeout: Duration = timedelta(minutes=2)
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    price_in: Annotated[float, Field(ge=0)] = 0.0
    price_out: Annotated[float, Field(ge=0)] = 0.0
    rewrite: bool = False
    entailment: str = ""
    entailment_least: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _provider_has_what_it_needs(self) -> LlmTable:
        if self.provider != "none" and not self.model:
            raise ValueError(f'provider is "{self.provider}": "model" must be set')
        if self.provider == "openai-like" and not self.base_url:
            raise ValueError('provider is "openai-like": "base_url" must be set')
        return self


class ReportTable(Table):
    """``[report]``: what ``kb report`` writes, and where. Relative paths start at the file's folder.

    ``detail``: about how many entries a day are told in detail. ``topics`` maps words to how much a change that names them
    weighs (1.0: as any other). ``prompts`` is a folder whose templates are used instead of those of the same name that came
    with infra-kb. ``publish`` is a git repository, a folder or a URL, that ``--publish`` commits to, on ``branch`` and below
    ``folder``.
    """

    out: Annotated[str, Field(min_length=1)] = "reports"
    detail: Annotated[int, Field(ge=1, le=1000)] = 30
    topics: dict[str, Weighting] = {}
    prompts: str = ""
    publish: str = ""
    branch: Annotated[str, Field(min_length=1)] = "main"
    folder: Annotated[str, Field(min_length=1)] = "reports"


class SourceTable(BaseModel):
    """One ``[[sources]]`` table: ``use`` names a module in ``ingest/``; all keys but those named here are that module's own.

    ``stale_after``: how old its last success may be before answers say so; None for what holds for every source.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    use: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    stale_after: Duration | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The module's own keys, as read."""
        return dict(self.model_extra or {})


class Config(Table):
    """The whole file. ``path`` is where it was read from; relative paths in it start at ``path.parent``.

    ``sync_every``: how often the web app reads the sources by itself; None for never.
    """

    data_dir: str = ""
    timezone: Annotated[str, AfterValidator(_zone)] = ""
    language: Literal["en", "zh"] = "en"
    stale_after: Duration = timedelta(days=1)
    sync_every: Interval = None
    repos: dict[str, RepoTable] = {}
    index: IndexTable = IndexTable()
    llm: LlmTable = LlmTable()
    report: ReportTable = ReportTable()
    sources: tuple[SourceTable, ...] = ()

    _path: Path = PrivateAttr(default=Path("kb.toml"))

    @model_validator(mode="after")
    def _names_are_unambiguous(self) -> Config:
        owner = {name.casefold(): name for name in self.repos}
        for name, table in self.repos.items():
            if not _REPO.fullmatch(name):
                raise ValueError(f'[repos."{name}"]: a repository is named "owner/name"')
            for alias in table.aliases:
                if owner.setdefault(alias.casefold(), name) != name:
                    raise ValueError(f'alias "{alias}" stands for both {owner[alias.casefold()]} and {name}')
        return self

    @property
    def path(self) -> Path:
        return self._path

    @property
    def zone(self) -> tzinfo:
        """The time zone that questions are meant in: ``timezone``, or else the system's."""
        return ZoneInfo(self.timezone) if self.timezone else system_zone()


def load_config(path: Path) -> Config:
    """Read and validate ``path``.

    Raises:
        ConfigError: it cannot be read, is not TOML, or holds something that no key allows.
    """
    return parse_config(_read(path), path)


def parse_config(content: bytes, path: Path) -> Config:
    """``content`` as the configuration that it would be in the file ``path``.

    Raises:
        ConfigError: it is not TOML, or holds something that no key allows.
    """
    config = validate(Config, _parsed(content, path), file=path)
    config._path = path.absolute()
    return config


def data_folder(config: Config, option: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the store, the index and the clones live: the option, else the variable, else ``data_dir``, else the user's."""
    if option is not None:
        return option.expanduser().absolute()
    if value := environment.get(DATA_DIR_VARIABLE):
        return Path(value).expanduser().absolute()
    if config.data_dir:
        return (config.path.parent / Path(config.data_dir).expanduser()).absolute()
    return Path(platformdirs.user_data_dir("infra-kb", appauthor=False))


def system_zone() -> tzinfo:
    """The system's time zone by name, so that daylight saving is right on any date; else its present offset."""
    names = [os.environ.get("TZ", "").removeprefix(":")]
    with_links = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    for name in (*names, with_links):
        try:
            if name:
                return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    offset = datetime.now().astimezone().utcoffset() or timedelta()
    return timezone(offset)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file", remedy='run "kb init" to write one, or name another with --config'
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(f"{path}: is a directory", remedy=f"did you mean {path / 'kb.toml'}?") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _parsed(content: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8", remedy="save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], values: Mapping[str, Any], *, file: Path, table: str = "") -> Model:
    """``values`` as ``model``; ``table`` names the table that they are, "" for the whole file.

    Through JSON: pydantic's strict mode then takes a TOML array for a tuple and a TOML date for a string, and nothing else.

    Raises:
        ConfigError: the first thing that is wrong, in one line.
    """
    try:
        return model.model_validate_json(json.dumps(values, default=_iso))
    except ValidationError as error:
        _refuse(error, model, values, file=file, table=table)


def _iso(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(f"TOML has no {type(value).__name__}")


def _refuse(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any], *, file: Path, table: str) -> NoReturn:
    details = error.errors(include_url=False)
    first = details[0]
    place, key = _place(first["loc"], values, table)
    allowed = _allowed(first["loc"], model)
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, allowed, n=1)
        hint = f' (did you mean "{close[0]}"?)' if close else ""
        text = f'unknown key "{key}"{hint}; allowed: {", ".join(allowed)}'
    elif first["type"] == "missing":
        text = f'missing key "{key}"'
    elif first["loc"] == ("sources",):
        text = "sources must be tables that start with [[sources]]"
    elif key:
        text = f"{key} = {_found(key, first['input'])}: {_reason(first)}"
    else:
        text = _reason(first)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    raise ConfigError(": ".join(part for part in (str(file), place, text) if part) + more) from error


def _place(loc: Sequence[int | str], values: Mapping[str, Any], table: str) -> tuple[str, str]:
    """The table as a person would look for it, and the key in it."""
    if table or not loc:
        return table, ".".join(map(str, loc))
    head, *rest = loc
    if head == "sources" and rest:
        position = int(rest[0])
        return source_place(position, values["sources"][position]), ".".join(map(str, rest[1:]))
    if isinstance(values.get(str(head)), dict) and not rest:
        return f"[{head}]", ""
    if head == "repos" and rest:
        return f'[repos."{rest[0]}"]', ".".join(map(str, rest[1:]))
    if rest:
        return f"[{head}]", ".".join(map(str, rest))
    return "top level", str(head)


def source_place(position: int, options: object) -> str:
    """``[[sources]] #2 "flashinfer"``; ``position`` counts from 0."""
    known = options if isinstance(options, dict) else {}
    label = next((str(known[key]) for key in ("name", "repo", "url", "use") if known.get(key)), "")
    return f"[[sources]] #{position + 1}" + (f' "{_without_secrets(label)}"' if label else "")


def _without_secrets(text: str) -> str:
    return re.sub(r"://[^/@\s]*@", "://…@", text)


def _allowed(loc: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {
        "index": IndexTable,
        "llm": LlmTable,
        "report": ReportTable,
        "repos": RepoTable,
        "sources": SourceTable,
    }
    inner = tables.get(str(loc[0])) if model is Config and len(loc) > 1 else None
    return sorted((inner or model).model_fields)


def _found(key: str, value: object) -> str:
    if "key" in key or "token" in key:
        return "…"  # a secret pasted in the wrong place must not travel on into logs
    text = _without_secrets(json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= 60 else text[:57] + "…"


def _reason(detail: Mapping[str, Any]) -> str:
    plain = {
        "string_type": 'must be a text in quotes ("…")',
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "bool_type": "must be true or false",
        "tuple_type": 'must be a list (["…"])',
        "list_type": 'must be a list (["…"])',
        "dict_type": "must be a table",
        "model_type": "must be a table",
        "model_attributes_type": "must be a table",
        "string_pattern_mismatch": "must be lower-case letters, digits and _, as the file in ingest/ is named without .py",
        "string_too_short": "must not be empty",
    }
    message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return plain.get(str(detail["type"]), message)
