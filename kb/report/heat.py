"""What a thread, a paper or a label has points for. Pure; kb.report.weight says what points are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

from kb.lines import View
from kb.safe import one_line
from kb.text import tokens
from kb.types import Record

_BODY_CHARACTERS = 8_000
_TITLE_CHARACTERS = 1_000
_MEASURED = 2.0
_GAIN = re.compile(r"(?<![\w.])\d+(?:\.\d+)?\s?(?:x|×|%)(?![\w])|\bspeed-?up of\b|\bTFLOPS?\b", re.I)

# --- labels, of changes and of threads ---------------------------------------------------------------------------------------

_LABELS = (
    (re.compile(r"\bp0\b|critical|urgent|blocker|sev-?[01]\b", re.I), 8.0),
    (re.compile(r"regression|security|breaking|revert", re.I), 6.0),
    (re.compile(r"\bp1\b|high|crash|hang|accuracy|correctness|wrong|perf", re.I), 4.0),
    (re.compile(r"\bbug\b|\brfc\b|roadmap|release|important", re.I), 3.0),
    (re.compile(r"feature|enhancement|model|hardware|kernel", re.I), 1.5),
    (re.compile(r"stale|duplicate|invalid|wontfix|question|good first|documentation|\bdocs?\b|\bci\b|inactive", re.I), -2.0),
)
_MOST_LABELS = 12.0

# --- threads -----------------------------------------------------------------------------------------------------------------

_THREAD = 2.0
_PER_NOTE = 2.0  # for each doubling of the comments
_PER_PERSON = 2.0
_LONG = 0.7  # for each doubling of its text beyond _SHORT_TEXT characters
_SHORT_TEXT = 400
_MOST_LONG = 3.0
_STANDS_OPEN = 1.0
_ANSWERED = 2.0  # a change that is stored fixes it
_NOT_PLANNED = -3.0
_DRAFT = -4.0
_WORDS = (
    ("regression", re.compile(r"\bregress\w*|\bno longer works?\b|\bbroke(?:n)? (?:by|since|in)\b|回归", re.I), 5.0),
    (
        "wrong-result",
        re.compile(r"\bwrong (?:result|output)|\bincorrect\b|\bnans?\b|\baccuracy\b|\bcorrupt\w*|\bgarbage\b", re.I),
        4.0,
    ),
    (
        "crash",
        re.compile(
            r"\bcrash\w*|\bsegfault\w*|\bhang(?:s|ing)?\b|\bdeadlock\w*|\billegal\b|\boom\b|\bout of memory\b|死锁", re.I
        ),
        4.0,
    ),
    ("security", re.compile(r"\bcve-\d|\bvulnerab|\bsecurity\b", re.I), 8.0),
    ("rfc", re.compile(r"\brfc\b|\broadmap\b|\bproposal\b|\bdeprecat\w*", re.I), 5.0),
    ("performance", re.compile(r"\bslow\w*|\bperf\w*|\blatency\b|\bthroughput\b", re.I), 2.0),
    (
        "hardware",
        re.compile(r"\bsm_?1[0-2]\d\b|\bblackwell\b|\bhopper\b|\b[bhg][bh]?[123]00\b|\brtx\b|\bspark\b|\bmi3\d\d", re.I),
        2.0,
    ),
    ("question", re.compile(r"\?\s*$|^\W*(?:\[?question|\[?usage|how (?:to|can|do)|what is|is there)|请问", re.I), -2.0),
)

# --- papers, posts, models ---------------------------------------------------------------------------------------------------

_PLAIN = 3.0
_IN_TITLE = 1.5
_IN_ABSTRACT = 0.5
_MOST_FIELD = 12.0
_FIELD = frozenset(
    tokens(
        "gpu cuda kernel attention inference serving llm quantization quantized fp8 fp4 nvfp4 mxfp4 int4 moe expert gemm "
        "decoding prefill kv cache tensor throughput latency batching speculative sparse sparsity triton cutlass hopper "
        "blackwell communication parallelism pipeline memory compiler autotuning transformer scheduling offloading "
        "distributed accelerator"
    )
)


@dataclass(frozen=True, slots=True)
class Points:
    """Points and what they are for, a machine's word."""

    value: float
    reason: str


def total(points: Iterable[Points]) -> float:
    return sum(point.value for point in points)


def measured_points(record: Record) -> list[Points]:
    """Points of a text that states a gain in figures."""
    return [Points(_MEASURED, "measured")] if _GAIN.search(record.body[:_BODY_CHARACTERS]) else []


def label_points(record: Record) -> list[Points]:
    """Points of each label by the first pattern that it matches, the weightiest labels first, up to a limit."""
    found = []
    for label in record.labels:
        value = next((value for pattern, value in _LABELS if pattern.search(label)), 0.0)
        if value:
            found.append(Points(value, f"label:{one_line(label, limit=40)}"))
    found.sort(key=lambda point: (-point.value, point.reason))
    kept: list[Points] = []
    for point in found:
        if total(kept) + point.value <= _MOST_LABELS:
            kept.append(point)
    return kept


def thread_points(view: View) -> list[Points]:
    """Points of an issue, or of a pull request that is not merged: its heat."""
    record = view.record
    title = record.title[:_TITLE_CHARACTERS]
    people = {note.author for note in record.notes} - {record.author, ""}
    found = [Points(_THREAD, "thread")]
    if record.notes:
        found.append(Points(_PER_NOTE * log2(1 + len(record.notes)), "heat"))
    if people:
        found.append(Points(_PER_PERSON * log2(1 + len(people)), "people"))
    if len(record.body) > _SHORT_TEXT:
        found.append(Points(min(_LONG * log2(len(record.body) / _SHORT_TEXT), _MOST_LONG), "length"))
    found += [Points(value, reason) for reason, pattern, value in _WORDS if pattern.search(title)]
    found += label_points(record)
    if any(beside.rel == "fixed-by" for beside in view.beside):
        found.append(Points(_ANSWERED, "fixed"))
    if record.state == "open":
        found.append(Points(_STANDS_OPEN, "open"))
    meta = dict(record.meta)
    if meta.get("state_reason") in ("not_planned", "duplicate"):
        found.append(Points(_NOT_PLANNED, "not-planned"))
    if meta.get("draft") == "true":
        found.append(Points(_DRAFT, "draft"))
    return found


def paper_points(record: Record) -> list[Points]:
    """Points of a paper or a post: how much its title and its abstract speak of the field, and whether it states a gain."""
    title, body = set(tokens(record.title)) & _FIELD, set(tokens(record.body[:_BODY_CHARACTERS])) & _FIELD
    near = min(_IN_TITLE * len(title) + _IN_ABSTRACT * len(body - title), _MOST_FIELD)
    found = [Points(_PLAIN, record.kind)]
    if near:
        found.append(Points(near, "field"))
    return [*found, *measured_points(record)]
