"""The one place that knows every part: a configuration to a knowledge base that can sync, search, answer and tell its state.

Parts are made when they are first needed, and heavy ones are imported then: telling the state loads no torch and no chromadb.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from threading import Event as Stop
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kb.answer import answer
from kb.answering.page import rest
from kb.answering.rewriting import Rewriter
from kb.answering.types import Begun, Done, Event, answer_of
from kb.answering.writer import AnswerWriter, Prompts
from kb.catalog import Catalog, Filter, Run
from kb.compare import compare
from kb.config import Config, data_folder
from kb.entities import resolve_repos
from kb.errors import ConfigError, EmptyCatalogError, QueryError
from kb.followup import resolve
from kb.grounded.cache import Cache
from kb.judge import judge
from kb.neighbours import Neighbour, neighbours
from kb.plugins import build_sources
from kb.protocols import Entailment, LanguageModel, Progress, Source, silent
from kb.scope import KnownRepo, ScopeContext, about, parse_instant
from kb.sync import Indexed, SyncReport, sync, unread
from kb.types import KINDS, Answer, Found, LedgerRow, Scope
from prompts import ASK, Template, load_all

if TYPE_CHECKING:
    from index.embedder import Embedder
    from index.indexer import CatalogIndexer, Index
    from index.retriever import ChangeRetriever
    from index.search import Search


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its filters as a person typed them; see kb/scope.py for what they may be.

    ``before`` is the scope of the question before it in a conversation (``Answer.scope``): a follow-up takes over from it what
    it does not say itself. Nothing is remembered between two questions, so whoever leads the conversation keeps it; as JSON it
    is ``kb.payloads.scope``, and ``kb.conversation.scope_from`` reads that back.
    ``topic`` stands for the question's own; "" takes it away from a question for every matching record.
    """

    text: str
    repos: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    as_of: str | None = None
    before: Scope | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What there is. ``ledger`` has a row for every configured source, then for those configured no more (``orphans``).

    ``counts`` maps source to kind ("gone" and "off-branch" among them) to how many records; ``pending`` of ``records`` wait to
    be indexed. ``runs`` maps source to its last runs, latest first, where they were asked for. ``now`` is when all this was so.
    """

    now: datetime
    data_dir: Path
    ledger: tuple[LedgerRow, ...]
    orphans: tuple[str, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    records: int = 0
    pending: int = 0
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Searched:
    """A query, what it was taken to mean, what was found, and what stands beside each result by its id."""

    query: str
    scope: Scope
    found: Found
    beside: Mapping[str, tuple[Neighbour, ...]] = field(default_factory=dict)


class KnowledgeBase:
    """A configured knowledge base; a context manager. Get one from ``open_kb``."""

    def __init__(self, config: Config, data_dir: Path, progress: Progress) -> None:
        self.config = config
        self.data_dir = data_dir
        self._progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for part in ("_searched_index", "_catalog"):
            if part in self.__dict__:
                getattr(self, part).close()

    @property
    def _catalog_path(self) -> Path:
        return self.data_dir / "catalog.db"

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog.open(self._catalog_path, read_only=True)

    @property
    def catalog(self) -> Catalog:
        """The record store, to read; it is closed with this knowledge base.

        Raises:
            CatalogError: nothing has been read yet.
        """
        return self._catalog

    @property
    def is_stale(self) -> bool:
        """Whether the store that is open was replaced or taken away meanwhile: a new knowledge base reads what is there now."""
        return "_catalog" in self.__dict__ and self._catalog.is_replaced

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every configured source. Raises ConfigError."""
        return build_sources(self.config, self.data_dir, progress=self._progress)

    def sync(self, names: tuple[str, ...] = (), *, stop: Stop | None = None) -> SyncReport:
        """Read the named sources, or all, and index what is new; another thread may set ``stop`` to end it early.

        Raises:
            ConfigError: no source is configured.
            QueryError: a name is no configured source's.
            SyncRunningError: another sync is running.
            CatalogError: the store cannot be written.
            SourceStoppedError: ``stop`` was set.
        """
        known = {source.name: source for source in self.sources}
        if not known:
            raise ConfigError(f"{self.config.path}: there is no [[sources]] table", remedy="add one; kb init writes an example")
        for name in names:
            if name not in known:
                raise QueryError(f"unknown source {name!r}", remedy=f"known sources: {', '.join(known) or 'none'}")
        sources = [source for name, source in known.items() if not names or name in names]
        with Catalog.open(self._catalog_path, progress=self._progress) as catalog, self._indexer(catalog) as indexer:
            report = sync(catalog, sources, indexer, progress=self._progress, stop=stop)
        return replace(report, runs=tuple(replace(run, row=self._with_stale_after(run.row)) for run in report.runs))

    def forget(self, name: str, *, force: bool = False) -> int:
        """Drop a source from the store, with what no other source has; returns how many records are gone with it.

        Raises:
            QueryError: the store has no such source; or it is configured, and not ``force``.
            CatalogError: nothing has been read yet, or a sync is running.
        """
        stored = [row.source for row in self._catalog.ledger()]
        if name not in stored:
            raise QueryError(f"the store has no source {name!r}", remedy=f"it has: {', '.join(stored) or 'none'}")
        if not force and name in {source.name for source in self.sources}:
            remedy = "take it out of kb.toml first, or use --force to have the next sync read it anew"
            raise QueryError(f"source {name!r} is configured", remedy=remedy)
        with Catalog.open(self._catalog_path, progress=self._progress) as catalog, catalog.exclusive():
            return catalog.forget(name)

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

        with contextlib.closing(self._new_index(self._new_embedder())) as index:
            yield CatalogIndexer(catalog, index)

    @cached_property
    def _searched_index(self) -> Index:
        return self._new_index(self._embedder)

    @cached_property
    def _embedder(self) -> Embedder:
        return self._new_embedder()

    def _new_embedder(self) -> Embedder:
        from index.embedder import Embedder

        chosen = self.config.index
        return Embedder(model=chosen.model, device=chosen.device, batch_size=chosen.batch_size)

    def _new_index(self, embedder: Embedder) -> Index:
        from index.chroma import ChromaCards
        from index.indexer import Index

        chosen = self.config.index
        return Index(
            folder=self.data_dir / "index",
            chroma=ChromaCards(folder=self.data_dir / "chroma", address=chosen.chroma),
            embedder=embedder,
            address=chosen.chroma,
        )

    def status(self, *, runs: int = 0) -> Status:
        """The ledger and the counts, also where nothing has been read yet; with the last ``runs`` runs of each source."""
        state = Status(now=datetime.now(UTC), data_dir=self.data_dir, ledger=self.ledger())
        if not self._catalog_path.exists():
            return replace(state, runs={row.source: () for row in state.ledger} if runs else {})
        ledger = state.ledger
        configured = {source.name for source in self.sources}
        counts = self._catalog.counts()
        return replace(
            state,
            orphans=tuple(row.source for row in ledger if row.source not in configured),
            counts=counts,
            records=sum(count for kinds in counts.values() for kind, count in kinds.items() if kind in KINDS),
            pending=self._catalog.pending_count(),
            runs={row.source: self._catalog.runs(row.source, runs) for row in ledger} if runs else {},
        )

    def ledger(self) -> tuple[LedgerRow, ...]:
        """A row for every source, configured or stored: how it stands, and where what is stored of it begins."""
        rows = {source.name: unread(source) for source in self.sources}
        if self._catalog_path.exists():
            rows |= {row.source: row for row in self._catalog.ledger()}
            for source in self.sources:
                begins = getattr(source, "begins", None)  # not every source has a configured history
                if begins:
                    rows[source.name] = replace(rows[source.name], since=begins(self._catalog.cursor(source.name)))
        return tuple(map(self._with_stale_after, rows.values()))

    def _with_stale_after(self, row: LedgerRow) -> LedgerRow:
        """The row with the age at which its source counts as stale: its own, or else what holds for every source."""
        tables = zip(self.sources, self.config.sources, strict=True)
        own = {source.name: table.stale_after for source, table in tables}.get(row.source)
        return replace(row, stale_after=(own or self.config.stale_after).total_seconds())

    def search(self, asked: Asked, *, limit: int = 10) -> Searched:
        """The records that fit best, and what the query was taken to mean.

        Raises:
            QueryError: a filter that cannot be resolved.
            CatalogError: there are no records to search.
        """
        self._require_records()
        scope = _searched(self.scope(asked)[0])
        found = self._search.find(scope, limit=limit)
        beside = neighbours(self._catalog, [hit.record.id for hit in found.hits], as_of=scope.as_of)
        return Searched(asked.text, scope, found, beside)

    def ask(self, asked: Asked, *, language: str = "", model: bool = True) -> Answer:
        """A cited answer, in ``language`` ("en", "zh"), or else in the question's or the configured one.

        The configured language model tells it in sentences before its list; without one, or with ``model`` false, it has only
        what stands in the records.

        Raises:
            ConfigError: the language model or its prompts cannot be used as configured.
            QueryError: a filter that cannot be resolved.
            CatalogError: there are no records to answer from.
        """
        return answer_of(self.ask_aloud(asked, language=language, model=model))

    def ask_aloud(self, asked: Asked, *, language: str = "", model: bool = True, stop: Stop | None = None) -> Iterator[Event]:
        """Like ``ask``, but told as it comes: what was asked about at once, each of the model's sentences when it has passed
        its checks, and the whole answer (Done) at the end. Closing the iterator ends what is asked of the model; another thread
        may set ``stop`` to end that early, with what has passed until then.

        Raises:
            ConfigError, QueryError, CatalogError: as ``ask`` does; before the first event.
        """
        self._require_records()
        scope, context = self.scope(asked)
        language = language or ("zh" if scope.language == "zh" else self.config.language)
        writer = self._answer_writer(context.tz) if model else None

        def tell(scope: Scope) -> Answer:
            return (compare if scope.intent == "compare" else answer)(
                scope,
                catalog=self._catalog,
                searcher=self._search,
                judge=judge,
                now=context.now,
                zone=context.tz,
                language=language,
                ledger=self.ledger(),
            )

        found = tell(scope)
        if writer is None:
            return iter((Begun(found, found.head), Done(found, rest(found))))
        spent = None
        if self.config.llm.rewrite:
            found, spent = self._rewriter(writer).better(found, tell)
        return writer.stream(found, spent=spent, progress=self._progress, stop=stop)

    @cached_property
    def _model(self) -> LanguageModel | None:
        from kb.llm import language_model

        return language_model(self.config.llm)

    def _answer_writer(self, zone: tzinfo) -> AnswerWriter | None:
        if self._model is None:
            return None
        templates = self._prompts
        chosen = Prompts(
            system=templates["ask_system"],
            answer=templates["ask_answer"],
            reduce=templates["ask_reduce"],
            repair=templates["ask_repair"],
        )
        return AnswerWriter(
            model=self._model,
            prompts=chosen,
            zone=zone,
            cache=Cache(self.data_dir / "cache" / "answers"),
            entailment=self.entailment,
        )

    @cached_property
    def entailment(self) -> Entailment | None:
        """What a language model's sentences are held against after all other checks; None where nothing is configured.

        Raises:
            ConfigError: its model cannot be loaded, or is none for this.
        """
        table = self.config.llm
        if not table.entailment:
            return None
        from index.entailment import entailment

        return entailment(table.entailment, least=table.entailment_least, embedder=self._embedder)

    def _rewriter(self, writer: AnswerWriter) -> Rewriter:
        return Rewriter(model=writer.model, system=writer.prompts.system, topic=self._prompts["ask_topic"], cache=writer.cache)

    @cached_property
    def _prompts(self) -> dict[str, Template]:
        folder = self.config.report.prompts
        return load_all(ASK, folder=self.config.path.parent / Path(folder).expanduser() if folder else None)

    def retriever(self, *, limit: int = 10) -> ChangeRetriever:
        """A llama-index retriever over the records (docs/llama-index.md); it works until this knowledge base is closed.

        Raises:
            CatalogError: nothing has been read yet.
        """
        from index.retriever import ChangeRetriever

        return ChangeRetriever(self._search, lambda text: _searched(self.scope(Asked(text))[0]), limit=limit)

    def scope(self, asked: Asked) -> tuple[Scope, ScopeContext]:
        """What is asked about, filters included, and the moment and zone in which it is meant.

        Raises:
            QueryError: a filter that cannot be resolved.
            CatalogError: nothing has been read yet.
        """
        aliases = {repo: table.aliases for repo, table in self.config.repos.items()}
        known = tuple(KnownRepo(repo, tuple(aliases.get(repo, ()))) for repo in self.repos)
        tags = {repo: self._catalog.tags(repo) or self._catalog.released(repo) for repo in self.repos}
        context = ScopeContext(now=datetime.now(UTC), tz=self.config.zone, repos=known, tags=tags)
        for option, text in (("--since", asked.since), ("--until", asked.until), ("--as-of", asked.as_of)):
            _check_instant(option, text, context)
        before = asked.before and self._checked(asked.before, known)
        own = context if asked.as_of is None else _as_of(parse_instant(asked.as_of, context, end=True), context)
        scope = self._resolved(asked, own, before)
        if before and before.as_of and asked.as_of is None and "as_of" in scope.inherited:
            own = _as_of(before.as_of, context)  # the conversation is about that day
            scope = self._resolved(asked, own, before)
        horizon = None if own is context else own.now
        sides = tuple(self._landed(side, asked, horizon) for side in scope.sides)
        return replace(self._landed(scope, asked, horizon), sides=sides), own

    def _resolved(self, asked: Asked, context: ScopeContext, before: Scope | None) -> Scope:
        scope = resolve(
            asked.text,
            context,
            before=before,
            repos=asked.repos,
            kinds=asked.kinds,
            since=asked.since,
            until=asked.until,
        )
        return scope if asked.topic is None else about(scope, asked.topic)

    def _checked(self, before: Scope, known: tuple[KnownRepo, ...]) -> Scope:
        """The scope of the question before, if it is about repositories that are known."""
        for scope in (before, *before.sides):
            resolve_repos(scope.repos, known)
        return replace(before, topic=before.asked_topic or before.topic, asked_topic="")

    def _landed(self, scope: Scope, asked: Asked, horizon: datetime | None) -> Scope:
        """The scope as of ``horizon``. "Which PRs landed?" asks for the commits that name theirs, where no others are read."""
        stated = {"as_of"} if asked.as_of is not None else set()
        scope = replace(scope, as_of=horizon, inherited=tuple(name for name in scope.inherited if name not in stated))
        landed = not scope.events or "merged" in scope.events
        if landed and "pull" in scope.kinds and not asked.kinds and not self._catalog.count(Filter(kinds=("pull",))):
            kinds = tuple(dict.fromkeys("commit" if kind == "pull" else kind for kind in scope.kinds))
            return replace(scope, kinds=kinds, events=())
        return scope

    def _require_records(self) -> None:
        """Where sources were read and hold nothing, that is an answer; where none was, there is nothing to answer from."""
        if self._catalog.size() or any(row.last_success for row in self._catalog.ledger()):
            return
        failed = "; ".join(
            f"{row.source}: {row.error.removeprefix(f'{row.source}: ')}" for row in self._catalog.ledger() if row.error
        )
        remedy = f"the last sync failed: {failed}" if failed else "run `kb sync`"
        raise EmptyCatalogError("there are no records to answer from", remedy=remedy)

    @cached_property
    def _search(self) -> Search:
        from index.search import Search

        return Search(self._catalog, self._searched_index)

    @cached_property
    def repos(self) -> tuple[str, ...]:
        """Every repository that is configured or stored."""
        configured = [source.repo for source in self.sources if source.repo]
        return tuple(dict.fromkeys([*configured, *self.config.repos, *self._catalog.repos()]))


def _searched(scope: Scope) -> Scope:
    """A comparison as what can be searched for: all that its sides let through."""
    return replace(scope, intent="window", sides=()) if scope.intent == "compare" else scope


def _as_of(now: datetime, context: ScopeContext) -> ScopeContext:
    known_then = {repo: tuple(tag for tag in found if tag.at <= now) for repo, found in context.tags.items()}
    return replace(context, now=now, tags=known_then)


def _check_instant(option: str, text: str | None, context: ScopeContext) -> None:
    try:
        if text is not None:
            parse_instant(text, context)
    except QueryError as error:
        raise QueryError(f"{option}: {error.message}", remedy=error.remedy) from error


def open_kb(config: Config, *, data_dir: Path | None = None, progress: Progress = silent) -> KnowledgeBase:
    """The knowledge base that ``config`` describes; ``data_dir`` wins over environment and file. Nothing is read yet."""
    return KnowledgeBase(config, data_folder(config, data_dir), progress)
