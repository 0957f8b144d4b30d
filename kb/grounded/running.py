"""Several questions to the model, as many at a time as it takes: what becomes of each, and what they cost in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue

from kb.grounded.asking import Asker, Job, Result
from kb.grounded.reply import Draft
from kb.protocols import Progress

_USUAL_ANSWER = 150  # tokens


@dataclass
class Run:
    """Requests that belong together, with their progress and what they cost. ``unkept``: why answers could not be kept."""

    asker: Asker
    progress: Progress
    done: int = 0  # tokens
    unkept: str = ""

    def ask(self, jobs: Sequence[Job]) -> dict[str, Result]:
        """The result of each job, by its id: from what is kept, else from the model."""
        with closing(self.each(jobs)) as told:
            found = {job.id: one for job, one in told if isinstance(one, Result)}
        return {job.id: found[job.id] for job in jobs}

    def each(self, jobs: Sequence[Job], *, aloud: bool = False) -> Generator[tuple[Job, Draft | Result], None, None]:
        """What comes of each job: with ``aloud`` its sentences as they pass, then its result. Closing it stops asking."""
        kept = {job.id: result for job in jobs if (result := self.asker.kept(job))}
        for job in (job for job in jobs if job.id in kept):
            yield from ((job, draft) for draft in kept[job.id].drafts if aloud)
            yield job, kept[job.id]
        expected = {job.id: self.asker.expected(job) + _USUAL_ANSWER for job in jobs if job.id not in kept}
        with closing(self._in_parallel([job for job in jobs if job.id in expected], aloud=aloud)) as coming:
            for job, one in coming:
                if isinstance(one, Result):
                    del expected[job.id]
                    self.done += one.prompt_tokens + one.completion_tokens
                    self.progress("write", self.done, self.done + sum(expected.values()))
                    self._keep(job, one)
                yield job, one
        if len(kept) < len(jobs) and self.asker.cache:
            self.asker.cache.prune()

    def _in_parallel(self, jobs: Sequence[Job], *, aloud: bool) -> Generator[tuple[Job, Draft | Result], None, None]:
        if not jobs:
            return
        coming: SimpleQueue[tuple[Job, Draft | Future[Result]]] = SimpleQueue()

        def begin(job: Job) -> None:
            passed = (lambda draft: coming.put((job, draft))) if aloud else None
            pool.submit(self.asker.result, job, passed).add_done_callback(lambda future: coming.put((job, future)))

        pool = ThreadPoolExecutor(self.asker.model.concurrency, thread_name_prefix="model")
        try:
            for job in jobs:
                begin(job)
            left = len(jobs)
            while left:
                job, one = coming.get()
                left -= isinstance(one, Future)
                yield job, one.result() if isinstance(one, Future) else one
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
