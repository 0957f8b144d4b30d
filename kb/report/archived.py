"""Reports of an archive as values: what a sidecar says of one, which names they have, and the pages that list them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count, groupby
from typing import Any

from kb.escape import inert
from kb.report.frame import marked
from kb.report.types import Edition, Frame
from kb.report.wording import report_words
from kb.safe import json_text, one_line

SCHEMA = 1
LISTINGS = README, INDEX, FEED = "README.md", "index.json", "feed.xml"
GENERATOR = "infra-kb"

_MARK = f"<!-- {GENERATOR} archive"
_OURS: Mapping[str, bytes] = {  # what a listing of ours holds in its first bytes
    README: _MARK.encode(),
    INDEX: f'"generator": "{GENERATOR}"'.encode(),
    FEED: f"<generator>{GENERATOR}</generator>".encode(),
}
_FIRST_BYTES = 4096

_NAME = re.compile(r"\d{4}-\d{2}-\d{2}(?:-[A-Za-z0-9._+-]+)?")
_PART = re.compile(r"[a-z0-9._-]{1,60}")


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a report from any other: making it again replaces it."""

    day: date
    length: str
    language: str
    repos: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A report of an archive, by its sidecar. ``name`` is that of its files, without their ending.

    ``as_of`` is until when it tells: the end of its window, or when it was made if that came first; ``read_at``, when the
    last of its facts had been read. ``markdown_sha256`` is that of its page as it was written, which tells whether a
    person has changed it since.
    """

    name: str
    identity: Identity
    title: str
    summary: str
    since: datetime
    until: datetime
    as_of: datetime
    provisional: bool = False
    read_at: datetime | None = None
    fingerprint: str = ""
    markdown_sha256: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        """Until when it tells what happened."""
        return min(self.until, self.as_of)

    @property
    def updated(self) -> datetime:
        """When it came to say what it says."""
        return max(self.end, self.read_at or self.end)

    @property
    def label(self) -> str:
        """Its title, with the repositories where it is not about all."""
        return one_line(" · ".join([self.title, *self.identity.repos]), limit=300)


def _read_at(sources: Any) -> datetime | None:
    """When the source that was read last had been read, by a sidecar's ledger."""
    rows = [row for row in sources if isinstance(row, dict)] if isinstance(sources, list) else []
    return max([_moment(row["last_success"]) for row in rows if row.get("last_success")], default=None)


def identity_of(about: Edition | Frame) -> Identity:
    return Identity(about.day, about.length, about.language, tuple(about.repos))


def is_name(stem: str) -> bool:
    """Whether files so called may be those of a report."""
    return _NAME.fullmatch(stem) is not None


def archived(name: str, sidecar: bytes) -> Archived | None:
    """The report that a sidecar is of; None where it is not one."""
    try:
        values: dict[str, Any] = json.loads(sidecar, parse_constant=_refuse)
        window = values["window"]
        since, until, as_of = (_moment(window[key]) for key in ("since", "until", "as_of"))
        counts = values.get("counts")
        return Archived(
            name=name,
            identity=Identity(
                date.fromisoformat(values["date"]), str(window["length"]), str(values["language"]), _texts(values["repos"])
            ),
            title=one_line(str(values["title"]), limit=300),
            summary=one_line(str(values["summary"]), limit=2000),
            since=since,
            until=until,
            as_of=as_of,
            provisional=values.get("provisional") is True,
            read_at=_read_at(values.get("sources")),
            fingerprint=str(values.get("fingerprint", "")),
            markdown_sha256=str(values.get("markdown_sha256", "")),
            counts={key: value for key, value in counts.items() if key != "repos"} if isinstance(counts, dict) else {},
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def marked_identity(page: bytes) -> Identity | None:
    """Of which report a page is, by its first line; None where that does not say."""
    frame = marked(page.partition(b"\n")[0].decode("utf-8", "replace"))
    return identity_of(frame) if frame else None


def is_ours(listing: str, content: bytes) -> bool:
    """Whether a file with the name of a listing is one, or empty, and no person's own."""
    return not content or _OURS[listing] in content[:_FIRST_BYTES]


def newest_first(reports: Iterable[Archived]) -> list[Archived]:
    """By day; of one day the one whose name says the least comes first."""
    by_name = sorted(reports, key=lambda report: (len(report.name), report.name))
    return sorted(by_name, key=lambda report: report.identity.day, reverse=True)


# --- names -------------------------------------------------------------------------------------------------------------------


def names(wanted: Identity, holder: Identity | None) -> Iterator[str]:
    """Names that a report may have, the shortest first; ``holder`` is the report that has its day's plain name."""
    day = wanted.day.isoformat()
    yield day
    parts = {"length": wanted.length, "language": wanted.language, "repos": _repos_part(wanted.repos)}
    if holder is not None:
        differing = [part for key, part in parts.items() if getattr(wanted, key) != getattr(holder, key)]
        yield "-".join([day, *map(_part, differing)])
    full = "-".join([day, *map(_part, parts.values())])
    yield full
    unlike = f"{full}-{_short_hash(repr(wanted))}"
    yield unlike
    yield from (f"{unlike}-{number}" for number in count(2))


def _repos_part(repos: Sequence[str]) -> str:
    return "-".join(repo.rpartition("/")[2] for repo in repos) if repos else "all"


def _part(text: str) -> str:
    """``text`` as a part of a file name; a hash where it cannot be one on every system."""
    lower = text.lower()
    return lower if _PART.fullmatch(lower) else _short_hash(text)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


# --- pages -------------------------------------------------------------------------------------------------------------------


def readme(reports: Sequence[Archived], latest: str) -> str:
    """The archive's front page: ``latest``, the page of the first report, then links to the others by month."""
    words = report_words(reports[0].identity.language)
    head = f"{_MARK}: written anew with every report. Remove this line to keep what you write here. -->\n"
    blocks = [head + latest.strip("\n")]
    if len(reports) > 1:
        blocks.append(f"## {words.headings['earlier']}")
    for month, those in groupby(reports[1:], key=lambda report: f"{report.identity.day:%Y-%m}"):
        blocks += [f"### {month}", "\n".join(_listed(report, words.base.colon + words.base.gap) for report in those)]
    return "\n\n".join([*blocks, "---", f"[Atom]({FEED}) · [JSON]({INDEX})"]) + "\n"


def _listed(report: Archived, colon: str) -> str:
    return f"- [{inert(report.label)}]({report.name}.md){colon}{inert(report.summary)}"


def index(reports: Sequence[Archived]) -> str:
    """All reports as JSON, newest first, for programs."""
    values = {"schema": SCHEMA, "generator": GENERATOR, "reports": [_indexed(report) for report in reports]}
    return json_text(values, indent=1) + "\n"


def _indexed(report: Archived) -> dict[str, Any]:
    about = report.identity
    return {
        "date": about.day.isoformat(),
        "length": about.length,
        "language": about.language,
        "repos": list(about.repos),
        "title": report.title,
        "summary": report.summary,
        "window": {"since": _iso(report.since), "until": _iso(report.until), "as_of": _iso(report.as_of)},
        "provisional": report.provisional,
        "counts": report.counts,
        "markdown": f"{report.name}.md",
        "json": f"{report.name}.json",
    }


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("no list of texts")
    return tuple(values)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
