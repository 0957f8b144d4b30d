"""Reports: the archive as a calendar, a report with its citations, and the form that makes one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from markupsafe import Markup

from kb.background import REPORT
from kb.check.types import CheckResult
from kb.errors import KbError, QueryError
from kb.jobs import JobState
from kb.reports import Made, Wanted, archive_of, verify_report
from kb.web.browsing import stored
from kb.web.calendar_html import calendar_html, yesterday
from kb.web.jobs_html import ended_html, running_html
from kb.web.markup import join, tag
from kb.web.orders import Order, order_by
from kb.web.reader import Reader
from kb.web.record_days import record_days
from kb.web.reports_html import empty_html, made_html, making_html, missing_html, opened_html, unchosen_html
from kb.web.shelf import Opened, Shelf
from kb.web.tabs.following import follow
from kb.web.tabs.page import Page, current_tab
from kb.web.told import sentence_html, told_html

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_TO = "kb-reports-order"
_FEED = "reports/feed.xml"
_ADDRESS = (
    "() => { const shown = document.querySelector('#kb-report [data-address]'); if (shown) kb.address(shown.dataset.address); }"
)


def build(page: Page) -> None:
    """The archive on one side, the report on the other."""
    tab = _Tab(page)
    with gr.Row(elem_id="kb-reports"):
        with gr.Column(scale=1, min_width=280, elem_id="kb-reports-side"):
            making = gr.HTML(elem_id="kb-making", elem_classes="kb-slot")
            job = gr.HTML(elem_id="kb-report-job", elem_classes="kb-slot")
            archive = gr.HTML(elem_id="kb-archive", elem_classes="kb-slot")
        with gr.Column(scale=3, min_width=320, elem_id="kb-reports-main"):
            with gr.Row(elem_id="kb-report-files"):
                files = [
                    gr.DownloadButton(str(page.t(f"reports.{name}")), visible=False, size="sm", elem_id=f"kb-report-{name}")
                    for name in ("markdown", "json")
                ]
            report = gr.HTML(elem_id="kb-report", elem_classes="kb-slot")
    order = gr.Textbox(visible="hidden", elem_id=_TO, show_label=False)
    name = gr.State(None)  # of the report that is shown; "" where none is
    views = [making, job, archive, report, *files, name]
    order.change(tab.ordered, [order], views, concurrency_limit=None, trigger_mode="multiple", **_PRIVATE)
    current_tab().select(tab.entered, [name, page.address], views, concurrency_limit=None, **_PRIVATE)
    page.address.change(tab.addressed, [page.address], [*views, page.tabs], concurrency_limit=8, **_PRIVATE)
    report.change(None, None, None, js=_ADDRESS, **_PRIVATE)


@dataclass
class _View:
    """What changes on the page; what is None stays as it is."""

    making: str | None = None
    job: str | None = None
    archive: str | None = None
    report: str | None = None
    opened: Opened | None = None
    name: str | None = None

    def outputs(self) -> tuple[Any, ...]:
        shown = (self.making, self.job, self.archive, self.report)
        files = _files(self.opened) if self.report is not None else (gr.skip(), gr.skip())
        return (*(gr.skip() if part is None else part for part in shown), *files, gr.skip() if self.name is None else self.name)


_NOTHING = _View().outputs()  # Gradio empties the outputs of a generator that ends without a word


def _files(opened: Opened | None) -> tuple[Any, ...]:
    """A download button for each file of a report: a copy of it in Gradio's own folder, as no path of ours is served."""
    if opened is None:
        return gr.DownloadButton(visible=False), gr.DownloadButton(visible=False)
    cache = get_upload_folder()
    named = ((opened.page, f"{opened.entry.name}.md"), (opened.sidecar, f"{opened.entry.name}.json"))
    return tuple(gr.DownloadButton(value=save_bytes_to_cache(content, file, cache), visible=True) for content, file in named)


class _Tab:
    """The handlers of the tab; what a visitor looks at is held by the page, not here."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.shelf = Shelf(lambda: archive_of(page.service.base.config))

    async def entered(self, name: str | None, address: str, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """The tab is chosen: the report that was open, or the latest; and the job that runs, if one does."""
        yield _NOTHING
        if name is None and _named(address):
            return  # the address says which, and that is on its way
        reader = self.page.reader(request)
        async for view in self._open(name or "", reader, first=True):
            yield view.outputs()
        if self._running():
            async for view in self._followed(reader):
                yield view.outputs()

    async def addressed(self, address: str, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """The page was opened with an address that names a report."""
        values = _named(address)
        yield *_NOTHING, gr.skip()
        tab = self.page.goto("reports")
        if values:
            async for view in self._named(values, self.page.reader(request)):
                yield *view.outputs(), tab
                tab = gr.skip()

    async def ordered(self, sent: str, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """What a button or the form asks for."""
        order, reader = order_by(sent), self.page.reader(request)
        yield _NOTHING
        if order.do == "open":
            async for view in self._open(order.of, reader):
                yield view.outputs()
        elif order.do == "cancel" and self.page.service.trusted:
            self.page.service.background.cancel(REPORT)
        elif order.do in ("make", "day", "again", "replace"):
            async for view in self._make(order, reader, self.page.delay(request)):
                yield view.outputs()

    # --- reading -------------------------------------------------------------------------------------------------------------

    def _side(self, reader: Reader, name: str) -> _View:
        """The form and the calendar."""
        service = self.page.service
        making = making_html(yesterday(reader), reader, model=service.model, to=_TO)
        if not service.trusted:
            making = ended_html(reader.ui.jobs["untrusted"], reader)
        try:
            entries = self.shelf.entries()
        except KbError as error:
            return _View(making=_framed(making, reader), archive=told_html(error, reader))
        feed = tag("a", reader.ui.reports["feed"], href=_FEED, class_="kb-feed", download=True)
        calendar = join([calendar_html(entries, reader, chosen=name, to=_TO), feed]) if entries else ""
        return _View(making=_framed(making, reader), archive=_framed(calendar, reader))

    async def _named(self, values: dict[str, str], reader: Reader) -> AsyncIterator[_View]:
        day = values.get("day", "")
        try:
            wanted = date.fromisoformat(day)
            language, length = values.get("lang", reader.language), values.get("length", "")
            find = self.shelf.find
            found = await asyncio.to_thread(find, wanted, language=language, length=length, name=values.get("name", ""))
        except (ValueError, KbError):
            found = None
        if found or not day:
            async for view in self._open(found.name if found else "", reader, first=True):
                yield view
        else:
            yield replace(self._side(reader, ""), report=missing_html(day, reader), name="")

    async def _open(self, name: str, reader: Reader, *, first: bool = False) -> AsyncIterator[_View]:
        """A report, then the same with what the check of its claims found; with ``first`` the latest where none is named."""
        view, opened = await asyncio.to_thread(self._opened, name, reader, first)
        yield view
        if opened:
            check = await asyncio.to_thread(self._checked, opened, reader)
            yield _View(report=self._shown(opened, reader, check), opened=opened)

    def _opened(self, name: str, reader: Reader, first: bool) -> tuple[_View, Opened | None]:
        try:
            entries = self.shelf.entries()
            if not name and first and entries:
                latest = self.shelf.find(entries[0].identity.day, language=reader.language)
                name = latest.name if latest else ""
            side = self._side(reader, name)
            if not name:
                return replace(side, report=unchosen_html(reader) if entries else self._empty(reader), name=""), None
            opened = self.shelf.open(name)
            return replace(side, report=self._shown(opened, reader, None), opened=opened, name=name), opened
        except KbError as error:
            return replace(self._side(reader, ""), report=told_html(error, reader), name=""), None

    def _empty(self, reader: Reader) -> str:
        """Nothing yet: the days that a report could be made of, for who may make one."""
        try:
            with self.page.service.using() as base:
                days = record_days(stored(base), reader.zone, before=yesterday(reader))
        except KbError as error:
            return told_html(error, reader)
        return empty_html(reader, days if self.page.service.trusted else (), to=_TO)

    def _shown(self, opened: Opened, reader: Reader, check: CheckResult | Markup | None) -> str:
        others = [entry for entry in self.shelf.entries() if entry.identity.day == opened.entry.identity.day]
        return opened_html(opened, others, reader, check=check, to=_TO, may_write=self.page.service.trusted)

    def _checked(self, opened: Opened, reader: Reader) -> CheckResult | Markup:
        try:
            with self.page.service.using() as base:
                return verify_report(base, archive_of(base.config).folder / f"{opened.entry.name}.md")
        except KbError as error:
            return told_html(error, reader)

    # --- making --------------------------------------------------------------------------------------------------------------

    async def _make(self, order: Order, reader: Reader, wait: float) -> AsyncIterator[_View]:
        if wait:
            told = reader.ui.app["too many"].format(seconds=max(1, round(wait)))
            yield _View(job=sentence_html(told, reader))
            return
        try:
            if not self.page.service.trusted:
                raise QueryError(reader.ui.jobs["untrusted"])
            wanted = await asyncio.to_thread(self._wanted, order, reader)
            self.page.service.background.report(wanted, force=order.do == "replace")
        except KbError as error:
            yield _View(job=told_html(error, reader))
            if not self._running():
                return
        async for view in self._followed(reader):
            yield view

    def _wanted(self, order: Order, reader: Reader) -> Wanted:
        """What the form says, the day that was chosen, or the report that is to be made again."""
        if order.do == "day":
            return Wanted(day=order.of, language=reader.language)
        if order.do == "make":
            day, length, language = (order.text(name) for name in ("day", "length", "language"))
            return Wanted(day=day, length=length or "1d", language=language, model=order.fields.get("model") is not False)
        about = self.shelf.open(order.of).entry.identity
        return Wanted(day=about.day.isoformat(), length=about.length, language=about.language, repos=about.repos)

    def _running(self) -> bool:
        job = self.page.service.background.latest(REPORT)
        return job is not None and job.state.active

    async def _followed(self, reader: Reader) -> AsyncIterator[_View]:
        """The job that writes a report, until it has ended; then that report."""
        job = self.page.service.background.latest(REPORT)
        if job is None:
            return

        def shown(state: JobState[Any]) -> str:
            title = reader.ui.jobs["report"].format(day=job.about)
            return running_html(title, state, reader, to=_TO, sort=REPORT)

        async for progress in follow(job, shown):
            yield _View(job=progress)
        state: JobState[Made] = job.state
        if state.result is None:
            cancelled = ended_html(reader.ui.jobs["report cancelled"], reader)
            yield _View(job=told_html(state.error, reader) if state.error else cancelled)
            return
        stored = state.result.stored
        async for view in self._open(stored.name, reader):
            yield replace(view, job=made_html(stored, reader, to=_TO))


def _named(address: str) -> dict[str, str]:
    """What an address says of a report; empty where it is of something else."""
    values = {key: found[0][:100] for key, found in parse_qs(address.removeprefix("?")[:2000]).items()}
    return values if values.get("tab") == "reports" else {}


def _framed(content: str, reader: Reader) -> str:
    return tag("div", content, class_="kb", lang=reader.language)
