"""A report of ours against the store: clean as it is made, and whatever is changed in it is found where it was changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.check.types import CheckResult
from kb.check.verify import check
from kb.report.compose import Choice
from kb.report.gist import Extractive
from kb.report.hunk import telling_hunk
from kb.report.markdown import markdown
from kb.report.types import Sentence, Weight
from kb.types import Event, FileChange, Link, Record, Tag
from tests.answering import merged
from tests.ledger_rows import ledger, stored
from tests.records import REPO, commit, day, put, sha, thread
from tests.report_days import DAY, DAYS
from tests.reporting import Says, at, everything, nothing, report, row, usual

NOON = (Event("authored", day(2.9)), Event("landed", day(3.5)))
FLAG = '@@ -3,2 +3,4 @@ def main():\n     x = 1\n+    parser.add_argument("--fast", default=8)\n+    run(x)\n     y = 2\n'
FEATURE = commit(
    30,
    "Add a flag for speed (#30)",
    body="Adds a `--fast` flag that picks the tuned plan, which saves 12% of the decode time on H100.\n",
    events=NOON,
    author="Ada Lovelace",
    files=(
        FileChange(path="src/cli.py", additions=2, patch=FLAG),
        FileChange(path="src/plan.py", additions=40, deletions=7, patch="@@ -1 +1 @@\n-a = 1\n+a = 2\n"),
        FileChange(path="src/tune.py", additions=3, deletions=1, patch="@@ -1 +1 @@\n-b = 1\n+b = 2\n"),
        FileChange(path="docs/cli.md", additions=5, patch="@@ -1 +1 @@\n+text\n"),
    ),
)
ROWS = (
    commit(31, "Fix the page index (#31)", events=NOON, author="Bo Li"),
    commit(32, "Update the docs", events=NOON, author="Cy", files=(FileChange(path="docs/a.md", additions=9, deletions=4),)),
)
REVERTED = commit(2, "Add a cache", author="Bo Li")
REVERT = commit(33, 'Revert "Add a cache"', events=NOON, links=(Link("reverts", REVERTED.id),), author="Di")
PULL = thread("pull", 30, "Add a flag for speed", opened=2.5, merged=3.5, links=(Link("landed-as", FEATURE.id),))
THREADS = (
    PULL,
    thread("issue", 8, "Is FP8 supported?", opened=3.2, body="I see no option for it. Is it planned?", author="Eve"),
    thread("issue", 9, "It hangs on start", opened=1, closed=3.4, author="Eve"),
    thread("pull", 10, "WIP: paged cache", opened=3.3, author="Flo"),
)
PAPER = Record(
    id="paper:arxiv:2602.02061",
    kind="paper",
    repo="",
    ref="2602.02061",
    title="Faster paging",
    url="https://arxiv.org/abs/2602.02061v1",
    author="G. Hopper",
    body="We page faster. Our method is 4.83 times faster than the best known one on long contexts.",
    events=(Event("published", day(3.1)),),
)
RECORDS = (FEATURE, *ROWS, REVERTED, REVERT, *THREADS, PAPER, *merged(3, 40, 41))
DETAILED = {FEATURE.id, REVERT.id, f"issue:{REPO}#8", PAPER.id, commit(3).id}
CHOICE = Choice(
    weigh=lambda entry: Weight(2.0 if entry.id == FEATURE.id else 1.0),
    choose=lambda entries: [entry.id for entry in entries if entry.id in DETAILED],
    hunk=telling_hunk,
)
TAG = Tag("v1.2.0", sha(30), day(3.6), previous="v1.1.0", commits=(sha(30), sha(31)))
LEDGER = (row(), row("threads", kinds=("issue", "pull")), row("papers", repo="", kinds=("paper",)))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("check") / "catalog.db") as opened:
        put(opened, *RECORDS, tags=(TAG,))
        stored(opened, LEDGER)
        yield opened


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request: pytest.FixtureRequest, catalog: Catalog) -> str:
    framed = at(3, language=request.param)
    return markdown(report(catalog, framed, choice=CHOICE, writer=Extractive(), ledger=ledger(catalog, LEDGER)))


@pytest.fixture(scope="module")
def english(catalog: Catalog) -> str:
    return markdown(report(catalog, at(3), choice=CHOICE, writer=Extractive(), ledger=ledger(catalog, LEDGER)))


def checked(text: str, catalog: Catalog) -> CheckResult:
    return check(text, catalog=catalog, zone=UTC, ledger=ledger(catalog))


def wrong(result: CheckResult) -> dict[int, tuple[str, str]]:
    return {finding.line: (finding.verdict, finding.reason) for finding in result.findings if finding.verdict != "exact"}


def line_of(text: str, needle: str) -> int:
    assert text.count(needle) == 1, needle
    return text[: text.index(needle)].count("\n") + 1


def test_a_report_as_it_is_made_is_clean(page: str, catalog: Catalog) -> None:
    result = checked(page, catalog)
    assert (wrong(result), result.faults, result.missing, result.repeated) == ({}, (), (), ())
    assert result.clean
    assert result.own
    assert result.counts["exact"] > 20


@pytest.mark.parametrize("choice", [usual(), everything(hunks=True), nothing()], ids=["usual", "everything", "nothing"])
@pytest.mark.parametrize("name", DAYS)
def test_whole_days_are_clean(tmp_path: Path, name: str, choice: Choice) -> None:
    made = DAYS[name]()
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        put(catalog, *made.records, tags=made.tags)
        rows = stored(catalog, made.ledger)
        for language in ("en", "zh"):
            text = markdown(report(catalog, at(DAY, language=language), choice=choice, writer=Extractive(), ledger=rows))
            result = check(text, catalog=catalog, zone=UTC, ledger=rows)
            assert (wrong(result), result.faults, result.missing, result.repeated) == ({}, (), (), ())


def test_a_week_is_clean(catalog: Catalog) -> None:
    for language in ("en", "zh"):
        text = markdown(
            report(catalog, at(3, "7d", language=language), choice=CHOICE, writer=Extractive(), ledger=ledger(catalog, LEDGER))
        )
        assert checked(text, catalog).clean


# --- one thing changed -------------------------------------------------------------------------------------------------------

SHA = sha(30)
CHANGES = {
    "a digit of a size": ("`src/plan.py` +40/−7", "`src/plan.py` +41/−7", "wrong figure"),
    "the size of another file": ("`src/plan.py` +40/−7", "`src/plan.py` +2/−0", "wrong figure"),
    "the whole size": ("+50/−8 in 4 files", "+50/−9 in 4 files", "wrong figure"),
    "the number of files": ("+50/−8 in 4 files", "+50/−8 in 5 files", "wrong figure"),
    "files left out": ("`src/cli.py` +2/−0 and 1 more", "`src/cli.py` +2/−0 and 2 more", "wrong figure"),
    "a path": ("`src/tune.py` +3/−1", "`src/tuna.py` +3/−1", "wrong figure"),
    "a date": ("landed 2026-02-04 by Ada Lovelace", "landed 2026-02-05 by Ada Lovelace", "wrong figure"),
    "the date of another event": ("landed 2026-02-04 by Ada Lovelace", "landed 2026-02-03 by Ada Lovelace", "wrong figure"),
    "an event that never was": ("opened 2026-02-04 by Eve, still open", "closed 2026-02-04 by Eve", "mislabelled"),
    "an author": ("by Ada Lovelace", "by Bo Li", "mislabelled"),
    "a figure of a sentence": ("saves 12% of", "saves 21% of", "wrong figure"),
    "a word of a sentence": ("saves 12% of", "costs 12% of", "wrong figure"),
    "a hunk": ("default=8)", "default=16)", "wrong figure"),
    "the line of a hunk": ("`src/cli.py`, line 4:", "`src/cli.py`, line 5:", "wrong figure"),
    "the file of a hunk": ("`src/cli.py`, line 4:", "`src/api.py`, line 4:", "wrong figure"),
    "the author of a row": ("| +1/−0 | Bo Li |", "| +1/−0 | Bo Lin |", "mislabelled"),
    "the size of a row": ("| +9/−4 | Cy |", "| +9/−5 | Cy |", "wrong figure"),
    "the kind of a row": ("| docs |", "| feature |", "mislabelled"),
    "the title of a row": ("| Update the docs", "| Update the tests", "mislabelled"),
    "a state": ("| opened 2026-02-04, still open | Flo |", "| merged 2026-02-04 | Flo |", "mislabelled"),
    "a count of the summary": ("2 features", "3 features", "wrong figure"),
    "what is in detail": (" in detail, ", "1 in detail, ", "wrong figure"),
    "a count of a repository": ("by 5 authors", "by 4 authors", "wrong figure"),
    "the lines of a repository": ("/−12 lines", "/−13 lines", "wrong figure"),
    "a source": ("threads: 4 records", "threads: 5 records", "wrong figure"),
    "the day of the title": ("# Daily report: 2026-02-04", "# Daily report: 2026-02-05", "wrong figure"),
    "the window": ("**Window** 2026-02-04", "**Window** 2026-02-03", "wrong figure"),
    "a figure of a paper": ("4.83 times", "4.38 times", "wrong figure"),
    "commits of a tag": (
        "/v1.2.0), 2 commits that `v1.1.0` has not.",
        "/v1.2.0), 3 commits that `v1.1.0` has not.",
        "wrong figure",
    ),
    "a version": ("Tagged on 2026-02-04: [`v1.2.0`]", "Tagged on 2026-02-04: [`v1.2.1`]", "wrong figure"),
    "a heading": ("### Reverts and breaking changes", "### Fixes", "mislabelled"),
}
ELSEWHERE = {"a heading": "- **Revert"}  # where the finding stands, if not on the line that was changed


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_is_found_on_its_line(english: str, catalog: Catalog, name: str) -> None:
    old, new, verdict = CHANGES[name]
    place = line_of(english, ELSEWHERE.get(name, old))
    result = checked(english.replace(old, new, 1), catalog)
    assert {line: found for line, (found, _) in wrong(result).items()} == {place: verdict}
    assert (result.missing, result.repeated, result.faults[1:]) == ((), (), ())


def head(text: str, title: str) -> str:
    """The line of an entry, not of the summary."""
    return next(line for line in text.split("\n") if title in line and line.startswith(("- ", "| ")))


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda line: line.replace(f"@{SHA[:7]}", f"@{SHA[:6]}0"), "mislabelled"),
        (lambda line: line.replace(f"commit/{SHA}", f"commit/{sha(31)}"), "mislabelled"),
        (lambda line: line.replace(f"commit/{SHA}", f"commit/{SHA[:39]}"), "mislabelled"),
        (lambda line: line.replace(f"commit/{SHA}", f"commit/{SHA[:-1]}9"), "unknown"),
        (lambda line: line.replace(f"commit/{SHA}", "pull/30"), "mislabelled"),
        (lambda line: line.replace("[#30]", "[#31]"), "mislabelled"),
        (lambda line: line.replace("[#30]", "[#31]").replace("pull/30", "pull/31"), "mislabelled"),
        (lambda line: line.replace("https://example.org", "Qttps://example.org", 1), "mislabelled"),
        (lambda line: line.replace("a flag for speed", "a flag for space"), "mislabelled"),
        (lambda line: line.replace("example.org", "example.com"), "unknown"),
    ],
)
def test_a_link_that_is_not_what_it_says(page: str, catalog: Catalog, change: Callable[[str], str], verdict: str) -> None:
    line = head(page, "a flag for speed")
    changed = change(line)
    assert changed != line
    result = checked(page.replace(line, changed), catalog)
    assert wrong(result)[line_of(page, line)][0] == verdict


def test_two_links_swapped_are_two_findings(page: str, catalog: Catalog) -> None:
    one, other = head(page, "Fix the page index"), head(page, "Update the docs")
    key, url = f"[`kernels@{sha(31)[:7]}`](https://example.org/{REPO}/commit/{sha(31)})", sha(32)
    swapped = f"[`kernels@{url[:7]}`](https://example.org/{REPO}/commit/{url})"
    text = page.replace(one, one.replace(key, "\0")).replace(other, other.replace(swapped, key))
    result = checked(text.replace("\0", swapped), catalog)
    assert {line: verdict for line, (verdict, _) in wrong(result).items()} == {
        line_of(page, one): "mislabelled",
        line_of(page, other): "mislabelled",
    }


def test_a_row_that_is_dropped_is_missing(page: str, catalog: Catalog) -> None:
    result = checked(page.replace(head(page, "Update the docs") + "\n", ""), catalog)
    assert (result.missing, result.repeated, wrong(result)) == ((commit(32).id,), (), {})
    assert not result.clean


def test_a_child_of_a_merge_that_is_dropped_is_missing(page: str, catalog: Catalog) -> None:
    child = next(line for line in page.split("\n") if "feat: piece 41" in line)
    assert checked(page.replace(child + "\n", ""), catalog).missing == (commit(41).id,)


def test_a_row_that_stands_twice_is_repeated(page: str, catalog: Catalog) -> None:
    line = head(page, "Update the docs")
    result = checked(page.replace(line, f"{line}\n{line}"), catalog)
    (repeated,) = result.repeated
    assert (repeated.id, repeated.lines) == (commit(32).id, (line_of(page, line), line_of(page, line) + 1))
    assert (result.missing, wrong(result)) == ((), {})


def test_a_snippet_that_is_invented_is_found(page: str, catalog: Catalog) -> None:
    line = head(page, "Revert")
    text = page.replace(line, f"{line}\n\n  ```python\n  kernels.fast(x)\n  ```")
    assert wrong(checked(text, catalog))[line_of(page, line) + 3][0] == "wrong figure"


def test_a_sentence_that_is_invented_is_found(page: str, catalog: Catalog) -> None:
    line = head(page, "Revert")
    result = checked(page.replace(line, f"{line}\n\n  It made things slow."), catalog)
    assert wrong(result) == {line_of(page, line) + 2: ("wrong figure", "it does not stand in the record as a whole sentence")}


def test_what_stands_before_a_sentence_is_none_by_itself(page: str, catalog: Catalog) -> None:
    line = head(page, "Revert")
    for lead in ("Before:", "此前："):
        assert line_of(page, line) + 2 in wrong(checked(page.replace(line, f"{line}\n\n  {lead}"), catalog))


def test_a_record_of_another_day_is_not_in_the_window(english: str, catalog: Catalog) -> None:
    line = head(english, "Update the docs")
    other = f"| {REVERTED.title} ([`kernels@{sha(2)[:7]}`]({REVERTED.url})) | docs | +1/−0 | Bo Li |"
    result = checked(english.replace(line, f"{line}\n{other}"), catalog)
    assert wrong(result)[line_of(english, line) + 1][0] == "not in window"


def test_every_digit_below_the_first_line_counts(english: str, catalog: Catalog) -> None:
    """Only the moments of last readings, and the numbers of a list, are nobody's claim."""
    for match in list(re.finditer(r"\d", english))[::7]:
        line = english[: match.start()].count("\n") + 1
        whole = english.split("\n")[line - 1]
        before = english[: match.start()].rpartition("\n")[2]
        if line == 1 or "read successfully on" in before or not before:
            continue
        changed = f"{english[: match.start()]}{(int(match[0]) + 1) % 10}{english[match.end() :]}"
        assert not checked(changed, catalog).clean, whole


def test_what_happened_later_is_not_known(catalog: Catalog, tmp_path: Path) -> None:
    issue = thread("issue", 8, "Is FP8 supported?", opened=3.2, author="Eve")
    with Catalog.open(tmp_path / "catalog.db") as store:
        text = markdown(report(store, at(3), issue, ledger=stored(store, LEDGER)))
        assert "still open" in text
        put(store, replace(issue, state="closed", events=(*issue.events, Event("closed", day(9)))), commit(9))
        assert checked(text, store).clean


def test_a_record_that_came_since_is_missing(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        text = markdown(report(store, at(3), ROWS[0], ledger=stored(store, LEDGER)))
        put(store, ROWS[1])
        result = checked(text, store)
        assert result.missing == (ROWS[1].id,)


def test_a_repository_that_was_not_quiet(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        rows = (row(), row("attention", repo="acme/attention"))
        text = markdown(report(store, at(3), ROWS[0], ledger=stored(store, rows)))
        assert checked(text, store).clean
        put(store, commit(50, "Add a window", events=NOON, repo="acme/attention"))
        result = checked(text, store)
        assert wrong(result)[line_of(text, "Quiet: acme/attention")][0] == "unknown"
        assert result.missing == (commit(50, repo="acme/attention").id,)


@pytest.mark.parametrize("sentence", ["Adds `--fast` and saves 12%.", "The plan of H100 is kept."])
def test_sentences_of_a_model_are_held_to_their_figures_and_names(tmp_path: Path, sentence: str) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        writer = Says(Sentence(text=sentence, keys=(), verbatim=False), model="tiny")
        text = markdown(report(store, at(3), FEATURE, choice=CHOICE, writer=writer, ledger=stored(store, LEDGER)))
        assert checked(text, store).clean
        result = checked(text.replace("12%", "13%").replace("H100", "H200"), store)
        assert [verdict for verdict, _ in wrong(result).values()] == ["wrong figure"]


@pytest.mark.parametrize("title", ["Fix the windows issue", "Skip drafts of pull requests", "Mend the paper", "修复议题"])
def test_a_title_may_end_with_a_word_for_something_else(tmp_path: Path, title: str) -> None:
    with Catalog.open(tmp_path / "catalog.db") as opened:
        text = markdown(
            report(opened, at(3), commit(31, f"{title} (#31)", events=NOON), choice=nothing(), ledger=stored(opened, [row()]))
        )
        assert checked(text, opened).clean
        called = text.replace(f"{title} (", f"{title} issue ").replace("))", ")")
        assert not checked(called, opened).clean
