"""Helpers for tests of answers: a searcher and judges of a few lines over a real store, and records to answer from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC

from kb.answer import Judgement, answer
from kb.catalog import Catalog, Filter
from kb.types import Answer, Event, FileChange, Found, Hit, Link, Quote, Record, Scope, Window
from tests.records import REPO, commit, day, sha

NOW = day(20)


@dataclass
class Everything:
    """A searcher that finds all that the filter lets through, latest first; ``quotes`` maps record id to what matched."""

    catalog: Catalog
    quotes: dict[str, Quote] | None = None
    scores: dict[str, float] | None = None
    degraded: str = ""

    def find(self, scope: Scope, *, limit: int = 10) -> Found:
        chosen = Filter(window=scope.window, repos=scope.repos, kinds=scope.kinds, events=scope.events, states=scope.states)
        docs = self.catalog.select(replace(chosen, as_of=scope.as_of, once="pull" not in scope.kinds))
        records = [record if scope.as_of is None else record.as_known(scope.as_of) for record in self.catalog.records(docs)]
        scores = self.scores or {}
        records.sort(key=lambda record: -scores.get(record.id, 0.5))
        quotes = self.quotes or {}
        hits = [
            Hit(record, scores.get(record.id, 0.5), quotes.get(record.id, Quote(record.title))) for record in records[:limit]
        ]
        return Found(hits=tuple(hits), in_window=len(docs), degraded=self.degraded)


def by_topic(scope: Scope, found: Found) -> Judgement:
    """All whose title or paths hold the topic."""
    texts = [" ".join([hit.record.title, *(file.path for file in hit.record.files)]).lower() for hit in found.hits]
    matched = tuple(at for at, text in enumerate(texts) if scope.topic.lower() in text)
    return Judgement("answered" if matched else "abstained", 0.8, matched)


def judged(status: str, *matched: int) -> object:
    return lambda scope, found: Judgement(status, 0.7, matched)


WEEK = Scope(question="What changed?", window=Window(day(0), day(20), "since 1 February"), repos=(REPO,), intent="window")


def ask(catalog: Catalog, scope: Scope = WEEK, judge: object = by_topic, **options: object) -> Answer:
    searcher = options.pop("searcher", None) or Everything(catalog)
    values = {"now": NOW, "zone": UTC, **options}
    return answer(scope, catalog=catalog, searcher=searcher, judge=judge, **values)  # type: ignore[arg-type]


def headings(text: str) -> list[str]:
    return [line.removeprefix("### ") for line in text.split("\n") if line.startswith("### ")]


def line_of(text: str, needle: str) -> str:
    (found,) = [line for line in text.split("\n") if needle in line]
    return found


def key(number: int) -> str:
    return f"kernels@{sha(number)[:7]}"


def merged(number: int, *brought: int, title: str = "Merge branch 'x' into main", body: str = "") -> list[Record]:
    """A merge and the commits it brought, all landed when it did."""
    when = (Event("landed", day(number)),)
    links = tuple(Link("brought", commit(other).id) for other in brought)
    merge = commit(number, title, body=body, events=when, links=links, marks=("merge",))
    down = (Link("landed-by", merge.id),)
    return [merge, *(commit(other, f"feat: piece {other}", events=when, links=down) for other in brought)]


FIX = commit(
    4,
    "fix: widen the page index (#4)",
    body="The index is now int64.\n\nThe overflow was caused by a 32-bit product of page and stride.\n",
    files=(
        FileChange(path="src/page.cu", additions=2, deletions=1, patch="@@ -10,2 +10,3 @@ plan()\n a\n-int x;\n+int64_t x;\n"),
    ),
)
NEEDLE = Scope(question="Which commit widened the page index?", window=Window(None, NOW), topic="page index")
