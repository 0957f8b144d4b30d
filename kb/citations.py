"""Citation keys, and whether a sentence stands in what it cites. Pure; fails closed.

Keys are the field's own names: ``flashinfer@9329fb4`` (commit), ``flashinfer#2450`` (pull, issue), ``arXiv:2602.02061``,
``flashinfer@v0.6.2`` (release); owner/name stands before @ or # where two repositories share the name.

What is checked in a sentence: its keys, quotes (verbatim, white space apart), numbers, changed-line counts, dates and times,
versions, SHAs, references, links, paths and code identifiers. Plain words are not: what they claim is for other checks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache, partial

from kb.facts import HEX, NUMBER, Facts, Said, figure, plain, within, zone_name
from kb.safe import one_line
from kb.telling import clip, opening
from kb.text import sentences, squeeze
from kb.types import Evidence, Record

EXACT = "exact"


# --- keys -------------------------------------------------------------------------------------------------------------------


def keys(records: Iterable[Record]) -> dict[str, str]:
    """record id -> citation key, no two alike among these records."""
    unique = list({record.id: record for record in records}.values())
    names = _names(record.repo for record in unique)
    digits = _digits(unique)
    named = {record.id: _key(record, names.get(record.repo, ""), digits.get(record.id, 0)) for record in unique}
    count = Counter(named.values())
    # Two kinds of one number, or two names that differ only in what cannot be shown: the whole id tells them apart.
    return {id: key if count[key] == 1 else one_line(id) for id, key in named.items()}


def _names(repos: Iterable[str]) -> dict[str, str]:
    """owner/name -> name, or owner/name where another repository has that name."""
    whole = dict.fromkeys(repos)
    count = Counter(repo.rpartition("/")[2].casefold() for repo in whole)
    return {repo: repo.rpartition("/")[2] if count[repo.rpartition("/")[2].casefold()] == 1 else repo for repo in whole}


def _digits(records: Iterable[Record]) -> dict[str, int]:
    """commit's id -> how many digits of its SHA tell it from the others of its repository: 7 or more."""
    found: dict[str, int] = {}
    ordered = sorted((record for record in records if record.kind == "commit"), key=lambda record: (record.repo, record.ref))
    for at, record in enumerate(ordered):
        found[record.id] = 7
        for other in (*ordered[max(at - 1, 0) : at], *ordered[at + 1 : at + 2]):
            if other.repo == record.repo and other.ref != record.ref:
                found[record.id] = max(found[record.id], _shared(record.ref, other.ref) + 1)
    return found


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next(
        (at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other))
    )


def _key(record: Record, name: str, digits: int) -> str:
    ref = one_line(record.ref)
    if record.kind == "commit":
        return f"{name}@{ref[:digits]}"
    if record.kind in ("pull", "issue"):
        return f"{name}#{ref}"
    if record.kind == "release":
        return f"{name}@{ref}"
    if record.kind == "paper" and record.id.startswith("paper:arxiv:"):
        return f"arXiv:{record.id.removeprefix('paper:arxiv:')}"
    return f"{name}:{ref}" if name else ref


# --- checking ----------------------------------------------------------------------------------------------------------------

_QUOTED = re.compile(r"(`+)(?P<code>.+?)(?<!`)\1(?!`)|\"(?P<text>[^\"]*)\"")
_URL = re.compile(r"https?://[^\s)>\]]+")
_KEY = re.compile(r"(?:[\w.-]+/)?[\w.-]+@[0-9a-f]{7,64}\b|(?:[\w.-]+/)?[A-Za-z][\w.-]*#\d+|arXiv:[\w./-]*\w", re.I | re.A)
_PAIR = re.compile(r"\+(0|[1-9][\d,]*)\s*/\s*-(0|[1-9][\d,]*)(?![\d.,]*\d)")
_FILES = re.compile(
    r"(?:(?P<more>and |另有 ?))?(?<![\d.,])(?P<count>\d+)(?(more)(?: more\b(?: files)?| ?个文件)|(?: files?\b| ?个文件))"
)
_SIGNED = re.compile(r"(?<![\w.])([+-])(0|[1-9][\d,]*)(?![\w.,]*\d|\w)", re.A)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTH = rf"(?P<{{0}}>{_MONTHS}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
_DATE = re.compile(
    r"(?<!\d)(?P<y1>\d{4})-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})(?!\d)"
    r"|(?:(?P<y2>\d{4})\s?年\s?)?(?P<m2>\d{1,2})\s?月\s?(?P<d2>\d{1,2})\s?日"
    rf"|\b{_MONTH.format('m3')}\s+(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<y3>\d{{4}}))?(?!\d)"
    rf"|(?<!\d)(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH.format('m4')}(?:,?\s+(?P<y4>\d{{4}}))?(?!\w)",
    re.I,
)
_TIME = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])", re.A)
_REFERENCE = re.compile(r"(?<![\w/])#\d+\b", re.A)
_ATOM = re.compile(
    r"(?<![\w.])[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![\w.,]*[0-9])|[A-Za-z0-9_.:/@%+*$~\\-]*[A-Za-z0-9_%]", re.A
)
_CODE_LIKE = re.compile(r"_|::|[a-z][A-Z]|[A-Z][a-z]+[A-Z]|^--?\w|/|\w\.\w|^[A-Z]+-?\d|\d")
_SAYS = re.compile(r"[A-Za-z0-9_\"`]")  # a text with none of these says nothing that is checked
_WORDS_WITH_MARKS = re.compile(r"(?:and/or|either/or|e\.g|i\.e|a\.k\.a|w/o?|n/a|read/write|load/store|input/output)", re.I)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line that code writes.

    ``role``: a title, mention (of another's title), quote, path or name stands in a record as it is; clipped is a quote, or a
    whole sentence of a body as kb.telling.clip leaves it: nothing else may have been left out. key is a citation key; zone is
    the asker's; prose and reference are our own words, checked word by word. ``url`` is where a key or a reference leads.
    """

    text: str
    role: str = "prose"
    url: str = ""


def verify(text: str, cited: Collection[str], evidence: Mapping[str, Evidence], facts: Facts) -> str:
    """Whether ``text``, a sentence that cites the keys ``cited``, stands in their records: "exact", or what is wrong with it.

    Wrong are: "no key", "unknown key: …", "quote not verbatim: …", "unbalanced quote", "wrong figure: 48", "wrong date: …",
    "wrong time: …", "wrong reference: #12", "wrong SHA: …", "wrong link: …", "not in the record: foo_bar".
    """
    return verify_pieces([Piece(text)], cited, evidence, facts)


def verify_pieces(pieces: Iterable[Piece], cited: Collection[str], evidence: Mapping[str, Evidence], facts: Facts) -> str:
    """Like ``verify`` for a line whose parts are told apart: what record text holds cannot be mistaken for our words."""
    if not cited:
        return "no key"
    unknown = [key for key in cited if key not in evidence]
    if unknown:
        return f"unknown key: {_short(unknown[0])}"
    said = Said([evidence[key].record for key in cited], facts)
    return next((problem for piece in pieces for problem in _wrong(piece, cited, said, facts.zone)), EXACT)


def problems(text: str, said: Said) -> tuple[str, ...]:
    """All that is wrong with ``text``, as ``verify`` says it, held to what some records say."""
    return tuple(_problems(plain(text), (), said, said.facts.zone))


def _wrong(piece: Piece, cited: Collection[str], said: Said, zone: tzinfo) -> Iterator[str]:
    if piece.role in ("title", "mention", "quote", "clipped"):
        wanted = squeeze(piece.text)
        whole = piece.role == "clipped" and any(wanted in _clipped(record.body) for record in said.records)
        if not whole and not any(wanted in squeeze(part) for record in said.records for part in _quotable(record)):
            yield f"quote not verbatim: {_short(piece.text)}"
    elif piece.role in ("path", "name"):
        if piece.text not in (said.paths if piece.role == "path" else said.names):
            yield f"not in the record: {_short(piece.text)}"
    elif piece.role == "zone":
        if all(piece.text != zone_name(zone, at) for at in said.instants):
            yield f"not in the record: {_short(piece.text)}"
    elif piece.role == "key":
        if piece.text not in cited:
            yield f"unknown key: {_short(piece.text)}"
    else:
        yield from _problems(plain(piece.text), cited, said, zone)


def _quotable(record: Record) -> Iterator[str]:
    yield record.title
    yield record.body
    yield from (note.text for note in record.notes)
    for file in record.files:
        yield from (file.path, file.patch)


@lru_cache(maxsize=64)
def _clipped(body: str) -> frozenset[str]:
    return frozenset(clip(sentence.text) for sentence in sentences(opening(body)))


def _short(text: str) -> str:
    return one_line(text, limit=80)


def _problems(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> Iterator[str]:
    """What is wrong, in order; each check takes out what it has read, so that the next sees the rest."""
    if not _SAYS.search(text):
        return
    rest, wrong = _check_quotes(text, said)
    yield from wrong
    for check in (_check_links, _check_keys, _check_pairs, _check_files, _check_dates, _check_references):
        rest, wrong = check(rest, cited, said, zone)
        yield from wrong
    yield from _check_atoms(rest, said)


def _check_quotes(text: str, said: Said) -> tuple[str, list[str]]:
    wrong = []
    for match in _QUOTED.finditer(text):
        span = (match["code"] or match["text"] or "").strip()
        if span and not (within(span, said.text) or within(span, said.patch)):
            wrong.append(f"quote not verbatim: {_short(span)}")
    rest = _QUOTED.sub(" ", text)
    if '"' in rest or "`" in rest:
        wrong.append("unbalanced quote")
    return rest, wrong


def _check_links(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> tuple[str, list[str]]:
    wrong = [
        f"wrong link: {_short(found)}"
        for match in _URL.finditer(text)
        if (found := match[0].rstrip(".,;:")) not in said.urls and not within(found, said.text)
    ]
    return _URL.sub(" ", text), wrong


def _check_keys(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> tuple[str, list[str]]:
    rest = text
    for key in sorted(map(plain, cited), key=len, reverse=True):
        if key in rest:
            rest = re.sub(rf"(?<![\w/]){re.escape(key)}(?!\w)", " ", rest, flags=re.A)
    # What still looks like a key is another record's, unless a cited record itself names it.
    wrong = [f"unknown key: {_short(match[0])}" for match in _KEY.finditer(rest) if not within(match[0], said.text)]
    return _KEY.sub(" ", rest), wrong


def _check_pairs(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> tuple[str, list[str]]:
    wrong = []
    for match in _PAIR.finditer(text):
        pair = (int(match[1].replace(",", "")), int(match[2].replace(",", "")))
        if pair not in said.pairs:
            wrong.append(f"wrong figure: {match[0]}")
    rest = _PAIR.sub(" ", text)
    for match in _SIGNED.finditer(rest):
        number = int(match[2].replace(",", ""))
        side = 0 if match[1] == "+" else 1
        if all(pair[side] != number for pair in said.pairs) and not within(match[0], said.text):
            wrong.append(f"wrong figure: {match[0]}")
    return _SIGNED.sub(" ", rest), wrong


def _check_files(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> tuple[str, list[str]]:
    """ "in 5 files" is all of a record's, "and 2 more" what up to three named ones leave."""
    wrong = []
    for match in _FILES.finditer(text):
        sizes = [len(record.files) for record in said.records]
        allowed = {size - named for size in sizes for named in (1, 2, 3)} if match["more"] else set(sizes)
        if int(match["count"]) not in allowed and not within(match[0], said.text):
            wrong.append(f"wrong figure: {match[0]}")
    return _FILES.sub(" ", text), wrong


def _check_dates(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> tuple[str, list[str]]:
    local = [at.astimezone(zone) for at in said.instants]
    wrong = [
        f"wrong date: {match[0]}"
        for match in _DATE.finditer(text)
        if not _is_date(match, local) and not within(match[0], said.text)
    ]
    rest = _DATE.sub(" ", text)
    for match in _TIME.finditer(rest):
        known = any((at.hour, at.minute) == (int(match[1]), int(match[2])) for at in local)
        if not (known and (not match[3] or any(at.second == int(match[3]) for at in local))) and not within(
            match[0], said.text
        ):
            wrong.append(f"wrong time: {match[0]}")
    return _TIME.sub(" ", rest), wrong


def dates(text: str) -> Iterator[tuple[int, int, Callable[[datetime], bool]]]:
    """Where dates stand in a plain text (start, end), each with whether a local instant falls on it."""
    for match in _DATE.finditer(text):
        yield match.start(), match.end(), partial(_falls_on, match)


def _falls_on(match: re.Match[str], local: datetime) -> bool:
    return _is_date(match, [local])


def _is_date(match: re.Match[str], local: Iterable[datetime]) -> bool:
    groups = {name[0]: value for name, value in match.groupdict().items() if value}
    month = groups["m"].lower()
    number = int(month) if month.isdigit() else [name[:3] for name in _MONTHS.split("|")].index(month[:3]) + 1
    year = int(groups["y"]) if "y" in groups else None
    return any((at.month, at.day) == (number, int(groups["d"])) and year in (None, at.year) for at in local)


def _check_references(text: str, cited: Collection[str], said: Said, zone: tzinfo) -> tuple[str, list[str]]:
    wrong = [f"wrong reference: {match[0]}" for match in _REFERENCE.finditer(text) if match[0] not in said.references]
    return _REFERENCE.sub(" ", text), wrong


def _check_atoms(text: str, said: Said) -> Iterator[str]:
    """Whatever is left that is a number, a version, a SHA, a path or an identifier."""
    for match in _ATOM.finditer(text):
        atom = match[0].strip(".:/@+*~-\\") if not match[0].startswith("--") else match[0]
        if not atom or not _CODE_LIKE.search(atom) or _WORDS_WITH_MARKS.fullmatch(atom):
            continue
        if _stands(atom, said):
            continue
        if HEX.fullmatch(atom.lower()) and re.search(r"[a-f]", atom.lower()) and re.search(r"\d", atom):
            yield f"wrong SHA: {_short(atom)}"
        elif re.fullmatch(r"\d.*", atom):
            yield f"wrong figure: {_short(atom)}"
        else:
            yield f"not in the record: {_short(atom)}"


def _stands(atom: str, said: Said) -> bool:
    if within(atom, said.text):
        # "4" must not be found in "4.5", nor "4.5" in "4.5.2": a number is a whole number.
        return not NUMBER.fullmatch(atom) or figure(atom) in said.numbers
    if HEX.fullmatch(atom.lower()) and any(sha.startswith(atom.lower()) for sha in said.shas):
        return True
    if number := re.fullmatch(r"(\d+(?:[.,]\d+)*)([A-Za-z%µ]{0,4})", atom):
        value = figure(number[1])
        whole_count = value in map(str, said.counts) and not number[2]
        return whole_count or (value in said.numbers and (not number[2] or within(f"{number[1]} {number[2]}", said.text)))
    if "/" in atom and "_" not in atom and not re.search(r"\d|\.", atom):  # "prefill/decode" is two plain words
        return all(not _CODE_LIKE.search(part) or _stands(part, said) for part in atom.split("/"))
    if re.fullmatch(r"[A-Za-z]+", atom):  # FlashInfer and flashinfer are one name; NumExperts and NumExpert are not
        return within(atom.lower(), said.folded)
    return within(atom, said.patch) if not re.fullmatch(r"[\d.,%]+", atom) else False
