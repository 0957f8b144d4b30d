"""Gold-removed twins: a question asked once more of a store from which its answer is gone, which it then should not get.

The store is copied into memory once. For each twin the answer's records are really deleted from that copy, in a transaction
that is rolled back afterwards: filters, word frequencies, links and neighbours are those of a store that never had them.
Vectors are read from the index as it is: a search takes those of the records that the copy still has, and no others.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

from benchmarks.questions import Question, key
from benchmarks.retrieval import asked
from kb import lexical, schema
from kb.catalog import Catalog, Filter
from kb.config import Config, data_folder
from kb.errors import KbError
from kb.judge import PARTIAL
from kb.neighbours import neighbours
from kb.protocols import silent
from kb.types import Answer, Record
from kb.wiring import Asked, KnowledgeBase

_SAME_CHANGE = ("pull", "landed-as", "reverts", "reverted-by")  # of a record: what tells its change once more, or takes it back
_NUMBER = re.compile(r"\(#\d+\)|\(cherry picked from commit [0-9a-f]+\)", re.I)
_PREFIX = re.compile(r"^\W*(?:revert|reland|re-?apply|reintroduce|cherry-?pick|backport|merge)\b", re.I)
_PICKED = re.compile(r"cherry picked from commit ([0-9a-f]{7,40})", re.I)
_LEAST_WORDS = 3  # "fix typo" is the subject of many changes


class TwinCatalog(Catalog):
    """A copy in memory of the store at ``path``, to read, from which records can be taken away for a while."""

    def __init__(self, path: Path) -> None:
        Catalog.open(path, read_only=True).close()  # says what is wrong where it cannot be read
        super().__init__(path, writer=None)
        self._numbers = count(1)
        with schema.translated(path), contextlib.closing(schema.connect(path, read_only=True)) as source:
            self._copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            source.backup(self._copy)
        self._copy.execute("PRAGMA foreign_keys = ON")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, schema.translated(self.path):
            yield self._copy

    def close(self) -> None:
        """Drop the copy."""
        super().close()
        self._copy.close()

    @contextlib.contextmanager
    def without(self, ids: Collection[str]) -> Iterator[None]:
        """Read, within the block, a store that never had these records; ids that it has not are passed over."""
        with self._reading() as connection:
            connection.execute("BEGIN")
        try:
            with self._reading() as connection:
                for doc in self.docs(list(ids)).values():
                    lexical.remove(connection, doc)
                    connection.execute("DELETE FROM records WHERE doc = ?", (doc,))
                # Whoever remembers something by the store's stamp has to forget it, now and once the records are back.
                stamp = f"without {next(self._numbers)}"
                connection.execute("UPDATE meta SET value = ? WHERE key = 'stamp'", (stamp,))
            yield
        finally:
            with self._reading() as connection:
                connection.execute("ROLLBACK")


class TwinBase(KnowledgeBase):
    """A knowledge base that answers from a TwinCatalog; it can neither sync nor forget. ``open_twins`` makes one."""

    @cached_property
    def _catalog(self) -> TwinCatalog:
        return TwinCatalog(self._catalog_path)

    @cached_property
    def _changes(self) -> Changes:
        return Changes(self._catalog)

    def removed(self, question: Question) -> frozenset[str]:
        """Ids of all that has to be away for the question to have no answer: see ``Changes.standing_for``."""
        return self._changes.standing_for(question.gold | question.borderline)

    @contextlib.contextmanager
    def without(self, question: Question) -> Iterator[None]:
        """Within the block the question's answer is not in the store."""
        with self._catalog.without(self.removed(question)):
            yield


def open_twins(config: Config, *, data_dir: Path | None = None) -> TwinBase:
    """The knowledge base that ``config`` describes, over a copy of its store in memory."""
    return TwinBase(config, data_folder(config, data_dir), silent)


Answerer = Callable[[KnowledgeBase, Asked], Answer]


def extractive(kb: KnowledgeBase, request: Asked) -> Answer:
    """The answerer without a language model."""
    return kb.ask(request, model=False)


def modelled(kb: KnowledgeBase, request: Asked) -> Answer:
    """The answerer with the language model that is configured."""
    return kb.ask(request)


@dataclass(frozen=True)
class Trial:
    """A question asked, or its ``twin``; ``answer`` is None where it could not be asked, and ``problem`` says why."""

    question: Question
    twin: bool
    answer: Answer | None = None
    problem: str = ""

    @property
    def answerable(self) -> bool:
        """Whether the store has what is asked for."""
        return bool(self.question.gold) and not self.twin

    @property
    def answered(self) -> bool:
        """Whether records are given as the answer, not as the closest match; that nothing happened is no false answer."""
        return self.answer is not None and self.answer.status == "answered" and bool(self.answer.matched)

    @property
    def confidence(self) -> float:
        """Of the records that are given; a topic that is there and has nothing of the kind asked for gives none."""
        if self.answer is None or (not self.answer.matched and self.answer.confidence >= PARTIAL):
            return 0.0
        return self.answer.confidence


def trials(kb: TwinBase, questions: Iterable[Question], *, answerer: Answerer = extractive) -> Iterator[Trial]:
    """Each question, and after it its twin where it has an answer; what cannot be asked is kept, with the reason."""
    for question in questions:
        for twin in (False, True) if question.gold else (False,):
            with kb.without(question) if twin else contextlib.nullcontext():
                yield _trial(kb, question, twin, answerer)


def _trial(kb: TwinBase, question: Question, twin: bool, answerer: Answerer) -> Trial:
    if question.problem:
        return Trial(question, twin, problem=question.problem)
    try:
        return Trial(question, twin, answerer(kb, asked(question, scoped=False)))
    except KbError as error:
        return Trial(question, twin, problem=error.message)


class Changes:
    """Which records of a store are one and the same change, for all that a question could want of them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._by_key: defaultdict[str, list[str]] = defaultdict(list)
        self._by_subject: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._by_origin: defaultdict[str, set[str]] = defaultdict(set)
        docs = catalog.select(Filter(include_gone=True))
        self._records = {record.id: record for record in catalog.records(docs, patches=False)}
        for record in self._records.values():
            self._by_key[key(record.id)].append(record.id)
            for line in {record.title, *record.body.split("\n")}:
                if subject := _subject(line):
                    self._by_subject[record.repo, subject].add(record.id)
            for sha in _PICKED.findall(record.body):
                self._by_origin[sha[:7].lower()].add(record.id)

    def standing_for(self, gold: Collection[str]) -> frozenset[str]:
        """Ids of the records with these keys (see ``benchmarks.questions.key``), and of what stands for each of them.

        These are its pull request or the commit it landed as, what reverts it and what it reverts, what was picked from it, and
        records of its repository whose title, or a line of whose message, is its title: merges, backports, second landings.
        """
        found = {id for wanted in gold for id in self._by_key.get(wanted, ())}
        for _ in range(2):  # a pull request's own twins, too
            for id in list(found):
                found |= self._like(self._records[id])
            beside = neighbours(self._catalog, sorted(found))
            found |= {one.id for own in beside.values() for one in own if one.rel in _SAME_CHANGE and one.id in self._records}
        return frozenset(found)

    def _like(self, record: Record) -> set[str]:
        subject = _subject(record.title)
        alike = self._by_subject[record.repo, subject] if len(subject.split()) >= _LEAST_WORDS else set()
        picked = self._by_origin[record.ref[:7].lower()] if record.kind == "commit" else set()
        return alike | picked


def _subject(line: str) -> str:
    """A subject as it is compared: without its number, what was done with the change, and all but letters and digits."""
    bare = _PREFIX.sub("", _NUMBER.sub(" ", line))
    return " ".join(re.findall(r"\w+", bare.lower()))
