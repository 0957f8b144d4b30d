"""Example questions of what is really stored, each held to the store before it is shown: it has an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kb.catalog import Brief, Catalog, Filter
from kb.citations import keys
from kb.safe import TO_A_MACHINE, one_line
from kb.telling import ACTS
from kb.text import STOPWORDS, query_tokens, tokens
from kb.types import Scope
from kb.web.reader import Reader

Resolve = Callable[[str], Scope]
_RECENT = timedelta(days=30)
_LOOKED_AT = 400  # titles
_ENOUGH = 3  # records that a question about many should have
_TOPIC = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,23}")
_FIX = re.compile(r"(?:[\w/-]+(?:\([^)]*\))?!?:\s*)?fix(?:es|ed)?:?\s+(?P<what>[^()\[\]\"“”`<>]{16,90}?)\s*(?:\(#\d+\))?", re.I)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """``kind``: week, topic, needle or reference. ``id`` is the record that answers a question about one, else ""."""

    question: str
    kind: str
    id: str = ""


def examples(catalog: Catalog, resolve: Resolve, reader: Reader, *, most: int = 4) -> tuple[Example, ...]:
    """Questions in the reader's language; none for an empty store. ``resolve`` says what a question would be taken to mean.

    Raises:
        CatalogError: the record store cannot be read.
    """
    docs = catalog.select(Filter(kinds=("commit", "pull"), once=True))[:_LOOKED_AT]
    briefs = [brief for brief in catalog.briefs(docs) if brief.repo]
    if not briefs:
        return ()
    since = briefs[0].at - _RECENT
    recent = [brief for brief in briefs if brief.at >= since]
    busiest = Counter(brief.repo for brief in recent).most_common(1)[0][0]
    own = [brief for brief in recent if brief.repo == busiest]
    name = _called(busiest, catalog.repos())
    makers = (
        _many(catalog, resolve, reader, name, own),
        _needle(catalog, resolve, reader, own),
        _reference(catalog, reader, own),
    )
    return tuple(example for made in makers for example in made)[:most]


def _called(repo: str, repos: Sequence[str]) -> str:
    """The name alone, where no other repository has it."""
    short = repo.rpartition("/")[2]
    return short if sum(other.rpartition("/")[2].casefold() == short.casefold() for other in repos) == 1 else repo


# --- about many --------------------------------------------------------------------------------------------------------------


def _many(catalog: Catalog, resolve: Resolve, reader: Reader, name: str, own: Sequence[Brief]) -> Iterator[Example]:
    words = reader.ui.examples
    latest = own[0].at.astimezone(reader.zone)
    month = words["month name"].format(
        month=latest.month if reader.language == "zh" else _MONTHS[latest.month - 1], year=latest.year
    )
    for form in ("week", "month"):
        question = words[form].format(repo=name, month=month)
        scope = resolve(question)
        if _found(catalog, scope, topic="") < _ENOUGH:
            continue
        yield Example(question, "week")
        for topic in _topics(own):
            question = words[f"topic {form}"].format(repo=name, month=month, topic=topic)
            if _found(catalog, resolve(question), topic=topic) >= _ENOUGH:
                yield Example(question, "topic")
                return
        return


def _found(catalog: Catalog, scope: Scope, *, topic: str) -> int:
    """How many records a question about many has, its topic in their titles; 0 where it would be taken for something else."""
    if scope.intent != "window" or scope.unresolved or scope.facets or scope.topic.casefold() != topic.casefold():
        return 0
    if not scope.repos or scope.window.start is None:
        return 0
    kinds = scope.kinds or scope.implied_kinds
    chosen = Filter(window=scope.window, repos=scope.repos, kinds=kinds, once=True)
    return len(catalog.lexical("subject", tokens(topic), filter=chosen)) if topic else catalog.count(chosen)


def _topics(own: Sequence[Brief]) -> list[str]:
    """Words of several recent titles, the field's own (capitals, digits) first; none that says only that something was done."""
    counted: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for brief in own:
        for word in dict.fromkeys(_TOPIC.findall(brief.title)):
            low = word.casefold()
            if low not in STOPWORDS and not ACTS.fullmatch(word):
                counted[low] += 1
                written.setdefault(low, Counter())[word] += 1
    common = [low for low, count in counted.items() if _ENOUGH <= count <= max(len(own) // 2, _ENOUGH)]
    shown = {low: written[low].most_common(1)[0][0] for low in common}
    return [shown[low] for low in sorted(common, key=lambda low: (not _is_name(shown[low]), -counted[low], low))]


def _is_name(word: str) -> bool:
    return any(char.isupper() or char.isdigit() for char in word[1:])


# --- about one ---------------------------------------------------------------------------------------------------------------


def _needle(catalog: Catalog, resolve: Resolve, reader: Reader, own: Sequence[Brief]) -> Iterator[Example]:
    """A recent fix in its own words, where these words lead to it and to no other."""
    for brief in own:
        fix = _FIX.fullmatch(one_line(brief.title))
        if not fix or ACTS.match(fix["what"]) or TO_A_MACHINE.search(brief.title):
            continue
        question = reader.ui.examples["needle pull" if brief.id.startswith("pull:") else "needle"].format(
            what=fix["what"].rstrip(" .")
        )
        scope = resolve(question)
        if scope.intent != "needle" or scope.relation or scope.unresolved or scope.window.start:
            continue
        best = catalog.lexical("subject", query_tokens(scope.topic), limit=2)
        alone = len(best) < 2 or best[0][1] > best[1][1]
        if best and best[0][0] == brief.doc and alone:
            yield Example(question, "needle", brief.id)
            return


def _reference(catalog: Catalog, reader: Reader, own: Sequence[Brief]) -> Iterator[Example]:
    """A recent record by its key."""
    for brief in own:
        (record,) = catalog.records([brief.doc], patches=False)
        key = keys([record])[record.id]
        if catalog.find_ref(key) == [brief.doc]:
            yield Example(reader.ui.examples["reference"].format(key=key), "reference", brief.id)
            return
