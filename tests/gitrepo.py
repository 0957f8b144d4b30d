"""Real git repositories with fixed dates, made by the git program: every SHA in them is the same on every machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.git_commits import Source
from kb.protocols import SourceContext
from kb.types import Batch, Record

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def day(number: float) -> datetime:
    """Noon of a day, counted from 2026-01-01, which is day 0."""
    return START + timedelta(days=number)


@dataclass
class GitRepo:
    """A repository with a work tree at ``path``."""

    path: Path

    @classmethod
    def create(cls, path: Path, *options: str) -> GitRepo:
        path.mkdir(parents=True, exist_ok=True)
        repo = cls(path)
        repo.git("init", "--quiet", "--initial-branch=main", *options)
        return repo

    def git(self, *args: str, when: datetime = START, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """What git printed, without the last newline."""
        stamp = f"{int(when.timestamp())} +0000"
        environment = {**os.environ, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp, **(env or {})}
        done = subprocess.run(["git", "-C", str(self.path), *args], input=stdin, capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout.decode("utf-8", "replace").removesuffix("\n")

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        for name, content in files.items():
            place = self.path / name
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(
        self,
        message: str | bytes = "change",
        files: Mapping[str, str | bytes | None] | None = None,
        *,
        when: datetime = START,
        authored: datetime | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """The SHA of a commit of ``files`` (None deletes one) and of whatever else has changed in the work tree."""
        self.write(files or {})
        self.git("add", "--all")
        own = dict(env or {})
        if authored is not None:
            own["GIT_AUTHOR_DATE"] = f"{int(authored.timestamp())} +0000"
        text = message if isinstance(message, bytes) else message.encode()
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-F", "-", when=when, stdin=text, env=own)
        return self.head

    def merge(self, branch: str, message: str = "merge", *, when: datetime = START, options: tuple[str, ...] = ()) -> str:
        self.git("merge", "--quiet", "--no-ff", "-m", message, *options, branch, when=when)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def source(self, folder: Path, **keys: str) -> Source:
        """A source that reads this repository in place, all of it by default."""
        return source(str(self.path), folder, **keys)


def source(url: str, folder: Path, *, now: datetime = NOW, **keys: str) -> Source:
    values = {"repo": "acme/widget", "history": "all", **keys}
    return Source(url=url, context=SourceContext(folder, now=now), **values)


@dataclass
class Store:
    """What a store does with batches, as far as a source can tell: upserts, marks what a snapshot leaves out."""

    records: dict[str, Record]
    gone: set[str]
    first_tags: dict[str, str]
    tags: tuple[str, ...]
    cursor: str | None

    @classmethod
    def empty(cls) -> Store:
        return cls({}, set(), {}, (), None)

    def apply(self, batch: Batch) -> None:
        for record in batch.records:
            self.records[record.id] = record
            self.gone.discard(record.id)
        if batch.snapshot is not None:
            since = batch.snapshot.since
            missing = {
                key
                for key, record in self.records.items()
                if key not in batch.snapshot.ids and (not since or record.at >= since)
            }
            self.gone = missing | {key for key in self.gone if key not in batch.snapshot.ids}
        for key, tag in batch.first_tags.items():
            if key in self.records:
                self.first_tags[key] = tag
        if batch.tags is not None:
            self.tags = tuple(tag.name for tag in batch.tags)
        self.cursor = batch.cursor

    def sync(self, source: Source) -> list[Batch]:
        batches = list(source.pull(self.cursor))
        for batch in batches:
            self.apply(batch)
        return batches

    def titled(self, title: str) -> Record:
        (found,) = (record for record in self.records.values() if record.title == title)
        return found


def read(source: Source) -> dict[str, Record]:
    """Every record of a first pull, by title."""
    store = Store.empty()
    store.sync(source)
    return {record.title: record for record in store.records.values()}


def landed(record: Record) -> datetime:
    return next(event.at for event in record.events if event.kind == "landed")


def varied(repo: GitRepo, first: int, last: int) -> None:
    """Commits, side branches, merges and tags, one number a day."""
    for number in range(first, last):
        repo.commit(f"commit {number}", {f"f{number % 3}": f"{number}\n"}, when=day(number))
        if number % 4 == 3:
            repo.git("checkout", "--quiet", "-b", f"side{number}", "HEAD~1")
            repo.commit(f"side {number}", {f"s{number}": "1\n"}, when=day(number))
            repo.git("checkout", "--quiet", "main")
            repo.merge(f"side{number}", f"merge {number}", when=day(number + 0.5))
        if number % 5 == 0:
            repo.git("tag", f"v{number}", when=day(number))
