"""The writer with a model: one request an entry, from that entry's records only; each sentence checked before it may stand.

What fails the check is told to the model once; what fails again is left out and counted. An entry of which nothing is left is
told by the other writer. What was answered once is kept, refused sentences too, so that the same report costs nothing again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.grounded.asking import Asker, Job, Result
from kb.grounded.cache import Cache
from kb.grounded.running import Run, usage
from kb.protocols import Entailment, LanguageModel, Progress, silent
from kb.report.model_asking import Prompts, entry_job, outlook_job, sentence
from kb.report.types import Entry, Sentence, Writer, Written
from kb.types import Evidence

__all__ = ["ModelWriter", "Prompts"]

_FOR_OUTLOOK = 12  # entries


@dataclass(frozen=True, kw_only=True)
class ModelWriter:
    """A Writer. ``fallback`` tells what the model could not; without ``cache`` nothing is kept.

    ``price_in`` and ``price_out`` are what a million tokens cost. After ``limit`` seconds no request begins. ``entailment``:
    what sentences are held against after all other checks.
    """

    model: LanguageModel
    fallback: Writer
    prompts: Prompts
    cache: Cache | None = None
    entailment: Entailment | None = None
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
            model=self.model,
            system=self.prompts.system,
            repair=self.prompts.repair,
            cache=self.cache,
            evidence=evidence,
            language=language,
            until=until,
            entailment=self.entailment,
        )
        run = Run(asker, progress)
        weighty = sorted(entries, key=lambda entry: -entry.weight.score)
        jobs = {entry.id: job for entry in weighty if (job := entry_job(asker, self.prompts.item, entry))}
        results = run.ask([*jobs.values()])
        kinds = {entry.id: entry.view.record.kind for entry in entries}
        told = {id: _told(jobs[id], result, kinds[id]) for id, result in results.items() if result.drafts}
        lost = [entry for entry in entries if entry.id not in told]
        instead = self.fallback.write(lost, evidence, language=language).sentences if lost else {}
        told |= {entry.id: tuple(instead.get(entry.id, ())) for entry in lost}
        weightiest = [(entry, told[entry.id]) for entry in weighty if told[entry.id]][:_FOR_OUTLOOK]
        answered = any(not result.error for result in results.values())
        last = outlook_job(asker, self.prompts.outlook, weightiest) if answered else None
        outlook = run.ask([last])[last.id] if last else Result()
        every = [*results.values(), *([outlook] if last else [])]
        cost = usage(every)
        return Written(
            sentences={**told, **({last.id: _told(last, outlook)} if last else {})},
            removed=sum(result.removed for result in every),
            fallen_back=tuple(entry.id for entry in lost if _failed(results.get(entry.id), told[entry.id])),
            usage={**cost, "cost": self._cost(cost), "seconds": round(time.monotonic() - began, 3)},
            model=self.model.name,
            problems=run.problems(every),
        )

    def _cost(self, used: Mapping[str, int]) -> float:
        return round((used["prompt_tokens"] * self.price_in + used["completion_tokens"] * self.price_out) / 1_000_000, 6)


def _told(job: Job, result: Result, kind: str = "") -> tuple[Sentence, ...]:
    return tuple(sentence(draft, job.case.keys, kind=kind) for draft in result.drafts)


def _failed(result: Result | None, instead: Sequence[Sentence]) -> bool:
    """That there is nothing to say is no failure, unless the other writer found something."""
    return bool(instead) or result is None or not result.silent
