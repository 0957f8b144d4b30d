"""HTML to plain text. What a link leads to stands behind its words, so that what a text refers to can be found in it. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from lxml import etree, html

from kb.safe import one_line, printable

MOST = 300_000  # characters of markup that are read: a parser's time on hostile markup grows faster than its length
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "br", "dd", "details", "div", "dl", "dt", "fieldset",
        "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
        "nav", "ol", "p", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
    }
)  # fmt: skip
_UNREAD = frozenset(
    {
        "head", "iframe", "math", "noscript", "object", "script", "select", "style", "svg", "template", "textarea",
    }
)  # fmt: skip


def text(markup: str, *, base: str = "") -> str:
    """The text of ``markup``, a line for each paragraph; relative links are resolved against ``base``.

    Preformatted text is fenced, as in Markdown. Links other than http and https are left out.
    """
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(printable(markup[:MOST]).encode(), parser=parser)
    except etree.ParserError:  # nothing in it
        return ""
    lines = _Lines(base)
    steps = etree.iterwalk(root, events=("start", "end"))
    for event, element in steps:
        if event == "end":
            lines.close(element)
        elif element.tag in _UNREAD:
            steps.skip_subtree()
        elif element.tag == "pre":
            steps.skip_subtree()
            lines.preformatted("".join(element.itertext()))
        else:
            lines.open(element)
    return lines.whole()


def address(href: str, *, base: str = "") -> str:
    """``href`` as an absolute http(s) address, or "" where it is none."""
    given = one_line(href)
    try:
        whole = urljoin(base, given)
        parts = urlsplit(whole)
    except ValueError:
        return ""
    return whole if given and parts.scheme in ("http", "https") and parts.hostname and " " not in whole else ""


class _Lines:
    """Collects a document's text, paragraph by paragraph."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._done: list[str] = []
        self._line: list[str] = []

    def open(self, element: etree._Element) -> None:
        if element.tag in _BLOCKS:
            self._break()
        if element.tag == "li":
            self._line.append("- ")
        self._line.append(element.text or "")

    def close(self, element: etree._Element) -> None:
        if element.tag == "a" and (target := address(element.get("href") or "", base=self._base)):
            if target not in "".join(element.itertext()):
                self._line.append(f" ({target})")
        elif element.tag in _BLOCKS:
            self._break()
        elif element.tag in ("td", "th"):
            self._line.append(" ")
        self._line.append(element.tail or "")

    def preformatted(self, code: str) -> None:
        self._break()
        if code.strip():
            self._done.append("```\n" + code.strip("\n") + "\n```")

    def whole(self) -> str:
        self._break()
        return "\n".join(self._done)

    def _break(self) -> None:
        line = " ".join("".join(self._line).split())
        if line not in ("", "-"):
            self._done.append(line)
        self._line = ["- "] if line == "-" else []  # a list item whose text is in a paragraph of its own
