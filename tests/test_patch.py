"""Patches read back into hunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kb.patch import hunks
from kb.types import Hunk

PATCH = """@@ -10,3 +12,4 @@ def outer(a: int) -> int:
 context
-old
+new
+@@ -1 +1 @@ not a header
@@ -40 +43,0 @@
-gone
\\ No newline at end of file"""


def test_hunks_have_lines_context_and_text() -> None:
    assert hunks(PATCH) == (
        Hunk(12, "def outer(a: int) -> int:", " context\n-old\n+new\n+@@ -1 +1 @@ not a header"),
        Hunk(43, "", "-gone\n\\ No newline at end of file"),
    )
    assert hunks(PATCH + "\n") == hunks(PATCH)


def test_what_is_not_a_hunk_is_left_out() -> None:
    assert hunks("") == ()
    assert hunks("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+a") == (Hunk(1, "", "+a"),)


def test_cut_off_hunk_gives_what_is_there() -> None:
    assert hunks("@@ -1,9 +1,9 @@ class A:\n a\n-b") == (Hunk(1, "class A:", " a\n-b"),)
    assert hunks("@@ -1,9 +1,9 @@") == (Hunk(1, "", ""),)


def test_only_lf_ends_a_line() -> None:
    text = "+a\x0cb\u2028c\x85d\re"
    assert hunks("@@ -0,0 +1 @@\n" + text) == (Hunk(1, "", text),)


LINES = st.lists(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=9).map("+{}".format), max_size=5
)


@given(st.lists(st.tuples(st.integers(0, 9999), LINES), max_size=5))
def test_every_line_of_content_is_in_one_hunk(parts: list[tuple[int, list[str]]]) -> None:
    patch = "\n".join(line for start, lines in parts for line in (f"@@ -1,2 +{start},3 @@ f()", *lines))
    found = hunks(patch)
    assert [(hunk.start, hunk.text) for hunk in found] == [(start, "\n".join(lines)) for start, lines in parts]
