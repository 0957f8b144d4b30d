"""The tests' local GitHub, asked through a proxy that validates every request and reply against GitHub's own description.

Run by ``make check-protocol``, which installs the proxy and the description with npm; once they are there it needs no network.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import github_faults as faults
from tests.github_data import Repo
from tests.github_generate import HOSTILE_TEXTS, populate
from tests.github_server import GitHubServer

HERE = Path(__file__).parent
PRISM = HERE / "node_modules" / ".bin" / "prism"
DESCRIPTION = HERE / "node_modules" / "@octokit" / "openapi" / "generated" / "api.github.com.json"
pytestmark = pytest.mark.skipif(
    not (PRISM.exists() and DESCRIPTION.exists() and shutil.which("node")),
    reason="needs node and what npm installs for it: run make check-protocol",
)

REPO = "/repos/acme/kernels"
ENDPOINTS = (
    "/repos/{owner}/{repo}",
    "/repos/{owner}/{repo}/issues",
    "/repos/{owner}/{repo}/issues/{issue_number}",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "/repos/{owner}/{repo}/issues/comments",
    "/repos/{owner}/{repo}/issues/events",
    "/repos/{owner}/{repo}/pulls",
    "/repos/{owner}/{repo}/pulls/{pull_number}",
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "/repos/{owner}/{repo}/releases",
    "/repos/{owner}/{repo}/releases/tags/{tag}",
    "/repos/{owner}/{repo}/tags",
    "/rate_limit",
)
AT = datetime(2026, 2, 1, tzinfo=UTC)
ISSUE, PULL, DELETED = 500, 501, 502


@pytest.fixture(scope="module")
def server() -> Iterator[GitHubServer]:
    with GitHubServer(anonymous_limit=10_000) as server:
        yield server


@pytest.fixture(scope="module")
def repo(server: GitHubServer) -> Repo:
    """A repository with a bit of everything."""
    repo = server.add_repo("acme/kernels")
    populate(repo, issues=40, pulls=40, releases=5)
    for text in HOSTILE_TEXTS.values():
        repo.add_issue(title=text, body=text, user=None, labels=[text[:50]], created=AT, comments=[(None, AT, text)])
    repo.add_issue(title="closed by a commit", number=ISSUE, created=AT, comments=[("ada", AT, "text"), (None, AT, "")])
    repo.edit(ISSUE, at=AT, title="renamed", labels=("bug",))
    repo.close(ISSUE, at=AT, state_reason="not_planned", commit="ab" * 20)
    repo.reopen(ISSUE, at=AT)
    repo.add_pull(title="reviewed", number=PULL, created=AT, draft=True)
    for state in ("APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"):
        repo.review(PULL, "grace", AT, state, "text")
    repo.merge(PULL, at=AT)
    repo.add_release("v9-draft", created=AT, draft=True)
    repo.drafts_visible = True
    repo.delete(repo.add_issue(title="deleted", number=DELETED, created=AT).number)
    return repo


@pytest.fixture(scope="module")
def proxy(server: GitHubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the validating proxy in front of the server."""
    folder = tmp_path_factory.mktemp("prism")
    description = folder / "api.github.com.json"
    description.write_text(json.dumps(_cut(json.loads(DESCRIPTION.read_text(encoding="utf-8")))), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PRISM), "proxy", str(description), server.url, "--errors", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            _wait(process, port, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"prism did not start: {log.read_text()[-2000:]}")


def _cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The description's part on our endpoints, word for word: the whole takes the proxy long to read.

    One word of it goes: a "nullable" without a type, for which the proxy gives up on all issues without a word. (The wrong
    examples in it, ``language`` of a repository and ``requested_teams[].type``, are of no concern: a proxy takes none.)
    """
    parts: dict[str, dict[str, Any]] = {}
    todo: list[Any] = [paths := {path: {"get": whole["paths"][path]["get"]} for path in ENDPOINTS}]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if isinstance(place := value.get("$ref"), str):
                _, _, kind, name = place.split("/", 3)
                if name not in parts.setdefault(kind, {}):
                    parts[kind][name] = whole["components"][kind][name]
                    todo.append(parts[kind][name])
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    del parts["schemas"]["issue-field-value"]["properties"]["value"]["nullable"]
    return {key: whole[key] for key in ("openapi", "info", "servers")} | {"paths": paths, "components": parts}


TARGETS = [
    REPO,
    f"{REPO}/issues",
    f"{REPO}/issues?state=all&per_page=100",
    f"{REPO}/issues?state=all&per_page=5&page=3&sort=updated&direction=asc&since=2025-01-05T00:00:00Z",
    f"{REPO}/issues?state=closed&sort=comments",
    f"{REPO}/issues/1",
    f"{REPO}/issues/2",
    f"{REPO}/issues/{ISSUE}",
    f"{REPO}/issues/{PULL}",
    f"{REPO}/issues/{ISSUE}/comments",
    f"{REPO}/issues/comments?sort=updated&direction=desc&since=2025-01-05T00:00:00Z&per_page=100",
    f"{REPO}/issues/comments",
    f"{REPO}/issues/events?per_page=100",
    f"{REPO}/pulls?state=all&per_page=100&sort=updated&direction=desc",
    f"{REPO}/pulls?state=open&sort=long-running&base=main",
    f"{REPO}/pulls/{PULL}",
    f"{REPO}/pulls/{PULL}/reviews",
    f"{REPO}/releases?per_page=2&page=2",
    f"{REPO}/releases",
    f"{REPO}/releases/tags/v0.0.1",
    f"{REPO}/tags",
    "/rate_limit",
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_reply_is_what_github_describes(proxy: str, repo: Repo, server: GitHubServer, target: str) -> None:
    server.clear()
    reply = requests.get(proxy + target, timeout=60)
    assert "sl-violations" not in reply.headers, reply.headers["sl-violations"]
    assert reply.status_code == 200, reply.text[:2000]
    assert [request.target.partition("?")[0] for request in server.requests] == [target.partition("?")[0]]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/repos/acme/nothing", 404),
        ("/repos/acme/nothing/issues", 404),
        ("/repos/acme/nothing/releases", 404),
        (f"{REPO}/issues/9999", 404),
        (f"{REPO}/pulls/1000", 404),
        (f"{REPO}/issues/{DELETED}", 410),
        (f"{REPO}/releases/tags/v9-draft", 404),
    ],
)
def test_an_error_is_what_github_describes(proxy: str, repo: Repo, target: str, status: int) -> None:
    reply = requests.get(proxy + target, timeout=60, allow_redirects=False)
    assert "sl-violations" not in reply.headers, reply.headers["sl-violations"]
    assert reply.status_code == status
    assert set(reply.json()) >= {"message", "documentation_url"}


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (REPO, faults.changed(lambda value: value | {"default_branch": None})),
        (f"{REPO}/issues", faults.changed(faults.without("node_id"))),
        (f"{REPO}/issues/{ISSUE}", faults.changed(lambda value: value | {"number": "1"})),
        (f"{REPO}/issues/{ISSUE}/comments", faults.changed(faults.without("created_at"))),
        (f"{REPO}/issues/comments", faults.changed(faults.with_fields(user="ada"))),
        (f"{REPO}/issues/events", faults.changed(faults.null_item)),
        (f"{REPO}/pulls?state=all", faults.changed(faults.without("_links"))),
        (f"{REPO}/pulls/{PULL}", faults.changed(lambda value: value | {"merged": None})),
        (f"{REPO}/pulls/{PULL}/reviews", faults.changed(faults.with_fields(state=1))),
        (f"{REPO}/releases", faults.shape({"message": "no list"})),
        (f"{REPO}/releases/tags/v0.0.1", faults.changed(lambda value: value | {"draft": "no"})),
        (f"{REPO}/tags", faults.changed(faults.with_fields(commit=None))),
        ("/rate_limit", faults.changed(lambda value: {})),
    ],
)
def test_the_proxy_sees_what_is_wrong(proxy: str, repo: Repo, server: GitHubServer, target: str, fault: faults.Fault) -> None:
    """Of every endpoint: a description that the proxy cannot use passes anything."""
    server.fail(f"^{re.escape(target)}$", fault)
    reply = requests.get(proxy + target, timeout=60)
    assert "sl-violations" in reply.headers
    assert reply.status_code == 500
