"""A page of records as a table. Pure."""

from __future__ import annotations

from markupsafe import Markup

from kb.catalog import Size
from kb.lines import shown_title
from kb.types import Record
from kb.web.browse import Page, Row
from kb.web.diff_html import counts_html
from kb.web.markup import Child, chip, join, scrolling, tag, text
from kb.web.reader import Reader
from kb.web.record_html import kind_badge, permalink, state_badge

_COLUMNS = ("date", "key", "title", "kind", "author", "size")


def browse_html(page: Page, reader: Reader) -> Markup:
    """The rows, each with its chip and a link to its page; what to do where there is none."""
    words = reader.ui.browse
    if not page.rows:
        return tag("div", tag("p", tag("strong", words["empty"])), tag("p", words["empty hint"]), class_="kb-empty")
    head = tag("tr", *(tag("th", words[name], scope="col", class_=f"kb-col-{name}") for name in _COLUMNS))
    body = [_row(row, reader) for row in page.rows]
    table = tag("table", tag("thead", head), tag("tbody", *body), class_="kb-records")
    counted = words["shown"].format(first=f"{page.first:,}", last=f"{page.last:,}", total=f"{page.total:,}")
    return join([tag("p", counted, class_="kb-dim", role="status"), scrolling(table, words["table"], class_="kb-scroll")])


def _size(size: Size, reader: Reader) -> Child:
    """Lines; where none was counted, as of pictures and of what was only moved, files."""
    if size.additions or size.deletions:
        return counts_html(size.additions, size.deletions)
    return reader.counted("files", size.files) if size.files else None


def _row(row: Row, reader: Reader) -> Markup:
    record = Record(id=row.id, kind=row.kind, repo=row.repo, ref="", title=row.title, state=row.state)
    title = text(shown_title(record), limit=200) or reader.ui.record["untitled"]
    link = tag("a", title, href=permalink(row.id), class_="kb-link", data_id=row.id)
    cells = {
        "date": reader.day(row.at),
        "key": chip(row.key, row.id),
        "title": join([link, state_badge(record, reader)], " "),
        "kind": kind_badge(row.kind, reader),
        "author": text(row.author, limit=40),
        "size": _size(row.size, reader),
    }
    return tag("tr", *(tag("td", cells[name], class_=f"kb-col-{name}") for name in _COLUMNS))
