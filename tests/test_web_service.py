"""What the web app is made of beneath its widgets: who asks, how often and with which filters; permalinks; streamed answers."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from markupsafe import escape

from kb.answering.types import Begun, Done, Event
from kb.config import load_config
from kb.errors import CatalogError, ConfigError, KbError, QueryError
from kb.types import KINDS, Answer, Coverage, Scope, Window
from kb.web.aloud import aloud
from kb.web.asking import BEGINNING, Asking, asking_by, changed, checked, shown_filters
from kb.web.examples import Example
from kb.web.filters import LONGEST_QUESTION, Filters
from kb.web.reader import Reader
from kb.web.service import Service
from kb.web.talk import Shown, Talk
from kb.web.told import told_html
from kb.web.turns import MOST, Turn, packed, with_turn
from kb.web.welcome_html import history_html, remembered_of, welcome_html
from kb.web.words import ui_words
from kb.wiring import open_kb
from tests.history import History
from tests.web_pages import inert, said

QUESTION = "What changed in rocket in February 2026?"
SOURCE = '[[sources]]\nuse = "git_commits"\nhistory = "all"\nurl = "{name}"\nrepo = "acme/{name}"\n'


def commit(history: History, day: int) -> None:
    name = history.folder.name
    history.commit(f"fix: valve {day} of {name}", {"pump.py": f"n = {day}\n"}, at=f"2026-02-{day:02}T09:00:00Z")


def new_home(home: Path, *names: str) -> Path:
    """A kb.toml over repositories of these names, each with three commits, read; returns it."""
    for name in names:
        history = History(home / name)
        for day in (3, 4, 5):
            commit(history, day)
    config = home / "kb.toml"
    tables = "".join(SOURCE.format(name=name) for name in names)
    config.write_text(f'timezone = "UTC"\ndata_dir = "data"\n{tables}', encoding="utf-8")
    with open_kb(load_config(config)) as base:
        assert base.sync().ok
    return config


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(new_home(tmp_path_factory.mktemp("service"), "rocket", "glider"))
    yield made
    made.close()


def told(service: Service, asking: Asking, *, delay: float = 0.0, number: int = 1) -> list[Shown]:
    """Every state of a turn."""
    talk = Talk(service, service.reader("en"), number, asking)
    return [shown for shown in talk.told(threading.Event(), delay=delay) if shown]


def answered(service: Service, asking: Asking) -> Turn:
    turn = told(service, asking)[-1].turn
    assert turn is not None
    assert turn.scope is not None
    return turn


def matched(turn: Turn) -> int:
    return int(json.loads(turn.payload)["coverage"]["matched"])


# --- who asks, and how often -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,zh;q=0.9", "en"),
        ("de,zh-TW;q=0.5,en;q=0.7", "en"),
        ("fr, de", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=nonsense", "en"),
        ("zh" + "," * 100_000, "zh"),
    ],
)
def test_the_pages_are_in_the_language_that_the_browser_prefers(header: str, language: str) -> None:
    assert Service.language(header) == language


def test_somebody_on_this_machine_is_held_to_the_common_rate_only(service: Service) -> None:
    assert [service.delay("127.0.0.1") for _ in range(40)] == [0] * 40
    away = [service.delay("192.0.2.7") for _ in range(40)]
    assert away[:20] == [0] * 20
    assert all(wait > 0 for wait in away[20:])


# --- a question and its address ----------------------------------------------------------------------------------------------


def scope_of_follow_up() -> Scope:
    at = datetime(2026, 2, 9, tzinfo=UTC)
    return Scope(question="What changed in February?", intent="window", window=Window(at, None, "February"), resolved_at=at)


@pytest.mark.parametrize(
    "asking",
    [
        Asking("what changed?"),
        Asking(
            "what & which = how + why? 100%", Filters("2026-02-01", "2026-02-05", ("acme/rocket", "a/b"), ("commit", "paper"))
        ),
        Asking("what changed?", topic=""),
        Asking("哪些变化？", topic="内存 & more"),
        Asking("and glider?", as_of="2026-02-09T00:00:00Z", before=scope_of_follow_up()),
    ],
)
def test_an_address_gives_its_question_back(asking: Asking) -> None:
    assert asking.address.startswith("?q=")
    assert asking.address.isascii()
    assert asking_by(asking.address) == asking


def bomb() -> str:
    return base64.urlsafe_b64encode(zlib.compress(b'{"question": "' + b"a" * 10**8 + b'"}')).decode()


@pytest.mark.parametrize(
    "before", ["", "x", "%00", "e30", "A" * 5_000, base64.b64encode(zlib.compress(b"[]")).decode(), bomb()]
)
def test_a_question_before_that_cannot_be_read_is_not_passed_over(before: str) -> None:
    asking = asking_by(f"?q=what+changed&before={quote_plus(before)}")
    assert asking == Asking("what changed", unread=(("before", ""),))


@pytest.mark.parametrize(
    ("address", "unread"),
    [
        ("?q=a&kind=pulls&kind=commit", ("kind", "pulls")),
        ("?q=a&" + "&".join(f"repo=a/{number}" for number in range(60)), ("repos", "")),
        ("?q=a&" + "&".join(f"repo=a/{number}" for number in range(300)), ("parts", "")),
    ],
)
def test_what_an_address_says_that_is_no_value_is_told(address: str, unread: tuple[str, str]) -> None:
    asking = asking_by(address)
    assert asking is not None
    assert (asking.text, asking.unread) == ("a", (unread,))


def test_a_question_of_an_address_is_not_cut() -> None:
    asking = asking_by("?q=" + "a" * 3_000)
    assert asking is not None
    assert len(asking.text) == 3_000


@pytest.mark.parametrize("address", ["", "?", "?tab=browse", "?q=", "?record=x", "?" + "&".join(["repo=a"] * 10_000)])
def test_an_address_without_a_question_asks_nothing(address: str) -> None:
    assert asking_by(address) is None


def test_the_moment_of_an_answer_is_kept_unless_it_was_asked_of_another() -> None:
    moment = datetime(2026, 2, 9, 10, 30, 15, 999, tzinfo=UTC)
    assert Asking("a").at(moment).as_of == "2026-02-09T10:30:15Z"
    assert Asking("a", as_of="2026-01-01").at(moment).as_of == "2026-01-01"


SHOWN = Filters("2026-02-01", "2026-02-28", ("acme/rocket",), (), "valve")
FORM = {"since": "2026-02-01", "until": "2026-02-28", "repo": ["acme/rocket"], "kind": [], "topic": "valve"}
REPOS = ("acme/rocket", "acme/glider")


@pytest.mark.parametrize(
    ("field", "value", "filters", "topic"),
    [
        ("since", "2026-02-03", Filters("2026-02-03", "2026-02-28"), None),
        ("since", "", Filters(BEGINNING, "2026-02-28"), None),
        ("until", "", Filters("2026-02-01", "now"), None),
        ("repo", ["acme/glider"], Filters(repos=("acme/glider",)), None),
        ("repo", [], Filters(repos=REPOS), None),
        ("kind", ["paper", "nonsense", 3], Filters(kinds=("paper",)), None),
        ("topic", "pump", Filters(), "pump"),
        ("topic", "", Filters(), ""),
        ("nothing", "", Filters(), None),
        ("since", ["2026"], Filters(BEGINNING, "2026-02-28"), None),
        ("repo", "acme/rocket", Filters(repos=REPOS), None),
    ],
)
def test_what_is_changed_above_an_answer_is_set_and_the_rest_left_to_the_question(
    field: str, value: object, filters: Filters, topic: str | None
) -> None:
    asking = Asking("what changed?", as_of="2026-03-01")
    expected = Asking("what changed?", filters, topic, "2026-03-01")
    assert changed(asking, SHOWN, {**FORM, field: value}, REPOS) == expected


def test_all_repositories_and_kinds_are_shown_as_no_choice() -> None:
    scope = Scope(question="what?", repos=REPOS, kinds=KINDS, window=Window(datetime(1970, 1, 1, tzinfo=UTC), None))
    assert shown_filters(scope, UTC, REPOS) == Filters()


def test_a_question_is_bounded() -> None:
    words = ui_words("en").ask
    checked(Asking("a" * LONGEST_QUESTION), words=words)
    with pytest.raises(QueryError, match="longer than 2,000"):
        checked(Asking("a" * (LONGEST_QUESTION + 1)), words=words)
    with pytest.raises(QueryError, match="empty"):
        checked(Asking(" \n\t"), words=words)


# --- an answer as it comes ---------------------------------------------------------------------------------------------------


def test_an_answer_comes_with_its_filters_its_sentences_and_its_quotes(service: Service) -> None:
    states = told(service, Asking(QUESTION))
    assert ['data-state="pending"' in states[0].html, 'data-state="done"' in states[-1].html] == [True, True]
    turn = states[-1].turn
    assert turn is not None
    assert turn.shown == Filters("2026-02-01", "2026-02-28", ("acme/rocket",))
    shown = said(inert(states[-1].html))
    assert "3 of 3 matching records listed" in shown
    assert len(states[-1].quotes) == 3
    assert json.loads(turn.payload)["coverage"] == {"matched": 3, "listed": 3, "in_window": 3}


def test_a_changed_filter_asks_for_something_else(service: Service) -> None:
    turn = answered(service, Asking(QUESTION))
    narrowed = changed(turn.asking, turn.shown, {**FORM, "topic": "", "since": "2026-02-04"}, service.base.repos)
    other = answered(service, narrowed)
    assert other.shown.since == "2026-02-04"
    assert matched(other) == 2
    about = answered(service, Asking(QUESTION, topic="valve 5"))
    assert about.shown.topic == "valve 5"
    everywhere = answered(service, changed(turn.asking, turn.shown, {**FORM, "topic": "", "repo": []}, service.base.repos))
    assert matched(everywhere) == 6
    assert everywhere.shown.repos == ()


def test_a_follow_up_has_the_scope_of_the_answer_before_also_from_its_address(service: Service) -> None:
    first = answered(service, Asking(QUESTION))
    second = answered(service, Asking("and in glider?", before=first.scope))
    assert second.shown == Filters("2026-02-01", "2026-02-28", ("acme/glider",))
    again = asking_by(second.asking.address)
    assert again is not None
    assert answered(service, again).shown == second.shown


def test_a_permalink_gives_the_answer_of_its_moment_whatever_came_later(service: Service) -> None:
    question = "What changed in rocket since 2026-02-01?"
    shown = told(service, Asking(question))[-1]
    now = shown.turn
    assert now is not None
    assert now.scope is not None
    address = now.asking.at(now.scope.resolved_at).address
    assert f'data-permalink="{escape(address)}"' in shown.html
    earlier = asking_by(re.sub(r"as_of=[^&]*", "as_of=2026-02-04T12:00:00Z", address))
    assert earlier is not None
    then = told(service, earlier)[-1]
    assert [matched(turn) for turn in (now, then.turn) if turn] == [3, 2]
    assert "As it stood at 2026-02-04T12:00:00Z" in said(inert(then.html))
    assert "As it stood at" not in said(inert(shown.html))


@pytest.mark.parametrize(
    ("asking", "sentence"),
    [
        (Asking(QUESTION, Filters(since="the day of never")), "not a time"),
        (Asking(QUESTION, Filters(repos=("acme/none",))), "acme/none"),
        (Asking("a" * 3_000), "longer than 2,000 characters"),
        (Asking(QUESTION, as_of="<script>"), "As of: not a time"),
        (Asking(QUESTION, Filters(since="2026-05-01", until="2026-01-01")), "the window is empty"),
        (Asking(QUESTION, unread=(("before", ""),)), "which question this one follows"),
        (Asking(QUESTION, unread=(("kind", "<b>"),)), "“<b>” is no kind of record"),
        (Asking(QUESTION, unread=(("repos", ""), ("parts", ""))), "more than 50 repositories. The address has too many parts"),
    ],
)
def test_what_cannot_be_asked_is_told_in_the_conversation(service: Service, asking: Asking, sentence: str) -> None:
    last = told(service, asking)[-1]
    assert last.turn is not None
    assert last.turn.scope is None
    assert 'data-state="failed"' in last.html
    shown = inert(last.html)
    assert sentence in said(shown)
    assert "--" not in said(shown)
    assert last.turn.payload == ""
    (form,) = shown.iter("form")  # to be corrected where it stands
    assert {box.get("name"): box.get("value") for box in form.iter("input")}["since"] == asking.filters.since
    mended = changed(last.turn.asking, last.turn.shown, {**FORM, "topic": "", "repo": []}, service.base.repos)
    assert (mended.filters.since, mended.filters.until, mended.unread) == ("2026-02-01", "2026-02-28", ())


def test_an_end_before_the_beginning_that_the_question_names_is_refused_as_by_address(service: Service) -> None:
    turn = answered(service, Asking(QUESTION))
    form = {**FORM, "topic": "", "until": "2020-01-01"}
    for asking in (
        changed(turn.asking, turn.shown, form, service.base.repos),
        Asking("what changed in rocket?", Filters("2026-02-01", "2020-01-01")),
    ):
        shown = said(inert(told(service, asking)[-1].html))
        assert "the window is empty: since '2026-02-01' is not before until '2020-01-01'" in shown


def test_nothing_found_is_not_called_answered(service: Service) -> None:
    shown = said(inert(told(service, Asking("What changed in rocket in 2021?"))[-1].html))
    assert "Nothing found" in shown
    assert "Answered" not in shown


def test_a_question_has_its_address_as_soon_as_it_is_asked_and_a_refused_one_has_none(service: Service) -> None:
    first = answered(service, Asking(QUESTION))
    asking = Asking("and in glider?", Filters(kinds=("commit",)), before=first.scope)
    pending = told(service, asking)[0]
    assert pending.turn is None
    assert f'data-address="{escape(asking.address)}"' in pending.html
    assert 'data-kept="?q=and+in+glider%3F&amp;kind=commit"' in pending.html
    (refused,) = told(service, Asking("a" * 100_000))  # at once: what was written stays in the field
    assert refused.turn is not None
    assert "data-address" not in refused.html
    assert len(refused.html) < 20_000


def test_the_place_of_the_store_is_not_told() -> None:
    error = CatalogError("/srv/secret/kb/catalog.db: it is locked; see https://a.b/c/d", remedy="wait")
    reader = Reader(datetime(2026, 2, 9, tzinfo=UTC), UTC)
    shown = said(inert(told_html(error, reader)))
    assert "cannot be read: catalog.db: it is locked" in shown
    assert "https://a.b/c/d" in shown


def test_too_many_questions_are_told_and_none_is_asked(service: Service) -> None:
    (only,) = told(service, Asking(QUESTION), delay=2.6)
    assert "please wait 3 seconds" in said(inert(only.html))


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "kb.toml").write_text(SOURCE.format(name="rocket"), encoding="utf-8")
    service = Service(tmp_path / "kb.toml", data_dir=tmp_path / "data")
    try:
        assert "Nothing has been read yet" in said(inert(told(service, Asking(QUESTION))[-1].html))
        service.warm().join(30)
    finally:
        service.close()


# --- events from another thread ----------------------------------------------------------------------------------------------


def an_answer() -> Answer:
    return Answer(
        question="q", scope=Scope(question="q"), status="answered", text="t", claims=(), evidence=(), coverage=Coverage(0, 0, 0)
    )


def test_events_come_through_with_ticks_between_them() -> None:
    go = threading.Event()

    def slow() -> Iterator[Event]:
        yield Begun(an_answer(), "begun")
        go.wait(10)
        yield Done(an_answer(), "done")

    coming = aloud(slow(), threading.Event(), tick=0.01)
    assert isinstance(next(coming), Begun)
    assert next(coming) is None
    go.set()
    assert [type(event) for event in coming if event] == [Done]


def test_closing_stops_what_runs_and_a_stop_does_not_wait_for_long() -> None:
    stop, over = threading.Event(), threading.Event()

    def hanging() -> Iterator[Event]:
        yield Begun(an_answer(), "begun")
        over.wait(30)

    coming = aloud(hanging(), stop, tick=0.05)
    assert isinstance(next(coming), Begun)
    stop.set()
    began = time.monotonic()
    assert list(coming)  # ticks only
    assert time.monotonic() - began < 10
    other = aloud(hanging(), second := threading.Event(), tick=0.05)
    next(other)
    other.close()
    assert second.is_set()
    over.set()


def test_what_goes_wrong_in_the_other_thread_is_raised_here() -> None:
    def failing() -> Iterator[Event]:
        yield Begun(an_answer(), "begun")
        raise KbError("broken", remedy="mend it")

    coming = aloud(failing(), threading.Event(), tick=0.05)
    next(coming)
    with pytest.raises(KbError, match="broken"):
        list(coming)


# --- a changed kb.toml -------------------------------------------------------------------------------------------------------


def test_a_changed_file_is_taken_up_and_the_old_base_stays_until_its_last_user_is_done(tmp_path: Path) -> None:
    config = new_home(tmp_path, "rocket")
    service = Service(config, grace=0.05)
    try:
        with service.using() as old:
            assert old.catalog.size() == 3
            config.write_text(f'language = "zh"\n{config.read_text(encoding="utf-8")}', encoding="utf-8")
            service.reload()
            assert service.base is not old
            assert service.base.config.language == "zh"
            time.sleep(0.3)
            assert old.catalog.size() == 3
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                old.catalog.size()
            except KbError:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("it was never closed")
        assert matched(answered(service, Asking(QUESTION))) == 3
    finally:
        service.close()


def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    config = new_home(tmp_path, "rocket")
    service = Service(config)
    try:
        before = service.base
        config.write_text("nonsense = 1\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="nonsense"):
            service.reload()
        assert service.base is before
        assert answered(service, Asking(QUESTION))
    finally:
        service.close()


# --- what stands around the conversation -------------------------------------------------------------------------------------


def test_of_what_a_browser_kept_only_addresses_are_taken() -> None:
    kept = json.dumps(["?q=two%3F", "javascript:alert(1)", 3, "?q=one%3F", "?" + "a" * 5_000])
    assert remembered_of(kept) == ["?q=two%3F", "?q=one%3F"]
    assert len(remembered_of(json.dumps([f"?q={number}" for number in range(40)]))) == 20
    assert [remembered_of(value) for value in ("", "null", '{"a": 1}', '"?q=a"', "[" * 50_000, "7")] == [[]] * 6


def test_history_and_examples_are_inert(service: Service) -> None:
    hostile = '"><img src=x onerror=alert(1)>'
    reader = service.reader("en")
    shown = inert(history_html([Asking(hostile).address, "?since=x"], reader, open=True))
    assert next(button.get("data-ask") for button in shown.iter("button")) == hostile
    welcome = inert(welcome_html([Example(hostile, "week")], reader))
    assert [button.get("data-ask") for button in welcome.iter("button")] == [hostile]


def test_a_conversation_keeps_its_last_turns_and_a_turn_asked_again_its_place() -> None:
    turns: tuple[Turn, ...] = ()
    for number in range(1, MOST + 3):
        turns = with_turn(turns, Turn(number, Asking("a")))
    assert [turn.number for turn in turns] == list(range(3, MOST + 3))
    replaced = with_turn(turns, Turn(5, Asking("b"), packed=packed(an_answer())))
    assert [turn.asking.text for turn in replaced].index("b") == 2
    assert replaced[2].exported("markdown") == ("answer-5.md", "# b\n\nt\n")
    assert replaced[2].exported("copy") == ("", "t")
    assert replaced[2].exported("json") == ("answer-5.json", replaced[2].payload)
    assert turns[0].exported("json") == ("", "")
    assert json.loads(replaced[2].payload)["question"] == "q"
