"""Commits with their patches, in a given order, from one ``git log``; more than one only where objects are missing."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ingest import _git_stream as stream
from ingest._git_repo import Repo
from ingest._git_run import GitError

# git reads a pack 10% faster from new to old, as its deltas lie: it is asked so, block by block, and each is turned round.
_BLOCK = 512
# After a failure git is started anew; with few commits at a time a history that lacks every blob does not cost its square.
_STEP = 256


@dataclass(frozen=True)
class Read:
    """A commit; ``missing``: objects that its patch needs are not there, so that counts and patches are unknown."""

    commit: stream.RawCommit
    missing: bool = False


def commits(repo: Repo, shas: Sequence[str], heads_only: frozenset[str] = frozenset()) -> Iterator[Read]:
    """Every one of ``shas``, in this order; those in ``heads_only`` without their files.

    Raises:
        GitError: a commit itself cannot be read.
    """
    blocks = [shas[at : at + _BLOCK][::-1] for at in range(0, len(shas), _BLOCK)]
    asked = list(chain.from_iterable(blocks))
    heads = _stream(repo, "head", [sha for sha in asked if sha in heads_only])
    patches = _patches(repo, [sha for sha in asked if sha not in heads_only])
    try:
        for block in blocks:
            found = [Read(next(heads)) if sha in heads_only else next(patches) for sha in block]
            yield from reversed(found)
        for rest in (heads, patches):
            next(rest, None)  # lets git end, and its exit status be seen
    finally:
        heads.close()
        patches.close()


def _stream(repo: Repo, kind: str, shas: Sequence[str]) -> Generator[stream.RawCommit, None, None]:
    """One git process; it is checked that it gave exactly what was asked for."""
    if not shas:
        return
    nonce = stream.Nonce(secrets.token_hex(16))
    asked = iter(shas)
    with repo.log(kind, nonce.format, shas) as running:
        for commit in stream.parse(running.chunks(), nonce):
            expected = next(asked, "")
            if commit.sha != expected:
                raise GitError(f"git log gave commit {commit.sha} in place of {expected}")
            yield commit
        running.wait()
    if left := next(asked, ""):
        raise GitError(f"git log left out commit {left}")


def _patches(repo: Repo, shas: Sequence[str]) -> Generator[Read, None, None]:
    start, step = 0, len(shas)
    while start < len(shas):
        held: stream.RawCommit | None = None
        try:
            for commit in _stream(repo, "patch", shas[start : start + step]):
                if held is not None:
                    start += 1
                    yield Read(held)
                held = commit
        except GitError:
            # The last record may be cut off, or whole with git dead at the one after it: that commit is read alone.
            yield _alone(repo, shas[start])
            step = _STEP
        else:
            if held is not None:
                yield Read(held)
        start += 1


def _alone(repo: Repo, sha: str) -> Read:
    failure: GitError | None = None
    for kind in ("patch", "names", "head"):
        try:
            (commit,) = _stream(repo, kind, [sha])
            return Read(commit, missing=failure is not None)
        except GitError as error:
            failure = error
    raise failure or GitError(f"commit {sha} cannot be read")
