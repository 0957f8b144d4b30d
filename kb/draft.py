"""An answer put together from parts: each line verified against what it cites, what fails left out and counted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kb import render
from kb.citations import EXACT, verify_pieces
from kb.lines import Line
from kb.render import Context
from kb.types import Answer, Claim, Coverage, Evidence, LedgerRow, Quote, Scope
from kb.views import Views


@dataclass(frozen=True)
class Part:
    """A block of an answer: Markdown of our own, or a line or a quote to be verified."""

    markdown: str = ""
    line: Line | None = None
    quote: Quote | None = None


@dataclass(frozen=True)
class Draft:
    """Parts that stood up to verification, as Markdown blocks, with their claims."""

    blocks: tuple[str, ...]
    claims: tuple[Claim, ...]
    removed: int
    listed: frozenset[str]


def verified(parts: Sequence[Part], seen: Views, context: Context) -> Draft:
    """Every line checked against what it cites; a line that fails is left out, and a heading above nothing with it."""
    blocks: list[str] = []
    claims: list[Claim] = []
    listed: set[str] = set()
    removed = 0
    items: list[str] = []
    for part in parts:
        kept, failed = _stand(part.line, seen) if part.line else ([], 0)
        removed += failed
        claims += [Claim(line.text, line.keys) for top in kept for line in (top, *top.children)]
        listed |= {id for top in kept for line in (top, *top.children) for id in line.records}
        if part.line and not part.quote:
            items += [render.line_markdown(line) for line in kept]
            continue
        if items:
            blocks.append("\n".join(items))
            items = []
        if part.quote and kept:
            blocks.append(render.quote_markdown(part.quote, context))
        elif part.markdown:
            blocks.append(part.markdown)
    if items:
        blocks.append("\n".join(items))
    return Draft(tuple(_with_content(blocks)), tuple(claims), removed, frozenset(listed))


def _with_content(blocks: Sequence[str]) -> Iterator[str]:
    """Without headings that nothing follows."""
    for at, block in enumerate(blocks):
        if not block.startswith("### ") or (at + 1 < len(blocks) and not blocks[at + 1].startswith("### ")):
            yield block


def _stand(line: Line, seen: Views) -> tuple[list[Line], int]:
    """The line with those of its children that are true of their records; children of one that is not stand for themselves."""
    children = [child for child in line.children if _is_exact(child, seen)]
    failed = len(line.children) - len(children)
    if _is_exact(line, seen):
        return [replace(line, children=tuple(children))], failed
    return children, failed + 1


def _is_exact(line: Line, seen: Views) -> bool:
    return verify_pieces(line.pieces, line.keys, seen.evidence, seen.facts) == EXACT


def sources(sentences: Sequence[str], context: Context) -> list[str]:
    return [render.heading(context.words.header["sources"]), render.bullets(sentences)] if sentences else []


def written(
    scope: Scope,
    status: str,
    head: Sequence[str],
    blocks: Sequence[str],
    draft: Draft,
    seen: Views,
    coverage: Coverage,
    rows: Sequence[LedgerRow],
    confidence: float,
    degraded: str,
    context: Context,
) -> Answer:
    return Answer(
        question=scope.question,
        scope=scope,
        status=status,
        text=render.page([*head, *blocks]),
        head=render.page(head),
        claims=draft.claims,
        evidence=_cited(draft.claims, seen.evidence),
        coverage=coverage,
        removed=draft.removed,
        ledger=tuple(rows),
        confidence=confidence,
        degraded=degraded,
        language=context.words.language,
    )


def _cited(claims: Sequence[Claim], evidence: Mapping[str, Evidence]) -> tuple[Evidence, ...]:
    """The evidence that the claims rest on, each once, in the order in which it is cited."""
    return tuple(evidence[key] for key in dict.fromkeys(key for claim in claims for key in claim.keys))


def refusal(scope: Scope, context: Context) -> Answer:
    """The answer to a question that nothing can be looked up for, and why."""
    asked = "" if scope.unclear else render.header(scope, context)
    text = render.page([asked, *render.notes(scope, "", 0, context.words)])
    nothing = Coverage(0, 0, 0)
    return Answer(
        question=scope.question,
        scope=scope,
        status="abstained",
        text=text,
        claims=(),
        evidence=(),
        coverage=nothing,
        language=context.words.language,
    )
