"""What a report asks the model: one question an entry, from that entry's records only, and one for the outlook. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.grounded.asking import Asker, Job, Prompt
from kb.grounded.reply import Draft
from kb.report.model_evidence import case, outlook_case
from kb.report.types import Entry, Sentence

OUTLOOK = ""  # the id under which the outlook is given
_MOST = 3  # sentences of an entry, and of the outlook
_MOST_SHOWN = 6_000  # tokens of evidence


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The templates of a report. Variables: ``system`` language; ``item`` kind, evidence, keys, marker, glossary, language;
    ``repair`` request, answer, problems; ``outlook`` as item without kind."""

    system: Prompt
    item: Prompt
    repair: Prompt
    outlook: Prompt


def entry_job(asker: Asker, prompt: Prompt, entry: Entry) -> Job | None:
    """What to ask about an entry; None where nothing should be."""
    found = case(entry, asker.evidence, room=asker.room(prompt, _MOST_SHOWN))
    return asker.job(entry.id, found, prompt, most=_MOST, values={"kind": found.kind}) if found else None


def outlook_job(asker: Asker, prompt: Prompt, told: Sequence[tuple[Entry, Sequence[Sentence]]]) -> Job | None:
    """What to ask for the outlook, of what is told of the weightiest entries; None where too little is."""
    found = outlook_case(told, asker.evidence, room=asker.room(prompt, _MOST_SHOWN)) if len(told) > 1 else None
    return asker.job(OUTLOOK, found, prompt, most=_MOST, repairs=False) if found else None


def sentence(draft: Draft, keys: Mapping[str, str], *, kind: str = "") -> Sentence:
    """The draft as a sentence of the report; ``kind`` of the record overrules a role that cannot be."""
    role = {"issue": "asks", "paper": "finds"}.get(kind, draft.role if draft.role in ("what", "why") else "what")
    return Sentence(text=draft.text, keys=tuple(keys[label] for label in draft.labels), role=role, verbatim=False)
