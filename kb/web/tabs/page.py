"""What every tab is given: the service, the words, and the components that all tabs share."""

from dataclasses import dataclass, fields

import gradio as gr
from gradio.context import get_render_context
from gradio.i18n import I18nData

from kb.web.reader import Reader
from kb.web.service import Service
from kb.web.words import CHINESE, ENGLISH, UiWords

TABS = ("ask", "reports", "activity", "browse", "sources", "connect")


@dataclass(frozen=True)
class Page:
    """A tab is a module with ``build(page: Page) -> None``, called inside its ``gr.Tab``.

    ``opened`` holds the id of the record that the drawer shows: a handler opens it by giving an id as that output, an element
    by its attribute ``data-id`` (with class ``kb-chip``) or ``data-open``. ``quotes`` maps ids of records to the Quote that
    the last answers have of them. ``chosen`` is a ``kb.web.filters.Filters``; ``docs`` are the numbers of the records behind a
    bar, or None. ``address`` is what stands behind "?" in the address that the page was opened with: a tab that has permalinks
    listens to its ``change``.
    """

    service: Service
    opened: gr.Textbox
    address: gr.Textbox
    tabs: gr.Tabs
    chosen: gr.State
    docs: gr.State
    quotes: gr.State

    @staticmethod
    def t(key: str) -> I18nData:
        """A text of the words of the pages by its part and name ("app.ask"), in the language of the browser."""
        part, _, name = key.partition(".")
        if name not in getattr(ENGLISH, part):
            raise KeyError(key)
        return gr.I18n()(key)

    def reader(self, request: gr.Request) -> Reader:
        """Who sent a request."""
        return self.service.reader(self.service.language(request.headers.get("accept-language", "")))

    @staticmethod
    def goto(name: str) -> gr.Tabs:
        """For a handler with ``page.tabs`` as output: shows the tab of this name (one of TABS)."""
        return gr.Tabs(selected=name)

    def delay(self, request: gr.Request) -> float:
        """Seconds that the sender has to wait before the next request; 0: it is counted, and may go on."""
        return self.service.delay(request.client.host if request.client else "", request.username or "")


def current_tab() -> gr.Tab:
    """The tab that is being built, to listen to: it is selected."""
    tab = get_render_context()
    if not isinstance(tab, gr.Tab):
        raise RuntimeError("a tab is built within its gr.Tab")
    return tab


def translations() -> gr.I18n:
    """The words of the pages for ``launch(i18n=…)``."""
    chinese = _by_key(CHINESE)
    named = dict.fromkeys(("zh", "zh-CN", "zh-SG", "zh-TW", "zh-HK"), chinese)
    return gr.I18n(en=_by_key(ENGLISH), **named)


def _by_key(words: UiWords) -> dict[str, str]:
    parts = {field.name: getattr(words, field.name) for field in fields(words) if field.name != "language"}
    return {f"{part}.{name}": text for part, texts in parts.items() for name, text in texts.items()}
