"""The archive as pages: calendars, a report with its check, its feed; and whatever else lies in the folder does no harm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from kb.check.types import CheckResult, Fault, Finding
from kb.config import load_config
from kb.errors import ReportError
from kb.report.archive import Archive, Stored
from kb.report.archived import Archived, Identity
from kb.web import shelf as shelves
from kb.web.calendar_html import calendar_html
from kb.web.feed import report_routes
from kb.web.prose import Cited
from kb.web.reader import Reader
from kb.web.reports_html import address_of, empty_html, made_html, making_html, missing_html, opened_html, unchosen_html
from kb.web.service import Service
from kb.web.shelf import Opened, Shelf
from tests.archiving import of
from tests.web_pages import EN, HOSTILE, ZH, by_class, inert, said

READERS = [EN, ZH]
DAY = date(2026, 2, 5)
CLEAN = CheckResult(frame=None, own=True, findings=(), counts={"exact": 37, "unknown": 0})


def entry(
    day: date = DAY, *, name: str = "", length: str = "1d", language: str = "en", repos: tuple[str, ...] = ()
) -> Archived:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    identity = Identity(day, length, language, repos)
    return Archived(
        name=name or day.isoformat(), identity=identity, title="Daily report", summary="", since=at, until=at, as_of=at
    )


def opened(**changes: object) -> Opened:
    values = {"entry": entry(), "page": b"# Report\n", "sidecar": b"{}", "cited": (), "model": "", "edited": False}
    return Opened(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "reports")
    for edition in (of(35), of(35, language="zh"), of(36), of(38, "7d"), of(36, repos=("acme/kernels",))):
        made.write(edition)
    return made


# --- the shelf ---------------------------------------------------------------------------------------------------------------


def test_the_report_of_a_day_is_the_one_that_fits_best(archive: Archive) -> None:
    shelf = Shelf(lambda: archive)
    days = [found.identity.day for found in shelf.entries()]
    assert days == sorted(days, reverse=True)
    day = days[-1]
    found = shelf.find(day, language="zh")
    assert found is not None
    assert (found.identity.day, found.identity.language) == (day, "zh")
    weekly = shelf.find(days[0], language="zh")
    assert weekly is not None
    assert (weekly.identity.length, weekly.identity.language) == ("7d", "en")  # the only one of that day
    some = next(one for one in shelf.entries() if one.identity.repos)
    whole = shelf.find(some.identity.day, language="en")
    assert whole is not None
    assert whole.identity.repos == ()
    assert shelf.find(some.identity.day, language="en", name=some.name) == some
    assert shelf.find(date(1999, 1, 1), language="en") is None


def test_a_report_comes_with_what_it_cites_and_whether_it_was_changed(archive: Archive) -> None:
    shelf = Shelf(lambda: archive)
    name = shelf.entries()[0].name
    first = shelf.open(name)
    assert not first.edited
    assert first.page == (archive.folder / f"{name}.md").read_bytes()
    sidecar = json.loads(first.sidecar)
    sidecar["citations"] = [
        {"key": "a@1", "id": "commit:a/a@1", "url": "https://example.org/1"},
        {"key": 3, "id": "x", "url": ""},
        "nonsense",
    ]
    sidecar["writer"] = {"model": "tiny"}
    (archive.folder / f"{name}.json").write_text(json.dumps(sidecar))
    (archive.folder / f"{name}.md").write_text("mine\n")
    again = shelf.open(name)
    assert (again.cited, again.model, again.edited) == ((Cited("a@1", "commit:a/a@1", "https://example.org/1"),), "tiny", True)


def test_a_report_that_is_made_or_deleted_meanwhile_is_noticed(archive: Archive) -> None:
    shelf = Shelf(lambda: archive)
    before = shelf.entries()
    assert shelf.entries() is before  # nothing was read again
    archive.write(of(37))
    assert len(shelf.entries()) == len(before) + 1
    (archive.folder / f"{before[0].name}.md").unlink()
    assert len(shelf.entries()) == len(before)
    with pytest.raises(ReportError, match="there is no report"):
        shelf.open(before[0].name)


@pytest.mark.parametrize("name", ["../kb", "..", "", "/etc/passwd", "index", "README", "2026-02-05\x00", "x" * 5000])
def test_only_reports_can_be_opened(archive: Archive, name: str) -> None:
    (archive.folder.parent / "kb.md").write_text("secret")
    with pytest.raises(ReportError, match="there is no report") as refused:
        Shelf(lambda: archive).open(name)
    assert len(refused.value.message) < 120


def test_foreign_and_broken_files_do_no_harm(archive: Archive) -> None:
    shelf = Shelf(lambda: archive)
    before = shelf.entries()
    folder = archive.folder
    (folder / "2026-03-01.json").write_bytes(b"\xff\x00{")
    (folder / "2026-03-01.md").write_bytes(b"\xff\xfe")
    (folder / "2026-03-02.json").write_text("[" * 100_000)
    (folder / "2026-03-03.json").mkdir()
    (folder / "2026-03-04.md").symlink_to("/etc/passwd")
    (folder / "2026-03-04.json").symlink_to(folder / f"{before[0].name}.json")
    (folder / "notes.txt").write_text("mine")
    (folder / "index.json").write_text("broken")
    assert shelf.entries() == before
    (folder / f"{before[0].name}.json").write_text('{"date": "2026-99-99"}')
    assert len(shelf.entries()) == len(before) - 1


def test_a_folder_that_is_not_there_is_empty_and_one_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    assert Shelf(lambda: Archive(tmp_path / "none")).entries() == ()
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReportError):
        Shelf(lambda: Archive(tmp_path / "file")).entries()


# --- calendars ---------------------------------------------------------------------------------------------------------------


def days(page: str) -> dict[str, tuple[str, bool]]:
    """What opens -> (what stands on the button, whether it is the one that is shown)."""
    tree = inert(page)
    return {
        button.get("data-of"): (said(button), button.get("aria-current") == "true")
        for button in tree.iterdescendants("button")
        if button.get("data-do") == "open" and button.get("data-to") == "field"
    }


@pytest.mark.parametrize(("reader", "own"), [(EN, "en"), (ZH, "zh")], ids=["en", "zh"])
def test_a_calendar_has_a_button_for_each_day_and_week_with_a_report(reader: Reader, own: str) -> None:
    entries = [
        entry(date(2026, 2, 8), length="7d", name="week"),
        entry(date(2026, 2, 8), name="sunday"),
        entry(DAY, name="en"),
        entry(DAY, name="zh", language="zh"),
        entry(DAY, name="some", language=own, repos=("acme/kernels",)),
        entry(date(2025, 12, 31), name="old"),
    ]
    page = calendar_html(entries, reader, chosen="some", to="field")
    assert days(page) == {"week": ("8", False), "sunday": ("8", False), own: ("5", True), "old": ("31", False)}
    captions = [said(caption) for caption in inert(page).iterdescendants("caption")]
    assert captions == (["2026-02", "2025-12"] if own == "en" else ["2026 年 2 月", "2025 年 12 月"])
    heads = [said(head) for head in inert(page).iterdescendants("th")][:8]
    assert len(heads) == 8
    assert all(label.get("aria-label").startswith("20") for label in by_class(inert(page), "kb-day"))


def test_months_long_ago_are_folded_away_unless_one_is_shown() -> None:
    entries = [entry(date(2026 - n // 12, 12 - n % 12, 3), name=f"r{n}") for n in range(30)]
    folded = inert(calendar_html(entries, EN, chosen="", to="field"))
    assert len(list(folded.iterdescendants("table"))) == 30
    (details,) = folded.iterdescendants("details")
    assert len(list(details.iterdescendants("table"))) == 26
    (fewer,) = inert(calendar_html(entries, EN, chosen="r9", to="field")).iterdescendants("details")
    assert len(list(fewer.iterdescendants("table"))) == 20


# --- one report --------------------------------------------------------------------------------------------------------------


def test_the_address_of_a_report_names_it() -> None:
    assert address_of(entry(language="zh")) == "?tab=reports&day=2026-02-05&lang=zh"
    assert address_of(entry(length="7d")) == "?tab=reports&day=2026-02-05&lang=en&length=7d"
    assert address_of(entry(name="n", repos=("a/b",))) == "?tab=reports&day=2026-02-05&lang=en&name=n"


def test_badges_say_how_the_report_stands() -> None:
    def badges(report: Opened, check: CheckResult | None = CLEAN) -> list[str]:
        tree = inert(opened_html(report, [report.entry], EN, check=check, to="field", may_write=True))
        return [said(badge) for badge in by_class(tree, "kb-badge")]

    assert badges(opened()) == ["37 of 37 claims checked"]
    assert badges(opened(), None) == ["Checking every claim…"]
    changed = opened(entry=replace(entry(), provisional=True), edited=True, model="tiny")
    assert badges(changed) == ["37 of 37 claims checked", "Provisional", "Changed by hand", "Sentences by tiny"]


def test_what_the_check_found_stands_above_the_report() -> None:
    check = CheckResult(
        frame=None,
        own=True,
        findings=(Finding(9, "wrong figure", "12 files", "there are 11"), Finding(10, "exact", "fine")),
        faults=(Fault(3, "a heading with nothing below it"),),
        missing=("commit:a/b@1", "commit:a/b@2"),
        counts={"exact": 36, "wrong figure": 1},
    )
    tree = inert(opened_html(opened(), [entry()], EN, check=check, to="field", may_write=True))
    assert [said(badge) for badge in by_class(tree, "kb-bad")] == ["36 of 37 claims checked"]
    (found,) = by_class(tree, "kb-found")
    assert [said(item) for item in found.iterdescendants("li")] == [
        "Line 3 a heading with nothing below it",
        "Line 9 wrong figure: 12 files (there are 11)",
        "2 records of the window are not in it",
    ]


def test_others_of_the_day_can_be_chosen_and_this_one_made_again() -> None:
    others = [entry(name="a"), entry(name="b", language="zh"), entry(name="c", length="7d")]
    tree = inert(opened_html(opened(entry=others[0]), others, EN, check=CLEAN, to="field", may_write=True))
    found = {(button.get("data-do"), button.get("data-of")): said(button) for button in tree.iterdescendants("button")}
    assert found == {
        ("open", "a"): "1 day · English",
        ("open", "b"): "1 day · 中文",
        ("open", "c"): "7 days · English",
        ("again", "a"): "Make again",
    }
    alone = inert(opened_html(opened(), [entry()], EN, check=CLEAN, to="field", may_write=False))
    assert not list(alone.iterdescendants("button"))


def test_citations_are_chips_and_a_report_too_long_is_only_for_download() -> None:
    page = b"- x ([`a@1`](https://example.org/1), [`a@2`](https://evil.example))\n"
    report = opened(page=page, cited=(Cited("a@1", "commit:a/a@1", "https://example.org/1"),))
    tree = inert(opened_html(report, [], EN, check=CLEAN, to="field", may_write=True))
    assert [chip.get("data-id") for chip in by_class(tree, "kb-chip")] == ["commit:a/a@1"]
    long = opened(page=b"x" * (shelves.LONGEST + 1))
    assert "too long to be shown here (1.0 MB)" in said(inert(opened_html(long, [], EN, check=CLEAN, to="f", may_write=True)))


@pytest.mark.parametrize("reader", READERS, ids=["en", "zh"])
@pytest.mark.parametrize("text", HOSTILE)
def test_reports_and_their_names_are_inert(text: str, reader: Reader) -> None:
    hostile = replace(entry(), name=text, title=text, identity=Identity(DAY, text, text, (text,)))
    check = CheckResult(
        frame=None, own=False, findings=(Finding(1, "unknown", text, text),), faults=(Fault(0, text),), counts={}
    )
    report = opened(entry=hostile, page=text.encode("utf-8", "replace"), cited=(Cited(text, text, text),), model=text)
    inert(opened_html(report, [hostile, entry()], reader, check=check, to="f", may_write=True))
    inert(calendar_html([hostile], reader, chosen=text, to="f"))
    inert(missing_html(text, reader))
    inert(making_html(DAY, reader, model=text, to="f"))
    inert(made_html(stored(text), reader, to="f"))


def stored(status: str) -> Stored:
    return Stored(status=status, name="n", markdown=Path("n.md"), sidecar=Path("n.json"))


def test_how_a_report_that_was_made_stands() -> None:
    assert "The report is written." in said(inert(made_html(stored("written"), EN, to="f")))
    kept = inert(made_html(stored("kept"), EN, to="f"))
    assert [button.get("data-do") for button in kept.iterdescendants("button")] == ["replace"]


def test_where_there_is_nothing_it_says_what_to_do() -> None:
    assert "Make one for a day or a week" in said(inert(empty_html(EN)))
    assert "There is no report of 2026-02-05 here." in said(inert(missing_html("2026-02-05", EN)))
    assert said(inert(unchosen_html(EN))) == "Choose a day to read its report."


def test_the_form_asks_for_a_day_that_has_been() -> None:
    tree = inert(making_html(date(2026, 2, 20), EN, model="", to="field"))
    (day,) = [box for box in tree.iterdescendants("input") if box.get("name") == "day"]
    assert (day.get("type"), day.get("value"), day.get("max")) == ("date", "2026-02-20", "2026-02-21")
    assert not [box for box in tree.iterdescendants("input") if box.get("name") == "model"]
    with_model = inert(making_html(date(2026, 2, 20), EN, model="tiny", to="field"))
    assert "Let tiny write its sentences" in said(with_model)


# --- the feed ----------------------------------------------------------------------------------------------------------------


def test_the_feed_leads_to_the_pages_and_to_nothing_else(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "kb.toml").write_text('data_dir = "data"\n')
    assert load_config(tmp_path / "kb.toml").report.out == "reports"
    service = Service(tmp_path / "kb.toml")
    try:
        client = TestClient(Starlette(routes=report_routes(service)), base_url="http://127.0.0.1:7860")
        feed = client.get("/reports/feed.xml")
        assert (feed.status_code, feed.headers["content-type"]) == (200, "application/atom+xml")
        for one in archive.entries():
            address = f"http://127.0.0.1:7860/reports/{one.name}.md"
            assert address in feed.text
            assert client.get(address).content == (archive.folder / f"{one.name}.md").read_bytes()
            assert client.get(address.replace(".md", ".json")).headers["content-type"] == "application/json"
        home = client.get("/reports/README.md", follow_redirects=False)
        assert (home.status_code, home.headers["location"]) == (307, "../?tab=reports")
        for other in ("index.json", "%2e%2e%2fkb.toml", "..%2fkb.toml", ".kb-lock", "2026-02-05.html", "x" * 300 + ".md"):
            assert client.get(f"/reports/{other}").status_code == 404
    finally:
        service.close()
