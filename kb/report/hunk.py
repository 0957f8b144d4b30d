"""The hunk of a change that tells most, quoted as it stands in the patch. Pure.

Most changes have none: what is quoted shows what a user of the code meets, a flag, a variable, a limit, a signature, a
message, and not how it is done; of a change of a line or two it is that line. Each sign (``kb.report.hunk_signs``) is worth
something by its kind, and more where the title or the body of the change speaks of it, where the old value stands beside the
new one, and where few rows show it; the best one is quoted if it is worth enough. Code that was only moved is no sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.classify import labels
from kb.report.hunk_rows import LONGEST, WIDEST, Change, Part, Row, read
from kb.report.hunk_signs import BASE, Sign, signs
from kb.safe import printable, without_secrets
from kb.text import clean, query_tokens, tokens
from kb.types import Quote, Record

_ENOUGH = 5.0
_MOST_SIGNS = 400
_BODY_CHARACTERS = 4_000

_IN_TITLE = 0.8  # for each word of the title that the rows have, up to _MOST_WORDS
_MOST_WORDS = 3
_NAMED = 1.5  # the title or the body names it
_FIGURE = 1.0  # the body speaks of the figure that changed
_IN_BODY = 0.2  # for each word of the body
_GONE = 3.0  # what is gone tells less, unless the change is about that
_OFF_TOPIC = 2.0  # a condition of a large change, a version of what is no release
_ONE_SIDED = 2.0  # a check or a message that took the place of another one, quoted without that
_REPLACED = 0.5  # the old value stands beside the new one
_PER_ROW = 0.08
_BLOCK = 5  # rows: a block of so few is quoted as a whole
_ASIDE = 1.5  # examples and scripts are nobody's interface
_PERHAPS_MOVED = 1.5  # much of what was removed is not stored
_TIDYING = 1.5  # a refactoring changes no interface, as its author says
_SMALL = 1.5  # a condition is the point of a change that changes little else
_SMALL_CHANGE = 24  # lines
_NEW = frozenset({"function", "class", "binding", "message", "member", "parameter"})
_EMPTY_WORDS = frozenset(tokens("add fix feat support update use new make allow enable bug bugfix perf refactor change"))

_CONDITION = re.compile(r"\s*\}?\s*(?:if|elif|else|for|while|switch)\b.*[:{]\s*$")
_NUMBER = re.compile(r"(?<![\w#.])\d{1,6}(?![\w.]\d)")
_SECRET = re.compile(
    r"-----BEGIN|\bAKIA[0-9A-Z]{12,}|(?:passw(?:or)?d|secret|api_?key|token)\w*[\"']?\s*[:=]\s*[\"'][^\"'\s]{6,}[\"']"
    r"|\b[0-9a-fA-F]{32,}\b|[A-Za-z0-9+/]{48,}",
    re.I,
)


@dataclass(frozen=True)
class _Said:
    """What a change says of itself."""

    title: frozenset[str]
    body: frozenset[str]
    text: str
    tidying: bool
    small: bool
    figures: frozenset[str]
    release: bool


def telling_hunk(record: Record) -> Quote | None:
    """Rows of one hunk of the record's files that show what its users meet; None, the usual answer, where none do.

    ``Quote.text`` is a contiguous slice of the file's patch, at most 12 rows of at most 160 characters, each with its mark;
    ``Quote.line`` is the place of the first of them in the new file, 1-based.
    """
    change = read(record)
    said = _said(record)
    best: Quote | None = None
    best_score = _ENOUGH
    for part, sign in _found(change):
        if _score(change, part, sign, said, sign.first, sign.last) <= best_score:
            continue  # more rows are worth no more
        span = _span(part, sign)
        if span is None:
            continue
        score = _score(change, part, sign, said, *span) - _ONE_SIDED * _is_one_sided(part, sign, *span)
        if score > best_score:
            best, best_score = _quote(part, *span), score
    return best


def _found(change: Change) -> Iterator[tuple[Part, Sign]]:
    room = _MOST_SIGNS
    for part in change.parts:
        for sign in signs(change, part):
            if not room:
                return
            room -= 1
            yield part, sign


def _said(record: Record) -> _Said:
    kinds = labels(record)
    body = clean(record.body[:_BODY_CHARACTERS])
    title = frozenset(query_tokens(record.title)) - _EMPTY_WORDS
    return _Said(
        title=title,
        body=frozenset(query_tokens(body)) - _EMPTY_WORDS - title,
        text=f"{record.title}\n{body}",
        tidying="refactor" in kinds and not kinds & {"breaking", "feature"},
        small=sum(file.additions + file.deletions for file in record.files) <= _SMALL_CHANGE,
        figures=frozenset(_NUMBER.findall(f"{record.title}\n{body}")),
        release="release" in kinds,
    )


def _score(change: Change, part: Part, sign: Sign, said: _Said, first: int, last: int) -> float:
    rows = part.rows[first : last + 1]
    words = {token for row in rows if row.mark != " " for token in tokens(row.text[:WIDEST])}
    named = bool(sign.name) and re.search(rf"(?<!\w){re.escape(sign.name)}(?!\w)", said.text) is not None
    score = BASE[sign.kind] + _IN_TITLE * min(len(words & said.title), _MOST_WORDS) + _NAMED * named
    score += _REPLACED * sign.replaced - _PER_ROW * (last - first) - _ASIDE * part.aside
    score += _SMALL * (said.small and sign.replaced and sign.kind != "own version")
    if sign.kind in ("bound", "limit", "default"):
        score += _FIGURE * any(figure in said.figures for figure in words if figure.isdigit())
    score += _IN_BODY * min(len(words & said.body), _MOST_WORDS)
    score -= _GONE * (not sign.replaced and part.rows[sign.first].mark == "-" and not named)
    score -= _OFF_TOPIC * (
        (sign.kind == "condition" and not said.small)
        or (sign.kind == "own version" and not said.release and not words & said.title)
    )
    if sign.kind in _NEW and not named:
        score -= _PERHAPS_MOVED * change.hidden + _TIDYING * said.tidying
    return score


def _is_one_sided(part: Part, sign: Sign, first: int, last: int) -> bool:
    """Whether the rows show a check or a message that came without the one that is gone for it, or the other way round."""
    if sign.kind not in ("message", "condition"):
        return False
    block = {row.mark for row in part.rows[slice(*sign.block)]}
    shown = {row.mark for row in part.rows[first : last + 1]}
    return {"+", "-"} <= block and not {"+", "-"} <= shown


def _span(part: Part, sign: Sign) -> tuple[int, int] | None:
    """The rows to quote: whole statements, or of a long list the entry between its neighbours; None where they do not fit."""
    first, behind = sign.block
    span = part.whole(first, behind - 1) if behind - first <= _BLOCK or sign.replaced else None
    span = span or _with_body(part, part.whole(sign.first, sign.last))
    if span is None and sign.loose:
        span = _entries(part, sign)
    if span is None or span[1] - span[0] >= LONGEST:
        return None
    return span if all(map(_is_showable, part.rows[span[0] : span[1] + 1])) else None


def _entries(part: Part, sign: Sign) -> tuple[int, int]:
    """The entries of a long list that changed, between the unchanged ones next to them."""
    first, last = sign.first, sign.last
    mark = part.rows[first].mark
    while first > sign.block[0] and _is_entry(part, first - 1, mark):
        first -= 1
    while last + 1 < sign.block[1] and _is_entry(part, last + 1, mark):
        last += 1
    first -= first > 0 and _is_entry(part, first - 1, " ")
    last += last + 1 < len(part.rows) and _is_entry(part, last + 1, " ")
    return first, last


def _is_entry(part: Part, at: int, mark: str) -> bool:
    return part.rows[at].mark == mark and part.code(at).rstrip().endswith(",")


def _with_body(part: Part, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """A condition with the first statement that depends on it, a message with the condition above it, where they fit; a
    function's or a class's head can be read alone."""
    if span is None:
        return None
    first, last = span
    if last + 1 < len(part.rows) and _CONDITION.match(part.rows[last].text):
        return part.whole(first, last + 1)
    above = part.rows[first - 1] if first else None
    if above and above.mark == part.rows[first].mark and _CONDITION.match(above.text):
        return part.whole(first - 1, last) or span
    return span


def _is_showable(row: Row) -> bool:
    text = row.text
    fits = len(text) <= WIDEST and bool(row.mark or not text)
    return fits and printable(text) == text and without_secrets(text) == text and not _SECRET.search(text)


def _quote(part: Part, first: int, last: int) -> Quote:
    """The rows, without empty ones around them."""
    while first < last and not part.rows[first].text.strip():
        first += 1
    while last > first and not part.rows[last].text.strip():
        last -= 1
    rows = part.rows[first : last + 1]
    return Quote("\n".join(row.mark + row.text for row in rows), part.path, max(rows[0].line, 1))
