"""What people see: sources, results and errors on a terminal. No text from outside is read as markup."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, tzinfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markdown import Markdown
from rich.style import Style
from rich.table import Table
from rich.text import Text

from kb.citations import keys
from kb.errors import KbError
from kb.safe import one_line, printable
from kb.sync import SyncReport
from kb.types import LedgerRow, Scope, Window
from kb.wiring import Searched, Status

_TITLE = 200
_QUOTE = 300
_PIPED_WIDTH = 160
_STATUS_STYLE = {"ok": "green", "failed": "bold red", "interrupted": "yellow", "running": "cyan", "never": "dim"}


class _Output(Console):
    def on_broken_pipe(self) -> None:
        self.quiet = True
        raise BrokenPipeError  # rich would end the program with exit code 1


def standard_output() -> Console:
    """Lines are wrapped for a terminal only, so that what is piped can be searched by line."""
    terminal = sys.stdout.isatty()
    width = None if terminal else _PIPED_WIDTH
    return _Output(file=sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=not terminal, width=width)


def error_text(error: KbError, *, lines: int = 2) -> str:
    """What went wrong and, on the same line or the next, what to do."""
    between = "\n  " if lines > 1 else "; "
    return f"kb: {one_line(error.message)}" + (f"{between}{one_line(error.remedy)}" if error.remedy else "")


def link(text: str, url: str) -> Text:
    """``text``, leading to ``url`` where that is a plain web address."""
    safe = url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url
    return Text(one_line(text), style=Style(link=url) if safe else Style())


def window_text(window: Window, zone: tzinfo) -> str:
    """``2026-01-26 00:00 – 2026-02-02 00:00 (Europe/Berlin)``; an open end is named."""
    start = _local(window.start, zone) if window.start else "the beginning"
    end = _local(window.end, zone) if window.end else "now"
    return f"{start} – {end} ({zone})"


def show_scope(console: Console, scope: Scope, zone: tzinfo) -> None:
    """What the question was taken to mean, on one dim line; what could not be resolved on another."""
    parts = []
    if scope.window.start or scope.window.end:
        parts.append(window_text(scope.window, zone))
    parts.extend(", ".join(map(one_line, names)) for names in (scope.repos, scope.kinds, scope.identifiers) if names)
    if parts:
        console.print(Text(" · ".join(parts), style="dim"))
    for expression in scope.unresolved:
        console.print(Text(f'not understood as a time: "{one_line(expression, limit=80)}"', style="yellow"))


def show_search(console: Console, searched: Searched, zone: tzinfo) -> None:
    """What was asked about, then each hit under its key: date, score, title, the quote that matched, address."""
    show_scope(console, searched.scope, zone)
    if searched.found.degraded:
        console.print(Text(one_line(searched.found.degraded), style="yellow"))
    named = keys(hit.record for hit in searched.found.hits)
    for number, hit in enumerate(searched.found.hits, start=1):
        head = Text(f"{number:>2}. ")
        head.append_text(link(named[hit.record.id], hit.record.url))
        head.append(f"  {_local(hit.record.at, zone)}  {hit.score:.2f}", style="dim")
        title, quote = one_line(hit.record.title, limit=_TITLE), one_line(hit.quote.text, limit=_QUOTE)
        lines = [head, _indented(title)]
        if quote and quote != title:
            where = f" ({one_line(hit.quote.path)}:{hit.quote.line})" if hit.quote.path else ""
            lines.append(_indented(f"“{quote}”{where}", style="italic"))
        if hit.record.url and not console.is_terminal:
            lines.append(_indented(one_line(hit.record.url)))
        for line in lines:
            console.print(line)
    if not searched.found.hits:
        console.print(f"Nothing matches among the {searched.found.in_window:,} records looked at.")


def _indented(text: str, *, style: str = "") -> Text:
    return Text(f"    {text}", style=style)


def show_markdown(console: Console, text: str) -> None:
    """An answer: rendered on a terminal, as it is elsewhere."""
    clean = printable(text).strip()
    if console.is_terminal:
        console.print(Markdown(clean, hyperlinks=True))
    else:
        console.print(Text(clean))


def show_ledger(console: Console, rows: Iterable[LedgerRow], zone: tzinfo) -> None:
    """One row a source: how its last run ended, what it brought, and why it failed."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("source", "status", "last success", "newest"):
        table.add_column(heading, no_wrap=True)
    for heading in ("read", "new", "changed", "gone"):
        table.add_column(heading, justify="right", no_wrap=True)
    notes: list[Text] = []
    for row in rows:
        table.add_row(
            Text(one_line(row.source)),
            Text(row.status, style=_STATUS_STYLE.get(row.status, "")),
            Text(_local(row.last_success, zone) if row.last_success else "–"),
            Text(_local(row.latest, zone)[:10] if row.latest else "–"),
            *(f"{count:,}" for count in (row.fetched, row.new, row.changed, row.gone)),
        )
        if row.error:
            notes.append(Text(_named(row.source, row.error), style="red"))
        if row.truncated:
            notes.append(Text(_named(row.source, f"not complete: {row.truncated}"), style="yellow"))
    console.print(table)
    for note in notes:
        console.print(note)


def _named(source: str, note: str) -> str:
    line, name = one_line(note), f"{one_line(source)}: "
    return line if line.startswith(name) else name + line


def show_status(console: Console, state: Status, zone: tzinfo) -> None:
    """The ledger, and how much there is."""
    show_ledger(console, state.ledger, zone)
    totals: Counter[str] = Counter()
    for counts in state.counts.values():
        totals.update(counts)
    by_kind = ", ".join(f"{count:,} {kind}" for kind, count in sorted(totals.items())) or "none yet: run kb sync"
    console.print(f"Records: {by_kind}. Waiting for the vector index: {state.pending:,}.")
    if state.orphans:
        console.print(Text(f"In the store but no longer in kb.toml: {', '.join(map(one_line, state.orphans))}", style="yellow"))
    console.print(Text(f"Data: {state.data_dir}", style="dim"))


def show_sync(console: Console, report: SyncReport, zone: tzinfo) -> None:
    """How each source's run ended, and what was indexed."""
    show_ledger(console, [run.row for run in report.runs], zone)
    if report.indexed:
        console.print(f"Indexed {report.indexed.records:,} records ({report.indexed.cards:,} cards).")
    if report.index_error:
        console.print(Text(f"index: {one_line(report.index_error)}", style="red"))
    console.print(Text(f"{report.seconds:.1f} s", style="dim"))


def _local(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
