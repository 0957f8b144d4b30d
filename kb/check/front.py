"""The front page of an archive: the latest report, and a list of the others. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kb.check.desk import judged
from kb.check.forms import fields
from kb.check.frames import foreign_frame
from kb.check.types import EXACT, UNKNOWN, WRONG_FIGURE, CheckResult, Finding, Page, Statement, count
from kb.check.verbatim import as_shown, letters
from kb.escape import inert
from kb.report.archived import FEED, INDEX, README, is_name, is_ours
from kb.report.frame import MARK, marked
from kb.report.types import Frame
from kb.report.wording import report_words

_COMMENT = re.compile(r"<!--[^>]*-->")
_MONTH = re.compile(r"\d{4}-\d{2}")
_DAY = "2026-01-01T00:00:00Z"
_UNKNOWN = {"date": _DAY[:10], "length": "1d", "language": "en", "repos": [], "since": _DAY, "until": _DAY, "as_of": _DAY}
_LINKS = ("Atom · JSON", (FEED, INDEX))


@dataclass(frozen=True)
class Front:
    """``latest`` is the report that a front page holds, with the lines of the whole; ``findings`` are on the rest."""

    latest: Page
    frame: Frame
    findings: tuple[Finding, ...]

    def with_latest(self, found: CheckResult) -> CheckResult:
        """The check of the latest report, with what is found of the rest."""
        findings = (*found.findings, *self.findings)
        return replace(found, findings=findings, counts=count(findings))


def front(markdown: str, page: Page, index: str) -> Front | None:
    """The parts of a front page; None where it is none. ``index`` is the archive's index, "" where there is none."""
    first = markdown.removeprefix("\ufeff").partition("\n")[0].strip()
    frame = _frame(page, index) if is_ours(README, first.encode("utf-8", "replace")) and _COMMENT.fullmatch(first) else None
    if frame is None:
        return None
    words = report_words(frame.language)
    listed = page.regions().get(words.headings["earlier"], [])
    links = next((said for said in reversed(page.statements) if _is_links(said)), None)
    beside = {*listed, *([links] if links else [])}
    latest = replace(
        page,
        statements=tuple(said for said in page.statements if said not in beside),
        headings={at: heading for at, heading in page.headings.items() if heading[0] not in beside},
    )
    return Front(latest, frame, tuple(_listed(page, listed, _reports(index), words.base.colon)))


def _frame(page: Page, index: str) -> Frame | None:
    """What the latest report is about: by the index's first entry, else by its title; its zone it says itself."""
    about = next((said.text for said in page.statements if said.kind == "prose"), "")
    for words in (report_words("en"), report_words("zh")):
        shown = fields(words.notes["window"], about.split(words.base.line["dot"])[0])
        if shown:
            told = _marked({**_UNKNOWN, **_first(index), "zone": shown["zone"]})
            by_title = foreign_frame(page, file_name="", zone=told.zone) if told else None
            language = words.base.language
            return told if _first(index) else replace(by_title, language=language) if by_title else None
    return None


def _first(index: str) -> Mapping[str, object]:
    """What the index says of its first report, as the first line of a report says it; empty where it cannot be read."""
    try:
        one = json.loads(index)["reports"][0] if index else {}
        return {**{key: one[key] for key in ("date", "length", "language", "repos")}, **one["window"]} if one else {}
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return {}


def _marked(values: Mapping[str, object]) -> Frame | None:
    return marked(f"<!-- {MARK} {json.dumps(values)} -->")


def _is_links(said: Statement) -> bool:
    return said.text == _LINKS[0] and tuple(link.url for link in said.links) == _LINKS[1]


def _reports(index: str) -> Mapping[str, tuple[str, str]]:
    """Page -> its title and its summary, by the index; none where it cannot be read."""
    try:
        reports = json.loads(index)["reports"] if index else []
        return {
            str(one["markdown"]): (" · ".join([str(one["title"]), *map(str, one["repos"])]), str(one["summary"]))
            for one in reports
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _listed(page: Page, listed: list[Statement], reports: Mapping[str, tuple[str, str]], colon: str) -> Iterator[Finding]:
    """Findings on the list of earlier reports."""
    for said in listed:
        if _is_links(said) or (said.kind == "heading" and (page.level(said) == 2 or _MONTH.fullmatch(said.text))):
            continue
        link = said.links[0] if said.kind == "item" and len(said.links) == 1 and said.links[0].start == 0 else None
        name = link.url.removesuffix(".md") if link else ""
        if link is None or not is_name(name) or not link.url.endswith(".md"):
            yield judged(said, [(UNKNOWN, "no report is listed so")])
        elif not reports:
            yield judged(said, [(EXACT, "there is no index to hold it to")])
        else:
            label, summary = reports.get(link.url, ("", ""))
            right = letters(as_shown(inert(label)) + colon + as_shown(inert(summary)))
            wrong = letters(said.text) != right
            yield judged(said, [(WRONG_FIGURE, "the index says something else of it")] if wrong else [])
