"""A bare, single-branch copy of a remote repository: made once, shallow by date where that is enough, then fetched into.

With a branch git brings the tags that it reaches. Releases are often tagged on branches of their own, so a whole copy fetches
their tags as well. What a release has anew is only seen where its history reaches back to the release before it: beside a
shallow copy stands a graph, all commits of the branch and of the releases, without trees and files.

An interrupted fetch leaves nothing that the next one trips over: refs move last, and a copy that git finds broken is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import _git_run as run
from ingest._git_repo import GitDir, opened
from kb import releases
from kb.errors import SourceError
from kb.protocols import Progress

ANSWER_WITHIN = 60.0  # seconds for a server to list its refs: bounds a dead network
SILENCE = 300.0  # seconds without a word of a running fetch: a server may compress for minutes, but tells its progress
FIRST_DEPTH = 64  # commits; doubled until the copy reaches far enough
_STALE = 3600.0
_REMOTE = "source"
_COMMITS_ONLY = ("--filter=tree:0", "--no-tags")
_REF = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")
_BROKEN = re.compile(
    r"\.lock|corrupt|bad object|shallow file|not a git repository|loose object|did not send all necessary", re.I
)


@dataclass(frozen=True)
class Remote:
    """What a server lists: the default ``branch``, ``tips`` of branches by name, and ``tags`` by name."""

    branch: str
    tips: dict[str, str]
    tags: dict[str, str]

    def digest(self, branch: str) -> str:
        text = json.dumps([branch, self.tips.get(branch), sorted(self.tags.items())])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Clone:
    """``url`` copied below ``folder``; ``since`` (epoch seconds): how far back, None for everything."""

    url: str
    folder: Path
    since: int | None
    progress: Progress

    @property
    def gitdir(self) -> Path:
        return self.folder / "repository.git"

    @property
    def tagged(self) -> GitDir:
        """Where the tags of releases and their whole history are."""
        return GitDir(self._graph, self._graph) if (self._graph / "HEAD").is_file() else self._place

    @property
    def lacks_releases(self) -> bool:
        """Whether it has only tags that the branch reaches, as the server gives no commits without their files."""
        return self._no_graph.is_file()

    @property
    def _graph(self) -> Path:
        return self.folder / "graph.git"

    @property
    def _no_graph(self) -> Path:
        return self.folder / "no-graph"

    @property
    def _place(self) -> GitDir:
        return GitDir(self.gitdir, self.gitdir)

    def refresh(self, branch: str) -> tuple[GitDir, str] | None:
        """Brings the copy up to date: its place and the branch, or None where the repository has no commit yet.

        Raises:
            GitError: the server could not be reached, or refused.
            SourceError: it has no such branch.
        """
        remote = self._listing(branch)
        branch = branch or remote.branch
        if branch not in remote.tips:
            others = sorted(self._listing("").tips)
            if not others:
                return None
            raise self._no_branch(branch, others)
        self._prepare()
        state = {"url": _fingerprint(self.url), "refs": remote.digest(branch), "since": self.since, "releases": True}
        if self._state() != state:
            self._update(branch, remote)
            self._write_state(state)
        return self._place, branch

    def _listing(self, branch: str) -> Remote:
        self.progress("asking the server", 0, None)
        patterns = ["HEAD", "refs/tags/*", f"refs/heads/{branch}" if branch else "refs/heads/*"]
        told = run.output(
            ["ls-remote", "--symref", "--end-of-options", self.url, *patterns],
            env=_environment(self.url), cwd=os.sep, timeout=ANSWER_WITHIN,
        )  # fmt: skip
        default, refs = "", {}
        for line in told.decode("utf-8", "replace").splitlines():
            value, _, name = line.partition("\t")
            if value.startswith("ref: refs/heads/") and name == "HEAD":
                default = value.removeprefix("ref: refs/heads/")
            elif not value.startswith("ref: "):
                refs[name] = value
        tips = {name.removeprefix("refs/heads/"): sha for name, sha in refs.items() if name.startswith("refs/heads/")}
        # The peeled line "name^{}" of an annotated tag says nothing new here.
        tags = {
            name.removeprefix("refs/tags/"): sha
            for name, sha in refs.items()
            if name.startswith("refs/tags/") and name[-1] != "}"
        }
        return Remote(default, tips, tags)

    def _no_branch(self, branch: str, others: Sequence[str]) -> SourceError:
        missing = f"no branch {branch!r}" if branch else "no default branch"
        shown = ", ".join(others[:20]) + (", …" if len(others) > 20 else "")
        return SourceError(f"{run.redact(self.url)} has {missing}", remedy=f'set "branch" to one of: {shown}')

    def _prepare(self) -> None:
        """An empty bare repository, unless the copy of this very URL is there; leftovers of killed fetches are removed."""
        known = self._state()
        usable = (self.gitdir / "config").is_file() and (self.gitdir / "HEAD").is_file() and (self.gitdir / "objects").is_dir()
        if usable and (not known or known.get("url") == _fingerprint(self.url)):
            for left in (self.gitdir / "objects" / "pack").glob("tmp_*"):
                with contextlib.suppress(OSError):
                    if time.time() - left.stat().st_mtime > _STALE:
                        left.unlink()
            return
        self._create()

    def _create(self) -> None:
        shutil.rmtree(self.gitdir, ignore_errors=True)
        (self.folder / "state.json").unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._drop_graph()
        self._init(self.gitdir)

    def _init(self, gitdir: Path) -> None:
        run.output(["init", "--quiet", "--bare", "--template=", str(gitdir)], env=run.NEUTRAL, cwd=str(self.folder))

    def _drop_graph(self) -> None:
        shutil.rmtree(self._graph, ignore_errors=True)
        self._no_graph.unlink(missing_ok=True)

    def _update(self, branch: str, remote: Remote) -> None:
        try:
            self._fetch_all(branch, remote)
        except run.GitError as error:
            if not _BROKEN.search(error.reason):
                raise
            self._create()
            self._fetch_all(branch, remote)
        self._fetch_releases(branch, remote)
        for gitdir in {self.gitdir, self.tagged.path}:
            with contextlib.suppress(run.GitError):  # housekeeping: many small packs make reading slow, but not wrong
                self._git(gitdir, "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")

    def _fetch_releases(self, branch: str, remote: Remote) -> None:
        """Brings the tags of releases that are not on the branch."""
        wanted = {name for name in remote.tags if _REF.fullmatch(name) and releases.is_release(name)}
        missing = [_tag(name) for name in sorted(wanted - self._tags(self.gitdir).keys())]
        shallow = (self.gitdir / "shallow").is_file()
        if not (missing and shallow):
            self._drop_graph()
        if missing and not shallow:
            self._fetch(self.gitdir, [], missing)
        elif missing and not self.lacks_releases:
            tips = [_tip(branch), *map(_tag, sorted(wanted))]
            try:
                self._fetch_graph(branch, remote, tips)
            except run.GitError as error:
                if not _BROKEN.search(error.reason):
                    raise
                self._drop_graph()
                self._fetch_graph(branch, remote, tips)

    def _fetch_graph(self, branch: str, remote: Remote, tips: Sequence[str]) -> None:
        begun = not (self._graph / "HEAD").is_file() or (self._graph / "shallow").is_file()
        if begun:
            self._drop_graph()
            self._init(self._graph)
            self._fetch(self._graph, ["--depth=1", *_COMMITS_ONLY], [_tip(branch)])
            with opened(GitDir(self._graph, self._graph)) as repo:
                everything = repo.has_tree(repo.tip(branch))
            if everything:  # a server that cannot leave anything out ignores that it was asked to
                self._drop_graph()
                self._no_graph.touch()
                return
        self._drop_stale_tags(self._graph, remote)
        self._fetch(self._graph, [*(["--unshallow"] if begun else []), *_COMMITS_ONLY], tips)

    def _fetch_all(self, branch: str, remote: Remote) -> None:
        self._drop_stale_tags(self.gitdir, remote)
        with opened(self._place) as repo:
            first = not repo.tip(branch)
        if self.since is None:
            self._fetch(self.gitdir, ["--unshallow"] if (self.gitdir / "shallow").is_file() else [], [_tip(branch)])
            return
        self._fetch(self.gitdir, [f"--depth={FIRST_DEPTH}"] if first else [], [_tip(branch)])
        self._reach_back(branch, self.since)

    def _drop_stale_tags(self, gitdir: Path, remote: Remote) -> None:
        """Deletes tags that the server no longer has, or has elsewhere: git follows new tags, but never corrects one."""
        for name, sha in self._tags(gitdir).items():
            if remote.tags.get(name) != sha:
                self._git(gitdir, "update-ref", "-d", f"refs/tags/{name}")

    def _tags(self, gitdir: Path) -> dict[str, str]:
        told = self._git(gitdir, "for-each-ref", "--format=%(refname:strip=2)%00%(objectname)", "refs/tags/")
        lines = [line.partition("\0") for line in told.decode("utf-8", "replace").splitlines()]
        return {name: sha for name, _, sha in lines}

    def _reach_back(self, branch: str, since: int) -> None:
        """Deepens until every commit at the boundary, which has no real patch, is older than ``since``.

        Not with git's --shallow-since: it puts the boundary before every commit with one parent older than the date, so that a
        late merge of an old branch hides the mainline behind it, and then no fetch can deepen that copy any more.
        """
        step, before = FIRST_DEPTH, frozenset({""})
        while True:
            with opened(self._place) as repo:
                boundary = repo.boundary()
                dates = {sha: date for sha, date, _ in repo.topology([repo.tip(branch)])} if boundary else {}
            # Unchanged: the server's own copy ends here.
            if boundary == before or not any(dates.get(sha, -1) >= since for sha in boundary):
                return
            self._fetch(self.gitdir, [f"--deepen={step}"], [_tip(branch)])
            step, before = min(step * 2, 8192), boundary

    def _git(self, gitdir: Path, *args: str) -> bytes:
        return run.output(["--git-dir", str(gitdir), *args], env=run.NEUTRAL, cwd=str(self.folder))

    def _fetch(self, gitdir: Path, options: Sequence[str], refspecs: Sequence[str]) -> None:
        args = [
            *("-c", "core.bare=true", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "fetch.unpackLimit=1"),
            # By name: where git leaves files out it notes that under the remote's name, and the URL may hold a token.
            *("-c", f"remote.{_REMOTE}.url={self.url}"),
            *("--git-dir", str(gitdir), "fetch", "--progress", "--no-recurse-submodules", "--no-write-fetch-head"),
            *("--update-head-ok", "--no-prune", "--stdin", *options, "--end-of-options", _REMOTE),
        ]
        told = _progress_handler(self.progress)
        stdin = "".join(f"{spec}\n" for spec in refspecs).encode()
        with run.start(args, env=_environment(self.url), cwd=str(self.folder), stdin=stdin, talk=True) as running:
            for line in running.lines(silence=SILENCE):
                told(line)
            running.wait()

    def _state(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            state = json.loads((self.folder / "state.json").read_text())
            return state if isinstance(state, dict) else {}
        return {}

    def _write_state(self, state: dict[str, Any]) -> None:
        waiting = self.folder / "state.json.new"
        waiting.write_text(json.dumps(state))
        waiting.replace(self.folder / "state.json")


def _tip(branch: str) -> str:
    return f"+refs/heads/{branch}:refs/heads/{branch}"


def _tag(name: str) -> str:
    return f"+refs/tags/{name}:refs/tags/{name}"


def _fingerprint(url: str) -> str:
    """Tells URLs apart without keeping the credentials that one may hold."""
    return hashlib.sha256(run.redact(url).encode()).hexdigest()


def _progress_handler(progress: Progress) -> Callable[[str], None]:
    from git.remote import RemoteProgress

    class Told(RemoteProgress):
        def update(self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str = "") -> None:
            stage = _STAGES.get(op_code & self.OP_MASK)
            if stage and cur_count is not None:
                progress(stage, int(float(cur_count)), int(float(max_count)) if max_count else None)

    handler: Callable[[str], None] = Told().new_message_handler()
    return handler


_STAGES = {
    4: "counting objects",
    8: "compressing objects",
    32: "receiving objects",
    64: "resolving deltas",
}


def _environment(url: str) -> dict[str, str]:
    """The user's own settings hold (proxies, certificates, credential helpers), but nothing may prompt or hang."""
    env = {key: value for key, value in run.NEUTRAL.items() if not key.startswith("GIT_CONFIG")}
    env |= {
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
        "GIT_HTTP_LOW_SPEED_TIME": "60",
        "GCM_INTERACTIVE": "never",
    }
    over_ssh = not url.lower().startswith(("http:", "https:", "git:", "file:"))
    if over_ssh and not (os.environ.get("GIT_SSH") or os.environ.get("GIT_SSH_COMMAND")):
        env["GIT_SSH_COMMAND"] = f"{_configured_ssh()} -o BatchMode=yes -o ConnectTimeout=20"
    return env


def _configured_ssh() -> str:
    with contextlib.suppress(run.GitError):
        told = run.output(["config", "--get", "core.sshCommand"], env=run.NEUTRAL, cwd=os.sep)
        return told.decode("utf-8", "replace").strip() or "ssh"
    return "ssh"
