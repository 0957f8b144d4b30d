"""Waiting for what another thread does."""

from __future__ import annotations

import time
from collections.abc import Callable

SOON = 30.0  # seconds within which what must happen has happened, on a machine that does much else


def until(ready: Callable[[], bool]) -> None:
    """Come back once it is so; fail where it is not so soon."""
    end = time.monotonic() + SOON
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.002)
