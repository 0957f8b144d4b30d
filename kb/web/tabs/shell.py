"""The frame of the app: its tabs, what they share, and the drawer beside them.

Elements that scripts and tests may rely on, by id:

- ``kb-head``; ``kb-theme`` and ``kb-help-open`` in it; ``kb-help``, the dialog with the keyboard shortcuts.
- ``kb-tab-NAME`` for each tab (ask, reports, activity, browse, sources, connect), ``kb-tab-NAME-button`` its button.
- ``kb-drawer`` (its attribute ``data-state`` is loading, open or closed), ``kb-drawer-close``, ``kb-drawer-content``.
- ``kb-opened``: the hidden field with the id of the record in the drawer; ``kb-address``: that with the page's address.
- Ask: ``kb-question``, ``kb-send``, ``kb-stop``, ``kb-model``, ``kb-conversation``; each answer is an ``article.kb-turn`` with
  ``data-state`` pending, streaming, done or failed; in it ``form.kb-filter`` (fields since, until, repo, kind, topic), buttons
  ``[data-do=copy|markdown|json|link]`` and ``.kb-body``; ``kb-welcome`` with ``[data-ask]`` for each example; ``kb-history``
  and ``kb-history-clear``; ``kb-new`` begins a new conversation.

A chip (class ``kb-chip`` with ``data-id``) and any element with ``data-open`` open the drawer.
"""

import re
from pathlib import Path
from typing import Any

import gradio as gr

from kb.web.api import add_api
from kb.web.filters import Filters
from kb.web.service import Service
from kb.web.shell_html import head_html
from kb.web.tabs import activity, ask, browse, drawer, programs, reports, sources
from kb.web.tabs.page import TABS, Page

_HERE = Path(__file__).parent
_STYLE = _HERE.parent / "style.css"
_MODULES = (ask, reports, activity, browse, sources, programs)  # of TABS


def build(service: Service) -> Any:
    """The whole app, ready to be launched."""
    with gr.Blocks(title="infra-kb", analytics_enabled=False, fill_width=True) as app:
        head = gr.HTML(elem_id="kb-head")
        opened = gr.Textbox(visible="hidden", elem_id="kb-opened", show_label=False)
        address = gr.Textbox(visible="hidden", elem_id="kb-address", show_label=False)
        shared = {"chosen": gr.State(Filters()), "docs": gr.State(None), "quotes": gr.State({})}
        with gr.Tabs(elem_id="kb-tabs", overflow_behavior="wrap") as tabs:
            page = Page(service=service, opened=opened, address=address, tabs=tabs, **shared)
            for name, module in zip(TABS, _MODULES, strict=True):
                with gr.Tab(page.t(f"app.{name}"), id=name, elem_id=f"kb-tab-{name}"):
                    module.build(page)
        drawer.build(page)
        add_api(service)

        def greet(request: gr.Request) -> str:
            return head_html(page.reader(request))

        def arrive(search: str) -> Any:
            name = tab_of(search)
            return page.goto(name) if name else gr.skip()  # a tab may have been chosen meanwhile

        for block in app.blocks.values():
            if isinstance(block, gr.HTML):
                block.apply_default_css = False  # its buttons and lists would be Gradio's
        address.change(arrive, address, tabs, api_visibility="private", show_progress="hidden")
        app.load(greet, None, head, api_visibility="private", show_progress="hidden", queue=False)
        app.load(None, None, address, js="() => window.location.search || '?'", api_visibility="private")
    return app


def tab_of(search: str) -> str:
    """The tab that an address asks for, a record's page is in Browse; "" for none."""
    named = re.search(r"[?&]tab=([a-z]+)", search[:2_000])
    if named and named[1] in TABS:
        return named[1]
    return "browse" if re.search(r"[?&]record=.", search[:2_000]) else ""


def theme() -> gr.themes.Base:
    """Calm, in the fonts that are there: none is fetched."""
    sans = [
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "Roboto",
        "Noto Sans",
        "PingFang SC",
        "Microsoft YaHei",
        "Noto Sans CJK SC",
        "sans-serif",
    ]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]
    calm = gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=sans, font_mono=mono)
    # One step darker than Gradio's own, on which white is too faint to read.
    return calm.set(button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700")


def head() -> str:
    """What the page's head needs, within it, so that nothing is fetched for it: our style, and the scripts of the tabs.

    The style is not given as Gradio's ``css``, which holds every rule to the inside of the app: some are about the body.
    """
    others = sorted(path for path in _HERE.glob("*.js") if path.name != "shell.js")
    scripts = (f"<script>\n{path.read_text(encoding='utf-8')}</script>" for path in (_HERE / "shell.js", *others))
    return "\n".join((f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>", *scripts))
