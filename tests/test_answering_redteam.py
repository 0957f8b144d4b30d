"""A model that obeys whatever a stranger wrote: nothing of that comes to the page as its own, and no link but the code's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kb.answering.items import case_of, items_of, parts_of
from kb.types import Answer, Coverage, Evidence, Quote, Record
from tests.answering import judged
from tests.answering_model import WHOLE, Heard, hear
from tests.injections import CARRIERS, ORDERS
from tests.test_answering import ABOUT_FIX

_PARSER = MarkdownIt("commonmark")
# Every order by three ways in, so that every way has every kind of order.
TRIED = [(order, [*CARRIERS][(at + 3 * way) % len(CARRIERS)]) for at, order in enumerate(ORDERS) for way in range(3)]


def section(made: Heard) -> str:
    """What stands between the head and the list: everything that a model could have a hand in."""
    rest = made.plain.text.removeprefix(made.plain.head).strip()
    return made.answer.text.removeprefix(made.plain.head).strip().removesuffix(rest)


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def held(made: Heard, poison: tuple[str, ...], *records: Record) -> None:
    told = section(made) + "\n".join(made.sentences)
    for part in poison:
        assert part not in told
    urls = {record.url for record in records}
    tokens = list(flat(_PARSER.parse(section(made))))
    assert not [token for token in tokens if token.type in ("image", "html_inline", "html_block")]
    assert {str(token.attrs["href"]) for token in tokens if token.type == "link_open"} <= urls
    assert not re.search("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]", made.answer.text)


def test_there_are_enough_orders_in_both_languages() -> None:
    assert len(ORDERS) >= 30
    assert len(set(TRIED)) >= 90
    assert {carrier for _, carrier in TRIED} == set(CARRIERS)
    assert sum(order.language == "zh" for order in ORDERS.values()) >= 8


@pytest.mark.parametrize(("name", "carrier"), TRIED)
def test_a_model_that_obeys_brings_nothing_to_the_page(name: str, carrier: str, tmp_path: Path) -> None:
    order = ORDERS[name]
    record = CARRIERS[carrier](order.text)
    scope, how = (ABOUT_FIX, {"judge": judged("answered", 0)}) if carrier == "comment" else (WHOLE, {})
    made = hear(tmp_path, lambda asked: order.obeyed, record, scope=scope, language=order.language, **how)
    held(made, order.poison, record)
    assert made.sentences == []
    assert bool(made.asked) == (carrier != "title")


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_order_is_even_shown_to_the_model(carrier: str) -> None:
    for order in ORDERS.values():
        record = CARRIERS[carrier](order.text)
        answer = Answer(
            question="",
            scope=ABOUT_FIX,
            status="answered",
            text="",
            claims=(),
            evidence=(Evidence("k", record, Quote(order.text)),),
            coverage=Coverage(1, 1, 1),
            matched=(record.id,),
        )
        shown = "".join(case_of(part, UTC).text for part in parts_of(items_of(answer), 4000, UTC))
        words = re.findall(r"\w+", order.text)[:5]
        assert not re.search(r"\W+".join(map(re.escape, words)), shown), order.text
