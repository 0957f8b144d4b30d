"""A report as a browser shows it: how it stands, what else there is of its day, its text; and the form that makes one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import urlencode

from markupsafe import Markup

from kb.check.types import EXACT, CheckResult
from kb.report.archive import Stored
from kb.report.archived import Archived
from kb.web.answer_html import report_html
from kb.web.calendar_html import length_name
from kb.web.jobs_html import ended_html
from kb.web.markup import badge, tag, text
from kb.web.reader import Reader
from kb.web.shelf import LONGEST, Opened

LENGTHS = ("1d", "7d")
LANGUAGES = ("en", "zh")
_FINDINGS = 40
_TEXT = 300  # characters


def address_of(entry: Archived) -> str:
    """``?tab=reports&day=…``: the address, from the app's root, that opens this report."""
    about = entry.identity
    pairs = [("tab", "reports"), ("day", about.day.isoformat()), ("lang", about.language)]
    if about.length != "1d":
        pairs.append(("length", about.length))
    if about.repos:
        pairs.append(("name", entry.name))
    return "?" + urlencode(pairs)


def empty_html(reader: Reader, days: Sequence[tuple[date, int]] = (), *, to: str = "") -> Markup:
    """There is no report at all; ``days`` are those that one could be made of, with how many records each has."""
    words = reader.ui.reports
    buttons = [
        tag(
            "button",
            f"{day.isoformat()} · {reader.counted('records', count)}",
            type="button",
            class_="kb-do",
            data_to=to,
            data_do="day",
            data_of=day.isoformat(),
        )
        for day, count in days
    ]
    chosen = [tag("p", words["days hint"]), tag("p", *buttons, class_="kb-actions")] if buttons else []
    return _empty(words["empty"], words["empty hint"], reader, *chosen)


def unchosen_html(reader: Reader) -> Markup:
    """None is chosen yet."""
    return _empty(reader.ui.reports["choose"], "", reader)


def missing_html(day: str, reader: Reader) -> Markup:
    """There is none of the day that was asked for."""
    words = reader.ui.reports
    return _empty(words["missing"].format(day=text(day, limit=40)), words["missing hint"], reader)


def _empty(told: str, hint: str, reader: Reader, *more: Markup) -> Markup:
    box = tag("div", tag("p", tag("strong", told)), tag("p", hint) if hint else None, *more, class_="kb-empty")
    return tag("div", box, class_="kb", lang=reader.language)


# --- one report --------------------------------------------------------------------------------------------------------------


def opened_html(
    opened: Opened, others: Sequence[Archived], reader: Reader, *, check: CheckResult | Markup | None, to: str, may_write: bool
) -> Markup:
    """A report with its badges. ``others`` are those of the same day, itself among them; ``check`` is None while its claims are
    being checked, and Markup where they could not be. ``to`` is the field that hears of the buttons."""
    own = opened.entry.identity
    found = _findings(check, reader) if isinstance(check, CheckResult) else check
    language = own.language if own.language in LANGUAGES else None  # anything may stand in a sidecar
    return tag(
        "article",
        tag(
            "header",
            tag("p", *_badges(opened, check, reader), class_="kb-badges"),
            _editions(opened, others, reader, to, may_write),
        ),
        found,
        tag("div", _body(opened, reader), class_="kb-body kb-report", lang=language),
        class_="kb",
        lang=reader.language,
        data_report=opened.entry.name,
        data_address=address_of(opened.entry),
        aria_label=text(opened.entry.label, limit=_TEXT),
    )


def _body(opened: Opened, reader: Reader) -> Markup:
    if len(opened.page) > LONGEST:
        size = f"{len(opened.page) / 1_000_000:.1f} MB"
        return tag("p", reader.ui.reports["too long"].format(size=size), class_="kb-empty", lang=reader.language)
    return report_html(opened.markdown, opened.cited, reader)


def _badges(opened: Opened, check: CheckResult | Markup | None, reader: Reader) -> Iterator[Markup]:
    words = reader.ui.reports
    if check is None:
        yield badge(words["checking"], "quiet", sign="turn")
    elif isinstance(check, CheckResult):
        good, whole = check.counts.get(EXACT, 0), sum(check.counts.values())
        told = words["checked"].format(good=f"{good:,}", all=f"{whole:,}")
        tone, sign = ("good", "check") if check.clean else ("bad", "warning")
        yield badge(told, tone, sign=sign, title=words["checked title"])
    else:
        yield badge(words["unchecked"], "warn", sign="warning")
    if opened.entry.provisional:
        yield badge(words["provisional"], "warn", sign="clock", title=words["provisional title"])
    if opened.edited:
        yield badge(words["edited"], "warn", sign="warning", title=words["edited title"])
    if opened.model:
        yield badge(words["by model"].format(name=text(opened.model, limit=60)), "quiet")


def _editions(opened: Opened, others: Sequence[Archived], reader: Reader, to: str, may_write: bool) -> Markup:
    """Other reports of the day, and a button that makes this one again."""
    words = reader.ui.reports
    buttons = [_edition(entry, reader, to, current=entry.name == opened.entry.name) for entry in others if len(others) > 1]
    label = tag("span", words["editions"], class_="kb-dim") if buttons else None
    again = None
    if may_write and not opened.entry.identity.repos:
        again = tag(
            "button", words["again"], type="button", class_="kb-do", data_to=to, data_do="again", data_of=opened.entry.name
        )
    return tag("p", label, *buttons, again, class_="kb-actions")


def _edition(entry: Archived, reader: Reader, to: str, *, current: bool) -> Markup:
    words, about = reader.ui.reports, entry.identity
    parts = [length_name(about.length, reader), words.get(about.language, about.language), *about.repos]
    return tag(
        "button",
        text(" · ".join(parts), limit=120),
        type="button",
        class_="kb-do",
        data_to=to,
        data_do="open",
        data_of=entry.name,
        aria_pressed="true" if current else "false",
    )


def _findings(check: CheckResult, reader: Reader) -> Markup | None:
    """What the check found wrong; None where it found nothing."""
    if check.clean:
        return None
    words = reader.ui.reports
    wrong = [
        (one.line, f"{one.verdict}: {one.text}" + (f" ({one.reason})" if one.reason else ""))
        for one in check.findings
        if one.verdict != EXACT
    ]
    wrong += [(fault.line, fault.text) for fault in check.faults]
    rows = [_finding(line, told, reader) for line, told in sorted(wrong)[:_FINDINGS]]
    if len(wrong) > _FINDINGS:
        rows.append(tag("li", words["more wrong"].format(count=f"{len(wrong) - _FINDINGS:,}")))
    for name, those in (("missing records", check.missing), ("repeated", check.repeated)):
        if those:
            rows.append(tag("li", words[name].format(count=reader.counted("records", len(those)))))
    return tag("details", tag("summary", words["wrong"]), tag("ul", *rows), class_="kb-found", open=True)


def _finding(line: int, told: str, reader: Reader) -> Markup:
    place = tag("span", reader.ui.reports["wrong line"].format(line=line), class_="kb-dim") if line else None
    return tag("li", place, " " if place else None, text(told, limit=_TEXT))


# --- making one --------------------------------------------------------------------------------------------------------------


def making_html(day: date, reader: Reader, *, model: str, to: str) -> Markup:
    """The form that makes a report: its last day, how long, in which language, and whether the ``model`` may write."""
    words = reader.ui.reports
    lengths = [tag("option", length_name(length, reader), value=length) for length in LENGTHS]
    languages = [tag("option", words[name], value=name, selected=name == reader.language) for name in LANGUAGES]
    today = reader.now.astimezone(reader.zone).date()
    fields = [
        _field(
            "day",
            words["day"],
            tag(
                "input", type="date", name="day", id="kb-make-day", value=day.isoformat(), max=today.isoformat(), required=True
            ),
        ),
        _field("length", words["length"], tag("select", *lengths, name="length", id="kb-make-length")),
        _field("language", words["language"], tag("select", *languages, name="language", id="kb-make-language")),
    ]
    if model:
        box = tag("input", type="checkbox", name="model", id="kb-make-model", checked=True)
        label = words["model"].format(name=text(model, limit=40))
        fields.append(tag("span", tag("label", box, " ", label, for_="kb-make-model"), class_="kb-entry"))
    button = tag("button", words["make"], type="submit", class_="kb-do kb-main")
    return tag("form", *fields, button, class_="kb-making", data_to=to, data_do="make", aria_label=words["make"])


def _field(name: str, label: str, box: Markup) -> Markup:
    return tag("span", tag("label", label, for_=f"kb-make-{name}"), box, class_="kb-entry")


def made_html(stored: Stored, reader: Reader, *, to: str) -> Markup:
    """How a report that was made stands in the archive."""
    words = reader.ui.reports
    kept = stored.status == "kept"
    actions = None
    if kept:
        button = tag(
            "button", words["replace"], type="button", class_="kb-do", data_to=to, data_do="replace", data_of=stored.name
        )
        actions = tag("p", button, class_="kb-actions")
    told = words.get(stored.status, text(stored.status, limit=40))
    return ended_html(told, reader, tone="warn" if kept else "good", actions=actions)
