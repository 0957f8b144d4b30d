"""A report's page: what stands where, what is said of sources, and that nothing a record holds breaks out of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it.token import Token

from kb.catalog import Catalog
from kb.report.compose import Choice
from kb.report.gather import window_ids
from kb.report.markdown import markdown, plain_summary, title
from kb.report.sidecar import sidecar
from kb.report.types import Report, Sentence, Weight
from kb.types import Event, FileChange, Link, Note, Record
from tests.answering import merged
from tests.records import commit, day, put, thread
from tests.reporting import Says, at, everything, nothing, report, row
from tests.test_render import HOSTILE, NASTY, PARSER

OTHER = "acme/attention"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def headings(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith("#")]


# --- what stands where -------------------------------------------------------------------------------------------------------


def test_a_day_has_its_parts_in_order(catalog: Catalog) -> None:
    records = [
        commit(3, "Add a window option"),
        thread("issue", 8, "Is FP8 supported?", opened=3),
        thread("pull", 9, "WIP: x", opened=3.2),
        Record(
            id="paper:arxiv:2602.1", kind="paper", repo="", ref="2602.1", title="On x", events=(Event("published", day(3)),)
        ),
    ]
    text = markdown(report(catalog, at(3), *records))
    assert headings(text) == [
        "# Daily report: 2026-02-04",
        "## Summary",
        "## acme/kernels",
        "### Features",
        "### Issues worth watching",
        "### Pull requests opened",
        "## Beside the repositories",
        "### Papers",
        "## Sources",
    ]
    assert "4 records, all in detail. 1 feature, 1 pull request opened, 1 issue opened, 1 paper." in text


def test_what_is_not_told_in_detail_is_a_row(catalog: Catalog) -> None:
    text = markdown(report(catalog, at(3), commit(3, "Add a | b"), thread("issue", 8, "Slow", opened=3), choice=nothing()))
    assert "From 2 records, all in the tables." in text
    assert re.search(r"^\| Add a \\\| b \(.*\) \| feature \| \+1/−0 \| Ada \|$", text, flags=re.M)
    assert re.search(r"^\| Slow \(.*kernels#8.*\) \| opened 2026-02-04, still open \| Ada \|$", text, flags=re.M)


def test_an_entry_says_what_changed_where_and_shows_the_hunk(catalog: Catalog) -> None:
    patch = '@@ -3,2 +3,3 @@ def main():\n     x = 1\n+    parser.add_argument("--fast")\n     y = 2\n'
    record = commit(3, "Add a flag (#3)", files=(FileChange(path="cli.py", additions=1, patch=patch),), body="Adds --fast.")
    choice = Choice(
        weigh=lambda entry: Weight(1.0),
        choose=lambda entries: [entry.id for entry in entries],
        hunk=everything(hunks=True).hunk,
    )
    text = markdown(report(catalog, at(3), record, writer=Says(Sentence(text="Adds --fast.", keys=())), choice=choice))
    assert (
        f"- **Add a flag** ([`kernels@{record.ref[:7]}`]({record.url}), PR [#3](https://example.org/acme/kernels/pull/3))"
        in text
    )
    assert "\n\n  Adds --fast.\n\n  `cli.py` +1/−0 · landed 2026-02-04 by Ada\n" in text
    assert re.search(
        r"^  `cli.py`, line \d:\n\n  ```diff\n(  .*\n)*  \+    parser\.add_argument\(\"--fast\"\)\n", text, flags=re.M
    )


def test_what_matters_most_is_at_the_top(catalog: Catalog) -> None:
    choice = Choice(
        weigh=lambda entry: Weight(float(len(entry.view.record.title))),
        choose=lambda entries: [entry.id for entry in entries],
        hunk=lambda record: None,
    )
    records = [commit(3 + number, "Add " + "x" * number, events=(Event("landed", day(3.1)),)) for number in range(8)]
    text = markdown(report(catalog, at(3), *records, choice=choice))
    listed = re.findall(r"^\d\. Feature: \*\*Add (x+)\*\*", text, flags=re.M)
    assert [len(xs) for xs in listed] == [7, 6, 5, 4, 3]


def test_the_weightiest_repository_comes_first(catalog: Catalog) -> None:
    choice = Choice(
        weigh=lambda entry: Weight(9.0 if entry.view.record.repo == OTHER else 1.0),
        choose=lambda entries: [entry.id for entry in entries],
        hunk=lambda record: None,
    )
    text = markdown(report(catalog, at(3), commit(3), commit(3, repo=OTHER), choice=choice))
    assert [line for line in headings(text) if "/" in line] == ["## acme/attention", "## acme/kernels"]


def test_counts_are_of_the_code(catalog: Catalog) -> None:
    files = (FileChange(path="a.py", additions=1000, deletions=3), FileChange(path="b.py", additions=234))
    records = [
        commit(3, "Add a", files=files, author="Ada"),
        commit(4, "Fix b", files=files[:1], author="Bo", events=(Event("landed", day(3.2)),)),
        thread("issue", 8, "Slow", opened=3),
    ]
    assert "2 changes by 2 authors, +2,234/−6 lines in 2 files." in markdown(report(catalog, at(3), *records))


def test_a_week_and_a_day_are_called_what_they_are() -> None:
    assert title(at(3)) == "Daily report: 2026-02-04"
    assert title(at(3, "7d")) == "Weekly report: 2026-01-29 to 2026-02-04"
    assert title(at(3, "3d")) == "Report of 3 days: 2026-02-02 to 2026-02-04"
    assert title(at(3, language="zh")) == "日报：2026 年 2 月 4 日"
    assert title(at(3, "7d", language="zh")) == "周报：2026 年 1 月 29 日 至 2026 年 2 月 4 日"


def test_a_week_shows_the_day_of_each_row(catalog: Catalog) -> None:
    text = markdown(report(catalog, at(3, "7d"), commit(2, "Add a"), choice=nothing()))
    assert "| What | Kind | Size | When | Author |" in text
    assert "| landed 2026-02-03 |" in text


@pytest.mark.parametrize("choice", [everything(), nothing()])
def test_what_a_merge_brought_stands_with_it(catalog: Catalog, choice: Choice) -> None:
    text = markdown(report(catalog, at(5), *merged(5, 3, 4), choice=choice))
    for number in (3, 4, 5):
        assert text.count(commit(number).url) == 1


# --- what is said of sources -------------------------------------------------------------------------------------------------


def test_a_quiet_day_is_only_quiet_where_everything_was_read(catalog: Catalog) -> None:
    rows = [row(), row("issues", kinds=("issue",))]
    text = markdown(report(catalog, at(3), commit(9), ledger=rows))
    assert "A quiet window: nothing happened." in text
    assert "- No changes in kernels: it was read successfully on 2026-03-12 12:00." in text
    assert headings(text) == ["# Daily report: 2026-02-04", "## Summary", "## Sources"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (row(status="failed", error="kernels: host <b>not</b> found", read=1), "kernels could not be read"),
        (row(read=None, status="never"), "kernels has not been read yet."),
        (row(truncated="1,000 requests an hour", read=39), "kernels was read only in part: 1,000 requests an hour."),
        (row(read=3.5), "kernels was last read on 2026-02-04 12:00, before the window ended: what came later is not here."),
        (row(status="interrupted", read=2), "The last reading of kernels was interrupted"),
    ],
)
def test_silence_of_a_source_that_was_not_read_is_not_quiet(catalog: Catalog, source: object, said: str) -> None:
    found = report(catalog, at(3), commit(9), ledger=[source])  # type: ignore[list-item]
    text = markdown(found)
    assert said in text
    assert "uiet" not in text
    assert "something may have happened" in text
    assert "<b>" not in text


def test_only_a_repository_that_was_read_to_the_end_is_called_quiet(catalog: Catalog) -> None:
    rows = [row(), row("read", repo="acme/read"), row("unread", repo="acme/unread", read=2), row("papers", repo="")]
    assert "Quiet: acme/read.\n" in markdown(report(catalog, at(3), commit(3), ledger=rows))


def test_a_window_that_goes_on_is_told_so_far(catalog: Catalog) -> None:
    found = report(catalog, at(3), commit(3), ledger=[row(read=3.5)])
    assert found.provisional
    assert "**So far**" in markdown(found)
    assert not report(catalog, at(3), ledger=[row(read=4)]).provisional


# --- what does not stand is not said ------------------------------------------------------------------------------------------


def test_what_fails_is_left_out_and_counted(catalog: Catalog) -> None:
    liar = Says(
        Sentence(text="Adds --fast and 48 kernels.", keys=(), verbatim=False),
        Sentence(text="Not in the record.", keys=()),
        Sentence(text="Made faster by 3x.", keys=("kernels@0000000",), verbatim=False),
        Sentence(text="It changes part3 alone.", keys=(), verbatim=False),
    )
    found = report(catalog, at(3), commit(3), writer=liar)
    text = markdown(found)
    assert (found.removed, "3 statements were left out" in text) == (3, True)
    assert "It changes part3 alone." in text
    assert "48" not in re.sub(r"\S*@\S*|\[.*?\)", "", text)
    assert sidecar(found)["removed_claims"] == 3


def test_an_outlook_is_a_models_and_verified(catalog: Catalog) -> None:
    record = commit(3, "Add a")
    put(catalog, record)
    key = f"kernels@{record.ref[:7]}"

    class Model(Says):
        def write(self, entries: object, evidence: object, **more: object) -> object:  # type: ignore[override]
            written = super().write([], {})
            outlook = (
                Sentence(text="The change to part3 is new.", keys=(key,), verbatim=False),
                Sentence(text="It will be 9x faster.", keys=(key,), verbatim=False),
            )
            return type(written)(sentences={"": outlook}, model="tiny", fallen_back=("a",), problems=("it was slow",))

    text = markdown(report(catalog, at(3), writer=Model()))
    assert f"## Outlook\n\n- The change to part3 is new. ([`{key}`]({record.url}))" in text
    assert "9x" not in text
    assert "Sentences on what changed were written by tiny" in text
    assert "1 entry is told in the record's own words" in text
    assert "The model could not be used throughout: it was slow." in text


# --- beside the page ---------------------------------------------------------------------------------------------------------


def test_the_sidecar_has_every_record_once_and_every_claim_with_its_records(catalog: Catalog) -> None:
    records = [
        *merged(5, 3, 4),
        commit(6, "Fix x (#6)", events=(Event("landed", day(5.1)),)),
        thread("pull", 6, "Fix x", opened=1, merged=5.1),
    ]
    frame = at(5)
    found = report(catalog, frame, *records)
    beside = json.loads(json.dumps(sidecar(found)))
    ids = Counter(id for section in beside["sections"] for entry in section["entries"] for id in entry["records"])
    assert set(ids) == window_ids(catalog, frame)
    assert set(ids.values()) == {1}
    keys = {citation["key"] for citation in beside["citations"]}
    assert beside["claims"]
    for claim in beside["claims"]:
        assert claim["records"]
        assert set(claim["citations"]) <= keys
    assert beside["counts"]["records"] == beside["counts"]["detail"] + beside["counts"]["table"] == 5


def test_the_summary_of_a_list_has_no_markup(catalog: Catalog) -> None:
    assert (
        plain_summary(report(catalog, at(3), commit(3, "Add a"))) == "1 record, all in detail. 1 feature. Most of all: Add a."
    )
    assert (
        plain_summary(report(catalog, at(9)))
        == "A quiet window: nothing happened. Every source below was read after it had ended."
    )


def test_a_chinese_page_has_no_word_of_ours_in_english(catalog: Catalog) -> None:
    put(catalog, *merged(5, 3, 4), thread("issue", 8, "It hangs", opened=5), commit(1), thread("pull", 9, "WIP", opened=5))
    rows = [row(), row("late", repo=OTHER, read=5), row("bad", repo="a/b", status="failed", error="no", read=None)]
    text = markdown(report(catalog, at(5, language="zh"), ledger=rows, choice=nothing()))
    shown = re.sub(
        r"`[^`]*`|\]\([^)]*\)|\*\*|<!--.*?-->|acme/\w+|a/b|UTC|Ada|kernels|late|bad|no"
        r"|WIP|It hangs|feat: piece \d|Merge branch 'x' into main",
        "",
        text,
    )
    assert re.findall(r"[A-Za-z]{2,}", shown) == []


# --- hostile ------------------------------------------------------------------------------------------------------------------


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def is_whole(text: str, found: Report) -> None:
    """No tag, link, image, heading or table cell but those that code wrote."""
    tokens = list(flat(PARSER.parse(text)))
    html = [token.content for token in tokens if token.type.startswith("html")]
    assert len(html) == 1
    assert html[0].startswith("<!-- infra-kb report")
    assert not any(token.type == "image" for token in tokens)
    urls = {record.url for section in found.sections for item in section.told for record in item.entry.records}
    hrefs = {str(token.attrs["href"]) for token in tokens if token.type == "link_open"}
    assert all(href in urls or re.fullmatch(r"https://example\.org/acme/kernels/\w+/[0-9a-f]+", href) for href in hrefs)
    rows: list[int] = []
    for token in tokens:
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append(0)
        elif token.type in ("td_open", "th_open"):
            rows[-1] += 1
        elif token.type == "table_close":
            assert len(set(rows)) == 1
    levels = Counter(token.tag for token in tokens if token.type == "heading_open")
    repos = {section.repo for section in found.sections}
    assert levels["h1"] == 1
    assert levels["h2"] == 2 + len(repos)
    assert levels["h3"] == len(found.sections)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x1b]", text)


@pytest.mark.parametrize("choice", [everything(hunks=True), nothing()], ids=["detail", "table"])
@pytest.mark.parametrize("nasty", NASTY)
def test_hostile_text_is_shown_and_does_nothing(catalog: Catalog, nasty: str, choice: Choice) -> None:
    patch = f"@@ -1 +1,3 @@\n+{nasty}\n+    parser.add_argument('--x', help='```')\n+```\n".replace("\r", "")
    records = [
        commit(
            3, nasty, body=f"{nasty}\n\nAdds {nasty}.", author=nasty, files=(FileChange(path=nasty, additions=3, patch=patch),)
        ),
        thread("issue", 8, nasty, opened=3, body=nasty, author=nasty, notes=(Note(kind="comment", at=day(3.1), text=nasty),)),
        thread("pull", 9, nasty, opened=3, labels=(nasty,)),
    ]
    found = report(catalog, at(3), *records, choice=choice, writer=Says(Sentence(text=nasty, keys=())))
    is_whole(markdown(found), found)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=HOSTILE, body=HOSTILE, author=HOSTILE, path=HOSTILE, detail=st.booleans(), language=st.sampled_from(["en", "zh"])
)
def test_whatever_records_hold_the_page_is_whole(
    store: Catalog, subject: str, body: str, author: str, path: str, detail: bool, language: str
) -> None:
    files = (FileChange(path=path or "x", additions=2, patch=f"@@ -1 +1 @@\n+{body}\n"),)
    changed = commit(3, subject, body=body, author=author, files=files, links=(Link("reverts", commit(2).id),))
    put(store, changed, commit(2, subject, author=author), thread("issue", 8, subject, opened=3, author=author))
    choice = everything(hunks=True) if detail else nothing()
    found = report(store, at(3, language=language), choice=choice, writer=Says(Sentence(text=subject, keys=())))
    is_whole(markdown(found), found)
    json.dumps(sidecar(found))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("pages") / "catalog.db") as opened:
        yield opened
