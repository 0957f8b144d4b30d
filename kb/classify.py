"""What kind of change a record is, from its title, its labels, its paths and its links. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from kb.types import Record

GROUPS = (
    "reverts",
    "releases",
    "features",
    "fixes",
    "performance",
    "models",
    "refactoring",
    "docs",
    "tests",
    "ci",
    "dependencies",
    "other",
    "pulls",
    "issues",
    "papers",
    "posts",
    "hub",
)

_GROUP_OF_KIND = {"release": "releases", "issue": "issues", "paper": "papers", "post": "posts", "model": "hub"}
_GROUP_OF = {
    "revert": "reverts",
    "breaking": "reverts",
    "release": "releases",
    "security": "fixes",
    "fix": "fixes",
    "performance": "performance",
    "model": "models",
    "hardware": "models",
    "feature": "features",
    "refactor": "refactoring",
    "docs": "docs",
    "test": "tests",
    "ci": "ci",
    "dependency": "dependencies",
    "other": "other",
}

# A conventional prefix or a bracketed tag is its author's own word for the kind of change.
_PREFIX_WORDS = {
    "feature": "feat feature feats features enhancement enh support new",
    "fix": "fix fixes fixed bugfix bug hotfix bug-fix hot-fix patch bugfixes",
    "performance": "perf performance opt optim optimize optimization speed tuning",
    "refactor": "refactor refactoring refac ref cleanup clean-up nfc style lint format chore rename simplification",
    "docs": "doc docs documentation readme changelog docstring",
    "test": "test tests testing unittest unittests ut bench benchmark benchmarks",
    "ci": "ci ci/cd cicd cd build infra infrastructure packaging workflow workflows release-ci cmake docker nightly",
    "dependency": "deps dep dependency dependencies submodule 3rdparty",
    "release": "release",
    "revert": "revert",
    "security": "security cve",
    "model": "model models",
}
_LABEL_OF_PREFIX = {word: label for label, words in _PREFIX_WORDS.items() for word in words.split()}
_CONVENTIONAL = re.compile(r"\s*[:*]*\s*([A-Za-z][A-Za-z0-9/_-]{1,24})\s*((?:[(\[][^)\]]{0,80}[)\]])?)\s*(!?)\s*[:：]")
_BRACKETS = re.compile(r"\s*[\[【(]([^\]】)]{1,60})[\]】)]\s*[:-]?")
_BRANCH = re.compile(r"\s*([A-Za-z]{2,8})/\w")
_WEAK_PREFIXES = frozenset(
    {"chore", "style", "lint", "format", "build", "infra", "infrastructure", "support", "new", "patch", "misc"}
)

_REVERT = re.compile(
    r"^[^\w\"“'`]*(?:\[[^\]]*\]\s*)*(?:(?:revert(?:s|ed|ing)?|back(?:ed)? ?out)\b(?! only| to\b)"
    r"(?![^\"#]* to (?:get|use|avoid|allow|make)\b)|回退|回滚|撤销)"
    r"|\brevert(?:s|ed|ing)? (?:pr |commit )?(?:#\d+|[0-9a-f]{7,40}\b|\")",
    re.I,
)
_BREAKING = re.compile(
    r"(?<!non-)(?<!non )(?<!avoid )\bbreaking[ _-]?(?:api[ _-])?changes?\b|^\W*(?:\[?breaking\]?)\b|\bBREAKING\b|"
    r"\bbackwards?[- ]incompatible\b"
    r"|(?i:\b(?:deprecates?|deprecating|removes?|drop(?:s|ped)?|renames?)\b[^,;]{0,40}"
    r"\b(?:public|apis?|support for|python 3\.\d+|cuda 1[0-2])\b)"
)
_BREAKING_BODY = re.compile(
    r"^\s*BREAKING[ -]CHANGES?\b:?[ \t]*(?!no\b|none\b|n/?a\b)[^\s:]|^\s*#+\s*breaking changes?\s*\n+(?!\s*(?:no|none|"
    r"n/?a)\b)\s*\w",
    re.I | re.M,
)
_RELEASE = re.compile(
    r"^\W*(?:chore\W+)?(?:\[?release\]?\W+|bump(?:ed|ing|s)?\W+(?:(?:the|package|flashinfer|flash[-_]attn|"
    r"flash-attention|fa\d|release|to|its|cu\w*tile\w*)\W+)*(?:version|v?\d)|(?:bump|update|set|increase|change|"
    r"prepare|upgrade)\w*\W+"
    r"(?:[\w-]+\W+){0,2}?version\W+(?:number\W+)?(?:to|from|for|v?\d)|(?:create|cut|prepare|publish|"
    r"tag)\w*\W+(?:the\W+)?(?:new\W+)?(?:release\b|v\d|rc\d+$))"
    r"|\bv?\d+\.\d+(?:\.\d+)?(?:\W?(?:rc|post|beta|alpha|dev)\W?\d*)? release\b(?! branch)|\brelease:? v?\d+\.\d+|"
    r"^\W*v?\d+\.\d+\.\d+\S*\W*$"
    r"|\bversion bump\b|发布 ?v?\d|^\W*bump version\b"
    r"|^\W*v\d+\.\d+(?:\.\d+)?(?: (?:tag|dev|release|update))+\b|\bmark\w* [^,;]{0,40}\bv?\d+\.\d+(?:\.\d+)? (?:as )?stable\b",
    re.I,
)
_OWN_VERSION = re.compile(r"\W*bump version\b", re.I)
_TYPO = re.compile(
    r"\b(?:(?:fix|update|improve|correct)\w* (?:the )?(?:documentation|docstrings?|docs?|comments?)|typos?|misspell\w*|"
    r"spelling|wording|duplicated word|legend)\b",
    re.I,
)
_NAMES_OTHER = re.compile(
    r"\b(?:torch|pytorch|cuda|cutlass|cute|cudnn|tvm|tvm-ffi|apache-tvm-ffi|triton|numpy|python|ck|"
    r"composable_kernel|aiter|quack|submodules?|cccl|nvcc|"
    r"cutlass-dsl|nvidia-[\w-]+|setuptools|mypy|ruff|pre-commit|actions?|docker|image|container|dependenc(?:y|"
    r"ies)|deps|spdlog|fmt|googletest|dsl|nixl|nvshmem|"
    r"tileiras|dlpack|pybind11|cutedsl|tilelang|llvm|requirements?|lock ?file|uv\.lock)\b",
    re.I,
)
_DEPENDENCY = re.compile(
    r"\b(?:bump|upgrade|update|pin|unpin|move|switch|require|relax|"
    r"downgrad)\w*\b[^,;:]{0,50}?(?:\bfrom v?\d[\w.]* to v?\d|\bto (?:version )?[>=]*v?\d+\.\d|[>=~]=\s*v?\d|"
    r"\bdependenc(?:y|ies)\b|\bsubmodules?\b|\brequirements?\b|\bv\d+\.\d+)|\bupdate to (?:[\w-]+ )?v?\d+\.\d|"
    r"^\W*cutlass v?\d|\block ?file\b|\buv\.lock\b|\bbump [\w-]+ version\b|"
    r"依赖",
    re.I,
)
_SECURITY = re.compile(
    r"\bCVE-\d{4}-\d+|\bsecurity\b|\bvulnerab|\bsanitiz\w+ (?:user|untrusted)|\brce\b|\bcode injection\b|"
    r"\bpath traversal\b",
    re.I,
)
_PERFORMANCE = re.compile(
    r"\b(?:perf|performance|speed[- ]?ups?|speed(?:s|ing)? up|faster|optimi[sz]\w*|throughput|latency|"
    r"accelerat\w*|tun(?:e|es|ed|ing)\b|tail effects?|"
    r"bank conflicts?|vectori[sz]\w+|better perf\w*|overhead|(?<!all )(?<!all-)reduce\w* (?:register|memory|smem|"
    r"sync|launch|host|cpu|kernel|compile|compilation|time|jit|latency)\w*|"
    r"intra-warpgroup overlap|prefetch\w*|fast ?path|pipelin(?:e|ed|ing) (?:the )?loads?|boost\w*)\b|性能|加速|优化",
    re.I,
)
_FIX = re.compile(
    r"\b(?:fix(?:e[sd]|ing|up|ups)?|bug[- ]?fix\w*|hot[- ]?fix\w*|bugs?|correct(?:s|ed|ly|ing)?|incorrect\w*|"
    r"repair\w*|resolv(?:e[sd]?|ing)|prevent\w*|avoid\w*|workaround|"
    r"work around|crash\w*|segfault\w*|deadlock\w*|hang(?:s|ing)?|race(?: condition)?s?|overflow\w*|leak\w*|"
    r"regression\w*|restore\w*|wrong|broken|missing|accidental\w*|typos?|"
    r"guard against|handle\w* (?:missing|empty|invalid|error|zero)|fallback to|fall back|mismatch\w*|oob|"
    r"add(?:s|ed|ing)? (?:(?!to\b)[\w./`-]{1,40} ){0,6}(?:checks?|guards?)|"
    r"rais(?:e[sd]?|ing) (?:an? )?[\w`]{0,60}(?:error|exception)`?|"
    r"out[- ]of[- ]bounds?|illegal|nans?|stabili[sz]e\w*|unbreak|hotpatch)\b|修复|修正",
    re.I,
)
_STRONG_FIX = re.compile(
    r"^\W*(?:\[[^\]]*\]\s*)*(?:[\w-]+(?:\([^)]*\))?:\s*)?(?:\[[^\]]*\]\s*)*(?:fix(?:e[sd]|ing|up)?|bug[- ]?fix|"
    r"hot[- ]?fix|correct|repair|resolve[sd]?|prevent|unbreak)\b|修复",
    re.I,
)
_MODEL = re.compile(
    r"\b(?:deepseek|dsv[34]|qwen[\w.-]*|llama[\w.-]*|gpt-?oss|gemma|mistral|mixtral|nemotron|kimi|glm[\w.-]*|"
    r"minimax|phi-?[34]|hunyuan|gpt-?(?:2|j|neox)|bert|vit|falcon|"
    r"codellama|llama2|mamba2?|ernie|step-?3|longcat|trinity|olmo\w*|granite)\b",
    re.I,
)
_HARDWARE = re.compile(
    r"\b(?:sm_?(?:7[05]|8[0-9]|9[0-9]|1[0-2][0-9])[af]?|blackwell|hopper|ampere|ada|turing|thor|spark|gb?[123]00|"
    r"[abh][12]00|rtx|jetson|rocm|amd|mi[23]\d\dx?|xpu|gfx\d+|"
    r"gpu architectures?|aarch64|arm64|windows)\b",
    re.I,
)
_ADDS = re.compile(
    r"^\W*(?:\[[^\]]*\]\s*)*(?:[\w/-]+(?:\([^)]*\))?!?:\s*)?(?:\[[^\]]*\]\s*)*\W*(?:initial(?:ly)?|add(?:s|ed|"
    r"ing)?|support(?:s|ed|ing)?|implement(?:s|ed|ing)?|introduc(?:e[sd]?|ing)|enabl(?:e[sd]?|ing)|"
    r"allow(?:s|ed|ing)?|accept|expose[sd]?|provide[sd]?|integrat\w+|creat(?:e[sd]?|ing)|new|extend(?:s|ed)?|port|"
    r"let|make it possible|onboard|generaliz\w+|permit)\b",
    re.I,
)
_SUPPORTS = re.compile(
    r"\b(?:supports?|support for|adds|added|implement(?:s|ed|ation)|enabl(?:e|es|ed|ement)|introduc\w+|"
    r"initial)\b|支持|新增|添加|实现",
    re.I,
)
_REFACTOR = re.compile(
    r"\b(?:refactor\w*|clean[- ]?ups?|clean(?:ed|s|ing)? ?up|renam(?:e[sd]?|ing)|mov(?:e[sd]?|ing)|simplif\w+|"
    r"reorgani[sz]\w+|restructur\w+|unif(?:y|ies|ied)|dedup\w*|"
    r"extract(?:s|ed)?|dead code|consolidat\w+|remov(?:e[sd]?|ing)|delet(?:e[sd]?|ing)|drop(?:s|ped)?|nfc|split|"
    r"lint\w*|code format|format(?:ting)?|indent|don't need|"
    r"replac(?:e[sd]?|ing)|tidy|style|modulari[sz]e\w*|deprecat\w+|merge \w+ into|rework\w*|revamp|disable[sd]?|"
    r"get rid of|make \w+ private|inline|rewrite|cosmetic|separate|centrali[sz]e|migrate|switch from|"
    r"abstraction)\b|^\W*(?:wrap|break|convert|switch|delay|prepare)\b|\buse (?:quack|[\w.]+ instead|dataclasses)|"
    r"重构|重命名|清理|删除|移除",
    re.I,
)
_DOCS = re.compile(
    r"\b(?:docs?|documentation|docstrings?|clarif\w+|readme|changelog|tutorials?|roadmap|contributing|spelling|"
    r"citation|comments?|document(?:s|ed|ing)?|notice|copyright|licen[cs]e)\b|文档|注释",
    re.I,
)
_TEST = re.compile(
    r"\b(?:unit[- ]?tests?|unittests?|tests?|testing|pytest|test[-_]\w+|xfail\w*|flak(?:y|iness|yness)|"
    r"test ?cases?|benchmarks?|bench(?:marking)?|fuzz\w*)\b|测试",
    re.I,
)
_CI = re.compile(
    r"\b(?:ci|ci/cd|github actions?|workflows?|pre-?commit|jenkins\w*|gitlab|codeowners?|wheels?|docker\w*|"
    r"dockerfile|runners?|nightly|cmake\w*|pipelines?(?= (?:yaml|yml|job|config))|"
    r"setup\.py|pyproject(?:\.toml)?|package[- ]data|compilation database|mypy|clangd?|claude|coderabbit|"
    r"dependabot|build system|build script|containers?|\.gitignore|install\.sh|publish\w*)\b",
    re.I,
)

_DOC_FILE = re.compile(
    r"(?:^|/)(?:docs?|documentation|tutorials?|changelog\.d)/|(?:^|/)(?:README|CHANGELOG|CONTRIBUTING|LICENSE|"
    r"NOTICE|CITATION|AUTHORS|ROADMAP)[^/]*$|\.(?:md|rst|ipynb)$",
    re.I,
)
_TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|unittests?|testing|bench(?:marks?)?)/|(?:^|/)(?:test_[^/]*|conftest)\.py$|_test\.(?:py|cc|"
    r"cpp|cu|go)$|(?:^|/)bench_[^/]*$",
    re.I,
)
_CI_FILE = re.compile(
    r"(?:^|/)(?:\.github|\.gitlab|\.ci|ci|docker|\.circleci|\.buildkite|\.claude|\.devcontainer)/|(?:^|"
    r"/)(?:\.gitlab-ci[^/]*|Jenkinsfile|Dockerfile[^/]*|\.pre-commit-config\.yaml|"
    r"CMakeLists\.txt|setup\.py|setup\.cfg|pyproject\.toml|MANIFEST\.in|\.gitignore|\.coderabbit\.yaml|"
    r"codecov\.yml|Makefile|CODEOWNERS|scripts/[^/]*\.sh|mypy\.ini|\.clang-format|install\.sh)$|\.cmake$|(?:^|/)build\w*/[^/]+\.py$",
    re.I,
)
_DEPENDENCY_FILE = re.compile(
    r"(?:^|/)(?:requirements[^/]*\.txt|uv\.lock|poetry\.lock|package-lock\.json|\.gitmodules|"
    r"constraints[^/]*\.txt|go\.(?:mod|sum)|Cargo\.lock)$|(?:^|/)3rdparty/|(?:^|/)third[_-]party/",
    re.I,
)
_SHOWN = re.compile(r"(?:^|/)(?:examples?|samples?|demos?|scripts?|tools?)/", re.I)
_LARGE = 300  # lines of code
_NEW_SHARE = 0.2  # of them in new files
_GROWTH = 1.25  # lines added for each that is gone

# Which label a record with several is listed under: the one that tells a reader most, unless its author said otherwise.
_ORDER = (
    "revert", "breaking", "release", "security", "docs", "test", "ci", "dependency", "fix", "performance", "model", "hardware",
    "feature", "refactor",
)  # fmt: skip


def kind_of_path(path: str) -> str:
    """docs, test, ci, dependency or code: what a file is for, by where it is."""
    if _DEPENDENCY_FILE.search(path):
        return "dependency"
    if _TEST_FILE.search(path):
        return "test"
    if _CI_FILE.search(path):
        return "ci"
    return "docs" if _DOC_FILE.search(path) else "code"


def labels(record: Record) -> frozenset[str]:
    """Every kind of change that a record is, of: revert, breaking, release, feature, fix, performance, model, hardware,
    refactor, docs, test, ci, dependency, security, other (only where there is none else)."""
    if record.kind == "release":
        return frozenset({"release"})
    record = _retitled(record)
    return frozenset([*_said(record), *_from_words(record), *_from_paths(record)]) or frozenset({"other"})


def category(record: Record) -> str:
    """The one of GROUPS that a record is listed under; of pull requests only the merged ones are changes."""
    if record.kind == "pull" and record.state != "merged":
        return "pulls"
    if record.kind in _GROUP_OF_KIND:
        return _GROUP_OF_KIND[record.kind]
    return _GROUP_OF[_leading(_retitled(record))]


def _retitled(record: Record) -> Record:
    """A merged pull request says what it is in the first line of its body, not in "Merge pull request #1 from a/b"."""
    if not record.title.startswith("Merge pull request"):
        return record
    first = next((line.strip() for line in record.body.split("\n") if line.strip()), "")
    return replace(record, title=first or record.title.rpartition("/")[2].replace("-", " ").replace("_", " "))


def _leading(record: Record) -> str:
    said, words, paths = _said(record), list(_from_words(record)), _from_paths(record)
    for label in ("revert", "breaking"):
        if label in said or label in words:
            return label
    if "dependency" in words and paths in (["ci"], ["dependency"]):
        return "dependency"
    if "security" in words or "release" in said or ("release" in words and "docs" not in paths):
        return "security" if "security" in words else "release"
    for label in (*paths, *said):  # a fix of the tests alone is about the tests
        return _refined(label, words)
    found = next((label for label in _ORDER if label in words), "")
    return found or ("feature" if _is_large_addition(record) else "other")


def _is_large_addition(record: Record) -> bool:
    """Whether it is mostly new code, in a file of its own: what no word says to be anything else is new."""
    code = [file for file in record.files if kind_of_path(file.path) == "code" and not _SHOWN.search(file.path)]
    added = sum(file.additions for file in code)
    new = sum(file.additions for file in code if file.status == "A")
    return added >= _LARGE and new >= added * _NEW_SHARE and added >= _GROWTH * sum(file.deletions for file in code)


def _refined(label: str, words: Collection[str]) -> str:
    """A feature that is a model's or a GPU's support is listed with those."""
    if label != "feature":
        return label
    return next((special for special in ("model", "hardware") if special in words), label)


# --- what the author says --------------------------------------------------------------------------------------------------


def _said(record: Record) -> list[str]:
    """Kinds named by the title's prefix and tags, by the source's labels, and by the record's own kind; surest first."""
    found: dict[str, None] = {}
    if record.kind == "release":
        found["release"] = None
    if record.linked("reverts") or _REVERT.search(record.title):
        found["revert"] = None
    title = record.title
    while match := _BRACKETS.match(title):
        found.update(dict.fromkeys(_tag_labels(match[1])))
        title = title[match.end() :]
    if prefix := _CONVENTIONAL.match(title):
        word = prefix[1].lower()
        label = _LABEL_OF_PREFIX.get(word)
        if word not in _WEAK_PREFIXES and label:
            found[label] = None
        if prefix[3]:
            found["breaking"] = None
        if prefix[2]:
            scope = set(re.split(r"[\W_]+", prefix[2].lower()))
            found.update(dict.fromkeys(label for label in ("ci", "docs", "test") if label in scope and "fix" not in found))
    if branch := _BRANCH.match(title):
        found.update(dict.fromkeys(_tag_labels(branch[1])))
    return list(found)


def _tag_labels(tag: str) -> Iterator[str]:
    for word in re.split(r"[\s,|&+]+", tag.lower()):
        label = _LABEL_OF_PREFIX.get(word.strip("`*_"))
        if label and word not in _WEAK_PREFIXES:
            yield label


# --- what the words say ----------------------------------------------------------------------------------------------------


def _from_words(record: Record) -> Iterator[str]:
    title = _without_prefix(record.title)
    fixes = bool(_STRONG_FIX.search(record.title) or _FIX.search(title))
    adds = bool(_ADDS.search(record.title))
    supports = adds or bool(_SUPPORTS.search(title))
    yield from _rare(record, title)
    if _DOCS.search(title) and (_TYPO.search(title) or not _code_touched(record) > 0.5):
        yield "docs"
    if _test_is_subject(record, title):
        yield "test"
    if _CI.search(title) and not _code_touched(record) > 0.8:
        yield "ci"
    if _DEPENDENCY.search(title) and (_NAMES_OTHER.search(title) or "dependenc" in title.lower()) and not supports:
        yield "dependency"
    if fixes:
        yield "fix"
    if _PERFORMANCE.search(title):
        yield "performance"
    if supports and not fixes:
        if _MODEL.search(title):
            yield "model"
        if re.search(r"\bsupports?\b|\benabl|支持", title, re.I) and _HARDWARE.search(title):
            yield "hardware"
        yield "feature"
    if _REFACTOR.search(title) and not fixes and not adds:
        yield "refactor"


def _rare(record: Record, title: str) -> Iterator[str]:
    if _BREAKING.search(record.title) or _BREAKING_BODY.search(record.body):
        yield "breaking"
    if _OWN_VERSION.match(title) or (
        _RELEASE.search(title) and not (_NAMES_OTHER.search(title) or "dependenc" in title.lower())
    ):
        yield "release"
    if _SECURITY.search(title):
        yield "security"


def _without_prefix(title: str) -> str:
    while match := _BRACKETS.match(title):
        title = title[match.end() :]
    match = _CONVENTIONAL.match(title)
    return title[match.end() :] if match and match[1].lower() in _LABEL_OF_PREFIX else title


def _test_is_subject(record: Record, title: str) -> bool:
    """ "Add tests for X" is about tests; "Add X, and tests" is about X."""
    match = _TEST.search(title)
    if match is None:
        return False
    if re.search(r"\b(?:and|with|\+|&)\s+(?:\w+\s+){0,2}$", title[: match.start()]):
        return False
    return not _code_touched(record) > 0.5


def _code_touched(record: Record) -> float:
    """Share of changed lines that are code; 0 where nothing is known of the files."""
    sizes = [(kind_of_path(file.path), file.additions + file.deletions + 1) for file in record.files]
    whole = sum(size for _, size in sizes)
    return sum(size for kind, size in sizes if kind == "code") / whole if whole else 0.0


# --- what the files say ----------------------------------------------------------------------------------------------------


def _from_paths(record: Record) -> list[str]:
    """The one kind of file that was touched, where there is only one and it is no code."""
    kinds = {kind_of_path(file.path) for file in record.files}
    if kinds == {"ci"} and _RELEASE.search(record.title):
        return []
    if len(kinds) == 1:
        return [] if "code" in kinds else list(kinds)
    return [_most_touched(record)] if kinds == {"ci", "test"} else []


def _most_touched(record: Record) -> str:
    """The kind of file of which most lines were changed."""
    lines: Counter[str] = Counter()
    for file in record.files:
        lines[kind_of_path(file.path)] += file.additions + file.deletions + 1
    return lines.most_common(1)[0][0]
