"""The command's root: which commands there are, and how errors reach a person."""

import logging
import os
import sys

import typer

from ekiden.cli import (
    addresses,
    api_keys,
    backlog,
    batches,
    bucket,
    cost,
    doctor,
    domains,
    failed,
    objects,
    queue,
    replay,
    run,
    sources,
    stats,
    suppressions,
    templates,
    tracking,
    webhooks,
)
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
api_keys.register(app)
templates.register(app)
suppressions.register(app)
addresses.register(app)
batches.register(app)
objects.register(app)
queue.register(app)
backlog.register(app)
failed.register(app)
replay.register(app)
tracking.register(app)
stats.register(app)
webhooks.register(app)
sources.register(app)
bucket.register(app)
cost.register(app)
doctor.register(app)


def main() -> None:
    """Run the command; an error of ours is one line and exit status 1."""
    status: str | int | None = 0
    try:
        app()
    except EkidenError as error:
        print(f"ekiden: {error}", file=sys.stderr)
        status = 1
    except SystemExit as end:
        status = end.code
    _leave(status)


def _leave(status: str | int | None) -> None:
    """End the process. The S3 client has threads that may touch the interpreter while it is taken
    down: of a hundred commands over S3, seven ended as aborted when all was done. So it is not
    taken down then."""
    if "obstore" not in sys.modules or isinstance(status, str):
        sys.exit(status)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)
