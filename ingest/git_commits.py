"""Commits of one branch of a git repository: a URL is copied bare (shallow by date), a local one is read in place.

Every commit that the branch reaches is a record. Its ``landed`` event is the committer date of the first-parent commit that
brought it into the branch. That date is what git has, not proof: a clock can be wrong, and what no calendar holds is 1970.

What only tags have, as releases are often made on branches of their own, are records with the mark "off-branch": they never
landed. Where the copy is shallow they have no files ("no-patch"), as only their commits are fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain

from ingest import _git_cursor as cursors
from ingest import _git_message as message
from ingest import _git_read as read
from ingest import _git_url as urls
from ingest._git_clone import Clone
from ingest._git_graph import Graph, Landings, Ranges, first_tags, graph, landings, off_branch, ranges, reached, with_commits
from ingest._git_repo import GitDir, Repo, instant, locate, opened, origin
from ingest._git_run import GitError, redact
from kb import releases
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from kb.types import Batch, Event, Link, Record, Snapshot, Tag

BATCH_RECORDS = 200
BATCH_BYTES = 4 * 1024 * 1024
_BRANCH = re.compile(r"(?![-/.])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![/.])")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A git branch.

    ``url``: a URL or a local path. ``repo``: "owner/name", by default as the URL (or a local repository's origin) says.
    ``branch``: by default the one that HEAD names. ``history``: how far back to begin: "90 days", "6 weeks", "3 months",
    "1 year", a date, or "all".

    Raises:
        ConfigError: a value that cannot be right.
    """

    url: str = field(repr=False)  # may hold a token
    name: str = ""
    repo: str = ""
    branch: str = ""
    history: str = "90 days"
    context: SourceContext = field(repr=False)

    def __post_init__(self) -> None:
        address = urls.parse(self.url)
        cursors.check_history(self.history)
        if self.branch and not _BRANCH.fullmatch(self.branch):
            raise ConfigError(
                f"branch {self.branch!r} is not a possible name of a branch", remedy='for example branch = "main"'
            )
        repo, _ = self._told_repo(address)
        object.__setattr__(self, "repo", urls.check_repo(self.repo or repo))
        object.__setattr__(self, "name", self.name or self.repo.partition("/")[2])

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """Yield commits that landed since ``cursor`` (None: in the configured history), oldest landing first.

        A branch that was rewritten is read again, and a Snapshot then tells what it still reaches. Nothing new: no batch.

        Raises:
            SourceError: the repository cannot be reached or read; batches yielded so far stay stored.
        """
        try:
            yield from self._pull(cursors.loads(cursor))
        except GitError as error:
            address = urls.parse(self.url)
            where = str(address.local) if address.local else redact(self.url)
            if address.local:
                remedy = "check it with: git fsck"
            else:
                remedy = "check the URL, the network, and that git can read it without asking for a password"
            raise SourceError(f"{self.name}: {where}: {error.reason}", remedy=remedy) from error

    def begins(self, cursor: str | None) -> datetime | None:
        """From when on commits are stored, by the stored cursor; None for all of them."""
        stored = cursors.loads(cursor)
        return None if stored is None or stored.since is None else instant(str(stored.since))

    def _pull(self, stored: cursors.Cursor | None) -> Iterator[Batch]:
        since, wider = cursors.begin(stored, self.history, self.context.clock())
        place = self._place(since)
        if place is None:
            return
        with opened(place.gitdir) as repo, opened(place.tagged) as tagged:
            branch, tip = place.branch, repo.tip(place.branch)
            if not tip:
                self._check_branch(repo, branch)
                return
            tags = _both(repo.tags(), tagged.tags()) if place.tagged != place.gitdir else repo.tags()
            target = cursors.Cursor(branch=branch, history=self.history, since=since, tip=tip, tags=cursors.digest(tags))
            if (
                stored is not None
                and target == replace(stored, base="", done="", off_branch=0, off_digest="")
                and stored.complete
            ):
                return
            yield from _Pull(self, repo, tagged, target, tags, stored, wider=wider).batches()

    def _place(self, since: int | None) -> _Place | None:
        """Where to read; None for a repository without any commit."""
        local = urls.parse(self.url).local
        if local is None:
            clone = Clone(url=self.url, folder=self.context.folder, since=since, progress=self.context.progress)
            found = clone.refresh(self.branch)
            if clone.lacks_releases:
                self.context.meter.note(
                    "releases that are not tagged on the branch are not known, as the server gives no commits without their"
                    ' files: history = "all" reads them'
                )
            return None if found is None else _Place(found[0], clone.tagged, found[1])
        gitdir = locate(local)
        if gitdir is None:
            problem = "is not a git repository" if local.exists() else "does not exist"
            raise SourceError(f"{self.name}: {local} {problem}", remedy=f"check url; {urls.REMEDY}")
        with opened(gitdir) as repo:
            return _Place(gitdir, gitdir, self.branch or repo.branch())

    def _check_branch(self, repo: Repo, branch: str) -> None:
        """Raises SourceError where there are other branches: then a missing tip is not an empty repository."""
        others = repo.branches()
        if others:
            remedy = f'set "branch" to one of: {", ".join(others[:20])}'
            raise SourceError(f"{self.name}: there is no branch {branch!r} with a commit", remedy=remedy)

    def _told_repo(self, address: urls.Address) -> tuple[str, str]:
        if address.local is None:
            return address.repo, address.web
        gitdir = locate(address.local)
        return urls.local_repo(address.local, origin(gitdir) if gitdir else "")

    @cached_property
    def web(self) -> str:
        """The page of the repository, or "". A local one of unknown origin is taken to be what GitHub has by its name."""
        address = urls.parse(self.url)
        repo, page = self._told_repo(address)
        if page and (address.local is None or repo == self.repo):
            return page
        return "" if self.repo.startswith("local/") else f"https://github.com/{self.repo}"


@dataclass(frozen=True)
class _Place:
    """Where to read commits and, with their whole history, tags; ``branch`` is "" for a detached HEAD."""

    gitdir: GitDir
    tagged: GitDir
    branch: str


def _both(own: Iterable[Tag], tagged: Iterable[Tag]) -> tuple[Tag, ...]:
    """The tags of both, oldest first."""
    named = {tag.name: tag for tags in (own, tagged) for tag in tags}
    return tuple(sorted(named.values(), key=lambda tag: (tag.at, tag.name)))


@dataclass(frozen=True)
class _Pull:
    """One pull: from what is ``stored`` (a cursor) to ``target`` (the cursor that this pull begins with).

    ``tagged`` has the tags with their whole history, where ``repo`` may be shallow.
    """

    source: Source
    repo: Repo
    tagged: Repo
    target: cursors.Cursor
    tags: tuple[Tag, ...]
    stored: cursors.Cursor | None
    wider: bool

    def batches(self) -> Iterator[Batch]:
        plan, off = self._plan, self._off_plan
        cursor = cursors.off_branch_stored(replace(self.target, base=plan.base, done=plan.done), off.stored)
        first = self._opening()
        expected = left = len(plan.todo) + len(off.todo)
        read_off = list(off.stored)
        for records in chain(self._on_branch_records(), self._off_branch_records()):
            left -= len(records)
            if records[-1].ref in self._found.by:
                cursor = cursors.after(cursor, records[-1].ref)
            else:
                read_off += [record.ref for record in records]
                cursor = cursors.off_branch_stored(cursor, read_off)
            own = {record.id: self._first_tags[record.ref] for record in records if record.ref in self._first_tags}
            yield replace(
                first,
                records=records,
                cursor=(cursor if left else cursors.completed(cursor)).dumps(),
                expected=expected,
                first_tags={**first.first_tags, **own},
            )
            first = Batch(records=(), cursor="")
        if not expected:
            yield replace(first, cursor=cursors.completed(cursor).dumps(), expected=0)

    def _opening(self) -> Batch:
        """What the first batch carries beside records: the tags where they changed, the snapshot where records may be gone.

        A commit that arrives and is in a tag already (a release branch that was merged back) changes what that tag has anew.
        """
        plan, off = self._plan, self._off_plan
        batch = Batch(records=(), cursor="")
        changed = self.stored is None or self.stored.tags != self.target.tags
        if changed or off.rewritten or off.todo or any(sha in self._first_tags for sha in plan.todo):
            batch = replace(batch, tags=self._releases())
        if changed:
            stored = chain(plan.stored, off.stored)
            batch = replace(batch, first_tags={self._id(sha): self._first_tags.get(sha, "") for sha in stored})
        if plan.rewritten or off.rewritten:
            batch = replace(batch, snapshot=self._snapshot())
        return batch

    def _snapshot(self) -> Snapshot:
        whole = self._found.cut is None or self._whole is not self._graph
        since = None if whole else instant(str(self._found.cut))
        return Snapshot(frozenset(map(self._id, chain(self._reached, self._off_branch))), since)

    def _releases(self) -> tuple[Tag, ...]:
        """The tags with what each has anew."""
        kept = {*self._plan.todo, *self._plan.stored}
        stored = [*(sha for sha in self._found.order if sha in kept), *self._off_branch]
        return with_commits(self._ranges, self.tags, stored)

    def _on_branch_records(self) -> Iterator[tuple[Record, ...]]:
        return self._grouped(read.commits(self.repo, self._plan.todo, self._heads_only))

    def _off_branch_records(self) -> Iterator[tuple[Record, ...]]:
        return self._grouped(read.commits(self.tagged, self._off_plan.todo, self._heads_only))

    def _grouped(self, items: Iterable[read.Read]) -> Iterator[tuple[Record, ...]]:
        group: list[Record] = []
        size = 0
        for item in items:
            group.append(self._record(item))
            size += item.commit.patch_size + len(item.commit.body)
            if len(group) >= BATCH_RECORDS or size >= BATCH_BYTES:
                yield tuple(group)
                group, size = [], 0
        if group:
            yield tuple(group)

    def _record(self, item: read.Read) -> Record:
        commit = item.commit
        self._history.learn(commit.sha, commit.subject)
        names = [("co-author", name) for name in message.co_authors(commit.body, commit.author)]
        if commit.committer != commit.author:
            names.append(("committer", commit.committer))
        return Record(
            id=self._id(commit.sha),
            kind="commit",
            repo=self.source.repo,
            ref=commit.sha,
            title=commit.subject,
            body=commit.body,
            url=urls.commit_page(self.source.web, commit.sha),
            author=commit.author,
            events=(
                Event("authored", instant(commit.authored)),
                Event("committed", instant(commit.committed)),
                *self._landed(commit.sha),
            ),
            files=commit.files,
            links=self._links(commit.sha, commit.subject, commit.body),
            marks=tuple(self._marks(item)),
            meta=tuple(names),
        )

    def _landed(self, sha: str) -> tuple[Event, ...]:
        by = self._found.by.get(sha)
        return () if by is None else (Event("landed", instant(str(self._graph.dates[by]))),)

    def _links(self, sha: str, subject: str, body: str) -> tuple[Link, ...]:
        found = [Link("parent", self._id(parent)) for parent in self._parents(sha)]
        if (by := self._found.by.get(sha, sha)) != sha:
            found.append(Link("landed-by", self._id(by)))
        found += [Link("brought", self._id(other)) for other in self._found.brought.get(sha, ())]
        return (*found, *message.links(self.source.repo, sha, subject, body, self._history))

    def _marks(self, item: read.Read) -> Iterator[str]:
        commit, parents = item.commit, self._parents(item.commit.sha)
        if commit.sha not in self._found.by:
            yield "off-branch"
            if self._whole is not self._graph:
                yield "no-patch"
        if len(parents) > 1:
            yield "merge"
        if commit.sha in self._boundary:
            yield "boundary"
        elif not parents:
            yield "root"
        if not commit.files and not item.missing and commit.sha not in self._heads_only:
            yield "empty"
        if item.missing:
            yield "missing-blobs"
        if commit.body_cut or any(file.truncated for file in commit.files):
            yield "truncated"
        if commit.submodule:
            yield "submodule"

    def _parents(self, sha: str) -> Sequence[str]:
        return (self._graph if sha in self._found.by else self._whole).parents[sha]

    def _id(self, sha: str) -> str:
        return f"commit:{self.source.repo}@{sha}"

    @cached_property
    def _plan(self) -> cursors.Plan:
        return cursors.plan(
            self.stored,
            found=self._found,
            dates=self._graph.dates,
            branch=self.target.branch,
            since=self.target.since,
            wider=self.wider,
        )

    @cached_property
    def _off_plan(self) -> cursors.Plan:
        return cursors.plan_off_branch(self.stored, self._off_branch, wider=self.wider)

    @cached_property
    def _boundary(self) -> frozenset[str]:
        return self.repo.boundary()

    @cached_property
    def _graph(self) -> Graph:
        return graph(self.repo.topology([self.target.tip, *(tag.sha for tag in self.tags)]))

    @cached_property
    def _whole(self) -> Graph:
        if self.tagged.gitdir == self.repo.gitdir:
            return self._graph
        return graph(self.tagged.topology([self.target.tip, *(tag.sha for tag in self.tags)]))

    @cached_property
    def _found(self) -> Landings:
        return landings(self._graph, self.target.tip, self._boundary)

    @cached_property
    def _reached(self) -> frozenset[str]:
        """All that the branch reaches, with what lies before the beginning of a shallow copy as far as that is known."""
        if self._whole is self._graph:
            return self._found.reached
        return self._found.reached | reached(self._whole, self.target.tip)

    @cached_property
    def _ranges(self) -> Ranges:
        return ranges(self._whole, self.tags, {name: tag.name for name, tag in releases.previous(self.tags).items()})

    @cached_property
    def _off_branch(self) -> tuple[str, ...]:
        """Commits that only tags reach, of those that are made within the history."""
        cut = self._found.cut if self._whole is self._graph else None
        return off_branch(self._whole, self._ranges, self._reached, since=self.target.since, cut=cut)

    @cached_property
    def _first_tags(self) -> Mapping[str, str]:
        return first_tags(self._whole, self.tags)

    @cached_property
    def _history(self) -> message.History:
        positions = {sha: position for position, sha in enumerate(chain(self._found.order, self._off_branch))}
        read_now = {*self._plan.todo, *self._off_plan.todo}

        def subjects() -> Iterator[tuple[str, str]]:
            for repo, shas in ((self.repo, self._found.order), (self.tagged, self._off_branch)):
                yield from repo.subjects([sha for sha in shas if sha not in read_now])

        return message.History(positions, subjects)

    @cached_property
    def _heads_only(self) -> frozenset[str]:
        """Commits whose patch would mislead, as git shows a boundary's whole tree and a side merge repeats the mainline, and
        those that a copy has without their files."""
        side = {sha for sha in self._found.order if sha not in self._found.mainline and len(self._graph.parents[sha]) > 1}
        no_files = self._whole is not self._graph
        off = (sha for sha in self._off_branch if no_files or len(self._whole.parents[sha]) > 1)
        return frozenset(chain(side, off)) | self._boundary
