"""An entry of the Hugging Face Hub's listing of models, and the record it becomes. Pure; any part may be missing or odd."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from kb.safe import one_line
from kb.types import Event, Link, Record

_ID = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n.*?^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_MOST = 30  # labels, and links


@dataclass(frozen=True)
class Model:
    """An entry of the listing. ``sha`` is "" where the Hub does not say it."""

    id: str
    sha: str
    author: str
    created: datetime
    changed: datetime
    labels: tuple[str, ...]
    links: tuple[Link, ...]

    @property
    def record_id(self) -> str:
        """Its record's id."""
        return f"model:huggingface/{self.id}"

    @property
    def revision(self) -> str:
        """What changes when it changes."""
        return self.sha or self.changed.isoformat()

    def record(self, base_url: str, card: str, marks: tuple[str, ...]) -> Record:
        """Its record; ``card`` is its README.md, as it is."""
        revised = (Event("revised", self.changed),) if self.changed > self.created else ()
        return Record(
            id=self.record_id,
            kind="model",
            repo="",
            ref=self.id,
            title=self.id,
            body=_FRONT_MATTER.sub("", card, count=1).strip(),
            url=f"{base_url.rstrip('/')}/{quote(self.id)}",
            author=self.author,
            labels=self.labels,
            events=(Event("published", self.created), *revised),
            links=self.links,
            marks=marks,
            meta=(("sha", self.sha),) if self.sha else (),
        )


def parse(item: object) -> Model | None:
    """The model that an entry of the listing tells of; None where it has no usable id or no date. All else may be missing."""
    values: Mapping[str, object] = item if isinstance(item, dict) else {}
    id, sha = values.get("id"), values.get("sha")
    changed = _instant(values.get("lastModified")) or _instant(values.get("createdAt"))
    if not isinstance(id, str) or not _ID.fullmatch(id) or len(id) > 200 or changed is None:
        return None
    given = values.get("tags")
    tags = [one_line(tag, limit=120) for tag in given if isinstance(tag, str)] if isinstance(given, list) else []
    named = [one_line(value) for key in ("pipeline_tag", "library_name") if isinstance(value := values.get(key), str) and value]
    said = [tag for tag in tags if tag.startswith(("license:", "base_model:"))]
    return Model(
        id=id,
        sha=sha if isinstance(sha, str) and re.fullmatch(r"[0-9a-f]{40}", sha) else "",
        author=id.partition("/")[0] if "/" in id else "",
        created=_instant(values.get("createdAt")) or changed,
        changed=changed,
        labels=tuple(dict.fromkeys([*named, *said]))[:_MOST],
        links=tuple(_links(tags))[:_MOST],
    )


def _links(tags: list[str]) -> Iterator[Link]:
    """The papers that a model's tags name, and the models it was made from."""
    for tag in dict.fromkeys(tags):
        kind, _, value = tag.partition(":")
        if kind == "arxiv" and re.fullmatch(r"\d{4}\.\d{4,5}", value):
            yield Link("paper", f"paper:arxiv:{value}")
        elif kind == "base_model" and _ID.fullmatch(value):
            yield Link("mentions", f"model:huggingface/{value}")


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is None else at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
