"""What the local GitHub serves: repositories with threads, releases and tags, and the changes that people make to them.

Every change moves ``updated`` as GitHub does. Times are aware and have whole seconds, as in its answers.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Said = tuple[str | None, datetime, str | None]  # user, at, text
Reviewed = tuple[str | None, datetime, str, str | None]  # user, at, state, text


class UnknownError(LookupError):
    """There is nothing of that name or number: a mistake of the test."""


@dataclass
class Comment:
    id: int
    user: str | None
    at: datetime
    updated: datetime
    text: str | None


@dataclass
class Review:
    """``state``: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING."""

    id: int
    user: str | None
    at: datetime
    state: str
    text: str | None


@dataclass(kw_only=True)
class Thread:
    """An issue, or a pull request where ``is_pull``. ``raw`` replaces fields of its answers as they are sent."""

    id: int
    number: int
    title: str
    body: str | None
    user: str | None
    labels: tuple[str, ...]
    created: datetime
    updated: datetime
    closed: datetime | None = None
    state_reason: str | None = None
    comments: list[Comment] = field(default_factory=list)
    raw: Mapping[str, Any] = field(default_factory=dict)
    is_pull: bool = False
    merged: datetime | None = None
    merge_sha: str = ""
    base: str = "main"
    head: str = "topic"
    draft: bool = False
    reviews: list[Review] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "open" if self.closed is None else "closed"


@dataclass(kw_only=True)
class Release:
    id: int
    tag: str
    name: str | None
    body: str | None
    created: datetime
    published: datetime | None
    updated: datetime
    draft: bool
    prerelease: bool
    user: str | None
    target: str
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Happening:
    """An entry of the repository's list of events (``/issues/events``): closed, reopened, merged, renamed, labeled, …"""

    id: int
    event: str
    actor: str | None
    at: datetime
    thread: Thread
    commit: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def sha_of(text: str) -> str:
    """A SHA as git would write it, the same for the same text."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()


class Repo:
    """A repository, ``owner/name``. Threads are named by number, comments and releases by what the methods gave back."""

    def __init__(self, name: str, id: int, *, created: datetime, mutex: threading.RLock) -> None:
        self.name = name
        self.id = id
        self.created = created
        self.has_issues = True
        self.private = False
        self.readers: frozenset[str] = frozenset()
        self.blocked = ""
        self.drafts_visible = False
        self.cursors_above: int | None = None
        self.threads: dict[int, Thread] = {}
        self.releases: dict[str, Release] = {}
        self.tags: dict[str, str] = {}
        self.happenings: list[Happening] = []
        self.former_names: set[str] = set()
        self.deleted_numbers: set[int] = set()
        self._mutex = mutex
        self._last_id = id * 10_000_000
        self._last_number = 0

    # -- filling ------------------------------------------------------------------------------------------------------

    def add_issue(
        self,
        *,
        title: str,
        created: datetime,
        body: str | None = "",
        user: str | None = "ada",
        labels: Sequence[str] = (),
        updated: datetime | None = None,
        closed: datetime | None = None,
        state_reason: str | None = None,
        comments: Iterable[Said] = (),
        number: int | None = None,
        raw: Mapping[str, Any] | None = None,
    ) -> Thread:
        """``updated`` is by default the last of all other times; ``raw`` replaces fields of the answers as they are sent."""
        with self._mutex:
            thread = Thread(
                id=self._new_id(),
                number=self._new_number(number),
                title=title,
                body=body,
                user=user,
                labels=tuple(labels),
                created=created,
                updated=created,
                closed=closed,
                state_reason=state_reason or ("completed" if closed else None),
                raw=raw or {},
            )
            self._hold(thread, comments, updated)
            if closed:
                self._happened("closed", user, closed, thread)
            return thread

    def add_pull(
        self,
        *,
        title: str,
        created: datetime,
        body: str | None = "",
        user: str | None = "ada",
        labels: Sequence[str] = (),
        updated: datetime | None = None,
        closed: datetime | None = None,
        merged: datetime | None = None,
        merge_sha: str = "",
        base: str = "main",
        head: str = "topic",
        draft: bool = False,
        comments: Iterable[Said] = (),
        reviews: Iterable[Reviewed] = (),
        number: int | None = None,
        raw: Mapping[str, Any] | None = None,
    ) -> Thread:
        """As ``add_issue``; one that is merged is closed too, and has a merge commit even where none is named."""
        with self._mutex:
            given = self._new_number(number)
            thread = Thread(
                id=self._new_id(),
                number=given,
                title=title,
                body=body,
                user=user,
                labels=tuple(labels),
                created=created,
                updated=created,
                closed=closed or merged,
                raw=raw or {},
                is_pull=True,
                merged=merged,
                merge_sha=merge_sha or (sha_of(f"{self.id} merge {given}") if merged else ""),
                base=base,
                head=head,
                draft=draft,
                reviews=[Review(self._new_id(), *review) for review in reviews],
            )
            self._hold(thread, comments, updated)
            if merged:
                self._happened("merged", user, merged, thread, commit=thread.merge_sha)
            if thread.closed:
                self._happened("closed", user, thread.closed, thread)
            return thread

    def add_release(
        self,
        tag: str,
        *,
        created: datetime,
        name: str | None = None,
        body: str | None = None,
        published: datetime | None = None,
        draft: bool = False,
        prerelease: bool = False,
        user: str | None = "ada",
        target: str = "main",
        raw: Mapping[str, Any] | None = None,
    ) -> Release:
        """A release of ``tag``, which exists from now on. Drafts are not published and only seen where ``drafts_visible``."""
        with self._mutex:
            when = None if draft else published or created
            release = Release(
                id=self._new_id(),
                tag=tag,
                name=name,
                body=body,
                created=created,
                published=when,
                updated=when or created,
                draft=draft,
                prerelease=prerelease,
                user=user,
                target=target,
                raw=raw or {},
            )
            self.releases[tag] = release
            if not draft:
                self.add_tag(tag)
            return release

    def add_tag(self, name: str, sha: str = "") -> None:
        with self._mutex:
            self.tags.setdefault(name, sha or sha_of(f"{self.id} tag {name}"))

    # -- what people do to threads ------------------------------------------------------------------------------------

    def edit(
        self,
        number: int,
        *,
        at: datetime,
        title: str | None = None,
        body: str | None = None,
        labels: Sequence[str] | None = None,
        actor: str | None = "ada",
    ) -> None:
        with self._mutex:
            thread = self.thread(number)
            if title is not None:
                self._happened("renamed", actor, at, thread, details={"rename": {"from": thread.title, "to": title}})
                thread.title = title
            if body is not None:
                thread.body = body
            if labels is not None:
                for label in labels:
                    if label not in thread.labels:
                        details = {"label": {"name": label, "color": "ededed"}}
                        self._happened("labeled", actor, at, thread, details=details)
                thread.labels = tuple(labels)
            thread.updated = at

    def close(
        self, number: int, *, at: datetime, state_reason: str = "completed", actor: str | None = "ada", commit: str = ""
    ) -> None:
        """``commit``: the one whose message closed it."""
        with self._mutex:
            thread = self.thread(number)
            thread.closed = thread.updated = at
            thread.state_reason = None if thread.is_pull else state_reason
            self._happened("closed", actor, at, thread, commit=commit)

    def reopen(self, number: int, *, at: datetime, actor: str | None = "ada") -> None:
        with self._mutex:
            thread = self.thread(number)
            thread.closed, thread.updated = None, at
            thread.state_reason = None if thread.is_pull else "reopened"
            self._happened("reopened", actor, at, thread)

    def merge(self, number: int, *, at: datetime, sha: str = "", actor: str | None = "ada") -> None:
        with self._mutex:
            thread = self.thread(number)
            thread.merged = thread.closed = thread.updated = at
            thread.merge_sha = sha or sha_of(f"{self.id} merge {number}")
            self._happened("merged", actor, at, thread, commit=thread.merge_sha)
            self._happened("closed", actor, at, thread)

    def comment(self, number: int, user: str | None, at: datetime, text: str | None) -> Comment:
        with self._mutex:
            thread = self.thread(number)
            thread.comments.append(Comment(self._new_id(), user, at, at, text))
            thread.updated = at
            return thread.comments[-1]

    def edit_comment(self, comment: Comment, text: str, *, at: datetime) -> None:
        """The comment's time and its thread's move."""
        with self._mutex:
            comment.text, comment.updated = text, at
            self._thread_of(comment).updated = at

    def delete_comment(self, comment: Comment) -> None:
        """No time moves: a listing with ``since`` does not show the thread."""
        with self._mutex:
            self._thread_of(comment).comments.remove(comment)

    def review(self, number: int, user: str | None, at: datetime, state: str, text: str | None = "") -> Review:
        with self._mutex:
            thread = self.thread(number)
            thread.reviews.append(Review(self._new_id(), user, at, state, text))
            thread.updated = at
            return thread.reviews[-1]

    def delete(self, number: int) -> None:
        """Delete a thread, or make a discussion of an issue: no listing has it any more, and asked for, it answers 410."""
        with self._mutex:
            del self.threads[self.thread(number).number]
            self.deleted_numbers.add(number)
            self.happenings = [happening for happening in self.happenings if happening.thread.number != number]

    # -- releases -----------------------------------------------------------------------------------------------------

    def edit_release(self, tag: str, *, at: datetime, name: str | None = None, body: str | None = None) -> None:
        with self._mutex:
            release = self._release(tag)
            release.name = release.name if name is None else name
            release.body = release.body if body is None else body
            release.updated = at

    def publish_release(self, tag: str, *, at: datetime) -> None:
        """Make a release of a draft."""
        with self._mutex:
            release = self._release(tag)
            release.draft, release.published, release.updated = False, at, at
            self.add_tag(tag)

    def delete_release(self, tag: str) -> None:
        """Its tag stays."""
        with self._mutex:
            del self.releases[self._release(tag).tag]

    # -- the repository as a whole ------------------------------------------------------------------------------------

    def rename(self, name: str) -> None:
        """From now on requests by the old name answer 301."""
        with self._mutex:
            self.former_names.add(self.name.lower())
            self.former_names.discard(name.lower())
            self.name = name

    def make_private(self, *readers: str) -> None:
        """404 for all but those with one of these tokens, as if it did not exist."""
        with self._mutex:
            self.private, self.readers = True, frozenset(readers)

    def disable_issues(self) -> None:
        """410 for its issues; pull requests stay."""
        self.has_issues = False

    def block(self, reason: str = "dmca") -> None:
        """451 for everything."""
        self.blocked = reason

    def thread(self, number: int) -> Thread:
        """Raises: UnknownError."""
        if number not in self.threads:
            raise UnknownError(f"{self.name} has no issue or pull request {number}")
        return self.threads[number]

    # -- within -------------------------------------------------------------------------------------------------------

    def _hold(self, thread: Thread, comments: Iterable[Said], updated: datetime | None) -> None:
        thread.comments = [Comment(self._new_id(), user, at, at, text) for user, at, text in comments]
        times = [thread.created, *(comment.at for comment in thread.comments), *(review.at for review in thread.reviews)]
        thread.updated = updated or max([*times, *(at for at in (thread.closed, thread.merged) if at)])
        self.threads[thread.number] = thread

    def _happened(
        self,
        event: str,
        actor: str | None,
        at: datetime,
        thread: Thread,
        *,
        commit: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.happenings.append(Happening(self._new_id(), event, actor, at, thread, commit, details or {}))

    def _thread_of(self, comment: Comment) -> Thread:
        return next(thread for thread in self.threads.values() if any(own is comment for own in thread.comments))

    def _release(self, tag: str) -> Release:
        if tag not in self.releases:
            raise UnknownError(f"{self.name} has no release {tag}")
        return self.releases[tag]

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _new_number(self, number: int | None) -> int:
        given = number or self._last_number + 1
        if given in self.threads or given in self.deleted_numbers:
            raise UnknownError(f"{self.name} had a number {given} already")
        self._last_number = max(self._last_number, given)
        return given
