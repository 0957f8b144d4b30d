"""Where a repository is: a URL or a folder, taken apart and checked before git sees it. Pure but for looking up folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingest._git_run import redact
from kb.errors import ConfigError

REMEDY = 'give "https://host/owner/name", "git@host:owner/name", or the path of a local repository'
_SCHEMES = ("https", "http", "ssh", "git", "file")
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:[^/@]*@)?(?P<host>\[[0-9a-fA-F:]+\]|[^/:@]*)(?P<port>:\d*)?(?P<path>/.*)?"
)
_SCP = re.compile(r"(?:(?P<user>[A-Za-z0-9_][\w.+-]*)@)?(?P<host>[A-Za-z0-9][\w.-]*):(?P<path>(?!/{2}).+)")
_HOST = re.compile(r"\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*)")
_HELPER = re.compile(r"[A-Za-z0-9]+::")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")
_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Address:
    """``local``: the folder, where it is one. ``repo``: "owner/name" as the address tells it. ``web``: its page, or ""."""

    url: str
    local: Path | None = None
    repo: str = ""
    web: str = ""


def parse(url: str) -> Address:
    """The address that a person wrote.

    Raises:
        ConfigError: it is empty, or something that git could be tricked with (an option, a remote helper, another protocol).
    """
    text = url.strip()
    shown = redact(text)
    if not text:
        raise ConfigError("url is empty", remedy=REMEDY)
    if text.startswith("-") or _HELPER.match(text) or "\0" in text:
        raise ConfigError(f"url {shown!r} is not an address of a repository", remedy=REMEDY)
    if "://" in text:
        return _remote(text, shown)
    folder = Path(text).expanduser()
    if not folder.exists() and (match := _SCP.fullmatch(text)) and "/" not in match["host"]:
        if _FORBIDDEN.search(text):
            raise ConfigError(f"url {shown!r} holds blanks or control characters", remedy=REMEDY)
        return Address(text, None, _tail(match["path"]), _web("https", match["host"], "", match["path"]))
    return Address(text, folder)


def _remote(text: str, shown: str) -> Address:
    match = _URL.fullmatch(text)
    if match is None or _FORBIDDEN.search(text):
        raise ConfigError(f"url {shown!r} is not well formed", remedy=REMEDY)
    scheme, host, path = match["scheme"].lower(), match["host"], match["path"] or ""
    if scheme not in _SCHEMES:
        raise ConfigError(f"url {shown!r}: protocol {scheme!r} is not allowed (allowed: {', '.join(_SCHEMES)})", remedy=REMEDY)
    if scheme == "file":
        return Address(text, None, f"local/{_UNFIT.sub('-', _name(path)) or 'repository'}")
    if not _HOST.fullmatch(host) or not path.strip("/"):
        raise ConfigError(f"url {shown!r} names no host or no repository", remedy=REMEDY)
    port = match["port"] or ""
    return Address(text, None, _tail(path), _web(scheme, host, port, path))


def check_repo(repo: str) -> str:
    """``repo`` itself.

    Raises:
        ConfigError: it is not "owner/name".
    """
    if not _REPO.fullmatch(repo):
        raise ConfigError(
            f"repo {repo!r} is not of the form owner/name", remedy='for example repo = "flashinfer-ai/flashinfer"'
        )
    return repo


def local_repo(folder: Path, origin: str) -> tuple[str, str]:
    """("owner/name", page) of a folder: its origin's where that is a remote one, else ("local/<folder>", "")."""
    if origin:
        try:
            address = parse(origin)
        except ConfigError:
            address = Address("")
        if address.repo and address.web:
            return address.repo, address.web
    name = _name(str(folder.resolve()))
    return f"local/{_UNFIT.sub('-', name).strip('.-') or 'repository'}", ""


def commit_page(web: str, sha: str) -> str:
    """The page of a commit at a forge, or "" where ``web`` is ""."""
    host = web.partition("://")[2].partition("/")[0]
    if not web:
        return ""
    if "gitlab" in host:
        return f"{web}/-/commit/{sha}"
    return f"{web}/commits/{sha}" if host == "bitbucket.org" else f"{web}/commit/{sha}"


def _name(path: str) -> str:
    parts = [part for part in path.split("/") if part and part != ".git"]
    return parts[-1].removesuffix(".git") if parts else ""


def _tail(path: str) -> str:
    """The last two parts of a path, or "" where they make no owner/name."""
    parts = [part for part in path.partition("?")[0].strip("/").removesuffix(".git").split("/") if part]
    repo = "/".join(parts[-2:])
    return repo if _REPO.fullmatch(repo) else ""


def _web(scheme: str, host: str, port: str, path: str) -> str:
    page = path.partition("?")[0].strip("/").removesuffix(".git")
    kept = port if scheme in ("http", "https") else ""
    return f"{scheme if scheme == 'http' else 'https'}://{host.lower()}{kept}/{page}"
