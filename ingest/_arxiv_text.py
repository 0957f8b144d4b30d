"""The full text of papers by page, from their PDFs: fetched politely, read in a process of its own, kept on disk as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest._arxiv_server import AnswerError, PassingError, Server, UnavailableError, gist

VERSION = 1  # of the files and of how text is taken out: others are not used
_PROGRAM = Path(__file__).with_name("_arxiv_pages.py")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``size``: bytes of a PDF. ``pages``, and ``characters`` of each: what is kept. ``seconds``, ``megabytes``: to read it."""

    size: int = 50_000_000
    pages: int = 60
    characters: int = 20_000
    seconds: int = 60
    megabytes: int = 1024


@dataclass(frozen=True, kw_only=True)
class Text:
    """``pages`` are (number, text), those that hold any; ``cut``: there was more. ``error``: why there is none."""

    pages: tuple[tuple[int, str], ...] = ()
    cut: bool = False
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Library:
    """Texts by name (id and version), each fetched once. ``folder`` is made when it is needed."""

    server: Server
    folder: Path
    limits: Limits = Limits()

    def text(self, name: str, link: str) -> Text:
        """The text of the PDF that ``link`` names, or why there is none.

        Raises:
            UnavailableError: the server does not give it now. What breaks off in two runs is taken to be the paper's own fault.
            OSError: it cannot be kept.
        """
        place = self.folder / f"{name.replace('/', '-')}.json"
        kept = _loaded(place)
        if kept is not None and kept != _BROKE_OFF:
            return kept
        try:
            pdf = self.server.get(self.server.own_url(link), _checked, most=self.limits.size)
        except UnavailableError as error:
            if error.told:
                raise
            if kept is None:
                self._keep(place, _BROKE_OFF)
                raise
            return _BROKE_OFF
        except AnswerError as error:
            return Text(error=error.reason)
        found = extracted(pdf, self.limits)
        if found != _NOT_READ:
            self._keep(place, found)
        return found

    def _keep(self, place: Path, text: Text) -> None:
        """Write it, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        part.write_text(json.dumps({"v": VERSION, **asdict(text)}), encoding="utf-8")
        os.replace(part, place)


_BROKE_OFF = Text(error="its transfer broke off")
_NOT_READ = Text(error="the program that reads PDFs does not work")


def extracted(pdf: bytes, limits: Limits) -> Text:
    """The text of a PDF, which may be anything."""
    numbers = (limits.seconds, limits.megabytes, limits.pages, limits.characters)
    command = [sys.executable, "-I", str(_PROGRAM), *map(str, numbers)]
    try:
        # In a session of its own: an interrupt at the terminal must not look like a fault of the paper.
        done = subprocess.run(
            command,
            input=pdf,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.seconds * 2,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return Text(error=f"reading it took more than {limits.seconds * 2} seconds")
    if done.returncode < 0:
        return Text(error=f"reading it took more than {limits.seconds} seconds")
    if done.returncode:
        return _NOT_READ
    values = json.loads(done.stdout)
    if "error" in values:
        return Text(error=f"it cannot be read ({values['error']})")
    if not values["pages"]:
        return Text(error="it holds no text")
    return Text(pages=tuple((number, text) for number, text in values["pages"]), cut=values["cut"])


def _checked(body: bytes) -> bytes:
    if b"%PDF-" not in body[:1024]:
        raise PassingError(f"no PDF but {gist(body) or 'an empty answer'}")
    return body


def _loaded(place: Path) -> Text | None:
    try:
        values = json.loads(place.read_text(encoding="utf-8"))
        if values.pop("v") != VERSION:
            return None
        pages = tuple((int(number), str(text)) for number, text in values["pages"])
        return Text(pages=pages, cut=bool(values["cut"]), error=str(values["error"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
