"""What people see of a language model: a line for each thing that was tried, and what to do where it does not work."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kb.llm import Health
from kb.safe import one_line

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "unknown": "dim"}
_NONE = (
    'No language model is configured (provider is "none" in [llm]): reports and answers are taken from the records themselves.',
    'To use one, set provider, base_url and model in [llm], then run "kb llm check" again.',
)


def show_health(console: Console, found: Health) -> None:
    """Every check with its verdict; then how fast it was, and whether all that is needed works."""
    if found.provider == "none":
        for line in _NONE:
            console.print(Text(line))
        return
    console.print(Text(f"{one_line(found.model, limit=80)} ({found.provider}) at {found.server}"))
    console.print(_checks(found))
    if speed := found.speed:
        unit = "tokens" if speed.counted else "pieces"
        rate = f"{speed.tokens:,} {unit} in {speed.seconds:.1f} s, {speed.per_second:,.1f} a second"
        console.print(Text(f"First words after {speed.first:.2f} s; {rate}."))
    told = "It can be used." if found.ok else "It cannot be used so."
    console.print(Text(told, style="green" if found.ok else "red"))


def _checks(found: Health) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found.checks:
        table.add_row(check.name, Text(check.verdict, style=_STYLES[check.verdict]), Text(one_line(check.told)))
        if check.remedy:
            table.add_row("", "", Text(one_line(check.remedy)))
    return table
