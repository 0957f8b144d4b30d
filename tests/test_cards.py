"""Records to the texts that are embedded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from index.cards import PARTS, cards, significant_files
from kb.types import FileChange
from tests.records import commit


def patched(path: str, lines: int) -> FileChange:
    return FileChange(path=path, additions=lines, patch="@@ -0,0 +1 @@ f()\n" + "+some changed line\n" * lines)


def test_a_short_message_and_its_files_make_one_card_each() -> None:
    record = commit(1, "Add it", body="<!-- no -->\nWhy it is added.", files=(patched("src/a.py", 2), patched("src/b.py", 9)))
    made = {card.part: card.text for card in cards(record)}
    assert made == {
        "m0": "Add it\nWhy it is added.",
        "d0": "src/b.py\nf() " + "some changed line " * 8 + "some changed line",
        "d1": "src/a.py\nf() some changed line some changed line",
    }
    assert [card.id for card in cards(record)] == [f"{record.id}#m0", f"{record.id}#d0", f"{record.id}#d1"]


def test_a_long_message_has_a_second_card_that_begins_with_the_title_and_overlaps() -> None:
    record = commit(1, "Title", body=" ".join(f"word{number}" for number in range(400)), files=())
    first, second = cards(record)
    assert (first.part, second.part) == ("m0", "m1")
    title, _, rest = second.text.partition("\n")
    assert title == "Title"
    assert first.text.endswith(rest[:50])


def test_code_comes_before_tests_and_documents_and_what_has_no_patch_is_left_out() -> None:
    files = (
        patched("docs/guide.md", 99),
        patched("tests/test_a.py", 50),
        FileChange(path="x.bin", binary=True),
        patched("src/small.cu", 1),
        patched("src/large.cu", 5),
    )
    order = [file.path for file in significant_files(files)]
    assert order == ["src/large.cu", "src/small.cu", "docs/guide.md", "tests/test_a.py"]


def test_a_record_without_any_text_still_has_its_card() -> None:
    record = commit(1, "x", body="", files=())
    assert [card.part for card in cards(record)] == ["m0"]


long_text = st.builds(lambda piece, times: piece * times, st.text(max_size=12), st.integers(0, 999))


@given(long_text, long_text, st.lists(st.text(max_size=900), max_size=4))
def test_cards_are_bounded_and_their_parts_are_known_and_distinct(title: str, body: str, patches: list[str]) -> None:
    files = tuple(FileChange(path=f"f{number}", patch=patch) for number, patch in enumerate(patches))
    made = cards(commit(1, title or "x", body=body, files=files))
    parts = [card.part for card in made]
    assert 1 <= len(made) <= len(PARTS)
    assert set(parts) <= set(PARTS)
    assert len(set(parts)) == len(parts)
    assert all(len(card.text) <= 1300 for card in made)
