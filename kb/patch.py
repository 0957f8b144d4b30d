"""Unified patches, read back into hunks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.types import Hunk

_HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)")


def hunks(patch: str) -> tuple[Hunk, ...]:
    """The hunks of one file's patch, in order; a patch that was cut off gives what is there of its last hunk.

    ``Hunk.start`` is the hunk's first line in the new file (0 where the new file is empty), ``Hunk.context`` what git wrote
    behind the second ``@@``, ``Hunk.text`` the lines below the header, with their ``+``, ``-`` or space, joined by LF. Lines
    before the first header belong to no hunk.
    """
    return tuple(_hunks(patch))


def _hunks(patch: str) -> Iterator[Hunk]:
    header: re.Match[str] | None = None
    lines: list[str] = []
    # Only LF ends a line of a patch: splitlines() would also split at what a line may hold (form feed, U+2028, …).
    for line in patch.removesuffix("\n").split("\n"):
        match = _HEADER.match(line)
        if match is None:
            lines.append(line)
            continue
        if header is not None:
            yield Hunk(int(header[1]), header[2].strip(), "\n".join(lines))
        header, lines = match, []
    if header is not None:
        yield Hunk(int(header[1]), header[2].strip(), "\n".join(lines))
