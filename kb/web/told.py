"""Errors as sentences in the place where somebody looks. Pure."""

from __future__ import annotations

import re

from markupsafe import Markup

from kb.errors import CatalogError, KbError, SyncRunningError
from kb.web.markup import icon, tag, text
from kb.web.reader import Reader
from kb.web.store_html import store_html

_OPTION = re.compile(r"(?:(?<=^)|(?<=\s))--(since|until|as-of|repo|kind)\b")
_LABELS = {"since": "since", "until": "until", "as-of": "moment", "repo": "repos", "kind": "kinds"}


def told_html(error: KbError, reader: Reader) -> Markup:
    """What happened, and what to do about it; options by what they are called here."""
    message = _OPTION.sub(lambda found: reader.ui.app[_LABELS[found[1]]], error.message)
    if isinstance(error, CatalogError) and not isinstance(error, SyncRunningError):
        return store_html(error, reader)
    remedy = tag("p", text(error.remedy, limit=600)) if error.remedy else None
    happened = reader.ui.app["failed"].format(error=text(message, limit=600))
    return tag(
        "div",
        tag("p", icon("warning"), " ", tag("strong", happened)),
        remedy,
        class_="kb kb-told",
        role="alert",
        lang=reader.language,
    )


def sentence_html(sentence: str, reader: Reader) -> Markup:
    """One of our sentences that says why something is not done."""
    return tag("div", tag("p", icon("warning"), " ", sentence), class_="kb kb-told", role="alert", lang=reader.language)
