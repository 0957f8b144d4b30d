"""The sources as people read them, and the words of the pages."""

from __future__ import annotations

import re
import string
from dataclasses import fields, replace
from datetime import timedelta
from importlib import resources

import pytest

from kb.classify import GROUPS
from kb.types import KINDS, LedgerRow
from kb.web.ledger_html import ledger_html, standing
from kb.web.reader import Reader
from kb.web.words import CHINESE, ENGLISH, UiWords, ui_words
from tests.web_pages import EN, HOSTILE, NOW, ZH, by_class, inert, said

OK = LedgerRow(source="git", use="git_commits", repo="acme/kernels", status="ok", last_success=NOW - timedelta(hours=3))
MODULES = [path for path in resources.files("kb.web").iterdir() if path.name.endswith(".py")]
STATES = {
    "ok": OK,
    "stale": replace(OK, source="old", last_success=NOW - timedelta(days=3)),
    "failed": replace(OK, source="threads", status="failed", error="threads: 403 rate limit; set token_env"),
    "interrupted": replace(OK, source="stopped", status="interrupted"),
    "running": replace(OK, source="reading", status="running", fetched=1_200, expected=4_000),
    "never": LedgerRow(source="new", use="rss_feed", repo=""),
    "truncated": replace(OK, source="part", truncated="500 of 900 releases"),
}


def card(row: LedgerRow, **options: object) -> str:
    return said(by_class(inert(ledger_html([row], EN, **options)), "kb-source")[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_word_its_sign_and_what_to_do(state: str) -> None:
    assert standing(STATES[state], NOW) == state
    tree = inert(ledger_html([STATES[state]], EN))
    (badge,) = by_class(tree, "kb-badge")
    assert said(badge) == EN.ui.sources[state]
    assert badge.find("svg") is not None
    assert ("What to do" in said(tree)) == (state not in ("ok", "running"))


def test_a_failure_tells_what_happened_and_the_remedy_that_the_source_gave() -> None:
    assert card(STATES["failed"]).endswith("What happened 403 rate limit What to do set token_env")
    assert card(replace(STATES["failed"], error="gone")).endswith("What happened gone What to do " + EN.ui.sources["do failed"])


def test_a_card_says_when_it_was_read_and_what_it_holds() -> None:
    row = replace(OK, latest=NOW - timedelta(days=2, hours=1), since=NOW - timedelta(days=100), notes=("it has moved",))
    counts = {"git": {"commit": 12_000, "release": 1, "gone": 3, "off-branch": 2}}
    assert card(row, counts=counts) == (
        "git Up to date acme/kernels · git_commits Last read 3 hours ago · Newest record 2 days ago"
        " · Stored from 2025-11-13 on 12,000 commits 1 release 3 gone 2 only in releases it has moved"
    )
    exact = inert(ledger_html([row], EN)).find(".//time")
    assert (exact.get("title"), exact.get("datetime")) == ("2026-02-21 09:00 UTC", "2026-02-21T09:00:00+00:00")


def test_a_limit_is_told_until_it_resets() -> None:
    row = replace(STATES["failed"], limit_reset=NOW + timedelta(minutes=12))
    assert "Its server takes requests again in 12 minutes" in card(row)
    assert "takes requests" not in card(replace(row, limit_reset=NOW))
    assert "takes requests" not in card(replace(OK, limit_reset=NOW + timedelta(minutes=12)))


def test_progress_is_told_with_its_end_where_that_is_known() -> None:
    assert "1,200 of 4,000 read" in card(STATES["running"])
    assert "1,200 read" in card(replace(STATES["running"], expected=None))


def test_what_needs_looking_after_comes_first() -> None:
    tree = inert(ledger_html([*STATES.values(), replace(OK, source="left")], EN, orphans=["left"]))
    named = [element.get("data-source") for element in by_class(tree, "kb-source")]
    assert named == ["threads", "stopped", "old", "part", "new", "reading", "git", "left"]
    assert "kb forget left" in said(tree)


def test_no_sources_is_a_beginning() -> None:
    assert "Add a repository" in said(inert(ledger_html([], EN)))
    assert "还没有配置任何来源" in said(inert(ledger_html([], ZH)))


@pytest.mark.parametrize("reader", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_source_does_anything(hostile: str, reader: Reader) -> None:
    texts = {
        "source": hostile[:300],
        "use": hostile,
        "repo": hostile,
        "error": hostile,
        "truncated": hostile,
        "notes": (hostile,),
    }
    for state in ("failed", "ok", "strange", hostile):
        row = replace(OK, status=state, **texts)
        html = ledger_html([row], reader, counts={hostile: {hostile: 1, "commit": 2}})
        inert(html)
        assert len(html) < 10_000


@pytest.mark.parametrize(
    ("length", "english", "chinese"),
    [
        (timedelta(), "0 seconds ago", "0 秒前"),
        (timedelta(seconds=1), "1 second ago", "1 秒前"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago", "59 分钟前"),
        (timedelta(hours=47), "47 hours ago", "47 小时前"),
        (timedelta(hours=48), "2 days ago", "2 天前"),
        (-timedelta(minutes=5), "in 5 minutes", "5 分钟后"),
    ],
)
def test_lengths_of_time_are_said_in_their_largest_unit(length: timedelta, english: str, chinese: str) -> None:
    assert said(inert(EN.ago(NOW - length))) == english
    assert said(inert(ZH.ago(NOW - length))) == chinese


# --- words -----------------------------------------------------------------------------------------------------------------


def _groups(words: UiWords) -> dict[str, dict[str, str]]:
    return {field.name: dict(getattr(words, field.name)) for field in fields(words) if field.name != "language"}


def test_both_languages_have_the_same_words_and_places() -> None:
    english, chinese = _groups(ENGLISH), _groups(CHINESE)
    for name, group in english.items():
        assert list(group) == list(chinese[name]), name
        for key, text in group.items():
            assert _places(text) == _places(chinese[name][key]), (name, key)
            assert text.strip(), (name, key)
            assert chinese[name][key].strip(), (name, key)


def _places(text: str) -> set[str]:
    return {place for _, place, _, _ in string.Formatter().parse(text) if place}


def test_chinese_is_chinese_but_for_names() -> None:
    names = {"infra-kb", "PDF", "English", "Markdown", "JSON", "Python"}
    same = {text for group in _groups(CHINESE).values() for text in group.values() if not re.search("[一-鿿]", text)}
    same = {text for text in same if re.search("[A-Za-z]", re.sub(r"{.*?}", "", text))}
    assert same == names


def test_every_word_of_the_pieces_is_used() -> None:
    sources = [path for path in MODULES if not path.name.startswith("words")]
    used = "".join(path.read_text(encoding="utf-8") for path in sources)
    pieces = ("record", "diff", "examples", "kinds", "counts", "span")  # the other groups have words for the app's frame, too
    words = {key for name in pieces for key in _groups(ENGLISH)[name]}
    unused = {key for key in words if f'"{key.removesuffix(" one")}"' not in used}
    by_form = {
        "A",
        "M",
        "D",
        "R",
        "C",
        "T",
        "topic week",
        "topic month",
        *(f"{unit}s" for unit in ("second", "minute", "hour", "day")),
    }
    assert unused <= by_form | set(KINDS)


def test_a_language_that_there_is_not_is_english() -> None:
    assert ui_words("fr") is ENGLISH
    assert ui_words("zh") is CHINESE
    assert set(GROUPS) <= set(EN.terms.groups)


# --- style -----------------------------------------------------------------------------------------------------------------

STYLE = resources.files("kb.web").joinpath("style.css").read_text(encoding="utf-8")
PAIRS = [
    *((tone, f"{tone}-ground") for tone in ("good", "bad", "warn", "info", "done")),
    *((ink, ground) for ink in ("text", "dim") for ground in ("ground", "raised", "hunk")),
    *(("text", ground) for ground in ("mark", "add", "del")),
    *(("dim", ground) for ground in ("add", "del")),
    *((ink, ground) for ink in ("accent", "good", "bad") for ground in ("ground", "raised")),
]


def _colours(dark: bool) -> dict[str, str]:
    light, _, rest = STYLE.partition(".dark .kb, .kb.dark {")
    block = light + (rest.partition("}")[0] if dark else "")
    found = dict(re.findall(r"--kb-([\w-]+): ([^;]+);", block))
    return {name: match[0] for name, value in found.items() if (match := re.search(r"#[0-9a-f]{6}", value))}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_in_both_themes(ink: str, ground: str, dark: bool) -> None:
    colours = _colours(dark)
    assert contrast(colours[ink], colours[ground]) >= 4.5


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert not re.search(r"url\(|@import|https?:", STYLE)


def test_every_class_that_is_written_has_a_style() -> None:
    classes = " ".join(
        name for path in MODULES for name in re.findall(r'class_=f?"([^"{]*)"', path.read_text(encoding="utf-8"))
    )
    written = set(re.findall(r"kb-[a-z]+(?:-[a-z]+)*", classes))
    bare = {"kb-record", "kb-quoted", "kb-comments", "kb-pages", "kb-evidence", "kb-path", "kb-link", "kb-summary"}
    assert {name for name in written - bare if not re.search(rf"\.{name}\b(?!-)", STYLE)} == set()
