"""What a slow stage shows: nothing if it was quick, then rate and time left."""

from __future__ import annotations

import io
import re
import threading

import pytest

from kb import progress
from kb.progress import Bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Hours:
    """time.monotonic that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    clock = Hours()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_quick_stage_says_nothing(hours: Hours) -> None:
    stream = io.StringIO()
    with Bars(stream) as bars:
        for done in range(11):
            hours.now += 0.05
            bars("reading", done, 10)
    assert stream.getvalue() == ""


def test_lines_tell_share_rate_and_time_left_and_come_seldom(hours: Hours) -> None:
    stream = io.StringIO()
    with Bars(stream) as bars:
        for done in range(0, 1001, 10):
            bars("reading", done, 1000)
            hours.now += 0.2
    lines = stream.getvalue().splitlines()
    assert lines[0] == "reading: 50/1,000 (5%), 50/s, 19 s left"
    assert lines[-1] == "reading: 1,000/1,000 (100%), 50/s"
    assert len(lines) == 5


def test_without_a_total_the_count_and_rate_are_told(hours: Hours) -> None:
    stream = io.StringIO()
    with Bars(stream) as bars:
        bars("reading", 0, None)
        hours.now += 2
        bars("reading", 3000, None)
    assert stream.getvalue() == "reading: 3,000, 1,500/s\n"


def test_a_terminal_gets_a_bar_and_a_hostile_stage_is_only_text() -> None:
    stream = Terminal()
    with Bars(stream) as bars:
        bars("[red]\x1b[2Jevil", 0, 10)
        bars("[red]\x1b[2Jevil", 5, 10)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "[red]evil" in plain
    assert "5/10" in plain
    assert "\x1b[2J" not in stream.getvalue()


def test_several_threads_tell_of_their_stages_and_no_line_is_torn(hours: Hours) -> None:
    stream = io.StringIO()
    with Bars(stream) as bars:
        for stage in range(8):
            bars(f"sync {stage}", 0, None)
        hours.now += 2
        threads = [threading.Thread(target=lambda n=n: [bars(f"sync {n}", 100, None) for _ in range(50)]) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(stream.getvalue().splitlines()) == [f"sync {stage}: 100, 50/s" for stage in range(8)]


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_once_closed_it_says_nothing_more(hours: Hours, stream: io.StringIO) -> None:
    with Bars(stream) as bars:
        bars("reading", 0, 10)
    told = stream.getvalue()
    hours.now += 100
    bars("reading", 5, 10)
    bars("another", 5, 10)
    assert stream.getvalue() == told
