"""A question put to the knowledge base, and what the conversation shows of it from moment to moment."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from kb.answering.types import Done, Event, Passed
from kb.errors import KbError, QueryError
from kb.types import Answer, Quote
from kb.web.aloud import aloud
from kb.web.asking import Asking, checked, shown_filters
from kb.web.filters import Filters
from kb.web.markup import join
from kb.web.reader import Reader
from kb.web.service import Service
from kb.web.told import sentence_html, told_html
from kb.web.turn_html import begun_html, done_html, filter_html, pending_html, turn_html
from kb.web.turns import Turn, packed, quotes_of

_LOG = logging.getLogger(__name__)
_TICK = 0.4  # seconds in which a page that went away is noticed


@dataclass(frozen=True)
class Shown:
    """What a turn looks like now. ``turn`` is there once it is over, ``quotes`` where it has an answer."""

    html: Markup
    turn: Turn | None = None
    quotes: Mapping[str, Quote] = field(default_factory=dict)


@dataclass(frozen=True)
class Talk:
    """One question of a reader. ``model``: the language model may be asked, too."""

    service: Service
    reader: Reader
    number: int
    asking: Asking
    model: bool = True

    def told(self, stop: threading.Event, *, delay: float = 0.0) -> Iterator[Shown | None]:
        """The turn as it grows, None now and then while nothing is new; the last one is over. Never raises.

        Setting ``stop`` ends what is asked of the language model, with what has passed until then. ``delay``: seconds that
        the reader has to wait, as there were too many questions; then none is asked.
        """
        words = self.reader.ui.app
        if delay:
            yield self._failed(sentence_html(words["too many"].format(seconds=max(1, round(delay))), self.reader))
            return
        try:
            checked(self.asking, words=self.reader.ui.ask)
            yield Shown(self._turn("pending", pending_html(self.reader)))
            with closing(aloud(self._events(stop), stop, tick=_TICK)) as events:
                yield from self._answered(events, stop)
        except QueryError as error:
            yield self._failed(told_html(error, self.reader), correctable=True)
        except KbError as error:
            yield self._failed(told_html(error, self.reader))
        except Exception:  # whoever asks gets a sentence, the server's log the rest
            _LOG.exception("a question failed")
            yield self._failed(sentence_html(self.reader.ui.ask["broken"], self.reader))

    def _events(self, stop: threading.Event) -> Iterator[Event]:
        with self.service.using() as base:
            yield from base.ask_aloud(self.asking.asked, model=self.model, stop=stop)

    def _answered(self, events: Iterator[Event | None], stop: threading.Event) -> Iterator[Shown | None]:
        repos = self.service.base.repos
        markdown, begun, after_sentence = "", None, False
        for event in events:
            if event is None:
                yield None
            elif isinstance(event, Done):
                yield self._done(event.answer, repos, stopped=stop.is_set())
                return
            else:
                begun = getattr(event, "answer", begun)
                both = after_sentence and isinstance(event, Passed)
                markdown = f"{markdown}{chr(10) if both else chr(10) * 2}{event.markdown}".strip()
                after_sentence = isinstance(event, Passed)
                if begun is not None:
                    _, form = self._filters(begun, repos)
                    yield Shown(self._turn("streaming", begun_html(begun, markdown, form, self.reader)))
        if begun is not None:  # stopped, and the model did not end in time: the extractive answer is whole
            yield self._done(begun, repos, stopped=True)

    def _filters(self, answer: Answer, repos: Sequence[str]) -> tuple[Filters, Markup]:
        shown = shown_filters(answer.scope, self.reader.zone, repos)
        return shown, filter_html(shown, repos, self.reader, number=self.number)

    def _done(self, answer: Answer, repos: Sequence[str], *, stopped: bool) -> Shown:
        shown, form = self._filters(answer, repos)
        address = self.asking.at(answer.scope.resolved_at).address
        content = done_html(answer, form, address, self.reader, asked_of=self.asking.as_of, stopped=stopped and self.model)
        html = self._turn("done", content)
        return Shown(html, Turn(self.number, self.asking, answer.scope, shown, packed(answer)), quotes_of(answer))

    def _failed(self, content: Markup, *, correctable: bool = False) -> Shown:
        """``correctable``: other filters may help, so they stand above what is said."""
        shown = replace(self.asking.filters, topic=self.asking.topic or "")
        if correctable:
            content = join([filter_html(shown, self._repos(), self.reader, number=self.number), content])
        return Shown(self._turn("failed", content), Turn(self.number, self.asking, shown=shown))

    def _repos(self) -> tuple[str, ...]:
        try:
            return self.service.base.repos
        except KbError:  # of the store; the question is not about that yet
            return ()

    def _turn(self, state: str, content: Markup) -> Markup:
        return turn_html(self.number, self.asking, content, self.reader, state=state)
