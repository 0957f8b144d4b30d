"""What a model is shown of an entry of a report, and of what is told of its weightiest entries. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kb.grounded.evidence import (
    LEAST_ROOM,
    LONGEST_TITLE,
    Case,
    cleaned,
    kind_of,
    speaks_to_a_machine,
    tokens_of,
    written_out,
)
from kb.report.types import Entry, Sentence
from kb.safe import one_line
from kb.types import Evidence

_MOST_BROUGHT = 12  # commits of a merge


def case(entry: Entry, evidence: Mapping[str, Evidence], *, room: int) -> Case | None:
    """The case of an entry within ``room`` tokens; None where there is nothing that a model should be asked about."""
    sources = _sources(entry, evidence)
    if not sources or room < LEAST_ROOM or any(speaks_to_a_machine(one.record) for one in sources):
        return None
    keys = {f"S{at}": one.key for at, one in enumerate(sources, 1)}
    changed = entry.view.changed.id
    left, parts = room, []
    for at, (label, one) in enumerate(zip(keys, sources, strict=True)):
        share = left // (len(sources) - at) if at else left
        part = written_out(label, one.record, share, hunk=entry.hunk if one.record.id == changed else None)
        parts.append(part)
        left = max(left - tokens_of(part), 0)
    return Case(kind_of(entry.view.record), "\n\n".join(parts), keys, {one.key: one for one in sources})


def outlook_case(
    told: Sequence[tuple[Entry, Sequence[Sentence]]], evidence: Mapping[str, Evidence], *, room: int
) -> Case | None:
    """The case of an outlook: what is told of some entries, the weightiest first, as far as ``room`` tokens go."""
    parts: list[str] = []
    keys: dict[str, str] = {}
    shown: dict[str, Evidence] = {}
    for entry, sentences in told:
        one = evidence.get(entry.view.key)
        if one is None or not sentences or speaks_to_a_machine(one.record):
            continue
        one = replace(one, record=cleaned(one.record))
        said = " ".join(sentence.text for sentence in sentences)
        part = f"[S{len(keys) + 1}] {kind_of(one.record)}: {one_line(one.record.title, limit=LONGEST_TITLE)}\n{said}"
        room -= tokens_of(part)
        if room < 0:
            break
        keys[f"S{len(keys) + 1}"] = one.key
        shown[one.key] = one
        parts.append(part)
    return Case("", "\n\n".join(parts), keys, shown) if parts else None


def _sources(entry: Entry, evidence: Mapping[str, Evidence]) -> list[Evidence]:
    view = entry.view
    views = (view.commit, view, entry.also, view.landed, *view.brought[:_MOST_BROUGHT])
    keys = dict.fromkeys(one.key for one in views if one and one.key in evidence)
    return [replace(evidence[key], record=cleaned(evidence[key].record)) for key in keys]
