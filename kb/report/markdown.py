"""A report to Markdown, as GitHub and CommonMark show it. Pure; links, figures, dates and tables are made by code here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from kb import render
from kb.escape import code, fenced, inert, link, prose, shorten
from kb.facts import zone_name
from kb.lines import Line
from kb.render import LONGEST_TITLE, Context, piece_markdown
from kb.report.counts import Counts, counts, is_change
from kb.report.frame import SINCE_LAST, mark
from kb.report.standing import FAILED, Standing, quiet, standings, unasked, unread
from kb.report.types import GROUPS, Frame, Report, Section, Sentence, Tagged, Told
from kb.report.wording import ReportWords, report_words
from kb.types import Scope

_LONGEST_PATH = 160
_TOP_TAGS = 3
_HEADLINES, _HEADLINE = 3, 120  # titles in a plain summary, and characters of one
_FULL_WIDTH = ("。", "！", "？", "”", "）")
_THREADS = ("opened issues", "closed issues")
_PULLS = ("opened pulls", "closed pulls")
_BESIDE = ("papers", "posts", "hub")


def markdown(report: Report) -> str:
    """The whole page; its first line, a comment, says what it is a report of."""
    words = report_words(report.frame.language)
    blocks = [
        f"{mark(report.frame)}\n# {title(report.frame)}",
        _about(report, words),
        f"## {words.headings['summary']}",
        *_summary(report, words),
    ]
    repo: str | None = None
    for section in report.sections:
        if section.repo != repo:
            repo = section.repo
            blocks += _repo_head(report, repo, words)
        blocks += _section(section, report.frame, words)
    for repo in dict.fromkeys(tag.repo for tag in report.tagged):
        if repo not in {section.repo for section in report.sections}:
            blocks += _repo_head(report, repo, words)
    blocks += _outlook(report, words)
    blocks += [f"## {words.headings['sources']}", _sources(report, words)]
    return render.page(blocks)


def title(frame: Frame) -> str:
    """What a report is called: by its day, or its first and last day."""
    words = report_words(frame.language)
    start, end = frame.window.start or frame.as_of, frame.window.end or frame.as_of
    if frame.length == SINCE_LAST:
        moments = {"since": words.base.moment(start, frame.zone), "until": words.base.moment(end, frame.zone)}
        return words.titles["since"].format(**moments)
    first, last = words.base.day(start, frame.zone), words.base.day(end - timedelta(hours=1), frame.zone)
    form = {"1d": "day", "7d": "week"}.get(frame.length, "days")
    return words.titles[form].format(day=last, first=first, last=last, days=frame.length.rstrip("d"))


# --- head --------------------------------------------------------------------------------------------------------------------


def _about(report: Report, words: ReportWords) -> str:
    frame = report.frame
    whole = frame.window.end is not None and frame.as_of >= frame.window.end
    now = frame.as_of + timedelta(seconds=1) if whole else frame.as_of  # a window that has ended is not "until now"
    window = words.base.window(frame.window, now=now, zone=frame.zone)
    zone = inert(zone_name(frame.zone, frame.window.end or frame.as_of))
    parts = [words.notes["window"].format(window=window, zone=zone)]
    repos = frame.repos or tuple(dict.fromkeys(row.repo for row in report.ledger if row.repo))
    if repos:
        parts.append(words.notes["repos"].format(repos=words.base.comma.join(map(inert, repos))))
    about = words.base.line["dot"].join(parts)
    return f"{about}\n\n{words.notes['not all read' if whole else 'so far']}" if report.provisional else about


def _summary(report: Report, words: ReportWords) -> Iterable[str]:
    entries = [item.entry for section in report.sections for item in section.told]
    found = counts(entries)
    if not entries and not report.tagged:
        yield _nothing(report, words)
        yield from _reading(report, words)
        return
    detail = sum(len(entry.records) for entry in entries if entry.detail)
    yield _told(report, found, detail, words)
    yield from _reading(report, words)
    yield from _remarks(report, words)
    if len(entries) > len(report.top) > 0:
        yield words.notes["top"]
        best = [*(_top_tag(tag, words) for tag in _top_tags(report)), *(_top_line(item, words) for item in report.top)]
        yield "\n".join(f"{at}. {line}" for at, line in enumerate(best, 1))


def _told(report: Report, found: Counts, detail: int, words: ReportWords, *, marked: bool = True) -> str:
    """What was counted; ``marked``: as Markdown."""
    plain = [(tag.repo.rpartition("/")[2], tag.name) for tag in report.tagged]
    names = words.base.comma.join(f"{inert(repo)} {code(name)}" if marked else f"{repo} {name}" for repo, name in plain)
    sentences = [_from(found.records, detail, words), _groups(found, words)] if found.records else []
    return words.base.gap.join([*sentences, *([words.notes["tags"].format(names=names)] if names else [])])


def _nothing(report: Report, words: ReportWords) -> str:
    if not report.ledger:
        return words.notes["no sources"]
    whole = all(one.whole for one in standings(report.ledger, report.frame))
    return words.notes["quiet day" if whole else "unknown day"]


def _from(records: int, detail: int, words: ReportWords) -> str:
    form = "from" if 0 < detail < records else "all detail" if detail else "all table"
    told = words.count("records", records)
    return words.notes[form].format(records=told, detail=f"{detail:,}", table=f"{records - detail:,}")


def _groups(found: Counts, words: ReportWords) -> str:
    told = words.base.comma.join(words.count(group, found.groups[group]) for group in GROUPS if group in found.groups)
    entries = sum(found.groups.values())
    if entries != found.records:
        return words.notes["grouped"].format(entries=words.count("entries", entries), groups=told)
    return words.notes["groups"].format(groups=f"{told[:1].upper()}{told[1:]}")


def _reading(report: Report, words: ReportWords) -> Iterable[str]:
    """Of which repositories there is nothing to tell, and of which it is not known."""
    every = standings(report.ledger, report.frame)
    busy = {section.repo for section in report.sections} | {tag.repo for tag in report.tagged}
    silent = quiet(every, busy)
    if silent and busy:
        yield words.notes["quiet repos"].format(repos=words.base.comma.join(map(inert, silent)))
    if names := unread(every):
        yield words.notes["unread repos"].format(repos=words.base.comma.join(map(inert, names)))
    for name, since in unasked(every).items():
        yield words.notes["unasked"].format(repo=inert(name), since=words.base.moment(since, report.frame.zone))


def _remarks(report: Report, words: ReportWords) -> Iterable[str]:
    """What a reader has to know of how this was written."""
    written = report.written
    if written and written.model:
        yield words.notes["model"].format(model=inert(written.model))
        yield from _counted("fallen back", len(written.fallen_back), words)
        for problem in written.problems:
            yield words.notes["model problem"].format(problem=inert(problem.rstrip(".")))
    yield from _counted("removed", report.removed, words)


def _counted(note: str, number: int, words: ReportWords) -> Iterable[str]:
    if number:
        yield words.notes[f"{note} one" if number == 1 else note].format(n=number)


def _top_tags(report: Report) -> tuple[Tagged, ...]:
    """The versions that stand before the weightiest changes: none that is to become another one."""
    return tuple(tag for tag in report.tagged if not tag.early)[:_TOP_TAGS]


def _top_tag(tag: Tagged, words: ReportWords) -> str:
    told = words.notes["top tag"].format(
        tag=_tag_name(tag), repo=inert(tag.repo.rpartition("/")[2]), rest=_tag_facts(tag, words)
    )
    return _of_kind("releases", told, words)


def _top_line(item: Told, words: ReportWords) -> str:
    head = "".join(map(piece_markdown, item.head.pieces)).strip()
    return _of_kind(item.entry.group, head, words)


def _of_kind(group: str, told: str, words: ReportWords) -> str:
    kind = words.kinds[group]
    return f"{kind[:1].upper()}{kind[1:]}{words.base.colon}{words.base.gap}{told}"


def _repo_head(report: Report, repo: str, words: ReportWords) -> Iterable[str]:
    yield f"## {inert(repo) if repo else words.headings['elsewhere']}"
    entries = [item.entry for section in report.sections if section.repo == repo for item in section.told]
    found = counts([entry for entry in entries if is_change(entry)])
    if found.changes:
        yield words.notes["totals" if found.authors else "totals of nobody"].format(
            changes=words.count("changes", found.changes),
            authors=words.count("authors", found.authors),
            files=words.count("files", found.files),
            added=f"{found.added:,}",
            deleted=f"{found.deleted:,}",
        )
    yield from (_tagged(tag, report.frame, words) for tag in report.tagged if tag.repo == repo)


def _tagged(tag: Tagged, frame: Frame, words: ReportWords) -> str:
    when = words.notes["tag dated" if tag.dated else "tag undated"].format(day=words.base.day(tag.at, frame.zone))
    also = words.base.comma.join(map(code, tag.also))
    rest = words.notes["tag also"].format(names=also) if also else ""
    return words.notes["tag"].format(when=when, tag=_tag_name(tag), rest=f"{rest}{_tag_facts(tag, words)}")


def _tag_name(tag: Tagged) -> str:
    return link(code(tag.name), tag.url) if tag.url else code(tag.name)


def _tag_facts(tag: Tagged, words: ReportWords) -> str:
    """What of it the version before has not."""
    if tag.same:
        return words.notes["tag same"].format(same=code(tag.same))
    if not tag.previous:
        return ""
    return words.notes["tag commits"].format(commits=words.count("commits", tag.commits), previous=code(tag.previous))


# --- sections ----------------------------------------------------------------------------------------------------------------


def _section(section: Section, frame: Frame, words: ReportWords) -> Iterable[str]:
    yield f"### {words.groups[_heading(section)]}"
    if section.detail:
        yield from (_item(item, frame, words) for item in section.told)
    else:
        yield _table(section, frame, words)


def _heading(section: Section) -> str:
    return "more papers" if section.group == "papers" and not section.detail else section.group


def _item(item: Told, frame: Frame, words: ReportWords) -> str:
    """A list item: its head, a paragraph of sentences, the facts, the hunk, and what a merge brought."""
    head = "".join(map(piece_markdown, item.head.pieces)).strip()
    parts = [f"- {head}"]
    if item.sentences:
        parts.append(_indented(_sentences(item.sentences, words)))
    if item.facts and item.facts.pieces:
        parts.append(_indented("".join(map(piece_markdown, item.facts.pieces)).strip()))
    if item.hunk:
        path = code(shorten(item.hunk.path, _LONGEST_PATH))
        where = words.base.notes["at"].format(path=path, line=item.hunk.line) if item.hunk.line else path
        parts += [_indented(where + words.base.colon), _indented(fenced(item.hunk.text, "diff"))]
    if item.children:
        parts.append("\n".join(f"  - {''.join(map(piece_markdown, child.pieces)).strip()}" for child in item.children))
    return "\n\n".join(parts)


def _sentences(sentences: Iterable[Sentence], words: ReportWords) -> str:
    """Sentences side by side: what is not Chinese has a space behind it, on a Chinese page too."""
    told = ""
    for sentence in sentences:
        text = words.lead(sentence.role) + sentence_markdown(sentence)
        told += f"{words.base.gap if told.endswith(_FULL_WIDTH) else ' '}{text}" if told else text
    return told


def sentence_markdown(sentence: Sentence) -> str:
    """A sentence, inert; a model's may hold code spans and nothing else."""
    return prose(sentence.text)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.split("\n"))


def _table(section: Section, frame: Frame, words: ReportWords) -> str:
    columns = _columns(section, frame)
    header = f"| {' | '.join(words.columns[name] for name in columns)} |"
    rule = f"| {' | '.join('---' for _ in columns)} |"
    rows = [row for item in section.told for row in _rows(item, section, words)]
    return "\n".join([header, rule, *(f"| {' | '.join(row)} |" for row in rows)])


def _columns(section: Section, frame: Frame) -> tuple[str, ...]:
    if section.group in _THREADS:
        return ("issue", "when", "author")
    if section.group in _PULLS:
        return ("pull", "when", "author")
    if section.group in _BESIDE:
        return ("paper" if section.group == "papers" else "what", "when", "author")
    return ("what", "kind", "size", *(("when",) if frame.length != "1d" else ()), "author")


def _rows(item: Told, section: Section, words: ReportWords) -> Iterable[list[str]]:
    kind = [words.kinds[item.entry.group]] if section.group == "smaller" else []
    cells = [_cell(item.head), *kind, *map(_cell, item.cells)]
    yield cells
    for child in item.children:
        yield [f"↳ {_cell(child)}", *([""] * (len(cells) - 1))]


def _cell(line: Line) -> str:
    """A line in a table: a bar in it, in code too, must not end the cell."""
    shown = (
        inert(shorten(piece.text, LONGEST_TITLE)) if piece.role == "title" else piece_markdown(piece) for piece in line.pieces
    )
    return re.sub(r"(?<!\\)\|", r"\\|", "".join(shown).strip())


# --- foot --------------------------------------------------------------------------------------------------------------------


def _outlook(report: Report, words: ReportWords) -> Iterable[str]:
    if not report.outlook or not report.written:
        return
    yield f"## {words.headings['outlook']}"
    links = {key: report.evidence[key].record.url for sentence in report.outlook for key in sentence.keys}
    told = []
    for sentence in report.outlook:
        keys = words.base.line["sep"].join(link(code(key), links[key]) for key in sentence.keys)
        told.append(f"{sentence_markdown(sentence)}{words.base.bracketed(keys)}")
    yield render.bullets(told)
    yield words.notes["outlook"].format(model=inert(report.written.model))


def _sources(report: Report, words: ReportWords) -> str:
    """Each source: how many records of the window are of its repository and kinds, or quiet, or what was wrong."""
    frame = report.frame
    context = Context(frame.as_of, frame.zone, words.base)
    scope = Scope(question="", window=frame.window)
    records = [record for section in report.sections for item in section.told for record in item.entry.records]
    told = []
    for one in standings(report.ledger, frame):
        row = one.row
        of_row = [record for record in records if record.repo == row.repo and (not row.kinds or record.kind in row.kinds)]
        told.append(_source(one, len(of_row), scope, context, words))
    told = [*filter(None, told), *render.beginnings(report.ledger, scope, context)]
    return render.bullets(told) if told else words.notes["no sources"]


def _source(one: Standing, found: int, scope: Scope, context: Context, words: ReportWords) -> str:
    row = one.row
    values = {"source": inert(row.source), "last": context.moment(row.last_success)}
    if one.state in ("failed", "truncated") or row.status in FAILED:
        return render.source_problem(row, scope, context)
    if one.state == "before":
        return ""  # when it begins is said below
    if one.state == "late":
        return words.notes["stale"].format(**values)
    if found or one.partly:
        return words.notes["found"].format(records=words.count("records", found), **values)
    return words.base.statuses["quiet"].format(**values)


def plain_summary(report: Report) -> str:
    """Some sentences for a list of reports, in plain text: what was counted, what weighs most, what could not be read."""
    words = report_words(report.frame.language)
    entries: Sequence[Told] = [item for section in report.sections for item in section.told]
    found = counts([item.entry for item in entries])
    detail = sum(item.records for item in entries if item.entry.detail)
    some = entries or report.tagged
    sentences = [_told(report, found, detail, words, marked=False) if some else _nothing(report, words)]
    if titles := [_title_of(item) for item in report.top[:_HEADLINES]]:
        sentences.append(words.notes["headlines"].format(titles=words.notes["between"].join(titles)))
    if names := unread(standings(report.ledger, report.frame)):
        sentences.append(words.notes["unread repos"].format(repos=words.base.comma.join(names)))
    return words.base.gap.join(sentences)


def _title_of(item: Told) -> str:
    return shorten(next((piece.text for piece in item.head.pieces if piece.role == "title"), item.entry.view.key), _HEADLINE)
