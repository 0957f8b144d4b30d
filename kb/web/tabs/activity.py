"""Activity: pictures of what happened, each bar of which leads to the records behind it."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from kb.errors import KbError
from kb.web.activity_html import above_html, bar_label, changed_html, nothing_html, picture_title, table_of
from kb.web.browse_page import waiting_html
from kb.web.browsing import Behind, Browsing, address_values, browsing_by, narrowed
from kb.web.filters import Filters
from kb.web.narrow_html import narrow_html
from kb.web.pictures import NAMES, Picture, Pictures, steady
from kb.web.reader import Reader
from kb.web.tabs.page import Page, current_tab
from kb.web.told import sentence_html, told_html

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Drawn:
    """What is on the page, and of which state of the store."""

    shown: Browsing | None = None
    stamp: str = ""


def build(page: Page) -> None:
    """The filters, and below them one panel for each picture."""
    pictures = Pictures()
    form = gr.HTML(elem_id="kb-activity-form")
    above = gr.HTML(waiting_html(), elem_id="kb-activity")
    panels: list[Any] = []
    with gr.Row(elem_id="kb-pictures", elem_classes=["kb", "kb-pictures"]):
        for name in NAMES:
            with gr.Column(visible=False, elem_id=f"kb-picture-{name}", elem_classes=["kb-picture"], min_width=320) as panel:
                plot = gr.Plot(show_label=False, container=False, elem_id=f"kb-plot-{name}")
                panels += [panel, plot, gr.HTML()]
    order = gr.Textbox(visible="hidden", elem_id="kb-activity-order", show_label=False)
    drawn = gr.State(Drawn())

    def ordered(query: str, drawn: Drawn, request: gr.Request) -> tuple[Any, ...]:
        """The filters were changed, or a bar was chosen."""
        reader, values, shown = page.reader(request), address_values(query), browsing_by(query)
        wait = page.delay(request)
        if wait:
            told = sentence_html(reader.ui.app["too many"].format(seconds=max(1, round(wait))), reader)
            return told, *_kept(), shown.filters, gr.skip(), gr.skip(), gr.skip()
        if "bar" not in values:
            *content, state = _draw(page, pictures, shown, reader)
            return *content, shown.filters, state, gr.skip(), gr.skip()
        behind = _behind(page, pictures, shown, drawn, values, reader)
        if behind is None:  # the store has changed: the bars are others now
            _, *content, state = _draw(page, pictures, shown, reader)
            return changed_html(reader), *content, shown.filters, state, gr.skip(), gr.skip()
        return gr.skip(), *_kept(), shown.filters, gr.skip(), behind, page.goto("browse")

    def entered(chosen: Filters, drawn: Drawn, request: gr.Request) -> tuple[Any, ...]:
        """The tab is opened: what was filtered elsewhere holds here too."""
        shown, reader = Browsing(filters=replace(chosen, topic="")), page.reader(request)
        if drawn == Drawn(shown, _stamp(page)):
            return (gr.skip(), gr.skip(), *_kept(), gr.skip())
        *content, state = _draw(page, pictures, shown, reader)
        return _form(page, shown, reader), *content, state

    def opened(address: str, request: gr.Request) -> tuple[Any, ...]:
        """The page was opened with an address that asks for pictures."""
        if address_values(address).get("tab") != ["activity"]:
            return (gr.skip(), gr.skip(), *_kept(), *(gr.skip(),) * 2)
        reader, shown = page.reader(request), browsing_by(address)
        *content, state = _draw(page, pictures, shown, reader)
        return _form(page, shown, reader), *content, shown.filters, state

    outputs = [above, *panels]
    order.change(
        ordered,
        [order, drawn],
        [*outputs, page.chosen, drawn, page.docs, page.tabs],
        trigger_mode="always_last",
        concurrency_limit=4,
        **_PRIVATE,
    )
    current_tab().select(entered, [page.chosen, drawn], [form, *outputs, drawn], concurrency_limit=4, **_PRIVATE)
    page.address.change(opened, page.address, [form, *outputs, page.chosen, drawn], concurrency_limit=4, **_PRIVATE)


def _kept() -> tuple[Any, ...]:
    """Every panel as it is."""
    return (gr.skip(),) * (3 * len(NAMES))


def _form(page: Page, shown: Browsing, reader: Reader) -> str:
    try:
        with page.service.using() as base:
            return narrow_html(shown, base.repos, reader, tab="activity", records=False)
    except KbError:  # there is nothing to filter; what stands below says what to do
        return ""


def _stamp(page: Page) -> str:
    try:
        with page.service.using() as base:
            return base.catalog.stamp()
    except KbError:
        return ""


def _draw(page: Page, pictures: Pictures, shown: Browsing, reader: Reader) -> tuple[Any, ...]:
    """What stands above the panels, the panels, and what was drawn."""
    try:
        with page.service.using() as base:
            stamp, chosen = base.catalog.stamp(), steady(narrowed(base, shown))
            made = [pictures.picture(name, page.service.activity, base.catalog, chosen, reader) for name in NAMES]
    except KbError as error:
        return told_html(error, reader), *(part for _ in NAMES for part in _panel(None, reader)), Drawn(shown)
    empty = not any(picture.figure for picture in made)
    above = nothing_html(shown, reader) if empty else above_html(shown, reader)
    return above, *(part for picture in made for part in _panel(picture, reader)), Drawn(shown, stamp)


def _panel(picture: Picture | None, reader: Reader) -> tuple[Any, ...]:
    """A panel, its picture and its table; nothing of a picture of nothing, which would be an empty frame."""
    if picture is None or not picture.figure:
        return gr.Column(visible=False), None, ""
    plot = gr.Plot(value=PlotData(type="plotly", plot=picture.figure), label=picture_title(picture, reader))
    return gr.Column(visible=True), plot, table_of(picture, reader)


def _behind(page: Page, pictures: Pictures, shown: Browsing, drawn: Drawn, values: Any, reader: Reader) -> Behind | None:
    """The records behind a bar; None where there is no such bar, or none any more."""
    name, at = values.get("picture", [""])[0], values["bar"][0]
    if name not in NAMES or not (at.isdecimal() and at.isascii() and len(at) < 7):
        return None
    try:
        with page.service.using() as base:
            if base.catalog.stamp() != drawn.stamp:
                return None
            chosen = steady(narrowed(base, shown))
            picture = pictures.picture(name, page.service.activity, base.catalog, chosen, reader)
    except KbError:
        return None
    bars = picture.tally.bars
    return Behind(bar_label(picture, bars[int(at)], reader), bars[int(at)].docs) if int(at) < len(bars) else None
