"""Ask: a conversation of questions with their filters, and of answers as they come."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from kb.errors import KbError
from kb.types import Quote
from kb.web.asking import Asking, asking_by, changed
from kb.web.reader import Reader
from kb.web.tabs.page import Page
from kb.web.talk import Talk
from kb.web.told import told_html
from kb.web.turn_html import rest_html
from kb.web.turns import Turn, with_turn
from kb.web.welcome_html import history_html, no_model_html, remembered_of, welcome_html

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_LONGEST_ORDER = 20_000  # characters
_LONGEST_NUMBER = 10  # digits
_MOST_QUOTES = 1_000
_AT_ONCE = 6  # questions that are worked on; the others wait for their turn
_SAVE = "(name, text) => window.kb.given(name, text)"
_REST = "(html, place) => window.kb.unfold(html, place)"

Turns = tuple[Turn, ...]
Quotes = dict[str, Quote]
Update = dict[Any, Any]


def build(page: Page) -> None:
    """The conversation, and below it the place to write in."""
    _Ask(page).build()


@dataclass(eq=False)
class _Ask:
    """The components of the tab, and the questions that are being answered, by the session that asked."""

    page: Page
    stops: dict[str, threading.Event] = field(default_factory=dict)

    def build(self) -> None:
        page = self.page
        with gr.Column(elem_id="kb-conversation"):
            self.welcome = gr.HTML(elem_id="kb-welcome")
            self.history = gr.HTML(elem_id="kb-history")
            gr.HTML('<div class="kb-turns"></div>', elem_id="kb-past")  # a script keeps earlier turns there: none is sent twice
            self.current = gr.HTML(elem_id="kb-current")
        self.turns = gr.State(())
        # Earlier questions, of all tabs of a browser.
        self.kept = gr.Textbox(visible="hidden", elem_id="kb-kept", show_label=False)
        self.order = gr.Textbox(visible="hidden", elem_id="kb-order", show_label=False)
        with gr.Column(elem_id="kb-composer"):
            with gr.Row(elem_id="kb-write"):
                self.new = gr.Button(page.t("ask.new"), elem_id="kb-new")
                self.question = gr.Textbox(
                    label=page.t("ask.question"),
                    elem_id="kb-question",
                    lines=1,
                    max_lines=6,
                    container=False,
                )
                self.send = gr.Button(page.t("ask.send"), variant="primary", elem_id="kb-send")
                self.stop = gr.Button(page.t("ask.stop"), variant="stop", elem_id="kb-stop")
            with gr.Row(elem_id="kb-below"):
                self._switch()
        self._listen()
        self._export()

    def _switch(self) -> None:
        """For the language model; where there is none, how to add one. What was chosen is kept in the browser."""
        page, name = self.page, self.page.service.model
        self.model = gr.BrowserState("on", storage_key="kb-model", secret="kb")  # noqa: S106
        with gr.Column(elem_id="kb-model"):
            told = gr.HTML(visible=not name)
            switch = gr.Checkbox(True, label=name, info=page.t("ask.model hint"), visible=bool(name), container=False)

        def greet(wanted: object, request: gr.Request) -> tuple[Any, str]:
            return False if wanted == "off" else gr.skip(), no_model_html(page.reader(request))

        page.address.change(greet, self.model, [switch, told], **_PRIVATE)
        # At once for the next question, and by way of the server to be kept.
        switch.input(None, switch, self.model, js="(on) => (on ? 'on' : 'off')", **_PRIVATE)
        switch.input(lambda on: "on" if on else "off", switch, self.model, **_PRIVATE)

    def _listen(self) -> None:
        page = self.page
        given = [self.model, self.turns, page.quotes]
        shown = [self.welcome, self.current, self.question, self.turns, page.quotes, page.chosen]
        asks: dict[str, Any] = {"concurrency_limit": _AT_ONCE, "concurrency_id": "ask", "trigger_mode": "once", **_PRIVATE}
        gr.on([self.question.submit, self.send.click], self.typed, [self.question, *given], shown, **asks)
        self.order.change(self.ordered, [self.order, *given], shown, **{**asks, "trigger_mode": "always_last"})
        page.address.change(self.arrived, [page.address, *given], shown, **asks)
        self.stop.click(self.stopped, None, None, queue=False, **_PRIVATE)
        page.address.change(self.suggested, None, self.question, **_PRIVATE)
        page.address.change(self.greeted, [self.kept, self.turns], [self.welcome, self.history], **_PRIVATE)
        self.kept.change(self.remembered, [self.kept, self.turns], self.history, **_PRIVATE)
        self.new.click(
            self.begun_anew,
            self.kept,
            [self.welcome, self.history, self.current, self.turns, self.question],
            **_PRIVATE,
        ).then(None, None, None, js="() => window.kb.anew()", **_PRIVATE)

    def _export(self) -> None:
        """What of an answer the page has not got goes to it: to be saved (no file is made on the server), or to be drawn."""
        wanted, more, *given = (
            gr.Textbox(visible="hidden", elem_id=id, show_label=False)
            for id in ("kb-wanted", "kb-more-of", None, None, None, None)
        )

        def export(order: str, turns: Turns) -> tuple[str, str]:
            """``order``: number of the turn, what of it, and a number of its own."""
            number, what, *_ = [*order.split(), "", ""]
            turn = _numbered(number, turns)
            return turn.exported(what) if turn else ("", "")

        def rest(order: str, turns: Turns, request: gr.Request) -> tuple[str, str]:
            """``order``: number of the turn, the line, and a number of its own."""
            number, line, *_ = [*order.split(), "", ""]
            turn = _numbered(number, turns)
            found = turn and line.isdecimal() and len(line) < _LONGEST_NUMBER
            return (rest_html(turn, int(line), self.page.reader(request)) if turn and found else ""), order

        each: dict[str, Any] = {"trigger_mode": "multiple", **_PRIVATE}
        for order, given_by, places, script in ((wanted, export, given[:2], _SAVE), (more, rest, given[2:], _REST)):
            order.change(given_by, [order, self.turns], places, **each).then(None, places, None, js=script, **_PRIVATE)

    # --- what happens --------------------------------------------------------------------------------------------------------

    def typed(self, text: str, model: object, turns: Turns, quotes: Quotes, request: gr.Request) -> Iterator[Update]:
        """A question that may follow the one before it."""
        before = next((turn.scope for turn in reversed(turns) if turn.scope), None)
        asked = (Asking(text, before=before), _next(turns)) if text.strip() else None
        yield from self._conversed(asked, model, turns, quotes, request, typed=True)

    def ordered(self, text: str, model: object, turns: Turns, quotes: Quotes, request: gr.Request) -> Iterator[Update]:
        """What a script of the page asks: an example, a question of before, the filters of a turn, changed."""
        yield from self._conversed(self._order(text, turns), model, turns, quotes, request)

    def arrived(self, address: str, model: object, turns: Turns, quotes: Quotes, request: gr.Request) -> Iterator[Update]:
        """The question of the address that the page was opened with."""
        asking = asking_by(address)
        yield from self._conversed((asking, _next(turns)) if asking else None, model, turns, quotes, request)

    def _order(self, text: str, turns: Turns) -> tuple[Asking, int] | None:
        """A question by its address, or the filters of a turn, changed: they ask again in its place, where it is the last."""
        try:
            order = json.loads(text[:_LONGEST_ORDER])
        except ValueError:
            return None
        if not isinstance(order, dict):
            return None
        if isinstance(order.get("address"), str):
            asking = asking_by(order["address"])
            return (asking, _next(turns)) if asking else None
        turn = next((turn for turn in turns if turn.number == order.get("turn")), None)
        if turn is None or not isinstance(order.get("form"), dict):
            return None
        asking = changed(turn.asking, turn.shown, order["form"], self.page.service.base.repos)
        return asking, turn.number if turn is turns[-1] else _next(turns)

    def _conversed(
        self,
        asked: tuple[Asking, int] | None,
        model: object,
        turns: Turns,
        quotes: Quotes,
        request: gr.Request,
        *,
        typed: bool = False,
    ) -> Iterator[Update]:
        if asked is None:
            yield {self.current: gr.skip()}
            return
        talk = Talk(self.page.service, self.page.reader(request), asked[1], asked[0], model != "off")
        session = request.session_hash or ""
        self.stopped(request)
        stop = self.stops[session] = threading.Event()
        first: Update = {self.welcome: ""}
        try:
            for shown in talk.told(stop, delay=self.page.delay(request)):
                update: Update = {self.current: shown.html if shown else gr.skip(), **first}
                if first and typed and not (shown and shown.turn):  # what was refused at once stays there to be mended
                    update[self.question] = ""
                first = {}
                if shown and shown.turn:
                    update[self.turns] = with_turn(turns, shown.turn)
                if shown and shown.turn and shown.turn.scope:
                    update[self.page.quotes] = dict([*quotes.items(), *shown.quotes.items()][-_MOST_QUOTES:])
                    update[self.page.chosen] = shown.turn.shown
                yield update
        finally:
            stop.set()
            if self.stops.get(session) is stop:
                del self.stops[session]

    def stopped(self, request: gr.Request) -> None:
        """Do not wait for the language model any longer."""
        stop = self.stops.get(request.session_hash or "")
        if stop:
            stop.set()

    def greeted(self, kept: str, turns: Turns, request: gr.Request) -> tuple[str, str]:
        """What stands above the conversation."""
        reader = self.page.reader(request)
        welcome = "" if turns else self._welcome(reader)
        return welcome, self.remembered(kept, turns, request)

    def remembered(self, kept: str, turns: Turns, request: gr.Request) -> str:
        """The questions that this browser asked before."""
        return history_html(remembered_of(kept), self.page.reader(request), open=not turns)

    def begun_anew(self, kept: str, request: gr.Request) -> tuple[str, str, str, Turns, str]:
        """An empty conversation."""
        return *self.greeted(kept, (), request), "", (), ""

    def _welcome(self, reader: Reader) -> str:
        try:
            return welcome_html(self.page.service.offered(reader), reader)
        except KbError as error:
            return told_html(error, reader)

    def suggested(self, request: gr.Request) -> Any:
        """A question that can be asked here stands in the field while that is empty."""
        first = next(iter(self.page.service.examples(self.page.reader(request))), None)
        return gr.Textbox(placeholder=first.question if first else "")


def _next(turns: Turns) -> int:
    return max((turn.number for turn in turns), default=0) + 1


def _numbered(number: str, turns: Turns) -> Turn | None:
    return next((turn for turn in turns if str(turn.number) == number), None)
