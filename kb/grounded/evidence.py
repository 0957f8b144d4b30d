"""What a model is shown, and what its sentences are held against: records, cleaned, under opaque keys. Pure.

What stands in comments of a page, in boilerplate, or speaks to a machine is not shown, and nothing may rest on it either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kb.facts import plain
from kb.glossary import terms
from kb.safe import TO_A_MACHINE, one_line, printable
from kb.telling import key_files
from kb.text import mask
from kb.types import Evidence, FileChange, Quote, Record

LONGEST_TITLE = 300
LEAST_ROOM = 200  # tokens below which no evidence is worth asking about

_READ = 20_000  # characters of a body or a patch
_MOST_FILES = 20
_MOST_PATCHES = 4
_MOST_TERMS = 20
_SHORTEST_TERM = 6  # letters of a single word
_LONGEST_ROW = 240  # characters of a line of a patch
_FOR_FILES, _FOR_PATCHES = 0.12, 0.4  # of the room

_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_KINDS = {"pull": "pull request", "model": "model on a hub", "post": "post of a blog"}
_SEPARATORS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[a-z][a-z-]+")


@dataclass(frozen=True)
class Case:
    """What a model is asked about: ``kind`` says what it is, ``text`` is the evidence written out.

    ``keys`` maps the keys that the model sees to citation keys, ``shown`` these to the evidence as the model sees it.
    """

    kind: str
    text: str
    keys: Mapping[str, str]
    shown: Mapping[str, Evidence]


def tokens_of(text: str) -> int:
    """About how many tokens a text has, rather too many than too few: code and Chinese take more than English prose."""
    plain_characters = sum(map(str.isascii, text))
    return plain_characters // 3 + (len(text) - plain_characters) + 1


def cleaned(record: Record) -> Record:
    """The record without what no reader of its page sees, and without what speaks to a machine: paragraphs of its text, names,
    files, lines of its patches."""
    return replace(
        record,
        title=one_line(record.title),
        body=without_orders(mask(printable(record.body[:_READ]))),
        author="" if is_order(record.author) else record.author,
        labels=tuple(label for label in record.labels if not is_order(label)),
        files=tuple(_clean_file(file) for file in record.files if not _is_named_so(file.path)),
    )


def without_orders(text: str) -> str:
    """A text without its paragraphs that speak to a machine, and without empty lines within the others."""
    return "\n\n".join(_without_gaps(part) for part in _PARAGRAPHS.split(text) if part.strip() and not is_order(part))


def speaks_to_a_machine(record: Record) -> bool:
    """Whether its title does; such a record is not put to one."""
    return is_order(record.title)


def is_order(text: str) -> bool:
    """Whether a text speaks to a machine instead of people."""
    return bool(text) and bool(TO_A_MACHINE.search(plain(text)))


def _is_named_so(path: str) -> bool:
    return any(is_order(_SEPARATORS.sub(" ", part)) for part in path.split("/"))


def _clean_file(file: FileChange) -> FileChange:
    if not is_order(file.patch):
        return file
    return replace(file, patch="".join(row for row in file.patch.splitlines(keepends=True) if not is_order(row)))


def kind_of(record: Record) -> str:
    """What kind of record it is, in words, with the state of a thread."""
    name = _KINDS.get(record.kind, record.kind)
    return f"{name}, {record.state}" if record.kind in ("pull", "issue") and record.state else name


def written_out(label: str, record: Record, room: int, *, hunk: Quote | None = None, lead: Sequence[str] = ()) -> str:
    """A record under its key within about ``room`` tokens: what it is, its title, ``lead``, then of its body, its files and
    its patches as much as there is room for; ``hunk`` before the other patches."""
    lines = [f"[{label}] {kind_of(record)}", f"Title: {one_line(record.title, limit=LONGEST_TITLE)}", *lead]
    if record.labels:
        lines.append(f"Labels: {one_line(', '.join(record.labels), limit=LONGEST_TITLE)}")
    files = _fit((_file_row(file) for file in key_files(record.files, _MOST_FILES)), int(room * _FOR_FILES))
    patches = _fit(_patch_rows(record.files, hunk), int(room * _FOR_PATCHES))
    rest = room - tokens_of("\n".join([*lines, *files, *patches]))
    body = _fit(record.body.split("\n"), rest)
    lines += ["Text:", *body] if body else []
    lines += ["Key files:", *files] if files else []
    return "\n".join([*lines, *(["Parts of the patch:", *patches] if patches else [])])


def _without_gaps(paragraph: str) -> str:
    return "\n".join(line.rstrip() for line in paragraph.split("\n") if line.strip())


def _file_row(file: FileChange) -> str:
    size = "binary" if file.binary else f"+{file.additions}/-{file.deletions}"
    return f"- {one_line(file.path)} ({size})"


def _patch_rows(files: Sequence[FileChange], hunk: Quote | None) -> Iterable[str]:
    if hunk:
        yield f"--- {one_line(hunk.path)}"
        yield from hunk.text.split("\n")
    for file in key_files(files, _MOST_PATCHES):
        if file.patch and not (hunk and file.path == hunk.path):
            yield f"--- {one_line(file.path)}"
            yield from (printable(row)[:_LONGEST_ROW] for row in file.patch[:_READ].split("\n"))


def _fit(lines: Iterable[str], room: int) -> list[str]:
    """The first lines that fit into so many tokens."""
    kept: list[str] = []
    for line in lines:
        room -= tokens_of(line)
        if room < 0:
            break
        kept.append(line)
    return kept


# --- the words to use in Chinese ---------------------------------------------------------------------------------------------


def glossary(text: str) -> dict[str, str]:
    """The English terms of a text that the glossary has, with the Chinese word to use for each: phrases, then long words.

    Short words have too many meanings to prescribe one.
    """
    words = _WORD.findall(text.lower())
    said = f" {' '.join(words)} "
    found: dict[str, str] = {}
    for chinese, english in terms().items():
        for term in _forms(english):
            if f" {term} " in said and (" " in term or len(term) >= _SHORTEST_TERM):
                found.setdefault(term, chinese)
    chosen = sorted(found, key=lambda term: (-len(term.split()), -len(term), term))[:_MOST_TERMS]
    return {term: found[term] for term in chosen}


def _forms(english: str) -> list[str]:
    """The glossary's right side as one phrase; as several words where they are forms of one."""
    words = english.split()
    return words if len(words) > 1 and len({word[:4] for word in words}) == 1 else [english] if english else []
