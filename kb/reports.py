"""Reports made, kept, checked and published: what ``kb report``, ``kb verify`` and ``kb daily`` do.

Beside kb.wiring the one place that knows every part of a report; the parts themselves are values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import prompts
from kb.check.types import CheckResult
from kb.check.verify import check
from kb.config import Config
from kb.errors import ConfigError, KbError, QueryError, ReportError
from kb.grounded.cache import Cache
from kb.llm import language_model
from kb.protocols import Progress, silent
from kb.publish import Published, publish
from kb.report.archive import Archive, Stored
from kb.report.archived import INDEX, README
from kb.report.compose import Choice, compose
from kb.report.frame import SINCE_LAST, frame
from kb.report.gist import Extractive
from kb.report.hunk import telling_hunk
from kb.report.model import ModelWriter, Prompts
from kb.report.sidecar import edition
from kb.report.types import Edition, Frame, Report, Writer
from kb.report.weight import Profile, choose, weigh
from kb.safe import one_line
from kb.sync import SyncReport
from kb.types import LedgerRow, Window
from kb.wiring import Asked, KnowledgeBase

_LOOKED_BACK = timedelta(days=7)
_LARGEST = 20_000_000  # bytes of a page to check


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The report that is asked for, as a person typed it. ``day`` is its last one, by default the last whole day.

    ``length``: a number of days ("1d", "7d") or "since-last". ``zone`` and ``language`` are the configured ones by default.
    ``as_of``: tell it as if it were then. ``model`` is False where no language model may write.
    """

    day: str = ""
    length: str = "1d"
    zone: str = ""
    language: str = ""
    repos: tuple[str, ...] = ()
    as_of: str | None = None
    model: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A report, and how it stands in the archive."""

    report: Report
    edition: Edition
    stored: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """What a daily run did. ``synced`` or ``made`` is None where that step could not be done at all; ``errors`` say why.

    ``revisited`` are reports of the days before that were written again, as there is more to tell of those days by now.
    """

    synced: SyncReport | None
    made: Made | None
    revisited: tuple[Made, ...] = ()
    published: Published | None = None
    errors: tuple[KbError, ...] = ()

    @property
    def exit_code(self) -> int:
        """3: there is no report, or it could not be published; 1: a source failed; 0: all was done."""
        if self.made is None or any(isinstance(error, ReportError) for error in self.errors):
            return 3
        return 0 if self.synced and self.synced.ok else 1


def archive_of(config: Config, out: Path | None = None) -> Archive:
    """The archive in ``out``, or where the configuration says: relative to its file."""
    folder = out.expanduser() if out else config.path.parent / Path(config.report.out).expanduser()
    return Archive(folder.absolute())


def make_report(
    base: KnowledgeBase, wanted: Wanted, archive: Archive, *, force: bool = False, progress: Progress = silent
) -> Made:
    """Compose the report that is wanted and store it in the archive; ``force`` replaces also one that a person changed.

    Raises:
        QueryError: a day, length, zone or repository that cannot be resolved.
        ConfigError: the language model or its prompts cannot be used as configured.
        CatalogError: nothing has been read yet.
        ReportError: the archive cannot be written.
    """
    framed = frame_of(base, wanted, archive)
    report = compose(
        framed,
        catalog=base.catalog,
        ledger=configured_ledger(base),
        choice=choice_of(base.config, framed),
        writer=_writer(base, wanted),
        progress=progress,
    )
    made = edition(report)
    return Made(report=report, edition=made, stored=archive.write(made, force=force))


def verify_report(base: KnowledgeBase, path: Path, *, wanted: Wanted | None = None) -> CheckResult:
    """Hold a report, ours or another's, against the store; ``wanted`` says what it is about where the page does not.

    Raises:
        ReportError: the file cannot be read, or is no text.
        QueryError: a day, length, zone or repository that cannot be resolved.
        CatalogError: nothing has been read yet.
    """
    asked = wanted or Wanted()
    return check(
        _page(path),
        catalog=base.catalog,
        zone=zone_of(asked.zone, base.config),
        frame=frame_of(base, asked, archive_of(base.config)) if asked.day else None,
        file_name=path.name,
        ledger=configured_ledger(base),
        index=_page(path.with_name(INDEX)) if path.name == README and path.with_name(INDEX).is_file() else "",
    )


def publish_reports(base: KnowledgeBase, archive: Archive) -> Published:
    """Commit the archive to the repository of reports that is configured.

    Raises:
        ConfigError: none is configured.
        ReportError: it could not be published; the archive is as it was.
    """
    table = base.config.report
    if not table.publish:
        raise ConfigError(
            f"{base.config.path}: [report] has no publish", remedy='name a git repository: publish = "../reports.git"'
        )
    beside = base.config.path.parent / Path(table.publish).expanduser()
    return publish(
        archive.folder,
        repository=str(beside) if beside.exists() else table.publish,
        branch=table.branch,
        folder_in_repo=table.folder,
        work=base.data_dir / "publish",
    )


def daily(
    base: KnowledgeBase,
    wanted: Wanted,
    archive: Archive,
    *,
    force: bool = False,
    progress: Progress = silent,
    push: bool = True,
) -> Daily:
    """Read the sources, write the report, and publish the archive where that is configured and ``push``.

    What fails stops only what needs it: a report is made of what is stored also where no source could be read. The reports of
    the days before are looked at again: a source may have been read since, or a commit pushed late.

    Raises:
        ConfigError, QueryError: the configuration or what is wanted cannot be used.
    """
    errors: list[KbError] = []
    synced, made, published = None, None, None
    revisited: tuple[Made, ...] = ()
    try:
        synced = base.sync()
    except (ConfigError, QueryError):
        raise
    except KbError as error:
        errors.append(error)
    try:
        made = make_report(base, wanted, archive, force=force, progress=progress)
        revisited = tuple(_revisited(base, wanted, archive, made, progress))
        if push and base.config.report.publish:
            published = publish_reports(base, archive)
    except (ConfigError, QueryError):
        raise
    except KbError as error:
        errors.append(error)
    return Daily(synced=synced, made=made, revisited=revisited, published=published, errors=tuple(errors))


def _revisited(base: KnowledgeBase, wanted: Wanted, archive: Archive, made: Made, progress: Progress) -> Iterator[Made]:
    """Reports like ``made`` of the days before it, of which the facts have changed, written again."""
    frame = made.report.frame
    for old in archive.entries():
        about = old.identity
        alike = (about.length, about.language, about.repos) == (frame.length, frame.language, frame.repos)
        if not alike or frame.length == SINCE_LAST or not frame.day - _LOOKED_BACK <= about.day < frame.day:
            continue
        asked = replace(wanted, day=about.day.isoformat())
        if frame_of(base, asked, archive).window == Window(old.since, old.until):
            again = make_report(base, asked, archive, progress=progress)
            if again.stored.status == "rewritten":
                yield again


# --- parts -------------------------------------------------------------------------------------------------------------------


def frame_of(base: KnowledgeBase, wanted: Wanted, archive: Archive) -> Frame:
    """What is asked for, resolved against the store, the configuration and the reports there are.

    Raises:
        QueryError: a day, length, zone or repository that cannot be resolved.
        CatalogError: nothing has been read yet.
    """
    zone = zone_of(wanted.zone, base.config)
    scope, context = base.scope(Asked("", repos=wanted.repos, as_of=wanted.as_of))
    language = wanted.language or base.config.language
    since_last = wanted.length == SINCE_LAST
    now = min([context.now, *_read_until(base)]) if since_last else context.now  # what came later belongs to the next one
    framed = partial(frame, now=now, zone=zone, day=wanted.day, language=language, repos=scope.repos, length=wanted.length)
    if not since_last:
        return framed()
    return framed(last_end=archive.last_end(language=language, repos=scope.repos, day=framed().day))


def _read_until(base: KnowledgeBase) -> list[datetime]:
    """Until when the sources that could be read were, at least: a moment or none."""
    read = [row.last_success for row in configured_ledger(base) if row.status == "ok" and row.last_success]
    return [min(read)] if read else []


def zone_of(name: str, config: Config) -> tzinfo:
    """The time zone called ``name``, or else the configured one. Raises QueryError."""
    try:
        return ZoneInfo(name) if name else config.zone
    except (KeyError, ValueError, OSError) as error:
        shown = one_line(name, limit=40)
        raise QueryError(f"--tz {shown}: not a time zone", remedy='use a name such as "Europe/Berlin" or "UTC"') from error


def choice_of(config: Config, framed: Frame) -> Choice:
    """How the configuration chooses what matters in a window."""
    weights = {repo: table.weight for repo, table in config.repos.items()}
    profile = Profile(topics=dict(config.report.topics), repos=weights, detail=config.report.detail)
    start, end = framed.window.start or framed.as_of, framed.window.end or framed.as_of
    days = max(1, round((end - start) / timedelta(days=1)))
    return Choice(
        weigh=lambda entry: weigh(entry, profile),
        choose=lambda entries: choose(entries, profile, days=days),
        hunk=telling_hunk,
    )


def configured_ledger(base: KnowledgeBase) -> tuple[LedgerRow, ...]:
    """The rows of configured sources; without any, of those that were read once."""
    configured = {source.name for source in base.sources}
    rows = base.ledger()
    return tuple(row for row in rows if row.source in configured) or rows


def _writer(base: KnowledgeBase, wanted: Wanted) -> Writer:
    """Who writes the sentences: the configured model, else the records themselves."""
    table, folder = base.config.llm, base.config.report.prompts
    model = language_model(table) if wanted.model else None
    if model is None:
        return Extractive()
    templates = prompts.load_all(folder=base.config.path.parent / Path(folder).expanduser() if folder else None)
    return ModelWriter(
        model=model,
        fallback=Extractive(),
        prompts=Prompts(**{name.removeprefix("report_"): template for name, template in templates.items()}),
        cache=Cache(base.data_dir / "cache" / "reports"),
        entailment=base.entailment,
        price_in=table.price_in,
        price_out=table.price_out,
    )


def _page(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ReportError(f"{path}: larger than {_LARGEST // 1_000_000} MB", remedy="is it a report?")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportError(f"{path}: not UTF-8 text", remedy="kb verify reads Markdown") from error
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}", remedy="name a Markdown file") from error
