"""The commands about the language model: ``kb llm check``."""

from __future__ import annotations

import typer

from kb import console_llm, payloads_llm
from kb.cli_shared import ConfigOption, JsonOption, opened, show
from kb.console import standard_output
from kb.llm import probe
from kb.progress import Bars


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    llm = typer.Typer(help="The language model that may write reports and answers.", rich_markup_mode=None)
    llm.command("check")(check)
    app.add_typer(llm, name="llm")


def check(context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Try the model of kb.toml: is it there, what does it take, how fast is it? Exit code 1 if it cannot be used."""
    with Bars() as bars, opened(context, config, None) as base:
        found = probe(base.config.llm, progress=bars)
    show(as_json, payloads_llm.health(found), lambda: console_llm.show_health(standard_output(), found))
    if not found.ok:
        raise typer.Exit(1)
