"""The parser of git's stream: equal results whatever the buffers, exact counts, capped text."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest._git_repo import locate, opened
from ingest._git_stream import COMMIT_CAP, FILE_CAP, MESSAGE_CAP, Nonce, RawCommit, clean, parse
from tests.gitrepo import GitRepo

NONCE = Nonce("0123456789abcdef" * 2)


def stream(repo: GitRepo, kind: str = "patch") -> bytes:
    gitdir = locate(repo.path)
    assert gitdir is not None
    shas = repo.git("rev-list", "--reverse", "HEAD").split()
    with opened(gitdir) as opened_repo, opened_repo.log(kind, NONCE.format, shas) as running:
        told = b"".join(running.chunks())
        running.wait()
    return told


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The stream of a small history that has everything which once broke a parser."""
    repo = GitRepo.create(tmp_path_factory.mktemp("varied"))
    lines = "".join(f"line {number}\n" for number in range(60))
    repo.commit("root\n\nbody <with> \\ marks\n", {"a.txt": lines, "b.py": "def f():\n    return 1\n", "empty": ""})
    repo.commit("edit", {"a.txt": lines.replace("line 3\n", "diff --git a/x b/x\n").replace("line 40\n", "@@ -1 +1 @@\n")})
    repo.commit("two hunks\n\ndiff --git a/q b/q\n@@ -1,9 +1,9 @@\n+not a line\n", {"a.txt": "first\n" + lines + "last"})
    repo.git("mv", "a.txt", 'tab\tand\nnewline "quote" é.txt')
    repo.commit("rename")
    repo.commit("empty")
    (repo.path / "b.py").unlink()
    (repo.path / "b.py").symlink_to("empty")
    repo.commit("type change", {"nul.bin": b"\0\1\2" * 50, "crlf.txt": "a\r\nb\r\n"})
    repo.commit("minified", {"app.js": "x" * 70_000, "more.js": "y=1;" * 40_000 + "\nz\n"})
    repo.commit("delete", {"app.js": None, "more.js": None, "last": "no newline at the end"})
    return stream(repo)


@pytest.mark.parametrize("size", [61, 997, 8191])
def test_buffer_size_does_not_matter(varied: bytes, size: int) -> None:
    whole = list(parse([varied], NONCE))
    assert len(whole) == 8
    assert list(parse(cut(varied, size), NONCE)) == whole


@settings(max_examples=40)
@given(st.lists(st.integers(0, 4000), max_size=40))
def test_any_cut_gives_the_same(varied: bytes, steps: list[int]) -> None:
    places, at = [0], 0
    for step in steps:
        at = min(at + step, len(varied))
        places.append(at)
    chunks = [varied[begin:end] for begin, end in pairwise([*places, len(varied)])]
    assert list(parse(chunks, NONCE)) == list(parse([varied], NONCE))


def test_what_was_read(varied: bytes) -> None:
    commits = {commit.subject: commit for commit in parse([varied], NONCE)}
    files = {title: {file.path: file for file in commit.files} for title, commit in commits.items()}
    assert commits["root"].body == "body <with> \\ marks"
    assert [(file.path, file.status, file.additions, file.deletions) for file in commits["root"].files] == [
        ("a.txt", "A", 60, 0),
        ("b.py", "A", 2, 0),
        ("empty", "A", 0, 0),
    ]
    edit = files["edit"]["a.txt"]
    assert (edit.additions, edit.deletions, edit.patch.count("\n@@ -")) == (2, 2, 1)
    assert "+diff --git a/x b/x" in edit.patch
    assert "+@@ -1 +1 @@" in edit.patch
    assert commits["two hunks"].body.startswith("diff --git a/q b/q\n@@ -1,9")
    assert (files["two hunks"]["a.txt"].additions, files["two hunks"]["a.txt"].deletions) == (4, 2)
    (renamed,) = commits["rename"].files
    assert (renamed.path, renamed.old_path, renamed.status) == ('tab\tand\nnewline "quote" é.txt', "a.txt", "R")
    assert (renamed.additions, renamed.deletions, renamed.patch) == (0, 0, "")
    assert commits["empty"].files == ()
    changed = files["type change"]["b.py"]
    assert (changed.status, changed.additions, changed.deletions) == ("T", 1, 2)
    assert changed.patch == "@@ -1,2 +0,0 @@\n-def f():\n-    return 1\n@@ -0,0 +1 @@\n+empty\n\\ No newline at end of file"
    assert files["type change"]["nul.bin"].binary
    assert files["type change"]["crlf.txt"].patch == "@@ -0,0 +1,2 @@\n+a\n+b"
    assert [(file.additions, file.truncated) for file in commits["minified"].files] == [(1, True), (2, True)]
    assert [(file.path, file.deletions) for file in commits["delete"].files] == [("app.js", 1), ("last", 0), ("more.js", 2)]


def test_counts_are_those_of_numstat(varied: bytes, tmp_path: Path) -> None:
    """On texts where every line looks like a piece of a patch."""
    repo = GitRepo.create(tmp_path / "hostile")
    marks = [
        "+++ b/x",
        "--- a/x",
        "@@ -0,0 +1,9 @@",
        "diff --git a/x b/x",
        "-",
        "+",
        "",
        "\\ No newline",
        "Binary files a and b differ",
    ]
    for turn in range(6):
        text = "\n".join(f"{mark}{number if number % (turn + 2) else ''}" for number in range(40) for mark in marks)
        repo.commit(f"turn {turn}", {"x": text, f"new{turn}": text[: turn * 50], "tail": text + "\n" * turn})
    for commit in parse(cut(stream(repo), 997), NONCE):
        told = repo.git("show", "--numstat", "--format=", "-M", commit.sha).splitlines()
        assert [f"{file.additions}\t{file.deletions}\t{file.path}" for file in commit.files] == told
        assert told


def test_patch_may_hold_nul(tmp_path: Path) -> None:
    repo = GitRepo.create(tmp_path / "nul")
    head = "text\n" * 2000  # past what git looks at to tell binary from text
    repo.commit("first", {"f": head + "end\n"})
    repo.commit("second", {"f": head + "a\0\0b \x1b[31mred\nend\n", "z": "after\n"})
    second = list(parse(cut(stream(repo), 61), NONCE))[1]
    assert [(file.path, file.additions, file.deletions) for file in second.files] == [("f", 1, 0), ("z", 1, 0)]
    assert "+a\ufffd\ufffdb \ufffd[31mred" in second.files[0].patch


def test_caps(tmp_path: Path) -> None:
    repo = GitRepo.create(tmp_path / "caps")
    text = "".join(f"{number:015}\n" for number in range(2000))
    repo.commit("many", {f"f{number}": text for number in range(8)})
    (commit,) = parse(cut(stream(repo), 8191), NONCE)
    sizes = [len(file.patch) for file in commit.files]
    assert [file.additions for file in commit.files] == [2000] * 8
    assert all(file.truncated for file in commit.files)
    assert FILE_CAP - 20 <= sizes[0] <= FILE_CAP
    assert sum(sizes) <= COMMIT_CAP
    assert sizes[-1] == 0
    assert commit.files[0].patch.rpartition("\n")[2] == f"+{len(commit.files[0].patch.splitlines()) - 2:015}"


def test_file_that_just_fits_is_not_truncated(tmp_path: Path) -> None:
    repo = GitRepo.create(tmp_path / "fits")
    repo.commit("fits", {"f": "x" * 99 + "\n"})
    data = stream(repo)
    (whole,) = parse([data], NONCE)
    patch = whole.files[0].patch
    (same,) = parse([data], NONCE, file_cap=len(patch) + 1)
    (less,) = parse([data], NONCE, file_cap=len(patch))
    assert same.files[0] == whole.files[0]
    assert (less.files[0].truncated, less.files[0].patch) == (True, "@@ -0,0 +1 @@")


@pytest.mark.parametrize("size", [997, 100_000])
def test_huge_message_is_cut(tmp_path: Path, size: int) -> None:
    repo = GitRepo.create(tmp_path / "long")
    repo.commit("subject\n\n" + "word " * 100_000, {"f": "1\n"})
    (commit,) = parse(cut(stream(repo), size), NONCE)
    assert commit.body_cut
    assert MESSAGE_CAP - 100 < len(commit.body) <= MESSAGE_CAP + 1024
    assert [file.path for file in commit.files] == ["f"]


def test_names_and_heads_only(varied: bytes, tmp_path: Path) -> None:
    repo = GitRepo.create(tmp_path / "kinds")
    repo.commit("one", {"a": "1\n", "b": "2\n"})
    repo.commit("two", {"a": "3\n", "b": None})
    names = list(parse(cut(stream(repo, "names"), 61), NONCE))
    assert [[(file.path, file.status) for file in commit.files] for commit in names] == [
        [("a", "A"), ("b", "A")],
        [("a", "M"), ("b", "D")],
    ]
    heads = list(parse(cut(stream(repo, "head"), 61), NONCE))
    assert [(commit.subject, commit.files) for commit in heads] == [("one", ()), ("two", ())]


def test_cut_off_stream_gives_what_was_begun(varied: bytes) -> None:
    whole = list(parse([varied], NONCE))
    for length in range(0, len(varied), 1999):
        got: list[RawCommit] = list(parse([varied[:length]], NONCE))
        assert [commit.sha for commit in got] == [commit.sha for commit in whole][: len(got)]
        assert got[:-1] == whole[: max(len(got) - 1, 0)]


@given(st.binary(max_size=300))
def test_clean_text_is_harmless(raw: bytes) -> None:
    text = clean(raw)
    text.encode("utf-8")  # no lone surrogates
    assert not any((ord(sign) < 32 and sign not in "\t\n") or 127 <= ord(sign) < 160 for sign in text)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_garbage_does_not_break_the_parser(raw: bytes, size: int) -> None:
    framed = NONCE.start + raw.replace(b"#", NONCE.end).replace(b"!", NONCE.start).replace(b"?", b"\0\n:1 2 3 4 M\0p\0\0")
    assert list(parse(cut(framed, size), NONCE)) == list(parse([framed], NONCE))


def test_git_version_is_recent_enough() -> None:
    told = subprocess.run(["git", "--version"], capture_output=True, check=True).stdout.split()[2].split(b".")
    assert (int(told[0]), int(told[1])) >= (2, 31)
