"""Whose turn it is among jobs that share lanes."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from kb.lanes import Lanes


def test_jobs_come_in_order_and_those_of_a_busy_lane_are_passed_over() -> None:
    lanes = Lanes(["a", "a", "b", "a"], open=1)
    with lanes.turn() as first, lanes.turn() as second:
        assert (first, second) == (0, 2)
    with lanes.turn() as third:
        assert third == 1
    with lanes.turn() as fourth:
        assert fourth == 3
    with lanes.turn() as none:
        assert none is None


def test_jobs_without_a_lane_share_so_many_places() -> None:
    lanes = Lanes(["", "", "", "x"], open=2)
    with ExitStack() as stack:
        assert [stack.enter_context(lanes.turn()) for _ in range(3)] == [0, 1, 3]
    with lanes.turn() as last:
        assert last == 2


def test_a_turn_ends_also_where_the_job_fails() -> None:
    lanes = Lanes(["a", "a"], open=1)
    try:
        with lanes.turn():
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with lanes.turn() as second:
        assert second == 1


def test_who_waits_is_woken_when_a_lane_is_free_and_when_all_is_closed() -> None:
    lanes = Lanes(["a", "a", "a"], open=1)
    taken: list[int | None] = []

    def work() -> None:
        with lanes.turn() as position:
            taken.append(position)

    for close, expected in ((False, 1), (True, None)):
        with lanes.turn() as held:
            assert held is not None
            thread = threading.Thread(target=work)
            thread.start()
            if close:
                lanes.close()
                thread.join(30)
        thread.join(30)
        assert taken[-1] == expected
