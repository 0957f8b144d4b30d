"""Helpers for tests of the web app's pages: HTML parsed, and held to being inert; hostile texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lxml import html
from lxml.html import HtmlElement

from kb.safe import printable
from kb.web.reader import Reader

NOW = datetime(2026, 2, 21, 12, 0, tzinfo=UTC)
EN, ZH = Reader(NOW, UTC, "en"), Reader(NOW, UTC, "zh")

TAGS = {
    *("a", "article", "blockquote", "br", "button", "code", "dd", "del", "details", "div", "dl", "dt", "em", "figcaption"),
    *("figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "mark", "ol", "p", "path", "pre", "s"),
    *("section", "span", "strong", "summary", "svg", "table", "tbody", "td", "th", "thead", "time", "tr", "ul"),
    *(
        "caption",
        "dialog",
        "fieldset",
        "form",
        "input",
        "kbd",
        "legend",
        "label",
        "nav",
        "option",
        "progress",
        "select",
        "textarea",
    ),
}
ATTRIBUTES = {
    *("aria-hidden", "aria-label", "class", "colspan", "d", "data-id", "data-key", "data-more", "data-n", "data-shown"),
    *("data-source", "datetime", "focusable", "height", "href", "lang", "open", "rel", "role", "scope", "start", "tabindex"),
    *("target", "title", "type", "viewbox", "width"),
    *(
        "aria-current",
        "aria-describedby",
        "aria-pressed",
        "autocomplete",
        "checked",
        "disabled",
        "for",
        "id",
        "inputmode",
        "max",
    ),
    *("data-address", "data-at-once", "data-configured", "data-do", "data-of", "data-report", "data-state", "data-to"),
    *(
        "aria-busy",
        "aria-labelledby",
        "data-ask",
        "data-copied",
        "data-permalink",
        "data-rest",
        "data-address",
        "data-kept",
        "data-turn",
        "hidden",
        "method",
        "readonly",
    ),
    *("data-tab", "maxlength", "name", "required", "rows", "selected", "spellcheck", "value"),
}
STYLES = {"text-align:left", "text-align:right", "text-align:center"}  # of table cells, as markdown-it writes them

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</code></pre></div></article><iframe src='https://evil.example'></iframe>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1)) <javascript:alert(1)>",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "![pixel](https://evil.example/pixel.png)",
    '[x]: javascript:alert(1) "t"\n\n[x]',
    "`kernels@0000000` [`kernels@0000000`](https://evil.example/fake)",
    "```diff\n+<script>alert(1)</script>\n```",
    "| a | b |\n|:--|--:|\n| <b onclick=x> | [y](vbscript:z) |",
    "\u202egnp.exe\u202c \u2066x\u2069 \x1b[31mred\x1b[0m \x07\x00",
    "{{7*7}} {0} %s %{x} {named}",
    "]]>--><!-- <![CDATA[ <?php ?> &lt;b&gt; &#x3c;script&#x3e;",
    "a" * 60_000,
    "一" * 500,
)


def parsed(page: str) -> HtmlElement:
    return html.fragment_fromstring(page, create_parent="main")


def inert(page: str) -> HtmlElement:
    """The page as a tree: only elements and attributes that the app writes, links to the web or within the app, no image, no
    script, no character that moves the cursor or turns the direction."""
    tree = parsed(page)
    assert printable(tree.text_content()) == tree.text_content()
    for element in tree.iterdescendants():
        assert element.tag in TAGS, element.tag
        for name, value in element.attrib.items():
            assert name.startswith("data-") or printable(value) == value  # the others are shown, or read aloud
            assert name in ATTRIBUTES or (name == "style" and value in STYLES), (element.tag, name)
        if element.tag == "a":
            outside = element.get("href").startswith(("https://", "http://"))
            assert outside or element.get("href").startswith("?record=")
            assert not outside or (element.get("rel"), element.get("target")) == ("noopener noreferrer", "_blank")
    return tree


def said(tree: HtmlElement) -> str:
    """What a page says, with a space between its elements, but not where no one writes one."""
    return re.sub(r"(?<=\() | (?=[),.])", "", " ".join(" ".join(tree.itertext()).split()))


def by_class(tree: HtmlElement, name: str) -> list[HtmlElement]:
    return [element for element in tree.iterdescendants() if name in (element.get("class") or "").split()]
