"""A job of the background, followed by the pages that watch it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from kb.jobs import Job, JobState

_GLANCE = 0.4  # seconds


async def follow(job: Job[Any], shown: Callable[[JobState[Any]], str]) -> AsyncIterator[str]:
    """What is ``shown`` of a job, whenever that changes, until it has ended. It holds no thread."""
    before = ""
    while (state := job.state).active:
        now = shown(state)
        if now != before:
            yield now
            before = now
        await asyncio.sleep(_GLANCE)
