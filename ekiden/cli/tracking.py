"""`ekiden tracking`: what a Domain lets be watched."""

import time
from typing import Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.store.base import Store
from shared.tracking import Level


def register(app: typer.Typer) -> None:
    app.command()(tracking)


def tracking(
    domain: Annotated[str, typer.Argument(help="The Domain.")],
    opens: Annotated[Level | None, typer.Option(help="The ceiling for opens.")] = None,
    links: Annotated[Level | None, typer.Option(help="The ceiling for clicks.")] = None,
    host: Annotated[
        str | None, typer.Option(help="Where its tracked links lead, over https.")
    ] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Sign with a new key.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show or change how closely a Domain may watch opens and clicks."""
    from functions.admin.resources.tracking import TrackingChange, TrackingState, change, state
    from shared import tracking_keys
    from shared.provision import read_domain

    settings = configuration(config, set_)
    wanted = TrackingChange(opens=opens, links=links, host=host)
    public_url = settings.track.public_url

    async def act(store: Store) -> TrackingState:
        if rotate:
            await read_domain(store, domain)  # keys of nobody would lie around for ever
            await tracking_keys.rotate(store, domain, time.time())
        if wanted == TrackingChange():
            return await state(store, domain, public_url)
        return await change(store, domain, wanted, public_url, time.time())

    now = with_store(settings, act)
    typer.echo(f"opens: {now.opens}\nlinks: {now.links}\nlead to: {now.url or '(nowhere)'}")
