"""Pages as statements with lines and links; hostile and huge pages end in an answer or an error, and soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.catalog import Catalog
from kb.check.parse import LARGEST, parse, sentences
from kb.check.targets import of_key, of_url
from kb.check.verify import check
from kb.errors import ReportError
from kb.report.frame import mark
from tests.records import commit, put, sha
from tests.reporting import at

URL = f"https://github.com/acme/kernels/commit/{sha(3)}"


def told(text: str) -> list[tuple[int, str, str]]:
    return [(said.line, said.kind, said.text) for said in parse(text).statements]


def test_statements_have_their_lines_and_kinds() -> None:
    text = "# A\n\nOne\ntwo.\n\n- **b** `c`\n  - d\n\n    e\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```diff\n+a\n```\n<p>f</p>\n"
    assert told(text) == [
        (1, "heading", "A"),
        (3, "prose", "One\ntwo."),
        (6, "item", "b `c`"),
        (7, "item", "d"),
        (9, "prose", "e"),
        (11, "columns", "x | y"),
        (13, "row", "1 | 2"),
        (16, "fence", "+a\n"),
        (18, "html", " f \n"),
    ]


def test_links_of_every_form() -> None:
    text = f"[a]({URL}) {URL}. <{URL}> [b][r] <a href='{URL}'>c</a> （{URL}）\n\n[r]: {URL}\n"
    (said,) = parse(text).statements
    assert [link.url for link in said.links] == [URL] * 6
    assert [said.text[link.start : link.end] for link in said.links[:2]] == ["a", URL]


def test_links_in_code_are_none() -> None:
    assert [said.links for said in parse(f"`{URL}`\n\n```\n{URL}\n```\n").statements] == [(), ()]


def test_line_ends_of_other_systems() -> None:
    assert told("# A\r\n\r\n- b\r\n") == [(1, "heading", "A"), (3, "item", "b")]


def test_a_paragraph_in_bold_heads_a_section() -> None:
    page = parse("**kernels**\n- a\n\n**attention**\n- b\n")
    first, second = (said for said in page.statements if said.kind == "item")
    assert (page.titles(first), page.titles(second)) == (["kernels"], ["attention"])


def test_sentences_keep_their_links_and_lines() -> None:
    (said,) = parse(f"One 1.5 e.g.x. Two\nthree. ([a]({URL})) 四。五 `a. B` 六。").statements
    parts = list(sentences(said))
    assert [(part.line, part.text, len(part.links)) for part in parts] == [
        (1, "One 1.5 e.g.x.", 0),
        (1, "Two\nthree. (a)", 1),
        (2, "四。", 0),
        (2, "五 `a. B` 六。", 0),
    ]


@pytest.mark.parametrize(
    ("url", "id"),
    [
        (URL, f"commit:acme/kernels@{sha(3)}"),
        (f"https://www.github.com/acme/kernels/pull/12/commits/{sha(3)}", f"commit:acme/kernels@{sha(3)}"),
        (f"https://github.com/acme/kernels/blob/{sha(3)}/src/a.py#L3", f"commit:acme/kernels@{sha(3)}"),
        (f"https://gitlab.com/group/sub/name/-/commit/{sha(3)}", f"commit:group/sub/name@{sha(3)}"),
        ("https://github.com/acme/kernels/pull/12/files?w=1#diff", "pull:acme/kernels#12"),
        ("https://github.com/acme/kernels/issues/012", "issue:acme/kernels#12"),
        ("https://github.com/acme/kernels/releases/tag/v1.2%2Bcu13", "release:acme/kernels@v1.2+cu13"),
        ("https://github.com/acme/kernels/compare/v1.1...v1.2", "compare:acme/kernels@v1.2"),
        ("https://arxiv.org/abs/2602.02061v2", "paper:arxiv:2602.02061"),
        ("http://export.arxiv.org/pdf/hep-th/9901001v1.pdf", "paper:arxiv:hep-th/9901001"),
        ("https://arxiv.org/html/2602.02061", "paper:arxiv:2602.02061"),
        ("https://huggingface.co/papers/2602.02061", "paper:arxiv:2602.02061"),
        ("https://github.com/acme/kernels", ""),
        ("https://github.com/acme/kernels/blob/main/src/a.py", ""),
        ("https://github.com/acme/kernels/actions/runs/12", ""),
        ("https://arxiv.org/list/cs.LG/recent", ""),
        ("reports/2026-02-01.md", ""),
        ("javascript:alert(1)", ""),
        ("https://[", ""),
    ],
)
def test_addresses_name_records(url: str, id: str) -> None:
    target = of_url(url)
    assert (target.id if target else "") == id


@pytest.mark.parametrize(
    ("key", "id"),
    [
        ("kernels@9329fb4", "commit:kernels@9329fb4"),
        ("acme/kernels#12", "issue:acme/kernels#12"),
        ("kernels@v1.2", "release:kernels@v1.2"),
        ("arXiv:2602.02061", "paper:arxiv:2602.02061"),
        ("9329fb4", "commit:@9329fb4"),
        ("kernels", ""),
    ],
)
def test_keys_name_records(key: str, id: str) -> None:
    target = of_key(key)
    assert (target.id if target else "") == id


# --- hostile -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("hostile") / "catalog.db") as opened:
        put(opened, commit(3, url=URL))
        yield opened


@pytest.mark.parametrize("text", ["a" * (LARGEST + 1), "\0\1\2" * 100], ids=["large", "binary"])
def test_what_cannot_be_a_report_is_refused(catalog: Catalog, text: str) -> None:
    with pytest.raises(ReportError):
        check(text, catalog=catalog, zone=UTC)


HOSTILE = {
    "quotes": ">" * 20_000,
    "lists": "- " * 20_000,
    "nested": "".join(f"{' ' * 2 * min(depth, 60)}- a\n" for depth in range(500)),
    "brackets": "[" * 20_000,
    "links": f"[a]({URL}" * 2_000,
    "dots": f"[a]({URL}) " + "." * 3_900,
    "figures": f"[a]({URL}) " + "1," * 1_900,
    "words": f"[a]({URL}) " + "a.b" * 1_300 + "@",
    "backticks": f"[a]({URL}) " + "` " * 1_900,
    "stars": "*a **b " * 3_000,
    "open fence": f"```\n{'a' * 20_000}",
    "comments": "<!-- " * 4_000,
    "tags": "<a href=" * 3_000,
    "table": f"|a|b|\n|-|-|\n{'|' * 20_000}",
    "shas": "\n\n".join(f"{number:x}abcdef0 is 12" for number in range(300)),
    "surrogates": f"\ud800 [\udfff]({URL})",
    "nul": f"a\0b [x]({URL})",
}


@pytest.mark.parametrize("first", ["", mark(at(3)) + "\n"], ids=["foreign", "own"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_end_soon(catalog: Catalog, name: str, first: str) -> None:
    begun = time.perf_counter()
    assert not check(first + HOSTILE[name], catalog=catalog, zone=UTC).clean
    assert time.perf_counter() - begun < 5


MARKDOWN = st.lists(
    st.sampled_from(
        [
            "# a\n",
            "\n",
            "- ",
            "  ",
            "1. ",
            "> ",
            "```\n",
            "|a|b|\n",
            "|-|-|\n",
            "**",
            "`",
            f"[x]({URL})",
            URL,
            "12%",
            "a.py +1/−2",
            "landed 2026-02-04 by ",
            "↳ ",
            "(",
            ")",
            "（",
            "。",
            ", line 3:",
            "<b>",
            "acme/kernels#3 ",
            "## Sources\n",
            "## Summary\n",
            "## acme/kernels\n",
            "### Fixes\n",
            f"- **t** ([`kernels@{sha(3)[:7]}`]({URL}))\n\n  ",
            "\x00",
            "\r",
            "\u2028",
            "&lt;",
            "\\",
        ]
    )
    | st.text(max_size=8),
    max_size=40,
).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=MARKDOWN, own=st.booleans(), language=st.sampled_from(["en", "zh"]))
def test_whatever_a_page_holds_there_is_an_answer(catalog: Catalog, text: str, own: bool, language: str) -> None:
    first = f"{mark(at(3, language=language))}\n" if own else ""
    result = check(first + text, catalog=catalog, zone=UTC)
    assert all(finding.line >= 1 for finding in result.findings)
    assert result.own == own
