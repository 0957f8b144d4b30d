"""The writer without a model: sentences taken from the records themselves, chosen by what they say. Pure.

A sentence is told whole or not at all (kb.telling.clip says what may be left out of it), and nothing is said where nothing adds
to the title. Of a change it says what was done and why, of a thread what it asks, of a paper what it found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.lines import shown_title
from kb.protocols import Progress, silent
from kb.report import cues
from kb.report.told_change import told_change
from kb.report.told_notes import told_notes
from kb.report.told_paper import told_first, told_paper
from kb.report.told_release import told_release
from kb.report.told_thread import told_thread
from kb.report.types import Entry, Sentence, Written
from kb.types import Evidence, Record

_NEWS = ("features", "models", "performance")
_MOST_BROUGHT = 12  # commits of a merge that are looked at


@dataclass(frozen=True, slots=True)
class Extractive:
    """The writer that takes sentences from the records. It is fast, needs nothing, and never invents."""

    def write(
        self,
        entries: Sequence[Entry],
        evidence: Mapping[str, Evidence],
        *,
        language: str = "en",
        progress: Progress = silent,
    ) -> Written:
        """Sentences for each entry, in the language of its record. A record outside ``evidence`` is not quoted."""
        sentences = {
            entry.id: tuple(sentence for sentence in gist(entry) if all(key in evidence for key in sentence.keys))
            for entry in entries
        }
        progress("write", len(entries), len(entries))
        return Written(sentences=sentences)


def gist(entry: Entry) -> tuple[Sentence, ...]:
    """Up to two sentences of an entry's records; of a release up to four. Each stands in the record whose key it has."""
    title = shown_title(entry.view.subject, entry.view.pull)
    sources = _sources(entry)
    kind = entry.view.record.kind
    if kind == "release":
        return told_release(sources)
    if kind == "issue":
        return told_thread(title, sources)
    if kind == "paper":
        return told_paper(title, sources)
    if kind in ("post", "model"):
        return told_first(title, sources)
    files = entry.view.changed.files
    told = told_change(title, sources, repairs=_repairs(entry, title), files=files)
    return told or told_notes([(view.key, view.record) for view in (entry.view.landed or entry.view.commit or entry.view,)])


def _repairs(entry: Entry, title: str) -> bool:
    """Whether it undoes something that was wrong, so that what was wrong is its news."""
    return entry.group in ("fixes", "reverts") or (entry.group not in _NEWS and bool(cues.REPAIRS.search(title)))


def _sources(entry: Entry) -> list[tuple[str, Record]]:
    """The records that tell an entry, by their keys, each body once: a commit, its pull request, what a merge brought."""
    view = entry.view
    views = (view.commit, view, entry.also, view.landed, *view.brought[:_MOST_BROUGHT])
    by_body = {one.record.body: (one.key, one.record) for one in reversed(views) if one and one.record.body.strip()}
    return list(reversed(by_body.values()))
