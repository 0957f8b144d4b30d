"""The sources as people read them: how each stands, in a word and a sign, what it has, what went wrong, what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from markupsafe import Markup

from kb.types import KINDS, LedgerRow
from kb.web.markup import badge, filled, join, tag, text
from kb.web.reader import Reader

_LOOK = {
    "ok": ("good", "check"),
    "stale": ("warn", "clock"),
    "failed": ("bad", "cross"),
    "interrupted": ("warn", "pause"),
    "running": ("info", "turn"),
    "never": ("quiet", "dash"),
    "truncated": ("warn", "part"),
    "orphan": ("quiet", "dash"),
}
_WORST_FIRST = ("failed", "interrupted", "stale", "truncated", "never", "running", "ok", "orphan")
_ERROR = 600  # characters


def standing(row: LedgerRow, now: datetime, *, orphan: bool = False) -> str:
    """How a source stands, in one word: failed, interrupted, running or never; truncated or stale for one that was read; ok;
    orphan for one that is configured no more."""
    if orphan:
        return "orphan"
    if row.status != "ok":
        return row.status
    if row.truncated:
        return "truncated"
    return "stale" if row.is_stale(now) else "ok"


def ledger_html(
    rows: Sequence[LedgerRow],
    reader: Reader,
    *,
    counts: Mapping[str, Mapping[str, int]] | None = None,
    orphans: Sequence[str] = (),
    actions: Mapping[str, Markup] | None = None,
) -> Markup:
    """A card for each source, what needs looking after first. ``counts`` maps source to kind to how many records, ``actions``
    source to what can be done with it."""
    words = reader.ui.sources
    if not rows:
        return tag("div", tag("p", tag("strong", words["empty"])), tag("p", words["empty hint"]), class_="kb-empty")
    stand = {row.source: standing(row, reader.now, orphan=row.source in orphans) for row in rows}
    ordered = sorted(rows, key=lambda row: (_rank(stand[row.source]), row.source))
    cards = [
        tag(
            "li",
            source_html(
                row,
                reader,
                counts=(counts or {}).get(row.source, {}),
                state=stand[row.source],
                actions=(actions or {}).get(row.source),
            ),
        )
        for row in ordered
    ]
    return tag("ul", *cards, class_="kb-sources")


def _rank(state: str) -> int:
    return _WORST_FIRST.index(state) if state in _WORST_FIRST else len(_WORST_FIRST)


def source_html(
    row: LedgerRow, reader: Reader, *, counts: Mapping[str, int], state: str, actions: Markup | None = None
) -> Markup:
    """One source: its state, its last success, what it holds; where something is wrong, what and what to do."""
    tone, sign = _LOOK.get(state, ("quiet", "dash"))
    facts = [fact for fact in (row.repo if row.repo != row.source else "", row.use) if fact]
    return tag(
        "article",
        tag(
            "header",
            tag("h3", text(row.source, limit=80)),
            badge(reader.ui.sources.get(state, text(state, limit=20)), tone, sign=sign),
            class_="kb-row",
        ),
        tag("p", text(" · ".join(facts), limit=160), class_="kb-dim"),
        tag("p", join(_dates(row, reader), " · ")),
        _held(counts, reader),
        *_wrong(row, state, reader),
        actions,
        class_=f"kb-source kb-is-{tone}",
        data_source=row.source,
    )


def _dates(row: LedgerRow, reader: Reader) -> Iterator[Markup | str]:
    words = reader.ui.sources
    yield filled(words["last"], ago=reader.ago(row.last_success)) if row.last_success else words["no last"]
    if row.latest:
        yield filled(words["newest"], ago=reader.ago(row.latest))
    if row.since:
        yield filled(words["since"], day=reader.day(row.since))
    if row.limit_reset and row.limit_reset > reader.now and (row.status != "ok" or row.truncated):
        yield filled(words["limit"], ago=reader.ago(row.limit_reset))  # servers tell it with every answer


def _held(counts: Mapping[str, int], reader: Reader) -> Markup:
    words = reader.ui.sources
    shown = [
        tag("li", tag("strong", f"{count:,}"), " ", reader.terms.kinds[kind] if count > 1 else reader.ui.kinds[kind].lower())
        for kind in KINDS
        if (count := counts.get(kind))
    ]
    shown += [
        tag("li", words[name].format(count=f"{counts[name]:,}"), class_="kb-dim")
        for name in ("gone", "off-branch")
        if counts.get(name)
    ]
    return tag("ul", *shown, class_="kb-held") if shown else tag("p", words["none"], class_="kb-dim")


def _wrong(row: LedgerRow, state: str, reader: Reader) -> Iterator[Markup]:
    words = reader.ui.sources
    if state == "running":
        form = "progress" if row.expected else "read"
        yield tag("p", words[form].format(done=f"{row.fetched:,}", total=f"{row.expected or 0:,}"))
    message, remedy = _told(row, state)
    remedy = remedy or words.get(f"do {state}", "").format(source=text(row.source, limit=80))
    told = [(words["what"], message), (words["do"], remedy)]
    if state not in ("ok", "running"):
        pairs = [join([tag("dt", name), tag("dd", text(value, limit=_ERROR))]) for name, value in told if value]
        yield tag("dl", *pairs, class_="kb-wrong")
    for note in row.notes:
        yield tag("p", text(note, limit=_ERROR), class_="kb-dim")


def _told(row: LedgerRow, state: str) -> tuple[str, str]:
    """What a run says of itself: kb.sync writes an error as "what; remedy"."""
    if state == "truncated":
        return row.truncated, ""
    message, _, remedy = row.error.removeprefix(f"{row.source}: ").partition("; ")
    return message, remedy
