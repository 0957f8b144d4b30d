"""The real server as a program of its own, on a port that was free, with what it said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START = 90.0  # seconds; torch and gradio are read from a cold disk
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_UNHANDLED = re.compile(r"^Traceback \(most recent call last\)|Exception in ASGI application|never retrieved", re.MULTILINE)


@dataclass
class Server:
    """A running ``kb serve``. ``url`` has no slash at its end."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""
    options: Sequence[str] = field(default_factory=tuple)

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def unhandled(self) -> list[str]:
        """Every traceback in the log, with the lines around its beginning."""
        said = self.said
        return [said[max(0, match.start() - 300) : match.end() + 2_500] for match in _UNHANDLED.finditer(said)]

    def wait(self) -> None:
        """Until it has said its address and answers there."""
        end = time.monotonic() + START
        while time.monotonic() < end:
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.said}"
            address = _ADDRESS.search(self.said)
            if address and _answers(address[0]):
                self.url = address[0]
                return
            time.sleep(0.1)
        raise AssertionError(f"no server after {START} s:\n{self.said}")

    def stop(self) -> int:
        """Ctrl-C; returns the exit code, or kills it after ten seconds and fails."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"Ctrl-C did not end the server:\n{self.said[-3000:]}") from None


def start(config: Path, log: Path, *options: str, env: Mapping[str, str] | None = None) -> Server:
    """Begin one; call ``wait`` before it is asked anything."""
    command = [sys.executable, "-c", "from kb.cli import main; main()", "--config", str(config), "serve"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", "0", *options],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=config.parent,
        )
    return Server(process, log, options=options)


@contextmanager
def serving(config: Path, log: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """One that is up; at the end it is stopped, and must have said nothing of an exception that nobody handled."""
    server = start(config, log, *options, env=env)
    try:
        server.wait()
        yield server
    finally:
        code = server.stop()
    assert server.unhandled == []
    assert code in (0, 130), server.said[-3000:]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status)
    except urllib.error.HTTPError:
        return True  # 401 and the like: it is there
    except OSError:
        return False
