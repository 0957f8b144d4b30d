"""Ask: a conversation of questions with their filters, and of answers as they come."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import gradio as gr

from kb.answering.types import Done
from kb.errors import KbError
from kb.types import Quote
from kb.web.asking import Asking, asking_by, changed, checked, shown_filters
from kb.web.markup import join
from kb.web.reader import Reader
from kb.web.tabs.page import Page
from kb.web.told import sentence_html, told_html
from kb.web.turn_html import begun_html, done_html, filter_html, pending_html, turn_html
from kb.web.turns import Turn, packed, quotes_of, with_turn
from kb.web.welcome_html import welcome_html

_LOG = logging.getLogger(__name__)
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_Turns = tuple[Turn, ...]


def build(page: Page) -> None:
    """The conversation, and below it the place to write in."""
    welcome = gr.HTML(elem_id="kb-welcome")
    past = gr.HTML(elem_id="kb-past")
    current = gr.HTML(elem_id="kb-current")
    turns = gr.State(())
    order = gr.Textbox(visible="hidden", elem_id="kb-order", show_label=False)
    with gr.Row(elem_id="kb-composer"):
        question = gr.Textbox(
            placeholder=page.t("ask.placeholder"),
            label=page.t("ask.send"),
            show_label=False,
            elem_id="kb-question",
            lines=1,
            max_lines=6,
            scale=8,
        )
        send = gr.Button(page.t("ask.send"), variant="primary", elem_id="kb-send", scale=1, min_width=90)
    outputs = [welcome, past, current, question, turns, page.quotes, page.chosen]

    def typed(text: str, told: _Turns, quotes: dict[str, Quote], request: gr.Request) -> Iterator[Any]:
        reader = page.reader(request)
        before = next((turn.scope for turn in reversed(told) if turn.scope), None)
        yield from _converse(page, Asking(text, before=before), _next(told), told, quotes, reader, page.delay(request))

    def ordered(text: str, told: _Turns, quotes: dict[str, Quote], request: gr.Request) -> Iterator[Any]:
        reader = page.reader(request)
        found = _ordered(page, text, told)
        if found:
            yield from _converse(page, *found, told, quotes, reader, page.delay(request))

    def greet(request: gr.Request) -> str:
        reader = page.reader(request)
        return welcome_html(page.service.examples(reader), reader)

    given = [turns, page.quotes]
    gr.on([question.submit, send.click], typed, [question, *given], outputs, concurrency_limit=8, **_PRIVATE)
    order.input(ordered, [order, *given], outputs, concurrency_limit=8, **_PRIVATE)
    gr.on([page.address.change], greet, None, welcome, **_PRIVATE)


def _next(told: _Turns) -> int:
    return max((turn.number for turn in told), default=0) + 1


def _ordered(page: Page, text: str, told: _Turns) -> tuple[Asking, int] | None:
    """What a script of the page asks for: a question, an address, or the filters of a turn, changed."""
    try:
        order = json.loads(text[:20_000])
    except ValueError:
        return None
    if not isinstance(order, dict):
        return None
    if isinstance(order.get("address"), str):
        asking = asking_by(order["address"])
        return (asking, _next(told)) if asking else None
    turn = next((turn for turn in told if turn.number == order.get("turn")), None)
    if turn is None or not isinstance(order.get("form"), dict):
        return None
    number = turn.number if turn is told[-1] else _next(told)
    return changed(turn.asking, turn.shown, order["form"], page.service.base.repos), number


def _converse(
    page: Page, asking: Asking, number: int, told: _Turns, quotes: dict[str, Quote], reader: Reader, delay: float
) -> Iterator[Any]:
    """The turn as it grows; what stays as it is is not sent again."""
    past = join(turn.html for turn in told if turn.number != number)
    same = gr.skip()

    def shown(state: str, content: Any) -> Any:
        return turn_html(number, asking.text, content, reader, state=state)

    yield "", past, shown("pending", pending_html(reader)), "", same, same, same
    failed = None
    try:
        if delay:
            failed = sentence_html(reader.ui.app["too many"].format(seconds=max(1, round(delay))), reader)
        else:
            checked(asking.text)
            with page.service.using() as base:
                repos = base.repos
                markdown = ""
                for event in base.ask_aloud(asking.asked):
                    answer = getattr(event, "answer", None)
                    if answer is not None:
                        latest = answer
                        filters = shown_filters(answer.scope, reader.zone, repos)
                        form = filter_html(filters, repos, reader, number=number)
                    if isinstance(event, Done):
                        html = shown("done", done_html(latest, form, asking.at(latest.scope.resolved_at).address, reader))
                        turn = Turn(number, asking, html, latest.scope, filters, packed(latest))
                        quotes = {**quotes, **quotes_of(latest)}
                        yield same, same, html, same, with_turn(told, turn), quotes, filters
                    else:
                        markdown = f"{markdown}\n\n{event.markdown}".strip()
                        yield same, same, shown("streaming", begun_html(latest, markdown, form, reader)), same, same, same, same
    except KbError as error:
        failed = told_html(error, reader)
    if failed:
        html = shown("failed", failed)
        yield same, same, html, same, with_turn(told, Turn(number, asking, html)), same, same
