"""What runs in the background as people watch it: how far each part is, how fast, how long still, and how it ended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from markupsafe import Markup

from kb.jobs import JobState, Step
from kb.sync import SyncReport
from kb.web.markup import Child, icon, join, tag, text
from kb.web.reader import Reader

_ROWS = 60
_NAME = 80  # characters
_ERROR = 600


def running_html(
    title: str, state: JobState[object], reader: Reader, *, names: Sequence[str] = (), to: str, sort: str
) -> Markup:
    """A job on its way, with a button that cancels it. ``names`` are the sources that it may be about; ``to`` is the field that
    hears of the button, and ``sort`` what it says there."""
    words = reader.ui.jobs
    rows = [_row(name, step, reader) for name, step in _parts(state.steps, names, reader)][:_ROWS]
    stopping = state.status == "stopping"
    cancel = tag(
        "button", words["cancel"], type="button", class_="kb-do", data_to=to, data_do="cancel", data_of=sort, disabled=stopping
    )
    told = words["stopping"] if stopping else "" if rows else words["begin"]
    return tag(
        "section",
        tag("header", tag("h3", text(title, limit=200)), cancel, class_="kb-row"),
        tag("p", told, class_="kb-dim") if told else None,
        tag("ul", *rows, class_="kb-steps") if rows else None,
        class_="kb kb-job",
        aria_label=text(title, limit=200),
        data_state=state.status,
        lang=reader.language,
    )


def _parts(steps: Sequence[Step], names: Sequence[str], reader: Reader) -> Iterator[tuple[str, Step]]:
    """Each source with what it does at present, then what is about no source."""
    latest: dict[str, Step] = {}
    for step in steps:
        latest[_about(step.stage, names)] = step  # a later stage of the same source takes the place of the one before
    for about, step in latest.items():
        own = step.stage.removeprefix(f"{about}: ")
        label = about if own in (step.stage, "") else f"{about}: {own}"
        yield reader.ui.jobs.get(label, label), step


def _about(stage: str, names: Sequence[str]) -> str:
    fitting = [name for name in names if stage == f"sync {name}" or stage.startswith(f"{name}: ")]
    return max(fitting, key=len, default=stage)


def _row(name: str, step: Step, reader: Reader) -> Markup:
    words = reader.ui.jobs
    counted = words["count"] if step.total else words["so far"]
    told = [counted.format(done=f"{step.done:,}", total=f"{step.total or 0:,}")]
    going = step.total is None or step.done < step.total
    if going and step.rate >= 0.05:
        told.append(words["rate"].format(rate=f"{step.rate:,.0f}" if step.rate >= 10 else f"{step.rate:.1f}"))
    if going and step.left is not None:
        told.append(words["left"].format(span=reader.span(timedelta(seconds=step.left))))
    label = text(name, limit=_NAME)
    # Without a total the bar has no value: it says that something is going on, and no more.
    value: dict[str, int] = {"max": step.total, "value": min(step.done, step.total)} if step.total else {}
    return tag(
        "li",
        tag("span", label, class_="kb-step"),
        tag("progress", aria_label=label, **value),
        tag("span", " · ".join(told), class_="kb-dim kb-num"),
    )


def ended_html(told: Child, reader: Reader, *, tone: str = "info", actions: Child = None) -> Markup:
    """How a job ended, in a sentence, and what can be done next."""
    sign = {"good": "check", "warn": "warning", "bad": "cross"}.get(tone, "")
    return tag(
        "section",
        tag("p", icon(sign), " " if sign else None, told),
        actions,
        class_=f"kb kb-ended kb-{tone}",
        role="status",
        lang=reader.language,
    )


def synced_html(report: SyncReport, reader: Reader) -> Markup:
    """What a sync brought, what of it failed, and whether the index is up to date."""
    words = reader.ui.jobs
    stored = [run.stored for run in report.runs]
    failed = [text(run.row.source, limit=40) for run in report.runs if run.row.status != "ok"]
    told: list[Child] = [
        words["synced part" if failed else "synced"].format(
            count=reader.counted("sources", len(report.runs)),
            read=f"{len(report.runs) - len(failed):,}",
            failed=f"{len(failed):,}",
            new=f"{sum(one.new for one in stored):,}",
            changed=f"{sum(one.changed for one in stored):,}",
            gone=f"{sum(one.gone for one in stored):,}",
            seconds=reader.span(timedelta(seconds=report.seconds)),
        )
    ]
    if report.indexed and report.indexed.records:
        told.append(words["indexed"].format(records=f"{report.indexed.records:,}"))
    if report.index_error:
        told.append(words["index failed"].format(error=text(report.index_error, limit=_ERROR)))
    if failed:
        names = reader.terms.comma.join(failed)
        told.append(words["some failed"].format(names=text(names, limit=300)))
    return ended_html(join(told, " "), reader, tone="bad" if failed else "good" if report.ok else "warn")
