"""The papers that the local arXiv server knows, and arXiv's query language over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NEWEST = datetime(2026, 2, 6, 17, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Paper:
    """What the service knows of a paper, in its latest version. ``pdf`` None: there is none (404)."""

    id: str
    title: str
    abstract: str = "We measure a kernel."
    authors: Sequence[str] = ("Ada Lovelace", "Alan Turing")
    categories: Sequence[str] = ("cs.LG",)
    published: datetime = NEWEST
    updated: datetime = NEWEST
    version: int = 1
    comment: str = ""
    journal_ref: str = ""
    doi: str = ""
    pdf: bytes | None = None
    raw: str = ""  # a whole <entry>, instead of one made of the rest


_Test = Callable[[Paper], bool]
_TOKEN = re.compile(r'\s*(\(|\)|(?:[a-z]+:)?"[^"]*"|[^\s()"]+)')
_FIELDS: Mapping[str, Callable[[Paper], Iterable[str]]] = {
    "ti": lambda paper: [paper.title],
    "abs": lambda paper: [paper.abstract],
    "au": lambda paper: paper.authors,
    "co": lambda paper: [paper.comment],
    "jr": lambda paper: [paper.journal_ref],
    "cat": lambda paper: paper.categories,
    "all": lambda paper: [paper.title, paper.abstract, paper.comment, paper.journal_ref, *paper.authors, *paper.categories],
}


def search(papers: Iterable[Paper], query: Mapping[str, str]) -> list[Paper]:
    wanted = [name for name in query.get("id_list", "").split(",") if name]
    for name in wanted:
        if not re.fullmatch(r"(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?", name):
            raise ValueError(f"incorrect id format for {name}")
    ids = {re.sub(r"v\d+$", "", name) for name in wanted}
    text = query.get("search_query", "")
    matches = _predicate(text) if text else (lambda paper: bool(ids))
    found = [paper for paper in papers if (not ids or paper.id in ids) and matches(paper)]
    keys: dict[str, Callable[[Paper], Any]] = {
        "lastUpdatedDate": lambda paper: (paper.updated, paper.id),
        "submittedDate": lambda paper: (paper.published, paper.id),
    }
    by = query.get("sortBy", "relevance")
    if by in keys:
        found.sort(key=keys[by], reverse=query.get("sortOrder", "descending") == "descending")
    return found


def _predicate(text: str) -> _Test:
    """AND and ANDNOT bind closer than OR; two terms side by side are joined by OR, as the service does."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", text):
        raise ValueError(f"malformed query {text}")
    rest = iter([*tokens, ""])
    test, token = _either(next(rest), rest)
    if token:
        raise ValueError(f"unexpected {token}")
    return test


def _either(token: str, rest: Iterator[str]) -> tuple[_Test, str]:
    test, token = _both(token, rest)
    while token and token != ")":
        other, token = _both(next(rest) if token == "OR" else token, rest)
        test = _joined(any, test, other)
    return test, token


def _both(token: str, rest: Iterator[str]) -> tuple[_Test, str]:
    test, token = _term(token, rest)
    while token in ("AND", "ANDNOT"):
        other, following = _term(next(rest), rest)
        test = _joined(all, test, other if token == "AND" else _not(other))
        token = following
    return test, token


def _term(token: str, rest: Iterator[str]) -> tuple[_Test, str]:
    if token == "(":
        test, token = _either(next(rest), rest)
        if token != ")":
            raise ValueError("missing )")
        return test, next(rest)
    if token in ("", ")", "AND", "OR", "ANDNOT"):
        raise ValueError(f"a term is missing before {token or 'the end'}")
    field, colon, words = token.partition(":")
    if not colon or field not in _FIELDS:
        field, words = "all", token
    return _contains(field, words.strip('"')), next(rest)


def _contains(field: str, words: str) -> _Test:
    if field == "cat":
        pattern = re.compile(re.escape(words).replace(r"\*", ".*"), re.I)
        return lambda paper: any(pattern.fullmatch(category) for category in paper.categories)
    phrase = re.compile(r"\b" + r"\W+".join(map(re.escape, re.findall(r"\w+", words))) + r"\b", re.I)
    return lambda paper: any(phrase.search(text) for text in _FIELDS[field](paper))


def _joined(how: Callable[[Iterable[bool]], bool], *tests: _Test) -> _Test:
    return lambda paper: how(test(paper) for test in tests)


def _not(test: _Test) -> _Test:
    return lambda paper: not test(paper)
