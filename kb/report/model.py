"""The writer with a model: one request an entry, from that entry's records only; each sentence checked before it may stand.

What fails the check is told to the model once; what fails again is left out and counted. An entry of which nothing is left is
told by the other writer. What was answered once is kept, refused sentences too, so that the same report costs nothing again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass

from kb.protocols import LanguageModel, Progress, silent
from kb.report.cache import Cache
from kb.report.model_asking import Asker, Job, Prompts, Result
from kb.report.types import Entry, Sentence, Writer, Written
from kb.types import Evidence

__all__ = ["ModelWriter", "Prompts"]

_FOR_OUTLOOK = 12  # entries
_USUAL_ANSWER = 150  # tokens


@dataclass(frozen=True, kw_only=True)
class ModelWriter:
    """A Writer. ``fallback`` tells what the model could not; without ``cache`` nothing is kept.

    ``price_in`` and ``price_out`` are what a million tokens cost. After ``limit`` seconds no request begins.
    """

    model: LanguageModel
    fallback: Writer
    prompts: Prompts
    cache: Cache | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    limit: float = 1800.0

    def write(
        self,
        entries: Sequence[Entry],
        evidence: Mapping[str, Evidence],
        *,
        language: str = "en",
        progress: Progress = silent,
    ) -> Written:
        """See ``Writer``. ``progress`` counts tokens; the total is an estimate until the end.

        ``Written.usage``: requests, prompt_tokens, completion_tokens, cached, seconds, cost.
        """
        began = time.monotonic()
        until = began + self.limit
        asker = Asker(
            model=self.model, prompts=self.prompts, cache=self.cache, evidence=evidence, language=language, until=until
        )
        run = _Run(asker, progress)
        weighty = sorted(entries, key=lambda entry: -entry.weight.score)
        results = run.ask([job for entry in weighty if (job := asker.job(entry))])
        told = {id: result.sentences for id, result in results.items() if result.sentences}
        lost = [entry for entry in entries if entry.id not in told]
        instead = self.fallback.write(lost, evidence, language=language).sentences if lost else {}
        told |= {entry.id: tuple(instead.get(entry.id, ())) for entry in lost}
        weightiest = [(entry, told[entry.id]) for entry in weighty if told[entry.id]][:_FOR_OUTLOOK]
        answered = any(not result.error for result in results.values())
        outlook = run.ask([job] if answered and (job := asker.outlook_job(weightiest)) else [])
        every = [*results.values(), *outlook.values()]
        return Written(
            sentences={**told, **{id: result.sentences for id, result in outlook.items()}},
            removed=sum(result.removed for result in every),
            fallen_back=tuple(entry.id for entry in lost if _failed(results.get(entry.id), told[entry.id])),
            usage={**run.usage(every, self), "seconds": round(time.monotonic() - began, 3)},
            model=self.model.name,
            problems=run.problems(every),
        )


def _failed(result: Result | None, instead: Sequence[Sentence]) -> bool:
    """That there is nothing to say is no failure, unless the other writer found something."""
    return bool(instead) or result is None or not result.silent


@dataclass
class _Run:
    """The requests of one report: several at a time, with their progress and what they cost."""

    asker: Asker
    progress: Progress
    done: int = 0  # tokens
    unkept: str = ""

    def ask(self, jobs: Sequence[Job]) -> dict[str, Result]:
        """The result of each job, by its id: from what is kept, else from the model."""
        kept = {job.id: result for job in jobs if (result := self.asker.kept(job))}
        to_ask = [job for job in jobs if job.id not in kept]
        expected = {job.id: self.asker.expected(job) + _USUAL_ANSWER for job in to_ask}
        found: dict[str, Result] = {}
        with closing(self._in_parallel(to_ask)) as finished:
            for job, result in finished:
                found[job.id] = result
                self.done += result.prompt_tokens + result.completion_tokens
                self.progress("write", self.done, self.done + sum(size for id, size in expected.items() if id not in found))
                self._keep(job, result)
        if found and self.asker.cache:
            self.asker.cache.prune()
        return {job.id: kept.get(job.id) or found[job.id] for job in jobs}

    def _in_parallel(self, jobs: Sequence[Job]) -> Generator[tuple[Job, Result], None, None]:
        if not jobs:
            return
        pool = ThreadPoolExecutor(self.asker.model.concurrency, thread_name_prefix="model")
        try:
            running: dict[Future[Result], Job] = {pool.submit(self.asker.result, job): job for job in jobs}
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield running.pop(future), future.result()
        except BaseException:
            self.asker.over.set()  # an interrupt must not wait for what a slow model has yet to say
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _keep(self, job: Job, result: Result) -> None:
        try:
            self.asker.keep(job, result)
        except OSError as error:
            self.unkept = f"its answers cannot be kept: {error.strerror or type(error).__name__}"  # no path: it is published

    def usage(self, results: Sequence[Result], prices: ModelWriter) -> dict[str, float]:
        prompt, completion = sum(one.prompt_tokens for one in results), sum(one.completion_tokens for one in results)
        return {
            "requests": sum(one.requests for one in results),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cached": sum(one.cached for one in results),
            "cost": round((prompt * prices.price_in + completion * prices.price_out) / 1_000_000, 6),
        }

    def problems(self, results: Sequence[Result]) -> tuple[str, ...]:
        """One line for all that could not be asked: the reason of most of them; one where nothing can be kept."""
        errors = Counter(one.error.split(" (not asked again")[0] for one in results if one.error)
        told = [f"{error} ({sum(errors.values())} of {len(results)} requests)" for error, _ in errors.most_common(1)]
        return (*told, *((self.unkept,) if self.unkept else ()))
