"""What a change has points for. Pure; kb.report.weight says what points are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from math import log2

from kb.classify import category, kind_of_path, labels
from kb.lines import View
from kb.report.heat import Points, label_points, measured_points, total
from kb.types import FileChange, Record

# --- changes: by kind --------------------------------------------------------------------------------------------------------

_OF_GROUP = {
    "releases": 36.0,
    "reverts": 30.0,
    "features": 10.0,
    "performance": 10.0,
    "models": 10.0,
    "fixes": 9.0,
    "other": 6.0,
    "refactoring": 4.0,
    "versions": 12.0,
    "dependencies": 2.0,
    "docs": 1.0,
    "tests": 1.0,
    "ci": 1.0,
}
_REASON = {
    "releases": "release",
    "reverts": "revert",
    "features": "feature",
    "fixes": "fix",
    "models": "model",
    "refactoring": "refactor",
    "dependencies": "dependency",
    "tests": "test",
    "versions": "version",
}
_OF_LABEL = {"breaking": 12.0, "security": 12.0, "model": 3.0, "hardware": 3.0, "performance": 2.0}
_MINOR = frozenset({"dependencies", "docs", "tests", "ci"})
_OF_MINOR = 0.3  # so much of what else it has points for counts for one of these
_SUDDEN = 20.0  # a revert at once; half of it for one after _SOON days
_SOON = 7.0
_OF_RELANDED = 0.3
_STABLE = 10.0  # a version is declared to be the one to use
_UNDONE = 6.0  # it has been reverted since
_SHIPPED = 1.5  # for each doubling of a release's commits
_EARLY = 0.4  # a nightly build or a release candidate, of a release's points
_BUMP_LINES = 40  # a commit that sets a version and changes less code than this does nothing else
_BOT_FACTOR = 0.2

# --- changes: by what they touch ---------------------------------------------------------------------------------------------

_PER_DOUBLING = 1.3  # of its changed lines
_MOST_LINES = 8_000  # beyond that it is bulk
_WEIGHT_OF_KIND = {"code": 1.0, "test": 0.05, "docs": 0.05, "ci": 0.1, "dependency": 0.02}
_BULK = 0.02  # of a line of generated code or data
_EXAMPLE = 0.3
_NO_CODE = 0.5  # of the points of what touches neither code nor examples
_PER_DIRECTORY = 1.2  # for each doubling of the number of directories of code
_MOST_REACH = 5.0
_CORE = 3.0
_NEW_FILE = 2.0
_INTERFACE = 2.5
_FIXES = 3.0
_PER_COMMENT = 1.0  # for each doubling of the comments on its pull request
_MOST_TALK = 5.0
_PER_BROUGHT = 1.5  # for each doubling of what a merge brought
_ALIKE = 8  # letters by which a folder is known as the package's own
_MOST_FILES = 2_000
_MOST_PATCH = 20_000  # characters of a file that are looked at for interfaces

_CORE_FOLDER = re.compile(r"(?:^|/)(?:csrc|include|src|kernels?|core|runtime|lib)/")
_ASIDE = re.compile(r"(?:^|/)(?:benchmarks?|scripts?|tools?|profiler)/|(?:^|/)bench(?:mark)?_", re.I)
_SHOWS = re.compile(r"(?:^|/)(?:examples?|samples?|demos?)/", re.I)
_BULKY = re.compile(
    r"\.(?:ipynb|json|jsonl|csv|tsv|svg|lock|txt|parquet|bin|pb|onnx|cubin|xml|html|min\.js|snap|patch|log)$"
    r"|(?:^|/)(?:generated|_generated|autogen|instantiations?|vendor|vendored|third[_-]?party|data|assets)/|_pb2\.|_generated\.",
    re.I,
)
_INTERFACES = re.compile(
    r"^\+(?:(?:def|class) [A-Za-z]\w*|TVM_FFI_DLL_EXPORT_TYPED_FUNC|TORCH_LIBRARY|enum class )"
    r"|^\+.*(?:add_argument\(|getenv\(|environ[.\[])",
    re.M,
)
_DECLARES = re.compile(r"\b(?:stable|general(?:ly)? availab\w+|GA)\b", re.I)
_BOT = re.compile(r"\[bot\]|^(?:dependabot|renovate|github-actions|pre-commit-ci|mergify|copybara)\b", re.I)
_EARLY_TAG = re.compile(r"nightly|(?:a|b|rc|alpha|beta|dev)[.-]?\d+(?:\.|$)|preview", re.I)


def change_points(view: View, group: str, *, relanded: bool = False) -> list[Points]:
    """Points of a commit, a merge with what it brought, a merged pull request or a release; of a revert that is ``relanded``
    in the same window few: in the end nothing was taken out."""
    if relanded:
        return [Points(point.value * _OF_RELANDED, point.reason) for point in _own_points(view, group)]
    own = _own_points(view, group)
    if not view.brought:
        return own
    best = max((_own_points(child, category(child.record)) for child in view.brought), key=total)
    points = max(own, best, key=total)
    return [*points, Points(_PER_BROUGHT * log2(1 + len(view.brought)), "brought")]


def talk_points(record: Record) -> list[Points]:
    """Points of what was said at the pull request that a change came with."""
    said = min(_PER_COMMENT * log2(1 + len(record.notes)), _MOST_TALK)
    return [Points(said, "heat")] if said else []


def _own_points(view: View, group: str) -> list[Points]:
    record = view.subject
    kinds = labels(record)
    base = Points(_OF_GROUP.get(group, _OF_GROUP["other"]), _REASON.get(group, group))
    if group == "reverts" and "revert" not in kinds:
        base = Points(base.value, "breaking")
    news = [
        *_kind_points(view, kinds - {base.reason}),
        *_reach_points(view.changed.files, record.repo),
        *measured_points(record),
        *label_points(record),
    ]
    factor = _OF_MINOR if group in _MINOR or (group == "versions" and is_announcement(view)) else 1.0
    if record.kind == "release":
        base = _release(view, base)
    if group == "versions" and _DECLARES.search(record.title):
        news.append(Points(_STABLE / factor, "stable"))
    files = view.changed.files
    whole = _BOT_FACTOR if _BOT.search(record.author) else 1.0
    if files and group not in (*_MINOR, "versions") and all(_share(file) < _EXAMPLE for file in files):
        whole *= _NO_CODE
    found = [base, *(Points(point.value * factor, point.reason) for point in news)]
    return [Points(point.value * whole, point.reason) for point in found]


def is_announcement(view: View) -> bool:
    """Whether a commit does no more than set the version of a release."""
    return view.record.kind == "commit" and sum(map(_lines, view.changed.files)) < _BUMP_LINES


def _release(view: View, base: Points) -> Points:
    record = view.record
    early = "prerelease" in record.marks or _EARLY_TAG.search(record.ref)
    shipped = _SHIPPED * log2(1 + len(view.tagged.commits) + view.tagged.beyond) if view.tagged else 0.0
    return Points((base.value + shipped) * (_EARLY if early else 1.0), "prerelease" if early else "release")


def _kind_points(view: View, kinds: Iterable[str]) -> Iterator[Points]:
    for label in sorted(kinds):
        if label in _OF_LABEL:
            yield Points(_OF_LABEL[label], label)
    record = view.subject
    for other in (*view.reverts, *(view.commit.reverts if view.commit else ())):
        if other.record:
            yield Points(_SUDDEN / (1 + _days(other.record.at, record.at) / _SOON), "reverts-recent")
            break
    if view.reverted_by or (view.commit and view.commit.reverted_by):
        yield Points(_UNDONE, "reverted")
    if record.linked("fixes") or (view.commit and view.record.linked("fixes")):
        yield Points(_FIXES, "fixes-issue")


def _days(earlier: datetime, later: datetime) -> float:
    return max((later - earlier).total_seconds(), 0.0) / 86_400


def _reach_points(files: Iterable[FileChange], repo: str) -> Iterator[Points]:
    """Points of the files of a change: how much, how far, how near to the core, what is new."""
    known = list(files)[:_MOST_FILES]
    code = [file for file in known if _share(file) == 1.0]
    lines = min(sum(map(_lines, known)), _MOST_LINES)
    if lines >= 1:
        yield Points(_PER_DOUBLING * log2(1 + lines), "size")
    if len(folders := {file.path.rpartition("/")[0] for file in code}) > 1:
        yield Points(min(_PER_DIRECTORY * log2(len(folders)), _MOST_REACH), "reach")
    if any(_is_core(file.path, repo) for file in code):
        yield Points(_CORE, "core")
    if any(file.status == "A" for file in code):
        yield Points(_NEW_FILE, "new-file")
    if any(_INTERFACES.search(file.patch[:_MOST_PATCH]) for file in code):
        yield Points(_INTERFACE, "public-api")


def _share(file: FileChange) -> float:
    """How much a line of a file counts."""
    kind = kind_of_path(file.path)
    if kind == "code" and (file.binary or _BULKY.search(file.path)):
        return _BULK
    if kind == "code" and _ASIDE.search(file.path):
        return _WEIGHT_OF_KIND["test"]
    return _EXAMPLE if kind == "code" and _SHOWS.search(file.path) else _WEIGHT_OF_KIND[kind]


def _lines(file: FileChange) -> float:
    return _share(file) * (file.additions + file.deletions)


def _is_core(path: str, repo: str) -> bool:
    """Whether a path lies in a folder of sources or in the package's own folder."""
    if _CORE_FOLDER.search(path):
        return True
    name = _compact(repo.rpartition("/")[2])
    return any(_alike(name, _compact(folder)) for folder in path.split("/")[:-1][:3])


def _compact(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _alike(name: str, folder: str) -> bool:
    """flash-attention and flash_attn: one begins as the other does."""
    least = min(len(name), len(folder), _ALIKE)
    return least > 2 and name[:least] == folder[:least]
