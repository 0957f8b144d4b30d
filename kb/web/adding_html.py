"""A source added by form: its keys with what they mean, what a trial gave, and what will stand in ``kb.toml``. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from markupsafe import Markup

from kb.source_form import LONGEST_VALUE, FormKey
from kb.trial import Trial
from kb.types import KINDS
from kb.web.jobs_html import ended_html
from kb.web.markup import Child, join, tag, text
from kb.web.reader import Reader
from kb.web.words_keys import key_help

_FIRST = ("categories", "authors", "query", "search", "since", "history", "repo")  # shown beside those that are required
_OWN = 200  # characters of what a source says of itself


def chooser_html(uses: Sequence[str], reader: Reader, *, by_hand: Sequence[str], configured: int, to: str) -> Markup:
    """The question what kind of source it is to be, with ``to`` as the field that hears of the choice.

    ``configured`` is how many there are: with one more the page is another one, and asks anew.
    """
    words = reader.ui.adding
    options = [tag("option", words["choose"], value="")]
    options += [tag("option", use_name(use, reader), value=use) for use in uses]
    hand = words["by hand"].format(names=reader.terms.comma.join(by_hand)) if by_hand else ""
    return tag(
        "form",
        tag("label", words["use"], for_="kb-use"),
        tag("select", *options, id="kb-use", name="use"),
        tag("p", hand, class_="kb-dim") if hand else None,
        class_="kb-form",
        data_to=to,
        data_do="choose",
        data_at_once="true",
        data_configured=configured,
    )


def use_name(use: str, reader: Reader) -> str:
    """What a kind of source is called; its module's name where it is one's own."""
    return reader.ui.adding.get(use, text(use, limit=60))


def form_html(use: str, keys: Sequence[FormKey], reader: Reader, *, typed: Mapping[str, object], to: str) -> Markup:
    """The keys of a source with what was typed last; those that most leave alone are folded away."""
    words = reader.ui.adding
    near = [key for key in keys if key.required or key.name in _FIRST]
    far = [key for key in keys if key not in near]
    fields = {key.name: _field(use, key, reader, typed.get(key.name)) for key in keys}
    opened = any(typed.get(key.name) not in (None, "", key.default) for key in far)
    folded = tag("details", tag("summary", words["optional"]), *(fields[key.name] for key in far), open=opened)
    return tag(
        "form",
        tag("input", type="hidden", name="use", value=use),
        *(fields[key.name] for key in near),
        folded if far else None,
        tag("p", words["secret"], class_="kb-dim"),
        tag(
            "p",
            tag("button", words["check"], type="submit", class_="kb-do kb-main"),
            " ",
            words["check hint"],
            class_="kb-actions",
        ),
        class_="kb-form",
        data_to=to,
        data_do="check",
        autocomplete="off",
        aria_label=use_name(use, reader),
    )


def _field(use: str, key: FormKey, reader: Reader, value: object) -> Markup:
    words = reader.ui.adding
    id = f"kb-key-{key.name}"
    hint = f"{id}-hint"
    shown = key.default if value is None and key.sort == "choice" else "" if value is None else text(str(value))
    told = [text(key_help(use, key.name, language=reader.language, told=key.told), limit=_OWN)]
    if key.sort == "list":
        told.append(words["lines"])
    if key.default and key.sort not in ("flag", "choice"):
        told.append(words["default"].format(value=text(key.default, limit=60)))
    label = join([tag("code", key.name), tag("span", words["required"], class_="kb-dim") if key.required else None], " ")
    box = _box(key, id, hint, shown, value)
    named = tag("label", box, " ", label, for_=id) if key.sort == "flag" else join([tag("label", label, for_=id), box])
    return tag("div", named, tag("p", " ".join(part for part in told if part), id=hint, class_="kb-dim"), class_="kb-entry")


def _box(key: FormKey, id: str, hint: str, shown: str, value: object) -> Markup:
    if key.sort == "flag":
        on = value is True if value is not None else key.default == "true"
        return tag("input", type="checkbox", name=key.name, id=id, checked=on, aria_describedby=hint)
    if key.sort == "choice":
        options = [tag("option", choice, value=choice, selected=choice == shown) for choice in key.choices]
        return tag("select", *options, name=key.name, id=id, aria_describedby=hint)
    if key.sort == "list":
        return tag("textarea", shown, name=key.name, id=id, rows=2, maxlength=LONGEST_VALUE, aria_describedby=hint)
    number = {"inputmode": "decimal"} if key.sort == "number" else {}
    return tag(
        "input",
        type="text",
        name=key.name,
        id=id,
        value=shown,
        maxlength=LONGEST_VALUE,
        required=key.required,
        spellcheck="false",
        aria_describedby=hint,
        **number,
    )


def trial_html(trial: Trial, table: str, reader: Reader, *, to: str) -> Markup:
    """What came first, what will stand in the file, and the button that puts it there."""
    words = reader.ui.adding
    titles = [tag("li", text(record.title, limit=160) or reader.ui.record["untitled"]) for record in trial.first]
    notes = [tag("p", text(note, limit=300), class_="kb-dim") for note in trial.notes]
    add = tag("button", words["add"], type="button", class_="kb-do kb-main", data_to=to, data_do="add")
    return tag(
        "section",
        ended_html(_gave(trial, reader), reader, tone="good"),
        tag("ul", *titles, class_="kb-titles") if titles else None,
        *notes,
        tag("h4", words["table"]),
        tag("pre", tag("code", text(table)), class_="kb-pre", tabindex=0),
        tag("p", add, class_="kb-actions"),
        class_="kb",
        lang=reader.language,
    )


def _gave(trial: Trial, reader: Reader) -> Child:
    words = reader.ui.adding
    if not trial.records:
        return words["nothing"]
    counted = reader.terms.comma.join(_by_kind(trial, reader))
    whole = trial.expected is not None and trial.expected > trial.records
    gave = words["gave all" if whole else "gave"].format(count=counted, total=f"{trial.expected or 0:,}")
    cost = words["cost"].format(requests=f"{trial.requests:,}", seconds=reader.span(timedelta(seconds=trial.seconds)))
    return f"{gave}. {cost}." if trial.requests else f"{gave}."


def _by_kind(trial: Trial, reader: Reader) -> Iterator[str]:
    for kind in KINDS:
        count = trial.kinds.get(kind, 0)
        if count:
            yield f"{count:,} {reader.terms.kinds[kind] if count > 1 else reader.ui.kinds[kind].lower()}"


def added_html(name: str, reader: Reader, *, to: str) -> Markup:
    """The source is in the file; what to do next."""
    words = reader.ui.adding
    shown = text(name, limit=80)
    read = tag(
        "button",
        words["read"].format(name=shown),
        type="button",
        class_="kb-do kb-main",
        data_to=to,
        data_do="sync",
        data_of=name,
    )
    return ended_html(words["added"].format(name=shown), reader, tone="good", actions=tag("p", read, class_="kb-actions"))
