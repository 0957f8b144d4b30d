"""An answer as a browser shows it: what was asked about, how complete it is, its sentences with citations, the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from markupsafe import Markup

from kb.lines import shown_title
from kb.types import Answer, Evidence, ModelUse
from kb.web.diff_html import counts_html, hunk_html
from kb.web.folding import NEXT, Part, folded
from kb.web.ledger_html import standing
from kb.web.markup import Child, badge, chip, join, tag, text
from kb.web.prose import Cited, own_markdown
from kb.web.reader import Reader
from kb.web.record_html import kind_badge, quote_html, state_badge
from kb.wording import words

EVIDENCE = 60  # cards; the others are opened from their chips
_STATUS = {"answered": ("good", "check"), "partial": ("warn", "part"), "abstained": ("quiet", "dash")}


@dataclass(frozen=True)
class AnswerHtml:
    """The parts of an answer.

    ``scope`` is what was asked about, and what was not understood; ``summary`` badges that say how it went; ``body`` its
    sentences; ``evidence`` a card for each citation.
    """

    scope: Markup
    summary: Markup
    body: Markup
    evidence: Markup

    @property
    def whole(self) -> Markup:
        """What stands in the conversation: all but the evidence."""
        return tag("div", self.summary, self.scope, self.body, class_="kb-answer")


def answer_html(answer: Answer, reader: Reader) -> AnswerHtml:
    """An answer in parts; its own text keeps the language it was given in."""
    head = answer.head if answer.text.startswith(answer.head) else ""
    scope = markdown_html(_without_coverage(head, answer), answer, reader)
    return AnswerHtml(
        scope=tag("div", scope, class_="kb-scope", lang=answer.language) if head else Markup(),
        summary=summary_html(answer, reader),
        body=tag("div", _body(answer, head, reader), class_="kb-body", lang=answer.language),
        evidence=evidence_html(answer, reader),
    )


def _without_coverage(head: str, answer: Answer) -> str:
    """The head without the sentence that the badges say."""
    notes = words(answer.language).notes
    for name in ("coverage", "in all"):
        head = head.replace(notes[name].format(**asdict(answer.coverage)), "", 1)
    return head


def _body(answer: Answer, head: str, reader: Reader) -> Markup:
    cited = _cited(answer)
    parts = folded(answer.text[len(head) :], offset=head.count("\n"))
    return join(part_html(part, cited, reader) for part in parts)


def part_html(part: Part, cited: Sequence[Cited], reader: Reader) -> Markup:
    """A piece of an answer, and below it what of its last list is not drawn yet."""
    here = [item for item in cited if item.key in part.markdown]
    shown = report_html(part.markdown, here, reader)
    if not part.left:
        return shown
    more = reader.ui.ask["rest"].format(count=f"{min(NEXT, part.left):,}", left=f"{part.left:,}")
    return join([shown, tag("p", tag("button", more, type="button", class_="kb-more", data_rest=part.line))])


def _cited(answer: Answer) -> list[Cited]:
    return [Cited(item.key, item.record.id, item.record.url) for item in answer.evidence]


def markdown_html(text: str, answer: Answer, reader: Reader) -> Markup:
    """Markdown of an answer, or the part of it that has been streamed so far, with its citations as chips."""
    return report_html(text, _cited(answer), reader)


def report_html(markdown: str, cited: Iterable[Cited], reader: Reader) -> Markup:
    """A report's Markdown, what it cites as chips; its sidecar's citations say what that is."""
    return own_markdown(markdown, cited, table=reader.ui.ask["table"], diff=lambda lines: hunk_html(lines, words=reader.ui))


def summary_html(answer: Answer, reader: Reader) -> Markup:
    """Status, coverage, what was left out, and which sources are not to be trusted with their silence; each as a badge."""
    return tag("p", *_summary(answer, reader), class_="kb-badges kb-summary")


def _summary(answer: Answer, reader: Reader) -> Iterator[Markup]:
    own = reader.ui.ask
    tone, sign = _STATUS.get(answer.status, ("quiet", "dash"))
    coverage = answer.coverage
    if answer.status == "answered" and not (coverage.matched or answer.evidence):
        yield badge(own["none"], "quiet", sign="dash")
    else:
        yield badge(own.get(answer.status, answer.status), tone, sign=sign)
    if coverage.matched:
        whole = coverage.listed == coverage.matched
        told = own["coverage"].format(listed=f"{coverage.listed:,}", matched=f"{coverage.matched:,}")
        yield badge(told, "info" if whole else "warn", sign="" if whole else "part")
    yield badge(own["in window"].format(in_window=f"{coverage.in_window:,}"), "quiet")
    if answer.model:
        yield badge(own["model"].format(name=text(answer.model.name, limit=60)), "quiet", title=_used(answer.model, reader))
    if answer.removed:
        yield badge(own["removed"].format(count=answer.removed), "warn", sign="warning", title=own["removed title"])
    if answer.degraded:
        yield badge(own["degraded"], "warn", sign="warning", title=text(answer.degraded, limit=300))
    wrong = [row.source for row in answer.ledger if standing(row, reader.now) != "ok"]
    if wrong:
        names = reader.terms.comma.join(text(name, limit=40) for name in wrong)
        yield badge(own["problems"].format(names=text(names, limit=160)), "bad", sign="warning")


def _used(model: ModelUse, reader: Reader) -> str:
    """What a language model did for an answer, for who wants to know."""
    figures = {"read": model.read, "requests": model.requests, "cached": model.cached, "seconds": round(model.seconds)}
    return reader.ui.ask["model use"].format(**figures)


# --- evidence ----------------------------------------------------------------------------------------------------------------


def evidence_html(answer: Answer, reader: Reader) -> Markup:
    """A card for each record that is cited, in the order of the answer, for the place beside it."""
    own = reader.ui.ask
    if not answer.evidence:
        return tag("p", own["no evidence"], class_="kb-empty")
    cards = [tag("li", evidence_card(item, reader)) for item in answer.evidence[:EVIDENCE]]
    rest = len(answer.evidence) - EVIDENCE
    more = tag("p", own["more evidence"].format(count=f"{rest:,}"), class_="kb-dim") if rest > 0 else None
    return tag("section", tag("h3", own["evidence"]), tag("ol", *cards, class_="kb-cards"), more, class_="kb-evidence")


def evidence_card(item: Evidence, reader: Reader) -> Markup:
    """What a citation rests on, in short: what it is, when, by whom, how much, and the quoted words."""
    record = item.record
    pull = next((target.rpartition("#")[2] for target in record.linked("pull")), "")
    title = text(shown_title(record, pull), limit=200) or reader.ui.record["untitled"]
    author = text(record.author, limit=60)
    added, deleted = sum(file.additions for file in record.files), sum(file.deletions for file in record.files)
    facts: list[Child] = [
        reader.day(record.at) if record.events else None,
        reader.ui.ask["by"].format(author=author) if author else None,
        counts_html(added, deleted) if added or deleted else None,
    ]
    quoted = quote_html(item.quote, reader) if item.quote.text.strip() not in ("", record.title.strip()) else None
    return tag(
        "article",
        tag("p", chip(item.key, record.id), kind_badge(record.kind, reader), state_badge(record, reader), class_="kb-badges"),
        tag("p", tag("strong", title)),
        tag("p", join([fact for fact in facts if fact], " · "), class_="kb-facts"),
        quoted,
        class_="kb-card",
        data_key=item.key,
    )
