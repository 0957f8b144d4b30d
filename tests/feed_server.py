"""A web server on the loopback interface that answers as a test says: pages, ETags, redirects, and every way to fail."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from ingest._http import Patience

QUICK = Patience(attempts=3, first_wait=0.001, longest_wait=0.05, silence=0.3, whole=1.0)


@dataclass(frozen=True)
class Request:
    """What a client asked for; header names are in lower case."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """``etag``: answer 304 to who has it. ``lost``: bytes that are announced and never sent. ``silent``: say nothing at all.
    ``drip``: one byte every so many seconds."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    lost: int = 0
    silent: bool = False
    drip: float = 0.0

    @property
    def data(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


Reaction = Answer | Callable[[Request], Answer]


def zipped(body: bytes) -> Answer:
    return Answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def moved(to: str, status: int = 301) -> Answer:
    return Answer(status=status, headers={"Location": to})


class WebServer:
    """A context manager; ``requests`` are those it got, in order. What is not served is answered 404."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._pages: dict[str, list[Reaction]] = {}
        self._over = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = False  # so that closing waits for every answer
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def serve(self, path: str, *answers: Reaction) -> str:
        """The page's address. Each request takes the next answer; the last one stays."""
        self._pages[path] = list(answers)
        return self.url + path

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        answers = self._pages.get(request.path, [Answer(status=404)])
        chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        answer = chosen if isinstance(chosen, Answer) else chosen(request)
        if answer.etag and request.headers.get("if-none-match") == answer.etag:
            return replace(answer, status=304, body=b"")
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 2  # seconds that a connection may idle, so that a client that keeps one does not keep the server

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                headers = {key.lower(): value for key, value in self.headers.items()}
                answer = server._answer(Request(parts.path, parse_qs(parts.query), headers))
                if answer.silent:
                    server._over.wait(5)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for key, value in {**answer.headers, **({"ETag": answer.etag} if answer.etag else {})}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer.data) + answer.lost))
                self.close_connection = bool(answer.lost)
                self.end_headers()
                self._send(answer)

            def _send(self, answer: Answer) -> None:
                try:
                    if not answer.drip:
                        self.wfile.write(answer.data)
                    for byte in answer.data if answer.drip else b"":
                        self.wfile.write(bytes([byte]))
                        if server._over.wait(answer.drip):
                            return
                except OSError:  # the client has had enough
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        return Handler
