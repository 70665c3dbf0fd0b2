"""One row of the table: our figure beside its peer or limit, and whether the target is reached."""

import http.client
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from rich.table import Table

LATEST = Path(__file__).with_name("latest.json")
LIMIT = "limit"
"""The peer's name where the figure is held against a fixed limit."""
ROUNDS = 3

Run = TypeVar("Run")
Announce = Callable[[str], None]
"""Told what is being measured now."""


class Unmeasured(Exception):
    """A figure cannot be had here; the text says why. The row shows it in the figure's place."""


_EXPECTED = (Unmeasured, OSError, ValueError, subprocess.SubprocessError, http.client.HTTPException)
"""What may go wrong with one side of a row without stopping the other rows."""


@dataclass(slots=True)
class Sample(Generic[Run]):
    """The runs of one side of a row; or why there are none."""

    runs: list[Run] = field(default_factory=list)
    missing: str = ""

    def median(self, figure: Callable[[Run], float]) -> float | None:
        return statistics.median(figure(run) for run in self.runs) if self.runs else None


def interleave(
    sides: dict[str, Callable[[int], Run]],
    announce: Announce,
    rounds: int = ROUNDS,
    budget_s: float = 120,
) -> dict[str, Sample[Run]]:
    """Run all sides in turn, `rounds` times, so that a noisy minute hits all of them.

    A side that fails is not run again. No round begins that would probably end after `budget_s`;
    the first one always does.
    """
    samples: dict[str, Sample[Run]] = {name: Sample() for name in sides}
    start = time.monotonic()
    for done in range(rounds):
        elapsed_s = time.monotonic() - start
        if done and elapsed_s * (done + 1) / done > budget_s:
            break
        for name, run in sides.items():
            announce(f"{name}, round {done + 1} of {rounds}")
            _run_once(samples[name], run, done)
    return samples


def _run_once(sample: Sample[Run], run: Callable[[int], Run], done: int) -> None:
    if sample.missing:
        return
    try:
        sample.runs.append(run(done))
    except _EXPECTED as error:
        sample.missing = f"{error}" or type(error).__name__


@dataclass(frozen=True, slots=True)
class Target:
    """What the ratio of our figure to the peer's has to be."""

    relation: str
    """`≥` or `≤`."""
    ratio: float = 1.0

    def reached(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.relation == "≥" else ratio <= self.ratio


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. A figure that is None could not be measured; `note` says why."""

    name: str
    figure: float | None
    unit: str
    peer: str
    peer_figure: float | None
    target: Target
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if self.figure is None or not self.peer_figure:
            return None
        return self.figure / self.peer_figure

    @property
    def reached(self) -> bool | None:
        """None: nobody knows, because the peer is missing. A missing figure of ours is a miss."""
        if self.figure is None:
            return False
        if self.peer == LIMIT and self.peer_figure == 0:
            return self.figure == 0  # a ratio to nothing there is not
        return None if self.ratio is None else self.target.reached(self.ratio)

    @property
    def target_text(self) -> str:
        if self.peer == LIMIT:
            return f"{self.target.relation} {self.peer_figure:g} {self.unit}"
        return f"{self.target.relation} {self.target.ratio:g} ×"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "figure": _rounded(self.figure),
            "unit": self.unit,
            "peer": f"{self.peer} ({self.note})" if self.note else self.peer,
            "peer_figure": _rounded(self.peer_figure),
            "ratio": _rounded(self.ratio),
            "target": self.target_text,
            "reached": self.reached,
        }


def _rounded(figure: float | None) -> float | None:
    """Four digits: more would claim a precision that no machine has."""
    return None if figure is None else float(f"{figure:.4g}")


def notes(*samples: Sample[Any]) -> str:
    """What a reader has to know about these samples: what is missing, and too few runs."""
    said = [sample.missing for sample in samples if sample.missing]
    runs = min((len(sample.runs) for sample in samples if sample.runs), default=ROUNDS)
    if runs < ROUNDS:
        said.append("1 run" if runs == 1 else f"{runs} runs")
    return "; ".join(dict.fromkeys(said))


def write_latest(rows: list[Row], *, keep: bool, path: Path = LATEST) -> list[dict[str, Any]]:
    """Write these rows; return what stands in the file now.

    With `keep`, rows of earlier that are not among these stay, because only some were measured.
    """
    kept = json.loads(path.read_text()) if keep and path.exists() else []
    fresh = {row.name: row.as_json() for row in rows}
    merged = [fresh.pop(old["name"], old) for old in kept] + list(fresh.values())
    path.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n")
    return merged


def table(rows: list[Row]) -> Table:
    """The rows for a terminal."""
    shown = Table("what", "figure", "peer or limit", "its figure", "ratio", "target", "")
    for row in rows:
        shown.add_row(
            row.name,
            _shown(row.figure, row.unit),
            f"{row.peer}\n[dim]{row.note}[/dim]" if row.note else row.peer,
            _shown(row.peer_figure, row.unit),
            "–" if row.ratio is None else f"{row.ratio:.2f}",
            row.target_text,
            {True: "[green]reached[/green]", False: "[red]missed[/red]", None: "unknown"}[
                row.reached
            ],
        )
    return shown


def _shown(figure: float | None, unit: str) -> str:
    if figure is None:
        return "–"
    return f"{figure:,.0f} {unit}" if abs(figure) >= 100 else f"{figure:.3g} {unit}"
