"""`kb verify`: a report in Markdown, of infra-kb or of any other system, held against the store."""

from __future__ import annotations

from datetime import tzinfo

from kb.catalog import Catalog
from kb.check.foreign import check_foreign
from kb.check.frames import foreign_frame
from kb.check.own import check_own
from kb.check.parse import parse
from kb.check.types import CheckResult
from kb.report.frame import marked
from kb.report.types import Frame


def check(markdown: str, *, catalog: Catalog, zone: tzinfo, frame: Frame | None = None, file_name: str = "") -> CheckResult:
    """A verdict for each statement of a report, and what it lacks as a whole.

    A report of infra-kb says itself what it is about; every record of its window has to be there once, and its counts have to
    be the store's. Of another one ``frame`` says it, else the day in ``file_name``, else the first heading with a day, both
    meant in ``zone``.

    Raises:
        ReportError: the report is too large, or no text.
        CatalogError: the record store cannot be read.
    """
    page = parse(markdown)
    own = marked(markdown)
    if own is not None:
        return check_own(page, own, catalog)
    said = frame or foreign_frame(page, file_name=file_name, zone=zone)
    return check_foreign(page, said, catalog, zone=said.zone if said else zone)
