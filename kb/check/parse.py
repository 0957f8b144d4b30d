"""Markdown as GitHub reads it, to statements with their lines and links. Pure; the page may be hostile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import unescape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb.check.types import Fault, Link, Page, Statement
from kb.errors import ReportError
from kb.escape import code
from kb.safe import one_line

LARGEST = 1_000_000  # characters; a week of a thousand commits has fewer
LONGEST = 4_000  # characters of a paragraph: a longer one is read without its markup; hostile markup takes quadratic time
_MOST_BRACKETS = 300
_LONGEST_WORD = re.compile(r"[!-~]{500}")  # patterns take quadratic time over it
_NESTED = 50
_BOLD_HEADING = 7
_URL = re.compile(r"https?://[^\s<>\"'`|\]）)】，。；、]+", re.I)
_LINK = re.compile(r"\[([^\[\]]*)\]\((https?://[^\s()]+)\)")
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^<>]*>", re.S)
_HREF = re.compile(r"href\s*=\s*[\"']?(https?://[^\"'\s>]+)", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_SENTENCE_END = re.compile(r"(?:(?<=[。！？])|(?<=[.!?])(?=\s))(?=\s*\S)")
_LINKS_ASIDE = re.compile(r"\s*[(（][\s,，、;；&/·]*[)）][.。]?")
_SAYS = re.compile(r"\w")


def parse(markdown: str) -> Page:
    """The statements of a page.

    Raises:
        ReportError: it is too large, or no text.
    """
    if len(markdown) > LARGEST:
        raise ReportError(
            f"the report has {len(markdown):,} characters", remedy=f"at most {LARGEST:,} are checked: check its parts"
        )
    if len(_CONTROL.findall(markdown[:LARGEST])) > 8 + len(markdown) // 200:
        raise ReportError("the report is no text", remedy="give a Markdown file")
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _NESTED}).enable(["table", "strikethrough"])
    parser.core.ruler.disable(["inline"])
    env: dict[str, object] = {}
    reader = _Reader(parser, env)
    reader.read(parser.parse(markdown.removeprefix("\ufeff"), env))
    return Page(statements=tuple(reader.statements), kinds=reader.kinds, headings=reader.headings, markup=tuple(reader.markup))


def is_readable(statement: Statement) -> bool:
    """Whether a statement is short enough to be held to anything; a page that people read has no others."""
    return len(statement.text) <= LONGEST and not _LONGEST_WORD.search(_blank(statement))


def sentences(statement: Statement) -> Iterator[Statement]:
    """The sentences of a statement in prose, each with its own line and links."""
    if len(statement.text) > LONGEST:
        yield statement
        return
    masked = list(statement.text)
    for start, end in [*((link.start, link.end) for link in statement.links), *_code_spans(statement.text)]:
        masked[start:end] = "x" * (end - start)
    shown = _blank(statement)
    left = 0
    for match in [*_SENTENCE_END.finditer("".join(masked)), None]:
        right = match.start() if match else len(shown)
        aside = _LINKS_ASIDE.match(shown, right)  # "Adds x. (link)": the link is the sentence's
        right = aside.end() if aside else right
        if _SAYS.search(shown, left, right) or (match is None and left < right):
            yield part_of(statement, left, right)
            left = right


def _blank(statement: Statement) -> str:
    """The text with spaces for its links."""
    kept = list(statement.text)
    for link in statement.links:
        kept[link.start : link.end] = " " * (link.end - link.start)
    return "".join(kept)


def part_of(statement: Statement, left: int, right: int) -> Statement:
    """What stands between two places of a statement, with its own line and links."""
    left += len(statement.text[left:right]) - len(statement.text[left:right].lstrip())
    links = tuple(
        replace(link, start=link.start - left, end=link.end - left)
        for link in statement.links
        if left <= link.start and link.end <= right
    )
    strong = tuple((start - left, end - left) for start, end in statement.strong if left <= start and end <= right)
    return replace(
        statement, line=statement.line_of(left), text=statement.text[left:right].rstrip(), links=links, strong=strong
    )


def _code_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"(`+)[^`]+?\1(?!`)", text):
        yield match.span()


# --- inline ------------------------------------------------------------------------------------------------------------------


@dataclass
class _Text:
    """Shown text as it grows, with what stands in it."""

    text: str = ""
    links: list[Link] = field(default_factory=list)
    strong: list[tuple[int, int]] = field(default_factory=list)
    markup: list[tuple[int, str]] = field(default_factory=list)  # where it stands, and what it is

    def add(self, text: str, *, links: bool = False) -> None:
        if links:
            for match in _URL.finditer(text):
                url = match[0].rstrip(".,;:!?*_")
                start = len(self.text) + match.start()
                self.links.append(Link(url, url, start, start + len(url)))
        self.text += text


def _inline(tokens: Sequence[Token], into: _Text) -> None:
    opened: list[tuple[str, int]] = []
    bold: list[int] = []
    for token in tokens:
        if token.type == "link_open":
            opened.append((str(token.attrGet("href") or ""), len(into.text)))
        elif token.type == "link_close" and opened:
            url, start = opened.pop()
            into.links.append(Link(into.text[start:], url, start, len(into.text)))
        elif token.type == "strong_open":
            bold.append(len(into.text))
        elif token.type == "strong_close" and bold:
            into.strong.append((bold.pop(), len(into.text)))
        elif token.type == "code_inline":
            into.add(code(token.content))
        elif token.type in ("softbreak", "hardbreak"):
            into.add("\n")
        elif token.type == "html_inline":
            into.markup.append((len(into.text), _raw(token.content)))
            for match in _HREF.finditer(token.content):
                into.links.append(Link("", unescape(match[1]), len(into.text), len(into.text)))
        else:
            if token.type == "image":
                into.markup.append((len(into.text), f"an image: {one_line(str(token.attrGet('src') or ''), limit=60)}"))
            into.add(token.content, links=not opened and token.type == "text")


def _raw(html: str) -> str:
    return f"raw HTML: {one_line(html, limit=60)}"


# --- blocks ------------------------------------------------------------------------------------------------------------------


class _Reader:
    """Walks the tokens of a page and keeps which containers are open."""

    def __init__(self, parser: MarkdownIt, env: dict[str, object]) -> None:
        self.parser = parser
        self.env = env
        self.statements: list[Statement] = []
        self.kinds: dict[int, str] = {0: "page"}
        self.headings: dict[int, tuple[Statement, int]] = {}
        self.markup: list[Fault] = []
        self.sections: list[int] = []
        self.blocks: list[int] = []
        self.fresh = False  # the next text is the head of a list item

    def read(self, tokens: Sequence[Token]) -> None:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "table_open":
                at = self._table(tokens, at)
            elif token.type == "heading_open":
                self._heading(tokens[at + 1], int(token.tag[1:]))
                at += 1
            elif token.type in ("bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open"):
                self._open("list" if "_list_" in token.type else "item" if "item" in token.type else "quote")
            elif token.type in ("bullet_list_close", "ordered_list_close", "list_item_close", "blockquote_close"):
                self.blocks.pop()
                self.fresh = False
            elif token.type == "inline":
                self._paragraph(token)
            elif token.type in ("fence", "code_block"):
                self._fence(token)
            elif token.type == "html_block":
                self._html(token)
            at += 1

    @property
    def within(self) -> tuple[int, ...]:
        return (0, *self.sections, *self.blocks)

    def _new(self, kind: str) -> int:
        number = len(self.kinds)
        self.kinds[number] = kind
        return number

    def _open(self, kind: str) -> None:
        self.blocks.append(self._new(kind))
        self.fresh = kind == "item"

    def _text(self, token: Token, line: int) -> _Text:
        into = _Text()
        if len(token.content) > LONGEST or token.content.count("[") > _MOST_BRACKETS:
            into.add(_LINK.sub(r"\1 \2", token.content), links=True)
        else:
            found: list[Token] = []
            self.parser.inline.parse(token.content, self.parser, self.env, found)
            _inline(found, into)
        self.markup += [Fault(line + into.text.count("\n", 0, at), what) for at, what in into.markup]
        return into

    def _statement(self, line: int, kind: str, said: _Text) -> Statement:
        links = tuple(sorted(said.links, key=lambda link: link.start))
        return Statement(line=line, kind=kind, text=said.text, links=links, within=self.within, strong=tuple(said.strong))

    def _heading(self, token: Token, level: int) -> None:
        said = self._statement(_line(token), "heading", self._text(token, _line(token)))
        self._section(said, level)

    def _section(self, said: Statement, level: int) -> None:
        if not self.blocks:
            while self.sections and self.headings[self.sections[-1]][1] >= level:
                self.sections.pop()
            self.sections.append(self._new("section"))
            said = replace(said, within=self.within)
            self.headings[self.sections[-1]] = (said, level)
        self.statements.append(said)

    def _paragraph(self, token: Token) -> None:
        said = self._statement(_line(token), "item" if self.fresh else "prose", self._text(token, _line(token)))
        self.fresh = False
        bold = said.strong and said.strong[0][0] == 0 and said.text[said.strong[0][1] :].strip(" :：") == ""
        if bold and not self.blocks and not said.links:
            self._section(replace(said, kind="heading"), _BOLD_HEADING)
        else:
            self.statements.append(said)

    def _fence(self, token: Token) -> None:
        line = _line(token) + (token.type == "fence")
        said = Statement(line=line, kind="fence", text=token.content, within=self.within, info=token.info.strip())
        self.statements.append(said)
        self.fresh = False

    def _html(self, token: Token) -> None:
        self.markup.append(Fault(_line(token), _raw(token.content)))
        into = _Text()
        for match in _HREF.finditer(re.sub(r"<!--.*?(?:-->|\Z)", "", token.content, flags=re.S)):
            into.links.append(Link("", unescape(match[1]), 0, 0))
        into.add(unescape(_TAG.sub(" ", token.content)), links=True)
        if into.text.strip():
            self.statements.append(self._statement(_line(token), "html", into))

    def _table(self, tokens: Sequence[Token], at: int) -> int:
        """The rows of a table; the place of its end."""
        columns: tuple[str, ...] = ()
        row, cells, line, is_head = _Text(), list[str](), 0, False
        while tokens[at].type != "table_close":
            token = tokens[at]
            if token.type == "tr_open":
                row, cells, line, is_head = _Text(), [], _line(token), False
            elif token.type in ("th_open", "td_open"):
                is_head = token.type == "th_open"
                row.add(" | " if cells else "")
                cells.append("")
            elif token.type == "inline":
                self._cell(token, row, cells, line)
            elif token.type == "tr_close" and is_head:
                columns = tuple(cells)
                self.statements.append(replace(self._statement(line, "columns", row), columns=columns))
            elif token.type == "tr_close":
                said = self._statement(line, "row", row)
                self.statements.append(replace(said, cells=tuple(cells), columns=columns))
            at += 1
        self.fresh = False
        return at

    def _cell(self, token: Token, row: _Text, cells: list[str], line: int) -> None:
        said = self._text(token, line)
        by = len(row.text)
        row.links += [replace(link, start=link.start + by, end=link.end + by) for link in said.links]
        row.strong += [(start + by, end + by) for start, end in said.strong]
        row.text += said.text
        cells[-1] = said.text


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
