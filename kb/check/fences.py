"""Whether fenced code stands in a patch, row by row. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kb.check.types import Statement
from kb.patch import hunks
from kb.safe import printable
from kb.types import FileChange, Record

_ELISION = re.compile(r"\s*(?:(?://|#|/\*|--|;)\s*)?(?:\.\.\.|…)\s*(?:\*/)?\s*")
_PATH = re.compile(
    r"\s*(?:diff --git .*|(?:---|\+\+\+|index|@@)\s.*|(?:(?://|#|/\*|<!--)\s*)?(?P<path>[\w./-]+\.\w{1,8})(?::\d+)?\s*(?:\*/|-->)?)"
)
_COMMENT = re.compile(r"\s*(?://|#(?!\s*(?:include|define|if|endif|pragma))|/\*|\*)")


def wrong_rows(fence: Statement, records: Sequence[Record]) -> tuple[int, str]:
    """The first row of a fence that stands in no patch of the records, as (its line, its text); (0, "") where all do.

    The rows have to stand in one file, in this order; a row that says "…" leaves rows out, and one that names a file is a path.
    """
    lines = fence.text.rstrip("\n").split("\n")
    paths = {path for record in records for file in record.files for path in (file.path, file.old_path) if path}
    wanted = []
    for at, line in enumerate(lines):
        if not line.strip() or _ELISION.fullmatch(line):
            continue
        named = _PATH.fullmatch(line)
        if named and (not named["path"] or any(path == named["path"] or path.endswith(f"/{named['path']}") for path in paths)):
            continue
        wanted.append((fence.line + at, line))
    if not wanted:
        return fence.line, lines[0]
    marked = fence.info.startswith("diff") or all(line[:1] in "+- @" for _, line in wanted)
    reached = max(
        (_reached([line for _, line in wanted], file, marked) for record in records for file in record.files), default=0
    )
    return (0, "") if reached == len(wanted) else (wanted[reached][0], wanted[reached][1].strip())


def _reached(wanted: Sequence[str], file: FileChange, marked: bool) -> int:
    """How many of the rows stand in a file's patch, one after the other."""
    if not file.patch:
        return 0
    rows = iter([_row(row, marked) for row in file.patch.split("\n")])
    for at, line in enumerate(wanted):
        row = _row(line, True) if marked else _squeezed(line)
        if row not in rows:  # goes on behind the last one that was found
            return at
    return len(wanted)


def _row(row: str, marked: bool) -> str:
    """A row of a patch without white space, with its mark or without."""
    mark = row[:1] if marked and row[:1] in "+-" else ""
    return mark + _squeezed(row[1:] if row[:1] in "+- " else row)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", printable(text))


def has_code(fence: Statement) -> bool:
    """Whether there is anything in a fence but comments and elisions."""
    return any(line.strip() and not _COMMENT.match(line) and not _ELISION.fullmatch(line) for line in fence.text.split("\n"))


def is_cut(records: Sequence[Record]) -> bool:
    """Whether part of a patch of the records is not stored."""
    return any(file.truncated for record in records for file in record.files) or any("no-patch" in r.marks for r in records)


# --- hunks as our reports quote them -----------------------------------------------------------------------------------------


def places(fence: Statement, path: str, records: Sequence[Record]) -> list[int]:
    """The lines of the new file at which a fence stands, row after row, in the patch of a path (which may end in "…")."""
    wanted = _shown(fence.text)
    return [line for record in records for file in record.files if _is(file, path) for line in _places(wanted, file.patch)]


def _is(file: FileChange, path: str) -> bool:
    return file.path == path or (path.endswith("…") and file.path.startswith(path.rstrip("…")))


def _places(wanted: list[str], patch: str) -> Iterator[int]:
    for hunk in hunks(patch):
        line = hunk.start
        rows = [_shown(row)[0] for row in hunk.text.split("\n")]
        for at, row in enumerate(rows):
            if rows[at : at + len(wanted)] == wanted:
                yield max(line, 1)
            line += row[:1] in ("+", " ", "")


def _shown(text: str) -> list[str]:
    """Rows as a fence shows them."""
    return [row.replace("\t", "    ").rstrip() for row in printable(text).strip("\n").split("\n")]
