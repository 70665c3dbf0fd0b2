"""The command's root: which commands there are, and how errors reach a person."""

import sys

import typer

from ekiden.cli import backlog, batches, domains, failed, objects, queue, run
from shared.errors import EkidenError

app = typer.Typer(
    name="ekiden",
    help="A self-hosted email sender: every stage is a function, every message is an object.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
run.register(app)
domains.register(app)
batches.register(app)
objects.register(app)
queue.register(app)
backlog.register(app)
failed.register(app)


def main() -> None:
    """Run the command; an error of ours is one line and exit status 1."""
    try:
        app()
    except EkidenError as error:
        print(f"ekiden: {error}", file=sys.stderr)
        sys.exit(1)
