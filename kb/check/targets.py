"""Where a link leads: the address of a commit, a thread, a release or a paper, or a key in the text, as a record's id. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from kb.check.types import Link

SHORTEST_SHA = 7
_HEX = r"[0-9a-fA-F]{7,64}"
_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_ARXIV = r"(?P<ref>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Za-z]{2})?/\d{7})(?P<version>v\d{1,3})?"
_SITES = (
    ("commit", re.compile(rf"/{_REPO}/(?:pull/\d+/)?commits?/(?P<ref>{_HEX})(?:\.patch|\.diff)?/?")),
    ("pull", re.compile(rf"/{_REPO}/pulls?/(?P<ref>\d{{1,9}})(?:/\w*)?")),
    ("issue", re.compile(rf"/{_REPO}/issues/(?P<ref>\d{{1,9}})/?")),
    ("release", re.compile(rf"/{_REPO}/releases/tag/(?P<ref>[^?#]+)")),
    ("commit", re.compile(rf"/{_REPO}/(?:blob|tree|raw|blame)/(?P<ref>[0-9a-f]{{40}})(?:/.*)?")),
    ("compare", re.compile(rf"/{_REPO}/compare/(?P<first>.+?)\.\.\.?(?P<ref>.+)")),
)
_GITLAB = (
    ("commit", re.compile(rf"/(?P<repo>[^?#]+?)/-/commit/(?P<ref>{_HEX})/?")),
    ("pull", re.compile(r"/(?P<repo>[^?#]+?)/-/merge_requests/(?P<ref>\d{1,9})(?:/\w*)?")),
    ("issue", re.compile(r"/(?P<repo>[^?#]+?)/-/(?:issues|work_items)/(?P<ref>\d{1,9})/?")),
    ("release", re.compile(r"/(?P<repo>[^?#]+?)/-/(?:releases|tags)/(?P<ref>[^?#]+)")),
    ("compare", re.compile(r"/(?P<repo>[^?#]+?)/-/compare/(?P<first>.+?)\.\.\.?(?P<ref>.+)")),
)
_PAPERS = {
    "arxiv.org": re.compile(rf"/(?:abs|pdf|html)/{_ARXIV}(?:\.pdf)?/?"),
    "huggingface.co": re.compile(rf"/papers/{_ARXIV}/?"),
    "alphaxiv.org": re.compile(rf"/(?:abs|pdf)/{_ARXIV}/?"),
    "doi.org": re.compile(rf"/10\.48550/arxiv\.{_ARXIV}/?", re.I),
}
_KEY = re.compile(
    rf"(?P<repo>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<sha>[0-9a-f]{{7,64}})|#(?P<number>\d{{1,9}})|@(?P<tag>v?\d[\w.+-]*))|arXiv:{_ARXIV}",
    re.I,
)
_KEYS = re.compile(
    r"(?<![\w/@#.-])(?:(?:[\w.-]{1,100}/)?[\w.-]{1,100}@[0-9a-f]{7,64}|[\w.-]{1,100}/[\w.-]{1,100}#\d{1,9}"
    rf"|arXiv:{_ARXIV}|[0-9a-f]{{7,40}})(?![\w/])",
    re.I | re.A,
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a link names. ``kind``: commit, pull, issue, release, paper or compare; ``repo`` is "" where nothing is known of it,
    and may be the name alone in a key. ``ref``: a SHA or its first digits, a number, a tag, an arXiv id; of a comparison its
    end, and ``first`` its beginning. ``host`` is the site, "" for a key."""

    kind: str
    repo: str
    ref: str
    host: str = ""
    first: str = ""

    @property
    def id(self) -> str:
        """The id of the record that it names, were its name whole."""
        if self.kind == "paper":
            return f"paper:arxiv:{self.ref}"
        return f"{self.kind}:{self.repo}{'#' if self.kind in ('pull', 'issue') else '@'}{self.ref}"

    @property
    def shown(self) -> str:
        """What a person calls it."""
        if self.kind == "paper":
            return f"arXiv:{self.ref}"
        if self.kind in ("pull", "issue"):
            return f"{self.repo}#{self.ref}"
        return f"{self.repo}@{self.ref[:12]}" if self.repo else self.ref[:12]


def of_link(link: Link) -> Target | None:
    """What a link or a key names; None for a page that is no record's."""
    return of_url(link.url) if link.url else of_key(link.text.strip("` "))


def host_of(url: str) -> str:
    """The site of a web address; "" for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.").removeprefix("export.") if parts.scheme in ("http", "https") else ""


def of_url(url: str) -> Target | None:
    """What an address names."""
    host = host_of(url)
    if not host:
        return None
    path = unquote(urlsplit(url).path)
    if host in _PAPERS:
        paper = _PAPERS[host].fullmatch(path)
        return Target("paper", "", paper["ref"], host) if paper else None
    for kind, pattern in _GITLAB if "/-/" in path else _SITES:
        if match := pattern.fullmatch(path):
            found = match.groupdict()
            ref = match["ref"].lower() if kind == "commit" else match["ref"].strip("/")
            ref = (ref.lstrip("0") or "0") if kind in ("pull", "issue") else ref
            return Target(kind, match["repo"], ref, host, found.get("first") or "")
    return None


def of_key(text: str) -> Target | None:
    """What a citation key ("kernels@9329fb4", "owner/kernels#12", "arXiv:2602.02061") or a bare SHA names."""
    if re.fullmatch(_HEX, text):
        return Target("commit", "", text.lower())
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    if match["ref"]:
        return Target("paper", "", match["ref"])
    if match["number"]:
        return Target("issue", match["repo"], match["number"])
    return (
        Target("commit", match["repo"], match["sha"].lower())
        if match["sha"]
        else Target("release", match["repo"], match["tag"])
    )


def keys_in(text: str) -> list[Link]:
    """Keys of records and SHAs in a text, as links without an address; a word or a number that might be a SHA is none."""
    found = []
    for match in _KEYS.finditer(text):
        bare = re.fullmatch(_HEX, match[0])
        if not bare or (re.search(r"\d", match[0]) and re.search(r"[a-f]", match[0], re.I)):
            found.append(Link(match[0], "", *match.span()))
    return found
