"""What stands where no question has been asked yet: what can be asked, from what is really stored. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from kb.web.examples import Example
from kb.web.markup import tag, text
from kb.web.reader import Reader


def welcome_html(examples: Sequence[Example], reader: Reader) -> Markup:
    """Example questions; where there are none, that nothing has been read yet, and what to do."""
    words = reader.ui.ask
    if not examples:
        return tag("div", tag("p", tag("strong", words["nothing"])), tag("p", words["nothing hint"]), class_="kb kb-empty")
    buttons = [
        tag("li", tag("button", text(example.question), type="button", class_="kb-example", data_ask=example.question))
        for example in examples
    ]
    return tag(
        "div",
        tag("p", words["empty"]),
        tag("h2", words["try"]),
        tag("ul", *buttons, class_="kb-examples"),
        class_="kb kb-welcome",
        lang=reader.language,
    )
