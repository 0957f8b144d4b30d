"""The sources with what can be done with each: read it, look at its last runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from kb.catalog import Run
from kb.config import Config
from kb.web.ledger_html import ledger_html
from kb.web.markup import Child, badge, join, scrolling, tag, text
from kb.web.reader import Reader
from kb.wiring import Status

_TONES = {"ok": ("good", "check"), "failed": ("bad", "cross"), "interrupted": ("warn", "pause")}
_ERROR = 400


def sources_html(status: Status, config: Config, reader: Reader, *, to: str, may_read: bool) -> Markup:
    """The ledger, what it holds in all, and a button to read everything. ``to`` is the field that hears of the buttons; they
    are there where ``may_read``."""
    words = reader.ui.sources
    configured = [row.source for row in status.ledger if row.source not in status.orphans]
    names = [row.source for row in status.ledger]
    actions = {name: _actions(name, reader, to=to, may_read=may_read and name in configured) for name in names}
    whole = _button(words["sync all"], "sync", "", to=to, class_="kb-do kb-main") if configured and may_read else None
    cards = ledger_html(status.ledger, reader, counts=status.counts, orphans=status.orphans, actions=actions)
    return tag(
        "section",
        tag("header", tag("div", *_facts(status, config, reader)), whole, class_="kb-row"),
        cards,
        class_="kb kb-ledger",
        lang=reader.language,
    )


def _facts(status: Status, config: Config, reader: Reader) -> Iterator[Markup]:
    words = reader.ui.sources
    if status.ledger:
        held = words["held"].format(
            records=reader.counted("records", status.records),
            sources=reader.counted("sources", len(status.ledger)),
            pending=f"{status.pending:,}",
        )
        yield tag("p", held)
    every = words["every"].format(span=reader.span(config.sync_every)) if config.sync_every else words["not every"]
    yield tag("p", every, class_="kb-dim")


def _actions(name: str, reader: Reader, *, to: str, may_read: bool) -> Markup:
    words = reader.ui.sources
    read = _button(words["sync"], "sync", name, to=to) if may_read else None
    return tag("p", read, _button(words["runs"], "runs", name, to=to), class_="kb-actions")


def _button(label: str, do: str, of: str, *, to: str, class_: str = "kb-do") -> Markup:
    named = f"{label}: {text(of, limit=80)}" if of else None  # the same label stands on every card
    return tag("button", label, type="button", class_=class_, data_to=to, data_do=do, data_of=of, aria_label=named)


def runs_html(source: str, runs: Sequence[Run], reader: Reader) -> Markup:
    """The last runs of a source, latest first."""
    words = reader.ui.sources
    title = words["runs of"].format(source=text(source, limit=80))
    if not runs:
        table: Child = tag("p", words["no runs"], class_="kb-empty")
    else:
        head = tag("tr", *(tag("th", words[name], scope="col") for name in ("began", "took", "state", "told")))
        body = [tag("tr", *(tag("td", cell) for cell in _cells(run, reader))) for run in runs]
        table = scrolling(tag("table", tag("thead", head), tag("tbody", *body)), title, class_="kb-scroll")
    return tag("section", tag("h3", title), table, class_="kb kb-runs", lang=reader.language)


def _cells(run: Run, reader: Reader) -> Iterator[Child]:
    words = reader.ui.sources
    yield reader.ago(run.started) if run.started else None
    yield reader.span(run.ended - run.started) if run.started and run.ended else None
    tone, sign = _TONES.get(run.status, ("quiet", "dash"))
    yield badge(words.get(run.status, text(run.status, limit=20)), tone, sign=sign)
    told = words["run text"].format(
        fetched=f"{run.fetched:,}",
        new=f"{run.new:,}",
        changed=f"{run.changed:,}",
        gone=f"{run.gone:,}",
        requests=f"{run.requests:,}",
    )
    more = [text(part, limit=_ERROR) for part in (run.error, run.truncated, *run.notes) if part]
    yield join([told, *(tag("p", part, class_="kb-dim") for part in more)])
