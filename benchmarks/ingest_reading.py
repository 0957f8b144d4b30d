"""What reading a history costs: our source, plain ``git log``, and PyDriller, over the same commits.

    python -m benchmarks.ingest_reading --repo PATH [--rounds 5] [--last 150] [--json]

CPU seconds, children included, measured by turns so that a busy machine disturbs all alike. PyDriller is optional
(``pip install pydriller``) and reads the last 150 mainline commits, or with ``--last 0`` the whole history (a minute).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest._git_cursor import Cursor
from ingest._git_repo import locate
from ingest.git_commits import Source
from kb.protocols import SourceContext

GOALS = {"git_ratio": 1.35, "pydriller_ratio": 10.0, "peak_mb": 100.0}
LAST = 150


def measure(repo_path: str | Path, *, rounds: int = 5, last: int = LAST) -> dict[str, Any]:
    """Costs of reading the history of the default branch at ``repo_path`` (a checkout or a bare repository).

    ``git_ratio``: median over ``rounds`` of our CPU seconds by those of ``git log --raw -z -p -M``, each beside its neighbour.
    ``pydriller_ratio``: PyDriller's CPU seconds by ours over the ``last`` mainline commits (0: all), None without it.
    ``peak_mb``: peak resident memory (MiB) of a process of its own that reads everything, and ``child_peak_mb`` of its git.
    """
    gitdir = locate(Path(repo_path))
    if gitdir is None:
        raise SystemExit(f"{repo_path} is not a git repository: give a checkout or a bare directory with --repo")
    with tempfile.TemporaryDirectory() as folder:
        source = _source(Path(repo_path), Path(folder))
        ours, git = [], []
        _read(source, None)  # warms the disk cache
        for _ in range(rounds):
            ours.append(_cpu(lambda: _read(source, None)))
            git.append(_cpu(lambda: _plain_log(gitdir.path)))
        peak, child_peak = _peak(Path(repo_path))
        return {
            "commits": int(_git(gitdir.path, "rev-list", "--count", "HEAD")),
            "our_cpu_s": round(statistics.median(ours), 3),
            "git_cpu_s": round(statistics.median(git), 3),
            "git_ratio": round(statistics.median(a / b for a, b in zip(ours, git, strict=True)), 3),
            "peak_mb": peak,
            "child_peak_mb": child_peak,
            **_beside_pydriller(source, gitdir.path, Path(folder), rounds=min(rounds, 3) if last else 1, last=last),
        }


def _source(path: Path, folder: Path) -> Source:
    return Source(url=str(path), repo="bench/mark", history="all", context=SourceContext(folder))


def _read(source: Source, cursor: str | None) -> int:
    return sum(len(batch.records) for batch in source.pull(cursor))


def _git(gitdir: Path, *args: str) -> bytes:
    return subprocess.run(["git", "--git-dir", str(gitdir), *args], check=True, capture_output=True).stdout


def _plain_log(gitdir: Path) -> None:
    args = ["log", "--raw", "-z", "-p", "-M", "HEAD"]
    subprocess.run(["git", "--git-dir", str(gitdir), *args], check=True, stdout=subprocess.DEVNULL)


def _cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process and the children that ended meanwhile."""
    before = os.times()
    work()
    return sum(os.times()[:4]) - sum(before[:4])


def _peak(path: Path) -> tuple[float, float]:
    """Peak resident MiB of a fresh process that reads everything, and of the largest git that it ran."""
    command = [sys.executable, "-m", "benchmarks.ingest_reading", "--repo", str(path), "--peak"]
    told = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1]).stdout
    own, child = json.loads(told)
    return own, child


def _peak_of_reading(path: Path) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        _read(_source(path, Path(folder)), None)
    return [own_peak(), _max_rss(resource.RUSAGE_CHILDREN)]


def own_peak() -> float:
    """Peak resident memory of this process in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would give the peak of the parent where that is higher: it outlives the exec
        return round(int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024, 1)
    return _max_rss(resource.RUSAGE_SELF)


def _max_rss(who: int) -> float:
    return round(resource.getrusage(who).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def _beside_pydriller(source: Source, gitdir: Path, folder: Path, *, rounds: int, last: int) -> dict[str, Any]:
    if importlib.util.find_spec("pydriller") is None:
        return {"pydriller_ratio": None, "pydriller_note": "not installed: pip install pydriller"}
    mainline = _git(gitdir, "rev-list", "--first-parent", "HEAD").decode().split()
    cursor, span = None, "HEAD"
    if 0 < last < len(mainline):
        base = mainline[last]
        cursor = Cursor(branch=_branch(gitdir), history="all", since=None, tip=base, base=base).dumps()
        span = f"{base}..HEAD"
    shas = _git(gitdir, "rev-list", "--reverse", span).decode().split()
    ours, theirs = [], []
    with _with_config(gitdir, folder / "pydriller") as copy:
        for _ in range(rounds):
            theirs.append(_cpu(lambda: _drill(copy, shas)))
            ours.append(_cpu(lambda: _read(source, cursor)))
    return {
        "pydriller_commits": len(shas),
        "pydriller_cpu_s": round(statistics.median(theirs), 3),
        "our_cpu_s_same": round(statistics.median(ours), 3),
        "pydriller_ratio": round(statistics.median(a / b for a, b in zip(theirs, ours, strict=True)), 1),
    }


def _branch(gitdir: Path) -> str:
    return _git(gitdir, "symbolic-ref", "--short", "HEAD").decode().strip()


@contextmanager
def _with_config(gitdir: Path, copy: Path) -> Iterator[Path]:
    """A bare repository that borrows all objects: PyDriller needs a ``config``, which a bare directory may lack."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(copy)], check=True)
    place = locate(gitdir)
    assert place is not None
    (copy / "objects" / "info" / "alternates").write_text(f"{place.common / 'objects'}\n")
    _git(copy, "update-ref", "refs/heads/main", _git(gitdir, "rev-parse", "HEAD").decode().strip())
    _git(copy, "symbolic-ref", "HEAD", "refs/heads/main")
    yield copy


def _drill(path: Path, shas: list[str]) -> int:
    from pydriller import Repository

    lines = 0
    for commit in Repository(str(path), only_commits=shas).traverse_commits():
        for file in commit.modified_files:
            lines += file.added_lines + file.deleted_lines + len(file.diff)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", type=Path, required=True, help="a checkout or a bare repository")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--last", type=int, default=LAST, help="mainline commits for PyDriller; 0: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(json.dumps(_peak_of_reading(options.repo)))
        return
    found = measure(options.repo, rounds=options.rounds, last=options.last)
    if options.json:
        print(json.dumps(found))
        return
    for key, value in found.items():
        print(f"{key:18} {value}" + (f"   (goal {GOALS[key]})" if key in GOALS else ""))


if __name__ == "__main__":
    main()
