"""What stands where no question has been asked yet, and the questions that this browser asked before. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from markupsafe import Markup

from kb.web.asking import asking_by
from kb.web.examples import Example
from kb.web.markup import tag, text
from kb.web.reader import Reader

MOST = 20  # questions that are remembered
_LONGEST = 3_000  # characters of an address


def welcome_html(examples: Sequence[Example], reader: Reader) -> Markup:
    """What this is for, and example questions, where there are any."""
    words = reader.ui.ask
    buttons = [tag("li", _button(text(example.question), "kb-example", example.question)) for example in examples]
    return tag(
        "div",
        tag("p", words["empty"], class_="kb-lead"),
        tag("h2", words["try"]) if buttons else None,
        tag("ul", *buttons, class_="kb-examples") if buttons else None,
        class_="kb kb-welcome",
        lang=reader.language,
    )


def no_model_html(reader: Reader) -> Markup:
    """That there is no language model, which is a way to use this, and how to add one."""
    return tag("p", reader.ui.ask["model none"], class_="kb kb-dim", lang=reader.language)


def history_html(addresses: Sequence[str], reader: Reader, *, open: bool) -> Markup:
    """The questions of these addresses, to be asked again or forgotten; that they are kept here only, where there are none."""
    words = reader.ui.ask
    asked = [(address, asking) for address in addresses if (asking := asking_by(address))]
    if not asked:
        return tag("p", words["no history"], class_="kb kb-dim kb-no-history", lang=reader.language)
    items = [tag("li", _button(text(asking.text, limit=160), "kb-earlier", asking.text, address)) for address, asking in asked]
    clear = tag("button", words["clear"], type="button", class_="kb-do", id="kb-history-clear")
    heading = tag("summary", tag("h2", words["history"]))
    listed = tag("details", heading, tag("ul", *items, class_="kb-earliers"), open=open)
    return tag("div", listed, clear, class_="kb kb-history", lang=reader.language)


def _button(shown: str, class_: str, question: str, address: str | None = None) -> Markup:
    return tag("button", shown, type="button", class_=class_, data_ask=question, data_address=address)


def remembered_of(kept: str) -> list[str]:
    """The addresses in what a browser says that it kept, as JSON; latest first."""
    try:
        values = json.loads(kept[: MOST * _LONGEST])
    except (ValueError, RecursionError):
        return []
    values = values if isinstance(values, list) else []
    return [value for value in values if isinstance(value, str) and value.startswith("?") and len(value) <= _LONGEST][:MOST]
