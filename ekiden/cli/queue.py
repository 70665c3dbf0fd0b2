"""`ekiden queue`: what the sender is doing, destination by destination, and what is paused."""

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Annotated, Any

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from ekiden.client import ApiUnreachable
from shared import keys
from shared.pauses import pause, read, resume
from shared.store.base import Store, list_all

queue = typer.Typer(
    invoke_without_command=True, help="Destinations: what waits for them; pause and resume."
)

Destination = Annotated[
    str, typer.Argument(help="A recipient's domain, a mail server, or a name above it.")
]
Url = Annotated[
    str, typer.Option("--url", envvar="EKIDEN_SIDE_URL", help="The sender's side port.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(queue, name="queue")


@queue.callback()
def show(
    context: typer.Context,
    url: Url = "http://127.0.0.1:9090",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show every destination of the sender: what waits, how it goes, and what is wrong."""
    if context.invoked_subcommand is not None:
        return
    settings = configuration(config, set_)
    open_bags, held = with_store(settings, _in_the_store)
    paused = with_store(settings, read)
    typer.echo(f"In the store: {open_bags} Bags to be sent; {_summary(held)}.")
    for name, each in sorted(paused.items()):
        typer.echo(f"Paused: {name} ({each.reason or 'paused by an operator'})")
    try:
        states = _states(url)
    except ApiUnreachable as error:
        typer.echo(f"No sender: {error}. Start one with metrics.port set, or name it by --url.")
        raise typer.Exit(1) from error
    _print(states)


@queue.command(name="pause")
def pause_(
    destination: Destination,
    reason: Annotated[str, typer.Option(help="Shown with everything that waits for it.")] = "",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Send nothing there until it is resumed. Mail for it waits, within its retry window."""
    settings = configuration(config, set_)
    with_store(settings, lambda store: pause(store, destination, reason, time.time()))
    typer.echo(f"{destination} is paused; senders obey within seconds")


@queue.command(name="resume")
def resume_(destination: Destination, config: ConfigFile = "", set_: Settings = None) -> None:
    """Send there again. What was held back comes within five minutes."""
    with_store(configuration(config, set_), lambda store: resume(store, destination))
    typer.echo(f"{destination} is not paused")


async def _in_the_store(store: Store) -> tuple[int, Counter[str]]:
    """(Bags in front of `send`, what waits: day and hour → Bags)."""
    bags = len([1 async for _ in list_all(store, keys.DISPATCHED)])
    held: Counter[str] = Counter()
    async for entry in list_all(store, keys.WAITING):
        stamp, _, rest = entry.key.removeprefix(keys.WAITING).partition("/")
        if rest.startswith("send/"):
            held[stamp] += 1
    return bags, held


def _summary(held: Counter[str]) -> str:
    if not held:
        return "none waits for a later time"
    return f"{held.total()} wait for a later time, the first until {min(held)}"


def _states(url: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/queue", timeout=10) as answer:
            states: list[dict[str, Any]] = json.load(answer)
            return states
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ApiUnreachable(f"{url} does not answer: {error}") from error


def _print(states: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        *("destination", "state", "waiting", "in flight", "connections", "a minute", "oldest"),
        "why",
    )
    for each in states:
        rate = each["per_minute"]
        table.add_row(
            Text(each["name"] + (f" from {each['source']}" if each["source"] else "")),
            each["state"],
            str(each["waiting"]),
            str(each["in_flight"]),
            f"{each['connections']} of {each['most_connections']}",
            "no limit" if rate is None else f"{rate:.0f}",
            f"{each['oldest_s']:.0f} s",
            Text(each["why"]),  # a server's words are no markup
        )
    Console().print(table if states else "Nothing is on its way.")
