"""What a text says of other records: issues it fixes, threads, commits, releases and papers it names. Pure; texts are hostile.

Keywords that close an issue are GitHub's (close, fix, resolve and their forms before a number); they count in commits and pull
requests only. A bare "#12" does not tell an issue from a pull request: its target is an ``issue:`` id either way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.types import Link, Record

VERSION = 1  # of what is found: a store works it out anew when this changes

_SITE = r"(?:https?://(?:www\.)?github\.com/)"
REFERENCE = (
    rf"(?:{_SITE}(?P<where>[\w.-]+/[\w.-]+)/(?P<kind>issues|pull)/(?P<number>\d{{1,9}})"
    r"|(?P<repo>[\w.-]+/[\w.-]+)?#(?P<short>\d{1,9})|GH-(?P<gh>\d{1,9}))(?!\d)"
)
_FIXES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?[ \t]+" + REFERENCE, re.IGNORECASE)
_MORE = re.compile(r"[ \t]*(?:,|&|\band\b)[ \t]*(?:and\b[ \t]*)?" + REFERENCE, re.IGNORECASE)
_ANY = re.compile(r"(?<![\w&/])" + REFERENCE + r"(?![\w])", re.IGNORECASE)
_COMMIT = re.compile(_SITE + r"([\w.-]+/[\w.-]+)/(?:pull/\d{1,9}/)?commits?/([0-9a-f]{40})(?![0-9a-f])", re.IGNORECASE)
_RELEASE = re.compile(_SITE + r"([\w.-]+/[\w.-]+)/releases/tag/([^\s)\]>\"'?#]{1,100})", re.IGNORECASE)
_ARXIV_ID = r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d{1,3})?(?!\d)"
_PAPER = re.compile(
    rf"(?:arxiv\.org/(?:abs|pdf|html)/|huggingface\.co/papers/|\barxiv[: ] ?|\b10\.48550/arxiv\.){_ARXIV_ID}", re.IGNORECASE
)
_SIGNS = (re.compile(r"#\d"), re.compile(r"github\.com/"), re.compile("GH-"))
_MOST = 200  # links of one record: release notes name hundreds of pull requests, a list of numbers without end is noise


def of(record: Record) -> tuple[Link, ...]:
    """Links fixes, mentions and paper that a record's text says beside the links its source gave, each target once.

    Title, body and notes are read. At most 200.
    """
    texts = [record.title, record.body, *(note.text for note in record.notes)]
    text = without_comments("\n".join(texts))
    said = {link.target for link in record.links} | {record.id, twin(record.id)}
    found: dict[str, Link] = {}
    closing = fixed(record.repo, text) if record.kind in ("commit", "pull") else ()
    for link in (*(Link("fixes", id) for id in closing), *_named(record.repo, text)):
        # The pull request of a commit is named as an issue in its own subject: "(#12)".
        if link.target not in said and twin(link.target) not in said and len(found) < _MOST:
            found.setdefault(link.target, link)
    return tuple(found.values())


def fixed(repo: str, text: str) -> Iterator[str]:
    """Ids of the issues that ``text``, of a commit or pull request of ``repo``, says it closes."""
    for line in _lines_with_references(text):
        for match in _FIXES.finditer(line):
            more: re.Match[str] | None = match
            while more is not None:
                if id := target(repo, more, "issue"):
                    yield id
                more = _MORE.match(line, more.end())


def target(repo: str, match: re.Match[str], kind: str) -> str:
    """The id that a match of REFERENCE stands for; ``kind`` is what a bare number means here. "" without a repository."""
    where = match["where"] or match["repo"] or repo
    number = match["number"] or match["short"] or match["gh"]
    if match["kind"]:
        kind = "pull" if match["kind"].lower() == "pull" else "issue"
    return f"{kind}:{where}#{number.lstrip('0') or '0'}" if where else ""


def without_comments(text: str) -> str:
    """``text`` without HTML comments: the examples in a pull request template fix nothing."""
    if "<!--" not in text:
        return text
    kept = []
    while text:
        before, opened, after = text.partition("<!--")
        kept.append(before)
        text = after.partition("-->")[2] if opened else ""
    return " ".join(kept)


def twin(id: str) -> str:
    """The other id that a number may stand for: the pull request's of an issue's, and the reverse; "" for other kinds."""
    kind, _, rest = id.partition(":")
    return {"issue": f"pull:{rest}", "pull": f"issue:{rest}"}.get(kind, "")


def _named(repo: str, text: str) -> Iterator[Link]:
    for line in _lines_with_references(text):
        for match in _ANY.finditer(line):
            if id := target(repo, match, "issue"):
                yield Link("mentions", id)
        for match in _COMMIT.finditer(line):
            yield Link("mentions", f"commit:{match[1]}@{match[2].lower()}")
        for match in _RELEASE.finditer(line):
            yield Link("mentions", f"release:{match[1]}@{match[2].rstrip('.,;:')}")
    if "arxiv" in (low := text.lower()) or "huggingface.co/papers" in low:
        yield from (Link("paper", f"paper:arxiv:{match[1]}") for match in _PAPER.finditer(text))


def _lines_with_references(text: str) -> Iterator[str]:
    """The lines that may name a record: these signs are quick to find, where the whole pattern is slow to say no."""
    places = [match.start() for sign in _SIGNS for match in sign.finditer(text)]
    done = -1
    for place in sorted(places):
        if place > done:
            done = text.find("\n", place)
            done = len(text) if done < 0 else done
            yield text[text.rfind("\n", 0, place) + 1 : done]
