"""English time expressions.

Patterns that find the atoms ("last week", "12-25 January 2026", "v0.6.2") which ``kb.when`` puts together. Pure.

An atom that is not ``strong`` ("May", "2026", "v0.6.2", "Mon") is one of time only next to a word such as "since" or
as the end of a range.
Patterns see text whose white space is single spaces, and start with a literal or a bounded number, so that none can
backtrack far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from kb import periods, releases
from kb.periods import Clock, Interval, Part, Parts, UnresolvableError, Value, Week, Weekday
from kb.types import Tag


@dataclass(frozen=True, slots=True)
class Reading:
    """What expressions are resolved against; ``names`` are the words that name repositories, in lower case."""

    clock: Clock
    tags: Mapping[str, Sequence[Tag]]
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Atom:
    """A time expression at ``start:end`` of the text; ``value`` None was recognised and cannot be resolved."""

    start: int
    end: int
    value: Value | None
    strong: bool = True


class NotTimeError(Exception):
    """A pattern matched something that is no expression of time."""


Made = Value | tuple[Value | None, bool] | None
Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Reading], Made]]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUNTING = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_WORDS = _COUNTING.split()
NUMBERS: Mapping[str, float] = {
    **{word: n for n, word in enumerate(_WORDS, 1)},
    "a": 1,
    "an": 1,
    "the": 1,
    "couple": 2,
    "few": 3,
    "dozen": 12,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "sixty": 60,
    "ninety": 90,
    "half": 0.5,
    "twenty-four": 24,
    "forty-eight": 48,
    "seventy-two": 72,
}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1, "final": -1}

_L = r"(?<![A-Za-z0-9_./#$@\\])"
_R = r"(?![A-Za-z0-9_]|-?(?:bit|byte|way|wide|d)\b)"
_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
MONTH = rf"({_MONTHS})\b\.?"
_Y = r"((?:19|20)[0-9]{2})(?![0-9]|\.[0-9])"
_D = r"([0-9]{1,2})(?:st|nd|rd|th)?"
_MONTH_BEFORE = re.compile(rf"\b{_MONTHS}\b\.? $", re.I)
_DAY_R = r"(?![0-9A-Za-z%]|[.:][0-9]|-(?:bit|byte|way|wide)\b)"
_WEEKDAY = r"(monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
UNIT = r"(minute|min|hour|hr|day|week|wk|fortnight|month|quarter|year|yr)s?"
NUMBER = (
    r"([0-9]{1,9}(?:\.[0-9]{1,3})?|an?(?! (?:couple|few|dozen))|(?:an? )?(?:couple|few|dozen)(?: of)?|"
    r"half an?|twenty-four|forty-eight|seventy-two|" + "|".join(reversed(_WORDS)) + r"|twenty|thirty|forty|sixty|ninety)"
)
_TO = r" ?(?:-|~|to|and|through|thru|until|till|\.\.) ?(?:the )?"
# "May", "March" and short forms are words of other meanings, too.
_WORDLIKE = frozenset({"may", "march", "mar", "dec", "sep", "oct", "jan", "jun", "jul", "feb", "apr", "aug", "nov", "sept"})
_OF_A_PERIOD = rf"(?! of (?:the (?:month|quarter|year)|this|last|{_MONTHS}\b|q[1-4]|(?:19|20)[0-9]{{2}}))"


def month_number(name: str) -> int:
    """1 for "January", "jan", "Jan."."""
    return MONTHS.index(name[:3].lower()) + 1


def unit_name(word: str) -> tuple[str, int]:
    """The unit behind a short or plural form, and how many of it ("fortnight": 2 weeks)."""
    low = word.lower()
    if low.startswith("fortnight"):
        return "week", 2
    short = {
        "min": "minute",
        "h": "hour",
        "hr": "hour",
        "d": "day",
        "w": "week",
        "wk": "week",
        "mo": "month",
        "q": "quarter",
        "y": "year",
        "yr": "year",
    }
    low = low.removesuffix("s") if len(low) > 1 else low
    return short.get(low, low), 1


def number(word: str) -> float:
    """A number in digits or words ("a couple of": 2, "few": 3).

    Raises:
        UnresolvableError: "several", "some", …
    """
    low = word.lower().removesuffix(" of").strip()
    if low[:1].isdigit():
        return float(low)
    for text in (low, low.removeprefix("a ").removeprefix("an "), low.split()[0]):
        if text in NUMBERS:
            return NUMBERS[text]
    raise UnresolvableError(word)


def _iso_datetime(match: re.Match[str], reading: Reading) -> Made:
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        local = datetime.combine(day, time(int(match[4]), int(match[5]), int(match[6] or 0)))
    except ValueError:
        return None
    zone = (match[7] or "").strip().upper()
    width = timedelta(seconds=1) if match[6] else timedelta(minutes=1)
    if not zone:
        start = reading.clock.utc(local)
    elif zone in ("Z", "UTC"):
        start = local.replace(tzinfo=UTC)
    else:
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
        if offset >= timedelta(days=1):
            return None
        start = local.replace(tzinfo=timezone(offset if zone[0] == "+" else -offset)).astimezone(UTC)
    return Interval(start, start + width, start)


def _day_range(match: re.Match[str], reading: Reading) -> Made:
    """ "12 to 25 January", but not the middle of "July 28 to 3 August"."""
    if _MONTH_BEFORE.search(match.string, max(0, match.start() - 12), match.start()):
        raise NotTimeError
    return _dated(match[3], day=match[1], last_day=match[2], year=match[4])


def _slash_date(match: re.Match[str], reading: Reading) -> Made:
    """Day and month in either order are accepted where only one order is a date."""
    a, b = int(match[1]), int(match[2])
    if a > 12 >= b:
        return Parts(int(match[3]), b, a)
    if b > 12 >= a or a == b:
        return Parts(int(match[3]), a, b)
    return None


def _dated(month: str, *, day: str | None = None, last_day: str | None = None, year: str | None = None) -> Made:
    value = Parts(
        int(year) if year else None, month_number(month), int(day) if day else None, int(last_day) if last_day else None
    )
    return value, bool(year or last_day) or month.lower() not in _WORDLIKE or (
        day is not None and month.lower() not in ("may", "march", "mar")
    )


def _rolling(match: re.Match[str], reading: Reading) -> Made:
    unit, times = unit_name(match[3])
    return periods.rolling(reading.clock, number(match[2] or match[1]) * times, unit)


def _or_two(match: re.Match[str], reading: Reading) -> Made:
    unit, times = unit_name(match[1])
    return periods.rolling(reading.clock, times * (2 if match[2].lower() == "two" else 1), unit)


def _ago(match: re.Match[str], reading: Reading) -> Made:
    unit, times = unit_name(match[2])
    return periods.ago(reading.clock, number(match[1]) * times, unit)


def _relative(match: re.Match[str], reading: Reading) -> Made:
    word, (unit, times) = match[1].lower(), unit_name(match[2])
    current = word in ("this", "current")
    if word == "past" or times > 1 or (unit in ("minute", "hour", "day") and not current):
        return periods.rolling(reading.clock, times, unit)
    if unit in ("minute", "hour"):
        return periods.rolling(reading.clock, 1, unit)
    return periods.relative(reading.clock, unit, 0 if current else -1)


def _weekday(match: re.Match[str], reading: Reading) -> Made:
    value = Weekday(WEEKDAYS.index(match[2][:3].lower()))
    lead = (match[1] or "").lower()
    if lead == "this":
        return periods.weekday_in(reading.clock, value, Week(0))
    return Weekday(value.number, past=bool(lead))


def _weekend(match: re.Match[str], reading: Reading) -> Made:
    return Weekday(
        5, past=(match[1] or "").lower() in ("last", "past", "previous") and reading.clock.today.weekday() >= 5, length=2
    )


def _lead_month(match: re.Match[str], reading: Reading) -> Made:
    today, month = reading.clock.today, month_number(match[2])
    if match[1].lower() == "this":
        return Parts(today.year, month)
    return Parts(today.year if month < today.month else today.year - 1, month)


def _last_release(match: re.Match[str], reading: Reading) -> Made:
    if match["of"] and match["of"].strip().lower() not in reading.names:
        raise NotTimeError
    count = int(number(match[2])) if match[2] else 1
    back = 1 if match[1].lower() in ("previous", "prior", "penultimate") and count == 1 else 0
    try:
        return releases.last(reading.tags, back=back, count=count), False
    except UnresolvableError:
        return None, False


def _version(match: re.Match[str], reading: Reading) -> Made:
    """An unknown version is one of time only where it is marked as one: "since 12.9" may be about another program."""
    try:
        return releases.named(match[2], reading.tags), False
    except UnresolvableError:
        if not match[1] and match[2][0] not in "vV":
            raise NotTimeError from None
        return None, False


def _tag_name(match: re.Match[str], reading: Reading) -> Made:
    if not releases.is_release(match[0]):
        raise NotTimeError
    try:
        return releases.named(match[0], reading.tags), False
    except UnresolvableError:
        raise NotTimeError from None


def _day_name(match: re.Match[str], reading: Reading) -> Made:
    offset = {"today": 0, "this": 0, "earlier": 0, "yesterday": -1, "tomorrow": 1}.get(match[0].lower().split()[0], -2)
    return periods.relative(reading.clock, "day", offset)


def _last_night(match: re.Match[str], reading: Reading) -> Made:
    midnight = datetime.combine(reading.clock.today, datetime.min.time())
    return Interval(reading.clock.utc(midnight - timedelta(hours=6)), reading.clock.utc(midnight + timedelta(hours=6)))


def _to_date(match: re.Match[str], reading: Reading) -> Made:
    unit = {"y": "year", "q": "quarter", "m": "month", "w": "week"}[match[1][0].lower()]
    start = periods.settle(periods.relative(reading.clock, unit, 0), reading.clock).start
    return Interval(start, reading.clock.now.astimezone(UTC))


def _now(match: re.Match[str], reading: Reading) -> Made:
    now = reading.clock.now.astimezone(UTC)
    return Interval(now, now, now), False


def _holiday(match: re.Match[str], reading: Reading) -> Made:
    month, day = {"c": (12, 25), "x": (12, 25), "n": (1, 1), "h": (10, 31)}[match[1][0].lower()]
    return Parts(None, month, day), False


def _bare_year(match: re.Match[str], reading: Reading) -> Made:
    if int(match[1]) > reading.clock.today.year:
        raise NotTimeError
    return Parts(int(match[1])), False


def _unclear(match: re.Match[str], reading: Reading) -> Made:
    return None


_COUNTED = (
    "token|element|byte|row|column|block|thread|sample|head|m|u|tflop|gb|mb|kb|kib|mib|step|"
    "iteration|request|line|file|core|key|x|page|expert|time|test|cta|sm|"
    "value|entrie|entry|char|character|bit|cycle|node|gpu|batche|batch"
)
_EVENT = (
    "conference|conf|meetup|outage|incident|meeting|standup|offsite|holidays?|summit|keynote|gtc|"
    "launch|workshop|hackathon|migration|upgrade|branch cut|"
    "kick-?off|deadline|vacation|freeze|sprint|demo|review|retro(?:spective)?|onboarding|"
    "announcement|split|fork|reorg|talk|presentation|beginning|visit|"
    "call|sync|break|easter|thanksgiving|chinese new year|lunar new year|spring festival|report|digest|newsletter|time"
)
_RULES: tuple[tuple[str, Callable[[re.Match[str], Reading], Made]], ...] = (
    (
        rf"(?<![A-Za-z0-9_/-]){_Y}-([0-9]{{2}})-([0-9]{{2}})(?:t|"
        rf" )([0-9]{{2}}):([0-9]{{2}})(?::([0-9]{{2}})(?:\.[0-9]{{1,9}})?)?"
        r"( ?(?:z|utc)\b| ?[+-][0-9]{2}(?::?[0-9]{2})?)?(?![A-Za-z0-9_:])",
        _iso_datetime,
    ),
    (rf"(?<![A-Za-z0-9_/-]){_Y}-?w([0-9]{{1,2}}){_R}", lambda m, r: Parts(int(m[1]), week=int(m[2]))),
    (
        rf"(?<![A-Za-z0-9_/-]){_Y}([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}})(?![A-Za-z0-9_/]|-[0-9]|\.[0-9])",
        lambda m, r: Parts(int(m[1]), int(m[3]), int(m[4])),
    ),
    (
        rf"(?<![A-Za-z0-9_/-]){_Y}[-/]([0-9]{{2}})(?![A-Za-z0-9_/]|-[0-9]|\.[0-9])",
        lambda m, r: (Parts(int(m[1]), int(m[2])), True),
    ),
    (rf"(?<![A-Za-z0-9_/.-])([0-9]{{1,2}})[/.]([0-9]{{1,2}})[/.]{_Y}{_R}", _slash_date),
    (
        rf"(?<!top ){_L}{_D}{_TO}{_D}(?: of)? {MONTH}(?:,? {_Y})?{_R}",
        _day_range,
    ),
    (
        rf"{_L}{MONTH} (?:the )?{_D}{_TO}{_D}{_DAY_R}(?! (?:of )?{_MONTHS}\b)(?:,? {_Y})?{_R}",
        lambda m, r: _dated(m[1], day=m[2], last_day=m[3], year=m[4]),
    ),
    (rf"(?<!top ){_L}{_D}(?: of)?[ -]{MONTH}(?:,?[ -]{_Y})?{_R}", lambda m, r: _dated(m[2], day=m[1], year=m[3])),
    (rf"{_L}{MONTH} (?:the )?{_D}{_DAY_R}(?:,? {_Y})?{_R}", lambda m, r: _dated(m[1], day=m[2], year=m[3])),
    (rf"{_L}(last|this|past|previous) {MONTH}{_R}(?! ?[0-9])", _lead_month),
    (rf"{_L}{MONTH}(?:,? | of ){_Y}{_R}", lambda m, r: _dated(m[1], year=m[2])),
    (rf"{_L}{_Y} {MONTH}{_R}", lambda m, r: (Parts(int(m[1]), month_number(m[2])), m[2].lower() != "may")),
    (rf"{_L}{_Y}[- ]?q([0-9]){_R}", lambda m, r: Parts(int(m[1]), quarter=int(m[2]))),
    (rf"{_L}q([0-9])(?: of|,)?[ /]{_Y}{_R}", lambda m, r: Parts(int(m[2]), quarter=int(m[1]))),
    (rf"{_L}{_Y}[- ]?h([12]){_R}", lambda m, r: Parts(int(m[1]), part=Part("half", int(m[2])))),
    (rf"{_L}h([12])(?: of|,)?[ /]{_Y}{_R}", lambda m, r: Parts(int(m[2]), part=Part("half", int(m[1])))),
    (rf"{_L}(?:iso |calendar )?week ([0-9]{{1,2}})(?: of|,)? {_Y}{_R}", lambda m, r: Parts(int(m[2]), week=int(m[1]))),
    (rf"{_L}q([1-4]){_R}", lambda m, r: (Parts(quarter=int(m[1])), False)),
    (rf"{_L}h([12]){_R}", lambda m, r: (Parts(part=Part("half", int(m[1]))), False)),
    (rf"{_L}{MONTH}{_R}", lambda m, r: _dated(m[1])),
    (
        rf"{_L}(?:last|past|previous|preceding|latest|recent|trailing|prior) (?:(?:[0-9]{{1,2}}|one|two|"
        rf"three) ?(?:-|~|to|or) ?)?"
        rf"((?:{NUMBER})[ -]?(?:full |whole |calendar |working |business )?){UNIT}{_R}{_OF_A_PERIOD}",
        _rolling,
    ),
    (rf"{_L}(?:last|past|previous|trailing) (([0-9]{{1,6}}) ?)(h|hrs|d|w|wks|mo|mos|y|yrs){_R}", _rolling),
    (rf"{_L}(?:last|past) ((half)(?:-| an? | )){UNIT}{_R}", _rolling),
    (rf"{_L}(?:last|past) {UNIT} or (two|so){_R}", _or_two),
    (rf"{_L}(?:last|past|previous|recent) (?:several|some|many) {UNIT}{_R}", _unclear),
    (rf"{_L}{NUMBER}[ -]?{UNIT} (?:ago|back){_R}", _ago),
    (rf"{_L}([0-9]{{1,6}}) ?(h|hrs|d|w|wks|mo|mos|y|yrs) ago{_R}", _ago),
    (
        rf"{_L}(?:(?:quite )?a (?:long |little |short )?(?:while|time)|some time|sometime|long|ages|"
        rf"moments|a moment|not (?:so |that )?long|"
        rf"(?:some|several|many|a number of) {UNIT}) ago{_R}",
        _unclear,
    ),
    (rf"{_L}(?:the )?day before yesterday{_R}", lambda m, r: periods.relative(r.clock, "day", -2)),
    (
        rf"{_L}(?:earlier today|today|this (?:morning|afternoon|evening)|yesterday(?: (?:morning|afternoon|"
        rf"evening))?|tomorrow){_R}",
        _day_name,
    ),
    (rf"{_L}(?:last night|overnight){_R}", _last_night),
    (
        rf"{_L}(?:the )?(week|month|quarter|year) before (?:last|the last){_R}(?! (?:release|version|tag|[0-9]))",
        lambda m, r: periods.relative(r.clock, m[1].lower(), -2),
    ),
    (rf"{_L}(this|last|past|previous|the|over the)? ?weekend{_R}", _weekend),
    (rf"{_L}(?:(last|past|previous|this) )?{_WEEKDAY}{_R}", _weekday),
    (
        rf"{_L}(?:(last|past|previous|this) )?(mon|tues?|wed|thu(?:rs)?|fri|sat|sun)\b\.?{_R}",
        lambda m, r: (_as_value(_weekday(m, r)), bool(m[1])),
    ),
    (
        rf"{_L}(?:earlier )?(this|current|last|previous|prior|preceding|past) (week|fortnight|month|"
        rf"quarter|year|hour|day|minute){_R}{_OF_A_PERIOD}",
        _relative,
    ),
    (rf"{_L}(year|quarter|month|week)[- ]to[- ]date{_R}", _to_date),
    (rf"{_L}(y|q|m|w)td{_R}", _to_date),
    (
        rf"{_L}(?:the|current) (month|quarter|year){_R}",
        lambda m, r: (_as_value(periods.relative(r.clock, m[1].lower(), 0)), False),
    ),
    (rf"{_L}(?:iso |calendar )?week ([0-9]{{1,2}}){_R}", lambda m, r: (Parts(week=int(m[1])), False)),
    (
        rf"{_L}the ([0-9]{{1,2}})(?:st|nd|rd|th)(?=[.,?!;)]|$| (?:and|to|through|until|in|of)\b)",
        lambda m, r: (Parts(day=int(m[1])), False),
    ),
    (
        rf"{_L}(?:the )?(?:very )?(last|latest|previous|prior|most recent|newest|current) (?:({'|'.join(_WORDS[1:6])}|[2-9]) )?"
        rf"(?:stable |tagged |published |official |public )?"
        rf"(?P<of>[A-Za-z][A-Za-z0-9_./-]{{0,60}} )?(?:releases?|versions?|tags?){_R}",
        _last_release,
    ),
    (
        # A tag's whole name: "nightly-v0.6.3-20260206", "fa4-v4.0.0.beta5".
        rf"(?<![A-Za-z0-9_/#$@\\.-])[a-z][a-z0-9]{{0,30}}(?:[-_/.@+]{{1,2}}[a-z0-9]{{1,30}}){{1,8}}{_R}",
        _tag_name,
    ),
    (
        rf"(?<![A-Za-z0-9_/#$@\\-])(?<![A-Za-z0-9_]\.)(version |release |tag )?(v?[0-9]{{1,4}}(?:\.[0-9]{{1,9}}){{1,3}}"
        rf"(?:[-.]?[a-z]{{1,5}}[0-9]{{0,3}})?|v[0-9]{{1,4}}){_R}",
        _version,
    ),
    (rf"{_L}{_Y}{_R}(?! ?(?:{_COUNTED})s?\b)", _bare_year),
    (rf"{_L}(?:now|present|the present){_R}", _now),
    (rf"{_L}(christmas|xmas|new year(?:'s)?(?: day| eve)?|halloween){_R}", _holiday),
    (
        rf"{_L}(?:(?<!least )(?<!most )recently(?! used)|lately|of late|nowadays|these days|the other day|"
        rf"in recent (?:days|weeks|months|years|times)|"
        rf"(?:this|last|next) (?:spring|summer|autumn|winter|fall|sprint|season)|(?:spring|summer|autumn|"
        rf"winter|fall)(?: of)? {_Y}|"
        rf"next (?:week|month|quarter|year|{_WEEKDAY}|{_MONTHS}\b)){_R}",
        _unclear,
    ),
    (
        rf"{_L}(?:since|before|after|until|during|around) (?:(?:the|our|my|your|their|this|that|last|his|"
        rf"her) ){{1,2}}(?:[\w'-]+ ){{0,3}}?(?:{_EVENT}){_R}",
        _unclear,
    ),
    (
        rf"{_L}since (?:gtc|easter|thanksgiving|chinese new year|lunar new year|spring festival|last time|then|when|"
        rf"(?:i|we|you) [^.?!,;:]{{1,50}})(?=[.?!,;]|$)",
        _unclear,
    ),
    (rf"{_L}since (?:(?:commit |pr |pull request |#)[#\w-]+|(?=[a-f]{{0,39}}[0-9])[0-9a-f]{{7,40}}){_R}", _unclear),
    (
        rf"{_L}(?:after|before|since|until|at|from|by|around) (?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?: ?[ap]m)?|"
        rf"(?:1[0-2]|[1-9]) ?[ap]m){_R}",
        _unclear,
    ),
    (
        rf"{_L}(?:last|past|latest|previous|most recent) {NUMBER} (?:commits|changes|prs|pull requests|merges|patches){_R}",
        _unclear,
    ),
)


def _as_value(made: Made) -> Value | None:
    return made[0] if isinstance(made, tuple) else made


RULES: tuple[Rule, ...] = tuple((re.compile(pattern, re.I), make) for pattern, make in _RULES)


def atoms(text: str, reading: Reading, *, rules: Sequence[Rule] = RULES) -> Iterator[Atom]:
    """Atoms by rule, first rules first; they may overlap."""
    for pattern, make in rules:
        for match in pattern.finditer(text):
            try:
                made = make(match, reading)
            except (ValueError, OverflowError):
                made = None
            except NotTimeError:
                continue
            value, strong = made if isinstance(made, tuple) else (made, True)
            yield Atom(match.start(), match.end(), value, strong)
