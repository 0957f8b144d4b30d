"""Chinese time expressions.

Patterns that find the atoms (上周五, 2 月 3 日, 过去两周, 上个版本) which ``kb.when`` puts together. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC

from kb import periods, releases
from kb.periods import Interval, Part, Parts, UnresolvableError, Week, Weekday
from kb.when_en import Made, NotTimeError, Reading, Rule

_DIGITS = {"〇": 0, "零": 0, "○": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_N = r"([0-9]{1,6}(?:\.[0-9]{1,3})?|[〇零一二两三四五六七八九十百廿卅]{1,5}|半|几|数)"
_SMALL = r"([0-9]{1,2}|[一二三四五六七八九十]{1,3})"
_YEAR = r"(?<![0-9])((?:19|20)[0-9]{2}|[一二][九〇零○][〇零○一二三四五六七八九]{2}) ?年"
_MONTH = rf"(?<![0-9.]){_SMALL} ?月份?(?!光|亮|球)"
_DAY = r"([0-9]{1,2}|[一二三四五六七八九十]{1,3}) ?(?:日|号)"
_TO = r" ?(?:到|至|-|~|—|和|与) ?"
_UNIT = r"(分钟|小时|钟头|天|日|周|星期|礼拜|月|季度|季|年)"
_UNITS = {
    "分": "minute",
    "小": "hour",
    "钟": "hour",
    "天": "day",
    "日": "day",
    "周": "week",
    "星": "week",
    "礼": "week",
    "月": "month",
    "季": "quarter",
}
_WD = r"([一二三四五六日天末])"
_WEEK = r"(?:周|星期|礼拜)"


def number(text: str) -> float:
    """A Chinese or Arabic number: 两 2, 十五 15, 二十 20, 一百二十 120, 半 0.5, 几 3 (as "a few").

    Raises:
        UnresolvableError: no number.
    """
    if text[:1].isdigit():
        return float(text)
    if text == "半":
        return 0.5
    if text in ("几", "数"):
        return 3
    text = text.replace("廿", "二十").replace("卅", "三十")
    if len(text) == 2 and all(char in _DIGITS for char in text):  # 一两天, 两三天
        return _DIGITS[text[1]]
    if not any(char in text for char in "十百") and len(text) != 1:
        raise UnresolvableError(text)
    total, digit = 0, 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            total, digit = total + (digit or 1) * (10 if char == "十" else 100), 0
    return total + digit


def _int(text: str | None) -> int | None:
    return None if text is None else int(number(text))


def _year(text: str | None) -> int | None:
    if not text or text.isdigit():
        return int(text) if text else None
    return int("".join(str(_DIGITS[char]) for char in text))


def _unit(text: str) -> str:
    return _UNITS.get(text[0], "year")


def _named_year(match: re.Match[str], reading: Reading) -> Made:
    return Parts(reading.clock.today.year + {"今": 0, "本": 0, "去": -1, "前": -2, "上": -1, "明": 1}[match[1][0]])


def _whole_date(match: re.Match[str], reading: Reading) -> Made:
    return Parts(_year(match[1]), _int(match[2]), _int(match[3]), _int(match[4]))


def _offset(text: str) -> int:
    if text[0] in "本这当":
        return 0
    return -2 if text.startswith("上上") else -1


def _calendar(match: re.Match[str], reading: Reading) -> Made:
    return periods.relative(reading.clock, _unit(match[2]), _offset(match[1]))


def _week_day(match: re.Match[str], reading: Reading) -> Made:
    value = _day_of_week(match[2])
    if not match[1]:
        return value
    return periods.weekday_in(reading.clock, value, Week(_offset(match[1])))


def _day_of_week(char: str) -> Weekday:
    if char == "末":
        return Weekday(5, length=2)
    return Weekday("一二三四五六日天".index(char) % 7 if char != "天" else 6)


def _rolling(match: re.Match[str], reading: Reading) -> Made:
    return periods.rolling(reading.clock, number(match[1]), _unit(match[2]))


def _one_and_half(match: re.Match[str], reading: Reading) -> Made:
    count, unit = number(match[1]), _unit(match[2] or match[3])
    return periods.rolling(reading.clock, count + 0.5, unit)


def _ago(match: re.Match[str], reading: Reading) -> Made:
    return periods.ago(reading.clock, number(match[1]), _unit(match[2]))


def _day_name(match: re.Match[str], reading: Reading) -> Made:
    names = {"今": 0, "当": 0, "昨": -1, "前": -2, "大": -3, "明": 1, "后": 2}
    return periods.relative(reading.clock, "day", names[match[0][0]])


def _last_release(match: re.Match[str], reading: Reading) -> Made:
    try:
        return releases.last(reading.tags, back=1 if match[1].startswith("上上") else 0), False
    except UnresolvableError:
        return None, False


def _tail(match: re.Match[str], reading: Reading) -> Made:
    """月底, 年初 and the like without a name before them: of the current month or year, or of the last one if not yet begun."""
    unit = "month" if match[1] == "月" else "year"
    part = part_of(match[2])
    if part is None:
        raise NotTimeError
    for back in (0, -1):
        value = periods.relative(reading.clock, unit, back)
        value = replace(value, part=part) if isinstance(value, Parts) else value
        if isinstance(value, Parts) and periods.bounds(value)[0] <= reading.clock.today:
            break
    return value


def _unclear(match: re.Match[str], reading: Reading) -> Made:
    return None


def _holiday(match: re.Match[str], reading: Reading) -> Made:
    month, day = {"元": (1, 1), "圣": (12, 25), "国": (10, 1), "五": (5, 1)}[match[1][0]]
    return Parts(None, month, day), False


def _now(match: re.Match[str], reading: Reading) -> Made:
    now = reading.clock.now.astimezone(UTC)
    return Interval(now, now, now), False


_PART = (
    rf"(?:的)?(?:的?(前|后|最后)半(?:个?月|年)?|([上下])半(?:个?月|年|季度)?|([上中下])旬|([初底末])(?!期)|"
    rf"第 ?{_SMALL} ?(?:个)?(?:周|星期|礼拜)|(最后)一?(?:个)?(?:周|星期|礼拜)|"
    rf"第 ?{_SMALL} ?(?:个)?季度|(?:前|头) ?{_SMALL} ?(天|日|周|个星期|个月)|"
    rf"最后 ?{_SMALL} ?(天|日|周|个星期|个月)|([一二三四]) ?季度| ?q([1-4])(?![0-9A-Za-z_])| ?{_DAY}{_TO}{_DAY}| ?{_DAY})"
)
SUFFIX = re.compile(_PART, re.I)


def part_of(text: str) -> Part | None:
    """The piece that a suffix names: 上半月, 中旬, 底, 第一周, 最后一周, 前三天; None where it is none."""
    match = SUFFIX.fullmatch(text)
    if match is None:
        return None
    g = match.groups()
    if g[0] or g[1]:
        return Part("half", 1 if g[0] == "前" or g[1] == "上" else 2)
    if g[2]:
        return Part("third", "上中下".index(g[2]) + 1)
    if g[3]:
        return Part("edge", 1 if g[3] == "初" else 3)
    if g[4] or g[5]:
        return Part("week", int(number(g[4])) if g[4] else -1)
    if g[6] or g[11] or g[12]:
        return Part("quarter", int(number(g[6] or g[11] or g[12])))
    if g[13]:
        return Part("days", int(number(g[13])), str(int(number(g[14]))))
    if g[15]:
        return Part("day", int(number(g[15])))
    count, unit = (g[7], g[8]) if g[7] else (g[9], g[10])
    return Part("first" if g[7] else "last", int(number(count)), _unit(unit.removeprefix("个")))


_RULES = (
    (rf"{_YEAR} ?{_MONTH} ?{_SMALL} ?(?:日|号)?{_TO}(?![0-9一二三四五六七八九十]{{1,3}} ?月){_DAY}", _whole_date),
    (rf"{_YEAR} ?{_MONTH} ?(?:{_DAY})?()", lambda m, r: Parts(_year(m[1]), _int(m[2]), _int(m[3]))),
    (rf"()(?<![0-9.]){_SMALL} ?月 ?{_SMALL} ?(?:日|号)?{_TO}(?![0-9一二三四五六七八九十]{{1,3}} ?月){_DAY}", _whole_date),
    (rf"()(?<![0-9.]){_SMALL} ?月份? ?{_DAY}()", lambda m, r: Parts(None, _int(m[2]), _int(m[3]))),
    (rf"(?<![个前后近这每数几上下各]){_MONTH}", lambda m, r: Parts(None, _int(m[1]))),
    (rf"{_YEAR}", lambda m, r: Parts(_year(m[1]))),
    (r"(今年|本年度?|去年|前年|上一?年|明年)", _named_year),
    (rf"(上上个?|上一个?|上个?|本|这一?个?|当前)(?:的)?{_WEEK}{_WD}", _week_day),
    (rf"()(?<![一二两三四五六七八九十0-9每]){_WEEK}{_WD}(?![期个年月天时志])", _week_day),
    (r"(上上个?|上一?个?|本|这一?个?|当前)(周|星期|礼拜|月|季度)(?!期|末?[一二三四五六日天]|[份]?(?:刊|报))", _calendar),
    (r"前(?:些|几)(?:日子|日|年|天|周|个月)", _unclear),
    (r"(?:过去|最近|近)(?:的)? ?([一两二三]) ?(?:个半(月|小时|星期)|(年|天|周)半)(?:之内|以内|内|里|以来|来)?", _one_and_half),
    (
        rf"(?:在)?(?:过去|最近|近|刚过去|前|这|头|此前|最后|"
        rf"上(?!半))(?:的)?(?:这)?(?:[0-9]{{1,2}} ?[-~] ?)? ?{_N} ?(?:个|"
        rf"多个)?(?:整)?(?:工作)?{_UNIT}(?!前|[刊报])(?: ?(?:之内|以内|内|里|以来|来|间|中))?",
        _rolling,
    ),
    (rf"{_N} ?(?:个)?{_UNIT}(?:多)?(?:之前|以前|前)(?!的?版)", _ago),
    (rf"(?<![第]){_N} ?(?:个)?{_UNIT}(?:以来|来)(?!自|源)", _rolling),
    (
        rf"(?<![第运行跑续]){_N} ?(?:个)?(天|日|周|星期|礼拜|月|年|小时) ?(?:之内|以内|内)(?= ?(?:的|有|哪|[A-Za-z]|,|，))",
        _rolling,
    ),
    (r"(?<![年月])([上下])半年", lambda m, r: Parts(part=Part("half", 1 if m[1] == "上" else 2))),
    (r"(?:第 ?)?([一二三四1-4]) ?季度", lambda m, r: Parts(quarter=_int(m[1]))),
    (
        r"大前天|前天|前日|昨天(?:晚上|下午|上午|早上|夜里)?|昨日|昨晚|昨夜|今天(?:晚上|下午|上午|早上)?|"
        r"今日|今早|今晚|今晨|当日|当天|明天|明日",
        _day_name,
    ),
    (
        r"(?!上发布[了过的])(上上个?|上一?个?|上一?次|最新的?一?个?|最近的?一?[个次]|最后的?一?个?|当前)(?:的)?(?:稳定|"
        r"正式)?(?:版本|发布版?|版|release|tag)",
        _last_release,
    ),
    (r"(?<![个年月0-9])(月|年)([初底末])", _tail),
    (r"现在|目前|如今", _now),
    (r"(元旦|圣诞节?|国庆节?|五一)(?!个)", _holiday),
    (
        r"(?:近|这)些(?:日子|年|天)|前一?阵子?|前段时间|前一段时间|最近一段时间|这段时间|一段时间(?:以?来|"
        r"之?前|以前)|不久(?:之前|以前|前)|很久(?:之前|以前)|好久(?:之前|以前)|"
        r"近期|近来|近日|最近(?!邻|点|使用|最少|访问|匹配|的整|值)|刚刚|刚才|前不久|下个?(?:周|月|季度)|"
        r"下周[一二三四五六日天]|春节(?:以来|之?[前后])?|"
        r"(?:自|从)?上次(?:开?会|见面|汇报|周会|例会|大会|讨论|同步)(?:以来|之后|后|以后)?|(?:自从?|"
        r"从)[^,。?!;A-Za-z0-9]{1,14}(?:会议?|大会|上线|升级|迁移|重构|分叉)(?:以来|之后|后)",
        _unclear,
    ),
)
RULES: tuple[Rule, ...] = tuple((re.compile(pattern, re.I), make) for pattern, make in _RULES)
