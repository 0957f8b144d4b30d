"""The hunk that is worth quoting: on patches such as repositories really have, moved code, and hostile ones."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.citations import EXACT, Piece, verify_pieces
from kb.facts import Facts
from kb.report.hunk import telling_hunk
from kb.types import Evidence, FileChange, Quote, Record
from tests.records import commit


def patch(*rows: str, start: int = 10, context: str = "") -> str:
    removed = sum(row[:1] in ("-", " ") for row in rows)
    added = sum(row[:1] in ("+", " ") for row in rows)
    return f"@@ -{start},{removed} +{start},{added} @@ {context}\n" + "\n".join(rows) + "\n"


def file(path: str, text: str, **fields: int | bool | str) -> FileChange:
    lines = text.split("\n")
    counts = {"additions": sum(line[:1] == "+" for line in lines), "deletions": sum(line[:1] == "-" for line in lines)}
    return FileChange(path=path, patch=text, **{**counts, **fields})  # type: ignore[arg-type]


def quoted(title: str, *files: FileChange, body: str = "") -> Quote | None:
    record = commit(1, title, body=body, files=files)
    found = telling_hunk(record)
    if found is not None:
        check(record, found)
    return found


def text(title: str, path: str, *rows: str, body: str = "", context: str = "") -> str:
    """What is quoted of a change of one hunk; "" where nothing is."""
    found = quoted(title, file(path, patch(*rows, context=context)), body=body)
    return found.text if found else ""


def check(record: Record, quote: Quote) -> None:
    """It stands in the patch as it is, can be verified, and is of a size that a report can show."""
    patches = [file.patch for file in record.files if file.path == quote.path]
    rows = quote.text.split("\n")
    assert any(f"\n{quote.text}" in patch for patch in patches)
    assert len(rows) <= 12
    assert all(len(row) <= 161 for row in rows)
    assert any(row[:1] in ("+", "-") for row in rows)
    assert quote.line >= 1
    evidence = {"kernels@1": Evidence("kernels@1", record, Quote(""))}
    assert verify_pieces([Piece(quote.text, "quote")], ["kernels@1"], evidence, Facts()) == EXACT


FILLER = [f" line {at}" for at in range(3)]
MORE = [f"+  step_{at}(x);" for at in range(6)]


# --- what is quoted ----------------------------------------------------------------------------------------------------------


def test_a_new_flag_with_the_whole_call() -> None:
    call = ["+    parser.add_argument(", '+        "--page-size",', "+        type=int,", "+        default=16,", "+    )"]
    assert text("feat: choose the size of pages", "engine/server.py", *FILLER, *call, *FILLER) == "\n".join(call)


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("engine/pages.py", '+    threads = int(os.environ.get("ENGINE_PAGE_THREADS", "4"))'),
        ("engine/pages.py", '+PATH = os.environ["ENGINE_PAGE_PATH"]'),
        ("csrc/pages.cu", '+  const char* algo = std::getenv("ENGINE_PAGE_ALGO");'),
        ("engine/cli.py", '+@click.option("--pages", default=3)'),
        ("csrc/pages.cu", '+DEFINE_bool(use_pages, true, "Whether tables are paged.");'),
    ],
)
def test_a_new_variable_or_flag_of_one_line(path: str, row: str) -> None:
    assert text("feat: pages", path, " ", row, *MORE, " ") == row


def test_no_empty_rows_are_quoted_around_it() -> None:
    function = ["+def _paged() -> bool:", '+    return os.environ.get("ENGINE_PAGED", "1") != "0"']
    assert text("feat: pages", "engine/pages.py", *function, "+", "+", " x = 1") == "\n".join(function)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("csrc/route.cu", '  CHECK(topK <= 22, "must have topK <= 22");', '  CHECK(topK <= 8, "must have topK <= 8");'),
        ("include/a/pages.h", "constexpr int kMaxPages = 512;", "constexpr int kMaxPages = 1024;"),
        ("include/a/pages.h", "#define MAX_PAGES 512", "#define MAX_PAGES 1024"),
        ("engine/pages.py", "    assert pages in (64, 128)", "    assert pages in (64, 256)"),
        ("engine/pages.py", "DEFAULT_TIMEOUT = 30.0", "DEFAULT_TIMEOUT = 120.0"),
    ],
)
def test_a_changed_limit_with_its_old_value(path: str, before: str, after: str) -> None:
    rows = [" a", f"-{before}", f"+{after}", " b", "-  x.run();", "+  y.run(z);", "+  y.stop();", "+  y.go();"]
    assert text("Change the pages of the topK kernel", path, *rows) == f"-{before}\n+{after}"


def test_a_new_parameter_of_a_public_function_with_its_signature() -> None:
    rows = [" def plan(", "     table: Tensor,", "+    page_size: int = 16,", " ) -> None:", '     """Plan."""']
    assert text("feat: page_size of plan", "engine/plan.py", *rows) == "\n".join(rows[:4])


def test_a_new_parameter_of_a_long_signature_between_its_neighbours() -> None:
    rows = [
        "     table: Tensor,",
        "     scale: float,",
        "+    page_size: int = 16,",
        "     stride: int = 1,",
        "     last: int = 0,",
    ]
    assert text("feat: page_size of plan", "engine/plan.py", *rows, context="def plan(") == "\n".join(rows[1:4])


def test_a_changed_signature() -> None:
    rows = ["-def scatter(array, value, *, latency=None):", "+def scatter(array, value, *, mask=None, latency=None):"]
    assert text("Add a mask to scatter", "engine/ops.py", *rows, "     pass", *MORE) == "\n".join(rows)


@pytest.mark.parametrize(
    ("title", "path", "row"),
    [
        ("Add reduce()", "engine/ops.py", "+def reduce(x, axis, *, keepdims=False):"),
        ("Add PageTableError", "engine/errors.py", "+class PageTableError(EngineError):"),
        ("feat: paged_norm", "csrc/binding.cu", "+TVM_FFI_DLL_EXPORT_TYPED_FUNC(paged_norm, engine::paged_norm);"),
    ],
)
def test_a_new_name_of_the_interface(title: str, path: str, row: str) -> None:
    body = [f"+    {name} = {name}(x, axis)" for name in "abcdefg"]
    assert text(title, path, " ", row, *body, " ") == row


def test_a_new_member_of_an_enumeration() -> None:
    rows = ["     SWIGLU = 0", "+    RELU2 = 3", "     GEGLU = 1"]
    found = text("feat: support relu2", "engine/kinds.py", *rows, "+    x()", " ", context="class ActivationType(IntEnum):")
    assert "+    RELU2 = 3" in found


def test_a_longer_list_of_what_is_supported() -> None:
    rows = ["-@supported_compute_capability([100])", "+@supported_compute_capability([100, 103])"]
    assert text(
        "Add SM103", "engine/gemm.py", *rows, " def run(x):", "-    go(x, y)", "+    gone(z)", "+    more()"
    ) == "\n".join(rows)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("requirements.txt", ["-torch==2.9.0", "+torch==2.10.0"]),
        ("version.txt", ["-0.6.2", "+0.6.3"]),
        ("engine/__init__.py", ['-__version__ = "0.6.2"', '+__version__ = "0.6.3"']),
        ("version.txt", ["-0.6.2", "\\ No newline at end of file", "+0.6.3", "\\ No newline at end of file"]),
    ],
)
def test_a_changed_version(path: str, rows: list[str]) -> None:
    assert text("Bump version to 0.6.3, torch to 2.10.0", path, *rows).startswith("\n".join(rows[:2]))


def test_a_condition_with_its_message() -> None:
    rows = [
        "+    if capability[0] != 9:",
        '+        raise RuntimeError("paged kernels are only supported on SM90")',
    ]
    assert text("Paged kernels need SM90", "engine/pages.py", " def run(x):", *rows, *MORE) == "\n".join(rows)


def test_a_check_that_took_the_place_of_another_is_not_quoted_without_it() -> None:
    old = [f'-    check(groups == 0, "groups need the first routing, said the old check {at}");' for at in range(6)]
    new = [f'+    raise ValueError("groups must not be zero for the first routing {at}")' for at in range(6)]
    body = "Any routing may have one group."
    assert text("Groups of the first routing must not be zero", "engine/pages.py", *new, *MORE, body=body)
    assert text("Groups of the first routing must not be zero", "engine/pages.py", *old, *new, *MORE, body=body) == ""


def test_of_a_change_of_one_line_that_line() -> None:
    rows = ["         a.device,", "-        alpha,", "+        alpha is not None,", "         nvfp4,"]
    assert text("Fix the type of an argument", "engine/gemm.py", *rows) == "\n".join(rows)
    assert (
        text("set_level is called", "include/a/log.h", " {", "+  log::set_level(level);", " }") == "+  log::set_level(level);"
    )


def test_what_the_title_speaks_of_is_preferred() -> None:
    rows = ["+AHEAD = os.getenv('ENGINE_AHEAD')", " ", "+PAGES = os.getenv('ENGINE_PAGES')"]
    assert text("feat: a variable for pages", "engine/a.py", *rows, *MORE) == rows[2]


def test_the_place_in_the_new_file() -> None:
    rows = [" a", "-old", " b", "+X = os.getenv('ENGINE_PAGES')", "+y()", "+z()", "+z()", "+z()", "+zz()"]
    found = quoted("feat: pages", file("engine/a.py", patch(*rows, start=40)))
    assert found is not None
    assert (found.path, found.line, found.text) == ("engine/a.py", 42, rows[3])


# --- what is not -------------------------------------------------------------------------------------------------------------

FLAG = '+    parser.add_argument("--page-size", type=int)'


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_pages.py",
        "benchmarks/bench.py",
        "docs/pages.md",
        "3rdparty/a/b.py",
        "src/generated/a.py",
        "a.ipynb",
        "data.json",
        "bench_pages.py",
    ],
)
def test_nothing_of_tests_documents_and_generated_files(path: str) -> None:
    assert text("feat: choose the size of pages", path, " ", FLAG, " ") == ""


def test_nothing_of_the_body_of_a_kernel() -> None:
    rows = [f"-  acc[{at}] = mma(a[{at}], b[{at}]);" for at in range(5)] + [
        f"+  acc[{at}] = mma(a[{at}], c);" for at in range(5)
    ]
    assert text("perf: faster accumulation", "csrc/gemm.cu", *rows) == ""


def test_nothing_of_imports_comments_and_docstrings() -> None:
    assert text("Use it", "engine/a.py", "-from .b import c", "+from .b import c, d", " ") == ""
    assert text("Use it", "engine/__init__.py", " ", "+from .b import (", "+    c as c,", "+)", " ") == ""
    assert text("Say it", "csrc/a.cu", '-// reads getenv("ENGINE_PAGES")', '+// reads getenv("ENGINE_TABLES")', " ") == ""
    rows = [
        " def run():",
        '     """Run.',
        '+    Set os.environ["ENGINE_PAGES"] first.',
        '+    Or os.environ["ENGINE_ROWS"].',
        '     """',
    ]
    assert text("Say it", "engine/a.py", *rows) == ""


def test_nothing_of_a_file_that_is_gone() -> None:
    gone = FileChange(path="engine/a.py", status="D", deletions=1, patch="@@ -1 +0,0 @@\n-X = os.getenv('ENGINE_PAGES')\n")
    assert quoted("Remove ENGINE_PAGES", gone) is None


def test_code_that_was_moved_is_no_news() -> None:
    row = "X = os.getenv('ENGINE_PAGES')"
    more = [f"+y_{at}()" for at in range(6)]
    left = file("engine/a.py", patch(" ", f"-{row}", " "))
    assert quoted("Tidy up", left, file("engine/b.py", patch(" ", f"+    {row}", *more))) is None
    assert quoted("Tidy up", left, file("tests/b.py", patch(" ", f"+{row}", *more))) is None  # wherever it went
    assert quoted("Tidy up", file("engine/b.py", patch(" ", f"+{row}", *more))) is not None


def test_a_line_that_changed_its_place_in_a_small_change_is_no_news() -> None:
    assert text("Reorder", "engine/a.py", "+run(x)", " a", " b", "-run(x)") == ""


def test_a_name_that_was_there_before_is_not_new() -> None:
    rows = [" OLD = os.getenv('ENGINE_PAGES')", "+NEW = os.getenv('ENGINE_PAGES', 'x')", *(f"+y_{at}()" for at in range(5))]
    assert text("Use it twice", "engine/a.py", *rows) == ""


def test_new_names_of_a_change_of_which_much_is_not_stored_may_have_been_moved() -> None:
    rows = patch("+def reduce_pages(axis):", *MORE)
    assert quoted("Pages of reduce by axis", file("engine/a.py", rows)) is not None
    assert quoted("Pages of reduce by axis", file("engine/a.py", rows, deletions=900, truncated=True)) is None


def test_a_line_that_the_cap_may_have_cut_is_not_quoted() -> None:
    cut = file("engine/a.py", patch(" a", "+X = os.getenv('ENGINE_PAGES')").rstrip("\n"), truncated=True)
    assert quoted("feat: pages", cut) is None


def test_it_begins_and_ends_with_whole_statements() -> None:
    rows = [
        "     run(",
        '+        os.environ.get("ENGINE_PAGES"),',
        "         x,",
        *(f"         a{at}," for at in range(14)),
        "     )",
    ]
    assert text("feat: pages", "engine/a.py", *rows, "+y()", "+y()", "+yy()", "+yyy()") == ""  # its call is too long
    short = [*rows[:4], "     )"]
    assert text("feat: pages", "engine/a.py", *short, *FILLER, "+y()", "+yy()", "+yyy()", "+yyyy()") == "\n".join(short)


@pytest.mark.parametrize(
    "value",
    [
        "'\u202e'",
        "'a\x1b[31m'",
        "'https://ada:secret@example.org'",
        "'ghp_0123456789abcdefghij'",
        f"'{'a' * 200}'",
        f"'{'0f' * 20}'",
        "'x'\r",
    ],
)
def test_what_may_not_be_shown_is_not_quoted(value: str) -> None:
    assert text("feat: pages", "engine/a.py", f"+X = os.getenv('ENGINE_PAGES', {value})", "+a()", "+b()", "+c()", "+d()") == ""


# --- hostile patches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "@@ -1 +1 @@\n+" + "os.getenv('ENGINE_PAGES'(" * 400_000,
        "@@ -0,0 +1,60000 @@\n" + "+x = os.getenv(\n" * 60_000,
        "@@ -1,60000 +1,60000 @@\n" + "-max_x = 1, a, b(1)\n+min_x = a, 2, c(2)\n" * 30_000,
        "@@ -0,0 +1,60000 @@ enum class Kind {\n" + "+  A,\n" * 60_000,
        "@@ -1 +1 @@\n-a = 1\n+b.c()\n" * 60_000,
        "@@ -1 +1 @@\n" + "+" + " " * 150 + "x(\n" * 60_000,
        "+no header\n" * 1_000,
        "@@ -1 +1 @@\n\x00\x01\n\n\ud800\n+\n-\n\\\n",
        "@@ -99999999999999999999,1 +99999999999999999999,1 @@\n+a\n",
    ],
    ids=range(9),
)
@pytest.mark.parametrize("path", ["engine/a.py", "csrc/a.h", "requirements.txt"])
def test_what_is_read_of_a_patch_is_capped(path: str, text: str) -> None:
    record = commit(1, "feat: pages", files=[FileChange(path=path, patch=text, additions=9)] * 200)
    found = telling_hunk(record)
    if found is not None:
        check(record, found)


LINES = """
x = os.getenv('ENGINE_PAGES')
def pages(x, y):
    parser.add_argument(
        '--pages',
    )
MAX_PAGES = 8
MAX_PAGES = 16
assert pages <= 22
assert pages <= 8

class Pages(IntEnum):
    ONE = 1
    pages: int = 3,
(((
]
raise ValueError('pages')
torch>=2.1
@@ -1 +1 @@
import pages
# pages
    return {
enum Pages {
  A,
"""
CODE = st.sampled_from([*LINES.split("\n"), "a\u2028b", "a\x0cb", "'''"])
ROWS = st.lists(st.tuples(st.sampled_from(["+", "-", " ", "", "\\"]), st.one_of(CODE, st.text(max_size=20))), max_size=30)


@given(
    rows=ROWS,
    title=st.sampled_from(["feat: pages", "", "Refactor MAX_PAGES", "bump version to 2"]),
    path=st.sampled_from(["engine/a.py", "csrc/a.cuh", "requirements.txt", "version.txt"]),
    truncated=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_quoted_is_a_slice_of_the_patch(
    rows: list[tuple[str, str]], title: str, path: str, truncated: bool
) -> None:
    lines = "\n".join(f"{mark}{line}" for mark, line in rows)
    changed = FileChange(path=path, patch=f"@@ -5,9 +5,9 @@ def pages(\n{lines}\n", additions=9, truncated=truncated)
    record = commit(1, title, files=(changed,))
    found = telling_hunk(record)
    if found is not None:
        check(record, found)
        assert re.search(r"^[+-]", found.text, re.M)


def test_a_record_without_patches_has_none() -> None:
    assert telling_hunk(commit(1, "feat: it", files=())) is None
    assert telling_hunk(commit(1, "feat: it", files=(FileChange(path="a.bin", binary=True),))) is None
