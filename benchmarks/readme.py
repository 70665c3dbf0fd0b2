"""Puts the table of latest.json into benchmarks/README.md."""

import re
from pathlib import Path
from typing import Any

README = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- table: python -m benchmarks --readme -->", "<!-- end of table -->"


def update(rows: list[dict[str, Any]]) -> None:
    """Replace what stands between the two marks."""
    text = README.read_text()
    marked = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    filled = f"{_BEGIN}\n{markdown(rows)}\n{_END}"
    README.write_text(marked.sub(lambda _: filled, text))


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows, as written to latest.json, as a table."""
    lines = ["| what | figure | peer or limit | its figure | ratio | target | reached |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [_line(row) for row in rows]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f}"
    reached = {True: "yes", False: "**no**", None: "unknown"}[row["reached"]]
    figures = [_figure(row[name], row["unit"]) for name in ("figure", "peer_figure")]
    cells = [row["name"], figures[0], row["peer"], figures[1], ratio, row["target"], reached]
    return f"| {' | '.join(cells)} |"


def _figure(figure: float | None, unit: str) -> str:
    if figure is None:
        return "–"
    return f"{figure:,.0f} {unit}" if abs(figure) >= 100 else f"{figure:g} {unit}"
