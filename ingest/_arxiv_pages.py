"""A program of its own: the text of a PDF by page, as JSON. It takes a PDF on stdin, and four numbers (see ``_main``).

A PDF from outside may be made to eat all memory or to never end, and only a process can be held to limits. This one imports
nothing of infra-kb, so that it starts fast and runs from its file.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping

import pypdf

if sys.platform != "win32":
    import resource


def text(pdf: bytes, *, pages: int, characters: int) -> Mapping[str, object]:
    """{"pages": [[number, text], …], "cut": whether there was more}, of the first ``pages`` pages and so much of each.

    Pages without text are left out. What cannot be read as a whole is {"error": why}.

    Raises:
        MemoryError: it takes too much.
    """
    try:
        reader = pypdf.PdfReader(io.BytesIO(pdf))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"error": "it is encrypted"}
        found = list(_pages(reader, min(len(reader.pages), pages)))
        more = len(reader.pages) > pages
    except MemoryError:
        raise
    except Exception as error:  # pypdf raises whatever a broken file leads to
        return {"error": f"{type(error).__name__}: {error}".removesuffix(": ")[:200]}
    if found and all(text is None for _, text in found):
        return {"error": "no page of it can"}
    cut = more or any(text is None or len(text) > characters for _, text in found)
    return {"pages": [[number, text[:characters]] for number, text in found if text], "cut": cut}


def _pages(reader: pypdf.PdfReader, count: int) -> Iterator[tuple[int, str | None]]:
    """(number, text), None for a page that cannot be read."""
    for number in range(count):
        try:
            yield number + 1, reader.pages[number].extract_text().strip()
        except MemoryError:
            raise
        except Exception:
            yield number + 1, None


def _main(seconds: int, megabytes: int, pages: int, characters: int) -> None:
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    logging.disable()  # pypdf tells everything that it mends
    try:
        answer = text(sys.stdin.buffer.read(), pages=pages, characters=characters)
    except MemoryError:
        answer = {"error": f"it takes more than {megabytes} MB of memory"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
