"""Make the report of each day of a range, check it as ``kb verify`` does, and hold it against git itself.

    python -m benchmarks.reports --config kb.toml --data-dir DIR --first 2026-01-25 --last 2026-02-10
                                 [--window 1d] [--lang en] [--repo owner/name=PATH]… [--out DIR] [--json]

For each day: how many records the window has and how many of them the page tells, verdicts of the check, statements that
were left out, sentences, hunks, and seconds in a process that is warm. With ``--repo`` the commits of the window are also
counted by git in that repository, so that a commit that was never stored is seen too. Exit code 1 where anything is missing
or does not hold.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from kb.check.verify import check
from kb.config import load_config
from kb.report.compose import compose
from kb.report.gather import window_ids
from kb.report.gist import Extractive
from kb.report.markdown import markdown
from kb.report.types import Report
from kb.reports import Wanted, archive_of, choice_of, configured_ledger, frame_of
from kb.wiring import KnowledgeBase, open_kb


@dataclass(frozen=True, kw_only=True)
class Row:
    """One day. ``absent`` counts commits that git has in the window and the page has not; ``wrong`` what does not hold."""

    day: str
    records: int
    told: int
    detail: int
    sentences: int
    hunks: int
    removed: int
    exact: int
    wrong: int
    absent: int
    seconds: float
    check_seconds: float

    @property
    def good(self) -> bool:
        return self.told == self.records and not (self.wrong or self.absent)


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def measured(base: KnowledgeBase, day: date, options: argparse.Namespace, repos: dict[str, Path]) -> tuple[Row, str]:
    """One report, made and checked."""
    began = time.perf_counter()
    wanted = Wanted(day=day.isoformat(), length=options.window, zone="UTC", language=options.lang)
    frame = frame_of(base, wanted, archive_of(base.config))
    choice = choice_of(base.config, frame)
    made = compose(frame, catalog=base.catalog, ledger=configured_ledger(base), choice=choice, writer=Extractive())
    text = markdown(made)
    written = time.perf_counter()
    found = check(text, catalog=base.catalog, zone=frame.zone)
    ended = time.perf_counter()
    told = [id for section in made.sections for item in section.told for id in item.entry.ids]
    wrong = sum(number for verdict, number in found.counts.items() if verdict != "exact")
    row = Row(
        day=day.isoformat(),
        records=len(window_ids(base.catalog, frame)),
        told=len(set(told)),
        detail=sum(item.records for section in made.sections if section.detail for item in section.told),
        sentences=sum(len(item.sentences) for section in made.sections for item in section.told),
        hunks=sum(item.hunk is not None for section in made.sections for item in section.told),
        removed=made.removed,
        exact=found.counts.get("exact", 0),
        wrong=wrong + len(found.faults) + len(found.missing) + len(found.repeated),
        absent=len(_absent(made, text, repos)),
        seconds=round(written - began, 3),
        check_seconds=round(ended - written, 3),
    )
    return row, text


def _absent(made: Report, text: str, repos: dict[str, Path]) -> set[str]:
    """Commits that git shows in the window, by the date they were committed on the mainline, and whose SHA the page has not."""
    frame = made.frame
    if frame.window.start is None or frame.window.end is None:
        return set()
    return {
        sha
        for path in repos.values()
        for sha in _mainline(path, frame.window.start, frame.window.end)
        if f"/commit/{sha}" not in text
    }


def _mainline(path: Path, start: datetime, end: datetime) -> list[str]:
    command = ["git", "--git-dir", str(path), "log", "--first-parent", "--format=%H %ct", "HEAD"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    commits = [line.split() for line in lines]
    return [sha for sha, at in commits if start.timestamp() <= int(at) < end.timestamp()]


def show(rows: list[Row]) -> None:
    names = [name for name in asdict(rows[0]) if name != "day"]
    print("day         " + " ".join(f"{name:>9}" for name in names))
    for row in rows:
        print(f"{row.day}  " + " ".join(f"{value!s:>9}" for name, value in asdict(row).items() if name != "day"))
    good = sum(row.good for row in rows)
    print(f"{good} of {len(rows)} reports are complete and hold; slowest {max(row.seconds for row in rows):.2f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=Path("kb.toml"))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--first", type=date.fromisoformat, required=True)
    parser.add_argument("--last", type=date.fromisoformat, required=True)
    parser.add_argument("--window", default="1d")
    parser.add_argument("--lang", default="en", choices=["en", "zh"])
    parser.add_argument("--repo", action="append", default=[], metavar="NAME=PATH", help="a git directory to count commits in")
    parser.add_argument("--out", type=Path, help="a folder for the pages")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    repos = {name: Path(path) for name, _, path in (text.partition("=") for text in options.repo)}
    with open_kb(load_config(options.config), data_dir=options.data_dir) as base:
        pages = [measured(base, day, options, repos) for day in days(options.first, options.last)]
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for row, text in pages:
            (options.out / f"{row.day}.md").write_text(text, encoding="utf-8")
    rows = [row for row, _ in pages]
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        show(rows)
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
