"""Markdown to HTML: that of our answers and reports, with citations to choose, and that of records, which is hostile. Pure.

No HTML of the text passes, no image is loaded, and links lead to the web only, in a tab of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from kb.escape import shorten, web
from kb.safe import printable
from kb.text import mask, squeeze
from kb.web.markup import chip, scrolling, tag

LONGEST_KEY = 60  # as kb.render shows it
_LONGEST_QUOTE = 4_000
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_OWN_COMMENT = re.compile(r"^<!-- infra-kb .*-->$", re.M)  # how a report was made; lines of a hunk begin with their sign
_HEADING = re.compile(r" {0,3}(?:(#{1,6})\s+\S|\*\*[^*]{1,60}\*\*:?\s*$)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BOLD, _CONTENT = 7, 8  # levels: a line in bold stands for a heading
_SHOWN = frozenset({"text", "code_inline"})
Block = Callable[[str], Markup]


@dataclass(frozen=True, slots=True)
class Cited:
    """A record under its citation key; ``url`` is its own address, as the record or a report's sidecar has it."""

    key: str
    id: str
    url: str = ""


def own_markdown(text: str, cited: Iterable[Cited], *, table: str, diff: Block) -> Markup:
    """Markdown that kb.render wrote, citations of what is ``cited`` as chips, hunks as ``diff`` shows them.

    A citation is one where key and address are those of the record: what only looks like it stays text. ``table`` is the name
    of tables for those who do not see them.
    """
    chips = {(shorten(item.key, LONGEST_KEY), web(item.url)): item for item in cited}
    tokens = _PARSER.parse(_OWN_COMMENT.sub("", printable(text)))
    for token in tokens:
        if token.type == "inline":
            token.children = list(_with_chips(list(_safe_links(token.children or [])), chips))
    return _rendered(tokens, table=table, diff=diff)


def foreign_markdown(text: str, *, quote: str = "", table: str = "", diff: Block | None = None) -> Markup:
    """Markdown from outside; where ``quote`` stands within one of its paragraphs, it is marked. Bound its length first."""
    tokens = _PARSER.parse(_HIDDEN.sub("", printable(text)))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h4" if token.tag in ("h1", "h2") else "h5"
        elif token.type == "inline":
            token.children = _marked(list(_safe_links(token.children or [])), quote)
    return _rendered(tokens, table=table, diff=diff)


def without_boilerplate(text: str) -> str:
    """Markdown without the comments, checklists and empty sections of templates; what is left is as it was."""
    kept: list[tuple[int, str]] = []  # level of a heading, 0 for none
    fence = ""
    for written, left in zip(text.split("\n"), mask(text).split("\n"), strict=True):
        heading, edge = _HEADING.match(written), _FENCE.match(written)
        if fence or edge:
            kept.append((0, written))  # code is as it is
            fence = "" if edge and edge[1].startswith(fence) and fence else fence or (edge[1] if edge else "")
        elif heading and not left.strip():
            kept.append((len(heading[1]) if heading[1] else _BOLD, written))
        elif left.strip() or not written.strip():
            indent = len(written) - len(written.lstrip())  # what was masked before it must not make it code
            kept.append((0, (written[:indent] + left.lstrip()).rstrip()))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_with_content(kept))).strip("\n")


def _with_content(lines: Sequence[tuple[int, str]]) -> Iterator[str]:
    """The lines but for headings with nothing below them."""
    kept: list[str] = []
    next_level = 0  # of what stands below, content above all; 0 for nothing
    for level, line in reversed(lines):
        if level and next_level <= level:
            continue
        kept.append(line)
        if line.strip():
            next_level = level or _CONTENT
    return reversed(kept)


def foreign_text(text: str, *, quote: str = "") -> Markup:
    """Plain text from outside, as it is; where ``quote`` stands in it, white space apart, it is marked."""
    shown = printable(text)
    place = _place(shown, quote)
    if not place:
        return escape(shown)
    start, end = place
    return Markup("{}{}{}").format(shown[:start], tag("mark", shown[start:end]), shown[end:])


# --- parsing and rendering ---------------------------------------------------------------------------------------------------


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 12}).enable(["table", "strikethrough"])
    parser.disable(["image", "html_block", "html_inline", "autolink"])
    for name, rule in _RULES.items():
        parser.add_render_rule(name, rule)
    return parser


def _rendered(tokens: Sequence[Token], *, table: str, diff: Block | None) -> Markup:
    """Every rule of the renderer escapes what it is given."""
    return Markup(_PARSER.renderer.render(tokens, _PARSER.options, {"table": table, "diff": diff}))  # noqa: S704 (escaped there)


def _fence(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Mapping[str, Any]) -> str:
    token = tokens[at]
    language = token.info.strip().split(" ")[0] if token.info else ""
    if language == "diff" and env["diff"]:
        return str(env["diff"](token.content))
    return str(tag("pre", tag("code", token.content), class_="kb-pre", tabindex=0))


def _table_open(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Mapping[str, Any]) -> str:
    opened, _, _ = scrolling(tag("table"), env["table"], class_="kb-scroll").partition("</table>")
    return str(opened)


def _table_close(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Mapping[str, Any]) -> str:
    return "</table></div>"


def _chip(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Mapping[str, Any]) -> str:
    item: Cited = tokens[at].meta["cited"]
    return str(chip(item.key, item.id))


_RULES = {"fence": _fence, "code_block": _fence, "table_open": _table_open, "table_close": _table_close, "kb_chip": _chip}
_PARSER = _parser()


# --- inline ------------------------------------------------------------------------------------------------------------------


def _safe_links(children: Iterable[Token]) -> Iterator[Token]:
    """Links that lead to the web; of others only what they show is left. Links do not nest."""
    inside = False
    for child in children:
        if child.type == "link_open":
            target = web(str(child.attrGet("href") or ""))
            inside = bool(target)
            if inside:
                child.attrs = {"href": target, "rel": "noopener noreferrer", "target": "_blank"}
                yield child
        elif child.type != "link_close" or inside:
            yield child


def _with_chips(children: Sequence[Token], chips: Mapping[tuple[str, str], Cited]) -> Iterator[Token]:
    at = 0
    while at < len(children):
        link = children[at].type == "link_open" and [child.type for child in children[at + 1 : at + 3]] == _KEY
        code = children[at + 1] if link else children[at]
        url = str(children[at].attrGet("href")) if link else ""
        found = chips.get((code.content, url)) if code.type == "code_inline" else None
        if found:
            yield Token("kb_chip", "", 0, meta={"cited": found})
            at += 3 if link else 1
        else:
            yield children[at]
            at += 1


_KEY = ["code_inline", "link_close"]


def _marked(children: list[Token], quote: str) -> list[Token]:
    """The children, each part of the quote that they show within a mark of its own."""
    wanted = _plain(quote)
    texts = ["\n" if child.type in ("softbreak", "hardbreak") else child.content for child in children]
    place = _place("".join(texts), wanted) if wanted else None
    if not place:
        return children
    result: list[Token] = []
    begins = 0
    for child, text in zip(children, texts, strict=True):
        start, end = max(place[0] - begins, 0), min(place[1] - begins, len(text))
        begins += len(text)
        result += [child] if child.type not in _SHOWN or start >= end else _split(child, start, end)
    return result


def _split(child: Token, start: int, end: int) -> Iterator[Token]:
    for text, is_marked in ((child.content[:start], False), (child.content[start:end], True), (child.content[end:], False)):
        if text:
            part = child.copy(content=text)
            yield from (Token("mark_open", "mark", 1), part, Token("mark_close", "mark", -1)) if is_marked else (part,)


def _plain(quote: str) -> str:
    """What a quote from Markdown shows once it is rendered."""
    if not quote.strip() or len(quote) > _LONGEST_QUOTE:
        return ""
    parsed = _PARSER.parseInline(squeeze(printable(quote)))
    return "".join(child.content for token in parsed for child in token.children or [])


def _place(text: str, quote: str) -> tuple[int, int] | None:
    """Where ``quote`` stands in ``text``, white space apart; None where it does not."""
    words = printable(quote).split()
    if not words or len(quote) > _LONGEST_QUOTE:
        return None
    match = re.search(r"\s+".join(map(re.escape, words)), text)
    return (match.start(), match.end()) if match else None
