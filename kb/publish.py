"""Reports into a git repository: a commit with the archive's files and nothing else, never by force.

The commit is built on the branch's present tip, beside any work tree, so there is nothing to merge: if somebody else was
faster, it is built again on what they left. What a person changed in the repository is left as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import filelock

from kb.errors import ReportError
from kb.publish_git import Git, GitError
from kb.report.archived import LISTINGS, archived, is_name, is_ours
from kb.report.swap import explained, finish, is_regular, read, replace_all
from kb.safe import one_line, without_secrets

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/\\]+:(?!\\)")  # the second as ssh has it: git@host:path
_REMOTE_NAME = re.compile(r"\w[\w.-]*")
_FILE = re.compile(r"(.+)\.(?:md|json)")
_BROKEN = re.compile(
    r"\.lock|corrupt|bad object|shallow file|not a git repository|loose object|did not send all necessary", re.I
)
_NAME_ONE = "let [report] publish name a git repository: a folder or a URL"
_REMEDIES = (  # what git or a server says, and what to do
    (
        r"protected|hook declined|GH006|GH013|denyCurrentBranch|checked out|not allowed to push|prohibited",
        "the branch is protected: publish to another with [report] branch, or let this account push to it",
    ),
    (
        r"not found|does not exist|does not appear to be|no such (?:remote|file|repository)|\b404\b|transport",
        f"{_NAME_ONE}, that this account may see",
    ),
    (
        r"authentic|permission|denied|could not read (?:username|password)|terminal prompts|\b40[13]\b|host key",
        "check that this account may write there, and that git has its credentials: a credential helper, an SSH key or a token",
    ),
    (
        r"resolve host|timed out|no answer|connect|unreachable|early EOF|hung up|reset by peer",
        "the reports are in the archive; run it again when the server answers",
    ),
    (r"\.lock", "another git is at work in that repository: let it finish, then try again"),
    (r"no space|quota", "make room, then try again"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """``status``: pushed, committed (to a folder's repository that has nowhere to push to), or unchanged. ``commit`` is the SHA
    of the commit that holds the reports. ``notes`` are sentences for the person."""

    status: str
    commit: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What is published: the files ``names`` of ``folder``, into the folder ``into`` of a repository."""

    folder: Path
    names: tuple[str, ...]
    into: PurePosixPath
    message: str
    attempts: int
    pause: float

    def path(self, name: str) -> str:
        return str(self.into / name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where reports go: ``branch`` of ``remote`` (a name or a URL; "": of ``git`` itself), whose tip is known here as ``ref``.

    ``work_tree`` is the folder in which ``own``, that branch's name here, is checked out.
    """

    git: Git
    remote: str
    branch: str
    ref: str
    depth: tuple[str, ...] = ()
    work_tree: Path | None = None
    own: str = ""

    def tip(self) -> str:
        """The SHA of the branch's last commit; "" where there is no such branch yet."""
        if self.remote:
            if not self.git.has_branch(self.remote, self.branch):
                return ""
            self.git.fetch(self.remote, self.branch, self.ref, *self.depth)
        return self.git.tip(self.ref)


def publish(
    folder: Path,
    *,
    repository: str,
    branch: str = "main",
    folder_in_repo: str = "reports",
    work: Path,
    message: str = "Update reports",
    timeout: float = 120.0,
    attempts: int = 5,
    pause: float = 0.5,
) -> Published:
    """Commit the reports and listings in ``folder`` to ``branch`` of a git repository, below ``folder_in_repo``.

    ``repository`` is a folder or a URL. Where that folder's branch follows one of a remote repository, the commit is pushed
    there, and so it is where the folder lacks the branch but has a remote "origin"; no other commit of the folder's is pushed.
    ``work`` is where copies of other repositories are kept. ``timeout`` bounds each git command, in seconds; ``attempts`` how
    often somebody else may be faster, ``pause`` the seconds before the next attempt.

    Raises:
        ReportError: nothing to publish, no such repository, no permission, a branch that is protected, a conflict, no answer.
    """
    for key, value in (("publish", repository), ("branch", branch), ("folder", folder_in_repo)):
        if any(ord(sign) < 32 for sign in value):
            raise ReportError(
                f"[report] {key} = {one_line(value, limit=80)}: holds a control character", remedy="write it anew"
            )
    job = _Job(folder=folder, names=_names(folder), into=_into(folder_in_repo), message=message, attempts=attempts, pause=pause)
    local = Path(repository).expanduser()
    try:
        if (local / ".git").exists():
            return _deliver(job, _checkout(local.resolve(), branch, timeout))
        if not local.is_dir() and not _URL.match(repository):
            raise ReportError(f"{one_line(repository, limit=200)}: there is no such folder", remedy=_NAME_ONE)
        remote = str(_gitdir(local.resolve())) if local.is_dir() else repository
        return _deliver_from_copy(job, remote, branch, work, timeout)
    except GitError as error:
        where = one_line(without_secrets(repository), limit=200)
        raise ReportError(
            f"publishing to {where}, branch {one_line(branch, limit=80)}: {error.reason}", remedy=_remedy(error.reason)
        ) from error


def _names(folder: Path) -> tuple[str, ...]:
    """The archive's own files; a person's other files in that folder are not ours to publish."""
    with explained(folder):
        found = sorted(name for name in os.listdir(folder) if is_regular(folder / name)) if folder.is_dir() else []
    names = tuple(name for name in found if name in LISTINGS or ((match := _FILE.fullmatch(name)) and is_name(match[1])))
    if not names:
        raise ReportError(f"{folder}: there is no report to publish", remedy="make one first, with kb report")
    return names


def _into(text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if path.is_absolute() or {"..", ".git"} & {part.lower() for part in path.parts}:
        raise ReportError(
            f"[report] folder = {one_line(text, limit=80)}: no folder of a repository", remedy='write it as "reports"'
        )
    return path


def _remedy(reason: str) -> str:
    return next(
        (remedy for pattern, remedy in _REMEDIES if re.search(pattern, reason, re.I)),
        "the reports are in the archive, and can be published once this is mended",
    )


# --- where -------------------------------------------------------------------------------------------------------------------


def _gitdir(folder: Path) -> Path:
    try:
        from git import Repo
        from git.exc import InvalidGitRepositoryError, NoSuchPathError
    except ImportError as error:
        raise GitError("the git program was not found: install git 2.31 or newer") from error
    try:
        with Repo(folder, expand_vars=False) as repo:
            return Path(repo.git_dir).resolve()
    except (InvalidGitRepositoryError, NoSuchPathError) as error:
        raise ReportError(f"{folder}: not a git repository", remedy=f"run git init there, or {_NAME_ONE}") from error


def _checkout(folder: Path, branch: str, timeout: float) -> _Target:
    """The branch of a repository with a work tree, or the one that it follows elsewhere."""
    git = Git(_gitdir(folder), timeout)
    own = _ref(git, branch)
    remote = git.asked("config", "--get", f"branch.{branch}.remote")
    followed = git.asked("config", "--get", f"branch.{branch}.merge").removeprefix("refs/heads/") or branch
    if not remote and not git.tip(own) and git.asked("config", "--get", "remote.origin.url"):
        remote, followed = "origin", branch
    checked_out = git.asked("symbolic-ref", "--quiet", "HEAD") == own
    if remote in ("", ".") and not checked_out:
        _nowhere_checked_out(git, own)
    if remote in ("", "."):
        return _Target(git=git, remote="", branch=branch, ref=own, work_tree=folder if checked_out else None, own=own)
    name = remote if _REMOTE_NAME.fullmatch(remote) else "publish"  # it may be a URL
    return _Target(
        git=git,
        remote=remote,
        branch=followed,
        ref=f"refs/remotes/{name}/{followed}",
        work_tree=folder if checked_out else None,
        own=own,
    )


def _ref(git: Git, branch: str) -> str:
    ref = f"refs/heads/{branch}"
    try:
        git.run("check-ref-format", ref)
    except GitError as error:
        raise ReportError(
            f"[report] branch = {one_line(branch, limit=80)}: no name of a branch", remedy='as in "main"'
        ) from error
    return ref


def _nowhere_checked_out(git: Git, ref: str) -> None:
    """A branch must not move below the feet of somebody who works on it."""
    for about in git.run("worktree", "list", "--porcelain").split("\n\n"):
        lines = about.splitlines()
        if f"branch {ref}" in lines:
            place = lines[0].removeprefix("worktree ")
            raise ReportError(f"{ref.removeprefix('refs/heads/')} is checked out in {place}", remedy="publish to that folder")


def _deliver_from_copy(job: _Job, remote: str, branch: str, work: Path, timeout: float) -> Published:
    """By a small copy of the remote repository, which is made anew where git finds it broken."""
    own = work / hashlib.sha256(without_secrets(remote).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    git = Git(own / "repository.git", timeout)
    ref = f"refs/remotes/publish/{branch}"
    target = _Target(git=git, remote=remote, branch=branch, ref=ref, depth=("--depth=1",))
    with _alone(own, timeout):
        _begin(git, branch)
        try:
            return _deliver(job, target)
        except GitError as error:
            if not _BROKEN.search(error.reason):
                raise
        shutil.rmtree(git.gitdir, ignore_errors=True)
        _begin(git, branch)
        return _deliver(job, target)


def _begin(git: Git, branch: str) -> None:
    """An empty repository for a copy, unless there is one."""
    if not (git.gitdir / "HEAD").is_file():
        git.gitdir.mkdir(parents=True, exist_ok=True)
        git.run("init", "--quiet", "--template=")
    _ref(git, branch)


@contextlib.contextmanager
def _alone(folder: Path, patience: float) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock", timeout=patience)
        lock.acquire()
    except filelock.Timeout as error:
        raise ReportError(f"{folder}: another process publishes", remedy="let it finish, then try again") from error
    except OSError as error:
        raise ReportError(f"{folder}: {error.strerror}", remedy="set a data_dir that you may write in") from error
    try:
        yield
    finally:
        lock.release()


# --- what --------------------------------------------------------------------------------------------------------------------


def _deliver(job: _Job, target: _Target) -> Published:
    git = target.git
    blobs = git.store(job.folder, job.names)
    for attempt in range(1, job.attempts + 1):
        tip = target.tip()
        wanted, notes = _wanted(job, git, tip, blobs)
        if not wanted:
            return Published(status="unchanged", commit=tip, notes=notes)
        if target.remote:
            commit = git.commit(tip, _by_path(job, wanted), job.message)
            if git.push(target.remote, commit, target.branch):
                return Published(status="pushed", commit=commit, notes=(*notes, *_follow(job, target, tip, commit, wanted)))
        else:
            _lay_out(job, target, tip, wanted)
            commit = git.commit(tip, _by_path(job, wanted), job.message)
            if git.moved(target.ref, commit, tip):
                _refresh(target)
                return Published(status="committed", commit=commit, notes=notes)
        time.sleep(job.pause * attempt)
    raise ReportError(
        f"branch {target.branch} moved {job.attempts} times while the reports were being published",
        remedy="run it again when others have finished",
    )


def _by_path(job: _Job, blobs: Mapping[str, str]) -> dict[str, str]:
    return {job.path(name): sha for name, sha in blobs.items()}


def _wanted(job: _Job, git: Git, tip: str, blobs: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """name -> SHA of the files that a commit lacks, and a note on each that a person has there as their own."""
    _check_folder(job, git, tip)
    inside = [] if job.into == PurePosixPath() else [f"{job.into}/"]
    there = git.entries(tip, inside)
    entries = {name: there[job.path(name)] for name in blobs if job.path(name) in there}
    wanted = {name: sha for name, sha in blobs.items() if name not in entries or entries[name][2] != sha}
    owned = {name for name in wanted if name in entries and _is_owned(name, entries, git)}
    owned |= {name for name in wanted if _partner(name) in owned}
    notes = tuple(
        f"{job.path(name)} was changed in the repository and is left as it is; delete it there to have ours"
        for name in sorted(owned)
    )
    return {name: sha for name, sha in wanted.items() if name not in owned}, notes


def _check_folder(job: _Job, git: Git, tip: str) -> None:
    """A file, a link or another repository must not make way for the folder of reports."""
    above = [str(path) for path in (job.into, *job.into.parents) if path != PurePosixPath()]
    for path, (_, kind, _) in git.entries(tip, above).items() if above else ():
        if kind != "tree":
            raise ReportError(f"{path} is no folder in that repository", remedy="name another with [report] folder")


def _is_owned(name: str, entries: Mapping[str, tuple[str, str, str]], git: Git) -> bool:
    """Whether a file that differs from ours is a person's: a listing that is not ours, a page that was changed by hand."""
    mode, _, sha = entries[name]
    if not mode.startswith("100"):
        return True  # a link, a folder
    if name in LISTINGS:
        return not is_ours(name, git.blob(sha))
    stem = name.rpartition(".")[0]
    page, sidecar = entries.get(f"{stem}.md"), entries.get(f"{stem}.json")
    if page is None:
        return False
    report = archived(stem, git.blob(sidecar[2])) if sidecar and sidecar[0].startswith("100") else None
    return report is None or hashlib.sha256(git.blob(page[2])).hexdigest() != report.markdown_sha256


def _partner(name: str) -> str:
    """The sidecar of a page, the page of a sidecar: both stay, or none."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{'json' if ending == 'md' else 'md'}"


# --- work trees --------------------------------------------------------------------------------------------------------------


def _lay_out(job: _Job, target: _Target, tip: str, wanted: Mapping[str, str]) -> None:
    """Put the files where the branch is checked out, and into its index, before the branch has them.

    Raises:
        ReportError: one of them holds changes that were not committed.
    """
    if target.work_tree is None:
        return
    folder = target.work_tree / job.into
    for place in (folder, *folder.parents):
        if place == target.work_tree:
            break
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise ReportError(f"{place} is no folder", remedy="name another with [report] folder")
    new = {name: read(job.folder / name) or b"" for name in wanted}
    differing = {name: content for name, content in new.items() if read(folder / name) != content}
    paths = [job.path(name) for name in differing]
    changed = target.git.changed(target.work_tree, paths) if paths else set()
    committed = target.git.entries(tip, paths) if paths else {}
    for name in differing:
        path = job.path(name)
        if path in changed or (path not in committed and os.path.lexists(folder / name)):
            raise ReportError(
                f"{folder / name} has changes that are not committed", remedy="commit them, or discard them, then publish again"
            )
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        finish(folder)
        replace_all(folder, differing)
    target.git.stage(_by_path(job, wanted))


def _follow(job: _Job, target: _Target, tip: str, commit: str, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """After a push: bring the folder's own branch along where nothing else has to change for that; else say what to do."""
    if target.work_tree is None:
        return ()
    if target.git.tip(target.own) == tip:
        with contextlib.suppress(ReportError, GitError):
            _lay_out(job, target, tip, wanted)
            if target.git.moved(target.own, commit, tip):
                _refresh(target)
                return ()
    return (f"{target.work_tree} does not have the new commit yet: run git pull there",)


def _refresh(target: _Target) -> None:
    """Tell the index that the files are as they stand in it; harmless where that cannot be done."""
    if target.work_tree is not None:
        with contextlib.suppress(GitError):
            env = {"GIT_WORK_TREE": str(target.work_tree)}
            target.git.run("update-index", "-q", "--refresh", env=env, cwd=target.work_tree)
