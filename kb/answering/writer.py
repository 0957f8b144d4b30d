"""The answer of a language model over an extractive one: every matching record is put to it, and each sentence is checked.

Where the records do not fit into its context at once they are put to it in parts, and an overview is asked for of what the
parts gave. Whatever the model does, the extractive answer stands, whole.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from kb.answering.items import LEAST_ROOM, Item, Part, case_of, halved, items_of, parts_of
from kb.answering.page import composed, heading, note, rest, sentence_markdown
from kb.answering.types import Begun, Done, Event, Noted, Passed, Sentence
from kb.grounded.asking import Asker, Job, Prompt, Result
from kb.grounded.cache import Cache
from kb.grounded.check import fingerprint
from kb.grounded.echo import runs
from kb.grounded.evidence import Case, tokens_of
from kb.grounded.reply import Draft
from kb.grounded.running import Run, usage
from kb.protocols import Entailment, LanguageModel, Progress, silent
from kb.safe import one_line
from kb.types import Answer, ModelUse, Scope
from kb.wording import words

_MOST_SHOWN = 12_000  # tokens of evidence in a request
_MOST, _MOST_OF_A_PART, _MOST_OF_ONE = 8, 4, 4  # sentences: of an answer, of a part, and where one record is asked for
_MOST_LEVELS = 6  # of overviews of overviews
_SMALLEST = 16  # of the room that was thought to be there, the share with which it is tried at last
_LONGEST_QUESTION = 1_000
_TOO_LONG = re.compile(
    r"HTTP 413|context[ _](?:length|size|window)|n_ctx|max(?:imum)?[ _](?:context|prompt|input|model)|too (?:long|many tokens)",
    re.I,
)


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The templates of an answer. Variables: ``system`` language; ``answer`` question, scope, records, most, evidence, keys,
    marker, glossary, language; ``reduce`` as answer without records; ``repair`` request, answer, problems."""

    system: Prompt
    answer: Prompt
    reduce: Prompt
    repair: Prompt


@dataclass(frozen=True, kw_only=True)
class AnswerWriter:
    """Tells answers with a model. Without ``cache`` nothing is kept. After ``limit`` seconds no request begins.

    ``zone``: in which dates are meant. ``entailment``: what sentences are held against after all other checks.
    """

    model: LanguageModel
    prompts: Prompts
    zone: tzinfo
    cache: Cache | None = None
    entailment: Entailment | None = None
    limit: float = 900.0

    def stream(
        self,
        answer: Answer,
        *,
        spent: ModelUse | None = None,
        progress: Progress = silent,
        stop: threading.Event | None = None,
    ) -> Generator[Event, None, None]:
        """What the model says of an extractive answer: its head at once, each sentence when it has passed, and the whole.

        An answer that abstains, or has no record to build on, is given as it is, and the model is not asked. No error of the
        model is raised. ``spent`` is what was asked of it already; ``progress`` counts tokens; closing the generator ends what
        is asked. Another thread may set ``stop`` to end that early: the answer then has what has passed until then.
        """
        answer = replace(answer, model=spent)
        yield Begun(answer, answer.head)
        items = items_of(answer) if answer.status != "abstained" else ()
        if not items:
            yield Done(answer, rest(answer))
            return
        began = time.monotonic()
        session = _Session(self, answer, items, progress, stop or threading.Event())
        with closing(session.told()) as coming:
            yield from coming
        use = session.use(round(time.monotonic() - began, 3), spent)
        in_words = words(answer.language)
        whole = composed(answer, session.final, use, session.removed, in_words)
        yield Noted(use, session.removed, note(answer, use, len(session.final), session.removed, in_words))
        yield Done(whole, rest(answer))


@dataclass
class _Session:
    """One answer in the making: what has passed so far, what was read, and what went wrong."""

    writer: AnswerWriter
    answer: Answer
    items: tuple[Item, ...]
    progress: Progress
    stop: threading.Event
    final: list[Sentence] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        writer, prompts = self.writer, self.writer.prompts
        self.words = words(self.answer.language)
        self.labels = {item.whole.key: item.label for item in self.items}
        self.asker = Asker(
            model=writer.model,
            system=prompts.system,
            repair=prompts.repair,
            cache=writer.cache,
            evidence={item.whole.key: item.whole for item in self.items},
            language=self.answer.language,
            until=time.monotonic() + writer.limit,
            zone=writer.zone,
            entailment=writer.entailment,
            told=runs(one.text for one in (prompts.system, prompts.answer, prompts.reduce, prompts.repair)),
            over=self.stop,
        )
        self.run = Run(self.asker, self.progress)
        self.room = self.asker.room(prompts.answer, _MOST_SHOWN)

    @property
    def removed(self) -> int:
        return sum(one.removed for one in self.results)

    def use(self, seconds: float, spent: ModelUse | None) -> ModelUse:
        name = self.writer.model.name
        before = spent or ModelUse(name=name)
        unkept = [self.run.unkept] if self.run.unkept else []
        return ModelUse(
            name=name,
            read=len(self.read),
            seconds=round(before.seconds + seconds, 3),
            problems=tuple(dict.fromkeys([*before.problems, *self.problems[:1], *unkept])),
            **{what: getattr(before, what) + count for what, count in usage(self.results).items()},
        )

    def told(self) -> Generator[Event, None, None]:
        """Sentences as they pass; at the end ``final`` has those that stand in the answer."""
        if self.room < LEAST_ROOM:
            self.problems.append(f"its context of {self.writer.model.context} tokens leaves no room for evidence")
            return
        parts = parts_of(self.items, self.room, self.writer.zone)
        yield from self._map(parts)
        if len(self.final) > _MOST:
            yield from self._reduce()

    # --- every record --------------------------------------------------------------------------------------------------------

    def _map(self, parts: Sequence[Part]) -> Generator[Event, None, None]:
        several, waiting = len(parts) > 1, list(parts)
        placed: list[tuple[int, Sentence]] = []
        while waiting:
            jobs = [self._part_job(part, several) for part in waiting]
            asked = {job.id: (number, part) for number, (job, part) in enumerate(zip(jobs, waiting, strict=True), 1)}
            waiting = []
            with closing(self.run.each(jobs, aloud=True)) as coming:
                for job, one in coming:
                    number, part = asked[job.id]
                    if isinstance(one, Result):
                        waiting += self._answered(one, part)
                    elif sentence := self._fresh(job, one, (told for _, told in placed)):
                        placed.append((self.items.index(part.items[0]), sentence))
                        yield self._passed(sentence, part=number if several else 0, first=len(placed) == 1)
            several = several or bool(waiting)
        self.final = [sentence for _, sentence in sorted(placed, key=lambda one: one[0])]

    def _part_job(self, part: Part, several: bool) -> Job:
        is_set = self.answer.scope.intent in ("window", "compare")
        most = _MOST_OF_A_PART if several else _MOST if is_set else _MOST_OF_ONE
        total = self.answer.coverage.matched if is_set else len(self.items)
        records = f"{len(part.items)} of the {total} that match" if is_set else f"the {len(part.items)} that come closest"
        return self._job(case_of(part, self.writer.zone), self.writer.prompts.answer, most, {"records": records})

    def _job(self, case: Case, prompt: Prompt, most: int, values: dict[str, str]) -> Job:
        scope = self.answer.scope
        said = {"question": one_line(scope.question, limit=_LONGEST_QUESTION), "scope": _scope(scope, self.writer.zone)}
        values = {**values, **said, "most": str(most)}
        id = str(next(self.numbers))
        return self.asker.job(id, case, prompt, most=most, news=False, quotes=True, values=values)

    def _answered(self, result: Result, part: Part) -> list[Part]:
        """Book a result; the parts to ask about instead, where the server found it too long."""
        self.results.append(result)
        if result.drafts or not result.error:
            self.read |= {item.whole.record.id for item in part.items}
            self.problems += [reason for reason in (result.error, result.cut) if reason]
            return []
        if _TOO_LONG.search(result.error) and (smaller := halved(part, self.room // _SMALLEST)):
            return smaller
        self.problems.append(result.error.split(" (not asked again")[0])
        if len(self.problems) > (1 if self.read else 0):
            self.asker.over.set()  # a server that hangs is waited for once, not once for each part
        return []

    def _fresh(self, job: Job, draft: Draft, told: Iterable[Sentence]) -> Sentence | None:
        """The draft as a sentence; None where it has been told."""
        sentence = Sentence(draft.text, tuple(job.case.keys[label] for label in draft.labels), draft.quote)
        same = {fingerprint(Draft(one.text, ())) for one in told}
        return None if fingerprint(draft) in same else sentence

    def _passed(self, sentence: Sentence, *, part: int, first: bool) -> Passed:
        text = sentence_markdown(sentence, self.asker.evidence, self.words)
        return Passed(sentence, f"{heading(self.words, parts=part > 0)}\n\n{text}" if first else text, part)

    # --- an overview ---------------------------------------------------------------------------------------------------------

    def _reduce(self) -> Generator[Event, None, None]:
        """Ask for an overview of what the parts gave, of as many overviews as that takes; without one the parts stand."""
        told = self.final
        for _ in range(_MOST_LEVELS):
            chunks = self._chunks(told)
            most = _MOST if len(chunks) == 1 else _MOST_OF_A_PART
            jobs = [self._job(self._told_case(chunk), self.writer.prompts.reduce, most, {}) for chunk in chunks]
            fewer: list[Sentence] = []
            with closing(self.run.each(jobs, aloud=True)) as coming:
                for job, one in coming:
                    if isinstance(one, Result):
                        self.results.append(one)
                        self.problems += [reason for reason in (one.error, one.cut) if reason]
                    elif sentence := self._fresh(job, one, fewer):
                        fewer.append(sentence)
                        if len(chunks) == 1:
                            yield self._passed(sentence, part=0, first=len(fewer) == 1)
            failed = not all(one.drafts for one in self.results[-len(jobs) :])
            if failed or len(fewer) >= len(told):
                return
            told = fewer
            if len(chunks) == 1:
                self.final = fewer
                return

    def _chunks(self, told: Sequence[Sentence]) -> list[list[Sentence]]:
        room = self.asker.room(self.writer.prompts.reduce, _MOST_SHOWN)
        chunks: list[list[Sentence]] = [[]]
        left = room
        for sentence in told:
            size = tokens_of(self._row(sentence))
            if chunks[-1] and size > left:
                chunks.append([])
                left = room
            chunks[-1].append(sentence)
            left -= size
        return chunks

    def _told_case(self, told: Sequence[Sentence]) -> Case:
        keys = {self.labels[key]: key for sentence in told for key in sentence.keys}
        shown = {item.whole.key: item.shown for item in self.items if item.label in keys}
        return Case("", "\n".join(map(self._row, told)), keys, shown)

    def _row(self, sentence: Sentence) -> str:
        return f"[{', '.join(self.labels[key] for key in sentence.keys)}] {sentence.text}"


def _scope(scope: Scope, zone: tzinfo) -> str:
    """What a question was resolved to, in words for a model."""
    is_open = scope.window.end == scope.resolved_at  # the moment at which it was asked is no part of the question
    bounds = (scope.window.start, None if is_open else scope.window.end)
    start, end = (at.astimezone(zone).strftime("%Y-%m-%d") if at else "" for at in bounds)
    parts = [
        f"from {start}" if start else "",
        f"before {end}" if end else "",
        f"in {', '.join(scope.repos)}" if scope.repos else "",
        f"about {scope.topic}" if scope.topic else "",
    ]
    return one_line(", ".join(part for part in parts if part) or "everything", limit=_LONGEST_QUESTION)
