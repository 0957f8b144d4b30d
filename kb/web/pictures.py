"""The pictures of Activity: each a tally and its figure, worked out once for a filter and a state of the store."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kb.catalog import Catalog, Filter
from kb.web.activity import Activity, Tally
from kb.web.charts import CONFIG, FIGURES
from kb.web.reader import Reader

NAMES = tuple(FIGURES)
_REMEMBERED = 120
_STEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Picture:
    """``figure`` is Plotly's JSON, "" where there is nothing to draw."""

    name: str
    tally: Tally
    figure: str


class Pictures:
    """Usable from any thread; the latest ones are remembered."""

    def __init__(self) -> None:
        self._made: OrderedDict[object, Picture] = OrderedDict()
        self._mutex = threading.Lock()

    def picture(self, name: str, activity: Activity, catalog: Catalog, chosen: Filter, reader: Reader) -> Picture:
        """The picture called ``name``, one of NAMES.

        Raises:
            CatalogError: the record store cannot be read.
        """
        key = (name, catalog.stamp(), chosen, reader.language, str(reader.zone))
        with self._mutex:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        count: Callable[[Filter], Tally] = getattr(activity, name)
        tally = count(chosen)
        made = Picture(name, tally, json.dumps({**FIGURES[name](tally, reader), "config": CONFIG}) if tally.bars else "")
        with self._mutex:
            self._made[key] = made
            if len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
        return made


def steady(chosen: Filter) -> Filter:
    """The filter without the seconds of "now", from which a window of "7d" is counted: the next look is at the same picture."""
    start, end = chosen.window.start, chosen.window.end
    later = _floor(end) + _STEP if end and end != _floor(end) else end
    return replace(chosen, window=replace(chosen.window, start=start and _floor(start), end=later))


def _floor(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)
