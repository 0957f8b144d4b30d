"""Where a GitHub API is, and the token for it: from the environment or the ``gh`` program, never stored, never shown."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit

from kb.errors import ConfigError, SourceError

DEFAULT_URL = "https://api.github.com"
_GH_SECONDS = 5
_PUBLIC = ("GITHUB_TOKEN", "GH_TOKEN")
_ENTERPRISE = ("GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_REPO = re.compile(r"(?:https?://[^/@\s]+/)?([A-Za-z0-9_][A-Za-z0-9._-]*/(?!\.{1,2}/?$)[A-Za-z0-9_.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Server:
    """An API's address. ``host`` is what the token belongs to: "github.com" for "https://api.github.com"."""

    url: str
    host: str


def server(base_url: str) -> Server:
    """The server at ``base_url``.

    Raises:
        ConfigError: it is no https address (http is taken for this machine only, as a token would be readable on its way).
    """
    text = base_url.strip().rstrip("/")
    remedy = f'base_url = "{DEFAULT_URL}", or for GitHub Enterprise "https://<host>/api/v3"'
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port  # raises where it is none
    except ValueError as error:
        raise ConfigError("base_url is not well formed", remedy=remedy) from error
    if not re.fullmatch(r"[A-Za-z0-9.-]+", host) or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError("base_url is not an address of an API, without user, password and query", remedy=remedy)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise ConfigError(f"base_url on {host} has to begin with https://", remedy=remedy)
    return Server(text, "github.com" if host == "api.github.com" else host)


def repo_name(text: str) -> str:
    """ "owner/name" from that or from the address of its page.

    Raises:
        ConfigError: it is neither.
    """
    match = _REPO.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"repo {text!r} is not of the form owner/name", remedy='for example repo = "flashinfer-ai/flashinfer"'
        )
    return match[1]


def token(host: str) -> str:
    """The token for ``host``: GITHUB_TOKEN, GH_TOKEN, else what ``gh`` has for this host, else "".

    On a host other than github.com GITHUB_ENTERPRISE_TOKEN and GH_ENTERPRISE_TOKEN come first.

    Raises:
        SourceError: a variable holds what cannot be a token.
    """
    for variable in (*(() if host == "github.com" else _ENTERPRISE), *_PUBLIC):
        if value := os.environ.get(variable, "").strip():
            if not _TOKEN.fullmatch(value):
                raise SourceError(f"{variable} holds characters that no token has", remedy=f"set {variable} anew, or unset it")
            return value
    return _from_gh(host)


def _from_gh(host: str) -> str:
    program = shutil.which("gh")
    if program is None or _is_this_machine(host):
        return ""
    try:
        done = subprocess.run(
            [program, "auth", "token", "--hostname", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    value = done.stdout.decode("ascii", "replace").strip()
    return value if done.returncode == 0 and _TOKEN.fullmatch(value) else ""


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
