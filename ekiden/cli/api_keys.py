"""`ekiden key`: API keys of a Domain."""

import time
from typing import Annotated

import typer

from ekiden.cli.domains import Name
from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.config_kinds import Duration
from shared.domains import SCOPES, USUAL_SCOPES
from shared.provision import add_api_key, deactivate_api_key

key = typer.Typer(no_args_is_help=True, help="API keys.")


def register(app: typer.Typer) -> None:
    app.add_typer(key, name="key")


@key.command()
def create(
    name: Name,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="send, read or admin; again for another one. Usually send and read."),
    ] = None,
    expires_in: Annotated[str, typer.Option(help="As in 90d; empty: never.")] = "",
    quiet: Annotated[bool, typer.Option(help="Print the key alone.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make an API key. It is shown once; only its hash is kept."""
    scopes = [each for each in SCOPES if each in (scope or USUAL_SCOPES)]
    if wrong := set(scope or ()) - set(SCOPES):
        raise typer.BadParameter(f"{min(wrong)!r}: a scope is one of {', '.join(SCOPES)}")
    now = time.time()
    expires_at = now + float(Duration().parse(expires_in)) if expires_in else 0.0
    shown = with_store(
        configuration(config, set_),
        lambda store: add_api_key(store, name, label, now, expires_at, scopes),
    )
    if not quiet:
        typer.echo("Keep it now, it is not shown again:")
    typer.echo(shown)


@key.command()
def deactivate(
    name: Name,
    key_id: Annotated[str, typer.Argument(help="The part behind ek_.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Refuse an API key from now on."""
    with_store(configuration(config, set_), lambda store: deactivate_api_key(store, name, key_id))
