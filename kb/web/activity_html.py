"""What stands around the pictures of Activity: what each bar is called, and the same as a table. Pure."""

from __future__ import annotations

from markupsafe import Markup

from kb.web.activity import OTHERS, Bar, Tally
from kb.web.browsing import Browsing
from kb.web.charts import named_place
from kb.web.markup import join, scrolling, tag, text
from kb.web.narrow_html import active_html
from kb.web.pictures import Picture
from kb.web.reader import Reader

_ROWS = 400
_PLACES = ("folders", "files")


def picture_title(picture: Picture, reader: Reader) -> str:
    """What a picture shows."""
    words = reader.ui.activity
    return words[picture.name].format(step=words[picture.tally.step or "day"])


def bar_label(picture: Picture, bar: Bar, reader: Reader) -> str:
    """What a bar counts, in words: "Changes per day: flashinfer, 2026-02-03"."""
    series = _series(picture.name, bar, reader)
    named = [part for part in (series, _place(picture.tally, bar, reader)) if part]
    return f"{picture_title(picture, reader)}: {', '.join(named)}"


def _series(name: str, bar: Bar, reader: Reader) -> str:
    words = reader.ui.activity
    if name in _PLACES:
        return ""
    if bar.series == OTHERS:
        return words["other"]
    if name == "changes":
        return text(bar.series, limit=80)
    if name == "kinds":
        return reader.terms.groups.get(bar.series, bar.series)
    return words["all papers"] if name == "papers" else words[bar.series]


def _place(tally: Tally, bar: Bar, reader: Reader) -> str:
    place = text(bar.place if tally.step else named_place(bar.place, reader), limit=160)
    if tally.step == "month":
        return place[: len("2026-01")]
    return reader.ui.activity["from week"].format(day=place) if tally.step == "week" else place


def above_html(shown: Browsing, reader: Reader) -> Markup:
    """Above the pictures: the filters that are set, and what can be done here."""
    hint = tag("p", reader.ui.activity["hint"], class_="kb-dim")
    return tag("div", active_html(shown, reader), hint, class_="kb", lang=reader.language)


def changed_html(reader: Reader) -> Markup:
    """That the pictures were drawn anew, as the bar that was chosen may be another one by now."""
    return tag("div", tag("p", reader.ui.activity["changed"]), class_="kb", role="status", lang=reader.language)


def nothing_html(shown: Browsing, reader: Reader) -> Markup:
    """Where nothing is to be drawn: why, and what to do."""
    words = reader.ui.activity
    told = tag("div", tag("p", tag("strong", words["empty"])), tag("p", words["empty hint"]), class_="kb-empty")
    return tag("div", active_html(shown, reader), told, class_="kb", lang=reader.language)


def table_of(picture: Picture, reader: Reader) -> Markup:
    """The picture as a table; each count is a button for the records behind it."""
    words, bars = reader.ui.activity, picture.tally.bars
    places = picture.name in _PLACES
    heads = [words["place"]] if places else [words["when"], words["what"]]
    head = tag("tr", *(tag("th", shown, scope="col") for shown in (*heads, words["count"])))
    body = [_row(at, picture, bar, reader) for at, bar in list(enumerate(bars))[-_ROWS:]]
    title = picture_title(picture, reader)
    table = tag("table", tag("caption", title, class_="kb-sr"), tag("thead", head), tag("tbody", *body))
    rest = len(bars) - len(body)
    cut = tag("p", words["rows left out"].format(count=f"{rest:,}"), class_="kb-dim") if rest else None
    summary = tag("summary", words["table"], tag("span", f": {title}", class_="kb-sr"))
    shown = join([summary, cut, scrolling(table, title, class_="kb-scroll")])
    return tag("div", tag("details", shown, class_="kb-as-table"), class_="kb", lang=reader.language)


def _row(at: int, picture: Picture, bar: Bar, reader: Reader) -> Markup:
    series = [] if picture.name in _PLACES else [tag("td", _series(picture.name, bar, reader))]
    said = f"{bar_label(picture, bar, reader)}: {bar.count:,}"
    count = tag(
        "button", f"{bar.count:,}", type="button", class_="kb-chip", data_picture=picture.name, data_bar=at, aria_label=said
    )
    return tag("tr", tag("td", _place(picture.tally, bar, reader)), *series, tag("td", count, class_="kb-num"))
