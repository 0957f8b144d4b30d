"""A local server that behaves like GitHub's REST API as far as infra-kb reads it, with faults on demand.

    with GitHubServer() as server:
        repo = server.add_repo("acme/kernels")
        repo.add_issue(title="NaN in softmax", created=day(1))
        … read server.url, look at server.requests …

What it serves, and how it pages, limits and errs, is GitHub's; ``make check-protocol`` holds it against GitHub's own
description. A parameter that GitHub has and this server has not is answered with 501: nothing is quietly ignored.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import re
import socket
import socketserver
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.github_data import Repo
from tests.github_faults import DOCS, Fault, Reply, Request, limit_error, reply_error, reply_json
from tests.github_routes import answer

_ENTERPRISE = "/api/v3"
_FREE = ("/rate_limit",)  # what does not count against the limit


@dataclass
class _Planned:
    """A fault that waits for its requests."""

    match: re.Pattern[str]
    fault: Fault
    times: int | None
    after: int

    def takes(self, target: str) -> bool:
        """Whether it is this request's turn; counts it."""
        if self.times == 0 or not self.match.search(target):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class _Window:
    """One client's hour: requests used, and when it ends (epoch seconds)."""

    ends: float
    used: int = 0


class GitHubServer:
    """Runs while it is entered; may be filled, changed and told to fail at any moment. Thread-safe."""

    def __init__(self, *, anonymous_limit: int = 60, token_limit: int = 5000, window: float = 3600.0) -> None:
        """Limits are requests per ``window`` seconds of one token, and of all without a token together."""
        self.anonymous_limit = anonymous_limit
        self.token_limit = token_limit
        self.window = window
        self.created = datetime(2024, 1, 1, tzinfo=UTC)
        self._mutex = threading.RLock()
        self._repos: list[Repo] = []
        self._requests: list[Request] = []
        self._planned: list[_Planned] = []
        self._windows: dict[str, _Window] = {}
        self._token = ""
        self._http = _Server(self)

    # -- what a test says ---------------------------------------------------------------------------------------------

    def __enter__(self) -> GitHubServer:
        self._http.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.stop()

    @property
    def url(self) -> str:
        """What api.github.com is; without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def enterprise_url(self) -> str:
        """The same as a GitHub Enterprise server gives it."""
        return self.url + _ENTERPRISE

    @property
    def requests(self) -> list[Request]:
        """All so far, in the order in which they were answered; faults and 304 included."""
        with self._mutex:
            return list(self._requests)

    def clear(self) -> None:
        """Forget the requests so far."""
        with self._mutex:
            self._requests.clear()

    def add_repo(self, name: str, *, cursors_above: int | None = None) -> Repo:
        """``cursors_above``: listings of issues with more entries page by cursor only, as those of large repositories do."""
        with self._mutex:
            repo = Repo(name, len(self._repos) + 1001, created=self.created, mutex=self._mutex)
            repo.cursors_above = cursors_above
            self._repos.append(repo)
            return repo

    def remove_repo(self, name: str) -> None:
        """Delete it: 404 from now on."""
        with self._mutex:
            self._repos.remove(next(repo for repo in self._repos if repo.name == name))

    def next_hour(self) -> None:
        """All limits begin again, as they do when ``window`` is over."""
        with self._mutex:
            self._windows.clear()

    def require_token(self, token: str) -> None:
        """Only this token is a good one, and without one nothing is answered (401)."""
        self._token = token

    def fail(self, match: str, fault: Fault, *, times: int | None = 1, after: int = 0) -> None:
        """Answer requests whose path and query ``match`` (a regular expression, searched) with a fault of ``github_faults``.

        ``after`` so many of them went well, ``times`` of them fail (None: all).
        """
        with self._mutex:
            self._planned.append(_Planned(re.compile(match), fault, times, after))

    def heal(self) -> None:
        """No more faults."""
        with self._mutex:
            self._planned.clear()

    # -- what a request gets ------------------------------------------------------------------------------------------

    def respond(self, method: str, target: str, headers: dict[str, str]) -> Reply:
        """The reply to a request; logs it."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(method, parts.path, query, headers, target, time.monotonic())
        with self._mutex:
            reply = self._limited(request)
            for planned in self._planned:
                if planned.takes(target):
                    reply = planned.fault(request, reply)
                    break
            self._requests.append(replace(request, status=0 if reply.reset else reply.status))
            return reply

    def _limited(self, request: Request) -> Reply:
        """The right reply, counted against the limit of whoever asks."""
        token = _token_of(request)
        if self._token and token != self._token:
            message = "Bad credentials" if token else "Requires authentication"
            return _dressed(reply_error(401, message))
        limit = self.token_limit if token else self.anonymous_limit
        window = self._windows.get(token)
        if window is None or window.ends <= time.time():
            window = self._windows[token] = _Window(time.time() + self.window)
        free = request.path.removeprefix(_ENTERPRISE) in _FREE
        if window.used >= limit and not free:
            reply = limit_error("user ID 1" if token else "127.0.0.1")
        else:
            reply = self._conditional(request, self._answer(request, limit, window), token)
            # As GitHub says: a conditional request is free where it was authorized and nothing had changed.
            window.used += not (free or (reply.status == 304 and token))
        told = {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(limit - window.used),
            "x-ratelimit-used": str(window.used),
            "x-ratelimit-reset": str(math.ceil(window.ends)),
            "x-ratelimit-resource": "core",
        }
        return _dressed(replace(reply, headers={**reply.headers, **told}))

    def _answer(self, request: Request, limit: int, window: _Window) -> Reply:
        enterprise = request.path.startswith(_ENTERPRISE + "/")
        path = request.path.removeprefix(_ENTERPRISE) if enterprise else request.path
        if path == "/rate_limit":
            core = {"limit": limit, "used": window.used, "remaining": limit - window.used, "reset": math.ceil(window.ends)}
            search = {"limit": 30, "used": 0, "remaining": 30, "reset": math.ceil(window.ends)}
            return reply_json(200, {"resources": {"core": core, "search": search}, "rate": core})
        api, site = (self.enterprise_url, self.url) if enterprise else (self.url, "https://github.com")
        found = self._find(path)
        if found is None or (found.repo.private and _token_of(request) not in found.repo.readers):
            return reply_error(404, "Not Found")
        if found.moved:
            query = urlsplit(request.target).query
            location = f"{api}/repositories/{found.repo.id}{found.rest}{'?' if query else ''}{query}"
            body = {"message": "Moved Permanently", "url": location, "documentation_url": f"{DOCS}/guides/best-practices"}
            return reply_json(301, body, {"Location": location})
        return answer(found.repo, found.rest, request.query, api=api, site=site)

    def _find(self, path: str) -> _Found | None:
        by_id = re.fullmatch(r"/repositories/(\d+)(/.*)?", path)
        by_name = re.fullmatch(r"/repos/([^/]+/[^/]+)(/.*)?", path)
        for repo in self._repos:
            if by_id and int(by_id[1]) == repo.id:
                return _Found(repo, by_id[2] or "")
            if by_name and by_name[1].lower() == repo.name.lower():
                return _Found(repo, by_name[2] or "")
        for repo in self._repos:
            if by_name and by_name[1].lower() in repo.former_names:
                return _Found(repo, by_name[2] or "", moved=True)
        return None

    def _conditional(self, request: Request, reply: Reply, token: str) -> Reply:
        """With an ETag, which is another for another client; 304 where the client has this answer."""
        if reply.status != 200:
            return reply
        digest = hashlib.sha256(token.encode() + reply.headers.get("Link", "").encode() + reply.body).hexdigest()
        tagged = {**reply.headers, "ETag": f'W/"{digest}"', "Vary": "Accept, Authorization, Cookie, Accept-Encoding"}
        asked = request.headers.get("if-none-match")
        if asked is None:
            same = request.headers.get("if-modified-since", "") == reply.headers.get("Last-Modified", None)
        else:
            same = digest in asked
        if same:
            return Reply(304, {name: value for name, value in tagged.items() if name not in ("Link", "Content-Type")})
        return replace(reply, headers=tagged)


@dataclass(frozen=True)
class _Found:
    repo: Repo
    rest: str
    moved: bool = False


def _token_of(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("token", "bearer") else ""


def _dressed(reply: Reply) -> Reply:
    """With the headers that every reply has."""
    common = {"Server": "github.com", "X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Request-Id": "1A2B:3C4D"}
    return replace(reply, headers={**common, "Cache-Control": "private, max-age=60, s-maxage=60", **reply.headers})


class _Server(ThreadingHTTPServer):
    """Sockets and threads: none is left behind, however a client behaves."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner: GitHubServer) -> None:
        self.owner = owner
        self.stopping = threading.Event()
        self.broken: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._open_mutex = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, name="github")

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's would ask the network for this machine's name
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every connection, also those that a client keeps, and wait for their threads."""
        self.stopping.set()
        if self._thread.ident is not None:
            self.shutdown()
            self._thread.join()
        with self._open_mutex:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_mutex:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_mutex:
            self._open.discard(request)
        if request in self.broken:
            self.broken.discard(request)
            self.close_request(request)  # shut down in order, it would end with FIN
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error; whatever else is raised is one, and shows."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.owner.respond(self.command, self.path, headers)
        if reply.wait and self.server.stopping.wait(reply.wait):
            self.close_connection = True
            return
        if reply.reset:
            # Closed with a linger of nothing, a connection ends with RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.server.broken.add(self.connection)
            self.close_connection = True
            return
        self._send(_packed(reply, headers))

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        self.send_header("Date", formatdate(usegmt=True))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 304:
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        self.end_headers()
        if reply.length not in (None, len(reply.body)):
            self.close_connection = True
        self._send_body(reply)

    def _send_body(self, reply: Reply) -> None:
        if reply.drip is None:
            self.wfile.write(reply.body)
            return
        size, seconds = reply.drip
        for start in range(0, len(reply.body), size):
            self.wfile.write(reply.body[start : start + size])
            if self.server.stopping.wait(seconds):
                self.close_connection = True
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: ``GitHubServer.requests`` is the log."""


def _packed(reply: Reply, headers: dict[str, str]) -> Reply:
    """Compressed where the client takes it and no fault has touched the length."""
    wanted = "gzip" in headers.get("accept-encoding", "") and len(reply.body) > 1024
    if not wanted or "Content-Encoding" in reply.headers or reply.length is not None:
        return reply
    return replace(reply, body=gzip.compress(reply.body, 1), headers={**reply.headers, "Content-Encoding": "gzip"})
