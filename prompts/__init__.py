"""The prompts: one Markdown template a file, with ``$name`` variables, and the loader.

A file begins with the line ``version: 1`` and one of three dashes; what follows is the prompt. A folder of the user's may hold
files of the same names, which are then taken instead; they have the same variables as those that came with infra-kb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template as Text

from kb.errors import ConfigError

REPORT = ("report_system", "report_item", "report_repair", "report_outlook")
ASK = ("ask_system", "ask_answer", "ask_reduce", "ask_repair", "ask_topic")

_HEAD = re.compile(r"\ufeff?version:[ \t]*(?P<version>[\w.-]{1,40})[ \t]*\r?\n---[ \t]*\r?\n")
_NAME = re.compile(r"[a-z][a-z_]*")
_LONGEST = 100_000


@dataclass(frozen=True)
class Template:
    """A prompt with holes: ``text`` is without its head, ``variables`` are the names of the holes."""

    name: str
    version: str
    text: str
    variables: frozenset[str]

    def render(self, **values: str) -> str:
        """The prompt with every hole filled. A ``$`` in a value means nothing.

        Raises:
            ValueError: a value is missing, or is for no variable.
        """
        if values.keys() != self.variables:
            raise ValueError(f"{self.name}: {', '.join(sorted(values.keys() ^ self.variables))}")
        return Text(self.text).substitute(values)


def load(name: str, *, folder: Path | None = None) -> Template:
    """The template of that name: the one in ``folder`` if there is one, else the one that came with infra-kb.

    Raises:
        ConfigError: the user's file cannot be read, has no version, or has other variables.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"no name of a template: {name!r}")
    own = files(__name__).joinpath(f"{name}.md")
    packaged = _parse(name, own.read_text(encoding="utf-8"), str(own))
    path = folder / f"{name}.md" if folder else None
    if path is None or not path.exists():
        return packaged
    template = _parse(name, _read(path), str(path))
    if odd := template.variables ^ packaged.variables:
        unknown, missing = _named(odd & template.variables), _named(odd & packaged.variables)
        told = [f"has variables that nothing fills: {unknown}"] * bool(unknown) + [f"lacks {missing}"] * bool(missing)
        remedy = f"its variables are {_named(packaged.variables)}; a dollar sign itself is written $$"
        raise ConfigError(f"{path}: the prompt {' and '.join(told)}", remedy=remedy)
    return template


def load_all(names: tuple[str, ...] = REPORT, *, folder: Path | None = None) -> dict[str, Template]:
    """Templates by name.

    Raises:
        ConfigError: ``folder`` is none, or one of its files cannot be used.
    """
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder of prompts", remedy='check "prompts" in [report]')
    return {name: load(name, folder=folder) for name in names}


def _named(variables: frozenset[str]) -> str:
    return ", ".join(f"${name}" for name in sorted(variables))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LONGEST:
            raise ConfigError(f"{path}: a prompt of more than {_LONGEST:,} bytes leaves no room for evidence")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the prompt cannot be read: {error}", remedy="it has to be a text file in UTF-8") from error


def _parse(name: str, text: str, where: str) -> Template:
    head = _HEAD.match(text)
    if head is None:
        raise ConfigError(f"{where}: the prompt has no version", remedy='it begins with the lines "version: 1" and "---"')
    body = text[head.end() :].replace("\r\n", "\n").strip() + "\n"
    if not Text(body).is_valid():
        raise ConfigError(f"{where}: a dollar sign in the prompt begins no variable", remedy="a dollar sign is written $$")
    return Template(name, head["version"], body, frozenset(Text(body).get_identifiers()))
