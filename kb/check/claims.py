"""What a statement claims, held to the records it rests on: titles, states, dates of events, authors, sizes, figures. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, tzinfo
from difflib import SequenceMatcher

from kb.check.labels import names_itself
from kb.check.targets import of_link
from kb.check.types import Statement
from kb.escape import shorten
from kb.facts import Said, plain, totals, within
from kb.grounded.claims import unfounded
from kb.grounded.rules import Ground
from kb.safe import one_line
from kb.types import Record
from kb.wording import CHINESE, ENGLISH

LONGEST_NAME = 60  # characters: how much of one a page shows
_ALIKE = 0.75  # from which on a text in bold is meant to be the title
_TITLE_WORDS = 3
_MOST_GROUNDS = 20
_DAY = (
    r"(?P<y{n}>\d{{4}})-(?P<m{n}>\d{{1,2}})-(?P<d{n}>\d{{1,2}})"
    r"|(?P<y{n}c>\d{{4}})\s?年\s?(?P<m{n}c>\d{{1,2}})\s?月\s?(?P<d{n}c>\d{{1,2}})\s?日"
)
_POSSIBLE = {
    "commit": {"authored", "committed", "landed"},
    "pull": {"opened", "reopened", "closed", "merged"},
    "issue": {"opened", "reopened", "closed"},
    "release": {"released", "tagged"},
    "paper": {"published", "revised"},
}


def _kinds() -> dict[str, set[str]]:
    """What a page calls an event -> the kinds of event that it may be; a commit is merged when it lands."""
    found: dict[str, set[str]] = {}
    for words in (ENGLISH, CHINESE):
        for kind, word in words.events.items():
            found.setdefault(word, set()).update({kind, "landed"} if kind == "merged" else {kind})
    return found


_KINDS = _kinds()
_ENGLISH = "|".join(word for word in _KINDS if word.isascii())
_OTHERS = "|".join(word for word in _KINDS if not word.isascii())
_EVENT = re.compile(
    rf"\b(?P<before>{_ENGLISH})\s+(?:on\s+|at\s+)?(?:{_DAY.format(n=1)})|(?:{_DAY.format(n=2)})\s?(?P<after>{_OTHERS})", re.I
)
_BY = re.compile(rf"(?:(?:{_ENGLISH})\s+\d{{4}}-\d\d?-\d\d? by |，作者 |(?:\bauthor|作者)\s*[:：]\s*)(?=[^\s@])", re.I)
_AFTER_NAME = re.compile(r"\s*(?:\Z|[·|,，.。;；()（）\n]|et al|等)")
_PATH_SIZE = re.compile(r"(?P<fence>`+)(?P<path>[^`]+)(?P=fence)\s*\(?\+(?P<added>\d[\d,]*)\s*/\s*[-−](?P<deleted>\d[\d,]*)")
_WHOLE_SIZE = re.compile(
    r"\+(?P<added>\d[\d,]*)\s*/\s*[-−](?P<deleted>\d[\d,]*) in (?P<files>\d[\d,]*) files?"
    r"|(?P<files2>\d[\d,]*) 个文件共 \+(?P<added2>\d[\d,]*)\s*/\s*[-−](?P<deleted2>\d[\d,]*)"
)
_STATES = (
    (
        "open",
        re.compile(
            r"\b(?:still|is|remains?|stays|currently|state:?|status:?)\s+(?:open|unmerged)\b|[(\[（【]\s*open\s*[)\]）】]"
            r"|\bnot (?:yet )?(?:been )?(?:merged|closed)\b|未关闭|未合并|未合入|仍开放|仍打开|状态[:：]\s*(?:open|打开|开放)",
            re.I,
        ),
    ),
    (
        "merged",
        re.compile(
            r"\b(?:is|was|been|got|now|already|state:?|status:?)\s+merged\b|[(\[（【]\s*merged\s*[)\]）】]"
            r"|(?:^|[·|,:：—]\s*)merged(?=\s*(?:\Z|[·|,.:：—]|\d{4}-|on\b|in\b|into\b|by\b))|已合并|已合入|状态[:：]\s*merged",
            re.I,
        ),
    ),
    (
        "closed",
        re.compile(
            r"\b(?:is|was|been|got|now|already|state:?|status:?)\s+closed\b|[(\[（【]\s*closed\s*[)\]）】]"
            r"|(?:^|[·|,:：—]\s*)closed(?=\s*(?:\Z|[·|,.:：—]|\d{4}-|on\b|as\b))|已关闭|状态[:：]\s*(?:closed|关闭)",
            re.I,
        ),
    ),
    (
        "fixed",
        re.compile(
            r"\b(?:is|was|been|got|now|already)\s+(?:fixed|resolved)\b|[(\[（【]\s*fixed\s*[)\]）】]|已修复|已解决", re.I
        ),
    ),
)
_HOLDS = {"open": {"open"}, "merged": {"merged"}, "closed": {"closed", "merged"}, "fixed": {"closed", "merged"}}
_PLAIN_QUOTE = re.compile(r"[\"“”「」『』]([^\"“”「」『』]*)[\"“”「」『』]")
_NAME = re.compile(r"[A-Za-z_]\w{2,}")


def bare(statement: Statement) -> str:
    """The text without the labels of links that only name where they lead: those are checked as labels."""
    kept = list(statement.text)
    for link in statement.links:
        if names_itself(link) or (link.url and of_link(link) is None):
            for at in range(link.start, link.end):
                kept[at] = " "
    return "".join(kept)


# --- titles ------------------------------------------------------------------------------------------------------------------


def wrong_titles(statement: Statement, records: Sequence[Record]) -> Iterator[str]:
    """Texts in bold or of links that are nearly a cited record's title, and are not."""
    spans = [statement.text[start:end] for start, end in statement.strong]
    spans += [link.text for link in statement.links if not names_itself(link)]
    for span in spans:
        text = _bare_title(span)
        if len(text.split()) < _TITLE_WORDS:
            continue
        titles = [title for record in records if (title := _bare_title(record.title))]
        if any(text in title or title in text for title in titles):
            continue
        near = max(titles, key=lambda title: SequenceMatcher(None, text, title).ratio(), default="")
        if near and SequenceMatcher(None, text, near).ratio() >= _ALIKE:
            yield f"the title is “{one_line(near, limit=120)}”"


def _bare_title(text: str) -> str:
    text = re.sub(r"\(#\d+\)\s*\Z", "", plain(text[:400]).replace("`", "").strip(" :.*"))
    return re.sub(r"\s+", " ", text).casefold().strip()


# --- states, dates, authors --------------------------------------------------------------------------------------------------


def wrong_states(text: str, threads: Sequence[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """States that a statement gives the one thread it is about; ``threads`` are names with the states that each had in turn."""
    if len(threads) != 1:
        return
    name, states = threads[0]
    for said, pattern in _STATES:
        match = pattern.search(text)
        if match:
            known = set(states)
            if known and not known & _HOLDS[said]:
                yield f"“{one_line(match[0], limit=40)}”: {name} is {min(known)}"
            return


def wrong_events(text: str, records: Sequence[Record], zone: tzinfo) -> Iterator[str]:
    """Events with a day ("landed 2026-02-02") that no record had on that day, though one might have."""
    for match in _EVENT.finditer(text):
        kinds = _KINDS[(match["before"] or match["after"]).lower()]
        days = {event.at.astimezone(zone).date() for record in records for event in record.events if event.kind in kinds}
        possible = any(kinds & _POSSIBLE.get(record.kind, set()) for record in records)
        if _day_of(match) not in days and (days or possible):
            known = ", ".join(map(str, sorted(days)[:3])) or "never"
            yield f"wrong date: {one_line(match[0], limit=60)}; it was {known}"


def _day_of(match: re.Match[str]) -> date | None:
    """The day that a match names; None for one that no calendar has."""
    parts = [value for name, value in match.groupdict().items() if value and re.fullmatch(r"[ymd]\dc?", name)]
    try:
        return date(*map(int, parts))
    except (TypeError, ValueError):
        return None


def wrong_authors(text: str, records: Sequence[Record]) -> Iterator[str]:
    """Persons named as the author who are not."""
    names = {name for record in records for name in (record.author, *(value for _, value in record.meta)) if name.strip()}
    if not names:
        return
    for match in _BY.finditer(text):
        rest = _folded(text[match.end() :][:400])
        if not any(_begins(rest, _folded(shorten(name, LONGEST_NAME)).rstrip("…")) for name in names):
            said = re.split(r"[·|,，;；\n]", text[match.end() :])[0]
            authors = ", ".join(dict.fromkeys(record.author for record in records if record.author))
            yield f"by {one_line(said, limit=60)}: the author is {one_line(authors, limit=80)}"


def is_author(cell: str, record: Record) -> bool:
    """Whether a cell of a table is a record's author."""
    return _begins(_folded(cell), _folded(shorten(record.author, LONGEST_NAME)).rstrip("…"))


def is_named(name: str, record: Record) -> bool:
    """Whether a person's name is that of a record's author, or of one of several, or begins so."""
    names = [_folded(known) for known in (record.author, *(value for key, value in record.meta if key == "author"))]
    return any(
        known and _folded(name) and (known.startswith(_folded(name)) or _folded(name).startswith(known)) for known in names
    )


def has_title(statement: Statement, records: Sequence[Record]) -> bool:
    """Whether a statement shows a record's title, or part of it as a text in bold or of a link."""
    titles = [title for record in records if len((title := _bare_title(record.title)).split()) >= _TITLE_WORDS]
    spans = [statement.text[start:end] for start, end in statement.strong] + [link.text for link in statement.links]
    texts = [text for span in spans if len((text := _bare_title(span)).split()) >= _TITLE_WORDS]
    whole = _bare_title(statement.text)
    return any(title in whole or any(text in title for text in texts) for title in titles)


def _begins(text: str, name: str) -> bool:
    return text.startswith(name) and bool(_AFTER_NAME.match(text[len(name) :].lstrip("…")))


def _folded(text: str) -> str:
    return plain(text.replace("`", "")).casefold()


# --- sizes -------------------------------------------------------------------------------------------------------------------


def wrong_sizes(text: str, records: Sequence[Record]) -> Iterator[str]:
    """Counts of lines that are another file's, or of another number of files."""
    for match in _PATH_SIZE.finditer(text):
        path = match["path"].removesuffix("…")
        sizes = {
            (file.additions, file.deletions)
            for record in records
            for file in record.files
            if file.path == path or file.path.endswith(f"/{path}") or (path != match["path"] and file.path.startswith(path))
        }
        if sizes and (_int(match["added"]), _int(match["deleted"])) not in sizes:
            yield f"wrong figure: {match[0]}"
    for match in _WHOLE_SIZE.finditer(text):
        found = [_int(match[name] or match[f"{name}2"]) for name in ("added", "deleted", "files")]
        if found not in [[*totals(record), len(record.files)] for record in records]:
            yield f"wrong figure: {match[0]}"


def _int(text: str) -> int:
    return int(text.replace(",", ""))


# --- claims in words ---------------------------------------------------------------------------------------------------------


def unfounded_claim(text: str, records: Sequence[Record], zone: tzinfo) -> Iterator[str]:
    """What a sentence claims in plain words that neither one of its records bears out nor all of them together."""
    grounds = [Ground(records), *(Ground([record]) for record in records[:_MOST_GROUNDS])]
    if records and all(unfounded(text, ground, zone) for ground in grounds):
        yield unfounded(text, grounds[0], zone)


# --- figures and names -------------------------------------------------------------------------------------------------------


def stands_in_patch(problem: str, text: str, said: Said) -> bool:
    """Whether a name stands in a patch, or a figure in a changed row beside a name that the text gives ("topK is 8 now")."""
    kind, _, found = problem.partition(": ")
    if kind == "not in the record":
        return within(found, said.patch)
    if kind != "wrong figure" or not re.fullmatch(r"\d+(?:\.\d+)?", found):
        return False
    names = set(_NAME.findall(text))
    whole = re.compile(rf"(?<![\w.]){re.escape(found)}(?![\w]|\.\d)")
    rows = (row for record in said.records for file in record.files for row in file.patch.split("\n"))
    return any(row[:1] in "+-" and whole.search(row) and names & set(_NAME.findall(row)) for row in rows)


def without_scare_quotes(text: str) -> str:
    """``text`` with quotation marks only around what quotes a record: three words and more, or code."""

    def kept(match: re.Match[str]) -> str:
        inner = match[1]
        return match[0] if len(re.findall(r"[A-Za-z0-9_]+", inner)) >= _TITLE_WORDS else f" {inner} "

    return _PLAIN_QUOTE.sub(kept, text)
