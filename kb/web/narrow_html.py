"""The filters above a table or above pictures, as a form and as chips that take one away. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from kb.types import KINDS
from kb.web.browse import LONGEST_QUERY, SORTS
from kb.web.browsing import CUSTOM, STATES, WINDOWS, Browsing
from kb.web.filters import LONGEST_FILTER
from kb.web.markup import join, tag, text
from kb.web.reader import Reader

_DAY = len("2026-01-01")


def narrow_html(shown: Browsing, repos: Sequence[str], reader: Reader, *, tab: str, records: bool) -> Markup:
    """The form; a change of it is sent to the hidden field ``kb-TAB-order``. ``records``: with what only a table has."""
    words = reader.ui.browse
    named = [(repo, text(repo, limit=80)) for repo in repos]
    kinds = [(kind, reader.ui.kinds[kind]) for kind in KINDS]
    states = [(state, reader.terms.states[state]) for state in STATES]
    fields = [
        _search(shown, reader) if records else None,
        *_window(shown, reader, tab),
        _menu("repo", reader.ui.app["repos"], named, shown.filters.repos, reader),
        _menu("kind", reader.ui.app["kinds"], kinds, shown.filters.kinds, reader),
    ]
    if records:
        sorts = [("" if sort == SORTS[0] else sort, words[sort]) for sort in SORTS]
        directions = [("", words["descending"]), ("ascending", words["ascending"])]
        fields += [
            _menu("state", words["state"], states, shown.states, reader),
            _select("sort", words["sort"], sorts, "" if shown.sort == SORTS[0] else shown.sort, tab),
            _select("order", words["direction"], directions, "" if shown.descending else "ascending", tab),
        ]
    form = tag(
        "form",
        *fields,
        class_="kb-narrow",
        role="search",
        aria_label=reader.ui.app["filters"],
        data_order=f"kb-{tab}-order",
        data_tab=tab,
        autocomplete="off",
        data_made=reader.now.isoformat(),  # what equals the page's last one would not take the place of what was typed since
    )
    return tag("div", form, class_="kb", lang=reader.language)


def active_html(shown: Browsing, reader: Reader) -> Markup | None:
    """Each filter that is set, to be taken away by one click; None where none is."""
    chips = [_clear(name, value, label, reader) for name, value, label in _set(shown, reader)]
    if not chips:
        return None
    every = tag("button", reader.ui.browse["clear all"], type="button", class_="kb-link", data_clear="all")
    return tag("p", join(chips, " "), " ", every, class_="kb-active")


def _set(shown: Browsing, reader: Reader) -> Iterator[tuple[str, str, str]]:
    """(field, value, what it is called) of each filter that is set."""
    filters, words = shown.filters, reader.ui
    if filters.since in WINDOWS and not filters.until:
        yield "window", "", words.browse["last"].format(count=filters.since.removesuffix("d"))
    else:
        for name, value in (("since", filters.since), ("until", filters.until)):
            if value:
                yield name, value, f"{words.app[name]} {text(value, limit=40)}"
    for repo in filters.repos:
        yield "repo", repo, text(repo, limit=80)
    for kind in filters.kinds:
        yield "kind", kind, words.kinds[kind]
    for state in shown.states:
        yield "state", state, reader.terms.states[state]


def _clear(name: str, value: str, label: str, reader: Reader) -> Markup:
    said = reader.ui.browse["clear"].format(name=label)
    cross = tag("span", "×", aria_hidden="true")
    return tag("button", label, " ", cross, type="button", class_="kb-set", data_clear=name, data_value=value, aria_label=said)


def _search(shown: Browsing, reader: Reader) -> Markup:
    words = reader.ui.browse
    box = tag(
        "input",
        type="search",
        name="text",
        id="kb-browse-text",
        value=text(shown.text),
        placeholder=words["placeholder"],
        maxlength=LONGEST_QUERY,
        aria_label=words["search"],
        enterkeyhint="search",
        spellcheck="false",
        data_focus=True,
    )
    return tag("span", box, class_="kb-field kb-find")


def _window(shown: Browsing, reader: Reader, tab: str) -> Iterator[Markup]:
    """How far back: a length, or days from and to."""
    words, filters = reader.ui.browse, shown.filters
    preset = filters.since if not filters.until and filters.since in ("", *WINDOWS) else CUSTOM
    lengths = [(length, words["last"].format(count=length.removesuffix("d"))) for length in WINDOWS]
    choices = [("", words["any time"]), *lengths, (CUSTOM, words["custom"])]
    yield _select("window", reader.ui.app["window"], choices, preset, tab)
    custom = preset == CUSTOM
    for name, value in (("since", filters.since), ("until", filters.until)):
        id = f"kb-{tab}-{name}"
        is_day = not custom or not value or len(value) == _DAY
        box = tag(
            "input",
            type="date" if is_day else "text",
            name=name,
            id=id,
            value=text(value) if custom else "",
            maxlength=LONGEST_FILTER,
            disabled=not custom,
        )
        label = tag("label", reader.ui.app[name], for_=id)
        yield tag("span", label, box, class_="kb-field", data_custom=True, hidden=not custom)


def _select(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str, tab: str) -> Markup:
    id = f"kb-{tab}-by-{name}"
    options = [tag("option", shown, value=value, selected=value == chosen) for value, shown in choices]
    return tag("span", tag("label", label, for_=id), tag("select", *options, name=name, id=id), class_="kb-field")


def _menu(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: Sequence[str], reader: Reader) -> Markup:
    """Several of a few: a list of boxes that opens below its name and says which are ticked."""
    boxes = [
        tag("label", tag("input", type="checkbox", name=name, value=value, checked=value in chosen), tag("span", shown))
        for value, shown in choices
    ]
    every = reader.ui.app["all"]
    named = ", ".join(shown for value, shown in choices if value in chosen) or every
    value = tag("span", tag("span", text(named, limit=60)), class_="kb-value", data_all=every)
    head = tag("summary", tag("span", label, class_="kb-label"), value)
    return tag("details", head, tag("fieldset", tag("legend", label, class_="kb-sr"), *boxes), class_="kb-menu")
