"""A model's sentences as Markdown, and as a part of an answer. Pure: links are made here, from records, never by a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kb import render
from kb.answering.types import Sentence
from kb.escape import code, inert, link, prose, shorten
from kb.safe import one_line
from kb.types import Answer, Claim, Evidence, ModelUse
from kb.wording import Words

_LONGEST_KEY = 60
_LONGEST_REASON = 200


def sentence_markdown(sentence: Sentence, evidence: Mapping[str, Evidence], words: Words) -> str:
    """A list item: the sentence, inert, a quote where it has one, and the links of what it cites."""
    keys = (link(code(shorten(key, _LONGEST_KEY)), evidence[key].record.url) for key in sentence.keys)
    quote = f"{words.line['dash']}“{prose(sentence.quote)}”" if sentence.quote else ""
    return f"- {prose(sentence.text)}{quote}{words.bracketed(words.line['sep'].join(keys))}"


def heading(words: Words, *, parts: bool = False) -> str:
    return render.heading(words.notes["model parts" if parts else "model"])


def note(answer: Answer, use: ModelUse, told: int, removed: int, words: Words) -> str:
    """Who wrote the sentences and from what; what of them was left out, and what the model could not be asked."""
    found = []
    if told:
        found.append(_written(answer, use, words))
        found.append(words.notes["model checked"])
    elif not use.problems and not removed:
        found.append(words.notes["model silent"])
    if removed:
        found.append(words.notes["model removed one" if removed == 1 else "model removed"].format(count=removed))
    reasons = (inert(one_line(problem, limit=_LONGEST_REASON).rstrip(".")) for problem in use.problems)
    form = "model trouble" if use.read else "model failed"
    found += [words.notes[form].format(reason=reason) for reason in reasons]
    return words.gap.join(found)


def _written(answer: Answer, use: ModelUse, words: Words) -> str:
    matched = answer.coverage.matched
    if answer.scope.intent not in ("window", "compare"):
        form = "model found"
    elif use.read < matched:
        form = "model some"
    else:
        form = "model all one" if matched == 1 else "model all"
    return words.notes[form].format(model=inert(shorten(use.name, _LONGEST_KEY)), read=use.read, matched=matched)


def rest(answer: Answer) -> str:
    """An extractive answer without its head."""
    return answer.text.removeprefix(answer.head).strip()


def composed(answer: Answer, told: Sequence[Sentence], use: ModelUse, removed: int, words: Words) -> Answer:
    """The extractive answer with the model's sentences between its head and its list."""
    evidence = {one.key: one for one in answer.evidence}
    items = "\n".join(sentence_markdown(one, evidence, words) for one in told)
    section = [heading(words), items] if told else []
    blocks = [answer.head.strip(), *section, note(answer, use, len(told), removed, words), rest(answer)]
    return replace(
        answer,
        text=render.page(blocks),
        claims=(*_claims(told), *answer.claims),
        removed=answer.removed + removed,
        model=use,
    )


def _claims(told: Sequence[Sentence]) -> list[Claim]:
    return [Claim(text, one.keys) for one in told for text in (one.text, one.quote) if text]
