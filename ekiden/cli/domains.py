"""`ekiden domain`: Domains and their DKIM keys."""

import time
from typing import Annotated, get_args

import typer

from ekiden.cli import domain_check
from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.dkim_stored import Algorithm
from shared.domains import DkimKeys, Domain
from shared.errors import Malformed
from shared.provision import (
    add_dkim_key,
    add_domain,
    change_domain,
    dns_records,
    read_dkim,
    read_domain,
    remove_dkim_key,
    remove_domain,
    sign_with,
)
from shared.store.base import Store

domain = typer.Typer(no_args_is_help=True, help="Domains and their DKIM keys.")

Name = Annotated[str, typer.Argument(help="The Domain, as in example.com.")]


def register(app: typer.Typer) -> None:
    app.add_typer(domain, name="domain")
    domain_check.register(domain)


@domain.command()
def add(
    name: Name,
    ed25519: Annotated[bool, typer.Option(help="Sign with an Ed25519 key as well.")] = False,
    selector: Annotated[str, typer.Option(help="The DKIM selector.")] = "ekiden1",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make a Domain and its DKIM key, and print the DNS records to publish."""
    settings = configuration(config, set_)
    algorithms: list[Algorithm] = ["rsa-sha256", "ed25519-sha256"] if ed25519 else ["rsa-sha256"]
    host = settings.send.return_path_host
    record, dkim = with_store(
        settings,
        lambda store: add_domain(store, name.lower(), algorithms, time.time(), selector, host),
    )
    typer.echo(f"The Domain {record.name} is ready. Publish in DNS:\n")
    _print_records(record, dkim)


def _print_records(record: Domain, dkim: DkimKeys) -> None:
    for kind, where, value in dns_records(record, dkim):
        typer.echo(
            f'{where}.  IN  {kind}  "{value}"'
            if kind == "TXT"
            else f"{where}.  IN  {kind}  {value}"
        )


@domain.command(name="add-dkim")
def add_dkim(
    name: Name,
    selector: Annotated[str, typer.Option(help="The new key's selector.")],
    algorithm: Annotated[str, typer.Option(help="rsa-sha256 or ed25519-sha256.")] = "rsa-sha256",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """First half of a rotation: one more key. Publish its record, then `sign-with` it."""
    from shared.dkim_keys import dns_record, load

    if algorithm not in get_args(Algorithm):
        raise typer.BadParameter(f"{algorithm!r}: rsa-sha256 or ed25519-sha256")
    dkim = with_store(
        configuration(config, set_),
        lambda store: add_dkim_key(store, name, algorithm, selector, time.time()),  # type: ignore[arg-type]
    )
    where, value = dns_record(selector, name, load(dkim.keys[-1]))
    typer.echo(f'{where}.  IN  TXT  "{value}"')


@domain.command(name="sign-with")
def sign_with_(
    name: Name,
    selectors: Annotated[list[str], typer.Argument(help="The selectors that sign from now on.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Second half of a rotation: sign with these keys. The others stay published."""
    dkim = with_store(configuration(config, set_), lambda store: sign_with(store, name, selectors))
    typer.echo(f"{name} signs with {', '.join(dkim.signing)}")


@domain.command(name="forget-dkim")
def forget_dkim(
    name: Name,
    selector: Annotated[str, typer.Argument(help="One that signs no more.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Forget a DKIM key. Keep its record published until its mail has arrived."""
    with_store(configuration(config, set_), lambda store: remove_dkim_key(store, name, selector))
    typer.echo(f"{name} has forgotten {selector}")


@domain.command()
def remove(
    name: Name,
    force: Annotated[bool, typer.Option(help="Also while work is open; that fails.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Delete a Domain's keys and record. What it sent, suppressions and Templates stay."""
    with_store(configuration(config, set_), lambda store: remove_domain(store, name, force=force))
    typer.echo(f"{name} is removed; its suppressions, Templates and Batches stay")


@domain.command()
def dns(name: Name, config: ConfigFile = "", set_: Settings = None) -> None:
    """Print the DNS records to publish once more."""

    async def read(store):  # type: ignore[no-untyped-def]
        from shared.domains import Directory

        record = await Directory(store, time.time).domain(name)
        return record, (await read_dkim(store, name))[0]

    _print_records(*with_store(configuration(config, set_), read))


@domain.command()
def route(
    name: Name,
    routes: Annotated[
        list[str],
        typer.Argument(help="domain=route, as in example.com=smtp://host:25; * is all others."),
    ],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Set which ways this Domain's mail goes, in place of all its routes before. `-` is none."""
    from shared.config_mail import parse_own_route

    try:
        ways = dict(map(parse_own_route, [] if routes == ["-"] else routes))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with_store(configuration(config, set_), lambda store: change_domain(store, name, routes=ways))
    typer.echo(f"{name} has {len(ways)} routes of its own; senders follow within seconds")


@domain.command()
def pools(
    name: Name,
    names: Annotated[list[str], typer.Argument(help="Names of send.pools; the first is usual.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Set which pools of sending addresses this Domain may use. `-` is none."""
    chosen = [] if names == ["-"] else names
    with_store(configuration(config, set_), lambda store: change_domain(store, name, pools=chosen))
    typer.echo(f"{name} sends from {chosen[0] if chosen else 'the default pool'}")


@domain.command()
def receives(
    name: Name,
    addresses: Annotated[
        list[str], typer.Argument(help="Addresses, or @example.com for all of a domain.")
    ],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Set which addresses port 25 takes mail for, besides bounces. `-` is none."""
    chosen = [] if addresses == ["-"] else [each.lower() for each in addresses]
    wrong = [each for each in chosen if each.count("@") != 1 or each.endswith("@")]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r}: write ann@example.com, or @example.com")
    with_store(
        configuration(config, set_), lambda store: change_domain(store, name, receives=chosen)
    )
    typer.echo(f"{name} receives {', '.join(chosen) or 'bounces alone'}")


@domain.command()
def keep(
    name: Name,
    days: Annotated[
        list[str],
        typer.Argument(help="kind=days of batches, events, received, calls, as in batches=30."),
    ],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Set what is kept for a shorter time than by the installation, all at once. `-` is nothing."""
    from shared.domain_retention import wishes
    from shared.domain_retention.wanted import parse_days

    try:
        chosen = parse_days([] if days == ["-"] else days)
    except Malformed as error:
        raise typer.BadParameter(str(error)) from error

    async def change(store: Store) -> None:
        await read_domain(store, name)
        _, etag = await wishes.load(store, name)
        await wishes.keep(store, name, chosen, etag)

    with_store(configuration(config, set_), change)
    shown = ", ".join(f"{kind} for {number} days" for kind, number in chosen.items())
    typer.echo(f"{name} keeps {shown or 'all as the installation does'}")
