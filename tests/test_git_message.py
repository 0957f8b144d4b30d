"""What is read out of messages and addresses, hostile ones among them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import _git_url as urls
from ingest._git_message import History, co_authors, links, pull_number
from kb.errors import ConfigError
from tests.gitrepo import source

A, B, C = "a" * 40, "ab" * 20, "c" * 40
SUBJECTS = {A: "Add MoE kernel (#10)", B: "Add MoE kernel (#10)", C: "the commit at hand"}


def history() -> History:
    return History({sha: place for place, sha in enumerate(SUBJECTS)}, lambda: SUBJECTS.items())


def found(rel: str, subject: str, body: str = "", sha: str = C) -> list[str]:
    return [link.target for link in links("acme/widget", sha, subject, body, history()) if link.rel == rel]


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Fix it (#123)", "123"),
        ("Fix it (#123) ", "123"),
        ("Backport (#1) (#2)", "2"),
        ("Merge pull request #45 from x/y", "45"),
        ("Fix #12", ""),
        ("(#12) first", ""),
        ('Revert "Fix (#12)"', ""),
        ("Fix (#0)", ""),
    ],
)
def test_pull_number(subject: str, number: str) -> None:
    assert pull_number(subject) == number


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Fixes #1", ["issue:acme/widget#1"]),
        ("closes: #2 and resolves acme/other#3.", ["issue:acme/widget#2", "issue:acme/other#3"]),
        ("Fixed #1, #2 and #3", ["issue:acme/widget#1", "issue:acme/widget#2", "issue:acme/widget#3"]),
        ("Resolve https://github.com/acme/w/issues/7", ["issue:acme/w#7"]),
        ("fix https://github.com/acme/w/pull/8", ["pull:acme/w#8"]),
        ("Closes GH-9", ["issue:acme/widget#9"]),
        ("Fixes #1\nFixes #1", ["issue:acme/widget#1"]),
        ("see #1; prefixes #2; fixes 3; fix the bug #4", []),
        ("<!-- Fixes #1 -->kept<!-- never closed: Fixes #2", []),
    ],
)
def test_fixes(body: str, expected: list[str]) -> None:
    assert found("fixes", "subject", body) == expected


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        ("x", f"This reverts commit {A}.", [f"commit:acme/widget@{A}"]),
        ("x", "This reverts commit abababab, reversing\nchanges made to x.", [f"commit:acme/widget@{B}"]),
        ("x", f"This reverts commits {A} and {B}.", [f"commit:acme/widget@{A}", f"commit:acme/widget@{B}"]),
        ('Revert "Add MoE kernel (#10)" (#11)', "", [f"commit:acme/widget@{B}"]),
        ('Revert "Add MoE  kernel, really (#10)"', "", [f"commit:acme/widget@{B}"]),
        ("[Bugfix] Revert “Add MoE kernel (#10)”", "", [f"commit:acme/widget@{B}"]),
        ("x", "Reverts acme/widget#10", [f"commit:acme/widget@{B}"]),
        ("Revert PR 10 (#11)", "", [f"commit:acme/widget@{B}"]),
        ("[Hotfix] revert #10", "", [f"commit:acme/widget@{B}"]),
        ("Revert PR 98", "", ["pull:acme/widget#98"]),
        ("x", "Reverts #99", ["pull:acme/widget#99"]),
        ("x", "Reverts acme/other#10", ["pull:acme/other#10"]),
        ('Revert "never seen (#77)"', "", ["pull:acme/widget#77"]),
        ("x", f"This reverts commit {'9' * 40}.", [f"commit:acme/widget@{'9' * 40}"]),
        ("x", "This reverts commit 1234567.", []),
        ("Reverting is hard", "we revert to the old way", []),
    ],
)
def test_reverts(subject: str, body: str, expected: list[str]) -> None:
    assert found("reverts", subject, body) == expected


def test_a_revert_never_names_what_came_later_or_itself() -> None:
    assert found("reverts", 'Revert "Add MoE kernel (#10)"', sha=B) == [f"commit:acme/widget@{A}"]
    assert found("reverts", 'Revert "the commit at hand"', sha=C) == []


def test_subjects_are_listed_once_and_only_when_they_are_needed() -> None:
    asked = []

    def listing() -> list[tuple[str, str]]:
        asked.append(1)
        return [(A, "first")]

    known = History({A: 0, B: 1, C: 2}, listing)
    known.learn(B, "second (#2)")
    assert known.by_subject("second (#2)", C) == known.by_pull("2", C) == B
    assert not asked
    assert known.by_subject("first", C) == A
    assert known.by_subject("nothing", C) == ""
    assert asked == [1]


def test_cherry_picks() -> None:
    assert found("cherry-picked-from", "x", "(cherry picked from commit abababa)") == [f"commit:acme/widget@{B}"]
    assert found("cherry-picked-from", "x", f"(cherry picked from commit {'9' * 40})") == [f"commit:acme/widget@{'9' * 40}"]
    assert found("cherry-picked-from", "x", "(cherry picked from commit 1234567)") == []


def test_co_authors() -> None:
    body = "Text\n\nCo-authored-by: Bo <b@x>\n co-authored-by:  Cy\nCo-Authored-By: Bo <c@x>\n"
    body += "CO-AUTHORED-BY: Ada <a@x>\nco-authored-by: <no@name>"
    assert co_authors(body, "Ada") == ("Bo", "Cy")
    assert co_authors("authored-by: nobody", "Ada") == ()


HOSTILE = {
    "keywords": "fixes " * 8000,
    "names": "fix " + "a." * 20000,
    "comments": "<!--" * 12000,
    "prefixes": "reverts commit " + "abcdef0 " * 5000,
    "blanks": "Co-authored-by:" + " " * 30000,
    "brackets": "(" * 30000 + "#1",
    "quotes": "Revert " + '"' * 30000,
    "references": "#1" * 15000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_messages_cost_little(text: str) -> None:
    began = time.process_time()
    links("acme/widget", C, text[:20000], text, history())
    co_authors(text, "Ada")
    assert time.process_time() - began < 1.0


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_message_is_read(subject: str, body: str) -> None:
    for link in links("acme/widget", C, subject, body, history()):
        assert link.target.partition(":")[0] in {"commit", "pull", "issue"}
    co_authors(body, "Ada")


@pytest.mark.parametrize(
    ("url", "repo", "web"),
    [
        ("https://github.com/acme/widget", "acme/widget", "https://github.com/acme/widget"),
        ("https://github.com/acme/widget.git/", "acme/widget", "https://github.com/acme/widget"),
        ("https://user:token@git.example.org:8443/team/widget", "team/widget", "https://git.example.org:8443/team/widget"),
        ("git@github.com:acme/widget.git", "acme/widget", "https://github.com/acme/widget"),
        ("ssh://git@example.org:22/acme/widget", "acme/widget", "https://example.org/acme/widget"),
        ("https://gitlab.com/group/sub/widget", "sub/widget", "https://gitlab.com/group/sub/widget"),
        ("file:///srv/git/widget.git", "local/widget", ""),
    ],
)
def test_addresses(url: str, repo: str, web: str, tmp_path: Path) -> None:
    address = urls.parse(url)
    assert (address.repo, address.web, address.local) == (repo, web, None)
    made = source(url, tmp_path, repo="")
    assert (made.repo, made.name) == (repo, repo.partition("/")[2])


def test_commit_pages() -> None:
    assert urls.commit_page("https://github.com/a/b", A) == f"https://github.com/a/b/commit/{A}"
    assert urls.commit_page("https://gitlab.com/a/b", A) == f"https://gitlab.com/a/b/-/commit/{A}"
    assert urls.commit_page("https://bitbucket.org/a/b", A) == f"https://bitbucket.org/a/b/commits/{A}"
    assert urls.commit_page("", A) == ""


def test_local_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert urls.parse("~/work").local == tmp_path / "work"
    (tmp_path / "odd:name").mkdir()
    assert urls.parse(str(tmp_path / "odd:name")).local == tmp_path / "odd:name"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "  ",
        "ext::sh -c touch% /tmp/pwned",
        "fd::7",
        "--upload-pack=touch x",
        "-oProxyCommand=x",
        "ftp://h/a/b",
        "javascript://h/a/b",
        "https://-oProxyCommand=x/a/b",
        "ssh://-oProxyCommand=x/a/b",
        "https://h/a b/c",
        "https://h/a\nb/c",
        "https://github.com",
        "https://bob:s3cret@ho st/a/b",
        "git@host:a b",
    ],
)
def test_hostile_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        source(url, tmp_path)
    assert "s3cret" not in str(caught.value)
    assert caught.value.remedy


def test_address_without_owner_needs_repo(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="repo ''"):
        source("https://example.org/widget", tmp_path, repo="")
    assert source("https://example.org/widget", tmp_path, repo="acme/widget").repo == "acme/widget"
