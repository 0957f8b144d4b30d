"""For programs: how to connect to this very server, to be copied."""

from typing import Any

import gradio as gr

from kb.web.programs import parameters
from kb.web.programs_html import base_url, programs_html
from kb.web.tabs.page import Page, current_tab

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def build(page: Page) -> None:
    """One page of text."""
    content = gr.HTML(elem_id="kb-programs")

    def draw(request: gr.Request) -> str:
        reader = page.reader(request)
        scope = request.request.scope if request.request else {}
        url = base_url(request.headers, scheme=scope.get("scheme", "http"), root=scope.get("root_path", ""))
        asked = next((example.question for example in page.service.examples(reader)), "")
        return programs_html(url, parameters(), reader, example=asked, password=bool(request.username))

    current_tab().select(draw, None, content, **_PRIVATE)
    page.address.change(draw, None, content, **_PRIVATE)
