"""Where there are no records to show: why, and what to do, in the same words in every tab. Pure."""

from __future__ import annotations

import re

from markupsafe import Markup

from kb.errors import CatalogError, DamagedCatalogError, EmptyCatalogError
from kb.web.markup import icon, tag, text
from kb.web.reader import Reader

_FOLDERS = re.compile(r"^(?:[A-Za-z]:)?[/\\][^:]*[/\\]")  # errors of the store begin with its path
_ERROR = 300  # characters


def store_html(error: CatalogError, reader: Reader) -> Markup:
    """That nothing has been read yet, with the way to Sources; or that the store cannot be read, with what its owner can do.

    Who looks at the page learns of no folder of the server's.
    """
    words = reader.ui.store
    if isinstance(error, EmptyCatalogError):
        way = tag("button", words["sources"], type="button", class_="kb-do kb-main", data_tab="sources")
        told = (tag("p", tag("strong", words["empty"])), tag("p", words["empty hint"]), tag("p", way, class_="kb-actions"))
        return tag("div", tag("div", *told, class_="kb-empty"), class_="kb kb-store", lang=reader.language)
    if isinstance(error, DamagedCatalogError):
        happened, remedy = words["damaged"], words["damaged hint"]
    else:
        cause = text(_FOLDERS.sub("", error.message), limit=_ERROR)
        happened, remedy = words["unreadable"].format(error=cause), words["unreadable hint"]
    return tag(
        "div",
        tag("p", icon("warning"), " ", tag("strong", happened)),
        tag("p", remedy),
        class_="kb kb-told kb-store",
        role="alert",
        lang=reader.language,
    )
