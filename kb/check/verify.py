"""`kb verify`: a report in Markdown, of infra-kb or of any other system, held against the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo

from kb.catalog import Catalog
from kb.check.foreign import check_foreign
from kb.check.frames import foreign_frame
from kb.check.front import Front, front
from kb.check.own import check_own
from kb.check.parse import parse
from kb.check.types import CheckResult
from kb.errors import ReportError
from kb.report.frame import marked
from kb.report.types import Frame
from kb.types import LedgerRow


def check(
    markdown: str,
    *,
    catalog: Catalog,
    zone: tzinfo,
    frame: Frame | None = None,
    file_name: str = "",
    ledger: Sequence[LedgerRow] | None = None,
    index: str = "",
) -> CheckResult:
    """A verdict for each statement of a report, and what it lacks as a whole.

    A report of infra-kb says itself what it is about; every record of its window has to be there once, and no line that is not
    as it would be written again. Of another one ``frame`` says it, else the day in ``file_name``, else the first heading with a
    day, both meant in ``zone``. ``ledger`` has the rows of the configured sources, for reports of infra-kb; without it a source
    that the page leaves out is missed only where the page itself tells of it. ``index`` is the index of the archive beside a
    front page, which is held to it.

    Raises:
        ReportError: the report is too large, no text, or no page.
        CatalogError: the record store cannot be read.
    """
    if _is_json(markdown):
        raise ReportError(f"{file_name or 'the report'}: it is JSON, not a page", remedy="name the .md beside it")
    page = parse(markdown)
    own = marked(markdown)
    if own is not None:
        return check_own(page, own, catalog, ledger=ledger)
    found: Front | None = front(markdown, page, index)
    if found is not None:
        return found.with_latest(check_own(found.latest, found.frame, catalog, ledger=ledger))
    said = frame or foreign_frame(page, file_name=file_name, zone=zone)
    return check_foreign(page, said, catalog, zone=said.zone if said else zone)


def _is_json(text: str) -> bool:
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
