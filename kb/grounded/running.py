"""Several questions to the model, as many at a time as it takes: what becomes of each, and what they cost in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass

from kb.grounded.asking import Asker, Job, Result
from kb.protocols import Progress

_USUAL_ANSWER = 150  # tokens


@dataclass
class Run:
    """The requests of one report, with their progress and what they cost. ``unkept``: why answers could not be kept."""

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

    def problems(self, results: Sequence[Result]) -> tuple[str, ...]:
        """One line for all that could not be asked: the reason of most of them; one where nothing can be kept."""
        errors = Counter(one.error.split(" (not asked again")[0] for one in results if one.error)
        told = [f"{error} ({sum(errors.values())} of {len(results)} requests)" for error, _ in errors.most_common(1)]
        return (*told, *((self.unkept,) if self.unkept else ()))


def usage(results: Sequence[Result]) -> dict[str, int]:
    """requests, prompt_tokens, completion_tokens, and how many results were kept from before: cached."""
    names = ("requests", "prompt_tokens", "completion_tokens", "cached")
    return {name: sum(getattr(one, name) for one in results) for name in names}
