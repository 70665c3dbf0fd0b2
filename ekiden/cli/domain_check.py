"""`ekiden domain check`: what the world sees of a Domain, against what it should see."""

from typing import TYPE_CHECKING, Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store

if TYPE_CHECKING:
    from rich.table import Table

    from shared.config import Config
    from shared.domain_check.model import Check

COLOURS = {"ok": "green", "warning": "yellow", "failed": "bold red", "unknown": "magenta"}


def register(domain: typer.Typer) -> None:
    domain.command()(check)


def check(
    name: Annotated[str, typer.Argument(help="The Domain, as in example.com.")],
    port_25: Annotated[
        bool, typer.Option("--port-25/--no-port-25", help="Knock at a mail server outside.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Compare what DNS says about a Domain with what it should say, and print what to publish.

    Exit status 1 if a check failed.
    """
    from shared.domain_check.model import State

    checks = _checked(configuration(config, set_), name.lower(), port_25)
    if json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(checks)).decode())
    else:
        _print(checks)
    if any(each.state is State.FAILED for each in checks):
        raise typer.Exit(1)


def _checked(settings: "Config", name: str, port_25: bool) -> "list[Check]":
    from rich.console import Console

    from shared.domain_check.port_25 import NAME
    from shared.domain_check.run import ALL, check_domain

    only = [each for each in ALL if port_25 or each != NAME]
    with Console(stderr=True).status("looking …"):
        return with_store(settings, lambda store: check_domain(settings, store, name, only))


def _print(checks: "list[Check]") -> None:
    from rich.console import Console

    from shared.domain_check.model import State

    console = Console()
    if console.is_terminal:
        console.print(_table(checks))
    else:
        for each in checks:
            about = f" {each.about}" if each.about else ""
            wanted = "" if each.state is State.OK else f" -> {each.expected}"
            typer.echo(f"{each.state:<8} {each.name}{about}: {each.found}{wanted}")
    records = [record for each in checks if each.state is not State.OK for record in each.paste]
    if records:
        typer.echo(
            "\nPublish in DNS. Other TXT records of a name stay; of SPF, DKIM and DMARC there"
        )
        typer.echo("may be one of a name: the new one takes the place of the old one.\n")
    for record in records:
        typer.echo(f"{record.name}.  IN  {record.type}  {_value(record.type, record.value)}")


def _value(kind: str, value: str) -> str:
    """As a zone file has it (RFC 1035 §5.1)."""
    from shared.dkim_keys import txt_strings

    if kind != "TXT":
        return value
    pieces = [each.replace("\\", "\\\\").replace('"', '\\"') for each in txt_strings(value)]
    return " ".join(f'"{each}"' for each in pieces)


def _table(checks: "list[Check]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from shared.domain_check.model import State

    table = Table("", "check", "found", "expected, and why")
    for each in checks:
        wanted = "" if each.state is State.OK else f"{each.expected}\n{each.why}"
        table.add_row(
            Text(each.state, COLOURS[each.state]),
            Text(f"{each.name}\n{each.about}".rstrip()),
            Text(each.found),
            Text(wanted),
        )
    return table
