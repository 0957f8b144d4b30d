"""Twenty people who ask at the same time all get their answers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks import askers
from tests.browser.server import Server


def test_twenty_people_ask_at_once(app: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """In a thread of its own, as Playwright's event loop counts as running in this one. How fast it is is not asserted here:
    that is the benchmark's, on a machine that does nothing else."""
    options = ["--url", app.url, "--pid", str(app.process.pid), "--users", "20", "--seconds", "4"]
    with ThreadPoolExecutor(1) as pool:
        code = pool.submit(askers.main, [*options, "--json"]).result()
        found = json.loads(capsys.readouterr().out)
        assert found["errors"] == {}
        assert found["answers"] >= 20
        assert (code == 0) == found["goal_met"]
        assert pool.submit(askers.main, ["--url", "http://127.0.0.1:9"]).result() == 2
        assert "ConnectError" in capsys.readouterr().err
    assert "20 users" in askers.shown(found, 20)
