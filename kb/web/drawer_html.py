"""What stands in the drawer: its name, and a record, whole. Pure but for the catalog that is read."""

from __future__ import annotations

from markupsafe import Markup

from kb.catalog import Catalog
from kb.types import Quote
from kb.web.diff_html import LINES
from kb.web.markup import tag
from kb.web.reader import Reader
from kb.web.record_html import missing_html, open_record, record_html
from kb.web.thread_html import NOTES

ID_LIMIT = 500  # characters
_MOST_LINES = 20_000
_MOST_NOTES = 500


def name_html(reader: Reader) -> Markup:
    """What the drawer is."""
    return tag("h2", reader.ui.frame["record"], id="kb-drawer-name", class_="kb", lang=reader.language)


def drawer_html(
    catalog: Catalog, id: str, reader: Reader, *, quote: Quote | None = None, lines: int = LINES, notes: int = NOTES
) -> Markup:
    """The record of this id; that there is none, where there is none; nothing for "".

    Raises:
        CatalogError: the record store cannot be read.
    """
    if not id:
        return Markup()
    opened = open_record(catalog, id)
    if opened is None:
        return tag("div", missing_html(id, reader), class_="kb", lang=reader.language)
    lines, notes = min(lines, _MOST_LINES), min(notes, _MOST_NOTES)
    return tag("div", record_html(opened, reader, quote=quote, lines=lines, notes=notes), class_="kb", lang=reader.language)
