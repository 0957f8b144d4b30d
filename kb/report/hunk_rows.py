"""A change's patches as rows, and which rows make a whole statement. Pure; what is read of a patch is capped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from kb.classify import kind_of_path
from kb.patch import hunks
from kb.types import FileChange, Record

LONGEST = 12  # rows of a slice
WIDEST = 160  # characters of a row
_NEAR = 40  # rows around a slice that are looked at for brackets
_MOST_ROWS = 6_000
_MOST_FILES = 300
_FILE_CHARACTERS = 32_000
_CHANGE_CHARACTERS = 160_000
_TINY = 4  # lines

_PYTHON = re.compile(r"\.pyi?$")
_C_LIKE = re.compile(r"\.(?:cuh?|c|h|cc|hh|cpp|hpp|cxx|hxx|inl|hip|mm|rs|go|java|js|ts)$")
_REQUIREMENTS = re.compile(
    r"(?:^|/)(?:requirements[^/]*\.(?:txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(?:py|cfg)|CMakeLists\.txt|"
    r"\.gitmodules|version\.txt|VERSION|_?version\.py|Cargo\.toml|go\.mod|package\.json)$"
)
_MADE = re.compile(
    r"(?:^|/)(?:generated|_generated|autogen|instantiations?|third_?party|3rdparty|vendor)/|_pb2\.|\.min\.", re.I
)
_MEASURES = re.compile(r"(?:^|/)(?:bench(?:mark)?s?_|test_|conftest)[^/]*$|_(?:bench(?:mark)?|test)\.\w+$")
_PRIVATE = re.compile(r"(?:^|/)(?:_\w+|kernels?|internal|impl)/.*\.py$")
_ASIDE = re.compile(r"(?:^|/)(?:examples?|samples?|scripts?|tools?|profiler|experimental|utils?/scripts)/", re.I)

_STRING = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_HASH_COMMENT = re.compile(r"#.*")
_SLASH_COMMENT = re.compile(r"//.*|/\*.*?(?:\*/|$)")
_COMMENT_ROW = {"python": re.compile(r"\s*(?:#|>>>|\.\.\. )"), "c": re.compile(r"\s*(?://|/?\*)")}
_GOES_ON = re.compile(r"\s*(?:&&|\|\||<<|>>|==|[?+.|]|:(?!:)|-(?!-)\s|(?:and|or)\s)")
_LEFT_OPEN = re.compile(r"(?:[\\=+|&?]|&&|\|\||<<|\b(?:and|or|not|return))\s*$")
_CLOSING = frozenset(")]}")
_MARKS = ("+", "-", " ", "\\")
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a hunk: its mark, its text without it, and its place in the new file (1-based).

    A mark is ``+``, ``-`` or space; a backslash where git says that the file ends without LF; "" where the line has none of
    these: then it is blank, or no line of a patch.
    """

    mark: str
    text: str
    line: int


@dataclass(frozen=True)
class Part:
    """A hunk of a file that may be quoted. ``language``: python, c (and its like) or requirements."""

    path: str
    language: str
    aside: bool  # an example, a script or private: nobody's interface
    context: str
    rows: tuple[Row, ...]

    def code(self, at: int) -> str:
        """The row's text without strings and comments: what can be counted on for brackets."""
        return self._code[at]

    @cached_property
    def _code(self) -> tuple[str, ...]:
        comment = _SLASH_COMMENT if self.language == "c" else _HASH_COMMENT
        return tuple(comment.sub("", _STRING.sub('""', row.text[:WIDEST])) for row in self.rows)

    def is_code(self, at: int) -> bool:
        """Whether a row was added or removed and is not blank, too wide to be quoted, a comment, or of a docstring that is
        seen to begin."""
        text = self.rows[at].text if self.rows[at].mark in ("+", "-") else ""
        pattern = _COMMENT_ROW["c" if self.language == "c" else "python"]
        return 0 < len(text) <= WIDEST and not (text.isspace() or self._prose[at] or pattern.match(text))

    @cached_property
    def _prose(self) -> tuple[bool, ...]:
        found, within = [], False
        for row in self.rows:
            quotes = row.text.count('"""') + row.text.count("'''") if self.language == "python" else 0
            found.append(within or quotes > 0)
            if quotes % 2 and row.mark != "-":
                within = not within
        return tuple(found)

    def whole(self, first: int, last: int) -> tuple[int, int] | None:
        """The rows from ``first`` to ``last`` grown to whole statements of both sides; None where LONGEST do not hold them."""
        for _ in range(LONGEST):
            grown = first, last
            for mark in "-+":
                if any(row.mark == mark for row in self.rows[first : last + 1]):
                    side = self._grown(first, last, mark)
                    if side is None:
                        return None
                    first, last = side
            if last - first >= LONGEST:
                return None
            if grown == (first, last):
                return grown
        return None

    def _grown(self, first: int, last: int, mark: str) -> tuple[int, int] | None:
        near = range(max(first - _NEAR, 0), min(last + _NEAR, len(self.rows)))
        side = [at for at in near if self.rows[at].mark in (" ", mark)]
        opened, closed = self._brackets(side)
        while True:
            before = first, last
            inside = [at for at in side if first <= at <= last]
            if not inside:
                return first, last
            for opens, closes in opened:
                if opens < first <= closes or opens <= last < closes or (opens < first and closes < 0):
                    first, last = min(first, opens), max(last, closes)
                if closes < 0 and first <= opens <= last:
                    return None
            if any(at >= first for at in closed):
                return None  # what closes there was opened above the hunk
            if self.code(last).rstrip().endswith(",") or self.code(first).lstrip()[:1] in _CLOSING:
                return None  # an entry of something that begins above the hunk, or ends below it
            first, last = self._continued(side, first, last)
            if last - first >= LONGEST:
                return None
            if before == (first, last):
                return first, last

    def _continued(self, side: Sequence[int], first: int, last: int) -> tuple[int, int]:
        """Rows that an operator at their end or at the next one's head ties together."""
        above = max((at for at in side if at < first), default=None)
        if above is not None and (_GOES_ON.match(self.code(first)) or _LEFT_OPEN.search(self.code(above))):
            first = above
        below = min((at for at in side if at > last), default=None)
        if below is not None and (_GOES_ON.match(self.code(below)) or _LEFT_OPEN.search(self.code(last))):
            last = below
        return first, last

    def _brackets(self, side: Sequence[int]) -> tuple[list[tuple[int, int]], list[int]]:
        """(row that opens, row that closes; -1 where none does) of brackets over several rows; rows that close unseen ones.

        Braces count in Python only: in C they hold whole bodies.
        """
        kinds = "([{" if self.language != "c" else "(["
        stack: list[tuple[str, int]] = []
        pairs: list[tuple[int, int]] = []
        unseen: list[int] = []
        for at in side:
            for character in self.code(at):
                if character in kinds:
                    stack.append((character, at))
                elif _PAIRS.get(character, " ") in kinds:
                    if stack and stack[-1][0] == _PAIRS[character]:
                        _, opens = stack.pop()
                        if opens != at:
                            pairs.append((opens, at))
                    else:
                        unseen.append(at)
        return [*pairs, *((at, -1) for _, at in stack)], unseen


@dataclass(frozen=True)
class Change:
    """All of a change that is read: ``parts`` may be quoted, ``added``, ``removed`` and ``kept`` are its lines, also of files
    that may not. ``hidden`` says that a good part of what was removed is not stored: what looks new may have been moved.
    ``is_tiny``: of code little more than a line was changed."""

    parts: tuple[Part, ...]
    added: frozenset[str]
    removed: frozenset[str]
    kept: frozenset[str]
    hidden: bool
    is_tiny: bool

    @cached_property
    def removed_text(self) -> str:
        return "\n".join(self.removed)

    @cached_property
    def added_text(self) -> str:
        return "\n".join(self.added)

    @cached_property
    def kept_text(self) -> str:
        return "\n".join(self.kept)

    def is_moved(self, row: Row) -> bool:
        """Whether the same line, white space apart, was added and removed."""
        line = plain(row.text)
        return bool(line) and line in (self.removed if row.mark == "+" else self.added)


def plain(text: str) -> str:
    """``text`` without white space: re-indented code is the same code."""
    return "".join(text.split())


def read(record: Record) -> Change:
    """The rows of a record's patches, within the caps."""
    parts: list[Part] = []
    lines: dict[str, set[str]] = {mark: set() for mark in (*_MARKS, "")}
    room, rows, removed = _CHANGE_CHARACTERS, _MOST_ROWS, 0
    for file in record.files[:_MOST_FILES]:
        kept = file.patch[: min(_FILE_CHARACTERS, room)]
        room -= len(kept)
        for part in _parts(file, kept):
            rows -= len(part.rows)
            if rows < 0:
                break
            for row in part.rows:
                lines[row.mark].add(plain(row.text))
                removed += row.mark == "-"
            if part.language:
                parts.append(part)
    deletions = sum(file.deletions for file in record.files)
    sets = {mark: frozenset(found - {""}) for mark, found in lines.items()}
    return Change(tuple(parts), sets["+"], sets["-"], sets[" "], deletions - removed > max(20, removed // 4), _is_tiny(record))


def _is_tiny(record: Record) -> bool:
    lines = sum(file.additions + file.deletions for file in record.files if _language(file.path))
    others = sum(file.additions + file.deletions for file in record.files if kind_of_path(file.path) == "code")
    return 0 < lines <= _TINY and others <= _TINY


def _parts(file: FileChange, patch: str) -> Iterator[Part]:
    found = hunks(patch)
    cut = file.truncated or len(patch) < len(file.patch)
    aside = bool(_ASIDE.search(file.path) or _PRIVATE.search(file.path))
    language = "" if file.status == "D" else _language(file.path)
    for at, hunk in enumerate(found):
        rows = tuple(_rows(hunk.text, hunk.start))
        if cut and at == len(found) - 1:
            rows = rows[:-1]  # the cap may have cut it
        yield Part(file.path, language, aside, hunk.context, rows)


def _rows(text: str, line: int) -> Iterator[Row]:
    for row in text.split("\n"):
        mark = row[:1] if row[:1] in _MARKS else ""
        yield Row(mark, row[len(mark) :], line)
        line += mark in ("+", " ", "")


def _language(path: str) -> str:
    """What of the file may be quoted; "" for tests, documents, generated files and data."""
    if _REQUIREMENTS.search(path):
        return "requirements"
    if kind_of_path(path) != "code" or _MADE.search(path) or _MEASURES.search(path):
        return ""
    return "python" if _PYTHON.search(path) else "c" if _C_LIKE.search(path) else ""
