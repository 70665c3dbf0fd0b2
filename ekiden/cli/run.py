"""`ekiden serve`, `ekiden pod`, `ekiden demo`, `ekiden config`."""

import logging
import sys

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(pod)
    app.command()(demo)
    app.command(name="config")(show_config)


def serve(config: ConfigFile = "", set_: Settings = None) -> None:
    """Run every stage in one process, until SIGTERM or Ctrl-C."""
    from ekiden.logs import set_up
    from ekiden.serve import main

    settings = configuration(config, set_)
    set_up(settings.log.level, settings.log.format)
    main(settings)


POD = {
    "services.submit": "off",
    "services.validate": "off",
    "services.dispatch": "off",
    "services.track": "off",
    "services.admin": "off",
    "services.notify": "off",
    "services.submission": "on",
    "services.inbound": "on",
    "metrics.port": "9090",
    "http.port": "0",
}
"""What `ekiden pod` runs unless told otherwise: the parts that need a port, or a connection that
lasts. The others are functions."""


def pod(config: ConfigFile = "", set_: Settings = None) -> None:
    """Run the sender and the SMTP listeners, until SIGTERM or Ctrl-C."""
    from ekiden.logs import set_up
    from ekiden.serve import main

    settings = configuration(config, set_, POD)
    set_up(settings.log.level, settings.log.format)
    main(settings)


def demo(
    recipients: int = typer.Option(
        1000, min=1, max=100_000, help="How many Recipients to make up."
    ),
    keep: bool = typer.Option(False, help="Keep running afterwards, for a try by hand."),
) -> None:
    """Send a Batch to a server of its own that keeps all mail, and show what happened."""
    from ekiden.demo import main

    logging.disable(logging.CRITICAL)
    sys.exit(main(recipients, keep=keep))


def show_config(config: ConfigFile = "", set_: Settings = None) -> None:
    """Show every option, its value and where it comes from. Secrets are hidden."""
    from rich.console import Console
    from rich.table import Table

    from shared.config import describe

    table = Table("option", "value", "from")
    for name, value, source in describe(configuration(config, set_)):
        table.add_row(name, value, source)
    Console().print(table)
