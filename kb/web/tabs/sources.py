"""Sources: how each stands, reading them now, their runs, and a form that adds one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import gradio as gr

from kb.background import SYNC, TRIAL
from kb.errors import ConfigError, KbError, QueryError, SyncRunningError
from kb.jobs import JobState
from kb.plugins import available
from kb.source_form import form_of, formed, table_of
from kb.sources_file import Draft, add, drafted
from kb.web.adding_html import added_html, chooser_html, form_html, trial_html
from kb.web.browse_page import waiting_html
from kb.web.jobs_html import ended_html, running_html, synced_html
from kb.web.markup import join, tag
from kb.web.orders import Order, order_by
from kb.web.reader import Reader
from kb.web.sources_html import runs_html, sources_html
from kb.web.tabs.following import follow
from kb.web.tabs.page import Page, current_tab
from kb.web.told import sentence_html, told_html

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_TO = "kb-sources-order"
_RUNS = 10
_LOOK_AGAIN = 2.0  # seconds between two looks at the ledger while sources are read


def build(page: Page) -> None:
    """What runs, the ledger, the runs of a source, and the form."""
    tab = _Tab(page)
    job = gr.HTML(elem_id="kb-sync-job", elem_classes="kb-slot")
    ledger = gr.HTML(waiting_html(), elem_id="kb-sources", elem_classes="kb-slot")
    runs = gr.HTML(elem_id="kb-runs", elem_classes="kb-slot")
    with gr.Column(elem_id="kb-adding"):
        chooser = gr.HTML(elem_id="kb-adding-use", elem_classes="kb-slot")
        form = gr.HTML(elem_id="kb-adding-form", elem_classes="kb-slot")
        trial = gr.HTML(elem_id="kb-adding-trial", elem_classes="kb-slot")
    order = gr.Textbox(visible="hidden", elem_id=_TO, show_label=False)
    draft = gr.State(None)
    views = [job, ledger, runs, chooser, form, trial, draft]
    order.change(tab.ordered, [order, draft], views, concurrency_limit=None, trigger_mode="multiple", **_PRIVATE)
    current_tab().select(tab.entered, None, views, concurrency_limit=None, **_PRIVATE)
    page.address.change(tab.addressed, [page.address], page.tabs, **_PRIVATE)


@dataclass
class _View:
    """What changes on the page; what is None stays as it is. ``draft`` False takes the draft away."""

    job: str | None = None
    ledger: str | None = None
    runs: str | None = None
    chooser: str | None = None
    form: str | None = None
    trial: str | None = None
    draft: Draft | bool | None = None

    def outputs(self) -> tuple[Any, ...]:
        shown = (self.job, self.ledger, self.runs, self.chooser, self.form, self.trial)
        draft = gr.skip() if self.draft is None else self.draft or None
        return (*(gr.skip() if part is None else part for part in shown), draft)


class _Tab:
    """The handlers of the tab; what a visitor has typed is held by the page, not here."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def entered(self, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """The tab is chosen: how the sources stand now, and the job that runs, if one does."""
        reader = self.page.reader(request)
        ledger = await asyncio.to_thread(self._ledger, reader)
        elsewhere = await asyncio.to_thread(self._elsewhere)
        job = "" if not elsewhere else ended_html(reader.ui.jobs["elsewhere"], reader)
        chooser = await asyncio.to_thread(self._chooser, reader)
        yield _View(job=job, ledger=ledger, chooser=chooser, form="", trial="", draft=False).outputs()
        async for view in self._followed(reader):
            yield view.outputs()

    def addressed(self, address: str) -> Any:
        """The page was opened with an address that names this tab."""
        named = parse_qs(address.removeprefix("?")[:2000]).get("tab")
        return self.page.goto("sources") if named == ["sources"] else gr.skip()

    async def ordered(self, sent: str, draft: Draft | None, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """What a button or a form asks for."""
        order, reader = order_by(sent), self.page.reader(request)
        yield _View().outputs()  # Gradio empties the outputs of a generator that ends without a word
        answers = {"sync": self._sync, "runs": self._runs, "choose": self._choose, "check": self._check}
        if order.do == "cancel" and order.of in (SYNC, TRIAL) and self.page.service.trusted:
            self.page.service.background.cancel(order.of)
        elif order.do == "add":
            async for view in self._add(draft, reader):
                yield view.outputs()
        elif order.do in answers:
            async for view in answers[order.do](order, reader, self.page.delay(request)):
                yield view.outputs()

    # --- the ledger ----------------------------------------------------------------------------------------------------------

    def _ledger(self, reader: Reader) -> str:
        try:
            with self.page.service.using() as base:
                trusted = self.page.service.trusted
                shown = sources_html(base.status(), base.config, reader, to=_TO, may_read=trusted)
                return shown if trusted else join([ended_html(reader.ui.jobs["untrusted"], reader), shown])
        except KbError as error:
            return told_html(error, reader)

    def _elsewhere(self) -> bool:
        """Whether another process reads the sources."""
        job = self.page.service.background.latest(SYNC)
        if job and job.state.active:
            return False
        try:
            with self.page.service.using() as base:
                return any(row.status == "running" for row in base.ledger())
        except KbError:
            return False

    async def _runs(self, order: Order, reader: Reader, wait: float) -> AsyncIterator[_View]:
        if wait:
            yield _View(runs=_slower(wait, reader))
            return
        yield _View(runs=await asyncio.to_thread(self._runs_of, order.of, reader))

    def _runs_of(self, source: str, reader: Reader) -> str:
        try:
            with self.page.service.using() as base:
                runs = base.status(runs=_RUNS).runs
                if source not in runs:
                    raise QueryError(f"there is no source {source[:80]!r}")
                return runs_html(source, runs[source], reader)
        except KbError as error:
            return told_html(error, reader)

    # --- reading -------------------------------------------------------------------------------------------------------------

    async def _sync(self, order: Order, reader: Reader, wait: float) -> AsyncIterator[_View]:
        if wait:
            yield _View(job=_slower(wait, reader))
            return
        try:
            self._require_trust(reader)
            self.page.service.background.sync((order.of,) if order.of else ())
        except SyncRunningError:
            pass  # somebody else has begun it: it is followed as well
        except KbError as error:
            yield _View(job=told_html(error, reader))
            return
        async for view in self._followed(reader, ended=True):
            yield view

    async def _followed(self, reader: Reader, *, ended: bool = False) -> AsyncIterator[_View]:
        """The sync that runs, with the ledger as it changes, and how it ended; with ``ended`` also one that is over already."""
        job = self.page.service.background.latest(SYNC)
        if job is None or not (ended or job.state.active):
            return
        names = [source.name for source in self.page.service.base.sources]
        words = reader.ui.jobs
        title = words["sync"] if job.about == SYNC else words["sync some"].format(names=job.about)

        def shown(state: JobState[Any]) -> str:
            return running_html(title, state, reader, names=names, to=_TO, sort=SYNC)

        looked = 0.0
        async for progress in follow(job, shown):
            now = asyncio.get_running_loop().time()
            look = now - looked >= _LOOK_AGAIN
            looked = now if look else looked
            yield _View(job=progress, ledger=await asyncio.to_thread(self._ledger, reader) if look else None)
        yield _View(job=_synced(job.state, reader), ledger=await asyncio.to_thread(self._ledger, self._later(reader)))

    def _later(self, reader: Reader) -> Reader:
        """The same reader, now."""
        return self.page.service.reader(reader.language)

    def _require_trust(self, reader: Reader) -> None:
        if not self.page.service.trusted:
            raise QueryError(reader.ui.jobs["untrusted"])

    # --- adding --------------------------------------------------------------------------------------------------------------

    def _chooser(self, reader: Reader) -> str:
        title = tag("h3", reader.ui.adding["title"])
        if not self.page.service.trusted:
            return ""
        uses = formed()
        by_hand = [use for use in available() if use not in uses]
        configured = len(self.page.service.base.config.sources)
        shown = chooser_html(uses, reader, by_hand=by_hand, configured=configured, to=_TO)
        return tag("div", title, shown, class_="kb", lang=reader.language)

    async def _choose(self, order: Order, reader: Reader, wait: float) -> AsyncIterator[_View]:
        form = await asyncio.to_thread(self._form, order.text("use"), reader)
        yield _View(form=form, trial="", draft=False)

    def _form(self, use: str, reader: Reader) -> str:
        if not use:
            return ""
        try:
            self._require_trust(reader)
            keys = form_of(use)
            if keys is None:
                raise ConfigError(f'use = "{use}" does not fit into a form', remedy="write its table into kb.toml by hand")
            return tag("div", form_html(use, keys, reader, typed={}, to=_TO), class_="kb", lang=reader.language)
        except KbError as error:
            return told_html(error, reader)

    async def _check(self, order: Order, reader: Reader, wait: float) -> AsyncIterator[_View]:
        """Draft the file with what was typed, and read the beginning of the source."""
        if wait:
            yield _View(trial=_slower(wait, reader))
            return
        try:
            self._require_trust(reader)
            draft = await asyncio.to_thread(self._drafted, order)
            job = self.page.service.background.trial(draft)
        except KbError as error:
            yield _View(trial=told_html(self._without_path(error), reader), draft=False)
            return
        title = reader.ui.jobs["trial"].format(name=draft.name)

        def shown(state: JobState[Any]) -> str:
            return running_html(title, state, reader, names=[draft.name], to=_TO, sort=TRIAL)

        async for progress in follow(job, shown):
            yield _View(trial=progress, draft=False)
        state = job.state
        if state.result:
            yield _View(trial=trial_html(state.result, draft.table, reader, to=_TO), draft=draft)
        else:
            cancelled = ended_html(reader.ui.jobs["trial cancelled"], reader)
            yield _View(trial=told_html(self._without_path(state.error), reader) if state.error else cancelled)

    def _drafted(self, order: Order) -> Draft:
        base = self.page.service.base
        typed = {name: value for name, value in order.fields.items() if name != "use"}
        return drafted(base.config.path, table_of(order.text("use"), typed), data_dir=base.data_dir)

    def _without_path(self, error: KbError) -> KbError:
        """What is wrong with what was typed, without where the file lies."""
        message = error.message.removeprefix(f"{self.page.service.base.config.path}: ")
        return ConfigError(message, remedy=error.remedy)

    async def _add(self, draft: Draft | None, reader: Reader) -> AsyncIterator[_View]:
        """Put the draft that was tried into the place of the file."""
        if draft is None:
            return
        try:
            self._require_trust(reader)
            await asyncio.to_thread(add, draft)
            await asyncio.to_thread(self.page.service.reload)
        except KbError as error:
            yield _View(trial=told_html(self._without_path(error), reader), draft=False)
            return
        ledger = await asyncio.to_thread(self._ledger, reader)
        chooser = await asyncio.to_thread(self._chooser, reader)
        yield _View(ledger=ledger, chooser=chooser, form="", trial=added_html(draft.name, reader, to=_TO), draft=False)


def _synced(state: JobState[Any], reader: Reader) -> str:
    words = reader.ui.jobs
    if state.result:
        return synced_html(state.result, reader)
    if isinstance(state.error, SyncRunningError):
        return ended_html(words["elsewhere"], reader)
    return told_html(state.error, reader) if state.error else ended_html(words["cancelled"], reader)


def _slower(wait: float, reader: Reader) -> str:
    return sentence_html(reader.ui.app["too many"].format(seconds=max(1, round(wait))), reader)
