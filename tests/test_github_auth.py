"""The token of the GitHub client: which one is taken, and that nobody else gets it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest import _github_auth
from ingest._github import Client, RequestError
from kb.errors import ConfigError, SourceError
from kb.protocols import SourceContext
from tests import github_faults as faults
from tests.github_server import GitHubServer

ISSUES = "/repos/acme/kernels/issues"
TOKEN = "ghp_0123456789abcdefghij"
VARIABLES = ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN")


@pytest.fixture(autouse=True)
def _no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer(anonymous_limit=1000) as running:
        running.add_repo("acme/kernels").add_issue(title="One", created=datetime(2026, 3, 1, tzinfo=UTC))
        yield running


@pytest.fixture
def context(tmp_path: Path) -> SourceContext:
    return SourceContext(tmp_path)


def client(server: GitHubServer, context: SourceContext) -> Client:
    return Client(server.url, context, source="kernels")


def test_the_token_is_sent_to_its_server_and_to_no_other(
    server: GitHubServer, context: SourceContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    caplog.set_level(logging.DEBUG)
    with GitHubServer() as other:
        elsewhere = f"{other.url}{ISSUES}"

        def link(request: faults.Request, reply: faults.Reply) -> faults.Reply:
            return faults.Reply(200, {**reply.headers, "Link": f'<{elsewhere}?page=2>; rel="next"'}, reply.body)

        server.fail(ISSUES, link)
        reader = client(server, context)
        page = reader.page(ISSUES)
        reader.page(page.next)
        for code in (301, 302, 307, 308):
            server.fail(ISSUES, faults.redirect(elsewhere, code))
            with pytest.raises(RequestError, match=r"redirected to 127\.0\.0\.1, which is not asked"):
                reader.page(ISSUES)
        assert other.requests == []
    assert {request.headers["authorization"] for request in server.requests} == {f"token {TOKEN}"}
    assert TOKEN not in caplog.text


def test_a_token_that_is_not_accepted_is_not_told(
    server: GitHubServer, context: SourceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    server.fail(ISSUES, faults.status(401, message=f"{TOKEN} is bad"), times=None)
    with pytest.raises(RequestError) as raised:
        client(server, context).page(ISSUES)
    assert raised.value.status == 401
    assert "the token was not accepted (401) *** is bad" in raised.value.message
    assert TOKEN not in str(raised.value)


def test_a_token_that_is_none_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_\nX-Evil: 1")
    with pytest.raises(SourceError, match="GITHUB_TOKEN holds characters") as raised:
        _github_auth.token("github.com")
    assert "Evil" not in str(raised.value)


def test_which_token_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _github_auth.token("github.com") == ""
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\n[ "$*" = "auth token --hostname github.com" ] && echo gho_of_gh\n')
    gh.chmod(0o755)
    assert _github_auth.token("github.com") == "gho_of_gh"
    assert _github_auth.token("git.example") == "", "gh knows no token of this host"
    monkeypatch.setenv("GH_TOKEN", "ghp_second")
    assert _github_auth.token("github.com") == "ghp_second"
    monkeypatch.setenv("GITHUB_TOKEN", " ghp_first\n")
    assert _github_auth.token("github.com") == "ghp_first"
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "ghp_enterprise")
    assert _github_auth.token("git.example") == "ghp_enterprise"
    assert _github_auth.token("github.com") == "ghp_first"


def test_a_gh_that_hangs_or_fails_is_no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(_github_auth, "_GH_SECONDS", 0.1)
    gh = tmp_path / "gh"
    for script in ("exec sleep 5", "echo gho_half; exit 1", "echo not logged in"):
        gh.write_text(f"#!/bin/sh\n{script}\n")
        gh.chmod(0o755)
        assert _github_auth.token("github.com") == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "github.com",
        "http://github.com",
        "ftp://x",
        "https://u:p@host/api",
        "https://host/a?token=1",
        "https://[",
        "https://h:x",
    ],
)
def test_an_address_that_no_token_should_go_to(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _github_auth.server(url)
    assert "u:p" not in str(raised.value)
    assert "https://api.github.com" in raised.value.remedy


def test_the_host_that_a_token_belongs_to() -> None:
    assert _github_auth.server("https://api.github.com/").host == "github.com"
    assert _github_auth.server("https://git.example/api/v3").host == "git.example"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("acme/kernels", "acme/kernels"),
        ("https://github.com/acme/kernels", "acme/kernels"),
        ("https://github.com/acme/kernels.git/", "acme/kernels"),
        (" acme/.github ", "acme/.github"),
        ("Acme/Kernels.jl", "Acme/Kernels.jl"),
    ],
)
def test_names_of_repositories(text: str, name: str) -> None:
    assert _github_auth.repo_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "kernels", "a/b/c", "a/..", "../b", "acme/ker nels", "https://github.com/acme", "acme/k?x"]
)
def test_what_is_no_name_of_a_repository(text: str) -> None:
    with pytest.raises(ConfigError, match="owner/name"):
        _github_auth.repo_name(text)
