"""Keeps what a model thinks aloud apart from what it answers, piece by piece as the text comes in. Pure."""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)(think|thinking|thought)>", re.IGNORECASE)
_TAGS = tuple(f"<{slash}{name}>" for slash in ("", "/") for name in ("think", "thinking", "thought"))
_JSON = ("{", "[", "`")  # how it begins; the last where it stands in a fence


class Spoken:
    """The answer so far, without thoughts: what ``<think>…</think>`` holds, and all before a ``</think>`` that nothing opens.

    Joined, what ``hear`` and ``end`` give back is ``text``, with no blanks around it, however the answer was cut into pieces.
    Only what comes before a ``</think>`` that nothing opens (a prompt may have opened it) has been given back by then; ``text``
    is without it. ``json``: the answer should be JSON, so nothing is given back before that begins, and tags in it are text.
    """

    def __init__(self, *, json: bool = False) -> None:
        self._awaited = json
        self._verbatim = False
        self._open = ""  # the name of the tag that is open
        self._unsettled = ""  # what may be the beginning of a tag
        self._kept: list[str] = []  # while JSON is awaited: what is told at the end, if it turns out to be no thought
        self._blanks = ""
        self._said: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._said)

    def hear(self, piece: str) -> str:
        """What of the answer is settled by ``piece``; "" for nothing."""
        if self._verbatim:
            return self._say(piece)
        raw, self._unsettled, at = self._unsettled + piece, "", 0
        said: list[str] = []
        for tag in _TAG.finditer(raw):
            if self._begins(raw[at : tag.start()]):
                return self._say(raw[at:])
            said.append(self._outside(raw[at : tag.start()]))
            if self._ends_thoughts(tag):
                said.clear()
            at = tag.end()
        end = _settled(raw, at)
        if self._begins(raw[at:end]):
            return self._say(raw[at:])
        self._unsettled = raw[end:]
        return self._say("".join([*said, self._outside(raw[at:end])]))

    def end(self) -> str:
        """What is left once the answer has ended: what was taken for the beginning of a tag or of JSON."""
        left = "" if self._open else self._unsettled
        said = self._say("".join([*self._kept, left]))
        self._kept, self._unsettled = [], ""
        return said

    def _ends_thoughts(self, tag: re.Match[str]) -> bool:
        """Open or close what ``tag`` does; whether it shows that everything before it was thought."""
        closes, name = bool(tag[1]), tag[2].lower()
        if self._open:
            self._open = "" if closes and name == self._open else self._open
        elif closes:
            self._said, self._kept, self._blanks = [], [], ""
            return True
        else:
            self._open = name
        return False

    def _begins(self, text: str) -> bool:
        """Whether the JSON that is awaited begins with ``text``, which holds no tag."""
        possible = self._awaited and not self._open and not self._kept
        self._verbatim = possible and text.lstrip().startswith(_JSON)
        return self._verbatim

    def _outside(self, text: str) -> str:
        """What may be told at once of ``text``, which holds no tag."""
        if self._open:
            return ""
        if not self._awaited:
            return text
        if self._kept or text.strip():
            self._kept.append(text)
        return ""

    def _say(self, text: str) -> str:
        text = self._blanks + text if self._said else text.lstrip()
        settled = text.rstrip()
        self._blanks = text[len(settled) :] if self._said or settled else ""
        if settled:
            self._said.append(settled)
        return settled


def _settled(raw: str, at: int) -> int:
    """Up to where no tag can begin any more."""
    last = raw.rfind("<", at)
    return last if last >= 0 and any(tag.startswith(raw[last:].lower()) for tag in _TAGS) else len(raw)
