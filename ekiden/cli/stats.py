"""`ekiden stats`: what became of the mail, in numbers; and the raw lines for other tools."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import keys
from shared.errors import Misconfigured
from shared.store.base import Store

if TYPE_CHECKING:
    from shared.stats.compact import Compacted
    from shared.stats.export import Exported
    from shared.stats.query import Line, Statistics

SHOWN = (
    *("accepted", "delivered", "deferred", "bounced", "failed", "complained"),
    *("opened", "clicked", "unsubscribed"),
)
"""Columns of the table; `--all` adds the rest."""
WIDTH = 240
"""Where there is no screen."""


class _ShowUnlessTold(TyperGroup):
    """`ekiden stats example.com` is short for `ekiden stats show example.com`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


stats = typer.Typer(cls=_ShowUnlessTold, no_args_is_help=True, help="What became of the mail.")


def register(app: typer.Typer) -> None:
    app.add_typer(stats, name="stats")


@stats.command()
def show(
    domain: Annotated[str, typer.Argument(help="The Domain; `all` for all of them.")],
    since: Annotated[str, typer.Option(help="How far back: 36h, 7d, 4w.")] = "7d",
    grain: Annotated[str, typer.Option(help="hour, day or month.")] = "day",
    by: Annotated[str, typer.Option(help="tag, recipient_domain; for all: domain.")] = "none",
    tag: Annotated[str, typer.Option(help="Only what carries this tag.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Lines at most.")] = 20,
    everything: Annotated[bool, typer.Option("--all", help="All numbers, not the usual.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show a Domain's numbers by the hour, day or month, in UTC."""
    from shared.stats.query import Question, answer
    from shared.stats.ranges import since as span_since

    name = keys.ALL_DOMAINS if domain == "all" else domain
    question = Question(span_since(since, grain, time.time()), by, tag, limit)

    async def ask(store: Store) -> "Statistics":
        if domain != "all":
            from shared.domains import Directory

            await Directory(store, time.time).domain(domain)
        return await answer(store, name, question)

    found = with_store(configuration(config, set_), ask)
    _print(found, everything)


def _print(found: "Statistics", everything: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from shared.stats.counts import KINDS

    kinds = KINDS if everything else SHOWN
    table = Table()
    table.add_column(found.grain if found.by == "none" else found.by, no_wrap=True)
    for kind in kinds:
        table.add_column(kind.replace("_", "\n"), justify="right", overflow="fold")
    if found.by == "none":
        line = found.lines[0]
        for point in line.points:
            counts = [str(getattr(point.counts, kind)) for kind in kinds]
            table.add_row(_short(point.at, found.grain), *counts)
        table.add_section()
    for line in found.lines:
        table.add_row(_named(line, found.by), *(str(getattr(line.total, kind)) for kind in kinds))
    # Whoever reads a file or a pipe does not want numbers that are cut off.
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(table)
    if found.others:
        console.print(f"… and {found.others} smaller ones (--limit).")
    console.print(f"Complete until {found.complete_until or 'nothing was counted yet'}.")


def _short(at: str, grain: str) -> str:
    return {"hour": f"{at[:10]} {at[11:13]}h", "day": at[:10], "month": at[:7]}[grain]


def _named(line: "Line", by: str) -> str:
    return "in all" if by == "none" else line.name or "(none)"


@stats.command()
def compact(config: ConfigFile = "", set_: Settings = None) -> None:
    """Count what is new now, as the sweep does once in each `stats.interval`."""
    settings = configuration(config, set_)

    async def run(store: Store) -> "Compacted":
        from shared.stats.compact import Compacted, Compaction

        compaction = Compaction(store, time.time, settings.stats.interval)
        total = Compacted(behind=True)
        while total.behind:
            done = await compaction.round(at_once=True)
            total.batches += done.batches
            total.outcomes += done.outcomes
            total.events += done.events
            total.behind, total.ran = done.behind, done.ran
        return total

    done = with_store(settings, run)
    typer.echo(
        f"{done.batches} Batches, {done.outcomes} Outcomes, {done.events} events objects counted."
    )
    if not done.ran:
        typer.echo("Another one is counting.")


@stats.command()
def export(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where to.")],
    day: Annotated[
        list[datetime],
        typer.Option(formats=["%Y-%m-%d"], help="The day, of UTC; may be given several times."),
    ],
    domain: Annotated[str, typer.Option(help="Only this Domain's.")] = "",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Write Outcomes and events of a day as gzipped JSON Lines, partitioned by Domain and day."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("objects read"), MofNCompleteColumn())

    async def run(store: Store) -> "Exported":
        from shared.stats.export import Export

        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("", total=None)
            write = Export(store, folder, domain, lambda read: progress.advance(bar, read))
            for each in day:
                try:
                    await write.day(each.replace(tzinfo=UTC).strftime("%Y-%m-%d"))
                except OSError as error:
                    raise Misconfigured(f"{folder} cannot be written to: {error}") from error
        return write.done

    done = with_store(configuration(config, set_), run)
    typer.echo(f"{done.outcomes} Outcomes, {done.events} events written to {folder}.")
