"""Signs that a row of a patch changes what a user of the code sees: a flag, a variable, a limit, a signature. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from kb.report.hunk_rows import Change, Part, Row, plain

# What each kind of sign is worth by itself, before what the title says is looked at.
BASE = {
    "variable": 5.5,
    "flag": 5.0,
    "version": 4.5,
    "own version": 4.5,
    "bound": 5.0,
    "limit": 4.0,
    "supported": 4.5,
    "whole": 4.8,
    "default": 3.5,
    "signature": 3.5,
    "member": 3.5,
    "parameter": 3.5,
    "function": 3.0,
    "class": 3.0,
    "binding": 3.0,
    "message": 2.8,
    "condition": 2.5,
}
_WIDEST_BLOCK = 8  # rows of one side of a replacement that are compared with those of the other
_NEAR = 40  # rows: so far above a row what it belongs to is looked for
_METHOD = 4  # spaces before a method's def; what is deeper is of one function only
_ALIKE = 0.33  # share of the words of both rows


@dataclass(frozen=True, slots=True)
class Sign:
    """What rows ``first`` to ``last`` of a part show: a ``kind`` of BASE; ``name`` is what is new, changed or gone.

    ``loose``: the rows are an entry of a longer list and can be read without all of it. ``replaced``: both sides are there.
    ``block`` is the run of changed rows that they are of: first, and behind the last.
    """

    kind: str
    name: str
    first: int
    last: int
    block: tuple[int, int]
    loose: bool = False
    replaced: bool = False


_NO_INTERFACE = re.compile(r"(?:^|_)(?:ref|reference|main|test|tests|bench|benchmark|kernel|impl)(?:_|$)")
_IMPORT = re.compile(r"\s*(?:import\b|from\s+\S+\s+import\b|#\s*include\b|using\s+namespace\b)")
_IMPORTED = re.compile(rf"{_IMPORT.pattern}|[\w\s.,*]*\(?\)?\s*$")
_FLAG = re.compile(r"[\"'](--[a-zA-Z][\w-]+)[\"']")
_FLAG_CALL = re.compile(r"add_argument\s*\(|\b[Oo]ption\s*\(|add_option\s*\(|add_flag\s*\(")
_DEFINED_FLAG = re.compile(r"\s*(?:DEFINE|ABSL_FLAG)_?(?:bool|int32|int64|uint32|uint64|double|string)?\s*\((?:\w+,\s*)?(\w+)")
_VARIABLE = re.compile(r"(?i:env)\w*(?:\.\w+|::\w+)?\s*[(\[]\s*(?:\w+\s*=\s*)?[\"']([A-Z][A-Z0-9_]{3,})[\"']")
_VARIABLE_IN = re.compile(r"[\"']([A-Z][A-Z0-9_]{3,})[\"']\s+(?:not )?in\s+os\.environ")
_DEF = re.compile(r"(\s*)(?:async )?def ([A-Za-z]\w*)\s*\(")
_CLASS = re.compile(r"class ([A-Za-z]\w*)\b")
_C_TYPE = re.compile(r"(?:enum(?: class| struct)?|struct|class) ([A-Za-z]\w*)\b[^;]*$")
_BINDING = re.compile(
    r"\s*(?:TVM_FFI_DLL_EXPORT_TYPED_FUNC|TVM_FFI_REGISTER\w*|TORCH_LIBRARY\w*|m\.(?:def|impl)|PYBIND11_\w+)\s*\(\s*\"?([\w:]+)"
)
_ENUM = re.compile(r"\benum\b|class \w+\((?:\w+, )*(?:enum\.)?(?:Int|Str)?(?:Enum|Flag)\)")
_MEMBER = re.compile(
    r"\s+([A-Za-z]\w*)\s*(?:=\s*(?:[\w<]+(?:\s*<<\s*\d+)?|auto\(\)|\"[^\"]*\"|'[^']*'))?\s*,?\s*(?://.*|#.*)?$"
)
_PARAMETER = re.compile(r"\s+([a-z]\w*)\s*:\s*[^=]+?(?:=\s*[^=].*)?,\s*(?:#.*)?$")
_SUPPORTED = re.compile(
    r"\bsm_?\d{2,3}|\bcompute_\d+|capabilit|\barch\w*\b|dtype|\bsupported|\bfp[48]\b|\bbf16\b|float(?:8|16|32)|head_?dim|backend",
    re.I,
)
_MODEL_ENTRY = re.compile(r"\s*[\"']\w+For(?:CausalLM|ConditionalGeneration|\w*Classification)[\"']\s*:")
_CHECK = re.compile(r"\bassert\b|\w*(?:CHECK|ASSERT|REQUIRE|ENFORCE)\w*\s*\(|static_assert|\braise\b|\bthrow\b", re.A)
_CONDITION = re.compile(
    r"\s*(?:\}?\s*else\s+)?(?:if|elif|while|assert|return|#\s*(?:el)?if)\b.*(?:[<>=!]=|[<>]|\bin\b)|.*CHECK\w*\s*\("
)
_CONSTANT = re.compile(
    r"\bconstexpr\b|#\s*define\b|\bconst\b|^\s*_?[A-Z][A-Z0-9_]{2,}(?::\s*\w+)?\s*=|\b\w*(?:max|min|limit|threshold|timeout|capacity|"
    r"num_|default|version)\w*\s*(?::\s*[\w\[\]|. ]+)?=[^=]",
    re.I,
)
_SETTING = re.compile(r"\s*[\w.]+(?:\s*:\s*[\w\[\]|., ]+)?\s*=[^=]|\s*[\"']?\w+[\"']?\s*:\s*\S")
_WARNING = re.compile(
    r"\bwarnings\.warn|\bwarn\w*\(|logger\.(?:warning|error)\w*\(|[Dd]eprecat|\braise \w+(?:Error|Exception)\w*\(|"
    r"\w*(?:CHECK|ASSERT|THROW|ERROR)\w*\(.*\"|\bthrow\b"
)
_VERSIONED = re.compile(
    r"[\w\]\"'-]\s*(?:[~=<>!]=|@|[<>])\s*v?\d+(?:\.\d+)+|\bversion\w*\b.*\d+\.\d|^\s*\"?v?\d+\.\d+\.\d+\S*\"?\s*$", re.I
)
_VERSION_OF = re.compile(r"__version__|^\s*v?\d+\.\d+\.\d+\S*\s*$|_VERSION(?:_(?:MAJOR|MINOR|PATCH))?\b|^\s*version\s*=")
_TOKEN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\d[\w.]*|\w+|\S")
_ENTRY = re.compile(r"[\"'].*|\d.*|sm_?\d+\w*|\w*(?:fp|bf|float|int|e4m3|e5m2)\d\w*|torch|\.", re.I)
_LITERAL = re.compile(r"[\"'].*|\d.*|True|False|None|true|false|nullptr")


def signs(change: Change, part: Part) -> Iterator[Sign]:
    """The signs of one hunk, in its order."""
    blocks = list(_blocks(part.rows))
    if change.is_tiny and not all(_says_nothing(change, part, block) for block in blocks):
        first, last = blocks[0][0], blocks[-1][2]
        yield Sign("whole", "", first, last - 1, (first, last), loose=True, replaced=blocks[0][0] < blocks[0][1] < last)
    for first, middle, last in blocks:
        if first < middle < last and middle - first <= _WIDEST_BLOCK and last - middle <= _WIDEST_BLOCK:
            yield from _replaced(change, part, range(first, middle), range(middle, last))
        for at in range(first, last):
            if part.is_code(at) and not change.is_moved(part.rows[at]):
                yield from _alone(change, part, at, (first, last))


def _says_nothing(change: Change, part: Part, block: tuple[int, int, int]) -> bool:
    """Whether a block changes comments, imports, blank lines and its own version only, or moves what it has."""
    rows = [(at, part.rows[at]) for at in range(block[0], block[2])]
    imports = any(_IMPORT.match(row.text) for _, row in rows)
    return all(
        not part.is_code(at) or (imports and _IMPORTED.match(row.text)) or _VERSION_OF.search(row.text) or change.is_moved(row)
        for at, row in rows
    )


def _blocks(rows: Sequence[Row]) -> Iterator[tuple[int, int, int]]:
    """Runs of changed rows as (first, first added, behind the last): removed rows, then the added ones."""
    at = 0
    while at < len(rows):
        first = at
        while at < len(rows) and rows[at].mark == "-":
            at += 1
        middle = at
        while at < len(rows) and rows[at].mark in "+\\":
            at += 1
        if at > first:
            yield first, middle, at
        else:
            at += 1


# --- one side ----------------------------------------------------------------------------------------------------------------


def _alone(change: Change, part: Part, at: int, block: tuple[int, int]) -> Iterator[Sign]:
    """Signs of a row by itself: something that was not there before, or is there no longer."""
    row = part.rows[at]
    if part.language == "requirements":
        if row.mark == "+" and _VERSIONED.search(row.text) and not _VERSION_OF.search(row.text):
            yield Sign("version", "", at, at, block, loose=True)
        return
    for kind, name, key, loose in _named(part, at):
        if _is_news(change, row.mark, key):
            yield Sign(kind, name, at, at, block, loose=loose)


def _named(part: Part, at: int) -> Iterator[tuple[str, str, str, bool]]:
    """(kind, name, how it would stand in other lines, loose)."""
    text = part.rows[at].text
    quoted = '"' in text or "'" in text
    if (
        quoted
        and "--" in text
        and (flag := _FLAG.search(text))
        and (_FLAG_CALL.search(text) or _FLAG_CALL.search(_above(part, at)))
    ):
        yield "flag", flag[1], plain(flag[0]), False
    if quoted and "env" in text.lower() and (variable := _VARIABLE.search(text) or _VARIABLE_IN.search(text)):
        yield "variable", variable[1], variable[1], False
    if part.language == "python":
        yield from _python(part, at)
    else:
        yield from _c_like(part, at)
    if quoted and _WARNING.search(text):
        yield "message", "", plain(text), False


def _python(part: Part, at: int) -> Iterator[tuple[str, str, str, bool]]:
    text = part.rows[at].text
    match: re.Match[str] | None
    if match := _DEF.match(text):
        if not match[1] and _is_public(part, match):
            yield "function", match[2], f"def{match[2]}(", False
    elif (match := _CLASS.match(text)) and not part.aside:
        yield "class", match[1], f"class{match[1]}", False
    elif _in_enum(part, at) and (match := _MEMBER.match(text)) and "=" in text:
        yield "member", match[1], match[1], True
    elif (match := _PARAMETER.match(text)) and _in_public_def(part, at):
        yield "parameter", match[1], f"{match[1]}:", True
    elif _MODEL_ENTRY.match(text):
        yield "supported", "", plain(text), True


def _c_like(part: Part, at: int) -> Iterator[tuple[str, str, str, bool]]:
    text = part.rows[at].text
    if match := _DEFINED_FLAG.match(text):
        yield "flag", match[1], match[1], False
    elif match := _BINDING.match(text):
        yield "binding", match[1], match[1], False
    elif (match := _C_TYPE.match(text)) and re.search(r"\.(?:h|hpp|hh|cuh)$", part.path) and not part.aside:
        yield "class", match[1], plain(match[0].partition("{")[0]), False
    elif _in_enum(part, at) and (match := _MEMBER.match(text)) and not match[1].isdigit():
        yield "member", match[1], match[1], True


def _above(part: Part, at: int) -> str:
    """The row above of the same side."""
    mark = part.rows[at].mark
    return next((row.text for row in reversed(part.rows[max(at - _NEAR, 0) : at]) if row.mark in (" ", mark)), "")


def _in_enum(part: Part, at: int) -> bool:
    """Whether the row is in the body of an enumeration: the nearest line above that begins something begins one."""
    for row in reversed(part.rows[max(at - _NEAR, 0) : at]):
        if _ENUM.search(row.text):
            return True
        if not (_MEMBER.match(row.text) or not row.text.strip() or re.match(r"\s*(?://|#|\"\"\"|/?\*)", row.text)):
            return False
    return bool(_ENUM.search(part.context))


def _in_public_def(part: Part, at: int) -> bool:
    """Whether the row is among the parameters of a function that others may call."""
    for row in reversed(part.rows[max(at - _NEAR, 0) : at]):
        if match := _DEF.match(row.text):
            return not row.text.rstrip().endswith(":") and _is_public(part, match)
        if row.mark != "-" and not (
            _PARAMETER.match(row.text) or re.match(r"\s*(?:[*/]\s*,|\w+,|\w+\s*=.*,|#.*|self,)\s*$", row.text)
        ):
            return False
    match = _DEF.match(part.context)
    return match is not None and _is_public(part, match)


def _is_public(part: Part, match: re.Match[str]) -> bool:
    """Whether a function, matched at its ``def``, is one that others may call."""
    return not part.aside and len(match[1]) <= _METHOD and not _NO_INTERFACE.search(match[2])


def _is_news(change: Change, mark: str, key: str) -> bool:
    """Whether what the key stands for is on one side of the change only."""
    other = change.removed_text if mark == "+" else change.added_text
    return key not in other and key not in change.kept_text


# --- both sides --------------------------------------------------------------------------------------------------------------


def _replaced(change: Change, part: Part, removed: range, added: range) -> Iterator[Sign]:
    for old, new in _pairs(part, removed, added):
        before, after = part.rows[old], part.rows[new]
        if (
            change.is_moved(before)
            or change.is_moved(after)
            or not (part.is_code(old) and part.is_code(new))
            or _IMPORT.match(after.text)
        ):
            continue
        kind = _kind_of_pair(part, before.text, after.text)
        if kind:
            block = (removed.start, added.stop)
            yield Sign(kind, "", old, new, block, replaced=True, loose=part.language == "requirements")


def _pairs(part: Part, removed: range, added: range) -> Iterator[tuple[int, int]]:
    """Which removed row became which added one: those that share most words, each once, in their order; one became one."""
    old_rows = [at for at in removed if part.rows[at].mark == "-"]
    new_rows = [at for at in added if part.rows[at].mark == "+"]
    if len(old_rows) == len(new_rows) == 1:
        yield old_rows[0], new_rows[0]
        return
    words = {at: frozenset(_TOKEN.findall(part.rows[at].text)) for at in (*old_rows, *new_rows)}
    for new in new_rows:
        shared, negative = max(
            ((len(words[old] & words[new]) / max(len(words[old] | words[new]), 1), -old) for old in old_rows),
            default=(0.0, 0),
        )
        if shared >= _ALIKE:
            old_rows = [old for old in old_rows if old > -negative]
            yield -negative, new


def _kind_of_pair(part: Part, before: str, after: str) -> str:
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if part.language == "requirements" or _VERSION_OF.search(after):
        own = bool(_VERSION_OF.search(after)) and bool(_VERSION_OF.search(before))
        return "own version" if own else "version" if _VERSIONED.search(after) else ""
    steps = [step for step in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if step[0] != "equal"]
    gone = [token for _, start, end, _, _ in steps for token in old[start:end]]
    come = [token for _, _, _, start, end in steps for token in new[start:end]]
    if all(_LITERAL.fullmatch(token) for token in [*gone, *come]) and gone and len(come) == len(gone) <= 2:
        return _kind_of_value(after, come)
    was, now = _DEF.match(before), _DEF.match(after)
    if was and now and was[2] == now[2]:
        return "signature" if _is_public(part, now) else ""
    if _SUPPORTED.search(after) and _is_list_growth(gone, come):
        return "supported"
    if _CONDITION.match(before) and _CONDITION.match(after):
        return "supported" if _SUPPORTED.search(after) and _CHECK.search(after) else "condition"
    return ""


def _kind_of_value(after: str, come: Sequence[str]) -> str:
    if _CHECK.search(after) and any(token[0].isdigit() for token in come):
        return "bound"
    if any(token[0] in "\"'" and " " in token for token in come):
        return "message"
    if _CONDITION.match(after):
        return "limit"
    if _CONSTANT.search(after):
        return "limit"
    return "default" if _SETTING.match(after) else ""


def _is_list_growth(gone: Sequence[str], come: Sequence[str]) -> bool:
    """Whether entries of a list were added or removed, and nothing else changed."""
    more, less = (come, gone) if len(come) >= len(gone) else (gone, come)
    entries = [word for word in more if word != ","]
    return not set(less) - {","} and bool(entries) and all(map(_ENTRY.fullmatch, entries))
