"""The command line: each command does one thing and shows it to a person or, with --json, to a program.

Exit codes: 0 done; 1 a source failed, there is nothing to answer from, or a report does not hold; 2 wrong arguments or
configuration; 3 (kb daily) no report, or not published; 130 interrupted; 141 the reader of a pipe went away.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from kb import cli_llm, cli_report, cli_serve, console, payloads
from kb.answering.types import answer_of
from kb.cli_report import NoLlmOption
from kb.cli_shared import (
    AsOfOption,
    Common,
    ConfigOption,
    DataOption,
    JsonOption,
    KindOption,
    LangOption,
    RepoOption,
    SinceOption,
    UntilOption,
    UsageError,
    language_of,
    opened,
    print_json,
    show,
    text_of,
)
from kb.config import TEMPLATE
from kb.conversation import LARGEST, scope_before
from kb.errors import ConfigError, KbError, QueryError
from kb.progress import Bars
from kb.safe import one_line
from kb.types import Scope
from kb.wiring import Asked

_ENDS = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED = 130

app = typer.Typer(
    name="kb",
    help="A knowledge base over the repositories you follow: complete, cited answers to “what changed?”.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kb {version('infra-kb')}")
        raise typer.Exit


cli_report.register(app)
cli_llm.register(app)
cli_serve.register(app)


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = Common(config, data_dir)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command()
def sync(
    context: typer.Context,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Only this one; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Read what is new at every source, store it and index it. Exit code 1 if any failed; the others are done all the same."""
    with Bars() as bars, opened(context, config, data_dir, bars) as base:
        report = base.sync(tuple(source or ()))
    show(as_json, payloads.sync(report), lambda: console.show_sync(console.standard_output(), report, base.config.zone))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words, an identifier, a SHA, #123, a path.")],
    repo: RepoOption = None,
    kind: KindOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_of: AsOfOption = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many results.")] = 10,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Find records by meaning, words and identifiers, best first, each with the passage that matched."""
    asked = Asked(text_of(query, "QUERY"), tuple(repo or ()), tuple(kind or ()), since, until, as_of)
    with opened(context, config, data_dir) as base:
        found = base.search(asked, limit=limit)
    show(as_json, payloads.search(found), lambda: console.show_search(console.standard_output(), found, base.config.zone))


@app.command()
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="As you would ask a colleague, in English or Chinese.")],
    repo: RepoOption = None,
    kind: KindOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_of: AsOfOption = None,
    lang: LangOption = None,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="FILE", help="Follow up: what --json printed for the question before; - reads stdin."),
    ] = None,
    no_llm: NoLlmOption = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also what the language model was asked, and what it took.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Answer a question with citations: every change of a window, or the records that say it; or say that nothing does.

    Where kb.toml names a language model, its sentences stand first, each checked against the records that it cites.
    """
    before = None if after is None else _scope_before(after)
    asked = Asked(text_of(question, "QUESTION"), tuple(repo or ()), tuple(kind or ()), since, until, as_of, before)
    with opened(context, config, data_dir) as base:
        events = base.ask_aloud(asked, language=language_of(lang), model=not no_llm)
        payload = payloads.answer(answer_of(events)) if as_json else {}
        show(as_json, payload, lambda: console.show_answer(console.standard_output(), events, verbose=verbose))


def _scope_before(name: str) -> Scope:
    """The scope of the answer in a file, or of the one on standard input."""
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            return scope_before(file.read(LARGEST + 1))
    except OSError as error:
        raise QueryError(
            f"--after {one_line(name)}: cannot be read: {error.strerror}", remedy="give a file, or - for stdin"
        ) from error
    except QueryError as error:
        raise QueryError(f"--after {one_line(name)}: {error.message}", remedy=error.remedy) from error


@app.command()
def status(
    context: typer.Context,
    runs: Annotated[int, typer.Option("--runs", metavar="N", min=0, max=100, help="Also the last N runs of each source.")] = 0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Show, for each source, when it was last read, what that brought, and what failed; and how much is stored and indexed."""
    with opened(context, config, data_dir) as base:
        state = base.status(runs=runs)
    show(as_json, payloads.status(state), lambda: console.show_status(console.standard_output(), state, base.config.zone))


@app.command()
def forget(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Its name, as kb status shows it.")],
    force: Annotated[bool, typer.Option("--force", help="Also if kb.toml has it: the next sync reads it anew.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Drop a source that was taken out of kb.toml, and every record that no other source has."""
    with Bars() as bars, opened(context, config, data_dir, bars) as base:
        records = base.forget(source, force=force)
    told = f"Forgot {one_line(source)}: {records:,} records are gone with it."
    show(as_json, {"forgotten": source, "records": records}, lambda: console.standard_output().print(told))


@app.command()
def reindex(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataOption = None
) -> None:
    """Build the vector index anew from the store, beside the old one, and swap it in."""
    with Bars() as bars, opened(context, config, data_dir, bars) as base:
        report = base.reindex()
    told = f"Indexed {report.records:,} records ({report.cards:,} cards)."
    show(as_json, payloads.reindex(report), lambda: console.standard_output().print(told))


@app.command()
def init(
    path: Annotated[Path, typer.Option("--path", metavar="FILE", help="Where to write it.")] = Path("kb.toml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a kb.toml in which every key is explained."""
    target = path / "kb.toml" if path.is_dir() else path
    if target.exists() and not force:
        raise ConfigError(f"{target}: is there already", remedy="use --force to write over it, or --path for another place")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error
    written = {"written": str(target)}
    show(as_json, written, lambda: console.standard_output().print(f"Wrote {target}. Edit its [[sources]], then run: kb sync"))


def _told(error: KbError, *, as_json: bool) -> int:
    if as_json:
        kind = type(error).__name__
        print_json({"error": {"type": kind, "message": one_line(error.message), "remedy": one_line(error.remedy)}})
    typer.echo(console.error_text(error, lines=1 if as_json else 2), err=True)
    return 2 if isinstance(error, ConfigError | QueryError | UsageError) else 1


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error that is ours has been told when it returns."""
    as_json = "--json" in arguments
    try:
        code = app(args=list(arguments), prog_name="kb", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except KbError as error:
        return _told(error, as_json=as_json)
    except typer.TyperException as error:
        usage = UsageError(error.format_message(), remedy="kb --help, or kb COMMAND --help, lists what there is")
        return _told(usage, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Unwind, so that what is under way ends where it can be taken up again; the next signal waits for nothing."""
    for kind in _ENDS:
        signal.signal(kind, _end_now)
    raise KeyboardInterrupt


def _end_now(number: int, frame: FrameType | None) -> NoReturn:
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h")  # a progress bar hides the cursor
    os._exit(_INTERRUPTED)


def main() -> None:
    """The ``kb`` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # JSON is UTF-8, whatever the locale says
    for kind in _ENDS:
        if signal.getsignal(kind) is not signal.SIG_IGN:  # as nohup and "&" in scripts ask for
            signal.signal(kind, _interrupt)
    code = run(sys.argv[1:])
    if code == _INTERRUPTED:  # nobody waits for threads that still wait for a server
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
