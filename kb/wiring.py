"""The one place that knows every part: a configuration to a knowledge base that can sync, search, answer and tell its state.

Parts are made when they are first needed, and heavy ones are imported then: telling the state loads no torch and no chromadb.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kb import filters
from kb.catalog import Catalog
from kb.config import Config, data_folder
from kb.errors import QueryError
from kb.filters import Filters
from kb.plugins import build_sources
from kb.protocols import Progress, Source, silent
from kb.sync import Indexed, SyncReport, sync
from kb.types import LedgerRow

if TYPE_CHECKING:
    from index.indexer import CatalogIndexer, Index


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its filters as a person typed them; see kb/filters.py for what they may be."""

    text: str
    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    as_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What there is. ``ledger`` has a row for every configured source, then for those configured no more (``orphans``).

    ``counts`` maps source to kind ("gone" among them) to how many records; ``pending`` of ``records`` wait to be indexed.
    """

    data_dir: Path
    ledger: tuple[LedgerRow, ...]
    orphans: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    records: int
    pending: int


class KnowledgeBase:
    """A configured knowledge base; a context manager. Get one from ``open_kb``."""

    def __init__(self, config: Config, data_dir: Path, progress: Progress) -> None:
        self.config = config
        self.data_dir = data_dir
        self._progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if "_catalog" in self.__dict__:
            self._catalog.close()

    @property
    def _catalog_path(self) -> Path:
        return self.data_dir / "catalog.db"

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog.open(self._catalog_path, read_only=True)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every configured source. Raises ConfigError."""
        return build_sources(self.config, self.data_dir, progress=self._progress)

    def sync(self, names: tuple[str, ...] = ()) -> SyncReport:
        """Read the named sources, or all, and index what is new.

        Raises:
            QueryError: a name is no configured source's.
            CatalogError: another sync is running, or the store cannot be written.
        """
        chosen = filters.source_names(names, known=[source.name for source in self.sources])
        sources = [source for source in self.sources if not chosen or source.name in chosen]
        with Catalog.open(self._catalog_path, progress=self._progress) as catalog, self._indexer(catalog) as indexer:
            return sync(catalog, sources, indexer, progress=self._progress)

    def reindex(self) -> Indexed:
        """Build the vector index anew beside the old one, and swap.

        Raises:
            CatalogError: nothing has been read yet, or a sync is running.
            VectorError: the index or the embedding model cannot be used.
        """
        Catalog.open(self._catalog_path, read_only=True).close()  # says what to do where there is nothing yet
        with (
            Catalog.open(self._catalog_path, progress=self._progress) as catalog,
            catalog.exclusive(),
            self._indexer(catalog) as indexer,
        ):
            return indexer.rebuild(self._progress)

    @contextlib.contextmanager
    def _indexer(self, catalog: Catalog) -> Iterator[CatalogIndexer]:
        from index.indexer import CatalogIndexer

        with contextlib.closing(self._index()) as index:
            yield CatalogIndexer(catalog, index)

    def _index(self) -> Index:
        from index.chroma import ChromaCards
        from index.embedder import Embedder
        from index.indexer import Index

        chosen = self.config.index
        return Index(
            folder=self.data_dir / "index",
            chroma=ChromaCards(folder=self.data_dir / "chroma", address=chosen.chroma),
            embedder=Embedder(model=chosen.model, device=chosen.device, batch_size=chosen.batch_size),
            address=chosen.chroma,
        )

    def status(self) -> Status:
        """The ledger and the counts, also where nothing has been read yet."""
        never = {
            source.name: LedgerRow(source=source.name, use=type(source).__module__.rpartition(".")[2], repo=source.repo)
            for source in self.sources
        }
        if not self._catalog_path.exists():
            return Status(data_dir=self.data_dir, ledger=tuple(never.values()), orphans=(), counts={}, records=0, pending=0)
        read = {row.source: row for row in self._catalog.ledger()}
        orphans = tuple(name for name in read if name not in never)
        counts = self._catalog.counts()
        return Status(
            data_dir=self.data_dir,
            ledger=tuple((never | read).values()),
            orphans=orphans,
            counts=counts,
            records=sum(count for kinds in counts.values() for kind, count in kinds.items() if kind != "gone"),
            pending=self._catalog.pending_count(),
        )

    def filters(self, asked: Asked) -> Filters:
        """The typed filters as instants and names. Raises QueryError."""
        zone = self.config.zone
        aliases = {repo: table.aliases for repo, table in self.config.repos.items()}
        since = filters.instant(asked.since, option="--since", zone=zone) if asked.since is not None else None
        until = filters.instant(asked.until, option="--until", zone=zone, closing=True) if asked.until is not None else None
        as_of = filters.instant(asked.as_of, option="--as-of", zone=zone, closing=True) if asked.as_of is not None else None
        if since and until and since >= until:
            raise QueryError(f"--since {asked.since} is not before --until {asked.until}", remedy="swap them")
        return Filters(
            repos=filters.repositories(asked.repos, known=self.repos, aliases=aliases),
            kinds=filters.kinds(asked.kinds),
            since=since,
            until=until,
            as_of=as_of,
        )

    @cached_property
    def repos(self) -> tuple[str, ...]:
        """Every repository that is configured or stored."""
        configured = [source.repo for source in self.sources if source.repo]
        return tuple(dict.fromkeys([*configured, *self.config.repos, *self._catalog.repos()]))


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def open_kb(config: Config, *, data_dir: Path | None = None, progress: Progress = silent) -> KnowledgeBase:
    """The knowledge base that ``config`` describes; ``data_dir`` wins over environment and file. Nothing is read yet."""
    return KnowledgeBase(config, data_folder(config, data_dir), progress)
