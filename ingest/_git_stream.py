"""Parses the byte stream of one ``git log --raw -z -p`` into commits, keeping a capped part of every patch.

Nothing here grows with a commit's patch: lines are counted and cut as they pass. Two facts carry the parser. Records start and
heads end with a random nonce, because a message can hold any byte and a patch can hold NUL. And in a patch every line of
content starts with a space, ``+``, ``-`` or ``\\``, so ``diff --git`` at a line's start is always a new section; sections
come in the order of the ``--raw`` entries, one each, but two for a change of type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kb.types import FileChange

FILE_CAP = 8 * 1024
COMMIT_CAP = 40 * 1024
MESSAGE_CAP = 64 * 1024
FIELDS = ("%H", "%an", "%at", "%cn", "%ct", "%s", "%b")
SUBMODULE = b"160000"
LINE_LIMIT = 64 * 1024

_SECTION = b"\ndiff --git "
_HUNK = b"\n@@ "
_BINARY = b"\nBinary files "
_WHOLE = re.compile(rb"\n@@ -(?:0,0 \+1(?:,(?P<new>\d+))?|1(?:,(?P<old>\d+))? \+0,0) @@")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHORT = 256
_UNSAFE_ASCII = bytes(range(9)) + bytes(range(11, 32)) + b"\x7f"


@dataclass(frozen=True, slots=True)
class Nonce:
    """Separators that no repository can foresee: ``start`` opens a record, ``end`` closes its head."""

    value: str

    @property
    def start(self) -> bytes:
        return f"<{self.value}>".encode()

    @property
    def end(self) -> bytes:
        return f"\0</{self.value}>".encode()

    @property
    def format(self) -> str:
        """The ``--format`` that makes git write records this parser reads."""
        return f"--format=tformat:<{self.value}>" + "%x00".join(FIELDS) + f"%x00</{self.value}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCommit:
    """One commit as git printed it; dates are epoch seconds as text, ``files`` without patches where none were asked for."""

    sha: str
    author: str
    authored: str
    committer: str
    committed: str
    subject: str
    body: str
    body_cut: bool = False
    submodule: bool = False
    files: tuple[FileChange, ...] = ()
    patch_size: int = 0


def clean(raw: bytes) -> str:
    """Text without surrogates and without control characters other than tab and newline; CRLF becomes LF."""
    if not raw:
        return ""
    if len(raw) < _SHORT and raw.isascii() and (text := raw.decode("ascii")).isprintable():
        return text
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
    if raw.isascii() and len(raw.translate(None, _UNSAFE_ASCII)) == len(raw):
        return raw.decode("ascii")
    return _UNSAFE.sub("\ufffd", raw.decode("utf-8", "replace"))


def parse(
    chunks: Iterable[bytes], nonce: Nonce, *, file_cap: int = FILE_CAP, commit_cap: int = COMMIT_CAP
) -> Iterator[RawCommit]:
    """Commits in the order of the stream; the last one is incomplete where git died, which its exit code says."""
    parser = _Parser(nonce, file_cap, commit_cap)
    for chunk in chunks:
        yield from parser.feed(chunk)
    yield from parser.close()


@dataclass(slots=True)
class _File:
    """A file of the commit being read: its ``--raw`` entry, and what its sections of the patch have shown so far."""

    path: bytes
    old_path: bytes
    status: str
    submodule: bool
    additions: int = 0
    deletions: int = 0
    kept: bytes = b""
    binary: bool = False
    truncated: bool = False

    def change(self) -> FileChange:
        kept = self.kept
        if self.truncated:
            kept = kept[: max(kept.rfind(b"\n"), 0)]
        return FileChange(
            path=clean(self.path),
            old_path=clean(self.old_path),
            status=self.status,
            additions=self.additions,
            deletions=self.deletions,
            binary=self.binary,
            patch=clean(kept[1:].removesuffix(b"\r")),
            truncated=self.truncated,
        )


class _Parser:
    """Push parser; ``_state`` is the method that reads what comes next and returns False when it needs more bytes."""

    def __init__(self, nonce: Nonce, file_cap: int, commit_cap: int) -> None:
        self._start, self._end = nonce.start, nonce.end
        self._file_cap, self._commit_cap = file_cap, commit_cap
        self._buffer = b""
        self._done: list[RawCommit] = []
        self._state = self._seek
        self._head = b""
        self._reset()

    def feed(self, chunk: bytes) -> list[RawCommit]:
        """Commits that this chunk completed."""
        self._buffer += chunk
        while self._state():
            pass
        done, self._done = self._done, []
        return done

    def close(self) -> list[RawCommit]:
        """The commit that the end of the stream completes, or cuts off."""
        if self._state == self._raw:
            self._entries(self._buffer)
        elif self._state == self._patch:
            self._sections(self._buffer, len(self._buffer.removesuffix(b"\n")))
        if self._state in (self._after, self._raw, self._patch):
            self._emit()
        done, self._done, self._state = self._done, [], self._seek
        return done

    def _reset(self) -> None:
        self._scanned = 0
        self._files: list[_File] = []
        self._owners: list[_File] = []
        self._section = -1
        self._file: _File | None = None
        self._in_body = False
        self._count = True
        self._room = self._commit_cap

    def _seek(self) -> bool:
        at = self._buffer.find(self._start)
        if at < 0:
            self._buffer = self._buffer[-len(self._start) :]
            return False
        self._buffer = self._buffer[at + len(self._start) :]
        self._head = b""
        self._state = self._read_head
        return True

    def _read_head(self) -> bool:
        at = self._buffer.find(self._end)
        keep = at if at >= 0 else len(self._buffer) - len(self._end)
        if at < 0 and keep < MESSAGE_CAP:
            return False
        self._head += self._buffer[: min(keep, MESSAGE_CAP + 1024 - len(self._head))]
        self._buffer = self._buffer[keep if at < 0 else at + len(self._end) :]
        if at < 0:
            return False
        self._state = self._after
        return True

    def _after(self) -> bool:
        if len(self._buffer) < 2:
            return False
        changed = self._buffer[1:2] == b"\n"
        self._buffer = self._buffer[2:] if changed else self._buffer[1:]
        if changed:
            self._state = self._raw
        else:
            self._emit()
        return True

    def _raw(self) -> bool:
        patch = self._buffer.find(b"\0\0", self._scanned)
        other = self._buffer.find(b"\0" + self._start, self._scanned)
        found = [at for at in (patch, other) if at >= 0]
        if not found:
            self._scanned = max(0, len(self._buffer) - len(self._start) - 1)
            return False
        at = min(found)
        self._entries(self._buffer[:at])
        if at == patch:
            self._buffer = b"\n" + self._buffer[at + 2 :]
            self._state = self._patch
        else:
            self._buffer = self._buffer[at + 1 :]
            self._emit()
        return True

    def _entries(self, raw: bytes) -> None:
        parts = iter(raw.split(b"\0"))
        for entry in parts:
            status = chr(entry[entry.rfind(b" ") + 1]) if entry.count(b" ") == 4 and entry[-1:] != b" " else ""
            if not status or not entry.startswith(b":"):
                continue
            path = next(parts, b"")
            old_path = b""
            if status in "RC":
                old_path, path = path, next(parts, b"")
            file = _File(path, old_path, status, SUBMODULE in entry[:14])
            self._files.append(file)
            self._owners.extend((file, file) if status == "T" else (file,))

    def _patch(self) -> bool:
        buffer = self._buffer
        end = buffer.find(self._start)
        if end >= 0:
            self._sections(buffer, end - 1)
            self._buffer = buffer[end:]
            self._emit()
            return True
        cut = buffer.rfind(b"\n")
        if cut <= 0:
            if len(buffer) < LINE_LIMIT:
                return False
            cut = len(buffer) - len(self._start)
        self._sections(buffer, cut)
        self._buffer = buffer[cut:]
        return False

    def _sections(self, region: bytes, end: int) -> None:
        """Reads ``region`` up to ``end``: whole lines, each with the newline before it: to count ``\\n+`` is to count lines."""
        at = 0
        while at >= 0:
            section = region.find(_SECTION, at, end)
            stop = end if section < 0 else section
            if stop > at and self._file is not None:
                self._lines(self._file, region, at, stop)
            if section < 0:
                return
            self._section += 1
            self._file = self._owners[self._section] if self._section < len(self._owners) else None
            self._in_body = False
            at = section + len(_SECTION)

    def _lines(self, file: _File, region: bytes, at: int, stop: int) -> None:
        if not self._in_body:
            hunk = region.find(_HUNK, at, stop)
            if hunk < 0:
                file.binary = file.binary or region.find(_BINARY, at, stop) >= 0
                return
            self._in_body, at = True, hunk
            self._count = not self._whole(file, region, at)
        if self._count:
            file.additions += region.count(b"\n+", at, stop)
            file.deletions += region.count(b"\n-", at, stop)
        if file.truncated:
            return
        room = min(self._file_cap - len(file.kept), self._room)
        file.truncated = stop - at > room
        piece = region[at : min(stop, at + room)]
        file.kept += piece
        self._room -= len(piece)

    @staticmethod
    def _whole(file: _File, region: bytes, at: int) -> bool:
        """True where the hunk header tells the counts, because all of one side is empty: half of the bytes of a history."""
        match = _WHOLE.match(region, at)
        if match is None:
            return False
        if region.startswith(b"\n@@ -0,0 ", at):
            file.additions += int(match["new"] or 1)
        else:
            file.deletions += int(match["old"] or 1)
        return True

    def _emit(self) -> None:
        fields = self._head.split(b"\0", len(FIELDS) - 1)
        fields += [b""] * (len(FIELDS) - len(fields))
        sha, author, authored, committer, committed, subject, body = map(clean, fields)
        files = tuple(file.change() for file in self._files)
        self._done.append(
            RawCommit(
                sha=sha,
                author=author,
                authored=authored,
                committer=committer,
                committed=committed,
                subject=subject,
                body=body.strip("\n"),
                body_cut=len(self._head) > MESSAGE_CAP,
                submodule=any(file.submodule for file in self._files),
                files=files,
                patch_size=self._commit_cap - self._room,
            )
        )
        self._reset()
        self._state = self._seek
