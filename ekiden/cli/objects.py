"""`ekiden show`: any object of the bucket, a Batch or a Delivery, as a person can read it."""

from typing import Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import keys
from shared.codec import unpack
from shared.errors import NotFound
from shared.ids import is_batch_id, parse_delivery
from shared.store.base import Store, list_all


def register(app: typer.Typer) -> None:
    app.command()(show)


def show(
    what: Annotated[str, typer.Argument(help="A key, a prefix ending in /, a Batch, a Delivery.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Print an object of the store as it is, a listing, or what became of a Delivery."""
    for line in with_store(configuration(config, set_), lambda store: _lines(store, what)):
        typer.echo(line)


async def _lines(store: Store, what: str) -> list[str]:
    if is_batch_id(what):
        return await _listing(store, keys.batch_prefix(what))
    place = parse_delivery(what)
    if place is not None:
        prefix = keys.outcomes_of_bag(place[0], place[1])
        found = [entry.key async for entry in list_all(store, prefix)]
        parts = [(await store.get(key)).body.decode() for key in sorted(found)]
        return [line for part in parts for line in part.splitlines() if what in line]
    if what.endswith("/"):
        return await _listing(store, what)
    try:
        body = unpack((await store.get(what)).body)
    except NotFound as error:
        raise NotFound(f"the store has no object {what!r}; a prefix ends in /") from error
    return [body.decode("utf-8", "backslashreplace").rstrip("\n")]


async def _listing(store: Store, prefix: str) -> list[str]:
    return [f"{entry.size_bytes:>10}  {entry.key}" async for entry in list_all(store, prefix)]
