"""`ekiden backlog`: how much is open in front of each stage, and since when."""

import time
from typing import Annotated, NamedTuple

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import keys
from shared.errors import StoreRefused
from shared.store.base import Store, list_all

LONGEST_WATCH_S = 86_400


class Open(NamedTuple):
    """What lies in front of one stage."""

    number: int
    size_bytes: int
    oldest: float
    """When the oldest was put, seconds since 1970; 0 for none."""
    refused: str = ""
    """Why the store did not list it, or not to its end."""


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


async def look(store: Store) -> dict[str, Open]:
    """Stage → what is open; also what waits for a later time, and what failed."""
    places = {stage: prefix for prefix, stage in keys.WORK.items()}
    places |= {"(waiting)": keys.WAITING, "(failed)": keys.FAILED}
    return {name: await _open(store, prefix) for name, prefix in places.items()}


async def _open(store: Store, prefix: str) -> Open:
    count = size_bytes = 0
    oldest = 0.0
    refused = ""
    try:
        async for entry in list_all(store, prefix):
            count += 1
            size_bytes += entry.size_bytes
            oldest = min(oldest or entry.modified, entry.modified)
    except StoreRefused as error:  # one place hides no other
        refused = str(error)
    return Open(count, size_bytes, oldest, refused)


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
