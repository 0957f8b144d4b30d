"""What the commands share: their options, the knowledge base they open, and how they show what they did."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kb.config import load_config
from kb.errors import KbError, QueryError
from kb.progress import Bars
from kb.safe import json_line, one_line
from kb.wiring import KnowledgeBase, open_kb


class UsageError(KbError):
    """The command line itself cannot be read."""


@dataclass(frozen=True)
class Common:
    """The options that may stand before the command or after it."""

    config: Path | None = None
    data_dir: Path | None = None


ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The configuration. [default: kb.toml]")]
DataOption = Annotated[Path | None, typer.Option("--data-dir", metavar="DIR", help="Where the store, index and clones live.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
RepoOption = Annotated[list[str] | None, typer.Option("--repo", metavar="NAME", help="Only this repository; may be repeated.")]
KindOption = Annotated[
    list[str] | None, typer.Option("--kind", metavar="KIND", help="Only this kind, as commit; may be repeated.")
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Nothing before: 2026-02-02 or 2026-02-02T09:30Z.")
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Nothing after; a day is meant to its end.")]
LangOption = Annotated[str | None, typer.Option("--lang", metavar="en|zh", help="The language that it is written in.")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="Ask as if it were then; a day means its end.")]


def opened(context: typer.Context, config: Path | None, data_dir: Path | None, bars: Bars | None = None) -> KnowledgeBase:
    outer = context.obj if isinstance(context.obj, Common) else Common()
    settings = load_config(config or outer.config or Path("kb.toml"))
    option = data_dir or outer.data_dir
    return open_kb(settings, data_dir=option) if bars is None else open_kb(settings, data_dir=option, progress=bars)


def language_of(option: str | None) -> str:
    """The option's value, "" for none. Raises QueryError for a language that is not known."""
    if option not in {None, "en", "zh"}:
        raise QueryError(f"--lang {one_line(option or '', limit=40)}: not known", remedy="known: en, zh")
    return option or ""


def text_of(value: str, name: str) -> str:
    if not value.strip():
        raise QueryError(f"{name} is empty", remedy='write it in quotes: kb ask "What changed in FlashInfer this week?"')
    return value


def show(as_json: bool, payload: dict[str, Any], readable: Callable[[], None]) -> None:
    try:
        if as_json:
            print_json(payload)
        else:
            readable()
        sys.stdout.flush()
    except BrokenPipeError as error:
        # The interpreter flushes once more when it ends: there must be something left that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from error


def print_json(payload: dict[str, Any]) -> None:
    sys.stdout.write(json_line(payload) + "\n")
