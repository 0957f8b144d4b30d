"""One question and its answer in the conversation, with its filters and what can be done with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from kb.types import KINDS, Answer
from kb.web.answer_html import answer_html, markdown_html, part_html, summary_html
from kb.web.asking import Asking
from kb.web.filters import LONGEST_FILTER, LONGEST_QUESTION, Filters
from kb.web.folding import unfolded
from kb.web.markup import Child, join, tag, text
from kb.web.prose import Cited
from kb.web.reader import Reader
from kb.web.turns import Turn

_ROWS = 4  # of a skeleton
_SHORT = 300  # characters of a question that is too long to be asked
_LONGEST_SOURCE = 100_000  # characters of Markdown that the page has at hand; more of it comes from the server


def turn_html(number: int, asking: Asking, content: Child, reader: Reader, *, state: str) -> Markup:
    """A question with what stands below it. ``state``: pending, streaming, done or failed.

    A pending one has the addresses that the page takes and remembers, so that a reload asks again.
    """
    pending = state == "pending"
    question = asking.text if len(asking.text) <= LONGEST_QUESTION else text(asking.text, limit=_SHORT)
    return tag(
        "article",
        tag("h2", text(question), class_="kb-asked", id=f"kb-turn-{number}"),
        content,
        class_="kb kb-turn",
        data_turn=number,
        data_state=state,
        aria_labelledby=f"kb-turn-{number}",
        aria_busy="true" if state in ("pending", "streaming") else None,
        lang=reader.language,
        data_address=asking.address if pending else None,
        data_kept=Asking(asking.text, asking.filters, asking.topic).address if pending else None,
    )


def pending_html(reader: Reader) -> Markup:
    """While nothing is known yet."""
    lines = [tag("div", class_="kb-skeleton") for _ in range(_ROWS)]
    return tag("div", tag("span", reader.ui.app["loading"], class_="kb-sr"), *lines, class_="kb-waiting")


def begun_html(answer: Answer, markdown: str, filters: Markup, reader: Reader) -> Markup:
    """What of an answer is there so far."""
    body = tag("div", markdown_html(markdown, answer, reader), class_="kb-body", lang=answer.language)
    return join([filters, summary_html(answer, reader), body, tag("div", class_="kb-skeleton kb-short")])


def done_html(
    answer: Answer, filters: Markup, address: str, reader: Reader, *, asked_of: str = "", stopped: bool = False
) -> Markup:
    """A whole answer: filters, how it went, what it says, and what can be done with it.

    ``address`` asks the same again. ``asked_of`` is the moment as which it was asked, "" for now; ``stopped``: the language
    model was not waited for.
    """
    own = answer_html(answer, reader)
    notes = [
        _as_of(asked_of, address, reader) if asked_of else None,
        tag("p", reader.ui.ask["stopped"], class_="kb-note") if stopped else None,
    ]
    return join([filters, own.summary, *notes, own.scope, own.body, _actions(answer, address, reader)])


def rest_html(turn: Turn, line: int, reader: Reader) -> Markup:
    """More of a long list of an answer, from this line of its Markdown on."""
    answer = turn.answer
    if not answer:
        return Markup()
    cited = [Cited(item["key"], item["id"], item["url"]) for item in answer["citations"]]
    return part_html(unfolded(answer["answer"], line), cited, reader)


def _as_of(moment: str, address: str, reader: Reader) -> Markup:
    now = re.sub(r"&as_of=[^&]*", "", address)
    again = tag("button", reader.ui.ask["as of now"], type="button", class_="kb-do", data_address=now)
    return tag("p", reader.ui.ask["as of"].format(moment=text(moment, limit=40)), " ", again, class_="kb-note")


def _actions(answer: Answer, address: str, reader: Reader) -> Markup:
    words = reader.ui.app
    named = [("copy", words["copy"]), ("link", words["permalink"]), ("markdown", ".md"), ("json", ".json")]
    titles = {"markdown": words["export"], "json": words["export"]}
    buttons = [
        tag("button", shown, type="button", class_="kb-do", data_do=what, aria_label=_label(titles.get(what), shown))
        for what, shown in named
    ]
    source = None
    if len(answer.text) <= _LONGEST_SOURCE:
        shown = text(answer.text)
        source = tag("textarea", shown, class_="kb-source", hidden=True, readonly=True, aria_hidden="true", tabindex=-1)
    return tag("div", *buttons, source, class_="kb-actions", data_permalink=address, data_copied=words["copied"])


def _label(title: str | None, shown: str) -> str | None:
    return f"{title} {shown}" if title else None


def filter_html(shown: Filters, repos: Sequence[str], reader: Reader, *, number: int) -> Markup:
    """What was asked about as a form: changing it asks again."""
    words = reader.ui.app
    return tag(
        "form",
        _field("since", words["since"], shown.since, number),
        _field("until", words["until"], shown.until, number),
        _menu("repo", words["repos"], [(repo, text(repo, limit=80)) for repo in repos], shown.repos, reader),
        _menu("kind", words["kinds"], [(kind, reader.ui.kinds[kind]) for kind in KINDS], shown.kinds, reader),
        _field("topic", words["topic"], shown.topic, number),
        class_="kb-filter",
        data_turn=number,
        aria_label=words["filters"],
    )


def _field(name: str, label: str, value: str, number: int) -> Markup:
    id = f"kb-{name}-{number}"
    is_day = name != "topic" and (not value or len(value) == len("2026-01-01"))
    box = tag("input", type="date" if is_day else "text", name=name, id=id, value=value, maxlength=LONGEST_FILTER)
    return tag("span", tag("label", label, for_=id), box, class_="kb-field")


def _menu(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: Sequence[str], reader: Reader) -> Markup:
    boxes = [
        tag("label", tag("input", type="checkbox", name=name, value=value, checked=value in chosen), " ", shown)
        for value, shown in choices
    ]
    named = reader.terms.comma.join(shown for value, shown in choices if value in chosen) or reader.ui.app["all"]
    head = tag(
        "summary",
        tag("span", label, class_="kb-label"),
        " ",
        tag("span", tag("span", text(named, limit=60)), class_="kb-value"),
    )
    apply = tag("button", reader.ui.app["apply"], type="submit", class_="kb-more")
    return tag("details", head, tag("fieldset", tag("legend", label, class_="kb-sr"), *boxes, apply), class_="kb-menu")
