"""Records to cards: the short texts that are embedded. Pure.

Measured on 5,227 commits and 145 questions: a message card and two diff cards rank as well as six cards a commit, and a
card of file names adds nothing that the lexical index of paths has not; so a card has to earn its embedding.
"""

from __future__ import annotations

import re

from kb.text import changed_lines, clean
from kb.types import Card, FileChange, Record

CARD_VERSION = 1
PARTS = ("m0", "m1", "d0", "d1")

_MESSAGE = 900  # characters: about 220 word pieces, within the model's 256
_OVERLAP = 50
_TITLE = 300  # of the title before the second half of a message; a title may be of any length
_DIFF = 480
_LINES = 120  # lines of a patch looked at for a card: enough to fill it, little of a huge one

_MINOR_PATH = re.compile(
    r"(^|/)(tests?|benchmarks?|docs?|examples?|\.github|ci|3rdparty|third_party|vendor)/|(^|/)test_[^/]*$|"
    r"\.(md|rst|txt|lock|json|ya?ml|toml|svg|csv)$",
    re.I,
)


def cards(record: Record) -> list[Card]:
    """Cards of a record, one to four: its message in one or two, and its two most significant files."""
    message = f"{record.title}\n{clean(record.body)}".strip()
    found = [Card(record.id, "m0", message[:_MESSAGE])]
    if len(message) > _MESSAGE:
        rest = message[_MESSAGE - _OVERLAP : 2 * _MESSAGE - _OVERLAP]
        found.append(Card(record.id, "m1", f"{record.title[:_TITLE]}\n{rest}"))
    for number, file in enumerate(significant_files(record.files)[:2]):
        found.append(Card(record.id, f"d{number}", _diff_text(file)))
    return found


def significant_files(files: tuple[FileChange, ...]) -> list[FileChange]:
    """Files with a patch, those that tell most first: code before tests and documents, then the larger change."""
    return sorted(
        (file for file in files if file.patch),
        key=lambda file: (bool(_MINOR_PATH.search(file.path)), -(file.additions + file.deletions), file.path),
    )


def _diff_text(file: FileChange) -> str:
    lines: list[str] = []
    room = _DIFF - len(file.path)
    for number, line in enumerate(changed_lines(file.patch)):
        text = " ".join(line.split())
        if text:
            lines.append(text)
            room -= len(text) + 1
        if room <= 0 or number > _LINES:
            break
    return f"{file.path}\n{' '.join(lines)}"[:_DIFF]
