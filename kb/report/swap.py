"""Files of one folder, replaced together: whatever ends the run, the folder comes to hold all the old or all the new ones."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from kb.errors import ReportError

_JOURNAL = ".kb-swap.json"  # name -> the complete file that is to take its place, or null: the name is to go
_NEW, _OLD = ".kb-new", ".kb-old"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_FOLDER = (errno.ENOTDIR, errno.EEXIST)


def is_regular(path: Path) -> bool:
    """Whether there is a file of this name, and no link, folder or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def read(path: Path) -> bytes | None:
    """The content of a regular file; None where there is none."""
    return path.read_bytes() if is_regular(path) else None


def replace_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put ``files`` (name -> content) into ``folder``; a file that is there is replaced, never written into.

    Raises:
        OSError: something could not be written, and the old files are as they were; or, where not even that could be seen to,
            the next ``finish`` sees to it that all are old or all are new.
    """
    if not files:
        return
    old = {name: read(folder / name) for name in files}
    try:
        plan = _prepare(folder, files, _NEW)
    except OSError:
        _drop_waiting(folder)
        raise
    done: list[str] = []
    try:
        _carry_out(folder, plan, done)
    except OSError:
        with contextlib.suppress(OSError):
            _carry_out(folder, _prepare(folder, {name: old[name] for name in done}, _OLD), [])
        raise


def finish(folder: Path) -> None:
    """Bring to an end what a killed run began: what it had complete goes to its place, the rest is dropped.

    Raises:
        OSError: it could not be done.
    """
    journal = read(folder / _JOURNAL)
    if journal is not None:
        _carry_out(folder, _plan(journal), [])
    _drop_waiting(folder)


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """An OSError within becomes a ReportError that names the path and says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or folder
        remedy = "choose a folder that you may write in, with --out or [report] out"
        if error.errno in _FULL:
            remedy = "make room there; the reports are as they were"
        elif error.errno in _NO_FOLDER:
            remedy = "name a folder, with --out or [report] out"
        raise ReportError(f"{where}: {error.strerror or error}", remedy=remedy) from error


def _prepare(folder: Path, files: Mapping[str, bytes | None], suffix: str) -> dict[str, str | None]:
    """Write each file beside its place, and then the journal: from there on the plan will be carried out."""
    plan: dict[str, str | None] = {}
    for name, content in files.items():
        plan[name] = None if content is None else f".{name}{suffix}"
        if content is not None:
            _write(folder / f".{name}{suffix}", content)
    _write(folder / f"{_JOURNAL}{_NEW}", json.dumps(plan).encode())
    os.replace(folder / f"{_JOURNAL}{_NEW}", folder / _JOURNAL)
    _sync(folder)
    return plan


def _carry_out(folder: Path, plan: Mapping[str, str | None], done: list[str]) -> None:
    """Put everything in its place, as far as that has not been done; ``done`` is told name by name."""
    for name, waiting in plan.items():
        if waiting is None:
            (folder / name).unlink(missing_ok=True)
        elif read(folder / waiting) is not None:
            os.replace(folder / waiting, folder / name)
        done.append(name)
    _sync(folder)
    (folder / _JOURNAL).unlink(missing_ok=True)
    _drop_waiting(folder)


def _plan(journal: bytes) -> dict[str, str | None]:
    """A journal's plan, where it is one of ours: every name in it is that of a file right in the folder."""
    try:
        plan = json.loads(journal)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(plan, dict):
        return {}
    good = all(_NAME.fullmatch(name) and to in (None, f".{name}{_NEW}", f".{name}{_OLD}") for name, to in plan.items())
    return plan if good else {}


def _write(path: Path, content: bytes) -> None:
    """A new file, on the disk when this returns; what has its name, a link to elsewhere perhaps, is removed first."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _drop_waiting(folder: Path) -> None:
    for suffix in (_NEW, _OLD):
        for path in folder.glob(f".*{suffix}"):
            with contextlib.suppress(OSError):
                path.unlink()


def _sync(folder: Path) -> None:
    """Renames are on the disk when this returns, where the system can do that."""
    with contextlib.suppress(OSError):
        at = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(at)
        finally:
            os.close(at)
