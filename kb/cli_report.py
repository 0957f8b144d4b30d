"""The commands about reports: ``kb report``, ``kb verify``, ``kb daily``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kb import console_report, payloads_report
from kb.cli_shared import (
    AsOfOption,
    ConfigOption,
    DataOption,
    JsonOption,
    LangOption,
    RepoOption,
    language_of,
    opened,
    show,
)
from kb.console import standard_output
from kb.progress import Bars
from kb.reports import Wanted, archive_of, daily, make_report, publish_reports, verify_report

DateOption = Annotated[
    str, typer.Option("--date", metavar="D", help="Its last day: 2026-02-05, today or yesterday. [default: yesterday]")
]
WindowOption = Annotated[str, typer.Option("--window", metavar="W", help="How long: 1d, 7d, any number of days, since-last.")]
ZoneOption = Annotated[str, typer.Option("--tz", metavar="ZONE", help="Whose days are meant, as Europe/Berlin.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The archive of reports. [default: reports]")]
ForceOption = Annotated[bool, typer.Option("--force", help="Write it anew also where a person has changed it.")]
NoLlmOption = Annotated[bool, typer.Option("--no-llm", help="Do not ask the configured language model.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(report)
    app.command()(verify)
    app.command("daily")(run_daily)


def report(
    context: typer.Context,
    date: DateOption = "",
    window: WindowOption = "1d",
    tz: ZoneOption = "",
    lang: LangOption = None,
    repo: RepoOption = None,
    out: OutOption = None,
    as_of: AsOfOption = None,
    force: ForceOption = False,
    no_llm: NoLlmOption = False,
    publish: Annotated[bool, typer.Option("--publish", help="Commit the archive to the repository of reports.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write what happened in a day, a week or since the last report: every record once, each statement checked."""
    wanted = Wanted(
        day=date, length=window, zone=tz, language=language_of(lang), repos=tuple(repo or ()), as_of=as_of, model=not no_llm
    )
    with Bars() as bars, opened(context, config, data_dir, bars) as base:
        archive = archive_of(base.config, out)
        made = make_report(base, wanted, archive, force=force, progress=bars)
        published = publish_reports(base, archive) if publish else None
    show(
        as_json,
        payloads_report.report(made, published),
        lambda: console_report.show_report(standard_output(), made, published),
    )


def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A report in Markdown, also one that another system wrote.")],
    date: DateOption = "",
    window: WindowOption = "1d",
    tz: ZoneOption = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Hold a report against the store: links, labels, quotes, figures, dates, completeness. Exit code 1 if anything is wrong.

    --date and --window say what the report is about where its first line or its file's name does not.
    """
    with opened(context, config, data_dir) as base:
        found = verify_report(base, file, wanted=Wanted(day=date, length=window, zone=tz))
    show(as_json, payloads_report.check(file, found), lambda: console_report.show_check(standard_output(), file, found))
    if not found.clean:
        raise typer.Exit(1)


def run_daily(
    context: typer.Context,
    date: DateOption = "",
    window: WindowOption = "1d",
    tz: ZoneOption = "",
    lang: LangOption = None,
    out: OutOption = None,
    force: ForceOption = False,
    no_llm: NoLlmOption = False,
    no_publish: Annotated[bool, typer.Option("--no-publish", help="Do not publish, also where kb.toml says where to.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Sync, report and publish. Exit code 0: all done; 1: a source failed; 3: the report or its publishing failed."""
    wanted = Wanted(day=date, length=window, zone=tz, language=language_of(lang), model=not no_llm)
    with Bars() as bars, opened(context, config, data_dir, bars) as base:
        done = daily(base, wanted, archive_of(base.config, out), force=force, push=not no_publish, progress=bars)
        zone = base.config.zone
    show(as_json, payloads_report.daily(done), lambda: console_report.show_daily(standard_output(), done, zone))
    if done.exit_code:
        raise typer.Exit(done.exit_code)
