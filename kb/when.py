"""Time expressions of a question, English or Chinese, to one half-open UTC interval. Pure.

Atoms ("August 2026", 上周, "v0.6.2") are found first, then widened and paired (``kb.when_join``). Several windows are
taken as the stretch that holds
them all; "since" and "until" narrow it. What is recognised and cannot be resolved is returned verbatim.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice

from kb import periods, when_en
from kb.periods import Clock, Interval, UnresolvableError
from kb.types import Tag, Window
from kb.when_en import Reading
from kb.when_join import Claim, accepted, claims, joined, widened

_FOLD: dict[int, int] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_FOLD |= dict.fromkeys(map(ord, "–—‒―～〜∼"), ord("~")) | dict.fromkeys(map(ord, "‐‑−"), ord("-"))
_FOLD |= dict.fromkeys(map(ord, "‘’"), ord("'")) | dict.fromkeys(map(ord, "“”"), ord('"'))

_ZONE = re.compile(
    r",? ?\(?((?:utc|gmt)(?: ?[+-] ?[0-9]{1,2}(?::?[0-9]{2})?)?|pst|pdt|est|edt|cet|cest|jst|"
    r"beijing time|北京时间)\)?(?![A-Za-z0-9_])",
    re.I,
)
_DURATION = re.compile(rf"(?:[0-9]{{1,6}} ?(?:h|hrs|d|w|wks|mo|mos|y|yrs)|{when_en.NUMBER} ?{when_en.UNIT})", re.I)
_SENTENCE_END = re.compile(r"[.?!](?= |$)|[。;]")
_WORD = re.compile(r"[A-Za-z0-9_]+|[㐀-鿿]{2}")


@dataclass(frozen=True, slots=True)
class Found:
    """.

    `window`` (start and end None where nothing was said), the spans of text that said it, and what could not be
    resolved.
    """

    window: Window
    spans: tuple[tuple[int, int], ...] = ()
    unresolved: tuple[str, ...] = ()


def squeeze(text: str) -> str:
    """White space to single spaces, none at the ends."""
    return " ".join(text.replace("\ue000", " ").split())


def plain(text: str) -> str:
    """``text`` with ASCII forms of full-width characters, dashes and quotes; the same length."""
    return text.translate(_FOLD)


def find(
    text: str,
    clock: Clock,
    tags: Mapping[str, Sequence[Tag]],
    *,
    mentions: Sequence[tuple[int, int]] = (),
    asking: tuple[int, int] | None = None,
) -> Found:
    """The window that ``text`` (squeezed) names.

    Its end is at most now, and one wholly in the future is empty at now and listed as unresolved.

    ``asking`` is the span of the sentence that asks, where the question describes one change: a time in another
    sentence belongs to the story, so
    it does not filter and is listed as unresolved. ``mentions`` are the spans of repository names.
    """
    low = plain(text)
    clock = _in_zone(low, clock)
    names = frozenset(low[start:end].lower() for start, end in mentions)
    read = claims(low, Reading(clock, tags, names), mentions=mentions, describing=asking is not None)
    ends = [0, *(match.end() for match in _SENTENCE_END.finditer(low)), len(low)]
    aside = {claim for claim in read if asking is not None and _is_aside(low, claim, asking, ends)}
    used = [claim for claim in read if claim not in aside and claim.interval is not None]
    window, clashing = _together(used, clock, text)
    told = sorted(
        (*(claim for claim in aside if claim.sure), *(claim for claim in read if claim.interval is None), *clashing),
        key=lambda claim: claim.start,
    )
    said = dict.fromkeys(text[claim.label[0] : claim.label[1]].strip(" ,.") for claim in told)
    spans = tuple(_with_zone(low, claim) for claim in read if claim not in aside)
    return Found(window, spans, tuple(said))


def instant(text: str, clock: Clock, tags: Mapping[str, Sequence[Tag]]) -> Interval | None:
    """The one expression that ``text`` consists of; None where it is none.

    A bare duration ("7d", "2 weeks") is that long ago.
    """
    low = plain(squeeze(text))
    if _DURATION.fullmatch(low):
        low += " ago"
    reading = Reading(_in_zone(low, clock), tags)
    atoms = joined(low, widened(low, accepted(low, reading), reading), reading)
    if len(atoms) != 1 or low[: atoms[0].start].strip().lower() not in ("", "the", "since", "on", "in"):
        return None
    rest = low[atoms[0].end :].strip()
    if atoms[0].value is None or (rest and not _ZONE.fullmatch(low, atoms[0].end)):
        return None
    try:
        return periods.settle(atoms[0].value, reading.clock)
    except UnresolvableError:
        return None


def _in_zone(low: str, clock: Clock) -> Clock:
    """A zone counts where it stands behind something that can end a date."""
    for match in _ZONE.finditer(low):
        zone: tzinfo | None = periods.fixed_zone(match[1])
        if zone is not None and re.search(
            r"[0-9日号月年天周]|day|week|month|year|st|th$", low[max(0, match.start() - 5) : match.start()], re.I
        ):
            return Clock(clock.now, zone)
    return clock


def _with_zone(low: str, claim: Claim) -> tuple[int, int]:
    match = _ZONE.match(low, claim.end)
    return claim.start, match.end() if match else claim.end


def _is_aside(low: str, claim: Claim, asking: tuple[int, int], ends: Sequence[int]) -> bool:
    if claim.start < asking[1] and claim.end > asking[0]:
        return False
    begin = ends[bisect_right(ends, claim.start) - 1]
    stop = ends[bisect_left(ends, claim.end)]
    return _says_more(low[begin : claim.start] + " " + low[claim.end : stop])


def _says_more(rest: str) -> bool:
    return sum(1 for _ in islice(_WORD.finditer(rest), 3)) == 3


def _together(used: Sequence[Claim], clock: Clock, text: str) -> tuple[Window, list[Claim]]:
    now = clock.now.astimezone(UTC)
    if not used:
        return Window(), []
    start, end = _hull([claim for claim in used if claim.bound == "at"])
    taken, clashing = [claim for claim in used if claim.bound == "at"], []
    for claim in used:
        if claim.bound == "at" or claim.interval is None:
            continue
        lower = claim.interval.start if claim.bound == "since" else None
        upper = claim.interval.end if claim.bound == "until" else None
        new_start = max(filter(None, (start, lower)), default=None)
        new_end = min(filter(None, (end, upper)), default=None)
        if new_start is not None and new_end is not None and new_start >= new_end:
            clashing.append(claim)
            continue
        start, end = new_start, new_end
        taken.append(claim)
    label = ", ".join(
        text[claim.label[0] : claim.label[1]].strip(" ,.") for claim in sorted(taken, key=lambda claim: claim.start)
    )
    end = min(end or now, now)
    if start is not None and start >= end:
        return Window(end, end, label) if start < now else Window(now, now, label), [*clashing, *taken]
    return Window(start, end, label, _releases(taken)), clashing


def _releases(taken: Sequence[Claim]) -> tuple[str, ...]:
    """The releases that are all that was said: with anything else about time beside them ("v0.6.3, since May") dates decide."""
    named = [claim.interval.releases if claim.interval is not None and claim.bound == "at" else () for claim in taken]
    return tuple(dict.fromkeys(id for ids in named for id in ids)) if all(named) else ()


def _hull(taken: Sequence[Claim]) -> tuple[datetime | None, datetime | None]:
    """What several windows have in common ("this year, in Q1"), or the stretch that holds them all where they have nothing.

    Releases are never meant to be cut by one another.
    """
    intervals = [claim.interval for claim in taken if claim.interval is not None]
    if not intervals:
        return None, None
    starts, ends = [interval.start for interval in intervals], [interval.end for interval in intervals]
    latest, first = max(filter(None, starts), default=None), min(ends)
    if (latest is None or latest < first) and not _releases(taken):
        return latest, first
    return (None if None in starts else min(filter(None, starts))), max(ends)
