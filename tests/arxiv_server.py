"""A local server that answers as export.arxiv.org does: Atom feeds, their query language, paging, PDFs; and fails on request.

``with ArxivServer() as server: populate(server, 500)``; then ``server.url`` is the ``base_url`` of an arXiv source,
``server.asked`` the log of requests, and ``server.fail("html", times=2)`` spoils the next two answers.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

from tests.arxiv_search import NEWEST, Paper, search

ATOM = "application/atom+xml; charset=utf-8"


@dataclass(frozen=True)
class Asked:
    """A request that came: ``at`` is monotonic seconds, ``port`` tells connections apart."""

    path: str
    query: Mapping[str, str]
    at: float
    port: int
    agent: str

    @property
    def start(self) -> int:
        return int(self.query.get("start", "0"))


@dataclass
class Fault:
    """How to spoil ``times`` answers (None: all) of those that ``of`` accepts. ``kind`` names a method of the handler."""

    kind: str
    times: int | None
    of: Callable[[Asked], bool]
    status: int
    retry_after: str | None
    location: str
    body: bytes
    seconds: float


class ArxivServer:
    """A running server; use it in ``with``. ``feed_date`` is what feeds say of themselves (None: nothing)."""

    def __init__(self) -> None:
        self.papers: dict[str, Paper] = {}
        self.asked: list[Asked] = []
        self.feed_date: datetime | None = NEWEST.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        self.closing = threading.Event()
        self._faults: list[Fault] = []
        self._mutex = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.arxiv = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> ArxivServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The query interface: a source's ``base_url``."""
        return f"{self.root}/api/query"

    @property
    def queries(self) -> list[Asked]:
        """Requests to the query interface."""
        return [asked for asked in self.asked if asked.path == "/api/query"]

    def add_paper(self, id: str, title: str, abstract: str = "We measure a kernel.", **fields: Any) -> Paper:
        """Add a paper, or replace the one of this id. ``fields``: see Paper; ``updated`` is by default ``published``."""
        if "published" in fields:
            fields.setdefault("updated", fields["published"])
        self.papers[id] = Paper(id=id, title=title, abstract=abstract, **fields)
        return self.papers[id]

    def revise(self, id: str, updated: datetime, **fields: Any) -> Paper:
        """The next version of a paper."""
        old = self.papers[id]
        self.papers[id] = replace(old, **{"updated": updated, "version": old.version + 1, **fields})
        return self.papers[id]

    def fail(
        self,
        kind: str,
        *,
        times: int | None = 1,
        of: Callable[[Asked], bool] = lambda asked: True,
        status: int = 503,
        retry_after: str | None = None,
        location: str = "",
        body: bytes = b"",
        seconds: float = 30.0,
    ) -> None:
        """Spoil answers: body (``body`` with HTTP 200), status, html, truncated, encoding, no_total, no_entries (though there
        are some), error_entry, redirect (to ``location``), hang (no answer), stall (headers only), drip (a byte at a time),
        reset."""
        self._faults.append(Fault(kind, times, of, status, retry_after, location, body, seconds))

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()

    def take(self, asked: Asked) -> Fault | None:
        """Log a request; the fault that its answer is to have."""
        with self._mutex:
            self.asked.append(asked)
            for fault in self._faults:
                if fault.times != 0 and fault.of(asked):
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None


def populate(server: ArxivServer, count: int, *, newest: datetime = NEWEST, apart: timedelta = timedelta(hours=1)) -> None:
    """Add ``count`` papers, the newest updated at ``newest``, each next one ``apart`` earlier; every fifth is a revision.

    The feed is then of the midnight that follows, when they are announced.
    """
    server.feed_date = newest.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    for number in range(count):
        updated = newest - number * apart
        what, how = _SUBJECTS[number % len(_SUBJECTS)], _MEANS[number // len(_SUBJECTS) % len(_MEANS)]
        server.add_paper(
            f"{updated:%y%m}.{count - number:05d}",
            f"{what} by {how}, part {count - number}",
            f"We speed up {what.lower()} by {how}. On {number % 7 + 1} GPUs it runs {1 + number % 9 / 4:.2f} times as fast.",
            authors=[_AUTHORS[(number + step) % len(_AUTHORS)] for step in range(number % 4 + 1)],
            categories=("cs.LG", "cs.DC") if number % 3 else ("cs.CL",),
            published=updated if number % 5 else updated - timedelta(days=30),
            updated=updated,
            version=1 if number % 5 else 2,
        )


_SUBJECTS = ("Speculative decoding", "Attention", "Mixture-of-experts routing", "KV-cache compression", "Tensor parallelism")
_MEANS = ("fused kernels", "draft trees", "paged memory", "low-bit weights", "overlapped communication", "learned schedules")
_AUTHORS = ("Ada Lovelace", "Alan Turing", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Zoë Müller", "李明")


# --- answering ------------------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    arxiv: ArxivServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        agent = self.headers.get("User-Agent", "")
        asked = Asked(address.path, query, time.monotonic(), self.client_address[1], agent)
        fault = self.server.arxiv.take(asked)
        if fault:
            getattr(self, f"_fail_{fault.kind}")(fault, asked)
        elif asked.path == "/api/query":
            self._send(200, self._feed(asked))
        elif asked.path.startswith("/pdf/"):
            self._send_pdf(asked.path.removeprefix("/pdf/"))
        else:
            self._send(404, b"<html><title>404</title></html>", "text/html")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _send(self, status: int, body: bytes, kind: str = ATOM, *, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _feed(self, asked: Asked, *, entries: bool = True, total: bool = True) -> bytes:
        arxiv = self.server.arxiv
        try:
            found = search(arxiv.papers.values(), asked.query)
            start, size = asked.start, int(asked.query.get("max_results", "10"))
            if start < 0 or size < 0:
                raise ValueError("start and max_results must not be negative")
        except ValueError as error:
            return _document([_error_entry(str(error))], total=1, date=arxiv.feed_date)
        page = found[start : start + size] if entries else []
        return _document(
            [paper.raw or _entry(paper, arxiv.root) for paper in page],
            total=len(found) if total else None,
            start=start,
            size=size,
            date=arxiv.feed_date,
        )

    def _send_pdf(self, name: str) -> None:
        paper = self.server.arxiv.papers.get(re.sub(r"v\d+$", "", name))
        if paper is None or paper.pdf is None:
            self._send(404, b"<html><title>No PDF</title></html>", "text/html")
        else:
            self._send(200, paper.pdf, "application/pdf")

    # --- faults, by name --------------------------------------------------------------------------------------------------

    def _fail_body(self, fault: Fault, asked: Asked) -> None:
        self._send(200, fault.body)

    def _fail_status(self, fault: Fault, asked: Asked) -> None:
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        self._send(fault.status, fault.body or b"Rate exceeded.", "text/plain", headers=headers)

    def _fail_html(self, fault: Fault, asked: Asked) -> None:
        self._send(200, b"<!DOCTYPE html><html><head><title>arXiv is down</title></head><body>Sorry</body></html>", "text/html")

    def _fail_truncated(self, fault: Fault, asked: Asked) -> None:
        body = self._feed(asked)
        self._send(200, body[: len(body) * 2 // 3])

    def _fail_encoding(self, fault: Fault, asked: Asked) -> None:
        self._send(200, self._feed(asked).decode().replace("measure", "m\xe4\x02sure").encode("latin-1"))

    def _fail_no_total(self, fault: Fault, asked: Asked) -> None:
        self._send(200, self._feed(asked, total=False))

    def _fail_no_entries(self, fault: Fault, asked: Asked) -> None:
        self._send(200, self._feed(asked, entries=False))

    def _fail_error_entry(self, fault: Fault, asked: Asked) -> None:
        self._send(fault.status, _document([_error_entry("incorrect id format for 1234")], total=1, date=None))

    def _fail_redirect(self, fault: Fault, asked: Asked) -> None:
        self._send(302, b"", headers={"Location": fault.location})

    def _fail_hang(self, fault: Fault, asked: Asked) -> None:
        self.server.arxiv.closing.wait(fault.seconds)
        self.close_connection = True

    def _fail_stall(self, fault: Fault, asked: Asked) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self._fail_hang(fault, asked)

    def _fail_drip(self, fault: Fault, asked: Asked) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        until = time.monotonic() + fault.seconds
        while time.monotonic() < until and not self.server.arxiv.closing.wait(0.02):
            self.wfile.write(b"<")

    def _fail_reset(self, fault: Fault, asked: Asked) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


# --- feeds ----------------------------------------------------------------------------------------------------------------


def _document(entries: Iterable[str], *, total: int | None, date: datetime | None, start: int = 0, size: int = 10) -> bytes:
    counts = "" if total is None else f"<opensearch:totalResults>{total}</opensearch:totalResults>"
    stamp = "" if date is None else f"<updated>{date.isoformat()}</updated>"
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"'
        ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" xmlns:arxiv="http://arxiv.org/schemas/atom">\n'
        f"<title>arXiv Query</title>\n<id>http://arxiv.org/api/a1b2</id>\n{stamp}\n{counts}\n"
        f"<opensearch:startIndex>{start}</opensearch:startIndex>\n<opensearch:itemsPerPage>{size}</opensearch:itemsPerPage>\n"
    )
    return "\n".join([head, *entries, "</feed>\n"]).encode()


def _entry(paper: Paper, root: str) -> str:
    name = f"{paper.id}v{paper.version}"
    authors = "".join(f"<author><name>{escape(author)}</name></author>" for author in paper.authors)
    categories = "".join(f"<category term={quoteattr(category)}/>" for category in paper.categories)
    optional = "".join(
        f"<arxiv:{tag}>{escape(text)}</arxiv:{tag}>\n"
        for tag, text in (("comment", paper.comment), ("journal_ref", paper.journal_ref), ("doi", paper.doi))
        if text
    )
    return (
        f"<entry>\n<id>http://arxiv.org/abs/{name}</id>\n<title>{escape(paper.title)}</title>\n"
        f"<updated>{_stamp(paper.updated)}</updated>\n<published>{_stamp(paper.published)}</published>\n"
        f'<link href="https://arxiv.org/abs/{name}" rel="alternate" type="text/html"/>\n'
        f'<link href="{root}/pdf/{name}" rel="related" type="application/pdf" title="pdf"/>\n'
        f"<summary>  {escape(paper.abstract)}\n</summary>\n{categories}\n{optional}"
        f"<arxiv:primary_category term={quoteattr(paper.categories[0])}/>\n{authors}\n</entry>"
    )


def _error_entry(text: str) -> str:
    return (
        f"<entry><id>http://arxiv.org/api/errors#{escape(text.replace(' ', '_'))}</id><title>Error</title>"
        f"<summary>{escape(text)}</summary><updated>2026-02-07T00:00:00Z</updated>"
        "<author><name>arXiv api core</name></author></entry>"
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
