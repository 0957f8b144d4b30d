"""Hostile text as inert Markdown: no link, image, HTML, heading, list, mention or direction mark of its own. Pure.

What comes out is CommonMark that shows the text, and stays readable as source: an identifier keeps its underscores, code keeps
its backticks, an address or a mention stands as code, where nothing turns it into a link.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from kb.safe import one_line, printable

_CODE_SPAN = r"(?<![`\\])`(?P<code>[^`\n]{1,300})`(?!`)"
_ADDRESS = (
    r"(?P<address>(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|www\.|mailto:|javascript:|data:)[^\s`<>\[\]]*[^\s`<>\[\].,;:!?)'\"]"
    r"|[^\s`<>()\[\]{},;'\"|*]*@[\w][^\s`<>()\[\]{},;'\"|*]*)"
)
_INLINE = re.compile(f"{_CODE_SPAN}|{_ADDRESS}", re.I)
_SPECIAL = re.compile(r"[\\`*\[\]<|~$^]|!(?=\[)|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])")
_BLOCK_START = re.compile(r"(?P<mark>[#>+=:-])|(?P<number>\d{1,9})(?P<dot>[.)])")
_STRONG = re.compile(r"(?<![\w*])\*\*(?=\S)([^*]{1,200}?)(?<=\S)\*\*(?![\w*])")
_LINKED = re.compile(r"(?<!!)\[([^\[\]]{1,200})\]\((?:https?://)?[^()\s]{1,400}\)")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def shorten(text: str, limit: int) -> str:
    """``text`` on one line, cut at a word to at most ``limit`` characters, with an ellipsis where it was cut."""
    line = one_line(text[: limit * 8])
    if len(line) <= limit and len(text) <= limit * 8:
        return line
    room = line[: limit - 1]
    return (room.rpartition(" ")[0] if " " in room[limit // 2 :] else room).rstrip(" ,;:-") + "…"


def inert(text: str) -> str:
    """``text`` on one line as Markdown that shows it and does nothing else, wherever in a line it stands."""
    line = one_line(text)
    pieces: list[str] = []
    at = 0
    for match in _INLINE.finditer(line):
        pieces += [_literal(line[at : match.start()], first=not at), code(match["code"] or match["address"])]
        at = match.end()
    pieces.append(_literal(line[at:], first=not at))
    return "".join(pieces)


def prose(text: str) -> str:
    """Like ``inert``, for a sentence that was written as Markdown: bold words and links' texts stand without their marks."""
    return inert(_LINKED.sub(r"\1", _STRONG.sub(r"\1", one_line(text))))


def _literal(text: str, *, first: bool) -> str:
    """Characters that mean something to Markdown or HTML, escaped."""
    escaped = _SPECIAL.sub(_escape, text)
    start = _BLOCK_START.match(text) if first else None
    if start and start["mark"]:
        return "\\" + escaped
    if start:
        return f"{start['number']}\\{start['dot']}{escaped[start.end() :]}"
    return escaped


def _escape(match: re.Match[str]) -> str:
    # Entities where a careless renderer would read HTML behind a backslash.
    return {"<": "&lt;", "&": "&amp;"}.get(match[0], f"\\{match[0]}")


def code(text: str) -> str:
    """``text`` on one line as a code span, whatever backticks it holds."""
    line = one_line(text)
    if not line:
        return ""
    runs = {len(run) for run in re.findall(r"`+", line)}
    fence = "`" * next(size for size in range(1, len(line) + 2) if size not in runs)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(text: str, language: str = "") -> str:
    """``text`` as a fenced code block that nothing in it can end."""
    body = printable(text).replace("\t", "    ").strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def quoted(text: str) -> str:
    """``text`` as a block quote, each line of it inert."""
    lines = [line for line in printable(text).split("\n") if line.strip()]
    return "\n>\n".join(f"> {prose(line)}" for line in lines)


def web(url: str) -> str:
    """``url`` percent-encoded, fit to stand in a link; "" for anything but http and https."""
    line = one_line(url)
    try:
        parts = urlsplit(line)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or not re.match(r"https?://[\w.-]+(?::\d+)?(?:[/?#]|$)", line):
        return ""
    return quote(_PERCENT.sub("%25", line), safe="%/:?#@!$&+,;=~-._")


def link(shown: str, url: str) -> str:
    """``shown`` (Markdown already) as a link to ``url``; as it is where that is no web address."""
    target = web(url)
    return f"[{shown}]({target})" if target else shown
