"""Git for publishing: commits built beside any work tree and index, pushed without force, by a git that never asks or hangs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.safe import one_line, without_secrets

_AUTHOR = ("infra-kb", "infra-kb@localhost")
_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "push.followTags=false", "-c", "push.gpgSign=false", "-c", "push.recurseSubmodules=no"),
)
_ELSEWHERE = re.compile(r"but expected|reference already exists|incorrect old value")
_REJECTED = re.compile(r"\[rejected\]|cannot lock ref|failed to update ref|incorrect old value|reference already exists")
_NOISE = re.compile(
    r"To |Done$|hint:|warning:|error: failed to push|Please make sure you have|and the repository exists"
    r"|remote: *(?:$|Enumerating|Counting|Compressing|Total|Resolving|Writing)"
)


class GitError(Exception):
    """git failed: ``reason`` is what it said, in one line and without credentials."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Git:
    """The repository whose git directory is ``gitdir``; ``timeout`` bounds every command, in seconds."""

    gitdir: Path
    timeout: float

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
        """What ``git *args`` prints.

        Raises:
            GitError: it failed, or took too long.
        """
        code, printed, told = self._raw(args, stdin, env or {}, cwd or self.gitdir)
        out = printed.decode("utf-8", "surrogateescape")
        if code:
            raise GitError(_reason(f"{told}\n{out}" if args[0] == "push" else told, code))
        return out

    def asked(self, *args: str) -> str:
        """What ``git *args`` prints, in one line; "" where it has no answer."""
        try:
            return self.run(*args).strip()
        except GitError:
            return ""

    def tip(self, ref: str) -> str:
        """The SHA of a ref's commit; "" where there is no such ref."""
        return self.asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")

    def has_branch(self, remote: str, branch: str) -> bool:
        """Whether a remote repository, which may be empty, has a branch."""
        told = self._over("ls-remote", "--end-of-options", remote, f"refs/heads/{branch}")
        return any(line.endswith(f"\trefs/heads/{branch}") for line in told.splitlines())

    def fetch(self, remote: str, branch: str, ref: str, *options: str) -> None:
        """Bring a branch of a remote repository here, as ``ref``."""
        quiet = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        self._over("fetch", *quiet, *options, "--end-of-options", remote, f"+refs/heads/{branch}:{ref}")

    def push(self, remote: str, commit: str, branch: str) -> bool:
        """Make a commit that follows on the remote branch its tip; False where the branch has moved meanwhile."""
        try:
            self._over("push", "--porcelain", "--end-of-options", remote, f"{commit}:refs/heads/{branch}")
        except GitError as error:
            if _REJECTED.search(error.reason):
                return False
            raise
        return True

    def entries(self, commit: str, paths: Sequence[str]) -> dict[str, tuple[str, str, str]]:
        """path -> (mode, type, SHA) of those paths that a commit has."""
        if not commit:
            return {}
        found = {}
        for line in self.run("ls-tree", "-z", "--full-tree", commit, "--", *paths).split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, kind, sha = about.split(" ")
            found[path] = (mode, kind, sha)
        return found

    def blob(self, sha: str) -> bytes:
        """A file's content."""
        code, out, told = self._raw(("cat-file", "blob", sha), b"", {}, self.gitdir)
        if code:
            raise GitError(_reason(told, code))
        return out

    def store(self, folder: Path, names: Sequence[str]) -> dict[str, str]:
        """name -> SHA of each file of a folder, whose content is stored as it is."""
        told = self.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=_lines(names), cwd=folder)
        return dict(zip(names, told.split(), strict=True))

    def commit(self, parent: str, blobs: Mapping[str, str], message: str) -> str:
        """A commit of ``parent``'s files with ``blobs`` (path -> SHA) in their places; ``parent`` "" begins a history."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": f"{folder}/index"}
            self.run("read-tree", parent or "--empty", env=env)
            self.stage(blobs, env=env)
            tree = self.run("write-tree", env=env).strip()
        parents = ("-p", parent) if parent else ()
        return self.run("commit-tree", tree, *parents, stdin=one_line(message).encode(), env=self._author()).strip()

    def moved(self, ref: str, commit: str, old: str) -> bool:
        """Point a ref at ``commit``; False where it points elsewhere than at ``old`` ("": it must not be there yet)."""
        try:
            self.run("update-ref", "-m", "kb publish", ref, commit, old)
        except GitError as error:
            if _ELSEWHERE.search(error.reason):
                return False
            raise
        return True

    def changed(self, work_tree: Path, paths: Sequence[str]) -> set[str]:
        """Those of some paths that are not in a work tree, or its index, as they were committed last."""
        env = {"GIT_WORK_TREE": str(work_tree)}
        options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        told = self.run("--literal-pathspecs", "status", *options, "--", *paths, env=env, cwd=work_tree)
        return {entry[3:] for entry in told.split("\0")[:-1]}

    def stage(self, blobs: Mapping[str, str], *, env: Mapping[str, str] | None = None) -> None:
        """Put ``blobs`` (path -> SHA) into the index, and leave all else in it as it is."""
        entries = "".join(f"100644 {sha}\t{path}\0" for path, sha in blobs.items())
        self.run("update-index", "-z", "--add", "--index-info", stdin=entries.encode(), env=env)

    def _over(self, *args: str) -> str:
        """``run`` of what may go over ssh, which asks nobody for a password."""
        if os.environ.get("GIT_SSH"):
            return self.run(*args)
        ssh = os.environ.get("GIT_SSH_COMMAND") or self.asked("config", "--get", "core.sshCommand") or "ssh"
        return self.run(*args, env={"GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes -o ConnectTimeout=20"})

    def _author(self) -> dict[str, str]:
        """Who commits, where neither the environment nor the configuration says it."""
        wanted = {}
        for part, default in zip(("NAME", "EMAIL"), _AUTHOR, strict=True):
            known = self.asked("config", "--get", f"user.{part.lower()}")
            for role in ("AUTHOR", "COMMITTER"):
                if not known and not os.environ.get(f"GIT_{role}_{part}"):
                    wanted[f"GIT_{role}_{part}"] = default
        return wanted

    def _raw(self, args: Sequence[str], stdin: bytes, env: Mapping[str, str], cwd: Path) -> tuple[int, bytes, str]:
        process = _spawn(("git", *_OPTIONS, *args), {**self._environment(), **env}, cwd)
        try:
            out, told = process.communicate(stdin, timeout=self.timeout)
        except subprocess.TimeoutExpired as error:
            raise GitError(f"no answer within {self.timeout:g} seconds") from error
        finally:
            _end(process)
        return process.returncode, out, told.decode("utf-8", "replace")

    def _environment(self) -> dict[str, str]:
        """The user's own settings hold (proxies, certificates, credential helpers), but nothing prompts, and a hook that this
        runs in has no say in where the repository is."""
        common = self.gitdir / "commondir"  # of a linked work tree
        shared = (self.gitdir / common.read_text().strip()).resolve() if common.is_file() else self.gitdir
        return {
            "GIT_DIR": str(self.gitdir),
            "GIT_WORK_TREE": str(self.gitdir),  # hardly anything here needs one
            "GIT_OBJECT_DIRECTORY": str(shared / "objects"),
            "GIT_INDEX_FILE": str(self.gitdir / "index"),
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
            "GIT_NAMESPACE": "",
            "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": os.environ.get("GIT_ASKPASS", ""),  # empty: nor is SSH_ASKPASS asked, which may open a window
            "GCM_INTERACTIVE": "never",
            "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
            "GIT_HTTP_LOW_SPEED_TIME": "60",
        }


def _spawn(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Any:
    try:
        # Importing GitPython looks for the git program and raises where there is none.
        from git.cmd import Git as Program
        from git.exc import GitCommandNotFound
    except ImportError as error:
        raise GitError("the git program was not found: install git 2.31 or newer") from error
    try:
        started: Any = Program(str(cwd)).execute(
            list(command), istream=subprocess.PIPE, as_process=True, env=dict(env), start_new_session=True
        )
    except GitCommandNotFound as error:
        raise GitError(f"git cannot be run in {cwd}: {one_line(str(error.__cause__ or 'it was not found'))}") from error
    process = started.proc
    started.proc = None  # ours to end: GitPython's own clean-up would only terminate the parent
    return process


def _end(process: Any) -> None:
    """Ends git and everything that it started, and releases the pipes; harmless when it has ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def _reason(told: str, code: int) -> str:
    """What git said, and through it the server, in one line."""
    lines = [line.strip() for line in told.splitlines() if line.strip() and not _NOISE.match(line)]
    return one_line(without_secrets(" ".join(lines)), limit=400) or f"git ended with exit status {code}"


def _lines(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()
