"""A change as a browser shows it: its files with counts, their lines with numbers and colours, within bounds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kb.types import FileChange, Quote, Record
from kb.web.markup import join, scrolling, tag, text, visible
from kb.web.words import UiWords

LINES = 2_000  # of all files together, until more are asked for
FILES = 200
_OPEN_FILES = 6
_OPEN_LINES = 250  # a file of more is folded
_LONGEST_LINE = 400
_HEADER = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_SIGNS = {"+": "add", "-": "del", "@": "hunk"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a patch: ``kind`` is add, del, hunk or same; ``old`` and ``new`` are its numbers, 0 for none."""

    kind: str
    old: int
    new: int
    text: str


def diff_html(record: Record, *, words: UiWords, lines: int = LINES, quote: Quote | None = None) -> Markup:
    """Every file of a change: a table of all, then their lines, ``lines`` at most in all; "" for a record without files.

    The file and the lines that ``quote`` is from are open and marked. Where lines are left out, a button ``data-more="lines"``
    says how many, with ``data-shown`` for the next call.
    """
    if not record.files:
        return Markup()
    shown, left, total = [], lines, 0
    wanted = quote.path if quote and quote.path else ""
    for at, file in enumerate(_ordered(record.files, wanted)):
        count = _line_count(file.patch)
        total += count
        if at >= FILES or (left <= 0 and count):
            continue
        of_quote = quote if wanted and wanted in (file.path, file.old_path) else None
        is_open = of_quote is not None or (not wanted and at < _OPEN_FILES and count <= _OPEN_LINES)
        shown.append(_file(file, min(left, count), count, is_open=is_open, quote=of_quote, words=words))
        left -= count
    return join([_table(record.files, words), *shown, _more(record, lines, total, words) if left < 0 else None])


def _ordered(files: Sequence[FileChange], first: str) -> list[FileChange]:
    """The files, the one that is quoted first, so that no bound hides it."""
    return sorted(files, key=lambda file: first not in (file.path, file.old_path)) if first else list(files)


def _more(record: Record, lines: int, total: int, words: UiWords) -> Markup:
    size = sum(len(file.patch) for file in record.files)
    label = words.diff["more"].format(shown=f"{min(lines, total):,}", total=f"{total:,}", size=_bytes(size))
    return tag("button", label, type="button", class_="kb-more", data_more="lines", data_shown=lines, data_id=record.id)


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def hunk_html(lines: str, *, words: UiWords, path: str = "", line: int = 0) -> Markup:
    """A piece of a patch without its file; with the place that it is from where that is known."""
    caption = tag("figcaption", tag("code", text(_where(path, line, words)))) if path else None
    rows = list(_rows(lines, old=0, new=line))
    if not any(row.kind in ("add", "del") for row in rows):
        rows = [_Row("same", 0, row.new, row.text) for row in rows]
    return tag("figure", caption, _lines(rows, path, words), class_="kb-piece" if line else "kb-piece kb-bare")


def _where(path: str, line: int, words: UiWords) -> str:
    return words.diff["at"].format(path=path, line=line) if line else path


# --- the table ---------------------------------------------------------------------------------------------------------------


def _table(files: Sequence[FileChange], words: UiWords) -> Markup:
    rest = len(files) - FILES
    body = [_table_row(file, words) for file in files[:FILES]]
    if rest > 0:
        body.append(tag("tr", tag("td", words.diff["all files"].format(count=f"{rest:,}"), colspan=3)))
    head = tag("tr", *(tag("th", words.diff[name], scope="col") for name in ("file", "status", "changes")))
    table = tag("table", tag("thead", head), tag("tbody", *body), class_="kb-files")
    return scrolling(table, words.record["files"], class_="kb-scroll")


def _table_row(file: FileChange, words: UiWords) -> Markup:
    status = words.diff.get(file.status[:1], words.diff["other"])
    return tag(
        "tr",
        tag("td", tag("code", _path(file, words), class_="kb-path")),
        tag("td", status),
        tag("td", counts_html(file.additions, file.deletions) if not file.binary else words.diff["binary"], class_="kb-num"),
    )


def _path(file: FileChange, words: UiWords) -> Markup:
    moved = file.old_path and file.old_path != file.path
    was = tag("span", " ", words.diff["from"].format(path=text(file.old_path, limit=300)), class_="kb-dim") if moved else None
    return join([text(file.path, limit=300), was])


def counts_html(additions: int, deletions: int) -> Markup:
    """Added and deleted lines; the signs say it without the colours."""
    added = tag("span", f"+{additions:,}", class_="kb-added")
    return join([added, tag("span", f"−{deletions:,}", class_="kb-deleted")], " ")


# --- the lines ---------------------------------------------------------------------------------------------------------------


def _file(file: FileChange, room: int, count: int, *, is_open: bool, quote: Quote | None, words: UiWords) -> Markup:
    marked = _quoted(file.patch, quote)
    first = max(marked.start - room // 2, 0) if marked and marked.stop > room else 0
    rows = list(_rows(file.patch))[first : first + room]
    notes = [
        None if file.patch or file.binary else words.diff["no patch"],
        words.diff["capped"] if file.truncated else None,
        words.diff["rest"].format(count=f"{count - room:,}") if count > room else None,
    ]
    inner = [
        _lines(rows, file.path, words, range(marked.start - first, marked.stop - first) if marked else range(0)),
        *(tag("p", note, class_="kb-dim") for note in notes if note),
    ]
    size = counts_html(file.additions, file.deletions) if not file.binary else tag("span", words.diff["binary"])
    summary = tag("summary", tag("code", _path(file, words), class_="kb-path"), " ", tag("span", size, class_="kb-num"))
    return tag("details", summary, *inner, class_="kb-file", open=is_open)


def _quoted(patch: str, quote: Quote | None) -> range:
    """Where the quoted lines stand among those of the patch; the place nearest to the line they are said to be at."""
    wanted = quote.text.split("\n") if quote else []
    if not wanted:
        return range(0)
    rows = list(_rows(patch))
    width = len(wanted)
    places = [at for at in range(len(rows) - width + 1) if [row.text for row in rows[at : at + width]] == wanted]
    line = quote.line if quote else 0
    nearest = min(places, key=lambda at: abs(rows[at].new - line), default=None)
    return range(0) if nearest is None else range(nearest, nearest + width)


def _line_count(patch: str) -> int:
    return patch.removesuffix("\n").count("\n") + 1 if patch else 0


def _rows(patch: str, *, old: int = 0, new: int = 0) -> Iterator[_Row]:
    """The lines of a patch, each with the numbers it has in the old and in the new file; 0 where they are not known."""
    known_old, known_new = bool(old), bool(new)
    for line in patch.removesuffix("\n").split("\n") if patch else ():
        if header := _HEADER.match(line):
            old, new, known_old, known_new = int(header[1]), int(header[2]), True, True
            yield _Row("hunk", 0, 0, line)
            continue
        kind = "same" if line.startswith("\\") else _SIGNS.get(line[:1], "same")
        has_old, has_new = kind != "add" and known_old, kind != "del" and known_new
        yield _Row(kind, old * has_old, new * has_new, line)
        old, new = old + has_old, new + has_new


def _lines(rows: Sequence[_Row], path: str, words: UiWords, marked: range = range(0)) -> Markup:
    if not rows:
        return Markup()
    code = join(_line(row, at in marked, words) for at, row in enumerate(rows))
    return scrolling(
        tag("div", code, class_="kb-lines"), words.diff["region"].format(path=text(path, limit=200)), class_="kb-diff"
    )


def _line(row: _Row, is_marked: bool, words: UiWords) -> Markup:
    shown = visible(row.text[:_LONGEST_LINE].rstrip("\r").replace("\t", "    "))
    if len(row.text) > _LONGEST_LINE:
        rest = words.diff["long"].format(count=f"{len(row.text) - _LONGEST_LINE:,}")
        shown = join([shown, tag("span", rest, class_="kb-dim")])
    return _LINE.format(row.kind, row.old or "", row.new or "", tag("mark", shown) if is_marked else shown)


# One template instead of five elements: a page has thousands of lines. The numbers are no text: copying takes the code alone.
_LINE = Markup('<div class="kb-line kb-{}"><span data-n="{}"></span><span data-n="{}"></span><code>{}</code></div>')
