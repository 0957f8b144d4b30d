"""Sources and what runs in the background, as pages: progress, runs, the form that adds one; none of it trusts a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml.html import HtmlElement

from kb.catalog import Run, Stored
from kb.config import Config
from kb.jobs import JobState, Step
from kb.source_form import form_of, formed
from kb.sync import Indexed, SourceRun, SyncReport
from kb.trial import Trial
from kb.types import LedgerRow
from kb.web.adding_html import added_html, chooser_html, form_html, trial_html
from kb.web.jobs_html import running_html, synced_html
from kb.web.orders import Order, order_by
from kb.web.reader import Reader
from kb.web.sources_html import runs_html, sources_html
from kb.web.words_keys import CHINESE, ENGLISH
from kb.wiring import Status
from tests.records import commit
from tests.web_pages import EN, HOSTILE, NOW, ZH, by_class, inert, said

READERS = [EN, ZH]


def row(source: str, **changes: object) -> LedgerRow:
    values = {"source": source, "use": "git_commits", "repo": "acme/kernels", "status": "ok", **changes}
    return LedgerRow(**values)  # type: ignore[arg-type]


STARTED = datetime(2026, 2, 21, 11, 59, tzinfo=UTC)


def job(*steps: Step, status: str = "running") -> JobState[object]:
    return JobState(status=status, started=STARTED, steps=steps)


def rows_of(page: str) -> list[str]:
    return [said(row) for row in by_class(inert(page), "kb-steps")[0]]


def buttons(tree: HtmlElement) -> dict[tuple[str, str], str]:
    """(what it does, to which) -> the field that hears of it."""
    found = [element for element in tree.iterdescendants() if element.get("data-do") and element.tag == "button"]
    return {(element.get("data-do"), element.get("data-of") or ""): element.get("data-to") for element in found}


# --- progress ----------------------------------------------------------------------------------------------------------------


def test_progress_has_a_line_for_each_source_with_what_it_does_now() -> None:
    page = running_html(
        "Reading",
        job(
            Step(stage="a: receiving objects", done=50, total=100, rate=25.0, left=2.0),
            Step(stage="b: c: asking", done=0),
            Step(stage="sync a", done=1200, total=4000, rate=120.4, left=23.3),
            Step(stage="index", done=64, total=64, rate=2.0, left=0.0),
        ),
        EN,
        names=["a", "b", "b: c"],
        to="field",
        sort="sync",
    )
    assert rows_of(page) == [
        "a 1,200 of 4,000 · 120 a second · 23 seconds left",
        "b: c: asking 0 so far",
        "Indexing 64 of 64",
    ]
    bars = [element.attrib for element in inert(page).iterdescendants("progress")]
    assert [(bar.get("value"), bar.get("max")) for bar in bars] == [("1200", "4000"), (None, None), ("64", "64")]
    assert all(bar["aria-label"] for bar in bars)
    assert buttons(inert(page)) == {("cancel", "sync"): "field"}


def test_what_is_being_ended_says_so_and_cannot_be_cancelled_twice() -> None:
    tree = inert(running_html("Reading", job(status="stopping"), EN, to="field", sort="sync"))
    assert "Ending: what is stored stays" in said(tree)
    assert [button.get("disabled") is not None for button in tree.iterdescendants("button")] == [True]
    assert "Beginning" in said(inert(running_html("Reading", job(), EN, to="field", sort="sync")))


@pytest.mark.parametrize("reader", READERS, ids=["en", "zh"])
def test_a_sync_ends_in_a_sentence(reader: Reader) -> None:
    good = SourceRun(row("a"), Stored(new=1200, changed=3), 1.0)
    bad = SourceRun(row(HOSTILE[0], status="failed", error="x"), Stored(), 1.0)
    told = inert(synced_html(SyncReport((good, bad), None, HOSTILE[1], 65.0), reader))
    assert by_class(told, "kb-bad")
    begins = {"en": "1 of 2 sources read; 1 failed.", "zh": "2 个来源中已读取 1 个，1 个失败。"}
    assert begins[reader.language] in said(told)
    assert "1,200" in said(told)
    assert "<script>alert(1)</script>" in said(told)
    assert "<img src=x" in said(told)
    fine = inert(synced_html(SyncReport((good,), Indexed(cards=9, records=1200), "", 65.0), reader))
    assert by_class(fine, "kb-good")


# --- the ledger --------------------------------------------------------------------------------------------------------------


def status(*rows: LedgerRow, orphans: tuple[str, ...] = ()) -> Status:
    return Status(now=NOW, data_dir=Path("/data"), ledger=rows, orphans=orphans, records=5716, pending=272)


def test_each_source_can_be_read_and_what_is_configured_no_more_only_looked_at() -> None:
    rows = (row("a", last_success=NOW), row("old", last_success=NOW))
    tree = inert(sources_html(status(*rows, orphans=("old",)), Config(), EN, to="field", may_read=True))
    assert buttons(tree) == dict.fromkeys([("sync", ""), ("sync", "a"), ("runs", "a"), ("runs", "old")], "field")
    assert "5,716 records of 2 sources; 272 wait to be indexed." in said(tree)
    assert 'sync_every = "30m" in kb.toml' in said(tree)
    labels = [element.get("aria-label") for element in tree.iterdescendants("button") if element.get("aria-label")]
    assert len(set(labels)) == len(labels) == 3  # the same word on every card is told apart by who does not see the card


def test_who_may_not_change_anything_has_no_button_for_it() -> None:
    failed = row("a", status="failed", error="no; yes")
    tree = inert(sources_html(status(failed), Config(sync_every="2 hours"), EN, to="field", may_read=False))
    assert buttons(tree) == {("runs", "a"): "field"}
    assert "Read by themselves every 2 hours." in said(tree)


@pytest.mark.parametrize("reader", READERS, ids=["en", "zh"])
@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_errors_of_sources_are_inert(text: str, reader: Reader) -> None:
    hostile = LedgerRow(source=text, use=text, repo=text, status="failed", error=text, notes=(text,))
    inert(sources_html(status(hostile), Config(), reader, to="field", may_read=True))
    inert(runs_html(text, [run(status="failed", error=text, notes=(text,), truncated=text)], reader))
    inert(
        running_html(
            text,
            job(Step(stage=f"sync {text}", done=1, total=2), Step(stage=text, done=1)),
            reader,
            names=[text],
            to="f",
            sort="sync",
        )
    )
    trial = Trial(name=text, records=2, kinds={"commit": 2}, first=(replace(commit(1), title=text),), notes=(text,))
    inert(trial_html(trial, text, reader, to="f"))
    inert(added_html(text, reader, to="f"))
    keys = form_of("arxiv_papers") or ()
    page = inert(form_html("arxiv_papers", keys, reader, typed={key.name: text for key in keys}, to="f"))
    assert len(list(page.iterdescendants("form"))) == 1


def run(**changes: object) -> Run:
    values = {
        "status": "ok",
        "started": STARTED,
        "ended": STARTED + timedelta(seconds=42),
        "fetched": 1200,
        "expected": None,
        "new": 7,
        "changed": 3,
        "gone": 1,
        "truncated": "",
        "error": "",
        "requests": 12,
        "limit_reset": None,
        "notes": (),
    }
    return Run(**{**values, **changes})  # type: ignore[arg-type]


def test_runs_are_a_table_with_what_each_brought() -> None:
    tree = inert(runs_html("a", [run(), run(status="failed", ended=None, error="no network; try again")], EN))
    rows = [said(row) for row in tree.iterdescendants("tr")][1:]
    assert rows[0] == "1 minute ago 42 seconds Up to date 1,200 read, 7 new, 3 changed, 1 gone; 12 requests"
    assert "Failed" in rows[1]
    assert "no network; try again" in rows[1]
    assert "It has not been read yet." in said(inert(runs_html("a", [], EN)))


# --- the form ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS, ids=["en", "zh"])
@pytest.mark.parametrize("use", formed())
def test_every_key_has_a_label_and_a_sentence(use: str, reader: Reader) -> None:
    keys = form_of(use) or ()
    tree = inert(form_html(use, keys, reader, typed={}, to="field"))
    boxes = {box.get("name"): box for name in ("input", "select", "textarea") for box in tree.iterdescendants(name)}
    assert set(boxes) == {"use", *(key.name for key in keys)}
    labelled = {label.get("for") for label in tree.iterdescendants("label")}
    hints = {element.get("id"): said(element) for element in tree.iterdescendants("p") if element.get("id")}
    for key in keys:
        assert boxes[key.name].get("id") in labelled
        assert hints[boxes[key.name].get("aria-describedby")]
        assert (boxes[key.name].get("required") is not None) == key.required


def test_every_key_that_comes_along_is_described_in_both_languages() -> None:
    own = {f"{use}.{key.name}" for use in formed() for key in form_of(use) or () if key.name != "name"}
    assert set(ENGLISH) == set(CHINESE) == own


def test_what_was_typed_stays_and_opens_the_part_that_is_folded_away() -> None:
    keys = form_of("github_threads") or ()
    tree = inert(form_html("github_threads", keys, EN, typed={"repo": "acme/kernels", "reviews": True}, to="field"))
    values = {box.get("name"): box for box in tree.iterdescendants("input")}
    assert values["repo"].get("value") == "acme/kernels"
    assert values["reviews"].get("checked") is not None
    assert values["reopened"].get("checked") is None
    assert [details.get("open") is not None for details in tree.iterdescendants("details")] == [True]
    closed = inert(form_html("github_threads", keys, EN, typed={}, to="field"))
    assert [details.get("open") is not None for details in closed.iterdescendants("details")] == [False]


def test_a_choice_of_kinds_sends_itself() -> None:
    tree = inert(chooser_html(["git_commits", "own_source"], EN, by_hand=["llama_index_reader"], configured=3, to="field"))
    (form,) = tree.iterdescendants("form")
    assert (form.get("data-to"), form.get("data-do"), form.get("data-at-once")) == ("field", "choose", "true")
    assert [said(option) for option in tree.iterdescendants("option")][2] == "own_source"
    assert "llama_index_reader" in said(tree)


def test_a_trial_tells_what_came_and_offers_to_add_it() -> None:
    trial = Trial(
        name="a",
        records=200,
        expected=272,
        kinds={"commit": 199, "issue": 1},
        first=(commit(1, "Fix it"),),
        requests=3,
        seconds=4.2,
    )
    tree = inert(trial_html(trial, '[[sources]]\nuse = "x"\n', EN, to="field"))
    assert "It can be read: 199 commits, 1 issue came first, of 272 in all. 3 requests, 4 seconds." in said(tree)
    assert "Fix it" in said(tree)
    assert buttons(tree) == {("add", ""): "field"}
    nothing = inert(trial_html(Trial(name="a", expected=0), "", EN, to="field"))
    assert "has nothing in the chosen time" in said(nothing)


# --- orders ------------------------------------------------------------------------------------------------------------------


def test_an_order_is_what_was_sent() -> None:
    sent = '{"do": "check", "of": "a", "fields": {"url": "x", "card": false, "n": 3, "l": ["y"]}, "order": 4}'
    order = order_by(sent)
    assert order == Order("check", "a", {"url": "x", "card": False})
    assert (order.text("url"), order.text("card"), order.text("none")) == ("x", "", "")


@pytest.mark.parametrize("sent", ["", "null", "[]", "{", '{"do": 1}', '{"fields": 3}', "[" * 50_000, "x" * 200_000])
def test_what_is_no_order_is_an_empty_one(sent: str) -> None:
    assert order_by(sent) == Order()


def test_an_order_is_bounded() -> None:
    fields = ",".join(f'"k{n}": "{"y" * 900}"' for n in range(90))
    order = order_by(f'{{"do": "{"x" * 9000}", "fields": {{{fields}}}}}')
    assert len(order.do) == 4_000
    assert len(order.fields) == 60
