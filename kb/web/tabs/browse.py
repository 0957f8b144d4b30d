"""Browse: a table of records that is searched as somebody types, and a page for each record."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from kb.errors import KbError
from kb.web.browse import Wanted
from kb.web.browse_page import record_page, table_html, waiting_html, wrong_html
from kb.web.browsing import Behind, Browsing, address_values, browsing_by, named, narrowed, stored
from kb.web.filters import Filters
from kb.web.narrow_html import narrow_html
from kb.web.reader import Reader
from kb.web.tabs.page import Page, current_tab
from kb.web.told import sentence_html, told_html

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Drawn:
    """What is on the page: a table (None before the first one), or one record."""

    table: Browsing | None = None
    behind: Behind | None = None
    record: str = ""


def build(page: Page) -> None:
    """The filters as a form, and below them what they let through."""
    form = gr.HTML(elem_id="kb-browse-form")
    content = gr.HTML(waiting_html(), elem_id="kb-browse")
    order = gr.Textbox(visible="hidden", elem_id="kb-browse-order", show_label=False)
    drawn = gr.State(Drawn())

    def ordered(query: str, behind: Behind | None, request: gr.Request) -> tuple[Any, ...]:
        """What the form, a page button or a chip asks for."""
        reader, shown = page.reader(request), browsing_by(query)
        if "all" in address_values(query):
            behind = None
        table = _table(page, shown, behind, reader, wait=page.delay(request))
        return table, shown.filters, behind, Drawn(shown, behind)

    def entered(chosen: Filters, behind: Behind | None, drawn: Drawn, address: str, request: gr.Request) -> tuple[Any, ...]:
        """The tab is opened: what was filtered elsewhere holds here too."""
        if drawn.record or (drawn == Drawn() and behind is None and _is_asked_for(address)):  # ``opened`` draws it
            return (gr.skip(),) * 3
        shown, reader = _following(drawn, chosen, behind), page.reader(request)
        form = gr.skip() if drawn.table and shown == drawn.table else _form(page, shown, reader)
        return form, _table(page, shown, behind, reader), Drawn(shown, behind)

    def followed(chosen: Filters, behind: Behind | None, drawn: Drawn, request: gr.Request) -> tuple[Any, ...]:
        """A bar was chosen: its records are shown."""
        if drawn.table and drawn.behind == behind:
            return (gr.skip(),) * 3
        shown, reader = _following(drawn, chosen, behind), page.reader(request)
        return _form(page, shown, reader), _table(page, shown, behind, reader), Drawn(shown, behind)

    def opened(address: str, request: gr.Request) -> tuple[Any, ...]:
        """The page was opened with an address that asks for records, or for one."""
        values = address_values(address)
        record = values.get("record", [""])[0]
        if not _is_asked_for(address):
            return (gr.skip(),) * 4
        shown, reader = Browsing() if record else _addressed(page, address), page.reader(request)
        told = _one(page, record, reader) if record else _table(page, shown, None, reader)
        return _form(page, shown, reader), told, shown.filters, Drawn(shown, record=record)

    order.change(
        ordered,
        [order, page.docs],
        [content, page.chosen, page.docs, drawn],
        trigger_mode="always_last",
        concurrency_limit=8,
        **_PRIVATE,
    )
    entering: list[Any] = [page.chosen, page.docs, drawn]
    current_tab().select(entered, [*entering, page.address], [form, content, drawn], concurrency_limit=8, **_PRIVATE)
    page.docs.change(followed, entering, [form, content, drawn], concurrency_limit=8, **_PRIVATE)
    page.address.change(opened, page.address, [form, content, page.chosen, drawn], **_PRIVATE)


def _is_asked_for(address: str) -> bool:
    values = address_values(address)
    return bool(values.get("record", [""])[0]) or values.get("tab") == ["browse"]


def _addressed(page: Page, address: str) -> Browsing:
    with page.service.using() as base:
        return named(base, browsing_by(address))


def _following(drawn: Drawn, chosen: Filters, behind: Behind | None) -> Browsing:
    """What is to be shown where filters, or the records behind a bar, may have been chosen elsewhere."""
    filters = replace(chosen, topic="")  # of a question: it is no filter of a table
    if drawn.table is None or drawn.behind != behind:
        return Browsing(filters=filters)
    return drawn.table if drawn.table.filters == filters else replace(drawn.table, filters=filters, page=1)


def _form(page: Page, shown: Browsing, reader: Reader) -> str:
    try:
        with page.service.using() as base:
            stored(base)
            return narrow_html(shown, base.repos, reader, tab="browse", records=True)
    except KbError:  # there is nothing to filter; the content says what to do
        return ""


def _table(page: Page, shown: Browsing, behind: Behind | None, reader: Reader, *, wait: float = 0.0) -> str:
    if wait:
        return sentence_html(reader.ui.app["too many"].format(seconds=max(1, round(wait))), reader)
    try:
        with page.service.using() as base:
            stored(base)
            wanted = Wanted(
                text=shown.text,
                filter=narrowed(base, shown),
                docs=behind.docs if behind else None,
                sort=shown.sort,
                descending=shown.descending,
                page=shown.page,
                size=shown.size,
            )
            return table_html(page.service.browse.page(wanted), shown, behind, reader)
    except KbError as error:
        return wrong_html(error, shown, reader)


def _one(page: Page, id: str, reader: Reader) -> str:
    try:
        with page.service.using() as base:
            return record_page(base.catalog, id, reader)
    except KbError as error:
        return told_html(error, reader)
