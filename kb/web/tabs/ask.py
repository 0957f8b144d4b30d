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
from kb.web.markup import join
from kb.web.reader import Reader
from kb.web.tabs.page import Page
from kb.web.talk import Talk
from kb.web.told import told_html
from kb.web.turns import Turn, with_turn
from kb.web.welcome_html import history_html, no_model_html, remembered, remembered_of, welcome_html

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_LONGEST_ORDER = 20_000  # characters
_MOST_QUOTES = 1_000
_AT_ONCE = 6  # questions that are worked on; the others wait for their turn
_SAVE = "(name, text) => window.kb.save(name, text)"

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
            self.past = gr.HTML(elem_id="kb-past")
            self.current = gr.HTML(elem_id="kb-current")
        self.turns = gr.State(())
        self.kept = gr.BrowserState([], storage_key="kb-history", secret="kb")  # noqa: S106 - it keeps nothing from its owner
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
        given = [self.model, self.turns, page.quotes, self.kept]
        shown = [self.welcome, self.past, self.current, self.question, self.turns, page.quotes, page.chosen, self.kept]
        asks: dict[str, Any] = {"concurrency_limit": _AT_ONCE, "concurrency_id": "ask", "trigger_mode": "once", **_PRIVATE}
        gr.on([self.question.submit, self.send.click], self.typed, [self.question, *given], shown, **asks)
        self.order.change(self.ordered, [self.order, *given], shown, **{**asks, "trigger_mode": "always_last"})
        page.address.change(self.arrived, [page.address, *given], shown, **asks)
        self.stop.click(self.stopped, None, None, queue=False, **_PRIVATE)
        page.address.change(self.suggested, None, self.question, **_PRIVATE)
        gr.on(
            [page.address.change, self.kept.change],
            self.greeted,
            [self.kept, self.turns],
            [self.welcome, self.history],
            **_PRIVATE,
        )
        self.new.click(
            self.begun_anew,
            self.kept,
            [self.welcome, self.history, self.past, self.current, self.turns, self.question],
            **_PRIVATE,
        ).then(None, None, None, js="() => window.kb.anew()", **_PRIVATE)
        forget = gr.Button(visible="hidden", elem_id="kb-forget")
        forget.click(list, None, self.kept, **_PRIVATE)

    def _export(self) -> None:
        """The JSON of an answer goes to the page, which saves it: no file is made on the server."""
        wanted = gr.Textbox(visible="hidden", elem_id="kb-wanted", show_label=False)
        name = gr.Textbox(visible="hidden", show_label=False)
        given = gr.Textbox(visible="hidden", show_label=False)

        def payload(number: str, turns: Turns) -> tuple[str, str]:
            turn = next((turn for turn in turns if str(turn.number) == number.partition(" ")[0]), None)
            return (f"answer-{turn.number}.json", turn.payload) if turn else ("", "")

        wanted.change(payload, [wanted, self.turns], [name, given], **_PRIVATE).then(
            None, [name, given], None, js=_SAVE, **_PRIVATE
        )

    # --- what happens --------------------------------------------------------------------------------------------------------

    def typed(
        self, text: str, model: object, turns: Turns, quotes: Quotes, kept: object, request: gr.Request
    ) -> Iterator[Update]:
        """A question that may follow the one before it."""
        before = next((turn.scope for turn in reversed(turns) if turn.scope), None)
        asked = (Asking(text, before=before), _next(turns)) if text.strip() else None
        yield from self._conversed(asked, model, turns, quotes, kept, request, typed=True)

    def ordered(
        self, text: str, model: object, turns: Turns, quotes: Quotes, kept: object, request: gr.Request
    ) -> Iterator[Update]:
        """What a script of the page asks: an example, a question of before, the filters of a turn, changed."""
        yield from self._conversed(self._order(text, turns), model, turns, quotes, kept, request)

    def arrived(
        self, address: str, model: object, turns: Turns, quotes: Quotes, kept: object, request: gr.Request
    ) -> Iterator[Update]:
        """The question of the address that the page was opened with."""
        asking = asking_by(address)
        yield from self._conversed((asking, _next(turns)) if asking else None, model, turns, quotes, kept, request)

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
        kept: object,
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
        first: Update = {self.welcome: "", self.past: join(turn.html for turn in turns if turn.number != talk.number)}
        first |= {self.question: ""} if typed else {}
        try:
            for shown in talk.told(stop, delay=self.page.delay(request)):
                update: Update = {self.current: shown.html if shown else gr.skip(), **first}
                first = {}
                if shown and shown.turn:
                    update[self.turns] = with_turn(turns, shown.turn)
                if shown and shown.turn and shown.turn.scope:
                    update[self.page.quotes] = dict([*quotes.items(), *shown.quotes.items()][-_MOST_QUOTES:])
                    update[self.page.chosen] = shown.turn.shown
                    update[self.kept] = remembered(kept, talk.asking)
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

    def greeted(self, kept: object, turns: Turns, request: gr.Request) -> tuple[str, str]:
        """What stands above the conversation."""
        reader = self.page.reader(request)
        welcome = "" if turns else self._welcome(reader)
        return welcome, history_html(remembered_of(kept), reader, open=not turns)

    def begun_anew(self, kept: object, request: gr.Request) -> tuple[str, str, str, str, Turns, str]:
        """An empty conversation."""
        return *self.greeted(kept, (), request), "", "", (), ""

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
