"""`ekiden domain`, `ekiden key`, `ekiden template`, `ekiden suppression`."""

import time
from pathlib import Path
from typing import Annotated, get_args

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import keys, suppressions
from shared.config_kinds import Duration
from shared.dkim_keys import Algorithm
from shared.domains import DkimKeys, Domain, Template
from shared.provision import (
    add_api_key,
    add_dkim_key,
    add_domain,
    change_domain,
    deactivate_api_key,
    dns_records,
    put_template,
    read_dkim,
    sign_with,
)

domain = typer.Typer(no_args_is_help=True, help="Domains and their DKIM keys.")
key = typer.Typer(no_args_is_help=True, help="API keys.")
template = typer.Typer(no_args_is_help=True, help="Stored Templates.")
suppression = typer.Typer(no_args_is_help=True, help="Addresses not to write to.")

Name = Annotated[str, typer.Argument(help="The Domain, as in example.com.")]


def register(app: typer.Typer) -> None:
    app.add_typer(domain, name="domain")
    app.add_typer(key, name="key")
    app.add_typer(template, name="template")
    app.add_typer(suppression, name="suppression")


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


@key.command()
def create(
    name: Name,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires_in: Annotated[str, typer.Option(help="As in 90d; empty: never.")] = "",
    quiet: Annotated[bool, typer.Option(help="Print the key alone.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make an API key. It is shown once; only its hash is kept."""
    now = time.time()
    expires_at = now + float(Duration().parse(expires_in)) if expires_in else 0.0
    shown = with_store(
        configuration(config, set_),
        lambda store: add_api_key(store, name, label, now, expires_at),
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


@template.command()
def put(
    name: Name,
    template_id: Annotated[str, typer.Argument(help="What Batches call it.")],
    subject: Annotated[str, typer.Option()] = "",
    html: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    text: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Store a Template. Batches that were accepted before keep the one they had."""
    from shared.templating import required

    made = Template(
        id=template_id,
        subject=subject,
        html=html.read_text() if html else "",
        text=text.read_text() if text else "",
        updated_at=time.time(),
    )
    needed = sorted(required(made.subject) | required(made.html) | required(made.text))
    with_store(configuration(config, set_), lambda store: put_template(store, name, made))
    typer.echo(f"{template_id} needs the fields: {', '.join(needed) or 'none'}")


@suppression.command(name="add")
def suppress(name: Name, email: str, config: ConfigFile = "", set_: Settings = None) -> None:
    """Never write to this address again."""
    entry = suppressions.Suppression(email=email, reason="manual", at=time.time())
    with_store(configuration(config, set_), lambda store: suppressions.add(store, name, entry))


@suppression.command(name="remove")
def unsuppress(name: Name, email: str, config: ConfigFile = "", set_: Settings = None) -> None:
    """Write to this address again."""
    where = keys.suppression(name, suppressions.digest(email))
    with_store(configuration(config, set_), lambda store: store.delete(where))
