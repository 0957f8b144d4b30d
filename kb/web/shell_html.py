"""The frame around all tabs: the name at the top, the switches beside it, the list of keys. Pure."""

from __future__ import annotations

from markupsafe import Markup

from kb.web.markup import icon, tag
from kb.web.reader import Reader

KEYS = ("focus", "help", "close", "next", "previous")
_SHOWN = {"focus": "/", "help": "?", "close": "Esc", "next": "j", "previous": "k"}


def head_html(reader: Reader) -> Markup:
    """Name, tagline, switches; and the dialog that lists the keyboard shortcuts."""
    words = reader.ui.frame
    switches = [
        tag(
            "button",
            icon("theme"),
            tag("span", words["theme"], class_="kb-sr"),
            type="button",
            id="kb-theme",
            class_="kb-round",
            title=words["theme"],
        ),
        tag(
            "button",
            tag("span", "?", aria_hidden="true"),
            tag("span", words["keys"], class_="kb-sr"),
            type="button",
            id="kb-help-open",
            class_="kb-round",
            title=words["keys"],
        ),
    ]
    rows = [tag("div", tag("dt", tag("kbd", _SHOWN[name])), tag("dd", words[f"key {name}"])) for name in KEYS]
    close = tag("form", tag("button", words["close"], class_="kb-more"), method="dialog")
    return tag(
        "div",
        tag("div", tag("h1", reader.ui.app["title"]), tag("p", reader.ui.app["tagline"], class_="kb-dim"), class_="kb-name"),
        tag("div", *switches, class_="kb-switches"),
        tag(
            "dialog",
            tag("h2", words["keys"]),
            tag("dl", *rows, class_="kb-keys"),
            close,
            id="kb-help",
            aria_label=words["keys"],
        ),
        class_="kb kb-top",
        lang=reader.language,
    )
