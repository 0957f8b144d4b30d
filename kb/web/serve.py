"""The web app as a server: on one address, to nobody else, with nothing fetched from anywhere."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import ConfigError
from kb.web.gate import Gate
from kb.web.guard import Guard
from kb.web.passwords import Passwords
from kb.web.programs import parameters
from kb.web.service import Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PORT = 7860
_PORTS = 20  # tried, where none was asked for
_SESSIONS = 500  # pages whose conversation is kept; the oldest is forgotten first
# Gradio's login says nothing when it is told to wait, and does not know the language.
_LOGIN = (
    "<title>infra-kb</title>After ten wrong passwords: one try every ten seconds."
    '<br><span lang="zh">密码输错十次后，每十秒可再试一次。</span>'
)
_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Address:
    """Where to listen. ``port`` None: the first that is free from ``PORT`` on; 0: any."""

    host: str = "127.0.0.1"
    port: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def serve(service: Service, address: Address, *, auth: tuple[str, str] | None, ready: Callable[[str], None]) -> None:
    """Serve until the process is interrupted; ``ready`` is told the URL once it can be opened.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    with listen(address) as listener:
        server = Server(application(service, address, auth=auth), listener)
        try:
            server.start()
            service.warm()
            ready(url_of(listener, address.host))
            server.wait()
        finally:
            server.stop()


def listen(address: Address) -> socket.socket:
    """A socket that listens there.

    Raises:
        ConfigError: the port is taken, or the address is not this machine's.
    """
    ports: Sequence[int] = range(PORT, PORT + _PORTS) if address.port is None else (address.port,)
    for port in ports:
        try:
            return _bound(address.host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port != ports[-1]:
                continue
            raise _refused(address, port, error) from error
    raise AssertionError("there is a port to try")


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def _refused(address: Address, port: int, error: OSError) -> ConfigError:
    where = f"{address.host}:{port}"
    if error.errno == errno.EADDRINUSE:
        remedy = "stop what listens there, or choose another with --port; without --port a free one is taken"
        return ConfigError(f"{where}: the port is taken", remedy=remedy)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(f"{where}: not an address of this machine", remedy="leave --host out to serve this machine only")
    return ConfigError(f"{where}: cannot be listened on: {error.strerror}", remedy="choose another with --host and --port")


def url_of(listener: socket.socket, host: str) -> str:
    """The address to open in a browser."""
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def application(service: Service, address: Address, *, auth: tuple[str, str] | None = None) -> ASGIApp:
    """The app with everything around it; nothing of it asks anything outside this machine."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr
    from fastapi import FastAPI

    from kb.web.feed import report_routes
    from kb.web.tabs import shell
    from kb.web.tabs.page import translations

    base = service.base
    blocks = shell.build(service)
    blocks.state_session_capacity = _SESSIONS
    blocks.queue(api_open=False, default_concurrency_limit=8, max_size=200)
    outer = FastAPI(openapi_url=None, routes=report_routes(service))
    gr.mount_gradio_app(
        outer,
        blocks,
        "/",
        server_name=address.host,
        footer_links=[],
        run_history=False,
        auth=auth,
        auth_message=_LOGIN if auth else None,
        allowed_paths=[],
        blocked_paths=[str(path) for path in _ours(base.data_dir, base.config.path.parent)],
        show_error=False,
        max_file_size="1kb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=True,
        i18n=translations(),
        theme=shell.theme(),
        head=shell.head(),
    )
    pages = {number: len(function.inputs) for number, function in blocks.fns.items()}
    gate = Gate(outer, functions=parameters(), pages=pages)
    return Guard(Passwords(gate, auth=auth) if auth else gate, hosts=_OWN_NAMES if address.is_local else ())


def _ours(*folders: Path) -> list[Path]:
    """The folders by every name that they have."""
    return list({folder for given in folders for folder in (given.absolute(), given.resolve())})


class Server:
    """A running server in a thread of its own, so that a signal reaches whoever waits for it, and at once."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        import uvicorn

        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, ws="none")
        self._server = uvicorn.Server(config)
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(listener,), name="kb-serve", daemon=True)

    def _run(self, listener: socket.socket) -> None:
        try:
            self._server.run(sockets=[listener])
        except BaseException as error:
            logging.getLogger(__name__).exception("the server ended")
            self._failed.append(error)

    def start(self) -> None:
        """Returns when requests are answered. Raises ConfigError where the server cannot start."""
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            if not self._thread.is_alive():
                raise ConfigError("the server did not start", remedy="its log, above, says why") from next(
                    iter(self._failed), None
                )

    def wait(self) -> None:
        """Until it ends; a signal's exception passes through."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def stop(self) -> None:
        """End it, whoever is still being answered."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(3)
