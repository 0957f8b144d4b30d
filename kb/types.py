"""Core values: frozen, without behaviour beyond what follows from their own fields.

Times are aware UTC datetimes here and epoch seconds in the stores. An id is stable for ever and names its record without
the store: ``commit:owner/name@<40 hex>``, ``pull:owner/name#123``, ``issue:owner/name#123``, ``release:owner/name@tag``,
``paper:arxiv:2602.02061``, ``post:<feed>:<its id>``, ``model:<hub>/<owner>/<name>``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

KINDS = ("commit", "pull", "issue", "release", "paper", "post", "model")

# The parts of a scope that a follow-up question can take over.
PARTS = ("window", "repos", "kinds", "topic", "narrowed", "facets", "events", "states", "identifiers", "relation", "as_of")

# The event that puts a record into a window, by kind, first one present wins.
WINDOW_EVENTS: Mapping[str, tuple[str, ...]] = {
    "commit": ("landed", "committed", "authored"),
    "pull": ("merged", "closed", "opened"),
    "issue": ("opened",),
    "release": ("released", "tagged"),
    "paper": ("published",),
    "post": ("published",),
    "model": ("published",),
}


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that happened to a record.

    ``kind``: authored, committed, landed; opened, closed, merged, reopened, updated; released, tagged; published, revised.
    """

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to another record, stored or not.

    ``rel`` of a commit: parent, landed-by, brought, pull, fixes, reverts, cherry-picked-from; of a pull: landed-as (its merge
    commit). What any record's text says gives fixes, mentions and paper as well (see kb.references). A bare number's target is
    an ``issue:`` id; it may be a pull request's.
    """

    rel: str
    target: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk of a patch: ``start`` is its first line in the new file (1-based), ``context`` git's function context."""

    start: int
    context: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file of a change.

    ``status`` is git's letter (A, M, D, R, C, T). ``additions`` and ``deletions`` count lines of the whole change, also where
    ``patch`` (unified diff, from the first ``@@``) was capped, which ``truncated`` says. A binary file has no counts or patch.
    """

    path: str
    old_path: str = ""
    status: str = "M"
    additions: int = 0
    deletions: int = 0
    binary: bool = False
    patch: str = ""
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Text that belongs to a record beside its body.

    ``kind``: comment; review, whose ``verdict`` is approved, changes_requested, …; page, of a paper's full text, whose
    ``verdict`` is the page's number. ``at`` is when it was said; of a page, when that version appeared.
    """

    kind: str
    at: datetime
    author: str = ""
    text: str = ""
    verdict: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing that exists at a source; ``title`` and ``body`` are raw text, hostile until rendered.

    ``marks`` are short words that say what is special or could not be read: merge, boundary (of a shallow clone: the patch
    is unknown), missing-blobs, no-patch, truncated; off-branch: a commit that only releases have. ``meta`` holds pairs that
    only some kinds have (co-author, committer, …).
    """

    id: str
    kind: str
    repo: str
    ref: str
    title: str
    body: str = ""
    url: str = ""
    author: str = ""
    state: str = ""
    labels: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    files: tuple[FileChange, ...] = ()
    links: tuple[Link, ...] = ()
    marks: tuple[str, ...] = ()
    meta: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def at(self) -> datetime:
        """The instant that places this record in a window (see WINDOW_EVENTS); the epoch where no event is known."""
        by_kind = {event.kind: event.at for event in reversed(self.events)}
        for kind in WINDOW_EVENTS.get(self.kind, ()):
            if kind in by_kind:
                return by_kind[kind]
        return min(by_kind.values(), default=datetime.fromtimestamp(0, UTC))

    @property
    def content_hash(self) -> str:
        """sha256 (32 hex digits) over every field: equal hashes mean that nothing has to be stored or indexed again."""
        values = asdict(self)
        if not self.notes:
            del values["notes"]  # so that the hashes of records stored before there were any still hold
        text = json.dumps(values, default=_plain, ensure_ascii=True, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def linked(self, rel: str) -> tuple[str, ...]:
        """Targets of this record's links of one relation."""
        return tuple(link.target for link in self.links if link.rel == rel)

    def as_known(self, at: datetime) -> Record | None:
        """This record as it was known at ``at``: without later events and notes, its state what it was then; None before
        its first event. Title, body and labels are as they are now: nobody tells what they were."""
        events = tuple(event for event in self.events if event.at < at)
        if len(events) == len(self.events) and all(note.at < at for note in self.notes):
            return self
        known = any(event.kind in WINDOW_EVENTS["pull"] for event in events) if self.kind == "pull" else self.at < at
        if not known:
            return None
        return replace(
            self,
            events=events,
            notes=tuple(note for note in self.notes if note.at < at),
            state=_state(self, events),
        )


def _state(record: Record, known: tuple[Event, ...]) -> str:
    """A thread's state by the last thing known to have happened to it; of other kinds it does not change."""
    # GitHub closes a pull request in the second in which it merges it.
    last = max(
        (event for event in known if event.kind in _STATES), key=lambda event: (event.at, event.kind == "merged"), default=None
    )
    return _STATES[last.kind] if last and record.kind in ("issue", "pull") else record.state


_STATES = {"opened": "open", "reopened": "open", "closed": "closed", "merged": "merged"}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"a record holds a {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a repository: ``sha`` is the commit it peels to, ``at`` the tagger's date or, if lightweight, the commit's.

    ``previous`` names the tag before it in version order, "" where there is none. ``commits`` are the SHAs that it contains and
    ``previous`` does not, as far as they are stored, latest first, those off the branch that is read before the others;
    ``beyond`` counts those that are not: they are from before what is stored.
    """

    name: str
    sha: str
    at: datetime
    previous: str = ""
    commits: tuple[str, ...] = ()
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All ids that a source has now; what it once gave, landed at or after ``since``, and is not in ``ids``, is gone."""

    ids: frozenset[str]
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records to store together with the cursor that follows them, in one transaction.

    ``expected`` is how many records this pull will give in all, where known. ``tags``, where not None, replaces the tags of
    the source's repository; ``first_tags`` maps record id to the first tag that contains it, for records of this or earlier
    batches. ``truncated`` says which limit cut the pull short.
    """

    records: tuple[Record, ...]
    cursor: str
    expected: int | None = None
    tags: tuple[Tag, ...] | None = None
    first_tags: Mapping[str, str] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    truncated: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open UTC interval; None is unbounded. ``label`` is the expression it was resolved from.

    ``releases`` are ids ("release:owner/name@tag") where the expression named releases: then the commits that are new in
    them are meant, by the graph where that is known; the interval spans the same by the tags' dates.
    """

    start: datetime | None = None
    end: datetime | None = None
    label: str = ""
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a question asks about.

    ``intent`` is window (a set question: every matching record), needle (one record, described), identifier (named exactly) or
    compare (as many set questions as it has ``sides``; its own window and repositories hold all of theirs).
    ``topic`` is what is left once time, repository and question words are taken out, in English terms (a Chinese topic has gone
    through the glossary); ``facets`` are kinds of change asked for (revert, breaking, fix, feature, performance, …).
    ``events`` are the kinds of event that have to lie in the window ("closed last week"); empty means each record's own window
    event. ``as_of`` is the moment as which the question is asked, None for now: what happened later is not known.
    ``unresolved`` are expressions of time that could not be resolved: always shown, never dropped. Empty ``repos`` or
    ``kinds`` mean all.

    ``kinds`` are those that the question names: an answer is one of them, and that none are stored is worth saying.
    ``implied_kinds`` are those that its words suggest where it names none ("what was merged?": commits, pull requests and
    releases; "is #12 still open?": issues and pull requests): the search is held to those of them that are stored, and that
    some are not is no gap. ``states`` are what issues and pull requests have to be: open, closed (not merged), merged;
    records of other kinds have no such state and pass.
    ``relation`` says what the named record is to the wanted one: "fixed-by", "reverted-by" or "implemented-by" it ("which
    commit fixed #12?"), or it "fixes" or "reverts" that one ("which issue does #12 fix?"), or that one is its "paper"; "" where
    the named record itself is wanted.

    ``resolved_at`` is the moment from which its times were counted; a window that ends there is open. ``inherited`` names the
    parts (of PARTS) that a follow-up question took from the one before it; a topic that it only narrowed is "narrowed".
    ``dropped`` are parts of the one before that do not fit it. ``asked_topic`` is the topic as the question has it, where a
    language model has put it in other words. ``unknown_repos`` are names that it gives for repositories and
    nothing follows. ``unclear`` is a word that stands for one record of many ("it", after a list). All of these are told.
    """

    question: str
    window: Window = field(default_factory=Window)
    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    topic: str = ""
    identifiers: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    intent: str = "needle"
    unresolved: tuple[str, ...] = ()
    language: str = "en"
    events: tuple[str, ...] = ()
    as_of: datetime | None = None
    implied_kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    relation: str = ""
    resolved_at: datetime | None = None
    sides: tuple[Scope, ...] = ()
    inherited: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    unknown_repos: tuple[str, ...] = ()
    unclear: str = ""
    asked_topic: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A piece of a record to embed: ``part`` names it within the record and is stable while its text's role is the same."""

    record_id: str
    part: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.record_id}#{self.part}"


@dataclass(frozen=True, slots=True)
class Quote:
    """Text that stands verbatim in a record.

    ``path`` and ``line`` (1-based, new file) say where in a patch; ``note`` is the one of the record's notes that it is from.
    """

    text: str
    path: str = ""
    line: int = 0
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result: each record once, best first; ``score`` in 0..1 is comparable within one search only."""

    record: Record
    score: float
    quote: Quote
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record under its citation key (``flashinfer@9329fb4``, ``flashinfer#2450``, ``arXiv:2602.02061``)."""

    key: str
    record: Record
    quote: Quote
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence and the keys it rests on; ``verdict`` is exact, or says what failed."""

    text: str
    keys: tuple[str, ...]
    verdict: str = "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """What is known about a source's last run. ``status``: never, running, ok, failed, interrupted. Times are aware UTC.

    ``since`` is where what is stored of it begins, by its configured history; None for everything, or where it cannot say.
    ``kinds`` are the kinds of record it gives (empty: not known). ``requests`` counts what was asked of its server,
    ``limit_reset`` is when the server will take more. ``notes`` are what a person should know although nothing failed.
    ``stale_after`` is how old its last success may be before it counts as stale, in seconds.
    """

    source: str
    use: str
    repo: str
    status: str = "never"
    started: datetime | None = None
    ended: datetime | None = None
    last_success: datetime | None = None
    fetched: int = 0
    expected: int | None = None
    new: int = 0
    changed: int = 0
    gone: int = 0
    truncated: str = ""
    error: str = ""
    latest: datetime | None = None
    since: datetime | None = None
    kinds: tuple[str, ...] = ()
    requests: int = 0
    limit_reset: datetime | None = None
    notes: tuple[str, ...] = ()
    stale_after: float = 86_400.0

    def is_stale(self, at: datetime) -> bool:
        """Whether its last success is older than ``stale_after`` at that moment; never for a source that had none."""
        return self.last_success is not None and (at - self.last_success).total_seconds() > self.stale_after

    def as_json(self) -> dict[str, Any]:
        """JSON-ready; datetimes as ISO 8601."""
        return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found: ``hits`` best first, of ``in_window`` records that window, repositories and kinds let through.

    ``timings_ms`` maps stage to milliseconds; ``degraded`` says what could not be used (no vectors yet, say), "" where all was.
    """

    hits: tuple[Hit, ...]
    in_window: int
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    degraded: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete an answer is: ``matched`` records answer the question, ``listed`` of them stand in the answer's text,
    of ``in_window`` records that the scope lets through."""

    matched: int
    listed: int
    in_window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """What a language model did for an answer, and what that cost. ``name`` is the model's.

    ``read`` of the records that match were put to it. ``cached`` counts what it had answered before and was not asked again.
    ``problems`` say in one line each what it could not be asked.
    """

    name: str
    read: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cached: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with everything that it rests on.

    ``status``: answered, partial (closest matches, not confirmed) or abstained. ``text`` is Markdown, safe to render; it begins
    with ``head``: what was asked about, and how complete the answer is. ``model`` is None where no language model was asked;
    the claims that it made come first.
    ``evidence`` has each cited record once; ``matched`` are the ids of those that answer the question, without what is
    only mentioned beside them. ``removed`` counts claims that failed verification and stand nowhere in the answer.
    ``ledger`` has the sources that the scope touches; ``degraded`` says what the search could not use; ``confidence``
    is in 0..1.
    """

    question: str
    scope: Scope
    status: str
    text: str
    claims: tuple[Claim, ...]
    evidence: tuple[Evidence, ...]
    coverage: Coverage
    removed: int = 0
    ledger: tuple[LedgerRow, ...] = ()
    confidence: float = 0.0
    degraded: str = ""
    language: str = "en"
    matched: tuple[str, ...] = ()
    head: str = ""
    model: ModelUse | None = None

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Expressions of time in the question that were not used, as they could not be resolved."""
        return self.scope.unresolved


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which hits answer a question.

    ``status``: answered, partial or abstained. ``confidence`` in 0..1. ``matched`` are positions in the hits: of a window
    question every match, else the best ones.
    """

    status: str
    confidence: float
    matched: tuple[int, ...]
