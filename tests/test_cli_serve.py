"""``kb serve``: where it listens, whom it lets in, which of its files it gives away (none), and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from kb.cli import run
from kb.cli_serve import AUTH_VARIABLE, credentials_of
from kb.errors import ConfigError, QueryError
from kb.web.serve import PORT, Address, listen, url_of
from tests.browser.server import Server, serving, start
from tests.test_web_service import new_home

SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("serve")
    config = new_home(home, "rocket")
    config.write_text(f"# {SECRET}\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home / "kb.toml", home / "serve.log") as server:
        yield server


# --- options -----------------------------------------------------------------------------------------------------------------


def test_user_and_password_are_given_as_text_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "auth").write_text("ada:with:colons\n", encoding="utf-8")
    assert credentials_of("ada:pw") == ("ada", "pw")
    assert credentials_of(f"@{tmp_path / 'auth'}") == ("ada", "with:colons")
    assert [credentials_of(nothing) for nothing in (None, "")] == [None, None]


@pytest.mark.parametrize("given", [SECRET, f":{SECRET}", f"{SECRET}:", f"@{SECRET}"])
def test_what_is_no_user_and_password_is_refused_without_being_repeated(given: str) -> None:
    with pytest.raises((QueryError, ConfigError)) as error:
        credentials_of(given)
    assert SECRET not in error.value.message or given.startswith("@")
    assert AUTH_VARIABLE in error.value.remedy


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--auth", "nobody"], "not a user and a password"),
        (["--host", "192.0.2.1"], "not an address of this machine"),
        (["--host", "no.such.host.invalid"], "not an address of this machine"),
        (["--port", "70000"], "--port"),
        (["--config", "nothing.toml"], "nothing.toml: no such file"),
    ],
)
def test_what_cannot_be_served_is_exit_code_2_and_says_what_to_do(
    home: Path, arguments: list[str], told: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    assert run(["serve", *arguments]) == 2
    said = capfd.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) <= 3


def test_a_port_that_is_taken_is_an_error_only_where_it_was_asked_for(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    with listen(Address()) as first, listen(Address()) as second:
        ports = [listener.getsockname()[1] for listener in (first, second)]
        assert PORT <= ports[0] < ports[1] < PORT + 20
        assert url_of(first, "127.0.0.1") == f"http://127.0.0.1:{ports[0]}"
        assert run(["serve", "--port", str(ports[0])]) == 2
    said = capfd.readouterr().err
    assert f"127.0.0.1:{ports[0]}: the port is taken" in said
    assert "--port" in said


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)])
def test_only_loopback_is_this_machine(host: str, local: bool) -> None:
    assert Address(host).is_local is local


def test_an_address_for_all_is_shown_as_one_that_can_be_opened() -> None:
    with listen(Address("0.0.0.0", 0)) as listener:
        assert url_of(listener, "0.0.0.0").startswith("http://127.0.0.1:")


# --- what it gives away ------------------------------------------------------------------------------------------------------


def test_it_is_there_and_asks_nothing_outside(server: Server) -> None:
    reply = httpx.get(server.url)
    assert reply.status_code == 200
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert httpx.get(f"{server.url}/gradio_api/info").status_code == 200


def test_no_file_of_the_machine_can_be_read(server: Server, home: Path) -> None:
    wanted = [
        home / "kb.toml",
        home / "data" / "catalog.db",
        home / "serve.log",
        Path("/etc/passwd"),
        Path(__file__),
        Path.cwd(),
    ]
    forms = [quote(str(path), safe=safe) for path in wanted for safe in ("/", "")]
    forms += [
        f"{home}/data/../kb.toml",
        "../kb.toml",
        "kb.toml",
        "data/catalog.db",
        f"/{home}/kb.toml",
        f"file://{home}/kb.toml",
    ]
    for form in forms:
        for route in (
            "gradio_api/file=",
            "file=",
            "gradio_api/file/",
            "file/",
            "static/",
            "assets/",
            "gradio_api/stream/",
            "svelte/",
        ):
            reply = httpx.get(f"{server.url}/{route}{form}")
            assert reply.status_code >= 400 or reply.headers["content-type"].startswith("text/html"), (route, form)
            assert SECRET not in reply.text
            assert "root:x:0:0" not in reply.text
            assert "SQLite format" not in reply.text


def test_nothing_can_be_left_there_and_nothing_fetched_through_it(server: Server) -> None:
    assert httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("x.txt", b"x")}).status_code == 403
    assert httpx.get(f"{server.url}/gradio_api/proxy=http://127.0.0.1:1/x").status_code == 403
    assert httpx.post(f"{server.url}/gradio_api/run/ask", content=b"x" * 3_000_000).status_code == 413


def test_another_name_that_leads_here_is_refused(server: Server) -> None:
    assert httpx.get(server.url, headers={"host": "evil.example"}).status_code == 400


def test_what_is_private_cannot_be_called_by_its_name(server: Server) -> None:
    for name in ("typed", "ordered", "show", "predict_1"):
        assert httpx.post(f"{server.url}/gradio_api/call/{name}", json={"data": []}).status_code == 404


# --- where and how it ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_also_while_a_page_listens(home: Path, kind: signal.Signals) -> None:
    server = start(home / "kb.toml", home / f"{kind.name}.log")
    try:
        server.wait()
        with httpx.stream("GET", f"{server.url}/gradio_api/heartbeat/abc", timeout=30) as beating:
            assert beating.status_code == 200
            began = time.monotonic()
            server.process.send_signal(kind)
            assert server.process.wait(10) == 130
            assert time.monotonic() - began < 6
    finally:
        server.process.kill()
        server.process.wait()
    assert server.unhandled == []


def test_app_py_is_the_same_and_a_password_is_taken_from_the_environment(home: Path) -> None:
    log = home / "app.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent.parent / "app.py"), "--config", str(home / "kb.toml"), "--port", "0"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, AUTH_VARIABLE: f"ada:{SECRET}", "PYTHONUNBUFFERED": "1"},
        )
    server = Server(process, log)
    try:
        server.wait()
        assert httpx.get(f"{server.url}/config").status_code == 401
        assert SECRET not in server.said
    finally:
        assert server.stop() == 130


def test_who_opens_it_to_others_without_a_password_is_warned(home: Path) -> None:
    server = start(home / "kb.toml", home / "open.log", "--host", "0.0.0.0")
    try:
        server.wait()
        assert "add --auth" in server.said
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nHost: my.machine.example\r\n\r\n")
            assert b" 200 " in connection.recv(100)  # by whatever name others know it
    finally:
        server.stop()
