"""What a commit message says about other commits, pull requests, issues and people. Pure; every text is hostile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kb.references import REFERENCE, fixed, target, without_comments
from kb.types import Link

_PULL_AT_END = re.compile(r"\(#(\d{1,9})\)\s*$")
_PULL_MERGE = re.compile(r"Merge pull request #(\d{1,9})\b")
_REVERTED_PULL = re.compile(r"^[ \t]*(?:this )?reverts(?: pull request| PR)?:?[ \t]+" + REFERENCE, re.I | re.M)
_REVERTED_COMMITS = re.compile(r"\breverts[ \t\n]+commits?[ \t\n]+((?:[0-9a-f]{7,64}\b[ \t\n,.]*(?:and[ \t\n]+)?)+)", re.I)
_REVERT_SUBJECT = re.compile(r'^\s*(?:\[[^\]]*\]\s*)?revert:?\s+["“](?P<subject>.+)["”]', re.IGNORECASE)
_REVERT_PULL_SUBJECT = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*)?revert:?\s+(?:(?:pull request|PR)\s*#?|#)(?P<number>\d{1,9})\b", re.IGNORECASE
)
_PICKED = re.compile(r"\(cherry[- ]picked from commit ([0-9a-f]{7,64})\)", re.IGNORECASE)
_CO_AUTHOR = re.compile(r"^[ \t]*co-authored-by:[ \t]*([^<\n]+)", re.IGNORECASE | re.MULTILINE)
_HEX = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


@dataclass
class History:
    """Finds commits of one branch by SHA prefix, exact subject or pull request.

    ``positions`` gives each commit's place in the order of landing: what a message speaks of landed before it. Commits that are
    read are ``learn``-ed in that order; ``list_subjects`` gives the others, and is asked once, when one is looked for in vain.
    """

    positions: Mapping[str, int]
    list_subjects: Callable[[], Iterable[tuple[str, str]]]
    _by_subject: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _by_pull: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _listed: bool = False

    def learn(self, sha: str, subject: str) -> None:
        """Remembers a commit."""
        self._by_subject.setdefault(subject, []).append(sha)
        if number := pull_number(subject):
            self._by_pull.setdefault(number, []).append(sha)

    def by_sha(self, prefix: str) -> str:
        """The one commit whose SHA starts so, or ""."""
        prefix = prefix.lower()
        if prefix in self.positions:
            return prefix
        found = [sha for sha in self.positions if sha.startswith(prefix)]
        return found[0] if len(found) == 1 else ""

    def by_subject(self, subject: str, before: str) -> str:
        """The latest commit with this very subject that landed before the commit ``before``, or ""."""
        return self._latest(self._by_subject, subject, before)

    def by_pull(self, number: str, before: str) -> str:
        """The latest commit of this pull request that landed before the commit ``before``, or ""."""
        return self._latest(self._by_pull, number, before)

    def _latest(self, known: Mapping[str, list[str]], key: str, before: str) -> str:
        limit = self.positions.get(before, len(self.positions))
        while True:
            earlier = [sha for sha in known.get(key, ()) if self.positions.get(sha, limit) < limit]
            if earlier or self._listed:
                return max(earlier, key=self.positions.__getitem__, default="")
            self._listed = True
            for sha, subject in self.list_subjects():
                self.learn(sha, subject)


def pull_number(subject: str) -> str:
    """The pull request that a subject names as its own, or ""."""
    match = _PULL_AT_END.search(subject) or _PULL_MERGE.match(subject)
    return match[1].lstrip("0") if match else ""


def co_authors(body: str, author: str) -> tuple[str, ...]:
    """Names in Co-authored-by trailers, each once, without the author."""
    if "uthored-" not in body and "UTHORED-" not in body:
        return ()
    names = dict.fromkeys(match[1].strip() for match in _CO_AUTHOR.finditer(body))
    return tuple(name for name in names if name and name != author)


def links(repo: str, sha: str, subject: str, body: str, history: History) -> tuple[Link, ...]:
    """Links pull, fixes, reverts and cherry-picked-from of one commit, each once."""
    body = without_comments(body)
    lowered = f"{subject}\n{body}".lower()
    found: list[Link] = []
    if number := pull_number(subject):
        found.append(Link("pull", f"pull:{repo}#{number}"))
    found += [Link("fixes", other) for other in fixed(repo, f"{subject}\n{body}")]
    if "revert" in lowered:
        found += [Link("reverts", other) for other in _reverted(repo, sha, subject, body, history)]
    for match in _PICKED.finditer(body) if "cherry" in lowered else ():
        picked = history.by_sha(match[1]) or (match[1].lower() if len(match[1]) in (40, 64) else "")
        if picked:
            found.append(Link("cherry-picked-from", f"commit:{repo}@{picked}"))
    return tuple(dict.fromkeys(found))


def _reverted(repo: str, sha: str, subject: str, body: str, history: History) -> list[str]:
    """Ids of what this commit reverts: by the SHAs in its body, else by pull request, else by the quoted subject."""
    named = [prefix for match in _REVERTED_COMMITS.finditer(body) for prefix in _HEX.findall(match[1])]
    known = [found for prefix in named if (found := history.by_sha(prefix))]
    if known:
        return [f"commit:{repo}@{found}" for found in known]
    pulls = [target(repo, match, "pull") for match in _REVERTED_PULL.finditer(body)]
    if plain := _REVERT_PULL_SUBJECT.match(subject):
        pulls.append(f"pull:{repo}#{plain['number']}")
    own = [pull.rpartition("#")[2] for pull in pulls if pull.startswith(f"pull:{repo}#")]
    quoted = _REVERT_SUBJECT.match(subject)
    candidates = [history.by_pull(number, sha) for number in own]
    if quoted:
        inner = quoted["subject"]
        candidates += [history.by_subject(inner, sha)]
        if number := pull_number(inner):
            candidates += [history.by_pull(number, sha)]
            pulls = pulls or [f"pull:{repo}#{number}"]
    found = next((candidate for candidate in candidates if candidate), "")
    if found:
        return [f"commit:{repo}@{found}"]
    # What is reverted lies outside this history: its name is all there is to give.
    return pulls or [f"commit:{repo}@{prefix.lower()}" for prefix in named if len(prefix) in (40, 64)]
