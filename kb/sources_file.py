"""A source added to ``kb.toml``: drafted and checked by the same code as the file itself, then put in its place at once.

Comments, order and everything else in the file stay as they are.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Item, Table

from kb.config import Config, parse_config
from kb.errors import ConfigError
from kb.plugins import build_sources

_mutex = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """``kb.toml`` as it would be with one source more. ``table`` is that source's part of it, as TOML; ``name`` is what the
    ledger will call it. ``before`` and ``after`` are the whole file."""

    config: Config
    name: str
    table: str
    before: bytes
    after: bytes

    @property
    def path(self) -> Path:
        return self.config.path


def drafted(path: Path, values: Mapping[str, Any], *, data_dir: Path) -> Draft:
    """The file ``path`` with the table ``values`` added to its sources; nothing is written.

    Raises:
        ConfigError: the file cannot be read, or would not be valid: a wrong key or value (named), or a name that is taken.
    """
    before = _read(path)
    snippet = _snippet(values)
    after = _with_source(before, values, snippet, path)
    config = parse_config(after, path)
    sources = build_sources(config, data_dir)
    return Draft(config=config, name=sources[-1].name, table=snippet, before=before, after=after)


def add(draft: Draft) -> None:
    """Put a draft in the place of the file that it was made from; the file's mode stays.

    Raises:
        ConfigError: the file has changed since, or cannot be written; it is as it was.
    """
    place = draft.path.resolve()  # a link stays one
    with _mutex:
        if _read(draft.path) != draft.before:
            raise ConfigError(f"{draft.path}: it was changed meanwhile", remedy="check the source again, then add it")
        try:
            _replace(place, draft.after)
        except OSError as error:
            raise ConfigError(
                f"{draft.path}: cannot be written: {error.strerror}", remedy="add the table to the file by hand"
            ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _replace(place: Path, content: bytes) -> None:
    before = place.stat()
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, stat.S_IMODE(before.st_mode))
        with contextlib.suppress(OSError):  # only root may give a file away
            os.chown(name, before.st_uid, before.st_gid)
        os.replace(name, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


# --- the text of the file --------------------------------------------------------------------------------------------------


def _with_source(before: bytes, values: Mapping[str, Any], snippet: str, path: Path) -> bytes:
    """The file with the table among its sources, or else at its end; whichever says what was there and this, and no more."""
    text = before.decode("utf-8-sig", "replace")
    wanted = tomllib.loads(text) if _is_toml(text) else None
    if wanted is None:
        parse_config(before, path)  # says what is wrong
        raise ConfigError(f"{path}: not valid TOML")
    wanted["sources"] = [*wanted.get("sources", []), dict(values)]
    ways: tuple[Callable[[], str], ...] = (lambda: _among(text, values), lambda: _at_end(text, snippet))
    for way in ways:
        with contextlib.suppress(TOMLKitError, ValueError, TypeError, KeyError):
            after = way()
            if tomllib.loads(after) == wanted and _only_adds(text, after):
                return _as(before, after)
    raise ConfigError(f"{path}: its sources cannot be added to by a program", remedy="add the table to the file by hand")


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _only_adds(before: str, after: str) -> bool:
    """Whether ``after`` is ``before`` with one piece put in: a document with tables out of order comes back in another one."""
    return _shared(before, after) + _shared(before[::-1], after[::-1]) >= len(before)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _as(before: bytes, after: str) -> bytes:
    """``after`` with the mark and the line ends that the file has."""
    lines = after.replace("\r\n", "\n")
    encoded = (lines.replace("\n", "\r\n") if b"\r\n" in before else lines).encode()
    return b"\xef\xbb\xbf" + encoded if before.startswith(b"\xef\xbb\xbf") else encoded


def _snippet(values: Mapping[str, Any]) -> str:
    table = tomlkit.aot()
    table.append(_table(values))
    document = tomlkit.document()
    document.append("sources", table)
    return tomlkit.dumps(document).strip() + "\n"


def _table(values: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, value)
    return table


def _at_end(text: str, snippet: str) -> str:
    between = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{between}{snippet}"


def _among(text: str, values: Mapping[str, Any]) -> str:
    """The table behind the last of the sources; comments that stand behind that one stay in front of what follows it."""
    document = tomlkit.parse(text)
    sources = document.get("sources")
    if isinstance(sources, Array):
        sources.append({**values})
        return tomlkit.dumps(document)
    if not isinstance(sources, AoT) or not len(sources):
        raise ValueError("no tables of sources")
    new = _table(values)
    last = sources.body[-1].value
    trailing = list(_taken_from_end(last))
    last.append(None, tomlkit.nl())
    for item in reversed(trailing):
        new.value.append(None, item)
    sources.append(new)
    return tomlkit.dumps(document)


def _taken_from_end(body: Container) -> Iterator[Item]:
    """Take the comments and blank lines at the end of a table out of it, last first."""
    while body.body and body.body[-1][0] is None:
        yield body.body.pop()[1]
