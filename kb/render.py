"""Values to Markdown: the text of an answer. Pure; whatever comes from records or from the question goes through kb.escape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from kb.citations import Piece
from kb.escape import code, fenced, inert, link, prose, quoted, shorten
from kb.facts import zone_name
from kb.lines import Line
from kb.text import squeeze
from kb.types import Coverage, Found, LedgerRow, Note, Quote, Scope, Tag
from kb.wording import Words

LONGEST_TITLE = 200
_LONGEST_PATH = 160
_LONGEST_NAME = 60
_NUMBERED = re.compile(r"#[0-9]+")


@dataclass(frozen=True)
class Context:
    """Who reads: ``now`` is the horizon (the end of the day with --as-of), ``zone`` the asker's."""

    now: datetime
    zone: tzinfo
    words: Words

    def moment(self, at: datetime | None) -> str:
        return self.words.moment(at, self.zone) if at else self.words.statuses["no last"]


# --- pieces and lines --------------------------------------------------------------------------------------------------------


def piece_markdown(piece: Piece) -> str:
    """One piece, inert but for the links that code makes; a long one is shortened at a word."""
    if piece.role == "title":
        return f"**{inert(shorten(piece.text, LONGEST_TITLE)) or '…'}**"
    if piece.role == "mention":
        return f"“{inert(shorten(piece.text, LONGEST_TITLE))}”"
    if piece.role == "quote":
        return prose(piece.text)
    if piece.role == "path":
        return code(shorten(piece.text, _LONGEST_PATH))
    if piece.role in ("name", "zone"):
        return inert(shorten(piece.text, _LONGEST_NAME))
    if piece.role == "key":
        return link(code(shorten(piece.text, _LONGEST_NAME)), piece.url)
    if piece.role == "reference":
        return link(piece.text if _NUMBERED.fullmatch(piece.text) else inert(piece.text), piece.url)
    return piece.text


def line_markdown(line: Line, *, depth: int = 0) -> str:
    """A line as a list item, its children as a list below it."""
    own = "  " * depth + "- " + "".join(map(piece_markdown, line.pieces)).strip()
    return "\n".join([own, *(line_markdown(child, depth=depth + 1) for child in line.children)])


def quote_markdown(quote: Quote, context: Context) -> str:
    """A verbatim quote: a block quote, of a note with who said it or its page, or for a hunk its place and a fenced diff."""
    words = context.words
    if not quote.path:
        text = quoted(squeeze(quote.text))  # where a paragraph was wrapped is not part of what it says
        return f"{_said_by(quote.note, context)}\n\n{text}" if quote.note else text
    path = code(shorten(quote.path, _LONGEST_PATH))
    where = words.notes["at"].format(path=path, line=quote.line) if quote.line else path
    return f"{where}\n\n{fenced(quote.text, 'diff')}"


def _said_by(note: Note, context: Context) -> str:
    words = context.words
    if note.kind == "page":
        return link(inert(words.notes["page"].format(page=note.verdict)), note.url)
    form = "said by" if note.author.strip() else "said"
    author = inert(shorten(note.author, _LONGEST_NAME))
    return link(words.notes[form].format(author=author, day=words.day(note.at, context.zone)), note.url)


def releases(tags: Sequence[Tag], words: Words) -> str:
    """How many commits the releases have that a question is about, and how many of these cannot be listed."""
    found = []
    for tag in tags:
        form = "release" if tag.previous else "first release"
        values = {"tag": inert(tag.name), "previous": inert(tag.previous), "count": len(tag.commits) + tag.beyond}
        found.append(words.notes[form].format(**values))
        if tag.beyond:
            found.append(words.notes["beyond"].format(count=tag.beyond))
    return words.gap.join(found)


# --- head and foot -----------------------------------------------------------------------------------------------------------


def header(scope: Scope, context: Context) -> str:
    """What was asked for, as resolved: window, repositories, kinds, topic; and which of it the question before said."""
    words = context.words
    window = words.window(scope.window, now=context.now, zone=context.zone)
    zone = zone_name(context.zone, scope.window.end or context.now)
    label = shorten(scope.window.label, _LONGEST_NAME)
    form = "labelled" if label else "zone"
    parts = [
        ("window", words.header[form].format(window=window, zone=inert(zone), label=inert(label))),
        ("repos", words.comma.join(map(inert, scope.repos or scope.unknown_repos)) or words.header["all"]),
        ("kinds", words.listed(words.kinds, scope.kinds) or words.header["all"]),
        ("topic", _topic(scope, words)),
        ("facets", words.listed(words.facets, scope.facets)),
        ("states", words.listed(words.states, scope.states if scope.kinds else ())),
        ("events", words.listed(words.events, scope.events)),
        ("identifiers", words.comma.join(map(inert, scope.identifiers)) if "identifiers" in scope.inherited else ""),
        ("as_of", words.moment(scope.as_of, context.zone) if scope.as_of and "as_of" in scope.inherited else ""),
    ]
    said = [f"**{words.header[name]}** {text}{_inherited(scope, name, words)}" for name, text in parts if text]
    return words.line["dot"].join(said)


def _topic(scope: Scope, words: Words) -> str:
    topic = inert(shorten(scope.topic, LONGEST_TITLE)) or words.header["any"]
    asked = inert(shorten(scope.asked_topic, LONGEST_TITLE))
    return words.header["rewritten"].format(topic=topic, asked=asked) if asked else topic


def _inherited(scope: Scope, name: str, words: Words) -> str:
    """That a part is from the question before, or partly so."""
    if name == "topic" and "narrowed" in scope.inherited:
        return words.bracketed(words.header["narrowed"])
    return words.bracketed(words.header["inherited"]) if name in scope.inherited else ""


def notes(scope: Scope, degraded: str, removed: int, words: Words) -> list[str]:
    """How this was found: what was not understood or not used, a search with less than usual, what was left out."""
    found = [words.notes["unresolved"].format(text=inert(text)) for text in scope.unresolved]
    found += [words.notes["unknown"].format(name=inert(shorten(name, _LONGEST_NAME))) for name in scope.unknown_repos]
    if scope.dropped:
        found.append(words.notes["dropped"].format(parts=words.listed(words.events, scope.dropped)))
    if scope.unclear:
        found.append(words.notes["unclear"].format(text=inert(shorten(scope.unclear, _LONGEST_NAME))))
    if degraded:
        found.append(words.notes["degraded"].format(text=inert(degraded.rstrip("."))))
    if removed:
        found.append(words.notes["removed one" if removed == 1 else "removed"].format(count=removed))
    return found


def unread(kinds: tuple[str, ...], words: Words) -> str:
    """That nothing of these kinds is stored; "" for no kinds."""
    return words.notes["unread"].format(kinds=words.listed(words.kinds, kinds)) if kinds else ""


def coverage_text(coverage: Coverage, found: Found, words: Words) -> str:
    """How complete a list is."""
    counts = {"listed": coverage.listed, "matched": coverage.matched, "in_window": coverage.in_window}
    if not coverage.in_window:
        return words.notes["empty"]
    form = "coverage" if coverage.matched else "nothing"
    parts = [words.notes[form].format(**counts)]
    given = len(found.hits)
    # With fewer matching than were looked at, what was left out ranks below them.
    if given < coverage.in_window and given <= coverage.matched:
        parts.append(words.notes["cut"].format(given=given, in_window=coverage.in_window))
    return words.gap.join(parts)


def problems(ledger: Sequence[LedgerRow], scope: Scope, context: Context) -> list[str]:
    """One sentence for each source that was not read, or not wholly, or not lately."""
    return [text for row in ledger if (text := source_problem(row, scope, context))]


def source_problem(row: LedgerRow, scope: Scope, context: Context) -> str:
    """What stands in the way of trusting a source's silence; "" where nothing does."""
    words = context.words
    values = {
        "source": inert(row.source),
        "when": context.moment(row.ended or row.started),
        "last": context.moment(row.last_success),
        "error": inert(shorten(row.error.removeprefix(f"{row.source}: "), LONGEST_TITLE).rstrip(".")),
        "reason": inert(shorten(row.truncated, LONGEST_TITLE).rstrip(".")),
    }
    end = min(scope.window.end or context.now, context.now)
    if row.status in ("failed", "interrupted", "running", "never"):
        return words.statuses[row.status].format(**values)
    if row.truncated:
        return words.statuses["truncated"].format(**values)
    if row.last_success is None:
        return words.statuses["never"].format(**values)
    return words.statuses["stale"].format(**values) if (end - row.last_success).total_seconds() > row.stale_after else ""


def beginnings(ledger: Sequence[LedgerRow], scope: Scope, context: Context) -> list[str]:
    """One sentence for each source whose stored history begins within the window, or after it."""
    text = context.words.statuses["begins"]
    return [text.format(source=inert(row.source), since=context.moment(row.since)) for row in ledger if _is_cut(row, scope)]


def _is_cut(row: LedgerRow, scope: Scope) -> bool:
    return row.since is not None and (scope.window.start is None or scope.window.start < row.since)


def silence(ledger: Sequence[LedgerRow], scope: Scope, context: Context) -> list[str]:
    """Why there is nothing to list, source by source: quiet, failed and not yet read are three different sentences."""
    end = min(scope.window.end or context.now, context.now)
    found = []
    for row in ledger:
        if row.since and end <= row.since:
            continue  # nothing of the window was asked of it
        problem = source_problem(row, scope, context)
        if not problem or (row.status == "ok" and not row.truncated and row.last_success):
            form = "quiet" if row.last_success and row.last_success >= end else "quiet so far"
            problem = context.words.statuses[form].format(source=inert(row.source), last=context.moment(row.last_success))
        found.append(problem)
    return [*found, *beginnings(ledger, scope, context)]


def last_reads(ledger: Sequence[LedgerRow], scope: Scope, context: Context) -> list[str]:
    """When each source was last read: its problem where it has one; and where it begins."""
    read = context.words.statuses["read"]
    told = [
        source_problem(row, scope, context) or read.format(source=inert(row.source), last=context.moment(row.last_success))
        for row in ledger
    ]
    return [*told, *beginnings(ledger, scope, context)]


def bullets(texts: Sequence[str]) -> str:
    """Sentences (Markdown already) as a list."""
    return "\n".join(f"- {text}" for text in texts)


def heading(text: str, level: int = 3) -> str:
    return f"{'#' * level} {text}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; the first column is text, the others are figures."""
    rule = ["---", *("---:" for _ in columns[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, rule, *rows))


def page(blocks: Sequence[str]) -> str:
    """Blocks with an empty line between them; empty ones left out."""
    return "\n\n".join(block for block in blocks if block) + "\n"
