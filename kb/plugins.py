"""A ``[[sources]]`` table to a source: its module in ``ingest/`` is found by name, its keys are the fields of its dataclass."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import pkgutil
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

import ingest
from kb.config import Config, SourceTable, source_place, validate
from kb.errors import ConfigError, KbError, SourceStoppedError
from kb.protocols import Progress, Source, SourceContext, silent

_PATH_KEYS = ("url", "path")
_RELATIVE = re.compile(r"(?:\.{1,2}|~)(?:/|\Z)")


def available() -> list[str]:
    """What ``use`` can name: the modules of ``ingest/`` whose name does not start with ``_``."""
    return sorted(module.name for module in pkgutil.iter_modules(ingest.__path__) if not module.name.startswith("_"))


def build_sources(
    config: Config, data_dir: Path, *, progress: Progress = silent, stop: Event | None = None
) -> tuple[Source, ...]:
    """Every configured source, each with a folder of its own under ``data_dir/clones``; all of them heed ``stop``.

    Raises:
        ConfigError: a table names no source, has a wrong key or value, or two sources share a name.
    """
    built = tuple(_built(config, data_dir, progress, stop or Event()))
    seen: dict[str, int] = {}
    for position, source in enumerate(built):
        first = seen.setdefault(_folder_name(source.name), position)
        if first != position:
            place = source_place(position, config.sources[position].options)
            message = f'{config.path}: {place}: the name "{source.name}" is taken by [[sources]] #{first + 1}'
            raise ConfigError(message, remedy='give one of them another "name"')
    return built


def _built(config: Config, data_dir: Path, progress: Progress, stop: Event) -> Iterator[Source]:
    for position, table in enumerate(config.sources):
        place = source_place(position, {"use": table.use, **table.options})
        kind = source_class(table.use, f"{config.path}: {place}")
        values = _values(kind, table, config=config, place=place)
        # A source may work its name out from its keys, and its folder is called by its name.
        draft = _construct(kind, values, SourceContext(data_dir / "clones"), place=f"{config.path}: {place}")
        folder = data_dir / "clones" / _folder_name(draft.name)
        context = SourceContext(folder, _progress_of(draft.name, progress, stop), stop=stop)
        yield _construct(kind, values, context, place=f"{config.path}: {place}")


def _progress_of(name: str, progress: Progress, stop: Event) -> Progress:
    """A source's own progress, told apart from that of others; a source that is told to stop learns it here too."""

    def told(stage: str, done: int, total: int | None) -> None:
        if stop.is_set():
            raise SourceStoppedError(f"{name}: interrupted")
        progress(f"{name}: {stage}", done, total)

    return told


def source_class(use: str, place: str) -> type[Any]:
    """The dataclass that ``use`` names; ``place`` says where that stands.

    Raises:
        ConfigError: there is no such source, or its module cannot be used.
    """
    known = available()
    if use not in known:
        close = difflib.get_close_matches(use, known, n=1)
        hint = f' (did you mean "{close[0]}"?)' if close else ""
        raise ConfigError(f'{place}: use = "{use}": there is no such source{hint}; allowed: {", ".join(known)}')
    try:
        found = importlib.import_module(f"ingest.{use}").Source
    except ImportError as error:
        raise ConfigError(f'{place}: use = "{use}": ingest/{use}.py cannot be imported: {error}') from error
    except AttributeError as error:
        raise ConfigError(f'{place}: use = "{use}": ingest/{use}.py defines no Source') from error
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise ConfigError(f'{place}: use = "{use}": Source in ingest/{use}.py is not a dataclass')
    return found


def _values(kind: type[Any], table: SourceTable, *, config: Config, place: str) -> dict[str, Any]:
    """The table's keys, checked against the dataclass's fields; a path among them starts at the folder of the file."""
    checked = validate(_keys_of(kind), table.options, file=config.path, table=place)
    values = {key: getattr(checked, key) for key in checked.model_fields_set}
    for key, value in values.items():
        if key in _PATH_KEYS and isinstance(value, str) and _is_local(value):
            values[key] = _anchored(value, config.path.parent)
        elif isinstance(value, dict):
            values[key] = _with_paths(value, config.path.parent)
    return values


def _with_paths(value: Any, folder: Path) -> Any:
    """A table of a source's own, in which only what looks like a relative path can be taken for one."""
    if isinstance(value, dict):
        return {key: _with_paths(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_paths(inner, folder) for inner in value]
    return _anchored(value, folder) if isinstance(value, str) and _RELATIVE.match(value) else value


def _anchored(path: str, folder: Path) -> str:
    return str((folder / Path(path).expanduser()).resolve())


def _keys_of(kind: type[Any]) -> type[BaseModel]:
    hints = typing.get_type_hints(kind)
    keys: dict[str, Any] = {
        field.name: (hints[field.name], ... if _required(field) else None)
        for field in dataclasses.fields(kind)
        if field.init and field.name != "context"
    }
    keys |= {"stale_after": (Any, None)}  # has been taken out and checked; here only so that a misspelt one is told of it
    return create_model("Keys", __config__=ConfigDict(extra="forbid", strict=True, protected_namespaces=()), **keys)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _is_local(value: str) -> bool:
    """As git tells them apart: a URL has a scheme, and ``host:path`` has a colon before its first slash."""
    return bool(value) and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/]+:", value)


def _construct(kind: type[Any], values: dict[str, Any], context: SourceContext, *, place: str) -> Source:
    try:
        source: Source = kind(**values, context=context)
    except KbError as error:
        raise ConfigError(f"{place}: {error.message}", remedy=error.remedy) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {error}") from error
    return source


def _folder_name(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.casefold()).strip(".-") or "source"
