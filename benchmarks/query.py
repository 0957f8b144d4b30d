"""How long a warm search takes, by kind of question, filter and stage, in stores of some sizes.

    python -m benchmarks.query --cards 10000 --cards 60000 [--repo PATH] [--questions 40] [--folder DIR] [--out FILE]

The store is real (catalog, lexical index, vectors, Chroma) and its records are made up: those of ``--repo``, or of a generated
vocabulary, again and again with words exchanged. The model embeds a sample of their cards; the others get a sample's vectors
plus noise, so that building takes minutes. With ``--folder`` a store that was built before is used again. CPU milliseconds
stand beside the elapsed ones: on a machine that does other work they tell what a search costs, elapsed ones what was waited.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import synthetic
from index.chroma import ChromaCards
from index.embedder import Embedder
from index.indexer import Index
from index.search import Search
from kb.catalog import Catalog, Filter
from kb.types import Scope, Window

GOALS = {"p50": 40.0, "p95": 100.0}  # milliseconds
KINDS = ("needle", "window", "identifier")
FILTERS = ("none", "repo", "window", "both")


@dataclass
class Timings:
    """Milliseconds of the searches of one kind."""

    total: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    stages: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, found: Mapping[str, float], cpu: float) -> None:
        """Note one search: its stages, and the process's CPU time."""
        self.cpu.append(cpu)
        for stage, milliseconds in found.items():
            (self.total if stage == "total" else self.stages[stage]).append(milliseconds)

    def row(self) -> dict[str, Any]:
        """Percentiles of the whole, and each stage's median and p95 over the searches that have it."""
        stages = {name: [_percentile(values, 50), _percentile(values, 95)] for name, values in self.stages.items()}
        return {
            "searches": len(self.total),
            "p50": _percentile(self.total, 50),
            "p95": _percentile(self.total, 95),
            "max": max(self.total),
            "cpu_p50": _percentile(self.cpu, 50),
            "cpu_p95": _percentile(self.cpu, 95),
            "stages_p50_p95": stages,
        }


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)


def scopes(catalog: Catalog, kind: str, filtered: str, *, count: int, seed: int) -> Iterator[Scope]:
    """Distinct questions of a kind, in words of records of the store, with a filter that lets the record through."""
    choice = random.Random(f"{seed}{kind}{filtered}")
    docs = catalog.select(Filter())
    seen: set[str] = set()
    while len(seen) < count:
        (record,) = catalog.records([choice.choice(docs)])
        words = synthetic.asked(record, kind, choice)
        if not words or words in seen:
            continue
        seen.add(words)
        start = record.at - timedelta(days=choice.choice((1, 3, 6)))
        window = Window(start, start + timedelta(days=choice.choice((7, 30))))
        yield Scope(
            question=words,
            topic=words,
            intent=kind,
            identifiers=(words,) if kind == "identifier" else (),
            repos=(record.repo,) if filtered in ("repo", "both") else (),
            window=window if filtered in ("window", "both") else Window(),
        )


def measure(catalog: Catalog, index: Index, *, questions: int, seed: int) -> dict[str, dict[str, Any]]:
    """ "kind, filter" -> percentiles in milliseconds over ``questions`` distinct questions each, after as many to warm up."""
    search = Search(catalog, index)
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        for filtered in FILTERS:
            for scope in scopes(catalog, kind, filtered, count=max(questions // 4, 3), seed=seed + 1):
                search.find(scope)
            timings = Timings()
            for scope in scopes(catalog, kind, filtered, count=questions, seed=seed):
                started = time.process_time()
                result = search.find(scope)
                cpu = 1000 * (time.process_time() - started)
                if result.degraded:
                    raise SystemExit(f"the search was not whole: {result.degraded}")
                timings.add(result.timings_ms, cpu)
            found[f"{kind}, {filtered}"] = timings.row()
            _show(f"{kind}, {filtered}", found[f"{kind}, {filtered}"])
    return found


def _show(name: str, row: Mapping[str, Any]) -> None:
    stages = "  ".join(f"{stage} {p50:.0f}/{p95:.0f}" for stage, (p50, p95) in row["stages_p50_p95"].items())
    whole = f"p50 {row['p50']:6.1f}  p95 {row['p95']:6.1f}  max {row['max']:6.1f}"
    print(f"  {name:20} {whole}  (CPU {row['cpu_p50']:5.1f}, {row['cpu_p95']:5.1f})   {stages}", flush=True)


def run(cards: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Build (or reuse) a store of ``cards`` cards under ``folder``, and measure it."""
    embedder = Embedder()
    if not (folder / "index" / "current.json").exists():
        records = synthetic.perturbed(synthetic.originals(options.repo, folder / "clones"), seed=options.seed)
        synthetic.build(records, folder, embedder=embedder, cards=cards, seed=options.seed)
    index = Index(folder=folder / "index", chroma=ChromaCards(folder=folder / "chroma"), embedder=embedder)
    with Catalog.open(folder / "catalog.db") as catalog:  # not read-only: an older store is brought up to date
        manifest = index.current()
        if manifest is None:
            raise SystemExit(f"{folder} holds no index that fits: give an empty folder")
        of_records, of_cards = index.vectors(manifest).size()
        print(f"{of_cards:,} cards of {of_records:,} records (milliseconds; stages as median/p95)")
        rows = measure(catalog, index, questions=options.questions, seed=options.seed)
        index.close()
    whole = [row["p50"] for row in rows.values()], [row["p95"] for row in rows.values()]
    print(f"  worst p50 {max(whole[0])} (goal {GOALS['p50']}), worst p95 {max(whole[1])} (goal {GOALS['p95']})", flush=True)
    return {"cards": of_cards, "records": of_records, "median_p50": statistics.median(whole[0]), "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, action="append", help="size of a store; may be given several times")
    parser.add_argument("--repo", type=Path, help="a repository whose commits are resampled; without, words are made up")
    parser.add_argument("--questions", type=int, default=40, help="of each kind and filter")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the stores here, one folder a size, and use those that are there")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base: Path = options.folder or Path(temporary)
        found = [run(cards, base / str(cards), options) for cards in options.cards or [10_000, 60_000]]
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
