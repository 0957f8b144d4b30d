"""Kill real syncs of GitHub and arXiv with SIGKILL at random moments, resume them, and compare with an undisturbed one.

    python -m benchmarks.crash_sources [--issues 2000] [--pulls 1500] [--releases 60] [--papers 500] [--kills 20]
                                       [--records-only] [--seed 1] [--json]

Both servers are those of the tests, on this machine. A data directory is synced, killed and synced again until its sync is
complete; then another is begun, until all kills are spent. Compared are the stores, record by record, and what was asked for:
the undisturbed sync has a stated cost, and a killed one may repeat one request of each listing for each kill. What a source
that was read already asks to see whether anything is new is counted apart. Exit code 1 if anything differs or costs more.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.crash import Setup, differences
from kb.catalog import Catalog
from tests import arxiv_server, github_faults, github_generate
from tests.arxiv_server import ArxivServer
from tests.github_data import Repo
from tests.github_server import GitHubServer

REPO = "acme/kernels"
PACE = 0.05  # seconds between requests: so that kills fall into asking, reading and storing alike
SOURCES = {"issues": "threads", "pulls": "threads", "releases": "releases", "papers": "papers"}  # by listing
_PAGE = 100
_STORED_APART = {"sources"}  # cursors hold the moments at which they were written


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much the servers have."""

    issues: int = 2_000
    pulls: int = 1_500
    releases: int = 60
    papers: int = 500

    @property
    def records(self) -> int:
        return self.issues + self.pulls + self.releases + self.papers

    @property
    def cost(self) -> Counter[str]:
        """Requests by listing that reading everything takes: GitHub lists pull requests among the issues, too."""
        entries = {"issues": self.issues + self.pulls, "pulls": self.pulls, "releases": self.releases, "papers": self.papers}
        return Counter({listing: -(-number // _PAGE) for listing, number in entries.items()})


@dataclass(frozen=True)
class Request:
    """``what`` is all that makes two of them the same; ``at`` is monotonic seconds."""

    listing: str
    what: str
    at: float


@dataclass(frozen=True)
class Served:
    """Both servers, filled."""

    github: GitHubServer
    repo: Repo
    arxiv: ArxivServer

    @property
    def requests(self) -> list[Request]:
        """All so far."""
        threads = [Request(asked.path.rpartition("/")[2], asked.target, asked.at) for asked in self.github.requests]
        papers = [Request("papers", repr(sorted(asked.query.items())), asked.at) for asked in self.arxiv.queries]
        return sorted(threads + papers, key=lambda request: request.at)

    def config(self, pace: float) -> str:
        """The text of a kb.toml that reads everything."""
        tables: list[dict[str, Any]] = [
            {"use": "github_threads", "name": "threads", "repo": REPO, "base_url": self.github.url, "since": "all"},
            {"use": "github_releases", "name": "releases", "repo": REPO, "base_url": self.github.url},
            {"use": "arxiv_papers", "name": "papers", "base_url": self.arxiv.url, "since": "all"},
        ]
        tables[2] |= {"categories": ["cs.LG", "cs.CL"], "delay": pace * 10}
        lines = (["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())] for table in tables)
        return "\n".join(line for table in lines for line in table) + "\n"


@contextmanager
def serving(sizes: Sizes, *, pace: float = PACE) -> Iterator[Served]:
    """Both servers; what they have is the same every time."""
    with GitHubServer(anonymous_limit=10**6, token_limit=10**6) as github, ArxivServer() as arxiv:
        repo = github.add_repo(REPO)
        github_generate.populate(repo, issues=sizes.issues, pulls=sizes.pulls, releases=sizes.releases)
        github.fail("", github_faults.hang(pace), times=None)
        arxiv_server.populate(arxiv, sizes.papers)
        yield Served(github, repo, arxiv)


@dataclass
class Tally:
    """What the syncs of one data directory asked for: while a source was not read yet, and once it was.

    ``repeated`` are requests of the former that had been sent before.
    """

    kills: int = 0
    reading: Counter[str] = field(default_factory=Counter)
    looking: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    def add(self, requests: list[Request], *, read: set[str]) -> None:
        """The requests of one process; ``read`` are the sources that had been read when it began."""
        for request in requests:
            if SOURCES.get(request.listing) in read:
                self.looking[request.listing] += 1
                continue
            self.reading[request.listing] += 1
            self.repeated[request.listing] += request.what in self._seen
            self._seen.add(request.what)

    def dearer(self, cost: Counter[str]) -> list[str]:
        """Where it asked for more than ``cost`` and one more for each kill and listing."""
        most = {listing: cost[listing] + self.kills for listing in (*cost, *self.reading)}
        return [
            f"{listing}: {self.reading[listing]} requests, {self.repeated[listing]} of them repeated, with {self.kills} kills"
            for listing in sorted(most)
            if self.reading[listing] > most[listing] or self.repeated[listing] > self.kills
        ]


@dataclass(frozen=True)
class Trial:
    """Syncs into data directories, against servers that log them."""

    setup: Setup
    served: Served
    cost: Counter[str]

    def undisturbed(self, data: Path) -> tuple[Tally, float]:
        """One sync; returns also the seconds from its first request to its last."""
        tally, before = Tally(), len(self.served.requests)
        self.setup.finish(data)
        requests = self.served.requests[before:]
        tally.add(requests, read=set())
        return tally, requests[-1].at - requests[0].at

    def tortured(self, data: Path, kills: int, longest: float, chance: random.Random) -> Tally:
        """Syncs into one data directory, killed until one is done before its time or ``kills`` are spent; the last is not."""
        tally = Tally()
        while True:
            read, before = _read(data / "catalog.db"), len(self.served.requests)
            killed = self._life(data, chance.uniform(0, longest) if tally.kills < kills else None)
            tally.add(self.served.requests[before:], read=read)
            if not killed:
                return tally
            tally.kills += 1

    def _life(self, data: Path, seconds: float | None) -> bool:
        """A process that is killed so long after its first request (None: never); False where it was done by then."""
        before = len(self.served.requests)
        child = self.setup.start(data)
        while len(self.served.requests) == before and child.poll() is None:
            time.sleep(0.005)
        try:
            _, errors = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            return True
        if child.returncode:
            raise SystemExit(f"sync failed ({child.returncode}): {errors.decode(errors='replace')[-2000:]}")
        return False

    def stored(self, data: Path) -> dict[str, list[tuple[Any, ...]]]:
        return {table: rows for table, rows in self.setup.dump(data).items() if table not in _STORED_APART}


def _read(path: Path) -> set[str]:
    """The sources that a sync has read to the end."""
    if not path.exists():
        return set()
    with Catalog.open(path) as catalog:
        return {row.source for row in catalog.ledger() if row.last_success}


def _twice(path: Path) -> list[str]:
    """Addresses that more than one record has."""
    with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as connection:
        return [url for (url,) in connection.execute("SELECT url FROM records GROUP BY url HAVING count(*) > 1")]


def measure(sizes: Sizes, *, kills: int = 20, records_only: bool = False, seed: int = 1, pace: float = PACE) -> dict[str, Any]:
    """Kill ``kills`` syncs; returns counts, and what is wrong (an empty list: nothing)."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, serving(sizes, pace=pace) as served:
        folder = Path(name)
        (folder / "kb.toml").write_text(served.config(pace))
        trial = Trial(Setup(folder / "kb.toml", records_only), served, sizes.cost)
        calm, seconds = trial.undisturbed(folder / "undisturbed")
        wanted = trial.stored(folder / "undisturbed")
        wrong = [] if len(wanted["records"]) == sizes.records else [f"{len(wanted['records'])} of {sizes.records} records"]
        wrong += [] if calm.reading == sizes.cost else [f"undisturbed: {dict(calm.reading)} instead of {dict(sizes.cost)}"]
        rounds: list[Tally] = []
        while (spent := sum(tally.kills for tally in rounds)) < kills:
            data = folder / f"killed-{len(rounds)}"
            # Each life gets about a tenth of the work done, so that kills fall everywhere in it.
            rounds.append(trial.tortured(data, kills - spent, seconds / 5, chance))
            wrong += differences(wanted, trial.stored(data)) + rounds[-1].dearer(sizes.cost)
            wrong += [f"{url}: more than one record" for url in _twice(data / "catalog.db")]
        return {
            "kills": spent,
            "syncs_finished": len(rounds),
            "records": len(wanted["records"]),
            "seconds_of_requests": round(seconds, 1),
            "stated": dict(sizes.cost),
            "undisturbed": dict(calm.reading),
            "killed": [dict(tally.reading) for tally in rounds],
            "repeated": [dict(+tally.repeated) for tally in rounds],
            "kills_of_each": [tally.kills for tally in rounds],
            "looked_again": [dict(tally.looking) for tally in rounds],
            "wrong": wrong,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issues", type=int, default=Sizes.issues)
    parser.add_argument("--pulls", type=int, default=Sizes.pulls)
    parser.add_argument("--releases", type=int, default=Sizes.releases)
    parser.add_argument("--papers", type=int, default=Sizes.papers)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--records-only", action="store_true", help="without the vector index")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    sizes = Sizes(issues=told.issues, pulls=told.pulls, releases=told.releases, papers=told.papers)
    result = measure(sizes, kills=told.kills, records_only=told.records_only, seed=told.seed)
    if told.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:20} {value if name != 'wrong' else '; '.join(value) or 'nothing'}")
    sys.exit(bool(result["wrong"]))


if __name__ == "__main__":
    main()
