"""A report to read: the one that the archive keeps, or else one that is made of what is stored now. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kb.report.archive import Archive
from kb.report.compose import compose
from kb.report.gist import Extractive
from kb.report.sidecar import edition
from kb.report.swap import explained, read
from kb.reports import Wanted, choice_of, configured_ledger, frame_of
from kb.wiring import KnowledgeBase


@dataclass(frozen=True, slots=True)
class ReportText:
    """A report's page and the JSON object beside it; ``archived`` where it is the archive's."""

    markdown: str
    sidecar: Mapping[str, Any]
    archived: bool


def report_text(base: KnowledgeBase, wanted: Wanted, archive: Archive, *, fresh: bool = False) -> ReportText:
    """The report that is wanted: the archive's, unless ``fresh``; where it has none, one made without a language model.

    Raises:
        QueryError: a day, length, zone or repository that cannot be resolved.
        CatalogError: nothing has been read yet.
        ReportError: the archive cannot be read.
    """
    framed = frame_of(base, wanted, archive)
    name = archive.find(day=framed.day, length=framed.length, language=framed.language, repos=framed.repos)
    if name and not fresh and (kept := _kept(archive, name)):
        return kept
    ledger, choice = configured_ledger(base), choice_of(base.config, framed)
    made = edition(compose(framed, catalog=base.catalog, ledger=ledger, choice=choice, writer=Extractive()))
    return ReportText(made.markdown, made.sidecar, archived=False)


def _kept(archive: Archive, name: str) -> ReportText | None:
    """What the archive has under a name; None where its page or its sidecar cannot be read as such."""
    with explained(archive.folder):
        page, beside = read(archive.folder / f"{name}.md"), read(archive.folder / f"{name}.json")
    try:
        sidecar = json.loads(beside or b"")
    except ValueError:
        return None
    if page is None or not isinstance(sidecar, dict):
        return None
    return ReportText(page.decode("utf-8", "replace"), sidecar, archived=True)
