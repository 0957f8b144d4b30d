"""What the words of the pages are for; both languages have the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UiWords:
    """Texts by the part of the app that shows them, some with ``{named}`` places; both languages have the same keys."""

    language: str
    app: Mapping[str, str]
    frame: Mapping[str, str]
    store: Mapping[str, str]
    ask: Mapping[str, str]
    record: Mapping[str, str]
    diff: Mapping[str, str]
    sources: Mapping[str, str]
    jobs: Mapping[str, str]
    adding: Mapping[str, str]
    reports: Mapping[str, str]
    activity: Mapping[str, str]
    browse: Mapping[str, str]
    programs: Mapping[str, str]
    examples: Mapping[str, str]
    kinds: Mapping[str, str]  # of one record; of many see kb.wording
    counts: Mapping[str, str]
    span: Mapping[str, str]
