"""Activity: pictures of what happened, each bar of which leads to the records behind it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from kb.errors import KbError
from kb.web.activity_html import above_html, bar_label, changed_html, nothing_html, picture_title, table_of
from kb.web.browse_page import waiting_html, wrong_html
from kb.web.browsing import Behind, Browsing, address_values, browsing_by, named, narrowed, stored
from kb.web.filters import Filters
from kb.web.narrow_html import narrow_html
from kb.web.pictures import NAMES, Picture, Pictures, steady
from kb.web.reader import Reader
from kb.web.tabs.page import Page, current_tab
from kb.web.told import sentence_html

_PARTS = 2  # of a panel
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
            with gr.Column(elem_id=f"kb-picture-{name}", elem_classes=["kb-picture"], min_width=320):
                plot = gr.Plot(show_label=False, container=False, elem_id=f"kb-plot-{name}")
                panels += [plot, gr.HTML()]
    order = gr.Textbox(visible="hidden", elem_id="kb-activity-order", show_label=False)
    drawn = gr.State(Drawn())

    def ordered(query: str, drawn: Drawn, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """The filters were changed, or a bar was chosen."""
        reader, values, shown = page.reader(request), address_values(query), browsing_by(query)
        rest = (shown.filters, gr.skip(), gr.skip())
        wait = page.delay(request)
        if wait:
            told = sentence_html(reader.ui.app["too many"].format(seconds=max(1, round(wait))), reader)
            yield told, *_kept(), gr.skip(), *rest
            return
        behind = _behind(page, pictures, shown, drawn, values, reader) if "bar" in values else None
        if behind:
            yield gr.skip(), *_kept(), gr.skip(), shown.filters, behind, page.goto("browse")
            return
        for content in _draw(page, pictures, shown, reader):
            yield *content, *rest
        if "bar" in values:  # the store has changed since they were drawn: the bar may be another one by now
            yield changed_html(reader), *_kept(), gr.skip(), *rest

    def entered(chosen: Filters, drawn: Drawn, address: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """The tab is opened: what was filtered elsewhere holds here too."""
        shown, reader = Browsing(filters=replace(chosen, topic="")), page.reader(request)
        drawing = drawn.shown is None and _is_asked_for(address)  # the page opens with this tab, and ``opened`` draws it
        if drawing or drawn == Drawn(shown, _stamp(page)):
            yield (gr.skip(),) * (3 + len(_kept()))
            return
        form = _form(page, shown, reader)
        for content in _draw(page, pictures, shown, reader):
            yield form, *content
            form = gr.skip()

    def opened(address: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """The page was opened with an address that asks for pictures."""
        if not _is_asked_for(address):
            yield (gr.skip(),) * (4 + len(_kept()))
            return
        reader = page.reader(request)
        with page.service.using() as base:
            shown = named(base, browsing_by(address))
        form = _form(page, shown, reader)
        for content in _draw(page, pictures, shown, reader):
            yield form, *content, shown.filters
            form = gr.skip()

    outputs = [above, *panels]
    order.change(
        ordered,
        [order, drawn],
        [*outputs, drawn, page.chosen, page.docs, page.tabs],
        trigger_mode="always_last",
        concurrency_limit=4,
        **_PRIVATE,
    )
    current_tab().select(entered, [page.chosen, drawn, page.address], [form, *outputs, drawn], concurrency_limit=4, **_PRIVATE)
    page.address.change(opened, page.address, [form, *outputs, drawn, page.chosen], concurrency_limit=4, **_PRIVATE)


def _is_asked_for(address: str) -> bool:
    return address_values(address).get("tab") == ["activity"]


def _kept() -> tuple[Any, ...]:
    """Every panel as it is."""
    return (gr.skip(),) * (_PARTS * len(NAMES))


def _form(page: Page, shown: Browsing, reader: Reader) -> str:
    try:
        with page.service.using() as base:
            stored(base)
            return narrow_html(shown, base.repos, reader, tab="activity", records=False)
    except KbError:  # there is nothing to filter; what stands below says what to do
        return ""


def _stamp(page: Page) -> str:
    try:
        with page.service.using() as base:
            return base.catalog.stamp()
    except KbError:
        return ""


def _draw(page: Page, pictures: Pictures, shown: Browsing, reader: Reader) -> Iterator[tuple[Any, ...]]:
    """What stands above the panels, the panels one after the other, and at last what was drawn."""
    same = list(_kept())
    stamp, empty = "", True
    try:
        with page.service.using() as base:
            stamp, chosen = stored(base).stamp(), steady(narrowed(base, shown))
            for at, name in enumerate(NAMES):
                picture = pictures.picture(name, page.service.activity, base.catalog, chosen, reader)
                panels = [*same]
                panels[_PARTS * at : _PARTS * (at + 1)] = _panel(picture, reader)
                above = gr.skip() if not picture.figure or not empty else above_html(shown, reader)
                empty = empty and not picture.figure
                yield above, *panels, gr.skip()
    except KbError as error:
        yield wrong_html(error, shown, reader), *(part for _ in NAMES for part in _panel(None, reader)), Drawn(shown)
        return
    yield nothing_html(shown, reader) if empty else gr.skip(), *same, Drawn(shown, stamp)


def _panel(picture: Picture | None, reader: Reader) -> tuple[Any, ...]:
    """A picture and its table; where there is nothing to draw, nothing, and the style hides the panel."""
    if picture is None or not picture.figure:
        return None, ""
    plot = gr.Plot(value=PlotData(type="plotly", plot=picture.figure), label=picture_title(picture, reader))
    return plot, table_of(picture, reader)


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
