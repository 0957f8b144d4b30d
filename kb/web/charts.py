"""Tallies as Plotly figures: readable in light and dark, by form as well as by colour, with nothing from the network.

Text and lines are of a grey that stands out on white and on black; style.css gives them the theme's own colours. A chosen bar
is known by its ``customdata``, its position among the tally's bars.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import escape
from plotly import graph_objects as go

from kb.escape import shorten
from kb.web.activity import OTHERS, TOP, Bar, Tally
from kb.web.reader import Reader

# Each stands out at least 3 to 1 on white and on the dark theme's #0b0f19. Neighbours differ in lightness and in pattern
# too, for those who see few of the hues.
COLOURS = ("#0072b2", "#d55e00", "#008f68", "#b8629a", "#7a6ff0", "#a8741a", "#6b7280")
_PATTERNS = ("", "/", "", "x", "", ".", "-")
INK = "#7a7f87"
_STRIPE = "rgba(255,255,255,0.55)"
_GRID = "rgba(128,128,128,0.25)"
_NAME = 40  # characters of a name
_PLACE = 40
_HEIGHT = 320
_BAR_HEIGHT = 26
_STEP_DAYS = {"day": 1, "week": 7, "month": 30}
_LEAST_STEPS = 10
_FEW = 8
_BELOW, _ABOVE = (0.0, 0.56), (0.66, 1.0)  # of the height of a picture
CONFIG: Mapping[str, object] = {"displayModeBar": False, "responsive": True}  # for whoever draws them
_FONT = "system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"


def changes_figure(tally: Tally, reader: Reader) -> dict[str, Any]:
    """Changes over time, stacked by repository."""
    return _over_time(tally, reader, "changes", lambda name: name.rpartition("/")[2])


def kinds_figure(tally: Tally, reader: Reader) -> dict[str, Any]:
    """Changes over time, stacked by what they are."""
    return _over_time(tally, reader, "kinds", lambda name: reader.terms.groups.get(name, name))


def papers_figure(tally: Tally, reader: Reader) -> dict[str, Any]:
    """Papers over time."""
    return _over_time(tally, reader, "papers", lambda name: reader.ui.activity["all papers"])


def folders_figure(tally: Tally, reader: Reader) -> dict[str, Any]:
    """The folders that most changes touch, as bars from the left, most on top."""
    return _places(tally, reader, reader.ui.activity["folders"])


def files_figure(tally: Tally, reader: Reader) -> dict[str, Any]:
    """The files that most changes touch, as bars from the left, most on top."""
    return _places(tally, reader, reader.ui.activity["files"])


def _places(tally: Tally, reader: Reader, title: str) -> dict[str, Any]:
    bars = tally.bars
    names = [_place(named_place(bar.place, reader)) for bar in bars]
    trace = go.Bar(
        orientation="h",
        # Two places may be cut to the same text: the position keeps their bars apart.
        y=list(range(len(bars))),
        x=[bar.count for bar in bars],
        customdata=list(range(len(bars))),
        text=names,
        marker={"color": COLOURS[0]},
        hovertemplate=f"%{{text}}<br>{_safe(reader.ui.activity['count'])}: %{{x:,}}<extra></extra>",
        textposition="none",
        showlegend=False,
    )
    figure = go.Figure([trace])
    _lay_out(figure, reader, title, height=90 + _BAR_HEIGHT * len(bars))
    figure.update_yaxes(
        tickvals=list(range(len(bars))), ticktext=names, autorange="reversed", automargin=True, showgrid=False, zeroline=False
    )
    figure.update_xaxes(rangemode="tozero", tickformat=",d", nticks=5, tickangle=0)
    return _plain(figure)


def issues_figure(tally: Tally, reader: Reader) -> dict[str, Any]:
    """Issues opened (up) and closed (down) in each step; above, by a scale of its own, how many are open at its end: in
    an old repository a hundred times as many, beside whom no bar would be seen."""
    words = reader.ui.activity
    figure = go.Figure()
    numbered = list(enumerate(tally.bars))
    for at, series in enumerate(("opened", "closed")):
        own = [(number, bar) for number, bar in numbered if bar.series == series]
        down = -1 if series == "closed" else 1
        figure.add_trace(_bars(own, words[series], at, tally, reader, y=[down * bar.count for _, bar in own], shown="%{text}"))
    still = [(number, bar) for number, bar in numbered if bar.series == "open"]
    figure.add_trace(
        go.Scatter(
            name=_safe(words["open"]),
            x=[bar.place for _, bar in still],
            y=[bar.count for _, bar in still],
            customdata=[number for number, _ in still],
            mode="lines",
            line={"color": COLOURS[2], "width": 2.5, "shape": "hv"},
            hovertemplate=f"%{{x}}<br>{_safe(words['open'])}: %{{y:,}}<extra></extra>",
            yaxis="y2",
        )
    )
    _lay_out(figure, reader, _titled("issues", tally, reader))
    figure.update_layout(
        barmode="relative",
        yaxis={"domain": _BELOW},
        yaxis2={"domain": _ABOVE, "gridcolor": _GRID, "zerolinecolor": INK, "nticks": 4},
    )
    _time_axis(figure, tally)
    _whole_numbers(figure, [bar for _, bar in still], "yaxis2")
    _whole_numbers(figure, [bar for bar in tally.bars if bar.series != "open"], "yaxis")
    return _plain(figure)


def _over_time(tally: Tally, reader: Reader, title: str, named: Callable[[str], str]) -> dict[str, Any]:
    figure = go.Figure()
    numbered = list(enumerate(tally.bars))
    names = dict.fromkeys(bar.series for bar in tally.bars)
    several = len({named(name) for name in names}) == len(names)
    for at, series in enumerate(sorted(names, key=lambda name: (name == OTHERS, _first(tally.bars, name)))):
        own = [(number, bar) for number, bar in numbered if bar.series == series]
        label = reader.ui.activity["other"] if series == OTHERS else named(series) if several else series
        figure.add_trace(_bars(own, label, at, tally, reader))
    _lay_out(figure, reader, _titled(title, tally, reader))
    _time_axis(figure, tally)
    _whole_numbers(figure, tally.bars, "yaxis")
    figure.update_layout(barmode="stack", showlegend=len(names) > 1)
    return _plain(figure)


def _first(bars: Sequence[Bar], series: str) -> int:
    """What is most stands at the bottom."""
    return -sum(bar.count for bar in bars if bar.series == series)


def _bars(
    own: Sequence[tuple[int, Bar]],
    label: str,
    at: int,
    tally: Tally,
    reader: Reader,
    *,
    y: Sequence[int] | None = None,
    shown: str = "%{y:,}",
) -> Any:
    look = at % len(COLOURS)
    when = reader.ui.activity["from week"].format(day="%{x}") if tally.step == "week" else "%{x}"
    return go.Bar(
        name=_safe(shorten(label, _NAME)),
        x=[bar.place for _, bar in own],
        y=list(y) if y is not None else [bar.count for _, bar in own],
        text=[f"{bar.count:,}" for _, bar in own],
        textposition="none",
        customdata=[number for number, _ in own],
        marker={
            "color": COLOURS[look],
            "pattern": {"shape": _PATTERNS[look], "fillmode": "overlay", "size": 6, "fgcolor": _STRIPE},
        },
        hovertemplate=f"%{{fullData.name}}<br>{when}: {shown}<extra></extra>",
    )


def _titled(name: str, tally: Tally, reader: Reader) -> str:
    words = reader.ui.activity
    return words[name].format(step=words[tally.step]) if tally.step else words[name].format(step=words["day"])


def _lay_out(figure: Any, reader: Reader, title: str, *, height: int = _HEIGHT) -> None:
    figure.update_layout(
        template="none",
        title={"text": _safe(title), "x": 0.005, "xref": "container", "font": {"size": 15}},
        font={"family": _FONT, "size": 12, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=height,
        margin={"l": 44, "r": 12, "t": 44, "b": 36},
        legend={"orientation": "h", "y": -0.24, "x": 0, "traceorder": "normal"},
        bargap=0.15,
        clickmode="event",
        dragmode=False,
        hovermode="closest",
    )
    figure.update_xaxes(gridcolor=_GRID, zerolinecolor=_GRID, linecolor=_GRID)
    figure.update_yaxes(gridcolor=_GRID, zerolinecolor=INK)


def _time_axis(figure: Any, tally: Tally) -> None:
    """Days, weeks or months; at least so many of them that one bar does not fill the picture."""
    days = sorted(date.fromisoformat(bar.place) for bar in tally.bars)
    shown = "%Y-%m" if tally.step == "month" else "%m-%d<br>%Y"
    figure.update_xaxes(type="date", hoverformat="%Y-%m-%d", showgrid=False, tickformat=shown, nticks=5, tickangle=0)
    figure.update_yaxes(rangemode="tozero", tickformat=",d", automargin=True)
    if days:
        step = timedelta(days=_STEP_DAYS[tally.step])
        first = min(days[0], days[-1] - (_LEAST_STEPS - 1) * step)
        figure.update_xaxes(range=[_moment(first) - 0.6 * step, _moment(days[-1]) + 0.6 * step])
        figure.update_traces(width=0.85 * step / timedelta(milliseconds=1), selector={"type": "bar"})


def _whole_numbers(figure: Any, bars: Sequence[Bar], axis: str) -> None:
    """Counts are whole numbers, and few are counted one by one: an axis that is left to itself would have a half."""
    stacks = Counter[str]()
    for bar in bars:
        stacks[bar.place] += bar.count
    figure.update_layout({axis: {"dtick": 1 if max(stacks.values(), default=0) <= _FEW else None}})


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (the axis has no zone)


def named_place(place: str, reader: Reader) -> str:
    """A folder or a file as it is called, the folder above all in words; a repository's name and ":" may stand before it."""
    before, colon, path = place.rpartition(":")
    return f"{before}{colon}{reader.ui.activity['top']}" if path == TOP else place


def _place(path: str) -> str:
    """A path, its beginning left out where it is long: the end tells more."""
    line = shorten(path, 400)
    return _safe(line if len(line) <= _PLACE else "…" + line[1 - _PLACE :])


def _safe(text: str) -> str:
    """Plotly reads a few tags in the texts that it draws, links among them; a template's braces would be read, too."""
    return str(escape(text)).replace("%{", "%&#123;")


def _plain(figure: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(figure.to_json())
    return found


FIGURES: Mapping[str, Callable[[Tally, Reader], dict[str, Any]]] = {
    "changes": changes_figure,
    "kinds": kinds_figure,
    "folders": folders_figure,
    "files": files_figure,
    "issues": issues_figure,
    "papers": papers_figure,
}
