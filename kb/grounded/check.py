"""Whether a model's sentence may stand on the page: its form, its language, what it cites and claims. Pure; fails closed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo

from kb.citations import EXACT, Piece, verify, verify_pieces
from kb.facts import Facts, plain
from kb.glossary import CJK
from kb.grounded.claims import unfounded
from kb.grounded.overlap import LEAST_OF_ONE, is_far
from kb.grounded.passages import passages
from kb.grounded.reply import Draft
from kb.grounded.rules import Ground
from kb.protocols import Entailment
from kb.safe import TO_A_MACHINE
from kb.text import query_tokens, width
from kb.types import Evidence, Record

_SHORTEST, _LONGEST = 16, 420  # as wide as letters
_LONGEST_QUOTE = 300
_MOST_CITED = 12
_FEWEST_CHINESE = 4
_ENDS = re.compile(r"[.!?。！？][\"'`)”’）」]{0,2}\Z")
_BREAKS_OFF = re.compile(r"(?:\.\.|…|\b(?:and|or|the|a|of|to|with|for|but)\.)[\"'`)]*\Z", re.I)
_SEVERAL = re.compile(r"(?<=[a-z)`]{2}[.!?]) +(?=[A-Z])|[。！？](?=.)")
_LINK = re.compile(
    r"://|\bwww\.|\bmailto:|\]\(|!\[|\bjavascript:|\bdata:\w+/|\b[\w-]+\.(?:com|org|io|net|ai|dev|example|cn)/", re.I
)
_MARKUP = re.compile(r"</?[a-z!][^>]{0,200}>|&(?:#\d+|#x[0-9a-f]+|\w{2,8});|^#{1,6} |^>|\*\*|~~|^\||\|\s*$|```|\$\$", re.I)
_CODE = re.compile(r"`[^`]*`")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|「[^」]*」")
_FIRST_PERSON = re.compile(r"\b(?:I(?![/.\w])|[Ww]e|[Mm]y|[Oo]ur|us)\b(?!-)|我")
_OTHER_SCRIPT = re.compile(r"[\u0400-\u052f\u0590-\u06ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\uac00-\ud7af]")
_ENGLISH = re.compile(
    r"\b(?:the|a|an|of|and|with|for|is|are|to|from|by|that|which|when|now|in|on|as|it|its|this|can|adds?|fix(?:es)?|uses?|supports?"
    r"|instead|without|new|all|per|or|no|at|not|only|but)\b",
    re.I,
)
_FOREIGN = re.compile(
    r"\b(?:der|die|das|und|für|wird|les|des|pour|une|avec|dans|para|los|las|una|con|della|che|não|uma)\b", re.I
)


def problem(
    draft: Draft,
    keys: Mapping[str, str],
    shown: Mapping[str, Evidence],
    evidence: Mapping[str, Evidence],
    *,
    language: str,
    zone: tzinfo = UTC,
    entailment: Entailment | None = None,
) -> str:
    """What is wrong with a sentence, in words that its writer can act on; "" where nothing is.

    ``keys`` maps what the model saw to citation keys, ``shown`` has the evidence as it saw it, ``evidence`` as it is. Dates are
    meant in ``zone``. With ``entailment`` what passes everything else is held against that too.

    Raises:
        VectorError: the model behind ``entailment`` failed.
    """
    if bad := _form(draft.text) or _language(draft.text, language):
        return bad
    unknown = [label for label in draft.labels if label not in keys]
    if unknown or not draft.labels:
        return f"cites no valid key: {unknown[0]}" if unknown else "cites no key"
    if len(draft.labels) > _MOST_CITED:
        return f"cites more than {_MOST_CITED} records"
    cited = tuple(keys[label] for label in draft.labels)
    for held_against in (shown, evidence):  # what was left out of what it saw must not vouch for it
        if (verdict := verify(draft.text, cited, held_against, Facts(zone))) != EXACT:
            return verdict
    if bad := _quote(draft.quote, cited, shown, zone):
        return bad
    records = [shown[key].record for key in cited]
    if bad := unfounded(draft.text, Ground(records), zone):
        return bad
    if is_far(draft.text, records):
        return "speaks of something else than what it cites"
    idle = (
        label
        for label, record in zip(draft.labels, records, strict=True)
        if len(records) > 1 and is_far(draft.text, [record], least=LEAST_OF_ONE)
    )
    if bad := next((f"cites {label}, which says nothing of it" for label in idle), ""):
        return bad
    return _not_borne_out(draft.text, records, entailment) if entailment else ""


def _not_borne_out(text: str, records: Sequence[Record], entailment: Entailment) -> str:
    score = entailment.score(text, passages(text, records))
    if score is None or score >= entailment.least:
        return ""
    return "no sentence or line of what it cites says this: keep to what stands there, in words close to its own"


def _quote(quote: str, cited: Sequence[str], shown: Mapping[str, Evidence], zone: tzinfo) -> str:
    if not quote:
        return ""
    if len(quote) > _LONGEST_QUOTE or _LINK.search(quote) or TO_A_MACHINE.search(plain(quote)):
        return "has a quote that is too long, has a link in it, or speaks to a machine"
    verdict = verify_pieces([Piece(quote, "quote")], cited, shown, Facts(zone))
    return "" if verdict == EXACT else verdict


def fingerprint(draft: Draft) -> str:
    """Alike for texts that differ in nothing but spaces, marks and capitals."""
    return re.sub(r"\W+", "", draft.text).casefold()


def is_news(draft: Draft, shown: Mapping[str, Evidence]) -> bool:
    """Whether it says more than the titles of the records, which stand above it already."""
    titles = frozenset(token for one in shown.values() for token in query_tokens(one.record.title))
    return not titles or not frozenset(query_tokens(draft.text)) <= titles


def _form(text: str) -> str:
    bare = _CODE.sub("x", text)
    if not _ENDS.search(text) or _BREAKS_OFF.search(text):
        return "is not a complete sentence with a full stop at its end"
    if not _SHORTEST <= width(text) <= _LONGEST:
        return f"is too {'long' if width(text) > _LONGEST else 'short'}"
    if _SEVERAL.search(bare):
        return "is more than one sentence"
    if _LINK.search(text):
        return "has a link in it"
    if _MARKUP.search(bare):
        return "has markup in it other than code in backticks"
    if text.count("`") % 2 or any(text.count(left) != text.count(right) for left, right in ("()", "[]", "（）", "“”")):
        return "has a bracket or a quotation mark without its other half"
    if _FIRST_PERSON.search(_QUOTED.sub(" ", bare)):
        return "speaks in the first person: tell it of the author, or of the authors"
    return "speaks to a machine" if TO_A_MACHINE.search(text) else ""


def _language(text: str, language: str) -> str:
    bare = _CODE.sub(" ", text)
    chinese = len(CJK.findall(bare))
    if _OTHER_SCRIPT.search(bare):
        wrong = True
    elif language == "zh":
        wrong = chinese < _FEWEST_CHINESE or len(_ENGLISH.findall(bare)) > chinese
    else:
        foreign, english = len(_FOREIGN.findall(bare)), len(_ENGLISH.findall(bare))
        wrong = chinese > 0 or foreign > max(english, 1) or (not english and len(bare.split()) > 9)
    return f"is not in {'Chinese' if language == 'zh' else 'English'}" if wrong else ""
