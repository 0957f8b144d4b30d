"""How often one may ask; and how many are served at once: never more than there are places, in the order in which they came."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kb.web.limits import FairSemaphore, Limits, Rate
from tests.waiting import SOON, Inside, until


def test_a_client_has_a_burst_and_then_a_rate() -> None:
    now = [0.0]
    limits = Limits(Rate(per_second=1.0, burst=3), Rate(per_second=100.0, burst=100), clock=lambda: now[0])
    assert [limits.wait("ada") for _ in range(3)] == [0, 0, 0]
    assert limits.wait("ada") == pytest.approx(1.0)
    assert limits.wait("bob") == 0  # each has its own
    now[0] = 0.5
    assert limits.wait("ada") == pytest.approx(0.5)  # what was refused is not counted
    now[0] = 1.0
    assert limits.wait("ada") == 0


def test_all_clients_together_have_a_rate_too_and_the_longest_gone_are_forgotten() -> None:
    now = [0.0]
    limits = Limits(Rate(per_second=1.0, burst=3), Rate(per_second=2.0, burst=5_000), clock=lambda: now[0])
    assert [limits.wait(f"client {number}") for number in range(5_000)] == [0] * 5_000
    assert limits.wait("one more") == pytest.approx(0.5)
    assert limits.wait("") == pytest.approx(0.5)


# --- at once ----------------------------------------------------------------------------------------------------------------


def test_they_are_let_in_in_the_order_in_which_they_came() -> None:
    work, let_in = FairSemaphore(1), []
    threads = []
    with work.place():
        for number in range(20):

            def enter(number: int = number) -> None:
                with work.place():
                    let_in.append(number)

            threads.append(threading.Thread(target=enter))
            threads[-1].start()
            until(lambda number=number: len(work) == number + 1)  # type: ignore[misc]
    for thread in threads:
        thread.join(SOON)
    assert let_in == list(range(20))


def test_who_comes_back_does_not_overtake_those_that_wait() -> None:
    for _ in range(100):
        work, let_in = FairSemaphore(1), list[str]()

        def enter(work: FairSemaphore = work, let_in: list[str] = let_in) -> None:
            with work.place():
                let_in.append("waited")

        waiting = threading.Thread(target=enter)
        with work.place():
            waiting.start()
            until(lambda work=work: len(work) == 1)  # type: ignore[misc]
        with work.place():
            let_in.append("came back")
        waiting.join(SOON)
        assert let_in == ["waited", "came back"]


@pytest.mark.parametrize("places", [1, 2, 5])
def test_never_more_than_there_are_places_for(places: int) -> None:
    work, inside = FairSemaphore(places), Inside()

    def enter(number: int) -> None:
        with work.place(), inside:
            time.sleep(0.002)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(enter, range(60)))
    assert (inside.now, len(work)) == (0, 0)
    assert inside.most == places


def test_a_place_is_free_again_after_a_failure() -> None:
    work = FairSemaphore(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="no"), work.place():
            raise ValueError("no")
    with work.place():
        assert len(work) == 0
