"""What people see of reports: where one was written, and a table of what a check found."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kb.check.types import EXACT, CheckResult, Finding
from kb.console import error_text, show_sync
from kb.publish import Published
from kb.reports import Daily, Made
from kb.safe import one_line

_STYLES = {"mislabelled": "red", "wrong figure": "red", "not in window": "yellow", "unknown": "yellow"}
_TOLD = {
    "written": "Wrote {path}",
    "rewritten": "Wrote {path} anew",
    "unchanged": "{path} is up to date: nothing that it tells has changed",
    "kept": "Left {path} as it is",
}
_MOST_SHOWN = 200  # ids of what is missing


def show_report(console: Console, made: Made, published: Published | None = None) -> None:
    """Where the report lies, what it counts, and whatever a person has to know of how it was written."""
    console.print(Text(_TOLD[made.stored.status].format(path=made.stored.markdown) + "."))
    console.print(Text(made.edition.summary))
    for note in made.stored.notes:
        console.print(Text(one_line(note), style="yellow"))
    for problem in made.report.written.problems if made.report.written else ():
        console.print(Text(one_line(problem), style="yellow"))
    if cost := _cost(made):
        console.print(Text(cost, style="dim"))
    if published:
        _show_published(console, published)


def _cost(made: Made) -> str:
    """What the model took, where one was asked."""
    written = made.report.written
    if written is None or not written.model:
        return ""
    usage = written.usage
    tokens = usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
    parts = [
        f"{one_line(written.model)}: {usage.get('requests', 0):,.0f} requests",
        f"{usage.get('cached', 0):,.0f} from the cache",
        f"{tokens:,.0f} tokens",
        f"{usage.get('seconds', 0):.1f} s",
    ]
    return ", ".join(parts) + (f", cost {usage['cost']:.4f}" if usage.get("cost") else "")


def _show_published(console: Console, published: Published) -> None:
    console.print(Text(f"Published: {published.status}" + (f" ({published.commit[:12]})" if published.commit else "") + "."))
    for note in published.notes:
        console.print(Text(one_line(note), style="yellow"))


def show_check(console: Console, file: Path, found: CheckResult) -> None:
    """A row for each statement that does not hold, then what the page as a whole lacks, then the count of verdicts."""
    wrong = [finding for finding in found.findings if finding.verdict != EXACT]
    if wrong:
        console.print(_findings(wrong))
    for fault in found.faults:
        console.print(Text(f"{f'Line {fault.line}: ' if fault.line else ''}{one_line(fault.text)}", style="red"))
    for repeated in found.repeated:
        lines = ", ".join(map(str, repeated.lines))
        console.print(Text(f"Told more than once: {one_line(repeated.id)} (lines {lines})", style="red"))
    for id in found.missing[:_MOST_SHOWN]:
        console.print(Text(f"Missing: {one_line(id)}", style="red"))
    if len(found.missing) > _MOST_SHOWN:
        console.print(Text(f"… and {len(found.missing) - _MOST_SHOWN:,} more are missing", style="red"))
    counted = [f"{count:,} {verdict}" for verdict, count in found.counts.items() if count]
    if found.unchecked:
        counted.append(f"{found.unchecked:,} of which only the link was checked")
    told = ", ".join(counted) or "nothing to check"
    console.print(Text(f"{one_line(str(file))}: {told}.", style="green" if found.clean else "red"))


def _findings(wrong: list[Finding]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("reason", overflow="fold")
    table.add_column("text", overflow="fold")
    for finding in wrong:
        verdict = Text(finding.verdict, style=_STYLES.get(finding.verdict, ""))
        table.add_row(f"{finding.line}", verdict, Text(one_line(finding.reason)), Text(one_line(finding.text, limit=160)))
    return table


def show_daily(console: Console, done: Daily, zone: tzinfo) -> None:
    """Each step of a daily run, and what went wrong."""
    if done.synced:
        show_sync(console, done.synced, zone)
    if done.made:
        show_report(console, done.made, done.published)
    for made in done.revisited:
        console.print(Text(_TOLD[made.stored.status].format(path=made.stored.markdown) + ": there is more to tell by now."))
    for error in done.errors:
        console.print(Text(error_text(error), style="red"))
