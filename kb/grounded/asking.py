"""One question to the model: made from a case, asked, its answer checked, once more asked for what failed, and kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Protocol

from kb.errors import LlmError, VectorError
from kb.grounded.cache import Cache
from kb.grounded.check import fingerprint, is_news, problem
from kb.grounded.echo import repeats
from kb.grounded.evidence import Case, glossary, tokens_of
from kb.grounded.reply import Draft, Hearing, parse, schema
from kb.protocols import Entailment, LanguageModel
from kb.types import Evidence

LANGUAGES = {"en": "English", "zh": "simplified Chinese (简体中文)"}
_RULES = 1  # raised when a sentence that was refused may now pass: what is kept is then asked for again
_FOR_EVIDENCE = 0.5  # of the context: the rest is for the answer, and for the answer before it when that is repaired
_LONGEST_ANSWER_SHOWN = 3_000  # characters, when it is fed back


class Prompt(Protocol):
    """A template of a prompt."""

    @property
    def version(self) -> str: ...

    @property
    def text(self) -> str: ...

    def render(self, **values: str) -> str:
        """The text with each variable filled."""
        ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to ask. ``request`` gives the prompt for a marker that ends the evidence; ``key`` tells what is kept apart.

    Of the answer at most ``most`` sentences are taken. ``repairs``: what fails is asked for once more. ``news``: what only says
    a title again is left out without a word. ``quotes``: sentences may come with a quote.
    """

    id: str
    case: Case
    key: str
    request: Callable[[str], str]
    most: int
    repairs: bool = True
    news: bool = True
    quotes: bool = False


Passed = Callable[[Draft], None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a job. ``silent``: the model said that there is nothing to say. ``error``: why it could not be asked.

    ``cut``: how a streamed answer was broken off.
    """

    drafts: tuple[Draft, ...] = ()
    removed: int = 0
    silent: bool = False
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: bool = False
    error: str = ""
    cut: str = ""


@dataclass
class _Asked:
    """What a job has come to so far: ``good`` may stand, ``bad`` may not, each with the reason. ``seen`` are all of them."""

    passed: Passed | None = None
    seen: set[str] = field(default_factory=set)
    good: list[Draft] = field(default_factory=list)
    bad: list[tuple[Draft, str]] = field(default_factory=list)
    removed: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut: str = ""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Asks a model; no request begins after ``until`` (``time.monotonic``), or once ``over`` is set.

    ``system`` has the variable language, ``repair`` request, answer and problems. ``evidence`` is what records really say;
    dates are meant in ``zone``. ``told``: runs of words that belong to the prompts (see ``kb.grounded.echo``). ``entailment``:
    what sentences are held against after all other checks.
    """

    model: LanguageModel
    system: Prompt
    repair: Prompt
    cache: Cache | None
    evidence: Mapping[str, Evidence]
    language: str
    until: float
    zone: tzinfo = UTC
    told: frozenset[str] = frozenset()
    entailment: Entailment | None = None
    over: threading.Event = field(default_factory=threading.Event)

    # --- what to ask ---------------------------------------------------------------------------------------------------------

    def job(
        self,
        id: str,
        found: Case,
        prompt: Prompt,
        *,
        most: int,
        repairs: bool = True,
        news: bool = True,
        quotes: bool = False,
        values: Mapping[str, str] | None = None,
    ) -> Job:
        """A job. ``prompt`` has the variables evidence, keys, marker, glossary and language, and those of ``values``."""
        values = {**(values or {}), "evidence": found.text, "keys": ", ".join(found.keys), "language": LANGUAGES[self.language]}
        values["glossary"] = self._glossary(found.text)

        def request(marker: str) -> str:
            return prompt.render(**values, marker=marker)

        fixed = [f"{one.version}\n{one.text}" for one in (self.system, prompt, self.repair)]
        whole = [_RULES, self.model.name, self.language, request(""), dict(found.keys), fixed, most]
        whole += [self.entailment.name] if self.entailment else []
        key = hashlib.sha256(json.dumps(whole, ensure_ascii=True).encode()).hexdigest()
        return Job(id=id, case=found, key=key, request=request, most=most, repairs=repairs, news=news, quotes=quotes)

    def room(self, prompt: Prompt, most: int) -> int:
        """How many tokens of evidence go with a prompt: ``most`` at most."""
        fixed = tokens_of(self.system.text + prompt.text + self.repair.text)
        return min(int(self.model.context * _FOR_EVIDENCE) - fixed, most)

    def expected(self, job: Job) -> int:
        """About how many tokens a job's prompt takes."""
        return tokens_of(self.system.text) + tokens_of(job.request(""))

    def _glossary(self, text: str) -> str:
        terms = glossary(text) if self.language == "zh" else {}
        listed = "; ".join(f"{english} = {chinese}" for english, chinese in terms.items())
        return f"\nTerms to use: {listed}.\n" if listed else ""

    # --- asking --------------------------------------------------------------------------------------------------------------

    def result(self, job: Job, passed: Passed | None = None) -> Result:
        """Ask the model. With ``passed`` its answer is streamed, and that is told each sentence as soon as it may stand."""
        asked, error, silent = _Asked(passed), "", False
        try:
            silent = self._ask(job, asked)
        except (LlmError, VectorError) as failure:  # what cannot be checked may not stand
            error = failure.message
        return Result(
            drafts=tuple(asked.good[: job.most]),
            removed=asked.removed,
            silent=silent,
            requests=asked.requests,
            prompt_tokens=asked.prompt_tokens,
            completion_tokens=asked.completion_tokens,
            error=error,
            cut=asked.cut,
        )

    def _ask(self, job: Job, asked: _Asked) -> bool:
        """Whether the model says that there is nothing to say.

        Raises:
            LlmError: no answer; what may stand of those before is in ``asked``.
        """
        request = job.request(_marker())
        answer = self._once(job, request, asked)
        drafts = parse(answer)
        self._take(job, drafts or (), asked)
        asked.removed = len(asked.bad)
        if job.repairs and (asked.bad or drafts is None) and not asked.cut:
            stood, fell = len(asked.good), len(asked.bad)
            again = self._once(job, self._repair(request, answer, asked.bad), asked)
            self._take(job, parse(again) or (), asked)
            asked.removed = max(fell - (len(asked.good) - stood), len(asked.bad) - fell)
        return drafts == []

    def _repair(self, request: str, answer: str, bad: Iterable[tuple[Draft, str]]) -> str:
        problems = "\n".join(f"- {draft.text}\n  Reason: {reason}" for draft, reason in bad)
        return self.repair.render(
            request=request,
            answer=answer[: min(_LONGEST_ANSWER_SHOWN, self.model.context * 3 // 8)],
            problems=problems or "The answer is no JSON object of the form that was asked for.",
        )

    def _take(self, job: Job, drafts: Iterable[Draft], asked: _Asked) -> None:
        """Check what was not seen before."""
        for draft in drafts:
            same, whole = fingerprint(draft), repr(draft)
            if not asked.seen.isdisjoint((same, whole)):
                continue
            asked.seen.add(whole)
            if job.news and not is_news(draft, job.case.shown):
                continue
            if reason := self._problem(job, draft):
                asked.bad.append((draft, reason))
                continue
            asked.seen.add(same)
            asked.good.append(draft)
            if asked.passed and len(asked.good) <= job.most:
                asked.passed(draft)

    def _problem(self, job: Job, draft: Draft) -> str:
        shown = job.case.shown
        if self.told and repeats(draft.text, self.told, (f"{one.record.title}\n{one.record.body}" for one in shown.values())):
            return "repeats the request"
        return problem(
            draft,
            job.case.keys,
            shown,
            self.evidence,
            language=self.language,
            zone=self.zone,
            entailment=self.entailment,
        )

    def _once(self, job: Job, prompt: str, asked: _Asked) -> str:
        self._check_time()
        system = self.system.render(language=LANGUAGES[self.language])
        asked.requests += 1
        hearing = Hearing()

        def heard(piece: str) -> None:
            self._check_time()
            self._take(job, hearing.hear(piece), asked)

        form = schema(job.case.keys, quotes=job.quotes)
        answer = self.model.complete(system, prompt, schema=form, heard=heard if asked.passed else None)
        asked.prompt_tokens += answer.prompt_tokens
        asked.completion_tokens += answer.completion_tokens
        asked.cut = answer.cut if asked.passed else ""
        return answer.text

    def _check_time(self) -> None:
        if self.over.is_set() or time.monotonic() > self.until:
            raise LlmError("the model was not asked any more: the time for it was over")

    # --- what is kept --------------------------------------------------------------------------------------------------------

    def kept(self, job: Job) -> Result | None:
        """What was answered before; None where nothing was, or what is kept is damaged or would not stand now."""
        value = self.cache.get(job.key) if self.cache else None
        try:
            result = _read(value, job) if value is not None else None
            falls = any(self._problem(job, draft) for draft in (result.drafts if result else ()))
        except (KeyError, TypeError, ValueError, VectorError):
            return None
        return None if falls else result

    def keep(self, job: Job, result: Result) -> None:
        """Keep an answer, one that was refused as well; not that there was none.

        Raises:
            OSError: the cache cannot be written.
        """
        if self.cache and not result.error and not result.cut:
            told = [
                {
                    "text": one.text,
                    "keys": [job.case.keys[label] for label in one.labels],
                    "role": one.role,
                    "quote": one.quote,
                }
                for one in result.drafts
            ]
            self.cache.put(job.key, {"sentences": told, "removed": result.removed, "silent": result.silent})


def _marker() -> str:
    """What ends the evidence: nobody who wrote any of it could know."""
    return f"=====EVIDENCE-{secrets.token_hex(8)}====="


def _read(value: Mapping[str, Any], job: Job) -> Result:
    """A kept result.

    Raises:
        KeyError, TypeError, ValueError: it was not written so.
    """
    labels = {citation: label for label, citation in job.case.keys.items()}
    drafts = tuple(
        Draft(str(one["text"]), tuple(labels[key] for key in one["keys"]), str(one["role"]), str(one.get("quote", "")))
        for one in value["sentences"]
    )
    if not isinstance(value["silent"], bool) or not 0 <= value["removed"] < 1000 or len(drafts) > job.most:
        raise ValueError("out of range")
    return Result(drafts=drafts, removed=int(value["removed"]), silent=value["silent"], cached=True)
