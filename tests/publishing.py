"""Helpers for tests of publishing: a server's repository, a person's, a clone, and an archive with one report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from kb.catalog import Catalog
from kb.publish import Published, publish
from kb.report.archive import Archive
from kb.report.sidecar import edition
from kb.report.types import Edition
from tests.gitrepo import GitRepo
from tests.records import commit
from tests.reporting import at, report

FILES = {"2026-02-02.md", "2026-02-02.json", "README.md", "index.json", "feed.xml"}


def a_report(folder: Path) -> Edition:
    """The report of a day with one commit."""
    with Catalog.open(folder / "data" / "catalog.db") as catalog:
        return edition(report(catalog, at(1), commit(1, "Add a kernel")))


def an_archive(folder: Path) -> Archive:
    """An archive with that report."""
    archive = Archive(folder / "archive")
    archive.write(a_report(folder))
    return archive


def a_server(folder: Path) -> GitRepo:
    """A bare repository with one commit of somebody else's on main."""
    person = GitRepo.create(folder / "person")
    person.commit("their own", {"notes.md": "theirs\n", "src/main.py": "print()\n"})
    person.git("clone", "--quiet", "--bare", str(person.path), str(folder / "server.git"))
    return GitRepo(folder / "server.git")


def a_persons(folder: Path) -> GitRepo:
    """Somebody's repository, with staged, changed and untracked files."""
    repo = GitRepo.create(folder / "theirs")
    repo.commit("their own", {"notes.md": "theirs\n", "staged.md": "1\n"})
    repo.write({"notes.md": "being written\n", "staged.md": "2\n", "untracked.md": "x\n"})
    repo.git("add", "staged.md")
    return repo


def a_clone(server: GitRepo, folder: Path, *options: str) -> GitRepo:
    server.git("clone", "--quiet", *options, f"file://{server.path}", str(folder / "clone"))
    return GitRepo(folder / "clone")


def sent(archive: Archive, to: GitRepo | str, tmp_path: Path, **more: Any) -> Published:
    where = str(to.path) if isinstance(to, GitRepo) else to
    options = {"work": tmp_path / "work", "pause": 0.001, "timeout": 20.0, **more}
    return publish(archive.folder, repository=where, **options)


def files(repo: GitRepo, ref: str = "main", folder: str = "reports/") -> set[str]:
    names = repo.git("ls-tree", "-r", "--name-only", ref, folder or ".").splitlines()
    return {name.removeprefix(folder) for name in names}


def shown(repo: GitRepo, path: str, ref: str = "main") -> str:
    return repo.git("cat-file", "blob", f"{ref}:{path}")


def theirs(server: GitRepo, tmp_path: Path, files: dict[str, str | None], name: str = "colleague") -> None:
    """A colleague commits and pushes."""
    place = tmp_path / name
    if not place.exists():
        server.git("clone", "--quiet", str(server.path), str(place))
    clone = GitRepo(place)
    clone.git("pull", "--quiet", "--ff-only")
    clone.commit("a colleague's", files)
    clone.git("push", "--quiet")


def another(made: Edition, text: str) -> Edition:
    """The same report with other facts."""
    return replace(made, markdown=f"{made.markdown}\n{text}\n", fingerprint=text)


def hook(server: GitRepo, name: str, script: str) -> None:
    place = server.path / "hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)


def dirty(repo: GitRepo) -> set[str]:
    """Paths that are not as they were committed."""
    return {line[3:] for line in repo.git("status", "--porcelain", "--untracked-files=all").splitlines()}
