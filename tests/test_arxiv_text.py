"""Full text: by page, each PDF once, and no paper lost by a PDF that is broken, hostile or not there."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest

from ingest._arxiv_text import Limits, Text, extracted
from ingest.arxiv_papers import Source
from kb.types import Note, Record
from tests.arxiv_pdf import assemble_pdf, make_pdf
from tests.arxiv_reading import source
from tests.arxiv_search import NEWEST
from tests.arxiv_server import ArxivServer, Asked, populate
from tests.gitrepo import Store

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"


@pytest.fixture
def server() -> Iterator[ArxivServer]:
    with ArxivServer() as running:
        yield running


def is_pdf(asked: Asked) -> bool:
    return asked.path.startswith("/pdf/")


def pdfs(server: ArxivServer) -> list[str]:
    return [asked.path for asked in server.asked if is_pdf(asked)]


def only(arxiv: Source) -> Record:
    (batch,) = arxiv.pull(None)
    (record,) = batch.records
    return record


def encrypted(password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(["Secret"])))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def page_of(content: bytes, *filters: str) -> bytes:
    """A PDF with one page of this content stream."""
    names = " ".join(f"/{name}" for name in filters).encode()
    stream = b"<< /Length %d /Filter [%s] >>\nstream\n%s\nendstream" % (len(content), names, content)
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    font = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources %s >>" % font
    return assemble_pdf([CATALOG, pages, page, stream])


def test_pages_are_notes_that_can_be_cited(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("math.GT/0309136", "Knots", pdf=make_pdf(["On knots", "", "Proof (short)\nby drawing"]), version=2)
    record = only(source(server, tmp_path, full_text=True))
    url = "https://arxiv.org/pdf/math.GT/0309136v2"
    assert record.notes == (
        Note(kind="page", at=NEWEST, text="On knots", verdict="1", url=f"{url}#page=1"),
        Note(kind="page", at=NEWEST, text="Proof (short)\nby drawing", verdict="3", url=f"{url}#page=3"),
    )
    assert (record.marks, pdfs(server)) == ((), ["/pdf/math.GT/0309136v2"])


def test_a_pdf_is_read_once_and_a_new_version_anew(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("2602.00001", "A", pdf=make_pdf(["one"]))
    arxiv = source(server, tmp_path, full_text=True)
    first = only(arxiv)
    assert only(arxiv) == first
    assert len(pdfs(server)) == 1
    assert [path.name for path in (tmp_path / "texts").iterdir()] == ["2602.00001v1.json"]
    server.revise("2602.00001", NEWEST + timedelta(hours=1), pdf=make_pdf(["two"]))
    assert only(arxiv).notes[0].text == "two"
    assert len(pdfs(server)) == 2


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"v": 1}', '{"v": 1, "pages": [[1]], "cut": false, "error": ""}', '{"v": 0}'])
def test_a_text_on_disk_that_is_broken_is_read_anew(server: ArxivServer, tmp_path: Path, kept: str) -> None:
    server.add_paper("2602.00001", "A", pdf=make_pdf(["one"]))
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "2602.00001v1.json").write_text(kept)
    assert only(source(server, tmp_path, full_text=True)).notes[0].text == "one"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pdf": None}, "HTTP 404"),
        ({"pdf": b"%PDF-1.4 and then nothing"}, "it cannot be read"),
        ({"pdf": make_pdf(["one"])[:200]}, "it cannot be read"),
        ({"pdf": b"<html><title>Being made</title></html>"}, "no PDF but Being made"),
        ({"pdf": b""}, "no PDF but an empty answer"),
        pytest.param({"pdf": encrypted("secret")}, "it cannot be read (it is encrypted)", id="encrypted"),  # with random bytes
        ({"pdf": make_pdf(["", " "])}, "it holds no text"),
        ({"pdf": make_pdf([])}, "it holds no text"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_paper_without_text_is_a_paper_with_a_mark(
    server: ArxivServer, tmp_path: Path, fields: dict[str, Any], told: str
) -> None:
    server.add_paper("2602.00001", "Broken", **fields)
    server.add_paper("2602.00002", "Fine", pdf=make_pdf(["one"]), published=NEWEST - timedelta(days=1))
    arxiv, store = source(server, tmp_path, full_text=True), Store.empty()
    (batch,) = store.sync(arxiv)
    assert batch.truncated == ""
    assert (store.titled("Broken").marks, store.titled("Broken").notes) == (("no-full-text",), ())
    assert store.titled("Fine").notes[0].text == "one"
    notes = arxiv.context.meter.reading.notes
    assert any(note.startswith(f"without full text: 2602.00001v1 ({told}") for note in notes), notes


@pytest.mark.parametrize(
    "link", ["http://evil.example/pdf/2602.00001", "file:///etc/passwd", "http://[", "/pdf/2602.00001", ""]
)
def test_only_arxiv_and_the_configured_server_are_asked_for_pdfs(server: ArxivServer, tmp_path: Path, link: str) -> None:
    raw = (
        "<entry><id>http://arxiv.org/abs/2602.00001v1</id><title>A</title><updated>2026-02-05T00:00:00Z</updated>"
        f'<published>2026-02-05T00:00:00Z</published><link title="pdf" href="{link}"/></entry>'
    )
    server.add_paper("2602.00001", "A", raw=raw, pdf=make_pdf(["one"]))
    assert only(source(server, tmp_path, full_text=True)).marks == ("no-full-text",)
    assert pdfs(server) == []


def test_a_link_to_arxiv_is_read_at_the_configured_server(server: ArxivServer, tmp_path: Path) -> None:
    raw = (
        "<entry><id>http://arxiv.org/abs/2602.00001v1</id><title>A</title><updated>2026-02-05T00:00:00Z</updated>"
        '<published>2026-02-05T00:00:00Z</published><link title="pdf" href="https://arxiv.org/pdf/2602.00001v1"/></entry>'
    )
    server.add_paper("2602.00001", "A", raw=raw, pdf=make_pdf(["one"]))
    assert only(source(server, tmp_path, full_text=True)).notes[0].text == "one"
    assert pdfs(server) == ["/pdf/2602.00001v1"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_gives_no_more_pdfs_ends_the_run_where_it_is(server: ArxivServer, tmp_path: Path, status: int) -> None:
    for number in range(5):
        id = f"2602.0000{number}"
        server.add_paper(id, id, pdf=make_pdf([id]), published=NEWEST - timedelta(days=number))
    server.fail(
        "status", status=status, retry_after="3600", times=None, of=lambda asked: is_pdf(asked) and "00003" in asked.path
    )
    arxiv, store = source(server, tmp_path, full_text=True), Store.empty()
    (batch,) = store.sync(arxiv)
    assert [record.ref for record in batch.records] == ["2602.00000", "2602.00001", "2602.00002"]
    assert batch.truncated.startswith(f"full texts cannot be had now (HTTP {status}")
    server.heal()
    store.sync(arxiv)
    assert {record.notes[0].text for record in store.records.values()} == set(server.papers)
    assert [asked.start for asked in server.queries] == [0, 3]
    assert len(pdfs(server)) == 5 + 1


def test_a_transfer_that_breaks_off_is_tried_in_the_next_run_and_then_given_up(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("2602.00001", "Broken", pdf=make_pdf(["one"]))
    server.add_paper("2602.00002", "Fine", pdf=make_pdf(["two"]), published=NEWEST - timedelta(days=1))
    server.fail("reset", times=None, of=lambda asked: is_pdf(asked) and "00001" in asked.path)
    arxiv, store = source(server, tmp_path, full_text=True), Store.empty()
    (first,) = store.sync(arxiv)
    assert (first.records, bool(first.truncated)) == ((), True)
    (second,) = store.sync(arxiv)
    assert [record.marks for record in second.records] == [("no-full-text",), ()]
    assert second.truncated == ""
    server.heal()
    store.sync(arxiv)
    assert store.titled("Broken").notes[0].text == "one"


def test_a_killed_run_reads_no_pdf_twice(server: ArxivServer, tmp_path: Path) -> None:
    populate(server, 25)
    arxiv, store = source(server, tmp_path, full_text=True), Store.empty()
    store.apply(next(iter(arxiv.pull(None))))
    store.sync(arxiv)
    assert len(store.records) == 25
    assert len(pdfs(server)) == len(set(pdfs(server))) == 25
    assert [asked.start for asked in server.queries] == [0, 10, 20]


# --- what a PDF may be ----------------------------------------------------------------------------------------------------


def test_what_is_kept_of_a_long_paper() -> None:
    assert extracted(make_pdf(["one", "two", "three"]), Limits(pages=2)) == Text(pages=((1, "one"), (2, "two")), cut=True)
    assert extracted(make_pdf(["one", "two"]), Limits(pages=2)) == Text(pages=((1, "one"), (2, "two")))
    assert extracted(make_pdf(["abcdef"]), Limits(characters=3)) == Text(pages=((1, "abc"),), cut=True)


def test_a_long_paper_is_marked(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("2602.00001", "Long", pdf=make_pdf([f"page {number}" for number in range(70)]))
    record = only(source(server, tmp_path, full_text=True))
    assert (len(record.notes), record.marks) == (60, ("truncated",))


def test_one_page_that_cannot_be_read_does_not_cost_the_others() -> None:
    def spoilt(*pages: str) -> bytes:
        return make_pdf(pages).replace(b">>\nstream\nBT /F1 12 Tf 72 720 Td (bad)", b"/Filter /Nope >>\nstream\n")

    assert extracted(spoilt("one", "bad", "three"), Limits()) == Text(pages=((1, "one"), (3, "three")), cut=True)
    assert extracted(spoilt("bad"), Limits()) == Text(error="it cannot be read (no page of it can)")


def test_no_password_is_needed_where_it_is_empty() -> None:
    assert extracted(encrypted(""), Limits()).pages == ((1, "Secret"),)


@pytest.mark.parametrize(
    ("pdf", "told"),
    [
        (page_of(zlib.compress(zlib.compress(b"\0" * 400_000_000, 9), 9), "FlateDecode", "FlateDecode"), "it cannot be read"),
        (page_of(b"/F1 12 Tf BT " + b"q " * 500_000 + b"[" * 200_000), "it holds no text"),
        (assemble_pdf([CATALOG, b"<< /Type /Pages /Kids [2 0 R] /Count 9999999 >>"]), "it cannot be read"),
        (assemble_pdf([b"<< /Type /Catalog /Pages 1 0 R /Kids [1 0 R] >>"]), "it holds no text"),
    ],
    ids=["bomb", "nested", "pages of pages", "root of roots"],
)
def test_hostile_pdfs_end_and_give_no_text(pdf: bytes, told: str) -> None:
    text = extracted(pdf, Limits(seconds=20, megabytes=512))
    assert text.error.startswith(told)
    assert text.pages == ()


def test_time_and_memory_are_limited() -> None:
    slow, large = make_pdf(["x\n" * 400_000]), make_pdf(["one"]) + b"\n" * 30_000_000
    assert extracted(slow, Limits(seconds=1)).error.startswith("reading it took more than ")
    assert extracted(large, Limits(megabytes=64)).error == "it cannot be read (it takes more than 64 MB of memory)"


def test_a_pdf_that_is_too_large_is_not_kept(server: ArxivServer, tmp_path: Path) -> None:
    server.add_paper("2602.00001", "Huge", pdf=b"%PDF-1.4" + b" " * 50_000_000)
    arxiv = source(server, tmp_path, full_text=True)
    assert only(arxiv).marks == ("no-full-text",)
    assert "without full text: 2602.00001v1 (more than 50 MB)" in arxiv.context.meter.reading.notes


def test_a_reader_that_does_not_work_is_no_fault_of_the_paper(
    server: ArxivServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add_paper("2602.00001", "A", pdf=make_pdf(["one"]))
    arxiv = source(server, tmp_path, full_text=True)
    with monkeypatch.context() as broken:
        broken.setattr("ingest._arxiv_text._PROGRAM", tmp_path / "missing.py")
        assert only(arxiv).marks == ("no-full-text",)
    assert "without full text: 2602.00001v1 (the program that reads PDFs does not work)" in arxiv.context.meter.reading.notes
    assert only(arxiv).notes[0].text == "one"
