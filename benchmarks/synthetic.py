"""Stores of any size for ``benchmarks/query.py``: records resampled with words exchanged, vectors resampled with noise.

Everything goes through the real catalog, vectors and Chroma; only the embedding of most cards is made up.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from index import manifest as manifests
from index.cards import cards as cards_of
from index.chroma import ChromaCards
from index.embedder import Embedded, Embedder
from index.indexer import Index
from index.vectors import Indexed
from ingest.git_commits import Source
from kb.catalog import Catalog
from kb.protocols import SourceContext
from kb.types import Batch, Card, Event, FileChange, Record

SAMPLE = 400  # cards that the model really embeds
REPOS = 6
_NOISE = 0.035  # of each of the sentence vector's dimensions: cosine to the sample's vector about .8
_EXCHANGED = 0.12  # of the words
_BATCH = 250
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_IDENTIFIER = re.compile(r"\b(?:[a-z]+_[a-z0-9_]{4,}|[A-Z][a-z]+(?:[A-Z][a-z0-9]+)+)\b")


def originals(repo: Path | None, folder: Path) -> list[Record]:
    """The commits of a repository, read with the git source; without one, of a generated vocabulary."""
    if repo is None:
        return list(_generated(1_500, random.Random(7)))
    source = Source(url=str(repo), repo="bench/mark", history="all", context=SourceContext(folder))
    return [record for batch in source.pull(None) for record in batch.records]


def _generated(count: int, choice: random.Random) -> Iterator[Record]:
    syllables = ("ka", "ro", "mi", "ten", "sor", "ga", "lu", "ver", "ni", "sel", "pho", "qu", "ta", "dis", "or", "el")
    words = list(dict.fromkeys("".join(choice.choices(syllables, k=choice.randint(2, 4))) for _ in range(12_000)))
    weights = [1 / (rank + 8) for rank in range(len(words))]  # Zipf's law, as in any language

    def text(length: int, *, joined: str = " ") -> str:
        return joined.join(choice.choices(words, weights, k=length))

    def patch() -> str:
        lines = (
            f"{choice.choice('+-')}    {text(2, joined='_')} = {text(choice.randint(2, 7))}"
            for _ in range(min(int(choice.expovariate(1 / 30)) + 2, 200))
        )
        return "\n".join(["@@ -1,9 +1,9 @@", *lines])

    for number in range(count):
        paths = [f"{text(2, joined='/')}_{part}.py" for part in range(min(int(choice.expovariate(0.4)) + 1, 12))]
        yield Record(
            id=f"commit:bench/mark@{number:040x}",
            kind="commit",
            repo="bench/mark",
            ref=f"{number:040x}",
            title=text(choice.randint(5, 10)).capitalize(),
            body=". ".join(text(choice.randint(6, 20)).capitalize() for _ in range(choice.randint(0, 8))),
            files=tuple(FileChange(path=path, patch=patch(), additions=9, deletions=9) for path in paths),
        )


def perturbed(records: Sequence[Record], *, seed: int) -> Iterator[Record]:
    """Records without end: the given ones in turn, each with some words exchanged for words of others, in one of REPOS
    repositories, an hour apart."""
    choice = random.Random(seed)
    words = sorted({word for record in choice.sample(records, min(len(records), 300)) for word in _words(record)})
    latest = datetime(2026, 6, 1, tzinfo=UTC)
    for number, record in enumerate(cycle(records)):
        repo, sha = f"bench/mark{number % REPOS}", f"{choice.getrandbits(160):040x}"
        yield replace(
            record,
            id=f"commit:{repo}@{sha}",
            repo=repo,
            ref=sha,
            title=_exchanged(record.title, words, choice),
            body=_exchanged(record.body, words, choice),
            events=(Event("landed", latest - timedelta(hours=number)),),
            files=tuple(replace(file, patch=_exchanged(file.patch, words, choice)) for file in record.files),
            links=(),
            meta=(),
        )


def _words(record: Record) -> list[str]:
    return _WORD.findall(" ".join([record.title, record.body, *(file.patch for file in record.files[:2])]))


def _exchanged(text: str, words: Sequence[str], choice: random.Random) -> str:
    return _WORD.sub(lambda match: choice.choice(words) if choice.random() < _EXCHANGED else match.group(), text)


def asked(record: Record, kind: str, choice: random.Random) -> str:
    """What a person might ask to find this record: a description, a topic, or an identifier; "" where it has none."""
    if kind == "identifier":
        names = _IDENTIFIER.findall("\n".join(file.patch for file in record.files[:3]))
        return choice.choice(names) if names else ""
    words = _WORD.findall(f"{record.title} {record.body}")
    length = choice.randint(10, 18) if kind == "needle" else choice.randint(2, 3)
    chosen = words[:40] if kind == "needle" else _WORD.findall(record.title)
    return " ".join(chosen[at] for at in sorted(choice.sample(range(len(chosen)), min(length, len(chosen)))))


# --- building -------------------------------------------------------------------------------------------------------------


def build(records: Iterator[Record], folder: Path, *, embedder: Embedder, cards: int, seed: int) -> None:
    """Store and index records under ``folder`` until there are ``cards`` cards."""
    index = Index(folder=folder / "index", chroma=ChromaCards(folder=folder / "chroma"), embedder=embedder)
    manifest = manifests.fresh(index.wanted)
    vectors = index.vectors(manifest, create=True)
    written = 0
    with Catalog.open(folder / "catalog.db") as catalog, catalog.exclusive():
        catalog.begin("bench", use="git_commits", repo="bench/mark")
        made = None
        while written < cards:
            batch = list(islice(records, _BATCH))
            catalog.store("bench", Batch(records=tuple(batch), cursor=str(written)))
            made = made or _Made(batch, embedder, seed)
            numbers = catalog.docs([record.id for record in batch])
            rows = [_row(numbers[record.id], record, made) for record in batch]
            _upsert(index.chroma, manifest.collection, rows)
            vectors.store(rows)
            catalog.mark_indexed((row.doc, row.hash) for row in rows)
            written += sum(len(row.cards) for row in rows)
            print(f"\rbuilding: {written:,} of {cards:,} cards", end="", file=sys.stderr, flush=True)
        catalog.finish("bench")
    print(file=sys.stderr)
    manifests.write(index.folder, manifest)
    index.close()


class _Made:
    """Embeddings made of those of a sample."""

    def __init__(self, records: Sequence[Record], embedder: Embedder, seed: int) -> None:
        sample = [card for record in records for card in cards_of(record)][:SAMPLE]
        self._known: dict[str, list[Embedded]] = {}
        for card, embedded in zip(sample, embedder.encode([card.text for card in sample]), strict=True):
            self._known.setdefault(card.part, []).append(embedded)
        self._random = np.random.default_rng(seed)

    def embedded(self, card: Card) -> Embedded:
        """One of the sample's embeddings of the same part, moved at random."""
        known = self._known.get(card.part) or self._known["m0"]
        chosen = known[int(self._random.integers(len(known)))]
        moved = chosen.sentence + self._random.normal(scale=_NOISE, size=chosen.sentence.shape)
        unit = (moved / np.linalg.norm(moved)).astype(np.float32)
        return Embedded(unit, np.roll(chosen.tokens, int(self._random.integers(97)), axis=1))


def _row(doc: int, record: Record, made: _Made) -> Indexed:
    return Indexed(doc, record.id, record.content_hash, {card.part: made.embedded(card) for card in cards_of(record)})


def _upsert(chroma: ChromaCards, collection: str, rows: Iterable[Indexed]) -> None:
    found = [(f"{row.record}#{part}", card.sentence, {"doc": row.doc}) for row in rows for part, card in row.cards.items()]
    ids, sentences, metadata = zip(*found, strict=True)
    chroma.upsert(collection, ids, np.stack(sentences), metadata)
