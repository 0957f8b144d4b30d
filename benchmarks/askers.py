"""Many people asking at once: how long the served app makes each of them wait, what fails, and whether it grows.

    python -m benchmarks.askers [--users 20] [--seconds 60] [--pause 0] [--config FILE] [--data-dir DIR] [--json]
    python -m benchmarks.askers --url http://127.0.0.1:7860 [--pid PID] …

Each user asks one question after the other over HTTP, as gradio_client does, and thinks ``--pause`` seconds between two.
Answers are extractive, questions are about what the store has, and each is asked once before anything is counted: so a server
that has just started is warm. Without ``--url`` one is started. Its memory is read where the system has /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

GOAL = 3.0  # seconds, 95 of 100 answers
_STARTS_WITHIN = 120.0
_FORMS = (
    "What changed in {repo} this week?",
    "What changed in {repo} in the last 30 days?",
    "What changed in {repo} in January 2026?",
    "{repo} 最近两周有什么变化？",
    "Which commit fixed a crash in {repo}?",
    "Which commit of {repo} makes it faster?",
    "What was fixed in {repo} in February 2026?",
    "Which pull request added tests to {repo}?",
)


class AskersError(Exception):
    """The measurement cannot be made."""


@dataclass
class Heard:
    """What all users got: seconds of each answer, how often each error and each sort of answer came; and the megabytes of
    the server before and after, None where they are not known."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    before: float | None = None
    after: float | None = None


async def _call(client: httpx.AsyncClient, name: str, *values: object) -> Any:
    """The result of an endpoint of the app."""
    begun = await client.post(f"/gradio_api/call/{name}", json={"data": list(values)})
    begun.raise_for_status()
    event = begun.json()["event_id"]
    kind, data = "", ""
    async with client.stream("GET", f"/gradio_api/call/{name}/{event}") as reply:
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            field_name, _, value = line.partition(": ")
            if field_name == "event":
                kind = value
            elif field_name == "data" and kind in ("complete", "error"):
                data = value
                break
    if kind != "complete":
        raise AskersError(f"{name}: {kind or 'no answer'}: {data[:200]}")
    return json.loads(data)[0]


async def _user(client: httpx.AsyncClient, questions: Iterator[str], until: float, pause: float, heard: Heard) -> None:
    while time.monotonic() < until:
        begin = time.monotonic()
        try:
            answer = await _call(client, "ask", next(questions))
            heard.statuses[str(answer.get("status", answer.get("error", "?")))] += 1
            heard.seconds.append(time.monotonic() - begin)
        except (httpx.HTTPError, AskersError, ValueError, KeyError) as error:
            heard.errors[f"{type(error).__name__}: {error}"[:200]] += 1
            await asyncio.sleep(0.2)  # a server that refuses at once is not to be asked a thousand times a second
        await asyncio.sleep(pause)


async def measure(
    url: str, *, users: int, seconds: float, pause: float = 0.0, auth: tuple[str, str] | None = None, pid: int | None = None
) -> Heard:
    """Ask for so long; ``pid`` is the server's process, if its memory is to be read.

    Raises:
        AskersError: the server has nothing to be asked about.
        httpx.HTTPError: there is no such server.
    """
    limits = httpx.Limits(max_connections=2 * users + 4)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        if auth:
            signed = await client.post("/login", data={"username": auth[0], "password": auth[1]})
            signed.raise_for_status()
        status = await _call(client, "status")
        repos = sorted({str(source["repo"]) for source in status["sources"] if source.get("repo")})
        if not repos:
            raise AskersError("the server's store has no repository to ask about")
        questions = [form.format(repo=repo.rpartition("/")[2]) for form in _FORMS for repo in repos]
        for question in questions:
            await _call(client, "ask", question)
        heard, turn = Heard(before=_memory(pid)), itertools.cycle(questions)
        until = time.monotonic() + seconds
        await asyncio.gather(*(_user(client, turn, until, pause, heard) for _ in range(users)))
        heard.after = _memory(pid)
    return heard


def _memory(pid: int | None) -> float | None:
    """Megabytes of a process, where the system tells. Its proportional set: each connection maps the stores' files anew, and
    the resident set would count those pages once for every mapping."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^Pss:\s+(\d+) kB", told, re.MULTILINE)
    return round(int(found[1]) / 1024, 1) if found else None


@contextlib.contextmanager
def _served(options: argparse.Namespace) -> Iterator[tuple[str, int | None]]:
    """The address of the server, and its process."""
    if options.url:
        yield options.url.rstrip("/"), options.pid
        return
    command = [sys.executable, "-c", "from kb.cli import main; main()", "--config", str(options.config)]
    command += ["--data-dir", str(options.data_dir)] if options.data_dir else []
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen([*command, "serve", "--port", "0"], stdout=log, stderr=subprocess.STDOUT)
        try:
            yield _address(process, Path(log.name)), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < end:
        said = log.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        if found:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(found[0], timeout=5)
                return found[0]
        if process.poll() is not None:
            raise AskersError(f"the server ended: {said[-500:]}")
        time.sleep(0.2)
    raise AskersError(f"no server after {_STARTS_WITHIN:.0f} s")


def summary(heard: Heard, *, seconds: float) -> dict[str, Any]:
    """What is printed; times in seconds, memory in megabytes."""
    ordered = sorted(heard.seconds)

    def percentile(percent: int) -> float | None:
        return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 3) if ordered else None

    return {
        "answers": len(ordered),
        "per_second": round(len(ordered) / seconds, 2),
        "p50": percentile(50),
        "p95": percentile(95),
        "max": percentile(100),
        "statuses": dict(heard.statuses),
        "errors": dict(heard.errors),
        "memory_before": heard.before,
        "memory_after": heard.after,
        "goal_met": bool(ordered) and not heard.errors and (percentile(95) or 0.0) <= GOAL,
    }


def shown(found: dict[str, Any], users: int) -> str:
    """The same as two lines or three for people."""
    lines = [
        f"{users} users: {found['answers']} answers, {found['per_second']} a second; "
        f"p50 {found['p50']} s, p95 {found['p95']} s (goal {GOAL:g} s), longest {found['max']} s",
        f"errors: {found['errors'] or 'none'}; how answers went: {found['statuses']}",
    ]
    if found["memory_before"]:
        lines.append(f"memory of the server: {found['memory_before']:.0f} MB before, {found['memory_after']:.0f} MB after")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--config", type=Path, default=Path("kb.toml"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--auth", metavar="USER:PASSWORD", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    user, _, password = options.auth.partition(":")
    auth = (user, password) if user else None
    try:
        with _served(options) as (url, pid):
            asking = measure(url, users=options.users, seconds=options.seconds, pause=options.pause, auth=auth, pid=pid)
            found = summary(asyncio.run(asking), seconds=options.seconds)
    except (AskersError, httpx.HTTPError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, ensure_ascii=False) if options.json else shown(found, options.users))
    return 0 if found["goal_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
