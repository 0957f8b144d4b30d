"""Atoms of time to claims: "first week of" + "August 2026", "Friday" + "last week", "from … to …", "since …", …以来. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from kb import periods, releases, when_en, when_zh
from kb.periods import Interval, Part, Parts, UnresolvableError, Value, Week, Weekday
from kb.when_en import Atom, Reading

_ORDINAL = r"(first|second|third|fourth|fifth|1st|2nd|3rd|4th|5th|last|final)"
_BEFORE_PART = re.compile(
    rf"(?:\bthe (?:very )?)?(?:\b(early|mid|(?:the )?middle of|late)(?:[- ](?:in )?)|\b(beginning|start|end) of |"
    rf"\b{_ORDINAL}[ -](half|week|weekend|day|month|quarter) (?:of|in) |"
    rf"\b(first|last) {when_en.NUMBER} (day|week|month|quarter)s (?:of|in) |\b([0-9]{{1,2}})(?:st|nd|"
    rf"rd|th) (?:of )?)(?:the )?(?:month of )?$",
    re.I,
)
_WEEK_OF = re.compile(
    r"(?:\bthe )?\b(?:(week|weekend)( of| starting| beginning| commencing| from| ending)(?: on)?)(?: the)? $", re.I
)
_THAT_WEEK = re.compile(r" ?(?:那|这|当|所在的?)一?(?:个)?(?:周|星期)")
_SPAN = re.compile(
    rf"(?:\bthe )?\b(?:{when_en.NUMBER}[ -])?(day|week|month|hour)s? (before|prior to|leading up to|"
    rf"after|following) (?:the )?$",
    re.I,
)
_JOIN = re.compile(r",? ?(?:of|in|on|的)? ?(?:the )?\(?", re.I)
_BETWEEN = re.compile(r"(?:\bbetween|\bcompar(?:e|ing)|\bdiff|介于|在)(?: ?(?:the|versions?|releases?|tags?))? ?$", re.I)
_FROM = re.compile(r"(?:\bfrom|\bsince|\bbetween|介于|在|自从?|从) ?(?:the )?$", re.I)
_LINK = re.compile(
    r" ?(?:\(?utc\)?)? ?(?:-|~|\.\.\.?|to|till|until|til|through|thru|up to(?: and including)?|"
    r"as far as|(?:开始|以来)?(?:一直)?(?:到|至)|直到|—{1,2}) ?(?:the )?",
    re.I,
)
_AND = re.compile(r"(?: and | vs\.? | versus | & | or | ?(?:和|与|及|跟|、) ?)(?: ?the )?(?:in |on |during )?", re.I)
_VERSUS = re.compile(
    r",? ?(?:(?:as )?compared (?:to|with)|relative to|versus|vs\.?|over|against|with|相比于?|对比|相对于?|比起|较) ?(?:the )?",
    re.I,
)
_AMID = re.compile(r" ?(?:这?两个)?(?:版本|日期)?(?:之间|期间|间|之内)")
_ROLE = re.compile(
    r"(?:(?P<since>\b(?:ever )?since|\bstarting(?: from| on| in| with| at)?|\bbeginning (?:on|in|with|"
    r"from)|\bas from|自从?|从)|"
    r"(?P<after>\b(?:after|later than|newer than)|晚于)|(?P<before>\b(?:before|prior to|earlier than|"
    r"older than|ahead of)|早于)|"
    r"(?P<until>\b(?:until|till|up to(?: and including)?|through|by|as of|no later than)|截[至止]到?|"
    r"直到|到|至)|(?P<source>\bfrom)|"
    r"(?P<at>\b(?:in|during|on|over|within|for|of|at|around|throughout|across|dated|into|as part of)|在|于))"
    r"(?: the)?(?: tag| release| version)?(?: the)? ?$",
    re.I,
)
_SUFFIX = re.compile(
    r" ?(?:(?P<since>onwards?\b|on(?=[,.?!;)]|$)|(?:or|and) (?:later|newer)\b|(?:发布|版本)?(?:以来|"
    r"以降|至今|起至今|(?:开始)?到(?:现在|今天|目前)为?止?|开始|起(?![来用]))|"
    r"(?:through|until|till|up to|to) (?:now|date|today|the present)\b)|"
    r"(?P<after>(?:发布|版本)?(?:之后|以后|后(?![端续]))|or after\b)|(?P<before>(?:发布|版本)?(?:之前|"
    r"以前|前(?![端向缀])))|(?P<until>为止|止(?!血)|(?:and|or) earlier\b)|"
    r"(?P<at>so far\b|releases?\b|(?:版本|发布)?(?:当天|期间|之间|以内|之内|内(?![核存部])|里(?!程)|"
    r"间(?![距隔])|中(?![文间心断])|份)))",
    re.I,
)
_UPGRADE = re.compile(
    r"(?:\b(?:upgrad\w*|bump\w*|migrat\w+|mov(?:e|ed|ing)|going|went|switch\w*|"
    r"downgrad\w+)(?: \w+){0,2}|升级|更新|升) ?(?:from|to|从|到|至)? ?$",
    re.I,
)
_IN_RELEASE = re.compile(
    r"\b(?:commits?|changes?|prs?|landed|merged|shipped|released|included|added|introduced|fixed|什么|哪[个些]\S{0,4}) ?$", re.I
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One expression read whole at ``start:end``: ``interval`` None is unresolved.

    ``bound`` is at, since (its start only) or until (its end only).
    """

    start: int
    end: int
    label: tuple[int, int]
    interval: Interval | None
    bound: str = "at"
    sure: bool = True


def accepted(low: str, reading: Reading) -> list[Atom]:
    """Atoms in order of position; where patterns overlap the earlier rule wins."""
    taken = bytearray(len(low))
    atoms = []
    for rules in (when_zh.RULES, when_en.RULES):
        for atom in when_en.atoms(low, reading, rules=rules):
            if not any(taken[atom.start : atom.end]):
                taken[atom.start : atom.end] = b"\1" * (atom.end - atom.start)
                atoms.append(atom)
    return sorted(atoms, key=lambda atom: atom.start)


def widened(low: str, atoms: Sequence[Atom], reading: Reading) -> list[Atom]:
    """.

    Toms with their parts ("second half of", 下半月), and weeks and spans around a day ("the week of", "two weeks before").
    """
    result: list[Atom] = []
    for index, atom in enumerate(atoms):
        if result and result[-1].end > atom.start:
            continue
        floor = result[-1].end if result else 0
        wider = _with_part(low, atom, floor) if isinstance(atom.value, Parts) else None
        wider = _with_suffix(low, wider or atom, atoms[index + 1 : index + 3])
        for widen in (_with_week, _with_span):
            wider = widen(low, wider, floor, reading)
        result.append(wider)
    return result


def _with_part(low: str, atom: Atom, floor: int) -> Atom | None:
    value = atom.value
    match = _BEFORE_PART.search(low, max(floor, atom.start - 60), atom.start)
    if match is None or not isinstance(value, Parts) or value.day is not None or value.part is not None:
        return None
    third, edge, ordinal, unit, first, count, many, day = match.groups()
    if third:
        part = Part("third", 1 if third.lower() == "early" else 3 if third.lower() == "late" else 2)
    elif edge:
        part = Part("edge", 3 if edge.lower() == "end" else 1)
    elif ordinal:
        n = when_en.ORDINALS.get(ordinal.lower()) or int(ordinal[0])
        part = Part(unit.lower(), 2 if n == -1 and unit.lower() == "half" else n)
    elif day:
        if value.month is None:
            return None
        part = Part("day", int(day))
    else:
        try:
            part = Part(first.lower(), int(when_en.number(count)), many.lower())
        except UnresolvableError:
            return Atom(match.start(), atom.end, None)
    return Atom(match.start(), atom.end, replace(value, part=part))


def _with_suffix(low: str, atom: Atom, following: Sequence[Atom]) -> Atom:
    """Chinese parts follow their period.

    A following atom that begins inside the suffix has been swallowed, if it ends there, too.
    """
    if not isinstance(atom.value, Parts) or atom.value.day is not None or atom.value.part is not None:
        return atom
    match = when_zh.SUFFIX.match(low, atom.end)
    if match is None or any(match.end() < other.end and other.start < match.end() for other in following):
        return atom
    return Atom(atom.start, match.end(), replace(atom.value, part=when_zh.part_of(match.group())))


def _with_week(low: str, atom: Atom, floor: int, reading: Reading) -> Atom:
    match = _WEEK_OF.search(low, max(floor, atom.start - 30), atom.start)
    around = _THAT_WEEK.match(low, atom.end)
    dayish = isinstance(atom.value, Weekday) or (isinstance(atom.value, Parts) and atom.value.day is not None)
    if (match is None and around is None) or not dayish or atom.value is None:
        return atom
    start, end = match.start() if match else atom.start, around.end() if around else atom.end
    try:
        interval = periods.settle(atom.value, reading.clock)
    except UnresolvableError:
        return Atom(start, end, None)
    day = (interval.start or interval.end).astimezone(reading.clock.tz).date()
    how = match[2].strip().lower() if match else "of"
    first = periods.monday(day) if how == "of" else day - timedelta(days=6) if how == "ending" else day
    if match and match[1].lower() == "weekend":
        return Atom(
            match.start(), atom.end, reading.clock.days(periods.monday(day) + timedelta(5), periods.monday(day) + timedelta(7))
        )
    return Atom(start, end, reading.clock.days(first, first + timedelta(weeks=1)))


def _with_span(low: str, atom: Atom, floor: int, reading: Reading) -> Atom:
    match = _SPAN.search(low, max(floor, atom.start - 50), atom.start)
    if match is None or atom.value is None:
        return atom
    try:
        interval = periods.settle(atom.value, reading.clock)
        count = when_en.number(match[1]) if match[1] else 1
        unit = match[2].lower()
        if match[3].lower() in ("after", "following"):
            span = Interval(interval.end, periods.back(reading.clock, -count, unit, origin=interval.end))
        else:
            origin = interval.end if interval.release else interval.start
            span = Interval(periods.back(reading.clock, count, unit, origin=origin), origin or interval.end)
    except UnresolvableError:
        return Atom(match.start(), atom.end, None)
    return Atom(match.start(), atom.end, span)


def joined(low: str, atoms: Sequence[Atom], reading: Reading) -> list[Atom]:
    """Neighbours that name one day or month together: "Friday last week", 去年 12 月, "Monday, 3 August"."""
    result: list[Atom] = []
    for atom in atoms:
        if result and _JOIN.fullmatch(low, result[-1].end, atom.start):
            value = _pair(result[-1].value, atom.value, reading)
            if value is not None:
                result[-1] = Atom(result[-1].start, atom.end, value)
                continue
        result.append(atom)
    return result


def _pair(a: Value | None, b: Value | None, reading: Reading) -> Value | None:
    for left, right in ((a, b), (b, a)):
        if isinstance(left, Weekday) and isinstance(right, Week):
            return periods.weekday_in(reading.clock, left, right)
        if isinstance(left, Weekday) and isinstance(right, Parts) and right.day is not None:
            return right
        if isinstance(left, Weekday) and isinstance(right, Interval) and not right.release and right.end.timestamp() % 900 == 0:
            return right if right.start is not None and right.end - right.start < timedelta(hours=30) else None
        if isinstance(left, Parts) and isinstance(right, Parts) and left.year is None and right.year is not None:
            bare = right.month is None and right.quarter is None and right.week is None and right.part is None
            if bare and (left.month or left.quarter or left.week or left.part):
                return replace(left, year=right.year)
    return None


def claims(low: str, reading: Reading, *, mentions: Sequence[tuple[int, int]] = (), describing: bool = False) -> list[Claim]:
    """Everything that ``low`` says about time, in order.

    ``mentions`` are spans of repository names, which may stand before a version.
    """
    atoms = joined(low, widened(low, accepted(low, reading), reading), reading)
    result: list[Claim] = []
    index = 0
    while index < len(atoms):
        floor = result[-1].end if result else 0
        claim, used = None, 1
        if index + 1 < len(atoms):
            if _upgraded(low, atoms[index], atoms[index + 1]):
                index += 2
                continue
            claim = _range(low, atoms[index], atoms[index + 1], reading, floor)
            used = 2 if claim else 1
        claim = claim or _single(low, atoms[index], reading, floor, mentions, describing)
        if claim is not None:
            result.append(claim)
        index += used
    return result


def _upgraded(low: str, a: Atom, b: Atom) -> bool:
    """Whether two versions are the ends of somebody's upgrade, which is no window."""
    versions = all(not atom.strong and (atom.value is None or isinstance(atom.value, Interval)) for atom in (a, b))
    return versions and _UPGRADE.search(low, max(0, a.start - 50), a.start) is not None


def _range(low: str, a: Atom, b: Atom, reading: Reading, floor: int) -> Claim | None:
    linked, both = _LINK.fullmatch(low, a.end, b.start), _AND.fullmatch(low, a.end, b.start)
    before = _BETWEEN.search(low, max(floor, a.start - 20), a.start) or _FROM.search(low, max(floor, a.start - 20), a.start)
    after = _AMID.match(low, b.end)
    between = bool(_BETWEEN.search(low, max(floor, a.start - 20), a.start)) or after is not None
    first, second = _release(a.value), _release(b.value)
    released = first is not None and second is not None
    versus = released and _VERSUS.fullmatch(low, a.end, b.start) is not None
    if not (linked or versus or (both and (between or _same_kind(a.value, b.value)))):
        return None
    bare = all(not atom.strong and not _is_month(atom.value) for atom in (a, b))
    if bare and not (before or after or versus or (linked and released) or ".." in low[a.end : b.start]):
        return None
    if not (a.strong or b.strong) and (a.value is None or a.value == b.value):
        return None if a.value is not None else _claim(a, b, before, after, None)
    if a.value is None or b.value is None:
        return _claim(a, b, before, after, None)
    try:
        # "v0.6.3 compared to v0.6.2" and "between v0.6.3 and v0.6.2" say nothing about order.
        turned = first and second and (versus or between) and second.end < first.end
        interval = span(b.value, a.value, reading) if turned else span(a.value, b.value, reading)
    except UnresolvableError:
        interval = None
    return _claim(a, b, before, after, interval)


def _claim(a: Atom, b: Atom, before: re.Match[str] | None, after: re.Match[str] | None, interval: Interval | None) -> Claim:
    start, end = before.start() if before else a.start, after.end() if after else b.end
    return Claim(start, end, (start, end), interval)


def _release(value: Value | None) -> Interval | None:
    return value if isinstance(value, Interval) and value.release else None


def _is_month(value: Value | None) -> bool:
    return isinstance(value, Weekday) or (isinstance(value, Parts) and (value.month or value.quarter or value.part) is not None)


def _same_kind(a: Value | None, b: Value | None) -> bool:
    """ "July and August 2026" is one stretch; "Monday and v0.6.2" are two."""
    return (
        isinstance(a, Parts)
        and isinstance(b, Parts)
        and bool(a.month) == bool(b.month)
        and a.day is None
        and b.day is None
        and bool(a.month)
    )


def span(a: Value, b: Value, reading: Reading) -> Interval:
    """From the beginning of ``a`` to the end of ``b``; each lends the other its year.

    Raises:
        UnresolvableError: one is no date, or they are in the wrong order.
    """
    clock = reading.clock
    if isinstance(a, Parts) and isinstance(b, Parts):
        a, b = _lend(a, b, reading)
    latest: date | None = None
    right = endpoint(b, reading)
    if isinstance(b, Interval | Weekday | Week) and right.start is not None:
        latest = right.start.astimezone(clock.tz).date()
    left = endpoint(a, reading, latest=latest)
    start = left.end if left.release else left.instant or left.start
    end = right.instant if right.instant is not None and right.start == right.instant else right.end
    if start is None or start >= end:
        raise UnresolvableError("empty")
    named = releases.chain(left.releases[0], right.releases[0], reading.tags) if left.releases and right.releases else ()
    return Interval(start, end, releases=named)


def _lend(a: Parts, b: Parts, reading: Reading) -> tuple[Parts, Parts]:
    if a.year is None and b.year is not None:
        a = periods.complete(a, reading.clock, near=b)
        if periods.bounds(a)[0] > periods.bounds(b)[0] and a.year is not None:
            a = replace(a, year=a.year - 1)
        return a, b
    had = b.year is not None
    a = periods.complete(a, reading.clock)
    b = periods.complete(b, reading.clock, near=a)
    if not had and periods.bounds(b)[0] < periods.bounds(a)[0] and b.year is not None:
        b = replace(b, year=b.year + 1)
    return a, b


def endpoint(value: Value, reading: Reading, *, latest: date | None = None) -> Interval:
    """A value as the end of something.

    "mid July" is its 15th, "the end of July" its last moment and "the beginning" its first.
    """
    if isinstance(value, Parts) and value.part is not None and value.part.kind in ("third", "edge"):
        value = periods.complete(value, reading.clock, latest=latest)
        first, after = periods.bounds(replace(value, part=None))
        part = value.part
        if part is not None and part.kind == "edge":
            day = first if part.n == 1 else after
            return Interval(reading.clock.midnight(day), reading.clock.midnight(day))
        if part is not None and part.n == 2 and value.quarter is None:
            day = first.replace(day=15) if value.month else first.replace(month=7)
            return reading.clock.days(day, day + timedelta(days=1) if value.month else day)
    return periods.settle(value, reading.clock, latest=latest)


def _single(
    low: str, atom: Atom, reading: Reading, floor: int, mentions: Sequence[tuple[int, int]], describing: bool
) -> Claim | None:
    start = _before_mention(low, atom, mentions)
    prefix = _ROLE.search(low, max(floor, start - 40), start)
    suffix = _SUFFIX.match(low, atom.end)
    role = _role(prefix, suffix, atom)
    if not atom.strong and not _taken(low, atom, role, prefix, suffix, describing):
        return None
    begin = prefix.start() if prefix else atom.start
    end = suffix.end() if suffix else atom.end
    try:
        interval, bound = _bounded(atom.value, role, reading)
    except UnresolvableError:
        interval, bound = None, "at"
    label = (begin if role != "at" or (interval is None and not atom.strong) else atom.start, end)
    return Claim(begin, end, label, interval, bound, atom.strong)


def _before_mention(low: str, atom: Atom, mentions: Sequence[tuple[int, int]]) -> int:
    """Where to look for "since" in "since flashinfer v0.6.2"."""
    for begin, end in mentions:
        if end <= atom.start and low[end : atom.start].strip() in ("", "'s", "的"):
            return begin
    return atom.start


def _role(prefix: re.Match[str] | None, suffix: re.Match[str] | None, atom: Atom) -> str:
    after = suffix.lastgroup if suffix else None
    before = prefix.lastgroup if prefix else None
    if after in ("since", "after", "before", "until"):
        return after
    if before == "source":
        exact = isinstance(atom.value, Interval) and (atom.value.release or atom.value.instant is not None)
        return "since" if exact or (atom.value is None and not atom.strong) else "at"
    return before or "at"


def _taken(
    low: str, atom: Atom, role: str, prefix: re.Match[str] | None, suffix: re.Match[str] | None, describing: bool
) -> bool:
    """Whether an atom that alone could be anything is one of time here."""
    value, text = atom.value, low[atom.start : atom.end]
    now = isinstance(value, Interval) and value.instant is not None and value.start == value.end
    if now or (prefix is None and suffix is None and not (isinstance(value, Interval) and value.release)):
        return False
    versioned = value is None or (isinstance(value, Interval) and value.release)
    if versioned and _UPGRADE.search(low, max(0, atom.start - 50), atom.start):
        return False
    if prefix is None and suffix is not None and suffix.group().strip().lower() == "on":
        return False
    if not versioned:
        return (
            prefix is None
            or role != "at"
            or prefix["at"] is None
            or prefix["at"].lower() not in ("at", "for", "across")
            or _is_month(value)
        )
    if role in ("since", "after", "before") or (
        role == "until" and prefix is not None and prefix["until"][:1] not in "到至bBaA"
    ):
        return True
    if describing:
        lead = low[: prefix.start() if prefix else atom.start]
        return role == "at" and (not lead.strip() or bool(_IN_RELEASE.search(lead)))
    inside = prefix is not None and (prefix["at"] or "").lower() in (
        "in",
        "of",
        "for",
        "into",
        "during",
        "as part of",
        "within",
        "在",
        "于",
    )
    return role == "at" and (
        inside or suffix is not None or (value is not None and (text.count(".") >= 2 or not re.search(r"[0-9]", text)))
    )


def _bounded(value: Value | None, role: str, reading: Reading) -> tuple[Interval | None, str]:
    if value is None:
        return None, "at"
    if role not in ("since", "after", "before", "until"):
        return periods.settle(value, reading.clock), "at"
    interval = endpoint(value, reading)
    if role in ("since", "after"):
        start = (
            interval.end
            if interval.release or (role == "after" and interval.instant is None)
            else interval.instant or interval.start
        )
        return Interval(start, interval.end), "since"
    if role == "before":
        end = interval.end - timedelta(seconds=1) if interval.release else interval.instant or interval.start
        return (Interval(None, end), "until") if end is not None else (None, "at")
    return Interval(None, interval.instant or interval.end), "until"
