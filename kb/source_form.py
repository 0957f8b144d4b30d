"""A source as a form: the keys of its dataclass, with what is typed for each, and what is typed as a table of ``kb.toml``.

Whether the values are right is for the configuration itself to say: see ``kb.sources_file.drafted``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kb.errors import ConfigError
from kb.plugins import available, source_class

LONGEST_VALUE = 2_000  # characters
_WHOLE = re.compile(r"-?\d{1,18}")
_USER_PART = re.compile(r"(?:https?|git)://[^/@\s]+@|://[^/@\s:]*:[^/@\s]*@", re.IGNORECASE)
_TOKEN = re.compile(r"\b(?:gh[a-z]_|github_pat_|hf_|glpat-|sk-)[A-Za-z0-9_-]{16,}")
_SAID = re.compile(r"``(?P<key>\w+)``:? (?P<text>.+?)(?=(?<=\.)\s+``\w+``|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FormKey:
    """A key of a source. ``sort``: text, number, flag, list (a line for each value) or choice (one of ``choices``).

    ``default`` is what an empty field means, as it would be typed; ``told`` is what the source's own description says.
    """

    name: str
    sort: str
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    told: str = ""


def formed() -> tuple[str, ...]:
    """What ``use`` can name in a form: sources whose keys are plain values. A key that is a table itself is left to the file;
    such a source may run any program, which is nothing for a page."""
    return tuple(use for use in available() if form_of(use) is not None)


def form_of(use: str) -> tuple[FormKey, ...] | None:
    """The keys of a source, those that must be given first; None where they do not fit into a form.

    Raises:
        ConfigError: there is no such source, or its module cannot be used.
    """
    kind = source_class(use, "use")
    hints = typing.get_type_hints(kind)
    told = _told(kind)
    keys = []
    for field in dataclasses.fields(kind):
        if not field.init or field.name == "context":
            continue
        sort = _sort(hints[field.name])
        if sort is None:
            return None
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        keys.append(
            FormKey(
                name=field.name,
                sort=sort,
                required=needed,
                default="" if needed else _shown(_default(field)),
                choices=typing.get_args(hints[field.name]) if sort == "choice" else (),
                told=told.get(field.name, ""),
            )
        )
    return tuple(sorted(keys, key=lambda key: not key.required))


def table_of(use: str, typed: Mapping[str, object]) -> dict[str, Any]:
    """What was typed as a table of ``kb.toml``, without what is left empty or is as it would be anyway.

    Raises:
        ConfigError: there is no such form, something is too long, or looks like a password or a token.
    """
    keys = form_of(use)
    if keys is None:
        raise ConfigError(f'use = "{use}" does not fit into a form', remedy="write its table into kb.toml by hand")
    table: dict[str, Any] = {"use": use}
    for key in keys:
        value = _value(key, typed.get(key.name))
        if value not in ("", [], None) and _shown(value) != key.default:
            table[key.name] = value
    return table


def _value(key: FormKey, typed: object) -> object:
    if isinstance(typed, bool):
        return typed
    text = "" if typed is None else str(typed).strip()
    if len(text) > LONGEST_VALUE:
        raise ConfigError(f"{key.name} is longer than {LONGEST_VALUE:,} characters", remedy="shorten it")
    if _USER_PART.search(text) or _TOKEN.search(text):
        raise ConfigError(
            f"{key.name} holds a password or a token",
            remedy="leave it out: tokens are taken from environment variables, passwords from git's credential helper",
        )
    if key.sort == "list":
        return [part.strip() for part in re.split(r"[\n,]", text) if part.strip()]
    if key.sort == "number":
        return _number(text)
    return text


def _number(text: str) -> object:
    """A number where it is one; anything else stays a text, which the configuration refuses by the name of its key."""
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _sort(hint: Any) -> str | None:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is bool:
        return "flag"
    if hint is str:
        return "text"
    if hint in (int, float) or (origin in (typing.Union, types.UnionType) and set(inner) == {int, str}):
        return "number"
    if origin is Literal and all(isinstance(choice, str) for choice in inner):
        return "choice"
    return "list" if origin is tuple and inner and inner[0] is str else None


def _default(field: dataclasses.Field[Any]) -> object:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "\n".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _told(kind: type[Any]) -> dict[str, str]:
    """Key -> what the class says of it in the form "``key``: …"."""
    said = inspect.getdoc(kind) or ""
    before_errors = said.partition("\n\nRaises:")[0]
    return {match["key"]: " ".join(match["text"].split()).replace("``", "") for match in _SAID.finditer(before_errors)}
