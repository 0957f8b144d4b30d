"""Values to HTML, the one way there is: markupsafe escapes whatever is not Markup already. Pure.

No other module of this package writes a tag by hand, so that no text from outside can be one.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from kb.escape import shorten, web
from kb.safe import printable

Child = str | Markup | None
_VOID = frozenset({"br", "hr", "input", "wbr"})
_UNSEEN_FORM = "⟨U+{:04X}⟩"
# Strokes in a box of 16 units; with them the state of something is told by form, not by colour alone.
_ICONS = {
    "check": "M3 8.5l3.2 3.2L13 5",
    "cross": "M4 4l8 8M12 4l-8 8",
    "warning": "M8 2.5l6 11H2zM8 6.5v3M8 11.6v.1",
    "clock": "M8 2a6 6 0 1 0 .01 0zM8 5v3.2l2 1.6",
    "pause": "M6 4v8M10 4v8",
    "dash": "M4 8h8",
    "turn": "M13 8a5 5 0 1 1-1.6-3.7M13 2.6v2.6h-2.6",
    "part": "M8 2a6 6 0 1 0 .01 0zM8 2v12",
    "commit": "M1.5 8H5M11 8h3.5M8 5a3 3 0 1 0 .01 0z",
    "pull": "M4 5.5v5M4 2.5a1.5 1.5 0 1 0 .01 0zM4 10.5a1.5 1.5 0 1 0 .01 0zM12 10.5a1.5 1.5 0 1 0 .01 0zM12 10.5V6L9 3.5",
    "issue": "M8 2a6 6 0 1 0 .01 0zM8 5.5v3M8 10.8v.1",
    "release": "M2.5 2.5h5.5l5.5 5.5-5.5 5.5-5.5-5.5zM5.4 5.4v.1",
    "paper": "M4 1.5h5.5L12.5 4.5v10h-8.5zM6 7.5h4.5M6 10.5h4.5",
    "post": "M2.5 3h11v8H7l-3 2.5V11H2.5z",
    "model": "M8 1.8l5.5 3.1v6.2L8 14.2l-5.5-3.1V4.9zM2.5 4.9L8 8l5.5-3.1M8 8v6.2",
    "theme": "M8 2a6 6 0 1 0 .01 0zM8 2v12M10 3v10M12 4.6v6.8",
    "out": "M6.5 3.5H3.5v9h9v-3M9 3h4v4M13 3L7.5 8.5",
}


def text(value: str, *, limit: int = 0) -> str:
    """Text from outside without control and direction characters, with ``limit`` on one line of so many characters at most.

    It is no Markup: whatever it is put into escapes it.
    """
    return shorten(value, limit) if limit else printable(value)


def filled(template: str, **values: Child) -> Markup:
    """One of our texts with its ``{named}`` places filled, by Markup where that stands there, else by escaped text."""
    return escape(template).format(**values)


def visible(value: str) -> Markup:
    """A line of code as it is, what cannot be seen (direction marks, escapes) by its number: it may be there to deceive."""
    if printable(value) == value:
        return escape(value)
    return join(
        escape(char) if printable(char) else tag("span", _UNSEEN_FORM.format(ord(char)), class_="kb-unseen") for char in value
    )


def join(parts: Iterable[Child], separator: Child = "") -> Markup:
    """Parts one after the other; those that are None or empty are left out."""
    return escape(separator or "").join(escape(part) for part in parts if part)


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. ``class_`` and ``for_`` lose their underscore, in other names it becomes a hyphen; None and False are left
    out, True has no value."""
    shown = join(_attribute(key, value) for key, value in attributes.items() if value is not None and value is not False)
    opened = Markup("<{}{}>").format(name, shown)
    return opened if name in _VOID else Markup("{}{}</{}>").format(opened, join(children), name)


def _attribute(key: str, value: str | int | bool) -> Markup:
    name = key.removesuffix("_").replace("_", "-")
    return Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)


def link(shown: Child, url: str, *, class_: str | None = None, label: str | None = None) -> Markup:
    """``shown``, leading to ``url`` in a tab of its own; as it is where that is no address of the web."""
    target = web(url)
    if not target:
        return join([shown])
    return tag("a", shown, href=target, rel="noopener noreferrer", target="_blank", class_=class_, aria_label=label)


def icon(name: str) -> Markup:
    """A small drawing in the colour of the text around it; what it means is said in words beside it. "" for an unknown name."""
    if name not in _ICONS:
        return Markup()
    path = tag("path", d=_ICONS[name])
    return tag("svg", path, class_="kb-icon", viewBox="0 0 16 16", width=14, height=14, aria_hidden="true", focusable="false")


def badge(word: str, tone: str, *, sign: str = "", title: str | None = None) -> Markup:
    """A word with its sign. ``tone``: good, bad, warn, info, done or quiet."""
    return tag("span", icon(sign), tag("span", word), class_=f"kb-badge kb-{tone}", title=title)


def chip(key: str, id: str) -> Markup:
    """A citation: the key of a record, to open what it stands for beside the answer."""
    return tag("button", text(key, limit=60), type="button", class_="kb-chip", data_key=key, data_id=id)


def scrolling(content: Markup, label: str, *, class_: str) -> Markup:
    """What may be wider than its place: it scrolls within itself, by keyboard too."""
    return tag("div", content, class_=class_, role="region", aria_label=label, tabindex=0)
