"""A question's topic in other words, from a model: synonyms, a translation, the things that it asks one by one.

Only where the search found no sure answer, and only the topic: windows, repositories, kinds and identifiers are the code's. A
rewriting that loses an exact name or a figure of the topic, or brings a new one, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kb.errors import LlmError
from kb.facts import plain
from kb.glossary import CJK
from kb.grounded.asking import LANGUAGES, Prompt
from kb.grounded.cache import Cache
from kb.grounded.reply import objects
from kb.protocols import Completion, LanguageModel
from kb.safe import TO_A_MACHINE, one_line
from kb.types import Answer, ModelUse, Scope

_PARTS = 3
_LONGEST, _WORDS = 200, 12
_LONGEST_QUESTION = 1_000
_EXACT = re.compile(r"[A-Za-z0-9_]*(?:[0-9_]|[a-z][A-Z])[A-Za-z0-9_.:/+-]*[A-Za-z0-9_+]|[0-9]|\b[A-Z][A-Z0-9]+\b", re.A)
_FIRM = re.compile(r"[0-9_]|[a-z][A-Z]")  # an acronym may be a synonym; a figure, a version or an identifier may not
_BEST_FIRST = ("answered", "partial", "abstained")
_FORM: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["topic", "parts"],
    "properties": {"topic": {"type": "string"}, "parts": {"type": "array", "items": {"type": "string"}}},
}


@dataclass(frozen=True, kw_only=True)
class Rewriter:
    """Asks a model for other words. ``system`` has the variable language, ``topic`` question and topic."""

    model: LanguageModel
    system: Prompt
    topic: Prompt
    cache: Cache | None = None

    def better(self, found: Answer, answer: Callable[[Scope], Answer]) -> tuple[Answer, ModelUse | None]:
        """The best of an answer and those to its topic in other words, and what the words cost; None where none were asked for.

        ``answer`` answers a scope. A sure answer is taken as it is. No error of the model is raised.
        """
        scope = found.scope
        if found.status == "answered" or not scope.topic or scope.intent not in ("window", "needle"):
            return found, None
        topics, use = self._topics(scope)
        tried = [answer(replace(scope, topic=topic, asked_topic=scope.topic)) for topic in topics]
        return min([found, *tried], key=_rank), use

    def _topics(self, scope: Scope) -> tuple[list[str], ModelUse]:
        question = one_line(scope.question, limit=_LONGEST_QUESTION)
        prompt = self.topic.render(question=question, topic=scope.topic)
        system = self.system.render(language=LANGUAGES["en"])
        use = ModelUse(name=self.model.name)
        key = hashlib.sha256(json.dumps([self.model.name, system, prompt]).encode()).hexdigest()
        kept = self.cache.get(key) if self.cache else None
        if kept is not None:
            return accepted(kept, scope), replace(use, cached=1)
        try:
            given = self.model.complete(system, prompt, schema=_FORM)
        except LlmError as error:
            return [], replace(use, requests=1, problems=(error.message,))
        value = next((one for one in objects(given.text) if "topic" in one), {})
        return accepted(value, scope), self._keep(key, value, _cost(use, given))

    def _keep(self, key: str, value: Mapping[str, Any], use: ModelUse) -> ModelUse:
        try:
            if self.cache:
                self.cache.put(key, value)
        except OSError as error:
            return replace(use, problems=(f"its answers cannot be kept: {error.strerror or type(error).__name__}",))
        return use


def accepted(value: Mapping[str, Any], scope: Scope) -> list[str]:
    """The topics of a rewriting that may be searched for: none that loses or brings an exact name or a figure."""
    parts = value.get("parts")
    told = [value.get("topic"), *(parts[:_PARTS] if isinstance(parts, list) else ())]
    topics = [one_line(one, limit=_LONGEST + 1) for one in told if isinstance(one, str)]
    wanted, known = _exact(scope.topic), _exact(f"{scope.topic} {scope.question}")
    fit = [one for one in topics if _is_topic(one) and all(name in known for name in _exact(one) if _FIRM.search(name))]
    if not wanted <= frozenset(name for one in fit for name in _exact(one)):
        return []
    return [one for one in dict.fromkeys(fit) if one.casefold() != scope.topic.casefold()]


def _is_topic(text: str) -> bool:
    words = text.split()
    return (
        bool(words) and len(words) <= _WORDS and len(text) <= _LONGEST and not (CJK.search(text) or TO_A_MACHINE.search(text))
    )


def _exact(text: str) -> frozenset[str]:
    return frozenset(match[0].casefold() for match in _EXACT.finditer(plain(text)))


def _rank(answer: Answer) -> tuple[int, float]:
    return _BEST_FIRST.index(answer.status), -answer.confidence


def _cost(use: ModelUse, given: Completion) -> ModelUse:
    return replace(
        use,
        requests=1,
        prompt_tokens=given.prompt_tokens,
        completion_tokens=given.completion_tokens,
        seconds=round(given.seconds, 3),
    )
