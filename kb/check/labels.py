"""Whether a link is what its label says: the kind of thing, its number, its SHA, its version. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from kb.check.targets import Target, of_key, of_link, of_url
from kb.check.types import Link, Statement

_WORDS = {
    "pull": r"PRs?|pull requests?|MRs?|merge requests?|合并请求|拉取请求",
    "commit": r"commits?|提交",
    "issue": r"issues?|议题",
    "release": r"releases?|发布",
    "paper": r"papers?|arXiv|论文",
}
_KIND = re.compile(
    "(?<![A-Za-z])(?:" + "|".join(f"(?P<{kind}>{words})" for kind, words in _WORDS.items()) + r")\s*[:：#]?\s*[\[(（`]*\Z", re.I
)
_BEGINS = re.compile(
    "(?:"
    + "|".join(f"(?P<{kind}>{words})" for kind, words in _WORDS.items())
    + r")\s*(?:[:：]\s*|(?=#?\d)|#?\s*(?=[0-9a-f]{7,40}(?!\w)))",
    re.I,
)
_BETWEEN = re.compile(r"(?:[\s,，、;；/&|()（）·\[\]`-]|and|和)*")
_NUMBER = re.compile(rf"(?:(?:{_WORDS['pull']}|{_WORDS['issue']})\s*)?#(\d{{1,9}})", re.I)
_VERSION = re.compile(r"v?\d+\.\d+[\w.+-]*")
_NAMES = {"commit": "a commit", "pull": "a pull request", "issue": "an issue", "release": "a release", "paper": "a paper"}
_WHOLE = (40, 64)
_ALMOST_WHOLE = 33  # nobody shortens a SHA to so many digits


def wrong_labels(statement: Statement, kind_of: Callable[[Target], str]) -> Iterator[str]:
    """What the labels of a statement's links say wrongly; ``kind_of`` a target is what the store knows it to be."""
    carried = ""
    last = 0
    for link in statement.links:
        gap = statement.text[last : link.start]
        said = "" if _in_brackets(gap, link) else _kind_said(gap) or (carried if last and _BETWEEN.fullmatch(gap) else "")
        carried, last = said, link.end
        target = of_link(link)
        if target is None or not link.url:
            continue
        kind = kind_of(target)
        said = _kind_said(link.text.strip("` ")) or _kind_named(_BEGINS.match(link.text.strip("`[( "))) or said
        if said in ("pull", "commit", "issue") and kind in ("pull", "commit", "issue") and said != kind:
            yield f"labelled as {_NAMES[said]}, leads to {_NAMES[kind]}"
        else:
            yield from _wrong_label(link, target, kind)


def _in_brackets(gap: str, link: Link) -> bool:
    """Whether a key opens a bracket: what stands before that is a sentence ("fix the issue (kernels@9329fb4)"), no label."""
    return gap.rstrip("`[ ").endswith(("(", "（")) and of_key(link.text.strip("`[]() ")) is not None


def names_itself(link: Link) -> bool:
    """Whether a link's text does no more than name or announce where it leads."""
    text = link.text.strip("`[]() ")
    plain = of_key(text) or _NUMBER.fullmatch(text) or _kind_said(text) == text or text.startswith(("http://", "https://"))
    return bool(plain) or not re.search(r"\w", text) or bool(_KIND.fullmatch(text)) or text in ("链接", "link", "Link")


def _kind_said(text: str) -> str:
    return _kind_named(_KIND.search(text[-60:]))


def _kind_named(match: re.Match[str] | None) -> str:
    return next((kind for kind, found in match.groupdict().items() if found), "") if match else ""


def _wrong_label(link: Link, target: Target, kind: str) -> Iterator[str]:
    text = link.text.strip("`[]() ")
    if target.kind == "commit" and len(target.ref) >= _ALMOST_WHOLE and len(target.ref) not in _WHOLE:
        yield f"a SHA of {len(target.ref)} digits"
    if text.startswith(("http://", "https://")):
        if of_url(text) != target:
            yield f"labelled {text[:80]}, leads to {target.shown}"
    elif number := _NUMBER.fullmatch(text):
        if target.kind in ("pull", "issue") and number[1] != target.ref:
            yield f"labelled #{number[1]}, leads to #{target.ref}"
        elif target.kind not in ("pull", "issue"):
            yield f"labelled #{number[1]}, leads to {_NAMES.get(kind, 'something else')}"
    elif key := of_key(text) or of_key(_BEGINS.sub("", text, count=1)):
        if not _agrees(key, target):
            yield f"labelled {text}, leads to {target.shown}"
    elif target.kind == "release" and _VERSION.fullmatch(text) and text.lstrip("v") != target.ref.lstrip("v"):
        yield f"labelled {text}, leads to {target.ref}"


def _agrees(key: Target, target: Target) -> bool:
    """Whether a key names what a link leads to; the key may leave the owner out, and the end of a SHA."""
    whole, name = target.repo.casefold(), key.repo.casefold()
    if name and target.repo and name not in (whole, whole.rpartition("/")[2]):
        return False
    if key.kind == "commit":
        return target.kind == "commit" and (target.ref.startswith(key.ref) or key.ref.startswith(target.ref))
    if key.kind == "issue":
        return target.kind in ("pull", "issue") and key.ref == target.ref
    return key.kind == target.kind and key.ref == target.ref
