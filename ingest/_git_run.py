"""Runs git through GitPython's command interface: a neutral environment, byte streams, and failures in one line.

Every git runs in a session of its own, so that it can never prompt on the terminal and is killed with all its children.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

CHUNK = 64 * 1024
REASON_LIMIT = 300
_STDERR_KEPT = 64 * 1024

# What a calling hook or shell may have set would point git elsewhere or change its output.
NEUTRAL: Mapping[str, str] = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
    "GIT_ASKPASS": "",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_DIFF_OPTS": "",
    "GIT_EXTERNAL_DIFF": "",
    "GIT_NAMESPACE": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
}

_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]+@")
_QUERY = re.compile(r"(://[^\s?'\"]+)\?[^\s'\"]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class GitError(Exception):
    """git failed: ``reason`` is what it said, in one line and without credentials; ``code`` its exit status."""

    def __init__(self, reason: str, *, code: int = -1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def redact(text: str) -> str:
    """``text`` with the user part and the query of URLs blotted out: both may hold a token."""
    return _QUERY.sub(r"\1?***", _USERINFO.sub("***@", text))


def reason(stderr: bytes, code: int) -> str:
    """git's own reason in one line: what follows ``fatal:``, else the last line, without credentials or control characters."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", stderr.decode("utf-8", "replace")) if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", "ssh:", "remote: ERROR"))] or lines[-1:]
    fatal = [line for line in told if line.startswith("fatal:")]
    # Where the connection fails, "fatal:" only says that the remote cannot be read; the line before it says why.
    chosen = told[:1] if told and told[0].startswith("ssh:") else fatal[:1] or told[:1]
    text = _CONTROL.sub(" ", " ".join(chosen)).removeprefix("fatal:").strip()
    return redact(text)[:REASON_LIMIT] or f"git ended with exit status {code}"


class Running:
    """A started git: ``out`` is its output, to be read with ``chunks``; ``wait`` raises GitError unless it ended well."""

    def __init__(self, process: Any, *, drain: bool) -> None:
        self.process = process
        self._said = b""
        self._drained = threading.Thread(target=self._drain, daemon=True) if drain else None
        if self._drained is not None:
            self._drained.start()

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The output in pieces of ``size`` bytes: git writes small ones, and each costs a turn of the parser."""
        while chunk := self.process.stdout.read(size):
            yield chunk

    def lines(self, *, silence: float) -> Iterator[str]:
        """What git tells on its error stream, split at CR and LF; GitError when it says nothing for ``silence`` seconds."""
        fileno, rest = self.process.stderr.fileno(), b""
        while True:
            if not select.select([fileno], [], [], silence)[0]:
                raise GitError(f"no answer for {silence:g} seconds")
            chunk = os.read(fileno, CHUNK)
            if not chunk:
                break
            self._said = (self._said + chunk)[-_STDERR_KEPT:]
            *whole, rest = re.split(rb"[\r\n]", rest + chunk)
            yield from (line.decode("utf-8", "replace") for line in whole if line)

    def wait(self) -> None:
        code = self.process.wait()
        if self._drained is not None:
            self._drained.join()
        if code:
            raise GitError(reason(self._said, code), code=code)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends git and everything it started, and releases the pipes; harmless when it has ended."""
        if self.process.poll() is None:
            self.kill()
        self.process.wait()
        if self._drained is not None:
            self._drained.join(timeout=5)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _drain(self) -> None:
        fileno = self.process.stderr.fileno()
        with contextlib.suppress(OSError):
            while chunk := os.read(fileno, CHUNK):
                self._said = (self._said + chunk)[-_STDERR_KEPT:]


@contextlib.contextmanager
def start(
    args: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"", talk: bool = False
) -> Iterator[Running]:
    """``git *args``; with ``talk`` its error stream is read by ``lines`` and its output dropped. Killed when the block is left.

    Raises:
        GitError: git is not installed.
    """
    with contextlib.ExitStack() as stack:
        source: BinaryIO | None = None
        if stdin:
            # A file, not a pipe: nobody has to feed it while the output is read.
            source = cast(BinaryIO, stack.enter_context(tempfile.TemporaryFile()))
            source.write(stdin)
            source.seek(0)
        running = Running(_spawn(args, env=env, cwd=cwd, source=source, talk=talk), drain=not talk)
        try:
            yield running
        finally:
            running.close()


def output(args: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"", timeout: float | None = None) -> bytes:
    """All that ``git *args`` prints; killed after ``timeout`` seconds.

    Raises:
        GitError: it failed or took too long.
    """
    with start(args, env=env, cwd=cwd, stdin=stdin) as running:
        late = threading.Event()
        timer = threading.Timer(timeout, _stop(running, late)) if timeout else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            told = b"".join(running.chunks())
            running.wait()
        except GitError as error:
            if late.is_set():
                raise GitError(f"no answer within {timeout:g} seconds") from error
            raise
        finally:
            if timer is not None:
                timer.cancel()
    return told


def _stop(running: Running, late: threading.Event) -> Callable[[], None]:
    def stop() -> None:
        late.set()
        running.kill()

    return stop


def _spawn(args: Sequence[str], *, env: Mapping[str, str], cwd: str, source: BinaryIO | None, talk: bool) -> Any:
    try:
        # Importing GitPython looks for the git program and raises where there is none.
        from git.cmd import Git
        from git.exc import GitCommandNotFound
    except ImportError as error:
        raise GitError("the git program was not found: install git 2.31 or newer") from error
    try:
        started: Any = Git(cwd).execute(
            ["git", *args], istream=source, as_process=True, env=dict(env), start_new_session=True, with_stdout=not talk
        )
    except GitCommandNotFound as error:
        raise GitError("the git program was not found: install git 2.31 or newer") from error
    process = started.proc
    started.proc = None  # ours to end: GitPython's own clean-up would only terminate the parent
    return process
