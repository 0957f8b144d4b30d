"""What stands below the filters of Browse: the table with its pages, or one record, whole."""

from __future__ import annotations

from markupsafe import Markup

from kb.catalog import Catalog
from kb.errors import KbError
from kb.web.browse import Page
from kb.web.browse_html import browse_html
from kb.web.browsing import Behind, Browsing
from kb.web.markup import filled, join, tag, text
from kb.web.narrow_html import active_html
from kb.web.reader import Reader
from kb.web.record_html import missing_html, open_record, record_html
from kb.web.told import told_html

_ID = 500  # characters
_LINES, _NOTES = 20_000, 500


def table_html(page: Page, shown: Browsing, behind: Behind | None, reader: Reader) -> Markup:
    """The filters that are set, the rows, and the way to the other pages."""
    parts = [_behind(behind, reader), active_html(shown, reader), browse_html(page, reader), _pages(page, reader)]
    return tag("div", *parts, class_="kb kb-browse", lang=reader.language)


def wrong_html(error: KbError, shown: Browsing, reader: Reader) -> Markup:
    """What is wrong with the filters that are set, each of which can be taken away."""
    return join([tag("div", active_html(shown, reader), class_="kb", lang=reader.language), told_html(error, reader)])


def _behind(behind: Behind | None, reader: Reader) -> Markup | None:
    """That only the records behind a bar are shown, and the two ways back."""
    if behind is None:
        return None
    words = reader.ui.browse
    said = filled(words["behind"], label=tag("strong", text(behind.label, limit=160)))
    every = tag("button", words["show all"], type="button", class_="kb-more", data_clear="docs")
    back = tag("button", words["to activity"], type="button", class_="kb-more", data_tab="activity")
    return tag("div", tag("p", said), tag("p", every, " ", back), class_="kb-behind", role="status")


def _pages(page: Page, reader: Reader) -> Markup | None:
    if page.pages == 1:
        return None
    words = reader.ui.browse
    told = words["page"].format(page=f"{page.page:,}", pages=f"{page.pages:,}")
    parts = [
        _turn(words["previous"], page.page - 1, page.page > 1),
        tag("span", told, class_="kb-dim"),
        _turn(words["next"], page.page + 1, page.page < page.pages),
    ]
    return tag("nav", *parts, class_="kb-pages", aria_label=words["pages"])


def _turn(label: str, to: int, possible: bool) -> Markup:
    return tag("button", label, type="button", class_="kb-more", data_page=to, disabled=not possible)


def record_page(catalog: Catalog, id: str, reader: Reader) -> Markup:
    """The whole record, or that there is none; and the way to all of them.

    Raises:
        CatalogError: the record store cannot be read.
    """
    opened = open_record(catalog, id[:_ID])
    shown = record_html(opened, reader, lines=_LINES, notes=_NOTES) if opened else missing_html(id, reader)
    back = tag("a", "← ", reader.ui.browse["back"], href="?tab=browse", class_="kb-link", data_back=True)
    return tag("div", tag("p", back), shown, class_="kb kb-browse kb-one", lang=reader.language)


def waiting_html() -> Markup:
    """While the first page is on its way."""
    return tag("div", *(tag("div", class_="kb-skeleton") for _ in range(8)), class_="kb", aria_hidden="true")
