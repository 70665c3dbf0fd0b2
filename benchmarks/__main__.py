"""`python -m benchmarks [SUBJECT …]`: measure, print the table, write benchmarks/latest.json."""

import argparse
import time
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks import (
    cold_start,
    dashboard,
    destinations,
    imports,
    kill,
    memory,
    readme,
    relay,
    requests,
    sender,
    statistics,
    submission,
    submit,
    suppressions,
    sweeping,
    tracking,
    waiting,
)
from benchmarks.row import Announce, Row, table, write_latest

SUBJECTS: dict[str, Callable[[Announce], list[Row]]] = {
    "relay": relay.rows,
    "submit": submit.rows,
    "memory": memory.rows,
    "requests": requests.rows,
    "imports": imports.rows,
    "cold_start": cold_start.rows,
    "sender": sender.rows,
    "destinations": destinations.rows,
    "submission": submission.rows,
    "waiting": waiting.rows,
    "sweeping": sweeping.rows,
    "suppressions": suppressions.rows,
    "tracking": tracking.rows,
    "statistics": statistics.rows,
    "kill": kill.rows,
    "dashboard": dashboard.rows,
}
"""In this order: later subjects look at runs that earlier ones have made."""
LOG_WIDTH = 160


def main() -> None:
    arguments = _arguments()
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    start = time.monotonic()
    rows = _measure(arguments.subjects or list(SUBJECTS), console)
    written = write_latest(rows, keep=bool(arguments.subjects))
    console.print(table(rows))
    console.print(f"{time.monotonic() - start:.0f} s; written to benchmarks/latest.json")
    if arguments.readme:
        readme.update(written)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument(
        "--readme", action="store_true", help="put the table into benchmarks/README.md, too"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.subjects) - set(SUBJECTS):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}; there are {list(SUBJECTS)}")
    return arguments


def _measure(subjects: list[str], console: Console) -> list[Row]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    rows: list[Row] = []
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(subjects))
        for subject in subjects:
            rows += SUBJECTS[subject](partial(_announce, progress, bar, subject))
            progress.advance(bar)
    return rows


def _announce(progress: Progress, bar: TaskID, subject: str, now: str) -> None:
    progress.update(bar, description=f"{subject}: {now}")


if __name__ == "__main__":
    main()
