"""Long answers in pieces: what is drawn at once, and the rest where it is asked for."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from kb.types import Answer, Coverage, Scope
from kb.web.asking import Asking
from kb.web.folding import FIRST, LONG, MOST, NEXT, Part, folded, unfolded
from kb.web.turn_html import done_html, rest_html
from kb.web.turns import Turn, packed
from tests.web_pages import EN, by_class, inert, said

HEAD = "**Window** all\n"


def section(name: str, count: int) -> str:
    return f"### {name} ({count})\n\n" + "\n".join(f"- **{name} {number}**\n  > quoted" for number in range(count))


def text(*counts: int) -> str:
    return "\n\n".join([*(section(f"S{at}", count) for at, count in enumerate(counts)), "### Sources\n\nall read"])


def answer(markdown: str) -> Answer:
    return Answer(
        question="q", scope=Scope(question="q"), status="answered", text=HEAD + markdown, head=HEAD, claims=(), evidence=(),
        coverage=Coverage(500, 500, 500),
    )  # fmt: skip


def test_an_answer_that_is_not_long_is_whole() -> None:
    markdown = text(LONG // 2, LONG // 2)
    assert list(folded(markdown)) == [Part(markdown)]


def test_of_a_long_one_each_section_has_its_first_records_and_the_rest_can_be_had() -> None:
    markdown = text(450, 3, 60)
    parts = list(folded(markdown))
    assert [part.markdown.count("- **") for part in parts] == [FIRST, 3 + FIRST, 0]
    assert [part.left for part in parts] == [450 - FIRST, 60 - FIRST, 0]
    assert parts[-1].markdown.endswith("all read")
    pieces, part = [parts[0].markdown], parts[0]
    while part.left:
        part = unfolded(markdown, part.line)
        assert part.markdown.count("- **") <= NEXT
        pieces.append(part.markdown)
    assert "\n".join(pieces).rstrip() == section("S0", 450)


def test_all_sections_together_are_bounded() -> None:
    drawn = sum(part.markdown.count("- **") for part in folded(text(*[30] * 100)))
    assert drawn == MOST


def test_a_hunk_is_no_list() -> None:
    hunk = "```diff\n" + "- old\n" * 500 + "```"
    assert list(folded(hunk)) == [Part(hunk)]


@pytest.mark.parametrize("line", [0, 1, 3, 10**9])
def test_where_no_record_begins_there_is_no_more(line: int) -> None:
    assert unfolded(text(300), line) == Part("")


def test_a_long_answer_is_drawn_in_part_and_given_whole_by_the_server() -> None:
    long = answer(text(4_000, 4_000))
    shown = inert(done_html(long, Markup(), "?q=q", EN))
    assert len(list(shown.iter("li"))) == 2 * FIRST
    first, second = by_class(shown, "kb-more")
    assert said(first) == f"Show {NEXT} more (3,980 are left)"
    assert not by_class(shown, "kb-source")  # not once more, 150 kB of it
    turn = Turn(1, Asking("q"), packed=packed(long))
    assert turn.exported("copy")[1] == long.text
    more = inert(rest_html(turn, int(second.get("data-rest") or 0), EN))
    assert [said(item).split(" quoted")[0] for item in more.iter("li")] == [f"S1 {at}" for at in range(FIRST, FIRST + NEXT)]
    (again,) = by_class(more, "kb-more")
    assert said(again) == f"Show {NEXT} more (3,780 are left)"
