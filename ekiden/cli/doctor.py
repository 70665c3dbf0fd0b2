"""`ekiden doctor`: is everything all right?"""

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ekiden.doctor.finding import Finding, Result
    from shared.config import Config

CLOSE_WITHIN_S = 5.0
COLOURS = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    only: Annotated[
        list[str] | None, typer.Option(help="Only this check; repeat for more.")
    ] = None,
    smtp: Annotated[str, typer.Option(help="HOST or HOST:PORT: knock there to see port 25.")] = "",
    within: Annotated[float, typer.Option(help="Seconds that a check may take, at most.")] = 60,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Look at the store, its set-up, DNS, the way out, certificates, work and functions.

    Exit status 1 if a check failed.
    """
    settings = configuration(config, set_)
    results = _examined(settings, _known(only or []), smtp, within)
    if json:
        _print_json(results)
    else:
        _print_table(results)
    if any(result.failed for result in results):
        raise typer.Exit(1)


def _known(names: list[str]) -> list[str]:
    from ekiden.doctor.checks import CHECKS

    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"--only {name}: the checks are {', '.join(known)}")
    return names


def _examined(settings: "Config", only: list[str], smtp: str, within_s: float) -> "list[Result]":
    from rich.console import Console

    from ekiden.doctor.checks import CHECKS
    from ekiden.doctor.examine import examine
    from ekiden.doctor.finding import Scene
    from ekiden.doctor.way_out import parse_server
    from shared.store import open_store

    if smtp:
        parse_server(smtp)  # refused before anything is looked at

    async def run() -> "list[Result]":
        store = open_store(settings.store.url)
        try:
            return await examine(Scene(settings, store, time.time, smtp), CHECKS, only, within_s)
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(store.close(), CLOSE_WITHIN_S)

    with Console(stderr=True).status("looking …"):
        return asyncio.run(run())


def _rows(results: "list[Result]") -> "Iterator[tuple[str, Finding]]":
    for result in results:
        for finding in result.findings:
            yield result.check, finding


def _print_json(results: "list[Result]") -> None:
    import msgspec

    rows: list[dict[str, Any]] = [
        {"check": check, **msgspec.to_builtins(finding)} for check, finding in _rows(results)
    ]
    typer.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())


def _print_table(results: "list[Result]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for check, finding in _rows(results):
            advice = f" -> {finding.advice}" if finding.advice else ""
            typer.echo(f"{finding.state:<8} {check}: {finding.seen}{advice}")
        return
    table = Table("", "check", "seen", "what to do")
    for check, finding in _rows(results):
        state = Text(finding.state, COLOURS[finding.state])
        table.add_row(state, check, Text(finding.seen), Text(finding.advice))
    console.print(table)
