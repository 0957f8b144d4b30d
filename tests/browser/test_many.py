"""Twenty people who ask at the same time all get their answers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from benchmarks import askers
from tests.browser.server import Server


def test_twenty_people_ask_at_once(app: Server) -> None:
    """In a thread of its own, as Playwright's event loop counts as running in this one."""
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(asyncio.run, askers.measure(app.url, users=20, seconds=4.0, pid=app.process.pid))
        heard = asking.result()
    assert dict(heard.errors) == {}
    assert len(heard.seconds) >= 20
