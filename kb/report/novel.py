"""What names a change brings: those of its patches' added lines that no other line of them has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from kb.types import FileChange

_MOST_CHARACTERS = 200_000
_SPAN = re.compile(r"`([^`]{3,120})`")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{3,}")


@dataclass(frozen=True)
class Novelty:
    """What a change's files tell of its names; what is read of their patches is capped."""

    files: tuple[FileChange, ...]

    @cached_property
    def _lines(self) -> tuple[str, str]:
        """The added lines, and the others."""
        added: list[str] = []
        other: list[str] = []
        room = _MOST_CHARACTERS
        for file in self.files:
            for line in file.patch[:room].split("\n"):
                (added if line.startswith("+") else other).append(line)
            room = max(room - len(file.patch), 0)
        return "\n".join(added), "\n".join(other)

    def names(self, text: str) -> bool:
        """Whether ``text`` speaks of something, in backticks, that was not there before."""
        return any(self._is_new(name) for name in _names(text))

    def _is_new(self, name: str) -> bool:
        added, other = self._lines
        word = re.compile(rf"(?<!\w){name}(?!\w)")
        return name in added and bool(word.search(added)) and not word.search(other)


def _names(text: str) -> Iterable[str]:
    return (name for span in _SPAN.findall(text) for name in _NAME.findall(span))
