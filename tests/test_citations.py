"""Citation keys, and the verifier: what stands in a record passes, one changed digit, letter or word of it does not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kb.citations import Piece, keys, verify, verify_pieces
from kb.facts import Facts, figure, plain, within
from kb.types import Event, Evidence, FileChange, Link, Quote, Record
from tests.records import commit, pull, sha

ZONE = timezone(timedelta(hours=1))
SHA = "9329fb4" + "c" * 33
RECORD = Record(
    id=f"commit:acme/kernels@{SHA}",
    kind="commit",
    repo="acme/kernels",
    ref=SHA,
    title="perf: raise NumExperts to 48 in moe_kernel (#2450)",
    body="Throughput rises 1.5x on sm_90 because `foo_bar` is cached.\n"
    "See v0.6.2: 1,024 tokens at 48 % load, --use-cache, ns::plan().",
    url="https://example.org/acme/kernels/commit/9329fb4",
    author="Ada Lovelace",
    events=(Event("landed", datetime(2026, 2, 3, 23, 30, tzinfo=UTC)),),
    files=(
        FileChange(path="src/a.py", additions=4, deletions=2, patch="@@ -1 +1 @@\n+NEW_FLAG = 7\n"),
        FileChange(path="tests/test_a.py", additions=10, deletions=0),
    ),
    links=(Link("pull", "pull:acme/kernels#2450"), Link("reverts", "commit:acme/kernels@77aa0011" + "0" * 32)),
)
KEY = "kernels@9329fb4"
EVIDENCE = {KEY: Evidence(KEY, RECORD, Quote(RECORD.title))}
FACTS = Facts(ZONE, {RECORD.id: "v0.6.3"})


def check(text: str) -> str:
    return verify(text, [KEY], EVIDENCE, FACTS)


# --- keys -------------------------------------------------------------------------------------------------------------------


def test_keys_are_the_names_that_people_use() -> None:
    release = replace(pull(1, "x"), kind="release", id="release:acme/kernels@v0.6.2", ref="v0.6.2")
    paper = Record(id="paper:arxiv:2602.02061", kind="paper", repo="", ref="2602.02061", title="A paper")
    found = keys([RECORD, pull(2450, "x"), release, paper])
    assert list(found.values()) == ["kernels@9329fb4", "kernels#2450", "kernels@v0.6.2", "arXiv:2602.02061"]


def test_a_key_is_longer_where_seven_digits_are_not_enough() -> None:
    other = replace(RECORD, id="commit:acme/kernels@9329fb4c0", ref="9329fb4c0" + "d" * 31)
    found = keys([RECORD, other])
    assert set(found.values()) == {"kernels@9329fb4cc", "kernels@9329fb4c0"}


def test_the_owner_is_named_where_two_repositories_share_a_name() -> None:
    found = keys([commit(1), commit(2, repo="other/Kernels"), commit(3, repo="acme/tiles")])
    assert list(found.values()) == [f"acme/kernels@{sha(1)[:7]}", f"other/Kernels@{sha(2)[:7]}", f"tiles@{sha(3)[:7]}"]


def test_no_two_records_share_a_key() -> None:
    issue = replace(pull(5, "an issue"), kind="issue", id="issue:acme/kernels#5")
    found = keys([pull(5, "a pull"), issue])
    assert len(set(found.values())) == 2


# --- sentences --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "It raises NumExperts to 48.",
        "Landed 2026-02-04 at 00:30 in the zone of the asker.",
        "On 4 February 2026, or February 4, 2026, or Feb 4.",
        "2026 年 2 月 4 日合入，共 2 个文件，共1,024个，共+14行。",
        "The change is +4/−2 in src/a.py, +14/−2 in all.",
        "src/a.py and 1 more, 另有 1 个文件",
        "With 14 additions in 2 files (+14).",
        "By 1.5x for 1024 tokens (1,024) at 48% load.",
        "It reverts 77aa0011 and is 9329fb4cc, PR #2450.",
        "See v0.6.2; first in v0.6.3.",
        "Because `foo_bar` is cached, ns::plan() with --use-cache is faster.",
        'It says "Throughput rises 1.5x on sm_90 because `foo_bar` is cached".',
        "NEW_FLAG is set in tests/test_a.py by Ada Lovelace.",
        f"As {KEY} says, https://example.org/acme/kernels/commit/9329fb4.",
        "prefill/decode and read/write are plain words, e.g. here.",
        "４８ experts",
    ],
)
def test_what_stands_in_the_record_is_exact(text: str) -> None:
    assert check(text) == "exact"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("It raises NumExperts to 49.", "wrong figure: 49"),
        ("It is 1.6x faster.", "wrong figure: 1.6x"),
        ("It takes 48 ms, that is 48ms.", "wrong figure: 48ms"),
        ("Landed 2026-02-03.", "wrong date: 2026-02-03"),
        ("2 月 5 日合入", "wrong date: 2 月 5 日"),
        ("At 23:30.", "wrong time: 23:30"),
        ("+4/−3", "wrong figure: +4/-3"),
        ("+4/−0 in a file", "wrong figure: +4/-0"),
        ("3 files", "wrong figure: 3 files"),
        ("and 2 more", "wrong figure: and 2 more"),
        ("共 1 个文件", "wrong figure: 1 个文件"),
        ("+04/−2", "wrong figure: 04"),
        ("PR #2451", "wrong reference: #2451"),
        ("9329fb5", "wrong SHA: 9329fb5"),
        ("v0.6", "not in the record: v0.6"),
        ("v0.6.4", "not in the record: v0.6.4"),
        ("foo_baz", "not in the record: foo_baz"),
        ("foo", "exact"),  # a plain word: not for this check
        ("NumExpert", "not in the record: NumExpert"),
        ("src/b.py", "not in the record: src/b.py"),
        ("--use-cach", "not in the record: --use-cach"),
        ("ns::run", "not in the record: ns::run"),
        ("`foo`", "quote not verbatim: foo"),
        ("“because `foo_bar` was cached”", "quote not verbatim: because `foo_bar` was cached"),
        ('an "open quote', "unbalanced quote"),
        ("kernels@9329fb5", "unknown key: kernels@9329fb5"),
        ("[kernels#2450]", "unknown key: kernels#2450"),
        ("https://example.org/acme/kernels/commit/9329fb5", "wrong link: https://example.org/acme/kernels/commit/9329fb5"),
        ("共 47 个", "wrong figure: 47"),
        ("４９ experts", "wrong figure: 49"),
        ("7 is in the patch only", "wrong figure: 7"),
    ],
)
def test_what_does_not_stand_in_the_record_is_named(text: str, verdict: str) -> None:
    assert check(text) == verdict


def test_keys_must_be_there_and_known() -> None:
    assert verify("Anything.", [], EVIDENCE, FACTS) == "no key"
    assert verify("Anything.", [KEY, "kernels@0000000"], EVIDENCE, FACTS) == "unknown key: kernels@0000000"


def test_a_figure_of_another_record_does_not_count() -> None:
    other = commit(7, "limit of 4711 tokens")
    evidence = {**EVIDENCE, "kernels@x": Evidence("kernels@x", other, Quote(other.title))}
    assert verify("A limit of 4711 tokens.", [KEY], evidence, FACTS) == "wrong figure: 4711"
    assert verify("A limit of 4711 tokens.", [KEY, "kernels@x"], evidence, FACTS) == "exact"


def _tokens_that_count() -> list[str]:
    return [
        "48",
        "1.5x",
        "1,024",
        "v0.6.2",
        "sm_90",
        "foo_bar",
        "NumExperts",
        "src/a.py",
        "9329fb4",
        "#2450",
        "2026-02-04",
        "+14/−2",
    ]


@given(token=st.sampled_from(_tokens_that_count()), at=st.integers(0, 20), by=st.integers(1, 25))
def test_one_changed_character_is_caught(token: str, at: int, by: int) -> None:
    """A digit becomes another digit, a letter another letter: of a figure, a SHA, a version, a date, a name."""
    at %= len(token)
    old = token[at]
    assume(old.isalnum())
    if old.isdigit():
        new = str((int(old) + by % 9 + 1) % 10)
    elif re.fullmatch("[0-9a-f]{7}", token):
        new = "abcdef"[("abcdef".index(old) + by % 5 + 1) % 6]
    else:
        letters = "abcdefghijklmnopqrstuvwxyz"
        new = letters[(letters.index(old.lower()) + by) % 26]
        new = new.upper() if old.isupper() else new
    assume(new != old)
    changed = token[:at] + new + token[at + 1 :]
    # Some mutations hit on something else that the record says: an x after 1.5 is its unit, "1" and "2" are counts.
    assume(not within(plain(changed), plain("\n".join([RECORD.title, RECORD.body]))))
    assert check(f"It is {token} here.") == "exact"
    assert check(f"It is {changed} here.") != "exact", changed


@given(st.text(alphabet="abcXY_/.:-+#@`\"'“”0123456789 \n次年月日（", max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert check(text)


# --- pieces -----------------------------------------------------------------------------------------------------------------


def test_pieces_are_checked_as_what_they_are() -> None:
    good = [
        Piece(RECORD.title.removesuffix(" (#2450)"), "title"),
        Piece(KEY, "key", RECORD.url),
        Piece("because `foo_bar`\n is cached", "quote"),
        Piece("src/a.py", "path"),
        Piece(" +4/−2, landed 2026-02-04 by "),
        Piece("Ada Lovelace", "name"),
        Piece("v0.6.3", "name"),
    ]
    assert verify_pieces(good, [KEY], EVIDENCE, FACTS) == "exact"
    for wrong, verdict in [
        (Piece("raise NumExpert", "title"), "exact"),  # a slice is verbatim
        (Piece("raise numexperts", "title"), "quote not verbatim: raise numexperts"),
        (Piece("src/a.p", "path"), "not in the record: src/a.p"),
        (Piece("Ada", "name"), "not in the record: Ada"),
        (Piece("kernels#2450", "key"), "unknown key: kernels#2450"),
        (Piece("Mars/Olympus", "zone"), "not in the record: Mars/Olympus"),
        (Piece(" +4/−3"), "wrong figure: +4/-3"),
    ]:
        assert verify_pieces([*good, wrong], [KEY], EVIDENCE, FACTS) == verdict


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=40), st.text(max_size=30))
def test_what_a_record_holds_verifies_as_a_piece_whatever_it_is(title: str, body: str, path: str, author: str) -> None:
    assume(path and author)
    record = replace(RECORD, title=title, body=body, author=author, files=(FileChange(path=path, additions=3),))
    evidence = {KEY: Evidence(KEY, record, Quote(title))}
    pieces = [Piece(title, "title"), Piece(body, "quote"), Piece(path, "path"), Piece(author, "name"), Piece("+3/−0")]
    assert verify_pieces(pieces, [KEY], evidence, FACTS) == "exact"


# --- comparing --------------------------------------------------------------------------------------------------------------


def test_figures_and_spans_are_whole() -> None:
    assert figure("1,024") == "1024"
    assert figure("1.50") == "1.50"
    assert not within("48", "480 or 148 or 48.5 or 4,48")
    assert within("48", "48, or")
    assert within("sm_90", "on sm_90.")
    assert not within("sm_90", "on sm_90a")
    assert plain("１２ − “x”\u00a0y") == '12 - "x" y'
