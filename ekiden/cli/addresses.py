"""`ekiden address`: all data of one address, shown or deleted."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.store.base import Store

if TYPE_CHECKING:
    from shared.one_address.walking import Search

address = typer.Typer(no_args_is_help=True, help="All data of one address: show, delete.")

Name = Annotated[str, typer.Argument(help="The Domain, as in example.com.")]
Email = Annotated[str, typer.Argument(help="The address.")]

T = TypeVar("T")
Told = Callable[[int], None]


def register(app: typer.Typer) -> None:
    app.add_typer(address, name="address")


@address.command()
def export(
    name: Name,
    email: Email,
    output: Annotated[Path | None, typer.Option(help="A file, instead of the terminal.")] = None,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Write all that is on record about an address of the Domain, as JSON.

    There is no index by address: every Batch in the bucket is looked at.
    """
    import msgspec

    from shared.one_address import exporting

    async def act(store: Store) -> bytes:
        found = await _searched(store, name, email, exporting.export)
        return msgspec.json.format(msgspec.json.encode(found), indent=2)

    shown = with_store(configuration(config, set_), act)
    if output is None:
        typer.echo(shown.decode())
    else:
        try:
            output.write_bytes(shown + b"\n")
        except OSError as error:
            raise typer.BadParameter(f"{output} cannot be written: {error.strerror}") from error


@address.command()
def delete(
    name: Name,
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Take an address out of all that is on record. It cannot be brought back.

    What is suppressed stays so, by a digest. Died on the way: do it once more.
    """
    from shared.one_address import deleting

    if not yes:
        typer.confirm(f"Delete all data of {email} at {name}?", abort=True)
    done = with_store(
        configuration(config, set_),
        lambda store: _searched(store, name, email, deleting.delete),
    )
    typer.echo(
        f"{done.looked_at} objects looked at: {done.rewritten} rewritten, {done.deleted} deleted."
    )
    if done.suppressed:
        typer.echo("It stays suppressed; its digest is kept for that, and nothing else.")
    for key in done.open:
        typer.echo(f"still on its way: {key}", err=True)
    if done.open:
        typer.echo("Delete again when that is done (or discard what has failed).", err=True)
        raise typer.Exit(1)


async def _searched(
    store: Store, name: str, email: str, act: "Callable[[Search, Told], Awaitable[T]]"
) -> T:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from shared.domains import Directory
    from shared.one_address.person import Person
    from shared.one_address.walking import Search

    domain = (await Directory(store, time.time).domain(name)).name
    search = Search(store, domain, Person(email))
    columns = (SpinnerColumn(), TextColumn("{task.completed} objects"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=None)
        return await act(search, lambda looked_at: progress.update(bar, completed=looked_at))
