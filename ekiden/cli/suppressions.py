"""`ekiden suppression`: the addresses that a Domain must not write to, one by one or a million."""

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.store.base import Store
from shared.suppressions import REASONS, Suppression, digest

if TYPE_CHECKING:
    from shared.suppressions.importing import Imported

suppression = typer.Typer(no_args_is_help=True, help="Addresses not to write to.")

Name = Annotated[str, typer.Argument(help="The Domain, as in example.com.")]
Email = Annotated[str, typer.Argument(help="The address.")]
_SHOWN_ERRORS = 20
_MOST_LINE_BYTES = 1024 * 1024
"""A longer line is cut, and read as several: a file without line ends must not be held whole."""

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    app.add_typer(suppression, name="suppression")


def _normal(email: str) -> str:
    from shared.address import normal

    address = normal(email)
    if address is None:
        raise typer.BadParameter(f"{email!r} is no mail address")
    return address


def _in_domain(
    config: str, set_: list[str] | None, name: str, act: Callable[[Store], Awaitable[T]]
) -> T:
    """A list for nobody helps nobody: the Domain has to be there. Raises `Unknown`."""
    from shared.provision import read_domain

    async def checked(store: Store) -> T:
        await read_domain(store, name)
        return await act(store)

    return with_store(configuration(config, set_), checked)


@suppression.command()
def add(name: Name, email: Email, config: ConfigFile = "", set_: Settings = None) -> None:
    """Never write to this address again."""
    from shared.suppressions import editing

    entry = Suppression(email=_normal(email), reason="manual", at=time.time())
    _in_domain(config, set_, name, lambda store: editing.add(store, name, entry))


@suppression.command()
def remove(name: Name, email: Email, config: ConfigFile = "", set_: Settings = None) -> None:
    """Write to this address again."""
    from shared.suppressions import editing

    of_address = digest(_normal(email))
    was = _in_domain(config, set_, name, lambda store: editing.remove(store, name, of_address))
    typer.echo("It may be written to again." if was else "It was not suppressed.")


@suppression.command(name="list")
def list_(
    name: Name,
    reason: Annotated[str, typer.Option(help=f"Only with this: {', '.join(REASONS)}.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show who is suppressed, and why; in the order of digests."""
    from shared.suppressions import listing

    if reason not in ("", *REASONS):
        raise typer.BadParameter(f"--reason {reason}: one of {', '.join(REASONS)}")

    async def read(store: Store) -> list[Suppression]:
        found = []
        async for entry in listing.everything(store, name):
            if reason in ("", entry.reason):
                found.append(entry)
            if len(found) > limit:
                break
        return found

    found = _in_domain(config, set_, name, read)
    for entry in found[:limit]:
        typer.echo(f"{entry.email or entry.digest}  {entry.reason}  {entry.delivery}".rstrip())
    if len(found) > limit:
        typer.echo(f"… and more (--limit {limit}); all of them: ekiden suppression export")


@suppression.command(name="import")
def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="email,reason,at")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Suppress all addresses of a CSV file. Who is suppressed already keeps the first reason."""
    from shared.suppressions.compact import compact

    size_bytes = file.stat().st_size

    async def act(store: Store) -> "Imported":
        done = await _import(store, name, file, size_bytes)
        await compact(store, name, time.time)
        return done

    done = _in_domain(config, set_, name, act)
    typer.echo(f"{done.added} added, {done.known} known already, {done.invalid} invalid.")
    for row in done.errors[:_SHOWN_ERRORS]:
        typer.echo(f"line {row.line}: {row.why}", err=True)
    if done.invalid > _SHOWN_ERRORS:
        typer.echo(f"… and {done.invalid - _SHOWN_ERRORS} more lines", err=True)
    if done.invalid:
        raise typer.Exit(1)


async def _import(store: Store, name: str, file: Path, size_bytes: int) -> "Imported":
    from rich.console import Console
    from rich.progress import Progress

    from shared.domains import Directory
    from shared.suppressions import Suppressions
    from shared.suppressions.csv_lines import read
    from shared.suppressions.importing import import_rows

    directory = Directory(store, time.time)
    known = await Suppressions(store, directory).of(name)
    now = time.time()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("suppressing", total=size_bytes)

        def lines() -> Iterator[bytes]:
            with file.open("rb") as text:
                for number, line in enumerate(iter(lambda: text.readline(_MOST_LINE_BYTES), b"")):
                    yield line
                    if number % 10_000 == 0:
                        progress.update(bar, completed=text.tell())

        return await import_rows(store, name, read(lines(), now), known, now)


@suppression.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to; - is the terminal.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Write all of them to a CSV file, as `import` reads it."""
    try:
        _in_domain(config, set_, name, lambda store: _export(store, name, file))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}") from error


async def _export(store: Store, name: str, file: Path) -> None:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    from shared.suppressions import csv_lines, listing

    columns = (SpinnerColumn(), TextColumn("written"), MofNCompleteColumn())
    to_terminal = str(file) == "-"
    out = typer.get_binary_stream("stdout") if to_terminal else file.open("wb")
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("", total=None)
            out.write(csv_lines.head())
            number = 0
            async for entry in listing.everything(store, name):
                out.write(csv_lines.line(entry))
                number += 1
                if number % 1000 == 0:
                    progress.update(bar, completed=number)
    finally:
        out.flush()
        if not to_terminal:
            out.close()
    typer.echo(f"{number} addresses.", err=True)


@suppression.command(name="compact")
def compact_(name: Name, config: ConfigFile = "", set_: Settings = None) -> None:
    """Fold single entries into segments now; the sweep does so once an hour, if there are many."""
    from shared.suppressions.compact import compact

    done = _in_domain(config, set_, name, lambda store: compact(store, name, time.time, 0))
    typer.echo(f"{done.folded} folded; segments: {', '.join(map(str, done.segments)) or 'none'}.")
    if done.waits:
        typer.echo("The rest waits: the index is new, or another compaction runs. Try in a minute.")
