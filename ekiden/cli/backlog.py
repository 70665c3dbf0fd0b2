"""`ekiden backlog`: how much is open in front of each stage, and since when."""

import time
from typing import Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.backlog import Open, look

LONGEST_WATCH_S = 86_400


def register(app: typer.Typer) -> None:
    app.command()(backlog)


def backlog(
    watch: Annotated[float, typer.Option(help="Look twice, so many seconds apart: the rate.")] = 0,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show how much work is open in front of each stage, its age, and whether it shrinks."""
    if not 0 <= watch <= LONGEST_WATCH_S:  # NaN is neither
        raise typer.BadParameter(f"--watch {watch:g}: 0 to {LONGEST_WATCH_S} seconds")
    settings = configuration(config, set_)
    before = with_store(settings, look) if watch else {}
    if watch:
        time.sleep(watch)
    now = with_store(settings, look)
    _print(now, before, watch)
    if any(each.refused for each in now.values()):
        raise typer.Exit(1)


def _print(now: dict[str, Open], before: dict[str, Open], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "open", "bytes", "oldest", *(["a second"] if before else []))
    for name, each in now.items():
        age = f"{time.time() - each.oldest:.0f} s" if each.oldest else "-"
        rate = [f"{(each.number - before[name].number) / seconds:+.1f}"] if before else []
        number = f"{each.number}, and what was not listed" if each.refused else str(each.number)
        table.add_row(name, number, str(each.size_bytes), age, *rate)
    Console().print(table)
    for name, each in now.items():
        if each.refused:
            Console(stderr=True).print(f"{name}: {each.refused}", style="red", markup=False)
