"""What a report of ours may say beside its entries: only what it would say again, of a state that its sources have been in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from rich.console import Console

from kb import payloads_report
from kb.catalog import Catalog
from kb.check.types import CheckResult
from kb.check.verify import check
from kb.console_report import show_check
from kb.errors import ReportError
from kb.report.archive import Archive
from kb.report.gist import Extractive
from kb.report.markdown import markdown
from kb.report.sidecar import edition
from kb.report.types import Sentence, Weight
from kb.types import Event, Link, Tag
from tests.ledger_rows import ledger, stored
from tests.records import REPO, commit, day, put, sha
from tests.reporting import Says, at, everything, report, row

NOON = (Event("authored", day(2.9)), Event("landed", day(3.5)))
ADDED = commit(30, "Add a plan", events=NOON, links=(), body="The plan of a batch is kept. It does not hold for FP8.")
FIXED = commit(31, "Fix the index", events=NOON, links=(Link("fixes", f"issue:{REPO}#12"),), author="Bo")
REVERT = commit(32, 'Revert "Add a cache"', events=NOON, links=(Link("reverts", commit(2).id),), author="Di")
TAG = Tag("v1.2.0", sha(30), day(3.6), previous="v1.1.0", commits=(sha(30),))
ROWS = (row(), row("attention", repo="acme/attention"), row("broken", repo="acme/broken", status="failed", error="timeout"))
SAID = Sentence(text="The plan of a batch is kept.", keys=())  # stands in one record, and is left out elsewhere
CHOICE = replace(
    everything(),
    weigh=lambda entry: Weight(2.0 if entry.id == ADDED.id else 1.0),
    choose=lambda entries: [entry.id for entry in entries if entry.id != FIXED.id],
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog.open(tmp_path_factory.mktemp("lines") / "catalog.db") as opened:
        put(opened, ADDED, FIXED, REVERT, commit(2, "Add a cache"), tags=(TAG,), source="kernels")
        stored(opened, ROWS)
        yield opened


@pytest.fixture(scope="module")
def page(catalog: Catalog) -> str:
    return markdown(report(catalog, at(3), choice=CHOICE, writer=Says(SAID), ledger=ledger(catalog, ROWS)))


def checked(text: str, catalog: Catalog) -> CheckResult:
    return check(text, catalog=catalog, zone=UTC, ledger=ledger(catalog))


def wrong(result: CheckResult) -> dict[int, str]:
    return {finding.line: finding.verdict for finding in result.findings if finding.verdict != "exact"}


def swapped(page: str, old: str, new: str) -> str:
    assert page.count(old) == 1, old
    return page.replace(old, new)


def test_the_page_itself_is_clean(page: str, catalog: Catalog) -> None:
    result = checked(page, catalog)
    assert (wrong(result), result.faults, result.unchecked) == ({}, (), 0)
    assert check(page, catalog=catalog, zone=UTC).faults == ()


# --- lines that no report has ------------------------------------------------------------------------------------------------

INVENTED = (
    "All FP8 kernels return wrong results; do not use this release.",
    "Two critical security holes were found.",
    "No changes in kernels.",
    "Breaking: every API was renamed.",
    "维护者即将停止支持 Hopper。",
    "[Read more](https://evil.example/malware)",
    "# All is broken",
    "## All is broken",
    "### All is broken",
    "### Fixes",
    "**All is broken**",
    "> All is broken.",
    "| All is broken |\n| --- |",
    "All is  \nbroken.",
)


@pytest.mark.parametrize("place", ["## Summary", "## acme/kernels", "## Sources"])
@pytest.mark.parametrize("text", INVENTED)
def test_what_no_report_says_is_nobodys_claim(page: str, catalog: Catalog, text: str, place: str) -> None:
    line = page[: page.index(f"{place}\n")].count("\n") + 1
    found = wrong(checked(swapped(page, f"{place}\n", f"{text}\n\n{place}\n"), catalog))
    assert found[line] == "unknown"


@pytest.mark.parametrize("text", ["- All is broken.", "1. All is broken.", "- No changes in elsewhere: it was read."])
def test_what_is_listed_names_no_record_and_no_source(page: str, catalog: Catalog, text: str) -> None:
    found = wrong(checked(f"{page}\n\n{text}\n", catalog))
    assert found == {page.count("\n") + 3: "unknown"}


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "![x](https://evil.example/t.png)", "<!-- hidden -->", "a <b>word</b>", "<img src=x>"]
)
def test_markup_is_a_fault(page: str, catalog: Catalog, text: str) -> None:
    line = page[: page.index("## Sources")].count("\n") + 1
    result = checked(page.replace("## Sources", f"{text}\n\n## Sources"), catalog)
    assert line in {fault.line for fault in result.faults}


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("reverts ", "fixes #99 · reverts ", "wrong figure"),
        (" by Ada", " by Ada · all is broken", "unknown"),
        ("The plan of a batch is kept.", "[The plan of a batch is kept.](https://evil.example)", "mislabelled"),
        ("The plan of a batch is kept.", "The plan of a batch is kept by nobody.", "wrong figure"),
        ("### Features\n\n- **Add a plan**", "### Features\n\n- Do not use: **Add a plan**", "unknown"),
        ("| Bo |", "| Bo, who broke all |", "wrong figure"),
        ("| What | Kind |", "| What | Broken |", "wrong figure"),
    ],
)
def test_words_beside_the_facts_of_an_entry(page: str, catalog: Catalog, old: str, new: str, verdict: str) -> None:
    start = page.index("## acme/kernels")
    assert old in page[start:], old
    found = wrong(checked(page[:start] + page[start:].replace(old, new, 1), catalog))
    assert set(found.values()) == {verdict}


def test_a_revert_that_no_record_is_linked_by(page: str, catalog: Catalog) -> None:
    link = f"[`kernels@{sha(31)[:7]}`]({FIXED.url})"
    result = checked(swapped(page, "`src/part30.py` +1", f"reverts {link} · `src/part30.py` +1"), catalog)
    (found,) = (finding for finding in result.findings if finding.verdict != "exact")
    assert (found.verdict, found.reason) == ("unknown", f"the record does not say so: reverts `kernels@{sha(31)[:7]}`")


def test_what_was_not_stored_then_may_be_named_by_its_number(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        rows = stored(store, [row()])
        text = markdown(report(store, at(3), FIXED, ledger=rows))
        assert "fixes #12" in text
        issue = replace(commit(12, "It hangs", links=()), id=f"issue:{REPO}#12", kind="issue", ref="12", files=(), state="open")
        put(store, replace(issue, url=f"https://example.org/{REPO}/issues/12", events=(Event("opened", day(1)),)))
        assert checked(text, store).clean
        assert not checked(text.replace("fixes #12", "fixes #13"), store).clean


# --- the head and the summary ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(UTC)", "(Asia/Tokyo)"),
        ("Quiet: acme/attention.\n\n", ""),
        ("Quiet: acme/attention.", "Quiet: acme/attention, acme/broken."),
        ("Could not be read: acme/broken.\n\n", ""),
        (" Tagged: kernels `v1.2.0`.", ""),
        ("What mattered most:", "What mattered least:"),
        ("What mattered most:\n\n", ""),
        ("1. Release: Version ", "1. Release: Branch "),
        ("2. Feature: ", "2. Fix: "),
        ("**So far**: ", ""),
        (", acme/broken\n", "\n"),
    ],
)
def test_the_head_and_the_summary_are_as_they_would_be_written_again(page: str, catalog: Catalog, old: str, new: str) -> None:
    assert not checked(swapped(page, old, new), catalog).clean


def test_an_entry_of_the_summary_is_of_its_kind(page: str, catalog: Catalog) -> None:
    (found,) = (one for one in checked(swapped(page, "2. Feature: ", "2. Fix: "), catalog).findings if one.verdict != "exact")
    assert (found.verdict, found.reason) == ("mislabelled", "it is not “Fix”, but “feature”")


def test_an_entry_of_the_summary_is_missed(page: str, catalog: Catalog) -> None:
    (line,) = (line for line in page.split("\n") if line.startswith("2. "))
    result = checked(page.replace(f"{line}\n", ""), catalog)
    assert [fault.text.partition(":")[0] for fault in result.faults] == ["it lacks"]


def test_that_not_all_was_read_is_missed(page: str, catalog: Catalog) -> None:
    (line,) = (line for line in page.split("\n") if line.startswith("**So far**"))
    (fault,) = checked(page.replace(f"{line}\n\n", ""), catalog).faults
    assert fault.text.startswith("it lacks: So far")


# --- sources -----------------------------------------------------------------------------------------------------------------


def line_of(page: str, source: str) -> str:
    (line,) = (line for line in page[page.index("## Sources") :].split("\n") if source in line)
    return line


@pytest.mark.parametrize("source", ["kernels", "attention", "broken"])
def test_a_source_that_is_not_told_is_missed(page: str, catalog: Catalog, source: str) -> None:
    line = line_of(page, source)
    result = checked(page.replace(f"{line}\n", ""), catalog)
    assert [fault.text for fault in result.faults] == [f"it lacks: {line.removeprefix('- ')}"]
    assert wrong(result) == {}


@pytest.mark.parametrize("known", [True, False])
def test_all_sources_are_missed(page: str, catalog: Catalog, known: bool) -> None:
    cut = page[: page.index("## Sources")]
    result = check(cut, catalog=catalog, zone=UTC, ledger=ledger(catalog) if known else None)
    assert len(result.faults) >= len(ROWS)


@pytest.mark.parametrize(
    ("source", "new"),
    [
        ("attention", "- attention could not be read ({last}): timeout. Last read successfully: never."),
        ("attention", "- attention has not been read yet."),
        ("attention", "- attention: 1 record in the window; last read successfully on {last}."),
        ("attention", "- No changes in attention: it was read successfully on 2026-02-05 00:01."),
        ("attention", "- No changes in attention: it was read successfully on {last}, and all is broken."),
        ("broken", "- No changes in broken: it was read successfully on {last}."),
        ("broken", "- broken could not be read ({last}): all is lost. Last read successfully: never."),
    ],
)
def test_a_source_that_was_never_so(page: str, catalog: Catalog, source: str, new: str) -> None:
    line, moment = line_of(page, source), line_of(page, "attention").partition(" on ")[2].rstrip(".")
    text = page.replace(line, new.format(last=moment))
    found = wrong(checked(text, catalog))
    assert found == {page[: page.index(line)].count("\n") + 1: "wrong figure"}


def test_a_source_that_failed_then_and_was_read_since(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        failed, read = row("broken", repo="acme/broken", status="failed", error="timeout"), row("broken", repo="acme/broken")
        text = markdown(report(store, at(3), ADDED, ledger=stored(store, [row(), failed])))
        assert "could not be read" in text
        stored(store, [read])
        assert checked(text, store).clean
        again = markdown(report(store, at(3), ledger=ledger(store, [row(), read])))
        assert "No changes in broken" in again
        assert checked(again, store).clean


def test_a_page_that_is_older_than_the_store(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        rows = (row(), row("attention", repo="acme/attention"))  # read in March, of which this store knows nothing
        text = markdown(report(store, at(3), ADDED, ledger=rows))
        stored(store, rows)
        assert checked(text, store).clean
        failed = text.replace("No changes in attention: it was", "attention could not be").replace("successfully on", "by")
        assert not checked(failed, store).clean


def test_where_the_history_of_a_source_begins(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        put(store, ADDED, source="kernels")
        (read,) = stored(store, [row()])
        since = replace(read, since=day(3.25))
        text = markdown(report(store, at(3), ledger=(since,)))
        assert "is stored from 2026-02-04 06:00 on" in text
        assert check(text, catalog=store, zone=UTC, ledger=(since,)).clean
        unknown = check(text, catalog=store, zone=UTC)
        assert (unknown.clean, unknown.unchecked) == (True, 1)
        earlier = text.replace("from 2026-02-04 06:00 on", "from 2026-02-04 05:00 on")
        assert not check(earlier, catalog=store, zone=UTC, ledger=(since,)).clean
        without = "\n".join(line for line in text.split("\n") if "is stored from" not in line)
        assert not check(without, catalog=store, zone=UTC, ledger=(since,)).clean


def test_many_lines_on_sources_end_soon(page: str, catalog: Catalog) -> None:
    began = time.perf_counter()
    result = checked(page + "- attention could not be read: a.\n" * 2_000 + "\n\nAll is broken.\n" * 2_000, catalog)
    assert len(wrong(result)) >= 4_000
    assert time.perf_counter() - began < 20


# --- sentences of a model ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claim", ["The plan is a breaking change.", "The plan was released in January.", "It makes it faster."]
)
def test_sentences_of_a_model_are_held_to_what_they_claim(catalog: Catalog, claim: str) -> None:
    writer = Says(Sentence(text="The plan of a batch is kept.", keys=(), verbatim=False), model="tiny")
    text = markdown(report(catalog, at(3), choice=CHOICE, writer=writer, ledger=ledger(catalog, ROWS)))
    start = text.index("- **Add a plan**")
    said = "The plan of a batch is kept."
    changed = text[:start] + text[start:].replace(said, claim, 1)
    assert set(wrong(checked(changed, catalog)).values()) == {"wrong figure"}


# --- the front page, and what is no page -------------------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path: Path, catalog: Catalog) -> Path:
    folder = Archive(tmp_path / "reports")
    for number in (3, 4):
        folder.write(edition(report(catalog, at(number), choice=CHOICE, writer=Extractive(), ledger=ledger(catalog, ROWS))))
    return tmp_path / "reports"


@pytest.mark.parametrize("known", [True, False])
def test_a_front_page_is_checked_as_its_latest_report(archive: Path, catalog: Catalog, known: bool) -> None:
    text, index = (archive / "README.md").read_text(), (archive / "index.json").read_text() if known else ""

    def found(text: str) -> CheckResult:
        return check(text, catalog=catalog, zone=UTC, file_name="README.md", ledger=ledger(catalog), index=index)

    assert found(text).clean
    assert found(text).own
    assert found(text).unchecked == (0 if known else 1)
    listed = text.replace("## Earlier reports", "All is broken.\n\n## Earlier reports")
    assert set(wrong(found(listed)).values()) == {"unknown"}
    assert not found(text.replace("## Earlier reports", "## Earlier reports\n\nAll is broken.")).clean
    assert not found(text.replace("](2026-02-04.md)", "](https://evil.example)")).clean
    assert found(text.replace("3 records", "4 records")).clean is not known


def test_a_sidecar_is_no_page(archive: Path, catalog: Catalog) -> None:
    for text in ((archive / "2026-02-04.json").read_text(), json.dumps({"a": 1})):
        with pytest.raises(ReportError) as caught:
            check(text, catalog=catalog, zone=UTC, file_name="2026-02-04.json")
        assert "name the .md beside it" in caught.value.remedy


def test_a_page_in_another_zone_is_clean(catalog: Catalog) -> None:
    zone = timezone(timedelta(hours=9))
    text = markdown(report(catalog, at(3, zone=zone), choice=CHOICE, writer=Extractive(), ledger=ledger(catalog, ROWS)))
    assert checked(text, catalog).clean


def test_what_only_a_link_was_checked_of_is_told(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    found = check(f"- It is nicer now ([a]({ADDED.url})).\n", catalog=catalog, zone=UTC, file_name="2026-02-04.md")
    show_check(Console(width=200), Path("a.md"), found)
    assert capsys.readouterr().out.strip() == "a.md: 1 of which only the link was checked."
    assert payloads_report.check(Path("a.md"), found)["unchecked"] == 1


def test_a_source_that_is_read_no_more_is_not_missed(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "catalog.db") as store:
        put(store, ADDED, source="old name")
        text = markdown(report(store, at(3), ledger=stored(store, [row()])))
        assert check(text, catalog=store, zone=UTC).clean
        assert check(text, catalog=store, zone=UTC, ledger=ledger(store, [row()])).clean
