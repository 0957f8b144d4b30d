"""An archive as an Atom feed: the same bytes for the same reports, with ids that never change. Pure."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kb.report.archived import FEED, GENERATOR, README, Archived
from kb.report.wording import report_words
from kb.safe import one_line

LONGEST = 100  # entries
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:infra-kb:reports")


def atom(reports: Sequence[Archived], *, base_url: str = "") -> bytes:
    """The latest reports, newest first; links are relative where ``base_url``, that of the archive's folder, is not known."""
    from feedgen.feed import FeedGenerator

    base = f"{base_url.rstrip('/')}/" if base_url else ""
    language = reports[0].identity.language if reports else "en"
    feed: Any = FeedGenerator()
    feed.id(_NAMESPACE.urn)
    feed.title(report_words(language).titles["archive"])
    feed.author(name=GENERATOR)
    feed.generator(GENERATOR)
    feed.language(language)
    feed.link(href=f"{base}{README}", rel="alternate")
    feed.link(href=f"{base}{FEED}", rel="self", type="application/atom+xml")
    feed.updated(max((report.updated for report in reports), default=datetime.fromtimestamp(0, UTC)))
    for report in reports[:LONGEST]:
        _add(feed, report, base)
    text: bytes = feed.atom_str(pretty=True)
    return text


def _add(feed: Any, report: Archived, base: str) -> None:
    about = report.identity
    entry = feed.add_entry(order="append")
    entry.id(uuid.uuid5(_NAMESPACE, json.dumps([f"{about.day}", about.length, about.language, about.repos])).urn)
    entry.title(_xml(report.label))
    entry.link(href=f"{base}{report.name}.md", rel="alternate")
    entry.summary(_xml(report.summary), type="text")
    entry.updated(report.updated)


def _xml(text: str) -> str:
    """``text`` on one line, without what XML cannot hold."""
    return re.sub("[\ufffe\uffff]", "", one_line(text))
