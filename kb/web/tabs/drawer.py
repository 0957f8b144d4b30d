"""The record beside the content: opened by a chip of any tab, with what an answer quotes of it."""

import re

import gradio as gr

from kb.errors import KbError
from kb.types import Quote
from kb.web.drawer_html import ID_LIMIT, drawer_html, name_html
from kb.web.tabs.page import Page
from kb.web.told import told_html

_MORE = re.compile(r"(?P<id>.*) #(?P<what>lines|notes)=(?P<count>[0-9]{1,7})", re.DOTALL)


def build(page: Page) -> None:
    """One drawer for all tabs, empty and closed."""
    with gr.Column(elem_id="kb-drawer"):
        with gr.Row(elem_id="kb-drawer-bar"):
            name = gr.HTML()
            gr.Button(page.t("frame.close"), elem_id="kb-drawer-close", size="sm", min_width=0, scale=0)
        content = gr.HTML(elem_id="kb-drawer-content")

    def show(wanted: str, quotes: dict[str, Quote], request: gr.Request) -> str:
        reader = page.reader(request)
        more = _MORE.fullmatch(wanted)
        id = (more["id"] if more else wanted)[:ID_LIMIT]
        asked = {more["what"]: int(more["count"])} if more else {}
        try:
            with page.service.using() as base:
                return drawer_html(base.catalog, id, reader, quote=quotes.get(id), **asked)
        except KbError as error:
            return told_html(error, reader)

    def greet(request: gr.Request) -> str:
        return name_html(page.reader(request))

    page.address.change(greet, None, name, api_visibility="private", show_progress="hidden")
    page.opened.change(
        show,
        [page.opened, page.quotes],
        content,
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=8,
        trigger_mode="always_last",
    )
