"""What an answer's page says and cites, held to the store by other means than the product's own check (kb/citations.py).

The Markdown is parsed, so that what is judged is what a reader sees. A statement is a list item, a paragraph, a quote or a
diff; its citations are its links whose text is a key; a quote, a diff and what is told "beside it" rest on the statement
before. The page's first block (what was understood) and sentences of the product itself (kb/wording.py: "Nothing matches …")
say nothing about any record.

A statement is supported where what stands in bold, in code and in quotes is in a cited record letter for letter (letters and
digits, that is), every figure is one of its, and so is at least half of the other words in Latin letters that are not the
product's own. This is no entailment: it does not see a "not".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb.catalog import Catalog
from kb.types import Record
from kb.wording import words

_FIGURE = re.compile(r"[0-9][\w.,:/-]*[\w%]|[0-9]", re.A)
_PAIR = re.compile(r"\+([0-9]+)/[−-]([0-9]+)")
_MORE = re.compile(r"and ([0-9]+) more|另有 ?([0-9]+)")
_FILES = re.compile(r"([0-9]+) (?:files?|个文件)")
_WORD = re.compile(r"[a-z]{3,}")
_PLACE = re.compile(r"\{[^}]*\}")
_AROUND = " :："
_HALF = 0.5
_OF_A_QUOTE = ("at", "said by", "said", "page")  # whose place, author or page; any sentence has such a form
_LINKED = re.compile(r"\[([^\[\]]+)\]\([^()\s]*\)")


@dataclass(frozen=True, slots=True)
class Statement:
    """``text`` without its links; ``verbatim`` is what it gives as the records' own; ``cited`` are (key, URL); ``named`` are
    numbers that other links show ("#12"); ``counts`` are pairs of changed lines, each with the path before it or ""."""

    text: str
    verbatim: tuple[str, ...] = ()
    cited: tuple[tuple[str, str], ...] = ()
    named: tuple[str, ...] = ()
    counts: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """Counts of a page: statements, those with a citation that supports them; citations, those that bear something of their
    statement; figures, those that are a cited record's."""

    statements: int = 0
    supported: int = 0
    citations: int = 0
    bearing: int = 0
    figures: int = 0
    right: int = 0
    wrong: tuple[str, ...] = ()


# --- reading the page -----------------------------------------------------------------------------------------------------


def statements(markdown: str, *, language: str = "en") -> list[Statement]:
    """The statements of an answer's page that say something about records."""
    found: list[Statement] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    own, beside = _own(language), words(language).notes["beside"]
    is_beside, depth = False, 0
    for at, token in enumerate(tokens):
        depth += token.nesting if token.type.startswith("blockquote") else 0
        is_beside = is_beside and token.type != "heading_open"
        before = tokens[at - 1].type if at else ""
        if token.type not in ("inline", "fence") or before in ("heading_open", "th_open", "td_open") or at <= 1:
            continue
        quoted = token.type == "fence" or depth > 0
        made = _quote(token) if quoted else _read(token.children or [])
        said = made.text.strip(_AROUND)
        if not quoted and not made.cited and (own.fullmatch(said) or not (said or made.verbatim)):
            is_beside = said == beside.rstrip(_AROUND)
            continue
        if tokens[at + 2 : at + 3] and tokens[at + 2].type == "fence":  # the diff's place: its path, and a line of the new file
            made = Statement("", made.verbatim)
        if found and not made.cited and (is_beside or not made.text):
            made = replace(made, cited=found[-1].cited)
        found.append(made)
    return found


def _quote(token: Token) -> Statement:
    if token.type == "fence":
        return Statement("", tuple(line[1:] for line in token.content.splitlines() if not line.startswith("@@")))
    return Statement("", ("".join(child.content or " " for child in token.children or []),))


def _read(children: Sequence[Token]) -> Statement:
    text, bold, link = "", "", ""
    verbatim: list[str] = []
    cited: list[tuple[str, str]] = []
    named: list[str] = []
    counts: list[tuple[str, int, int]] = []
    strong = False
    path = ""
    for child in children:
        if child.type in ("strong_open", "strong_close"):
            strong = child.type == "strong_open"
            verbatim += [bold] if bold and not strong else []
            bold = ""
        elif child.type in ("link_open", "link_close"):
            link = str(child.attrGet("href") or "") if child.type == "link_open" else ""
        elif link:
            if child.type == "code_inline":
                cited.append((child.content, link))
            else:
                named += re.findall(r"#[0-9]+", child.content)
        elif strong:
            bold += child.content or " "
        elif child.type == "code_inline":
            verbatim.append(child.content)
            text += f" {child.content} "
            path = child.content
        else:
            for match in _PAIR.finditer(child.content):
                of = path if not child.content[: match.start()].strip() else ""
                counts.append((of, int(match[1]), int(match[2])))
            text += child.content or " "
            path = path if not child.content.strip() else ""
    return Statement(text, tuple(verbatim), tuple(cited), tuple(named), tuple(counts))


@lru_cache(maxsize=4)
def _own(language: str) -> re.Pattern[str]:
    """Sentences that the product writes by itself, one or several."""
    table = words(language)
    forms = [text.rstrip(_AROUND) for name, text in (*table.notes.items(), *table.statuses.items()) if name not in _OF_A_QUOTE]
    patterns = [".+?".join(re.escape(part) for part in _PLACE.split(form)) for form in forms]
    return re.compile(rf"(?:(?:{'|'.join(patterns)})\s*)+", re.S)


# --- holding it to the store ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """A record with all that may be said of it."""

    record: Record
    tag: str
    targets: tuple[str, ...]

    @cached_property
    def letters(self) -> str:
        record = self.record
        files = [text for file in record.files for text in (file.path, file.old_path, file.patch)]
        notes = [text for note in record.notes for text in (note.text, note.author, note.verdict)]
        days = [f"{event.kind} {event.at:%Y-%m-%d %H:%M}" for event in record.events]
        body = _LINKED.sub(r"\1", record.body)  # a sentence is shown without the addresses behind its words
        own = [record.title, record.body, body, record.author, record.state, record.ref, record.repo, self.tag]
        return _letters("\n".join([*own, *record.labels, *self.targets, *days, *notes, *files]))

    @cached_property
    def figures(self) -> frozenset[str]:
        record = self.record
        notes = [note.text for note in record.notes]
        said = [record.title, record.body, record.author, record.ref, self.tag, *self.targets, *notes]
        changed = [text for file in record.files for text in (file.path, file.patch)]
        moments = [event.at for event in record.events]
        days = [f"{at:%Y-%m-%d} {at:%H:%M} {at.year} {at.month} {at.day}" for at in moments]
        return frozenset(_FIGURE.findall("\n".join([*said, *changed, *days])))

    def counts(self, path: str, plus: int, minus: int) -> bool:
        """Whether so many lines were changed, in the file at ``path``, or in all."""
        files = self.record.files
        whole = (sum(file.additions for file in files), sum(file.deletions for file in files))
        of_file = {(file.additions, file.deletions) for file in files if file.path == path}
        return (plus, minus) in (of_file or {whole})


class Desk:
    """Checks pages against a store."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def check(self, markdown: str, *, language: str = "en") -> Checked:
        """Count what a page says and what of it stands."""
        total = Checked()
        for said in statements(markdown, language=language):
            own = self._check(said)
            total = Checked(*(getattr(total, name) + getattr(own, name) for name in Checked.__slots__))
        return total

    def _check(self, said: Statement) -> Checked:
        held = [found for key, url in said.cited if (found := self._held(key, url))]
        figures = list(_figures(said, held))
        missing = [f"not verbatim: {text}" for text in said.verbatim if not any(_stands(text, one) for one in held)]
        missing += [f"wrong figure: {figure}" for figure, right in figures if not right]
        if not held or not _worded(said.text, held):
            missing.append(f"not borne out: {said.text.strip() or said.verbatim}")
        bearing = sum(any(_stands(text, one) for text in said.verbatim) or _worded(said.text, [one]) for one in held)
        return Checked(
            statements=1,
            supported=int(not missing),
            citations=len(said.cited),
            bearing=bearing,
            figures=len(figures),
            right=sum(right for _, right in figures),
            wrong=tuple(missing),
        )

    def _held(self, key: str, url: str) -> Held | None:
        """The record that both a key and the URL beside it name."""
        for doc in self._catalog.find_ref(key):
            record = self._catalog.records([doc])[0]
            if record.url == url:
                targets = tuple(target for _, _, target in self._catalog.linked([doc]))
                back = self._catalog.backlinks([record.id])
                beside = tuple(brief.id for brief in self._catalog.briefs([doc for _, _, doc in back]))
                return Held(record, self._catalog.first_tags([doc]).get(doc, ""), (*targets, *beside))
        return None


def _figures(said: Statement, held: Sequence[Held]) -> Iterator[tuple[str, bool]]:
    """Each figure of a statement, and whether it is a cited record's."""
    for path, plus, minus in said.counts:
        yield f"+{plus}/−{minus}", any(one.counts(path, plus, minus) for one in held)
    rest = _PAIR.sub(" ", said.text)
    paths = sum(bool(path) for path, _, _ in said.counts)
    for match in _MORE.finditer(rest):
        number = int(match[1] or match[2])
        yield match[0], any(len(one.record.files) - number in range(1, paths + 1) for one in held)
    for match in _FILES.finditer(rest := _MORE.sub(" ", rest)):
        yield match[0], any(len(one.record.files) == int(match[1]) for one in held)
    for figure in _FIGURE.findall(_FILES.sub(" ", rest)):
        yield figure, any(figure in one.figures for one in held)
    for name in said.named:
        yield name, any(target.endswith(name) for one in held for target in one.targets) or _in_body(name, held)


def _in_body(name: str, held: Sequence[Held]) -> bool:
    return any(re.search(rf"{name}(?!\d)", f"{one.record.title}\n{one.record.body}") for one in held)


def _stands(text: str, one: Held) -> bool:
    """Whether each part of ``text``, between the ellipses that shorten it, is the record's."""
    return all(_letters(part) in one.letters for part in text.split("…"))


def _worded(text: str, held: Sequence[Held]) -> bool:
    """Whether at least half of the words are the records'."""
    said = set(_WORD.findall(text.casefold())) - _vocabulary()
    return not said or sum(any(word in one.letters for one in held) for word in said) >= _HALF * len(said)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """The words that an English line is put together with."""
    table = words("en")
    forms = (
        text for texts in (table.line, table.events, table.states, table.relations, table.kinds) for text in texts.values()
    )
    return frozenset(_WORD.findall(" ".join(forms).casefold()))


def _letters(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", text.casefold()))
