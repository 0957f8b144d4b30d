"""What ingesting costs, whole (read, store, embed, index): ours beside the plain llama-index pipeline, over the same commits.

    python -m benchmarks.ingest --repo PATH [--commits 300] [--rounds 2] [--threads 1] [--no-reading] [--out FILE]

Each pipeline runs in a fresh process with a folder of its own, by turns, so that a busy machine disturbs both alike. CPU
seconds count children and threads; with one thread for the model they mean work, as threads that wait for each other spin.
Both read commits with our git source, the cheaper way for the plain pipeline too. Loading libraries and the model is counted
apart: it is the same for both, and does not grow. Then ``sync`` is run again, with nothing new, in process and as a command.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ingest_reading
from benchmarks.ingest_reading import own_peak
from benchmarks.plain import PlainIndex, cpu_seconds
from ingest._git_cursor import Cursor
from ingest._git_repo import locate
from ingest.git_commits import Source
from kb.catalog import Catalog
from kb.protocols import SourceContext
from kb.sync import SyncReport, sync
from kb.types import Batch, Record

GOALS = {"plain_ratio": 4.0, "nothing_new_s": 1.0, "nothing_new_cli_s": 1.0}
NAME = "bench"
REPEATS = 5


@dataclass(frozen=True)
class Tail:
    """The git source, its first pull beginning at ``start`` (a cursor) instead of at the beginning of the history."""

    source: Source
    start: str
    name: str = NAME
    repo: str = f"{NAME}/mark"

    def pull(self, cursor: str | None) -> Iterator[Batch]:
        """As ``Source.pull``."""
        return self.source.pull(cursor or self.start)


def tail(repo: Path, commits: int, folder: Path) -> Tail:
    """The last commits of a repository: so many mainline ones, and what they brought."""
    place = locate(repo)
    if place is None:
        raise SystemExit(f"{repo} is not a git repository: give a checkout or a bare directory with --repo")
    mainline = _git(place.path, "rev-list", "--first-parent", f"--max-count={commits + 1}", "HEAD").split()
    if len(mainline) <= commits:
        raise SystemExit(f"{repo} has {len(mainline)} mainline commits: give a smaller number with --commits")
    base = mainline[-1]
    start = Cursor(branch=_git(place.path, "symbolic-ref", "--short", "HEAD"), history="all", since=None, tip=base, base=base)
    source = Source(url=str(repo), name=NAME, repo=f"{NAME}/mark", history="all", context=SourceContext(folder / "clones"))
    return Tail(source, start.dumps())


def _git(gitdir: Path, *args: str) -> str:
    return subprocess.run(["git", "--git-dir", str(gitdir), *args], check=True, capture_output=True, text=True).stdout.strip()


# --- one pipeline, in a process of its own --------------------------------------------------------------------------------


def ingest_ours(source: Tail, folder: Path) -> dict[str, float]:
    """Read, store, embed and index into ``folder``; CPU seconds by step, then seconds of another sync with nothing new."""
    import chromadb  # noqa: F401 (its loading is no part of the work)
    import llama_index.vector_stores.chroma  # noqa: F401

    from index.chroma import ChromaCards
    from index.embedder import Embedder
    from index.indexer import CatalogIndexer, Index

    embedder = Embedder()
    embedder.encode(["warm"])
    found: dict[str, float] = {"start_cpu_s": sum(os.times()[:4])}
    with Catalog.open(folder / "catalog.db") as catalog:
        index = Index(folder=folder / "index", chroma=ChromaCards(folder=folder / "chroma"), embedder=embedder)
        indexer = CatalogIndexer(catalog, index)
        found["read_and_store_cpu_s"] = cpu_seconds(lambda: _checked(sync(catalog, [source])))
        found["peak_mb_before_index"] = own_peak()
        found["index_cpu_s"] = cpu_seconds(lambda: _checked(sync(catalog, [], indexer)))
        found["cpu_s"] = found["read_and_store_cpu_s"] + found["index_cpu_s"]
        found["nothing_new_s"] = _seconds(lambda: _checked(sync(catalog, [source], indexer)))
        found["commits"] = catalog.size()
        manifest = index.current()
        found["cards"] = index.vectors(manifest).size()[1] if manifest else 0
        index.close()
    return found


def _checked(report: SyncReport) -> None:
    if not report.ok:
        raise SystemExit(f"the sync failed: {report.index_error or report.runs[0].row.error}")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ingest_plain(source: Tail, folder: Path) -> dict[str, float]:
    """Read and index into ``folder`` as most do today; CPU seconds by step."""
    records: list[Record] = []
    reading = cpu_seconds(lambda: records.extend(record for batch in source.pull(None) for record in batch.records))
    before = sum(os.times()[:4])
    building = PlainIndex().build(records, folder / "plain")
    start = sum(os.times()[:4]) - before - building
    return {
        "start_cpu_s": start,
        "read_cpu_s": reading,
        "index_cpu_s": building,
        "cpu_s": reading + building,
        "commits": len(records),
    }


STEPS: dict[str, Callable[[Tail, Path], dict[str, float]]] = {"ours": ingest_ours, "plain": ingest_plain}


# --- the whole comparison -------------------------------------------------------------------------------------------------


def _run(step: str, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.ingest", "--repo", str(options.repo), "--commits", str(options.commits)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(
        [*command, "--step", step, "--folder", str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise SystemExit(f"the step {step} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{step:6} {found['cpu_s']:8.1f} CPU s, peak {found['peak_mb']:.0f} MiB", file=sys.stderr, flush=True)
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Medians over ``rounds``; ``plain_ratio`` is the plain pipeline's CPU by ours, each beside its neighbour."""
    ours, plain = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.rounds):
            ours.append(_run("ours", options, folder / f"ours-{number}"))
            plain.append(_run("plain", options, folder / f"plain-{number}"))
        commands = _nothing_new_as_a_command(options.repo, folder / "ours-0", folder / "kb.toml")
    ratio = statistics.median(other["cpu_s"] / own["cpu_s"] for own, other in zip(ours, plain, strict=True))
    found: dict[str, Any] = {"threads": options.threads, "rounds": options.rounds}
    found |= {f"our_{key}": _median(ours, key) for key in ours[0] if key != "nothing_new_s"}
    found |= {f"plain_{key}": _median(plain, key) for key in plain[0]}
    found |= {"plain_ratio": round(ratio, 2), "nothing_new_s": _median(ours, "nothing_new_s"), **commands}
    if not options.no_reading:
        found |= {f"reading_{key}": value for key, value in ingest_reading.measure(options.repo).items()}
    return found


def _median(runs: list[dict[str, float]], key: str) -> float:
    return round(statistics.median(run[key] for run in runs), 3)


def _nothing_new_as_a_command(repo: Path, data: Path, config: Path) -> dict[str, float]:
    """Wall seconds of ``kb sync`` with nothing new, and how much that is beyond ``kb --help``."""
    table = {"use": "git_commits", "name": NAME, "repo": f"{NAME}/mark", "url": str(repo.resolve()), "history": "all"}
    config.write_text("[[sources]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()))
    told: dict[str, list[float]] = {"sync": [], "--help": []}
    for _ in range(REPEATS):
        told["--help"].append(_seconds(lambda: _kb("--help")))
        told["sync"].append(_seconds(lambda: _kb("sync", "--config", str(config), "--data-dir", str(data), "--json")))
    whole, start = statistics.median(told["sync"]), statistics.median(told["--help"])
    return {"command_s": round(whole, 3), "command_start_s": round(start, 3), "nothing_new_cli_s": round(whole - start, 3)}


def _kb(*args: str) -> None:
    done = subprocess.run([sys.executable, "-m", "kb", *args], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"kb {args[0]} failed:\n{done.stderr[-2000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, required=True, help="a checkout or a bare repository")
    parser.add_argument("--commits", type=int, default=300, help="the last so many mainline commits")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="threads of the model")
    parser.add_argument("--no-reading", action="store_true", help="leave out what benchmarks.ingest_reading measures")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        with contextlib.redirect_stdout(sys.stderr):
            found = STEPS[options.step](tail(options.repo, options.commits, options.folder), options.folder)
        print(json.dumps({**found, "peak_mb": own_peak()}))
        return
    result = measure(options)
    for key, value in result.items():
        print(f"{key:32} {value}" + (f"   (goal {GOALS[key]})" if key in GOALS else ""))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
