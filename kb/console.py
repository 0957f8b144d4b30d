"""What people see: sources, results and errors on a terminal. No text from outside is read as markup."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markdown import Markdown
from rich.style import Style
from rich.table import Table
from rich.text import Text

from kb.answering.types import Done, Event
from kb.catalog import Run
from kb.citations import keys
from kb.errors import KbError
from kb.neighbours import Neighbour
from kb.safe import one_line, printable
from kb.sync import SyncReport
from kb.types import KINDS, LedgerRow, ModelUse, Scope, Window
from kb.wiring import Searched, Status
from kb.wording import ENGLISH

_TITLE = 200
_QUOTE = 300
_PIPED_WIDTH = 160
_STATUS_STYLE = {
    "ok": "green",
    "truncated": "yellow",
    "failed": "bold red",
    "interrupted": "yellow",
    "running": "cyan",
    "never": "dim",
}


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
        if beside := _beside_text(searched.beside.get(hit.record.id, ())):
            lines.append(_indented(beside, style="dim"))
        if hit.record.url and not console.is_terminal:
            lines.append(_indented(one_line(hit.record.url)))
        for line in lines:
            console.print(line)
    if not searched.found.hits:
        console.print(f"Nothing matches among the {searched.found.in_window:,} records looked at.")


def _beside_text(beside: Iterable[Neighbour]) -> str:
    """``fixed by kernels#12 · pull request kernels#14``: the relations that lead on, and the keys of what they lead to."""
    near = [item for item in beside if item.rel not in ("mentions", "mentioned-by")]
    named = keys(item.record for item in near if item.record)
    found: dict[str, list[str]] = {}
    for item in near:
        found.setdefault(item.rel, []).append(named.get(item.id, item.id.rpartition("/")[2]))
    return " · ".join(f"{ENGLISH.relations[rel]} {', '.join(map(one_line, ids))}" for rel, ids in found.items())


def _indented(text: str, *, style: str = "") -> Text:
    return Text(f"    {text}", style=style)


def show_markdown(console: Console, text: str) -> None:
    """An answer: rendered on a terminal, as it is elsewhere."""
    clean = printable(text).strip()
    if console.is_terminal:
        console.print(Markdown(clean, hyperlinks=True))
    else:
        console.print(Text(clean))


def show_answer(console: Console, events: Iterable[Event], *, verbose: bool = False) -> None:
    """An answer: on a terminal as it comes, elsewhere when it is whole. ``verbose``: also what the language model did."""
    for event in events:
        if console.is_terminal and event.markdown.strip():
            show_markdown(console, event.markdown)
        if isinstance(event, Done):
            if not console.is_terminal:
                show_markdown(console, event.answer.text)
            if verbose:
                console.print(Text(_use_text(event.answer.model), style="dim"))


def _use_text(use: ModelUse | None) -> str:
    if use is None:
        return "No language model was asked."
    tokens = f"{use.prompt_tokens:,} + {use.completion_tokens:,} tokens"
    requests = f"{use.requests:,} requests, {use.cached:,} answers kept from before"
    told = f"{one_line(use.name)}: {requests}, {tokens}, {use.seconds:.1f} s, {use.read:,} records read"
    return "; ".join([told, *map(one_line, use.problems)])


def show_status(console: Console, state: Status, zone: tzinfo) -> None:
    """How each source stands, what a person should know of it, its runs where asked for, and how much there is."""
    table = _table(left=("source", "status", "last success", "newest"), right=("records",))
    for row in state.ledger:
        held = sum(count for kind, count in state.counts.get(row.source, {}).items() if kind in KINDS)
        table.add_row(
            Text(one_line(row.source)),
            _status(row, state.now),
            _local(row.last_success, zone) if row.last_success else "–",
            _local(row.latest, zone)[:10] if row.latest else "–",
            f"{held:,}",
        )
    console.print(table)
    for row in state.ledger:
        _show_remarks(console, row, zone, state.now)
    for source, runs in state.runs.items():
        _show_runs(console, source, runs, zone)
    totals: Counter[str] = Counter()
    for counts in state.counts.values():
        totals.update(counts)
    by_kind = ", ".join(f"{count:,} {kind}" for kind, count in sorted(totals.items())) or "none yet: run kb sync"
    console.print(f"Records: {by_kind}. Waiting for the vector index: {state.pending:,}.")
    if state.orphans:
        names = ", ".join(map(one_line, state.orphans))
        console.print(Text(f"In the store but no longer in kb.toml (kb forget drops it): {names}", style="yellow"))
    console.print(Text(f"Data: {state.data_dir}", style="dim"))


def show_sync(console: Console, report: SyncReport, zone: tzinfo) -> None:
    """How each source's run ended, what it brought and used, and what was indexed."""
    table = _table(left=("source", "status"), right=("read", "new", "changed", "gone", "requests", "time"))
    for run in report.runs:
        counts = (run.row.new, run.row.changed, run.row.gone, run.row.requests)
        table.add_row(
            Text(one_line(run.row.source)),
            _status(run.row),
            _read(run.row),
            *(f"{count:,}" for count in counts),
            f"{run.seconds:.1f} s",
        )
    console.print(table)
    for run in report.runs:
        _show_remarks(console, run.row, zone, datetime.now(UTC))
    if report.indexed:
        console.print(f"Indexed {report.indexed.records:,} records ({report.indexed.cards:,} cards).")
    if report.index_error:
        console.print(Text(f"index: {one_line(report.index_error)}", style="red"))
    console.print(Text(f"{report.seconds:.1f} s", style="dim"))


def _show_runs(console: Console, source: str, runs: Iterable[Run], zone: tzinfo) -> None:
    """A source's runs, latest first."""
    table = _table(left=("started", "status"), right=("time", "read", "new", "changed", "gone", "requests"))
    remarks = []
    for run in runs:
        started = _local(run.started, zone) if run.started else "–"
        taken = _span(run.ended - run.started) if run.started and run.ended else "–"
        counts = (run.new, run.changed, run.gone, run.requests)
        table.add_row(started, _status(run), taken, _read(run), *(f"{count:,}" for count in counts))
        remarks += [(started, text) for text in (run.error, run.truncated, *run.notes) if text]
    console.print(Text(f"Runs of {one_line(source)}" + ("" if table.row_count else ": none has ended"), style="bold"))
    if table.row_count:
        console.print(table)
    for started, text in remarks:
        console.print(Text(f"{started}: {one_line(text)}", style="dim"))


def _table(*, left: Iterable[str], right: Iterable[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in left:  # where there is little room names are folded, but figures and times are not
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("source", "status"))
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _status(row: LedgerRow | Run, at: datetime | None = None) -> Text:
    """A run's outcome in a word, and beside it whether the source is stale at that moment (None: not asked)."""
    word = "truncated" if row.status == "ok" and row.truncated else row.status
    text = Text(word, style=_STATUS_STYLE.get(word, ""))
    if isinstance(row, LedgerRow) and at is not None and row.is_stale(at):
        text.append(", stale", style="yellow")
    return text


def _read(row: LedgerRow | Run) -> str:
    """How many records were read, of how many where some were not."""
    missing = row.expected is not None and row.expected > row.fetched
    return f"{row.fetched:,} of {row.expected:,}" if missing else f"{row.fetched:,}"


def _show_remarks(console: Console, row: LedgerRow, zone: tzinfo, now: datetime) -> None:
    """What the table has no room for: why it failed, what was left, until when its server takes no more, what else it told."""
    whole = row.status == "ok" and not row.truncated
    remarks = [(row.error, "red"), (f"truncated: {row.truncated}" if row.truncated else "", "yellow")]
    if row.status in ("interrupted", "running"):
        remarks.append((f"{row.status}: {_read(row)} read", "yellow"))
    if row.last_success and row.is_stale(now):
        limit = timedelta(seconds=row.stale_after)
        remarks.append((f"stale: last read {_span(now - row.last_success)} ago, more than {_span(limit)}", "yellow"))
    if row.limit_reset and row.limit_reset > now and not whole:  # servers tell it with every answer
        remarks.append((f"limit resets {_clock(row.limit_reset, now, zone)}, in {_span(row.limit_reset - now)}", ""))
    remarks += [(note, "") for note in row.notes]
    for text, style in remarks:
        if text:
            console.print(Text(_named(row.source, text), style=style))


def _named(source: str, remark: str) -> str:
    line, name = one_line(remark), f"{one_line(source)}: "
    return line if line.startswith(name) else name + line


def _span(length: timedelta) -> str:
    """A length of time in its largest unit, rounded: 12 s, 5 min, 3 h, 2 days."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def _clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """The time of day, with the date where it is another day's."""
    text = _local(at, zone)
    return text[11:] if text[:10] == _local(now, zone)[:10] else text


def _local(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
