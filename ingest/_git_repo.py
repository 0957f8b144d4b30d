"""A git directory on this machine, read without touching it and without its settings.

Objects are read through a scratch git directory that borrows them (``GIT_OBJECT_DIRECTORY``): the repository's configuration,
attributes, replacements, grafts, hooks and promisor remotes then have no say, git has nowhere to write, a missing object fails
at once instead of asking a server, and it does not matter who owns the repository.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest import _git_run as run
from kb.types import Tag

# Nobody's configuration is read, and nothing is fetched.
_ISOLATED = {
    **run.NEUTRAL,
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # glibc: git frees each blob as it goes; asking the system anew for every large one costs 3% of the reading.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
}

# Most of these are git's defaults: written out so that another default of another version changes nothing either.
_LOG = (
    *("-c", "log.showRoot=true", "-c", "diff.suppressBlankEmpty=false", "-c", f"core.attributesFile={os.devnull}"),
    *("-c", "log.showSignature=false", "-c", "core.commitGraph=true"),
    *("log", "--stdin", "--no-walk=unsorted", "-z", "--encoding=UTF-8", "--no-notes", "--no-color", "--no-show-signature"),
)
_DIFF = (
    *("--diff-merges=first-parent", "--diff-algorithm=myers", "--inter-hunk-context=0", "--indent-heuristic"),
    *(f"-O{os.devnull}", "--ignore-submodules=none", "-l1000", "--no-ext-diff", "--no-textconv", "--submodule=short"),
    *("--no-relative", "--no-abbrev", "--full-index", "--src-prefix=a/", "--dst-prefix=b/"),
)
_KINDS = {
    "patch": (*_DIFF, "--raw", "-p", "-M", "-U3"),
    "names": (*_DIFF, "--raw", "--no-renames"),
    "head": ("--no-patch",),
}


@dataclass(frozen=True)
class GitDir:
    """Where a repository's own refs (``path``) and its shared objects (``common``) are; both differ in a linked worktree."""

    path: Path
    common: Path


def locate(folder: Path) -> GitDir | None:
    """The git directory of a checkout, a linked worktree, or a bare repository (with or without a ``config``), else None."""
    inner = folder / ".git"
    if inner.is_file():
        told = inner.read_text(errors="replace").strip()
        inner = folder / told.removeprefix("gitdir:").strip() if told.startswith("gitdir:") else inner
    for candidate in (inner, folder):
        common = candidate
        if (candidate / "commondir").is_file():
            common = candidate / (candidate / "commondir").read_text(errors="replace").strip()
        if (candidate / "HEAD").exists() and (common / "objects").is_dir():
            return GitDir(candidate.resolve(), common.resolve())
    return None


def origin(gitdir: GitDir) -> str:
    """The URL of the repository's ``origin``, or "" where it names none."""
    config = gitdir.common / "config"
    if not config.is_file():
        return ""
    with contextlib.suppress(run.GitError):
        args = ["config", "--file", str(config), "--no-includes", "--get", "remote.origin.url"]
        return run.output(args, env=_ISOLATED, cwd=os.sep).decode("utf-8", "replace").strip()
    return ""


@dataclass(frozen=True)
class Repo:
    """An opened repository; see ``opened``. SHAs are full and in lower case."""

    gitdir: GitDir
    scratch: Path

    def _env(self, directory: Path) -> dict[str, str]:
        places = {"GIT_DIR": directory, "GIT_WORK_TREE": self.scratch, "GIT_INDEX_FILE": self.scratch / "index"}
        objects = {"GIT_OBJECT_DIRECTORY": self.gitdir.common / "objects"}
        return {**_ISOLATED, **{key: str(value) for key, value in {**places, **objects}.items()}}

    def _refs(self, *args: str) -> bytes:
        return run.output(args, env=self._env(self.gitdir.path), cwd=str(self.scratch))

    def _read(self, *args: str, stdin: bytes = b"") -> bytes:
        return run.output(args, env=self._env(self.scratch), cwd=str(self.scratch), stdin=stdin)

    def branch(self) -> str:
        """The branch that HEAD names, or "" where it names none (a detached HEAD)."""
        with contextlib.suppress(run.GitError):
            return self._refs("symbolic-ref", "--quiet", "--short", "HEAD").decode("utf-8", "replace").strip()
        return ""

    def tip(self, branch: str) -> str:
        """The commit of a branch (``HEAD`` for ""), or "" where there is none: no such branch, or no commit yet."""
        name = f"refs/heads/{branch}" if branch else "HEAD"
        with contextlib.suppress(run.GitError):
            return self._refs("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
        return ""

    def branches(self) -> list[str]:
        """Names of the branches."""
        told = self._refs("for-each-ref", "--format=%(refname:strip=2)", "refs/heads/")
        return told.decode("utf-8", "replace").splitlines()

    def tags(self) -> tuple[Tag, ...]:
        """Tags of commits, oldest first: an annotated tag has its tagger's date, a lightweight one its commit's."""
        fields = (
            "%(refname:strip=2)",
            "%(objecttype)",
            "%(objectname)",
            "%(*objecttype)",
            "%(*objectname)",
            "%(creatordate:unix)",
        )
        told = self._refs("for-each-ref", "--format=" + "%00".join(fields), "refs/tags/")
        rows = [line.split("\0") for line in told.decode("utf-8", "replace").splitlines()]
        nested = self._peel([row[2] for row in rows if row[3] == "tag"])
        found = []
        for name, kind, sha, target_kind, target, date in rows:
            commit = sha if kind == "commit" else target if target_kind == "commit" else nested.get(sha, "")
            if commit:
                found.append(Tag(name, commit, instant(date)))
        return tuple(sorted(found, key=lambda tag: (tag.at, tag.name)))

    def _peel(self, shas: Sequence[str]) -> dict[str, str]:
        """Commits behind tags of tags."""
        if not shas:
            return {}
        asked = "".join(f"{sha}^{{commit}}\n" for sha in shas).encode()
        told = self._read("cat-file", "--batch-check", stdin=asked).decode("utf-8", "replace").splitlines()
        return {sha: line.split()[0] for sha, line in zip(shas, told, strict=True) if line.endswith(tuple("0123456789"))}

    def boundary(self) -> frozenset[str]:
        """Commits whose parents a shallow clone has cut off."""
        shallow = self.gitdir.common / "shallow"
        return frozenset(shallow.read_text().split()) if shallow.is_file() else frozenset()

    def topology(self, tips: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
        """(sha, committer date in epoch seconds, parents) of everything that ``tips`` reach."""
        told = self._read("rev-list", "--parents", "--timestamp", "--ignore-missing", "--stdin", stdin="\n".join(tips).encode())
        for line in told.decode("ascii").splitlines():
            date, sha, *parents = line.split(" ")
            yield sha, int(date), parents

    def has_tree(self, sha: str) -> bool:
        """Whether the files of a commit are there, and not only the commit."""
        return b" tree " in self._read("cat-file", "--batch-check", stdin=f"{sha}^{{tree}}\n".encode())

    def subjects(self, shas: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(sha, subject) of each of ``shas``, in this order."""
        if not shas:
            return iter(())
        told = self._read(*_LOG, *_KINDS["head"], "--format=tformat:%H%x00%s", stdin="\n".join(shas).encode())
        parts = told.decode("utf-8", "replace").split("\0")
        return zip(parts[::2], parts[1::2], strict=False)

    @contextlib.contextmanager
    def log(self, kind: str, form: str, shas: Sequence[str]) -> Iterator[run.Running]:
        """One ``git log`` over exactly ``shas``, in this order: kind is patch, names (no contents needed) or head."""
        args = (*_LOG, form, *_KINDS[kind])
        stdin = "\n".join(shas).encode() + b"\n"
        with run.start(args, env=self._env(self.scratch), cwd=str(self.scratch), stdin=stdin) as running:
            yield running


@contextlib.contextmanager
def opened(gitdir: GitDir) -> Iterator[Repo]:
    """The repository, readable while the block lasts."""
    scratch = Path(tempfile.mkdtemp(prefix="infra-kb-git-"))
    try:
        repo = Repo(gitdir, scratch)
        (scratch / "refs").mkdir()
        (scratch / "HEAD").write_text("ref: refs/heads/none\n")
        long = "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n"
        (scratch / "config").write_text("[core]\n" + (long if _sha256(gitdir) else "\trepositoryformatversion = 0\n"))
        if (gitdir.common / "shallow").is_file():
            shutil.copyfile(gitdir.common / "shallow", scratch / "shallow")
        yield repo
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sha256(gitdir: GitDir) -> bool:
    config = gitdir.common / "config"
    if not config.is_file():
        return False
    with contextlib.suppress(run.GitError):
        args = ["config", "--file", str(config), "--no-includes", "--get", "extensions.objectformat"]
        return run.output(args, env=_ISOLATED, cwd=os.sep).strip().lower() == b"sha256"
    return False


def instant(seconds: str) -> datetime:
    """Epoch seconds as a UTC datetime; what no calendar holds (empty, before 1970, after 9999) is the nearest that one does."""
    try:
        return datetime.fromtimestamp(min(max(int(seconds), 0), 253402300799), UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
