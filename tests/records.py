"""Records for tests of the store: short to write, different in everything that matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kb.catalog import Catalog, Stored
from kb.types import Batch, Event, FileChange, Link, Record

REPO = "acme/kernels"
START = datetime(2026, 2, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def sha(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}{number:032x}"


def commit(number: int, title: str = "", *, repo: str = REPO, **fields: Any) -> Record:
    """Commit ``number``, landed on that day."""
    defaults: dict[str, Any] = {
        "title": title or f"change number {number}",
        "author": "Ada",
        "url": f"https://example.org/{repo}/commit/{sha(number)}",
        "events": (Event("authored", day(number - 0.5)), Event("landed", day(number))),
        "files": (FileChange(path=f"src/part{number}.py", additions=1, patch=f"@@ -1 +1 @@\n+value_{number} = {number}\n"),),
        "links": (Link("pull", f"pull:{repo}#{number}"),),
    }
    return Record(id=f"commit:{repo}@{sha(number)}", kind="commit", repo=repo, ref=sha(number), **{**defaults, **fields})


def pull(number: int, title: str, *, repo: str = REPO, **fields: Any) -> Record:
    events = (Event("opened", day(number)),)
    return Record(
        id=f"pull:{repo}#{number}", kind="pull", repo=repo, ref=str(number), title=title, **{"events": events, **fields}
    )


def put(catalog: Catalog, *records: Record, source: str = "git", cursor: str = "c", **batch: Any) -> Stored:
    """One whole run of a source with one batch."""
    catalog.begin(source, use="git_commits", repo=REPO)
    stored = catalog.store(source, Batch(records=records, cursor=cursor, **batch))
    catalog.finish(source)
    return stored


def titles(catalog: Catalog, docs: list[int]) -> list[str]:
    return [brief.title for brief in catalog.briefs(docs)]


def thread(
    kind: str,
    number: int,
    title: str,
    *,
    opened: float,
    closed: float | None = None,
    merged: float | None = None,
    **fields: Any,
) -> Record:
    """An issue or a pull request; times are days (see ``day``)."""
    times = {"opened": opened, "closed": merged if closed is None else closed, "merged": merged}
    return Record(
        id=f"{kind}:{REPO}#{number}",
        kind=kind,
        repo=REPO,
        ref=str(number),
        title=title,
        url=f"https://example.org/{REPO}/{'pull' if kind == 'pull' else 'issues'}/{number}",
        state="merged" if merged is not None else "closed" if closed is not None else "open",
        **{"author": "Ada", "events": tuple(Event(name, day(at)) for name, at in times.items() if at is not None), **fields},
    )
