"""A real git repository made commit by commit, with dates of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class History:
    """A repository in ``folder``; each commit happens at the time it is given, so that its SHA is the same in every run."""

    def __init__(self, folder: Path, *, origin: str = "https://github.com/acme/rocket") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", origin)

    def git(self, *arguments: str, at: str = "2026-01-01T00:00:00Z", text: str = "") -> str:
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(
            ["git", "-c", "commit.cleanup=verbatim", *arguments],
            cwd=self.folder,
            env={**os.environ, **dates},
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=True,
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(self, message: str, files: Mapping[str, str], *, at: str) -> str:
        """Write the files, commit them with ``message`` at ``at`` (ISO 8601), and return the SHA."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-F", "-", at=at, text=message)
        return self.git("rev-parse", "HEAD")
