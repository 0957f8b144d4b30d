"""The archive of reports: names, what is rewritten and what is kept, listings, and where the last report ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, timedelta, timezone
from pathlib import Path

import pytest

from kb.catalog import Catalog
from kb.errors import ReportError
from kb.report.archive import Archive
from kb.report.frame import marked
from kb.report.sidecar import edition
from kb.report.types import Edition
from kb.types import Event
from tests.archiving import content, of, stamps
from tests.records import commit, day, thread
from tests.reporting import Says, at, nothing, report, row

DAY = date(2026, 2, 2)
REPOS = ("acme/kernels",)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "data" / "catalog.db") as opened:
        yield opened


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "reports")


@pytest.fixture
def made(catalog: Catalog) -> Edition:
    """The report of DAY with one commit."""
    return edition(report(catalog, at(1), commit(1, "Add a kernel", body="It is fast.")))


# --- names -------------------------------------------------------------------------------------------------------------------


def test_a_report_is_a_page_and_a_sidecar_called_by_its_day(archive: Archive, made: Edition) -> None:
    stored = archive.write(made)
    assert (stored.status, stored.name) == ("written", "2026-02-02")
    assert stored.markdown.read_text() == made.markdown
    beside = json.loads(stored.sidecar.read_text())
    assert beside["fingerprint"] == made.fingerprint
    assert beside["claims"] == json.loads(json.dumps(made.sidecar["claims"]))
    assert sorted(path.name for path in stored.files) == sorted(content(archive.folder))
    assert sorted(content(archive.folder)) == ["2026-02-02.json", "2026-02-02.md", "README.md", "feed.xml", "index.json"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_report_of_a_day_has_the_plain_name_in_any_language(archive: Archive, language: str) -> None:
    assert archive.write(of(1, language=language)).name == "2026-02-02"


def test_other_reports_of_a_day_say_in_their_name_what_is_different(archive: Archive) -> None:
    told = [
        archive.write(of(1, length, language=language, repos=repos)).name
        for length, language, repos in (
            ("1d", "en", ()),
            ("7d", "en", ()),
            ("1d", "zh", ()),
            ("7d", "zh", ()),
            ("1d", "en", ("flashinfer-ai/FlashInfer",)),
            ("1d", "en", ("other/flashinfer",)),
        )
    ]
    assert told[:5] == ["2026-02-02", "2026-02-02-7d", "2026-02-02-zh", "2026-02-02-7d-zh", "2026-02-02-flashinfer"]
    assert told[5] == "2026-02-02-1d-en-flashinfer"
    assert archive.write(of(1, "7d", language="zh")).name == "2026-02-02-7d-zh"
    assert archive.find(day=DAY, length="1d", language="en", repos=("other/flashinfer",)) == told[5]
    assert archive.find(day=DAY, length="3d", language="en") is None


def test_where_every_short_name_is_taken_a_hash_tells_reports_apart(archive: Archive) -> None:
    several = [archive.write(of(1, repos=(f"{owner}/x",))).name for owner in "abcd"]
    assert several[:2] == ["2026-02-02", "2026-02-02-x"]
    assert len(set(several)) == 4
    assert [archive.write(of(1, repos=(f"{owner}/x",))).name for owner in "abcd"] == several


def test_a_name_that_no_file_can_have_becomes_a_hash(archive: Archive) -> None:
    archive.write(of(1))
    for hostile in ("../../etc/passwd", "a/" + "x" * 300, "a/b\x00c", "a/\udcff", "a/<script>"):
        stored = archive.write(of(1, repos=(hostile,)))
        assert stored.markdown.parent == archive.folder
        assert stored.name.isascii()
        assert len(stored.name) < 100
    assert {path.parent for path in archive.folder.rglob("*")} == {archive.folder}


def test_reports_are_known_by_their_sidecars_whatever_their_files_are_called(archive: Archive) -> None:
    stored = archive.write(of(1, "7d"))
    for path in (stored.markdown, stored.sidecar):
        path.rename(path.with_name(f"2026-02-02-week{path.suffix}"))
    assert archive.write(of(1, "7d")).name == "2026-02-02-week"
    assert archive.write(of(1)).name == "2026-02-02"


# --- again -------------------------------------------------------------------------------------------------------------------


def test_the_same_facts_touch_no_file(archive: Archive, catalog: Catalog, made: Edition) -> None:
    archive.write(made)
    before = stamps(archive.folder), content(archive.folder)
    again = archive.write(edition(report(catalog, at(1))))
    assert (again.status, again.files) == ("unchanged", ())
    assert (stamps(archive.folder), content(archive.folder)) == before


def test_a_later_sync_that_brought_nothing_is_no_new_fact(archive: Archive, catalog: Catalog, made: Edition) -> None:
    archive.write(made)
    later = edition(report(catalog, at(1), ledger=[row(read=39.9)]))
    assert later.markdown != made.markdown
    assert archive.write(later).status == "unchanged"


@pytest.mark.parametrize(
    "ledger",
    [
        [row(status="failed", error="no route to host")],
        [row(read=1.5)],
        [row(truncated="the first 1,000 only")],
        [row(), row("papers", repo="")],
        [row(since=day(1.5))],
    ],
)
def test_how_a_source_stands_is_a_fact(archive: Archive, catalog: Catalog, made: Edition, ledger: list[object]) -> None:
    archive.write(made)
    assert archive.write(edition(report(catalog, at(1), ledger=ledger))).status == "rewritten"  # type: ignore[arg-type]


def test_a_record_that_came_late_or_changed_is_a_fact(archive: Archive, catalog: Catalog, made: Edition) -> None:
    archive.write(made)
    late = edition(report(catalog, at(1), thread("issue", 5, "It fails", opened=1.3)))
    assert archive.write(late).status == "rewritten"
    assert (archive.folder / "2026-02-02.md").read_text() == late.markdown
    changed = edition(report(catalog, at(1), commit(1, "Add a kernel", body="It is slow.")))
    assert archive.write(changed).status == "rewritten"
    assert archive.write(edition(report(catalog, at(1), choice=nothing()))).status == "rewritten"


def test_what_happened_after_the_window_is_no_fact_of_it(archive: Archive, catalog: Catalog) -> None:
    opened = thread("issue", 5, "It fails", opened=1.3)
    assert archive.write(edition(report(catalog, at(1), opened))).status == "written"
    closed = thread("issue", 5, "It fails", opened=1.3, closed=5)
    assert archive.write(edition(report(catalog, at(1), closed))).status == "unchanged"


def test_a_page_written_while_the_model_could_not_be_asked_is_written_anew(archive: Archive, catalog: Catalog) -> None:
    without = Says(model="qwen", problems=("it does not answer",))
    archive.write(edition(report(catalog, at(1), commit(1), writer=without)))
    assert archive.write(edition(report(catalog, at(1), writer=Says(model="qwen")))).status == "rewritten"
    other_words = Says(model="qwen", usage={"seconds": 3.0})
    assert archive.write(edition(report(catalog, at(1), writer=other_words))).status == "unchanged"


def test_a_page_made_twice_is_the_same_byte_for_byte(tmp_path: Path, catalog: Catalog) -> None:
    one, two = Archive(tmp_path / "one"), Archive(tmp_path / "two")
    one.write(
        edition(
            report(
                catalog,
                at(1),
                *(commit(number, f"Change {number}", events=(Event("landed", day(1.5)),)) for number in range(1, 6)),
            )
        )
    )
    two.write(edition(report(catalog, at(1))))
    assert content(one.folder) == content(two.folder)


def test_what_a_person_changed_is_kept_until_it_is_forced(archive: Archive, catalog: Catalog, made: Edition) -> None:
    stored = archive.write(made)
    stored.markdown.write_text(made.markdown + "\nMy own remark.\n")
    before = content(archive.folder)
    late = edition(report(catalog, at(1), thread("issue", 5, "It fails", opened=1.3)))
    kept = archive.write(late)
    assert kept.status == "kept"
    assert "changed by hand" in kept.notes[0]
    assert content(archive.folder)["2026-02-02.md"] == before["2026-02-02.md"]
    assert "My own remark." in (archive.folder / "README.md").read_text()
    assert archive.write(late, force=True).status == "rewritten"
    assert stored.markdown.read_text() == late.markdown


def test_force_writes_what_has_not_changed(archive: Archive, made: Edition) -> None:
    stored = archive.write(made)
    os.utime(stored.markdown, (0, 0))
    assert archive.write(made, force=True).status == "rewritten"
    assert stored.markdown.stat().st_mtime > 0


@pytest.mark.parametrize("sidecar", [b"", b"\xff\xfe", b"{", b"[1]", b'{"date": 3}', b"[" * 100_000, b'{"counts": NaN}', None])
@pytest.mark.parametrize("page", [b"My notes of Monday.\n", None])
def test_a_page_whose_sidecar_cannot_be_read_is_kept(
    archive: Archive, made: Edition, sidecar: bytes | None, page: bytes | None
) -> None:
    stored = archive.write(made)
    stored.markdown.write_bytes(page or stored.markdown.read_bytes())
    stored.sidecar.unlink()
    if sidecar is not None:
        stored.sidecar.write_bytes(sidecar)
    before = stored.markdown.read_bytes()
    kept = archive.write(made)
    assert (kept.status, kept.name) == ("kept", "2026-02-02")
    assert stored.markdown.read_bytes() == before
    assert "--force" in kept.notes[0]
    assert archive.write(made, force=True).status == "rewritten"
    assert archive.write(made).status == "unchanged"


def test_a_page_that_was_deleted_is_written_again(archive: Archive, made: Edition) -> None:
    stored = archive.write(made)
    stored.markdown.unlink()
    assert archive.entries() == []
    assert archive.write(made).status == "written"
    assert stored.markdown.is_file()


# --- listings ----------------------------------------------------------------------------------------------------------------


def test_the_front_page_has_the_latest_report_whole_and_links_to_the_others(archive: Archive, made: Edition) -> None:
    for number in (-40, 0, -1):
        archive.write(of(number))
    archive.write(of(0, "7d"))
    archive.write(made)
    page = (archive.folder / "README.md").read_text()
    assert marked(page) is None
    body = made.markdown.partition("\n")[2].strip()
    assert body in page
    listed = page[page.index(body) + len(body) :]
    order = [listed.index(text) for text in ("## Earlier reports", "### 2026-02", "(2026-02-01.md)", "(2026-02-01-7d.md)")]
    order += [listed.index(text) for text in ("### 2026-01", "(2026-01-31.md)", "### 2025-12", "(2025-12-23.md)")]
    assert order == sorted(order)
    assert "(2026-02-02.md)" not in listed


def test_an_older_report_changes_the_list_but_not_what_is_the_latest(archive: Archive) -> None:
    archive.write(of(3, language="zh"))
    assert archive.write(of(1)).files
    page = (archive.folder / "README.md").read_text()
    assert "## 往期报告" in page
    assert page.index("2026 年 2 月 4 日") < page.index("(2026-02-02.md)")


def test_the_index_says_of_each_report_what_and_where_it_is(archive: Archive, made: Edition) -> None:
    archive.write(of(0, "7d", language="zh", repos=REPOS))
    archive.write(made)
    found = json.loads((archive.folder / "index.json").read_text())
    assert found["schema"] == 1
    first, second = found["reports"]
    assert first["counts"]["records"] == 1
    assert first["summary"] == made.summary
    assert first["window"] == {
        "since": "2026-02-02T00:00:00Z",
        "until": "2026-02-03T00:00:00Z",
        "as_of": "2026-02-03T00:00:00Z",
    }
    assert (first["markdown"], first["json"], first["provisional"]) == ("2026-02-02.md", "2026-02-02.json", False)
    assert (second["date"], second["length"], second["language"], second["repos"]) == ("2026-02-01", "7d", "zh", [*REPOS])
    for entry in found["reports"]:
        assert (archive.folder / entry["markdown"]).is_file()
        assert (archive.folder / entry["json"]).is_file()


def test_a_front_page_that_a_person_wrote_is_left_as_it_is(archive: Archive, made: Edition) -> None:
    archive.folder.mkdir()
    own = {"README.md": "# Our reports\n", "feed.xml": "<feed>mine</feed>", "index.json": '{"mine": 1}'}
    for name, text in own.items():
        (archive.folder / name).write_text(text)
    stored = archive.write(made, force=True)
    assert {name: (archive.folder / name).read_text() for name in own} == own
    assert len(stored.notes) == 3
    assert any("README.md" in note for note in stored.notes)
    (archive.folder / "README.md").unlink()
    (archive.folder / "index.json").write_bytes(b"")
    assert {path.name for path in archive.write(made).files} == {"README.md", "index.json"}


def test_removing_our_mark_keeps_a_front_page(archive: Archive, made: Edition) -> None:
    archive.write(made)
    page = archive.folder / "README.md"
    page.write_text(page.read_text().partition("\n")[2] + "\nAnd this is mine.\n")
    before = page.read_text()
    archive.write(of(3))
    assert page.read_text() == before


def test_lost_listings_are_rebuilt_from_the_sidecars(archive: Archive, made: Edition) -> None:
    archive.write(of(0))
    archive.write(made)
    before = content(archive.folder)
    for name in ("README.md", "index.json", "feed.xml"):
        (archive.folder / name).unlink()
    assert {path.name for path in archive.rebuild()} == {"README.md", "index.json", "feed.xml"}
    assert content(archive.folder) == before
    assert archive.rebuild() == ()
    (archive.folder / "feed.xml").unlink()
    assert archive.write(made).status == "unchanged"
    assert content(archive.folder) == before


def test_hostile_titles_in_a_sidecar_stay_text(archive: Archive, made: Edition) -> None:
    stored = archive.write(of(0))
    values = json.loads(stored.sidecar.read_text())
    values["title"] = "](http://evil.example) <script>alert(1)</script>\u202e\x1b[31m"
    values["summary"] = "![x](http://evil.example/x.png)\n# Heading"
    stored.sidecar.write_text(json.dumps(values))
    archive.write(made)
    page = (archive.folder / "README.md").read_text()
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "\n# Heading" not in page
    assert "![x]" not in page


def test_a_link_to_elsewhere_is_no_report_and_is_not_followed(tmp_path: Path, archive: Archive, made: Edition) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    stored = archive.write(made)
    stored.markdown.unlink()
    stored.markdown.symlink_to(secret)
    assert archive.write(made).status == "kept"
    assert archive.entries() == []
    assert archive.write(made, force=True).status == "rewritten"
    assert secret.read_text() == "secret"
    assert not stored.markdown.is_symlink()
    assert "secret" not in (archive.folder / "README.md").read_text()


# --- since the last ----------------------------------------------------------------------------------------------------------


def test_the_last_end_is_that_of_the_same_language_and_repositories(archive: Archive) -> None:
    assert archive.last_end(language="en", repos=(), day=DAY) is None
    archive.write(of(0))
    archive.write(of(0.9, language="zh"))
    archive.write(of(-3, "7d"))
    archive.write(of(1, repos=REPOS))
    assert archive.last_end(language="en", repos=(), day=DAY) == day(1)
    assert archive.last_end(language="zh", repos=(), day=date(2026, 2, 9)) == day(1)
    assert archive.last_end(language="en", repos=REPOS, day=date(2026, 2, 9)) == day(2)
    assert archive.last_end(language="zh", repos=REPOS, day=date(2026, 2, 9)) is None


def test_what_a_report_lacked_belongs_to_the_next(archive: Archive, catalog: Catalog) -> None:
    archive.write(of(0))
    made = edition(report(catalog, at(40, now=day(40.5))))
    assert made.provisional
    archive.write(made)
    assert archive.entries()[0].end == day(40.5)
    assert archive.last_end(language="en", repos=(), day=date(2026, 3, 20)) == day(1)


# --- a report of less --------------------------------------------------------------------------------------------------------


def test_a_report_of_other_hours_or_of_less_replaces_none_unless_forced(archive: Archive, catalog: Catalog) -> None:
    archive.write(of(0))
    before = content(archive.folder)
    shorter = edition(report(catalog, at(0, now=day(0.5))))
    elsewhere = edition(report(catalog, at(0, zone=timezone(timedelta(hours=8)))))
    for other in (shorter, elsewhere):
        with pytest.raises(ReportError, match="tells of 2026-02-01 00:00 to 2026-02-02 00:00") as refused:
            archive.write(other)
        assert "--out" in refused.value.remedy
        assert content(archive.folder) == before
    assert archive.write(elsewhere, force=True).status == "rewritten"


def test_a_report_that_tells_further_replaces_one_made_too_early(archive: Archive, catalog: Catalog) -> None:
    archive.write(edition(report(catalog, at(0, now=day(0.5)))))
    assert archive.write(of(0)).status == "rewritten"


def test_a_page_whose_sidecar_is_gone_is_said_to_be_left_out(archive: Archive) -> None:
    archive.write(of(0))
    (archive.folder / "2026-02-01.json").unlink()
    stored = archive.write(of(1))
    assert any("2026-02-01.md is not listed" in note for note in stored.notes)


def test_a_report_of_the_day_itself_does_not_cut_the_next_one_of_that_day(archive: Archive) -> None:
    archive.write(of(0))
    archive.write(of(1))
    assert archive.last_end(language="en", repos=(), day=DAY) == day(1)
